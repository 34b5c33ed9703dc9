"""Each command as its user types it: what it prints, where, and with which exit code."""

from __future__ import annotations

import csv
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import psutil
import pytest
from threadpoolctl import threadpool_info

from autograder import cli
from autograder.cli import main
from autograder.feedback import files
from autograder.gradebook import Gradebook, Ruling
from autograder.records import Json, Report, StudentId
from autograder.sandbox.room import OnFrame, Outcome, Room
from autograder.settings import settings
from tests.classroom import OUR_BUG, OUR_FAULT, QuickRooms, a_folder, a_notebook, use

CLASS = {"ada.ipynb": a_notebook("x = 1"), "bob.ipynb": a_notebook("y = 2  # why"), "cut.ipynb": b"{"}
RUN = ["run", "class", "--rubric", "tiny", "--smoke", "off"]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A teacher's folder, which is the current one."""
    monkeypatch.chdir(a_folder(tmp_path / "desk", CLASS))
    return tmp_path / "desk"


@pytest.fixture
def rooms(desk: Path, monkeypatch: pytest.MonkeyPatch) -> QuickRooms:
    return use(QuickRooms(), monkeypatch)


def grades(desk: Path) -> dict[str, dict[str, str]]:
    text = (desk / "feedback" / "tiny" / "grades.csv").read_text("utf-8")
    return {row["student"]: row for row in csv.DictReader(text.splitlines())}


def said(capsys: pytest.CaptureFixture[str], code: int, *arguments: str) -> str:
    """Standard output of a command that ends with this code."""
    assert main(list(arguments)) == code
    return capsys.readouterr().out


# --- the program ---------------------------------------------------------------------------------------------------


