"""What the kernel records of trainings: the parts, and one real notebook."""

from __future__ import annotations

import io
import json
import linecache
import os
import time
import types
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from autograder.datasets import load, room_file
from autograder.execution import Job, execute
from autograder.guest import harvest, stack
from autograder.guest.handover import Handover
from autograder.guest.recording import (
    keep,
    losses,
    models,
    onlookers,
    prints,
    scores,
    steering,
    steps,
    targets,
    thinning,
)
from autograder.guest.recording.ledger import Recorder
from autograder.records import ArrayPrint, Evaluation, Execution, Json, Ledger, Showing, Step, Training
from autograder.sandbox.plain import Plain
from autograder.store import Store
from tests.notebooks import TRAINING, notebook

JOB = {"stride": 1, "train_rows": 60_000, "test_rows": 10_000}
SERVED = thinning.Served(stride=4, train_rows=400, test_rows=100)


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder(JOB, Handover(tmp_path), lambda: 7)


# --- fingerprints ----------------------------------------------------------------------------------------------------


def test_a_fingerprint_fits_the_record() -> None:
    kept: list[bytes] = []
    array = np.arange(400, dtype=np.float64).reshape(100, 4)
    facts = prints.fingerprint(array, lambda content: f"sample-{kept.append(content) or len(kept)}.npy")
    found = TypeAdapter(ArrayPrint).validate_python(facts)
    assert (found.shape, found.dtype, found.kind, found.sample) == ((100, 4), "float64", "array", "sample-1.npy")
    assert (found.low, found.high, found.mean) == (0.0, 399.0, 199.5)
    assert found.std == pytest.approx(array.std())
    sample = np.load(io.BytesIO(kept[0]), allow_pickle=False)
    assert sample.dtype == np.float32
    assert (sample == array[list(found.rows)]).all()
    assert len(found.rows) == 32
    assert (found.rows[0], found.rows[-1]) == (0, 99)


def test_equal_data_have_equal_digests() -> None:
    def digest(data: Json) -> str:
        return str((prints.fingerprint(data) or {})["digest"])

    array = np.linspace(0, 1, 60, dtype=np.float32).reshape(10, 6)
    assert digest(array) == digest(np.asfortranarray(array)) == digest(array.copy())
    assert digest(array) != digest(array.reshape(6, 10))
    assert digest(array) != digest(array + 1e-3)


@pytest.mark.parametrize(
    "data",
    [
        [[1, 2], [3, 4]],
        ([1, 2], [3, 4]),
        {"a": np.array([[1, 2], [3, 4]])},
        [np.array([[1, 2], [3, 4]]), np.zeros((2, 9))],
    ],
)
def test_what_stands_for_an_array(data: Json) -> None:
    found = prints.as_array(data)
    assert found is not None
    assert found.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("data", ["text", object(), [[1], [2, 3]], ["a", "b"], np.array(3.0), iter([1]), None])
def test_what_is_no_array(data: Json) -> None:
    assert prints.as_array(data) is None


def test_not_a_number_never_reaches_json() -> None:
    facts = prints.fingerprint(np.array([[np.nan, 1.0], [np.inf, 2.0]]))
    json.dumps(facts, allow_nan=False)
    assert facts is not None
    assert facts["mean"] is None


def varied(array: np.ndarray[Any, Any]) -> tuple[int, float]:
    found = prints.variety(array, float(array.std()))
    return found["distinct"], found["even"]


def test_what_callbacks_watch() -> None:
    by_loss, by_other = (a_callback("EarlyStopping", monitor=name) for name in ("val_loss", "gain"))
    assert steering.blind([by_loss, by_other], {"loss", "val_loss"}) == {}, "one of them sees"
    assert steering.blind([by_other, a_callback("TensorBoard")], {"loss"}) == {"EarlyStopping": "gain"}
    assert steering.blind(by_other, {"loss"}) == {"EarlyStopping": "gain"}
    assert steering.blind([a_callback("EarlyStopping", "__main__", monitor="gain")], {"loss"}) == {}
    by_old = a_callback("EarlyStopping", monitor="val_acc")
    assert steering.blind(by_old, {"loss", "val_accuracy"}) == steering.blind(by_old, {"loss", "val_acc"}) == {}
    assert steering.blind(by_old, {"loss", "accuracy"}) == {"EarlyStopping": "val_acc"}
    plateaus = [a_callback("ReduceLROnPlateau", min_lr=least) for least in (0.1, 0)]
    assert steering.floor(plateaus) == {"ReduceLROnPlateau": 0.0}
    assert steering.floor(plateaus[:1]) == {"ReduceLROnPlateau": 0.1}
    assert steering.floor([plateaus[0], a_callback("ReduceLROnPlateau", "__main__", min_lr=1.0)]) == {}
    assert steering.floor(None) == steering.blind(None, {"loss"}) == {}


SEEN: list[float] = []
CALLBACKS = {
    "nothing": ("pass", True),
    "prints": ("print(f'{epoch}: {logs[\"loss\"]:.3f}')", True),
    "keeps": ("self.kept.append((logs or {}).get('loss')); self.least = min(self.kept)", True),
    "waits": ("time.sleep(0)", True),
    "within": ("[print(one) for one in sorted(self.kept)]", True),
    "the model": ("self.model.stop_training = True", False),
    "the model by name": ("getattr(self, 'mo' + 'del').stop_training = True", False),
    "the model in the end": ("net.stop_training = True", False),
    "the model of a model": ("self._model.stop_training = True", False),
    "attributes": ("self.__dict__['_model'].stop_training = True", False),
    "a list outside": ("SEEN.append(epoch)", False),
    "imports": ("import keras", False),
    "runs": ("exec('1')", False),
    "within a function": ("(lambda: self.model)()", False),
}


