"""Modules that are imported before the notebook is there, and kept out of its sight until it asks for them.

To the notebook they are not imported: they are not in ``sys.modules``, a part of a package that nobody asked for is no
attribute of it, and what an import says or sets it says and sets when the notebook imports. Whatever is taken out
brings along what its own code has imported.
"""

from __future__ import annotations

import builtins
import importlib
import os
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ExtensionFileLoader, ModuleSpec, PathFinder, SourceFileLoader, SourcelessFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from .imports import Action, safely
from .things import Thing

ROOTS = ("numpy", "PIL", "matplotlib", "matplotlib.pyplot", "pandas", "tensorflow", "keras")
"""What is imported, in this order, as far as it is installed; what a root brings is kept apart from what others do."""

_FILES = (SourceFileLoader, SourcelessFileLoader, ExtensionFileLoader)
_ABSENT: Any = object()


class Shadowed(ImportError):
    """A file beside the notebook has the name of a module that was imported already."""


class Tree(MetaPathFinder):
    """Notes who imports what while modules are imported, whether it was there already or not."""

    def __init__(self) -> None:
        self.needs: dict[str, set[str]] = {}
        self.before: dict[str, Any] = {}
        """Name of a module -> what its package held under that name before it."""
        self._running: list[str] = []
        self._looking: set[str] = set()

    @contextmanager
    def watching(self) -> Iterator[None]:
        original = builtins.__import__

        @wraps(original)
        def noted(*arguments: Thing, **keywords: Thing) -> Thing:
            found = original(*arguments, **keywords)
            given = dict(zip(("name", "globals", "locals", "fromlist", "level"), arguments, strict=False)) | keywords
            name = _absolute(given["name"], given.get("globals"), given.get("level", 0))
            self._note(name, given.get("fromlist") or ())
            return found

        sys.meta_path.insert(0, self)
        builtins.__import__ = noted
        try:
            yield
        finally:
            builtins.__import__ = original
            sys.meta_path.remove(self)

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name in self._looking:  # another finder that asks all others
            return None
        self._looking.add(name)
        try:
            specs = (finder.find_spec(name, path, target) for finder in sys.meta_path if finder is not self)
            spec = next((spec for spec in specs if spec is not None), None)
        finally:
            self._looking.remove(name)
        if spec is not None and isinstance(spec.loader, _FILES):
            self._follow(name, spec.loader)
        return spec

    def _follow(self, name: str, loader: Thing) -> None:
        run = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            loader.exec_module = run
            self._note(name, ())
            package, _, part = name.rpartition(".")
            self.before[name] = vars(sys.modules[package]).get(part, _ABSENT) if package in sys.modules else _ABSENT
            self._running.append(name)
            try:
                run(module)
            finally:
                self._running.pop()

        loader.exec_module = exec_module

    def _note(self, name: str, parts: Sequence[str]) -> None:
        if self._running:
            found = self.needs.setdefault(self._running[-1], set())
            found.add(name)
            found.update(whole for part in parts if (whole := f"{name}.{part}") in sys.modules)


def _absolute(name: str, scope: Thing, level: int) -> str:
    if not level:
        return name
    package = (scope or {}).get("__package__") or ""
    base = package.rsplit(".", level - 1)[0] if level > 1 else package
    return f"{base}.{name}" if name else base


