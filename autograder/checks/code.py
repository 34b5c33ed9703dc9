"""Is the code structured, and can it be read? Judged from its text alone, own statements only.

Heuristics: they count what usually goes with order, and do not understand the program.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import Field

from autograder.checks.answers import unreached
from autograder.checks.lint import Remark, lint
from autograder.checks.parts import Part, combine, slope
from autograder.checks.registry import check
from autograder.notebook.prose import looks_like_code
from autograder.notebook.source import Piece, calls, code_cells, functions, name_of, pieces, python, shape
from autograder.notebook.text import words
from autograder.records import Evidence, Finding, Standing, Verdict, say
from autograder.repairs import is_tangled, parses

Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]

_LAYERS_OF_DATA = re.compile(r"Random|Rescaling|Resizing|CenterCrop|Normalization|Input$|InputLayer$")
_CONVENTIONAL = frozenset("_ i j k v d n m x y z t f h w c e p r s X Y N a b ax f1 l1 l2 val test".split())
"""``k, v`` of a dictionary, ``d`` for a digit, and what the field calls a set, a score or a penalty."""
_MEANINGLESS = re.compile(
    r"[a-zA-Z]|(?:tmp|temp|foo|bar|baz|toto|titi|tata|tutu|truc|machin|bidule|test|var|data|res|func|fonction|thing|stuff"
    r"|aux|val|obj|my_?\w{1,4})_?\d*|[a-z]{1,2}\d+|([a-z])\1+|blabla|asdf\w*|qwe\w*|azerty"
)


def _nothing_own() -> Finding:
    return unreached(
        Standing.TEXT,
        say("There is no code of your own to judge."),
        advice=say("Write your own models and experiments; the code of the starter notebook does not count."),
    )


# --- structure -----------------------------------------------------------------------------------------------------


@check("code.structure")
def structure(
    evidence: Evidence,
    *,
    long_cell: Count = 60,
    block: Annotated[int, Field(ge=2)] = 4,
    copies: Annotated[int, Field(ge=2)] = 3,
    wanted_functions: Count = 2,
    enough: Count = 15,
) -> Finding:
    """Models built in functions, no cell of more than ``long_cell`` lines, little copied code, some functions.

    A block of ``block`` statements that comes ``copies`` times, names and constants aside, is a copy. Fewer than
    ``enough`` statements of one's own earn in proportion.
    """
    own = pieces(evidence.cells, evidence.template_cells)
    if not own:
        return _nothing_own()
    total = sum(isinstance(node, ast.stmt) for piece in own for node in ast.walk(piece.node))
    parts = [
        *_builders(own),
        _cells(own, long_cell),
        _repetition(own, block, copies),
        _functions(own, pieces(evidence.cells), wanted_functions),
    ]
    defined = len(list(functions(piece.node for piece in own)))
    return combine(
        parts,
        Standing.TEXT,
        say(
            "{functions:int} functions for {statements:int} statements of your own, in {cells:int} cells.",
            functions=defined,
            statements=total,
            cells=len({piece.cell for piece in own}),
        ),
        factor=min(1.0, total / enough),
    )


def _builders(own: Sequence[Piece]) -> Iterator[Part]:
    """Whether models are made in functions; nothing is said of a single model, or none."""
    made = [(piece, _home(piece)) for piece in own for call in calls([piece.node]) if _builds_model(call)]
    if len(made) < 2:
        return
    inside = sum(score == 1 for _, score in made)
    yield Part(
        weight=0.4,
        score=sum(score for _, score in made) / len(made),
        line=say("Models built inside a function: {inside:int} of {models:int}.", inside=inside, models=len(made)),
        advice=say("Put each model into a function that returns it, so that it can be built anew and compared."),
        cells=sorted({piece.cell for piece, score in made if score < 1}),
    )


def _builds_model(call: ast.Call) -> bool:
    if name_of(call) == "Sequential":
        layers = [name_of(item) for argument in call.args for item in calls([argument])]
        return not layers or any(not _LAYERS_OF_DATA.search(layer) for layer in layers)
    named = {keyword.arg for keyword in call.keywords}
    return name_of(call) in ("Model", "Functional") and (len(call.args) >= 2 or bool(named & {"inputs", "outputs"}))


def _home(piece: Piece) -> float:
    """1 inside a function or class, half in a loop (no copies, but nothing to call either), else 0."""
    if isinstance(piece.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return 1.0
    return 0.5 if isinstance(piece.node, ast.For | ast.While) else 0.0


def _cells(own: Sequence[Piece], long_cell: int) -> Part:
    lines: dict[int, int] = defaultdict(int)
    for piece in own:
        lines[piece.cell] += piece.lines
    long = {cell: count for cell, count in lines.items() if count > long_cell}
    longest = max(lines, key=lambda cell: lines[cell])
    return Part(
        weight=0.2,
        score=1 - sum(long.values()) / sum(lines.values()),
        line=say(
            "Longest cell: {lines:int} lines (cell {cell:int}); at most {most:int} are easy to follow.",
            lines=lines[longest],
            cell=longest + 1,
            most=long_cell,
        ),
        advice=say("Cut long cells: one step, or one function, per cell."),
        cells=sorted(long),
    )


def _repetition(own: Sequence[Piece], block: int, copies: int) -> Part:
    top = [piece.node for piece in own]
    bodies = [top, *(body for node in top for inner in ast.walk(node) for body in _bodies(inner))]
    total = sum(map(len, bodies))
    copied = _copied(bodies, block, copies)
    places = [
        piece for piece in own if _home(piece) == 0 and any(name_of(call) == "fit" for call in calls([piece.node]))
    ]
    score = slope(copied / total, 0.4, 0.1)
    if len(places) >= copies:
        score = min(score, slope(len(places), copies + 3, copies - 1))
    return Part(
        weight=0.25,
        score=score,
        line=say(
            "Copied statements: {copied:int} of {total:int}; trainings written out one by one: {fits:int}.",
            copied=copied,
            total=total,
            fits=len(places),
        ),
        advice=say(
            "Replace copied blocks by a function or a loop, for example one function that trains and evaluates."
        ),
        cells=sorted({piece.cell for piece in places}) if len(places) >= copies else (),
    )


def _bodies(node: ast.AST) -> Iterator[list[ast.stmt]]:
    for field in ("body", "orelse", "finalbody"):
        inner = getattr(node, field, None)
        if isinstance(inner, list) and inner and isinstance(inner[0], ast.stmt):
            yield inner


def _copied(bodies: Iterable[Sequence[ast.stmt]], block: int, copies: int) -> int:
    """Statements within blocks that come ``copies`` times or more, the first time not counted."""
    windows: dict[tuple[str, ...], list[tuple[int, int]]] = defaultdict(list)
    for number, body in enumerate(bodies):
        shapes = [shape(node) for node in body]
        for start in range(len(shapes) - block + 1):
            window = tuple(shapes[start : start + block])
            places = windows[window]
            apart = not places or places[-1][0] != number or start - places[-1][1] >= block
            if apart and len(set(window)) > 1:
                places.append((number, start))
    repeated = (places[1:] for places in windows.values() if len(places) >= copies)
    return len({(number, start + step) for places in repeated for number, start in places for step in range(block)})


def _functions(own: Sequence[Piece], everything: Sequence[Piece], wanted: int) -> Part:
    used = len(_called(own, everything))
    return Part(
        weight=0.15,
        score=min(1.0, used / wanted),
        line=say(
            "Functions of your own that are used: {functions:int}; wanted: {wanted:int}.", functions=used, wanted=wanted
        ),
        advice=say("Write functions for what is done more than once: build, train, evaluate, plot."),
    )


def _called(own: Sequence[Piece], everything: Sequence[Piece]) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Those that the code names outside of themselves; others call methods and what is decorated."""
    classes = (node for piece in own for node in ast.walk(piece.node) if isinstance(node, ast.ClassDef))
    methods = {id(node) for found in classes for node in found.body}
    named = _mentions(piece.node for piece in everything)
    return [
        one
        for one in functions(piece.node for piece in own)
        if one.decorator_list or id(one) in methods or named[one.name] > _mentions([one])[one.name]
    ]


