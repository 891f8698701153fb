#!/usr/bin/env python3
"""Writes crates/likely-models/tests/golden/image-networks.json: networks of images, evaluated by PyTorch in float64.

Weights, latent points and images follow an integer formula that the test repeats, so that only results are stored.
Run with torch 2.x: python scripts/golden_image_networks.py
"""

import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


def uniform(key: int, count: int) -> torch.Tensor:
    """Numbers in [0, 1) with 32 bits."""
    return torch.tensor([((i + 1) * 2654435761 + (key + 1) * 40503 * 65537) % 2**32 / 2**32 for i in range(count)])


def fill(module: nn.Module) -> None:
    state = {name: tensor for name, tensor in module.state_dict().items() if "num_batches" not in name}
    # PyTorch's modules have a method `double`.
    for key, name in enumerate(sorted(state, key=lambda name: name.replace("double_", "double"))):
        tensor = state[name]
        u = uniform(key, tensor.numel()) - 0.5
        if tensor.dim() > 1:
            value = 3.0 * u / math.sqrt(tensor.numel() / tensor.shape[0])
        elif name.endswith(".weight") or name.endswith(".running_var"):
            value = 1.0 + 0.5 * u
        else:
            value = 0.5 * u
        state[name] = value.to(torch.float32).to(torch.float64).reshape(tensor.shape)
    module.load_state_dict(state, strict=False)
    module.eval()


class Vae(nn.Module):
    def bound(self, images):
        """Minus the evidence bound with the mean of the encoder for the latent point."""
        mean, log_variance = self.encode(images)
        gaps = (images - self.decode(mean)).pow(2).sum(1)
        pixels = images.shape[1]
        log_q = torch.distributions.Normal(mean, (0.5 * log_variance).exp()).log_prob(mean).sum(1)
        log_p = torch.distributions.Normal(0.0, 1.0).log_prob(mean).sum(1)
        scale = self.log_scale.exp()
        log_x = -0.5 * gaps / scale**2 - pixels * (self.log_scale + 0.5 * math.log(2 * math.pi))
        return log_q - log_p - log_x


class Small(Vae):
    latent, pixels = 16, 784

    def __init__(self):
        super().__init__()
        self.encoder = nn.ModuleList(
            [nn.Conv2d(1, 16, 4, 2, 1), nn.Conv2d(16, 32, 4, 2, 1), nn.Conv2d(32, 64, 3, 2, 1)]
        )
        self.mean, self.log_variance = nn.Linear(1024, 16), nn.Linear(1024, 16)
        self.decoder = nn.ModuleDict(
            {
                "first": nn.Linear(16, 1024),
                "2": nn.ConvTranspose2d(64, 32, 3, 2, 1),
                "1": nn.ConvTranspose2d(32, 16, 4, 2, 1),
                "0": nn.ConvTranspose2d(16, 1, 4, 2, 1),
            }
        )
        self.log_scale = nn.Parameter(torch.zeros(1))

    def encode(self, images):
        x = images.reshape(-1, 1, 28, 28)
        for layer in self.encoder:
            x = F.silu(layer(x))
        return self.mean(x.flatten(1)), self.log_variance(x.flatten(1))

    def decode(self, z):
        x = self.decoder["first"](z).reshape(-1, 64, 4, 4)
        for name in "210":
            x = self.decoder[name](F.silu(x))
        return torch.sigmoid(x.flatten(1))


