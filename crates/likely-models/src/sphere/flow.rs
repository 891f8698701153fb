//! The probability flow of a diffusion on the sphere, as a map whose change of area is exact.

use crate::sphere::coordinates::Density;
use crate::sphere::jet::{FIRST, Jet, SECOND};
use crate::sphere::vectors::{cross, dot, normalised};
use likely_core::Number;
use std::f64::consts::PI;

/// A tangent field on the sphere at each of the times of a solver: the score times the root of the noise.
pub(crate) trait Field: Send + Sync {
    /// What is known of the field at one time.
    type AtTime: Send + Sync;

    /// What is known of the field where `log_noise` is the logarithm of the noise.
    fn at(&self, log_noise: f64) -> Self::AtTime;

    /// Numbers of working space of [`Field::scaled_score`].
    fn workspace(&self) -> usize;

    /// Multiplications of one evaluation.
    fn multiplications(&self) -> usize;

    /// `sqrt(s) grad log p_s` at the point `x` of the sphere.
    fn scaled_score<N: Number, const C: usize>(
        &self,
        at: &Self::AtTime,
        x: &[Jet<N, C>; 3],
        work: &mut [Jet<N, C>],
    ) -> [Jet<N, C>; 3];
}

/// One step of the solver: what is known at its start, middle and end, and the factors of the field in the velocity there.
#[derive(Debug, Clone)]
struct StepTimes<T> {
    at: [T; 3],
    /// `-sqrt(s) / 2` times the step.
    factors: [f64; 3],
}

/// The flow `dx / d log s = -s / 2 grad log p_s`, from little noise to the uniform law, by the classical method of Runge and
/// Kutta in equal steps of `log s`; the field is taken at points of the sphere and a step ends on it.
///
/// The density is that of the discrete map: minus `log 4 pi` plus the logarithm of its change of area, which its derivatives
/// in two directions give exactly. So the total mass is one whatever the number of steps, and the integral of the divergence of
/// the velocity is what it tends to.
#[derive(Debug, Clone)]
pub(crate) struct ProbabilityFlow<F: Field> {
    field: F,
    steps: Vec<StepTimes<F::AtTime>>,
}

impl<F: Field> ProbabilityFlow<F> {
    /// The flow between two logarithms of the noise.
    pub(crate) fn new(field: F, [low, high]: [f64; 2], steps: usize) -> Self {
        let step = (high - low) / steps as f64;
        let steps = (0..steps)
            .map(|k| {
                let times = [0.0, 0.5, 1.0].map(|part| low + (k as f64 + part) * step);
                StepTimes {
                    at: times.map(|log| field.at(log)),
                    factors: times.map(|log| -0.5 * step * libm::exp(0.5 * log)),
                }
            })
            .collect();
        Self { field, steps }
    }

    pub(crate) fn field(&self) -> &F {
        &self.field
    }

    /// The point where the flow ends.
    #[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
    #[inline(always)]
    pub(crate) fn end<N: Number, const C: usize>(&self, start: &[Jet<N, C>; 3]) -> [Jet<N, C>; 3] {
        let mut work = vec![Jet::constant(0.0); self.field.workspace()];
        let mut x = *start;
        for StepTimes { at, factors } in &self.steps {
            let mut sum = x;
            let mut stage = x;
            // Weights 1/6, 1/3, 1/3, 1/6; the next stage starts half a step, half a step and a step away.
            for (time, weight, next) in [(0, 6.0, 0.5), (1, 3.0, 0.5), (1, 3.0, 1.0), (2, 6.0, 0.0)] {
                let field = self.field.scaled_score(&at[time], &stage, &mut work);
                for j in 0..3 {
                    sum[j] = sum[j] + field[j].scaled(factors[time] / weight);
                    stage[j] = x[j] + field[j].scaled(factors[time] * next);
                }
                stage = normalised(stage);
            }
            x = normalised(sum);
        }
        x
    }
}

