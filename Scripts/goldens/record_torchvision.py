#!/usr/bin/env python3
"""Records structure and logits of torchvision's networks, for ModelZooTests and InferenceTests.

    python3 Scripts/goldens/record_torchvision.py [facts] [logits] [tiny]

Records all three parts unless some are named. Needs torch 2, torchvision, timm, numpy and safetensors.
Results are reproducible on one machine; on others, logits may differ in the last bits. Writes

  ModelZooTests/Goldens/facts.tsv      model, width multiplier, reduced tail, classes, tensors of the
                                       state dict, FNV-1a of their sorted "name shape" lines,
                                       trainable parameters, multiply-accumulates at the evaluation
                                       size; without num_batches_tracked
  ModelZooTests/Goldens/divisible.tsv  a width and the result of torchvision's _make_divisible
  InferenceTests/Goldens/logits.tsv    model, padding, batch, height, width, classes, width
                                       multiplier, reduced tail, largest magnitude of the logits,
                                       and every tenth of them (all, for few classes), image by
                                       image; parameters and images from formulas, see
                                       reference_networks.py
  InferenceTests/Goldens/tiny-*        members of each family with one or two layers per stage:
                                       FAMILY.safetensors has the parameters, each family in another
                                       element type, FAMILY.PADDING.safetensors the output of
                                       every stage (channels first) and the logits
"""

import argparse
import pathlib

import torch
from safetensors.torch import save_file
from torch import nn
from torchvision.models._utils import _make_divisible

import reference_networks as reference

TESTS = pathlib.Path(__file__).resolve().parents[2] / "Tests"
EVALUATION_SIZE = {"effnetv2-s": 384, "effnetv2-m": 480, "effnetv2-l": 480,
                   "mobilenetv3-large": 224, "mobilenetv3-small": 224}
# Width multiplier and reduced tail.
VARIANTS = [(1.0, False), (0.75, False), (1.0, True), (0.75, True), (1.4, False), (0.35, False)]


def write_rows(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))


def macs(network, size):
    """Multiply-accumulates of convolutions and linear layers for one square image."""
    total = 0

    def count(module, _, output):
        nonlocal total
        total += output.numel() * module.weight.numel() // module.weight.shape[0]

    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            module.register_forward_hook(count)
    network.eval()(torch.empty(1, 3, size, size, device="meta"))
    return total


def fact(name, width=1.0, reduced_tail=False, classes=1000):
    with torch.device("meta"):
        network = reference.published(name, classes, width, reduced_tail)
    lines = sorted(
        f"{key} {'x'.join(map(str, tensor.shape))}\n"
        for key, tensor in network.state_dict().items() if not key.endswith("num_batches_tracked"))
    return (name, width, int(reduced_tail), classes, len(lines),
            f"{reference.fnv1a(''.join(lines).encode()):016x}",
            sum(parameter.numel() for parameter in network.parameters()),
            macs(network, EVALUATION_SIZE[name]))


def record_facts():
    rows = []
    for name in EVALUATION_SIZE:
        for width, reduced_tail in VARIANTS if "mobilenet" in name else VARIANTS[:1]:
            rows.append(fact(name, width, reduced_tail))
        rows.append(fact(name, classes=10))
    write_rows(TESTS / "ModelZooTests/Goldens/facts.tsv", rows)
    widths = [step / 4 for step in range(0, 200)] + [width * 0.35 for width in range(1, 1281, 37)]
    write_rows(TESTS / "ModelZooTests/Goldens/divisible.tsv",
               [(width, _make_divisible(width, 8)) for width in widths])


# Model, padding, batch, height, width, classes, width multiplier, reduced tail.
LOGITS = [
    ("effnetv2-s", "symmetric", 1, 384, 384, 1000, 1.0, 0),
    ("effnetv2-s", "symmetric", 3, 128, 192, 10, 1.0, 0),
    ("effnetv2-s", "same", 1, 97, 130, 1000, 1.0, 0),
    ("effnetv2-m", "symmetric", 1, 96, 96, 1000, 1.0, 0),
    ("effnetv2-l", "symmetric", 1, 96, 96, 1000, 1.0, 0),
    ("mobilenetv3-large", "symmetric", 1, 224, 224, 1000, 1.0, 0),
    ("mobilenetv3-large", "symmetric", 3, 128, 128, 10, 0.75, 1),
    ("mobilenetv3-large", "same", 1, 224, 224, 1000, 1.0, 0),
    ("mobilenetv3-small", "symmetric", 1, 224, 224, 1000, 1.0, 0),
    ("mobilenetv3-small", "symmetric", 3, 160, 224, 1000, 1.0, 0),
    ("mobilenetv3-small", "symmetric", 1, 224, 224, 10, 0.75, 0),
    ("mobilenetv3-small", "symmetric", 1, 225, 191, 1000, 1.0, 1),
    ("effnet-lite0", "same", 1, 224, 224, 1000, 1.0, 0),
    ("effnet-lite0", "same", 2, 101, 150, 10, 1.0, 0),
    ("effnet-lite0", "symmetric", 1, 224, 160, 1000, 1.0, 0),
]


