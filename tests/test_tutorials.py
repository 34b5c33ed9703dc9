"""TensorFlow 1's tutorial loader."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from autograder.guest.data import tutorials
from autograder.records import Json
from tests.rooms import Session, module


@pytest.fixture
def input_data(tmp_path: Path) -> Json:
    made = module("input_data")
    tutorials.stand_ins(Session(tmp_path))["tensorflow.examples.tutorials.mnist.input_data"](made)
    return made


def test_images_are_flat_and_labels_as_asked(input_data: Json) -> None:
    found = input_data.read_data_sets("MNIST_data/", one_hot=True, validation_size=20)
    assert found.train.images.shape == (40, 784)
    assert found.train.images.dtype == np.float32
    assert 0.9 < found.train.images.max() <= 1
    assert found.validation.labels.shape == (20, 10)
    assert (found.test.labels.argmax(axis=1) == np.arange(10)).all()
    plain = input_data.read_data_sets("MNIST_data/", reshape=False, validation_size=0)
    assert plain.train.images.shape == (60, 28, 28, 1)
    assert plain.test.labels.tolist() == list(range(10))


def test_an_epoch_of_batches_holds_every_image_once(input_data: Json) -> None:
    train = input_data.read_data_sets("MNIST_data/", validation_size=0).train
    seen = np.concatenate([train.next_batch(20)[0] for _ in range(3)])
    assert len(np.unique(seen, axis=0)) == 60
    assert train.epochs_completed == 0
    train.next_batch(20)
    assert train.epochs_completed == 1
    images, labels = train.next_batch(20, shuffle=False)
    assert (images.shape, labels.shape) == ((20, 784), (20,))
