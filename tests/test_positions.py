"""A run is remembered by its code cells: whatever text stands around them, it comes out as if it had just been run."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder import checks, pipeline, rubric
from autograder.course import Course
from autograder.datasets import load, room_file
from autograder.execution import placed
from autograder.frames import Frame
from autograder.pipeline import grade_one, run_notebook
from autograder.records import (
    CellRun,
    CellState,
    Ending,
    Evidence,
    Execution,
    Json,
    Ledger,
    Report,
    Showing,
    StudentId,
    Submission,
)
from autograder.sandbox.room import OnFrame, Outcome, Room
from autograder.store import Store

ROOT = Path(__file__).resolve().parent.parent
RUBRIC = rubric.load(ROOT / "rubrics" / "mnist-individuel.yaml", checks.signatures())
CODE = (
    "import numpy as np",
    "def build(units):\n    # a layer more\n    return units",
    "results = {'baseline': 0.97, 'dropout': 0.98}\nprint('accuracy: 0.98')",
    "boom()",
    "print('the end')",
)
TEXTS = (
    "# Projet",
    "## Introduction\n\nLe jeu MNIST contient des chiffres manuscrits ; nous améliorons un réseau.",
    "## Baseline\n\nCe modèle est la référence, parce qu'il est simple.",
    "## Améliorations\n\nLe dropout réduit le surapprentissage car il éteint des neurones.",
    "| Modèle | Précision |\n|---|---|\n| baseline | 97 % |\n| dropout | 98 % |",
    "## Analyse des erreurs\n\nLes 4 et les 9 sont confondus.",
    "## Conclusion\n\nNous avons vu que le modèle est meilleur ; une limite est le temps.",
    "",
)
TRAINED = {"number": 1, "model": "m1", "execution_count": 2, "epochs_run": 1, "save_error": "classes of its own"}


@dataclass
class Playback:
    """A room that says of each code cell what it said when it was recorded; one of them raises, one asks."""

    name: str = "bubblewrap"
    runs: int = 0
    asks: bool = False
    images: list[bytes] = field(default_factory=list)

    def run(self, room: Room, on_frame: OnFrame, cancelled: Callable[[], bool]) -> Outcome:
        self.runs += 1
        orders = room.inputs["cells.json"]
        assert isinstance(orders, bytes)
        on_frame(Frame({"kind": "ready", "environment": {"python": "3.11"}}))
        on_frame(Frame({"kind": "parameters", "held": True, "changed": []}, b"autograder_seed = 20"))
        for index, cell in enumerate(json.loads(orders)):
            raised = "boom" in cell["source"]
            on_frame(Frame({"kind": "cell", "index": index, "state": "started"}))
            error = "NameError: [Errno 28] No space left on device" if raised else None
            head = {
                "state": "raised" if raised else "ran",
                "seconds": 0.5,
                "execution_count": index + 1,
                "error": error,
            }
            outputs = [{"output_type": "stream", "name": "stdout", "text": f"printed {cell['source'][:9]}"}]
            on_frame(Frame({"kind": "cell", "index": index, **head}, json.dumps(outputs).encode()))
        on_frame(Frame({"kind": "ledger"}, json.dumps({"trainings": [TRAINED]}).encode()))
        if self.asks:
            self.images.append(on_frame(Frame({"kind": "images?", "models": ["m1", "m2"]})) or b"")
        on_frame(Frame({"kind": "end", "ending": "raised", "cell": 3, "seconds": 1.0}))
        return Outcome(exit_code=0, seconds=2.0, peak_memory_mb=100.0)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "small.npz"
    pixels, labels = np.arange(240, dtype=np.uint8).reshape(60, 2, 2), np.arange(60, dtype=np.uint8) % 10
    np.savez(path, x_train=pixels, y_train=labels, x_test=pixels[:20], y_test=labels[:20])
    return path


@pytest.fixture
def course(images: Path, tmp_path: Path) -> Callable[..., Course]:
    """A course with an empty store, each time it is called."""
    data = load(str(images), split_seed=20, hidden_images=20)
    numbers = itertools.count()

    def made(**options: Json) -> Course:
        return Course(
            rubric=RUBRIC,
            data=data,
            data_file=room_file(data, tmp_path / "rooms"),
            sandbox=Playback(**options),
            store=Store(tmp_path / f"store-{next(numbers)}"),
        )

    return made


Arrangement = Sequence[Sequence[str]]
"""Texts before the first code cell, between it and the second, and so on."""
arrangements = st.lists(st.lists(st.sampled_from(TEXTS), max_size=3), min_size=len(CODE) + 1, max_size=len(CODE) + 1)


def arranged(texts: Arrangement, code: Sequence[str] = CODE) -> bytes:
    cells: list[dict[str, Any]] = []
    for number, group in enumerate(texts):
        for text in group:
            kind = "markdown" if len(text) % 7 else "raw"
            cells.append({"cell_type": kind, "metadata": {"of": number}, "source": text.splitlines(keepends=True)})
        if number < len(code):
            empty = {"outputs": [], "execution_count": None}
            cells.append({"cell_type": "code", "metadata": {}, "source": code[number], **empty})
    return json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells}).encode()


def handed_in(course: Course, content: bytes) -> Submission:
    return Submission(student=StudentId("ada"), name="Ada", source="ada.ipynb", notebook=course.store.put(content))


def timeless(report: Report) -> Evidence:
    """Evidence without the moment at which it was run."""
    assert report.evidence is not None
    return replace(report.evidence, execution=replace(report.evidence.execution, started_at=None))


def runs(course: Course) -> int:
    assert isinstance(course.sandbox, Playback)
    return course.sandbox.runs


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=arrangements, after=arrangements)
def test_whatever_is_done_to_the_text_the_grade_is_that_of_a_run_from_scratch(
    course: Callable[..., Course], before: Arrangement, after: Arrangement
) -> None:
    used, fresh = course(), course()
    grade_one(handed_in(used, arranged(before)), used)
    again = grade_one(handed_in(used, arranged(after)), used)
    scratch = grade_one(handed_in(fresh, arranged(after)), fresh)
    assert (runs(used), runs(fresh)) == (1, 1), "the second of these was not executed"
    assert again.grade == scratch.grade
    assert timeless(again) == timeless(scratch)
    assert again.evidence is not None and again.evidence.execution.notebook is not None
    shown = json.loads(used.store.get(again.evidence.execution.notebook))["cells"]
    assert fresh.store.get(again.evidence.execution.notebook), "the very bytes that a run from scratch shows"
    assert [cell["source"] for cell in shown if cell["cell_type"] == "code"][1:] == list(CODE)
    texts = ["".join(cell["source"]) for cell in shown if cell["cell_type"] != "code"]
    assert texts == [text for group in after for text in group], "the new text, with the outputs that were kept"


def test_positions_move_wherever_they_are_told(course: Callable[..., Course]) -> None:
    used = course()
    run_notebook(handed_in(used, arranged([[]] * 6)), used, seed=1)
    moved = run_notebook(handed_in(used, arranged([["# One", "two"], [], ["three"], [], [], []])), used, seed=1)
    assert runs(used) == 1
    assert [run.index for run in moved.cells] == [2, 3, 5, 6, 7]
    assert moved.reason is not None and moved.reason.values["cell"] == 7
    assert [note.values["cell"] for note in moved.notes] == [7], "the limit that the cell met"


@pytest.mark.parametrize(
    "code", [("x = 1",), (*CODE[:4], "print('The end')"), tuple(reversed(CODE)), (*CODE, "")], ids=str
)
def test_other_code_is_run(course: Callable[..., Course], code: tuple[str, ...]) -> None:
    used = course()
    run_notebook(handed_in(used, arranged([[]] * 6)), used, seed=1)
    run_notebook(handed_in(used, arranged([[]] * (len(code) + 1), code)), used, seed=1)
    assert runs(used) == 2


def test_where_parameters_go_is_part_of_the_code(course: Callable[..., Course]) -> None:
    used = course()
    plain = arranged([[]] * 6)
    tagged = json.loads(plain)
    tagged["cells"][2]["metadata"] = {"tags": ["parameters"]}
    named = json.loads(plain)
    named["cells"][2]["metadata"] = {"tags": ["mine"], "collapsed": True}
    for content in (json.loads(plain), tagged, named):
        run_notebook(handed_in(used, json.dumps(content).encode()), used, seed=1)
    assert runs(used) == 2, "another tag is not"


def test_an_execution_of_other_cells_is_not_laid_over_a_notebook(store: Store) -> None:
    execution = Execution(ending=Ending.COMPLETED, cells=(CellRun(index=0, state=CellState.RAN),))
    with pytest.raises(ValueError, match="another notebook"):
        placed(execution, arranged([[]] * 6), store)


# --- where text has a say -------------------------------------------------------------------------------------------


FILE = ("import pandas as pd", "pd.read_csv('train.csv')['label']")


@pytest.mark.parametrize(
    ("code", "texts", "executed"),
    [
        (FILE, ("Fashion-MNIST, vêtements", "Fashion-MNIST : des vêtements"), 1),
        (FILE, ("Fashion-MNIST", "MNIST"), 2),
        (FILE, ("MNIST", "MNIST, MNIST"), 1),
        (("from keras.datasets import mnist",), ("Fashion-MNIST", "CIFAR-10"), 1),
    ],
    ids=["the same set", "another set", "more often", "the code says it"],
)
def test_text_that_says_which_images_a_file_holds(
    course: Callable[..., Course], code: tuple[str, ...], texts: tuple[str, ...], executed: int
) -> None:
    used = course()
    for text in texts:
        run_notebook(handed_in(used, arranged([[text], *[[]] * len(code)], code)), used, seed=1)
    assert runs(used) == executed


def test_a_model_that_the_text_makes_the_final_one_is_asked_in_its_kernel(
    course: Callable[..., Course], monkeypatch: pytest.MonkeyPatch
) -> None:
    used = course(asks=True)

    def chosen(ledger: Ledger, execution: Execution, cells: Json, **_: Json) -> Showing:
        assert {run.index for run in execution.cells} == {cell.index for cell in cells if cell.kind == "code"}
        final = "m2" if any("m2" in cell.source for cell in cells) else "m1"
        return Showing(images=used.store.put_array(np.zeros(4, np.uint8)), recipes={"m1": (), "m2": ()}, final=final)

    monkeypatch.setattr(pipeline, "prepare_fallback", chosen)
    asked = []
    for text in ("the final model is m1", "m1 it is", "no, m2", "m1 after all", "m2!"):
        execution = run_notebook(handed_in(used, arranged([[text], *[[]] * 5])), used, seed=1)
        asked.append(execution.asked)
    assert asked == ["m1", "m1", "m2", "m1", "m2"]
    assert runs(used) == 2, "once for each of the two"
