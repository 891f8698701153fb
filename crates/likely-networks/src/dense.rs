//! A linear layer over any number.

use crate::weights::{Expected, Problems, Weights};
use likely_core::Number;

/// Outputs that are worked on together, in registers.
const WIDE: usize = 8;

/// `y = W x + b`, by hand.
///
/// Every function is inlined into the code for the chosen vector width, and sums in the order of the inputs, so that its
/// bits depend on nothing but its numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Dense {
    weight: Product,
    transposed: Product,
    bias: Vec<f64>,
}

impl Dense {
    /// The tensors `<name>.weight`, shape `(outputs, inputs)`, and `<name>.bias`, shape `(outputs)`, as PyTorch's `nn.Linear`.
    pub fn expected(name: &str, inputs: usize, outputs: usize) -> [Expected; 2] {
        [
            Expected::new(format!("{name}.weight"), &[outputs, inputs]),
            Expected::new(format!("{name}.bias"), &[outputs]),
        ]
    }

    /// The layer of the tensors `<name>.weight` and `<name>.bias`.
    ///
    /// # Errors
    /// [`Problems`] where one is missing or has another shape.
    pub fn load(weights: &Weights, name: &str, inputs: usize, outputs: usize) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let [weight, bias] = Self::expected(name, inputs, outputs).map(|Expected { name, shape }| {
            match weights.get(&name) {
                Ok(tensor) if *tensor.shape() == *shape => return tensor.widened(),
                Ok(tensor) => problems.push(format!(
                    "tensor `{name}` has shape {:?} where {shape:?} is needed",
                    tensor.shape()
                )),
                Err(missing) => problems.extend(missing.0),
            }
            Vec::new()
        });
        if problems.is_empty() { Self::new(&weight, &bias) } else { Err(Problems(problems)) }
    }

    /// The layer with the given bias, and weight of shape `(outputs, inputs)` in row-major order.
    ///
    /// # Errors
    /// [`Problems`] where there is no output, or the number of weights is no multiple of that of outputs.
    pub fn new(weight: &[f64], bias: &[f64]) -> Result<Self, Problems> {
        let outputs = bias.len();
        if outputs == 0 || weight.is_empty() || !weight.len().is_multiple_of(outputs) {
            let problem = format!("a layer with {outputs} biases cannot have {} weights", weight.len());
            return Err(Problems(vec![problem]));
        }
        let inputs = weight.len() / outputs;
        Ok(Self {
            weight: Product::new(outputs, inputs, |o, i| weight[o * inputs + i]),
            transposed: Product::new(inputs, outputs, |i, o| weight[o * inputs + i]),
            bias: bias.to_vec(),
        })
    }

    /// Numbers that go in.
    pub fn inputs(&self) -> usize {
        self.weight.columns
    }

    /// Numbers that come out.
    pub fn outputs(&self) -> usize {
        self.weight.rows
    }

    /// Multiplications of a pass forward; one backward takes as many.
    pub fn multiplications(&self) -> usize {
        self.weight.rows * self.weight.columns
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Dense {
    /// `y = W x + b`.
    #[inline(always)]
    pub fn forward<N: Number>(&self, x: &[N], y: &mut [N]) {
        self.weight.apply(x, y, |o| N::constant(self.bias[o]));
    }

    /// `grad_x = W^T grad_y`: the gradient in the input, from that in the output.
    #[inline(always)]
    pub fn backward<N: Number>(&self, grad_y: &[N], grad_x: &mut [N]) {
        self.transposed.apply(grad_y, grad_x, |_| N::constant(0.0));
    }
}

/// A matrix, stored in the order in which a product with a vector reads it.
#[derive(Debug, Clone, PartialEq)]
struct Product {
    rows: usize,
    columns: usize,
    /// Blocks of 8 rows, then at most one each of 4, 2 and 1; in a block column after column.
    blocks: Vec<f64>,
}

impl Product {
    fn new(rows: usize, columns: usize, entry: impl Fn(usize, usize) -> f64) -> Self {
        let mut blocks = Vec::with_capacity(rows * columns);
        let mut first = 0;
        while first < rows {
            let height = [WIDE, 4, 2, 1].into_iter().find(|height| first + height <= rows).unwrap_or(1);
            for j in 0..columns {
                blocks.extend((first..first + height).map(|i| entry(i, j)));
            }
            first += height;
        }
        Self { rows, columns, blocks }
    }

    /// `y = A x + start`.
    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn apply<N: Number>(&self, x: &[N], y: &mut [N], start: impl Fn(usize) -> N) {
        let (x, y) = (&x[..self.columns], &mut y[..self.rows]);
        let mut blocks = self.blocks.as_slice();
        let mut first = 0;
        while first + WIDE <= self.rows {
            let block;
            (block, blocks) = blocks.split_at(WIDE * self.columns);
            let (columns, _) = block.as_chunks::<WIDE>();
            // A dual number of dual numbers fills four registers.
            if size_of::<N>() <= 2 * size_of::<likely_core::Lanes>() {
                let sums = block_product(columns, x, std::array::from_fn(|r| start(first + r)), |w| *w);
                y[first..first + WIDE].copy_from_slice(&sums);
            } else {
                let sums = block_product(columns, x, std::array::from_fn(|r| start(first + r)), |w| {
                    [w[0], w[1], w[2], w[3]]
                });
                y[first..first + 4].copy_from_slice(&sums);
                let sums = block_product(columns, x, std::array::from_fn(|r| start(first + 4 + r)), |w| {
                    [w[4], w[5], w[6], w[7]]
                });
                y[first + 4..first + 8].copy_from_slice(&sums);
            }
            first += WIDE;
        }
        macro_rules! rest {
            ($height:literal) => {
                if (self.rows - first) >= $height {
                    let block;
                    (block, blocks) = blocks.split_at($height * self.columns);
                    let (columns, _) = block.as_chunks::<$height>();
                    let sums = block_product(columns, x, std::array::from_fn(|r| start(first + r)), |w| *w);
                    y[first..first + $height].copy_from_slice(&sums);
                    first += $height;
                }
            };
        }
        rest!(4);
        rest!(2);
        rest!(1);
        debug_assert!(first == self.rows && blocks.is_empty());
    }
}

/// `sums_r + sum_j w_jr x_j`, in the order of the columns.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn block_product<N: Number, const W: usize, const R: usize>(
    columns: &[[f64; W]],
    x: &[N],
    mut sums: [N; R],
    pick: impl Fn(&[f64; W]) -> [f64; R],
) -> [N; R] {
    for (column, x) in columns.iter().zip(x) {
        let weights = pick(column);
        for r in 0..R {
            sums[r] = sums[r] + x.scaled(weights[r]);
        }
    }
    sums
}
