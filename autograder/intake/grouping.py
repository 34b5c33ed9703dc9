"""Whose file is it: the naming habits of the systems that teachers download from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from autograder.intake import names
from autograder.intake.archive import is_archive
from autograder.intake.leaves import Blemish, Leaf, Listing
from autograder.intake.roster import Person, match
from autograder.records import say

_NOTEBOOK = re.compile(r"(?P<stem>.+)\.ipynb(?:\.(?:txt|json))?\W*", re.IGNORECASE | re.DOTALL)
"""Browsers append ``.txt`` or ``.json`` to what they do not know. A name may hold the end of a line, on which ``.``
stops, or end in what nobody sees."""

_MOODLE = re.compile(r"(?P<name>.+?)_(?P<pid>\d+)_assignsubmission_(?:file|onlinetext)(?:_(?P<file>.*))?", re.DOTALL)
"""Moodle's "download all submissions", folders or flat (mod/assign/locallib.php). The first that fits is Moodle's own:
what follows is the name of a file, which a student chose."""

_CANVAS = re.compile(r"(?P<name>[^_]+?)(?P<late>_LATE)?_(?P<uid>\d{2,})_(?P<aid>\d{2,})_(?P<file>.+\..+)", re.DOTALL)
_CANVAS_ANONYMOUS = re.compile(
    r"(?P<name>anon)(?P<late>_LATE)?_(?P<uid>[A-Za-z0-9]{5})_(?P<aid>\d{2,})_(?P<file>.+\..+)", re.DOTALL
)
"""Canvas' "download submissions" (app/models/content_zipper.rb)."""

_FOREIGN = re.compile(r"(?:\.tar)?\.(?:rar|7z|gz|tgz|tar|bz2|xz)$", re.IGNORECASE)
"""Archives that are not read, which deserve a sentence."""

_DOCUMENT = re.compile(r"\.(?:pdf|py|html?|docx?|odt|rtf|txt|md|json|zip)$", re.IGNORECASE)

_SHARED = {
    "assets", "corrige", "data", "dataset", "datasets", "doc", "docs", "donnees", "enonce", "figures", "images", "img",
    "lib", "models", "modeles", "resources", "ressources", "solution", "solutions", "src", "sujet", "template",
}  # fmt: skip

FEW = 4
"""Attempts of one name, which are told apart by their moments."""

_NBGRADER = {"source", "release", "submitted", "autograded", "feedback", "exchange"}


@dataclass(slots=True)
class Group:
    """What one student handed in."""

    name: str
    participant: str = ""
    """Moodle's or Canvas' number of the person; empty elsewhere."""
    late: bool = False
    exact: bool = True
    """Whether the name was written as it is shown, without anything that nobody sees."""
    written: str = ""
    """The name as it was, where signs that nobody sees stand in it."""
    leaves: list[Leaf] = field(default_factory=list)
    """Paths are below the student's own folder."""
    blemishes: list[Blemish] = field(default_factory=list)
    places: dict[PurePosixPath, PurePosixPath] = field(default_factory=dict)
    """Path below the student's folder -> path below the inbox."""
    moments: dict[PurePosixPath, str] = field(default_factory=dict)
    """Path below the student's folder -> a sortable sign of when it was handed in, where the name holds one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """Who, and under which name the file lies in the student's own folder."""

    name: str
    participant: str = ""
    inner: PurePosixPath
    late: bool = False
    moment: str = ""


def notebook_stem(path: PurePosixPath) -> str | None:
    """The file name without its ending when it is that of a notebook."""
    found = _NOTEBOOK.fullmatch(path.name)
    return found["stem"] if found else None


def groups(listing: Listing, inbox: str, people: Sequence[Person] = ()) -> list[Group]:
    """Sort the files of one inbox by student, in the order in which they were found."""
    listing = _unwrapped(listing, inbox)
    entries: list[Leaf | Blemish] = [*listing.leaves, *listing.blemishes]
    habits = _habits(listing, inbox)
    shared = _shared(listing)
    found: dict[tuple[str, str], Group] = {}

    def group_of(label: Label) -> Group:
        shown = names.clean(label.name)
        written = label.name if names.hides(label.name) or names.heaped(label.name) else ""
        new = Group(shown, label.participant, exact=shown == label.name, written=written)
        return found.setdefault((label.name, label.participant), new)

    for entry in entries:
        label = _label(entry.path, habits)
        if label is not None and _is_work(entry, label, shared, people):
            _join(group_of(label), entry, label)
    for folder in sorted(listing.folders - shared):
        label = _label(folder / "-", habits)
        if label is not None:
            group_of(label)
    if not habits.moodle:
        for group in found.values():
            _warn(group)
    return [replace(group, name=_telling(group)) for group in found.values()]


