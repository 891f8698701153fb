//! Traces of methods against what the methods themselves say.

use crate::densities::{ask, bowl, number, refusal, spring, study};
use likely_core::{Counted, Ends, Euclidean, Potential, Seed};
use likely_methods::{Density, Scene};
use ndarray::array;
use std::num::NonZeroUsize;

const N: usize = 10;
const CONFIG: &str = r#"
methods = [
    { kind = "prob-georce", label = "published", config = { weight = { absolute = 0.3 }, tolerance = 1e-9 } },
    { kind = "prob-georce-accelerated", config = { weight = { absolute = 0.3 }, tolerance = 1e-9 } },
    { kind = "prob-georce", label = "adaptive", config = { weight = { absolute = 0.3 }, line-search = { adaptive = {} }, max-iterations = 40 } },
]
"#;

#[test]
fn traces_hold_every_iteration_of_each_method_and_the_best_is_the_minimum() {
    let potential = bowl(vec![0.0, 1.5], 1.0, 1.0);
    let ends: [&[f64]; 2] = [&[-1.0, 0.0], &[1.0, 0.0]];
    let findings =
        ask(&*study("optimiser-traces", CONFIG), &Euclidean::new(2), &potential, None, ends, N).unwrap();
    // The minimum from linear systems.
    let x = [vec![-1.0], spring(-1.0, 1.0, 0.0, 0.3, N), vec![1.0]].concat();
    let y = [vec![0.0], spring(0.0, 0.0, 1.5, 0.3, N), vec![0.0]].concat();
    let energy: f64 = (0..N).map(|i| (x[i + 1] - x[i]).powi(2) + (y[i + 1] - y[i]).powi(2)).sum();
    let total: f64 = (1..N).map(|i| 1.0 + 0.5 * (x[i].powi(2) + (y[i] - 1.5).powi(2))).sum();
    let minimum = energy + 0.3 * total;
    let best = number(&findings, "best-regularised-energy");
    assert!((best - minimum).abs() < 1e-12 * minimum, "{best}, expected {minimum}");

    let labels: Vec<&str> = findings.series.iter().map(|series| series.label.as_str()).collect();
    assert_eq!(labels, ["published", "prob-georce-accelerated", "adaptive"]);
    let mut iterations = 0;
    for (series, id, config) in [
        (&findings.series[0], "prob-georce", "weight = { absolute = 0.3 }\ntolerance = 1e-9"),
        (&findings.series[1], "prob-georce-accelerated", "weight = { absolute = 0.3 }\ntolerance = 1e-9"),
    ] {
        let counted = Counted::new(&potential);
        let flat = Euclidean::new(2);
        let scene = Scene { geometry: &flat, density: Some(Density::Potential(&counted)), typical: None };
        let (a, b) = (array![-1.0, 0.0], array![1.0, 0.0]);
        let ends = Ends::new(a.view(), b.view(), NonZeroUsize::new(N).unwrap()).unwrap();
        let mut expected = Vec::new();
        let built =
            (likely_methods::find(id).unwrap().build)(toml::de::DeTable::parse(config).unwrap()).unwrap();
        let mut rng = Seed::new(9).stream(&[]);
        let solution = built.interpolator.interpolate(&scene, &ends, &mut rng, &mut |step| {
            let evaluations = counted.evaluations().total() as f64;
            expected.push([evaluations, step.regularised_energy.unwrap() - minimum, step.grad_norm_l2]);
            std::ops::ControlFlow::Continue(())
        });
        assert_eq!(series.values.nrows(), solution.unwrap().iterations as usize, "{id}");
        iterations += series.values.nrows() as u64;
        for (row, expected) in series.values.rows().into_iter().zip(&expected) {
            assert!((row[0] - expected[0]).abs() < 0.5, "{id}: {row}");
            assert!(
                (row[1] - expected[1]).abs() < 1e-12 && (row[2] - expected[2]).abs() < 1e-12,
                "{id}: {row}"
            );
        }
        assert!(series.values[[series.values.nrows() - 1, 2]] <= 1e-9);
    }
    // A method without values of its own has the energy of its last curve alone.
    let adaptive = &findings.series[2].values;
    assert_eq!(adaptive.nrows(), 40);
    assert!(adaptive.column(1).iter().take(39).all(|value| value.is_nan()));
    assert!(adaptive[[39, 1]] > 0.0 && adaptive[[39, 1]] < 1.0);
    assert_eq!(findings.iterations, iterations + 40);
}

#[test]
fn a_long_run_is_thinned_and_keeps_its_end() {
    let potential = bowl(vec![0.0, 1.5], 1.0, 1.0);
    let config = r#"methods = [{ kind = "prob-georce", config = { weight = { absolute = 0.3 }, line-search = { adaptive = { rate = 1e-3 } }, max-iterations = 9001, tolerance = 0.0 } }]"#;
    let ends: [&[f64]; 2] = [&[-1.0, 0.0], &[1.0, 0.0]];
    let findings =
        ask(&*study("optimiser-traces", config), &Euclidean::new(2), &potential, None, ends, N).unwrap();
    let values = &findings.series[0].values;
    assert!(values.nrows() > 2000 && values.nrows() <= 4096, "{}", values.nrows());
    // One evaluation of all interior points at the start and one an iteration.
    let evaluations = |iterations: f64| (N - 1) as f64 * (1.0 + iterations);
    let spacing = values[[1, 0]] - values[[0, 0]];
    assert!((spacing - 4.0 * (N - 1) as f64).abs() < 0.5, "{spacing}");
    let last = values[[values.nrows() - 1, 0]];
    assert!((last - evaluations(9001.0)).abs() < 0.5, "{last}");
}

#[test]
fn methods_that_cannot_be_compared_are_refused() {
    let potential = bowl(vec![0.0, 1.5], 1.0, 1.0);
    let config = r#"methods = [
        { kind = "prob-georce", config = { weight = { absolute = 0.3 } } },
        { kind = "prob-georce-accelerated", config = { weight = { absolute = 0.4 } } },
    ]"#;
    let ends: [&[f64]; 2] = [&[-1.0, 0.0], &[1.0, 0.0]];
    let error =
        ask(&*study("optimiser-traces", config), &Euclidean::new(2), &potential, None, ends, N).unwrap_err();
    assert!(error.to_string().contains("0.3") && error.to_string().contains("0.4"), "{error}");
    for (config, words) in [
        ("methods = []", "1..=32"),
        (r#"methods = [{ kind = "gradient-descent" }]"#, "prob-georce-accelerated"),
        (r#"methods = [{ kind = "linear" }]"#, "no weight"),
        (r#"methods = [{ kind = "prob-georce" }, { kind = "prob-georce" }]"#, "twice"),
        (r#"methods = [{ kind = "prob-georce", config = { tolerance = -1.0 } }]"#, "not negative"),
        (r#"methods = [{ kind = "prob-georce", lambda = 2.0 }]"#, "unknown field"),
    ] {
        let refusal = refusal("optimiser-traces", config);
        assert!(refusal.contains(words), "{config}: {refusal}");
    }
    assert_eq!(potential.dim(), 2);
}
