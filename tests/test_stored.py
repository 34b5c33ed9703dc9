"""Outputs that a notebook was handed in with, against those of its execution."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autograder.extraction.stored import comparable, drifts, of_other_images
from autograder.records import Cell, CellKind, DataCard, Drift, Ending, Execution, Output

CARD = DataCard(
    name="mnist", digest="d", classes=10, image_shape=(28, 28), train_images=55_000, public_images=10_000,
    hidden_images=5_000, split_seed=1, train_rows=60_000, test_rows=10_000,
)  # fmt: skip


def cell(text: str, index: int = 0, source: str = "evaluate()") -> Cell:
    return Cell(
        index=index, kind=CellKind.CODE, source=source, outputs=(Output(kind="stream", stream="stdout", text=text),)
    )


def test_a_figure_that_is_another_now() -> None:
    before, after = cell("Test accuracy: 0.994\n"), cell("Test accuracy: 0.979\n")
    assert drifts([before], [after]) == (Drift(cell=0, label="test accuracy", stored=0.994, executed=0.979),)


@pytest.mark.parametrize(
    ("stored", "executed"),
    [
        ("Test accuracy: 0.9890", "Test accuracy: 0.9870"),
        ("Test accuracy: 99 %", "Test accuracy: 97.6 %"),
        ("Accuracy: 0.512", "Accuracy: 0.525"),
        ("Test accuracy: 0.99", "Validation accuracy: 0.90"),
        ("Accuracy: 0.99\nAccuracy: 0.98", "Accuracy: 0.90"),
        ("accuracy: 0.99 - 3ms/step 313/313 - loss: 1", "Test accuracy: 0.90"),
        ("", "Test accuracy: 0.90"),
    ],
    ids=["noise", "rounded", "deviation", "other words", "other number", "progress", "no output"],
)
def test_what_is_no_drift(stored: str, executed: str) -> None:
    assert drifts([cell(stored)], [cell(executed)]) == ()


def test_cells_are_compared_with_themselves() -> None:
    before = [cell("Accuracy: 0.99", 0), cell("Accuracy: 0.95", 1)]
    after = [cell("Accuracy: 0.95", 1), cell("Accuracy: 0.99", 0)]
    assert drifts(before, after) == ()
    assert drifts(before, [cell("Accuracy: 0.5", 0, source="other()")]) == ()


def test_only_the_same_data_in_full_can_be_compared() -> None:
    cells = [cell("", source="(x, y), _ = keras.datasets.mnist.load_data()")]
    run = Execution(ending=Ending.COMPLETED)
    assert comparable(cells, CARD, run)
    assert comparable(cells, replace(CARD, name="mnist.npz"), run)
    assert not comparable(cells, CARD, replace(run, share=0.5))
    assert not comparable(cells, replace(CARD, name="digits"), run)
    assert not comparable(cells, replace(CARD, name="cifar10"), run)
    assert not comparable(cells, replace(CARD, train_stride=30), run)
    fashion = [cell("", source="fashion_mnist.load_data()")]
    assert not comparable(fashion, CARD, run)
    assert comparable(fashion, replace(CARD, name="fashion_mnist"), run)


def test_other_images_than_those_that_the_notebook_was_written_for() -> None:
    cells = [cell("", source="(x, y), _ = keras.datasets.mnist.load_data()")]
    assert not of_other_images(cells, CARD)
    assert of_other_images(cells, replace(CARD, name="digits"))
    assert of_other_images(cells, replace(CARD, train_stride=30)), "fewer ones"
    assert not of_other_images([cell("", source="load_images()")], replace(CARD, name="digits")), "it names none"
