"""Writes optimizers.json: PyTorch's float64 optimizers, step by step.

    python optimizers.py > optimizers.json
"""

import hashlib
import json
import pathlib

import torch

STEPS = 5

generator = torch.Generator().manual_seed(1)


def normal(*shape):
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


start = normal(6)
grads = normal(STEPS, 6)
grads[1, 2] = 0.0
start[3] = 0.0


def trajectory(optimizer_class, **options):
    """The parameters after each step."""
    param = torch.nn.Parameter(start.clone())
    optimizer = optimizer_class([param], foreach=False, **options)
    params = []
    for grad in grads:
        param.grad = grad.clone()
        optimizer.step()
        params.append(param.tolist())
    name = optimizer_class.__name__
    return {"optimizer": name, "options": options, "params": params}


def clip(x, limit):
    """x and its norm before, and x after clip_grad_norm_."""
    param = torch.nn.Parameter(torch.zeros_like(x))
    param.grad = x.clone()
    norm = torch.nn.utils.clip_grad_norm_([param], limit)
    return {"x": x.tolist(), "limit": limit, "norm": norm.item(), "clipped": param.grad.tolist()}


optim = torch.optim
fixture = {
    "generator": hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest(),
    "torch": torch.__version__.split("+")[0],
    "start": start.tolist(),
    "grads": grads.tolist(),
    "trajectories": [
        trajectory(optim.SGD, lr=0.1),
        trajectory(optim.SGD, lr=0.1, weight_decay=0.01),
        trajectory(optim.SGD, lr=0.1, momentum=0.9),
        trajectory(optim.SGD, lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True),
        trajectory(optim.RMSprop, lr=0.01, alpha=0.99, eps=1e-8),
        trajectory(optim.RMSprop, lr=0.01, alpha=0.9, eps=1e-3, momentum=0.8, weight_decay=0.1),
        trajectory(optim.Adam, lr=0.01, betas=(0.9, 0.999), eps=1e-8),
        trajectory(optim.Adam, lr=0.01, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1),
        trajectory(optim.AdamW, lr=0.01, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01),
        trajectory(optim.AdamW, lr=0.05, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.3),
    ],
    "clips": [
        clip(grads[0], 0.5),
        clip(grads[0], 100.0),
        clip(torch.zeros(3, dtype=torch.float64), 1.0),
        clip(torch.tensor([3.0, 4.0], dtype=torch.float64), 5.0),
    ],
}
print(json.dumps(fixture, indent=1))
