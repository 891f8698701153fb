//! What one curve of images amounts to.

use super::Joined;
use super::chi_law::two_sided_tail;
use super::pairs::ImagePair;
use crate::image_subject::{best, bits_per_dim};
use crate::pair_problem::energy;
use crate::series::column;
use crate::{ImagesOf, Series, StudyError, Subject};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, array, s};

/// The numbers of a curve, and its frames.
pub(super) struct Walk {
    pub(super) potential: Result<f64, String>,
    pub(super) likelihood: Likelihood,
    pub(super) energy: f64,
    pub(super) smoothness: f64,
    pub(super) norm_deviation: f64,
    pub(super) norm_tail: f64,
    pub(super) pixel_length: f64,
    pub(super) end_error: f64,
    pub(super) evaluations: f64,
    pub(super) converged: bool,
    pub(super) features: Option<Seen>,
    /// Decoded frames, ends included.
    pub(super) frames: Array2<f64>,
}

/// What a network sees of the frames of a curve.
pub(super) struct Seen {
    pub(super) length: f64,
    pub(super) variance: f64,
    /// Of the frames between the ends.
    pub(super) interior: Array2<f64>,
}

/// How likely a model says that the interior frames are, means over them, or why it does not.
pub(super) struct Likelihood {
    /// `log p(x)`, or an estimate of it.
    pub(super) nats: Result<f64, String>,
    pub(super) bound: Result<f64, String>,
    pub(super) bits: Result<f64, String>,
    pub(super) bits_bound: Result<f64, String>,
    pub(super) typicality: Result<f64, String>,
}

/// What curves are looked at with.
pub(super) struct Look<'s, 'a> {
    pub(super) subject: &'s Subject<'a>,
    pub(super) images: ImagesOf<'a>,
    pub(super) likelihood: bool,
}

impl Look<'_, '_> {
    pub(super) fn at(
        &self,
        pair: &ImagePair,
        joined: &Joined,
        frames: Array2<f64>,
    ) -> Result<Walk, StudyError> {
        let (Self { subject, images, .. }, curve) = (self, &joined.curve);
        let last = frames.nrows() - 1;
        let end_error = [(pair.start, 0), (pair.end, last)].map(|(image, frame)| {
            let gap = &frames.row(frame) - &images.held_out.row(image);
            (gap.dot(&gap) / gap.len() as f64).sqrt()
        });
        let features = match images.network {
            None => None,
            Some(network) => Some(seen(network.features(frames.view(), images.space.shape())?)),
        };
        let interior = curve.points().slice_move(s![1..curve.segments(), ..]);
        let potential = subject.potential.value(interior).map_err(|error| error.to_string());
        Ok(Walk {
            potential: potential.map(|values| mean(values.view())),
            likelihood: self.likelihood(frames.slice(s![1..last, ..]))?,
            energy: energy(subject.geometry, curve)?,
            smoothness: smoothness(curve.points()),
            norm_deviation: norm_deviation(curve.points()),
            norm_tail: mean(norm_tails(interior).view()),
            pixel_length: steps(&frames).sum(),
            end_error: f64::midpoint(end_error[0], end_error[1]),
            evaluations: joined.evaluations as f64,
            converged: joined.converged,
            features,
            frames,
        })
    }

    fn likelihood(&self, frames: ArrayView2<'_, f64>) -> Result<Likelihood, StudyError> {
        let none = |reason: &str| {
            let none = || Err(reason.to_owned());
            Likelihood { nats: none(), bound: none(), bits: none(), bits_bound: none(), typicality: none() }
        };
        if !self.likelihood {
            return Ok(none("the study does not ask for it; set `likelihood = true`"));
        }
        let Some(model) = self.images.space.likelihood() else {
            return Ok(none("the model says of no image how likely it is"));
        };
        let found = model.likelihoods(frames)?;
        let of = |values: Option<&Array1<f64>>, what: &str| {
            let missing = || format!("the model gives no {what} ({})", model.estimator());
            values.map(|values| mean(values.view())).ok_or_else(missing)
        };
        let nats = of(found.log_likelihood.as_ref(), "log-likelihood");
        let bound = of(found.bound.as_ref(), "lower bound of the log-likelihood");
        let bits = |log_density: &Result<f64, String>| Ok(bits_per_dim(log_density.clone()?, frames.ncols()));
        let typicality = match best(&found) {
            None => Err("the model gives neither a log-likelihood nor a bound".to_owned()),
            Some(values) => {
                let shares = values.iter().map(|x| self.images.kept.share_less_likely(&self.images, *x));
                shares.collect::<Result<Array1<f64>, _>>().map(|shares| mean(shares.view()))
            }
        };
        Ok(Likelihood { bits: bits(&nats), bits_bound: bits(&bound), nats, bound, typicality })
    }
}

/// The numbers of each pair, so that methods can be compared pair by pair; NaN where there is none.
pub(super) fn each(pairs: &[ImagePair], walks: &[Walk]) -> Series {
    let names = [
        "first image",
        "last image",
        "pixel length",
        "feature length",
        "energy",
        "potential",
        "frame log-likelihood",
        "evaluations",
    ];
    let mut values = Array2::zeros((walks.len(), names.len()));
    for ((pair, walk), mut row) in pairs.iter().zip(walks).zip(values.rows_mut()) {
        let or_none = |value: &Result<f64, String>| *value.as_ref().unwrap_or(&f64::NAN);
        row.assign(&array![
            pair.start as f64,
            pair.end as f64,
            walk.pixel_length,
            walk.features.as_ref().map_or(f64::NAN, |seen| seen.length),
            walk.energy,
            or_none(&walk.potential),
            or_none(&walk.likelihood.nats),
            walk.evaluations,
        ]);
    }
    Series { id: "image-pairs".to_owned(), label: String::new(), columns: names.map(column).into(), values }
}

fn mean(values: ArrayView1<'_, f64>) -> f64 {
    values.mean().unwrap_or(f64::NAN)
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

fn norm_tails(points: ArrayView2<'_, f64>) -> Array1<f64> {
    points.rows().into_iter().map(|row| two_sided_tail(row.dot(&row), row.len())).collect()
}
