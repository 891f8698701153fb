"""The heat kernel of the sphere in three dimensions, by mpmath.

Writes crates/likely-models/tests/golden/heat-kernels.json. Needs numpy, scipy and mpmath. The density is with respect to area;
time is that of Brownian motion, whose generator is half of the Laplace-Beltrami operator.
"""
import json
import math
import pathlib

import mpmath
import numpy as np
import scipy

OUT = pathlib.Path(__file__).parents[1] / "crates/likely-models/tests/golden"
SOURCE = f"scripts/golden_sphere.py, numpy {np.__version__}, scipy {scipy.__version__}, mpmath {mpmath.__version__}"
TIMES = [0.001, 0.01, 0.05, 0.2, 0.29, 0.31, 0.6, 0.999, 1.0, 2.5, 8.0]
ANGLES = [0.0, 1e-06, 0.01, 0.05, 0.3, 1.0, 1.7, 2.5, 3.0, 3.1, 3.141592, math.pi]


def heat_kernel(time, angle):
    """ln of the density and its derivative by the angle."""
    # The series loses as many digits as the density has fallen.
    mpmath.mp.dps = 60 + int(angle**2 / (2 * time) / math.log(10))
    t, x = mpmath.mpf(time), mpmath.cos(mpmath.mpf(angle))
    value, slope = mpmath.mpf(0), mpmath.mpf(0)
    before, now = mpmath.mpf(0), mpmath.mpf(1)
    derivative_before, derivative = mpmath.mpf(0), mpmath.mpf(0)
    smallest = mpmath.mpf(10) ** -mpmath.mp.dps
    degree = 0
    while True:
        weight = (2 * degree + 1) * mpmath.exp(-t * degree * (degree + 1) / 2)
        value += weight * now
        slope += weight * derivative
        if weight * (degree + 1) ** 2 < smallest:
            break
        following = ((2 * degree + 1) * x * now - degree * before) / (degree + 1)
        derivative_before, derivative = derivative, derivative_before + (2 * degree + 1) * now
        before, now = now, following
        degree += 1
    return float(mpmath.log(value / (4 * mpmath.pi))), float(-mpmath.sin(mpmath.mpf(angle)) * slope / value)


def main():
    cases = []
    for time in TIMES:
        for angle in ANGLES:
            log, slope = heat_kernel(time, angle)
            cases.append({"time": time, "angle": angle, "log": log, "slope": slope})
    lines = ",\n".join(json.dumps(case) for case in cases)
    (OUT / "heat-kernels.json").write_text(f'{{"source": {json.dumps(SOURCE)}, "cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
