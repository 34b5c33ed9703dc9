"""The rubric, the checks and the reference notebooks belong together: the whole route, on real kernels."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.cli import main

pytestmark = [pytest.mark.kernel, pytest.mark.sandbox]


@pytest.mark.parametrize(
    ("rubric", "notebooks"),
    [("mnist-individuel", ("solution", "blank", "forged")), ("classification-generique", ("solution", "blank"))],
)
def test_solution_earns_everything_blank_nothing_and_a_forger_only_what_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rubric: str, notebooks: tuple[str, ...]
) -> None:
    code = main(["selftest", "--rubric", rubric, "--state", str(tmp_path / "state")])
    told = capsys.readouterr()
    assert code == 0, told.out + told.err
    for notebook in notebooks:
        assert notebook in told.out
