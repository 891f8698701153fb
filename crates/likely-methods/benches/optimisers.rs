//! Times of the compared optimisers on the problems of the run-time study: 100 segments, a weight of one.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use likely_core::{Ends, Seed};
use likely_methods::{Density, Scene, find, ignore_steps};
use likely_models::Resources;
use ndarray::Array1;
use serde_json::Value;
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::path::Path;

fn parsed(config: &str) -> likely_methods::Config<'_> {
    toml::de::DeTable::parse(config).expect("valid TOML")
}

fn numbers(value: &Value) -> Array1<f64> {
    value.as_array().expect("a list").iter().map(|x| x.as_f64().expect("a number")).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

fn optimisers(criterion: &mut Criterion) {
    let file = include_str!("../tests/golden/curved.json");
    let cases: Value = serde_json::from_str(file).expect("valid JSON");
    let cases = cases["peers"].as_array().expect("a list");
    let mut group = criterion.benchmark_group("run-time study");
    group.sample_size(20);
    let thousand = "tolerance = 0.0";
    let frozen = "tolerance = 0.0\ngradient = \"frozen\"";
    for problem in ["sphere2", "t2", "spd3", "sphere10", "sphere100"] {
        let case = cases.iter().find(|case| case["id"] == problem).expect("a problem");
        let kind = likely_geometries::find(text(&case["geometry"]["kind"])).expect("a geometry");
        let geometry = (kind.build)(parsed(text(&case["geometry"]["config"]))).expect("a geometry").geometry;
        let config = format!("weights = {}\ncentres = {}", case["weights"], case["centres"]);
        let resources = Resources {
            points: None,
            seed: Seed::new(0),
            folder: Path::new("."),
            device: likely_models::OpenDevice::cpu(),
        };
        let model = likely_models::find("gaussian-average").expect("a model");
        let potential = (model.build)(parsed(&config), &resources).expect("a potential").potential;
        let (start, end) = (numbers(&case["start"]), numbers(&case["end"]));
        let segments = NonZeroUsize::new(100).expect("positive");
        let ends = Ends::new(start.view(), end.view(), segments).expect("different ends");
        let density = Some(Density::Potential(&*potential));
        let scene = Scene { geometry: &*geometry, density, typical: None };
        for (name, id, config) in [
            ("adam, frozen", "adam", frozen),
            ("adam", "adam", thousand),
            ("sgd", "sgd", thousand),
            ("rmsprop", "rmsprop", thousand),
            ("adamax", "adamax", thousand),
            ("adagrad", "adagrad", thousand),
            ("l-bfgs", "l-bfgs", ""),
        ] {
            let method = (find(id).expect("a method").build)(parsed(config)).expect("valid").interpolator;
            group.bench_with_input(BenchmarkId::new(name, problem), &(), |bencher, ()| {
                bencher.iter(|| {
                    let mut rng = Seed::new(0).stream(&[]);
                    black_box(
                        method.interpolate(&scene, &ends, &mut rng, &mut ignore_steps).expect("a curve"),
                    )
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, optimisers);
criterion_main!(benches);
