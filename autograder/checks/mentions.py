"""Which classes a sentence speaks of (``le 4 et le 9``, ``fours``, ``T-shirt``), and where to look for them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from autograder.notebook.prose import Paragraph, paragraphs, readable
from autograder.notebook.text import fold, sentences
from autograder.records import DataCard, Evidence

_DIGITS = (
    "zeros?",
    "un|ones?",
    "deux|twos?",
    "trois|threes?",
    "quatre|fours?",
    "cinq|fives?",
    "six|sixes",
    "sept|sevens?",
    "huit|eights?",
    "neuf|nines?",
)
_NAMES = {
    "fashion_mnist": (
        "t-?shirts?|hauts?",
        "trousers?|pantalons?",
        "pull-?overs?|pulls?",
        "dress(?:es)?|robes?",
        "coats?|manteaux?",
        "sandals?|sandales?",
        "shirts?|chemises?",
        "sneakers?|baskets?",
        "bags?|sacs?",
        "ankle boots?|boots?|bottines?|bottes?",
    ),
    "cifar10": (
        "airplanes?|planes?|avions?",
        "automobiles?|cars?|voitures?",
        "birds?|oiseaux?",
        "cats?|chats?",
        "deers?|cerfs?",
        "dogs?|chiens?",
        "frogs?|grenouilles?",
        "horses?|chevaux|cheval",
        "ships?|bateaux?|navires?",
        "trucks?|camions?",
    ),
}
_RANGE = re.compile(r"\b0\s?(?:-|–|a|to|\.\.\.?|…)\s?\d\b")
_COUNTED = (
    r"\s*(?:epo\w+|modeles?|models?|couches?|layers?|modif\w+|%|secondes?|seconds?|s\b|min\w*|h\b|images?|exemples?"
    r"|examples?|erreurs?|errors?|fois|times|points?|pts?|classes?|chiffres?|digits?|filtres?|filters?|neuro\w+|amelio\w+"
    r"|tech\w+|essais?|runs?|blocs?|blocks?|pixels?|degr\w+|sur\b|out of|of the|parmi|autres?|others?|premi\w+|first"
    r"|derni\w+|paires?|pairs?)"
)
_NUMBERED = (
    r"(?:modeles?|models?|etapes?|steps?|sections?|parties?|parts?|fig\w*|top|exp\w*|cell\w*|couches?|layers?|versions?"
    r"|ameliores?|sigma|seed|graine|environ|about|only|seulement|que|n°|no|±|[-+=<>*x×~])\s*"
)
_TOKEN = re.compile(rf"(?<![\w.,])(?<!\d )({_NUMBERED})?(\d)(?!\w|[.,]\d|\s?\d)(?!{_COUNTED})")
_PAIR = re.compile(r"(?<![\d.,])(\d)\s?(?:-|–|/|→|->|↔|<->|vs\.?)\s?(\d)(?![\d.,%])")
_CONFUSED = re.compile(
    r"confond|confus|mal.?(?:class|reconnu|predit)|erreur|\berror|tromp|\bpris|\bprend|misclass|mistak|difficil|difficult"
    r"|ressembl|resembl|similar|simila|look alike|\bhard|struggl|wrong|echou|echec|fail|proches?\b|hesit|ambigu"
    r"|disting|melang|mixed? up|faible|weak"
)


@dataclass(frozen=True, slots=True)
class Naming:
    """The classes that one sentence names."""

    cell: int
    classes: frozenset[int]


def own_prose(evidence: Evidence) -> tuple[Paragraph, ...]:
    return paragraphs(evidence.cells, evidence.template_cells)


def foreign(own: Sequence[Paragraph]) -> bool:
    """Written in a language that these checks cannot search."""
    return not readable(own)


def section_cells(evidence: Evidence, *kinds: str) -> frozenset[int]:
    return frozenset(cell for section in evidence.sections if section.kind in kinds for cell in section.cells)


def namings(evidence: Evidence, own: Iterable[Paragraph]) -> Iterator[Naming]:
    """Sentences about errors that name classes; below the heading of the error analysis every sentence is."""
    about = section_cells(evidence, "errors")
    for paragraph in own:
        for sentence in sentences(paragraph.text):
            if paragraph.cell in about or _CONFUSED.search(fold(sentence)):
                named = classes_in(sentence, evidence.data)
                if named:
                    yield Naming(paragraph.cell, named)


def classes_in(sentence: str, data: DataCard | None = None) -> frozenset[int]:
    """Numbers and names that stand for classes; counts ("3 modèles") and figures are not classes."""
    count = data.classes if data else 10
    folded = _PAIR.sub(r" \1 , \2 ", _RANGE.sub(" ", fold(sentence)))
    digits = {int(match.group(2)) for match in _TOKEN.finditer(folded) if not match.group(1)}
    named = {place for place, pattern in enumerate(_patterns(data.name if data else "")) if pattern.search(folded)}
    return frozenset(place for place in digits | named if place < count)


@lru_cache(maxsize=16)
def _patterns(name: str) -> tuple[re.Pattern[str], ...]:
    """Names of classes; spelt digits only behind an article, since "deux modèles" counts models."""
    key = next((known for known in _NAMES if known.split("_")[0] in name.lower()), "")
    if key:
        return tuple(re.compile(rf"\b(?:{stems})\b") for stems in _NAMES[key])
    before = r"(?:\b(?:les?|des|du|au|aux|the|chiffres?|digits?|classes?|entre|between) )"
    return tuple(re.compile(rf"{before}(?:{stems})\b(?!{_COUNTED})") for stems in _DIGITS)
