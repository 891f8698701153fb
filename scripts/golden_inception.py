#!/usr/bin/env python3
"""Writes crates/likely-models/tests/golden/feature-networks.json: features of made-up pictures in made-up networks.

Inception v3 is the module of pytorch-fid, MobileNetV2 is written down here from its paper; both in float64. Weights and pictures follow
an integer formula that the test repeats, so that only features are stored. `single` is how far single precision is from that in PyTorch:
the root mean square of the difference over that of the features. Needs torch 2.x, torchvision, pytorch-fid, clean-fid and
torch-fidelity; nothing is downloaded.

    python scripts/golden_inception.py
"""

import json
import math
from pathlib import Path

import numpy as np
import pytorch_fid.inception as fid
import torch
import torch.nn.functional as F
from cleanfid.resize import build_resizer
from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x

torch.set_num_threads(1)
# Height, width, channels of the pictures.
PICTURES = [(40, 56, 3), (28, 28, 1), (320, 310, 3)]
# Of long rows every so many-th feature is stored.
EVERY = 8


def uniform(key: int, count: int) -> np.ndarray:
    """Numbers in [0, 1) with 32 bits: a mixer of integers (Wellons' lowbias32)."""
    x = np.arange(count, dtype=np.uint32) + np.uint32((key * 0x9E3779B9) % 2**32)
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x7FEB352D)
    x ^= x >> np.uint32(15)
    x *= np.uint32(0x846CA68B)
    x ^= x >> np.uint32(16)
    return x.astype(np.float64) / 2**32


def made_up(key: int, name: str, shape: tuple) -> torch.Tensor:
    """Weights that keep the size of activations; everything else is near one or zero."""
    u = uniform(key, math.prod(shape)) - 0.5
    if len(shape) > 1:
        value = u * math.sqrt(24 / math.prod(shape[1:]))
    elif name.endswith(("bn.weight", "running_var")):
        value = 1 + 0.5 * u
    else:
        value = 0.5 * u
    return torch.tensor(value.astype(np.float32).astype(np.float64).reshape(shape))


def picture(key: int, height: int, width: int, channels: int) -> np.ndarray:
    """Levels that change from place to place, about a slope."""
    noise = uniform(1000 + key, height * width * channels).reshape(channels, height, width)
    slope = np.arange(width)[None, None, :] / width * np.array([0.6, 0.3, 0.1])[:channels, None, None]
    return np.floor(256 * (0.4 * noise + slope)).astype(np.uint8).transpose(1, 2, 0)


