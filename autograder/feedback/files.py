"""Where feedback is written: ``<out>/<rubric>/<student>/`` and ``<out>/<rubric>/summary.html``."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from autograder.errors import OutputError
from autograder.exports import gradescope, record
from autograder.feedback import handed
from autograder.feedback.executed import executed
from autograder.feedback.sheet import sheet
from autograder.feedback.summary import summary
from autograder.records import Grade, Report, Rubric
from autograder.store import Store, output_error, write_atomically

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def ensure_writable(out: Path) -> None:
    """Refuse before hours of work instead of after; raises OutputError."""
    with _faults(out):
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out) as file:
            file.write(b"\0" * 4096)
            file.flush()


def write(report: Report, out: Path, rubric: Rubric, language: str, store: Store) -> Path:
    """Write all that one student gets, each file atomically, and return its folder.

    Where nothing was run there is no executed notebook, and one of an earlier run is removed. Raises OutputError.
    """
    folder = out / _checked(rubric.id) / _checked(report.grade.student)
    pages: dict[str, bytes | None] = {
        "executed.html": None,
        "executed.ipynb": None,
        "grade.json": record.text(record.grade(report, language)).encode(),
        "results.json": record.text(gradescope.results(report, language)).encode(),
        "feedback.html": sheet(report, rubric, language).encode(),
    }
    if report.evidence is not None:
        pages["executed.html"] = executed(report, rubric, language, store).encode()
        notebook = report.evidence.execution.notebook or report.submission.notebook
        pages["executed.ipynb"] = None if notebook is None else handed.notebook(store.get(notebook))
    for name, content in pages.items():
        with _faults(folder / name):
            if content is None:
                (folder / name).unlink(missing_ok=True)
            else:
                write_atomically(folder / name, content)
    return folder


def write_summary(
    reports: Sequence[Report], missing: Sequence[Grade], out: Path, rubric: Rubric, language: str
) -> Path:
    """Write ``summary.html`` and return its folder; raises OutputError."""
    folder = out / _checked(rubric.id)
    with _faults(folder / "summary.html"):
        content = summary(reports, rubric=rubric, language=language, missing=missing)
        write_atomically(folder / "summary.html", content.encode())
    return folder


def _checked(name: str) -> str:
    """A name that stays below its folder; intake and rubric promise it, and this is the last place to see it broken."""
    if not _NAME.fullmatch(name):
        raise OutputError("not a safe name for a folder", place=ascii(name)[:80])
    return name


@contextmanager
def _faults(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise output_error(error, place) from error
