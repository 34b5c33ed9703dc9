"""The rubric, the checks and the reference notebooks belong together: the whole route, on real kernels."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.cli import main

pytestmark = [pytest.mark.kernel, pytest.mark.sandbox]


def test_solution_earns_everything_blank_nothing_and_a_forger_only_what_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["selftest", "--rubric", "mnist-individuel", "--state", str(tmp_path / "state")])
    told = capsys.readouterr()
    assert code == 0, told.out + told.err
    for notebook in ("solution", "blank", "forged"):
        assert notebook in told.out
