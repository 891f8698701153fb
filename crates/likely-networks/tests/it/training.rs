//! Training of a tiny network: its bytes, interruptions, and what is refused.

use likely_core::Seed;
use likely_networks::Weights;
use likely_networks::candle::Tensor;
use likely_networks::training::{
    About, ByHand, CheckpointError, DataSource, EARLY, HeldOut, Identity, Objective, Parameter, Parameters,
    Points, Settings, Split, State, Step, Training, TrainingError, Variables,
};
use ndarray::{Array1, Array2, ArrayView2};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use std::ops::ControlFlow;

/// `mean (y - v tanh(w x + b))^2` with noise on x, over rows `(x, y)`.
struct Regression {
    /// The step at which the loss becomes NaN.
    breaks_at: Option<u64>,
    /// A parameter that the loss does not use.
    idle: bool,
}

const SOUND: Regression = Regression { breaks_at: None, idle: false };

impl Objective for Regression {
    fn parameters(&self, seed: Seed) -> Vec<Parameter> {
        let drawn = |name: &str, shape: &[usize]| {
            let mut stream = seed.stream(&[("training", "initial"), ("parameter", name)]);
            let initial = (0..shape.iter().product()).map(|_| stream.random_range(-1.0..1.0)).collect();
            Parameter { name: name.to_owned(), shape: shape.to_vec(), initial }
        };
        let mut all = vec![drawn("w", &[8, 1]), drawn("b", &[8]), drawn("v", &[1, 8])];
        if self.idle {
            all.push(drawn("idle", &[3]));
        }
        all
    }

    fn loss(&self, step: &mut Step<'_>, variables: &Variables) -> Result<Tensor, TrainingError> {
        let points = step.points()?;
        let noise = (step.normals(&[step.rows(), 1])? * 0.01)?;
        let x = (points.narrow(1, 0, 1)? + noise)?;
        let hidden = x.matmul(&variables.get("w")?.t()?)?.broadcast_add(variables.get("b")?)?.tanh()?;
        let found = hidden.matmul(&variables.get("v")?.t()?)?;
        let loss = (found - points.narrow(1, 1, 1)?)?.sqr()?.mean_all()?;
        Ok(if self.breaks_at == Some(step.index) { (loss * f64::NAN)? } else { loss })
    }

    fn held_out(
        &self,
        _: &Parameters,
        _: ArrayView2<'_, f64>,
        _: Seed,
    ) -> Result<Vec<HeldOut>, TrainingError> {
        Ok(Vec::new())
    }

    fn architecture(&self) -> String {
        String::new()
    }

    fn loss_in_words(&self) -> String {
        String::new()
    }
}

/// Points `(x, sin 2x)`.
struct Wave;

impl DataSource for Wave {
    fn dim(&self) -> usize {
        2
    }

    fn split(&self, training: usize, held_out: usize, seed: Seed) -> Result<Split, TrainingError> {
        let draw = |count, name| self.fresh(count, &mut seed.stream(&[("data", name)])).unwrap();
        Ok(Split { training: draw(training, "training"), held_out: draw(held_out, "held-out") })
    }

    fn fresh(&self, count: usize, stream: &mut ChaCha8Rng) -> Option<Array2<f64>> {
        let x: Vec<f64> = (0..count).map(|_| stream.random_range(-1.5..1.5)).collect();
        Some(Array2::from_shape_fn((count, 2), |(i, j)| if j == 0 { x[i] } else { libm::sin(2.0 * x[i]) }))
    }

    fn log_density(&self, _: ArrayView2<'_, f64>) -> Option<Array1<f64>> {
        None
    }

    fn about(&self) -> About {
        About { description: String::new(), source: String::new(), licence: String::new() }
    }
}

fn settings(more: &str) -> Settings {
    let text =
        format!("seed = 5\nbatch = 16\noptimiser = \"adam\"\nlearning-rate = 0.02\nclip = 1.0\n{more}");
    toml::from_str(&text).unwrap()
}

fn points() -> Array2<f64> {
    Wave.split(50, 1, Seed::new(1)).unwrap().training
}

