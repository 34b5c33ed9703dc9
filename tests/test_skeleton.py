"""Names by how they look."""

from __future__ import annotations

import pytest

from autograder.intake.skeleton import skeleton, styled


@pytest.mark.parametrize(
    ("name", "latin"),
    [
        ("Сара Хорр", "Capa Xopp"),
        ("ΑΝΝΑ", "ANNA"),
        ("ꓮꓡꓲꓚꓰ", "ALICE"),
        ("ᎪᏞᏟ", "ALC"),
        ("Օօո", "Oon"),
        ("𝐀lice", "Alice"),
        ("Ａｌｉｃｅ", "Alice"),
        ("ﬁona", "fiona"),
        ("Lɑuʀ", "Lauʀ"),
        ("AIice", "Alice"),
        ("Zoe\u0301", "Zoé"),
        ("𝛂", "a"),
        ("Ёва", "Ëвa"),
    ],
)
def test_names_that_look_the_same_have_one_skeleton(name: str, latin: str) -> None:
    assert skeleton(name) == skeleton(latin)


@pytest.mark.parametrize(
    ("name", "other"),
    [("Zoé", "Zoe"), ("MARIE", "MARLE"), ("Alice", "alice"), ("Анна", "Anna"), ("José", "Jose"), ("Mª", "Ma")],
)
def test_names_that_look_different_have_not(name: str, other: str) -> None:
    assert skeleton(name) != skeleton(other)


@pytest.mark.parametrize("name", ["ꓮꓡꓲꓚꓰ", "Ａｌｉｃｅ", "𝐀lice", "Ali𝓬e"])
def test_letters_that_are_drawn_as_latin_ones_are_known(name: str) -> None:
    assert styled(name)


@pytest.mark.parametrize(
    "name", ["Сара Хорр", "Σωκράτης", "Mª José", "田中", "タナカ", "ﾀﾅｶ", "Ọlá", "Işıl", "№ 5", "µ-Team"]
)
def test_letters_of_other_alphabets_are_not(name: str) -> None:
    assert not styled(name)
