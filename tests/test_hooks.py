"""A hook of ours that fails is noted, and never reaches the import of the student."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

from autograder.guest.imports import AfterImport


def test_an_import_never_fails_with_a_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    notes: list[str] = []

    def fail(module: ModuleType) -> None:
        raise KeyError("AUTOGRADER_HANDOVER")

    finder = AfterImport({"colorsys": [fail, lambda module: seen.append(module.__name__)]}, {}, notes.append)
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    assert importlib.import_module("colorsys").rgb_to_hsv(0, 0, 0) == (0.0, 0.0, 0)
    assert (seen, notes) == (["colorsys"], ["lost: colorsys: KeyError: 'AUTOGRADER_HANDOVER'"])


def test_a_copy_of_keras_by_another_name_has_its_hooks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A package with a folder ``src`` is none by that alone."""
    seen: list[str] = []
    finder = AfterImport({"keras.src.layers.layer": [lambda module: seen.append(module.__name__)]}, {}, seen.append)
    for package, mark in (("own_keras", "keras_tensor.py"), ("project", "other.py")):
        for folder in ("src/layers", "src/backend/common"):
            (tmp_path / package / folder).mkdir(parents=True)
        (tmp_path / package / "src/layers/layer.py").touch()
        (tmp_path / package / "src/backend/common" / mark).touch()
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
    monkeypatch.syspath_prepend(str(tmp_path))
    for package in ("own_keras", "project"):
        importlib.import_module(f"{package}.src.layers.layer")
    assert seen == ["own_keras.src.layers.layer"]
