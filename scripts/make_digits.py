"""Makes experiments/data/digits: the 8x8 digits in the format and under the names of MNIST.

    python scripts/make_digits.py

Needs numpy and scikit-learn (whose package holds the pictures). The 17 levels 0 to 16 become round(255 level / 16), which
keeps them apart; the first 1437 pictures (80 %) are the training part and the other 360 the test part, in the order of
the original, so that nearly all writers of the test part are other ones.
"""

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

OUT = Path(__file__).resolve().parent.parent / "experiments/data/digits"
TRAINING = 1437


def write(path, array, sums):
    plain = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
    path.write_bytes(gzip.compress(plain, 9, mtime=0))
    sums.append(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")
    print(f"{hashlib.sha256(plain).hexdigest()}  {path.stem}, decompressed")


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    digits = load_digits()
    images = np.floor(digits.images * 255 / 16 + 0.5).astype(np.uint8)
    labels = digits.target.astype(np.uint8)
    sums = []
    for part, rows in [("train", slice(None, TRAINING)), ("t10k", slice(TRAINING, None))]:
        write(OUT / f"{part}-images-idx3-ubyte.gz", images[rows], sums)
        write(OUT / f"{part}-labels-idx1-ubyte.gz", labels[rows], sums)
    (OUT / "SHA256SUMS").write_text("".join(sums))


if __name__ == "__main__":
    main()
