"""The names under which a rubric may call a check."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

from pydantic import ValidationError

from autograder.errors import ConfigError
from autograder.records import Evidence, Finding, GapKind, Json
from autograder.rubric import Parameter, adapted

Function = TypeVar("Function", bound=Callable[..., Finding])


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A function ``(evidence, *, parameters) -> Finding`` and what a rubric may tell it."""

    name: str
    function: Callable[..., Finding]
    parameters: Mapping[str, Parameter]
    needs: frozenset[GapKind] = frozenset()
    """Where one of these could not be found for a reason of ours, a person decides instead."""
    private: bool = False
    """Decided on images that students never receive: a self-check can only estimate it."""

    @property
    def place(self) -> str:
        return f"{self.function.__module__}.{self.function.__qualname__}"

    def __call__(self, evidence: Evidence, **parameters: Json) -> Finding:
        return self.function(evidence, **parameters)


_CHECKS: dict[str, Check] = {}


def check(name: str, *, needs: Iterable[GapKind] = (), private: bool = False) -> Callable[[Function], Function]:
    """Register a function under ``family.name``; raises ConfigError when the name is taken or the signature unusable.

    The function takes the evidence first and everything else as keyword-only parameters with type annotations that
    YAML can express: str, int, float, bool, and lists or mappings of these.
    """

    def register(function: Function) -> Function:
        made = Check(
            name=name,
            function=function,
            parameters=_parameters(name, function),
            needs=frozenset(needs),
            private=private,
        )
        known = _CHECKS.get(name)
        # A module that is imported anew (a reload, a checks.py read twice) replaces its own check.
        if known is not None and known.place != made.place:
            raise ConfigError(
                f"check {name!r} exists already, in {known.place}",
                place=made.place,
                remedy="Give one of the two another name.",
            )
        _CHECKS[name] = made
        return function

    return register


def registered() -> Mapping[str, Check]:
    """Every check that was imported so far, by name."""
    return MappingProxyType(_CHECKS)


def _parameters(name: str, function: Callable[..., Finding]) -> Mapping[str, Parameter]:
    """The keyword-only parameters with their types."""
    hints = typing.get_type_hints(function, include_extras=True)
    first, *others = inspect.signature(function).parameters.values()
    if first.kind is inspect.Parameter.KEYWORD_ONLY:
        raise _unusable(name, function, "must take the evidence as its first, positional parameter")
    found: dict[str, Parameter] = {}
    for parameter in others:
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            raise _unusable(name, function, f"parameter {parameter.name!r} must be keyword-only")
        if parameter.name not in hints:
            raise _unusable(name, function, f"parameter {parameter.name!r} has no type annotation")
        found[parameter.name] = _parameter(name, function, parameter, hints[parameter.name])
    return MappingProxyType(found)


def _parameter(name: str, function: Callable[..., Finding], told: inspect.Parameter, hint: object) -> Parameter:
    if told.default is inspect.Parameter.empty:
        return Parameter(name=told.name, type=hint, required=True)
    known = Parameter(name=told.name, type=hint, required=False, default=told.default)
    try:
        adapted(known, told.default)
    except ValidationError as error:
        raise _unusable(name, function, f"parameter {told.name!r} has a default that is not of its type") from error
    return known


def _unusable(name: str, function: Callable[..., Finding], problem: str) -> ConfigError:
    return ConfigError(
        f"check {name!r} {problem}",
        place=f"{function.__module__}.{function.__qualname__}",
        remedy="Write it as: def my_check(evidence: Evidence, *, words: int = 20) -> Finding.",
    )