def test_numpy_has_one_thread_while_a_command_works(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def called(_: list[str] | None) -> int:
        seen.extend(one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas")
        return 0

    monkeypatch.setattr(cli, "_called", called)
    assert main([]) == 0
    assert seen and set(seen) == {1}


@pytest.mark.parametrize(("options", "seen"), [([], []), (["default"], ["a picture is damaged"])])
def test_warnings_of_libraries_are_for_whoever_asks_for_them(
    monkeypatch: pytest.MonkeyPatch, options: list[str], seen: list[str]
) -> None:
    def called(_: list[str] | None) -> int:
        warnings.warn("a picture is damaged", stacklevel=1)
        return 0

    monkeypatch.setattr(cli, "_called", called)
    monkeypatch.setattr(sys, "warnoptions", options)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        assert main([]) == 0
    assert [str(one.message) for one in caught] == seen


@pytest.mark.parametrize(
    "arguments",
    [["run", "--nope"], ["frobnicate"], ["run", "--workers", "0"], ["run", "--lang", "de"], ["check"], ["release"], []],
)
def test_wrong_usage_is_2_and_shows_the_usage(desk: Path, capsys: pytest.CaptureFixture[str], arguments: Json) -> None:
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert "Usage: autograder" in shown.err + shown.out
    assert "Traceback" not in shown.err


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, 0, "--version").startswith("autograder ")
    for command in ("run", "check", "export", "status", "diff", "reference", "selftest", "release", "doctor"):
        assert "--help" in said(capsys, 0, command, "--help")
    assert "--max-size" in said(capsys, 0, "store", "prune", "--help")


# --- run -----------------------------------------------------------------------------------------------------------


def test_a_class_is_graded_and_told_in_plain_lines(
    desk: Path, rooms: QuickRooms, capsys: pytest.CaptureFixture[str]
) -> None:
    out = said(capsys, 0, *RUN)
    assert "\x1b" not in out, "no live board when this is not a terminal"
    [data] = [line for line in out.splitlines() if line.startswith("data: digits")]
    assert "50 hidden images" in data and "split seed 20" in data, "on one line, however long"
    assert "sandbox: bubblewrap" in out and "3 submissions" in out
    assert "ada: executing" in out and "3/3  " in out
    assert "feedback/tiny/summary.html" in out and "feedback/tiny/grades.csv" in out
    assert {name: row["state"] for name, row in grades(desk).items()} == {
        "ada": "graded", "bob": "graded", "cut": "failed",
    }  # fmt: skip
    for student in CLASS:
        assert (desk / "feedback" / "tiny" / Path(student).stem / "feedback.html").exists()


def test_verbose_names_the_cells(desk: Path, rooms: QuickRooms, capsys: pytest.CaptureFixture[str]) -> None:
    assert "ada: executing cell 1/1" in said(capsys, 0, *RUN, "--verbose")


def test_quiet_says_nothing(desk: Path, rooms: QuickRooms, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*RUN, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_json_is_json_and_nothing_else(desk: Path, rooms: QuickRooms, capsys: pytest.CaptureFixture[str]) -> None:
    (desk / "class.csv").write_text("id,name\nada,Ada\nbob,Bob\neve,Eve\n", "utf-8")
    assert main([*RUN, "--json", "--roster", "class.csv", "--lang", "en"]) == 0
    shown = capsys.readouterr()
    records = {record["student"]: record for record in json.loads(shown.out)}
    assert shown.err == ""
    assert {name: record["state"] for name, record in records.items()} == {
        "ada": "graded", "bob": "graded", "cut": "failed", "eve": "missing",
    }  # fmt: skip
    assert records["eve"]["total"] is None and records["cut"]["total"] == 0
    assert records["cut"]["language"] == "en" and "not valid JSON" in records["cut"]["reason"]


def test_an_unchanged_class_is_executed_once(desk: Path, rooms: QuickRooms) -> None:
    assert main([*RUN, "--quiet"]) == 0
    first = grades(desk)
    assert len(rooms.ran) == 2
    assert main([*RUN, "--quiet"]) == 0
    assert len(rooms.ran) == 2, "the second run remembers"
    assert grades(desk) == first
    assert main([*RUN, "--quiet", "--force"]) == 0
    assert len(rooms.ran) == 4


def test_a_changed_rubric_grades_anew_without_executing(desk: Path, rooms: QuickRooms) -> None:
    assert main([*RUN, "--quiet"]) == 0
    before = Decimal(grades(desk)["ada"]["readable"])
    path = desk / "rubrics" / "tiny.yaml"
    text = path.read_text("utf-8").replace("points: 3", "points: 6").replace("points: 4", "points: 7")
    path.write_text(text, "utf-8")
    assert main([*RUN, "--quiet"]) == 0
    assert Decimal(grades(desk)["ada"]["readable"]) == 2 * before > 0
    assert len(rooms.ran) == 2


def test_only_one_student(desk: Path, rooms: QuickRooms, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*RUN, "--quiet"]) == 0
    table = (desk / "feedback" / "tiny" / "grades.csv").read_bytes()
    (desk / "class" / "ada.ipynb").write_bytes(a_notebook("x = 1", "z = 3"))
    assert "Only some students were graded" in said(capsys, 0, *RUN, "--only", "ada")
    assert sorted(rooms.ran[:2]) == ["x = 1", "y = 2  # why"], "two at a time: either may begin"
    assert rooms.ran[2:] == ["x = 1"]
    assert (desk / "feedback" / "tiny" / "grades.csv").read_bytes() == table


def test_only_takes_the_name_too(desk: Path, rooms: QuickRooms) -> None:
    (desk / "class.csv").write_text("id,name\n007,Ada\n", "utf-8")
    (desk / "class" / "ada.ipynb").rename(desk / "class" / "Ada.ipynb")
    assert main([*RUN, "--quiet", "--roster", "class.csv", "--only", "Ada"]) == 0
    assert (desk / "feedback" / "tiny" / "007" / "grade.json").exists()
    assert not (desk / "feedback" / "tiny" / "bob").exists()


def test_a_missing_submission_is_empty_and_not_0(desk: Path, rooms: QuickRooms) -> None:
    (desk / "class.csv").write_text("id,name\nada,Ada\neve,Ève\n", "utf-8")
    assert main([*RUN, "--quiet", "--roster", "class.csv"]) == 0
    eve = grades(desk)["eve"]
    assert eve["state"] == "missing" and eve["name"] == "Ève"
    assert eve["total"] == eve["code"] == eve["completes"] == ""
    assert "Ève" in (desk / "feedback" / "tiny" / "summary.html").read_text("utf-8")


def test_nobody_handed_in(desk: Path, rooms: QuickRooms) -> None:
    (desk / "empty").mkdir()
    (desk / "class.csv").write_text("id\nada\nbob\n", "utf-8")
    assert main(["run", "empty", "--rubric", "tiny", "--quiet", "--roster", "class.csv"]) == 0
    assert {row["state"] for row in grades(desk).values()} == {"missing"}


@pytest.mark.parametrize(
    ("source", "told", "option"),
    [(OUR_FAULT, "Look at the room.", "--json"), (OUR_BUG, "fault of autograder", "--quiet")],
)
def test_a_fault_of_ours_costs_nobody_anything(
    desk: Path, rooms: QuickRooms, capsys: pytest.CaptureFixture[str], source: str, told: str, option: str
) -> None:
    (desk / "class" / "eve.ipynb").write_bytes(a_notebook(source))
    assert main([*RUN, option]) == 1
    shown = capsys.readouterr()
    assert "eve" in shown.err and f"remedy: {told}" in shown.err.replace("This is a ", "")
    found = grades(desk)
    assert {name: row["state"] for name, row in found.items()} == {
        "ada": "graded", "bob": "graded", "cut": "failed", "eve": "needs_review",
    }  # fmt: skip
    assert found["eve"]["completes"] == found["eve"]["readable"] == "", "undecided, not 0"
    assert found["eve"]["total"] == ""
    sheet = (desk / "feedback" / "tiny" / "eve" / "feedback.html").read_text("utf-8")
    assert "our_" not in sheet and "the room broke" not in sheet and "a slip of ours" not in sheet
    assert "eve" in (desk / "feedback" / "tiny" / "summary.html").read_text("utf-8")


def test_after_a_fault_the_same_command_grades_who_was_left(desk: Path, rooms: QuickRooms) -> None:
    (desk / "class" / "eve.ipynb").write_bytes(a_notebook(OUR_FAULT))
    assert main([*RUN, "--quiet"]) == 1
    ran = len(rooms.ran)
    (desk / "class" / "eve.ipynb").write_bytes(a_notebook("e = 5"))
    assert main([*RUN, "--quiet"]) == 0
    assert rooms.ran[ran:] == ["e = 5"]
    assert grades(desk)["eve"]["state"] == "graded"


def test_a_sheet_that_cannot_be_made_costs_no_grade(
    desk: Path, rooms: QuickRooms, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = files.sheet

    def broken(report: Report, *others: Json) -> str:
        if report.grade.student == "ada":
            raise KeyError("a slip in a template")
        return made(report, *others)

    monkeypatch.setattr(files, "sheet", broken)
    assert main(RUN) == 1
    assert "our fault: ada: no sheet: KeyError" in capsys.readouterr().err
    assert {row["state"] for name, row in grades(desk).items() if name != "cut"} == {"graded"}


def test_a_ruling_stands_over_every_new_grading(desk: Path, rooms: QuickRooms) -> None:
    assert main([*RUN, "--quiet"]) == 0
    ruling = Ruling(
        student=StudentId("ada"), rubric="tiny", item="readable", points=Decimal("2.5"), reason="Read it.", author="me"
    )
    Gradebook(desk / ".autograder" / "grades.sqlite").rule(ruling)
    assert main([*RUN, "--quiet", "--force"]) == 0
    assert grades(desk)["ada"]["readable"] == "2.5"
    record = json.loads((desk / "feedback" / "tiny" / "ada" / "grade.json").read_text("utf-8"))
    assert {item["id"]: item["ruled_by"] for item in record["items"]} == {"completes": None, "readable": "me"}
    Gradebook(desk / ".autograder" / "grades.sqlite").rule(replace(ruling, points=None, reason="A slip."))
    assert main([*RUN, "--quiet"]) == 0
    assert grades(desk)["ada"]["readable"] != "2.5", "what was taken back does not stand"


# --- Ctrl-C and worse ----------------------------------------------------------------------------------------------


@dataclass
class Interrupting(QuickRooms):
    """Presses Ctrl-C as soon as a notebook runs, and runs until it is asked to stop."""

    tick: threading.Event = field(default_factory=threading.Event)
    pressed: threading.Lock = field(default_factory=threading.Lock)

    def run(self, room: Room, on_frame: OnFrame, cancelled: Callable[[], bool]) -> Outcome:
        if self.pressed.acquire(blocking=False):  # a second time would insist
            os.kill(os.getpid(), signal.SIGINT)
        while not cancelled():
            self.tick.wait(0.01)
        return super().run(room, on_frame, cancelled)


@pytest.fixture
def keyboard() -> Iterator[None]:
    """Ctrl-C as in a terminal: a shell lets what it starts in the background ignore it."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


@pytest.mark.usefixtures("keyboard")
@pytest.mark.parametrize(
    "command", [RUN, ["check", "class/ada.ipynb"], ["reference"]], ids=["run", "check", "reference"]
)
@pytest.mark.parametrize("during", ["the baseline", "the class"])
def test_ctrl_c_ends_every_command(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str], during: str
) -> None:
    if during == "the baseline" or command == ["reference"]:
        (desk / "reference" / "tiny").mkdir(parents=True)
        (desk / "reference" / "tiny" / "baseline.ipynb").write_bytes(a_notebook("b = 0"))
    use(Interrupting(), monkeypatch)
    assert main([*command, *([] if command == RUN else ["--rubric", "tiny"])]) == 130
    err = capsys.readouterr().err
    assert "the same command resumes" in err and "Traceback" not in err


@pytest.mark.usefixtures("keyboard")
def test_after_ctrl_c_the_table_holds_what_is_finished(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(QuickRooms(), monkeypatch)
    assert main([*RUN, "--quiet", "--only", "ada"]) == 0
    use(Interrupting(), monkeypatch)
    assert main([*RUN, "--quiet", "--workers", "1"]) == 130
    assert grades(desk)["ada"]["state"] == "graded", "what is remembered is listed even so"


SLOW = {
    "a-quick.ipynb": a_notebook("print('quick')"),
    "b-slow.ipynb": a_notebook("import time", "time.sleep(60)"),
    "c-waits.ipynb": a_notebook("print('waits')"),
}


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """A class whose second notebook takes a minute: none of these tests waits for it."""
    (tmp_path / "tmp").mkdir()
    return a_folder(tmp_path / "desk", SLOW)


@pytest.fixture
def started(slow: Path) -> Iterator[subprocess.Popen[str]]:
    """``autograder run`` at the moment when the slow cell runs."""
    command = [sys.executable, "-m", "autograder", *RUN, "--workers", "1", "--verbose", "--sandbox", "plain"]
    environment = os.environ | {"TMPDIR": str(slow.parent / "tmp"), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command,
        cwd=slow,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if "b-slow: executing cell 2/2" in line:
                    break
            else:
                assert process.stderr is not None
                pytest.fail(process.stderr.read())
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def resumed(slow: Path) -> list[str]:
    """The first cells that a second run executes, once the slow notebook is a quick one."""
    (slow / "class" / "b-slow.ipynb").write_bytes(a_notebook("print('no longer slow')"))
    rooms = QuickRooms(name="plain")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(slow)
        use(rooms, patch)
        assert main([*RUN, "--quiet"]) == 0
    assert {row["state"] for row in grades(slow).values()} == {"graded"}
    return sorted(rooms.ran)


@pytest.mark.kernel
def test_ctrl_c_stops_cleanly_and_the_same_command_resumes(slow: Path, started: subprocess.Popen[str]) -> None:
    family = psutil.Process(started.pid).children(recursive=True)
    assert family, "a room is running"
    os.killpg(started.pid, signal.SIGINT)  # as a terminal does: to the whole group
    out, err = started.communicate(timeout=20)
    assert started.returncode == 130
    assert "the same command resumes" in err and "Traceback" not in err
    assert "stopped: 1 of 3 graded" in out
    assert not [process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    assert list((slow.parent / "tmp").iterdir()) == [], "no folder is left"
    assert list(grades(slow)) == ["a-quick"]
    assert resumed(slow) == ["print('no longer slow')", "print('waits')"]


@pytest.mark.kernel
def test_a_killed_run_resumes(slow: Path, started: subprocess.Popen[str]) -> None:
    family = psutil.Process(started.pid).children(recursive=True)
    started.kill()
    started.communicate(timeout=20)
    _, alive = psutil.wait_procs(family, timeout=10)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == [], "the rooms die with it"
    assert (slow / "feedback" / "tiny" / "a-quick" / "feedback.html").exists()
    assert resumed(slow) == ["print('no longer slow')", "print('waits')"]


# --- export and status ---------------------------------------------------------------------------------------------


@pytest.fixture
def graded(desk: Path, rooms: QuickRooms, capsys: pytest.CaptureFixture[str]) -> Path:
    (desk / "class.csv").write_text("id\nada\neve\n", "utf-8")
    assert main([*RUN, "--quiet", "--roster", "class.csv"]) == 0
    return desk


def test_export_writes_what_run_wrote(graded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, 0, "export", "--rubric", "tiny")
    assert {row["student"]: row for row in csv.DictReader(out.splitlines())} == grades(graded)


def test_export_for_a_spreadsheet(graded: Path) -> None:
    assert main(["export", "--rubric", "tiny", "--bom", "--decimal-comma", "--out", "to/grades.csv"]) == 0
    content = (graded / "to" / "grades.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(content.decode("utf-8-sig").splitlines(), delimiter=";"))
    assert rows[0]["student"] == "ada" and rows[0]["readable"].replace(",", "") != rows[0]["readable"]


def test_export_as_json(graded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = {
        record["student"]: record
        for record in json.loads(said(capsys, 0, "export", "--format", "json", "--rubric", "tiny"))
    }
    assert found.keys() == {"ada", "bob", "cut", "eve"}
    assert found["eve"]["total"] is None and found["ada"]["total"] > 0


@pytest.mark.parametrize("command", ["export", "status", "diff"])
def test_nothing_graded_yet(desk: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert main([command, "--rubric", "tiny"]) == 2
    assert "nothing has been graded yet" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["export", "status", "diff"])
def test_nothing_graded_by_that_rubric(graded: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    text = (graded / "rubrics" / "tiny.yaml").read_text("utf-8").replace("id: tiny", "id: other")
    (graded / "rubrics" / "other.yaml").write_text(text, "utf-8")
    assert main([command, "--rubric", "other"]) == 2
    assert "nothing has been graded by other yet" in capsys.readouterr().err


def test_status(graded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, 0, "status", "--rubric", "tiny")
    assert "1 failed, 2 graded, 1 missing" in out
    found = json.loads(said(capsys, 0, "status", "--rubric", "tiny", "--json"))
    assert found == {"ada": "graded", "bob": "graded", "cut": "failed", "eve": "missing"}


def test_status_names_what_waits(desk: Path, rooms: QuickRooms, capsys: pytest.CaptureFixture[str]) -> None:
    (desk / "class" / "eve.ipynb").write_bytes(a_notebook(OUR_FAULT))
    assert main([*RUN, "--quiet"]) == 1
    assert "eve: Readable waits for a person" in said(capsys, 0, "status", "--rubric", "tiny", "--lang", "en")


# --- rule ----------------------------------------------------------------------------------------------------------


def ruled(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert main(["rule", *arguments, "--rubric", "tiny"]) == code
    return "".join(capsys.readouterr())


def test_a_person_decides_what_waits_and_no_run_undoes_it(
    desk: Path, rooms: QuickRooms, capsys: pytest.CaptureFixture[str]
) -> None:
    (desk / "class" / "eve.ipynb").write_bytes(a_notebook(OUR_FAULT))
    assert main([*RUN, "--quiet"]) == 1
    assert "(autograder rule eve readable POINTS)" in said(capsys, 0, "status", "--rubric", "tiny")
    out = ruled(capsys, "eve", "readable", "2,5", "--reason", "read by hand", "--by", "Mme Curie", "--lang", "en")
    assert "eve readable (Readable): ? -> 2.5 of 3\n" in out
    assert "still to be decided: completes" in out
    assert "eve: Readable" not in said(capsys, 0, "status", "--rubric", "tiny", "--lang", "en")
    assert main([*RUN, "--quiet"]) == 1
    assert "2.5" in grades(desk)["eve"].values()
    assert "Mme Curie" in (desk / "feedback" / "tiny" / "eve" / "feedback.html").read_text("utf-8")
    [ruling] = Gradebook(desk / ".autograder" / "grades.sqlite").rulings("tiny")
    assert (ruling.author, ruling.reason) == ("Mme Curie", "read by hand")


def test_what_was_ruled_is_withdrawn(graded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = said(capsys, 0, "export", "--rubric", "tiny")
    ruled(capsys, "ada", "Lisible", "0", "--reason", "not hers")
    assert said(capsys, 0, "export", "--rubric", "tiny") != before
    ruled(capsys, "ada", "readable", "--withdraw", "--reason", "it is hers")
    assert said(capsys, 0, "export", "--rubric", "tiny") == before


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["zoe", "readable", "1", "--reason", "x"], "Known: ada, bob, cut, eve"),
        (["ada", "readible", "1", "--reason", "x"], "Known: completes, readable"),
        (["ada", "readable", "3.5", "--reason", "x"], "between 0 and 3"),
        (["ada", "readable", "1e0", "--reason", "x"], "between 0 and 3"),
        (["ada", "readable", "0.005", "--reason", "x"], "two decimals"),
        (["ada", "readable", "1", "--reason", " "], "needs a reason"),
        (["ada", "readable", "--reason", "x"], "or --withdraw"),
        (["ada", "readable", "1", "--withdraw", "--reason", "x"], "or --withdraw"),
        (["eve", "readable", "1", "--reason", "x"], "nothing was handed in"),
    ],
)
def test_rulings_that_cannot_be(
    graded: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert told in ruled(capsys, *arguments, code=2)
    assert Gradebook(graded / ".autograder" / "grades.sqlite").rulings("tiny") == ()


# --- diff ----------------------------------------------------------------------------------------------------------


def dearer(desk: Path) -> None:
    """Another rubric: what was worth three points is worth six."""
    path = desk / "rubrics" / "tiny.yaml"
    path.write_text(
        path.read_text("utf-8").replace("points: 3", "points: 6").replace("points: 4", "points: 7"), "utf-8"
    )


def test_a_run_tells_what_it_reused_and_whose_grade_changed(
    desk: Path, rooms: QuickRooms, capsys: pytest.CaptureFixture[str]
) -> None:
    out = said(capsys, 0, *RUN)
    assert "executions: 0 of 2 reused; 2 new" in out and "changed grades" not in out
    out = said(capsys, 0, *RUN)
    assert "executions: 2 of 2 reused\n" in out and "grades: 2 of 2 reused\n" in out
    assert "changed" not in out
    dearer(desk)
    out = said(capsys, 0, *RUN, "--verbose", "--lang", "en")
    assert "executions: 2 of 2 reused\n" in out and "grades: 0 of 2 reused; 2 rubric changed" in out
    assert "  ada: grade anew: rubric changed" in out
    assert "changed grades: 2" in out and "another rubric" in out
    (desk / "class" / "ada.ipynb").write_bytes(a_notebook("x = 1", "y = 2"))
    [found] = [one for one in json.loads(said(capsys, 0, *RUN, "--json")) if one["student"] == "ada"]
    assert found["reuse"]["execution"] == {"reused": False, "why": ["code"]}


def test_the_summary_has_the_changes_of_this_run_alone(
    desk: Path, rooms: QuickRooms, capsys: pytest.CaptureFixture[str]
) -> None:
    page = desk / "feedback" / "tiny" / "summary.html"
    titles = []
    for change in (lambda: None, lambda: None, lambda: dearer(desk), lambda: None):
        change()
        assert main([*RUN, "--quiet"]) == 0
        titles.append("Changements depuis la correction précédente" in page.read_text("utf-8"))
    assert titles == [False, False, True, False]


def test_diff(desk: Path, rooms: QuickRooms, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*RUN, "--quiet"]) == 0
    command = ["diff", "--rubric", "tiny"]
    assert said(capsys, 0, *command) == "Aucune note n’a changé.\n"
    dearer(desk)
    assert main([*RUN, "--quiet"]) == 0
    out = said(capsys, 0, *command)
    assert "ada\u00a0: " in out and "barème modifié" in out and "  Lisible\u00a0: " in out
    assert "another rubric" in said(capsys, 0, *command, "--lang", "en")
    assert said(capsys, 0, *command, "--since", "2999-01-01", "--lang", "en") == "No grade changed.\n"
    found = json.loads(said(capsys, 0, *command, "--student", "bob", "--json"))
    assert [one["student"] for one in found] == ["bob"]
    [item] = found[0]["items"]
    assert (item["id"], item["after"], found[0]["causes"]) == ("readable", 2 * item["before"], ["rubric"])


@pytest.mark.parametrize(
    ("option", "told"), [(["--since", "friday"], "2026-03-13T16:05"), (["--student", "zoe"], "Known: ada, bob, cut")]
)
def test_diff_wrongly_asked(
    desk: Path, rooms: QuickRooms, capsys: pytest.CaptureFixture[str], option: list[str], told: str
) -> None:
    assert main([*RUN, "--quiet"]) == 0
    assert main(["diff", "--rubric", "tiny", *option]) == 2
    assert told in capsys.readouterr().err


# --- store ---------------------------------------------------------------------------------------------------------


def test_a_store_is_verified(desk: Path, rooms: QuickRooms, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*RUN, "--quiet"]) == 0
    assert "0 damaged, 0 missing" in said(capsys, 0, "store", "verify")
    found = json.loads(said(capsys, 0, "store", "verify", "--json"))
    assert found["damaged"] == [] and found["blobs"] > 5
    [blob, *_] = sorted((desk / ".autograder" / "blobs").glob("*/*"))
    blob.write_bytes(b"damaged")
    assert main(["store", "verify"]) == 1
    shown = capsys.readouterr()
    assert f"damaged: sha256:{blob.parent.name}{blob.name}" in shown.out
    assert "1 damaged, 0 missing" in shown.err and "remedy: Run the same grading again" in shown.err


def test_a_store_is_pruned_and_the_class_is_still_remembered(
    desk: Path, rooms: QuickRooms, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*RUN, "--quiet"]) == 0
    (desk / "class" / "ada.ipynb").write_bytes(a_notebook("x = 1", "z = 3"))
    assert main([*RUN, "--quiet"]) == 0
    out = said(capsys, 0, "store", "prune", "--max-size", "0")
    assert "results forgotten" in out and "needed by the gradebook and the latest gradings" in out.replace("\n", " ")
    assert "0 damaged, 0 missing" in said(capsys, 0, "store", "verify")
    ran = len(rooms.ran)
    assert "executions: 2 of 2 reused\n" in said(capsys, 0, *RUN)
    assert len(rooms.ran) == ran


def test_a_store_is_not_pruned_while_a_class_is_graded(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    codes = []

    class Tidying(QuickRooms):
        def run(self, room: Room, on_frame: OnFrame, cancelled: Callable[[], bool]) -> Outcome:
            codes.append(main(["store", "prune", "--max-size", "0"]))
            return super().run(room, on_frame, cancelled)

    use(Tidying(), monkeypatch)
    assert main([*RUN, "--workers", "1"]) == 0
    assert codes == [1, 1] and "another run is going on" in capsys.readouterr().err
    assert main(["store", "prune", "--max-size", "0"]) == 0


@pytest.mark.parametrize("command", [["verify"], ["prune", "--max-size", "1GB"]])
def test_there_is_no_store_yet(desk: Path, capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    assert main(["store", *command]) == 2
    assert "nothing is remembered yet" in capsys.readouterr().err
    assert not (desk / ".autograder").exists()


def test_a_size_that_is_none_is_wrong_usage(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["store", "prune", "--max-size", "big"]) == 2
    assert "Write 5GB" in capsys.readouterr().err


# --- check ---------------------------------------------------------------------------------------------------------


def test_check_without_running(desk: Path, rooms: QuickRooms, capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, 0, "check", "class/ada.ipynb", "--rubric", "tiny", "--no-run", "--lang", "en")
    assert rooms.ran == []
    assert "Readable" in out and "/ 4" in out
    assert "Nothing was executed" in out


def test_check_in_fast_mode(desk: Path, rooms: QuickRooms, capsys: pytest.CaptureFixture[str]) -> None:
    path = desk / "rubrics" / "tiny.yaml"
    path.write_text(path.read_text("utf-8").replace("check: code.readability", "check: model.robustness"), "utf-8")
    out = " ".join(said(capsys, 0, "check", "class/ada.ipynb", "--rubric", "tiny", "--fast", "--lang", "en").split())
    assert rooms.ran == ["x = 1"] and "each training took a few steps only" in out
    assert "Fast mode measures nothing" in out and "(+3?)" in out, "what needs a measurement is neither won nor lost"
    french = " ".join(said(capsys, 0, "check", "class/ada.ipynb", "--rubric", "tiny", "--fast").split())
    assert len(rooms.ran) == 1, "remembered"
    assert "quelques pas" in french and "Le mode rapide ne mesure rien" in french
    said(capsys, 0, "check", "class/ada.ipynb", "--rubric", "tiny")
    assert len(rooms.ran) == 2, "what a fast check saw is not taken for a full one"


def test_check_uses_other_hidden_images_than_the_class(
    desk: Path, rooms: QuickRooms, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "split seed 21" in said(capsys, 0, "check", "class/ada.ipynb", "--rubric", "tiny")
    assert "split seed 20" in said(capsys, 0, *RUN)


def test_check_as_json(desk: Path, rooms: QuickRooms, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(said(capsys, 0, "check", "class/bob.ipynb", "--rubric", "tiny", "--json", "--lang", "en"))
    assert found["student"] == "bob" and found["language"] == "en" and len(found["items"]) == 2


def test_check_names_the_points_that_are_decided_on_private_images(
    desk: Path, rooms: QuickRooms, capsys: pytest.CaptureFixture[str]
) -> None:
    path = desk / "rubrics" / "tiny.yaml"
    text = path.read_text("utf-8").replace("code.readability", "model.robustness")
    path.write_text(text, "utf-8")
    out = said(capsys, 0, "check", "class/ada.ipynb", "--rubric", "tiny", "--lang", "en")
    assert "Readable *" in out and "* 3.0 points are decided on private images" in out


def test_check_either_reads_or_is_fast(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "class/ada.ipynb", "--rubric", "tiny", "--no-run", "--fast"]) == 2
    assert "exclude each other" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("path", "told"),
    [("class/cut.ipynb", "not valid JSON"), ("class/none.ipynb", "no such file"), ("class", "more than one notebook")],
)
def test_check_of_what_cannot_be_read(desk: Path, capsys: pytest.CaptureFixture[str], path: str, told: str) -> None:
    assert main(["check", path, "--rubric", "tiny", "--no-run"]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.kernel
def test_check_of_a_notebook_that_fails_in_a_kernel_that_is_not_here(
    desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (desk / "own.ipynb").write_bytes(a_notebook("x = 1 / 0", "print('after')", kernel="my-env-2023"))
    out = said(capsys, 0, "check", "own.ipynb", "--rubric", "tiny", "--lang", "en", "--sandbox", "plain")
    assert "ZeroDivisionError" in out and "Cell 1" in out


# --- release and doctor --------------------------------------------------------------------------------------------


def test_release_does_not_overwrite(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (desk / "reference" / "tiny").mkdir(parents=True)
    (desk / "reference" / "tiny" / "template.ipynb").write_bytes(a_notebook("# start here"))
    command = ["release", "--rubric", "tiny", "--out", "starter.ipynb"]
    assert "starter.ipynb" in said(capsys, 0, *command)
    (desk / "starter.ipynb").write_bytes(b"mine")
    assert main(command) == 2
    assert "exists already" in capsys.readouterr().err
    assert (desk / "starter.ipynb").read_bytes() == b"mine"
    assert main([*command, "--force"]) == 0
    assert b"start here" in (desk / "starter.ipynb").read_bytes()
    assert main(["release", "--rubric", "tiny", "--out", "starter.txt"]) == 2


def test_doctor(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["doctor", "--json"])
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    walls = [row["ok"] for name, row in rows.items() if name.startswith("sandbox")]
    assert code == (0 if "yes" in walls else 1)
    assert rows["data digits"]["ok"] == "yes" and "tiny" in rows["rubrics"]["detail"]
    assert all(row["remedy"] for row in rows.values() if row["ok"] == "NO")


# --- data ----------------------------------------------------------------------------------------------------------

ON = {
    "ada.ipynb": a_notebook("(x, y), (a, b) = keras.datasets.mnist.load_data()"),
    "bob.ipynb": a_notebook("(x, y), (a, b) = keras.datasets.cifar10.load_data()"),
    "cid.ipynb": a_notebook("(x, y), (a, b) = keras.datasets.fashion_mnist.load_data()"),
    "dan.ipynb": a_notebook("(x, y), (a, b) = keras.datasets.cifar100.load_data()"),
}


def a_data_file(path: Path, shape: tuple[int, ...]) -> Path:
    path.parent.mkdir(exist_ok=True)
    pixels = np.random.default_rng(len(path.name)).integers(0, 256, (60, *shape), dtype=np.uint8)
    labels = np.arange(60, dtype=np.uint8) % 10
    np.savez(path, x_train=pixels, y_train=labels, x_test=pixels[:20], y_test=labels[:20])
    return path


@pytest.fixture
def mixed(desk: Path, rooms: QuickRooms, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A class on four data sets, two of which are here."""
    monkeypatch.setenv("KERAS_HOME", str(desk / "keras"))
    for path in (desk / "class").iterdir():
        path.unlink()
    for name, content in ON.items():
        (desk / "class" / name).write_bytes(content)
    a_data_file(desk / "sets" / "mnist.npz", (28, 28))
    a_data_file(desk / "sets" / "cifar10-subset.npz", (32, 32, 3))
    return desk


def assert_each_on_its_own(desk: Path, out: str) -> None:
    assert "data: as each notebook asks: 2 on MNIST, 1 on CIFAR-10; 1 not run" in out
    assert "data: mnist.npz, " in out and "data: cifar10-subset.npz, " in out
    records = {
        name: json.loads((desk / "feedback" / "tiny" / name / "grade.json").read_text("utf-8"))
        for name in ("ada", "bob", "cid", "dan")
    }
    used = {name: record["data"] and record["data"]["name"] for name, record in records.items()}
    assert used == {"ada": "mnist.npz", "bob": "cifar10-subset.npz", "cid": "mnist.npz", "dan": None}
    [note] = records["cid"]["notes"]
    assert "Fashion-MNIST" in note and records["ada"]["notes"] == []
    assert records["dan"]["total"] is None and "CIFAR-100" in records["dan"]["reason"]
    summary = (desk / "feedback" / "tiny" / "summary.html").read_text("utf-8")
    assert "mnist.npz" in summary and "cifar10-subset.npz" in summary and "CIFAR-100" in summary
    assert "Fashion-MNIST" in (desk / "feedback" / "tiny" / "cid" / "feedback.html").read_text("utf-8")
    found = grades(desk)
    assert {name: row["state"] for name, row in found.items()} == {
        "ada": "graded", "bob": "graded", "cid": "graded", "dan": "failed",
    }  # fmt: skip
    assert found["dan"]["total"] == found["dan"]["completes"] == "", "not here is no 0"


@pytest.mark.parametrize("data", [["sets"], ["sets/mnist.npz", "sets/cifar10-subset.npz"], ["auto", "sets"]])
def test_each_notebook_on_the_data_that_it_asks_for(
    mixed: Path, capsys: pytest.CaptureFixture[str], data: list[str]
) -> None:
    assert_each_on_its_own(mixed, said(capsys, 0, *RUN, *(part for value in data for part in ("--data", value))))


def test_a_rubric_can_leave_the_data_to_the_notebooks(mixed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = mixed / "rubrics" / "tiny.yaml"
    path.write_text(path.read_text("utf-8").replace("data: digits", "data: auto"), "utf-8")
    (mixed / "sets").rename(mixed / "data")
    assert_each_on_its_own(mixed, said(capsys, 0, *RUN))
    assert "data: digits" in said(capsys, 0, *RUN, "--data", "digits")


def test_one_plain_value_serves_everybody(mixed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, 0, *RUN, "--data", "sets/mnist.npz")
    assert out.count("data: ") == 1 and "as each notebook asks" not in out
    assert {row["state"] for row in grades(mixed).values()} == {"graded"}


def test_an_unchanged_class_on_several_sets_is_executed_once(mixed: Path, rooms: QuickRooms) -> None:
    assert main([*RUN, "--quiet", "--data", "sets"]) == main([*RUN, "--quiet", "--data", "sets"]) == 0
    assert len(rooms.ran) == 3


def test_a_baseline_that_fails_on_every_set_stops_the_run(mixed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (mixed / "reference" / "tiny").mkdir(parents=True)
    (mixed / "reference" / "tiny" / "baseline.ipynb").write_bytes(a_notebook("print('no model')"))
    assert main([*RUN, "--data", "sets"]) == 1
    assert "the reference left no model" in capsys.readouterr().err
    assert not (mixed / "feedback" / "tiny").exists()


@pytest.mark.parametrize("data", ["mnits", "class", "sets/none.npz"])
def test_data_that_is_not_there_is_wrong_usage(mixed: Path, capsys: pytest.CaptureFixture[str], data: str) -> None:
    assert main([*RUN, "--data", data]) == 2
    assert "remedy" in capsys.readouterr().err


def test_check_finds_the_data_of_its_notebook(mixed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["check", "--rubric", "tiny", "--data", "sets", "--lang", "en"]
    assert "data: cifar10-subset.npz" in said(capsys, 0, *command, "class/bob.ipynb")
    out = said(capsys, 0, *command, "class/cid.ipynb")
    assert "data: mnist.npz" in out and "not those of Fashion-MNIST" in out
    assert main([*command, "class/dan.ipynb"]) == 2
    assert "CIFAR-100, which is not configured here" in capsys.readouterr().err


def test_the_self_test_is_on_one_data_set(mixed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["selftest", "--rubric", "tiny", "--data", "sets"]) == 2
    assert "several data sets" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (["mnist"], ["mnist"]),
        (["sets"], ["cifar10-subset", "mnist"]),
        (["sets/mnist.npz", "digits"], ["mnist", "digits"]),
        (["auto"], ["digits"]),
    ],
)
def test_a_baseline_is_trained_for_each_set_that_is_meant(mixed: Path, values: list[str], names: list[str]) -> None:
    references = importlib.import_module("autograder.cli.references")
    assert [Path(source).stem for source in references._each(values, settings(mixed))] == names


def test_nobody_asks_for_data_that_is_here(mixed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("ada", "bob", "cid"):
        (mixed / "class" / f"{name}.ipynb").unlink()
    out = said(capsys, 0, *RUN, "--data", "sets")
    assert "as each notebook asks: none; 1 not run" in out and "dan: The notebook asks for CIFAR-100" in out


def test_doctor_lists_the_teachers_own_data(mixed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (mixed / "sets").rename(mixed / "data")
    main(["doctor", "--json"])
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["data mnist"]["ok"] == rows["data cifar10"]["ok"] == rows["data digits"]["ok"] == "yes"
    assert rows["data cifar100"]["ok"] == "NO" and "downloaded" in rows["data cifar100"]["remedy"]


MNIST = Path(os.environ.get("AUTOGRADER_MNIST", Path(__file__).parents[2] / "shared" / "data" / "mnist.npz"))


@pytest.mark.mnist
@pytest.mark.skipif(not MNIST.is_file(), reason="the real MNIST is not here: set AUTOGRADER_MNIST")
def test_the_real_mnist_as_a_file(desk: Path, rooms: QuickRooms, capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, 0, *RUN, "--data", str(MNIST))
    assert "data: mnist.npz, 59950 training images (served as 60000 rows), 10000 public test images, 50 hidden" in out
    record = json.loads((desk / "feedback" / "tiny" / "ada" / "grade.json").read_text("utf-8"))
    assert record["data"]["name"] == "mnist.npz" and record["data"]["split_seed"] == 20
