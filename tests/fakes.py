"""Small stand-ins at the seams."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from autograder.frames import Frame
from autograder.sandbox.room import OnFrame, Outcome, Room


@dataclass
class FakeSandbox:
    """Plays back what a room said, instead of running it; remembers what it was asked and what it was answered."""

    frames: Sequence[Frame] = ()
    outcome: Outcome = field(default_factory=lambda: Outcome(exit_code=0, seconds=1.0))
    name: str = "bubblewrap"
    rooms: list[Room] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)

    def run(self, room: Room, on_frame: OnFrame, cancelled: Callable[[], bool]) -> Outcome:
        """Deliver all frames, or stop with ``killed="cancelled"`` as soon as that is asked for."""
        self.rooms.append(room)
        for frame in self.frames:
            if cancelled():
                return Outcome(exit_code=None, killed="cancelled", detail="cancelled by the caller", seconds=1.0)
            answer = on_frame(frame)
            if answer is not None:
                self.answers.append(answer)
        return self.outcome
