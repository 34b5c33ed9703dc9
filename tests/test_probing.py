"""Room 2: what is asked, what is believed, and the real thing once."""

from __future__ import annotations

import io
import json
import math
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from autograder.corruptions import SEVERITIES
from autograder.datasets import load
from autograder.errors import Cancelled, SandboxError
from autograder.extraction.archive import refusal, saved_layers
from autograder.extraction.origin import samples
from autograder.extraction.probing import Gallery, Probed, Task, _room, checked, gallery, probe
from autograder.frames import Frame
from autograder.messages import render
from autograder.records import Limits, Message, Step
from autograder.sandbox.ahead import Ahead, ahead
from autograder.sandbox.room import OnFrame, Outcome, Room
from autograder.store import Store

LIMITS = Limits(measuring_seconds=50, model_seconds=7)
DATA = load("digits", split_seed=5, hidden_images=90)
SCALED = (Step(op="affine", values={"scale": 1 / 255, "offset": 0.0}),)


class Script:
    """A sandbox that says what it is told to say, and keeps the room it was given."""

    name = "script"

    def __init__(self, frames: list[Frame], killed: str = "") -> None:
        self.frames, self.killed = frames, killed
        self.room: Room | None = None

    def run(self, room: Room, on_frame: OnFrame, cancelled: Callable[[], bool]) -> Outcome:
        self.room = room
        for frame in self.frames:
            on_frame(frame)
        return Outcome(exit_code=0, killed=self.killed, allowed=900, used=1234, seconds=0.1)


def npy(array: npt.NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def outputs(rows: int, classes: int = 10) -> npt.NDArray[np.float32]:
    return np.random.default_rng(0).random((rows, classes), dtype=np.float32)


def shown(tmp_path: Path) -> tuple[Store, Gallery]:
    store = Store(tmp_path)
    return store, gallery(DATA, robustness_images=20, seed=1, store=store)


def ask(sandbox: Script, store: Store, images: Gallery, *, robustness: bool = False) -> Probed:
    task = Task(id="m1-t1", model=store.put(b"model"), steps=SCALED, robustness=robustness)
    return probe([task], images, sandbox=sandbox, store=store, limits=LIMITS, cancelled=lambda: False)["m1-t1"]


READY = Frame({"kind": "ready"})


def test_outputs_return_to_the_order_of_the_images(tmp_path: Path) -> None:
    store, images = shown(tmp_path)
    served = store.get_array(images.images)
    marked = served.reshape(len(served), -1).astype(np.float32)[:, 300:310]
    answer = ask(
        Script([READY, Frame({"kind": "predictions", "model": "m1-t1", "set": "images"}, npy(marked))]), store, images
    )
    assert answer.hidden is not None and answer.public is not None
    assert np.array_equal(answer.hidden, DATA.x_hidden.reshape(len(DATA.x_hidden), -1)[:, 300:310])
    assert np.array_equal(answer.public, DATA.x_public.reshape(len(DATA.x_public), -1)[:, 300:310])


def test_hidden_and_public_images_are_shuffled_together(tmp_path: Path) -> None:
    store, images = shown(tmp_path)
    places = np.flatnonzero(images.order < images.hidden)
    number = len(images.order)
    # Of places drawn evenly the mean has this deviation; it is six of them away once in 500 million times.
    deviation = number / math.sqrt(12 * images.hidden)
    assert abs(places.mean() - number / 2) < 6 * deviation
    assert len(store.get_array(images.images)) == len(images.order)


def test_the_gallery_is_made_once(tmp_path: Path) -> None:
    store, images = shown(tmp_path)
    stamp = store.path(images.altered).stat().st_mtime_ns
    again = gallery(DATA, robustness_images=20, seed=1, store=store)
    assert again.altered == images.altered
    assert store.path(again.altered).stat().st_mtime_ns == stamp
    assert gallery(DATA, robustness_images=20, seed=2, store=store).altered != images.altered


def test_no_label_and_no_name_enters_the_room(tmp_path: Path) -> None:
    store, images = shown(tmp_path)
    sandbox = Script([READY])
    ask(sandbox, store, images)
    assert sandbox.room is not None
    assert set(sandbox.room.inputs) == {
        *(
            "probe.py",
            "frames.py",
            "collector.py",
            "preprocessing.py",
            "job.json",
            "images.npy",
            "altered.npy",
            "model-0.keras",
        )
    }
    job = sandbox.room.inputs["job.json"]
    assert isinstance(job, bytes)
    assert set(json.loads(job)) == {"sets", "models"}
    assert not sandbox.room.shell
    assert sandbox.room.limits.run_seconds == LIMITS.measuring_seconds + LIMITS.model_seconds


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x93NUMPY nonsense",
        npy(outputs(7)),
        npy(outputs(len(DATA.x_hidden)).astype(np.float64)),
        npy(np.zeros(50, np.float32)),
        npy(np.full((530, 10), np.nan, np.float32)),
        npy(np.array([{"a": 1}], dtype=object)),
    ],
)
def test_other_bodies_are_not_believed(body: bytes, tmp_path: Path) -> None:
    store, images = shown(tmp_path)
    answer = ask(
        Script([READY, Frame({"kind": "predictions", "model": "m1-t1", "set": "images"}, body)]), store, images
    )
    assert answer.hidden is None
    assert answer.problem is not None


