"""What a notebook found itself, from whichever place is surest, held against our measurement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from autograder.extraction.fidelity import Account, exaggerated, fidelity, in_short, tally
from autograder.extraction.matching import Candidate, Preparation, Sighting, used
from autograder.extraction.recipes import Recipe
from autograder.records import (
    ArrayPrint,
    Cell,
    CellKind,
    Ending,
    Estimator,
    Evaluation,
    Execution,
    Fidelity,
    Json,
    Ledger,
    Output,
    Score,
    Training,
)
from tests import evidence as make

PLAIN = Recipe((), 0.0, ())
ROWS = 10_000
TEST = ArrayPrint(shape=(ROWS, 28, 28), sample="test")
OTHER = ArrayPrint(shape=(5_000, 28, 28), sample="other")


@dataclass(frozen=True)
class Known:
    """Sightings that know the public test set by the name of its sample."""

    def of(self, shown: ArrayPrint | None) -> Sighting | None:
        if shown is None or not shown.sample:
            return None
        return Sighting(recipe=PLAIN, rows=32, public=32 * (shown.sample == "test"), whole=shown.sample == "test")


def training(number: int = 1, **changes: Json) -> Training:
    return make.training(number, execution_count=number, weights=f"{number:016d}more", **changes)


def use(of: Training, count: int, kind: str = "predict", x: ArrayPrint = TEST, **results: float) -> Evaluation:
    return Evaluation(kind=kind, model=of.model, execution_count=count, x=x, results=results, weights=of.weights)


def printed(index: int, text: str) -> Cell:
    output = Output(kind="stream", stream="stdout", text=text)
    return Cell(index=index, kind=CellKind.CODE, source="", outputs=(output,))


def judge(
    measured: float | None,
    trainings: Sequence[Training],
    evaluations: Sequence[Evaluation] = (),
    *,
    scores: Sequence[Score] = (),
    cells: Sequence[Cell] = (),
    accuracy: float | None = None,
    of: int = 1,
    images: int = ROWS,
    estimators: Sequence[Estimator] = (),
) -> Fidelity | None:
    known = [
        Candidate(id=f"c{one.number}", model=one.model, training=one, artifact=None, weights=one.weights)
        for one in trainings
    ]
    account = Account(
        ledger=Ledger(
            trainings=tuple(trainings),
            evaluations=tuple(evaluations),
            scores=tuple(scores),
            estimators=tuple(estimators),
        ),
        known=known,
        artifacts={},
        execution=Execution(ending=Ending.COMPLETED, cells=tuple(make.ran(number) for number in range(9))),  # type: ignore[arg-type]
        cells=cells,
        sightings=Known(),  # type: ignore[arg-type]
        test_rows=ROWS,
    )
    return fidelity(known[of - 1], Preparation(recipe=PLAIN, accuracy=accuracy), measured, images, account)


def test_an_evaluate_comes_first() -> None:
    one = training(history={"val_accuracy": (0.5,)}, validation_x=TEST)
    found = judge(0.981, [one], [use(one, 3, "evaluate", accuracy=0.9812)], accuracy=0.9812)
    assert found == Fidelity(claimed=0.9812, source="evaluate", measured=0.981, tolerance=0.002, cell=2)
    assert found.agrees


def test_a_copy_on_record_takes_no_figure_from_the_model_that_was_used() -> None:
    one = training()
    copy = replace(training(2), weights=one.weights)
    tested = use(one, 3, "evaluate", accuracy=0.999)
    known = [
        Candidate(id=f"c{each.number}", model=each.model, training=each, artifact=None, weights=each.weights)
        for each in (one, copy)
    ]
    assert used(tested, known, {}) is known[0]
    assert used(replace(tested, model="another"), known, {}) is known[1]
    assert used(replace(tested, weights="unknown"), known, {}) is None


def test_two_tenths_of_a_point_decide() -> None:
    one = training()
    for measured, agrees in ((0.980, True), (0.9799, False), (0.984, True), (0.99, False)):
        found = judge(measured, [one], accuracy=0.982)
        assert found is not None and found.agrees is agrees


def test_on_a_small_test_set_one_image_weighs_more() -> None:
    found = judge(0.9500, [training()], accuracy=0.9528, images=360)
    assert found is not None and found.agrees


@pytest.mark.parametrize("shown", [OTHER, None], ids=["other images", "no validation"])
def test_a_figure_on_other_images_is_no_claim(shown: ArrayPrint | None) -> None:
    one = training(history={"val_accuracy": (0.9,)}, validation_x=shown)
    assert judge(0.98, [one], [use(one, 2, "evaluate", OTHER, accuracy=0.9)]) is None


def test_nothing_measured_is_nothing_to_compare() -> None:
    assert judge(None, [training()], accuracy=0.98) is None


def test_validation_on_the_test_set_is_of_the_last_epoch() -> None:
    one = training(history={"val_accuracy": (0.99, 0.981)}, validation_x=TEST)
    found = judge(0.981, [one])
    assert found is not None
    assert (found.claimed, found.source, found.cell) == (0.981, "validation", 0)


def test_the_epoch_whose_weights_were_kept_counts() -> None:
    stopped = training(
        history={"val_accuracy": (0.97, 0.985, 0.98)},
        validation_x=TEST,
        arguments={"callbacks": ["EarlyStopping"]},
        epoch_weights=("x" * 16, f"{1:016d}", "y" * 16),
    )
    found = judge(0.985, [stopped])
    assert found is not None and found.claimed == 0.985
    wrong = judge(0.98, [stopped])
    assert wrong is not None and not wrong.agrees


def test_an_unknown_epoch_is_one_of_those_that_may_have_been_kept() -> None:
    history = {"val_accuracy": (0.97, 0.985, 0.98), "val_loss": (0.3, 0.2, 0.1)}
    stopped = training(history=history, validation_x=TEST, arguments={"callbacks": ["EarlyStopping"]})
    for measured, agrees in ((0.985, True), (0.98, True), (0.97, False)):
        found = judge(measured, [stopped])
        assert found is not None and found.agrees is agrees


def test_validation_under_a_budget_may_be_of_a_part() -> None:
    cut = training(history={"val_accuracy": (0.981,)}, validation_x=TEST, share=0.2)
    assert judge(0.95, [cut]) is None
    assert judge(0.981, [cut]) is not None


def test_a_score_is_of_the_model_that_predicted_last() -> None:
    first, second = training(1), training(2)
    uses = [use(first, 3), use(second, 5)]
    scores = [
        Score(kind="accuracy_score", value=0.95, rows=ROWS, execution_count=4),
        Score(kind="accuracy_score", value=0.97, rows=ROWS, execution_count=5),
        Score(kind="f1_score", value=0.5, rows=ROWS, execution_count=4),
        Score(kind="accuracy_score", value=0.5, rows=100, execution_count=4),
    ]
    for number, value in ((1, 0.95), (2, 0.97)):
        found = judge(value, [first, second], uses, scores=scores, of=number)
        assert found is not None
        assert (found.claimed, found.source) == (value, "score")


def test_scores_of_a_loop_are_taken_in_order() -> None:
    first, second = training(1), training(2)
    scores = [Score(kind="accuracy_score", value=value, rows=ROWS, execution_count=3) for value in (0.95, 0.97)]
    found = judge(0.97, [first, second], [use(first, 3), use(second, 3)], scores=scores, of=2)
    assert found is not None and found.claimed == 0.97
    assert judge(0.97, [first, second], [use(first, 3), use(second, 3)], scores=scores[:1], of=2) is None


@pytest.mark.parametrize("trained", [2, 4])
def test_a_score_of_another_classifier_is_not_the_networks(trained: int) -> None:
    """Trained before the network was used, or after: what scikit-learn predicts nobody sees."""
    one, machine = training(), Estimator(kind="SVC", rows=1500, execution_count=trained)
    for count in (3, 4):
        scores = [Score(kind="accuracy_score", value=0.99, rows=ROWS, execution_count=count)]
        found = judge(0.925, [one], [use(one, 3)], scores=scores, estimators=[machine])
        assert found is None or (count, trained) == (3, 4)
    cells = [printed(3, "Test accuracy: 0.99")]
    assert judge(0.925, [one], [use(one, 3)], cells=cells, estimators=[machine]) is None
    assert judge(0.925, [one], [use(one, 3)], cells=cells, estimators=[replace(machine, rows=50)]) is not None
    known = judge(0.925, [one], [use(one, 3)], cells=[printed(2, "Test accuracy: 0.925")], estimators=[machine])
    assert known is not None and known.agrees


@pytest.mark.parametrize(
    "line",
    [
        "Top-2 test accuracy: 0.99",
        "Test accuracy of LeNet-5 in the literature: 99.05 %",
        "Test accuracy where the model is sure of itself: 0.99",
        "Test accuracy on the 300 images: 0.99",
    ],
)
def test_a_figure_with_words_of_its_own_is_no_claim_unless_it_agrees(line: str) -> None:
    one = training()
    assert judge(0.925, [one], [use(one, 3)], cells=[printed(2, line)]) is None
    assert judge(0.9902, [one], [use(one, 3)], cells=[printed(2, line)]) is not None


@pytest.mark.parametrize(
    ("text", "claimed", "tolerance"),
    [
        ("Test accuracy: 0.9812", 0.9812, 0.00205),
        ("Accuracy of the network on the 10000 test images: 98 %", 0.98, 0.012),
        ("Accuracy of cats: 70 %\nAccuracy of dogs: 80 %\nTest accuracy: 98.1%", 0.981, 0.0025),
        ("Train accuracy: 0.999\nTest accuracy: 0.98", 0.98, 0.007),
        ("9812/10000 correct", 0.9812, 0.002),
        ("55000/60000 correct\nAccuracy: 0.981", 0.981, 0.0025),
    ],
)
def test_what_the_cell_printed(text: str, claimed: float, tolerance: float) -> None:
    one = training()
    found = judge(0.981, [one], [use(one, 3)], cells=[printed(2, text)])
    assert found is not None
    assert (found.source, found.cell) == ("printed", 2)
    assert (found.claimed, found.tolerance) == (pytest.approx(claimed), pytest.approx(tolerance))


@pytest.mark.parametrize(
    ("source", "tolerance"),
    [
        ("print('Test accuracy:', round(acc, 4))", 0.002),
        ("model = build((28, 28, 1))", 0.002),
        ("print(f'Test accuracy: {acc:.1f}')", 0.052),
        ("print('Test accuracy:', np.round(acc, 1))", 0.052),
        ("print('Test accuracy:', acc.round(1))", 0.052),
    ],
)
def test_all_of_it_is_not_rounded_unless_code_rounds(source: str, tolerance: float) -> None:
    one, cell = training(), replace(printed(2, "Test accuracy: 1.0"), source=source)
    found = judge(0.972, [one], [use(one, 3)], cells=[cell])
    assert found is not None and found.claimed == 1 and found.tolerance == pytest.approx(tolerance)
    tenths = judge(0.972, [one], [use(one, 3)], cells=[replace(printed(2, "Test accuracy: 0.9"), source=source)])
    assert tenths is not None and tenths.tolerance == pytest.approx(0.052)


@pytest.mark.parametrize(("measured", "claimed"), [(0.9712, 0.9712), (0.9803, 0.9803), (0.95, None)])
def test_one_of_two_printed_figures_is_of_the_model(measured: float, claimed: float | None) -> None:
    text = "Test accuracy: 97.12%\nTest accuracy with flipped images too: 98.03%\n"
    one = training()
    found = judge(measured, [one], [use(one, 3)], cells=[printed(2, text)])
    assert (found and found.claimed) == (claimed and pytest.approx(claimed))


def test_what_a_page_shows_is_read_like_what_is_printed() -> None:
    one = training()
    page = Output(kind="display", text="<IPython.core.display.HTML object>", html="<p>Test accuracy: <b>98.1 %</b></p>")
    found = judge(0.981, [one], [use(one, 3)], cells=[replace(printed(2, ""), outputs=(page,))])
    assert found is not None and (found.source, found.cell) == ("printed", 2)
    unseen = replace(page, html="<p style='display:none'>Test accuracy: 98.1 %</p>")
    assert judge(0.981, [one], [use(one, 3)], cells=[replace(printed(2, ""), outputs=(unseen,))]) is None


def test_what_is_shown_as_markdown_is_read_like_what_is_printed() -> None:
    one, shown = training(), Output(kind="display", text="**Test accuracy of the best model: 99.2 %**")
    found = judge(0.981, [one], [use(one, 3)], cells=[replace(printed(2, ""), outputs=(shown,))])
    assert found is not None and (found.claimed, found.agrees) == (0.992, False)


def test_what_is_printed_below() -> None:
    one, later = training(1), training(6)
    below = [printed(3, "Accuracy: 0.9812"), printed(6, "Accuracy: 0.5")]
    found = judge(0.9812, [one, later], [use(one, 3)], cells=below)
    assert found is not None and (found.claimed, found.cell) == (0.9812, 3)
    assert judge(0.9812, [one, later], [use(one, 3)], cells=below[1:]) is None


def test_prints_that_may_be_of_anything_are_no_claim() -> None:
    one = training()
    for text in ("Accuracy: 0.97\nAccuracy: 0.98", "Train accuracy: 0.99", "Validation accuracy: 0.99", "0.9812"):
        assert judge(0.981, [one], [use(one, 3)], cells=[printed(2, text)]) is None
    same_cell = replace(one, execution_count=3)
    assert judge(0.981, [same_cell], [use(same_cell, 3)], cells=[printed(2, "Accuracy: 0.97")]) is None


def test_the_class_is_counted() -> None:
    good = make.model(fidelity=Fidelity(claimed=0.98, source="evaluate", measured=0.98, tolerance=0.002))
    bad = make.model(fidelity=Fidelity(claimed=0.98, source="evaluate", measured=0.90, tolerance=0.002))
    evidences = [make.evidence(models=(model,)) for model in (good, good, bad, make.model())] + [make.evidence()]
    assert tally(evidences) == (2, 3, 4)
    assert in_short(tally(evidences)) == (
        "2 of 4 notebooks reproduced within 0.2 points, 1 not reproduced, 1 not comparable"
    )
    assert in_short(tally(evidences[-1:])) == ""


@pytest.mark.parametrize(
    ("altered", "figures", "claimed"),
    [
        (2, (0.981, 0.7, 0.1), 0.981),  # the test set first, then altered: each its own figure
        (0, (0.981, 0.7, 0.1), 0.981),  # one answer and three figures: whichever agrees
        (0, (0.8, 0.7, 0.1), 0.8),
    ],
)
def test_figures_of_altered_images_are_not_taken_for_those_of_the_test_set(
    altered: int, figures: tuple[float, ...], claimed: float
) -> None:
    one = training()
    noisy = [replace(OTHER, shape=(ROWS, 28, 28), sample=f"noisy {number}") for number in range(altered)]
    uses = [use(one, 3), *(use(one, 3, x=shown) for shown in noisy)]
    scores = [Score(kind="accuracy_score", value=value, rows=ROWS, execution_count=3) for value in figures]
    found = judge(0.981, [one], uses, scores=scores)
    assert found is not None and found.claimed == claimed


@pytest.mark.parametrize(
    ("source", "text", "claimed"),
    [
        ("acc = (p.argmax(1) == y_test).mean()\nacc", "np.float64(0.9812)", 0.9812),
        ("test_accuracy", "0.9812", 0.9812),
        ("np.mean(pred == y_test)", "0.9812", 0.9812),
        ("(pred == y_test).mean()", "np.float64(0.9812)", 0.9812),
        ("np.mean(pred == y_train)", "0.9812", None),
        ("loss", "0.9812", None),
        ("acc", "(10000,)", None),
    ],
)
def test_a_bare_result_has_the_name_of_its_last_line(source: str, text: str, claimed: float | None) -> None:
    one = training()
    cell = Cell(index=2, kind=CellKind.CODE, source=source, outputs=(Output(kind="result", text=text),))
    found = judge(0.981, [one], [use(one, 3)], cells=[cell])
    assert (found and found.claimed) == claimed


def boasted(
    *cells: Cell,
    more: Sequence[Evaluation] = (),
    scores: Sequence[Score] = (),
    beside: Sequence[float] = (),
    **trained: Json,
) -> float | None:
    """What is too good of a model that was evaluated truly, last."""
    one = training(**trained)
    few = replace(OTHER, shape=(5, 28, 28))
    uses = (
        *more,
        use(one, 3, "evaluate", accuracy=0.76),
        use(one, 6, x=few),
    )
    known = Candidate(id="c1", model=one.model, training=one, artifact=None, weights=one.weights)
    account = Account(
        ledger=Ledger(trainings=(one,), evaluations=uses, scores=tuple(scores)),
        known=[known],
        artifacts={},
        execution=Execution(ending=Ending.COMPLETED, cells=tuple(make.ran(number) for number in range(9))),  # type: ignore[arg-type]
        cells=cells,
        sightings=Known(),  # type: ignore[arg-type]
        test_rows=ROWS,
    )
    found = exaggerated(known, Preparation(recipe=PLAIN), 0.76, ROWS, account, beside=beside)
    return None if found is None else found.claimed


@pytest.mark.parametrize("cell", [1, 2, 4, 7])
def test_a_true_figure_takes_back_no_false_one(cell: int) -> None:
    """Before it, beside it, below it, and after a use on five images."""
    assert boasted(printed(cell, "Test accuracy: 0.999")) == 0.999
    assert boasted(printed(cell, "Test accuracy: 0.76")) is None


def test_an_evaluate_that_is_repeated_truly_is_still_told() -> None:
    one = training()
    assert boasted(more=[use(one, 2, "evaluate", accuracy=0.999)]) == 0.999
    assert boasted(more=[use(one, 2, "evaluate", accuracy=0.7605)]) is None
    assert boasted(more=[use(one, 2, "evaluate", x=OTHER, accuracy=0.999)]) is None


def test_a_score_beside_an_evaluate_is_told_as_well() -> None:
    assert boasted(scores=[Score(kind="accuracy_score", value=0.999, rows=ROWS, execution_count=3)]) == 0.999


def test_a_figure_with_another_reason_is_no_boast() -> None:
    told = printed(4, "Test accuracy: 0.93")
    assert boasted(told) == 0.93
    assert boasted(told, beside=[0.93]) is None, "another model's"
    assert boasted(printed(4, "Test accuracy of 1: 0.93\nTest accuracy of 2: 0.97")) is None, "of classes"
    assert boasted(printed(4, "Train accuracy: 0.93")) is None
    assert boasted(told, more=[use(training(2), 4)]) is None, "another model was used last"
    many = replace(OTHER, shape=(ROWS, 28, 28), sample="flipped")
    assert boasted(told, more=[use(training(), 4, x=many)]) is None, "perhaps a mean over flipped images"


def test_an_evaluate_without_an_accuracy_is_no_figure_and_no_fault() -> None:
    one = training()
    assert judge(0.98, [one], [use(one, 3, "evaluate", loss=0.1)]) is None


@pytest.mark.parametrize(
    "line",
    [
        "Test accuracy of LeNet-5 in the literature: 99.05 %",
        "Top-2 test accuracy: 0.9905",
        "Balanced accuracy on the test set: 0.9905",
        "Accuracy of even against odd on the test set: 0.9905",
        "Test accuracy on the digits 0, 1 and 2: 99.05%",
        "Test accuracy (7): 99.05%",
        "Last week, with 50 epochs, we had reached a test accuracy of 0.9905",
        "Précision sur le test des seules images nettes : 99,05 %",
    ],
)
def test_a_figure_of_something_else_is_no_boast(line: str) -> None:
    assert boasted(printed(4, line)) is None


@pytest.mark.parametrize(
    "line",
    [
        "Test accuracy of our best model: 0.9905",
        "Accuracy of the network on the 10000 test images: 99.05 %",
        "Précision de notre meilleur modèle sur le jeu de test : 99,05 %",
    ],
)
def test_a_figure_in_plain_words_is_a_boast(line: str) -> None:
    assert boasted(printed(4, line)) == pytest.approx(0.9905)


def test_a_figure_of_training_images_does_not_explain_one_of_the_test_set() -> None:
    told, history = printed(4, "Test accuracy of our best model: 0.9826"), {"accuracy": (0.9, 0.98262)}
    assert boasted(told, history=history) == 0.9826
    assert boasted(printed(4, "Training accuracy: 0.9826"), history=history) is None
    own = {"arguments": {"loop": "own"}}
    assert boasted(told, history=history, **own) is None, "what it measures is not known"
    assert boasted(told, history=history, x=TEST) is None, "trained on the test set, which is told elsewhere"
    seen = ArrayPrint(shape=(ROWS, 28, 28), sample="train", digest="train")
    of_training = use(training(), 2, "evaluate", seen, accuracy=0.98262)
    assert boasted(told, more=[of_training], x=seen) == 0.9826
    assert boasted(told, more=[of_training]) is None, "images that the notebook held back"


def test_a_figure_of_images_held_back_may_explain_one_of_a_test_set() -> None:
    told, history = printed(4, "Test accuracy: 0.9826"), {"val_accuracy": (0.98262,)}
    assert boasted(told, history=history, validation_x=TEST) is None
    assert boasted(told, history=history, validation_x=OTHER) is None, "a test set of the notebook's own"
    assert boasted(told, history=history) == 0.9826, "which fit took from the training images"
    assert boasted(told, history=history, arguments={"validation_split": 0.0}) is None
