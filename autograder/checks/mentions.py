"""Which classes a sentence speaks of (``le 4 et le 9``, ``fours``, ``T-shirt``), and where to look for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from autograder.notebook.headings import headings, kinds
from autograder.notebook.prose import Paragraph, paragraphs, readable
from autograder.notebook.text import fold, sentences
from autograder.records import DataCard, Evidence

_SUCH = r"(?! (?:that|which|who|whose|where|we|i|in|from|with)\b)"
_DIGITS = (
    "zeros?",
    f"un|one|ones{_SUCH}",
    "deux|twos?",
    "trois|threes?",
    "quatre|fours?",
    "cinq|fives?",
    "six|sixes",
    "sept|sevens?",
    "huit|eights?",
    "neuf|nines?",
)
_PLURALS = (
    "zeroe?s",
    f"(?:^|(?<=with )|(?<=for )|(?<=as )|(?<=and ))ones{_SUCH}",
    *"twos threes fours fives sixes sevens eights nines".split(),
)
"""These need no article, but that "ones" may be anything."""
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
    r"|derni\w+|paires?|pairs?|sens\b|directions?|ways?\b|cas\b|cotes?\b|reseaux?|networks?|versions?|variantes?|copies?|plis?\b|folds?\b)"
)
_NUMBERED = (
    r"(?:modeles?|models?|etapes?|steps?|sections?|parties?|parts?|fig\w*|top|exp\w*|cell\w*|couches?|layers?|versions?"
    r"|ameliores?|sigma|seed|graine|environ|about|only|seulement|que|n°|no|±|[-+=<>*x×~])\s*"
)
_UNITS = r"\s*(?:%|points?\b|pts?\b|epo\w+|fois\b|times\b|images?\b|degr\w+|pixels?\b|secondes?|seconds?|min\w*)"
_SPAN = re.compile(rf"(?<![\w.,])\d\s?(?:-|–|a|to|ou|or)\s?\d(?={_UNITS})")
"""``4–8 %``, ``2 ou 3 points``: of one figure two numbers."""
_PLURAL = re.compile(r"(\b(?:in|en|takes?|took|prend|dure|only|about|apres|after|de|environ)\s|[~≈=]\s?)?\b(\d)'?s\b")
"""``8s``, ``8's``; behind such a word they are seconds."""
_CLASS_NUMBER = re.compile(r"\b(classes?|chiffres?|digits?|labels?)\s*(?:n°|no\.?|numero|number|#)\s*(?=\d\b)")
_TOKEN = re.compile(rf"(?<![\w.,])(?<![a-z]-)(?<!\d )({_NUMBERED})?(\d)(?!\w|[.,]\d|\s?\d|\s?[×*]\s?\d)(?!{_COUNTED})")
_PAIR = re.compile(r"(?<![\d.,])(?<![a-z]-)(\d)\s?(?:-|–|/|→|->|↔|<->|vs\.?)\s?(\d)(?!\d|[.,]\d|\s?%)")
_CONFUSED = re.compile(
    r"confond|confus|mal.?(?:class|reconnu|predit|lu[es]?\b)|erreur|\berror|tromp|\bpris|\bprend|misclass|mistak"
    r"|difficil|difficult|ressembl|resembl|similar|simila|look alike|\bhard|struggl|wrong|echou|echec|fail|proches?\b"
    r"|hesit|ambigu|disting|melang|\bmix(?:es|ed)?\b|faible|weak|misread|taken for|passer pour|\brate[es]*\b"
    r"|\b(?:moins|pas|peu|less|not|least) (?:bien|well)\b|\bread as\b|\b(?:lus?|lue?s?|se li(?:t|sent)) comme\b"
    r"|\bworst (?:\w+ )?(?:digit|class)|pires? (?:chiffre|classe)|(?:chiffre|classe)s? (?:les? |la )?plus durs?\b"
    r"|\bpose(?:nt)? (?:souvent |encore |le plus )?(?:de |des )?(?:souci|probleme)"
)
_WITHOUT = re.compile(
    r"\b(?:sans|aucune?s?|peu d['e]|presque pas d['e]|pas d['e]|zero|no|without|few|hardly any|almost no|barely any)\s?"
    r"(?:single |seule )?(?:erreurs?|errors?|confusions?|mistakes?|difficult\w*|problem\w*)"
    r"|\b(?:jamais|never|rarement|rarely|hardly ever|not|n'est pas|ne sont pas)\s"
    r"(?:confond\w*|confus\w*|mistaken|misread|trompe\w*)|\bne (?:confond|trompe)\w* (?:jamais|pas|guere|plus)"
)
"""Of what goes well, in words of errors."""
_PRAISE = re.compile(
    r"parfait|perfect|\bsafe\b|sans faute|flawless|\bright\b|facile|\beas(?:y|iest|ily)\b|fiable|reliabl"
    r"|(?<!moins )(?<!pas )(?<!peu )(?:bien|mieux) (?:lus?e?s?\b|reconn\w+|class\w+|predit\w*)"
    r"|(?<!less )(?<!not )(?:well|best|correctly) (?:recogni[sz]\w+|read|classified|predicted)"
)
_TURN = re.compile(
    r";|[,:(]?\s\b(?:mais|but|tandis que|alors que|while|whereas|cependant|however|en revanche|par contre)\b"
)
"""Where a sentence goes over to something else."""
_TIMES = re.compile(r"(→ \d) \(\s*[x×]?\s?\d{1,4}\s?[x×]?\s*\)")
"""``8→1 (4)``: how often."""
_RELATED = re.compile(
    r"->|→|=>|\b(?:for|as|with|into|towards?|pour|vers|avec|comme|lus?|lue?s?|devien\w+|becomes?|become|predit\w*|predicted)\b"
)
_LISTED = re.compile(r"[\s,;&«»\"“”']*(?:(?:and|et|or|ou|puis|then|the|an?|les?|la|une?|des|aux?|du|to)\b[\s«\"“']*)*")
_OBJECTS = 4
"""Classes with which one class is said to be confused; of more, nothing is said."""
_MOST_CLASSES = 4
"""Of a sentence that may be one pair, or two."""


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


