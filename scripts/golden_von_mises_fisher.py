"""Von Mises-Fisher densities on the unit sphere in three dimensions, by mpmath in many digits and by scipy.

Writes crates/likely-models/tests/golden/{von-mises-fisher-mixtures,von-mises-fisher-diffused}.json. Needs numpy, scipy and
mpmath. All densities are with respect to the area of the sphere, 4 pi in all. Time is that of Brownian motion, whose
generator is half of the Laplace-Beltrami operator; for the kernel of exp(t Laplacian) double the time.
"""
import json
import pathlib

import mpmath
import numpy as np
import scipy
import scipy.stats
from scipy.special import logsumexp

MODELS = pathlib.Path(__file__).parents[1] / "crates/likely-models/tests/golden"
SOURCE = f"scripts/golden_von_mises_fisher.py, numpy {np.__version__}, scipy {scipy.__version__}, mpmath {mpmath.__version__}"


def write(name, cases, conventions):
    lines = ",\n".join(json.dumps(case) for case in cases)
    header = f'"source": {json.dumps(SOURCE)}, "conventions": {json.dumps(conventions)}'
    (MODELS / name).write_text(f'{{{header}, "cases": [\n{lines}\n]}}\n')


def series(coefficient, angle, tolerance):
    """Sum of (2l + 1) / (4 pi) c_l P_l(cos angle) with its derivative by the angle; c_l falls faster than geometrically."""
    x = mpmath.cos(angle)
    value, slope = mpmath.mpf(0), mpmath.mpf(0)
    before, now = mpmath.mpf(0), mpmath.mpf(1)
    derivative_before, derivative = mpmath.mpf(0), mpmath.mpf(0)
    degree = 0
    while True:
        weight = (2 * degree + 1) * coefficient(degree)
        value += weight * now
        slope += weight * derivative
        if degree > 2 and weight * (degree + 1) ** 2 < tolerance:
            break
        following = ((2 * degree + 1) * x * now - degree * before) / (degree + 1)
        derivative_before, derivative = derivative, derivative_before + (2 * degree + 1) * now
        before, now = now, following
        degree += 1
    return value / (4 * mpmath.pi), -mpmath.sin(angle) * slope / (4 * mpmath.pi)


def log_normaliser(concentration):
    """ln of kappa / (4 pi sinh kappa)."""
    k = mpmath.mpf(concentration)
    return mpmath.log(k / (4 * mpmath.pi * mpmath.sinh(k))) if k else -mpmath.log(4 * mpmath.pi)


