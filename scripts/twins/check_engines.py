"""Whether the two engines take the same steps: weights after the first steps of each schedule, from the same points and noise.

    python scripts/twins/check_engines.py [--steps 10]

Needs torch and jax. Rounding in float32 flips single ReLUs of the energy network after some steps, and the weights then part;
a wrong optimiser or loss shows in the first ones.
"""
import argparse
import contextlib
import io
import pathlib
import sys
import tempfile

import numpy as np

import autoregressive
import diffusion_2d
import energy_network
import vae

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--steps", type=int, default=10)
options = parser.parse_args()
failed = False
for module in (autoregressive, vae, diffusion_2d, energy_network):
    module.likelihood = lambda model, held, final, options: (held[:, 0], {})
    weights = {}
    for engine in ("torch", "jax"):
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
            sys.argv = ["", "--out", folder, "--steps", str(options.steps), "--evaluations", "1", "--engine", engine]
            module.main()
            weights[engine] = dict(np.load(pathlib.Path(folder) / f"{module.NAME}-weights.npz"))
    gap = max(np.abs(weights["torch"][key] - weights["jax"][key]).max() for key in weights["torch"])
    print(f"{module.NAME}: weights differ by at most {gap:.1e} after {options.steps} steps", flush=True)
    failed |= not gap < 1e-5
sys.exit(failed)
