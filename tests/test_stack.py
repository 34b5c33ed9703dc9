"""Whose function built a model, as seen from the call of ``compile``."""

from __future__ import annotations

import sys
from types import FrameType

from autograder.guest import stack


def running() -> list[FrameType]:
    return stack.frames(lambda name: name == __file__)[:-1]


class Model:
    pass


def compile_model(model: Model) -> str:
    return stack.builder(running(), model)


def create_model() -> str:
    return compile_model(Model())


def evaluate_model(create: object) -> str:
    assert callable(create)
    return str(create())


def test_the_function_that_made_the_model_built_it() -> None:
    assert create_model() == "create_model"
    assert evaluate_model(create_model) == "create_model"
    assert evaluate_model(lambda: create_model()) == "create_model"


def test_a_function_that_was_handed_the_model_did_not_build_it() -> None:
    assert compile_model(Model()) == sys._getframe().f_code.co_name
