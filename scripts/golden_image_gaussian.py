#!/usr/bin/env python3
"""Golden values of the Gaussian of pixels, from numpy and scipy.

    python3 scripts/golden_image_gaussian.py > crates/likely-models/tests/golden/image-gaussian.json

The covariance is built in full and scipy evaluates its density; the root is scipy.linalg.sqrtm. Nothing is shared with
the Rust code but the formula of the images.
"""

import json

import numpy as np
from scipy.linalg import sqrtm
from scipy.stats import multivariate_normal

COUNT, HEIGHT, WIDTH, COMPONENTS = 40, 4, 3, 5
DIM = HEIGHT * WIDTH

image, pixel = np.meshgrid(np.arange(COUNT), np.arange(DIM), indexing="ij")
rows = ((image * 37 + pixel * pixel * 11 + image * pixel * 5) % 101) / 101.0

mean = rows.mean(axis=0)
covariance = np.cov(rows.T, bias=True)
values, vectors = np.linalg.eigh(covariance)
leading, rest = vectors[:, -COMPONENTS:], values[:-COMPONENTS].mean()
model = leading @ np.diag(values[-COMPONENTS:] - rest) @ leading.T + rest * np.eye(DIM)
law = multivariate_normal(mean, model)
root = np.real(sqrtm(model))

points = np.array([[0.1 * ((3 * i + 5 * j) % 7) - 0.3 for j in range(DIM)] for i in range(3)])
print(
    json.dumps(
        {
            "source": "numpy and scipy: cov, eigh, multivariate_normal, sqrtm",
            "log_likelihood": law.logpdf(rows[:6]).tolist(),
            "encoded": np.linalg.solve(root, (rows[:3] - mean).T).T.tolist(),
            "decoded": np.clip(mean + points @ root, 0.0, 1.0).tolist(),
        },
        indent=1,
    )
)
