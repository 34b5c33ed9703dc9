"""A hook of ours that fails is noted, and never reaches the import of the student."""

from __future__ import annotations

import importlib
import sys
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
