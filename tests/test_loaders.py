"""Keras' loaders inside room 1 answer with the data of the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autograder.guest.data import loaders
from autograder.guest.network import NoNetwork
from tests.rooms import Session, fails, module


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_grey_images(name: str, tmp_path: Path) -> None:
    (x_train, y_train), (x_test, y_test) = loaders.pairs(name, Session(tmp_path, "digits"))
    assert x_train.shape == (60, 28, 28)
    assert x_test.shape == (10, 28, 28)
    assert x_train.dtype == y_train.dtype == np.uint8
    assert y_test.tolist() == list(range(10))


def test_colour_images_have_their_labels_in_a_column(tmp_path: Path) -> None:
    (_, y_train), (_, y_test) = loaders.pairs("cifar10", Session(tmp_path, "cifar10"))
    assert y_train.shape == (60, 1)
    assert y_test.shape == (10, 1)
    assert y_test.dtype == np.uint8


def test_coarse_labels(tmp_path: Path) -> None:
    session = Session(tmp_path, "cifar100", classes=100)
    original: Any = module("keras.src.datasets.cifar100", load_data=fails)
    loaders.install(original, session)
    (_, fine), _ = original.load_data()
    (_, coarse), _ = original.load_data(label_mode="coarse")
    assert fine[:3, 0].tolist() == [0, 1, 2]
    assert coarse[:3, 0].tolist() == [4, 1, 14]


@pytest.mark.parametrize(
    ("name", "main", "told"),
    [
        ("cifar10", "digits", r"cifar10 is not available.*serves digits \(28x28, 10 classes\).*answers to mnist"),
        ("cifar100", "cifar10", r"cifar100 is not available.*answers to cifar10$"),
        ("mnist", "cifar10", r"32x32x3"),
        ("imdb", "mnist", r"imdb is not available"),
        ("mnist", "cats.npz", r"cats.npz \(8x8, 10 classes\)$"),
    ],
)
def test_a_loader_without_data_says_what_is_served(name: str, main: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=told):
        loaders.pairs(name, Session(tmp_path, main))


def test_each_call_gives_copies_of_its_own_and_takes_any_argument(tmp_path: Path) -> None:
    original: Any = module("keras.src.datasets.mnist", load_data=fails)
    loaders.install(original, Session(tmp_path))
    (first, _), _ = original.load_data(path="/content/mnist.npz")
    first[:] = 7
    (second, _), _ = original.load_data()
    assert (second != 7).any()
    assert original.load_data.__name__ == "fails"


def test_every_keras_loader_of_images_is_known(tmp_path: Path) -> None:
    assert "keras.src.datasets.mnist" in loaders.modules()
    assert len(set(loaders.modules())) == len(loaders.modules())
    assert set(loaders.actions(Session(tmp_path))) == {*loaders.modules(), loaders.FILES}


# --- get_file --------------------------------------------------------------------------------------------------------


def test_a_known_file_is_found_by_its_address(tmp_path: Path) -> None:
    session = Session(tmp_path, "mnist", "cifar10")
    files: Any = module(loaders.FILES, get_file=fails)
    loaders.install_files(files, session)
    with np.load(files.get_file("mnist.npz", "https://example.org/tf-keras-datasets/mnist.npz")) as held:
        assert held["x_train"].shape == (60, 28, 28)
    folder = Path(files.get_file("cifar", origin="https://example.org/cifar-10-python.tar.gz", untar=True))
    assert sorted(path.name for path in (folder / "cifar-10-batches-py").iterdir())[0] == "batches.meta"
    assert len(session.adapted) == 2


def test_an_unknown_file_is_said_to_need_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    files: Any = module(loaders.FILES, get_file=lambda *_, **__: "cached")
    loaders.install_files(files, Session(tmp_path))
    with pytest.raises(NoNetwork, match=r"no network here, and weights\.h5"):
        files.get_file("weights.h5", "https://example.org/weights.h5")
    (tmp_path / "keras" / "datasets").mkdir(parents=True)
    (tmp_path / "keras" / "datasets" / "weights.h5").touch()
    assert files.get_file("weights.h5", "https://example.org/weights.h5") == "cached"


def test_a_known_file_of_a_set_that_is_not_here_says_so(tmp_path: Path) -> None:
    files: Any = module(loaders.FILES, get_file=fails)
    loaders.install_files(files, Session(tmp_path))
    with pytest.raises(FileNotFoundError, match="cifar10 is not available"):
        files.get_file(origin="https://example.org/cifar-10-python.tar.gz")
