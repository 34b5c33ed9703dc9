"""Modules put aside: to a notebook they are not imported before it imports them."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from autograder.guest.imports import Action
from autograder.guest.storage import Shadowed, Storage, filled

FILES = {
    "alpha/__init__.py": (
        "import os, pathlib\nfrom . import base\nhome = pathlib.Path.home() / '.alpha'\nhome.mkdir(exist_ok=True)\n"
        "(home / 'settings').write_text('some')\nos.environ['ALPHA'] = 'set'\nos.write(2, b'alpha says')\n"
        "part = 'a lazy loader'\ndef use(): return base.VALUE"
    ),
    "alpha/base.py": "VALUE = 1",
    "alpha/part.py": "import beta.deep\nfrom gamma import thing\nVALUE = 2",
    "beta/__init__.py": "",
    "beta/deep.py": "VALUE = 3",
    "beta/other.py": "",
    "gamma/__init__.py": "",
    "gamma/thing.py": "",
    "delta.py": "import beta.deep",
}
ROOTS = ("alpha", "alpha.part", "delta", "not_installed")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Small packages on the path, and everything as it was afterwards."""
    for name, content in FILES.items():
        (tmp_path / "packages" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "packages" / name).write_text(content)
    (tmp_path / "own").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path / "own"), str(tmp_path / "packages"), *sys.path])
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.delenv("ALPHA", raising=False)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        del sys.modules[name]
    os.environ.pop("ALPHA", None)


def stored(**arrivals: list[Action]) -> Storage:
    storage = filled(arrivals, ROOTS)
    sys.meta_path.insert(0, storage)
    return storage


def ours() -> list[str]:
    return sorted(name for name in sys.modules if name.partition(".")[0] in ("alpha", "beta", "gamma", "delta"))


def test_nothing_shows_until_it_is_imported(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    stored()
    assert ours() == []
    assert "ALPHA" not in os.environ
    assert list((place / "home").iterdir()) == []
    assert capfd.readouterr().err == ""
    alpha = importlib.import_module("alpha")
    assert ours() == ["alpha", "alpha.base"]
    assert (os.environ["ALPHA"], capfd.readouterr().err) == ("set", "alpha says")
    assert alpha.use() == 1
    assert (place / "home" / ".alpha" / "settings").read_text() == "some"
    assert alpha.part == "a lazy loader", "what stood there before the part was imported"


def test_a_part_brings_what_it_needs_and_takes_its_seat(place: Path) -> None:
    storage = stored()
    kept = storage.modules["alpha.part"]
    part = importlib.import_module("alpha.part")
    assert part is kept is sys.modules["alpha"].part
    assert part.__spec__.loader.__class__.__name__ == "SourceFileLoader"
    assert ours() == ["alpha", "alpha.base", "alpha.part", "beta", "beta.deep", "gamma", "gamma.thing"]
    assert sys.modules["beta"].deep.VALUE == 3
    with pytest.raises(AttributeError):
        sys.modules["beta"].other  # noqa: B018


def test_what_another_root_brought_is_handed_out_too(place: Path) -> None:
    stored()
    importlib.import_module("delta")
    assert ours() == ["beta", "beta.deep", "delta"]


def test_arrivals_are_met_by_the_notebook(place: Path) -> None:
    met: list[str] = []

    def meet(module: ModuleType) -> None:
        met.append(module.__name__)

    stored(alpha=[meet], **{"beta.deep": [meet, meet]})
    assert met == []
    importlib.import_module("alpha.part")
    importlib.import_module("delta")
    assert met == ["alpha", "beta.deep", "beta.deep"]


def test_a_module_beside_the_notebook_comes_first(place: Path) -> None:
    storage = stored()
    storage.refuse_shadows(place / "own")
    (place / "own" / "delta.py").write_text("OWN = True")
    importlib.invalidate_caches()
    assert importlib.import_module("delta").OWN
    with pytest.raises(Shadowed, match=r"delta\.py"):
        storage.refuse_shadows(place / "own")
    (place / "own" / "delta.py").unlink()
    (place / "own" / "beta").mkdir()
    storage.refuse_shadows(place / "own")
    (place / "own" / "beta" / "__init__.py").touch()
    with pytest.raises(Shadowed, match="beta"):
        storage.refuse_shadows(place / "own")


def test_what_was_handed_out_once_is_imported_like_anything_else(place: Path) -> None:
    storage = stored()
    first = importlib.import_module("delta")
    assert "delta" not in storage.modules
    assert importlib.reload(first) is first
    del sys.modules["delta"]
    assert importlib.import_module("delta") is not first


def test_a_package_that_is_imported_anew_gets_no_parts_of_the_old_one(place: Path) -> None:
    storage = stored()
    importlib.import_module("alpha")
    del sys.modules["alpha"], sys.modules["alpha.base"]
    kept = storage.modules["alpha.part"]
    assert importlib.import_module("alpha.part") is not kept


def test_who_asks_whether_it_is_installed_hears_where_it_is(place: Path) -> None:
    stored()
    spec = importlib.util.find_spec("alpha")
    assert spec is not None
    assert spec.origin == str(place / "packages" / "alpha" / "__init__.py")
    assert spec.submodule_search_locations == [str(place / "packages" / "alpha")]
    assert ours() == []
    assert importlib.util.find_spec("not_installed") is None


def test_the_import_statement_is_as_it_was(place: Path) -> None:
    before = __import__
    storage = stored()
    assert __import__ is before
    assert sys.meta_path[0] is storage
    assert not [finder for finder in sys.meta_path if type(finder).__name__ == "Tree"]
