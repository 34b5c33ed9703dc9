"""Images of the data set, held out or shuffled, tell nothing about altered ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograder.datasets import load
from autograder.extraction.matching import Sightings
from autograder.extraction.unaltered import unaltered
from autograder.guest.recording import prints
from autograder.records import ArrayPrint, Digest, Evaluation, Ledger, Training
from autograder.store import Store

DATA = load("digits", split_seed=5, hidden_images=90)
Images = np.ndarray[Any, Any]
DRAWN = np.random.default_rng(4)
CHOSEN = DRAWN.permutation(len(DATA.x_train))
TEST = DATA.x_test[:2000]

PREPARED: dict[str, Callable[[Images], Images]] = {
    "shares": lambda images: images / 255.0,
    "standardised": lambda images: (images[..., None] / 255.0 - 0.1307) / 0.3081,
}


def sparsely(images: Images, share: float) -> Images:
    """Noise on so many of the images, spread over the set, the first and the last among them."""
    noisy, rows = images.astype(np.float32), np.linspace(0, len(images) - 1, round(share * len(images))).astype(int)
    noisy[rows] += DRAWN.normal(0, 100, images[rows].shape)
    return noisy


USED: dict[str, tuple[Images, bool]] = {
    "the test set": (DATA.x_test, True),
    "a part of it": (TEST, True),
    "shuffled": (DATA.x_test[DRAWN.permutation(len(DATA.x_test))], True),
    "images held out": (DATA.x_train[CHOSEN[-3000:]], True),
    "noisy": (TEST + DRAWN.normal(0, 25, TEST.shape), False),
    "darkened": (TEST * 0.5, False),
    "turned": (np.rot90(TEST, axes=(1, 2)), False),
    "moved": (np.roll(TEST, 3, axis=2), False),
    "half of them noisy": (
        np.concatenate([TEST[:1000], TEST[1000:] + DRAWN.normal(0, 25, TEST[1000:].shape)]),
        False,
    ),
    "five of them noisy": (sparsely(DATA.x_test, 5 / len(DATA.x_test)), True),
    "some of a part noisy": (sparsely(TEST, 0.03), True),
    "every second one noisy": (sparsely(DATA.x_test, 0.5), False),
    "blank ones behind": (np.concatenate([DATA.x_test, np.zeros((300, 28, 28), np.uint8)]), True),
    "noisy and blank": (
        np.concatenate([TEST + DRAWN.normal(0, 25, TEST.shape), np.zeros((4000, 28, 28), np.uint8)]),
        False,
    ),
    "blank": (np.zeros((2000, 28, 28), np.uint8), True),
    "few": (TEST[:50], True),
    "few and noisy": (TEST[:50] + DRAWN.normal(0, 25, TEST[:50].shape), False),
    "one": (TEST[7:8], True),
}


def shown(images: Images, kept: dict[str, Digest], store: Store) -> ArrayPrint:
    def keep(content: bytes) -> str:
        name = f"sample-{len(kept)}.npy"
        kept[name] = store.put(content)
        return name

    facts = prints.fingerprint(images, keep) or {}
    return ArrayPrint(**{key: tuple(value) if isinstance(value, list) else value for key, value in facts.items()})


@pytest.mark.parametrize("way", PREPARED)
def test_what_is_as_it_was(way: str, tmp_path: Path) -> None:
    store, kept = Store(tmp_path), dict[str, Digest]()
    prepare = PREPARED[way]
    training = Training(number=1, model="m1", x=shown(prepare(DATA.x_train[CHOSEN[:6000]]), kept, store))
    uses = {name: shown(prepare(images), kept, store) for name, (images, _) in USED.items()}
    made = tuple(Evaluation(kind="evaluate", model="m1", x=one) for one in uses.values())
    sightings = Sightings(DATA, kept, store)
    found = unaltered(Ledger(trainings=(training,), evaluations=made), sightings)
    assert [name for name, one in uses.items() if one.digest in found] == [
        name for name, (_, as_it_was) in USED.items() if as_it_was
    ]
    strange = Training(number=1, model="m1", x=shown(DRAWN.random((6000, 28, 28)), kept, store))
    assert unaltered(Ledger(trainings=(strange,), evaluations=made), sightings) == (), (
        "how images should be is not known"
    )


def test_a_pipeline_is_known_by_its_sample(tmp_path: Path) -> None:
    store, kept = Store(tmp_path), dict[str, Digest]()
    prepare = PREPARED["shares"]
    training = Training(number=1, model="m1", x=shown(prepare(DATA.x_train[CHOSEN[:6000]]), kept, store))
    plain, noisy = (
        replace(shown(prepare(USED[name][0]), kept, store), kind="dataset", digest="", rows=())
        for name in ("a part of it", "noisy")
    )
    made = tuple(Evaluation(kind="evaluate", model="m1", x=one) for one in (plain, noisy))
    assert unaltered(Ledger(trainings=(training,), evaluations=made), Sightings(DATA, kept, store)) == (plain.sample,)
