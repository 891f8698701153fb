//! Cost of a step of training, with the batch of the published schedule.

use criterion::{Criterion, criterion_group, criterion_main};
use likely_core::Seed;
use likely_models::TRAINABLE;
use likely_models::training::{Points, Settings, Training};
use ndarray::Array2;
use rand_distr::{Distribution, StandardNormal};
use std::ops::ControlFlow;

const TRAININGS: &[(&str, usize, usize)] = &[
    ("autoregressive", 2, 512),
    ("diffusion-2d", 2, 32),
    ("energy-network", 2, 128),
    ("normalizing-flow", 2, 512),
    ("vae", 3, 512),
];

fn steps(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("step");
    group.sample_size(10);
    for (id, dim, batch) in TRAININGS {
        let mut stream = Seed::new(1).stream(&[("bench", id)]);
        let points = Array2::from_shape_simple_fn((10 * batch, *dim), || StandardNormal.sample(&mut stream));
        let entry = TRAINABLE.iter().find(|entry| entry.id == *id).expect("in the table");
        let document = toml::de::DeTable::parse("").expect("valid TOML");
        let objective = (entry.build)(document, points.view()).expect("defaults are valid").built;
        let text =
            format!("seed = 1\nbatch = {batch}\nsteps = 10\noptimiser = \"adam\"\nlearning-rate = 1e-4");
        let settings: Settings = toml::from_str(&text).expect("valid settings");
        group.bench_function(*id, |bencher| {
            bencher.iter(|| {
                let set = Points::Set(points.view());
                let mut training = Training::new(&*objective, &set, &settings, None).expect("points");
                let mut state = training.begin().expect("parameters");
                training.run(&mut state, &mut |_, _| ControlFlow::Continue(())).expect("finite");
                state.step()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, steps);
criterion_main!(benches);
