"""Makes crates/likely-images/tests/golden/pictures: files of many kinds, and what Pillow and numpy read in them.

    python scripts/golden_pictures.py

Needs numpy, Pillow and the PyPI package `datasets`, which writes Parquet as the hub has it. `expected.json` holds for each picture
its channels, height, width and numbers, channel by channel.
"""

import io
import json
from pathlib import Path

import datasets
import numpy as np
import PIL
import pyarrow.parquet
from PIL import Image

OUT = Path(__file__).resolve().parent.parent / "crates/likely-images/tests/golden/pictures"
HEIGHT, WIDTH = 18, 21


def scene():
    """Smooth colours with an edge, red, green and blue."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    red = 255 * x / (WIDTH - 1)
    green = 127 + 120 * np.sin(y / 4)
    blue = np.where(x + y > 20, 40 + 5 * y, 220)
    return np.stack([red, green, blue], axis=-1).round().astype(np.uint8)


def described(image):
    image = image.convert("L" if image.mode in ("1", "L", "LA") else "RGB")
    numbers = np.asarray(image)
    if numbers.ndim == 2:
        numbers = numbers[..., None]
    planes = np.moveaxis(numbers, -1, 0)
    return {"shape": list(planes.shape), "levels": planes.ravel().tolist()}


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    colour = Image.fromarray(scene())
    grey = colour.convert("L")
    opaque = colour.convert("RGBA")
    kinds = {
        "grey.png": (grey, {}),
        "bits.png": (grey.convert("1"), {}),
        "grey-alpha.png": (grey.convert("LA"), {}),
        "colour.png": (colour, {}),
        "opaque.png": (opaque, {}),
        "palette.png": (colour.quantize(32), {}),
        "grey.jpg": (grey, {"quality": 90}),
        "full-chroma.jpg": (colour, {"quality": 95, "subsampling": 0}),
        "half-chroma.jpg": (colour, {"quality": 90, "subsampling": 2}),
        "progressive.jpg": (colour, {"quality": 90, "progressive": True, "subsampling": 0}),
    }
    expected = {}
    for name, (image, options) in kinds.items():
        image.save(OUT / name, **options)
        expected[name] = described(Image.open(OUT / name))
    expected["colour-in-grey"] = described(colour.convert("L"))

    # What must be refused.
    transparent = np.dstack([scene(), np.full((HEIGHT, WIDTH), 255, np.uint8)])
    transparent[3, 4, 3] = 128
    Image.fromarray(transparent).save(OUT / "refused-transparent.png")
    Image.fromarray(np.asarray(grey).astype(np.uint16) * 257).save(OUT / "refused-sixteen.png")
    colour.convert("CMYK").save(OUT / "refused-cmyk.jpg")
    grey.save(OUT / "refused-animated.png", save_all=True, append_images=[grey.rotate(180)])

    pictures = []
    for turn in range(3):
        file = io.BytesIO()
        colour.rotate(90 * turn, expand=False).save(file, "PNG")
        pictures.append({"bytes": file.getvalue(), "path": None})
        expected[f"row {turn}"] = described(Image.open(io.BytesIO(file.getvalue())))
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["a", "b", "c"])})
    table = datasets.Dataset.from_dict({"image": pictures, "label": [2, 0, 1]}, features=features)
    table.to_parquet(OUT / "train-00000-of-00001.parquet")
    # Older data sets of the hub are compressed.
    compressed = table.select([2]).with_format("arrow")[:]
    pyarrow.parquet.write_table(compressed, OUT / "test-00000-of-00001.parquet", compression="snappy")
    pyarrow.parquet.write_table(compressed, OUT / "refused-zstd.parquet", compression="zstd")

    source = f"Pillow {PIL.__version__}, datasets {datasets.__version__}; scripts/golden_pictures.py"
    (OUT / "expected.json").write_text(json.dumps({"source": source, "pictures": expected}) + "\n")
    print(f"{len(expected)} pictures, {source}")


if __name__ == "__main__":
    main()
