"""Times streams from JPEG files to labels in turn; run it through Scripts/compare_engines --stream FOLDER.

A row is a network. In every round each pipeline works through the images of FOLDER for some seconds, one
pipeline after the other, so that all see the machine in the same state; cells hold the images per second
of the median round. The ratio is cnnzoo's, at its faster precision, to the best other pipeline's at any
precision. cnnzoo decodes Pillow's pixels exactly, with its default threads and batch.

The others decode and infer in several threads; the number that is fastest in a trial is used. torchvision
decodes and resizes tensors with antialiasing; Pillow as torchvision's transforms do; OpenCV resizes
bilinearly without antialiasing. OpenVINO normalises inside the network, with one stream per thread. Weights
are random, and every pipeline must give PyTorch's answer for the first image, within what its own resize
and precision change.
"""

import argparse
import concurrent.futures
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np

import command

MEAN, STD = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
MODELS = ["mobilenetv3-small", "mobilenetv3-large", "effnetv2-s"]
PIPELINES = {
    "torchvision + OpenVINO f32": ("torchvision", "openvino", "f32"),
    "torchvision + OpenVINO bf16": ("torchvision", "openvino", "bf16"),
    "Pillow + ONNX Runtime f32": ("pillow", "onnxruntime", "f32"),
    "OpenCV + OpenVINO f32": ("opencv", "openvino", "f32"),
    "OpenCV + OpenVINO bf16": ("opencv", "openvino", "bf16"),
}
# How far logits may be from PyTorch's, relative to their standard deviation.
LARGEST_ERROR = {"torchvision": 0.2, "pillow": 0.01, "opencv": 1.0}


def sides(width, height, resize):
    short = min(width, height)
    return resize * width // short, resize * height // short


def reader(kind, resize, crop):
    """A function from a path to uint8 pixels: [1, crop, crop, 3], or [1, 3, crop, crop] for torchvision."""
    if kind == "torchvision":
        import torch
        import torchvision.io as io
        import torchvision.transforms.v2.functional as functional

        torch.set_num_threads(1)

        def read(path):
            image = io.decode_jpeg(io.read_file(str(path)), mode=io.ImageReadMode.RGB)
            image = functional.resize(image, [resize], antialias=True)
            return functional.center_crop(image, [crop, crop])[None].numpy()
    elif kind == "pillow":
        import PIL.Image

        def read(path):
            image = PIL.Image.open(path).convert("RGB")
            size = sides(image.width, image.height, resize)
            image = image.resize(size, PIL.Image.Resampling.BILINEAR)
            left, top = (round((side - crop) / 2) for side in size)
            return np.asarray(image.crop((left, top, left + crop, top + crop)))[None]
    else:
        import cv2

        cv2.setNumThreads(1)

        def read(path):
            image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
            size = sides(image.shape[1], image.shape[0], resize)
            image = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
            left, top = (round((side - crop) / 2) for side in size)
            return cv2.cvtColor(image[top:top + crop, left:left + crop], cv2.COLOR_BGR2RGB)[None]
    return read


def network(engine, path, precision, threads, layout):
    """A function from pixels to logits that several threads may call."""
    if engine == "onnxruntime":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(path, options)

        def infer(pixels):
            values = (pixels.astype(np.float32) / 255 - MEAN) / STD
            return session.run(None, {"input": np.ascontiguousarray(values.transpose(0, 3, 1, 2))})[0]
        return infer

    import openvino
    from openvino.preprocess import PrePostProcessor

    core = openvino.Core()
    steps = PrePostProcessor(core.read_model(path))
    steps.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout(layout))
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    steps.input().preprocess().convert_element_type(openvino.Type.f32)
    steps.input().preprocess().mean((255 * MEAN).tolist()).scale((255 * STD).tolist())
    model = core.compile_model(steps.build(), "CPU", {
        "PERFORMANCE_HINT": "THROUGHPUT", "NUM_STREAMS": threads, "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": precision})
    local = threading.local()

    def infer(pixels):
        if not hasattr(local, "request"):
            local.request = model.create_infer_request()
        return local.request.infer([pixels], share_inputs=True)[0]
    return infer


