"""Files as they are published, read back as notebooks read them."""

from __future__ import annotations

import gzip
import io
import pickle
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from autograder.guest.data import formats
from autograder.records import Json
from tests.rooms import arrays

GREY = arrays((28, 28))
COLOUR = arrays((32, 32, 3))


def written(tmp_path: Path, kind: str, part: str = "", style: str = "", packed: str = "", data: Json = GREY) -> Path:
    path = tmp_path / f"file.{packed}".rstrip(".")
    formats.write(kind, part, style, packed, data, path)
    return path


@pytest.mark.parametrize(("style", "first", "last"), [("1x1", "1x1", "28x28"), ("pixel1", "pixel1", "pixel784")])
def test_a_table_with_a_header(tmp_path: Path, style: str, first: str, last: str) -> None:
    table = pd.read_csv(written(tmp_path, "table", "train", style))
    assert [*table.columns[:2], table.columns[-1]] == ["label", first, last]
    assert (table["label"] == GREY["y_train"]).all()
    assert (table.iloc[:, 1:].to_numpy() == GREY["x_train"].reshape(60, -1)).all()


def test_a_table_without_a_header(tmp_path: Path) -> None:
    table = np.loadtxt(written(tmp_path, "table", "test"), delimiter=",")
    assert table.shape == (10, 785)
    assert (table[:, 1:] == GREY["x_test"].reshape(10, -1)).all()


def test_a_table_longer_than_one_chunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "CHUNK", 7)
    table = pd.read_csv(written(tmp_path, "table", "train"), header=None)
    assert (table.to_numpy()[:, 1:] == GREY["x_train"].reshape(60, -1)).all()


def test_kaggle_gives_labels_to_three_fifths(tmp_path: Path) -> None:
    train = pd.read_csv(written(tmp_path, "kaggle", "train", "pixel0"))
    assert train.shape == (42, 785)
    test = pd.read_csv(written(tmp_path, "kaggle", "test", "pixel0", "gz"))
    assert test.shape == (28, 784)
    assert list(test.columns[:2]) == ["pixel0", "pixel1"]
    assert (test.to_numpy()[18:] == GREY["x_test"].reshape(10, -1)).all()
    sample = pd.read_csv(written(tmp_path, "kaggle", "sample_submission", "pixel0"))
    assert list(sample.columns) == ["ImageId", "Label"]
    assert sample["ImageId"].tolist() == list(range(1, 29))


def test_the_competition_as_one_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(written(tmp_path, "competition")) as archive:
        assert archive.namelist() == ["train.csv", "test.csv", "sample_submission.csv"]
        assert pd.read_csv(io.BytesIO(archive.read("train.csv"))).shape == (42, 785)


def test_a_table_in_an_archive_of_its_own(tmp_path: Path) -> None:
    assert pd.read_csv(written(tmp_path, "table", "test", "pixel1", "zip")).shape == (10, 785)


def test_idx(tmp_path: Path) -> None:
    with gzip.open(written(tmp_path, "images", "train", packed="gz")) as file:
        content = file.read()
    assert np.frombuffer(content, ">i4", 4).tolist() == [2051, 60, 28, 28]
    assert (np.frombuffer(content, np.uint8, offset=16).reshape(60, 28, 28) == GREY["x_train"]).all()
    labels = written(tmp_path, "labels", "test").read_bytes()
    assert np.frombuffer(labels, ">i4", 2).tolist() == [2049, 10]
    assert (np.frombuffer(labels, np.uint8, offset=8) == GREY["y_test"]).all()


def test_three_pairs_in_a_pickle(tmp_path: Path) -> None:
    with gzip.open(written(tmp_path, "pickle", packed="gz")) as file:
        train, valid, test = pickle.load(file, encoding="latin1")
    assert [len(part[0]) for part in (train, valid, test)] == [50, 10, 10]
    assert train[0].dtype == np.float32
    assert np.allclose(train[0][0] * 256, GREY["x_train"][0].reshape(-1))
    assert (test[1] == GREY["y_test"]).all()


@pytest.mark.parametrize("encoding", ["bytes", "latin1"])
def test_batches_of_cifar10(tmp_path: Path, encoding: str) -> None:
    def key(name: str) -> Json:
        return name.encode() if encoding == "bytes" else name

    with written(tmp_path, "batch", "data_batch_2", data=COLOUR).open("rb") as file:
        batch = pickle.load(file, encoding=encoding)
    assert batch[key("batch_label")] == key("training batch 2 of 5")
    assert batch[key("labels")] == COLOUR["y_train"][12:24].tolist()
    images = batch[key("data")].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    assert images.dtype == np.uint8
    assert (images == COLOUR["x_train"][12:24]).all()
    with written(tmp_path, "batch", "batches.meta", data=COLOUR).open("rb") as file:
        assert pickle.load(file, encoding=encoding)[key("label_names")][0] == key("airplane")


def test_cifar100(tmp_path: Path) -> None:
    data = arrays((32, 32, 3), classes=100)
    with written(tmp_path, "batch100", "test", data=data).open("rb") as file:
        batch = pickle.load(file, encoding="bytes")
    assert batch[b"fine_labels"] == data["y_test"].tolist()
    assert batch[b"coarse_labels"][:3] == [4, 1, 14]
    with written(tmp_path, "batch100", "meta", data=data).open("rb") as file:
        assert len(pickle.load(file, encoding="latin1")["fine_label_names"]) == 100


def test_the_batches_as_one_archive(tmp_path: Path) -> None:
    with tarfile.open(written(tmp_path, "tar", "cifar-10-batches-py", packed="gz", data=COLOUR)) as archive:
        assert len(archive.getnames()) == 7
        member = archive.extractfile("cifar-10-batches-py/test_batch")
        assert member is not None
        assert len(pickle.load(member, encoding="bytes")[b"data"]) == 10


def test_a_matrix(tmp_path: Path) -> None:
    from scipy.io import loadmat

    path = written(tmp_path, "mat")
    found = loadmat(path)
    assert found["data"].shape == (784, 70)
    assert (found["data"][:, 0] == GREY["x_train"][0].reshape(-1)).all()
    assert found["label"].shape == (1, 70)


def test_a_small_part_is_spread_over_the_whole() -> None:
    labels, pixels = formats.rows("table", "train_small", arrays((28, 28), train=60_000))
    assert labels is not None
    assert len(labels) == len(pixels) == 20_000
    assert labels[:3].tolist() == [0, 3, 6]
    few, _ = formats.rows("table", "test_5", GREY)
    assert few is not None
    assert few.tolist() == [0, 2, 4, 6, 8]
