//! Convolutions as matrix products over patches, a few images at a time.

use super::composed;
use super::real::{Real, numbers, refused};
use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp2, DType, Layout, Result, Shape, Tensor, bail};
use std::ops::Range;

/// How a square kernel moves over an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Height and width of the kernel.
    pub side: usize,
    /// Pixels from one place to the next.
    pub stride: usize,
    /// Zeros around the image.
    pub padding: usize,
}

impl Window {
    /// Places along an axis with `pixels` pixels: `floor((pixels + 2 padding - side) / stride) + 1`.
    ///
    /// # Errors
    /// candle's, where the kernel is larger than the padded image or the stride is 0.
    pub fn places(self, pixels: usize) -> Result<usize> {
        let Self { side, stride, padding } = self;
        match (pixels + 2 * padding).checked_sub(side) {
            Some(room) if stride > 0 && side > 0 => Ok(room / stride + 1),
            _ => bail!(
                "a kernel of side {side} with stride {stride} has no place in {pixels} + 2 x {padding} pixels"
            ),
        }
    }

    /// Pixels of the smallest image with so many places: `(places - 1) stride + side - 2 padding`.
    ///
    /// # Errors
    /// candle's, where nothing is left.
    pub fn pixels(self, places: usize) -> Result<usize> {
        let Self { side, stride, padding } = self;
        let whole = (places.max(1) - 1) * stride + side;
        match whole.checked_sub(2 * padding) {
            Some(pixels) if pixels > 0 && places > 0 && stride > 0 => Ok(pixels),
            _ => bail!(
                "{places} places of a kernel of side {side} with stride {stride} cover no more than the padding of {padding}"
            ),
        }
    }

    /// Refuses a weight whose first or second axis is not as long as given, or whose kernel is not of this side.
    pub(super) fn check_weight(
        self,
        shape: &[usize],
        first: Option<usize>,
        second: Option<usize>,
    ) -> Result<()> {
        let side = self.side;
        let fits = |wanted: Option<usize>, found: usize| wanted.is_none_or(|wanted| wanted == found);
        match *shape {
            [a, b, c, d] if fits(first, a) && fits(second, b) && [c, d] == [side; 2] => Ok(()),
            _ => {
                let axis = |wanted: Option<usize>| wanted.map_or("_".to_owned(), |wanted| wanted.to_string());
                bail!(
                    "this convolution takes a weight of shape [{}, {}, {side}, {side}], not {shape:?}",
                    axis(first),
                    axis(second)
                )
            }
        }
    }

    /// Refuses pixels that belong to further places.
    pub(super) fn check_extra(self, extra: usize) -> Result<()> {
        if extra >= self.stride.max(1) {
            bail!("{extra} extra pixels with stride {} belong to further places", self.stride)
        }
        Ok(())
    }
}

/// The convolution of `x`, shape `(inputs, batch, height, width)`, with `weight`, shape `(outputs, inputs, side, side)`:
/// `y[o, b, p, q] = sum_(c, i, j) weight[o, c, i, j] x[c, b, p stride + i - padding, q stride + j - padding]`.
///
/// # Errors
/// What candle says, where the shapes do not fit.
///
/// # Source
/// `torch.nn.functional.conv2d` without groups and dilation; here channels come before the batch.
pub fn conv2d(x: &Tensor, weight: &Tensor, window: Window) -> Result<Tensor> {
    if !x.device().is_cpu() {
        return composed::conv2d(x, weight, window);
    }
    let (_, _, height, width) = x.dims4()?;
    let sizes =
        Sizes { window, image: [height, width], places: [window.places(height)?, window.places(width)?] };
    x.contiguous()?.apply_op2(&weight.contiguous()?, Convolution { sizes, gives: Gives::Places })
}

/// The transposed convolution of `y`, shape `(inputs, batch, height, width)`, with `weight`, shape
/// `(inputs, outputs, side, side)`: the adjoint of [`conv2d`] with the same weight. The image grows by `extra` pixels at the
/// lower and right edges, less than the stride.
///
/// # Errors
/// What candle says, where the shapes do not fit.
///
/// # Source
/// `torch.nn.functional.conv_transpose2d` with `output_padding = extra`; here channels come before the batch.
pub fn conv_transpose2d(y: &Tensor, weight: &Tensor, window: Window, extra: usize) -> Result<Tensor> {
    if !y.device().is_cpu() {
        return composed::conv_transpose2d(y, weight, window, extra);
    }
    let (_, _, height, width) = y.dims4()?;
    window.check_extra(extra)?;
    let sizes = Sizes {
        window,
        image: [window.pixels(height)? + extra, window.pixels(width)? + extra],
        places: [height, width],
    };
    y.contiguous()?.apply_op2(&weight.contiguous()?, Convolution { sizes, gives: Gives::Image })
}

#[derive(Debug, Clone, Copy)]
struct Sizes {
    window: Window,
    image: [usize; 2],
    places: [usize; 2],
}

