"""Which model is the final one: by name, by what was studied, by accuracy; and which weights of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from autograder.extraction.choice import Choice, choose, passed_over, validation_accuracy
from autograder.extraction.matching import Sighting, candidates, name_of, same_as_baseline, used
from autograder.extraction.recipes import Recipe
from autograder.records import (
    ArrayPrint,
    Baseline,
    Cell,
    CellKind,
    CellRun,
    CellState,
    Digest,
    Ending,
    Evaluation,
    Execution,
    Layer,
    Ledger,
    Score,
    Training,
)

SOME = Digest("sha256:" + "0" * 64)


def training(number: int, model: str, accuracy: float | None = None, **more: Any) -> Training:  # noqa: ANN401
    history = {} if accuracy is None else {"val_accuracy": (0.5, accuracy)}
    known = {"execution_count": number, "history": history, "epochs_run": 2, "weights": f"w{number}"}
    return Training(number=number, model=model, **{**known, **more})


def use(model: str, count: int, weights: str = "", **more: Any) -> Evaluation:  # noqa: ANN401
    return Evaluation(**{"kind": "predict", "model": model, "execution_count": count, "weights": weights, **more})


def decide(ledger: Ledger, cells: tuple[Cell, ...] = ()) -> Choice | None:
    runs = tuple(
        CellRun(index=cell.index, state=CellState.RAN, execution_count=number)
        for number, cell in enumerate((cell for cell in cells if cell.kind is CellKind.CODE), start=1)
    )
    execution = Execution(ending=Ending.COMPLETED, cells=runs)
    return choose(ledger, candidates(ledger, {}), {}, cells, execution)


def chosen(ledger: Ledger, cells: tuple[Cell, ...] = ()) -> str:
    choice = decide(ledger, cells)
    assert choice is not None
    return choice.candidate.id


TWO = (training(1, "m1", 0.97), training(2, "m2", 0.95))


def test_no_model_no_choice() -> None:
    assert decide(Ledger()) is None


def test_a_name_that_says_so() -> None:
    for name in (
        "best_model",
        "meilleur_modele",
        "final_model",
        "bestModel",
        "modele_final",
        "results['best']",
        "champion",
        "retenue",
    ):
        assert chosen(Ledger(trainings=TWO, bindings={"model": "m1", name: "m2"})) == "m2-t2", name


def test_a_name_that_says_nothing_of_the_sort() -> None:
    for name in ("model", "finalement_pas", "bestiaire", "cnn"):
        assert chosen(Ledger(trainings=TWO, bindings={name: "m2"})) == "m1-t1", name


def test_of_two_such_names_the_one_used_last() -> None:
    ledger = Ledger(
        trainings=TWO,
        evaluations=(use("m2", 3, "w2"), use("m1", 4, "w1")),
        bindings={"best_model": "m1", "final_model": "m2"},
    )
    assert chosen(ledger) == "m1-t1"


def test_the_weights_of_the_last_use_count() -> None:
    """Trained twice, then the better first weights were loaded back."""
    ledger = Ledger(
        trainings=(training(1, "m1", 0.97), training(2, "m1", 0.90)),
        evaluations=(use("m1", 2, "w2"), use("m1", 3, "w1")),
        bindings={"best_model": "m1"},
    )
    assert chosen(ledger) == "m1-t1"


@pytest.mark.parametrize(("again", "wanted"), [(1, "m1-t2"), (2, "m1-t2"), (3, "m1-t1")])
def test_weights_that_were_trained_further_are_a_step_on_the_way(again: int, wanted: str) -> None:
    """Unless they were put back: used after the second training, which was worse."""
    ledger = Ledger(trainings=(training(1, "m1", 0.97), training(2, "m1", 0.90)), evaluations=(use("m1", again, "w1"),))
    assert chosen(ledger) == wanted


def test_the_model_whose_errors_are_studied() -> None:
    for function in (
        "analyze_errors",
        "test_robustness",
        "analyse_erreurs",
        "plot_confusion_matrix",
        "add_noise_eval",
        "zeige_fehler",
        "com_ruido",
    ):
        ledger = Ledger(trainings=TWO, evaluations=(use("m2", 3, "w2", functions=(function,)),))
        assert chosen(ledger) == "m2-t2", function


def test_the_model_studied_below_such_a_heading() -> None:
    cells = (
        Cell(index=0, kind=CellKind.CODE, source=""),
        Cell(index=1, kind=CellKind.CODE, source=""),
        Cell(index=2, kind=CellKind.MARKDOWN, source="## 6. Test de ROBUSTESSE\ntexte"),
        Cell(index=3, kind=CellKind.CODE, source="model.predict(x)"),
    )
    ledger = Ledger(trainings=TWO, evaluations=(use("m2", 3, "w2"),))
    assert chosen(ledger, cells) == "m2-t2"
    assert chosen(ledger) == "m1-t1"


@pytest.mark.parametrize("title", ["### Où le modèle se trompe-t-il ?", "**Images abîmées**", "# Ce qui échoue encore"])
def test_such_a_heading_may_say_it_in_other_words(title: str) -> None:
    cells = (
        Cell(index=0, kind=CellKind.CODE, source=""),
        Cell(index=1, kind=CellKind.CODE, source=""),
        Cell(index=2, kind=CellKind.MARKDOWN, source=title),
        Cell(index=3, kind=CellKind.CODE, source="model.predict(x)"),
    )
    assert chosen(Ledger(trainings=TWO, evaluations=(use("m2", 3, "w2"),)), cells) == "m2-t2"


@pytest.mark.parametrize(
    ("title", "final"),
    [
        ("## Modèle final avec augmentation", "m2-t2"),
        ("# The best model", "m2-t2"),
        ("## Comparaison finale des modèles", "m1-t1"),
        ("## Finalisation", "m1-t1"),
    ],
)
def test_a_heading_that_announces_the_final_model(title: str, final: str) -> None:
    cells = (
        Cell(index=0, kind=CellKind.CODE, source=""),
        Cell(index=1, kind=CellKind.MARKDOWN, source=title),
        Cell(index=2, kind=CellKind.CODE, source="fit, evaluate"),
    )
    assert chosen(Ledger(trainings=TWO, evaluations=(use("m2", 2, "w2"),)), cells) == final


def test_a_heading_above_the_last_training_is_no_sign() -> None:
    cells = (
        Cell(index=0, kind=CellKind.CODE, source=""),
        Cell(index=1, kind=CellKind.MARKDOWN, source="## Modèle 2 : augmentation par rotations"),
        Cell(index=2, kind=CellKind.CODE, source="fit, evaluate"),
    )
    assert chosen(Ledger(trainings=TWO, evaluations=(use("m2", 2, "w2"),)), cells) == "m1-t1"


def test_a_loop_over_all_models_chooses_none() -> None:
    ledger = Ledger(
        trainings=TWO,
        evaluations=tuple(
            use(model, 3, weights, functions=("errors",)) for model, weights in (("m1", "w1"), ("m2", "w2"))
        ),
    )
    choice = decide(ledger)
    assert choice is not None and choice.candidate.id == "m1-t1"
    assert "validation" in choice.because.text


def test_what_was_studied_before_the_last_training_is_no_sign() -> None:
    ledger = Ledger(trainings=(*TWO, training(3, "m3", 0.96)), evaluations=(use("m2", 2, "w2", functions=("errors",)),))
    assert chosen(ledger) == "m1-t1"


def test_the_best_validation_accuracy_and_of_equals_the_later() -> None:
    assert chosen(Ledger(trainings=TWO)) == "m1-t1"
    assert chosen(Ledger(trainings=(training(1, "m1", 0.9), training(2, "m2", 0.9)))) == "m2-t2"


def test_without_validation_what_evaluate_said() -> None:
    said = tuple(
        use(model, 3, weights, kind="evaluate", results={"accuracy": figure})
        for model, weights, figure in (("m1", "w1", 0.99), ("m2", "w2", 0.9))
    )
    assert chosen(Ledger(trainings=(training(1, "m1"), training(2, "m2")), evaluations=said)) == "m1-t1"


def test_without_any_figure_the_last() -> None:
    assert chosen(Ledger(trainings=(training(1, "m1"), training(2, "m2")))) == "m2-t2"


def test_early_stopping_leaves_the_weights_of_the_lowest_loss() -> None:
    history = {"val_accuracy": (0.90, 0.95, 0.93), "val_loss": (0.4, 0.2, None)}
    assert validation_accuracy(training(1, "m1", history=history)) == 0.93
    stopped = training(1, "m1", history=history, arguments={"callbacks": ["EarlyStopping"]})
    assert validation_accuracy(stopped) == 0.95


def test_weights_are_known_by_digest_then_by_order() -> None:
    ledger = Ledger(trainings=(training(1, "m1"), training(4, "m1")))
    known = candidates(ledger, {})
    assert used(use("m9", 5, "w1"), known, {}) is known[0]
    assert used(use("m1", 2), known, {}) is known[0]
    assert used(use("m1", 5), known, {}) is known[1]
    assert used(use("m1", 5, "of nobody"), known, {}) is None


def test_trainings_without_an_epoch_are_no_models() -> None:
    ledger = Ledger(trainings=(training(1, "m1", epochs_run=0, finished=False), training(2, "m2")))
    assert [one.id for one in candidates(ledger, {})] == ["m2-t2"]


def test_names() -> None:
    labelled = training(1, "m1", labels={"model_name": "Modèle 1"}, builder="create")
    built = training(2, "m2", builder="create_improved_model_1")
    bound, bare = training(3, "m3", builder="create"), training(4, "m4")
    ledger = Ledger(trainings=(labelled, built, bound, bare), bindings={"model": "m2", "cnn_dropout": "m3"})
    names = [name_of(one, ledger, number) for number, one in enumerate(candidates(ledger, {}), start=1)]
    assert names == ["Modèle 1", "create_improved_model_1", "cnn_dropout", "model 4"]


LAYERS = (Layer(kind="InputLayer"), Layer(kind="Dense", config={"units": 10, "name": "dense_7"}))
GIVEN = training(
    1,
    "m1",
    layers=LAYERS,
    loss="categorical_crossentropy",
    optimizer={"name": "adam"},
    arguments={"epochs": 5, "batch_size": 128},
    x=ArrayPrint(kind="array"),
)
BASELINE = Baseline(
    accuracies=(0.9,),
    seeds=(1,),
    mean_errors=SOME,
    predictions=(SOME,),
    robustness={},
    clean_accuracy=0.9,
    training=GIVEN,
)


def like_given(**changes: Any) -> Training:  # noqa: ANN401
    known = {name: getattr(GIVEN, name) for name in ("layers", "loss", "optimizer", "arguments", "x")}
    return training(2, "m2", **{**known, **changes})


def test_the_reference_as_it_was_given() -> None:
    spelled = (Layer(kind="Dense", config={"units": 10, "name": "out"}),)
    assert same_as_baseline(like_given(), BASELINE)
    assert same_as_baseline(like_given(layers=spelled, loss="sparse_categorical_crossentropy"), BASELINE)


def test_anything_modified_is_not_the_reference() -> None:
    for changes in (
        {"layers": (Layer(kind="Dense", config={"units": 20}),)},
        {"optimizer": {"name": "sgd"}},
        {"loss": "mse"},
        {"arguments": {"epochs": 9, "batch_size": 128}},
        {"arguments": {"epochs": 5, "batch_size": 128, "callbacks": ["EarlyStopping"]}},
        {"x": ArrayPrint(kind="sequence")},
    ):
        assert not same_as_baseline(like_given(**changes), BASELINE), changes
    assert not same_as_baseline(None, BASELINE) and not same_as_baseline(like_given(), None)


# --- what is a candidate ---------------------------------------------------------------------------------------------

FILES = {f"use-{number}.keras": Digest(f"sha256:{number:064d}") for number in range(1, 9)}


def found(ledger: Ledger) -> list[str]:
    return [one.id for one in candidates(ledger, FILES)]


def test_weights_that_a_callback_kept_belong_to_their_epoch() -> None:
    """The file of the best epoch is loaded into another object."""
    kept = training(
        1,
        "m1",
        epoch_weights=("a" * 16, "b" * 16),
        weights="b" * 64,
        history={"val_accuracy": (0.9, 0.7)},
        labels={"name": "CNN"},
    )
    ledger = Ledger(trainings=(kept,), evaluations=(use("m2", 2, "a" * 64, saved="use-1.keras"),))
    last, best = candidates(ledger, FILES)
    assert (last.training, last.epoch) == (kept, None)
    assert (best.training, best.epoch, best.artifact) == (kept, 0, FILES["use-1.keras"])
    assert (validation_accuracy(kept), validation_accuracy(kept, best.epoch)) == (0.7, 0.9)
    assert name_of(best, ledger, 2) == "CNN"
    choice = choose(ledger, (last, best), FILES, (), Execution(ending=Ending.COMPLETED))
    assert choice is not None and choice.candidate is best


def test_what_early_stopping_restored_is_known_by_its_weights() -> None:
    history = {"val_accuracy": (0.90, 0.95, 0.93), "val_loss": (0.1, 0.2, 0.3)}
    stopped = training(1, "m1", history=history, arguments={"callbacks": ["EarlyStopping"]})
    assert validation_accuracy(stopped) == 0.90
    weights = {"weights": "b" * 64, "epoch_weights": ("a" * 16, "b" * 16, "c" * 16)}
    monitored = training(1, "m1", history=history, arguments={"callbacks": ["EarlyStopping"]}, **weights)
    assert validation_accuracy(monitored) == 0.95


@pytest.mark.parametrize(
    ("outputs", "more", "is_candidate"),
    [
        ((), {}, True),
        (((None, 10),), {}, True),
        (((None, 1),), {}, True),
        (((None, 128),), {}, False),
        (((None, 128),), {"part_of": "m1"}, False),
        (((None, 10),), {"part_of": "m1"}, True),
        (((None, 7, 7, 32),), {}, False),
        (((None, 7, 7, 32), (None, 10)), {}, False),
        (((None, 5),), {}, False),
        (((None, 5),), {"kind": "evaluate", "results": {"accuracy": 0.5}}, True),
    ],
)
def test_parts_of_a_model_that_give_no_scores_are_none(
    outputs: tuple[Any, ...], more: dict[str, Any], is_candidate: bool
) -> None:
    trained = training(1, "m1", outputs=((None, 10),))
    ledger = Ledger(
        trainings=(trained,), evaluations=(use("m2", 2, "other", saved="use-1.keras", outputs=outputs, **more),)
    )
    assert found(ledger) == ["m1-t1", *(["m2-e1"] if is_candidate else [])]


def test_an_autoencoder_is_one_only_where_there_is_nothing_else() -> None:
    pixels = ArrayPrint(shape=(100, 784))
    coder = training(1, "m1", 0.99, x=pixels, y=pixels, outputs=((None, 784),))
    pictures = training(2, "m2", outputs=((None, 28, 28, 1),))
    assert found(Ledger(trainings=(coder, pictures, training(3, "m3")))) == ["m3-t3"]
    assert found(Ledger(trainings=(coder, pictures))) == ["m1-t1", "m2-t2"]


def test_a_loop_counts_as_a_training_and_its_passing_weights_do_not() -> None:
    loop = training(
        1,
        "m1",
        arguments={"loop": True, "steps": 9},
        epochs_run=1,
        epoch_weights=("a" * 16, "b" * 16),
        weights="b" * 64,
    )
    passing = (use("m1", 1, "a" * 64), use("m1", 1, "b" * 64))
    ledger = Ledger(trainings=(loop,), evaluations=passing)
    known = candidates(ledger, {})
    assert [one.id for one in known] == ["m1-t1"]
    assert [used(one, known, {}) for one in passing] == [None, known[0]]


def test_a_model_that_stays_in_the_kernel_answers_with_its_last_weights() -> None:
    ledger = Ledger(trainings=(training(1, "m1"),), evaluations=(use("m1", 2, "x"), use("m1", 3, "y")))
    assert [(one.id, one.weights) for one in candidates(ledger, {})] == [("m1-t1", "w1"), ("m1-e2", "y")]


def test_a_classifier_of_words_is_not_chosen_over_one_of_images() -> None:
    words, images, flat = (
        training(1, "m1", 0.99, x=ArrayPrint(shape=(300, 20))),
        training(2, "m2", 0.6, x=ArrayPrint(shape=(300, 28, 28))),
        training(3, "m3", 0.7, x=ArrayPrint(shape=(300, 784))),
    )

    def final(*trained: Training) -> str:
        ledger = Ledger(trainings=trained)
        chosen = choose(ledger, candidates(ledger, {}), {}, (), Execution(ending=Ending.COMPLETED), (28, 28))
        assert chosen is not None
        return chosen.candidate.id

    assert final(words, images) == "m2-t2"
    assert final(words, images, flat) == "m3-t3"
    assert final(words) == "m1-t1"


def test_a_wrapping_of_a_model_stands_behind_it() -> None:
    wrapping = use("m2", 2, "wrapped", saved="use-1.keras", same_as="m1", outputs=((None, 10),))
    ledger = Ledger(trainings=(training(1, "m1", 0.9),), evaluations=(wrapping,))
    known = candidates(ledger, FILES)
    assert [(one.id, one.training) for one in known] == [("m1-t1", ledger.trainings[0]), ("m2-e1", ledger.trainings[0])]
    choice = choose(ledger, known, FILES, (), Execution(ending=Ending.COMPLETED))
    assert choice is not None and choice.candidate is known[0]


def test_without_any_other_figure_what_the_notebook_computed_itself() -> None:
    first, second = (
        training(number, f"m{number}", arguments={"loop": True}, execution_count=number) for number in (1, 2)
    )
    scores = (
        Score(kind="accuracy_score", value=0.97, rows=10_000, execution_count=1),
        Score(kind="sparse_categorical_accuracy", value=0.99, rows=500, execution_count=2),
        Score(kind="sparse_categorical_accuracy", value=0.91, rows=10_000, execution_count=2),
    )
    assert chosen(Ledger(trainings=(first, second))) == "m2-t2"
    assert chosen(Ledger(trainings=(first, second), scores=scores)) == "m1-t1"
    # A cell that used both says nothing of either.
    both = (use("m1", 3, "w1"), use("m2", 3, "w2"))
    shared = (Score(kind="accuracy_score", value=0.97, rows=10_000, execution_count=3),)
    assert chosen(Ledger(trainings=(first, second), evaluations=both, scores=shared)) == "m2-t2"


def test_of_a_teacher_and_its_student_the_student() -> None:
    three = (*TWO, training(3, "m3", 0.96))
    for student in ("student", "schueler", "schüler", "eleve", "modele_eleve", "distilled_model", "öğrenci"):
        ledger = Ledger(trainings=three, bindings={"teacher": "m1", student: "m2", "student_scratch": "m3"})
        assert chosen(ledger) == "m2-t2", student
    assert chosen(Ledger(trainings=three, bindings={"student": "m2"})) == "m1-t1"


def test_what_trained_the_student_stands_for_it() -> None:
    """A model around both, of a class of its own, that was trained; the student itself was never seen."""
    ledger = Ledger(
        trainings=(training(1, "m1", 0.97), training(2, "m4", 0.9), training(3, "m3", 0.95)),
        bindings={"teacher": "m1", "student": "m2", "student_scratch": "m3", "around": "m4"},
    )
    assert chosen(ledger) == "m4-t2"


def test_a_model_made_of_others_stands_for_them() -> None:
    """What was validated on is easier than what is tested on."""
    both = use(
        "m3", 3, "w3", kind="evaluate", results={"accuracy": 0.94}, made_of=("m1", "m2"), x=ArrayPrint(digest="t")
    )
    assert chosen(Ledger(trainings=TWO, evaluations=(both,))) == "m3-e1"
    for figure, wanted in ((0.93, "m3-e2"), (0.95, "m1-t1")):
        part = use("m2", 2, "w2", kind="evaluate", results={"accuracy": figure}, x=ArrayPrint(digest="t"))
        assert chosen(Ledger(trainings=TWO, evaluations=(part, both))) == wanted


def test_how_a_model_was_chosen() -> None:
    for bindings, wanted in (
        ({}, "accuracy"),
        ({"best_model": "m2"}, "name"),
        ({"results['best']": "m2"}, "name"),
        ({"final_models[0]": "m1", "final_models[1]": "m2"}, "list"),
    ):
        choice = decide(Ledger(trainings=TWO, bindings=bindings))
        assert choice is not None and choice.by == wanted


@pytest.mark.parametrize(("again", "wanted"), [(False, "m1-t3"), (True, "m1-e3")])
def test_weights_between_trainings_are_steps_too(again: bool, wanted: str) -> None:
    """Pruned and trained further, all in one cell; unless the pruned ones were put back and used once more."""
    thrice = tuple(training(number, "m1", execution_count=1, history={}) for number in (1, 2, 3))
    states = (("w1", 0.96, 1), ("p1", 0.97, 1), ("p2", 0.99, 2), *([("p2", 0.99, 3)] if again else []))
    pruned = tuple(
        use("m1", 1, weights, kind="evaluate", results={"accuracy": figure}, after=number, saved=weights)
        for weights, figure, number in states
    )
    kept = {name: Digest("sha256:" + str(number) * 64) for number, name in enumerate(("w1", "p1", "p2"))}
    ledger = Ledger(trainings=thrice, evaluations=pruned)
    found = choose(ledger, candidates(ledger, kept), kept, (), Execution(ending=Ending.COMPLETED))
    assert found is not None and found.candidate.id == wanted


def test_without_figures_it_is_said_between_which_the_order_decided() -> None:
    plain = tuple(training(number, f"m{number}", history={}) for number in (1, 2))
    choice = decide(Ledger(trainings=plain))
    assert choice is not None
    assert (choice.by, choice.among, choice.candidate.id) == ("order", ("m1-t1", "m2-t2"), "m2-t2")


def test_a_part_was_trained_by_what_it_is_a_part_of() -> None:
    """A student within the model that trains it: its weights come from that training."""
    around = training(2, "m4", outputs=())
    part = use("m2", 3, "student", part_of="m4", outputs=((None, 10),), saved="use-1.keras")
    ledger = Ledger(trainings=(training(1, "m1", 0.97, outputs=((None, 10),)), around), evaluations=(part,))
    found = next(one for one in candidates(ledger, {"use-1.keras": SOME}) if one.model == "m2")
    assert found.training == around


class Tested:
    """Sightings that know the public test set by its digest."""

    def of(self, shown: ArrayPrint | None) -> Sighting | None:
        known = shown is not None and shown.digest == "test"
        return Sighting(recipe=Recipe((), 0.0, ()), rows=9, public=9, whole=True) if known else None

    def foreign(self, _: ArrayPrint | None) -> bool:
        return False


def told_of(ledger: Ledger) -> str:
    execution = Execution(ending=Ending.COMPLETED)
    choice = choose(ledger, candidates(ledger, {}), {}, (), execution, sightings=Tested())  # type: ignore[arg-type]
    assert choice is not None
    return f"{choice.candidate.id} {choice.by}"


def test_the_only_one_tried_on_the_test_set_is_what_was_chosen_before() -> None:
    """Chosen by validation, trained anew on all images, tested once: its validation may be lower, or missing."""
    test = ArrayPrint(digest="test")
    trial = use("m2", 3, "w2", after=2, x=test)
    assert told_of(Ledger(trainings=TWO, evaluations=(trial,))) == "m2-t2 test"
    for ledger in (
        Ledger(trainings=TWO, evaluations=(trial, use("m1", 3, "w1", after=2, x=test))),  # both are
        Ledger(trainings=TWO, evaluations=(use("m2", 3, "w2", after=1, x=test),)),  # before the last training
        Ledger(trainings=TWO, evaluations=(use("m2", 3, "w2", after=2),)),  # other images
        Ledger(trainings=(replace(TWO[0], validation_x=test), TWO[1]), evaluations=(trial,)),  # so was the other
    ):
        assert told_of(ledger) == "m1-t1 accuracy"


def test_what_tells_two_things_apart_stands_behind_what_tells_more() -> None:
    """The discriminator of a GAN beside a classifier; alone, a binary classifier is what there is."""
    of_ten, of_two = ((None, 10),), ((None, 1),)
    both = (training(1, "m1", 0.9, outputs=of_ten), training(2, "m2", 0.99, outputs=of_two))
    assert chosen(Ledger(trainings=both)) == "m1-t1"
    assert chosen(Ledger(trainings=both[1:])) == "m2-t2"
    assert chosen(Ledger(trainings=both, bindings={"best_model": "m2"})) == "m2-t2"


def test_that_a_model_with_the_name_of_a_final_one_was_passed_over_is_told() -> None:
    """A model of features, beside one of images; not a name for what was never at work."""
    features = training(2, "m2", 0.99, x=ArrayPrint(shape=(500, 33)))
    ledger = Ledger(trainings=(training(1, "m1", 0.9, x=ArrayPrint(shape=(500, 28, 28))), features))
    for bindings, told in (({"best_model": "m2"}, True), ({"best_model": "m9"}, False), ({"best_model": "m1"}, False)):
        bound = replace(ledger, bindings=bindings)
        choice = choose(bound, candidates(bound, {}), {}, (), Execution(ending=Ending.COMPLETED), image=(28, 28))
        assert choice is not None and choice.candidate.model == "m1"
        assert (passed_over(choice, bound, {"m1"}) is not None) is told, bindings
