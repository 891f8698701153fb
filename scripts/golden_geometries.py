"""Metric tensors of the authors' public code, and closed forms by geomstats.

Usage: python3 scripts/golden_geometries.py REFERENCE/cases.json

Writes crates/likely-geometries/tests/golden/authors.json from the reference cases (computed by running the authors' public
code, likely_geometry commit 397ebf3, in float64).
"""
import json
import pathlib
import sys

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
    metric, fisher = [], []
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
                if "G" not in row or name not in FAMILIES:
                    continue
                family, names = FAMILIES[name]
                keys = [f"family = '{family}'", "form = 'released'"]
                keys += [f"{names[k]} = {v}" for k, v in (row["params"] or {}).items() if names[k]]
                fisher.append({"config": ", ".join(keys), "z": row["z"], "G": row["G"]})
    source = "authors' public code, likely_geometry commit 397ebf3, by scripts/golden_geometries.py"
    write("authors.json", source, {"metric": metric, "fisher-rao": fisher})


if __name__ == "__main__":
    authors(sys.argv[1])
