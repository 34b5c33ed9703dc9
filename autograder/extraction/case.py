"""What the measurement of one notebook's models begins with, and what it shares with the rest of the class."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from autograder.datasets import DataSet
from autograder.extraction.choice import Choice
from autograder.extraction.fidelity import Account
from autograder.extraction.grouping import Grouping, Scope
from autograder.extraction.matching import Candidate, Preparation, Sightings
from autograder.extraction.origin import Brought
from autograder.extraction.probing import Gallery, Probed, Task, gallery, probe
from autograder.extraction.said import answered
from autograder.recall import Memory
from autograder.records import Baseline, Execution, Ledger, Rubric
from autograder.sandbox.room import Sandbox
from autograder.store import Store

BY_HAND = 20
"""Gradients from which on something was trained; a picture of what a model looks at takes fewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What every measurement of a class shares."""

    data: DataSet
    rubric: Rubric
    sandbox: Sandbox
    store: Store
    memory: Memory | None = None
    """Of models that were probed before; without one, every model is probed."""
    cancelled: Callable[[], bool]
    others: Sequence[Path] = ()
    """Further sets that the notebook loads."""

    def gallery(self) -> Gallery:
        images, seed = self.rubric.robustness_images, self.rubric.seed
        return gallery(self.data, robustness_images=images, seed=seed, store=self.store)

    def probe(self, tasks: Sequence[Task], shown: Gallery) -> Mapping[str, Probed]:
        def work(tasks: Sequence[Task]) -> Mapping[str, Probed]:
            limits = self.rubric.limits
            return probe(tasks, shown, sandbox=self.sandbox, store=self.store, limits=limits, cancelled=self.cancelled)

        return work(tasks) if self.memory is None else answered(tasks, shown, self.store, self.memory, work)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One notebook's run, and what is known of its models so far."""

    ledger: Ledger
    execution: Execution
    baseline: Baseline | None
    bench: Bench
    sightings: Sightings
    known: tuple[Candidate, ...]
    account: Account
    choice: Choice
    groupings: Mapping[str, Grouping | None]
    """By candidate: the classes that it is about."""
    prepared: Mapping[str, Preparation | None]
    """By candidate, for those that are measured: the final one first."""
    things: Sequence[Brought]
    """What was handed in beside the code that trains."""

    @property
    def chosen(self) -> Candidate:
        return self.choice.candidate

    def account_of(self, one: Candidate, within: Scope) -> Account:
        """For the classes that this model is about."""
        found = self.groupings.get(one.id)
        return replace(self.account, test_rows=within.data.card.test_rows, classes=found.classes if found else ())
