#!/usr/bin/env python3
"""Writes the networks of the npm package nsfwjs 4.3.0 (MIT, Infinite Red) as safetensors, for the feature networks
`inception-v3-nsfwjs` and `mobilenet-v2-nsfwjs`. Needs numpy.

    npm pack nsfwjs@4.3.0
    python scripts/nsfwjs_weights.py nsfwjs-4.3.0.tgz FOLDER

The package holds levels of 8 bits with a minimum and a step for each tensor. The Inception gets the tensor names of pytorch-fid; it has no
scale after normalisation, which is written as ones. The last layers of both are left out. Networks that tell unwanted pictures from
others: distances with their features are no FID, and comparable with no published number.
"""

import argparse
import base64
import hashlib
import re
import tarfile
from pathlib import Path

import numpy as np

from safetensors_files import write

SHA256 = "4496790efc9bdc6f3e85a826a8e482c1fa1e9db4b3d18c095e98cc0c73cfb12f"
NOTICE = {
    "source": "npm nsfwjs 4.3.0, dist/models",
    "licence": "MIT, copyright (c) 2019 Infinite Red, Inc.",
}


def tensors(package: tarfile.TarFile, model: str) -> dict:
    """All tensors of a model, in single precision."""
    folder = f"package/dist/models/{model}"
    text = package.extractfile(f"{folder}/model.min.js").read().decode()
    entry = r'\{name:"([^"]+)",shape:\[([\d,]*)\],dtype:"float32",quantization:\{min:([^,]+),scale:([^,]+),dtype:"uint8"\}\}'
    entries = re.findall(entry, text)
    paths = re.search(r"paths:\[([^\]]+)\]", text).group(1).replace('"', "").split(",")
    data = b""
    for path in paths:
        shard = package.extractfile(f"{folder}/{path}.min.js").read().decode()
        data += base64.b64decode(max(re.findall(r'"([A-Za-z0-9+/=]+)"', shard), key=len))
    found, start = {}, 0
    for name, shape, least, step in entries:
        shape = [int(n) for n in shape.split(",") if n]
        levels = np.frombuffer(data, np.uint8, int(np.prod(shape)), start).reshape(shape)
        found[name] = levels.astype(np.float32) * np.float32(step) + np.float32(least)
        start += levels.size
    if start != len(data):
        raise SystemExit(f"{folder}: its tensors take {start} bytes, but there are {len(data)}")
    return found


def inception_names() -> list[str]:
    """Convolutions in the order in which Keras numbers them."""
    names = ["Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3"]
    a = ["branch1x1", "branch5x5_1", "branch5x5_2", "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3", "branch_pool"]
    b = ["branch3x3", "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"]
    c = ["branch1x1", *(f"branch7x7_{k}" for k in (1, 2, 3)), *(f"branch7x7dbl_{k}" for k in range(1, 6)), "branch_pool"]
    d = ["branch3x3_1", "branch3x3_2", *(f"branch7x7x3_{k}" for k in range(1, 5))]
    e = ["branch1x1", "branch3x3_1", "branch3x3_2a", "branch3x3_2b"]
    e += ["branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3a", "branch3x3dbl_3b", "branch_pool"]
    blocks = [("5b", a), ("5c", a), ("5d", a), ("6a", b), ("6b", c), ("6c", c), ("6d", c), ("6e", c), ("7a", d), ("7b", e), ("7c", e)]
    return names + [f"Mixed_{block}.{branch}" for block, branches in blocks for branch in branches]


def inception(found: dict) -> dict:
    out = {}
    for number, name in enumerate(inception_names(), start=1):
        out[f"{name}.conv.weight"] = found[f"conv2d_{number}/kernel"].transpose(3, 2, 0, 1)
        statistics = {"bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}
        for ours, theirs in statistics.items():
            out[f"{name}.bn.{ours}"] = found[f"batch_normalization_{number}/{theirs}"]
        out[f"{name}.bn.weight"] = np.ones_like(out[f"{name}.bn.bias"])
    return out


def mobilenet(found: dict) -> dict:
    short = {re.sub(r".*/MobilenetV2/", "", name): tensor for name, tensor in found.items()}
    order = ["Conv/Conv2D", "expanded_conv/depthwise/depthwise", "expanded_conv/project/Conv2D"]
    for k in range(1, 17):
        order += [f"expanded_conv_{k}/{part}" for part in ("expand/Conv2D", "depthwise/depthwise", "project/Conv2D")]
    out = {}
    for k, name in enumerate([*order, "Conv_1/Conv2D"]):
        axes = (2, 3, 0, 1) if name.endswith("depthwise") else (3, 2, 0, 1)
        out[f"convolutions.{k}.weight"] = short[f"{name}_weights"].transpose(axes)
        out[f"convolutions.{k}.bias"] = short[f"{name}_bn_offset"]
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path, help="nsfwjs-4.3.0.tgz")
    parser.add_argument("folder", type=Path, help="where the two files go")
    arguments = parser.parse_args()
    found = hashlib.sha256(arguments.package.read_bytes()).hexdigest()
    if found != SHA256:
        raise SystemExit(f"{arguments.package}: its SHA-256 is {found}; that of nsfwjs 4.3.0 is {SHA256}")
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(arguments.package) as package:
        for model, convert, name in [
            ("inception_v3", inception, "inception-v3-nsfwjs"),
            ("mobilenet_v2_mid", mobilenet, "mobilenet-v2-nsfwjs"),
        ]:
            path = arguments.folder / f"{name}.safetensors"
            write(path, convert(tensors(package, model)), NOTICE)
            print(hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size, path)


if __name__ == "__main__":
    main()
