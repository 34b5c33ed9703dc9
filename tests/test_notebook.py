"""Reading an executed notebook that may have been written to harm."""

from __future__ import annotations

import ast
import base64
import io
import json
import struct
import time
import warnings
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from drawn import scans
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from autograder.errors import StoreError
from autograder.notebook import pictures, read, reading
from autograder.records import Cell, CellKind, Json
from autograder.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def as_notebook(*cells: Json) -> bytes:
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)}).encode()


def code(*outputs: Json, source: Json = "x = 1", tags: Iterable[str] = ()) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "metadata": {"tags": list(tags)}, "outputs": list(outputs)}


def stream(text: Json, name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text}


def display(**data: Json) -> dict[str, Any]:
    return {"output_type": "display_data", "data": {kind.replace("_", "/"): value for kind, value in data.items()}}


def encoded(width: int, height: int, kind: str = "PNG") -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "white").save(buffer, kind)
    return base64.b64encode(buffer.getvalue()).decode()


def only(content: bytes, store: Store) -> Cell:
    (cell,) = read(content, store)
    return cell


def test_sources_may_be_lists_of_lines(store: Store) -> None:
    content = as_notebook({"cell_type": "markdown", "source": ["# Titre\n", "texte"]}, code(source="print(1)"))
    cells = read(content, store)
    assert [(cell.index, cell.kind, cell.source) for cell in cells] == [
        (0, CellKind.MARKDOWN, "# Titre\ntexte"),
        (1, CellKind.CODE, "print(1)"),
    ]


def test_of_displayed_markdown_the_text_is_read_and_not_the_name_of_its_object(store: Store) -> None:
    table = "| Modèle | Exactitude |\n|-|-|\n| CNN | 97 % |"
    cell = only(
        as_notebook(code(display(text_plain="<IPython.core.display.Markdown object>", text_markdown=table))), store
    )
    assert [output.text for output in cell.outputs] == [table]


def test_the_injected_parameters_do_not_count_as_a_cell(store: Store) -> None:
    content = as_notebook(code(source="a"), code(source="SEED = 3", tags=["injected-parameters"]), code(source="b"))
    assert [(cell.index, cell.source) for cell in read(content, store)] == [(0, "a"), (1, "b")]


def test_a_student_cannot_hide_cells_behind_the_tag(store: Store) -> None:
    tagged = [code(source=name, tags=["injected-parameters"]) for name in "abc"]
    assert [cell.source for cell in read(as_notebook(*tagged), store)] == ["b", "c"]


def test_what_was_printed_in_pieces_is_one_text(store: Store) -> None:
    cell = only(
        as_notebook(code(stream("Modèle "), stream(["97", "\n"]), stream("oh", "stderr"), stream("fin"))), store
    )
    assert [(output.stream, output.text) for output in cell.outputs] == [
        ("stdout", "Modèle 97\n"),
        ("stderr", "oh"),
        ("stdout", "fin"),
    ]


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        ("\x1b[1m\x1b[32m 12/12\x1b[0m ok", " 12/12 ok"),
        ("\x1b]0;owned\x07title", "title"),
        ("\x1b]8;;https://x.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("a\x00b\x08c\x9bd\u0085e\tf", "abce\tf"),
        ("step 1/3\rstep 2/3\rstep 3/3\n", "step 3/3\n"),
        ("windows\r\nlines", "windows\nlines"),
        ("half \ud83d of a pair", "half \ufffd of a pair"),
    ],
)
def test_terminal_controls_are_gone(store: Store, raw: str, seen: str) -> None:
    assert reading.clean(raw) == seen


def test_text_is_always_encodable(store: Store) -> None:
    cell = only(as_notebook(code(stream("\ud800"), source="s = '\udfff'")), store)
    assert cell.outputs[0].text.encode() and cell.source.encode()


def test_an_error_keeps_its_name_and_traceback(store: Store) -> None:
    error = {"output_type": "error", "ename": "NameError", "evalue": "x", "traceback": ["\x1b[31mline 1\x1b[0m"]}
    (output,) = only(as_notebook(code(error)), store).outputs
    assert (output.kind, output.text) == ("error", "NameError: x\nline 1")


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_images_are_written_anew_as_png(store: Store, kind: str) -> None:
    (output,) = only(as_notebook(code(display(**{f"image_{kind.lower()}": encoded(30, 20, kind)}))), store).outputs
    assert output.image and (output.width, output.height) == (30, 20)
    assert store.get(output.image).startswith(b"\x89PNG")


def test_large_figures_are_scaled_down(store: Store) -> None:
    (output,) = only(as_notebook(code(display(image_png=encoded(3200, 1000)))), store).outputs
    assert (output.width, output.height) == (1600, 500)


