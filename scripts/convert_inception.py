#!/usr/bin/env python3
"""Writes the weights of pytorch-fid as safetensors, for the feature networks `fid-inception-v3`, `clean-fid-inception-v3` and
`tf1-fid-inception-v3`. Needs PyTorch and numpy.

    python scripts/convert_inception.py pt_inception-2015-12-05-6726825d.pth fid_inception.safetensors

The file is the `fid_weights` release of https://github.com/mseitzer/pytorch-fid. Only its tensors are read, by PyTorch's restricted
reader; its classifier is kept, which nothing needs.
"""

import argparse
import hashlib
from pathlib import Path

import torch

from safetensors_files import write


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path, help="the .pth file")
    parser.add_argument("out", type=Path, help="the .safetensors file")
    arguments = parser.parse_args()
    state = torch.load(arguments.weights, map_location="cpu", weights_only=True)
    tensors = {name: tensor.float().numpy() for name, tensor in state.items() if not name.endswith("num_batches_tracked")}
    if "Mixed_7c.branch_pool.conv.weight" not in tensors:
        raise SystemExit(f"{arguments.weights}: it holds no Inception v3 of pytorch-fid; its tensors begin with {sorted(state)[:3]}")
    write(arguments.out, tensors, {"source": arguments.weights.name})
    print(hashlib.sha256(arguments.out.read_bytes()).hexdigest(), arguments.out)


if __name__ == "__main__":
    main()
