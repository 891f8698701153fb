//! CPU time of one call on the published run-time problems, one JSON object a line; run from the root of the project.
//!
//! `cargo run --release -p likely-methods --example curved_times [PREFIX]` measures the cases whose name starts so.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]
#![expect(clippy::unwrap_used, reason = "a measurement that cannot be set up should stop there")]

use likely_core::{Counted, Ends, Geometry, Potential, Seed};
use likely_methods::{Density, Interpolator, Scene, Solution, find, ignore_steps};
use ndarray::Array2;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{Duration, Instant};

const WEIGHTS: [f64; 3] = [0.284_830_361_604_690_55, 0.534_685_909_748_077_4, 0.180_483_788_251_876_83];

/// Name of the data, kind and configuration of the geometry.
const CASES: &[(&str, &str, &str)] = &[
    ("sphere-2", "sphere", "dim = 2"),
    ("sphere-3", "sphere", "dim = 3"),
    ("sphere-5", "sphere", "dim = 5"),
    ("sphere-10", "sphere", "dim = 10"),
    ("sphere-20", "sphere", "dim = 20"),
    ("sphere-50", "sphere", "dim = 50"),
    ("sphere-100", "sphere", "dim = 100"),
    ("sphere-250", "sphere", "dim = 250"),
    ("sphere-500", "sphere", "dim = 500"),
    ("sphere-1000", "sphere", "dim = 1000"),
    ("ellipsoid-2", "ellipsoid", "dim = 2"),
    ("ellipsoid-10", "ellipsoid", "dim = 10"),
    ("ellipsoid-20", "ellipsoid", "dim = 20"),
    ("ellipsoid-50", "ellipsoid", "dim = 50"),
    ("ellipsoid-100", "ellipsoid", "dim = 100"),
    ("ellipsoid-250", "ellipsoid", "dim = 250"),
    ("ellipsoid-1000", "ellipsoid", "dim = 1000"),
    ("spdn-2", "spd-frobenius", "n = 2"),
    ("spdn-3", "spd-frobenius", "n = 3"),
    ("t2-2", "torus", ""),
    ("gaussian-2", "fisher-rao", "family = \"gaussian\"\nform = \"released\""),
    ("cauchy-2", "fisher-rao", "family = \"cauchy\"\nform = \"released\""),
    ("frechet-2", "fisher-rao", "family = \"frechet\"\nform = \"released\""),
    ("pareto-2", "fisher-rao", "family = \"pareto\"\nform = \"released\""),
];

/// Method, configuration and what sets it apart.
const SOLVERS: &[(&str, &str, &str)] = &[
    ("prob-georce", "", "line-search"),
    ("prob-georce", "reduction = \"off\"", "line-search, whole space"),
    ("prob-georce", "line-search = { adaptive = { rate = 0.01 } }", "adaptive"),
    ("prob-georce-accelerated", "", "accelerated"),
    ("prob-georce", "weight = { relative = 0.0 }", "lambda 0"),
];

fn npy(path: &str) -> Array2<f64> {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let header = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let values: Vec<f64> = bytes[header..]
        .chunks_exact(4)
        .map(|b| f64::from(f32::from_le_bytes(b.try_into().unwrap())))
        .collect();
    let rows = if path.ends_with("ends.npy") { 2 } else { 3 };
    Array2::from_shape_vec((rows, values.len() / rows), values).unwrap()
}

fn solve(
    method: &dyn Interpolator,
    geometry: &dyn Geometry,
    potential: &dyn Potential,
    ends: &Array2<f64>,
    segments: usize,
) -> Solution {
    let scene = Scene { geometry, density: Some(Density::Potential(potential)), typical: None };
    let ends = Ends::new(ends.row(0), ends.row(1), NonZeroUsize::new(segments).unwrap()).unwrap();
    method.interpolate(&scene, &ends, &mut Seed::new(0).stream(&[]), &mut ignore_steps).unwrap()
}

/// Smallest CPU time of one call over batches of at least 20 ms, for `seconds`.
fn fastest(seconds: f64, mut call: impl FnMut()) -> f64 {
    let mut reps = 1_u32;
    loop {
        let start = cpu_time::ThreadTime::now();
        (0..reps).for_each(|_| call());
        if start.elapsed() > Duration::from_millis(20) {
            break;
        }
        reps *= 4;
    }
    let (mut best, begin) = (f64::INFINITY, Instant::now());
    while begin.elapsed().as_secs_f64() < seconds {
        let cpu = cpu_time::ThreadTime::now();
        (0..reps).for_each(|_| call());
        best = best.min(cpu.elapsed().as_secs_f64() / f64::from(reps));
    }
    best
}

fn main() {
    let prefix = std::env::args().nth(1).unwrap_or_default();
    let segments = std::env::args().nth(2).map_or(100, |text| text.parse().unwrap());
    for (name, kind, config) in CASES.iter().filter(|(name, ..)| name.starts_with(&prefix)) {
        let config = toml::de::DeTable::parse(config).unwrap();
        let geometry = (likely_geometries::find(kind).unwrap().build)(config).unwrap().geometry;
        let ends = npy(&format!("experiments/data/runtime/{name}-ends.npy"));
        let centres = npy(&format!("experiments/data/runtime/{name}-centres.npy"));
        let rows: Vec<Vec<f64>> = centres.rows().into_iter().map(|row| row.to_vec()).collect();
        let text = format!("weights = {WEIGHTS:?}\ncentres = {rows:?}");
        let resources = likely_models::Resources {
            points: None,
            seed: Seed::new(0),
            folder: Path::new("."),
            device: likely_models::OpenDevice::cpu(),
        };
        let model = (likely_models::find("gaussian-average").unwrap().build)(
            toml::de::DeTable::parse(&text).unwrap(),
            &resources,
        )
        .unwrap()
        .potential;
        for (id, config, label) in SOLVERS {
            let config = toml::de::DeTable::parse(config).unwrap();
            let method = (find(id).unwrap().build)(config).unwrap().interpolator;
            let counted = Counted::new(&*model);
            let solution = solve(&*method, &*geometry, &counted, &ends, segments);
            let cpu_s = fastest(0.15, || {
                drop(std::hint::black_box(solve(&*method, &*geometry, &*model, &ends, segments)));
            });
            println!(
                "{}",
                serde_json::json!({
                    "case": name, "method": label, "cpu_s": cpu_s, "segments": segments,
                    "iterations": solution.iterations, "stop": solution.stop.kind().id(),
                    "evaluations": counted.evaluations().total(),
                })
            );
        }
    }
}
