//! The network with the equation that it was trained for.

use super::flow::{Noise, NoiseTrace, Trace};
use super::sde::Sde;
use crate::images::unet::{PlanesUNet, UNet};
use likely_core::EvalError;
use likely_networks::candle::{DType, Device, Error, Result as CandleResult, Tensor, Var};
use likely_networks::candle_room::{GraphError, checked_grad};
use ndarray::{Array2, ArrayView2, Axis};

/// The last place of the embedding of a step, which stands for time 1.
const LAST: f64 = 999.0;
/// Rows whose derivatives are taken together, so that memory stays small.
const TOGETHER: usize = 64;

/// `e(x, t)` by a U-Net that sees the time as a step between 0 and 999.
#[derive(Debug, Clone)]
pub(super) struct NoiseNetwork(UNet);

/// The place of the embedding that stands for a time.
pub(super) fn place(t: f64) -> f64 {
    LAST * t
}

impl NoiseNetwork {
    pub(super) fn new(network: UNet) -> Self {
        Self(network)
    }

    /// The same network on a device.
    pub(super) fn on(self, device: &Device) -> CandleResult<Self> {
        self.0.on(device).map(Self)
    }

    /// The noise in images on the graph, all at one time.
    pub(super) fn on_graph(&self, images: &Tensor, t: f64) -> CandleResult<Tensor> {
        self.0.noise_between(images, &vec![place(t); images.dim(0)?])
    }

    fn row(&self, x: &[f64]) -> CandleResult<Tensor> {
        let x = ArrayView2::from_shape((1, x.len()), x).map_err(Error::wrap)?;
        self.0.tensor(x)
    }

    fn numbers(tensor: &Tensor) -> CandleResult<Vec<f64>> {
        tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1()
    }

    /// The noise, and the sum of `v^T J v` over the rows of `probes`.
    fn along(&self, x: &[f64], t: f64, probes: ArrayView2<'_, f64>) -> Result<(Vec<f64>, f64), GraphError> {
        let (mut noise, mut sum) = (Vec::new(), 0.0);
        for probes in probes.axis_chunks_iter(Axis(0), TOGETHER) {
            let rows = Var::from_tensor(&self.row(x)?.repeat((probes.nrows(), 1))?)?;
            let found = self.on_graph(&rows, t)?;
            let probes = self.0.tensor(probes)?;
            let slopes = checked_grad(&(&found * &probes)?.sum_all()?.backward()?, &rows, "the image")?;
            sum += Self::numbers(&(slopes * probes)?.sum(1)?)?.iter().sum::<f64>();
            noise = Self::numbers(&found.narrow(0, 0, 1)?)?;
        }
        Ok((noise, sum))
    }
}

impl Noise for PlanesUNet {
    fn noise(&self, x: &[f64], t: f64) -> Result<Vec<f64>, EvalError> {
        let noise = Self::noise(self, x, &self.shifts(place(t)))?;
        Ok(noise.values().iter().map(|noise| f64::from(*noise)).collect())
    }
}

impl NoiseTrace for NoiseNetwork {
    fn noise_and_trace(&self, x: &[f64], t: f64, trace: &Trace) -> Result<(Vec<f64>, f64), EvalError> {
        let found = match trace {
            Trace::Exact => self.along(x, t, Array2::eye(x.len()).view()),
            Trace::Probes(probes) => {
                self.along(x, t, probes.view()).map(|(noise, sum)| (noise, sum / probes.nrows() as f64))
            }
        };
        Ok(found?)
    }
}

/// `-e(x, t) / s`: the score of noised images at a time.
pub(super) fn score_factor(sde: Sde, t: f64) -> f64 {
    -1.0 / sde.deviation(t)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::unet::layers;
    use likely_core::Seed;
    use likely_networks::Weights;
    use rand::Rng;

    #[test]
    fn the_trace_is_that_of_central_differences_and_the_mean_over_probes_is_near_it() {
        let mut weights = Weights::new();
        for parameter in layers(8).into_iter().flat_map(|(name, layer)| layer.initial(&name, Seed::new(3))) {
            weights.insert(parameter.name, &parameter.shape, parameter.initial).unwrap();
        }
        let network = NoiseNetwork::new(UNet::load(&weights, 8, DType::F64).unwrap());
        let planes = PlanesUNet::load(&weights, 8).unwrap();
        let mut stream = Seed::new(4).stream(&[("test", "trace")]);
        let x: Vec<f64> = (0..64).map(|_| 2.0 * stream.random::<f64>() - 1.0).collect();
        let (noise, exact) = network.noise_and_trace(&x, 0.3, &Trace::Exact).unwrap();
        let by_hand = Noise::noise(&planes, &x, 0.3).unwrap();
        assert!(noise.len() == 64 && by_hand.len() == 64);
        assert!(noise.iter().zip(&by_hand).all(|(a, b)| (a - b).abs() < 1e-5), "{noise:?} {by_hand:?}");
        let few = Trace::Probes(Array2::ones((1, 64)));
        let differences: f64 = (0..64)
            .map(|i| {
                let moved = |h: f64| {
                    let mut moved = x.clone();
                    moved[i] += h;
                    network.noise_and_trace(&moved, 0.3, &few).unwrap().0[i]
                };
                (moved(1e-5) - moved(-1e-5)) / 2e-5
            })
            .sum();
        assert!((exact - differences).abs() < 1e-7 * exact.abs().max(1.0), "{exact} {differences}");
        let each: Vec<f64> = (0..200)
            .map(|_| {
                let probe =
                    Array2::from_shape_simple_fn((1, 64), || if stream.random() { 1.0 } else { -1.0 });
                network.noise_and_trace(&x, 0.3, &Trace::Probes(probe)).unwrap().1
            })
            .collect();
        let mean = each.iter().sum::<f64>() / 200.0;
        let error = (each.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / 199.0 / 200.0).sqrt();
        assert!(error > 0.0 && (mean - exact).abs() < 4.0 * error, "{mean} +- {error} against {exact}");
    }
}
