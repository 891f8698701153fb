//! Cost of networks by hand and on candle's graph, at the sizes that experiments use.

use cpu_time::ThreadTime;
use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use likely_core::{Differentiable, Exact, Normalisation, Number, Potential, Rows, Seed};
use likely_networks::candle::{DType, Device, Error, Result, Tensor, Var};
use likely_networks::candle_room::{CandlePotential, constant};
use likely_networks::planes::{self, Convolution, Footprint, Planes};
use likely_networks::{Activation, Batch, Mlp, MlpShape, Weights};
use ndarray::Array2;
use rand_distr::{Distribution, StandardNormal};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;

/// Time of the processor spent on this thread, which other work on the machine does not stretch.
struct ProcessorTime;

impl Measurement for ProcessorTime {
    type Intermediate = ThreadTime;
    type Value = Duration;

    fn start(&self) -> ThreadTime {
        ThreadTime::now()
    }

    fn end(&self, start: ThreadTime) -> Duration {
        start.elapsed()
    }

    fn add(&self, a: &Duration, b: &Duration) -> Duration {
        *a + *b
    }

    fn zero(&self) -> Duration {
        Duration::ZERO
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        value.as_nanos() as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

/// `S(x)`: the one output of a network.
struct Energy(Mlp);

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Differentiable for Energy {
    fn dim(&self) -> usize {
        self.0.inputs()
    }

    fn normalisation(&self) -> Normalisation {
        Normalisation::UpToConstant
    }

    fn workspace(&self) -> usize {
        self.0.workspace()
    }

    fn multiplications(&self) -> usize {
        self.0.multiplications()
    }

    #[inline(always)]
    fn value<N: Number>(&self, x: &[N], work: &mut [N]) -> N {
        let mut y = [N::constant(0.0)];
        self.0.value(x, &mut y, work);
        y[0]
    }

    #[inline(always)]
    fn value_and_grad<N: Number>(&self, x: &[N], grad: &mut [N], work: &mut [N]) -> N {
        let mut y = [N::constant(0.0)];
        self.0.forward(x, &mut y, work);
        self.0.backward(&[N::constant(1.0)], grad, work);
        y[0]
    }
}

/// A flow of affine couplings in the plane, each followed by a swap; standard normal numbers go out.
struct Couplings(Vec<Mlp>);

impl Couplings {
    fn piece(&self) -> usize {
        // The network's, and what went in and the factor of each coupling.
        self.0[0].workspace() + 3
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Differentiable for Couplings {
    fn dim(&self) -> usize {
        2
    }

    fn normalisation(&self) -> Normalisation {
        Normalisation::UpToConstant
    }

    fn workspace(&self) -> usize {
        self.0.len() * self.piece()
    }

    fn multiplications(&self) -> usize {
        self.0.iter().map(Mlp::multiplications).sum()
    }

    #[inline(always)]
    fn value<N: Number>(&self, x: &[N], work: &mut [N]) -> N {
        let (mut a, mut b, mut sum) = (x[0], x[1], N::constant(0.0));
        let mut out = [N::constant(0.0); 2];
        for network in &self.0 {
            network.value(&[a], &mut out, work);
            sum = sum - out[0];
            (a, b) = (b * out[0].exp() + out[1], a);
        }
        sum + (a * a + b * b).scaled(0.5)
    }

    #[inline(always)]
    fn value_and_grad<N: Number>(&self, x: &[N], grad: &mut [N], work: &mut [N]) -> N {
        let (mut a, mut b, mut sum) = (x[0], x[1], N::constant(0.0));
        let mut out = [N::constant(0.0); 2];
        for (network, piece) in self.0.iter().zip(work.chunks_exact_mut(self.piece())) {
            let (kept, work) = piece.split_at_mut(3);
            network.forward(&[a], &mut out, work);
            let factor = out[0].exp();
            sum = sum - out[0];
            kept.copy_from_slice(&[a, b, factor]);
            (a, b) = (b * factor + out[1], a);
        }
        let value = sum + (a * a + b * b).scaled(0.5);
        let one = N::constant(1.0);
        let (mut of_a, mut of_b) = (a, b);
        for (network, piece) in self.0.iter().zip(work.chunks_exact_mut(self.piece())).rev() {
            let (kept, work) = piece.split_at_mut(3);
            let (b, factor) = (kept[1], kept[2]);
            let mut pulled = [N::constant(0.0)];
            network.backward(&[of_a * b * factor - one, of_a], &mut pulled, work);
            (of_a, of_b) = (of_b + pulled[0], of_a * factor);
        }
        grad.copy_from_slice(&[of_a, of_b]);
        value
    }
}

fn weights(prefix: &str, shape: &MlpShape) -> Weights {
    let mut weights = Weights::new();
    for parameter in shape.initial(prefix, Seed::new(1)) {
        weights
            .insert(parameter.name, &parameter.shape, parameter.initial)
            .expect("initial weights are fine");
    }
    weights
}

fn by_hand(prefix: &str, shape: &MlpShape) -> Mlp {
    Mlp::load(&weights(prefix, shape), prefix, shape).expect("the shapes agree")
}

fn tensors(prefix: &str, shape: &MlpShape, dtype: DType) -> BTreeMap<String, Tensor> {
    weights(prefix, shape)
        .iter()
        .map(|(name, tensor)| {
            (name.to_owned(), constant(tensor, dtype, &Device::Cpu).expect("a constant can be made"))
        })
        .collect()
}

fn on_graph(shape: &MlpShape, dtype: DType) -> impl Fn(&Tensor) -> Result<Tensor> + Send + Sync + use<> {
    let (shape, tensors) = (shape.clone(), tensors("layers", shape, dtype));
    move |x| shape.graph(x, "layers", |name| Ok::<_, Error>(&tensors[name]))
}

fn couplings_on_graph(
    shape: &MlpShape,
    dtype: DType,
) -> impl Fn(&Tensor) -> Result<Tensor> + Send + Sync + use<> {
    let shape = shape.clone();
    let names: Vec<String> = (0..32).map(|i| format!("couplings.{i}")).collect();
    let tensors: BTreeMap<_, _> = names.iter().flat_map(|name| tensors(name, &shape, dtype)).collect();
    move |x| {
        let (mut a, mut b) = (x.narrow(1, 0, 1)?, x.narrow(1, 1, 1)?);
        let mut sum = a.zeros_like()?;
        for name in &names {
            let out = shape.graph(&a, name, |name| Ok::<_, Error>(&tensors[name]))?;
            let log = out.narrow(1, 0, 1)?;
            sum = (sum - &log)?;
            (a, b) = (((b * log.exp()?)? + out.narrow(1, 1, 1)?)?, a);
        }
        sum + ((a.sqr()? + b.sqr()?)? * 0.5)?
    }
}

fn points(count: usize, dim: usize) -> Array2<f64> {
    let mut rng = Seed::new(1).stream(&[("bench", "points")]);
    Array2::from_shape_simple_fn((count, dim), || StandardNormal.sample(&mut rng))
}

fn first(criterion: &mut Criterion<ProcessorTime>, name: &str, potential: &dyn Potential, at: &Array2<f64>) {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(at.nrows() as u64));
    group.bench_function("value", |bencher| {
        bencher.iter(|| potential.value(black_box(at.view())).expect("the dimensions agree"));
    });
    group.bench_function("value-and-grad", |bencher| {
        bencher.iter(|| potential.value_and_grad(black_box(at.view())).expect("the dimensions agree"));
    });
    let Some(curvature) = potential.curvature() else { return };
    let (view, dim) = (at.view(), at.ncols());
    let rows = Rows::of(&view).expect("in standard order");
    let (mut hessian, mut third) = (vec![0.0; at.len() * dim], vec![0.0; at.len()]);
    group.bench_function("hessian", |bencher| {
        bencher.iter(|| curvature.hessian(black_box(rows), &mut hessian).expect("the dimensions agree"));
    });
    group.bench_function("hessian-gradient", |bencher| {
        let mut third =
            |rows: Rows<'_>| curvature.hessian_gradient(rows, rows.values(), rows.values(), &mut third);
        bencher.iter(|| third(black_box(rows)).expect("the dimensions agree"));
    });
}

fn networks(criterion: &mut Criterion<ProcessorTime>) {
    // One thread, and no other to hand work to: how much two give is a matter of the machine.
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread();
    alone.build_global().expect("nobody has asked for threads yet");
    let cases = [
        ("2-64-64-1 silu", vec![2, 64, 64, 1], Activation::Silu),
        ("2-128-128-1 relu", vec![2, 128, 128, 1], Activation::Relu),
        ("2-128-128-1 silu", vec![2, 128, 128, 1], Activation::Silu),
        ("64-256-256-1 silu", vec![64, 256, 256, 1], Activation::Silu),
    ];
    for (name, widths, activation) in cases {
        let shape = MlpShape::new(widths, activation).expect("the widths are fine");
        let at = points(100, shape.widths()[0]);
        let title = |how: &str| format!("{name}, 100 points, {how}");
        first(criterion, &title("by hand"), &Exact(Energy(by_hand("layers", &shape))), &at);
        for (how, dtype) in [("candle f64", DType::F64), ("candle f32", DType::F32)] {
            let network = on_graph(&shape, dtype);
            let candle = CandlePotential::new(at.ncols(), Normalisation::UpToConstant, dtype, network);
            first(criterion, &title(how), &candle, &at);
        }
    }
    let shape = MlpShape::new(vec![1, 64, 64, 2], Activation::Relu).expect("the widths are fine");
    let flow = Couplings((0..32).map(|i| by_hand(&format!("couplings.{i}"), &shape)).collect());
    let (at, title) = (points(100, 2), |how: &str| format!("32 couplings 1-64-64-2 relu, 100 points, {how}"));
    first(criterion, &title("by hand"), &Exact(flow), &at);
    for (how, dtype) in [("candle f64", DType::F64), ("candle f32", DType::F32)] {
        let network = couplings_on_graph(&shape, dtype);
        let candle = CandlePotential::new(2, Normalisation::UpToConstant, dtype, network);
        first(criterion, &title(how), &candle, &at);
    }
}

/// Loss and gradient of a batch of 512 in all parameters.
fn training(criterion: &mut Criterion<ProcessorTime>) {
    for (name, widths, activation) in [
        ("2-128-128-1 relu", vec![2, 128, 128, 1], Activation::Relu),
        ("1-64-64-64-2 tanh", vec![1, 64, 64, 64, 2], Activation::Tanh),
    ] {
        let shape = MlpShape::new(widths, activation).expect("the widths are fine");
        let mut batch = Batch::new(&shape);
        let (inputs, outputs) = (batch.inputs(), batch.outputs());
        let x: Vec<f32> = points(512, inputs).iter().map(|x| *x as f32).collect();
        let mut group = criterion.benchmark_group(format!("{name}, gradient in the parameters, 512 points"));
        group.throughput(Throughput::Elements(512));
        let parameters: Vec<f32> = shape
            .initial("layers", Seed::new(1))
            .into_iter()
            .flat_map(|parameter| parameter.initial)
            .collect();
        let mut y = vec![0.0; 512 * outputs];
        let mut gradient = vec![0.0; parameters.len()];
        group.bench_function("by hand", |bencher| {
            bencher.iter(|| {
                batch.set(black_box(&parameters));
                batch.forward(&x, &mut y);
                let grad_y: Vec<f32> = y.iter().map(|y| y / outputs as f32 / 256.0).collect();
                gradient.fill(0.0);
                batch.backward(&grad_y, &mut gradient);
            });
        });
        let variables: BTreeMap<String, Var> = tensors("layers", &shape, DType::F32)
            .into_iter()
            .map(|(name, tensor)| (name, Var::from_tensor(&tensor).expect("a variable can be made")))
            .collect();
        group.bench_function("candle f32", |bencher| {
            let step = || {
                let points = Tensor::from_slice(&x, (512, inputs), &Device::Cpu)?;
                let y = shape.graph(&points, "layers", |name| Ok::<_, Error>(variables[name].as_tensor()))?;
                y.sqr()?.mean_all()?.backward()
            };
            bencher.iter(|| step().expect("candle agrees"));
        });
    }
}

/// Convolutions of one image, at sizes of Inception v3.
fn convolutions(criterion: &mut Criterion<ProcessorTime>) {
    for (name, [inputs, side, outputs], kernel, padding) in [
        ("35 x 35, kernel 1 x 1", [288, 35, 64], [1, 1], [0, 0]),
        ("35 x 35, kernel 5 x 5", [48, 35, 64], [5, 5], [2, 2]),
        ("147 x 147, kernel 3 x 3", [32, 147, 64], [3, 3], [1, 1]),
        ("17 x 17, kernel 1 x 7", [192, 17, 192], [1, 7], [0, 3]),
        ("8 x 8, kernel 3 x 3", [448, 8, 384], [3, 3], [1, 1]),
    ] {
        let shape = [outputs, inputs, kernel[0], kernel[1]];
        let taps = inputs * kernel[0] * kernel[1];
        let mut weights = Weights::new();
        let values = (0..outputs * taps).map(|i| (i % 17) as f32 / 17.0 - 0.5).collect();
        weights.insert("w", &shape, values).expect("numbers of the shape");
        let footprint = Footprint::new(kernel, 1, padding);
        let weight = weights.get("w").expect("just inserted");
        let convolution = Convolution::new(weight, vec![0.1; outputs], footprint, planes::Activation::Relu)
            .expect("weights of the shape");
        let numbers = (0..inputs * side * side).map(|i| (i % 23) as f32 / 23.0);
        let x = Planes::from_numbers(numbers, [inputs, side, side]);
        let mut group = criterion.benchmark_group(format!("{inputs} to {outputs} channels, {name}"));
        // Multiplications and additions.
        group.throughput(Throughput::Elements(2 * (side * side * outputs * taps) as u64));
        group.bench_function("by hand", |bencher| bencher.iter(|| convolution.apply(black_box(&x))));
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .with_measurement(ProcessorTime)
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = networks, training, convolutions
}
criterion_main!(benches);
