"""Small packages that do nothing but load MNIST."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from autograder.guest.data import rare
from autograder.records import Json
from tests.rooms import Session, module


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path)


def filled(session: Session, name: str) -> Json:
    made = module(name)
    rare.stand_ins(session)[name](made)
    return made


def test_two_packages_of_one_name(session: Session) -> None:
    mnist = filled(session, "mnist")
    assert mnist.train_images().shape == (60, 28, 28)
    assert mnist.test_labels().tolist() == list(range(10))
    images, labels = mnist.MNIST("samples").load_testing()
    assert (len(images), len(images[0]), labels.tolist()) == (10, 784, list(range(10)))
    loader = mnist.MNIST("samples", return_type="numpy")
    assert loader.load_training()[0].shape == loader.train_images.shape == (60, 784)


def test_the_reader_of_fashion_mnist(session: Session) -> None:
    images, labels = filled(session, "mnist_reader").load_mnist("data/fashion", kind="t10k")
    assert (images.shape, labels.tolist()) == ((10, 784), list(range(10)))
    assert session.adapted == [("data", "mnist_reader.load_mnist(kind='t10k')", "mnist")]


def test_digits_of_emnist(session: Session) -> None:
    emnist = filled(session, "emnist")
    images, labels = emnist.extract_training_samples("digits")
    assert (images.dtype, images.shape, len(labels)) == (np.uint8, (60, 28, 28), 60)
    with pytest.raises(FileNotFoundError, match="emnist-letters is not available"):
        emnist.extract_test_samples("letters")


def test_files_of_mnists_own_format(session: Session, tmp_path: Path) -> None:
    numbers = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    content = bytes([0, 0, 8, 3]) + np.array(numbers.shape, ">u4").tobytes() + numbers.tobytes()
    (tmp_path / "some-idx3-ubyte").write_bytes(content)
    read = filled(session, "idx2numpy").convert_from_file(str(tmp_path / "some-idx3-ubyte"))
    assert read.dtype == np.uint8 and read.tolist() == numbers.tolist()
    assert filled(session, "idx2numpy").convert_from_string(content).shape == (2, 3, 4)
