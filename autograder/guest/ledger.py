"""The training ledger: every ``fit``, ``evaluate`` and ``predict`` of Keras, recorded without the notebook noticing.

A failure in here is noted and never reaches the student's code.
"""

from __future__ import annotations

import inspect
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial, wraps
from pathlib import Path
from typing import Any

from . import models, prints, stack, thinning
from .budget import Cuts, few_rows, repeated
from .handover import LEDGER, PROGRESS, UNSAVED, Handover
from .things import Thing

ROWS = 100
"""A model is saved before a use on at least so many rows, and after each training."""
SMALL_USES = 50
EVALUATIONS = 1500
TRAININGS = 500
SAMPLES = 300
ARTIFACT_BYTES = 400 << 20
"""Of all models and samples; what comes after stays in the kernel."""
MODEL_BYTES = 180 << 20
LONG_SECONDS = 60.0
"""A training that has lasted so long is saved at the end of epochs ..."""
MEANWHILE_SECONDS = 30.0
"""... this far apart ..."""
MEANWHILE_BYTES = 160 << 20
"""... and no more than this in all: each copy goes to the host."""
UNSAVEABLE = 8
"""Models kept alive for a prediction at the end, because they cannot leave the kernel: the latest ones."""

_ARGUMENTS = (
    "epochs",
    "batch_size",
    "validation_split",
    "shuffle",
    "initial_epoch",
    "steps_per_epoch",
    "validation_steps",
    "validation_freq",
)


@dataclass
class Meanwhile:
    """When a training began, and when its model was last saved before its end."""

    begun: float = field(default_factory=time.monotonic)
    saved: float = 0.0


