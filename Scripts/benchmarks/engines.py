"""Times cnnzoo and other engines in turn at each precision; run it through Scripts/compare_engines.

A row is a network, a precision, a thread count and a batch size. In every round each engine runs for a
second or so, one after the other, so that all see the machine in the same state. Cells hold the least
milliseconds per batch and, in brackets, how far the logits are from PyTorch's at f32: root mean square
of the differences, relative to the logits' standard deviation. The ratio is cnnzoo's time to that of the
best other engine. "installed" stands for everyone's own defaults. Weights are random, and so are the
inputs, unless --images is given; conversion.py says how networks are converted. An engine without the
precision, or with wrong logits at f32, is reported and not timed. ncnn has no batches and gets one image
after another.

--isa says what the processor offers: native; no-amx, which has the operating system refuse AMX to the
other engines and adds a row where one of them had used it; avx2, which only cnnzoo and OpenVINO can be
held to, so that the others are marked with an asterisk and left out of the ratio.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import torch
from safetensors.numpy import load_file, save_file

import command
import conversion
import networks
from other_engines import ENGINES, ENVIRONMENT, Worker

MODELS = ["effnetv2-s", "mobilenetv3-large", "mobilenetv3-small", "effnet-lite0"]
PRECISIONS = ["f32", "bf16", "int8", "installed"]
PROCESSORS = {"native": "as it is", "no-amx": "no AMX", "avx2": "AVX2"}
LARGEST_F32_ERROR = 1e-3


class Cnnzoo:
    """The command; one process per measurement."""
    name, amx, limited = "cnnzoo", False, True

    def __init__(self, tool, model, precision, folder, threads, batch, isa):
        self.tool, self.cell, self.isa = tool, (model, threads, batch), isa
        self.weights = f"{folder}/weights.safetensors"
        # f32 is the default.
        self.options = ["--precision", precision] if precision in ("bf16", "int8") else []
        self.environment = {**os.environ, **ENVIRONMENT[isa]}
        output = f"{folder}/output.safetensors"
        result = subprocess.run(
            [tool, "infer", model, "--weights", self.weights, "--input", f"{folder}/input.npy",
             "--output", output, *self.options], capture_output=True, text=True, env=self.environment)
        if result.returncode:
            raise RuntimeError(result.stderr.strip().splitlines()[0])
        self.logits = load_file(output)["logits"]

    def samples(self, seconds):
        report = command.bench(self.tool, *self.cell, seconds, self.weights, self.options,
                               env=self.environment)
        if self.isa == "avx2" and report["environment"]["instruction_set"] != "avx2":
            sys.exit("cnnzoo is not limited to AVX2")
        return report["results"][0]["samples_ms"]

    def close(self):
        pass


def relative_error(logits, expected):
    return float(np.sqrt(np.mean((logits - expected) ** 2)) / np.std(expected))


def example_inputs(model, batch, images):
    """The input of a row and batches of the same shape to calibrate with: images, or noise."""
    size = networks.INPUT_SIZES[model]
    if not images:
        torch.manual_seed(batch)
        return torch.randn(batch, 3, size, size), (
            torch.randn(batch, 3, size, size).numpy() for _ in range(max(2, 16 // batch)))
    prepare = networks.imagenet_preparation(size)
    chosen = networks.spread(images, batch + 64)
    example = np.concatenate([prepare(path) for path in chosen[:batch]])
    rest = chosen[batch:]
    groups = [rest[start:start + batch] for start in range(0, len(rest) - batch + 1, batch)]
    return torch.from_numpy(example), (
        np.concatenate([prepare(path) for path in group]) for group in groups)


def write_files(options, model, batch, folder):
    """Prepares weights, input and every engine's format in the folder; returns PyTorch's logits."""
    os.makedirs(folder, exist_ok=True)
    example, arrays = example_inputs(model, batch, options.images)
    network = networks.seeded(model) if options.images else networks.noise_calibrated(model)
    np.save(f"{folder}/input.npy", example.numpy())
    torch.save(network.state_dict(), f"{folder}/weights.pth")
    subprocess.run([options.tool, "convert", f"{folder}/weights.pth", f"{folder}/weights.safetensors",
                    "--model", model, "--padding", "symmetric"],
                   check=True, stdout=subprocess.DEVNULL)
    for engine, failure in conversion.all_formats(network, example, folder, arrays).items():
        print(f"{model}: no conversion for {engine}: {failure}", file=sys.stderr)
    return network(example).numpy()


def start(options, model, precision, folder, threads, batch, expected):
    """All engines that have the precision and are right, for each instruction set."""
    running = []

    def add(label, isa, begin):
        try:
            engine = begin()
        except RuntimeError as failure:
            print(f"{label}, {model}, {precision}: {failure}", file=sys.stderr)
            return
        engine.error = relative_error(engine.logits, expected)
        if not np.isfinite(engine.error) or precision == "f32" and engine.error > LARGEST_F32_ERROR:
            print(f"{label}, {model}, {precision}: wrong logits, error {engine.error:.1e}",
                  file=sys.stderr)
            engine.close()
        elif isa == "no-amx" and not engine.limited:
            sys.exit(f"{label} uses AMX although it is forbidden")
        else:
            running.append(engine)

    main_isa, *others = options.isa
    if precision == "f32":  # AMX has no f32.
        others = [isa for isa in others if isa != "no-amx"]
    add("cnnzoo", main_isa, lambda: Cnnzoo(
        options.tool, model, precision, folder, threads, batch, main_isa))
    for name, kind in ENGINES.items():
        if precision not in kind.precisions:
            continue
        before = len(running)
        for isa in [main_isa, *others]:
            # Without AMX only those differ that had it.
            if isa != "no-amx" or isa == main_isa or len(running) > before and running[before].amx:
                add(kind.name, isa, lambda: Worker(name, precision, folder, threads, isa))
    return running


def rows(running, taken, isas):
    """For each instruction set the cells of a row: every engine's, and the ratio."""
    for isa in isas:
        if isa != isas[0] and all(engine.isa != isa for engine in running):
            continue
        cells, least = {}, {}
        for engine, times in zip(running, taken):
            # An engine that does not depend on it stands in every row.
            if engine.isa not in (isa, isas[0]) or engine.name in cells and engine.isa != isa:
                continue
            counts = isa != "avx2" or engine.limited
            error = "" if engine.error < LARGEST_F32_ERROR else f" ({engine.error:.1%})"
            cells[engine.name] = f"{min(times):.2f}{error}{'' if counts else '*'}"
            if counts:
                least[engine.name] = min(times)
        own = least.pop("cnnzoo", None)
        ratio = f"{own / min(least.values()):.2f}" if own and least else "–"
        names = ["cnnzoo"] + [kind.name for kind in ENGINES.values()]
        yield isa, [cells.get(name, "–") for name in names] + [ratio]


