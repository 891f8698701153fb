#!/usr/bin/env python3
"""Writes what the tests of the compared optimisers read.

    scripts/golden_optimisers.py REFERENCE_FOLDER > crates/likely-methods/tests/golden/optimisers.json

REFERENCE_FOLDER holds cases.json, published.json and peers/reference.json: runs of the authors' public code in float64, and
what they printed; those are cut to what is needed. The section `forms` is computed here, by plain recursions that share no
code with the crates: the update rules of torch.optim, and of jax.example_libraries.optimizers, on a small flat problem.
Needs nothing beside Python.
"""

import json
import math
import pathlib
import sys

folder = pathlib.Path(sys.argv[1])

# The problem: a mixture of two Gaussians in the plane, eight segments, the weight used as it is.
WEIGHTS = [0.6, 0.4]
MEANS = [[0.0, 1.5], [1.0, -0.5]]
COVARIANCE = [[0.5, 0.1], [0.1, 0.4]]
START, END, SEGMENTS = [-1.0, 0.5], [1.5, 1.0], 8
LAMBDA = 0.3


def potential(x, y):
    """-log p and its gradient."""
    (a, b), (_, c) = COVARIANCE
    det = a * c - b * b
    p, q, r = c / det, -b / det, a / det
    terms = []
    for w, (mx, my) in zip(WEIGHTS, MEANS):
        dx, dy = x - mx, y - my
        gx, gy = p * dx + q * dy, q * dx + r * dy
        log = math.log(w) - math.log(2 * math.pi) - 0.5 * math.log(det) - 0.5 * (dx * gx + dy * gy)
        terms.append((log, gx, gy))
    top = max(t[0] for t in terms)
    total = sum(math.exp(t[0] - top) for t in terms)
    shares = [math.exp(t[0] - top) / total for t in terms]
    value = -(top + math.log(total))
    return value, sum(s * t[1] for s, t in zip(shares, terms)), sum(s * t[2] for s, t in zip(shares, terms))


def objective(z):
    """The regularised energy of interior points, as one flat list, and its gradient."""
    points = [START] + [z[i:i + 2] for i in range(0, len(z), 2)] + [END]
    value = sum((b[0] - a[0]) ** 2 + (b[1] - a[1]) ** 2 for a, b in zip(points, points[1:]))
    grad = []
    for before, here, after in zip(points, points[1:], points[2:]):
        s, gx, gy = potential(*here)
        value += LAMBDA * s
        grad.append(2 * (2 * here[0] - before[0] - after[0]) + LAMBDA * gx)
        grad.append(2 * (2 * here[1] - before[1] - after[1]) + LAMBDA * gy)
    return value, grad


def straight():
    return [a + (b - a) * i / SEGMENTS for i in range(1, SEGMENTS) for a, b in zip(START, END)]


def norm(v):
    return math.sqrt(sum(x * x for x in v))


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


class Elementwise:
    """An optimiser that treats every coordinate alone; `rule` is called with its state, z, g and the update's number."""

    def __init__(self, rule):
        self.rule, self.state = rule, None

    def step(self, z):
        _, grad = objective(z)
        if self.state is None:
            self.state = [{} for _ in z]
        self.count = getattr(self, "count", 0) + 1
        return [self.rule(s, x, g, self.count) for s, x, g in zip(self.state, z, grad)]


def adam(lr=0.01, b1=0.9, b2=0.999, eps=1e-8, decay=0.0):
    def rule(s, x, g, t):
        x -= lr * decay * x
        s["m"] = b1 * s.get("m", 0.0) + (1 - b1) * g
        s["v"] = b2 * s.get("v", 0.0) + (1 - b2) * g * g
        return x - lr / (1 - b1**t) * s["m"] / (math.sqrt(s["v"]) / math.sqrt(1 - b2**t) + eps)
    return rule


def sgd(lr=0.01):
    return lambda s, x, g, t: x - lr * g


def rmsprop(form, momentum, lr=0.01):
    def rule(s, x, g, t):
        share = {"jax": 0.9, "torch": 0.99}[form]
        s["r"] = share * s.get("r", 0.0) + (1 - share) * g * g
        divisor = math.sqrt(s["r"] + 1e-8) if form == "jax" else math.sqrt(s["r"]) + 1e-8
        s["m"] = momentum * s.get("m", 0.0) + g / divisor
        return x - lr * s["m"]
    return rule


