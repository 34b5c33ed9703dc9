"""Arrays that a training step of the notebook's own brings in, beside the batch that ``fit`` hands to it.

While TensorFlow traces the step, what a model is called with leads back to constants, to tensors and to variables from
outside of the step. They are looked at once it is over; nothing is computed in the graph.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..things import Thing
from . import prints
from .late import Late
from .roots import IMAGE

MOST, OPERATIONS = 4, 400
"""Arrays, and steps back from what a model is called with."""
_READING = frozenset({"ReadVariableOp", "ResourceGather"})


class Held:
    """Of one training."""

    def __init__(self, late: Late) -> None:
        self._late = late
        """Sees the batches themselves, where nothing is traced."""
        self._found: dict[int, prints.Array] = {}

    def called(self, inputs: Thing, training: bool) -> None:
        """A model was called with this; where nothing is traced, validation calls it as well."""
        first: Any = inputs[0] if isinstance(inputs, (list, tuple)) and inputs else inputs
        if hasattr(first, "numpy"):
            if training:
                self._late.see(inputs)
        elif hasattr(first, "op"):
            self._walk(first)

    def printed(self, keep: prints.Keep) -> list[dict[str, Any]]:
        """``ArrayPrint`` without figures and digest."""
        told = []
        for array in self._found.values():
            fit = prints.SAMPLE_BYTES // (4 * math.prod(array.shape[1:]))
            rows = prints.spread(len(array), min(prints.SAMPLE_ROWS, fit))
            if fit and (name := keep(prints.npy(array[rows]))):
                told.append({"kind": "array", "shape": list(array.shape), "sample": name, "rows": rows.tolist()})
        return told

    def _walk(self, tensor: Thing) -> None:
        ahead, seen = [tensor], set[int]()
        while ahead and len(seen) < OPERATIONS and len(self._found) < MOST:
            one: Any = ahead.pop(0)
            if id(one) in seen:
                continue
            seen.add(id(one))
            operation = one.op
            if operation.type == "Const":
                self._add(id(operation), _constant(one))
            elif operation.type in _READING:
                self._add(id(operation), _variable(operation))
            outside = _outside(one) if operation.type == "Placeholder" else None
            if outside is not None and hasattr(outside, "numpy"):
                if outside.dtype.is_floating or outside.dtype.is_integer:
                    self._add(id(outside), prints.as_array(outside))
            elif outside is not None:
                ahead.append(outside)
            ahead.extend(operation.inputs)

    def _add(self, key: int, array: prints.Array | None) -> None:
        if array is not None and array.ndim > 1 and len(array) > 1 and math.prod(array.shape[1:]) >= IMAGE:
            if array.dtype.kind in "biuf":
                self._found[key] = array


def _constant(tensor: Thing) -> prints.Array | None:
    from tensorflow.python.framework import tensor_util

    value = tensor_util.constant_value(tensor)
    return value if isinstance(value, np.ndarray) else None


def _outside(tensor: Thing) -> Thing:
    """What a placeholder stands for within its function; None for the function's own arguments."""
    symbol: Any = tensor
    captures = getattr(symbol.graph, "captures", ())
    return next((outer for outer, inner in captures if inner is symbol), None)


def _variable(operation: Thing) -> prints.Array | None:
    """The value of a variable that is read there, as it is now."""
    from tensorflow.python.ops import gen_resource_variable_ops

    reading: Any = operation
    handle: Any = reading.inputs[0]
    while handle is not None and not hasattr(handle, "numpy"):
        handle = _outside(handle) if handle.op.type == "Placeholder" else None
    if handle is None:
        return None
    import tensorflow

    with tensorflow.init_scope():
        return prints.as_array(gen_resource_variable_ops.read_variable_op(handle, reading.get_attr("dtype")))
