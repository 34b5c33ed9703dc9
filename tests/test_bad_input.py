"""Whatever is handed in, and wherever it is to go, ends as a record or as one line with its remedy."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from autograder.cli import main
from autograder.records import Json
from tests.attacks.ground import TESTS_OWN
from tests.classroom import QuickRooms, a_folder, a_notebook, use

LONG = "Élodie d'Été — " + "très " * 30
"""As long as a file system takes: 255 bytes with its ending."""

OLD = {
    "nbformat": 3,
    "nbformat_minor": 0,
    "metadata": {"name": ""},
    "worksheets": [{"metadata": {}, "cells": [{"cell_type": "code", "input": "print(3)", "outputs": []}]}],
}


def zipped(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def strange_class() -> dict[str, bytes]:
    heavy = [{"output_type": "stream", "name": "stdout", "text": "x" * (50 << 20)}]
    return {
        "ada.ipynb": a_notebook("x = 1"),
        "cut.ipynb": a_notebook("x = 1")[:40],
        "old.ipynb": json.dumps(OLD).encode(),
        "nothing.ipynb": b"",
        "no-cells.ipynb": a_notebook(),
        "own-kernel.ipynb": a_notebook("print(1)", kernel="my-env-2023"),
        "other-language.ipynb": a_notebook("x <- 1", kernel="ir"),
        "two of them/first.ipynb": a_notebook("a = 1"),
        "two of them/second.ipynb": a_notebook("b = 2"),
        "only text/report.txt": b"hello",
        "Zoé Zip.zip": zipped("projet/rendu final.ipynb", a_notebook("print('zip')")),
        f"{LONG}.ipynb": a_notebook("x = 1"),
        "heavy-outputs.ipynb": a_notebook("print('heavy')", outputs=heavy),
        "heavy-source.ipynb": a_notebook("s = '" + "x" * (50 << 20) + "'"),
    }


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The strange class, graded once."""
    folder = a_folder(tmp_path_factory.mktemp("strange"), strange_class())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        use(QuickRooms(), patch)
        assert main(["run", "class", "--rubric", "tiny", "--lang", "en", "--quiet"]) == 0
    yield folder / "feedback" / "tiny"


def record_of(graded: Path, student: str) -> Json:
    return json.loads((graded / student / "grade.json").read_text("utf-8"))


FAILED = {
    "cut": "not valid JSON",
    "nothing": "empty",
    "no-cells": "no cell",
    "other-language": "only Python is run here",
    "two-of-them": "first.ipynb, second.ipynb",
    "only-text": "report.txt",
    "heavy-source": "too large",
}
RUN = ("ada", "old", "own-kernel", "zoe-zip", "heavy-outputs")


def test_everybody_in_the_class_has_a_row_and_a_sheet(graded: Path) -> None:
    rows = list(csv.DictReader((graded / "grades.csv").read_text("utf-8").splitlines()))
    students = {row["student"] for row in rows}
    assert students >= FAILED.keys() | set(RUN)
    assert len(rows) == len(FAILED) + len(RUN) + 1
    assert {path.parent.name for path in graded.glob("*/feedback.html")} == students


@pytest.mark.parametrize("student", FAILED)
def test_what_cannot_be_run_is_failed_with_a_reason(graded: Path, student: str) -> None:
    found = record_of(graded, student)
    assert found["state"] == "failed" and found["total"] == 0
    assert FAILED[student] in str(found["reason"])
    assert str(found["reason"])[:120] in (graded / student / "feedback.html").read_text("utf-8").replace("&#39;", "'")


@pytest.mark.parametrize("student", RUN)
def test_what_can_be_run_is_run(graded: Path, student: str) -> None:
    found = record_of(graded, student)
    assert found["state"] == "graded" and found["execution"]["ending"] == "completed"


def test_a_long_name_with_accents_and_spaces(graded: Path) -> None:
    [folder] = graded.glob("elodie-d-ete-*")
    assert len(folder.name) <= 100 and folder.name.isascii()
    assert record_of(graded, folder.name)["name"].startswith("Élodie d'Été — très")


# --- faults of the command line ------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A teacher's folder with one notebook, which is the current one."""
    monkeypatch.chdir(a_folder(tmp_path / "desk", {"ada.ipynb": a_notebook("x = 1")}))
    return tmp_path / "desk"


def refused(capsys: pytest.CaptureFixture[str], code: int, *arguments: str) -> str:
    """What the error stream says, once the exit code is right and nothing was run."""
    assert main(["run", *arguments]) == code
    shown = capsys.readouterr()
    assert "executing" not in shown.out
    assert shown.err.startswith("error: ") and "Traceback" not in shown.err
    return shown.err


ONE_LINE_AND_REMEDY = 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("clas",), "Did you mean class?"),
        (("nowhere/at/all",), "no such file or folder"),
        (("rubrics",), "nothing to grade here"),
        (("rubrics/tiny.yaml",), "neither a notebook nor a zip"),
        (("class", "--only", "bob"), "Known: ada"),
        (("class", "--data", "minst"), "Choose one of digits, mnist"),
        (("class", "--data", "nowhere.npz"), "nowhere.npz: no such file"),
        (("class", "--roster", "nowhere.csv"), "class list cannot be read"),
        (("class", "--rubric", "tinny"), "did you mean"),
    ],
)
def test_wrong_usage(folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], told: str) -> None:
    shown = refused(capsys, 2, "--rubric", "tiny", *arguments)
    assert told in shown
    assert len(shown.splitlines()) == ONE_LINE_AND_REMEDY
    assert not (folder / "feedback" / "tiny").exists()