def bomb(side: int) -> str:
    """A PNG that declares ``side`` x ``side`` pixels in a few bytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    raw = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    return base64.b64encode(raw).decode()


@pytest.mark.parametrize("image", [bomb(6000), bomb(12_000), bomb(60_000), "not base64!", encoded(9, 9)[:40], "", None])
def test_bad_images_and_bombs_are_refused(store: Store, image: Json) -> None:
    (output,) = only(as_notebook(code(display(image_png=image, text_plain="<Figure>"))), store).outputs
    assert output.image is None and output.undrawn and output.text == "<Figure>"


BROKEN = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAAEEAAAAAA6I9alAAAACGFjVEyAAAAAAAAAANp2RcoAAAAMSURBVHicY2AYHgAAAMgAAa1AdiIAAAAEdFJOU+I6"
    "whrit8PZAAAACGFjVEwAAAABAAAAALQt6aAAAAAASUVORK5CYII=",
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABAQAAAAA3bvkkAAAAC0lEQVR4nGNggAEAAAoAAX+AdF4AAAAAaUNDUKWJGT4AAAAMc1JHQgUzjwuMb2S/iF/w"
    "gllAfGgAAAAASUVORK5CYII=",
)
"""A transparent colour after the dots, and a profile of no bytes: Pillow raises what it raises for no other file."""


@pytest.mark.parametrize("image", BROKEN)
def test_no_picture_stops_the_reading(store: Store, image: str) -> None:
    outputs = only(as_notebook(code(display(image_png=image), display(text_plain="next"))), store).outputs
    assert [output.text for output in outputs] == ["", "next"]


def test_a_picture_is_its_dots_alone(store: Store) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (9, 9)).save(buffer, "PNG", icc_profile=b"profile of a student", transparency=(0, 0, 0))
    (output,) = only(as_notebook(code(display(image_png=base64.b64encode(buffer.getvalue()).decode()))), store).outputs
    assert output.image is not None
    with Image.open(io.BytesIO(store.get(output.image))) as kept:
        assert kept.size == (9, 9) and not kept.info


def test_a_picture_of_thousands_of_scans_is_not_drawn(store: Store) -> None:
    shown = [display(image_jpeg=scans(1000, count)) for count in (0, 3000, 0)]
    outputs = only(as_notebook(code(*shown)), store).outputs
    assert [output.image is not None for output in outputs] == [True, False, True]


def test_pictures_that_are_slow_to_write_anew_are_not_drawn_without_end(store: Store) -> None:
    dots = Image.effect_noise((1600, 18), 90).convert("L")
    tile = Image.new("L", (1600, 1600))
    for top in range(0, 1600, 18):
        tile.paste(dots, (0, top))
    buffer = io.BytesIO()
    tile.save(buffer, "PNG")
    picture = base64.b64encode(buffer.getvalue()).decode()
    outputs = only(as_notebook(code(*[display(image_png=picture)] * 9)), store).outputs
    drawn = [output.image is not None for output in outputs]
    assert len(picture) < 100_000 and drawn == sorted(drawn, reverse=True) and 1 <= sum(drawn) < 9
    assert [output.undrawn for output in outputs] == [not shown for shown in drawn]


def test_pictures_share_what_may_be_drawn(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MAX_TOTAL_PIXELS", 1000)
    shown = [display(image_png=encoded(side, side)) for side in (20, 20, 20, 10)]
    outputs = only(as_notebook(code(*shown)), store).outputs
    assert [output.image is not None for output in outputs] == [True, True, False, True]
    assert [output.undrawn for output in outputs] == [False, False, True, False]


def test_svg_and_scripts_never_pass(store: Store) -> None:
    data = display(**{"image_svg+xml": "<svg onload=alert(1)>", "application_javascript": "alert(1)"})
    (output,) = only(as_notebook(code(data)), store).outputs
    assert (output.image, output.text, output.html) == (None, "", "")


def test_images_within_markdown_do_not_use_up_the_room_for_text(store: Store) -> None:
    picture = "![](data:image/png;base64," + "A" * 500_000 + ")"
    cells = read(as_notebook({"cell_type": "markdown", "source": picture + " vu"}, code()), store)
    assert [cell.source for cell in cells] == ["![](data:) vu", "x = 1"]


TRICKS = (
    "a = 1  #\x1b]\nhidden()\n#\x07",
    "#\x1bP\nhidden()",
    "#\x1b[2K\x9b1m\nhidden()\x0c",
    "hidden()\rshown()",
    "a = '''\r'''\r\nhidden()\r",
    "if a:\r    hidden()\r\rshown()",
    "a = 'data:a/b;base64," + "QUJD" * 40 + "'",
    "site = packages = 1; x = 0 and 1/(hidden())/site-packages/1",
    "# \u2028hidden()",
    "a = '\b\b\b'; hidden()",
)


@pytest.mark.parametrize("source", TRICKS, ids=range(len(TRICKS)))
def test_code_is_read_as_python_runs_it(source: str, store: Store) -> None:
    read_as = only(as_notebook(code(source=source)), store).source
    assert _tree(read_as) == _tree(source) != ""
    assert "\r" not in read_as


SIGNS = ("\x1b", "]", "[", "\x07", "#", "\r", "\n", "\b", "\x0c", "\x9b", "\\", "'''", "'", "a", "1", "/", "f()")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(SIGNS)))
def test_no_signs_in_code_change_what_is_read(tmp_path_factory: pytest.TempPathFactory, signs: list[str]) -> None:
    source = "b = 2  #" + "".join(signs)
    read_as = only(as_notebook(code(source=source)), Store(tmp_path_factory.mktemp("store"))).source
    assert _tree(read_as) == _tree(source)


def _tree(source: str) -> str:
    """Empty for what is no Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.dump(ast.parse(source))
    except (SyntaxError, ValueError):
        return ""


