"""What the twins share: data, the training loop with PyTorch's own optimisers, and the record of a run.

A twin sees the training points of a folder written by `likely train SPEC --export-data FOLDER`, or points drawn here. Its
schedule is the `[training]` table of the spec where one is given, or else the published one. Everything runs on one thread.
"""
import argparse
import hashlib
import json
import math
import pathlib
import platform
import time
import tomllib

import numpy as np
import torch

# Bits of a stream's seed that tell streams of one run apart.
ORDER, NOISE, DATA, EVALUATION = 1, 2, 3, 4


def arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=pathlib.Path, help="folder with train.npy and held-out.npy")
    parser.add_argument("--train", type=pathlib.Path, help="training points, .npy; overrides --data")
    parser.add_argument("--held-out", type=pathlib.Path, help="held-out points, .npy; overrides --data")
    parser.add_argument("--spec", type=pathlib.Path, help="training spec whose [training] table is followed")
    parser.add_argument("--steps", type=int, help="stop after so many steps of the schedule, for a trial")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder for record, weights and log-likelihoods")
    parser.add_argument("--evaluations", type=int, default=10, help="how often the held-out points are looked at")
    return parser


def generator(seed, stream, index=0):
    words = np.random.SeedSequence([seed, stream, index]).generate_state(2, np.uint32)
    return torch.Generator().manual_seed(int(words[0]) << 31 ^ int(words[1]))


def draw(name, count, rng):
    """Points of the published data sets, in float64."""
    if name == "two-moons":
        rows = np.zeros((0, 2))
        while len(rows) < count:
            z = rng.uniform(-3, 3, size=(4 * count, 2))
            a = np.abs(z[:, 0])
            log_density = (
                -0.5 * ((np.linalg.norm(z, axis=1) - 2) / 0.2) ** 2
                - 0.5 * ((a - 2) / 0.3) ** 2 + np.log1p(np.exp(-4 * a / 0.09))
            )
            rows = np.concatenate([rows, z[np.exp(log_density) > rng.uniform(size=len(z))]])
        return rows[:count]
    if name == "checkerboard":
        rows = np.zeros((0, 2))
        while len(rows) < count:
            z = rng.uniform(-2, 2, size=(3 * count, 2))
            rows = np.concatenate([rows, z[np.floor(z).sum(axis=1) % 2 != 0]])
        return rows[:count] + 0.05 * rng.normal(size=(count, 2))
    if name == "sine":
        x = rng.permutation(np.linspace(-3, 3, count))
        return np.stack([x, np.sin(x) + 0.05 * rng.normal(size=count)], axis=1)
    if name == "circle-3d":
        a = rng.permutation(np.linspace(0, 2 * np.pi, count))
        return np.stack([np.cos(a), np.sin(a), 0 * a], axis=1) + 0.1 * rng.normal(size=(count, 3))
    if name == "half-moons":
        a = np.pi * rng.uniform(size=count)
        upper = rng.uniform(size=count) < 0.5
        x = np.where(upper, np.cos(a), 1 - np.cos(a)) + 0.03 * rng.normal(size=count)
        y = np.where(upper, np.sin(a), 0.5 - np.sin(a)) + 0.03 * rng.normal(size=count)
        return np.stack([2 * (x + 0.3) - 1, 3 * (y + 0.3) - 1], axis=1)
    raise ValueError(name)


def points(options, name, training, held_out):
    """Training points (None where every one is fresh) and held-out points, with where they come from."""
    files = {}
    for key, file in [("train", "train.npy"), ("held-out", "held-out.npy")]:
        given = getattr(options, key.replace("-", "_"))
        if given is None and options.data is not None and (options.data / file).exists():
            given = options.data / file
        files[key] = given
    rng = np.random.default_rng([options.seed, DATA])
    arrays, origin = {}, {}
    for key, count in [("train", training), ("held-out", held_out)]:
        if files[key] is not None:
            arrays[key] = np.load(files[key]).astype(np.float64)
        elif count is not None:
            arrays[key] = draw(name, count, rng)
        else:
            arrays[key] = None
            origin[key] = "fresh"
            continue
        array = arrays[key]
        if array.ndim != 2 or not np.isfinite(array).all():
            raise SystemExit(f"{key}: points in rows, all finite, are needed; there is shape {array.shape}")
        digest = hashlib.sha256(np.ascontiguousarray(array).astype("<f8").tobytes()).hexdigest()
        origin[key] = {"from": "file" if files[key] is not None else "drawn here", "points": len(array), "sha256": digest}
    held = torch.tensor(arrays["held-out"])
    train = None if arrays["train"] is None else torch.tensor(arrays["train"], dtype=torch.float32)
    return train, held, origin


def settings(options, published):
    """The schedule: the published one, or that of the spec."""
    chosen = {
        "schedule": "constant", "weight-decay": 0.0, "betas": [0.9, 0.999], "epsilon": 1e-8, "clip": None, **published,
    }
    if options.spec is not None:
        table = tomllib.loads(options.spec.read_text())["training"]
        unknown = set(table) - set(chosen) - {"seed", "epochs", "steps"}
        if unknown:
            raise SystemExit(f"{options.spec}: a twin does not know {sorted(unknown)} of [training]")
        for key in ("epochs", "steps", "weight-decay", "clip", "schedule"):
            chosen.pop(key, None)
        chosen = {"schedule": "constant", "weight-decay": 0.0, "clip": None, **chosen, **table}
        chosen.pop("seed", None)
    return chosen


