"""What alters images at random on their way to a training: by the names that TensorFlow and Keras gave it.

The names tell two such pipelines apart. Whether an image was altered at all is measured elsewhere, by its rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..things import Thing
from . import prints, roots

MOST = 20
_MAPS = frozenset({"_MapDataset", "_ParallelMapDataset", "_FlatMapDataset", "_InterleaveDataset"})
_CHANCE = re.compile(r"Random|TruncatedNormal|Multinomial|SampleDistortedBoundingBox")
"""In the kind of an operation that draws."""
_NAMED = re.compile(
    r"(?:^|/)((?:stateless_)?(?:random|rand|mix_?up|cut_?mix|aug_?mix|auto|adjust)_?[a-z_]*[a-z])(?:_\d+)?(?=/|$)"
)
_DRAWING = re.compile(
    r"^(?:stateless_)?random_(?:uniform|normal|shuffle|gamma|poisson|categorical)\w*$|^random_?seed\w*$"
)
"""Names of what draws, not of what is altered by it."""
_SETTINGS = (
    *("featurewise_center", "samplewise_center", "featurewise_std_normalization", "samplewise_std_normalization"),
    *("zca_whitening", "rotation_range", "width_shift_range", "height_shift_range", "brightness_range", "shear_range"),
    *("channel_shift_range", "horizontal_flip", "vertical_flip", "preprocessing_function"),
)
"""Of Keras' ``ImageDataGenerator``; its zoom is a pair about 1."""


def varied(data: Thing) -> list[str]:
    """``random_flip_left_right``, ``rotation_range``: each once; empty where nothing is known to alter an image."""
    if prints.is_dataset(data):
        found = {name for step in roots.upstream(data) if type(step).__name__ in _MAPS for name in _mapped(step)}
    else:
        found = set(_generated(getattr(data, "image_data_generator", None)))
    return sorted(found)[:MOST]


def _mapped(step: Thing) -> Iterator[str]:
    """Of what one function does to each element: nothing where it draws nothing, its own name where nobody named it."""
    operations = list(_operations(step._map_func.function.graph))
    if not any(_CHANCE.search(kind) for kind, _ in operations):
        return
    named = {name for _, path in operations for name in _NAMED.findall(path) if not _DRAWING.match(name)}
    yield from named or {str(getattr(step._map_func._func, "__name__", "map"))[:100]}


def _operations(graph: Thing) -> Iterator[tuple[str, str]]:
    """Kind and path of each, with those of the functions that are called."""
    known: Any = graph
    yield from ((one.type, one.name) for one in known.get_operations())
    for inner in list(known._functions.values()):
        yield from ((one.op, one.name) for one in inner.definition.node_def)


def _generated(generator: Thing) -> Iterator[str]:
    if generator is None:
        return
    for name in _SETTINGS:
        if getattr(generator, name, None):
            yield name
    if tuple(getattr(generator, "zoom_range", None) or (1, 1)) != (1, 1):
        yield "zoom_range"
