#!/usr/bin/env python3
"""Writes the fuzzers' seeds, one folder per fuzzer.

Usage: Scripts/fuzzing/make_seeds.py FOLDER

Most seeds come from the tests' goldens; the rest are written here. Scripts/fuzzing/fuzz calls this
before each run. Needs only Python's standard library.
"""

import base64
import io
import json
import pathlib
import struct
import sys
import zipfile

TESTS = pathlib.Path(__file__).resolve().parents[2] / "Tests"
WEIGHTS = TESTS / "WeightsTests" / "Goldens"
LONGEST = 16 << 10
LEGACY_MAGIC = bytes.fromhex("80028a0a6cfc9c46f9206aa850192e80024de9032e")


def images():
    """(fuzzer, image) for every image in the goldens, and their EXIF blocks."""
    goldens = TESTS / "ImagesTests" / "Goldens"
    tables = ("decoding.tsv", "gif.tsv", "tiff.tsv", "heif.tsv")
    for line in "".join((goldens / table).read_text() for table in tables).splitlines():
        name, data = line.split("\t")[:2]
        image = base64.b64decode(data)
        yield name.split()[0], image
        start = image.find(b"Exif\0\0")
        if start > 4 and name.startswith("jpeg"):
            length = struct.unpack(">H", image[start - 2:start])[0]
            yield "exif", image[start + 6:start - 2 + length]


def bitmaps():
    """Images that Pillow cannot read, so the goldens lack them."""
    for kind, depth in (("BLACKANDWHITE", 1), ("GRAYSCALE", 1), ("GRAYSCALE_ALPHA", 2), ("RGB", 3),
                        ("RGB_ALPHA", 4)):
        for maximum, size in ((1, 1), (255, 1), (1000, 2)):
            yield "pnm", (f"P7\nWIDTH 2\nHEIGHT 3\nDEPTH {depth}\nMAXVAL {maximum}\n"
                          f"TUPLTYPE {kind}\nENDHDR\n").encode() + bytes(range(6 * depth * size))
    yield "pnm", b"P7 # no type\nMAXVAL 255 DEPTH 3 HEIGHT 1 WIDTH 1\nENDHDR\nabc"


def weights():
    for path in sorted(WEIGHTS.iterdir()):
        data = path.read_bytes()
        if path.suffix == ".npy":
            yield "npy", data
        elif path.suffix == ".safetensors":
            yield "safetensors", data
        elif data.startswith(LEGACY_MAGIC):
            yield "torch-legacy", data[len(LEGACY_MAGIC):]
        else:
            yield "torch-zip", data
            archive = zipfile.ZipFile(io.BytesIO(data))
            for name in archive.namelist():
                if name.endswith("/data.pkl"):
                    yield "pickle", archive.read(name)
    tensors = {"__metadata__": {"model": "x", "\u00e9\"\\": "\U0001f408\n"},
               "a": {"dtype": "F32", "shape": [2, 1], "data_offsets": [0, 8]},
               "b.c": {"dtype": "BF16", "shape": [], "data_offsets": [8, 10]},
               "d": {"dtype": "F8_E4M3", "shape": [0, 7], "data_offsets": [10, 10]},
               "e": {"dtype": "I64", "shape": [1], "data_offsets": [10, 18]}}
    for escaped in (True, False):
        header = json.dumps(tensors, ensure_ascii=escaped).encode()
        yield "safetensors", struct.pack("<Q", len(header)) + header + bytes(18)


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def pickled(kind, count, shape, strides, key="0", offset=0, ordered=True):
    """A state dict with one tensor; the fuzzer adds the archive that holds its storage."""
    def numbers(values):
        return b"(" + b"".join(b"K" + bytes([value]) for value in values) + b"t"
    storage = (b"(" + text("storage") + b"ctorch\n" + kind.encode() + b"\n" + text(key)
               + text("cpu") + b"K" + bytes([count]) + b"tQ")
    tensor = (b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K" + bytes([offset])
              + numbers(shape) + numbers(strides) + b"\x89ccollections\nOrderedDict\n)RtR")
    start = b"ccollections\nOrderedDict\n)R" if ordered else b"}"
    return b"\x80\x02" + start + b"q\0(" + text("features.0.weight") + tensor + b"u."