@pytest.mark.parametrize(("body", "looks"), CALLBACKS.values(), ids=CALLBACKS.keys())
def test_callbacks_that_can_only_look_on(body: str, looks: bool) -> None:
    known: dict[str, Any] = {"__name__": "__main__", "time": time, "SEEN": SEEN, "net": object()}
    source = "class Mine(Callback):\n  def __init__(self):\n    super().__init__()\n    self.kept = []\n"
    known["Callback"] = type("Callback", (), {"__module__": "keras.src.callbacks.callback"})
    exec(f"{source}  def on_epoch_end(self, epoch, logs=None):\n    {body}\n", known)
    mine = known["Mine"]()
    assert onlookers.onlookers([mine, a_callback("EarlyStopping")]) == (["Mine"] if looks else [])
    mine.optimizer = object()
    assert onlookers.onlookers(mine) == [], "it holds what may take part"
    assert onlookers.onlookers(None) == []


def test_callbacks_with_a_handle() -> None:
    base = type("Callback", (), {"__module__": "keras.src.callbacks.callback"})

    def made(net: Json, count: int = 0) -> Json:
        class Mine(base):  # type: ignore[misc, valid-type]
            def on_epoch_end(self, epoch: int) -> Json:
                return net

        return Mine()

    stopping = type("EarlyStopping", (base,), {"__module__": "keras.src.callbacks.early_stopping"})
    assert onlookers.onlookers([made(3)]) == ["Mine"]
    assert onlookers.onlookers([made(3), made(object())]) == []
    assert onlookers.onlookers([type("Mine", (stopping,), {})()]) == [], "what it extends acts"


@pytest.mark.parametrize("kind", ["uint8", "float32", "float64"])
def test_rows_given_again_add_nothing(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3000, 8, 8)).astype(kind)
    assert varied(images) == varied(np.concatenate([images, images])) == (3000, 3000.0)
    assert varied(np.concatenate([images, images[:, ::-1]])) == (6000, 6000.0)
    distinct, even = varied(np.concatenate([images, images[:600]]))
    assert (distinct, even) == (3000, pytest.approx(3600**2 / (2400 + 600 * 4)))
    monkeypatch.setattr(prints, "COUNTED_BYTES", images.nbytes // 3)
    assert varied(images) == varied(np.concatenate([images] * 3)) == (3000, 3000.0)


def test_rows_that_nobody_could_tell_apart_are_one() -> None:
    images = np.random.default_rng(0).random((500, 8, 8))
    assert varied(np.concatenate([images, images + 1e-12]))[0] < 520
    assert varied(np.concatenate([images, images + 0.01]))[0] == 1000
    assert prints.variety(np.full((4, 2), np.nan), None)["distinct"] == 1
    assert prints.variety(np.array(["a", "b"]), None) == {}


def test_a_sequence_shows_its_first_batch_and_leaves_chance_alone() -> None:
    class Batches:
        def __len__(self) -> int:
            return 3

        def __getitem__(self, number: int) -> tuple[Any, Any]:
            return np.random.rand(8, 2), np.ones(8)

    np.random.seed(1)
    wanted = np.random.rand()
    np.random.seed(1)
    facts = prints.fingerprint(Batches())
    assert facts is not None
    assert (facts["kind"], facts["shape"], facts["rows"]) == ("sequence", [24, 2], [])
    assert np.random.rand() == wanted


def test_a_generator_is_never_read() -> None:
    generator = iter([np.zeros((2, 2))])
    assert prints.fingerprint(generator) == {"kind": "sequence"}
    assert len(list(generator)) == 1


# --- repeated images are left out ------------------------------------------------------------------------------------


def repeated(images: int, times: int) -> np.ndarray[Any, Any]:
    return np.repeat(np.arange(images, dtype=np.float32)[:, None] * np.ones(3, np.float32), times, axis=0)


def test_repeats_are_left_out_in_order() -> None:
    x = repeated(100, 4)
    thinned, stride = thinning.thin({"x": x, "y": x[:, 0], "sample_weight": x[:, 1], "epochs": 5}, SERVED)
    assert stride == 4
    assert thinned["x"][:, 0].tolist() == list(range(100))
    assert thinned["y"].tolist() == thinned["sample_weight"].tolist() == list(range(100))
    assert thinned["epochs"] == 5


def test_a_shuffled_split_keeps_each_image_once() -> None:
    order = np.random.default_rng(0).permutation(400)[:320]
    x = repeated(100, 4)[order]
    thinned, _ = thinning.thin({"x": x, "y": x[:, 0]}, SERVED)
    assert sorted(thinned["y"].tolist()) == sorted(set(x[:, 0].tolist()))
    assert (thinned["x"][:, 0] == thinned["y"]).all()


def test_augmented_copies_count_as_repeats() -> None:
    x = repeated(100, 4) + np.random.default_rng(0).normal(0, 0.01, (400, 3))
    thinned, stride = thinning.thin({"x": x}, SERVED)
    assert stride == 4
    assert (thinned["x"] == x[::4]).all()


@pytest.mark.parametrize("rows", [20, 39, 100])
def test_a_small_part_is_left_as_it_is(rows: int) -> None:
    given = {"x": repeated(100, 4)[:rows]}
    assert thinning.thin(given, SERVED) == (given, 1)


def test_without_repeats_nothing_happens() -> None:
    given = {"x": repeated(100, 4)}
    assert thinning.thin(given, thinning.Served(1, 400, 100)) == (given, 1)


def test_validation_rows_are_thinned_unless_they_are_the_test_set() -> None:
    x, held_out, test = repeated(80, 4), repeated(20, 4), repeated(50, 2)
    ours, _ = thinning.thin({"x": x, "validation_data": (held_out, held_out[:, 0])}, SERVED)
    assert ours["validation_data"][1].tolist() == list(range(20))
    theirs, _ = thinning.thin({"x": x, "validation_data": (test, test[:, 0])}, SERVED)
    assert len(theirs["validation_data"][0]) == 100


def test_a_generator_gets_fewer_steps() -> None:
    generator = iter([])
    assert thinning.thin({"x": generator, "steps_per_epoch": 10}, SERVED) == ({"x": generator, "steps_per_epoch": 3}, 3)
    assert thinning.thin({"x": generator, "steps_per_epoch": 2}, SERVED)[1] == 1


# --- who called ------------------------------------------------------------------------------------------------------


def called(source: str, name: str, **variables: Json) -> tuple[list[str], dict[str, str]]:
    """Run a student's cell that calls ``here()``; the functions and labels seen from there."""
    seen: list[tuple[list[str], dict[str, str]]] = []

    def here(*_: Json) -> None:
        running = stack.frames(lambda file: file == name)
        seen.append((stack.functions(running), stack.labels(running)))

    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    exec(compile(source, name, "exec"), {"here": here, **variables})
    return seen[-1]


def test_functions_and_arguments_of_the_caller() -> None:
    source = (
        "def create_deep(): pass\n"
        "def train(creator, title):\n    epochs = 3\n    here()\n"
        "def study():\n    train(create_deep, 'Modèle profond')\n"
        "study()"
    )
    functions, labels = called(source, "<cell 1>")
    assert functions == ["study", "train"]
    assert labels == {"creator": "create_deep", "title": "Modèle profond"}


def test_the_loop_around_the_call_names_it() -> None:
    source = (
        "for nom, taux in [('A', 0.1), ('B', 0.2)]:\n    [here() for _ in range(1)]\nnom_final = 'later'\nother = 'x'"
    )
    functions, labels = called(source, "<cell 2>", leftover="from another cell")
    assert functions == []
    assert labels == {"nom": "B"}


def test_a_telling_name_set_in_the_same_cell() -> None:
    assert called("model_name = 'CNN 2'\npath = '/tmp'\nhere()", "<cell 3>")[1] == {"model_name": "CNN 2"}


def test_a_cell_that_python_cannot_parse_has_no_labels() -> None:
    running = [
        types.SimpleNamespace(f_code=types.SimpleNamespace(co_name="<module>", co_filename="no such"), f_lineno=1)
    ]
    assert stack.labels(running) == {}  # type: ignore[arg-type]


def test_long_texts_are_no_labels() -> None:
    assert called("title = 'x' * 500\nhere()", "<cell 4>")[1] == {}


# --- models as plain values ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "names", "wanted"),
    [
        ({"acc": 1, "val_acc": 2, "loss": 3}, {}, {"accuracy": 1, "val_accuracy": 2, "loss": 3}),
        ({"sparse_categorical_accuracy": 1}, {}, {"accuracy": 1}),
        ({"justesse": 1, "val_justesse": 2}, {"justesse": "accuracy"}, {"accuracy": 1, "val_accuracy": 2}),
        ({"categorical_accuracy": 1, "accuracy": 2}, {}, {"accuracy": 2}),
        ({"lr": 1, "top_k_categorical_accuracy": 2}, {}, {"learning_rate": 1, "top_k_categorical_accuracy": 2}),
    ],
)
def test_names_of_metrics_are_normalised(given: Json, names: Json, wanted: Json) -> None:
    assert models.normalise(given, names) == wanted


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("CategoricalCrossentropy", "categorical_crossentropy"), ("mse", "mse"), ("KLDivergence", "kldivergence")],
)
def test_losses_are_named_alike(name: str, wanted: str) -> None:
    assert models.snake(name) == wanted


