"""Recomputes crates/likely-methods/tests/golden/fig3_optima.json and the case noise_d1000_span of cases.json.

An independent numpy implementation of the flat-space update (no code is shared with the crates): prints what it finds
beside what the files hold, and exits with 1 where they differ. Needs numpy and scipy.

    python scripts/golden_optima.py
"""

import json
import sys
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.special import gammaln, logsumexp

GOLDEN = Path(__file__).resolve().parent.parent / "crates/likely-methods/tests/golden"


def mixture(weights, means, covariances):
    """S = -log sum_k w_k N(z; m_k, C_k) of each row, and its gradient."""
    precisions = [np.linalg.inv(c) for c in covariances]
    constants = [
        np.log(w) - 0.5 * np.linalg.slogdet(c)[1] - 0.5 * len(m) * np.log(2 * np.pi)
        for w, m, c in zip(weights, means, covariances)
    ]

    def value_and_grad(z):
        pulls = [(z - m) @ p for m, p in zip(means, precisions)]
        logs = np.stack(
            [k - 0.5 * ((z - m) * pull).sum(1) for k, m, pull in zip(constants, means, pulls)]
        )
        total = logsumexp(logs, axis=0)
        grad = sum(np.exp(log - total)[:, None] * pull for log, pull in zip(logs, pulls))
        return -total, grad

    return value_and_grad


def chi_square(dof, gram):
    """S = -log chi2_dof(|z|^2) for z = c E, rows c of coefficients, E E' = gram; gradient in the metric of gram."""
    constant = 0.5 * dof * np.log(2) + gammaln(0.5 * dof)

    def value_and_grad(c):
        q = np.einsum("ni,ij,nj->n", c, gram, c)
        value = constant - (0.5 * dof - 1) * np.log(q) + 0.5 * q
        return value, 2 * (0.5 - (0.5 * dof - 1) / q)[:, None] * c

    return value_and_grad


def prob_georce(start, end, segments, weight, potential, tol, gram=None, max_iter=5000, share=0.0):
    """The update with a halving line search; `gram` is the inner product of the coordinates.

    A trial at step t is taken when the objective falls by `share` * t * |gradient|^2: 0 is the plain decrease, 0.9 the
    rule of the released PyTorch code.

    `evaluations` counts trials of the line search; the objective of the start, known from the weight, is not one.
    """
    gram = np.eye(len(start)) if gram is None else gram
    inner = lambda u: np.einsum("ni,ij,nj->", u, gram, u)
    z = start + np.arange(segments + 1)[:, None] / segments * (end - start)
    energy = inner(np.diff(z, axis=0))
    total = potential(z[1:-1])[0].sum()
    lam = weight * energy / abs(total) if abs(total) >= 1e-6 else weight
    objective = lambda z: inner(np.diff(z, axis=0)) + lam * potential(z[1:-1])[0].sum()
    now, evaluations = objective(z), 0
    for iteration in range(max_iter + 1):
        u = np.diff(z, axis=0)
        pull = lam * potential(z[1:-1])[1]
        grad = pull + 2 * (u[:-1] - u[1:])
        norm = np.sqrt(inner(grad))
        if norm <= tol:
            break
        c = np.vstack([np.cumsum(pull[::-1], axis=0)[::-1], np.zeros(len(start))])
        target = (end - start) / segments + 0.5 * (c.mean(0) - c)
        tau, halvings = 1.0, 0
        while True:
            step = tau * target + (1 - tau) * u
            trial = np.vstack([start, start + np.cumsum(step, axis=0)[:-1], end])
            value, evaluations = objective(trial), evaluations + 1
            if value <= now - share * tau * norm**2 or halvings == 100:
                break
            tau, halvings = 0.5 * tau, halvings + 1
        z, now = trial, value
    return {"curve": z, "lambda_norm": lam, "iterations": iteration, "evaluations": evaluations, "objective": now, "norm": norm}


def polish(found, start, end, potential):
    """Carries a curve on to rounding level by L-BFGS."""
    shape = found["curve"][1:-1].shape
    lam = found["lambda_norm"]

    def objective(flat):
        z = np.vstack([start, flat.reshape(shape), end])
        u = np.diff(z, axis=0)
        value, grad = potential(z[1:-1])
        return (u * u).sum() + lam * value.sum(), (lam * grad + 2 * (u[:-1] - u[1:])).ravel()

    options = {"maxiter": 200_000, "maxfun": 400_000, "ftol": 1e-16, "gtol": 1e-10, "maxcor": 50}
    return minimize(objective, found["curve"][1:-1].ravel(), jac=True, method="L-BFGS-B", options=options).fun


def main():
    wrong = []

    def compare(name, now, held, tolerance):
        same = abs(now - held) <= tolerance * max(1, abs(held))
        print(f"{'same ' if same else 'MOVED'} {name}: {now!r} (file: {held!r})")
        if not same:
            wrong.append(name)

    fig3 = json.loads((GOLDEN / "fig3_optima.json").read_text())
    problem = fig3["problem"]
    parameters = problem["mixture"]
    potential = mixture(*(np.array(parameters[k]) for k in ("weights", "means", "covariances")))
    start, end = np.array(problem["start"]), np.array(problem["end"])
    for case in fig3["cases"]:
        name = f"mixture, lambda {case['lambda']:g}"
        found = prob_georce(start, end, problem["segments"], case["lambda"], potential, case["tol"])
        compare(f"{name}, iterations", found["iterations"], case["iterations"], 0)
        compare(f"{name}, evaluations", found["evaluations"], case["energy_evaluations"], 0)
        compare(f"{name}, regularised energy", found["objective"], case["regularised_energy"], 1e-11)
        compare(f"{name}, optimum", polish(found, start, end, potential), case["optimum_regularised_energy"], 1e-11)

    cases = json.loads((GOLDEN / "cases.json").read_text())["cases"]
    case = next(c for c in cases if c["id"] == "noise_d1000_span")
    inputs, outputs = case["inputs"], case["outputs"]
    ends = np.load(GOLDEN / inputs["ends"]).astype(float)
    gram = ends @ ends.T
    arguments = (np.array([1.0, 0.0]), np.array([0.0, 1.0]), inputs["N"], inputs["lam"], chi_square(inputs["regulariser"]["dof"], gram))
    found = prob_georce(*arguments, inputs["tol"], gram)
    compare("noise d=1000, iterations", found["iterations"], outputs["iterations"], 0)
    compare("noise d=1000, evaluations", found["evaluations"], outputs["energy_evaluations"], 0)
    compare("noise d=1000, lambda_norm", found["lambda_norm"], outputs["lam_norm"], 1e-12)
    compare("noise d=1000, regularised energy", found["objective"], outputs["reg_energy_final"], 1e-11)
    found = prob_georce(*arguments, 1e-9, gram, max_iter=60)
    compare("noise d=1000, optimum", found["objective"], outputs["optimum_reg_energy"], 1e-11)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
