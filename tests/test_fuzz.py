"""Hostile bytes at every place on the host that reads a student's: promises hold, and what a fuzzer found stays mended.

The entry points and their promises are those of ``benchmarks/targets.py``.
"""

from __future__ import annotations

import io
import json
import struct
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import nbformat
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder.checks import confused
from autograder.execution.transcript import Transcript
from autograder.extraction import literals
from autograder.extraction.archive import refusal
from autograder.extraction.arrays import read_npy
from autograder.extraction.grids import grids
from autograder.extraction.matching import Sightings
from autograder.feedback import inert
from autograder.frames import Frame
from autograder.intake.archive import members
from autograder.intake.caps import Caps
from autograder.intake.reading import read_notebook
from autograder.intake.scripts import exported
from autograder.messages import KINDS, render, visible
from autograder.notebook import source
from autograder.notebook.accuracies import stated
from autograder.notebook.dataset import MAX_ENTERED, _Code
from autograder.records import ArrayPrint, Cell, CellKind, CellState, Ledger, Message, Output, Training
from tests.soup import CONFIG, NOTEBOOK, VALUES, mutated, npy, objects, soup, written

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))
import oracles  # type: ignore[import-not-found]
import targets  # type: ignore[import-not-found]


def many(examples: int) -> settings:
    return settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))


# --- promises --------------------------------------------------------------------------------------------------------


@many(200)
@given(NOTEBOOK)
def test_a_notebook_of_wrong_values_is_read_or_refused(data: bytes) -> None:
    targets.TARGETS["notebook"].feed(data)
    targets.TARGETS["cells"].feed(data)
    found = read_notebook(data)
    if found.notebook is not None:
        nbformat.validate(json.loads(found.notebook))


@pytest.mark.parametrize(
    "name", ["notebook", "archives", "naming", "roster", "transcripts", "ledgers", "saved", "drawings"]
)
def test_nearly_valid_files_keep_the_promises(name: str) -> None:
    entry = targets.TARGETS[name]
    seen: list[bytes] = []

    @many(150)
    @given(mutated(tuple(entry.seeds())))
    def holds(data: bytes) -> None:
        seen.append(data)
        entry.feed(data)

    holds()
    assert len(set(seen)) > 20


@pytest.mark.parametrize(
    "name", ["prose", "tables", "code", "markdown", "html", "spreadsheets", "naming", "handed_out"]
)
def test_soup_keeps_the_promises(name: str) -> None:
    seen: list[bytes] = []

    @many(300)
    @given(soup())
    def holds(data: bytes) -> None:
        seen.append(data)
        targets.TARGETS[name].feed(data)

    holds()
    assert len(set(seen)) > 50


@pytest.mark.parametrize("name", ["checking", "pages"])
def test_soup_within_a_whole_notebook_keeps_the_promises(name: str) -> None:
    seen: list[bytes] = []

    @many(60)
    @given(soup(25))
    def holds(data: bytes) -> None:
        seen.append(data)
        targets.TARGETS[name].feed(data)

    holds()
    assert len(set(seen)) > 20


@many(300)
@given(npy())
def test_an_array_is_read_whole_or_not_at_all(data: bytes) -> None:
    targets.TARGETS["arrays"].feed(data)
    array = read_npy(data)
    assert array is None or array.nbytes <= len(data)


@many(300)
@given(CONFIG)
def test_any_configuration_of_a_model_gets_an_answer(data: bytes) -> None:
    targets.TARGETS["configurations"].feed(data)


HEAD = st.builds(
    lambda kind, rest: {"kind": kind, **rest},
    st.sampled_from("ready cell progress ledger artifact parameters images? altered? fallback end".split()),
    objects("index", "state", "seconds", "error", "execution_count", "text", "name", "environment", "changed", "models",
            "part", "left", "model", "cell", "ending", "limit"),
)  # fmt: skip
BODY = (
    st.lists(objects("output_type", "text", "data"), max_size=3).map(written)
    | VALUES.map(written)
    | st.binary(max_size=20)
)


@many(120)
@given(st.lists(st.tuples(HEAD, BODY), max_size=6))
def test_whatever_a_room_says_the_run_can_be_read(said: list[tuple[dict[str, object], bytes]]) -> None:
    targets.TARGETS["transcripts"].feed(b"".join(targets.frame(head, body) for head, body in said))


@many(150)
@given(objects("trainings", "evaluations", "bindings", "frames", "scores", "notes", "answering", "unfollowed"))
def test_any_ledger_is_read_or_a_gap(ledger: dict[str, object]) -> None:
    targets.TARGETS["ledgers"].feed(written({**targets.LEDGER, **ledger}))


# --- what was found --------------------------------------------------------------------------------------------------


