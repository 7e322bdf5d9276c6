"""Compares what onnxruntime computes from the models in a directory with what gputrain
computed. Beside each NAME.onnx, NAME.safetensors holds the inputs, called in:NAME, and
the outputs, out:NAME. Texts are JSON in its metadata.

    python compare.py DIR        (needs onnx, onnxruntime and safetensors)

Prints a line for each difference, and at last the number of models.
"""

import json
import pathlib
import sys

import numpy
import onnx
import onnxruntime
from safetensors import safe_open

TOLERANCE = 1e-5


def read(path):
    with safe_open(path, "np") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
        texts = {name: numpy.array(json.loads(text)) for name, text in (file.metadata() or {}).items() if name.startswith("out:")}
    inputs = {name[3:]: value for name, value in tensors.items() if name.startswith("in:")}
    outputs = {name[4:]: value for name, value in (tensors | texts).items() if name.startswith("out:")}
    return inputs, outputs


def differences(path):
    inputs, want = read(path.with_suffix(".safetensors"))
    onnx.checker.check_model(str(path), full_check=True)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    wrong = {i.name for i in session.get_inputs()} ^ inputs.keys() | {o.name for o in session.get_outputs()} ^ want.keys()
    if wrong:
        yield f"inputs or outputs {sorted(wrong)} are on one side only"
        return
    for i in session.get_inputs():
        inputs[i.name] = inputs[i.name].astype({"tensor(float)": "f4", "tensor(int32)": "i4", "tensor(int64)": "i8"}[i.type])
    for output, got in zip(session.get_outputs(), session.run(None, inputs)):
        expected = want[output.name]
        if list(got.shape) != list(expected.shape):
            yield f"output {output.name} has shape {got.shape}, want {expected.shape}"
        elif got.dtype == object:
            if (got != expected).any():
                yield f"output {output.name} is {got}, want {expected}"
        elif not (abs(got - expected) <= TOLERANCE * numpy.maximum(1, abs(expected))).all():
            yield f"output {output.name} differs by up to {abs(got - expected).max()}"


onnxruntime.set_default_logger_severity(3)
models = sorted(pathlib.Path(sys.argv[1]).glob("*.onnx"))
for path in models:
    try:
        for line in differences(path):
            print(f"{path.stem}: {line}")
    except Exception as e:  # whatever onnx, onnxruntime or numpy find
        print(f"{path.stem}: {type(e).__name__}: {e}".replace("\n", " "))
print(f"{len(models)} models")
