"""Measures what the deviations D1, D2 and D5 of DEVIATIONS.md amount to, on the mixture of Figure 3, and prints the tables.

Independent of the crates: it uses the numpy solver of golden_optima.py. Takes about a minute. Needs numpy and scipy.

    python scripts/measure_deviations.py
"""

import json

import numpy as np

from golden_optima import GOLDEN, mixture, prob_georce

RELEASED = 0.9


def main():
    fig3 = json.loads((GOLDEN / "fig3_optima.json").read_text())
    problem = fig3["problem"]
    potential = mixture(*(np.array(problem["mixture"][k]) for k in ("weights", "means", "covariances")))
    start, end, n = np.array(problem["start"]), np.array(problem["end"]), problem["segments"]
    likelihood = lambda found: -potential(found["curve"])[0].mean()

    print("D1: lambda = 1, a constant added to -log p\n")
    print("| constant | lambda_norm | mean log-likelihood |\n|---|---|---|")
    for constant in (0.0, 1.0, 10.0, -10.0):
        shifted = lambda z: (potential(z)[0] + constant, potential(z)[1])
        found = prob_georce(start, end, n, 1.0, shifted, 1e-4)
        print(f"| {constant:g} | {found['lambda_norm']:.6f} | {likelihood(found):.4f} |")

    print("\nD2: 1000 iterations at most, tolerance 1e-4\n")
    print("| lambda | line search | iterations | evaluations | regularised energy | gradient norm | mean log-likelihood |")
    print("|---|---|---|---|---|---|---|")
    for case in fig3["cases"]:
        for name, share in (("armijo-released", RELEASED), ("decrease", 0.0)):
            found = prob_georce(start, end, n, case["lambda"], potential, 1e-4, max_iter=1000, share=share)
            row = (found["iterations"], found["evaluations"], f"{found['objective']:.5f}", f"{found['norm']:.1e}")
            print(f"| {case['lambda']:g} | `{name}` | {' | '.join(map(str, row))} | {likelihood(found):.4f} |")

    print("\nD5: norm half way between (1, 0) and (0, 3)\n")
    raw = np.linalg.norm((np.array([1.0, 0.0]) + np.array([0.0, 3.0])) * np.sin(np.pi / 4))
    print(f"raw {raw:.4f}, interpolated {(1 + 3) / 2:.4f}")


if __name__ == "__main__":
    main()
