"""Does hostile text cost more than its length? Each entry point on adversarial repeats, at one size and at twice that.

    python benchmarks/pace.py [--target NAME] [--size CHARACTERS] [--least SECONDS]

Where twice the text takes more than three times as long, and longer than ``--least``, it is listed: work that grows
with the square of a text is what a hostile notebook stops a class with. The exit status is the number of such places.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import targets

RATIO = 3.0
UNITS = (
    "a", "A ", " ", "\n", "\t", "|", "#", "-", "=", "_", "*", "`", "~", ">", "<", "(", "[", "{", ")", "]", "'", '"',
    "1", "1.", "1,", "1 ", "0.9 ", "1/1 ", "\\", "/", "%", "!", "&", "&#x202e;", "\x1b[", "\x1b]", "\r", "\x08",
    "\u202e", "é", "\ufdfa", "́", "á", "\U0001f642\u200d", "[a](", "![", "[](", "](", "[[", "<!--", "<!-- -->",
    "<a ", "<b>", "</", "<table>", "<tr><td>", "<table><tr><td>", "<td>a</td>", "<p><b>", "<svg>", "<a href=x>",
    "**a", "a**", "__a", "*a_", "|a\n", "| a | b |\n|--|--|\n", "a|b\n1|2\n\n", "a  b\n1  2\n", "a,b\n", "> ", ">\n",
    "- ", "1. ", "- a\n\n", "\n\na", "# a\n\n", "# a\nb\n\n", "#a\n", "# %%\na\n", "==\n", "a\n=\n", "a: 1%\n",
    "accuracy 0.9 ", "accuracy ", "acc 1/200 ", "['\n", "[\\'\n", '["\n', "{'a':", "[1,", "((", "lambda:", "not ",
    "-", "f(", "x if x else ", "a.b.", "a=", "f()\n", "if a:\n", "print 'a'\n", "print(", ">>> a\n", "In [1]: a\n",
    "!a\n", "pip install a\nb c\n", "mnist ", "#mnist\n", "load_dataset( ", "datasets import ", "data:a;base64,",
    "/site-packages/", "epoch 1\n", "Name: a, dtype: float64\n", "[1 2\n", "[ 1 1 1 1 1 1 1 1 1 1 ]\n", "4 -> 9 ",
    "chiffre 3 4 ", "pour ", "pour a-er ", "to aly ", "modele 1 ", "le 3 ", "conclusion. ", "**a** ", "<p>", "<h1 ",
    "1.1.", "1. 1. ", "iv. ", "mot clair et net. ", "print('a mot')\n", "'''a'''\n",
)  # fmt: skip
ENDS = ("", "x", "\nx", "!", "\n|-|-|\n")
STARTS = ("", "x", "# ", "|", "[", "<table>", "'")


@dataclass(frozen=True, slots=True)
class Slow:
    """A text whose cost grows faster than its length."""

    target: str
    start: str
    unit: str
    end: str
    first: float
    second: float


def texts(size: int) -> Iterator[tuple[str, str, str]]:
    for unit in UNITS:
        yield ("", unit, "")
        yield ("", unit, "x")
    for start, end in zip(STARTS[1:], ENDS[1:], strict=False):
        for unit in UNITS:
            yield (start, unit, end)


def seconds(target: str, text: str) -> float:
    started = time.process_time()
    targets.TARGETS[target].feed(text.encode("utf-8", "surrogatepass"))
    return time.process_time() - started


def made(start: str, unit: str, end: str, size: int) -> str:
    return start + unit * (size // len(unit)) + end


def slow(target: str, size: int, least: float) -> Iterator[Slow]:
    for start, unit, end in texts(size):
        first = seconds(target, made(start, unit, end, size))
        if first * 2 < least:
            continue
        second = seconds(target, made(start, unit, end, 2 * size))
        if second > least and second > RATIO * first:
            yield Slow(target, start, unit, end, first, second)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", choices=sorted(targets.TARGETS), action="append")
    parser.add_argument("--size", type=int, default=25_000)
    parser.add_argument("--least", type=float, default=0.5)
    given = parser.parse_args()
    found = 0
    for target in given.target or sorted(TEXTS):
        for one in slow(target, given.size, given.least):
            found += 1
            print(
                f"{one.target:14} {one.first:7.2f} s {one.second:7.2f} s  {one.start!r} {one.unit!r} {one.end!r}",
                flush=True,
            )
        print(f"{target}: done", flush=True)
    return min(found, 100)


TEXTS = ("prose", "tables", "code", "checking", "markdown", "html", "pages", "spreadsheets", "naming", "notebook")
"""Entry points that take text as it is."""

if __name__ == "__main__":
    sys.exit(main())
