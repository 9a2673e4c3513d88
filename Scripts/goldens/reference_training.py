"""Training in PyTorch as cnnzoo defines it: dropped branches, dropout and their random numbers."""

import types

import torch
from torch import nn
from torchvision.ops import StochasticDepth

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


class Draw:
    """The keys of the current batch."""

    keys = []


def blocks(network):
    """The blocks of a network, and whether each has a shortcut."""
    found = [module for module in network.modules()
             if hasattr(module, "block") and isinstance(module.block, nn.Sequential)]
    return [(module, getattr(module, "use_res_connect", getattr(module, "has_shortcut", False)))
            for module in found]


def drop_branches(network, probability, draw):
    """Lets residual blocks drop images, so that dropped ones take no part in batch statistics."""
    found = blocks(network)
    for number, (module, has_shortcut) in enumerate(found):
        survival = 1 - probability * number / len(found)

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

    MobileNetV3 has no stochastic depth. torchvision's own is off: its random numbers are others.
    """
    draw = Draw()
    for module in network.modules():
        if isinstance(module, StochasticDepth):
            module.p = 0.0
    if stochastic_depth > 0:
        drop_branches(network, stochastic_depth, draw)
    for index, module in enumerate(network.classifier):
        if isinstance(module, nn.Dropout):
            network.classifier[index] = Dropout(dropout, draw)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = momentum
    return network.train(), draw


# Where the derivative jumps.
KINKS = {nn.ReLU: [0], nn.ReLU6: [0, 6], nn.Hardswish: [-3, 3], nn.Hardsigmoid: [-3, 3]}


def condition(network, images, statistics):
    """Changes parameters so that rounding hardly moves a gradient.

    Residual branches become small beside their shortcuts. For `statistics` "fixed", running statistics
    become those of the images. Then each bias before a kink moves by up to a tenth of the layer's
    standard deviation, to where no activation is near the kink.
    """
    for module, has_shortcut in blocks(network):
        if has_shortcut:
            module.block[-1][1].weight.data *= 0.125
    network, draw = training_network(network.double(), 0, 0, momentum=1 if statistics == "fixed" else 0)
    draw.keys = keys(0, range(len(images)))
    with torch.no_grad():
        if statistics == "fixed":
            network(images.double())
            fix_statistics(network)
        before, hooks = [None], []

        def remember(module, _, output):
            before[0] = module

        def leave(module, inputs):
            x = inputs[0]
            rows = x.transpose(0, 1).flatten(1)
            limit = 0.1 * x.std()
            forbidden = torch.cat([kink - rows for kink in KINKS[type(module)]], 1).clamp(-limit, limit)
            ends = limit.expand(len(rows), 1)
            forbidden = torch.cat([-ends, forbidden, ends], 1).sort(1).values
            gaps = forbidden.diff(dim=1)
            widest = gaps.argmax(1, keepdim=True)
            move = (forbidden.gather(1, widest) + gaps.gather(1, widest) / 2).squeeze(1)
            before[0].bias.data += move
            return x + move.reshape(1, -1, *[1] * (x.dim() - 2))

        for module in network.modules():
            if isinstance(module, (nn.BatchNorm2d, nn.Conv2d, nn.Linear)):
                hooks.append(module.register_forward_hook(remember))
            elif type(module) in KINKS:
                hooks.append(module.register_forward_pre_hook(leave))
        network(images.double())
        for hook in hooks:
            hook.remove()
    return network.float()


def fix_statistics(network):
    """Lets batch norm use its running statistics, and keep them."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()


def keys(seed, images):
    """The keys of images, by their numbers."""
    return [Key.root(seed)[image] for image in images]


def images(batch, height, width):
    return reference.images(batch, height, width)
