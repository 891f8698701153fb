"""The twin of the two-dimensional denoising diffusion model; likelihood by the probability-flow ODE with exact divergence.

Between the 50 steps ln of the kept share is interpolated linearly and the network is asked at fractional steps. Data are
taken as points of step 0. The published 50 steps end with 60 % of the data kept, so a standard normal is a poor model of the last
step: beside the likelihood with that normal stands the one with a Gaussian of the moments of the noised training points.
"""
import math

import torch
from torch.nn import functional

import common

NAME = "diffusion-2d"
STEPS = 50
PUBLISHED = {
    "batch": 32, "epochs": 200, "optimiser": "adamw", "learning-rate": 1e-3, "weight-decay": 0.01, "clip": 1.0,
}


class Denoiser(torch.nn.Module):
    def __init__(self, embedding=128, hidden=128, blocks=3):
        super().__init__()
        half = embedding // 2
        steps = torch.arange(half, dtype=torch.float64)
        self.register_buffer("frequencies", torch.exp(-math.log(10000.0) / (half - 1) * steps).float())
        self.first = torch.nn.Linear(3 * embedding, hidden)
        self.blocks = torch.nn.ModuleList([torch.nn.Linear(hidden, hidden) for _ in range(blocks)])
        self.last = torch.nn.Linear(hidden, 2)

    def embed(self, x, t):
        angles = torch.cat([25.0 * x, t[:, None].to(x)], dim=1)[:, :, None] * self.frequencies
        return torch.cat([torch.sin(angles), torch.cos(angles)], dim=2).flatten(1)

    def forward(self, x, t):
        y = functional.gelu(self.first(self.embed(x, t)))
        for block in self.blocks:
            y = y + functional.gelu(block(y))
        return self.last(y)

    def with_divergence(self, x, t):
        """Predicted noise and its divergence, by carrying the two tangents through the network."""
        half = len(self.frequencies)
        embedded = self.embed(x, t)
        parts = embedded.view(len(x), 3, 2, half)
        tangents = torch.zeros(2, len(x), 3, 2, half, dtype=x.dtype)
        for k in range(2):
            tangents[k, :, k, 0] = 25.0 * self.frequencies * parts[:, k, 1]
            tangents[k, :, k, 1] = -25.0 * self.frequencies * parts[:, k, 0]
        y, tangents = self.first(embedded), tangents.flatten(2) @ self.first.weight.T
        slope = gelu_slope(y)
        y, tangents = functional.gelu(y), tangents * slope
        for block in self.blocks:
            inner = block(y)
            tangents = tangents + (tangents @ block.weight.T) * gelu_slope(inner)
            y = y + functional.gelu(inner)
        tangents = tangents @ self.last.weight.T
        return self.last(y), tangents[0, :, 0] + tangents[1, :, 1]


def gelu_slope(x):
    """Derivative of x Phi(x)."""
    return 0.5 * (1 + torch.erf(x / math.sqrt(2))) + x * torch.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)


def kept_shares():
    return torch.cumprod(1 - torch.linspace(1e-4, 0.02, STEPS, dtype=torch.float64), 0)


def last_step(model, x, pieces):
    """Points carried to the last step by the probability-flow ODE, and the integral of the divergence; classical Runge-Kutta."""
    logs = torch.log(kept_shares())

    def field(x, t, slope, log_kept):
        noise, divergence = model.with_divergence(x, torch.full((len(x),), t, dtype=x.dtype))
        factor = 0.5 * slope
        root = math.sqrt(-math.expm1(log_kept))
        return factor * (x - noise / root), factor * (2 - divergence / root)

    total = torch.zeros(len(x), dtype=x.dtype)
    h = 1.0 / pieces
    for step in range(STEPS - 1):
        slope = (logs[step + 1] - logs[step]).item()
        for piece in range(pieces):
            t = step + piece * h
            at = lambda dt: logs[step].item() + slope * (piece * h + dt)
            a, da = field(x, t, slope, at(0))
            b, db = field(x + 0.5 * h * a, t + 0.5 * h, slope, at(0.5 * h))
            c, dc = field(x + 0.5 * h * b, t + 0.5 * h, slope, at(0.5 * h))
            d, dd = field(x + h * c, t + h, slope, at(h))
            x = x + h / 6 * (a + 2 * b + 2 * c + d)
            total = total + h / 6 * (da + 2 * db + 2 * dc + dd)
    return x, total


