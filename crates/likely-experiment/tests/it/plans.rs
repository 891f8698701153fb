//! Plans: which cells, from which numbers, under which identity.

use crate::support::{Place, SMALL, options, small_with};
use likely_experiment::{Plan, Tier};
use std::collections::BTreeSet;

fn print_me() {
    let place = Place::new();
    println!("{}", place.plan(SMALL, Tier::Full).resolved_spec());
}

#[test]
fn show() {
    print_me();
}
