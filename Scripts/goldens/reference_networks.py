"""Reference networks of torchvision and timm, with parameters from a formula that the tests also use."""

import functools
import math

import numpy as np
import timm
import torch
import torch.nn.functional as F
from torch import nn
from torchvision import models
from torchvision.models.efficientnet import EfficientNet, FusedMBConvConfig, MBConvConfig
from torchvision.models.mobilenetv3 import InvertedResidualConfig, MobileNetV3
from torchvision.ops import Conv2dNormActivation

# The value of the TensorFlow originals, which torchvision uses for all of these networks.
NORM = functools.partial(nn.BatchNorm2d, eps=1e-3)


# The formula. Element i of the tensor `name` is base + spread * u, with u uniform in [-1, 1) from
# the 24 high bits of SplitMix64 started at FNV-1a(name) + seed; in float32, two roundings.


def fnv1a(data):
    """FNV-1a of bytes, 64 bits."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def uniform(name, count, seed=0):
    """`count` float32 values in [-1, 1)."""
    start = np.uint64((fnv1a(name.encode()) + seed) & 0xFFFFFFFFFFFFFFFF)
    with np.errstate(over="ignore"):
        z = start + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-23) - np.float32(1)


def distribution(name, shape):
    """Base and spread of a parameter, as in Sources/Inference/SeededParameters.swift."""
    if name.endswith(".running_var"):
        return 1, 0.5
    if not name.endswith(".weight"):
        return 0, 0.015625
    if len(shape) == 1:
        return 1, 0.25
    return 0, math.sqrt((1 if shape[0] < shape[1] else 6) / math.prod(shape[1:]))


def seeded(name, shape, seed=0):
    """The values of the parameter `name`."""
    base, spread = map(np.float32, distribution(name, shape))
    values = base + spread * uniform(name, math.prod(shape), seed)
    return torch.from_numpy(values.reshape(shape))


def seed_parameters(network, seed=0):
    """Fills every tensor of a network with torchvision's names."""
    state = {name: seeded(name, tuple(tensor.shape), seed)
             for name, tensor in network.state_dict().items()
             if not name.endswith("num_batches_tracked")}
    network.load_state_dict(state, strict=False)
    return network.eval()


def images(batch, height, width):
    """A batch of test images, NCHW: tiles of 16 x 16 equal pixels under finer noise, so that
    images still differ after averaging."""
    count = batch * 3 * height * width
    fine = uniform("input.fine", count).reshape(batch, 3, height, width)
    rows, columns = -(-height // 16), -(-width // 16)
    tiles = uniform("input.tiles", batch * 3 * rows * columns).reshape(batch, 3, rows, columns)
    coarse = tiles.repeat(16, axis=2).repeat(16, axis=3)[:, :, :height, :width]
    return torch.from_numpy(np.float32(2) * coarse + fine)


# Networks.


class SamePadding(nn.Module):
    """TensorFlow's SAME before a convolution: ceil(size / stride) outputs, the odd zero after."""

    def __init__(self, convolution):
        super().__init__()
        self.kernel, self.stride = convolution.kernel_size[0], convolution.stride[0]

    def forward(self, x):
        pads = []
        for size in (x.shape[3], x.shape[2]):
            outputs = -(-size // self.stride)
            total = max((outputs - 1) * self.stride + self.kernel - size, 0)
            pads += [total // 2, total - total // 2]
        return F.pad(x, pads)


def use_same_padding(network):
    """Gives every convolution of `network` TensorFlow's padding."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.kernel_size[0] > 1:
            pad = SamePadding(module)
            module.padding = (0, 0)
            module.register_forward_pre_hook(lambda _, inputs, pad=pad: (pad(inputs[0]),))
    return network


class LiteBlock(nn.Module):
    """MBConv as in EfficientNet-Lite: ReLU6, no squeeze-excite."""

    def __init__(self, row, stochastic_depth_prob, norm_layer):
        super().__init__()
        expanded = row.adjust_channels(row.input_channels, row.expand_ratio)
        layer = functools.partial(
            Conv2dNormActivation, norm_layer=norm_layer, activation_layer=nn.ReLU6)
        layers = []
        if expanded != row.input_channels:
            layers.append(layer(row.input_channels, expanded, kernel_size=1))
        layers.append(layer(
            expanded, expanded, kernel_size=row.kernel, stride=row.stride, groups=expanded))
        layers.append(layer(expanded, row.out_channels, kernel_size=1, activation_layer=None))
        self.block = nn.Sequential(*layers)
        self.out_channels = row.out_channels
        self.has_shortcut = row.stride == 1 and row.input_channels == row.out_channels

    def forward(self, x):
        return self.block(x) + x if self.has_shortcut else self.block(x)


def stages(stem, rows):
    """torchvision's settings for `rows`: (configuration, expand, kernel, stride, channels, layers).
    Widths are set afterwards, because MBConvConfig alone would make them multiples of 8."""
    settings = []
    for kind, expand, kernel, stride, channels, layers in rows:
        row = kind(expand, kernel, stride, stem, channels, layers)
        row.input_channels, row.out_channels = stem, channels
        settings.append(row)
        stem = channels
    return settings


def efficient_net_v2(stem, rows, head, classes):
    """`rows`: (fused, expand, kernel, stride, channels, layers)."""
    settings = stages(
        stem, [(FusedMBConvConfig if fused else MBConvConfig, *row) for fused, *row in rows])
    return EfficientNet(
        settings, dropout=0.2, num_classes=classes, norm_layer=NORM, last_channel=head)


def efficient_net_lite(stem, rows, head, classes):
    """`rows`: (expand, kernel, stride, channels, layers)."""
    settings = stages(
        stem, [(functools.partial(MBConvConfig, block=LiteBlock), *row) for row in rows])
    network = EfficientNet(
        settings, dropout=0.2, num_classes=classes, norm_layer=NORM, last_channel=head)
    for block in (network.features[0], network.features[-1]):
        block[2] = nn.ReLU6()
    return network


LITE0 = [(1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3),
         (6, 5, 2, 192, 4), (6, 3, 1, 320, 1)]


def timm_lite0(classes, seed=0):
    """timm's Lite0, SAME padding, with the values of torchvision's names, which follow the same
    order."""
    names = seed_parameters(efficient_net_lite(32, LITE0, 1280, classes), seed).state_dict()
    network = timm.create_model("tf_efficientnet_lite0", num_classes=classes)
    ours = [tensor for name, tensor in names.items()]
    theirs = network.state_dict()
    assert [t.shape for t in ours] == [t.shape for t in theirs.values()]
    network.load_state_dict(dict(zip(theirs, ours)))
    return network.eval()


def mobile_net_v3(rows, hidden, classes, width=1.0):
    """`rows`: (input, kernel, expanded, output, squeeze-excite, "RE" or "HS", stride)."""
    settings = [InvertedResidualConfig(*row, 1, width) for row in rows]
    return MobileNetV3(
        settings, InvertedResidualConfig.adjust_channels(hidden, width), num_classes=classes)


TORCHVISION = {
    "effnetv2-s": models.efficientnet_v2_s,
    "effnetv2-m": models.efficientnet_v2_m,
    "effnetv2-l": models.efficientnet_v2_l,
    "mobilenetv3-large": models.mobilenet_v3_large,
    "mobilenetv3-small": models.mobilenet_v3_small,
}


def published(name, classes=1000, width=1.0, reduced_tail=False):
    """torchvision's network for this package's name."""
    options = {"width_mult": width, "reduced_tail": reduced_tail} if "mobile" in name else {}
    return TORCHVISION[name](num_classes=classes, **options)
