"""Metric tensors of the authors' public code, and closed forms by geomstats.

Usage: python3 scripts/golden_geometries.py REFERENCE/cases.json

Writes crates/likely-geometries/tests/golden/authors.json from the reference cases (computed by running the authors' public
code, likely_geometry commit 397ebf3, in float64), and closed-forms.json by geomstats 2.8.0 with numpy 1.26. What geomstats
says in other coordinates is brought into ours here, by numpy.
"""
import json
import os
import pathlib
import sys

os.environ["GEOMSTATS_BACKEND"] = "numpy"

import geomstats
import numpy as np
from geomstats.geometry.hypersphere import Hypersphere
from geomstats.geometry.poincare_half_space import PoincareHalfSpace
from geomstats.geometry.spd_matrices import SPDMatrices
from geomstats.information_geometry.categorical import CategoricalDistributions
from geomstats.information_geometry.normal import UnivariateNormalDistributions
from geomstats.information_geometry.poisson import PoissonDistributions

OUT = pathlib.Path(__file__).parents[1] / "crates/likely-geometries/tests/golden"


def write(name, source, lists):
    parts = []
    for key, cases in lists.items():
        lines = ",\n".join(json.dumps(case) for case in cases)
        parts.append(f"{json.dumps(key)}: [\n{lines}\n]")
    (OUT / name).write_text(f'{{"source": {json.dumps(source)},\n' + ",\n".join(parts) + "}\n")


MANIFOLDS = {
    "nEuclidean": lambda m: ("euclidean", f"dim = {m['dim']}"),
    "nSphere": lambda m: ("sphere", f"dim = {m['dim']}"),
    "nEllipsoid": lambda m: ("ellipsoid", f"semi-axes = {m['params']}"),
    "nParaboloid": lambda m: ("paraboloid", f"dim = {m['dim']}"),
    "HyperbolicParaboloid": lambda m: ("hyperbolic-paraboloid", ""),
    "T2": lambda m: ("torus", f"major = {m['R']}, minor = {m['r']}"),
    "SPDN": lambda m: ("spd-frobenius", f"n = {m['N']}"),
}

FAMILIES = {
    "Binomial": ("binomial", {"n": "trials"}),
    "Poisson": ("poisson", {}),
    "Geometric": ("geometric", {}),
    "Negative Binomial": ("negative-binomial", {"r": "successes"}),
    "Categorial": ("categorical", {"n": "categories"}),
    "Negative Multinomial": ("negative-multinomial", {"n": "categories", "xn": "failures"}),
    "Exponential": ("exponential", {}),
    "Rayleigh": ("rayleigh", {}),
    "Erlang": ("erlang", {"k": "shape"}),
    "Gaussian": ("gaussian", {}),
    "Laplace": ("laplace", {}),
    "Generalised Gaussian": ("generalised-gaussian", {"beta": "exponent"}),
    "Logistic": ("logistic", {}),
    "Cauchy": ("cauchy", {}),
    "Students t": ("students-t", {"v": "degrees-of-freedom"}),
    "Log-Gaussian": ("log-gaussian", {}),
    "Inverse Gaussian": ("inverse-gaussian", {}),
    "Gumbel": ("gumbel", {"gamma": None}),
    "Frechet": ("frechet", {}),
    "Pareto": ("pareto", {}),
    "Power Function": ("power-function", {}),
}


def authors(path):
    metric, fisher, wishart = [], [], []
    for case in json.loads(pathlib.Path(path).read_text())["cases"]:
        out = case["outputs"]
        if case["kind"] == "metric":
            manifold = case["inputs"]["manifold"]
            name, config = MANIFOLDS[manifold["name"]](manifold)
            metric.append({
                "id": case["id"], "manifold": name, "config": config, "z": case["inputs"]["z"],
                "G": out["G"], "DG": out["DG"], "christoffel": out["christoffel"], "f": out["f"],
            })
        elif case["kind"] == "fisher_rao_metrics":
            for name, row in out.items():
                if name == "Wishart":
                    degrees = row["params"]["n"]
                    config = f"family = 'wishart', order = 2, degrees-of-freedom = {degrees}"
                    wishart.append({"config": config, "z": row["z"], "G": row["G"]})
                if "G" not in row or name not in FAMILIES:
                    continue
                family, names = FAMILIES[name]
                keys = [f"family = '{family}'", "form = 'released'"]
                keys += [f"{names[k]} = {v}" for k, v in (row["params"] or {}).items() if names[k]]
                fisher.append({"config": ", ".join(keys), "z": row["z"], "G": row["G"]})
    source = "authors' public code, likely_geometry commit 397ebf3, by scripts/golden_geometries.py"
    write("authors.json", source, {"metric": metric, "fisher-rao": fisher, "wishart": wishart})


