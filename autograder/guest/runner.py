"""Room 1: runs the notebook through papermill and tells the host, frame by frame, what became of it."""

from __future__ import annotations

import sys

if __name__ == "__main__":  # a file in a room: give the relative imports below a package of their own
    from pathlib import Path as _Path
    from types import ModuleType as _ModuleType

    __package__ = "autograder_guest"
    _package = _ModuleType(__package__)
    _package.__path__ = [str(_Path(__file__).resolve().parent)]
    sys.modules[__package__] = _package

import json
import logging
import os
import platform
import tempfile
import time
import zipfile
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .courier import Courier
from .errand import Errand
from .frames import Pipe, harden
from .handover import IMAGES, PARAMETERS, UNSAVED, Handover, reserve
from .leaving import leaves, left_well
from .outputs import Meter, error_text, merged
from .things import Thing
from .watch import Watch

PACKAGES = (
    *("tensorflow", "keras", "numpy", "pandas", "matplotlib", "papermill", "ipykernel"),
    *("torch", "torchvision"),
)
FALLBACK_BYTES = 64 << 20
HARVEST_SECONDS = 30.0
PREDICT_SECONDS = 120.0
ALTERED_SECONDS = 300.0
"""As long as room 2 may take for one model: there are some five times as many altered images as plain ones."""

_CALL = "__import__('sys').modules['autograder_session'].{}()"


class Run:
    """One execution of one notebook: what was asked, and what has become of it so far."""

    def __init__(self, job: Mapping[str, Any], pipe: Pipe, handover: Handover) -> None:
        self.job = job
        self.pipe = pipe
        self.handover = handover
        self.courier = Courier(pipe, handover)
        self.meter = Meter(job["output_mb"], job["outputs"])
        self.watch = Watch(job["cell_seconds"], job["run_seconds"])
        self.errand = Errand(pipe, handover, self.watch)
        self.states: dict[int, str] = {}
        self.stopped_by: dict[int, str] = {}
        """Cell -> the limit that stopped it, ``cell`` or ``run``."""
        self.left = False
        """Whether the notebook ended itself on purpose."""
        self.lost: tuple[str, int | None] | None = None
        """Why the kernel is gone, and the cell that took it."""
        self.reported = False

    def tell(self, index: int, state: str, outputs: Sequence[Any] | None = None, **more: Thing) -> None:
        """Send the state of a cell; ``index`` is that of the notebook as handed in."""
        self.states[index] = state
        body = b"" if outputs is None else packed(outputs)
        self.pipe.send({"kind": "cell", "index": index, "state": state, **more}, body)

    def ask(self, question: Mapping[str, Any]) -> bytes:
        """The host's answer to a question at the end."""
        began = time.monotonic()
        answer = self.pipe.ask(question)
        self.watch.waited(time.monotonic() - began)
        return answer

    def lose(self, index: int | None) -> None:
        """The kernel is gone."""
        if self.meter.over:
            ending = "flooded"
        else:
            ending = "timed_out" if self.watch.killed else "died"
        self.lost = self.lost or (ending, index)

    def ending(self) -> tuple[str, int | None]:
        """A lost kernel outweighs a cell out of time, which outweighs an error; of equals, the first."""
        if self.lost:
            return self.lost
        for ending, state in (("timed_out", "interrupted"), ("raised", "raised")):
            blamed = [index for index, known in self.states.items() if known == state]
            if blamed:
                return ending, blamed[0]
        return ("timed_out", None) if "not_run" in self.states.values() else ("completed", None)

    def limit(self) -> str:
        """Which limit the ending is about: ``cell``, ``run``, ``bytes``, ``count`` or none."""
        ending, index = self.ending()
        if ending == "flooded":
            return self.meter.over
        if ending == "timed_out":
            return "run" if index is None else self.stopped_by.get(index, "run")
        return ""


def packed(outputs: Sequence[Any]) -> bytes:
    """As JSON; nothing where a kernel put something together that no JSON can hold."""
    try:
        return json.dumps(outputs, allow_nan=False, default=str).encode("utf-8", "replace")
    except (ValueError, TypeError, RecursionError):
        return b"[]"


# --- the notebook, through papermill -------------------------------------------------------------------------------


