"""The learned models of the plane in full size, with made-up weights, by the PyTorch modules of scripts/twins and by normflows.

Writes crates/likely-models/tests/golden/learned.json. Needs numpy, torch and normflows. Weights are a formula, so that the file
holds none: tensors are filled in the order in which they are listed, row by row, from one sequence of 32-bit numbers that begins
anew, at 1, for every model,

    s <- 1664525 s + 1013904223 (mod 2^32),    weight = ((s >> 16) / 65536 - 1/2) scale,

which float32 holds exactly, since scales are powers of two. Everything is float64. `third` is the gradient of u' H v.
"""
import json
import math
import pathlib
import sys

import normflows
import numpy as np
import torch
from torch.func import hessian, jacrev, vmap

sys.path.insert(0, str(pathlib.Path(__file__).parent / "twins"))

import autoregressive  # noqa: E402
import diffusion_2d  # noqa: E402
import energy_network  # noqa: E402
import normalizing_flow  # noqa: E402
import vae  # noqa: E402

OUT = pathlib.Path(__file__).parents[1] / "crates/likely-models/tests/golden/learned.json"
SOURCE = (
    f"scripts/golden_learned.py, numpy {np.__version__}, torch {torch.__version__.split('+')[0]}, "
    f"normflows {normflows.__version__}"
)
KINK = 1e-4
torch.set_num_threads(1)


def filled(module, gains=()):
    """The module in float64 with made-up weights, and the list of its tensors under our names."""
    state, listed = 1, []
    model = {
        normalizing_flow: normalizing_flow.Flow, autoregressive: autoregressive.Autoregressive, vae: vae.Autoencoder,
        diffusion_2d: diffusion_2d.Denoiser, energy_network: energy_network.Energy,
    }[module]().double()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            fan_in = parameter.shape[1] if parameter.dim() == 2 else 4
            scale = 2.0 ** round(math.log2(3.0 / math.sqrt(fan_in)))
            for ending, gain in gains:
                if name.endswith(ending):
                    scale *= gain
            values = np.empty(parameter.numel())
            for k in range(len(values)):
                state = (1664525 * state + 1013904223) % 2**32
                values[k] = ((state >> 16) / 65536 - 0.5) * scale
            assert (values.astype(np.float32) == values).all()
            parameter.copy_(torch.tensor(values.reshape(parameter.shape)))
            listed.append({"name": module.name_of_ours(name), "shape": list(parameter.shape), "scale": scale})
    return model, listed


def rows(rng, count, scale=1.0):
    return torch.tensor(np.round(256 * scale * rng.normal(size=(count, 2))) / 256)


def derivatives(potential, at, u, v):
    second = hessian(potential)
    return {
        "at": at, "value": vmap(potential)(at), "grad": vmap(jacrev(potential))(at), "hessian": vmap(second)(at), "u": u,
        "v": v, "third": vmap(jacrev(lambda x, u, v: u @ second(x) @ v))(at, u, v),
    }


def away_from_kinks(model, at, call):
    """The rows of `at` at which no input of a ReLU or ELU is near zero."""
    nearest = []
    hooks = [
        module.register_forward_pre_hook(lambda _, given: nearest.append(given[0].abs().amin(dim=1)))
        for module in model.modules() if isinstance(module, (torch.nn.ReLU, torch.nn.ELU))
    ]
    with torch.no_grad():
        call(at)
    for hook in hooks:
        hook.remove()
    return at[torch.stack(nearest).amin(dim=0) > KINK]


def one(function):
    """A function of one point from one of rows."""
    return lambda x: function(x[None])[0]


def plain(value):
    if isinstance(value, torch.Tensor):
        return value.detach().tolist()
    return value


def main():
    rng = np.random.default_rng(301)
    cases = []

    model, tensors = filled(energy_network)
    at = away_from_kinks(model, rows(rng, 12, 1.5), model)[:5]
    cases.append({"model": "energy-network", "tensors": tensors,
                  **derivatives(one(model), at, rows(rng, 5), rows(rng, 5))})

    model, tensors = filled(normalizing_flow, [(".4.weight", 0.25), (".4.bias", 0.25)])
    negative = lambda x: -model.log_density(x)
    at = away_from_kinks(model, rows(rng, 400, 1.0), model.log_density)[:5]
    assert len(at) == 5
    cases.append({"model": "normalizing-flow", "tensors": tensors,
                  **derivatives(one(negative), at, rows(rng, 5), rows(rng, 5))})
    base = normflows.distributions.base.DiagGaussian(2)
    base.loc.data, base.log_scale.data = model.location.data[None], model.log_scale.data[None]
    flows = []
    for network in model.maps:
        theirs = normflows.nets.MLP([1, 64, 64, 2], init_zeros=True).double()
        theirs.net.load_state_dict({
            f"{index}.{part}": network.state_dict()[f"{index}.{part}"] for index in (0, 2, 4) for part in ("weight", "bias")
        })
        flows += [normflows.flows.AffineCouplingBlock(theirs), normflows.flows.Permute(2, mode="swap")]
    with torch.no_grad():
        theirs = normflows.NormalizingFlow(base.double(), flows).log_prob(at)
        # normflows adds logarithms of determinants up in float32 where it makes zeros by itself.
        gap = (theirs + cases[-1]["value"]).abs().max()
        assert gap < 1e-12 * cases[-1]["value"].abs().max(), gap

    model, tensors = filled(autoregressive)
    cases.append({"model": "autoregressive", "tensors": tensors,
                  **derivatives(one(lambda x: -model.log_density(x)), rows(rng, 5, 1.5), rows(rng, 5), rows(rng, 5))})

    model, tensors = filled(vae)
    decode = lambda z: -model.log_weights(model.decoder(z), torch.zeros(2, dtype=torch.float64))
    at = rows(rng, 5, 1.2)
    cases.append({"model": "vae", "objective": "mean", "tensors": tensors,
                  **derivatives(one(decode), at, rows(rng, 5), rows(rng, 5))})

    model, tensors = filled(diffusion_2d)
    times = torch.tensor([0.0, 3.0, 17.25, 38.0, 49.0], dtype=torch.float64)
    at = rows(rng, 5, 1.2)
    with torch.no_grad():
        noise, divergence = model.with_divergence(at, times)
        assert torch.allclose(noise, model(at, times), rtol=0, atol=1e-13)
    jacobian = vmap(jacrev(lambda x, t: model(x[None], t[None])[0]))(at, times)
    assert torch.allclose(torch.einsum("bii->b", jacobian), divergence, rtol=1e-12, atol=1e-12)
    cases.append({"model": "diffusion-2d", "tensors": tensors, "at": at, "time": times, "noise": noise,
                  "jacobian": jacobian})
    model, tensors = filled(diffusion_2d, [("last.weight", 0.125)])
    for pieces in (1, 2):
        points = at[:3].clone().requires_grad_(True)
        end, total = diffusion_2d.last_step(model, points, pieces)
        value = 0.5 * (end**2).sum(dim=1) + math.log(2 * math.pi) - total
        (grad,) = torch.autograd.grad(value.sum(), points)
        cases.append({"model": "diffusion-2d", "likelihood": "flow", "pieces": pieces, "tensors": tensors, "at": at[:3],
                      "value": value, "grad": grad, "end": end})

    lines = ",\n".join(json.dumps({key: plain(entry) for key, entry in case.items()}) for case in cases)
    OUT.write_text(f'{{"source": {json.dumps(SOURCE)}, "cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
