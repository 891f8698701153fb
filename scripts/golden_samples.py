"""Distances of samples to training points and to their convex hull, in numpy and scipy.

The nearest point y of the hull of the rows p_i (shifted so that the query is the origin) solves a non-negative least
squares problem: with u >= 0 minimising |P' u|^2 + (1' u - 1)^2, y = P' u / 1' u. Small cases are checked here once
more by projecting onto every face.

Writes crates/likely-metrics/tests/golden/samples.json.
"""
import itertools
import json
import pathlib

import numpy as np
from scipy.optimize import nnls


def by_nnls(query, points):
    shifted = points - query
    matrix = np.vstack([shifted.T, np.ones(len(points))])
    weights, _ = nnls(matrix, np.append(np.zeros(points.shape[1]), 1.0), maxiter=10000)
    return float(np.linalg.norm(shifted.T @ weights / weights.sum()))


def by_faces(query, points):
    shifted, best = points - query, np.inf
    for size in range(1, min(len(points), points.shape[1] + 1) + 1):
        for face in itertools.combinations(range(len(points)), size):
            base, rest = shifted[face[0]], shifted[list(face[1:])]
            solution = np.linalg.lstsq((rest - base).T, -base, rcond=None)[0] if size > 1 else np.zeros(0)
            weights = np.append(1.0 - solution.sum(), solution)
            if weights.min() >= -1e-12:
                best = min(best, np.linalg.norm(shifted[list(face)].T @ weights))
    return float(best)


def main():
    rng = np.random.default_rng(1976)
    cases = []
    for count, dim in [(2, 1), (5, 1), (3, 2), (8, 2), (5, 3), (9, 3), (8, 5), (200, 2), (300, 10), (40, 60)]:
        points = np.round(rng.normal(size=(count, dim)), 4)
        queries = np.round(rng.normal(size=(6, dim)) * rng.choice([0.1, 1.0, 4.0], size=(6, 1)), 4)
        distances = [by_nnls(q, points) for q in queries]
        if count <= 9:
            assert np.allclose(distances, [by_faces(q, points) for q in queries], atol=1e-9)
        gaps = np.sort(np.linalg.norm(queries[:, None] - points[None], axis=2), axis=1)
        scaled = np.linalg.norm(queries[:, None] - 0.9 * points[None], axis=2).min(axis=1)
        cases.append({
            "points": points.tolist(), "queries": queries.tolist(), "hull": distances,
            "nearest-distance-max": float(gaps[:, 0].max()),
            "nearest-distance-mean": float(gaps[:, 0].mean()),
            "nearest-distance-mean-std-err": float(gaps[:, 0].std(ddof=1) / np.sqrt(6)),
            "nearest-distance-rms": float(np.sqrt((gaps[:, 0] ** 2).mean())),
            "memorisation-ratio": float((gaps[:, 0] < gaps[:, 1] / 3).mean()),
            "residual-variance": float((scaled**2).mean() / dim),
            "hull-distance-max": max(distances),
        })
    path = pathlib.Path(__file__).parent.parent / "crates/likely-metrics/tests/golden/samples.json"
    path.write_text(json.dumps({"source": "scripts/golden_samples.py", "cases": cases}) + "\n")


main()
