"""What a ``PyDataset``, or Python code within a ``tf.data`` pipeline, gives while a model learns from it.

The first batch tells little of data whose later ones are others. Nothing is drawn here that the training does not draw.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from ..things import Thing
from . import hooks, prints, roots
from .late import Late

_PYTHON = frozenset({"PyFunc", "PyFuncStateless", "EagerPyFunc"})
"""Operations that call a function of Python's, known by a token."""


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
        self._called: dict[str, Callable[[Thing], Thing]] = {}
        """By token, what sees the answers of a function that a pipeline maps by, while a model is trained with it."""

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

    def install_functions(self, module: Thing) -> None:
        hooks.wrap(module.FuncRegistry, "__call__", self._answer)

    def _answer(self, original: Callable[..., Any], registry: Thing, arguments: Thing, keywords: Thing) -> Thing:
        __tracebackhide__ = True
        answer = original(registry, *arguments, **keywords)
        if self._called and (see := self._called.get(_token(arguments[0]))) is not None:
            see(answer)
        return answer

    def _batch(self, original: Callable[..., Any], adapter: Thing, arguments: Thing, keywords: Thing) -> Thing:
        __tracebackhide__ = True
        if self._sequence is not None and getattr(adapter, "py_dataset", None) is self._sequence[0]:
            self._safely(self._sequence[1].see, _first(arguments[0] if arguments else keywords.get("batch")))
        return original(adapter, *arguments, **keywords)

    # --- trainings -------------------------------------------------------------------------------------------------

    def begin(self, data: Thing, late: Late) -> Callable[[], None]:
        """From now on ``late`` is shown what comes of ``data``; the answer ends that."""
        before, passages = (self._sequence, self._called), []
        if prints.is_dataset(data):
            passages = [(made, self._made[made]) for made in roots.upstream(data) if made in self._made]
            self._called = dict.fromkeys(_tokens(data), partial(self._safely, _seen, late, _rank(data)))
        elif prints.is_sequence(data):
            self._sequence = (data, late)
        for made, passage in passages:
            # One image at a time has a dimension less than the batches that come of them.
            single = _rank(made) is not None and _rank(made) == (_rank(data) or 0) - 1
            passage.see = self._seeing(late.see_row if single else late.see)

        def end() -> None:
            self._sequence, self._called = before
            for _, passage in passages:
                passage.see = None

        return end

    def _seeing(self, look: Callable[[Thing], None]) -> Callable[[Thing], Thing]:
        return lambda element: self._safely(look, _first(element))


def _tokens(data: Thing) -> Iterator[str]:
    """Of functions of Python's by which the pipeline maps."""
    for pipeline in roots.upstream(data):
        graph: Any = roots.mapped(pipeline)
        for operation in () if graph is None else graph.get_operations():
            if operation.type in _PYTHON:
                yield _token(operation.get_attr("token"))


def _token(given: Thing) -> str:
    return given.decode() if isinstance(given, bytes) else str(given)


def _seen(late: Late, rank: int | None, answer: Thing) -> None:
    """One image at a time has a dimension less than the batches that come of them."""
    images = prints.as_array(_first(answer))
    if images is not None:
        (late.see_row if rank is not None and images.ndim == rank - 1 else late.see)(images)


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
