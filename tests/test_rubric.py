"""A rubric is loaded whole or refused with every problem, its line, and the name that was meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest

from autograder import checks, rubric
from autograder.errors import ConfigError, RubricError
from autograder.rubric import Parameter

GOOD = """\
id: small
version: 1
title: {fr: Petit, en: Small}
points: 3
criteria:
  - id: code
    title: {fr: Code, en: Code}
    points: 2.5
    items:
      - id: runs
        title: {fr: Court, en: Runs}
        points: 1.5
        check: notebook.completes
        parameters:
          share: 0.5
      - id: reads
        title: {fr: Lit, en: Reads}
        points: 1
        check: person.reads
  - id: text
    title: {fr: Texte, en: Text}
    points: 0.5
    items:
      - id: sections
        title: {fr: Parties, en: Sections}
        points: 0.5
        check: document.sections
        parameters: {wanted: [one, two]}
"""


@dataclass(frozen=True)
class Spec:
    parameters: dict[str, Parameter] = field(default_factory=dict)


def parameter(name: str, kind: object, default: object = ...) -> Parameter:
    return Parameter(name=name, type=kind, required=default is ..., default=None if default is ... else default)


CHECKS = {
    "notebook.completes": Spec(
        {"share": parameter("share", float, 0.25), "cells": parameter("cells", Sequence[int], (1, 2))}
    ),
    "person.reads": Spec(),
    "document.sections": Spec({"wanted": parameter("wanted", Sequence[str])}),
}


def write(folder: Path, text: str, name: str = "small.yaml") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def refusal(folder: Path, text: str) -> RubricError:
    with pytest.raises(RubricError) as caught:
        rubric.load(write(folder, text), CHECKS)
    return caught.value


def line_of(text: str, piece: str) -> int:
    return text[: text.index(piece)].count("\n") + 1


def test_a_good_file_becomes_a_record(tmp_path: Path) -> None:
    loaded = rubric.load(write(tmp_path, GOOD), CHECKS)
    assert loaded.id == "small"
    assert loaded.points == Decimal(3)
    assert [item.id for _, item in loaded.items] == ["runs", "reads", "sections"]
    assert loaded.items[0][1].points == Decimal("1.5")
    assert loaded.items[0][1].title["fr"] == "Court"


def test_what_an_item_leaves_out_is_filled_in_with_defaults(tmp_path: Path) -> None:
    loaded = rubric.load(write(tmp_path, GOOD), CHECKS)
    assert loaded.items[0][1].parameters == {"share": 0.5, "cells": [1, 2]}


@pytest.mark.parametrize(
    ("old", "new", "place", "said"),
    [
        ("points: 3\n", "pionts: 3\n", "pionts: 3", 'did you mean "points"'),
        (
            "        check: person.reads",
            "        check: person.read",
            "check: person.read",
            'did you mean "person.reads"',
        ),
        ("          share: 0.5", "          shre: 0.5", "shre", 'did you mean "share"'),
        ("          share: 0.5", "          share: half", "share: half", "valid number"),
        ("          share: 0.5", "          share: true", "share: true", "valid number"),
        ("          share: 0.5", "          share: .nan", "share: .nan", "finite"),
        ("        parameters: {wanted: [one, two]}\n", "", "- id: sections", "is missing"),
        ("{wanted: [one, two]}", "{wanted: [one, 2]}", "{wanted", "valid string"),
        ("        points: 1\n", "        points: -1\n", "points: -1", "greater than or equal to 0"),
        ("        points: 1\n", "        points: one\n", "points: one", "must be a number"),
        ("id: reads", "id: runs", "id: runs\n        title: {fr: Lit", "is taken by criteria[0].items[0]"),
        ("{fr: Lit, en: Reads}", "{fr: Lit}", "title: {fr: Lit}", "is missing"),
        ("version: 1", "version: 0", "version: 0", "greater than or equal to 1"),
        ("version: 1", "version: 2024-01-01", "version: 2024", "put it in quotes"),
        ("points: 3\n", "points: 3\nlimits: {memory_mb: 1}\n", "limits: {memory", "greater than or equal to 512"),
        ("points: 3\n", "points: 3\nlimits: {memory: 1}\n", "limits: {memory", 'did you mean "memory_mb"'),
        ("points: 3\n", "points: 3\nlimits: {run_seconds: 20, cell_seconds: 60}\n", "limits:", "more than run_seconds"),
        ("points: 3\n", "points: 3\nparameters: {for: 1}\n", "parameters: {for", "variable"),
        ("points: 3\n", "points: 3\npoints: 3\n", "points: 3\npoints", "there twice, first on line 4"),
        ("points: 2.5", "points: 2", "points: 2\n", "add up to 2.5, not to 2"),
    ],
)
def test_each_problem_is_told_with_its_line(tmp_path: Path, old: str, new: str, place: str, said: str) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    error = refusal(tmp_path, text)
    assert said in str(error)
    lines = {line_of(text, place), line_of(text, place) + 1}
    assert any(f"small.yaml:{line}" in str(error) for line in lines), str(error)


def test_all_problems_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = (
        GOOD.replace("share: 0.5", "shre: 1")
        .replace("person.reads", "person.rads")
        .replace("points: 3\n", "points: 4\n")
    )
    told = str(refusal(tmp_path, text))
    assert told.index("add up to 3.0, not to 4") < told.index("shre") < told.index("person.rads")
    assert "3 problems" in told


def test_a_tenth_ten_times_is_one(tmp_path: Path) -> None:
    item = "\n      - {id: i%d, title: {fr: a, en: a}, points: 0.1, check: person.reads}"
    head = "id: tenths\nversion: 1\ntitle: {fr: a, en: a}\npoints: 1\ncriteria:\n  - id: c\n    title: {fr: a, en: a}\n"
    text = head + "    points: 1\n    items:" + "".join(item % number for number in range(10)) + "\n"
    assert rubric.load(write(tmp_path, text), CHECKS).points == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("a: [1, 2", "not YAML"),
        ("a: \x00", "not YAML"),
        ("a: &x 1\nb: *x", "anchors"),
        ("a: !!python/object/apply:os.system ['true']", "not allowed"),
        ("a: !env HOME", "not allowed"),
        ("[" * 10_000, "nested deeper"),
        ("- 1\n- 2\n", "must be a mapping"),
        ("a: 0o9e\nid: 1e400", "unknown key"),
        ("? [a, b]\n: 1\n", "unknown key"),
    ],
)
def test_tricks_are_refused(tmp_path: Path, text: str, said: str) -> None:
    assert said in str(refusal(tmp_path, text))


def test_a_file_that_is_no_rubric_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "big.yaml"
    path.write_bytes(b"#" * 300_000)
    with pytest.raises(RubricError, match="larger than 256 KiB"):
        rubric.load(path, CHECKS)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RubricError, match="UTF-8"):
        rubric.load(path, CHECKS)
    with pytest.raises(RubricError, match="cannot be read"):
        rubric.load(tmp_path / "none.yaml", CHECKS)


def test_the_digest_is_of_the_meaning(tmp_path: Path) -> None:
    first = rubric.load(write(tmp_path, GOOD), CHECKS).digest
    same = GOOD.replace("points: 3\n", "points: 3.0  # three\n").replace("share: 0.5", "share: 0.50")
    assert rubric.load(write(tmp_path, same), CHECKS).digest == first
    spelt_out = GOOD.replace("share: 0.5", "share: 0.5\n          cells: [1, 2]")
    assert rubric.load(write(tmp_path, spelt_out), CHECKS).digest == first
    whole = [GOOD.replace("share: 0.5", f"share: {one}") for one in ("1", "1.0")]
    assert len({rubric.load(write(tmp_path, text), CHECKS).digest for text in whole}) == 1
    other = GOOD.replace("share: 0.5", "share: 0.6")
    assert rubric.load(write(tmp_path, other), CHECKS).digest != first


def test_find_prefers_the_first_place_and_suggests(tmp_path: Path) -> None:
    own, shipped = tmp_path / "own", tmp_path / "shipped"
    own.mkdir()
    shipped.mkdir()
    mine = write(own, GOOD)
    write(shipped, GOOD)
    other = write(shipped, GOOD, "mnist-individuel.yaml")
    assert rubric.find("small", [own, shipped]) == mine
    assert rubric.find("mnist-individuel", [own, shipped]) == other
    assert rubric.find(str(other), []) == other
    with pytest.raises(ConfigError, match='did you mean "mnist-individuel"'):
        rubric.find("mnist-indivduel", [own, shipped])
    with pytest.raises(ConfigError, match="no such rubric file"):
        rubric.find("../small.yaml", [own])


SHIPPED = sorted((Path(__file__).resolve().parents[1] / "rubrics").glob("*.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_what_is_shipped_is_a_grid_of_twenty_points_in_five_criteria(path: Path) -> None:
    loaded = rubric.load(path, checks.signatures())
    assert loaded.id == path.stem and loaded.points == 20
    assert [(one.id, int(one.points)) for one in loaded.criteria] == [
        ("code", 4), ("modifications", 6), ("improvement", 4), ("analysis", 3), ("documentation", 3),
    ]  # fmt: skip


def test_the_generic_grid_leaves_the_data_to_the_notebooks_and_assumes_no_outline() -> None:
    [path] = [path for path in SHIPPED if path.stem == "classification-generique"]
    loaded = rubric.load(path, checks.signatures())
    items = {item.check: item.parameters for _, item in loaded.items}
    assert loaded.data == "auto"
    assert items["document.sections"]["others_count"] and items["document.sections"]["enough"] == 4
    for check in ("distinct", "justified", "methodical"):
        assert items[f"modifications.{check}"]["own_baseline"] is True
