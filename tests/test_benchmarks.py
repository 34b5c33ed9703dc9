"""The fidelity benchmark reads the records of ``autograder run``; the tables of the other one are what they say."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograder import exports
from autograder.corruptions import SEVERITIES
from autograder.records import CellState, Ending, Fidelity, Step
from tests import evidence as make
from tests.builders import a_report

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))
import fidelity  # type: ignore[import-not-found]
import robustness  # type: ignore[import-not-found]


def record(claimed: float | None = 0.98, measured: float = 0.981, **execution: Any) -> dict[str, Any]:  # noqa: ANN401
    told = claimed and Fidelity(claimed=claimed, source="evaluate", measured=measured, tolerance=0.002)
    model = make.model(public_accuracy=measured, fidelity=told or None, preprocessing=(Step(op="affine"),))
    evidence = make.evidence(trainings=[make.training(1)], models=(model,))
    evidence = replace(evidence, execution=replace(evidence.execution, **execution))
    return exports.record.grade(replace(a_report(), evidence=evidence))


def test_a_line_says_what_became_of_a_notebook() -> None:
    line = fidelity.line_of(record())
    assert (line.ending, line.trainings, line.model) == ("to the end", 1, "best_model")
    assert (line.preprocessing, line.measured_in) == ("affine", "probe")
    assert (line.claimed, line.measured, line.reproduced, line.source) == (0.98, 0.981, True, "evaluate")
    assert "yes" in fidelity.told(line)


@pytest.mark.parametrize(
    ("ending", "state", "wanted"),
    [
        (Ending.RAISED, CellState.RAISED, "own fault"),
        (Ending.TIMED_OUT, CellState.INTERRUPTED, "limit"),
        (Ending.OUT_OF_MEMORY, CellState.UNFINISHED, "limit"),
        (Ending.DIED, CellState.UNFINISHED, "own fault"),
    ],
)
def test_the_cell_to_blame_is_named(ending: Ending, state: CellState, wanted: str) -> None:
    cells = (make.ran(0), replace(make.raised(1), state=state), make.raised(2))
    line = fidelity.line_of(record(ending=ending, cells=cells))
    assert (line.ending, line.cell) == (wanted, 2)
    assert line.error.startswith("NameError")


def test_data_that_a_run_does_not_have_are_no_fault_of_a_notebook() -> None:
    told = record(ending=Ending.RAISED, cells=(make.raised(0),))
    told["ledger"]["adaptations"] = [{"kind": "unserved", "old": "cifar10"}]
    assert fidelity.line_of(told).ending == "no data"


def test_what_was_not_run_is_theirs_or_ours() -> None:
    refused = exports.record.grade(replace(a_report(), evidence=None))
    assert fidelity.line_of(refused | {"state": "failed"}).ending == "refused"
    assert fidelity.line_of(refused | {"state": "needs_review"}).ending == "ours"


def test_totals_are_shares_of_what_can_be_compared() -> None:
    records = [record(), record(claimed=0.5), record(claimed=None), record(ending=Ending.RAISED)]
    sums = fidelity.totals([fidelity.line_of(one) for one in records])
    assert (sums["notebooks"], sums["comparable"], sums["reproduced"]) == (4, 3, 2)
    assert sums["endings"] == {"to the end": 3, "own fault": 1}
    assert "2 of 3 (67 %)" in fidelity.summed(sums)
    assert "0 of these" in fidelity.summed(fidelity.totals([]))


def test_the_products_own_command_is_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:  # noqa: ANN401
        asked.append(command)
        return subprocess.CompletedProcess(command, 0, stdout=json.dumps([record()]))

    monkeypatch.setattr(subprocess, "run", run)
    written = tmp_path / "fidelity.json"
    arguments = [
        "fidelity.py",
        "class",
        "--data",
        "digits",
        "--json",
        str(written),
        "--rubric",
        "r",
        "--",
        "--workers",
        "2",
    ]
    monkeypatch.setattr(sys, "argv", arguments)
    assert fidelity.main() == 0
    (command,) = asked
    assert command[1:5] == ["-m", "autograder", "run", "class"]
    assert command[-6:] == ["--rubric", "r", "--data", "digits", "--workers", "2"]
    assert json.loads(written.read_text("utf-8"))["totals"]["reproduced"] == 1


@pytest.mark.kernel
def test_a_lookup_table_is_a_model_like_any_other(tmp_path: Path) -> None:
    import memory  # type: ignore[import-not-found]
    import numpy as np

    from autograder.extraction.archive import refusal
    from autograder.store import Store

    images = np.random.default_rng(0).random((30, 28, 28, 1)).astype(np.float32)
    labels = np.arange(30) % 10
    model, store = memory.lookup(images, labels), Store(tmp_path)
    assert refusal(store.get(memory.saved(model, store, tmp_path))) is None
    known, shifted = (model.predict(shown, verbose=0) for shown in (images, np.roll(images, 1, axis=2)))
    assert np.array_equal(known.argmax(axis=1), labels)
    assert np.allclose(shifted, 0.1), "of what it does not hold it knows nothing"


def test_every_kind_is_timed_beside_the_loop(capsys: pytest.CaptureFixture[str]) -> None:
    robustness.altering(np.zeros((3, 28, 28), np.uint8), 1)
    rows = [line.split(" | ")[0].strip("| ") for line in capsys.readouterr().out.splitlines() if " times |" in line]
    assert rows == ["loop", *SEVERITIES, "mean of the suite"]
    taken = robustness.in_turns({"busy": lambda: sum(range(200_000)), "idle": lambda: None}, 3)
    assert taken["busy"] > taken["idle"]


def test_the_suite_is_timed_beside_bare_forward_passes(capsys: pytest.CaptureFixture[str]) -> None:
    import numpy as np

    robustness.measuring(np.zeros((2, 28, 28), np.uint8), 1)
    first, *rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert first[0] == f"| {2 * 8 * 5} images"
    assert [name.strip("| ") for name, *_ in rows] == [
        "bare forward passes",
        "the suite, as room 2 is shown it",
        "making the suite, once per class",
    ]
