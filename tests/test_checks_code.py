"""Structure and readability of code, from its text."""

from __future__ import annotations

import ast

import pytest

from autograder.checks import lint as linting
from autograder.checks.code import readability, structure
from autograder.notebook.prose import paragraphs
from autograder.notebook.source import parse, passed_over, pieces, python, shape, unread
from autograder.records import Cell, Verdict
from tests.cells import code, evidence, markdown, notebook

TIDY = '''
def build_model(filters, dropout=0.0):
    """Return a compiled CNN with one block of convolutions."""
    layers = [Conv2D(filters, 3, activation="relu"), Flatten(), Dropout(dropout), Dense(10)]
    model = Sequential(layers)
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    return model


def build_deep_model(filters):
    """Return a CNN with a second convolution, for finer strokes."""
    model = Sequential([Conv2D(filters, 3), Conv2D(2 * filters, 3), Flatten(), Dense(10)])
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    return model


def train(builder, epochs):
    """Train a fresh model and return its accuracy on the test set."""
    model = builder()
    # the same protocol for all models, so that they can be compared
    model.fit(x_train, y_train, epochs=epochs, validation_split=0.2)
    return model.evaluate(x_test, y_test, verbose=0)[1]
'''
USE = """
# each model is trained from scratch
results = {}
for name, builder in [("base", build_model), ("deep", build_deep_model)]:
    results[name] = train(builder, epochs=5)
best_name = max(results, key=results.get)
print(best_name, results[best_name])
"""
IMPORTS = """
from keras.datasets import mnist
from keras.layers import Conv2D, Dense, Dropout, Flatten
from keras.models import Sequential

(x_train, y_train), (x_test, y_test) = mnist.load_data()
"""


def copied(number: int) -> str:
    return f"""
model{number} = Sequential([Conv2D({32 * number}, 3), Flatten(), Dense(10)])
model{number}.compile(optimizer="adam", loss="mse")
h{number} = model{number}.fit(x_train, y_train, epochs={number})
s{number} = model{number}.evaluate(x_test, y_test)
print(s{number})
"""


def tidy() -> list[Cell]:
    return [code(IMPORTS), code(TIDY), code(USE)]


def test_tidy_code_earns_everything() -> None:
    finding = structure(evidence(*tidy()))
    assert (finding.verdict, finding.share) == (Verdict.MET, 1.0)


def test_copied_models_outside_functions_earn_little() -> None:
    finding = structure(evidence(code(IMPORTS), *[code(copied(number)) for number in range(1, 5)]))
    assert finding.verdict is Verdict.PARTLY and finding.share == 0.2
    assert finding.cells == (1, 2, 3, 4) and finding.advice is not None


def test_one_giant_cell_costs() -> None:
    lines = "\n".join(f"value_{n} = compute_{n}({n})" for n in range(70))
    finding = structure(evidence(code(IMPORTS + TIDY + USE + lines)))
    assert finding.share == 0.8 and finding.cells == (0,)


def test_a_loop_over_models_is_half_structured() -> None:
    loop = "for size in (8, 16):\n    model = Sequential([Dense(size)])\n    other = Sequential([Dense(9)])\n    fit(x)"
    in_loop, flat = structure(evidence(code(loop))), structure(evidence(code(copied(1)), code(copied(2))))
    assert in_loop.found["1"] == 0.5 and flat.found["1"] == 0.0


def test_augmentation_is_not_a_model() -> None:
    augment = "augmentation = Sequential([RandomRotation(0.1), RandomZoom(0.1)])\n"
    assert len(structure(evidence(code(augment * 3))).details) == 3


def test_a_few_lines_earn_in_proportion() -> None:
    finding = structure(evidence(code("def f():\n    return 1\ndef g():\n    return 2")))
    assert finding.share is not None and 0 < finding.share < 0.35


def test_the_templates_code_is_not_the_students() -> None:
    finding = structure(evidence(*tidy(), template=[IMPORTS, TIDY + "# other comment", USE]))
    assert (finding.verdict, finding.share) == (Verdict.UNREACHED, 0.0)


def test_a_notebook_is_looked_into_as_far_as_anybody_writes_and_no_further() -> None:
    dense = code("\n".join(f"m{at} = keras.Sequential([layers.Dense({at})])" for at in range(1500)))
    first, last = code("first = 1"), code("last = 1")
    own = pieces(notebook(first, dense, dense, last))
    assert [piece.cell for piece in own] == [0, *[1] * 1500, 3]
    assert passed_over(notebook(first, dense, dense, last)) == (2,)
    said = code("# wanted: the accuracy of eight words that anybody may read here\n" + dense.source)
    assert paragraphs(notebook(first, dense, said)) == ()
    assert len(paragraphs(notebook(first, said))) == 1


@pytest.mark.parametrize(
    "hiding",
    [
        "import os" + " " * 1000 + ";",
        "x = " + "9" * 4000 + ";",
        "x = " + "-" * 200 + "1;",
        "%%capture\nimport os" + " " * 1000,
    ],
)
def test_code_that_python_reads_and_we_do_not_is_told(hiding: str) -> None:
    cells = notebook(code("a = 1"), code(f"{hiding}\nhidden()"), code("!ls\nb = 1"))
    assert [piece.cell for piece in pieces(cells)] == [0, 2]
    assert unread(cells) == (1,)


@pytest.mark.parametrize(
    "source", ["%%sql\nSELECT * FROM x", "%%bash\nls -l", "%%time\nx = 1", "x[0] = !ls", "a.b = %time f()", "print 'x'"]
)
def test_what_is_meant_for_another_program_is_not(source: str) -> None:
    assert unread(notebook(code(source), code("# nothing"), code(""))) == ()