def adamax(form, lr=0.01, b1=0.9, b2=0.999, eps=1e-8):
    def rule(s, x, g, t):
        s["m"] = b1 * s.get("m", 0.0) + (1 - b1) * g
        if form == "jax":
            s["u"] = max(b2 * s.get("u", 0.0), abs(g))
            return x - lr / (1 - b1**t) * s["m"] / (s["u"] + eps)
        s["u"] = max(b2 * s.get("u", 0.0), abs(g) + eps)
        return x - lr / (1 - b1**t) * s["m"] / s["u"]
    return rule


def adagrad(form, lr=0.01):
    def rule(s, x, g, t):
        s["sum"] = s.get("sum", 0.0) + g * g
        if form == "jax":
            scaled = g / math.sqrt(s["sum"]) if s["sum"] > 0 else 0.0
            s["m"] = 0.9 * s.get("m", 0.0) + 0.1 * scaled
            return x - lr * s["m"]
        return x - lr * g / (math.sqrt(s["sum"]) + 1e-10)
    return rule


class Lbfgs:
    """torch.optim.LBFGS without a line search."""

    def __init__(self, lr=0.01, inner=20, history=100):
        self.lr, self.inner, self.history = lr, inner, history
        self.pairs, self.scale, self.count = [], 1.0, 0
        self.before, self.moved = None, None

    def direction(self, grad):
        q = [-g for g in grad]
        shares = []
        for s, y in reversed(self.pairs):
            share = dot(s, q) / dot(y, s)
            q = [a - share * b for a, b in zip(q, y)]
            shares.append(share)
        r = [self.scale * a for a in q]
        for (s, y), share in zip(self.pairs, reversed(shares)):
            back = dot(y, r) / dot(y, s)
            r = [a + (share - back) * b for a, b in zip(r, s)]
        return r

    def step(self, z):
        loss, grad = objective(z)
        if max(map(abs, grad)) <= 1e-7:
            return z
        for i in range(1, self.inner + 1):
            self.count += 1
            if self.count > 1:
                y = [a - b for a, b in zip(grad, self.before)]
                if dot(y, self.moved) > 1e-10:
                    self.pairs = (self.pairs + [(self.moved, y)])[-self.history:]
                    self.scale = dot(y, self.moved) / dot(y, y)
            d = self.direction(grad)
            self.before = grad
            t = min(1.0, 1.0 / sum(map(abs, grad))) * self.lr if self.count == 1 else self.lr
            self.moved = [t * x for x in d]
            if dot(grad, d) > -1e-9:
                break
            z = [a + b for a, b in zip(z, self.moved)]
            if i == self.inner:
                break
            old = loss
            loss, grad = objective(z)
            if max(map(abs, grad)) <= 1e-7 or max(map(abs, self.moved)) <= 1e-9 or abs(loss - old) < 1e-9:
                break
        return z


FORMS = [
    ("sgd", 'form = "torch"', lambda: Elementwise(sgd())),
    ("sgd", 'form = "jax"', lambda: Elementwise(sgd())),
    ("adam", 'form = "torch"', lambda: Elementwise(adam())),
    ("adam", 'form = "jax"', lambda: Elementwise(adam())),
    ("adamw", "", lambda: Elementwise(adam(decay=0.01))),
    ("adamw", "decay = 0.5", lambda: Elementwise(adam(decay=0.5))),
    ("adamax", 'form = "torch"', lambda: Elementwise(adamax("torch"))),
    ("adamax", 'form = "jax"', lambda: Elementwise(adamax("jax"))),
    ("adagrad", 'form = "torch"', lambda: Elementwise(adagrad("torch"))),
    ("adagrad", 'form = "jax"', lambda: Elementwise(adagrad("jax"))),
    ("rmsprop", 'form = "torch"', lambda: Elementwise(rmsprop("torch", 0.0))),
    ("rmsprop", 'form = "torch"\nmomentum = 0.9', lambda: Elementwise(rmsprop("torch", 0.9))),
    ("rmsprop", 'form = "jax"', lambda: Elementwise(rmsprop("jax", 0.0))),
    ("rmsprop", 'form = "jax"\nmomentum = 0.9', lambda: Elementwise(rmsprop("jax", 0.9))),
    ("l-bfgs", "steps = { fixed = 0.01 }\nmemory = 100", Lbfgs),
]
SNAPSHOTS = [1, 2, 10, 100]
# Where the norm of the gradient is compared, to see the stop.
TOLERANCE = 0.05


