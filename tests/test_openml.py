"""scikit-learn's downloads give what openml.org would."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from autograder.guest.data import openml
from autograder.guest.network import NoNetwork
from autograder.records import Json
from tests.rooms import Session, fails, module


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path, "mnist", "cifar10")


@pytest.fixture
def datasets(session: Session) -> Json:
    made = module("sklearn.datasets", fetch_openml=fails)
    openml.install(made, session)
    openml.install_older(made, session)
    return made


def test_a_table_with_classes_as_text(datasets: Json, session: Session) -> None:
    found = datasets.fetch_openml("mnist_784", version=1, cache=True, parser="auto")
    assert found.data.shape == (70, 784)
    assert [found.data.columns[0], found.data.columns[-1]] == ["pixel1", "pixel784"]
    assert set(found.data.dtypes) == {np.dtype("int64")}
    assert found.target.dtype == "category"
    assert list(found.target.cat.categories) == list("0123456789")
    assert found.target.iloc[60] == "0", "training rows come first"
    assert found.frame.shape == (70, 785)
    assert (found["data"].to_numpy()[0] == session.held["mnist"]["x_train"][0].reshape(-1)).all()
    assert session.adapted == [("data", "fetch_openml('mnist_784')", "mnist")]


@pytest.mark.parametrize(("parser", "dtype"), [("auto", np.int64), ("liac-arff", np.float64)])
def test_arrays(datasets: Json, parser: str, dtype: type) -> None:
    images, labels = datasets.fetch_openml(data_id=554, return_X_y=True, as_frame=False, parser=parser)
    assert images.dtype == dtype
    assert labels.dtype == object
    assert labels[:3].tolist() == ["0", "1", "2"]


def test_colour_by_planes(datasets: Json, session: Session) -> None:
    images, _ = datasets.fetch_openml("CIFAR_10", return_X_y=True, as_frame=False)
    assert images.shape == (70, 3072)
    assert (images[0, :1024] == session.held["cifar10"]["x_train"][0, :, :, 0].reshape(-1)).all()


def test_the_older_name(datasets: Json) -> None:
    found = datasets.fetch_mldata("MNIST original")
    assert (found.data.dtype, found.target.dtype) == (np.uint8, np.float64)
    assert found.target[:3].tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize("asked", [{"name": "titanic"}, {"data_id": 40945}])
def test_other_sets_need_the_network(datasets: Json, asked: dict[str, Json]) -> None:
    with pytest.raises(NoNetwork, match="no network here, and fetch_openml"):
        datasets.fetch_openml(**asked)
