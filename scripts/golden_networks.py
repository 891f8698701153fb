"""Small networks, learned and analytic densities, and optimiser steps in float64, by PyTorch, normflows and mpmath.

Writes crates/likely-networks/tests/golden/{perceptrons,vector-perceptrons,optimiser-steps}.json and
crates/likely-models/tests/golden/{coupling-flow,autoregressive,circle-vae,diffusion-2d,two-moons,noisy-sine}.json.
Needs numpy, torch, normflows and mpmath. Weights are multiples of 1/256, so that they are the same numbers in float32.
A potential S is in nats; `third` is the gradient of u' H v, with H the Hessian of S. Matrices are lists of rows; a linear
layer is y = weight x + bias, as torch.nn.Linear stores it. Derivatives are by automatic differentiation, or by mpmath where
the header of the file names it. Points are kept away from kinks of their networks, where second derivatives are undefined.
"""
import json
import math
import pathlib

import mpmath
import normflows
import numpy as np
import torch
from torch.func import hessian, jacrev, vmap

ROOT = pathlib.Path(__file__).parents[1] / "crates"
NETWORKS = ROOT / "likely-networks/tests/golden"
MODELS = ROOT / "likely-models/tests/golden"
VERSIONS = f"numpy {np.__version__}, torch {torch.__version__.split('+')[0]}"
SOURCE = f"scripts/golden_networks.py, {VERSIONS}"
BY_FLOWS = f"{SOURCE}, normflows {normflows.__version__}"
BY_DIGITS = f"{SOURCE}, mpmath {mpmath.__version__}"
KINK = 2e-3

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)

ACTIVATIONS = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "elu": torch.nn.functional.elu,
    "silu": torch.nn.functional.silu,
    "gelu": torch.nn.functional.gelu,
    "sigmoid": torch.sigmoid,
    "softplus": torch.nn.functional.softplus,
}
KINKED = {"relu", "elu"}


def write(folder, name, cases, conventions, source=SOURCE):
    lines = ",\n".join(json.dumps(case) for case in cases)
    header = f'"source": {json.dumps(source)}, "conventions": {json.dumps(conventions)}'
    (folder / name).write_text(f'{{{header}, "cases": [\n{lines}\n]}}\n')


def dyadic(rng, *shape, scale=1.0):
    return torch.tensor(np.round(256 * scale * rng.normal(size=shape)) / 256)


def perceptron(rng, sizes, gain=1.2):
    """Layers of about the spread that keeps activations of order one, with biases that are not small."""
    return [
        {"weight": dyadic(rng, out, fan_in, scale=gain / math.sqrt(fan_in)), "bias": dyadic(rng, out, scale=0.4 * gain)}
        for fan_in, out in zip(sizes, sizes[1:])
    ]


def forward(layers, x, activation, kinks=None):
    for i, layer in enumerate(layers):
        x = layer["weight"] @ x + layer["bias"]
        if i + 1 < len(layers):
            if kinks is not None:
                kinks.append(x.abs().min().item())
            x = ACTIVATIONS[activation](x)
    return x


def plain(value):
    if isinstance(value, torch.Tensor):
        return value.tolist()
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [plain(entry) for entry in value]
    return value


def derivatives(potential, at, u, v):
    """Value, gradient, Hessian and third derivatives of a function of one point, at rows."""
    second = hessian(potential)

    def along(x, u, v):
        return u @ second(x) @ v

    return {
        "at": at, "value": vmap(potential)(at), "grad": vmap(jacrev(potential))(at), "hessian": vmap(second)(at),
        "u": u, "v": v, "third": vmap(jacrev(along))(at, u, v),
    }


def away_from_kinks(rng, count, dim, distance, scale=1.0):
    """Points at which `distance` to the nearest kink of a network is not small."""
    points = []
    while len(points) < count:
        x = dyadic(rng, dim, scale=scale)
        if distance(x) > KINK:
            points.append(x)
    return torch.stack(points)


