//! Pictures along the curves of a method: pairs of held-out images, joined in the space of a model.

mod chi_law;
mod numbers;
mod pairs;
mod walk;

use crate::image_ends::ImageEnds;
use crate::image_sets::Sets;
use crate::image_subject::{self, refused};
use crate::series::column;
use crate::settings::Count;
use crate::study::from_config;
use crate::{
    Findings, ImagesOf, Observer, Picture, PictureRow, Reading, Series, Study, StudyError, StudyKind, Subject,
};
use likely_core::{Counted, CountedScore, Curve, Normalisation, ScoreOfPotential};
use likely_methods::{Density, InterpolateError, Interpolator, Scene};
use ndarray::{Array2, ArrayView2, Axis, array, concatenate, s};
use numbers::{NAMED, Named};
use pairs::ImagePair;
use rand_chacha::ChaCha8Rng;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use walk::Walk;

pub(crate) const STUDY: StudyKind = StudyKind {
    id: "image-curves",
    summary: "Pairs of held-out images joined by a method in the space of a model: how likely, how typical, how short and how lifelike the pictures between them are.",
    source: "arXiv 2510.26266, the experiments on images",
    numbers: numbers::NUMBERS,
    build: from_config::<ImageCurves>,
};

/// Which images are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Of {
    /// Two of different classes.
    #[default]
    DifferentClasses,
    /// Any two.
    Any,
}

/// The study as a spec asks for it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct ImageCurves {
    method: String,
    config: toml::Table,
    pairs: Count<10_000>,
    of: Of,
    frames: Count<1000>,
    shown: Count<1000>,
    likelihood: bool,
    #[serde(skip)]
    interpolator: Box<dyn Interpolator>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Wire {
    /// The kind of a method.
    #[serde(default = "linear")]
    method: String,
    /// Its configuration.
    #[serde(default)]
    config: toml::Table,
    /// Pairs of images.
    #[serde(default = "twenty")]
    pairs: Count<10_000>,
    #[serde(default)]
    of: Of,
    /// Pictures between the ends of a curve.
    #[serde(default = "eight")]
    frames: Count<1000>,
    /// Pairs that the picture of the study shows.
    #[serde(default = "four")]
    shown: Count<1000>,
    /// Whether the model is asked how likely the frames are.
    #[serde(default = "yes")]
    likelihood: bool,
}

fn linear() -> String {
    "linear".to_owned()
}

fn twenty() -> Count<10_000> {
    Count::new(20)
}

fn eight() -> Count<1000> {
    Count::new(8)
}

fn yes() -> bool {
    true
}

fn four() -> Count<1000> {
    Count::new(4)
}