def test_the_same_cell_is_parsed_once_while_it_is_short() -> None:
    assert parse("a = 1") is parse("a = 1")
    assert parse("a = 1\n" * 1000) is not parse("a = 1\n" * 1000)


@pytest.mark.parametrize("check", [structure, readability])
def test_no_code_cannot_be_judged(check: object) -> None:
    assert callable(check)
    for nothing in ([], [markdown("texte")], [code("# rien")], [code("def f(:")], [code("%matplotlib inline")]):
        assert check(evidence(*nothing)).verdict is Verdict.UNREACHED


def test_readable_code_earns_everything() -> None:
    finding = readability(evidence(*tidy()))
    assert (finding.verdict, finding.share) == (Verdict.MET, 1.0)


POOR = """
import os, sys
def f1(aa, q):
    tmp = aa == None; l = q
    try: return tmp
    except: pass
toto = lambda v: v
truc = f1(1, undefined_name)
data2 = toto(truc)
test1 = f'x'
g = data2
u = 3
v = 4
w1 = 5
"""


def test_unreadable_code_earns_nothing() -> None:
    finding = readability(evidence(code(POOR)))
    assert finding.share == 0.0 and finding.cells == (0,)


def test_code_that_was_switched_off_is_no_comment() -> None:
    commented = USE + "# model.fit(x_train, y_train)\n# results = train(builder, 3)\n# print(results)\n" * 5
    bare = USE.replace("# each model is trained from scratch\n", "")
    with_dead, without = (
        readability(evidence(code(IMPORTS + source)))
        for source in (commented.replace("# each model is trained from scratch\n", ""), bare)
    )
    assert with_dead.found["1"] == without.found["1"] == 0.0


def test_lint_sees_the_notebook_as_one_program() -> None:
    cells = notebook(code("import os\n%matplotlib inline"), code("!pip install x\nprint(os.name)\ndisplay(os)"))
    assert linting.lint(cells) == ()


def test_lint_places_its_remarks_in_cells() -> None:
    cells = notebook(code("x = 1"), markdown("#"), code("def broken(:"), code("y = 2\nprint(x, y, missing)  # noqa"))
    found = linting.lint(cells)
    assert found and [(remark.cell, remark.line, remark.rule) for remark in found] == [(3, 1, "F821")]


def test_where_no_linter_answers_a_person_decides_and_nobody_earns_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linting, "_COMMAND", ("/nonexistent/ruff",))
    finding = readability(evidence(*tidy()))
    assert (finding.verdict, finding.share, finding.settled) == (Verdict.NEEDS_REVIEW, None, False)
    assert finding.for_teacher is not None and "ruff" in finding.for_teacher.text
    assert len(finding.details) == 2, "what the other parts found is shown all the same"


# --- reading source ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        "%matplotlib inline\nx = 1",
        "!pip install keras\nx = 1",
        "files = !ls\nx = 1",
        "%%time\nx = 1",
        "x?\nx = 1",
        "if True:\n    !ls\nx = 1",
        "a = (7\n  % 3)\nx = 1",
    ],
)
def test_commands_of_ipython_do_not_hide_code(source: str) -> None:
    tree = parse(python(source))
    assert tree is not None and any(getattr(node, "targets", [None])[0] is not None for node in tree.body)


def test_a_cell_in_another_language_is_no_python() -> None:
    assert pieces(notebook(code("%%bash\nx=1\nrm -rf /"))) == ()


@pytest.mark.parametrize(
    "bomb", ["(" * 5000, "-" * 100_000 + "1", "x" + ".y" * 50_000, "[" * 90 + "]" * 90 + "\0", "é" * 9 + "$"]
)
def test_code_made_to_exhaust_the_reader(bomb: str) -> None:
    assert parse(bomb) is None


def test_shapes_abstract_names_and_constants_only() -> None:
    def of(source: str) -> str:
        tree = parse(source)
        assert tree is not None
        return shape(tree.body[0])

    assert of("a = f(x, k=1)") == of("b = f(y, k='z')")
    assert (
        len({of("a = f(x)"), of("a = g(x)"), of("a = f(k=x)"), of("a = f(j=x)"), of("a = x.f()"), of("a += f(x)")}) == 6
    )


@pytest.mark.parametrize(
    "source",
    [
        "def f(x):\n    print 'accuracy', x\n",
        "%matplotlib inline\ndef f(x):\n    print x\n",
        "def f(x):\n    return “a”\n",
        ">>> def f(x):\n...     return x\n",
        "1 def f(x):\n2     return x\n",
        "pip install seaborn\ndef f(x):\n    return x\n",
    ],
)
def test_what_the_kernel_makes_readable_is_read_here_too(source: str) -> None:
    assert any(isinstance(piece.node, ast.FunctionDef) for piece in pieces(notebook(code(source))))


def test_what_nobody_can_read_stays_as_it_is() -> None:
    assert python("def f(:\n") == "def f(:\n"


@pytest.mark.parametrize(
    ("more", "used"),
    [
        ("", 0),
        ("print(area(2))", 1),
        ("grid = map(area, range(3))", 1),
        ("@cached\ndef half(x):\n    return x / 2", 1),
        (
            "class Grey(Layer):\n    def call(self, x):\n        return x\n    def build(self, shape):\n        pass",
            2,
        ),
    ],
    ids=["never", "called", "handed on", "decorated", "methods"],
)
def test_functions_that_nobody_calls_are_none(more: str, used: int) -> None:
    """One that only calls itself is one of these."""
    area = "def area(side):\n    return area(side - 1) if side else 0"
    finding = structure(evidence(code(IMPORTS), code(area), code(more)), enough=1)
    told = next(line for line in finding.details if "functions" in line.values and "wanted" in line.values)
    assert told.values["functions"] == used
