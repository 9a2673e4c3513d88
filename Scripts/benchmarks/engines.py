"""Times cnnzoo and other engines in turn; run it through Scripts/compare_engines.

Each row is a model, a thread count and a batch size. In every round each engine runs for a second or
so, one after the other, so that all see the machine in the same state. Cells contain the minimum and the
median over all rounds; Δ is the largest difference of cnnzoo's logits from PyTorch's, relative to
PyTorch's largest. ncnn does not support batches and gets one image at a time.

--isa avx2 simulates a processor without AVX-512, as far as the engines can be limited: cnnzoo with
CNNZOO_ISA, OpenVINO with ONEDNN_MAX_CPU_ISA and OV_CPU_MAX_ISA; both must then report what they actually
use. ONNX Runtime and ncnn rely only on CPUID, so their columns are marked and excluded from the ratio.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np
import torch
import torchvision
from safetensors.numpy import load_file, save_file

import command
MODELS = {
    "effnetv2-s": ("efficientnet_v2_s", 384),
    "mobilenetv3-large": ("mobilenet_v3_large", 224),
    "mobilenetv3-small": ("mobilenet_v3_small", 224),
}


def calibrated(name):
    """The torchvision model with random weights and batch statistics that keep values in range."""
    torch.manual_seed(0)
    model = getattr(torchvision.models, name)(weights=None)
    model.train()
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = None
        size = 128
        for _ in range(2):
            model(torch.randn(4, 3, size, size))
    return model.eval()


class OnnxRuntime:
    name = "ONNX Runtime"
    can_be_limited = False

    def __init__(self, folder, model, example, threads):
        import onnxruntime

        path = f"{folder}/{len(example)}.onnx"
        if not os.path.exists(path):
            torch.onnx.export(model, example, path, dynamo=False, opset_version=17)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(path, options)
        self.input = {self.session.get_inputs()[0].name: example.numpy()}

    def run(self):
        return self.session.run(None, self.input)[0]


class OpenVino:
    name = "OpenVINO"
    can_be_limited = True

    def __init__(self, folder, model, example, threads):
        import openvino

        path = f"{folder}/{len(example)}.onnx"
        core = openvino.Core()
        settings = {
            "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
        }
        self.model = core.compile_model(path, "CPU", settings)
        self.request = self.model.create_infer_request()
        self.input = [example.numpy()]

    def run(self):
        return self.request.infer(self.input, share_inputs=True)[0]

    def check_limit(self):
        """Exits if any node of the compiled network runs on AVX-512."""
        kinds = {str(node.get_rt_info()["primitiveType"].value)
                 for node in self.model.get_runtime_model().get_ordered_ops()
                 if "primitiveType" in node.get_rt_info()}
        wide = sorted(kind for kind in kinds if "avx512" in kind)
        if wide or not any("avx2" in kind for kind in kinds):
            sys.exit(f"OpenVINO is not limited to AVX2: {wide or sorted(kinds)}")


class Ncnn:
    name = "ncnn"
    can_be_limited = False

    def __init__(self, folder, model, example, threads):
        import ncnn

        base = f"{folder}/model"
        if not os.path.exists(base + ".ncnn.param"):
            import pnnx

            with open(os.devnull, "w") as quiet:
                saved = os.dup(1)
                os.dup2(quiet.fileno(), 1)
                try:
                    pnnx.export(model, base + ".pt", example[:1], fp16=False)
                finally:
                    os.dup2(saved, 1)
                    os.close(saved)
        self.ncnn = ncnn
        self.net = ncnn.Net()
        self.net.opt.num_threads = threads
        self.net.opt.use_vulkan_compute = False
        for option in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic",
                       "use_bf16_storage"):
            setattr(self.net.opt, option, False)
        self.net.load_param(base + ".ncnn.param")
        self.net.load_model(base + ".ncnn.bin")
        self.images = [ncnn.Mat(image).clone() for image in example.numpy()]

    def run(self):
        rows = []
        for image in self.images:
            extractor = self.net.create_extractor()
            extractor.input("in0", image)
            rows.append(np.array(extractor.extract("out0")[1]))
        return np.stack(rows)


class Cnnzoo:
    name = "cnnzoo"

    def __init__(self, folder, model_name, example, threads):
        self.weights = f"{folder}/model.safetensors"
        self.cell = model_name, threads, len(example)
        save_file({"input": example.numpy()}, f"{folder}/input.safetensors")
        subprocess.run(
            [command.CNNZOO, "infer", model_name, "--weights", self.weights, "--input",
             f"{folder}/input.safetensors", "--output", f"{folder}/output.safetensors"],
            check=True, stdout=subprocess.DEVNULL)
        self.logits = load_file(f"{folder}/output.safetensors")["logits"]

    def samples(self, seconds):
        report = command.bench(command.CNNZOO, *self.cell, seconds, self.weights)
        isa = os.environ.get("CNNZOO_ISA", report["environment"]["instruction_set"])
        if report["environment"]["instruction_set"] != isa:
            sys.exit(f"cnnzoo is not limited to {isa}")
        return report["results"][0]["samples_ms"]


def samples(engine, seconds):
    if isinstance(engine, Cnnzoo):
        return engine.samples(seconds)
    engine.run()
    times = []
    end = time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        engine.run()
        times.append((time.perf_counter() - start) * 1e3)
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--batches", default="1,8")
    parser.add_argument("--isa", choices=["avx2"], help="limit the engines to AVX2 where possible")
    options = parser.parse_args()
    if options.isa:
        # Before any engine is loaded: each reads them once.
        os.environ.update(CNNZOO_ISA="avx2", ONEDNN_MAX_CPU_ISA="AVX2", OV_CPU_MAX_ISA="AVX2")
    warnings.filterwarnings("ignore")
    torch.set_grad_enabled(False)
    others = [OnnxRuntime, OpenVino, Ncnn]
    counted = [other.can_be_limited or not options.isa for other in others]
    names = [Cnnzoo.name] + [other.name if counts else f"{other.name} (not limited)"
                             for other, counts in zip(others, counted)]
    print("Milliseconds per batch, minimum / median. ratio: cnnzoo's minimum over the best other "
          "engine's. Δ: largest difference of cnnzoo's logits from PyTorch's.")
    if options.isa:
        print("cnnzoo and OpenVINO are limited to AVX2 and confirm it; ONNX Runtime and ncnn cannot "
              "be, use all the processor has, and are left out of the ratio.")
    print()
    print(f"| model | threads | batch | {' | '.join(names)} | ratio | Δ |")
    print("|---|---:|---:|" + "---:|" * (len(names) + 2), flush=True)
    for name in options.models.split(","):
        torch_name, size = MODELS[name]
        model = calibrated(torch_name)
        with tempfile.TemporaryDirectory() as folder:
            torch.save(model.state_dict(), f"{folder}/model.pth")
            subprocess.run(
                [command.CNNZOO, "convert", f"{folder}/model.pth", f"{folder}/model.safetensors",
                 "--model", name], check=True, stdout=subprocess.DEVNULL)
            for batch in map(int, options.batches.split(",")):
                torch.manual_seed(batch)
                example = torch.randn(batch, 3, size, size)
                expected = model(example).numpy()
                scale = np.abs(expected).max()
                for threads in map(int, options.threads.split(",")):
                    engines = [Cnnzoo(folder, name, example, threads)]
                    engines += [other(folder, model, example, threads) for other in others]
                    for engine in engines[1:]:
                        error = np.abs(engine.run() - expected).max() / scale
                        if not error < 1e-3:
                            sys.exit(f"{engine.name} disagrees with PyTorch: {error}")
                        if options.isa and engine.can_be_limited:
                            engine.check_limit()
                    taken = [[] for _ in engines]
                    for _ in range(options.rounds):
                        for index, engine in enumerate(engines):
                            taken[index] += samples(engine, options.seconds)
                    cells = [f"{min(t):.2f} / {statistics.median(t):.2f}" for t in taken]
                    best = min(min(t) for t, counts in zip(taken[1:], counted) if counts)
                    ratio = min(taken[0]) / best
                    delta = np.abs(engines[0].logits - expected).max() / scale
                    print(f"| {name} | {threads} | {batch} | {' | '.join(cells)} | {ratio:.2f} "
                          f"| {delta:.0e} |", flush=True)
                    del engines


if __name__ == "__main__":
    main()
