//! The network of one image at a time, without a graph.

use super::{FREQUENCIES, NORM, blocks, frequencies, layers, side_of};
use likely_core::EvalError;
use likely_core::lanes::exp;
use likely_networks::planes::{Activation, Convolution, Footprint, GroupNormSilu, Planes};
use likely_networks::{Dense, Problems, Weights};

/// [`super::UNet`] in single precision; means and variances of norms, and what steps add, in double precision.
///
/// The noise in an image has the same bits whatever images are beside it.
#[derive(Debug, Clone)]
pub(in crate::images) struct PlanesUNet {
    time: [Dense; 2],
    first: Convolution,
    halve: [Convolution; 2],
    double: [Convolution; 2],
    /// In the order of [`blocks`].
    blocks: [Block; 5],
    last_norm: GroupNormSilu,
    last: Convolution,
}

#[derive(Debug, Clone)]
struct Block {
    norms: [GroupNormSilu; 2],
    convolutions: [Convolution; 2],
    time: Dense,
    /// None where as many channels go in as come out.
    skip: Option<Convolution>,
}

/// What a step adds to the channels of each block.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::images) struct Shifts([Vec<f32>; 5]);

impl PlanesUNet {
    /// The network with the given weights.
    pub(in crate::images) fn load(weights: &Weights, width: usize) -> Result<Self, Problems> {
        let expected: Vec<_> =
            layers(width).into_iter().flat_map(|(name, layer)| layer.expected(&name)).collect();
        weights.check(&expected)?;
        let embedding = 4 * width;
        let convolution = |name: &str, side: usize, stride: usize| {
            let bias = weights.get(&format!("{name}.bias"))?.values().to_vec();
            let footprint = Footprint::new([side; 2], stride, [side / 2; 2]);
            Convolution::new(weights.get(&format!("{name}.weight"))?, bias, footprint, Activation::Linear)
        };
        let norm = |name: &str| {
            let [weight, bias] = ["weight", "bias"].map(|what| weights.get(&format!("{name}.{what}")));
            GroupNormSilu::new(weight?, bias?, NORM.groups)
        };
        let block = |(name, inputs, outputs): (&str, usize, usize)| -> Result<Block, Problems> {
            let skip =
                if inputs == outputs { None } else { Some(convolution(&format!("{name}.skip"), 1, 1)?) };
            Ok(Block {
                norms: [norm(&format!("{name}.norm.0"))?, norm(&format!("{name}.norm.1"))?],
                convolutions: [
                    convolution(&format!("{name}.convolution.0"), 3, 1)?,
                    convolution(&format!("{name}.convolution.1"), 3, 1)?,
                ],
                time: Dense::load(weights, &format!("{name}.time"), embedding, outputs)?,
                skip,
            })
        };
        let [down0, down1, middle, up1, up0] = blocks(width);
        Ok(Self {
            time: [
                Dense::load(weights, "time.0", 2 * FREQUENCIES, embedding)?,
                Dense::load(weights, "time.1", embedding, embedding)?,
            ],
            first: convolution("first", 3, 1)?,
            halve: [convolution("halve.0", 3, 2)?, convolution("halve.1", 3, 2)?],
            double: [convolution("double.0", 3, 1)?, convolution("double.1", 3, 1)?],
            blocks: [block(down0)?, block(down1)?, block(middle)?, block(up1)?, block(up0)?],
            last_norm: norm("last_norm")?,
            last: convolution("last", 3, 1)?,
        })
    }

    /// What a place between steps adds to the channels.
    pub(in crate::images) fn shifts(&self, step: f64) -> Shifts {
        let dense = |layer: &Dense, x: &[f64]| {
            let mut y = vec![0.0; layer.outputs()];
            layer.forward(x, &mut y);
            y
        };
        let silu = |x: Vec<f64>| -> Vec<f64> { x.into_iter().map(|x| x / (1.0 + exp(-x))).collect() };
        let [first, second] = &self.time;
        let time = silu(dense(second, &silu(dense(first, &frequencies(step)))));
        Shifts(self.blocks.each_ref().map(|block| {
            let shifts = dense(&block.time, &time);
            shifts.into_iter().map(|shift| shift as f32).collect()
        }))
    }

    /// The noise in a square image.
    ///
    /// # Errors
    /// [`EvalError`] where it is not square, or its side is no multiple of 4.
    pub(in crate::images) fn noise(&self, image: &[f64], shifts: &Shifts) -> Result<Planes, EvalError> {
        let side = side_of(image.len()).ok_or_else(|| EvalError::Model {
            reason: format!("{} pixels are no square whose side is a multiple of 4", image.len()),
        })?;
        let image = Planes::from_numbers(image.iter().map(|x| *x as f32), [1, side, side]);
        let [down0, down1, middle, up1, up0] = &self.blocks;
        let [of_down0, of_down1, of_middle, of_up1, of_up0] = &shifts.0;
        let fine = down0.apply(&self.first.apply(&image), of_down0);
        let coarse = down1.apply(&self.halve[0].apply(&fine), of_down1);
        let x = middle.apply(&self.halve[1].apply(&coarse), of_middle);
        let x = self.double[1].apply(&x).doubled();
        let x = up1.apply(&Planes::together(&[&x, &coarse]), of_up1);
        let x = self.double[0].apply(&x).doubled();
        let x = up0.apply(&Planes::together(&[&x, &fine]), of_up0);
        Ok(self.last.apply(&self.last_norm.apply(&x)))
    }
}

impl Block {
    fn apply(&self, x: &Planes, shift: &[f32]) -> Planes {
        let mut h = self.convolutions[0].apply(&self.norms[0].apply(x));
        h.add_to_channels(shift);
        let mut h = self.convolutions[1].apply(&self.norms[1].apply(&h));
        match &self.skip {
            Some(skip) => h.add(&skip.apply(x)),
            None => h.add(x),
        }
        h
    }
}
