"""The twin of the autoregressive Gaussian of the noisy sine: a Gaussian, and a Gaussian with mean and deviation from a network."""
import copy
import math

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


def main():
    options = common.arguments(__doc__).parse_args()
    common.begin(options.seed)
    train, held, origin = common.points(options, "sine", 50_000, 10_000)
    chosen = common.settings(options, PUBLISHED)
    model = Autoregressive()

    def evaluate(step, final):
        with torch.no_grad():
            return copy.deepcopy(model).double().log_density(held), {"likelihood": "exact"}

    loss = lambda rows, noise: -model.log_density(rows).mean()
    common.run(NAME, options, chosen, model, train, None, loss, evaluate, origin)


if __name__ == "__main__":
    main()
