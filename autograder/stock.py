"""The data sets that a teacher has set up, and which of them serves a notebook.

Nothing is downloaded because of what a notebook says: only a name that the teacher typed is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from autograder import datasets
from autograder.datasets import AUTO, NAMES
from autograder.errors import DataError
from autograder.notebook.dataset import Wanted
from autograder.records import Message, say
from autograder.wellknown import BUNDLED, GREY, KNOWN, named, title

LAST_RESORT = "digits"
"""Always there: embedded. It stands in for other grey images where nothing better is set up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One data set that can be served."""

    source: str
    """What ``datasets.load`` takes: a name, or the path of a file."""
    shape: tuple[int, ...]
    classes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a notebook is run on, and what its readers are told about that."""

    name: str = ""
    """Of the stock; empty when nothing that is set up can serve the notebook."""
    others: tuple[str, ...] = ()
    """Further sets that the notebook loads and that are set up."""
    notes: tuple[Message, ...] = ()
    refusal: Message | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """By name: a well-known one, or that of the file."""

    entries: Mapping[str, Entry] = field(default_factory=dict)
    typed: tuple[str, ...] = ()
    """Sets that stand on the command line, in its order."""

    def choose(self, wanted: Wanted | None) -> Choice:
        """The set itself, else images of the same form in its place, said; else a refusal that says what is missing."""
        if wanted is None:
            return self._unrecognised()
        if wanted.name in self.entries:
            others = tuple(name for name in wanted.others if name in self.entries)
            return Choice(name=wanted.name, others=others, notes=tuple(_several(wanted, others)))
        if wanted.name in BUNDLED:
            return self._bundled(wanted)
        known = KNOWN.get(wanted.name)
        found = self._like(known.shape if known else wanted.shape, known.classes if known else None)
        if not found:
            return Choice(refusal=_missing(wanted))
        others = tuple(name for name in wanted.others if name in self.entries and name != found)
        return Choice(name=found, others=others, notes=(_instead(wanted, found), *_unserved(wanted, others)))

    def _like(self, shape: tuple[int, ...], classes: int | None) -> str:
        """A set of this form: the well-known ones first, the embedded one last; empty: none."""
        order = [
            *(name for name in NAMES if name != LAST_RESORT),
            *sorted(self.entries.keys() - set(NAMES)),
            LAST_RESORT,
        ]
        fitting = (
            name
            for name in order
            if name in self.entries
            and self.entries[name].shape == shape
            and classes in (None, self.entries[name].classes)
        )
        return next(fitting, "") if shape else ""

    def _bundled(self, wanted: Wanted) -> Choice:
        """What the notebook has without us: it runs beside a set that it loads as well, or beside any."""
        others = [name for name in wanted.others if name in self.entries]
        name = next(iter(others), "") or self._unrecognised().name
        note = say(
            "The notebook uses {name}, which comes with scikit-learn and is no data set of this assignment: models "
            "trained on it cannot be measured.",
            name=title(wanted.name),
        )
        return Choice(name=name, others=tuple(others[1:]), notes=(note,))

    def _unrecognised(self) -> Choice:
        name = next(iter(self.typed), "") or self._like(GREY, 10)
        return Choice(
            name=name,
            notes=(say("No data set was recognised in the notebook; it was run on {served}.", served=title(name)),),
        )


def is_single(values: Sequence[str]) -> bool:
    """Whether these values of ``--data`` name one data set, from which everything is served."""
    return len(values) == 1 and values[0] != AUTO and not Path(values[0]).expanduser().is_dir()


def configured(values: Sequence[str], folder: Path) -> Stock:
    """What the values of ``--data`` name, then the files of ``folder``, then Keras' cache; the first of a name wins.

    Raises DataError for a value that names nothing, and for two files of one set on the command line.
    """
    entries: dict[str, Entry] = {}
    own = dict(_in_folder(folder))
    for value in values:
        for name, entry in _of_value(value, own):
            if name in entries:
                raise DataError(
                    f"{value} and {entries[name].source} both are {title(name)}",
                    place="--data",
                    remedy="Give one of them, or name the files after what they hold.",
                )
            entries[name] = entry
    typed = tuple(entries)
    always = {LAST_RESORT: _by_name(LAST_RESORT)}
    return Stock(entries={**always, **dict(_in_cache()), **own, **entries}, typed=typed)


