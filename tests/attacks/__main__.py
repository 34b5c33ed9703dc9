"""Plays the attacks on this machine: what holds each, what became of it, and after how many seconds."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from autograder.errors import AutograderError
from autograder.sandbox import choose
from tests.attacks.document import document, line
from tests.attacks.playing import GROUPS, Played


def main() -> int:
    """All groups, or those that are named."""
    parser = argparse.ArgumentParser(prog="python -m tests.attacks", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="group", help=f"of {', '.join(GROUPS)}; all, where none is named")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the page docs/attacks.md as well")
    parser.add_argument(
        "--note", default="", metavar="TEXT", help="a sentence on that page, of another run for example"
    )
    given = parser.parse_args()
    if unknown := set(given.groups) - set(GROUPS):
        parser.error(f"no such group: {', '.join(sorted(unknown))}")
    try:
        choose("bubblewrap")
    except AutograderError as error:
        print(f"bubblewrap does not work here: {error}")
        return 1
    with tempfile.TemporaryDirectory() as name:
        played = {group: tuple(play(group, Path(name, group))) for group in given.groups or GROUPS}
    if given.markdown:
        given.markdown.write_text(document(played, given.note), "utf-8")
    return int(any(not one.held for group in played.values() for one in group))


def play(group: str, folder: Path) -> list[Played]:
    """One after another, printed as they end."""
    print(f"\n## {group}\n")
    found = []
    for one in GROUPS[group](folder):
        points = () if one.points is None else (f"{one.points} points with it, {one.without} without",)
        print(line((one.attack.id, one.outcome, *points, f"{one.seconds:.1f} s")), flush=True)
        found.append(one)
    return found


if __name__ == "__main__":
    sys.exit(main())
