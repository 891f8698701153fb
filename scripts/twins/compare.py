"""Shipped weights beside their PyTorch twins, on the same held-out points and by the same code.

    python scripts/twins/compare.py --runs FOLDER --data FOLDER [--weights experiments/models] [--out results]

`--runs` is where the twins wrote their records (`--out` of each twin), `--data` the folder of `likely train --export-data`, with
one folder for each spec, named like it. Shipped weights are read into the module of the twin, so that the likelihood of both is
that of PyTorch in float64. Writes twins.json and twins.md.
"""
import argparse
import hashlib
import json
import math
import pathlib

import numpy as np
import torch

import autoregressive
import common
import diffusion_2d
import energy_network
import normalizing_flow
import vae

BAR = 0.02
ROOT = pathlib.Path(__file__).parents[2]
# Twin, class of its network.
TWINS = {
    "normalizing-flow": (normalizing_flow, normalizing_flow.Flow),
    "autoregressive": (autoregressive, autoregressive.Autoregressive),
    "vae": (vae, vae.Autoencoder),
    "diffusion-2d": (diffusion_2d, diffusion_2d.Denoiser),
    "energy-network": (energy_network, energy_network.Energy),
}


def options_of(module, train):
    parser = argparse.ArgumentParser()
    if hasattr(module, "add_arguments"):
        module.add_arguments(parser)
    options = parser.parse_args([])
    options.seed = 1
    options.last_step = diffusion_2d.matched(train) if module is diffusion_2d else None
    return options


def shipped(path, module, kind):
    """The network of a twin with our weights."""
    tensors, _ = common.read_safetensors(path)
    model = kind()
    state = {name: tensors.pop(module.name_of_ours(name)) for name, _ in model.named_parameters()}
    if tensors:
        raise SystemExit(f"{path}: {sorted(tensors)} have no place in the twin")
    model.load_state_dict({**state, **dict(model.named_buffers())})
    return model.double()


def twin(folder, name, module, kind):
    """Last record of the longest run, and its network."""
    lines = [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]
    record = lines[-1]
    weights = np.load(folder / f"{name}-weights.npz")
    model = kind()
    model.load_state_dict({key: torch.tensor(weights[key]) for key in weights.files})
    return record, model.double()


def compare(name, weights, data, runs):
    module, kind = TWINS[name]
    held = torch.tensor(np.load(data / "held-out.npy"))
    train = torch.tensor(np.load(data / "training.npy")) if (data / "training.npy").exists() else None
    options = options_of(module, train)
    digest = hashlib.sha256(np.ascontiguousarray(held.numpy()).astype("<f8").tobytes()).hexdigest()
    row = {"model": name, "bar": BAR, "held_out_sha256": digest}
    found = {}
    if (runs / f"{name}-weights.npz").exists():
        record, model = twin(runs, name, module, kind)
        found["twin"] = module_likelihood(module, model, held, options)
        row["run"] = {key: record[key] for key in (
            "step", "steps", "whole_schedule", "schedule", "seed", "data", "processor_seconds", "versions", "script"
        )}
    if weights.exists():
        found["ours"] = module_likelihood(module, shipped(weights, module, kind), held, options)
        row["weights_sha256"] = hashlib.sha256(weights.read_bytes()).hexdigest()
    for side, (each, facts) in found.items():
        row[side] = {
            "held_out_log_likelihood": each.mean().item(), "standard_error": (each.std() / math.sqrt(len(each))).item(),
            "points": len(each), **facts,
        }
    if len(found) == 2:
        gap = found["ours"][0] - found["twin"][0]
        row["ours_less_twin"] = gap.mean().item()
        row["paired_standard_error"] = (gap.std() / math.sqrt(len(gap))).item()
        row["ours_below_twin_by_less_than_bar"] = row["ours_less_twin"] > -BAR
        row["within_bar"] = abs(row["ours_less_twin"]) <= BAR
    return row


def module_likelihood(module, model, held, options):
    with torch.no_grad():
        return module.likelihood(model, held, True, options)


def number(side, row):
    if side not in row:
        return "-"
    entry = row[side]
    return f"{entry['held_out_log_likelihood']:.4f} ± {entry['standard_error']:.4f}"


def table(rows):
    lines = [
        "# Trained models beside their PyTorch twins", "",
        "Written by `scripts/twins/compare.py`. Mean log-likelihood of the same held-out points in nats, both computed by the",
        "twin's code in float64, with its standard error; the difference is paired, point by point. The bar is 0.02 nat.", "",
        "| spec | held-out points | ours | twin | ours less twin | within 0.02 | twin's steps | by |", "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        gap = "-"
        if "ours_less_twin" in row:
            gap = f"{row['ours_less_twin']:+.4f} ± {row['paired_standard_error']:.4f}"
        side = row.get("twin") or row.get("ours")
        run = row.get("run")
        steps = "-" if run is None else f"{run['step']} of {run['steps']}"
        verdict = {True: "yes", False: "no", None: "-"}[row.get("within_bar")]
        lines.append(
            f"| {row['spec']} | {side['points']} | {number('ours', row)} | {number('twin', row)} | {gap} | {verdict} "
            f"| {steps} | {side['likelihood']} |"
        )
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=pathlib.Path, required=True)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--weights", type=pathlib.Path, default=ROOT / "experiments/models")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for spec in sorted(options.weights.glob("*.toml")):
        name = common.tomllib.loads(spec.read_text())["model"]["id"]
        data = options.data / spec.stem
        if name not in TWINS or not (data / "held-out.npy").exists():
            continue
        runs = options.runs / spec.stem
        row = compare(name, spec.with_suffix(".safetensors"), data, runs)
        if "twin" in row or "ours" in row:
            rows.append({"spec": spec.stem, **row})
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "twins.json").write_text(json.dumps(rows, indent=1) + "\n")
    (options.out / "twins.md").write_text(table(rows))
    print(table(rows))


if __name__ == "__main__":
    main()
