"""What is asked of a room, and how it ended; shared by every kind of sandbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from autograder.frames import Frame
from autograder.records import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A program of ours and what it may see."""

    program: str
    """Name of a file of ``inputs``, run by this environment's Python as ``python -I /job/in/<program>``."""
    inputs: Mapping[str, bytes | Path]
    """``name`` or ``folder/name`` below ``/job/in`` -> content, or a file of the host to be shown read-only there."""
    limits: Limits
    shell: bool = False
    """Whether ``/usr/bin`` is visible: room 1 needs it for ``!ls``, room 2 does not."""
    device: str = "cpu"
    """``cpu`` or ``gpu:<n>``."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to the few variables that every room has."""
    places: tuple[str, ...] = ()
    """Further writable folders, empty at the start, each as large as the limit of files; not with ``landlock``."""
    unreadable: tuple[Path, ...] = ()
    """Files of this environment's packages that must not be read there; ``landlock`` cannot keep this."""
    late: frozenset[str] = frozenset()
    """Inputs that its program can also be sent when it asks for them: all that is about one submission.

    None: such a room is never started ahead of its time, see ``sandbox.ahead``.
    """


class Later(Protocol):
    """An answer that is not there yet. While a room waits for it its clock stands still, and then begins anew."""

    def fileno(self) -> int:
        """Readable once the answer is there."""

    def answer(self) -> tuple[bytes, float]:
        """What is sent into the room, and by how many seconds its limit is another one than it was made with."""


OnFrame = Callable[[Frame], "bytes | Later | None"]
"""Called for each frame in order, on the calling thread; bytes it returns are sent into the room as one answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a room ended, seen from outside."""

    exit_code: int | None
    killed: str = ""
    """Why we ended it: ``wall``, ``memory``, ``processes``, ``output``, ``disk``, ``protocol``, ``cancelled``.

    Empty when it ended by itself. ``disk``: too much in files, where no sized file system bounds them.
    """
    detail: str = ""
    """Limit and what was used, in words for the teacher: ``4096 MB allowed, 4210 MB used``."""
    allowed: float = 0.0
    """The limit that was passed: seconds, megabytes, or a number of processes."""
    used: float = 0.0
    seconds: float
    peak_memory_mb: float = 0.0
    log: str = ""
    """The last 64 KiB of stdout and stderr of the room, control characters removed."""


class Sandbox(Protocol):
    """One way of keeping a program in."""

    name: str
    """``bubblewrap``, ``docker``, ``podman``, ``landlock`` or ``plain``."""

    def run(self, room: Room, on_frame: OnFrame, cancelled: Callable[[], bool]) -> Outcome:
        """Run to the end or to a limit; nothing of it is left when this returns.

        Raises SandboxError when the room could not be set up: never the student's fault.
        """
