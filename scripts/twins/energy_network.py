"""The twin of the energy network of the checkerboard: contrastive divergence with Langevin steps from the data.

The likelihood is that of exp(-E / T) / Z, with Z by the midpoint rule on a square that is wide enough for the rest to be
bounded. T = 1 is the density that the network is taken for; T = noise^2 / (2 step) = 0.01 is the one in which the steps of
training would come to rest.
"""
import copy
import math

import numpy as np
import torch

import common

NAME = "energy-network"
PUBLISHED = {"batch": 128, "epochs": 1000, "optimiser": "adam", "learning-rate": 1e-4, "clip": 1.0}
LANGEVIN_STEPS, STEP, NOISE = 10, 0.1, 0.1 * math.sqrt(0.2)
PENALTY = 0.001
TEMPERATURES = {"1": 1.0, "0.01": 0.01}


class Energy(torch.nn.Module):
    def __init__(self, hidden=128):
        super().__init__()
        self.network = torch.nn.Sequential(
            torch.nn.Linear(2, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, hidden), torch.nn.ReLU(),
            torch.nn.Linear(hidden, 1),
        )

    def forward(self, x):
        return self.network(x)[:, 0]

    def asymptotic_slope(self, directions):
        """lim E(r u) / r: the network without its biases, which is homogeneous."""
        y = directions
        for layer in self.network:
            y = y @ layer.weight.T if isinstance(layer, torch.nn.Linear) else layer(y)
        return y[:, 0]


def log_normaliser(energy, temperature, half, spacing):
    """ln of the integral of exp(-E / T) over [-half, half]^2 by the midpoint rule."""
    count = round(2 * half / spacing)
    axis = (torch.arange(count, dtype=torch.float64) + 0.5) * spacing - half
    sums = []
    for chunk in axis.split(max(1, 400_000 // count)):
        rows = torch.cartesian_prod(chunk, axis)
        sums.append(torch.logsumexp(-energy(rows) / temperature, 0))
    return torch.logsumexp(torch.stack(sums), 0).item() + 2 * math.log(spacing)


def tail(energy, temperature, slope, half):
    """ln of a bound of the integral outside [-half, half]^2, if along every ray beyond it E grows at least as `slope`.

    Whether it does is looked at on rays; the bound starts from the smallest energy on the circle inscribed in the square.
    """
    angles = torch.linspace(0, 2 * math.pi, 2001, dtype=torch.float64)
    directions = torch.stack([torch.cos(angles), torch.sin(angles)], 1)
    smallest = energy(half * directions).min().item()
    farther = energy(1.5 * half * directions)
    steepness = ((farther - energy(half * directions)) / (0.5 * half)).min().item()
    rate = min(slope, steepness) / temperature
    if rate <= 0:
        return math.inf
    # Integral over r from half to infinity of exp(-rate (r - half)) r dr, and around the circle.
    return -smallest / temperature + math.log(2 * math.pi * (half / rate + 1 / rate**2))


def main():
    parser = common.arguments(__doc__)
    parser.add_argument("--half", type=float, default=12.0, help="half the width of the square that is integrated over")
    options = parser.parse_args()
    common.begin(options.seed)
    train, held, origin = common.points(options, "checkerboard", 50_000, 10_000)
    chosen = common.settings(options, PUBLISHED)
    model = Energy()

    def evaluate(step, final):
        exact = copy.deepcopy(model).double()
        spacing, half = (0.02, options.half) if final else (0.05, 6.0)
        angles = torch.linspace(0, 2 * math.pi, 10_001, dtype=torch.float64)
        facts = {"likelihood": f"midpoint rule on [-{half:g}, {half:g}]^2, spacing {spacing:g}"}
        with torch.no_grad():
            slope = exact.asymptotic_slope(torch.stack([torch.cos(angles), torch.sin(angles)], 1)).min().item()
            energies = exact(held)
            facts["energy_mean"], facts["smallest_asymptotic_slope"] = energies.mean().item(), slope
            found = {}
            for label, temperature in TEMPERATURES.items():
                whole = log_normaliser(exact, temperature, half, spacing)
                coarse = log_normaliser(exact, temperature, half, 2 * spacing)
                inner = log_normaliser(exact, temperature, 3.0, spacing)
                outside = tail(exact, temperature, slope, half)
                log_likelihood = -energies / temperature - whole
                found[label] = log_likelihood
                facts[f"temperature_{label}"] = {
                    "held_out_log_likelihood": log_likelihood.mean().item(), "log_normaliser": whole,
                    "change_with_half_the_spacing": whole - coarse, "share_outside_3": 1 - math.exp(inner - whole),
                    "bound_of_share_outside_square": math.exp(min(outside - whole, 700.0)) if math.isfinite(outside) else None,
                    "standard_error": (log_likelihood.std() / math.sqrt(len(held))).item(),
                }
        return found["1"], facts

    parameters = list(model.parameters())

    def negatives(rows, noise):
        x = rows
        for parameter in parameters:
            parameter.requires_grad_(False)
        for _ in range(LANGEVIN_STEPS):
            x = x.detach().requires_grad_(True)
            (grad,) = torch.autograd.grad(model(x).sum(), x)
            x = x.detach() - STEP * grad + NOISE * torch.randn(x.shape, generator=noise)
        for parameter in parameters:
            parameter.requires_grad_(True)
        return x.detach()

    def loss(rows, noise):
        made = negatives(rows, noise)
        both = model(torch.cat([rows, made]))
        data, samples = both[: len(rows)], both[len(rows) :]
        return data.mean() - samples.mean() + PENALTY * ((data**2).mean() + (samples**2).mean())

    common.run(NAME, options, chosen, model, train, None, loss, evaluate, origin)


if __name__ == "__main__":
    main()