def logits(name, padding, batch, height, width, classes, multiplier, reduced_tail):
    if name == "effnet-lite0" and padding == "same":
        network = reference.timm_lite0(classes)
    elif name == "effnet-lite0":
        network = reference.seed_parameters(
            reference.efficient_net_lite(32, reference.LITE0, 1280, classes))
    else:
        network = reference.seed_parameters(
            reference.published(name, classes, multiplier, bool(reduced_tail)))
        if padding == "same":
            reference.use_same_padding(network)
    # Double, so that the reference has no single-precision error of its own.
    with torch.no_grad():
        return network.double()(reference.images(batch, height, width).double())


def record_logits():
    rows = []
    for case in LOGITS:
        values = logits(*case)
        shown = values[:, ::10] if values.shape[1] > 100 else values
        largest = values.abs().max().item()
        rows.append((*case, f"{largest:.9g}", " ".join(f"{v:.9g}" for v in shown.flatten())))
        print(f"{case}: largest {largest:.4g}")
    write_rows(TESTS / "InferenceTests/Goldens/logits.tsv", rows)


# Family members small enough to be committed; Tests/InferenceTests/TinyNetworks.swift has the same
# tables. Widths of 12, 20 and 28 leave lanes of a vector of 8 unused.
def tiny_networks():
    yield "tiny-effnetv2", torch.float16, (23, 18), reference.efficient_net_v2(
        8, [(True, 1, 3, 1, 8, 2), (True, 2, 3, 2, 12, 1), (True, 2, 3, 1, 12, 1),
            (False, 2, 3, 2, 12, 2), (False, 2, 5, 1, 20, 1)], 28, 7)
    yield "tiny-mobilenetv3", torch.float32, (18, 25), reference.mobile_net_v3(
        [(8, 3, 8, 8, False, "RE", 1), (8, 3, 16, 8, False, "RE", 2), (8, 5, 24, 8, True, "RE", 1),
         (8, 3, 24, 16, True, "HS", 2), (16, 5, 16, 16, False, "HS", 1)], 16, 5)
    yield "tiny-lite", torch.bfloat16, (16, 21), reference.efficient_net_lite(
        8, [(1, 3, 1, 12, 1), (4, 3, 2, 12, 2), (2, 5, 2, 20, 2)], 28, 11)


def save(tensors, path):
    save_file(tensors, path)
    path.chmod(0o644)


def record_tiny():
    folder = TESTS / "InferenceTests/Goldens"
    for name, element_type, (height, width), network in tiny_networks():
        reference.seed_parameters(network, seed=1)
        state = {key: tensor.to(element_type).contiguous()
                 for key, tensor in network.state_dict().items()
                 if not key.endswith("num_batches_tracked")}
        save(state, folder / f"{name}.safetensors")
        network.load_state_dict({key: tensor.float() for key, tensor in state.items()}, strict=False)
        network.double()
        for padding in ("symmetric", "same"):
            if padding == "same":
                reference.use_same_padding(network)
            images = reference.images(1, height, width)
            record = {}
            with torch.no_grad():
                x = images.double()
                for index, stage in enumerate(network.features):
                    x = stage(x)
                    record[f"features.{index}"] = x[0].float().contiguous()
                record["logits"] = network.classifier(
                    torch.flatten(network.avgpool(x), 1))[0].float()
            save(record, folder / f"{name}.{padding}.safetensors")


def main():
    parts = {"facts": record_facts, "logits": record_logits, "tiny": record_tiny}
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help="facts, logits or tiny; all if none is named")
    chosen = parser.parse_args().parts or list(parts)
    for part in chosen:
        if part not in parts:
            parser.error(f"no such part: {part}")
        parts[part]()


if __name__ == "__main__":
    main()
