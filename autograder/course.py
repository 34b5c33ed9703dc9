"""What a submission is graded with, and on which device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from autograder.datasets import DataSet
from autograder.recall import Flights, Memory
from autograder.records import Baseline, Rubric, Submission, record
from autograder.sandbox.room import Sandbox
from autograder.store import Store
from autograder.trainings import Trainings

Cancel = Callable[[], bool]
BaselineFor = Callable[[float, str, Cancel], Baseline | None]
"""From the share of the steps, the device to train on and whether to stop."""


Stage = Callable[[str, int, int, str], None]
"""Told what is going on: the stage, the 1-based number of the cell, the number of cells, and ``epoch 3/5``."""

T = TypeVar("T")


@record
class Errand:
    """Something to be found out in rooms, said so that another machine can do it."""

    kind: str
    """``evidence`` of a submission, ``run`` of a notebook of ours, ``baseline``: measures of such runs."""
    submission: Submission
    device: str = "cpu"
    seed: int = 0
    """Of a run."""
    seeds: tuple[int, ...] = ()
    """Of a baseline."""
    share: float = 1.0
    """Of the steps of each epoch, for a run and a baseline."""


class Afar(Protocol):
    """Has errands done on other machines."""

    def __call__(self, errand: Errand, course: Course, work: Callable[[], T], *, stage: Stage, cancelled: Cancel) -> T:
        """The result of ``work``, which needs no room any more once the errand is done: all that it asks is remembered.

        Raises ClusterError, Cancelled, and what the errand raised where it was done.
        """


def unseen(stage: str, cell: int, cells: int, text: str) -> None:
    """Nobody watches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """All that is the same for every submission of a run."""

    rubric: Rubric
    data: DataSet
    data_file: Path
    """``datasets.room_file(data, ...)``: what room 1 sees of the data."""
    others: Mapping[str, Path] = field(default_factory=dict)
    """Further sets that the notebook loads: name -> its ``room_file``, which holds none of that set's hidden images."""
    sandbox: Sandbox
    store: Store
    template: tuple[str, ...] = ()
    """Sources of the starter notebook's cells."""
    baseline: Baseline | None = None
    """Of trainings that nothing was cut from."""
    baseline_for: BaselineFor | None = None
    """The baseline whose trainings were cut alike; None where the assignment has none."""
    slots: tuple[str, ...] = ("cpu",)
    """One device for each notebook that may run at a time: ``("gpu:0", "gpu:0", "gpu:1", "gpu:1")``."""
    threads: int = 2
    force: bool = False
    flights: Flights = field(default_factory=Flights, compare=False)
    """Of this run: two who handed in the same code are not executed side by side."""
    memory: Memory | None = None
    """Of the submission that is being graded with it."""
    trainings: Trainings | None = field(default=None, compare=False)
    """Those that took place before, and need not again; None: each one does. No result depends on it."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables for room 1, such as ``{"KERAS_MAX_EPOCHS": "1"}``."""

    afar: Afar | None = None
    """Where rooms are not made on this machine; ``sandbox`` then only says which wall they have."""

    @property
    def limit_mb(self) -> float:
        """Memory of this machine that a room may take; 0 where rooms are made elsewhere."""
        return 0.0 if self.afar is not None else self.rubric.limits.memory_mb

    def carried(
        self, errand: Errand, work: Callable[[], T], *, stage: Stage = unseen, cancelled: Cancel = lambda: False
    ) -> T:
        """The result of ``work``, whose rooms are made here or elsewhere."""
        return work() if self.afar is None else self.afar(errand, self, work, stage=stage, cancelled=cancelled)

    def of(self, submission: Submission) -> Course:
        """Itself: one course for everybody."""
        return self


class Courses(Protocol):
    """What a class is graded with: one course for everybody, or one for each data set."""

    @property
    def rubric(self) -> Rubric: ...

    @property
    def slots(self) -> tuple[str, ...]: ...

    @property
    def limit_mb(self) -> float:
        """Memory of this machine that a room may take; 0 where rooms are made elsewhere."""

    def of(self, submission: Submission) -> Course:
        """The course of one submission; raises AutograderError when its data or its baseline cannot be had."""
