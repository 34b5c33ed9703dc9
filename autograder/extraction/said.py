"""What models said in room 2 is remembered by their bytes: other text or another check asks none of them again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from autograder.adapters import adapter
from autograder.errors import StoreError
from autograder.extraction.probing import PACKAGE, PROGRAMS, Floats, Gallery, Probed, Task
from autograder.program import code_digest, packages
from autograder.recall import Key, Memory, key
from autograder.records import Digest, record
from autograder.store import Store

_ASKING = (*(str(path.relative_to(PACKAGE)) for path in PROGRAMS.values()), "extraction/probing.py", "corruptions.py")
"""Modules of ours on which an answer depends."""


@record
class Said:
    """A complete answer of one model; ``Probed`` with its arrays in the store."""

    hidden: Digest
    public: Digest | None
    nudged: Digest | None
    altered: Digest | None
    parameters: int | None
    ms_per_image: float | None
    numbers: str


Work: TypeAlias = Callable[[Sequence[Task]], Mapping[str, Probed]]


def answered(tasks: Sequence[Task], shown: Gallery, store: Store, memory: Memory, work: Work) -> Mapping[str, Probed]:
    """The answers to all tasks, by ``work`` only where none is remembered; what failed is asked again."""
    known = {task.id: answer for task in tasks if (answer := _known(task, shown, store, memory)) is not None}
    found = work([task for task in tasks if task.id not in known])
    for task in tasks:
        answer = found.get(task.id)
        if answer is not None and (said := _said(answer, task, store)) is not None:
            memory.keep(_key(task, shown), adapter(Said), said)
    return {task.id: known.get(task.id) or found[task.id] for task in tasks}


def _known(task: Task, shown: Gallery, store: Store, memory: Memory) -> Probed | None:
    own = _key(task, shown)
    said = memory.known(own, adapter(Said))
    if said is None and not task.robustness:  # who was asked about more has answered this as well
        more = memory.known(_key(replace(task, robustness=True), shown), adapter(Said))
        said = None if more is None else replace(more, altered=None)
    try:
        answer = None if said is None else _probed(said, store)
    except StoreError:  # damaged since
        answer = None
    if answer is None:
        memory.note(own, reused=False)
    return answer


def _key(task: Task, shown: Gallery) -> Key:
    asked = key(
        "measurement",
        model=task.model,
        preparation=[[step.op, dict(step.values)] for step in task.steps],
        images=[
            shown.images,
            hashlib.sha256(shown.order.tobytes()).hexdigest(),
            [shown.hidden, shown.public],
            (shown.mixed or shown.altered) if task.robustness else None,
        ],
        packages=packages(),
        program=code_digest(*_ASKING),
    )
    return replace(asked, label=task.id)


def _said(answer: Probed, task: Task, store: Store) -> Said | None:
    """None for an answer that is not complete: next time there may be more time, or memory."""
    if answer.problem is not None or answer.hidden is None or (task.robustness and answer.altered is None):
        return None

    def put(array: Floats | None) -> Digest | None:
        return None if array is None else store.put_array(array)

    return Said(
        hidden=store.put_array(answer.hidden),
        public=put(answer.public),
        nudged=put(answer.nudged),
        altered=put(answer.altered),
        parameters=answer.parameters,
        ms_per_image=answer.ms_per_image,
        numbers=answer.numbers,
    )


def _probed(said: Said, store: Store) -> Probed:
    def get(name: Digest | None) -> Floats | None:
        return None if name is None else store.get_array(name)

    return Probed(
        hidden=get(said.hidden),
        public=get(said.public),
        nudged=get(said.nudged),
        altered=get(said.altered),
        parameters=said.parameters,
        ms_per_image=said.ms_per_image,
        numbers=said.numbers,
    )