class Recorder:
    """What took place so far, and the models that took part."""

    def __init__(
        self,
        job: Mapping[str, Any],
        handover: Handover,
        count: Callable[[], int | None],
        adaptations: list[dict[str, Any]] | None = None,
    ) -> None:
        self.handover = handover
        self.count = count
        """Execution count of the cell that is running."""
        self.trainings: list[dict[str, Any]] = []
        self.evaluations: list[dict[str, Any]] = []
        self.notes: list[str] = []
        self.adaptations: list[dict[str, Any]] = [] if adaptations is None else adaptations
        """Shared with the session, which other hooks write to."""
        self.results: dict[str, Any] = {}
        """``bindings`` and ``frames``, once harvested."""
        self.unsaved: dict[str, Any] = {}
        """Model id -> model, for those that cannot be saved."""
        self.cuts = Cuts(job)
        self._served = thinning.Served(job["stride"], job["train_rows"], job["test_rows"])
        self._is_student = stack.student_code(Path.cwd())
        self._models: dict[int, tuple[weakref.ref[Any], str, dict[str, Any]]] = {}
        self._known = 0
        self._saved: dict[str, str] = {}
        self._samples: dict[bytes, str] = {}
        self._bytes = 0
        self._meanwhile_left = MEANWHILE_BYTES
        self._uses = 0
        self._small_uses = 0
        self._local = threading.local()

    # --- hooks -----------------------------------------------------------------------------------------------------

    def install(self, trainer: type) -> None:
        """Wrap ``fit``, ``evaluate`` and ``predict`` where they are defined, so that every way of import meets them."""
        for name, record in (("fit", self.fit), ("evaluate", self.use), ("predict", self.use)):
            setattr(trainer, name, _wrapped(getattr(trainer, name), record))

    def install_compile(self, trainer: type) -> None:
        """Note who compiles. In place: Keras compares a model's ``compile`` with this very attribute."""
        trainer.compile = _wrapped(trainer.compile, self.compile)  # type: ignore[attr-defined]

    def compile(self, original: Callable[..., Any], model: Thing, arguments: Thing, keywords: Thing) -> Thing:
        __tracebackhide__ = True
        if not self._inside:
            self._safely(self._note_builder, model)
        return original(model, *arguments, **keywords)

    def fit(self, original: Callable[..., Any], model: Thing, arguments: Thing, keywords: Thing) -> Thing:
        __tracebackhide__ = True
        begun = None if self._inside else self._safely(self._begin, original, model, arguments, keywords)
        if begun is None:
            return original(model, *arguments, **keywords)
        entry, given, epochs = begun
        start = time.monotonic()
        try:
            with self._nested():
                result = original(model, **given)
        except BaseException:
            self._safely(self.cuts.end, entry, None)
            self._safely(self._end, entry, model, epochs, time.monotonic() - start)
            raise
        entry["finished"] = True
        self._safely(self.cuts.end, entry, result)
        self._safely(self._end, entry, model, epochs, time.monotonic() - start)
        return result

    def use(self, original: Callable[..., Any], model: Thing, arguments: Thing, keywords: Thing) -> Thing:
        __tracebackhide__ = True
        if self.cuts.rehearsal and not self._inside:
            return self._rehearse_use(original, model, arguments, keywords)
        entry = None if self._inside else self._safely(self._begin_use, original, model, arguments, keywords)
        if entry is None:
            return original(model, *arguments, **keywords)
        start = time.monotonic()
        with self._nested():
            result = original(model, *arguments, **keywords)
        entry["seconds"] = time.monotonic() - start
        if entry["kind"] == "evaluate":
            self._safely(self._end_evaluation, entry, model)
        return result

    def _rehearse_use(self, original: Callable[..., Any], model: Thing, arguments: Thing, keywords: Thing) -> Thing:
        """A rehearsal predicts a few rows, which then stand for all; ``evaluate`` is cut in its iterator."""
        __tracebackhide__ = True
        given: Any = self._safely(_bound, original, model, arguments, keywords)
        x: Any = None if given is None or original.__name__ != "predict" else given.get("x")
        few = self._safely(few_rows, x)
        if few is None:
            return original(model, *arguments, **keywords)
        answers = original(model, **{**given, "x": few, "steps": None})
        return repeated(answers, len(x))

    @property
    def _inside(self) -> bool:
        return getattr(self._local, "depth", 0) > 0

    @contextmanager
    def _nested(self) -> Iterator[None]:
        """Calls that Keras makes on its own behalf, such as ``evaluate`` within ``fit``, are not the student's."""
        self._local.depth = getattr(self._local, "depth", 0) + 1
        try:
            yield
        finally:
            self._local.depth -= 1

    silently = _nested

    def _safely(self, work: Callable[..., Any], *arguments: Thing) -> Thing:
        try:
            with self._nested():  # a model's own attributes may call the hooks
                return work(*arguments)
        except Exception as error:
            self.note(f"{work.__name__.strip('_')}: {type(error).__name__}: {error}")
            return None

    def note(self, text: str) -> None:
        if len(self.notes) < 100:
            self.notes.append(text[:300])

    # --- models ----------------------------------------------------------------------------------------------------

    def model_id(self, model: Thing) -> str:
        return self._entry(model)[1]

    def facts(self, model: Thing) -> dict[str, Any]:
        """What is known of a model beyond its id: builder, built_count."""
        return self._entry(model)[2]

    def _entry(self, model: Thing) -> tuple[Any, str, dict[str, Any]]:
        found = self._models.get(id(model))
        if found is None or found[0]() is not model:  # an id is used again once its object is gone
            self._known += 1
            found = self._models[id(model)] = (weakref.ref(model), f"m{self._known}", {})
        return found

    def _note_builder(self, model: Thing) -> None:
        facts = self.facts(model)
        if not facts.get("builder"):
            facts["builder"] = stack.builder(stack.frames(self._is_student), model)
        facts.setdefault("built_count", self.count())

    def keep_model(self, model: Thing, name: str) -> tuple[str, str, str]:
        """Artifact name, digest of the weights, and why there is no artifact; equal weights are saved once."""
        digest = models.weights(model)
        if not digest:
            return "", "", "the model has no weights yet"
        if digest in self._saved:
            return self._saved[digest], digest, ""
        if own := models.foreign(model):
            self._hold(model)
            return "", digest, f"uses classes of its own: {', '.join(own)}"[:300]
        try:
            return self._save(model, name, digest), digest, ""
        except Exception as error:
            self.handover.making(name).unlink(missing_ok=True)
            self._hold(model)
            return "", digest, f"{type(error).__name__}: {error}"[:300]

    def _save(self, model: Thing, name: str, digest: str) -> str:
        path = self.handover.making(name)
        models.save(model, path)
        size = path.stat().st_size
        if size > MODEL_BYTES or self._bytes + size > ARTIFACT_BYTES:
            raise OSError(f"a model of {size >> 20} MB, after {self._bytes >> 20} MB, is more than may leave the room")
        if strangers := models.strangers(path):
            raise TypeError(f"uses functions of its own: {', '.join(strangers)}")
        self._bytes += size
        self.handover.made(name)
        self._saved[digest] = name
        return name

    def _hold(self, model: Thing) -> None:
        self.unsaved.pop(self.model_id(model), None)
        self.unsaved[self.model_id(model)] = model
        if len(self.unsaved) > UNSAVEABLE:
            del self.unsaved[next(iter(self.unsaved))]

    def _keep_sample(self, content: bytes) -> str:
        name = self._samples.get(content)
        if name is None and len(self._samples) < SAMPLES and self._bytes + len(content) <= ARTIFACT_BYTES:
            name = f"sample-{len(self._samples) + 1}.npy"
            self.handover.put(name, content)
            self._samples[content] = name
            self._bytes += len(content)
        return name or ""

    # --- fit -------------------------------------------------------------------------------------------------------

    def _begin(
        self, original: Callable[..., Any], model: Thing, arguments: Thing, keywords: Thing
    ) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]] | None:
        """The new entry, the arguments to train with, and the list that fills with each epoch's figures."""
        if len(self.trainings) >= TRAININGS:
            return None
        given = _bound(original, model, arguments, keywords)
        entry = self._describe(model, given)
        self.trainings.append(entry)
        thinned, entry["stride"] = thinning.thin(given, self._served)
        epochs: list[dict[str, Any]] = []
        watched = thinned.get("callbacks")
        if watched is None or isinstance(watched, (list, tuple)):
            begin = partial(self._safely, self._begin_epoch, entry, model, epochs)
            keep = partial(self._safely, self._keep_meanwhile, entry, model, Meanwhile())
            thinned = thinned | {"callbacks": [*(watched or ()), _callback(begin, keep, epochs)]}
        self.flush()
        return entry, self.cuts.begin(thinned), epochs

    def _describe(self, model: Thing, given: dict[str, Any]) -> dict[str, Any]:
        running = stack.frames(self._is_student)
        facts = self.facts(model)
        return {
            "number": len(self.trainings) + 1,
            "model": self.model_id(model),
            "execution_count": self.count(),
            "functions": stack.functions(running),
            "builder": facts.get("builder", ""),
            "built_count": facts.get("built_count"),
            "labels": stack.labels(running),
            "optimizer": models.optimizer(model),
            "loss": models.loss(model),
            "finished": False,
            "arguments": _arguments(given),
            **({} if self.cuts.rehearsal else self._fit_prints(given)),
        }

    def _fit_prints(self, given: dict[str, Any]) -> dict[str, Any]:
        x, y = given.get("x"), given.get("y")
        if y is None and (prints.is_dataset(x) or prints.is_sequence(x)):
            y = prints.first_batch(x, part=1)
        validation = given.get("validation_data")
        validation_x = validation[0] if isinstance(validation, (tuple, list)) and validation else validation
        return {
            "x": prints.fingerprint(x, self._keep_sample) or {},
            "y": prints.fingerprint(y) or {},
            "validation_x": prints.fingerprint(validation_x, self._keep_sample),
        }

    def _end(self, entry: dict[str, Any], model: Thing, epochs: list[dict[str, Any]], seconds: float) -> None:
        if not epochs and entry["finished"]:  # our callback could not be added
            kept = getattr(getattr(model, "history", None), "history", {})
            epochs = [dict(zip(kept, figures, strict=True)) for figures in zip(*kept.values(), strict=False)]
        self._note_epochs(entry, model, epochs)
        entry["seconds"] = seconds
        if self.cuts.rehearsal:  # only its plan is wanted
            self.flush()
            return
        entry["layers"] = models.layers(model)[:200]
        entry["parameters"] = models.parameters(model)
        entry["saved"], entry["weights"], entry["save_error"] = self.keep_model(model, f"fit-{entry['number']}.keras")
        self.flush()

    def _note_epochs(self, entry: dict[str, Any], model: Thing, epochs: list[dict[str, Any]]) -> None:
        names = dict.fromkeys(name for epoch in epochs for name in epoch)
        history = {name: [prints.finite(epoch.get(name)) for epoch in epochs][:2000] for name in names}
        entry["history"] = models.normalise(history, models.metric_names(model))
        entry["epochs_run"] = len(epochs)

    def _begin_epoch(self, entry: dict[str, Any], model: Thing, epochs: list[dict[str, Any]], epoch: int) -> None:
        """Tell how far it is, and keep the figures so far, lest the training never ends."""
        total = entry["arguments"].get("epochs", 1)
        self._note_epochs(entry, model, epochs)
        self.handover.put_json(PROGRESS, {"text": f"epoch {epoch + 1}/{total}", "training": entry["number"]})
        self.flush()

    def _keep_meanwhile(self, entry: dict[str, Any], model: Thing, meanwhile: Meanwhile) -> None:
        """Of a long training, the model as of its last epoch, in case the kernel is killed before it ends.

        Under the name that the finished model will take; the digest is not remembered, since the file is replaced.
        """
        now = time.monotonic()
        due = now - meanwhile.begun > LONG_SECONDS and now - meanwhile.saved > MEANWHILE_SECONDS
        if self.cuts.rehearsal or not due or models.foreign(model):
            return
        meanwhile.saved = float("inf")  # unless all goes well, once is enough
        name = f"fit-{entry['number']}.keras"
        path = self.handover.making(name)
        models.save(model, path)
        size = path.stat().st_size
        if size > min(MODEL_BYTES, self._meanwhile_left) or models.strangers(path):
            path.unlink()
            return
        self._meanwhile_left -= size
        self.handover.made(name)
        entry["saved"], entry["weights"] = name, models.weights(model)
        meanwhile.saved = now

    # --- evaluate, predict -----------------------------------------------------------------------------------------

    def _begin_use(
        self, original: Callable[..., Any], model: Thing, arguments: Thing, keywords: Thing
    ) -> dict[str, Any] | None:
        given = _bound(original, model, arguments, keywords)
        x = given.get("x")
        array = prints.as_array(x)
        small = array is not None and len(array) < ROWS
        self._small_uses += small
        if len(self.evaluations) >= EVALUATIONS or (small and self._small_uses > SMALL_USES):
            return None
        running = stack.frames(self._is_student)
        entry: dict[str, Any] = {
            "kind": original.__name__,
            "model": self.model_id(model),
            "execution_count": self.count(),
            "functions": stack.functions(running),
            "labels": stack.labels(running),
            "x": prints.fingerprint(x, self._keep_sample) or {},
            "y": prints.fingerprint(given.get("y")),
        }
        if not small:
            self._uses += 1
            entry["saved"], entry["weights"], _ = self.keep_model(model, f"use-{self._uses}.keras")
        self.evaluations.append(entry)
        return entry

    def _end_evaluation(self, entry: dict[str, Any], model: Thing) -> None:
        figures = {key: prints.finite(value) for key, value in model.get_metrics_result().items()}
        known = {key: value for key, value in figures.items() if value is not None}
        entry["results"] = models.normalise(known, models.metric_names(model))

    # --- leaving the kernel ----------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write the ledger so far, and which models can only be asked within this kernel."""
        self.handover.put_json(
            LEDGER,
            {
                "trainings": self.trainings,
                "evaluations": self.evaluations,
                "bindings": {},
                "frames": [],
                **self.results,
                "adaptations": self.adaptations,
                "notes": self.notes,
            },
        )
        self.handover.put_json(UNSAVED, sorted(self.unsaved))