def chart(y):
    return y[1:] / (1.0 + y[0])


def chart_velocity(y, w):
    return w[1:] / (1.0 + y[0]) - y[1:] * w[0] / (1.0 + y[0]) ** 2


def sphere_point(x):
    s = x @ x
    return np.concatenate([[1.0 - s], 2.0 * x]) / (1.0 + s)


def triangle(matrix):
    return matrix[np.triu_indices(len(matrix))]


def factor(matrix):
    return np.linalg.cholesky(matrix).T


def factor_velocity(matrix, change):
    """V with V^T U + U^T V = change."""
    u = factor(matrix)
    inverse = np.linalg.inv(u)
    white = inverse.T @ change @ inverse
    return (np.triu(white, 1) + 0.5 * np.diag(np.diag(white))) @ u


def closed_forms(rng):
    cases = []

    def add(manifold, config, start, end, distance, log, middle):
        numbers = {"from": start, "to": end, "log": log, "middle": middle}
        numbers = {key: np.atleast_1d(value).tolist() for key, value in numbers.items()}
        cases.append({"manifold": manifold, "config": config, "distance": float(np.squeeze(distance)), **numbers})

    for dim in [1, 2, 3, 10]:
        metric = Hypersphere(dim).metric
        for _ in range(3):
            a, b = (sphere_point(x) for x in rng.normal(size=(2, dim)))
            distance, log = metric.dist(a, b), metric.log(b, a)
            middle = metric.exp(0.5 * log, a)
            add("sphere-embedded", f"dim = {dim}", a, b, distance, log, middle)
            add("sphere", f"dim = {dim}", chart(a), chart(b), distance, chart_velocity(a, log), chart(middle))
    for dim in [2, 3, 6]:
        metric = PoincareHalfSpace(dim).metric
        for _ in range(3):
            a, b = rng.normal(size=(2, dim))
            a[-1], b[-1] = np.exp(a[-1]), np.exp(b[-1])
            log = metric.log(b, a)
            add("hyperbolic", f"dim = {dim}", a, b, metric.dist(a, b), log, metric.exp(0.5 * log, a))
    for n in [2, 3, 5]:
        metric = SPDMatrices(n).metric
        for _ in range(3):
            a, b = (m @ m.T + 0.3 * np.eye(n) for m in rng.normal(size=(2, n, n)))
            distance, log = metric.dist(a, b), metric.log(b, a)
            middle = metric.exp(0.5 * log, a)
            ends = [triangle(factor(m)) for m in (a, b, middle)]
            velocity = triangle(factor_velocity(a, log))
            add("spd-affine-invariant", f"n = {n}", ends[0], ends[1], distance, velocity, ends[2])
            config = f"family = 'wishart', order = {n}, degrees-of-freedom = {n + 4}"
            scale = np.sqrt(0.5 * (n + 4))
            add("fisher-rao", config, triangle(a), triangle(b), scale * distance, triangle(log), triangle(middle))
    metric = UnivariateNormalDistributions().metric
    for _ in range(3):
        a, b = rng.normal(size=(2, 2))
        a[1], b[1] = np.exp(a[1]), np.exp(b[1])
        log = metric.log(b, a)
        add("fisher-rao", "family = 'gaussian'", a, b, metric.dist(a, b), log, metric.exp(0.5 * log, a))
    for categories in [3, 5]:
        metric = CategoricalDistributions(dim=categories - 1).metric
        for _ in range(3):
            a, b = rng.dirichlet(np.ones(categories), size=2)
            log = metric.log(b, a)
            middle = metric.exp(0.5 * log, a)
            config = f"family = 'categorical', categories = {categories}"
            add("fisher-rao", config, a[:-1], b[:-1], metric.dist(a, b), log[:-1], middle[:-1])
    metric = PoissonDistributions().metric
    for _ in range(3):
        a, b = np.exp(rng.normal(size=(2, 1)))
        log = metric.log(b, a)
        add("fisher-rao", "family = 'poisson'", a, b, metric.dist(a, b), log, metric.exp(0.5 * log, a))
    source = f"scripts/golden_geometries.py, geomstats {geomstats.__version__}, numpy {np.__version__}"
    write("closed-forms.json", source, {"closed-form": cases})


if __name__ == "__main__":
    authors(sys.argv[1])
    closed_forms(np.random.default_rng(1))
