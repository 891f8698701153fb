//! Networks of linear layers with one nonlinearity between them.

use crate::activation::Activation;
use crate::dense::Dense;
use crate::weights::{Expected, Problems, Weights};
use likely_core::Number;
use likely_core::lanes::{Work, vectorised};
use serde::{Deserialize, Serialize};

/// Most numbers in a layer.
const WIDEST: usize = 1 << 16;

/// The description of a network of linear layers with a nonlinearity between them, none after the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked", rename_all = "kebab-case")]
pub struct MlpShape {
    widths: Vec<usize>,
    activation: Activation,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Unchecked {
    widths: Vec<usize>,
    activation: Activation,
}

impl TryFrom<Unchecked> for MlpShape {
    type Error = String;

    fn try_from(Unchecked { widths, activation }: Unchecked) -> Result<Self, String> {
        Self::new(widths, activation)
    }
}

impl MlpShape {
    /// A network whose input, hidden layers and output have `widths` numbers.
    ///
    /// # Errors
    /// What is wrong with the widths.
    pub fn new(widths: Vec<usize>, activation: Activation) -> Result<Self, String> {
        if widths.len() < 2 {
            return Err(format!("{widths:?} are no widths: those of the input and the output are needed"));
        }
        if let Some(wrong) = widths.iter().find(|width| !(1..=WIDEST).contains(*width)) {
            return Err(format!("a layer of {wrong} numbers is not between 1 and {WIDEST}"));
        }
        Ok(Self { widths, activation })
    }

    /// Numbers in the input, the hidden layers and the output.
    pub fn widths(&self) -> &[usize] {
        &self.widths
    }

    /// The nonlinearity after every layer but the last.
    pub fn activation(&self) -> Activation {
        self.activation
    }

    /// Inputs and outputs of the layers, with the name of each: `<prefix>.0`, `<prefix>.1` and so on.
    pub fn layers(&self, prefix: &str) -> impl Iterator<Item = (String, usize, usize)> {
        self.widths
            .windows(2)
            .enumerate()
            .map(move |(layer, widths)| (format!("{prefix}.{layer}"), widths[0], widths[1]))
    }

    /// The tensors of the network, layer after layer, each weight before its bias: `<prefix>.0.weight`, shape
    /// `(outputs, inputs)`, `<prefix>.0.bias`, shape `(outputs)`, `<prefix>.1.weight` and so on, as a PyTorch `nn.ModuleList`
    /// of `nn.Linear` names them.
    pub fn expected(&self, prefix: &str) -> Vec<Expected> {
        self.layers(prefix)
            .flat_map(|(name, inputs, outputs)| Dense::expected(&name, inputs, outputs))
            .collect()
    }
}

/// A network of linear layers with a nonlinearity between them, evaluated by hand.
#[derive(Debug, Clone, PartialEq)]
pub struct Mlp {
    layers: Vec<Dense>,
    activation: Activation,
}

impl Mlp {
    /// The network of the tensors that [`MlpShape::expected`] names.
    ///
    /// Tensors with other names are not looked at: a model of several networks checks them all with [`Weights::check`].
    ///
    /// # Errors
    /// [`Problems`] that names every tensor that is missing or has another shape.
    pub fn load(weights: &Weights, prefix: &str, shape: &MlpShape) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let mut layers = Vec::new();
        for (name, inputs, outputs) in shape.layers(prefix) {
            match Dense::load(weights, &name, inputs, outputs) {
                Ok(layer) => layers.push(layer),
                Err(Problems(more)) => problems.extend(more),
            }
        }
        if problems.is_empty() {
            Ok(Self { layers, activation: shape.activation })
        } else {
            Err(Problems(problems))
        }
    }

    /// The network of the given layers.
    ///
    /// # Errors
    /// [`Problems`] where there is none, or two do not fit together.
    pub fn new(layers: Vec<Dense>, activation: Activation) -> Result<Self, Problems> {
        if layers.is_empty() {
            return Err(Problems(vec!["a network needs a layer".into()]));
        }
        let misfit = layers.windows(2).position(|pair| pair[0].outputs() != pair[1].inputs());
        if let Some(layer) = misfit {
            let (outputs, inputs) = (layers[layer].outputs(), layers[layer + 1].inputs());
            let problem =
                format!("layer {layer} has {outputs} outputs, but layer {} {inputs} inputs", layer + 1);
            return Err(Problems(vec![problem]));
        }
        Ok(Self { layers, activation })
    }

    /// Numbers that go in.
    pub fn inputs(&self) -> usize {
        self.layers[0].inputs()
    }

