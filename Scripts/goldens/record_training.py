#!/usr/bin/env python3
"""Records PyTorch's gradients and statistics of one training step for the tests.

    python3 Scripts/goldens/record_training.py

Needs torch, torchvision, timm, numpy and safetensors. Writes
  TrainingTests/Goldens/tiny-*.safetensors  for a member of each family: the loss, the gradient of
                                            every parameter, and batch norm's statistics afterwards
under Tests. Everything is computed in double precision.
"""

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

import reference_networks as reference
import reference_training as training
from record_torchvision import TESTS, tiny_networks

BATCH = 6
STOCHASTIC_DEPTH, DROPOUT, SMOOTHING = 0.5, 0.3, 0.1


def main():
    folder = TESTS / "TrainingTests/Goldens"
    folder.mkdir(parents=True, exist_ok=True)
    for name, _, (height, width), network in tiny_networks():
        reference.seed_parameters(network)
        # TensorFlow's padding for one of them.
        if name == "tiny-lite":
            reference.use_same_padding(network)
        depth = 0 if "mobilenet" in name else STOCHASTIC_DEPTH
        network, draw = training.training_network(network.double(), depth, DROPOUT)
        draw.keys = training.keys(1, range(BATCH))
        logits = network(reference.images(BATCH, height, width).double())
        labels = torch.arange(BATCH) % logits.shape[1]
        loss = F.cross_entropy(logits, labels, label_smoothing=SMOOTHING)
        loss.backward()
        record = {"loss": loss.detach().reshape(1)}
        for parameter, value in network.named_parameters():
            record[parameter] = value.grad
        for buffer, value in network.named_buffers():
            if not buffer.endswith("num_batches_tracked"):
                record[buffer] = value
        path = folder / f"{name}.safetensors"
        save_file({key: value.float().contiguous() for key, value in record.items()}, path)
        path.chmod(0o644)
        print(name, loss.item(), path.stat().st_size)


if __name__ == "__main__":
    main()
