"""Whose weights a training begins with."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from autograder.guest.recording.lineage import Lineage


@dataclass
class Net:
    """As much of a model as is looked at: an encoder's weights and a head's."""

    encoder: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    head: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = field(
        default_factory=lambda: np.random.default_rng().normal(size=(3, 2))
    )
    built: bool = True

    @property
    def weights(self) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
        return [self.encoder, self.head, np.zeros(2)]

    def count_params(self) -> int:
        return 20


def fresh() -> Net:
    return Net(np.random.default_rng().normal(size=(4, 3)))


def fitted(lineage: Lineage, number: int, name: str, net: Net, *, frozen: bool = False) -> tuple[int, ...]:
    sources, before = lineage.begin(number, name, net)
    net.encoder = net.encoder if frozen else net.encoder + 1.0
    net.head = net.head + 1.0
    lineage.end(number, name, net, before)
    return sources


def test_an_encoder_that_was_trained_before() -> None:
    lineage, first = Lineage(), fresh()
    assert fitted(lineage, 1, "m1", first) == ()
    assert fitted(lineage, 2, "m2", Net(first.encoder.copy())) == (1,)
    assert fitted(lineage, 3, "m3", fresh()) == ()


def test_the_same_beginning_is_nothing_learnt() -> None:
    lineage, first = Lineage(), fresh()
    start = first.encoder.copy()
    fitted(lineage, 1, "m1", first)
    assert fitted(lineage, 2, "m2", Net(start)) == ()


def test_what_a_training_left_as_it_was_is_not_of_its_learning() -> None:
    lineage, frozen = Lineage(), fresh()
    fitted(lineage, 1, "m1", frozen, frozen=True)
    assert fitted(lineage, 2, "m2", Net(frozen.encoder.copy())) == ()


def test_a_model_that_is_trained_on_keeps_its_sources() -> None:
    lineage, first = Lineage(), fresh()
    fitted(lineage, 1, "m1", first)
    assert fitted(lineage, 2, "m1", first) == ()
    second = Net(first.encoder.copy())
    assert fitted(lineage, 3, "m2", second) == (2,)
    assert fitted(lineage, 4, "m2", second) == (2,)
    assert fitted(lineage, 5, "m3", Net(second.encoder.copy())) == (4,)


def test_a_model_that_is_not_built() -> None:
    lineage = Lineage()
    assert lineage.begin(1, "m1", object()) == ((), frozenset())
