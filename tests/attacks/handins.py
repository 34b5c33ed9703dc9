"""What may lie in an inbox: archives, links, devices, names, and notebooks that are too much."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from autograder.records import Json
from tests.attacks.record import HandIn

HONEST = json.dumps(
    {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [{"cell_type": "code", "source": "x = 1", "metadata": {}, "outputs": [], "execution_count": None}],
    }
).encode()
_NAMES = "names are read, never used as paths"
_CAPS = "sizes and numbers are capped before anything is parsed"
_LSTAT = "only regular files are opened, and no link is followed"


def zipped(members: Mapping[str, bytes], *more: tuple[zipfile.ZipInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        for info, content in more:
            archive.writestr(info, content)
    return buffer.getvalue()


def _file(name: str, content: bytes) -> Callable[[Path], None]:
    def put(inbox: Path) -> None:
        (inbox / name).parent.mkdir(parents=True, exist_ok=True)
        (inbox / name).write_bytes(content)

    return put


def _member(name: str, kind: int = 0o100644, content: bytes = b"x") -> Callable[[Path], None]:
    """A zip with an honest notebook and one member more."""

    def put(inbox: Path) -> None:
        info = zipfile.ZipInfo("placeholder")
        info.filename, info.external_attr = name, kind << 16
        (inbox / "ada.zip").write_bytes(zipped({"tp.ipynb": HONEST}, (info, content)))

    return put


def _nul(inbox: Path) -> None:
    content = zipped({"tp.ipynb": HONEST, "aXb.py": b"x"})
    (inbox / "ada.zip").write_bytes(content.replace(b"aXb.py", b"a\0b.py"))


def _link(inbox: Path) -> None:
    secret = inbox.parent / "secret.ipynb"
    secret.write_bytes(HONEST.replace(b"x = 1", b"secret = 1"))
    (inbox / "ada.ipynb").symlink_to(secret)


def _folder_link(inbox: Path) -> None:
    (inbox.parent / "bob").mkdir()
    (inbox.parent / "bob" / "tp.ipynb").write_bytes(HONEST.replace(b"x = 1", b"secret = 1"))
    (inbox / "ada").symlink_to(inbox.parent / "bob")


def _pipe(inbox: Path) -> None:
    (inbox / "ada").mkdir()
    (inbox / "ada" / "tp.ipynb").write_bytes(HONEST)
    os.mkfifo(inbox / "ada" / "data.csv")


def _clash(inbox: Path) -> None:
    files = {"tp.ipynb": HONEST, "data.csv": b"1", "DATA.csv": b"2", "a": b"3", "a/b.csv": b"4"}
    (inbox / "ada.zip").write_bytes(zipped(files))


def _bomb(inbox: Path) -> None:
    (inbox / "ada.zip").write_bytes(zipped({"tp.ipynb": HONEST, "zeros.bin": bytes(50 << 20)}))


def _nested(inbox: Path) -> None:
    content = zipped({"tp.ipynb": HONEST})
    for _ in range(5):
        content = zipped({"inner.zip": content})
    (inbox / "ada.zip").write_bytes(content)


def _cells(count: int, source: str, kind: str = "code") -> bytes:
    cell: dict[str, Json] = {"cell_type": kind, "source": source, "metadata": {}}
    return json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell] * count}).encode()


def _name(name: str) -> Callable[[Path], None]:
    return _file(f"{name}/tp.ipynb", HONEST)


def _refused(id: str, tries: str, put: Callable[[Path], None], said: str, stopped_by: str = _CAPS) -> HandIn:
    return HandIn(id=id, tries=tries, stopped_by=stopped_by, must="refused in a sentence, at once", put=put, said=said)


def _noted(id: str, tries: str, put: Callable[[Path], None], said: str, stopped_by: str = _NAMES) -> HandIn:
    must = "left aside and said; the notebook is graded"
    return HandIn(id=id, tries=tries, stopped_by=stopped_by, must=must, put=put, said=said, graded=True)


def _named(id: str, tries: str, name: str) -> HandIn:
    must = "the folder of the results has a plain name"
    stopped_by = "ids are made of lower-case letters, digits, dots and dashes"
    return HandIn(id=id, tries=tries, stopped_by=stopped_by, must=must, put=_name(name), said="", graded=True)


HANDINS = (
    _noted("slip", "a member above the archive", _member("../../escaped.py"), "forbidden name"),
    _noted("absolute", "a member with an absolute name", _member("/tmp/escaped.py"), "forbidden name"),
    _noted(
        "backslash", "a member above the archive, as Windows writes it", _member("..\\..\\escaped.py"), "forbidden name"
    ),
    _noted("drive", "a member on another drive", _member("C:/escaped.py"), "forbidden name"),
    _noted("nul", "a member with a zero byte in its name", _nul, "forbidden name"),
    _noted("link-in-zip", "a member that is a link", _member("link.py", 0o120777, b"/etc/passwd"), "links", _LSTAT),
    _noted("device-in-zip", "a member that is a device", _member("disk", 0o60660), "not a regular file", _LSTAT),
    _noted("pipe", "a pipe that never answers", _pipe, "not a regular file", _LSTAT),
    _refused("link", "a link to another student's work", _link, "link", _LSTAT),
    _noted("clash", "names that differ in case, and one that is a file and a folder", _clash, "left out"),
    _noted("zip-bomb", "fifty megabytes of zeros", _bomb, "almost nothing", _CAPS),
    _refused("nested-zips", "archives within archives", _nested, "inside an archive"),
    _refused("cells", "a hundred thousand cells", _file("ada.ipynb", _cells(100_000, "1")), "cells"),
    _refused(
        "markdown",
        "thirty megabytes of Markdown",
        _file("ada.ipynb", _cells(1, "*" * (30 << 20), "markdown")),
        "too large",
    ),
    _refused("depth", "a hundred thousand brackets", _file("ada.ipynb", b"[" * 100_000), "nested too deeply"),
    _refused(
        "values", "two million empty objects", _file("ada.ipynb", b"[" + b"{}," * 2_000_000 + b"{}]"), "nested values"
    ),
    _refused(
        "digits", "a number of a million digits", _file("ada.ipynb", b'{"nbformat":' + b"9" * 1_000_000 + b"}"), "JSON"
    ),
    _named("traversal", "a folder called like the way up", "-..-..-ada"),
    _named("reserved", "a device of Windows", "aux"),
    _named("bidi", "text that reads backwards and characters without width", "ada\u202egnp.\u200b\u2066"),
    _named("look-alike", "Cyrillic letters that look Latin", "\u0430d\u0430"),
    _named("script", "a script", "<script>alert(1)<"),
    _named("formula", "a formula", "=HYPERLINK(A1)"),
    _named("terminal", "escape sequences of a terminal", "ada\x1b]0;x\x07\x1b[2J"),
    _named("long", "a name of two hundred letters", "a" * 200),
)