def test_the_name_of_a_file_that_is_proposed_cannot_drive_the_terminal(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "proje\x1b[2Jt\u202e").mkdir()
    shown = refused(capsys, 2, "--rubric", "tiny", "projet")
    assert "Did you mean proje" in shown and "\x1b" not in shown and "\u202e" not in shown


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"images": np.zeros((4, 2, 2), np.uint8)}, "x_train, y_train, x_test, y_test missing, found images"),
        ({"x_train": np.zeros((4, 5), np.uint8)}, "shape (4, 5) is not that of images"),
        ({"y_train": np.zeros((4, 3), np.uint8)}, "shape (4, 3) is not that of labels"),
        ({"y_train": np.arange(3, dtype=np.uint8)}, "4 images but 3 labels"),
        ({"x_train": np.zeros((4, 2, 2), np.float32)}, "float32"),
    ],
)
def test_a_data_file_of_the_wrong_form(
    folder: Path, capsys: pytest.CaptureFixture[str], arrays: dict[str, np.ndarray], told: str
) -> None:
    images, labels = np.zeros((4, 2, 2), np.uint8), np.arange(4, dtype=np.uint8)
    right = {"x_train": images, "y_train": labels, "x_test": images, "y_test": labels}
    np.savez(folder / "own.npz", **(arrays if "images" in arrays else right | arrays))
    shown = refused(capsys, 2, "class", "--rubric", "tiny", "--data", "own.npz")
    assert told in shown and "own.npz" in shown and "remedy: " in shown


def test_a_data_file_that_is_none(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "own.npz").write_bytes(b"PK but not really")
    assert "not a readable .npz" in refused(capsys, 2, "class", "--rubric", "tiny", "--data", "own.npz")


def test_all_errors_of_a_rubric_are_told_with_their_lines(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "rubrics" / "tiny.yaml"
    text = path.read_text("utf-8").replace("notebook.completes", "notebook.complete").replace("points: 3", "points: 2")
    path.write_text(text, "utf-8")
    shown = refused(capsys, 2, "class", "--rubric", "tiny")
    wrong_check = next(number for number, line in enumerate(text.splitlines(), 1) if "notebook.complete" in line)
    assert f"tiny.yaml:{wrong_check}: " in shown
    assert 'did you mean "notebook.completes"?' in shown
    assert "2 problems" in shown
    assert "docs/rubric.md" in shown


def test_a_rubric_that_is_no_yaml(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "rubrics" / "tiny.yaml").write_text("criteria: [", "utf-8")
    assert "not YAML" in refused(capsys, 2, "class", "--rubric", "tiny")


# --- places that cannot be written ---------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--out", "--state"])
@pytest.mark.parametrize("place", ["rubrics/tiny.yaml", "rubrics/tiny.yaml/below"])
def test_a_place_below_a_file(folder: Path, capsys: pytest.CaptureFixture[str], option: str, place: str) -> None:
    shown = refused(capsys, 1, "class", "--rubric", "tiny", option, place)
    assert place in shown and "choose another place with --out or --state" in shown
    assert len(shown.splitlines()) == ONE_LINE_AND_REMEDY


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A file system of 1 MiB; only root can have one."""
    place = tmp_path / "mount"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", TESTS_OWN, place], capture_output=True, check=False, text=True
    )
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    yield place, "mount"
    subprocess.run(["umount", place], check=True)


def test_a_read_only_place(folder: Path, mounted: tuple[Path, str], capsys: pytest.CaptureFixture[str]) -> None:
    place, mount = mounted
    subprocess.run([mount, "-o", "remount,ro", place], check=True)
    for option in ("--out", "--state"):
        shown = refused(capsys, 1, "class", "--rubric", "tiny", option, str(place / "new"))
        assert str(place) in shown and "Read-only file system" in shown and "remedy: " in shown


def test_a_full_disk(folder: Path, mounted: tuple[Path, str], capsys: pytest.CaptureFixture[str]) -> None:
    place, _ = mounted
    shown = refused(capsys, 1, "class", "--rubric", "tiny", "--state", str(place))
    assert "MB are free" in shown and "remedy: Free at least" in shown
    with suppress(OSError), (place / "fill").open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    shown = refused(capsys, 1, "class", "--rubric", "tiny", "--out", str(place / "new"))
    assert "No space left" in shown and "remedy: The disk is full" in shown


def test_a_disk_that_fills_up_half_way(
    folder: Path, mounted: tuple[Path, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place, _ = mounted
    use(QuickRooms(), monkeypatch)
    (place / "fill").write_bytes(bytes((1 << 20) - 40_000))
    command = ["run", "class", "--rubric", "tiny", "--out", str(place / "out")]
    assert main(command) == 1
    assert "The disk is full" in capsys.readouterr().err
    (place / "fill").unlink()
    assert main(command) == 0, "the same command goes on"
    assert (place / "out" / "tiny" / "ada" / "feedback.html").exists()