/// Which derivative is given of `sum y[o, b, p, q] weight[o, c, i, j] x[c, b, ...]`, which is linear in each of the three.
///
/// The derivative in one of them takes the other two: all three operations are the derivatives of each other.
#[derive(Debug, Clone, Copy)]
enum Gives {
    /// That in `y`, from `x` and the weight: a convolution.
    Places,
    /// That in `x`, from `y` and the weight: a transposed convolution.
    Image,
    /// That in the weight, from `x` and `y`.
    Weight,
}

#[derive(Debug, Clone, Copy)]
struct Convolution {
    sizes: Sizes,
    gives: Gives,
}

/// Numbers of the patches that are worked on together: about what the second cache holds.
const TOGETHER: usize = 1 << 17;

impl Convolution {
    fn giving(self, gives: Gives) -> Self {
        Self { gives, ..self }
    }

    fn forward<T: Real>(
        self,
        (s1, l1): (&CpuStorage, &Layout),
        (s2, l2): (&CpuStorage, &Layout),
    ) -> Result<(CpuStorage, Shape)> {
        let Sizes { window: Window { side, .. }, image, places } = self.sizes;
        let ([first, batch, h, w], [a, b, c, d]) = (axes(l1)?, axes(l2)?);
        let kernel = side * side;
        match self.gives {
            Gives::Places => {
                self.sizes.window.check_weight(l2.dims(), None, Some(first))?;
                let (outputs, rows) = (a, first * kernel);
                let x = numbers::<T>(s1, l1)?;
                let mut patches = Patches::<T>::new(self.sizes, first, batch);
                let mut y = vec![T::zero(); outputs * batch * patches.places];
                let weight = Layout::contiguous_with_offset((outputs, rows), l2.start_offset());
                for (from, count) in patches.blocks() {
                    let columns = count * patches.places;
                    patches.cut(x, from, count);
                    let block = T::to_cpu_storage_owned(std::mem::take(&mut patches.numbers));
                    let of_block = Layout::contiguous((rows, columns));
                    let product = s2.matmul(&block, (1, outputs, columns, rows), &weight, &of_block)?;
                    patches.numbers = T::cpu_storage_data(block)?;
                    let product = T::cpu_storage_as_slice(&product)?;
                    let row = batch * patches.places;
                    for (y, product) in y.chunks_exact_mut(row).zip(product.chunks_exact(columns)) {
                        y[from * patches.places..][..columns].copy_from_slice(product);
                    }
                }
                Ok((T::to_cpu_storage_owned(y), Shape::from((outputs, batch, places[0], places[1]))))
            }
            Gives::Image => {
                self.sizes.window.check_weight(l2.dims(), Some(first), None)?;
                if [h, w] != places {
                    bail!("results of {h}x{w} places are not those of {}x{}", places[0], places[1])
                }
                let (outputs, rows) = (b, b * kernel);
                let mut patches = Patches::<T>::new(self.sizes, outputs, batch);
                let mut x = vec![T::zero(); outputs * batch * image[0] * image[1]];
                let weight = Layout::new(Shape::from((rows, first)), vec![1, rows], l2.start_offset());
                for (from, count) in patches.blocks() {
                    let columns = count * patches.places;
                    let y = block_of(l1, first, batch * patches.places, from * patches.places, columns);
                    let product = s2.matmul(s1, (1, rows, columns, first), &weight, &y)?;
                    patches.numbers = T::cpu_storage_data(product)?;
                    patches.add_to(&mut x, from, count);
                }
                Ok((T::to_cpu_storage_owned(x), Shape::from((outputs, batch, image[0], image[1]))))
            }
            Gives::Weight => {
                if [b, c, d] != [batch, places[0], places[1]] || [h, w] != image {
                    bail!("images {:?} and results {:?} are not of one convolution", l1.dims(), l2.dims())
                }
                let (outputs, rows) = (a, first * kernel);
                let x = numbers::<T>(s1, l1)?;
                let mut patches = Patches::<T>::new(self.sizes, first, batch);
                let mut weight = vec![T::zero(); outputs * rows];
                for (from, count) in patches.blocks() {
                    let columns = count * patches.places;
                    patches.cut(x, from, count);
                    let block = T::to_cpu_storage_owned(std::mem::take(&mut patches.numbers));
                    let transposed = Layout::new(Shape::from((columns, rows)), vec![1, columns], 0);
                    let y = block_of(l2, outputs, batch * patches.places, from * patches.places, columns);
                    let product = s2.matmul(&block, (1, outputs, rows, columns), &y, &transposed)?;
                    patches.numbers = T::cpu_storage_data(block)?;
                    for (sum, product) in weight.iter_mut().zip(T::cpu_storage_as_slice(&product)?) {
                        *sum += *product;
                    }
                }
                Ok((T::to_cpu_storage_owned(weight), Shape::from((outputs, first, side, side))))
            }
        }
    }
}

/// The four axes of a tensor.
fn axes(layout: &Layout) -> Result<[usize; 4]> {
    match *layout.dims() {
        [a, b, c, d] if layout.is_contiguous() => Ok([a, b, c, d]),
        _ => bail!("a convolution takes contiguous tensors with four axes, not {layout:?}"),
    }
}

