#!/usr/bin/env python3
"""Writes small images of unusual kinds for the tests of training.

    python3 Scripts/goldens/record_odd_images.py

Needs pillow and numpy. Writes Tests/CommandTests/Goldens/odd: the same image as JPEG with each EXIF
orientation, stored so that it is upright when the orientation is applied, as CMYK JPEG, as PNG with 16
bits, as grey PNG, and as GIF; and an image of one pixel.
"""

import pathlib

import numpy as np
from PIL import Image

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "Tests/CommandTests/Goldens/odd"
# How the upright image is stored for each EXIF orientation.
STORED = {
    1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270,
}


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    y, x = np.mgrid[0:24, 0:32]
    pixels = np.stack([8 * x, 10 * y, 128 + 0 * x], axis=-1).clip(0, 255).astype(np.uint8)
    upright = Image.fromarray(pixels)
    for orientation, transpose in STORED.items():
        stored = upright if transpose is None else upright.transpose(transpose)
        exif = Image.Exif()
        exif[0x0112] = orientation
        stored.save(FOLDER / f"exif-{orientation}.jpg", quality=95, subsampling=0, exif=exif)
    upright.convert("CMYK").save(FOLDER / "cmyk.jpg", quality=95)
    Image.fromarray(pixels[..., 0].astype(np.uint16) * 257).save(FOLDER / "sixteen.png")
    upright.convert("L").save(FOLDER / "grey.png")
    upright.save(FOLDER / "image.gif")
    Image.new("RGB", (1, 1), (200, 30, 60)).save(FOLDER / "pixel.png")


if __name__ == "__main__":
    main()
