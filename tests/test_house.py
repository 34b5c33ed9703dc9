"""Habits of this project that no linter knows."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

import autograder

ROOT = Path(__file__).resolve().parent.parent
CODE = sorted((ROOT / "autograder").rglob("*.py"))


def kept() -> list[Path]:
    """Files that belong to the project: tracked, or new and not ignored; all of them where this is no clone."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    names = listed.stdout.decode().split("\0") if listed.returncode == 0 else []
    paths = [ROOT / name for name in names if name] or [path for path in ROOT.rglob("*") if ".venv" not in path.parts]
    return [path for path in paths if path.is_file() and not path.is_symlink()]


# Put together here, so that this file does not hold what it looks for.
PLACES = re.compile("|".join([r"/work" + r"/(?:main|shared)\b", r"(?<![\w.])/root" + r"/\.?\w", r"/Users" + r"/[a-z]"]))
REGISTRIES = re.compile(
    "|".join(
        [
            "pypi" + r"\.org",
            "python" + r"hosted\.org",
            "--(?:extra-)?index" + "-url",
            "--find" + "-links",
            "conda" + r"\.io",
        ]
    )
)


def test_no_file_names_a_place_of_one_machine_or_a_registry() -> None:
    found = []
    for path in kept():
        text = path.read_bytes().decode("utf-8", "ignore")
        found += [f"{path.relative_to(ROOT)}: {hit[0]}" for hit in PLACES.finditer(text)]
        found += [f"{path.relative_to(ROOT)}: {hit[0]}" for hit in REGISTRIES.finditer(text)]
    assert found == []


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT / "autograder")))
def test_functions_fit_on_a_screen(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= 60, f"{path}:{node.lineno}: {node.name} has {length} lines"


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT / "autograder")))
def test_no_fault_is_swallowed(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ExceptHandler):
            continue
        wide = node.type is None or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"})
        silent = all(isinstance(step, ast.Pass | ast.Continue) for step in node.body)
        assert not (wide and silent), f"{path}:{node.lineno}: any exception at all, and nothing is done about it"


def test_no_class_is_a_crowd() -> None:
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                methods = [step.name for step in node.body if isinstance(step, ast.FunctionDef)]
                public = [name for name in methods if not name.startswith("_")]
                assert len(public) <= 12, f"{path}:{node.lineno}: {node.name} has {len(public)} public methods"


def test_every_package_and_module_says_what_it_is() -> None:
    silent = [
        path for path in CODE if path.name != "__init__.py" and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_git_ignores_no_part_of_the_program() -> None:
    names = "\0".join(str(path.relative_to(ROOT)) for path in (ROOT / "autograder").rglob("*") if path.suffix != ".pyc")
    done = subprocess.run(
        ["git", "check-ignore", "--stdin", "-z"], cwd=ROOT, input=names.encode(), capture_output=True, check=False
    )
    if done.returncode == 128:
        pytest.skip("not a clone")
    ignored = [name for name in done.stdout.decode().split("\0") if name and "__pycache__" not in name]
    assert ignored == []


def test_the_changelog_begins_with_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[?(\d+\.\d+\.\d+)\]?", text, flags=re.MULTILINE)
    stated = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert stated is not None
    assert versions[0] == stated[1] == autograder.__version__
