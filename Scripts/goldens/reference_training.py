"""Training in PyTorch as cnnzoo defines it: dropped branches, dropout and their random numbers."""

import types

import torch
from torch import nn

import reference_networks as reference

INCREMENT = 0x9E3779B97F4A7C15
MASK = 0xFFFFFFFFFFFFFFFF
# The raw values of RandomPurpose in Sources/Training.
DROPOUT, STOCHASTIC_DEPTH = 3, 4


class Key:
    """Sources/Host/RandomKey.swift."""

    def __init__(self, state):
        self.state = state

    @staticmethod
    def mix(z):
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    @staticmethod
    def root(seed):
        return Key(Key.mix((seed + INCREMENT) & MASK))

    def __getitem__(self, counter):
        return Key(Key.mix(self.state ^ Key.mix((counter + INCREMENT) & MASK)))

    def uniform(self, index=0):
        return (Key.mix((self.state + INCREMENT * (index + 1)) & MASK) >> 11) * 2.0**-53


class Dropout(nn.Module):
    """Dropout whose mask follows from each image's key."""

    def __init__(self, probability, draw):
        super().__init__()
        self.probability, self.draw = probability, draw

    def forward(self, x):
        mask = [[key[DROPOUT].uniform(channel) >= self.probability for channel in range(x.shape[1])]
                for key in self.draw.keys]
        return x * torch.tensor(mask, dtype=x.dtype) / (1 - self.probability)


def branch(module, x):
    """A block without its shortcut."""
    return module.block(x)


class Draw:
    """The keys of the current batch."""

    keys = []


def drop_branches(network, probability, draw):
    """Lets residual blocks drop images, so that dropped ones take no part in batch statistics."""
    blocks = [module for module in network.modules()
              if hasattr(module, "block") and isinstance(module.block, nn.Sequential)]
    for number, module in enumerate(blocks):
        has_shortcut = getattr(module, "use_res_connect", getattr(module, "has_shortcut", False))
        survival = 1 - probability * number / len(blocks)

        def forward(self, x, number=number, survival=survival, has_shortcut=has_shortcut):
            if not has_shortcut:
                return self.block(x)
            keep = [image for image, key in enumerate(draw.keys)
                    if key[STOCHASTIC_DEPTH].uniform(number) < survival]
            if not keep:
                return x
            y = torch.zeros_like(x)
            return x + y.index_copy(0, torch.tensor(keep), self.block(x[keep]) / survival)

        module.forward = types.MethodType(forward, module)


def training_network(network, stochastic_depth, dropout, momentum=0.1):
    """`network` in training mode, and the `Draw` to set before each batch.

    MobileNetV3 has no stochastic depth.
    """
    draw = Draw()
    if stochastic_depth > 0:
        drop_branches(network, stochastic_depth, draw)
    for index, module in enumerate(network.classifier):
        if isinstance(module, nn.Dropout):
            network.classifier[index] = Dropout(dropout, draw)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = momentum
    return network.train(), draw


def keys(seed, images):
    """The keys of images, by their numbers."""
    return [Key.root(seed)[image] for image in images]


def images(batch, height, width):
    return reference.images(batch, height, width)