def perceptrons(rng):
    cases = []
    for activation in ACTIVATIONS:
        layers = perceptron(rng, [2, 5, 4, 1])

        def distance(x):
            kinks = []
            forward(layers, x, activation, kinks)
            return min(kinks) if activation in KINKED else 1.0

        at = away_from_kinks(rng, 6, 2, distance, scale=1.5)
        cases.append({
            "activation": activation, "layers": layers,
            **derivatives(lambda x: forward(layers, x, activation)[0], at, dyadic(rng, 6, 2), dyadic(rng, 6, 2)),
        })
    write(NETWORKS, "perceptrons.json", [plain(case) for case in cases], {
        "value": "the one output; no activation after the last layer",
        "elu": "alpha 1", "gelu": "x Phi(x) with the error function", "silu": "x sigmoid(x)", "softplus": "ln(1 + e^x)",
        "third": "gradient of u' H v with respect to the point",
    })

    cases = []
    for activation in ACTIVATIONS:
        layers = perceptron(rng, [3, 6, 6, 2])

        def distance(x):
            kinks = []
            forward(layers, x, activation, kinks)
            return min(kinks) if activation in KINKED else 1.0

        at = away_from_kinks(rng, 5, 3, distance, scale=1.5)
        jacobian = vmap(jacrev(lambda x: forward(layers, x, activation)))(at)
        cotangent = dyadic(rng, 5, 2)

        def loss(flat, x, y):
            sizes = [tuple(entry.shape) for layer in layers for entry in layer.values()]
            pieces = torch.split(flat, [math.prod(size) for size in sizes])
            entries = [piece.reshape(size) for piece, size in zip(pieces, sizes)]
            rebuilt = [{"weight": w, "bias": b} for w, b in zip(entries[0::2], entries[1::2])]
            return ((forward(rebuilt, x, activation) - y) ** 2).mean()

        flat = torch.cat([entry.reshape(-1) for layer in layers for entry in layer.values()])
        target = dyadic(rng, 5, 2)
        mean_loss = lambda flat: vmap(loss, (None, 0, 0))(flat, at, target).mean()
        grads = torch.split(jacrev(mean_loss)(flat), [e.numel() for layer in layers for e in layer.values()])
        shaped = iter(grads)
        cases.append({
            "activation": activation, "layers": layers, "at": at,
            "output": vmap(lambda x: forward(layers, x, activation))(at),
            "cotangent": cotangent, "pulled_back": torch.einsum("bo,boi->bi", cotangent, jacobian),
            "target": target, "squared_error": mean_loss(flat),
            "weight_grads": [
                {name: next(shaped).reshape(entry.shape) for name, entry in layer.items()} for layer in layers
            ],
        })
    write(NETWORKS, "vector-perceptrons.json", [plain(case) for case in cases], {
        "pulled_back": "cotangent' J, with J the Jacobian of the outputs with respect to the point",
        "squared_error": "mean over the batch and the outputs of (output - target)^2; weight_grads is its gradient",
    })


