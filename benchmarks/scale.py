"""What a very large class would cost this machine: bytes that travel, time of our own, rows, files and tasks.

The results of a former run are played back as the replies of workers, so that no notebook is executed: what is measured
is what the host does with each of them. Another part starts a scheduler and one worker on loopback.

    python benchmarks/scale.py STATE [--repeats 5] [--rows 100000]

STATE is the state folder of an ``autograder run`` of this very version on the data set digits; it is only read.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from autograder import feedback, intake, reference
from autograder.adapters import adapter
from autograder.cli.options import load_rubric, open_course
from autograder.cluster import Session, fitness
from autograder.cluster.bundle import pack, picked, unpack
from autograder.cluster.crew import Crew
from autograder.cluster.line import Line
from autograder.cluster.orders import Answer, Order, Reply
from autograder.cluster.session import Nowhere
from autograder.course import Course
from autograder.gradebook import Gradebook
from autograder.pipeline import evidence_of, grade_class
from autograder.recall import Memory, memos
from autograder.records import Digest, Report, StudentId, Submission
from autograder.settings import settings
from autograder.store import Store, notice

ROOT = Path(__file__).resolve().parent.parent
RUBRIC = "mnist-individuel"
MB = 1e6


def clock() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def since(start: tuple[float, float]) -> tuple[float, float]:
    return time.perf_counter() - start[0], time.process_time() - start[1]


# --- what was recorded -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Recorded:
    """A submission, and the reply of a worker that would have executed it."""

    submission: Submission
    reply: bytes


def recorded(state: Path) -> tuple[Course, list[Recorded]]:
    """Of every student of that run whose results are all there."""
    places = settings(ROOT, state)
    chosen = load_rubric(RUBRIC, places)
    course = open_course(chosen, data="digits", places=places, sandbox=Nowhere("bubblewrap"))
    course = replace(course, baseline=reference.measure(course, places, chosen.reference_seeds))
    found = []
    for entry in Gradebook(state / "grades.sqlite").entries(RUBRIC):
        if entry.submission.notebook is None:
            continue
        memory = Memory(course.store, force=False)
        evidence_of(entry.submission, replace(course, memory=memory))
        found.append(Recorded(entry.submission, reply_of(entry.submission, memory, course)))
    return course, found


def reply_of(submission: Submission, memory: Memory, course: Course) -> bytes:
    answers = tuple(Answer(key=key, names=names) for key, names in memory.answers())
    names = {name for answer in answers for name in answer.names} | set(measured(submission, course.store))
    known = course.baseline
    shared = set() if known is None else {known.mean_errors, *known.predictions, *known.altered, *known.public}
    shared |= set() if known is None else set(known.nudged)
    brought = {submission.notebook, *submission.files.values()}
    return pack(
        adapter(Reply).dump_json(Reply(ending="done", answers=answers)), picked(names - shared - brought, course.store)
    )


def measured(submission: Submission, store: Store) -> Iterator[Digest]:
    """What the memory holds of the measurements of its models."""
    for memo in memos(store.trace(f"{RUBRIC}/{submission.student}") or b"") or ():
        yield from notice(store.root / "memo" / memo[:2] / memo[2:]) or ()


class Playback(Line):
    """A scheduler whose one worker knows every reply beforehand."""

    def __init__(self, known: Mapping[Digest | None, bytes]) -> None:
        self.known = known
        self.sent: list[int] = []

    def present(self) -> Mapping[str, Any]:
        return {"playback": {"nthreads": 1, "resources": {}}}

    def carry_out(self, content: bytes, **_: Any) -> bytes:  # noqa: ANN401
        self.sent.append(len(content))
        order = adapter(Order).validate_json(unpack(content).head)
        return self.known[order.errand.submission.notebook]


# --- the host --------------------------------------------------------------------------------------------------------


def host(course: Course, class_: Sequence[Recorded], repeats: int) -> list[dict[str, float]]:
    """Each submission in an empty state folder, several times."""
    figures = []
    for _ in range(repeats):
        for one in class_:
            with tempfile.TemporaryDirectory() as folder:
                figures.append(graded(course, one, Path(folder)))
    return figures


def graded(course: Course, one: Recorded, folder: Path) -> dict[str, float]:
    store = Store(folder / "state")
    shutil.copytree(course.store.root / "blobs", store.root / "blobs", copy_function=os.link)
    for name in {name for name in unpack(one.reply).blobs}:
        store.path(name).unlink(missing_ok=True)
    (store.root / "secret").write_bytes(course.store.secret())
    line = Playback({one.submission.notebook: one.reply})
    crew = Crew(line, fitness.terms("bubblewrap"), print)
    session = Session(line, crew, fitness.terms("bubblewrap"), Store(folder / "shared"), {})
    own = replace(course, store=store, afar=session)
    session._parts(own)  # the data of the course are packed once for a class
    before = sum(1 for path in store.root.rglob("*") if path.is_file())
    start = clock()
    [result] = grade_class([one.submission], own)
    grading = since(start)
    assert result.fault is None, result.fault
    start = clock()
    feedback.write(result.report, folder / "feedback", own.rubric, "fr", store)
    sheet = since(start)
    files = [path for path in (folder / "feedback").rglob("*") if path.is_file()]
    return {
        "order, bytes": line.sent[-1],
        "reply, bytes": len(one.reply),
        "grading, ms": grading[0] * 1e3,
        "grading, CPU ms": grading[1] * 1e3,
        "sheet, ms": sheet[0] * 1e3,
        "sheet, CPU ms": sheet[1] * 1e3,
        "files in the store": sum(1 for path in store.root.rglob("*") if path.is_file()) - before,
        "bytes of the sheet": sum(path.stat().st_size for path in files),
        "files of the sheet": len(files),
    }


def reading() -> float:
    """Milliseconds to take in one of the sample submissions."""
    with tempfile.TemporaryDirectory() as folder:
        start = clock()
        found = intake.collect([ROOT / "submissions"], Store(Path(folder)), roster=None, assignment=RUBRIC)
        return since(start)[0] / len(found) * 1e3


# --- the gradebook ---------------------------------------------------------------------------------------------------


def rows(report: Report, wanted: int) -> dict[str, float]:
    """Gradings per second in an empty file, and in one that has many already."""
    with tempfile.TemporaryDirectory() as folder:
        book = Gradebook(Path(folder) / "grades.sqlite")
        empty = speed(book, report, "a")
        each = book.path.stat().st_size / 300
        fill(book, wanted)
        full = speed(book, report, "b")
        start = clock()
        entries = len(book.entries(report.grade.rubric))
        wall, cpu = since(start)
        return {
            "rows a second, in an empty file": empty[0],
            "CPU ms a row": empty[1],
            f"rows a second, beside {wanted:,} others": full[0],
            f"CPU ms a row, beside {wanted:,} others": full[1],
            "bytes a row": each,
            f"seconds to read {entries:,} grades": wall,
            f"CPU seconds to read {entries:,} grades": cpu,
        }


def speed(book: Gradebook, report: Report, prefix: str) -> tuple[float, float]:
    """Rows a second, and CPU milliseconds a row."""
    start = clock()
    for number in range(300):
        student = StudentId(f"{prefix}{number}")
        book.record(replace(report, grade=replace(report.grade, student=student)))
    wall, cpu = since(start)
    return 300 / wall, cpu / 300 * 1e3


def fill(book: Gradebook, wanted: int) -> None:
    import sqlite3

    with sqlite3.connect(book.path) as connection:
        columns = "at, rubric, state, total, possible, digest, grade, submission, versions"
        connection.execute(
            f"with recursive n(i) as (select 1 union all select i + 1 from n where i < {wanted}) "
            f"insert into grades (student, {columns}) select 'filled-' || i, {columns} from n, "
            "(select * from grades limit 1)"
        )
    connection.close()


# --- the scheduler ---------------------------------------------------------------------------------------------------


def tasks(reply_bytes: int) -> dict[str, float]:
    """Orders per second through a scheduler on loopback, with as little work as can be, and bytes per second back."""
    with a_cluster() as address:
        line = Line(address)
        [worker] = line.present()
        try:
            start = clock()
            with ThreadPoolExecutor(32) as pool:
                list(pool.map(lambda _: line.lacks((), worker, lambda: False), range(1000)))
            wall, cpu = since(start)
            start = clock()
            for _ in range(20):
                line._client.submit(bytes, reply_bytes, pure=False).result()
            carried = 20 * reply_bytes / since(start)[0] / MB
        finally:
            line.close()
    return {"orders a second": 1000 / wall, "CPU ms of the host, each": cpu, "MB a second back": carried}


@contextmanager
def a_cluster() -> Iterator[str]:
    started = []
    with tempfile.TemporaryDirectory() as folder:

        def start(name: str, *arguments: str) -> Path:
            log = Path(folder, f"{name}.log")
            command = [sys.executable, "-m", f"distributed.cli.{name}", *arguments, "--no-dashboard"]
            with log.open("wb") as file:
                started.append(subprocess.Popen(command, cwd=folder, stdout=file, stderr=file))
            return log

        log = start("dask_scheduler", "--host", "127.0.0.1", "--port", "0")
        address = until(lambda: re.search(r"Scheduler at:\s+(\S+)", log.read_text()))[1]
        start("dask_worker", address, "--nthreads", "1", "--no-nanny", "--local-directory", folder)
        until(lambda: "Register worker" in log.read_text() or None)
        try:
            yield address
        finally:
            for process in reversed(started):
                process.terminate()
                process.wait(20)


def until(look: Callable[[], Any]) -> Any:  # noqa: ANN401
    while (found := look()) is None:
        time.sleep(0.1)
    return found


# --- the table -------------------------------------------------------------------------------------------------------


def told(figures: Sequence[Mapping[str, float]]) -> Iterator[str]:
    for name in figures[0]:
        values = sorted(one[name] for one in figures)
        yield f"| {name} | {number(statistics.median(values))} | {number(values[0])} to {number(values[-1])} |"


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("state", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--rows", type=int, default=100_000)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        shutil.copytree(chosen.state, state)
        course, class_ = recorded(state)
        load = f"load {os.getloadavg()[0]:.1f}"
        print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {load}")
        print(f"{len(class_)} submissions, each {chosen.repeats} times")
        print("\n| of one submission | median | range |\n|---|---|---|")
        figures = host(course, class_, chosen.repeats)
        print("\n".join(told(figures)))
        here = replace(course, afar=None)
        [result] = grade_class([class_[0].submission], here)
        print(f"| reading it in, ms | {number(reading())} | |")
        print("\n| gradebook | |\n|---|---|")
        for name, value in rows(result.report, chosen.rows).items():
            print(f"| {name} | {number(value)} |")
        print("\n| scheduler on loopback | |\n|---|---|")
        for name, value in tasks(int(statistics.median(one["reply, bytes"] for one in figures))).items():
            print(f"| {name} | {number(value)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