def optimiser(parameters, chosen):
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[chosen["optimiser"]]
    return kind(
        parameters, lr=chosen["learning-rate"], betas=tuple(chosen["betas"]), eps=chosen["epsilon"],
        weight_decay=chosen["weight-decay"], fused=True,
    )


def run(name, options, chosen, model, train, fresh, loss, evaluate, origin):
    """Trains and writes NAME.jsonl, one line an evaluation; the last one is of the whole schedule.

    `loss(batch, noise)` is the training loss with `noise` a generator; `evaluate(step, final)` gives log-likelihoods of the
    held-out points in nats and a dictionary of further facts. A run that was stopped goes on where it was last looked at; a
    run that is complete is looked at again, on the held-out points given now.
    """
    options.out.mkdir(parents=True, exist_ok=True)
    batch = chosen["batch"]
    per_epoch = None if train is None else -(-len(train) // batch)
    steps = chosen["steps"] if chosen.get("steps") else chosen["epochs"] * per_epoch
    last = min(steps, options.steps or steps)
    parameters = list(model.parameters())
    optim = optimiser(parameters, chosen)
    noise = generator(options.seed, NOISE)
    checkpoint = options.out / f"{name}.checkpoint"
    identity = json.dumps([chosen, options.seed, origin["train"]])
    first, spent, passed, running = 0, 0.0, 0.0, math.nan
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        if saved["identity"] != identity:
            raise SystemExit(f"{checkpoint} is of another run; remove it to begin anew")
        model.load_state_dict(saved["model"])
        optim.load_state_dict(saved["optimiser"])
        noise.set_state(saved["noise"])
        first, spent, passed, running = saved["step"], saved["spent"], saved["passed"], saved["loss"]
    marks = {round(last * (k + 1) / options.evaluations) for k in range(options.evaluations)}

    def look(step):
        final = step == last
        log_likelihood, facts = evaluate(step, final)
        log_likelihood = log_likelihood.double()
        record = {
            "model": name, "held_out_log_likelihood": log_likelihood.mean().item(),
            "standard_error": (log_likelihood.std() / math.sqrt(len(log_likelihood))).item(),
            "held_out_points": len(log_likelihood), "step": step, "steps": steps, "whole_schedule": step == steps,
            "loss": running, "seed": options.seed, "schedule": chosen, "data": origin, **facts,
            "processor_seconds": round(spent, 1), "wall_seconds": round(passed, 1),
            "steps_per_processor_second": round(step / spent, 1),
            "versions": {"python": platform.python_version(), "torch": torch.__version__.split("+")[0],
                         "numpy": np.__version__},
            "script": f"scripts/twins/{name.replace('-', '_')}.py",
        }
        line = json.dumps(record)
        print(line, flush=True)
        with (options.out / f"{name}.jsonl").open("a") as file:
            file.write(line + "\n")
        if final:
            np.save(options.out / f"{name}-log-likelihoods.npy", log_likelihood.numpy())
            np.savez(options.out / f"{name}-weights.npz",
                     **{key: value.detach().numpy() for key, value in model.state_dict().items()})

    if first >= last:
        look(first)
        return
    order, epoch = None, None
    wall, processor = time.monotonic(), time.process_time()
    for step in range(first, last):
        if train is None:
            rows = fresh(batch, step)
        else:
            if step // per_epoch != epoch:
                epoch = step // per_epoch
                order = train[torch.randperm(len(train), generator=generator(options.seed, ORDER, epoch))]
            at = batch * (step % per_epoch)
            rows = order[at : at + batch]
        if chosen["schedule"] == "cosine":
            rate = chosen["learning-rate"] * 0.5 * (1 + math.cos(math.pi * step / steps))
            for group in optim.param_groups:
                group["lr"] = rate
        value = loss(rows, noise)
        optim.zero_grad(set_to_none=True)
        value.backward()
        if chosen["clip"] is not None:
            torch.nn.utils.clip_grad_norm_(parameters, chosen["clip"])
        optim.step()
        if (step + 1) % 500 == 0 or step + 1 in marks:
            running = value.item()
            if not math.isfinite(running):
                raise SystemExit(f"the loss of step {step + 1} is {running}")
        if step + 1 in marks:
            # Time spent on looking is not time of training.
            spent += time.process_time() - processor
            passed += time.monotonic() - wall
            temporary = checkpoint.with_suffix(".partial")
            torch.save({
                "identity": identity, "model": model.state_dict(), "optimiser": optim.state_dict(),
                "noise": noise.get_state(), "step": step + 1, "spent": spent, "passed": passed, "loss": running,
            }, temporary)
            temporary.replace(checkpoint)
            look(step + 1)
            wall, processor = time.monotonic(), time.process_time()


def begin(seed):
    """One thread, and PyTorch's own initial weights from the seed."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
