//! Pictures along the curves of a method: pairs of held-out images, joined in the space of a model.

mod numbers;
mod pairs;
mod sets;

use crate::settings::Count;
use crate::study::from_config;
use crate::{
    Findings, ImagesOf, Observer, Picture, PictureRow, Reading, Study, StudyError, StudyKind, Subject,
};
use likely_core::{Counted, Curve, Ends, Geometry, Normalisation, Rows};
use likely_methods::{Density, InterpolateError, Interpolator, Scene};
use ndarray::{Array1, Array2, ArrayView2, Axis, s};
use numbers::{NAMED, Named};
use pairs::ImagePair;
use rand_chacha::ChaCha8Rng;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use sets::Sets;

pub(crate) const STUDY: StudyKind = StudyKind {
    id: "image-curves",
    summary: "Pairs of held-out images joined by a method in the space of a model: how likely, how short and how lifelike the pictures between them are.",
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
        let Wire { method, pairs, of, frames, shown, .. } = wire;
        let (config, interpolator) = (built.resolved, built.interpolator);
        Ok(Self { method, config, pairs, of, frames, shown, interpolator })
    }
}

/// What one curve amounts to.
struct Walk {
    potential: f64,
    energy: f64,
    smoothness: f64,
    norm_deviation: f64,
    pixel_length: f64,
    end_error: f64,
    evaluations: f64,
    converged: bool,
    iterations: u32,
    features: Option<Seen>,
    /// Decoded frames, ends included.
    frames: Array2<f64>,
}

/// What a network sees of the frames of a curve.
struct Seen {
    length: f64,
    variance: f64,
    /// Of the frames between the ends.
    interior: Array2<f64>,
}

impl Study for ImageCurves {
    fn evaluations_at_most(&self, segments: usize) -> u64 {
        let one = self.interpolator.evaluations_at_most(segments).saturating_add(segments as u64);
        one.saturating_mul(self.pairs.get() as u64)
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
        let points = images.space.encode(images.held_out.select(Axis(0), &ends).view())?;
        let mut walks = Vec::with_capacity(pairs.len());
        for (p, pair) in pairs.iter().enumerate() {
            let share = p as f64 / pairs.len() as f64;
            if observe(share).is_break() {
                return Err(StudyError::Interrupted);
            }
            let between = points.slice(s![2 * p..2 * p + 2, ..]);
            walks.push(self.walk(subject, &images, pair, between, &mut |_| observe(share))?);
        }
        let mut findings = Findings {
            iterations: walks.iter().map(|walk| u64::from(walk.iterations)).sum(),
            pictures: vec![self.picture(&images, &pairs, &walks)],
            ..Findings::default()
        };
        average(&mut findings, subject.potential.normalisation(), &walks);
        judge(&mut findings, &images, named, walks)?;
        Ok(findings)
    }
}

fn refused(reason: impl Into<String>) -> StudyError {
    StudyError::Unsupported { reason: reason.into() }
}