def pickles():
    yield pickled("FloatStorage", 16, [2, 8], [8, 1])
    yield pickled("FloatStorage", 16, [8, 2], [1, 8], ordered=False)
    yield pickled("HalfStorage", 32, [3, 2, 2], [4, 1, 2], key="1", offset=7)
    yield pickled("BFloat16Storage", 32, [], [])
    yield pickled("DoubleStorage", 8, [0, 3], [3, 1])
    yield pickled("LongStorage", 8, [8], [1])
    yield pickled("BoolStorage", 64, [2, 2, 2], [1, 2, 4], ordered=False)
    inner = pickled("FloatStorage", 16, [16], [1])[2:-1]
    yield b"\x80\x02}(" + text("epoch") + b"K\x05" + text("state_dict") + inner + b"u."
    # Objects, made in every way, with attributes and members; averages; a module; a list.
    namespace = b"cargparse\nNamespace\n"
    state = b"}(" + text("lr") + b"K\x01" + text("_modules") + b"}" + text("_parameters") + inner + b"u"
    for made in (namespace + b")\x81", namespace + b")}\x92", namespace + b")R",
                 b"(" + namespace + b"o", b"(iargparse\nNamespace\n"):
        yield b"\x80\x02}(" + text("args") + made + state + b"b" + text("model") + inner + b"u."
        yield b"\x80\x02" + made + b"(" + text("model") + inner + b"u."
    yield (b"\x80\x02}(" + text("state_dict") + inner + text("state_dict_ema") + inner
           + text("n_averaged") + b"](K\x01" + inner + b"e" + b"u.")
    yield (b"\x80\x04}(" + text("a") + b"\x8f(K\x01\x90" + text("b") + b"(K\x01\x91" + text("c")
           + b"B\x02\0\0\0ab" + text("d") + b"\x8b\x09\0\0\0" + bytes(9) + text("w") + inner + b"u.")


def texts():
    yield "paths", b"a.jpg\nfolder/b.png\n\n-x\n"
    yield "paths", b"a.jpg\0b\nc\0\0d"
    yield "paths", b"caf\xc3\xa9\r\n\xff\xfe\n"
    yield "paths", b"x" * 70_000 + b"\n" + b"y" * 5
    yield "labels", b"cat\ndog\n"
    yield "labels", b"\xef\xbb\xbfchat\xc3\xa9\r\nchien\r\n"
    yield "labels", b"one"
    yield "labels", b"one\rtwo\r"
    yield "labels", b"\xff\xfea\0\n\0b\0"
    yield "labels", b'["cat", "dog"]'
    yield "labels", b'{"id2label": {"0": "cat", "1": "dog"}}'
    yield "labels", b'{"1": ["n2", "dog"], "0": ["n1", "cat"]}'
    recipe = {"model": "mobilenetv3-small", "padding": "same", "epsilon": "0.001",
              "labels": "cat\ndog", "source": "nowhere", "license": "MIT",
              "width_multiplier": "0.75", "reduced_tail": "true", "preprocessing.resize": "256",
              "preprocessing.crop": "224", "preprocessing.interpolation": "bilinear",
              "preprocessing.mean": "0.5,0.5,0.5", "preprocessing.fit": "squash",
              "preprocessing.standard_deviation": "1.0,5e-1,0.25"}
    yield "metadata", "".join(f"{key}\0{value}\0" for key, value in recipe.items()).encode()
    for key, value in recipe.items():
        yield "metadata", f"{key}\0{value}\0".encode()
    yield "record", b"%064d  weights.safetensors\n" % 0
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    yield "record", f"{empty}  weights.safetensors\n".encode()
    for name in ("tf_efficientnetv2_s", "mobilenetv3_small_100", "tf_efficientnet_lite0"):
        recipe = {"tag": "in1k", "input_size": [3, 300, 300], "crop_pct": 0.875, "mean": [0.5] * 3,
                  "std": [0.5, 5e-1, 0.5], "interpolation": "bicubic", "crop_mode": "center",
                  "test_input_size": [3, 384, 384], "test_crop_pct": 1.0}
        configuration = {"architecture": name, "num_classes": 2, "pretrained_cfg": recipe,
                         "label_names": ["n1", "n2"],
                         "label_descriptions": {"n1": "cat", "n2": "d\u00f6g\n"}}
        yield "json", json.dumps(configuration).encode()
        yield "json", json.dumps({"architecture": name} | recipe, indent=1).encode()
    result = {"model": "effnet-lite0", "input_shape": [224, 224, 3], "macs": 385_000_000,
              "backend": "auto", "precision": "bf16", "threads": 2, "batch": 1, "p50_ms": 6.5, "min_ms": 6,
              "round_p50_ms": [6.5, 6.25, 7e0]}
    report = {"schema": 1, "environment": {"cpu": "x", "cores": 2}, "results": [result, result]}
    yield "bench", json.dumps(report).encode()
    yield "bench", json.dumps(report | {"results": [result], "environment": {}}).encode()
    yield "json", b'[null, true, false, -1.5e+3, 0, "\\ud83d\\udc08\\n", {"a": [[]]}, {}]'


