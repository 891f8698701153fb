//! What several curves amount to together.

use crate::series::{apart, curve};
use crate::{Number, Reading, Series, StudyError};
use likely_core::{EvalError, Geometry, Potential, Rows};
use ndarray::{Array2, ArrayView2};

const ENERGY: &str = "curves-energy";
const POTENTIAL: &str = "curves-potential-sum";
const MEAN: &str = "curves-potential-mean";
const POINTS: &str = "curves-points";
const LOST: &str = "curves-lost";

/// Numbers about several curves, shared by the studies that have some.
pub(crate) const NUMBERS: [Number; 5] = [
    Number {
        id: ENERGY,
        unit: "squared units",
        better: "neither",
        definition: "Sum over all curves of their squared steps, sum_i <dz_i, G(z_i) dz_i> in the geometry of the model, whichever geometry the curves were found in; not scaled by the number of steps.",
    },
    Number {
        id: POTENTIAL,
        unit: "nats",
        better: "lower",
        definition: "Sum of the potential S = -log p (up to a constant where p is not normalised) over all points of all curves, both ends included.",
    },
    Number {
        id: MEAN,
        unit: "nats",
        better: "lower",
        definition: "The same over the number of points: what can be compared between bundles of different sizes.",
    },
    Number { id: POINTS, unit: "1", better: "neither", definition: "Points of all curves together." },
    Number {
        id: LOST,
        unit: "1",
        better: "lower",
        definition: "Curves that ended early: they left the chart, ceased to be finite, or came where the metric tensor is none.",
    },
];

/// A curve, or the part of it that there is.
pub(crate) struct Strand {
    pub(crate) label: String,
    /// Where along the curve the points lie.
    pub(crate) times: Vec<f64>,
    pub(crate) points: Array2<f64>,
    /// Why it ended early.
    pub(crate) lost: Option<String>,
}

impl Strand {
    /// A whole curve with points at equal steps of its parameter.
    pub(crate) fn whole(label: String, points: Array2<f64>) -> Self {
        let last = points.nrows().saturating_sub(1).max(1) as f64;
        let times = (0..points.nrows()).map(|i| i as f64 / last).collect();
        Self { label, times, points, lost: None }
    }
}

/// The numbers of all curves together, and the curves as one series with gaps between them; a sum that lacks a part is no number.
pub(crate) fn measure(
    background: &dyn Geometry,
    potential: &dyn Potential,
    id: &str,
    strands: &[Strand],
) -> Result<(Vec<Reading>, Option<Series>), StudyError> {
    let (mut energy, mut sum, mut points) = (0.0, 0.0, 0_usize);
    let mut series = Vec::with_capacity(strands.len());
    for strand in strands {
        let values = potential.value(strand.points.view())?;
        energy += squared_steps(background, strand.points.view())?;
        sum += values.sum();
        points += strand.points.nrows();
        let values = values.to_vec();
        series.push(curve(id, strand.label.clone(), "time", &strand.times, strand.points.view(), &values));
    }
    let lost = strands.iter().filter(|strand| strand.lost.is_some()).count();
    let whole = |value: f64| match strands.iter().find_map(|strand| Some((strand, strand.lost.as_ref()?))) {
        Some((strand, reason)) => {
            Err(format!("{lost} of {} curves ended early; {}: {reason}", strands.len(), strand.label))
        }
        None => Ok(value),
    };
    let reading = |id, value| Reading { id, value };
    let numbers = vec![
        reading(ENERGY, whole(energy)),
        reading(POTENTIAL, whole(sum)),
        reading(MEAN, whole(sum / points as f64)),
        reading(POINTS, Ok(points as f64)),
        reading(LOST, Ok(lost as f64)),
    ];
    Ok((numbers, apart(series, "curves")))
}

/// `sum_i <dz_i, G(z_i) dz_i>`.
fn squared_steps(geometry: &dyn Geometry, points: ArrayView2<'_, f64>) -> Result<f64, EvalError> {
    let dim = points.ncols();
    let values: Vec<f64> = points.iter().copied().collect();
    let Some(last) = values.len().checked_sub(dim).filter(|last| *last > 0) else { return Ok(0.0) };
    let steps: Vec<f64> = values[dim..].iter().zip(&values).map(|(to, from)| to - from).collect();
    let mut norms = vec![0.0; last / dim];
    geometry.squared_norms(Rows::new(&values[..last], dim)?, &steps, &mut norms)?;
    Ok(norms.iter().sum())
}
