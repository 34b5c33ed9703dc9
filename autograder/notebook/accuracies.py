"""Accuracies that a cell printed: ``Test accuracy: 0.9812``, ``97 % of 10000 images``, ``9812/10000 correct``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from autograder.notebook.text import fold

MAX_CHARACTERS = 100_000
MAX_LINE = 400
MIN_IMAGES = 100
"""Fewer are no test set: ``3/5 correct``."""

_SPACES = str.maketrans(dict.fromkeys("\u00a0\u202f\u2009", " "))
_WORD = re.compile(
    r"(?<![a-z])(?:accurac(?:y|ies)|acc\b|exactitude|précision|justesse|genauigkeit|exactitud|taux de (?:réussite"
    r"|succès|reconnaissance|bonnes?)|bonnes? (?:réponses?|prédictions?|classifications?)|acur[aá]cia|exatidão"
    r"|accuratezza|nauwkeurigheid|do[gğ]ruluk|dokładność|точность|(?P<doubtful>precision|precisi[oó]n|precis[aã]o"
    r"|precisione)\b)"
)
"""``precision`` is the word for accuracy in some languages, without its accent also in French; in English it is not."""
_OTHERS = re.compile(r"recall|rappel|recuerdo|exhaustiv|revoca|f1|support|macro|micro|weighted")
"""What ``precision`` stands beside where it is no accuracy."""
_ERROR = re.compile(r"(?:error(?: rate)?|taux d.erreur|erreur)\b")
_ELSE = re.compile(
    r"loss|perte|p[ée]rdida|perda|perdita|verlust|\bmse\b|\bmae\b|temps|time|dur[ée]e|second|\bsec\b|\bms\b|recall|rappel|f1"
    r"|\bauc\b|roc|size|taille|split|std\b|mean|moyenne|seed|epoch|époque|shape|fold"
)
"""What a figure on the test set may be besides an accuracy."""
_DEVIATION = re.compile(r"\s*(?:±|\+/?-)\s*\d+(?:[.,]\d+)?\s?(%)?")
_NUMBER = re.compile(r"(?<![\w.,])(\d+(?:[.,]\d+)?(?:e-\d{1,3})?)(?![\w]|[.,]\d)\s?(%|percent\b|pour ?cent\b)?")
_COUNT = re.compile(r"(?<![\w.,/])(\d+)\s*(?:/|out of|of|sur|over)\s*(\d+)(?![\w]|[.,]\d)")
_PROGRESS = re.compile(
    r"\d+/(?:\d+|unknown)\s.*(?:step\b|eta\b|━|=>|\[=|- loss:)|\bepoch\b|\bépoque\b|\bval_acc|\d+%\|"
    r"|^\[autograder\] "
)
"""Lines that a training or a progress bar writes, and what we write for one that was known already."""
_OF: Mapping[str, re.Pattern[str]] = {
    "train": re.compile(r"\btrain(?!ed)|entra[iî]n(?!é)|apprentissage|\bfit\b"),
    "validation": re.compile(r"\bval(?:id|_|\b)|\bcv\b|cross|croisée|\bfold"),
    "test": re.compile(r"\btest|unseen|held.out|\b10[ ,.']?000\b"),
}
_QUOTED = re.compile(
    r"\((?:[^()]*[^\w()])?(?:19[5-9]\d|20(?:0[1-9]|[1-3]\d))[a-z]?\)|\bet al\b|\bliterat|\blitterat|\bpublish|\bpublie"
    r"|\bpublicad|\bpubblicat|\bpapers?\b|\bstate.of.the.art\b|\bsota\b|\betat de l.art\b|\bhumans?\b"
    r"|\bhumains?\b|\bmensch"
)
"""A year or authors as one cites, or words for what others did; a heuristic."""
_TAG = re.compile(r"</?[a-z][^<>]{0,200}>")
"""Of a page that a cell shows."""
_LETTERS = re.compile(r"[^\W\d_]+")
_LOSS = re.compile(r"\b(?:average|avg|mean|test|val) loss\b")
_COUNTED = re.compile(
    r"\b10[ ,.']?000\b|(?<![\w.,])\d+\s*(?:/|out of|of|sur|over)\s*\d+"
    r"|\b(?:model|modele|modell|modelo|modello|version)\s?\d+\b"
    r"|(?<![\w.,])\d+(?:[.,]\d+)?\s?(?:s|sec|seconds?|secondes?|min|minutes?)\b"
)
"""Whole numbers that name no part of the images: the whole test set, a share of it, which model, how long it took."""
_WHOLE = re.compile(r"(?<![\w.,])\d+(?![\w%]|[.,]\d|\s?(?:%|percent\b|pour ?cent\b))")
_PLAIN = frozenset(
    # English, and names of things that are the same everywhere
    "test tests testing accuracy accuracies acc score of on the a an and our my its this that for in is was are has "
    "have we it reach reached reaches reaching achieve achieved achieves obtain obtained obtains get got gets final "
    "best model models network networks net neural convolutional cnn convnet trained keras whole entire full "
    "complete all overall total public official mnist set dataset data image images sample samples unseen held out "
    "correct correctly classified prediction predictions predicted answers right result results evaluation "
    "evaluated loss error rate percent train training val valid validation np float tf tensor array shape dtype "
    "numpy "
    # French
    "precision exactitude justesse taux reussite succes reconnaissance bonne bonnes reponse reponses classification "
    "classifications erreur perte sur le la les l jeu ensemble de du des d notre mon nos meilleur meilleure modele "
    "modeles reseau neurones finale est obtenue obtenu obtient obtenons atteinte atteint au en pour donnees totale "
    "globale entraine entrainement cent "
    # German, Spanish, Portuguese, Italian, Dutch and others
    "genauigkeit testgenauigkeit auf dem den der die das testdaten testdatensatz testset testmenge unser unseres "
    "unsere bestes besten beste modell modells netz netzes von bilder betragt erreicht exactitud el los del "
    "conjunto prueba pruebas nuestro mejor modelo red imagenes datos acuracia exatidao precisao no na do da teste "
    "nosso melhor rede dados imagens accuratezza precisione sul sulla di nostro miglior migliore modello rete "
    "immagini dati insieme nauwkeurigheid op het van onze dogruluk dokładnosc dokladnosc точность".split()
)
"""Words that leave no doubt: beside any other a figure may be of a part of the images, of two guesses, of a paper."""


@dataclass(frozen=True, slots=True)
class Stated:
    value: float
    """0..1."""
    rounding: float
    """Half a unit of the last digit that was written, a whole one of whole percent."""
    label: str
    """What stands before the figure in its line, in lower case and without figures."""
    of: str = ""
    """``train``, ``validation`` or ``test``, where the line says so."""
    images: int = 0
    """Of how many images it is, where they were counted."""
    doubtful: bool = False
    """Whether it may be another figure than an accuracy."""
    plain: bool = True
    """Whether its line says nothing but that, in words that we know; a heuristic, on the safe side."""


def stated(text: str) -> tuple[Stated, ...]:
    """Every accuracy that the text states in a line of its own, in order; what a progress bar wrote is left out."""
    lines = text[:MAX_CHARACTERS].translate(_SPACES).lower().splitlines()
    begun = (line[:MAX_LINE] for line in lines)  # what follows is not read, and would be slow to search
    told = (line for line in begun if not _PROGRESS.search(line))
    return tuple(replace(found, plain=_is_plain(line)) for line in told for found in _in_line(line))


def quoted(label: str) -> bool:
    """Whether what a figure stands beside names a work of others: ``LeNet-5 (LeCun, 1998)``, ``human readers``."""
    return _QUOTED.search(fold(label)) is not None


def _is_plain(line: str) -> bool:
    """``Test accuracy of our model: 0.98``; not ``Top-2 test accuracy``, ``on the sure ones``, ``LeNet-5 (1998)``."""
    bare = _COUNTED.sub(" ", _LOSS.sub(" ", fold(_TAG.sub(" ", line))))
    return _PLAIN.issuperset(_LETTERS.findall(bare)) and _WHOLE.search(bare) is None


def _in_line(line: str) -> Iterator[Stated]:
    of = next((name for name, words in _OF.items() if words.search(line)), "")
    words = list(_WORD.finditer(line))
    if len(words) > 1 or _OTHERS.search(line):
        words = [word for word in words if not word["doubtful"]]
    counted = _COUNT.search(line)
    if counted and ("correct" in line or words) and MIN_IMAGES <= int(counted[2]) < 1_000_000:
        right, images = int(counted[1]), int(counted[2])
        if right <= images:
            yield Stated(right / images, 0.0, _label(line[: counted.start()] or line), of, images)
            return
    for word, following in zip(words, [*words, None][1:], strict=True):
        figure = _after(line[word.end() : following.start() if following else None])
        if figure is None and len(words) == 1:
            figure = _before(line[: word.start()])
        if figure is not None:
            piece = line[: word.end()] if len(words) == 1 else line[max(0, word.start() - 30) : word.end()]
            whose = of if len(words) == 1 else _of_piece(piece) or of
            yield Stated(*figure, _label(piece), whose, doubtful=word["doubtful"] is not None)
    if not words and of == "test" and (bare := _bare(line)) is not None:
        yield Stated(*bare, _label(line), of, doubtful=True)
    error = None if words else _ERROR.search(line)
    figure = None if error is None else _after(line[error.end() :], sure=True)
    if figure is not None:
        yield Stated(round(1 - figure[0], 12), figure[1], _label(line), of)


def _bare(line: str) -> tuple[float, float] | None:
    """``test: 98.32 ± 0.13 %``: the one figure of a line that speaks of the test set and of nothing else to measure."""
    if _ERROR.search(line) or _ELSE.search(line):
        return None
    plain = _DEVIATION.sub(lambda match: f" {match[1] or ''}", line)
    found = [share for match in _NUMBER.finditer(plain) if (share := _share(match[1], percent=match[2] is not None))]
    return found[0] if len(found) == 1 else None


def _of_piece(piece: str) -> str:
    """Of several figures in a line each has its own words, the last of which count."""
    places = {name: [match.start() for match in words.finditer(piece)] for name, words in _OF.items()}
    known = {name: found[-1] for name, found in places.items() if found}
    return max(known, key=lambda name: known[name]) if known else ""


def _after(rest: str, *, sure: bool = False) -> tuple[float, float] | None:
    """The first number that can be a share; with ``sure`` only one with a percent sign."""
    for match in _NUMBER.finditer(rest):
        figure = _share(match[1], percent=match[2] is not None)
        if figure is not None and (match[2] or not sure):
            return figure
    return None


def _before(rest: str) -> tuple[float, float] | None:
    """``98.1 % accuracy``: the number right before the word."""
    found = [match for match in _NUMBER.finditer(rest) if match[2] and not rest[match.end() :].strip(" (:-")]
    return _share(found[-1][1], percent=True) if found else None


def _share(written: str, *, percent: bool) -> tuple[float, float] | None:
    """Value and rounding; None for whole numbers without a sign, which count something."""
    plain = written.replace(",", ".")
    mantissa, _, exponent = plain.partition("e")
    decimals = len(mantissa.partition(".")[2])
    if not percent and not decimals:
        return None
    # Whole percent are often cut off instead of rounded: ``%d %%``.
    value, unit = float(plain), (0.5 if decimals else 1.0) * 10.0 ** (int(exponent or 0) - decimals)
    if percent or value > 1:
        value, unit = value / 100, unit / 100
    return (value, unit) if 0 <= value <= 1 else None


def _label(text: str) -> str:
    return " ".join(re.sub(r"[\d.,%:=|*_#()\[\]{}'\"-]+", " ", text).split())[-60:]
