"""A run that is killed outright, in the middle of whatever it does, goes on where it was."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.cli import main
from autograder.gradebook import Gradebook
from autograder.store import Store
from autograder.upkeep import verify
from tests.classroom import QuickRooms, a_folder, a_notebook, use

ROOT = Path(__file__).resolve().parent.parent
CLASS = {f"{name}.ipynb": a_notebook(f"{name} = 1", "# more") for name in ("a", "b", "c")}
RUN = ["run", "class", "--rubric", "tiny", "--workers", "1", "--smoke", "off", "--quiet"]

KILLED = """
import os, sys, threading
import pytest
from autograder.cli import main
from autograder.gradebook import Gradebook
from autograder.store import Store
from autograder import feedback
from tests.classroom import QuickRooms, use

moment, command = sys.argv[1], sys.argv[2:]
rooms = QuickRooms()

def stop():
    print("here", flush=True)
    threading.Event().wait()

def stopping(place, name, now):
    real = getattr(place, name)
    def called(*arguments, **options):
        if now(*arguments):
            stop()
        return real(*arguments, **options)
    setattr(place, name, called)

second = lambda *_: len(rooms.ran) == 2
if moment == "room":
    stopping(QuickRooms, "run", lambda *_: len(rooms.ran) == 1)
elif moment == "write":
    stopping(os, "fsync", second)
elif moment == "notice":
    stopping(Store, "remember", second)
elif moment == "grade":
    stopping(Gradebook, "record", lambda _, report: report.grade.student == "b")
elif moment == "sheet":
    stopping(feedback, "write", lambda report, *_: report.grade.student == "b")

written, write, run = threading.Event(), feedback.write, rooms.run

def finished(*arguments):
    write(*arguments)
    written.set()

def later(*arguments):
    if rooms.ran:
        written.wait()  # until all of the first student is on the disk
    return run(*arguments)

feedback.write, rooms.run = finished, later
use(rooms, pytest.MonkeyPatch())
main(command)
"""
"""The same command in a process of its own, which stops dead at that moment of the second student."""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(a_folder(tmp_path / "desk", CLASS))
    return tmp_path / "desk"


def killed(desk: Path, moment: str) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", KILLED, moment, *RUN]
    with subprocess.Popen(command, cwd=desk, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "here\n"
        process.kill()  # SIGKILL: nothing is put in order
    assert process.returncode == -9


@pytest.mark.parametrize(
    ("moment", "executed"),
    [
        ("room", ["b = 1", "c = 1"]),
        ("write", ["b = 1", "c = 1"]),
        ("notice", ["b = 1", "c = 1"]),
        ("grade", ["c = 1"]),
        ("sheet", ["c = 1"]),
    ],
)
def test_nothing_that_was_finished_is_done_again(
    desk: Path, monkeypatch: pytest.MonkeyPatch, moment: str, executed: list[str]
) -> None:
    killed(desk, moment)
    state, book = Store(desk / ".autograder"), desk / ".autograder" / "grades.sqlite"
    found = verify(state, Gradebook(book))
    assert (found.damaged, found.missing) == ((), ()), "whatever is there is whole"
    assert moment != "write" or found.leftovers > 0, "half of a file, under a name that nobody reads"
    sheet = desk / "feedback" / "tiny" / "a" / "feedback.html"
    written = sheet.stat().st_mtime_ns
    rooms = use(QuickRooms(), monkeypatch)
    assert main(RUN) == 0
    # While the second one's grade is entered, the third one may already be under way.
    assert rooms.ran in (executed, executed[1:]) if moment in ("grade", "sheet") else rooms.ran == executed
    assert sheet.stat().st_mtime_ns == written, "the first one's sheet was not made again"
    table = (desk / "feedback" / "tiny" / "grades.csv").read_text("utf-8")
    assert {row["student"]: row["state"] for row in csv.DictReader(table.splitlines())} == dict.fromkeys(
        "abc", "graded"
    )
    assert [len(Gradebook(book).history(student)) for student in ("a", "b", "c")] == [1, 1, 1]  # type: ignore[arg-type]
    found = verify(state, Gradebook(book))
    assert (found.damaged, found.missing) == ((), ())
    assert main(RUN) == 0
    assert len(rooms.ran) <= len(executed), "and now there is nothing left to do"
