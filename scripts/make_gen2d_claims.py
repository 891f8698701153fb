#!/usr/bin/env python3
"""Writes the published numbers of the two-dimensional models as claims.

    scripts/make_gen2d_claims.py REFERENCE_FOLDER

REFERENCE_FOLDER holds published.json. Writes results/published/gen2d-{bvp,ivp,mean,optimisers}.json, and the columns of the flow and
of the autoregressive model beside the densities that they are trained on, two-moons-analytic.json and sine-analytic.json.

Nothing is computed here but times: published are five calls on a V100, given are seconds of one call. The notebook of version 3
(commit 397ebf3) is taken where it has a row, that of version 2 (commit 8e2127f) for the rows that only it has; where both print
different numbers, the place says what version 2 has.
"""
import json
import pathlib
import sys

root = pathlib.Path(__file__).parent.parent
published = json.loads((pathlib.Path(sys.argv[1]) / "published.json").read_text())
out = root / "results/published"

VERSION2 = "FrederikMR/likely_geometry@8e2127f (2026-01-28"
VERSION3 = "FrederikMR/likely_geometry@397ebf3 (2026-04-27"
MODELS = {"ebm": "checkerboard", "nf": "two moons", "ar": "sine", "vae": "circle"}
# Label and weight of our row of the same definition; "as released" where the definition is another.
METHODS = {
    "ProbGEORCE": ("ProbGEORCE", 20.0),
    "Linear": ("Linear", None),
    "SLERP": ("SLERP, as released", None),
    "Fisher-Rao": ("Fisher-Rao", 0.0),
    "Fisher-Rao-Reg": ("Fisher-Rao, ridge 1", 0.0),
    "Jacobian-Metric": ("Jacobian", 0.0),
    "Jacobian-Metric-Reg": ("Jacobian, ridge 1", 0.0),
    "Inverse-Density": ("Inverse density, as released", 0.0),
    "Generative-Metric": ("Generative, as released", 0.0),
    "Monge-Metric": ("Monge", 0.0),
    "Monge-Metric v2": ("Monge, as in version 2", 0.0),
    "Bethune-Metric": ("Béthune, as released", 0.0),
    "Bethune-Inverse-Metric": ("Béthune inverse, as released", 0.0),
}
OPTIMISERS = {
    "ProbGEORCE (Adaptive)": "ProbGEORCE adaptive",
    "ProbGEORCE (LS)": "ProbGEORCE, search as released",
    "Adam": "Adam", "SGD": "SGD", "RMSprop": "RMSprop", "AdamW": "AdamW", "LBFGS": "L-BFGS, as released",
}
ENERGY = {"gen2d_bvp": "energy", "gen2d_ivp": "curves-energy", "gen2d_mean": "curves-energy"}
POTENTIAL = {"gen2d_bvp": "potential-sum", "gen2d_ivp": "curves-potential-sum", "gen2d_mean": "curves-potential-sum"}
# Calls of ours in one of the five that were timed: ours shoots all ten curves, theirs timed the first alone.
SHOTS = {"gen2d_bvp": 1, "gen2d_ivp": 10, "gen2d_mean": 1}
# Where one spec has all three tasks, names of studies say which.
PREFIX = {"gen2d_bvp": "", "gen2d_ivp": "shots: ", "gen2d_mean": "mean: "}
# What no model changes: straight lines and spherical interpolation between given points, to half a printed digit.
# The end points and data of the circle are means of its encoder: there only the unit velocities of shots are free of it.
FREE = {("gen2d_bvp", "Linear"), ("gen2d_bvp", "SLERP"), ("gen2d_ivp", "Linear"), ("gen2d_ivp", "SLERP"), ("gen2d_mean", "Linear")}
# Numbers of the analytic densities that stand within five per cent of the trained models' columns.
BAND = 0.05
HELD = {
    ("gen2d_bvp", "nf", "Linear"), ("gen2d_bvp", "nf", "SLERP"), ("gen2d_bvp", "nf", "ProbGEORCE"),
    ("gen2d_bvp", "ar", "Linear"), ("gen2d_bvp", "ar", "SLERP"), ("gen2d_bvp", "ar", "ProbGEORCE"),
    ("gen2d_ivp", "ar", "Linear"), ("gen2d_ivp", "ar", "SLERP"),
}


def kind(record):
    return record["model"].split(":")[0]


def half_digit(value):
    """Half a unit of the last digit: three decimals, or three digits where an exponent is printed."""
    size = abs(value)
    return 0.0005 if size < 1000 else 0.005 * 10.0 ** (len(str(int(size))) - 1)


def rows_of(experiment):
    """Records by model, method and metric, of version 3 where it has some."""
    found = {}
    for version in (VERSION2, VERSION3):
        for record in published:
            if record["experiment"] != experiment or not record["source"].startswith(version):
                continue
            method = record["method"]
            if method == "Monge-Metric" and version == VERSION2:
                method = "Monge-Metric v2"
            key = (kind(record), method, record["metric"])
            found.setdefault(key, {})["2" if version == VERSION2 else "3"] = record
    return found


