"""The notebooks that are shipped: their form, and that they are what their names say. Nothing is executed."""

from __future__ import annotations

import ast
import hashlib
import re
from pathlib import Path

import nbformat
import pytest

from autograder.extraction.sections import find_sections
from autograder.notebook.headings import KINDS
from autograder.records import Cell, CellKind

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "reference" / "mnist-individuel"
SAMPLES = sorted((ROOT / "submissions").rglob("*.ipynb"))
GENERIC = ROOT / "reference" / "classification-generique"
REFERENCES = sorted((ROOT / "reference").rglob("*.ipynb"))
ASSIGNMENTS = pytest.mark.parametrize("folder", [REFERENCE, GENERIC], ids=lambda folder: folder.name)
MOST_BYTES = 60_000


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=nbformat.NO_CONVERT)


def cells(path: Path) -> tuple[Cell, ...]:
    return tuple(
        Cell(index=index, kind=CellKind(cell.cell_type), source=cell.source)
        for index, cell in enumerate(read(path).cells)
    )


def code(path: Path) -> str:
    """All code, IPython's own commands set aside."""
    sources = [cell.source for cell in cells(path) if cell.kind is CellKind.CODE]
    return re.sub(r"(?m)^[!%].*$", "", "\n".join(sources))


def calls(path: Path, name: str) -> list[ast.Call]:
    """Calls of a method, as they are written."""
    found = (node for node in ast.walk(ast.parse(code(path))) if isinstance(node, ast.Call))
    return [call for call in found if isinstance(call.func, ast.Attribute) and call.func.attr == name]


def kinds(path: Path) -> set[str]:
    return {section.kind for section in find_sections(cells(path), ())} - {""}


@pytest.mark.parametrize("path", [*REFERENCES, *SAMPLES], ids=lambda path: str(path.relative_to(ROOT)))
class TestEveryNotebook:
    def test_is_valid_and_small(self, path: Path) -> None:
        notebook = read(path)
        nbformat.validate(notebook)
        assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
        assert path.stat().st_size < MOST_BYTES

    def test_speaks_of_no_machine(self, path: Path) -> None:
        assert not re.search(r"/(?:home|root|mnt|Users)/|https?://", path.read_text(encoding="utf-8"))

    def test_can_be_parsed(self, path: Path) -> None:
        assert ast.parse(code(path)).body


