//! Pictures along curves, in a space of four pixels that is easily checked by hand.

use likely_core::{
    Euclidean, EvalError, FeatureNetwork, ImageLikelihood, ImageLikelihoods, ImageShape, ImageSpace,
    Normalisation, Potential, Seed, Symmetry, ValueGrad,
};
use likely_metrics::distances::{FeatureSet, FeatureSource, frechet_distance};
use likely_models::ChiSquareNorm;
use likely_studies::{Findings, ImagesOf, Kept, Study, StudyError, Subject, find};
use ndarray::{Array1, Array2, ArrayView2, Axis, array, s};
use std::num::{NonZeroU32, NonZeroUsize};
use std::ops::ControlFlow;

const SHAPE: ImageShape = ImageShape { channels: 1, height: 2, width: 2 };

/// Points are twice the pixels; whether the model says how likely images are.
struct Twice {
    likely: bool,
}

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
    fn likelihood(&self) -> Option<&dyn ImageLikelihood> {
        self.likely.then_some(self as &dyn ImageLikelihood)
    }
}

/// Minus half the squared norm of the point.
impl ImageLikelihood for Twice {
    fn estimator(&self) -> String {
        "exact".to_owned()
    }
    fn likelihoods(&self, images: ArrayView2<'_, f64>) -> Result<ImageLikelihoods, EvalError> {
        let values = images.rows().into_iter().map(|row| -2.0 * row.dot(&row)).collect();
        Ok(ImageLikelihoods { log_likelihood: Some(values), bound: None })
    }
}

/// The gradient of half the squared norm, without values.
struct ScoreOnly;

