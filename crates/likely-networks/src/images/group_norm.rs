//! Group normalisation, with SiLU behind it where that is wanted, in one pass.

use super::composed;
use super::real::{Real, numbers, refused};
use super::silu::{logistic, slope};
use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp3, DType, Layout, Result, Shape, Storage, Tensor, bail};
use likely_core::lanes::{Work, sum, vectorised};

/// How channels are normalised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupNorm {
    /// Groups of as many channels, each with a mean and a variance of its own for every image.
    pub groups: usize,
    /// Whether SiLU follows.
    pub silu: bool,
}

/// `f((x - m) / sqrt(v + 1e-5) weight + bias)` with mean `m` and variance `v` of a group of channels of an image, `f` the
/// identity or SiLU; `x` of shape `(channels, batch, height, width)`, one number of `weight` and `bias` a channel.
///
/// # Errors
/// What candle says, where the groups do not divide the channels.
///
/// # Source
/// Wu and He 2018, arXiv 1803.08494; `torch.nn.GroupNorm`.
pub fn group_norm(x: &Tensor, weight: &Tensor, bias: &Tensor, norm: GroupNorm) -> Result<Tensor> {
    if !x.device().is_cpu() {
        return composed::group_norm(x, weight, bias, norm);
    }
    x.contiguous()?.apply_op3(&weight.contiguous()?, &bias.contiguous()?, norm)
}

/// Sizes of a tensor of images as the loops see it.
#[derive(Clone, Copy)]
struct Sizes {
    groups: usize,
    /// Channels of a group.
    channels: usize,
    batch: usize,
    pixels: usize,
}

impl GroupNorm {
    /// What is added to the variance.
    pub(crate) const EPSILON: f64 = 1e-5;

    /// Refuses images, weights and biases that do not fit the groups.
    pub(super) fn check(self, shape: &[usize], weight: usize, bias: usize) -> Result<()> {
        self.sizes(shape, weight, bias).map(|_| ())
    }

    fn sizes(self, shape: &[usize], weight: usize, bias: usize) -> Result<Sizes> {
        match *shape {
            [channels, batch, height, width]
                if self.groups > 0
                    && height * width > 0
                    && channels.is_multiple_of(self.groups)
                    && [weight, bias] == [channels; 2] =>
            {
                let (groups, pixels) = (self.groups, height * width);
                Ok(Sizes { groups, channels: channels / groups, batch, pixels })
            }
            _ => bail!(
                "{} groups with {weight} weights and {bias} biases do not fit images of shape {shape:?}",
                self.groups
            ),
        }
    }
}

impl Sizes {
    /// Where the pixels of a channel of an image begin.
    fn start(self, channel: usize, image: usize) -> usize {
        (channel * self.batch + image) * self.pixels
    }

    /// Copies the group of an image, channel after channel.
    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn gather<T: Real>(self, from: &[T], group: usize, image: usize, to: &mut [f64]) {
        for (c, to) in to.chunks_exact_mut(self.pixels).enumerate() {
            let from = &from[self.start(group * self.channels + c, image)..][..self.pixels];
            to.iter_mut().zip(from).for_each(|(to, from)| *to = from.wide());
        }
    }

    /// Mean and inverse of the root of the variance.
    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn moments(x: &[f64]) -> (f64, f64) {
        let count = x.len() as f64;
        let mean = sum(x, x, |x, _| x) / count;
        let variance = sum(x, x, |x, _| (x - mean) * (x - mean)) / count;
        (mean, 1.0 / (variance + GroupNorm::EPSILON).sqrt())
    }
}

struct Forward<'a, T> {
    sizes: Sizes,
    silu: bool,
    x: &'a [T],
    weight: &'a [T],
    bias: &'a [T],
}

impl<T: Real> Work for Forward<'_, T> {
    type Output = Vec<T>;

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) -> Vec<T> {
        let Self { sizes, silu, x, weight, bias } = self;
        let mut y = vec![T::zero(); x.len()];
        let mut numbers = vec![0.0; sizes.channels * sizes.pixels];
        for group in 0..sizes.groups {
            for image in 0..sizes.batch {
                sizes.gather(x, group, image, &mut numbers);
                let (mean, inverse) = Sizes::moments(&numbers);
                for (c, x) in numbers.chunks_exact(sizes.pixels).enumerate() {
                    let channel = group * sizes.channels + c;
                    let scale = inverse * weight[channel].wide();
                    let shift = bias[channel].wide() - mean * scale;
                    let y = &mut y[sizes.start(channel, image)..][..sizes.pixels];
                    if silu {
                        for (y, x) in y.iter_mut().zip(x) {
                            let x = x * scale + shift;
                            *y = T::narrow(x * logistic(x));
                        }
                    } else {
                        y.iter_mut().zip(x).for_each(|(y, x)| *y = T::narrow(x * scale + shift));
                    }
                }
            }
        }
        y
    }
}

struct Backward<'a, T> {
    sizes: Sizes,
    silu: bool,
    x: &'a [T],
    weight: &'a [T],
    bias: &'a [T],
    grad: &'a [T],
}

