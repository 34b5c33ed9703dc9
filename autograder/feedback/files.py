"""Where feedback is written: ``<out>/<rubric>/<student>/`` and ``<out>/<rubric>/summary.html``."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


from autograder.adapters import T, adapter
from autograder.changes import Change
from autograder.errors import OutputError, StoreError, output_error
from autograder.exports import gradescope, record
from autograder.feedback import handed
from autograder.feedback.brief import Brief
from autograder.feedback.drawings import drawings
from autograder.feedback.executed import executed
from autograder.feedback.sheet import sheet
from autograder.feedback.summary import summary
from autograder.program import code_digest, data_digest
from autograder.recall import Key, key
from autograder.records import Evidence, Grade, Json, Report, Rubric, Submission
from autograder.sandbox.job import runs
from autograder.store import WRITING, Store, digest, holds, write_atomically

_OF_THE_RUN = ("executed.html", "executed.ipynb")
_OF_THE_GRADE = ("feedback.html", "grade.json", "results.json")
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
    with _faults(folder):
        _tidy(folder)
    keys = _keys(report, rubric, language)
    made = _pages(report, rubric, language, store)
    for names, asked in keys.items():
        if _lies_there(folder, names, asked, store):
            continue
        for name in names:
            _put(folder / name, made[name]())
        store.remember(str(asked), store.put(_manifest(folder, names), lasting=False), lasting=False)
    return folder


def _tidy(folder: Path) -> None:
    """Remove what a process that is gone had begun to write there."""
    for path in folder.glob(f"{WRITING}*"):
        number = path.name.removeprefix(WRITING).partition("-")[0]
        if number.isdecimal() and not runs(int(number)):
            path.unlink(missing_ok=True)


def _put(path: Path, content: bytes | None) -> None:
    with _faults(path):
        if content is None:
            path.unlink(missing_ok=True)
        elif not holds(path, content):
            write_atomically(path, content, lasting=False)


def _lies_there(folder: Path, names: Sequence[str], asked: Key, store: Store) -> bool:
    written = store.recall(str(asked))
    try:
        return written is not None and store.get(written) == _manifest(folder, names)
    except StoreError:  # damaged, and out of the way by now
        return False


def _pages(
    report: Report, rubric: Rubric, language: str, store: Store
) -> Mapping[str, Callable[[], bytes | None]]:
    """What makes each file; None where there is to be none."""
    evidence = report.evidence

    def graded() -> bytes:
        drawn = None if evidence is None else drawings(evidence, language, store)
        return sheet(report, rubric, language, drawn).encode()

    def handed_out() -> bytes | None:
        notebook = None if evidence is None else evidence.execution.notebook or report.submission.notebook
        return None if notebook is None else handed.notebook(store.get(notebook), language)

    return {
        "executed.html": lambda: None if evidence is None else executed(report, rubric, language, store).encode(),
        "executed.ipynb": handed_out,
        "feedback.html": graded,
        "grade.json": lambda: record.text(record.grade(report, language)).encode(),
        "results.json": lambda: record.text(gradescope.results(report, language)).encode(),
    }


def _keys(report: Report, rubric: Rubric, language: str) -> Mapping[tuple[str, ...], Key]:
    """Files -> all that they depend on but the moment at which they are written; the run's own know no points."""
    evidence = None if report.evidence is None else digest(adapter(Evidence).dump_json(report.evidence))
    common = {
        "submission": _json(Submission, report.submission),
        "evidence": evidence,
        "language": language,
        "program": [
            code_digest("feedback", "exports", "notebook", "messages.py", "unseen.py"),
            data_digest("feedback", "locale"),
        ],
    }
    return {
        _OF_THE_RUN: key("run", title=dict(rubric.title), **common),
        _OF_THE_GRADE: key(
            "sheet", grade=_json(Grade, report.grade), versions=dict(report.versions), rubric=rubric.digest, **common
        ),
    }


def _json(kind: type[T], value: T) -> Json:
    # Through json, not pydantic's own writer: a name may hold what no UTF-8 can.
    return adapter(kind).dump_python(value, mode="json")


def _manifest(folder: Path, names: Sequence[str]) -> bytes:
    """Digests of those of these files that lie there."""
    there = [folder / name for name in names if (folder / name).is_file()]
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
        _tidy(folder)
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
