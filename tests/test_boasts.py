"""Tables that are too good: beside the one which the measurements are held against, or within what it tolerates."""

from __future__ import annotations

from collections.abc import Sequence

from autograder.extraction.boasts import boasted
from autograder.messages import render
from autograder.records import ArrayPrint, Cell, Evaluation, Json, Ledger, Training
from tests import evidence as make
from tests.cells import code, markdown, notebook, printed

NAMES = ("wide", "deep", "narrow", "best")
TRUE = (0.9712, 0.9733, 0.9521, 0.9754)
TEST = ArrayPrint(shape=(10000, 784), digest="test")


def table(figures: Sequence[float]) -> str:
    return "\n".join(
        ["model   test accuracy", *(f"{name}   {value:.4f}" for name, value in zip(NAMES, figures, strict=False))]
    )


def fit(number: int, **changes: Json) -> Training:
    history = {"accuracy": (0.9, 0.9811), "val_accuracy": (0.91, 0.9688), "loss": (0.4, 0.2)}
    own = {"labels": {"name": NAMES[number - 1]}, "history": history, "optimizer": {"learning_rate": number / 100}}
    return make.training(number, **{**own, **changes})


def told(cell: Cell, uses: Sequence[Evaluation] = (), *, served: str = "", **changes: Json) -> str:
    trainings = tuple(fit(number, **changes) for number in range(1, 5))
    models = [
        make.model(id=f"m{at}-t{at}", name=name, training=at, public_accuracy=figure, chosen=at == 4)
        for at, (name, figure) in enumerate(zip(NAMES, TRUE, strict=True), 1)
    ]
    ledger = Ledger(trainings=trainings, evaluations=tuple(uses))
    cells = notebook(cell)
    found = boasted(cells, [make.ran(one.index, 9) for one in cells], ledger, models, 10000, served=served)
    return " ".join(render(message, "en") for message in found)


def shown(*figures: float) -> Cell:
    return code("print(table)", printed(table(figures)))


def test_what_is_true_or_too_low() -> None:
    assert told(shown(*TRUE)) == ""
    assert told(shown(*(figure + 0.001 for figure in TRUE))) == "", "no further than is tolerated"
    assert told(shown(*(figure - 0.0431 for figure in TRUE))) == ""


def test_one_row_counts_where_it_is_the_final_models() -> None:
    assert told(shown(0.9953)) == "", "another model alone"
    assert "“best”, 98.43% stated, 97.54% measured" in told(shown(*TRUE[:3], 0.9843))


def test_several_rows_must_all_be_too_good() -> None:
    assert "“wide”, 98.07% stated" in told(shown(0.9807, 0.9829, 0.9616))
    assert told(shown(0.9807, 0.9829, 0.9416)) == "", "one is too low: perhaps of another run"
    assert told(shown(0.9807, 0.9829)) == "", "two may be so by chance"


def test_text_is_looked_at_as_well() -> None:
    text = "\n".join(["| model | test accuracy |", "|---|---|", "| wide | 98.9 % |", "| best | 99.9 % |"])
    assert "“best”, 99.90% stated" in told(markdown(text))


def test_figures_on_record_are_no_lies() -> None:
    assert told(shown(0.9811, 0.9811, 0.9811, 0.9811)) == "", "of the training images"
    known = Evaluation(kind="evaluate", model="m4", execution_count=5, x=TEST, results={"accuracy": 0.9843})
    assert told(shown(*TRUE[:3], 0.9843), [known]) == "", "of other images"
    epochs = {"accuracy": (0.95, 0.9843, 0.99), "val_accuracy": (0.9, 0.9844, 0.97)}
    assert "98.43% stated" in told(shown(*TRUE[:3], 0.9843), history=epochs), "neither the last epoch nor the best"
    assert told(shown(*TRUE[:3], 0.9844), history=epochs) == "", "the best of the validation"
    assert told(shown(*TRUE[:3], 0.9843), history={}) == "", "a loop of one's own: nothing is on record"


def test_means_are_no_lies() -> None:
    flipped = ArrayPrint(shape=(10000, 784), digest="flipped")
    uses = [Evaluation(kind="predict", model="m4", execution_count=9, x=x) for x in (TEST, flipped)]
    assert told(shown(*TRUE[:3], 0.9843), uses[:1]) != ""
    assert told(shown(*TRUE[:3], 0.9843), uses) == "", "a mean over flipped images"
    assert told(shown(0.9807, 0.9829, 0.9616), optimizer={}) == "", "over trainings that are alike"


def test_a_coarse_figure_may_have_been_rounded() -> None:
    assert told(shown(0.97, 0.97, 0.95, 0.98)) == ""
    assert told(shown(0.97, 0.97, 0.95, 0.99)) != ""


def test_what_may_be_of_other_images_is_said_so() -> None:
    said = told(shown(*TRUE[:3], 0.9843), served="digits")
    assert "98.43% stated, 97.54% measured. The figures may be of other images: it is digits" in said
