//! Gradients of a network in its parameters and in its input, for whole batches in `f32`: what training needs, without a graph.

use crate::activation::Activation;
use crate::mlp::MlpShape;
use likely_core::lanes::{LANES, Work, vectorised};
use likely_core::{Lanes, Number};

/// Points that are worked on together.
const GROUP: usize = 2 * LANES;

/// One number of each of as many points, or as many numbers of one point.
type Group = [f32; GROUP];

const ZERO: Group = [0.0; GROUP];

/// A network in training: a pass forward over a batch, and gradients backward.
///
/// Parameters are one slice in the order of [`MlpShape::expected`]: layer after layer, each weight, shape
/// `(outputs, inputs)` in row-major order, before its bias. Sums run in a fixed order without fused operations, so the bits
/// depend neither on the processor nor on its threads.
#[derive(Debug, Clone)]
pub struct Batch {
    layers: Vec<Layer>,
    activation: Activation,
    rows: usize,
    /// What goes into each layer, groups of points one after another.
    inputs: Vec<Vec<Group>>,
    /// Slopes of the nonlinearity before each layer but the first.
    slopes: Vec<Vec<Group>>,
    /// Gradients in what comes out of a layer, and in what goes in.
    above: Vec<Group>,
    below: Vec<Group>,
    /// What goes into a layer, panels of inputs one after another, in each point after point.
    panels: Vec<Group>,
}

/// A layer with its weight both ways.
#[derive(Debug, Clone)]
struct Layer {
    inputs: usize,
    outputs: usize,
    /// Where its weight begins in the parameters; the bias follows it.
    start: usize,
    weight: Vec<f32>,
    transposed: Vec<f32>,
    bias: Vec<f32>,
}

impl Batch {
    /// A network whose parameters are all zero.
    pub fn new(shape: &MlpShape) -> Self {
        let mut start = 0;
        let layer = |widths: &[usize]| {
            let (inputs, outputs) = (widths[0], widths[1]);
            let weight = vec![0.0; inputs * outputs];
            let layer = Layer {
                inputs,
                outputs,
                start,
                transposed: weight.clone(),
                weight,
                bias: vec![0.0; outputs],
            };
            start += inputs * outputs + outputs;
            layer
        };
        let layers: Vec<Layer> = shape.widths().windows(2).map(layer).collect();
        let empty = vec![Vec::new(); layers.len()];
        Self {
            layers,
            activation: shape.activation(),
            rows: 0,
            inputs: empty.clone(),
            slopes: empty,
            above: Vec::new(),
            below: Vec::new(),
            panels: Vec::new(),
        }
    }

    /// Numbers of parameters.
    pub fn parameters(&self) -> usize {
        self.layers.iter().map(|layer| (layer.inputs + 1) * layer.outputs).sum()
    }

    /// Numbers that go in at a point.
    pub fn inputs(&self) -> usize {
        self.layers[0].inputs
    }

    /// Numbers that come out at a point.
    pub fn outputs(&self) -> usize {
        self.layers[self.layers.len() - 1].outputs
    }

    /// Takes over `parameters`, of [`Batch::parameters`].
    pub fn set(&mut self, parameters: &[f32]) {
        for Layer { inputs, outputs, start, weight, transposed, bias } in &mut self.layers {
            let (from, to) = (*start, *start + weight.len());
            weight.copy_from_slice(&parameters[from..to]);
            bias.copy_from_slice(&parameters[to..to + *outputs]);
            for (o, row) in weight.chunks_exact(*inputs).enumerate() {
                for (i, weight) in row.iter().enumerate() {
                    transposed[i * *outputs + o] = *weight;
                }
            }
        }
    }

    /// The network at each row of `x`, shape `(rows, inputs)`; `y` is `(rows, outputs)`, both in row-major order.
    pub fn forward(&mut self, x: &[f32], y: &mut [f32]) {
        self.rows = x.len() / self.inputs();
        vectorised(Forward { batch: self, x, y });
    }

    /// Gradients of a loss from `grad_y`, its gradient in the result of the last [`Batch::forward`], shape `(rows, outputs)`:
    /// that in the parameters is added to `gradient`, of [`Batch::parameters`].
    pub fn backward(&mut self, grad_y: &[f32], gradient: &mut [f32]) {
        vectorised(Backward { batch: self, grad_y, gradient: Some(gradient), grad_x: None });
    }

    /// As [`Batch::backward`], but the gradient in the input, shape `(rows, inputs)`, is written into `grad_x`.
    pub fn backward_to_input(&mut self, grad_y: &[f32], grad_x: &mut [f32]) {
        vectorised(Backward { batch: self, grad_y, gradient: None, grad_x: Some(grad_x) });
    }