def listed(choices=None):
    """A type for argparse: comma-separated values."""
    def parse(text):
        values = text.split(",")
        if choices and not set(values) <= set(choices):
            raise argparse.ArgumentTypeError(f"choose from {', '.join(choices)}")
        return values
    return parse


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0, help="per engine and round")
    parser.add_argument("--models", type=listed(MODELS), default=MODELS)
    parser.add_argument("--precisions", type=listed(PRECISIONS), default=PRECISIONS)
    parser.add_argument("--threads", type=listed(), default=["1", "2"])
    parser.add_argument("--batch", type=listed(), default=["1", "8"])
    parser.add_argument("--isa", type=listed(PROCESSORS), default=["native"])
    parser.add_argument("--images", type=command.images_in, help="folder to calibrate int8 with")
    parser.add_argument("--folder", help="keeps converted networks")
    parser.add_argument("--tool", default=command.CNNZOO, help="the cnnzoo command")
    options = parser.parse_args()
    os.environ.pop("CNNZOO_PRECISION", None)
    warnings.filterwarnings("ignore")
    torch.set_grad_enabled(False)
    names = ["cnnzoo"] + [kind.name for kind in ENGINES.values()]
    print(f"{command.processor()}: least milliseconds per batch (error of the logits). ratio: cnnzoo's time "
          "to that of the best other engine.\n")
    print(f"| network | precision | processor | threads | batch | {' | '.join(names)} | ratio |")
    print("|---|---|---|---:|---:|" + "---:|" * (len(names) + 1), flush=True)
    with contextlib.ExitStack() as stack:
        base = options.folder or stack.enter_context(tempfile.TemporaryDirectory())
        for model in options.models:
            for batch in map(int, options.batch):
                folder = f"{base}/{model}-{batch}"
                expected = write_files(options, model, batch, folder)
                for precision in options.precisions:
                    for threads in map(int, options.threads):
                        running = start(options, model, precision, folder, threads, batch, expected)
                        taken = [[] for _ in running]
                        for _ in range(options.rounds):
                            for times, engine in zip(taken, running):
                                times += engine.samples(options.seconds)
                        for engine in running:
                            engine.close()
                        for isa, cells in rows(running, taken, options.isa):
                            print(f"| {model} | {precision} | {PROCESSORS[isa]} | {threads} | {batch} "
                                  f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
