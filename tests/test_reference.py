"""The assignment's own notebooks: when a baseline counts, and what the self-test holds them to."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.cli import main
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