impl<'de> Deserialize<'de> for ImageCurves {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(Wire::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl TryFrom<Wire> for ImageCurves {
    type Error = String;

    fn try_from(wire: Wire) -> Result<Self, String> {
        let kind = likely_methods::find(&wire.method).ok_or_else(|| {
            let known: Vec<&str> = likely_methods::ALL.iter().map(|method| method.id).collect();
            format!("there is no method `{}`; there are {}", wire.method, known.join(", "))
        })?;
        let text = wire.config.to_string();
        let built = toml::de::DeTable::parse(&text)
            .and_then(kind.build)
            .map_err(|error| format!("method `{}`: {}", kind.id, error.message()))?;
        let Wire { method, pairs, of, frames, shown, likelihood, .. } = wire;
        let (config, interpolator) = (built.resolved, built.interpolator);
        Ok(Self { method, config, pairs, of, frames, shown, likelihood, interpolator })
    }
}

/// Points that are decoded together, between two looks at whether to stop.
const TOGETHER: usize = 128;

/// What a method made of a pair.
struct Joined {
    curve: Curve,
    evaluations: u64,
    converged: bool,
    iterations: u32,
}

impl Study for ImageCurves {
    fn evaluations_at_most(&self, segments: usize) -> u64 {
        let one = self.interpolator.evaluations_at_most(segments).saturating_add(segments as u64);
        one.saturating_mul(self.pairs.get() as u64)
    }

    fn takes_score(&self) -> bool {
        true
    }

    /// A formula minimises nothing in a geometry.
    fn takes_derived(&self) -> bool {
        self.interpolator.evaluations_at_most(2) > 0
    }

    fn lambda(&self) -> Option<f64> {
        self.interpolator.lambda()
    }

    fn with_lambda(&self, lambda: f64) -> Option<Box<dyn Study>> {
        let interpolator = self.interpolator.with_lambda(lambda)?;
        let (method, config) = (self.method.clone(), self.config.clone());
        let Self { pairs, of, frames, shown, likelihood, .. } = *self;
        Some(Box::new(Self { method, config, pairs, of, frames, shown, likelihood, interpolator }))
    }

    fn answer(
        &self,
        subject: &Subject<'_>,
        rng: &mut ChaCha8Rng,
        observe: Observer<'_>,
    ) -> Result<Findings, StudyError> {
        let images = self.images(subject)?;
        let named = network_of(&images)?;
        let pairs = pairs::draw(&images, self.pairs.get(), self.of, rng)?;
        let ends: Vec<usize> = pairs.iter().flat_map(|pair| [pair.start, pair.end]).collect();
        let points = images.kept.points(&images, &ends)?;
        let mut joined = Vec::with_capacity(pairs.len());
        for (p, pair) in pairs.iter().enumerate() {
            let share = 0.5 * p as f64 / pairs.len() as f64;
            let between = points.slice(s![2 * p..2 * p + 2, ..]);
            joined.push(self.join(subject, &images, pair, between, &mut |_| observe(share))?);
        }
        let frames = self.decode(&images, &joined, observe)?;
        let look = walk::Look { subject, images, likelihood: self.likelihood };
        let walks = pairs.iter().zip(&joined).zip(frames).map(|((pair, joined), frames)| {
            if observe(1.0).is_break() {
                return Err(StudyError::Interrupted);
            }
            look.at(pair, joined, frames)
        });
        let walks: Vec<Walk> = walks.collect::<Result<_, _>>()?;
        let mut findings = Findings {
            iterations: joined.iter().map(|joined| u64::from(joined.iterations)).sum(),
            pictures: vec![self.picture(&images, &pairs, &walks)],
            ..Findings::default()
        };
        average(&mut findings, subject.potential.normalisation(), &walks);
        let each = walk::each(&pairs, &walks);
        judge(&mut findings, &images, named, walks)?;
        findings.series.push(each);
        Ok(findings)
    }
}

/// The names of the numbers that the network of the images makes; none where there is no network.
fn network_of(images: &ImagesOf<'_>) -> Result<Option<&'static Named>, StudyError> {
    let Some(network) = images.network else { return Ok(None) };
    image_subject::named(network, NAMED.map(|named| named.network)).map(|place| Some(&NAMED[place]))
}

impl ImageCurves {
    /// The images of the subject, where everything fits.
    fn images<'a>(&self, subject: &Subject<'a>) -> Result<ImagesOf<'a>, StudyError> {
        let images = image_subject::images(subject)?;
        let (segments, steps) = (subject.segments.get(), self.frames.get() + 1);
        if !segments.is_multiple_of(steps) {
            return Err(refused(format!(
                "{} frames between the ends are {steps} steps, and {segments} segments are no multiple of that; use {} segments",
                self.frames.get(),
                segments.next_multiple_of(steps)
            )));
        }
        Ok(images)
    }

    fn join(
        &self,
        subject: &Subject<'_>,
        images: &ImagesOf<'_>,
        pair: &ImagePair,
        points: ArrayView2<'_, f64>,
        observe: Observer<'_>,
    ) -> Result<Joined, StudyError> {
        if observe(0.0).is_break() {
            return Err(StudyError::Interrupted);
        }
        let counted = Counted::new(subject.potential);
        let score = ScoreOfPotential(subject.potential);
        let counted_score = CountedScore::new(&score);
        let density =
            if subject.score_only { Density::Score(&counted_score) } else { Density::Potential(&counted) };
        let geometry = subject.derived.unwrap_or(subject.geometry);
        let scene = Scene { geometry, density: Some(density), typical: subject.typical };
        self.interpolator.supports(&scene).map_err(InterpolateError::from)?;
        let two = images.held_out.select(Axis(0), &[pair.start, pair.end]);
        let ends = ImageEnds::new(images.space, two.view(), points)?;
        let ends = ends
            .over(subject.segments)
            .map_err(|error| refused(format!("images {} and {}: {error}", pair.start, pair.end)))?;
        let mut noise = pair.noise.clone();
        let solution = self.interpolator.interpolate(&scene, &ends, &mut noise, &mut |_| observe(0.0));
        let solution = match solution {
            Err(InterpolateError::Interrupted) => return Err(StudyError::Interrupted),
            other => other?,
        };
        Ok(Joined {
            evaluations: counted.evaluations().total() + counted_score.evaluations().total(),
            converged: solution.stop.means_convergence(),
            iterations: solution.iterations,
            curve: solution.curve,
        })
    }

    /// The frames of each curve, ends included, those of several curves at a time.
    fn decode(
        &self,
        images: &ImagesOf<'_>,
        joined: &[Joined],
        observe: Observer<'_>,
    ) -> Result<Vec<Array2<f64>>, StudyError> {
        let steps = self.frames.get() + 1;
        let mut decoded = Vec::with_capacity(joined.len());
        for some in joined.chunks(TOGETHER.div_ceil(steps + 1)) {
            let share = 0.5 + 0.5 * decoded.len() as f64 / joined.len() as f64;
            if observe(share).is_break() {
                return Err(StudyError::Interrupted);
            }
            let shown: Vec<_> = some
                .iter()
                .map(|joined| {
                    let every = joined.curve.segments() / steps;
                    joined.curve.points().slice_move(s![..;every, ..])
                })
                .collect();
            let points = concatenate(Axis(0), &shown).expect("curves of one study have one shape");
            let frames = images.space.decode(points.view())?;
            decoded.extend(frames.axis_chunks_iter(Axis(0), steps + 1).map(|frames| frames.to_owned()));
        }
        Ok(decoded)
    }

    /// The first pairs, one row each, between the held-out images themselves.
    fn picture(&self, images: &ImagesOf<'_>, pairs: &[ImagePair], walks: &[Walk]) -> Picture {
        let class = |image: usize| match images.labels {
            None => format!("image {image}"),
            Some(labels) => {
                let label = usize::from(labels[image]);
                images.classes.get(label).cloned().unwrap_or_else(|| format!("class {label}"))
            }
        };
        let row = |(pair, walk): (&ImagePair, &Walk)| {
            let held_out = |image: usize| images.held_out.slice(s![image..=image, ..]);
            let [first, last] = [held_out(pair.start), held_out(pair.end)];
            let images = ndarray::concatenate(Axis(0), &[first, walk.frames.view(), last])
                .expect("held-out images and decoded ones have the same shape");
            PictureRow { label: format!("{} to {}", class(pair.start), class(pair.end)), images }
        };
        let between = (1..=self.frames.get()).map(|frame| frame.to_string());
        let named = |name: &str| std::iter::once(name.to_owned());
        let columns =
            named("image").chain(named("start")).chain(between).chain(named("end")).chain(named("image"));
        Picture {
            id: "image-curves".to_owned(),
            label: self.method.clone(),
            shape: images.space.shape(),
            columns: columns.collect(),
            rows: pairs.iter().zip(walks).take(self.shown.get()).map(row).collect(),
        }
    }
}

/// The mean over pairs with its standard error, or the first reason why there is none.
fn push_mean(findings: &mut Findings, id: &'static str, values: impl Iterator<Item = Result<f64, String>>) {
    let values = match values.collect::<Result<Vec<f64>, String>>() {
        Ok(values) => values,
        Err(reason) => return findings.numbers.push(Reading { id, value: Err(reason) }),
    };
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    findings.numbers.push(Reading { id, value: Ok(mean) });
    if values.len() > 1 {
        let spread: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        findings.std_errs.push((id, (spread / (count - 1.0) / count).sqrt()));
    }
}

/// What is measured of each curve by itself.
fn average(findings: &mut Findings, normalisation: Normalisation, walks: &[Walk]) {
    let mut push = |id: &'static str, of: &dyn Fn(&Walk) -> Result<f64, String>| {
        push_mean(findings, id, walks.iter().map(of));
    };
    push(numbers::LOG_LIKELIHOOD, &|walk| {
        let potential = walk.potential.clone()?;
        if normalisation == Normalisation::Normalised {
            Ok(-potential)
        } else {
            Err("the density is known up to a constant only, so there is no log-likelihood".to_owned())
        }
    });
    push(numbers::POTENTIAL, &|walk| walk.potential.clone());
    push(numbers::FRAME_LOG_LIKELIHOOD, &|walk| walk.likelihood.nats.clone());
    push(numbers::FRAME_BOUND, &|walk| walk.likelihood.bound.clone());
    push(numbers::BITS, &|walk| walk.likelihood.bits.clone());
    push(numbers::BITS_BOUND, &|walk| walk.likelihood.bits_bound.clone());
    push(numbers::TYPICALITY, &|walk| walk.likelihood.typicality.clone());
    push(numbers::ENERGY, &|walk| Ok(walk.energy));
    push(numbers::SMOOTHNESS, &|walk| Ok(walk.smoothness));
    push(numbers::NORM, &|walk| Ok(walk.norm_deviation));
    push(numbers::NORM_TAIL, &|walk| Ok(walk.norm_tail));
    push(numbers::PIXEL_LENGTH, &|walk| Ok(walk.pixel_length));
    push(numbers::END_ERROR, &|walk| Ok(walk.end_error));
    push(numbers::EVALUATIONS, &|walk| Ok(walk.evaluations));
    let unconverged = walks.iter().filter(|walk| !walk.converged).count();
    findings.numbers.push(Reading { id: numbers::UNCONVERGED, value: Ok(unconverged as f64) });
}

