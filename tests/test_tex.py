"""Formulas of the notebook that people take home: drawn, and nothing else."""

from __future__ import annotations

import html
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.feedback import tex

HONEST = [
    "$$\\hat{y} = \\mathrm{softmax}(W x + b),\\quad \\frac{\\partial L}{\\partial w} \\approx 0$$",
    "\\begin{align*} a &= \\sum_{i=1}^{n} x_i \\\\ &\\le \\left\\lVert v \\right\\rVert_2 \\end{align*}",
    "$\\color{red}{x} \\hspace{0.5cm} \\text{où } x \\in \\mathbb{R}\\,,\\; \\{a\\} \\& \\_ \\c{c}$",
    "$\\operatorname{ReLU}(x) = \\begin{cases} x & x > 0 \\\\ 0 & \\text{sinon} \\end{cases}$",
    "$x$ &lt;b&gt; &eacute; &#233; &amp;",
    "`C:\\users\\new`, `re.sub(r'\\bword', '')`: no dollar, no formula",
    "[a](https://x.example/?a=1&gtx=2&lang=fr) $x$",
]


@pytest.mark.parametrize("text", HONEST)
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert tex.drawn(text) == text


@pytest.mark.parametrize(
    "command",
    [
        "\\href{javascript:alert(1)}{x}",
        "\\mmlToken{mi}[href='javascript:alert(1)']{x}",
        "\\mmlToken{mi}[style='background:url(http://evil.example)']{x}",
        "\\bbox[background:url(http://evil.example)]{x}",
        "\\unicode[url(http://evil.example)]{x41}",
        "\\style{position:fixed}{x}",
        "\\class{prompt}{x}",
        "\\cssId{content}{x}",
        "\\htmlStyle{color:red}{x}",
        "\\require{html}",
        "\\def\\alpha{x}",
        "\\newcommand{\\alpha}{x}",
        "\\let\\alpha=\\beta",
        "\\enclose{box}[href='x']{x}",
        "\\includegraphics{http://evil.example/x.png}",
        "\\rule{99em}{99em}",
        "\\raise{40em}{x}",
        "\\hspace{-99em}",
        "\\hspace{ 999em}",
        "\\begin{empheq}[left=x]",
        "\\begin {html}",
        "\\alphahref{x}",
    ],
)
@pytest.mark.parametrize("around", ["$%s$", "$$\n%s\n$$", "\\(%s\\)", "\\[%s\\]", "\\begin{align}%s\\end{align}"])
def test_a_command_that_does_more_than_draw_shows_its_source(command: str, around: str) -> None:
    text = around % command
    assert tex.drawn(text) == around % command.replace("\\", "\\ ", 1)


def read(text: str) -> str:
    """As a program reads it that knows Markdown and no formulas: signs behind a backslash, and entities, are signs."""
    return html.unescape(re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text))


@pytest.mark.parametrize(
    "text",
    [
        "&#36;\\hr&#101;f{http://evil.example}{x}&#36;",
        "&dollar;\\hr&#x65;f{x}{x}&dollar;",
        "$&bsol;href{x}{x}$",
        "$&#92;href{x}{x}$",
        "$&#x5C;href{x}{x}$",
        "$&#0000092;href{x}{x}$",
        "$\\\\href{x}{x}$",
        "$\\\\&#104;ref{x}{x}$",
        "$\\\\&#104ref{x}{x}$",
        "$\\le&#102;t&#104;ref{x}{x}$",
    ],
)
def test_no_command_comes_of_entities(text: str) -> None:
    assert re.search(r"\\href", read(text)) or "left" in read(text), "the attack is one"
    for shown in (tex.drawn(text), read(tex.drawn(text))):
        assert not re.search(r"\\(?:href|left)", shown)


COMMAND = re.compile(r"\\([A-Za-z]{2,})")


@given(
    st.lists(st.sampled_from(["\\", "&#104;", "&bsol;", "&", "#", ";", "104", "href", "le", "$", "{", " "])).map(
        "".join
    )
)
def test_no_text_at_all_holds_another_command(text: str) -> None:
    shown = tex.drawn(f"$ {text}")
    assert set(COMMAND.findall(shown)) <= {"le"}
    assert set(COMMAND.findall(read(shown))) <= {"le"}
    assert tex.drawn(shown) == shown


@pytest.mark.parametrize("unit", ["\\", "&", "&#", "&#0", "&#x0", "\\a", "a", "\\begin{", "\\hspace{", "&abc"])
def test_long_text_takes_no_time(unit: str) -> None:
    began = time.process_time()
    assert tex.drawn("$" + unit * (400_000 // len(unit)))
    assert tex.drawn("$\\begin{" + unit * (400_000 // len(unit)))
    assert time.process_time() - began < 5
