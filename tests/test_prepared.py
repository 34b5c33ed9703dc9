"""How images are prepared for a model: as it was tested and trained, whatever else it was shown afterwards."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from autograder.extraction.matching import Candidate, Sightings, prepare
from autograder.preprocessing import apply
from autograder.records import Digest, Evaluation, Ledger, Training
from autograder.store import Store
from tests.test_unaltered import DATA, TEST, shown

TRAIN = DATA.x_train[np.random.default_rng(4).permutation(len(DATA.x_train))[:6000]] / 255.0
PART = TEST / 255.0
ALTERED = {
    "inverted": 1 - PART,
    "darkened": 0.4 * PART,
    "covered": np.where(np.pad(np.ones((6, 6), bool), 11), 0.0, PART),
}


TRAINED = {"known": TRAIN, "unknown": np.random.default_rng(5).random((6000, 28, 28))}


@pytest.mark.parametrize("trained", TRAINED)
@pytest.mark.parametrize("altered", ALTERED)
def test_altered_images_are_no_preparation(altered: str, trained: str, tmp_path: Path) -> None:
    """Of a subset of the test images, the altered ones last, as a test of robustness has them."""
    store, kept = Store(tmp_path), dict[str, Digest]()
    training = Training(number=1, model="m1", x=shown(TRAINED[trained], kept, store), weights="w")
    uses = [shown(images, kept, store) for images in (PART, ALTERED[altered])]
    made = tuple(Evaluation(kind="predict", model="m1", x=one, weights="w") for one in uses)
    model = Candidate(id="m1-t1", model="m1", training=training, artifact=None, weights="w")
    ledger = Ledger(trainings=(training,), evaluations=made)
    found = prepare(model, ledger, [model], kept, Sightings(DATA, kept, store))
    assert found is not None
    as_used = np.asarray(apply(found.recipe.steps, TEST[:20]))
    assert np.allclose(as_used.reshape(20, -1), PART[:20].reshape(20, -1), atol=0.01)
