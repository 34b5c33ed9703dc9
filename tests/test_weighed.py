"""What the figure of a row is held against."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autograder.extraction.rows import match_rows
from autograder.records import (
    ArrayPrint,
    Estimator,
    Evaluation,
    Ledger,
    MeasuredModel,
    Partly,
    Table,
    TableRow,
    Training,
)

LEDGER = Ledger(trainings=(Training(number=1, model="m1", builder="dropout"),))


def measured(number: int, public: float, notebook_accuracy: float | None = None) -> MeasuredModel:
    return MeasuredModel(
        id=f"m{number}-t{number}",
        name="",
        training=number,
        cell=0,
        public_accuracy=public,
        notebook_accuracy=notebook_accuracy,
    )


def weighed(row: TableRow, known: Ledger, model: MeasuredModel) -> TableRow:
    (found,) = match_rows(Table(cell=0, origin="html", rows=(row,)), known, [model]).rows
    return found


def test_a_figure_of_validation_is_held_against_the_record_of_its_training() -> None:
    history = {"val_accuracy": (0.9, 0.95, 0.94), "val_loss": (0.3, 0.3, 0.2)}
    known = Ledger(trainings=(Training(number=1, model="m1", builder="dropout", history=history),))
    for claimed, agrees in ((0.95, True), (0.94, True), (0.9, False), (0.99, False)):
        row = weighed(TableRow(label="Dropout", accuracy=claimed, of="validation"), known, measured(1, 0.9))
        assert row.agrees(0.01) is agrees, claimed
    bare = Ledger(trainings=(Training(number=1, model="m1", builder="dropout"),))
    row = weighed(TableRow(label="Dropout", accuracy=0.9, of="validation"), bare, measured(1, 0.9))
    assert row.reference is None and not row.agrees(0.01)


def test_on_what_it_was_trained_with_nothing_is_validated() -> None:
    x, history = ArrayPrint(digest="x"), {"val_accuracy": (0.99,)}
    one = Training(number=1, model="m1", builder="dropout", x=x, validation_x=x, history=history)
    told = TableRow(label="Dropout", accuracy=0.99, of="validation")
    uses = (Evaluation(kind="evaluate", model="m1", x=x, results={"accuracy": 0.99}),)
    assert weighed(told, Ledger(trainings=(one,), evaluations=uses), measured(1, 0.9)).recorded is None
    apart = replace(one, validation_x=ArrayPrint(digest="v"))
    assert weighed(told, Ledger(trainings=(apart,)), measured(1, 0.9)).recorded == 0.99
    held = (replace(uses[0], x=ArrayPrint(digest="v"), results={"accuracy": 0.98}),)
    plain = replace(one, validation_x=None, history={})
    assert weighed(told, Ledger(trainings=(plain,), evaluations=held), measured(1, 0.9)).recorded == 0.98


def test_a_figure_of_some_test_images_may_differ_by_chance() -> None:
    known, told = LEDGER, TableRow(label="Dropout", accuracy=0.973)
    few = replace(measured(1, 0.892), partly=(Partly(images=36, public=359, accuracy=0.973),))
    row = weighed(told, known, few)
    assert row.agrees(0.01) and (row.of, row.images) == ("part", 36)
    assert not weighed(replace(told, accuracy=0.999), known, few).agrees(0.01), "not what it found"
    many = replace(measured(1, 0.892), partly=(Partly(images=350, public=359, accuracy=0.973),))
    assert not weighed(told, known, many).agrees(0.01)
    whole = replace(measured(1, 0.892, 0.9), partly=(Partly(images=36, public=359),))
    assert weighed(told, known, whole).chance == 0.0, "it tested on all of them as well"
    own = replace(measured(1, 0.952), partly=(Partly(images=359, public=359, accuracy=0.973, split=True),))
    assert weighed(told, known, own).of == "split" and weighed(told, known, own).agrees(0.01)


def test_an_ensemble_takes_no_training_of_a_model_that_is_called_like_it() -> None:
    labels = {"base": 0.9, "noyau 5": 0.92, "ensemble des petits": 0.94}
    table = Table(cell=0, origin="html", rows=tuple(TableRow(label=name, accuracy=one) for name, one in labels.items()))
    trainings = (Training(number=1, model="m1", builder="base"), Training(number=2, model="m2", builder="petit5"))
    uses = tuple(
        Evaluation(kind="predict", model=model, execution_count=3, x=ArrayPrint(digest="x")) for model in ("m1", "m2")
    )
    rows = match_rows(table, Ledger(trainings=trainings, evaluations=uses), [measured(1, 0.9), measured(2, 0.92)]).rows
    assert [(row.training, row.of) for row in rows] == [(1, ""), (2, ""), (None, "beside")]


def test_a_table_of_nothing_but_ensembles() -> None:
    table = Table(cell=0, origin="printed", rows=(TableRow(label="ensemble a", accuracy=0.9),))
    both = replace(measured(1, 0.9), training=None, members=("m1", "m2"))
    (row,) = match_rows(table, LEDGER, [both]).rows
    assert (row.training, row.measured_accuracy) == (None, 0.9)


def test_classifiers_of_scikit_learn_and_ensembles_are_beside() -> None:
    rows = [
        TableRow(label=label, accuracy=0.9) for label in ("base", "SVM (rbf)", "k-NN (3)", "ensemble of two", "giant")
    ]
    table = Table(cell=0, origin="html", rows=tuple(rows))
    trainings = (Training(number=1, model="m1", builder="base"), Training(number=2, model="m2", builder="other"))
    known = Ledger(trainings=trainings)
    models = [measured(1, 0.9), measured(2, 0.8)]

    def kinds(**facts: object) -> list[str]:
        return [row.of for row in match_rows(table, replace(known, **facts), models).rows]

    assert kinds() == [""] * 5, "an import backs nothing"
    fitted = tuple(Estimator(kind=kind, rows=2000) for kind in ("SVC", "KNeighborsClassifier"))
    assert kinds(estimators=fitted) == ["", "beside", "beside", "", ""]
    assert kinds(estimators=(Estimator(kind="SVC", rows=20),)) == [""] * 5, "for a picture"
    uses = tuple(
        Evaluation(kind="predict", model=model, execution_count=3, x=ArrayPrint(digest="x")) for model in ("m1", "m2")
    )
    assert kinds(evaluations=uses) == ["", "", "", "beside", ""]
    assert kinds(evaluations=uses[:1]) == [""] * 5


def test_the_mean_over_seeds_is_held_against_the_mean_over_seeds() -> None:
    made = tuple(Training(number=number, model=f"m{number}", builder="dropout") for number in (1, 2))
    other = Training(number=3, model="m3", builder="deep")
    models = [measured(1, 0.96), measured(2, 0.90), measured(3, 0.99)]
    rows = (TableRow(label="Dropout", accuracy=0.93), TableRow(label="Deep", accuracy=0.97))
    found = match_rows(Table(cell=0, origin="html", rows=rows), Ledger(trainings=(*made, other)), models).rows
    assert [row.measured_accuracy for row in found] == [pytest.approx(0.93), 0.99]
    single = replace(rows[0], accuracy=0.96)
    found = match_rows(Table(cell=0, origin="html", rows=(single,)), Ledger(trainings=made), models[:2]).rows
    assert found[0].measured_accuracy == 0.96


def test_a_model_of_an_epoch_is_not_held_against_one_of_another() -> None:
    """Snapshots of one training are loaded into other objects."""
    made = Ledger(trainings=(Training(number=1, model="m1", builder="dropout"),))
    models = [measured(1, 0.96), replace(measured(1, 0.90), id="m2-e2")]
    for claimed in (0.96, 0.90):
        row = TableRow(label="Dropout", accuracy=claimed)
        (found,) = match_rows(Table(cell=0, origin="html", rows=(row,)), made, models).rows
        assert found.measured_accuracy == claimed


def test_views_of_an_image_put_together_are_beside() -> None:
    row = TableRow(label="Deep + TTA", accuracy=0.93)
    for views, of in ((2, ""), (3, "beside")):
        uses = tuple(
            Evaluation(kind="predict", model="m1", execution_count=4, x=ArrayPrint(shape=(9, 8, 8), digest=str(n)))
            for n in range(views)
        )
        known = Ledger(evaluations=uses)
        (found,) = match_rows(Table(cell=0, origin="html", rows=(row,)), known, ()).rows
        assert found.of == of


def test_what_the_notebook_tested_and_no_training_left_is_not_held_against_it() -> None:
    """An average of weights, a pruned copy, an epoch that was put back: one test backs one row."""
    told = {"dropout": 0.9, "soup": 0.94, "the same soup": 0.94, "on what it learnt": 0.99, "at epoch 2": 0.97}
    rows = (*(TableRow(label=name, accuracy=one) for name, one in told.items()), TableRow(label="twice", accuracy=0.9))
    learnt = replace(LEDGER.trainings[0], x=ArrayPrint(digest="x"))
    uses = tuple(
        Evaluation(kind="evaluate", model=model, x=ArrayPrint(digest=digest), results={"accuracy": figure})
        for model, digest, figure in (("m1", "t", 0.9), ("m2", "t", 0.9401), ("m3", "x", 0.99), ("m1", "t", 0.97))
    )
    known = Ledger(trainings=(learnt,), evaluations=uses)
    found = match_rows(Table(cell=0, origin="html", rows=rows), known, [measured(1, 0.9)]).rows
    assert [row.of for row in found] == ["", "tested", "", "", "tested", ""]


def fold(number: int, digest: str = "", *, dropout: bool = False, tested: str = "") -> tuple[Training, Evaluation]:
    """One of three, which is tested on what was held back: 0.91, 0.92 and 0.96."""
    accuracy = (0.91, 0.92, 0.96)[(number - 1) % 3]
    x = ArrayPrint(shape=(2000, 28, 28), digest=digest or f"x{number}")
    builder = "dropout" if dropout else "net"
    use = ArrayPrint(shape=(1000, 28, 28), digest=tested or f"v{number}")
    one = Training(number=number, model=f"m{number}", builder=builder, x=x)
    return one, Evaluation(kind="evaluate", model=f"m{number}", x=use, results={"accuracy": accuracy})


@pytest.mark.parametrize(
    ("made", "claimed", "agrees"),
    [
        ([fold(1), fold(2), fold(3)], 0.93, True),
        ([fold(1), fold(2), fold(3)], 0.95, False),
        ([fold(1), fold(2), fold(3), *(fold(n, dropout=True) for n in (4, 5, 6))], 0.93, True),
        ([fold(1, "x"), fold(2, "x"), fold(3, "x")], 0.93, False),
        ([fold(1, tested="v"), fold(2, tested="v"), fold(3, tested="v")], 0.93, False),
        ([fold(1), fold(2, dropout=True)], 0.915, False),
    ],
    ids=["the mean", "another figure", "of two models", "seeds", "one test for all", "two models"],
)
def test_the_mean_over_folds_is_held_against_what_the_run_found(
    made: list[tuple[Training, Evaluation]], claimed: float, agrees: bool
) -> None:
    known = Ledger(trainings=tuple(one for one, _ in made), evaluations=tuple(use for _, use in made))
    for label in ("Dropout 0,2", "A"):
        models = [measured(one.number, 0.7) for one, _ in made]
        (row,) = match_rows(
            Table(cell=0, origin="html", rows=(TableRow(label=label, accuracy=claimed),)), known, models
        ).rows
        assert row.agrees(0.01) is agrees, row
