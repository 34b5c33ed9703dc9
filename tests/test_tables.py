"""The tracking table, in every shape in which students state it, and whose training each row is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autograder.extraction.grids import MOST_LINES, brief
from autograder.extraction.tables import find_table, match_rows
from autograder.notebook.numbers import figures, quantity, seconds, shares
from autograder.records import (
    Cell,
    Estimator,
    Evaluation,
    Frame,
    Ledger,
    MeasuredModel,
    Table,
    TableRow,
    Training,
)
from tests.cells import code, markdown, notebook, printed, shown

Rows = list[tuple[str, float | None, float | None]]


def rows(table: Table | None) -> Rows:
    return [(row.label, row.accuracy, row.seconds) for row in table.rows] if table else []


def found(*cells: Cell, frames: tuple[Frame, ...] = ()) -> Table | None:
    return find_table(notebook(*cells), Ledger(frames=frames))


TWO: Rows = [("Baseline", 0.9782, 12.5), ("Dropout", 0.9845, 14.0)]


# --- numbers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value", "percent"),
    [
        ("0.9782", 0.9782, False),
        ("97.82 %", 97.82, True),
        ("97,82", 97.82, False),
        ("97,82\u202f%", 97.82, True),
        ("98.5±0.1", 98.5, False),
        ("98.5 +/- 0.1 %", 98.5, True),
        ("**98.5**", 98.5, False),
        ("~ 98", 98.0, False),
        (".97", 0.97, False),
        ("1 234,5", 1234.5, False),
        ("-0.3", -0.3, False),
        ("9.7e-1", 0.97, False),
        ("0.93 (0.004)", 0.93, False),
        ("0.93 (±0.004)", 0.93, False),
        ("93 % (+1.2)", 93.0, True),
        ("93,1 % (-0,4 pt)", 93.1, True),
        ("931/1000", 93.1, True),
        ("931 sur 1000", 93.1, True),
    ],
)
def test_one_number(text: str, value: float, percent: bool) -> None:
    read = quantity(text)
    assert read and (read.value, read.percent) == (pytest.approx(value), percent)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Baseline",
        "modèle 2 sans dropout",
        "3 x 3",
        "CNN2",
        "nan",
        "1e999",
        "-",
        "3/5",
        "1100/1000",
    ],
)
def test_no_number(text: str) -> None:
    assert quantity(text) is None


def test_a_column_of_accuracies_has_one_unit() -> None:
    assert shares(["0.9782", "1.0", "x"]) == (0.9782, 1.0, None)
    assert shares(["97.82", "98 %", "0.9"]) == (0.9782, 0.98, 0.009)
    assert shares(["0.97", "0.98"], percent=True) == (0.0097, 0.0098)
    assert shares(["0.88", "1.20"], error=True) == (0.9912, 0.988)
    assert shares(["0.02", "0.05"], error=True) == (0.98, 0.95)
    assert shares(["150", "-3"]) == (None, None)


@pytest.mark.parametrize(
    ("text", "heading", "value"),
    [
        ("12.5", "Temps (s)", 12.5),
        ("12,5 s", "", 12.5),
        ("1 min 23 s", "", 83.0),
        ("1m23s", "", 83.0),
        ("2 minutes", "", 120.0),
        ("0:01:23", "", 83.0),
        ("01:23", "", 83.0),
        ("1.5", "Durée (min)", 90.0),
        ("250 ms", "", 0.25),
        ("rapide", "", None),
        ("98 %", "", None),
    ],
)
def test_durations(text: str, heading: str, value: float | None) -> None:
    assert seconds(text, heading) == (pytest.approx(value) if value is not None else None)


def test_figures_in_prose() -> None:
    text = "Le modèle 2 (3 couches) gagne 1,3 point : 98.45 % contre 97 % en 5 époques, soit 0,9845. Version 2.16.1."
    assert figures(text) == (1.3, 98.45, 97.0, 0.9845)


# --- sources -----------------------------------------------------------------------------------------------------


def test_a_data_frame_in_memory() -> None:
    frame = Frame(
        name="suivi",
        kind="dataframe",
        columns=("Modèle", "Précision", "Temps (s)", "Commentaires"),
        index=("0", "1"),
        rows=(("Baseline", 0.9782, 12.5, "référence"), ("Dropout", 0.9845, 14.0, "plus lent")),
    )
    table = found(code("suivi = []"), code("df = 1"), code("suivi"), frames=(frame,))
    assert rows(table) == TWO
    assert table and (table.origin, table.cell, table.rows[1].comment) == ("dataframe", 2, "plus lent")


def test_names_may_begin_with_a_number() -> None:
    frame = Frame(
        name="suivi",
        kind="dataframe",
        columns=("opt", "nom", "test_acc"),
        index=("0", "1", "2"),
        rows=(("adam", "12 époques", 0.97), ("adam", "5 couches", 0.98), ("adam", "dropout 0.2", 0.96)),
    )
    table = found(code("suivi = []"), frames=(frame,))
    assert table and [row.label for row in table.rows] == ["12 époques", "5 couches", "dropout 0.2"]


def test_a_dict_of_results() -> None:
    frame = Frame(
        name="all_results",
        kind="dict",
        columns=("accuracy", "training_time"),
        index=("Baseline", "Dropout"),
        rows=((0.9782, 12.5), (0.9845, 14.0)),
    )
    table = found(frames=(frame,))
    assert rows(table) == TWO and table and table.origin == "dict"


def test_a_history_in_memory_is_no_tracking_table() -> None:
    frame = Frame(
        name="history",
        kind="dataframe",
        columns=("accuracy", "loss"),
        index=("0", "1"),
        rows=((0.9, 0.3), (0.95, 0.2)),
    )
    assert found(frames=(frame,)) is None


SEARCHED = {
    "a search": (("largeur", "taux", "validation_accuracy"), ((8, 0.001, 0.92), (16, 0.001, 0.98)), 2),
    "one setting": (("batch_size", "test_acc"), ((32, 0.92), (64, 0.98)), 2),
    "the same settings": (("batch_size", "test_acc"), ((32, 0.92), (32, 0.98), (32, 0.97)), 0),
    "what was kept of each epoch": (("loss", "accuracy", "learning_rate"), ((0.3, 0.92, 0.1), (0.2, 0.98, 0.05)), 0),
    "no settings": (("seed", "accuracy"), ((1, 0.92), (2, 0.98)), 0),
}


@pytest.mark.parametrize(("columns", "kept", "count"), SEARCHED.values(), ids=SEARCHED.keys())
def test_rows_that_go_by_their_settings(
    columns: tuple[str, ...], kept: tuple[tuple[float, ...], ...], count: int
) -> None:
    frame = Frame(name="t", kind="dataframe", columns=columns, index=("0", "1", "2")[: len(kept)], rows=kept)
    table = found(code("t"), frames=(frame,))
    assert len(table.rows if table else ()) == count
    assert not table or table.rows[0].label.endswith(("taux 0.001", "batch size 32"))


MARKDOWN = """
| Modification | Test accuracy | Durée | Observations |
|:---|---:|---|---|
| Baseline | 97,82 % | 12,5 s | départ |
| **Dropout** | 98,45 % | 14 s | mieux |
"""


def test_a_markdown_table() -> None:
    table = found(markdown("Voici\n" + MARKDOWN + "\nsuite"))
    assert rows(table) == TWO
    assert table and (table.origin, table.rows[0].comment) == ("markdown", "départ")


def test_the_empty_table_of_a_template_is_none() -> None:
    assert found(markdown("| Modèle | Précision | Temps |\n|---|---|---|\n| Référence | | |\n| ... | | |")) is None


HTML = """<style>td {color: red}</style><table border="1" class="dataframe"><thead><tr><th></th><th>Model</th>
<th>Accuracy</th><th>Training Time (s)</th></tr></thead><tbody>
<tr><th>0</th><td>Baseline</td><td>0.9782</td><td>12.5</td></tr>
<tr><th>1</th><td>Dropout</td><td>0.9845</td><td>14.0</td></tr></tbody></table>"""


def test_a_displayed_data_frame() -> None:
    table = found(code("df", shown(HTML)))
    assert rows(table) == TWO and table and table.origin == "html"


def test_html_that_never_closes_and_scripts_are_harmless() -> None:
    assert found(code("", shown("<table><tr><td>a<script>x</script><table><tr>" * 50))) is None


PADDED = """------------------------------------------------------------
Modèle                    Précision       Temps (s)
------------------------------------------------------------
Baseline                  97.82           12.50
Dropout                   98.45           14.00
------------------------------------------------------------
"""
PRINTED = {
    "padded": PADDED,
    "pandas": "      Model  Accuracy   Time\n0  Baseline    0.9782   12.5\n1   Dropout    0.9845   14.0\n",
    "simple": "Model       Accuracy    Time (s)\n--------  ----------  ----------\nBaseline      0.9782        12.5\n"
    "Dropout       0.9845        14\n",
    "grid": "+----------+------------+-------+\n| Model    |   Accuracy | Time  |\n+==========+============+=======+\n"
    "| Baseline |     0.9782 | 12.5  |\n+----------+------------+-------+\n| Dropout  | 0.9845     | 14    |\n+---+",
    "box": "┌──────────┬──────────┬───────┐\n│ Modèle   │ Accuracy │ Temps │\n├──────────┼──────────┼───────┤\n"
    "│ Baseline │ 97,82 %  │ 12.5s │\n│ Dropout  │ 98,45 %  │ 14 s  │\n└──────────┴──────────┴───────┘",
    "csv": ",model,accuracy,time\n0,Baseline,0.9782,12.5\n1,Dropout,0.9845,14.0\n",
    "semicolons": "Modèle;Précision;Temps\nBaseline;97,82;12,5\nDropout;98,45;14\n",
    "tabs": "Modèle\tPrécision\tTemps\nBaseline\t97.82\t12.5\nDropout\t98.45\t14\n",
    "lines": "Baseline - Précision: 97.82% (12.5 s)\nDropout - Précision: 98.45% (14 s)\n",
    "arrows": "Baseline → 97,82 % en 12.5 s\nDropout → 98,45 % en 14 s",
    "metric first": "Test accuracy (Baseline): 0.9782 in 12.5 s\nTest accuracy (Dropout): 0.9845 in 14 s",
    "errors": "Model     Error rate (%)  Time\nBaseline  2.18            12.5\nDropout   1.55            14\n",
}


@pytest.mark.parametrize("form", PRINTED)
def test_printed_tables(form: str) -> None:
    assert rows(found(code("print()", printed("Résultats finaux\n\n" + PRINTED[form] + "\nFin.")))) == TWO


def test_a_long_name_that_eats_the_padding() -> None:
    text = PADDED.replace("Dropout                   98.45", "Augmentation de données et Dropout 98.45")
    assert [label for label, *_ in rows(found(code("", printed(text))))] == [
        "Baseline",
        "Augmentation de données et Dropout",
    ]


def test_a_printed_frame_whose_index_has_a_name() -> None:
    text = """                    Précision  Temps
