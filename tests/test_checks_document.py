"""Sections, comparison and clarity of the report."""

from __future__ import annotations

import ast
from dataclasses import replace

import pytest

from autograder.checks.document import clarity, comparison, sections
from autograder.checks.figures import drawings
from autograder.checks.live import live, reached
from autograder.extraction.sections import find_sections
from autograder.extraction.tables import find_table
from autograder.messages import render
from autograder.notebook.source import pieces
from autograder.records import (
    ArrayPrint,
    Cell,
    CellRun,
    CellState,
    Ending,
    Evidence,
    Execution,
    Frame,
    Layer,
    Ledger,
    Table,
    TableRow,
    Training,
    Verdict,
)
from tests.cells import code, evidence, markdown, notebook, picture, printed, shown

TITLES = (
    "Introduction",
    "Modèle de référence",
    "Améliorations",
    "Comparaison",
    "Analyse des erreurs",
    "Robustesse",
    "Conclusion",
)
TEXT = " ".join(f"mot{'abcdefghijklmnopqrstuvwxyz'[n]}" for n in range(25))


def report(*cells: Cell, template: tuple[str, ...] = (), **facts: object) -> Evidence:
    found = find_sections(notebook(*cells), template)
    return evidence(*cells, template=template, sections=found, **facts)


def filled(titles: tuple[str, ...] = TITLES) -> list[Cell]:
    return [markdown(f"## {title}\n\n{title} : {TEXT}") for title in titles]


# --- document.sections ---------------------------------------------------------------------------------------------


def test_seven_filled_sections_earn_everything() -> None:
    finding = sections(report(*filled()))
    assert (finding.verdict, finding.share) == (Verdict.MET, 1.0)


def test_what_is_missing_is_named() -> None:
    finding = sections(report(*filled(TITLES[:5])))
    assert finding.share == pytest.approx(5 / 7)
    assert finding.advice and render(finding.advice, "fr").endswith("test de robustesse, conclusion.")


def test_empty_sections_earn_nothing() -> None:
    finding = sections(report(*[markdown(f"## {title}") for title in TITLES]))
    assert (finding.verdict, finding.share) == (Verdict.UNMET, 0.0)


def test_code_of_ones_own_fills_a_section_about_code_with_a_few_words() -> None:
    cells = [markdown("## Robustesse\nVoici le test sur images bruitées."), code("print(test(model))", printed("0.9"))]
    words_alone = report(cells[0])
    assert sections(report(*cells), wanted=["robustness"]).share == 1.0
    assert sections(words_alone, wanted=["robustness"]).share == 0.0
    assert (
        sections(report(markdown("## Conclusion\nVoici le test sur images."), cells[1]), wanted=["conclusion"]).share
        == 0
    )


def test_results_of_ones_own_code_fill_the_baseline_and_the_comparison() -> None:
    shown, silent = code("print(score)", printed("0.9")), code("score = evaluate(model)")
    for title, kind in (("Modèle de référence", "baseline"), ("Résultats comparatifs", "comparison")):
        assert sections(report(markdown(f"## {title}"), shown), wanted=[kind]).share == 1.0
        assert sections(report(markdown(f"## {title}"), silent), wanted=[kind]).share == 0.0
    assert sections(report(markdown("## Test de robustesse"), shown), wanted=["robustness"]).share == 0.0


def test_missing_and_empty_sections_are_both_named() -> None:
    finding = sections(report(markdown("## Introduction")), wanted=["introduction", "conclusion"])
    assert finding.advice and finding.advice.values == {"titles": "conclusion", "others": "introduction"}


def test_a_template_handed_in_as_it_is_earns_nothing() -> None:
    template = tuple(cell.source for cell in filled())
    assert sections(report(*filled(), template=template)).share == 0.0


def test_without_headings_nothing_is_reached() -> None:
    finding = sections(report(markdown(TEXT), code("x = 1")))
    assert finding.verdict is Verdict.UNREACHED and finding.advice is not None


