#!/usr/bin/env python3
"""Records the results of Pillow's operations for augmentation, for Tests/ImagesTests.

    python3 Scripts/goldens/record_operations.py

Needs Pillow 13. Writes Tests/ImagesTests/Goldens/operations.tsv: the image's name, width, height,
the operation, its parameter, and the CRC-32 of the RGB bytes. The tests generate the same images.
"""

import pathlib
import zlib

from PIL import Image, ImageEnhance, ImageOps

from image_cases import noise

GOLDEN = (pathlib.Path(__file__).resolve().parents[2] / "Tests" / "ImagesTests" / "Goldens"
          / "operations.tsv")
GREY = (128, 128, 128)
NEAREST, BILINEAR = Image.Resampling.NEAREST, Image.Resampling.BILINEAR


def dim(width, height):
    """Noise with few values, other ones in each channel."""
    image = noise(width, height)
    return Image.merge("RGB", [band.point(lambda v, i=i: 30 + 60 * i + v // (7 + 9 * i))
                               for i, band in enumerate(image.split())])


def ramp(width, height):
    """Smooth, as photos are."""
    image = Image.new("RGB", (width, height))
    image.putdata([((7 * x + 3 * y) % 256, (2 * x + 5 * y) % 256, (x * y) // 4 % 256)
                   for y in range(height) for x in range(width)])
    return image


def flat(width, height):
    return Image.new("RGB", (width, height), (7, 130, 250))


IMAGES = {"noise": (noise, [(1, 1), (2, 5), (3, 3), (33, 20), (64, 64)]),
          "dim": (dim, [(40, 40)]), "ramp": (ramp, [(31, 48), (64, 64)]), "flat": (flat, [(9, 8)])}


def affine(image, filter, *matrix):
    return image.transform(image.size, Image.Transform.AFFINE, matrix, filter, fillcolor=GREY)


def cutout(image, box):
    image = image.copy()
    image.paste(GREY, box)
    return image


OPERATIONS = {
    "autoContrast": lambda image, _: ImageOps.autocontrast(image),
    "equalize": lambda image, _: ImageOps.equalize(image),
    "invert": lambda image, _: ImageOps.invert(image),
    "posterize": lambda image, bits: ImageOps.posterize(image, bits),
    "solarize": lambda image, threshold: ImageOps.solarize(image, threshold),
    "solarizeAdd": lambda image, amount: image.point(
        [min(v + amount, 255) if v < 128 else v for v in range(256)] * 3),
    "color": lambda image, factor: ImageEnhance.Color(image).enhance(factor),
    "contrast": lambda image, factor: ImageEnhance.Contrast(image).enhance(factor),
    "brightness": lambda image, factor: ImageEnhance.Brightness(image).enhance(factor),
    "sharpness": lambda image, factor: ImageEnhance.Sharpness(image).enhance(factor),
    "rotate": lambda image, angle: image.rotate(angle, BILINEAR, fillcolor=GREY),
    "shearX": lambda image, shear: affine(image, BILINEAR, 1, shear, 0, 0, 1, 0),
    "shearY": lambda image, shear: affine(image, BILINEAR, 1, 0, 0, shear, 1, 0),
    "translateX": lambda image, pixels: affine(image, NEAREST, 1, 0, pixels, 0, 1, 0),
    "translateY": lambda image, pixels: affine(image, NEAREST, 1, 0, 0, 0, 1, pixels),
    "cutout": cutout,
}
FACTORS = [0, 0.1, 0.55, 0.9, 1, 1.09, 1.45, 1.9, 3.25]
PARAMETERS = {
    "autoContrast": [0], "equalize": [0], "invert": [0], "posterize": [1, 2, 3, 4, 6, 8],
    "solarize": [0, 1, 100, 128, 255, 256], "solarizeAdd": [0, 1, 55, 110, 128],
    "color": FACTORS, "contrast": FACTORS, "brightness": FACTORS, "sharpness": FACTORS,
    "rotate": [0, 3, -3, 15, -27.5, 30, 75, 90, -90, 180, 270, 359.9, 1000],
    "shearX": [0, 0.03, -0.15, 0.3, -0.9], "shearY": [0, 0.03, -0.15, 0.3, -0.9],
    "translateX": [0, 0.5, -0.5, 1, 2.49, -3.7, 10, -21.5, 100],
    "translateY": [0, 0.5, -0.5, 1, 2.49, -3.7, 10, -21.5, 100],
}


def rows():
    for name, (generate, sizes) in IMAGES.items():
        for width, height in sizes:
            image = generate(width, height)
            boxes = [(0, 0, width, height), (width // 2, height // 3, width, height - height // 3)]
            for operation, apply in OPERATIONS.items():
                for parameter in PARAMETERS.get(operation, boxes):
                    result = apply(image, parameter)
                    assert result.mode == "RGB" and result.size == image.size
                    text = (" ".join(map(str, parameter)) if isinstance(parameter, tuple)
                            else parameter)
                    yield name, width, height, operation, text, f"{zlib.crc32(result.tobytes()):08x}"


if __name__ == "__main__":
    text = "".join("\t".join(map(str, row)) + "\n" for row in rows())
    GOLDEN.write_text(text)
    print(f"{GOLDEN.name}: {len(text.splitlines())} rows, {len(text)} bytes")
