"""Whether what runs the cells and says what became of them is still what it was: a notebook can replace all of it.

Told is what the notebook's own code put there. What a library changes is its own affair, and known by its file.
"""

from __future__ import annotations

import builtins
import sysconfig
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from itertools import chain, islice
from pathlib import Path
from types import CodeType, FunctionType, MethodType
from typing import Any

from .stack import OURS
from .things import Thing

_SHELL = frozenset(
    {
        *("run_cell", "_run_cell", "run_cell_async", "run_ast_nodes", "run_code", "should_run_async"),
        *("transform_cell", "transform_ast"),
    }
)
"""What of the shell has a say in whether a cell ran. Who has errors shown otherwise hides none: the reply tells."""
_LISTS = ("ast_transformers", "input_transformers_cleanup", "input_transformers_post")
_MANAGED = ("cleanup_transforms", "line_transforms", "token_transformers")
_BUILTINS = ("compile", "eval", "exec")
_ABSENT = object()
_DEEPEST, _MOST = 5, 2000
FAILED = "failed: "
"""So begin the names under which cells that failed are told, among those of what was replaced."""
PACKAGES = (OURS, *(f"{sysconfig.get_path(name)}/" for name in ("purelib", "platlib")))
STANDARD = f"{sysconfig.get_path('stdlib')}/"


class Place:
    """A namespace, and what stands in it under some names."""

    def __init__(self, space: Callable[[], Mapping[str, Any]], names: Iterable[str]) -> None:
        self._space = space
        now = space()
        self._kept = {name: now.get(name, _ABSENT) for name in names}
        self._codes = {name: _code(value) for name, value in self._kept.items()}

    def changed(self) -> Iterator[str]:
        """Names under which the notebook has put something else."""
        now = self._space()
        for name, kept in self._kept.items():
            value = now.get(name, _ABSENT)
            if (value is not kept or _code(value) is not self._codes[name]) and not is_library(value):
                yield name


class Witness:
    """Looks after each cell, before the next one, and when the notebook has ended."""

    def __init__(self, shell: Thing, count: Callable[[], int | None], found: dict[str, int | None]) -> None:
        """``found``: names of what is another's now -> execution count of the cell after which it was first seen."""
        self.found = found
        self._shell = shell
        self._count = count
        self._failed: Thing = None
        """What IPython keeps of the last cell, where that had failed."""
        self._cell: int | None = None
        """The number of the last cell that began: before the next one, what is seen is that one's doing."""
        self._within = 0
        """How many cells have begun and not ended: a magic may run some within one."""
        self._failures: set[int] = set()
        """Numbers of cells that failed, whatever is said of them elsewhere."""
        kernel = shell.kernel
        self._parts = [
            *((shell, name, getattr(shell, name)) for name in ("events", "compile", "input_transformer_manager")),
            *((shell, "kernel", kernel), (kernel, "session", kernel.session), (kernel, "shell", kernel.shell)),
        ]
        stream = getattr(kernel, "shell_stream", None)
        if stream is not None:  # by which replies leave
            self._parts += [(kernel, "shell_stream", stream), (stream, "socket", stream.socket)]
        self._owners = [(owner, type(owner)) for owner in (shell, *(part for _, _, part in self._parts))]
        self._places = list(_places(shell, kernel, {type(owner): owner for owner, _ in self._owners}))
        self._lists = [*((shell, name) for name in _LISTS)]
        self._lists += [(shell.input_transformer_manager, name) for name in _MANAGED]
        self._given = [list(getattr(owner, name)) for owner, name in self._lists]
        self._looks = (("pre_run_cell", self.before), ("post_run_cell", self.after))
        self._first: dict[str, list[Any]] = {}

    def begin(self) -> None:
        events = self._shell.events
        for event, look in self._looks:
            self._first[event] = list(events.callbacks[event])
            events.register(event, look)

    def before(self, *_: Thing) -> None:
        self.look()
        self._within += 1
        self._cell = self._count()

    def after(self, result: Thing = None) -> None:
        """What the shell's own account says of the cell is another thing than what its result says."""
        self.look()
        self._within = max(0, self._within - 1)
        if result is None:
            return
        failed = not result.success
        number = self._count()
        left = isinstance(result.error_in_exec, (SystemExit, KeyboardInterrupt))
        if failed and number is not None and not self._within and not left and len(self._failures) < _MOST:
            self._failures.add(number)
        if not failed and not self._shell.last_execution_succeeded:
            self._tell("success")
        self._failed = result if failed else None

    def conclude(self) -> None:
        """When the notebook has ended: the last look, and which cells failed."""
        self.look()
        for number in self._failures:
            self.found.setdefault(f"{FAILED}{number}", number)

    def look(self) -> None:
        if self._failed is not None and self._failed.success:
            self._tell("success")
        self._failed = None
        for seen in (self._replaced, self._transformers, self._unlooked):
            try:
                for name in seen():
                    self._tell(name)
            except Exception:  # what a notebook makes of these objects is its own affair, and all of it is a change
                self._tell(seen.__name__.strip("_"))

    def _tell(self, name: str) -> None:
        self.found.setdefault(name[:60], self._cell if self._cell is not None else self._count())

    def _replaced(self) -> Iterator[str]:
        yield from (name for owner, name, kept in self._parts if getattr(owner, name) is not kept)
        yield from (kind.__name__ for owner, kind in self._owners if type(owner) is not kind)
        for place in self._places:
            yield from place.changed()

    def _transformers(self) -> Iterator[str]:
        for (owner, name), given in zip(self._lists, self._given, strict=True):
            new = [one for one in getattr(owner, name) if not any(one is known for known in given)]
            if not all(is_library(one) or is_library(type(one)) for one in new):
                yield name

    def _unlooked(self) -> Iterator[str]:
        """These looks come first, and are still there."""
        for event, look in self._looks:
            calls = list(self._shell.events.callbacks[event])
            place = calls.index(look) if look in calls else None
            if place is None or any(one not in self._first[event] for one in calls[:place]):
                yield event


