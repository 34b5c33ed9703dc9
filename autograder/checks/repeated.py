"""Outputs that only repeat what stands in the code: ``print('0 -> 1')`` shows nothing that was worked out.

A heuristic: whoever puts a number together from parts is not seen through here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from autograder.notebook.source import pieces
from autograder.records import Cell, Output

_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")
_TAG = re.compile(r"<[^<>]*>")
MAX_CHARACTERS = 200_000
"""Of an output, or of all that stands in quotes; more is hardly written by hand."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a notebook's code holds ready: lines of texts in quotes, and the numbers of these and of lists."""

    lines: frozenset[str]
    numbers: frozenset[str]


def written(cells: Iterable[Cell]) -> Written:
    found = [node for piece in pieces(cells) for node in ast.walk(piece.node)]
    quoted = "\n".join(_texts(found))[:MAX_CHARACTERS]
    listed = " ".join(_numbers(found))[:MAX_CHARACTERS]
    lines = frozenset(line.strip() for line in quoted.splitlines())
    return Written(lines, frozenset(_NUMBER.findall(quoted)) | frozenset(_NUMBER.findall(listed)))


def works_out(outputs: Sequence[Output], source: str, known: Written) -> bool:
    """Whether a picture is among them, or a line with a number that stands neither in the cell nor in ``known``.

    A line without numbers counts unless it stands in quotes as it is.
    """
    if any(output.image for output in outputs):
        return True
    numbers = known.numbers | frozenset(_NUMBER.findall(source[:MAX_CHARACTERS]))
    lines = (line.strip() for output in outputs for line in _text(output).splitlines())
    return any(line and not _repeats(line, numbers, known.lines) for line in lines)


def _texts(nodes: Iterable[ast.AST]) -> Iterator[str]:
    return (node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))


def _numbers(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        held: list[ast.expr | None] = []
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            held = [*node.elts]
        elif isinstance(node, ast.Dict):
            held = [*node.keys, *node.values]
        yield from (
            str(item.value) for item in held if isinstance(item, ast.Constant) and isinstance(item.value, int | float)
        )


def _text(output: Output) -> str:
    return _TAG.sub(" ", output.html[:MAX_CHARACTERS]) if output.html else output.text[:MAX_CHARACTERS]


def _repeats(line: str, numbers: frozenset[str], lines: frozenset[str]) -> bool:
    found = _NUMBER.findall(line)
    return all(number in numbers for number in found) if found else line in lines
