"""The one type for what the guest cannot name."""

from __future__ import annotations

from typing import Any, TypeAlias

Thing: TypeAlias = Any
"""An object of Keras', papermill's or the student's: imported by others, known here only by what it can do."""