def inception() -> fid.InceptionV3:
    fid.load_state_dict_from_url = lambda *_, **__: {}
    strict = torch.nn.Module.load_state_dict
    torch.nn.Module.load_state_dict = lambda self, state, *_, **__: None
    network = fid.InceptionV3([0, 1, 2, 3], resize_input=False, normalize_input=False)
    whole = fid.fid_inception_v3()
    torch.nn.Module.load_state_dict = strict
    names = sorted(n for n in whole.state_dict() if not n.startswith("fc.") and "num_batches" not in n)
    state = whole.state_dict()
    state.update({n: made_up(key, n, tuple(state[n].shape)) for key, n in enumerate(names)})
    whole.double().load_state_dict(state)
    # The blocks of pytorch-fid hold the modules of the whole network in this order.
    order = ["Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", None, "Conv2d_3b_1x1", "Conv2d_4a_3x3", None]
    order += [f"Mixed_{name}" for name in ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c")]
    modules = [module for block in network.blocks for module in block]
    for name, module in zip(order, modules):
        if name:
            module.double().load_state_dict(getattr(whole, name).state_dict())
    return network.double().eval()


def seen(network, x: torch.Tensor) -> list[np.ndarray]:
    """64, 192, 768 and 2048 features of one image."""
    with torch.no_grad():
        network.to(x.dtype)
        return [F.adaptive_avg_pool2d(block, 1).flatten().double().numpy() for block in network(x)]


def grey_to_colour(levels: np.ndarray) -> np.ndarray:
    return np.repeat(levels, 3, axis=2) if levels.shape[2] == 1 else levels


def as_pytorch_fid(levels: np.ndarray) -> torch.Tensor:
    x = torch.tensor(levels.transpose(2, 0, 1)[None]).double() / 255
    return 2 * F.interpolate(x, (299, 299), mode="bilinear", align_corners=False) - 1


def as_clean_fid(levels: np.ndarray) -> torch.Tensor:
    resized = build_resizer("clean")(levels)
    return (torch.tensor(resized.transpose(2, 0, 1)[None]).double() - 128) / 128


def as_torch_fidelity(levels: np.ndarray) -> torch.Tensor:
    x = torch.tensor(levels.transpose(2, 0, 1)[None]).double()
    return (interpolate_bilinear_2d_like_tensorflow1x(x, (299, 299), align_corners=False) - 128) / 128


def with_average(network):
    """The network with an average in its last block, as other Inceptions have."""
    network.blocks[3][2].__class__ = fid.FIDInceptionE_1
    return network


def mobilenet_v2(x: torch.Tensor) -> np.ndarray:
    """1792 features of an image in [-1, 1], shape (1, 3, 224, 224)."""
    key = 0

    def convolution(x, outputs, side, stride, groups=1):
        nonlocal key
        weight = made_up(2000 + 2 * key, "weight", (outputs, x.shape[1] // groups, side, side)).to(x.dtype)
        bias = made_up(2001 + 2 * key, "bias", (outputs,)).to(x.dtype)
        key += 1
        # The padding that TensorFlow calls SAME.
        total = [max((-(-n // stride) - 1) * stride + side - n, 0) for n in x.shape[2:]]
        before = [t // 2 for t in total]
        pad = (before[1], total[1] - before[1], before[0], total[0] - before[0])
        return F.conv2d(F.pad(x, pad), weight, bias, stride=stride, groups=groups)

    x = convolution(x, 48, 3, 2).clip(0, 6)
    table = [(1, 24, 1, 1), (6, 32, 2, 2), (6, 48, 3, 2), (6, 88, 4, 2), (6, 136, 3, 1), (6, 224, 3, 2), (6, 448, 1, 1)]
    for expansion, outputs, count, stride in table:
        for number in range(count):
            y = x
            if expansion > 1:
                y = convolution(y, expansion * x.shape[1], 1, 1).clip(0, 6)
            y = convolution(y, y.shape[1], 3, stride if number == 0 else 1, groups=y.shape[1]).clip(0, 6)
            y = convolution(y, outputs, 1, 1)
            x = x + y if number else y
    return convolution(x, 1792, 1, 1).clip(0, 6).mean((2, 3)).flatten().double().numpy()


def as_pillow_bicubic(levels: np.ndarray, side: int) -> torch.Tensor:
    from PIL import Image

    resized = np.asarray(Image.fromarray(levels).resize((side, side), Image.BICUBIC))
    return torch.tensor(resized.transpose(2, 0, 1)[None]).double() / 255


def numbers(features: np.ndarray, every: int = 1) -> list[float]:
    return [float(f"{value:.9g}") for value in features[::every]]


def main() -> None:
    cases, network = [], inception()

    def add(id, key, of, x, every=EVERY):
        features, single = of(x), of(x.float())
        gap = math.sqrt(np.mean((single - features) ** 2) / np.mean(features**2))
        case = {"id": id, "picture": key, "single": float(f"{gap:.2g}"), "every": every}
        cases.append({**case, "features": numbers(features, every)})
        return features

    def tap(number):
        return lambda x: seen(network, x)[number]

    levels = [grey_to_colour(picture(key, *size)) for key, size in enumerate(PICTURES)]
    for key, image in enumerate(levels):
        for number, features in enumerate([64, 192, 768, 2048]):
            suffix = "" if features == 2048 else f"-{features}"
            add(f"fid-inception-v3{suffix}", key, tap(number), as_pytorch_fid(image), 1 if features < 768 else EVERY)
        add("mobilenet-v2-nsfwjs", key, mobilenet_v2, 2 * as_pillow_bicubic(image, 224) - 1)
    for key in [0, 2]:
        add("clean-fid-inception-v3", key, tap(3), as_clean_fid(levels[key]))
        add("tf1-fid-inception-v3", key, tap(3), as_torch_fidelity(levels[key]))
    maxima = tap(3)(as_pillow_bicubic(levels[0], 299))
    with_average(network)
    averages = add("inception-v3-nsfwjs", 0, tap(3), as_pillow_bicubic(levels[0], 299))
    assert np.abs(maxima - averages).max() > 1e-2
    document = {
        "source": f"scripts/golden_inception.py, torch {torch.__version__}",
        "pictures": [dict(zip(["height", "width", "channels"], size)) for size in PICTURES],
        "cases": cases,
    }
    path = Path(__file__).resolve().parent.parent / "crates/likely-models/tests/golden/feature-networks.json"
    path.write_text(json.dumps(document, separators=(",", ":")) + "\n")
    print(path, len(cases), "cases", path.stat().st_size, "bytes", max(case["single"] for case in cases))


if __name__ == "__main__":
    main()