def archive(path: Path, *nodes: Json) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("config.json", json.dumps({"class_name": "Sequential", "module": "keras", "config": list(nodes)}))
    return path


@pytest.mark.parametrize(
    ("node", "stranger"),
    [
        ({"class_name": "Dense", "module": "keras.layers", "registered_name": None}, None),
        ({"class_name": "function", "module": "keras.activations", "config": "relu"}, None),
        ({"class_name": "__tuple__", "items": [1]}, None),
        ({"class_name": "function", "module": "builtins", "config": "swish_of_mine"}, "swish_of_mine"),
        ({"class_name": "Residual", "module": "__main__", "registered_name": "Residual"}, "Residual"),
        ({"class_name": "Block", "module": None, "registered_name": "Mine>Block"}, "Block"),
        ({"class_name": "__lambda__", "config": {}}, "__lambda__"),
    ],
)
def test_strangers_in_a_saved_model(tmp_path: Path, node: Json, stranger: str | None) -> None:
    assert models.strangers(archive(tmp_path / "m.keras", {"config": node})) == ([stranger] if stranger else [])


# --- tables and parameters -------------------------------------------------------------------------------------------


class Hostile:
    def __repr__(self) -> str:
        raise AssertionError("asked for its repr")

    def __eq__(self, other: object) -> bool:
        raise AssertionError("asked for equality")

    __hash__ = None  # type: ignore[assignment]


def test_results_are_found_in_their_usual_forms() -> None:
    names = {
        "results": {"A": {"accuracy": np.float32(0.5), "history": [1, 2], "model": Hostile()}, "B": {"accuracy": 0.75}},
        "columns": {"Modèle": ["A", "B"], "Précision": [0.5, float("nan")]},
        "rows": [{"name": "A", "acc": 0.5}],
        "tuples": [("A", 0.5, 3), ("B", 0.75, 4)],
        "scores": {"A": 0.5, "B": 0.75},
        "_hidden": {"A": 0.5},
        "nothing": [Hostile()],
        "images": [[0, 1], [1, 0]],
    }
    found = {frame["name"]: (frame["columns"], frame["index"], frame["rows"]) for frame in harvest.frames(names)}
    assert found == {
        "results": (["accuracy", "history", "model"], ["A", "B"], [[0.5, None, None], [0.75, None, None]]),
        "columns": (["Modèle", "Précision"], ["0", "1"], [["A", 0.5], ["B", None]]),
        "rows": (["name", "acc"], ["0"], [["A", 0.5]]),
        "tuples": (["0", "1", "2"], ["0", "1"], [["A", 0.5, 3], ["B", 0.75, 4]]),
        "scores": (["value"], ["A", "B"], [[0.5], [0.75]]),
    }


