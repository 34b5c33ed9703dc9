"""Notebooks that look for our objects and files: heard by an audit hook in the kernel, and seen by their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import FunctionType

import pytest

from autograder.extraction.overruling import overruling
from autograder.extraction.prying import PRYING, prying
from autograder.guest import prying as guest
from autograder.guest import stack
from autograder.records import CellRun, CellState, Ending, Execution, GapKind
from tests import evidence as make

RAN = Execution(
    ending=Ending.COMPLETED,
    cells=tuple(CellRun(index=index, state=CellState.RAN, execution_count=index + 2) for index in range(3)),
)


@pytest.mark.parametrize(
    "source",
    [
        "import gc\nrec = [o for o in gc.get_objects() if type(o).__name__ == 'Recorder']",
        "from gc import get_referrers as g",
        "getattr(gc, 'get_objects')()",
        "import sys\nsys.addaudithook(lambda *a: None)",
        "f = sys._getframe()\nwhile f: f = f.f_back",
        "keras.Model.fit.__wrapped__(m, x, y)",
        "open('/proc/self/mem', 'r+b')",
        "import ctypes\nctypes.pythonapi.PyObject_SetAttrString(d, b'depth', v)",
        "m = sys.modules['auto' + 'grader_' + 'session']",
        "m = [v for k, v in sys.modules.items() if k.endswith('prints')]",
        "getattr(f, 'f_' + 'back')",
        "import numpy as np\ntrue = np.save\nnp.save = save",
        "import numpy as np\nsetattr(np, 'linspace', line)",
        "import numpy.lib.format as fmt\nfmt.write_array = other",
        "from pathlib import Path\nPath.write_bytes = other",
        "import pathlib\npathlib.Path.write_bytes = other",
        "import hashlib\nhashlib.sha256 = md5",
        "import time\ntime.monotonic = later",
    ],
)
def test_code_that_looks_for_what_is_recorded_is_told(source: str) -> None:
    [gap] = prying(RAN, [make.text(0, "# a"), make.code(1, source)])
    assert (gap.kind, gap.ours, gap.reason.values["cells"]) == (GapKind.CODE, False, "2")


@pytest.mark.parametrize(
    "source",
    [
        "import gc\ngc.collect()\nkeras.backend.clear_session()",
        "import numpy as np\nnp.bool = bool\nnp.load = lambda *a, **k: old(*a, allow_pickle=True, **k)",
        "from pathlib import Path\nPath.ls = lambda self: list(self.iterdir())",
        "import os\nos.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'",
        "import sys, json\nsys.stdout = open('log.txt', 'w')",
        "import builtins\nbuiltins.print = tell",
        "model.save = None\nnp = 3\nresults.array = 2",
        "import numpy as np\na = np.zeros(3)\na.shape = (3, 1)",
        "print('gc.get_objects()')",
        "import sys\nif 'google.colab' in sys.modules: keras = sys.modules['keras']\nd.items(), m.modules()",
        "name = 'auto' + 'encoder'\nprint('a' + str(3), 'x' + name, 1 + 2)",
    ],
)
def test_what_honest_notebooks_do_is_not(source: str) -> None:
    assert prying(RAN, [make.code(0, source)]) == ()


def test_what_was_heard_names_the_cell_and_says_nothing_of_whether_cells_ran() -> None:
    heard = replace(RAN, overruled={f"{guest.PRYING}gc.get_objects": 3})
    [gap] = prying(heard, [])
    assert gap.reason.values["cells"] == "2" and guest.PRYING == PRYING
    assert overruling(heard, []) == ()


# --- in the kernel ---------------------------------------------------------------------------------------------------


def made(body: str, file: str) -> FunctionType:
    """A function that hands on to the hook it is given, from that file."""
    space: dict[str, FunctionType] = {}
    exec(compile(f"def made(hear, *given):\n    {body}", file, "exec"), space)
    return space["made"]


def heard(tmp_path: Path, *calls: Sequence[object]) -> list[str]:
    found: dict[str, int | None] = {}
    hook = guest.Prying([tmp_path / "closed"], lambda: 4, found)
    for file, *event in calls:
        made("hear(*given)", str(file))(hook.hear, *event)
    assert set(found.values()) <= {4}
    return [name.removeprefix(guest.PRYING) for name in found]


def test_a_cells_own_calls_are_heard_and_a_librarys_are_not(tmp_path: Path) -> None:
    import numpy as np

    library, cell = np.__file__, "/tmp/ipykernel_1/2.py"
    assert heard(tmp_path, (cell, "gc.get_objects", ()), (cell, "import", ())) == ["gc.get_objects"]
    assert heard(tmp_path, (library, "gc.get_objects", ()), (library, "sys._getframe", (None,))) == []
    asked = ("object.__getattr__", (None, "tb_frame")), ("object.__getattr__", (None, "f_code"))
    assert heard(tmp_path, *((cell, *one) for one in asked)) == ["object.__getattr__"]
    assert heard(tmp_path, ("<string>", "sys.addaudithook", ())) == ["sys.addaudithook"]


def test_files_of_ours_are_our_own_to_open(tmp_path: Path) -> None:
    cell, ours = "/tmp/ipykernel_1/2.py", f"{stack.OURS}handover.py"
    inside, beside = tmp_path / "closed" / "sample-1.npy", str(tmp_path / "mine.npy")
    assert heard(tmp_path, (ours, "open", (str(inside), "w", 0)), (cell, "open", (beside, "w", 0))) == []
    assert heard(tmp_path, (cell, "open", (inside, "w", 0)), (cell, "os.rename", (beside, str(inside)))) == [
        "open",
        "os.rename",
    ]
    assert heard(tmp_path, (cell, "open", (3, "w", 0)), (cell, "os.remove", (bytes(inside), -1))) == ["os.remove"]
