"""The notebook as handed in: what of it is run, and how it looks with the outputs of our run."""

from __future__ import annotations

import copy
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autograder.records import Json
from autograder.wellknown import named

PARAMETERS_TAG = "parameters"
INJECTED_TAG = "injected-parameters"
_FILES = re.compile(r"\.csv|ubyte|idx[13]|_batch|batches\.meta", re.IGNORECASE)
"""In names of published files that more than one set of images has."""


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
        """The code cells, in order: what other cells say never enters the room, and can change nothing there."""
        return [
            {"kind": "code", "source": source(self.cells[index]), "parameters": index == self.parameters}
            for index in self.code
        ]

    @property
    def code(self) -> list[int]:
        """Indices of the code cells."""
        return [index for index, cell in enumerate(self.cells) if cell.get("cell_type") == "code"]

    @property
    def parameters(self) -> int | None:
        """Index of the code cell below which parameters are injected; None: they come first of all."""
        return next((index for index in self.code if _tagged(self.cells[index], PARAMETERS_TAG)), None)

    @property
    def spoken(self) -> str:
        """The set of images that the text speaks of most, where what a file holds may depend on it; else empty.

        The code decides alone where it names a set, or opens no file whose name says only that it holds images.
        """
        code = [source(self.cells[index]) for index in self.code]
        if any(map(named, code)) or not any(map(_FILES.search, code)):
            return ""
        inside = set(self.code)
        text = "\n".join(source(cell) for index, cell in enumerate(self.cells) if index not in inside)
        counts = Counter(named(text))
        return max(counts, key=lambda name: (counts[name], name), default="")

    def bare(self) -> Document:
        """The code cells alone, with nothing of how and where they stand."""
        cells = [
            {
                "cell_type": "code",
                "metadata": {"tags": [PARAMETERS_TAG] if index == self.parameters else []},
                "source": source(self.cells[index]),
            }
            for index in self.code
        ]
        return Document({"nbformat": 4, "nbformat_minor": 4}, cells)


@dataclass(frozen=True, slots=True)
class Code:
    """All of a notebook that a run of it depends on."""

    cells: Sequence[Mapping[str, Json]]
    """``Document.orders``."""
    spoken: str
    """``Document.spoken``."""


def code(content: bytes) -> Code:
    """Raises ValueError for what is no nbformat-4 notebook."""
    document = parse(content)
    return Code(document.orders(), document.spoken)


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
    if parameters:
        place = document.parameters
        cells.insert(0 if place is None else place + 1, _injected(parameters, document.raw))
    metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"},
    }
    raw = {**document.raw, "cells": cells, "metadata": metadata}
    return json.dumps(raw, ensure_ascii=False, indent=1).encode("utf-8", "replace")


def results(content: bytes) -> tuple[list[Outputs], str]:
    """What ``executed`` was given, read from a notebook of bare code cells: the outputs of each, and the parameters."""
    found, parameters = [], ""
    for cell in parse(content).cells:
        if _tagged(cell, INJECTED_TAG):
            parameters = source(cell)
        else:
            found.append(Outputs(cell["outputs"], cell["execution_count"]))
    return found, parameters


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
