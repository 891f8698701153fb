//! Following a flow from noise to data, against what theory says of a finite training set.

use likely_core::{EvalError, Flow, FlowScales, Seed};
use likely_methods::{BuiltSampler, Generated, SAMPLERS, SampleError, Sampler, find_sampler};
use ndarray::{Array1, Array2, ArrayView2, array};
use std::ops::ControlFlow;

/// The process `x_t = t x_1 + (1 - t) eps` with `x_1` uniform on a few points.
struct Points(Array2<f64>);

impl Points {
    /// `m(t, x)`, the mean of the training point given the place.
    fn posterior_mean(&self, time: f64, points: ArrayView2<'_, f64>) -> Array2<f64> {
        let mut means = Array2::zeros(points.raw_dim());
        for (x, mut mean) in points.rows().into_iter().zip(means.rows_mut()) {
            let logits: Array1<f64> = self
                .0
                .rows()
                .into_iter()
                .map(|p| -0.5 * (&x - &(&p * time)).mapv(|r| r * r).sum() / (1.0 - time).powi(2))
                .collect();
            let top = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let weights = logits.mapv(|logit| (logit - top).exp());
            mean.assign(&(weights.dot(&self.0) / weights.sum()));
        }
        means
    }
}

impl Flow for Points {
    fn dim(&self) -> usize {
        self.0.ncols()
    }
    fn velocity(&self, time: f64, points: ArrayView2<'_, f64>) -> Result<Array2<f64>, EvalError> {
        Ok((self.posterior_mean(time, points) - points) / (1.0 - time))
    }
    fn score(&self, time: f64, points: ArrayView2<'_, f64>) -> Result<Array2<f64>, EvalError> {
        Ok((self.posterior_mean(time, points) * time - points) / (1.0 - time).powi(2))
    }
    fn scales(&self, time: f64) -> FlowScales {
        FlowScales { data: time, data_rate: 1.0, noise: 1.0 - time, noise_rate: -1.0 }
    }
    fn training_points(&self) -> ArrayView2<'_, f64> {
        self.0.view()
    }
}

fn triangle() -> Points {
    Points(array![[2.0, 0.0], [-1.0, 1.5], [-1.0, -1.5]])
}

fn build(kind: &str, config: &str) -> Result<BuiltSampler, toml::de::Error> {
    let text = format!("config = {{ {config} }}");
    let document = toml::de::DeTable::parse(&text)?;
    let (span, config) = (document.span(), document.into_inner().remove("config").expect("just written"));
    let toml::de::DeValue::Table(table) = config.into_inner() else { panic!("not a table") };
    (find_sampler(kind).expect("in the table").build)(toml::Spanned::new(span, table))
}

fn sampler(kind: &str, config: &str) -> Box<dyn Sampler> {
    build(kind, config).unwrap_or_else(|error| panic!("{config}: {error}")).sampler
}

fn run(kind: &str, config: &str, flow: &dyn Flow) -> Result<Generated, SampleError> {
    let mut rng = Seed::new(7).stream(&[("sampler", "test")]);
    sampler(kind, config).sample(flow, &mut rng, &mut |_| ControlFlow::Continue(()))
}

/// The training point nearest to each sample, and the distance to it.
fn nearest(samples: &Array2<f64>, points: &Array2<f64>) -> Vec<(usize, f64)> {
    let distance =
        |x: ndarray::ArrayView1<'_, f64>, i: usize| (&x - &points.row(i)).mapv(|r| r * r).sum().sqrt();
    samples
        .rows()
        .into_iter()
        .map(|x| {
            (0..points.nrows())
                .map(|i| (i, distance(x, i)))
                .min_by(|a, b| a.1.total_cmp(&b.1))
                .expect("points")
        })
        .collect()
}

#[test]
fn the_table_is_sorted_and_described() {
    assert!(SAMPLERS.windows(2).all(|pair| pair[0].id < pair[1].id));
    assert!(SAMPLERS.iter().all(|s| s.summary.ends_with('.') && !s.source.is_empty()));
    assert!(find_sampler("heun").is_none());
}

#[test]
fn the_deterministic_process_ends_on_training_points() {
    let flow = triangle();
    let drawn = run("euler", "steps = 50, samples = 300", &flow).unwrap();
    let found = nearest(&drawn.samples, &flow.0);
    assert!(found.iter().all(|(_, distance)| *distance < 1e-12));
    // By symmetry and balance every point is reached, none by fewer than a fifth of the samples.
    for i in 0..3 {
        assert!(found.iter().filter(|(nearest, _)| *nearest == i).count() > 60);
    }
    assert_eq!(drawn.evaluations.gradients, 300 * 50);
    assert!(drawn.prediction.residual_variance.unwrap() < 1e-24);
    assert!((drawn.prediction.data_scale - 1.0).abs() < 1e-12);
}

