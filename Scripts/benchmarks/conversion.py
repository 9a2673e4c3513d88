"""Converts torch networks for other engines. Files that exist already are kept.

ONNX: torch.onnx.export, one file for ONNX Runtime and OpenVINO. int8: ONNX Runtime's quantize_static
(QDQ, weights per channel, MinMax on the images given), for both as well. ncnn: pnnx. LiteRT:
litert_torch with channels-last input; int8: ai_edge_quantizer, weights per channel, activations as they
come (dynamic range), in convolutions and products only: XNNPACK has no such depthwise kernels.
"""

import contextlib
import os
import pathlib
import sys

import torch


@contextlib.contextmanager
def quiet():
    """Discards what native code prints."""
    sys.stdout.flush()
    saved = [os.dup(1), os.dup(2)]
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 1)
        os.dup2(null, 2)
        yield
    finally:
        for stream, copy in zip((1, 2), saved):
            os.dup2(copy, stream)
            os.close(copy)
        os.close(null)


def missing(path):
    return not pathlib.Path(path).exists()


def onnx(network, example, folder):
    path = f"{folder}/f32.onnx"
    if missing(path):
        with quiet():
            torch.onnx.export(network, example, path, dynamo=False, opset_version=17,
                              input_names=["input"])
    return path


def quantised_onnx(folder, arrays):
    """`arrays`: an iterable of inputs to calibrate with, shaped like the example."""
    path = f"{folder}/int8.onnx"
    if missing(path):
        from onnxruntime.quantization import (
            CalibrationDataReader, QuantFormat, QuantType, quantize_static, shape_inference)

        class Reader(CalibrationDataReader):
            inputs = iter(arrays)

            def get_next(self):
                array = next(self.inputs, None)
                return None if array is None else {"input": array}

        prepared = f"{folder}/prepared.onnx"
        with quiet():
            shape_inference.quant_pre_process(f"{folder}/f32.onnx", prepared)
            quantize_static(prepared, path, Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
                            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
        os.remove(prepared)
    return path


def ncnn(network, example, folder):
    if missing(f"{folder}/f32.ncnn.param"):
        import pnnx

        with quiet():
            pnnx.export(network, f"{folder}/f32.pt", example[:1], fp16=False)


def litert(network, example, folder):
    path = f"{folder}/f32.tflite"
    if missing(path):
        with quiet():
            import litert_torch

            channels_last = litert_torch.to_channel_last_io(network, args=[0])
            example = example.permute(0, 2, 3, 1).contiguous()
            litert_torch.convert(channels_last, (example,)).export(path)
    if missing(f"{folder}/int8.tflite"):
        with quiet():
            from ai_edge_quantizer import qtyping, quantizer

            recipe = quantizer.Quantizer(path)
            for operation in (qtyping.TFLOperationName.CONV_2D,
                              qtyping.TFLOperationName.FULLY_CONNECTED):
                recipe.add_dynamic_config(".*", operation, num_bits=8)
            recipe.quantize().export_model(f"{folder}/int8.tflite")


def all_formats(network, example, folder, arrays):
    """Writes every file that the engines in other_engines.py read; returns the failures by engine."""
    failures = {}
    for engine, convert in (
        ("openvino", lambda: (onnx(network, example, folder), quantised_onnx(folder, arrays))),
        ("ncnn", lambda: ncnn(network, example, folder)),
        ("litert", lambda: litert(network, example, folder)),
    ):
        try:
            convert()
        except Exception as error:
            failures[engine] = f"{type(error).__name__}: {error}".splitlines()[0]
    return failures