def work(folder, paths, resize, crop, kind, engine, precision):
    """Answers each line of standard input, threads and seconds, with images per second."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    read = reader(kind, resize, crop)
    layout = "NCHW" if kind == "torchvision" else "NHWC"
    networks = {}

    def label(path):
        return int(infer(read(path)).argmax())

    for line in sys.stdin:
        threads, seconds = json.loads(line)
        if threads not in networks:
            networks[threads] = network(engine, f"{folder}/f32.onnx", precision, threads, layout)
        infer = networks[threads]
        if not seconds:
            print(json.dumps(infer(read(paths[0])).tolist()), file=answers, flush=True)
            continue
        with concurrent.futures.ThreadPoolExecutor(threads) as pool:
            list(pool.map(label, paths[:8]))
            count, begin = 0, time.perf_counter()
            while time.perf_counter() - begin < seconds:
                count += len(list(pool.map(label, paths)))
            print(count / (time.perf_counter() - begin), file=answers, flush=True)


class Other:
    def __init__(self, name, folder, listing, resize, crop):
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--worker", folder, listing, str(resize), str(crop),
             *PIPELINES[name]], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True)
        self.threads = 2

    def ask(self, threads, seconds):
        self.process.stdin.write(json.dumps([threads, seconds]) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("no answer")
        return json.loads(line)

    def choose(self, seconds):
        processors = len(os.sched_getaffinity(0))
        trials = range(processors, 2 * processors + 1)
        self.threads = max(trials, key=lambda threads: self.ask(threads, seconds))

    def rate(self, seconds):
        return self.ask(self.threads, seconds)


class Cnnzoo:
    def __init__(self, tool, model, weights, folder, precision):
        self.arguments = [tool, "bench", model, "--weights", weights, "--images", folder, "--precision",
                          precision, "--rounds", "1", "--format", "json"]

    def rate(self, seconds):
        report = subprocess.run([*self.arguments, "--min-time", str(seconds)], check=True,
                                capture_output=True, text=True).stdout
        return json.loads(report)["results"][0]["images_per_second"]


def row(options, model, images):
    import torch

    import conversion
    import networks

    crop = networks.INPUT_SIZES[model]
    # The published preprocessing of the large networks is their own; here all resize to 8 / 7.
    resize = crop * 8 // 7
    module = networks.noise_calibrated(model)
    with tempfile.TemporaryDirectory() as folder:
        conversion.onnx(module, torch.randn(1, 3, crop, crop), folder)
        torch.save(module.state_dict(), f"{folder}/weights.pth")
        subprocess.run([options.tool, "convert", f"{folder}/weights.pth", f"{folder}/w.safetensors",
                        "--model", model, "--padding", "symmetric", "--resize", str(resize),
                        "--crop", str(crop), "--interpolation", "bilinear",
                        "--mean", ",".join(map(str, MEAN)), "--std", ",".join(map(str, STD))],
                       check=True, stdout=subprocess.DEVNULL)
        listing = f"{folder}/paths.json"
        with open(listing, "w") as file:
            json.dump([str(path) for path in images], file)
        pixels = reader("pillow", resize, crop)(images[0])
        values = torch.from_numpy(((pixels.astype(np.float32) / 255 - MEAN) / STD).transpose(0, 3, 1, 2))
        expected = module(values.contiguous()).detach().numpy()
        running = {f"cnnzoo {precision}": Cnnzoo(
            options.tool, model, f"{folder}/w.safetensors", options.folder, precision)
            for precision in ("f32", "bf16")}
        for name, (kind, _, precision) in PIPELINES.items():
            other = Other(name, folder, listing, resize, crop)
            try:
                logits = np.float32(other.ask(2, 0))
                error = np.sqrt(np.mean((logits - expected) ** 2)) / expected.std()
                if error > LARGEST_ERROR[kind] + (0.2 if precision == "bf16" else 0):
                    raise RuntimeError(f"wrong logits, error {error:.2f}")
                other.choose(options.seconds / 2)
                running[name] = other
            except RuntimeError as failure:
                print(f"{name}, {model}: {failure}", file=sys.stderr)
        rates = {name: [] for name in running}
        for _ in range(options.rounds):
            for name, pipeline in running.items():
                rates[name].append(pipeline.rate(options.seconds))
        for pipeline in running.values():
            if isinstance(pipeline, Other):
                pipeline.process.stdin.close()
                pipeline.process.wait()
    medians = {name: statistics.median(values) for name, values in rates.items()}
    ours = max(rate for name, rate in medians.items() if name.startswith("cnnzoo"))
    best = max(rate for name, rate in medians.items() if not name.startswith("cnnzoo"))
    return medians, ours / best


def main():
    if sys.argv[1:2] == ["--worker"]:
        folder, listing, resize, crop, kind, engine, precision = sys.argv[2:]
        with open(listing) as file:
            return work(folder, json.load(file), int(resize), int(crop), kind, engine, precision)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="a folder of JPEG files")
    parser.add_argument("--models", type=lambda text: text.split(","), default=MODELS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--tool", default=command.CNNZOO)
    options = parser.parse_args()
    images = [path for path in command.images_in(options.folder) if path.suffix.lower() in (".jpg", ".jpeg")]
    if not images:
        sys.exit(f"{options.folder} contains no JPEG files")
    names = ["cnnzoo f32", "cnnzoo bf16", *PIPELINES]
    print(f"{command.processor()}, {len(os.sched_getaffinity(0))} processors, {len(images)} JPEGs, "
          f"{sum(path.stat().st_size for path in images) // len(images) // 1024} KiB on average\n")
    print("| images/s |", " | ".join(names), "| ratio |")
    print("|---|" + "---:|" * (len(names) + 1))
    for model in options.models:
        medians, ratio = row(options, model, images)
        cells = [f"{medians[name]:.0f}" if name in medians else "-" for name in names]
        print(f"| {model} |", " | ".join(cells), f"| {ratio:.2f} |", flush=True)


if __name__ == "__main__":
    main()
