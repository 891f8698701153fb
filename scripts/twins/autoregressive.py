"""The twin of the autoregressive Gaussian of the noisy sine: a Gaussian, and a Gaussian with mean and deviation from a network."""
import math
import re

import torch

import common

NAME = "autoregressive"
PUBLISHED = {"batch": 512, "epochs": 10_000, "optimiser": "adam", "learning-rate": 5.1e-3, "weight-decay": 1e-5}


class Autoregressive(torch.nn.Module):
    def __init__(self, hidden=64):
        super().__init__()
        self.mean = torch.nn.Parameter(torch.zeros(1))
        self.log_deviation = torch.nn.Parameter(torch.zeros(1))
        self.network = torch.nn.Sequential(
            torch.nn.Linear(1, hidden), torch.nn.Tanh(), torch.nn.Linear(hidden, hidden), torch.nn.Tanh(),
            torch.nn.Linear(hidden, hidden), torch.nn.Tanh(), torch.nn.Linear(hidden, 2),
        )

    def log_density(self, x):
        first, second = x[:, :1], x[:, 1:]
        mean, log_deviation = self.network(first).split(1, dim=1)
        z = torch.cat([
            (first - self.mean) * torch.exp(-self.log_deviation), (second - mean) * torch.exp(-log_deviation)
        ], dim=1)
        return -0.5 * (z**2).sum(dim=1) - self.log_deviation - log_deviation[:, 0] - math.log(2 * math.pi)


def likelihood(model, held, final, options):
    return model.log_density(held), {"likelihood": "exact"}


def jax_loss(p, x):
    import jax.numpy as jnp

    h = x[:, :1]
    for k in (0, 2, 4):
        h = jnp.tanh(h @ p[f"network.{k}.weight"].T + p[f"network.{k}.bias"])
    out = h @ p["network.6.weight"].T + p["network.6.bias"]
    first = (x[:, 0] - p["mean"]) * jnp.exp(-p["log_deviation"])
    second = (x[:, 1] - out[:, 0]) * jnp.exp(-out[:, 1])
    return (0.5 * (first**2 + second**2) + p["log_deviation"] + out[:, 1]).mean() + math.log(2 * math.pi)


def name_of_ours(name):
    """What our weights file calls a tensor of this module."""
    if name in ("mean", "log_deviation"):
        return f"first.{name}"
    return re.sub(r"network\.(\d+)", lambda m: f"second.{int(m[1]) // 2}", name)


def main():
    options = common.arguments(__doc__).parse_args()
    common.begin(options.seed)
    train, held, origin = common.points(options, "sine", 50_000, 10_000)
    chosen = common.settings(options, PUBLISHED)
    model = Autoregressive()

    training = common.Run(NAME, options, chosen, model, train, likelihood, held, origin)
    if options.engine == "jax":
        import by_jax

        return by_jax.run(training, jax_loss)
    training.by_torch(lambda rows: -model.log_density(rows).mean())


if __name__ == "__main__":
    main()
