"""Runs one job in a room and decides how it ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from autograder.adapters import adapter
from autograder.errors import Cancelled, MachineShort, SandboxError
from autograder.execution.fits import Fits
from autograder.execution.job import Event, Job, OnEvent, Prepare, asks, room
from autograder.execution.notebook import Document, executed, parse
from autograder.execution.positions import among, placed, shown
from autograder.execution.reasons import End, reason, shortages, speaks_of_gpu
from autograder.execution.trainer import train
from autograder.execution.transcript import Transcript
from autograder.records import CellState, Ending, Execution, Ledger, Message, Showing, say
from autograder.sandbox.room import Outcome, Sandbox
from autograder.store import Store
from autograder.trainings import Asked, Trainings

OVERDUE_SECONDS = 8.0
"""Beyond the time of the run, for what nobody inside could end: a notebook can stop the runner itself."""

NOT_READ = say("The time of the run was over before all was read that the notebook had left in its kernel.")

_KILLED = {
    "wall": Ending.TIMED_OUT,
    "memory": Ending.OUT_OF_MEMORY,
    "output": Ending.FLOODED,
    "disk": Ending.FLOODED,
    "processes": Ending.DIED,
    "protocol": Ending.DIED,
}


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
    trainings: Trainings | None = None,
) -> Execution:
    """Run the notebook; whatever the student's code does comes back as a record.

    Raises SandboxError when the room failed before any of that code ran, and Cancelled when asked to stop.
    """
    run = run_code(job, sandbox, store, on_event=on_event, cancelled=cancelled, prepare=prepare, trainings=trainings)
    return placed(run, job.notebook, store)


def run_code(
    job: Job,
    sandbox: Sandbox,
    store: Store,
    *,
    on_event: OnEvent = ignore,
    cancelled: Callable[[], bool] = never,
    prepare: Prepare | None = None,
    trainings: Trainings | None = None,
) -> Execution:
    """Run the code cells; the record counts them alone, so that it is the same wherever they stand among others.

    What is told meanwhile, and what ``prepare`` is given, has the positions of the notebook at hand. ``trainings`` are
    those that took place before: where the job says so, the kernel may ask for them.
    """
    document = parse(job.notebook)
    code = document.bare()

    def tell(event: Event) -> None:
        on_event(shown(event, document))

    def find(ledger: Ledger, so_far: Execution) -> Showing | None:
        return prepare and prepare(ledger, replace(so_far, cells=among(so_far.cells, document)))

    def retrain(asked: Asked, contents: bytes, seconds: float) -> bytes | None:
        return train(asked, contents, job, sandbox, seconds, cancelled)

    fits = Fits(
        trainings=trainings if asks(job) else None,
        threads=job.threads,
        device=job.device,
        retrain=retrain,
        seconds=job.limits.run_seconds,
    )
    transcript = Transcript(code, store, tell, find if prepare else None, fits)
    started_at = datetime.now(UTC)
    overdue = job.limits.run_seconds + OVERDUE_SECONDS
    outcome = sandbox.run(room(job, document), transcript.hear, lambda: cancelled() or transcript.overdue(overdue))
    if outcome.killed == "cancelled":
        if not transcript.overdue(overdue):
            raise Cancelled
        outcome = replace(outcome, killed="wall")
    _refuse_our_faults(transcript, outcome)
    if job.shared and _crowded(transcript, outcome):
        raise MachineShort(
            "the GPU had no memory left, and other notebooks may have used it meanwhile",
            remedy="Grade with --per-gpu 1.",
        )
    return _record(job, sandbox.name, code, transcript, outcome, store, started_at)


def _record(
    job: Job,
    wall: str,
    code: Document,
    transcript: Transcript,
    outcome: Outcome,
    store: Store,
    started_at: datetime,
) -> Execution:
    end = _ending(transcript, outcome)
    cells = transcript.cells()
    notes = (*transcript.notes.values(), *_notes(transcript, outcome), *shortages(cells, job.limits, outcome))
    return Execution(
        ending=end.ending,
        reason=reason(end, cells, job.limits, outcome),
        cells=cells,
        notebook=store.put(executed(code, transcript.outputs, transcript.parameters)),
        ledger=store.put(adapter(Ledger).dump_json(transcript.ledger)) if transcript.ledger is not None else None,
        artifacts=transcript.artifacts,
        fallbacks=transcript.asking.fallbacks,
        asked=transcript.asking.final,
        altered=transcript.asking.altered,
        rewritten=tuple(sorted(transcript.rewritten)),
        overruled=transcript.overruled,
        parameters_held=not transcript.changed,
        limits=job.limits,
        reuse=transcript.fits.told(transcript.ledger),
        environment=transcript.environment | {"threads": str(job.threads), "seed": str(job.seed)},
        sandbox=wall,
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


def _crowded(transcript: Transcript, outcome: Outcome) -> bool:
    """Whether those who share its GPU may have cost a notebook something.

    Libraries that find a GPU full may end their process as well, which says nothing in its cell.
    """
    died = not outcome.killed and _ending(transcript, outcome).ending is Ending.DIED
    return died or any(cell.error and speaks_of_gpu(cell.error) for cell in transcript.cells())


def _ending(transcript: Transcript, outcome: Outcome) -> End:
    """What the host saw itself comes before what the runner says."""
    if transcript.ending is not None and not outcome.killed:
        return End(transcript.ending, transcript.blamed, transcript.limit)
    if transcript.ending is not None and outcome.killed == "wall":
        return End(transcript.ending, transcript.blamed, transcript.limit)  # had said all, and only its end was slow
    if outcome.killed == "wall" and (played := transcript.played()) is not None:
        return played  # every cell had been told of: what was cut short is only what is read afterwards
    blamed = transcript.running
    if blamed is None:
        blamed = max((cell.index for cell in transcript.cells() if cell.state is not CellState.NOT_RUN), default=None)
    cause = "run" if outcome.killed == "wall" else outcome.killed
    return End(_KILLED.get(outcome.killed, Ending.DIED), blamed, cause)


def _notes(transcript: Transcript, outcome: Outcome) -> list[Message]:
    notes = []
    if transcript.changed:
        names = ", ".join(transcript.changed)[:300]
        notes.append(say("The notebook changed parameters that were given to it: {names}.", names=names))
    if outcome.killed == "wall" and transcript.ending is None and transcript.played() is not None:
        notes.append(NOT_READ)
    if outcome.killed == "protocol":
        notes.append(say("The room broke the protocol: {detail}", detail=outcome.detail[:300]))
    return notes