/// The names of the numbers that the network of the images makes; none where there is no network.
fn network_of(images: &ImagesOf<'_>) -> Result<Option<&'static Named>, StudyError> {
    let Some(network) = images.network else { return Ok(None) };
    let known = || NAMED.iter().map(|named| named.network).collect::<Vec<_>>().join(", ");
    let named = NAMED.iter().find(|named| named.network == network.id());
    let unnamed = || {
        refused(format!(
            "numbers of the feature network `{}` have no names; those of {} have",
            network.id(),
            known()
        ))
    };
    named.map(Some).ok_or_else(unnamed)
}

impl ImageCurves {
    /// The images of the subject, where everything fits.
    fn images<'a>(&self, subject: &Subject<'a>) -> Result<ImagesOf<'a>, StudyError> {
        let images = subject.images.ok_or_else(|| {
            refused("points of the model stand for no images, or the spec names none; add `[images]`, and a model of images")
        })?;
        let (dim, held_out) = (subject.potential.dim(), images.held_out);
        if images.space.dim() != dim || subject.geometry.dim() != dim {
            return Err(refused(format!(
                "the density has {dim} coordinates, the geometry {} and the space of images {}; they must agree",
                subject.geometry.dim(),
                images.space.dim()
            )));
        }
        let shape = images.space.shape();
        if held_out.ncols() != shape.len() {
            return Err(refused(format!(
                "held-out images have {} numbers and the model's images of shape {shape} have {}; they must agree",
                held_out.ncols(),
                shape.len()
            )));
        }
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

    /// Joins a pair and measures its curve.
    fn walk(
        &self,
        subject: &Subject<'_>,
        images: &ImagesOf<'_>,
        pair: &ImagePair,
        points: ArrayView2<'_, f64>,
        observe: Observer<'_>,
    ) -> Result<Walk, StudyError> {
        let counted = Counted::new(subject.potential);
        let scene = Scene {
            geometry: subject.geometry,
            density: Some(Density::Potential(&counted)),
            typical: subject.typical,
        };
        self.interpolator.supports(&scene).map_err(InterpolateError::from)?;
        let ends = Ends::new(points.row(0), points.row(1), subject.segments)
            .map_err(|error| refused(format!("images {} and {}: {error}", pair.start, pair.end)))?;
        let mut noise = pair.noise.clone();
        let solution = self.interpolator.interpolate(&scene, &ends, &mut noise, &mut |_| observe(0.0));
        let solution = match solution {
            Err(InterpolateError::Interrupted) => return Err(StudyError::Interrupted),
            other => other?,
        };
        let curve = &solution.curve;
        let every = subject.segments.get() / (self.frames.get() + 1);
        let shown = curve.points().slice(s![..;every, ..]).to_owned();
        let frames = images.space.decode(shown.view())?;
        let last = frames.nrows() - 1;
        let end_error = [(pair.start, 0), (pair.end, last)].map(|(image, frame)| {
            let gap = &frames.row(frame) - &images.held_out.row(image);
            (gap.dot(&gap) / gap.len() as f64).sqrt()
        });
        let features = match images.network {
            None => None,
            Some(network) => Some(seen(network.features(frames.view(), images.space.shape())?)),
        };
        let interior = curve.points().slice(s![1..curve.segments(), ..]).to_owned();
        Ok(Walk {
            potential: subject.potential.value(interior.view())?.mean().unwrap_or(f64::NAN),
            energy: energy(subject.geometry, curve)?,
            smoothness: smoothness(curve.points()),
            norm_deviation: norm_deviation(curve.points()),
            pixel_length: steps(&frames).sum(),
            end_error: f64::midpoint(end_error[0], end_error[1]),
            evaluations: counted.evaluations().total() as f64,
            converged: solution.stop.means_convergence(),
            iterations: solution.iterations,
            features,
            frames,
        })
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

/// Euclidean distances between consecutive rows.
fn steps(rows: &Array2<f64>) -> impl Iterator<Item = f64> {
    rows.axis_windows(Axis(0), 2).into_iter().map(|pair| {
        let gap = &pair.row(1) - &pair.row(0);
        gap.dot(&gap).sqrt()
    })
}

fn seen(features: Array2<f64>) -> Seen {
    let distances: Array1<f64> = steps(&features).collect();
    let last = features.nrows() - 1;
    Seen {
        length: distances.sum(),
        variance: distances.var(0.0),
        interior: features.slice(s![1..last, ..]).to_owned(),
    }
}

/// `sum_i <dz_i, G(z_i) dz_i>`.
fn energy(geometry: &dyn Geometry, curve: &Curve) -> Result<f64, StudyError> {
    let (points, dim) = (curve.points(), curve.dim());
    let velocities = &points.slice(s![1.., ..]) - &points.slice(s![..curve.segments(), ..]);
    let velocities: Vec<f64> = velocities.iter().copied().collect();
    let points: Vec<f64> = points.slice(s![..curve.segments(), ..]).iter().copied().collect();
    let mut norms = vec![0.0; curve.segments()];
    geometry.squared_norms(Rows::new(&points, dim)?, &velocities, &mut norms)?;
    Ok(norms.iter().sum())
}

fn smoothness(points: ArrayView2<'_, f64>) -> f64 {
    let second = |triple: ArrayView2<'_, f64>| {
        let bend = &triple.row(2) - &(&triple.row(1) * 2.0) + triple.row(0);
        bend.dot(&bend)
    };
    points.axis_windows(Axis(0), 3).into_iter().map(second).sum()
}

fn norm_deviation(points: ArrayView2<'_, f64>) -> f64 {
    let radius = (points.ncols() as f64).sqrt();
    let deviation = points.rows().into_iter().map(|row| (row.dot(&row).sqrt() / radius - 1.0).abs());
    deviation.sum::<f64>() / points.nrows() as f64
}

/// The mean over pairs with its standard error.
fn push_mean(findings: &mut Findings, id: &'static str, values: &[f64]) {
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
    let mut push = |id: &'static str, of: fn(&Walk) -> f64| {
        push_mean(findings, id, &walks.iter().map(of).collect::<Vec<_>>());
    };
    if normalisation == Normalisation::Normalised {
        push(numbers::LOG_LIKELIHOOD, |walk| -walk.potential);
    }
    push(numbers::POTENTIAL, |walk| walk.potential);
    push(numbers::ENERGY, |walk| walk.energy);
    push(numbers::SMOOTHNESS, |walk| walk.smoothness);
    push(numbers::NORM, |walk| walk.norm_deviation);
    push(numbers::PIXEL_LENGTH, |walk| walk.pixel_length);
    push(numbers::END_ERROR, |walk| walk.end_error);
    push(numbers::EVALUATIONS, |walk| walk.evaluations);
    if normalisation != Normalisation::Normalised {
        let reason = "the density is known up to a constant only, so there is no log-likelihood".to_owned();
        findings.numbers.push(Reading { id: numbers::LOG_LIKELIHOOD, value: Err(reason) });
    }
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
        let reason = "the spec names no feature network; add `features` to `[images]`";
        for named in &NAMED {
            let ids = [named.length, named.variance].into_iter().chain(named.sets);
            findings.numbers.extend(ids.map(|id| Reading { id, value: Err(reason.to_owned()) }));
        }
        return Ok(());
    };
    let seen: Vec<Seen> = walks.into_iter().filter_map(|walk| walk.features).collect();
    for other in NAMED.iter().filter(|other| other.network != named.network) {
        let reason =
            format!("the spec's features are those of `{}`, not of `{}`", named.network, other.network);
        let ids = [other.length, other.variance].into_iter().chain(other.sets);
        findings.numbers.extend(ids.map(|id| Reading { id, value: Err(reason.clone()) }));
    }
    push_mean(findings, named.length, &seen.iter().map(|seen| seen.length).collect::<Vec<_>>());
    push_mean(findings, named.variance, &seen.iter().map(|seen| seen.variance).collect::<Vec<_>>());
    let held_out = network.features(images.held_out, images.space.shape())?;
    let frames = seen.into_iter().map(|seen| seen.interior).collect();
    Sets { named, network, held_out, frames }.measure(findings);
    Ok(())
}
