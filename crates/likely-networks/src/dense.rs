//! A linear layer over any number.

use crate::weights::{Expected, Problems, Weights};
use likely_core::Number;

/// Outputs that are worked on together, in registers: also dual numbers of dual numbers then fit into them.
const WIDE: usize = 4;

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
    /// Blocks of four rows, then single rows; in a block column after column.
    blocks: Vec<f64>,
}

impl Product {
    fn new(rows: usize, columns: usize, entry: impl Fn(usize, usize) -> f64) -> Self {
        let entry = &entry;
        let wide = rows - rows % WIDE;
        let blocks = (0..wide)
            .step_by(WIDE)
            .flat_map(|first| (0..columns).flat_map(move |j| (0..WIDE).map(move |r| entry(first + r, j))));
        let single = (wide..rows).flat_map(|i| (0..columns).map(move |j| entry(i, j)));
        Self { rows, columns, blocks: blocks.chain(single).collect() }
    }

    /// `y = A x + start`.
    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn apply<N: Number>(&self, x: &[N], y: &mut [N], start: impl Fn(usize) -> N) {
        let (x, y) = (&x[..self.columns], &mut y[..self.rows]);
        let (wide, single) = self.blocks.split_at((self.rows - self.rows % WIDE) * self.columns);
        let mut row = 0;
        for block in wide.chunks_exact(WIDE * self.columns) {
            let (columns, _) = block.as_chunks::<WIDE>();
            // Variables and not an array, which the compiler would keep in memory.
            let (mut a, mut b) = (start(row), start(row + 1));
            let (mut c, mut d) = (start(row + 2), start(row + 3));
            for (weights, x) in columns.iter().zip(x) {
                a = a + x.scaled(weights[0]);
                b = b + x.scaled(weights[1]);
                c = c + x.scaled(weights[2]);
                d = d + x.scaled(weights[3]);
            }
            y[row..row + WIDE].copy_from_slice(&[a, b, c, d]);
            row += WIDE;
        }
        for weights in single.chunks_exact(self.columns) {
            let sum = weights.iter().zip(x).fold(start(row), |sum, (weight, x)| sum + x.scaled(*weight));
            y[row] = sum;
            row += 1;
        }
    }
}
