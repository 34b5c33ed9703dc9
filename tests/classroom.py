"""A teacher's folder with a small rubric, and rooms that answer at once instead of starting a kernel."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from autograder.errors import SandboxError
from autograder.frames import Frame
from autograder.sandbox.room import OnFrame, Outcome, Room

RUBRIC = """
id: tiny
version: 1
title: {fr: "Petit barème", en: "Small rubric"}
points: 4
data: digits
hidden_images: 50
robustness_images: 20
reference_seeds: [1]
limits: {run_seconds: 60, cell_seconds: 30, memory_mb: 1024, disk_mb: 64, processes: 64, output_mb: 2}
criteria:
  - id: code
    title: {fr: "Code", en: "Code"}
    points: 4
    items:
      - id: completes
        title: {fr: "S'exécute", en: "Runs"}
        points: 1
        check: notebook.completes
      - id: readable
        title: {fr: "Lisible", en: "Readable"}
        points: 3
        check: code.readability
"""
"""Without a reference folder of its name: nothing is trained for it."""


def a_folder(folder: Path, notebooks: Mapping[str, bytes]) -> Path:
    """``rubrics/tiny.yaml`` and ``class/`` with these files."""
    (folder / "rubrics").mkdir(parents=True)
    (folder / "rubrics" / "tiny.yaml").write_text(RUBRIC, "utf-8")
    (folder / "class").mkdir()
    for name, content in notebooks.items():
        (folder / "class" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "class" / name).write_bytes(content)
    return folder


def a_notebook(*sources: str, kernel: str = "python3", outputs: Sequence[Any] = ()) -> bytes:
    """nbformat 4 JSON of code cells; the stored outputs are those of the first."""
    cells = [
        {"cell_type": "code", "metadata": {}, "source": source, "outputs": [], "execution_count": None}
        for source in sources
    ]
    if cells:
        cells[0]["outputs"] = list(outputs)
    metadata = {"kernelspec": {"name": kernel, "display_name": kernel}}
    return json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": metadata, "cells": cells}).encode()


OUR_FAULT = "our_sandbox_fails_here()"
OUR_BUG = "our_program_fails_here()"


@dataclass
class QuickRooms:
    """Answers for room 1 as if every code cell had run; two sources make it fail as only our own side can."""

    name: str = "bubblewrap"
    ran: list[str] = field(default_factory=list)
    """First cell of each notebook that was run, in order."""
    error: str = ""
    """What the first cell of each ends with."""
    ending: str = "completed"
    """How each ends where that cell does not fail."""

    def run(self, room: Room, on_frame: OnFrame, cancelled: Callable[[], bool]) -> Outcome:
        orders = room.inputs["cells.json"]
        assert isinstance(orders, bytes)
        cells = json.loads(orders)
        self.ran.append(cells[0]["source"])
        if cancelled():
            return Outcome(exit_code=None, killed="cancelled", seconds=0.1)
        if OUR_FAULT in self.ran[-1]:
            raise SandboxError("the room broke", remedy="Look at the room.")
        if OUR_BUG in self.ran[-1]:
            raise ZeroDivisionError("a slip of ours")
        on_frame(Frame({"kind": "ready", "environment": {"python": "3.11"}}))
        for index, cell in enumerate(cells):
            if cell["kind"] == "code":
                state = {"state": "raised", "error": self.error} if self.error and not index else {"state": "ran"}
                on_frame(Frame({"kind": "cell", "index": index, "state": "started"}))
                on_frame(Frame({"kind": "cell", "index": index, "seconds": 0.1, **state}, b"[]"))
        on_frame(Frame({"kind": "parameters", "held": True, "changed": []}))
        end = {"ending": "raised", "cell": 0} if self.error else {"ending": self.ending, "cell": None}
        on_frame(Frame({"kind": "end", "seconds": 0.1, **end}))
        return Outcome(exit_code=0, seconds=0.1)


def use(rooms: QuickRooms, patch: pytest.MonkeyPatch) -> QuickRooms:
    """Let the commands find these rooms instead of a wall of this machine."""
    for command in ("machines", "check", "references"):
        # The package names its commands like their modules: only import_module tells them apart.
        module = importlib.import_module(f"autograder.cli.{command}")
        patch.setattr(module, "find_sandbox", lambda *_, **__: rooms)
    return rooms