def test_not_finite_and_not_rows() -> None:
    assert isinstance(checked(npy(np.full((5, 10), np.inf, np.float32)), 5), Message)
    assert isinstance(checked(npy(np.zeros((5, 2000), np.float32)), 5), Message)
    good = checked(npy(outputs(5)), 5)
    assert isinstance(good, np.ndarray) and good.shape == (5, 10)


def test_frames_about_unknown_models_and_sets_are_ignored(tmp_path: Path) -> None:
    store, images = shown(tmp_path)
    body = npy(outputs(len(images.order)))
    frames = [
        READY,
        Frame({"kind": "predictions", "model": "other", "set": "images"}, body),
        Frame({"kind": "predictions", "model": "m1-t1", "set": "labels"}, body),
        Frame({"kind": "facts", "model": ["m1-t1"], "parameters": 3}),
        Frame({"kind": "facts", "model": "m1-t1", "parameters": float("nan"), "ms_per_image": -1, "numbers": "G" * 64}),
        Frame({"kind": "predictions", "model": "m1-t1", "set": "images"}, body),
    ]
    answer = ask(Script(frames), store, images)
    assert answer.hidden is not None
    assert answer.parameters is None and answer.ms_per_image is None and answer.problem is None
    assert answer.numbers == ""


def test_weights_are_told_by_their_digest(tmp_path: Path) -> None:
    store, images = shown(tmp_path)
    frames = [
        READY,
        Frame({"kind": "facts", "model": "m1-t1", "numbers": "a1" * 32}),
        Frame({"kind": "predictions", "model": "m1-t1", "set": "images"}, npy(outputs(len(images.order)))),
    ]
    assert ask(Script(frames), store, images).numbers == "a1" * 32


def test_altered_images_come_back_by_kind_and_severity(tmp_path: Path) -> None:
    store, images = shown(tmp_path)
    frames = [
        READY,
        Frame({"kind": "predictions", "model": "m1-t1", "set": "images"}, npy(outputs(len(images.order)))),
        Frame({"kind": "predictions", "model": "m1-t1", "set": "altered"}, npy(outputs(len(SEVERITIES) * 5 * 20))),
    ]
    answer = ask(Script(frames), store, images, robustness=True)
    assert answer.altered is not None
    assert answer.altered.shape == (len(SEVERITIES), 5, 20, 10)


def test_altered_images_are_shuffled_and_their_answers_put_in_order(tmp_path: Path) -> None:
    store, images = shown(tmp_path)
    sandbox = Script([READY])
    ask(sandbox, store, images, robustness=True)
    assert sandbox.room is not None
    path = sandbox.room.inputs["altered.npy"]
    assert isinstance(path, Path)
    served, straight = np.load(path), store.get_array(images.altered)
    assert not np.array_equal(served, straight)
    frames = [
        READY,
        *(
            Frame({"kind": "predictions", "model": "m1-t1", "set": name}, npy(body))
            for name, body in (
                ("images", outputs(len(images.order))),
                ("altered", served.reshape(len(served), -1).astype(np.float32)[:, 300:310]),
            )
        ),
    ]
    answer = ask(Script(frames), store, images, robustness=True)
    assert answer.altered is not None
    assert np.array_equal(answer.altered.reshape(-1, 10), straight.reshape(len(straight), -1)[:, 300:310])