def label_of(experiment, method):
    label, weight = METHODS[method]
    # Shots ask for the tensor at one point at a time, so that nothing is summed: released and meant differ in the sign alone.
    if experiment == "gen2d_ivp" and method in ("Inverse-Density", "Generative-Metric"):
        label = label.removesuffix(", as released")
    # A study stands for all its weights.
    return label, weight if experiment == "gen2d_bvp" else None


def place(versions, note=""):
    record = versions.get("3") or versions["2"]
    version = "version 3" if "3" in versions else "version 2"
    text = f"{record['source'].split(' (')[0]} ({version}), gen2d_tables.ipynb, cells 14 and 22"
    if "2" in versions and "3" in versions and versions["2"]["value"] != versions["3"]["value"]:
        earlier = versions["2"]["value"]
        text += f"; version 2 has {earlier if earlier is not None else 'a dash'}"
    return text + note


def claim(experiment, model, method, metric, versions, analytic):
    record = versions.get("3") or versions["2"]
    label, weight = label_of(experiment, method)
    if analytic:
        label = PREFIX[experiment] + label
    value = record["value"]
    row = {"model": model, "method": label, "lambda": weight}
    what = {"energy": ENERGY[experiment], "nll_sum": POTENTIAL[experiment], "runtime_5_calls": "cpu-s"}[metric]
    if metric == "runtime_5_calls":
        shots = SHOTS[experiment]
        note = "; seconds of five calls on a V100, divided by five" + (" and times the ten shots of ours" if shots > 1 else "")
        seconds = None if value is None else round(value / 5 * shots, 9)
        return row | {"metric": what, "value": seconds, "tolerance": 0.0, "role": "compare", "place": place(versions, note)}
    role, tolerance = "compare", 0.0 if value is None else half_digit(value)
    free = (experiment, method) in FREE and (kind(record) != "vae" or (experiment, method) == ("gen2d_ivp", "Linear"))
    if value is not None and metric == "energy" and free:
        role = "reproduce"
    elif value is not None and analytic and (experiment, kind(record), method) in HELD:
        role, tolerance = "reproduce", float(f"{BAND * abs(value):.6g}")
    return row | {"metric": what, "value": value, "tolerance": tolerance, "role": role, "place": place(versions)}


def table(experiment, only=None, name=None):
    rows = []
    for (model, method, metric), versions in sorted(rows_of(experiment).items()):
        if only is None or model == only:
            rows.append(claim(experiment, name or MODELS[model], method, metric, versions, only is not None))
    return rows


def optimisers(only=None, name=None):
    """The comparison of optimisers; for one model, the rows of ProbGEORCE alone, which is what the analytic densities sweep."""
    rows = []
    for record in published:
        if record["experiment"] != "gen2d_optimizers_bvp" or not record["source"].startswith(VERSION3):
            continue
        model, value = kind(record), record["value"]
        if record["metric"] not in ("regularized_energy", "runtime_5_calls") or only not in (None, model):
            continue
        time = record["metric"] == "runtime_5_calls"
        if only is not None and (record["method"] != "ProbGEORCE (Adaptive)" or time):
            continue
        label = "ProbGEORCE" if only is not None else OPTIMISERS[record["method"]]
        row = {"model": name or MODELS[model], "method": label, "lambda": record["lambda"]}
        where = record["source"].split(" (")[0] + " (version 3; the same in version 2), comparison of optimisers"
        if time:
            seconds = None if value is None else round(value / 5, 9)
            rows.append(row | {"metric": "cpu-s", "value": seconds, "tolerance": 0.0, "role": "compare",
                               "place": where + "; seconds of five calls on a V100, divided by five"})
            continue
        tolerance = 0.0 if value is None else half_digit(value)
        if only is not None:
            tolerance = float(f"{BAND * abs(value):.6g}")
        rows.append(row | {"metric": "regularised-energy-with-ends", "value": value, "tolerance": tolerance,
                           "role": "compare" if only is None else "reproduce", "place": where})
    return rows


def write(name, note, rows):
    text = ",\n    ".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (out / name).write_text(f'{{\n  "note": {json.dumps(note, ensure_ascii=False)},\n  "claims": [\n    {text}\n  ]\n}}\n')
    print(name, len(rows), sum(row["role"] == "reproduce" for row in rows))


NOTE = ("Energies and sums of -log p as the notebooks print them: three decimals, three digits where an exponent is printed; a dash is no "
        "value. Times are five calls on a V100 and never judged.")
TRAINED = NOTE + " The authors' weights are not public: energies that need no model are judged, everything else is shown."
ANALYTIC = NOTE + (" They are numbers of a trained model beside those of the density that it is trained on: within five per cent where the "
                   "curves stay where the model has seen data, and not in its tails.")
for experiment in ("bvp", "ivp", "mean"):
    write(f"gen2d-{experiment}.json", TRAINED, table(f"gen2d_{experiment}"))
write("gen2d-optimisers.json", TRAINED, optimisers())
for only, name, file in (("nf", "two moons", "two-moons-analytic.json"), ("ar", "noisy sine", "sine-analytic.json")):
    rows = [row for experiment in ("bvp", "ivp", "mean") for row in table(f"gen2d_{experiment}", only, name)]
    write(file, ANALYTIC, rows + optimisers(only, name))
