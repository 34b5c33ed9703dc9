"""Paths that do not exist are answered with files of our data, and nothing else is touched."""

from __future__ import annotations

import builtins
import glob
import gzip
import io
import os
import pickle
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from autograder.guest.data import opening, shelf, tables
from autograder.records import Json
from tests.rooms import Session, fails, module

NOTEBOOK = """
train = pd.read_csv('/kaggle/input/digit-recognizer/train.csv')
folder = '/nowhere/cifar-10-batches-py'
small = open('data/mnist_test.csv')
"""


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    (tmp_path / "room").mkdir()
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return Session(tmp_path / "room", "mnist", "cifar10", notebook=NOTEBOOK)


@pytest.fixture
def laid(session: Session) -> Iterator[Session]:
    """With ``open`` and ``os`` wrapped, and as they were afterwards."""
    places: list[tuple[Any, str]] = [(builtins, "open"), (io, "open"), (tarfile, "bltn_open")]
    places += [(os, name) for name in ("stat", "lstat", "listdir", "scandir")]
    places += [(sys.modules[name], attribute) for name, attribute in opening.CAPTURED if name in sys.modules]
    before = [(place, name, getattr(place, name)) for place, name in places]
    known = [(known, set(known)) for known in (os.supports_fd, os.supports_dir_fd, os.supports_follow_symlinks)]
    opening.install(session)
    yield session
    for place, name, value in before:
        setattr(place, name, value)
    for group, content in known:
        group.intersection_update(content)


# --- what is opened --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/kaggle/input/digit-recognizer/train.csv",
        "../input/digit-recognizer/train.csv",
        r"C:\digit-recognizer\train.csv",
    ],
)
def test_a_file_opens_at_any_place(laid: Session, path: str) -> None:
    with open(path) as file:
        assert file.readline().startswith("label,pixel0,pixel1")
        assert len(file.readlines()) == 42
    assert Path(path).read_text().startswith("label")
    assert laid.adapted == [("data", path, "mnist")] * 2
    assert os.listdir() == []
    assert laid.notes == []


def test_what_other_libraries_open(laid: Session) -> None:
    with np.load("/nowhere/mnist.npz") as held:
        assert held["x_test"].shape == (10, 28, 28)
    with gzip.open("train-labels-idx1-ubyte.gz") as file:
        assert len(file.read()) == 68
    with tarfile.open("cifar-10-python.tar.gz") as archive:
        archive.extractall("unpacked", filter="data")
    assert len(os.listdir("unpacked/cifar-10-batches-py")) == 7
    with open("/nowhere/cifar-10-batches-py/data_batch_1", "rb") as file:
        assert pickle.load(file, encoding="bytes")[b"data"].shape == (12, 3072)


def test_a_file_of_the_student_is_never_shadowed(laid: Session) -> None:
    Path("train.csv").write_text("petal,label\n1,2\n")
    Path("mnist.npz").write_bytes(b"my own")
    with open("train.csv") as file:
        assert file.read() == "petal,label\n1,2\n"
    assert Path("mnist.npz").read_bytes() == b"my own"
    assert laid.adapted == []


@pytest.mark.parametrize("path", ["flowers/train.csv", "model.h5", "nothing"])
def test_what_is_nobodys_is_still_missing(laid: Session, path: str) -> None:
    with pytest.raises(FileNotFoundError) as raised:
        open(path)
    assert raised.value.filename == path
    assert not os.path.exists(path)
    assert laid.notes == []


def test_writing_goes_where_it_always_went(laid: Session) -> None:
    with open("mnist_train.csv", "w") as file:
        file.write("mine")
    assert os.listdir() == ["mnist_train.csv"]
    with pytest.raises(FileNotFoundError):
        open("missing/mnist_train.csv", "w")


def test_a_file_of_a_set_that_is_not_here_says_what_is(laid: Session) -> None:
    with pytest.raises(FileNotFoundError, match=r"cifar100 is not available.*serves mnist.*and cifar10"):
        open("cifar-100-python/train", "rb")
    assert not os.path.exists("cifar-100-python/train")


