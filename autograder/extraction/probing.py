"""Room 2 from outside: show saved models the hidden images, and take nothing but checked numbers back."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from autograder.corruptions import SEVERITIES, suite
from autograder.datasets import DataSet, spread
from autograder.errors import Cancelled, SandboxError
from autograder.extraction import nudges
from autograder.extraction.arrays import read_npy
from autograder.frames import Frame
from autograder.records import Digest, Json, Limits, Message, Step, say
from autograder.sandbox.room import Outcome, Room, Sandbox
from autograder.store import Store

Floats: TypeAlias = npt.NDArray[np.float32]
Rows: TypeAlias = npt.NDArray[np.intp]

PACKAGE = Path(__file__).resolve().parent.parent
PROGRAMS = {
    "probe.py": PACKAGE / "guest" / "probe.py",
    "frames.py": PACKAGE / "guest" / "frames.py",
    "collector.py": PACKAGE / "guest" / "collector.py",
    "preprocessing.py": PACKAGE / "preprocessing.py",
}
SOME_TRAINING_IMAGES = 500
_DIGEST = re.compile(r"[0-9a-f]{64}")
MAX_OUTPUTS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One model to be probed."""

    id: str
    model: Digest
    steps: tuple[Step, ...]
    robustness: bool = False
    """Whether it is also shown the altered images."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gallery:
    """The images of a class: hidden, public, some of both nudged, some for training.

    They are shuffled, so that no model knows which is which.
    """

    images: Digest
    """``.npy`` uint8, what room 2 sees."""
    order: Rows
    """Place i of the file holds image ``order[i]`` of hidden + public + nudged + training."""
    hidden: int
    public: int
    nudged_hidden: Rows
    """Which hidden images are also shown nudged."""
    nudged_public: Rows
    altered: Digest
    """``.npy`` uint8 of the robustness suite: kinds x severities x images, in one row."""
    altered_rows: Rows
    """Which hidden images the suite alters."""
    mixed: Digest | None = None
    """The same images shuffled, what room 2 sees: those of one image side by side could be averaged."""
    places: Rows = field(default_factory=lambda: np.arange(0))
    """Place i of ``mixed`` holds image ``places[i]`` of ``altered``; empty: in order."""

    def sizes(self) -> Mapping[str, int]:
        return {"images": len(self.order), "altered": len(SEVERITIES) * 5 * len(self.altered_rows)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """What room 2 said of one model; float32 outputs (images, outputs) as the model gives them."""

    hidden: Floats | None = None
    public: Floats | None = None
    nudged: Floats | None = None
    """(kinds, images, outputs): hidden images, then public ones."""
    altered: Floats | None = None
    """(kinds, severities, images, outputs)."""
    unaltered: Message | None = None
    """Why there are no answers to altered images, where that is no problem of the others."""
    parameters: int | None = None
    ms_per_image: float | None = None
    numbers: str = ""
    """Digest of its weights alone, in whatever order."""
    problem: Message | None = None


def gallery(data: DataSet, *, robustness_images: int, seed: int, store: Store) -> Gallery:
    """Made once per class, then remembered."""
    images, order = showing(data, store)
    nudged = nudged_rows(data, store)
    rows = spread(min(robustness_images, len(data.x_hidden)), len(data.x_hidden))

    def altered() -> npt.NDArray[np.uint8]:
        return np.concatenate([np.concatenate(images) for _, images in suite(data.x_hidden[rows], seed)])

    straight = _remembered(f"suite 1 {_code()} {data.card.digest} {len(rows)} {seed}", store, altered)
    secret = private_seed(data, store, 4)
    places = np.random.default_rng(secret).permutation(len(SEVERITIES) * 5 * len(rows))
    return Gallery(
        images=images,
        order=order,
        hidden=len(data.x_hidden),
        public=len(data.x_public),
        nudged_hidden=nudged[0],
        nudged_public=nudged[1],
        altered=straight,
        altered_rows=rows,
        mixed=_remembered(f"mixed suite 1 {straight} {secret}", store, lambda: store.get_array(straight)[places]),
        places=places,
    )


def showing(data: DataSet, store: Store) -> tuple[Digest, Rows]:
    """The images that models are shown, all kinds shuffled together, and their order as in ``Gallery``."""
    train = data.x_train[data.train_rows[spread(min(SOME_TRAINING_IMAGES, len(data.train_rows)), len(data.train_rows))]]
    hidden, public = nudged_rows(data, store)
    total = len(data.x_hidden) + len(data.x_public) + len(nudges.KINDS) * (len(hidden) + len(public)) + len(train)
    order = np.random.default_rng(private_seed(data, store, 0)).permutation(total)

    def shuffled() -> npt.NDArray[np.uint8]:
        plain = np.concatenate([data.x_hidden[hidden], data.x_public[public]])
        nudged = np.concatenate(nudges.nudged(plain, private_seed(data, store, 2)))
        return np.concatenate([data.x_hidden, data.x_public, nudged, train])[order]

    return _remembered(f"gallery 2 {_code()} {private_seed(data, store, 0)}", store, shuffled), order


def nudged_rows(data: DataSet, store: Store) -> tuple[Rows, Rows]:
    """Which hidden and which public images are also shown nudged, ascending."""
    generator = np.random.default_rng(private_seed(data, store, 1))
    sizes = (len(data.x_hidden), len(data.x_public))
    hidden, public = (np.sort(generator.permutation(size)[: nudges.IMAGES]) for size in sizes)
    return hidden, public


def private_seed(data: DataSet, store: Store, purpose: int) -> list[int]:
    """From the images of the class and the secret of the teacher's store.

    The digest alone would not do: of a published data set, who knows the seed of the split knows the hidden images.
    """
    return [*hashlib.sha256(store.secret() + data.card.digest.encode()).digest(), purpose]


def altered_showing(data: DataSet, shown: Gallery, store: Store) -> Digest:
    """What a final model is shown that stays in its kernel: altered hidden images, and the same ones as they are.

    They are shuffled together, so that neither its place nor the question tells which image was made of which.
    """

    def shuffled() -> npt.NDArray[np.uint8]:
        together = np.concatenate([data.x_hidden[shown.altered_rows], store.get_array(shown.altered)])
        return together[altered_order(data, shown, store)]

    return _remembered(f"altered gallery 2 {data.card.digest} {shown.altered}", store, shuffled)


def altered_order(data: DataSet, shown: Gallery, store: Store) -> Rows:
    """Place i of ``altered_showing`` holds image ``order[i]`` of the plain ones + the altered ones."""
    return np.random.default_rng(private_seed(data, store, 3)).permutation(
        len(shown.altered_rows) + shown.sizes()["altered"]
    )


def parted(outputs: Floats, shown: Gallery) -> tuple[Floats, Floats, Floats]:
    """Outputs for the shuffled images as those for hidden, public and nudged ones (as in ``Probed``), in order."""
    plain = np.empty_like(outputs)
    plain[shown.order] = outputs
    public, nudged = shown.hidden, shown.hidden + shown.public
    form = (len(nudges.KINDS), len(shown.nudged_hidden) + len(shown.nudged_public))
    train = nudged + form[0] * form[1]
    return plain[:public], plain[public:nudged], plain[nudged:train].reshape(*form, plain.shape[1])


def _in_order(outputs: Floats, shown: Gallery) -> Floats:
    """Outputs for the shuffled altered images as in ``Probed``."""
    plain = outputs
    if len(shown.places):
        plain = np.empty_like(outputs)
        plain[shown.places] = outputs
    return plain.reshape(len(SEVERITIES), 5, len(shown.altered_rows), -1)


def _remembered(key: str, store: Store, make: Callable[[], npt.NDArray[np.uint8]]) -> Digest:
    known = store.recall(key)
    if known is None:
        known = store.put_array(make())
        store.remember(key, known)
    return known


@cache
def _code() -> str:
    from autograder.store import digest

    return digest(b"".join(path.read_bytes() for path in (PACKAGE / "corruptions.py", Path(nudges.__file__))))


def probe(
    tasks: Sequence[Task],
    shown: Gallery,
    *,
    sandbox: Sandbox,
    store: Store,
    limits: Limits,
    cancelled: Callable[[], bool],
) -> Mapping[str, Probed]:
    """Probe the models in one fresh room, in order; every task has an answer, if only a problem.

    Raises SandboxError when the room failed before any model was touched, and Cancelled when asked to stop.
    """
    if not tasks:
        return {}
    answers = _Answers(shown, {task.id for task in tasks})
    outcome = sandbox.run(_room(tasks, shown, store, limits), answers.take, cancelled)
    if outcome.killed == "cancelled":
        raise Cancelled
    if not answers.ready:
        raise SandboxError(
            f"room 2 did not start ({outcome.killed or outcome.exit_code})",
            remedy=f"Run 'autograder doctor'. The room said: {outcome.log[-500:].strip() or 'nothing'}",
        )
    reason = _unfinished(outcome)
    return {task.id: answers.of(task, reason) for task in tasks}


BROKE_OFF = say("The measurement of this model broke off.")


def _unfinished(outcome: Outcome) -> Message:
    figures = {"limit": outcome.allowed, "used": outcome.used}
    if outcome.killed == "wall":
        return say("The measurement of this model was stopped after {used:sec}; {limit:sec} are allowed.", **figures)
    if outcome.killed == "memory":
        return say(
            "The measurement of this model used {used:int} MB of memory; {limit:int} MB are allowed.",
            **figures,
        )
    return BROKE_OFF


def _room(tasks: Sequence[Task], shown: Gallery, store: Store, limits: Limits) -> Room:
    sets = {"images": shown.images, "altered": shown.mixed or shown.altered}
    models = {f"model-{number}.keras": store.path(task.model) for number, task in enumerate(tasks)}
    job = {
        "sets": {name: f"{name}.npy" for name in sets},
        "models": [
            {
                "id": task.id,
                "file": f"model-{number}.keras",
                "steps": [{"op": step.op, "values": dict(step.values)} for step in task.steps],
                "sets": ["images", "altered"] if task.robustness else ["images"],
            }
            for number, task in enumerate(tasks)
        ],
    }
    return Room(
        program="probe.py",
        inputs={
            **PROGRAMS,
            "job.json": json.dumps(job).encode(),
            **{f"{name}.npy": store.path(content) for name, content in sets.items()},
            **models,
        },
        late=frozenset(["job.json", *models]),
        limits=Limits(
            run_seconds=limits.measuring_seconds + limits.model_seconds * len(tasks),
            memory_mb=limits.memory_mb,
            disk_mb=64,
            processes=limits.processes,
        ),
        environment={
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "TF_NUM_INTRAOP_THREADS": "2",
            "TF_NUM_INTEROP_THREADS": "1",
            "OMP_NUM_THREADS": "2",
            "OMP_WAIT_POLICY": "PASSIVE",
        },
    )


# --- frames --------------------------------------------------------------------------------------------------------


_PROBLEMS = {
    "load": say("The saved model could not be loaded."),
    "inputs": say("The model has several inputs or outputs; only one of each can be measured."),
    "prepare": say("The preprocessing that was found does not fit the images."),
    "predict": say("The model could not be applied to images prepared as in the notebook."),
}


@dataclass(slots=True)
class _Answers:
    """Frames of room 2 as they arrive; whatever is not exactly as expected counts as not said."""

    shown: Gallery
    known: set[str]
    ready: bool = False
    facts: dict[str, Mapping[str, Json]] = field(default_factory=dict)
    arrays: dict[tuple[str, str], Floats] = field(default_factory=dict)
    problems: dict[str, Message] = field(default_factory=dict)

    def take(self, frame: Frame) -> bytes | None:
        kind, model = frame.head.get("kind"), frame.head.get("model")
        if kind == "ready":
            self.ready = True
        if not isinstance(model, str) or model not in self.known:
            return None
        if kind == "facts":
            self.facts.setdefault(model, frame.head)
        elif kind == "problem":
            self.problems[model] = _PROBLEMS.get(str(frame.head.get("text")), BROKE_OFF)
        elif kind == "predictions":
            self._take_predictions(model, str(frame.head.get("set")), frame.body)
        return None

    def _take_predictions(self, model: str, name: str, body: bytes) -> None:
        rows = self.shown.sizes().get(name)
        if rows is None:
            return
        array = checked(body, rows)
        if isinstance(array, Message):
            self.problems[model] = array
        else:
            self.arrays[model, name] = array

    def of(self, task: Task, unfinished: Message) -> Probed:
        images, altered = self.arrays.get((task.id, "images")), self.arrays.get((task.id, "altered"))
        facts = self.facts.get(task.id, {})
        if images is None or (task.robustness and altered is None):
            self.problems.setdefault(task.id, unfinished)
        if images is None:
            return Probed(problem=self.problems[task.id])
        hidden, public, nudged = parted(images, self.shown)
        return Probed(
            hidden=hidden,
            public=public,
            nudged=nudged,
            altered=None if altered is None else _in_order(altered, self.shown),
            parameters=_number(facts.get("parameters"), int),
            ms_per_image=_number(facts.get("ms_per_image"), float),
            numbers=_hex(facts.get("numbers")),
            problem=self.problems.get(task.id),
        )


def checked(body: bytes, rows: int) -> Floats | Message:
    """Outputs as ``.npy``: little-endian float32, (rows, outputs), finite; anything else is a reason."""
    array = read_npy(body)
    return say("The model's outputs could not be read.") if array is None else sound(array, rows)


def sound(array: npt.NDArray[Any], rows: int) -> Floats | Message:
    """The array, if it is what ``checked`` says."""
    if array.dtype != np.dtype("<f4") or array.ndim != 2 or len(array) != rows:
        return say("The model's outputs have another form than one row of numbers per image.")
    if not 1 <= array.shape[1] <= MAX_OUTPUTS:
        return say("The model gives {outputs:int} outputs per image.", outputs=array.shape[1])
    if not np.isfinite(array).all():
        return say("The model's outputs are not all finite numbers.")
    return array


def _hex(value: Json) -> str:
    return value if isinstance(value, str) and _DIGEST.fullmatch(value) else ""


def _number(value: Json, kind: Callable[[Any], Any]) -> Any:  # noqa: ANN401
    """A finite number that is not negative; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return kind(value) if math.isfinite(value) and 0 <= value < 1e15 else None