def test_sections_of_any_name_are_enough_where_no_outline_is_given() -> None:
    cells = filled(("Mise en place", "Le chat et le chien", "Ce que j'en retire"))
    assert sections(report(*cells)).share == pytest.approx(1 / 7), "a first text of its own introduces"
    assert sections(report(*cells), enough=3, others_count=True).share == 1.0
    assert sections(report(*cells), enough=6, others_count=True).share == 0.5
    told = sections(report(*cells, *filled(TITLES[-1:])), enough=4, others_count=True)
    assert told.share == 1.0 and "4 of 4" in render(told.message, "en")
    assert any("Le chat" in render(line, "en") for line in told.details)


def test_empty_sections_and_parts_of_a_section_are_none_of_their_own() -> None:
    empty = [markdown(f"## {title}") for title in ("Un", "Deux", "Trois")]
    assert sections(report(*empty, markdown("## Quatre\nfini")), enough=4, others_count=True).share == 0.0
    first, below = filled(("Améliorations", "Dropout"))
    nested = report(first, markdown(below.source.replace("## ", "### ")))
    assert sections(nested, enough=2, others_count=True).share == 0.5


# --- document.comparison -------------------------------------------------------------------------------------------


def row(label: str, claimed: float, measured: float | None, training: int | None = 1) -> TableRow:
    return TableRow(label=label, accuracy=claimed, measured_accuracy=measured, training=training)


def table(*rows: TableRow) -> Table:
    return Table(cell=0, origin="html", rows=rows)


def trained(count: int) -> Ledger:
    return Ledger(trainings=tuple(Training(number=n, model=f"m{n}", epochs_run=5) for n in range(1, count + 1)))


PLOT = code(
    "plt.bar(names, accuracies)\nplt.title('Précision')\nplt.xlabel('Modèle')\nplt.ylabel('%')\nplt.show()", picture()
)
HONEST = table(*(row(f"modèle {n}", 0.9 + n / 100, 0.9 + n / 100 + 0.001, n) for n in range(1, 5)))


def test_folds_of_one_setting_are_one_model() -> None:
    folds = tuple(
        Training(
            number=n, model=f"m{n}", epochs_run=5, parameters=n % 4, x=ArrayPrint(shape=(9, 8, 8), digest=f"d{n // 4}")
        )
        for n in range(12)
    )
    for source in (PLOT.source, "plt.errorbar(models, accuracies, spreads)\nplt.title('t')"):
        drawn = code(source, picture())
        assert comparison(evidence(drawn, table=HONEST, ledger=Ledger(trainings=folds))).share == 1.0
    once = tuple(replace(one, x=ArrayPrint(shape=(9, 8, 8), digest="d")) for one in folds)
    assert comparison(evidence(PLOT, table=HONEST, ledger=Ledger(trainings=once))).share < 1.0
    seeds = tuple(replace(one, layers=(Layer(kind="Dense"),)) for one in once)
    assert comparison(evidence(PLOT, table=HONEST, ledger=Ledger(trainings=seeds))).share == 1.0


def test_a_true_table_and_a_chart_earn_everything() -> None:
    finding = comparison(evidence(PLOT, table=HONEST, ledger=trained(4)))
    assert (finding.verdict, finding.share) == (Verdict.MET, 1.0)


def test_a_table_without_plots_and_plots_without_a_table() -> None:
    assert comparison(evidence(code("x = 1"), table=HONEST, ledger=trained(4))).share == 0.7
    assert comparison(evidence(PLOT, ledger=trained(4))).share == 0.3


def test_rows_that_do_not_hold_cost_and_are_named() -> None:
    claims = table(*HONEST.rows[:2], row("rêve", 0.997, 0.94, 3), row("géant", 0.999, None, None))
    finding = comparison(evidence(PLOT, table=claims, ledger=trained(4)))
    assert finding.share == 0.65
    told = [(line.values.get("label"), "no training" in line.text, "but" in line.text) for line in finding.details[-2:]]
    assert told == [("rêve", False, True), ("géant", True, True)]


def test_a_table_that_leaves_models_out_costs() -> None:
    assert comparison(evidence(PLOT, table=table(*HONEST.rows[:2]), ledger=trained(4))).share == 0.65


def test_one_row_compares_nothing() -> None:
    assert comparison(evidence(table=table(HONEST.rows[0]), ledger=trained(1))).share == 0.0


