"""Mixtures, kernel densities, the chi-square norm and the densities of the examples, by scipy, scikit-learn and mpmath.

Writes crates/likely-models/tests/golden/{mixtures,kernel-densities,chi-square-norm,expectation-maximisation,
gaussian-averages,strips,curvatures}.json. Needs numpy, scipy, scikit-learn and mpmath. What they do not give (gradients of
densities, the logarithm of the gamma function at large arguments without cancellation) is computed here from the
definitions, the latter in 60 decimal digits. Second and third derivatives are those that mpmath takes of the definition of
the potential in 60 digits, so that no formula for them is in this file.
"""
import decimal
import json
import math
import pathlib

import mpmath
import numpy as np
import scipy
import scipy.stats
import sklearn
import sklearn.mixture
import sklearn.neighbors
from scipy.special import logsumexp

OUT = pathlib.Path(__file__).parents[1] / "crates/likely-models/tests/golden"
SOURCE = f"scripts/golden_models.py, numpy {np.__version__}, scipy {scipy.__version__}, scikit-learn {sklearn.__version__}"
BY_DIGITS = f"scripts/golden_models.py, numpy {np.__version__}, scipy {scipy.__version__}, mpmath {mpmath.__version__}"


def write(name, cases, source=SOURCE):
    lines = ",\n".join(json.dumps(case) for case in cases)
    (OUT / name).write_text(f'{{"source": {json.dumps(source)}, "cases": [\n{lines}\n]}}\n')


def covariance(rng, dim):
    factor = rng.normal(size=(dim, dim))
    return factor @ factor.T + 0.3 * np.eye(dim)


def mixtures(rng):
    cases = []
    for dim, components in [(1, 2), (2, 1), (2, 2), (2, 4), (3, 3), (7, 5), (20, 2)]:
        weights = rng.dirichlet(np.full(components, 3.0))
        weights[-1] = 1.0 - weights[:-1].sum()
        means = 3.0 * rng.normal(size=(components, dim))
        covariances = np.stack([covariance(rng, dim) for _ in range(components)])
        at = np.concatenate([3.0 * rng.normal(size=(11, dim)), 60.0 * rng.normal(size=(2, dim))])
        terms = np.stack([
            np.log(w) + scipy.stats.multivariate_normal(m, c).logpdf(at)
            for w, m, c in zip(weights, means, covariances)
        ], axis=1)
        log_density = logsumexp(terms, axis=1)
        shares = np.exp(terms - log_density[:, None])
        gradient = sum(
            shares[:, [k]] * np.linalg.solve(covariances[k], (at - means[k]).T).T for k in range(components)
        )
        cases.append({
            "weights": weights.tolist(), "means": means.tolist(), "covariances": covariances.tolist(),
            "at": at.tolist(), "value": (-log_density).tolist(), "grad": gradient.tolist(),
        })
    write("mixtures.json", cases)


def kernel_densities(rng):
    """Rules: the factor by scipy. The density by scipy's log-sum-exp, because scikit-learn's tree loses digits far away."""
    cases = []
    for dim, count, rule in [(1, 40, "scott"), (1, 41, "silverman"), (2, 300, "scott"), (2, 33, "silverman"),
                             (2, 300, 1.0), (3, 129, 0.35), (5, 257, "scott"), (12, 64, "silverman")]:
        centres = rng.normal(size=(count, dim)) * np.geomspace(0.5, 8.0, dim) + rng.normal(size=dim)
        if isinstance(rule, str):
            kernel = scipy.stats.gaussian_kde(centres.T, bw_method=rule)
            bandwidths = kernel.factor * centres.std(axis=0, ddof=1)
        else:
            bandwidths = np.full(dim, rule)
        at = np.concatenate([centres[:5] + 0.1, rng.normal(size=(7, dim)), 50.0 * rng.normal(size=(2, dim))])
        fitted = sklearn.neighbors.KernelDensity(bandwidth=1.0, rtol=0, atol=0).fit(centres / bandwidths)
        difference = (at[:, None] - centres[None]) / bandwidths
        exponents = -0.5 * (difference**2).sum(axis=2)
        log_norm = np.log(count) + np.log(bandwidths).sum() + 0.5 * dim * np.log(2 * np.pi)
        log_density = logsumexp(exponents, axis=1) - log_norm
        by_tree = fitted.score_samples(at / bandwidths) - np.log(bandwidths).sum()
        assert np.allclose(log_density[:12], by_tree[:12], rtol=1e-12)
        if dim == 1:
            assert np.allclose(log_density[:12], kernel.logpdf(at[:12].T), rtol=1e-12)
        weights = scipy.special.softmax(exponents, axis=1)
        gradient = (weights[:, :, None] * difference).sum(axis=1) / bandwidths
        cases.append({
            "rule": rule, "centres": centres.tolist(), "bandwidths": bandwidths.tolist(), "at": at.tolist(),
            "value": (-log_density).tolist(), "grad": gradient.tolist(),
        })
    write("kernel-densities.json", cases)


