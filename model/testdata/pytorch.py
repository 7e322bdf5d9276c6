"""Writes pytorch.json.gz: what PyTorch computes, in float64, for nn.RNN,
nn.LSTM, nn.GRU, nn.Linear and nn.Embedding, forward and backward, and for an LSTM with
layer norms made of its functions. model/pytorch_test.go reads it.

    python pytorch.py        (needs torch; written with 2.15.0)

Inputs and parameters are not stored: both sides draw them from the name of the
case and of the tensor. All are multiples of 1/1024, which float32 holds exactly,
so that a backend of either precision starts from the same numbers. Results have
11 digits.
"""

import gzip
import hashlib
import itertools
import json
import pathlib
import zlib

import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

torch.set_default_dtype(torch.float64)


def draw(case, name, shape, bound=1024):
    """Multiples of 1/1024 from -bound/1024 to bound/1024 (Knuth's MMIX generator)."""
    state = zlib.crc32(f"{case}/{name}".encode())
    values = []
    for _ in range(torch.Size(shape).numel()):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        values.append(((state >> 33) % (2 * bound + 1) - bound) / 1024)
    return torch.tensor(values).reshape(shape)


def flat(tensor):
    return [float(f"{value:.11g}") for value in tensor.detach().reshape(-1).tolist()]


def redraw(case, module, fan):
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(draw(case, name, parameter.shape, int(1024 * fan**-0.5)))


def grads(module):
    return {"grad." + name: flat(p.grad) for name, p in module.named_parameters()}


def recurrent(kind, layers, steps, batch, bidirectional=False, projection=0, lengths=None):
    width, hidden = (1, 3) if steps == 50 else (3, 5)
    case = f"{kind}/{layers}/{steps}/{batch}/{int(bidirectional)}/{projection}/{lengths or []}".replace(",", "")
    make = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}.get(kind, torch.nn.RNN)
    options = {"bidirectional": bidirectional}
    if make is torch.nn.RNN:
        options["nonlinearity"] = kind.removeprefix("rnn_")
    if projection:
        options["proj_size"] = projection
    module = make(width, hidden, layers, **options)
    redraw(case, module, hidden)
    x = draw(case, "x", (steps, batch, width)).requires_grad_()
    names = ["h", "c"] if kind == "lstm" else ["h"]
    of = {"h": projection or hidden, "c": hidden}
    states = layers * (2 if bidirectional else 1)
    initial = [draw(case, "initial." + n, (states, batch, of[n])).requires_grad_() for n in names]
    start = tuple(initial) if kind == "lstm" else initial[0]
    if lengths:
        packed, final = module(pack_padded_sequence(x, lengths, enforce_sorted=False), start)
        y, _ = pad_packed_sequence(packed, total_length=steps)
    else:
        y, final = module(x, start)
    final = final if kind == "lstm" else (final,)
    dy = draw(case, "dy", y.shape)
    dfinal = [draw(case, "dfinal." + n, f.shape) for n, f in zip(names, final)]
    torch.autograd.backward([y, *final], [dy, *dfinal])
    tensors = {"y": flat(y), "dx": flat(x.grad)}
    for name, before, after in zip(names, initial, final):
        tensors |= {"final." + name: flat(after), "dinitial." + name: flat(before.grad)}
    return {
        "name": case, "kind": kind, "layers": layers, "steps": steps, "batch": batch, "width": width, "hidden": hidden,
        "bidirectional": bidirectional, "projection": projection, "lengths": lengths, "tensors": tensors | grads(module),
    }


class Normalized(torch.nn.Module):
    """The LSTM of Ba, Kiros and Hinton 2016, equations 20 to 22."""

    def __init__(self, width, hidden):
        super().__init__()
        shapes = {
            "weight_ih_l0": (4 * hidden, width), "weight_hh_l0": (4 * hidden, hidden),
            "bias_ih_l0": (4 * hidden,), "bias_hh_l0": (4 * hidden,),
            "weight_norm_ih_l0": (4 * hidden,), "weight_norm_hh_l0": (4 * hidden,),
            "weight_norm_c_l0": (hidden,), "bias_norm_c_l0": (hidden,),
        }
        for name, shape in shapes.items():
            self.register_parameter(name, torch.nn.Parameter(torch.empty(shape)))

    def forward(self, x, h, c):
        def norm(v, gain, bias):
            return torch.nn.functional.layer_norm(v, v.shape[-1:], gain, bias)

        ys = []
        for row in x:
            z = norm(row @ self.weight_ih_l0.T, self.weight_norm_ih_l0, self.bias_ih_l0)
            z = z + norm(h @ self.weight_hh_l0.T, self.weight_norm_hh_l0, self.bias_hh_l0)
            i, f, g, o = z.chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * norm(c, self.weight_norm_c_l0, self.bias_norm_c_l0).tanh()
            ys.append(h)
        return torch.stack(ys), h, c