def optimiser_steps(rng):
    """Given gradients that do not depend on the parameters, so that every step is judged by itself."""
    cases = []
    settings = [
        ("adam", {"lr": 0.05}, None),
        ("adam", {"lr": 5e-4, "weight_decay": 1e-5}, None),
        ("adam", {"lr": 0.02, "weight_decay": 0.3}, None),
        ("adam", {"lr": 0.02, "weight_decay": 0.3}, 1.0),
        ("adam", {"lr": 0.02, "betas": (0.8, 0.95), "eps": 1e-4}, 0.5),
        ("adamw", {"lr": 0.02, "weight_decay": 0.01}, None),
        ("adamw", {"lr": 0.05, "weight_decay": 0.3}, 1.0),
        ("adamw", {"lr": 0.05, "weight_decay": 0.3, "betas": (0.5, 0.9), "eps": 1e-3}, None),
    ]
    for name, config, clip in settings:
        parameters = [torch.nn.Parameter(dyadic(rng, 2, 3)), torch.nn.Parameter(dyadic(rng, 4))]
        start = [p.detach().clone() for p in parameters]
        optimiser = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[name](parameters, **config)
        group = optimiser.param_groups[0]
        steps = []
        for step in range(8):
            grads = [dyadic(rng, *p.shape, scale=[0.2, 2.0][step % 2]) for p in parameters]
            if step == 5:
                grads = [torch.zeros_like(g) for g in grads]
            for parameter, grad in zip(parameters, grads):
                parameter.grad = grad.clone()
            norm = None
            if clip is not None:
                norm = torch.nn.utils.clip_grad_norm_(parameters, clip).item()
            optimiser.step()
            steps.append({"grads": grads, "norm": norm, "parameters": [p.detach().clone() for p in parameters]})
        cases.append({
            "optimiser": name, "learning_rate": group["lr"], "betas": list(group["betas"]), "epsilon": group["eps"],
            "weight_decay": group["weight_decay"], "clip": clip, "start": start, "steps": steps,
        })
    write(NETWORKS, "optimiser-steps.json", [plain(case) for case in cases], {
        "clip": "the norm over all parameters; gradients are multiplied by min(1, clip / (norm + 1e-6)); null: none",
        "adam": "weight decay is added to the (clipped) gradient",
        "adamw": "parameters are multiplied by 1 - learning_rate * weight_decay before the step",
        "norm": "of the gradients before clipping; null without clipping",
    })


def coupling_flow(rng):
    cases = []
    for couplings, hidden in [(4, [6, 5]), (3, [8])]:
        maps = [perceptron(rng, [1, *hidden, 2], gain=0.6) for _ in range(couplings)]
        location, log_scale = dyadic(rng, 2, scale=0.3), dyadic(rng, 2, scale=0.3)

        def to_base(x, kinks=None):
            log_det = torch.zeros(())
            for layers in reversed(maps):
                x = torch.stack([x[1], x[0]])
                shift, log_factor = forward(layers, x[:1], "relu", kinks)
                x = torch.stack([x[0], (x[1] - shift) * torch.exp(-log_factor)])
                log_det = log_det - log_factor
            return x, log_det

        def potential(x):
            z, log_det = to_base(x)
            standard = (z - location) * torch.exp(-log_scale)
            return 0.5 * (standard**2).sum() + log_scale.sum() + math.log(2 * math.pi) - log_det

        base = normflows.distributions.base.DiagGaussian(2)
        base.loc.data, base.log_scale.data = location[None], log_scale[None]
        flows = []
        for layers in maps:
            network = normflows.nets.MLP([1, *hidden, 2], init_zeros=True)
            linear = [module for module in network.net if isinstance(module, torch.nn.Linear)]
            for module, layer in zip(linear, layers):
                module.weight.data, module.bias.data = layer["weight"], layer["bias"]
            flows += [normflows.flows.AffineCouplingBlock(network), normflows.flows.Permute(2, mode="swap")]
        model = normflows.NormalizingFlow(base, flows)

        def distance(x):
            kinks = []
            to_base(x, kinks)
            return min(kinks)

        at = away_from_kinks(rng, 8, 2, distance, scale=1.2)
        case = derivatives(potential, at, dyadic(rng, 8, 2), dyadic(rng, 8, 2))
        with torch.no_grad():
            theirs = model.log_prob(at)
            assert torch.allclose(-case["value"], theirs, rtol=1e-13, atol=1e-13), (case["value"], theirs)
            latent = model.inverse(at)
            assert torch.allclose(latent, vmap(lambda x: to_base(x)[0])(at), rtol=1e-12, atol=1e-12)
            back = model.forward(latent)
            assert torch.allclose(back, at, rtol=1e-11, atol=1e-11)
        cases.append({
            "maps": maps, "location": location, "log_scale": log_scale, **case, "latent": latent,
        })
    write(MODELS, "coupling-flow.json", [plain(case) for case in cases], {
        "from_base": "for each map in order: (a, b) -> (a, b exp(s(a)) + t(a)), then the coordinates are swapped",
        "map": "a perceptron of one input with relu whose outputs are [t, s]: shift first, then the logarithm of the factor",
        "base": "Gaussian of mean location and standard deviations exp(log_scale), both trained",
        "value": "-log density, normalised", "latent": "the point of the base that the flow carries to `at`",
    }, BY_FLOWS)


