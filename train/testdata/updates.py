"""Writes updates.json: the parameters of a small net after each of some updates by PyTorch,
in float64, with parameter groups, frozen parameters and clipping, accumulation of
gradients, and averages of the parameters. train/update_pytorch_test.go reads it.

    python updates.py        (needs torch; written with 2.15.0)

Inputs, targets and initial parameters are multiples of 1/1024, which float32 holds exactly.
"""

import collections
import hashlib
import json
import pathlib

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

torch.set_default_dtype(torch.float64)
torch.manual_seed(1)

INPUTS, HIDDEN, OUTPUTS = 3, 4, 2


def draw(*shape):
    return torch.randint(-1024, 1025, shape) / 1024


def values(net):
    return {name: p.detach().reshape(-1).tolist() for name, p in net.named_parameters()}


def case(name, sizes, optimizer, groups=(), clip=0, accumulate=1, ema=0, averaged=None, **options):
    """Trains on batches of these sizes. groups are (names, factor of the rate, other options,
    frozen); options are those of the optimizer."""
    net = nn.Sequential(collections.OrderedDict(
        hidden=nn.Linear(INPUTS, HIDDEN), tanh=nn.Tanh(), head=nn.Linear(HIDDEN, OUTPUTS)))
    for p in net.parameters():
        p.data = draw(*p.shape)
    initial, own = values(net), {}
    for names, factor, others, frozen in groups:
        for n in names:
            net.get_parameter(n).requires_grad_(not frozen)
            own[n] = {"lr": options["lr"] * factor, **others}
    optim = getattr(torch.optim, optimizer)(
        [{"params": [p], **own.get(n, {})} for n, p in net.named_parameters() if p.requires_grad], **options)
    average = AveragedModel(net, **averaged) if averaged else None
    batches = [(draw(size, INPUTS), draw(size, OUTPUTS)) for size in sizes]
    steps, averages = [], []
    for i in range(0, len(batches), accumulate):
        window = batches[i : i + accumulate]
        rows = sum(len(x) for x, _ in window)
        optim.zero_grad()
        for x, y in window:
            (nn.MSELoss(reduction="sum")(net(x), y) / (rows * OUTPUTS)).backward()
        if clip:
            nn.utils.clip_grad_norm_(net.parameters(), clip)
        optim.step()
        steps.append(values(net))
        if average:
            average.update_parameters(net)
            averages.append(values(average.module))
    return {
        "name": name, "optimizer": optimizer, "options": options, "clip": clip, "accumulate": accumulate, "ema": ema,
        "groups": [{"names": n, "factor": f, "options": o, "frozen": z} for n, f, o, z in groups],
        "initial": initial, "x": [x.reshape(-1).tolist() for x, _ in batches],
        "y": [y.reshape(-1).tolist() for _, y in batches], "steps": steps, "averages": averages,
    }


def warm(decay):
    """The formula of train.Options.EMA. PyTorch copies the parameters at n = 0."""

    def mean(average, parameter, n):
        d = min(decay, (1 + n) / (10 + n))
        return d * average + (1 - d) * parameter

    return mean


biases = ["hidden.bias", "head.bias"]
cases = [
    case("no decay on biases", [5] * 4, "AdamW", [(biases, 1, {"weight_decay": 0}, False)], lr=0.02, weight_decay=0.5),
    case("rates of their own", [5] * 4, "SGD", [(["hidden.weight"], 0.25, {}, False), (["head.bias"], 4, {}, False)], lr=0.1, momentum=0.9),
    case("frozen, clipped", [5] * 4, "Adam", [(["hidden.weight", "head.bias"], 1, {}, True)], clip=0.1, lr=0.02, weight_decay=0.1),
    case("frozen, clipped, first layer", [5] * 4, "SGD", [(["hidden.weight", "hidden.bias"], 1, {}, True)], clip=0.05, lr=0.5, momentum=0.5),
    case("accumulated", [5, 5, 5, 5, 5, 2, 4, 1, 3], "AdamW", accumulate=3, lr=0.02, weight_decay=0.1),
    case("accumulated, clipped", [5, 5, 3, 2], "SGD", clip=0.1, accumulate=2, lr=0.5, momentum=0.9),
    case("average", [5] * 8, "SGD", ema=0.15, averaged={"multi_avg_fn": get_ema_multi_avg_fn(0.15)}, lr=0.5),
    case("average, warming up", [5] * 8, "SGD", ema=0.999, averaged={"avg_fn": warm(0.999)}, lr=0.5),
    case("average, past its warm-up", [5] * 8, "SGD", ema=0.3, averaged={"avg_fn": warm(0.3)}, lr=0.5),
    case("all", [5, 4] * 6, "AdamW", [(biases, 2, {"weight_decay": 0}, False), (["hidden.weight"], 1, {}, True)],
         clip=0.2, accumulate=2, ema=0.15, averaged={"multi_avg_fn": get_ema_multi_avg_fn(0.15)}, lr=0.02, weight_decay=0.5),
]
program = pathlib.Path(__file__)
generator = hashlib.sha256(program.read_bytes()).hexdigest()
lines = ",\n".join(json.dumps(c) for c in cases)
program.with_name("updates.json").write_text(f'{{"generator": "{generator}", "cases": [\n{lines}\n]}}\n')
