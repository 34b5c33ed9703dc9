"""Cells that Python 3 cannot read, and could if something was undone that copying or age did to them.

Texts in, texts out. A repair counts only where the cell could not be read before and can be read after.
"""

from __future__ import annotations

import ast
import io
import re
import textwrap
import tokenize
import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise, zip_longest

Repair = Callable[[str], str]
Parses = Callable[[str], bool]

READ = 100_000
"""Characters of a cell beyond which nobody parses it: a tree takes a thousand times the memory of its text, and Python
3.11 the square of the time for f-strings."""
_ENDLESS_NAME = re.compile(r"\b(?:import|from)\b(?:[^\S\r\n]|[\w.]|\\\r?\n){1000}")
"""``import a.a.a...``: the parser's memory grows with the square of such a name."""
TOKENS = 20_000
"""Characters of a cell that is split into tokens although it is no Python."""
_TANGLED = re.compile(r"\S[^\S\n]{60}|(?:\\[^\n]){60}|[^\n]{1000}")
LONGEST = 50_000
"""Characters of a cell that is looked into."""
SHOWN = 3
"""Changed lines that are told."""


def is_bomb(text: str) -> bool:
    """Whether to parse this text would take more time or memory than any honest cell does."""
    return len(text) > READ or _ENDLESS_NAME.search(text) is not None


def is_tangled(text: str) -> bool:
    """Whether to split this text into tokens might take the square of its length, where it is no Python.

    After each character that it does not know, Python 3.11 reads what follows once more: blanks, and the strings that
    might begin there.
    """
    return len(text) > TOKENS or _TANGLED.search(text) is not None


def parses(text: str) -> bool:
    """Whether text is Python as cells may hold it: ``await`` outside of functions included."""
    if is_bomb(text):
        return False
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "<cell>", "exec", flags=flags, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def repaired(text: str, readable: Parses, repairs: Sequence[Repair]) -> str | None:
    """The text after the first repair that makes it readable, or after several in their order; None if none does."""
    if len(text) > LONGEST:
        return None
    for repair in repairs:
        tried = repair(text)
        if tried != text and readable(tried):
            return tried
    together = text
    for repair in repairs:
        together = repair(together)
        if together != text and readable(together):
            return together
    return None


def changes(old: str, new: str) -> list[tuple[str, str]]:
    """Lines that differ, as written and as read; at most ``SHOWN``."""
    pairs = zip_longest(old.splitlines(), new.splitlines(), fillvalue="")
    told = [(before.strip(), after.strip()) for before, after in pairs if before.strip() != after.strip()]
    if not told and old != new:
        told = [("\\t", "    ")]  # only the indentation differs
    return [change for change in told if _MAGIC not in change[1]][:SHOWN]


_MAGIC = "get_ipython()"
"""In lines that IPython itself has made of magics."""


# --- what was pasted with the code -----------------------------------------------------------------------------------

_SPACES = dict.fromkeys([0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000], " ")
_NOTHING: dict[int, str] = dict.fromkeys([0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060, 0xFEFF], "")
_DOUBLE = dict.fromkeys([*range(0x201C, 0x2020), 0xAB, 0xBB, 0x2033, 0xFF02], '"')
_SINGLE = dict.fromkeys([*range(0x2018, 0x201C), 0xB4, 0x2032, 0xFF07], "'")
_SIGNS = {0x2013: "-", 0x2014: "-", 0x2212: "-", 0xD7: "*", 0xFF08: "(", 0xFF09: ")", 0xFF0C: ",", 0xFF1A: ":"}


def spaces(text: str) -> str:
    """No-break and other typographic spaces; characters that have no width."""
    return text.translate(_SPACES | _NOTHING)


def double_quotes(text: str) -> str:
    return spaces(text).translate(_DOUBLE)


def quotes(text: str) -> str:
    return spaces(text).translate(_DOUBLE | _SINGLE)


def signs(text: str) -> str:
    return quotes(text).translate(_SIGNS)


_PROMPT = re.compile(r"^[ \t]*(?:In ?\[[ \d*]*\]:|>>>|\.\.\.:?)[ ]?")
_ANSWER = re.compile(r"^[ \t]*Out ?\[[ \d]*\]:.*$")


def prompts(text: str) -> str:
    """``>>>`` and ``In [3]:`` before the code; lines of ``Out[3]:`` go."""
    if not any(map(_PROMPT.match, text.splitlines())):
        return text
    return "\n".join(_PROMPT.sub("", line) for line in text.splitlines() if not _ANSWER.match(line))


def prompted_lines(text: str) -> str:
    """Only the lines that have a prompt: the others are what the code had printed."""
    lines = [line for line in text.splitlines() if _PROMPT.match(line)]
    return "\n".join(_PROMPT.sub("", line) for line in lines) if lines else text


_NUMBERED = re.compile(r"^[ \t]*(\d{1,4})(?:[.:|]?(?=\s|$)|[.:|](?=\S))[ ]?(.*)$")