def execute(run: Run, cells: Sequence[Mapping[str, Any]], kernel: Thing = None) -> None:
    """Run all cells; returns when the kernel is gone. What papermill raises for a student's error says nothing new.

    ``kernel`` is that of ``early.started``, where it runs already.
    """
    import papermill
    from papermill.exceptions import PapermillExecutionError

    from . import client

    client.register()
    try:
        papermill.execute_notebook(
            _notebook(cells),
            None,
            parameters=run.job["parameters"],
            engine_name=client.ENGINE,
            kernel_name="python3",
            language="python",
            progress_bar=False,
            meter=run.meter,
            watch=run.watch,
            play=lambda started: run_cells(run, started),
            early=kernel,
        )
    except (PapermillExecutionError, client.Played):
        return
    except Exception:
        if not run.reported:  # else the kernel was lost, which has been told
            raise


def _notebook(cells: Sequence[Mapping[str, Any]]) -> Thing:
    """Sources alone: stored outputs, tags and kernelspec of the student's file decide nothing."""
    from nbformat import v4

    nodes = []
    for index, cell in enumerate(cells):
        make = v4.new_code_cell if cell["kind"] == "code" else v4.new_raw_cell
        tags = ["parameters"] if cell.get("parameters") else []
        nodes.append(make(cell["source"], metadata={"tags": tags, "index": index}))
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return v4.new_notebook(cells=nodes, metadata={"kernelspec": kernelspec, "language_info": {"name": "python"}})


def run_cells(run: Run, client: Thing) -> None:
    """Every cell in order, whatever became of those before; then what is read from the kernel at the end."""
    injected = [cell.source for cell in client.nb.cells if "injected-parameters" in cell.metadata.get("tags", [])]
    run.pipe.send({"kind": "parameters", "held": True, "changed": []}, "\n".join(injected).encode())
    last: int | None = None
    for number, cell in enumerate(client.nb.cells):
        if cell.cell_type != "code":
            continue
        index = cell.metadata.get("index")
        if run.lost is None and not client.alive():
            run.lose(last)
        if run.lost is None and not run.watch.over and not run.left:
            run_cell(run, client, cell, number, index)
            run.courier.after_cell()
            run.left = leaves(cell.source)
        elif index is not None:
            run.tell(index, "left_out" if run.left else "not_run")
        last = index
    run.courier.deliver()
    if run.lost is None:
        read_kernel(run, client)
    run.reported = True


def run_cell(run: Run, client: Thing, cell: Thing, number: int, index: int | None) -> None:
    """``index`` is None for the cell of injected parameters, which nobody is told about."""
    if not cell.source.strip():
        run.tell(index or 0, "ran", [], seconds=0.0)
        return
    if index is not None:
        run.tell(index, "started")
    start = time.monotonic()
    run.watch.begin()
    reply = client.reply_of(cell, number)
    stopped = run.watch.end()
    if reply is None:
        run.lose(index)
    if index is None:
        return
    if stopped:
        run.stopped_by[index] = stopped
    facts = reply or {}
    state = "ran" if facts and not stopped and leaves(cell.source) else cell_state(facts, stopped)
    run.tell(
        index,
        state,
        merged(cell.outputs),
        seconds=time.monotonic() - start,
        execution_count=count if type(count := facts.get("execution_count")) is int else None,
        error=None if state == "ran" else error_text(facts),
    )


def cell_state(reply: Mapping[str, Any], stopped: str) -> str:
    """From the kernel's own reply: outputs can be missing or forged."""
    if not reply:
        return "unfinished"
    if stopped:
        return "interrupted"
    if left_well(reply):
        return "ran"
    status = reply.get("status")
    return {"ok": "ran", "aborted": "not_run"}.get(status if isinstance(status, str) else "", "raised")


# --- what is read at the end ---------------------------------------------------------------------------------------


def read_kernel(run: Run, client: Thing) -> None:
    """Bindings, tables and parameters; then the answers of models that cannot leave the kernel."""
    call(run, client, "harvest", HARVEST_SECONDS)
    changed = run.handover.read_json(PARAMETERS, 1 << 16)
    if isinstance(changed, list):
        run.pipe.send({"kind": "parameters", "held": not changed, "changed": [str(name)[:100] for name in changed]})
    run.courier.deliver()
    unsaved = run.handover.read_json(UNSAVED, 1 << 16)
    if unsaved and isinstance(unsaved, list) and client.alive():
        images = run.ask({"kind": "images?", "models": [str(model) for model in unsaved]})
        if images and run.handover.show(IMAGES, images):
            call(run, client, "predict", PREDICT_SECONDS)
            send_fallbacks(run)
            ask_altered(run, client)