def log_factorial_half(twice):
    """log Gamma(twice / 2) by the recurrence from Gamma(1) or Gamma(1/2), in decimal."""
    product, x = decimal.Decimal(1), decimal.Decimal(twice) / 2
    log_sum = decimal.Decimal(0)
    while x > 1:
        x -= 1
        product *= x
        if product > decimal.Decimal("1e1000"):
            log_sum += product.ln()
            product = decimal.Decimal(1)
    log_sum += product.ln()
    pi = decimal.Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899")
    return log_sum + (pi.ln() / 2 if twice % 2 else 0)


def chi_square_norms():
    decimal.getcontext().prec = 60
    cases = []
    for dim in [1, 2, 3, 4, 33, 34, 35, 64, 1000, 16384, 36864]:
        log_gamma = log_factorial_half(dim)
        for relative in [1e-30, 0.01, 0.4, 0.9, 0.999, 1.0, 1.01, 1.7, 40.0]:
            q = relative * dim
            exact = decimal.Decimal(q)
            half = decimal.Decimal(dim) / 2
            value = exact / 2 - (half - 1) * exact.ln() + half * decimal.Decimal(2).ln() + log_gamma
            slope = (1 - (dim - 2) / exact) / 2
            reference = -scipy.stats.chi2.logpdf(q, dim)
            assert math.isclose(float(value), reference, rel_tol=1e-9, abs_tol=1e-9), (dim, q, value, reference)
            cases.append({"dim": dim, "squared_norm": q, "value": float(value), "slope": float(slope)})
    write("chi-square-norm.json", cases)


