"""Trains small models on random tables, exports them, and compares what onnxruntime and
PyTorch compute with gputrain predict. Then imports the state dicts that PyTorch writes,
which must give the same models.

    python interchange.py SEEDS        (needs torch, safetensors and onnxruntime, and gputrain in PATH)

Prints a line for each seed that differs, and at last how many were tried.
"""

import csv
import json
import pathlib
import random
import subprocess
import sys

import numpy
import onnxruntime
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

TOLERANCE = 1e-5
NAMES = ["class", "probability", "x", "y", "a b", "größe", "1", "lengths", "head/MatMul", "Concat"]
RECURRENT = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


def gputrain(*args):
    subprocess.run(["gputrain", *map(str, args)], check=True, capture_output=True)


class Net(nn.Module):
    def __init__(self, kind, steps, features, hidden, layers, classes):
        super().__init__()
        self.kind, self.steps, self.layers = kind, steps, layers
        if kind == "mlp":
            for i in range(layers):
                setattr(self, f"hidden{i}", nn.Linear(hidden if i else features, hidden))
        else:
            setattr(self, kind, RECURRENT[kind](features // steps, hidden, layers))
        self.head = nn.Linear(hidden, classes)

    def forward(self, x):
        if self.kind == "mlp":
            for i in range(self.layers):
                x = getattr(self, f"hidden{i}")(x).relu()
        else:
            y, _ = getattr(self, self.kind)(x.reshape(len(x), self.steps, -1).transpose(0, 1))
            x = y[-1]
        return self.head(x).softmax(1)


def differences(seed):
    draw = random.Random(seed)
    kind, features = ["lstm", "gru", "rnn", "mlp"][seed % 4], draw.choice([1, 2, 4, 6])
    steps = draw.choice([s for s in (1, 2, 3, features) if features % s == 0])
    layers, hidden, classes = draw.randint(1, 3), draw.choice([1, 5, 33]), draw.randint(2, 5)
    header = draw.sample(NAMES, features) if draw.random() < 0.8 else None
    sizes = [draw.choice([1e-6, 1, 1000, 1e8]) for _ in range(features)]
    middles = [size * draw.choice([0, 0, 100, -50]) for size in sizes]
    table = [[m + s * (draw.gauss(0, 1) + i % classes) for m, s in zip(middles, sizes)] for i in range(40 * classes)]

    run = pathlib.Path(f"run{seed}")
    with open(f"{run}.csv", "w", newline="") as file:
        writer = csv.writer(file)
        if header:
            writer.writerow(header + ["target"])
        writer.writerows(row + [f"k{i % classes}"] for i, row in enumerate(table))
    target = ["--target", "target" if header else features + 1]
    data = ["--data", f"csv:{run}.csv", *target]
    size = ["--model", kind, "--hidden", hidden, "--layers", layers] + ([] if kind == "mlp" else ["--steps", steps])
    gputrain("train", *data, *size, "--epochs", 2, "--out", run)
    gputrain("predict", "--model", run, "--input", f"{run}.csv", *target, "--out", f"{run}.predicted")
    gputrain("export", "--model", run, "--onnx", f"{run}.onnx", "--pytorch", f"{run}.safetensors")

    x = numpy.array(table)
    predicted = list(csv.reader(open(f"{run}.predicted")))[1:]
    want = numpy.array([[float(value) for value in row[1:]] for row in predicted])
    session = onnxruntime.InferenceSession(f"{run}.onnx")
    single = x.astype("f4")
    inputs = {name: single[:, [i]] for i, name in enumerate(header)} if header else {"x": single}
    probability, names = session.run(None, inputs)
    if abs(probability - want).max() > TOLERANCE:
        yield f"onnxruntime: {abs(probability - want).max()}"
    noticed.append(abs(probability[::-1] - want).max() > TOLERANCE)
    if list(names) != [row[0] for row in predicted]:
        yield "onnxruntime: other classes"

    net = Net(kind, 1 if kind == "mlp" else steps, features, hidden, layers, classes)
    net.load_state_dict(load_file(f"{run}.safetensors"))
    meta = safe_open(f"{run}.safetensors", "pt").metadata()
    scaled = (x - numpy.array(json.loads(meta["shift"]))) * numpy.array(json.loads(meta["factor"]))
    difference = abs(net(torch.tensor(scaled).float()).detach().numpy() - want).max()
    if difference > TOLERANCE:
        yield f"PyTorch: {difference}"

    save_file(net.state_dict(), f"{run}.back")
    for name, how in {"like": ["--like", run], "as": ["--as", kind, *data]}.items():
        gputrain("import", f"{run}.back", *how, "--out", f"{run}.{name}")
        if pathlib.Path(f"{run}.{name}").read_bytes() != (run / "model.safetensors").read_bytes():
            yield f"import --{name}: another model"


seeds, noticed = int(sys.argv[1]), []
for seed in range(seeds):
    for line in differences(seed):
        print(f"seed {seed}: {line}")
if not any(noticed):
    print("the control: rows in another order go unnoticed")
print(f"{seeds} seeds")