    /// Both gradients at once.
    pub fn backward_to_both(&mut self, grad_y: &[f32], gradient: &mut [f32], grad_x: &mut [f32]) {
        vectorised(Backward { batch: self, grad_y, gradient: Some(gradient), grad_x: Some(grad_x) });
    }
}

struct Forward<'a> {
    batch: &'a mut Batch,
    x: &'a [f32],
    y: &'a mut [f32],
}

impl Work for Forward<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) {
        let Batch { layers, activation, rows, inputs, slopes, above, .. } = self.batch;
        let groups = rows.div_ceil(GROUP);
        let last = layers.len() - 1;
        gather(self.x, layers[0].inputs, groups, &mut inputs[0]);
        for (l, layer) in layers.iter().enumerate() {
            let (before, after) = inputs.split_at_mut(l + 1);
            let out = if l == last { &mut *above } else { &mut after[0] };
            out.resize(groups * layer.outputs, ZERO);
            let pairs = before[l].chunks_exact(layer.inputs).zip(out.chunks_exact_mut(layer.outputs));
            for (x, y) in pairs {
                product(&layer.weight, x, y, |o| layer.bias[o]);
            }
            if l < last {
                slopes[l + 1].resize(out.len(), ZERO);
                activate(*activation, out, &mut slopes[l + 1]);
            }
        }
        scatter(above, layers[last].outputs, self.y);
    }
}

struct Backward<'a> {
    batch: &'a mut Batch,
    grad_y: &'a [f32],
    gradient: Option<&'a mut [f32]>,
    grad_x: Option<&'a mut [f32]>,
}

impl Work for Backward<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(mut self) {
        let Batch { layers, rows, inputs, slopes, above, below, panels, .. } = self.batch;
        let groups = rows.div_ceil(GROUP);
        let last = layers.len() - 1;
        gather(self.grad_y, layers[last].outputs, groups, above);
        for (l, layer) in layers.iter().enumerate().rev() {
            if let Some(gradient) = &mut self.gradient {
                let count = layer.inputs * layer.outputs;
                let own = &mut gradient[layer.start..layer.start + count + layer.outputs];
                let (weight, bias) = own.split_at_mut(count);
                transpose(&inputs[l], layer.inputs, panels);
                outer(above, panels, layer.inputs, weight);
                for grad in above.chunks_exact(layer.outputs) {
                    for (bias, grad) in bias.iter_mut().zip(grad) {
                        *bias += grad.iter().sum::<f32>();
                    }
                }
            }
            if l == 0 && self.grad_x.is_none() {
                return;
            }
            below.resize(groups * layer.inputs, ZERO);
            let pairs = above.chunks_exact(layer.outputs).zip(below.chunks_exact_mut(layer.inputs));
            for (grad, out) in pairs {
                product(&layer.transposed, grad, out, |_| 0.0);
            }
            if l > 0 {
                for (grad, slope) in below.iter_mut().zip(&slopes[l]) {
                    for (grad, slope) in grad.iter_mut().zip(slope) {
                        *grad *= slope;
                    }
                }
            }
            std::mem::swap(above, below);
        }
        if let Some(grad_x) = self.grad_x {
            scatter(above, layers[0].inputs, grad_x);
        }
    }
}

/// Rows into groups of points; where there is no row, zeros.
fn gather(rows: &[f32], width: usize, groups: usize, out: &mut Vec<Group>) {
    out.clear();
    out.resize(groups * width, ZERO);
    for (p, row) in rows.chunks_exact(width).enumerate() {
        for (j, x) in row.iter().enumerate() {
            out[p / GROUP * width + j][p % GROUP] = *x;
        }
    }
}

/// Groups of points into rows.
fn scatter(groups: &[Group], width: usize, rows: &mut [f32]) {
    for (p, row) in rows.chunks_exact_mut(width).enumerate() {
        for (j, x) in row.iter_mut().enumerate() {
            *x = groups[p / GROUP * width + j][p % GROUP];
        }
    }
}

