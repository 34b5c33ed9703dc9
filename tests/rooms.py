"""What hooks of room 1 are handed, without a room: a session with small data sets on disk."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from autograder.guest.data.shelf import Shelf
from autograder.records import Json

SHAPES = {"cifar": (32, 32, 3), "cats": (8, 8)}


def arrays(shape: tuple[int, ...], classes: int = 10, train: int = 60, test: int = 10) -> dict[str, Any]:
    """Every image differs; labels go round."""
    made: dict[str, Any] = {}
    for part, count in (("train", train), ("test", test)):
        generator = np.random.default_rng(count)
        made[f"x_{part}"] = generator.integers(0, 256, (count, *shape)).astype(np.uint8)
        made[f"y_{part}"] = (np.arange(count) % classes).astype(np.uint8)
    made["y_train"][-1] = classes - 1
    return made


class Session:
    """The parts of ``kernel.Session`` that loaders use."""

    def __init__(self, folder: Path, main: str = "mnist", *others: str, notebook: str = "", classes: int = 10) -> None:
        self.data, self.orders = folder / "data.npz", folder
        self.job = {"data": main, "others": {name: f"data-{number}.npz" for number, name in enumerate(others, 1)}}
        self.held: dict[str, dict[str, Any]] = {}
        for name, file in ((main, "data.npz"), *((name, self.job["others"][name]) for name in others)):
            shape = next((shape for start, shape in SHAPES.items() if name.startswith(start)), (28, 28))
            self.held[name] = arrays(shape, classes)
            np.savez(folder / file, allow_pickle=False, **self.held[name])
        (folder / "cells.json").write_text(json.dumps([{"kind": "code", "source": notebook}]))
        (folder / "spoken.txt").write_text("")
        (folder / "shelf").mkdir()
        self.shelf = Shelf(self, notebook, folder / "shelf")
        self.adapted: list[tuple[str, str, str]] = []
        self.notes: list[str] = []

    @property
    def recorder(self) -> Session:
        return self

    def note(self, text: str) -> None:
        self.notes.append(text)

    def adapt(self, kind: str, old: str, new: str = "") -> None:
        self.adapted.append((kind, old, new))


def module(name: str, **contents: Json) -> Json:
    made = ModuleType(name)
    for key, value in contents.items():
        setattr(made, key, value)
    return made


def fails(*arguments: Json, **keywords: Json) -> Json:
    """Stands for an original that would download."""
    raise AssertionError("the original was called")