def test_data_frames_of_comparisons_but_not_of_data() -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"Modèle": ["A"], "Précision": [0.98]}, index=["premier"])
    names = {"table": table, "pixels": pandas.DataFrame(np.zeros((500, 784)))}
    (frame,) = harvest.frames(names)
    assert frame == {
        "name": "table",
        "kind": "dataframe",
        "columns": ["Modèle", "Précision"],
        "index": ["premier"],
        "rows": [["A", 0.98]],
    }


def test_tables_are_capped() -> None:
    names = {f"t{number}": {"a": "x" * 1000} for number in range(40)}
    frames = harvest.frames(names | {"long": {str(key): 1 for key in range(100)}})
    assert len(frames) == harvest.FRAMES
    assert {len(frame["rows"][0][0]) for frame in frames} == {harvest.TEXT}


def test_parameters_that_no_longer_hold() -> None:
    given = {"kept": [1, {"a": 2.0}], "changed": 1, "retyped": 1, "gone": "x", "hostile": 1}
    names = {"kept": [1, {"a": 2.0}], "changed": 2, "retyped": True, "hostile": Hostile()}
    assert harvest.changed(names, given) == ["changed", "retyped", "gone", "hostile"]


# --- the recorder ----------------------------------------------------------------------------------------------------


UNWATCHED: Any = object()
"""Callbacks of a kind that nothing can be added to, so that these tests need no Keras."""


class Model:
    """As much of a Keras model as the hooks touch; saving it fails."""

    built = True
    layers: tuple[Any, ...] = ()
    loss = "mse"
    optimizer = None

    def __init__(self) -> None:
        self.weights = [np.zeros(3)]
        self.calls: list[Any] = []

    def count_params(self) -> int:
        return 3

    def fit(self, x: Json = None, y: Json = None, epochs: int = 1, callbacks: Json = None) -> str:
        self.calls.append((x, y, epochs))
        self.evaluate(x)
        return "history"

    def evaluate(self, x: Json = None) -> float:
        return 0.5

    def predict(self, x: Json = None) -> Json:
        return x

    def get_metrics_result(self) -> dict[str, float]:
        return {"loss": 0.25, "acc": 0.5, "nan": float("nan")}


@pytest.fixture
def hooked(recorder: Recorder) -> type[Model]:
    kind: type[Model] = type("Hooked", (Model,), dict(vars(Model)))
    recorder.install(kind)
    return kind


def test_a_training_is_recorded_and_its_own_evaluations_are_not(recorder: Recorder, hooked: type[Model]) -> None:
    model = hooked()
    assert model.fit(np.zeros((200, 2)), epochs=3, callbacks=UNWATCHED) == "history"
    model.evaluate(np.zeros((200, 2)))
    assert [(one["number"], one["model"], one["finished"]) for one in recorder.trainings] == [(1, "m1", True)]
    assert recorder.trainings[0]["arguments"] == {"epochs": 3, "callbacks": ["object"]}
    assert [one["results"] for one in recorder.evaluations] == [{"loss": 0.25, "accuracy": 0.5}]
    recorder.flush()
    content = recorder.handover.read("ledger.json", 1 << 20)
    assert content is not None
    known = TypeAdapter(Ledger).validate_json(content)
    assert isinstance(known.trainings[0], Training)
    assert isinstance(known.evaluations[0], Evaluation)


def test_a_training_that_fails_fails_as_before(recorder: Recorder, hooked: type[Model]) -> None:
    def broken(self: Json, x: Json = None) -> None:
        raise KeyboardInterrupt

    hooked.evaluate = broken  # type: ignore[method-assign, assignment]
    with pytest.raises(KeyboardInterrupt):
        hooked().fit(np.zeros((200, 2)), callbacks=UNWATCHED)
    assert [one["finished"] for one in recorder.trainings] == [False]
    assert recorder.trainings[0]["epochs_run"] == 0


def test_a_use_that_fails_says_nothing_about_the_images(recorder: Recorder) -> None:
    def choosy(self: Json, x: Json = None) -> Json:
        if x.ndim != 2:
            raise ValueError("wants rows")
        return x

    kind: type[Model] = type("Choosy", (Model,), {**vars(Model), "predict": choosy})
    recorder.install(kind)
    model = kind()
    with pytest.raises(ValueError, match="wants rows"):
        model.predict(np.zeros((200, 4, 4)))
    model.predict(np.zeros((200, 16)))
    assert [one["x"]["shape"] for one in recorder.evaluations] == [[200, 16]]


def test_a_wrong_call_raises_what_it_would_have_raised(recorder: Recorder, hooked: type[Model]) -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'epoch'"):
        hooked().fit(np.zeros((200, 2)), epoch=3)
    assert recorder.trainings == []


def test_a_failure_of_the_ledger_is_noted_and_the_training_goes_on(recorder: Recorder, hooked: type[Model]) -> None:
    recorder.handover.folder.rmdir()
    model = hooked()
    assert model.fit(np.zeros((200, 2)), callbacks=UNWATCHED) == "history"
    assert len(model.calls) == 1
    assert any("FileNotFoundError" in note for note in recorder.notes)


def test_small_predictions_do_not_fill_the_ledger(recorder: Recorder, hooked: type[Model]) -> None:
    model = hooked()
    for _ in range(200):
        model.predict(np.zeros((1, 2)))
    model.predict(np.zeros((200, 2)))
    assert len(recorder.evaluations) == 52
    together, large = recorder.evaluations[-2:]
    assert (together["x"]["kind"], together["x"]["shape"]) == ("sequence", [200, 2])
    assert large["x"]["shape"] == [200, 2]
    assert {one.get("saved") for one in recorder.evaluations[:50]} == {None}