def test_a_fault_of_ours_is_noted_and_the_file_stays_missing(laid: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(laid.shelf, "made", fails)
    with pytest.raises(FileNotFoundError):
        open("mnist-original.mat", "rb")
    assert laid.notes == ["answer: AssertionError: the original was called"]


# --- what is looked for ----------------------------------------------------------------------------------------------


def test_files_are_there_when_looked_for(laid: Session) -> None:
    assert os.path.exists("/kaggle/input/digit-recognizer/train.csv")
    assert os.path.isfile("/nowhere/mnist.npz")
    assert Path("../input/digit-recognizer/test.csv").exists()
    assert not os.path.exists("mnist.h5")
    assert os.stat(laid.data).st_size > 1000, "what is there is not made up"


def test_folders_list_what_the_notebook_expects_in_them(laid: Session) -> None:
    names = ["sample_submission.csv", "test.csv", "train.csv"]
    assert "train.csv" in os.listdir("/kaggle/input/digit-recognizer")
    assert sorted(os.listdir("../input/digit-recognizer")) == names
    assert glob.glob("/kaggle/input/*/train.csv") == ["/kaggle/input/digit-recognizer/train.csv"]
    walked = [(folder, files) for folder, _, files in os.walk("/kaggle/input")]
    assert walked[0] == ("/kaggle/input", [])
    assert walked[1][0] == "/kaggle/input/digit-recognizer"
    assert len(os.listdir("/nowhere/cifar-10-batches-py")) == 7
    with os.scandir("/nowhere/cifar-10-batches-py") as entries:
        first = next(entries)
        assert (first.is_file(), first.is_dir(), first.is_symlink()) == (True, False, False)
        assert first.stat().st_size
        assert Path(first).name == first.name
    with pytest.raises(FileNotFoundError):
        os.listdir("/nowhere/else")


def test_a_folder_that_the_notebook_could_make_is_not_claimed(laid: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not os.path.exists("data"), "or a notebook that makes it when it is missing would not"
    os.makedirs("data/inner")
    assert os.listdir("data") == ["inner"]
    assert os.path.isdir("/kaggle/input/digit-recognizer")
    monkeypatch.setattr(shelf, "_makeable", lambda path: False)
    assert os.path.isdir("/nowhere/cifar-10-batches-py")


# --- read_csv --------------------------------------------------------------------------------------------------------


@pytest.fixture
def pandas(laid: Session) -> Json:
    readers = module("pandas.io.parsers.readers", read_csv=pd.read_csv)
    tables.install(readers, laid)
    return readers


def test_a_table_without_a_file(pandas: Json, laid: Session) -> None:
    found = pandas.read_csv("/kaggle/input/digit-recognizer/train.csv")
    assert found.shape == (42, 785)
    assert set(found.dtypes) == {np.dtype("int64")}
    assert (found["label"] == laid.held["mnist"]["y_train"][:42]).all()
    assert list(laid.shelf.folder.iterdir()) == []
    assert laid.adapted == [("data", "read_csv('train.csv')", "mnist")]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"nrows": 5},
        {"header": 0, "sep": ","},
        {"header": None},
        {"usecols": [0, 3]},
        {"dtype": "float32"},
        {"index_col": 0},
        {"skiprows": 2},
        {"names": list(range(785)), "header": 0},
    ],
)
def test_it_is_what_pandas_reads_from_the_file(pandas: Json, laid: Session, options: dict[str, Any]) -> None:
    path = "/kaggle/input/digit-recognizer/train.csv"
    file = laid.shelf.answer(path)
    assert isinstance(file, Path)
    pd.testing.assert_frame_equal(pandas.read_csv(path, **options), pd.read_csv(file, **options))


def test_a_table_in_pieces(pandas: Json) -> None:
    pieces = list(pandas.read_csv("../input/digit-recognizer/train.csv", chunksize=20))
    assert [len(piece) for piece in pieces] == [20, 20, 2]


def test_a_table_without_header_and_one_from_an_address(pandas: Json) -> None:
    assert pandas.read_csv("sample_data/mnist_test.csv", header=None).columns.tolist() == list(range(785))
    assert pandas.read_csv("https://example.org/files/mnist_test.csv").shape == (10, 785)
    assert pandas.read_csv("digit-recognizer/sample_submission.csv").shape == (28, 2)


def test_tables_of_the_student_and_other_sources_are_left_to_pandas(pandas: Json) -> None:
    Path("train.csv").write_text("petal,label\n1,2\n")
    assert pandas.read_csv("train.csv").shape == (1, 2)
    assert pandas.read_csv(io.StringIO("a,b\n1,2\n")).shape == (1, 2)
    with pytest.raises(FileNotFoundError):
        pandas.read_csv("flowers/train.csv")


# --- readers that are not Python -------------------------------------------------------------------------------------


def test_a_shell_line_finds_real_files(laid: Session) -> None:
    opening.before_cell(laid, "!head digit-recognizer.zip\nopen('data/mnist_test.csv')")
    assert os.listdir() == ["digit-recognizer.zip"], "no folder is made that the notebook may make"
    opening.before_cell(laid, "!wget https://example.org/mnist/train-images-idx3-ubyte.gz")
    assert sorted(os.listdir()) == ["digit-recognizer.zip", "train-images-idx3-ubyte.gz"]
    assert not any(path.is_symlink() for path in Path().iterdir())


def test_a_cell_of_python_makes_no_file(laid: Session) -> None:
    opening.before_cell(laid, "open('mnist_test.csv')")
    assert os.listdir() == []


def test_what_is_retrieved_by_address(laid: Session) -> None:
    request = module("urllib.request", urlretrieve=lambda *_: "asked the network")
    opening.install_retrieval(request, laid)
    name, _ = request.urlretrieve("https://example.org/mnist/t10k-labels-idx1-ubyte.gz", "labels.gz")
    with gzip.open(name) as file:
        assert len(file.read()) == 18
    assert request.urlretrieve("https://example.org/else.gz") == "asked the network"


def test_a_shelf_reads_the_notebook_of_its_room(session: Session) -> None:
    made = shelf.Shelf.of(session)
    assert made.notebook == NOTEBOOK
    assert made.folder.is_dir()
    made.folder.rmdir()