def ask_altered(run: Run, client: Thing) -> None:
    """Altered images for the final model, as many at a time as the host sends, while it finds that all can be answered.

    The answers that were sent before do not depend on it: should the kernel be stopped here, nothing of them is lost.
    """
    until = time.monotonic() + ALTERED_SECONDS
    part, seconds = 0, 0.0
    while client.alive():
        left = min(until - time.monotonic(), run.watch.left)
        question = {"kind": "altered?", "part": part, "seconds": seconds, "left": max(0.0, left)}
        if not (images := run.ask(question)) or not run.handover.show(IMAGES, images):
            return
        began = time.monotonic()
        call(run, client, "predict", max(0.0, until - began))
        send_fallbacks(run, part=part)
        part, seconds = part + 1, time.monotonic() - began


def call(run: Run, client: Thing, name: str, seconds: float) -> None:
    """A silent request to the session inside the kernel; its failure loses what it was to bring, no more."""
    run.watch.begin(seconds, last=True)
    client.silent_reply(_CALL.format(name))
    run.watch.end()


def send_fallbacks(run: Run, **more: int) -> None:
    for model, name in run.handover.fallbacks().items():
        content = run.handover.take(name, FALLBACK_BYTES)
        if content is not None:
            run.pipe.send({"kind": "fallback", "model": model, **more}, content)


# --- the room ------------------------------------------------------------------------------------------------------


def environment(job: Mapping[str, Any]) -> dict[str, str]:
    """Versions of what a result can depend on, read without importing it."""
    found = {"python": platform.python_version(), "seed": str(job["seed"])}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def prepare(job: Mapping[str, Any], inside: Path, private: Path) -> None:
    """Lay out the kernel's description and the variables that it inherits."""
    kernels = private / "jupyter" / "kernels" / "python3"
    kernels.mkdir(parents=True)
    # -P keeps the folder of kernel.py off the path, -s what a user installed; -I would ignore PYTHONHASHSEED.
    command = [sys.executable, "-s", "-P", str(inside / "kernel.py"), "-f", "{connection_file}"]
    description = {"argv": command, "display_name": "Python 3", "language": "python"}
    (kernels / "kernel.json").write_text(json.dumps(description), "utf-8")
    os.environ |= {
        "JUPYTER_PATH": str(private / "jupyter"),
        "JUPYTER_RUNTIME_DIR": str(private),
        "AUTOGRADER_HANDOVER": str(private / "handover"),
        "PYTHONHASHSEED": str(job["seed"] % 2**32),
    }


def begin(pipe: Pipe, inside: Path, private: Path) -> tuple[Path, Thing]:
    """Lay out the student's files; returns where the orders lie, and the kernel where it was started before them."""
    orders, kernel = inside, None
    if os.environ.get("AUTOGRADER_AHEAD"):
        from . import early

        os.environ["AUTOGRADER_ORDERS"] = str(private / "orders")
        kernel = early.started()
        orders = early.received(pipe, private / "orders")
    else:
        os.environ["AUTOGRADER_ORDERS"] = str(inside)
    with zipfile.ZipFile(orders / "files.zip") as archive:
        archive.extractall(Path.cwd())
    if kernel is not None:
        early.begin(kernel)
    return orders, kernel


def main() -> None:
    harden()
    pipe = Pipe.from_environment()
    logging.getLogger("papermill").setLevel(logging.ERROR)
    inside = Path(os.environ.setdefault("AUTOGRADER_JOB", "/job")) / "in"
    job = json.loads((inside / "job.json").read_text("utf-8"))
    job["parameters"]["autograder_data"] = str(inside / "data.npz")
    with tempfile.TemporaryDirectory(prefix="room-", ignore_cleanup_errors=True) as name:
        private = Path(name)
        (private / "handover").mkdir()
        prepare(job, inside, private)
        orders, kernel = begin(pipe, inside, private)
        pipe.send({"kind": "ready", "environment": environment(job)})
        handover = Handover(private / "handover")
        reserve(handover.folder)
        run = Run(job, pipe, handover)
        start = time.monotonic()
        run.courier.start()
        if job.get("reuse"):
            run.errand.start()
        try:
            execute(run, json.loads((orders / "cells.json").read_text("utf-8")), kernel)
        finally:
            run.watch.stop()
            run.errand.stop()
            run.courier.stop()
        ending, cell = run.ending()
        seconds = time.monotonic() - start
        pipe.send({"kind": "end", "ending": ending, "cell": cell, "seconds": seconds, "limit": run.limit()})


if __name__ == "__main__":
    main()
