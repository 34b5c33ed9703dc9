"""A run of code cells alone, laid over a notebook that has these cells among others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from autograder.execution.job import Event
from autograder.execution.notebook import Document, executed, parse, results
from autograder.records import CellRun, Execution, Message
from autograder.store import Store


def placed(execution: Execution, notebook: bytes, store: Store) -> Execution:
    """The execution of these code cells as that of the whole notebook: positions, sentences and the executed notebook.

    Raises ValueError when the notebook has other code cells than were run.
    """
    document = parse(notebook)
    outputs, parameters = results(store.get(execution.notebook)) if execution.notebook else ([], "")
    if len(execution.cells) != len(document.code) or len(outputs) > len(document.code):
        raise ValueError("an execution of another notebook")
    return replace(
        execution,
        cells=among(execution.cells, document),
        reason=execution.reason and _told(execution.reason, document.code),
        notes=tuple(_told(note, document.code) for note in execution.notes),
        notebook=store.put(executed(document, dict(zip(document.code, outputs, strict=False)), parameters)),
    )


def among(cells: Sequence[CellRun], document: Document) -> tuple[CellRun, ...]:
    """Runs of code cells counted by themselves, with the positions that these have in the notebook."""
    return tuple(replace(run, index=document.code[run.index]) for run in cells)


def shown(event: Event, document: Document) -> Event:
    """An event of the run of the code cells, as people see it who have the whole notebook before them."""
    cell = document.code[event.cell - 1] + 1 if event.cell else 0
    return replace(event, cell=cell, cells=len(document.cells))


def _told(message: Message, code: Sequence[int]) -> Message:
    """Every sentence of a run calls the cell that it is about ``cell``, counted from 1."""
    cell = message.values.get("cell")
    if not isinstance(cell, int):
        return message
    return replace(message, values={**message.values, "cell": code[cell - 1] + 1})
