"""Makes crates/likely-images/tests/golden/resize.json: pictures resized by Pillow, PyTorch and torch-fidelity.

    python scripts/golden_resize.py

Needs numpy, Pillow, torch and torch-fidelity. Pictures of 256 levels are resized by `Image.resize` in mode L, the same numbers
in mode F, and the numbers over 255 by `torch.nn.functional.interpolate` and by torch-fidelity's interpolation of TensorFlow 1.
The last case is large, so that only the SHA-256 of its levels is kept.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import PIL
import torch
from PIL import Image
from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x

OUT = Path(__file__).resolve().parent.parent / "crates/likely-images/tests/golden/resize.json"
FILTERS = {"box": Image.BOX, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS}
# Height and width before and after: down, up, down and up, along one side only, a picture of one pixel, a long way down.
SIZES = [
    ((9, 13), (4, 5)),
    ((5, 4), (11, 9)),
    ((6, 7), (9, 3)),
    ((6, 7), (6, 4)),
    ((6, 7), (10, 7)),
    ((1, 1), (3, 2)),
    ((24, 20), (2, 1)),
]
LARGE = ((28, 28), (299, 299))


def resized(levels, to, hashed):
    size = (to[1], to[0])
    results = {}
    for name, number in FILTERS.items():
        eight = np.asarray(Image.fromarray(levels).resize(size, number))
        single = np.asarray(Image.fromarray(levels.astype(np.float32)).resize(size, number))
        if hashed:
            results[f"pillow-{name}"] = hashlib.sha256(eight.tobytes()).hexdigest()
        else:
            results[f"pillow-{name}"] = eight.ravel().tolist()
            results[f"pillow-float-{name}"] = single.ravel().astype(float).tolist()
    if not hashed:
        tensor = torch.from_numpy(levels.astype(np.float64) / 255)[None, None]
        torch_result = torch.nn.functional.interpolate(tensor, size=to, mode="bilinear", align_corners=False)
        results["torch-bilinear"] = torch_result.ravel().tolist()
        tf_result = interpolate_bilinear_2d_like_tensorflow1x(tensor, size=to, align_corners=False)
        results["tensorflow1-bilinear"] = tf_result.ravel().tolist()
    return results


def main():
    rng = np.random.default_rng(0)
    cases = []
    for before, to in [*SIZES, LARGE]:
        # Half of the pixels are black or white, so that overshoots are cut.
        levels = rng.integers(0, 256, before, dtype=np.uint8)
        levels = np.where(rng.random(before) < 0.5, np.where(levels < 128, 0, 255), levels).astype(np.uint8)
        cases.append(
            {
                "from": before,
                "to": to,
                "levels": levels.ravel().tolist(),
                "resized": resized(levels, to, (before, to) == LARGE),
            }
        )
    source = f"Pillow {PIL.__version__}, torch {torch.__version__}, torch-fidelity; scripts/golden_resize.py"
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps({"source": source, "cases": cases}) + "\n")
    print(f"{OUT.name}: {len(cases)} cases, {source}")


if __name__ == "__main__":
    main()