def test_ids_are_never_used_twice(recorder: Recorder) -> None:
    numbers = {recorder.model_id(Model()) for _ in range(20)}
    assert len(numbers) == 20


def test_models_that_cannot_be_saved_are_held_for_the_end(recorder: Recorder, hooked: type[Model]) -> None:
    kept = [hooked() for _ in range(10)]
    for number, model in enumerate(kept):
        model.weights = [np.full(3, number)]
        model.fit(np.zeros((200, 2)), callbacks=UNWATCHED)
    assert recorder.trainings[0]["save_error"] == "uses classes of its own: Hooked"
    assert list(recorder.keep.unsaved) == [f"m{number}" for number in range(3, 11)]


def test_models_of_a_keras_that_the_notebook_imported_anew_keep_their_names(recorder: Recorder) -> None:
    """As do those of the one that it had before, whichever ``sys.modules`` names at the end."""
    before, anew = (type("Trainer", (), {"compile": lambda self: None}) for _ in range(2))
    for trainer in (before, anew):
        recorder.install_compile(trainer)
    recorder.keep.model = lambda *model, **how: ("", "", "")  # type: ignore[method-assign]
    found = harvest.bindings(recorder, {"best_model": before(), "results": {"cnn": anew()}, "x": object()})
    assert found == {"best_model": "m1", "results['cnn']": "m2"} and recorder.notes == []


def test_models_of_a_keras_without_hooks_are_named(recorder: Recorder) -> None:
    bases = [type("Trainer", (), {"__module__": f"{name}.src.trainers.trainer"}) for name in ("keras", "keras")]
    recorder.trainers.append(bases[0])
    names = {"seen": type("Model", (bases[0],), {})(), "past": type("Model", (bases[1],), {})(), "x": 1}
    assert harvest.unrecorded(recorder, names) == ["past"]


def test_it_is_told_with_which_weights_models_will_answer(recorder: Recorder, hooked: type[Model]) -> None:
    """A rebuilt model into which the best weights were loaded has the digest of the training that left these."""
    trained, rebuilt = hooked(), hooked()
    recorder.keep.hold(trained)
    recorder.keep.hold(rebuilt)
    told = harvest.answering(recorder)
    assert set(told) == {"m1", "m2"} and told["m1"] == told["m2"] != ""
    trained.weights = [np.ones(3)]
    later = harvest.answering(recorder)
    assert later["m1"] not in ("", told["m1"]) and later["m2"] == told["m2"]
    assert recorder.notes == []


def test_of_models_held_the_bound_and_the_accurate_ones_stay(recorder: Recorder, hooked: type[Model]) -> None:
    kept = [hooked() for _ in range(12)]
    numbers = [recorder.model_id(model) for model in kept]
    recorder.keep.figures.update({number: 0.5 for number in numbers} | {numbers[1]: 0.9})
    recorder.keep.bound = {numbers[0]}
    for place, model in enumerate(kept):
        model.weights = [np.full(3, place)]
        recorder.keep.model(model, f"fit-{place}.keras")
    assert list(recorder.keep.unsaved) == [numbers[0], numbers[1], *numbers[6:]]


def test_where_room_is_short_models_that_fell_behind_stay_until_they_are_used(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(model: Model, path: Path) -> None:
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("config.json", "{}")

    monkeypatch.setattr(models, "save", save)
    monkeypatch.setattr(models, "foreign", lambda model: [])
    monkeypatch.setattr(keep, "THRIFTY_BYTES", -1)
    best, behind, unknown = Model(), Model(), Model()
    for place, model in enumerate((best, behind, unknown)):
        model.weights = [np.full(3, place)]
    recorder.keep.figures.update({recorder.model_id(best): 0.9, recorder.model_id(behind): 0.8})
    assert recorder.keep.model(best, "fit-1.keras", spare=True)[0] == "fit-1.keras"
    assert recorder.keep.model(behind, "fit-2.keras", spare=True)[0] == ""
    assert recorder.keep.model(behind, "use-1.keras")[0] == "use-1.keras"
    assert recorder.keep.model(unknown, "fit-3.keras", spare=True)[0] == "fit-3.keras"


# --- labels ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ([3, 1], [3, 1]),
        (np.array([[3], [1]], np.uint8), [3, 1]),
        (np.eye(4, dtype=np.float32)[[3, 1]], [3, 1]),
        (np.array([3.0, 1.0]), [3, 1]),
        (np.array([True, False]), [1, 0]),
        (np.array([0.5, 1.25]), [0.5, 1.25]),
        (np.array([[0.1, 0.9], [0.6, 0.4]]), [1, 0]),
        (np.zeros((2, 28, 28)), None),
        (np.zeros((2, 10)), None),
        (np.array([np.nan, 1.0]), None),
        (None, None),
    ],
)
def test_labels_are_one_number_a_row(given: Json, wanted: list[float] | None) -> None:
    found = targets.flat(given)
    assert (None if found is None else found.tolist()) == wanted


def test_rows_that_a_model_answered_are_counted_among_labels() -> None:
    chance = np.random.default_rng(3)
    x, ones = np.zeros((100, 2), np.float32), np.eye(10)[chance.integers(0, 10, 100)]
    answers = chance.random((100, 10)) / 5
    answers /= answers.sum(axis=1, keepdims=True)
    part = chance.random((100, 1))

    def share(y: np.ndarray[Any, Any]) -> float:
        return float(targets.described(x, y, lambda content: "", 10)["y"].get("answers", 0.0))

    assert share(answers) == 1.0 and share(np.concatenate([ones[:50], answers[:50]])) == 0.5
    mixed = part * ones + (1 - part) * ones[::-1]
    assert share(ones) == share(mixed) == share(0.9 * mixed + 0.01) == 0.0
    assert share(answers[:10][chance.integers(0, 10, 100)]) == 0.0, "a row for each class"


