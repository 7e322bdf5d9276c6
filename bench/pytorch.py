"""PyTorch's side of "gputrain bench --against torch", on the CPU or a GPU.

Speaks JSON, a line for each message. It says first which PyTorch it is; then it
answers requests on stdin until there are no more:

    {"step": {"layer": "LSTM", "input": 8, "hidden": 32, "layers": 1, "batch": 1,
              "steps": 100, "classes": 10, "lr": 1e-9}}
        builds a training step, {"product": {"trans_a": false, "trans_b": true,
        "m": 64, "n": 4096, "k": 1024}} the product of two matrices; answers {}
    {"calls": 5}
        does that 5 times, after once more that does not count unless it is one
        only; answers {"seconds": 1.25}

The argument is the device, such as cpu or cuda:0. How many threads compute is up
to PyTorch and the environment (OMP_NUM_THREADS).
"""
import sys

# Modules come from where Python has them, not from the folder that it starts in.
sys.path[:] = [folder for folder in sys.path if folder]

import json
import os
import platform
import re
import signal
import time

# Ctrl-C in a terminal reaches this process too. It ends with its input.
signal.signal(signal.SIGINT, signal.SIG_IGN)

# What libraries print must not get among the answers.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

import torch
from torch import nn


def answer(message):
    print(json.dumps(message), file=answers, flush=True)


def versions(device):
    built = torch.__config__.show()
    libraries = []
    for name, pattern in [("MKL", r"Math Kernel Library Version (\S+?)-"), ("oneDNN", r"MKL-DNN v(\S+)")]:
        if found := re.search(pattern, built):
            libraries.append(f"{name} {found[1]}")
    blas = re.search(r"BLAS_INFO=(\w+)", built)
    if blas and blas[1] != "mkl":
        libraries.append(f"BLAS {blas[1]}")
    if device.type == "cuda":
        libraries.append(f"cuDNN {torch.backends.cudnn.version()}")
    return {
        "torch": torch.__version__,
        "libraries": libraries,
        "python": platform.python_version(),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
    }


class Recurrent(nn.Module):
    """A classifier that reads the last time step of nn.LSTM or nn.RNN."""

    def __init__(self, layer, inputs, hidden, layers, classes):
        super().__init__()
        self.layer = layer(inputs, hidden, layers)
        self.head = nn.Linear(hidden, classes)

    def forward(self, x):
        y, _ = self.layer(x)
        return self.head(y[-1])


def dense(inputs, hidden, layers, classes):
    stages = []
    for _ in range(layers):
        stages += [nn.Linear(inputs, hidden), nn.ReLU()]
        inputs = hidden
    return nn.Sequential(*stages, nn.Linear(inputs, classes))


def step(device, layer, input, hidden, layers, batch, steps, classes, lr):
    if layer == "ReLU":
        net, shape = dense(input, hidden, layers, classes), (batch, input)
    else:
        net, shape = Recurrent({"LSTM": nn.LSTM, "RNN": nn.RNN}[layer], input, hidden, layers, classes), (steps, batch, input)
    net.to(device)
    x = torch.randn(shape, device=device)
    labels = torch.randint(0, classes, (batch,), device=device)
    adam = torch.optim.Adam(net.parameters(), lr)
    loss = nn.CrossEntropyLoss()

    def call():
        adam.zero_grad()
        loss(net(x), labels).backward()
        adam.step()

    return call


def product(device, trans_a, trans_b, m, n, k):
    a = torch.rand((k, m) if trans_a else (m, k), device=device) * 2 - 1
    b = torch.rand((n, k) if trans_b else (k, n), device=device) * 2 - 1
    a, b = a.t() if trans_a else a, b.t() if trans_b else b
    out = torch.empty(m, n, device=device)
    return lambda: torch.mm(a, b, out=out)


def timed(call, calls, wait):
    if calls > 1:
        call()
    wait()
    began = time.perf_counter()
    for _ in range(calls):
        call()
    wait()
    return time.perf_counter() - began


def rest():
    """Wait until the threads of this process sleep.

    OpenMP's look for more work for a while, which would slow down the other side.
    """
    for _ in range(400):
        used = time.process_time()
        time.sleep(0.005)
        if time.process_time() - used < 0.001:
            return
    sys.exit("the threads of PyTorch do not rest: unset OMP_WAIT_POLICY, GOMP_SPINCOUNT and KMP_BLOCKTIME")


def main():
    device = torch.device(sys.argv[1] if len(sys.argv) > 1 else "cpu")
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    # float32 is what the other side computes in.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.manual_seed(1)
    answer(versions(device))
    call = None
    for line in sys.stdin:
        request = json.loads(line)
        if "calls" in request:
            seconds = timed(call, request["calls"], wait)
            rest()
            answer({"seconds": seconds})
            continue
        call = None  # frees its memory
        if "step" in request:
            call = step(device, **request["step"])
        else:
            call = product(device, **request["product"])
        answer({})


if __name__ == "__main__":
    main()
