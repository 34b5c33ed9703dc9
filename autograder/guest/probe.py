"""Room 2: loads models that a notebook saved, and says what they answer to images without labels.

It runs beside ``frames.py``, ``collector.py`` and ``preprocessing.py`` in a sandbox of its own; loading a model can run
code that a student wrote, so nothing here is trusted by the host beyond the shape of its answers.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import re
import statistics
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from collector import paused  # type: ignore[import-not-found]  # noqa: E402
from frames import Pipe, harden  # type: ignore[import-not-found]  # noqa: E402
from preprocessing import apply  # type: ignore[import-not-found]  # noqa: E402

Floats = npt.NDArray[np.float32]
Forward = Callable[[Floats], Floats]

BATCH = 500
BATCH_BYTES, LAYER_BYTES = 64 * 2**20, 512 * 2**20
"""Of the images of a batch as a model is given them, and of what its widest layer makes of them."""
TIMED_BATCH, TIMED_ROUNDS = 100, 5
NEEDLESS = ("cv2", "matplotlib", "pandas", "sklearn")
"""What Keras imports where it is there, to draw, to wrap and to read images: a third of what importing costs."""

_NO_SCOPE = re.compile(r"[^A-Za-z0-9_.-]")


class Failure(Exception):
    """``stage`` is all that the host passes on: texts from here could carry images out."""

    def __init__(self, stage: str) -> None:
        super().__init__(stage)
        self.stage = stage


def main() -> None:
    pipe = Pipe.from_environment()
    harden()
    sys.modules.update(dict.fromkeys(NEEDLESS))  # type: ignore[arg-type]  # as if they were not installed
    with paused():
        import keras  # noqa: F401
        import tensorflow  # noqa: F401
    orders = received(pipe) if os.environ.pop("AUTOGRADER_AHEAD", "") else HERE
    job = json.loads((orders / "job.json").read_text("utf-8"))
    sets = {name: np.load(HERE / file, mmap_mode="r", allow_pickle=False) for name, file in job["sets"].items()}
    take_any_name()
    pipe.send({"kind": "ready", "environment": {}})
    for task in job["models"]:
        try:
            probe(task, orders, sets, pipe)
        except Failure as failure:
            sys.stderr.write(f"{task['id']}: {failure.stage}: {failure.__cause__!r}\n")
            pipe.send({"kind": "problem", "model": task["id"], "text": failure.stage})
    pipe.send({"kind": "end"})


def received(pipe: Any) -> Path:  # noqa: ANN401
    """Ask for the models, and wait as long as it takes; returns the folder they lie in."""
    folder = Path(tempfile.mkdtemp(prefix="orders-"))
    with zipfile.ZipFile(io.BytesIO(pipe.ask({"kind": "orders?"}))) as archive:
        archive.extractall(folder)
    return folder


def probe(
    task: Mapping[str, Any],
    orders: Path,
    sets: Mapping[str, npt.NDArray[np.uint8]],
    pipe: Any,  # noqa: ANN401
) -> None:
    model = load(orders / task["file"])
    steps, forward = task["steps"], forward_of(model)
    most = at_once(model)
    example = prepared(steps, next(iter(sets.values()))[: min(most, TIMED_BATCH)])
    facts = {
        "parameters": int(model.count_params()),
        "ms_per_image": milliseconds(forward, example),
        "numbers": numbers(model),
    }
    pipe.send({"kind": "facts", "model": task["id"], **facts})
    for name in task["sets"]:
        found = answers(forward, steps, sets[name], most)
        pipe.send({"kind": "predictions", "model": task["id"], "set": name}, npy(found))


def take_any_name() -> None:
    """Let models and layers be called what they are called: ``modèle amélioré``, ``cnn v2``.

    Keras opens a scope of TensorFlow's by each name, which in a graph takes few signs, and raises at all others. No
    answer and no weight depends on it.
    """
    import tensorflow as tf
    from keras.src.backend.tensorflow import core

    open_scope = core.name_scope.__init__

    def initialise(scope: Any, name: str, **options: Any) -> None:  # noqa: ANN401
        open_scope(scope, name, **options)
        scope._tf_name_scope = tf.name_scope("of_" + _NO_SCOPE.sub("_", name))

    core.name_scope.__init__ = initialise


def load(path: Path) -> Any:  # noqa: ANN401
    import keras

    keras.backend.clear_session()
    try:
        model = keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # whatever a foreign file makes Keras raise
        raise Failure("load") from error
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise Failure("inputs")
    return model


def numbers(model: Any) -> str:  # noqa: ANN401
    """Digest of its weights in whatever order, as ``recording/models.py`` made it of the model that was saved."""
    arrays = [np.ascontiguousarray(np.asarray(weight)) for weight in model.weights]
    parts = sorted(hashlib.sha256(f"{one.shape} {one.dtype} ".encode() + one.tobytes()).digest() for one in arrays)
    return hashlib.sha256(b"".join(parts)).hexdigest() if parts else ""


def forward_of(model: Any) -> Forward:  # noqa: ANN401
    """One call of the model in inference mode, compiled once for each size of batch."""
    import tensorflow as tf

    dtype = tf.as_dtype(model.inputs[0].dtype)
    compiled = tf.function(lambda images: model(images, training=False), reduce_retracing=True)

    def forward(images: Floats) -> Floats:
        try:
            output = compiled(tf.cast(images, dtype))
        except Exception as error:  # the recipe's shape is not the model's, memory ran out, a layer raises ...
            raise Failure("predict") from error
        while isinstance(output, (list, tuple)):
            output = output[0]
        result: Floats = np.asarray(output, dtype=np.float32).reshape(len(images), -1)
        return result

    return forward


def prepared(steps: Sequence[Mapping[str, Any]], images: npt.NDArray[np.uint8]) -> Floats:
    try:
        result: Floats = apply(steps, images)
    except Exception as error:  # a recipe that does not fit these images
        raise Failure("prepare") from error
    return result


def at_once(model: Any) -> int:  # noqa: ANN401
    """How many images its widest layer can hold: one that enlarges them has many bytes of each."""
    sizes = [math.prod(size or 1 for size in shape) for layer in model._flatten_layers() for shape in shapes(layer)]
    return max(1, min(BATCH, LAYER_BYTES // (4 * max(sizes, default=1))))


def shapes(layer: Any) -> Iterator[Sequence[int | None]]:  # noqa: ANN401
    """Of what a layer makes of one image, wherever it stands in the model."""
    for node in getattr(layer, "_inbound_nodes", ()):
        yield from (tensor.shape[1:] for tensor in node.output_tensors)


def answers(
    forward: Forward, steps: Sequence[Mapping[str, Any]], images: npt.NDArray[np.uint8], most: int = BATCH
) -> Floats:
    """Outputs (images, outputs) in the order of the images; ``most``: of images at one time."""
    return np.concatenate([forward(prepared(steps, batch)) for batch in batches(images, steps, most)])


def batches(
    images: npt.NDArray[np.uint8], steps: Sequence[Mapping[str, Any]], most: int
) -> Iterator[npt.NDArray[np.uint8]]:
    """As large as pays, and small enough for models that want large images."""
    size = max(1, min(most, BATCH_BYTES // max(1, prepared(steps, images[:1]).nbytes)))
    for start in range(0, len(images), size):
        yield images[start : start + size]


def milliseconds(forward: Forward, images: Floats) -> float:
    """Per image: median over batches, after one that is not counted."""
    forward(images)
    seconds = []
    for _ in range(TIMED_ROUNDS):
        begun = time.perf_counter()
        forward(images)
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds) * 1000 / len(images)


def npy(array: Floats) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.ascontiguousarray(array, dtype="<f4"), allow_pickle=False)
    return buffer.getvalue()


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
    sys.stderr.flush()
    os._exit(0)  # all has been said; tidying up what TensorFlow has imported would take longer than what it was for