def autoregressive(rng):
    cases = []
    for hidden in [[6, 5, 4], [7, 7, 7]]:
        layers = perceptron(rng, [1, *hidden, 2])
        mean, log_deviation = dyadic(rng, 1, scale=0.3)[0], dyadic(rng, 1, scale=0.5)[0]

        def potential(x):
            mean_2, log_deviation_2 = forward(layers, x[:1], "tanh")
            first = 0.5 * ((x[0] - mean) * torch.exp(-log_deviation)) ** 2 + log_deviation
            second = 0.5 * ((x[1] - mean_2) * torch.exp(-log_deviation_2)) ** 2 + log_deviation_2
            return first + second + math.log(2 * math.pi)

        def checked(x):
            mean_2, log_deviation_2 = forward(layers, x[:1], "tanh")
            return -(
                torch.distributions.Normal(mean, log_deviation.exp()).log_prob(x[0])
                + torch.distributions.Normal(mean_2, log_deviation_2.exp()).log_prob(x[1])
            )

        case = derivatives(potential, dyadic(rng, 7, 2, scale=1.5), dyadic(rng, 7, 2), dyadic(rng, 7, 2))
        for x, value in zip(case["at"], case["value"]):
            assert math.isclose(checked(x).item(), value.item(), rel_tol=1e-13)
        cases.append({"mean": mean, "log_deviation": log_deviation, "layers": layers, **case})
    write(MODELS, "autoregressive.json", [plain(case) for case in cases], {
        "density": "N(x1; mean, exp(log_deviation)^2) N(x2; m(x1), exp(s(x1))^2), with [m, s] the outputs of a tanh perceptron",
        "value": "-log density, normalised",
    })


