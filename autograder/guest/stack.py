"""Who called: the student's own functions on the stack, and the words that name what is being trained."""

from __future__ import annotations

import ast
import linecache
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType, FunctionType

from .things import Thing

OURS = f"{Path(__file__).resolve().parent}{os.sep}"
"""Where all that is sent into the room lies: what a file's name begins with where its code is ours."""
LABEL_LENGTH = 200
LABELS = 20

_NAMING = re.compile(r"name|nom|label|titre|title|mod[eè]le?|variante?|exp", re.IGNORECASE)


def student_code(folder: Path) -> Callable[[str], bool]:
    """Tell whether a file name is that of a cell of this kernel, or of a module below the student's ``folder``."""
    prefixes = (os.path.join(tempfile.gettempdir(), f"ipykernel_{os.getpid()}"), f"{folder}{os.sep}")  # noqa: PTH118
    return lambda name: name.startswith(prefixes)


def frames(is_student: Callable[[str], bool]) -> list[FrameType]:
    """The student's frames that are running now, outermost first."""
    found = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if is_student(frame.f_code.co_filename):
            found.append(frame)
        frame = frame.f_back
    return found[::-1]


def functions(running: Sequence[FrameType]) -> list[str]:
    """Names of the functions among them; a cell itself and comprehensions have no name of their own."""
    return [frame.f_code.co_name[:LABEL_LENGTH] for frame in running if not frame.f_code.co_name.startswith("<")][:20]


def builder(running: Sequence[FrameType], model: Thing) -> str:
    """The innermost function that was not handed the model: a ``compile_model(model)`` compiles, others build."""
    for frame in reversed(running):
        code = frame.f_code
        arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        given = any(frame.f_locals.get(name) is model for name in arguments)
        if not given and not code.co_name.startswith("<"):
            return code.co_name[:LABEL_LENGTH]
    return ""


def labels(running: Sequence[FrameType]) -> dict[str, str]:
    """Short strings at hand where the call was made, by variable; the innermost frame wins.

    In a function: its arguments and locals. In a cell: the targets of the loops around the running line, and
    variables with a telling name that the cell itself sets.
    """
    found: dict[str, str] = {}
    for frame in running:
        names = _cell_names(frame) if frame.f_code.co_name == "<module>" else list(frame.f_locals)
        for name in names:
            text = _text(frame.f_locals.get(name))
            if text and len(found) < LABELS:
                found[name] = text
    return found


def _text(value: Thing) -> str:
    if type(value) is str:
        return value.strip()[:LABEL_LENGTH] if len(value) <= LABEL_LENGTH else ""
    if type(value) is FunctionType and not value.__name__.startswith("<"):
        return value.__name__[:LABEL_LENGTH]
    return ""


def _cell_names(frame: FrameType) -> list[str]:
    source = "".join(linecache.getlines(frame.f_code.co_filename))
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):  # IPython accepts more than Python: magics, await
        return []
    return list(dict.fromkeys(_named(tree, frame.f_lineno)))


def _named(tree: ast.Module, line: int) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.For) and node.lineno <= line <= (node.end_lineno or node.lineno):
            yield from _targets(node.target)
        if isinstance(node, ast.Assign) and node.lineno <= line:
            yield from (name for target in node.targets for name in _targets(target) if _NAMING.search(name))


def _targets(node: ast.expr) -> Iterator[str]:
    return (part.id for part in ast.walk(node) if isinstance(part, ast.Name))