def _mentions(nodes: Iterable[ast.AST]) -> Counter[str]:
    inner = (part for node in nodes for part in ast.walk(node))
    return Counter(part.id for part in inner if isinstance(part, ast.Name))


# --- readability ---------------------------------------------------------------------------------------------------


@check("code.readability")
def readability(
    evidence: Evidence,
    *,
    comments: Positive = 0.06,
    poor_names: Positive = 0.1,
    remarks: Positive = 3.0,
    enough: Count = 15,
) -> Finding:
    """Comments and docstrings, telling names, and the linter's remarks.

    Full marks from ``comments`` comment lines per line of code, up to a share of ``poor_names`` among the names, and
    up to ``remarks`` remarks per hundred lines; none at all of a part at nothing, at four times that share, and at
    five times those remarks.
    """
    own = pieces(evidence.cells, evidence.template_cells)
    if not own:
        return _nothing_own()
    lines = _own_lines(own)
    parts = [_comments(evidence, own, lines, comments), _names(own, poor_names)]
    found = lint(evidence.cells)
    if found is not None:
        parts.append(_lint([remark for remark in found if (remark.cell, remark.line) in lines], len(lines), remarks))
    judged = combine(
        parts,
        Standing.TEXT,
        say("{lines:int} lines of code of your own were read for comments, names and lint.", lines=len(lines)),
        factor=min(1.0, len(lines) / enough),
    )
    return judged if found is not None else _unlinted(judged)


