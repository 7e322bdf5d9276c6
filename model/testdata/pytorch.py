"""Writes pytorch.json.gz: what PyTorch computes, in float64, for nn.RNN,
nn.LSTM and nn.Linear, forward and backward. model/pytorch_test.go reads it.

    python pytorch.py        (needs torch; written with 2.15.0)

All inputs are multiples of 1/1024, which float32 holds exactly, so that a
backend of either precision starts from the same numbers.
"""

import gzip
import hashlib
import json
import pathlib

import torch

torch.manual_seed(1)
torch.set_default_dtype(torch.float64)


def draw(*shape):
    return torch.randint(-1024, 1025, shape) / 1024


def flat(tensor):
    return tensor.detach().reshape(-1).tolist()


def redraw(module, bound):
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_((draw(*parameter.shape) * bound * 1024).round() / 1024)


def parameters(module):
    values = {name: flat(p) for name, p in module.named_parameters()}
    grads = {"grad." + name: flat(p.grad) for name, p in module.named_parameters()}
    return values | grads


def recurrent(kind, layers, steps, batch, width=3, hidden=5):
    if kind == "lstm":
        module = torch.nn.LSTM(width, hidden, layers)
    else:
        module = torch.nn.RNN(width, hidden, layers, nonlinearity=kind.removeprefix("rnn_"))
    redraw(module, hidden**-0.5)
    x = draw(steps, batch, width).requires_grad_()
    names = ["h", "c"] if kind == "lstm" else ["h"]
    initial = [draw(layers, batch, hidden).requires_grad_() for _ in names]
    y, final = module(x, tuple(initial) if kind == "lstm" else initial[0])
    final = final if kind == "lstm" else (final,)
    dy, dfinal = draw(*y.shape), [draw(*f.shape) for f in final]
    torch.autograd.backward([y, *final], [dy, *dfinal])
    tensors = {"x": flat(x), "y": flat(y), "dy": flat(dy), "dx": flat(x.grad)}
    for name, before, after, dafter in zip(names, initial, final, dfinal):
        tensors |= {
            "initial." + name: flat(before),
            "final." + name: flat(after),
            "dfinal." + name: flat(dafter),
            "dinitial." + name: flat(before.grad),
        }
    return {
        "kind": kind, "layers": layers, "steps": steps, "batch": batch, "width": width, "hidden": hidden,
        "tensors": tensors | parameters(module),
    }


def linear(batch, width, out):
    module = torch.nn.Linear(width, out)
    redraw(module, width**-0.5)
    x = draw(batch, width).requires_grad_()
    y = module(x)
    dy = draw(*y.shape)
    y.backward(dy)
    tensors = {"x": flat(x), "y": flat(y), "dy": flat(dy), "dx": flat(x.grad)}
    return {
        "kind": "linear", "layers": 1, "steps": 1, "batch": batch, "width": width, "hidden": out,
        "tensors": tensors | parameters(module),
    }


cases = [
    recurrent(kind, layers, steps, batch)
    for kind in ("rnn_tanh", "rnn_relu", "lstm")
    for layers in (1, 2)
    for steps in (1, 7, 50)
    for batch in (1, 3)
] + [linear(1, 3, 5), linear(7, 5, 1), linear(33, 7, 9)]

generator = hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest()
text = json.dumps({"torch": torch.__version__, "generator": generator, "cases": cases}, separators=(",", ":"))
path = pathlib.Path(__file__).with_name("pytorch.json.gz")
path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
print(path.name, path.stat().st_size, "bytes,", len(cases), "cases, torch", torch.__version__)
