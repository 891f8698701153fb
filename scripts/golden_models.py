"""Mixtures, kernel densities and the chi-square norm, by scipy and scikit-learn.

Writes crates/likely-models/tests/golden/{mixtures,kernel-densities,chi-square-norm,expectation-maximisation}.json. Needs
numpy, scipy and scikit-learn. What they do not give (gradients of densities, the logarithm of the gamma function at
large arguments without cancellation) is computed here from the definitions, the latter in 60 decimal digits.
"""
import decimal
import json
import math
import pathlib

import numpy as np
import scipy
import scipy.stats
import sklearn
import sklearn.mixture
import sklearn.neighbors
from scipy.special import logsumexp

OUT = pathlib.Path(__file__).parents[1] / "crates/likely-models/tests/golden"
SOURCE = f"scripts/golden_models.py, numpy {np.__version__}, scipy {scipy.__version__}, scikit-learn {sklearn.__version__}"


def write(name, cases):
    lines = ",\n".join(json.dumps(case) for case in cases)
    (OUT / name).write_text(f'{{"source": {json.dumps(SOURCE)}, "cases": [\n{lines}\n]}}\n')


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


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    mixtures(np.random.default_rng(1))
    kernel_densities(np.random.default_rng(2))
    chi_square_norms()
    expectation_maximisation(np.random.default_rng(4))