    /// Numbers that come out.
    pub fn outputs(&self) -> usize {
        self.layers[self.layers.len() - 1].outputs()
    }

    /// The layers, in order.
    pub fn layers(&self) -> &[Dense] {
        &self.layers
    }

    /// Numbers of working space of [`Mlp::forward`] and [`Mlp::backward`]: value and slope of every hidden number.
    pub fn workspace(&self) -> usize {
        2 * self.hidden().map(Dense::outputs).sum::<usize>()
    }

    /// Multiplications of a pass forward and one backward.
    pub fn multiplications(&self) -> usize {
        2 * self.layers.iter().map(Dense::multiplications).sum::<usize>()
    }

    /// All layers but the last.
    fn hidden(&self) -> std::slice::Iter<'_, Dense> {
        self.layers[..self.layers.len() - 1].iter()
    }
}

/// The passes are compiled for each vector width, once for each kind of number and not once for each model: inlined into the
/// code of a model they would multiply its size.
impl Mlp {
    /// `y = f(x)` alone; `work` is of [`Mlp::workspace`], of any content.
    pub fn value<N: Number>(&self, x: &[N], y: &mut [N], work: &mut [N]) {
        vectorised(Forward::<N, false> { network: self, x, y, work });
    }

    /// `y = f(x)`; `work` is of [`Mlp::workspace`], of any content, and then holds what [`Mlp::backward`] needs.
    pub fn forward<N: Number>(&self, x: &[N], y: &mut [N], work: &mut [N]) {
        vectorised(Forward::<N, true> { network: self, x, y, work });
    }

    /// `grad_x = J^T grad_y`, with `J` the Jacobian matrix at the input of the last [`Mlp::forward`] with this `work`, whose
    /// content is used up.
    pub fn backward<N: Number>(&self, grad_y: &[N], grad_x: &mut [N], work: &mut [N]) {
        vectorised(Backward { network: self, grad_y, grad_x, work });
    }
}

/// A pass forward, that keeps the slopes with `SLOPES`.
struct Forward<'a, N, const SLOPES: bool> {
    network: &'a Mlp,
    x: &'a [N],
    y: &'a mut [N],
    work: &'a mut [N],
}

impl<N: Number, const SLOPES: bool> Work for Forward<'_, N, SLOPES> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) {
        let layers = &self.network.layers;
        let mut free = self.work;
        let mut input = self.x;
        for (depth, layer) in layers.iter().enumerate() {
            if depth + 1 == layers.len() {
                layer.forward(input, self.y);
                return;
            }
            let (values, rest) = free.split_at_mut(layer.outputs());
            let (slopes, rest) = rest.split_at_mut(layer.outputs());
            layer.forward(input, values);
            activate::<N, SLOPES>(self.network.activation, values, slopes);
            (input, free) = (values, rest);
        }
    }
}

/// A pass backward.
struct Backward<'a, N> {
    network: &'a Mlp,
    grad_y: &'a [N],
    grad_x: &'a mut [N],
    work: &'a mut [N],
}

impl<N: Number> Work for Backward<'_, N> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    fn run(self) {
        let Self { network, grad_y, grad_x, work } = self;
        let mut end = network.workspace();
        let mut above: Option<usize> = None;
        for (layer, below) in network.layers[1..].iter().zip(network.hidden()).rev() {
            let width = below.outputs();
            let start = end - 2 * width;
            let (now, later) = work.split_at_mut(end);
            let (values, slopes) = now[start..].split_at_mut(width);
            let grad = above.map_or(grad_y, |width| &later[..width]);
            layer.backward(grad, values);
            for (value, slope) in values.iter_mut().zip(slopes) {
                *value = *value * *slope;
            }
            (end, above) = (start, Some(width));
        }
        let grad = above.map_or(grad_y, |width| &work[..width]);
        network.layers[0].backward(grad, grad_x);
    }
}

/// Values, and slopes with `SLOPES`, of a nonlinearity, in place.
#[inline(always)]
fn activate<N: Number, const SLOPES: bool>(activation: Activation, values: &mut [N], slopes: &mut [N]) {
    macro_rules! each {
        ($($kind:ident)*) => {
            // Matched outside the loop, so that each is vectorised on its own.
            match activation {
                $(Activation::$kind => {
                    for (value, slope) in values.iter_mut().zip(slopes) {
                        if SLOPES {
                            (*value, *slope) = Activation::$kind.value_and_slope(*value);
                        } else {
                            *value = Activation::$kind.value(*value);
                        }
                    }
                })*
            }
        };
    }
    each!(Relu Tanh Elu Silu Gelu Sigmoid Softplus);
}
