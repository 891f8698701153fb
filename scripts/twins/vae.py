"""The twin of the variational autoencoder of the circle in space; likelihood by importance sampling from its encoder."""
import math
import re

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


def likelihood(model, held, final, options):
    samples = options.samples if final else 50
    stream = common.generator(options.seed, common.EVALUATION)
    estimates, bounds, effective = [], [], []
    for rows in held.split(100):
        noise = torch.randn(samples, len(rows), 2, generator=stream, dtype=torch.float64)
        weights = model.log_weights(rows, noise)
        estimates.append(torch.logsumexp(weights, 0) - math.log(samples))
        bounds.append(weights.mean(0))
        effective.append(torch.exp(2 * torch.logsumexp(weights, 0) - torch.logsumexp(2 * weights, 0)))
    return torch.cat(estimates), {
        "likelihood": "importance sampling from the encoder", "importance_samples": samples,
        "effective_samples_median": torch.cat(effective).median().item(),
        "effective_samples_smallest": torch.cat(effective).min().item(), "bound": torch.cat(bounds).mean().item(),
        "log_scale": model.log_scale.item(),
    }


def jax_loss(p, x, noise):
    import jax
    import jax.numpy as jnp

    layer = lambda name, y: y @ p[f"{name}.weight"].T + p[f"{name}.bias"]
    features = jax.nn.elu(layer("encoder", x))
    mean, variance = layer("mean_head", features), jax.nn.sigmoid(layer("variance_head", features))
    z = mean + jnp.sqrt(variance) * noise
    residual = (x - layer("decoder.2", jax.nn.elu(layer("decoder.0", z)))) * jnp.exp(-p["log_scale"])
    log_likelihood = -0.5 * (residual**2).sum(1) - 3 * p["log_scale"] - 1.5 * LOG_2_PI
    log_posterior = -0.5 * (noise**2).sum(1) - 0.5 * jnp.log(variance).sum(1)
    return -(log_likelihood - 0.5 * (z**2).sum(1) - log_posterior).mean()


def name_of_ours(name):
    """What our weights file calls a tensor of this module."""
    return re.sub(r"decoder\.(\d+)", lambda m: f"decoder.{int(m[1]) // 2}", name)


def add_arguments(parser):
    parser.add_argument("--samples", type=int, default=1000, help="importance samples for each held-out point")


def main():
    parser = common.arguments(__doc__)
    add_arguments(parser)
    options = parser.parse_args()
    common.begin(options.seed)
    train, held, origin = common.points(options, "circle-3d", 50_000, 10_000)
    chosen = common.settings(options, PUBLISHED)
    model = Autoencoder()

    draw = lambda generator, count: (torch.randn(count, 2, generator=generator),)
    training = common.Run(NAME, options, chosen, model, train, likelihood, held, origin, draw)
    if options.engine == "jax":
        import by_jax

        return by_jax.run(training, jax_loss)
    training.by_torch(lambda rows, noise: -model.log_weights(rows, noise).mean())


if __name__ == "__main__":
    main()
