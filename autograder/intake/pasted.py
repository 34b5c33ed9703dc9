"""A notebook's file pasted as text into a code cell: its cells take that cell's place. Parsed, never evaluated."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from autograder.intake.cells import finite, mapping, text_of
from autograder.records import Json, Message, say

_BEGINS = re.compile(r'(?:\s*#[^\n]*\n)*\s*(\{\s*"(?:cells|metadata|nbformat|nbformat_minor|worksheets)"\s*:)')
_CELLS = re.compile(r'"cells"\s*:\s*\[')
_DECODER = json.JSONDecoder(parse_constant=lambda _: None, parse_float=finite)


@dataclass(frozen=True, slots=True)
class Pasted:
    """The notebook that a text holds."""

    cells: list[Json]
    whole: bool
    """False where the text ends within the notebook."""


def unpacked(found: list[Json], notes: list[Message], most: int) -> list[Json]:
    """The cells with pasted notebooks opened, one level deep; as they are where that would be more than ``most``."""
    opened: list[tuple[int, Pasted]] = []
    cells: list[Json] = []
    for number, raw in enumerate(found, start=1):
        pasted = _pasted(mapping(raw))
        if pasted is None:
            cells.append(raw)
        else:
            cells += pasted.cells
            opened.append((number, pasted))
    if not opened or len(cells) > most:
        return found
    notes += [_said(number, pasted) for number, pasted in opened]
    return cells


def _said(number: int, pasted: Pasted) -> Message:
    if pasted.whole:
        return say(
            "Cell {cell:int} held a whole notebook as text; its {cells:int} cells were run in its place.",
            cell=number,
            cells=len(pasted.cells),
        )
    return say(
        "Cell {cell:int} held a notebook as text that breaks off; its {cells:int} whole cells were run in its place.",
        cell=number,
        cells=len(pasted.cells),
    )


def _pasted(cell: Mapping[str, Json]) -> Pasted | None:
    source = text_of(cell.get("source")) if cell.get("cell_type") == "code" else None
    begins = _BEGINS.match(source or "")
    if source is None or begins is None:
        return None
    text = source[begins.start(1) :]
    pasted = _complete(text) or _broken(text)
    if pasted is None or not any(_is_cell(one) for one in pasted.cells):
        return None
    return pasted


def _is_cell(value: Json) -> bool:
    return isinstance(mapping(value).get("cell_type"), str)


def _complete(text: str) -> Pasted | None:
    """A notebook's object, whatever follows it."""
    try:
        value, _ = _DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        return None
    cells = mapping(value).get("cells")
    return Pasted(cells, whole=True) if isinstance(cells, list) else None


def _broken(text: str) -> Pasted | None:
    """The cells up to where the text stops being JSON."""
    begins = _CELLS.search(text)
    if begins is None:
        return None
    cells: list[Json] = []
    place = begins.end()
    while True:
        between = re.compile(r"[\s,]*").match(text, place)
        place = between.end() if between else place
        try:
            value, place = _DECODER.raw_decode(text, place)
        except (ValueError, RecursionError):
            return Pasted(cells, whole=False) if cells else None
        if not _is_cell(value):
            return Pasted(cells, whole=False) if cells else None
        cells.append(value)
