"""What fit was told, as far as it is plain."""

from __future__ import annotations

import numpy as np
import pytest

from autograder.guest.recording.arguments import arguments
from autograder.records import Json


class _TensorSliceDataset:
    """As a pipeline of arrays is."""

    def __init__(self, *tensors: object) -> None:
        self._tensors, self.element_spec = list(tensors), tensors

    def take(self) -> None: ...

    def _inputs(self) -> list[object]:
        return []


class Batched(_TensorSliceDataset):
    """As one that is made of another."""

    def __init__(self, inner: _TensorSliceDataset) -> None:
        self.inner, self.element_spec = inner, inner.element_spec

    def _inputs(self) -> list[object]:
        return [self.inner]


X, Y, ONES = np.zeros((4, 2)), np.arange(4), np.ones(4)


@pytest.mark.parametrize(
    ("given", "weigh"),
    [
        ({"sample_weight": np.array([1, 1, 2, 1])}, True),
        ({"sample_weight": [0.5, 1.0, 1.0, 1.0]}, True),
        ({"sample_weight": ONES}, False),
        ({"sample_weight": 3 * ONES}, False),
        ({"sample_weight": 1 + 1e-3 * np.arange(4)}, False),
        ({"x": Batched(_TensorSliceDataset(X, Y, np.array([1, 1, 2, 1])))}, True),
        ({"x": Batched(_TensorSliceDataset(X, Y, ONES))}, False),
        ({"x": Batched(_TensorSliceDataset(X, Y))}, False),
        ({}, False),
    ],
)
def test_rows_that_weigh_more_than_others(given: dict[str, Json], weigh: bool) -> None:
    assert arguments(given).get("sample_weight", False) is weigh
