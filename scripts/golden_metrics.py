"""Metrics of a curve from their definitions, in numpy alone.

Writes crates/likely-metrics/tests/golden/metrics.json: curves with the potential along them, a diagonal tensor that
depends on the point, and the value of every metric.
"""
import json
import pathlib

import numpy as np


def steps(points, diagonal, place=0.0):
    """Squared lengths of the segments, the tensor taken at `place` along each (0: left end): diag(1 + c_k z_k^2)."""
    delta = np.diff(points, axis=0)
    weights = 1.0 + np.asarray(diagonal) * (points[:-1] + place * delta) ** 2
    return np.einsum("ij,ij,ij->i", delta, weights, delta)


def metrics(points, potential, diagonal, lambda_norm, typical, values, gradients, iterations):
    squared = steps(points, diagonal)
    lengths = np.sqrt(squared)
    out = {
        "barrier-height": potential.max() - max(potential[0], potential[-1]),
        "energy": squared.sum(),
        "energy-midpoint": steps(points, diagonal, 0.5).sum(),
        "evaluations": values + gradients,
        "evaluations-gradient": gradients,
        "evaluations-value": values,
        "iterations": iterations,
        "length": lengths.sum(),
        "log-likelihood-mean": np.mean(-potential),
        "log-likelihood-min": np.min(-potential),
        "log-likelihood-sum": np.sum(-potential),
        "norm-deviation": np.mean(np.abs(np.linalg.norm(points, axis=1) / np.sqrt(points.shape[1]) - 1.0)),
        "potential-mean": potential.mean(),
        "potential-sum": potential.sum(),
        "regularised-energy": squared.sum() + lambda_norm * potential[1:-1].sum(),
        "regularised-energy-with-ends": squared.sum() + lambda_norm * potential.sum(),
        "smoothness-second": np.sum(np.diff(points, n=2, axis=0) ** 2),
        "smoothness-third": np.sum(np.diff(points, n=3, axis=0) ** 2),
        "speed-uniformity": np.std(lengths) / np.mean(lengths),
        "typicality-gap": abs(potential.mean() - typical),
    }
    return {key: float(value) for key, value in out.items()}


def main():
    rng = np.random.default_rng(2712)
    cases = []
    for segments, dim, curved in [(3, 1, False), (5, 2, False), (7, 3, True), (20, 2, True), (100, 5, True)]:
        points = np.round(rng.normal(size=(segments + 1, dim)).cumsum(axis=0), 6)
        potential = np.round(rng.normal(size=segments + 1) * 3.0, 6)
        diagonal = np.round(rng.uniform(0.0, 2.0, size=dim), 6) if curved else np.zeros(dim)
        given = {
            "lambda_norm": round(float(rng.uniform(0.0, 5.0)), 6),
            "typical": round(float(rng.normal()), 6),
            "values": int(rng.integers(0, 1000)),
            "gradients": int(rng.integers(0, 1000)),
            "iterations": int(rng.integers(0, 100)),
        }
        expected = metrics(points, potential, diagonal, **given)
        cases.append({
            "points": points.tolist(), "potential": potential.tolist(), "diagonal": diagonal.tolist(),
            **given, "expected": expected,
        })
    text = json.dumps({"source": "scripts/golden_metrics.py", "cases": cases}, indent=1)
    path = pathlib.Path(__file__).parent.parent / "crates/likely-metrics/tests/golden/metrics.json"
    path.write_text(text + "\n")


main()
