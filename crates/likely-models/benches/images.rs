//! Cost of the shipped diffusion of images: its network on candle's graph, and images from noise without one.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use likely_core::Seed;
use likely_models::{Resources, UNet, Weights, find};
use likely_networks::candle::{DType, Device, Tensor};
use ndarray::Array2;
use rand_distr::{Distribution, StandardNormal};
use std::hint::black_box;
use std::path::Path;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../experiments/models/images");
const FILE: &str = "fashion-diffusion.safetensors";
const PIXELS: usize = 784;
/// Steps of the sampler.
const STEPS: usize = 50;
/// Images on the graph at once.
const TOGETHER: usize = 16;

fn diffusion(criterion: &mut Criterion) {
    let folder = Path::new(FOLDER);
    let mut stream = Seed::new(1).stream(&[("bench", "diffusion of images")]);
    let noise = Array2::from_shape_simple_fn((TOGETHER, PIXELS), || StandardNormal.sample(&mut stream));
    let mut group = criterion.benchmark_group("unet-28x28");
    group.sample_size(10);

    let weights = Weights::read(&folder.join(FILE)).expect("shipped weights").weights;
    let network = UNet::load(&weights, 16, DType::F32).expect("shipped weights");
    let images = Tensor::from_iter(noise.iter().map(|x| *x as f32), &Device::Cpu)
        .and_then(|all| all.reshape((TOGETHER, PIXELS)))
        .expect("as many numbers");
    group.throughput(Throughput::Elements(TOGETHER as u64));
    group.bench_function("noise, candle's graph", |bencher| {
        bencher.iter(|| network.noise(black_box(&images), 500).expect("a square"));
    });

    let entry = find("image-diffusion").expect("in the table");
    let config = format!("weights = \"{FILE}\"\nsteps = {STEPS}");
    let document = toml::de::DeTable::parse(&config).expect("valid TOML");
    let built = (entry.build)(
        document,
        &Resources { points: None, seed: Seed::new(1), folder, device: likely_models::OpenDevice::cpu() },
    )
    .expect("shipped weights");
    let space = built.images.expect("a model of images");
    let one = noise.slice(ndarray::s![..1, ..]);
    group.throughput(Throughput::Elements(STEPS as u64));
    group.bench_function("noise, planes, in 50 steps from noise to an image", |bencher| {
        bencher.iter(|| space.decode(black_box(one)).expect("noise"));
    });
    group.finish();
}

criterion_group!(benches, diffusion);
criterion_main!(benches);
