#!/usr/bin/env python3
"""Records how Pillow and torchvision decode and prepare images, for Tests/ImagesTests.

    python3 Scripts/goldens/record_images.py [--photos FOLDER ...]

Needs Pillow 13, pillow-heif, torch, torchvision and numpy. Writes to Tests/ImagesTests/Goldens:

  decoding.tsv       name, the image in base64, and either width, height and the CRC-32 of
                     Pillow's RGB bytes, upright and as stored, or the kind of error expected
  jpeg-rows.tsv      the same, for larger JPEGs
  gif.tsv, tiff.tsv  the same, for formats whose libraries may be missing
  heif.tsv           name, the image in base64, width, height, and Pillow's RGB bytes in base64
  resizing.tsv       width, height, new width, new height, filter, CRC-32 of the RGB bytes
  boxes.tsv          width, height, box (left, top, right, bottom), new width, new height, filter,
                     CRC-32 of the RGB bytes
  preprocessing.tsv  width, height, resize, crop, filter, mean, std, CRC-32 of the float32
                     values in [rows, columns, channels] order
  drafts.tsv         name in jpeg-rows.tsv, resize, crop, filter, CRC-32 of the values of the
                     image that `draft` scaled down
  photos.tsv         only with --photos: name, width, height, CRC-32 of the RGB bytes as stored,
                     CRC-32 of the values at resize 256, crop 224, bilinear

Resized images come from a generator that the tests reproduce: `noise` in image_cases.py.
"""

import argparse
import base64
import io
import pathlib
import unittest.mock
import warnings
import zlib

import torchvision.transforms as transforms
from PIL import Image, ImageOps

from image_cases import jpeg_cases, jpeg_row_cases, noise, png_cases, pnm_cases, webp_cases
from raster_cases import bmp_cases, gif_cases, heif_cases, tiff_cases

GOLDENS = pathlib.Path(__file__).resolve().parents[2] / "Tests" / "ImagesTests" / "Goldens"
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
RECIPES = [IMAGENET, ((0.5,) * 3, (0.5,) * 3), ((127 / 255,) * 3, (128 / 255,) * 3)]
FILTERS = {"bilinear": transforms.InterpolationMode.BILINEAR,
           "bicubic": transforms.InterpolationMode.BICUBIC}


def crc(data):
    return f"{zlib.crc32(data):08x}"


def outcome(data):
    """Pillow's width, height, CRC upright and CRC as stored of a file; None if it fails."""
    try:
        upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
        # A TIFF is turned when it is loaded.
        with unittest.mock.patch.object(ImageOps, "exif_transpose"):
            stored = Image.open(io.BytesIO(data)).convert("RGB")
        return (str(upright.width), str(upright.height), crc(upright.tobytes()),
                crc(stored.tobytes()))
    except Exception:  # Pillow raises many types for a damaged file.
        return None


def write(name, rows):
    text = "".join("\t".join(map(str, row)) + "\n" for row in rows)
    (GOLDENS / name).write_text(text)
    print(f"{name}: {len(text.splitlines())} rows, {len(text)} bytes")


def recorded(*families):
    for cases in families:
        for name, data, *failure in cases():
            known = outcome(data)
            if (known is None) != bool(failure) and name not in ("jpeg lossless", "tiff Lab"):
                raise SystemExit(f"{name}: Pillow says {known}, the script expects {failure}")
            yield (name, base64.b64encode(data).decode(), *(failure or known))


def decoding():
    return recorded(png_cases, jpeg_cases, webp_cases, pnm_cases, bmp_cases)


def heif():
    """HEIC and AVIF files and Pillow's pixels themselves, as the tests allow small differences."""
    for name, data in heif_cases():
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
        yield (name, base64.b64encode(data).decode(), image.width, image.height,
               base64.b64encode(image.tobytes()).decode())


