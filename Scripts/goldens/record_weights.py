#!/usr/bin/env python3
"""Writes the small weight files that WeightsTests reads.

Every tensor counts up in C order from its own start value, so the tests know its values. Needs torch,
numpy and safetensors:

    python3 Scripts/goldens/record_weights.py --out Tests/WeightsTests/Goldens
"""

import argparse
import pathlib
from collections import OrderedDict

import numpy
import safetensors.torch
import torch


def counting(start, *shape, dtype=torch.float32):
    count = int(numpy.prod(shape))
    return (start + torch.arange(count)).reshape(shape).to(dtype)


def plain():
    state = OrderedDict()
    state["f32"] = counting(1, 2, 3)
    state["f16"] = counting(2, 5, dtype=torch.float16)
    state["bf16"] = counting(3, 5, dtype=torch.bfloat16)
    state["f64"] = counting(4, 3, dtype=torch.float64)
    state["i64"] = torch.tensor(5)
    state["u8"] = counting(6, 3, dtype=torch.uint8)
    state["bool"] = torch.tensor([True, False])
    state["scalar"] = torch.tensor(7.0)
    state["empty"] = torch.zeros(2, 0, 3)
    state["parameter"] = torch.nn.Parameter(counting(8, 2))
    state["u16"] = counting(9, 3, dtype=torch.uint16)
    state["f8"] = torch.zeros(2, dtype=torch.float8_e4m3fn)
    state._metadata = OrderedDict({"": {"version": 1}})
    return state


def strided():
    base = counting(100, 4, 6)
    state = OrderedDict()
    state["channels_last"] = counting(1, 2, 3, 4, 5).contiguous(memory_format=torch.channels_last)
    state["transposed"] = counting(0, 2, 3).t()
    state["base"] = base
    state["columns"] = base[:, 1:3]
    state["rows"] = base[2:]
    state["every_other"] = base[::2, ::3]
    state["half"] = counting(1, 2, 3, 2, 2, dtype=torch.float16).contiguous(
        memory_format=torch.channels_last
    )
    return state


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, required=True)
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)

    torch.save(plain(), out / "plain.pth")
    torch.save(plain(), out / "plain-protocol4.pth", pickle_protocol=4)
    torch.save(plain(), out / "plain-legacy.pth", _use_new_zipfile_serialization=False)
    torch.save(strided(), out / "strided.pth")
    torch.save(strided(), out / "strided-legacy.pth", _use_new_zipfile_serialization=False)

    weights = OrderedDict({"module.fc.weight": counting(1, 2, 2), "module.fc.bias": counting(5, 2)})
    checkpoint = {"epoch": 3, "lr": 0.1, "rng": torch.zeros(2), "optimizer": {"state": {}}}
    torch.save({**checkpoint, "state_dict": weights}, out / "checkpoint.pth")
    torch.save(
        {"model": weights, "args": argparse.Namespace(batch=1)}, out / "checkpoint-namespace.pth"
    )

    tensors = {name: value.contiguous() for name, value in plain().items()}
    safetensors.torch.save_file(tensors, out / "plain.safetensors", {"made by": "safetensors"})

    array = numpy.arange(24).reshape(2, 3, 4)
    for dtype in ("<f2", "<f4", "<f8", "|u1", "<i8"):
        numpy.save(out / f"{dtype[1:]}.npy", array.astype(dtype))
    numpy.save(out / "fortran.npy", numpy.asfortranarray(array.astype("<f4")))
    numpy.save(out / "scalar.npy", numpy.float32(7))
    numpy.save(out / "vector.npy", numpy.arange(3, dtype="<f4"))


if __name__ == "__main__":
    main()
