"""What this place lacks makes a gap that is ours, and so costs nobody a point."""

from __future__ import annotations

import pytest

from autograder.extraction.absences import absences
from autograder.records import Adaptation, CellRun, CellState, Ending, Execution, GapKind, Ledger, say
from tests.evidence import raised, training


def found(*adaptations: tuple[str, str], errors: tuple[str, ...] = (), trained: bool = False) -> list[object]:
    """The names or modules of each gap."""
    runs: tuple[CellRun, ...] = tuple(raised(index, error) for index, error in enumerate(errors))
    noted = tuple(Adaptation(kind=kind, old=old) for kind, old in adaptations)
    ledger = Ledger(trainings=(training(1),) if trained else (), adaptations=noted)
    gaps = absences(ledger, Execution(ending=Ending.RAISED, cells=runs))
    assert all(gap.ours and gap.kind is GapKind.LEDGER for gap in gaps)
    return [next(iter(gap.reason.values.values()), "network") for gap in gaps]


@pytest.mark.parametrize("trained", [False, True])
def test_data_and_weights_and_frameworks(trained: bool) -> None:
    torch = "ModuleNotFoundError: No module named 'torchvision'"
    assert found(("unserved", "cifar10"), trained=trained) == ["cifar10"]
    assert found(("weights", "vgg16.h5"), ("weights", "b0.h5"), trained=trained) == ["vgg16.h5, b0.h5"]
    assert found(errors=(torch, "ModuleNotFoundError: No module named 'src'", torch), trained=trained) == [
        "torchvision"
    ]


def test_a_text_model_beside_the_images_takes_nothing_away() -> None:
    assert found(("unserved", "imdb"), trained=True) == []
    assert found(("unserved", "imdb")) == ["imdb"]


def test_files_from_the_network_matter_where_nothing_was_trained() -> None:
    error = "URLError: <urlopen error [Errno -2] Name or service not known>"
    assert found(errors=(error,)) == ["network"]
    assert found(errors=(error,), trained=True) == []
    assert found(("data", "mnist"), errors=("NameError: name 'x' is not defined",)) == []


def test_what_our_own_recorder_lost_is_for_a_person() -> None:
    run = Execution(ending=Ending.COMPLETED, cells=())
    assert absences(Ledger(notes=("reuse: ValueError",)), run) == ()
    [gap] = absences(Ledger(notes=("lost: keras: KeyError: 'HOME'",)), run)
    assert gap.ours and gap.kind is GapKind.LEDGER


def test_a_disk_that_the_notebook_filled_is_no_fault_of_ours() -> None:
    runs = tuple(CellRun(index=2 * number, state=CellState.RAN, execution_count=number) for number in (1, 2, 3))
    run = Execution(ending=Ending.COMPLETED, cells=runs)
    [gap] = absences(Ledger(notes=("the notebook filled the disk: 2",)), run)
    assert not gap.ours and gap.reason.values == {"limit": run.limits.disk_mb, "cell": 5}
    for forged in ("²", "9" * 5000, "-1"):
        [gap] = absences(Ledger(notes=(f"the notebook filled the disk: {forged}",)), run)
        assert gap.reason.values["cell"] == "–"


def test_a_ledger_that_was_refused_leaves_it_to_a_person() -> None:
    note = say("A message of the kind “{kind}” could not be read.", kind="ledger")
    [gap] = absences(Ledger(), Execution(ending=Ending.COMPLETED, cells=(), notes=(note,)))
    assert gap.ours and gap.kind is GapKind.LEDGER