/// Groups of points into panels of numbers.
fn transpose(groups: &[Group], width: usize, panels: &mut Vec<Group>) {
    let points = groups.len() / width * GROUP;
    panels.clear();
    panels.resize(width.div_ceil(GROUP) * points, ZERO);
    for (g, group) in groups.chunks_exact(width).enumerate() {
        for (j, lanes) in group.iter().enumerate() {
            let first = j / GROUP * points + g * GROUP;
            for (panel, x) in panels[first..first + GROUP].iter_mut().zip(lanes) {
                panel[j % GROUP] = *x;
            }
        }
    }
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn add_scaled(sum: &mut Group, x: &Group, by: f32) {
    for (sum, x) in sum.iter_mut().zip(x) {
        *sum += x * by;
    }
}

/// `y = A x + start` for a group of points, `A` in row-major order.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn product(matrix: &[f32], x: &[Group], y: &mut [Group], start: impl Fn(usize) -> f32) {
    let columns = x.len();
    let (wide, single) = y.as_chunks_mut::<4>();
    let mut row = 0;
    let mut rest = matrix;
    for y in wide {
        let weights;
        (weights, rest) = rest.split_at(4 * columns);
        let (first, second) = weights.split_at(2 * columns);
        let ((p, q), (r, s)) = (first.split_at(columns), second.split_at(columns));
        // Variables and not an array, which the compiler would keep in memory.
        let (mut a, mut b) = ([start(row); GROUP], [start(row + 1); GROUP]);
        let (mut c, mut d) = ([start(row + 2); GROUP], [start(row + 3); GROUP]);
        for (((x, p), q), (r, s)) in x.iter().zip(p).zip(q).zip(r.iter().zip(s)) {
            add_scaled(&mut a, x, *p);
            add_scaled(&mut b, x, *q);
            add_scaled(&mut c, x, *r);
            add_scaled(&mut d, x, *s);
        }
        *y = [a, b, c, d];
        row += 4;
    }
    for (y, weights) in single.iter_mut().zip(rest.chunks_exact(columns)) {
        let mut sum = [start(row); GROUP];
        for (x, weight) in x.iter().zip(weights) {
            add_scaled(&mut sum, x, *weight);
        }
        *y = sum;
        row += 1;
    }
}

/// Adds `sum_p grad_o(p) x_i(p)` to the entry `(o, i)` of `weight`; `panels` hold the `x`.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn outer(grad: &[Group], panels: &[Group], inputs: usize, weight: &mut [f32]) {
    let outputs = weight.len() / inputs;
    let points = panels.len() / inputs.div_ceil(GROUP);
    for (panel, x) in panels.chunks_exact(points.max(1)).enumerate() {
        let columns = panel * GROUP..inputs.min((panel + 1) * GROUP);
        let mut add = |o: usize, sums: &Group| {
            let row = &mut weight[o * inputs..(o + 1) * inputs][columns.clone()];
            for (weight, sum) in row.iter_mut().zip(sums) {
                *weight += sum;
            }
        };
        let (x, _) = x.as_chunks::<GROUP>();
        let mut o = 0;
        while o + 4 <= outputs {
            let (mut a, mut b, mut c, mut d) = (ZERO, ZERO, ZERO, ZERO);
            for (x, grad) in x.iter().zip(grad.chunks_exact(outputs)) {
                let [p, q, r, s] = [grad[o], grad[o + 1], grad[o + 2], grad[o + 3]];
                for l in 0..GROUP {
                    add_scaled(&mut a, &x[l], p[l]);
                    add_scaled(&mut b, &x[l], q[l]);
                    add_scaled(&mut c, &x[l], r[l]);
                    add_scaled(&mut d, &x[l], s[l]);
                }
            }
            for (r, sums) in [a, b, c, d].iter().enumerate() {
                add(o + r, sums);
            }
            o += 4;
        }
        while o < outputs {
            let mut sums = ZERO;
            for (x, grad) in x.iter().zip(grad.chunks_exact(outputs)) {
                for (x, grad) in x.iter().zip(&grad[o]) {
                    add_scaled(&mut sums, x, *grad);
                }
            }
            add(o, &sums);
            o += 1;
        }
    }
}

/// Values of the nonlinearity, in place, and its slopes.
#[inline(always)]
fn activate(activation: Activation, values: &mut [Group], slopes: &mut [Group]) {
    macro_rules! each {
        ($($kind:ident)*) => {
            // Matched outside the loop, so that each is vectorised on its own.
            match activation {
                $(Activation::$kind => {
                    for (value, slope) in values.as_flattened_mut().chunks_exact_mut(LANES).zip(slopes.as_flattened_mut().chunks_exact_mut(LANES)) {
                        let mut z = Lanes::constant(0.0);
                        for (z, value) in z.0.iter_mut().zip(value.iter()) {
                            *z = f64::from(*value);
                        }
                        let (f, df) = Activation::$kind.value_and_slope(z);
                        for l in 0..LANES {
                            (value[l], slope[l]) = (f.0[l] as f32, df.0[l] as f32);
                        }
                    }
                })*
            }
        };
    }
    each!(Relu Tanh Elu Silu Gelu Sigmoid Softplus);
}
