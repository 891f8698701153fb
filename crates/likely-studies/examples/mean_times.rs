//! Time of the intrinsic mean of 100 points on the 2-sphere, the reference data, as one JSON object: the smallest of 200 batches.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]
#![expect(clippy::unwrap_used, reason = "a measurement that cannot be set up should stop there")]

use likely_geometries::Sphere;
use likely_studies::means::karcher_mean;
use ndarray::Array2;
use std::hint::black_box;
use std::time::Instant;

fn main() {
    let golden: serde_json::Value = serde_json::from_str(include_str!("../tests/golden/means.json")).unwrap();
    let known = golden["means"].as_array().unwrap();
    let case = known.iter().find(|case| case["id"] == "fm_sphere2_K100").unwrap();
    let rows: Vec<Vec<f64>> = serde_json::from_value(case["points"].clone()).unwrap();
    let points = Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).unwrap();
    let sphere = Sphere::new(points.ncols()).unwrap();
    let mut best = f64::INFINITY;
    for _ in 0..200 {
        let begin = Instant::now();
        for _ in 0..20 {
            black_box(karcher_mean(&sphere, points.view(), None, 1e-10, 100).unwrap());
        }
        best = best.min(begin.elapsed().as_secs_f64() / 20.0);
    }
    println!("{}", serde_json::json!({ "case": "mean-sphere-2", "cpu_s": best }));
}
