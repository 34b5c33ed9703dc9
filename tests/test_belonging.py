"""Which text speaks of which modification."""

from __future__ import annotations

import pytest

from autograder.checks.belonging import FAMILY, NAME, TOPIC, Belonging, belongings
from autograder.checks.trials import trials
from autograder.records import Evidence, Json, Training
from tests.evidence import code, evidence, layer, text, training, with_layer


def made(seen: Evidence) -> list[Belonging]:
    return belongings(trials(seen).distinct, seen)


def alone(**changes: Json) -> Belonging:
    return made(evidence(trainings=[training(1), training(2, **changes)]))[0]


@pytest.mark.parametrize(
    ("told", "about"),
    [
        ("Le modèle wider, avec du dropout", NAME + TOPIC),
        ("Un dropout contre le sur-apprentissage", TOPIC + FAMILY),
        ("Contre le surapprentissage", FAMILY),
        ("Un réseau et son entraînement", 0),
    ],
)
def test_names_topics_and_families(told: str, about: int) -> None:
    assert alone(layers=with_layer("Dropout", rate=0.3), labels={"name": "wide"}).about(told) == about


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("width_shift_range", "On décale les images"),
        ("adjust_brightness", "La luminosité varie"),
        ("decoupe_aleatoire", "une découpe des bords"),
        ("RandomRotation", "Les chiffres sont inclinés"),
    ],
)
def test_what_alters_images_is_spoken_of_in_words_of_its_own(name: str, told: str) -> None:
    altering = alone(arguments={"augmentations": [name]})
    assert altering.about(told) >= TOPIC
    assert altering.about("Les images sont plus grandes") < TOPIC


def test_a_class_is_found_as_it_is_written() -> None:
    squeezing = alone(layers=with_layer("SE", ratio=4))
    assert squeezing.about("SE blocks weigh channels") == TOPIC
    assert squeezing.about("on se demande") == 0


def test_keys_are_names_and_what_several_models_are_called_is_none() -> None:
    def named(number: int, name: str, **changes: Json) -> Training:
        return training(number, labels={"n": f"models['{name}']", "optimizer": "adam"}, **changes)

    pair = [
        named(2, "first try", layers=with_layer("GRU", units=3)),
        named(3, "second", layers=with_layer("LSTM", units=3)),
    ]
    first, second = made(evidence(trainings=[training(1), *pair]))
    assert (first.about("The first try"), second.about("The first try")) == (NAME, 0)
    assert (first.about("adam"), second.about("adam")) == (0, 0)


def test_near_is_what_stands_around_the_cells_that_define_and_train() -> None:
    cells = [code(0, "fit_1()"), text(1, "# A"), text(2, "why"), code(3, "fit_2()"), text(4, "so"), text(5, "# B")]
    (found,) = made(evidence(cells, trainings=[training(1), training(2, layers=with_layer("Dense", units=9))]))
    assert found.near == {1, 2, 3, 4}


def test_near_are_the_cells_that_prepare_the_weights() -> None:
    images: Json = {"outputs": ((None, 28, 28, 1),), "layers": (layer("Conv2DTranspose", filters=1),)}
    cells = [code(0, "fit_1()"), text(1, "why"), code(2, "prepare()"), text(3, "# C"), code(4, "fit_3()")]
    trained = [training(1), training(2, **images), training(3, learnt_from=(2,))]
    (found,) = made(evidence(cells, trainings=trained))
    assert found.near == {1, 2, 3, 4}
