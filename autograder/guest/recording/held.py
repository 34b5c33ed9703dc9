"""Arrays that a training step brings in, beside the batch that ``fit`` hands to it.

While TensorFlow traces the step, what a model is called with, and what its weights are changed by, leads back to
constants, to tensors and to variables from outside of the step. A few rows of these are kept; nothing is computed in
the graph. Whatever the weights are changed by: a metric or a regularizer of the notebook's own may learn as well.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..things import Thing
from . import prints
from .late import Late
from .roots import IMAGE, mapped, upstream

MOST, LOOKED_AT, OPERATIONS = 4, 32, 20_000
"""Arrays that are told of, those of which rows are kept until then, and steps back."""
_READING = frozenset({"ReadVariableOp", "ResourceGather"})


@dataclass(frozen=True, slots=True)
class Found:
    """A few rows of an array."""

    shape: tuple[int, ...]
    rows: prints.Rows
    sample: prints.Array


class Held:
    """Of one training."""

    def __init__(self, late: Late, model: Thing = None, row: int = 0) -> None:
        """``model``: whose own weights are nothing that is brought in; ``row``: figures in one of its images."""
        self._late = late
        """Sees the batches themselves, where nothing is traced."""
        self._model = model
        self._row = row
        self._found: dict[tuple[str, int], Found] = {}
        self._own: set[int] | None = None
        self._seen = set[tuple[int, str]]()
        """Tensors, by graph and name."""
        self._kept: dict[int, Any] = {}
        """What all of this goes by, so that no other thing comes to have its identity."""

    @property
    def any(self) -> bool:
        """Whether any array was found."""
        return bool(self._found)

    def called(self, inputs: Thing, training: bool) -> None:
        """A model was called with this; where nothing is traced, validation calls it as well."""
        first: Any = inputs[0] if isinstance(inputs, (list, tuple)) and inputs else inputs
        if hasattr(first, "numpy"):
            if training:
                self._late.see(inputs)
        elif hasattr(first, "op"):
            self._walk([first])

    def within(self, graph: Thing) -> None:
        """What comes out of a function was made of these."""
        traced: Any = graph
        self._kept[id(graph)] = graph
        self._walk(traced.outputs)

    def learnt(self, values: Thing) -> None:
        """Weights are changed by these: gradients, or what is assigned."""
        given: Any = values
        parts = [part for one in list(given) for part in (getattr(one, "values", one), getattr(one, "indices", None))]
        self._walk([one for one in parts if hasattr(one, "op") and not hasattr(one, "numpy")])

    def printed(self, keep: prints.Keep) -> list[dict[str, Any]]:
        """``ArrayPrint`` without figures and digest; rows as long as the images come first."""
        told: list[dict[str, Any]] = []
        for found in sorted(self._found.values(), key=lambda one: math.prod(one.shape[1:]) != self._row):
            if len(told) < MOST and (name := keep(prints.npy(found.sample))):
                shape, rows = [int(size) for size in found.shape], [int(row) for row in found.rows]
                told.append({"kind": "array", "shape": shape, "sample": name, "rows": rows})
        return told

    def _walk(self, tensors: Sequence[Any]) -> None:
        own = self._own = set(map(id, _handles(self._model))) if self._own is None else self._own
        ahead, seen = deque(tensors), self._seen
        while ahead and len(seen) < OPERATIONS and len(self._found) < LOOKED_AT:
            one = ahead.popleft()
            graph, operation = one.graph, one.op
            if (key := (id(graph), one.name)) in seen:
                continue
            seen.add(key)
            self._kept[id(graph)] = graph
            if operation.type == "Const":
                self._add(operation, _constant(one))
            elif operation.type in _READING and (handle := _handle(operation)) is not None and id(handle) not in own:
                self._add(handle, _variable(operation, handle), learnt=True)
            outside = _outside(one) if operation.type == "Placeholder" else None
            if outside is not None and hasattr(outside, "numpy"):
                if outside.dtype.is_floating or outside.dtype.is_integer:
                    self._add(outside, prints.as_array(outside))
            elif outside is not None:
                ahead.append(outside)
            ahead.extend(operation.inputs)
            for within in _within(operation):
                self._kept[id(within)] = within
                ahead.extend(within.outputs)

    def _add(self, source: Thing, array: prints.Array | None, *, learnt: bool = False) -> None:
        """``learnt``: of a variable, which as a rule holds another model's weights; its rows must be as images are."""
        key = type(source).__name__, id(source)
        array = None if array is None or array.dtype.kind not in "biuf" else _in_rows(array, self._row)
        if key in self._found or array is None or array.ndim < 2 or len(array) < 2:
            return
        size = math.prod(array.shape[1:])
        fit = prints.SAMPLE_BYTES // (4 * max(1, size))
        if size >= IMAGE and fit and not (learnt and self._row and size != self._row):
            rows = prints.spread(len(array), min(prints.SAMPLE_ROWS, fit))
            self._found[key] = Found(array.shape, rows, array[rows])
            self._kept[id(source)] = source


