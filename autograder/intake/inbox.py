"""From the paths that the teacher names to one record per student."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from autograder.errors import AutograderError, ConfigError
from autograder.intake import names
from autograder.intake.archive import expand, is_archive, members
from autograder.intake.caps import Caps
from autograder.intake.choice import choose
from autograder.intake.grouping import Group, groups, notebook_stem
from autograder.intake.leaves import Leaf, Listing, folder, is_ours, leaf_of
from autograder.intake.roster import Person, match, read_roster
from autograder.intake.skeleton import skeleton, styled
from autograder.messages import visible
from autograder.records import Digest, Message, StudentId, Submission, say
from autograder.store import Store

_LONGEST = 200
_COMPANIONS = {".py", ".png", ".jpg", ".jpeg", ".svg", ".gif"}
"""What comes along with a notebook that is named by itself and lies alone."""


def collect(
    paths: Sequence[Path],
    store: Store,
    *,
    roster: Path | Sequence[Person] | None = None,
    assignment: str = "",
    caps: Caps | None = None,
) -> tuple[Submission, ...]:
    """Find every student's hand-in below ``paths`` and put it into the store, in the order of the student ids.

    A path is a folder (of notebooks, of folders, of zips), a notebook, or a zip of either; ``assignment`` is the
    rubric's id and helps to choose between two notebooks of one student. A ``roster`` (people, or a CSV) lends its ids
    and names; who is on it and handed in nothing: see ``missing``. Whatever a student handed in ends as a record,
    never as an exception.

    Raises ConfigError for a path that is not there or holds nothing, and OutputError when the store cannot be written.
    """
    caps = caps or Caps()
    people = _people(roster)
    found = [group for path in _distinct(paths) for group in _groups_of(path, people, caps)]
    if not found and not people:
        places = ", ".join(str(path) for path in paths) or "."
        raise ConfigError(
            "nothing to grade here", place=places, remedy="Name a folder with notebooks (.ipynb), or a zip."
        )
    claims = _compared([_claim(group, people) for group in found])
    made = [(claim.group.exact, _recorded(claim, store, assignment, caps)) for claim in claims]
    # Who is called exactly like the id keeps it, and nobody whose name only looks like it.
    made.sort(key=lambda one: (one[1].student, one[1].name != one[1].student, not one[0], one[1].source, one[1].name))
    submissions = [submission for _, submission in made]
    ids = names.unique([one.student for one in submissions])
    return tuple(
        sorted((_renamed(one, name) for one, name in zip(submissions, ids, strict=True)), key=lambda one: one.student)
    )


def missing(submissions: Sequence[Submission], roster: Path | Sequence[Person] | None) -> tuple[Submission, ...]:
    """A record without a ``source`` for everybody on the class list of whom there is no submission."""
    there = {submission.student for submission in submissions}
    absent = sorted((_id(person), person) for person in _people(roster))
    reason = say("Nothing was handed in.")
    return tuple(
        Submission(student=student, name=person.name or person.id or student, source="", notebook=None, refusal=reason)
        for student, person in absent
        if student not in there
    )


def _people(roster: Path | Sequence[Person] | None) -> Sequence[Person]:
    return read_roster(roster) if isinstance(roster, Path) else roster or ()


# --- paths -------------------------------------------------------------------------------------------------------


def _distinct(paths: Sequence[Path]) -> list[Path]:
    seen: dict[Path, Path] = {}
    for path in paths:
        if not path.exists():
            raise ConfigError("no such file or folder", place=str(path), remedy=_nearest(path))
        seen.setdefault(path.resolve(), path)
    return [path for real, path in seen.items() if not any(parent in seen for parent in real.parents)]


def _nearest(path: Path) -> str:
    try:
        there = [other.name for other in path.parent.iterdir()]
    except OSError:
        return f"The folder {path.parent} is not there either: check the path."
    close = difflib.get_close_matches(path.name, there, n=1)
    return f"Did you mean {path.parent / close[0]}?" if close else "Check the path."


def _groups_of(path: Path, people: Sequence[Person], caps: Caps) -> list[Group]:
    shown = PurePosixPath(names.clean(path.name) or "inbox")
    if path.is_dir():
        if not os.access(path, os.R_OK | os.X_OK):
            raise ConfigError("the folder cannot be read", place=str(path), remedy="Check its permissions.")
        return groups(expand(folder(path, caps), caps), path.resolve().name, people)
    if is_archive(shown):
        listing = members(path, PurePosixPath(), caps)
        if isinstance(listing, Message):
            raise ConfigError("no readable zip archive", place=str(path), remedy="Unpack it and name the folder.")
        return groups(expand(listing, caps), path.name, people)
    if notebook_stem(shown) is None:
        remedy = "Name a folder, a notebook (.ipynb) or a zip."
        raise ConfigError("neither a notebook nor a zip", place=str(path), remedy=remedy)
    return _single(path.resolve(), shown)


def _single(path: Path, shown: PurePosixPath) -> list[Group]:
    """One notebook; modules and images beside it come along when no other notebook lies there."""
    leaf = leaf_of(path, shown)
    listing = Listing(
        leaves=[leaf] if isinstance(leaf, Leaf) else [], blemishes=[] if isinstance(leaf, Leaf) else [leaf]
    )
    [group] = groups(listing, "")
    beside = [other for other in path.parent.iterdir() if other != path] if os.access(path.parent, os.R_OK) else []
    if not any(notebook_stem(PurePosixPath(other.name)) for other in beside):
        companions = (
            leaf_of(other, PurePosixPath(other.name)) for other in sorted(beside) if other.suffix.lower() in _COMPANIONS
        )
        group.leaves += [companion for companion in companions if isinstance(companion, Leaf)]
    return [group]


# --- people ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Claim:
    group: Group
    person: Person | None
    student: StudentId
    notes: tuple[Message, ...] = ()

    @property
    def name(self) -> str:
        """As people are shown it; empty where nobody is named."""
        return (self.person.name if self.person else "") or self.group.name


def _claim(group: Group, people: Sequence[Person]) -> _Claim:
    person = match(people, group.name, group.participant)
    notes = [say("Handed in late.")] if group.late else []
    notes += _spelling(group)
    if people and person is None:
        notes.append(say("{name} is not on the class list.", name=group.name))
    return _Claim(group, person, _id(person) if person else names.student_id(group.name), tuple(notes))


def _spelling(group: Group) -> Iterator[Message]:
    """What is not to be seen of the name as it was written."""
    written = visible(group.written[:_LONGEST])
    if names.hides(group.written):
        yield say("Signs that nobody sees stand in the name: {name}.", name=written)
    elif group.written:
        yield say("More accents than can be read stand on a letter of the name: {name}.", name=written)
    if names.mixed(group.name):
        yield say("The name {name} mixes letters of several alphabets that look alike.", name=group.name)
    elif styled(group.name):
        yield say("The name {name} has letters that look like Latin ones and are others.", name=group.name)


def _compared(claims: Sequence[_Claim]) -> list[_Claim]:
    """Names that look the same are told to both: which of them is the right one cannot be known here."""
    alike: dict[str, set[str]] = {}
    for claim in claims:
        alike.setdefault(skeleton(claim.name), set()).add(claim.name)
    return [
        replace(claim, notes=(*claim.notes, _resembles(claim.name))) if len(alike[skeleton(claim.name)]) > 1 else claim
        for claim in claims
    ]


def _resembles(name: str) -> Message:
    return say("The name {name} looks like that of another hand-in, whose letters are not all the same.", name=name)


def _id(person: Person) -> StudentId:
    return names.student_id(person.id or person.name or person.email.partition("@")[0] or person.participant)


def _renamed(submission: Submission, student: StudentId) -> Submission:
    if submission.student == student:
        return submission
    note = say("Another hand-in has the same name: this one is called {student}.", student=student)
    return replace(submission, student=student, notes=(*submission.notes, note))


# --- one student -------------------------------------------------------------------------------------------------


def _recorded(claim: _Claim, store: Store, assignment: str, caps: Caps) -> Submission:
    """Whatever bytes do to a parser of ours, the class goes on."""
    try:
        return _submission(claim, store, assignment, caps)
    except AutograderError:
        raise
    except Exception as error:
        reason = say(
            "The grader itself failed to read this hand-in ({problem}). A teacher will look at it; it costs you "
            "nothing.",
            problem=type(error).__name__,
        )
        name = claim.group.name or claim.student
        return Submission(
            student=claim.student, name=name, source=name, notebook=None, refusal=reason, fault=True, notes=claim.notes
        )


def _submission(claim: _Claim, store: Store, assignment: str, caps: Caps) -> Submission:
    group = claim.group
    choice = choose(group, assignment, caps)
    files, file_notes = _files(group, choice.leaf, store, caps)
    blemishes = dict.fromkeys(_sentence(spot.reason) for spot in group.blemishes if spot.reason != choice.refusal)
    kept = choice.reading.notebook if choice.reading else None
    place = group.places.get(choice.leaf.path, choice.leaf.path) if choice.leaf else PurePosixPath(group.name or "?")
    return Submission(
        student=claim.student,
        name=claim.name or claim.student,
        source=names.clean(str(place)) or claim.student,
        notebook=None if kept is None else store.put(kept),
        handed_in=None if choice.raw is None else store.put(choice.raw),
        files=files,
        refusal=choice.refusal,
        fault=choice.refusal is not None and is_ours(choice.refusal),
        notes=(*claim.notes, *choice.notes, *(Message(text, dict(values)) for text, values in blemishes), *file_notes),
    )


def _sentence(message: Message) -> tuple[str, tuple[tuple[str, str | int | float | None], ...]]:
    return message.text, tuple(message.values.items())


def _files(
    group: Group, chosen: Leaf | None, store: Store, caps: Caps
) -> tuple[dict[str, Digest], tuple[Message, ...]]:
    """Other files of the hand-in under safe relative paths, and a sentence for those that were left out."""
    kept: dict[str, Digest] = {}
    left: list[PurePosixPath] = []
    folded: set[str] = set()
    folders: set[str] = set()
    room = caps.files_total
    base = chosen.path.parent if chosen else PurePosixPath()
    for leaf in sorted(group.leaves, key=lambda one: str(one.path)):
        if notebook_stem(leaf.path) is not None:
            continue
        # A notebook expects its files beside itself: paths are those below its own folder where they lie there.
        path = leaf.path.relative_to(base) if leaf.path.is_relative_to(base) else leaf.path
        content = _content(leaf, path, room, caps) if len(kept) < caps.files else None
        if content is None:
            left.append(leaf.path)
            continue
        name, above = str(path).casefold(), {str(parent).casefold() for parent in path.parents}
        # In a zip, one name can be that of a file and of a folder; on no disk.
        if name in folded | folders or above & folded:
            left.append(leaf.path)
            continue
        room -= len(content)
        folded.add(name)
        folders |= above
        kept[str(path)] = store.put(content)
    if not left:
        return kept, ()
    listed = ", ".join(names.clean(str(path)) for path in left[:5]) + (" …" if len(left) > 5 else "")
    reason = say("Files left out, for their size, number or name: {files}.", files=listed)
    return kept, (reason,)


def _content(leaf: Leaf, path: PurePosixPath, room: int, caps: Caps) -> bytes | None:
    if not names.safe_path(path):
        return None
    content = leaf.load(min(caps.file, room))
    return None if isinstance(content, Message) else content
