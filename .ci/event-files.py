"""Reads the event files of a run with TensorBoard's own reader, and compares it with the
run's metrics.csv and metrics.jsonl. Usage: event-files.py RUN"""

import csv
import glob
import json
import os
import shutil
import sys
import tempfile

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def read(folder):
    """Returns {tag: [(step, value), ...]}."""
    events = EventAccumulator(folder, size_guidance={"scalars": 0})
    events.Reload()
    return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def differences(run, scalars):
    """Returns what the scalars lack, have too much or have wrong."""
    want = {}
    with open(os.path.join(run, "metrics.jsonl")) as lines:
        for line in map(json.loads, lines):
            for name, value in line.items():
                if name not in ("event", "time", "epoch", "step", "format") and value is not None:
                    want.setdefault(line["event"] + "/" + name, []).append((line["step"], value))
    with open(os.path.join(run, "metrics.csv")) as rows:
        losses = [float(row["validation_loss"]) for row in csv.DictReader(rows)]
    want["epoch/validation_loss"] = [(step, loss) for (step, _), loss in zip(want["epoch/train_loss"], losses, strict=True)]

    wrong = sorted(set(want) ^ set(scalars))
    for tag in set(want) & set(scalars):
        same = len(want[tag]) == len(scalars[tag]) and all(
            s == t and abs(x - y) <= 1e-5 * abs(x) for (s, x), (t, y) in zip(want[tag], scalars[tag]))
        if not same:
            wrong.append(f"{tag}: {scalars[tag]}, want {want[tag]}")
    return wrong


run = sys.argv[1]
scalars = read(run)
if wrong := differences(run, scalars):
    sys.exit("\n".join(wrong))

# The control: a file with another bit is noticed.
with tempfile.TemporaryDirectory() as broken:
    path = max(glob.glob(os.path.join(run, "events.out.tfevents.*")))
    copy = shutil.copy(path, broken)
    with open(copy, "r+b") as file:
        file.seek(os.path.getsize(copy) // 2)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))
    if not differences(run, read(broken)):
        sys.exit("the reader does not see a broken file")

print(f"TensorBoard reads {len(scalars)} tags, {sum(map(len, scalars.values()))} figures")
