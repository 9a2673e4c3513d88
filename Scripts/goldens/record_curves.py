#!/usr/bin/env python3
"""Records whole training runs of tiny networks in PyTorch for the tests.

    python3 Scripts/goldens/record_curves.py

Needs torch, torchvision, timm, numpy and safetensors. Writes
  TrainingTests/Goldens/runs.safetensors  for every parameter and statistic of a member of each family its
                                          norm and its projection: after three updates by each optimiser,
                                          and of the gradients with fixed statistics, and with soft labels
                                          at a sigmoid; in double precision
  TrainingTests/Goldens/curves.txt        the losses of 50 steps, in f64, and in f32 with 1 and 2 threads
under Tests.
"""

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from timm.optim import RMSpropTF

import reference_networks as reference
import reference_training as training
from record_torchvision import TESTS, tiny_networks

BATCH = 6
STEPS = 50
OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9, nesterov=True),
    "rmsprop": lambda p: RMSpropTF(p, lr=0.005, alpha=0.9, momentum=0.9, eps=1e-3),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.005, betas=(0.9, 0.999), eps=1e-3),
}
WEIGHT_DECAY = 0.01


def make(tiny, dtype):
    name, _, size, network = tiny
    reference.seed_parameters(network)
    if name == "tiny-lite":
        reference.use_same_padding(network)
    depth = 0 if "mobilenet" in name else 0.2
    network, draw = training.training_network(network.to(dtype), depth, 0.2)
    return network, draw, reference.images(BATCH, *size).to(dtype)


def run(tiny, dtype, optimizer, steps):
    """The losses of some updates, and the network."""
    network, draw, images = make(tiny, dtype)
    optimizer = OPTIMIZERS[optimizer]([
        {"params": [p for p in network.parameters() if p.dim() > 1], "weight_decay": WEIGHT_DECAY},
        {"params": [p for p in network.parameters() if p.dim() == 1], "weight_decay": 0}])
    losses = []
    for step in range(steps):
        draw.keys = training.keys(step, range(BATCH))
        logits = network(images)
        labels = torch.arange(BATCH) % logits.shape[1]
        loss = F.cross_entropy(logits, labels, label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, network


def gradients(tiny, fixed):
    """The network after one backward pass."""
    network, draw, images = make(tiny, torch.float64)
    draw.keys = training.keys(1, range(BATCH))
    if fixed:
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.eval()
    logits = network(images)
    classes = logits.shape[1]
    hot = torch.eye(classes, dtype=torch.float64)
    first, second = hot[torch.arange(BATCH) % classes], hot[(torch.arange(BATCH) + 1) % classes]
    targets = 0.75 * first + 0.25 * second
    if fixed:
        loss = F.cross_entropy(logits, targets)
    else:
        # The sum over the classes, the mean over the images.
        loss = F.binary_cross_entropy_with_logits(logits, targets, reduction="sum") / BATCH
    loss.backward()
    return loss.item(), network


def summary(value):
    value = value.detach().double().flatten()
    index = torch.arange(len(value))
    return [value.norm().item(), (value * ((index * 37 % 101 - 50) / 50).double()).sum().item()]


def fresh(index):
    return list(tiny_networks())[index]


def main():
    folder = TESTS / "TrainingTests/Goldens"
    record, lines = {}, []
    for index, (name, *_) in enumerate(list(tiny_networks())):
        runs = [run(fresh(index), torch.float64, optimizer, 3)[1] for optimizer in OPTIMIZERS]
        passes = [gradients(fresh(index), fixed) for fixed in (True, False)]
        record[f"{name} losses"] = torch.tensor([loss for loss, _ in passes])
        for parameter, _ in runs[0].named_parameters():
            values = [network.get_parameter(parameter) for network in runs]
            values += [network.get_parameter(parameter).grad for _, network in passes]
            record[f"{name} {parameter}"] = torch.tensor([summary(value) for value in values])
        for buffer, _ in runs[0].named_buffers():
            if not buffer.endswith("num_batches_tracked"):
                values = [network.get_buffer(buffer) for network in runs]
                values += [network.get_buffer(buffer) for _, network in passes]
                record[f"{name} {buffer}"] = torch.tensor([summary(value) for value in values])
        curves = []
        for kind, dtype, threads in [("f64", torch.float64, 1), ("f32-1", torch.float32, 1),
                                     ("f32-2", torch.float32, 2)]:
            torch.set_num_threads(threads)
            curves.append(run(fresh(index), dtype, "sgd", STEPS)[0])
            lines.append(" ".join([name, kind, *(f"{loss:.7g}" for loss in curves[-1])]))
        exact = curves[0]
        print(name, exact[0], exact[-1], [max(abs(a - b) / b for a, b in zip(c, exact)) for c in curves[1:]],
              "between threads", max(abs(a - b) / b for a, b in zip(curves[1], curves[2])))
    (folder / "curves.txt").write_text("\n".join(lines) + "\n")
    path = folder / "runs.safetensors"
    save_file({key: value.float().contiguous() for key, value in record.items()}, path)
    path.chmod(0o644)
    print(path.stat().st_size)


if __name__ == "__main__":
    main()
