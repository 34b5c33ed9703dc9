"""The executed notebook that people take home: whatever opens it, nothing in it acts, and code stays code."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser

import nbformat
import pytest
from builders import HOSTILE
from drawn import encoded, moving, moving_png, scans
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from PIL import Image

from autograder.feedback import defused, handed
from autograder.messages import exposed
from autograder.records import Json

PNG, JPEG, GIF = (encoded(Image.new("P" if form == "GIF" else "L", (9, 9)), form) for form in ("PNG", "JPEG", "GIF"))
LEFT_OUT = "A picture was left out: it is too large, too intricate or damaged."
SUSPECT = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e0fff]"
)
HARMLESS = re.compile(r"https?://|mailto:|#|attachment:|data:image/(?:png|jpeg|gif);base64,", re.IGNORECASE)


def made(*cells: Json, metadata: Json = None, language: str = "en") -> dict[str, Json]:
    raw = {"cells": list(cells), "metadata": metadata or {}, "nbformat": 4, "nbformat_minor": 5}
    found: dict[str, Json] = json.loads(handed.notebook(json.dumps(raw).encode(), language))
    nbformat.validate(found)
    return found


def markdown(source: Json, **more: Json) -> dict[str, Json]:
    return {"cell_type": "markdown", "source": source, "metadata": {}, **more}


def code(source: str = "x", *outputs: Json, **more: Json) -> dict[str, Json]:
    return {"cell_type": "code", "source": source, "outputs": list(outputs), "metadata": {}, **more}


def shown(data: Json) -> dict[str, Json]:
    return {"output_type": "display_data", "data": data, "metadata": {"isolated": True}}


def strings(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


class Acting(HTMLParser):
    """Collects what a page could do."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in PROSE:
            self.found.append(tag)
        for name, value in attrs:
            local = re.match("attachment:|data:image/(?:png|jpeg|gif);base64,", value or "")
            if name.startswith("on") or (tag == "img" and name == "src" and not local):
                self.found.append(f"{tag} {name}={value}")
            if name in ("href", "src") and not HARMLESS.match(html.unescape(value or "").strip()):
                self.found.append(f"{tag} {name}={value}")
            if name == "class" and value and ("mermaid" in value.lower() or "{" in value):
                self.found.append(value)


PROSE = set(
    "p br hr h1 h2 h3 h4 h5 h6 ul ol li blockquote em strong s del code pre a img table thead tbody tr th td".split()
)


class Gullible(MarkdownIt):
    """Shows all that Markdown allows, with raw HTML and any address."""

    def __init__(self) -> None:
        super().__init__("js-default", {"html": True, "linkify": False, "maxNesting": 100})

    def validateLink(self, url: str) -> bool:
        return True


def acts(text: str) -> list[str]:
    parser = Acting()
    parser.feed(Gullible().render(text))
    parser.close()
    return parser.found


ATTACKS = (
    *HOSTILE,
    "\ud800 <table><tr><td>\udfff",
    "<script>alert(1)</script>",
    "a\n\n<iframe src=//evil.example></iframe>",
    "<!-- x --><?x?><![CDATA[<b>]]>",
    "\\<script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "[x]( \tjavascript:alert(1) 'title')",
    "[x](\njavascript:alert(1))",
    "[x](<javascript:alert(1)>)",
    "[x](< javascript:alert(1)>)",
    "[x](java&#115;cript:alert(1))",
    "[x](&#x6a;avascript&colon;alert(1))",
    "[x](command:workbench.action)",
    "[x](file:///etc/passwd)",
    "[x](../../other/feedback.html)",
    "[x][1]\n\n[1]: javascript:alert(1)",
    "[x]\n\n[x]:\n  javascript:alert(1) 'title'",
    "[x][]\n\n[x]: <javascript:alert(1)>",
    "> [x]\n>\n> [x]:\n> javascript:alert(1)",
    "<javascript:alert(1)>",
    "![x](https://evil.example/x.png)",
    "![x][1]\n\n[1]: https://evil.example/x.png",
    "\\![x](https://evil.example/x.png)",
    "\\\\![x](https://evil.example/x.png)",
    "![![x](https://evil.example/x.png)](attachment:a.png)",
    "![x](attachment:a.png)![y](//evil.example/y.png)",
    "[![x](attachment:a.png)](javascript:alert(1))",
    "![x](data:image/svg+xml;base64,AAAA)",
    "![x](data:text/html;base64,AAAA)",
    "[x\\](javascript:1)](javascript:alert(1))",
    "[`](javascript:alert(1))`](javascript:alert(1))",
    "```mermaid\nclick A href 'javascript:alert(1)'\n```",
    "> 1. ~~~ \tMermaid\n",
    "```mermai&#100;\nx\n```",
    "```{raw} html\n<script>\n```",
)


