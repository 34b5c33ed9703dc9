"""Accuracies that people print, and lines that only look like them."""

from __future__ import annotations

import pytest

from autograder.notebook.accuracies import quoted, stated


@pytest.mark.parametrize(
    ("line", "value", "rounding", "of"),
    [
        ("Test accuracy: 0.9812", 0.9812, 5e-5, "test"),
        ("Accuracy of the network on the 10000 test images: 97 %", 0.97, 1e-2, "test"),
        ("Test set: Average loss: 0.0322, Accuracy: 9812/10000 (98%)", 0.9812, 0, "test"),
        ("Got 9812 / 10000 correct (98.12)", 0.9812, 0, "test"),
        ("98.12% accuracy", 0.9812, 5e-5, ""),
        ("Précision sur le jeu de test : 97,82 %", 0.9782, 5e-5, "test"),
        ("Précision sur le jeu de test : 97,82\u202f%", 0.9782, 5e-5, "test"),
        ("Baseline Error: 0.88%", 0.9912, 5e-5, ""),
        ("accuracy                           0.98     10000", 0.98, 5e-3, "test"),
        ("Test accuracy: tf.Tensor(0.981, shape=(), dtype=float32)", 0.981, 5e-4, "test"),
        ("accuracy = np.float64(0.9812)", 0.9812, 5e-5, ""),
        ("Test: Loss=0.0561, Acc=0.9830", 0.983, 5e-5, "test"),
        ("Accuracy on validation: 0.97", 0.97, 5e-3, "validation"),
        ("Exactitude (entraînement) : 0,99", 0.99, 5e-3, "train"),
        ("Trained model, test accuracy: 0.9812", 0.9812, 5e-5, "test"),
        ("Exactitude du modèle entraîné sur le test : 0,9812", 0.9812, 5e-5, "test"),
        ("Taux de réussite : 98.1%", 0.981, 5e-4, ""),
        ("Accuracy: 98.12% (+/- 0.02%)", 0.9812, 5e-5, ""),
        ("Acurácia no teste: 98,12%", 0.9812, 5e-5, "test"),
        ("accuratezza 0.981", 0.981, 5e-4, ""),
    ],
)
def test_one_figure(line: str, value: float, rounding: float, of: str) -> None:
    (figure,) = stated(f"loss 0.1\n{line}\n")
    assert figure.value == pytest.approx(value, abs=1e-9)
    assert figure.rounding == pytest.approx(rounding)
    assert figure.of == of


@pytest.mark.parametrize(
    "line",
    [
        "313/313 - 1s - 3ms/step - accuracy: 0.9812 - loss: 0.06",
        "313/313 ━━━━━━━━━━━━━━━━━━━━ 1s 3ms/step - accuracy: 0.9812 - loss: 0.0598",
        "Epoch 3: accuracy 0.98",
        "Precision: 0.98, recall: 0.97",
        "Accuracy is what we look at in 3 models",
        "3/5 correct",
        "error: list index 0.5 out of range",
        "accuracy: 1234.5",
        "test loss: 0.0561",
        "temps de test : 0.98 s",
        "test 0.98 0.97",
        "test images: 10000",
        "",
    ],
)
def test_what_is_no_result(line: str) -> None:
    assert stated(line) == ()


@pytest.mark.parametrize(
    ("line", "doubtful"),
    [
        ("precision test : 94.79 %", True),
        ("Precisión en test = 0.9479", True),
        ("précision test : 94.79 %", False),
        ("accuracy 0.9479", False),
        ("ansatz c, test       94.79 ± 0.13 %", True),
        ("test set -> 0.9479", True),
    ],
)
def test_a_word_that_means_something_else_elsewhere_is_doubtful(line: str, doubtful: bool) -> None:
    (figure,) = stated(line)
    assert (figure.value, figure.doubtful) == (pytest.approx(0.9479), doubtful)


def test_several_in_one_line_keep_their_words() -> None:
    train, test = stated("Train accuracy: 0.9931, Test accuracy: 0.9812")
    assert [(one.value, one.of) for one in (train, test)] == [(0.9931, "train"), (0.9812, "test")]
    first, second = stated("CNN accuracy: 0.97 and MLP accuracy: 0.95")
    assert (first.value, second.value) == (0.97, 0.95)
    assert first.label != second.label


@pytest.mark.parametrize(
    ("line", "plain"),
    [
        ("Test accuracy: 0.9812", True),
        ("Test accuracy of model 3: 0.9812 in 12.3 s", True),
        ("Test set: Average loss: 0.0322, Accuracy: 9812/10000 (98%)", True),
        ("test_accuracy = np.float64(0.9812)", True),
        ("Taux de réussite du meilleur modèle sur les données de test : 98,12 %", True),
        ("Genauigkeit auf dem Testdatensatz: 98,12 %", True),
        ("Top-2 test accuracy: 0.9812", False),
        ("Test accuracy on 300 images: 0.9812", False),
        ("Published test accuracy: 0.9812", False),
        ("98.12 % accuracy on the test set without the images that nobody can read", False),
    ],
)
def test_lines_in_plain_words(line: str, plain: bool) -> None:
    assert [figure.plain for figure in stated(line)] == [plain]


@pytest.mark.parametrize(
    ("label", "others"),
    [
        ("LeNet-5 (1998)", True),
        ("Ciresan et al.", True),
        ("best published", True),
        ("État de l'art", True),
        ("human readers", True),
        ("Dropout (0.5)", False),
        ("CNN, 2048 units", False),
        ("run of 2024", False),
        ("Dense (2048)", False),
        ("CNN (batch 1998, v2)", False),
    ],
)
def test_works_of_others(label: str, others: bool) -> None:
    assert quoted(label) is others


@pytest.mark.parametrize(
    ("line", "plain"),
    [
        ("<h3>Results</h3><p>Test accuracy: <b>99.92 %</b></p>", True),
        ("<p class='paper'>Test accuracy of <i>LeNet</i>: 99.05 %</p>", False),
    ],
)
def test_tags_of_a_page_are_no_words(line: str, plain: bool) -> None:
    [found] = stated(line)
    assert found.plain is plain