/// What the network sees: steps of each curve, and the interior frames of all curves beside the held-out images.
fn judge(
    findings: &mut Findings,
    images: &ImagesOf<'_>,
    named: Option<&'static Named>,
    walks: Vec<Walk>,
) -> Result<(), StudyError> {
    let (Some(named), Some(network)) = (named, images.network) else {
        for named in &NAMED {
            let ids = [named.length, named.variance].into_iter().chain(named.sets);
            findings
                .numbers
                .extend(ids.map(|id| Reading { id, value: Err(image_subject::BLIND.to_owned()) }));
        }
        return Ok(());
    };
    let seen: Vec<_> = walks.into_iter().filter_map(|walk| walk.features).collect();
    for other in NAMED.iter().filter(|other| other.network != named.network) {
        let reason = image_subject::of_another(network, other.network);
        let ids = [other.length, other.variance].into_iter().chain(other.sets);
        findings.numbers.extend(ids.map(|id| Reading { id, value: Err(reason.clone()) }));
    }
    push_mean(findings, named.length, seen.iter().map(|seen| Ok(seen.length)));
    push_mean(findings, named.variance, seen.iter().map(|seen| Ok(seen.variance)));
    let held_out = network.features(images.held_out, images.space.shape())?;
    let frames: usize = seen.iter().map(|seen| seen.interior.nrows()).sum();
    findings.series.push(Series {
        id: "image-sets".to_owned(),
        label: String::new(),
        columns: ["held-out images", "interior frames", "pairs"].map(column).into(),
        values: array![[held_out.nrows() as f64, frames as f64, seen.len() as f64]],
    });
    let groups = seen.into_iter().map(|seen| seen.interior).collect();
    Sets { ids: named.sets, network, held_out, groups }.measure(findings);
    Ok(())
}
