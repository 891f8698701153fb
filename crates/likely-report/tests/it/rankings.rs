//! Where a method stands: a method without a number has no place, and nothing is better than it for that.

use crate::scene::{Cell, LIKELIHOOD, Outcome, Scene, presentation, ran, scene};
use likely_record::{Axis, ClaimRecord, ClaimRole, RankingRecord};
use likely_report::write_run;
use std::fs;

fn ranking() -> RankingRecord {
    RankingRecord {
        id: "standing".to_owned(),
        title: "Is ours the likeliest?".to_owned(),
        method: "Ours".to_owned(),
        lambda: Some(20.0),
        metric: LIKELIHOOD.to_owned(),
        methods: Vec::new(),
        rows: vec![Axis::Model],
        decimals: Some(2),
    }
}

fn cell(model: &'static str, method: &'static str, lambda: Option<f64>, value: f64) -> Cell {
    ran(model, method, lambda, "0", [value, 1.0, 10.0], true)
}

fn failed(model: &'static str, method: &'static str) -> Cell {
    Cell { model, method, lambda: None, pair: "0", outcome: Outcome::Failed("no metric there") }
}

fn claim(model: &str, method: &str, lambda: Option<f64>, value: Option<f64>) -> ClaimRecord {
    ClaimRecord {
        model: model.to_owned(),
        method: method.to_owned(),
        lambda,
        pair: None,
        metric: LIKELIHOOD.to_owned(),
        value,
        tolerance: 0.0,
        role: ClaimRole::Compare,
        place: "a paper".to_owned(),
        deviation: None,
    }
}

fn made() -> Scene {
    let cells = [
        // First: another weight of its own is not held against it, nor is what failed.
        cell("A", "Ours", Some(1.0), 5.0),
        cell("A", "Ours", Some(20.0), 3.0),
        cell("A", "Straight", None, 2.0),
        failed("A", "Curved"),
        // Second, and as good as a third.
        cell("B", "Ours", Some(20.0), -1.0),
        cell("B", "Straight", None, 0.5),
        cell("B", "Curved", None, -1.0 - 1e-12),
        // Without a number.
        Cell { lambda: Some(20.0), ..failed("C", "Ours") },
        cell("C", "Straight", None, 0.0),
    ];
    let mut presentation = presentation(Vec::new(), Vec::new());
    presentation.rankings = vec![ranking()];
    presentation.claims = vec![
        claim("A", "Ours", Some(20.0), Some(4.0)),
        claim("A", "Straight", None, Some(1.0)),
        claim("A", "Curved", None, None),
        claim("B", "Ours", Some(20.0), Some(1.0)),
        claim("B", "Straight", None, Some(2.0)),
        ClaimRecord { place: "predicted: here".to_owned(), ..claim("B", "Curved", None, Some(9.0)) },
    ];
    scene(&cells, presentation)
}

#[test]
fn places_ties_and_absences_are_told_apart() {
    let scene = made();
    write_run(&scene.run, &[]).unwrap();
    let file = |name: &str| fs::read_to_string(scene.run.path.join(name)).unwrap();
    let text = file("tables/standing.md");
    for line in [
        "| A | 3.00 | 1 of 2 | Straight | 2.00 | 1 of 2 | 1 |",
        "| B | -1.00 | 2= of 3 | Straight | 0.50 | 2 of 2 | 0 |",
        "| C | – | – | Straight | 0.00 | – | 1 |",
        "of all in 1 of 3 rows.",
        "Not in B: it is 2= of 3, and the highest of the others has Straight.",
        "Not in C: it has no number.",
        "By the published numbers it has it in 1 of 2.",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    assert!(file("report.html").contains("Is ours the likeliest?"));
    assert!(file("tables/standing.tex").contains("Ours"));
}
