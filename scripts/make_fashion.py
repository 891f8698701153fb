"""Makes experiments/data/fashion: a class-balanced part of Fashion-MNIST in its own format and under its own names.

    apt-get install dataset-fashion-mnist
    python scripts/make_fashion.py

Reads the Debian package's files (or those of another folder, given as argument) and keeps, of each class, the first 200
pictures of the training part and the first 50 of the test part, in the order of the original. What counts are the hashes
of the decompressed bytes, which it prints: the same numbers compress to other bytes with another zlib.
"""

import gzip
import hashlib
import struct
import sys
from pathlib import Path

import numpy as np

OUT = Path(__file__).resolve().parent.parent / "experiments/data/fashion"
PACKAGE = Path("/usr/share/datasets/fashion-mnist")
EACH = {"train": 200, "t10k": 50}


def idx(path):
    data = gzip.decompress(path.read_bytes())
    axes = data[3]
    shape = struct.unpack(f">{axes}I", data[4 : 4 + 4 * axes])
    return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(shape)


def write(path, array, sums):
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    plain = header + array.tobytes()
    path.write_bytes(gzip.compress(plain, 9, mtime=0))
    sums.append(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")
    print(f"{hashlib.sha256(plain).hexdigest()}  {path.stem}, decompressed")


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else PACKAGE
    OUT.mkdir(parents=True, exist_ok=True)
    sums = []
    for part, each in EACH.items():
        images = idx(folder / f"{part}-images-idx3-ubyte.gz")
        labels = idx(folder / f"{part}-labels-idx1-ubyte.gz")
        kept = np.sort(np.concatenate([np.flatnonzero(labels == c)[:each] for c in range(10)]))
        write(OUT / f"{part}-images-idx3-ubyte.gz", images[kept], sums)
        write(OUT / f"{part}-labels-idx1-ubyte.gz", labels[kept], sums)
        print(f"{part}: {len(kept)} of {len(labels)} pictures")
    (OUT / "SHA256SUMS").write_text("".join(sums))
    print("".join(sums), end="")


if __name__ == "__main__":
    main()
