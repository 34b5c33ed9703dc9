"""What a notebook needs and this place does not have: data, pretrained weights, another framework, a whole record."""

from __future__ import annotations

import re
from collections.abc import Iterator

from autograder.network import needs_network
from autograder.records import Execution, Gap, GapKind, Ledger, Message, say
from autograder.wellknown import KNOWN

_FRAMEWORK = re.compile(r"No module named '(torch\w*|pytorch_lightning|lightning|jax|flax|fastai)\b")
"""Other frameworks than Keras, which Google Colab has and this place may not have."""
_REFUSED = say("A message of the kind “{kind}” could not be read.", kind="ledger")
"""What is noted of a ledger that was not taken over: an earlier one, or none, stands for it."""


def absences(ledger: Ledger, execution: Execution) -> tuple[Gap, ...]:
    """Gaps that are ours, but for a full disk: whatever a run earned less than everything in waits for a person."""
    ours = [Gap(kind=GapKind.LEDGER, reason=reason, ours=True) for reason in _reasons(ledger, execution)]
    return (*ours, *(Gap(kind=GapKind.LEDGER, reason=reason) for reason in _filled(ledger, execution)))


def _reasons(ledger: Ledger, execution: Execution) -> Iterator[Message]:
    if ledger.lost or _REFUSED in execution.notes:
        yield say(
            "Not all that the notebook trained could be recorded. What could not be shown for this reason is for a "
            "teacher to decide; it costs you nothing."
        )
    # A text model at the end takes nothing away from the images before it.
    if names := [name for name in ledger.unserved if not ledger.trainings or _holds_images(name)]:
        yield say(
            "The notebook asks for data that this run does not have ({names}). What could not be shown without them "
            "is for a teacher to decide; it costs you nothing.",
            names=", ".join(names),
        )
    if ledger.without_weights:
        yield say(
            "The notebook asks for pretrained weights ({names}), and there is no network where notebooks are graded. "
            "What could not be shown without them is for a teacher to decide; it costs you nothing.",
            names=", ".join(ledger.without_weights),
        )
    elif not ledger.trainings and any(map(needs_network, execution.cells)):
        yield say(
            "The notebook asks for files from the network, which is not there where notebooks are graded, and trains "
            "nothing without them. A teacher will look at it; it costs you nothing."
        )
    if absent := sorted({found[1] for cell in execution.cells if (found := _FRAMEWORK.search(cell.error or ""))}):
        yield say(
            "The notebook uses {module}, which is not installed where notebooks are graded. What could not be shown "
            "without it is for a teacher to decide; it costs you nothing.",
            module=", ".join(absent),
        )


def _filled(ledger: Ledger, execution: Execution) -> Iterator[Message]:
    if ledger.filled is None:
        return
    cell = next((run.index + 1 for run in execution.cells if run.execution_count == (ledger.filled or -1)), None)
    yield say(
        "The notebook's files took all of its disk (in one place {limit:int} MB are allowed; seen first after cell "
        "{cell}). What it trained and evaluated from then on could not be recorded.",
        limit=execution.limits.disk_mb,
        cell=cell or "–",
    )


def _holds_images(name: str) -> bool:
    """Also true of a set that is not known."""
    return name not in KNOWN or bool(KNOWN[name].shape)