def stands_below(evidence: Evidence, kind: str) -> Callable[[Paragraph], bool]:
    """Tells of a paragraph whether it stands under a heading of this kind, also where one cell holds several."""
    cells = section_cells(evidence, kind)
    within = [heading for heading in headings(evidence.cells) if heading.cell in cells and kinds(heading.title)]

    def stands(paragraph: Paragraph) -> bool:
        here = [heading for heading in within if heading.cell == paragraph.cell]
        above = [heading for heading in here if heading.line <= paragraph.line]
        if above:
            return kind in kinds(above[-1].title)
        opens_below = any(kind in kinds(heading.title) for heading in here) and paragraph.cell == min(cells)
        return paragraph.cell in cells and not opens_below

    return stands


def namings(evidence: Evidence, own: Iterable[Paragraph]) -> Iterator[Naming]:
    """Sentences about errors that name classes; below the heading of the error analysis every sentence is, unless it
    says what goes well."""
    below = stands_below(evidence, "errors")
    for paragraph in own:
        about = below(paragraph)
        for sentence in sentences(paragraph.text):
            turns = _about_errors(fold(sentence), below=about)
            for classes in _told_together(" ; ".join(turns), evidence.data) if turns else ():
                yield Naming(paragraph.cell, classes)


def _about_errors(folded: str, *, below: bool) -> list[str]:
    """Parts of a sentence, less those that praise; none where no part speaks of errors."""
    parts = [part for part in _TURN.split(folded) if part.strip()]
    wrong = [bool(_CONFUSED.search(_WITHOUT.sub(" ", part))) for part in parts]
    if not (below or any(wrong)):
        return []
    good = [bool(_PRAISE.search(part) or _WITHOUT.search(part)) for part in parts]
    return [part for part, bad, praised in zip(parts, wrong, good, strict=True) if bad or not praised]


