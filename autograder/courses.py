"""A class whose notebooks are on different data sets: to each submission the course of its own."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from autograder.course import Course
from autograder.errors import AutograderError
from autograder.notebook.dataset import recognise
from autograder.pipeline import cells_of, is_refused
from autograder.records import CellKind, Digest, Rubric, Submission
from autograder.stock import Choice, Stock
from autograder.store import Store

Open = Callable[[str], Course]
"""From the name or the path of a data set to its course, without the baseline; raises AutograderError."""
Train = Callable[[Course], Course]
"""From a course to the same with its baseline; raises AutograderError."""


def untrained(course: Course) -> Course:
    """Where no baseline is wanted."""
    return course


@dataclass(kw_only=True, eq=False)
class Assorted:
    """``pipeline.Courses``: what is asked for is loaded and trained once, at the first question, one at a time."""

    rubric: Rubric
    slots: tuple[str, ...]
    limit_mb: float
    stock: Stock
    store: Store
    open: Open
    train: Train
    template: Sequence[str] = ()
    """Sources of the starter notebook's cells: the sets of which its text speaks are not what a notebook asks for."""
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _choices: dict[Digest, Choice] = field(default_factory=dict)
    _courses: dict[str, Course] = field(default_factory=dict)
    _trained: dict[str, Course | AutograderError] = field(default_factory=dict)

    def choice(self, submission: Submission) -> Choice:
        """What a notebook asks for, as far as it is here; nothing is loaded for that."""
        notebook = submission.notebook
        if notebook is None:
            return Choice()
        with self._lock:
            if notebook not in self._choices:
                given = frozenset(self.template)
                cells = cells_of(submission, None, self.store)
                own = [cell for cell in cells if cell.kind is CellKind.CODE or cell.source not in given]
                self._choices[notebook] = self.stock.choose(recognise(own, self.stock.entries))
            return self._choices[notebook]

    def told(self, submission: Submission) -> Submission:
        """The submission with what is to be said of its data; refused when these are not here."""
        choice = self.choice(submission)
        return replace(
            submission,
            notes=(*submission.notes, *choice.notes),
            refusal=submission.refusal or choice.refusal,
        )

    def of(self, submission: Submission) -> Course:
        choice = self.choice(submission)
        return replace(self.trained(choice.name), others=self._files(choice.others))

    def bare(self, submission: Submission) -> Course:
        """Its course without the baseline."""
        choice = self.choice(submission)
        return replace(self.course(choice.name), others=self._files(choice.others))

    def course(self, name: str) -> Course:
        """Of a set in stock, without its baseline."""
        with self._lock:
            if name not in self._courses:
                self._courses[name] = self.open(self.stock.entries[name].source)
            return self._courses[name]

    def trained(self, name: str) -> Course:
        """Of a set in stock, with its baseline; raises what prevented that, each time."""
        with self._lock:
            if name not in self._trained:
                try:
                    self._trained[name] = self.train(self.course(name))
                except AutograderError as error:
                    self._trained[name] = error
            found = self._trained[name]
        if isinstance(found, AutograderError):
            raise found
        return found

    def _files(self, names: Sequence[str]) -> Mapping[str, Path]:
        return {name: self.course(name).data_file for name in names}

    def needed(self, submissions: Sequence[Submission]) -> tuple[str, ...]:
        """Sets on which these are run, the most frequent first."""
        counts = Counter(self.choice(one).name for one in submissions if not is_refused(one))
        return tuple(name for name, _ in counts.most_common())


__all__ = ["Assorted"]
