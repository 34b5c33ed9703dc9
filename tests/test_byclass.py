"""Labels beside predictions, told by what the code does."""

from __future__ import annotations

import pytest

from autograder.checks.byclass import followed, goes_by_class
from autograder.notebook.source import pieces
from tests.cells import code, notebook

PREDICTED = (
    "p = model.predict(x_test).argmax(1)\nmatrix = confusion_matrix(y_test, p)\ndf = pd.DataFrame({'t': y, 'p': p})"
)


def looks(source: str) -> bool:
    found = pieces(notebook(code(PREDICTED), code(source)))
    known = followed(found)
    return any(known.looks(piece.node) for piece in found if piece.cell == 1)


@pytest.mark.parametrize(
    "source",
    [
        "m = np.zeros((10, 10))\nfor true, read in zip(y_test, p):\n    m[true, read] += 1",
        "for i in range(len(p)):\n    m[y_test[i]][p[i]] += 1",
        "for i in range(len(p)):\n    seen[(y[i], p[i])] = seen.get((y[i], p[i]), 0) + 1",
        "np.add.at(m, (y_test, p), 1)",
        "h = np.histogram2d(y_test, p, bins=10)[0]",
        "Counter((t, q) for t, q in zip(y, p) if t != q)",
        "Counter(y[p != y])",
        "np.bincount(10 * y + p, minlength=100)",
        "df[df.t != df.p].groupby(['t', 'p']).size()",
        "df.assign(right=df.t == df.p).groupby('t').right.mean()",
        "df.query('t != p').value_counts()",
        "precision_recall_fscore_support(y, p)",
        "recall_score(y, p, average=None)",
        "for i in np.where(p != y)[0][:8]:\n    plt.imshow(x[i])",
        "missed = x_test[p != y]",
        "[(i, y[i], p[i]) for i in range(len(p)) if p[i] != y[i]]",
        "sns.heatmap(matrix)",
        "matrix.diagonal() / matrix.sum(1)",
    ],
)
def test_code_that_tells_errors_apart(source: str) -> None:
    assert looks(source)


@pytest.mark.parametrize(
    "source",
    [
        "(p != y).mean()",
        "len(np.where(p != y)[0])",
        "matrix.trace() / matrix.sum()",
        "Counter(p)",
        "np.bincount(y)",
        "df['right'].value_counts()",
        "recall_score(y, p, average='macro')",
        "x[:, 3:5] += 0.1",
        "image[row, column] += 1",
        "results['cnn'] = np.mean(p == y)\nprint(pd.Series(results).value_counts())",
        "rows.append(float((p == y).mean()))\npd.DataFrame(rows).groupby('model').mean()",
        "plt.imshow(x[p == y][0])",
    ],
)
def test_code_that_counts_errors_in_all_or_something_else(source: str) -> None:
    assert not looks(source)


def test_functions_are_followed_into_and_out_of() -> None:
    defined = "def table(true, read):\n    m = np.zeros((10, 10))\n    for one, other in zip(true, read):\n"
    defined += "        m[one, other] += 1\n    return m"
    assert looks(f"{defined}\nprint(table(y_test, p))")
    found = pieces(notebook(code("def grid(a, b):\n    g[a, b] += 1\n    return g"), code("grid(3, 4)")))
    assert not any(followed(found).looks(piece.node) for piece in found)


def test_loops_over_the_classes() -> None:
    (loop,) = pieces(
        notebook(code("for c in range(10):\n    rows = np.flatnonzero(y == c)\n    print((p[rows] != c).mean())"))
    )
    assert goes_by_class(loop.node)
    (other,) = pieces(notebook(code("for c in range(10):\n    print(x[c])")))
    assert not goes_by_class(other.node)


@pytest.mark.parametrize(
    ("asked", "by_class"),
    [
        ("sum((p != y) & (y == c))", True),
        ("np.logical_and(y == c, p != y).sum()", True),
        ("sum((c > 3) & (c < 5))", False),
        ("sum((p != y) & (y == 3))", False),
    ],
)
def test_loops_that_ask_for_a_class_beside_what_is_wrong(asked: str, by_class: bool) -> None:
    (loop,) = pieces(notebook(code(f"for c in range(10):\n    print(c, {asked})")))
    assert goes_by_class(loop.node) is by_class
