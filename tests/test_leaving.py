"""A cell that does nothing but end the notebook is told apart from an error."""

from __future__ import annotations

import pytest

from autograder.guest.leaving import leaves, left_well


@pytest.mark.parametrize(
    "source",
    [
        "raise SystemExit('done')",
        "import sys\nsys.exit()",
        "# the rest is scrap\nexit()",
        "'scrap below'\nquit()",
        "raise SystemExit",
        "raise SystemExit('Stop') from None",
        "raise KeyboardInterrupt",
    ],
)
def test_cells_that_leave(source: str) -> None:
    assert leaves(source)


@pytest.mark.parametrize(
    "source",
    [
        "",
        "raise",
        "main()\nsys.exit(0)",
        "assert model is not None",
        "if debug:\n    raise SystemExit",
        "exit",
        "def stop():\n    raise SystemExit",
        "model.exit()",
        "raise (",
        "raise ValueError('stop')",
        "raise Exception('STOP')",
        "assert False, 'stop here'",
    ],
)
def test_cells_that_do_more_or_nothing(source: str) -> None:
    assert not leaves(source)


@pytest.mark.parametrize(("value", "well"), [("0", True), ("", True), ("None", True), ("1", False), ("no data", False)])
def test_the_exit_code_of_a_script(value: str, well: bool) -> None:
    assert left_well({"status": "error", "ename": "SystemExit", "evalue": value}) is well
    assert not left_well({"status": "error", "ename": "ValueError", "evalue": value})