fn identity(steps: u64) -> Identity {
    Identity { program: "likely 0".into(), spec: "ab".into(), data: "cd".into(), steps }
}

/// The state after training to the end, as the bytes of its checkpoint, and the losses.
fn trained<'a>(objective: &'a Regression, settings: &'a Settings, points: &Points<'a>) -> (State, Vec<f64>) {
    let mut training = Training::new(objective, points, settings, None).unwrap();
    let mut state = training.begin().unwrap();
    let mut losses = Vec::new();
    training
        .run(&mut state, &mut |_, progress| {
            losses.push(progress.loss);
            ControlFlow::Continue(())
        })
        .unwrap();
    (state, losses)
}

#[test]
fn a_tiny_network_learns_and_its_bytes_are_a_function_of_the_seed() {
    let set = points();
    let settings = settings("epochs = 40\nschedule = \"cosine\"");
    let (state, losses) = trained(&SOUND, &settings, &Points::Set(set.view()));
    assert_eq!((state.step(), losses.len()), (160, 160), "40 epochs of 4 batches");
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let (before, after) = (mean(&losses[..8]), mean(&losses[152..]));
    assert!(after < 0.2 * before, "{before} {after}");
    let (again, _) = trained(&SOUND, &settings, &Points::Set(set.view()));
    assert_eq!(again, state);
    let other = Settings { seed: 6, ..settings };
    assert_ne!(trained(&SOUND, &other, &Points::Set(set.view())).0.parameters(), state.parameters());
    assert_eq!(state.early().map(str::len), Some(64), "there were more than {EARLY} steps");
}

