#!/usr/bin/env python3
"""Records structure and logits of timm's networks.

    python3 Scripts/goldens/record_timm.py [facts] [logits] [photo]

Records all parts unless some are named. Needs torch 2, timm 1, torchvision, numpy and safetensors; the
photo also Pillow 13 and what Scripts/quickstart downloads. Results are reproducible on one machine; on
others, logits may differ in the last bits. Writes

  ModelZooTests/Goldens/timm.tsv        timm's name, input size, tensors of the state dict, FNV-1a of
                                        their sorted "name shape" lines, trainable parameters,
                                        multiply-accumulates at that size; num_batches_tracked is
                                        left out
  InferenceTests/Goldens/timm.tsv       timm's name, height, width, classes, a factor on the weights
                                        of the blocks' last convolutions, largest magnitude of the
                                        logits, and every tenth of them (all, for few classes);
                                        parameters and images from formulas, see
                                        reference_networks.py; parameters by timm's names
  CNNZooTests/Goldens/cat.tsv           the five largest logits of the photo under EfficientNet-Lite0's
                                        published weights: class, logit
"""

import argparse

import safetensors.torch
import timm
import torch

import record_torchvision
import reference_networks as reference

# Every implementation in the catalogue that timm has, with the input size of its published figures.
NETWORKS = {
    "tf_efficientnetv2_s": 384, "tf_efficientnetv2_m": 480, "tf_efficientnetv2_l": 480,
    "tf_efficientnetv2_xl": 512, "tf_efficientnetv2_b0": 224, "tf_efficientnetv2_b1": 240,
    "tf_efficientnetv2_b2": 260, "tf_efficientnetv2_b3": 300,
    "efficientnetv2_s": 384, "efficientnetv2_m": 480, "efficientnetv2_l": 480,
    "efficientnetv2_xl": 512,
    "efficientnetv2_rw_t": 288, "gc_efficientnetv2_rw_t": 288, "efficientnetv2_rw_s": 384,
    "efficientnetv2_rw_m": 416,
    "mobilenetv3_small_100": 224, "mobilenetv3_small_075": 224, "mobilenetv3_small_050": 224,
    "mobilenetv3_large_100": 224, "mobilenetv3_large_075": 224,
    "tf_mobilenetv3_small_100": 224, "tf_mobilenetv3_small_075": 224,
    "tf_mobilenetv3_small_minimal_100": 224, "tf_mobilenetv3_large_100": 224,
    "tf_mobilenetv3_large_075": 224, "tf_mobilenetv3_large_minimal_100": 224,
    "mobilenetv3_rw": 224, "mobilenetv3_large_150d": 320,
    "efficientnet_lite0": 224, "efficientnet_lite1": 240, "efficientnet_lite2": 260,
    "efficientnet_lite3": 280, "efficientnet_lite4": 300,
    "tf_efficientnet_lite0": 224, "tf_efficientnet_lite1": 240, "tf_efficientnet_lite2": 260,
    "tf_efficientnet_lite3": 280, "tf_efficientnet_lite4": 300,
}


def state(network):
    return {name: tensor for name, tensor in network.state_dict().items()
            if not name.endswith("num_batches_tracked")}


def record_facts():
    rows = []
    for name, size in NETWORKS.items():
        # SAME padding computes with sizes, so that costs are counted on the symmetric twin.
        twin = name.removeprefix("tf_")
        options = {"pad_type": ""} if twin not in timm.list_models() else {}
        with torch.device("meta"):
            network = timm.create_model(name)
            counted = timm.create_model(twin if not options else name, **options)
        lines = sorted(f"{key} {'x'.join(map(str, tensor.shape))}\n"
                       for key, tensor in state(network).items())
        rows.append((name, size, len(lines),
                     f"{reference.fnv1a(''.join(lines).encode()):016x}",
                     sum(parameter.numel() for parameter in network.parameters()),
                     record_torchvision.macs(counted, size)))
    record_torchvision.write_rows(record_torchvision.TESTS / "ModelZooTests/Goldens/timm.tsv", rows)