def _wrapped(original: Callable[..., Any], record: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)  # also copies Keras' marks on the function
    def call(self: Thing, *arguments: Thing, **keywords: Thing) -> Thing:
        __tracebackhide__ = True
        return record(original, self, arguments, keywords)

    return call


def _bound(original: Callable[..., Any], model: Thing, arguments: Thing, keywords: Thing) -> dict[str, Any]:
    """Arguments by name; raises TypeError where the call itself would."""
    bound = inspect.signature(original).bind(model, *arguments, **keywords)
    given = dict(bound.arguments)
    given.pop("self", None)
    given.update(given.pop("kwargs", {}))
    return given


def _arguments(given: Mapping[str, Any]) -> dict[str, Any]:
    plain = {name: given[name] for name in _ARGUMENTS if isinstance(given.get(name), (bool, int, float))}
    if given.get("validation_data") is not None:
        plain["validation"] = "data"
    elif given.get("validation_split"):
        plain["validation"] = "split"
    callbacks = given.get("callbacks")
    if isinstance(callbacks, (list, tuple)):
        plain["callbacks"] = [type(callback).__name__[:100] for callback in callbacks][:20]
    elif callbacks is not None:
        plain["callbacks"] = [type(callbacks).__name__[:100]]
    if given.get("class_weight"):
        plain["class_weight"] = True
    return plain


def _callback(begin_epoch: Callable[[int], None], keep: Callable[[], None], epochs: list[dict[str, Any]]) -> Thing:
    """A Keras callback that tells of each epoch and collects its figures; made here since Keras is imported late."""
    from keras.src.callbacks.callback import Callback

    class Epochs(Callback):  # type: ignore[misc, unused-ignore]
        def on_epoch_begin(self, epoch: int, logs: Thing = None) -> None:
            begin_epoch(epoch)

        def on_epoch_end(self, epoch: int, logs: Thing = None) -> None:
            epochs.append(dict(logs or {}))
            keep()

    return Epochs()
