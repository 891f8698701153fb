"""Density, score and velocity of a stochastic interpolant with a finite training set, from the definition of its path.

The process is x_t = a x_1 + b eps + c xi with x_1 = x_i + s eta. Nothing of the closed form is used for the velocity:
it is the conditional expectation of the path's own rate of change given x_t, with the two auxiliary Gaussians
integrated on a fine grid (they are independent over coordinates given i, so one grid a coordinate suffices). The score
is the complex-step derivative of the log-density, the rates of the schedule are complex-step derivatives too.

Writes crates/likely-models/tests/golden/finite-set.json.
"""
import json
import pathlib

import numpy as np

SCHEDULES = {
    "linear": (lambda t: t, lambda t: 1 - t),
    "trigonometric": (lambda t: np.sin(np.pi * t / 2), lambda t: np.cos(np.pi * t / 2)),
}
GRID = np.linspace(-9.0, 9.0, 721)
WEIGHTS = np.exp(-GRID**2 / 2)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def rate(function, t):
    return np.imag(function(t + 1e-30j)) / 1e-30


def log_density(x, points, a, variance):
    logits = np.array([-np.sum((x - a * p) ** 2) / (2 * variance) for p in points])
    top = np.max(logits.real)
    d = points.shape[1]
    return top + np.log(np.sum(np.exp(logits - top))) - np.log(len(points)) - d / 2 * np.log(2 * np.pi * variance)


def velocity(x, points, a_of, b_of, t, latent, smoothing):
    a, b = a_of(t), b_of(t)
    da, db = rate(a_of, t), rate(b_of, t)
    gamma = latent * np.sqrt(t * (1 - t))
    dgamma = rate(lambda s: latent * np.sqrt(s * (1 - s)), t) if latent else 0.0
    eta, xi = np.meshgrid(GRID if smoothing else [0.0], GRID if latent else [0.0], indexing="ij")
    prior = np.outer(WEIGHTS if smoothing else [1.0], WEIGHTS if latent else [1.0])
    mass, flux = np.zeros(len(points)), np.zeros(points.shape)
    for i, point in enumerate(points):
        evidence, mean = np.zeros(len(x)), np.zeros(len(x))
        for k, p in enumerate(point):
            eps = (x[k] - a * (p + smoothing * eta) - gamma * xi) / b
            joint = prior * np.exp(-(eps**2) / 2)
            evidence[k] = joint.sum()
            mean[k] = (joint * (da * (p + smoothing * eta) + db * eps + dgamma * xi)).sum() / evidence[k]
        mass[i], flux[i] = np.prod(evidence), mean
    return mass @ flux / mass.sum()


def main():
    rng = np.random.default_rng(925)
    cases = []
    for schedule, t, latent, smoothing, dim in [
        ("linear", 0.3, 0.0, 0.0, 1), ("linear", 0.8, 0.0, 0.0, 3), ("linear", 0.6, 0.7, 0.0, 2),
        ("linear", 0.7, 0.0, 0.3, 2), ("linear", 0.5, 0.4, 0.2, 1), ("trigonometric", 0.4, 0.0, 0.0, 2),
        ("trigonometric", 0.9, 0.0, 0.0, 3), ("trigonometric", 0.6, 0.5, 0.4, 2),
    ]:
        a_of, b_of = SCHEDULES[schedule]
        points = np.round(rng.normal(size=(4, dim)) * 1.5, 4)
        at = np.round(rng.normal(size=(3, dim)), 4)
        variance = b_of(t) ** 2 + latent**2 * t * (1 - t) + (a_of(t) * smoothing) ** 2
        score = [
            [np.imag(log_density(x + 1e-30j * np.eye(dim)[k], points, a_of(t), variance)) / 1e-30 for k in range(dim)]
            for x in at
        ]
        cases.append({
            "schedule": schedule, "time": t, "latent": latent, "smoothing": smoothing,
            "training": points.tolist(), "at": at.tolist(),
            "potential": [-float(np.real(log_density(x, points, a_of(t), variance))) for x in at],
            "score": score,
            "velocity": [velocity(x, points, a_of, b_of, t, latent, smoothing).tolist() for x in at],
        })
    text = json.dumps({"source": "scripts/golden_finite_set.py", "cases": cases}, indent=1)
    path = pathlib.Path(__file__).parent.parent / "crates/likely-models/tests/golden/finite-set.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")


main()
