"""Intake: what lies in the inbox becomes one ``Submission`` per student, or a sentence that says why not."""

from __future__ import annotations

from autograder.intake.caps import Caps
from autograder.intake.inbox import collect, missing
from autograder.intake.reading import Reading, read_notebook
from autograder.intake.roster import Person, read_roster

__all__ = ["Caps", "Person", "Reading", "collect", "missing", "read_notebook", "read_roster"]