# Odd and even sizes, so that SAME and symmetric padding differ; few classes once per family. In the
# deepest networks the residual branches are scaled down: a hundred of them in a row, as large as their
# inputs, would amplify rounding errors too much for a comparison.
def cases():
    for name in NETWORKS:
        height, width = (97, 130) if "v2_" in name else (131, 98)
        classes = 10 if name.endswith(("b1", "small_075", "lite1")) else 1000
        yield name, height, width, classes, 0.25 if name.endswith(("v2_l", "v2_xl")) else 1.0


def record_logits():
    rows = []
    for name, height, width, classes, factor in cases():
        network = timm.create_model(name, num_classes=classes)
        seeded = {key: reference.seeded(key, tuple(tensor.shape))
                  * (factor if key.endswith("conv_pwl.weight") else 1)
                  for key, tensor in state(network).items()}
        network.load_state_dict(seeded, strict=False)
        # Double, so that the reference has no single-precision error of its own.
        with torch.no_grad():
            values = network.eval().double()(reference.images(1, height, width).double())
        shown = values[:, ::10] if classes > 100 else values
        largest = values.abs().max().item()
        rows.append((name, height, width, classes, factor, f"{largest:.9g}",
                     " ".join(f"{value:.9g}" for value in shown.flatten())))
        print(f"{name}: largest {largest:.4g}", flush=True)
    record_torchvision.write_rows(record_torchvision.TESTS / "InferenceTests/Goldens/timm.tsv", rows)


# The package's names, in the order of timm's.
LITE_LAYERS = ["_conv_stem", "_bn0", "_blocks", "_conv_head", "_bn1", "_fc"]
LITE_BLOCK_LAYERS = ["_expand_conv", "_bn0", "_depthwise_conv", "_bn1", "_project_conv", "_bn2"]
LITE_TENSORS = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]


def lite_order(name):
    layer, *rest = name.split(".")
    if layer == "_blocks":
        rest = [int(rest[0]), LITE_BLOCK_LAYERS.index(rest[1]), rest[2]]
    return LITE_LAYERS.index(layer), *rest[:-1], LITE_TENSORS.index(rest[-1])


def record_photo():
    from PIL import Image
    from torchvision import transforms

    root = record_torchvision.TESTS.parent
    file = safetensors.torch.load_file(root / "weights/efficientnet-lite0-57934424.safetensors")
    network = timm.create_model("tf_efficientnet_lite0").eval()
    names, theirs = sorted(file, key=lite_order), network.state_dict()
    assert [file[name].shape for name in names] == [tensor.shape for tensor in theirs.values()]
    network.load_state_dict(dict(zip(theirs, (file[name] for name in names))))
    # The package's evaluation: mean 127, std 128.
    prepare = transforms.Compose([
        transforms.Resize(256, transforms.InterpolationMode.BICUBIC), transforms.CenterCrop(224),
        transforms.ToTensor(), transforms.Normalize([127 / 255] * 3, [128 / 255] * 3)])
    image = prepare(Image.open(root / "photos/chelsea.png").convert("RGB"))
    with torch.no_grad():
        logits, classes = network.double()(image[None].double())[0].topk(5)
    rows = [(index, f"{logit:.6f}") for index, logit in zip(classes.tolist(), logits.tolist())]
    record_torchvision.write_rows(record_torchvision.TESTS / "CNNZooTests/Goldens/cat.tsv", rows)


def main():
    parts = {"facts": record_facts, "logits": record_logits, "photo": record_photo}
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help="facts, logits or photo (default: all)")
    chosen = parser.parse_args().parts or list(parts)
    for part in chosen:
        if part not in parts:
            parser.error(f"no such part: {part}")
        parts[part]()


if __name__ == "__main__":
    main()