def test_a_sample_holds_every_label_and_many_rows_where_these_are_few() -> None:
    x, all_ten = np.arange(2000, dtype=np.float32).reshape(1000, 2), np.arange(1000) // 100

    def rows(labels: Json) -> tuple[list[int], list[int], int]:
        facts = targets.described(x, labels, lambda content: "sample-1.npy", 10)
        return facts["x"]["rows"], facts["y_sample"], facts["y_classes"]

    number, labels, classes = rows(all_ten)
    assert (len(number) < 50, set(labels), classes) == (True, set(range(10)), 10)
    assert labels == all_ten[number].tolist()
    number, labels, classes = rows(all_ten == 4)
    assert (len(number) > 200, set(labels), classes) == (True, {0, 1}, 2)
    assert labels == (all_ten == 4)[number].astype(int).tolist()
    assert rows(all_ten[:50])[1:] == ([], 0), "labels of other rows than these"
    number, labels, classes = rows([all_ten == 4, all_ten])
    assert labels == all_ten[number].tolist() and classes == 10, "of several outputs those that hold all classes"
    assert rows({"a": x, "b": all_ten == 4})[2] == 2 and rows([x, x])[1:] == ([], 0) == rows([all_ten, x[:5]])[1:]


def test_a_batch_shows_its_own_labels_and_tells_how_many_only_when_it_is_large() -> None:
    class Batches:
        def __init__(self, rows: int) -> None:
            self.rows = rows

        def __len__(self) -> int:
            return 3

        def __getitem__(self, number: int) -> tuple[Any, Any]:
            return np.random.rand(self.rows, 2), np.arange(self.rows) % 10

    facts = [targets.described(Batches(rows), None, lambda content: "sample-1.npy", 10) for rows in (30, 300)]
    assert [one["y_classes"] for one in facts] == [0, 10]
    repeated = [(np.repeat(np.random.rand(3, 2), 30, axis=0), np.repeat([7, 2, 1], 30))] * 2
    assert targets.of_batches(repeated, 180, lambda content: "sample-1.npy", 10)["y_classes"] == 0
    assert [len(one["y_sample"]) >= 30 for one in facts] == [True, True]


# --- trainings by hand -----------------------------------------------------------------------------------------------


class Part:
    def __init__(self, *variables: object) -> None:
        self.trainable_variables = list(variables)


def test_variables_belong_to_the_model_that_fits_them_best() -> None:
    a, b, c = object(), object(), object()
    whole, first, last, other = Part(a, b), Part(a), Part(b), Part(c)
    everyone = [whole, first, last, other]
    assert steps.owners({id(a), id(b)}, everyone) == [whole]
    assert steps.owners({id(a)}, everyone) == [first]
    assert steps.owners({id(a), id(c)}, [first, other]) == [first, other]
    assert steps.owners({id(object())}, everyone) == []


def test_steps_of_two_models_are_two_trainings(recorder: Recorder, hooked: type[Model]) -> None:
    generator, judge = hooked(), hooked()
    for _ in range(3):
        for model, rows in ((generator, 8), (judge, 16)):
            recorder.steps._step(model, None, np.zeros((rows, 2)), np.arange(rows) % 2, losses.Told("mse"))
    recorder.end_cell(failed=True)
    told = [one["arguments"].pop("step") for one in recorder.trainings]
    assert told[0] == told[1] != ""
    facts = [(one["model"], one["arguments"], one["epochs_run"], one["finished"]) for one in recorder.trainings]
    assert facts == [
        ("m1", {"loop": True, "steps": 3, "batch_size": 8}, 1, False),
        ("m2", {"loop": True, "steps": 3, "batch_size": 16}, 1, False),
    ]
    assert [one["x"]["shape"] for one in recorder.trainings] == [[24, 2], [48, 2]]
    recorder.flush()
    content = recorder.handover.read("ledger.json", 1 << 20)
    assert content is not None
    assert TypeAdapter(Ledger).validate_json(content).trainings[0].y_sample[:3] == (0, 1, 0)


def test_gradients_and_graphs_that_no_step_follows_are_counted(recorder: Recorder, hooked: type[Model]) -> None:
    class Tape:
        def gradient(self, target: Json, sources: Json) -> str:
            return "gradient"

    class Session:
        def run(self, fetches: Json) -> str:
            return "fetched"

    recorder.steps.install_tape(Tape)
    recorder.steps.install_session(Session)
    for _ in range(30):
        assert Tape().gradient(1, 2) == "gradient"
        recorder.steps._step(hooked(), None, np.zeros((8, 2)), None, losses.Told("mse"))
    recorder.end_cell(failed=False)
    assert recorder.unfollowed == 0
    assert [Tape().gradient(1, 2), Session().run(1)] == ["gradient", "fetched"]
    with recorder.silently():
        Tape().gradient(1, 2)  # on Keras' own behalf
    recorder.end_cell(failed=False)
    assert recorder.unfollowed == 2


def test_fit_ends_what_a_loop_began(recorder: Recorder, hooked: type[Model]) -> None:
    model = hooked()
    recorder.steps._step(model, None, np.zeros((8, 2)), None, losses.Told("huber", {"delta": 2.0}))
    model.fit(np.zeros((200, 2)), callbacks=UNWATCHED)
    assert [one["loss_settings"] for one in recorder.trainings] == [{"delta": 2.0}, {}]
    assert recorder.trainings[1]["learnt_from"] == ()
    assert [(one["number"], one["finished"]) for one in recorder.trainings] == [(1, True), (2, True)]
    assert recorder.steps.number(model) is None


def test_a_call_of_the_model_on_each_batch_of_its_training_is_no_use(recorder: Recorder, hooked: type[Model]) -> None:
    model = hooked()
    for _ in range(5):
        recorder.steps._step(model, None, np.zeros((128, 2)), None, losses.Told("mse"))
        recorder.tally.add(model, np.zeros((128, 2)))
    assert recorder.evaluations == []
    for _ in range(3):
        recorder.tally.add(model, np.zeros((128, 2)))
    assert [one["x"]["shape"] for one in recorder.evaluations] == [[512, 2]]