def test_what_we_could_not_measure_is_for_a_person() -> None:
    unknown = table(row("a", 0.9, None, 1), row("b", 0.91, None, 2))
    finding = comparison(evidence(PLOT, table=unknown, ledger=trained(2)))
    assert (finding.verdict, finding.share) == (Verdict.NEEDS_REVIEW, None)


def test_a_table_that_nothing_backs_is_worth_nothing() -> None:
    invented = table(row("a", 0.9, None, None), row("b", 0.91, None, None))
    assert comparison(evidence(table=invented)).share == 0.0


def test_a_figure_of_others_costs_nothing_and_earns_nothing() -> None:
    cited = row("LeNet-5 (LeCun et al., 1998)", 0.9905, None, None)
    alone = comparison(evidence(PLOT, table=table(*HONEST.rows[:3]), ledger=trained(4)))
    beside = comparison(evidence(PLOT, table=table(*HONEST.rows[:3], cited), ledger=trained(4)))
    assert beside.share == alone.share < 1
    assert "taken for a figure of others" in render(beside.details[-1], "en")
    one = evidence(code("x = 1"), table=table(HONEST.rows[0], cited), ledger=trained(4))
    assert comparison(one).found["1"] == 0.25, "one's own beside that of others is a comparison"
    own = row("LeNet-5 (LeCun et al., 1998)", 0.9905, 0.91, 4)
    assert "2 of 3" not in render(beside.message, "en") and "3 of 3" in render(beside.message, "en")
    assert comparison(evidence(PLOT, table=table(*HONEST.rows[:3], own), ledger=trained(4))).share < 1


def test_what_the_notebook_tested_and_no_training_left_costs_nothing() -> None:
    soup = row("soup", 0.94, None, None)
    unknown = comparison(evidence(PLOT, table=table(*HONEST.rows[:3], soup), ledger=trained(3)))
    tested = comparison(evidence(PLOT, table=table(*HONEST.rows[:3], replace(soup, of="tested")), ledger=trained(3)))
    assert tested.share == 1 > (unknown.share or 0.0)
    assert "as a test in this run found" in render(tested.details[-1], "en")


def test_scikit_learn_and_ensembles_are_held_against_nothing() -> None:
    svm = replace(row("SVM", 0.95, None, None), of="beside")
    alone = comparison(evidence(PLOT, table=table(*HONEST.rows[:3]), ledger=trained(4)))
    beside = comparison(evidence(PLOT, table=table(*HONEST.rows[:3], svm), ledger=trained(4)))
    assert beside.share == alone.share < 1 and "held against nothing" in render(beside.details[-1], "en")


def test_validation_is_never_called_false_by_a_test() -> None:
    def told(recorded: float | None) -> tuple[float | None, str]:
        rows = (replace(one, of="validation", accuracy=0.97, recorded=recorded) for one in HONEST.rows)
        finding = comparison(evidence(PLOT, table=table(*rows), ledger=trained(4)))
        return finding.share, render(finding.details[-1], "en")

    assert told(0.968) == (1.0, "“modèle 4”: 97.00% stated for validation, 96.80% recorded by its training.")
    assert told(0.93) == (0.3, "“modèle 4”: 97.00% stated for validation, but 93.00% recorded by its training.")
    assert told(None) == (
        None,
        "“modèle 4”: 97.00% is stated for validation, of which its training recorded nothing.",
    ), "for a person"


def test_chance_is_named_where_it_explains_a_difference() -> None:
    few = replace(row("a", 0.97, 0.9), of="part", images=36, chance=0.1)
    finding = comparison(evidence(PLOT, table=table(few, *HONEST.rows[1:]), ledger=trained(4)))
    assert finding.share == 1.0
    assert any("some 36 different images of the notebook's own test" in render(one, "en") for one in finding.details)


def test_the_templates_plots_are_not_the_students() -> None:
    assert comparison(evidence(PLOT, template=[PLOT.source], ledger=trained(1))).share == 0.0


