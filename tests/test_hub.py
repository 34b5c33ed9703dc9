"""The stand-in for Hugging Face datasets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from autograder.guest.data import hub
from autograder.guest.network import NoNetwork
from autograder.records import Json
from tests.rooms import Session, module


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path, "mnist", "cifar10")


@pytest.fixture
def load(session: Session) -> Json:
    made = module("datasets")
    hub.stand_ins(session)["datasets"](made)
    return made.load_dataset


def test_rows_and_columns(load: Json, session: Session) -> None:
    found = load("ylecun/mnist")
    assert {name: len(part) for name, part in found.items()} == {"train": 60, "test": 10}
    row = found["train"][3]
    assert isinstance(row["image"], Image.Image)
    assert (np.array(row["image"]) == session.held["mnist"]["x_train"][3]).all()
    assert row["label"] == 3
    assert found["test"]["label"] == list(range(10))
    assert found["train"][:2]["label"] == found["train"][np.array([0, 1])]["label"] == [0, 1]
    assert found["train"].features["label"].names == list("0123456789")
    assert next(iter(found["test"]))["label"] == 0
    assert session.adapted == [("data", "load_dataset('ylecun/mnist')", "mnist")]


def test_names_of_columns_and_splits(load: Json) -> None:
    train, test = load("cifar10", split=["train[:50%]", "test"])
    assert (len(train), len(test), train.column_names) == (30, 10, ["img", "label"])
    assert len(load("uoft-cs/cifar10", split="train+test")) == 70


def test_formats(load: Json) -> None:
    part = load("mnist", split="test").with_format("numpy")
    assert part["image"].shape == (10, 28, 28)
    assert part[4]["image"].dtype == np.uint8
    assert part[4]["label"] == 4


@pytest.mark.parametrize("batched", [True, False])
def test_map_adds_columns(load: Json, batched: bool) -> None:
    def double(row: Json) -> Json:
        values = row["label"]
        return {"twice": [2 * value for value in values] if batched else 2 * values}

    part = load("mnist", split="test").map(double, batched=batched, batch_size=4)
    assert part["twice"] == [2 * value for value in part["label"]]
    assert part.rename_column("twice", "double").column_names == ["image", "label", "double"]


def test_parts_of_a_part(load: Json) -> None:
    parts = load("mnist", split="train").train_test_split(test_size=0.25, seed=1)
    assert {name: len(part) for name, part in parts.items()} == {"train": 45, "test": 15}
    assert sorted(parts["train"]["label"] + parts["test"]["label"]) == sorted(load("mnist")["train"]["label"])
    changed = load("mnist", split="test").with_transform(lambda rows: {"label": [9 for _ in rows["label"]]})
    assert changed[2] == {"label": 9}


def test_other_sets_need_the_network(load: Json) -> None:
    with pytest.raises(NoNetwork, match="load_dataset"):
        load("imdb")
