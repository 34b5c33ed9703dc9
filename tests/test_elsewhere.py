"""Trainings in another program or process: too few on record are no finding then."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autograder.checks.elsewhere import elsewhere
from autograder.checks.modifications import distinct, justified, methodical
from autograder.records import Evidence, Verdict
from tests.evidence import baseline, code, evidence, model, text, training, with_layer

LOADED = "best_model = build()\nbest_model.load_weights('net.weights.h5')"


def made(source: str, *, trained: bool = False) -> Evidence:
    final = model(training=1 if trained else None)
    cells = [text(0, "We widen it because it should help."), code(1, source)]
    return evidence(cells, trainings=[training(1)], models=(final,), baseline=baseline())


@pytest.mark.parametrize(
    "starts",
    (
        "!python train.py",
        "  ! /usr/bin/python3.11 train.py --epochs 3",
        "%%script python\nimport keras",
        "import subprocess, sys\nsubprocess.run([sys.executable, 'train.py'])",
        "import os\nos.system('python train.py')",
        "with ProcessPoolExecutor() as pool:\n    pool.submit(train)",
    ),
)
def test_a_person_decides_where_a_model_may_have_been_trained_in_another_program(starts: str) -> None:
    for check in (distinct, justified, methodical):
        finding = check(made(f"{starts}\n{LOADED}"))
        assert finding.verdict is Verdict.NEEDS_REVIEW and finding.share is None
        assert finding.for_teacher is not None and finding.for_teacher.values["models"] == "best_model"


def test_nothing_else_is_undecided() -> None:
    assert elsewhere(made(LOADED)) is None, "weights from elsewhere, and no other program"
    assert elsewhere(made("!python train.py", trained=True)) is None, "all is on record"
    for other in ("!pip install python-dotenv", "!ls", "# subprocess", "model.fit(x, y, use_multiprocessing=True)"):
        assert elsewhere(made(other)) is None, other


def test_who_trained_enough_on_record_is_judged_by_that() -> None:
    known = evidence(trainings=[training(1), training(2, layers=with_layer("Dropout", rate=0.5))])
    enough = replace(made(f"!python train.py\n{LOADED}"), ledger=known.ledger)
    assert distinct(enough, wanted=1).verdict is not Verdict.NEEDS_REVIEW