impl Potential for ScoreOnly {
    fn dim(&self) -> usize {
        4
    }
    fn normalisation(&self) -> Normalisation {
        Normalisation::UpToConstant
    }
    fn symmetry(&self) -> Symmetry<'_> {
        Symmetry::None
    }
    fn value(&self, _: ArrayView2<'_, f64>) -> Result<Array1<f64>, EvalError> {
        Err(EvalError::Model { reason: "there is a score and no likelihood".to_owned() })
    }
    fn value_and_grad(&self, points: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError> {
        Ok(ValueGrad { value: Array1::from_elem(points.nrows(), f64::NAN), grad: points.to_owned() })
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
    study_of("image-curves", config)
}

fn study_of(kind: &str, config: &str) -> Result<Box<dyn Study>, String> {
    let config = toml::de::DeTable::parse(config).map_err(|error| error.to_string())?;
    let built = (find(kind).unwrap().build)(config).map_err(|error| error.to_string())?;
    Ok(built.study)
}

fn ask(config: &str, segments: usize, change: impl Fn(&mut ImagesOf<'_>)) -> Result<Findings, StudyError> {
    let potential = ChiSquareNorm::new(NonZeroU32::new(4).unwrap());
    ask_of("image-curves", config, segments, (&potential, false), change)
}

fn ask_of(
    kind: &str,
    config: &str,
    segments: usize,
    (potential, score_only): (&dyn Potential, bool),
    change: impl Fn(&mut ImagesOf<'_>),
) -> Result<Findings, StudyError> {
    let kept = Kept::default();
    let (images, labels) = held_out();
    let classes = ["coat", "boot"].map(str::to_owned);
    let network = Linear("fashion-classifier");
    let mut images = ImagesOf {
        space: &Twice { likely: false },
        held_out: images.view(),
        labels: Some(&labels),
        classes: &classes,
        network: Some(&network),
        training: None,
        kept: &kept,
    };
    change(&mut images);
    let geometry = Euclidean::new(4);
    let subject = Subject {
        geometry: &geometry,
        derived: None,
        potential,
        score_only,
        points: None,
        typical: None,
        pairs: &[],
        images: Some(images),
        segments: NonZeroUsize::new(segments).unwrap(),
    };
    let mut rng = Seed::new(5).stream(&[("study", "image-curves")]);
    study_of(kind, config).unwrap().run(&subject, &mut rng, &mut |_| ControlFlow::Continue(()))
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
    let each = &findings.series[1];
    let lengths = each.columns.iter().position(|column| column.name == "pixel length").unwrap();
    assert_eq!((each.id.as_str(), each.values.nrows()), ("image-pairs", 6));
    close(each.values.column(lengths).sum() / 6.0, pixels);
}

fn error_of(findings: &Findings, id: &str) -> f64 {
    findings.std_errs.iter().find(|(of, _)| *of == id).unwrap_or_else(|| panic!("{id} has no error")).1
}

#[test]
fn all_numbers_about_sets_have_errors_over_pairs() {
    let findings = ask("pairs = 6\nframes = 3", 4, |_| {}).unwrap();
    let sets = ["fd", "kid", "precision-k3", "recall-k3", "density-k5", "coverage-k5"];
    let errors = sets.map(|set| error_of(&findings, &format!("{set}-fashion-classifier")));
    // All frames lie among held-out images here, whichever pair is left out.
    close(value(&findings, "precision-k3-fashion-classifier"), 1.0);
    assert!(errors.iter().enumerate().all(|(i, error)| (i == 2) == (*error < 1e-15)), "{errors:?}");
    let one = ask("pairs = 1\nframes = 7", 8, |_| {}).unwrap();
    assert!(one.std_errs.is_empty(), "one pair has no error: {:?}", one.std_errs);
}

#[test]
fn frames_are_as_likely_and_as_typical_as_the_model_says() {
    let likely = |images: &mut ImagesOf<'_>| images.space = &Twice { likely: true };
    let findings = ask("pairs = 6\nframes = 3\nshown = 6", 4, likely).unwrap();
    let rows = &findings.pictures[0].rows;
    let of_row = |row: &likely_studies::PictureRow| {
        let frames = row.images.slice(s![2..5, ..]);
        frames.rows().into_iter().map(|frame| -2.0 * frame.dot(&frame)).sum::<f64>() / 3.0
    };
    let expected = rows.iter().map(of_row).sum::<f64>() / 6.0;
    close(value(&findings, "images-frame-log-likelihood"), expected);
    close(value(&findings, "images-bits-per-dim"), 8.0 - expected / (4.0 * std::f64::consts::LN_2));
    assert!(error_of(&findings, "images-frame-log-likelihood") > 0.0);
    // Points between images have squared norms about those of noise; those at the origin are likelier than all samples.
    let typical = value(&findings, "images-typicality");
    assert!(typical > 0.1 && typical < 0.9, "{typical}");
    let dark = |images: &mut ImagesOf<'_>| {
        likely(images);
        images.held_out = DARK.view();
        images.labels = None;
    };
    let findings = ask("pairs = 1\nof = \"any\"\nframes = 3", 4, dark).unwrap();
    close(value(&findings, "images-typicality"), 1.0);
    assert!(value(&findings, "images-norm-tail") < 1e-6);
    let reason = |id: &str| {
        findings.numbers.iter().find(|reading| reading.id == id).unwrap().value.clone().unwrap_err()
    };
    assert_eq!(reason("images-frame-bound"), "the model gives no lower bound of the log-likelihood (exact)");
    assert_eq!(reason("images-bits-per-dim-bound"), reason("images-frame-bound"));
    let quiet = ask("pairs = 6\nframes = 3\nlikelihood = false", 4, likely).unwrap();
    let missing = quiet.numbers.iter().filter(|reading| {
        reading.value.as_ref().is_err_and(|reason| reason.contains("set `likelihood = true`"))
    });
    assert_eq!(missing.count(), 5);
}

static DARK: std::sync::LazyLock<Array2<f64>> =
    std::sync::LazyLock::new(|| array![[0.0, 0.0, 0.0, 1e-4], [0.0, 1e-4, 0.0, 0.0]]);

#[test]
fn a_model_that_has_its_score_alone_has_all_numbers_but_those_of_the_potential() {
    let config = "pairs = 4\nframes = 3\nmethod = \"prob-georce\"\nconfig = { line-search = { adaptive = { rate = 0.1 } }, weight = { relative = 5.0 }, max-iterations = 500 }";
    let findings = ask_of("image-curves", config, 4, (&ScoreOnly, true), |_| {}).unwrap();
    let missing = |reading: &&likely_studies::Reading| {
        reading.value.as_ref().is_err_and(|reason| !reason.contains("the spec's features are those of"))
    };
    let without: Vec<_> = findings.numbers.iter().filter(missing).collect();
    for reading in &without {
        let reason = reading.value.as_ref().unwrap_err();
        let of_values = reading.id.starts_with("images-log") || reading.id == "images-potential";
        let expected =
            if of_values { "there is a score and no likelihood" } else { "the model says of no image" };
        assert!(reason.contains(expected), "{}: {reason}", reading.id);
    }
    assert_eq!(without.len(), 7);
    assert!(value(&findings, "images-evaluations") > 0.0 && value(&findings, "fd-fashion-classifier") > 0.0);
    // The score pulls to the origin.
    let straight = ask_of("image-curves", "pairs = 4\nframes = 3", 4, (&ScoreOnly, true), |_| {}).unwrap();
    let sum = |findings: &Findings| findings.pictures[0].rows[0].images.sum();
    assert!(sum(&findings) < sum(&straight));
    // Without values a line search has nothing to go by.
    let config = "pairs = 4\nframes = 3\nmethod = \"prob-georce\"";
    let refused = ask_of("image-curves", config, 4, (&ScoreOnly, true), |_| {}).unwrap_err().to_string();
    assert!(refused.contains("score"), "{refused}");
    let other = ask_of("typical-weight", "", 4, (&ScoreOnly, true), |_| {}).unwrap_err().to_string();
    assert!(other.contains("reveals its score alone"), "{other}");
}

#[test]
fn samples_of_a_model_are_held_against_held_out_images() {
    static ANOTHER: Linear = Linear("clean-fid-inception-v3");
    let sample = |config: &str| ask_of("image-samples", config, 4, (&ScoreOnly, true), |_| {});
    let findings = sample("samples = 60\nshown = 25").unwrap();
    let kind = find("image-samples").unwrap();
    assert_eq!(findings.numbers.len(), kind.numbers.len());
    close(value(&findings, "samples-count"), 60.0);
    let (own, others): (Vec<_>, Vec<_>) =
        kind.numbers[1..].iter().map(|number| number.id).partition(|id| id.ends_with("fashion-classifier"));
    for id in &own {
        assert!(value(&findings, id).is_finite() && error_of(&findings, id).is_finite());
    }
    let reason_of = |id: &str| {
        findings.numbers.iter().find(|reading| reading.id == id).unwrap().value.clone().unwrap_err()
    };
    assert!(others.iter().all(|id| reason_of(id).contains("are those of `fashion-classifier`, not of `")));
    assert_eq!((own.len(), others.len()), (6, 36));
    // The same features under another name are other numbers with the same values.
    let config = "samples = 60";
    let renamed = |images: &mut ImagesOf<'_>| images.network = Some(&ANOTHER);
    let same = ask_of("image-samples", config, 4, (&ScoreOnly, true), renamed).unwrap();
    let pairs = [
        ("samples-clean-fid-inception-v3", "samples-fd-fashion-classifier"),
        ("samples-clean-coverage-k5-inception-v3", "samples-coverage-k5-fashion-classifier"),
    ];
    for (there, here) in pairs {
        close(value(&same, there), value(&findings, here));
    }
    assert!(error_of(&findings, "samples-fd-fashion-classifier") > 0.0);
    let picture = &findings.pictures[0];
    assert_eq!((picture.rows.len(), picture.columns.len()), (2, 10), "whole rows alone");
    // Half of standard normal numbers.
    let deviation = |findings: &Findings| {
        let values = findings.pictures[0].rows.iter().flat_map(|row| row.images.iter().copied());
        (values.clone().map(|x| x * x).sum::<f64>() / values.count() as f64).sqrt()
    };
    assert!((deviation(&findings) - 0.5).abs() < 0.1, "{}", deviation(&findings));
    let more = sample("samples = 90\nshown = 20").unwrap();
    assert_eq!(more.pictures[0].rows[0].images, picture.rows[0].images, "more samples begin with the same");
    // Training images are at no distance from themselves.
    let training = |images: &mut ImagesOf<'_>| images.training = Some(images.held_out);
    let config = "samples = 30\nof = \"training-images\"";
    let floor = ask_of("image-samples", config, 4, (&ScoreOnly, true), training).unwrap();
    close(value(&floor, "samples-fd-fashion-classifier"), 0.0);
    close(value(&floor, "samples-precision-k3-fashion-classifier"), 1.0);
    let reason = |found: Result<Findings, StudyError>| found.unwrap_err().to_string();
    assert!(reason(sample(config)).contains("there are no training images"));
    let more = "samples = 31\nof = \"training-images\"";
    let found = ask_of("image-samples", more, 4, (&ScoreOnly, true), training);
    assert!(reason(found).contains("there are 30 training images"));
    let blind = |images: &mut ImagesOf<'_>| images.network = None;
    let found = ask_of("image-samples", "", 4, (&ScoreOnly, true), blind);
    assert!(reason(found).contains("no feature network"));
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
        "numbers of the feature network `inception-v3` have no names; those of clean-fid-inception-v3, fashion-classifier, fid-inception-v3, inception-v3-nsfwjs, mobilenet-v2-nsfwjs, pixels, tf1-fid-inception-v3 have"
    );
    let message = study("method = \"slurp\"").unwrap_err();
    assert!(message.contains("there is no method `slurp`; there are adagrad"), "{message}");
    assert!(study("pairs = 0").is_err() && study("frames = 0").is_err() && study("colour = 1").is_err());
}

fn network_reason(network: &Linear) -> String {
    let kept = Kept::default();
    let (images, labels) = held_out();
    let images = ImagesOf {
        space: &Twice { likely: false },
        held_out: images.view(),
        labels: Some(&labels),
        classes: &[],
        network: Some(network),
        training: None,
        kept: &kept,
    };
    let (geometry, potential) = (Euclidean::new(4), ChiSquareNorm::new(NonZeroU32::new(4).unwrap()));
    let subject = Subject {
        geometry: &geometry,
        derived: None,
        potential: &potential,
        score_only: false,
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
