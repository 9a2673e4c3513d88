"""Networks as torch modules, and images prepared for them, for the benchmarks that compare engines."""

import functools
import pathlib
import re
import sys

import numpy as np
import PIL.Image
import PIL.ImageOps
import torch
from safetensors import safe_open
from torch import nn

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "goldens"))
import reference_networks as reference

INPUT_SIZES = {
    "effnetv2-s": 384, "mobilenetv3-large": 224, "mobilenetv3-small": 224,
    "effnet-lite0": 224, "effnet-lite1": 240, "effnet-lite2": 260,
}
LITE_SCALES = {"effnet-lite0": (1, 1), "effnet-lite1": (1, 1.1), "effnet-lite2": (1.1, 1.2)}
FILTERS = {"bilinear": PIL.Image.Resampling.BILINEAR, "bicubic": PIL.Image.Resampling.BICUBIC}


def lite(width, depth):
    """EfficientNet-Lite: only the layers between the first and the last row are repeated more often."""
    rows = []
    for expand, kernel, stride, channels, layers in reference.LITE0:
        if 0 < len(rows) < len(reference.LITE0) - 1:
            layers = int(np.ceil(layers * depth))
        channels = max(8, int(channels * width + 4) // 8 * 8)
        rows.append((expand, kernel, stride, channels, layers))
    return reference.efficient_net_lite(32, rows, 1280, 1000)


def build(name):
    return lite(*LITE_SCALES[name]) if name in LITE_SCALES else reference.published(name)


def seeded(name):
    """The network with the tests' formula for weights; calm where `calibrated` amplifies rounding."""
    return reference.seed_parameters(build(name))


def calibrated(name, batches):
    """The network with torchvision's random weights, and the batch statistics of `batches`."""
    torch.manual_seed(0)
    network = build(name).train()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        for batch in batches:
            network(batch)
    return network.eval()


def noise_calibrated(name):
    torch.manual_seed(1)
    return calibrated(name, [torch.randn(4, 3, 128, 128) for _ in range(2)])


def pad_same(convolution, inputs):
    """TensorFlow's padding of a square input, in the convolution itself where both sides are equal."""
    size, stride = int(inputs[0].shape[3]), convolution.stride[0]
    total = max((-(-size // stride) - 1) * stride + convolution.kernel_size[0] - size, 0)
    if total % 2 == 0:
        convolution.padding = (total // 2, total // 2)
        return inputs
    convolution.padding = (0, 0)
    return (nn.functional.pad(inputs[0], (total // 2, total - total // 2) * 2),)


def use_same_padding(network):
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.stride[0] > 1:
            module.register_forward_pre_hook(pad_same)
    return network


def layer_order(name):
    """Sorts the names of EfficientNet-Lite's PyTorch package as its modules run."""
    parts = re.split(r"[._]+", name.strip("_"))
    if parts[0] == "blocks":
        layers = ["expand", "bn0", "depthwise", "bn1", "project", "bn2"]
        return 1, int(parts[1]), layers.index(parts[2])
    outer = {"conv_stem": (0, 0, 0), "bn0": (0, 0, 1), "conv_head": (2, 0, 0), "bn1": (2, 0, 1)}
    return outer.get("_".join(parts), (3, 0, 0))


def load(name, path):
    """The network with the weights of a file that `cnnzoo convert` wrote, and the file's metadata."""
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        tensors = {key: file.get_tensor(key).float() for key in file.keys()
                   if not key.endswith("num_batches_tracked")}
    network = build(name)
    names = [key for key in network.state_dict() if not key.endswith("num_batches_tracked")]
    if set(names) != set(tensors):
        fields = ["weight", "bias", "running_mean", "running_var"]
        order = sorted(tensors, key=lambda key: (
            layer_order(key.rpartition(".")[0]), fields.index(key.rpartition(".")[2])))
        tensors = dict(zip(names, [tensors[key] for key in order], strict=True))
    network.load_state_dict(tensors, strict=False)
    if metadata.get("padding") == "same":
        use_same_padding(network)
    return network.eval(), metadata


class Preparation:
    """Resize, centre crop and normalisation as the metadata of a weight file describe them."""

    def __init__(self, metadata):
        setting = lambda key: metadata[f"preprocessing.{key}"]
        self.resize, self.crop = int(setting("resize")), int(setting("crop"))
        self.filter = FILTERS[setting("interpolation")]
        self.mean, self.deviation = (
            np.array(setting(key).split(","), np.float32).reshape(3, 1, 1)
            for key in ("mean", "standard_deviation"))

    def __call__(self, path):
        """A [1, 3, crop, crop] array."""
        image = PIL.ImageOps.exif_transpose(PIL.Image.open(path)).convert("RGB")
        short = min(image.size)
        image = image.resize([int(self.resize * side / short) for side in image.size], self.filter)
        left, top = (round((side - self.crop) / 2) for side in image.size)
        image = image.crop((left, top, left + self.crop, top + self.crop))
        pixels = np.asarray(image, np.float32).transpose(2, 0, 1) / np.float32(255)
        return np.ascontiguousarray((pixels - self.mean) / self.deviation)[None]


@functools.cache
def imagenet_preparation(size):
    """torchvision's usual preprocessing, for random weights."""
    return Preparation({
        "preprocessing.resize": size, "preprocessing.crop": size,
        "preprocessing.interpolation": "bilinear", "preprocessing.mean": "0.485,0.456,0.406",
        "preprocessing.standard_deviation": "0.229,0.224,0.225"})


def spread(items, count):
    """`count` of the items, evenly spaced."""
    count = min(count, len(items))
    return [items[index * len(items) // count] for index in range(count)]
