//! A decoder on candle's graph as a map with derivatives.

use crate::images::constants::over_blocks;
use likely_core::{EvalError, Rows, SmoothMap};
use likely_networks::candle::{Device, Result as CandleResult, Tensor, Var};
use likely_networks::candle_room::{GraphError, checked_grad};
use likely_networks::{Operand, Tangent};
use std::ops::Range;

/// A network from points to images, in `f64`.
pub(super) trait Decodes: Send + Sync {
    /// Coordinates of a point and numbers of an image.
    fn sizes(&self) -> [usize; 2];

    /// Where it is evaluated.
    fn device(&self) -> &Device;

    /// The images of points of shape `(batch, coordinates)` on the graph, shape `(batch, numbers)`.
    fn images<X: Operand>(&self, points: &X) -> CandleResult<X>;
}

/// The map of a decoder. Derivatives along directions go forwards with the values; a derivative of these goes backwards through them.
pub(super) struct Decoder<'a, N>(pub(super) &'a N);

/// Numbers of the Jacobians that are made together, at most, and points: what a cache can hold.
const TOGETHER: usize = 1 << 15;
const POINTS: usize = 16;

impl<N: Decodes> Decoder<'_, N> {
    /// Some rows of `width` numbers as a tensor beside the network.
    fn tensor(&self, values: &[f64], width: usize, rows: &Range<usize>) -> CandleResult<Tensor> {
        let values = &values[rows.start * width..rows.end * width];
        Tensor::from_slice(values, (rows.len(), width), self.0.device())
    }

    /// Writes over `out` what `network` makes of `together` rows at a time.
    fn write(
        &self,
        points: Rows<'_>,
        together: usize,
        out: &mut [f64],
        network: impl Fn(Range<usize>) -> Result<Tensor, GraphError> + Sync,
    ) -> Result<(), EvalError> {
        let [dim, _] = self.0.sizes();
        let count = points.with_dim(dim)?.count();
        let found = over_blocks(self.0.device(), count, together, out.len() / count.max(1), network)?;
        out.iter_mut().zip(&found).for_each(|(out, found)| *out = *found);
        Ok(())
    }
}

impl<N: Decodes> SmoothMap for Decoder<'_, N> {
    fn dim(&self) -> usize {
        self.0.sizes()[0]
    }

    fn ambient_dim(&self) -> usize {
        self.0.sizes()[1]
    }

    fn map(&self, points: Rows<'_>, out: &mut [f64]) -> Result<(), EvalError> {
        let [dim, _] = self.0.sizes();
        self.write(points, POINTS, out, |rows| {
            Ok(self.0.images(&self.tensor(points.values(), dim, &rows)?)?)
        })
    }

    fn jacobian(&self, points: Rows<'_>, out: &mut [f64]) -> Result<(), EvalError> {
        let [dim, ambient] = self.0.sizes();
        let together = (TOGETHER / (dim * ambient)).clamp(1, POINTS);
        self.write(points, together, out, |rows| {
            let along = Tangent::along_axes(self.tensor(points.values(), dim, &rows)?)?;
            let columns = self.0.images(&along)?.change().reshape((dim, rows.len(), ambient))?;
            Ok(columns.permute((1, 2, 0))?.contiguous()?)
        })
    }

    fn bilinear_gradient(
        &self,
        points: Rows<'_>,
        w: &[f64],
        v: &[f64],
        out: &mut [f64],
    ) -> Result<(), EvalError> {
        let [dim, ambient] = self.0.sizes();
        self.write(points, POINTS, out, |rows| {
            let z = Var::from_tensor(&self.tensor(points.values(), dim, &rows)?)?;
            let along = Tangent::new(z.as_tensor().clone(), self.tensor(v, dim, &rows)?)?;
            let change = self.0.images(&along)?.change().mul(&self.tensor(w, ambient, &rows)?)?;
            checked_grad(&change.sum_all()?.backward()?, &z, "the point")
        })
    }

    fn push_forward(&self, points: Rows<'_>, v: &[f64], out: &mut [f64]) -> Result<(), EvalError> {
        let [dim, _] = self.0.sizes();
        self.write(points, POINTS, out, |rows| {
            let along = Tangent::new(self.tensor(points.values(), dim, &rows)?, self.tensor(v, dim, &rows)?)?;
            Ok(self.0.images(&along)?.change().clone())
        })
    }
}
