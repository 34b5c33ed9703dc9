"""Cells as people write them, read by IPython in a real kernel; and the rules, without one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder import repairs
from autograder.datasets import load, room_file
from autograder.execution import Job, execute
from autograder.guest.places import sources
from autograder.records import Execution, Json
from autograder.sandbox.plain import Plain
from autograder.store import Store
from tests.notebooks import notebook
from tests.notebooks.places import COLAB_TRAINING, FILES, PLACES, Cell

# --- reading, without a kernel ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("% matplotlib inline\nx = 1", "%matplotlib inline\nx = 1"),
        ("  % time fit()", "  %time fit()"),
        ("% nosuch x", "% nosuch x"),
        ("x = ('%d'\n  % time)", "x = ('%d'\n  % time)"),
    ],
)
def test_a_space_in_a_magic(text: str, read: str) -> None:
    assert sources.spaced(text, ("matplotlib", "time")) == read


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("#@title T\n\n%%time\nfit()", "%%time\nfit()"),
        ("# a\n# b\n%%capture out\nx", "%%capture out\nx"),
        ("%%time\nfit()", "%%time\nfit()"),
        ("x = 1\n%%time\nfit()", "x = 1\n%%time\nfit()"),
        ("# a\n%%nosuch\nx", "# a\n%%nosuch\nx"),
    ],
)
def test_a_comment_above_a_cell_magic(text: str, read: str) -> None:
    assert sources.placed(text, ("time", "capture")) == read


@pytest.mark.parametrize(
    "text",
    ["x = 1", "!ls\n%cd ..\nx = !ls", "await f()", "%%bash\nfor", "print?", "def f():\n    !ls {x}\n"],
)
def test_what_ipython_reads_is_left_alone(text: str) -> None:
    assert sources.read(text)


@pytest.mark.parametrize("text", ["def broken(:", "print 'x'", "pip install a\nx = 1", "This is a text"])
def test_what_ipython_cannot_read(text: str) -> None:
    assert not sources.read(text)


# --- repairs ---------------------------------------------------------------------------------------------------------


def repaired(text: str) -> str | None:
    return repairs.repaired(text, repairs.parses, (*repairs.PASTED, repairs.python_2))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("print 'a', b", "print('a', b)"),
        ("print 'a',\nprint", "print('a', end=' ')\nprint()"),
        ("if x: print 'y'; print(1)", "if x: print('y'); print(1)"),
        ("print 'a %s' % f(\n    1,\n)", "print('a %s' % f(\n    1,\n))"),
        ("print ('a'), 2", "print(('a'), 2)"),
        ("print >>sys.stderr, 'a'", "print( 'a', file=sys.stderr)"),
        ("try:\n    x\nexcept E, e:\n    print e", "try:\n    x\nexcept E as e:\n    print(e)"),
        ("raise E, 'no'", "raise E( 'no')"),
        ("exec 'x = 1'", "exec('x = 1')"),
        ("print “a”", 'print("a")'),
        ("x = ‘a’", "x = 'a'"),
        ("x\u200b = 3 \u2013 2", "x = 3 - 2"),
        (">>> for x in y:\n...     z(x)", "for x in y:\n    z(x)"),
        (">>> a\n17 rows\n>>> b", "a\nb"),
        ("a = 1\nIn [2]: b = 2\nOut[2]: 2", "a = 1\nb = 2"),
        ("1 for x in y:\n2     z(x)\n3\n4 a = 1", "for x in y:\n    z(x)\n\na = 1\n"),
        ("10. a = 1\n11. b = 2", "a = 1\nb = 2\n"),
        ("if x:\n\ta\n        b", "if x:\n        a\n        b"),
    ],
)
def test_a_repair(old: str, new: str) -> None:
    assert repaired(old) == new


@pytest.mark.parametrize(
    "text", ["def broken(:", "We train", "1 a = 1\n3 b = 2", "x = 'unclosed", "a b\n" * 60_000, "print lambda"]
)
def test_what_no_repair_makes_readable_stays_the_authors(text: str) -> None:
    assert repaired(text) is None


def test_a_line_of_a_shell_is_one_only_where_it_is_no_python() -> None:
    assert repairs.shell_lines("cp a b\ncat = 3\n    cd x\n") == "!cp a b\ncat = 3\n    %cd x\n"
    assert repairs.shell_lines("cp a b") == "cp a b"


def test_changed_lines_are_told_and_magics_are_not() -> None:
    assert repairs.changes("a\nprint b", "get_ipython().magic()\nprint(b)") == [("print b", "print(b)")]
    assert len(repairs.changes("a\n" * 9, "b\n" * 9)) == repairs.SHOWN


# --- real kernels ----------------------------------------------------------------------------------------------------


class Played:
    """What became of all notebooks of ``PLACES``."""

    def __init__(self, execution: Execution, store: Store) -> None:
        assert execution.notebook is not None
        assert execution.ledger is not None
        cells = json.loads(store.get(execution.notebook))["cells"]
        self.cells = [cell for cell in cells if cell["metadata"].get("tags") != ["injected-parameters"]]
        self.runs = execution.cells
        self.ledger = json.loads(store.get(execution.ledger))

    def of(self, name: str) -> Iterator[tuple[Cell, Any, str, list[str]]]:
        """Each cell of a notebook: what was expected, how it ran, what it showed, what was noted."""
        start = sum(len(cells) for cells in list(PLACES.values())[: list(PLACES).index(name)])
        for number, cell in enumerate(PLACES[name], start=start):
            run = self.runs[number]
            noted = [
                f"{one['kind']}: {one['old']} -> {one['new']}"
                for one in self.ledger["adaptations"]
                if one["execution_count"] == run.execution_count
            ]
            yield cell, run, _shown(self.cells[number]["outputs"]), noted


def _shown(outputs: list[Json]) -> str:
    return "".join(
        str(output.get("text") or output.get("evalue") or "") + json.dumps(output.get("data", {})) for output in outputs
    ).replace("{}", "")


def _play(cells: list[str], folder: Path) -> tuple[Execution, Store]:
    data = load("digits", split_seed=20, hidden_images=100)
    (folder / "served").mkdir()
    store = Store(folder / "state")
    job = Job(notebook=notebook(*cells), data=data, data_file=room_file(data, folder / "served"), files=FILES)
    return execute(job, Plain(), store), store


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    cells = [cell.source for cells in PLACES.values() for cell in cells]
    return Played(*_play(cells, tmp_path_factory.mktemp("places")))


@pytest.mark.kernel
@pytest.mark.parametrize("name", PLACES)
def test_a_notebook_from_another_place(played: Played, name: str) -> None:
    for cell, run, shown, noted in played.of(name):
        assert (run.state.value, run.error if cell.state == "ran" else None) == (cell.state, None), cell.source
        assert cell.shown in shown, cell.source
        assert sorted(noted) == sorted(cell.noted), cell.source


@pytest.mark.kernel
def test_nothing_of_ours_failed_and_nothing_heavy_was_imported(played: Played) -> None:
    assert played.ledger["notes"] == []
    assert played.ledger["trainings"] == []


@pytest.mark.kernel
def test_a_training_on_the_terms_of_colab(tmp_path: Path) -> None:
    execution, store = _play([COLAB_TRAINING], tmp_path)
    assert [run.error for run in execution.cells] == [None]
    assert execution.ledger is not None
    ledger = json.loads(store.get(execution.ledger))
    assert [training["epochs_run"] for training in ledger["trainings"]] == [1]
    assert execution.notebook is not None
    assert b"kept 2" in store.get(execution.notebook)


@pytest.mark.parametrize(
    "text",
    ["x = 1\na" + "\t" * 3000 + "!", "a" + " " * 49_000 + "?x", 'x = "' + '\\"' * 20_000],
    ids=["tabs", "blanks", "quotes"],
)
def test_what_takes_the_square_of_its_length_is_not_split_into_tokens(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repairs.tokenize, "generate_tokens", lambda _: pytest.fail("split all the same"))
    assert repairs.is_tangled(text)
    assert repairs.python_2(text) == text


def test_python_2_is_still_read_beside_comments_in_a_row() -> None:
    text = "print 'a'" + " " * 40 + "# said\nprint b\n"
    assert not repairs.is_tangled(text)
    assert repairs.parses(repairs.python_2(text))
