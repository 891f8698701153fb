//! CPU time of one call on curved backgrounds, one JSON object a line; run from the root of the project.
//!
//! `cargo run --release -p likely-methods --example side_by_side_curved [PREFIX]` measures the cases whose name starts so;
//! `... once NAME` solves that case once and says nothing else, to time a cold process and its memory.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]
#![expect(clippy::unwrap_used, reason = "a measurement that cannot be set up should stop there")]

use likely_core::{Ends, Geometry, Potential, Seed};
use likely_geometries::{PullBack, Sphere, SphereChart};
use likely_methods::{Density, Scene, Solution, find, ignore_steps};
use ndarray::{Array1, Array2, ArrayView1};
use serde_json::{Value, json};
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{Duration, Instant};

const ADAPTIVE: &str = "line-search = { adaptive = { rate = 0.01 } }";
const WHOLE: &str = "reduction = \"off\"";
const SHORTEST: &str = "weight = { relative = 0.0 }";
const FROZEN: &str = "gradient = \"frozen\"";

/// Name, problem of the run-time study, method, its configuration.
const SOLVED: &[(&str, &str, &str, &str)] = &[
    ("sphere-2", "sphere2", "prob-georce", ""),
    ("sphere-10", "sphere10", "prob-georce", ""),
    ("sphere-10-whole", "sphere10", "prob-georce", WHOLE),
    ("sphere-100", "sphere100", "prob-georce", ""),
    ("sphere-100-whole", "sphere100", "prob-georce", WHOLE),
    ("sphere-1000", "sphere-1000", "prob-georce", ""),
    ("sphere-1000-whole", "sphere-1000", "prob-georce", WHOLE),
    ("sphere-10-lambda-20", "sphere10", "prob-georce", "weight = { relative = 20.0 }"),
    ("ellipsoid-10", "ellipsoid10", "prob-georce", ""),
    ("ellipsoid-100", "ellipsoid100", "prob-georce", ""),
    ("paraboloid-10", "paraboloid10", "prob-georce", ""),
    ("gaussian", "gaussian", "prob-georce", ""),
    ("cauchy", "cauchy", "prob-georce", ""),
    ("pareto", "pareto", "prob-georce", ""),
    ("frechet", "frechet", "prob-georce", ""),
    ("hyppar", "hyppar", "prob-georce", ""),
    ("t2", "t2", "prob-georce", ""),
    ("spd2", "spd2", "prob-georce", ""),
    ("spd3", "spd3", "prob-georce", ""),
    ("pull-back-10", "sphere10", "prob-georce", ""),
    ("pull-back-100", "sphere100", "prob-georce", ""),
    ("adaptive-sphere-2", "sphere2", "prob-georce", ADAPTIVE),
    ("adaptive-sphere-10", "sphere10", "prob-georce", ADAPTIVE),
    ("adaptive-sphere-100", "sphere100", "prob-georce", ADAPTIVE),
    ("adam-sphere-2", "sphere2", "adam", FROZEN),
    ("adam-t2", "t2", "adam", FROZEN),
    ("adam-spd3", "spd3", "adam", FROZEN),
    ("adam-sphere-10", "sphere10", "adam", FROZEN),
    ("adam-sphere-100", "sphere100", "adam", FROZEN),
    ("l-bfgs-sphere-2", "sphere2", "l-bfgs", ""),
    ("l-bfgs-sphere-10", "sphere10", "l-bfgs", ""),
    ("geodesic-sphere-2", "sphere2", "prob-georce", SHORTEST),
    ("geodesic-gaussian", "gaussian", "prob-georce", SHORTEST),
];

struct Problem {
    geometry: Box<dyn Geometry>,
    potential: Box<dyn Potential>,
    start: Array1<f64>,
    end: Array1<f64>,
}

fn geometry(kind: &str, config: &str) -> Box<dyn Geometry> {
    let table = toml::de::DeTable::parse(config).unwrap();
    (likely_geometries::find(kind).unwrap().build)(table).unwrap().geometry
}

fn average(weights: &Value, centres: &Value) -> Box<dyn Potential> {
    let config = format!("weights = {weights}\ncentres = {centres}");
    let resources = likely_models::Resources {
        points: None,
        seed: Seed::new(0),
        folder: Path::new("."),
        device: likely_models::OpenDevice::cpu(),
    };
    let table = toml::de::DeTable::parse(&config).unwrap();
    (likely_models::find("gaussian-average").unwrap().build)(table, &resources).unwrap().potential
}

fn numbers(value: &Value) -> Array1<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

/// Rows of a `.npy` file in single precision.
fn npy(name: &str, rows: usize) -> Vec<Vec<f64>> {
    let bytes = std::fs::read(format!("experiments/data/runtime/{name}.npy")).unwrap();
    let header = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let values: Vec<f64> = bytes[header..]
        .chunks_exact(4)
        .map(|b| f64::from(f32::from_le_bytes(b.try_into().unwrap())))
        .collect();
    values.chunks_exact(values.len() / rows).map(<[f64]>::to_vec).collect()
}

