"""Records of a run that may be somebody else's, and what becomes of items that rest on them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from autograder import checks, rubric
from autograder.extraction.tampering import tampering
from autograder.notebook import read, reading
from autograder.records import Cell, Digest, Ending, Execution, GapKind, Ledger, Verdict
from autograder.store import Store
from tests import evidence as make

KEPT = Execution(ending=Ending.COMPLETED, artifacts={"fit-1.keras": Digest("sha256:" + "0" * 64)})
RUBRIC = """
id: two
version: 1
title: {fr: "a", en: "a"}
points: 2
criteria:
  - id: all
    title: {fr: "a", en: "a"}
    points: 2
    items:
      - {id: distinct, title: {fr: "a", en: "a"}, points: 1, check: modifications.distinct, parameters: {wanted: 1}}
      - {id: gain, title: {fr: "a", en: "a"}, points: 1, check: model.gain}
"""


@pytest.mark.parametrize(
    "source",
    ["sys.modules['autograder_session']", "import autograder_guest.ledger", "os.environ['AUTOGRADER_HANDOVER']"],
)
def test_code_that_reaches_for_the_records_is_seen(source: str, tmp_path: Path) -> None:
    [gap] = tampering(Ledger(), KEPT, as_read(tmp_path, ("markdown", source), ("code", "x = 1"), ("code", source)))
    assert gap.kind is GapKind.RECORDS and not gap.ours
    assert gap.reason.values["cells"] == "3"


def test_models_of_a_keras_that_was_imported_past_the_recorder() -> None:
    [gap] = tampering(Ledger(unrecorded=("best_model",)), KEPT, ())
    assert gap.kind is GapKind.RECORDS and not gap.ours and gap.reason.values["names"] == "best_model"


def as_read(folder: Path, *cells: tuple[str, str]) -> Sequence[Cell]:
    written = [{"cell_type": kind, "source": source, "metadata": {}, "outputs": []} for kind, source in cells]
    return read(json.dumps({"cells": written}).encode(), Store(folder))


@pytest.mark.parametrize("before", [reading.MAX_SOURCE, 7 * reading.MAX_SOURCE])
def test_code_that_nobody_looks_into_is_looked_into_for_that(before: int, tmp_path: Path) -> None:
    padding = [("code", "# " + "a b " * (reading.MAX_SOURCE // 4))] * (before // reading.MAX_SOURCE - 1)
    long = "# " + "a b " * (reading.MAX_SOURCE // 4) + "\nimport autograder_guest"
    cells = as_read(tmp_path, *padding, ("code", long))
    assert "autograder" not in cells[-1].source
    [gap] = tampering(Ledger(), KEPT, cells)
    assert gap.reason.values["cells"] == str(len(cells))


def test_what_the_notebook_is_given_may_be_named(tmp_path: Path) -> None:
    given = as_read(tmp_path, ("code", "np.load(autograder_data); seed = autograder_seed"))
    assert tampering(Ledger(), KEPT, given) == ()


def test_a_training_leaves_a_model_or_a_reason() -> None:
    honest = [
        make.training(1, saved="fit-1.keras"),
        make.training(2, save_error="uses classes of its own"),
        make.training(3, finished=False),
    ]
    assert tampering(Ledger(trainings=tuple(honest)), KEPT, []) == ()
    forged = (*honest, make.training(4), make.training(5, saved="fit-5.keras"))
    [gap] = tampering(Ledger(trainings=forged), KEPT, [])
    assert gap.reason.values["numbers"] == "4, 5"


def test_claims_wait_for_a_person_and_measurements_stand(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("rubric") / "two.yaml"
    path.write_text(RUBRIC, "utf-8")
    chosen = rubric.load(path, checks.signatures())
    trainings = [make.training(1), make.training(2, layers=make.with_layer("Dropout", rate=0.3))]
    plain = make.evidence(trainings=trainings, final=make.final(gain=make.gain(0.9)), models=(make.model(chosen=True),))
    gaps = tampering(plain.ledger, plain.execution, ())
    shares = {name: found.share for name, found in checks.run(chosen, plain)}
    assert shares == {"distinct": 1.0, "gain": 1.0}
    doubted = dict(checks.run(chosen, replace(plain, gaps=gaps)))
    assert doubted["distinct"].verdict is Verdict.NEEDS_REVIEW and doubted["distinct"].details[0] == gaps[0].reason
    assert doubted["gain"].share == 1.0
