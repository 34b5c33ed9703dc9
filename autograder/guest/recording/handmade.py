"""Which parts of a training the student's own code makes: what they do to the weights is followed by nobody."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from types import FunctionType, MethodType

from ..things import Thing

IsStudent = Callable[[str], bool]


def handmade(model: Thing, is_student: IsStudent) -> list[str]:
    """``optimizer`` and ``loss``, of what the model was compiled with; ``penalty``, of what is laid on its weights."""
    optimizer = getattr(model, "optimizer", None)
    settings = getattr(getattr(model, "_compile_config", None), "config", None) or {}
    parts = {
        "optimizer": [optimizer, getattr(optimizer, "inner_optimizer", None)],
        "loss": list(_several(settings.get("loss"))),
        "penalty": list(_penalties(model)),
    }
    return [name for name, things in parts.items() if any(is_theirs(one, is_student) for one in things)]


def _penalties(model: Thing) -> Iterator[Thing]:
    """Regularizers and constraints: what weights are drawn to need not be small ones."""
    for variable in getattr(model, "trainable_variables", ()):
        yield getattr(variable, "regularizer", None)
        yield getattr(variable, "constraint", None)
    for layer in model._flatten_layers() if hasattr(model, "_flatten_layers") else ():
        yield getattr(layer, "activity_regularizer", None)


def _several(given: Thing) -> Iterator[Thing]:
    """One for each output, where there are several."""
    if isinstance(given, dict):
        yield from given.values()
    elif isinstance(given, (list, tuple)):
        yield from given
    else:
        yield given


def is_theirs(thing: Thing, is_student: IsStudent) -> bool:
    """Whether a function of it was written in a cell, or in a file of the student's."""
    while isinstance(thing, (functools.partial, MethodType)):
        thing = thing.func if isinstance(thing, functools.partial) else thing.__func__
    if isinstance(thing, FunctionType):
        return is_student(thing.__code__.co_filename)
    if thing is None or isinstance(thing, str):
        return False
    if is_theirs(getattr(thing, "fn", None), is_student):  # what Keras wraps into a loss
        return True
    places = [getattr(thing, "__dict__", {}), *map(vars, type(thing).__mro__)]
    functions = (value for place in places for value in list(place.values()) if isinstance(value, FunctionType))
    return any(is_student(function.__code__.co_filename) for function in functions)