def after_step(id, config):
    """Whether the released loop looks at the norm of the gradient only after the step that began with it."""
    return '"torch"' in config or id in ("adamw", "l-bfgs")


def form(id, config, make):
    optimiser, z, snapshots = make(), straight(), []
    iterations, done = None, False
    for count in range(1, 2001):
        small = norm(objective(z)[1])
        if iterations is None and not after_step(id, config) and small <= TOLERANCE:
            iterations = count - 1
        z = optimiser.step(z)
        if iterations is None and after_step(id, config) and small < TOLERANCE:
            iterations = count
        if count in SNAPSHOTS:
            snapshots.append({
                "iterations": count,
                "reg_energy": objective(z)[0],
                "curve": [START] + [z[i:i + 2] for i in range(0, len(z), 2)] + [END],
            })
    return {"method": id, "config": config, "snapshots": snapshots, "tolerance": TOLERANCE, "iterations": iterations}


METHODS = {
    "sgd": ("sgd", ""), "adam": ("adam", ""), "adamax": ("adamax", ""), "adagrad": ("adagrad", ""),
    "rmsprop": ("rmsprop", ""), "rmsprop_momentum": ("rmsprop", "momentum = 0.9"),
}
FAMILIES = {"SPDN": "spd", "T2": "t2", "Sphere": "sphere", "Ellipsoid": "ellipsoid"}


def problem(dataset):
    family, dim = dataset.split(" dim=")
    name = FAMILIES.get(family, family.lower())
    return (name + dim if family in ("Sphere", "Ellipsoid", "SPDN") else name), int(dim)


cases = {case["id"]: case for case in json.loads((folder / "cases.json").read_text())["cases"]}
baseline = cases["baseline_adam_sphere_N10"]
inputs, outputs = baseline["inputs"], baseline["outputs"]

published = []
for row in json.loads((folder / "published.json").read_text()):
    if row["experiment"] != "runtime_manifolds" or row["metric"] != "regularized_energy" or row["lambda"] != 1.0:
        continue
    name, dim = problem(row["dataset"])
    if dim > 20 or row["method"] not in METHODS or "397ebf3" not in row["source"] or row["value"] is None:
        continue
    method, config = METHODS[row["method"]]
    published.append({"problem": name, "name": row["method"], "method": method, "config": config, "reg_energy": row["value"]})

peers = []
for row in json.loads((folder / "peers/reference.json").read_text())["baselines"]:
    if row["N"] != 100 or row["lam"] != 1.0 or row["n"] > 20:
        continue
    keep = {"problem": row["case"], "reg_energy": row["reg_energy"], "iterations": row["iters"], "grad_norm": row["own_grad_norm"]}
    name = row["impl"].removeprefix("jax:")
    if name in METHODS:
        method, config = METHODS[name]
        peers.append({"name": name, "method": method, "config": config + '\ngradient = "frozen"', **keep})
    elif name == "scipy_lbfgs":
        peers.append({"name": name, "method": "l-bfgs", "config": "", **keep})

print(json.dumps({
    "header": {
        "title": "Reference values for the compared optimisers",
        "source": "FrederikMR/likely_geometry at commit 397ebf3, unmodified, float64 on a CPU (baseline, peers) and as printed in its runtime.ipynb (published); scipy's L-BFGS-B with the exact gradient; plain recursions in Python (forms); written by scripts/golden_optimisers.py",
    },
    "baseline": {
        "geometry": {"kind": "sphere", "config": f"dim = {inputs['manifold']['dim']}"},
        "start": inputs["z0"], "end": inputs["zN"], "segments": inputs["N"],
        "weights": inputs["regulariser"]["weights"], "centres": inputs["regulariser"]["centroids"],
        "lam_norm": outputs["lam_norm"], "frozen": outputs["authors_gradient"], "exact": outputs["true_gradient"],
        "snapshots": [{"iterations": n, **outputs[f"adam_lr0.01_iter{n}"]} for n in (1, 10, 1000)],
    },
    "published": published,
    "peers": peers,
    "forms": {
        "weights": WEIGHTS, "means": MEANS, "covariance": COVARIANCE, "lambda": LAMBDA,
        "start": START, "end": END, "segments": SEGMENTS,
        "runs": [form(*entry) for entry in FORMS],
    },
}))
