"""Runs one job in a room and decides how it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from autograder.errors import Cancelled, SandboxError
from autograder.execution.job import Event, Job, OnEvent, Prepare, room
from autograder.execution.notebook import executed, parse
from autograder.execution.transcript import LEDGER, Transcript
from autograder.records import CellRun, CellState, Ending, Execution, Message, say
from autograder.sandbox.room import Outcome, Sandbox
from autograder.store import Store

OVERDUE_SECONDS = 8.0
"""Beyond the time of the run, for a cell that nobody inside could end: a notebook can stop the runner itself. What is
read at the end has longer, see ``sandbox.limits``."""

_KILLED = {
    "wall": Ending.TIMED_OUT,
    "memory": Ending.OUT_OF_MEMORY,
    "output": Ending.FLOODED,
    "processes": Ending.DIED,
    "protocol": Ending.DIED,
}


@dataclass(frozen=True, slots=True)
class _End:
    ending: Ending
    cell: int | None
    """Index of the cell to blame."""
    cause: str = ""
    """What stopped it: ``cell``, ``run``, ``bytes``, ``count``, ``disk`` or a reason of the sandbox."""


def ignore(_: Event) -> None:
    """Nobody watches."""


def never() -> bool:
    return False


def execute(
    job: Job,
    sandbox: Sandbox,
    store: Store,
    *,
    on_event: OnEvent = ignore,
    cancelled: Callable[[], bool] = never,
    prepare: Prepare | None = None,
) -> Execution:
    """Run the notebook; whatever the student's code does comes back as a record.

    Raises SandboxError when the room failed before any of that code ran, and Cancelled when asked to stop.
    """
    document = parse(job.notebook)
    transcript = Transcript(document, store, on_event, prepare)
    started_at = datetime.now(UTC)
    overdue = job.limits.run_seconds + OVERDUE_SECONDS
    outcome = sandbox.run(room(job, document), transcript.hear, lambda: cancelled() or transcript.overdue(overdue))
    if outcome.killed == "cancelled":
        if not transcript.overdue(overdue):
            raise Cancelled
        outcome = replace(outcome, killed="wall")
    _refuse_our_faults(transcript, outcome)
    end = _ending(transcript, outcome)
    cells = transcript.cells()
    notes = (*transcript.notes.values(), *_notes(transcript, outcome))
    return Execution(
        ending=end.ending,
        reason=_reason(end, cells, job, outcome),
        cells=cells,
        notebook=store.put(executed(document, transcript.outputs, transcript.parameters)),
        ledger=store.put(LEDGER.dump_json(transcript.ledger)) if transcript.ledger is not None else None,
        artifacts=transcript.artifacts,
        fallbacks=transcript.asking.fallbacks,
        altered=transcript.asking.altered,
        parameters_held=not transcript.changed,
        limits=job.limits,
        environment=transcript.environment | {"threads": str(job.threads), "seed": str(job.seed)},
        sandbox=sandbox.name,
        device=job.device,
        started_at=started_at,
        seconds=outcome.seconds,
        peak_memory_mb=outcome.peak_memory_mb,
        notes=notes,
    )


def _refuse_our_faults(transcript: Transcript, outcome: Outcome) -> None:
    """A runner that ends by itself with an error, or before it was ready, is not the student's doing."""
    begun = any(cell.state is not CellState.NOT_RUN for cell in transcript.cells())
    failed = transcript.ending is None and outcome.exit_code == 1 and not outcome.killed
    if failed or not (transcript.ready or begun):
        last = outcome.log.strip().splitlines()[-1:] or [outcome.detail or "no word from it"]
        raise SandboxError(
            f"the room's runner failed: {last[0][:300]}",
            remedy="Run the same command again; if it stays so, run `autograder doctor`.",
        )


def _ending(transcript: Transcript, outcome: Outcome) -> _End:
    """What the host saw itself comes before what the runner says."""
    if transcript.ending is not None and not outcome.killed:
        return _End(transcript.ending, transcript.blamed, transcript.limit)
    if transcript.ending is not None and outcome.killed == "wall":
        return _End(transcript.ending, transcript.blamed, transcript.limit)  # had said all, and only its end was slow
    blamed = transcript.running
    if blamed is None:
        blamed = max((cell.index for cell in transcript.cells() if cell.state is not CellState.NOT_RUN), default=None)
    cause = "run" if outcome.killed == "wall" else outcome.killed
    return _End(_KILLED.get(outcome.killed, Ending.DIED), blamed, cause)


def _notes(transcript: Transcript, outcome: Outcome) -> list[Message]:
    notes = []
    if transcript.changed:
        names = ", ".join(transcript.changed)[:300]
        notes.append(say("The notebook changed parameters that were given to it: {names}.", names=names))
    if outcome.killed == "protocol":
        notes.append(say("The room broke the protocol: {detail}", detail=outcome.detail[:300]))
    return notes


# --- in words ------------------------------------------------------------------------------------------------------


def _reason(end: _End, cells: tuple[CellRun, ...], job: Job, outcome: Outcome) -> Message | None:
    """One sentence for the student; cells are counted from 1."""
    number = None if end.cell is None else end.cell + 1
    match end.ending:
        case Ending.COMPLETED | Ending.REFUSED:
            return None
        case Ending.RAISED:
            error = next((cell.error for cell in cells if cell.index == end.cell), None) or ""
            return say("Cell {cell} stopped with an error: {error}", cell=number, error=error)
        case Ending.TIMED_OUT:
            return _too_slow(end.cause, number, job)
        case Ending.OUT_OF_MEMORY:
            limit = job.limits.memory_mb
            if number is None:
                return say("The notebook needed more than the {limit:int} MB of memory allowed.", limit=limit)
            return say("Cell {cell} needed more than the {limit:int} MB of memory allowed.", cell=number, limit=limit)
        case Ending.FLOODED:
            return _too_much(end.cause, number, job)
        case Ending.DIED:
            return _died(end.cause, number, outcome)


def _too_slow(cause: str, number: int | None, job: Job) -> Message:
    run, cell = job.limits.run_seconds, job.limits.cell_seconds
    if cause == "cell":
        return say("Cell {cell} ran longer than the {limit:sec} allowed for one cell.", cell=number, limit=cell)
    if number is None:
        return say("The notebook ran longer than the {limit:sec} allowed.", limit=run)
    return say("The notebook ran longer than the {limit:sec} allowed; cell {cell} was running.", cell=number, limit=run)


def _too_much(cause: str, number: int | None, job: Job) -> Message:
    if cause == "count":
        return say("Cell {cell} gave more than the {limit:int} outputs allowed.", cell=number, limit=job.limits.outputs)
    return say(
        "Cell {cell} put out more than is allowed ({limit:int} MB of text).", cell=number, limit=job.limits.output_mb
    )


def _died(cause: str, number: int | None, outcome: Outcome) -> Message:
    if cause == "processes":
        return say("Cell {cell} started too many processes ({detail}).", cell=number, detail=outcome.detail[:200])
    if number is None:
        return say("The kernel died before any cell had run.")
    return say("The kernel died while cell {cell} was running.", cell=number)
