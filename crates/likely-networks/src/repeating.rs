//! Products of tensors of which one is repeated along the axis of a batch.

use crate::images::{Real, numbers, refused};
use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp2, DType, Layout, Result, Shape, Tensor, bail};

/// `change` times `slope`, which is repeated along the axis that is longer in `change`.
pub(crate) fn times(slope: &Tensor, change: &Tensor) -> Result<Tensor> {
    if change.device().is_cpu() {
        change.contiguous()?.apply_op2(&slope.contiguous()?, Repeating)
    } else {
        change.mul(&repeated(slope, change)?)
    }
}

/// The product of the first argument with the second, which is repeated: in one pass, where copies would be made.
struct Repeating;

/// Copies, and numbers of one copy, along the longer axis and those after it.
fn copies(long: &[usize], short: &[usize]) -> [usize; 2] {
    let axis = short.iter().zip(long).position(|(short, long)| short != long).unwrap_or(0);
    let count = |shape: &[usize]| shape[axis..].iter().product::<usize>().max(1);
    [count(long) / count(short), count(short)]
}

impl Repeating {
    fn multiply<T: Real>(
        (s1, l1): (&CpuStorage, &Layout),
        (s2, l2): (&CpuStorage, &Layout),
    ) -> Result<CpuStorage> {
        let (long, short) = (numbers::<T>(s1, l1)?, numbers::<T>(s2, l2)?);
        let [copies, count] = copies(l1.dims(), l2.dims());
        if long.len() != copies * short.len() {
            bail!("{:?} numbers are no whole copies of {:?}", l1.dims(), l2.dims())
        }
        let mut product = Vec::with_capacity(long.len());
        for (long, short) in long.chunks_exact(copies * count).zip(short.chunks_exact(count)) {
            for long in long.chunks_exact(count) {
                product.extend(long.iter().zip(short).map(|(long, short)| *long * *short));
            }
        }
        Ok(T::to_cpu_storage_owned(product))
    }
}

impl CustomOp2 for Repeating {
    fn name(&self) -> &'static str {
        "product with repetitions"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let product = match s1.dtype() {
            DType::F32 => Self::multiply::<f32>((s1, l1), (s2, l2))?,
            DType::F64 => Self::multiply::<f64>((s1, l1), (s2, l2))?,
            other => return refused(self.name(), other),
        };
        Ok((product, l1.shape().clone()))
    }

    fn bwd(
        &self,
        long: &Tensor,
        short: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let of_long = grad.apply_op2(&short.contiguous()?, Self)?;
        let [copies, count] = copies(long.dims(), short.dims());
        let each = (long * grad)?.reshape(((), copies, count))?;
        Ok((Some(of_long), Some(each.sum(1)?.reshape(short.shape())?)))
    }
}

/// `x` repeated along the axis that is longer in `like`.
pub(crate) fn repeated(x: &Tensor, like: &Tensor) -> Result<Tensor> {
    match x.dims().iter().zip(like.dims()).position(|(short, long)| short != long) {
        None => Ok(x.clone()),
        Some(axis) => {
            let copies = vec![x; like.dim(axis)? / x.dim(axis)?.max(1)];
            Tensor::cat(&copies, axis)?.contiguous()
        }
    }
}
