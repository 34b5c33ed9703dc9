from __future__ import annotations

import io
import logging

import pytest
from rich.console import Console

from autograder.cli.check import _telling
from autograder.console import Board, Harmless, Lines, Plan, clock, plain_rows, printer, safe
from autograder.pipeline import Progress
from autograder.turns import Turn


def lines_of(*told: Progress, verbose: bool = False) -> list[str]:
    out = io.StringIO()
    with Lines(Console(file=out, width=200), total=2, verbose=verbose) as watcher:
        for progress in told:
            watcher.tell(progress)
    return out.getvalue().splitlines()


def test_a_line_per_change_of_stage() -> None:
    shown = lines_of(
        Progress(student="ada", stage="executing", cell=1, cells=3),
        Progress(student="ada", stage="executing", cell=2, cells=3),
        Progress(student="ada", stage="done"),
    )
    assert len(shown) == 2
    assert "ada: executing cell 1/3" in shown[0]
    assert "1/2" in shown[1] and "ada: done" in shown[1]


def test_verbose_shows_each_cell() -> None:
    told = [Progress(student="ada", stage="executing", cell=cell, cells=3) for cell in (1, 2, 3)]
    assert len(lines_of(*told, verbose=True)) == 3


def test_a_name_cannot_drive_the_terminal() -> None:
    assert "\x1b" not in safe("\x1b[2Jada")
    assert "\u202e" not in safe("ada\u202egpj.exe")
    assert lines_of(Progress(student="[red]ada[/red]", stage="done"))[0].endswith("[red]ada[/red]: done")


def test_brackets_and_colons_are_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    printer().print("[/b] [link=https://x.example]:skull:")
    plain_rows([{"name": "[red]ada[/blue] :skull:"}], printer())
    shown = capsys.readouterr().out
    assert "[/b] [link=https://x.example]:skull:" in shown and "[red]ada[/blue] :skull:" in shown


def test_what_is_logged_cannot_drive_the_terminal() -> None:
    record = logging.LogRecord("autograder", logging.DEBUG, "x", 1, "%s", ("\x1b]0;t\x07\x1b[2Jada\u202e",), None)
    assert Harmless("%(message)s").format(record) == "ada"


def test_the_board_says_when_the_class_will_be_ready() -> None:
    out = io.StringIO()
    console = Console(file=out, width=120, force_terminal=True)
    turns = [Turn(student="ada"), Turn(student="bob")]
    board = Board(console, total=2, plan=Plan(turns=turns, lanes=1, longest=900.0))
    board.tell(Progress(student="ada", stage="executing", cell=4, cells=9, text="epoch 2/5"))
    console.print(board._render())
    shown = out.getvalue()
    assert "cell 4/9" in shown and "epoch 2/5" in shown and "0/2 graded" in shown and "estimating" in shown


def test_clock() -> None:
    assert [clock(5), clock(65), clock(3725)] == ["0:05", "1:05", "1:02:05"]


def test_what_a_kernel_says_of_itself_is_no_markup() -> None:
    written = io.StringIO()
    with _telling(Console(file=written, force_terminal=True, width=200)) as tell:
        text = "[/x] [link=http://a.example]y\x1b]0;t\x07"
        tell(Progress(student="ada", stage="executing", cell=1, cells=2, text=text))
    assert "[link=http://a.example]" in written.getvalue()
    assert "\x1b]" not in written.getvalue()