def _warn(group: Group) -> None:
    """Within a folder of one's own, any name can be written."""
    inner = next((part for path in group.places for part in path.parts[:-1] if _MOODLE.fullmatch(part)), None)
    if inner is not None:
        reason = say(
            "A folder in it is called as Moodle calls those of students ({folder}), and was taken for a part of this "
            "hand-in. If it is a download of Moodle's, name that folder by itself.",
            folder=names.clean(inner),
        )
        group.blemishes.append(Blemish(path=PurePosixPath(inner), reason=reason))


def _telling(group: Group) -> str:
    """Blind marking calls everybody by one word: the number tells them apart."""
    anonymous = group.name.casefold() in {"participant", "participante", "teilnehmer", "anon"}
    return f"{group.name} {group.participant}" if anonymous and group.participant else group.name


def _join(group: Group, entry: Leaf | Blemish, label: Label) -> None:
    group.late = group.late or label.late
    inner = label.inner
    if isinstance(entry, Blemish):
        group.blemishes.append(entry)
        return
    given, more = inner, 0
    while inner in group.places:  # two downloads of one person may hold files of the same name
        more += 1
        # Of thousands, not each is tried: the number of files so far is free, or nearly so.
        mark = "_" * more if more <= FEW else f"_{len(group.places) + more}"
        inner = given.with_name(f"{given.stem}{mark}{given.suffix}")
    group.leaves.append(replace(entry, path=inner))
    group.places[inner] = entry.path
    if label.moment:
        group.moments[inner] = label.moment


@dataclass(frozen=True, slots=True)
class _Habits:
    """What the names of this inbox may be believed to say: below the top, students choose them."""

    prefix: str
    moodle: bool
    """Moodle's names count below the top as well: every notebook has one."""
    canvas: bool
    """The same of Canvas' names within a zip."""


def _habits(listing: Listing, inbox: str) -> _Habits:
    parts = [leaf.path.parts for leaf in listing.leaves if notebook_stem(leaf.path) is not None]
    theirs = [one for one in parts if len(one) == 1 or names.slug(one[0]) not in _SHARED]
    return _Habits(
        prefix=_common_prefix(listing, inbox),
        moodle=all(any(_MOODLE.fullmatch(part) for part in one) for one in theirs),
        canvas=all(any(_canvas(part) for part in one[:2]) for one in theirs),
    )


def _label(path: PurePosixPath, habits: _Habits) -> Label | None:
    parts = path.parts
    for at, part in enumerate(parts if habits.moodle else parts[:1]):
        moodle = _MOODLE.fullmatch(part)
        if moodle:
            rest = ([moodle["file"]] if moodle["file"] else []) + list(parts[at + 1 :])
            return Label(name=moodle["name"], participant=moodle["pid"], inner=PurePosixPath(*rest or ["-"]))
    if habits.canvas and len(parts) > 1 and _is_download(parts[0]) and _canvas(parts[1]):
        parts = parts[1:]
    return _canvas_label(parts) or _plain_label(parts, habits.prefix)


def _is_download(part: str) -> bool:
    """Whether it is a zip of a whole class; one that Canvas named itself is a student's, who chose the names in it."""
    return is_archive(PurePosixPath(part)) and not _canvas(part)


def _canvas(part: str) -> re.Match[str] | None:
    if names.attempt(PurePosixPath(part).stem)[1]:
        return None  # alice_2026_11_20.ipynb
    return _CANVAS_ANONYMOUS.fullmatch(part) or _CANVAS.fullmatch(part)


def _canvas_label(parts: tuple[str, ...]) -> Label | None:
    canvas = _canvas(parts[0]) if parts else None
    if not canvas:
        return None
    inner = PurePosixPath(canvas["file"], *parts[1:])
    moment = canvas["aid"].zfill(14)
    return Label(name=canvas["name"], participant=canvas["uid"], inner=inner, late=bool(canvas["late"]), moment=moment)


def _plain_label(parts: tuple[str, ...], prefix: str) -> Label | None:
    if not parts:
        return None
    top = PurePosixPath(parts[0])
    if len(parts) > 1:  # a folder, or a zip that stands for one
        name = top.stem if is_archive(top) else parts[0]
        name = re.sub(r"-(?:main|master)$", "", name.removeprefix(prefix)) if prefix else name
        base, late = names.late(name)
        return Label(name=base, inner=PurePosixPath(*parts[1:]), late=late)
    stem = notebook_stem(top) or _DOCUMENT.sub("", _FOREIGN.sub("", top.name))
    base, moment = names.attempt(names.original(stem) or stem)
    base, late = names.late(base)
    return Label(name=base, inner=top, late=late, moment=moment)


