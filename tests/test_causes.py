"""Words by which a sentence gives a cause or a purpose, and words that look like them."""

from __future__ import annotations

import pytest

from autograder.checks.causes import count


@pytest.mark.parametrize(
    "sentence",
    [
        "vu que nos images sont peu nombreuses",
        "étant donné que le réseau surapprend",
        "le dropout sert à limiter la mémorisation",
        "le champ s'agrandit, d'où une vision d'ensemble",
        "à cause du faible nombre d'images",
        "des rotations, car sur des formulaires l'écriture est penchée",
        "24 filtres, car 8 me semblaient trop peu",
        "mon idée était de ne pas laisser la couche apprendre par cœur",
        "une convolution de plus, histoire de capturer des formes plus grandes",
        "Comme les images sont peu nombreuses, on en fabrique",
        "cela améliore la généralisation",
        "sinon le réseau apprend par cœur",
        "pour une convergence plus rapide",
        "le but est de gagner en stabilité",
        "je pense que cela rendra le réseau plus stable",
        "Pourquoi : la couche dense mémorise",
        "L'augmentation simule des chiffres penchés comme sur de vrais formulaires",
        "Adam, qui converge plus vite que SGD",
        "Une couche dense plus large peut combiner davantage de caractéristiques",
        "Un lot plus petit fait plus de pas de gradient par époque",
        "Comme vu en cours, la L2 pénalise les grands poids",
        "L'intérêt du GlobalAveragePooling est de diminuer le nombre de paramètres",
        "Je veux voir si un noyau plus grand capte les boucles",
        "des décalages au hasard apprennent au réseau à ne pas s'y fier",
        "Avec 128 filtres le réseau peut repérer plus de motifs différents",
        "Les probabilités portent plus d'information, ce qui compense le manque de paramètres",
        "Du dropout et une pénalité L2 sur la couche dense, contre l'overfitting",
        "On s'est dit que le modèle manquait de profondeur",
        "Un réseau qui a vu des images bruitées ne peut plus se fier à un seul pixel",
    ],
)
def test_french(sentence: str) -> None:
    assert count(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "Dropout at 0.3, as our images are few",
        "Dropout keeps them from relying on each other",
        "eight filters hardly describe them; hence the larger bank",
        "a second convolution, which makes the receptive field larger",
        "it keeps the activations at one scale, so larger steps are possible",
        "given that the model overfits",
        "the dense layer would otherwise memorise them",
        "two convolutions for better generalisation",
        "a second one leads to larger shapes",
        "the aim is a more stable training",
        "activations stay in one range so training is faster",
        "with so little data the dense layer memorises",
        "Why: the dense layer memorises",
        "Augmentation simulates the slanted digits of real forms",
        "A wider dense layer can combine features",
        "A smaller batch makes more updates per epoch",
        "The baseline is too simple to tell 4 from 9",
        "Global average pooling cuts the number of parameters",
        "moving the images teaches the network that position does not matter",
        "Dropping units makes it hard to memorise them",
        "A network that has seen speckled digits cannot rely on single pixels",
        "Separable filters need fewer multiplications; meant for slow machines",
    ],
)
def test_english(sentence: str) -> None:
    assert count(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "Voici le modèle amélioré 1, avec une couche dense de plus.",
        "Les données augmentées sont des images tournées de 10 degrés.",
        "Le modèle dropout a augmenté la précision de 2 points.",
        "On a vu que le modèle dense atteint 96 %.",
        "Comme le montre la figure, le modèle dropout est devant.",
        "Comme on le voit, le modèle profond gagne.",
        "Ainsi, le meilleur modèle est celui qui a 32 filtres.",
        "Pour plus de détails, voir la figure.",
        "Pour entraîner ce modèle, on appelle fit.",
        "Le modèle a du mal contre la rotation, et il ne peut pas lire les 8.",
        "It cannot read all the eights.",
        "Cutout did not even help against stains.",
        "So far the best model is the one with dropout.",
        "So the best model is the deep one.",
        "Sur la figure on peut distinguer deux courbes.",
        "Ses résultats sont donnés plus bas grâce à la même fonction d'évaluation.",
        "On the plot we can distinguish two curves.",
        "As we can see, the dropout model is ahead.",
        "The same as the baseline with a dropout layer.",
        "It was trained for more epochs than the base.",
        "The classes are dog, cat, car and truck; the car looks like a truck.",
    ],
)
def test_what_tells_of_outcomes_gives_no_reason(sentence: str) -> None:
    assert count(sentence) == 0


def test_each_reason_counts() -> None:
    assert count("Du dropout, car le réseau surapprend, et deux couches afin de voir plus loin.") == 2
