"""The floors of ``docs/architecture.md`` hold: a module imports only from floors below its own."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from autograder.execution.job import programs

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "autograder"
GUEST = PACKAGE / "guest"
FREE = {"__init__", "__main__"}
"""The version, and the door: neither is a floor."""


def floors() -> dict[str, int]:
    """Module or package -> floor, from the table in the document."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", text.partition("## Floors")[2], flags=re.MULTILINE)
    return {name.rstrip("/"): int(floor) for floor, names in rows for name in re.findall(r"`([\w/]+)`", names)}


def folders() -> dict[str, set[str]]:
    """Folder of the guest -> those that it may import from besides itself and the guest's own modules, likewise."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").partition("### What is sent")[2]
    rows = re.findall(r"^\| `(\w+)/` \| .+ \| (.*)\|$", text.partition("\n### ")[0], flags=re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)/`", others)) for name, others in rows}


FLOORS = floors()
FOLDERS = folders()


def part(path: Path) -> str:
    """The name under which a file stands in the table: its package, else its module."""
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imported(path: Path) -> Iterator[str]:
    """Parts of this package that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (_part_of(alias.name) for alias in node.names if alias.name.split(".")[0] == "autograder")
        elif isinstance(node, ast.ImportFrom):
            folders = len(path.relative_to(PACKAGE).parts) - 1
            assert node.level <= folders, f"{path}:{node.lineno}: a relative import that leaves its package"
            if node.level:
                continue
            if node.module == "autograder":
                yield from (alias.name for alias in node.names)
            elif node.module and node.module.startswith("autograder."):
                yield _part_of(node.module)


def _part_of(dotted: str) -> str:
    return dotted.split(".")[1] if "." in dotted else ""


def modules() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if part(path) not in FREE | {"guest"}]


def test_the_table_was_read() -> None:
    assert FLOORS["errors"] == FLOORS["records"] == 0
    assert FLOORS["cli"] == max(FLOORS.values())
    assert len(FLOORS) > 15


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down(path: Path) -> None:
    own = part(path)
    assert own in FLOORS, f"{own} stands on no floor in docs/architecture.md"
    for name in imported(path):
        if name in {"", own, "__version__"}:
            continue
        assert name in FLOORS, f"{path}: {name} stands on no floor in docs/architecture.md"
        assert FLOORS[name] < FLOORS[own], f"{path}: {own} (floor {FLOORS[own]}) imports {name} (floor {FLOORS[name]})"


def test_every_name_in_the_table_exists() -> None:
    there = {part(path) for path in PACKAGE.rglob("*.py")}
    assert FLOORS.keys() <= there, sorted(FLOORS.keys() - there)


@pytest.mark.parametrize("path", sorted(GUEST.rglob("*.py")), ids=lambda path: path.name)
def test_what_is_sent_into_a_room_stands_alone(path: Path) -> None:
    assert list(imported(path)) == []


def beside(path: Path) -> Iterator[Path]:
    """Modules of the guest that one of them imports, wherever in the file, for whatever purpose."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        start = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
        found = [start / alias.name for alias in node.names] if start.is_dir() else [start]
        # Two modules of the floor above are sent beside the guest.
        yield from (file for name in found if (file := name.with_suffix(".py")).exists())


def test_modules_of_the_guest_do_not_import_each_other_in_a_circle() -> None:
    TopologicalSorter({path: set(beside(path)) for path in GUEST.rglob("*.py")}).prepare()


def test_folders_of_the_guest_import_from_few_others() -> None:
    there = {path.parent.name for path in GUEST.rglob("*.py")}
    assert FOLDERS.keys() == there, "the table in docs/architecture.md names each folder"
    for path in GUEST.glob("*/*.py"):
        allowed = {"guest", path.parent.name} | FOLDERS[path.parent.name]
        for other in beside(path):
            assert other.parent.name in allowed, f"{path}: imports {other.relative_to(GUEST)}"


def test_everything_of_the_guest_is_sent_into_room_1() -> None:
    ours = {path.relative_to(GUEST).as_posix() for path in GUEST.rglob("*.py")}
    shared = {"preprocessing.py", "repairs.py", "familiar.py", "parcel.py"}
    assert set(programs()) == ours - {"probe.py", "escapes.py", "trainer.py"} | shared
    assert all(path.is_file() for path in programs().values())


def test_no_name_in_a_room_stands_for_two_things() -> None:
    names = [path.stem for path in programs().values()]
    assert len(names) == len(set(names)), "a module is known by its name, wherever it lies"
    assert not FOLDERS.keys() & set(names), "a folder would hide the module, or the module the folder"
    assert "__init__" not in names, "the guest has none: a folder is a package as it is"


def test_nobody_imports_what_is_sent_into_a_room() -> None:
    assert [path for path in modules() if "guest" in set(imported(path))] == []


def test_the_host_never_unpickles() -> None:
    """No student's bytes may run on the host: pickle and its relatives are not even imported outside the rooms."""
    banned = {"pickle", "dill", "joblib", "shelve", "marshal", "cloudpickle"}
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in names} & banned, f"{path}:{getattr(node, 'lineno', 0)}"
