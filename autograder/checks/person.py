"""Items that only a person can decide."""

from __future__ import annotations

from autograder.checks.registry import check
from autograder.records import Evidence, Finding, Standing, Verdict, say


@check("person.reads")
def reads(evidence: Evidence, *, question: str = "") -> Finding:
    """Leave the item to a teacher; ``question`` is what she should ask herself."""
    return Finding(
        verdict=Verdict.NEEDS_REVIEW,
        share=None,
        standing=Standing.TEXT,
        message=say("A teacher reads and decides this item."),
        for_teacher=say("{question}", question=question) if question else None,
    )