def normalized(steps, batch, width=3, hidden=5):
    case = f"lstm_norm/{steps}/{batch}"
    module = Normalized(width, hidden)
    redraw(case, module, hidden)
    x = draw(case, "x", (steps, batch, width)).requires_grad_()
    h, c = (draw(case, "initial." + n, (batch, hidden)).requires_grad_() for n in "hc")
    y, last_h, last_c = module(x, h, c)
    torch.autograd.backward(
        [y, last_h, last_c], [draw(case, n, v.shape) for n, v in (("dy", y), ("dfinal.h", last_h), ("dfinal.c", last_c))]
    )
    return {
        "name": case, "kind": "lstm_norm", "layers": 1, "steps": steps, "batch": batch, "width": width, "hidden": hidden,
        "tensors": {
            "y": flat(y), "dx": flat(x.grad), "final.h": flat(last_h), "final.c": flat(last_c),
            "dinitial.h": flat(h.grad), "dinitial.c": flat(c.grad),
        } | grads(module),
    }


def linear(batch, width, out):
    case = f"linear/{batch}/{width}/{out}"
    module = torch.nn.Linear(width, out)
    redraw(case, module, width)
    x = draw(case, "x", (batch, width)).requires_grad_()
    y = module(x)
    y.backward(draw(case, "dy", y.shape))
    return {
        "name": case, "kind": "linear", "layers": 1, "steps": 1, "batch": batch, "width": width, "hidden": out,
        "tensors": {"y": flat(y), "dx": flat(x.grad)} | grads(module),
    }


def embedding(ids, out, steps, batch, width):
    case = f"embedding/{ids}/{out}/{steps}/{batch}/{width}"
    module = torch.nn.Embedding(ids, out)
    redraw(case, module, 1)
    x = (draw(case, "ids", (steps, batch, width)) * 1024).long() % ids
    y = module(x).reshape(steps, batch, width * out)
    y.backward(draw(case, "dy", y.shape))
    return {
        "name": case, "ids": ids, "hidden": out, "steps": steps, "batch": batch, "width": width,
        "tensors": {"y": flat(y)} | grads(module),
    }


class Columns(torch.nn.Module):
    """Numbers, and the vectors of the ids in some columns."""

    def __init__(self, columns):
        super().__init__()
        self.columns = columns
        self.layer = torch.nn.ModuleList(torch.nn.Embedding(ids, out) for _, ids, out in columns)

    def forward(self, x):
        numbers = [i for i in range(x.shape[-1]) if i not in [column for column, _, _ in self.columns]]
        vectors = [layer(x[..., column].long()) for layer, (column, _, _) in zip(self.layer, self.columns)]
        return torch.cat([x[..., numbers]] + vectors, -1)


def column_embedding(columns, steps, batch, width):
    case = f"columns/{columns}/{steps}/{batch}/{width}"
    module = Columns(columns)
    redraw(case, module, 1)
    x = draw(case, "x", (steps, batch, width))
    for column, ids, _ in columns:
        x[..., column] = (x[..., column] * 1024).long() % ids
    y = module(x)
    y.backward(draw(case, "dy", y.shape))
    return {
        "name": case, "columns": columns, "steps": steps, "batch": batch, "width": width,
        "tensors": {"y": flat(y)} | grads(module),
    }


kinds = ("rnn_tanh", "rnn_relu", "lstm", "gru")
cases = [linear(1, 3, 5), linear(7, 5, 1), linear(33, 7, 9), normalized(1, 1), normalized(7, 3)]
for kind, layers, both, steps, batch in itertools.product(kinds, (1, 2), (False, True), (1, 7, 50), (1, 3)):
    cases.append(recurrent(kind, layers, steps, batch, both))
for kind, layers, both in itertools.product(kinds, (1, 2), (False, True)):
    cases.append(recurrent(kind, layers, 7, 3, both, lengths=[4, 7, 1]))
for kind in kinds:
    cases.append(recurrent(kind, 1, 50, 3, True, lengths=[31, 2, 49]))
for layers, both, lengths in itertools.product((1, 2), (False, True), (None, [4, 7, 1])):
    cases.append(recurrent("lstm", layers, 7, 3, both, 2, lengths))

embeddings = [embedding(2, 1, 1, 1, 1), embedding(7, 5, 9, 3, 1), embedding(11, 3, 4, 5, 2)]
columns = [
    column_embedding([[0, 2, 1]], 1, 1, 1), column_embedding([[1, 3, 2], [2, 5, 4]], 1, 9, 5), column_embedding([[0, 4, 2], [3, 2, 3]], 3, 4, 4)
]

generator = hashlib.sha256(pathlib.Path(__file__).read_bytes()).hexdigest()
text = json.dumps({"torch": torch.__version__, "generator": generator, "cases": cases, "embeddings": embeddings, "columns": columns}, separators=(",", ":"))
path = pathlib.Path(__file__).with_name("pytorch.json.gz")
path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
print(path.name, path.stat().st_size, "bytes,", len(cases), "cases, torch", torch.__version__)
