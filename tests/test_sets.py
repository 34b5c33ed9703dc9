"""Which data set answers when a notebook asks by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.guest.data import classes, sets
from tests.rooms import Session


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("mnist", "mnist"),
        ("ylecun/mnist", "mnist"),
        ("mnist_784", "mnist"),
        ("MNIST original", "mnist"),
        ("Fashion-MNIST", "fashion_mnist"),
        ("fashion_mnist", "fashion_mnist"),
        ("uoft-cs/cifar10", "cifar10"),
        ("CIFAR_10", "cifar10"),
        ("cifar-100-python", "cifar100"),
        ("cifar10-subset.npz", "cifar10"),
        (r"C:\data\mnist.npz", "mnist"),
        ("kmnist", "kmnist"),
        ("digits", "digits"),
        ("cats.npz", "cats.npz"),
    ],
)
def test_families(name: str, family: str) -> None:
    assert sets.family(name) == family


def test_the_set_that_is_asked_for_comes_before_one_that_only_fits(tmp_path: Path) -> None:
    session = Session(tmp_path, "mnist", "fashion_mnist.npz", "cifar10")
    assert [getattr(sets.chosen(session, name), "name", None) for name in ("mnist", "fashion_mnist", "cifar10")] == [
        "mnist",
        "fashion_mnist.npz",
        "cifar10",
    ]
    assert getattr(sets.chosen(session, "kmnist"), "name", None) == "mnist"
    assert sets.chosen(session, "cifar100") is None
    assert sets.chosen(session, "imdb") is None


def test_labels_are_served_flat_and_fresh(tmp_path: Path) -> None:
    session = Session(tmp_path, "cifar10")
    first = sets.served(session, "cifar10", "here()")
    first["x_train"][:] = 0
    second = sets.served(session, "cifar10", "here()")
    assert second["x_train"].any()
    assert second["y_train"].shape == (60,)


def test_what_is_served_is_noted_unless_keras_own_loader_gets_what_it_asks_for(tmp_path: Path) -> None:
    session = Session(tmp_path, "mnist")
    sets.served(session, "mnist", "mnist.load_data()", own=True)
    assert session.adapted == []
    sets.served(session, "fashion_mnist", "fashion_mnist.load_data()", own=True)
    sets.served(session, "mnist_784", "fetch_openml('mnist_784')")
    assert session.adapted == [
        ("data", "fashion_mnist.load_data()", "mnist"),
        ("data", "fetch_openml('mnist_784')", "mnist"),
    ]


def test_a_refusal_says_what_is_there(tmp_path: Path) -> None:
    session = Session(tmp_path, "mnist", "cifar10")
    with pytest.raises(FileNotFoundError, match=r"cifar100 is not available.*mnist \(28x28, 10 classes\) and cifar10"):
        sets.served(session, "cifar100", "cifar100.load_data()")
    assert session.adapted == [("unserved", "cifar100", "")], "it is no fault of the notebook's"


def test_names_of_classes() -> None:
    assert {family: len(names) for family, names in classes.NAMES.items()} == {
        "mnist": 10,
        "fashion_mnist": 10,
        "kmnist": 10,
        "cifar10": 10,
        "cifar100": 100,
    }
    assert sorted(classes.FINE) == list(classes.FINE)
    assert sorted(classes.COARSE) == list(classes.COARSE)
    counts = [classes.COARSE_OF_FINE.count(number) for number in range(20)]
    assert counts == [5] * 20, "every superclass has five classes"
    named = dict(zip(classes.FINE, (classes.COARSE[number] for number in classes.COARSE_OF_FINE), strict=True))
    assert (named["apple"], named["worm"], named["whale"]) == (
        "fruit_and_vegetables",
        "non-insect_invertebrates",
        "aquatic_mammals",
    )
