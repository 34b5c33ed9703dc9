"""Parts of a training that are the student's own."""

from __future__ import annotations

import functools
from types import SimpleNamespace

import pytest

from autograder.guest.recording.handmade import handmade
from autograder.records import Json


def is_student(name: str) -> bool:
    return name == __file__


def loss(y: Json, p: Json) -> Json:
    return y, p


class Theirs:
    def update_step(self) -> None: ...


class Better(dict):  # type: ignore[type-arg]
    """Of another's class, with one function of the student's."""

    def get(self, *_: object) -> None: ...


class Loud:
    def __call__(self) -> None: ...


def made(optimizer: object = None, given: object = "mse") -> list[str]:
    model = SimpleNamespace(optimizer=optimizer, _compile_config=SimpleNamespace(config={"loss": given}))
    return handmade(model, is_student)


@pytest.mark.parametrize("optimizer", [Theirs(), Better(), SimpleNamespace(inner_optimizer=Theirs())])
def test_an_optimizer_of_their_own(optimizer: object) -> None:
    assert made(optimizer) == ["optimizer"]


@pytest.mark.parametrize(
    "given",
    [loss, functools.partial(loss, 1), Loud(), Loud().__call__, SimpleNamespace(fn=loss), ["mse", loss], {"a": loss}],
)
def test_a_loss_of_their_own(given: object) -> None:
    assert made(given=given) == ["loss"]


@pytest.mark.parametrize("given", [None, "mse", functools.reduce, functools.cmp_to_key, ["mse", "mae"]])
def test_what_comes_with_a_library_is_not_theirs(given: object) -> None:
    assert made({}, given) == []


def test_a_model_that_was_never_compiled() -> None:
    assert handmade(object(), is_student) == []


def test_a_function_that_was_put_into_keras_own_optimizer() -> None:
    optimizer = SimpleNamespace(update_step=loss)
    assert made(optimizer) == ["optimizer"]


@pytest.mark.parametrize("name", ["regularizer", "constraint", "activity_regularizer"])
def test_a_penalty_of_their_own(name: str) -> None:
    def drawn(thing: object) -> list[str]:
        one = SimpleNamespace(**{name: thing})
        return handmade(SimpleNamespace(trainable_variables=[one], _flatten_layers=lambda: [one]), is_student)

    assert drawn(loss) == drawn(Loud()) == ["penalty"]
    assert drawn(None) == drawn(functools.partial(max, 1)) == []
