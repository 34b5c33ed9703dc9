"""Records of trainings that cannot be true, and honest ones that look odd."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from autograder.execution.rewriting import rewritten
from autograder.extraction.archive import saved_layers
from autograder.extraction.contradictions import contradictions
from autograder.records import (
    ArrayPrint,
    Audit,
    CellRun,
    CellState,
    Digest,
    Ending,
    Execution,
    Layer,
    Ledger,
    MeasuredModel,
    Replay,
    Reuse,
    Training,
    say,
)
from autograder.store import Store
from tests import evidence as make

ANSWERS = Digest("sha256:" + "1" * 64)


def archive(*layers: tuple[str, Mapping[str, Any]], modules: Mapping[str, str] = MappingProxyType({})) -> bytes:
    """A saved model with these layers, and an input layer that is none."""
    parts = [
        {"class_name": kind, "module": modules.get(kind, "keras.layers"), "config": config} for kind, config in layers
    ]
    parts.insert(0, {"class_name": "InputLayer", "module": "keras.layers", "config": {"name": "in"}})
    config = {"class_name": "Sequential", "module": "keras", "config": {"name": "s", "layers": parts}}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("config.json", json.dumps(config))
        file.writestr("model.weights.h5", b"x")
    return buffer.getvalue()


LAYERS = (
    Layer(kind="Dense", config={"units": 10, "activation": "softmax"}, parameters=7850),
    Layer(kind="Dropout", config={"rate": 0.3}),
)
SAVED = (("Dense", {"units": 10, "activation": "softmax"}), ("Dropout", {"rate": 0.3}))


def a_training(number: int, **changes: Any) -> Training:  # noqa: ANN401
    """One ``fit`` of a cell of its own, whose model left the room."""
    made = make.training(number, layers=LAYERS, parameters=7850, saved=f"fit-{number}.keras", weights=f"w{number}")
    made = replace(made, seconds=5.0, history={"loss": (0.5, 0.4), "val_accuracy": (0.8, 0.9)})
    return replace(made, **changes)


def a_model(number: int, **changes: Any) -> MeasuredModel:  # noqa: ANN401
    made = make.model(id=f"m{number}-t{number}", training=number, where="probe", parameters=7850)
    made = replace(made, validation_accuracy=0.9, public_accuracy=0.88, hidden_accuracy=0.87)
    return replace(made, hidden_predictions=Digest(f"sha256:{number:064d}"), **changes)


def said(
    store: Store,
    trainings: Sequence[Training],
    models: Sequence[MeasuredModel] = (),
    *,
    content: bytes | None = None,
    **changes: Any,  # noqa: ANN401
) -> list[str]:
    """Which trainings are named, by the words before them."""
    file = store.put(archive(*SAVED) if content is None else content)
    cells = [CellRun(index=n, state=CellState.RAN, seconds=6.0, execution_count=n + 1) for n in range(9)]
    execution = Execution(
        ending=Ending.COMPLETED,
        cells=tuple(cells),
        artifacts={one.saved: file for one in trainings if one.saved},
    )
    execution = replace(execution, **{key: value for key, value in changes.items() if key != "ledger"})
    ledger = replace(Ledger(trainings=tuple(trainings), bindings={"model": "m1"}), **changes.get("ledger", {}))
    gaps = contradictions(ledger, execution, models, store)
    assert all(not gap.ours for gap in gaps)
    return [
        f"{gap.reason.text.split(' ({')[0]}: {gap.reason.values.get('numbers', gap.reason.values.get('number'))}"
        for gap in gaps
    ]


def test_honest_trainings_are_left_alone(store: Store) -> None:
    trainings = [a_training(1), a_training(2, optimizer={"name": "sgd"}), a_training(3, execution_count=2, seconds=0.9)]
    assert said(store, trainings, [a_model(1), a_model(2), a_model(3)]) == []


# --- what the host saw -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recorded", "saved", "found"),
    [("a" * 64, "a" * 64, 0), ("a" * 64, "b" * 64, 1), ("", "b" * 64, 0), ("a" * 64, "", 0)],
)
def test_a_file_with_other_weights_is_named(recorded: str, saved: str, found: int, store: Store) -> None:
    models = [a_model(1), replace(a_model(2), numbers=saved)]
    told = said(store, [a_training(1), a_training(2, numbers=recorded)], models)
    assert told == ["Models that trainings left: 2"] * found


def test_records_that_changed_are_named(store: Store) -> None:
    assert said(store, [a_training(1)], rewritten=(2, 1)) == ["Records of trainings that had ended: 1, 2"]


ANSWERED = Replay(key="k", short="abcd", seconds=84.51234)


def known_already(number: int, **changes: Any) -> Training:  # noqa: ANN401
    """One that was not carried out, quick as it is."""
    plain = {"reused": True, "request": "abcd", "recorded_seconds": 84.51234, "seconds": 0.1}
    return a_training(number, **(plain | changes))


def test_a_training_that_was_answered_is_quick_by_right(store: Store) -> None:
    assert said(store, [known_already(1)], reuse=Reuse(replayed=(ANSWERED,))) == []


@pytest.mark.parametrize(
    "claimed", [known_already(1, request="beef"), known_already(1, request=""), known_already(1, recorded_seconds=1e6)]
)
def test_an_answer_that_nobody_gave_is_seen(claimed: Training, store: Store) -> None:
    assert said(store, [claimed], reuse=Reuse(replayed=(ANSWERED,))) == [
        "Trainings on record: 1",
    ]


def test_each_answer_is_for_one_training(store: Store) -> None:
    both = [known_already(1), known_already(2)]
    assert said(store, both, reuse=Reuse(replayed=(ANSWERED,))) == ["Trainings on record: 2"]
    assert said(store, both, reuse=Reuse(replayed=(ANSWERED, ANSWERED))) == []
    assert said(store, both) == ["Trainings on record: 1, 2"], "nothing was to be reused in this run"


def test_what_was_asked_about_was_asked_once_for_each(store: Store) -> None:
    both = [a_training(1, request="abcd"), a_training(2, request="abcd")]
    assert said(store, both, reuse=Reuse(asked={"abcd": 2})) == []
    assert said(store, both, reuse=Reuse(asked={"abcd": 1})) == ["Trainings on record: 2"]
    assert said(store, [a_training(1), a_training(2, request="beef")], reuse=Reuse(asked={})) == [
        "Trainings on record: 2"
    ]
    assert said(store, both, reuse=Reuse()) == said(store, both) == [], "a record from before it was counted"


@pytest.mark.parametrize(("difference", "found"), [(0.0, 0), (1e-9, 1), (None, 1)])
def test_a_training_that_comes_to_something_else_is_seen(difference: float | None, found: int, store: Store) -> None:
    audited = (Audit(key="k", short="abcd", difference=difference), Audit(key="l", short="beef", difference=0.0))
    assert len(said(store, [a_training(1)], reuse=Reuse(audited=audited))) == found


def test_what_is_said_of_a_training_that_has_ended_is_said_once() -> None:
    going, ended = a_training(2, finished=False), a_training(2, history={"val_accuracy": (0.9,)})
    first, better = a_training(1), a_training(1, history={"val_accuracy": (0.99,)})
    assert rewritten(None, Ledger(trainings=(first,))) == set()
    assert rewritten(Ledger(trainings=(first, going)), Ledger(trainings=(first, ended))) == set()
    assert rewritten(Ledger(trainings=(first, going)), Ledger(trainings=(better, ended))) == {1}
    assert rewritten(Ledger(trainings=(first, ended)), Ledger(trainings=(first,))) == {2}


def test_weights_of_a_training_may_be_told_later() -> None:
    """Those of PyTorch are the ones that an evaluation used."""
    before, after = a_training(1, saved=""), a_training(1, saved="", weights="others")
    assert rewritten(Ledger(trainings=(before,)), Ledger(trainings=(after,))) == set()


@pytest.mark.parametrize(
    "changes",
    [
        {"execution_count": 77},
        {"seconds": 8.0},
        {"number": 7},
        {"execution_count": 2, "seconds": 4.5},
        {"execution_count": 1, "seconds": 0.1},
    ],
    ids=["no such cell", "longer than its cell", "a number left out", "too much for one cell", "out of order"],
)
def test_a_training_fits_its_cell(changes: dict[str, Any], store: Store) -> None:
    found = said(store, [a_training(1), a_training(2), replace(a_training(3), **changes)])
    assert len(found) == 1 and found[0].startswith("Trainings on record: ")


def test_trainings_in_threads_take_place_at_the_same_time(store: Store) -> None:
    """Each of them still ends within its cell."""
    beside = {"execution_count": 2, "seconds": 4.5, "arguments": {"thread": True}}
    assert said(store, [a_training(1), replace(a_training(2), **beside), replace(a_training(3), **beside)]) == []
    assert said(store, [a_training(1), replace(a_training(2), **beside | {"seconds": 8.0})])


def test_what_was_running_when_the_kernel_died_is_of_no_known_cell(store: Store) -> None:
    cells = (CellRun(index=0, state=CellState.UNFINISHED),)
    assert said(store, [a_training(1, execution_count=1)], cells=cells) == []


def test_an_empty_cell_has_no_count(store: Store) -> None:
    cells = [CellRun(index=0, state=CellState.RAN, seconds=0.0)]
    cells += [CellRun(index=1, state=CellState.RAN, seconds=6.0, execution_count=1)]
    assert said(store, [a_training(1)], cells=tuple(cells)) == []
    assert said(store, [a_training(1, execution_count=4)], cells=tuple(cells)) == ["Trainings on record: 1"]


def test_a_kernel_that_counts_anew_places_nothing(store: Store) -> None:
    """After ``%reset`` there are two cells of one count, of which either may be meant."""
    counts = (1, 2, 3, 1, 2)
    cells = [CellRun(index=n, state=CellState.RAN, seconds=6.0 - n, execution_count=k) for n, k in enumerate(counts)]
    trainings = [a_training(1, execution_count=3, seconds=3.0), a_training(2, execution_count=1, seconds=2.5)]
    assert said(store, trainings, cells=tuple(cells)) == []


def test_a_generator_and_its_critic_are_trained_at_once(store: Store) -> None:
    both = [a_training(n, execution_count=1, arguments={"loop": True, "epochs": 5}) for n in (1, 2)]
    assert said(store, both) == []


# --- what the models are ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "layers",
    [(*LAYERS, Layer(kind="Dropout", config={"rate": 0.5})), LAYERS[:1], (LAYERS[0], replace(LAYERS[1], kind="ReLU"))],
    ids=["one more", "one less", "another"],
)
def test_a_saved_model_has_the_layers_on_record(layers: tuple[Layer, ...], store: Store) -> None:
    assert said(store, [a_training(1, layers=layers)]) == ["Models that trainings left: 1"]


def test_a_saved_model_has_the_settings_on_record(store: Store) -> None:
    other = (LAYERS[0], Layer(kind="Dropout", config={"rate": 0.5}))
    assert said(store, [a_training(1, layers=other)]) == ["Models that trainings left: 1"]
    rounded = (LAYERS[0], Layer(kind="Dropout", config={"rate": 0.30000001, "noise_shape": [1, 2]}))
    assert said(store, [a_training(1, layers=rounded)]) == []


def test_models_within_models_are_opened_and_operations_left_out(store: Store) -> None:
    inner = {"layers": [{"class_name": "Dense", "module": "keras.layers", "config": {"units": 3}}]}
    modules = {"Functional": "keras.src.models.functional", "Add": "keras.src.ops.numpy"}
    content = archive(("Functional", inner), ("Add", {}), ("Pipeline", inner), modules=modules)
    assert [kind for kind, _ in saved_layers(content)] == ["Dense", "Pipeline"]
    layers = tuple(Layer(kind=kind) for kind in ("Dense", "Pipeline"))
    assert said(store, [a_training(1, layers=layers)], content=content) == []


def test_a_model_that_cannot_be_read_says_nothing(store: Store) -> None:
    assert said(store, [a_training(1)], content=b"nonsense") == []


def test_parameters_are_counted_outside(store: Store) -> None:
    assert said(store, [a_training(1)], [a_model(1, parameters=9)]) == ["Models that trainings left: 1"]
    assert said(store, [a_training(1, parameters=9000)], [a_model(1)]) == []  # what is no part of the graph counts
    assert said(store, [a_training(1)], [a_model(1, parameters=9, where="kernel")]) == []


# --- what was trained twice ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": {"name": "sgd", "learning_rate": 0.1}},
        {"optimizer": {"name": "adam", "learning_rate": 0.1}},
        {"layers": (LAYERS[0], Layer(kind="Dropout", config={"rate": 0.5})), "saved": "fit-1.keras"},
    ],
    ids=["optimizer", "rate", "layer"],
)
def test_other_settings_leave_other_models(changes: dict[str, Any], store: Store) -> None:
    twins = [a_training(1), a_training(2, weights="w1", **changes)]
    assert said(store, twins) == ["Trainings with other settings on record: 2"]
    alike = [replace(a_model(n), hidden_predictions=ANSWERS) for n in (1, 2)]
    assert said(store, [a_training(1), a_training(2, **changes)], alike) == [
        "Trainings with other settings on record: 2"
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"arguments": {"epochs": 9, "callbacks": ["EarlyStopping"]}},
        {"optimizer": {"name": "sgd", "learning_rate": 0.0}},
        {"optimizer": {"name": "sgd"}, "history": {"loss": (None,)}},
        {"optimizer": {"name": "sgd"}, "layers": (replace(LAYERS[0], config={"trainable": False, "units": 10}),)},
        {"optimizer": {"name": "sgd"}, "finished": False},
        {"optimizer": {"name": "sgd"}, "epochs_run": 0},
        {"optimizer": {"name": "sgd"}, "model": "m1"},
        {"optimizer": {"name": "adam", "learning_rate": 0.1}, "arguments": {"callbacks": ["ReduceLROnPlateau"]}},
        {"optimizer": {"name": "adam", "learning_rate": 0.1}, "start_weights": "w1"},
    ],
    ids=[
        *("same seed", "stopped early", "no rate", "lost", "frozen", "halted", "no epoch", "put back", "rate lowered"),
        "its beginning was best",
    ],
)
def test_what_changes_nothing_may_leave_the_same_weights(changes: dict[str, Any], store: Store) -> None:
    content = archive(SAVED[0]) if "layers" in changes else None
    first = a_training(1, layers=LAYERS[:1]) if content else a_training(1)
    assert said(store, [first, a_training(2, weights="w1", **changes)], content=content) == []


def test_models_that_say_one_thing_of_all_images_answer_alike(store: Store) -> None:
    alike = [replace(a_model(n), hidden_predictions=ANSWERS, hidden_accuracy=0.1, public_accuracy=0.9) for n in (1, 2)]
    assert said(store, [a_training(1), a_training(2, optimizer={"name": "sgd"})], alike) == []


def test_weights_of_pytorch_that_were_put_into_another_model_are_no_contradiction(store: Store) -> None:
    reason = "a PyTorch model: it answers within its own kernel"
    both = [a_training(n, saved="", save_error=reason, weights="w") for n in (1, 2)]
    other = replace(both[1], optimizer={"name": "sgd"}, layers=LAYERS[:1])
    assert said(store, [both[0], other], ledger={"answering": {"m1": "w", "m2": "w"}}) == []
    smaller = replace(other, parameters=9)
    assert said(store, [both[0], smaller], ledger={"answering": {"m1": "w", "m2": "w"}}) == [
        "Trainings with other settings on record: 2"
    ]


# --- what was not kept -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reason",
    ["uses classes of its own: Net", "the model has no weights yet", "others are more accurate, and room is left"],
)
def test_a_reason_for_keeping_no_model_has_to_hold(reason: str, store: Store) -> None:
    found = said(store, [a_training(1), a_training(2, saved="", save_error=reason)])
    assert found == ["Of trainings on record: 2"]


def test_models_that_answer_in_their_kernel_are_kept_there(store: Store) -> None:
    own = a_training(2, saved="", save_error="uses classes of its own: Net")
    assert said(store, [a_training(1), own], ledger={"answering": {"m2": "w2"}}) == []
    assert said(store, [a_training(1), own], fallbacks={"m2": ANSWERS}) == []
    many = {f"m{number}": "w" for number in range(10, 18)}
    assert said(store, [a_training(1), own], ledger={"answering": many}) == []
    assert said(store, [a_training(1), own], ledger={"bindings": {}}) == [], "a kernel that was not read at its end"


@pytest.mark.parametrize(("parameters", "found"), [(7850, ["Of trainings on record: 2"]), (30_000_000, []), (0, [])])
def test_a_small_model_was_not_left_out_for_its_size(parameters: int, found: list[str], store: Store) -> None:
    reason = "OSError: a model of 200 MB, after 500 MB, is more than may leave the room"
    large = a_training(2, saved="", save_error=reason, parameters=parameters)
    assert said(store, [a_training(1), large], ledger={"answering": {"m2": "w2"}}) == found
    late = replace(large, save_error=reason.replace("200", "20"))
    assert said(store, [a_training(1), late], ledger={"answering": {"m2": "w2"}}) == []


# --- what it reached -------------------------------------------------------------------------------------------------


def test_a_validation_accuracy_is_about_what_is_measured(store: Store) -> None:
    [found] = said(store, [a_training(1)], [a_model(1, validation_accuracy=0.99, public_accuracy=0.6)])
    assert found.endswith(": 1")
    assert said(store, [a_training(1)], [a_model(1, validation_accuracy=0.99, public_accuracy=0.8)]) == []
    assert said(store, [a_training(1)], [a_model(1, validation_accuracy=0.3, public_accuracy=0.9)]) == []


def test_few_images_and_ones_that_were_trained_on_say_little(store: Store) -> None:
    far = [a_model(1, validation_accuracy=1.0, public_accuracy=0.5)]
    few = a_training(1, validation_x=ArrayPrint(shape=(20, 28, 28), digest="v"))
    own = a_training(1, validation_x=ArrayPrint(shape=(9000, 28, 28), digest="x"))
    assert said(store, [few], far) == [] and said(store, [own], far) == []
    rows = ArrayPrint(shape=(4000, 28, 28), digest="x", distinct=60)
    assert said(store, [a_training(1, x=rows)], far) == [], "each image is there many times"
    assert said(store, [a_training(1, x=replace(rows, distinct=3900))], far) != []
    assert said(store, [a_training(1)], [replace(far[0], problem=say("no"))]) == []
