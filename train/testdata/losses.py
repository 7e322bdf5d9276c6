"""Writes losses.json: what PyTorch computes, in float64, for its losses and their
gradients. train/loss_pytorch_test.go reads it.

    python losses.py        (needs torch; written with 2.15.0)

Outputs and targets are multiples of 1/1024, which float32 holds exactly.
"""

import hashlib
import json
import pathlib

import torch
from torch import nn

torch.set_default_dtype(torch.float64)
torch.manual_seed(1)


def draw(*shape, bound=4096):
    return torch.randint(-bound, bound + 1, shape) / 1024


def case(name, loss, y, target, **options):
    y = y.clone().requires_grad_()
    value = loss(y, target)
    value.backward()
    return {
        "name": name, **options, "cols": y.shape[1], "y": y.detach().reshape(-1).tolist(),
        "target": target.reshape(-1).tolist(), "loss": value.item(), "grad": y.grad.reshape(-1).tolist(),
    }


def regression():
    y, target = draw(7, 3), draw(7, 3)
    y[2, 1] = target[2, 1]  # no error at all
    y[3, 2] = target[3, 2] + 0.5  # on the border of delta 1/2
    yield case("L1", nn.L1Loss(), y, target)
    for delta in 0.5, 1.0, 4.0:
        yield case("Huber", nn.HuberLoss(delta=delta), y, target, delta=delta)
    outlier = draw(4, 1)
    outlier[1, 0] = 2.0**20
    yield case("L1", nn.L1Loss(), outlier, draw(4, 1))
    yield case("Huber", nn.HuberLoss(), outlier, draw(4, 1), delta=1.0)


def binary():
    huge = torch.tensor([[0.0, 50.0, -50.0, 1000.0, -1000.0, 16.0, -16.0, 2.0**15]])
    for target in 0.0, 1.0, 0.25, 0.875:
        yield case("BCEWithLogits", nn.BCEWithLogitsLoss(), huge, torch.full_like(huge, target))
    yield case("BCEWithLogits", nn.BCEWithLogitsLoss(), draw(9, 1), torch.randint(0, 2, (9, 1)) * 1.0)
    yield case("BCEWithLogits", nn.BCEWithLogitsLoss(), draw(5, 4), torch.randint(0, 1025, (5, 4)) / 1024)
    # Of the weights of four outputs, two are equal and one is 1.
    for weights in [3.0, 0.5, 3.0, 1.0], [1.0, 1.0, 1.0, 1.0], [0.0, 2.0, 1.5, 0.25]:
        loss = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(weights))
        yield case("BCEWithLogits", loss, draw(9, 4), torch.randint(0, 2, (9, 4)) * 1.0, weights=weights)


def classes():
    y = draw(8, 4)
    huge = torch.tensor([[1000.0, -1000.0, 0.0, 0.0], [0.0, 0.0, -1000.0, 1000.0], [3.0, 3.0, 3.0, 3.0]])
    labels = torch.tensor([3, 0, 2, -1, 1, 1, 3, -1])
    for weights in None, [1.0, 1.0, 1.0, 1.0], [0.5, 2.0, 0.0, 1.25]:
        for smoothing in 0.0, 0.125, 1.0:
            weight = None if weights is None else torch.tensor(weights)
            loss = nn.CrossEntropyLoss(weight, ignore_index=-1, label_smoothing=smoothing)
            options = {"weights": weights, "smoothing": smoothing}
            yield case("CrossEntropy", loss, y, labels, **options)
            yield case("CrossEntropy", loss, huge, torch.tensor([1, 3, 0]), **options)


program = pathlib.Path(__file__)
lines = ",\n".join(json.dumps(c) for c in [*regression(), *binary(), *classes()])
generator = hashlib.sha256(program.read_bytes()).hexdigest()
program.with_name("losses.json").write_text(f'{{"generator": "{generator}", "cases": [\n{lines}\n]}}\n')