@pytest.mark.parametrize(
    ("source", "compares"),
    [
        ("pd.Series(scores).plot(kind='bar')", True),
        ("df.plot.bar(x='model', y='accuracy')", True),
        ("sns.lineplot(long, x='epoch', y='accuracy', hue='model')", True),
        ("[plt.plot(curve) for curve in curves]", True),
        ("pd.Series(scores).plot(kind='hist')", False),
        ("plt.plot(curve)", False),
        ("plt.scatter(sizes, accuracies)\nfor name in names:\n    plt.annotate(name, places[name])", True),
        ("plt.scatter(x, y)", False),
        ("plt.scatter(table['width'], table['acc'], c=table['rate'])", True),
        ("plt.plot([r['name'] for r in results], [r['acc'] for r in results], 's--')", True),
        ("plt.plot(log['epoch'], log['accuracy'])", False),
        ("plt.plot([r['acc'] for r in results])", False),
        ("plt.plot(a.history['loss'], label='a')\nplt.plot(b.history['loss'], 'o--', label='b')\nplt.show()", True),
        ("plt.plot(a.history['loss'], label='train')\nplt.plot(a.history['val_loss'], label='test')", False),
        ("plt.plot(a.history['loss'], label='a')\nplt.figure()\nplt.plot(b.history['loss'], label='b')", False),
        ("plt.plot(train, 'o--', label='train')\nplt.plot(test, 'o--', label='test')", False),
    ],
)
def test_charts_of_several_models(source: str, compares: bool) -> None:
    (drawing,) = drawings(pieces(notebook(code(source))))
    assert drawing.compares is compares


def test_a_loop_of_curves_compares_models_whatever_its_names() -> None:
    """If what it draws comes from trainings: digits that are drawn by a loop do not."""
    trained = code("for kind in kinds:\n    suivis[kind] = build(kind).fit(x, y).history['v']")
    loop = "for nom, s in {}.items():\n    plt.plot(s)\nplt.show()"
    for name, share in (("suivis", 0.3), ("pixels", 0.0)):
        drawn = code(loop.format(name), picture())
        assert comparison(evidence(trained, drawn)).share == pytest.approx(share)
    within = code("def courbes(series):\n    for nom, s in series.items():\n        plt.plot(s)\n    plt.show()")
    assert comparison(evidence(trained, within, code("courbes(suivis)", picture()))).share == pytest.approx(0.3)


def test_curves_of_every_model_count_as_plots_of_all_models() -> None:
    curve = code("plot_history(history)", picture())
    two = comparison(evidence(curve, curve, table=HONEST, ledger=trained(4))).share
    four = comparison(evidence(curve, curve, curve, curve, table=HONEST, ledger=trained(4))).share
    assert (two, four) == (0.85, 1.0)


def test_a_chart_of_what_objects_hold_is_known_by_french_words_as_well() -> None:
    drawn = (
        "for e in essais:\n    a.plot(e.courbe, label=e.nom)\nb.bar(noms, [e.exactitude for e in essais])\nplt.show()"
    )
    chart = code(f"fig, (a, b) = plt.subplots(1, 2)\n{drawn}", picture())
    assert comparison(evidence(chart, table=HONEST, ledger=trained(4))).share == 1.0


def test_without_a_run_there_is_nothing_to_compare() -> None:
    assert comparison(evidence(PLOT, table=HONEST, executed=False)).verdict is Verdict.UNREACHED


def in_memory(*cells: Cell, state: CellState = CellState.RAN) -> Evidence:
    """Four models in a data frame called ``results``."""
    frame = Frame(name="results", kind="dataframe", rows=tuple((one.label, one.accuracy) for one in HONEST.rows))
    runs = tuple(CellRun(index=index, state=state, execution_count=index + 1) for index in range(len(cells)))
    ended = Execution(ending=Ending.COMPLETED, cells=runs)
    known = replace(trained(4), frames=(frame,))
    return evidence(*cells, table=replace(HONEST, origin="dataframe"), ledger=known, execution=ended)


MADE = code("results = pd.DataFrame(figures)")


def test_a_table_that_nothing_shows_counts_nowhere() -> None:
    finding = comparison(in_memory(MADE))
    assert finding.share == 0.0 and "nothing in the notebook shows it" in render(finding.message, "en")
    assert sum("in a table in memory" in render(line, "en") for line in finding.details) == 4
    assert comparison(in_memory(MADE, state=CellState.INTERRUPTED)).share == 0.7, "it may have shown it"


