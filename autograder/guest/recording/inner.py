"""What a trained part within a model is called with, where layers that no training changes stand before it.

Such layers may make images of what the model is given: of the number of each image, say.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from ..things import Thing
from . import models, prints
from .roots import IMAGE

TRIED, DEPTH = 2, 4
"""Places in a model, and models within models."""
LIGHT = 2_000_000
"""Parameters up to which it is tried also where no more numbers come out than go in."""


def inner(model: Thing, rows: prints.Array, labels: Sequence[float], keep: prints.Keep) -> list[dict[str, Any]]:
    """An ``ArrayPrint`` of each; ``rows``: some of what the model was trained with."""
    if not _decodes(model) or models.foreign(model):
        return []
    # Where no more comes out than goes in, what stands before is a trained network rather than a table.
    fewest = IMAGE if models.parameters(model) <= LIGHT else max(IMAGE, math.prod(rows.shape[1:]) + 1)
    found = list[dict[str, Any]]()
    for called in islice(_called_with(model, rows, fewest, DEPTH), TRIED):
        fit = prints.SAMPLE_BYTES // (4 * math.prod(called.shape[1:]))
        if len(called) == len(rows) and fit and (name := keep(prints.npy(called[:fit]))):
            told = {"labels": [float(label) for label in labels[:fit]]} if len(labels) == len(rows) else {}
            found.append({"kind": "inner", "shape": list(called.shape), "sample": name, "rows": [], **told})
    return found


def _decodes(model: Thing) -> bool:
    """Whether it holds tables that no training changes: figures of a normalization are none."""
    trained: Any = model
    weights = trained.non_trainable_variables
    return bool(trained.trainable_variables) and any(len(getattr(one, "shape", ())) > 1 for one in weights)


def _called_with(model: Thing, rows: Thing, fewest: int, depth: int) -> Iterator[prints.Array]:
    """Numbers, ``fewest`` of a row at least, that no trained layer has a part in.

    Of a model that is no graph of layers nothing is known.
    """
    from keras.src.models.model import Model

    outer: Any = model
    graph = getattr(outer, "_functional", None) or outer
    inputs: list[Any] = list(getattr(graph, "inputs", None) or ())
    if not depth or len(inputs) != 1:
        return
    by_depth, learnt = getattr(graph, "_nodes_by_depth", {}), set[int]()
    for node in (node for at in sorted(by_depth, reverse=True) for node in by_depth[at]):
        layer, tensors = node.operation, node.input_tensors[:1]
        trained = bool(getattr(layer, "trainable_variables", None))
        behind = any(id(tensor) in learnt for tensor in node.input_tensors)
        if trained or behind:
            learnt |= {id(tensor) for tensor in node.outputs}
        if not tensors or not trained or behind:
            continue
        shown, sizes = rows, tensors[0].shape[1:]
        if tensors[0] is not inputs[0]:
            if None in sizes or math.prod(sizes) < fewest:
                continue
            shown = np.asarray(Model(inputs[0], tensors[0], name="inner")(rows, training=False))
            yield shown
        if hasattr(layer, "layers"):
            yield from _called_with(layer, shown, fewest, depth - 1)