#[test]
fn the_last_step_forgets_every_error_but_its_own() {
    let flow = triangle();
    let h = 1.0 / 40.0;
    for (kind, size) in [("constant", 0.3), ("outward", 2.0), ("random-direction", 10.0)] {
        let config = format!("steps = 40, samples = 200, error = {{ size = {size}, kind = '{kind}' }}");
        let drawn = run("euler", &config, &flow).unwrap();
        let bound = drawn.prediction.hull.unwrap();
        assert!((bound.error_term - h * size).abs() < 1e-9 && bound.start_factor < 1e-9);
        assert!((bound.hull_scale - 1.0).abs() < 1e-9);
        assert_eq!(drawn.prediction.residual_variance, None);
        // A triangle is where no edge's outward normal sees more than h d.
        for x in drawn.samples.rows() {
            for (normal, offset) in [((-1.0, 0.0), 1.0), ((0.447_213_6, 0.894_427_2), 0.894_427_2)] {
                assert!(normal.0 * x[0] + normal.1 * x[1] <= offset + h * size + 1e-6, "{kind}: {x}");
            }
        }
    }
}

#[test]
fn noise_leaves_the_predicted_spread() {
    let flow = triangle();
    for config in
        ["steps = 100", "steps = 100, noise = 0.5, power = 1.0", "steps = 60, end = 0.9, noise = 0.3"]
    {
        let drawn = run("euler-maruyama", &format!("samples = 4000, {config}"), &flow).unwrap();
        let predicted = drawn.prediction.residual_variance.unwrap();
        let centres = &flow.0 * drawn.prediction.data_scale;
        let squared = nearest(&drawn.samples, &centres).iter().map(|(_, d)| d * d).sum::<f64>();
        let ratio = squared / 8000.0 / predicted;
        // Standard error sqrt(2 / 8000) = 0.016; the early steps, with weight on several points, leave a little more.
        assert!((ratio - 1.0).abs() < 0.06, "{config}: {ratio}");
        assert_eq!(drawn.prediction.hull, None);
    }
}

#[test]
fn stopping_early_leaves_noise_of_the_scale_left() {
    let flow = triangle();
    let drawn = run("euler", "steps = 90, end = 0.9, samples = 2000", &flow).unwrap();
    // 0.1^2: with all steps affine around one point, the scale of the noise is followed exactly.
    assert!((drawn.prediction.residual_variance.unwrap() - 0.01).abs() < 1e-12);
    let bound = drawn.prediction.hull.unwrap();
    assert!((bound.start_factor - 0.1).abs() < 1e-12 && bound.error_term.abs() < 1e-15);
}

#[test]
fn the_same_stream_draws_the_same_samples() {
    let flow = triangle();
    for kind in ["euler", "euler-maruyama"] {
        let config = "steps = 10, samples = 20, error = { size = 0.1, kind = 'random-direction' }";
        assert_eq!(run(kind, config, &flow), run(kind, config, &flow));
        let built = sampler(kind, config);
        assert_eq!((built.samples(), built.steps()), (20, 10));
        let drawn = run(kind, config, &flow).unwrap();
        assert_eq!(drawn.evaluations.total(), built.evaluations_at_most());
    }
}

#[test]
fn what_cannot_be_drawn_says_why() {
    let flow = triangle();
    let unstable = run("euler-maruyama", "steps = 50, samples = 5, power = 0", &flow).unwrap_err();
    assert!(matches!(unstable, SampleError::Unstable { step, .. } if step > 25), "{unstable}");
    assert!(unstable.to_string().contains("more steps"));
    let many = run("euler", "steps = 1, samples = 4294967295", &flow).unwrap_err();
    assert!(matches!(many, SampleError::TooMany { .. }), "{many}");
    let mut rng = Seed::new(7).stream(&[]);
    let stopped = sampler("euler", "steps = 9, samples = 5").sample(&flow, &mut rng, &mut |step| {
        if step == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(stopped, Err(SampleError::Interrupted));
    let cases = [
        ("steps = 0, samples = 1", "nonzero"),
        ("samples = 1", "missing field `steps`"),
        ("steps = 1, samples = 1, end = 1.5", "above 0 and at most 1"),
        ("steps = 1, samples = 1, error = { size = -1.0, kind = 'constant' }", "not negative"),
        ("steps = 1, samples = 1, error = { size = 1.0, kind = 'uphill' }", "unknown variant"),
        ("steps = 1, samples = 1, stop = 1.0", "unknown field `stop`"),
    ];
    for (config, expected) in cases {
        let message = build("euler", config).unwrap_err().to_string();
        assert!(message.contains(expected), "{config}: {message}");
    }
}
