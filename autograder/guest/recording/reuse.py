"""A training that took place before is not carried out again: what it left is put in its place, and said.

The same is done around every training that is understood, whether or not anybody is asked: it begins and leaves the
streams of random numbers as ``streams`` says, so that nothing that follows can tell a training from its replay.
"""

from __future__ import annotations

import hashlib
import json
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .. import parcel  # type: ignore[attr-defined, unused-ignore]  # the host's own, sent along
from ..inquiry import UNHEARD, Inquiry
from ..things import Thing
from . import states, streams
from .states import Outcome
from .understanding import Foreign, Understood, as_taken, build, head, understood

SOME, SHORT_SECONDS = 20, 1.0
"""Once so many trainings took less than so long on average, asking costs more than it brings."""
MOST = 400
"""Questions of one kernel."""
CONTENT_BYTES = 200 << 20
"""Of model and data, packed, that are sent out for a training elsewhere."""

Fit = Callable[..., Any]


class Reuse:
    """What is asked about the trainings of one kernel; ``inquiry`` is None where nobody is to be asked."""

    def __init__(
        self,
        inquiry: Inquiry | None,
        cut: Mapping[str, Any],
        is_student: Callable[[str], bool],
        note: Callable[[str], None],
    ) -> None:
        self._inquiry = inquiry
        self._cut = cut
        self._is_student = is_student
        self._note = note
        self._asked = 0
        self._seconds: list[float] = []
        self._last: Callable[[], Thing] = lambda: None
        """The model that was trained last, as long as it is there."""

    def fit(self, original: Fit, model: Thing, given: dict[str, Any], entry: dict[str, Any], watched: Watched) -> Thing:
        """What ``original`` would answer, and the model as it would leave it."""
        __tracebackhide__ = True
        found = self._understood(model, given, watched)
        if isinstance(found, str):
            entry["unreused"] = found
            return original(model, **given)
        where, training = found
        own = watched.own(given)
        answer, content = self._ask(training, where, entry)
        del found, training  # copies of data that are not needed while it trains
        again, self._last = self._last() is model, weakref.ref(model)
        with streams.passed(where, again=again):
            if answer == "replay" and (history := self._replayed(model, given, own, content, entry, watched)):
                return history
            began = time.monotonic()
            result = original(model, **given)
            seconds = time.monotonic() - began
        self._seconds.append(seconds)
        if answer in ("tell", "audit"):
            self._tell(model, own, result, watched, seconds)
        return result

    def _understood(self, model: Thing, given: dict[str, Any], watched: Watched) -> str | tuple[str, Understood]:
        """The reason why it is not, or where the streams are and what it is."""
        try:
            where = streams.place()
            if not where:
                raise Foreign("not seeded")
            plain = {**given, "callbacks": watched.own(given)}
            return where, understood(model, plain, self._is_student)
        except Foreign as reason:
            return str(reason)
        except Exception as error:
            self._note(f"reuse: {type(error).__name__}: {error}")
            return "another"

    # --- asking ----------------------------------------------------------------------------------------------------

    def _ask(self, training: Understood, where: str, entry: dict[str, Any]) -> tuple[str, bytes]:
        """What to do, in one word, and what the training left; without an answer it is carried out."""
        if self._inquiry is None or self._asked >= MOST or self._is_quick():
            return "train", b""
        try:
            written = head(
                training, streams.seed_at(where, "in"), {**self._cut, "times": entry["stride"] / self._cut["share"]}
            )
            body = json.dumps(written, sort_keys=True, allow_nan=False).encode()
            self._asked += 1
            answer, content = self._inquiry.ask("fit?", body)
            if answer != UNHEARD:  # the host holds it against the questions that it heard
                entry["request"] = hashlib.sha256(body).hexdigest()[:16]
            if answer == "send":
                answer, content = self._inquiry.ask("contents", _contents(training))
            return answer, content
        except Exception as error:
            self._note(f"reuse: {type(error).__name__}: {error}")
            return "train", b""

    def _is_quick(self) -> bool:
        return len(self._seconds) >= SOME and sum(self._seconds) / len(self._seconds) < SHORT_SECONDS

    def _tell(self, model: Thing, own: list[Any], result: Thing, watched: Watched, seconds: float) -> None:
        try:
            outcome = Outcome(
                figures=watched.figures,
                epochs=[int(epoch) for epoch in result.epoch],
                steps=result.params.get("steps"),
                weights=watched.weights,
                seconds=seconds,
            )
            if self._inquiry is not None:
                self._inquiry.ask("trained", states.taken(model, own, outcome))
        except Exception as error:
            self._note(f"reuse: {type(error).__name__}: {error}")

    # --- a replay --------------------------------------------------------------------------------------------------

    def _replayed(
        self,
        model: Thing,
        given: dict[str, Any],
        own: list[Any],
        content: bytes,
        entry: dict[str, Any],
        watched: Watched,
    ) -> Thing:
        """The history; None where what came does not fit, and then nothing has changed."""
        try:
            _build_metrics(model, given)
            outcome = states.put_back(model, own, content)
        except Exception as error:
            self._note(f"reuse: {type(error).__name__}: {error}")
            return None
        entry["reused"], entry["recorded_seconds"] = True, outcome.seconds
        watched.figures[:], watched.weights[:] = [dict(epoch) for epoch in outcome.figures], outcome.weights
        print(f"[autograder] training {entry['request'][:4]}… reused ({outcome.seconds:.1f} s recorded)")
        return _history(model, given, own, outcome)


