//! CPU time of means of 100 points on spheres, the reference data, as JSON objects: the smallest of many batches.
//!
//! `mean-sphere-2` is the intrinsic mean, the others are means of curves of 100 segments, at the tolerances of the references.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]
#![expect(clippy::unwrap_used, reason = "a measurement that cannot be set up should stop there")]

use likely_geometries::Sphere;
use likely_studies::means::{MeanLimits, MeanProblem, MeanSearch, MeanWeight, karcher_mean};
use ndarray::Array2;
use serde_json::Value;
use std::hint::black_box;
use std::ops::ControlFlow;

fn points(case: &Value) -> Array2<f64> {
    let rows: Vec<Vec<f64>> = serde_json::from_value(case["points"].clone()).unwrap();
    Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).unwrap()
}

/// The smallest CPU time of one call over `batches` batches of `size` calls.
fn fastest(batches: u32, size: u32, mut call: impl FnMut()) -> f64 {
    let batch = |_| {
        let begin = cpu_time::ThreadTime::now();
        (0..size).for_each(|_| call());
        begin.elapsed().as_secs_f64() / f64::from(size)
    };
    (0..batches).map(batch).fold(f64::INFINITY, f64::min)
}

fn main() {
    let golden: Value = serde_json::from_str(include_str!("../tests/golden/means.json")).unwrap();
    let known = golden["means"].as_array().unwrap();
    let two = points(known.iter().find(|case| case["id"] == "fm_sphere2_K100").unwrap());
    let ten = points(&golden["sphere10"]);
    let (small, large) = (Sphere::new(2).unwrap(), Sphere::new(10).unwrap());
    let intrinsic = fastest(200, 20, || {
        black_box(karcher_mean(&small, two.view(), None, 1e-10, 100).unwrap());
    });
    println!("{}", serde_json::json!({ "case": "mean-sphere-2", "cpu_s": intrinsic }));
    for (case, geometry, points, tolerance) in
        [("mean-curves-sphere-2", &small, &two, 1e-9), ("mean-curves-sphere-10", &large, &ten, 1e-4)]
    {
        let problem = MeanProblem {
            geometry,
            density: None,
            points: points.view(),
            weights: None,
            segments: 100,
            weight: MeanWeight::Absolute(0.0),
            at_mean: false,
        };
        for (name, search) in [("", MeanSearch::default()), ("-armijo", MeanSearch::Armijo)] {
            let limits = MeanLimits { tolerance, ..MeanLimits::default() };
            let solve = || problem.solve(search, limits, &mut |_, _| ControlFlow::Continue(())).unwrap();
            let iterations = solve().iterations;
            let cpu_s = fastest(40, 1, || drop(black_box(solve())));
            let case = format!("{case}{name}");
            println!("{}", serde_json::json!({ "case": case, "cpu_s": cpu_s, "iterations": iterations }));
        }
    }
}
