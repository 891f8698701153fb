//! Times on curved backgrounds: the problems of the run-time study, and how they grow with coordinates and segments.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use likely_core::{Ends, Geometry, Potential, Seed};
use likely_methods::{Density, Scene, find, ignore_steps};
use likely_models::Resources;
use ndarray::{Array1, Array2};
use rand_distr::{Distribution, StandardNormal};
use serde_json::{Value, json};
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::path::Path;

struct Problem {
    geometry: Box<dyn Geometry>,
    potential: Box<dyn Potential>,
    start: Array1<f64>,
    end: Array1<f64>,
}

fn parsed(config: &str) -> likely_methods::Config<'_> {
    toml::de::DeTable::parse(config).expect("valid TOML")
}

fn geometry(kind: &str, config: &str) -> Box<dyn Geometry> {
    (likely_geometries::find(kind).expect("a geometry").build)(parsed(config)).expect("a geometry").geometry
}

fn average(weights: &Value, centres: &Value) -> Box<dyn Potential> {
    let config = format!("weights = {weights}\ncentres = {centres}");
    let resources = Resources {
        points: None,
        seed: Seed::new(0),
        folder: Path::new("."),
        device: likely_models::OpenDevice::cpu(),
    };
    let model = likely_models::find("gaussian-average").expect("a model");
    (model.build)(parsed(&config), &resources).expect("a potential").potential
}

fn numbers(value: &Value) -> Array1<f64> {
    value.as_array().expect("a list").iter().map(|x| x.as_f64().expect("a number")).collect()
}

fn solve(problem: &Problem, config: &str, segments: usize) {
    let method = (find("prob-georce").expect("a method").build)(parsed(config)).expect("valid").interpolator;
    let density = Some(Density::Potential(&*problem.potential));
    let scene = Scene { geometry: &*problem.geometry, density, typical: None };
    let segments = NonZeroUsize::new(segments).expect("positive");
    let ends = Ends::new(problem.start.view(), problem.end.view(), segments).expect("different ends");
    let mut rng = Seed::new(0).stream(&[]);
    black_box(method.interpolate(&scene, &ends, &mut rng, &mut ignore_steps).expect("a curve"));
}

fn study(criterion: &mut Criterion) {
    let golden: Value =
        serde_json::from_str(include_str!("../tests/golden/curved.json")).expect("valid JSON");
    let mut group = criterion.benchmark_group("run-time study, line search");
    group.sample_size(20);
    for case in golden["peers"].as_array().expect("a list") {
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let problem = Problem {
            geometry: geometry(&text(&case["geometry"]["kind"]), &text(&case["geometry"]["config"])),
            potential: average(&case["weights"], &case["centres"]),
            start: numbers(&case["start"]),
            end: numbers(&case["end"]),
        };
        group.bench_function(text(&case["id"]), |bencher| bencher.iter(|| solve(&problem, "", 100)));
    }
    group.finish();
}

/// Ten iterations each, so that the cost of an iteration is compared: it should grow in proportion.
fn growth(criterion: &mut Criterion) {
    let mut group =
        criterion.benchmark_group("ten iterations in the whole space, by coordinates and segments");
    group.sample_size(10);
    let config = "reduction = \"off\"\ntolerance = 0.0\nmax-iterations = 10";
    for kind in ["sphere", "ellipsoid", "paraboloid"] {
        for (dim, segments) in [(100, 100), (300, 100), (1000, 100), (100, 300), (100, 1000)] {
            let mut rng = Seed::new(1).stream(&[("bench", kind)]);
            let mut drawn = |rows: usize| -> Array2<f64> {
                let scale = 1.0 / (dim as f64).sqrt();
                Array2::from_shape_simple_fn((rows, dim), || -> f64 {
                    let x: f64 = StandardNormal.sample(&mut rng);
                    scale * x
                })
            };
            let (ends, centres) = (drawn(2), drawn(3));
            let centres: Vec<Vec<f64>> = centres.rows().into_iter().map(|row| row.to_vec()).collect();
            let problem = Problem {
                geometry: geometry(kind, &format!("dim = {dim}")),
                potential: average(&json!([0.25, 0.5, 0.25]), &json!(centres)),
                start: ends.row(0).to_owned(),
                end: ends.row(1).to_owned(),
            };
            let id = BenchmarkId::new(kind, format!("{dim} coordinates, {segments} segments"));
            group.bench_function(id, |bencher| bencher.iter(|| solve(&problem, config, segments)));
        }
    }
    group.finish();
}

criterion_group!(benches, study, growth);
criterion_main!(benches);
