//! The weights with which pixels along one side make up a new one.

use std::f64::consts::PI;

/// The shape of the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filter {
    /// The mean over one pixel.
    Box,
    /// A triangle over two.
    Bilinear,
    /// Keys' cubic over four, a = -1/2.
    Bicubic,
    /// A windowed sinc over six.
    Lanczos,
}

impl Filter {
    /// Half the width.
    fn support(self) -> f64 {
        match self {
            Self::Box => 0.5,
            Self::Bilinear => 1.0,
            Self::Bicubic => 2.0,
            Self::Lanczos => 3.0,
        }
    }

    fn at(self, x: f64) -> f64 {
        let r = x.abs();
        match self {
            Self::Box => f64::from(x > -0.5 && x <= 0.5),
            Self::Bilinear => (1.0 - r).max(0.0),
            Self::Bicubic if r < 1.0 => ((A + 2.0) * r - (A + 3.0)) * r * r + 1.0,
            Self::Bicubic if r < 2.0 => (((r - 5.0) * r + 8.0) * r - 4.0) * A,
            Self::Lanczos if (-3.0..3.0).contains(&x) => sinc(x) * sinc(x / 3.0),
            Self::Bicubic | Self::Lanczos => 0.0,
        }
    }
}

/// The parameter of the cubic.
const A: f64 = -0.5;

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { libm::sin(x * PI) / (x * PI) }
}

/// Binary digits after the point of integer weights.
pub(super) const BITS: u32 = 32 - 8 - 2;

/// For each new pixel along a side, where its pixels begin and their weights, which sum to one.
pub(super) struct Kernel {
    starts: Vec<usize>,
    /// Where the weights of each new pixel end.
    ends: Vec<usize>,
    weights: Vec<f64>,
    /// The weights times 2^[`BITS`], rounded away from zero at a half.
    integers: Vec<i32>,
}

impl Kernel {
    /// The kernel from `from` pixels to `to`, both at least one.
    ///
    /// # Source
    /// `precompute_coeffs` and `normalize_coeffs_8bpc` of Pillow 13, `src/libImaging/Resample.c`.
    pub(super) fn new(filter: Filter, from: usize, to: usize) -> Self {
        let scale = from as f64 / to as f64;
        // A filter widens when pictures shrink, and does not narrow when they grow.
        let stretch = scale.max(1.0);
        let support = filter.support() * stretch;
        let (mut starts, mut ends, mut weights) =
            (Vec::with_capacity(to), Vec::with_capacity(to), Vec::new());
        for pixel in 0..to {
            let centre = (pixel as f64 + 0.5) * scale;
            // Negative numbers become 0 in the cast.
            let start = (centre - support + 0.5) as usize;
            let end = ((centre + support + 0.5) as usize).min(from);
            let first = weights.len();
            weights.extend((start..end).map(|x| {
                let distance = (x - start) as f64 + start as f64 - centre + 0.5;
                filter.at(distance * (1.0 / stretch))
            }));
            let sum: f64 = weights[first..].iter().sum();
            if sum != 0.0 {
                weights[first..].iter_mut().for_each(|weight| *weight /= sum);
            }
            starts.push(start);
            ends.push(weights.len());
        }
        let one = f64::from(1_u32 << BITS);
        let integers =
            weights.iter().map(|weight| (weight * one + 0.5_f64.copysign(*weight)) as i32).collect();
        Self { starts, ends, weights, integers }
    }

    /// How many new pixels there are.
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// Where the pixels of each new one begin, and their weights.
    pub(super) fn weights(&self) -> impl Iterator<Item = (usize, &[f64])> {
        self.cut(&self.weights)
    }

    /// The same with integer weights.
    pub(super) fn integers(&self) -> impl Iterator<Item = (usize, &[i32])> {
        self.cut(&self.integers)
    }

    fn cut<'a, T>(&'a self, weights: &'a [T]) -> impl Iterator<Item = (usize, &'a [T])> {
        let mut first = 0;
        self.starts.iter().zip(&self.ends).map(move |(start, end)| {
            let of_pixel = &weights[first..*end];
            first = *end;
            (*start, of_pixel)
        })
    }
}
