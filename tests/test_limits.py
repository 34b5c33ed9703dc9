"""Each limit of a rubric, met by a real notebook in a real room: what it was and what was used is told, twice over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest
from builders import a_report, a_rubric
from pages import Page

from autograder.datasets import DataSet, load, room_file
from autograder.errors import SandboxUnavailable
from autograder.execution import Job, execute
from autograder.execution.reasons import End, lacks_gpu_memory, reason, shortages
from autograder.feedback.sheet import sheet
from autograder.messages import render
from autograder.records import CellRun, CellState, Ending, Execution, Limits, Message
from autograder.rubric import shape
from autograder.sandbox import choose
from autograder.sandbox.limits import ceiling, inside, threads_allowed
from autograder.sandbox.plain import Plain
from autograder.sandbox.room import Outcome, Sandbox
from autograder.store import Store
from tests.notebooks import notebook

Ran = Callable[..., Execution]


@pytest.fixture(scope="module")
def digits() -> DataSet:
    return load("digits", split_seed=20, hidden_images=100)


@pytest.fixture(scope="module")
def served(digits: DataSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return room_file(digits, tmp_path_factory.mktemp("served"))


@pytest.fixture
def ran(digits: DataSet, served: Path, store: Store) -> Ran:
    """One cell behind the strongest wall there is."""

    def started(cell: str, sandbox: Sandbox | None = None, **limits: int) -> Execution:
        try:
            wall = sandbox or choose()
        except SandboxUnavailable as error:
            pytest.skip(str(error))
        job = Job(
            notebook=notebook(cell, "print('after')"),
            data=digits,
            data_file=served,
            limits=Limits(**{"run_seconds": 60, "cell_seconds": 40, "memory_mb": 1024, "disk_mb": 64, **limits}),
        )
        return execute(job, wall, store)

    return started


def both(message: Message | None) -> tuple[str, str]:
    """English and French, with plain spaces."""
    assert message is not None
    return tuple(render(message, to).replace("\u00a0", " ").replace("\u202f", " ") for to in ("en", "fr"))  # type: ignore[return-value]


def _on_the_sheet(execution: Execution, language: str) -> str:
    report = a_report()
    assert report.evidence is not None
    told = replace(report, evidence=replace(report.evidence, execution=execution))
    return Page(sheet(told, rubric=a_rubric(), language=language)).text.replace("\u00a0", " ").replace("\u202f", " ")


# --- every limit is in the rubric ---


def test_the_rubric_has_every_limit_with_the_same_default() -> None:
    assert shape.Limits.model_validate({}).model_dump() == {
        each.name: getattr(Limits(), each.name) for each in fields(Limits)
    }


def test_every_figure_of_a_room_follows_from_the_rubric() -> None:
    """Twice as much of everything is twice as much of each."""
    one = Limits(memory_mb=1000, disk_mb=100, open_files=500, output_mb=4)
    two = Limits(memory_mb=2000, disk_mb=200, open_files=1000, output_mb=8)
    assert (ceiling(two).memory, ceiling(two).disk, ceiling(two).log) == tuple(
        2 * figure for figure in (ceiling(one).memory, ceiling(one).disk, ceiling(one).log)
    )
    assert '"open_files": 500' in inside(one)
    assert '"file_bytes": 104857600' in inside(one)
    assert threads_allowed(Limits(processes=300)) - threads_allowed(Limits(processes=200)) == 100


# --- limits that end a run ---


@pytest.mark.kernel
@pytest.mark.sandbox
def test_memory_of_many_processes(ran: Ran) -> None:
    bomb = """
import os, time
for _ in range(6):
    if not os.fork():
        x = bytearray(200 << 20)
        for at in range(0, len(x), 4096): x[at] = 1
        time.sleep(60)
