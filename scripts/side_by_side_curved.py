"""Runs the curved backgrounds against their bars in one go, and prints times, ratios and floors as a Markdown table.

    python scripts/side_by_side_curved.py [--out results/side-by-side-curved.md] [--seconds 0.5]

Everything runs on one thread, in CPU time; the rates of the machine (matrix products, copies) are taken before and after. Needs
numpy; geomstats and stochman are measured where they can be imported. Figures of the authors' released JAX code are recorded ones
(see RECORDED) and not measured again: next to the plain ratio stands one in which they are scaled by the rates of the two machines.

The other side are the examples `side_by_side_curved` of `likely-methods` and `mean_times` of `likely-studies` (the latter in wall
time, the smallest of many); they are run twice, around the peers.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import warnings
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ.setdefault("GEOMSTATS_BACKEND", "autograd")
warnings.filterwarnings("ignore")

import numpy as np  # noqa: E402  (the thread counts must be set before)

sys.path.insert(0, str(Path(__file__).resolve().parent))
from side_by_side import RECORDED_RATES, machine_rates, parse, processor, show, timed  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
JAX = "JAX, released code"

SCIPY = "scipy, L-BFGS"

# Row of the bars, case, seconds of the recorded peer (the smallest of its readings), the ratio that is the floor, the peer.
RECORDED = [
    ("1", "sphere-2", 0.27e-3, 20, JAX),
    ("2", "sphere-10", 8.7e-3, 80, JAX),
    ("2", "sphere-10-whole", 8.7e-3, 80, JAX),
    ("3", "sphere-100", 1.708, 1500, JAX),
    ("3", "sphere-100-whole", 1.708, 1500, JAX),
    ("5", "sphere-10-lambda-20", 150e-3, 60, JAX),
    ("6", "ellipsoid-10", 25.1e-3, 40, JAX),
    ("6", "ellipsoid-100", 2.424, 300, JAX),
    ("7", "paraboloid-10", 141e-3, 30, JAX),
    ("8", "gaussian", 0.402e-3, 12, JAX),
    ("8", "cauchy", 0.515e-3, 12, JAX),
    ("8", "pareto", 0.182e-3, 12, JAX),
    ("8", "frechet", 0.157e-3, 12, JAX),
    ("8", "hyppar", 0.351e-3, 12, JAX),
    ("9", "t2", 1.91e-3, 8, JAX),
    ("10", "spd2", 0.816e-3, 8, JAX),
    ("10", "spd3", 5.35e-3, 8, JAX),
    ("11", "pull-back-10", 10.8e-3, 4, JAX),
    ("11", "pull-back-100", 1.708, 12, JAX),
    ("12", "adaptive-sphere-2", 21.1e-3, 15, JAX),
    ("12", "adaptive-sphere-10", 307e-3, 60, JAX),
    ("12", "adaptive-sphere-100", 27.632, 1500, JAX),
    ("13", "adam-sphere-2", 4.5e-3, 3, JAX),
    ("13", "adam-t2", 8.8e-3, 2.5, JAX),
    ("13", "adam-spd3", 37.9e-3, 4, JAX),
    ("13", "adam-sphere-10", 54.6e-3, 10, JAX),
    ("13", "adam-sphere-100", 3.85, 80, JAX),
    ("14", "l-bfgs-sphere-2", 47.8e-3, 40, SCIPY),
    ("14", "l-bfgs-sphere-10", 475e-3, 60, SCIPY),
    ("15", "mean-curves-sphere-2", 30.9e-3, 15, JAX),
    ("15", "mean-curves-sphere-2-armijo", 30.9e-3, 15, JAX),
    ("16", "mean-curves-sphere-10", 642e-3, 80, JAX),
    ("16", "mean-curves-sphere-10-armijo", 642e-3, 80, JAX),
]
# The largest time and memory that row 4 allows, and what rows 31 and 32 compare with: importing JAX and compiling one problem.
SPHERE_1000_SECONDS, SPHERE_1000_MB = 6e-3, 40
COLD_JAX_SECONDS, COLD_RATIO, LARGEST_MB = 0.55 + 2.16, 200, 20
# Peers of rows 29 and 30 by the same recording, for where they cannot be imported: row, case, peer, seconds, floor.
LIBRARIES = [
    ("29", "geodesic-sphere-2", "stochman, L-BFGS", 43.2e-3, 1000),
    ("29", "geodesic-gaussian", "geomstats, LogODESolver", 1.588, 20000),
    ("30", "closed-form-sphere-2", "geomstats, closed form", 0.156e-3, 15),
    ("30", "closed-form-spd-3", "geomstats, closed form", 0.249e-3, 8),
    ("30", "mean-sphere-2", "geomstats, FrechetMean", 0.472e-3, 12),
]


def executable(package, example):
    """Builds an example; returns where it lies."""
    command = ["cargo", "build", "--release", "--locked", "--package", package]
    command += ["--example", example, "--message-format", "json"]
    lines = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    built = [json.loads(line) for line in lines.stdout.splitlines() if line.startswith("{")]
    return next(row["executable"] for row in built if row.get("executable"))


def run(program):
    return subprocess.run([program], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout


def process(program, case):
    """CPU seconds and peak memory (MB) of a process that solves one case once, from its start: the least of ten.

    Memory as `/usr/bin/time` sees it: a child of this process would count what it inherits from it.
    """
    best_cpu, least = np.inf, np.inf
    for _ in range(10):
        command = ["/usr/bin/time", "-f", "%M", program, "once", case]
        done = subprocess.run(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, check=True)
        least = min(least, int(done.stderr.split()[-1]) / 1024)
        child = subprocess.Popen([program, "once", case], cwd=ROOT)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = status
        if status:
            raise RuntimeError(f"{program} once {case} ended with status {status}")
        best_cpu = min(best_cpu, usage.ru_utime + usage.ru_stime)
    return best_cpu, least


def chart(x):
    """The authors' chart of the sphere."""
    square = np.sum(x * x, -1, keepdims=True)
    return np.concatenate([1 - square, 2 * x], -1) / (1 + square)


