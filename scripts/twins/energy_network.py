"""The twin of the energy network of the checkerboard: contrastive divergence with Langevin steps from the data.

The likelihood is that of exp(-E / T) / Z, with Z by the midpoint rule on squares that double until the rest is bounded. T = 1 is the density that the network is taken for; T = noise^2 / (2 step) = 0.01 is the one in which the steps of
training would come to rest.
"""
import math
import re

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


INNER = 4.0


def log_sum(energy, temperature, half, spacing, hole):
    """ln of the integral of exp(-E / T) over [-half, half]^2 without [-hole, hole]^2 by the midpoint rule."""
    count = round(2 * half / spacing)
    axis = (torch.arange(count, dtype=torch.float64) + 0.5) * spacing - half
    sums = []
    for chunk in axis.split(max(1, 400_000 // count)):
        rows = torch.cartesian_prod(chunk, axis)
        rows = rows[rows.abs().amax(dim=1) > hole]
        if len(rows) > 0:
            sums.append(torch.logsumexp(-energy(rows) / temperature, 0))
    return torch.logsumexp(torch.stack(sums), 0).item() + 2 * math.log(spacing)


def log_normaliser(energy, temperature, slope, spacing):
    """ln Z, half the width of the square that was integrated over, and a bound of the share outside it; None without a bound.

    The square doubles, with the spacing, until the rest is below 1e-6 of it. Where E does not grow along every ray there is no Z.
    """
    half = INNER
    total = log_sum(energy, temperature, half, spacing, 0.0)
    while True:
        rest = tail(energy, temperature, slope, half) - total
        if rest < math.log(1e-6):
            return total, half, math.exp(rest)
        if half > 1000:
            return total, half, None
        half, spacing = 2 * half, 2 * spacing
        ring = log_sum(energy, temperature, half, spacing, 0.5 * half)
        total = torch.logsumexp(torch.tensor([total, ring], dtype=torch.float64), 0).item()


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


def likelihood(model, held, final, options):
    spacing = 0.02 if final else 0.08
    angles = torch.linspace(0, 2 * math.pi, 10_001, dtype=torch.float64)
    slope = model.asymptotic_slope(torch.stack([torch.cos(angles), torch.sin(angles)], 1)).min().item()
    energies = model(held)
    facts = {
        "likelihood": f"midpoint rule, spacing {spacing:g} in [-{INNER:g}, {INNER:g}]^2 and doubling outwards",
        "energy_mean": energies.mean().item(), "smallest_asymptotic_slope": slope,
    }
    found = {}
    for label, temperature in TEMPERATURES.items():
        whole, half, outside = log_normaliser(model, temperature, slope, spacing)
        coarse, _, _ = log_normaliser(model, temperature, slope, 2 * spacing)
        inner = log_sum(model, temperature, 3.0, spacing, 0.0)
        log_likelihood = -energies / temperature - whole
        found[label] = log_likelihood
        facts[f"temperature_{label}"] = {
            "held_out_log_likelihood": log_likelihood.mean().item(),
            "standard_error": (log_likelihood.std() / math.sqrt(len(held))).item(), "log_normaliser": whole,
            "change_with_half_the_spacing": whole - coarse, "share_outside_3": 1 - math.exp(inner - whole),
            "half_width": half, "bound_of_share_outside": outside,
        }
    return found["1"], facts


def jax_loss(p, rows, kicks):
    import jax

    def energy(p, x):
        for k in (0, 2):
            x = jax.nn.relu(x @ p[f"network.{k}.weight"].T + p[f"network.{k}.bias"])
        return (x @ p["network.4.weight"].T + p["network.4.bias"])[:, 0]

    x = rows
    for step in range(LANGEVIN_STEPS):
        x = x - STEP * jax.grad(lambda y: energy(p, y).sum())(x) + NOISE * kicks[:, step]
    data, samples = energy(p, rows), energy(p, jax.lax.stop_gradient(x))
    return data.mean() - samples.mean() + PENALTY * ((data**2).mean() + (samples**2).mean())


def name_of_ours(name):
    """What our weights file calls a tensor of this module."""
    return re.sub(r"network\.(\d+)", lambda m: f"network.{int(m[1]) // 2}", name)


def main():
    options = common.arguments(__doc__).parse_args()
    common.begin(options.seed)
    train, held, origin = common.points(options, "checkerboard", 50_000, 10_000)
    chosen = common.settings(options, PUBLISHED)
    model = Energy()
    parameters = list(model.parameters())

    def negatives(rows, kicks):
        x = rows
        for parameter in parameters:
            parameter.requires_grad_(False)
        for step in range(LANGEVIN_STEPS):
            x = x.detach().requires_grad_(True)
            (grad,) = torch.autograd.grad(model(x).sum(), x)
            x = x.detach() - STEP * grad + NOISE * kicks[:, step]
        for parameter in parameters:
            parameter.requires_grad_(True)
        return x.detach()

    def loss(rows, kicks):
        made = negatives(rows, kicks)
        both = model(torch.cat([rows, made]))
        data, samples = both[: len(rows)], both[len(rows) :]
        return data.mean() - samples.mean() + PENALTY * ((data**2).mean() + (samples**2).mean())

    draw = lambda generator, count: (torch.randn(count, LANGEVIN_STEPS, 2, generator=generator),)
    training = common.Run(NAME, options, chosen, model, train, likelihood, held, origin, draw)
    if options.engine == "jax":
        import by_jax

        return by_jax.run(training, jax_loss)
    training.by_torch(loss)


if __name__ == "__main__":
    main()
