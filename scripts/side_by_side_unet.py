#!/usr/bin/env python3
"""Draws pictures with the shipped diffusion of images beside PyTorch in one go, and prints samples a second and differences as a Markdown table.

    python scripts/side_by_side_unet.py --out results/side-by-side-unet.md
    python scripts/side_by_side_unet.py --device cuda --samples 1024 --out results/side-by-side-unet-cuda.md

Both sides read `experiments/models/images/fashion-diffusion.safetensors`, begin with the same noise and take the same steps of DDIM in float32.
On the processor both have one thread, and a second is one of CPU time; on a GPU a second is one of the clock. The smallest of several
rounds counts; ours, the example `unet_samples` of `likely-models`, runs before and after PyTorch. Needs torch and numpy; a GPU takes
a machine where `cargo build --features cuda` works, see docs/gpu.md.
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

sys.path.insert(0, str(Path(__file__).resolve().parent))
import golden_image_networks as golden  # noqa: E402
from safetensors_files import read  # noqa: E402
from side_by_side import machine_rates, processor  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
WEIGHTS = ROOT / "experiments/models/images/fashion-diffusion.safetensors"
WIDTH, DIFFUSION = 16, 1000


def executable(features):
    command = ["cargo", "build", "--release", "--locked", "--package", "likely-models", "--example", "unet_samples"]
    command += [*features, "--message-format", "json"]
    lines = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    built = [json.loads(line) for line in lines if line.startswith("{")]
    return next(row["executable"] for row in built if row.get("executable"))


def ours(program, device, arguments, folder):
    out = folder / "ours.safetensors"
    command = [program, device, str(arguments.samples), str(arguments.steps), str(arguments.rounds), str(out)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    tensors = read(out)
    return json.loads(done.stdout), tensors["noise"], tensors["pictures"]


def network(dtype, device):
    state = {name.replace("double.", "double_."): torch.tensor(tensor) for name, tensor in read(WEIGHTS).items()}
    model = golden.UNet(WIDTH)
    model.load_state_dict(state)
    return model.to(device=device, dtype=dtype).eval()


def pictures_of(model, noise, steps, batch):
    """DDIM in the equal distances of the model: the last halt is the last step of the diffusion."""
    halts = [(2 * i * DIFFUSION + steps) // (2 * steps) - 1 for i in range(1, steps + 1)]
    share = golden.kept("linear", DIFFUSION)
    with torch.no_grad():
        images = [golden.ddim(model, part, share, halts) for part in noise.split(batch)]
    return (0.5 * torch.cat(images) + 0.5).clamp(0, 1)


def fastest(call, rounds, device):
    clock = time.process_time if device == "cpu" else time.perf_counter
    best, value = np.inf, None
    for _ in range(rounds):
        begin = clock()
        value = call()
        if device != "cpu":
            torch.cuda.synchronize()
        best = min(best, clock() - begin)
    return best, value


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N, for both sides")
    parser.add_argument("--samples", type=int, default=16)
    parser.add_argument("--steps", type=int, default=50, help="steps of DDIM")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batches", type=int, nargs="+", help="pictures together in PyTorch; 1, 16 or all when absent")
    parser.add_argument("--program", type=Path, help="the example, where it is built already")
    parser.add_argument("--out", type=Path, help="also write the table here")
    arguments = parser.parse_args()
    on_cpu = arguments.device == "cpu"
    device = torch.device(arguments.device)
    # Single precision in full: PyTorch may shorten factors to 10 bits on a GPU where it is allowed to.
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    program = arguments.program or executable([] if on_cpu else ["--features", "cuda"])
    batches = arguments.batches or ([1, 16] if on_cpu else [arguments.samples])
    before = machine_rates(0.5)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        first, noise, mine = ours(program, arguments.device, arguments, folder)
        single, double = network(torch.float32, device), network(torch.float64, device)
        start = torch.tensor(noise, device=device)
        # What a first call sets up is not measured.
        pictures_of(single, start, 1, batches[-1])
        rows = []
        for batch in batches:
            call = lambda: pictures_of(single, start, arguments.steps, batch)  # noqa: E731
            seconds, theirs = fastest(call, arguments.rounds, arguments.device)
            rows.append((batch, arguments.samples / seconds, theirs.double().cpu().numpy()))
        exact = pictures_of(double, start.double(), arguments.steps, batches[-1]).cpu().numpy()
        second, _, again = ours(program, arguments.device, arguments, folder)
    after = machine_rates(0.5)
    best = max(first["samples_per_s"], second["samples_per_s"])
    off = lambda found, wanted: f"{np.abs(found - wanted).max():.1e}"  # noqa: E731
    place = f"{processor()}, {os.cpu_count()} cores, one thread" if on_cpu else first["device"]
    lines = [
        "# Samples of the diffusion, side by side",
        "",
        f"Written by `scripts/side_by_side_unet.py`: {arguments.samples} pictures of 28x28 from the same noise by {arguments.steps} steps of DDIM in float32, with the shipped",
        f"U-Net of 155,601 parameters. A second is one of {'CPU time' if on_cpu else 'the clock'}; the fastest of {arguments.rounds} rounds. *Difference* is the largest of a pixel in [0, 1],",
        "to ours and to PyTorch in float64.",
        "",
        f"{place}; Python {platform.python_version()}, torch {torch.__version__}, load average {os.getloadavg()[0]:.1f}, {time.strftime('%Y-%m-%d')}.",
        "",
        "| rate of the processor, one thread | before | after |",
        "|---|---|---|",
        f"| matrix product, f32, GFLOP/s | {before['gemm_f32']:.1f} | {after['gemm_f32']:.1f} |",
        f"| copy in cache, GB/s read and written | {before['copy']:.1f} | {after['copy']:.1f} |",
        "",
        "| device | program | samples a second | ours over it | difference to ours | to float64 |",
        "|---|---|---|---|---|---|",
        f"| {arguments.device} | likely | {best:.2f} | | | {off(mine, exact)} |",
    ]
    for batch, rate, theirs in rows:
        name = f"PyTorch, {batch} together"
        lines.append(f"| {arguments.device} | {name} | {rate:.2f} | {best / rate:.2f} | {off(theirs, mine)} | {off(theirs, exact)} |")
    if on_cpu:
        lines.append("| NVIDIA GPU | both | not measured | | | |")
    same = "the same" if np.array_equal(mine, again) else "NOT the same"
    lines += [
        "",
        f"Both runs of ours gave {same} numbers: the pixels add up to {first['sum']:.6f}, and SHA-256 of their 256 levels begins with",
        f"`{first['levels_sha256'][:16]}`.",
    ]
    page = "\n".join(lines) + "\n"
    sys.stdout.write(page)
    if arguments.out:
        arguments.out.write_text(page)


if __name__ == "__main__":
    main()