/// Derivatives in the images, the weight and the bias.
struct Slopes<T> {
    x: Vec<T>,
    weight: Vec<f64>,
    bias: Vec<f64>,
}

impl<T: Real> Work for Backward<'_, T> {
    type Output = Slopes<T>;

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) -> Slopes<T> {
        let Self { sizes, silu, x, weight, bias, grad } = self;
        let count = sizes.channels * sizes.pixels;
        let all = sizes.groups * sizes.channels;
        let mut slopes = Slopes { x: vec![T::zero(); x.len()], weight: vec![0.0; all], bias: vec![0.0; all] };
        let (mut numbers, mut grads) = (vec![0.0; count], vec![0.0; count]);
        for group in 0..sizes.groups {
            for image in 0..sizes.batch {
                sizes.gather(x, group, image, &mut numbers);
                sizes.gather(grad, group, image, &mut grads);
                let (mean, inverse) = Sizes::moments(&numbers);
                let (mut constant, mut linear) = (0.0, 0.0);
                let parts = numbers.chunks_exact_mut(sizes.pixels).zip(grads.chunks_exact_mut(sizes.pixels));
                for (c, (x, grad)) in parts.enumerate() {
                    let channel = group * sizes.channels + c;
                    let (scale, shift) = (weight[channel].wide(), bias[channel].wide());
                    for x in x.iter_mut() {
                        *x = (*x - mean) * inverse;
                    }
                    if silu {
                        grad.iter_mut().zip(&*x).for_each(|(grad, x)| *grad *= slope(x * scale + shift));
                    }
                    let (total, moment) = (sum(grad, x, |grad, _| grad), sum(grad, x, |grad, x| grad * x));
                    slopes.bias[channel] += total;
                    slopes.weight[channel] += moment;
                    constant += scale * total;
                    linear += scale * moment;
                }
                let (constant, linear) = (constant / count as f64, linear / count as f64);
                let parts = numbers.chunks_exact(sizes.pixels).zip(grads.chunks_exact(sizes.pixels));
                for (c, (x, grad)) in parts.enumerate() {
                    let channel = group * sizes.channels + c;
                    let scale = weight[channel].wide();
                    let to = &mut slopes.x[sizes.start(channel, image)..][..sizes.pixels];
                    for ((to, x), grad) in to.iter_mut().zip(x).zip(grad) {
                        *to = T::narrow(inverse * (scale * grad - constant - x * linear));
                    }
                }
            }
        }
        slopes
    }
}

/// Calls `f` with the numbers of a tensor on the processor.
fn with<T: Real, R>(tensor: &Tensor, f: impl FnOnce(&[T]) -> Result<R>) -> Result<R> {
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => f(numbers::<T>(storage, layout)?),
        _ => bail!("group normalisation runs on the processor"),
    }
}

impl GroupNorm {
    fn backward<T: Real>(
        self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        grad: &Tensor,
    ) -> Result<[Tensor; 3]> {
        let sizes = self.sizes(x.dims(), weight.elem_count(), bias.elem_count())?;
        let slopes = with::<T, _>(x, |x| {
            with::<T, _>(weight, |weight| {
                with::<T, _>(bias, |bias| {
                    with::<T, _>(grad, |grad| {
                        Ok(vectorised(Backward { sizes, silu: self.silu, x, weight, bias, grad }))
                    })
                })
            })
        })?;
        let narrowed = |values: Vec<f64>| values.into_iter().map(T::narrow).collect::<Vec<T>>();
        Ok([
            Tensor::from_vec(slopes.x, x.shape(), x.device())?,
            Tensor::from_vec(narrowed(slopes.weight), weight.shape(), x.device())?,
            Tensor::from_vec(narrowed(slopes.bias), bias.shape(), x.device())?,
        ])
    }
}

impl CustomOp3 for GroupNorm {
    fn name(&self) -> &'static str {
        "group normalisation"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        fn of<T: Real>(
            norm: GroupNorm,
            [x, weight, bias]: [(&CpuStorage, &Layout); 3],
        ) -> Result<(CpuStorage, Shape)> {
            let sizes = norm.sizes(x.1.dims(), weight.1.shape().elem_count(), bias.1.shape().elem_count())?;
            let y = vectorised(Forward {
                sizes,
                silu: norm.silu,
                x: numbers::<T>(x.0, x.1)?,
                weight: numbers::<T>(weight.0, weight.1)?,
                bias: numbers::<T>(bias.0, bias.1)?,
            });
            Ok((T::to_cpu_storage_owned(y), x.1.shape().clone()))
        }
        let all = [(s1, l1), (s2, l2), (s3, l3)];
        match s1.dtype() {
            DType::F32 => of::<f32>(*self, all),
            DType::F64 => of::<f64>(*self, all),
            other => refused(self.name(), other),
        }
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let [x, weight, bias] = match x.dtype() {
            DType::F32 => self.backward::<f32>(x, weight, bias, &grad)?,
            DType::F64 => self.backward::<f64>(x, weight, bias, &grad)?,
            other => return refused(self.name(), other),
        };
        Ok((Some(x), Some(weight), Some(bias)))
    }
}
