//! Tensors of a weights file as constants on candle's graph.

use likely_core::EvalError;
use likely_networks::candle::{DType, Device, Error, Result, Tensor};
use likely_networks::candle_room::{GraphError, constant};
use likely_networks::{Problems, Weights};
use ndarray::{Array2, ArrayView2, Axis, concatenate, s};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::ops::Range;

/// Named constants in one precision.
#[derive(Debug, Clone)]
pub(super) struct Constants {
    tensors: BTreeMap<String, Tensor>,
    dtype: DType,
}

impl Constants {
    /// All tensors of `weights`.
    pub(super) fn new(weights: &Weights, dtype: DType) -> std::result::Result<Self, Problems> {
        let one = |(name, tensor): (&str, _)| {
            let tensor = constant(tensor, dtype, &Device::Cpu)
                .map_err(|error| Problems(vec![format!("tensor `{name}`: {error}")]))?;
            Ok((name.to_owned(), tensor))
        };
        Ok(Self { tensors: weights.iter().map(one).collect::<std::result::Result<_, Problems>>()?, dtype })
    }

    /// The tensor with the given name.
    pub(super) fn get(&self, name: &str) -> Result<&Tensor> {
        self.tensors.get(name).ok_or_else(|| Error::Msg(format!("there is no tensor `{name}`")))
    }

    pub(super) fn insert(&mut self, name: String, tensor: Tensor) {
        self.tensors.insert(name, tensor);
    }

    pub(super) fn dtype(&self) -> DType {
        self.dtype
    }

    /// Rows as a tensor.
    pub(super) fn tensor(&self, rows: ArrayView2<'_, f64>) -> Result<Tensor> {
        let values: Vec<f64> = rows.iter().copied().collect();
        Tensor::from_vec(values, rows.dim(), &Device::Cpu)?.to_dtype(self.dtype)
    }
}

/// Rows that go through a network together: enough for its matrix products, and few, so that memory stays small whatever the batch and
/// the blocks of a batch keep all threads busy.
const TOGETHER: usize = 16;

/// The rows that `network` makes of `rows`, in blocks whose size does not depend on the number of threads that share them; both must have
/// the given numbers of columns.
pub(super) fn in_blocks(
    rows: ArrayView2<'_, f64>,
    [from, to]: [usize; 2],
    network: impl Fn(ArrayView2<'_, f64>) -> Result<Tensor> + Sync,
) -> std::result::Result<Array2<f64>, EvalError> {
    if rows.ncols() != from {
        return Err(EvalError::Dimension { expected: from, found: rows.ncols() });
    }
    over_blocks(rows.nrows(), TOGETHER, to, |block| Ok(network(rows.slice(s![block, ..]))?))
}

/// `count` rows of `to` numbers, of which `network` makes `together` at a time, by several threads.
pub(super) fn over_blocks(
    count: usize,
    together: usize,
    to: usize,
    network: impl Fn(Range<usize>) -> std::result::Result<Tensor, GraphError> + Sync,
) -> std::result::Result<Array2<f64>, EvalError> {
    let block = |first: usize| -> std::result::Result<Array2<f64>, GraphError> {
        let rows = first..count.min(first + together);
        let y = network(rows.clone())?;
        let values = y.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?;
        Array2::from_shape_vec((rows.len(), to), values)
            .map_err(|_| GraphError::Shape { expected: vec![rows.len(), to], found: y.dims().to_vec() })
    };
    let firsts: Vec<usize> = (0..count).step_by(together).collect();
    let blocks = firsts.into_par_iter().map(block).collect::<std::result::Result<Vec<_>, _>>()?;
    let views: Vec<_> = blocks.iter().map(|block| block.view()).collect();
    if views.is_empty() {
        return Ok(Array2::zeros((0, to)));
    }
    concatenate(Axis(0), &views).map_err(|error| EvalError::Model { reason: error.to_string() })
}
