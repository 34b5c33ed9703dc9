"""Errors, robustness and discussion: what was done, and what sentences say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from autograder.checks.analysis import discussion, errors, robustness
from autograder.checks.confused import Seen, from_matrix, from_output, unlikely
from autograder.checks.mentions import classes_in, namings, own_prose
from autograder.records import (
    ArrayPrint,
    Cell,
    CellRun,
    CellState,
    DataCard,
    Ending,
    Evaluation,
    Execution,
    FinalMeasures,
    Ledger,
    Section,
    Training,
    Verdict,
)
from tests import evidence as make
from tests.cells import code, evidence, markdown, picture, printed

# --- which classes a sentence names --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sentence", "classes"),
    [
        ("Le modèle confond surtout le 4 et le 9.", {4, 9}),
        ("Les chiffres 4 et 9, puis « 3 » et « 5 », sont confondus.", {3, 4, 5, 9}),
        ("La confusion 4/9 domine, suivie de 7→2 et de 3-5.", {2, 3, 4, 5, 7, 9}),
        ("It mistakes 7 for 2.", {2, 7}),
        ("Le quatre et le neuf se ressemblent.", {4, 9}),
        ("Digits like the eight are hard.", {8}),
        ("8.", {8}),
        ("The 8s and 9s are mistaken, the 8's for 1's.", {1, 8, 9}),
        ("Eights are confused with ones, and nines with fives.", {1, 5, 8, 9}),
        ("Le chiffre « huit » est confondu avec « un ».", {1, 8}),
        ("La classe n°8 devient la classe n° 1.", {1, 8}),
        ("Our error of some 4–8 % beats LeNet-5's in 8s, with 2 or 3 points.", set()),
        ("« Un bon modèle », c'est un modèle dont on connaît l'erreur.", set()),
        ("Eight is often confused with one.", {1, 8}),
        ("It took 8s; the ones that fail are few.", set()),
        ("Il reste 3 modèles, 5 époques et 2 erreurs sur 7 images.", set()),
        ("L'étape 4 et le modèle 2 atteignent 9 % ou 9,5 points, 0.9.", set()),
        ("Les chiffres de 0 à 9 sont étudiés, les dix classes 0-9 aussi.", set()),
        ("En 2024, 10 essais sur 12.", set()),
        ("deux modèles, un modèle, the one model", set()),
        ("le huit avec le un, dans les deux sens, et le cinq ; in the two directions", {1, 5, 8}),
    ],
)
def test_classes_in_a_sentence(sentence: str, classes: set[int]) -> None:
    assert classes_in(sentence) == classes


def told(text: str, *titles: str) -> list[set[int]]:
    """What sentences name together, under a heading of the error analysis."""
    cells = (markdown("\n".join([*titles, text])),)
    section = Section(kind="errors", title="Erreurs", level=2, cells=(0,), words=9)
    record = evidence(*cells, sections=(section,))
    return [set(naming.classes) for naming in namings(record, own_prose(record))]


@pytest.mark.parametrize(
    ("text", "together"),
    [
        ("It is often an 8 taken for a 1, and the 9 for a 5 or 3.", [{1, 8}, {5, 9}, {3, 9}]),
        ("Mostly eights are read as ones (5 times), and nines as threes or fives.", [{1, 8}, {3, 9}, {5, 9}]),
        ("Si une seule des cinq versions est mal lue, les autres la corrigent.", []),
        ("49 patches of 4×4 pixels are mixed.", []),
        ("Ones are read as sevens, fours as nines and eights as threes.", [{1, 7}, {4, 9}, {3, 8}]),
        ("Most mistakes: 8→1 (4), 9→5 (3), 3→8 (x2).", [{1, 8}, {5, 9}, {3, 8}]),
        ("## Analyse des erreurs\n- 8 → 1 (4)\n- 9 → 5 (3)", [{1, 8}, {5, 9}]),
        ("Les 8 sont lus comme des 1, les 9 comme des 5 et les 3 comme des 9.", [{1, 8}, {5, 9}, {3, 9}]),
        ("8 (confused with 1, 2, 3 and 9) is the worst.", [{1, 8}, {2, 8}, {3, 8}, {8, 9}]),
        ("8→1, 9→5 et 9→3 sont les plus fréquentes.", [{1, 8}, {5, 9}, {3, 9}]),
        ("Le 8 avec le 0, le 1, le 2, le 3, le 4 et le 5.", [{0, 1, 2, 3, 4, 5, 8}]),
        ("Le 4 et le 9 surtout.", [{4, 9}]),
        ("Les 0 et les 6 sont presque parfaits.", []),
        ("Le 0 est lu sans erreur, mais le 8 devient un 1.", [{1, 8}]),
        ("Le 8 est moins bien reconnu.", [{8}]),
        ("On ne confond jamais le 0 et le 6.", []),
    ],
)
def test_pairs_are_read_by_what_is_said_of_them(text: str, together: list[set[int]]) -> None:
    assert told(text) == together


def test_in_one_cell_each_heading_has_its_own_text() -> None:
    assert told("Le 4 avec le 9.", "## Erreurs") == [{4, 9}]
    assert told("Le 4 avec le 9.", "## Erreurs", "Rien.", "## Conclusion") == []


def card(name: str) -> DataCard:
    return DataCard(
        name=name,
        digest="",
        classes=10,
        image_shape=(32, 32, 3),
        train_images=1,
        public_images=1,
        hidden_images=1,
        split_seed=1,
        train_rows=1,
        test_rows=1,
    )


def test_classes_with_names() -> None:
    assert classes_in("Le chat est pris pour un chien.", card("cifar10")) == {3, 5}
    assert classes_in("Shirts look like T-shirts and coats.", card("fashion_mnist")) == {0, 4, 6}


# --- which classes are confused ------------------------------------------------------------------------------------


def matrix(**errors_made: int) -> tuple[tuple[int, ...], ...]:
    """100 images per class; ``t4p9=7``: seven fours are taken for nines."""
    rows = [[100 if row == column else 0 for column in range(10)] for row in range(10)]
    for key, count in errors_made.items():
        true, predicted = int(key[1]), int(key[3])
        rows[true][predicted] += count
        rows[true][true] -= count
    return tuple(map(tuple, rows))


def test_most_confused_pairs_count_both_directions() -> None:
    confused = from_matrix(matrix(t4p9=5, t9p4=4, t3p5=6, t7p2=1), pairs=2)
    assert confused.pairs == {frozenset((4, 9)), frozenset((3, 5))}
    assert confused.classes == {3, 4, 7, 9}


def test_a_perfect_model_confuses_nothing() -> None:
    assert from_matrix(matrix(), pairs=8).pairs == frozenset()


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(str(list(row)).replace(",", "") for row in matrix(t4p9=9)),
        "4 -> 9 : 9 fois",
        "4 lu 9 : 9 fois",
        "4 prédit comme 9",
        "4 read as 9: 9 times",
        "\n".join(f"Chiffre {digit}: {9.1 if digit in (4, 9) else 0.5} %" for digit in range(10)),
        "\n".join(f"digit {digit} accuracy: {0.8 if digit in (4, 9) else 0.99}" for digit in range(10)),
    ],
)
def test_what_a_notebook_prints_is_read(text: str) -> None:
    confused = from_output(text, 10, 8)
    assert confused and (frozenset((4, 9)) in confused.pairs or {4, 9} <= confused.classes)


def test_a_table_of_counts_is_read() -> None:
    header = "col_0 " + " ".join(map(str, range(10)))
    lines = [f"{place}  {'  '.join(map(str, row))}" for place, row in enumerate(matrix(t4p9=9))]
    for text in (
        "\n".join([header, "row_0", *lines]),
        square([[f"{count}." for count in row] for row in matrix(t4p9=9)]),
    ):
        confused = from_output(text, 10, 8)
        assert confused is not None and confused.pairs == {frozenset((4, 9))}


def test_other_output_says_nothing() -> None:
    assert from_output("Précision : 97,8 %\n313/313 - 1s", 10, 8) is None


# --- analysis.errors -----------------------------------------------------------------------------------------------

FINAL = FinalMeasures(accuracy=0.98, classes=10, confusion=matrix(t4p9=9, t3p5=4), per_class_error=(0.0,) * 10)
LOOKED = code("matrix = confusion_matrix(y_test, predicted)\nprint(matrix)", printed("[[9 1] [2 8]]"), picture())
NAMED = markdown("Le modèle confond surtout le 4 et le 9, dont la boucle se ferme.")


def test_looked_and_named_earns_everything() -> None:
    finding = errors(evidence(LOOKED, NAMED, final=FINAL))
    assert (finding.verdict, finding.share, finding.cells) == (Verdict.MET, 1.0, (0, 1))


def test_code_alone_and_text_alone_earn_half() -> None:
    assert errors(evidence(LOOKED, final=FINAL)).share == 0.5
    assert errors(evidence(NAMED, final=FINAL)).share == 0.5


def test_classes_that_are_not_confused_earn_less() -> None:
    finding = errors(evidence(LOOKED, markdown("Le modèle confond le 0 et le 1."), final=FINAL))
    assert finding.share == 0.75 and finding.message.text.endswith("most confused.") and finding.advice


def test_classes_that_are_not_confused_earn_nothing_where_no_errors_were_looked_at() -> None:
    assert errors(evidence(markdown("Le modèle confond le 0 et le 1."), final=FINAL)).share == 0.0


def test_one_class_of_a_pair_alone_is_no_pair() -> None:
    """Fours are missed, and twos are not; a four alone is named rightly."""
    assert errors(evidence(LOOKED, markdown("Le modèle confond le 4 et le 2."), final=FINAL)).share == 0.75
    alone = (Section(kind="errors", title="Analyse des erreurs", level=2, cells=(1,), words=9),)
    hard = markdown("Le 4 est le plus difficile.")
    assert errors(evidence(LOOKED, hard, final=FINAL, sections=alone)).share == 1.0


def test_naming_every_digit_names_nothing() -> None:
    everything = "Les confusions touchent le 0, le 1, le 2, le 6, le 7, le 8, le 4, le 5."
    assert errors(evidence(LOOKED, markdown(everything), final=FINAL)).share == 0.75


def test_naming_every_pair_in_a_sentence_of_its_own_names_nothing() -> None:
    pairs = [(one, two) for one in range(10) for two in range(one)]
    everything = "\n\n".join(f"Le modèle confond le {one} et le {two}." for one, two in pairs)
    assert errors(evidence(LOOKED, markdown(everything), final=FINAL)).share == 0.75
    some = "\n\n".join(f"Le modèle confond le {one} et le {two}." for one, two in ((4, 9), (0, 1), (6, 0)))
    assert errors(evidence(LOOKED, markdown(some), final=FINAL)).share == 1.0


def test_own_output_confirms_what_hidden_images_do_not() -> None:
    shown = code("print_errors_by_digit(model)", printed("0 -> 1 : 12\n6 -> 8 : 3"))
    assert errors(evidence(shown, markdown("On confond le 0 et le 1."), final=FINAL)).share == 1.0


def test_own_output_confirms_nothing_that_hidden_images_speak_against() -> None:
    """Errors enough for every pair, and none between these two."""
    many = replace(FINAL, confusion=matrix(t4p9=30, t3p5=10, t8p3=9, t0p6=2))
    shown = code("print_errors_by_digit(model)", printed("1 -> 2 : 12\n6 -> 8 : 3"))
    assert errors(evidence(shown, markdown("On confond le 1 et le 2."), final=many)).share == 0.75
    assert errors(evidence(shown, markdown("On confond le 4 et le 9."), final=many)).share == 1.0
    rates = "\n".join(f"Chiffre {digit}: {9.1 if digit in (1, 2, 0) else 0.5} %" for digit in range(10))
    read = from_output(rates, 10, 8, Seen(many.confusion))
    assert read is not None and read.classes.isdisjoint({1, 2}) and 0 in read.classes
    square = "\n".join(str(list(row)).replace(",", "") for row in matrix(t0p1=9, t0p6=5, t4p9=30, t8p3=9))
    drawn = from_output(square, 10, 8, Seen(many.confusion))
    assert drawn is not None and drawn.pairs == {frozenset((0, 6)), frozenset((4, 9)), frozenset((3, 8))}


def square(rows: Sequence[Sequence[object]]) -> str:
    return "\n".join("[" + " ".join(map(str, row)) + "]" for row in rows)


def test_a_printed_matrix_confirms_nothing_that_it_cannot_be_of() -> None:
    """Neither labels shifted by two, nor errors that were put in by hand beside none; few errors were measured."""
    few = replace(FINAL, confusion=matrix(t4p9=9, t3p5=4))
    assert sum(row[place] for place, row in enumerate(few.confusion)) == sum(map(sum, few.confusion)) - 13
    told = markdown("On confond le 0 et le 2.")
    shifted = [[100 * (column == (row + 2) % 10) for column in range(10)] for row in range(10)]
    for rows, share in ((shifted, 0.75), (matrix(t4p9=8, t0p2=3, t3p5=2), 1.0), (matrix(t0p2=1), 0.75)):
        shown = code("print(confusion_matrix(y_test, p))", printed(square(rows)))
        assert errors(evidence(shown, told, final=few)).share == share, rows


def test_a_printed_matrix_may_be_of_another_model() -> None:
    rows = matrix(t0p2=60, t1p3=40)
    shown, told = (
        code("print(confusion_matrix(y_test, p))", printed(square(rows))),
        markdown("On confond le 0 et le 2."),
    )
    reached = sum(row[place] for place, row in enumerate(rows)) / sum(map(sum, rows))
    models = (make.model(public_accuracy=reached, chosen=False),)
    assert errors(evidence(shown, told, final=FINAL)).share == 0.75
    assert errors(evidence(shown, told, final=FINAL, models=models)).share == 1.0
    alike = replace(FINAL, public_accuracy=reached)
    assert errors(evidence(shown, told, final=alike, models=models)).share == 0.75


def test_rows_of_a_test_set_that_is_repeated_count_once() -> None:
    once = Seen(confusion=matrix(t4p9=9), images=0)
    rows = [[count * 10 for count in row] for row in matrix(t0p2=8, t4p9=5)]
    pair = frozenset((0, 2))
    for images, held in ((0, False), (sum(map(sum, rows)) // 10, True)):
        read = from_output(square(rows), 10, 8, replace(once, images=images))
        assert read is not None and (pair in read.pairs) is held


def test_rates_that_differ_by_chance() -> None:
    assert not unlikely(0, 100, 3, 100) and unlikely(0, 100, 12, 100)
    assert not unlikely(5, 100, 5, 100) and not unlikely(9, 100, 1, 100)
    assert unlikely(10, 5000, 60, 10000) and not unlikely(20, 5000, 60, 10000)
    assert not unlikely(0, 0, 3, 10) and not unlikely(0, 10, 0, 0)


def test_a_name_is_no_error_analysis() -> None:
    """Neither where the output repeats the code, nor where no model told one image from another."""
    repeated = code("errors = 'the digit 0 -> 1'\nprint(errors)", printed("the digit 0 -> 1"))
    assert errors(evidence(repeated, final=FINAL)).share == 0.0
    judged = ran(evaluated("test"), evaluated("train"))
    assert errors(evidence(LOOKED, final=FINAL, **judged)).share == 0.0
    predicted = replace(evaluated("test"), kind="predict")
    assert errors(evidence(LOOKED, final=FINAL, **ran(predicted, evaluated("train")))).share == 0.5
    by_class = ran(*(evaluated(f"images of {digit}") for digit in range(10)))
    assert errors(evidence(LOOKED, final=FINAL, **by_class)).share == 0.5


def test_without_any_measure_a_person_decides() -> None:
    finding = errors(evidence(LOOKED, NAMED))
    assert (finding.verdict, finding.share) == (Verdict.NEEDS_REVIEW, None)


def test_below_the_heading_any_sentence_is_about_errors() -> None:
    below = (Section(kind="errors", title="Analyse des erreurs", level=2, cells=(1,), words=9),)
    cells = (LOOKED, markdown("Le 4 ressort avec le 9."))
    assert errors(evidence(*cells, final=FINAL, sections=below)).share == 1.0
    assert errors(evidence(*cells, final=FINAL)).share == 0.5


def test_code_that_showed_nothing_does_not_count() -> None:
    silent = code("matrix = confusion_matrix(y_test, predicted)")
    assert errors(evidence(silent, final=FINAL)).share == 0.0
    raised = code("confusion_matrix(y)", printed("").__class__(kind="error", text="NameError"))
    assert errors(evidence(raised, final=FINAL)).share == 0.0


def test_the_templates_analysis_counts_only_with_words() -> None:
    template = [LOOKED.source, "Le 4 et le 9 sont souvent confondus."]
    assert errors(evidence(LOOKED, markdown(template[1]), template=template, final=FINAL)).share == 0.0
    assert errors(evidence(LOOKED, NAMED, template=template, final=FINAL)).share == 1.0


def test_a_loop_over_the_classes_is_an_error_analysis() -> None:
    loop = code("for c in range(10):\n    print(c, np.mean(p[y_test == c] != c))", printed("0 : 0.01"))
    assert errors(evidence(loop, final=FINAL)).share == 0.5
    other = code("for c in range(10):\n    print(c, x_test[c] * 2)", printed("0 : 0.01"))
    assert errors(evidence(other, final=FINAL)).share == 0.0


def test_a_square_of_counts_is_a_confusion_matrix_if_it_is_of_images_that_a_model_was_used_on() -> None:
    def share(rows: Sequence[Sequence[object]], source: str = "print(tell(model))") -> float | None:
        uses = (replace(evaluated("test", rows=1000), kind="predict"),)
        return errors(evidence(code(source, printed(square(rows))), final=FINAL, **ran(*uses))).share

    assert share(matrix(t4p9=9)) == 0.5
    assert share([*matrix()[:9], (1,) * 10]) == 0.0
    literal = f"print(np.array({[list(row) for row in matrix(t4p9=9)]}))"
    assert share(matrix(t4p9=9), literal) == 0.0


def test_a_figure_for_each_class_is_an_error_analysis_beside_predictions() -> None:
    rates = printed("\n".join(f"{digit}    0.{90 + digit}" for digit in range(10)))
    uses = ran(replace(evaluated("test"), kind="predict"))
    for source, share in (("p = model.predict(x)\nprint(tell(p))", 0.5), ("print(tell(history))", 0.0)):
        assert errors(evidence(code(source, rates), final=FINAL, **uses)).share == share
    counts = printed("\n".join(f"{digit}    {90 + digit}" for digit in range(10)))
    assert errors(evidence(code("p = model.predict(x)\nprint(tell(p))", counts), final=FINAL, **uses)).share == 0.0


def test_training_with_a_squared_error_is_no_error_analysis() -> None:
    cell = code("model.compile(loss='mean_squared_error')\nerror = 1 - accuracy\nprint(error)", printed("0.02"))
    assert errors(evidence(cell, final=FINAL)).share == 0.0


@pytest.mark.parametrize("check", [errors, robustness])
def test_without_a_run_these_are_unreached(check: object) -> None:
    assert callable(check)
    assert check(evidence(LOOKED, NAMED, executed=False)).verdict is Verdict.UNREACHED


GERMAN = markdown(
    "Das Modell verwechselt vor allem die 4 und die 9, weil ihre Formen einander sehr stark gleichen. "
    "Wenn das Bild gedreht oder verrauscht wird, sinkt seine Genauigkeit deutlich; daher empfehlen wir mehr Daten, "
    "damit es auch mit solchen Bildern gut umgehen kann und nicht nur mit sauberen Ziffern."
)


@pytest.mark.parametrize("check", [errors, robustness, discussion])
def test_another_language_is_for_a_person(check: object) -> None:
    assert callable(check)
    assert check(evidence(LOOKED, GERMAN, final=FINAL)).verdict is Verdict.NEEDS_REVIEW


# --- analysis.robustness -------------------------------------------------------------------------------------------


def evaluated(digest: str, accuracy: float = 0.9, count: int = 2, model: str = "m1", rows: int = 10_000) -> Evaluation:
    seen = ArrayPrint(shape=(rows, 28, 28, 1), dtype="float32", digest=digest)
    return Evaluation(kind="evaluate", model=model, execution_count=count, x=seen, results={"accuracy": accuracy})


def ran(*evaluations: Evaluation, trained: str = "train") -> dict[str, object]:
    training = Training(number=1, model="m1", x=ArrayPrint(shape=(60_000, 28, 28, 1), digest=trained))
    runs = (CellRun(index=0, state=CellState.RAN, execution_count=2),)
    return {
        "ledger": Ledger(trainings=(training,), evaluations=evaluations),
        "execution": Execution(ending=Ending.COMPLETED, cells=runs),
    }


ALTERED = code("noisy = x_test + noise\nprint(model.evaluate(noisy, y_test))", printed("0.9"))
DISCUSSED = markdown(
    "Avec un bruit gaussien, la précision passe de 98,2 % à 93,5 % : le modèle reste utilisable, mais la rotation "
    "de 15 degrés lui coûte davantage."
)
BOTH = ran(evaluated("clean", 0.98), evaluated("noisy", 0.935))


def test_tested_and_discussed_earns_everything() -> None:
    finding = robustness(evidence(ALTERED, DISCUSSED, **BOTH))
    assert (finding.verdict, finding.share) == (Verdict.MET, 1.0)
    assert finding.details[-1].values == {"cell": 1, "accuracy": 0.935}


def test_the_cells_of_a_test_are_told_where_their_code_does_not_say_what_it_does() -> None:
    below = (Section(kind="robustness", title="Robustesse", level=2, cells=(0, 1), words=18),)
    plain = code("print(model.evaluate(images, y_test))", printed("0.9"))
    assert robustness(evidence(plain, DISCUSSED, sections=below, unaltered=("clean",), **BOTH)).cells == (0, 1)


def test_a_test_without_words_earns_half() -> None:
    assert robustness(evidence(ALTERED, **BOTH)).share == 0.5


def test_words_without_a_test_earn_a_quarter() -> None:
    finding = robustness(evidence(markdown(DISCUSSED.source), **ran(evaluated("clean"))))
    assert finding.share == 0.25 and "no test" in finding.message.text


def test_augmentation_is_no_robustness_test() -> None:
    cell = code("flow = ImageDataGenerator(rotation_range=10, zoom_range=0.1)\nprint(flow)", printed("<flow>"))
    assert robustness(evidence(cell, **ran(evaluated("clean")))).share == 0.0


def test_saying_that_no_test_was_made_earns_nothing() -> None:
    text = markdown(
        "Je n'ai pas eu le temps de faire le test de robustesse au bruit, qui aurait été utile, à 98 % près."
    )
    assert robustness(evidence(text, **ran(evaluated("clean")))).share == 0.0


def test_a_discussion_without_figures_earns_half_of_its_half() -> None:
    text = "Le modèle résiste assez bien au bruit mais beaucoup moins bien à la rotation des images de test."
    assert robustness(evidence(ALTERED, markdown(text), **BOTH)).share == 0.75


@pytest.mark.parametrize(
    "evaluations",
    [
        (evaluated("clean"), evaluated("clean")),
        (evaluated("clean"), evaluated("train")),
        (evaluated("clean"), evaluated("other", model="m2")),
        (evaluated("clean"), evaluated("few", rows=50), evaluated("fewer", rows=50)),
        (evaluated("clean"), evaluated("half", rows=5000)),
    ],
)
def test_other_evaluations_are_no_robustness_test(evaluations: tuple[Evaluation, ...]) -> None:
    plain = code("print(model.evaluate(x_test, y_test))", printed("0.9"))
    assert robustness(evidence(plain, **ran(*evaluations))).share == 0.0


def test_several_alterations_in_pieces_are_one_use_of_more_images() -> None:
    """``model(x[i : i + 500])`` for four sets in one cell."""

    def pieces(mark: str, rows: int) -> Evaluation:
        use = evaluated("", rows=rows)
        return replace(use, x=replace(use.x, kind="sequence", sample=mark))

    known = {**ran(pieces("clean", 10_000), pieces("noisy", 40_000)), "unaltered": ("clean",)}
    assert robustness(evidence(ALTERED, DISCUSSED, **known)).share == 1.0
    fewer = {**ran(pieces("clean", 10_000), pieces("clean too", 500)), "unaltered": ("clean", "clean too")}
    assert robustness(evidence(code("accuracy(x)", printed("0.9")), **fewer)).share == 0.0


def test_other_images_of_the_data_set_are_not_altered() -> None:
    """Of two sets of one size, each used once, neither is known for the test set by itself."""
    plain = code("print(model.evaluate(x_test, y_test))", printed("0.9"))
    both = ran(evaluated("images held out"), evaluated("test"))
    assert robustness(evidence(plain, **both)).share == 0.25
    assert robustness(evidence(plain, **both, unaltered=("test", "images held out"))).share == 0.0
    three = ran(evaluated("images held out"), evaluated("test"), evaluated("noisy"))
    assert robustness(evidence(ALTERED, **three, unaltered=("test", "images held out"))).share == 0.5


def test_pipelines_are_told_apart_by_their_samples() -> None:
    """Of what has no digest; the test set is what more models were used on."""

    def flow(sample: str, model: str = "m1") -> Evaluation:
        use = evaluated("", model=model)
        return replace(use, x=replace(use.x, kind="dataset", sample=sample))

    clean, noisy = (flow("sample-1.npy"), flow("sample-1.npy", "m2")), flow("sample-2.npy")
    assert robustness(evidence(ALTERED, DISCUSSED, **ran(*clean, noisy))).share == 1.0
    assert robustness(evidence(ALTERED, DISCUSSED, **ran(*clean))).share == 0.75
    assert robustness(evidence(ALTERED, **ran(*clean, noisy), unaltered=("sample-1.npy", "sample-2.npy"))).share == 0.0


def test_where_the_run_tells_no_word_is_needed() -> None:
    """Neither in code nor below the heading; but what was recognised must be in the shape of what was altered."""
    plain = code("print(model.evaluate(images, y_test))", printed("0.9"))
    below = (Section(kind="robustness", title="Images abîmées", level=2, cells=(1,), words=18),)
    words = markdown("Jusqu'à 15° la lecture reste bonne, et à 30° elle devient mauvaise, faute de tels exemples ici.")
    assert robustness(evidence(plain, words, sections=below, unaltered=("clean",), **BOTH)).share == 1.0
    assert robustness(evidence(plain, words, sections=below, **BOTH)).share == 0.75
    assert robustness(evidence(plain, words, unaltered=("clean",), **BOTH)).share == 0.25
    heading = (replace(below[0], cells=(0,)),)
    assert robustness(evidence(plain, sections=heading, unaltered=("clean",), **BOTH)).share == 0.5
    features = replace(evaluated("pixels"), x=ArrayPrint(shape=(10_000, 784), digest="pixels"))
    other = ran(evaluated("clean"), evaluated("noisy"), features)
    assert robustness(evidence(plain, words, sections=below, unaltered=("pixels",), **other)).share == 0.75


def test_what_is_said_fits_what_was_seen() -> None:
    named = code("noisy = x + noise\nprint(model(noisy))", printed("0.9"))
    finding = robustness(evidence(named, DISCUSSED, **ran(evaluated("test"))))
    assert finding.share == 0.75 and finding.message.text.endswith("was recorded.")
    plain = code("print(model.evaluate(x, y))", printed("0.9"))
    finding = robustness(evidence(plain, DISCUSSED, **BOTH))
    assert finding.share == 0.75 and finding.message.text.endswith("these are altered.")


def test_to_shuffle_rows_alters_no_image() -> None:
    """But pixels may be put into another order, which shows in what the model was used on."""
    shuffled = code("order = rng.permutation(len(x))\nprint(model.evaluate(x[order], y[order]))", printed("0.9"))
    assert robustness(evidence(shuffled, **ran(evaluated("test")))).share == 0.0
    assert robustness(evidence(shuffled, **BOTH)).share == 0.5
    named = code("permuted_pixels = x[:, rng.permutation(784)]\nprint(model(permuted_pixels))", printed("0.9"))
    assert robustness(evidence(named, **ran(evaluated("test")))).share == 0.25


def test_a_name_alters_no_image() -> None:
    """What models were used on is known to be as it was; where one use is not, names count as before."""
    named = code("noise = 0\nprint(model.evaluate(x_test + noise, y_test))", printed("0.9"))
    known = ran(evaluated("test"), evaluated("few", rows=5), evaluated("train"))
    assert robustness(evidence(named, **known, unaltered=("test", "few"))).share == 0.0
    assert robustness(evidence(named, **known, unaltered=("test",))).share == 0.25
    flow = ran(evaluated("test"), evaluated(""))
    assert robustness(evidence(named, **flow, unaltered=("test",))).share == 0.25


def test_the_templates_own_test_counts_only_with_words() -> None:
    template = [ALTERED.source]
    assert robustness(evidence(ALTERED, template=template, **BOTH)).share == 0.0
    assert robustness(evidence(ALTERED, DISCUSSED, template=template, **BOTH)).share == 1.0


# --- analysis.discussion -------------------------------------------------------------------------------------------

FRENCH = """Le modèle avec augmentation est le plus performant de tous : 98,7 % contre 97,1 % pour la référence, un
net gain. Sa principale limite est le coût de l'entraînement, deux fois plus long que celui du modèle initial, et sa
sensibilité aux fortes rotations reste un problème. Nous recommandons à l'entreprise de le déployer après avoir essayé
d'autres augmentations, et de surveiller ses erreurs sur les formulaires réels pendant les premiers mois."""
ENGLISH = """The augmented model is clearly the best of all, with 98.7 % against 97.1 % for the reference, and also the
most reliable on noisy images. Its main weakness is the cost of training, which is twice that of the first model,
and it still struggles with strong rotations of the digits. We recommend that the company deploys it, and we suggest
that it collects images of real forms in order to measure the errors that matter in practice."""