def test_half_an_answer_is_kept_and_said(tmp_path: Path) -> None:
    store, images = shown(tmp_path)
    frames = [READY, Frame({"kind": "predictions", "model": "m1-t1", "set": "images"}, npy(outputs(len(images.order))))]
    answer = ask(Script(frames, killed="wall"), store, images, robustness=True)
    assert answer.hidden is not None
    assert answer.problem is not None and "stopped after" in answer.problem.text


def test_texts_of_the_room_reach_nobody(tmp_path: Path) -> None:
    store, images = shown(tmp_path)
    secret = Frame({"kind": "problem", "model": "m1-t1", "text": "pixels 0 17 255"})
    answer = ask(Script([READY, secret]), store, images)
    assert answer.problem is not None
    assert "pixels" not in answer.problem.text and not answer.problem.values


def test_a_room_that_never_starts_is_our_fault(tmp_path: Path) -> None:
    store, images = shown(tmp_path)
    with pytest.raises(SandboxError, match="did not start"):
        ask(Script([], killed="memory"), store, images)


def test_half_an_answer_of_a_stopped_room_is_none(tmp_path: Path) -> None:
    store, images = shown(tmp_path)
    body = npy(outputs(len(images.order)))
    frames = [READY, Frame({"kind": "predictions", "model": "m1-t1", "set": "images"}, body)]
    with pytest.raises(Cancelled):
        ask(Script(frames, killed="cancelled"), store, images)


def test_nothing_to_probe_starts_no_room(tmp_path: Path) -> None:
    store, images = shown(tmp_path)
    sandbox = Script([])
    assert probe([], images, sandbox=sandbox, store=store, limits=Limits(), cancelled=lambda: False) == {}
    assert sandbox.room is None


# --- the look at the archive ---------------------------------------------------------------------------------------


def archive(config: Any, members: Mapping[str, bytes] | None = None) -> bytes:  # noqa: ANN401
    buffer = io.BytesIO()
    contents = {"config.json": json.dumps(config).encode(), "metadata.json": b"{}", "model.weights.h5": b"h5"}
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in {**contents, **(members or {})}.items():
            file.writestr(name, content)
    return buffer.getvalue()


def sequential(*layers: Mapping[str, Any]) -> dict[str, Any]:
    return {"module": "keras", "class_name": "Sequential", "registered_name": None, "config": {"layers": list(layers)}}


DENSE = {"module": "keras.layers", "class_name": "Dense", "registered_name": None, "config": {"units": 3}}


def test_plain_models_pass() -> None:
    loss_of_its_own = {"loss": {"module": "builtins", "class_name": "function", "config": "my_loss"}}
    assert refusal(archive(sequential(DENSE))) is None
    assert refusal(archive({**sequential(DENSE), "compile_config": loss_of_its_own})) is None


@pytest.mark.parametrize(
    "layer",
    [
        {**DENSE, "class_name": "Lambda"},
        {**DENSE, "class_name": "TFSMLayer", "config": {"filepath": "/x"}},
        {**DENSE, "class_name": "StringLookup"},
        {**DENSE, "config": {"activation": {"class_name": "__lambda__", "config": {"value": "4wAA"}}}},
        {**DENSE, "config": {"a": {"class_name": "function", "module": "keras.layers", "config": "TFSMLayer"}}},
        {**DENSE, "config": {"a": {"class_name": "function", "module": "builtins", "config": "exec"}}},
        {**DENSE, "module": "os", "class_name": "system"},
        {**DENSE, "module": "keras.utils", "class_name": "get_file"},
        {**DENSE, "module": "keras.models", "class_name": "load_model"},
        {**DENSE, "module": None, "registered_name": "Custom>Mine"},
        {**DENSE, "registered_name": "Custom>Dense"},
        {**DENSE, "class_name": 3},
    ],
)
def test_models_that_could_carry_code_are_refused(layer: Mapping[str, Any]) -> None:
    assert refusal(archive(sequential(DENSE, layer))) is not None


