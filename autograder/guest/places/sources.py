"""Cells as people write them: with commands of a shell, magics, questions, and lines that Python 3 cannot read."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Collection
from typing import Any

from .. import repairs  # type: ignore[attr-defined, unused-ignore]  # repairs.py is the host's own, sent along
from ..imports import Actions
from ..things import Thing
from . import commands, magics, prompts

Lines = list[str]


def actions(session: Thing) -> Actions:
    return {**prompts.debuggers(session), **magics.figures(session)}


def stand_ins(session: Thing) -> Actions:
    return prompts.absent_debuggers(session)


def begin(session: Thing, shell: Thing) -> None:
    """Lay our own answers over IPython's commands, magics and readings of a cell."""
    commands.install(session, shell)
    magics.install(session, shell)
    prompts.install(session, shell)
    shell.input_transformers_cleanup.insert(0, Reader(session, shell).read)
    _old_names(session, shell)


class Reader:
    """Makes a cell readable where that is possible, and tells once the cell runs."""

    def __init__(self, session: Thing, shell: Thing) -> None:
        self.session = session
        self.shell = shell
        self.told: list[tuple[str, str]] = []
        """Of the cell that is about to run: it has no number before it does."""
        self.running = False
        shell.events.register("pre_run_cell", self._begun)
        shell.events.register("post_run_cell", self._ended)

    def read(self, lines: Lines) -> Lines:
        """The first of IPython's own transformations of a cell."""
        try:
            text = self._readable("".join(lines))
        except Exception as error:
            self.session.recorder.note(f"sources: {type(error).__name__}: {error}")
            return lines
        return text.splitlines(keepends=True)

    def _readable(self, text: str) -> str:
        known = self.shell.magics_manager.magics
        tidied = spaced(text, known["line"])
        if tidied != text:
            self._tell(repairs.changes(text, tidied))
        text = placed(tidied, known["cell"])
        if text != tidied:
            self._tell([(f"a comment above {text.split()[0]}", f"{text.split()[0]} in the first line")])
        if read(text):
            return text
        repaired: str | None = repairs.repaired(text, read, (*repairs.PASTED, _modern))
        if repaired is None:
            return text
        self._tell(repairs.changes(text, repaired))
        return repaired

    def _tell(self, changed: list[tuple[str, str]]) -> None:
        self.told += changed
        if self.running:
            self._flush()

    def _flush(self) -> None:
        for old, new in self.told:
            self.session.adapt("spelling", old, new)
        self.told = []

    def _begun(self, *_: Thing) -> None:
        self.running = True
        self._flush()

    def _ended(self, *_: Thing) -> None:
        self.running = False


def read(text: str) -> bool:
    """Whether IPython, as it comes, makes Python of a cell."""
    return bool(repairs.parses(_transformed(text)))


def _transformed(text: str) -> str:
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        return str(TransformerManager().transform_cell(text))
    except (SyntaxError, RuntimeError):
        return text


def _modern(text: str) -> str:
    """Python 2, in a cell without magics: those become calls first."""
    plain = _transformed(text)
    modern = repairs.python_2(plain)
    return text if modern == plain else modern


_SPACED = re.compile(r"^([ \t]*)%[ \t]+(?=(\w+))", re.MULTILINE)
_UNDER_COMMENTS = re.compile(r"\A((?:[ \t]*(?:#.*)?\n)+)[ \t]*%%[ \t]*(\w+)")


def spaced(text: str, known: Collection[str]) -> str:
    """``% matplotlib inline`` without its space, where the line cannot be the end of an expression."""
    if not _SPACED.search(text) or repairs.parses(text):
        return text
    return _SPACED.sub(lambda match: f"{match[1]}%" if match[2] in known else match[0], text)


def placed(text: str, known: Collection[str]) -> str:
    """``%%time`` below a title in a comment, as Colab has it: IPython wants it first."""
    match = _UNDER_COMMENTS.match(text)
    if match is None or match[2] not in known or not match[1].strip():
        return text
    return text[match.end(1) :].lstrip(" \t")


# --- names that Python 3 has no more -------------------------------------------------------------------------------


def _old_names(session: Thing, shell: Thing) -> None:
    """In the notebook's own namespace, where no library looks to find out which Python this is."""

    def old(name: str, new: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Thing, **keywords: Thing) -> Thing:
            session.adapt("spelling", f"{name}(...)", f"{new}(...)")
            return function(*arguments, **keywords)

        return called

    names = {
        "xrange": old("xrange", "range", range),
        "raw_input": old("raw_input", "input", lambda *arguments: shell.kernel.raw_input(*arguments)),
        "unicode": old("unicode", "str", str),
        "reduce": old("reduce", "functools.reduce", functools.reduce),
    }

    def give(*_: Thing) -> None:
        """Again after ``%reset``."""
        if "xrange" not in shell.user_ns:
            shell.user_ns.update(names)
            shell.user_ns_hidden.update(names)

    give()
    shell.events.register("pre_run_cell", give)