def test_a_carriage_return_in_text_ends_a_line(store: Store) -> None:
    cell = only(as_notebook({"cell_type": "markdown", "source": "# Titre\r\rTexte\r\nsuite"}), store)
    assert cell.source == "# Titre\n\nTexte\nsuite"


def test_what_was_not_read_of_a_source_is_counted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_SOURCE", 10)
    monkeypatch.setattr(reading, "MAX_TOTAL_SOURCE", 15)
    text = {"cell_type": "markdown", "source": "t" * 12}
    cells = read(as_notebook(text, text, text, *(code(source="y" * length) for length in (12, 5, 3))), store)
    assert [(len(cell.source), cell.beyond) for cell in cells] == [(10, 2), (5, 7), (0, 12), (10, 2), (5, 0), (0, 3)]


def test_text_leaves_code_the_room_that_it_needs(store: Store) -> None:
    text = {"cell_type": "markdown", "source": "word " * (reading.MAX_SOURCE // 5)}
    cells = read(as_notebook(*[text] * 10, code(source="hidden()")), store)
    assert (cells[-1].source, cells[-1].beyond) == ("hidden()", 0)
    assert cells[9].beyond == reading.MAX_SOURCE


def test_everything_has_a_cap(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_CELLS", 2)
    monkeypatch.setattr(reading, "MAX_SOURCE", 10)
    monkeypatch.setattr(reading, "MAX_OUTPUTS", 3)
    monkeypatch.setattr(reading, "MAX_TEXT", 20)
    monkeypatch.setattr(reading, "MAX_TOTAL_TEXT", 50)
    monkeypatch.setattr(reading, "MAX_IMAGES", 1)
    pictures = [display(image_png=encoded(2, 2), text_html="h" * 30) for _ in range(9)]
    cells = read(as_notebook(code(*pictures, source="y" * 99), code(*pictures), code()), store)
    outputs = [output for cell in cells for output in cell.outputs]
    assert len(cells) == 2 and len(outputs) == 6
    assert len(cells[0].source) == 10
    assert [len(output.html) for output in outputs] == [20, 20, 10, 0, 0, 0]
    assert sum(output.image is not None for output in outputs) == 1


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"cells": 3}', b"\xff\xfe\x00", b"[" * 100_000])
def test_what_is_no_notebook_is_an_error_of_the_store(store: Store, content: bytes) -> None:
    with pytest.raises(StoreError):
        read(content, store)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["cell_type", "source", "metadata", "tags", "outputs", "output_type", "text", "data"]),
            inner,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(JSON, max_size=3))
def test_no_shape_of_cell_breaks_the_reader(tmp_path_factory: pytest.TempPathFactory, cells: list[Any]) -> None:
    found = read(as_notebook(*cells), Store(tmp_path_factory.mktemp("store")))
    assert [cell.index for cell in found] == list(range(len(found)))


def test_the_grading_machine_is_not_described() -> None:
    warning = "/home/prof/grader/.venv/lib/python3.11/site-packages/keras/src/layer.py:113: UserWarning: no"
    assert reading.clean(warning) == "site-packages/keras/src/layer.py:113: UserWarning: no"


def test_a_text_of_slashes_takes_no_longer_than_another() -> None:
    began = time.process_time()
    for unit in ("/", "a/", "/site-packages"):
        text = unit * (reading.MAX_TEXT // len(unit))
        assert reading.clean(text).endswith(unit)
    assert reading.clean("f=/a/site-packages/x (/b/c/site-packages/y") == "f=site-packages/x (site-packages/y"
    assert time.process_time() - began < 2
