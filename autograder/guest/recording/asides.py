"""What the notebook's own code trains while ``fit`` is at work: in callbacks, between its steps.

Of the model that ``fit`` trains it is a part of that training, whose record tells of these images as well. Of another
model it is a training of its own, which took place within.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..things import Thing
from . import models, prints, roots
from .depth import Depth
from .fed import Given
from .held import Held
from .late import Late

PARTS = 32
"""Of an array that is learnt from at once, from each of which a few rows are taken."""


@dataclass
class Fit:
    """One that is at work."""

    entry: dict[str, Any]
    model: Any
    look: Callable[[], None] = lambda: None
    """Called before anything is learnt beside its steps: what the model can do by then it brought along."""
    stepping: bool = True
    """Whether a step may be at work; always, where its steps are not told of."""
    depth: int = 0
    """Of calls that are not the student's own, while a callback has its turn."""
    late: Late = field(default_factory=Late)
    """Sees what is learnt beside its steps."""
    seconds: float = 0.0
    """Spent in other trainings."""
    held: Held | None = None
    """What its steps bring in beside the batch; None in a rehearsal."""
    row: int = 0
    """Figures in one of its images; 0 where that is not known."""
    given: Given | None = None
    """Some rows of what it learns from, until Keras draws batches."""
    outside: int = 0
    """Functions of the notebook's own that were running when it began."""
    unfollowed: int = 0
    """Steps beside its own, of which no image was seen."""
    others: dict[int, tuple[Any, int]] = field(default_factory=dict)
    """Optimisers that stepped within its steps though it is not theirs, and how many steps each had taken by then."""

    def stepped_by(self, optimizer: Thing) -> None:
        """An optimiser takes a step within its own; a traced one is seen once, and counts by itself."""
        self.others.setdefault(id(optimizer), (optimizer, steps_of(optimizer)))

    def beside(self) -> int:
        """Steps on its weights that were not its own, and that nobody can follow."""
        return self.unfollowed + sum(max(1, steps_of(one) - before) for one, before in self.others.values())

    def saw(self, x: Thing, keep: prints.Keep) -> bool:
        """Learnt beside its steps: one batch, or as much as another ``fit`` is given; whether these may be images."""
        data = list(x.values()) if isinstance(x, dict) else x
        parts = [prints.as_array(one) for one in data] if isinstance(data, (list, tuple)) else []
        several = bool(parts) and all(part is not None and part.ndim > 1 for part in parts)
        arrays = parts if several else [prints.as_array(data)]
        rows = {0 if array is None else len(array) for array in arrays}
        if len(rows) == 1 and (count := rows.pop()):
            for part in np.array_split(np.arange(count), max(1, min(PARTS, count // 32))):
                self.late.see([array[part] for array in arrays if array is not None])
            return any(self._may_be_images(array) for array in arrays if array is not None)
        if prints.is_dataset(x):
            self.entry["roots"] += roots.roots(x, keep)[: max(0, roots.MOST - len(self.entry["roots"]))]
            for images, some in roots.reaching(x) if len(self.entry["roots"]) >= roots.MOST else ():
                self.late.see(roots.taken(images, some.start + prints.spread(len(some), prints.SAMPLE_ROWS)))
            return True
        return False

    def _may_be_images(self, array: prints.Array) -> bool:
        """What a model learns from may be features as well, as long as its own."""
        return array.ndim > 1 and math.prod(array.shape[1:]) >= min(roots.IMAGE, self.row or 1)


class Asides:
    """All that are at work, one within the other."""

    def __init__(self, inside: Depth) -> None:
        self._inside = inside
        self.fits: list[Fit] = []
        """The outermost first."""

    @contextmanager
    def around(self, fit: Fit) -> Iterator[None]:
        fit.depth = int(self._inside)
        self.fits.append(fit)
        try:
            yield
        finally:
            self.fits.remove(fit)

    @property
    def now(self) -> Fit | None:
        """The one of which a callback has its turn: neither Keras nor the recorder is at work."""
        fit = self.fits[-1] if self.fits else None
        return fit if fit is not None and not fit.stepping and int(self._inside) == fit.depth else None

    @property
    def outermost(self) -> Fit | None:
        return self.fits[0] if self.fits else None

    @property
    def innermost(self) -> Fit | None:
        return self.fits[-1] if self.fits else None

    def of(self, model: Thing) -> list[Fit]:
        """Those that train some of this model's weights."""
        if not self.fits:
            return []
        own = models.trained_variables(model)
        return [fit for fit in self.fits if fit.model is model or own & models.trained_variables(fit.model)]


def steps_of(optimizer: Thing) -> int:
    """That it has taken, asked outside of what is being traced; 0 where it does not count."""
    iterations: Thing = getattr(optimizer, "iterations", None)
    if iterations is None or not hasattr(iterations, "numpy"):
        return int(iterations or 0)
    import tensorflow

    with tensorflow.init_scope():
        return int(iterations.numpy())