def test_calls_on_as_many_images_as_in_an_earlier_cell_are_wholes(tmp_path: Path, hooked: type[Model]) -> None:
    """The test set, then what was made of it; batches of one cell are together one use, as before."""
    cell = [1]
    recorder = Recorder(JOB, Handover(tmp_path), lambda: cell[0])
    model, images = hooked(), np.random.default_rng(0).random((240, 2))
    recorder.tally.add(model, images)
    recorder.end_cell(failed=False)
    cell[0] = 2
    for scale in (0.9, 0.5, 0.5):
        recorder.tally.add(model, images * scale)
    for start in (0, 120):
        recorder.tally.add(model, images[start : start + 120])
    found = [(one["execution_count"], one["x"]["kind"], one["x"]["shape"]) for one in recorder.evaluations]
    assert found == [(1, "array", [240, 2]), (2, "array", [240, 2]), (2, "array", [240, 2]), (2, "sequence", [240, 2])]
    assert len({one["x"]["digest"] for one in recorder.evaluations}) == 4
    for scale in range(40):
        recorder.tally.add(model, images + scale)
    assert sum(one["x"]["kind"] == "array" for one in recorder.evaluations) <= 2 + 20


def test_what_is_one_too_many_to_be_on_record_is_counted(
    recorder: Recorder, hooked: type[Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autograder.guest.recording.ledger.TRAININGS", 1)
    monkeypatch.setattr(scores, "ESTIMATORS", 1)
    model, machine = hooked(), types.SimpleNamespace(classes_=[0, 1], predict=None)
    assert recorder.add_training(model, {}) is not None and recorder.add_training(model, {}) is None
    assert recorder.keep.unsampled == 1
    for rows in (300, 20, 300):
        scores._add_estimator(recorder, machine, np.zeros((rows, 64)))
    assert [one["rows"] for one in recorder.estimators] == [300] and recorder.keep.unsampled == 2


# --- the handover folder ---------------------------------------------------------------------------------------------


def test_the_runner_reads_only_plain_files_of_a_fair_size(tmp_path: Path) -> None:
    handover = Handover(tmp_path)
    (tmp_path / "secret").write_text("labels")
    (tmp_path / "fit-1.keras").symlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "fit-2.keras")
    handover.put("fit-3.keras", b"model")
    handover.put("fit-10.keras", b"too large")
    handover.making("fit-4.keras").write_bytes(b"half")
    handover.put("evil.keras.sh", b"x")
    assert handover.artifacts() == ["fit-1.keras", "fit-2.keras", "fit-3.keras", "fit-10.keras"]
    assert [handover.take(name, 5) for name in handover.artifacts()] == [None, None, b"model", None]
    assert handover.artifacts() == []
    assert (tmp_path / "secret").read_text() == "labels"


# --- a real notebook -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Execution, Ledger, Store]:
    folder = tmp_path_factory.mktemp("trained")
    data, store = load("digits", split_seed=20, hidden_images=100), Store(folder / "state")

    def prepare(known: Ledger, so_far: Execution) -> Showing:
        flat = Step(op="reshape", values={"shape": [784]})
        steps = (flat, Step(op="affine", values={"scale": 1 / 255, "offset": 0.0}))
        recipes = {one.model: steps for one in known.trainings if one.save_error}
        turned = store.put_array(data.x_hidden[::-1])
        return Showing(
            images=store.put_array(data.x_hidden), recipes=recipes, final=next(iter(recipes)), altered=turned
        )

    job = Job(notebook=notebook(*TRAINING), data=data, data_file=room_file(data, folder))
    execution = execute(job, Plain(), store, prepare=prepare)
    assert execution.ledger is not None
    return execution, TypeAdapter(Ledger).validate_json(store.get(execution.ledger)), store


@pytest.mark.kernel
def test_the_notebook_noticed_nothing(trained: tuple[Execution, Ledger, Store]) -> None:
    execution, ledger, store = trained
    assert [run.state.value for run in execution.cells] == ["ran", "ran", "ran", "ran", "ran", "raised"]
    assert ledger.notes == ()
    assert execution.notebook is not None
    cells = json.loads(store.get(execution.notebook))["cells"][1:]
    printed = "".join(out["text"] for out in cells[0]["outputs"] if out.get("name") == "stdout")
    assert printed == "(60000, 28, 28) (60000,) (10000, 28, 28) (10000,) uint8 True\n"
    traceback = "".join(cells[5]["outputs"][-1]["traceback"])
    assert "guest" not in traceback
    assert "ledger.py" not in traceback


@pytest.mark.kernel
def test_models_trained_inside_a_function_are_found(trained: tuple[Execution, Ledger, Store]) -> None:
    execution, ledger, _ = trained
    first, second = ledger.trainings[:2]
    assert [(one.number, one.functions, one.builder) for one in (first, second)] == [
        (1, ("evaluate_model",), "create_linear"),
        (2, ("evaluate_model",), "create_linear"),
    ]
    assert (first.labels["model_name"], second.labels["nom"]) == ("Référence", "Variante")
    assert first.model != second.model
    assert [layer.kind for layer in first.layers] == ["Dense"]
    assert first.layers[0].config["activation"] == "softmax"
    assert first.parameters == 7850
    assert (first.optimizer["name"], first.optimizer["learning_rate"]) == ("adam", 0.001)
    assert first.loss == "sparse_categorical_crossentropy"
    assert first.arguments["validation"] == "split"
    assert first.x.shape == (60_000, 784)
    assert first.epochs_run == len(first.history["val_accuracy"]) == 2
    assert first.saved == "fit-1.keras"
    assert first.saved in execution.artifacts
    assert first.x.sample in execution.artifacts
    assert first.execution_count in {run.execution_count for run in execution.cells}


@pytest.mark.kernel
def test_the_served_repeats_cost_no_time(trained: tuple[Execution, Ledger, Store]) -> None:
    _, ledger, _ = trained
    assert ledger.trainings[0].stride > 30
    assert ledger.trainings[2].stride == 1


@pytest.mark.kernel
def test_evaluations_name_the_weights_they_used(trained: tuple[Execution, Ledger, Store]) -> None:
    _, ledger, _ = trained
    first, second, prediction, altered = ledger.evaluations
    assert [one.kind for one in ledger.evaluations] == ["evaluate", "evaluate", "predict", "evaluate"]
    assert (first.saved, second.saved) == ("fit-1.keras", "fit-2.keras")
    assert 0 < first.results["accuracy"] <= 1
    assert prediction.saved == ledger.trainings[2].saved
    assert first.x.digest == prediction.x.digest == ledger.trainings[2].validation_x.digest  # type: ignore[union-attr]
    assert altered.saved.startswith("use-"), "weights that no training produced are saved before they are used"
    assert altered.model not in {training.model for training in ledger.trainings}


@pytest.mark.kernel
def test_what_is_bound_at_the_end(trained: tuple[Execution, Ledger, Store]) -> None:
    _, ledger, _ = trained
    assert ledger.bindings["best_model"] == ledger.trainings[2].model
    assert ledger.bindings["own"] == ledger.trainings[3].model
    (frame,) = [frame for frame in ledger.frames if frame.name == "results"]
    assert frame.index == ("Référence", "Variante")
    assert frame.rows[0][frame.columns.index("accuracy")] == pytest.approx(ledger.evaluations[0].results["accuracy"])


@pytest.mark.kernel
def test_a_model_of_its_own_classes_answers_in_the_kernel(trained: tuple[Execution, Ledger, Store]) -> None:
    execution, ledger, store = trained
    training = ledger.trainings[3]
    assert training.saved == ""
    assert "Own" in training.save_error
    assert list(execution.fallbacks) == [training.model]
    answers = store.get_array(execution.fallbacks[training.model])
    assert answers.dtype == np.float32
    assert answers.shape == (100, 10)
    altered = execution.altered
    assert altered is not None and (altered.model, altered.problem) == (training.model, None)
    (again,) = (store.get_array(part) for part in altered.answers)
    assert np.allclose(again[::-1], answers, atol=1e-5), "asked a second time, in another order"


@pytest.mark.kernel
def test_a_training_that_raised_is_unfinished(trained: tuple[Execution, Ledger, Store]) -> None:
    _, ledger, _ = trained
    assert [training.finished for training in ledger.trainings] == [True, True, True, True, False]
    assert ledger.trainings[4].history == {}


@pytest.mark.kernel
def test_a_saved_model_is_small_and_loads_alone(trained: tuple[Execution, Ledger, Store], tmp_path: Path) -> None:
    execution, ledger, store = trained
    content = store.get(execution.artifacts[ledger.trainings[2].saved])
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        config = json.loads(file.read("config.json"))
    assert not config.get("compile_config")
    assert len(content) < 3 * 7850 * 4, "the optimiser's state was saved too"


# --- settings that may have no effect --------------------------------------------------------------------------------


def a_callback(kind: str, module: str = "keras.src.callbacks", **settings: Json) -> object:
    return type(kind, (), {"__module__": module, **settings})()


def test_the_patience_of_callbacks_is_noted_where_it_is_all_that_matters() -> None:
    stopping, plateau = a_callback("EarlyStopping", patience=3), a_callback("ReduceLROnPlateau", patience=9)
    assert steering.patience([stopping, plateau]) == {"EarlyStopping": 3, "ReduceLROnPlateau": 9}
    assert steering.patience([stopping, a_callback("EarlyStopping", patience=2)]) == {"EarlyStopping": 2}
    assert steering.patience([a_callback("EarlyStopping", patience=3, start_from_epoch=4)]) == {"EarlyStopping": 7}
    best = a_callback("EarlyStopping", patience=50, restore_best_weights=True)
    assert steering.patience([best]) == {}, "it puts the best weights back at the end of any training"
    assert steering.patience([best, stopping]) == {}
    assert steering.patience([a_callback("EarlyStopping", "__main__", patience=50)]) == {}
    assert steering.patience(None) == steering.patience(a_callback("TensorBoard")) == {}


@pytest.mark.parametrize(
    ("given", "weighs"),
    [(None, False), ({}, False), ({0: 1.0, 1: 1}, False), ({0: 1.0, 1: 2.0}, True), ({0: "?"}, True), ([1, 1], True)],
)
def test_weights_of_classes_that_are_all_one_are_none(given: Json, weighs: bool) -> None:
    assert steering.weighs(given) is weighs


def test_of_a_layer_within_a_layer_figures_and_the_activation_are_told() -> None:
    inner = {"class_name": "LSTM", "config": {"units": 8, "activation": "tanh", "dropout": 0.3, "name": "lstm"}}
    assert models._config({"layer": inner, "name": "outer"}) == {"layer": "LSTM(units=8, activation=tanh, dropout=0.3)"}


def test_trainings_in_several_threads_have_a_number_and_a_model_each(recorder: Recorder, hooked: type[Model]) -> None:
    import sys
    from concurrent.futures import ThreadPoolExecutor

    often = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            given = [hooked() for _ in range(200)]
            entries = list(pool.map(lambda model: recorder.add_training(model, {}), given))
    finally:
        sys.setswitchinterval(often)
    assert sorted(entry["number"] for entry in entries if entry) == list(range(1, 201))
    assert len({entry["model"] for entry in entries if entry}) == 200
    assert all(entry["arguments"] == {"thread": True} for entry in entries if entry)
    own = recorder.add_training(given[0], {})
    assert own is not None and own["arguments"] == {}
