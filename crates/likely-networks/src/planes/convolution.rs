//! Convolutions with bias and activation.

use super::padded::Source;
use super::product::{BLOCK, product};
use super::{Planes, SLACK};
use crate::{Problems, WeightTensor};
use pulp::{Arch, Simd, WithSimd};
use std::cell::RefCell;

/// Bytes of the panels that are multiplied with all weights before the next ones are cut: half of a second cache.
const TOGETHER: usize = 1 << 19;

/// How a kernel moves over an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Footprint {
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// Pixels from one place to the next.
    pub stride: usize,
    /// Zeros above and to the left of the image.
    pub before: [usize; 2],
    /// Zeros below and to the right.
    pub after: [usize; 2],
}

impl Footprint {
    /// The same zeros on opposite sides.
    pub fn new(kernel: [usize; 2], stride: usize, padding: [usize; 2]) -> Self {
        Self { kernel, stride, before: padding, after: padding }
    }

    /// Places along height and width of an image, `floor((pixels + padding - kernel) / stride) + 1`; none where the kernel is larger.
    pub fn places(self, pixels: [usize; 2]) -> [usize; 2] {
        [0, 1].map(|axis| {
            let whole = pixels[axis] + self.before[axis] + self.after[axis];
            whole.checked_sub(self.kernel[axis]).map_or(0, |room| room / self.stride + 1)
        })
    }
}

/// What is done to a sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    Linear,
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
}

impl Activation {
    /// NaN stays NaN, which the maximum of most processors drops.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    pub(super) fn of<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        let zero = simd.splat_f32s(0.0);
        let six = simd.splat_f32s(6.0);
        let above = |x| simd.select_f32s(simd.less_than_f32s(x, zero), zero, x);
        match self {
            Self::Linear => x,
            Self::Relu => above(x),
            Self::Relu6 => {
                let x = above(x);
                simd.select_f32s(simd.less_than_f32s(six, x), six, x)
            }
        }
    }
}

/// A convolution `y[o, p, q] = a(bias[o] + sum_(c, i, j) weight[o, c, i, j] x[c, p stride + i - top, q stride + j - left])`.
///
/// # Source
/// `torch.nn.functional.conv2d` without groups and dilation.
#[derive(Debug, Clone)]
pub struct Convolution {
    inputs: usize,
    outputs: usize,
    footprint: Footprint,
    activation: Activation,
    /// Blocks of outputs, the last one filled up with zeros; in each, inputs `(c, i, j)`.
    weights: Vec<[f32; BLOCK]>,
    bias: Vec<f32>,
}

thread_local! {
    /// Padded planes and panels, which every convolution needs anew.
    static ROOM: RefCell<(Vec<f32>, Vec<f32>)> = const { RefCell::new((Vec::new(), Vec::new())) };
}

impl Convolution {
    /// From a weight of shape `(outputs, inputs, height, width)` and a number to add for each output.
    ///
    /// # Errors
    /// [`Problems`] where they do not fit together.
    pub fn new(
        weight: &WeightTensor,
        bias: Vec<f32>,
        footprint: Footprint,
        activation: Activation,
    ) -> Result<Self, Problems> {
        let (outputs, inputs) = match *weight.shape() {
            [outputs, inputs, height, width]
                if [height, width] == footprint.kernel
                    && outputs == bias.len()
                    && outputs > 0
                    && inputs > 0 =>
            {
                (outputs, inputs)
            }
            _ => {
                return Err(Problems(vec![format!(
                    "a weight of shape {:?} and {} biases are no convolution with kernels of {:?}",
                    weight.shape(),
                    bias.len(),
                    footprint.kernel
                )]));
            }
        };
        let taps = inputs * footprint.kernel[0] * footprint.kernel[1];
        let mut weights = vec![[0.0; BLOCK]; outputs.div_ceil(BLOCK) * taps];
        for (output, row) in weight.values().chunks_exact(taps).enumerate() {
            let block = &mut weights[output / BLOCK * taps..][..taps];
            for (weights, value) in block.iter_mut().zip(row) {
                weights[output % BLOCK] = *value;
            }
        }
        Ok(Self { inputs, outputs, footprint, activation, weights, bias })
    }

    /// Channels of the image that it takes.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The image after it.
    ///
    /// # Panics
    /// Where the image has other channels.
    pub fn apply(&self, x: &Planes) -> Planes {
        assert_eq!(x.channels, self.inputs, "an image with the channels of the convolution");
        let [height, width] = self.footprint.places([x.height, x.width]);
        let mut y = Planes::zeros(self.outputs, height, width);
        ROOM.with_borrow_mut(|(padded, panels)| {
            let source = Source::new(x, self.footprint, padded);
            Arch::new().dispatch(Apply { convolution: self, source, columns: width, panels, y: &mut y });
        });
        y
    }

