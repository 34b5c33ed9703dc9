"""Tables alone are left of HTML, whatever lies between them."""

from __future__ import annotations

import time

import pytest

from autograder.notebook.text import tabular

TABLE = "<table><tr><td>1</td></tr></table>"


@pytest.mark.parametrize(
    "html",
    [
        f"<style scoped>td {{ color: red }}</style>{TABLE}",
        f"<div class='a'>{TABLE}</div>",
        f"<!-- a comment <svg> -->{TABLE}",
        f"<!-->{TABLE}",
        f'<svg width="9"><g><path d="M0"/></g></svg>{TABLE}<svg/><math><mi>x</mi></math>',
        f"<svg><svg></svg><title>a</title></math>b</svg>{TABLE}",
        f"{TABLE}<svg><text>nobody closes it",
        f"{TABLE}<template><p>x</p></template>",
        f"<script>if (a < b) {{ write('<svg>') }}</script >{TABLE}<script>let open",
        f"<STYLE>x</STYLE>{TABLE}<Iframe>y</iFrame>",
        f"</svg>{TABLE}</math></template>",
    ],
)
def test_a_table_keeps_nothing_beside_it(html: str) -> None:
    assert tabular(html) == TABLE


def test_elements_with_longer_names_are_others() -> None:
    assert tabular("<svgs>a</svgs><scripted>b</scripted><table-x>c") == "abc"


@pytest.mark.parametrize(
    "html",
    [
        "<svg>" * 29_000 + "</math>" * 21_000,
        "<svg>" * 29_000 + "</td>" * 29_000,
        "<svg>" * 20_000 + "</svg>" * 20_000,
        "<style></style>" * 20_000,
        "<style>" * 40_000,
        "<!--" * 70_000,
        "<svg " * 60_000,
        "<math><svg>" * 20_000,
    ],
)
def test_drawings_take_no_longer_than_their_length(html: str) -> None:
    begun = time.process_time()
    assert tabular(f"{TABLE}{html}").startswith(TABLE)
    assert time.process_time() - begun < 1, "a parser of HTML takes ten seconds over some of them"
