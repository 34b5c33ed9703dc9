"""How long until a notebook's first cell is done, and a model's first answers are there?

    python benchmarks/starts.py [--rounds 3]

The same small notebook, which imports what most do, through papermill's own command (no sandbox), in a room that is
started for it, and in one that waits. Then a small saved model in room 2, started for it or waiting. Wall seconds, in
turns within one run, medians of the rounds; what counts are the ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autograder.datasets import DataSet, load, room_file
from autograder.execution import Job, execute
from autograder.extraction.probing import Task, gallery, probe
from autograder.records import Limits, Step
from autograder.sandbox import ahead, choose
from autograder.sandbox.room import Room, Sandbox
from autograder.store import Store

FIRST = """import time
import numpy as np
import matplotlib.pyplot as plt
import pandas as pd
import tensorflow as tf
from tensorflow.keras import layers, models
print(time.time())"""
CELLS = (FIRST, "images = np.zeros((10, 28, 28))")
Times = dict[str, float]


class Recorder:
    """A wall that keeps the last room it was asked for, so that its like can be started ahead."""

    def __init__(self, wall: Sandbox) -> None:
        self.name, self.wall = wall.name, wall
        self.room: Room | None = None

    def run(self, room, on_frame, cancelled):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
        self.room = room
        return self.wall.run(room, on_frame, cancelled)


def main() -> None:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--rounds", type=int, default=3)
    given = made.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {given.rounds} rounds\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = load("digits", split_seed=20, hidden_images=100)
        told("a notebook", [notebooks(folder, data) for _ in range(given.rounds)])
        model = saved(folder, data.x_hidden[0].size)
        told("a model", [models(folder, data, model) for _ in range(given.rounds)])


def told(what: str, rounds: list[dict[str, Times]]) -> None:
    print(f"{what}: seconds, medians")
    ways, kinds = list(rounds[0]), list(next(iter(rounds[0].values())))
    medians = {way: {kind: statistics.median(each[way][kind] for each in rounds) for kind in kinds} for way in ways}
    for way, found in medians.items():
        figures = "  ".join(
            f"{kind} {found[kind]:6.2f} (x {medians[ways[0]][kind] / found[kind]:4.1f})" for kind in kinds
        )
        print(f"  {way:<22}{figures}")
    print()


def notebooks(folder: Path, data: DataSet) -> dict[str, Times]:
    wall = Recorder(choose())
    store = Store(folder / "state")
    job = Job(notebook=written(), data=data, data_file=room_file(data, folder))

    def through(sandbox: Sandbox) -> Times:
        began = time.time()
        execution = execute(job, sandbox, store)
        whole = time.time() - began
        if execution.notebook is None:
            raise SystemExit("nothing was run")
        return {"first cell": first(json.loads(store.get(execution.notebook))) - began, "whole": whole}

    found = {"papermill": papermill(folder), "room": through(wall)}
    with waiting(wall) as ready:
        return found | {"room that waited": through(ready)}


def written() -> bytes:
    cells: list[dict[str, Any]] = [
        {"cell_type": "code", "metadata": {}, "source": text, "outputs": [], "execution_count": None} for text in CELLS
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": kernel, "cells": cells}).encode()


def first(document: dict[str, Any]) -> float:
    """When the first cell was done, by what it printed."""
    outputs = next(cell["outputs"] for cell in document["cells"] if FIRST == "".join(cell["source"]))
    printed = "".join("".join(output["text"]) for output in outputs if output.get("name") == "stdout")
    return float(printed.splitlines()[-1])


def papermill(folder: Path) -> Times:
    source, target = folder / "in.ipynb", folder / "out.ipynb"
    source.write_bytes(written())
    began = time.time()
    command = [sys.executable, "-m", "papermill", "--no-progress-bar", str(source), str(target)]
    subprocess.run(command, check=True, capture_output=True)
    whole = time.time() - began
    return {"first cell": first(json.loads(target.read_text("utf-8"))) - began, "whole": whole}


@contextmanager
def waiting(wall: Recorder) -> Iterator[Sandbox]:
    """With one room that has everything imported, of the kind that was asked for last."""
    if wall.room is None:
        raise SystemExit("no room was asked for")
    with ahead.ahead(wall.wall, lambda program: 0) as pool:
        if not isinstance(pool, ahead.Ahead):
            raise SystemExit(f"rooms cannot wait behind {wall.name}")
        pool.keep(wall.room)
        while not pool.ready(wall.room):
            time.sleep(0.05)
        yield pool


def saved(folder: Path, size: int) -> bytes:
    """A small model, made elsewhere: this process shall not import TensorFlow."""
    path = folder / "model.keras"
    lines = (
        "import keras",
        f"model = keras.Sequential([keras.Input(({size},)), keras.layers.Dense(10, 'softmax')])",
        f"model.save({str(path)!r})",
    )
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True, capture_output=True)
    return path.read_bytes()


def models(folder: Path, data: DataSet, model: bytes) -> dict[str, Times]:
    wall = Recorder(choose())
    store = Store(folder / "state")
    shown = gallery(data, robustness_images=20, seed=1, store=store)
    size = data.x_hidden[0].size
    task = Task(id="m1", model=store.put(model), steps=(Step(op="reshape", values={"shape": [size]}),))

    def seconds(work: Callable[[], object]) -> Times:
        began = time.time()
        work()
        return {"whole": time.time() - began}

    def through(sandbox: Sandbox) -> Times:
        def work() -> None:
            answered = probe([task], shown, sandbox=sandbox, store=store, limits=Limits(), cancelled=lambda: False)
            if answered["m1"].hidden is None:
                raise SystemExit(f"no answers: {answered['m1'].problem}")

        return seconds(work)

    cold = through(wall)
    with waiting(wall) as ready:
        return {"room": cold, "room that waited": through(ready)}


if __name__ == "__main__":
    main()
