"""What speaks of altered images, in code and in sentences: word lists, which know no other way to say it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from autograder.notebook.numbers import figures
from autograder.notebook.prose import Paragraph
from autograder.notebook.text import fold, sentences

_CODE = re.compile(
    r"nois|bruit|rotat|rotee|shift|translat|decal|blur|flou|gaussian|perturb|altere|corrupt|robust|advers|occlu|permut"
    r"|contrast|bright|lumino|zoom|distort|degrad|fgsm|elastic|incline|penche|tilt(?:ed|_)|assombri|eclairci|darken"
    r"|upside|\bsalt\b|salt_?(?:and_?)?pepper|inver(?:ted|tir|sees?\b)|negatifs?\b"
)
"""Names that hardly mean anything else; ``mask``, ``crop`` or ``flip`` do."""
_AUGMENTING = re.compile(r"_range$|^Random[A-Z]|^ImageDataGenerator$|_flip$")
"""What alters training images: ``rotation_range``, ``RandomRotation``."""
_SHUFFLING = re.compile(r"^permut(?:e|ed|ation)s?$", re.I)
"""What puts rows into another order: ``rng.permutation(len(x))``; without altered images it is no more than that."""
_WORDS = re.compile(
    r"robust|bruit|nois[ey]|rotat|altere|perturb|degrad|translat|flou|blur|generali[sz]|corrupt|decal|occlu|contraste"
    r"|luminosite|brightness|adversar|permut|abime|penche|tourne[er]|tilt|shift|\binclin|assombri|plus sombre|darker"
    r"|darkened|eclairci|fgsm|salt.and.pepper|poivre|upside.down|elastic|distort|\bdeform|turned (?:by|digit|image)"
    r"|en negatif|invers\w+ (?:les |des |of |the )?(?:couleurs|colou?rs)|pixels? parasites?|epaissi|thicken"
    r"|(?<!in )(?<!by )contrast\b(?! (?:to|with)\b)|deplac\w+ (?:le|les|un|des) (?:chiffre|image)|half.size"
    r"|(?:black|white|noire?s?|blanche?s?) (?:square|patch|carre|tache)|(?:carres?|taches?) (?:noir|blanc)"
    r"|brouill(?:age|ee?s?\b)|\bgrain\b|(?:cach|masqu)\w+ (?:un |une |le |la )(?:\w+ )?(?:coin|partie|bout|morceau"
    r"|carre|zone)"
    r"|\bstain(?:s|ed)?\b|\bcutout\b|images? (?:salies?|sales?)\b"
)
_NOT_DONE = re.compile(
    r"pas (?:eu le temps|reussi|pu|fait|teste|realise|abouti)|manque de temps|faute de temps"
    r"|did not|didn't|could not|couldn't|no time|not have time"
)
"""Of a test that did not take place."""
_STRENGTH = re.compile(
    r"\b\d+(?:[.,]\d+)?\s?(?:°|degres?\b|degrees?\b|pixels?\b|px\b)"
    r"|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twenty|thirty|fifty|un|deux|trois|quatre|cinq|sept|huit"
    r"|neuf|dix|vingt|trente|cinquante) (?:per ?cent|pour ?cents?|degres?|degrees?|pixels?|points?)\b"
    r"|\b(?:a|one|un|le|the|two|deux) (?:thirds?|quarters?|fifths?|tenths?|tiers|quarts?|cinquiemes?|dixiemes?)\b"
    r"|\bla moitie\b|\bhalf (?:of|the)\b"
)
"""How much was altered, which the accuracy is told for; and figures in letters."""


def names_alteration(name: str, *, sure: bool = False) -> bool:
    """``sure``: not where it may only put rows into another order."""
    altering = not _AUGMENTING.search(name) and bool(_CODE.search(fold(name)))
    return altering and not (sure and _SHUFFLING.search(name))


def speaks_of_alteration(paragraph: Paragraph, *, below: bool = False) -> bool:
    """``below``: it stands under the heading of the robustness test, where it speaks of that in whatever words, unless
    it says that there was none."""
    told = [*map(fold, sentences(paragraph.text))]
    missing = any(map(_NOT_DONE.search, told))
    return (below and not missing) or any(_WORDS.search(one) and not _NOT_DONE.search(one) for one in told)


def discussed(about: Sequence[Paragraph], words_wanted: int) -> float:
    """1 for a discussion with a figure, half for one without, a quarter for a few words."""
    if not about:
        return 0.0
    if sum(paragraph.words for paragraph in about) < words_wanted:
        return 0.25
    with_figures = any(figures(paragraph.text) or _STRENGTH.search(fold(paragraph.text)) for paragraph in about)
    return 1.0 if with_figures else 0.5
