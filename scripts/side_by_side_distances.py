"""Runs distances between sets of features against the public tools in one go, and prints times, ratios and values as a Markdown table.

    python scripts/side_by_side_distances.py [--out results/side-by-side-distances.md] [--seconds 0.5] [--large]

Everything runs on one thread, in CPU time; the rates of the machine (matrix products, copies) are taken before and after. Needs numpy and
scipy; pytorch-fid, torch-fidelity, clean-fid and torchmetrics are measured where they can be imported. `--large` adds the statistics of
2 x 50 000 images, which takes 0.9 GB on disk and a minute.

Features are rectified linear mixtures of 64 normal numbers in 2048 dimensions, in single precision, from fixed seeds of numpy. The other
side is the example `side_by_side_distances` of `likely-metrics`, run before and after the peers; its statistics include reading the file.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[variable] = "1"
warnings.filterwarnings("ignore")

import numpy as np  # noqa: E402  (the thread counts must be set before)

sys.path.insert(0, str(Path(__file__).resolve().parent))
from side_by_side import machine_rates, processor, show  # noqa: E402
from side_by_side_curved import executable  # noqa: E402

DIM = 2048
SUBSETS, SUBSET_SIZE = 10, 1000
STREAMING_MB = 250
# Case, peer, the ratio that is the floor.
FLOORS = {
    ("statistics-10000", "numpy"): 1.3,
    ("statistics-50000", "numpy"): 1.3,
    ("frechet-10000", "pytorch-fid"): 6,
    ("frechet-10000", "torchmetrics"): 2,
    ("frechet-10000", "torch-fidelity"): 1.6,
    ("frechet-500", "pytorch-fid"): 100,
    ("frechet-500", "torch-fidelity"): 20,
    ("kernel-10000", "clean-fid"): 1.0,
    ("kernel-10000", "torchmetrics"): 3,
}


def features(seed, rows, shift=0.0):
    mixing = np.random.default_rng(7).standard_normal((64, DIM)).astype(np.float32) / 8
    rng, out = np.random.default_rng(seed), np.empty((rows, DIM), np.float32)
    for start in range(0, rows, 1000):
        count = min(1000, rows - start)
        causes = rng.standard_normal((count, 64), dtype=np.float32)
        own = rng.standard_normal((count, DIM), dtype=np.float32)
        mixed = causes @ mixing * np.float32(0.5) + np.float32(0.2) * own + np.float32(0.3 + shift)
        out[start : start + count] = np.maximum(0.0, mixed)
    return out


def cpu(call, seconds):
    """The smallest CPU time of a call, over so many seconds but at least two calls unless one takes five, and what it returned."""
    best, spent, calls = np.inf, 0.0, 0
    while calls == 0 or (calls < 2 and spent < 5) or spent < seconds:
        begin = time.process_time()
        value = call()
        took = time.process_time() - begin
        best, spent, calls = min(best, took), spent + took, calls + 1
    return best, value


def moments(x):
    return x.mean(0, dtype=np.float64), np.cov(x, rowvar=False)


def thin(x, y):
    """The distance from the centred features alone."""
    a, b = (z.astype(np.float64) for z in (x, y))
    difference = a.mean(0) - b.mean(0)
    a, b = ((z - z.mean(0)) / np.sqrt(len(z) - 1) for z in (a, b))
    return difference @ difference + np.sum(a * a) + np.sum(b * b) - 2 * np.linalg.svd(a @ b.T, compute_uv=False).sum()


def by_eigenvalues(m1, s1, m2, s2):
    """The distance from Cholesky factor and symmetric eigenvalues, in numpy."""
    lower = np.linalg.cholesky(s1)
    roots = np.sqrt(np.maximum(np.linalg.eigvalsh(lower.T @ s2 @ lower), 0))
    return np.sum((m1 - m2) ** 2) + np.trace(s1) + np.trace(s2) - 2 * roots.sum()


def frechet_tools():
    """(name, function of two means and covariances)."""
    tools = []
    try:
        from pytorch_fid.fid_score import calculate_frechet_distance

        tools.append(("pytorch-fid", calculate_frechet_distance))
    except ImportError:
        pass
    try:
        from cleanfid.fid import frechet_distance

        tools.append(("clean-fid", frechet_distance))
    except ImportError:
        pass
    try:
        from torch_fidelity.metric_fid import fid_statistics_to_metric

        def fidelity(m1, s1, m2, s2):
            sides = (dict(mu=m1, sigma=s1), dict(mu=m2, sigma=s2))
            return fid_statistics_to_metric(*sides, False)["frechet_inception_distance"]

        tools.append(("torch-fidelity", fidelity))
    except ImportError:
        pass
    try:
        import torch
        from torchmetrics.image.fid import _compute_fid

        torch.set_num_threads(1)
        tools.append(("torchmetrics", lambda *arrays: float(_compute_fid(*(torch.tensor(array) for array in arrays)))))
    except ImportError:
        pass
    return tools


def kernel_peers(x, y, subsets, seconds):
    """(peer, CPU seconds, values) of kernel distances; clean-fid draws subsets of its own."""
    found = []
    try:
        from cleanfid.fid import kernel_distance

        def call():
            np.random.seed(0)
            return kernel_distance(x, y, num_subsets=SUBSETS, max_subset_size=SUBSET_SIZE)

        found.append(("clean-fid", *cpu(call, seconds)))
    except ImportError:
        pass
    try:
        import torch
        from torchmetrics.image.kid import poly_mmd

        torch.set_num_threads(1)

        def of(i, j):
            return float(poly_mmd(torch.tensor(x[i]).double(), torch.tensor(y[j]).double(), 3, None, 1.0))

        found.append(("torchmetrics", *cpu(lambda: [of(i, j) for i, j in subsets], seconds)))
    except ImportError:
        pass
    return found


def ours(program, *arguments):
    out = subprocess.run([program, *map(str, arguments)], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(out.stdout)


def peak_mb(program, *arguments):
    """Peak memory of a process, as `/usr/bin/time` sees it."""
    command = ["/usr/bin/time", "-f", "%M", program, *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True)
    return int(done.stderr.split()[-1]) / 1024


def relative(found, expected):
    found, expected = np.ravel(found).astype(float), np.ravel(expected).astype(float)
    if found.shape != expected.shape:
        return "other subsets"
    return f"{np.max(np.abs(found - expected) / np.abs(expected)):.1e}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="also write the table here")
    parser.add_argument("--seconds", type=float, default=0.5, help="time spent on each measurement")
    parser.add_argument("--large", action="store_true", help="also 50 000 images a side")
    arguments = parser.parse_args()
    program = executable("likely-metrics", "side_by_side_distances")
    before = machine_rates(arguments.seconds)
    mine, peers, notes = {}, [], []
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        sizes = [500, 10000] + [50000] * arguments.large
        files = {}
        for size in sizes:
            files[size] = folder / f"real{size}.npy", folder / f"fake{size}.npy"
            for path, array in zip(files[size], (features(1, size), features(2, size, 0.05))):
                np.save(path, array)
        draw = np.random.RandomState(2020)
        rows = [draw.choice(10000, SUBSET_SIZE, replace=False) for _ in range(2 * SUBSETS)]
        np.save(folder / "subsets.npy", np.array(rows, dtype=np.float64))
        subsets = list(zip(rows[::2], rows[1::2]))

        def measure():
            calls = [(f"statistics-{size}", ("statistics", *files[size])) for size in sizes[1:]]
            calls += [(f"frechet-{size}", ("frechet", *files[size])) for size in (500, 10000)]
            for case in ("kernel", "kernel-double"):
                calls.append((f"{case}-10000", (case, *files[10000], folder / "subsets.npy")))
            for case, command in calls:
                found = ours(program, *command)
                known = mine.get(case, found)
                mine[case] = {**found, "cpu_s": min(found["cpu_s"], known["cpu_s"])}

        measure()
        for size in sizes[1:]:
            x, y = (np.load(path) for path in files[size])
            seconds, (one, two) = cpu(lambda: (moments(x), moments(y)), arguments.seconds)
            peers.append((f"statistics-{size}", "numpy", seconds, [np.trace(one[1]), np.trace(two[1]), one[1][0, 1]]))
            if size == 10000:
                for name, call in [*frechet_tools(), ("numpy, Cholesky", by_eigenvalues)]:
                    peers.append(("frechet-10000", name, *cpu(lambda: call(*one, *two), arguments.seconds)))
                kernels = kernel_peers(x, y, subsets, arguments.seconds)
                peers += [(case, *found) for case in ("kernel-10000", "kernel-double-10000") for found in kernels]
        x, y = (np.load(path) for path in files[500])
        one, two = moments(x), moments(y)
        for name, call in frechet_tools():
            peers.append(("frechet-500", name, *cpu(lambda: call(*one, *two), arguments.seconds)))
        peers.append(("frechet-500", "numpy, thin", *cpu(lambda: thin(x, y), arguments.seconds)))
        measure()
        peak = peak_mb(program, "statistics-once", *files[sizes[-1]])
    after = machine_rates(arguments.seconds)

    lines = [
        "# Distances between sets of images, side by side",
        "",
        "Written by `scripts/side_by_side_distances.py`: CPU time of one call on one thread, the smallest of several. A ratio is the peer's",
        "time over ours. *Difference* is the largest relative one between the peer's value and ours. Statistics are means and covariances of",
        "both sets, ours with the reading of the files; `frechet` is the step from there, of 500 images that from their features. `kernel` is over",
        "ten subsets of 1000 images; products in single precision about a centre, which is the default, and (`kernel-double`) in double.",
        "",
        f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}, numpy {np.__version__}, load average {os.getloadavg()[0]:.1f}.",
        "",
        "| rate, one thread | before | after |",
        "|---|---|---|",
    ]
    for key, name in {"gemm_f64": "matrix product, f64, GFLOP/s", "gemm_f32": "matrix product, f32, GFLOP/s", "copy": "copy in cache, GB/s read and written"}.items():
        lines.append(f"| {name} | {before[key]:.1f} | {after[key]:.1f} |")
    lines += ["", "| case | ours | peer | its time | ratio | floor | | difference |", "|---|---|---|---|---|---|---|---|"]
    for case, peer, seconds, value in peers:
        found, floor = mine[case], FLOORS.get((case, peer))
        ratio = seconds / found["cpu_s"]
        met = "" if floor is None else "met" if ratio >= floor else "NOT met"
        lines.append(
            f"| `{case}` | {show(found['cpu_s'])} | {peer} | {show(seconds)} | {ratio:.3g} | {floor or ''} | {met} | {relative(found['value'], value)} |"
        )
    lines += [
        "",
        f"Peak memory of the statistics of 2 x {sizes[-1]} images, streamed: {peak:.0f} MB (at most {STREAMING_MB}: {'met' if peak <= STREAMING_MB else 'NOT met'}).",
        "",
        "Of 500 images with 2048 features all covariances are singular. The value is exact where it comes from the features, ours and",
        f"`numpy, thin`: {mine['frechet-500']['value']!r}. The tools take roots of eigenvalues that are rounding, and are wrong from the seventh digit on.",
    ]
    page = "\n".join(lines) + "\n"
    sys.stdout.write(page)
    if arguments.out:
        arguments.out.write_text(page)


if __name__ == "__main__":
    main()
