"""Samples of data, taken without what a notebook can put something else in place of."""

from __future__ import annotations

import io

import numpy as np
import pytest

from autograder.guest.recording import prints

ARRAY = np.arange(120, dtype=np.float64).reshape(10, 3, 4)


@pytest.mark.parametrize("rows", [1, 2, 3, 31, 32, 33, 100, 4097, 60000])
@pytest.mark.parametrize("count", [0, 1, 2, 4, 32, 4096])
def test_rows_are_evenly_spread(rows: int, count: int) -> None:
    wanted = np.unique(np.linspace(0, rows - 1, min(rows, count)).astype(np.intp))
    assert prints.spread(rows, count).tolist() == wanted.tolist()
    assert prints.spread(rows, count).dtype == np.intp and prints.spread(0, count).tolist() == []


@pytest.mark.parametrize("array", [ARRAY, ARRAY.T, ARRAY[:0], np.arange(3, dtype=np.uint8)])
def test_a_sample_is_a_file_of_numpys(array: prints.Array) -> None:
    read = np.load(io.BytesIO(prints.npy(array)))
    assert read.dtype == np.float32 and read.shape == array.shape and (read == array).all()


def test_functions_that_a_notebook_replaced_have_no_say_in_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    before = [prints.npy(ARRAY), prints.spread(10, 4).tolist()]
    for name in ("save", "linspace", "unique", "ascontiguousarray", "array", "intp"):
        monkeypatch.setattr(np, name, lambda *_, **__: np.zeros(3))
    assert [prints.npy(ARRAY), prints.spread(10, 4).tolist()] == before


class TwoFaced(np.ndarray):
    """Shows others to whom asks for few rows."""

    def __getitem__(self, key: object) -> prints.Array:
        return np.zeros((3, 4))

    def astype(self, *_: object, **__: object) -> prints.Array:
        return np.zeros((3, 4))


def test_a_class_of_arrays_of_the_notebooks_own_shows_its_very_rows() -> None:
    kept: list[bytes] = []
    prints.fingerprint(ARRAY.view(TwoFaced), lambda content: str(kept.append(content)))
    assert (np.load(io.BytesIO(kept[0])) == ARRAY).all()
    assert (np.load(io.BytesIO(prints.npy(ARRAY.view(TwoFaced)))) == ARRAY).all()
