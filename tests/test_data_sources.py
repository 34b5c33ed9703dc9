"""Notebooks that load their data by every route, run in one kernel."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter

from autograder.datasets import load, room_file
from autograder.errors import SandboxUnavailable
from autograder.execution import Job, execute
from autograder.records import CellState, Execution, Json, Ledger, Limits, Training
from autograder.sandbox import choose
from autograder.sandbox.plain import Plain
from autograder.store import Store
from tests.notebooks import notebook
from tests.notebooks.sources_of_data import CASES, VISION, Case


@dataclass(frozen=True)
class Found:
    """What became of one execution of several notebooks."""

    execution: Execution
    ledger: Ledger
    cases: Sequence[Ran]
    traces: Sequence[str]
    """Tracebacks of the cells that follow them."""


@dataclass(frozen=True)
class Ran:
    """What one of the notebooks left."""

    states: Sequence[CellState]
    errors: Sequence[str]
    printed: str
    trainings: Sequence[Training]
    noted: Sequence[str]


@pytest.fixture(scope="module")
def colour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A room's file of CIFAR-10's form: official sizes, few distinct images."""
    generator = np.random.default_rng(5)
    images, labels = generator.integers(0, 256, (100, 32, 32, 3)).astype(np.uint8), np.arange(100, dtype=np.uint8) % 10
    path = tmp_path_factory.mktemp("colour") / "cifar10.npz"
    arrays = {"x_train": images.repeat(500, 0), "y_train": labels.repeat(500), "x_test": images.repeat(100, 0)}
    np.savez(path, allow_pickle=False, y_test=labels.repeat(100), **arrays)
    return path


def run(
    cases: Sequence[Case], folder: Path, sandbox: Json, others: dict[str, Path], wrong: Sequence[str] = ()
) -> Found:
    data, store = load("digits", split_seed=20, hidden_images=100), Store(folder / "state")
    cells = [cell for case in cases for cell in case.cells] + list(wrong)
    file = room_file(data, folder)
    limits = Limits(memory_mb=6144, disk_mb=1024)
    job = Job(notebook=notebook(*cells), data=data, data_file=file, others=others, limits=limits)
    execution = execute(job, sandbox, store)
    assert execution.ledger is not None
    assert execution.notebook is not None
    ledger = TypeAdapter(Ledger).validate_json(store.get(execution.ledger))
    outputs = [cell["outputs"] for cell in json.loads(store.get(execution.notebook))["cells"][1:]]
    shown = [part(case, cases, execution, ledger, outputs) for case in cases]
    ends = [output for cell in outputs[len(cells) - len(wrong) :] for output in cell]
    return Found(execution, ledger, shown, ["\n".join(end["traceback"]) for end in ends if "traceback" in end])


def part(case: Case, cases: Sequence[Case], execution: Execution, ledger: Ledger, outputs: Json) -> Ran:
    start = sum(len(before.cells) for before in cases[: cases.index(case)])
    numbers = range(start, start + len(case.cells))
    counts = {one.execution_count for one in execution.cells if one.index in numbers}
    return Ran(
        states=[one.state for one in execution.cells if one.index in numbers],
        errors=[one.error for one in execution.cells if one.index in numbers and one.error],
        printed="".join(out["text"] for number in numbers for out in outputs[number] if out.get("name") == "stdout"),
        trainings=[training for training in ledger.trainings if training.execution_count in counts],
        noted=[one.old for one in ledger.adaptations if one.kind == "data" and one.execution_count in counts],
    )


@pytest.fixture(scope="module")
def ran(colour: Path, tmp_path_factory: pytest.TempPathFactory) -> Found:
    wrong = [
        "def look(path):\n    return open(path)\nlook('cifar-100-python/train')",
        "keras.utils.get_file('w.h5', 'https://example.org/w.h5')",
    ]
    return run(CASES, tmp_path_factory.mktemp("ran"), Plain(), {"cifar10": colour}, wrong)


@pytest.mark.kernel
@pytest.mark.parametrize("number", range(len(CASES)), ids=[case.name for case in CASES])
def test_each_route_leads_to_our_data(ran: Found, number: int) -> None:
    case, found = CASES[number], ran.cases[number]
    if "!unzip" in case.cells[0] and shutil.which("unzip") is None:
        pytest.skip("unzip is not installed")
    assert found.errors == []
    assert set(found.states) == {CellState.RAN}
    assert found.printed.endswith(case.printed)
    assert found.noted == list(case.noted)
    (training,) = found.trainings
    assert training.finished
    assert training.x.shape[1:] == case.shape
    assert training.history["accuracy"], "it was fitted, not only begun"


@pytest.mark.kernel
def test_what_is_not_here_says_what_is(ran: Found) -> None:
    missing, unknown = (one.error or "" for one in ran.execution.cells[-2:])
    assert "cifar100 is not available here" in missing
    assert "digits (28x28, 10 classes) and cifar10 (32x32x3, 10 classes)" in missing
    assert unknown.startswith("NoNetwork: there is no network here, and w.h5")
    assert ran.ledger.notes == ()
    assert ran.ledger.unserved == ("cifar100",)
    assert len(ran.traces) == 2


@pytest.mark.kernel
def test_a_missing_file_is_missing_at_the_students_line(ran: Found) -> None:
    for trace in ran.traces:
        assert "/in/" not in trace, "no frame of ours is shown"
        assert "Cell" in trace


@pytest.mark.kernel
def test_torchvision(colour: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed: make torch")
    (found,) = run([VISION], tmp_path, Plain(), {"cifar10": colour}).cases
    if found.errors and "operator torchvision::" in found.errors[0]:
        pytest.skip("torchvision was built for another torch")
    assert found.errors == []
    assert found.printed == VISION.printed
    assert found.noted == list(VISION.noted)


PLACES = Case(
    "places",
    (
        "import os\nopen('/content/mine.txt', 'w').write('kept')\nprint(open('/content/mine.txt').read(), os.getcwd())",
        "!wc -l < /kaggle/input/digit-recognizer/train.csv",
        "import pandas as pd\nprint(len(pd.read_csv('/kaggle/input/digit-recognizer/train.csv', dtype='int32')))\n"
        "pd.DataFrame({'a': [1]}).to_csv('/kaggle/working/submission.csv')\n"
        "print(sorted(os.listdir('/kaggle/working')))",
        "from numpy import loadtxt\n"
        "print(loadtxt('/home/ana/mnist_test.csv', delimiter=',', max_rows=3, skiprows=1).shape)",
    ),
    "kept /job/out\n42001\n42000\n['mine.txt', 'submission.csv']\n(3, 785)\n",
    (),
    (),
)


@pytest.mark.kernel
@pytest.mark.sandbox
def test_places_of_colab_and_kaggle_behind_a_wall(tmp_path: Path) -> None:
    try:
        wall = choose("bubblewrap")
    except SandboxUnavailable as error:
        pytest.skip(str(error))
    found = run([PLACES], tmp_path, wall, {})
    assert found.cases[0].errors == []
    assert found.cases[0].printed == PLACES.printed
    assert found.ledger.notes == ()
    assert found.execution.ending == "completed"
