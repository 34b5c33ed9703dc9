"""Plays the attacks on this machine: what holds each, what became of it, and after how many seconds."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from autograder.errors import AutograderError
from autograder.sandbox import choose
from autograder.sandbox.room import Sandbox
from tests.attacks.document import Run, document, line
from tests.attacks.playing import GROUPS, Played


def main() -> int:
    """All groups, or those that are named."""
    given = arguments()
    try:
        wall = choose(given.sandbox)
    except AutograderError as error:
        print(f"{given.sandbox} does not work here: {error}")
        return 1
    kept = [Run.read(json.loads(path.read_text("utf-8"))) for path in given.kept]
    known = {group: found for run in kept for group, found in run.played.items()}
    with tempfile.TemporaryDirectory() as name:
        for group in given.groups or [group for group in GROUPS if group not in known]:
            known[group] = play(group, Path(name, group), wall)
    run = Run.of(wall.name, {group: known[group] for group in GROUPS if group in known})
    if given.keep:
        given.keep.write_text(json.dumps(run.written(), indent=1), "utf-8")
    if given.markdown:
        others = [Run.read(json.loads(path.read_text("utf-8"))) for path in given.beside]
        given.markdown.write_text(document(run, others), "utf-8")
    return int(not run.held)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.attacks", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="group", help=f"of {', '.join(GROUPS)}; all, where none is named")
    parser.add_argument("--sandbox", default="bubblewrap", help="the wall to play against")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="write what became of them as JSON")
    parser.add_argument(
        "--kept",
        type=Path,
        nargs="*",
        default=[],
        metavar="FILE",
        help="groups that were played on this machine before",
    )
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the page docs/attacks.md")
    parser.add_argument(
        "--beside", type=Path, nargs="*", default=[], metavar="FILE", help="other runs, kept as JSON, for that page"
    )
    given = parser.parse_args()
    if unknown := set(given.groups) - set(GROUPS):
        parser.error(f"no such group: {', '.join(sorted(unknown))}")
    return given


def play(group: str, folder: Path, wall: Sandbox) -> list[Played]:
    """One after another, printed as they end."""
    print(f"\n## {group}\n")
    found = []
    for one in GROUPS[group](folder, wall):
        points = () if one.points is None else (f"{one.points} points with it, {one.without} without",)
        held = () if one.held else ("NOT HELD",)
        print(line((one.attack.id, one.outcome, *points, f"{one.seconds:.1f} s", *held)), flush=True)
        found.append(one)
    return found


if __name__ == "__main__":
    sys.exit(main())
