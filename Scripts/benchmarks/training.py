"""Times a training step of cnnzoo and PyTorch in turn; run it through Scripts/compare_engines --train.

A row is a network, a thread count and a batch. In every round cnnzoo, in f32 and bf16, and PyTorch, in f32
and with bf16 autocast, each run for some seconds, one after the other, so that all see the machine in the
same state.
A step is forward, backward and update, without images to read: random pixels, 10 classes,
cross-entropy with label smoothing, SGD with Nesterov's momentum, nothing dropped, batch norm with the
statistics of the batch. PyTorch uses channels_last and its fused update. Cells hold the images per second
of the fastest step; the ratios are those of cnnzoo's f32 to PyTorch's, and of the best to the best. Memory is
the peak of each process in f32; "of lean" is what cnnzoo's step holds, divided by the least that a
schedule needs that keeps only the outputs of convolutions and the inputs of blocks.
"""

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import time

import command

# PyTorch is imported in its own process only: the peak memory that Linux reports for a process is at least
# that of the one that started it.

# Image size and batch.
SETTINGS = {"effnetv2-s": (128, 32), "mobilenetv3-large": (128, 32), "mobilenetv3-small": (128, 32),
            "effnet-lite0": (224, 16)}
CLASSES = 10
PRECISIONS = ["f32", "bf16"]
OPTIONS = ["--train", "--optimizer", "sgd", "--ema", "0", "--classes", str(CLASSES), "--rounds", "1"]


class Cnnzoo:
    """The command; one process per round."""

    def __init__(self, tool, model, size, batch, threads, precision):
        self.cell = (tool, model, threads, batch)
        self.options = [*OPTIONS, "--input-size", str(size), "--precision", precision]
        self.memory = self.ratio_to_lean = 0

    def samples(self, seconds):
        result = command.bench(*self.cell, seconds, options=self.options)["results"][0]
        self.memory = max(self.memory, result["peak_rss_bytes"])
        self.ratio_to_lean = result["memory"]["ratio_to_lean"]
        return result["samples_ms"]

    def close(self):
        pass


class PyTorch:
    """PyTorch in its own process."""

    def __init__(self, model, size, batch, threads, precision):
        arguments = [model, str(size), str(batch), str(threads), precision]
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--worker", *arguments], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        self.memory = 0

    def samples(self, seconds):
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit("PyTorch failed")
        reply = json.loads(line)
        self.memory = reply["memory"]
        return reply["samples"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def network(model):
    """The network with few classes, and without branches that are dropped at random."""
    import torch
    import networks

    torch.manual_seed(0)
    result = networks.build(model).train().to(memory_format=torch.channels_last)
    last = result.classifier[-1]
    result.classifier[-1] = torch.nn.Linear(last.in_features, CLASSES)
    for module in result.modules():
        if type(module).__name__ == "StochasticDepth":
            module.p = 0.0
    return result


def work(model, size, batch, threads, precision):
    """Answers each line of standard input, a number of seconds, with the milliseconds of each step."""
    import torch

    torch.set_num_threads(threads)
    trained = network(model)
    optimizer = torch.optim.SGD(
        trained.parameters(), lr=1e-4, momentum=0.9, nesterov=True, fused=True)
    images = torch.randn(batch, 3, size, size).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, CLASSES, (batch,))

    def step():
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bf16"):
            loss = torch.nn.functional.cross_entropy(trained(images), labels, label_smoothing=0.1)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    for line in sys.stdin:
        step()
        taken = []
        end = time.perf_counter() + float(line)
        while len(taken) < 3 or time.perf_counter() < end:
            start = time.perf_counter()
            step()
            taken.append((time.perf_counter() - start) * 1e3)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"samples": taken, "memory": memory}), flush=True)


def row(options, model, threads, size, batch):
    """The cells of a row, in the order of the heading."""
    with contextlib.ExitStack() as stack:
        engines = [Cnnzoo(options.tool, model, size, batch, threads, precision)
                   for precision in PRECISIONS]
        engines += [PyTorch(model, size, batch, threads, precision) for precision in PRECISIONS]
        for engine in engines:
            stack.callback(engine.close)
        taken = [[] for _ in engines]
        for _ in range(options.rounds):
            for times, engine in zip(taken, engines):
                times += engine.samples(options.seconds)
        speeds = [batch * 1e3 / min(times) for times in taken]
        own, others = speeds[:len(PRECISIONS)], speeds[len(PRECISIONS):]
        mebibytes = [f"{engines[index].memory / 2**20:.0f}" for index in (0, len(PRECISIONS))]
        return [*[f"{speed:.1f}" for speed in speeds], f"{own[0] / others[0]:.2f}",
                f"{max(own) / max(others):.2f}", *mebibytes, f"{engines[0].ratio_to_lean:.2f}"]


def models(text):
    names = text.split(",")
    if not set(names) <= set(SETTINGS):
        raise argparse.ArgumentTypeError(f"choose from {', '.join(SETTINGS)}")
    return names


def counts(text):
    return [int(part) for part in text.split(",")]


def main():
    if sys.argv[1:2] == ["--worker"]:
        model, size, batch, threads, precision = sys.argv[2:]
        return work(model, int(size), int(batch), int(threads), precision)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="per engine and round")
    parser.add_argument("--models", type=models, default=list(SETTINGS))
    parser.add_argument("--threads", type=counts, default=[2])
    parser.add_argument("--batch", type=int, help="images (default: 32, EfficientNet-Lite 16)")
    parser.add_argument("--image-size", type=int, help="pixels (default: 128, EfficientNet-Lite 224)")
    parser.add_argument("--tool", default=command.CNNZOO, help="the cnnzoo command")
    options = parser.parse_args()
    print(f"{command.processor()}: images per second of a training step.\n")
    heading = ["network", "size", "batch", "threads", "cnnzoo f32", "cnnzoo bf16",
               "PyTorch f32", "PyTorch bf16", "ratio f32", "ratio best", "MiB", "PyTorch MiB", "of lean"]
    print(f"| {' | '.join(heading)} |\n|---|" + "---:|" * (len(heading) - 1), flush=True)
    for model in options.models:
        size = options.image_size or SETTINGS[model][0]
        batch = options.batch or SETTINGS[model][1]
        for threads in options.threads:
            cells = [model, str(size), str(batch), str(threads)]
            print(f"| {' | '.join(cells + row(options, model, threads, size, batch))} |", flush=True)


if __name__ == "__main__":
    main()
