"""Which classes a notebook tells apart: those of the data set, a few of them, or groups such as even and odd."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from autograder.datasets import DataSet
from autograder.extraction.matching import Artifacts, Candidate, Sightings, used
from autograder.extraction.probing import Gallery, Probed
from autograder.records import Ledger, Message, Training, say

Rows: TypeAlias = npt.NDArray[np.intp]
Floats: TypeAlias = npt.NDArray[np.float32]

AGREEING = 0.95
"""Share of a class's images that must bear one label; else labels were drawn anew, or belong to something else."""
LABELLED = 20
"""Images of the data set that a sample must hold before anything is said of their labels."""
BY_CHANCE = 0.25
"""Share of labels that are those of the data set, beyond what chance gives where there are ten classes."""
DEALT, UNSURPRISING = 200, 0.95


@dataclass(frozen=True, slots=True)
class Grouping:
    """The notebook's own label for each class of the data set that it keeps."""

    of: Mapping[int, int]

    @property
    def classes(self) -> tuple[int, ...]:
        """Of the data set, in order."""
        return tuple(sorted(self.of))

    @property
    def labels(self) -> tuple[int, ...]:
        """Of the notebook, in order."""
        return tuple(sorted(set(self.of.values())))

    def told(self, images: int) -> Message:
        return say(
            "The notebook tells {labels:int} classes apart, made of these of the data set: {classes}. It is measured "
            "on the {images:int} hidden images of these.",
            labels=len(self.labels),
            classes=", ".join(map(str, self.classes))[:200],
            images=images,
        )


def grouping(
    one: Candidate, ledger: Ledger, known: Sequence[Candidate], artifacts: Artifacts, sightings: Sightings, classes: int
) -> Grouping | None:
    """None where the notebook's classes are those of the data set, or where it cannot be known."""
    sources = [one.training] if one.training is not None else []
    sources += [use for use in ledger.evaluations if used(use, known, artifacts) is one]  # type: ignore[misc]
    pairs: Counter[tuple[int, int]] = Counter()
    distinct = 0
    for source in sources:
        seen = sightings.of(source.x) if source.y_sample else None
        if seen is not None and len(seen.labels) == len(source.y_sample):
            distinct = max(distinct, source.y_classes)
            pairs.update(_pairs(seen.labels, source.y_sample))
    found = _agreed(pairs)
    if not found or min(found.values()) < 0:
        return None
    plain = all(label == number for number, label in found.items())
    # The labels of one batch may lack a class that those of others have.
    return None if plain and (not distinct or max(distinct, len(found)) >= classes) else Grouping(found)


def another_task(training: Training, sightings: Sightings) -> bool:
    """Whether its images are others, or its labels do not go by their classes: which of four angles, whose patch ..."""
    if not training.y_sample or not training.x.sample:
        return False
    seen = sightings.of(training.x)
    if seen is None:
        return True
    pairs = Counter(_pairs(seen.labels, training.y_sample)) if len(seen.labels) == len(training.y_sample) else Counter()
    return bool(pairs) and not _agreed(pairs)


def named(classes: Sequence[int], labels: Sequence[float]) -> bool:
    """Whether labels go by the classes of their images, as far as these are known."""
    return len(classes) == len(labels) and bool(_agreed(Counter(_pairs(classes, labels))))


def mislabelled(training: Training, sightings: Sightings, classes: int) -> bool:
    """Whether its labels have nothing to do with its images, which are those of the data set.

    Known by how often images of one class bear one label: no more often than if the same labels were dealt out anew.
    Labels of another kind than classes, such as the number of each image, are another task; so is whatever a model of
    fewer outputs than classes learns, such as whether two images are of one class.
    """
    several = len(training.outputs) == 1 and training.outputs[0][-1:] == (classes,)
    named = several and bool(training.y_sample) and 2 <= training.y_classes <= classes
    seen = sightings.of(training.x) if named else None
    if seen is None or len(seen.labels) != len(training.y_sample):
        return False
    pairs = np.array(list(_pairs(seen.labels, training.y_sample)), np.int64).reshape(-1, 2)
    numbers, labels = pairs[:, 0], pairs[:, 1]
    if len(pairs) < LABELLED or len(np.unique(labels)) < 2 or np.mean(numbers == labels) > BY_CHANCE:
        return False
    dealt = np.random.default_rng(0)
    others = [_togetherness(numbers, dealt.permutation(labels)) for _ in range(DEALT)]
    return _togetherness(numbers, labels) <= float(np.quantile(others, UNSURPRISING))


def _togetherness(numbers: Rows, labels: Rows) -> int:
    """Pairs of images of one class that bear one label."""
    same = (numbers[:, None] == numbers) & (labels[:, None] == labels)
    return int(same.sum())


def _pairs(classes: Sequence[int], labels: Sequence[float]) -> Iterator[tuple[int, int]]:
    """Class and label of each row whose image was found."""
    for number, label in zip(classes, labels, strict=True):
        if number >= 0 and float(label).is_integer():
            yield number, int(label)