/// A problem of the reference values, or else of the data folder.
fn problem(name: &str, id: &str) -> Problem {
    let golden: Value = serde_json::from_str(include_str!("../tests/golden/curved.json")).unwrap();
    let cases = golden["peers"].as_array().unwrap();
    let mut problem = if let Some(case) = cases.iter().find(|case| case["id"] == id) {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Problem {
            geometry: geometry(&text(&case["geometry"]["kind"]), &text(&case["geometry"]["config"])),
            potential: average(&case["weights"], &case["centres"]),
            start: numbers(&case["start"]),
            end: numbers(&case["end"]),
        }
    } else {
        let ends = npy(&format!("{id}-ends"), 2);
        Problem {
            geometry: geometry("sphere", &format!("dim = {}", ends[0].len())),
            potential: average(&cases[0]["weights"], &json!(npy(&format!("{id}-centres"), 3))),
            start: Array1::from(ends[0].clone()),
            end: Array1::from(ends[1].clone()),
        }
    };
    if name.starts_with("pull-back") {
        let chart = SphereChart::new(Sphere::new(problem.start.len()).unwrap());
        problem.geometry = Box::new(PullBack::new(chart).unwrap());
    }
    problem
}

fn solve(problem: &Problem, id: &str, config: &str) -> Solution {
    let table = toml::de::DeTable::parse(config).unwrap();
    let method = (find(id).unwrap().build)(table).unwrap().interpolator;
    let density = Some(Density::Potential(&*problem.potential));
    let scene = Scene { geometry: &*problem.geometry, density, typical: None };
    let segments = NonZeroUsize::new(100).unwrap();
    let ends = Ends::new(problem.start.view(), problem.end.view(), segments).unwrap();
    method.interpolate(&scene, &ends, &mut Seed::new(0).stream(&[]), &mut ignore_steps).unwrap()
}

/// Smallest CPU time of one call over batches of at least 20 ms, for half a second.
fn fastest(mut call: impl FnMut()) -> f64 {
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
    while begin.elapsed().as_secs_f64() < 0.5 {
        let cpu = cpu_time::ThreadTime::now();
        (0..reps).for_each(|_| call());
        best = best.min(cpu.elapsed().as_secs_f64() / f64::from(reps));
    }
    best
}

/// `sum <dz, G dz>` with the tensor at the left end of each segment.
fn energy(geometry: &dyn Geometry, curve: &Array2<f64>) -> f64 {
    let rows: Vec<ArrayView1<'_, f64>> = curve.rows().into_iter().collect();
    let term = |pair: &[ArrayView1<'_, f64>]| {
        let step: Vec<f64> = pair[1].iter().zip(pair[0]).map(|(to, from)| to - from).collect();
        let at = likely_core::Rows::new(pair[0].to_slice().unwrap(), step.len()).unwrap();
        let mut norm = [0.0];
        geometry.squared_norms(at, &step, &mut norm).unwrap();
        norm[0]
    };
    rows.windows(2).map(term).sum()
}

/// 101 points of a geodesic in closed form.
fn closed_form(geometry: &dyn Geometry, from: &[f64], to: &[f64], times: &[f64], out: &mut [f64]) {
    geometry.closed_form().unwrap().geodesic(from, to, times, out).unwrap();
}

/// Name, kind and configuration of a geometry, and two points of it.
type Geodesic<'a> = (&'a str, &'a str, &'a str, &'a [f64], &'a [f64]);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [once, name] = arguments.as_slice()
        && once == "once"
    {
        let (name, id, method, config) = SOLVED.iter().find(|(held, ..)| held == name).unwrap();
        std::hint::black_box(solve(&problem(name, id), method, config));
        return;
    }
    let prefix = arguments.first().map_or("", String::as_str);
    for (name, id, method, config) in SOLVED.iter().filter(|(name, ..)| name.starts_with(prefix)) {
        let problem = problem(name, id);
        let solution = solve(&problem, method, config);
        let curve = solution.curve.points().to_owned();
        let cpu_s = fastest(|| drop(std::hint::black_box(solve(&problem, method, config))));
        let row = json!({
            "case": name, "cpu_s": cpu_s, "iterations": solution.iterations,
            "energy": energy(&*problem.geometry, &curve), "stop": solution.stop.kind().id(),
        });
        println!("{row}");
    }
    let spd = [[1.2, 0.3, -0.2, 0.9, 0.4, 1.1], [0.7, -0.5, 0.6, 1.6, 0.2, 0.8]];
    let closed: [Geodesic<'_>; 2] = [
        ("closed-form-sphere-2", "sphere", "dim = 2", &[0.0, -1.0], &[0.5, 0.5]),
        ("closed-form-spd-3", "spd-affine-invariant", "n = 3", &spd[0], &spd[1]),
    ];
    for (name, kind, config, from, to) in closed.iter().filter(|(name, ..)| name.starts_with(prefix)) {
        let geometry = geometry(kind, config);
        let mut out = vec![0.0; 101 * from.len()];
        let times: Vec<f64> = (0..=100).map(|i| f64::from(i) / 100.0).collect();
        let cpu_s = fastest(|| closed_form(&*geometry, from, to, &times, std::hint::black_box(&mut out)));
        println!("{}", json!({ "case": name, "cpu_s": cpu_s }));
    }
}
