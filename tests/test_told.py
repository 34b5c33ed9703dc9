"""Results told line by line, in the words that people use."""

from __future__ import annotations

import pytest

from autograder.extraction.grids import stdout
from autograder.extraction.told import told
from autograder.records import Cell
from tests.cells import code, markdown, notebook, printed

TWO = (("Baseline", 0.9782), ("Dropout", 0.9845))


def lines(cell: Cell, *, bare: bool = False) -> list[tuple[str, float | None]]:
    """Of the first table, each by the last word of its name."""
    tables = list(told(notebook(cell), bare=bare))
    return [(row.label.split()[-1], row.accuracy) for row in tables[0].rows] if tables else []


@pytest.mark.parametrize(
    "line",
    [
        "{name:.<20}{value:.>9.2%}....8490",
        "{name} reaches {value:.2%} on the test set",
        "Model {name} has a test accuracy of {value:.4f}",
        "Le modèle {name} obtient {value:.2%} sur les images de test",
        "Modell {name} erreicht {value:.2%} Genauigkeit",
        "{name}: loss=0.21 acc={value:.4f}",
        "{name}: loss 0.21, accuracy {value:.4f}",
        "{name} test accuracy {value:.4f}",
        "{name} : {value:.2%} de bonnes réponses",
        "{name}: train acc 0.9990, test acc {value:.4f}",
        "{name:>10} | █████▌ {value:.2%} (Δ +0.3)",
        "{name}: {count}/10000 correct",
        "{name:<20}{value:.2%}",
        "{name} - {value:.2%}",
        "* {name}: validation {value:.2%} (after 3 epochs)",
        "{name} (test {value:.2%})",
        "{name}: val 99.1%, test {value:.2%}",
    ],
)
def test_lines_in_many_words(line: str) -> None:
    text = "\n".join(line.format(name=name, value=value, count=round(1e4 * value)) for name, value in TWO)
    assert lines(code("", printed(text))) == list(TWO)


@pytest.mark.parametrize(
    "text",
    [
        "Dropout (20 %)\nFlip (50 %)",
        "We use 80 % of the images\nand keep 20 % of them",
        "Dropout reaches 20 % of the units\nFlip reaches 50 % of the rows",
        "Best: 3/5\nWorst: 1/5",
        "Baseline: train accuracy 0.99\nDropout: train accuracy 0.98",
        "Baseline: train 99%\nDropout: train 98%",
        "we test 80% of them\nand the rest is validation 20%",
    ],
)
def test_lines_that_state_no_accuracy(text: str) -> None:
    assert lines(markdown(text)) == []


def test_what_evaluate_returned_is_a_loss_and_an_accuracy() -> None:
    text = "Baseline [0.31052154302597046, 0.9782000184059143]\nDropout: [0.0634, 0.9845]"
    assert lines(code("", printed(text))) == [(name, pytest.approx(value)) for name, value in TWO]


def test_a_sentence_before_a_colon_and_a_test_are_no_names() -> None:
    assert not lines(
        markdown("Model B wins on every row: 97.3 % clean.\n\nDéplacer le chiffre est une catastrophe : 35 %")
    )
    assert not lines(markdown("| | départ | SWA |\n|---|---|---|\n| exactitude (test) | 92,8 % | 94,2 % |"))
    assert not lines(code("", printed("exactitude (test)  92.8 %\nprécision test  93.1 %")))


def test_of_a_size_no_part_is_a_figure() -> None:
    text = "noyaux 3x3 0.9782\nnoyaux 5x5 0.9845\nOn garde noyaux 5x5"
    assert lines(code("", printed(text)), bare=True) == [("3x3", 0.9782), ("5x5", 0.9845)]


def test_bare_lines_only_where_they_are_asked_for() -> None:
    text = printed("\n".join(f"{name} {value}" for name, value in TWO))
    assert lines(code("", text)) == [] and lines(code("", text), bare=True) == list(TWO)
    flood = printed("\n".join(f"{'ab'[n % 2]}{chr(97 + n // 26 % 26)}{chr(97 + n % 26)} 0.5" for n in range(500)))
    assert lines(code("", flood), bare=True) == []


def test_what_was_told_of_validation_is_called_so() -> None:
    kinds = {"val accuracy": "validation", "test accuracy": "", "accuracy": ""}
    for words, kind in kinds.items():
        (table, *_) = told(notebook(markdown("\n".join(f"{name} {words}: {value}" for name, value in TWO))))
        assert {row.of for row in table.rows} == {kind}, words


def test_long_runs_of_signs_cost_no_more_than_their_length() -> None:
    text = "\n".join(["a" + " " * 150 + "b", "a" + "." * 180, "x" + " -" * 90, "a" + "█" * 180] * 200)
    assert lines(markdown(text), bare=True) == []


def test_a_paragraph_states_nothing_of_one_model() -> None:
    text = "The validation goes from 0.964 to 0.979\nIn three steps one accuracy 0.883"
    assert lines(markdown(text)) == []
    assert lines(markdown("- Baseline accuracy 0.9782\n- Dropout accuracy 0.9845")) == list(TWO)


def test_what_we_print_of_a_training_that_is_known_is_nobodys_statement() -> None:
    cell = code("...", printed("[autograder] training 2e06… reused (2.6 s recorded)\nDropout: 0.8445\n"))
    assert stdout(cell) == "Dropout: 0.8445\n"


def test_a_dict_of_errors_is_no_model_and_no_part_of_a_name_an_aside() -> None:
    text = "Baseline 0.9782\ntrained together 0.9845\nerrors by class: {0: 0, 1: 3, 2: 0}\n"
    table, *_ = told(notebook(code("", printed(text))), bare=True)
    assert [row.label for row in table.rows] == ["Baseline", "trained together"]
