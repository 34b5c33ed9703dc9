"""Signs that the records of a run are not only ours: a notebook's code can write to them, and then a person decides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from autograder.records import Cell, Execution, Gap, GapKind, Ledger, Message, Training, say

_SHOWN = 10


def tampering(ledger: Ledger, execution: Execution, cells: Sequence[Cell]) -> tuple[Gap, ...]:
    """Gaps for what no honest run has; they take nothing away by themselves."""
    return tuple(Gap(kind=GapKind.RECORDS, reason=reason) for reason in _reasons(ledger, execution, cells))


def _reasons(ledger: Ledger, execution: Execution, cells: Sequence[Cell]) -> Iterator[Message]:
    if reaching := [str(cell.index + 1) for cell in cells if cell.reaching]:
        yield say(
            "Code reaches for what this program records of the run (cells: {cells}). What rests on these records is "
            "for a teacher to decide.",
            cells=", ".join(reaching[:_SHOWN]),
        )
    if ledger.unrecorded:
        yield say(
            "The notebook imported Keras past what records its trainings, and has models of it ({names}). What rests "
            "on these records is for a teacher to decide.",
            names=", ".join(name[:40] for name in ledger.unrecorded[:_SHOWN]),
        )
    # Our own recorder keeps a model of each training, or says why it could not.
    if lost := [str(one.number) for one in ledger.trainings if one.finished and not _is_kept(one, execution)]:
        yield say(
            "Of trainings on record ({numbers}) no model was kept, and no reason for it is there. What rests on these "
            "records is for a teacher to decide.",
            numbers=", ".join(lost[:_SHOWN]),
        )


def _is_kept(training: Training, execution: Execution) -> bool:
    return bool(training.save_error) or training.saved in execution.artifacts