def _is_work(entry: Leaf | Blemish, label: Label, shared: set[PurePosixPath], people: Sequence[Person]) -> bool:
    """Whether this may be somebody's: a loose README or class list is not, nor is a folder of shared data."""
    top = PurePosixPath(entry.path.parts[0])
    if label.participant or is_archive(top):
        return True
    if len(entry.path.parts) > 1:
        return top not in shared
    if notebook_stem(top) or _FOREIGN.search(top.name) or match(people, label.name, ""):
        return True
    return isinstance(entry, Blemish) and not top.suffix and names.slug(top.name) not in _SHARED


def _shared(listing: Listing) -> set[PurePosixPath]:
    """Folders at the top that hold no notebook and are called as no student is."""
    tops = {PurePosixPath(leaf.path.parts[0]) for leaf in listing.leaves if len(leaf.path.parts) > 1} | listing.folders
    full = {PurePosixPath(leaf.path.parts[0]) for leaf in listing.leaves if notebook_stem(leaf.path)}
    return {top for top in tops - full if names.slug(top.name) in _SHARED}


def _unwrapped(listing: Listing, inbox: str) -> Listing:
    """Step into nbgrader's ``submitted/`` and into the folder that zipping a folder adds."""
    entries: list[Leaf | Blemish] = [*listing.leaves, *listing.blemishes]
    tops = {entry.path.parts[0] for entry in entries if entry.path.parts}
    tops |= {folder.parts[0] for folder in listing.folders}
    full = {leaf.path.parts[0] for leaf in listing.leaves if notebook_stem(leaf.path) is not None}
    if tops == {"submitted"} or ("submitted" in full <= _NBGRADER and len(tops & _NBGRADER) > 1):
        return _stepped(listing, "submitted")
    only = next(iter(tops)) if len(tops) == 1 else ""
    theirs = _MOODLE.fullmatch(only) or _canvas(only)
    if only and inbox.casefold().endswith(".zip") and not theirs and _is_wrapper(listing, only, inbox):
        return _unwrapped(_stepped(listing, only), inbox)
    return listing


def _is_wrapper(listing: Listing, only: str, inbox: str) -> bool:
    inner = [leaf.path for leaf in listing.leaves if len(leaf.path.parts) > 1]
    if not inner:
        return False
    stem = names.slug(re.sub(r" \(\d+\)$", "", inbox[:-4]))
    own = names.slug(only)
    holders = {path.parts[1] for path in inner if len(path.parts) > 2 and notebook_stem(path)}
    systems = any(_MOODLE.fullmatch(path.parts[1]) or _canvas(path.parts[1]) for path in inner)
    return own == stem or len(holders) > 1 or systems


def _stepped(listing: Listing, top: str) -> Listing:
    inside = [leaf for leaf in listing.leaves if leaf.path.parts[0] == top and len(leaf.path.parts) > 1]
    spots = [spot for spot in listing.blemishes if spot.path.parts[:1] == (top,) and len(spot.path.parts) > 1]
    below = {PurePosixPath(leaf.path.parts[1]) for leaf in inside if len(leaf.path.parts) > 2}
    return Listing(
        leaves=[replace(leaf, path=PurePosixPath(*leaf.path.parts[1:])) for leaf in inside],
        blemishes=[replace(spot, path=PurePosixPath(*spot.path.parts[1:])) for spot in spots],
        folders=below,
        repositories={PurePosixPath(*place.parts[1:]) for place in listing.repositories if place.parts[:1] == (top,)},
    )


def _common_prefix(listing: Listing, inbox: str) -> str:
    """``tp1-`` of GitHub Classroom's ``tp1-alice`` and ``tp1-bob``; only where every folder is a clone."""
    tops = sorted({leaf.path.parts[0] for leaf in listing.leaves if len(leaf.path.parts) > 1})
    clones = {str(place) for place in listing.repositories}
    if not tops or any(top not in clones and not re.search(r"-(?:main|master)(?:\.zip)?$", top) for top in tops):
        return ""
    first, last = tops[0], tops[-1]  # sorted: what these two share, all share
    same = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    shared = first[:same] if len(tops) > 1 else f"{inbox.removesuffix('-submissions')}-"
    prefix = shared[: shared.rfind("-") + 1]
    return prefix if all(len(top) > len(prefix) for top in tops) and tops[0].startswith(prefix) else ""
