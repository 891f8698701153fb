//! Any network written for candle, as a potential or a score.

use crate::weights::WeightTensor;
use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};
use likely_core::{EvalError, Normalisation, Potential, Score, Symmetry, ValueGrad};
use ndarray::{Array1, Array2, ArrayView2, Axis};

/// Why a network on candle's graph gave no number.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    /// candle refused an operation.
    #[error("candle refused an operation: {0}")]
    Candle(#[from] candle_core::Error),
    /// There is no gradient where one is wanted.
    #[error(
        "there is no gradient in {name}: the result does not depend on it, or an operation between them has no backward pass \
         (candle_nn's `softmax_last_dim`, `layer_norm` and `rms_norm` have none; `softmax` and `forward_diff` do)"
    )]
    NoGradient {
        /// In what.
        name: String,
    },
    /// The result has the wrong shape.
    #[error("the network gives shape {found:?} where {expected:?} is needed")]
    Shape {
        /// The shape that was needed.
        expected: Vec<usize>,
        /// The shape that came.
        found: Vec<usize>,
    },
}

impl From<GraphError> for EvalError {
    fn from(error: GraphError) -> Self {
        Self::Model { reason: error.to_string() }
    }
}

/// The gradient of a backward pass in `of`, called `name` in the error, cut off from the graph.
///
/// candle leaves a gradient out without a word where an operation has no backward pass. A gradient that is there may still
/// lack the part that went through such an operation: [`likely_core::check::gradient`] sees that. And a gradient that is
/// still tied to the graph gives wrong numbers when it is differentiated again; so it is cut off.
///
/// # Errors
/// [`GraphError::NoGradient`] where there is none.
pub fn checked_grad(gradients: &GradStore, of: &Tensor, name: &str) -> Result<Tensor, GraphError> {
    match gradients.get(of) {
        Some(gradient) => Ok(gradient.detach()),
        None => Err(GraphError::NoGradient { name: name.to_owned() }),
    }
}

/// A tensor of a weights file as a constant of candle.
///
/// # Errors
/// [`GraphError::Candle`].
pub fn constant(tensor: &WeightTensor, dtype: DType, device: &Device) -> Result<Tensor, GraphError> {
    Ok(Tensor::from_slice(tensor.values(), tensor.shape(), device)?.to_dtype(dtype)?)
}

/// Where and in which precision a network is evaluated; the one place that converts.
#[derive(Debug, Clone)]
struct Room {
    dim: usize,
    dtype: DType,
    device: Device,
}

impl Room {
    fn check(&self, points: &ArrayView2<'_, f64>) -> Result<(), EvalError> {
        if points.ncols() == self.dim {
            Ok(())
        } else {
            Err(EvalError::Dimension { expected: self.dim, found: points.ncols() })
        }
    }

    fn points(&self, points: &ArrayView2<'_, f64>) -> Result<Tensor, EvalError> {
        self.check(points)?;
        let values: Vec<f64> = points.iter().copied().collect();
        let tensor = Tensor::from_vec(values, points.dim(), &Device::Cpu).map_err(GraphError::from)?;
        Ok(tensor.to_device(&self.device).and_then(|x| x.to_dtype(self.dtype)).map_err(GraphError::from)?)
    }

    /// The numbers of a tensor in row-major order.
    fn numbers(tensor: &Tensor) -> Result<Vec<f64>, GraphError> {
        Ok(tensor.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?)
    }

    fn rows(&self, tensor: &Tensor, rows: usize) -> Result<Array2<f64>, GraphError> {
        let expected = (rows, self.dim);
        let numbers = Self::numbers(tensor)?;
        match Array2::from_shape_vec(expected, numbers) {
            Ok(array) if tensor.dims() == [rows, self.dim] => Ok(array),
            _ => Err(GraphError::Shape { expected: vec![rows, self.dim], found: tensor.dims().to_vec() }),
        }
    }
}

/// A network written for candle, `S` of each row, as a potential.
///
/// The network takes points of shape `(batch, dim)` and gives `(batch)` or `(batch, 1)`. A row of its result may depend on
/// that row of the points alone: the gradients are those of the sum. Numbers that are not finite are passed on.
pub struct CandlePotential<F> {
    network: F,
    normalisation: Normalisation,
    room: Room,
    together: usize,
}

impl<F: Fn(&Tensor) -> candle_core::Result<Tensor> + Send + Sync> CandlePotential<F> {
    /// The network on points with `dim` coordinates, evaluated on the processor in `dtype`.
    pub fn new(dim: usize, normalisation: Normalisation, dtype: DType, network: F) -> Self {
        let room = Room { dim, dtype, device: Device::Cpu };
        Self { network, normalisation, room, together: usize::MAX }
    }

