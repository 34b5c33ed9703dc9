"""Settings of a loss that are plain numbers."""

from __future__ import annotations

import functools
from types import SimpleNamespace

import pytest

from autograder.guest.recording.losses import MOST, of_model, settings
from autograder.records import Json


def loss(bound: Json = None, **config: Json) -> Json:
    return SimpleNamespace(get_config=lambda: config, _fn_kwargs=bound or {})


def test_numbers_of_its_configuration() -> None:
    told = loss(name="c", from_logits=True, label_smoothing=0.1, axis=-1, gamma=2)
    assert settings(told) == {"label_smoothing": 0.1, "gamma": 2.0}


def test_arguments_that_were_bound_to_a_function() -> None:
    assert settings(functools.partial(loss, label_smoothing=0.2)) == {"label_smoothing": 0.2}
    assert settings(loss({"delta": 2.0}, name="huber")) == {"delta": 2.0}


@pytest.mark.parametrize("given", [None, "mse", ["mse"], {"a": "mse"}, loss, loss(alpha=float("nan"), beta=[1, 2])])
def test_what_has_none(given: object) -> None:
    assert settings(given) == {}


def test_no_more_than_a_few() -> None:
    assert len(settings(loss(**{f"s{number}": number for number in range(50)}))) == MOST


def test_of_what_a_model_was_compiled_with() -> None:
    assert of_model(SimpleNamespace(loss=loss(label_smoothing=0.1))) == {"label_smoothing": 0.1}
    assert of_model(object()) == {}
