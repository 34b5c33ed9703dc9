"""Every fault of ours; a student's fault is data and never an exception.

AutograderError                 what went wrong, where, and what to do about it
├─ ConfigError                  the command, the settings or the machine's set-up
│  ├─ RubricError               a rubric file that cannot be trusted
│  └─ DataError                 a data set that is missing or has the wrong shape
├─ SandboxError                 the room itself failed; the job can be tried again
│  ├─ MachineShort              too much at once: it is tried again when nothing else runs
│  └─ SandboxUnavailable        no acceptable isolation on this machine
├─ StoreError                   bytes that are missing or damaged
├─ GradebookError               the database of grades
├─ ClusterError                 other machines that were to do the work
├─ OutputError                  a place that cannot be written: read-only, or the disk is full
└─ CheckError                   a check raised; ``__cause__`` holds what
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Final


class AutograderError(Exception):
    """Printed as ``place: problem`` and, on a line of its own, the remedy."""

    def __init__(self, problem: str, *, place: str = "", remedy: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.place = place
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.place}: {self.problem}" if self.place else self.problem


class ConfigError(AutograderError):
    """Wrong usage: the command exits with 2."""


class RubricError(ConfigError):
    """``place`` is ``file:line: path.to.key``."""


class DataError(ConfigError):
    """A data set that cannot be found, read or served."""


class SandboxError(AutograderError):
    """Never presented as the student's failure."""


class MachineShort(SandboxError):
    """The machine had no memory left, while the room kept to its limit."""


class SandboxUnavailable(SandboxError):
    """Nothing on this machine isolates well enough for what was asked."""


class StoreError(AutograderError):
    """``place`` is the digest."""


class GradebookError(AutograderError):
    """The database is locked, too new, or damaged."""


class ClusterError(AutograderError):
    """The scheduler, or a worker of it; ``place`` is its address."""


class OutputError(AutograderError):
    """A folder is read-only, or the disk is full."""


class CheckError(AutograderError):
    """``place`` is ``student/item``."""


class Cancelled(Exception):
    """Somebody asked to stop: neither our fault nor the student's, and nothing of the work is kept."""


_ELSEWHERE: Final = "choose another place with --out or --state (for temporary files: TMPDIR)"
_REMEDIES: Final = {
    errno.ENOSPC: f"The disk is full: free some space, or {_ELSEWHERE}, then run again.",
    errno.EDQUOT: f"Your disk quota is used up: free some space, or {_ELSEWHERE}, then run again.",
    errno.EROFS: f"This file system is read-only: {_ELSEWHERE}.",
    errno.EACCES: f"You may not write there: change its permissions, or {_ELSEWHERE}.",
    errno.EPERM: f"You may not write there: change its permissions, or {_ELSEWHERE}.",
    errno.ENOTDIR: f"A file has the name of a folder that is needed: move it away, or {_ELSEWHERE}.",
    errno.EEXIST: f"A file has the name of a folder that is needed: move it away, or {_ELSEWHERE}.",
    errno.EISDIR: f"A folder has the name of a file that is needed: move it away, or {_ELSEWHERE}.",
}


def output_error(error: OSError, place: Path) -> OutputError:
    """What the system said, where, and what to do."""
    remedy = _REMEDIES.get(error.errno or 0, f"Check that place, or {_ELSEWHERE}.")
    return OutputError(error.strerror or str(error), place=str(place), remedy=remedy)