    /// The same network, evaluated on `device`, where its weights must be.
    #[must_use]
    pub fn on(mut self, device: Device) -> Self {
        self.room.device = device;
        self
    }

    /// The same network, evaluated at so many rows together at most, at least one; at one, the bits of a row do not depend on the
    /// others.
    #[must_use]
    pub fn at_most(mut self, rows: usize) -> Self {
        self.together = rows.max(1);
        self
    }

    /// `S` of each row on the graph, shape `(batch)`.
    fn graph(&self, points: &Tensor, rows: usize) -> Result<Tensor, GraphError> {
        let values = (self.network)(points)?;
        match values.dims() {
            [batch] | [batch, 1] if *batch == rows => Ok(values.flatten_all()?),
            found => Err(GraphError::Shape { expected: vec![rows], found: found.to_vec() }),
        }
    }
}

impl<F: Fn(&Tensor) -> candle_core::Result<Tensor> + Send + Sync> Potential for CandlePotential<F> {
    fn dim(&self) -> usize {
        self.room.dim
    }

    fn normalisation(&self) -> Normalisation {
        self.normalisation
    }

    fn symmetry(&self) -> Symmetry<'_> {
        Symmetry::None
    }

    fn value(&self, points: ArrayView2<'_, f64>) -> Result<Array1<f64>, EvalError> {
        self.room.check(&points)?;
        let mut values = Vec::with_capacity(points.nrows());
        for rows in points.axis_chunks_iter(Axis(0), self.together.min(points.nrows().max(1))) {
            values.extend(Room::numbers(&self.graph(&self.room.points(&rows)?, rows.nrows())?)?);
        }
        Ok(values.into())
    }

    fn value_and_grad(&self, points: ArrayView2<'_, f64>) -> Result<ValueGrad, EvalError> {
        self.room.check(&points)?;
        let mut value = Vec::with_capacity(points.nrows());
        let mut grad = Array2::zeros(points.raw_dim());
        let together = self.together.min(points.nrows().max(1));
        let blocks = points.axis_chunks_iter(Axis(0), together);
        for (rows, mut slopes) in blocks.zip(grad.axis_chunks_iter_mut(Axis(0), together)) {
            let x = Var::from_tensor(&self.room.points(&rows)?).map_err(GraphError::from)?;
            let values = self.graph(&x, rows.nrows())?;
            let gradients = values.sum_all().and_then(|sum| sum.backward()).map_err(GraphError::from)?;
            slopes.assign(&self.room.rows(&checked_grad(&gradients, &x, "the points")?, rows.nrows())?);
            value.extend(Room::numbers(&values)?);
        }
        Ok(ValueGrad { value: value.into(), grad })
    }
}

/// A network written for candle, the score of each row, as a score.
///
/// The network takes points of shape `(batch, dim)` and gives the same shape. Numbers that are not finite are passed on.
pub struct CandleScore<F> {
    network: F,
    room: Room,
    together: usize,
}

impl<F: Fn(&Tensor) -> candle_core::Result<Tensor> + Send + Sync> CandleScore<F> {
    /// The network on points with `dim` coordinates, evaluated on the processor in `dtype`.
    pub fn new(dim: usize, dtype: DType, network: F) -> Self {
        Self { network, room: Room { dim, dtype, device: Device::Cpu }, together: usize::MAX }
    }

    /// The same network, evaluated on `device`, where its weights must be.
    #[must_use]
    pub fn on(mut self, device: Device) -> Self {
        self.room.device = device;
        self
    }

    /// The same network, evaluated at so many rows together at most, at least one.
    #[must_use]
    pub fn at_most(mut self, rows: usize) -> Self {
        self.together = rows.max(1);
        self
    }
}

impl<F: Fn(&Tensor) -> candle_core::Result<Tensor> + Send + Sync> Score for CandleScore<F> {
    fn dim(&self) -> usize {
        self.room.dim
    }

    fn score(&self, points: ArrayView2<'_, f64>) -> Result<Array2<f64>, EvalError> {
        self.room.check(&points)?;
        let mut scores = Array2::zeros(points.raw_dim());
        let together = self.together.min(points.nrows().max(1));
        let blocks = points.axis_chunks_iter(Axis(0), together);
        for (rows, mut found) in blocks.zip(scores.axis_chunks_iter_mut(Axis(0), together)) {
            let score = (self.network)(&self.room.points(&rows)?).map_err(GraphError::from)?;
            found.assign(&self.room.rows(&score, rows.nrows())?);
        }
        Ok(scores)
    }
}
