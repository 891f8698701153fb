//! What layers act on: a tensor, or a tensor with its derivatives along directions.

use crate::Activation;
use crate::images::{GroupNorm, group_norm, silu};
use crate::repeating::{repeated, times};
use candle_core::{D, Result, Tensor, bail};

/// What a layer acts on: a tensor, or a [`Tangent`]. A network that is written over it gives both its values and its derivatives
/// forwards.
pub trait Operand: Sized {
    /// The tensor itself.
    fn value(&self) -> &Tensor;

    /// `f` of it, for an `f` that is linear.
    ///
    /// # Errors
    /// What `f` says.
    fn mapped(&self, f: impl Fn(&Tensor) -> Result<Tensor>) -> Result<Self>;

    /// It plus a constant, whose axes of one number are spread.
    ///
    /// # Errors
    /// What candle says.
    fn plus(&self, constant: &Tensor) -> Result<Self>;

    /// A nonlinearity, number by number.
    ///
    /// # Errors
    /// What candle says.
    fn activated(&self, activation: Activation) -> Result<Self>;

    /// [`silu`], at full vector width.
    ///
    /// # Errors
    /// What candle says.
    fn silu(&self) -> Result<Self>;

    /// [`group_norm`].
    ///
    /// # Errors
    /// What candle says.
    fn normalised(&self, weight: &Tensor, bias: &Tensor, norm: GroupNorm) -> Result<Self>;
}

impl Operand for Tensor {
    fn value(&self) -> &Tensor {
        self
    }

    fn mapped(&self, f: impl Fn(&Tensor) -> Result<Tensor>) -> Result<Self> {
        f(self)
    }

    fn plus(&self, constant: &Tensor) -> Result<Self> {
        self.broadcast_add(constant)
    }

    fn activated(&self, activation: Activation) -> Result<Self> {
        activation.graph(self)
    }

    fn silu(&self) -> Result<Self> {
        silu(self)
    }

    fn normalised(&self, weight: &Tensor, bias: &Tensor, norm: GroupNorm) -> Result<Self> {
        group_norm(self, weight, bias, norm)
    }
}

/// `y` and its derivative along one direction or several: what forward differentiation carries through a network.
///
/// A layer maps `(y, dy)` to `(f(y), f'(y) dy)`. Both are on candle's graph, so that a derivative along a direction can be
/// differentiated backwards: reverse over forward, exact second derivatives, of which candle has none by itself.
#[derive(Debug, Clone)]
pub struct Tangent {
    value: Tensor,
    change: Tensor,
}

impl Tangent {
    /// Points of shape `(batch, dim)` with directions of shape `(directions * batch, dim)`: the first direction of each point, then the
    /// second of each.
    ///
    /// # Errors
    /// candle's, where the shapes do not fit.
    pub fn new(value: Tensor, change: Tensor) -> Result<Self> {
        let ((batch, dim), (rows, width)) = (value.dims2()?, change.dims2()?);
        if dim != width || batch == 0 || !rows.is_multiple_of(batch) {
            bail!("{rows} directions of {width} numbers are none of {batch} points of {dim} numbers")
        }
        Ok(Self { value, change })
    }

    /// The derivatives, shaped as the value but for the axis of the batch, which is longer by the number of directions.
    pub fn change(&self) -> &Tensor {
        &self.change
    }

    /// Rows with the directions of all of them: each row has the derivative along every axis.
    ///
    /// # Errors
    /// What candle says.
    pub fn along_axes(value: Tensor) -> Result<Self> {
        let (batch, dim) = value.dims2()?;
        let axes = Tensor::eye(dim, value.dtype(), value.device())?;
        let change = axes.unsqueeze(1)?.repeat((1, batch, 1))?.reshape((dim * batch, dim))?;
        Self::new(value, change)
    }

    fn moved(&self, value: Tensor, slope: &Tensor) -> Result<Self> {
        Ok(Self { value, change: times(slope, &self.change)? })
    }
}

impl Operand for Tangent {
    fn value(&self) -> &Tensor {
        &self.value
    }

    fn mapped(&self, f: impl Fn(&Tensor) -> Result<Tensor>) -> Result<Self> {
        Ok(Self { value: f(&self.value)?, change: f(&self.change)? })
    }

    fn plus(&self, constant: &Tensor) -> Result<Self> {
        Ok(Self { value: self.value.broadcast_add(constant)?, change: self.change.clone() })
    }

    fn activated(&self, activation: Activation) -> Result<Self> {
        self.moved(activation.graph(&self.value)?, &activation.graph_slope(&self.value)?)
    }

    fn silu(&self) -> Result<Self> {
        self.moved(silu(&self.value)?, &Activation::Silu.graph_slope(&self.value)?)
    }

    /// With `n = (x - m) / s` over a group, `dn = (dx - mean(dx) - n mean(n dx)) / s`.
    fn normalised(&self, weight: &Tensor, bias: &Tensor, norm: GroupNorm) -> Result<Self> {
        let plain = group_norm(&self.value, weight, bias, GroupNorm { silu: false, ..norm })?;
        let x = grouped(&self.value, norm.groups)?;
        let x = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
        let inverse = (x.sqr()?.mean_keepdim(D::Minus1)? + GroupNorm::EPSILON)?.sqrt()?.recip()?;
        let x = x.broadcast_mul(&inverse)?;
        let dx = grouped(&self.change, norm.groups)?;
        let (x, inverse) = (repeated(&x, &dx)?, repeated(&inverse, &dx.narrow(2, 0, 1)?)?);
        let level = dx.mean_keepdim(D::Minus1)?;
        let lean = x.mul(&dx)?.mean_keepdim(D::Minus1)?;
        let dn = dx.broadcast_sub(&level)?.sub(&x.broadcast_mul(&lean)?)?.broadcast_mul(&inverse)?;
        let change = ungrouped(&dn, self.change.dims())?.broadcast_mul(&weight.reshape((
            weight.elem_count(),
            1,
            1,
            1,
        ))?)?;
        let plain = Self { value: plain, change };
        if norm.silu { plain.silu() } else { Ok(plain) }
    }
}

/// Images of shape `(channels, batch, height, width)` as `(groups, batch, numbers of a group)`.
fn grouped(images: &Tensor, groups: usize) -> Result<Tensor> {
    let (channels, batch, height, width) = images.dims4()?;
    let (each, pixels) = (channels / groups.max(1), height * width);
    images.reshape((groups, each, batch, pixels))?.transpose(1, 2)?.contiguous()?.reshape((
        groups,
        batch,
        each * pixels,
    ))
}

/// The inverse of [`grouped`] for images of the given shape.
fn ungrouped(numbers: &Tensor, shape: &[usize]) -> Result<Tensor> {
    let (groups, batch, _) = numbers.dims3()?;
    let [channels, _, height, width] = *shape else { bail!("images have four axes, not {shape:?}") };
    numbers
        .reshape((groups, batch, channels / groups.max(1), height * width))?
        .transpose(1, 2)?
        .contiguous()?
        .reshape(shape)
}