/// Some columns of a tensor that is seen as `rows` rows of `row` numbers.
fn block_of(layout: &Layout, rows: usize, row: usize, from: usize, columns: usize) -> Layout {
    Layout::new(Shape::from((rows, columns)), vec![row, 1], layout.start_offset() + from)
}

/// Patches of a few images: row `(c, i, j)`, column `(image, p, q)`.
struct Patches<T> {
    sizes: Sizes,
    channels: usize,
    batch: usize,
    places: usize,
    numbers: Vec<T>,
}

impl<T: Real> Patches<T> {
    fn new(sizes: Sizes, channels: usize, batch: usize) -> Self {
        Self { sizes, channels, batch, places: sizes.places[0] * sizes.places[1], numbers: Vec::new() }
    }

    /// First image and number of images of each block.
    fn blocks(&self) -> impl Iterator<Item = (usize, usize)> + use<T> {
        let image = self.channels * self.sizes.window.side.pow(2) * self.places;
        let (batch, count) = (self.batch, (TOGETHER / image.max(1)).max(1));
        (0..batch).step_by(count).map(move |from| (from, count.min(batch - from)))
    }

    /// Calls `row` with each row of the patches: where the first of its pixels inside of the image lies, none where all lie
    /// outside, where its numbers begin, and which of them have a pixel.
    fn rows(&self, from: usize, count: usize, mut row: impl FnMut(Option<usize>, usize, &Range<usize>)) {
        let Sizes { window: Window { side, stride, padding }, image: [height, width], places } = self.sizes;
        let [down, across] = places;
        let mut at = 0;
        for c in 0..self.channels {
            for i in 0..side {
                for j in 0..side {
                    let end = (width + padding).saturating_sub(j).div_ceil(stride).min(across);
                    let inside = padding.saturating_sub(j).div_ceil(stride).min(end)..end;
                    for b in from..from + count {
                        let image = (c * self.batch + b) * height * width;
                        for p in 0..down {
                            let y = (p * stride + i).checked_sub(padding).filter(|y| *y < height);
                            let y = y.filter(|_| !inside.is_empty());
                            let first = y.map(|y| image + y * width + inside.start * stride + j - padding);
                            row(first, at, &inside);
                            at += across;
                        }
                    }
                }
            }
        }
    }

    /// Cuts the patches out of images.
    fn cut(&mut self, x: &[T], from: usize, count: usize) {
        let (across, stride) = (self.sizes.places[1], self.sizes.window.stride);
        let mut numbers = std::mem::take(&mut self.numbers);
        numbers.resize(self.channels * self.sizes.window.side.pow(2) * count * self.places, T::zero());
        self.rows(from, count, |first, at, inside| {
            let patch = &mut numbers[at..at + across];
            let Some(first) = first else { return patch.fill(T::zero()) };
            patch[..inside.start].fill(T::zero());
            patch[inside.end..].fill(T::zero());
            let patch = &mut patch[inside.clone()];
            if stride == 1 {
                patch.copy_from_slice(&x[first..][..patch.len()]);
            } else {
                patch.iter_mut().zip(x[first..].iter().step_by(stride)).for_each(|(to, x)| *to = *x);
            }
        });
        self.numbers = numbers;
    }

    /// Adds the patches to the images that they lie in.
    fn add_to(&self, x: &mut [T], from: usize, count: usize) {
        let (across, stride) = (self.sizes.places[1], self.sizes.window.stride);
        self.rows(from, count, |first, at, inside| {
            let Some(first) = first else { return };
            let patch = &self.numbers[at..at + across][inside.clone()];
            if stride == 1 {
                x[first..][..patch.len()].iter_mut().zip(patch).for_each(|(x, from)| *x += *from);
            } else {
                x[first..].iter_mut().step_by(stride).zip(patch).for_each(|(x, from)| *x += *from);
            }
        });
    }
}

impl CustomOp2 for Convolution {
    fn name(&self) -> &'static str {
        match self.gives {
            Gives::Places => "convolution",
            Gives::Image => "transposed convolution",
            Gives::Weight => "gradient of a convolution in its weight",
        }
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        match s1.dtype() {
            DType::F32 => self.forward::<f32>((s1, l1), (s2, l2)),
            DType::F64 => self.forward::<f64>((s1, l1), (s2, l2)),
            other => refused(self.name(), other),
        }
    }

    /// Constants, such as weights that are not trained, cost nothing.
    fn bwd(
        &self,
        one: &Tensor,
        two: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let grad = grad.contiguous()?;
        let give = |wanted: &Tensor, gives: Gives, a: &Tensor, b: &Tensor| -> Result<Option<Tensor>> {
            wanted
                .track_op()
                .then(|| a.contiguous()?.apply_op2(&b.contiguous()?, self.giving(gives)))
                .transpose()
        };
        Ok(match self.gives {
            Gives::Places => (give(one, Gives::Image, &grad, two)?, give(two, Gives::Weight, one, &grad)?),
            Gives::Image => (give(one, Gives::Places, &grad, two)?, give(two, Gives::Weight, &grad, one)?),
            Gives::Weight => (give(one, Gives::Image, two, &grad)?, give(two, Gives::Places, one, &grad)?),
        })
    }
}
