//! How far the norm of a point lies in the tails of that of noise.

/// Most terms of a series; what has not converged by then has no number.
const MOST_TERMS: usize = 1_000_000;

/// `2 min(P, 1 - P)` with `P` the probability that `dim` independent standard normal numbers have a smaller sum of squares: near 0
/// where the norm is unusual for noise on either side, and uniform on `[0, 1]` for noise.
pub(super) fn two_sided_tail(squared_norm: f64, dim: usize) -> f64 {
    let [below, above] = gamma_law(0.5 * dim as f64, 0.5 * squared_norm);
    2.0 * below.min(above)
}

/// The regularised incomplete gamma functions `P(a, x)` and `Q(a, x) = 1 - P(a, x)`, for `a > 0` and `x >= 0`.
///
/// # Source
/// Abramowitz and Stegun, 6.5.29 below `a + 1` and 6.5.31 above it, by Lentz's method.
fn gamma_law(a: f64, x: f64) -> [f64; 2] {
    if x <= 0.0 {
        return [0.0, 1.0];
    }
    let scale = libm::exp(a * libm::log(x) - x - libm::lgamma(a));
    if x < a + 1.0 {
        let (mut term, mut sum, mut n) = (1.0 / a, 1.0 / a, a);
        for _ in 0..MOST_TERMS {
            n += 1.0;
            term *= x / n;
            sum += term;
            if term < f64::EPSILON * sum {
                return [scale * sum, 1.0 - scale * sum];
            }
        }
        return [f64::NAN; 2];
    }
    let tiny = f64::MIN_POSITIVE;
    let mut b = x + 1.0 - a;
    let (mut c, mut d) = (1.0 / tiny, 1.0 / b);
    let mut fraction = d;
    for n in 1..=MOST_TERMS {
        let n = n as f64;
        let numerator = n * (a - n);
        b += 2.0;
        let denominator = numerator * d + b;
        d = 1.0 / if denominator.abs() < tiny { tiny } else { denominator };
        let ratio = b + numerator / c;
        c = if ratio.abs() < tiny { tiny } else { ratio };
        fraction *= c * d;
        if (c * d - 1.0).abs() < f64::EPSILON {
            return [1.0 - scale * fraction, scale * fraction];
        }
    }
    [f64::NAN; 2]
}

#[cfg(test)]
mod tests {
    use super::two_sided_tail;
    use serde_json::Value;

    /// Against `scipy.stats.chi2` (`scripts/golden_image_studies.py`).
    #[test]
    fn tails_agree_with_another_implementation() {
        let golden: Value = serde_json::from_str(include_str!("../../tests/golden/chi_law.json")).unwrap();
        let cases = golden["cases"].as_array().unwrap();
        for case in cases {
            let dim = case["dim"].as_u64().unwrap() as usize;
            let (norm, expected) =
                (case["squared-norm"].as_f64().unwrap(), case["two-sided-tail"].as_f64().unwrap());
            let found = two_sided_tail(norm, dim);
            assert!((found - expected).abs() < 1e-9 * expected.max(1e-6), "{dim} {norm}: {found} {expected}");
        }
        assert_eq!(cases.len(), 35);
    }
}
