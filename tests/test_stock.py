"""Which data sets are set up, and which of them serves a notebook."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from autograder.errors import DataError
from autograder.messages import render
from autograder.notebook.dataset import Wanted
from autograder.stock import Entry, Stock, configured, is_single, single
from autograder.wellknown import COLOUR, GREY


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keras' cache, in which nothing lies yet."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "keras" / "datasets"


def a_file(path: Path, shape: tuple[int, ...] = GREY, classes: int = 10) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    labels = np.arange(3 * classes, dtype=np.uint8) % classes
    images = np.zeros((len(labels), *shape), np.uint8)
    np.savez(path, x_train=images, y_train=labels, x_test=images, y_test=labels)
    return path


def names(stock: Stock) -> set[str]:
    return set(stock.entries)


def a_stock(*found: str) -> Stock:
    known = {
        "mnist": Entry(source="mnist", shape=GREY, classes=10),
        "fashion_mnist": Entry(source="fashion_mnist", shape=GREY, classes=10),
        "cifar10": Entry(source="cifar10", shape=COLOUR, classes=10),
        "cifar100": Entry(source="cifar100", shape=COLOUR, classes=100),
        "leaves": Entry(source="leaves.npz", shape=(64, 64, 3), classes=4),
    }
    digits = Entry(source="digits", shape=GREY, classes=10)
    return Stock(entries={"digits": digits, **{name: known[name] for name in found}})


# --- what is set up ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "shape", "classes", "name"),
    [
        ("mnist.npz", GREY, 10, "mnist"),
        ("MNIST-small.npz", GREY, 10, "mnist"),
        ("fashion-mnist.npz", GREY, 10, "fashion_mnist"),
        ("cifar10-subset.npz", COLOUR, 10, "cifar10"),
        ("cifar_100.npz", COLOUR, 100, "cifar100"),
        ("class-2026.npz", COLOUR, 10, "cifar10"),
        ("class-2026.npz", (28, 28, 1), 10, "mnist"),
        ("leaves.npz", (64, 64, 3), 4, "leaves"),
        ("mnist-96.npz", (96, 96), 10, "mnist-96"),
        ("letters.npz", GREY, 26, "letters"),
    ],
)
def test_a_file_is_what_its_name_and_its_form_say(
    tmp_path: Path, file: str, shape: tuple[int, ...], classes: int, name: str
) -> None:
    path = a_file(tmp_path / file, shape, classes)
    found = configured([str(path)], tmp_path / "none")
    assert found.typed == (name,)
    assert found.entries[name].source == str(path)


def test_digits_are_always_there(tmp_path: Path) -> None:
    assert names(configured(["auto"], tmp_path)) == {"digits"}


def test_the_teachers_folder_and_the_cache_of_keras_are_looked_through(tmp_path: Path, empty_cache: Path) -> None:
    a_file(tmp_path / "data" / "cifar10-subset.npz", COLOUR)
    a_file(tmp_path / "data" / "mnist.npz")
    a_file(empty_cache / "mnist.npz")
    (empty_cache / "fashion-mnist").mkdir()
    (empty_cache / "fashion-mnist" / "t10k-images-idx3-ubyte.gz").touch()
    found = configured(["auto"], tmp_path / "data")
    assert names(found) == {"digits", "mnist", "cifar10", "fashion_mnist"} and found.typed == ()
    assert found.entries["mnist"].source == str(tmp_path / "data" / "mnist.npz"), "the teacher's own comes first"
    assert found.entries["fashion_mnist"].source == "fashion_mnist"


def test_what_is_typed_comes_before_what_lies_about(tmp_path: Path) -> None:
    a_file(tmp_path / "data" / "mnist.npz")
    typed = a_file(tmp_path / "other" / "mnist.npz")
    assert configured([str(typed)], tmp_path / "data").entries["mnist"].source == str(typed)
    found = configured(["mnist", "cifar10"], tmp_path / "data")
    assert found.entries["mnist"].source == str(tmp_path / "data" / "mnist.npz")
    assert found.entries["cifar10"].source == "cifar10", "not here: a name that was typed may be downloaded"


def test_a_folder_stands_for_its_files(tmp_path: Path) -> None:
    a_file(tmp_path / "sets" / "mnist.npz")
    a_file(tmp_path / "sets" / "leaves.npz", (64, 64, 3), 4)
    (tmp_path / "sets" / "notes.txt").touch()
    assert configured([str(tmp_path / "sets")], tmp_path / "none").typed == ("leaves", "mnist")


@pytest.mark.parametrize("value", ["mnits", "none.npz", "", "nowhere/"])
def test_what_names_nothing_is_refused(tmp_path: Path, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError) as caught:
        configured(["auto", value or "empty"], tmp_path / "none")
    assert caught.value.remedy


def test_two_files_of_one_set_are_refused(tmp_path: Path) -> None:
    files = [a_file(tmp_path / name) for name in ("mnist.npz", "mnist-small.npz")]
    with pytest.raises(DataError, match="both are MNIST"):
        configured(list(map(str, files)), tmp_path / "none")


def test_a_file_that_is_no_data_set_is_refused_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "broken.npz").write_bytes(b"PK\x03\x04")
    with pytest.raises(DataError, match=r"broken\.npz"):
        configured(["auto"], tmp_path / "data")


def test_one_plain_value_is_one_data_set(tmp_path: Path) -> None:
    assert is_single(["mnist"]) and is_single(["x/mnist.npz"])
    assert not is_single(["auto"]) and not is_single([str(tmp_path)]) and not is_single(["mnist", "cifar10"])
    assert single("mnist", tmp_path) == "mnist" and single("x.npz", tmp_path) == "x.npz"
    path = a_file(tmp_path / "mnist.npz")
    assert single("mnist", tmp_path) == str(path)


# --- what serves a notebook ----------------------------------------------------------------------------------------


def test_the_set_itself() -> None:
    choice = a_stock("mnist", "cifar10").choose(Wanted(name="cifar10", shape=COLOUR, how="loaded"))
    assert (choice.name, choice.notes, choice.refusal) == ("cifar10", (), None)


@pytest.mark.parametrize(
    ("name", "found", "served"),
    [
        ("fashion_mnist", ("mnist", "cifar10"), "mnist"),
        ("mnist", ("fashion_mnist",), "fashion_mnist"),
        ("mnist", (), "digits"),
        ("kmnist", ("mnist",), "mnist"),
        ("svhn", ("cifar100", "cifar10"), "cifar10"),
    ],
)
def test_images_of_the_same_form_stand_in_and_it_is_said(name: str, found: tuple[str, ...], served: str) -> None:
    choice = a_stock(*found).choose(Wanted(name=name, how="loaded"))
    assert choice.name == served and choice.refusal is None
    [note] = choice.notes
    assert "which is not configured here" in render(note, "en") and "n’est pas configuré ici" in render(note, "fr")


def test_the_words_of_a_stand_in() -> None:
    [note] = a_stock("mnist").choose(Wanted(name="fashion_mnist")).notes
    assert render(note, "en") == (
        "The notebook asks for Fashion-MNIST, which is not configured here; it was run on MNIST images instead: "
        "its accuracies are not those of Fashion-MNIST."
    )


@pytest.mark.parametrize(
    ("wanted", "found", "told"),
    [
        (Wanted(name="cifar10"), ("mnist",), "CIFAR-10"),
        (Wanted(name="cifar100"), ("cifar10",), "CIFAR-100"),
        (Wanted(name="emnist"), ("mnist",), "EMNIST"),
        (Wanted(name="imdb"), ("mnist",), "IMDB"),
        (Wanted(name="rock_paper_scissors"), ("mnist", "cifar10"), "rock_paper_scissors"),
        (Wanted(shape=COLOUR), ("mnist",), "32×32×3"),
    ],
)
def test_nothing_of_that_form_is_refused_with_a_remedy(wanted: Wanted, found: tuple[str, ...], told: str) -> None:
    choice = a_stock(*found).choose(wanted)
    assert choice.name == "" and choice.refusal is not None
    for language in ("fr", "en"):
        said = render(choice.refusal, language)
        assert told in said and ".npz" in said and "--data" in said


def test_a_set_that_comes_with_scikit_learn_refuses_nothing() -> None:
    choice = a_stock("mnist", "cifar10").choose(Wanted(name="load_digits", others=("cifar10",)))
    assert choice.name == "cifar10" and "cannot be measured" in render(choice.notes[0], "en")
    assert a_stock("mnist").choose(Wanted(name="load_digits")).name == "mnist"


def test_by_the_shape_alone() -> None:
    choice = a_stock("cifar100", "cifar10").choose(Wanted(shape=COLOUR, how="shape"))
    assert choice.name == "cifar10" and "does not say which data set" in render(choice.notes[0], "en")


def test_an_unknown_set_of_a_known_form() -> None:
    assert a_stock("leaves").choose(Wanted(name="my_leaves", shape=(64, 64, 3))).name == "leaves"


def test_several_sets_in_one_notebook() -> None:
    wanted = Wanted(name="fashion_mnist", others=("mnist", "imdb"), how="loaded")
    choice = a_stock("mnist", "fashion_mnist").choose(wanted)
    assert (choice.name, choice.others) == ("fashion_mnist", ("mnist",))
    assert [render(note, "en") for note in choice.notes] == [
        "The notebook loads several data sets (Fashion-MNIST, MNIST, IMDB); it is graded on Fashion-MNIST.",
        "Not configured here, so not served: IMDB.",
    ]


def test_a_notebook_in_which_nothing_is_recognised_is_run_all_the_same() -> None:
    choice = a_stock("cifar10").choose(None)
    assert choice.name == "digits" and "No data set was recognised" in render(choice.notes[0], "en")
    assert a_stock("mnist").choose(None).name == "mnist"
