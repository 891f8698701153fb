//! The two kinds of numbers that a layer is evaluated in.

use candle_core::{CpuStorage, DType, Layout, Result, WithDType, bail};

/// `f32` or `f64`; sums and exponentials are done in `f64` for both.
pub(crate) trait Real: WithDType {
    fn wide(self) -> f64;
    fn narrow(number: f64) -> Self;
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Real for f32 {
    #[inline(always)]
    fn wide(self) -> f64 {
        f64::from(self)
    }

    #[inline(always)]
    fn narrow(number: f64) -> Self {
        number as Self
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Real for f64 {
    #[inline(always)]
    fn wide(self) -> f64 {
        self
    }

    #[inline(always)]
    fn narrow(number: f64) -> Self {
        number
    }
}

/// The numbers of a tensor, which must lie one after another.
pub(crate) fn numbers<'a, T: Real>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [T]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&T::cpu_storage_as_slice(storage)?[start..end]),
        None => bail!("a layer of images takes contiguous tensors, not {layout:?}"),
    }
}

/// What a layer says to numbers of another kind.
pub(crate) fn refused<T>(layer: &str, dtype: DType) -> Result<T> {
    bail!("{layer} takes f32 and f64, not {dtype:?}")
}
