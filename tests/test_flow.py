"""The stand-in for tensorflow_datasets, as far as it needs no TensorFlow; the rest is run in a kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.guest.data import flow
from autograder.records import Json
from tests.rooms import Session, module

COUNTS = {"train": 1000, "test": 100}


@pytest.mark.parametrize(
    ("split", "name", "rows"),
    [
        ("train", "train", range(1000)),
        ("train[:80%]", "train", range(800)),
        ("train[80%:]", "train", range(800, 1000)),
        ("train[10%:90%]", "train", range(100, 900)),
        ("train[-10%:]", "train", range(900, 1000)),
        ("train[:5_00]", "train", range(500)),
        ("test[ 50 : ]", "test", range(50, 100)),
    ],
)
def test_slices(split: str, name: str, rows: range) -> None:
    found, part = flow.rows(split, COUNTS)
    assert found == name
    assert range(COUNTS[found])[part] == rows


@pytest.mark.parametrize("split", ["validation", "train[:80%", "train[a:b]", ""])
def test_a_split_that_is_not_there(split: str) -> None:
    with pytest.raises(ValueError, match="Unknown split"):
        flow.rows(split, COUNTS)


@pytest.fixture
def tfds(tmp_path: Path) -> Json:
    made = module("tensorflow_datasets")
    flow.stand_ins(Session(tmp_path, "mnist", "cifar10"))["tensorflow_datasets"](made)
    return made


def test_what_is_known_about_a_set(tfds: Json) -> None:
    info = tfds.builder("mnist:3.*.*").info
    assert (info.features["label"].num_classes, info.features["label"].int2str(7)) == (10, "7")
    assert info.features["image"].shape == (28, 28, 1)
    assert info.splits["train"].num_examples == 60
    assert info.splits["train[:80%]"].num_examples == 48
    assert info.splits["train+test"].num_examples == 70
    assert sorted(info.splits) == ["test", "train"]
    colour = tfds.builder("cifar10").info
    assert colour.features["label"].names[2] == "bird"
    assert colour.features["label"].str2int("truck") == 9
    assert colour.features["image"].shape == (32, 32, 3)


def test_a_set_that_is_not_here(tfds: Json) -> None:
    with pytest.raises(FileNotFoundError, match="cats_vs_dogs is not available"):
        tfds.load("cats_vs_dogs")


def test_what_only_shows_shows_nothing(tfds: Json) -> None:
    assert tfds.show_examples(1, 2) is tfds.disable_progress_bar() is None
    assert not hasattr(tfds, "__wrapped__")
