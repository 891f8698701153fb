"""The twin of the normalising flow of two moons: 32 affine couplings, forward Kullback-Leibler divergence on fresh points."""
import math
import re

import numpy as np
import torch

import common

NAME = "normalizing-flow"
COUPLINGS = 32
PUBLISHED = {"batch": 512, "steps": 4000, "optimiser": "adam", "learning-rate": 5e-4, "weight-decay": 1e-5}


class Flow(torch.nn.Module):
    """Couplings from the base outwards, each followed by a swap of the coordinates."""

    def __init__(self):
        super().__init__()
        self.maps = torch.nn.ModuleList([
            torch.nn.Sequential(
                torch.nn.Linear(1, 64), torch.nn.ReLU(), torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 2)
            )
            for _ in range(COUPLINGS)
        ])
        for network in self.maps:
            torch.nn.init.zeros_(network[-1].weight)
            torch.nn.init.zeros_(network[-1].bias)
        self.location = torch.nn.Parameter(torch.zeros(2))
        self.log_scale = torch.nn.Parameter(torch.zeros(2))

    def log_density(self, x):
        a, b = x[:, :1], x[:, 1:]
        log_det = 0.0
        for network in reversed(self.maps):
            a, b = b, a
            shift, log_factor = network(a).split(1, dim=1)
            b = (b - shift) * torch.exp(-log_factor)
            log_det = log_det - log_factor[:, 0]
        z = (torch.cat([a, b], dim=1) - self.location) * torch.exp(-self.log_scale)
        return log_det - 0.5 * (z**2).sum(dim=1) - self.log_scale.sum() - math.log(2 * math.pi)


def likelihood(model, held, final, options):
    return model.log_density(held), {"likelihood": "exact"}


def name_of_ours(name):
    """What our weights file calls a tensor of this module."""
    name = name.replace("location", "base.mean").replace("log_scale", "base.log_deviation")
    return re.sub(r"maps\.(\d+)\.(\d+)", lambda m: f"couplings.{m[1]}.{int(m[2]) // 2}", name)


def main():
    options = common.arguments(__doc__).parse_args()
    common.begin(options.seed)
    train, held, origin = common.points(options, "two-moons", None, 10_000)
    chosen = common.settings(options, PUBLISHED)
    model = Flow()

    def fresh(count, step):
        rng = np.random.default_rng([options.seed, common.DATA, 1, step])
        return torch.tensor(common.draw("two-moons", count, rng), dtype=torch.float32)

    if options.engine != "torch":
        raise SystemExit("the flow has no other engine")
    training = common.Run(NAME, options, chosen, model, train, likelihood, held, origin, fresh=fresh)
    training.by_torch(lambda rows: -model.log_density(rows).mean())


if __name__ == "__main__":
    main()