FOUND: Mapping[str, tuple[bytes, ...]] = {
    "tables": (
        b"<table><tr><td>a<table> <tr><td>b",
        b"accuracy 1.5e-" + b"9" * 350,
        b"[{'a': 0x" + b"f" * 5000 + b"}]",
        b"[1 " + b"1" * 5000 + b"]",
    ),
    "checking": (b"x = 0x" + b"f" * 5000, b"[1 " + b"1" * 5000 + b"]"),
    "code": (b"x = 0x" + b"f" * 5000, b" " * 5000 + b"x"),
    "notebook": (b'{"cells":[],"nbformat":1' + b"0" * 400 + b"}",),
    "configurations": (b'{"class_name": "\\ud800", "module": "x"}',),
    "markdown": (b"[x](grade.json)", b"[x](//evil.example)", b"[x](javWsc\x00\x00g)"),
    "naming": ("\U0001d173x".encode(),),
}
"""Minimised; by the target that they broke."""


@pytest.mark.parametrize(("name", "data"), [(name, data) for name, found in FOUND.items() for data in found])
def test_what_was_found_stays_mended(name: str, data: bytes) -> None:
    targets.TARGETS[name].feed(data)


def test_a_table_within_a_field_is_a_table() -> None:
    inner = "<table>\n<tr><th>m</th><th>acc</th></tr>\n<tr><td>a</td><td>0.9</td></tr></table>"
    html = f"<table><tr><td>left{inner}</td></tr></table>"
    cell = Cell(index=0, kind=CellKind.CODE, source="", outputs=(Output(kind="display", html=html),))
    assert [grid.header for grid in grids([cell], Ledger())] == [("m", "acc")]


@pytest.mark.parametrize("header", ["{'a': (", "{'descr': (), 'fortran_order': False, 'shape': (1,)}"])
def test_a_header_that_numpy_stumbles_over_is_no_array(header: str) -> None:
    assert read_npy(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()) is None


def test_a_number_that_cannot_be_written_is_no_code() -> None:
    assert source.parse("x = 0x" + "f" * 5000) is None
    assert source.parse("x = 0x" + "f" * 500) is not None


def test_spaces_before_a_word_are_no_assignment_of_a_command() -> None:
    assert source.python("  files = !ls\nx y = 3(") == "  pass\nx y = 3("


def test_a_function_that_trains_is_not_looked_into_on_every_line() -> None:
    code = _Code()
    code.read("def f():\n fit(x)\n" + "f()\n" * (MAX_ENTERED + 5))
    assert code.entered["f"] == MAX_ENTERED + 5
    assert code._deeper("f") == []


def test_what_follows_the_beginning_of_a_line_is_not_searched_for_progress() -> None:
    assert stated("accuracy: 0.98" + " " * 500 + "1/1 - 0s 1ms/step") != ()


def test_brackets_that_never_close_are_looked_at_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    closing = literals._closing

    def counted(text: str, start: int) -> tuple[int | None, int]:
        found = closing(text, start)
        looked.append(found[1])
        return found

    monkeypatch.setattr(literals, "_closing", counted)
    assert list(literals.literal_tables("[\\'\n" * 5000)) == []
    assert sum(looked) <= literals.MAX_SCANNED + literals.MAX_LENGTH


def test_a_matrix_of_long_numbers_is_none() -> None:
    assert confused.from_output("[1 " + "1" * 5000 + "]", 2, 1) is None


def test_a_format_of_four_hundred_digits_is_refused_in_words() -> None:
    refused = read_notebook(b'{"cells":[],"nbformat":1' + b"0" * 400 + b"}").refusal
    assert refused is not None
    assert "names no format" in render(refused, "en")


@many(200)
@given(st.sampled_from(sorted(KINDS)), st.integers(-(10**400), 10**400) | st.floats())
def test_any_number_can_be_said(kind: str, number: float) -> None:
    said = render(Message("{number:" + kind + "}" if kind else "{number}", {"number": number}), "fr")
    assert 0 < len(said) < 60