def circle_vae(rng):
    """The encoder sees the decoded point; noise is given, so that every objective is a function of the latent point."""
    cases = []
    for width, scale in [(6, 0.25), (9, -1.25)]:
        encoder, decoder = perceptron(rng, [3, width])[0], perceptron(rng, [2, width, 3])
        mean_head, variance_head = perceptron(rng, [width, 2])[0], perceptron(rng, [width, 2])[0]
        log_scale = torch.tensor(scale)

        def encode(x, kinks=None):
            pre = encoder["weight"] @ x + encoder["bias"]
            if kinks is not None:
                kinks.append(pre.abs().min().item())
            features = torch.nn.functional.elu(pre)
            mean = mean_head["weight"] @ features + mean_head["bias"]
            return mean, torch.sigmoid(variance_head["weight"] @ features + variance_head["bias"])

        def decode(z, kinks=None):
            return forward(decoder, z, "elu", kinks)

        def sampled(z, noise, kinks=None):
            """Negative evidence bound of decode(z) with one sample, and that sample."""
            x = decode(z, kinks)
            mean, variance = encode(x, kinks)
            deviation = torch.sqrt(variance)
            sample = mean + deviation * noise
            decoded = decode(sample, kinks)
            log_q = -0.5 * (noise**2).sum() - torch.log(deviation).sum() - math.log(2 * math.pi)
            log_p = -0.5 * (sample**2).sum() - math.log(2 * math.pi)
            residual = (x - decoded) * torch.exp(-log_scale)
            log_likelihood = -0.5 * (residual**2).sum() - 3 * log_scale - 1.5 * math.log(2 * math.pi)
            return log_q - log_p - log_likelihood, sample

        def independent(z, noise, kinks=None):
            return torch.stack([sampled(z, row, kinks)[0] for row in noise]).mean()

        def walk(z, noise, kinks=None):
            bounds = []
            for row in noise:
                bound, z = sampled(z, row, kinks)
                bounds.append(bound)
            return torch.stack(bounds).mean()

        def check(z, noise):
            """By torch's distributions."""
            x = decode(z)
            mean, variance = encode(x)
            q = torch.distributions.Normal(mean, variance.sqrt())
            p = torch.distributions.Normal(torch.zeros(2), torch.ones(2))
            sample = mean + variance.sqrt() * noise
            likelihood = torch.distributions.Normal(decode(sample), log_scale.exp()).log_prob(x).sum()
            return (q.log_prob(sample) - p.log_prob(sample)).sum() - likelihood

        shared = {
            "encoder": encoder, "mean_head": mean_head, "variance_head": variance_head, "decoder": decoder,
            "log_scale": log_scale,
        }
        for name, objective, noise in [
            ("fixed-noise", independent, dyadic(rng, 10, 2)),
            ("released", walk, dyadic(rng, 10, 2)),
            ("mean", independent, torch.zeros(1, 2)),
        ]:
            def distance(z):
                kinks = []
                objective(z, noise, kinks)
                return min(kinks)

            at = away_from_kinks(rng, 4, 2, distance, scale=1.2)
            case = derivatives(lambda z: objective(z, noise), at, dyadic(rng, 4, 2), dyadic(rng, 4, 2))
            assert math.isclose(check(at[0], noise[0]).item(), sampled(at[0], noise[0])[0].item(), rel_tol=1e-13)
            cases.append({"objective": name, **shared, "noise": noise, **case})
        data = dyadic(rng, 4, 3)
        cases[-1]["data"] = data
        cases[-1]["encoded_mean"] = vmap(lambda x: encode(x)[0])(data)
        cases[-1]["encoded_variance"] = vmap(lambda x: encode(x)[1])(data)
        # The bound and the importance-weighted estimate at data points, with the last case's networks.
        rows = dyadic(rng, 5, 2)

        def log_weights(x):
            mean, variance = encode(x)
            samples = mean + variance.sqrt() * rows
            log_q = torch.distributions.Normal(mean, variance.sqrt()).log_prob(samples).sum(1)
            log_p = torch.distributions.Normal(torch.zeros(2), torch.ones(2)).log_prob(samples).sum(1)
            decoded = torch.stack([decode(s) for s in samples])
            return torch.distributions.Normal(decoded, log_scale.exp()).log_prob(x).sum(1) + log_p - log_q

        weights = torch.stack([log_weights(x) for x in data])
        cases[-1]["importance_noise"] = rows
        cases[-1]["bound"] = weights.mean(dim=1)
        cases[-1]["importance_estimate"] = torch.logsumexp(weights, 1) - math.log(len(rows))
    write(MODELS, "circle-vae.json", [plain(case) for case in cases], {
        "encoder": "h = elu(W x + b); mean = mean_head h; variance = sigmoid(variance_head h), the variance and not its root",
        "bound": "x = decode(z), (m, v) = encode(x), s = m + sqrt(v) noise, value = log N(s; m, v) - log N(s; 0, I) "
                 "- log N(x; decode(s), exp(log_scale)^2 I): no term is left out",
        "fixed-noise": "mean over the rows of noise, each at z", "mean": "one row of zeros",
        "released": "mean over the rows of noise in order, where each sample s is the z of the next",
        "data": "bound and importance_estimate at data points: mean and log-mean-exp of log p(x, s) - log q(s | x) over "
                "the rows of importance_noise",
    })