def runs():
    """The state of a linear layer's training, and a log's header."""
    tensors = {"__metadata__": {
        "format": "cnnzoo training state 1", "number": "4", "log.bytes": "1234",
        "log.checksum": "0123456789abcdef", "epoch": "3", "step": "7", "updates": "307",
        "epoch.images": "224", "epoch.correct": "77", "epoch.loss": "2.4333333333333336",
        "epoch.seconds": "7e-09", "best.epoch": "2", "best.value": "0.6666666666666666"}}
    position = 0
    for buffer in ("values", "average", "state.0"):
        for name, shape in (("weight", [2, 1]), ("bias", [2])):
            tensors[f"{buffer}.classifier.{name}"] = {
                "dtype": "F32", "shape": shape, "data_offsets": [position, position + 8]}
            position += 8
    tensors["checksum"] = {"dtype": "U64", "shape": [1], "data_offsets": [position, position + 8]}
    header = json.dumps(tensors).encode()
    yield "state", struct.pack("<Q", len(header)) + header + bytes(position + 8)
    configuration = {
        "epochs": 7, "batch": 5, "accumulation": 3, "image_size": 97,
        "validation_share": 0.15, "minimum_crop_area": 0.35, "flips": True,
        "seed": "18446744073709551615", "loss": "sigmoid", "label_smoothing": 0.1,
        "weight_decay": 1e-5, "average_decay": None, "clip_norm": 2.5,
        "batch_norm": "fixed", "batch_norm_momentum": 0.1, "stochastic_depth": 0,
        "dropout": 0.5, "frozen_stages": 2, "layer_decay": 0.9}
    optimizers = ({"name": "sgd", "momentum": 0.9},
                  {"name": "rmsprop", "decay": 0.9, "momentum": 0.9, "epsilon": 1e-3},
                  {"name": "adamw", "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8})
    schedules = ({"name": "constant", "rate": 0.1, "warmup_epochs": 0},
                 {"name": "cosine", "rate": 0.1, "warmup_epochs": 1.5},
                 {"name": "staircase", "rate": 0.016, "warmup_epochs": 5, "factor": 0.97,
                  "step_epochs": 2.4})
    for optimizer, schedule in zip(optimizers, schedules):
        log = {"type": "header", "schema": 1, "time": 1_700_000_000, "processor": "x", "threads": 2,
               "folder": "images", "output": "own.safetensors", "includes_hidden": False, "command": [],
               "model": "linear", "program": "1.0 (abc)", "instruction_set": "avx2",
               "data": "d4", "initial_weights": "1f",
               "configuration": configuration | {"optimizer": optimizer, "schedule": schedule},
               "parameters": {"classifier.weight": [2, 1], "classifier.bias": [2]}}
        yield "log", json.dumps(log).encode() + b"\n" + b'{"type":"step"}\n'


def content_hash(data):
    """Sources/Host/ContentHash.swift."""
    words = [len(data), *struct.unpack_from(f"<{len(data) // 8}Q", data), *data[len(data) // 8 * 8:]]
    digits = ""
    for state, factor in ((0x9E3779B97F4A7C15, 0xFF51AFD7ED558CCD),
                          (0xC2B2AE3D27D4EB4F, 0xC4CEB9FE1A85EC53)):
        for word in words:
            state = (state ^ word) * factor & 0xFFFFFFFFFFFFFFFF
            state ^= state >> 29
        digits += f"{state:016x}"
    return digits


def lists():
    """Lists of the images that Tests/Fuzz/RunTargets.swift writes."""
    for failures, escaped in (((), True), ((), False), ((1, 5), False)):
        lines = []
        for index, name in enumerate(["a/0", "a/1", "a/\u00e9 \"\\\n", "b/0", "b/1", "b/2"]):
            line = {"file": f"{name}.ppm", "hash": content_hash(b"P6 1 1 255\n" + bytes([index] * 3))}
            if index in failures:
                line["error"] = "damaged PNM data: x"
            else:
                line |= {"class": name[0], "split": "val" if index in (2, 4) else "train"}
            lines.append(json.dumps(line, ensure_ascii=escaped) + "\n")
        yield "images", "".join(lines).encode()
        yield "images", "".join(lines[1:]).encode()


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    seeds = [*images(), *bitmaps(), *weights(), *(("pickle", each) for each in pickles()), *texts(),
             *runs(), *lists()]
    counts = {}
    for fuzzer, data in seeds:
        if len(data) > LONGEST and fuzzer != "paths":
            continue
        number = counts[fuzzer] = counts.get(fuzzer, 0) + 1
        path = folder / fuzzer / f"{number:03}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


if __name__ == "__main__":
    main()
