"""Notebooks that replace what runs their cells: seen by a witness in the kernel, and by the names in their code."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import replace
from types import FunctionType
from typing import Any

import pytest

from autograder.checks.notebook import completes
from autograder.extraction.overruling import FAILED, overruling
from autograder.guest import witness
from autograder.guest.witness import Place, is_library
from autograder.records import CellRun, CellState, Ending, Execution, GapKind, Verdict
from tests import evidence as make

RAN = Execution(
    ending=Ending.COMPLETED,
    cells=tuple(CellRun(index=index, state=CellState.RAN, execution_count=index + 2) for index in range(3)),
)


@pytest.mark.parametrize(
    "source",
    [
        "cls = type(get_ipython())\ncls.run_cell_async = run",
        "type(ip).run_code, other = run, 1",
        "setattr(type(get_ipython().kernel), 'do_execute', do)",
        "ip.kernel.shell_handlers['execute_request'] = answer",
        "class R(I.ExecutionResult):\n    pass",
        "def after(result):\n    result.error_in_exec = None\nip.events.register('post_run_cell', after)",
        "get_ipython().ast_transformers.append(T())",
        "%matplotlib inline\ndel ip.run_ast_nodes",
    ],
)
def test_code_that_replaces_what_runs_cells_is_seen(source: str) -> None:
    [gap] = overruling(RAN, [make.text(0, "# a"), make.code(1, source)])
    assert (gap.kind, gap.ours, gap.reason.values["cells"]) == (GapKind.CELLS, False, "2")


@pytest.mark.parametrize(
    "source",
    [
        "# type(ip).run_code = run",
        "print('run_code = ', ip.run_code)",
        "InteractiveShell.ast_node_interactivity = 'all'",
        "get_ipython().run_line_magic('load_ext', 'autoreload')\n%autoreload 2",
        "result = get_ipython().run_cell('1 + 1')\nprint(result.error_in_exec)",
        "ip.events.register('post_run_cell', tell)",
        "class Runner:\n    def __init__(self):\n        self.run_code = 3\n    def do_execute(self): ...",
        "get_ipython().showtraceback = quiet",
        "x = (",
    ],
)
def test_what_honest_notebooks_do_with_their_shell_is_not(source: str) -> None:
    assert overruling(RAN, [make.code(0, source)]) == ()


def test_what_the_kernels_witness_saw_names_the_cell() -> None:
    seen = replace(RAN, overruled={"run_code": 3, "do_execute": 3, "send": None})
    [gap] = overruling(seen, [])
    assert gap.reason.values["cells"] == "2"
    [gap] = overruling(replace(RAN, overruled={"run_code": 77}), [])
    assert gap.reason.values["cells"] is None


def test_a_cell_that_failed_in_the_kernel_and_is_said_to_have_run_is_told() -> None:
    """Its reply was sent before it failed, say."""
    failed = {f"{FAILED}3": 3}
    [gap] = overruling(replace(RAN, overruled=failed), [])
    assert gap.reason.values["cells"] == "2" and FAILED == witness.FAILED
    cells = (RAN.cells[0], replace(RAN.cells[1], state=CellState.RAISED), RAN.cells[2])
    assert overruling(replace(RAN, cells=cells, overruled=failed), []) == ()
    [gap] = overruling(replace(RAN, overruled={f"{FAILED}77": 77}), [])
    assert gap.reason.values["cells"] is None


def test_whether_all_cells_ran_is_then_for_a_person() -> None:
    plain = make.evidence([make.code(0, "model.fit(x, y)")], trainings=[make.training(1)])
    assert completes(plain).share == 1.0
    finding = completes(replace(plain, gaps=overruling(replace(RAN, overruled={"run_code": 2}), ())))
    assert finding.verdict is Verdict.NEEDS_REVIEW and finding.share is None
    assert finding.details[0].values["cells"] == "1"


# --- in the kernel ---------------------------------------------------------------------------------------------------


def forged(source: str, name: str, space: Mapping[str, Any] | None = None) -> FunctionType:
    """A function whose code says that it stands in that file."""
    made = dict(space or {})
    exec(compile(source, name, "exec"), made)
    found = made["made"]
    assert isinstance(found, FunctionType)
    return found


def test_a_librarys_code_is_known_by_its_file() -> None:
    import joblib
    import tqdm
    from numpy import testing

    assert is_library(tqdm.tqdm.update) and is_library(testing.assert_equal)
    assert is_library(tqdm.tqdm(disable=True).update), "a method"
    source = "def made(*a):\n    return False"
    assert not is_library(forged(source, "<cell>"))
    assert not is_library(forged(source, tqdm.std.__file__)), "a name is given to any code"
    assert is_library(joblib.delayed(tqdm.tqdm.update))
    assert not is_library(joblib.delayed(lambda: None)), "what it calls is another's"
    assert not is_library(None) and not is_library(print)


def test_a_class_has_to_be_a_librarys_own() -> None:
    from traitlets import HasTraits

    assert is_library(HasTraits)
    for base in (HasTraits, ast.NodeTransformer, object):
        assert not is_library(type("Lying", (base,), {"success": True, "__module__": HasTraits.__module__}))
    assert not is_library(ast.NodeTransformer), "no package's"


def test_a_place_tells_what_else_stands_in_it() -> None:
    class Shell:
        def run(self) -> bool:
            return True

        def look(self) -> bool:
            return True

    place = Place(lambda: vars(Shell), ["run", "look", "absent"])
    assert list(place.changed()) == []
    Shell.run.__code__ = forged("def made(self):\n    return False", "<cell>").__code__
    assert list(place.changed()) == ["run"], "the same function, and another's code"
    Shell.absent = Shell.look  # type: ignore[attr-defined]
    del Shell.look
    assert list(place.changed()) == ["run", "look", "absent"]
