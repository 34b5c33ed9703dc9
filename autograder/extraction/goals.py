"""Whether what a model is to answer goes by the classes of its images, in whatever form: labels, finer ones, images.

A heuristic: targets of one class that differ as much as those of several, by noise, say, are not known.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from autograder.extraction.grouping import AGREEING, another_task, named
from autograder.extraction.matching import Sightings
from autograder.records import ArrayPrint, Training

Floats: TypeAlias = npt.NDArray[np.float32]

PAIRS = 8
"""Of rows, that must be of one class, as of several, before anything is said."""
NEARLY = 0.25
"""Of the mean squared distance between targets of several classes, up to which those of one class are taken for the
same: images themselves, which an autoencoder learns, reach from 0.6 to 0.9."""


def by_class(training: Training, sightings: Sightings) -> bool:
    """Whether it learns the classes of the images that it is given, or nothing says that it learns something else."""
    if training.y_sample and not another_task(training, sightings):
        return True
    if any(root.labels and follow(classes(root, sightings), root.labels) for root in training.roots):
        return True
    if unanswered(training):
        return any(shape[1:] == (sightings.classes,) for shape in training.outputs)
    known = classes(training.x, sightings)
    return follow(known, training.y_sample) if training.y_sample else alike(known, sightings.sample(training.y))


def unanswered(training: Training) -> bool:
    """Whether nothing is known of what it is to answer: of a compiled loop that fetches its labels, several outputs."""
    if training.y_sample or training.y.sample:
        return False
    several = len(training.outputs) > 1 and bool(training.loss)
    return several or (training.arguments.get("loop") is True and not training.y.shape)


def classes(shown: ArrayPrint, sightings: Sightings) -> tuple[int, ...]:
    """Class of each row's image, altered or kept back as well; -1 where it is none of ours."""
    seen, altered = sightings.of(shown), sightings.disguises(shown)
    told = [each for each in (seen.labels if seen is not None else (), altered.labels, altered.kept) if each]
    return tuple(max(row) for row in zip(*told, strict=True)) if len({len(each) for each in told}) == 1 else ()


def follow(known: Sequence[int], labels: Sequence[float]) -> bool:
    """Whether labels go by classes; several may belong to one class, each of them to no other."""
    return named(known, labels) or _finer(known, labels)


def _finer(known: Sequence[int], labels: Sequence[float]) -> bool:
    """By labels that several rows bear: a number that is each row's own says nothing."""
    together: defaultdict[float, Counter[int]] = defaultdict(Counter)
    for number, label in zip(known, labels, strict=False):
        if number >= 0:
            together[label][number] += 1
    several = [counts for counts in together.values() if counts.total() > 1]
    rows, agreed = (sum(counts.total() for counts in several), sum(max(counts.values()) for counts in several))
    found = {counts.most_common(1)[0][0] for counts in several}
    return len(known) == len(labels) and rows >= 2 * PAIRS and len(found) > 1 and agreed >= AGREEING * rows


def alike(known: Sequence[int], targets: Floats | None) -> bool:
    """Whether targets of one class are nearly the same, and those of several are not."""
    if targets is None or len(targets) != len(known) or not np.isfinite(targets).all():
        return False
    rows = np.flatnonzero(np.array(known) >= 0)
    if not len(rows):
        return False
    flat, numbers = targets[rows].reshape(len(rows), -1).astype(np.float64), np.array(known)[rows]
    first, second = np.triu_indices(len(rows), 1)
    apart = np.square(flat[first] - flat[second]).sum(axis=1)
    same = numbers[first] == numbers[second]
    if min(same.sum(), (~same).sum()) < PAIRS:
        return False
    return bool(apart[same].mean() <= NEARLY * apart[~same].mean() > 0)
