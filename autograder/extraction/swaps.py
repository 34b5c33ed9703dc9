"""What the final model suddenly could while a training of this run went on, by other means than that training.

Honest code changes weights as well: it puts back what was best, averages, prunes. What an earlier moment of this run
accounts for is no matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from autograder.extraction.beginnings import ABLE, BETTER, Origin, before, explained, line, parents
from autograder.extraction.matching import EPOCH_DIGITS
from autograder.extraction.origin import akin
from autograder.records import Ledger, MeasuredModel, Message, Swap, Training, say

MOST = 4
"""Measured of one model: as many as are kept of a training."""
FULLY = 0.8
"""Of the way from guessing to the final model, where a step may lie between: one can teach a simple model half."""


@dataclass(frozen=True, slots=True)
class Sudden:
    """A swap whose weights nothing on record left."""

    training: Training
    swap: Swap

    @property
    def beginning(self) -> Training:
        """As if the training had begun with what came."""
        swap = self.swap
        return replace(self.training, start_accuracy=swap.after, start_weights=swap.weights, start_saved=swap.saved)


def sudden(training: Training, ledger: Ledger, origin: Origin) -> Iterator[Sudden]:
    """Of all trainings that the weights passed through, those included whose weights were put in place by a swap."""
    waiting, seen = [training], set[int]()
    while waiting:
        for one in line(waiting.pop(), ledger, origin):
            if one.number in seen:
                break
            seen.add(one.number)
            earlier = before(one, ledger)
            # Those that made it the most able come first, and of several the last, which undid the ones before.
            for found in (Sudden(one, swap) for swap in sorted(reversed(one.swaps), key=lambda swap: -swap.after)):
                own = (one.start_weights, *one.epoch_weights[: max(0, found.swap.known)])
                if any(found.swap.weights[:EPOCH_DIGITS] == digest[:EPOCH_DIGITS] for digest in own if digest):
                    continue
                if (parent := next(parents(found.beginning, earlier, origin), None)) is not None:
                    waiting.append(parent)
                else:
                    yield found


def accounted(
    found: Sudden,
    figures: tuple[float, float] | None,
    ledger: Ledger,
    models: Sequence[MeasuredModel],
    origin: Origin,
) -> bool:
    """Whether an earlier training, or this one up to then, accounts for what came.

    ``figures``: accuracy on hidden images before and after; None where these were not to be had.
    """
    if explained(found.beginning, None if figures is None else figures[1], ledger, models, origin):
        return True
    share, after = figures or (found.swap.before, found.swap.after)
    left, came = origin.of(found.swap.saved_before), origin.of(found.swap.saved)
    kin = left is not None and came is not None and akin(left, came)
    return kin and (found.swap.steps > 0 or 1 - after >= BETTER * (1 - share))


def told(found: Sudden, figures: tuple[float, float] | None, final: float, classes: int) -> Message | None:
    earlier, after = (min(1.0, max(0.0, one)) for one in figures or (found.swap.before, found.swap.after))
    share = FULLY if found.swap.steps else ABLE
    if after < 1 / classes + share * (final - 1 / classes) or 1 - after >= BETTER * (1 - earlier):
        return None
    if figures is None:
        return say(
            "While training {number:int} of the final model went on, something else than its steps changed the "
            "weights: of some training images it named {before:pct} rightly right before, {after:pct} right after, by "
            "its kernel's own record. Its weights come from elsewhere, or were set by the code.",
            number=found.training.number,
            before=earlier,
            after=after,
        )
    return say(
        "While training {number:int} of the final model went on, something else than its steps changed the weights: of "
        "the hidden images it names {before:pct} rightly right before, {after:pct} right after; it ends at "
        "{final:pct}. Its weights come from elsewhere, or were set by the code.",
        number=found.training.number,
        before=earlier,
        after=after,
        final=final,
    )