class Storage(MetaPathFinder, Loader):
    """The first finder of all: hands out what is stored, once; later imports of the same find nothing here."""

    def __init__(self, tree: Tree, arrivals: Mapping[str, Sequence[Action]]) -> None:
        self.modules: dict[str, Any] = {}
        """By name, in the order in which they were imported."""
        self.arrivals = arrivals
        self.note: Callable[[str], None] = lambda text: None
        self._tree = tree
        self._stage: dict[str, int] = {}
        """Name -> number of the root that brought it."""
        self._alike: dict[tuple[int, str], list[str]] = {}
        """Root and outermost package -> its modules, which come together: some import each other unseen."""
        self._holders: dict[str, Any] = {}
        """Name -> its package."""
        self._seats: dict[str, ModuleType] = {}
        """Name -> the package of which it was taken away, and to which it is given back."""
        self._traces: dict[str, Callable[[], None]] = {}
        """Root -> what its import does beside importing."""

    def put(self, stage: int, names: Sequence[str]) -> None:
        """Take modules out of sight; for each root in turn, before the next."""
        for name in names:
            self.modules[name] = sys.modules[name]
            self._stage[name] = stage
            self._alike.setdefault((stage, name.partition(".")[0]), []).append(name)

    def hide(self, traces: Mapping[str, Callable[[], None]]) -> None:
        """All that was put, once everything is imported."""
        self._traces = dict(traces)
        for name, module in self.modules.items():
            package, _, part = name.rpartition(".")
            self._holders[name] = holder = sys.modules.get(package)
            # What came with its package stays a part of it: both are handed out together.
            if isinstance(holder, ModuleType) and self._stage.get(package) != self._stage[name]:
                if vars(holder).get(part) is module:
                    self._unseat(name, holder, part)
        for name in self.modules:
            sys.modules.pop(name, None)

    def _unseat(self, name: str, holder: ModuleType, part: str) -> None:
        self._seats[name] = holder
        if (before := self._tree.before.get(name, _ABSENT)) is _ABSENT:
            delattr(holder, part)
        else:
            setattr(holder, part, before)

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name not in self.modules or self._is_another(name):
            return None
        known = getattr(self.modules[name], "__spec__", None)
        places = getattr(known, "submodule_search_locations", None)
        spec = ModuleSpec(name, self, origin=getattr(known, "origin", None), is_package=places is not None)
        spec.submodule_search_locations = places
        return spec

    def _is_another(self, name: str) -> bool:
        """Whether an import of that name means another module here."""
        package = name.rpartition(".")[0]
        if package:
            return sys.modules.get(package) is not self._holders[name]
        return _found_elsewhere(name, self.modules[name])

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Put the real one in the place of ``module``, which nobody has seen: the importer goes by ``sys.modules``."""
        name = module.__name__
        sys.modules[name] = self.modules[name]
        given = self._with_all_needed(name)
        for each in given:
            sys.modules.setdefault(each, self.modules[each])
            if each in self._seats:
                setattr(self._seats[each], each.rpartition(".")[2], self.modules[each])
            del self.modules[each]
        for each in given:
            if each in self._traces:
                self._traces[each]()
        for each in given:
            for action in self.arrivals.get(each, ()):
                safely(action, sys.modules[each], self.note)

    def _with_all_needed(self, name: str) -> list[str]:
        found, queue = {name}, [name]
        for each in queue:  # grows while it is walked
            package = each.rpartition(".")[0]
            alike = self._alike[self._stage[each], each.partition(".")[0]]
            for other in (package, *alike, *self._tree.needs.get(each, ())):
                if other in self.modules and other not in found:
                    found.add(other)
                    queue.append(other)
        return [each for each in self.modules if each in found]

    def refuse_shadows(self, folder: Path) -> None:
        """Raises Shadowed where a file of the notebook's own would have been imported instead of what is stored."""
        for path in folder.iterdir():
            module = path.suffix in (".py", ".pyc", ".so") or (path / "__init__.py").is_file()
            if module and path.name.partition(".")[0] in self.modules:
                raise Shadowed(f"{path.name} has the name of a package that was imported ahead")


def filled(arrivals: Mapping[str, Sequence[Action]], roots: Sequence[str] = ROOTS) -> Storage:
    """Import the roots and store them, with all that they import."""
    tree = Tree()
    storage = Storage(tree, arrivals)
    traces = {}
    environment = dict(os.environ)
    with tree.watching():
        for number, root in enumerate(roots):
            known = set(sys.modules)
            traces[root] = _imported(root)
            storage.put(number, [name for name in sys.modules if name not in known])
    _restore(environment)
    storage.hide(traces)
    return storage


def _imported(root: str) -> Callable[[], None]:
    """Import it; what it set and said besides, to be done again when the notebook imports it."""
    before, known = dict(os.environ), set(Path.home().rglob("*"))
    with _overheard() as said:
        try:
            importlib.import_module(root)
        except ImportError:  # not installed, or not whole: the notebook will be told
            pass
    changed = {name: value for name, value in os.environ.items() if before.get(name) != value}
    written = _taken_away(set(Path.home().rglob("*")) - known)

    def leave() -> None:
        for path, content in written.items():
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        for name, value in changed.items():
            if os.environ.get(name) == before.get(name):
                os.environ[name] = value
        for number, text in said.items():
            _write(number, text)

    return leave


def _taken_away(paths: Collection[Path]) -> dict[Path, bytes]:
    """Files that an import left at home, Keras its settings, with what is in them; with their folders they go."""
    content = {path: path.read_bytes() for path in paths if path.is_file()}
    for path in sorted(paths, reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    return content


def _restore(environment: Mapping[str, str]) -> None:
    for name in set(os.environ) - set(environment):
        del os.environ[name]
    os.environ.update(environment)


@contextmanager
def _overheard() -> Iterator[dict[int, bytes]]:
    """What is written to the standard output and the standard error, past Python, by their numbers."""
    said: dict[int, bytes] = {}
    kept = {number: os.dup(number) for number in (1, 2)}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        for number, file in ((1, out), (2, err)):
            os.dup2(file.fileno(), number)
        try:
            yield said
        finally:
            for number, file in ((1, out), (2, err)):
                os.dup2(kept[number], number)
                os.close(kept[number])
                file.seek(0)
                said[number] = file.read()


def _write(number: int, text: bytes) -> None:
    while text:
        text = text[os.write(number, text) :]


def _found_elsewhere(name: str, module: Thing) -> bool:
    """Whether an import would find another file today: the path has changed, or a file has appeared on it."""
    origin = getattr(getattr(module, "__spec__", None), "origin", None)
    spec = PathFinder.find_spec(name)
    return spec is not None and origin is not None and spec.origin is not None and spec.origin != origin