def _told_together(folded: str, data: DataCard | None) -> Iterator[frozenset[int]]:
    """The classes of a sentence; of one with many the pairs that it tells (``the 8 for a 1, the 9 for a 5 or 3``), and
    each other class by itself."""
    named = classes_in(folded, data)
    pairs = _related(folded, data) if len(named) > _MOST_CLASSES else []
    yield from pairs
    if named and not pairs:
        yield named
    elif pairs:
        yield from (frozenset([place]) for place in sorted(named.difference(*pairs)))


def _related(folded: str, data: DataCard | None) -> list[frozenset[int]]:
    """Pairs of what stands before ``for``, ``as``, ``with`` ... and what is listed after it."""
    text = _plainly(folded)
    found = _placed(text, data.name if data else "", data.classes if data else 10)
    pairs: list[frozenset[int]] = []
    subjects: list[int] = []
    objects = 0
    for position, (start, end, place) in enumerate(found):
        behind = found[position - 1][1] if position else 0
        before = text[behind:start]
        following = text[end : found[position + 1][0]] if position + 1 < len(found) else ""
        # What stands for a class may hold the word that relates it: "read as ones".
        if subjects and _RELATED.search(text[behind:end]):
            objects = 1
        elif objects and _LISTED.fullmatch(before) and not _RELATED.search(following):
            objects += 1
        else:
            subjects = [place] if objects or place in subjects else [*subjects, place]
            objects = 0
            continue
        if objects > _OBJECTS:
            return []
        pairs += [frozenset((subject, place)) for subject in subjects if subject != place]
    return list(dict.fromkeys(pairs))


def classes_in(sentence: str, data: DataCard | None = None) -> frozenset[int]:
    """Numbers and names that stand for classes; counts ("3 modèles") and figures are not classes."""
    found = _placed(_plainly(fold(sentence)), data.name if data else "", data.classes if data else 10)
    return frozenset(place for _, _, place in found)


def _plainly(folded: str) -> str:
    """Without ranges and amounts, and with classes as bare numbers."""
    text = _SPAN.sub(" ", _RANGE.sub(" ", folded))
    text = _CLASS_NUMBER.sub(r"\1 ", _PLURAL.sub(lambda found: " " if found[1] else found[2], text))
    return _TIMES.sub(r"\1 ", _PAIR.sub(r" \1 → \2", text))


def _placed(text: str, name: str, count: int) -> list[tuple[int, int, int]]:
    """Where a class is named, and which."""
    digits = [(*found.span(2), int(found[2])) for found in _TOKEN.finditer(text) if not found[1]]
    named = [
        (*found.span(), place) for place, pattern in enumerate(_patterns(name)) for found in pattern.finditer(text)
    ]
    return sorted(one for one in (*digits, *named) if one[2] < count)


@lru_cache(maxsize=16)
def _patterns(name: str) -> tuple[re.Pattern[str], ...]:
    """Names of classes; spelt digits behind an article, in quotes or as plurals, since "deux modèles" counts models."""
    key = next((known for known in _NAMES if known.split("_")[0] in name.lower()), "")
    if key:
        return tuple(re.compile(rf"\b(?:{stems})\b") for stems in _NAMES[key])
    before = (
        r"(?:\b(?:les?|des|du|au|aux|the|an?|un|chiffres?|digits?|classes?|entre|between) [«\"“']?\s?"
        r"|\b(?:confused|mistaken|taken|read|mixed up) (?:with|for|as) )"
    )
    quoted = r"[«\"“']\s?(?:{})\s?(?=[»\"”'])"
    heading = r"^(?!un|one)(?:{})(?= (?:is|was|est)\b)"
    return tuple(
        re.compile(
            rf"{before}(?:{stems})\b(?![-'])(?!{_COUNTED})|\b{plural}\b(?!{_COUNTED})"
            rf"|{quoted.format(stems)}|{heading.format(stems)}"
        )
        for stems, plural in zip(_DIGITS, _PLURALS, strict=True)
    )
