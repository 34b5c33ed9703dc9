"""Trainings that are not ``fit``: ``train_on_batch`` and loops around an optimiser, also within ``tf.function``.

Where an optimiser applies gradients of its own accord, the model is the one that owns the variables. One entry of the
ledger stands for all steps that a model takes within one cell.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeAlias

import numpy as np

from ..things import Thing
from . import beginnings, hooks, losses, models, prints, roots, swaps, targets, watches
from .asides import Asides, Fit, steps_of
from .beside import Beside, eager, taped
from .features import Behind, Features
from .held import Held, piped
from .keep import Keep
from .late import Late
from .several import Inputs
from .swaps import Swaps
from .tally import Tally
from .through import Standing
from .uses import Uses
from .watches import Watch, Weights

OPEN = 4
"""Models that may be in training at once, as generator and discriminator are; older ones are taken to be done."""
SOMETIMES, LATER = 16, 200
"""Of how many steps one is looked at, and how many in all, where the first rows tell nothing."""
FEW = 32
"""Rows by which a model is tried, unless there are no more."""
_PROGRESS_SECONDS = 10.0


class Book(Protocol):
    """What the ledger is to steps."""

    keep: Keep
    swaps: Swaps
    tally: Tally
    asides: Asides
    beside: Beside
    features: Features
    uses: Uses
    classes: int
    train_rows: int
    unfollowed: int

    @property
    def _inside(self) -> bool: ...

    def silently(self) -> AbstractContextManager[None]: ...

    def _safely(self, work: Callable[..., Any], *arguments: Thing) -> Thing: ...

    def note(self, text: str) -> None: ...

    def _note_beginning(self, entry: dict[str, Any], model: Thing, began: beginnings.Beginning) -> None: ...

    def progress(self, text: str, training: int) -> None: ...

    def model_id(self, model: Thing) -> str: ...

    trainings: list[dict[str, Any]]

    def add_training(self, model: Thing, arguments: dict[str, Any]) -> dict[str, Any] | None: ...

    def end_training(
        self, entry: dict[str, Any], model: Thing, standing: Standing | None = None, few: Few = None
    ) -> None: ...


@dataclass
class Stretch:
    """The steps of one model within one cell."""

    entry: dict[str, Any]
    model: Any
    optimizer: Any
    start: float
    done_before: int
    """Iterations of the optimiser before the first of these steps."""
    steps: int = 0
    rows: int = 0
    seen: list[tuple[prints.Array, Any]] = field(default_factory=list)
    kept: int = 0
    later: list[tuple[prints.Array, prints.Array]] = field(default_factory=list)
    """A few rows of later batches."""
    of_all: tuple[Inputs, prints.Array] | None = None
    """Where there are several inputs: a few rows of all of them, and their labels."""
    late: Late = field(default_factory=Late)
    behind: Behind | None = None
    """Images whose answers by another model it is given."""
    whole: Any = None
    """A data set that was handed to a compiled function as it is."""
    held: Held | None = None
    """What its steps fetch themselves, where they are compiled."""
    told: float = 0.0
    watch: Watch | None = None
    closing: bool = False

    def shown(self) -> tuple[Inputs, Any] | None:
        """Rows that were seen passing, and their labels; None as long as there are few and more may come."""
        if self.of_all is not None:
            return self.of_all
        if self.kept < FEW and not self.closing:
            return None
        known = [(x, y) for x, y in (*self.seen, *self.later) if len(np.shape(y)) and len(y) == len(x)]
        if not known:
            return None
        images = np.concatenate([x for x, _ in known])
        return beginnings.few(images, np.concatenate([np.asarray(y) for _, y in known]))


@dataclass
class Taped:
    """A call under a gradient tape, until it is known what it was for."""

    model: Any
    x: Any
    result: Any
    weights: str
    """Digest, of a model that is in no training yet."""
    begun: Weights | None = None
    """The weights themselves: these rows may be too few to tell anything."""
    beside: bool = False
    """Whether a callback did so: what is no step of a training is then nothing."""


@dataclass
class Trace:
    """What a compiled function does, as seen when TensorFlow traced it: afterwards none of our hooks runs in it."""

    steps: list[tuple[Any, list[weakref.ref[Any]]]] = field(default_factory=list)
    models: list[weakref.ref[Any]] = field(default_factory=list)
    loss: losses.Told = field(default_factory=losses.Told)
    gradients: int = 0
    assigned: list[weakref.ref[Any]] = field(default_factory=list)
    """Models in training, whose weights it changes by itself."""
    held: Held | None = None
    """Arrays that its steps learn from and that nobody hands to it."""


class Steps:
    """Knows which models are being trained by hand."""

    def __init__(self, recorder: Book) -> None:
        self._recorder = recorder
        self._open: dict[str, Stretch] = {}
        """By model id, the one that stepped last at the end."""
        self._called: dict[str, weakref.ref[Any]] = {}
        """Models that were called by the student's code."""
        self._given: dict[str, Taped] = {}
        """By model id."""
        self._weighed: dict[str, tuple[str, Weights | None]] = {}
        """Model id -> digest and weights at the first such call in a cell, where it was in no training yet."""
        self._target: Any = None
        self._loss = losses.Told()
        self._owners: dict[tuple[int, ...], tuple[weakref.ref[Any], list[weakref.ref[Any]]]] = {}
        self._traces: weakref.WeakKeyDictionary[Any, Trace] = weakref.WeakKeyDictionary()
        self._tracing: Trace | None = None
        self._gradients = 0
        """Computed since the last step of a training."""
        self._iterations: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()

    @property
    def _silent(self) -> bool:
        """Whether it is not the student's own code that has its turn."""
        return self._recorder._inside and self._recorder.asides.now is None

    @contextmanager
    def _learning(self) -> Iterator[None]:
        """Around a step."""
        aside = self._recorder.asides.now
        if aside is None:
            self._recorder._safely(self._recorder.swaps.settle_all)
            yield
            return
        self._recorder._safely(aside.look)
        with self._recorder.swaps.beside():
            yield

    # --- hooks -----------------------------------------------------------------------------------------------------

    def install_call(self, kind: type) -> None:
        hooks.wrap(kind, "__call__", self._call)

    def install_apply(self, kind: type) -> None:
        hooks.wrap(kind, "apply", self._apply)

    def install_loss(self, kind: type) -> None:
        hooks.wrap(kind, "__call__", self._measure)

    def install_batches(self, kind: type) -> None:
        hooks.wrap(kind, "train_on_batch", self._train_on_batch)
        for name in ("test_on_batch", "predict_on_batch"):
            hooks.wrap(kind, name, self._use_batch)

    def install_tape(self, kind: type) -> None:
        hooks.wrap(kind, "gradient", self._gradient)

    def install_session(self, kind: type) -> None:
        hooks.wrap(kind, "run", self._run)

    def install_function(self, kind: type) -> None:
        hooks.wrap(kind, "__call__", self._function)

    def _call(self, original: Thing, model: Thing, arguments: Thing, keywords: Thing) -> Thing:
        __tracebackhide__ = True
        beside = self._recorder.asides.now is not None
        if self._silent or (beside and eager() and not taped()):
            fit = self._recorder.asides.innermost
            if fit is not None and fit.held is not None and (learning := _learns(fit, keywords)) is not None:
                called = arguments[0] if arguments else keywords.get("inputs")
                self._recorder._safely(fit.held.called, called, learning)
            return original(model, *arguments, **keywords)
        with self._recorder.silently():
            result = original(model, *arguments, **keywords)
        called = arguments[0] if arguments else keywords.get("inputs")
        self._recorder._safely(self._note_call, model, called, result, beside)
        return result

    def _apply(self, original: Thing, optimizer: Thing, arguments: Thing, keywords: Thing) -> Thing:
        __tracebackhide__ = True
        changes = self._recorder.swaps
        gradients = arguments[0] if arguments else keywords.get("grads")
        variables = arguments[1] if len(arguments) > 1 else keywords.get("trainable_variables")
        if hasattr(variables, "__next__"):  # which can be gone through but once
            arguments, keywords = (gradients, variables := list(variables)), {}
        if self._silent:
            if not changes.at_law:  # else it is the inner one of two
                self._recorder._safely(self._recorder.beside.applied, optimizer, gradients, variables)
                self._recorder.uses.stepped()
            with changes.lawful():
                return original(optimizer, *arguments, **keywords)
        learning = self._learning() if eager() else nullcontext()
        with learning, self._recorder.silently(), changes.lawful():
            result = original(optimizer, *arguments, **keywords)
        if not eager():
            self._recorder._safely(self._recorder.beside.applied, optimizer, gradients, variables)
        self._recorder._safely(self._note_apply, optimizer, gradients, variables)
        return result

    def _gradient(self, original: Thing, tape: Thing, arguments: Thing, keywords: Thing) -> Thing:
        __tracebackhide__ = True
        aside = self._recorder.asides.now
        if not self._recorder._inside or (aside is not None and not eager()):
            self._recorder._safely(self._note_gradient)
        result = original(tape, *arguments, **keywords)
        if aside is not None and eager():
            self._recorder._safely(self._recorder.beside.sloped, aside, tape, result)
        return result

    def _run(self, original: Thing, session: Thing, arguments: Thing, keywords: Thing) -> Thing:
        """Of a graph of TensorFlow 1: what it does is not looked into."""
        __tracebackhide__ = True
        self._gradients += 1
        return original(session, *arguments, **keywords)

    def _measure(self, original: Thing, loss: Thing, arguments: Thing, keywords: Thing) -> Thing:
        __tracebackhide__ = True
        if not self._silent:
            target = arguments[0] if arguments else keywords.get("y_true")
            self._recorder._safely(self._note_loss, loss, target)
        return original(loss, *arguments, **keywords)

    def _train_on_batch(self, original: Thing, model: Thing, arguments: Thing, keywords: Thing) -> Thing:
        __tracebackhide__ = True
        if self._silent:
            return original(model, *arguments, **keywords)
        with self._learning():
            began = self._recorder._safely(self._before_batch, original, model, arguments, keywords)
            with self._recorder.silently():
                result = original(model, *arguments, **keywords)
        self._recorder._safely(self._note_batch, original, model, arguments, keywords, began)
        return result

    def _use_batch(self, original: Thing, model: Thing, arguments: Thing, keywords: Thing) -> Thing:
        __tracebackhide__ = True
        if self._recorder._inside:
            with self._recorder.silently():
                return original(model, *arguments, **keywords)
        with self._recorder.silently():
            result = original(model, *arguments, **keywords)
        self._recorder._safely(self._note_use, original, model, arguments, keywords, result)
        return result

    def _function(self, original: Thing, function: Thing, arguments: Thing, keywords: Thing) -> Thing:
        __tracebackhide__ = True
        if self._silent or not eager():  # within another function, whose trace this belongs to
            return original(function, *arguments, **keywords)
        if self._recorder.asides.now is not None:
            return self._function_beside(original, function, arguments, keywords)
        self._recorder._safely(self._recorder.swaps.settle_all)
        with self._watched(function) as trace:
            result = original(function, *arguments, **keywords)
        if trace.steps or trace.models or trace.gradients:
            given = [*arguments, *keywords.values()]
            self._recorder._safely(self._note_function, trace, given or _reached(function), {})
        return result

    def _function_beside(self, original: Thing, function: Thing, arguments: Thing, keywords: Thing) -> Thing:
        """Called by a callback; whether it takes steps is known once it was traced."""
        __tracebackhide__ = True
        recorder, aside, known = self._recorder, self._recorder.asides.now, self._traces.get(function)
        learnt = recorder._safely(recorder.swaps.perhaps, aside.look) if aside is not None and known is None else None
        learning = self._learning() if known is not None and known.steps else nullcontext()
        recorder.beside.traced.clear()
        with learning, self._watched(function) as trace:
            result = original(function, *arguments, **keywords)
        for model in recorder.beside.traced:
            _add(trace.assigned, model)
        if trace.assigned and trace.gradients:
            recorder._safely(self._note_assigning, trace, arguments, keywords)
        if trace.steps:
            if learnt is not None:
                recorder._safely(learnt)
            recorder._safely(self._note_function, trace, arguments, keywords)
        return result

    @contextmanager
    def _watched(self, function: Thing) -> Iterator[Trace]:
        before = self._tracing
        self._tracing = self._traces.setdefault(function, Trace())
        try:
            yield self._tracing
        finally:
            self._tracing = before

    # --- what the calls mean ---------------------------------------------------------------------------------------

    def _note_call(self, model: Thing, x: Thing, result: Thing, beside: bool) -> None:
        number = self._recorder.model_id(model)
        self._called[number] = weakref.ref(model)
        if not eager():
            if self._tracing is not None:
                _add(self._tracing.models, model)
            return
        if type(x).__name__ == "KerasTensor":
            return  # a model becomes a part of another
        if not taped():
            self._recorder.tally.add(model, x, None, result)
            self._recorder.features.answered(x, result)
            return
        self._not_trained_on(number)
        if number not in self._open and number not in self._weighed:
            self._weighed[number] = models.weights(model), _begun(model)
        digest, begun = self._weighed.get(number, ("", None))
        self._given[number] = Taped(model, x, result, digest, begun, beside)

    def _not_trained_on(self, number: str) -> None:
        """A call under a tape that no step followed: gradients for a picture, or an attack."""
        given = self._given.pop(number, None)
        if given is not None and not given.beside:
            self._recorder.tally.add(given.model, given.x)

    def _note_loss(self, loss: Thing, target: Thing) -> None:
        name = models.snake(getattr(getattr(loss, "fn", None), "__name__", type(loss).__name__))
        told = losses.Told(name, self._recorder._safely(losses.settings, loss) or {})
        if eager():
            self._loss, self._target = told, target
        elif self._tracing is not None:
            self._tracing.loss = told

    def _note_gradient(self) -> None:
        if eager():
            self._gradients += 1
        elif self._tracing is not None:
            self._tracing.gradients += 1

    def _note_apply(self, optimizer: Thing, gradients: Thing, variables: Thing) -> None:
        owners = self._owning(optimizer, optimizer._trainable_variables if variables is None else variables)
        if not eager():
            if self._tracing is not None:
                self._tracing.steps.append((weakref.ref(optimizer), [weakref.ref(model) for model in owners]))
                self._note_held(self._tracing, owners, gradients)
            return
        target, self._target = self._target, None
        passed = self._recorder.beside.passed()
        for model in owners:
            given = self._given.pop(self._recorder.model_id(model), None)
            began = partial(_as_called, given, target)
            x = given.x if given is not None else next(iter(passed), None)
            self._step(model, optimizer, x, target, self._loss, began, passed)

    def _note_held(self, trace: Trace, owners: Sequence[Any], gradients: Thing) -> None:
        for model in owners[:1]:
            trace.held = trace.held or Held(Late(), model, models.row(model))
            trace.held.learnt(gradients)

    def _note_function(self, trace: Trace, arguments: Thing, keywords: Thing) -> None:
        x, y = _data([*arguments, *keywords.values()])
        done = {id(step[0]()): step for step in trace.steps}
        self._gradients += bool(trace.gradients)
        for optimizer, owners in done.values():
            for model in _alive(owners):
                self._step(model, optimizer(), x, y, trace.loss, partial(self._after_one, model, optimizer(), x, y))
                if (stretch := self._open.get(self._recorder.model_id(model))) is not None:
                    stretch.held = trace.held
        if not done and not prints.is_dataset(x):
            for model in _alive(trace.models):
                self._recorder.tally.add(model, x, y)

    def _note_assigning(self, trace: Trace, arguments: Thing, keywords: Thing) -> None:
        x, _ = _data([*arguments, *keywords.values()])
        for model in _alive(trace.assigned):
            self._is_part(model, x, ())

    def _before_batch(self, original: Thing, model: Thing, arguments: Thing, keywords: Thing) -> Thing:
        if self._recorder.model_id(model) in self._open or self._recorder.asides.of(model):
            return None
        given = hooks.bound(original, model, arguments, keywords)
        return _able(model, given.get("x"), given.get("y"))

    def _note_batch(self, original: Thing, model: Thing, arguments: Thing, keywords: Thing, began: Thing) -> None:
        given = hooks.bound(original, model, arguments, keywords)
        optimizer = getattr(model, "optimizer", None)
        told = losses.Told(models.loss(model), self._recorder._safely(losses.of_model, model) or {})
        self._step(model, optimizer, given.get("x"), given.get("y"), told, lambda: began)

    def _after_one(self, model: Thing, optimizer: Thing, x: Thing, y: Thing) -> Began:
        """Within a compiled function nothing is seen before its first step, which changes little.

        Where the model was trained before, what it can do then says nothing.
        """
        trained = {entry["model"] for entry in self._recorder.trainings[:-1]}
        if self._recorder.model_id(model) in trained or steps_of(optimizer) - self._iterations.get(optimizer, 0) > 1:
            return None
        return _able(model, x, y)

    def _note_use(self, original: Thing, model: Thing, arguments: Thing, keywords: Thing, result: Thing) -> None:
        given = hooks.bound(original, model, arguments, keywords)
        self._recorder.tally.add(model, given.get("x"), given.get("y"))
        if original.__name__ == "predict_on_batch":
            self._recorder.features.answered(given.get("x"), result)

    def _owning(self, optimizer: Thing, variables: Sequence[Any]) -> list[Any]:
        """Models that these variables train; looked up once for an optimiser and its variables."""
        variables = list(variables)
        if not variables:
            return []
        fitted = [fit.model for fit in self._recorder.asides.fits]  # not called by anybody, it may be
        key = (id(optimizer), len(variables), id(variables[0]), len(self._called), *map(id, fitted))
        before = self._owners.get(key)
        if before is not None and before[0]() is optimizer and len(found := _alive(before[1])) == len(before[1]):
            return found
        known = [*_alive(list(self._called.values())[::-1]), *fitted]
        found = owners({id(variable) for variable in variables}, known)
        self._owners[key] = (weakref.ref(optimizer), [weakref.ref(model) for model in found])
        if not found:
            self._recorder.note("an optimizer took a step with variables of no model that was called")
        return found

    # --- stretches -------------------------------------------------------------------------------------------------

    def number(self, model: Thing) -> int | None:
        """Of the training by hand that this model is in."""
        stretch = self._open.get(self._recorder.model_id(model))
        return None if stretch is None else int(stretch.entry["number"])

    def note_weights(self, model: Thing, digest: str) -> None:
        """The model is used in the midst of its training."""
        stretch = self._open.get(self._recorder.model_id(model))
        if stretch is not None and len(stretch.entry["epoch_weights"]) < 1000:
            stretch.entry["epoch_weights"].append(digest[:16])

    def _step(
        self,
        model: Thing,
        optimizer: Thing,
        x: Thing,
        y: Thing,
        loss: losses.Told,
        began: Callable[[], Thing] | None = None,
        passed: Sequence[Any] = (),
    ) -> None:
        if self._is_part(model, x, passed):
            return
        number = self._recorder.model_id(model)
        stretch = self._open.pop(number, None)
        if stretch is None:
            stretch = self._begin(model, optimizer, loss)
            able = self._recorder._safely(_asked, began) if stretch is not None and began is not None else None
            if stretch is not None and isinstance(able, beginnings.Beginning):
                self._recorder._note_beginning(stretch.entry, model, able)
            elif stretch is not None and stretch.watch is not None and isinstance(able, list):
                stretch.watch.begun = able
        if stretch is None:
            return
        self._open[number] = stretch
        self._gradients = 0
        stretch.steps += 1
        if prints.is_dataset(x):
            stretch.whole = x
        elif x is not None:
            self._see(stretch, x, y)
        self._recorder.tally.forget(model)
        if len(self._open) > OPEN:
            self.close(next(iter(self._open)), finished=True)
        if (now := time.monotonic()) - stretch.told > _PROGRESS_SECONDS:
            stretch.told = now
            self._recorder.progress(f"step {stretch.steps}", stretch.entry["number"])

    def _is_part(self, model: Thing, x: Thing, passed: Sequence[Any]) -> bool:
        """Whether ``fit`` is training these weights, to whose record the step belongs."""
        fits = self._recorder.asides.of(model)
        for fit in fits:
            self._gradients = 0
            self._recorder.beside.took(fit, x, passed)
        return bool(fits)

    def _begin(self, model: Thing, optimizer: Thing, loss: losses.Told) -> Stretch | None:
        entry = self._recorder.add_training(model, {"loop": True})
        if entry is None:
            return None
        entry |= {"optimizer": models.optimizer_facts(optimizer), "loss": loss.name}
        entry["loss_settings"] = dict(loss.settings)
        before = 0 if optimizer is None else self._iterations.get(optimizer, 0)
        now = time.monotonic()
        behind = Behind(self._recorder.features)
        late = Late(behind.see)
        stretch = Stretch(entry, model, optimizer, now, before, late=late, behind=behind, told=now)
        stretch.watch = self._recorder._safely(self._recorder.swaps.watch, model, entry, stretch.shown)
        return stretch

    def _see(self, stretch: Stretch, x: Thing, y: Thing) -> None:
        shape = tuple(getattr(x, "shape", ()))
        stretch.rows += int(shape[0]) if shape and isinstance(shape[0], int) else 0
        self._recorder._safely(stretch.late.see, x)
        if stretch.of_all is None and stretch.steps % SOMETIMES == 1:
            stretch.of_all = self._recorder._safely(beginnings.few_of_all, stretch.model, x, y)
        if stretch.kept >= targets.FEW:
            self._see_more(stretch, x, y)
            return
        part = prints.as_array(x)
        if part is None or (stretch.seen and stretch.seen[0][0].shape[1:] != part.shape[1:]):
            return
        stretch.entry["arguments"].setdefault("batch_size", len(part))
        stretch.seen.append((part.copy(), y))
        stretch.kept += len(part)

    def _see_more(self, stretch: Stretch, x: Thing, y: Thing) -> None:
        """Where the first rows tell nothing, being all of one label, say, a few of later ones may."""
        wanted = stretch.watch is not None and stretch.watch.begun is not None
        if not wanted or stretch.steps % SOMETIMES or len(stretch.later) >= LATER:
            return
        images, labels = prints.as_array(x), prints.as_array(y)
        if images is not None and labels is not None and len(images) == len(labels):
            stretch.later.append(prints.some(images, labels))

    def close(self, number: str, *, finished: bool) -> None:
        """Write down what has become of a training."""
        stretch = self._open.pop(number, None)
        self._weighed.pop(number, None)
        if stretch is None:
            return
        entry, recorder = stretch.entry, self._recorder
        stretch.closing = True
        recorder._safely(recorder.swaps.end, stretch.watch)
        entry["finished"] = finished
        entry["seconds"] = time.monotonic() - stretch.start
        entry["arguments"]["steps"] = stretch.steps = max(stretch.steps, self._iterated(stretch))
        entry["epochs_run"] = max(1, stretch.rows // max(1, recorder.train_rows))
        if stretch.seen:
            rows = max(stretch.rows, stretch.kept)
            shown = targets.of_batches(stretch.seen, rows, recorder.keep.sample, recorder.classes)
        else:
            shown = targets.described(stretch.whole, None, recorder.keep.sample, recorder.classes)
        entry |= shown | {"y": shown["y"] or {}}
        entry["roots"] = recorder._safely(self._roots, stretch) or []
        recorder._safely(recorder.end_training, entry, stretch.model, None, recorder._safely(_few, stretch))

    def _roots(self, stretch: Stretch) -> list[dict[str, Any]]:
        keep, found = self._recorder.keep.sample, list[dict[str, Any]]()
        if stretch.behind is not None:
            stretch.behind.given(stretch.whole, None)
            found = stretch.behind.printed(keep)
        found += stretch.late.printed(keep) + roots.roots(stretch.whole, keep)
        found += piped(stretch.whole, models.row(stretch.model), keep)
        return found if stretch.held is None else found + stretch.held.printed(keep)

    def _iterated(self, stretch: Stretch) -> int:
        """Steps by the optimiser's own count: a compiled function may take many at once."""
        if getattr(stretch.optimizer, "iterations", None) is None:
            return 0
        self._iterations[stretch.optimizer] = count = steps_of(stretch.optimizer)
        return count - stretch.done_before

    def fitted(self, model: Thing) -> None:
        """The model is about to be trained by ``fit``: what went before is another training."""
        self.close(self._recorder.model_id(model), finished=True)

    def end_cell(self, failed: bool) -> None:
        """Nothing of a loop goes on beyond its cell."""
        for number in list(self._given):
            self._not_trained_on(number)
        self._weighed.clear()
        for number in list(self._open):
            self.close(number, finished=not failed)
        self._recorder.unfollowed += self._gradients
        self._gradients = 0
        self._target = None


def learning(steps: Steps) -> list[Any]:
    """Models in trainings that go on, whose weights no record has yet."""
    return [stretch.model for stretch in steps._open.values()]


Few: TypeAlias = "tuple[Any, Sequence[float]] | None"
"""Some rows and their labels, of a model of one input."""
Began: TypeAlias = "beginnings.Beginning | Weights | None"
"""What the model could do, or the weights by which it can be told once more rows have passed."""


def _able(model: Thing, x: Thing, y: Thing) -> Began:
    images, shown = prints.as_array(x), beginnings.few_of_all(model, x, y)
    shown = beginnings.few(images, y) if shown is None and images is not None else shown
    return _begun(model) if shown is None else beginnings.seen(model, *shown)


def _as_called(given: Taped | None, target: Thing) -> Began:
    if given is None:
        return None
    if beginnings.share(given.result, target) is None:
        return given.begun
    return beginnings.answered(given.result, target, lambda: given.weights)


def _begun(model: Thing) -> Weights | None:
    built = getattr(model, "built", False)
    return watches.copy(model) if built and models.parameters(model) <= swaps.LARGEST else None


def _few(stretch: Stretch) -> Few:
    shown = stretch.shown()
    return None if shown is None or isinstance(shown[0], (list, dict)) else (shown[0], shown[1])


def _asked(began: Callable[[], Thing]) -> Thing:
    return began()


def _learns(fit: Fit, keywords: Thing) -> bool | None:
    """Whether a call within a step of ``fit`` is one to learn from; None where that is seen by its gradients.

    Of a step of the notebook's own each call counts where it is traced. Where nothing is, validation calls the model
    as well, as a metric may.
    """
    if fit.entry.get("own_step"):
        return bool(keywords.get("training"))  # type: ignore[attr-defined, unused-ignore]
    return taped() if eager() else None


def owners(wanted: set[int], candidates: Sequence[Any]) -> list[Any]:
    """Models that own these variables: the one that fits best, then what the rest of the variables belongs to."""
    owned = [(model, models.trained_variables(model)) for model in candidates]
    found = []
    while wanted:
        best = max(owned, key=lambda one: len(one[1] & wanted) / max(1, len(one[1] | wanted)), default=None)
        if best is None or not best[1] & wanted:
            break
        found.append(best[0])
        wanted = wanted - best[1]
    return found


def _reached(function: Thing) -> list[Any]:
    """Pipelines that a compiled function finds outside of itself, where nothing is handed to it."""
    compiled: Any = function
    python = compiled.python_function
    names = getattr(getattr(python, "__code__", None), "co_names", ())
    found = [python.__globals__[name] for name in names if name in python.__globals__]
    return [one for one in found if hasattr(one, "get_next") or prints.is_dataset(one)]


def _data(arguments: Sequence[Any]) -> tuple[Any, Any]:
    """Inputs and targets among what a compiled function was given: the first that have rows, in this order."""
    flat = [part for one in arguments for part in (one if isinstance(one, (tuple, list)) else [one])]
    flat = [getattr(one, "_dataset", one) if hasattr(one, "get_next") else one for one in flat]
    whole = next((one for one in flat if prints.is_dataset(one)), None)
    if whole is not None:
        return whole, None
    arrays = [one for one in flat if hasattr(one, "shape") and hasattr(one, "dtype") and len(one.shape)]
    x = next((one for one in arrays if len(one.shape) > 1), None)
    y = next((one for one in arrays if one is not x and x is not None and one.shape[0] == x.shape[0]), None)
    return x, y


def _add(known: list[weakref.ref[Any]], model: Thing) -> None:
    if not any(one() is model for one in known):
        known.append(weakref.ref(model))


def _alive(known: Sequence[weakref.ref[Any]]) -> list[Any]:
    return [model for one in known if (model := one()) is not None]
