"""Signs that a model knows images by heart, or was trained on those that it is tested with: for a person, never points.

Each sign is a figure beside the baseline's own on the same images, since public and hidden images need not be equally
difficult, and every honest model loses something when an image is shifted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import comb
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from autograder import statistics
from autograder.extraction import nudges
from autograder.extraction.grouping import Scope
from autograder.extraction.measures import LOSS_RATIO_CONFIDENCE, loss_ratio, predicted, unfit
from autograder.extraction.probing import Probed
from autograder.records import Baseline, Interval, Message, Nudge, PublicGap, say
from autograder.statistics import NORMAL_998, Estimate
from autograder.store import Store

Floats: TypeAlias = npt.NDArray[np.float32]
Right: TypeAlias = npt.NDArray[np.bool_]

BY_CHANCE = 0.005
"""Below which chance is no longer taken to explain that a single grey level takes more right answers than it gives. Of
more than four hundred models that see shapes none lost more than three of six hundred."""
LOSS_RATIO_MARGIN = 1.15
"""How much above the baseline's hidden/public loss ratio the low end of a model's interval must lie to be flagged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    nudges: tuple[Nudge, ...] = ()
    gap: PublicGap | None = None
    loss_ratio: float | None = None
    """Hidden loss / public loss."""
    doubts: tuple[Message, ...] = ()
    """The strongest first."""


@dataclass(frozen=True, slots=True)
class _Marks:
    """Which images one model tells right."""

    hidden: Right
    public: Right
    nudged: npt.NDArray[np.bool_]
    """(kinds, images): hidden images, then public ones."""


def signs(probed: Probed, scope: Scope, baseline: Baseline | None, *, store: Store) -> Signs:
    """Of a final model; nothing where it gave no outputs from which classes can be read."""
    probed, data = scope.of(probed), scope.data
    if probed.hidden is None or probed.public is None or unfit(probed.hidden, data.card.classes) is not None:
        return Signs()
    if not len(data.x_hidden) or not len(data.x_public):
        return Signs()
    own = _marks(probed.hidden, probed.public, probed.nudged, scope)
    usual = [] if baseline is None else _usual(baseline, scope, store)
    ratio = loss_ratio(probed.hidden, probed.public, data)
    moved = () if probed.nudged is None else tuple(_nudges(own, usual, scope))
    gap = _gap(own, usual)
    doubts = (*_by_heart(moved), *_gap_doubt(own, usual, gap), *_loss_doubt(ratio, baseline))
    return Signs(nudges=moved, gap=gap, loss_ratio=None if ratio is None else ratio.value, doubts=doubts)


def _marks(hidden: Floats, public: Floats, nudged: Floats | None, scope: Scope) -> _Marks:
    data = scope.data
    if nudged is None:
        nudged = np.empty((len(nudges.KINDS), 0, hidden.shape[1]), np.float32)
    labels = _nudged_labels(scope)[: nudged.shape[1]]
    after = [predicted(one) == labels for one in nudged] if nudged.size else [np.empty(0, bool)] * len(nudged)
    return _Marks(predicted(hidden) == data.y_hidden, predicted(public) == data.y_public, np.array(after, bool))


def _nudged_labels(scope: Scope) -> npt.NDArray[np.integer[Any]]:
    shown, data = scope.shown, scope.data
    return np.concatenate([data.y_hidden[shown.nudged_hidden], data.y_public[shown.nudged_public]])


def _usual(baseline: Baseline, scope: Scope, store: Store) -> list[_Marks]:
    """The baseline's seeds, told apart as the notebook does; none where their outputs were not kept."""
    together = zip(baseline.predictions, baseline.public, baseline.nudged, strict=False)
    return [
        _marks(
            scope.folded(store.get_array(hidden)),
            scope.folded_public(store.get_array(public)),
            scope.folded_nudged(store.get_array(nudged)),
            scope,
        )
        for hidden, public, nudged in together
    ]


# --- known by heart ------------------------------------------------------------------------------------------------