@pytest.mark.parametrize(
    "cell",
    [
        code("print(results)", printed("modèle 1 0.91\nmodèle 2 0.92\nmodèle 3 0.93\nmodèle 4 0.94")),
        code("print(x)", printed("\n".join(f"Précision : {one.accuracy:.2%}" for one in HONEST.rows))),
        code("results", shown("<table><tr><td>modèle 1<td>.91<tr><td>modèle 2<td>.92<td>modèle 3, modèle 4</table>")),
        code("results.plot()", picture()),
        markdown("Modèle 1 : 0,91 ; modèle 2 : 0,92 ; modèle 3 : 0,93 ; modèle 4 : 0,94"),
    ],
)
def test_a_table_is_shown_in_many_ways(cell: Cell) -> None:
    finding = comparison(in_memory(MADE, cell))
    assert finding.share is not None and finding.share >= 0.7


def test_rows_that_are_not_shown_are_named() -> None:
    finding = comparison(in_memory(MADE, code("print(x)", printed("modèle 1 : 0.91\nmodèle 3 : 0.93"))))
    assert finding.share == pytest.approx(0.35)
    named = [render(line, "en") for line in finding.details]
    assert any(line.startswith("“modèle 2”: 92.00% is in a table in memory") for line in named)
    assert not any(line.startswith("“modèle 1”: 91.00% is in a table") for line in named)


DEAD = "plt.imshow(x[0])\nplt.show()\nif len(x) < 5:\n    " + "\n    ".join(PLOT.source.splitlines())


def test_a_chart_that_never_was_drawn_counts_nowhere() -> None:
    assert comparison(in_memory(code(DEAD, picture()), code("results", printed("modèle 1 0.91")))).share == 0.0
    assert comparison(in_memory(code(DEAD, picture(), picture()))).share == 1.0, "both were drawn"
    never = code("# comparison\n" + DEAD.replace("len(x) < 5", "False"), picture())
    assert clarity(in_memory(*LONG, never)).share == 0.75, "no title"
    assert clarity(in_memory(*LONG, PLOT)).share == 1.0
    assert clarity(in_memory(*LONG, code(PLOT.source), code("plt.imshow(x)", picture()))).share == 0.75, "the other's"


# --- document.clarity ----------------------------------------------------------------------------------------------

LONG = [markdown(f"## {title}\n\n" + " ".join(f"{title} {word}" for word in TEXT.split())) for title in TITLES]


def test_a_clear_report_earns_everything() -> None:
    finding = clarity(report(*LONG, PLOT))
    assert (finding.verdict, finding.share) == (Verdict.MET, 1.0)


def test_bare_figures_cost_half() -> None:
    finding = clarity(report(*LONG, code("plt.plot(history)\nplt.show()", picture())))
    assert finding.share == 0.5 and finding.cells == (7,)


def test_a_flood_of_output_costs() -> None:
    assert clarity(report(*LONG, PLOT, code("train()", printed("x" * 400_000)))).share == 0.75


def test_text_without_figures_and_figures_without_text() -> None:
    assert clarity(report(*LONG)).share == 0.5
    assert clarity(report(PLOT)).share == 0.5


def test_a_template_alone_is_not_clear() -> None:
    template = tuple(cell.source for cell in [*LONG, PLOT])
    assert clarity(report(*LONG, PLOT, template=template)).verdict is Verdict.UNREACHED


@pytest.mark.parametrize(
    ("source", "titled", "labelled"),
    [
        ("fig, ax = plt.subplots()\nax.plot(x)\nax.set_title('t')\nax.set(xlabel='a', ylabel='b')", True, True),
        ("fig, axes = plt.subplots(2)\naxes[0].plot(x)\naxes[0].set_xlabel('a')\naxes[0].set_ylabel('b')", False, True),
        ("ConfusionMatrixDisplay(matrix).plot()\nplt.title('t')", True, True),
        ("shown = ConfusionMatrixDisplay(matrix)\nshown.plot()\nplt.title('t')", True, True),
        ("sns.lineplot(long, x='epoch', y='accuracy', hue='model').set_title('t')", True, True),
        ("sns.barplot(x=list(scores), y=list(scores.values()))\nplt.title('t')", True, False),
        ("df.plot(x='epoch', y='accuracy', title='t')", True, True),
        ("fig.supxlabel('a')\nfig.supylabel('b')\naxs[0].plot(x)\naxs[0].set_title('t')", True, True),
        ("df.plot(kind='bar', title='t', xlabel='a', ylabel='b')", True, True),
        ("plt.bar(names, shares)\nplt.title('t')\nplt.ylabel('b')", True, True),
        ("plt.barh(names, shares)\nplt.title('t')\nplt.xlabel('a')", True, True),
        ("plt.barh(names, shares)\nplt.title('t')\nplt.ylabel('b')", True, False),
        ("plt.bar(names, shares)\nplt.plot(x)\nplt.title('t')\nplt.ylabel('b')", True, False),
        ("df.plot.bar()", False, False),
        ("sns.lineplot(x)\nplt.title('t')", True, False),
        ("plt.imshow(image)\nplt.title('t')", True, True),
        ("sns.heatmap(matrix)", False, True),
    ],
)
def test_titles_and_labels_in_code(source: str, titled: bool, labelled: bool) -> None:
    (drawing,) = drawings(pieces(notebook(code(source))))
    assert (drawing.titled, drawing.labelled) == (titled, labelled)