Modèle
Baseline               0.9782   12.5
Dropout                0.9845   14.0
"""
    assert rows(found(code("print(df)", printed(text)))) == TWO


def test_a_printed_figure_with_its_spread_is_one_field() -> None:
    text = """   model          folds  accuracy
Baseline 0.971 ± 0.004     0.9782
 Dropout 0.983 ± 0.010     0.9845
"""
    assert rows(found(code("print(df)", printed(text)))) == [(name, figure, None) for name, figure, _ in TWO]


BLANKS = {
    "to_string": """   Model Test accuracy Training time
Baseline       97.82 %        12.5 s
 Dropout       98.45 %        14.0 s
""",
    "to_string with numbers": """   Model What changed  Test accuracy Training time
Baseline      nothing         0.9782        12.5 s
 Dropout    one layer         0.9845        14.0 s
""",
    "print": """      Model Test accuracy Training time
0  Baseline       97.82 %        12.5 s
1   Dropout       98.45 %        14.0 s
""",
    "without a heading of names": """         Test accuracy Training time
Baseline       97.82 %        12.5 s
Dropout        98.45 %        14.0 s
""",
    "padded": """Model    Test accuracy Training time
-------- ------------- -------------
Baseline 97.82 %       12.5 s
Dropout  98.45 %       14.0 s
""",
}


@pytest.mark.parametrize("form", BLANKS)
def test_headings_of_several_words_a_single_blank_apart(form: str) -> None:
    assert rows(found(code("print(df)", printed("Results of the run:\n" + BLANKS[form])))) == TWO


def test_a_wide_frame_that_is_printed_in_pieces() -> None:
    text = """  Model name  Trainable parameters  Validation accuracy  \\