def _places(shell: Thing, kernel: Thing, owners: Mapping[type, Thing]) -> Iterator[Place]:
    from ipykernel import ipkernel, kernelbase, zmqshell
    from IPython.core import async_helpers, compilerop, events, inputtransformer2, interactiveshell
    from jupyter_client import session

    for kind, owner in owners.items():
        names = _functions(kind) & _SHELL if owner is shell else _functions(kind)
        yield Place(partial(vars, owner), names)
        for base in kind.__mro__[:-1]:
            yield Place(partial(vars, base), names)
    for kind in (interactiveshell.ExecutionResult, interactiveshell.ExecutionInfo):
        yield Place(partial(vars, kind), vars(kind))
    yield Place(lambda: kernel.shell_handlers, ["execute_request"])
    yield Place(partial(vars, builtins), _BUILTINS)
    modules = (interactiveshell, zmqshell, ipkernel, kernelbase, session, async_helpers, compilerop, events)
    for module in (*modules, inputtransformer2):
        called = [name for name, value in vars(module).items() if callable(value)]
        yield Place(partial(vars, module), {*called, *_BUILTINS})


def _functions(kind: type) -> set[str]:
    """What an object of this class can do, and properties; not its data, which change."""
    kinds = (FunctionType, staticmethod, classmethod, property)
    return {name for base in kind.__mro__[:-1] for name, value in vars(base).items() if isinstance(value, kinds)}


# --- whose code something is -----------------------------------------------------------------------------------------


def is_library(value: Thing) -> bool:
    """Whether a function, method or class is made of nothing but what stands in files of packages, ours or Python's.

    Some of it must be a package's: what anybody can take from Python's own library is nobody's. A class, too, must do
    something of its own.
    """
    if not isinstance(value, type):
        return _is_packages(list(islice(_codes(value), _MOST)))
    inherited = chain.from_iterable(vars(base).values() for base in value.__mro__[1:-1])
    own, others = (list(islice(_of_all(values), _MOST)) for values in (vars(value).values(), inherited))
    return _is_packages(own) and all(map(_stands, others))


def _is_packages(codes: Sequence[CodeType]) -> bool:
    return any(code.co_filename.startswith(PACKAGES) for code in codes) and all(map(_stands, codes))


def _of_all(values: Iterable[Any]) -> Iterator[CodeType]:
    return chain.from_iterable(map(_codes, values))


def _codes(value: Thing, depth: int = _DEEPEST) -> Iterator[CodeType]:
    """Of a function, and of what it holds, wraps or is bound to."""
    parts: Sequence[Any] = ()
    if isinstance(value, FunctionType):
        yield value.__code__
        parts = [*_held(value), *(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()]
    elif isinstance(value, (MethodType, staticmethod, classmethod)):
        parts = [value.__func__]
    elif isinstance(value, property):
        parts = [value.fget, value.fset]
    elif isinstance(value, partial):
        parts = [value.func, *value.args, *value.keywords.values()]
    if depth:
        yield from chain.from_iterable(_codes(part, depth - 1) for part in parts)


def _held(function: FunctionType) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        with suppress(ValueError):  # nothing is in it yet
            yield cell.cell_contents


def _code(value: Thing) -> CodeType | None:
    return value.__code__ if isinstance(value, FunctionType) else None


def _stands(code: CodeType) -> bool:
    """Whether that very code stands in the file that it names: a name alone can be given to any."""
    name = code.co_filename
    return name.startswith((*PACKAGES, STANDARD)) and ".." not in name and code in _all_codes(name)


@lru_cache(32)
def _all_codes(name: str) -> frozenset[CodeType]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            left = [compile(Path(name).read_bytes(), name, "exec", dont_inherit=True)]
    except (OSError, SyntaxError, ValueError):
        return frozenset()
    found = set()
    while left:
        code = left.pop()
        found.add(code)
        left += [inner for inner in code.co_consts if isinstance(inner, CodeType)]
    return frozenset(found)