def resizing():
    outs = [(1, 1), (1, 9), (9, 1), (5, 5), (17, 31), (64, 40), (37, 24), (40, 4)]
    for width, height in [(1, 1), (1, 7), (7, 1), (3, 5), (16, 16), (37, 24), (200, 3), (3, 200)]:
        for size in outs:
            for name, mode in (("bilinear", 2), ("bicubic", 3)):
                image = noise(width, height).resize(size, mode)
                yield width, height, *size, name, crc(image.tobytes())


def boxes():
    sizes = {(1, 1): [(0, 0, 1, 1)],
             (16, 16): [(0, 0, 16, 16), (3, 5, 4, 6), (0, 0, 8, 16), (8, 1, 16, 15)],
             (37, 24): [(0, 0, 37, 24), (5, 2, 29, 20), (1, 23, 37, 24), (20, 0, 21, 24)],
             (3, 200): [(0, 10, 3, 190), (1, 0, 2, 200)],
             (60, 90): [(7, 11, 51, 70), (30, 30, 34, 33)]}
    for (width, height), parts in sizes.items():
        for box in parts:
            for size in [(1, 1), (8, 8), (16, 16), (33, 20)]:
                for name, mode in (("bilinear", 2), ("bicubic", 3)):
                    image = noise(width, height).resize(size, mode, box=box)
                    yield width, height, *box, *size, name, crc(image.tobytes())


def values(image, resize, crop, name, recipe):
    tensor = transforms.Compose([
        transforms.Resize(resize, FILTERS[name]), transforms.CenterCrop(crop),
        transforms.ToTensor(), transforms.Normalize(*recipe)])(image)
    return crc(tensor.permute(1, 2, 0).contiguous().numpy().astype("<f4").tobytes())


def preprocessing():
    for number, (width, height) in enumerate([(1, 1), (2, 5), (5, 17), (40, 30), (31, 30),
                                              (30, 31), (100, 63), (64, 64), (150, 7)]):
        for resize, crop in [(1, 1), (7, 7), (8, 7), (9, 5), (16, 33), (17, 20), (32, 28)]:
            for name in FILTERS:
                recipe = RECIPES[(number + resize) % 3]
                lists = (",".join(map(repr, list_)) for list_ in recipe)
                yield (width, height, resize, crop, name, *lists,
                       values(noise(width, height), resize, crop, name, recipe))


def drafts():
    """Values of the larger JPEGs, decoded at 1/2, 1/4 and 1/8 of their size as Pillow's `draft` does."""
    for name, data in jpeg_row_cases():
        for divisor, resize, crop in [(2, 22, 16), (4, 11, 8), (8, 5, 4)]:
            image = Image.open(io.BytesIO(data))
            if image.mode == "CMYK":
                continue
            image.draft("RGB", (image.width // divisor, image.height // divisor))
            for filter_name in FILTERS:
                yield name, resize, crop, filter_name, values(
                    image.convert("RGB"), resize, crop, filter_name, IMAGENET)


def photos(folders):
    paths = [path for folder in folders for path in folder.iterdir()
             if path.suffix in (".JPEG", ".png")]
    for path in sorted(paths, key=lambda path: path.name):
        image = Image.open(path).convert("RGB")
        yield (path.name, image.width, image.height, crc(image.tobytes()),
               values(image, 256, 224, "bilinear", IMAGENET))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=pathlib.Path, nargs="+",
                        help="folders of .JPEG and .png files to record")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    GOLDENS.mkdir(parents=True, exist_ok=True)
    write("decoding.tsv", decoding())
    write("jpeg-rows.tsv", recorded(jpeg_row_cases))
    write("gif.tsv", recorded(gif_cases))
    write("tiff.tsv", recorded(tiff_cases))
    write("heif.tsv", heif())
    write("resizing.tsv", resizing())
    write("boxes.tsv", boxes())
    write("preprocessing.tsv", preprocessing())
    write("drafts.tsv", drafts())
    if options.photos:
        write("photos.tsv", photos(options.photos))


if __name__ == "__main__":
    main()
