"""IPython's own commands in a cell: where it looks for them, nothing else is taken for one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_PARTING = "\x0b\x0c\x1c-\x1e\x85\u2028\u2029"
"""Signs that end a line for IPython, and so a command, and none for Python."""
_COMMAND = re.compile(
    rf"(\s*+)(?:[%!?,;/][^{_PARTING}]*+|[\w.]++\?{{1,2}}[ \t]*+(?=[{_PARTING}]|$)"
    rf"|[\w,. ]++(?:\[[^\]=]*+\][ ]?)?=\s*+[!%][^{_PARTING}]*+)"
)
_SIGN = re.compile(r"\\.?|'''|\"\"\"|['\"#()\[\]{}]")


def without(source: str) -> str:
    """The same lines, with commands made into ``pass`` or a call; what ``_PARTING`` parts from one gets its own."""
    return "\n".join(_lines(source))


def _lines(source: str) -> Iterator[str]:
    open_yet = _Open()
    continued = False
    for line in source.split("\n"):
        if continued:  # a command goes on after a backslash
            yield ""
            continued = line.endswith("\\")
            continue
        while not open_yet and (found := _COMMAND.match(line)):
            yield found[1] + _python(found[0][len(found[1]) :])
            continued = found[0].endswith("\\")
            line = line[found.end() + 1 :]
            if not line:
                break
        else:
            yield line
            open_yet.read(line)


def _python(command: str) -> str:
    """The call that IPython makes of ``/f x y``, ``,f x y`` or ``;f x y``; of what is no Python, nothing."""
    name, _, rest = command[1:].strip().partition(" ")
    if command[0] == "/":
        return f"{name}({', '.join(rest.split())})"
    if command[0] == ",":
        return f"{name}({', '.join(map(repr, rest.split()))})"
    return f"{name}({rest!r})" if command[0] == ";" else "pass"


@dataclass(slots=True)
class _Open:
    """What the lines so far have left open: within it, no line begins a statement and none is a command."""

    quote: str = ""
    brackets: int = 0
    joined: bool = False
    """By a backslash at the end of the line."""

    def __bool__(self) -> bool:
        return bool(self.quote or self.brackets or self.joined)

    def read(self, line: str) -> None:
        self.joined = False
        for sign in _SIGN.findall(line):
            if sign == "\\":
                self.joined = True
            elif self.quote:
                self._within(sign)
            elif sign == "#":
                break
            elif sign[0] in "'\"":
                self.quote = sign
            elif sign in "([{":
                self.brackets += 1
            elif sign in ")]}":
                self.brackets = max(0, self.brackets - 1)
        if len(self.quote) == 1 and not self.joined:
            self.quote = ""  # Python would have stopped here

    def _within(self, sign: str) -> None:
        """Three marks in a string of one mark end it, and are an empty one."""
        if sign == self.quote or sign == 3 * self.quote:
            self.quote = ""