def diffusion(rng):
    """The network of the two-dimensional denoiser: sinusoidal embeddings and residual blocks."""
    cases = []
    steps = 50
    betas = torch.linspace(1e-4, 0.02, steps)
    kept = torch.cumprod(1 - betas, 0)
    for size, hidden, blocks in [(8, 6, 3), (12, 5, 2)]:
        half = size // 2
        frequencies = torch.exp(-math.log(10000.0) / (half - 1) * torch.arange(half))

        def embed(value, scale):
            angles = value * scale * frequencies
            return torch.cat([torch.sin(angles), torch.cos(angles)])

        first = {"weight": dyadic(rng, hidden, 3 * size, scale=0.3), "bias": dyadic(rng, hidden, scale=0.3)}
        inner = [perceptron(rng, [hidden, hidden])[0] for _ in range(blocks)]
        last = perceptron(rng, [hidden, 2])[0]
        gelu = torch.nn.functional.gelu

        def noise(x, t):
            y = torch.cat([embed(x[0], 25.0), embed(x[1], 25.0), embed(t, 1.0)])
            y = gelu(first["weight"] @ y + first["bias"])
            for layer in inner:
                y = y + gelu(layer["weight"] @ y + layer["bias"])
            return last["weight"] @ y + last["bias"]

        times = torch.tensor([0.0, 1.0, 7.0, 24.0, 49.0, 11.25])
        at, cotangent = dyadic(rng, 6, 2, scale=1.5), dyadic(rng, 6, 2)
        jacobian = vmap(jacrev(noise))(at, times)
        cases.append({
            "embedding": size, "first": first, "blocks": inner, "last": last, "at": at, "time": times,
            "noise": vmap(noise)(at, times), "jacobian": jacobian, "divergence": torch.einsum("bii->b", jacobian),
            "cotangent": cotangent, "pulled_back": torch.einsum("bo,boi->bi", cotangent, jacobian),
        })
    chosen = [0, 3, 49]
    factors = (-1 / torch.sqrt(1 - kept[chosen])).tolist()
    cases[0] = {**cases[0], "kept": kept, "score_time": chosen, "score_factor": factors}
    write(MODELS, "diffusion-2d.json", [plain(case) for case in cases], {
        "embedding": "of a number y: sin(y f_k) for all k, then cos(y f_k); f_k = 10000^(-k / (size / 2 - 1))",
        "input": "embedding of 25 x1, of 25 x2, of the step t, in this order",
        "network": "gelu(first), then y + gelu(block y) for each block, then last; gelu with the error function",
        "jacobian": "row o, column i: derivative of predicted noise o by x_i; pulled_back = cotangent' jacobian",
        "kept": "products of 1 - beta, with beta linear from 1e-4 to 0.02 over 50 steps",
        "score_factor": "the score is this times the predicted noise, at score_time",
    })


def by_digits(potential, at, u, v):
    """Derivatives by mpmath of the definition, in 40 digits."""
    mpmath.mp.dps = 40

    def partial(x, orders):
        if not any(orders):
            return potential(*x)
        return mpmath.diff(potential, tuple(x), tuple(orders))

    units = [(1, 0), (0, 1)]
    rows = {"value": [], "grad": [], "hessian": [], "third": []}
    for row, p, q in zip(at.tolist(), u.tolist(), v.tolist()):
        x = [mpmath.mpf(c) for c in row]
        add = lambda *orders: tuple(map(sum, zip(*orders)))
        rows["value"].append(float(partial(x, (0, 0))))
        rows["grad"].append([float(partial(x, i)) for i in units])
        rows["hessian"].append([[float(partial(x, add(i, j))) for j in units] for i in units])
        third = {orders: partial(x, orders) for orders in [(3, 0), (2, 1), (1, 2), (0, 3)]}
        rows["third"].append([
            float(sum(mpmath.mpf(p[i]) * mpmath.mpf(q[j]) * third[add(units[i], units[j], k)]
                      for i in range(2) for j in range(2)))
            for k in units
        ])
    return {"at": at.tolist(), "u": u.tolist(), "v": v.tolist(), **rows}


