"""What it costs to grade a class again: nothing changed, other text, a changed rubric, another check.

Recorded executions are played back instead of being carried out, and room 2 answers at random, so that only our own
work is measured. Each step is a process of its own, as a teacher would start it.

    python benchmarks/regrade.py STATE [--students 30]

STATE is the state folder of any former ``autograder run`` on the data set digits; it is only read.
"""

from __future__ import annotations

import argparse
import importlib
import io
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
RUBRIC = "mnist-individuel"


# --- what was recorded -----------------------------------------------------------------------------------------------


class Recorded:
    """Executions of a state folder by the sources of their code cells."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.by_code: dict[str, dict[str, Any]] = {}
        for memo in sorted(state.glob("memo/*/*")):
            record = self.blob(memo.read_text().split("\n")[0])
            if record is None or not record.startswith((b'{"ending"', b'{"student"')):
                continue
            parsed = json.loads(record)
            execution = parsed.get("execution", parsed)
            if execution.get("notebook") and execution.get("ledger") and execution["ending"] in ("completed", "raised"):
                notebook = json.loads(self.blob(execution["notebook"]) or b'{"cells": []}')
                cells = [cell for cell in notebook["cells"] if "injected-parameters" not in tags(cell)]
                whole = "student" in parsed  # evidence, which an execution of the same cells does not replace
                if whole or code(cells) not in self.by_code:
                    self.by_code[code(cells)] = {"execution": execution, "cells": cells, "whole": whole}

    def blob(self, name: str) -> bytes | None:
        path = self.state / "blobs" / name[7:9] / name[9:].strip()
        return path.read_bytes() if path.is_file() else None


def tags(cell: dict[str, Any]) -> list[str]:
    return list(cell.get("metadata", {}).get("tags", []))


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def code(cells: list[dict[str, Any]]) -> str:
    """A last comment tells apart copies of one notebook; it is not looked at."""
    sources = [source(cell) for cell in cells if cell["cell_type"] == "code"]
    return re.sub(r"\n# copy \d+$", "", "\0".join(sources))


class Playback:
    """Both rooms, without either."""

    name = "bubblewrap"

    def __init__(self, recorded: Recorded) -> None:
        self.recorded = recorded

    def run(self, room: Any, on_frame: Callable[[Any], Any], cancelled: Callable[[], bool]) -> Any:  # noqa: ANN401
        from autograder.sandbox.room import Outcome

        frames = self.run_1(room) if room.program == "runner.py" else self.run_2(room)
        for head, body in frames:
            on_frame(importlib.import_module("autograder.frames").Frame(head, body))
        return Outcome(exit_code=0, seconds=1.0)

    def run_1(self, room: Any) -> Iterator[tuple[dict[str, Any], bytes]]:  # noqa: ANN401
        print("executed", file=sys.stderr)
        orders = json.loads(room.inputs["cells.json"])
        found = self.recorded.by_code[code([{**cell, "cell_type": cell["kind"]} for cell in orders])]
        execution = found["execution"]
        yield {"kind": "ready", "environment": execution["environment"]}, b""
        cells = [cell for cell in found["cells"] if cell["cell_type"] == "code"]
        for index, (cell, run) in enumerate(zip(cells, execution["cells"], strict=True)):
            head = {name: run[name] for name in ("state", "seconds", "execution_count", "error")}
            yield {"kind": "cell", "index": index, **head}, json.dumps(cell["outputs"]).encode()
        yield {"kind": "ledger"}, self.recorded.blob(execution["ledger"]) or b"{}"
        for name, artifact in execution["artifacts"].items():
            yield {"kind": "artifact", "name": name}, self.recorded.blob(artifact) or b""
        yield {"kind": "end", "ending": execution["ending"], "cell": None, "seconds": 1.0}, b""

    def run_2(self, room: Any) -> Iterator[tuple[dict[str, Any], bytes]]:  # noqa: ANN401
        job = json.loads(room.inputs["job.json"])
        sizes = {name: len(np.load(room.inputs[file], mmap_mode="r")) for name, file in job["sets"].items()}
        yield {"kind": "ready"}, b""
        for model in job["models"]:
            print("probed", file=sys.stderr)
            yield {"kind": "facts", "model": model["id"], "parameters": 1000, "ms_per_image": 0.1}, b""
            for name in model["sets"]:
                buffer = io.BytesIO()
                np.save(buffer, np.random.default_rng(1).dirichlet(np.ones(10), sizes[name]).astype(np.float32))
                yield {"kind": "predictions", "model": model["id"], "set": name}, buffer.getvalue()
        yield {"kind": "end"}, b""


# --- a class of it ---------------------------------------------------------------------------------------------------


def lay_out(recorded: Recorded, desk: Path, students: int) -> int:
    """Notebooks of that many students, copies where fewer were recorded; returns how many are different."""
    (desk / "class").mkdir(parents=True)
    shutil.copytree(ROOT / "rubrics", desk / "rubrics")
    own = [found for found in recorded.by_code.values() if found["whole"]]
    for number in range(students):
        cells = json.loads(json.dumps(own[number % len(own)]["cells"]))
        for cell in cells:
            if cell["cell_type"] == "code":
                cell |= {"outputs": [], "execution_count": None}
        if copy := number // len(own):
            last = [cell for cell in cells if cell["cell_type"] == "code"][-1]
            last["source"] = source(last) + f"\n# copy {copy}"
        write(desk / "class" / f"student-{number:02d}.ipynb", cells)
    return len(own)


def write(path: Path, cells: list[dict[str, Any]]) -> None:
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells}), "utf-8")


def other_text(desk: Path) -> None:
    for path in (desk / "class").glob("*.ipynb"):
        cells = json.loads(path.read_text("utf-8"))["cells"]
        write(path, [{"cell_type": "markdown", "metadata": {}, "source": "Une phrase de plus."}, *cells])


def other_threshold(desk: Path) -> None:
    path = desk / "rubrics" / f"{RUBRIC}.yaml"
    path.write_text(path.read_text("utf-8").replace("broken_share: 0.5", "broken_share: 0.4"), "utf-8")


def other_points(desk: Path) -> None:
    path = desk / "rubrics" / f"{RUBRIC}.yaml"
    path.write_text(path.read_text("utf-8").replace("late_share: 0.75", "late_share: 0.7"), "utf-8")


def sheets_gone(desk: Path) -> None:
    shutil.rmtree(desk / "feedback")


STEPS: dict[str, Callable[[Path], None]] = {
    "first run": lambda desk: None,
    "nothing changed": lambda desk: None,
    "changed threshold": other_threshold,
    "changed threshold again": other_points,
    "feedback deleted": sheets_gone,
    "other text": other_text,
    "nothing changed, again": lambda desk: None,
}


def grade(state: Path, desk: Path) -> int:
    """The child: ``autograder run`` with the playback in place of a sandbox."""
    from autograder.cli import main

    rooms = Playback(Recorded(state))
    start = time.monotonic(), time.process_time()
    importlib.import_module("autograder.cli.machines").find_sandbox = lambda *_, **__: rooms  # type: ignore[attr-defined]
    os.chdir(desk)
    status = main(["run", "class", "--rubric", RUBRIC, "--data", "digits", "--workers", "2", "--smoke", "off"])
    print(f"own {time.monotonic() - start[0]:.2f} {time.process_time() - start[1]:.2f}", file=sys.stderr)
    return status


def main_() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("state", type=Path)
    parser.add_argument("--students", type=int, default=30)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return grade(options.state, options.child)
    with tempfile.TemporaryDirectory(prefix="regrade-") as folder:
        desk = Path(folder) / "desk"
        distinct = lay_out(Recorded(options.state), desk, options.students)
        print(f"{options.students} students, {distinct} different recordings")
        print(f"{'step':26}{'wall s':>8}{'CPU s':>8}{'executed':>10}{'probed':>8}  reused")
        for step, prepare in STEPS.items():
            prepare(desk)
            timed(step, options.state, desk, compiled(Path(folder)))
    return 0


def compiled(folder: Path) -> dict[str, str]:
    """An environment in which modules are compiled by the first run and no more, as where nothing forbids it."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": str(folder / "compiled")}


def timed(step: str, state: Path, desk: Path, environment: dict[str, str]) -> None:
    """The process without what reading the recordings takes, but with its start."""
    command = [sys.executable, __file__, str(state.resolve()), "--child", str(desk)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if done.returncode:
        print(done.stdout[-2000:], done.stderr[-3000:])
    counts = [done.stderr.count(word) for word in ("executed", "probed")]
    reused = "; ".join(
        line for line in done.stdout.splitlines() if " reused" in line and line.startswith(("exec", "meas", "grad"))
    )
    print(f"{step:26}{wall:8.2f}{cpu:8.2f}{counts[0]:10}{counts[1]:8}  {reused}", flush=True)
    print(f"{'':26}{next((line for line in done.stderr.splitlines() if line.startswith('own')), '')}")


if __name__ == "__main__":
    sys.exit(main_())
