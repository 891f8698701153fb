"""The twin of the variational autoencoder of the circle in space; likelihood by importance sampling from its encoder."""
import copy
import math

import torch
from torch.nn import functional

import common

NAME = "vae"
PUBLISHED = {"batch": 512, "epochs": 5000, "optimiser": "adam", "learning-rate": 1e-4}
LOG_2_PI = math.log(2 * math.pi)


class Autoencoder(torch.nn.Module):
    def __init__(self, width=100):
        super().__init__()
        self.encoder = torch.nn.Linear(3, width)
        self.mean_head = torch.nn.Linear(width, 2)
        self.variance_head = torch.nn.Linear(width, 2)
        self.decoder = torch.nn.Sequential(torch.nn.Linear(2, width), torch.nn.ELU(), torch.nn.Linear(width, 3))
        self.log_scale = torch.nn.Parameter(torch.zeros(1))

    def encode(self, x):
        features = functional.elu(self.encoder(x))
        return self.mean_head(features), torch.sigmoid(self.variance_head(features))

    def log_weights(self, x, noise):
        """log p(x, z) - log q(z | x) with z = mean + sqrt(variance) noise; noise may have leading axes."""
        mean, variance = self.encode(x)
        z = mean + torch.sqrt(variance) * noise
        residual = (x - self.decoder(z)) * torch.exp(-self.log_scale)
        log_likelihood = -0.5 * (residual**2).sum(-1) - 3 * self.log_scale - 1.5 * LOG_2_PI
        log_prior = -0.5 * (z**2).sum(-1)
        log_posterior = -0.5 * (noise**2).sum(-1) - 0.5 * torch.log(variance).sum(-1)
        return log_likelihood + log_prior - log_posterior


def main():
    parser = common.arguments(__doc__)
    parser.add_argument("--samples", type=int, default=1000, help="importance samples for each held-out point")
    options = parser.parse_args()
    common.begin(options.seed)
    train, held, origin = common.points(options, "circle-3d", 50_000, 10_000)
    chosen = common.settings(options, PUBLISHED)
    model = Autoencoder()

    def evaluate(step, final):
        samples = options.samples if final else 50
        exact = copy.deepcopy(model).double()
        stream = common.generator(options.seed, common.EVALUATION)
        estimates, bounds, effective = [], [], []
        with torch.no_grad():
            for rows in held.split(100):
                noise = torch.randn(samples, len(rows), 2, generator=stream, dtype=torch.float64)
                weights = exact.log_weights(rows, noise)
                estimates.append(torch.logsumexp(weights, 0) - math.log(samples))
                bounds.append(weights.mean(0))
                effective.append(torch.exp(2 * torch.logsumexp(weights, 0) - torch.logsumexp(2 * weights, 0)))
        facts = {
            "likelihood": "importance sampling from the encoder", "importance_samples": samples,
            "effective_samples_median": torch.cat(effective).median().item(),
            "effective_samples_smallest": torch.cat(effective).min().item(), "bound": torch.cat(bounds).mean().item(),
            "log_scale": model.log_scale.item(),
        }
        return torch.cat(estimates), facts

    def loss(rows, noise):
        return -model.log_weights(rows, torch.randn(len(rows), 2, generator=noise)).mean()

    common.run(NAME, options, chosen, model, train, None, loss, evaluate, origin)


if __name__ == "__main__":
    main()
