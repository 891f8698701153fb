//! Which points a step sees.

use super::{DataSource, TrainingError};
use likely_core::Seed;
use ndarray::ArrayView2;
use rand::RngCore;
use rand_chacha::ChaCha8Rng;
use std::num::NonZeroUsize;

/// Points to train on.
pub enum Points<'a> {
    /// A finite set, shuffled anew for every epoch and cut into batches; the last batch of an epoch may be shorter.
    Set(ArrayView2<'a, f64>),
    /// As many fresh points a step as a batch has.
    Fresh(&'a dyn DataSource),
}

/// The batches of all steps, each a function of the seed and the number of the step.
pub(super) struct Batches<'a> {
    seed: Seed,
    batch: usize,
    dim: usize,
    from: From<'a>,
    buffer: Vec<f32>,
}

enum From<'a> {
    Set { rows: Vec<f32>, count: usize, order: Option<(u64, Vec<u32>)> },
    Fresh(&'a dyn DataSource),
}

impl<'a> Batches<'a> {
    pub(super) fn new(points: &Points<'a>, batch: NonZeroUsize, seed: Seed) -> Result<Self, TrainingError> {
        let batch = batch.get();
        let (dim, from) = match points {
            Points::Fresh(source) => (source.dim(), From::Fresh(*source)),
            Points::Set(set) => {
                let count = set.nrows();
                if count == 0 || u32::try_from(count).is_err() || set.ncols() == 0 {
                    let reason = format!("there are {count} training points of {} coordinates", set.ncols());
                    return Err(TrainingError::Data { reason });
                }
                if let Some(row) = set.rows().into_iter().position(|row| !row.iter().all(|x| x.is_finite())) {
                    let reason = format!("training point {row} has a coordinate that is not finite");
                    return Err(TrainingError::Data { reason });
                }
                let rows = set.iter().map(|&x| x as f32).collect();
                (set.ncols(), From::Set { rows, count, order: None })
            }
        };
        Ok(Self { seed, batch, dim, from, buffer: Vec::new() })
    }

    pub(super) fn dim(&self) -> usize {
        self.dim
    }

    /// Steps of an epoch; none where every point is fresh.
    pub(super) fn steps_per_epoch(&self) -> Option<u64> {
        match &self.from {
            From::Set { count, .. } => Some(count.div_ceil(self.batch) as u64),
            From::Fresh(_) => None,
        }
    }

    /// The batch of a step, row after row.
    pub(super) fn at(&mut self, step: u64) -> Result<&[f32], TrainingError> {
        let per_epoch = self.steps_per_epoch().unwrap_or(1);
        self.buffer.clear();
        match &mut self.from {
            From::Fresh(source) => {
                let name = step.to_string();
                let mut stream = self.seed.stream(&[("training", "batch"), ("step", &name)]);
                let points = source.fresh(self.batch, &mut stream).ok_or_else(|| TrainingError::Data {
                    reason: "the data give no fresh points; say how many training points there are"
                        .to_owned(),
                })?;
                if points.dim() != (self.batch, self.dim) || !points.iter().all(|x| x.is_finite()) {
                    let reason = format!("the fresh points of step {} are not what was asked for", step + 1);
                    return Err(TrainingError::Data { reason });
                }
                self.buffer.extend(points.iter().map(|&x| x as f32));
            }
            From::Set { rows, count, order } => {
                let epoch = step / per_epoch;
                if order.as_ref().is_none_or(|(known, _)| *known != epoch) {
                    *order = Some((epoch, shuffled(*count, self.seed, epoch)));
                }
                let order = order.as_ref().map_or(&[][..], |(_, order)| order);
                let start = (step % per_epoch) as usize * self.batch;
                let end = order.len().min(start + self.batch);
                for &row in &order[start..end] {
                    let row = row as usize * self.dim;
                    self.buffer.extend_from_slice(&rows[row..row + self.dim]);
                }
            }
        }
        Ok(&self.buffer)
    }
}

/// The order of the points in an epoch (Fisher and Yates).
fn shuffled(count: usize, seed: Seed, epoch: u64) -> Vec<u32> {
    let mut stream = seed.stream(&[("training", "order"), ("epoch", &epoch.to_string())]);
    let mut order: Vec<u32> = (0..count as u32).collect();
    for last in (1..order.len()).rev() {
        order.swap(last, below(last as u64 + 1, &mut stream) as usize);
    }
    order
}

/// A number below `limit`: the upper half of a product of 128 bits, which favours none by more than limit / 2^64.
fn below(limit: u64, stream: &mut ChaCha8Rng) -> u64 {
    ((u128::from(stream.next_u64()) * u128::from(limit)) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn an_epoch_sees_every_point_once_and_the_next_one_in_another_order() {
        let set = Array2::from_shape_fn((10, 1), |(row, _)| row as f64);
        let batch = NonZeroUsize::new(4).unwrap();
        let mut batches = Batches::new(&Points::Set(set.view()), batch, Seed::new(3)).unwrap();
        assert_eq!(batches.steps_per_epoch(), Some(3));
        let mut epoch = |first: u64| {
            let seen: Vec<Vec<f32>> =
                (first..first + 3).map(|step| batches.at(step).unwrap().to_vec()).collect();
            assert_eq!(seen.iter().map(Vec::len).collect::<Vec<_>>(), [4, 4, 2]);
            seen.concat()
        };
        let (first, second) = (epoch(0), epoch(3));
        assert_ne!(first, second);
        assert_eq!(epoch(0), first, "a step does not depend on those before it");
        let mut sorted = second.clone();
        sorted.sort_by(f32::total_cmp);
        assert_eq!(sorted, (0..10_u8).map(f32::from).collect::<Vec<_>>());
    }

    #[test]
    fn points_that_are_not_finite_and_no_points_are_refused() {
        let batch = NonZeroUsize::new(4).unwrap();
        let refused =
            |set: Array2<f64>| Batches::new(&Points::Set(set.view()), batch, Seed::new(3)).err().unwrap();
        let mut set = Array2::zeros((3, 2));
        set[[1, 1]] = f64::NAN;
        assert!(refused(set).to_string().contains("training point 1"));
        assert!(refused(Array2::zeros((0, 2))).to_string().contains("0 training points"));
    }
}
