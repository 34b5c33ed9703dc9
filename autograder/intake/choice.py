"""Which of a student's notebooks is the one to grade; never guessed in silence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from autograder.intake import names
from autograder.intake.caps import Caps
from autograder.intake.grouping import Group, notebook_stem
from autograder.intake.leaves import Leaf
from autograder.intake.reading import Reading, read_notebook
from autograder.records import Message, say


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """``reading`` holds a notebook if and only if ``refusal`` is None."""

    leaf: Leaf | None = None
    raw: bytes | None = None
    reading: Reading | None = None
    refusal: Message | None = None
    notes: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class _Candidate:
    leaf: Leaf
    reading: Reading


def choose(group: Group, assignment: str, caps: Caps) -> Choice:
    """Prefer the newest attempt, then the name that is closest to ``assignment``, then the most code."""
    notes: list[Message] = []
    found = _newest(group, _originals(group, notes), notes)
    if not found:
        return Choice(refusal=_nothing(group), notes=tuple(notes))
    if len(found) > caps.notebooks:
        notes.append(say("Only the first {cap:int} notebooks were looked at.", cap=caps.notebooks))
    candidates = [_candidate(leaf, caps) for leaf in found[: caps.notebooks]]
    usable = [candidate for candidate in candidates if candidate.reading.notebook is not None]
    if not usable:
        return _refused(candidates, notes, caps)
    best = _best(usable, assignment)
    if isinstance(best, Message):
        return Choice(leaf=usable[0].leaf, raw=_raw(usable[0], caps), refusal=best, notes=tuple(notes))
    for other in candidates:
        if other is not best:
            notes.append(_left_aside(other, best))
    return Choice(leaf=best.leaf, raw=_raw(best, caps), reading=best.reading, notes=(*notes, *best.reading.notes))


def _candidate(leaf: Leaf, caps: Caps) -> _Candidate:
    content = leaf.load(caps.read)
    if isinstance(content, Message):
        return _Candidate(leaf, Reading(refusal=content))
    return _Candidate(leaf, read_notebook(content, caps))


def _raw(candidate: _Candidate, caps: Caps) -> bytes | None:
    """Read once more: of twenty notebooks, all their bytes would take a gigabyte."""
    content = candidate.leaf.load(caps.read)
    return None if isinstance(content, Message) else content


def _refused(candidates: Sequence[_Candidate], notes: list[Message], caps: Caps) -> Choice:
    first = candidates[0]
    for other in candidates[1:]:
        notes.append(say("{file} cannot be used either.", file=_shown(other.leaf)))
    return Choice(leaf=first.leaf, raw=_raw(first, caps), refusal=first.reading.refusal, notes=tuple(notes))


def _nothing(group: Group) -> Message:
    if group.blemishes and not group.leaves:
        return group.blemishes[0].reason
    if not group.leaves:
        return say("No notebook was handed in: the folder is empty.")
    listed = ", ".join(_shown(leaf) for leaf in group.leaves[:5]) + (" …" if len(group.leaves) > 5 else "")
    return say("No notebook (.ipynb) was handed in, only: {files}.", files=listed)


def _originals(group: Group, notes: list[Message]) -> list[Leaf]:
    """Notebooks that are not a ``-Copy1`` of another one in the same folder."""
    found = [leaf for leaf in group.leaves if notebook_stem(leaf.path) is not None]
    there = {(leaf.path.parent, notebook_stem(leaf.path)) for leaf in found}
    kept = []
    for leaf in found:
        copied = names.original(notebook_stem(leaf.path) or "")
        if copied is not None and (leaf.path.parent, copied) in there:
            notes.append(say("{file} is a copy and was left aside.", file=_shown(leaf)))
        else:
            kept.append(leaf)
    return kept


def _newest(group: Group, found: Sequence[Leaf], notes: list[Message]) -> list[Leaf]:
    """Of several attempts at one file the newest, by the time in its name, else the file's own time."""
    attempts: dict[tuple[str, str], list[tuple[tuple[str, float, int], Leaf]]] = {}
    for leaf in found:
        stem, place = notebook_stem(leaf.path) or "", str(leaf.path.parent)
        if leaf.path in group.moments:  # Canvas numbers a second hand-in, of a notebook or of a zip
            stem, place = re.sub(r"-\d{1,2}$", "", stem.rstrip("_")), re.sub(r"-\d{1,2}(?=\.zip)", "", place)
        base, moment = names.attempt(stem)
        base, number = names.numbered(base)
        order = (group.moments.get(leaf.path) or moment, leaf.modified, number)
        attempts.setdefault((place, base.casefold()), []).append((order, leaf))
    newest = []
    for versions in attempts.values():
        versions.sort(key=lambda version: (version[0], str(version[1].path)))
        newest.append(versions[-1][1])
        notes += [say("An older attempt was left aside: {file}.", file=_shown(leaf)) for _, leaf in versions[:-1]]
    return sorted(newest, key=lambda leaf: (len(leaf.path.parts), str(leaf.path)))


def _best(usable: Sequence[_Candidate], assignment: str) -> _Candidate | Message:
    wanted = {word for word in re.split(r"[-._]+", names.slug(assignment)) if len(word) > 1}

    def rank(candidate: _Candidate) -> tuple[int, int]:
        words = set(re.split(r"[-._/]+", names.slug(str(candidate.leaf.path).replace("/", "-"))))
        return len(wanted & words), candidate.reading.lines

    ordered = sorted(usable, key=rank, reverse=True)
    first, *others = ordered
    for other in others:
        if rank(other) == rank(first) and other.reading.code != first.reading.code:
            return say(
                "Several notebooks were handed in and nothing tells which one counts: {first}, {second}. "
                "Hand in one notebook only.",
                first=_shown(first.leaf),
                second=_shown(other.leaf),
            )
    return first


def _left_aside(other: _Candidate, best: _Candidate) -> Message:
    if other.reading.refusal is not None:
        return say("A second notebook cannot be used: {file}.", file=_shown(other.leaf))
    if other.reading.code == best.reading.code:
        return say("{file} holds the same code and was left aside.", file=_shown(other.leaf))
    return say(
        "Two notebooks were handed in: {chosen} was graded, {other} was left aside.",
        chosen=_shown(best.leaf),
        other=_shown(other.leaf),
    )


def _shown(leaf: Leaf) -> str:
    return names.clean(str(leaf.path))
