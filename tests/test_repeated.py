"""What a cell shows, beside what its code held ready."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autograder.checks.repeated import works_out, written
from autograder.records import Cell
from tests.cells import code, picture, printed


def shows(*cells: Cell) -> bool:
    """Of the last cell."""
    return works_out(cells[-1].outputs, cells[-1].source, written(cells))


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("errors = 'the digit 0 -> 1'\nprint(errors)", "the digit 0 -> 1"),
        ("print('0', '->', 1)", "0 -> 1"),
        ("print('Matrice de confusion :')\nprint('voir plus bas')", "Matrice de confusion :\nvoir plus bas"),
        ("print('''une\n  deux''')", "une\n  deux"),
    ],
)
def test_what_is_only_repeated(source: str, output: str) -> None:
    assert not shows(code(source, printed(output)))


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("print(confusion_matrix(y, p))", "[[97  3]\n [ 5 95]]"),
        ("print(f'{a} -> {b} : {n}')", "0 -> 1 : 12"),
        ("print(names[a], 'pris pour', names[b])", "chat pris pour chien"),
        ("print('Matrice :')\nprint(m)", "Matrice :\n[[97  3]\n [ 5 95]]"),
    ],
)
def test_what_is_worked_out(source: str, output: str) -> None:
    assert shows(code(source, printed(output)))


def test_a_list_or_a_text_of_an_earlier_cell_is_repeated_as_well() -> None:
    shown = code("print(errors)", printed("[[97, 3], [5, 95]]"))
    assert not shows(code("errors = [[97, 3], [5, 95]]"), shown)
    assert not shows(code("errors = '97 3 5 95'"), shown)
    assert shows(code("errors = confusion_matrix(y, p)"), shown)


def test_a_picture_is_worked_out_and_silence_is_not() -> None:
    assert shows(code("plt.imshow(m)", picture()))
    assert not shows(code("m = 1"))


def test_a_table_is_read_by_what_it_shows() -> None:
    cell = code("frame", replace(printed("   n\n0  7"), html="<table><tr><td>0</td><td>7</td></tr></table>"))
    assert shows(cell)
    assert not shows(code("n = [0, 7]"), cell)