class Watched:
    """The ledger's own callbacks in a training, and what they fill."""

    def __init__(self, callbacks: Sequence[Any], figures: list[dict[str, Any]], weights: list[str]) -> None:
        self.callbacks = callbacks
        self.figures = figures
        self.weights = weights

    def own(self, given: Mapping[str, Any]) -> list[Any]:
        """The notebook's callbacks; raises Foreign where they are no list."""
        callbacks = given.get("callbacks")
        if callbacks is not None and not isinstance(callbacks, (list, tuple)):
            raise Foreign("callback")
        return [one for one in callbacks or () if all(one is not ours for ours in self.callbacks)]


def _contents(training: Understood) -> bytes:
    """Weights, then the state of the optimiser, then the data, in the order of the question."""
    arrays = [np.asarray(one) for one in (*training.variables, *training.optimizer)]
    arrays += [as_taken(training.data[name]) for name in sorted(training.data)]
    packed: bytes = parcel.packed({}, arrays)
    if len(packed) > CONTENT_BYTES:
        raise ValueError(f"{len(packed) >> 20} MB are too much to send")
    return packed


def _build_metrics(model: Thing, given: Mapping[str, Any]) -> None:
    """What is otherwise built in the first step: variables of loss and metrics."""
    from keras import KerasTensor

    def symbol(value: Thing) -> Thing:
        kind = "float32" if np.issubdtype(value.dtype, np.floating) else str(value.dtype)
        return KerasTensor((None, *value.shape[1:]), kind)

    build(model, given["x"])
    names = ("x", "y", "sample_weight") if given.get("sample_weight") is not None else ("x", "y")
    model._symbolic_build(data_batch=tuple(symbol(np.asarray(given[name])) for name in names))


def _history(model: Thing, given: Mapping[str, Any], own: list[Any], outcome: Outcome) -> Thing:
    """As ``fit`` would leave it, and printed as ``fit`` prints it."""
    from keras.src.callbacks.history import History
    from keras.src.callbacks.progbar_logger import ProgbarLogger

    history, bar = History(), ProgbarLogger()
    verbose = given.get("verbose", "auto")
    params = {"verbose": verbose, "epochs": _epochs(given), "steps": outcome.steps}
    shown = [bar] if verbose != 0 else []
    for callback in (*own, history, *shown):
        callback.set_model(model)
        callback.set_params(params)
    model.history = history
    for callback in (history, *shown):
        callback.on_train_begin()
    for epoch, figures in zip(outcome.epochs, outcome.figures, strict=True):
        for callback in shown:
            callback.on_epoch_begin(epoch)
        for callback in (history, *shown):
            callback.on_epoch_end(epoch, dict(figures))
    return history


def _epochs(given: Mapping[str, Any]) -> int:
    from keras.src.backend import config

    epochs, most = int(given.get("epochs", 1)), config.max_epochs()
    return min(epochs, most) if most else epochs