@pytest.mark.parametrize("path", REFERENCES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_references_hold_no_outputs(path: Path) -> None:
    code_cells = [cell for cell in read(path).cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code_cells)


@ASSIGNMENTS
def test_baseline_is_trained_once_as_the_course_says(folder: Path) -> None:
    (fit,) = calls(folder / "baseline.ipynb", "fit")
    told = {keyword.arg: ast.literal_eval(keyword.value) for keyword in fit.keywords}
    assert told == {"epochs": 5, "batch_size": 128, "validation_split": 0.2, "verbose": 1}
    assert len(calls(folder / "baseline.ipynb", "evaluate")) == 1


@ASSIGNMENTS
def test_baseline_leaves_the_seed_to_others(folder: Path) -> None:
    assert "seed" not in code(folder / "baseline.ipynb").lower()


def test_the_generic_baseline_names_no_data_set() -> None:
    """It runs on whatever is served: papermill puts the path of that into its parameter."""
    code_cells = [cell for cell in read(GENERIC / "baseline.ipynb").cells if cell.cell_type == "code"]
    [parameters] = [cell for cell in code_cells if "parameters" in cell.metadata.get("tags", ())]
    assert "autograder_data = " in parameters.source
    others = [cell.source for cell in code_cells if cell is not parameters]
    assert not re.search(r"mnist|cifar|(?<!\d)28(?!\d)|32, 32", "\n".join(others))


def test_the_generic_solution_follows_no_outline_of_a_course() -> None:
    titles = {section.title for section in find_sections(cells(GENERIC / "solution.ipynb"), ()) if section.level == 2}
    ours = {section.title for section in find_sections(cells(REFERENCE / "template.ipynb"), ()) if section.level == 2}
    assert len(titles) >= 6 and titles & ours <= {"Conclusion"}


@pytest.mark.parametrize("name", ["template", "solution"])
def test_has_the_seven_sections_in_order(name: str) -> None:
    wanted = [section.kind for section in find_sections(cells(REFERENCE / f"{name}.ipynb"), ()) if section.level == 2]
    assert [kind for kind in wanted if kind] == list(KINDS)


@ASSIGNMENTS
def test_template_says_what_to_write_in_italics_only(folder: Path) -> None:
    lines = [
        line
        for cell in cells(folder / "template.ipynb")
        if cell.kind is CellKind.MARKDOWN
        for line in cell.source.split("\n")
    ]
    plain = [line for line in lines if line.strip() and not re.match(r"#|\*|---", line)]
    assert plain == []


@ASSIGNMENTS
def test_template_counts_as_nobodys_words(folder: Path) -> None:
    template = cells(folder / "template.ipynb")
    assert sum(section.words for section in find_sections(template, [cell.source for cell in template])) == 0


@ASSIGNMENTS
def test_template_tells_of_the_self_check(folder: Path) -> None:
    last = read(folder / "template.ipynb").cells[-1]
    assert last.source.startswith("# !autograder check ")


@ASSIGNMENTS
def test_blank_is_the_template(folder: Path) -> None:
    assert [cell.source for cell in cells(folder / "blank.ipynb")] == [
        cell.source for cell in cells(folder / "template.ipynb")
    ]


def test_solution_documents_every_function() -> None:
    functions = [
        node for node in ast.walk(ast.parse(code(REFERENCE / "solution.ipynb"))) if isinstance(node, ast.FunctionDef)
    ]
    assert len(functions) >= 10
    assert all(ast.get_docstring(function) for function in functions)


def test_solution_names_its_best_model() -> None:
    assert "best_model" in {
        target.id
        for node in ast.walk(ast.parse(code(REFERENCE / "solution.ipynb")))
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


class TestClass:
    def test_holds_at_least_nine_students(self) -> None:
        assert len(SAMPLES) >= 9
        assert {path.parent.name for path in SAMPLES} > {"submissions"}

    def test_differs_in_documentation(self) -> None:
        counts = {path.stem: len(kinds(path)) for path in SAMPLES}
        assert counts["amina-diallo"] == 7
        assert counts["nguyen-thi-mai"] == 0
        assert len(set(counts.values())) >= 4

    def test_one_writes_no_text(self) -> None:
        kinds_of_cells = {cell.kind for cell in cells(ROOT / "submissions" / "nguyen-thi-mai.ipynb")}
        assert kinds_of_cells == {CellKind.CODE}

    def test_one_uses_a_name_it_never_gives(self) -> None:
        tree = ast.parse(code(ROOT / "submissions" / "kwame-mensah.ipynb"))
        names = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "data_augmentation"]
        assert names
        assert not any(isinstance(name.ctx, ast.Store) for name in names)

    def test_one_keeps_its_models_inside_a_function(self) -> None:
        tree = ast.parse(code(ROOT / "submissions" / "joão-figueiredo.ipynb"))
        top = [node for node in tree.body if not isinstance(node, ast.FunctionDef)]
        outside = [node for statement in top for node in ast.walk(statement) if isinstance(node, ast.Attribute)]
        assert not any(node.attr == "fit" for node in outside)
        assert len(calls(ROOT / "submissions" / "joão-figueiredo.ipynb", "fit")) == 1

    def test_one_types_its_results_by_hand(self) -> None:
        path = next(path for path in SAMPLES if "Wi" in path.parent.name)
        assert "0.9970" in code(path)
        assert len(calls(path, "fit")) == 2


def test_the_samples_are_known_byte_for_byte() -> None:
    """These alone may run without a sandbox where there is none: a changed sample has to be listed anew."""
    listed = {line.split("  ", 1)[0] for line in (ROOT / "reference" / "samples.sha256").read_text().splitlines()}
    found = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (ROOT / "submissions").rglob("*.ipynb")}
    assert found == listed
