"""Where feedback is written: ``<out>/<rubric>/<student>/`` and ``<out>/<rubric>/summary.html``."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter

from autograder.changes import Change
from autograder.errors import OutputError, StoreError
from autograder.exports import gradescope, record
from autograder.feedback import handed
from autograder.feedback.brief import Brief
from autograder.feedback.drawings import drawings
from autograder.feedback.executed import executed
from autograder.feedback.sheet import sheet
from autograder.feedback.summary import summary
from autograder.program import code_digest, data_digest
from autograder.recall import Key, key
from autograder.records import Evidence, Grade, Report, Rubric
from autograder.store import Store, digest, holds, output_error, write_atomically

_REPORT = TypeAdapter(Report)
_EVIDENCE = TypeAdapter(Evidence)
_PAGES = ("executed.html", "executed.ipynb", "feedback.html", "grade.json", "results.json")
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

    Where nothing was run there is no executed notebook, and one of an earlier run is removed. What lies there and would
    say the same stays, with its date. Raises OutputError.
    """
    folder = out / _checked(rubric.id) / _checked(report.grade.student)
    asked = _key(report, rubric, language)
    if _lies_there(folder, asked, store):
        return folder
    for name, content in _pages(report, rubric, language, store).items():
        with _faults(folder / name):
            if content is None:
                (folder / name).unlink(missing_ok=True)
            elif not holds(folder / name, content):
                write_atomically(folder / name, content, lasting=False)
    store.remember(str(asked), store.put(_manifest(folder), lasting=False), lasting=False)
    return folder


def _lies_there(folder: Path, asked: Key, store: Store) -> bool:
    written = store.recall(str(asked))
    try:
        return written is not None and store.get(written) == _manifest(folder)
    except StoreError:  # damaged, and out of the way by now
        return False


def _pages(report: Report, rubric: Rubric, language: str, store: Store) -> Mapping[str, bytes | None]:
    evidence = report.evidence
    drawn = None if evidence is None else drawings(evidence, language, store)
    pages: dict[str, bytes | None] = {
        "executed.html": None,
        "executed.ipynb": None,
        "grade.json": record.text(record.grade(report, language)).encode(),
        "results.json": record.text(gradescope.results(report, language)).encode(),
        "feedback.html": sheet(report, rubric, language, drawn).encode(),
    }
    if evidence is not None:
        pages["executed.html"] = executed(report, rubric, language, store).encode()
        notebook = evidence.execution.notebook or report.submission.notebook
        pages["executed.ipynb"] = None if notebook is None else handed.notebook(store.get(notebook), language)
    return pages


def _key(report: Report, rubric: Rubric, language: str) -> Key:
    """All that the files depend on but the moment at which they are written."""
    bare = replace(report, evidence=None, graded_at=None, grounds={})
    return key(
        "sheet",
        # Through json, not pydantic's own writer: a name may hold what no UTF-8 can.
        report=_REPORT.dump_python(bare, mode="json"),
        evidence=None if report.evidence is None else digest(_EVIDENCE.dump_json(report.evidence)),
        rubric=rubric.digest,
        language=language,
        program=[
            code_digest("feedback", "exports", "notebook", "messages.py", "unseen.py"),
            data_digest("feedback", "locale"),
        ],
    )


def _manifest(folder: Path) -> bytes:
    """Digests of those of our files that lie there."""
    there = [folder / name for name in _PAGES if (folder / name).is_file()]
    return json.dumps({path.name: digest(path.read_bytes()) for path in there}).encode()


def write_summary(
    briefs: Sequence[Brief],
    missing: Sequence[Grade],
    out: Path,
    rubric: Rubric,
    language: str,
    *,
    changes: Sequence[Change] = (),
) -> Path:
    """Write ``summary.html`` and return its folder; raises OutputError."""
    folder = out / _checked(rubric.id)
    with _faults(folder / "summary.html"):
        content = summary(briefs, rubric=rubric, language=language, missing=missing, changes=changes)
        write_atomically(folder / "summary.html", content.encode(), lasting=False)
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
