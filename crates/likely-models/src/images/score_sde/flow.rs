//! The probability flow: images and noise carried to each other without randomness, and the density that this gives.

use super::runge_kutta::integrate;
use super::sde::Sde;
use likely_core::EvalError;
use ndarray::Array2;
use std::f64::consts::TAU;

/// What tells the noise in noised images: the score times minus the deviation.
pub(super) trait Noise: Send + Sync {
    /// `e(x, t)`.
    fn noise(&self, x: &[f64], t: f64) -> Result<Vec<f64>, EvalError>;
}

/// What also tells how the noise changes with the image.
pub(super) trait NoiseTrace: Send + Sync {
    /// `e(x, t)` and the trace of its derivative in `x`.
    fn noise_and_trace(&self, x: &[f64], t: f64, trace: &Trace) -> Result<(Vec<f64>, f64), EvalError>;
}

/// How a trace is found.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Trace {
    /// One derivative for each coordinate.
    Exact,
    /// The mean of `v^T J v` over the rows `v`, which is right on average where their numbers are 1 or -1 at random.
    ///
    /// # Source
    /// Hutchinson 1990; Skilling 1989; Song et al. 2021, arXiv 2011.13456, equation 40.
    Probes(Array2<f64>),
}

/// `dx/dt = -(beta/2) x + (g^2 / 2 s) e(x, t)`, `s` the deviation at time `t`.
///
/// # Source
/// Song et al. 2021, arXiv 2011.13456, equation 13; equation 39 for the density.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Flow {
    pub(super) sde: Sde,
    /// What each step of the integration may be wrong by, relative to numbers above 1.
    pub(super) tolerance: f64,
}

impl Flow {
    /// The factors of point and noise at a time.
    fn factors(&self, t: f64) -> [f64; 2] {
        [-0.5 * Sde::beta(t), 0.5 * self.sde.squared_diffusion(t) / self.sde.deviation(t)]
    }

    fn carry(&self, noise: &dyn Noise, way: [f64; 2], x: Vec<f64>) -> Result<Vec<f64>, EvalError> {
        let rate = |t: f64, x: &[f64]| {
            let [of_point, of_noise] = self.factors(t);
            let mut rate = noise.noise(x, t)?;
            rate.iter_mut().zip(x).for_each(|(rate, x)| *rate = of_point * x + of_noise * *rate);
            Ok(rate)
        };
        integrate(rate, way, x, self.tolerance)
    }

    /// From an image to noise.
    pub(super) fn up(&self, noise: &dyn Noise, x: Vec<f64>) -> Result<Vec<f64>, EvalError> {
        self.carry(noise, [Sde::FIRST, 1.0], x)
    }

    /// From noise to an image.
    pub(super) fn down(&self, noise: &dyn Noise, x: Vec<f64>) -> Result<Vec<f64>, EvalError> {
        self.carry(noise, [1.0, Sde::FIRST], x)
    }

    /// `log p(x) = log N(x(1); 0, I) + int div f dt` along the flow `dx/dt = f` from `x`, in nats.
    pub(super) fn log_density(
        &self,
        noise: &dyn NoiseTrace,
        x: &[f64],
        trace: &Trace,
    ) -> Result<f64, EvalError> {
        let dim = x.len();
        let rate = |t: f64, state: &[f64]| {
            let [of_point, of_noise] = self.factors(t);
            let x = &state[..dim];
            let (mut rate, trace) = noise.noise_and_trace(x, t, trace)?;
            rate.iter_mut().zip(x).for_each(|(rate, x)| *rate = of_point * x + of_noise * *rate);
            rate.push(of_point * dim as f64 + of_noise * trace);
            Ok(rate)
        };
        let state = x.iter().copied().chain([0.0]).collect();
        let end = integrate(rate, [Sde::FIRST, 1.0], state, self.tolerance)?;
        let squares: f64 = end[..dim].iter().map(|z| z * z).sum();
        Ok(end[dim] - 0.5 * (squares + dim as f64 * libm::log(TAU)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use likely_core::Seed;
    use rand::Rng;

    /// The noise in images whose pixels are independent and normal.
    struct Gaussian {
        sde: Sde,
        means: Vec<f64>,
        deviations: Vec<f64>,
    }

    impl Gaussian {
        fn spread(&self, i: usize, t: f64) -> f64 {
            (self.deviations[i] * Sde::kept(t)).hypot(self.sde.deviation(t))
        }

        /// The flow of a normal law is an affine map, which keeps the point at so many deviations.
        fn log_density(&self, x: &[f64]) -> f64 {
            let terms = x.iter().enumerate().map(|(i, x)| {
                let [first, last] = [Sde::FIRST, 1.0].map(|t| self.spread(i, t));
                let z = Sde::kept(1.0) * self.means[i]
                    + last / first * (x - Sde::kept(Sde::FIRST) * self.means[i]);
                (last / first).ln() - 0.5 * (z * z + TAU.ln())
            });
            terms.sum()
        }
    }

    impl Noise for Gaussian {
        fn noise(&self, x: &[f64], t: f64) -> Result<Vec<f64>, EvalError> {
            let noise = x.iter().enumerate().map(|(i, x)| {
                self.sde.deviation(t) * (x - Sde::kept(t) * self.means[i]) / self.spread(i, t).powi(2)
            });
            Ok(noise.collect())
        }
    }

    impl NoiseTrace for Gaussian {
        fn noise_and_trace(&self, x: &[f64], t: f64, trace: &Trace) -> Result<(Vec<f64>, f64), EvalError> {
            assert_eq!(*trace, Trace::Exact);
            let terms = (0..x.len()).map(|i| self.sde.deviation(t) / self.spread(i, t).powi(2));
            Ok((self.noise(x, t)?, terms.sum()))
        }
    }

    #[test]
    fn the_density_of_normal_images_is_the_closed_form() {
        let mut stream = Seed::new(4).stream(&[("test", "normal images")]);
        let mut cases = 0;
        for sde in [Sde::SubVp, Sde::Vp] {
            let flow = Flow { sde, tolerance: 1e-10 };
            for scale in [0.05, 0.5, 1.0] {
                let mut numbers = |low: f64, high: f64| -> Vec<f64> {
                    (0..6).map(|_| low + (high - low) * stream.random::<f64>()).collect()
                };
                let law =
                    Gaussian { sde, means: numbers(-1.0, 1.0), deviations: numbers(0.5 * scale, scale) };
                let x: Vec<f64> =
                    numbers(-1.0, 1.0).iter().zip(&law.means).map(|(u, m)| m + 2.0 * scale * u).collect();
                let found = flow.log_density(&law, &x, &Trace::Exact).unwrap();
                let wanted = law.log_density(&x);
                assert!((found - wanted).abs() < 1e-6, "{sde:?} {scale}: {found} and {wanted}");
                let back = flow.down(&law, flow.up(&law, x.clone()).unwrap()).unwrap();
                assert!(back.iter().zip(&x).all(|(back, x)| (back - x).abs() < 1e-7), "{back:?} {x:?}");
                cases += 1;
            }
        }
        assert_eq!(cases, 6);
        // Standard normal images stay so under the equation that preserves the variance.
        let law = Gaussian { sde: Sde::Vp, means: vec![0.0; 2], deviations: vec![1.0; 2] };
        let found = Flow { sde: Sde::Vp, tolerance: 1e-10 }.log_density(&law, &[0.3, -1.0], &Trace::Exact);
        assert!((found.unwrap() + 0.5 * 1.09 + TAU.ln()).abs() < 1e-8);
    }
}
