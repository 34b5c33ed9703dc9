"""Carries out one training again, from its description: no code of a notebook's is here.

What it is given was written in a kernel, so that it is built from Keras' own parts by their names, in a room that holds
nothing else. Whatever it makes of it is kept under the digest of what it was given, and serves nobody who asks for
anything else.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":  # a file in a room: give the relative imports below a package of their own
    from pathlib import Path as _Path
    from types import ModuleType as _ModuleType

    __package__ = "autograder_guest"
    _package = _ModuleType(__package__)
    _package.__path__ = [str(_Path(__file__).resolve().parent)]
    sys.modules[__package__] = _package

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .collector import paused
from .frames import Pipe, harden
from .things import Thing


class Unlike(Exception):
    """The training cannot be built here as it was there."""


def train(asked: Mapping[str, Any], arrays: Sequence[Any]) -> bytes:
    """What the training leaves, as a parcel; raises Unlike, and whatever Keras raises."""
    with paused():
        import keras  # noqa: F401

    from .recording import iterators, schedules, states, streams
    from .recording.budget import Cuts

    cut = asked["cut"]
    cuts = Cuts(cut)
    model, data = _model(asked, arrays)
    callbacks = [_callback(told) for told in asked["callbacks"]]
    outcome = states.Outcome()
    watching = _watching(outcome)
    if cuts.share < 1:
        iterators.install(sys.modules[iterators.TRAINER], cuts)
    # Moving averages were hastened before they were described, but a schedule is not described as it is hurried.
    schedules.hurry(model, cut["times"])
    given = cuts.begin({**_data(data), **_arguments(asked["arguments"]), "callbacks": [*callbacks, watching]})
    streams.enter(asked["seed"])
    began = time.monotonic()
    history: Thing = model.fit(**given, verbose=0)
    outcome.seconds = time.monotonic() - began
    cuts.end({}, history)
    outcome.epochs = [int(epoch) for epoch in history.epoch]
    outcome.steps = history.params.get("steps")
    return states.taken(model, callbacks, outcome)


def _model(asked: Mapping[str, Any], arrays: Sequence[Any]) -> tuple[Thing, dict[str, Any]]:
    """The model as it went into ``fit``, and the data."""
    import numpy as np
    from keras.src.saving import serialization_lib

    from .recording.states import optimizer_variables
    from .recording.understanding import build, setting

    if setting() != asked["setting"]:
        raise Unlike("setting")
    weights, slots = len(asked["variables"]), len(asked["optimizer"])
    data = dict(zip(sorted(asked["data"]), arrays[weights + slots :], strict=True))
    model: Thing = serialization_lib.deserialize_keras_object(asked["model"], safe_mode=True)
    build(model, data["x"])
    for variables, values in (
        (list(model.variables), arrays[:weights]),
        (optimizer_variables(model), arrays[weights : weights + slots]),
    ):
        if [(tuple(one.shape), np.asarray(one).dtype) for one in variables] != [(a.shape, a.dtype) for a in values]:
            raise Unlike("variables")
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
    if [bool(one.trainable) for one in model.variables] != [one[3] for one in asked["variables"]]:
        raise Unlike("trainable")
    return model, data


def _data(data: Mapping[str, Any]) -> dict[str, Any]:
    given = {name: value for name, value in data.items() if not name.startswith("validation_")}
    names = ("validation_x", "validation_y", "validation_weight")
    validation = tuple(data[name] for name in names if name in data)
    return given | ({"validation_data": validation} if validation else {})


def _arguments(told: Mapping[str, Any]) -> dict[str, Any]:
    given = dict(told)
    if given.get("class_weight") is not None:
        given["class_weight"] = {int(label): weight for label, weight in given["class_weight"].items()}
    return given


def _callback(told: Mapping[str, Any]) -> Thing:
    from keras import callbacks, ops

    made: Thing = getattr(callbacks, told["kind"])()
    held: dict[str, Any] = made.__dict__
    held.update(told["settings"])
    if told["direction"] is not None:
        held["monitor_op"] = {"less": ops.less, "greater": ops.greater}[told["direction"]]
    return made


def _watching(outcome: Thing) -> Thing:
    from keras.src.callbacks.callback import Callback

    from .recording import models

    class Watching(Callback):  # type: ignore[misc, unused-ignore]
        def on_epoch_end(self, epoch: int, logs: Thing = None) -> None:
            outcome.figures.append(dict(logs or {}))
            outcome.weights.append(models.weights(self.model)[:16])

    return Watching()


def main() -> None:
    harden()
    pipe = Pipe.from_environment()
    inside = Path(os.environ["AUTOGRADER_JOB"]) / "in"
    from . import parcel  # type: ignore[attr-defined, unused-ignore]  # the host's own, sent along

    asked, arrays = parcel.unpacked((inside / "training.bin").read_bytes())
    pipe.send({"kind": "ready"})
    pipe.send({"kind": "trained"}, train(asked, arrays))
    pipe.send({"kind": "end"})


if __name__ == "__main__":
    main()
