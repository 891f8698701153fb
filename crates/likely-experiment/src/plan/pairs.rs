//! End points: listed, drawn from data, or drawn from a standard normal law.

use super::{PlanError, PlannedModel};
use crate::spec::Step::Key;
use crate::spec::{ListedPair, PairSource, Selection, Spec, WirePoint};
use crate::{Points, SpecError};
use likely_core::{Ends, Seed};
use ndarray::{Array1, ArrayView2};
use rand::Rng;
use rand_distr::{Distribution, StandardNormal};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// Two points to join and, where given, the data that they encode.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pair {
    pub(crate) name: String,
    pub(crate) start: Array1<f64>,
    pub(crate) end: Array1<f64>,
    pub(crate) data: Option<(Array1<f64>, Array1<f64>)>,
}

impl Pair {
    /// The pair as methods take it.
    pub(crate) fn ends(&self, segments: NonZeroUsize) -> Result<Ends<'_>, likely_core::EndsError> {
        let ends = Ends::new(self.start.view(), self.end.view(), segments)?;
        match &self.data {
            Some((start, end)) => ends.with_data(start.view(), end.view()),
            None => Ok(ends),
        }
    }
}

/// The pairs of `model`. A pair depends on the experiment, the data and its own name alone: every method sees the same.
pub(super) fn pairs_of(
    spec: &Spec,
    selection: &Selection<'_>,
    datasets: &[Option<Arc<Points>>],
    model: &PlannedModel,
    files: &mut BTreeMap<String, String>,
) -> Result<Vec<Pair>, PlanError> {
    let dim = model.potential.dim();
    let count = spec.pairs.count(selection.pairs);
    let fits = |pair: &str, found: usize, place: &dyn Fn() -> crate::Place| {
        if found == dim {
            return Ok(());
        }
        Err(PlanError::Dimension {
            place: place(),
            pair: pair.to_owned(),
            found,
            model: model.label.clone(),
            expected: dim,
        })
    };
    let draw = || spec.document.at(&[Key("pairs"), Key("draw")]);
    match &spec.pairs {
        PairSource::None => Ok(Vec::new()),
        PairSource::Listed(pairs) => pairs
            .iter()
            .filter(|pair| pair.is_for(&model.label))
            .take(count)
            .map(|pair| {
                let resolved = listed(spec, pair, dim, files)?;
                // One end point after the other, so that the message names the one that does not fit.
                for end in [&resolved.start, &resolved.end] {
                    fits(&pair.name, end.len(), &|| pair.place.clone())?;
                }
                resolved.ends(NonZeroUsize::MIN).map_err(|source| SpecError::Pair {
                    place: pair.place.clone(),
                    pair: pair.name.clone(),
                    source,
                })?;
                Ok(resolved)
            })
            .collect(),
        PairSource::FromDataset { dataset, .. } => {
            let own = || spec.models.iter().find(|known| known.label == model.label).and_then(|own| own.data);
            let dataset = dataset
                .or_else(own)
                .ok_or_else(|| PlanError::NoDataset { place: draw(), model: model.label.clone() })?;
            let label = &spec.wire.dataset[dataset].label;
            let Some(points) = &datasets[dataset] else { return Ok(Vec::new()) };
            fits("0", points.values.ncols(), &draw)?;
            let points = points.values.view();
            if points.rows().into_iter().all(|row| row == points.row(0)) {
                return Err(PlanError::NoDistinctPoints { place: draw(), dataset: label.clone() });
            }
            Ok((0..count).map(|i| from_rows(spec, label, i, points)).collect())
        }
        PairSource::Gaussian { .. } => Ok((0..count).map(|i| from_normal(spec, i, dim)).collect()),
    }
}

fn listed(
    spec: &Spec,
    pair: &ListedPair,
    dim: usize,
    files: &mut BTreeMap<String, String>,
) -> Result<Pair, PlanError> {
    let mut read = |point: &WirePoint| {
        point.coordinates(dim, spec.folder(), files).map(Array1::from_vec).map_err(|source| {
            PlanError::PairPoint {
                place: pair.place.clone(),
                pair: pair.name.clone(),
                source: Box::new(source),
            }
        })
    };
    let data = pair.data.clone().map(|(start, end)| (Array1::from_vec(start), Array1::from_vec(end)));
    Ok(Pair { name: pair.name.clone(), start: read(&pair.start)?, end: read(&pair.end)?, data })
}

/// Two rows that are different points; there are some, so this ends.
fn from_rows(spec: &Spec, dataset: &str, index: usize, points: ArrayView2<'_, f64>) -> Pair {
    let name = index.to_string();
    let axes = [("experiment", spec.id()), ("dataset", dataset), ("pair", &name)];
    let mut rng = Seed::new(spec.seed()).stream(&axes);
    loop {
        let mut row = || points.row(rng.random_range(0..points.nrows()));
        let (start, end) = (row(), row());
        if start != end {
            return Pair { start: start.to_owned(), end: end.to_owned(), name, data: None };
        }
    }
}

fn from_normal(spec: &Spec, index: usize, dim: usize) -> Pair {
    let name = index.to_string();
    let size = dim.to_string();
    let axes = [("experiment", spec.id()), ("gaussian", &size), ("pair", &name)];
    let mut rng = Seed::new(spec.seed()).stream(&axes);
    let mut point = || -> Array1<f64> { (0..dim).map(|_| StandardNormal.sample(&mut rng)).collect() };
    Pair { start: point(), end: point(), name, data: None }
}
