//! Images made larger and smaller by a whole factor.

use super::composed;
use super::real::{Real, numbers, refused};
use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp1, DType, Layout, Result, Shape, Tensor, bail};

/// Each pixel of `x`, shape `(channels, batch, height, width)`, as a square of `factor` by `factor` pixels.
///
/// # Errors
/// What candle says.
///
/// # Source
/// `torch.nn.functional.interpolate` with `mode = "nearest"`.
pub fn upsample_nearest(x: &Tensor, factor: usize) -> Result<Tensor> {
    if !x.device().is_cpu() {
        return composed::upsample_nearest(x, factor);
    }
    x.contiguous()?.apply_op1(Squares { factor, spread: true })
}

/// The mean over squares of `factor` by `factor` pixels of `x`, shape `(channels, batch, height, width)`.
///
/// # Errors
/// What candle says where `factor` does not divide height and width.
///
/// # Source
/// `torch.nn.functional.avg_pool2d`.
pub fn average_pool(x: &Tensor, factor: usize) -> Result<Tensor> {
    if !x.device().is_cpu() {
        return composed::average_pool(x, factor);
    }
    let sums = x.contiguous()?.apply_op1(Squares { factor, spread: false })?;
    sums.affine(1.0 / (factor * factor) as f64, 0.0)
}

/// Spreading a pixel over a square, and the sum over a square: each is the derivative of the other.
struct Squares {
    factor: usize,
    spread: bool,
}

impl Squares {
    fn apply<T: Real>(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = numbers::<T>(storage, layout)?;
        let [channels, batch, height, width] = *layout.dims() else {
            bail!("{} takes four axes, not {:?}", self.name(), layout.dims())
        };
        let factor = self.factor;
        let divides = |pixels: usize| self.spread || pixels.is_multiple_of(factor);
        if factor == 0 || !divides(height) || !divides(width) {
            bail!("{height}x{width} pixels cannot be cut into squares of side {factor}")
        }
        let [tall, wide] = [height, width].map(|n| if self.spread { n * factor } else { n / factor });
        let mut y = vec![T::zero(); channels * batch * tall * wide];
        // Rows of the smaller images beside the `factor` rows of the larger ones that lie over them.
        if self.spread {
            for (x, y) in x.chunks_exact(width.max(1)).zip(y.chunks_exact_mut((factor * wide).max(1))) {
                let (first, others) = y.split_at_mut(wide);
                first.chunks_exact_mut(factor).zip(x).for_each(|(square, x)| square.fill(*x));
                others.chunks_exact_mut(wide).for_each(|row| row.copy_from_slice(first));
            }
        } else {
            for (x, y) in x.chunks_exact((factor * width).max(1)).zip(y.chunks_exact_mut(wide.max(1))) {
                for row in x.chunks_exact(width) {
                    for (y, square) in y.iter_mut().zip(row.chunks_exact(factor)) {
                        for x in square {
                            *y += *x;
                        }
                    }
                }
            }
        }
        Ok((T::to_cpu_storage_owned(y), Shape::from((channels, batch, tall, wide))))
    }
}

impl CustomOp1 for Squares {
    fn name(&self) -> &'static str {
        if self.spread { "nearest up-sampling" } else { "sum over squares" }
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        match storage.dtype() {
            DType::F32 => self.apply::<f32>(storage, layout),
            DType::F64 => self.apply::<f64>(storage, layout),
            other => refused(self.name(), other),
        }
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(grad.contiguous()?.apply_op1(Self { factor: self.factor, spread: !self.spread })?))
    }
}
