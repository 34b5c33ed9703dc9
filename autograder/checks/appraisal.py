"""Sentences that tell strengths, weaknesses or what to do next: word lists, which cannot tell how good a thought is.

Some words hardly mean anything else. Others are everyday words ("fast", "hard", "would"): they count where results are
discussed, and not where a model is described or a change is justified.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autograder.checks.mentions import section_cells
from autograder.notebook.headings import bare, headings
from autograder.notebook.prose import Paragraph
from autograder.notebook.source import code_cells
from autograder.notebook.text import fold, sentences, words
from autograder.records import Evidence

_IS = re.compile(r"\b(?:is|are|was|were|est|sont|etait|i|we|je|nous|on)\b|\w ?:")


@dataclass(frozen=True, slots=True)
class Theme:
    """Patterns over folded text."""

    anywhere: re.Pattern[str]
    closing: re.Pattern[str]
    """Everyday words."""
    title: re.Pattern[str]
    """Headings below which every sentence is of this theme."""


STRENGTHS = Theme(
    re.compile(
        r"\bforces?\b|points? forts?|avantage|atout|meilleure?s?\b|performant|efficace|reussi|amelior|progress|surpass"
        r"|depass|\bgagn|fiable|strength|advantage|\bbest\b|better|outperform|improv|\bstrong|succe|benefit|reliable"
        r"|robuste\b|\bl'emporte|\bpros\b|\bwins?\b|winner|\bmore accurate\b"
    ),
    re.compile(
        r"(?:est|sont|reste|et|,) (?:tres |plus |assez |aussi )?(?:legere?s?|rapides?)\b|legerete|\bfast\b|\bquick"
        r"|\bgains?\b|highest|plus (?:eleve|haut|precis|juste)|superieur"
        r"|\b(?:copes?|does|works?) (?:very |quite |rather )?well"
        r"|(?:marche|fonctionne|comporte|resiste|supporte|se tient|lit) (?:tres |plutot |assez )?bien|plus side"
        r"|excellent|convainc|satisf|solid|compact|les \+ ?:|\brobust\b"
        r"|(?:moins|deux fois moins) d'erreurs|divis\w+ (?:par \w+ )?(?:les |l'|le taux d')?erreurs?|\bhalv(?:es?|ed"
        r"|ing)\b"
        r"|\b(?:fewer|half (?:of )?(?:the|as many)) (?:errors|mistakes)|\bde mieux\b|mieux que\b|bonnes reponses"
        r"|\bpass(?:e|ons|er) (?:ainsi |donc )?de \d|\bfrom \d[\d.,]* ?%? to \d|\bpret(?:e|s|es)? (?:pour|a)\b"
        r"|\bready\b|(?<!not )\bhelp(?:s|ed)? (?:the )?most\b|\baide(?:nt)? (?:le plus|surtout)\b"
        r"|\b(?:brings?|gives?|(?:r?apporte|donne)(?:nt)?) (?:by far |de loin )?(?:the most|le plus)\b"
    ),
    re.compile(r"points? forts?|^forces?\b|strength|avantage|^pros\b|reussi|works well|marche bien"),
)
WEAKNESSES = Theme(
    re.compile(
        r"faible|limite|inconvenient|difficult|sensible|\bcout|couteu|\blent|sur-?apprent|overfit|weak|drawback|struggl"
        r"|slow|sensitiv|\bfail|echou|echec|confond|confus|tromp|chute|degrad|baisse|\bperd|\bdrop|\bloses?\b|fragile"
        r"|moins (?:bon|robuste|precis|fiable|bien)|less (?:accurate|robust|reliable)|expensive|longer|plus long"
        r"|\bdownside|achilles|talon d'achille|\bcons\b"
    ),
    re.compile(
        r"(?<!a )peine(?:nt)?\b|(?<!pas )\bmal\b|\bhard\b|\bhurts?\b|\bpoor|misread|problem|mauvais|\bworse|\bworst"
        r"|\bpires?\b|cannot|can't|incapable|ne (?:sait|sont|lit|voi|resiste|suffit|supporte|reconnait|marche)\w* "
        r"(?:pas|plus)|pas encore|not yet|les - ?:|imparfait|insuffisant|not enough|does not|suffer|souffre|\bfragil"
        r"|\baveugles?\b|\bblind\b|effondr|s'ecroul|collaps|de travers|\brame(?:nt)?\b|mais pas (?:a|au|aux|contre"
        r"|sur)\b"
        r"|\btomb(?:e|ent|er|ait)\b|\bfalls?\b|\bfell\b|\bmiss(?:es|ed)?\b|\bbut not\b|fois plus de temps|times as long"
        r"|\breste(?:nt)? (?:encore )?(?:les? \d|des? erreurs?|\d+ erreurs?)|\bremain(?:s|ing)? (?:the "
        r"|of )?(?:\w+ )?(?:errors|mistakes)"
    ),
    re.compile(r"points? faibles?|faiblesse|weakness|limit|inconvenient|drawback|^cons\b|ne va pas|goes wrong|fails"),
)
ADVICE = Theme(
    re.compile(
        r"recomm?and|conseil|preconis|sugger|propos(?:ons|e|erai\w*) (?:de |d'|a )|il fau|devrai|pourrai|pourra\b"
        r"|pourron|a l'avenir|perspective|reten(?:ir|ons)|deploi|deploy|production|privilegi|recommend|suggest|should"
        r"|could|future|next steps?|advise|\bchoose|choisi|souhaitable|mieux vaut|vaut mieux|prochaines? (?:etape|fois)"
        r"|mettre en service|a interet a|aller plus loin|my pick"
    ),
    re.compile(
        r"\bwould\b|\bnext\b|\bpeu(?:t|vent) (?:etre |le |la |les |l'|donc |deja )*(?:mettre|mis|utilis|employ|servi"
        r"|prendre|adopter|installer)|\bcan (?:be |now |already |safely )*(?:use|run|install|adopt|ship|take)"
        r"|\bla suite\b|prochain|preferable|\bil serait|\b(?:je|j'|on|nous)\s?\w+(?:rais|rait|rions)\b"
        r"|\b(?:prenez|utilisez|employez|gardez|prevoyez|demandez|testez|essayez|ajoutez|choisissez|adoptez"
        r"|installez)\b"
        r"|a condition (?:de|d'|que)|a l'entreprise d|faire relire|\b(?:i|we|one)'d\b|\bship\b|(?:have|let) (?:a|an"
        r"|some) (?:clerk"
        r"|human|person|people|operator|employee)|worth (?:a try|trying)|si (?:j'avais|on avait|nous avions)\b"
        r"|\bgo with\b|\bto be tried\b|reste a \w+er\b|^use\b|\bit pays to\b|we keep\b|on garde\b|a mon avis"
    ),
    re.compile(r"recomm?and|recommend|perspective|next steps?|prochaine|future work|conseil|advice|pour la suite"),
)


def places(evidence: Evidence, judged: Sequence[Paragraph], theme: Theme) -> list[int]:
    """Cells with a sentence of six words or more of the theme: conclusions first, then other talk of results."""
    concluding = _concluding(evidence, judged)
    closing = concluding | section_cells(evidence, "comparison", "errors", "robustness")
    titled = set(_below(evidence, judged, theme.title))
    found = dict.fromkeys(
        paragraph.cell
        for paragraph in judged
        for sentence in sentences(paragraph.text)
        if _says_something(sentence, theme)
        and (paragraph in titled or _is_told(fold(sentence), theme, closing=paragraph.cell in closing))
    )
    return sorted(found, key=lambda cell: (cell not in concluding, cell not in closing))


def _says_something(sentence: str, theme: Theme) -> bool:
    """Six words, or four that name the theme and what is of it: "Their strength is speed;"."""
    count, folded = len(words(sentence)), fold(sentence)
    return count >= 6 or (count >= 4 and bool(theme.title.search(folded) and _IS.search(folded)))


def _is_told(folded: str, theme: Theme, *, closing: bool) -> bool:
    return bool(theme.anywhere.search(folded) or (closing and theme.closing.search(folded)))


def _concluding(evidence: Evidence, judged: Sequence[Paragraph]) -> frozenset[int]:
    """Cells under that heading, and those behind all code, where most conclusions stand."""
    last = max((cell.index for cell in code_cells(evidence.cells)), default=-1)
    behind = {paragraph.cell for paragraph in judged if paragraph.cell > last}
    return section_cells(evidence, "conclusion") | behind


def _below(evidence: Evidence, judged: Sequence[Paragraph], title: re.Pattern[str]) -> Iterator[Paragraph]:
    found = headings(evidence.cells)
    for paragraph in judged:
        place = (paragraph.cell, paragraph.line)
        above = [heading for heading in found if (heading.cell, heading.line) <= place]
        if above and title.search(bare(above[-1].title)):
            yield paragraph
