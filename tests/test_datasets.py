"""What is served, what is hidden, and which files are refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from autograder.datasets import (
    NAMES,
    DataSet,
    cached,
    form,
    label_files,
    load,
    locate,
    room_file,
    spread,
    stratified,
)
from autograder.errors import DataError

Array = npt.NDArray[Any]

DIGITS = load("digits", split_seed=7, hidden_images=5000)
MNIST = Path(os.environ.get("AUTOGRADER_MNIST", Path(__file__).parents[2] / "shared" / "data" / "mnist.npz"))


def as_set(images: Array) -> set[bytes]:
    return {image.tobytes() for image in images}


def written(folder: Path, **arrays: Array) -> str:
    path = folder / "data.npz"
    generator = np.random.default_rng(0)
    small = {
        "x_train": generator.integers(0, 256, (90, 6, 5), dtype=np.uint8),
        "y_train": np.arange(90, dtype=np.uint8) % 3,
        "x_test": generator.integers(0, 256, (30, 6, 5), dtype=np.uint8),
        "y_test": np.arange(30, dtype=np.uint8) % 3,
    }
    np.savez(path, **{name: array for name, array in {**small, **arrays}.items() if array is not None})
    return str(path)


def test_digits_have_mnist_s_form() -> None:
    assert DIGITS.x_train.shape == (60_000, 28, 28) and DIGITS.x_test.shape == (10_000, 28, 28)
    assert DIGITS.y_train.shape == (60_000,) and DIGITS.y_test.shape == (10_000,)
    assert {array.dtype for array in (DIGITS.x_train, DIGITS.y_train, DIGITS.x_test)} == {np.dtype(np.uint8)}
    assert DIGITS.x_train.max() == 255
    border = np.ones((28, 28), bool)
    border[4:24, 4:24] = False
    assert not DIGITS.x_train[:, border].any()


def test_hidden_images_are_fresh() -> None:
    hidden, train, public = as_set(DIGITS.x_hidden), as_set(DIGITS.x_train), as_set(DIGITS.x_test)
    assert len(hidden) == DIGITS.card.hidden_images == len(DIGITS.x_hidden)
    assert not hidden & train and not hidden & public and not train & public
    assert len(train) == DIGITS.card.train_images and len(public) == DIGITS.card.public_images
    assert len(hidden) + len(train) + len(public) == 1797


def test_every_part_holds_every_class_in_its_share() -> None:
    for labels in (DIGITS.y_hidden, DIGITS.y_public, DIGITS.y_train[DIGITS.train_rows]):
        counts = np.bincount(labels, minlength=10)
        assert counts.min() >= 0.85 * counts.max()


def test_images_are_repeated_in_a_row() -> None:
    stride = DIGITS.card.train_stride
    assert stride == 60_000 // DIGITS.card.train_images == 62
    assert as_set(DIGITS.x_train[::stride]) == as_set(DIGITS.x_train)
    assert np.array_equal(DIGITS.x_test[DIGITS.public_rows], DIGITS.x_public)
    assert np.array_equal(DIGITS.y_test[DIGITS.public_rows], DIGITS.y_public)
    changes = (DIGITS.x_train[1:] != DIGITS.x_train[:-1]).any(axis=(1, 2)).sum()
    assert changes == DIGITS.card.train_images - 1


def test_a_validation_split_at_the_end_holds_images_of_its_own() -> None:
    cut = int(60_000 * 0.8)
    both = as_set(DIGITS.x_train[:cut]) & as_set(DIGITS.x_train[cut:])
    assert len(both) <= 1


def test_the_order_of_classes_is_mixed() -> None:
    labels = DIGITS.y_train[DIGITS.train_rows]
    assert (labels[1:] != labels[:-1]).mean() > 0.8


def test_public_counts_reproduce_the_served_test_set() -> None:
    right = np.random.default_rng(0).random(DIGITS.card.public_images) < 0.9
    served = right[spread(10_000, DIGITS.card.public_images)].mean()
    assert DIGITS.public_counts[right].sum() / 10_000 == served
    assert DIGITS.public_counts.sum() == 10_000


def test_the_split_depends_on_its_seed_alone() -> None:
    again, other = (load("digits", split_seed=seed, hidden_images=5000) for seed in (7, 8))
    assert again.card == DIGITS.card
    assert other.card.digest != DIGITS.card.digest
    assert load("digits", split_seed=7, hidden_images=100).card.digest != DIGITS.card.digest


def test_arrays_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        DIGITS.x_hidden[0] = 0


def test_the_room_s_file_holds_what_is_served_and_nothing_else(tmp_path: Path) -> None:
    path = room_file(DIGITS, tmp_path)
    stamp = path.stat().st_mtime_ns
    assert room_file(DIGITS, tmp_path) == path and path.stat().st_mtime_ns == stamp
    with np.load(path, allow_pickle=False) as archive:
        assert sorted(archive.files) == ["x_test", "x_train", "y_test", "y_train"]
        assert np.array_equal(archive["x_test"], DIGITS.x_test)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_stratified_gives_exactly_as_many() -> None:
    labels = np.repeat([0, 1, 2], [50, 30, 21])
    rows = stratified(labels, 20, np.random.default_rng(0))
    assert len(rows) == len(set(rows)) == 20
    assert np.bincount(labels[rows]).tolist() == [10, 6, 4]


# --- files ---------------------------------------------------------------------------------------------------------


def test_a_small_set_of_other_shape_keeps_its_sizes(tmp_path: Path) -> None:
    data = load(written(tmp_path), split_seed=1, hidden_images=5000)
    assert data.x_train.shape == (90, 6, 5) and data.x_test.shape == (30, 6, 5)
    assert data.card.hidden_images == 30 and data.card.train_images == 60 and data.card.train_stride == 1
    assert data.card.name == "data.npz" and data.card.classes == 3


def test_one_channel_and_wide_integers_are_brought_to_form(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (90, 6, 5, 1))
    data = load(written(tmp_path, x_train=x), split_seed=1, hidden_images=10)
    assert data.x_train.shape == (90, 6, 5) and data.x_train.dtype == np.uint8


def test_colour_of_cifar_s_size_is_served_in_its_official_sizes(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    data = load(
        written(
            tmp_path,
            x_train=generator.integers(0, 256, (90, 32, 32, 3), dtype=np.uint8),
            y_train=(np.arange(90) % 3).reshape(-1, 1),
            x_test=generator.integers(0, 256, (30, 32, 32, 3), dtype=np.uint8),
        ),
        split_seed=1,
        hidden_images=10,
    )
    assert data.x_train.shape == (50_000, 32, 32, 3) and data.y_train.shape == (50_000, 1)
    assert data.y_hidden.shape == (10,) and data.card.train_stride == 50_000 // 80


@pytest.mark.parametrize(
    ("arrays", "part"),
    [
        ({"x_test": None}, "x_test missing"),
        ({"x_train": np.ones((90, 6), np.uint8)}, "x_train"),
        ({"x_train": np.ones((90, 6, 5, 2), np.uint8)}, "x_train"),
        ({"x_train": np.ones((90, 6, 5))}, "float64"),
        ({"x_train": np.full((90, 6, 5), 300)}, "0 to 255"),
        ({"x_train": np.ones((80, 6, 5), np.uint8)}, "80 images but 90 labels"),
        ({"x_test": np.ones((30, 7, 5), np.uint8)}, r"\(7, 5\)"),
        ({"y_train": np.ones((90, 3), np.uint8)}, "y_train"),
        ({"y_train": np.arange(90) % 3 * 2}, "without a gap"),
        ({"y_train": np.zeros(90, np.uint8)}, "without a gap"),
        ({"y_train": np.arange(90) % 3 - 1}, "-1"),
        ({"y_train": (np.arange(90) % 3).astype(float)}, "float64"),
        ({"y_test": np.full(30, 9)}, "label 9"),
        ({"x_train": np.array([{"a": 1}], dtype=object)}, "readable"),
    ],
)
def test_files_of_wrong_form_are_refused_with_a_remedy(tmp_path: Path, arrays: dict[str, Array], part: str) -> None:
    with pytest.raises(DataError, match=part) as caught:
        load(written(tmp_path, **arrays), split_seed=1, hidden_images=10)
    assert caught.value.remedy


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"\x93NUMPY"])
def test_files_that_are_no_archive_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"x\.npz"):
        load(str(path), split_seed=1, hidden_images=10)


@pytest.mark.parametrize("name", ["digit", "nowhere.npz", "../x", "auto"])
def test_unknown_names_are_refused(name: str) -> None:
    with pytest.raises(DataError) as caught:
        load(name, split_seed=1, hidden_images=10)
    assert caught.value.remedy


def test_a_name_is_looked_up_in_the_places_given(tmp_path: Path) -> None:
    Path(written(tmp_path)).rename(tmp_path / "mnist.npz")
    data = load("mnist", split_seed=1, hidden_images=10, places=[tmp_path / "none", tmp_path])
    assert data.card.name == "mnist" and data.card.image_shape == (6, 5)


def test_a_name_is_looked_up_in_the_cache_of_keras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "datasets").mkdir()
    Path(written(tmp_path)).rename(tmp_path / "datasets" / "mnist.npz")
    assert load("mnist", split_seed=1, hidden_images=10).card.name == "mnist"


def test_labels_of_a_hundred_classes_are_a_column(tmp_path: Path) -> None:
    x = np.zeros((300, 32, 32, 3), np.uint8)
    y = (np.arange(300) % 100).astype(np.uint8).reshape(-1, 1)
    Path(written(tmp_path, x_train=x, y_train=y, x_test=x, y_test=y)).rename(tmp_path / "cifar100.npz")
    data = load("cifar100", split_seed=1, hidden_images=10, places=[tmp_path])
    assert data.card.classes == 100 and data.y_train.shape == (50_000, 1)


def test_what_keras_has_downloaded_is_known_without_asking_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert {name: cached(name) for name in NAMES} == dict.fromkeys(NAMES)
    (tmp_path / "datasets").mkdir()
    kept = tmp_path / "datasets" / "cifar-10-batches-py-target_archive"
    kept.touch()
    assert cached("cifar10") == kept and locate("cifar10") == str(kept) and cached("cifar100") is None


def test_the_form_of_a_file_is_known_without_its_images(tmp_path: Path) -> None:
    assert form(Path(written(tmp_path))) == ((6, 5), 3)
    assert form(Path(written(tmp_path, x_train=np.zeros((90, 6, 5, 1), np.uint8)))) == ((6, 5), 3)
    assert form(Path(written(tmp_path, x_train=np.zeros((90, 6, 5, 3), np.uint8)))) == ((6, 5, 3), 3)
    broken = tmp_path / "x.npz"
    for content in (b"", b"PK\x03\x04 cut off"):
        broken.write_bytes(content)
        with pytest.raises(DataError, match=r"x\.npz"):
            form(broken)
    np.savez(broken, x_train=np.zeros((3, 2, 2)))
    with pytest.raises(DataError, match="y_train"):
        form(broken)


# --- the real one --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mnist() -> DataSet:
    if not MNIST.is_file():
        pytest.skip(f"the real MNIST is not at {MNIST}")
    return load(str(MNIST), split_seed=20, hidden_images=5000)


@pytest.mark.mnist
def test_the_real_mnist(mnist: DataSet) -> None:
    assert mnist.x_train.shape == (60_000, 28, 28) and mnist.card.train_images == 55_000
    assert mnist.card.public_images == 10_000 and mnist.card.hidden_images == 5000 and mnist.card.train_stride == 1
    assert not as_set(mnist.x_hidden) & as_set(mnist.x_train)
    assert np.array_equal(mnist.x_test, mnist.x_public)


def test_the_name_of_a_served_file_tells_nothing_of_the_hidden_images(tmp_path: Path) -> None:
    """A room reads it among its mounts, and the digest seeds the order in which models are shown images."""
    assert room_file(DIGITS, tmp_path).stem not in DIGITS.card.digest


def test_packages_with_images_that_may_be_hidden_are_known() -> None:
    names = {path.name for path in label_files("digits")}
    assert names == {"digits.csv.gz", "mnist_5k.csv.gz"}
    assert {path.name for path in label_files("chiffres.npz")} == {"mnist_5k.csv.gz"}