def test_a_configuration_of_more_parts_than_any_model_has_is_not_read() -> None:
    assert refusal(archive(sequential(*[{}] * 60_000))) is None
    assert refusal(archive(sequential(*[{}] * 110_000))) is not None
    assert saved_layers(archive(sequential(*[DENSE] * 110_000))) == ()


def test_archives_that_are_none_are_refused() -> None:
    deep: Any = {}
    for _ in range(200):
        deep = {"config": deep}
    contents = [
        b"",
        b"PK\x03\x04broken",
        archive([]),
        archive({"class_name": "Sequential", "module": "keras", "config": deep}),
        archive(sequential(), {"assets/x.txt": b"x"}),
        archive(sequential(), {"../model.weights.h5": b"x"}),
    ]
    assert all(refusal(content) is not None for content in contents)


# --- once, really --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small model with an augmentation layer, a functional sum and a loss of its own."""
    import keras

    keras.utils.set_random_seed(1)
    images = keras.Input((28, 28, 1))
    flat = keras.layers.Flatten()(keras.layers.RandomRotation(0.02)(images))
    hidden = keras.layers.Dense(32, activation="relu", kernel_regularizer=keras.regularizers.l2(1e-5))(flat)
    hidden = hidden + keras.layers.Dense(32)(hidden)
    model = keras.Model(images, keras.layers.Dense(10, activation="softmax")(hidden))

    def own_loss(y: Any, p: Any) -> Any:  # noqa: ANN401
        return keras.losses.sparse_categorical_crossentropy(y, p)

    model.compile("adam", loss=own_loss)
    rows = DATA.train_rows
    model.fit(DATA.x_train[rows][..., None] / 255.0, DATA.y_train[rows], epochs=8, batch_size=32, verbose=0)
    path = tmp_path_factory.mktemp("model") / "model.keras"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Keras' own, about NumPy's copy keyword
        model.save(path, include_optimizer=False)
    return path.read_bytes()


@pytest.mark.kernel
def test_weights_are_known_again_in_another_format(trained: bytes, tmp_path: Path) -> None:
    import keras

    path = tmp_path / "model.keras"
    path.write_bytes(trained)
    model = keras.models.load_model(path, compile=False)
    weights = model.get_weights()
    np.savez(tmp_path / "weights.npz", *weights)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        model.save(path)  # as a model leaves its kernel: without what its optimiser keeps
    with zipfile.ZipFile(path) as archive:
        pieces = samples(archive.read("model.weights.h5"))
    kept = (tmp_path / "weights.npz").read_bytes()
    assert len(pieces) == 64
    assert sum(piece in kept for piece in pieces) > 60
    np.savez(tmp_path / "others.npz", *(weight * 1.01 for weight in weights))
    assert not any(piece in (tmp_path / "others.npz").read_bytes() for piece in pieces)


@pytest.mark.sandbox
@pytest.mark.kernel
def test_a_real_model_in_a_real_room(trained: bytes, tmp_path: Path) -> None:
    from autograder.sandbox import choose

    store, images = shown(tmp_path)
    assert refusal(trained) is None
    steps = (Step(op="reshape", values={"shape": [28, 28, 1]}), *SCALED)
    wrong = (Step(op="reshape", values={"shape": [784]}),)
    tasks = [
        Task(id="m1-t1", model=store.put(trained), steps=steps, robustness=True),
        Task(id="m2-t2", model=store.put(trained), steps=wrong),
        Task(id="m3-t3", model=store.put(archive(sequential(DENSE))), steps=steps),
    ]
    answers = probe(tasks, images, sandbox=choose(), store=store, limits=Limits(), cancelled=lambda: False)
    good = answers["m1-t1"]
    assert good.problem is None and good.hidden is not None and good.public is not None and good.altered is not None
    assert (good.hidden.argmax(axis=1) == DATA.y_hidden).mean() > 0.8
    assert (good.public.argmax(axis=1) == DATA.y_public).mean() > 0.8
    assert good.parameters == 785 * 32 + 33 * 32 + 33 * 10
    assert good.ms_per_image is not None and 0 < good.ms_per_image < 1000
    assert answers["m2-t2"].problem is not None and answers["m2-t2"].hidden is None
    assert answers["m3-t3"].problem is not None and answers["m3-t3"].hidden is None
    with ahead(choose(), lambda program: 0) as pool:
        if not isinstance(pool, Ahead):
            return
        pool.keep(_room(tasks, images, store, Limits()))
        early = probe(tasks, images, sandbox=pool, store=store, limits=Limits(), cancelled=lambda: False)
        assert not pool.waiting, "it served"
    for name, known in answers.items():
        assert (early[name].problem, early[name].parameters) == (known.problem, known.parameters)
        for one, other in ((early[name].hidden, known.hidden), (early[name].altered, known.altered)):
            assert (one is None and other is None) or np.array_equal(one, other)  # type: ignore[arg-type]