#[test]
fn a_training_cut_anywhere_goes_on_to_the_same_bytes() {
    let set = points();
    let all = [settings("epochs = 35\nweight-decay = 0.01"), settings("steps = 140\nschedule = \"cosine\"")];
    for (settings, points) in all.iter().zip([Points::Set(set.view()), Points::Fresh(&Wave)]) {
        let (whole, _) = trained(&SOUND, settings, &points);
        let identity = identity(140);
        for cut in [1, 3, 4, 99, 100, 101, 139] {
            let mut first = Training::new(&SOUND, &points, settings, None).unwrap();
            let mut state = first.begin().unwrap();
            let stop = |_: &State, progress: &likely_networks::training::Progress| {
                if progress.step == cut { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            first.run(&mut state, &mut { stop }).unwrap();
            let bytes = state.to_checkpoint(&identity).unwrap();
            drop((first, state));
            let mut second = Training::new(&SOUND, &points, settings, None).unwrap();
            let initial = second.begin().unwrap().parameters().clone();
            let mut state = State::from_checkpoint(&bytes, &identity, initial).unwrap();
            assert_eq!(state.step(), cut);
            second.run(&mut state, &mut |_, _| ControlFlow::Continue(())).unwrap();
            assert_eq!(state, whole, "cut after {cut}");
        }
    }
}

#[test]
fn any_damaged_byte_of_a_checkpoint_is_noticed_and_another_training_is_refused() {
    let set = points();
    let settings = settings("epochs = 2");
    let (state, _) = trained(&SOUND, &settings, &Points::Set(set.view()));
    let initial = || state.parameters().clone();
    let bytes = state.to_checkpoint(&identity(8)).unwrap();
    assert_eq!(State::from_checkpoint(&bytes, &identity(8), initial()).unwrap(), state);
    let mut refused = 0;
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        match State::from_checkpoint(&damaged, &identity(8), initial()) {
            Err(_) => refused += 1,
            // Spaces fill the header up, and JSON has more than one way to write the same.
            Ok(read) => assert_eq!(read, state, "byte {at}"),
        }
    }
    assert!(refused + 16 > bytes.len(), "{refused} of {}", bytes.len());
    for length in [0, 7, 8, bytes.len() / 2, bytes.len() - 1] {
        let cut = State::from_checkpoint(&bytes[..length], &identity(8), initial());
        assert!(matches!(cut, Err(CheckpointError::Damaged { .. })), "{length}");
    }
    let others = [
        Identity { program: "likely 1".into(), ..identity(8) },
        Identity { spec: "ac".into(), ..identity(8) },
        Identity { data: "ce".into(), ..identity(8) },
        identity(9),
    ];
    let said = ["the version of the program", "the spec", "the data", "the number of steps"];
    for (other, said) in others.iter().zip(said) {
        let message = State::from_checkpoint(&bytes, other, initial()).unwrap_err().to_string();
        assert!(message.contains(said) && message.contains("another training"), "{message}");
    }
    let fewer = Parameters::new(SOUND.parameters(Seed::new(5)).split_off(1)).unwrap();
    let message = State::from_checkpoint(&bytes, &identity(8), fewer).unwrap_err().to_string();
    assert!(message.contains("shape"), "{message}");
}

#[test]
fn a_loss_that_is_not_a_number_stops_with_the_state_before_it() {
    let set = points();
    let settings = settings("epochs = 5");
    let broken = Regression { breaks_at: Some(13), idle: false };
    let points = Points::Set(set.view());
    let mut training = Training::new(&broken, &points, &settings, None).unwrap();
    let mut state = training.begin().unwrap();
    let error = training.run(&mut state, &mut |_, _| ControlFlow::Continue(())).unwrap_err();
    assert!(matches!(error, TrainingError::NotFinite { step: 14, .. }), "{error}");
    assert_eq!(error.to_string().split(';').next(), Some("the loss at step 14 is NaN"));
    let mut sound = Training::new(&SOUND, &points, &settings, Some(13)).unwrap();
    let mut wanted = sound.begin().unwrap();
    sound.run(&mut wanted, &mut |_, _| ControlFlow::Continue(())).unwrap();
    assert_eq!(state, wanted);
}

#[test]
fn a_parameter_without_gradient_and_settings_without_a_length_are_errors() {
    let set = points();
    let idle = Regression { breaks_at: None, idle: true };
    let three = settings("steps = 3");
    let mut training = Training::new(&idle, &Points::Set(set.view()), &three, None).unwrap();
    let mut state = training.begin().unwrap();
    let error = training.run(&mut state, &mut |_, _| ControlFlow::Continue(())).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("no gradient") && message.contains("`idle`"), "{message}");
    let said = |more: &str| {
        let settings = settings(more);
        let training = Training::new(&SOUND, &Points::Fresh(&Wave), &settings, None);
        training.err().unwrap().to_string()
    };
    assert!(said("").contains("neither `epochs` nor `steps`"));
    assert!(said("epochs = 1\nsteps = 2").contains("both `epochs` and `steps`"));
    assert!(said("epochs = 1").contains("give `steps`"));
}

#[test]
fn settings_say_what_is_wrong_with_a_number() {
    let said = |line: &str| {
        let text = format!("seed = 5\nbatch = 16\nsteps = 1\noptimiser = \"adam\"\n{line}");
        toml::from_str::<Settings>(&text).unwrap_err().message().to_owned()
    };
    assert_eq!(said("learning-rate = 0.0"), "0 is not above 0");
    assert_eq!(said("learning-rate = 1e-3\nweight-decay = -1.0"), "-1 is below 0");
    assert_eq!(
        said("learning-rate = 1e-3\nbetas = [0.9, 1.0]"),
        "[0.9, 1.0] are not both at least 0 and below 1"
    );
    assert!(said("learning-rate = 1e-3\nclip = inf").contains("inf"));
    assert!(said("learning-rate = 1e-3\nmomentum = 0.9").contains("unknown field `momentum`"));
}

