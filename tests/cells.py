"""Small cells and evidence for the tests of what reads a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograder.records import Cell, CellKind, Digest, Ending, Evidence, Execution, Ledger, Output, StudentId

PICTURE = Digest("sha256:" + "0" * 64)


def printed(text: str) -> Output:
    return Output(kind="stream", stream="stdout", text=text)


def picture() -> Output:
    return Output(kind="display", image=PICTURE, width=640, height=480)


def shown(html: str) -> Output:
    return Output(kind="result", html=html)


def markdown(source: str) -> Cell:
    return Cell(index=0, kind=CellKind.MARKDOWN, source=source)


def code(source: str, *outputs: Output) -> Cell:
    return Cell(index=0, kind=CellKind.CODE, source=source, outputs=outputs)


def notebook(*cells: Cell) -> tuple[Cell, ...]:
    """Number the cells as they stand."""
    return tuple(
        Cell(index=index, kind=cell.kind, source=cell.source, outputs=cell.outputs) for index, cell in enumerate(cells)
    )


def evidence(*cells: Cell, template: Sequence[str] = (), **facts: object) -> Evidence:
    """Evidence of a run that completed; ``facts`` are fields of ``Evidence``."""
    known: dict[str, Any] = {
        "student": StudentId("ada"),
        "cells": notebook(*cells),
        "template_cells": tuple(template),
        "execution": Execution(ending=Ending.COMPLETED),
        "ledger": Ledger(),
    }
    return Evidence(**(known | facts))
