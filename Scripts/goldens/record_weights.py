#!/usr/bin/env python3
"""Writes the small weight files that WeightsTests reads.

Every tensor counts up in C order from its own start value, so the tests know its values. Needs torch,
timm, lightning, numpy and safetensors:

    python3 Scripts/goldens/record_weights.py --out Tests/WeightsTests/Goldens
"""

import argparse
import pathlib
import shutil
import tempfile
from collections import OrderedDict

import lightning
import numpy
import safetensors.torch
import timm
import timm.utils
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


class Layer(torch.nn.Module):
    """`fc.weight` and `fc.bias`; with `shift` added."""

    def __init__(self, shift=0):
        super().__init__()
        self.fc = torch.nn.Linear(2, 2)
        with torch.no_grad():
            self.fc.weight.copy_(counting(1 + shift, 2, 2))
            self.fc.bias.copy_(counting(5 + shift, 2))

    def forward(self, values):
        return self.fc(values)


def checkpoints(out):
    """Checkpoints as training libraries write them; averages are shifted by 10."""
    layer, average = Layer(), Layer(10)
    optimizer = torch.optim.SGD(layer.parameters(), 0.1, momentum=0.9)
    ema = timm.utils.ModelEmaV3(layer)
    ema.module.load_state_dict(average.state_dict())
    with tempfile.TemporaryDirectory() as folder:
        saver = timm.utils.CheckpointSaver(
            layer, optimizer, args=argparse.Namespace(model="layer", lr=0.1), model_ema=ema,
            checkpoint_dir=folder, recovery_dir=folder)
        saver.save_checkpoint(3, metric=numpy.float64(71.5))
        shutil.copy(pathlib.Path(folder) / "last.pth.tar", out / "timm.pth")

        class Module(lightning.LightningModule):
            def __init__(self, width=3):
                super().__init__()
                self.save_hyperparameters()
                self.model = layer
                self.criterion = torch.nn.CrossEntropyLoss(weight=torch.ones(2))

        trainer = lightning.Trainer(
            accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
            max_epochs=0, callbacks=[lightning.pytorch.callbacks.ModelCheckpoint(folder)])
        trainer.strategy.connect(Module())
        trainer.save_checkpoint(out / "lightning.pth")

    averaged = torch.optim.swa_utils.AveragedModel(average)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 2)
    reference = {
        "model": layer.state_dict(), "optimizer": optimizer.state_dict(),
        "lr_scheduler": schedule.state_dict(), "epoch": 4, "args": argparse.Namespace(lr=0.1),
        "model_ema": averaged.state_dict()}
    torch.save(reference, out / "torchvision.pth")
    torch.save(reference, out / "torchvision-legacy.pth", _use_new_zipfile_serialization=False)

    # Forms that are not read.
    torch.save(layer, out / "module.pth")
    torch.jit.trace(layer, torch.zeros(1, 2)).save(out / "script.pth")
    state = {"fc.weight": torch.quantize_per_tensor(counting(1, 2, 2), 0.1, 10, torch.qint8),
             "fc.scale": torch.tensor(0.1)}
    torch.save({"state_dict": state}, out / "quantized.pth")
    torch.save(state, out / "quantized-legacy.pth", _use_new_zipfile_serialization=False)


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

    checkpoints(out)

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
