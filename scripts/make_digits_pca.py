"""Makes experiments/data/digits-pca.csv: the first two principal components of the 8x8 digits, with the label.

    python scripts/make_digits_pca.py

Needs numpy and scikit-learn (whose package holds the images). The components are those of the centred pixels (0 to 16,
not rescaled); the sign of each is chosen so that its loading of largest magnitude is positive. Six digits after the
point, so that another linear algebra library writes the same file.
"""

import hashlib
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

OUT = Path(__file__).resolve().parent.parent / "experiments/data/digits-pca.csv"


def main():
    digits = load_digits()
    centred = digits.data - digits.data.mean(axis=0)
    _, singular, loadings = np.linalg.svd(centred, full_matrices=False)
    loadings = loadings[:2]
    largest = np.abs(loadings).argmax(axis=1)
    loadings *= np.sign(loadings[[0, 1], largest])[:, None]
    scores = centred @ loadings.T
    lines = [f"{a:.6f},{b:.6f},{label}\n" for (a, b), label in zip(scores, digits.target)]
    OUT.write_text("pc1,pc2,label\n" + "".join(lines))
    explained = (singular[:2] ** 2 / (singular**2).sum()).round(4).tolist()
    sha256 = hashlib.sha256(OUT.read_bytes()).hexdigest()
    print(f"{OUT.name}: {len(lines)} rows, share of variance {explained}, sha256 {sha256}")


if __name__ == "__main__":
    main()