@pytest.mark.sandbox
@pytest.mark.kernel
def test_a_model_that_enlarges_its_images_is_shown_few_at_a_time(tmp_path: Path) -> None:
    """Five hundred of them would take seven gigabytes."""
    import keras

    from autograder.sandbox import choose

    small = keras.Input((28, 28, 1))
    large = keras.layers.Conv2D(16, 1)(keras.layers.UpSampling2D(16)(small))
    model = keras.Model(small, keras.layers.Dense(10, "softmax")(keras.layers.GlobalAveragePooling2D()(large)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        model.save(tmp_path / "wide.keras")
    store, images = shown(tmp_path)
    steps = (Step(op="reshape", values={"shape": [28, 28, 1]}), *SCALED)
    task = Task(id="m1-t1", model=store.put((tmp_path / "wide.keras").read_bytes()), steps=steps)
    limits = Limits(memory_mb=3072)
    found = probe([task], images, sandbox=choose(), store=store, limits=limits, cancelled=lambda: False)["m1-t1"]
    assert found.problem is None and found.public is not None


def renamed(model: bytes, name: str) -> bytes:
    """The same model; its layers are called so as well, with a number."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(model)) as old, zipfile.ZipFile(changed, "w") as new:
        for member in old.namelist():
            content = old.read(member)
            if member == "config.json":
                config = json.loads(content)
                named = [layer["config"]["name"] for layer in config["config"]["layers"]]
                text = json.dumps({**config, "config": {**config["config"], "name": name}})
                for number, layer in enumerate(named):
                    text = text.replace(json.dumps(layer), json.dumps(f"{name} {number}"))
                content = text.encode()
            new.writestr(member, content)
    return changed.getvalue()


@pytest.mark.sandbox
@pytest.mark.kernel
def test_a_model_and_its_layers_may_be_called_anything(trained: bytes, tmp_path: Path) -> None:
    from autograder.sandbox import choose

    store, images = shown(tmp_path)
    steps = (Step(op="reshape", values={"shape": [28, 28, 1]}), *SCALED)
    names = ["plain", "modèle amélioré", "_cnn [v2]", "אבג"]
    tasks = [Task(id=name, model=store.put(renamed(trained, name)), steps=steps) for name in names]
    answers = probe(tasks, images, sandbox=choose(), store=store, limits=Limits(), cancelled=lambda: False)
    known = answers["plain"]
    assert known.hidden is not None and known.numbers
    for name in names[1:]:
        answer = answers[name]
        assert answer.problem is None and answer.hidden is not None
        assert np.array_equal(answer.hidden, known.hidden) and answer.numbers == known.numbers


@pytest.mark.parametrize(
    ("killed", "words"),
    [
        ("wall", "stopped after 20 min 34 s; 15 min 00 s are allowed"),
        ("memory", "used 1,234 MB of memory; 900 MB"),
        ("", "broke off"),
    ],
)
def test_a_limit_of_the_measurement_is_told_with_what_was_used(tmp_path: Path, killed: str, words: str) -> None:
    store, images = shown(tmp_path)
    problem = ask(Script([READY], killed=killed), store, images).problem
    assert problem is not None
    assert words in render(problem, "en").replace("\u00a0", " ")
