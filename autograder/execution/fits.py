"""What one room asks about trainings, and what it is answered.

The room says what goes into a training; what is kept under the key that is made of it comes from elsewhere: a room is
never asked for a result, unless it is one of our own notebooks', or to be held against what is known already.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from autograder import familiar, parcel, trainings
from autograder.records import Audit, Ledger, Replay, Reuse
from autograder.trainings import Asked, Trainings

Retrain = Callable[[Asked, bytes, float], bytes | None]
"""Carries out a training elsewhere, from its description and its checked contents, in so many seconds at most; None
where that failed."""

QUESTIONS, ALL_BYTES = 1000, 16 << 20
"""Of one room, which are read: a kernel of ours asks 400 times at most, in some ten thousand bytes."""

TRAIN = b"train\n"
"""The room carries out the training itself, and nothing more is heard of it."""


def nowhere(asked: Asked, contents: bytes, seconds: float) -> None:
    """There is no other place to train in."""


@dataclass(kw_only=True)
class Fits:
    """The questions of one room, one after the other."""

    trainings: Trainings | None = None
    """None: nobody is answered, and no room should ask."""
    threads: int = 2
    device: str = "cpu"
    retrain: Retrain = nowhere
    seconds: float = 900.0
    """For all that is trained elsewhere for this room: no more than it could have trained itself."""
    replayed: list[Replay] = field(default_factory=list)
    audited: list[Audit] = field(default_factory=list)
    heard_of: Counter[str] = field(default_factory=Counter)
    """How often each question was asked, as the ledger names it."""
    _asked: dict[str, Asked] = field(default_factory=dict)
    _moments: dict[str, float] = field(default_factory=dict)
    """When each was first asked about, by our own clock."""
    _open: Asked | None = None
    """The training of which contents or a result are expected next."""
    _expected: str = ""
    """``contents``, ``trained`` or nothing."""
    _kept: bytes = b""
    """What an audited training is held against."""
    _noted: set[int] = field(default_factory=set)
    _left: int = ALL_BYTES
    """Bytes of questions that are still read."""
    _closed: bool = False
    """Whether something came that no kernel of ours would have sent: from then on nothing is read."""

    def ask(self, body: bytes) -> bytes:
        """``fit?``: a word for what to do, and what the training left where that is known."""
        self._expect("")
        self.heard_of[hashlib.sha256(body).hexdigest()[:16]] += 1  # also of what is not read: the ledger names it
        if not self._is_read(body):
            return TRAIN
        known = self.trainings
        asked = None if known is None else trainings.read(body, threads=self.threads, device=self.device)
        if known is None or asked is None:
            self._closed = True
            return TRAIN
        self._asked[asked.short] = asked
        self._moments.setdefault(asked.short, time.monotonic())
        with known.alone(asked):
            content = known.known(asked)
        known.worth.asked(asked.key)
        if content is not None:
            return self._known(known, asked, content)
        if known.trusted:
            self._expect("trained", asked)
            return b"tell\n"
        worth = known.worth.is_enough(asked.head, *known.asked_before(asked))
        if not worth or known.has_failed(asked) or self.seconds <= 0:
            return TRAIN
        self._expect("contents", asked)
        return b"send\n"

    def _is_read(self, body: bytes) -> bool:
        """While we read, the room's clock stands still: so it is little that is read, and nothing after what is odd."""
        self._left -= len(body)
        self._closed = self._closed or self._left < 0 or self.heard_of.total() > QUESTIONS
        return not self._closed

    def _known(self, known: Trainings, asked: Asked, content: bytes) -> bytes:
        known.worth.took(asked.head, trainings.seconds_of(content))
        if not known.trusted and known.is_audited(asked):
            self._expect("trained", asked, content)
            return b"audit\n"
        return self._answered(asked, content)

    def _answered(self, asked: Asked, content: bytes) -> bytes:
        self.replayed.append(Replay(key=asked.key, short=asked.short, seconds=trainings.seconds_of(content)))
        return b"replay\n" + content

    def contents(self, body: bytes) -> bytes:
        """What goes into a training; it is carried out elsewhere, once, and the room waits for it."""
        asked, known = self._open, self.trainings
        if known is None or asked is None or self._expected != "contents":
            return TRAIN
        self._expect("")
        if not _are(body, asked):
            self._closed = True
            return TRAIN
        with known.alone(asked):
            content = known.known(asked)  # somebody else may have waited for the same
            if content is None:
                content = self._retrained(asked, body)
                if content is None or not known.keep(asked, content):
                    known.note_failure(asked)
                    return TRAIN
        return self._answered(asked, content)

    def _retrained(self, asked: Asked, body: bytes) -> bytes | None:
        begun = time.monotonic()
        try:
            return self.retrain(asked, body, self.seconds)
        finally:
            self.seconds -= time.monotonic() - begun

    def trained(self, body: bytes) -> bytes:
        """What a training left in the room itself: kept from our own notebooks, compared from others."""
        asked, known, kept = self._open, self.trainings, self._kept
        if known is None or asked is None or self._expected != "trained":
            return b""
        self._expect("")
        if known.trusted:
            known.keep(asked, body)
            return b""
        apart = trainings.difference(kept, body)
        self.audited.append(Audit(key=asked.key, short=asked.short, difference=apart))
        if apart != 0.0:
            known.set_aside(asked.key)
        return b""

    def _expect(self, kind: str, asked: Asked | None = None, kept: bytes = b"") -> None:
        self._expected, self._open, self._kept = kind, asked, kept

    # --- what is said of them afterwards ---------------------------------------------------------------------------

    def heard(self, ledger: Ledger) -> None:
        """How long trainings took in their kernel, by what it says: no longer than since it asked about them."""
        for one in ledger.trainings:
            asked = self._asked.get(one.request)
            if self.trainings is None or asked is None or one.number in self._noted:
                continue
            if one.finished and not one.reused and one.seconds:
                self._noted.add(one.number)
                self.trainings.took(asked, min(one.seconds, time.monotonic() - self._moments[asked.short]))

    def told(self, ledger: Ledger | None) -> Reuse | None:
        """For the record of the run; None where nothing was to be reused."""
        if self.trainings is None:
            return None
        known = () if ledger is None else ledger.trainings
        own = [one for one in known if not one.arguments.get("loop")]
        reasons = Counter(
            one.unreused if one.unreused in familiar.REASONS else "another" for one in own if one.unreused
        )
        return Reuse(
            replayed=tuple(self.replayed),
            audited=tuple(self.audited),
            trained=sum(not one.reused and not one.unreused for one in own),
            refused=dict(reasons),
            asked=dict(self.heard_of),
        )


def _are(body: bytes, asked: Asked) -> bool:
    """Whether these are the weights and data of which the question gave the digests."""
    try:
        if parcel.forms(body) != [told[:2] for told in asked.prints]:  # before anything is unpacked
            return False
        _, arrays = parcel.unpacked(body)
    except parcel.Damaged:
        return False
    return [parcel.print_of(array) for array in arrays] == asked.prints