def _agreed(pairs: Counter[tuple[int, int]]) -> dict[int, int]:
    counts: defaultdict[int, Counter[int]] = defaultdict(Counter)
    for (number, label), times in pairs.items():
        counts[number][label] += times
    found = {}
    for number, labels in counts.items():
        label, times = labels.most_common(1)[0]
        if times < AGREEING * labels.total():
            return {}
        found[number] = label
    return found


# --- the data set as the notebook sees it --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What one model is measured on."""

    data: DataSet
    """With the notebook's labels, and the images of its classes only."""
    hidden: Rows
    public: Rows
    altered: Rows
    """Places among the altered images."""
    nudged: Rows
    """Places among the nudged images."""
    shown: Gallery
    grouping: Grouping | None = None

    def of(self, probed: Probed) -> Probed:
        """The answers for these images."""
        if self.grouping is None:
            return probed
        return replace(
            probed,
            hidden=None if probed.hidden is None else probed.hidden[self.hidden],
            public=None if probed.public is None else probed.public[self.public],
            nudged=None if probed.nudged is None else probed.nudged[:, self.nudged],
            altered=None if probed.altered is None else probed.altered[:, :, self.altered],
        )

    def folded(self, outputs: Floats) -> Floats:
        """The baseline's outputs for all classes, on these images, summed per label of the notebook."""
        return outputs if self.grouping is None else self._summed(outputs[self.hidden], self.grouping)

    def folded_public(self, outputs: Floats) -> Floats:
        """The same for public images."""
        return outputs if self.grouping is None else self._summed(outputs[self.public], self.grouping)

    def folded_nudged(self, outputs: Floats) -> Floats:
        """The same for nudged images: (kinds, images, classes)."""
        return outputs if self.grouping is None else self._summed(outputs[:, self.nudged], self.grouping)

    def folded_altered(self, outputs: Floats) -> Floats:
        """The same for altered images: (kinds, severities, images, classes)."""
        return outputs if self.grouping is None else self._summed(outputs[:, :, self.altered], self.grouping)

    def _summed(self, outputs: Floats, found: Grouping) -> Floats:
        if outputs.shape[-1] <= max(found.classes) or not outputs.size:
            return outputs
        summed = np.zeros((*outputs.shape[:-1], self.data.card.classes), np.float32)
        lowest = float(outputs.min()) - 1.0
        for label in set(range(self.data.card.classes)) - set(found.labels):
            summed[..., label] = lowest
        for number, label in found.of.items():
            summed[..., label] += outputs[..., number]
        return summed


def scope(found: Grouping | None, data: DataSet, shown: Gallery) -> Scope:
    """Everything where the notebook's classes are those of the data set."""
    if found is None:
        everything = [np.arange(size, dtype=np.intp) for size in (len(data.x_hidden), len(data.x_public))]
        altered = np.arange(len(shown.altered_rows), dtype=np.intp)
        nudged = np.arange(len(shown.nudged_hidden) + len(shown.nudged_public), dtype=np.intp)
        return Scope(data=data, hidden=everything[0], public=everything[1], altered=altered, nudged=nudged, shown=shown)
    hidden, public = _kept(data.y_hidden, found), _kept(data.y_public, found)
    altered = np.flatnonzero(np.isin(shown.altered_rows, hidden))
    first, second = (
        np.flatnonzero(np.isin(rows, kept))
        for rows, kept in ((shown.nudged_hidden, hidden), (shown.nudged_public, public))
    )
    return Scope(
        data=_restricted(data, found, hidden, public),
        hidden=hidden,
        public=public,
        altered=altered,
        nudged=np.concatenate([first, len(shown.nudged_hidden) + second]),
        shown=replace(
            shown,
            altered_rows=np.searchsorted(hidden, shown.altered_rows[altered]),
            nudged_hidden=np.searchsorted(hidden, shown.nudged_hidden[first]),
            nudged_public=np.searchsorted(public, shown.nudged_public[second]),
        ),
        grouping=found,
    )


def _kept(labels: npt.NDArray[Any], found: Grouping) -> Rows:
    return np.flatnonzero(np.isin(labels.reshape(-1), found.classes))


def _restricted(data: DataSet, found: Grouping, hidden: Rows, public: Rows) -> DataSet:
    counts, rows = data.public_counts[public], _kept(data.y_test, found)
    card = replace(
        data.card,
        classes=max(found.labels) + 1,
        public_images=len(public),
        hidden_images=len(hidden),
        test_rows=len(rows),
    )
    return replace(
        data,
        card=card,
        x_test=data.x_test[rows],
        y_test=_labels(data.y_test[rows], found),
        x_public=data.x_public[public],
        y_public=_labels(data.y_public[public], found),
        public_rows=np.cumsum(counts) - counts,
        x_hidden=data.x_hidden[hidden],
        y_hidden=_labels(data.y_hidden[hidden], found),
    )


def _labels(labels: npt.NDArray[Any], found: Grouping) -> npt.NDArray[np.intp]:
    return np.array([found.of[int(number)] for number in labels.reshape(-1)], dtype=np.intp)
