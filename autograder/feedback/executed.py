"""The executed notebook as a page beside the feedback, so that a cell can be pointed at."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from autograder.feedback import inert
from autograder.feedback.page import page
from autograder.messages import exposed, visible
from autograder.records import Cell, CellKind, CellRun, Output, Report, Rubric
from autograder.store import Store

CELLS: Final = 2_000
OUTPUTS: Final = 200
"""Per cell; a progress bar that was displayed anew each step is not worth more."""
IMAGE_BYTES: Final = 24 * 2**20
"""Of all figures of the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Output:
    text: str = ""
    error: bool = False
    table: Markup | None = None
    image: str = ""
    """Base64 of a PNG that was re-encoded by us."""
    figure: int = 0
    width: int = 0
    height: int = 0
    left_out: bool = False
    undrawn: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    number: int
    kind: str
    source: str
    beyond: int
    """Characters of the source that were not read."""
    prose: Markup | None
    """Of a text cell that can be shown as Markdown."""
    run: CellRun | None
    outputs: tuple[_Output, ...]
    outputs_left_out: int

    @property
    def error_shown(self) -> bool:
        return any(output.error for output in self.outputs)


@dataclass(slots=True)
class _Album:
    """Figures taken from the store until the page is large enough."""

    store: Store
    left: int
    """Bytes."""
    figures: int = 0

    def add(self, output: Output) -> _Output:
        if output.image is None:
            return _Output(left_out=True)
        self.figures += 1
        content = self.store.get(output.image)
        if len(content) > self.left:
            return _Output(left_out=True)
        self.left -= len(content)
        encoded = b64encode(content).decode()
        return _Output(image=encoded, figure=self.figures, width=output.width, height=output.height)


def executed(report: Report, rubric: Rubric, language: str, store: Store, *, image_bytes: int = IMAGE_BYTES) -> str:
    """One self-contained page with an anchor ``#cell-<n>`` per cell, counted from 1 as handed in.

    Raises StoreError when a figure is missing from the store, ValueError for a report without evidence.
    """
    evidence = report.evidence
    if evidence is None:
        raise ValueError(f"{report.submission.student}: nothing was run")
    album = _Album(store, image_bytes)
    runs = {run.index: run for run in evidence.execution.cells}
    effort = inert.Effort()
    return page(
        "executed.html",
        language,
        rubric=rubric,
        name=visible(report.submission.name),
        ending=evidence.execution.ending,
        cells=[_cell(cell, runs.get(cell.index), album, effort) for cell in evidence.cells[:CELLS]],
        cells_left_out=max(0, len(evidence.cells) - CELLS),
    )


def _cell(cell: Cell, run: CellRun | None, album: _Album, effort: inert.Effort) -> _Cell:
    return _Cell(
        number=cell.index + 1,
        kind=cell.kind.value,
        source=exposed(cell.source) if cell.kind is CellKind.CODE else cell.source,
        beyond=cell.beyond,
        prose=inert.markdown(cell.source, effort) if cell.kind is CellKind.MARKDOWN else None,
        run=run,
        outputs=tuple(_output(output, album) for output in cell.outputs[:OUTPUTS]),
        outputs_left_out=max(0, len(cell.outputs) - OUTPUTS),
    )


def _output(output: Output, album: _Album) -> _Output:
    """The best inert form: figure, else table, else text."""
    if output.image is not None:
        return album.add(output)
    table = inert.table(output.html) if output.html else None
    text = inert.settled(output.text)
    return _Output(text=text, error=output.kind == "error", table=table, undrawn=output.undrawn)
