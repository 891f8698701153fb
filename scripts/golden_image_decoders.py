#!/usr/bin/env python3
"""Writes crates/likely-models/tests/golden/image-decoders.json: derivatives of decoders of images, by PyTorch in float64.

Rows of Jacobians are taken backwards (jacrev), tensors and products with directions forwards (jacfwd, jvp), and the gradients of <w, J v>
backwards through the latter. Weights, points and directions follow the integer formula of golden_image_networks.py.
Run with torch 2.x: python scripts/golden_image_decoders.py
"""

import json
from pathlib import Path

import torch
from golden_image_networks import Celeba, Gan, Small, Svhn, fill, uniform
from torch.func import grad, jacfwd, jacrev, jvp


def derivatives(decode, latent: int, pixels: int, step: int) -> dict:
    z = (4 * uniform(1000, 2 * latent) - 2).reshape(2, -1)
    v = (4 * uniform(1010, 2 * latent) - 2).reshape(2, -1)
    w = (2 * uniform(1011, 2 * pixels) - 1).reshape(2, -1)
    one = lambda z: decode(z[None])[0]
    thinned = lambda z: one(z)[::step]
    jacobians = [jacfwd(one)(z) for z in z]
    return {
        "image": [thinned(z).tolist() for z in z],
        "jacobian": [jacrev(thinned)(z).flatten().tolist() for z in z],
        "tensor-row": [(j.T @ j)[1].tolist() for j in jacobians],
        "push-forward": [jvp(one, (z,), (v,))[1][::step].tolist() for z, v in zip(z, v)],
        "bilinear-gradient": [
            grad(lambda z: (w * jvp(one, (z,), (v,))[1]).sum())(z).tolist() for z, v, w in zip(z, v, w)
        ],
    }


def main() -> None:
    golden = {"source": f"scripts/golden_image_decoders.py, torch {torch.__version__.split('+')[0]}"}
    for name, model, step in [("small", Small(), 97), ("svhn", Svhn(), 419), ("celeba", Celeba(), 1531)]:
        fill(model)
        golden[name] = derivatives(model.decode, model.latent, model.pixels, step)
    model = Gan()
    fill(model)
    golden["gan"] = derivatives(model.generate, 32, 784, 97)
    path = Path(__file__).parents[1] / "crates/likely-models/tests/golden/image-decoders.json"
    path.write_text(json.dumps(golden) + "\n")


main()