def geomstats_peers():
    """(case, peer, call) for geomstats; none where it cannot be imported."""
    try:
        import geomstats
        import geomstats.backend as gs
        from geomstats.geometry.hypersphere import Hypersphere
        from geomstats.geometry.riemannian_metric import RiemannianMetric
        from geomstats.geometry.spd_matrices import SPDMatrices
        from geomstats.information_geometry.normal import UnivariateNormalDistributions
        from geomstats.learning.frechet_mean import FrechetMean
        from geomstats.numerics.geodesic import ExpODESolver, LogODESolver
    except (ImportError, RuntimeError):  # the latter where its backend is missing
        return []
    name = f"geomstats {geomstats.__version__}"
    times = np.linspace(0, 1, 101)
    sphere, ends = Hypersphere(2), chart(np.array([[0.0, -1.0], [0.5, 0.5]]))
    spd = SPDMatrices(3)
    factors = [np.zeros((3, 3)), np.zeros((3, 3))]
    for factor, entries in zip(factors, ([1.2, 0.3, -0.2, 0.9, 0.4, 1.1], [0.7, -0.5, 0.6, 1.6, 0.2, 0.8])):
        factor[np.triu_indices(3)] = entries
    first, last = (factor.T @ factor for factor in factors)

    class FisherRao(RiemannianMetric):
        def metric_matrix(self, base_point=None):
            scale = base_point[..., 1]
            zero = gs.zeros_like(scale)
            rows = [gs.stack([1 / scale**2, zero], -1), gs.stack([zero, 2 / scale**2], -1)]
            return gs.stack(rows, -2)

    normal = UnivariateNormalDistributions(equip=False)
    normal.equip_with_metric(FisherRao)
    normal.metric.exp_solver = ExpODESolver(normal)
    normal.metric.log_solver = LogODESolver(normal, n_nodes=101, use_jac=False)
    golden = json.loads((ROOT / "crates/likely-methods/tests/golden/curved.json").read_text())
    gaussian = next(case for case in golden["peers"] if case["id"] == "gaussian")
    start, end = np.array(gaussian["start"]), np.array(gaussian["end"])
    means = json.loads((ROOT / "crates/likely-studies/tests/golden/means.json").read_text())["means"]
    data = chart(np.array(next(case for case in means if case["id"] == "fm_sphere2_K100")["points"]))

    def mean():
        return FrechetMean(sphere).fit(data).estimate_

    return [
        ("closed-form-sphere-2", f"{name}, closed form", lambda: sphere.metric.geodesic(*ends)(times)),
        ("closed-form-spd-3", f"{name}, closed form", lambda: spd.metric.geodesic(first, last)(times)),
        ("mean-sphere-2", f"{name}, FrechetMean", mean),
        ("geodesic-gaussian", f"{name}, LogODESolver", lambda: normal.metric.geodesic(start, end)(times)),
    ]


def line(row, case, mine, peer, seconds, floor, factor=None, note=""):
    ratio = seconds / mine["cpu_s"] if mine else None
    met = "not measured, NOT met" if ratio is None else "met" if ratio >= floor else "NOT met"
    own = show(mine["cpu_s"]) if mine else "not measured"
    scaled = f"{ratio * factor:.3g}" if ratio and factor else ""
    plain = f"{ratio:.3g}" if ratio else ""
    iterations = mine.get("iterations", "") if mine else ""
    return f"| {row} | `{case}` | {iterations} | {own} | {peer} | {show(seconds)} | {plain} | {scaled} | {floor} | {met} | {note} |"


