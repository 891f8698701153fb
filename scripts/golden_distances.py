"""Golden values of distances between sets of features, by routes that the crate does not take.

    python scripts/golden_distances.py

Writes crates/likely-metrics/tests/golden/distances.json, and small files of features and statistics as numpy, pytorch-fid and clean-fid
write them into crates/likely-metrics/tests/golden/features.

Features are made by `features` from SplitMix64 and a few operations that IEEE 754 rounds in one way, so the test makes the same ones.
Fréchet distances of small sets: mpmath in 60 digits, tr (S1 S2)^(1/2) as the sum of the roots of the eigenvalues of a symmetric
matrix of the size of the smaller set. Of the middle ones: singular values of R1 R2^T, R from QR factorisations of the centred features.
Kernel distances and neighbours: from their definitions, all pairs at once. Needs numpy and mpmath.
"""

import json
import pathlib
import sys

import mpmath
import numpy as np

mpmath.mp.dps = 60
FOLDER = pathlib.Path(__file__).resolve().parent.parent / "crates/likely-metrics/tests/golden"


def uniform(seed, count):
    """`count` numbers in [0, 1): SplitMix64 with the given seed, its upper 53 bits."""
    with np.errstate(over="ignore"):
        state = np.uint64(seed) + np.uint64(0x9E3779B97F4A7C15) * np.arange(1, count + 1, dtype=np.uint64)
        z = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53


def features(seed, rows, dim, shift):
    """Rectified features that share eight causes."""
    causes = uniform(seed, rows * 8).reshape(rows, 8)
    own = uniform(seed + 1_000_003, rows * dim).reshape(rows, dim)
    column = np.arange(dim)
    return np.maximum(0.0, 2.0 * causes[:, column % 8] - 0.75 + 0.5 * own + shift * (column % 5))


def centred(x):
    return (x - x.mean(0)) / np.sqrt(len(x) - 1)


def exact(x, y):
    """The Fréchet distance in 60 digits."""

    def moments(z):
        rows, dim = z.shape
        z = [[mpmath.mpf(float(v)) for v in row] for row in z]
        mean = [mpmath.fsum(row[j] for row in z) / rows for j in range(dim)]
        scale = 1 / mpmath.sqrt(rows - 1)
        return mean, mpmath.matrix([[(row[j] - mean[j]) * scale for j in range(dim)] for row in z])

    if len(x) > len(y):
        x, y = y, x
    (m1, a), (m2, b) = moments(x), moments(y)
    # The roots of the eigenvalues of A S2 A^T, or of a matrix of the size of S where there are fewer features than rows.
    if len(x) <= x.shape[1]:
        product = a * b.T
        values = mpmath.eigsy(product * product.T, eigvals_only=True)
    else:
        lower = mpmath.cholesky(a.T * a)
        values = mpmath.eigsy(lower.T * (b.T * b) * lower, eigvals_only=True)
    cross = mpmath.fsum(mpmath.sqrt(v) for v in values if v > 0)
    trace = mpmath.fsum(v * v for v in a) + mpmath.fsum(v * v for v in b)
    return mpmath.fsum((p - q) ** 2 for p, q in zip(m1, m2)) + trace - 2 * cross


def by_qr(x, y):
    r1, r2 = np.linalg.qr(centred(x), mode="r"), np.linalg.qr(centred(y), mode="r")
    cross = np.linalg.svd(r1 @ r2.T, compute_uv=False).sum()
    trace = np.sum(centred(x) ** 2) + np.sum(centred(y) ** 2)
    return np.sum((x.mean(0) - y.mean(0)) ** 2) + trace - 2 * cross


def kernel(x, y):
    m, n, dim = len(x), len(y), x.shape[1]
    k = lambda a, b: (a @ b.T / dim + 1) ** 3
    xx, yy = k(x, x), k(y, y)
    within = (xx.sum() - np.trace(xx)) / (m * (m - 1)) + (yy.sum() - np.trace(yy)) / (n * (n - 1))
    return within - 2 * k(x, y).mean()


def distances(a, b):
    return np.sqrt(np.stack([np.sum((row - b) ** 2, 1) for row in a]))


def radii(x, k):
    own = distances(x, x)
    np.fill_diagonal(own, np.inf)
    return np.sort(own, 1)[:, k - 1]


def neighbours(x, y):
    cross = distances(x, y)
    real3, fake3, real5 = radii(x, 3), radii(y, 3), radii(x, 5)
    inside = cross < real5[:, None]
    return {
        "precision": np.mean(np.any(cross <= real3[:, None], 0)),
        "recall": np.mean(np.any(cross <= fake3[None, :], 1)),
        "density": inside.sum() / (5 * len(y)),
        "coverage": np.mean(np.any(inside, 1)),
    }


# id, rows of either side, features, shift of the second, whether mpmath is fast enough.
CASES = [
    ("full", 80, 70, 24, 0.05, True),
    ("thin", 20, 30, 48, 0.05, True),
    ("mixed", 20, 120, 48, 0.02, True),
    ("mixed-reversed", 120, 20, 48, 0.02, True),
    ("as-many-as-features", 40, 40, 40, 0.1, True),
    ("middle", 1300, 700, 256, 0.03, False),
    ("middle-mixed", 200, 900, 256, 0.03, False),
]


def files():
    """The same thirty images of five features in every form that is read."""
    folder = FOLDER / "features"
    folder.mkdir(exist_ok=True)
    x = features(21, 30, 5, 0.0)
    mu, sigma = x.mean(0), np.cov(x, rowvar=False)
    np.save(folder / "rows.npy", x)
    np.save(folder / "fortran.npy", np.asfortranarray(x))
    np.save(folder / "single.npy", x.astype(np.float32))
    np.savez_compressed(folder / "feats.npz", feats=x.astype(np.float32))
    np.savez_compressed(folder / "deflated.npz", mu=mu, sigma=sigma)
    np.savez(folder / "single.npz", mu=mu.astype(np.float32), sigma=np.asfortranarray(sigma, dtype=np.float32))
    labels = {"network": "inception-v3", "weights_sha256": "0123456789abcdef" * 4, "resize": np.bytes_("pil-bicubic")}
    np.savez(folder / "labelled.npz", mu=mu, sigma=sigma, n=np.int64(30), **labels)


def main():
    cases = []
    for name, m, n, dim, shift, small in CASES:
        x, y = features(11, m, dim, 0.0), features(12, n, dim, shift)
        sys.stderr.write(f"{name}\n")
        frechet = mpmath.nstr(exact(x, y), 20) if small else repr(float(by_qr(x, y)))
        covariance = np.cov(x, rowvar=False)
        rows = min(m, n) // 2
        cases.append(
            {
                "id": name,
                "real": m,
                "fake": n,
                "dim": dim,
                "shift": shift,
                "frechet": frechet,
                "mean_sum": float(x.mean(0).sum()),
                "covariance_trace": float(np.trace(covariance)),
                "covariance_corner": float(covariance[0, -1]),
                # Every second row of one side, the first ones of the other.
                "kernel": float(kernel(x[: 2 * rows : 2], y[:rows])),
                **{key: float(value) for key, value in neighbours(x, y).items()},
            }
        )
    (FOLDER / "distances.json").write_text(json.dumps({"cases": cases}, indent=1) + "\n")
    files()


if __name__ == "__main__":
    main()
