"""What learns on the weights of a model while ``fit`` trains it, beside the step of ``fit``: and from which images.

Within a step that may be a metric of the notebook's own that takes an optimiser's step, a regularizer that calls the
model, a layer that assigns. While TensorFlow traces the step, whatever the weights are changed by leads back to the
arrays that it was computed from. Between two steps it is a callback. It may call the layers one by one and assign to
the variables itself: where it has computed gradients just before, that is a step as well.
"""

from __future__ import annotations

import math
import sys
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any, Protocol

from .. import stack
from ..things import Thing
from . import hooks, models
from .asides import Asides, Fit
from .keep import Keep
from .roots import IMAGE

PASSING = 8
"""Of the layers' inputs between two gradients, as many are kept: the first ones."""


class Book(Protocol):
    """What the ledger is to this."""

    asides: Asides
    keep: Keep
    _is_student: Callable[[str], bool]

    def _safely(self, work: Callable[..., Any], *arguments: Thing) -> Thing: ...


@dataclass(frozen=True, slots=True)
class Slopes:
    """Gradients that a callback has computed, and done nothing with so far."""

    fit: int
    turn: tuple[int, CodeType]
    shapes: frozenset[tuple[int, ...]]


class Beside:
    """Of one notebook."""

    def __init__(self, recorder: Book) -> None:
        self._recorder = recorder
        self._passing: list[Any] = []
        """What layers were called with under a tape, by a callback."""
        self._passed: list[Any] = []
        """What was so before the last gradients."""
        self._tape: weakref.ref[Any] | None = None
        self._slopes: Slopes | None = None
        self.traced: list[Any] = []
        """Models to whose weights something assigns in what is being traced."""

    # --- within a step of fit --------------------------------------------------------------------------------------

    def applied(self, optimizer: Thing, gradients: Thing, variables: Thing) -> None:
        """An optimiser takes a step while that of ``fit`` is at work."""
        fit = self._recorder.asides.innermost
        if fit is None or fit.held is None:
            return
        foreign = fit.stepping and not _is_of(optimizer, fit.model)
        if eager() and not foreign:
            return
        given: Any = optimizer._trainable_variables if variables is None else variables  # type: ignore[attr-defined, unused-ignore]
        if not {id(one) for one in given} & models.trained_variables(fit.model):
            return
        if not eager():
            fit.held.learnt(gradients)
        if foreign and not fit.entry.get("own_step") and "optimizer" not in fit.entry["handmade"]:
            fit.stepped_by(optimizer)  # else a person is told already

    def traces(self, model: Thing, value: Thing, lawful: bool) -> None:
        """What is being traced changes a weight of the model: an optimiser, or what ends its step, where ``lawful``."""
        for fit in self._recorder.asides.fits:
            if fit.model is model and fit.held is not None:
                fit.held.learnt([value])
                self.traced += [model] if not lawful and all(one is not model for one in self.traced) else []

    # --- callbacks -------------------------------------------------------------------------------------------------

    def install_layers(self, kind: type) -> None:
        hooks.wrap(kind, "__call__", self._layer)

    def _layer(self, original: Thing, layer: Thing, arguments: Thing, keywords: Thing) -> Thing:
        __tracebackhide__ = True
        asides = self._recorder.asides
        if asides.fits and asides.now is not None and "tensorflow" in sys.modules and eager() and taped():
            given = arguments[0] if arguments else next(iter(keywords.values()), None)
            self._recorder._safely(self._note_passing, asides.now, given)
        return original(layer, *arguments, **keywords)

    def _note_passing(self, fit: Fit, given: Thing) -> None:
        """Images, as far as that is known; else what comes first, which is then made to fit."""
        first = not self._passing and _row(given) >= min(IMAGE, fit.row or IMAGE)
        if first or (_row(given) == fit.row and len(self._passing) < PASSING):
            self._passing.append(given)

    def assigned(self, fit: Fit | None, variable: Thing) -> None:
        """A weight is changed by something else than an optimiser, in a callback's turn."""
        if fit is not None and self._slopes is not None and self._are_of(fit, variable):
            self._slopes = None
            self.took(fit, None, self.passed())

    def sloped(self, fit: Fit, tape: Thing, slopes: Thing) -> None:
        """A callback has computed gradients."""
        again = self._tape is not None and self._tape() is tape
        if self._passing or not again:  # the same tape may be asked for gradients more than once
            images = [one for one in self._passing if _row(one) == fit.row]
            self._passed, self._passing = images or self._passing, []
        self._tape = weakref.ref(tape)
        turn = self._turn(fit)
        self._slopes = None if turn is None else Slopes(fit.entry["number"], turn, _shapes(slopes))

    def passed(self) -> list[Any]:
        """What layers were called with before the last gradients, to be asked for once."""
        passed, self._passed = self._passed, []
        return passed

    def took(self, fit: Fit, x: Thing, passed: Sequence[Any]) -> None:
        """A callback's step on the weights of ``fit``, with this batch and with what layers were called with."""
        seen = [fit.saw(one, self._recorder.keep.sample) for one in (x, *passed) if one is not None]
        if not any(seen) and (fit.held is None or not fit.held.any):
            fit.unfollowed += 1

    def _are_of(self, fit: Fit, variable: Thing) -> bool:
        """Whether gradients of this shape were computed in the same turn of the same callback.

        One callback may look at gradients, and another put averages in the place of the weights.
        """
        slopes = self._slopes
        known = slopes is not None and slopes.fit == fit.entry["number"] and _shape(variable) in slopes.shapes
        return slopes is not None and known and self._turn(fit) == slopes.turn

    def _turn(self, fit: Fit) -> tuple[int, CodeType] | None:
        """The frame of the callback, as something that can be compared."""
        running = stack.frames(self._recorder._is_student)
        if len(running) <= fit.outside:
            return None
        return id(running[fit.outside]), running[fit.outside].f_code


def _is_of(optimizer: Thing, model: Thing) -> bool:
    """Whether the model was compiled with it, be it within the one that scales losses for numbers of 16 bits."""
    own: Any = getattr(model, "optimizer", None)
    scales = type(own).__module__.startswith("keras.") and type(own).__name__ == "LossScaleOptimizer"
    return optimizer is own or (scales and optimizer is own.inner_optimizer)


def eager() -> bool:
    """Whether TensorFlow computes at once; what is traced has no values yet."""
    tensorflow = sys.modules.get("tensorflow")
    return tensorflow is None or bool(tensorflow.executing_eagerly())


def taped() -> bool:
    """Whether a ``GradientTape`` may be recording."""
    inner = sys.modules.get("tensorflow.python.pywrap_tfe")
    return inner is None or not inner.TFE_Py_TapeSetIsEmpty()


def _flat(given: Thing) -> list[Any]:
    if isinstance(given, dict):
        given = list(given.values())
    if isinstance(given, (list, tuple)):
        return [one for part in given for one in _flat(part)]
    return [] if given is None else [given]


def _shape(one: Thing) -> tuple[int, ...]:
    return tuple(int(size) for size in getattr(one, "shape", ()) if size is not None)


def _shapes(slopes: Thing) -> frozenset[tuple[int, ...]]:
    return frozenset(map(_shape, _flat(slopes)))


def _row(given: Thing) -> int:
    """Figures in one row."""
    shape = _shape(given)
    return math.prod(shape[1:]) if len(shape) > 1 else 0
