"""Cells run in a kernel on some digits, none of which fails, and what the kernel recorded of them."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter

from autograder.datasets import load, room_file
from autograder.execution import Job, execute
from autograder.records import Execution, Ledger
from autograder.sandbox.plain import Plain
from autograder.store import Store
from tests.notebooks import notebook


@dataclass(frozen=True, slots=True)
class Recorded:
    ledger: Ledger
    execution: Execution
    store: Store

    def array(self, artifact: str) -> npt.NDArray[Any]:
        loaded: npt.NDArray[Any] = np.load(io.BytesIO(self.store.get(self.execution.artifacts[artifact])))
        return loaded


def recorded(folder: Path, *cells: str) -> Recorded:
    data, store = load("digits", split_seed=20, hidden_images=100), Store(folder / "state")
    execution = execute(Job(notebook=notebook(*cells), data=data, data_file=room_file(data, folder)), Plain(), store)
    assert [run.state.value for run in execution.cells] == ["ran"] * len(cells), [run.error for run in execution.cells]
    assert execution.ledger is not None
    ledger = TypeAdapter(Ledger).validate_json(store.get(execution.ledger))
    assert ledger.notes == (), ledger.notes
    return Recorded(ledger, execution, store)