@pytest.mark.parametrize(
    "source", ["model.fit(x)", "results.step(3)", "optimizer.step()", "plt.show()", "keras.utils.plot_model(m)"]
)
def test_what_draws_nothing(source: str) -> None:
    assert drawings(pieces(notebook(code(source)))) == ()


def test_a_function_and_its_cell_are_two_stretches() -> None:
    source = "def show(h):\n    plt.plot(h)\n    plt.title('t')\nplt.bar(a, b)"
    assert [drawing.titled for drawing in drawings(pieces(notebook(code(source))))] == [True, False]


# --- text written to exhaust the reader ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "unit",
    [
        "<!--",
        "![a](",
        "**",
        " ",
        "#\n",
        "# a b\n",
        "| ",
        "a  1\n",
        "1;",
        "print('=",
        "<h1",
        "4 -> ",
        "[1 ",
        "(",
        "a|b\n",
    ],
)
@pytest.mark.parametrize("place", ["text", "code", "output", "html"])
def test_no_text_takes_more_than_its_length(unit: str, place: str) -> None:
    text = unit * (20_000 // len(unit))
    made = {
        "text": markdown(text),
        "code": code(text),
        "output": code("x = 1", printed(text)),
        "html": code("x = 1", shown(f"<table><tr><td>{text}")),
    }
    found = report(made[place])
    assert find_table(found.cells, found.ledger) is None or place != "html"
    shares = [check(found).share for check in (sections, comparison, clarity)]
    assert all(share is not None and share < 1 for share in shares)


# --- what can have been drawn --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "images", "left"),
    [
        ("plt.imshow(x)\nplt.show()\nif c:\n    plt.bar(a, b)", 1, 2),
        ("plt.imshow(x)\nplt.show()\nif c:\n    plt.bar(a, b)", 2, 3),
        ("plt.imshow(x)\nplt.show()\nfor m in ():\n    plt.plot(m)\n    plt.show()", 1, 2),
        ("plt.plot(x)\nif c:\n    plt.plot(y)\nplt.show()", 1, 3),
        ("plt.figure()\nfor m in models:\n    plt.plot(m)\nplt.show()", 1, 3),
        ("if c:\n    plt.plot(y)", 1, 1),
        ("if 0:\n    plt.plot(y)\nelse:\n    y = 1", 1, 1),
        ("while False:\n    plt.plot(y)", 1, 0),
        ("plt.plot(x)\nplt.show()\nif c:\n    print(y)", 1, 3),
    ],
)
def test_branches_that_cannot_have_drawn(source: str, images: int, left: int) -> None:
    assert len(live(ast.parse(source).body, images)) == left


def test_functions_that_nobody_calls_draw_nothing() -> None:
    source = "def inner(): draw()\ndef outer(): inner()\ndef alone(): other()\nouter()\ntable['named']"
    used = reached(ast.parse(source).body)
    assert {"outer", "inner", "draw", "named"} <= used and not {"alone", "other"} & used
    drawing = code("def show_scores(h):\n    plt.bar(h, h)\n    plt.title('t')")
    for call, plots in (("show_scores(h)", 1.0), ("plt.imshow(accuracy)", 0.25)):
        assert comparison(in_memory(drawing, code(call, picture()))).found["2"] == plots