def unit(rng, count):
    rows = rng.normal(size=(count, 3))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def von_mises_fisher(rng):
    """Mixtures; gradients and Hessians of the same formula in space, and their parts along the sphere."""
    mpmath.mp.dps = 60
    cases = []
    for concentrations in [[0.0], [1e-3], [1.0], [50.0], [800.0], [2.0, 30.0], [0.5, 10.0, 200.0, 1500.0]]:
        count = len(concentrations)
        weights = rng.dirichlet(np.full(count, 4.0))
        weights[-1] = 1.0 - weights[:-1].sum()
        means = unit(rng, count)
        at = np.concatenate([unit(rng, 6), means[:2], -means[:1]])
        values, grads, tangents, hessians, laplacians = [], [], [], [], []
        for x in at:
            log_terms = [
                mpmath.log(w) + log_normaliser(k) + mpmath.fdot(map(float, k * m), map(float, x))
                for w, k, m in zip(weights, concentrations, means)
            ]
            largest = max(log_terms)
            total = largest + mpmath.log(sum(mpmath.exp(term - largest) for term in log_terms))
            shares = np.array([float(mpmath.exp(term - total)) for term in log_terms])
            pulls = np.array(concentrations)[:, None] * means
            grad = -shares @ pulls
            spread = (shares[:, None] * pulls).T @ pulls - np.outer(grad, grad)
            projection = np.eye(3) - np.outer(x, x)
            riemannian = projection @ -spread @ projection - (x @ grad) * projection
            values.append(float(-total))
            grads.append(grad.tolist())
            tangents.append((projection @ grad).tolist())
            hessians.append(riemannian.tolist())
            laplacians.append(float(np.trace(riemannian)))
        positive = [k for k in concentrations if k > 0]
        if len(positive) == count and max(concentrations) < 700:
            theirs = logsumexp([
                np.log(w) + scipy.stats.vonmises_fisher(m, k).logpdf(at)
                for w, k, m in zip(weights, concentrations, means)
            ], axis=0)
            assert np.allclose(-theirs, values, rtol=1e-9, atol=1e-9), (concentrations, -theirs, values)
        case = {
            "weights": weights.tolist(), "means": means.tolist(), "concentrations": concentrations, "at": at.tolist(),
            "value": values, "ambient_grad": grads, "tangent_grad": tangents, "sphere_hessian": hessians,
            "laplacian": laplacians,
        }
        if count == 1:
            k = mpmath.mpf(concentrations[0])
            mean_length = mpmath.coth(k) - 1 / k if k else mpmath.mpf(0)
            case["mean_length"] = float(mean_length)
            case["entropy"] = float(-log_normaliser(k) - k * mean_length)
        cases.append(case)
    write("von-mises-fisher-mixtures.json", cases, {
        "value": "-ln sum over k of weight_k c(kappa_k) exp(kappa_k <mean_k, x>), c(kappa) = kappa / (4 pi sinh kappa)",
        "ambient_grad": "gradient in space of that formula, without any projection", "tangent_grad": "its part along the sphere",
        "sphere_hessian": "covariant Hessian on the sphere: P H P - <x, ambient_grad> P with P = I - x x'",
        "laplacian": "its trace", "mean_length": "coth kappa - 1 / kappa", "entropy": "nats, with respect to area",
    })


def diffused():
    """A von Mises-Fisher density after Brownian motion: an exact score at every time."""
    cases = []
    for concentration, time in [("2", "0.1"), ("2", "1"), ("20", "0.02"), ("20", "0.3"), ("100", "0.05"), ("100", "2")]:
        mpmath.mp.dps = 90
        k, t = mpmath.mpf(concentration), mpmath.mpf(time)
        bottom = mpmath.besseli(mpmath.mpf(1) / 2, k)
        known = {}

        def coefficient(degree):
            if degree not in known:
                known[degree] = mpmath.besseli(degree + mpmath.mpf(1) / 2, k) / bottom
            return known[degree] * mpmath.exp(-t * degree * (degree + 1) / 2)

        angles = ["0", "1e-3", "0.2", "0.7", "1.5", "2.4", "3.0", "3.14159"]
        values, slopes = [], []
        for angle in angles:
            value, slope = series(coefficient, mpmath.mpf(angle), mpmath.mpf(10) ** -85)
            values.append(float(mpmath.log(value)))
            slopes.append(float(slope / value))
        # Without time the series is the density itself.
        still, _ = series(
            lambda l: mpmath.besseli(l + mpmath.mpf(1) / 2, k) / bottom, mpmath.mpf("0.7"), mpmath.mpf(10) ** -70
        )
        assert abs(mpmath.log(still) - log_normaliser(k) - k * mpmath.cos(mpmath.mpf("0.7"))) < mpmath.mpf(10) ** -25
        cases.append({
            "concentration": float(k), "time": float(t), "angle": [float(a) for a in angles], "log_density": values,
            "slope": slopes,
        })
    write("von-mises-fisher-diffused.json", cases, {
        "log_density": "ln sum over l of (2l + 1) / (4 pi) I_(l + 1/2)(kappa) / I_(1/2)(kappa) exp(-l (l + 1) time / 2) "
                       "P_l(cos angle), the angle to the mean", "slope": "its derivative by the angle",
    })


if __name__ == "__main__":
    von_mises_fisher(np.random.default_rng(201))
    diffused()
