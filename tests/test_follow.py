"""Which names hold a result."""

from __future__ import annotations

import ast

from autograder.checks.follow import NOTHING, bindings, closure, holds

FIT = frozenset({"fit"})


def names(source: str, reducing: frozenset[str] = NOTHING) -> frozenset[str]:
    known = list(bindings(ast.parse(source).body))
    return closure(known, lambda value, found: holds(value, found, FIT, reducing))


def test_names_are_followed_through_tables_loops_and_functions() -> None:
    source = """
def train(kind):
    return build(kind).fit(x, y)
for kind in kinds:
    runs[kind] = train(kind)
for name, run in runs.items():
    plot(run)
last, other = run, 3
unlike = 3
"""
    assert names(source) == {"train", "runs", "name", "run", "last", "other"}


def test_arguments_are_handed_over() -> None:
    assert names("def draw(curve, title):\n    show(curve)\ndraw(model.fit(x, y), title='t')") == {"curve"}


def test_what_makes_one_number_ends_it() -> None:
    assert names("best = max(model.fit(x, y))", frozenset({"max"})) == frozenset()
    assert names("best = max(model.fit(x, y))") == {"best"}


def test_nothing_is_followed_for_ever() -> None:
    chain = "\n".join(f"n{step + 1} = n{step}" for step in reversed(range(100)))
    assert len(names(f"{chain}\nn0 = model.fit(x)")) < 40