def report(ours, measured, before, after, cold, memory):
    factor = RECORDED_RATES["gemm_f64"] / max(before["gemm_f64"], after["gemm_f64"])
    lines = [
        "# Curved backgrounds, side by side",
        "",
        "Written by `scripts/side_by_side_curved.py`: CPU time of one call on one thread, the smallest of several. A ratio is the peer's",
        "time over ours. A recorded time was taken on another machine, under load; *scaled* divides it by how much faster this one",
        "multiplies matrices. The floor is judged on the plain ratio. Curves have 100 segments, a gradient of at most 1e-4 (in row 15 of 1e-9)",
        "and, but for rows 5, 15, 16, 29 and 30, a weight of one. Rows 15 and 16 are means of 100 points. `tests/it/curved.rs` holds iterations and energies to the released code. `-whole` leaves the exact",
        "reduction to the span of the end points and the centre out.",
        "",
        f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}, numpy {np.__version__}, load average {os.getloadavg()[0]:.1f}.",
        "",
        "| rate, one thread | here, before | here, after | where times were recorded |",
        "|---|---|---|---|",
    ]
    names = {"gemm_f64": "matrix product, f64, GFLOP/s", "copy": "copy in cache, GB/s read and written"}
    for key, name in names.items():
        lines.append(f"| {name} | {before[key]:.1f} | {after[key]:.1f} | {RECORDED_RATES[key]:.1f} |")
    lines += ["", "| row | case | iterations | ours | peer | its time | ratio | scaled | floor | | note |", "|---|---|---|---|---|---|---|---|---|---|---|"]
    rows = [line(row, case, ours.get(case), peer, seconds, floor, factor, "recorded") for row, case, seconds, floor, peer in RECORDED]
    for case in ("sphere-1000", "sphere-1000-whole"):
        mine = ours.get(case)
        met = mine and mine["cpu_s"] <= SPHERE_1000_SECONDS and memory[case] <= SPHERE_1000_MB
        limit = f"{show(SPHERE_1000_SECONDS)}, {SPHERE_1000_MB} MB"
        rows.append(
            f"| 4 | `{case}` | {mine['iterations']} | {show(mine['cpu_s'])}, {memory[case]:.1f} MB | {JAX} | about 9 min, extrapolated | | | {limit} | {'met' if met else 'NOT met'} | an absolute bar |"
        )
    for row, case, peer, seconds, floor in LIBRARIES:
        live = [(name, cpu) for held, name, cpu in measured if held == case]
        for name, cpu in live:
            rows.append(line(row, case, ours.get(case), name, cpu, floor, note="measured now"))
        if not live:
            rows.append(line(row, case, ours.get(case), peer, seconds, floor, factor, "recorded; not to be imported here"))
    once = {"cpu_s": cold}
    rows.append(line("31", "cold process, sphere-10", once, "JAX, import and compilation", COLD_JAX_SECONDS, COLD_RATIO, factor, "recorded"))
    peak = max(memory["sphere-10"], memory["sphere-100"], memory["sphere-100-whole"])
    rows.append(f"| 32 | peak memory, sphere n <= 100 | | {peak:.1f} MB | {JAX} | 370 MB | {370 / peak:.3g} | | {LARGEST_MB} MB | {'met' if peak <= LARGEST_MB else 'NOT met'} | an absolute bar |")
    rows.sort(key=lambda text: int(text.split("|")[1]))
    return "\n".join(lines + rows) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="also write the table here")
    parser.add_argument("--seconds", type=float, default=0.5, help="time spent on each measurement")
    arguments = parser.parse_args()

    program = executable("likely-methods", "side_by_side_curved")
    means = executable("likely-studies", "mean_times")
    before = machine_rates(arguments.seconds)
    text = run(program) + run(means)
    measured = [(case, peer, timed(call, arguments.seconds)[0]) for case, peer, call in geomstats_peers()]
    # Once more, so that ours and the peers' readings surround each other.
    text += run(program) + run(means)
    cold = process(program, "sphere-10")[0]
    memory = {case: process(program, case)[1] for case in ("sphere-10", "sphere-100", "sphere-100-whole", "sphere-1000", "sphere-1000-whole")}
    after = machine_rates(arguments.seconds)
    page = report(parse(text), measured, before, after, cold, memory)
    sys.stdout.write(page)
    if arguments.out:
        arguments.out.write_text(page)


if __name__ == "__main__":
    main()
