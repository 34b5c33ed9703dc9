"""What it saves not to train what was trained before: a class that shares its baseline, and one notebook that is known.

Every notebook trains the baseline twice and two models of its own. The class is run with reuse off, then with the
baseline primed by a run that is counted too; the last notebook is run once more when all its trainings are known. One
room at a time; only room 1, as nothing else is concerned.

    python benchmarks/reuse.py [--students 6] [--epochs 10] [--data digits] [--audit 0]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from autograder import datasets
from autograder.execution import Job, run_code
from autograder.records import Execution, Ledger, Limits
from autograder.sandbox import choose
from autograder.store import Store
from autograder.trainings import Trainings

LEDGER = TypeAdapter(Ledger)
BASELINE = """import time, keras, numpy as np
from keras import layers
(x, y), (t, u) = keras.datasets.mnist.load_data()
x, t = x.reshape(-1, 28, 28, 1) / 255.0, t.reshape(-1, 28, 28, 1) / 255.0

def network(*between, filters=32):
    model = keras.Sequential([
        keras.Input((28, 28, 1)), layers.Conv2D(filters, 3, activation="relu"), layers.MaxPooling2D(),
        layers.Conv2D(64, 3, activation="relu"), layers.MaxPooling2D(), *between, layers.Flatten(),
        layers.Dense(128, activation="relu"), layers.Dense(10, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model

def trained(model):
    begun = time.process_time()
    history = model.fit(x, y, epochs=EPOCHS, batch_size=128, validation_split=0.2, verbose=0)
    print("of it in fit:", time.process_time() - begun)
    print("test accuracy", model.evaluate(t, u, verbose=0)[1], history.history["val_accuracy"][-1])
    return model
baseline = trained(network())
again = trained(network())
"""
END = """print("CPU of the kernel:", time.process_time())"""
OWN = """rate = {rate}
one = trained(network(layers.Dropout(rate)))
two = trained(network(layers.BatchNormalization(), filters={filters}))
"""


@dataclass
class Cost:
    """Of one or more runs."""

    cpu: float = 0.0
    """Of the kernels, by their own clocks."""
    fits: float = 0.0
    """Of it, in ``fit``."""
    wall: float = 0.0
    trained: int = 0
    replayed: int = 0


def notebook(epochs: int, number: int | None) -> bytes:
    sources = [BASELINE.replace("EPOCHS", str(epochs))]
    if number is not None:
        sources.append(OWN.format(rate=round(0.1 + 0.05 * number, 2), filters=24 + 4 * number))
    sources.append(END)
    cells: list[dict[str, Any]] = [
        {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None}
        for source in sources
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells}).encode()


class Desk:
    """Rooms one after the other, over one data set."""

    def __init__(self, folder: Path, data: str) -> None:
        self.folder = folder
        self.data = datasets.load(data, split_seed=20, hidden_images=100)
        self.served = datasets.room_file(self.data, folder / "served")
        self.sandbox = choose("auto")
        self.store = Store(folder / "results")

    def run(self, content: bytes, trainings: Trainings | None, cost: Cost) -> list[str]:
        """The accuracies that the notebook printed."""
        began = time.monotonic()
        limits = Limits(run_seconds=7200, cell_seconds=3600)
        job = Job(notebook=content, data=self.data, data_file=self.served, limits=limits, reuse=trainings is not None)
        execution = run_code(job, self.sandbox, self.store, trainings=trainings)
        cost.wall += time.monotonic() - began
        self.count(execution, cost)
        printed = self.printed(execution)
        cost.cpu += sum(float(line.partition(":")[2]) for line in printed if line.startswith("CPU"))
        cost.fits += sum(float(line.partition(":")[2]) for line in printed if line.startswith("of it in fit"))
        return [line for line in printed if line.startswith("test accuracy")]

    def count(self, execution: Execution, cost: Cost) -> None:
        if execution.ledger is None or execution.ending != "completed":
            sys.exit(f"a notebook did not run: {execution.reason}")
        for one in LEDGER.validate_json(self.store.get(execution.ledger)).trainings:
            cost.trained += not one.reused
            cost.replayed += one.reused

    def printed(self, execution: Execution) -> list[str]:
        cells = json.loads(self.store.get(execution.notebook or sys.exit("no notebook")))["cells"]
        lines = [line for cell in cells for output in cell.get("outputs", ()) for line in output.get("text", ())]
        return "".join(lines).splitlines()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=6)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--data", default="digits")
    parser.add_argument("--audit", type=float, default=0.0, help="share of the answers that are trained all the same")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        desk = Desk(Path(name), given.data)
        hand_ins = [notebook(given.epochs, number) for number in range(given.students)]
        off, exact, first, known = Cost(), Cost(), Cost(), Cost()
        plain = [desk.run(one, None, off) for one in hand_ins]
        tell("reuse off", off)
        trainings = Trainings(store=Store(Path(name) / "class"), audit=given.audit)
        desk.run(notebook(given.epochs, None), trainings.trusting(), exact)
        same = [desk.run(one, trainings, exact) for one in hand_ins]
        tell("exact, priming included", exact)
        whole = Trainings(store=Store(Path(name) / "known"))
        one = desk.run(hand_ins[-1], whole.trusting(), first)
        tell("one notebook, first", first)
        two = desk.run(hand_ins[-1], whole, known)
        tell("the same, all known", known)
    print(f"class, exact / off: CPU of fits {exact.fits / off.fits:.2f}, of kernels {exact.cpu / off.cpu:.2f}")
    shares = known.cpu / first.cpu, known.fits / first.fits
    print(f"one notebook, known / first: CPU of the kernel {shares[0]:.3f}, of fits {shares[1]:.4f}")
    print("printed figures alike:", plain == same and one == two == plain[-1])


def tell(what: str, cost: Cost) -> None:
    print(
        f"{what:24} {cost.trained:3} trained {cost.replayed:3} replayed   CPU of fits {cost.fits:7.1f} s   "
        f"of kernels {cost.cpu:7.1f} s   wall {cost.wall:7.1f} s",
        flush=True,
    )


if __name__ == "__main__":
    main()
