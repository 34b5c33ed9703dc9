"""Inputs that are nearly right: what is right about them gets them past the first look, and what is not is the test."""

from __future__ import annotations

import json
from collections.abc import Iterable

from hypothesis import strategies as st

MARKS = (
    "|", "| a | 0.9 |\n|---|---|\n", "# ", "\n\n", "**", "__", "`", "```\n", "> ", "- ", "1. ", "[x](", ")", "![",
    "]", "<", "javascript:alert(1)", "http://x", "data:text/html,x", "&#x202e;", "&lt;script&gt;", "&#0;",
    "&NewLine;", "\\", "<script>", "</script>", "<svg onload=x>", "<img src=x onerror=x>", "<style>", "<a href='",
    "'>", "<table>", "</table>", "<tr>", "<td>", "<td colspan=9999 onclick=x>", "<math>", "<textarea>", "<title>",
    "<!--", "-->", "<![CDATA[", "</p>", "\u202e", "\u200b", "\u2066", "\x1b[31m", "\x1b]0;x\x07", "\x00", "\x9b",
    "\r", "\x08", "\ud800", "\U0001f642\u200d", "é", "é", "Test accuracy: 0.98", " 97 % of 10000 images",
    "9812/10000 correct", "1.5e-3", "model  accuracy\n", "CNN  0.98\n", "{'a': ", "[1, ", "0xff", "}",
    "Name: acc, dtype: float64", "[[9 1]\n [0 10]]", "=1+1", "@x", "+", ";", ",", "\t", '"', "def f():\n", " fit()",
    "f()\n", "import numpy as np\n", "mnist.load_data()", "!pip install x\n", "%%bash\n", "print 'a'\n", "Conclusion",
    "Robustesse", "Introduction : ", "parce que le dropout réduit", "confond le 4 et le 9", " 1.1.1) ", "\ufdfa",
    "model.fit(x, epochs=5)\n", "plt.plot(x)\n", "if a:\n", "else", "lambda x: ", "(", "((", ":", "'", '"""', "0.9",
    "1/1 ",
)  # fmt: skip
"""Marks of Markdown, HTML, SVG, tables, terminals, spreadsheets, figures, Python."""


def soup(longest: int = 40) -> st.SearchStrategy[bytes]:
    """Such marks in any order, some repeated, with any text between."""
    part = st.sampled_from(MARKS) | st.text(max_size=8)
    often = st.tuples(part, st.sampled_from((1, 1, 1, 2, 30))).map(lambda pair: pair[0] * pair[1])
    return st.lists(often, max_size=longest).map(lambda parts: "".join(parts).encode("utf-8", "surrogatepass"))


@st.composite
def mutated(draw: st.DrawFn, seeds: Iterable[bytes]) -> bytes:
    """One of the seeds after a few cuts, copies, splices and changed bytes."""
    known = list(seeds)
    data = bytearray(draw(st.sampled_from(known))[:20_000])
    for _ in range(draw(st.integers(0, 6))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 40)))
        other = draw(st.sampled_from(known))
        place = draw(st.integers(0, len(other)))
        new = draw(
            st.sampled_from(
                (b"", bytes(data[start:end]) * 2, other[place : place + 40], b"\xff" * (end - start), b'"', b"{[")
            )
            | st.binary(max_size=8)
        )
        data[start:end] = new
    return bytes(data)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from((10**400, -(10**400), 1e308, float("inf"), float("nan")))
    | st.sampled_from(("code", "markdown", "stream", "error", "display_data", "execute_result", "started", "ran", "m1"))
    | st.sampled_from(
        ("\ud800", "\u202ex", "<script>x</script>", "text/html", "image/png", "Lambda", "function", "keras")
    )
    | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=8,
)
"""JSON, and what Python's reader takes for it."""


def objects(*keys: str) -> st.SearchStrategy[dict[str, object]]:
    """Objects that have some of these keys, with any values."""
    return st.fixed_dictionaries({}, optional={key: VALUES for key in keys})


def written(value: object) -> bytes:
    return json.dumps(value).encode()


OUTPUT = objects("output_type", "name", "text", "data", "metadata", "ename", "evalue", "traceback", "execution_count")
CELL = st.builds(
    lambda cell, outputs: cell | outputs,
    objects("cell_type", "source", "metadata", "id", "attachments", "execution_count", "input", "level"),
    st.fixed_dictionaries({}, optional={"outputs": st.lists(OUTPUT, max_size=3) | VALUES}),
)
NOTEBOOK = st.builds(
    lambda head, cells: written(head | cells),
    objects("nbformat", "nbformat_minor", "metadata", "worksheets"),
    st.fixed_dictionaries({}, optional={"cells": st.lists(CELL, max_size=4), "nbformat": st.integers(0, 6)}),
)
"""The files of notebooks in which any value may be of the wrong kind."""

LAYER = st.fixed_dictionaries(
    {"class_name": st.sampled_from(("Dense", "Lambda", "function", "__tuple__", "\ud800", 3))},
    optional={"module": VALUES, "config": VALUES, "registered_name": VALUES},
)
CONFIG = st.builds(
    lambda top, layers: written({**top, "config": {"layers": layers}}), LAYER, st.lists(LAYER | VALUES, max_size=4)
)

DESCRIPTIONS = st.sampled_from(
    (
        "'<f4'",
        "'|O'",
        "'<U9'",
        "'<M8[s]'",
        "()",
        "('<f4',)",
        "('<f4', (2, 2))",
        "[('a', '<f4')]",
        "[('a',)]",
        "[]",
        "None",
        "'f4' * 9",
        "('|O', 1)",
        "[(('t', 'a'), '<f4')]",
        "'<f99'",
        "[['a', 3]]",
        "{'a': 1}",
        "1",
        "'>f4'",
        "(",
        "''",
        "'\\d'",
    )
)
SHAPES = st.sampled_from(
    (
        "(2, 3)",
        "()",
        "(2,)",
        "(-1, 6)",
        "(4294967296, 4294967296)",
        "(10**9,)",
        "(True, 6)",
        "[2, 3]",
        "(2, 3, 1, 1, 1)",
        "(1000000000000,)",
        "(0, 9)",
        "('2', 3)",
        "(2L, 3L)",
        "(6.0,)",
        "((2, 3),)",
        "None",
        "(2, (",
    )
)


@st.composite
def npy(draw: st.DrawFn) -> bytes:
    """Headers of ``.npy`` whose words are numpy's own, and 24 bytes."""
    order = draw(st.sampled_from(("False", "True", "0", "None")))
    text = f"{{'descr': {draw(DESCRIPTIONS)}, 'fortran_order': {order}, 'shape': {draw(SHAPES)}, }}\n"
    text = draw(st.sampled_from((text, text[: draw(st.integers(0, len(text)))], "(" * 300, "{'a': 0x" + "f" * 5000)))
    version = draw(st.sampled_from((b"\x01\x00", b"\x02\x00", b"\x03\x00", b"\x09\x09")))
    size = max(0, len(text) + draw(st.sampled_from((0, 0, 0, -3, 7)))).to_bytes(4, "little")
    return b"\x93NUMPY" + version + (size[:2] if version[0] == 1 else size) + text.encode() + bytes(24)
