"""Headings as students write them, and which of the seven expected sections each one opens."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import fuzz

from autograder.notebook.shown import lines
from autograder.notebook.text import fold, plain, words
from autograder.records import Cell, CellKind

KINDS = ("introduction", "baseline", "improvements", "comparison", "errors", "robustness", "conclusion")

BOLD_LEVEL = 6
BANNER_LEVEL = 8

# Folded stems. In a title that holds several, the first kind of this list wins: "Comparaison des améliorations"
# compares, "Conclusion sur la robustesse" concludes.
_STRONG = {
    "conclusion": r"conclu|recomm?and|preconis|perspective|(?:bilan|synthese|discussion) (?:final|general|global)"
    r"|pour decider|\bdecision\b|a retenir|verdict"
    r"|wrap(?:ping)?.?up|take.?(?:away|home)|way forward|future work|en resume\b|pour finir|limites et"
    r"|(?:closing|final|last) (?:words?|thoughts?|remarks?)|to sum up|mot de la fin|en bref\b"
    r"|ce qu(?:e (?:je|j'en|on|nous)|'on|'il faut) (?:en )?reti?en|what (?:i|we) (?:have )?learn|ce que j'ai appris",
    "introduction": r"\bintro\b|introduc|contexte?\b|objecti[fv]|\bgoals?\b|problematique"
    r"|problem (?:statement|description)|presentation (?:du|de la|de l'|generale|et)|motivation|preambule|enonce"
    r"|mise en situation|cahier des charges|(?:demande|besoins?) de l'entreprise",
    "robustness": r"robust|bruit|\bnois[ey]|altere?e?s?\b|alteration|perturb|generali[sz]ation|adversari"
    r"|\battaques?\b|\battack|corrupt|degradees?\b|stress.?test|abimee?s?\b|deformee?s?\b|damaged|distort"
    r"|conditions? (?:reelles?|difficiles?)|real.?world|moins propres?|images? sales?\b|\bdirty\b",
    "errors": r"erreur|errors?\b|confusion|mal.?class|misclass|mal (?:predit|reconnu|lue?s?\b)|\bratees?\b"
    r"|(?:incorrect|wrong|bad) predict"
    r"|mistake|failure|echecs?\b|echoue|se tromp|(?:goes|gets?) wrong|(?:cnn|model|network|it) (?:still )?fails?\b"
    r"|classification report|rapport de classification|per.class|par (?:classe|chiffre)",
    "comparison": r"compar|tableau de bord|classement|ranking|scoreboard"
    r"|recapitul|\brecap\b|tableau (?:de suivi|des? |final|recap)|benchmark|leaderboard"
    r"|\bversus\b|\bvs\b|(?:results?|models?) (?:overview|summary)|(?:overview|summary) of (?:the )?(?:results|models)"
    r"|bilan chiffre|(?:synthese|bilan|vue d'ensemble|resume) des (?:resultat|modele|experience|essai|performance)",
    "improvements": r"amelior|improv|enhanc|modif(?:i|s?\b)|ablation|experiment|experience|optimi[sz]|variante?s?\b"
    r"|avancee?s?\b"
    r"|advanced|regulari[sz]|augmentation|hyper.?param|drop.?out|batch.?norm|learning.?rate|taux d'apprentissage"
    r"|early.?stop|\bessais?\b|\bpistes?\b|\bidees?\b|\bideas?\b|\bi (?:changed|tried)|j'ai (?:change|essaye|tente)"
    r"|changements?\b|tentatives?\b"
    r"|configurations? (?:testee|essayee)|tested config|combinaison"
    r"|tuning|grid.?search|proposition|proposed|transfer|deeper|plus profond",
    "baseline": r"baseline|(?:modele|reseau|cnn) (?:de (?:l'|la )?|d'|du )?(?:reference|base|initial|depart|temoin"
    r"|fourni"
    r"|existant|simple|original|origine|entreprise|prof\b|professeur|cours\b|enonce)"
    r"|(?:reference|initial|base|original|starting|simple|vanilla|provided|company(?:'s)?) (?:model|network|cnn)"
    r"|vanilla"
    r"|(?:premier|1er|first) (?:simple )?(?:modele|reseau|model|network|cnn)|point de depart|starting point",
}
_WEAK = {
    "introduction": r"^presentation|^background|^purpose|^aim\b|^but du|^(?:le |mon |notre )?(?:but|sujet)$|^(?:the "
    r"|ma |la )?(?:mission|task)$",
    "baseline": r"\breference\b|^modele 1\b|^model 1\b",
    "improvements": r"modeles? [2-9]|models? [2-9]|architecture|nouveau|approche",
    "comparison": r"resultat|tableau|table\b|results?\b|evaluation|performance",
    "errors": r"^analy",
    "robustness": r"rotation|permutation|translation|^(?:tests? de )?resistance",
    "conclusion": r"synthese|bilan|discussion|inferences?\b|summary|findings|^resume|^(?:mon )?avis\b|^limites?$"
    r"|^forces? et faiblesse",
}
_VARIANT = re.compile(
    r"(?:ameliorations?|improvements?|modif\w*|experiments?|experiences?|essais?|idees?|ideas?|pistes?|variante?s?|tentatives?)"
    r" (?:n ?° ?)?(?:\d{1,2}|[a-h])(?: ?[:.)–—-]|$)"
)
"""A title that counts its variants is of these, whatever it says of this one: "Improvement A: noise"."""
_STRONG_PATTERNS = {kind: re.compile(stem) for kind, stem in _STRONG.items()}
_WEAK_PATTERNS = {kind: re.compile(stem) for kind, stem in _WEAK.items()}
_SPELT = {
    "introduction": ("introduction", "objectifs", "contexte"),
    "baseline": ("baseline",),
    "improvements": ("ameliorations", "improvements", "modifications"),
    "comparison": ("comparaison", "comparison", "comparatifs"),
    "errors": ("erreurs",),
    "robustness": ("robustesse", "robustness"),
    "conclusion": ("conclusion", "conclusions", "recommandations"),
}
_NUMBERING = re.compile(
    r"^(?:(?:etape|partie|section|question|chapitre|step|part|chapter|exercice)\s*)?"
    r"(?:\(?(?:\d{1,2}(?:\.\d{1,2})*|[ivx]{1,4}|[a-h])\)?\s*[.)/:\-–—]+\s*|\d{1,2}\s+)+",
)
_LABEL = re.compile(r"^\W*(?:etape|partie|section|step|part|chapter|\d{1,2}\s*[.)/:-]|[ivx]{1,4}\s*[.)/-])", re.I)
_RULE = re.compile(r"[=\-*~#_─━═]{3,}")
_BOLD = re.compile(r"\W{0,4}(\*\*\*?|__|<(?:b|strong|u)>)(.+?)(?:\*\*\*?|__|</(?:b|strong|u)>)")
_RULE_LINE = re.compile(r"^\s*#\s*[=\-*~#_─━═]{5,}\s*$|print\(.*(?:[=\-*#_]{5,}|['\"][=\-*#_]['\"]\s*\*)")


@dataclass(frozen=True, slots=True)
class Heading:
    cell: int
    line: int
    """0-based line of the cell."""
    level: int
    """1 to 6 as Markdown; a line in bold is 6, a banner in code 8."""
    title: str
    height: int = 1
    """Lines it takes."""

    @property
    def banner(self) -> bool:
        return self.level == BANNER_LEVEL


def headings(cells: Iterable[Cell]) -> tuple[Heading, ...]:
    """All headings in order; those in code only where they plainly name an expected section."""
    found: list[Heading] = []
    for cell in cells:
        if cell.kind is CellKind.MARKDOWN:
            found.extend(_markdown(cell))
        elif cell.kind is CellKind.CODE:
            found.extend(banner for banner in _banners(cell) if kinds(banner.title, sure=True))
    return tuple(found)


def heading_lines(cell: Cell) -> frozenset[int]:
    """Numbers of the lines of a Markdown cell that belong to headings."""
    return frozenset(line for heading in _markdown(cell) for line in range(heading.line, heading.line + heading.height))


def bare(title: str) -> str:
    """A title folded, without emoji and numbering: ``✅ 5-) Conclusion :`` becomes ``conclusion``."""
    folded = re.sub(r"^[^\w(]+", "", fold(title)).replace("_", " ")
    return _NUMBERING.sub("", folded, count=1).strip(" :.-–—*")


def kinds(title: str, *, sure: bool = False) -> tuple[str, ...]:
    """Which sections a title opens: mostly one or none; both in "Résultats comparatifs et analyse des erreurs".

    ``sure`` leaves out titles that say it in words of many meanings ("Résultats", "Analyse").
    """
    folded = bare(title)
    aside = re.sub(r"\([^)]*\)", " ", folded)
    if aside != folded and (found := kinds(aside, sure=True)):
        return found
    if _VARIANT.match(folded):
        return ("improvements",)
    parts = [part for part in re.split(r" et | and | & | \+ |/|, ", folded) if part]
    strong = list(dict.fromkeys(kind for part in parts if (kind := _first(part, _STRONG_PATTERNS))))
    whole = _first(folded, _STRONG_PATTERNS)
    if len(strong) > 1 and "conclusion" not in strong[:1]:
        return tuple(strong)
    if whole:
        return (whole,)
    if spelt := _misspelt(folded):
        return (spelt,)
    weak = "" if sure else _first(folded, _WEAK_PATTERNS)
    return (weak,) if weak else ()


def _first(title: str, patterns: dict[str, re.Pattern[str]]) -> str:
    return next((kind for kind, pattern in patterns.items() if pattern.search(title)), "")


def _misspelt(title: str) -> str:
    """``Conlusion`` and ``robustese`` are understood."""
    for word in re.findall(r"\w{7,}", title):
        for kind, known in _SPELT.items():
            if any(fuzz.ratio(word, right) >= 88 for right in known):
                return kind
    return ""


def _markdown(cell: Cell) -> Iterator[Heading]:
    return (Heading(cell.index, *title) for title in _titles(cell.source))


@lru_cache(maxsize=64)
def _titles(source: str) -> tuple[tuple[int, int, str, int], ...]:
    """Line, level, title and height of each heading; every check asks for them anew."""
    found: list[tuple[int, int, str, int]] = []
    text = [*(line[:1000] for line in lines(source)), ""]
    for number, line in enumerate(text[:-1]):
        if not line.strip():
            continue
        if (underline := _underline(text, number)) is not None:
            found.append((number, underline, plain(line), 2))
        elif (level := _level(line)) and words(plain(line)):
            found.append((number, level, plain(line), 1))
        elif _stands_alone(text, number) and _announces(line) and _short(line):
            found.append((number, BOLD_LEVEL, plain(line), 1))
    return tuple(found)


def _level(line: str) -> int:
    text = re.sub(r"</?(?:font|span|center)\b[^<>]{0,200}>", "", line, flags=re.I).strip()
    if mark := re.match(r"(#{1,6})\s*[^#\s]", text):
        return len(mark.group(1))
    if mark := re.match(r"(?:<(?:center|div|p|font|span)\b[^>]*>\s*)*<h([1-6])\b", text, re.I):
        return int(mark.group(1))
    # The blanks and the colon behind the marks are taken off first: looked for within the line, they cost its square.
    inside = _BOLD.fullmatch(text.removesuffix(":").rstrip())
    return BOLD_LEVEL if inside and len(words(inside.group(2))) <= 12 and not inside.group(2).endswith(".") else 0


def _underline(source: list[str], number: int) -> int | None:
    """Level of a setext heading whose text is this line."""
    if re.fullmatch(r"\s*={3,}\s*", source[number + 1]) and words(source[number]):
        return 1
    alone = number == 0 or not source[number - 1].strip()
    if re.fullmatch(r"\s*-{3,}\s*", source[number + 1]) and alone and 0 < len(words(source[number])) <= 12:
        return None if "|" in source[number] else 2
    return None


def _stands_alone(source: list[str], number: int) -> bool:
    return not source[number + 1].strip() and (number == 0 or not source[number - 1].strip())


def _announces(line: str) -> bool:
    return bool(_LABEL.match(fold(line))) or line.rstrip(" *_").endswith(":")


def _short(line: str) -> bool:
    """A short line without marks that plainly names an expected section."""
    title = plain(line)
    return len(words(title)) <= 7 and not title.endswith((".", ";", "!")) and bool(kinds(line, sure=True))


def _banners(cell: Cell) -> Iterator[Heading]:
    """Titles drawn in comments and in what is printed."""
    source = [line[:300] for line in cell.source.split("\n")]
    first = next((number for number, line in enumerate(source) if line.strip()), 0)
    for number, line in enumerate(source):
        text = _comment_title(source, number, line, opens=number <= first) or _printed_title(source, number, line)
        if text and len(words(text)) <= 10:
            yield Heading(cell.index, number, BANNER_LEVEL, text)


def _comment_title(source: list[str], number: int, line: str, *, opens: bool) -> str:
    comment = re.match(r"\s*(#+)\s*(.*)", line)
    if not comment:
        return ""
    text = comment.group(2).strip(" =-*~#_─━═%")
    ruled = _RULE.search(comment.group(2)) or len(comment.group(1)) > 1 or _between_rules(source, number)
    cell_mark = comment.group(2).startswith("%%")
    told = ruled or cell_mark or text.isupper() or _LABEL.match(fold(text)) or (opens and _is_title(line))
    return text if told else ""


def _is_title(line: str) -> bool:
    """Whether a comment that opens its cell is as short and capital as a title."""
    text = line.strip("# :")
    return text[:1].isupper() and 0 < len(words(text)) <= 3


def _printed_title(source: list[str], number: int, line: str) -> str:
    printed = re.match(r"\s*print\(\s*f?r?(['\"]{1,3})(.*?)\1", line)
    if not printed:
        return ""
    text = printed.group(2).replace("\\n", " ")
    ruled = _RULE.search(text) or _between_rules(source, number)
    return text.strip(" =-*~#_─━═") if ruled else ""


def _between_rules(source: list[str], number: int) -> bool:
    near = [source[place] for place in (number - 1, number + 1) if 0 <= place < len(source)]
    return any(_RULE_LINE.search(text) for text in near)
