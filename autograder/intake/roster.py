"""The class list: who should have handed in."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import ConfigError
from autograder.intake.names import clean, slug

_COLUMNS = {
    "id": {
        "id", "student id", "student_id", "identifiant", "id number", "numero d'identification", "numero",
        "numero etudiant", "sid", "sis user id", "sis id", "login", "sis login id", "username", "user",
        "nom d'utilisateur", "matricule", "code", "roster_identifier",
    },
    "participant": {"identifier"},
    "name": {
        "name", "full name", "nom complet", "student", "etudiant", "eleve", "nom et prenom", "nom prenom", "fullname",
    },
    "first": {"first name", "first_name", "firstname", "prenom", "given name"},
    "last": {"last name", "last_name", "lastname", "nom", "nom de famille", "surname", "family name"},
    "email": {
        "email", "e-mail", "mail", "email address", "adresse de courriel", "courriel", "adresse mail", "adresse e-mail",
    },
}  # fmt: skip
"""Field -> headings in French and English, without accents and case."""

_PARTICIPANT = re.compile(r"\D*?(\d+)\s*")
"""Moodle writes ``Participant 12345`` in English and ``Participant12345`` in French."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Person:
    """One line of the class list; at least one of ``id`` and ``name`` is there."""

    id: str = ""
    name: str = ""
    email: str = ""
    participant: str = ""
    """The number that Moodle puts into folder names."""

    @property
    def keys(self) -> frozenset[str]:
        """Everything a folder or file could be called that means this person."""
        tokens = re.split(r"[-._]+", slug(self.name)) if slug(self.name) else []
        turned = (tokens[i:] + tokens[:i] for i in range(len(tokens)))
        joined = {"".join(turn) for turn in turned} | {"".join(sorted(tokens))}
        return frozenset(
            {key for key in (slug(self.id), slug(self.email), slug(self.email.partition("@")[0])) if key}
            | joined - {""}
        )


def read_roster(path: Path) -> tuple[Person, ...]:
    """Read a CSV with a heading line; commas, semicolons, tabs or bars; UTF-8 or Windows-1252.

    Raises ConfigError when there is no column that says who a line is about, or when different people have one id.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"the class list cannot be read: {error.strerror}", place=str(path), remedy="Check the path."
        ) from error
    text = _decoded(raw)
    heading = text.partition("\n")[0]
    delimiter = max(",;\t|", key=heading.count)
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=delimiter))
    except csv.Error as error:
        raise ConfigError(f"no CSV file: {error}", place=str(path), remedy="Save the class list as CSV.") from error
    fields = _fields(rows[0] if rows else [])
    if not {"id", "name", "last", "email", "participant"} & fields.keys():
        raise ConfigError(
            f"no column says who a line is about; found: {clean(', '.join(rows[0] if rows else []))!r}",
            place=f"{path}:1",
            remedy="Name a column id, name (or first name and last name) or email.",
        )
    people = (_person({field: row[at].strip() for field, at in fields.items() if at < len(row)}) for row in rows[1:])
    found = tuple(dict.fromkeys(person for person in people if person.keys or person.participant))
    twice = [name for name, count in Counter(person.id for person in found if person.id).items() if count > 1]
    if twice:
        raise ConfigError(
            f"different people have one id: {clean(', '.join(twice[:5]))}",
            place=str(path),
            remedy="Give each its own: grades are kept by it.",
        )
    return found


def _decoded(raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def _fields(heading: Sequence[str]) -> Mapping[str, int]:
    plain = [slug(title.strip()).replace("-", " ").replace("_", " ") for title in heading]
    wanted = {
        field: {slug(title).replace("-", " ").replace("_", " ") for title in titles}
        for field, titles in _COLUMNS.items()
    }
    found = {
        field: next((at for at, title in enumerate(plain) if title in titles), None) for field, titles in wanted.items()
    }
    return {field: at for field, at in found.items() if at is not None}


def _person(row: Mapping[str, str]) -> Person:
    name = row.get("name") or f"{row.get('first', '')} {row.get('last', '')}".strip()
    identifier = row.get("id", "")
    # Moodle's own worksheet calls "Participant 12345" an identifier (Identifiant); it is no student's id.
    moodle = row.get("participant") or (identifier if identifier.casefold().startswith("participant") else "")
    number = _PARTICIPANT.fullmatch(moodle)
    if not number and row.get("participant"):
        identifier = identifier or row["participant"]
    return Person(
        id=clean("" if number and identifier == moodle else identifier),
        name=clean(name),
        email=clean(row.get("email", "")),
        participant=number[1] if number else "",
    )


def match(people: Iterable[Person], name: str, participant: str) -> Person | None:
    """Who handed this in; None when nobody or more than one person answers to the name."""
    everybody = tuple(people)
    by_number = [person for person in everybody if participant and person.participant == participant]
    if len(by_number) == 1:
        return by_number[0]
    plain = slug(name)
    tokens = [token for token in re.split(r"[-._]+", plain) if token]
    wanted = {plain, "".join(tokens), "".join(sorted(tokens))} - {""}
    found = [person for person in everybody if wanted & person.keys]
    return found[0] if len(found) == 1 else None
