"""Two moons and the noisy sine, by mpmath.

Writes crates/likely-models/tests/golden/planar.json. Needs mpmath. Gradients, second and third derivatives are those that
mpmath takes of the definition of the potential in 60 digits, so that no formula for them is in this file.
"""
import json
import math
import pathlib
import random

import mpmath

OUT = pathlib.Path(__file__).parents[1] / "crates/likely-models/tests/golden/planar.json"
SOURCE = f"scripts/golden_planar.py, mpmath {mpmath.__version__}"
mpmath.mp.dps = 60


def two_moons(x, y):
    """normflows, distributions/target.py, TwoMoons, negated."""
    size = abs(x)
    ring = (mpmath.hypot(x, y) - 2) / (mpmath.mpf(2) / 10)
    moon = (size - 2) / (mpmath.mpf(3) / 10)
    return ring**2 / 2 + moon**2 / 2 - mpmath.log(1 + mpmath.exp(-4 * size / (mpmath.mpf(9) / 100)))


def noisy_sine(deviation, noise):
    deviation, noise = mpmath.mpf(deviation), mpmath.mpf(noise)

    def potential(x, y):
        first = (x / deviation) ** 2 / 2 + mpmath.log(deviation * mpmath.sqrt(2 * mpmath.pi))
        return first + ((y - mpmath.sin(x)) / noise) ** 2 / 2 + mpmath.log(noise * mpmath.sqrt(2 * mpmath.pi))

    return potential


def derivatives(potential, x, y):
    at = (mpmath.mpf(x), mpmath.mpf(y))
    d = lambda i, j: float(mpmath.diff(potential, at, (i, j)))
    return {
        "at": [x, y], "value": float(potential(*at)), "grad": [d(1, 0), d(0, 1)],
        "hessian": [d(2, 0), d(1, 1), d(0, 2)], "third": [d(3, 0), d(2, 1), d(1, 2), d(0, 3)],
    }


def main():
    rng = random.Random(1)
    cases = []
    for x, y in [(rng.uniform(-3, 3), rng.uniform(-3, 3)) for _ in range(24)] + [(40.0, -300.0), (0.01, 2.0)]:
        cases.append({"model": "two-moons"} | derivatives(two_moons, x, y))
    for _ in range(24):
        x, y = rng.uniform(-6, 6), rng.uniform(-2, 2)
        cases.append({"model": "noisy-sine"} | derivatives(noisy_sine(math.sqrt(3.0), 0.05), x, y))
    lines = ",\n".join(json.dumps(case) for case in cases)
    OUT.write_text(f'{{"source": {json.dumps(SOURCE)}, "cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
