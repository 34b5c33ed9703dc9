"""Weights that change while a training goes on, by something else than its steps: set, loaded, put back.

Callbacks, generators and a training step of the student's own may all do so, and most have good reasons: the best
epoch is put back, averages are put in place, weights are clipped. What the model can do right before and right after
is compared; where it can suddenly do what it could not, both states are kept for the host to judge.

Two things tell of a change. TensorFlow's assignments are seen when they are made, save those of an optimiser; and
where one epoch has ended, the weights are the same when the next begins.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

import numpy as np

from ..things import Thing
from . import beginnings, hooks, models, prints
from .asides import Asides
from .beside import Beside, eager
from .depth import Depth
from .keep import Keep
from .several import Inputs
from .watches import (
    LATEST,
    REMEMBERED,
    REMEMBERED_NUMBERS,
    Change,
    Leap,
    Watch,
    Weights,
    copy,
    near,
    put,
    timed,
    unchanged,
)

LARGEST = 20_000_000
"""Parameters of a model that is watched: a copy of more would be felt."""
SWAPS = 3
"""Kept of one training as they come, and then one more: the one that made the model the most able, the last of several
..."""
ALL_SWAPS = 30
"""... and of a run as they come."""
FURTHER_SWAPS = 90
"""Of a run, with those that were kept beyond the first ones of a training."""
FEWER, HALF = 3, 0.5
"""Images named wrongly, of the few that are looked at, by which a change counts, and how much of all of them."""


class Book(Protocol):
    """What the ledger is to swaps."""

    keep: Keep
    asides: Asides
    beside: Beside

    def silently(self) -> AbstractContextManager[None]: ...

    def _safely(self, work: Callable[..., Any], *arguments: Thing) -> Thing: ...

    def _note_beginning(self, entry: dict[str, Any], model: Thing, began: beginnings.Beginning) -> None: ...

    def _put_in_place(self, entry: dict[str, Any], model: Thing, before: Sequence[prints.Array]) -> None: ...


class Swaps:
    """All trainings that go on, and what changed in them."""

    def __init__(self, recorder: Book) -> None:
        self._recorder = recorder
        self._watches: list[Watch] = []
        self._owners: dict[int, Watch] = {}
        """By the identity of TensorFlow's own variable."""
        self._count = 0
        self.at_law = Depth()
        """True while such a change is made."""
        self.lawful = self.at_law.deeper
        """Around changes that a training consists of, and our own."""

    # --- what is seen ----------------------------------------------------------------------------------------------

    def install(self, kind: type) -> None:
        for name in ("assign", "assign_add", "assign_sub"):
            hooks.wrap(kind, name, self._assign)

    def install_reading(self, kind: type) -> None:
        hooks.wrap(kind, "get_weights", self._read)

    def _read(self, original: Thing, layer: Thing, arguments: Thing, keywords: Thing) -> Thing:
        __tracebackhide__ = True
        for watch in self._watches:
            if watch.model is layer and watch.before is None:
                self._recorder._safely(self._remember, watch)
        return original(layer, *arguments, **keywords)

    def _remember(self, watch: Watch) -> None:
        """What was asked for may be put back: it was learnt here."""
        if not watch.affordable:
            watch.blind = True
            return
        with timed(watch):
            watch.past.append(watch.copied())

    def _assign(self, original: Thing, variable: Thing, arguments: Thing, keywords: Thing) -> Thing:
        __tracebackhide__ = True
        if self._owners and (watch := self._owners.get(id(variable))) is not None:
            value = arguments[0] if arguments else keywords.get("value", keywords.get("delta"))
            if not eager():
                self._recorder._safely(self._recorder.beside.traces, watch.model, value, bool(self.at_law))
            elif not self.at_law:
                self._recorder._safely(self._recorder.beside.assigned, self._recorder.asides.now, variable)
            if not self.at_law:
                watch.stirred = watch.stirred or watch.inside or not eager()
                if not watch.moved and not watch.inside and eager():
                    watch.moved = bool(self._recorder._safely(_moves, original.__name__, variable, value))
                self._recorder._safely(self.touched, watch)
        return original(variable, *arguments, **keywords)

    # --- a training ------------------------------------------------------------------------------------------------

    def watch(
        self, model: Thing, entry: dict[str, Any], shown: Callable[[], tuple[Inputs, Any] | None]
    ) -> Watch | None:
        if not getattr(model, "built", False) or models.parameters(model) > LARGEST or models.foreign(model):
            return None
        most = REMEMBERED_NUMBERS // max(1, models.parameters(model))
        found = Watch(model, entry, shown, past=deque(maxlen=max(2, min(REMEMBERED, most))))
        self._watches.append(found)
        for variable in _learnt(model):
            self._owners[id(variable)] = found
        return found

    def end(self, watch: Watch | None) -> None:
        """After its last step; what changed since is seen here."""
        if watch is None or watch not in self._watches:
            return
        try:
            if not watch.entry.get("reused"):  # whose weights the host has sent
                self.epoch_begins(watch)
                self._try(watch)  # were there time for it or not
            if watch.further is not None and self._count < FURTHER_SWAPS:
                with self._recorder.silently(), self.lawful():
                    self._keep(watch, watch.further, copy(watch.model))
        finally:
            self._watches.remove(watch)
            self._owners = {key: one for key, one in self._owners.items() if one is not watch}

    def doubted(self, watch: Watch) -> None:
        """The step to come is the student's own code, which may change weights in ways that are not seen."""
        self.touched(watch)
        watch.within = True

    def touched(self, watch: Watch) -> None:
        """Something is about to be changed: the first of a row of changes counts."""
        if watch.before is not None:
            return
        if not watch.affordable:
            watch.blind = True
            return
        with timed(watch), _eagerly() as within:
            watch.before = watch.copied()
            watch.stepped, watch.within = _steps(watch.model), within or watch.inside

    def epoch_ends(self, watch: Watch) -> None:
        self.settle(watch)
        watch.between = True
        if watch.affordable:
            with timed(watch):
                watch.edge = watch.copied()

    def epoch_begins(self, watch: Watch) -> None:
        """Between two epochs, and after the last one, nothing is learnt."""
        edge, watch.edge, watch.between = watch.edge, None, False
        if watch.before is None and edge is not None:
            watch.before, watch.stepped, watch.within = edge, _steps(watch.model), False
        self.settle(watch)

    @contextmanager
    def beside(self) -> Iterator[None]:
        """Around a callback's step: it is no change by other means, even where no epoch is at work."""
        between = [watch for watch in self._watches if watch.between]
        self._recorder._safely(self.settle_all)
        for watch in between:
            self._recorder._safely(self.epoch_begins, watch)
        yield
        for watch in between:
            self._recorder._safely(self.epoch_ends, watch)

    def perhaps(self, look: Callable[[], None]) -> Callable[[], None]:
        """Before what may turn out to be steps of a callback's; the answer is called where it did.

        Then only what changed before counts, and what the model could do by then.
        """
        between = [watch for watch in self._watches if watch.between and watch.affordable]
        states = []
        for watch in between:
            with timed(watch):
                states.append(copy(watch.model))

        def learnt() -> None:
            for watch, state in zip(between, states, strict=True):
                with self._recorder.silently(), self.lawful(), put(watch.model, state, copy(watch.model)):
                    look()
                    self.epoch_begins(watch)
                self.epoch_ends(watch)

        return learnt

    def settle_all(self) -> None:
        for watch in list(self._watches):
            self.settle(watch)

    def settle(self, watch: Watch) -> None:
        """At a place between two steps: what has the row of changes done?"""
        before, watch.before = watch.before, None
        if before is not None:
            with timed(watch), self._recorder.silently(), self.lawful():
                self._settle(watch, before)
        if watch.begun is not None or watch.idle:
            self._try(watch)

    def _try(self, watch: Watch) -> None:
        if watch.begun is None and watch.waiting is None:
            return
        spent = watch.spent
        with timed(watch), self._recorder.silently(), self.lawful():
            leaped = self._catch_up(watch)
        # Harmless leaps must not use up the time in which others are seen.
        watch.spent = spent if leaped else watch.spent

    def _settle(self, watch: Watch, before: Weights) -> None:
        if unchanged(watch.model, before):
            return
        now = watch.copied()
        if near(before, now):
            return
        known = watch.remembers(now)
        watch.past.append(before)
        if not known:
            self._recorder._put_in_place(watch.entry, watch.model, before)
            steps = max(_steps(watch.model) - watch.stepped, int(watch.within))
            watch.waiting = watch.waiting or Change(before, now, steps, len(watch.entry["epoch_weights"]))

    def _catch_up(self, watch: Watch) -> bool:
        """As soon as there are images: a generator, or batches of few rows, have none at first.

        Whether the model could suddenly do what it could not.
        """
        if (shown := watch.shown()) is None:
            return False
        begun, watch.begun = watch.begun, None
        change, watch.waiting = watch.waiting, None
        now = copy(watch.model)
        if begun is not None and "start_accuracy" not in watch.entry:
            with put(watch.model, begun, now):
                began = beginnings.seen(watch.model, *shown)
                if began is not None:
                    self._recorder._note_beginning(watch.entry, watch.model, began)
        leap = None if change is None else self._compare(watch, change, now, *shown)
        if leap is None:
            return False
        if len(watch.entry["swaps"]) < SWAPS and self._count < ALL_SWAPS:
            self._keep(watch, leap, now)
        elif watch.further is None or leap.able >= watch.further.able:
            watch.further = leap
        return True

    def _compare(
        self,
        watch: Watch,
        change: Change,
        now: Weights,
        images: Inputs,
        labels: prints.Array,
    ) -> Leap | None:
        with put(watch.model, change.after, now):
            able = _share(watch.model, images, labels)
        if able is None or not beginnings.able(able, labels):
            return None
        shares = []
        for state in (change.before, *(list(watch.past)[-LATEST:] if watch.blind else ())):
            with put(watch.model, state, now):
                share = _share(watch.model, images, labels)
            if share is None or not _leaps(share, able, len(labels)):
                return None
            shares.append(share)
        return Leap(change.before, change.after, change.steps, change.known, shares[0], able)

    def _keep(self, watch: Watch, leap: Leap, now: Weights) -> None:
        model, keep = watch.model, self._recorder.keep
        self._count += 1
        with put(model, leap.after, now):
            saved, digest, _ = keep.model(model, f"swap-{2 * self._count}.keras")
        with put(model, leap.before, now):
            left, _, _ = keep.model(model, f"swap-{2 * self._count - 1}.keras")
        watch.entry["swaps"].append(
            {
                "before": leap.earlier,
                "after": leap.able,
                "weights": digest,
                "saved_before": left,
                "saved": saved,
                "known": leap.known,
                "steps": leap.steps,
            }
        )


