"""The page on attacks lists those that there are, and none that got through."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

from tests.attacks.document import TITLES, line
from tests.attacks.playing import ATTACKS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "attacks.md"


@pytest.fixture(scope="module")
def groups() -> dict[str, list[list[str]]]:
    """Rows of each group's table, as they stand on the page."""
    stretches = re.split(r"^## ", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    found = {stretch.partition("\n")[0]: rows(stretch) for stretch in stretches}
    return {name: found[title] for name, (title, _) in TITLES.items()}


def rows(text: str) -> list[list[str]]:
    lines = [one for one in text.splitlines() if one.startswith("| ")]
    return [one.removeprefix("| ").removesuffix(" |").split(" | ") for one in lines[1:]]


@pytest.mark.parametrize("group", ATTACKS)
def test_every_attack_is_on_the_page_and_no_other(group: str, groups: dict[str, list[list[str]]]) -> None:
    wanted = [line((one.id, one.tries, one.stopped_by)) for one in ATTACKS[group]]
    assert [f"| {' | '.join(row[:3])} |" for row in groups[group]] == wanted, "run `python -m tests.attacks --markdown`"


def test_every_attack_was_held(groups: dict[str, list[list[str]]]) -> None:
    assert "all of them held" in PAGE.read_text("utf-8")
    for name, found in groups.items():
        heads = 7 if name == "cheats" else 5
        assert {len(row) for row in found} == {heads}
        assert all(float(row[-1]) >= 0 and row[heads - 2] for row in found)


def test_no_cheat_earns_more_than_the_notebook_without_it(groups: dict[str, list[list[str]]]) -> None:
    for row in groups["cheats"]:
        assert Decimal(row[4]) <= Decimal(row[3]), row[0]


def test_a_text_cannot_leave_its_cell() -> None:
    assert line(("a | b", "<b>*x*\n`y`", "\u202e")) == "| a \\| b | \\<b>\\*x\\* \\`y\\` | \\[U+202E] |"
