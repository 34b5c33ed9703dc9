"""The notebook as handed in: what of it is run, and how it looks with the outputs of our run."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autograder.records import Json

PARAMETERS_TAG = "parameters"
INJECTED_TAG = "injected-parameters"


@dataclass(frozen=True, slots=True)
class Outputs:
    """What our run gave for one cell."""

    outputs: Sequence[Json] = ()
    execution_count: int | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """Parsed nbformat 4 JSON; ``cells`` are dicts, in the order handed in."""

    raw: Mapping[str, Json]
    cells: Sequence[Mapping[str, Json]]

    def orders(self) -> list[dict[str, Json]]:
        """Kind and source of each cell: all that enters the room."""
        return [
            {"kind": cell.get("cell_type"), "source": source(cell), "parameters": _tagged(cell, PARAMETERS_TAG)}
            for cell in self.cells
        ]

    @property
    def code(self) -> list[int]:
        """Indices of the code cells."""
        return [index for index, cell in enumerate(self.cells) if cell.get("cell_type") == "code"]


def parse(content: bytes) -> Document:
    """Raises ValueError for what is no nbformat-4 notebook: intake lets none through."""
    raw = json.loads(content)
    cells = raw.get("cells") if isinstance(raw, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise ValueError("not an nbformat 4 notebook")
    return Document(raw, cells)


def source(cell: Mapping[str, Json]) -> str:
    found = cell.get("source", "")
    return "".join(map(str, found)) if isinstance(found, list) else str(found)


def executed(document: Document, results: Mapping[int, Outputs], parameters: str) -> bytes:
    """The notebook with our outputs instead of those stored in it, and the injected cell where papermill puts it."""
    cells = [_filled(cell, results.get(index)) for index, cell in enumerate(document.cells)]
    tagged = [index for index, cell in enumerate(document.cells) if _tagged(cell, PARAMETERS_TAG)]
    if parameters:
        cells.insert(tagged[0] + 1 if tagged else 0, _injected(parameters, document.raw))
    metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"},
    }
    raw = {**document.raw, "cells": cells, "metadata": metadata}
    return json.dumps(raw, ensure_ascii=False, indent=1).encode("utf-8", "replace")


def _filled(cell: Mapping[str, Json], result: Outputs | None) -> dict[str, Any]:
    filled = copy.deepcopy(dict(cell))
    if filled.get("cell_type") == "code":
        known = result or Outputs()
        filled |= {"outputs": list(known.outputs), "execution_count": known.execution_count}
    return filled


def _injected(text: str, raw: Mapping[str, Json]) -> dict[str, Any]:
    cell: dict[str, Any] = {
        "cell_type": "code",
        "metadata": {"tags": [INJECTED_TAG]},
        "source": text,
        "outputs": [],
        "execution_count": None,
    }
    if raw.get("nbformat_minor", 0) >= 5:
        cell["id"] = "autograder-parameters"
    return cell


def _tagged(cell: Mapping[str, Json], tag: str) -> bool:
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    return isinstance(tags, list) and tag in tags
