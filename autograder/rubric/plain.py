"""YAML to plain data, with the line of every key; nothing in the file can build an object or grow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import yaml

from autograder.records import Json

DEEPEST = 12

KeyPath: TypeAlias = "tuple[str | int, ...]"


@dataclass(frozen=True, slots=True)
class Problem:
    path: KeyPath
    text: str


class Refused(Exception):
    """The file cannot be read as plain data: ``line`` is 1-based."""

    def __init__(self, text: str, line: int) -> None:
        super().__init__(text)
        self.text, self.line = text, line


def plain(text: str, lines: dict[KeyPath, int]) -> tuple[Json, list[Problem]]:
    """Plain data and the problems that did not prevent reading; fills ``lines``."""
    problems: list[Problem] = []
    try:
        _refuse_tricks(text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is None:
            raise Refused("is empty", 1)
        return _value(node, (), lines, problems), problems
    except yaml.MarkedYAMLError as error:
        line = _line(error.problem_mark or error.context_mark)
        raise Refused(f"not YAML: {error.problem or error.context}", line) from error
    except yaml.YAMLError as error:
        raise Refused("not YAML: holds a character that YAML does not allow", 1) from error


def _refuse_tricks(text: str) -> None:
    """Anchors (a few lines can stand for gigabytes), tags (objects) and depth have no use in a rubric."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = _line(event.start_mark)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise Refused("anchors and aliases are not allowed: write the value out", line)
        if tag := getattr(event, "tag", None):
            raise Refused(f"the tag {tag} is not allowed: a rubric is plain data", line)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise Refused(f"nested deeper than {DEEPEST} levels", line)


def _line(mark: object) -> int:
    """1-based line of a mark of PyYAML; the first where it has none."""
    return int(getattr(mark, "line", 0)) + 1


def _value(node: yaml.Node, path: KeyPath, lines: dict[KeyPath, int], problems: list[Problem]) -> Json:
    lines.setdefault(path, _line(node.start_mark))
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, lines, problems)
    if isinstance(node, yaml.SequenceNode):
        return [_value(child, (*path, index), lines, problems) for index, child in enumerate(node.value)]
    return _scalar(node, path, problems)


def _mapping(
    node: yaml.MappingNode, path: KeyPath, lines: dict[KeyPath, int], problems: list[Problem]
) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for key_node, value_node in node.value:
        key = key_node.value if isinstance(key_node, yaml.ScalarNode) else "?"
        here = (*path, key)
        if key in found:
            first = lines[here]
            lines[here] = _line(key_node.start_mark)
            problems.append(Problem(here, f"the key {key!r} is there twice, first on line {first}"))
            continue
        lines[here] = _line(key_node.start_mark)
        found[key] = _value(value_node, here, lines, problems)
    return found


def _scalar(node: yaml.Node, path: KeyPath, problems: list[Problem]) -> Json:
    kind = node.tag.removeprefix("tag:yaml.org,2002:")
    if kind not in {"str", "int", "float", "bool", "null"}:
        problems.append(Problem(path, f"{node.value!r} is read as a {kind}: put it in quotes"))
        return str(node.value)
    try:
        value = yaml.SafeLoader("").construct_object(node)
    except ValueError:
        problems.append(Problem(path, f"{node.value!r} is not a number"))
        return None
    if isinstance(value, float) and not math.isfinite(value):
        problems.append(Problem(path, "must be a finite number"))
        return None
    return value