@pytest.mark.parametrize("text", [FRENCH, ENGLISH])
def test_a_full_discussion_in_both_languages(text: str) -> None:
    finding = discussion(evidence(markdown("# Conclusion"), markdown(text)))
    assert (finding.verdict, finding.share, finding.cells) == (Verdict.MET, 1.0, (1,))


def test_each_missing_quarter_costs() -> None:
    no_advice = FRENCH[: FRENCH.index("Nous recommandons")] + "Voilà tout ce que nous avons observé au cours du projet."
    finding = discussion(evidence(markdown(no_advice)), words_wanted=40)
    assert finding.share == 0.75 and finding.advice and finding.advice.text.startswith("Recommend")


def test_a_short_discussion_earns_in_proportion() -> None:
    short = "Le meilleur modèle gagne 1,5 point mais reste faible, 92,1 % : nous recommandons de le déployer."
    share = discussion(evidence(markdown(short))).share
    assert share is not None and 0.2 <= share <= 0.35


def test_the_introduction_does_not_count() -> None:
    opening = (Section(kind="introduction", title="Introduction", level=1, cells=(0,), words=80),)
    finding = discussion(evidence(markdown(FRENCH), sections=opening))
    assert finding.verdict is Verdict.UNREACHED


@pytest.mark.parametrize("cells", [(), (code("x = 1"),), (markdown("# Conclusion\n\n*à compléter*"),)])
def test_nothing_written_is_unreached(cells: tuple[Cell, ...]) -> None:
    assert discussion(evidence(*cells)).verdict is Verdict.UNREACHED


def test_the_templates_text_is_nobodys_discussion() -> None:
    assert discussion(evidence(markdown(FRENCH), template=[FRENCH])).share == 0.0