#[test]
fn parameters_become_weights_and_come_back() {
    let initial = Parameters::new(SOUND.parameters(Seed::new(5))).unwrap();
    let bytes = initial.to_weights().unwrap().to_bytes();
    let weights = Weights::from_bytes(&bytes).unwrap();
    let zeros: Vec<Parameter> = initial
        .iter()
        .map(|(name, shape, values)| Parameter {
            name: name.to_owned(),
            shape: shape.to_vec(),
            initial: vec![0.0; values.len()],
        })
        .collect();
    let zeros = Parameters::new(zeros).unwrap();
    assert_ne!(zeros, initial);
    assert_eq!(zeros.with_values_of(&weights).unwrap(), initial);
    let message = zeros.with_values_of(&Weights::new()).unwrap_err().to_string();
    assert!(message.contains("`w`") && message.contains("`b`"), "{message}");
    let twice = vec![SOUND.parameters(Seed::new(5)).remove(0); 2];
    assert!(Parameters::new(twice).unwrap_err().to_string().contains("declared twice"));
}

/// `mean (y - a x - c)^2`, also by hand: sums and products alone, so that the bytes are the same on any processor.
struct Line;

impl Objective for Line {
    fn parameters(&self, _: Seed) -> Vec<Parameter> {
        let one = |name: &str, value| Parameter { name: name.into(), shape: vec![1], initial: vec![value] };
        vec![one("a", 0.25), one("c", -0.5)]
    }

    fn loss(&self, step: &mut Step<'_>, variables: &Variables) -> Result<Tensor, TrainingError> {
        let points = step.points()?;
        let found = points.narrow(1, 0, 1)?.broadcast_mul(variables.get("a")?)?;
        let found = found.broadcast_add(variables.get("c")?)?;
        Ok((found - points.narrow(1, 1, 1)?)?.sqr()?.mean_all()?)
    }

    fn by_hand(&self) -> Option<&dyn ByHand> {
        Some(self)
    }

    fn held_out(
        &self,
        _: &Parameters,
        _: ArrayView2<'_, f64>,
        _: Seed,
    ) -> Result<Vec<HeldOut>, TrainingError> {
        Ok(Vec::new())
    }

    fn architecture(&self) -> String {
        String::new()
    }

    fn loss_in_words(&self) -> String {
        String::new()
    }
}

impl ByHand for Line {
    fn gradient(
        &self,
        step: &mut Step<'_>,
        parameters: &Parameters,
        gradient: &mut [f32],
    ) -> Result<f64, TrainingError> {
        let [a, c] = [parameters.get("a")?[0], parameters.get("c")?[0]];
        let (mut loss, rows) = (0.0_f32, step.rows() as f32);
        gradient.fill(0.0);
        for point in step.batch.chunks_exact(2) {
            let error = a * point[0] + c - point[1];
            loss += error * error / rows;
            gradient[0] += 2.0 * error * point[0] / rows;
            gradient[1] += 2.0 * error / rows;
        }
        Ok(f64::from(loss))
    }
}

#[test]
fn a_gradient_by_hand_is_that_of_the_graph_and_trains_to_fixed_bytes() {
    let set = Array2::from_shape_fn((40, 2), |(i, j)| {
        let x = i as f64 / 16.0 - 1.0;
        if j == 0 { x } else { 0.75 * x + 0.125 }
    });
    let settings = settings("epochs = 100\nbetas = [0.5, 0.75]\nweight-decay = 0.015625");
    let points = Points::Set(set.view());
    let mut training = Training::new(&Line, &points, &settings, None).unwrap();
    let mut state = training.begin().unwrap();
    for index in [0, 2, 4] {
        let [hand, graph] = training.both_gradients(state.parameters(), index).unwrap().unwrap();
        assert!((hand.0 - graph.0).abs() < 1e-6, "{hand:?} {graph:?}");
        assert!(hand.1.iter().zip(&graph.1).all(|(a, b)| (a - b).abs() < 1e-6), "{hand:?} {graph:?}");
    }
    training.run(&mut state, &mut |_, _| ControlFlow::Continue(())).unwrap();
    let values = state.parameters().values();
    assert!((values[0] - 0.75).abs() < 0.03 && (values[1] - 0.125).abs() < 0.03, "{values:?}");
    assert_eq!([values[0].to_bits(), values[1].to_bits()], PINNED, "{values:?}");
}

/// What this program gave when the test was written: weights that were published must come out again.
const PINNED: [u32; 2] = [1_060_772_442, 1_038_530_968];