/// `x_1 cross x_2` of a point that moves with two parameters.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn normal<N: Number, const C: usize>(x: &[Jet<N, C>; 3], first: usize, second: usize) -> [N; 3] {
    cross(std::array::from_fn(|j| x[j].0[first]), std::array::from_fn(|j| x[j].0[second]))
}

/// The logarithm of the area that a point sweeps.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn log_area<N: Number, const C: usize>(x: &[Jet<N, C>; 3]) -> N {
    let normal = normal(x, 1, 2);
    dot(normal, normal).ln().scaled(0.5)
}

/// Its derivatives in the two parameters.
#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
#[inline(always)]
fn log_area_slopes<N: Number>(x: &[Jet<N, SECOND>; 3]) -> [N; 2] {
    let here = normal(x, 1, 2);
    let squared = dot(here, here);
    // (x_1 cross x_2)_1 = x_11 cross x_2 + x_1 cross x_12, and so on.
    [((3, 2), (1, 4)), ((4, 2), (1, 5))].map(|(a, b)| {
        let (a, b) = (normal(x, a.0, a.1), normal(x, b.0, b.1));
        (dot(here, a) + dot(here, b)) / squared
    })
}

#[expect(clippy::inline_always, reason = "inlined into the code for the chosen vector width")]
impl<F: Field> Density for ProbabilityFlow<F> {
    fn workspace(&self) -> usize {
        0
    }

    fn multiplications(&self) -> usize {
        4 * self.steps.len() * SECOND * self.field.multiplications()
    }

    #[inline(always)]
    fn value<N: Number>(&self, x: &[Jet<N, FIRST>; 3], _: &mut [N]) -> N {
        (log_area(x) - log_area(&self.end(x))).shifted(libm::log(4.0 * PI))
    }

