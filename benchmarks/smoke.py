"""What a smoke pass costs beside the whole run, and whether it finds the same cells at fault.

    python benchmarks/smoke.py [--data NAME] [--ways rehearsal,caps,run] NOTEBOOK ...

Each notebook is executed in each way, one after the other, with nothing remembered: as a *rehearsal* (a few steps of
each training, a few rows of each prediction), under Keras' own *caps* (one epoch of five steps), and as the whole
*run*. Seconds are those of the processor, of all processes of the room.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
CAPS = {"KERAS_MAX_EPOCHS": "1", "KERAS_MAX_STEPS_PER_EPOCH": "5"}
RUBRIC = "mnist-individuel"


class Processors:
    """Seconds of the processor of all processes that descend from this one, looked at several times a second.

    Whoever reaps a room's processes is not their ancestor everywhere, so that ``getrusage`` does not know of them.
    """

    def __init__(self) -> None:
        self._spent: dict[tuple[int, float], float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    @property
    def seconds(self) -> float:
        return sum(self._spent.values())

    def _look(self) -> None:
        while not self._ended.wait(0.1):
            for process in psutil.Process().children(recursive=True):
                with suppress(psutil.Error):
                    times = process.cpu_times()
                    self._spent[process.pid, process.create_time()] = times.user + times.system

    def __enter__(self) -> Processors:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


def one(notebook: Path, way: str, data: str, state: Path) -> dict[str, object]:
    """The child: one execution, and what it took."""
    sys.path.insert(0, str(ROOT))
    from autograder import intake, pipeline
    from autograder.cli.options import load_rubric, open_course
    from autograder.extraction import read_ledger
    from autograder.sandbox import choose
    from autograder.settings import settings
    from autograder.store import Store

    places = settings(ROOT, state)
    rubric = load_rubric(RUBRIC, places)
    rubric = replace(rubric, limits=replace(rubric.limits, run_seconds=7200, cell_seconds=3600))
    course = open_course(rubric, data=data, places=places, sandbox=choose("auto"))
    if way == "caps":
        course = replace(course, environment=CAPS)
    [submission] = intake.collect([notebook], Store(state))
    start = time.monotonic()
    with Processors() as processors:
        done = pipeline.run_notebook(submission, course, seed=rubric.seed, rehearsal=way == "rehearsal")
    wall = time.monotonic() - start
    raised = [f"{run.index + 1}: {run.error}" for run in done.cells if run.error]
    return {
        "way": way,
        "notebook": notebook.stem,
        "ending": done.ending.value,
        "cpu": processors.seconds,
        "wall": wall,
        "peak_mb": done.peak_memory_mb,
        "errors": raised,
        "trainings": len(read_ledger(done, course.store)[0].trainings),
        "cells": [round(run.seconds or 0.0, 1) for run in done.cells],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", type=Path, nargs="+")
    parser.add_argument("--data", default="digits")
    parser.add_argument("--ways", default="rehearsal,caps,run")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        with tempfile.TemporaryDirectory(prefix="smoke-") as state:
            print(json.dumps(one(options.notebooks[0], options.child, options.data, Path(state))))
        return 0
    for notebook in options.notebooks:
        whole = 0.0
        for way in reversed(options.ways.split(",")):
            command = [sys.executable, __file__, str(notebook), "--data", options.data, "--child", way]
            said = subprocess.run(command, capture_output=True, text=True, check=False)
            if said.returncode:
                print(said.stderr[-2000:])
                return 1
            found = json.loads(said.stdout.splitlines()[-1])
            whole = found["cpu"] if way == "run" else whole
            ratio = f"{found['cpu'] / whole:8.3f}" if whole else " " * 8
            print(
                f"{found['notebook'][:28]:30}{way:10}{found['cpu']:9.1f} CPU-s{ratio}{found['wall']:9.1f} s"
                f"{found['peak_mb']:8.0f} MB  {found['trainings']} trainings  {found['ending']}  "
                f"{'; '.join(found['errors'])[:120]}",
                flush=True,
            )
            print(f"{'':30}seconds of the cells: {found['cells']}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
