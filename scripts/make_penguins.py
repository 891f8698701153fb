"""Makes experiments/data/penguins.csv from the npm package vega-datasets 3.2.1 (data/penguins.json).

    python scripts/make_penguins.py [penguins.json]

Without an argument the package is fetched by `npm pack`. Rows in which a measure is missing are dropped and counted.
Needs nothing but Python.
"""

import csv
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "vega-datasets@3.2.1"
JSON_SHA256 = "0facf769609f1205b82cbceb8238c36af3e6147a0ca0e163902cc6281ce3e917"
OUT = Path(__file__).resolve().parent.parent / "experiments/data/penguins.csv"
COLUMNS = {
    "species": "Species",
    "bill_length_mm": "Beak Length (mm)",
    "bill_depth_mm": "Beak Depth (mm)",
    "flipper_length_mm": "Flipper Length (mm)",
    "body_mass_g": "Body Mass (g)",
}


def fetch():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as tar:
            return tar.extractfile("package/data/penguins.json").read()


def main():
    text = Path(sys.argv[1]).read_bytes() if len(sys.argv) > 1 else fetch()
    found = hashlib.sha256(text).hexdigest()
    if found != JSON_SHA256:
        sys.exit(f"penguins.json has sha256 {found}, expected {JSON_SHA256}")
    rows = [[row[name] for name in COLUMNS.values()] for row in json.loads(text)]
    kept = [row for row in rows if None not in row]
    with OUT.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(kept)
    print(f"{OUT.name}: {len(kept)} rows, {len(rows) - len(kept)} dropped, sha256 {hashlib.sha256(OUT.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