0   Baseline                 31530               0.9667
1    Dropout                 29034               0.9533

   Test accuracy  Training time
0         0.9782           12.5
1         0.9845           14.0
"""
    assert rows(found(code("print(df)", printed("Results\n" + text + "\nEnd")))) == TWO
    assert found(code("print(1)", printed("a \\\nb \\\n\nc \\\n" * 3))) is None


def test_names_of_several_words_are_one_field() -> None:
    text = """     Réseau testé Taux de réussite
  grand noyau (5)           97.82%
noyau moyen carré           98.45%
"""
    two = ["grand noyau (5)", "noyau moyen carré"]
    assert [label for label, *_ in rows(found(code("print(df)", printed(text))))] == two
    text = """     Réseau testé           changement exactitude
  grand noyau (5) un noyau de 5 pixels     0.9782
noyau moyen carré                 rien     0.9845
"""
    assert [label for label, *_ in rows(found(code("print(df)", printed(text))))] == two


def test_models_as_columns() -> None:
    text = (
        "| Critère | Baseline | Dropout |\n|---|---|---|\n| Précision (test) | 97,82 | 98,45 |\n| Temps | 12.5 | 14 |"
    )
    assert rows(found(markdown(text))) == TWO


PLAIN = [("Baseline", 0.9782, None), ("Dropout", 0.9845, None)]


@pytest.mark.parametrize(
    "text",
    [
        "{'Baseline': 0.9782, 'Dropout': 0.9845}",
        "{'Baseline': np.float64(0.9782), 'Dropout': np.float64(0.9845)}",
        "{'Baseline': {'accuracy': 0.9782, 'loss': 0.05},\n 'Dropout': {'accuracy': 0.9845, 'loss': 0.04}}",
        "Results: [{'model': 'Baseline', 'acc': 0.9782}, {'model': 'Dropout', 'acc': 0.9845}]",
        "{'model': ['Baseline', 'Dropout'], 'accuracy': [0.9782, 0.9845]}",
        "[('Baseline', 0.9782), ('Dropout', 0.9845)]",
    ],
)
def test_collections_as_python_prints_them(text: str) -> None:
    assert rows(found(code("print(results)", printed(text + "\n")))) == PLAIN


@pytest.mark.parametrize("text", ["{" * 5000, "[" * 50 + "]" * 50, "{'a': " * 9 + "0.9", "[('x', 1/0)]", "{'a': f()}"])
def test_what_is_no_literal_is_no_table(text: str) -> None:
    assert found(code("print(results)", printed(text))) is None


def test_a_printed_series() -> None:
    text = "Baseline    0.9782\nDropout     0.9845\nName: accuracy, dtype: float64\n"
    assert rows(found(code("print(scores)", printed(text)))) == PLAIN


def test_html_within_markdown() -> None:
    text = "<table><tr><th>Modèle</th><th>Précision</th></tr><tr><td>Baseline</td><td>97,82 %</td></tr>"
    text += "<tr><td>Dropout</td><td>98,45 %</td></tr></table>"
    assert rows(found(markdown(text))) == PLAIN


def test_metrics_in_rows_below_a_header_without_a_corner() -> None:
    text = "            Baseline  Dropout\nAccuracy    0.9782    0.9845\nLoss        0.05      0.09\n"
    assert rows(found(code("print(table)", printed(text)))) == PLAIN


def test_error_rates_told_in_lines() -> None:
    text = "Baseline Error: 2.18%\nLarge CNN Error: 1.55%\n"
    assert [accuracy for _, accuracy, _ in rows(found(code("", printed(text))))] == pytest.approx([0.9782, 0.9845])


def test_lines_of_a_grid_search() -> None:
    text = "Best: 0.984500 using {'rate': 0.2}\n0.978200 (0.001) with: {'rate': 0.0}\n"
    text += "0.984500 (0.002) with: {'rate': 0.2}\n"
    assert rows(found(code("", printed(text)))) == [("{'rate': 0.0}", 0.9782, None), ("{'rate': 0.2}", 0.9845, None)]


def test_scores_in_headings() -> None:
    titles = ["## First CNN, 0.5 M params (~10% error rate)", "## Second CNN, 2.2 M params (82.0 - 82.5 % accuracy)"]
    assert rows(found(*map(markdown, titles))) == [
        ("First CNN, 0.5 M params", pytest.approx(0.9), None),
        ("Second CNN, 2.2 M params", pytest.approx(0.82), None),
    ]


def test_lines_whose_names_hold_numbers() -> None:
    text = "lr = 0.1 accuracy: 0.91\nlr = 0.01 accuracy: 0.96\nbatch 64 : acc=0.97"
    assert [accuracy for _, accuracy, _ in rows(found(code("", printed(text))))] == [0.91, 0.96, 0.97]


def test_lines_that_several_cells_print() -> None:
    cells = [
        code("", printed(f"Epoch 1/5\n{name} : précision = {value} %\n"))
        for name, value in [("A plat", 91), ("CNN", 97)]
    ]
    assert rows(found(*cells)) == [("A plat", 0.91, None), ("CNN", 0.97, None)]


def test_test_accuracy_is_preferred() -> None:
    text = "| Model | Train acc | Val accuracy | Test accuracy | Loss | Params |\n|-|-|-|-|-|-|\n"
    text += "| A | 0.99 | 0.98 | 0.97 | 0.1 | 9 |"
    assert rows(found(markdown(text))) == [("A", 0.97, None)]


@pytest.mark.parametrize(
    "text",
    [
        "            precision    recall  f1-score   support\n\n           0       0.99      0.99    0.99       98\n"
        "    accuracy                           0.97     1000\n   macro avg       0.97      0.97      0.97     1000\n",
        "Performances du modèle X:\n- Données normales: 97.82%\n- Données bruitées: 95.10%\n- Données rotées: 93.20%\n",
        "Chiffre 0: 1.2%\nChiffre 1: 0.8%\nChiffre 2: 2.2%",
        "Epoch 1/2\n30/30 - 1s - accuracy: 0.81 - loss: 0.61\nEpoch 2/2\n30/30 - 1s - accuracy: 0.91 - loss: 0.31",
        "Test accuracy: 0.9782\nTest loss: 0.07",
        "Layer (type)   Output Shape   Param #\nconv2d (Conv2D)   (None, 26, 26, 32)   320\n",
    ],
)
def test_other_tables_are_not_mistaken_for_it(text: str) -> None:
    assert found(code("", printed(text))) is None


def test_the_candidate_with_most_rows_wins() -> None:
    three = PADDED.replace("Dropout ", "Autre                     98.00           10.00\nDropout ")
    table = found(code("df", shown(HTML)), code("", printed(three)))
    assert [label for label, *_ in rows(table)] == ["Baseline", "Autre", "Dropout"]


HEADINGS = [
    "Genauigkeit",
    "Trefferquote (%)",
    "Exactitud",
    "Aciertos",
    "Top-1",
    "% correct",
    "Bien classées (%)",
    "TestAcc",
    "acc_test",
    "Taux de bonnes réponses",
    "Accuracy (mean ± std)",
    "Exactitude ± écart-type",
]


@pytest.mark.parametrize("heading", HEADINGS)
def test_headings_of_accuracies(heading: str) -> None:
    text = f"| Model | {heading} |\n|---|---|\n| Baseline | 97.82 |\n| Dropout | 98.45 |"
    assert rows(found(markdown(text))) == PLAIN


@pytest.mark.parametrize(
    "heading", ["Top-2", "Top-10 accuracy", "Accuracy gain", "Accuracy on noise", "std of accuracy"]
)
def test_headings_of_other_figures(heading: str) -> None:
    assert found(markdown(f"| Model | {heading} |\n|---|---|\n| Baseline | 97.82 |\n| Dropout | 98.45 |")) is None


def test_a_printed_collection_means_what_its_name_or_its_cell_says() -> None:
    text = "{'Baseline': 0.9782, 'Dropout': 0.9845}"
    for source, kind in (("print(val_accs)", "validation"), ("results = run()\nprint(d)", ""), ("val_accs = 1\nd", "")):
        table = found(code(source, printed(text)))
        assert rows(table) == PLAIN and {row.of for row in table.rows if table} == {kind}, source


def test_numbered_trials() -> None:
    text = "| trial | val_accuracy |\n|---|---|\n| 0 | 0.9782 |\n| 1 | 0.9845 |"
    assert rows(found(markdown(text))) == [("trial 0", 0.9782, None), ("trial 1", 0.9845, None)]


def test_a_list_that_grows_is_read_where_it_is_whole() -> None:
    shown_first = code("res = accuracy()\nprint(res)", printed("[('base', 0.91), ('wide', 0.93)]"))
    whole = code("for r in res: print(r)", printed("base = 91.0 %\nwide = 93.0 %\ndeep = 95.0 %"))
    known = ledger("base", "wide", "deep")
    models = [measured(number, 0.89 + 0.02 * number) for number in (1, 2, 3)]
    table = find_table(notebook(shown_first, whole), known, models)
    assert table is not None and [row.label for row in table.rows] == ["base", "wide", "deep"]


def test_numbered_models() -> None:
    text = "| modèle n° | exactitude |\n|---|---|\n| 1 | 0.9782 |\n| 2 | 0.9845 |"
    assert rows(found(markdown(text))) == [("modèle n° 1", 0.9782, None), ("modèle n° 2", 0.9845, None)]


def test_a_column_of_validation_is_called_so() -> None:
    def kinds(heading: str) -> set[str]:
        table = found(markdown(f"| Model | {heading} |\n|-|-|\n| A | 0.98 |\n| B | 0.97 |"))
        return {row.of for row in table.rows} if table else set()

    assert kinds("validation accuracy") == kinds("val_acc") == {"validation"}
    assert kinds("test accuracy") == kinds("accuracy") == {""}


LOG = Frame(
    name="log",
    kind="dataframe",
    columns=("epoch", "accuracy", "model"),
    index=tuple(map(str, range(9))),
    rows=tuple((epoch, 0.9 + epoch / 100, name) for name in ("base", "filters", "deep") for epoch in (1, 2, 3)),
)


def test_a_log_of_epochs_is_no_table_of_models() -> None:
    assert found(code("log"), frames=(LOG,)) is None
    settings = replace(LOG, index=("0", "1", "2"), rows=((1, 0.9, "a"), (2, 0.91, "b"), (3, 0.92, "c")))
    assert len(rows(found(code("log"), frames=(settings,)))) == 3, "how long each was trained"


# --- which one ---------------------------------------------------------------------------------------------------

NAMED = {"base": "m1", "filters": "m2", "deep": "m3"}
FIGURES = {"base": 0.91, "filters": 0.93, "deep": 0.95}


def run(*cells: Cell, frames: tuple[Frame, ...] = ()) -> Table | None:
    """Of a notebook that trained three models, whose accuracies are known."""
    known = replace(ledger("", "", "", bindings={name: model for name, model in NAMED.items()}), frames=frames)
    models = [measured(number, figure) for number, figure in enumerate(FIGURES.values(), start=1)]
    return find_table(notebook(*cells), known, models)


def listed(heading: str, figures: dict[str, float]) -> str:
    return f"| model | {heading} |\n|-|-|\n" + "".join(f"| {name} | {figure} |\n" for name, figure in figures.items())


def test_the_table_that_the_run_backs_wins() -> None:
    others = {f"{name}, fold {fold}": 0.8 for name in FIGURES for fold in (1, 2)}
    table = run(markdown(listed("accuracy", FIGURES)), markdown(listed("accuracy", others)))
    assert table and table.cell == 0 and [row.measured_accuracy for row in table.rows] == list(FIGURES.values())


def test_what_is_displayed_comes_before_what_is_in_memory() -> None:
    frame = Frame(
        name="table",
        kind="dataframe",
        columns=("model", "accuracy"),
        index=("0", "1", "2"),
        rows=tuple(FIGURES.items()),
    )
    table = run(code("table"), markdown(listed("accuracy", FIGURES)), frames=(frame,))
    assert table and table.origin == "markdown"


@pytest.mark.parametrize("heading", ["Test", "Résultat", "correct"])
def test_a_heading_that_does_not_say_what_it_is_counts_where_the_run_backs_it(heading: str) -> None:
    table = run(markdown(listed(heading, FIGURES)))
    assert table and [row.training for row in table.rows] == [1, 2, 3]
    assert run(markdown(listed(heading, {name: 0.99 for name in FIGURES}))) is None
    assert found(markdown(listed(heading, FIGURES))) is None, "without a run"


def test_figures_of_a_test_come_before_fewer_of_validation() -> None:
    """Whatever the heading of the former says."""
    trained = ledger("", "", "", bindings={name: model for name, model in NAMED.items()})
    history = {"val_accuracy": (0.9, 0.94)}
    known = replace(trained, trainings=tuple(replace(one, history=history) for one in trained.trainings))
    models = [measured(number, figure) for number, figure in enumerate(FIGURES.values(), start=1)]
    validated = markdown(listed("val_accuracy", {"filters": 0.94, "deep": 0.94}))
    table = find_table(notebook(validated, markdown(listed("test", FIGURES))), known, models)
    assert table and table.cell == 1
    table = find_table(notebook(validated), known, models)
    assert table and table.cell == 0


def test_bare_lines_count_where_the_run_backs_them() -> None:
    table = run(code("", printed("\n".join(f"{name} {figure}" for name, figure in FIGURES.items()))))
    assert table and [row.training for row in table.rows] == [1, 2, 3]
    assert run(code("", printed("\n".join(f"{name} 0.5" for name in FIGURES)))) is None


def test_many_long_tables_do_not_hide_the_short_one() -> None:
    long = "| name | accuracy |\n|-|-|\n" + "".join(f"| {chr(97 + n % 26)}{n} | 0.5 |\n" for n in range(200))
    table = run(*[markdown(long)] * 12, markdown(listed("accuracy", FIGURES)))
    assert table and [row.label for row in table.rows] == list(FIGURES)


def test_lines_about_other_things_do_not_come_with_those_of_models() -> None:
    told = "\n".join(f"{name}: accuracy {figure}" for name, figure in FIGURES.items())
    table = run(code("", printed(told)), code("", printed("eps 1: accuracy 0.5\neps 2: accuracy 0.4")))
    assert table and [row.label for row in table.rows] == list(FIGURES)


# --- whose training ----------------------------------------------------------------------------------------------


def ledger(*names: str, by: str = "builder", bindings: dict[str, str] | None = None) -> Ledger:
    trainings = []
    for number, name in enumerate(names, start=1):
        builder = name if by == "builder" else ""
        labels = {"model_name": name} if by == "label" else {}
        trainings.append(Training(number=number, model=f"m{number}", builder=builder, labels=labels))
    return Ledger(trainings=tuple(trainings), bindings=bindings or {})


def measured(number: int, public: float | None = None, notebook_accuracy: float | None = None) -> MeasuredModel:
    return MeasuredModel(
        id=f"m{number}-t{number}",
        name="",
        training=number,
        cell=0,
        public_accuracy=public,
        notebook_accuracy=notebook_accuracy,
    )


def matched(
    labels: list[str], known: Ledger, models: list[MeasuredModel] | None = None, claims: list[float] | None = None
) -> list[int | None]:
    claims = claims or [0.9] * len(labels)
    told = tuple(TableRow(label=label, accuracy=claim) for label, claim in zip(labels, claims, strict=True))
    return [row.training for row in match_rows(Table(cell=0, origin="html", rows=told), known, models or []).rows]


def test_rows_are_matched_by_the_names_in_calling_frames() -> None:
    known = ledger("Modèle de référence", "Modèle amélioré 1", "Modèle amélioré 2", by="label")
    assert matched(["Modèle amélioré 2", "modele ameliore 1", "Référence"], known) == [3, 2, 1]


def test_a_name_that_we_gave_says_nothing() -> None:
    known = ledger("", "", "", bindings={"model": "m3"})
    models = [replace(measured(n, notebook_accuracy=0.9 + n / 100), name=f"model {n}") for n in (1, 2, 3)]
    assert matched(["sgd", "adam", "kernel 2"], known, models, [0.91, 0.92, 0.93]) == [1, 2, 3]


def test_rows_are_matched_by_builders() -> None:
    known = ledger("create_baseline_model", "create_dropout_model", "create_augmentation_model")
    assert matched(["Augmentation", "CNN + Dropout", "Modèle de référence"], known) == [3, 2, 1]


def test_rows_are_matched_by_numbers() -> None:
    known = ledger("create_baseline_model", "create_improved_model_1", "create_improved_model_2")
    assert matched(["Modèle 2", "Modèle 1", "Baseline"], known) == [3, 2, 1]


def test_rows_are_matched_by_variables() -> None:
    known = ledger("", "", bindings={"dropout_model": "m2", "base": "m1"})
    assert matched(["Dropout", "Base"], known) == [2, 1]


def test_rows_are_matched_by_the_names_under_which_models_were_tested() -> None:
    """Where trainings have no names in common with the table, and one even that of another row."""
    known = ledger("", "", "", bindings={"student": "m1", "plain": "m2", "other": "m3"})
    uses = [
        Evaluation(kind="evaluate", model=model, after=3, labels={"name": f"student, {how}"})
        for model, how in (("m2", "soft"), ("m3", "hard"))
    ]
    tested = replace(known, evaluations=tuple(uses))
    assert matched(["student, hard", "student, soft"], tested) == [3, 2]
    assert matched(["student, hard", "student, soft"], known) != [3, 2]


def test_rows_without_telling_names_are_matched_by_order() -> None:
    assert matched(["Essai A", "Essai B"], ledger("f", "g")) == [1, 2]


def test_the_figure_decides_last() -> None:
    models = [measured(1, 0.91, 0.9), measured(2, 0.95, 0.9512), measured(3, 0.97, 0.9)]
    assert matched(["Essai"], ledger("f", "g", "h"), models, [0.9512]) == [2]
    assert matched(["Essai"], ledger("f", "g", "h"), models, [0.951]) == [2]
    assert matched(["Essai"], ledger("f", "g", "h"), models, [0.9]) == [1]
    assert matched(["Essai"], ledger("f", "g", "h"), models, [0.93]) == [None]


def test_figures_in_step_do_not_excuse_names_that_were_swapped() -> None:
    known = ledger("", "", bindings={"baseline": "m1", "best_model": "m2"})
    models = [measured(1, 0.95), measured(2, 0.9)]
    assert matched(["Best model", "baseline"], known, models, [0.95, 0.9]) == [2, 1]
    assert matched(["First attempt", "Wide"], known, models, [0.95, 0.9]) == [1, 2]


def test_the_figure_parts_rows_of_one_name() -> None:
    """The rows of a search are sorted by their figures, of a test or of validation."""
    figures = {1: 0.9, 2: 0.95, 3: 0.92, 4: 0.97, 5: 0.91}
    best_first = sorted(figures, key=lambda number: -figures[number])
    labels, claims = ["adam"] * 5, [figures[number] for number in best_first]
    known = ledger(*labels, by="label")
    assert matched(labels, known, [measured(n, figure) for n, figure in figures.items()], claims) == best_first
    validated = replace(
        known,
        trainings=tuple(replace(one, history={"val_accuracy": (0.5, figures[one.number])}) for one in known.trainings),
    )
    told = tuple(TableRow(label="adam", accuracy=claim, of="validation") for claim in claims)
    table = match_rows(Table(cell=0, origin="dict", rows=told), validated, [measured(n, 0.93) for n in figures])
    assert [row.training for row in table.rows] == best_first
    assert [row.recorded for row in table.rows] == claims


def test_fuller_names_fit_better() -> None:
    known = ledger("create_dropout", "create_dropout_batchnorm", "create_batchnorm")
    assert matched(["BatchNorm", "Dropout + BatchNorm", "Dropout 0.5"], known) == [3, 2, 1]


def test_numbers_of_layers_count_no_models() -> None:
    known = ledger("modele1", "modele2", "modele3", "modele4")
    assert matched(["base", "filtres", "batchnorm", "2 conv + dropout"], known) == [1, 2, 3, 4]
    assert matched(["2 couches", "3 couches", "modèle 1"], known) == [None, None, 1]


def test_figures_in_the_order_of_all_models_say_more_than_names_that_only_resemble() -> None:
    figures = [0.91, 0.92, 0.93]
    models = [measured(number, figure) for number, figure in enumerate(figures, start=1)]
    known = ledger("", "", "", bindings={"dropout_model": "m1", "plain_net": "m2", "deep": "m3"})
    assert matched(["Plain", "Dropout", "Deep"], known, models, figures) == [1, 2, 3]
    assert matched(["Plain", "Dropout", "Deep"], known, models, [0.92, 0.91, 0.93]) == [2, 1, 3]


def test_a_ranking_is_matched_by_its_figures() -> None:
    """Where names say nothing; one that no model has leaves them to their order."""
    models = [measured(number, figure) for number, figure in enumerate([0.91, 0.93, 0.92], start=1)]
    known = ledger("f", "g", "h")
    assert matched(["Essai B", "Essai C", "Essai A"], known, models, [0.93, 0.92, 0.91]) == [2, 3, 1]
    assert matched(["Essai B", "Essai C", "Essai A"], known, models, [0.99, 0.92, 0.91]) == [1, 2, 3]


def test_numbers_that_are_settings_do_not_part() -> None:
    known = ledger("modele_1_filtres", "modele_2_dropout", "modele_3_augmentation")
    assert matched(["Augmentation (10 degrés)", "64 filtres"], known) == [3, 1]


def test_a_row_that_no_training_backs_stays_alone() -> None:
    known = ledger("create_baseline_model", "create_dropout_model")
    assert matched(["Baseline", "Dropout", "Transformer géant"], known) == [1, 2, None]


def test_one_training_backs_one_row() -> None:
    assert sorted(matched(["Dropout", "Dropout"], ledger("create_dropout_model")), key=str) == [1, None]


def test_the_last_training_of_a_model_is_meant() -> None:
    twice = Ledger(trainings=tuple(Training(number=n, model="m1", builder="create_dropout_model") for n in (1, 2)))
    assert matched(["Dropout"], twice) == [2]


def test_measured_accuracy_is_laid_beside_the_claim() -> None:
    told = Table(cell=0, origin="html", rows=(TableRow(label="Dropout", accuracy=0.997),))
    (row,) = match_rows(told, ledger("dropout"), [measured(1, public=0.91)]).rows
    assert (row.accuracy, row.measured_accuracy) == (0.997, 0.91)


def test_nothing_trained_matches_nothing() -> None:
    assert matched(["Baseline", "Dropout"], Ledger()) == [None, None]


def test_progress_bars_state_nothing() -> None:
    log = "\n".join(
        [
            "Epoch 1/2",
            "6/6 ━━━━━━━━━━━━━━━━━━━━ 1s 92ms/step - accuracy: 0.3507 - loss: 2.1 - val_accuracy: 0.7010",
            "469/469 [==============================] - 5s 10ms/step - accuracy: 0.9507",
            "Epoch 2: val_accuracy improved from 0.70 to 0.77",
            "100%|██████████| 10/10 [00:03<00:00, accuracy: 0.91]",
        ]
    )
    assert found(code("fit()", printed(log))) is None
    assert rows(found(code("fit()", printed(log + "\nBaseline : 97.82 %\nDropout : 98.45 %")))) == [
        ("Baseline", 0.9782, None),
        ("Dropout", 0.9845, None),
    ]


def test_a_row_about_several_models_is_no_training() -> None:
    """Not even where there are as many rows as models, or where one of these has a similar figure."""
    whole = replace(measured(9, public=0.9532), training=None, members=("m1-t1", "m2-t2"))
    models = [measured(1, public=0.95), measured(2, public=0.94), measured(3, public=0.93), whole]
    told = [("A", 0.95), ("B", 0.94), ("Moyenne des deux", 0.9532), ("Ensemble", 0.7)]
    rows = tuple(TableRow(label=label, accuracy=figure) for label, figure in told)
    found = match_rows(Table(cell=0, origin="html", rows=rows), ledger("a", "b", "c"), models).rows
    assert [(row.training, row.measured_accuracy) for row in found[:3]] == [(1, 0.95), (2, 0.94), (None, 0.9532)]
    assert found[3].measured_accuracy != 0.9532


def test_a_row_about_a_work_of_others_is_no_training() -> None:
    """Neither by a name that is a part of its own, nor by order; a network of that name with its figure is."""
    known = ledger("", "", bindings={"base": "m1", "net": "m2"})
    models = [measured(1, 0.91), measured(2, 0.93)]
    cited = ["base", "LeNet-5 (LeCun et al., 1998)"]
    assert matched(cited, known, models, [0.91, 0.9905]) == [1, None]
    assert matched([*cited, "net"], known, models, [0.91, 0.9905, 0.93]) == [1, None, 2]
    assert matched(["base", "human readers"], known, models, [0.91, 0.93]) == [1, None]
    own = ledger("", "", bindings={"base": "m1", "lenet_5": "m2"})
    assert matched(cited, own, models, [0.91, 0.9301]) == [1, 2]
    assert matched(cited, own, models, [0.91, 0.9905]) == [1, None]


def test_capitals_within_a_name_part_no_words_for_sure() -> None:
    known = ledger("", "", "", bindings={"lenet": "m1", "other": "m2", "third": "m3"})
    assert matched(["LeNet", "Third"], known) == [1, 3]


def test_a_row_of_scikit_learn_takes_no_training_of_another() -> None:
    known = replace(ledger("", "", bindings={"base": "m1"}), estimators=(Estimator(kind="SVC", rows=2000),))
    assert matched(["base", "SVM"], known) == [1, None]


# --- too much to read --------------------------------------------------------------------------------------------


def test_of_lines_without_end_no_more_is_read_than_is_worth_the_time() -> None:
    """A minute or two of the grader's own for each notebook of a class, before."""
    flood = "model - accuracy: 97.5 %\n" * 300
    table = "<table>" + "<tr><td>model</td><td>0.9</td></tr>" * 300 + "</table>"
    cells = notebook(*(code("x", printed(flood), shown(table)) for _ in range(100)), *[markdown(flood)] * 100)
    kept = brief(cells)
    said = "".join(cell.source + "".join(output.text + output.html for output in cell.outputs) for cell in kept)
    assert MOST_LINES * 0.9 < said.count("\n") + said.count("<tr") <= MOST_LINES


def test_what_says_little_is_read_whole_beside_what_says_too_much() -> None:
    table = "model  accuracy\nBaseline  97.82 %\nDropout  98.45 %"
    flood = "\n".join(f"step {number}" for number in range(30_000))
    table_found = found(*(code("x", printed(flood)) for _ in range(3)), code("x", printed(table)))
    assert [label for label, *_ in rows(table_found)] == ["Baseline", "Dropout"]


def test_of_a_notebook_that_says_no_more_than_is_read_nothing_is_left_out() -> None:
    cells = notebook(
        code("x", printed("a\n" * 9_000), shown("<table><tr><td>1</td></tr></table>")), markdown("b\n" * 9_000)
    )
    assert brief(cells) == list(cells)
