#!/usr/bin/env python3
"""The hundred points of each mean in the table of two-dimensional models, as the authors' script draws them.

    scripts/make_gen2d_data.py [circle]

Without an argument, writes experiments/data/gen2d/{checkerboard,two-moons,sine}-mean.csv. The draws are those of
`FrederikMR/likely_geometry` at commit 397ebf3, run_gen2d_geometry.py, with its seed 2712; that they are the same ones is checked
against what its notebooks print: the energies 2.814, 4.375 and 0.730 of the straight lines to the average, and the average
(0.1022, -0.1262) of the checkerboard. Needs numpy, torch 2.7.1 and normflows 1.7.3.

With `circle`, reads the trained encoder of experiments/models/circle-vae.safetensors and writes circle-mean.csv and circle-ends.npy:
the encoder's means of a hundred angles over two turns, and of a quarter and three quarters of one. Needs numpy.
"""
import json
import pathlib
import struct
import sys

import numpy as np

SEED = 2712
COUNT = 100
root = pathlib.Path(__file__).parent.parent / "experiments"
out = root / "data/gen2d"


def write(name, points, energy, digits=3):
    points = np.asarray(points, dtype=np.float32).astype(np.float64)
    found = ((points - points.mean(axis=0)) ** 2).sum() / COUNT
    if energy is not None:
        assert abs(found - energy) <= 0.5 * 10.0**-digits, f"{name}: {found}, printed {energy}"
    lines = ["x1,x2"] + [f"{x!r},{y!r}" for x, y in points.tolist()]
    (out / name).write_text("\n".join(lines) + "\n")
    print(name, points.shape, f"{found:.6f}")


def checkerboard(torch):
    """torchebm as of 2025: numpy draws the square, torch the noise."""
    np.random.seed(SEED)
    torch.manual_seed(SEED)
    x, y = np.random.uniform(-2.0, 2.0, 1000), np.random.uniform(-2.0, 2.0, 1000)
    kept = (np.floor(x) + np.floor(y)) % 2 != 0
    points = torch.from_numpy(np.stack([x[kept], y[kept]], axis=1).astype(np.float32)[:COUNT])
    points = points + 0.05 * torch.randn_like(points)
    average = points.mean(dim=0).tolist()
    assert abs(average[0] - 0.1022) < 5e-5 and abs(average[1] + 0.1262) < 5e-5, average
    return points.numpy()


def two_moons(torch):
    """The script builds its flow before it draws, and that takes numbers from the same generator."""
    import normflows

    torch.manual_seed(SEED)
    target = normflows.distributions.TwoMoons()
    for _ in range(32):
        normflows.nets.MLP([1, 64, 64, 2], init_zeros=True)
    return target.sample(COUNT).numpy()


def sine():
    t = np.linspace(0.0, 2.0, COUNT, dtype=np.float32)
    return np.stack([t, np.sin(np.linspace(-1.0, 2.0, COUNT, dtype=np.float32))], axis=1)


def read_safetensors(path):
    raw = path.read_bytes()
    (size,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + size])
    body = raw[8 + size :]
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            start, end = entry["data_offsets"]
            tensors[name] = np.frombuffer(body[start:end], dtype="<f4").reshape(entry["shape"]).astype(np.float64)
    return tensors


def encode(tensors, x):
    """Means of the encoder: 3-100 with ELU, then 100-2."""
    def linear(prefix, x):
        return x @ tensors[f"{prefix}.weight"].T + tensors[f"{prefix}.bias"]

    hidden = linear("encoder", x)
    hidden = np.where(hidden > 0.0, hidden, np.expm1(np.minimum(hidden, 0.0)))
    return linear("mean_head", hidden)


def circle():
    tensors = read_safetensors(root / "models/circle-vae.safetensors")

    def at(angles):
        return encode(tensors, np.stack([np.cos(angles), np.sin(angles), np.zeros_like(angles)], axis=1))

    write("circle-mean.csv", at(np.linspace(-2.0 * np.pi, 2.0 * np.pi, COUNT)), None)
    np.save(out / "circle-ends.npy", at(np.array([0.5, 1.5]) * np.pi))


out.mkdir(parents=True, exist_ok=True)
if sys.argv[1:] == ["circle"]:
    circle()
else:
    import torch

    write("checkerboard-mean.csv", checkerboard(torch), 2.814)
    write("two-moons-mean.csv", two_moons(torch), 4.375)
    write("sine-mean.csv", sine(), 0.730)