@pytest.mark.parametrize("text", ATTACKS)
def test_markdown_does_nothing_wherever_it_is_shown(text: str) -> None:
    assert acts(defused.markdown(text)) == []


def test_the_attacks_are_some() -> None:
    assert sum(bool(acts(text)) for text in ATTACKS) > 25


PIECES = [
    "[",
    "]",
    "(",
    ")",
    "<",
    ">",
    "!",
    ":",
    "`",
    "\\",
    "&",
    "#",
    "\n",
    " ",
    ">",
    "x",
    "javascript:1",
    "script",
    "/",
    "a.b",
]


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_no_markdown_at_all_does_anything(text: str) -> None:
    assert acts(defused.markdown(text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "# Titre\n\nUn *mot*, **deux**, `trois` : [lien](https://keras.io/api/) et [là](#suite).\n",
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n- x\n  - y\n\n1. z\n",
        "Si $a < b$ et $x_1 \\le \\frac{1}{2}$, alors $\\hat{y} = f(x)[0]$ ; 3 < 4, a<3.",
        "![courbe](attachment:image.png) et ![](data:image/png;base64,iVBORw0KGgo=)",
        "```python\nmodel.fit(x)[0]\nif a < b: pass\n```",
        '[keras]: https://keras.io/ "Keras"\n\nvoir [keras] et ❤\ufe0f',
        "@alice{x} `{ y }` C:\\users {a: b}",
    ],
)
def test_honest_markdown_stays_as_it_is(text: str) -> None:
    assert defused.markdown(text) == text


@pytest.mark.parametrize("text", ["$\\href{javascript:alert(1)}{x}$", "$\\require{html}$", "$\\input{/etc/passwd}$"])
def test_formulas_neither_link_nor_load(text: str) -> None:
    assert defused.markdown(text) == text.replace("\\", "\\ ", 1)


def test_formulas_in_tables_and_raw_cells_neither_link_nor_load() -> None:
    head, cell = "$\\hr<b></b>ef{javascript:alert(1)}{x}$", "&#36;&#92;style{x}{y}$ $\\alpha&lt;1$"
    table = f"<table><tr><th>{head}</th><td>{cell}</td></tr></table>"
    [output, raw] = made(code("x", shown({"text/html": table})), {"cell_type": "raw", "source": "$&#92;href{x}{y}$"})[
        "cells"
    ]
    html = output["outputs"][0]["data"]["text/html"]
    assert "<th>$\\ href{javascript:alert(1)}{x}$</th><td>$\\ style{x}{y}$ $\\alpha&lt;1$</td>" in html
    assert raw["source"] == "$& #92;href{x}{y}$"