def _unlinted(judged: Finding) -> Finding:
    """Of the two other parts alone most notebooks would earn more, for which there is no reason."""
    return replace(
        judged,
        verdict=Verdict.NEEDS_REVIEW,
        share=None,
        advice=None,
        settled=False,
        for_teacher=say(
            "The linter (ruff) did not answer, so that a part is missing. Run `autograder doctor`; once ruff is there, "
            "the same command grades this again."
        ),
    )


def _own_lines(own: Sequence[Piece]) -> set[tuple[int, int]]:
    return {(piece.cell, piece.line + step) for piece in own for step in range(piece.lines)}


def _comments(evidence: Evidence, own: Sequence[Piece], lines: set[tuple[int, int]], wanted: float) -> Part:
    given = {line.strip() for source in evidence.template_cells for line in source.split("\n")}
    cells = {piece.cell for piece in own}
    told = [line for cell in code_cells(evidence.cells) if cell.index in cells for line in _comment_lines(cell.source)]
    defined = list(functions(piece.node for piece in own))
    docstrings = [text for function in defined if (text := ast.get_docstring(function))]
    documented = len(docstrings)
    said = sum(line.strip() not in given for line in told)
    said += sum(len(words(line)) >= 2 for text in docstrings for line in text.split("\n"))
    density = slope(said / len(lines), 0, wanted)
    score = density if not defined else 0.6 * density + 0.4 * slope(documented / len(defined), 0, 0.5)
    return Part(
        weight=0.35,
        score=score,
        line=say(
            "Lines of comment: {comments:int} among {lines:int} lines of code; functions with a docstring: "
            "{documented:int} of {functions:int}.",
            comments=said,
            lines=len(lines),
            documented=documented,
            functions=len(defined),
        ),
        advice=say("Say in a comment or docstring why each step is there and what each function returns."),
    )


def _comment_lines(source: str) -> Iterator[str]:
    """Comments of two words or more; code that was switched off and drawn lines do not count."""
    text = python(source)
    if is_tangled(text) and not parses(text):
        return
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            said = token.string.lstrip("#").strip()
            if token.type == tokenize.COMMENT and len(words(said)) >= 2 and not looks_like_code(said):
                yield token.string
    except (tokenize.TokenError, SyntaxError):
        return


def _names(own: Sequence[Piece], most: float) -> Part:
    names = sorted({name for piece in own for name in _bound(piece.node)} - _CONVENTIONAL)
    poor = [name for name in names if _MEANINGLESS.fullmatch(name)]
    score = slope(len(poor) / len(names), 4 * most, most) if len(names) >= 5 else 1.0
    return Part(
        weight=0.25,
        score=score,
        line=say(
            "Names that say little: {poor:int} of {names:int}. {list}",
            poor=len(poor),
            names=len(names),
            list=_list(poor),
        ),
        advice=say("Give variables names that say what they hold."),
    )


def _list(names: Sequence[str]) -> str:
    return ", ".join(names[:6])


def _bound(node: ast.AST) -> Iterator[str]:
    """Names that code gives: variables, functions, classes, arguments."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            yield inner.id
        elif isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield inner.name
        elif isinstance(inner, ast.arg):
            yield inner.arg


def _lint(found: Sequence[Remark], lines: int, most: float) -> Part:
    rate = 100 * len(found) / lines
    examples = list({remark.rule: remark for remark in found}.values())[:3]
    return Part(
        weight=0.4,
        score=slope(rate, 5 * most, most) if len(found) > 1 else 1.0,
        line=say(
            "Remarks of the linter (ruff): {remarks:int}. {examples}",
            remarks=len(found),
            examples="; ".join(f"{remark.rule} {remark.text}" for remark in examples),
        ),
        advice=say("Run a linter such as ruff on the notebook and correct what it reports."),
        cells=sorted({remark.cell for remark in found})[:10],
    )