class Svhn(Vae):
    """The layers of the authors' VAE_svhn.py, with its names."""

    latent, pixels = 32, 3072
    down_kernel, up_kernels, last_stride = 2, (2, 2, 2, 2, 2), 2

    def __init__(self):
        super().__init__()
        down, up = [3, 32, 32, 64, 64], [256, 64, 64, 32, 32, 3]
        for k in range(1, 5):
            setattr(self, f"h_con{k}", nn.Conv2d(down[k - 1], down[k], self.down_kernel, 2, bias=False))
            setattr(self, f"h_batch{k}", nn.BatchNorm2d(down[k]))
        self.h_fc, self.h_batch5 = nn.Linear(256, 256), nn.BatchNorm1d(256)
        self.h_mean, self.h_std = nn.Linear(256, 32), nn.Linear(256, 32)
        self.g_fc, self.g_batch1 = nn.Linear(32, 256), nn.BatchNorm1d(256)
        for k in range(1, 6):
            stride = 2 if k < 5 else self.last_stride
            setattr(self, f"g_tcon{k}", nn.ConvTranspose2d(up[k - 1], up[k], self.up_kernels[k - 1], stride))
            if k < 5:
                setattr(self, f"g_batch{k + 1}", nn.BatchNorm2d(up[k]))
        self.log_scale = nn.Parameter(torch.zeros(1))

    def encode(self, images):
        side = math.isqrt(self.pixels // 3)
        x = images.reshape(-1, 3, side, side)
        for k in range(1, 5):
            x = F.elu(getattr(self, f"h_batch{k}")(getattr(self, f"h_con{k}")(x)))
        x = F.elu(self.h_batch5(self.h_fc(x.flatten(1))))
        return self.h_mean(x), 2 * torch.sigmoid(self.h_std(x)).log()

    def decode(self, z):
        x = F.elu(self.g_batch1(self.g_fc(z))).reshape(-1, 256, 1, 1)
        for k in range(1, 5):
            x = F.elu(getattr(self, f"g_batch{k + 1}")(getattr(self, f"g_tcon{k}")(x)))
        return self.g_tcon5(x).flatten(1)


class Celeba(Svhn):
    """The layers of the authors' VAE_celeba.py: others in size alone."""

    latent, pixels = 32, 12288
    down_kernel, up_kernels, last_stride = 4, (6, 4, 4, 4, 3), 1


class Gan(nn.Module):
    def __init__(self):
        super().__init__()
        self.generator = nn.ModuleDict(
            {
                "first": nn.Linear(32, 1536),
                "norms": nn.ModuleList([nn.GroupNorm(8, c) for c in (24, 48, 96)]),
                "2": nn.ConvTranspose2d(96, 48, 3, 2, 1),
                "1": nn.ConvTranspose2d(48, 24, 4, 2, 1),
                "0": nn.ConvTranspose2d(24, 1, 4, 2, 1),
            }
        )
        self.discriminator = nn.ModuleDict(
            {
                "0": nn.Conv2d(1, 24, 4, 2, 1),
                "1": nn.Conv2d(24, 48, 4, 2, 1),
                "2": nn.Conv2d(48, 96, 3, 2, 1),
                "last": nn.Linear(1536, 1),
            }
        )

    def generate(self, z):
        x = self.generator["first"](z).reshape(-1, 96, 4, 4)
        for k in (2, 1, 0):
            x = self.generator[str(k)](F.silu(self.generator["norms"][k](x)))
        return torch.sigmoid(x.flatten(1))

    def discriminate(self, images):
        x = (2 * images - 1).reshape(-1, 1, 28, 28)
        for k in "012":
            x = F.silu(self.discriminator[k](x))
        return self.discriminator["last"](x.flatten(1)).squeeze(1)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        channels = [1, 16, 32, 32]
        self.convolutions = nn.ModuleList([nn.Conv2d(a, b, 3, 2, 1) for a, b in zip(channels, channels[1:])])
        self.norms = nn.ModuleList([nn.GroupNorm(8, c) for c in channels[1:]])
        self.features, self.classes = nn.Linear(512, 64), nn.Linear(64, 10)

    def forward(self, images):
        x = (2 * images - 1).reshape(-1, 1, 28, 28)
        for convolution, norm in zip(self.convolutions, self.norms):
            x = F.silu(norm(convolution(x)))
        features = F.silu(self.features(x.flatten(1)))
        return features, F.log_softmax(self.classes(features), 1)


class Block(nn.Module):
    def __init__(self, inputs, outputs, time):
        super().__init__()
        self.norm = nn.ModuleList([nn.GroupNorm(8, inputs), nn.GroupNorm(8, outputs)])
        self.convolution = nn.ModuleList(
            [nn.Conv2d(inputs, outputs, 3, padding=1), nn.Conv2d(outputs, outputs, 3, padding=1)]
        )
        self.time = nn.Linear(time, outputs)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else None

    def forward(self, x, time):
        h = self.convolution[0](F.silu(self.norm[0](x))) + self.time(time)[:, :, None, None]
        h = self.convolution[1](F.silu(self.norm[1](h)))
        return h + (x if self.skip is None else self.skip(x))


class UNet(nn.Module):
    def __init__(self, w):
        super().__init__()
        self.time = nn.ModuleList([nn.Linear(32, 4 * w), nn.Linear(4 * w, 4 * w)])
        self.first, self.last_norm, self.last = (
            nn.Conv2d(1, w, 3, padding=1),
            nn.GroupNorm(8, w),
            nn.Conv2d(w, 1, 3, padding=1),
        )
        self.halve = nn.ModuleList([nn.Conv2d(w, 2 * w, 3, 2, 1), nn.Conv2d(2 * w, 3 * w, 3, 2, 1)])
        self.double_ = nn.ModuleList([nn.Conv2d(2 * w, w, 3, padding=1), nn.Conv2d(3 * w, 2 * w, 3, padding=1)])
        self.down = nn.ModuleList([Block(w, w, 4 * w), Block(2 * w, 2 * w, 4 * w)])
        self.middle = Block(3 * w, 3 * w, 4 * w)
        self.up = nn.ModuleList([Block(2 * w, w, 4 * w), Block(4 * w, 2 * w, 4 * w)])

    def forward(self, x, steps):
        angles = steps[:, None] * 10000 ** (-torch.arange(16, device=steps.device) / 15)
        time = torch.cat([angles.sin(), angles.cos()], 1).to(x.dtype)
        for layer in self.time:
            time = F.silu(layer(time))
        side = math.isqrt(x.shape[1])
        fine = self.down[0](self.first(x.reshape(-1, 1, side, side)), time)
        coarse = self.down[1](self.halve[0](fine), time)
        x = self.middle(self.halve[1](coarse), time)
        x = F.interpolate(self.double_[1](x), scale_factor=2, mode="nearest")
        x = self.up[1](torch.cat([x, coarse], 1), time)
        x = F.interpolate(self.double_[0](x), scale_factor=2, mode="nearest")
        x = self.up[0](torch.cat([x, fine], 1), time)
        return self.last(F.silu(self.last_norm(x))).flatten(1)


def kept(curve: str, steps: int) -> list[float]:
    if curve == "linear":
        betas = torch.linspace(1e-4 * 1000 / steps, 0.02 * 1000 / steps, steps).clamp(max=0.999)
    else:
        left = lambda t: math.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2
        betas = torch.tensor([min(1 - left((k + 1) / steps) / left(k / steps), 0.999) for k in range(steps)])
    return torch.cumprod(1 - betas, 0).tolist()


def ddim(network, x, share, halts):
    """From the last halt down to the image, in the form of Song et al.: a predicted image, and noise added to it again."""
    for upper, lower in zip(reversed(halts), [*reversed(halts[:-1]), None]):
        a, b = share[upper], 1.0 if lower is None else share[lower]
        noise = network(x, torch.full((len(x),), float(upper), device=x.device, dtype=x.dtype))
        image = (x - math.sqrt(1 - a) * noise) / math.sqrt(a)
        x = math.sqrt(b) * image + math.sqrt(1 - b) * noise
    return x


def marginal(sde: str, t: float) -> tuple[float, float, float]:
    """Factor of the mean, deviation and squared diffusion, from the moments' differential equations in 4000 steps.

    dm/dt = -(beta/2) m and dv/dt = -beta v + g^2; for sub-VP g^2 = beta (1 - exp(-2 int beta)).
    """
    steps = 4000
    h = t / steps
    beta = lambda s: 0.1 + 19.9 * s
    whole = lambda s: 0.1 * s + 19.9 * s * s / 2
    g2 = lambda s: beta(s) * (1.0 if sde == "vp" else 1 - math.exp(-2 * whole(s)))
    rate = lambda s, m, v: (-0.5 * beta(s) * m, -beta(s) * v + g2(s))
    m, v = 1.0, 0.0
    for k in range(steps):
        s = k * h
        a = rate(s, m, v)
        b = rate(s + h / 2, m + h / 2 * a[0], v + h / 2 * a[1])
        c = rate(s + h / 2, m + h / 2 * b[0], v + h / 2 * b[1])
        d = rate(s + h, m + h * c[0], v + h * c[1])
        m += h / 6 * (a[0] + 2 * b[0] + 2 * c[0] + d[0])
        v += h / 6 * (a[1] + 2 * b[1] + 2 * c[1] + d[1])
    return m, math.sqrt(v), g2(t)


def flow_likelihood(network, x: torch.Tensor) -> float:
    """log p of the sub-VP probability flow by 2000 classical Runge-Kutta steps, the trace from one gradient a pixel."""
    beta = lambda t: 0.1 + 19.9 * t
    kept = lambda t: math.exp(-(0.1 * t + 9.95 * t * t))

    def rate(t, x):
        of_noise = 0.5 * beta(t) * (1 + kept(t))
        rows = x.repeat(len(x), 1).requires_grad_()
        noise = network(rows, torch.full((len(x),), 999 * t))
        (slopes,) = torch.autograd.grad(noise.diagonal().sum(), rows)
        noise, trace = noise[0].detach(), slopes.diagonal().sum()
        return -0.5 * beta(t) * x + of_noise * noise, -0.5 * beta(t) * len(x) + of_noise * trace

    steps, total = 2000, 0.0
    places = [1e-5 + (1 - 1e-5) * k / steps for k in range(steps + 1)]
    for a, b in zip(places, places[1:]):
        h = b - a
        k1, l1 = rate(a, x)
        k2, l2 = rate(a + h / 2, x + h / 2 * k1)
        k3, l3 = rate(a + h / 2, x + h / 2 * k2)
        k4, l4 = rate(b, x + h * k3)
        x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        total = total + h / 6 * (l1 + 2 * l2 + 2 * l3 + l4)
    normal = torch.distributions.Normal(0.0, 1.0).log_prob(x).sum()
    return float(normal + total)


def main() -> None:
    golden = {}
    for name, model in [("small", Small()), ("svhn", Svhn()), ("celeba", Celeba())]:
        fill(model)
        z = (4 * uniform(1000, 2 * model.latent) - 2).reshape(2, -1).requires_grad_()
        images = uniform(1001, 2 * model.pixels).reshape(2, -1)
        mean, _ = model.encode(images)
        decoded = model.decode(z)
        bound = model.bound(decoded)
        bound.sum().backward()
        golden[name] = {
            "mean": mean.tolist(),
            "decoded": decoded.detach()[:, :: 145 if name == "celeba" else 29].clamp(0, 1).tolist(),
            "bound": bound.tolist(),
            "gradient": z.grad.tolist(),
        }
    model = Gan()
    fill(model)
    z = (4 * uniform(1000, 64) - 2).reshape(2, 32).requires_grad_()
    generated = model.generate(z)
    potential = 0.5 * z.pow(2).sum(1) - model.discriminate(generated)
    potential.sum().backward()
    golden["gan"] = {
        "generated": generated.detach()[:, ::29].tolist(),
        "logits": model.discriminate(uniform(1001, 2 * 784).reshape(2, -1)).tolist(),
        "potential": potential.tolist(),
        "gradient": z.grad.tolist(),
    }
    model = Classifier()
    fill(model)
    features, log = model(uniform(1001, 2 * 784).reshape(2, -1))
    golden["classifier"] = {"features": features.tolist(), "log-probabilities": log.tolist()}
    model = UNet(8)
    fill(model)
    x = (4 * uniform(1002, 2 * 784) - 2).reshape(2, -1)
    with torch.no_grad():
        golden["unet"] = {
            str(step): model(x, torch.full((2,), float(step)))[:, ::13].tolist() for step in (0, 500, 999)
        }
        share = kept("linear", 1000)
        # The first three of five halts: every 200th step.
        image = ddim(model, x, share, [199, 399, 599])
        golden["ddim"] = (0.5 * image + 0.5).clamp(0, 1)[:, ::13].tolist()
        model = UNet(8)
        fill(model)
        x = (4 * uniform(1003, 2 * 64) - 2).reshape(2, -1)
        golden["score-sde"] = {
            f"{sde} {t}": (-model(x, torch.full((2,), 999 * t)) / marginal(sde, t)[1]).tolist()
            for sde, t in [("sub-vp", 0.05), ("sub-vp", 0.6), ("vp", 0.3)]
        }
    golden["marginals"] = {
        f"{sde} {t}": marginal(sde, t) for sde in ("sub-vp", "vp") for t in (0.01, 0.1, 0.5, 1.0)
    }
    with torch.no_grad():
        model.last.weight *= 0.1
    golden["flow-likelihood"] = [flow_likelihood(model, 0.5 * x[0, :16])]
    golden["schedules"] = {
        f"{curve} {steps}": [kept(curve, steps)[k] for k in (0, steps // 3, steps // 2, steps - 1)]
        for curve in ("linear", "cosine")
        for steps in (100, 1000)
    }
    path = Path(__file__).parents[1] / "crates/likely-models/tests/golden/image-networks.json"
    golden = {"source": f"scripts/golden_image_networks.py, torch {torch.__version__.split('+')[0]}", **golden}
    path.write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
