"""A secret is looked for, byte by byte, in all that leaves the grading of hostile notebooks: pages, tables, the state.

A student whose own word is in his name, his prints and his errors is graded among them. That word must be found in each
kind of place, or the search would find nothing anywhere.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from autograder.cli import main
from autograder.errors import SandboxUnavailable
from autograder.sandbox import choose
from tests.attacks import canary, ground
from tests.attacks.cheats import CHEATS, HONEST
from tests.attacks.probes import PRELUDE, PROBES
from tests.attacks.texts import TEXTS
from tests.classroom import a_notebook

pytestmark = [pytest.mark.sandbox, pytest.mark.kernel]

RUBRIC = """
id: tiny
version: 1
title: {fr: "Petit barème", en: "Small rubric"}
points: 2
data: digits
hidden_images: 300
robustness_images: 10
seed: 20
limits: {run_seconds: 120, cell_seconds: 60, memory_mb: 2048, disk_mb: 128, processes: 256, output_mb: 2}
criteria:
  - id: all
    title: {fr: "Tout", en: "All"}
    points: 2
    items:
      - {id: runs, title: {fr: "a", en: "a"}, points: 1, check: notebook.completes}
      - {id: readable, title: {fr: "b", en: "b"}, points: 1, check: code.readability}
"""
"""Without a reference folder of its name: nothing is trained for it."""

WORD = "canary-0123456789abcdef"
"""What a student may let out: it is his own."""
TALK = f"""
import base64, sys, zlib
word = b"{WORD}"
print(word.decode())
print(base64.b64encode(b"ab" + word).decode(), word.hex(), word[::-1].decode(), sep="\\n")
print(base64.b64encode(zlib.compress(b"many words " * 20 + word)).decode())
sys.stderr.write(repr(list(word)))
raise ValueError(word.decode())
"""
LOUD = "import os\nprint(*os.environ.items(), sep='\\n')\nraise ValueError(dict(os.environ))"


@dataclass(frozen=True, slots=True)
class Left:
    """What is there when a class has been graded, by the place where it is."""

    teacher: ground.Desk
    pages: Mapping[str, bytes]
    """For students, for the teacher, and for other programs."""
    state: Mapping[str, bytes]
    """What the program keeps; of hidden images and labels it holds some on purpose."""

    @property
    def everything(self) -> Mapping[str, bytes]:
        return {**self.pages, **self.state}


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Left]:
    try:
        choose("bubblewrap")
    except SandboxUnavailable as error:
        pytest.skip(f"bubblewrap does not work here: {error}")
    where, teacher = tmp_path_factory.mktemp("class"), ground.desk(tmp_path_factory.mktemp("teacher"))
    with pytest.MonkeyPatch.context() as patch, ground.targets(teacher) as known:
        patch.chdir(where)
        patch.setenv(ground.VARIABLE, teacher.secret.decode())
        patch.setenv("COLUMNS", "200")
        hand_in(where, known)
        said = "".join(command(*arguments) for arguments in COMMANDS)
        state = {name: content for name, content in files(where / "state").items() if not name.startswith(SERVED)}
        yield Left(teacher, files(where / "feedback") | {"the terminal": b"\n" + said.encode()}, state)


SERVED = "state/data/"
"""What every room is given: it is written before the first of them."""
COMMANDS = (
    ("run", "class", "--rubric", "tiny", "--data", "digits", "--sandbox", "bubblewrap", "--workers", "1", "--verbose"),
    ("export", "--rubric", "tiny", "--out", "feedback/export.csv", "--bom"),
    ("export", "--rubric", "tiny", "--out", "feedback/export.json", "--format", "json"),
    ("status", "--rubric", "tiny"),
)


def hand_in(where: Path, known: str) -> None:
    """Two hostile notebooks, and one whose author has a word of his own."""
    (where / "rubrics").mkdir()
    (where / "rubrics" / "tiny.yaml").write_text(RUBRIC, "utf-8")
    talk = [f"import warnings\n{text.text!r}" for text in TEXTS]
    for student, cells in {
        "mallory": (known + PRELUDE, *(probe.source for probe in PROBES), LOUD),
        "trudy": (*HONEST, *(cheat.source for cheat in CHEATS), *talk, LOUD),
        WORD: (f"# {WORD}", TALK),
    }.items():
        (where / "class" / student).mkdir(parents=True)
        (where / "class" / student / "tp.ipynb").write_bytes(a_notebook(*cells))


def command(*arguments: str) -> str:
    """What a command prints, on either stream."""
    printed = io.StringIO()
    with redirect_stdout(printed), redirect_stderr(printed):
        assert main([*arguments, "--state", "state"]) == 0, printed.getvalue()
    return printed.getvalue()


def files(folder: Path) -> dict[str, bytes]:
    found = {str(path.relative_to(folder.parent)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: os.fsencode(name) + b"\n" + content for name, content in found.items()}


def test_hostile_notebooks_were_graded(left: Left) -> None:
    for student in ("mallory", "trudy"):
        page = json.loads(left.pages[f"feedback/tiny/{student}/executed.ipynb"].partition(b"\n")[2])
        assert "AUTOGRADER_JOB" in str(page["cells"][-1]["outputs"]), "it came to its last cell"


def test_a_planted_word_comes_out_nowhere(left: Left) -> None:
    for name, content in left.everything.items():
        assert not canary.found(left.teacher.secret, content), name


@pytest.mark.parametrize("what", ["labels of hidden images", "a hidden image"])
def test_nothing_hidden_is_on_a_page(left: Left, what: str) -> None:
    for name, content in left.pages.items():
        assert not canary.found(left.teacher.secrets[what], content), name


def test_one_student_does_not_get_at_what_another_handed_in(left: Left) -> None:
    own = [name for name in left.pages if name.startswith(("feedback/tiny/mallory/", "feedback/tiny/trudy/"))]
    assert len(own) == 10
    for name in own:
        assert not canary.found(WORD.encode(), left.pages[name]), name


@pytest.mark.parametrize(
    "place",
    [
        *(f"feedback/tiny/{WORD}/{name}" for name in ("feedback.html", "executed.html", "executed.ipynb")),
        *(f"feedback/tiny/{WORD}/{name}" for name in ("grade.json", "results.json")),
        *("feedback/tiny/summary.html", "feedback/tiny/grades.csv", "feedback/export.csv", "feedback/export.json"),
        *("the terminal", "state/grades.sqlite"),
    ],
)
def test_the_search_finds_a_word_that_is_there(left: Left, place: str) -> None:
    assert canary.found(WORD.encode(), left.everything[place].partition(b"\n")[2])


def test_the_search_finds_a_word_in_what_is_kept_of_a_run(left: Left) -> None:
    kept = [content.partition(b"\n")[2] for name, content in left.state.items() if name.startswith("state/blobs/")]
    assert sum(canary.found(WORD.encode(), content) for content in kept) > 2, "as handed in, as run, as graded"
