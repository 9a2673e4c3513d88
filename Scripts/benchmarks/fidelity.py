"""Measures how far lower precision is from f32 on images; run it through Scripts/benchmarks/fidelity.

cnnzoo classifies the images at each precision. OpenVINO at bf16 and ONNX Runtime at int8 (static,
calibrated on images of another folder) get the same images, prepared by Pillow; OpenVINO at f32 shows
that network and images are the same. Every row is compared with cnnzoo at f32: equal first class; mean
KL divergence of the probabilities; root mean square of the logits' differences relative to that of the
logits, each image's logits centred. Accuracy is counted where labels are known: from labels.tsv in the
folder (file and index of the class), or from subfolders named after classes, as in Imagenette.

WEIGHTS may be "seeded", the tests' formula, or "random": torchvision's random weights with the batch
statistics of images from the calibration folder. The latter are useless for deep networks, which then
amplify even the rounding of f32: see OpenVINO's row.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import torch

import command
import conversion
import networks
from other_engines import OnnxRuntime, OpenVino

CLASSES = 1000


def prepare_weights(options, folder):
    """Converts the weights; returns the file, the torch network and its preprocessing."""
    source, target = options.weights, f"{folder}/weights.safetensors"
    extra = []
    if source in ("seeded", "random"):
        size = networks.INPUT_SIZES[options.model]
        network = networks.seeded(options.model)
        if source == "random":
            preparation = networks.imagenet_preparation(size)
            paths = networks.spread(options.calibration, 32)
            network = networks.calibrated(options.model, (
                torch.from_numpy(np.concatenate([preparation(path) for path in paths[i:i + 8]]))
                for i in range(0, len(paths), 8)))
        source = f"{folder}/weights.pth"
        torch.save(network.state_dict(), source)
        extra = ["--padding", "symmetric", "--resize", str(size), "--crop", str(size),
                 "--interpolation", "bilinear"]
    for name in ("mean", "std", "padding", "resize", "crop", "interpolation"):
        value = getattr(options, name)
        extra += [f"--{name}", value] if value else []
    subprocess.run([options.tool, "convert", source, target, "--model", options.model, *extra],
                   check=True, stdout=subprocess.DEVNULL)
    network, metadata = networks.load(options.model, target)
    return target, network, networks.Preparation(metadata)


def classified(options, weights, paths, precision):
    """Logits of `cnnzoo classify`, and the names of the classes; None without the precision."""
    arguments = ["-k", "0", "--activation", "none", "--files-from", "-", "-t", str(options.threads)]
    if precision != "f32":
        arguments += ["--precision", precision]
    with tempfile.TemporaryFile("w+") as listing:
        listing.writelines(f"{path}\n" for path in paths)
        listing.seek(0)
        process = subprocess.Popen(
            command.classify(options.tool, command.network(options.model, weights), *arguments),
            stdin=listing, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        logits, names = np.full((len(paths), CLASSES), np.nan, np.float32), {}
        for row, line in zip(logits, process.stdout):
            for entry in json.loads(line)["top"]:
                row[entry["index"]] = entry["logit"]
                names[entry["index"]] = entry["label"]
        failure = process.stderr.read()
        if process.wait():
            print(f"cnnzoo at {precision}: {failure.strip()}", file=sys.stderr)
            return None, names
    return logits, names


def labels(options, paths, names):
    """The class of each image, or -1."""
    table = options.images_folder / "labels.tsv"
    if table.exists():
        rows = [line.split("\t") for line in table.read_text().splitlines()]
        known = {row[0]: int(row[1]) for row in rows if len(row) > 1 and row[1].isdigit()}
        return np.array([known.get(path.name, -1) for path in paths])
    known = {name.lower().replace(" ", "_"): index for index, name in names.items()}
    return np.array([known.get(path.parent.name.lower(), -1) for path in paths])


def other_engines(options, network, preparation, folder, paths):
    """Logits of the other engines by label, one image at a time."""
    example = preparation(paths[0])
    conversion.onnx(network, torch.from_numpy(example), folder)
    conversion.quantised_onnx(
        folder, map(preparation, networks.spread(options.calibration, options.calibration_count)))
    engines = {
        "OpenVINO, f32": OpenVino(f"{folder}/f32.onnx", "f32", options.threads, example),
        "OpenVINO, bf16": OpenVino(f"{folder}/f32.onnx", "bf16", options.threads, example),
        "ONNX Runtime, int8": OnnxRuntime(f"{folder}/int8.onnx", "int8", options.threads, example),
    }
    logits = {label: np.empty((len(paths), CLASSES), np.float32) for label in engines}
    for index, path in enumerate(paths):
        image = preparation(path)
        for label, engine in engines.items():
            engine.set(image)
            logits[label][index] = engine.run()[0]
    return logits


def log_probabilities(logits):
    shifted = (logits - logits.max(axis=1, keepdims=True)).astype(np.float64)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def compare(label, logits, reference, truth):
    """A row of the table."""
    ours, theirs = (values - values.mean(axis=1, keepdims=True) for values in (logits, reference))
    error = np.sqrt(np.mean((ours - theirs) ** 2) / np.mean(theirs**2))
    p, q = log_probabilities(reference), log_probabilities(logits)
    divergence = np.mean(np.sum(np.exp(p) * (p - q), axis=1))
    first = logits.argmax(axis=1)
    agreement = np.mean(first == reference.argmax(axis=1))
    known = truth >= 0
    accuracy = f"{np.mean(first[known] == truth[known]):.2%}" if known.any() else "–"
    return f"| {label} | {agreement:.2%} | {divergence:.1e} | {error:.2%} | {accuracy} |"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=networks.INPUT_SIZES)
    parser.add_argument("weights", help='file, "seeded" or "random"')
    parser.add_argument("images_folder", metavar="images", type=pathlib.Path)
    parser.add_argument("--calibration", type=command.images_in, required=True,
                        help="folder of other images")
    parser.add_argument("--calibration-count", type=int, default=128)
    parser.add_argument("--count", type=int, help="images, evenly spaced (default: all)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tool", default=command.CNNZOO, help="the cnnzoo command")
    for name in ("mean", "std", "padding", "resize", "crop", "interpolation"):
        parser.add_argument(f"--{name}", help="as for cnnzoo convert")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_grad_enabled(False)
    paths = command.images_in(options.images_folder)
    paths = networks.spread(paths, options.count or len(paths))
    with tempfile.TemporaryDirectory() as folder:
        weights, network, preparation = prepare_weights(options, folder)
        reference, names = classified(options, weights, paths, "f32")
        if reference is None:
            raise SystemExit(1)
        truth = labels(options, paths, names)
        print(f"{options.model}, {len(paths)} images, {len(set(reference.argmax(axis=1)))} first "
              f"classes at f32, {np.sum(truth >= 0)} with labels.\n")
        print("| | top-1 as at f32 | KL divergence | error of the logits | top-1 accuracy |")
        print("|---|---:|---:|---:|---:|")
        print(compare("cnnzoo, f32", reference, reference, truth), flush=True)
        for precision in ("bf16", "int8"):
            logits, _ = classified(options, weights, paths, precision)
            if logits is not None:
                print(compare(f"cnnzoo, {precision}", logits, reference, truth), flush=True)
        for label, logits in other_engines(options, network, preparation, folder, paths).items():
            print(compare(label, logits, reference, truth), flush=True)
        print()


if __name__ == "__main__":
    main()