def two_moons(rng):
    mpmath.mp.dps = 30

    def unnormalised(x, y):
        """-log of the two-moons target of normflows without its constant, in a form without absolute values."""
        ring = ((mpmath.sqrt(x * x + y * y) - 2) / mpmath.mpf("0.2")) ** 2 / 2
        moons = [-(((x - c) / mpmath.mpf("0.3")) ** 2) / 2 for c in (2, -2)]
        return ring - mpmath.log(mpmath.exp(moons[0]) + mpmath.exp(moons[1]))

    # In polar coordinates the radius is cut where the ring is below 1e-40, and the angle folded onto a quarter.
    radii = [mpmath.mpf(0), mpmath.mpf("0.5"), 1, mpmath.mpf("1.5"), 2, mpmath.mpf("2.5"), 3, 4, 5]
    angles = [k * mpmath.pi / 8 for k in range(5)]

    def moment(power):
        def integrand(r, a):
            s = unnormalised(r * mpmath.cos(a), r * mpmath.sin(a))
            return r * mpmath.exp(-s) * s**power

        return 4 * mpmath.quad(integrand, radii, angles)

    mpmath.mp.dps = 20
    normaliser = moment(0)
    entropy = moment(1) / normaliser + mpmath.log(normaliser)
    target = normflows.distributions.TwoMoons()
    at = torch.cat([
        dyadic(rng, 6, 2, scale=1.5),
        torch.tensor([[1.6, 1.2], [1.6, -1.2], [0.0, 2.0], [1e-3, -1.75], [-2.0, 0.0], [0.0, 0.25], [4.0, -5.0]]),
    ])
    case = by_digits(lambda x, y: unnormalised(x, y) + mpmath.log(normaliser), at,
                     dyadic(rng, len(at), 2), dyadic(rng, len(at), 2))
    theirs = target.log_prob(at) - float(mpmath.log(normaliser))
    assert torch.allclose(-torch.tensor(case["value"]), theirs, rtol=1e-12, atol=1e-12)
    case = {"normaliser": float(normaliser), "entropy": float(entropy), **case}
    write(MODELS, "two-moons.json", [case], {
        "density": "exp(-((|x| - 2) / 0.2)^2 / 2) (exp(-((x1 - 2) / 0.3)^2 / 2) + exp(-((x1 + 2) / 0.3)^2 / 2)) / normaliser",
        "value": "-log density, normalised over the plane", "entropy": "nats",
    }, f"{BY_DIGITS}, normflows {normflows.__version__}")


def noisy_sine(rng):
    cases = []
    for spread, noise in [("sqrt(3)", "0.05"), ("2", "0.3")]:
        mpmath.mp.dps = 40
        deviation = mpmath.sqrt(3) if spread == "sqrt(3)" else mpmath.mpf(spread)
        small = mpmath.mpf(noise)

        def potential(x, y):
            first = (x / deviation) ** 2 / 2 + mpmath.log(deviation)
            second = ((y - mpmath.sin(x)) / small) ** 2 / 2 + mpmath.log(small)
            return first + second + mpmath.log(2 * mpmath.pi)

        x = dyadic(rng, 9, 2, scale=1.2)
        x[:6, 1] = torch.sin(x[:6, 0]) + dyadic(rng, 6, scale=0.08)
        x[8] = torch.tensor([-0.5, math.sin(-2.0)])
        case = by_digits(potential, x, dyadic(rng, 9, 2), dyadic(rng, 9, 2))
        one = 0.5 * (1 + mpmath.log(2 * mpmath.pi))
        conditional = one + mpmath.log(small)
        uniform = mpmath.log(2 * mpmath.pi) / 2 + mpmath.log(deviation) + 9 / (6 * deviation**2)
        cases.append({
            "deviation": float(deviation), "noise": float(small), "entropy": float(one + mpmath.log(deviation) + conditional),
            "cross_entropy_of_uniform": float(uniform + conditional),
            "entropy_of_uniform": float(mpmath.log(6) + conditional), **case,
        })
    write(MODELS, "noisy-sine.json", cases, {
        "density": "N(x1; 0, deviation^2) N(x2; sin x1, noise^2)", "value": "-log density, normalised",
        "entropy": "of this density, nats",
        "cross_entropy_of_uniform": "mean of value when x1 is uniform on [-3, 3] and x2 as in the density: what a trained "
                                    "model of this form cannot beat for deviation sqrt(3)",
        "entropy_of_uniform": "entropy of that data distribution itself",
    }, BY_DIGITS)


if __name__ == "__main__":
    perceptrons(np.random.default_rng(101))
    optimiser_steps(np.random.default_rng(102))
    coupling_flow(np.random.default_rng(103))
    autoregressive(np.random.default_rng(104))
    circle_vae(np.random.default_rng(105))
    diffusion(np.random.default_rng(106))
    two_moons(np.random.default_rng(107))
    noisy_sine(np.random.default_rng(108))
