"""PyTorch code written for a GPU runs where there is none: whatever is sent to one stays where it is."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

from ..things import Thing

_ABSENT = ("cuda", "mps", "xla", "xpu")
_FACTORIES = ("tensor", "as_tensor", "zeros", "ones", "full", "empty", "rand", "randn", "randint", "arange", "eye")
_IDLE = ("synchronize", "set_device", "reset_peak_memory_stats", "reset_max_memory_allocated")


def install(torch: ModuleType, session: Thing) -> None:
    """After the import of torch; nothing is changed where a GPU is there."""
    known: Thing = torch
    if known.cuda.is_available():
        return
    note = functools.partial(session.adapt, "absent")
    for owner in (known.Tensor, known.nn.Module):
        owner.cuda = _stay(owner.cuda, note)
        owner.to = _sent(owner.to, known, note)
    for name in _FACTORIES:
        setattr(torch, name, _made(getattr(torch, name), known, note))
    for name in _IDLE:
        setattr(known.cuda, name, _nothing(getattr(known.cuda, name), note))
    known.cuda.get_device_name = _named(known.cuda.get_device_name, note)
    known.compile = _uncompiled(known.compile, note)
    known.nn.Module.compile = _nothing(known.nn.Module.compile, note)


def is_absent(device: Thing) -> bool:
    """Whether this names a device that is not there."""
    if isinstance(device, str):
        return device.partition(":")[0] in _ABSENT
    return getattr(device, "type", "") in _ABSENT


def _here(arguments: Sequence[Any], keywords: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any], Thing]:
    """Arguments with ``cpu`` in the place of a device that is not there, and which one it was."""
    lacking = next((value for value in (*arguments, *keywords.values()) if is_absent(value)), None)
    if lacking is None:
        return list(arguments), dict(keywords), None
    placed = ["cpu" if is_absent(value) else value for value in arguments]
    return placed, {name: "cpu" if is_absent(value) else value for name, value in keywords.items()}, lacking


def _stay(original: Callable[..., Any], note: Callable[..., None]) -> Callable[..., Any]:
    @functools.wraps(original)
    def cuda(self: Thing, *_: Thing, **__: Thing) -> Thing:
        note(".cuda()", "cpu")
        return self

    return cuda


def _sent(original: Callable[..., Any], torch: Thing, note: Callable[..., None]) -> Callable[..., Any]:
    @functools.wraps(original)
    def to(self: Thing, *arguments: Thing, **keywords: Thing) -> Thing:
        __tracebackhide__ = True
        placed, named, lacking = _here(arguments, keywords)
        if lacking is not None:
            note(f".to('{lacking}')", "cpu")
        return original(self, *placed, **named)

    return to


def _made(original: Callable[..., Any], torch: Thing, note: Callable[..., None]) -> Callable[..., Any]:
    @functools.wraps(original)
    def make(*arguments: Thing, **keywords: Thing) -> Thing:
        __tracebackhide__ = True
        if is_absent(keywords.get("device")):
            note(f"device='{keywords['device']}'", "cpu")
            keywords["device"] = "cpu"
        return original(*arguments, **keywords)

    return make


def _nothing(original: Callable[..., Any], note: Callable[..., None]) -> Callable[..., Any]:
    @functools.wraps(original)
    def idle(*_: Thing, **__: Thing) -> None:
        note(f"{original.__module__}.{original.__name__}()")

    return idle


def _named(original: Callable[..., Any], note: Callable[..., None]) -> Callable[..., Any]:
    @functools.wraps(original)
    def get_device_name(*_: Thing, **__: Thing) -> str:
        note("torch.cuda.get_device_name()", "cpu")
        return "CPU"

    return get_device_name


def _uncompiled(original: Callable[..., Any], note: Callable[..., None]) -> Callable[..., Any]:
    """Compiling needs a C++ compiler, which a room does not have, and changes no figure."""

    @functools.wraps(original)
    def compile(model: Thing = None, **_: Thing) -> Thing:
        note("torch.compile()")
        return (lambda decorated: decorated) if model is None else model

    return compile