def line_numbers(text: str) -> str:
    """Numbers that count the lines, one more each."""
    lines = [line for line in text.splitlines() if line.strip()]
    found = [_NUMBERED.match(line) for line in lines]
    if len(lines) < 2 or not all(found):
        return text
    numbers = [int(match[1]) for match in found if match]
    if any(later != earlier + 1 for earlier, later in pairwise(numbers)):
        return text
    return textwrap.dedent("\n".join(match[2] for match in found if match)) + "\n"


def tabs_of_eight(text: str) -> str:
    return text.expandtabs(8)


def tabs_of_four(text: str) -> str:
    return text.expandtabs(4)


_COMMANDS = (
    "pip|pip3|conda|apt|apt-get|sudo|wget|curl|git|cp|mv|rm|mkdir|ls|unzip|tar|cat|head|tail|touch|kaggle|gdown|cd"
)
_COMMAND = re.compile(rf"^([ \t]*)((?:{_COMMANDS})[ \t]+\S.*)$")


def shell_lines(text: str) -> str:
    """``pip install x`` among other lines: IPython reads such a line only when it stands alone."""
    lines = text.splitlines()
    return text if len(lines) == 1 else "\n".join(map(_shell_line, lines)) + "\n"


def _shell_line(line: str) -> str:
    match = _COMMAND.match(line)
    if match is None or parses(line.strip()):
        return line
    return f"{match[1]}{'%' if match[2].startswith('cd') else '!'}{match[2]}"


PASTED: tuple[Repair, ...] = (
    spaces,
    double_quotes,
    quotes,
    signs,
    prompts,
    prompted_lines,
    line_numbers,
    tabs_of_eight,
    tabs_of_four,
    shell_lines,
)

# --- Python 2 --------------------------------------------------------------------------------------------------------

_Change = tuple[tuple[int, int], tuple[int, int], str]
"""From, to (line and column, from 1 and 0), and what stands there instead."""


def python_2(text: str) -> str:
    """``print x``, ``except E, e:``, ``exec x``, ``raise E, x`` as Python 3 has them; without magics."""
    if is_tangled(text):
        return text
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):
        return text
    lines = text.splitlines(keepends=True)
    found = [change for statement in _statements(tokens) for change in _modern(statement)]
    for start, end, new in sorted(found, reverse=True):
        line = lines[start[0] - 1]
        if start[0] == end[0]:
            lines[start[0] - 1] = line[: start[1]] + new + line[end[1] :]
    return "".join(lines)


_SKIPPED = frozenset([tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.COMMENT])


def _statements(tokens: Sequence[tokenize.TokenInfo]) -> Iterator[list[tokenize.TokenInfo]]:
    """Tokens of each simple statement and of each head of a block."""
    current: list[tokenize.TokenInfo] = []
    depth = 0
    for token in tokens:
        if token.type == tokenize.NL and depth == 0 and not current:
            continue
        depth += (token.string in "([{") - (token.string in ")]}") if token.type == tokenize.OP else 0
        ends = token.type in (tokenize.NEWLINE, tokenize.ENDMARKER) or (depth == 0 and token.string in (";", ":"))
        if ends and current:
            yield current
            current = []
        elif not ends and token.type not in _SKIPPED:
            current.append(token)


def _modern(statement: Sequence[tokenize.TokenInfo]) -> Iterator[_Change]:
    first, rest = statement[0], statement[1:]
    comma = _comma(rest)
    if first.string == "print" and not (rest and rest[0].string in ("=", ".")):
        yield from _print(first, rest)
    elif first.string == "except" and comma is not None:
        yield comma.start, comma.end, " as"
    elif first.string == "exec" and rest and rest[0].string not in ("(", "="):
        yield first.end, rest[0].start, "("
        yield rest[-1].end, rest[-1].end, ")"
    elif first.string == "raise" and comma is not None:
        yield comma.start, comma.end, "("
        yield rest[-1].end, rest[-1].end, ")"


def _comma(tokens: Sequence[tokenize.TokenInfo]) -> tokenize.TokenInfo | None:
    """The first comma that no bracket holds."""
    depth = 0
    for token in tokens:
        depth += (token.string in ("(", "[", "{")) - (token.string in (")", "]", "}"))
        if depth == 0 and token.string == ",":
            return token
    return None


def _print(first: tokenize.TokenInfo, rest: Sequence[tokenize.TokenInfo]) -> Iterator[_Change]:
    if not rest:
        yield first.end, first.end, "()"
        return
    if _is_call(rest):
        return
    last = rest[-1]
    if rest[0].string == ">>" and (comma := _comma(rest)) is not None:
        stream = " ".join(token.string for token in rest[1 : rest.index(comma)]).replace(" . ", ".")
        yield first.end, comma.end, "("
        yield last.end, last.end, f", file={stream})"
        return
    yield first.end, rest[0].start, "("
    if last.string == ",":
        yield last.start, last.end, ", end=' ')"
    else:
        yield last.end, last.end, ")"


def _is_call(tokens: Sequence[tokenize.TokenInfo]) -> bool:
    """Whether one pair of brackets holds everything: ``print("a")``, but not ``print ("a"), b``."""
    if tokens[0].string != "(":
        return False
    depth = 0
    for place, token in enumerate(tokens):
        depth += (token.string in ("(", "[", "{")) - (token.string in (")", "]", "}"))
        if depth == 0:
            return place == len(tokens) - 1
    return True
