"""Which published file a path means."""

from __future__ import annotations

import pytest

from autograder.guest.data.catalogue import Item, item, literals, spoken

DIGITS = "Kaggle's digit recognizer: train['label']"


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/kaggle/input/digit-recognizer/train.csv", Item("mnist", "kaggle", "train", "pixel0")),
        ("../input/digit-recognizer/test.csv", Item("mnist", "kaggle", "test", "pixel0")),
        ("data/digit_recognizer/sample_submission.csv", Item("mnist", "kaggle", "sample_submission", "pixel0")),
        ("MNIST/train.csv.zip", Item("mnist", "kaggle", "train", "pixel0", "zip")),
        ("digit-recognizer.zip", Item("mnist", "competition")),
        ("fashion-mnist_train.csv", Item("fashion_mnist", "table", "train", "pixel1")),
        ("fashion/test.csv", Item("fashion_mnist", "table", "test", "pixel1")),
        ("/kaggle/input/mnist-in-csv/mnist_train.csv", Item("mnist", "table", "train", "1x1")),
        ("/content/sample_data/mnist_test.csv", Item("mnist", "table", "test", "")),
        ("sample_data/mnist_train_small.csv", Item("mnist", "table", "train_small")),
        ("mnist_dataset/mnist_test_10.csv", Item("mnist", "table", "test_10")),
        (r"C:\Users\Ana\Bureau\mnist_train.csv", Item("mnist", "table", "train", "1x1")),
        ("train-images-idx3-ubyte.gz", Item("mnist", "images", "train", packed="gz")),
        ("MNIST_data/t10k-labels.idx1-ubyte", Item("mnist", "labels", "test")),
        ("data/FashionMNIST/raw/train-images-idx3-ubyte", Item("fashion_mnist", "images", "train")),
        ("https://example.org/exdb/mnist/t10k-images-idx3-ubyte.gz?x=1", Item("mnist", "images", "test", packed="gz")),
        ("/content/mnist.npz", Item("mnist", "npz")),
        ("mnist.pkl.gz", Item("mnist", "pickle", packed="gz")),
        ("mnist-original.mat", Item("mnist", "mat")),
        ("cifar-10-batches-py/data_batch_3", Item("cifar10", "batch", "data_batch_3")),
        ("cifar-10-python.tar.gz", Item("cifar10", "tar", "cifar-10-batches-py", packed="gz")),
        ("data/cifar-100-python/meta", Item("cifar100", "batch100", "meta")),
        ("cifar-100-python.tar.gz", Item("cifar100", "tar", "cifar-100-python", packed="gz")),
    ],
)
def test_published_files(path: str, found: Item) -> None:
    assert item(path) == found


@pytest.mark.parametrize(
    "path",
    [
        *("train.csv", "data/test.csv", "flowers/train.csv", "train", "meta", "data_batch_1", "model.h5", "", "/"),
        *("digit-recognizer", "/kaggle/input/digit-recognizer/", "mnist.h5", "images/1.png", "mnist_train.csv.txt"),
    ],
)
def test_a_name_that_could_be_anybodys(path: str) -> None:
    assert item(path) is None


@pytest.mark.parametrize(
    "path", ["train.csv", "data/train.csv", "/content/drive/MyDrive/TP 3/train.csv", "/home/ana/ml/train.csv"]
)
def test_the_notebook_speaks_for_it(path: str) -> None:
    assert item(path, DIGITS) == Item("mnist", "kaggle", "train", "pixel0")
    assert item(path, "MNIST by hand") is None, "no column of such a table is named"
    assert item(path, "the Titanic's train['label']") is None


def test_a_folder_of_something_else_is_believed() -> None:
    assert item("/kaggle/input/flowers/train.csv", DIGITS) is None


def test_the_notebook_says_which_of_two() -> None:
    assert item("train.csv", "Fashion-MNIST: fashion items, train['label']") == Item(
        "fashion_mnist", "table", "train", "pixel1"
    )
    assert item("train-images-idx3-ubyte", "Fashion MNIST") == Item("fashion_mnist", "images", "train")
    assert item("data_batch_1", "CIFAR-10") == Item("cifar10", "batch", "data_batch_1")
    assert item("data_batch_1", "CIFAR-100") is None


@pytest.mark.parametrize(
    ("notebook", "header"),
    [
        ("pd.read_csv('mnist_train.csv')", True),
        ("pd.read_csv('mnist_train.csv', header=None)", False),
        ("np.loadtxt('mnist_train.csv', delimiter=',')", False),
        ("np.loadtxt('mnist_train.csv', delimiter=',', skiprows=1)", True),
        ("lines = f.readlines()", False),
        ("frame.drop('label', axis=1)", True),
        ("lines = f.readlines()[1:]", True),
        ("lines = f.readlines()\nvalues = line.split(',')[1:]", False),
        ("next(reader)", True),
        ("np.loadtxt(path)\nnext(iter(batches))", False),
    ],
)
def test_with_or_without_a_header(notebook: str, header: bool) -> None:
    found = item("mnist_train.csv", notebook)
    assert found is not None
    assert bool(found.style) is header


def test_what_a_text_speaks_of() -> None:
    assert spoken("Fashion-MNIST, fashion_mnist, like MNIST") == "fashion_mnist"
    assert spoken("MNIST, then Fashion-MNIST, then mnist") == "mnist"
    assert spoken("cifar100 and CIFAR-100, not CIFAR-10") == "cifar100"
    assert spoken("flowers") == ""


def test_literals_are_strings_and_the_words_of_shell_lines() -> None:
    source = "path = 'a/train.csv'\nopen(\"b.npz\")\n!head c.csv | wc\nd.csv"
    assert list(literals(source)) == ["a/train.csv", "b.npz", "!head", "c.csv"]
