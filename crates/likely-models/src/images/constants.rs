//! Tensors of a weights file as constants on candle's graph.

use likely_core::EvalError;
use likely_networks::candle::{DType, Device, Error, Result, Tensor};
use likely_networks::candle_room::{GraphError, constant};
use likely_networks::{Problems, Weights};
use ndarray::{Array2, ArrayView2, Axis, concatenate, s};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::ops::Range;

/// Named constants in one precision on one device.
#[derive(Debug, Clone)]
pub(super) struct Constants {
    tensors: BTreeMap<String, Tensor>,
    dtype: DType,
    device: Device,
}

impl Constants {
    /// All tensors of `weights`, on the processor.
    pub(super) fn new(weights: &Weights, dtype: DType) -> std::result::Result<Self, Problems> {
        let one = |(name, tensor): (&str, _)| {
            let tensor = constant(tensor, dtype, &Device::Cpu)
                .map_err(|error| Problems(vec![format!("tensor `{name}`: {error}")]))?;
            Ok((name.to_owned(), tensor))
        };
        let tensors = weights.iter().map(one).collect::<std::result::Result<_, Problems>>()?;
        Ok(Self { tensors, dtype, device: Device::Cpu })
    }

    /// The same constants on a device.
    pub(super) fn on(self, device: &Device) -> Result<Self> {
        let put = |(name, tensor): (String, Tensor)| Ok((name, tensor.to_device(device)?));
        let tensors = self.tensors.into_iter().map(put).collect::<Result<_>>()?;
        Ok(Self { tensors, device: device.clone(), ..self })
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

    /// Where the constants are.
    pub(super) fn device(&self) -> &Device {
        &self.device
    }

    /// Rows as a tensor beside the constants, in their precision.
    pub(super) fn tensor(&self, rows: ArrayView2<'_, f64>) -> Result<Tensor> {
        self.wide(rows)?.to_dtype(self.dtype)
    }

    /// Rows as a tensor beside the constants, in double precision.
    fn wide(&self, rows: ArrayView2<'_, f64>) -> Result<Tensor> {
        let values: Vec<f64> = rows.iter().copied().collect();
        Tensor::from_vec(values, rows.dim(), &self.device)
    }

    /// The rows that `network` makes of `rows`, which it gets in double precision, in blocks whose size does not depend on the number of
    /// threads that share them; both must have the given numbers of columns.
    pub(super) fn in_blocks(
        &self,
        rows: ArrayView2<'_, f64>,
        [from, to]: [usize; 2],
        network: impl Fn(&Tensor) -> Result<Tensor> + Sync,
    ) -> std::result::Result<Array2<f64>, EvalError> {
        if rows.ncols() != from {
            return Err(EvalError::Dimension { expected: from, found: rows.ncols() });
        }
        let together = if self.device.is_cpu() { TOGETHER } else { ON_A_GPU };
        over_blocks(&self.device, rows.nrows(), together, to, |block| {
            Ok(network(&self.wide(rows.slice(s![block, ..]))?)?)
        })
    }
}

/// Rows that go through a network together on the processor: enough for its matrix products, and few, so that memory stays small whatever
/// the batch and the blocks of a batch keep all threads busy.
const TOGETHER: usize = 16;
/// Rows that go through a network together on a GPU, which works on one block at a time: enough to keep it busy, and so few that the
/// patches of a convolution of 28x28 pixels and 64 channels take half a GiB in single precision.
const ON_A_GPU: usize = 256;

/// `count` rows of `to` numbers, of which `network` makes `together` at a time: on the processor by several threads, on a GPU one block after
/// the other.
pub(super) fn over_blocks(
    device: &Device,
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
    let firsts = (0..count).step_by(together);
    let blocks: Vec<_> = if device.is_cpu() {
        let firsts: Vec<usize> = firsts.collect();
        firsts.into_par_iter().map(block).collect::<std::result::Result<_, _>>()?
    } else {
        firsts.map(block).collect::<std::result::Result<_, _>>()?
    };
    let views: Vec<_> = blocks.iter().map(|block| block.view()).collect();
    if views.is_empty() {
        return Ok(Array2::zeros((0, to)));
    }
    concatenate(Axis(0), &views).map_err(|error| EvalError::Model { reason: error.to_string() })
}

/// Points at which a score is evaluated together, at most: on the processor there is memory for all.
pub(super) fn at_most(device: &Device) -> usize {
    if device.is_cpu() { usize::MAX } else { ON_A_GPU }
}

/// Points at which a potential is evaluated together: one on the processor, so that its bits do not depend on the others.
pub(super) fn together(device: &Device) -> usize {
    if device.is_cpu() { 1 } else { ON_A_GPU }
}
