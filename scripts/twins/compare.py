"""Shipped weights beside their PyTorch twins, on the same held-out points and by the same code.

    python scripts/twins/compare.py --runs FOLDER --data FOLDER [--weights experiments/models] [--out results] [--specs SPEC...]

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


def log_density_of_data(name, x):
    """ln of the density that held-out points are drawn from, in nats; None where no closed form is written here."""
    normal = lambda y, deviation: -0.5 * (y / deviation) ** 2 - math.log(deviation) - 0.5 * math.log(2 * math.pi)
    if name == "normalizing-flow":
        a = x[:, 0].abs()
        ring = -0.5 * ((x.norm(dim=1) - 2) / 0.2) ** 2 - 0.5 * ((a - 2) / 0.3) ** 2
        return ring + torch.log1p(torch.exp(-4 * a / 0.09)) - math.log(2.234940148767718)
    if name == "autoregressive":
        return normal(x[:, 1] - torch.sin(x[:, 0]), 0.05) - math.log(6.0)
    if name == "vae":
        radius, variance = x[:, :2].norm(dim=1), 0.01
        ring = -0.5 * (radius - 1) ** 2 / variance - math.log(2 * math.pi * variance)
        return ring + torch.log(torch.special.i0e(radius / variance)) + normal(x[:, 2], 0.1)
    if name == "energy-network":
        corners = torch.arange(-2.0, 2.0, dtype=torch.float64)
        phi = lambda y: torch.special.ndtr(y / 0.05)
        shares = [phi(x[:, k, None] - corners) - phi(x[:, k, None] - corners - 1) for k in range(2)]
        odd = (corners[:, None] + corners[None]) % 2 != 0
        return torch.log(torch.einsum("bi,bj,ij->b", *shares, odd.double()) / 8)
    return None


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


def other_seeds(folder, name):
    """Log-likelihoods of whole schedules with other seeds: how far one run says what the schedule gives."""
    found = []
    for run in sorted(folder.parent.glob(f"{folder.name}-seed-*/{name}.jsonl")):
        record = json.loads(run.read_text().splitlines()[-1])
        if record["whole_schedule"]:
            found.append({key: record[key] for key in ("seed", "held_out_log_likelihood", "standard_error", "held_out_points")})
    return found


def compare(name, weights, data, runs):
    module, kind = TWINS[name]
    held = torch.tensor(np.load(data / "held-out.npy"))
    train = torch.tensor(np.load(data / "training.npy")) if (data / "training.npy").exists() else None
    options = options_of(module, train)
    digest = hashlib.sha256(np.ascontiguousarray(held.numpy()).astype("<f8").tobytes()).hexdigest()
    row = {"model": name, "bar": BAR, "held_out_sha256": digest}
    truth = log_density_of_data(name, held)
    if truth is not None:
        row["density_of_data"] = {"held_out_log_likelihood": truth.mean().item()}
    found = {}
    if (runs / f"{name}-weights.npz").exists():
        record, model = twin(runs, name, module, kind)
        found["twin"] = module_likelihood(module, model, held, options)
        row["run"] = {key: record[key] for key in (
            "step", "steps", "whole_schedule", "schedule", "seed", "data", "processor_seconds", "versions", "script"
        )}
        row["other_seeds"] = other_seeds(runs, name)
    if weights.exists():
        found["ours"] = module_likelihood(module, shipped(weights, module, kind), held, options)
        row["weights_sha256"] = hashlib.sha256(weights.read_bytes()).hexdigest()
    for side, (each, facts) in found.items():
        row[side] = {
            "held_out_log_likelihood": each.mean().item(), "standard_error": (each.std() / math.sqrt(len(each))).item(),
            "points": len(each), **facts,
        }
        if truth is not None:
            below = truth[: len(each)] - each
            row[side]["below_density_of_data"] = below.mean().item()
            row[side]["below_density_of_data_standard_error"] = (below.std() / math.sqrt(len(below))).item()
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
        "twin's code in float64, with its standard error; the difference is paired, point by point. The bar is 0.02 nat. *Data* is the",
        "mean log-density of the held-out points under the density that they were drawn from, where it has a closed form.",
        "*Other seeds* are twins of the whole schedule with other seeds, on the same points.", "",
        "| spec | points | data | ours | twin | ours less twin | within 0.02 | other seeds | twin's steps | by |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        gap = "-"
        if "ours_less_twin" in row:
            gap = f"{row['ours_less_twin']:+.4f} ± {row['paired_standard_error']:.4f}"
        side = row.get("twin") or row.get("ours")
        run = row.get("run")
        steps = "-" if run is None else f"{run['step']} of {run['steps']}"
        others = ", ".join(f"{run['held_out_log_likelihood']:.4f}" for run in row.get("other_seeds", [])) or "-"
        known = "-"
        if "density_of_data" in row:
            known = f"{row['density_of_data']['held_out_log_likelihood']:.4f}"
        verdict = {True: "yes", False: "no", None: "-"}[row.get("within_bar")]
        lines.append(
            f"| {row['spec']} | {side['points']} | {known} | {number('ours', row)} | {number('twin', row)} | {gap} | {verdict} "
            f"| {others} | {steps} | {side['likelihood']} |"
        )
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=pathlib.Path, required=True)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--weights", type=pathlib.Path, default=ROOT / "experiments/models")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "results")
    parser.add_argument("--specs", nargs="*", help="only these; what twins.json says of others is kept")
    options = parser.parse_args()
    torch.set_num_threads(1)
    known = options.out / "twins.json"
    rows = {row["spec"]: row for row in json.loads(known.read_text())} if known.exists() else {}
    for spec in sorted(options.weights.glob("*.toml")):
        name = common.tomllib.loads(spec.read_text())["model"]["id"]
        data = options.data / spec.stem
        if options.specs and spec.stem not in options.specs:
            continue
        if name not in TWINS or not (data / "held-out.npy").exists():
            continue
        runs = options.runs / spec.stem
        row = compare(name, spec.with_suffix(".safetensors"), data, runs)
        if "twin" in row or "ours" in row:
            rows[spec.stem] = {"spec": spec.stem, **row}
    rows = [rows[spec] for spec in sorted(rows)]
    options.out.mkdir(parents=True, exist_ok=True)
    known.write_text(json.dumps(rows, indent=1) + "\n")
    (options.out / "twins.md").write_text(table(rows))
    print(table(rows))


if __name__ == "__main__":
    main()