@pytest.mark.parametrize(
    "unit",
    [
        "[",
        "](",
        "]:",
        "![",
        "<",
        "\\",
        "\\href",
        "`",
        "```",
        "``` ",
        "~~~ ",
        ":::",
        "{a}",
        "![x](data:image/png;base64,A",
        "]( ",
    ],
)
def test_long_markdown_takes_no_time_to_defuse(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    assert len(defused.markdown(text)) >= len(text)


# --- cells -----------------------------------------------------------------------------------------------------------


def everything(text: str) -> list[Json]:
    mimes = (
        "application/javascript",
        "image/svg+xml",
        "text/markdown",
        "text/latex",
        "application/vnd.jupyter.widget-view+json",
    )
    table = f"<table onclick=x><tr><td>{text}</td></tr></table>{text}"
    return [
        markdown(text, attachments={text: {"image/png": text, "text/html": text}, "a.png": {"image/png": PNG}}),
        markdown([text, "\n", text]),
        {"cell_type": "raw", "source": text, "metadata": {"raw_mimetype": "text/html"}},
        {"cell_type": text, "source": text, "attachments": {}},
        code(
            text,
            {"output_type": "stream", "name": text, "text": [text, text]},
            {"output_type": "error", "ename": text, "evalue": text, "traceback": [text, "\x1b[31mred\x1b[0m", 7]},
            shown({**dict.fromkeys(mimes, text), "text/html": [table], "text/plain": text, "image/png": text}),
            {"output_type": "execute_result", "execution_count": text, "data": dict.fromkeys(mimes, text)},
            {"output_type": "update_display_data", "data": {"text/html": text}},
            text,
            id=text,
            execution_count=text,
            metadata={"trusted": True, "init_cell": True, text: text},
        ),
        text,
    ]


@pytest.mark.parametrize("text", ATTACKS)
def test_no_string_of_the_notebook_acts(text: str) -> None:
    found = made(
        *everything(text), metadata={"kernelspec": {"name": text, "display_name": text}, "trusted": True, text: 1}
    )
    assert [cell["cell_type"] for cell in found["cells"]] == ["markdown", "markdown", "raw", "raw", "code"]
    assert all(cell["metadata"] == {} for cell in found["cells"])
    assert found["metadata"] == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"file_extension": ".py", "name": "python"},
    }
    for one in strings(found):
        assert not SUSPECT.search(one), ascii(one)
    for cell in found["cells"][:2]:
        assert acts(cell["source"]) == []
    assert not any(re.search("<[A-Za-z/!?]", cell["source"]) for cell in found["cells"][:4])
    assert found["cells"][0]["attachments"] == {"a.png": {"image/png": PNG}}
    stream, error, display, result = found["cells"][4]["outputs"]
    assert stream["name"] == "stdout" and error["traceback"][1] == "red"
    assert set(display["data"]) <= {"text/plain", "text/html"} and display["metadata"] == {}
    assert not re.search(r"<(?!/?(?:table|thead|tbody|tr|t[hd])>)", display["data"].get("text/html", ""))
    assert list(result["data"]) == ["text/plain"] and "application/javascript" in result["data"]["text/plain"]
    assert found["cells"][4]["source"] == exposed(text)


def test_code_stays_code_and_its_tricks_are_seen() -> None:
    source = "if access != 'none\u202e \u2066# ok\u2069 \u2066':\n\treturn a<b and f[0](x)  # ![x](y)\n"
    [cell] = made(code(source))["cells"]
    assert cell["source"] == (
        "if access != 'none[U+202E] [U+2066]# ok[U+2069] [U+2066]':\n\treturn a<b and f[0](x)  # ![x](y)\n"
    )


def test_code_is_left_as_it_runs_whatever_a_terminal_would_make_of_it() -> None:
    [cell] = made(code("a = 1  #\x1b]\r\nhidden()\rshown()  #\x07\nx = '/a/site-packages/b'"))["cells"]
    assert cell["source"] == "a = 1  #[U+001B]]\nhidden()\nshown()  #[U+0007]\nx = '/a/site-packages/b'"


def test_progress_is_shown_as_a_terminal_leaves_it() -> None:
    bar = {
        "output_type": "stream",
        "name": "stderr",
        "text": "1/2\r2/2\r\n\x1b]8;;http://evil.example\x07x\x1b]8;;\x07\n",
    }
    [cell] = made(code("x", bar))["cells"]
    assert cell["outputs"] == [{"name": "stderr", "output_type": "stream", "text": "2/2\nx\n"}]


def test_where_packages_lie_on_this_machine_is_nobodys_business() -> None:
    warning = "/home/teacher/.venv/lib/python3.11/site-packages/keras/x.py:7: UserWarning: no\n"
    error = {"output_type": "error", "ename": "E", "evalue": "x", "traceback": [f"File {warning}"]}
    [cell] = made(code("x", {"output_type": "stream", "name": "stderr", "text": warning}, error))["cells"]
    assert cell["outputs"][0]["text"] == "site-packages/keras/x.py:7: UserWarning: no\n"
    assert "teacher" not in json.dumps(cell)