def likelihood(model, held, final, options):
    rows = held[: options.points] if final else held[:100]
    pieces = options.pieces if final else 1
    end, total = last_step(model, rows, pieces)
    standard = torch.distributions.MultivariateNormal(torch.zeros(2).double(), torch.eye(2).double())
    log_likelihood = standard.log_prob(end) + total
    facts = {"likelihood": f"probability-flow ODE, exact divergence, {pieces} Runge-Kutta steps a diffusion step"}
    if options.last_step is not None:
        beside = options.last_step.log_prob(end) + total
        facts["with_matched_gaussian"] = beside.mean().item()
        facts["with_matched_gaussian_standard_error"] = (beside.std() / math.sqrt(len(rows))).item()
    if final:
        end, total = last_step(model, rows, max(1, pieces // 2))
        facts["change_from_twice_the_step"] = (log_likelihood - standard.log_prob(end) - total).mean().item()
    return log_likelihood, facts


def matched(train):
    """The Gaussian of the moments of the noised training points at the last step."""
    kept = kept_shares()[-1]
    covariance = kept * torch.cov(train.double().T) + (1 - kept) * torch.eye(2)
    return torch.distributions.MultivariateNormal(math.sqrt(kept) * train.double().mean(0), covariance)


def jax_loss(p, model, rows, wanted, t):
    import jax
    import jax.numpy as jnp

    kept = kept_shares()
    root_kept, root_lost = (jnp.array(torch.sqrt(share).float().numpy()) for share in (kept, 1 - kept))
    noised = root_kept[t][:, None] * rows + root_lost[t][:, None] * wanted
    inputs = jnp.concatenate([25.0 * noised, t[:, None].astype(noised.dtype)], axis=1)
    angles = inputs[:, :, None] * jnp.array(model.frequencies.numpy())
    y = jnp.concatenate([jnp.sin(angles), jnp.cos(angles)], axis=2).reshape(len(rows), -1)
    layer = lambda name, y: y @ p[f"{name}.weight"].T + p[f"{name}.bias"]
    y = jax.nn.gelu(layer("first", y), approximate=False)
    for k in range(len(model.blocks)):
        y = y + jax.nn.gelu(layer(f"blocks.{k}", y), approximate=False)
    return ((layer("last", y) - wanted) ** 2).mean()


def name_of_ours(name):
    """What our weights file calls a tensor of this module."""
    return name


def add_arguments(parser):
    parser.add_argument("--pieces", type=int, default=2, help="Runge-Kutta steps between two steps of the diffusion")
    parser.add_argument("--points", type=int, default=1000, help="held-out points that are evaluated")


def main():
    parser = common.arguments(__doc__)
    add_arguments(parser)
    options = parser.parse_args()
    common.begin(options.seed)
    train, held, origin = common.points(options, "half-moons", 8000, 2000)
    options.last_step = matched(train)
    chosen = common.settings(options, PUBLISHED)
    model = Denoiser()
    kept = kept_shares()
    root_kept, root_lost = torch.sqrt(kept).float(), torch.sqrt(1 - kept).float()

    def draw(generator, count):
        return torch.randn(count, 2, generator=generator), torch.randint(0, STEPS, (count,), generator=generator)

    def loss(rows, wanted, t):
        noised = root_kept[t, None] * rows + root_lost[t, None] * wanted
        return functional.mse_loss(model(noised, t), wanted)

    training = common.Run(NAME, options, chosen, model, train, likelihood, held, origin, draw)
    if options.engine == "jax":
        import by_jax

        return by_jax.run(training, lambda p, rows, wanted, t: jax_loss(p, model, rows, wanted, t))
    training.by_torch(loss)


if __name__ == "__main__":
    main()
