//! CPU time of distances between the sets of features in two `.npy` files, on one thread, as JSON objects: the smallest of several.
//!
//!     side_by_side_distances CASE REAL.npy FAKE.npy [SUBSETS.npy]
//!
//! Cases: `statistics` (reading of both files included), `frechet` (of the features where there are few, else of their statistics) and
//! `kernel` and `kernel-double` (of the subsets in the third file: rows of numbers of rows, in turn of the real and of the fake set). `statistics-once` does the
//! first once, for its peak memory. `scripts/side_by_side_distances.py` calls it.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]
#![expect(clippy::unwrap_used, reason = "a measurement that cannot be set up should stop there")]

use likely_metrics::distances::{FeatureSet, Precision, frechet_distance, kernel_distance_of_subset};
use std::hint::black_box;
use std::path::Path;

/// The smallest CPU time of a call, over at most `times` calls or three seconds.
fn fastest<T>(times: u32, mut call: impl FnMut() -> T) -> (f64, T) {
    let (mut best, mut spent, mut last) = (f64::INFINITY, 0.0, None);
    for _ in 0..times {
        let begin = cpu_time::ProcessTime::now();
        last = Some(black_box(call()));
        let took = begin.elapsed().as_secs_f64();
        best = best.min(took);
        spent += took;
        if spent > 3.0 {
            break;
        }
    }
    (best, last.unwrap())
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [case, real, fake, rest @ ..] = &arguments[..] else {
        panic!("CASE REAL.npy FAKE.npy [SUBSETS.npy]")
    };
    let read = |path: &str, keep| FeatureSet::read(Path::new(path), keep).unwrap();
    let trace = |set: &FeatureSet| set.statistics().unwrap().covariance().diag().sum();
    let line = match case.as_str() {
        "statistics" => {
            let (cpu_s, sets) = fastest(5, || {
                let sets = [read(real, false), read(fake, false)];
                black_box(sets.each_ref().map(trace));
                sets
            });
            let corner = sets[0].statistics().unwrap().covariance()[(0, 1)];
            serde_json::json!({ "cpu_s": cpu_s, "value": [trace(&sets[0]), trace(&sets[1]), corner] })
        }
        "statistics-once" => {
            let sets = [read(real, false), read(fake, false)];
            serde_json::json!({ "value": [trace(&sets[0]), trace(&sets[1])] })
        }
        "frechet" => {
            let (real, fake) = (read(real, false), read(fake, false));
            let (cpu_s, found) = fastest(10, || frechet_distance(&real, &fake).unwrap());
            serde_json::json!({ "cpu_s": cpu_s, "value": found.value, "route": found.route })
        }
        "kernel" | "kernel-double" => {
            let precision = if case == "kernel" { Precision::Single } else { Precision::Double };
            let (real, fake) = (read(real, true), read(fake, true));
            let subsets = FeatureSet::read(Path::new(&rest[0]), true).unwrap();
            let rows: Vec<Vec<usize>> = subsets
                .rows()
                .unwrap()
                .rows()
                .into_iter()
                .map(|row| row.iter().map(|&row| row as usize).collect())
                .collect();
            let (x, y) = (real.rows().unwrap(), fake.rows().unwrap());
            let (cpu_s, values) = fastest(5, || {
                let pairs = rows.chunks_exact(2);
                let value = |pair: &[Vec<usize>]| {
                    kernel_distance_of_subset(x, y, [&pair[0], &pair[1]], precision).unwrap()
                };
                pairs.map(value).collect::<Vec<f64>>()
            });
            serde_json::json!({ "cpu_s": cpu_s, "value": values })
        }
        other => panic!("there is no case {other}"),
    };
    println!("{line}");
}
