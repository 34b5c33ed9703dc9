"""What do the signs of a memory say of honest models, and what of lookup tables? Shown on MNIST, through room 2.

    python benchmarks/memory.py mnist.npz [--train 10000] [--epochs 2] [--sandbox bubblewrap]

The tables are models of plain Keras layers that pass for any other: a dense layer holds the images, another the labels.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import keras
import numpy as np
import numpy.typing as npt

from autograder.datasets import DataSet, load
from autograder.extraction import measures, memory, nudges
from autograder.extraction.archive import refusal
from autograder.extraction.grouping import scope
from autograder.extraction.probing import Gallery, Probed, Task, gallery, probe
from autograder.messages import render
from autograder.records import Baseline, Limits, Step
from autograder.sandbox import choose
from autograder.store import Store

layers: Any = keras.layers
Floats = npt.NDArray[np.float32]
SEED = 20
STEPS = (
    Step(op="reshape", values={"shape": [28, 28, 1]}),
    Step(op="affine", values={"scale": 1 / 255, "offset": 0.0}),
)
REFERENCES = ("reference 1", "reference 2")


# --- honest models ---------------------------------------------------------------------------------------------------


def convolutional() -> Any:  # noqa: ANN401
    return _stack(
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(128, activation="relu"),
    )


def dense() -> Any:  # noqa: ANN401
    return _stack(layers.Flatten(), layers.Dense(256, activation="relu"), layers.Dense(128, activation="relu"))


def linear() -> Any:  # noqa: ANN401
    return _stack(layers.Flatten())


def binarised() -> Any:  # noqa: ANN401
    """Black and white only: what is not black is white."""
    return _stack(layers.Rescaling(1e6), layers.ReLU(max_value=1.0), layers.Flatten(), layers.Dense(256, "relu"))


def rows() -> Any:  # noqa: ANN401
    return _stack(layers.Reshape((28, 28)), layers.LSTM(64))


def _stack(*parts: Any) -> Any:  # noqa: ANN401
    return keras.Sequential([keras.Input((28, 28, 1)), *parts, layers.Dense(10, activation="softmax")])


def trained(make: Callable[[], Any], x: Floats, y: npt.NDArray[Any], epochs: int, seed: int = 1) -> Any:  # noqa: ANN401
    keras.utils.set_random_seed(seed)
    model = make()
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, epochs=epochs, batch_size=64, verbose=0)
    return model


# --- memories --------------------------------------------------------------------------------------------------------


def lookup(x: Floats, y: npt.NDArray[Any], otherwise: Any = None) -> Any:  # noqa: ANN401
    """Knows exactly these images, and ``otherwise`` asks another model: |x - t|^2 of each one held, cut off at 1."""
    images = keras.Input((28, 28, 1))
    flat = layers.Flatten()(images)
    held = x.reshape(len(x), -1)
    ends = layers.Dense(len(held), name="held")
    total = layers.Dense(1, use_bias=False, name="total")
    distance = layers.Subtract()([ends(flat), total(layers.Multiply()([flat, flat]))])
    near = layers.ReLU()(layers.Rescaling(1.0, offset=1.0)(distance))
    labels = layers.Dense(10, use_bias=False, name="labels")
    scores = layers.Rescaling(20.0)(labels(near))
    if otherwise is not None:
        scores = layers.Add()([scores, otherwise(images)])
    model = keras.Model(images, layers.Softmax()(scores))
    ends.set_weights([2 * held.T, -(held**2).sum(axis=1)])
    total.set_weights([np.ones((held.shape[1], 1), np.float32)])
    labels.set_weights([np.eye(10, dtype=np.float32)[y]])
    return model


def nearest(x: Floats, y: npt.NDArray[Any]) -> Any:  # noqa: ANN401
    """The label of the nearest of these images: a dense layer that holds them, at a huge scale."""
    images = keras.Input((28, 28, 1))
    held = x.reshape(len(x), -1)
    ends, labels = layers.Dense(len(held), activation="softmax"), layers.Dense(10, use_bias=False)
    model = keras.Model(images, labels(ends(layers.Flatten()(images))))
    ends.set_weights([1e3 * held.T, -5e2 * (held**2).sum(axis=1)])
    labels.set_weights([np.eye(10, dtype=np.float32)[y]])
    return model


def models(data: DataSet, train: int, epochs: int) -> Iterator[tuple[str, Any]]:
    x, y = scaled(data.x_train[data.train_rows[:train]]), data.y_train[data.train_rows[:train]]
    public, hidden = scaled(data.x_public), scaled(data.x_hidden)
    for seed, name in enumerate(REFERENCES, start=1):
        yield name, trained(convolutional, x, y, epochs, seed)
    yield "convolutional", (honest := trained(convolutional, x, y, epochs, 3))
    yield "dense, 1 epoch", trained(dense, x, y, 1)
    yield "dense", trained(dense, x, y, epochs)
    yield "black and white, dense", trained(binarised, x, y, epochs)
    yield "LSTM over rows", trained(rows, x, y, epochs)
    yield "linear", trained(linear, x, y, epochs)
    yield "nearest training image", nearest(x, y)
    both = np.concatenate([x, public]), np.concatenate([y, data.y_public])
    yield "trained on the test set too", trained(convolutional, *both, 3 * epochs)
    yield "table: public", lookup(public, data.y_public)
    yield "table: public, else a network", lookup(public, data.y_public, honest)
    yield (
        "table: public and hidden",
        lookup(np.concatenate([public, hidden]), np.concatenate([data.y_public, data.y_hidden])),
    )
    yield "nearest public image", nearest(public, data.y_public)


def scaled(images: npt.NDArray[np.uint8]) -> Floats:
    return np.asarray(images[..., None] / 255, np.float32)


# --- measured --------------------------------------------------------------------------------------------------------


def saved(model: Any, store: Store, folder: Path) -> Any:  # noqa: ANN401
    path = folder / "model.keras"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(path, include_optimizer=False)
    content = path.read_bytes()
    if (reason := refusal(content)) is not None:
        raise SystemExit(f"not loaded: {render(reason, 'en')}")
    return store.put(content)


def baseline_of(answers: Sequence[Probed], data: DataSet, shown: Gallery, store: Store) -> Baseline:
    """As of a reference notebook, of what the signs are held against."""
    kept = [one for one in answers if one.hidden is not None and one.public is not None and one.nudged is not None]
    ratios = [measures.loss_ratio(one.hidden, one.public, data) for one in kept]  # type: ignore[arg-type]
    return Baseline(
        accuracies=tuple(measures.hidden_accuracy(one.hidden, data) for one in kept),  # type: ignore[arg-type]
        seeds=tuple(range(1, len(kept) + 1)),
        mean_errors=store.put_array(np.zeros(shown.hidden, np.float32)),
        predictions=tuple(store.put_array(one.hidden) for one in kept),  # type: ignore[arg-type]
        public=tuple(store.put_array(one.public) for one in kept),  # type: ignore[arg-type]
        nudged=tuple(store.put_array(one.nudged) for one in kept),  # type: ignore[arg-type]
        robustness={},
        clean_accuracy=0.0,
        loss_ratio=float(np.mean([ratio.value for ratio in ratios if ratio is not None])),
    )


HEADING = (
    f"{'model':30} {'public':>6} {'hidden':>6} | shift {'public':>6} {'kept':>5} {'hidden':>6} {'kept':>5} | noise "
    f"{'public':>6} {'hidden':>6} | {'gap':>6} {'95% interval':>15} | {'loss':>6}"
)


def told(name: str, signs: memory.Signs) -> Iterator[str]:
    by = {(one.kind, one.of): one for one in signs.nudges}
    shift, shift_hidden = by["shift", "public"], by["shift", "hidden"]
    gap = signs.gap
    if gap is None:
        return
    kept = [f"{100 * one.kept / one.right:5.1f}" if one.right else "    –" for one in (shift, shift_hidden)]
    after = [100 * one.accuracy_after for one in (shift, shift_hidden, by["noise", "public"], by["noise", "hidden"])]
    loss = "–" if signs.loss_ratio is None else f"{signs.loss_ratio:.2f}"
    yield (
        f"{name:30} {100 * gap.public:6.2f} {100 * gap.hidden:6.2f} | {'':5} {after[0]:6.1f} {kept[0]} "
        f"{after[1]:6.1f} {kept[1]} | {'':5} {after[2]:6.1f} {after[3]:6.1f} | {100 * gap.value:6.2f} "
        f"{100 * gap.ci95.low:7.2f}{100 * gap.ci95.high:8.2f} | {loss:>6}"
    )
    yield from (f"    {render(doubt, 'en')}" for doubt in signs.doubts)


def measured(tasks: Sequence[Task], shown: Gallery, store: Store, sandbox: Any) -> Mapping[str, Probed]:  # noqa: ANN401
    """Each in a room of its own, so that one large table does not take the memory of the next."""
    found: dict[str, Probed] = {}
    for task in tasks:
        found |= probe(
            [task], shown, sandbox=sandbox, store=store, limits=Limits(memory_mb=6144), cancelled=lambda: False
        )
    return found


def main() -> int:
    made = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    made.add_argument("data", help="An .npz as Keras serves it.")
    made.add_argument("--train", type=int, default=10_000, help="Training images of the honest models.")
    made.add_argument("--epochs", type=int, default=2)
    made.add_argument("--sandbox", default="auto")
    options = made.parse_args()
    data = load(options.data, split_seed=SEED, hidden_images=5000)
    with tempfile.TemporaryDirectory(prefix="memory-") as folder:
        run(data, Path(folder), options)
    return 0


def run(data: DataSet, folder: Path, options: argparse.Namespace) -> None:
    store, sandbox = Store(folder / "store"), choose(options.sandbox)
    shown = gallery(data, robustness_images=1, seed=SEED, store=store)
    whole = scope(None, data, shown)
    added = len(nudges.KINDS) * (len(shown.nudged_hidden) + len(shown.nudged_public))
    print(f"{added} nudged images among {len(shown.order)}\n\n{HEADING}")
    answers: list[Probed] = []
    baseline: Baseline | None = None
    for name, model in models(data, options.train, options.epochs):
        task = Task(id=name, model=saved(model, store, folder), steps=STEPS)
        begun = time.perf_counter()
        answer = measured([task], shown, store, sandbox)[name]
        seconds = time.perf_counter() - begun
        if answer.problem is not None:
            print(f"{name:30} {render(answer.problem, 'en')}")
            continue
        answers.append(answer)
        if name in REFERENCES:
            baseline = baseline_of(answers, data, shown, store)
        for line in told(name, memory.signs(answer, whole, baseline, store=store)):
            print(line)
        each = answer.ms_per_image or 0.0
        print(f"    room 2: {seconds:.1f} s, of which {added * each / 1000:.2f} s for the nudged ones", flush=True)


if __name__ == "__main__":
    sys.exit(main())
