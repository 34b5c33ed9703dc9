"""The assignment's own notebooks: when a baseline counts, and what the self-test holds them to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from autograder import pipeline
from autograder.cli import main
from autograder.course import Course
from autograder.frames import Frame
from autograder.records import Ending, Execution, Replay, Reuse
from autograder.sandbox.room import OnFrame, Outcome, Room
from autograder.store import Store
from autograder.trainings import Trainings
from tests import asked
from tests.classroom import QuickRooms, a_folder, a_notebook, use

GOOD = a_notebook(
    '"""Count to ten, and say how far we are."""\n\n\ndef counted(limit):\n'
    '    """Sum of the numbers below a limit."""\n'
    "    # One by one, so that each is seen.\n    return sum(number for number in range(limit))\n\n\nprint(counted(10))"
)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A rubric with a solution, a blank and what they must earn."""
    desk = a_folder(tmp_path / "desk", {"ada.ipynb": a_notebook("x = 1")})
    references = desk / "reference" / "tiny"
    references.mkdir(parents=True)
    (references / "solution.ipynb").write_bytes(GOOD)
    (references / "blank.ipynb").write_bytes(a_notebook("# nothing"))
    (references / "selftest.yaml").write_text("blank: {total: 0}\nsolution: {total: '<= 4'}\n", "utf-8")
    monkeypatch.chdir(desk)
    use(QuickRooms(), monkeypatch)
    return desk


def expect(desk: Path, text: str) -> None:
    (desk / "reference" / "tiny" / "selftest.yaml").write_text(text, "utf-8")


SELFTEST = ["selftest", "--rubric", "tiny"]


def test_expectations_that_hold(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(SELFTEST) == 0
    out = capsys.readouterr().out
    assert "solution" in out and "blank" in out and "data: digits" in out and "NO" not in out


def test_an_expectation_that_does_not_hold(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expect(desk, "blank: {total: 0, readable: 1}\nsolution: {total: 20}\n")
    assert main(SELFTEST) == 1
    shown = capsys.readouterr()
    assert shown.out.count("NO") == 2
    assert "2 of 3 expectations do not hold" in shown.err and "do not grade with it" in shown.err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("blank: {readible: 0}", "unknown item readible"),
        ("forged: {total: 0}", "forged.ipynb does not exist"),
        ("blank: {total: lots}", "'lots' is no number of points"),
        ("blank: {total: '< 3'}", "'< 3' is no number of points"),
        ("blank: 0", "unreadable"),
        ("blank: {", "unreadable"),
    ],
)
def test_expectations_that_make_no_sense(desk: Path, capsys: pytest.CaptureFixture[str], text: str, told: str) -> None:
    expect(desk, text)
    assert main(SELFTEST) == 2
    shown = capsys.readouterr().err
    assert told in shown and "Traceback" not in shown


def test_nothing_to_hold_them_to(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (desk / "reference" / "tiny" / "selftest.yaml").unlink()
    assert main(SELFTEST) == 2
    assert "selftest.yaml does not exist" in capsys.readouterr().err


def test_without_a_baseline_there_is_nothing_to_measure(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reference", "--rubric", "tiny"]) == 2
    assert "baseline.ipynb does not exist" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["run", "class"], ["reference"], ["check", "class/ada.ipynb"]])
def test_a_baseline_that_trains_nothing_stops_before_anybody_is_graded(
    desk: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    (desk / "reference" / "tiny" / "baseline.ipynb").write_bytes(a_notebook("print('no model')"))
    assert main([*command, "--rubric", "tiny"]) == 1
    assert capsys.readouterr().err.startswith("error: ")
    assert not (desk / "feedback" / "tiny").exists()


def test_a_baseline_that_failed_is_run_anew_once_the_machine_is_mended(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (desk / "reference" / "tiny" / "baseline.ipynb").write_bytes(a_notebook("print('baseline')"))
    rooms = use(QuickRooms(error="RuntimeError: a library is missing"), monkeypatch)
    assert main(["reference", "--rubric", "tiny"]) == 1
    assert "the reference did not run: RuntimeError: a library is missing" in capsys.readouterr().err
    assert len(rooms.ran) == 3, "one for each seed: nothing is repeated in the same run"
    rooms.error = ""
    assert main(["reference", "--rubric", "tiny"]) == 1
    assert "did not run" not in capsys.readouterr().err, "it did: what is wrong now is that it trains nothing"


# --- trainings -------------------------------------------------------------------------------------------------------


class Asking(QuickRooms):
    """Rooms whose notebooks ask for one training each, and say what it leaves, whether or not that is wanted."""

    def run(self, room: Room, on_frame: OnFrame, cancelled: Callable[[], bool]) -> Outcome:
        def hear(frame: Frame) -> bytes | None:
            if frame.head["kind"] == "end":
                self.answers.append(on_frame(Frame({"kind": "fit?"}, asked.body())))
                on_frame(Frame({"kind": "trained"}, asked.result()))
            return on_frame(frame)

        return super().run(room, hear, cancelled)

    answers: list[bytes | None]


def test_the_solution_says_what_its_trainings_left_and_no_other_notebook_does(
    desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms = Asking()
    rooms.answers = []
    use(rooms, monkeypatch)
    assert main(SELFTEST) == 0
    first = dict(zip(rooms.ran, rooms.answers, strict=True))
    assert first.pop(rooms.ran[-1]) == b"tell\n"
    assert list(first.values()) == [b"train\n"]
    later = Asking()
    later.answers = []
    use(later, monkeypatch)
    (desk / "rubrics" / "tiny.yaml").write_text((desk / "rubrics" / "tiny.yaml").read_text().replace("50", "51"))
    assert main(SELFTEST) == 0
    assert set(later.answers) == {b"replay\n" + asked.result()}, "known to everybody from then on"


def test_nobody_asks_where_nothing_is_to_be_reused(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rooms = Asking()
    rooms.answers = []
    use(rooms, monkeypatch)
    assert main([*SELFTEST, "--reuse", "off"]) == 0
    assert set(rooms.answers) == {b"train\n"}


@pytest.mark.parametrize("trainings", [True, False])
def test_a_run_that_rests_on_what_was_set_aside_is_made_anew(trainings: bool, store: Store) -> None:
    known = Trainings(store=store)
    course = cast(Course, SimpleNamespace(store=store, trainings=known if trainings else None))
    run = Execution(ending=Ending.COMPLETED, reuse=Reuse(replayed=(Replay(key="k", short="s", seconds=1.0),)))
    assert not pipeline._rests_on_what_was_set_aside(run, course)
    assert not pipeline._rests_on_what_was_set_aside(Execution(ending=Ending.COMPLETED), course)
    known.set_aside("k")
    assert pipeline._rests_on_what_was_set_aside(run, course)
