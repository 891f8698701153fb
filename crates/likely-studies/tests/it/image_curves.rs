//! Pictures along curves, in a space of four pixels that is easily checked by hand.

use likely_core::{Euclidean, EvalError, FeatureNetwork, ImageShape, ImageSpace, Seed};
use likely_metrics::distances::{FeatureSet, FeatureSource, frechet_distance};
use likely_models::ChiSquareNorm;
use likely_studies::{Findings, ImagesOf, Study, StudyError, Subject, find};
use ndarray::{Array2, ArrayView2, Axis, array, s};
use std::num::{NonZeroU32, NonZeroUsize};
use std::ops::ControlFlow;

const SHAPE: ImageShape = ImageShape { channels: 1, height: 2, width: 2 };

/// Points are twice the pixels.
struct Twice;

impl ImageSpace for Twice {
    fn dim(&self) -> usize {
        4
    }
    fn shape(&self) -> ImageShape {
        SHAPE
    }
    fn decode(&self, points: ArrayView2<'_, f64>) -> Result<Array2<f64>, EvalError> {
        Ok(points.mapv(|x| x / 2.0))
    }
    fn encode(&self, images: ArrayView2<'_, f64>) -> Result<Array2<f64>, EvalError> {
        Ok(images.mapv(|x| x * 2.0))
    }
}

/// Two linear features under the name of a network whose numbers have names.
struct Linear(&'static str);

impl FeatureNetwork for Linear {
    fn id(&self) -> &str {
        self.0
    }
    fn dim(&self) -> usize {
        2
    }
    fn weights_sha256(&self) -> &'static str {
        "0000000000000000000000000000000000000000000000000000000000000000"
    }
    fn features(&self, images: ArrayView2<'_, f64>, _: ImageShape) -> Result<Array2<f64>, EvalError> {
        Ok(images.dot(&array![[3.0, 0.0], [0.0, 1.0], [0.0, 2.0], [0.0, -1.0]]))
    }
}

/// Thirty images of three classes.
fn held_out() -> (Array2<f64>, Vec<u8>) {
    let images =
        Array2::from_shape_fn((30, 4), |(i, p)| 0.1 + 0.8 * ((i * 7 + p * 13 + i * p) % 29) as f64 / 29.0);
    (images, (0..30).map(|i| (i % 3) as u8).collect())
}

fn study(config: &str) -> Result<Box<dyn Study>, String> {
    let config = toml::de::DeTable::parse(config).map_err(|error| error.to_string())?;
    let built = (find("image-curves").unwrap().build)(config).map_err(|error| error.to_string())?;
    Ok(built.study)
}

fn ask(config: &str, segments: usize, change: impl Fn(&mut ImagesOf<'_>)) -> Result<Findings, StudyError> {
    let (images, labels) = held_out();
    let classes = ["coat", "boot"].map(str::to_owned);
    let network = Linear("fashion-classifier");
    let mut images = ImagesOf {
        space: &Twice,
        held_out: images.view(),
        labels: Some(&labels),
        classes: &classes,
        network: Some(&network),
    };
    change(&mut images);
    let (geometry, potential) = (Euclidean::new(4), ChiSquareNorm::new(NonZeroU32::new(4).unwrap()));
    let subject = Subject {
        geometry: &geometry,
        derived: None,
        potential: &potential,
        points: None,
        typical: None,
        pairs: &[],
        images: Some(images),
        segments: NonZeroUsize::new(segments).unwrap(),
    };
    let mut rng = Seed::new(5).stream(&[("study", "image-curves")]);
    study(config).unwrap().run(&subject, &mut rng, &mut |_| ControlFlow::Continue(()))
}

fn value(findings: &Findings, id: &str) -> f64 {
    let reading = findings.numbers.iter().find(|reading| reading.id == id).unwrap();
    *reading.value.as_ref().unwrap_or_else(|reason| panic!("{id}: {reason}"))
}

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-10 * expected.abs().max(1.0), "{found}, not {expected}");
}

#[test]
fn numbers_of_straight_lines_are_those_of_their_ends() {
    let findings = ask("pairs = 6\nframes = 3\nshown = 6", 8, |_| {}).unwrap();
    let picture = &findings.pictures[0];
    assert_eq!(picture.columns, ["image", "start", "1", "2", "3", "end", "image"]);
    assert_eq!(picture.rows.len(), 6);
    let network = Linear("fashion-classifier");
    let (mut pixels, mut features, mut energy, mut interior) = (0.0, 0.0, 0.0, Vec::new());
    for row in &picture.rows {
        assert_eq!(row.images.row(0), row.images.row(1), "the space loses nothing");
        let [a, b] = [row.images.row(1), row.images.row(5)];
        let gap = &b - &a;
        pixels += gap.dot(&gap).sqrt() / 6.0;
        energy += 4.0 * gap.dot(&gap) / 8.0 / 6.0;
        let seen = network.features(row.images.view(), SHAPE).unwrap();
        let gap = &seen.row(5) - &seen.row(1);
        features += gap.dot(&gap).sqrt() / 6.0;
        interior.push(seen.slice(s![2..5, ..]).to_owned());
        let middle = &row.images.row(3) * 2.0;
        assert!((&middle - &(&a + &b)).iter().all(|x| x.abs() < 1e-12));
    }
    close(value(&findings, "images-pixel-length"), pixels);
    close(value(&findings, "images-length-fashion-classifier"), features);
    close(value(&findings, "images-energy"), energy);
    close(value(&findings, "images-pdv-fashion-classifier"), 0.0);
    close(value(&findings, "images-end-error"), 0.0);
    close(value(&findings, "images-unconverged"), 0.0);
    close(value(&findings, "images-evaluations"), 0.0);
    let source = FeatureSource::new(Some(network.id()), Some(network.weights_sha256()), None).unwrap();
    let views: Vec<_> = interior.iter().map(|rows| rows.view()).collect();
    let fake = FeatureSet::new(ndarray::concatenate(Axis(0), &views).unwrap(), source.clone()).unwrap();
    let real = FeatureSet::new(network.features(held_out().0.view(), SHAPE).unwrap(), source).unwrap();
    close(value(&findings, "fd-fashion-classifier"), frechet_distance(&real, &fake).unwrap().value);
    let error = findings.std_errs.iter().find(|(id, _)| *id == "fd-fashion-classifier").unwrap().1;
    assert!(error > 0.0 && error.is_finite(), "{error}");
    let sets: Vec<f64> = findings.series[0].values.iter().copied().collect();
    assert!(findings.series[0].id == "image-sets" && sets == [30.0, 18.0, 6.0]);
}

