"""What would have to be downloaded says so: pretrained weights of Keras and torch, TensorFlow Hub."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from types import ModuleType

from ..imports import Actions
from ..network import NoNetwork
from ..things import Thing

WEIGHTS = "pretrained weights are downloaded from the internet; there is no network where notebooks are graded"
FILES = "files are downloaded from the internet; there is no network where notebooks are graded"


def actions(session: Thing) -> Actions:
    """The loaders of Keras and torch that download: they say why they cannot, instead of naming a socket's error."""
    return {
        "keras.src.utils.file_utils": lambda module: _explain(module, "get_file", session),
        "torch.hub": lambda module: _explain_torch(module, session),
    }


def stand_ins(session: Thing) -> Actions:
    return {"tensorflow_hub": lambda module: _hub(module, session)}


def _explain_torch(module: ModuleType, session: Thing) -> None:
    for name in ("load_state_dict_from_url", "download_url_to_file", "load"):
        _explain(module, name, session)


def _explain(module: ModuleType, name: str, session: Thing) -> None:
    setattr(module, name, explained(getattr(module, name), session))


def explained(original: Callable[..., Thing], session: Thing) -> Callable[..., Thing]:
    """``original``, whose failure to reach the network is told as such; what is there already is still found.

    Weights that cannot be had are noted: a notebook that catches the error goes on with another model than its own.
    """

    @wraps(original)
    def call(*arguments: Thing, **keywords: Thing) -> Thing:
        __tracebackhide__ = True
        try:
            return original(*arguments, **keywords)
        except Exception as error:
            asked = " ".join(str(part) for part in (*arguments, *keywords.values()) if isinstance(part, str))
            weights = _is_weights(asked)
            if not _unreachable(error) or (isinstance(error, NoNetwork) and not weights):
                raise
            if weights:
                raise missing(session, asked) from None
            raise NoNetwork(f"{FILES} ({asked[:150]})") from None

    return call


def missing(session: Thing, asked: str) -> NoNetwork:
    """Why pretrained weights cannot be had here; noted, since that is no fault of the notebook's."""
    session.adapt("weights", _short(asked))
    return NoNetwork(f"{WEIGHTS} ({asked[:150]})")


def _short(asked: str) -> str:
    """The file or the model, without the server that has it."""
    return asked.split(" ")[0].partition("://")[2].partition("/")[2][:80] or asked.split(" ")[0][:80]


def _is_weights(asked: str) -> bool:
    return any(mark in asked for mark in ("weights", "notop", ".pth", ".pt", "keras-applications", "checkpoint"))


def _unreachable(error: BaseException) -> bool:
    """Whether a failed name resolution or connection is behind it; Keras raises a bare Exception of its own."""
    chain = [error, error.__cause__, error.__context__]
    return any(
        isinstance(part, NoNetwork)
        or type(part).__name__ in ("URLError", "gaierror", "ConnectionError")
        or "URL fetch failure" in str(part)
        for part in chain
        if part is not None
    )


def _hub(module: ModuleType, session: Thing) -> None:
    """TensorFlow Hub holds nothing but what it downloads."""

    def refuse(handle: Thing = "", *_arguments: Thing, **_keywords: Thing) -> Thing:
        raise missing(session, str(handle))

    for name in ("KerasLayer", "load", "resolve", "Module"):
        setattr(module, name, refuse)
