"""Writes crates/likely-methods/tests/golden/latent_paths.json: paths between latent points, made with numpy and scipy.

norm-aware: the geodesic of the metric w(|z|)^2 |dz|^2, w minus the log-density of the chi law (scipy.stats.chi), as a boundary
value problem of ordinary differential equations (scipy.integrate.solve_bvp). lol: scipy.stats.norm and uniform.

Run: python scripts/golden_latent_paths.py   (numpy, scipy)
"""

import json
import pathlib

import numpy as np
from scipy.integrate import solve_bvp
from scipy.stats import chi, norm

OUT = pathlib.Path(__file__).parent.parent / "crates/likely-methods/tests/golden/latent_paths.json"


def norm_aware(dim, first, last, angle):
    def weight(r):
        return -chi.logpdf(r, dim)

    def slope(r):
        return r - (dim - 1) / r

    def field(_, y):
        x, v = y[:2], y[2:]
        r = np.linalg.norm(x, axis=0)
        g = slope(r) / weight(r) * x / r
        return np.concatenate([v, g * (v * v).sum(0) - 2 * (g * v).sum(0) * v])

    ends = np.array([[first, 0.0], [last * np.cos(angle), last * np.sin(angle)]])

    def boundary(a, b):
        return np.concatenate([a[:2] - ends[0], b[:2] - ends[1]])

    # Straight to the most probable norm, around, and straight on, at constant weighted speed.
    s = np.linspace(0, 1, 4001)
    best = np.sqrt(dim - 1)
    parts = [
        np.stack([first + (best - first) * s, 0 * s]),
        best * np.stack([np.cos(angle * s), np.sin(angle * s)]),
        (best + (last - best) * s) * np.array([[np.cos(angle)], [np.sin(angle)]]),
    ]
    x = np.concatenate([part[:, (k > 0) :] for k, part in enumerate(parts)], axis=1)
    for _ in range(3):
        middle = 0.5 * (x[:, 1:] + x[:, :-1])
        length = np.linalg.norm(np.diff(x), axis=0) * weight(np.linalg.norm(middle, axis=0))
        t = np.concatenate([[0], np.cumsum(length)])
        t /= t[-1]
        u = np.linspace(0, 1, 4001)
        x = np.stack([np.interp(u, t, x[0]), np.interp(u, t, x[1])])
    start = np.concatenate([x, np.gradient(x, u, axis=1)])
    found = solve_bvp(field, boundary, u, start, tol=1e-8, max_nodes=400_000)
    assert found.success, found.message
    fine = np.linspace(0, 1, 200_001)
    y = found.sol(fine)
    r = np.linalg.norm(y[:2], axis=0)
    speed = np.linalg.norm(y[2:], axis=0)
    length = np.concatenate([[0], np.cumsum(0.5 * (speed[1:] + speed[:-1]) * np.diff(fine))])
    quarters = np.stack([np.interp(length[-1] * np.array([0.25, 0.5, 0.75]), length, c) for c in y[:2]], axis=1)
    weighted = np.trapezoid(weight(r) * speed, fine)
    return {"dim": dim, "radii": [first, last], "angle": angle, "weighted-length": weighted, "quarters": quarters.tolist()}


def lol_uniform(low, high, a, b, segments):
    s = np.linspace(0, 1, segments + 1)[:, None]
    na, nb = (norm.ppf((np.array(z) - low) / (high - low)) for z in (a, b))
    y = ((1 - s) * na + s * nb) / np.sqrt((1 - s) ** 2 + s**2)
    return {"law": [low, high], "ends": [a, b], "curve": (low + (high - low) * norm.cdf(y)).tolist()}


def lol_normal(mean, a, b, segments):
    s = np.linspace(0, 1, segments + 1)[:, None]
    size = np.sqrt((1 - s) ** 2 + s**2)
    y = (1 - 1 / size) * mean + ((1 - s) * np.array(a) + s * np.array(b)) / size
    return {"mean": mean, "ends": [a, b], "curve": y.tolist()}


cases = {
    "made-by": "scripts/golden_latent_paths.py",
    "norm-aware": [
        norm_aware(2, 1.5, 0.7, 2.0),
        norm_aware(10, 3.0, 3.4, 1.5),
        norm_aware(32, 7.0, 5.0, 1.6),
        norm_aware(784, 27.0, 29.0, 1.57),
        norm_aware(784, 25.5, 28.0, 1.2),
    ],
    "lol-normal": [
        lol_normal(0.0, [1.0, -2.0, 0.5], [0.3, 1.0, -1.5], 6),
        lol_normal(0.7, [1.0, -2.0, 0.5], [0.3, 1.0, -1.5], 6),
    ],
    "lol-uniform": [lol_uniform(-1.0, 1.0, [0.9, -0.2, 0.001], [-0.999, 0.4, 0.6], 8)],
}
OUT.write_text(json.dumps(cases, indent=1) + "\n")
print(OUT)