#[test]
fn every_number_of_the_kind_is_answered_or_has_a_reason() {
    let findings = ask("pairs = 6\nframes = 3", 4, |_| {}).unwrap();
    let kind = find("image-curves").unwrap();
    for number in kind.numbers {
        let count = findings.numbers.iter().filter(|reading| reading.id == number.id).count();
        assert_eq!(count, 1, "{}", number.id);
    }
    let reason = |findings: &Findings, id: &str| {
        findings.numbers.iter().find(|reading| reading.id == id).unwrap().value.clone().unwrap_err()
    };
    assert!(reason(&findings, "images-log-likelihood").contains("up to a constant"));
    let blind = ask("pairs = 6\nframes = 3", 4, |images| images.network = None).unwrap();
    assert!(reason(&blind, "fd-fashion-classifier").contains("no feature network"));
    assert_eq!(blind.numbers.len(), kind.numbers.len());
}

#[test]
fn all_methods_join_the_same_images_of_different_classes() {
    let ends = |config: &str| -> Vec<Vec<f64>> {
        let findings = ask(&format!("pairs = 8\nframes = 1\nshown = 8\n{config}"), 8, |_| {}).unwrap();
        let rows = &findings.pictures[0].rows;
        assert!(rows.iter().all(|row| !row.label.starts_with("coat to coat") && row.label.contains(" to ")));
        rows.iter().map(|row| row.images.select(Axis(0), &[0, 4]).iter().copied().collect()).collect()
    };
    let straight = ends("method = \"linear\"");
    assert_eq!(straight, ends("method = \"slerp\""));
    assert_eq!(straight, ends("method = \"prob-georce\"\nconfig = { weight = { relative = 20.0 } }"));
}

#[test]
fn likely_curves_have_a_lower_potential_and_count_what_they_cost() {
    let straight = ask("pairs = 5\nframes = 3", 8, |_| {}).unwrap();
    let config = "pairs = 5\nframes = 3\nmethod = \"prob-georce-accelerated\"\nconfig = { weight = { relative = 20.0 } }";
    let likely = ask(config, 8, |_| {}).unwrap();
    assert!(value(&likely, "images-potential") < value(&straight, "images-potential"));
    assert!(value(&likely, "images-evaluations") > 0.0 && likely.iterations > 0);
    assert!(value(&likely, "images-pdv-fashion-classifier") > 0.0);
}

#[test]
fn what_cannot_be_asked_says_what_would_be_right() {
    let reason = |config: &str, segments: usize, change: &dyn Fn(&mut ImagesOf<'_>)| match ask(
        config, segments, change,
    ) {
        Err(StudyError::Unsupported { reason }) => reason,
        other => panic!("{other:?}"),
    };
    assert!(reason("frames = 3", 10, &|_| {}).contains("use 12 segments"));
    assert!(reason("frames = 3", 8, &|images| images.labels = None).contains("use `of = \"any\"`"));
    assert!(reason("frames = 3\npairs = 301", 8, &|_| {}).contains("make 300 such pairs"));
    assert!(ask("frames = 3\npairs = 4\nof = \"any\"", 8, |images| images.labels = None).is_ok());
    let other = Linear("inception-v3");
    assert_eq!(
        network_reason(&other),
        "numbers of the feature network `inception-v3` have no names; those of clean-fid-inception-v3, fashion-classifier, fid-inception-v3, inception-v3-nsfwjs, mobilenet-v2-nsfwjs, tf1-fid-inception-v3 have"
    );
    let message = study("method = \"slurp\"").unwrap_err();
    assert!(message.contains("there is no method `slurp`; there are adagrad"), "{message}");
    assert!(study("pairs = 0").is_err() && study("frames = 0").is_err() && study("colour = 1").is_err());
}

fn network_reason(network: &Linear) -> String {
    let (images, labels) = held_out();
    let images = ImagesOf {
        space: &Twice,
        held_out: images.view(),
        labels: Some(&labels),
        classes: &[],
        network: Some(network),
    };
    let (geometry, potential) = (Euclidean::new(4), ChiSquareNorm::new(NonZeroU32::new(4).unwrap()));
    let subject = Subject {
        geometry: &geometry,
        derived: None,
        potential: &potential,
        points: None,
        typical: None,
        pairs: &[],
        images: Some(images),
        segments: NonZeroUsize::new(9).unwrap(),
    };
    let mut rng = Seed::new(5).stream(&[]);
    let answer = study("").unwrap().run(&subject, &mut rng, &mut |_| ControlFlow::Continue(()));
    answer.unwrap_err().to_string()
}
