"""Rows of batches that pass: from all of a training, and never many."""

from __future__ import annotations

import io

import numpy as np
import pytest

from autograder.guest.recording import prints
from autograder.guest.recording.late import FEWEST, MOST, ROWS, Late


def kept(late: Late) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    found: list[bytes] = []
    told = late.printed(lambda content: f"sample-{found.append(content) or len(found)}.npy")
    return np.load(io.BytesIO(found[0])) if told else np.empty((0, 4), np.float32)


@pytest.mark.parametrize("batches", [FEWEST, 100, 1000, 12345])
def test_from_the_first_to_the_last(batches: int) -> None:
    late = Late()
    for number in range(batches):
        late.see(np.full((8, 4), number))
    numbers = np.unique(kept(late)[:, 0])
    assert FEWEST <= len(numbers) < MOST and len(kept(late)) == ROWS * len(numbers)
    steps = np.diff(numbers)
    assert len(set(steps)) == 1 and numbers[0] < steps[0] + 1 and batches - numbers[-1] <= steps[0] + 1


def test_several_places_of_each_batch() -> None:
    late = Late()
    for _ in range(20):
        late.see(np.arange(40.0).reshape(40, 1))
    assert len(np.unique(kept(late))) > 20
    late = Late()
    for _ in range(20):
        late.see(np.ones((1, 4)))
    assert kept(late).shape == (20, 4), "no row twice"


def test_rows_that_come_one_by_one() -> None:
    late = Late()
    for number in range(100):
        late.see_row(np.full((8, 4), number))
    assert kept(late).shape[1:] == (8, 4)
    assert FEWEST <= len(kept(late)) < MOST


def test_several_inputs() -> None:
    pair, named = Late(), Late()
    for _ in range(20):
        pair.see([np.zeros((8, 4)), np.ones((8, 4)), np.zeros((8, 2))])
        named.see({"mask": np.zeros(8), "images": np.ones((8, 4))})
    assert kept(pair).shape[1:] == (4,) and set(np.unique(kept(pair))) == {0, 1}
    assert kept(named).shape[1:] == (4,) and set(np.unique(kept(named))) == {1}


def test_one_batch_and_what_holds_no_rows() -> None:
    late = Late()
    for batch in [np.ones((8, 4)), np.ones(8), np.array([["a"]]), None]:
        late.see(batch)
    assert len(kept(late)) == 0
    late.see(np.ones((8, 4)))
    assert kept(late).shape == (FEWEST * ROWS, 4)


def test_what_comes_first_hides_no_images() -> None:
    late, found = Late(), list[bytes]()
    for size in (70, 80, 90, 100):
        late.see(np.zeros((8, size)))
    for number in range(3):
        late.see(np.full((8, 28, 28, 1), number))
        late.see(np.full((8, 784), 10 + number))
    told = late.printed(lambda content: f"sample-{found.append(content) or len(found)}.npy")
    assert [one["shape"][1:] for one in told] == [[80], [90], [100], [28, 28, 1]]
    assert set(np.unique(np.load(io.BytesIO(found[-1])))) == {0, 1, 2, 10, 11, 12}


def test_large_images_are_fewer() -> None:
    late, side = Late(), int((prints.SAMPLE_BYTES / 4 / 20) ** 0.5)
    for _ in range(300):
        late.see(np.ones((2, side, side)))
    assert FEWEST <= len(kept(late)) and kept(late).nbytes <= prints.SAMPLE_BYTES
