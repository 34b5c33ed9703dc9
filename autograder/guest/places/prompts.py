"""Questions to a person who is not there: ``input()``, passwords, debuggers."""

from __future__ import annotations

import linecache
import re
import sys
from types import ModuleType

from ..imports import Actions
from ..things import Thing

MOST = 20
"""Questions that are answered in one cell: a loop that wants a better answer than ours would never end."""

NO_DEBUGGER = "no debugger was started"
WITH_ONE = "answered with 1"
WITH_NOTHING = "answered with nothing"

_NUMBER = re.compile(r"\b(?:int|float|eval)\s*\(\s*(?:raw_)?input\s*\(")


def install(session: Thing, shell: Thing) -> None:
    """Answer as somebody would who only presses Enter, and with 1 where a number is read."""
    kernel = shell.kernel
    refuse, refuse_secret = kernel.raw_input, kernel.getpass
    asked: dict[int | None, int] = {}

    def over() -> bool:
        count = session.count()
        asked[count] = asked.get(count, 0) + 1
        return asked[count] > MOST

    def raw_input(prompt: object = "") -> str:
        if over():
            return str(refuse(prompt))
        frame = sys._getframe(1)
        line = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
        answer = "1" if _NUMBER.search(line) else ""
        print(f"{prompt}{answer}")
        session.adapt("absent", f"input({str(prompt)[:80]!r})", WITH_ONE if answer else WITH_NOTHING)
        return answer

    def getpass(prompt: object = "", *arguments: Thing, **keywords: Thing) -> str:
        if over():
            return str(refuse_secret(prompt, *arguments, **keywords))
        session.adapt("absent", f"getpass({str(prompt)[:80]!r})", WITH_NOTHING)
        return ""

    kernel.raw_input, kernel.getpass = raw_input, getpass
    sys.breakpointhook = nothing(session, "breakpoint()")


def nothing(session: Thing, called: str) -> Thing:
    """A function that takes anything, does nothing, and is noted as a debugger that was not started."""

    def skipped(*_: Thing, **__: Thing) -> None:
        session.adapt("absent", called, NO_DEBUGGER)

    return skipped


_DEBUGGERS = {
    "pdb": ("set_trace", "post_mortem", "pm", "run", "runcall"),
    "IPython.core.debugger": ("set_trace",),
    "IPython": ("embed", "start_ipython"),
    "code": ("interact",),
}


def debuggers(session: Thing) -> Actions:
    """Hooks on modules that would read from a terminal."""

    def silence(module: ModuleType) -> None:
        for name in _DEBUGGERS[module.__name__]:
            setattr(module, name, nothing(session, f"{module.__name__}.{name}()"))

    return dict.fromkeys(_DEBUGGERS, silence)


def absent_debuggers(session: Thing) -> Actions:
    """Stand-ins for debuggers that are not installed."""

    def fill(module: ModuleType) -> None:
        for name in ("set_trace", "post_mortem", "pm"):
            setattr(module, name, nothing(session, f"{module.__name__}.{name}()"))

    return dict.fromkeys(("ipdb", "pudb"), fill)
