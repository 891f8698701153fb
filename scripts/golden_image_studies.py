"""Golden values for the studies of images: tails of the law of the squared norm.

Writes crates/likely-studies/tests/golden/chi_law.json with scipy. Run from the root of the repository.
"""

import json
import math
from pathlib import Path

import scipy
from scipy.stats import chi2

cases = []
for dim in [1, 2, 16, 784, 36864]:
    deviation = (2.0 * dim) ** 0.5
    for place in [-6.0, -2.0, -0.5, 0.0, 0.5, 2.0, 6.0]:
        norm = dim * math.exp(place * deviation / dim)
        tail = 2.0 * min(chi2.cdf(norm, dim), chi2.sf(norm, dim))
        cases.append({"dim": dim, "squared-norm": norm, "two-sided-tail": float(tail)})
path = Path("crates/likely-studies/tests/golden/chi_law.json")
path.parent.mkdir(exist_ok=True)
path.write_text(json.dumps({"scipy": scipy.__version__, "cases": cases}, indent=1) + "\n")
