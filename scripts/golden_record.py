"""Writes crates/likely-record/tests/format-1: files of a run folder of format 1, made without the Rust code.

Usage: python3 scripts/golden_record.py
"""

import hashlib
import json
import struct
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "crates/likely-record/tests/format-1"


def key(pair: str) -> dict:
    return {
        "experiment": "tiny",
        "model": "GMM",
        "method": "ProbGEORCE",
        "lambda": 10.0,
        "pair": pair,
        "repetition": 0,
        "segments": 2,
    }


def key_hash(axes: dict) -> str:
    digest = hashlib.sha256(b"likely cell v1")
    weight = struct.pack(">d", axes["lambda"]).hex()
    parts = [axes["experiment"], axes["model"], axes["method"], weight, axes["pair"]]
    for part in [*parts, str(axes["repetition"]), str(axes["segments"])]:
        digest.update(struct.pack("<Q", len(part.encode())) + part.encode())
    return digest.hexdigest()[:24]


def curve_file(points: int, dim: int, values: list[float]) -> bytes:
    data = struct.pack(f"<{len(values)}d", *values)
    tensor = {"dtype": "F64", "shape": [points, dim], "data_offsets": [0, len(data)]}
    header = json.dumps({"curve": tensor}, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + data


def write(name: str, value: dict) -> None:
    # Serde writes small numbers without an exponent where they are short.
    text = json.dumps(value, indent=2).replace("9.5e-05", "0.000095")
    (FOLDER / name).write_text(text + "\n")


def main() -> None:
    curve = curve_file(3, 2, [0.0, 1.0, 0.1, -0.0, 1.0 / 3.0, 2.2250738585072014e-308])
    write("timing.json", {"format": 1, "wall-s": 0.25, "cpu-s": 0.125})
    write(
        "plan.json",
        {
            "format": 1,
            "experiment": "tiny",
            "spec-version": 1,
            "tier": "smoke",
            "identity": "0123456789abcdef" * 4,
            "cells": [
                {"hash": key_hash(key(pair)), "key": key(pair), "evaluations-at-most": 100} for pair in ["0", "1"]
            ],
        },
    )
    write(
        "cell.json",
        {
            "format": 1,
            "key": key("0"),
            "status": "ok",
            "reason": None,
            "stop": {
                "kind": "converged",
                "converged": True,
                "grad-norm-l2": 9.5e-5,
                "text": "converged, gradient norm 9.50e-5",
            },
            "iterations": 7,
            "evaluations": {"values": 14, "gradients": 7},
            "lambda-norm": 0.1 + 0.2,
            "reduction": None,
            "metrics": [
                {"id": "log-likelihood-mean", "value": -4.1, "std-err": None, "reason": None},
                {"id": "barrier", "value": None, "std-err": None, "reason": "needs a potential"},
            ],
            "curve-sha256": hashlib.sha256(curve).hexdigest(),
        },
    )


if __name__ == "__main__":
    main()