    /// Where each tap of a patch lies in the source.
    fn taps(&self, source: &Source<'_>) -> Vec<usize> {
        let [height, width] = self.footprint.kernel;
        let mut taps = Vec::with_capacity(self.inputs * height * width);
        for c in 0..self.inputs {
            for i in 0..height {
                taps.extend((0..width).map(|j| source.tap(c, i, j)));
            }
        }
        taps
    }
}

struct Apply<'a> {
    convolution: &'a Convolution,
    source: Source<'a>,
    columns: usize,
    panels: &'a mut Vec<f32>,
    y: &'a mut Planes,
}

impl WithSimd for Apply<'_> {
    type Output = ();

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { convolution, source, columns, panels, y } = self;
        let taps = convolution.taps(&source);
        let places = y.height * y.width;
        let wide = 2 * S::F32_LANES;
        let room = taps.len() * wide;
        let together = (TOGETHER / (4 * room)).max(1);
        panels.resize(together.min(places.div_ceil(wide)) * room + SLACK, 0.0);
        let mut output = Output { convolution, places, y: &mut y.values };
        let mut segments = Vec::with_capacity(wide);
        for first in (0..places).step_by(together * wide) {
            let end = (first + together * wide).min(places);
            for (panel, place) in (first..end).step_by(wide).enumerate() {
                let count = wide.min(end - place);
                segments.clear();
                if source.is_contiguous(columns) {
                    segments.push((0, place));
                } else {
                    let mut done = 0;
                    while done < count {
                        let (p, q) = ((place + done) / columns, (place + done) % columns);
                        segments.push((done, source.place(p, q)));
                        done += columns - q;
                    }
                }
                let panel = &mut panels[panel * room..];
                if count <= S::F32_LANES {
                    cut::<S, 1>(source.values, &taps, &segments, panel);
                } else {
                    cut::<S, 2>(source.values, &taps, &segments, panel);
                }
            }
            for (block, weights) in convolution.weights.chunks_exact(taps.len()).enumerate() {
                for (panel, place) in (first..end).step_by(wide).enumerate() {
                    let panel = &panels[panel * room..][..room];
                    if end - place <= S::F32_LANES {
                        output.block::<S, 1>(simd, &panel[..room / 2], weights, block, place);
                    } else {
                        output.block::<S, 2>(simd, panel, weights, block, place);
                    }
                }
            }
        }
    }
}

/// Cuts the patches of some places into a panel, `V` vectors a tap.
///
/// A segment is places side by side: where they begin in the panel and in the source. Each is moved as whole vectors; what is too
/// much is written over by the next segment or the next tap.
#[inline(always)]
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
fn cut<S: Simd, const V: usize>(
    values: &[f32],
    taps: &[usize],
    segments: &[(usize, usize)],
    panel: &mut [f32],
) {
    let wide = V * S::F32_LANES;
    for (k, tap) in taps.iter().enumerate() {
        for (to, from) in segments {
            panel[k * wide + to..][..wide].copy_from_slice(&values[tap + from..][..wide]);
        }
    }
}

struct Output<'a> {
    convolution: &'a Convolution,
    places: usize,
    y: &'a mut [f32],
}

impl Output<'_> {
    /// The places of a panel for all outputs of a block.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    fn block<S: Simd, const V: usize>(
        &mut self,
        simd: S,
        panel: &[f32],
        weights: &[[f32; BLOCK]],
        block: usize,
        place: usize,
    ) {
        let panel = pulp::as_arrays::<V, _>(S::as_simd_f32s(panel).0).0;
        let outputs = (self.convolution.outputs - block * BLOCK).min(BLOCK);
        // Sixteen registers hold the sums of six outputs, thirty-two those of twelve.
        if S::REGISTER_COUNT < 32 {
            for first in (0..outputs).step_by(6) {
                let sums = product::<S, V, 6>(simd, panel, weights, first);
                self.store(simd, &sums, block * BLOCK + first, place);
            }
        } else if outputs > 8 {
            self.store(simd, &product::<S, V, 12>(simd, panel, weights, 0), block * BLOCK, place);
        } else if outputs > 4 {
            self.store(simd, &product::<S, V, 8>(simd, panel, weights, 0), block * BLOCK, place);
        } else {
            self.store(simd, &product::<S, V, 4>(simd, panel, weights, 0), block * BLOCK, place);
        }
    }

    /// Adds biases, activates, and writes what there is of outputs and places.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    fn store<S: Simd, const V: usize>(&mut self, simd: S, sums: &[[S::f32s; V]], first: usize, place: usize) {
        let Convolution { bias, activation, .. } = self.convolution;
        for ((sums, bias), y) in
            sums.iter().zip(&bias[first..]).zip(self.y[first * self.places..].chunks_exact_mut(self.places))
        {
            let bias = simd.splat_f32s(*bias);
            for (sum, y) in sums.iter().zip(y[place..].chunks_mut(S::F32_LANES)) {
                let value = activation.of(simd, simd.add_f32s(*sum, bias));
                if y.len() == S::F32_LANES {
                    S::as_mut_simd_f32s(y).0[0] = value;
                } else {
                    simd.partial_store_f32s(y, value);
                }
            }
        }
    }
}
