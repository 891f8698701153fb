//! Our side of `scripts/side_by_side.py`: CPU time of one call of each method on fixed problems, one JSON object a line.
//!
//! `SIDE_BY_SIDE_ENDS` may name a `.npy` file (version 1, little-endian float64, shape (2, 16384)) with the end points in that
//! dimension; without it they are drawn from a named stream.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]
#![expect(clippy::unwrap_used, reason = "a measurement that cannot be set up should stop there")]

use likely_core::{Counted, Ends, Euclidean, Potential, Seed};
use likely_methods::{Density, Interpolator, Scene, Solution, find, ignore_steps, single};
use likely_models::{ChiSquareNorm, Covariances, Mixture};
use ndarray::{Array1, Array2, Array3, array};
use rand_distr::{Distribution, StandardNormal};
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::{Duration, Instant};

const DIM: usize = 16_384;
const LARGE: usize = 1 << 20;

fn method(id: &str, config: &str) -> Box<dyn Interpolator> {
    (find(id).unwrap().build)(toml::de::DeTable::parse(config).unwrap()).unwrap().interpolator
}

struct Problem<'a> {
    case: &'a str,
    method: Box<dyn Interpolator>,
    potential: Option<&'a dyn Potential>,
    ends: &'a Array2<f64>,
    segments: usize,
}

impl Problem<'_> {
    fn solve(&self, potential: Option<&dyn Potential>) -> Solution {
        let geometry = Euclidean::new(self.ends.ncols());
        let scene = Scene { geometry: &geometry, density: potential.map(Density::Potential), typical: None };
        let segments = NonZeroUsize::new(self.segments).unwrap();
        let ends = Ends::new(self.ends.row(0), self.ends.row(1), segments).unwrap();
        let mut rng = Seed::new(0).stream(&[]);
        self.method.interpolate(&scene, &ends, &mut rng, &mut ignore_steps).unwrap()
    }

    /// Measures batches of at least 20 ms for half a second and prints the fastest.
    fn report(&self) {
        let counted = self.potential.map(Counted::new);
        let solution = self.solve(counted.as_ref().map(|c| c as &dyn Potential));
        let evaluations = counted.map(|c| c.evaluations()).unwrap_or_default();
        let timing = fastest(|| drop(std::hint::black_box(self.solve(self.potential))));
        let curve = &solution.curve;
        let regularised_energy = self.potential.zip(solution.weighting).map(|(potential, weighting)| {
            let energy: f64 = (0..curve.segments())
                .map(|i| &curve.points().row(i + 1) - &curve.points().row(i))
                .map(|step| step.dot(&step))
                .sum();
            energy + weighting.lambda_norm * potential.value(curve.interior()).unwrap().sum()
        });
        let bytes = (curve.points().len() + self.ends.len()) * size_of::<f64>();
        println!(
            "{}",
            serde_json::json!({
                "case": self.case, "cpu_s": timing.cpu_s, "wall_s": timing.wall_s, "reps": timing.reps, "bytes": bytes,
                "iterations": solution.iterations, "stop": solution.stop.kind().id(),
                "evaluations": evaluations.total(), "regularised_energy": regularised_energy,
            })
        );
    }
}

/// Smallest times of one repetition.
struct Timing {
    cpu_s: f64,
    wall_s: f64,
    reps: u32,
}

/// Times batches that last at least 20 ms each, for half a second.
fn fastest(mut call: impl FnMut()) -> Timing {
    let mut reps = 1_u32;
    loop {
        let start = cpu_time::ThreadTime::now();
        (0..reps).for_each(|_| call());
        if start.elapsed() > Duration::from_millis(20) {
            break;
        }
        reps *= 4;
    }
    let mut timing = Timing { cpu_s: f64::INFINITY, wall_s: f64::INFINITY, reps };
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_millis(500) {
        let (cpu, wall) = (cpu_time::ThreadTime::now(), Instant::now());
        (0..reps).for_each(|_| call());
        timing.cpu_s = timing.cpu_s.min(cpu.elapsed().as_secs_f64() / f64::from(reps));
        timing.wall_s = timing.wall_s.min(wall.elapsed().as_secs_f64() / f64::from(reps));
    }
    timing
}

type ClosedForm = fn(&[f32], &[f32], NonZeroUsize, &mut [f32]) -> Result<(), single::SingleError>;

