"""Runs peers and this project's methods on the same problems in one go, and prints ratios as a Markdown table.

    python scripts/side_by_side.py [--out results/side-by-side.md] [--rust FILE] [--seconds 0.5]

Everything runs on one thread, in CPU time; the rates of the machine (matrix products, copies) stand beside, so that
times of another day and machine can be read. Needs numpy and scipy; peers in PyTorch run where it can be imported. The
figures of the authors' released PyTorch code are recorded ones (see RECORDED) and not measured again; next to the plain ratio stands
one in which they are scaled by the rates of the machine that they were taken on.

The other side is the example `side_by_side` of `likely-methods`, run with `--json`: one JSON object a line,

    {"case": "slerp-16384", "cpu_s": 1e-5, "wall_s": 1e-5, "reps": 100, "bytes": 1703936}

where `cpu_s` and `wall_s` are of one repetition and `bytes` is what one reads and writes at least (end points and curve);
`iterations` and `regularised_energy` are shown where given. The environment variable SIDE_BY_SIDE_ENDS names a `.npy` file with the two
end points (float64, shape (2, 16384)) of the cases in that dimension. Cases that are not known here are listed without a ratio.
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
from scipy.special import gammaln  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
DIM, LARGE, SEGMENTS = 16384, 1 << 20, 10

# CPU seconds of one call on the machine of RECORDED_RATES, one thread; what the figure is, and whether that run converged.
RECORDED = {
    "gmm-lambda-1": [("PyTorch, released line search, f64", 41.7e-3, "converged")],
    "gmm-lambda-10": [("PyTorch, released line search, f64", 1.178, "converged")],
    "gmm-lambda-100": [
        ("PyTorch, released adaptive step, f64", 0.720, "not converged, gradient 0.12"),
        ("PyTorch, released line search, f64", 12.1, "stalled, gradient 1.5"),
    ],
    "chi-square-general-16384": [
        ("PyTorch, released line search, f32", 1.18, "not converged"),
        ("PyTorch, released line search, f64", 3.305, "not converged"),
    ],
    "chi-square-span-16384": [("numpy, in the span", 1.4e-3, "converged")],
    "lerp-f32-16384": [("PyTorch, f32", 53e-6, "")],
    "slerp-f32-16384": [("PyTorch, f32", 99e-6, "")],
    "slerp-f32-1048576": [("PyTorch, f32", 99.2e-3, ""), ("numpy, f32", 11.0e-3, "")],
}
# A 2-core AMD EPYC (Zen 5), 22 November 2026; the copy is np.copyto of 11 x 16384 float32 into a warm buffer.
RECORDED_RATES = {"gemm_f64": 60.0, "gemm_f32": 126.0, "copy": 112.0}


def timed(call, seconds):
    """Smallest CPU and wall time of one call, over batches that last at least 20 ms each."""
    call()
    reps, cpu = 1, 0.0
    while True:
        begin = time.process_time()
        for _ in range(reps):
            call()
        cpu = time.process_time() - begin
        if cpu > 0.02:
            break
        reps *= 4
    best_cpu, best_wall, spent = cpu / reps, np.inf, 0.0
    while spent < seconds:
        wall, begin = time.perf_counter(), time.process_time()
        for _ in range(reps):
            call()
        cpu, wall = time.process_time() - begin, time.perf_counter() - wall
        best_cpu, best_wall, spent = min(best_cpu, cpu / reps), min(best_wall, wall / reps), spent + wall
    return best_cpu, best_wall


def machine_rates(seconds):
    """GFLOP/s of matrix products and GB/s (read and written) of copies, per CPU second."""
    rng = np.random.default_rng(0)
    rates = {}
    for name, dtype in (("gemm_f64", np.float64), ("gemm_f32", np.float32)):
        a = rng.standard_normal((1024, 1024)).astype(dtype)
        out = np.empty_like(a)
        rates[name] = 2 * 1024**3 / timed(lambda: np.matmul(a, a, out=out), seconds)[0] / 1e9
    source = rng.standard_normal((SEGMENTS + 1, DIM)).astype(np.float32)
    target = np.empty_like(source)
    rates["copy"] = 2 * source.nbytes / timed(lambda: np.copyto(target, source), seconds)[0] / 1e9
    return rates


def copy_seconds(dtype, dim, seconds):
    """CPU seconds to copy a curve of the given dimension into a warm buffer."""
    source = np.ones((SEGMENTS + 1, dim), dtype=dtype)
    target = np.empty_like(source)
    return timed(lambda: np.copyto(target, source), seconds)[0]


def numpy_peers(ends):
    """(case, peer, call) for the peers written in numpy."""
    t = (np.arange(SEGMENTS + 1) / SEGMENTS)[:, None]

    def lerp(a, b):
        s = t.astype(a.dtype)
        return lambda: a + s * (b - a)

    def slerp(a, b):
        s = t.astype(a.dtype)

        def call():
            cosine = np.clip(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)), -1 + 1e-7, 1 - 1e-7)
            angle = np.arccos(cosine)
            return (np.sin((1 - s) * angle) * a + np.sin(s * angle) * b) / np.sin(angle)

        return call

    large = np.random.default_rng(1).standard_normal((2, LARGE)).astype(np.float32)
    single = ends.astype(np.float32)
    return [
        ("lerp-f32-16384", "numpy, f32", lerp(*single)),
        ("lerp-16384", "numpy, f64", lerp(*ends)),
        ("slerp-f32-16384", "numpy, f32", slerp(*single)),
        ("slerp-16384", "numpy, f64", slerp(*ends)),
        ("slerp-f32-1048576", "numpy, f32", slerp(*large)),
        ("chi-square-span-16384", "numpy, in the span, f64", lambda: solve_in_span(ends, SEGMENTS, 1.0, 1e-4)),
    ]


def solve_in_span(ends, segments, weight, tol, max_iter=1000):
    """ProbGEORCE with the plain decrease under the chi-square potential, in the plane of the end points, expanded once.

    Returns the curve, the iterations and the regularised energy.
    """
    dim = ends.shape[1]
    aa, ab, bb = ends[0] @ ends[0], ends[0] @ ends[1], ends[1] @ ends[1]
    constant = 0.5 * dim * np.log(2) + gammaln(0.5 * dim)
    half = 0.5 * dim - 1

    def squares(c):
        x, y = c[:, 0], c[:, 1]
        return aa * x * x + 2 * ab * x * y + bb * y * y

    def potential(q):
        return (constant - half * np.log(q) + 0.5 * q).sum()

    s = np.arange(segments + 1) / segments
    z = np.stack([1 - s, s], axis=1)
    u = np.diff(z, axis=0)
    q = squares(z[1:-1])
    energy, total = squares(u).sum(), potential(q)
    lam = weight * energy / abs(total) if abs(total) >= 1e-6 else weight
    now = energy + lam * total
    mean_step = (z[-1] - z[0]) / segments
    c = np.zeros_like(u)
    for iteration in range(max_iter + 1):
        pull = (lam * (1 - 2 * half / q))[:, None] * z[1:-1]
        if np.sqrt(squares(pull + 2 * (u[:-1] - u[1:])).sum()) <= tol:
            break
        c[:-1] = np.cumsum(pull[::-1], axis=0)[::-1]
        direction = mean_step + 0.5 * (c.mean(axis=0) - c) - u
        tau = 1.0
        while True:
            step = u + tau * direction
            inner = z[0] + np.cumsum(step, axis=0)[:-1]
            trial_q = squares(inner)
            trial = squares(step).sum() + lam * potential(trial_q)
            if trial <= now:
                break
            tau *= 0.5
        u, q, now = step, trial_q, trial
        z[1:-1] = inner
    return z @ ends, iteration, now


def torch_peers(ends):
    """(case, peer, call) for the peers in PyTorch; none where it cannot be imported."""
    try:
        import torch
    except ImportError:
        return []
    torch.set_num_threads(1)
    s = torch.linspace(0, 1, SEGMENTS + 1)[:, None]

    def lerp(a, b):
        return lambda: a + s * (b - a)

    def slerp(a, b):
        def call():
            cosine = torch.clamp(a @ b / (a.norm() * b.norm()), -1 + 1e-7, 1 - 1e-7)
            angle = torch.arccos(cosine)
            return (torch.sin((1 - s) * angle) * a + torch.sin(s * angle) * b) / torch.sin(angle)

        return call

    single = torch.from_numpy(ends.astype(np.float32))
    large = torch.randn(2, LARGE, generator=torch.Generator().manual_seed(1))
    double = torch.from_numpy(ends)
    name = f"PyTorch {torch.__version__}"
    return [
        ("lerp-f32-16384", f"{name}, f32", lerp(*single)),
        ("slerp-f32-16384", f"{name}, f32", slerp(*single)),
        ("slerp-f32-1048576", f"{name}, f32", slerp(*large)),
        ("lerp-16384", f"{name}, f64", lerp(*double)),
        ("slerp-16384", f"{name}, f64", slerp(*double)),
    ]


def run_rust(ends):
    """The lines of the example, run once."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ends.npy"
        np.save(path, ends)
        command = ["cargo", "run", "--release", "--quiet", "--locked", "--package", "likely-methods"]
        command += ["--example", "side_by_side", "--", "--json"]
        environment = {**os.environ, "SIDE_BY_SIDE_ENDS": str(path)}
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def parse(text):
    """The fastest reading of each case."""
    found = {}
    for line in text.splitlines():
        if line.startswith("{"):
            row = json.loads(line)
            held = found.get(row["case"])
            if held is None or row["cpu_s"] < held["cpu_s"]:
                found[row["case"]] = row
    return found


