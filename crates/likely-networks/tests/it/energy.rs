//! The smallest density with a network in it.

use likely_core::{Differentiable, Normalisation, Number};
use likely_networks::Mlp;

/// `S(x)`: the one output of a network.
#[derive(Debug, Clone)]
pub(crate) struct Energy(pub(crate) Mlp);

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl Differentiable for Energy {
    fn dim(&self) -> usize {
        self.0.inputs()
    }

    fn normalisation(&self) -> Normalisation {
        Normalisation::UpToConstant
    }

    fn workspace(&self) -> usize {
        self.0.workspace()
    }

    fn multiplications(&self) -> usize {
        self.0.multiplications()
    }

    #[inline(always)]
    fn value<N: Number>(&self, x: &[N], work: &mut [N]) -> N {
        let mut y = [N::constant(0.0)];
        self.0.value(x, &mut y, work);
        y[0]
    }

    #[inline(always)]
    fn value_and_grad<N: Number>(&self, x: &[N], grad: &mut [N], work: &mut [N]) -> N {
        let mut y = [N::constant(0.0)];
        self.0.forward(x, &mut y, work);
        self.0.backward(&[N::constant(1.0)], grad, work);
        y[0]
    }
}
