#!/usr/bin/env python3
"""Runs feature networks against PyTorch in one go, and prints times, ratios and differences as a Markdown table.

    python scripts/side_by_side_features.py WEIGHTS_FOLDER PICTURES [--out results/side-by-side-features.md]

WEIGHTS_FOLDER is what `scripts/nsfwjs_weights.py` wrote; PICTURES is a folder of PNG files of one size. Both sides have the same weights: the
module of pytorch-fid, and of torchvision, with those of the Inception of nsfwjs. Everything runs on one thread, in CPU time; the smallest
of several rounds. Ours is the example `side_by_side_features` of `likely-models`, run before and after the peers, and includes the resize
of 8-bit pictures; the peers get resized ones, and their resize is timed by itself. Needs torch, torchvision, pytorch-fid, Pillow.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402  (the thread counts must be set before)
import torch  # noqa: E402
import torchvision  # noqa: E402
from PIL import Image  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parent))
import golden_inception as golden  # noqa: E402
from safetensors_files import read  # noqa: E402
from side_by_side import machine_rates, processor, show  # noqa: E402
from side_by_side_curved import executable  # noqa: E402

torch.set_num_threads(1)
FLOOR = 0.4


def ours(program, identity, weights, pictures, folder, rounds):
    out = folder / f"{identity}.npy"
    command = [program, identity, str(weights), str(pictures), str(out), str(rounds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)["cpu_s"], np.load(out)


def fastest(call, rounds):
    best, value = np.inf, None
    for _ in range(rounds):
        begin = time.process_time()
        value = call()
        best = min(best, time.process_time() - begin)
    return best, value


def features_of(network, images, batch):
    with torch.no_grad():
        parts = [golden.F.adaptive_avg_pool2d(network(x)[-1], 1).flatten(1) for x in images.split(batch)]
    return torch.cat(parts).double().numpy()


def difference(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path, help="folder with the two files of scripts/nsfwjs_weights.py")
    parser.add_argument("pictures", type=Path, help="a folder of PNG files of one size")
    parser.add_argument("--out", type=Path, help="also write the table here")
    parser.add_argument("--program", type=Path, help="the example, where it is built already")
    parser.add_argument("--rounds", type=int, default=5, help="rounds over all pictures")
    parser.add_argument("--count", type=int, default=16, help="pictures")
    arguments = parser.parse_args()
    program = arguments.program or executable("likely-models", "side_by_side_features")
    files = sorted(arguments.pictures.glob("*.png"))[: arguments.count]
    levels = np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files])
    inception = arguments.weights / "inception-v3-nsfwjs.safetensors"
    mobilenet = arguments.weights / "mobilenet-v2-nsfwjs.safetensors"
    tensors = {name: torch.tensor(tensor) for name, tensor in read(inception).items()}
    convolutions = read(mobilenet)
    made_up = golden.made_up
    golden.made_up = lambda _, name, __: tensors[name].double()
    network = golden.inception().float()
    golden.made_up = made_up
    before = machine_rates(0.5)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        np.save(folder / "pictures.npy", levels)
        cases = {"fid-inception-v3": inception, "inception-v3-nsfwjs": inception, "mobilenet-v2-nsfwjs": mobilenet}

        def measure():
            return {id: ours(program, id, weights, folder / "pictures.npy", folder, arguments.rounds) for id, weights in cases.items()}

        mine = measure()
        rows = []

        def add(id, peer, call, resize):
            seconds, values = fastest(call, arguments.rounds)
            rows.append((id, peer, seconds / len(levels), resize / len(levels), values))

        seconds, images = fastest(lambda: torch.cat([golden.as_pytorch_fid(image).float() for image in levels]), 2)
        for batch in (1, 8):
            name = f"pytorch-fid, batch {batch}"
            add("fid-inception-v3", name, lambda: features_of(network, images, batch), seconds)
        exact = features_of(network.double(), images.double(), 4)
        network.float()
        plain = torchvision.models.inception_v3(weights=None, init_weights=False, aux_logits=False, transform_input=False)
        plain.load_state_dict(tensors, strict=False)
        plain.eval().fc = torch.nn.Identity()
        with torch.no_grad():
            seconds_of_plain, _ = fastest(lambda: [plain(x) for x in images.split(8)], arguments.rounds)
        rows.append(("fid-inception-v3", "torchvision, batch 8, pools of its own", seconds_of_plain / len(levels), seconds / len(levels), None))
        seconds, images = fastest(lambda: torch.cat([golden.as_pillow_bicubic(image, 299).float() for image in levels]), 2)
        golden.with_average(network)
        add("inception-v3-nsfwjs", "pytorch-fid with averages, batch 8", lambda: features_of(network, images, 8), seconds)
        kept = {2000 + 2 * k + i: torch.tensor(convolutions[f"convolutions.{k}.{what}"]) for k in range(52) for i, what in enumerate(["weight", "bias"])}
        golden.made_up = lambda key, *_: kept[key]
        seconds, images = fastest(lambda: [2 * golden.as_pillow_bicubic(image, 224).float() - 1 for image in levels], 2)

        def by_functions():
            with torch.no_grad():
                return np.stack([golden.mobilenet_v2(x) for x in images])

        add("mobilenet-v2-nsfwjs", "torch.nn.functional, batch 1", by_functions, seconds)
        again = measure()
    after = machine_rates(0.5)
    best = {id: min(mine[id][0], again[id][0]) for id in cases}
    lines = [
        "# Feature networks, side by side",
        "",
        "Written by `scripts/side_by_side_features.py`: CPU time of an image on one thread, the smallest of several rounds. A ratio is the peer's",
        "time without its resize over ours with it. *Difference* is the norm of the difference of all features over that of the peer's.",
        "",
        f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}, torch {torch.__version__}, torchvision {torchvision.__version__}, {len(levels)} pictures of {levels.shape[1]}x{levels.shape[2]}, load average {os.getloadavg()[0]:.1f}, {time.strftime('%Y-%m-%d')}.",
        "",
        "| rate, one thread | before | after |",
        "|---|---|---|",
        f"| matrix product, f32, GFLOP/s | {before['gemm_f32']:.1f} | {after['gemm_f32']:.1f} |",
        f"| copy in cache, GB/s read and written | {before['copy']:.1f} | {after['copy']:.1f} |",
        "",
        "| network | ours | peer | its time | its resize | ratio | floor | | difference |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for id, peer, seconds, resize, values in rows:
        ratio = seconds / best[id]
        gap = "other pools" if values is None else f"{difference(mine[id][1], values):.1e}"
        met = "met" if ratio >= FLOOR else "NOT met"
        lines.append(f"| `{id}` | {show(best[id])} | {peer} | {show(seconds)} | {show(resize)} | {ratio:.2f} | {FLOOR} | {met} | {gap} |")
    single = next(values for id, peer, _, _, values in rows if id == "fid-inception-v3")
    lines += [
        "",
        f"Against pytorch-fid in double precision the Inception differs by {difference(mine['fid-inception-v3'][1], exact):.1e}, pytorch-fid in single precision by {difference(single, exact):.1e}.",
        "An image takes 11.4 GFLOP in the Inception, so ours runs at "
        f"{11.4 / best['fid-inception-v3']:.0f} GFLOP/s, resize included.",
    ]
    page = "\n".join(lines) + "\n"
    sys.stdout.write(page)
    if arguments.out:
        arguments.out.write_text(page)


if __name__ == "__main__":
    main()
