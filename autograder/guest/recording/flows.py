"""What a ``PyDataset``, or a generator behind a ``tf.data`` pipeline, gives while a model learns from it.

The first batch tells little of data whose later ones are others. Nothing is drawn here that the training does not draw.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from ..things import Thing
from . import hooks, prints, roots
from .late import Late


class Passage:
    """Where the elements of one generator pass."""

    def __init__(self) -> None:
        self.see: Callable[[Thing], Thing] | None = None
        """Set while a model is trained with them."""


class Flows:
    """Of one notebook: what was made of generators, and what is being learnt from."""

    def __init__(self, safely: Callable[..., Thing]) -> None:
        self._safely = safely
        self._made: weakref.WeakKeyDictionary[Any, Passage] = weakref.WeakKeyDictionary()
        self._sequence: tuple[Any, Late] | None = None

    # --- hooks -----------------------------------------------------------------------------------------------------

    def install_generators(self, module: Thing) -> None:
        kind: Any = module.DatasetV2
        original = kind.from_generator

        @functools.wraps(original)
        def from_generator(generator: Thing, *arguments: Thing, **keywords: Thing) -> Thing:
            __tracebackhide__ = True
            passage = Passage()
            made = original(_watched(generator, passage), *arguments, **keywords)
            self._safely(self._made.__setitem__, made, passage)
            return made

        kind.from_generator = staticmethod(from_generator)

    def install_sequences(self, module: Thing) -> None:
        hooks.wrap(module.PyDatasetAdapter, "_standardize_batch", self._batch)

    def _batch(self, original: Callable[..., Any], adapter: Thing, arguments: Thing, keywords: Thing) -> Thing:
        __tracebackhide__ = True
        if self._sequence is not None and getattr(adapter, "py_dataset", None) is self._sequence[0]:
            self._safely(self._sequence[1].see, _first(arguments[0] if arguments else keywords.get("batch")))
        return original(adapter, *arguments, **keywords)

    # --- trainings -------------------------------------------------------------------------------------------------

    def begin(self, data: Thing, late: Late) -> Callable[[], None]:
        """From now on ``late`` is shown what comes of ``data``; the answer ends that."""
        before, passages = self._sequence, []
        if prints.is_dataset(data):
            passages = [(made, self._made[made]) for made in roots.upstream(data) if made in self._made]
        elif prints.is_sequence(data):
            self._sequence = (data, late)
        for made, passage in passages:
            # One image at a time has a dimension less than the batches that come of them.
            single = _rank(made) is not None and _rank(made) == (_rank(data) or 0) - 1
            passage.see = self._seeing(late.see_row if single else late.see)

        def end() -> None:
            self._sequence = before
            for _, passage in passages:
                passage.see = None

        return end

    def _seeing(self, look: Callable[[Thing], None]) -> Callable[[Thing], Thing]:
        return lambda element: self._safely(look, _first(element))


def _watched(generator: Thing, passage: Passage) -> Thing:
    """The same elements; what is no function is left to TensorFlow to refuse."""
    if not callable(generator):
        return generator
    make: Callable[..., Any] = generator

    def passing(*arguments: Thing) -> Iterator[Thing]:
        __tracebackhide__ = True
        for element in make(*arguments):
            if passage.see is not None:
                passage.see(element)
            yield element

    return passing


def _rank(data: Thing) -> int | None:
    spec: Any = _first(getattr(data, "element_spec", None))
    shape = getattr(spec, "shape", None)
    rank = getattr(shape, "rank", None)
    return rank if isinstance(rank, int) else None


def _first(element: Thing) -> Thing:
    """The images of a pair of images and labels."""
    return element[0] if isinstance(element, (tuple, list)) and element else element
