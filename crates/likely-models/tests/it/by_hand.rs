//! Gradients of trainings that are written by hand, against candle's graph.

use crate::support::objective;
use likely_core::Seed;
use likely_networks::training::{Points, Settings, Training};
use ndarray::Array2;
use rand::Rng;
use rand_distr::StandardNormal;
use std::ops::ControlFlow;

#[test]
fn gradients_by_hand_are_those_of_the_graph_over_a_training() {
    let mut stream = Seed::new(3).stream(&[("test", "by-hand")]);
    let points = Array2::from_shape_simple_fn((300, 2), || stream.sample::<f64, _>(StandardNormal));
    let settings =
        "seed = 4\nbatch = 128\nsteps = 40\noptimiser = \"adam\"\nlearning-rate = 0.003\nclip = 1.0";
    let settings: Settings = toml::from_str(settings).unwrap();
    let mut compared = 0;
    for id in ["autoregressive", "energy-network"] {
        let objective = objective(id, "", 2).unwrap().built;
        let mut training =
            Training::new(objective.as_ref(), &Points::Set(points.view()), &settings, None).unwrap();
        let mut state = training.begin().unwrap();
        // The last batch of an epoch, of 44 points, is among these.
        for index in [1, 2, 20, 39] {
            training
                .run(&mut state, &mut |state, _| {
                    if state.step() < index { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
                })
                .unwrap();
            let [hand, graph] = training.both_gradients(state.parameters(), index).unwrap().unwrap();
            assert!((hand.0 - graph.0).abs() < 1e-5 * (1.0 + graph.0.abs()), "{id}, step {index}");
            // The parts of the data and of the samples cancel; rounding is of the size of either.
            let largest = graph.1.iter().fold(0.05_f32, |most, g| most.max(g.abs()));
            for (ours, theirs) in hand.1.iter().zip(&graph.1) {
                assert!((ours - theirs).abs() < 2e-5 * largest, "{id}, step {index}: {ours} {theirs}");
            }
            compared += hand.1.len();
        }
    }
    assert_eq!(compared, 4 * (8580 + 2 * 128 + 128 + 128 * 128 + 128 + 128 + 1));
}