def lying(method: int, name: str, size: int = 40 << 20) -> bytes:
    """An archive whose one member says that it is small, and is not."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as made:
        made.writestr(name, bytes(size))
    raw = bytearray(buffer.getvalue())
    for place in (22, raw.rfind(b"PK\x01\x02") + 24):
        raw[place : place + 4] = struct.pack("<I", 100)
    return bytes(raw)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_members_that_unpack_all_at_once_are_not_unpacked(method: int) -> None:
    listing = members(lying(method, "x.ipynb"), PurePosixPath("a.zip"), Caps())
    assert not isinstance(listing, Message)
    assert not listing.leaves
    assert "cannot be read" in listing.blemishes[0].reason.text


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_configuration_is_read_to_its_cap_whatever_the_archive_says(
    method: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted: list[int] = []
    read = zipfile.ZipExtFile.read

    def counted(self: Any, count: int | None = -1) -> bytes:  # noqa: ANN401
        wanted.append(-1 if count is None else count)
        return read(self, count)

    monkeypatch.setattr(zipfile.ZipExtFile, "read", counted)
    buffer = io.BytesIO(lying(method, "config.json"))
    with zipfile.ZipFile(buffer, "a") as made:
        made.writestr("model.weights.h5", b"x")
    assert refusal(buffer.getvalue()) is not None
    assert all(0 < count <= 9 << 20 for count in wanted)


def test_a_script_of_endless_cells_is_no_notebook() -> None:
    assert exported(b"# %%\na\n" * 30_000) is None
    assert exported(b"# %%\na\n" * 3) is not None


@pytest.fixture
def transcript() -> Transcript:
    document = targets.runs.parse(json.dumps({"cells": [{"cell_type": "code", "source": ""}], "nbformat": 4}).encode())
    return Transcript(document, targets.Memory(), lambda _: None, None)


@pytest.mark.parametrize("count", [10**12, -1, 10**300, "7", 1.5, True, [1]])
def test_the_number_of_a_cell_costs_at_most_itself(count: object, transcript: Transcript) -> None:
    body = b'[{"output_type": "stream", "name": "stdout", "text": "x"}]'
    transcript.hear(Frame({"kind": "cell", "index": 0, "state": "ran", "execution_count": count}, body))
    (run,) = transcript.cells()
    assert (run.state, run.execution_count) == (CellState.RAN, None)
    assert len(transcript.outputs[0].outputs) == 1 and not transcript.notes


@pytest.mark.parametrize("depth", [3, 400, 900])
def test_what_is_displayed_too_deeply_is_left_out(depth: int, transcript: Transcript) -> None:
    body = b'[{"output_type": "display_data", "data": {"application/json": ' + b"[" * depth + b"]" * depth + b"}}]"
    transcript.hear(Frame({"kind": "cell", "index": 0, "state": "ran"}, body))
    assert bool(transcript.notes) is (depth > 100)
    assert (0 in transcript.outputs) is (depth < 100)


def test_what_no_strict_reader_reads_is_nothing(transcript: Transcript) -> None:
    transcript.hear(Frame({"kind": "cell", "index": 0, "state": "ran"}, b'[{"output_type": "x", "a": NaN}]'))
    assert transcript.outputs[0].outputs == [{"output_type": "x", "a": None}]


def test_more_trainings_than_our_recorder_keeps_are_not_believed(transcript: Transcript) -> None:
    few = tuple(Training(number=number, model="m1") for number in range(500))
    assert Ledger(trainings=few).plausible
    assert not Ledger(trainings=(*few, *few[:1])).plausible
    body = json.dumps({"trainings": [{"number": number, "model": "m1"} for number in range(501)]}).encode()
    transcript.hear(Frame({"kind": "ledger"}, body))
    assert transcript.ledger is None
    assert "malformed ledger" in transcript.notes


def test_hidden_characters_count_as_they_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    rendered: list[str] = []
    monkeypatch.setattr(inert.MarkdownIt, "render", lambda _, text, env: rendered.append(text) or "")
    assert inert.markdown("[\u202e" * (inert.MARKDOWN_CHARACTERS // 4), inert.Effort()) is None
    assert rendered == []
    inert.markdown("# a", inert.Effort())
    assert rendered == ["# a"]


@pytest.mark.parametrize(("shape", "taken"), [((4, 28, 28), True), ((4, 1, 3000), False), ((4, 3000), True)])
def test_a_strip_is_no_image(shape: tuple[int, ...], taken: bool) -> None:
    store = targets.Memory()
    buffer = io.BytesIO()
    np.save(buffer, np.ones(shape, np.float32))
    found = Sightings.__new__(Sightings)
    found._artifacts, found._store = {"sample-1.npy": store.put(buffer.getvalue())}, store
    shown = ArrayPrint(shape=shape, sample="sample-1.npy", rows=(0, 1, 2, 3))
    assert (found.sample(shown) is not None) is taken


def test_signs_of_music_that_nobody_sees_are_shown() -> None:
    assert visible("a\U0001d173b") == "a[U+1D173]b"


# --- the oracles -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "html",
    [
        "<script>x</script>",
        "<p onclick=x>",
        "<a href='javascript:x'>",
        "<a href='java\tscript:x'>",
        "<img src=x>",
        "a\u202e",
        "<p style=x>",
    ],
)
def test_an_oracle_sees_what_runs(html: str) -> None:
    with pytest.raises(oracles.Unsafe):
        oracles.inert(html, oracles.PLAIN)


@pytest.mark.parametrize("text", ["=1", " @x", "+a", "\u200b"])
def test_an_oracle_sees_formulas(text: str) -> None:
    with pytest.raises(oracles.Unsafe):
        oracles.cell(text)


def test_an_oracle_sees_paths_that_leave() -> None:
    for path in ("/etc", "a/../../b"):
        with pytest.raises(oracles.Unsafe):
            oracles.inside(PurePosixPath(path))
    oracles.inside(PurePosixPath("a/b.ipynb"))
