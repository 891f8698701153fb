#!/usr/bin/env python3
"""Cuts the reference cases on curved backgrounds to what the tests of the methods read.

    scripts/cut_curved_cases.py REFERENCE_FOLDER > crates/likely-methods/tests/golden/curved.json

REFERENCE_FOLDER holds cases.json and peers/: runs of the authors' public code (likely_geometry at commit 397ebf3) in
float64, and independent refinements. Nothing is computed here.
"""
import json
import pathlib
import struct
import sys

folder = pathlib.Path(sys.argv[1])

FISHER = {"Gaussian": "gaussian", "Cauchy": "cauchy", "Frechet": "frechet", "Pareto": "pareto"}


def geometry(manifold):
    name = manifold["name"]
    if name == "nSphere":
        return {"kind": "sphere", "config": f"dim = {manifold['dim']}"}
    if name == "nEllipsoid":
        return {"kind": "ellipsoid", "config": f"semi-axes = {manifold['params']}"}
    if name == "SPDN":
        return {"kind": "spd-frobenius", "config": f"n = {manifold['N']}"}
    if name == "T2":
        return {"kind": "torus", "config": f"major = {manifold['R']}\nminor = {manifold['r']}"}
    if name == "nParaboloid":
        return {"kind": "paraboloid", "config": f"dim = {manifold['dim']}"}
    if name == "FisherRao":
        return {"kind": "fisher-rao", "config": f'family = "{FISHER[manifold["distribution"]]}"\nform = "released"'}
    return None


def npy(path):
    """A float array of a .npy file, as nested lists."""
    data = path.read_bytes()
    length = struct.unpack("<H", data[8:10])[0]
    header = eval(data[10:10 + length].decode())  # a dictionary literal
    code = {"<f4": "f", "<f8": "d"}[header["descr"]]
    shape = header["shape"]
    values = list(struct.unpack(f"<{len(data[10 + length:]) // struct.calcsize(code)}{code}", data[10 + length:]))
    if len(shape) == 2:
        return [values[i * shape[1]:(i + 1) * shape[1]] for i in range(shape[0])]
    return values


def peer(name, n, stem):
    family = name.rstrip("0123456789")
    if family == "sphere":
        return {"kind": "sphere", "config": f"dim = {n}"}
    if family == "ellipsoid":
        return {"kind": "ellipsoid", "config": f"semi-axes = {npy(stem.with_name(name + '.params.npy'))}"}
    if family == "spd":
        return {"kind": "spd-frobenius", "config": f"n = {name[3:]}"}
    if family == "t":
        return {"kind": "torus", "config": "major = 3.0\nminor = 1.0"}
    if family == "paraboloid":
        return {"kind": "paraboloid", "config": f"dim = {n}"}
    if family == "hyppar":
        return {"kind": "hyperbolic-paraboloid", "config": ""}
    return {"kind": "fisher-rao", "config": f'family = "{family}"\nform = "released"'}


cases = json.loads((folder / "cases.json").read_text())["cases"]
line_search, adaptive, embedded = [], [], []
for case in cases:
    inputs, outputs = case["inputs"], case["outputs"]
    if case["kind"] == "geodesic_linesearch" and geometry(inputs["manifold"]):
        keep = ["first_iteration", "lam_norm", "energy_init", "reg_init", "trace", "iterations", "energy_final", "reg_energy_final"]
        line_search.append({
            "id": case["id"],
            "geometry": geometry(inputs["manifold"]),
            "start": inputs["z0"], "end": inputs["zN"], "segments": inputs["N"],
            "lambda": inputs["lam"], "tolerance": inputs["tol"], "max-iterations": inputs["max_iter"],
            "weights": inputs["regulariser"].get("weights"), "centres": inputs["regulariser"].get("centroids"),
            "stationary": outputs["stationary_point"]["curve"],
            "stationary-energy": outputs["stationary_point"]["reg_energy"],
            **{key: outputs[key] for key in keep if key in outputs},
        })
    if case["kind"] == "geodesic_adaptive" and geometry(inputs["manifold"]):
        adaptive.append({
            "id": case["id"], "geometry": geometry(inputs["manifold"]),
            "start": inputs["z0"], "end": inputs["zN"], "segments": inputs["N"], "lambda": inputs["lam"],
            "rate": inputs["lr_rate"], "weights": inputs["regulariser"]["weights"],
            "centres": inputs["regulariser"]["centroids"], **outputs,
        })
    if case["kind"] == "geodesic_embedded":
        embedded.append({"id": case["id"], **inputs, **outputs})

reference = json.loads((folder / "peers/reference.json").read_text())
peers = []
for name, runs in reference["probgeorce_ls_lam1_N100"].items():
    run = runs["tol1e-4_f64"]
    stem = folder / "peers" / name
    constants = {part: npy(stem.with_name(f"{name}.{part}.npy")) for part in ["z0", "zN", "weights", "centroids"]}
    peers.append({
        "id": name, "geometry": peer(name, run["n"], stem), "start": constants["z0"], "end": constants["zN"],
        "weights": constants["weights"], "centres": constants["centroids"],
        "iterations": run["iters"], "energy": run["energy"], "reg_energy": run["reg_energy"],
        "lam_norm": run["lam_norm"], "grad_norm": run["true_grad_norm"],
        "tight": runs.get("tol1e-8_f64"),
    })
sweep = reference["sphere10_lambda_sweep"]
print(json.dumps({
    "header": {
        "title": "Reference cases for interpolation on curved backgrounds",
        "source": "FrederikMR/likely_geometry at commit 397ebf3, unmodified, float64 on a CPU; stationary points by an independent dense Newton iteration; written by scripts/cut_curved_cases.py",
    },
    "line-search": line_search, "adaptive": adaptive, "embedded": embedded, "peers": peers, "sweep": sweep,
}))