def _nudges(own: _Marks, usual: Sequence[_Marks], scope: Scope) -> Iterator[Nudge]:
    shown = scope.shown
    first = len(shown.nudged_hidden)
    for number, kind in enumerate(nudges.KINDS):
        for of, rows, places in (
            ("hidden", shown.nudged_hidden, slice(0, first)),
            ("public", shown.nudged_public, slice(first, None)),
        ):
            if not len(rows):
                continue
            labels = (scope.data.y_hidden if of == "hidden" else scope.data.y_public)[rows]
            before, after = getattr(own, of)[rows], own.nudged[number, places]
            others = [(getattr(one, of)[rows], one.nudged[number, places]) for one in usual]
            yield Nudge(
                kind=kind,
                of=of,
                images=len(rows),
                right=int(before.sum()),
                kept=int((before & after).sum()),
                after=int(after.sum()),
                chance=float(np.bincount(labels[before]).max() / before.sum()) if before.any() else 1.0,
                baseline_before=_mean([float(one.mean()) for one, _ in others]),
                baseline_after=_mean([float(one.mean()) for _, one in others]),
                baseline_kept=_mean([float(two[one].mean()) for one, two in others if one.any()]),
            )


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def knows_by_heart(nudge: Nudge) -> bool:
    """A heuristic: is what the model keeps of its right answers nearer to a memory's than to the baseline's?

    A memory that meets an image it does not hold knows nothing: it keeps what chance gives. The baseline keeps what a
    model that sees shapes does. Half-way between the two is as far from either as can be, and the whole interval must
    lie below it. A model that is no better than the baseline as it is, gains nothing by a memory, and weak models
    waver: such a one is left alone. Without a baseline there is no saying what an honest model would lose.
    """
    if not nudge.right or nudge.baseline_kept is None or nudge.baseline_before is None:
        return False
    middle = (nudge.chance + nudge.baseline_kept) / 2
    as_good = statistics.wilson(nudge.right, nudge.images).high >= nudge.baseline_before
    return as_good and statistics.wilson(nudge.kept, nudge.right, NORMAL_998).high < middle


def lost_and_gained(moved: Sequence[Nudge]) -> tuple[int, int]:
    """Images, hidden and public, that are named rightly only as they are, and only once a grey level is another."""
    noise = [nudge for nudge in moved if nudge.kind == "noise"]
    return sum(one.right - one.kept for one in noise), sum(one.after - one.kept for one in noise)


def remembers(moved: Sequence[Nudge]) -> bool:
    """A heuristic: whether some of its answers hang on the very pixels, as those of a table beside a network do.

    Who sees shapes wavers now and then at a border between classes, as often to its gain as to its loss.
    """
    noise = [nudge for nudge in moved if nudge.kind == "noise" and nudge.baseline_before is not None]
    lost, gained = lost_and_gained(moved)
    images = sum(one.images for one in noise)
    if not images:
        return False
    usual = sum((one.baseline_before or 0.0) * one.images for one in noise) / images
    as_good = statistics.wilson(sum(one.right for one in noise), images).high >= usual
    tails = sum(comb(lost + gained, number) for number in range(lost, lost + gained + 1))
    return as_good and tails < BY_CHANCE * 2 ** (lost + gained)


def _by_heart(moved: Sequence[Nudge]) -> Iterator[Message]:
    """One message, of the images that it keeps least of."""
    found = [nudge for nudge in moved if knows_by_heart(nudge)]
    if not found and remembers(moved):
        lost, gained = lost_and_gained(moved)
        yield say(
            "Part of the model's answers may come from a memory: once pixels differ by a single grey level, {lost:int} "
            "images that it named rightly are named wrongly, and {gained:int} the other way round (of {images:int}; "
            "whoever sees shapes loses hardly any).",
            lost=lost,
            gained=gained,
            images=sum(nudge.images for nudge in moved if nudge.kind == "noise"),
        )
    if not found:
        return
    worst = min(found, key=lambda nudge: nudge.kept / nudge.right)
    figures = {"before": worst.accuracy_before, "after": worst.accuracy_after, "usual": worst.baseline_after}
    if (worst.of, worst.kind) == ("public", "shift"):
        yield say(
            "The model behaves like a memory: {before:pct} on public images, {after:pct} after a shift of one pixel "
            "(the baseline: {usual:pct}).",
            **figures,
        )
    elif worst.kind == "shift":
        yield say(
            "The model behaves like a memory: {before:pct} on hidden images, {after:pct} after a shift of one pixel "
            "(the baseline: {usual:pct}).",
            **figures,
        )
    elif worst.of == "public":
        yield say(
            "The model behaves like a memory: {before:pct} on public images, {after:pct} once pixels differ by a "
            "single grey level (the baseline: {usual:pct}).",
            **figures,
        )
    else:
        yield say(
            "The model behaves like a memory: {before:pct} on hidden images, {after:pct} once pixels differ by a "
            "single grey level (the baseline: {usual:pct}).",
            **figures,
        )