def single(value: str, folder: Path) -> str:
    """What ``datasets.load`` is to take for the one value of ``--data``: a file of ``folder`` before anything else."""
    found = dict(_in_folder(folder)) if value in NAMES else {}
    return found[value].source if value in found else value


def _of_value(value: str, own: Mapping[str, Entry]) -> Iterator[tuple[str, Entry]]:
    path = Path(value).expanduser()
    if value == AUTO:
        return
    if value in NAMES:
        yield value, own.get(value) or _by_name(value)
    elif path.is_dir():
        files = list(_in_folder(path))
        if not files:
            raise DataError("no .npz file in this folder", place=value, remedy="Put data sets there, like mnist.npz.")
        yield from files
    elif path.suffix == ".npz":
        yield _of_file(path)
    else:
        raise DataError(
            f"unknown data set {value!r}",
            place="--data",
            remedy=f"Choose among {', '.join(NAMES)}, 'auto', the path of an .npz file, or a folder of them.",
        )


def _in_folder(folder: Path) -> Iterator[tuple[str, Entry]]:
    """Of several files of one set the first by name."""
    found: dict[str, Entry] = {}
    for path in sorted(folder.glob("*.npz")) if folder.is_dir() else ():
        name, entry = _of_file(path)
        found.setdefault(name, entry)
    yield from found.items()


def _in_cache() -> Iterator[tuple[str, Entry]]:
    return ((name, _by_name(name)) for name in NAMES if datasets.cached(name) is not None)


def _by_name(name: str) -> Entry:
    return Entry(source=name, shape=KNOWN[name].shape, classes=KNOWN[name].classes)


def _of_file(path: Path) -> tuple[str, Entry]:
    """A file is what its name says; else the well-known set of its form; else a set of its own name."""
    shape, classes = datasets.form(path)
    entry = Entry(source=str(path), shape=shape, classes=classes)
    told = named(path.stem)
    if told and KNOWN[told[0]].shape == shape:
        return told[0], entry
    alike = (
        name for name in NAMES if name != LAST_RESORT and (KNOWN[name].shape, KNOWN[name].classes) == (shape, classes)
    )
    return (path.stem if told else next(alike, path.stem)), entry


# --- what people are told ------------------------------------------------------------------------------------------


def _instead(wanted: Wanted, served: str) -> Message:
    if not wanted.name:
        return say(
            "The notebook does not say which data set it uses; by the form of its images, it was run on {served}.",
            served=title(served),
        )
    return say(
        "The notebook asks for {wanted}, which is not configured here; it was run on {served} images instead: "
        "its accuracies are not those of {wanted}.",
        wanted=title(wanted.name),
        served=title(served),
    )


def _several(wanted: Wanted, others: Sequence[str]) -> Iterator[Message]:
    if wanted.others:
        yield say(
            "The notebook loads several data sets ({names}); it is graded on {name}.",
            names=", ".join(map(title, (wanted.name, *wanted.others))),
            name=title(wanted.name),
        )
    yield from _unserved(wanted, others)


def _unserved(wanted: Wanted, others: Sequence[str]) -> Iterator[Message]:
    if missing := [name for name in wanted.others if name not in others]:
        yield say("Not configured here, so not served: {names}.", names=", ".join(map(title, missing)))


def _missing(wanted: Wanted) -> Message:
    if not wanted.name:
        size = "×".join(map(str, wanted.shape))
        return say(
            "The notebook works on images of {size} pixels, and no such data set is configured here, so it was not "
            "run. Your teacher can add one: a file like cifar10.npz in the folder data/, or with --data.",
            size=size,
        )
    return say(
        "The notebook asks for {wanted}, which is not configured here, nor is any data set of the same form, so it was "
        "not run. Your teacher can add it: {file} in the folder data/, or with --data.",
        wanted=title(wanted.name),
        file=f"{wanted.name}.npz",
    )


__all__ = ["Choice", "Entry", "Stock", "configured", "is_single", "single"]
