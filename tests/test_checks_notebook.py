"""Points for running depend on what became of each cell in a clean kernel, and on nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autograder.checks.notebook import completes
from autograder.records import (
    Adaptation,
    Cell,
    CellRun,
    CellState,
    Ending,
    Evidence,
    Execution,
    Output,
    Standing,
    Verdict,
    say,
)
from tests.evidence import code, evidence, raised, ran, text, training

SOURCES = ("import keras", "model = build()", "model.fit(x, y)", "plot(history)", "table()", "confusion()")


def notebook(*failing: int, error: str = "NameError: name 'x' is not defined", trained: bool = True) -> Evidence:
    """Six cells, of which the third trains; the cells with these indices raise."""
    cells = [code(index, source) for index, source in enumerate(SOURCES)]
    runs = [raised(index, error) if index in failing else ran(index) for index in range(len(SOURCES))]
    trainings = [training(1, execution_count=3)] if trained else []
    return evidence(cells, runs, trainings, ending=Ending.RAISED if failing else Ending.COMPLETED)


def test_everything_ran() -> None:
    finding = completes(notebook())
    assert (finding.verdict, finding.share, finding.standing) == (Verdict.MET, 1.0, Standing.MEASUREMENT)
    assert finding.advice is None


def test_noise_on_stderr_and_the_authors_order_cost_nothing() -> None:
    noisy = notebook()
    output = Output(kind="stream", stream="stderr", text="WARNING: could not find cuda drivers\nError: nothing")
    cells = tuple(replace(cell, outputs=(output,)) for cell in noisy.cells)
    assert completes(replace(noisy, cells=cells)).share == 1.0


def _shown(*outputs: Output) -> list[object]:
    """What is told where the fifth cell ran and shows this."""
    told = notebook()
    cells = (*told.cells[:4], replace(told.cells[4], outputs=outputs), *told.cells[5:])
    finding = completes(replace(told, cells=cells))
    assert finding.share == 1.0
    return [detail.values for detail in finding.details]


def test_an_error_that_did_not_end_its_cell_is_told_and_costs_nothing() -> None:
    in_thread = (
        "epoch 1\nException in thread Thread-4 (work):\nTraceback (most recent call last):\n"
        '  File "threading.py", line 1045, in _bootstrap_inner\n    self.run()\n    ^^^^^^^^^^\n'
        "\nValueError: no such image\n"
    )
    assert _shown(Output(kind="error", text="ZeroDivisionError: division by zero\n---\n1/0")) == [
        {"cell": 5, "error": "ZeroDivisionError: division by zero"}
    ]
    assert _shown(Output(kind="stream", stream="stderr", text=in_thread)) == [
        {"cell": 5, "error": "ValueError: no such image"}
    ]
    assert not _shown(
        Output(kind="error", text="SystemExit: 0"), Output(kind="stream", stream="stderr", text="Exception in thread")
    )


def test_a_slip_after_the_last_training_costs_a_quarter() -> None:
    finding = completes(notebook(5))
    assert (finding.verdict, finding.share) == (Verdict.PARTLY, 0.75)
    assert finding.cells == (5,)
    assert finding.message.values["first"] == 6
    assert any("NameError" in str(detail.values) for detail in finding.details)
    assert finding.advice is not None


def test_a_failure_before_a_training_costs_more_and_each_cell_counts() -> None:
    early, two = completes(notebook(1)), completes(notebook(0, 1))
    assert early.share == pytest.approx(0.5 * 5 / 6)
    assert two.share == pytest.approx(0.5 * 4 / 6)
    assert completes(notebook(3, 4, 5)).share == pytest.approx(0.25)


def test_a_limit_of_ours_is_named_as_such() -> None:
    told = completes(notebook(5, error="MemoryError: Unable to allocate 586. MiB for an array")).details
    assert any("limit on memory" in detail.text and detail.values["limit"] == 4096 for detail in told)
    assert any("model.predict" in detail.text for detail in told), "and what would need less"


def test_the_cut_offs_are_the_rubrics() -> None:
    assert completes(notebook(5), late_share=0.9).share == 0.9
    assert completes(notebook(5), late_cells=0, broken_share=0.6).share == pytest.approx(0.5)


def test_without_a_training_nothing_is_reached() -> None:
    finding = completes(notebook(2, trained=False))
    assert (finding.verdict, finding.share) == (Verdict.UNREACHED, 0.0)
    assert any("NameError" in str(detail.values) for detail in finding.details)
    assert completes(notebook(trained=False), training_required=False).share == 1.0


def test_the_starter_notebook_as_it_was_given_earns_nothing() -> None:
    given = replace(notebook(), template_cells=tuple(source + "  \n" for source in SOURCES))
    assert completes(given).verdict is Verdict.UNREACHED
    own = replace(given, template_cells=SOURCES[:-1])
    assert completes(own).share == 1.0


def test_a_cell_that_python_cannot_read_is_own_work() -> None:
    seen = notebook(1, error="SyntaxError: invalid syntax")
    broken = (*seen.cells[:1], code(1, "model = = build()"), *seen.cells[2:])
    finding = completes(replace(seen, cells=broken, template_cells=(SOURCES[0], *SOURCES[2:])))
    assert finding.verdict is Verdict.PARTLY


def test_what_only_colab_has_costs_nothing() -> None:
    finding = completes(notebook(0, error="ModuleNotFoundError: No module named 'google.colab'"))
    assert finding.share == 1.0
    assert any("Colab" in detail.text for detail in finding.details)
    assert completes(notebook(0, error="ModuleNotFoundError: No module named 'torch'")).share != 1.0


def test_the_network_is_explained() -> None:
    finding = completes(notebook(0, error="URLError: <urlopen error [Errno -2] Name or service not known>"))
    assert any("network" in detail.text for detail in finding.details)


@pytest.mark.parametrize(
    ("ending", "state"),
    [
        (Ending.TIMED_OUT, CellState.UNFINISHED),
        (Ending.OUT_OF_MEMORY, CellState.UNFINISHED),
        (Ending.COMPLETED, CellState.INTERRUPTED),
    ],
)
def test_limits_are_told_in_words(ending: Ending, state: CellState) -> None:
    seen = notebook()
    runs = (
        *(ran(index) for index in range(4)),
        CellRun(index=4, state=state),
        CellRun(index=5, state=CellState.NOT_RUN),
    )
    reason = None if ending is Ending.COMPLETED else say("Cell 5 was too much.")
    finding = completes(replace(seen, execution=Execution(ending=ending, cells=runs, reason=reason)))
    assert finding.share == 0.75
    assert finding.cells == (4, 5)
    assert (reason in finding.details) == (reason is not None)
    assert any(detail.values.get("cell") == 5 for detail in finding.details)


def test_empty_and_text_cells_count_neither_way() -> None:
    cells: list[Cell] = [text(0, "# Title"), code(1, "model.fit(x)"), code(2, "\n# only a comment\n"), code(3, "")]
    runs = [ran(1, 1), CellRun(index=2, state=CellState.NOT_RUN), CellRun(index=3, state=CellState.NOT_RUN)]
    finding = completes(evidence(cells, runs, [training(1)]))
    assert finding.share == 1.0
    assert finding.message.values["cells"] == 1


@pytest.mark.parametrize(("trainings", "fails", "undecided"), [(0, True, True), (1, True, True), (1, False, False)])
def test_data_that_a_run_does_not_have_cost_nothing(trainings: int, fails: bool, undecided: bool) -> None:
    wanted = Adaptation(kind="unserved", old="cifar10")
    cells = [code(0, "model.fit(x)"), code(1, "load()")]
    runs = [ran(0, 1), raised(1) if fails else ran(1, 2)]
    seen = evidence(cells, runs, [training(1)] * trainings, ledger={"adaptations": (wanted, wanted)})
    finding = completes(seen)
    assert (finding.verdict is Verdict.NEEDS_REVIEW) is undecided
    assert (finding.message.values.get("names") == "cifar10") is undecided


NO_WEIGHTS = "NoNetwork: pretrained weights are downloaded from the internet (vgg16_weights.h5)"


def test_a_cell_that_asks_for_the_network_costs_nothing() -> None:
    finding = completes(notebook(4, error=NO_WEIGHTS))
    assert (finding.verdict, finding.share) == (Verdict.MET, 1.0)
    assert (finding.message.values["ran"], finding.message.values["cells"]) == (5, 6)
    assert any("vgg16_weights.h5" in str(detail.values) for detail in finding.details), "it is told all the same"


@pytest.mark.parametrize(("other", "verdict"), [(5, Verdict.NEEDS_REVIEW), (3, Verdict.PARTLY)])
def test_a_failure_after_one_for_want_of_the_network_may_follow_from_it(other: int, verdict: Verdict) -> None:
    seen = notebook(4, other)
    runs = [replace(run, error=NO_WEIGHTS) if run.index == 4 else run for run in seen.execution.cells]
    finding = completes(replace(seen, execution=replace(seen.execution, cells=tuple(runs))))
    assert finding.verdict is verdict
    assert other in finding.cells


def test_what_stands_below_a_deliberate_end_does_not_count() -> None:
    seen = notebook()
    runs = [replace(run, state=CellState.LEFT_OUT) if run.index > 3 else run for run in seen.execution.cells]
    finding = completes(replace(seen, execution=replace(seen.execution, cells=tuple(runs))))
    assert (finding.share, finding.message.values["cells"]) == (1.0, 4)
    assert finding.details[-1].values == {"cell": 5, "count": 2}


def test_an_execution_that_recorded_nothing_goes_to_a_person() -> None:
    seen = replace(notebook(), execution=Execution(ending=Ending.DIED))
    assert completes(seen).verdict is Verdict.NEEDS_REVIEW


def test_without_execution_it_is_not_known() -> None:
    assert completes(replace(notebook(), executed=False)).verdict is Verdict.UNREACHED