# --- public against hidden -----------------------------------------------------------------------------------------


def _gap(own: _Marks, usual: Sequence[_Marks]) -> PublicGap:
    found = statistics.difference(_counted(own.public), _counted(own.hidden))
    return PublicGap(
        value=found.value,
        ci95=Interval(low=found.low, high=found.high),
        public=float(own.public.mean()),
        hidden=float(own.hidden.mean()),
        baseline=_mean([float(one.public.mean() - one.hidden.mean()) for one in usual]),
    )


def _counted(right: Right) -> tuple[int, int]:
    return int(right.sum()), len(right)


def _gap_doubt(own: _Marks, usual: Sequence[_Marks], gap: PublicGap) -> Iterator[Message]:
    """Hidden images may be harder than public ones; what counts is how much more harder they are for this model.

    What differs in difficulty multiplies errors: a model with half the errors has half the gap. So the error on hidden
    images is held against the error on public ones times the baseline's ratio, at the high end of its interval and at
    least 1; the low end of the difference must lie above 0.
    """
    allowed = max(1.0, _difficulty(usual)) if usual else 1.0
    hidden, public = _counted(~own.hidden), _counted(~own.public)
    if not statistics.difference(hidden, public, factor=allowed, deviations=NORMAL_998).low > 0:
        return
    figures = {
        "public": gap.public,
        "hidden": gap.hidden,
        "gap": 100 * gap.value,
        "low": 100 * gap.ci95.low,
        "high": 100 * gap.ci95.high,
    }
    if gap.baseline is None:
        yield say(
            "Accuracy is {public:pct2} on the public test set but {hidden:pct2} on fresh images: {gap:num1} points "
            "apart (95% interval {low:num1} to {high:num1}). There is no baseline to compare with, and the two sets "
            "need not be equally difficult.",
            **figures,
        )
    else:
        yield say(
            "Accuracy is {public:pct2} on the public test set but {hidden:pct2} on fresh images: {gap:num1} points "
            "apart (95% interval {low:num1} to {high:num1}); for the baseline it is {usual:num1}.",
            usual=100 * gap.baseline,
            **figures,
        )


def _difficulty(usual: Sequence[_Marks]) -> float:
    """High end of the baseline's hidden error / public error; infinite where it makes no error on public images."""
    hidden, public = (1 - np.mean([getattr(one, of) for one in usual], axis=0) for of in ("hidden", "public"))
    found = statistics.mean_ratio(hidden, public, confidence=LOSS_RATIO_CONFIDENCE)
    return float("inf") if found is None else found.high


def _loss_doubt(ratio: Estimate | None, baseline: Baseline | None) -> Iterator[Message]:
    """Training on test images shows in their loss long before it shows in their accuracy.

    Who does better on fresh images has none of the others by heart, however much better the baseline does there.
    """
    usual = None if baseline is None else baseline.loss_ratio
    if ratio is not None and usual is not None and ratio.low > max(1.0, LOSS_RATIO_MARGIN * usual):
        yield say(
            "The loss on fresh images is {ratio:num2} times that on the public test set; the baseline's is "
            "{usual:num2} times: perhaps the model was trained on the test set.",
            ratio=ratio.value,
            usual=usual,
        )
