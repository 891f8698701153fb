//! SiLU, at full vector width.

use super::composed;
use super::real::{Real, numbers, refused};
use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp1, CustomOp2, DType, Layout, Result, Shape, Tensor};
use likely_core::lanes::{Work, exp, vectorised};

/// `x / (1 + e^(-x))` of each number.
///
/// # Errors
/// What candle says.
///
/// # Source
/// Hendrycks and Gimpel 2016, arXiv 1606.08415; `torch.nn.SiLU`.
pub fn silu(x: &Tensor) -> Result<Tensor> {
    if !x.device().is_cpu() {
        return composed::silu(x);
    }
    x.contiguous()?.apply_op1(Silu)
}

/// `1 / (1 + e^(-x))`.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
pub(super) fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + exp(-x))
}

/// The derivative of `x s`, `s` the logistic function of `x`.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
pub(super) fn slope(x: f64) -> f64 {
    let s = logistic(x);
    s * (1.0 + x * (1.0 - s))
}

struct Silu;

struct Forward<'a, T>(&'a [T]);

impl<T: Real> Work for Forward<'_, T> {
    type Output = Vec<T>;

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) -> Vec<T> {
        let mut y = vec![T::zero(); self.0.len()];
        for (y, x) in y.iter_mut().zip(self.0) {
            let x = x.wide();
            *y = T::narrow(x * logistic(x));
        }
        y
    }
}

struct Backward<'a, T>(&'a [T], &'a [T]);

impl<T: Real> Work for Backward<'_, T> {
    type Output = Vec<T>;

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) -> Vec<T> {
        let mut slopes = vec![T::zero(); self.0.len()];
        for ((to, x), grad) in slopes.iter_mut().zip(self.0).zip(self.1) {
            *to = T::narrow(slope(x.wide()) * grad.wide());
        }
        slopes
    }
}

impl CustomOp1 for Silu {
    fn name(&self) -> &'static str {
        "SiLU"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        fn of<T: Real>(storage: &CpuStorage, layout: &Layout) -> Result<CpuStorage> {
            Ok(T::to_cpu_storage_owned(vectorised(Forward(numbers::<T>(storage, layout)?))))
        }
        let y = match storage.dtype() {
            DType::F32 => of::<f32>(storage, layout)?,
            DType::F64 => of::<f64>(storage, layout)?,
            other => return refused(self.name(), other),
        };
        Ok((y, layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(x.contiguous()?.apply_op2_no_bwd(&grad.contiguous()?, &SiluSlope)?))
    }
}

/// The slope of SiLU at the first argument times the second.
struct SiluSlope;

impl CustomOp2 for SiluSlope {
    fn name(&self) -> &'static str {
        "slope of SiLU"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        fn of<T: Real>(s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<CpuStorage> {
            Ok(T::to_cpu_storage_owned(vectorised(Backward(numbers::<T>(s1, l1)?, numbers::<T>(s2, l2)?))))
        }
        let slopes = match s1.dtype() {
            DType::F32 => of::<f32>(s1, l1, s2, l2)?,
            DType::F64 => of::<f64>(s1, l1, s2, l2)?,
            other => return refused(self.name(), other),
        };
        Ok((slopes, l1.shape().clone()))
    }
}
