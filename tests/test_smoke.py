"""The smoke pass: what it says of a notebook, when it takes place, and that no grade depends on it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from autograder import budget
from autograder.cli import main
from autograder.errors import SandboxError
from autograder.frames import Frame
from autograder.records import CellRun, CellState, Ending, Evaluation, Execution, Json, Ledger, Limits, Training
from autograder.sandbox.room import OnFrame, Outcome, Room
from autograder.smoke import Smoked, counted, found, quick, told
from tests.classroom import QuickRooms, a_folder, a_notebook, use

RUN = ["run", "class", "--rubric", "tiny", "--lang", "en"]


# --- one notebook ----------------------------------------------------------------------------------------------------


def cell(index: int, state: CellState = CellState.RAN, error: str | None = None, *, counted: bool = True) -> CellRun:
    return CellRun(index=index, state=state, error=error, execution_count=index + 1 if counted else None)


def smoked(*cells: CellRun, ending: Ending = Ending.RAISED, trained: int | None = None, used: int = 0) -> Smoked:
    trainings = () if trained is None else (Training(number=1, model="m1", execution_count=trained),)
    uses = (Evaluation(kind="predict", model="m1", execution_count=used),) if used else ()
    return found("ada", Execution(ending=ending, cells=cells), Ledger(trainings=trainings, evaluations=uses))


def test_a_notebook_that_runs_through() -> None:
    one = smoked(cell(0), cell(1), ending=Ending.COMPLETED, trained=2)
    assert one.through and one.cell == 0


def test_the_first_cell_that_fails_is_told_with_what_it_raised() -> None:
    failed = [cell(index, CellState.RAISED, "ValueError: no") for index in (2, 5)]
    one = smoked(cell(0), *failed, trained=5)
    assert (one.cell, one.others, one.shortened) == (3, 1, False), "nothing had been trained yet"
    assert told(one) == "cell 3: ValueError: no (and 1 further cells)"


@pytest.mark.parametrize(
    ("error", "trained", "used", "doubted"),
    [
        ("IndexError: list index out of range", 2, 0, True),
        ("IndexError: list index out of range", 3, 0, True),
        ("IndexError: list index out of range", 4, 0, False),
        ("IndexError: list index out of range", None, 1, True),
        ("NameError: name 'x' is not defined", 2, 0, False),
    ],
)
def test_what_may_come_of_the_pass_itself_is_not_announced_as_certain(
    error: str, trained: int | None, used: int, doubted: bool
) -> None:
    one = smoked(cell(0), cell(1), cell(2, CellState.RAISED, error), trained=trained, used=used)
    assert one.shortened is doubted
    assert ("may do without it" in told(one)) is doubted


def test_a_cell_that_was_interrupted_did_not_raise() -> None:
    ours = cell(1, CellState.INTERRUPTED, "KeyboardInterrupt: ", counted=False)
    one = smoked(cell(0), ours, ending=Ending.TIMED_OUT, trained=7)
    assert told(one) == "cell 2: was not through in time" and not one.shortened
    assert smoked(cell(0), ours, ending=Ending.TIMED_OUT, trained=1).shortened


def test_the_pass_is_counted() -> None:
    fine = Smoked(student="a", ending=Ending.COMPLETED)
    raised = Smoked(student="b", ending=Ending.RAISED, cell=1, error="NameError: x")
    late = Smoked(student="c", ending=Ending.TIMED_OUT, cell=1)
    ours = Smoked(student="d", ending=Ending.DIED, fault="SandboxError: the room broke")
    assert counted([fine] * 27 + [raised, raised, late]) == (
        "smoke pass: 30 notebooks, 27 ran through, 2 raised, 1 timed out"
    )
    assert counted([fine, ours]) == "smoke pass: 2 notebooks, 1 ran through, 1 not tried"
    assert told(ours) == "not tried, the run will tell: SandboxError: the room broke"


# --- a class ---------------------------------------------------------------------------------------------------------


@dataclass
class Rehearsals(QuickRooms):
    """Tells rehearsals from runs; a cell that says ``crash`` raises with a name that would drive a terminal."""

    orders: list[tuple[str, bool]] = field(default_factory=list)

    def run(self, room: Room, on_frame: OnFrame, cancelled: Callable[[], bool]) -> Outcome:
        content, cells = room.inputs["job.json"], room.inputs["cells.json"]
        assert isinstance(content, bytes) and isinstance(cells, bytes)
        first, rehearsal = json.loads(cells)[0]["source"], json.loads(content)["rehearsal"]
        self.orders.append((first, rehearsal))
        outcome = super().run(room, on_frame, cancelled)
        if "broken" in first and rehearsal:
            raise SandboxError("the room broke")
        if "crash" in first:
            on_frame(Frame({"kind": "cell", "index": 0, "state": "raised", "error": "KeyError: '\u202e[red]'"}, b"[]"))
            on_frame(Frame({"kind": "end", "ending": "raised", "cell": 0, "seconds": 0.1}))
        return outcome


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    sources = {"ada": "x = 1", "bob": "crash", "eve": "z = 3"}
    folder = a_folder(tmp_path / "desk", {f"{name}.ipynb": a_notebook(source) for name, source in sources.items()})
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def rooms(monkeypatch: pytest.MonkeyPatch) -> Rehearsals:
    made = Rehearsals()
    use(made, monkeypatch)
    return made


def rehearsed(rooms: Rehearsals) -> list[str]:
    return sorted(source for source, rehearsal in rooms.orders if rehearsal)


def graded(desk: Path) -> dict[str, Json]:
    files = sorted((desk / "feedback" / "tiny").glob("*/grade.json"))
    return {file.parent.name: json.loads(file.read_text("utf-8")) for file in files}


def test_crashes_of_a_class_are_told_before_the_long_run(
    desk: Path, rooms: Rehearsals, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(RUN) == 0
    out = capsys.readouterr().out
    assert "smoke pass: 3 notebooks, 2 ran through, 1 raised" in out
    assert out.index("bob: cell 1: KeyError: '") < out.index("notebooks, 2 ran through") < out.index("executing")
    assert "[red]" in out and "\u202e" not in out, "a student's text drives no terminal"
    assert rehearsed(rooms) == ["crash", "x = 1", "z = 3"]
    assert [rehearsal for _, rehearsal in rooms.orders] == [True] * 3 + [False] * 3


def test_no_grade_depends_on_it(desk: Path, rooms: Rehearsals) -> None:
    assert main([*RUN, "--quiet", "--smoke", "off"]) == 0
    without = graded(desk)
    assert rehearsed(rooms) == []
    assert main([*RUN, "--quiet", "--smoke", "on", "--state", "other"]) == 0
    kept = ("items", "total", "state")
    assert {name: [one[part] for part in kept] for name, one in graded(desk).items()} == {
        name: [one[part] for part in kept] for name, one in without.items()
    }


def test_it_takes_place_where_more_than_one_is_new(desk: Path, rooms: Rehearsals) -> None:
    assert main([*RUN, "--quiet", "--only", "ada"]) == 0
    assert rehearsed(rooms) == [], "one notebook tells soon enough itself"
    assert main([*RUN, "--quiet"]) == 0
    assert rehearsed(rooms) == ["crash", "z = 3"], "what is graded already is not smoked"
    assert main([*RUN, "--quiet", "--smoke", "on"]) == 0
    assert rehearsed(rooms) == ["crash", "x = 1", "z = 3"], "and the same is not smoked twice"
    for name in ("ada", "bob"):
        (desk / "class" / f"{name}.ipynb").write_bytes(a_notebook(f"{name} = 7"))
    rooms.orders.clear()
    assert main([*RUN, "--quiet"]) == 0
    assert rehearsed(rooms) == ["ada = 7", "bob = 7"]


def test_with_a_budget_the_rehearsal_is_the_smoke_pass(
    desk: Path, rooms: Rehearsals, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*RUN, "--budget", "100"]) == 0
    assert "smoke pass: 3 notebooks, 2 ran through" in capsys.readouterr().out
    assert [rehearsal for _, rehearsal in rooms.orders] == [True] * 3 + [False] * 3, "never both"
    assert main([*RUN, "--budget", "100", "--force", "--quiet"]) == 0
    assert len(rooms.orders) == 12, "forced: anew, but once"


def test_only_the_smoke_pass(desk: Path, rooms: Rehearsals, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*RUN, "--smoke", "only"]) == 3
    assert "1 raised" in capsys.readouterr().out
    assert not list((desk / "feedback").rglob("*.html"))
    assert main([*RUN, "--smoke", "only", "--json"]) == 3
    told = {one["student"]: one for one in json.loads(capsys.readouterr().out)}
    assert told["ada"]["through"] and told["bob"]["cell"] == 1 and told["bob"]["ending"] == "raised"
    assert len(rooms.orders) == 3
    assert main([*RUN, "--smoke", "only", "--only", "ada", "--quiet"]) == 0


def test_a_fault_of_ours_in_it_holds_nobody(desk: Path, rooms: Rehearsals, capsys: pytest.CaptureFixture[str]) -> None:
    (desk / "class" / "kim.ipynb").write_bytes(a_notebook("broken"))
    assert main(RUN) == 0
    assert "kim: not tried, the run will tell: SandboxError" in capsys.readouterr().out
    assert graded(desk)["kim"]["state"] == "graded"
    assert main([*RUN, "--smoke", "only", "--quiet"]) == 1


def test_it_is_left_out_where_whole_runs_are_short(course_of: Callable[[float], Json]) -> None:
    assert quick(course_of(1.5)) and not quick(course_of(40.0))


@pytest.fixture
def course_of() -> Callable[[float], Json]:
    @dataclass
    class Course:
        baseline: Json

    @dataclass
    class Baseline:
        training: Training

    return lambda seconds: Course(Baseline(Training(number=1, model="m1", seconds=seconds)))


# --- a real room -----------------------------------------------------------------------------------------------------

REAL = [
    "import numpy as np, keras\nx, y = np.random.rand(4096, 8), np.random.randint(0, 2, 4096)",
    "model = keras.Sequential([keras.layers.Dense(4), keras.layers.Dense(1)])\nmodel.compile('sgd', 'mse')",
    "history = model.fit(x, y, epochs=200, batch_size=1, verbose=0)",
    "assert len(history.history['loss']) == 200\nassert len(model.predict(x, verbose=0)) == 4096",
    "print(undefined)",
]


@pytest.mark.kernel
def test_a_real_notebook_is_through_in_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """200 epochs of 4,096 steps each would take many minutes; code that counts them runs all the same."""
    folder = a_folder(tmp_path / "desk", {"ada.ipynb": a_notebook(*REAL)})
    path = folder / "rubrics" / "tiny.yaml"
    path.write_text(
        path.read_text("utf-8").replace("memory_mb: 1024", "memory_mb: 4096").replace("processes: 64, ", "")
    )
    monkeypatch.chdir(folder)
    assert main([*RUN, "--smoke", "only", "--json"]) == 3
    [one] = json.loads(capsys.readouterr().out)
    assert (one["cell"], one["error"], one["others"]) == (5, "NameError: name 'undefined' is not defined", 0)
    assert not one["shortened"]


def test_a_slow_cell_has_longer_where_no_budget_is_at_stake() -> None:
    free, tight = Limits(run_seconds=900), Limits(run_seconds=900, budget_seconds=60)
    assert budget.rehearsal(free).run_seconds == 120 and budget.rehearsal(tight).run_seconds == 60
    assert budget.rehearsal(replace(free, run_seconds=20)).run_seconds == 20
