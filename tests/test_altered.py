"""Whether what flows into a training are images of the data set as they are, or altered ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograder.datasets import load
from autograder.extraction.altered import with_altered
from autograder.extraction.matching import Sightings
from autograder.guest.recording import prints
from autograder.records import ArrayPrint, Digest, Ledger, Training
from autograder.store import Store

DATA = load("digits", split_seed=6, hidden_images=90)
Images = np.ndarray[Any, Any]
DRAWN = np.random.default_rng(5)
SHARES = DATA.x_train[DRAWN.permutation(len(DATA.x_train))[:32], ..., None] / 255.0
SECOND = np.arange(32) % 2 == 0
FLOWS: dict[str, tuple[Images, bool]] = {
    "as they are": (SHARES, False),
    "a few noisy": (np.concatenate([SHARES[:29], SHARES[29:] + DRAWN.normal(0, 0.2, SHARES[29:].shape)]), False),
    "noisy": (SHARES + DRAWN.normal(0, 0.2, SHARES.shape), True),
    "every second one mirrored": (np.where(SECOND[:, None, None, None], SHARES, SHARES[:, :, ::-1]), True),
    "turned": (np.rot90(SHARES, axes=(1, 2)) + DRAWN.normal(0, 0.05, SHARES.shape), True),
    "each darkened by another share": (SHARES * DRAWN.uniform(0.5, 1.0, (32, 1, 1, 1)), True),
    "moved, each otherwise": (np.stack([np.roll(one, at % 7 - 3, axis=at % 2) for at, one in enumerate(SHARES)]), True),
}


class Kept:
    """Samples as room 1 leaves them."""

    def __init__(self, store: Store) -> None:
        self.store, self.artifacts = store, dict[str, Digest]()

    def shown(self, images: Images, kind: str = "dataset") -> ArrayPrint:
        facts = prints.fingerprint(images, self._keep) or {}
        plain = {key: tuple(value) if isinstance(value, list) else value for key, value in facts.items()}
        made = ArrayPrint(**plain)
        return made if kind == "array" else replace(made, kind=kind, digest="", rows=())

    def _keep(self, content: bytes) -> str:
        name = f"sample-{len(self.artifacts)}.npy"
        self.artifacts[name] = self.store.put(content)
        return name

    def measured(self, training: Training) -> bool | None:
        sightings = Sightings(DATA, self.artifacts, self.store)
        return with_altered(Ledger(trainings=(training,)), sightings).trainings[0].x.altered


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(Store(tmp_path))


@pytest.mark.parametrize("name", FLOWS)
def test_rows_show_whether_images_were_altered_on_their_way(name: str, kept: Kept) -> None:
    images, altered = FLOWS[name]
    root = kept.shown(DATA.x_train[:2000] / 255.0, "array")
    training = Training(number=1, model="m1", x=kept.shown(images), roots=(root,))
    assert kept.measured(training) is altered


@pytest.mark.parametrize("named", [True, False])
def test_a_hole_that_was_drawn_for_a_whole_batch(named: bool, kept: Kept) -> None:
    images = SHARES.copy()
    images[:, 8:16, 10:18] = 0
    root = kept.shown(DATA.x_train[:2000] / 255.0, "array")
    arguments = {"augmentations": ["cutout"]} if named else {}
    training = Training(number=1, model="m1", x=kept.shown(images), roots=(root,), arguments=arguments)
    assert kept.measured(training) is named


UNKNOWN: dict[str, Callable[[Kept], ArrayPrint]] = {
    "an array": lambda kept: kept.shown(SHARES, "array"),
    "of unknown origin": lambda kept: kept.shown(DRAWN.random(SHARES.shape)),
    "blank": lambda kept: kept.shown(np.zeros(SHARES.shape)),
    "without rows": lambda kept: ArrayPrint(kind="dataset"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_not_known_is_not_said_and_what_the_kernel_says_is_dropped(name: str, kept: Kept) -> None:
    claimed = replace(UNKNOWN[name](kept), altered=True)
    assert kept.measured(Training(number=1, model="m1", x=claimed)) is None
