//! Samples of the shipped diffusion of images a second, as a JSON object: DDIM from noise to pictures on a device, the fastest of several rounds.
//!
//!     unet_samples DEVICE SAMPLES STEPS ROUNDS [OUT.safetensors]
//!
//! `cargo run --release --package likely-models --example unet_samples -- cpu 16 50 3`; a GPU (`cuda`) takes `--features cuda`.
//! `sum` adds the pixels of all pictures, `levels_sha256` hashes them in 256 levels; `OUT` gets `noise` and `pictures`, one row each.
//! `scripts/side_by_side_unet.py` calls it.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]
#![expect(clippy::unwrap_used, reason = "a measurement that cannot be set up should stop there")]

use likely_core::Seed;
use likely_models::{OpenDevice, Resources, Weights, find};
use ndarray::Array2;
use rand_distr::{Distribution, StandardNormal};
use std::path::Path;
use std::time::Instant;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../experiments/models/images");
const FILE: &str = "fashion-diffusion.safetensors";
const PIXELS: usize = 784;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [device, samples, steps, rounds, out @ ..] = &arguments[..] else {
        panic!("DEVICE SAMPLES STEPS ROUNDS [OUT.safetensors]")
    };
    let device = OpenDevice::new(device.parse().unwrap()).unwrap();
    let [samples, steps, rounds]: [usize; 3] = [samples, steps, rounds].map(|n| n.parse().unwrap());

    let config = format!("weights = \"{FILE}\"\nsteps = {steps}");
    let resources =
        Resources { points: None, seed: Seed::new(1), folder: Path::new(FOLDER), device: &device };
    let model = find("image-diffusion").unwrap();
    let built = (model.build)(toml::de::DeTable::parse(&config).unwrap(), &resources).unwrap();
    let space = built.images.unwrap();
    let mut stream = Seed::new(1).stream(&[("example", "samples of the diffusion")]);
    // In single precision, so that both programs begin with the same numbers.
    let noise: Array2<f32> =
        Array2::from_shape_simple_fn((samples, PIXELS), || StandardNormal.sample(&mut stream));
    let wide = noise.mapv(f64::from);

    let (mut wall_s, mut cpu_s, mut pictures) = (f64::INFINITY, f64::INFINITY, None);
    for _ in 0..rounds {
        let (wall, cpu) = (Instant::now(), cpu_time::ProcessTime::now());
        pictures = Some(space.decode(wide.view()).unwrap());
        wall_s = wall.elapsed().as_secs_f64().min(wall_s);
        cpu_s = cpu.elapsed().as_secs_f64().min(cpu_s);
    }
    let pictures = pictures.unwrap();
    if let [out] = out {
        let mut file = Weights::new();
        let numbers = |rows: &Array2<f32>| rows.iter().copied().collect::<Vec<_>>();
        file.insert("noise", &[samples, PIXELS], numbers(&noise)).unwrap();
        file.insert("pictures", &[samples, PIXELS], numbers(&pictures.mapv(|x| x as f32))).unwrap();
        file.write(Path::new(out)).unwrap();
    }
    let levels: Vec<f32> = pictures.iter().map(|x| (255.0 * x).round() as f32).collect();
    let mut as_file = Weights::new();
    as_file.insert("levels", &[samples, PIXELS], levels).unwrap();
    println!(
        "{}",
        serde_json::json!({
            "device": device.description(),
            "samples": samples,
            "steps": steps,
            "threads": rayon::current_num_threads(),
            "wall_s": wall_s,
            "cpu_s": cpu_s,
            "samples_per_s": samples as f64 / if device.is_cpu() { cpu_s } else { wall_s },
            "sum": pictures.sum(),
            "levels_sha256": as_file.sha256(),
            "weights_sha256": built.facts.iter().find(|(name, _)| *name == "weights-sha256").map(|(_, hash)| hash),
        })
    );
}
