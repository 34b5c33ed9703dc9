"""What of a class's trainings took place, and what was known of them, in a line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from autograder.records import Audit, Reuse, StudentId


def lines(ran: Mapping[StudentId, Reuse]) -> Iterator[str]:
    """Of the notebooks that were executed now: nothing where no training of theirs was to be reused."""
    if not ran:
        return
    of = tuple(ran.values())
    replayed = [one for reuse in of for one in reuse.replayed]
    refused: Counter[str] = sum((Counter(reuse.refused) for reuse in of), Counter())
    reasons = ", ".join(f"{reason} {count}" for reason, count in refused.most_common())
    audited = [one for reuse in of for one in reuse.audited]
    told = f"reuse: {sum(reuse.trained for reuse in of)} trained, {len(replayed)} replayed"
    told += f" ({sum(one.seconds for one in replayed):.0f} s saved)" if replayed else ""
    told += f", {refused.total()} not understood: {reasons}" if refused else ""
    yield told + (f"; audited {len(audited)}: difference {_largest(audited)}" if audited else "")


def apart(ran: Mapping[StudentId, Reuse]) -> Iterator[str]:
    """What was found to be another training than it was kept as, and who was answered with it."""
    for student, reuse in ran.items():
        for one in reuse.audited:
            if one.difference == 0.0:
                continue
            others = sorted({name for name, known in ran.items() for replay in known.replayed if replay.key == one.key})
            yield (
                f"ATTENTION: training {one.short[:4]}… of {student} came to another outcome than the one that was kept "
                f"(difference {_largest([one])}). It was set aside, and what rests on its records waits for a person."
            )
            if others:
                yield f"  Answered with it in this run: {', '.join(others)}."
            yield "  remedy: Run the same command again: what rests on it is executed anew. Then ask what changed it."


def _largest(audited: Sequence[Audit]) -> str:
    known = [one.difference for one in audited]
    return "of another form" if None in known else str(max(apart for apart in known if apart is not None))
