#!/usr/bin/env python3
"""Records whole training runs of tiny networks in PyTorch for the tests.

    python3 Scripts/goldens/record_curves.py

Needs torch, torchvision, timm, numpy and safetensors. Writes
  TrainingTests/Goldens/runs.safetensors  for every parameter and statistic of a member of each family, in
                                          the order of their names, its norm and its projection: after
                                          three updates by each optimiser, and of the gradients (or of the
                                          value, if it is not trained) with fixed statistics, with a
                                          sigmoid, with frozen stages, and after two batches; in double
                                          precision
  TrainingTests/Goldens/curves.txt        the losses of 50 steps in f64, and how far PyTorch's other runs
                                          are from them up to each step: in f32 with 1 and 2 threads, and
                                          in f64 from parameters that are moved by one unit in the last
                                          place of f32
under Tests. Where activations have kinks, one of them flips after enough steps, and runs part. The learning
rates of the curves are so low that this happens in none of PyTorch's runs.
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
GRADIENTS = ["fixed", "sigmoid", "frozen", "two batches"]


RATES = {"tiny-effnetv2": 0.02, "tiny-mobilenetv3": 0.01, "tiny-lite": 0.005}
MOVED = 10


def make(tiny, dtype, batch=BATCH):
    name, _, size, network = tiny
    reference.seed_parameters(network)
    if name == "tiny-lite":
        reference.use_same_padding(network)
    depth = 0 if "mobilenet" in name else 0.2
    network, draw = training.training_network(network.to(dtype), depth, 0.2)
    return network, draw, reference.images(batch, *size).to(dtype)


def move(network, seed):
    """Moves every parameter by one unit in the last place of f32, up or down."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        value = parameter.data.float()
        direction = torch.where(torch.rand(value.shape, generator=generator) < 0.5, -1.0, 1.0)
        parameter.data = torch.nextafter(value, direction * torch.inf).to(parameter.dtype)


def run(tiny, dtype, optimizer, steps, rate=None, moved=None):
    """The losses of some updates, and the network."""
    network, draw, images = make(tiny, dtype)
    if moved is not None:
        move(network, moved)
    optimizer = OPTIMIZERS[optimizer]([
        {"params": [p for p in network.parameters() if p.dim() > 1], "weight_decay": WEIGHT_DECAY},
        {"params": [p for p in network.parameters() if p.dim() == 1], "weight_decay": 0}])
    for group in optimizer.param_groups:
        group["lr"] = rate or group["lr"]
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


def gradients(tiny, kind):
    """The losses of one or two backward passes, and the network afterwards."""
    network, draw, images = make(tiny, torch.float64, BATCH * 2)
    if kind == "fixed":
        training.fix_statistics(network)
    if kind == "frozen":
        # The stem and the first stage.
        for module in network.features[:4 if "mobilenet" in tiny[0] else 2]:
            module.requires_grad_(False).eval()
    losses = []
    for batch in range(2 if kind == "two batches" else 1):
        draw.keys = training.keys(1 + batch, range(BATCH))
        logits = network(images[batch * BATCH:(batch + 1) * BATCH])
        classes = logits.shape[1]
        hot = torch.eye(classes, dtype=torch.float64)
        first, second = hot[torch.arange(BATCH) % classes], hot[(torch.arange(BATCH) + 1) % classes]
        targets = 0.75 * first + 0.25 * second
        if kind == "sigmoid":
            # The sum over the classes, the mean over the images.
            loss = F.binary_cross_entropy_with_logits(logits, targets, reduction="sum") / BATCH
        else:
            loss = F.cross_entropy(logits, targets)
        loss.backward()
        losses.append(loss.item())
    return losses, network


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
        passes = [gradients(fresh(index), kind) for kind in GRADIENTS]
        record[f"{name} losses"] = torch.tensor([loss for losses, _ in passes for loss in losses])
        tensors = []
        for key in sorted(key for key in runs[0].state_dict() if not key.endswith("num_batches_tracked")):
            values = [network.state_dict()[key] for network in runs]
            for _, network in passes:
                parameter = dict(network.named_parameters()).get(key)
                trains = parameter is not None and parameter.requires_grad
                values.append(parameter.grad if trains else network.state_dict()[key])
            tensors.append([summary(value) for value in values])
        record[name] = torch.tensor(tensors)
        def curve(dtype, threads=1, moved=None):
            torch.set_num_threads(threads)
            return torch.tensor(
                run(fresh(index), dtype, "sgd", STEPS, RATES[name], moved)[0], dtype=torch.float64)

        exact = curve(torch.float64)
        others = [curve(torch.float32, threads) for threads in (1, 2)]
        others += [curve(torch.float64, moved=seed) for seed in range(MOVED)]
        apart = (torch.stack(others) / exact - 1).abs()
        spread = apart.max(0).values.cummax(0).values
        lines.append(" ".join([name, "losses", *(f"{loss:.9g}" for loss in exact.tolist())]))
        lines.append(" ".join([name, "spread", *(f"{value:.1e}" for value in spread.tolist())]))
        print(name, exact[0].item(), exact[-1].item(), "apart",
              " ".join(f"{value:.0e}" for value in apart.max(1).values.tolist()))
    (folder / "curves.txt").write_text("\n".join(lines) + "\n")
    path = folder / "runs.safetensors"
    save_file({key: value.float().contiguous() for key, value in record.items()}, path)
    path.chmod(0o644)
    print(path.stat().st_size)


if __name__ == "__main__":
    main()
