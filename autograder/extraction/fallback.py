"""Models that stay in their own kernel: what they are shown when the notebook has ended, and what they said there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from autograder.corruptions import SEVERITIES
from autograder.datasets import DataSet
from autograder.extraction.arrays import read_npy
from autograder.extraction.choice import choose
from autograder.extraction.matching import Candidate, Sightings, answers_for, candidates, prepare, steps_of
from autograder.extraction.measures import predicted
from autograder.extraction.probing import (
    Gallery,
    Probed,
    altered_order,
    altered_showing,
    checked,
    gallery,
    parted,
    showing,
    sound,
)
from autograder.records import Cell, Execution, Ledger, Message, Rubric, Showing, say
from autograder.store import Store

Floats: TypeAlias = npt.NDArray[np.float32]

ALIKE = 0.98
"""Share of the images shown twice of which a model must say the same class again."""


def prepare_fallback(
    ledger: Ledger,
    execution: Execution,
    cells: Sequence[Cell],
    *,
    data: DataSet,
    rubric: Rubric,
    store: Store,
    others: Sequence[Path] = (),
) -> Showing | None:
    """For the end of room 1: which models are asked there, and about what; ``execution`` is as far as it has come.

    A model whose preprocessing was not found is left out; None where no model is left. Altered images are many, so only
    the final model is shown them, and only where its answers cannot be had in room 2.
    """
    artifacts = execution.artifacts
    known, sightings = candidates(ledger, artifacts), Sightings(data, artifacts, store, others)
    answering = ((answers_for(one, ledger, known), one) for one in known if one.scores and not one.artifact)
    asked = {model: one for model, one in answering if model is not None}
    prepared = {model: prepare(one, ledger, known, artifacts, sightings) for model, one in asked.items()}
    recipes = {model: steps_of(one) for model, one in prepared.items() if one is not None}
    if not recipes:
        return None
    images, _ = showing(data, store)
    choice = choose(ledger, known, artifacts, cells, execution, data.card.image_shape, sightings)
    final = next((model for model in recipes if choice and asked[model] is choice.candidate), "")
    if not final:
        return Showing(images=images, recipes=recipes)
    shown = gallery(data, robustness_images=rubric.robustness_images, seed=rubric.seed, store=store)
    return Showing(images=images, recipes=recipes, final=final, altered=altered_showing(data, shown, store))


def from_kernel(
    one: Candidate,
    ledger: Ledger,
    known: Sequence[Candidate],
    execution: Execution,
    *,
    data: DataSet,
    shown: Gallery,
    store: Store,
) -> Probed:
    """Predictions made at the end of room 1 by a model that could not be saved: a claim."""
    model = answers_for(one, ledger, known) or ""
    name = execution.fallbacks.get(model)
    if name is None:
        return Probed(problem=say("The model could not be saved, and its kernel made no predictions."))
    outputs = checked(store.get(name), len(shown.order))
    if isinstance(outputs, Message):
        return Probed(problem=outputs)
    hidden, public, nudged = parted(outputs, shown)
    altered = _altered(model, hidden, execution, data, shown, store)
    if isinstance(altered, Message):
        return Probed(hidden=hidden, public=public, nudged=nudged, unaltered=altered)
    return Probed(hidden=hidden, public=public, nudged=nudged, altered=altered)


def _altered(
    model: str, hidden: Floats, execution: Execution, data: DataSet, shown: Gallery, store: Store
) -> Floats | Message:
    """(kinds, severities, images, outputs) in the order of the suite."""
    told, count = execution.altered, len(shown.altered_rows)
    if told is None or told.model != model:
        return say("The model answers in the notebook's own kernel only, and was not shown the altered images there.")
    if told.problem is not None:
        return told.problem
    order = altered_order(data, shown, store)
    outputs = _joined([store.get(part) for part in told.answers], len(order))
    if isinstance(outputs, Message):
        return outputs
    plain = np.empty_like(outputs)
    plain[order] = outputs
    again, altered = plain[:count], plain[count:]
    if outputs.shape[1] != hidden.shape[1] or _alike(again, hidden[shown.altered_rows]) < ALIKE:
        return say(
            "Shown the same images a second time, among altered ones, the model answered otherwise in its kernel: "
            "its answers to altered images are not counted."
        )
    return altered.reshape(len(SEVERITIES), 5, count, -1)


def _joined(parts: Sequence[bytes], rows: int) -> Floats | Message:
    arrays = [array for part in parts if (array := read_npy(part)) is not None and array.ndim == 2]
    if len(arrays) < len(parts) or len({(array.shape[1], array.dtype.str) for array in arrays}) != 1:
        return say("The model's outputs could not be read.")
    return sound(np.concatenate(arrays), rows)


def _alike(first: Floats, second: Floats) -> float:
    return float((predicted(first) == predicted(second)).mean())