    #[inline(always)]
    fn value_and_slopes<N: Number>(&self, x: &[Jet<N, SECOND>; 3], _: &mut [N]) -> (N, [N; 2]) {
        let end = self.end(x);
        let value = (log_area(x) - log_area(&end)).shifted(libm::log(4.0 * PI));
        let (at_start, at_end) = (log_area_slopes(x), log_area_slopes(&end));
        (value, [0, 1].map(|k| at_start[k] - at_end[k]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sphere::brownian::uniform;
    use crate::sphere::coordinates::OnSphere;
    use crate::sphere::vectors::{angle, frame};
    use crate::sphere::{Coordinates, HeatKernel};
    use likely_core::{Differentiable, Seed};

    /// No score at all.
    struct Zero;

    impl Field for Zero {
        type AtTime = ();

        fn at(&self, _: f64) {}

        fn workspace(&self) -> usize {
            0
        }

        fn multiplications(&self) -> usize {
            1
        }

        fn scaled_score<N: Number, const C: usize>(
            &self,
            (): &(),
            _: &[Jet<N, C>; 3],
            _: &mut [Jet<N, C>],
        ) -> [Jet<N, C>; 3] {
            [Jet::constant(0.0); 3]
        }
    }

    /// The score of a density `sum_l (2 l + 1) / (4 pi) c_l P_l(<x, mean>)` after Brownian motion: each `c_l` decays.
    #[derive(Clone)]
    struct Zonal {
        mean: [f64; 3],
        coefficients: Vec<f64>,
    }

    impl Zonal {
        fn heat_kernel(mean: [f64; 3], time: f64) -> Self {
            let decay = |l: usize| libm::exp(-0.5 * (l * (l + 1)) as f64 * time);
            Self { mean, coefficients: (0..60).map(decay).collect() }
        }

        /// The ratios of Bessel functions of a von Mises-Fisher density, by Miller's recurrence from above.
        fn von_mises_fisher(mean: [f64; 3], concentration: f64) -> Self {
            let (mut after, mut now) = (0.0, 1e-300);
            let mut values = vec![0.0; 121];
            for l in (0..120).rev() {
                // i_(l) = i_(l+2) + (2 l + 3) / kappa i_(l+1) of the modified spherical functions.
                (after, now) = (now, after + (2 * l + 3) as f64 / concentration * now);
                values[l] = now;
                if now > 1e200 {
                    (after, now) = (after * 1e-200, now * 1e-200);
                    for v in &mut values {
                        *v *= 1e-200;
                    }
                }
            }
            Self { mean, coefficients: values[..60].iter().map(|v| v / values[0]).collect() }
        }
    }

    impl Field for Zonal {
        /// The root of the noise and the coefficients.
        type AtTime = (f64, Vec<f64>);

        fn at(&self, log_noise: f64) -> (f64, Vec<f64>) {
            let noise = libm::exp(log_noise);
            let decayed = self
                .coefficients
                .iter()
                .enumerate()
                .map(|(l, c)| (2 * l + 1) as f64 * c * libm::exp(-0.5 * (l * (l + 1)) as f64 * noise));
            (noise.sqrt(), decayed.collect())
        }

        fn workspace(&self) -> usize {
            0
        }

        fn multiplications(&self) -> usize {
            1000
        }

        fn scaled_score<N: Number, const C: usize>(
            &self,
            (root, coefficients): &(f64, Vec<f64>),
            x: &[Jet<N, C>; 3],
            _: &mut [Jet<N, C>],
        ) -> [Jet<N, C>; 3] {
            let mean = self.mean.map(Jet::constant);
            let cosine = dot(*x, mean);
            let (mut before, mut now) = (Jet::constant(1.0), cosine);
            let (mut slope_before, mut slope) = (Jet::constant(0.0), Jet::constant(1.0));
            let (mut density, mut rise) = (Jet::constant(coefficients[0]), Jet::constant(0.0));
            for (l, c) in coefficients.iter().enumerate().skip(1) {
                density = density + now.scaled(*c);
                rise = rise + slope.scaled(*c);
                let l = l as f64;
                let next = (cosine * now).scaled((2.0 * l + 1.0) / (l + 1.0)) - before.scaled(l / (l + 1.0));
                let slope_next = slope_before + now.scaled(2.0 * l + 1.0);
                (before, now, slope_before, slope) = (now, next, slope, slope_next);
            }
            let weight = rise / density;
            std::array::from_fn(|j| (weight * (mean[j] - cosine * x[j])).scaled(*root))
        }
    }

    fn potential<F: Field>(field: F, range: [f64; 2], steps: usize) -> OnSphere<ProbabilityFlow<F>> {
        let density = ProbabilityFlow::new(field, range.map(libm::log), steps);
        OnSphere { density, coordinates: Coordinates::Embedded }
    }

    fn points(count: usize) -> Vec<[f64; 3]> {
        let mut rng = Seed::new(1).stream(&[("test", "points")]);
        (0..count).map(|_| uniform(&mut rng)).collect()
    }

    fn log_density<F: Field>(flow: &OnSphere<ProbabilityFlow<F>>, points: &[[f64; 3]]) -> Vec<f64> {
        points.iter().map(|x| -flow.value::<f64>(x, &mut [])).collect()
    }

    #[test]
    fn without_a_score_the_density_is_uniform() {
        let flow = potential(Zero, [1e-4, 3.0], 12);
        for log in log_density(&flow, &points(20)) {
            assert!((log + (4.0 * PI).ln()).abs() < 1e-14, "{log}");
        }
    }

    #[test]
    fn the_exact_score_of_a_diffused_point_gives_the_heat_kernel_back() {
        let (mean, time) = ([0.6, 0.0, 0.8], 0.1);
        let kernel = HeatKernel::new(time + 1e-3).unwrap();
        let points = points(40);
        let worst = |steps: usize| {
            let flow = potential(Zonal::heat_kernel(mean, time), [1e-3, 40.0], steps);
            let logs = log_density(&flow, &points);
            points
                .iter()
                .zip(&logs)
                .filter(|(x, _)| angle(**x, mean) < 1.8)
                .map(|(x, log)| (log - kernel.log_density(angle(*x, mean))).abs())
                .fold(0.0, f64::max)
        };
        let (coarse, fine) = (worst(256), worst(512));
        assert!(fine < 1e-5, "{fine:e}");
        // The method is of fourth order.
        assert!(coarse / fine > 11.0, "{coarse:e} {fine:e}");
    }

    #[test]
    fn the_exact_score_of_a_diffused_von_mises_fisher_law_gives_its_density_back() {
        let (mean, k) = ([0.0, 0.6, -0.8], 8.0);
        let points = points(30);
        // The first noise is so small that the law has not changed by what is compared.
        let flow = potential(Zonal::von_mises_fisher(mean, k), [1e-8, 40.0], 800);
        let front = (k / (4.0 * PI * k.sinh())).ln();
        for (x, log) in points.iter().zip(log_density(&flow, &points)) {
            let exact = front + k * dot(*x, mean);
            assert!((log - exact).abs() < 1e-5, "{log} {exact}");
        }
    }

    #[test]
    fn the_mass_is_one_for_any_number_of_steps() {
        for steps in [12, 24] {
            let flow = potential(Zonal::heat_kernel([0.0, 0.8, 0.6], 0.2), [1e-3, 30.0], steps);
            let heights = 80;
            let mut points = Vec::new();
            for i in 0..heights {
                let z = -1.0 + 2.0 * (f64::from(i) + 0.5) / f64::from(heights);
                for j in 0..2 * heights {
                    let (y, x) = (PI * (f64::from(j) + 0.5) / f64::from(heights)).sin_cos();
                    points.push([(1.0 - z * z).sqrt() * x, (1.0 - z * z).sqrt() * y, z]);
                }
            }
            let mass = log_density(&flow, &points).iter().map(|log| log.exp()).sum::<f64>() * 4.0 * PI
                / points.len() as f64;
            assert!((mass - 1.0).abs() < 2e-3, "{steps} steps: {mass}");
        }
    }

    #[test]
    fn the_change_of_area_is_the_integral_of_the_divergence() {
        // d log(area) / d log s = div v with v = -sqrt(s) / 2 times the field: Simpson's rule over the path.
        let field = Zonal::heat_kernel([0.6, 0.0, 0.8], 0.1);
        let ends = [1e-3_f64, 2.0].map(f64::ln);
        let steps = 400;
        let divergence = |log: f64, x: [f64; 3]| {
            let [first, second] = frame(x);
            let at: [Jet<f64, FIRST>; 3] = std::array::from_fn(|j| Jet([x[j], first[j], second[j]]));
            let score = field.scaled_score(&field.at(log), &at, &mut []);
            // The trace over the frame of the derivative of a tangent field.
            let trace: f64 = (0..3).map(|j| first[j] * score[j].0[1] + second[j] * score[j].0[2]).sum();
            -0.5 * (0.5 * log).exp() * trace
        };
        for x in points(10).into_iter().filter(|x| dot(*x, [0.6, 0.0, 0.8]) > -0.3) {
            let step = (ends[1] - ends[0]) / f64::from(steps);
            let (mut at, mut sum) = (x, 0.0);
            for k in 0..steps {
                let low = ends[0] + f64::from(k) * step;
                let to = |high: f64, from: [f64; 3]| {
                    let flow = ProbabilityFlow::new(field.clone(), [low, high], 1);
                    flow.end(&from.map(Jet::<f64, FIRST>::constant)).map(|x| x.0[0])
                };
                let (middle, end) = (to(low + 0.5 * step, at), to(low + step, at));
                let values = [(low, at), (low + 0.5 * step, middle), (low + step, end)]
                    .map(|(log, x)| divergence(log, x));
                sum += step / 6.0 * (values[0] + 4.0 * values[1] + values[2]);
                at = end;
            }
            let flow = potential(field.clone(), ends.map(f64::exp), 400);
            let log = log_density(&flow, &[x])[0] + (4.0 * PI).ln();
            assert!((log - sum).abs() < 1e-5, "{log} {sum}");
        }
    }
}
