"""What the twins share: data, the training loop with PyTorch's own optimisers, and the record of a run.

A twin sees the training points of a folder written by `likely train SPEC --export-data FOLDER`, or points drawn here. Its
schedule is the `[training]` table of the spec where one is given, or else the published one. Everything runs on one thread.
"""
import argparse
import copy
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
    parser.add_argument("--data", type=pathlib.Path, help="folder with training.npy and held-out.npy")
    parser.add_argument("--train", type=pathlib.Path, help="training points, .npy; overrides --data")
    parser.add_argument("--held-out", type=pathlib.Path, help="held-out points, .npy; overrides --data")
    parser.add_argument("--spec", type=pathlib.Path, help="training spec whose [training] table is followed")
    parser.add_argument("--steps", type=int, help="stop after so many steps of the schedule, for a trial")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder for record, weights and log-likelihoods")
    parser.add_argument("--engine", choices=["torch", "jax"], default="torch", help="what takes the steps; see by_jax.py")
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
    for key, file in [("train", "training.npy"), ("held-out", "held-out.npy")]:
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


def rate(chosen, step, steps):
    """The learning rate of a step, counted from 0."""
    if chosen["schedule"] == "cosine":
        return chosen["learning-rate"] * 0.5 * (1 + math.cos(math.pi * step / steps))
    return chosen["learning-rate"]


class Run:
    """A training and its record NAME.jsonl, one line for each look at the held-out points; the last one is of the whole schedule.

    `loss(batch, noise)` is the training loss, with `noise` the rows of what `draw(generator, count)` gives for a whole epoch;
    `likelihood(model, held, final, options)` gives log-likelihoods of the held-out points in nats, of a model in float64, and a
    dictionary of further facts. A run that was stopped goes on where it was last looked at; a run that is complete is looked
    at again, on the held-out points given now.
    """

    def __init__(self, name, options, chosen, model, train, likelihood, held, origin, draw=None, fresh=None):
        self.name, self.options, self.chosen, self.model, self.train = name, options, chosen, model, train
        self.likelihood, self.held, self.origin, self.draw, self.fresh = likelihood, held, origin, draw, fresh
        options.out.mkdir(parents=True, exist_ok=True)
        self.per_epoch = None if train is None else -(-len(train) // chosen["batch"])
        self.steps = chosen["steps"] if chosen.get("steps") else chosen["epochs"] * self.per_epoch
        self.last = min(self.steps, options.steps or self.steps)
        self.marks = {round(self.last * (k + 1) / options.evaluations) for k in range(options.evaluations)}
        self.checkpoint = options.out / f"{name}.checkpoint"
        self.spent, self.passed, self.loss = 0.0, 0.0, math.nan
        self.order, self.epoch = None, None

    def resume(self):
        """What `save` was given, or None."""
        if not self.checkpoint.exists():
            return None
        saved = torch.load(self.checkpoint, weights_only=True)
        if json.loads(saved["identity"]) != json.loads(self.identity()):
            raise SystemExit(f"{self.checkpoint} is of another run; remove it to begin anew")
        self.model.load_state_dict(saved["model"])
        self.spent, self.passed, self.loss = saved["spent"], saved["passed"], saved["loss"]
        return saved

    def identity(self):
        return json.dumps([self.chosen, self.options.seed, self.origin["train"]])

    def save(self, step, **more):
        temporary = self.checkpoint.with_suffix(".partial")
        torch.save({
            "identity": self.identity(), "model": self.model.state_dict(), "step": step, "spent": self.spent,
            "passed": self.passed, "loss": self.loss, **more,
        }, temporary)
        temporary.replace(self.checkpoint)

    def shuffled(self, epoch):
        """Training points and noise of an epoch, in its order."""
        if epoch != self.epoch:
            order = torch.randperm(len(self.train), generator=generator(self.options.seed, ORDER, epoch))
            noise = () if self.draw is None else self.draw(generator(self.options.seed, NOISE, epoch), len(order))
            self.order, self.epoch = (self.train[order], *noise), epoch
        return self.order

    def batch(self, step):
        if self.train is None:
            return self.fresh(self.chosen["batch"], step), ()
        at = self.chosen["batch"] * (step % self.per_epoch)
        rows, *noise = (part[at : at + self.chosen["batch"]] for part in self.shuffled(step // self.per_epoch))
        return rows, noise

    def note_loss(self, step, value):
        if not math.isfinite(value):
            raise SystemExit(f"the loss of step {step} is {value}")
        self.loss = value

    def look(self, step, engine):
        final = step == self.last
        with torch.no_grad():
            found, facts = self.likelihood(copy.deepcopy(self.model).double(), self.held, final, self.options)
        record = {
            "model": self.name, "held_out_log_likelihood": found.mean().item(),
            "standard_error": (found.std() / math.sqrt(len(found))).item(), "held_out_points": len(found), "step": step,
            "steps": self.steps, "whole_schedule": step == self.steps, "loss": self.loss, "seed": self.options.seed,
            "schedule": self.chosen, "data": self.origin, **facts, "processor_seconds": round(self.spent, 1),
            "wall_seconds": round(self.passed, 1), "steps_per_processor_second": round(step / self.spent, 1),
            "versions": {"python": platform.python_version(), "torch": torch.__version__.split("+")[0],
                         "numpy": np.__version__, **engine},
            "script": f"scripts/twins/{self.name.replace('-', '_')}.py",
        }
        line = json.dumps(record)
        print(line, flush=True)
        with (self.options.out / f"{self.name}.jsonl").open("a") as file:
            file.write(line + "\n")
        if final:
            np.save(self.options.out / f"{self.name}-log-likelihoods.npy", found.numpy())
            np.savez(self.options.out / f"{self.name}-weights.npz",
                     **{key: value.detach().numpy() for key, value in self.model.state_dict().items()})

    def by_torch(self, loss):
        parameters = list(self.model.parameters())
        optim = optimiser(parameters, self.chosen)
        saved = self.resume()
        first = 0
        if saved is not None:
            first = saved["step"]
            if first >= self.last:
                return self.look(first, {})
            optim.load_state_dict(saved["optimiser"])
        wall, processor = time.monotonic(), time.process_time()
        for step in range(first, self.last):
            rows, noise = self.batch(step)
            for group in optim.param_groups:
                group["lr"] = rate(self.chosen, step, self.steps)
            value = loss(rows, *noise)
            optim.zero_grad(set_to_none=True)
            value.backward()
            if self.chosen["clip"] is not None:
                torch.nn.utils.clip_grad_norm_(parameters, self.chosen["clip"])
            optim.step()
            if (step + 1) % 500 == 0 or step + 1 in self.marks:
                self.note_loss(step + 1, value.item())
            if step + 1 in self.marks:
                # Time spent on looking is not time of training.
                self.spent += time.process_time() - processor
                self.passed += time.monotonic() - wall
                self.save(step + 1, optimiser=optim.state_dict())
                self.look(step + 1, {})
                wall, processor = time.monotonic(), time.process_time()


def read_safetensors(path):
    """Tensors and metadata of a safetensors file."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    kinds = {"F32": np.float32, "F64": np.float64}
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            values = np.frombuffer(content[8 + length + begin : 8 + length + end], kinds[entry["dtype"]])
            tensors[name] = torch.tensor(values.reshape(entry["shape"]))
    return tensors, header.get("__metadata__", {})


def begin(seed):
    """One thread, and PyTorch's own initial weights from the seed."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