def expectation_maximisation(rng):
    cases = []
    kinds = {"full": "full", "diagonal": "diag", "spherical": "spherical"}
    for dim, components, count in [(1, 2, 120), (2, 3, 240), (4, 2, 200)]:
        centres = 7.0 * rng.normal(size=(components, dim))
        points = np.concatenate([
            c + rng.normal(size=(count // components, dim)) @ np.linalg.cholesky(covariance(rng, dim)).T
            for c in centres
        ]).round(6)
        for ours, theirs in kinds.items():
            fitted = sklearn.mixture.GaussianMixture(
                components, covariance_type=theirs, tol=1e-12, reg_covar=1e-15, max_iter=20000, n_init=30,
                init_params="k-means++", random_state=0,
            ).fit(points)
            assert fitted.converged_
            order = np.argsort(fitted.weights_)
            cases.append({
                "covariance": ours, "components": components, "points": points.tolist(),
                "mean_log_likelihood": fitted.score(points),
                "weights": fitted.weights_[order].tolist(), "means": fitted.means_[order].tolist(),
                "at": points[:4].tolist(), "value": (-fitted.score_samples(points[:4])).tolist(),
            })
    write("expectation-maximisation.json", cases)


def gaussian_averages(rng):
    cases = []
    for dim, count in [(1, 2), (2, 3), (3, 3), (10, 3), (33, 5), (100, 3), (1000, 3)]:
        weights = rng.dirichlet(np.full(count, 3.0)) * (1.0 if dim != 3 else 2.5)
        centres = (2.0 * rng.normal(size=(count, dim))).round(2)
        at = np.concatenate([rng.normal(size=(3, dim)), 40.0 * rng.normal(size=(1, dim))]).round(2)
        terms = [scipy.stats.multivariate_normal(c, np.eye(dim)).logpdf(at) for c in centres]
        value = -sum(w * t for w, t in zip(weights, terms))
        gradient = sum(w * (at - c) for w, c in zip(weights, centres))
        cases.append({
            "weights": weights.tolist(), "centres": centres.tolist(), "at": at.tolist(), "value": value.tolist(),
            "grad_first_5": gradient[:, :5].tolist(),
        })
    write("gaussian-averages.json", cases, BY_DIGITS)


def strips(rng):
    """The nearest point: the best of 20001 samples within 8 of the point, and from it the zero of the derivative."""
    mpmath.mp.dps = 40
    cases = []
    points = np.concatenate([rng.uniform([-4, -1.5], [4, 3.5], (24, 2)), rng.uniform([-9, -30], [9, 30], (8, 2))])
    for u, v in points.tolist() + [[0.3, 1.0 + 0.5 * math.sin(0.3)], [1.5, 0.0], [-1.4, 250.0]]:
        samples = np.linspace(u - 8, u + 8, 20001)
        start = samples[np.argmin((samples - u) ** 2 + (0.5 * np.sin(samples) + 1 - v) ** 2)]
        def slope(t):
            return (t - u) + (mpmath.sin(t) / 2 + 1 - v) * mpmath.cos(t) / 2
        t = mpmath.findroot(slope, start)
        assert abs(t - start) < 1e-2, (u, v)
        away = [u - t, v - (mpmath.sin(t) / 2 + 1)]
        for width in [0.15, 0.9]:
            log = (away[0] ** 2 + away[1] ** 2) / (2 * mpmath.mpf(width) ** 2)
            grad = [a / mpmath.mpf(width) ** 2 for a in away]
            density = mpmath.exp(-log)
            cases.append({
                "width": width, "at": [u, v], "log": float(log), "log_grad": [float(g) for g in grad],
                "density": float(density), "released_grad": [float(density * g) for g in grad],
            })
    write("strips.json", cases, BY_DIGITS)


def curvatures(rng):
    mpmath.mp.dps = 60

    def gaussian_sum(log_weights, means, precisions):
        def potential(*x):
            x = mpmath.matrix(x)
            total = mpmath.mpf(0)
            for log_weight, mean, precision in zip(log_weights, means, precisions):
                gap = x - mpmath.matrix(mean)
                total += mpmath.exp(log_weight - (gap.T * precision * gap)[0] / 2)
            return -mpmath.log(total)
        return potential

    def add(cases, case, potential, dim, spread):
        for _ in range(3):
            at, u, v = spread * rng.normal(size=dim), rng.normal(size=dim), rng.normal(size=dim)
            known = {}
            def partial(*axes):
                order = tuple(axes.count(axis) for axis in range(dim))
                if order not in known:
                    known[order] = mpmath.diff(potential, tuple(at), order)
                return known[order]
            axes = range(dim)
            hessian = [[float(partial(i, j)) for j in axes] for i in axes]
            form = [float(sum(partial(i, j, k) * u[i] * v[j] for i in axes for j in axes)) for k in axes]
            cases.append({**case, "at": at.tolist(), "u": u.tolist(), "v": v.tolist(), "hessian": hessian,
                          "form_gradient": form})

    cases = []
    for dim, components in [(1, 2), (2, 3), (3, 2)]:
        weights = rng.dirichlet(np.full(components, 3.0))
        weights[-1] = 1.0 - weights[:-1].sum()
        means = 1.5 * rng.normal(size=(components, dim))
        matrices = np.stack([covariance(rng, dim) for _ in range(components)])
        exact = [mpmath.matrix(m.tolist()) for m in matrices]
        logs = [mpmath.log(w) - mpmath.log(mpmath.det(m)) / 2 for w, m in zip(weights, exact)]
        potential = gaussian_sum(logs, means.tolist(), [m**-1 for m in exact])
        add(cases, {"model": "gmm", "weights": weights.tolist(), "means": means.tolist(),
                    "covariances": matrices.tolist()}, potential, dim, 1.5)
    for dim, count, bandwidth in [(1, 9, 0.6), (2, 12, 0.7), (3, 10, 1.2)]:
        centres = rng.normal(size=(count, dim))
        precision = mpmath.eye(dim) / mpmath.mpf(bandwidth) ** 2
        potential = gaussian_sum([0] * count, centres.tolist(), [precision] * count)
        add(cases, {"model": "kde", "centres": centres.tolist(), "bandwidth": bandwidth}, potential, dim, 1.0)
    for time, latent, smoothing in [(0.4, 0.0, 0.0), (0.8, 0.5, 0.3)]:
        training = rng.normal(size=(7, 2))
        variance = mpmath.mpf(1 - time) ** 2 + mpmath.mpf(latent) ** 2 * time * (1 - time) + (mpmath.mpf(time) * smoothing) ** 2
        centres = [[mpmath.mpf(time) * x for x in row] for row in training.tolist()]
        potential = gaussian_sum([0] * 7, centres, [mpmath.eye(2) / variance] * 7)
        add(cases, {"model": "finite-set", "training": training.tolist(), "time": time, "latent": latent,
                    "smoothing": smoothing}, potential, 2, 0.7)
    for dim in [1, 2, 3, 5]:
        def squared_norm(x):
            return sum(y**2 for y in x)
        def chi_square(*x, dim=dim):
            return squared_norm(x) / 2 - (mpmath.mpf(dim) / 2 - 1) * mpmath.log(squared_norm(x))
        def circle(*x):
            return (squared_norm(x) - 1) ** 2
        add(cases, {"model": "chi-square-norm", "dim": dim}, chi_square, dim, 1.5)
        add(cases, {"model": "circle", "dim": dim}, circle, dim, 1.5)
    write("curvatures.json", cases, BY_DIGITS)


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    mixtures(np.random.default_rng(1))
    kernel_densities(np.random.default_rng(2))
    chi_square_norms()
    expectation_maximisation(np.random.default_rng(4))
    gaussian_averages(np.random.default_rng(5))
    strips(np.random.default_rng(6))
    curvatures(np.random.default_rng(7))