def piped(data: Thing, row: int, keep: prints.Keep) -> list[dict[str, Any]]:
    """What the functions of a ``tf.data`` pipeline bring in beside the elements that they are given."""
    held = Held(Late(), row=row)
    for pipeline in upstream(data) if prints.is_dataset(data) else ():
        if (graph := mapped(pipeline)) is not None:
            held.within(graph)
    return held.printed(keep)


def _within(operation: Thing) -> Iterator[Any]:
    """Graphs of the functions that it calls: those of a compiled function, of a condition, of a loop."""
    calling: Any = operation
    for attribute in calling.op_def.attr:
        if attribute.type not in ("func", "list(func)") or not calling.graph._functions:
            continue
        told = calling.get_attr(attribute.name)
        for one in told if isinstance(told, (list, tuple)) else (told,):
            function = calling.graph._get_function(getattr(one, "name", one))
            if (graph := getattr(function, "graph", None)) is not None:
                yield graph


def _in_rows(array: prints.Array, row: int) -> prints.Array:
    """The same with an image in each row, where its last axes are one."""
    if array.ndim == 1 and row and array.size % row == 0:
        return array.reshape(-1, row)
    for first in range(2, array.ndim):
        if row and math.prod(array.shape[first:]) == row:
            return array.reshape(-1, *array.shape[first:])
    return array


def _constant(tensor: Thing) -> prints.Array | None:
    from tensorflow.python.framework import tensor_util

    value = tensor_util.constant_value(tensor)
    return value if isinstance(value, np.ndarray) else None


def _outside(tensor: Thing) -> Thing:
    """What a placeholder stands for within its function; None for the function's own arguments."""
    symbol: Any = tensor
    captures = getattr(symbol.graph, "captures", ())
    return next((outer for outer, inner in captures if inner is symbol), None)


def _handle(operation: Thing) -> Thing:
    """Of the variable that is read there, as it is outside of all that is traced."""
    reading: Any = operation
    handle: Any = reading.inputs[0]
    while handle is not None and not hasattr(handle, "numpy"):
        handle = _outside(handle) if handle.op.type == "Placeholder" else None
    return handle


def _handles(model: Thing) -> Iterator[Any]:
    optimizer = getattr(model, "optimizer", None)
    for variable in (*(getattr(model, "variables", None) or ()), *(getattr(optimizer, "variables", None) or ())):
        inner = getattr(variable, "_value", variable)
        if (handle := getattr(inner, "handle", None)) is not None:
            yield handle


def _variable(operation: Thing, handle: Thing) -> prints.Array | None:
    """The value of a variable that is read there, as it is now."""
    import tensorflow
    from tensorflow.python.ops import gen_resource_variable_ops

    reading: Any = operation
    with tensorflow.init_scope():
        return prints.as_array(gen_resource_variable_ops.read_variable_op(handle, reading.get_attr("dtype")))
