"""The engines that cnnzoo is compared with, each run in a process of its own.

As a program: loads one engine, answers with its logits and with what it may use of the processor, then
with the milliseconds of each run for every line of standard input, a number of seconds.
"""

import ctypes
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

ARCH_PRCTL, GET_PERMISSION, REQUEST_PERMISSION, TILES = 158, 0x1022, 0x1023, 18
libc = ctypes.CDLL(None, use_errno=True)
# Environment variables that limit the instruction set; no-amx also needs a system call filter.
ENVIRONMENT = {
    "native": {},
    "no-amx": {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16"},
    "avx2": {"CNNZOO_ISA": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "OV_CPU_MAX_ISA": "AVX2"},
}


def forbid_amx():
    """Lets Linux refuse this process the tile registers, without which AMX cannot be used."""

    class Instruction(ctypes.Structure):
        _fields_ = [("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8),
                    ("operand", ctypes.c_uint32)]

    class Program(ctypes.Structure):
        _fields_ = [("count", ctypes.c_uint16), ("filter", ctypes.POINTER(Instruction))]

    load, equal, answer = 0x20, 0x15, 0x06
    steps = (Instruction * 6)(
        (load, 0, 0, 0), (equal, 0, 3, ARCH_PRCTL), (load, 0, 0, 16),
        (equal, 0, 1, REQUEST_PERMISSION), (answer, 0, 0, 0x00050001), (answer, 0, 0, 0x7FFF0000))
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    if libc.prctl(22, 2, ctypes.byref(Program(6, steps))):  # PR_SET_SECCOMP
        sys.exit("the filter that forbids AMX was refused")


def may_use_amx():
    """Whether the engine has asked for the tile registers and got them."""
    permissions = ctypes.c_uint64()
    libc.syscall(ARCH_PRCTL, GET_PERMISSION, ctypes.byref(permissions))
    return bool(permissions.value >> TILES & 1)


class OnnxRuntime:
    name = "ONNX Runtime"
    precisions = {"f32": "f32.onnx", "int8": "int8.onnx", "installed": "f32.onnx"}

    def __init__(self, path, precision, threads, array):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(path, options)
        self.set(array)

    def set(self, array):
        self.input = {"input": array}

    def run(self):
        return self.session.run(None, self.input)[0]


class OpenVino:
    name = "OpenVINO"
    precisions = {"f32": "f32.onnx", "bf16": "f32.onnx", "int8": "int8.onnx", "installed": "f32.onnx"}

    def __init__(self, path, precision, threads, array):
        import openvino

        settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1}
        if precision in ("f32", "bf16"):
            settings["INFERENCE_PRECISION_HINT"] = precision
        self.model = openvino.Core().compile_model(path, "CPU", settings)
        self.request = self.model.create_infer_request()
        self.set(array)

    def set(self, array):
        self.input = [array]

    def run(self):
        return self.request.infer(self.input, share_inputs=True)[0]

    def kinds(self):
        """The implementations that the network's steps got."""
        return sorted({str(node.get_rt_info()["primitiveType"].value)
                       for node in self.model.get_runtime_model().get_ordered_ops()
                       if "primitiveType" in node.get_rt_info()})


class Ncnn:
    name = "ncnn"
    precisions = dict.fromkeys(["f32", "bf16", "installed"], "f32.ncnn")

    def __init__(self, path, precision, threads, array):
        import ncnn

        self.ncnn = ncnn
        self.net = ncnn.Net()
        self.net.opt.num_threads = threads
        self.net.opt.use_vulkan_compute = False
        if precision != "installed":
            for option in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic"):
                setattr(self.net.opt, option, False)
            self.net.opt.use_bf16_storage = precision == "bf16"
        self.net.load_param(path + ".param")
        self.net.load_model(path + ".bin")
        self.set(array)

    def set(self, array):
        self.images = [self.ncnn.Mat(image).clone() for image in array]

    def run(self):
        """ncnn has no batches: one image after another."""
        rows = []
        for image in self.images:
            extractor = self.net.create_extractor()
            extractor.input("in0", image)
            rows.append(np.array(extractor.extract("out0")[1]))
        return np.stack(rows)


class LiteRt:
    name = "LiteRT"
    precisions = {"f32": "f32.tflite", "int8": "int8.tflite", "installed": "f32.tflite"}

    def __init__(self, path, precision, threads, array):
        from ai_edge_litert.interpreter import Interpreter

        self.interpreter = Interpreter(path, num_threads=threads)
        self.interpreter.allocate_tensors()
        self.output = self.interpreter.get_output_details()[0]["index"]
        self.set(array)

    def set(self, array):
        index = self.interpreter.get_input_details()[0]["index"]
        self.interpreter.set_tensor(index, np.ascontiguousarray(array.transpose(0, 2, 3, 1)))

    def run(self):
        self.interpreter.invoke()
        return self.interpreter.get_tensor(self.output)


ENGINES = {"openvino": OpenVino, "onnxruntime": OnnxRuntime, "ncnn": Ncnn, "litert": LiteRt}


class Worker:
    """An engine in its own process; `logits` are its answer to the folder's input.npy."""

    def __init__(self, engine, precision, folder, threads, isa):
        self.name, self.isa = ENGINES[engine].name, isa
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [sys.executable, __file__, engine, precision, folder, str(threads), isa],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log,
            env={**os.environ, **ENVIRONMENT[isa]})
        reply = self.reply()
        self.amx, self.limited = reply["amx"], reply["limited"]
        self.logits = np.array(reply["logits"], np.float32)

    def reply(self):
        line = self.process.stdout.readline()
        if not line:
            self.log.seek(0)
            lines = self.log.read().decode(errors="replace").strip().splitlines()
            raise RuntimeError(lines[-1] if lines else "no answer")
        return json.loads(line)

    def samples(self, seconds):
        self.process.stdin.write(f"{seconds}\n".encode())
        self.process.stdin.flush()
        return self.reply()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def samples(engine, seconds):
    engine.run()
    times = []
    end = time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        engine.run()
        times.append((time.perf_counter() - start) * 1e3)
    return times


def is_limited(engine, isa):
    """Whether the engine is known to keep to the instruction set."""
    if isa == "no-amx":
        return not may_use_amx()
    if isa == "avx2":
        kinds = engine.kinds() if isinstance(engine, OpenVino) else []
        return any("avx2" in kind for kind in kinds) and not any(
            "avx512" in kind or "amx" in kind for kind in kinds)
    return True


def main():
    name, precision, folder, threads, isa = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # Engines print to standard output.
    if isa != "native":
        forbid_amx()
    kind = ENGINES[name]
    path = str(pathlib.Path(folder) / kind.precisions[precision])
    engine = kind(path, precision, int(threads), np.load(f"{folder}/input.npy"))
    logits = engine.run()
    json.dump({"logits": logits.tolist(), "amx": may_use_amx(), "limited": is_limited(engine, isa)},
              answers)
    print(file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(samples(engine, float(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
