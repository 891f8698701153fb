#!/usr/bin/env python3
"""Writes the end points and centres of the run-time experiments.

    scripts/make_runtime.py REFERENCE_FOLDER

REFERENCE_FOLDER holds runtime_constants.json: what load_manifold.py of FrederikMR/likely_geometry at commit 397ebf3 draws
from seed 2712 in float32 (jax 0.5 or later, partitionable threefry). Each case becomes two arrays of float32 in
experiments/data/runtime: CASE-ends.npy (start and end) and CASE-centres.npy (three centres).
"""
import json
import pathlib
import struct
import sys

constants = json.loads((pathlib.Path(sys.argv[1]) / "runtime_constants.json").read_text())
out = pathlib.Path(__file__).parent.parent / "experiments/data/runtime"
out.mkdir(parents=True, exist_ok=True)


def write(path, rows):
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({len(rows)}, {len(rows[0])}), }}"
    header += " " * ((64 - (11 + len(header)) % 64) % 64) + "\n"
    values = [x for row in rows for x in row]
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()
                     + struct.pack(f"<{len(values)}f", *values))


for name, case in constants["cases"].items():
    stem = name.lower().replace("_", "-")
    write(out / f"{stem}-ends.npy", [case["z0"], case["zT"]])
    write(out / f"{stem}-centres.npy", case["centroids"])
print("weights", constants["weights"])
