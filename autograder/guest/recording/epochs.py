"""What is collected while ``fit`` runs, and what of it tells whether a setting had anything to do."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..things import Thing
from . import felt, models, motion, onlookers, schedules, steering, through
from .asides import Fit
from .features import Behind
from .late import Late
from .lineage import Digests
from .watches import Watch

Shown = list[Any]
"""Of some rows the inputs, and the labels."""
Few = tuple[Any, Sequence[float]] | None
"""The same of a model of one input, for ``inner``."""


@dataclass
class Epochs:
    """What is collected while ``fit`` runs."""

    fit: Fit
    """What callbacks of the notebook's train while it is at work."""
    figures: list[dict[str, Any]] = field(default_factory=list)
    weights: list[str] = field(default_factory=list)
    start: float = field(default_factory=time.monotonic)
    hashing: float = 0.0
    saved: float = 0.0
    """When the model was last saved before its end."""
    watching: tuple[Any, ...] = ()
    """The callbacks that fill all this: one before the notebook's own, one after them."""
    callbacks: Any = None
    """The notebook's."""
    before: motion.Before | None = None
    """Figures of the weights before the first step."""
    began: Digests = frozenset()
    """Digests of the weights before the first step."""
    standing: through.Standing | None = None
    """What layers of the notebook's own held as it began, and where those of chance were."""
    steepest: float | None = None
    """Length of the gradient before the first step, where a limit may be held against it."""
    taken: int = 0
    """Steps of the optimiser before the first one."""
    times: float = 1.0
    """Steps of a schedule for each that is taken."""
    shown: Shown = field(default_factory=list)
    """A few of its images and their labels, by which it is seen what the model can do before; empty where none tell."""
    watch: Watch | None = None
    own: bool = False
    """Whether a step of the training is the student's own code."""
    stepped: bool = False
    looked: bool = False
    """Whether it was seen what the model can do once callbacks had their turn."""
    late: Late = field(default_factory=Late)
    """Of what a generator or a ``PyDataset`` gives."""
    behind: Behind | None = None
    """Images whose answers by another model it is given."""
    few: Few = None
    flown: Callable[[], None] = lambda: None
    """Ends the looking at it."""


def callbacks(
    begin_epoch: Callable[[int], None],
    between: Callable[[], None],
    stepped: Callable[[], None],
    end_epoch: Callable[[dict[str, Any]], None],
) -> tuple[Any, Any]:
    """Keras callbacks that tell of each epoch, its figures and its steps; made here since Keras is imported late."""
    from keras.src.callbacks.callback import Callback

    class First(Callback):  # type: ignore[misc, unused-ignore]
        def on_train_batch_end(self, batch: int, logs: Thing = None) -> None:
            stepped()

        def on_epoch_end(self, epoch: int, logs: Thing = None) -> None:
            stepped()  # the last step of all may have found no more rows

    class Watching(Callback):  # type: ignore[misc, unused-ignore]
        def on_epoch_begin(self, epoch: int, logs: Thing = None) -> None:
            begin_epoch(epoch)

        def on_train_batch_begin(self, batch: int, logs: Thing = None) -> None:
            between()

        def on_epoch_end(self, epoch: int, logs: Thing = None) -> None:
            end_epoch(dict(logs or {}))

    return First(), Watching()


def note_idlers(entry: dict[str, Any], epochs: Epochs) -> None:
    """Callbacks that could do nothing, by what there was to see and by what their code reaches; and those that moved
    weights."""
    figures = {name for one in epochs.figures for name in one}
    if figures and (blind := steering.blind(epochs.callbacks, figures)):
        entry["arguments"]["blind"] = blind
    if looking := onlookers.onlookers(epochs.callbacks):
        entry["arguments"]["onlookers"] = looking
    if epochs.watch is not None and epochs.watch.moved and (moving := onlookers.movers(epochs.callbacks)):
        entry["arguments"]["movers"] = moving
    if epochs.own and epochs.watch is not None and epochs.watch.stirred:
        entry["arguments"]["stirring"] = True


def note_optimizer(entry: dict[str, Any], model: Thing, epochs: Epochs) -> None:
    """A step of the notebook's own may leave alone what the model was compiled with, and use what it holds besides."""
    if not epochs.own or schedules.taken(model) != epochs.taken or not entry["epochs_run"]:
        return
    held = [one for one in vars(model).values() if hasattr(one, "apply_gradients") and schedules.counted(one)]
    entry["optimizer"] = models.optimizer_facts(held[0]) if len(held) == 1 else {}


def note_rates(entry: dict[str, Any], model: Thing, epochs: Epochs) -> None:
    """Of a schedule that stays at its rate up to the last step that was planned, however soon the training ended."""
    outer = getattr(model, "optimizer", None)
    optimizer = getattr(outer, "inner_optimizer", outer)
    first, steps = epochs.taken, schedules.taken(model) - epochs.taken
    planned = entry["arguments"].get("epochs", 1) - (entry["arguments"].get("initial_epoch") or 0)
    times = max(1, int(epochs.times))
    last = first + steps * max(1.0, planned / max(1, entry["epochs_run"]))
    if rates := schedules.steady(optimizer, first * times, last * times):
        entry["optimizer"]["rates"] = rates


def note_steepest(entry: dict[str, Any], model: Thing, epochs: Epochs) -> None:
    """Of a gradient that is known before and after."""
    after = felt.steepest(model, epochs.shown) if epochs.steepest is not None else None
    if after is not None and epochs.steepest is not None and not entry["arguments"].get("class_weight"):
        entry["arguments"]["steepest"] = max(epochs.steepest, after)