def test_pictures_are_pictures_and_not_too_many() -> None:
    kept = {"image/png": PNG, "image/gif": GIF, "image/jpeg": JPEG}
    [cell] = made(code("x", shown(kept), shown({"image/png": PNG + '" onerror=x', "image/gif": PNG})))["cells"]
    assert cell["outputs"][0]["data"] == kept
    assert cell["outputs"][1]["data"] == {"text/plain": f"{LEFT_OUT}\n"}
    large = {f"{name}.png": {"image/png": PNG + "A" * (handed.ATTACHED // 2)} for name in "abc"}
    assert list(made(markdown("x", attachments=large))["cells"][0]["attachments"]) == ["a.png"]


BOMBS = {
    "image/jpeg": scans(1000, 3000),
    "image/gif": moving(4000, 200),
    "image/png": moving_png(2000, 200),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_picture_that_would_keep_its_reader_is_left_out_and_that_is_said(kind: str) -> None:
    held = {"a.x": {kind: BOMBS[kind]}, "b.png": {"image/png": PNG}}
    text = f"![a](attachment:a.x) ![b](data:{kind};base64,{BOMBS[kind]}) ![c](data:image/png;base64,{PNG})"
    bare, worded = shown({kind: BOMBS[kind]}), shown({kind: BOMBS[kind], "text/plain": "<Figure>"})
    table = shown({kind: BOMBS[kind], "text/html": "<table><tr><td>1</td></tr></table>"})
    first, second = made(markdown(text, attachments=held), code("x", bare, worded, table))["cells"]
    assert first["attachments"] == {"b.png": {"image/png": PNG}}
    assert first["source"].count(LEFT_OUT) == 2 and f"![c](data:image/png;base64,{PNG})" in first["source"]
    plain = [output["data"]["text/plain"] for output in second["outputs"]]
    assert plain == [f"{LEFT_OUT}\n", f"{LEFT_OUT}\n<Figure>", f"{LEFT_OUT}\n"]
    assert second["outputs"][2]["data"]["text/html"].startswith(f"{LEFT_OUT}\n<table>")
    assert BOMBS[kind] not in json.dumps([first, second])


def test_a_pasted_picture_is_one_whatever_it_says_that_it_is() -> None:
    [cell] = made(markdown(f"![a](data:image/png;base64,{BOMBS['image/gif']}) ![b](data:image/png;base64,QUJD)"))[
        "cells"
    ]
    assert cell["source"].count(LEFT_OUT) == 2 and "base64" not in cell["source"]


def test_what_nobody_would_read_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handed, "WRITTEN", 10)
    stream = {"output_type": "stream", "name": "stdout", "text": "abcdef"}
    first, second = made(code("12345678", stream), markdown("late"))["cells"]
    assert first["source"] == "12345678"
    assert first["outputs"][0]["text"] == "ab … The rest was left out."
    assert second["source"] == " … The rest was left out."


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b'{"cells": 7}', b"[" * 100_000, b'{"cells": [1, null, []]}', b"\xff"]
)
def test_what_is_no_notebook_becomes_an_empty_one(content: bytes) -> None:
    found = json.loads(handed.notebook(content, "fr"))
    nbformat.validate(found)
    assert found["cells"] == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
CELL = st.fixed_dictionaries(
    {},
    optional={
        "cell_type": st.sampled_from(["code", "markdown", "raw"]) | JSON,
        "id": st.sampled_from(["a", "cell-2"]) | JSON,
        "source": JSON,
        "attachments": st.dictionaries(st.text(max_size=5), JSON, max_size=2) | JSON,
        "execution_count": JSON,
        "outputs": st.lists(
            st.fixed_dictionaries(
                {"output_type": st.sampled_from(["stream", "error", "display_data", "execute_result"])},
                optional={
                    "data": st.dictionaries(st.sampled_from(["text/plain", "text/html", "image/png", "x"]), JSON),
                    "text": JSON,
                },
            )
            | JSON,
            max_size=3,
        )
        | JSON,
    },
)


@given(st.lists(CELL | JSON, max_size=4))
def test_whatever_stands_in_it_is_made_valid(cells: list[Json]) -> None:
    assert len(made(*cells)["cells"]) == sum(isinstance(cell, dict) for cell in cells)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("&#x202e;0.2", "[U+202E]0.2"),
        ("&#8238;0.2", "[U+202E]0.2"),
        ("a&rlm;b&ZeroWidthSpace;c", "a[U+200F]b[U+200B]c"),
        ("a" + "&#x301;" * 76, "a\u0301\u0301\u0301[73 × U+0301]"),
        ("👩&zwj;💻 &eacute;&nbsp;&lt;b&gt; &amp;lt; e&#x301;", "👩\u200d💻 &eacute;&nbsp;&lt;b&gt; &amp;lt; e\u0301"),
    ],
)
def test_what_nobody_sees_is_shown_where_an_entity_stands_for_it(written: str, shown: str) -> None:
    """A notebook's reader decodes it, and the text would read otherwise than it stands."""
    assert defused.markdown(written) == shown
    assert defused.plain(written) == shown
