"""Reasons in prose for the modifications that were trained: a heuristic over words of cause and purpose.

It finds that a reason is given and where; whether the reason is right is for a reader.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from autograder.checks.differences import Change, Family
from autograder.checks.trials import Trial, name_of
from autograder.notebook.headings import heading_lines
from autograder.notebook.prose import Origin, Paragraph, paragraphs
from autograder.notebook.shown import shown
from autograder.notebook.source import code_cells, functions, parse, python
from autograder.notebook.text import fold
from autograder.records import Cell, CellKind, Evidence, Training

MOST = 40
"""Modifications that are looked at; a search over hundreds of settings is not justified one by one."""

_FRENCH = (
    r"parce qu|puisqu|c'est pour(?:quoi| (?:ca|cela))|du coup\b|comme ca\b",
    r"afin (?:de|d'|que|qu')|en effet\b|grace a\b|dans le but|pour qu",
    r"de (?:sorte|maniere|facon) (?:a|qu)",
    r"donc (?!on (?:obtient|a|voit)|nous (?:obtenons|avons|voyons)|le (?:meilleur|modele final))\w",
    r"car (?:l[ea']|les|il|elle|on|ce|ca|cel|nous|je|une?|avec|sans|plus|trop|sinon|en|dans|mon|notre|cette|chaque)",
    r"pour (?:(?:mieux|ne|pas|plus|bien|y|en|le|la|les|l'|se|s'|lui|nous|me|m'|davantage) ?){0,3}"
    r"(?!premier|dernier|papier)[\w-]+(?:er|ir|oir|uire|ndre|aire|mettre|aitre|oudre|suivre)\b",
    r"vis(?:e|ent|ant) a\b|perme(?:t|ts|ttre|ttent|ttant|ttrait)\b|evit(?:e|er|ent|ant|erait)\b|redui(?:t|sent)\b",
    r"empech|lutter? contre|contre le sur.?apprentissage|devrai(?:t|ent)\b|hypothese|l'idee\b|(?:s'|m')attend|suppos",
    r"aid(?:e|ent|er) (?:a|le|la|les)\b|oblige|force(?:r|nt)? (?:a|le|la|les)\b|stabilis|favoris",
)
_VERBS = (
    "reduce|avoid|prevent|improve|limit|help|make|capture|increase|speed|stabili[sz]e|learn|force|give|see|fight|"
    "regulari[sz]e|let|allow|extract|decrease|lower|keep|get|test|check|find|control|counter|mitigate|encourage"
)
_ENGLISH = (
    r"because\b|so that\b|in order to\b|since\b|therefore\b|thus\b|due to\b|the idea\b|hypothesis\b",
    rf"to (?:\w+ly )?(?:{_VERBS})\b",
    r"helps?\b|prevents?\b|avoids?\b|reduces?\b|allows?\b|should\b|expect|encourages?\b",
)
_REASON = re.compile("|".join(rf"\b(?:{words})" for words in (*_FRENCH, *_ENGLISH)))
"""Words of cause and purpose, in folded text."""

_TOPICS = (
    (r"dropout", r"drop.?out|decrochage"),
    (r"normalization", r"batch.?norm|normali[sz]ation|\bbn\b"),
    (r"noise", r"bruit|noise"),
    (r"^l1|^l2|regulari[sz]|weight_decay|constraint", r"\bl1\b|\bl2\b|regulari[sz]|weight decay|penali|poids"),
    (r"^optimizer$|momentum|nesterov|beta|rho", r"optimi[sz]|\bsgd\b|rmsprop|\badam|nadam|adagrad|adadelta|momentum"),
    (
        r"learning_rate|schedule|plateau|decay",
        r"taux d'apprentissage|learning.?rate|\blr\b|schedul|plateau|decroissan|decay",
    ),
    (r"batch_size", r"batch|\blots?\b|mini.?lot"),
    (r"^loss$", r"perte|\bloss\b|entrop"),
    (r"^filters$", r"filtre|filter"),
    (r"kernel_size", r"noyau|kernel|\b[57] ?[x×] ?[57]\b"),
    (r"^units$", r"neurone|unite|units|dense|neuron"),
    (r"activation", r"activation|relu|\belu\b|tanh|gelu|swish|sigmoid"),
    (
        r"^layers$",
        r"couche|convolution|conv2d|profond|\blayers?\b|deep|dense|pooling|architecture|\bbloc|residu|reseau",
    ),
    (r"^epochs$", r"epoque|epoch|plus longtemps|longer"),
    (r"stop", r"early.?stop|arret (?:anticipe|premature|precoce)|patience"),
)
_FAMILIES = {
    Family.ARCHITECTURE: r"architecture|couche|convolution|\blayers?\b|reseau|network|filtre|filter",
    Family.REGULARISATION: r"regulari[sz]|sur.?apprentissage|over.?fit",
    Family.HYPERPARAMETERS: r"hyper.?param",
    Family.AUGMENTATION: r"augment|rotation|zoom|decalage|translation|shift|flip|deform|transform",
    Family.STRATEGY: r"entrainement|training|callback|strateg",
}
_QUOTED = 118
"""Characters of a reason that the sheet shows, and so lines at most."""
_GENERIC = frozenset({"model", "modele", "cnn", "net", "network", "mdl", "reseau"})


@dataclass(frozen=True, slots=True)
class Justified:
    trial: Trial
    share: float
    cell: int | None = None
    quote: str = ""


def justifications(
    trials: Sequence[Trial], evidence: Evidence, *, words: int, comment_share: float
) -> tuple[Justified, ...]:
    """The best reason for each modification; each serves one only, and the assignment is the best there is overall."""
    looked_at = trials[:MOST]
    own = [*paragraphs(evidence.cells, evidence.template_cells), *_docstrings(evidence.cells, evidence.template_cells)]
    reasons = [(paragraph, copy) for paragraph in own for copy in range(_reasons(paragraph, words))]
    if not reasons:
        return tuple(Justified(trial, 0.0) for trial in looked_at)
    from scipy.optimize import linear_sum_assignment  # a third of a second, for whoever has nothing to match

    weights = _weights(looked_at, reasons, evidence, comment_share)
    chosen = dict(zip(*linear_sum_assignment(weights, maximize=True), strict=True))
    return tuple(
        _justified(trial, reasons[chosen[row]][0], comment_share, evidence.cells)
        if row in chosen and weights[row, chosen[row]] > 0
        else Justified(trial, 0.0)
        for row, trial in enumerate(looked_at)
    )


def _justified(trial: Trial, paragraph: Paragraph, comment_share: float, cells: Sequence[Cell]) -> Justified:
    quote = " ".join(_written(paragraph, cells).split())
    return Justified(
        trial,
        _worth(paragraph, comment_share),
        paragraph.cell,
        quote[: _QUOTED - 1] + "…" if len(quote) > _QUOTED else quote,
    )


def _written(paragraph: Paragraph, cells: Sequence[Cell]) -> str:
    """With the signs that nobody sees, which were set aside: a reader is shown that they are there."""
    source = next((one.source for one in cells if one.index == paragraph.cell and one.kind is CellKind.MARKDOWN), None)
    if source is None:
        return paragraph.text
    return "\n".join(shown(source).written(paragraph.line, paragraph.text.split("\n", _QUOTED)[:_QUOTED]))


def _worth(paragraph: Paragraph, comment_share: float) -> float:
    return comment_share if paragraph.origin is Origin.COMMENT else 1.0


def _reasons(paragraph: Paragraph, words: int) -> int:
    """How many modifications a paragraph can justify: as many as it has reasons and words for."""
    # A row of a table speaks in key words.
    least = max(1, 2 * words // 3) if paragraph.origin is Origin.TABLE else words
    return min(len(_REASON.findall(fold(paragraph.text))), paragraph.words // least)


def _docstrings(cells: Iterable[Cell], template_cells: Sequence[str]) -> Iterator[Paragraph]:
    given = {text for source in template_cells for _, text in _documented(source)}
    for cell in code_cells(cells):
        for line, text in _documented(cell.source):
            if text not in given:
                yield Paragraph(cell.index, line, text, Origin.COMMENT)


def _documented(source: str) -> Iterator[tuple[int, str]]:
    tree = parse(python(source))
    for function in functions([tree] if tree else []):
        if text := ast.get_docstring(function):
            yield function.lineno - 1, text


# --- which reason may serve which modification ---------------------------------------------------------------------


def _weights(
    trials: Sequence[Trial], reasons: Sequence[tuple[Paragraph, int]], evidence: Evidence, comment_share: float
) -> npt.NDArray[np.float64]:
    """(modifications, reasons); 0 where a reason has nothing to do with a modification."""
    weights = np.zeros((len(trials), len(reasons)))
    for row, trial in enumerate(trials):
        near, names, topic = _near(trial, evidence), _names(trial.training, evidence), _topic(trial.changes)
        for column, (paragraph, copy) in enumerate(reasons):
            text = fold(paragraph.text)
            about = 4 * bool(names and names.search(text)) + 2 * bool(topic.search(text))
            # A paragraph that says neither name nor change serves one neighbour, however many reasons it holds.
            fits = about + (paragraph.cell in near and (copy == 0 or about > 0))
            weights[row, column] = _worth(paragraph, comment_share) * (100 + fits) if fits else 0.0
    return weights


def _topic(changes: Sequence[Change]) -> re.Pattern[str]:
    """Words by which prose would speak of these changes, in French and English, folded."""
    known = [words for change in changes for name, words in _TOPICS if re.search(name, change.name, re.I)]
    return re.compile("|".join(known + [_FAMILIES[change.family] for change in changes]))


def _names(training: Training, evidence: Evidence) -> re.Pattern[str] | None:
    """Names of the model that prose could use; names that fit any model are none."""
    bound = [name for name, model in evidence.ledger.bindings.items() if model == training.model]
    told = {fold(name) for name in (name_of(training, evidence), training.builder, *training.labels.values(), *bound)}
    told |= {name.replace("_", " ") for name in told}
    kept = sorted(re.escape(name) for name in told if len(name) >= 3 and name not in _GENERIC)
    return re.compile(rf"(?<!\w)(?:{'|'.join(kept)})(?!\w)") if kept else None


def _near(trial: Trial, evidence: Evidence) -> frozenset[int]:
    """Cells that define, build or train the model, and the text cells that belong to these."""
    training = trial.training
    anchors = {evidence.cell_of(training.execution_count), evidence.cell_of(training.built_count)}
    anchors.add(_definition(training, evidence))
    places = {cell.index: place for place, cell in enumerate(evidence.cells)}
    known = [places[anchor] for anchor in anchors if anchor in places]
    return frozenset(index for place in known for index in _around(evidence.cells, place))


def _definition(training: Training, evidence: Evidence) -> int | None:
    """The last cell before the training that defines the builder, a function or the class of a PyTorch model.

    Notebooks define a name more than once.
    """
    trained = evidence.cell_of(training.execution_count)
    found = None
    for cell in code_cells(evidence.cells) if training.builder else ():
        tree = parse(python(cell.source))
        defined = {one.name for one in functions([tree] if tree else [])}
        defined |= {one.name for one in ast.walk(tree) if isinstance(one, ast.ClassDef)} if tree else set()
        if training.builder in defined and (trained is None or cell.index <= trained):
            found = cell.index
    return found


def _around(cells: Sequence[Cell], place: int) -> Iterator[int]:
    """The cell, the text above it up to its heading, and the text below it up to the next heading."""
    yield cells[place].index
    for cell in reversed(cells[:place]):
        if cell.kind is CellKind.CODE:
            break
        yield cell.index
        if _opens(cell):
            break
    for cell in cells[place + 1 :]:
        if cell.kind is CellKind.CODE or _opens(cell):
            break
        yield cell.index


def _opens(cell: Cell) -> bool:
    """Whether a text cell begins with a heading."""
    first = next((number for number, line in enumerate(cell.source.split("\n")) if line.strip()), None)
    return cell.kind is CellKind.MARKDOWN and first is not None and first in heading_lines(cell)
