#!/usr/bin/env python3
"""Records three steps of PyTorch's and timm's optimisers for the tests.

    python3 Scripts/goldens/record_optimizers.py

Needs torch, timm and safetensors. Writes
  TrainingTests/Goldens/optimizers.safetensors  all parameters of a small network as one vector: initial
                                                values, the gradients of three steps, and the values after
                                                the first and the third step for each case
under Tests. Everything is computed in double precision.
"""

import pathlib

import torch
from safetensors.torch import save_file
from timm.optim import RMSpropTF

TESTS = pathlib.Path(__file__).resolve().parents[2] / "Tests"

# Name, shape, learning rate's factor, whether weight decay applies.
PARAMETERS = [
    ("stem.weight", (5, 3, 3, 3), 0.25, True),
    ("norm.weight", (5,), 0.25, False),
    ("norm.bias", (5,), 0.25, False),
    ("classifier.weight", (3, 5), 1, True),
    ("classifier.bias", (3,), 1, False),
]
RATES = [0.05, 0.04, 0.02]

# Name, optimiser with its hyperparameters, weight decay, largest norm of the gradients.
CASES = [
    ("sgd", lambda p: torch.optim.SGD(p, momentum=0.9), 0, None),
    ("sgd-plain", lambda p: torch.optim.SGD(p, momentum=0), 0.1, None),
    ("sgd-decay", lambda p: torch.optim.SGD(p, momentum=0.9), 0.1, None),
    ("sgd-nesterov", lambda p: torch.optim.SGD(p, momentum=0.9, nesterov=True), 0.1, None),
    ("rmsprop", lambda p: RMSpropTF(p, alpha=0.9, momentum=0.9, eps=1e-3), 0, None),
    ("rmsprop-decay", lambda p: RMSpropTF(p, alpha=0.9, momentum=0.9, eps=1e-3), 0.1, None),
    ("adamw", lambda p: torch.optim.AdamW(p, betas=(0.9, 0.999), eps=1e-8), 0, None),
    ("adamw-decay", lambda p: torch.optim.AdamW(p, betas=(0.8, 0.95), eps=1e-3), 0.1, None),
    ("clipped", lambda p: torch.optim.SGD(p, momentum=0.9), 0.1, 30),
]


def random_values():
    """Values of very different magnitudes."""
    return [
        (torch.randn(shape) * 10 ** (torch.rand(shape) * 3 - 2)).double()
        for _, shape, _, _ in PARAMETERS
    ]


def flat(tensors):
    return torch.cat([tensor.detach().flatten() for tensor in tensors]).float()


def main():
    torch.manual_seed(1)
    initial = random_values()
    gradients = [random_values() for _ in RATES]
    record = {"initial": flat(initial)}
    for step, values in enumerate(gradients, 1):
        record[f"gradients {step}"] = flat(values)
    for name, optimizer, decay, largest in CASES:
        parameters = [torch.nn.Parameter(value.clone()) for value in initial]
        optimizer = optimizer(
            [
                {"params": [parameter], "weight_decay": decay if decays else 0}
                for parameter, (_, _, _, decays) in zip(parameters, PARAMETERS)
            ]
        )
        for step, (rate, values) in enumerate(zip(RATES, gradients), 1):
            for parameter, value in zip(parameters, values):
                parameter.grad = value.clone()
            norm = torch.nn.utils.clip_grad_norm_(parameters, largest or float("inf"))
            print(f"{name} step {step}: norm {norm:.3f}")
            for group, (_, _, factor, _) in zip(optimizer.param_groups, PARAMETERS):
                group["lr"] = rate * factor
            optimizer.step()
            if step in (1, 3):
                record[f"{name} {step}"] = flat(parameters)
    save_file(record, TESTS / "TrainingTests/Goldens/optimizers.safetensors")


if __name__ == "__main__":
    main()
