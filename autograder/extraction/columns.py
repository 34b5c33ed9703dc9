"""What the headings and the names of a table say; heuristics, of folded text in several languages."""

from __future__ import annotations

import re
from collections.abc import Sequence

from autograder.notebook.text import fold, words

LABEL = re.compile(
    r"^(?:nom |name )?(?:du |de |of )?(?:the )?(?:modeles?|models?|modifications?|methodes?|methods?|experiences?"
    r"|experiments?|essais?|trials?|variantes?|variants?|configurations?|config|architectures?|reseaux?|networks?|runs?"
    r"|approches?|approach|noms?|names?|versions?|modell\w*|netz\w*|variante\w*|versuch\w*|modelos?|redes|red|nombre"
    r"|experimentos?|modello|modelli|rete|reti|cambios?|anderung\w*)\b"
)
_ACCURACY = re.compile(
    r"accurac|\b(?:test|val\w*|train)?acc\b|precision|exactitud|\btaux de (?:reussite|reconnaissance|bonne)|\bscore\b"
    r"|justesse|reussite|genauigkeit|trefferquote|acuracia|exatidao|accuratezza|nauwkeurigheid|aciertos|\btop.?1\b"
    r"|bien classe|bonnes? (?:reponse|prediction|classification)s?|% ?(?:of )?(?:correct|juste|richtig|bonne)"
    r"|\b(?:correct|juste|richtig|bonne)\w*.*%"
)
ERROR = re.compile(
    r"(?:taux|%) d'?\s?erreurs?|error.?rate|test.?error|\berreurs? ?(?:\(?%|de test|test)|^(?:err|error|erreur)$"
)
TIME = re.compile(
    r"\btemps\b|\btime\b|duree|duration|seconde?s?\b|training_time|train_time|\bt \(s\)|elapsed|minutes?\b"
)
COMMENT = re.compile(
    r"comment|observation|remarque|notes?\b|justification|analyse|analysis|conclusion|remarks?|avis|description|effet"
)
NOT_ACCURACY = re.compile(
    r"loss|perte|f1|recall|rappel|\bgap\b|ecart|gain|delta|diff|amelior|improv|param|top.?(?!1\b)\d|\bauc\b|\bepo|std|\bmacro|"
    r"objectif|target|per image|par image|robust|bruit|nois[ey]|rotat"
)
_CONDITION = re.compile(
    r"^(?:les |the |on |sur |sur les |with |avec )?(?:donnees?|data|images?|test|train\w*|valid\w*|val|clean|propres?"
    r"|normal\w*|origina\w*|bruit\w*|nois\w*|rotat\w*|rotee?s?|altere\w*|translat\w*|decal\w*|flou\w*|blur\w*|zoom\w*"
    r"|lumin\w*|bright\w*|contrast\w*|occlusion\w*|gauss\w*|sigma|angle|loss|perte|accuracy|acc|precision|epochs?"
    r"|epoques?|total|moyenne|mean|macro|weighted|micro|classe?s?|chiffres?|digits?|label|time|temps|params?"
    r"|parametres?|score|erreurs?|errors?)\b"
)
_DEVIATION = re.compile(r"\W*(?:\b(?:mean|avg|average|moyenne|mittel\w*)\b)?\s*(?:±|\+/-|\+-).*")
"""Of a heading: ``Accuracy (mean ± std)`` is a column of accuracies."""
_FIGURE = re.compile(r"\d[.,]\d|\d\s?%")
"""A result, which no heading holds: the first of several lines without one was taken for it."""
_UNIT = re.compile(
    r"m?s|secs?|secondes?|seconds?|mn|mins?|minutes?|h|heures?|hours?|e|pts?|points?|percent|pour|cent|nan"
)
LEARNT = re.compile(r"train(?!ing time)|entrainement|apprentissage")
_VALIDATION = re.compile(r"\bval(?:id\w*)?\b|\bval(?=acc|[ _-])|\bdev\b")


def kind_of(heading: str) -> str:
    """``validation`` where the heading speaks of it, and not of a test."""
    folded = fold(heading).replace("_", " ")
    return "validation" if _VALIDATION.search(folded) and "test" not in folded else ""


def is_accuracy(heading: str) -> bool:
    folded = _DEVIATION.sub("", fold(heading).replace("_", " "))
    if NOT_ACCURACY.search(folded) or _FIGURE.search(folded):
        return False
    return len(folded) < 60 and bool(_ACCURACY.search(folded) or ERROR.search(folded))


def rank(heading: str) -> tuple[bool, bool, bool]:
    """Accuracy on test data before any other, error rates last."""
    return (
        "test" in heading,
        not LEARNT.search(heading) and not _VALIDATION.search(heading),
        not ERROR.search(heading),
    )


def is_name(text: str) -> bool:
    """Words that are more than the units of numbers: ``12 époques`` names a model, ``1 min 12 s`` is a time."""
    return any(not _UNIT.fullmatch(word) for word in words(fold(text)))


def names_a_model(label: str) -> bool:
    return bool(words(label)) and (label[0].isalpha() or is_name(label))


def about_conditions(labels: Sequence[str]) -> bool:
    """Whether the rows are data sets, corruptions or classes rather than models."""
    return 2 * sum(bool(_CONDITION.search(fold(label))) for label in labels) > len(labels)