def _moves(how: str, variable: Thing, value: Thing) -> bool:
    return bool(np.any(np.asarray(value) != (np.asarray(variable) if how == "assign" else 0)))


def _leaps(before: float, after: float, rows: int) -> bool:
    """Of the few images, so many fewer are named wrongly that no chance made it."""
    wrong = (1 - before) * rows
    return (after - before) * rows >= max(FEWER, HALF * wrong)


def _share(model: Thing, images: Inputs, labels: Thing) -> float | None:
    outputs = beginnings.asked(model, images)
    return None if outputs is None else beginnings.share(outputs, labels)


def _learnt(model: Thing) -> Iterator[Any]:
    """TensorFlow's variables of all that a training may change, frozen or not; not what layers count for themselves."""
    layers = model._flatten_layers() if hasattr(model, "_flatten_layers") else [model]
    for layer in layers:
        for variable in getattr(layer, "_trainable_variables", ()):
            yield getattr(variable, "_value", variable)


def _steps(model: Thing) -> int:
    iterations: Thing = getattr(getattr(model, "optimizer", None), "iterations", None)
    return 0 if iterations is None else int(np.asarray(iterations))


@contextmanager
def _eagerly() -> Iterator[bool]:
    """Whether a function is being traced, whose values are not there yet: the block runs outside of it."""
    import tensorflow as tf

    if tf.executing_eagerly():
        yield False
        return
    with tf.init_scope():
        yield True