/// A closed form in single precision, into a buffer that is used again.
fn single(case: &str, form: ClosedForm, ends: &Array2<f64>) {
    let row = |k: usize| -> Vec<f32> { ends.row(k).iter().map(|&x| x as f32).collect() };
    let (a, b, segments) = (row(0), row(1), NonZeroUsize::new(10).unwrap());
    let mut curve = vec![0.0_f32; 11 * a.len()];
    let timing = fastest(|| form(&a, &b, segments, std::hint::black_box(&mut curve)).unwrap());
    let bytes = (curve.len() + 2 * a.len()) * size_of::<f32>();
    println!(
        "{}",
        serde_json::json!({
            "case": case, "cpu_s": timing.cpu_s, "wall_s": timing.wall_s, "reps": timing.reps, "bytes": bytes,
        })
    );
}

fn drawn(dim: usize) -> Array2<f64> {
    let mut rng = Seed::new(2712).stream(&[("side-by-side", &dim.to_string())]);
    Array2::from_shape_simple_fn((2, dim), || StandardNormal.sample(&mut rng))
}

fn given_or_drawn() -> Array2<f64> {
    let Some(path) = std::env::var_os("SIDE_BY_SIDE_ENDS") else { return drawn(DIM) };
    let bytes = std::fs::read(path).unwrap();
    let header = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let values = bytes[header..].chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect();
    Array2::from_shape_vec((2, DIM), values).unwrap()
}

/// The mixture of Figure 3.
fn mixture() -> Mixture {
    let covariances = Array3::from_shape_vec(
        (2, 2, 2),
        vec![
            11.983_410_835_266_113,
            9.941_560_745_239_258,
            9.941_560_745_239_258,
            11.762_373_924_255_371,
            12.646_288_871_765_137,
            13.709_233_283_996_582,
            13.709_233_283_996_582,
            20.532_419_204_711_914,
        ],
    );
    let weights: Array1<f64> = array![0.5, 0.5];
    let means = array![
        [-0.286_497_473_716_735_84, -0.287_713_795_900_344_85],
        [13.671_536_445_617_676, 0.081_265_054_643_154_14]
    ];
    Mixture::new(weights.view(), means.view(), Covariances::Full(covariances.unwrap())).unwrap()
}

fn main() {
    let mixture = mixture();
    let figure_ends = array![[-5.0, -4.0], [17.0, 4.0]];
    for (weight, case) in [(1, "gmm-lambda-1"), (10, "gmm-lambda-10"), (100, "gmm-lambda-100")] {
        for (id, suffix) in [("prob-georce", "-decrease"), ("prob-georce-accelerated", "")] {
            let config = format!("weight = {{ relative = {weight} }}\nmax-iterations = 5000");
            Problem {
                case: &format!("{case}{suffix}"),
                method: method(id, &config),
                potential: Some(&mixture),
                ends: &figure_ends,
                segments: 100,
            }
            .report();
        }
    }
    let ends = given_or_drawn();
    let chi_square = ChiSquareNorm::new(NonZeroU32::new(DIM as u32).unwrap());
    for (case, id, reduction) in [
        ("chi-square-general-16384-decrease", "prob-georce", "off"),
        ("chi-square-general-16384", "prob-georce-accelerated", "off"),
        ("chi-square-span-16384-decrease", "prob-georce", "auto"),
        ("chi-square-span-16384", "prob-georce-accelerated", "auto"),
    ] {
        let config = format!("reduction = \"{reduction}\"");
        Problem {
            case,
            method: method(id, &config),
            potential: Some(&chi_square),
            ends: &ends,
            segments: 10,
        }
        .report();
    }
    let large = drawn(LARGE);
    for (case, id, ends) in [
        ("lerp-16384", "linear", &ends),
        ("slerp-16384", "slerp", &ends),
        ("lerp-1048576", "linear", &large),
        ("slerp-1048576", "slerp", &large),
    ] {
        Problem { case, method: method(id, ""), potential: None, ends, segments: 10 }.report();
    }
    single("lerp-f32-16384", single::linear, &ends);
    single("slerp-f32-16384", single::slerp, &ends);
    single("lerp-f32-1048576", single::linear, &large);
    single("slerp-f32-1048576", single::slerp, &large);
}