def show(seconds):
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown"


def copies_only(case):
    """Whether a case does little but read and write memory."""
    return case.startswith(("lerp", "slerp"))


def report(ours, measured, before, after, copies):
    rates = {key: max(before[key], after[key]) for key in before}
    lines = [
        "# Side by side",
        "",
        "Written by `scripts/side_by_side.py`: CPU time of one call on one thread, the smallest of several. A ratio is the peer's",
        "time over ours. A recorded time was taken on another machine; *scaled* divides it by how much faster this one is.",
        "Ours work in f64 unless the case says f32; a peer in f32 moves half the bytes. The f32 cases write into a buffer that is used",
        "again, the f64 ones return a fresh curve. Cases that end in `-decrease` are `prob-georce`, the others",
        "`prob-georce-accelerated`.",
        "",
        f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}, numpy {np.__version__}.",
        "",
        "| rate, one thread | here, before | here, after | where times were recorded |",
        "|---|---|---|---|",
    ]
    names = {"gemm_f64": "matrix product, f64, GFLOP/s", "gemm_f32": "matrix product, f32, GFLOP/s", "copy": "copy in cache, GB/s read and written"}
    for key, name in names.items():
        lines.append(f"| {name} | {before[key]:.1f} | {after[key]:.1f} | {RECORDED_RATES[key]:.1f} |")
    lines += ["", "| case | ours | peer | its time | ratio | scaled | note |", "|---|---|---|---|---|---|---|"]
    cases = list(dict.fromkeys([*RECORDED, *(case for case, *_ in measured), *ours]))
    for case in cases:
        mine = ours.get(case)
        own = show(mine["cpu_s"]) if mine else "not run"
        rate = "copy" if copies_only(case) else "gemm_f64"
        factor = RECORDED_RATES[rate] / rates[rate]
        rows = [(peer, cpu, 1.0, "measured now") for held, peer, cpu in measured if held == case]
        rows += [(peer, cpu, factor, f"recorded{', ' + note if note else ''}") for peer, cpu, note in RECORDED.get(case, [])]
        for peer, cpu, scale, note in rows or [("none", None, 1.0, "")]:
            ratio = f"{cpu / mine['cpu_s']:.3g}" if mine and cpu else ""
            scaled = f"{cpu * scale / mine['cpu_s']:.3g}" if mine and cpu and note.startswith("recorded") else ""
            lines.append(f"| `{case}` | {own} | {peer} | {show(cpu) if cpu else ''} | {ratio} | {scaled} | {note} |")
    lines += ["", "| case | bytes | GB/s | speed as a share of a plain copy of the curve into a warm buffer | iterations | regularised energy |", "|---|---|---|---|---|---|"]
    for case, mine in ours.items():
        size = ("f32" if "-f32-" in case else "f64", int(case.rsplit("-", 1)[1])) if copies_only(case) else None
        share = f"{copies[size] / mine['cpu_s']:.0%}" if size in copies else ""
        rate = f"{mine['bytes'] / mine['cpu_s'] / 1e9:.1f}" if copies_only(case) and mine.get("bytes") else ""
        lines.append(
            f"| `{case}` | {mine.get('bytes', '')} | {rate} | {share} | {mine.get('iterations', '')} | {mine.get('regularised_energy', '')} |"
        )
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="also write the table here")
    parser.add_argument("--rust", type=Path, help="read the example's lines from this file instead of running it")
    parser.add_argument("--seconds", type=float, default=0.5, help="time spent on each measurement")
    arguments = parser.parse_args()

    ends = np.random.default_rng(2712).standard_normal((2, DIM))
    text = arguments.rust.read_text() if arguments.rust else run_rust(ends)
    before = machine_rates(arguments.seconds)
    measured = [
        (case, peer, timed(call, arguments.seconds)[0]) for case, peer, call in numpy_peers(ends) + torch_peers(ends)
    ]
    copies = {
        (name, dim): copy_seconds(dtype, dim, arguments.seconds)
        for name, dtype in (("f32", np.float32), ("f64", np.float64))
        for dim in (DIM, LARGE)
    }
    # Once more, so that ours and the peers' readings surround each other.
    text += "" if arguments.rust else run_rust(ends)
    after = machine_rates(arguments.seconds)
    page = report(parse(text), measured, before, after, copies)
    _, iterations, energy = solve_in_span(ends, SEGMENTS, 1.0, 1e-4)
    page += f"\nThe numpy solve in the span took {iterations} iterations to a regularised energy of {energy:.9g}.\n"
    sys.stdout.write(page)
    if arguments.out:
        arguments.out.write_text(page)


if __name__ == "__main__":
    main()
