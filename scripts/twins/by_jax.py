"""The same trainings with the steps of an epoch compiled by JAX: several times faster for networks this small.

Points, their order, noise and initial weights are those of the PyTorch loop, step for step; only the arithmetic is JAX's.
Adam, AdamW and clipping are written out here with PyTorch's semantics. `check_engines.py` compares the two.
"""
import os

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import time

import jax
import jax.numpy as jnp
import numpy as np
import torch

import common


def run(training, loss):
    """`loss(parameters, rows, noise)` has a dictionary of parameters with the names of the PyTorch module."""
    chosen, last, per_epoch = training.chosen, training.last, training.per_epoch
    beta_1, beta_2 = chosen["betas"]
    decay, clip = chosen["weight-decay"], chosen["clip"]
    decoupled = chosen["optimiser"] == "adamw"
    names = [name for name, _ in training.model.named_parameters()]

    def step(carry, given):
        parameters, first, second = carry
        (step_size, root, shrink), rows, noise = given
        value, grads = jax.value_and_grad(loss)(parameters, rows, *noise)
        if clip is not None:
            norm = jnp.sqrt(sum((grad**2).sum() for grad in grads.values()))
            factor = jnp.minimum(1.0, clip / (norm + 1e-6))
            grads = {name: grad * factor for name, grad in grads.items()}
        if decoupled:
            parameters = {name: parameter * shrink for name, parameter in parameters.items()}
        elif decay:
            grads = {name: grad + decay * parameters[name] for name, grad in grads.items()}
        first = {name: beta_1 * first[name] + (1 - beta_1) * grads[name] for name in names}
        second = {name: beta_2 * second[name] + (1 - beta_2) * grads[name] ** 2 for name in names}
        parameters = {
            name: parameters[name] - step_size * first[name] / (jnp.sqrt(second[name]) / root + chosen["epsilon"])
            for name in names
        }
        return (parameters, first, second), value

    steps_of = jax.jit(lambda carry, given: jax.lax.scan(step, carry, given))

    def factors(steps):
        """Step sizes and corrections of these steps, in float64 before they are rounded."""
        counts = np.array(steps, dtype=np.float64) + 1
        rates = np.array([common.rate(chosen, s, training.steps) for s in steps])
        given = (rates / (1 - beta_1**counts), np.sqrt(1 - beta_2**counts), 1 - rates * decay)
        return tuple(np.asarray(part, dtype=np.float32) for part in given)

    def numbers(tensors):
        return {name: jnp.array(tensors[name].detach().numpy()) for name in names}

    saved = training.resume()
    begun = 0
    zeros = {name: torch.zeros_like(parameter) for name, parameter in training.model.named_parameters()}
    moments = [zeros, zeros]
    engine = {"jax": jax.__version__}
    if saved is not None:
        begun = saved["step"]
        if begun >= last:
            return training.look(begun, engine)
        moments = [saved["first"], saved["second"]]
    carry = (numbers(dict(training.model.named_parameters())), *map(numbers, moments))
    marks = sorted(training.marks)
    wall, processor = time.monotonic(), time.process_time()
    at = begun
    while at < last:
        epoch = at // per_epoch
        mark = next(mark for mark in marks if mark > at)
        until = min(mark, (epoch + 1) * per_epoch)
        parts = [part.numpy() for part in training.shuffled(epoch)]
        size, count = chosen["batch"], len(parts[0])
        begin, end = at % per_epoch, until - epoch * per_epoch
        full = min(end, count // size)
        pieces = []
        if full > begin:
            pieces.append([part[begin * size : full * size].reshape(full - begin, size, *part.shape[1:]) for part in parts])
        if end > full:
            pieces.append([part[None, full * size :] for part in parts])
        for rows, *noise in pieces:
            carry, values = steps_of(carry, (factors(range(at, at + len(rows))), rows, tuple(noise)))
            at += len(rows)
        if epoch % 20 == 0 or at == mark:
            training.note_loss(at, float(values[-1]))
        if at == mark:
            training.spent += time.process_time() - processor
            training.passed += time.monotonic() - wall
            kept = [{name: torch.tensor(np.asarray(part[name])) for name in names} for part in carry]
            training.model.load_state_dict({**training.model.state_dict(), **kept[0]})
            training.save(at, first=kept[1], second=kept[2])
            training.look(at, engine)
            wall, processor = time.monotonic(), time.process_time()