time.sleep(60)
"""
    execution = ran(bomb, memory_mb=700)
    assert execution.ending is Ending.OUT_OF_MEMORY
    english, french = both(execution.reason)
    assert english.startswith("Cell 1 needed more than the 700 MB of memory allowed: ")
    assert french.startswith("La cellule 1 a demandé plus que les 700 Mo de mémoire permis : ")
    assert execution.reason is not None
    assert 700 <= float(execution.reason.values["used"] or 0) < 1500
    for language, told in (("en", english), ("fr", french)):
        assert told in _on_the_sheet(execution, language)


@pytest.mark.kernel
@pytest.mark.sandbox
def test_too_many_processes(ran: Ran) -> None:
    bomb = "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass"
    execution = ran(bomb, processes=80)
    assert execution.ending is Ending.DIED
    english, french = both(execution.reason)
    assert "Cell 1 started too many processes: " in english
    assert "La cellule 1 a lancé trop de processus : " in french
    assert execution.reason is not None
    assert execution.reason.values["used"] > execution.reason.values["limit"] >= 20  # type: ignore[operator]


@pytest.mark.kernel
@pytest.mark.sandbox
def test_a_flood_of_text(ran: Ran) -> None:
    execution = ran("while True:\n    print('x' * 1000)", output_mb=1)
    english, french = both(execution.reason)
    assert english == (
        "Cell 1 put out more than is allowed (1 MB of text, 8 MB of pictures and tables), and was stopped there."
    )
    assert "(1 Mo de texte, 8 Mo d’images et de tableaux)" in french


@pytest.mark.kernel
@pytest.mark.sandbox
def test_too_many_outputs(ran: Ran) -> None:
    execution = ran("from IPython.display import display\nwhile True:\n    display(1)", outputs=50)
    english, french = both(execution.reason)
    assert english == "Cell 1 gave more than the 50 outputs allowed, and was stopped there."
    assert "plus de 50 sorties" in french


@pytest.mark.kernel
@pytest.mark.sandbox
def test_time_of_a_cell(ran: Ran) -> None:
    execution = ran("import time\ntime.sleep(60)", cell_seconds=2)
    english, french = both(execution.reason)
    assert english.startswith("Cell 1 ran longer than the 2.0 s allowed for one cell: it was stopped after ")
    assert french.startswith(
        "La cellule 1 a dépassé la durée permise pour une cellule (2,0 s) : elle a été arrêtée après "
    )
    assert execution.reason is not None
    assert 2 <= float(execution.reason.values["used"] or 0) < 20


@pytest.mark.kernel
@pytest.mark.sandbox
def test_time_of_the_run(ran: Ran) -> None:
    execution = ran("import time\ntime.sleep(60)", run_seconds=5)
    english, french = both(execution.reason)
    assert english.startswith("The notebook ran longer than the 5.0 s allowed: it was stopped after ")
    assert french.startswith("Le notebook a dépassé la durée permise (5,0 s) : il a été arrêté après ")


@pytest.mark.kernel
def test_files_on_a_disk_that_nothing_bounds(ran: Ran) -> None:
    execution = ran(
        "import os, time\nfor n in range(12): open(f'x{n}', 'wb').write(os.urandom(8 << 20))\ntime.sleep(60)",
        Plain(),
        disk_mb=32,
    )
    assert execution.ending is Ending.FLOODED
    english, french = both(execution.reason)
    assert english.startswith("Cell 1 wrote ")
    assert english.endswith(" MB of files; 32 MB are allowed.")
    assert french.endswith(" Mo de fichiers ; 32 Mo sont permis.")


# --- limits that a cell is told of itself ---


@pytest.mark.kernel
@pytest.mark.sandbox
@pytest.mark.parametrize(
    ("cell", "limits", "english", "french"),
    [
        (
            "import numpy\nx = numpy.ones((1 << 30,))",
            {"memory_mb": 1024},
            "one process may have 768 MB of memory",
            "un processus peut avoir 768 Mo de mémoire",
        ),
        (
            "for n in range(100):\n    with open(f'x{n}', 'wb') as f: f.write(b'x' * (1 << 20))",
            {"disk_mb": 32},
            "files in one place may take 32 MB, and all of it was in use",
            "les fichiers d’un même endroit peuvent occuper 32 Mo, et tout était pris",
        ),
        (
            "import os\nkept = [os.open('/dev/null', os.O_RDONLY) for _ in range(5000)]",
            {"open_files": 300},
            "300 files may be open at a time",
            "300 fichiers peuvent être ouverts en même temps",
        ),
        (
            "import threading, time\n"
            "for _ in range(2000): threading.Thread(target=time.sleep, args=(20,), daemon=True).start()",
            {"processes": 100},
            "processes and threads may run at a time",
            "processus et fils d’exécution peuvent tourner en même temps",
        ),
    ],
    ids=["memory", "disk", "open files", "threads"],
)
def test_what_an_error_of_the_system_means(
    ran: Ran, cell: str, limits: dict[str, int], english: str, french: str
) -> None:
    execution = ran(cell, **limits)
    assert [run.state for run in execution.cells] == [CellState.RAISED, CellState.RAN], execution.reason
    explained = [both(note) for note in execution.notes]
    assert [told for told in explained if english in told[0] and french in told[1]], (explained, execution.cells)
    for language, words in (("en", english), ("fr", french)):
        assert words in _on_the_sheet(execution, language)


def test_each_shortage_is_told_once() -> None:
    texts = (
        "OSError: [Errno 28] No space left on device",
        "OSError: [Errno 28] again",
        "OSError: [Errno 27] File too large",
    )
    cells = tuple(CellRun(index=at, state=CellState.RAISED, error=text) for at, text in enumerate(texts))
    told = [both(note)[0] for note in shortages(cells, Limits(disk_mb=64), Outcome(exit_code=0, seconds=1.0))]
    assert [text.split(" met")[0] for text in told] == ["Cell 1", "Cell 3"]
    assert "one file may have 64 MB" in told[1]


@pytest.mark.parametrize(
    ("error", "gpu"),
    [
        (
            "ResourceExhaustedError: OOM when allocating tensor on /job:localhost/device:GPU:0 by allocator GPU_0_bfc",
            True,
        ),
        ("OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB", True),
        ("FailedPreconditionError: Graph execution error: DNN library initialization failed.", True),
        ("InternalError: CUBLAS_STATUS_ALLOC_FAILED", True),
        ("ResourceExhaustedError: OOM when allocating tensor on /job:localhost/device:CPU:0 by allocator cpu", False),
        ("MemoryError: Unable to allocate 8.00 GiB", False),
    ],
)
def test_the_memory_that_was_short_is_the_one_that_is_named(error: str, gpu: bool) -> None:
    cells = (CellRun(index=0, state=CellState.RAISED, error=error),)
    [told] = [both(note)[0] for note in shortages(cells, Limits(), Outcome(exit_code=0, seconds=1.0))]
    assert ("graphics processor" in told, "one process may have" in told) == (gpu, not gpu)
    assert lacks_gpu_memory(error) == gpu


@pytest.mark.parametrize("killed", ["wall", "memory", "processes", "output", "disk", "protocol", ""])
def test_a_run_that_ended_before_any_cell_has_a_sentence_too(killed: str) -> None:
    ending = {
        "wall": Ending.TIMED_OUT,
        "memory": Ending.OUT_OF_MEMORY,
        "output": Ending.FLOODED,
        "disk": Ending.FLOODED,
    }.get(killed, Ending.DIED)
    outcome = Outcome(exit_code=None, killed=killed, allowed=10, used=12, seconds=901.0, peak_memory_mb=5000.0)
    told = both(reason(End(ending, None, "run" if killed == "wall" else killed), (), Limits(), outcome))
    assert all("None" not in text and "{" not in text for text in told)
