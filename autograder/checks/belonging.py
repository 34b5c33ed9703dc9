"""Which text may speak of which modification: by where it stands, and by the names and topics that it holds."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from autograder.checks.differences import Change, Family
from autograder.checks.trials import Trial, name_of, preparations
from autograder.notebook.headings import heading_lines
from autograder.notebook.source import code_cells, functions, parse, python
from autograder.notebook.text import fold
from autograder.records import Cell, CellKind, Evidence, Training

NAME, NEAR, TOPIC, FAMILY = 16, 5, 4, 2
"""What counts for a text: its name more than all else together; then that it stands beside it and what it speaks of."""
_MOST = 200
"""Trainings whose names are looked at."""
_KEY = re.compile(r"\[['\"]([^'\"\]]{1,60})['\"]\]")
_KIND = re.compile(r"(?<!\w)[A-Z]\w{1,60}")
_USUAL = frozenset({"Dense", "Add", "Flatten"})
"""Classes whose name is a word of every sentence on networks."""
_TOPICS = (
    (r"dropout", r"drop.?out|decrochage"),
    (r"normalization", r"batch.?norm|normali[sz]ation|\bbn\b"),
    (r"noise", r"bruit|noise"),
    (r"^l1|^l2|regulari[sz]|weight_decay|constraint", r"\bl1\b|\bl2\b|regulari[sz]|weight decay|penali|poids"),
    (r"use_ema", r"moyenne exponentielle|\bema\b|moving average|moyenn\w+ (?:de |des |les )?poids|poids moyenn"),
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
        r"couche|convolution|conv2d|profond|\blayers?\b|deep|dense|pooling|architecture|\bbloc|residu"
        r"|plus (?:grand|large|gros|petit|leger)|(?:larger|bigger|wider|smaller) (?:model|net)",
    ),
    (r"^epochs$", r"epoque|epoch|plus longtemps|longer"),
    (r"smoothing", r"liss(?:age|e)|smooth"),
    (
        r"^targets$",
        r"distill|liss(?:age|e)|smooth|mix.?up|melang|\bsoft|douce|professeur|enseignant|teacher|\beleve|student",
    ),
    (r"^starting weights$", r"pre.?(?:train|entrain)|fine.?tun|transfer|auto.?encod|affinage|gele|frozen|freez|geler"),
    (r"stop", r"early.?stop|arret (?:anticipe|premature|precoce)|patience"),
    (r"rotation|rot90", r"rotation|rotat|tourn|inclin|pivot|penche|tilt"),
    (r"shift|translation|roll", r"decal|translat|shift|deplac|mal centre|off.?cent"),
    (r"zoom|scale", r"zoom|agrandi|rapproch|echelle|scal(?:e|ing)"),
    (r"flip|mirror", r"flip|miroir|retourne|symetri|mirror"),
    (r"brightness", r"luminos|eclair|bright|sombre|dark"),
    (r"contrast", r"contrast"),
    (r"crop", r"crop|recadr|rogn"),
    (r"erasing|cutout", r"eras|cut.?out|masqu|mask|effac|occlu"),
    (r"mix_?up|cut_?mix", r"mix.?up|cut.?mix|melang"),
)
_FAMILIES = {
    Family.ARCHITECTURE: r"architecture|couche|convolution|\blayers?\b|filtre|filter",
    Family.REGULARISATION: r"regulari[sz]|sur.?apprentissage|over.?fit",
    Family.HYPERPARAMETERS: r"hyper.?param",
    Family.AUGMENTATION: r"augment|rotation|zoom|decal|translat|shift|flip|deform|transform",
    Family.STRATEGY: r"callback|strateg",
}
"""What every text on networks says, such as "network" and "training", is left out."""
_GENERIC = frozenset({"model", "modele", "cnn", "net", "network", "mdl", "reseau"})
_COUNTED = (
    r"(?:modele|model|variante?|version|essai|experience|experiment|trial|run|amelioration|improvement|modification"
    r"|config(?:uration)?|reseau|network|cnn)s?(?:\s+(?:ameliore\w*|modifie\w*|improved|modified))?[\s_#]*(?:n[°o]\.?\s*)?"
)
"""Before a number."""
_NUMBERED = re.compile(
    rf"^[\W_]*(?:(?:le|the|notre|our)\s+)?{_COUNTED}(\d{{1,2}})\b(?:\s*\([^)\n]{{0,80}}\))?[\s*_]*(?:[:—–.=-]|$)"
)
"""What a line that speaks of one of several numbered models begins with, folded: "Modèle 2 : ..."."""
_NO_TOPIC = frozenset(
    "random stateless range adjust image images augment augmented augmentation height width altered".split()
)
"""Of the names of what alters images, words that stand in many of them."""
_LAST_NUMBER = re.compile(r"(\d{1,2})\W*$")


@dataclass(frozen=True, slots=True)
class Belonging:
    """By what a text shows that it belongs to a modification."""

    trial: Trial
    near: frozenset[int]
    names: re.Pattern[str] | None
    topic: re.Pattern[str] | None
    kinds: re.Pattern[str] | None
    family: re.Pattern[str]
    number: int | None = None
    """Its own, where the notebook numbers its modifications, and its text calls each of them by that number."""

    def excludes(self, text: str) -> bool:
        """Whether a text says of itself that it is on another of the numbered modifications."""
        told = _number(text) if self.number is not None else None
        return told is not None and told != self.number

    def about(self, text: str) -> int:
        """The name of the model before all else, twice where the text begins with its number; then what was changed,
        then what kind of change it is."""
        folded = fold(text)
        named = bool(self.names and self.names.search(folded))
        changed = bool((self.topic and self.topic.search(folded)) or (self.kinds and self.kinds.search(text)))
        headed = self.number is not None and _number(text) == self.number
        return NAME * (named + headed) + TOPIC * changed + FAMILY * bool(self.family.search(folded))


def belongings(trials: Sequence[Trial], evidence: Evidence) -> list[Belonging]:
    """One for each modification; what several models are called tells none of them."""
    numbers = _numbers(trials, evidence)
    return [
        Belonging(
            trial=trial,
            near=_near(trial, evidence),
            names=_name_pattern(_names(trial.training, evidence) - _names_of_others(trial, evidence), number),
            topic=_topic(trial.changes),
            kinds=_kinds(trial.changes),
            family=re.compile("|".join(_FAMILIES[family] for family in trial.families)),
            number=number,
        )
        for trial, number in zip(trials, numbers, strict=True)
    ]


def _numbers(trials: Sequence[Trial], evidence: Evidence) -> Sequence[int | None]:
    """Of each modification, where code and text number them alike: where one of both begins to count at the baseline,
    or leaves one out, nobody knows which is which."""
    found = [_LAST_NUMBER.search(name_of(trial.training, evidence)) for trial in trials]
    numbers = [int(one.group(1)) for one in found if one]
    lines = (line for cell in evidence.cells if cell.kind is CellKind.MARKDOWN for line in cell.source.splitlines())
    told = {number for line in lines if (number := _number(line)) is not None}
    alike = len(numbers) == len(trials) > 1 and len(set(numbers)) == len(numbers) and told == set(numbers)
    return numbers if alike else [None] * len(trials)


def _number(text: str) -> int | None:
    found = _NUMBERED.search(fold(text[:200].partition("\n")[0]))
    return int(found.group(1)) if found else None


def _names_of_others(trial: Trial, evidence: Evidence) -> frozenset[str]:
    own = {trial.training.model, *(one.model for one in trial.again)}
    others = [one for one in evidence.ledger.trainings[:_MOST] if one.model not in own]
    return frozenset(name for one in others for name in _names(one, evidence))


def _topic(changes: Sequence[Change]) -> re.Pattern[str] | None:
    """Words by which prose would speak of these changes, in French and English, folded."""
    known = [words for change in changes for name, words in _TOPICS if re.search(name, change.name, re.I)]
    known += [word for change in changes if change.family is Family.AUGMENTATION for word in _called(change.name)]
    return re.compile("|".join(known)) if known else None


def _called(name: str) -> Iterator[str]:
    """Words of a function that alters images: the notebook's own names are such."""
    words = re.findall(r"[a-z]{4,}", fold(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)))
    return (word for word in words if word not in _NO_TOPIC)


def _kinds(changes: Sequence[Change]) -> re.Pattern[str] | None:
    """Classes of layers, callbacks and optimisers that were added, as they are written: ``SE``, ``LayerScale``."""
    told = [kind for change in changes for kind in _KIND.findall(f"{change.name} {change.text}")]
    kept = sorted({re.escape(kind) for kind in told if kind not in _USUAL})
    return re.compile(rf"(?<!\w)(?:{'|'.join(kept)})(?!\w)") if kept else None


def _names(training: Training, evidence: Evidence) -> frozenset[str]:
    """Names of the model that prose could use, folded; names that fit any model are none."""
    bound = [name for name, model in evidence.ledger.bindings.items() if model == training.model]
    told = {name_of(training, evidence), training.builder, *training.labels.values(), *bound}
    told |= {key for name in told for key in _KEY.findall(name)}  # models['dropout']
    folded = {fold(name) for name in told}
    folded |= {name.replace("_", " ") for name in folded}
    return frozenset(name for name in folded if len(name) >= 3 and name not in _GENERIC)


def _name_pattern(names: Iterable[str], number: int | None) -> re.Pattern[str] | None:
    """Words are found with an ending as well: ``wide`` in "wider", ``smooth`` in "smoothed"."""
    kept = sorted(re.escape(name) + (r"\w{0,3}" if len(name) >= 4 else "") for name in names)
    kept += [rf"{_COUNTED}{number}"] if number is not None else []
    return re.compile(rf"(?<!\w)(?:{'|'.join(kept)})(?!\w)") if kept else None


def _near(trial: Trial, evidence: Evidence) -> frozenset[int]:
    """Cells that define, build or train the model or prepare its weights, and the text cells that belong to these."""
    sources = [one for one in evidence.ledger.trainings if one.number in trial.training.learnt_from]
    anchors: set[int | None] = set()
    for training in (trial.training, *preparations([*sources, trial.training])):
        anchors |= {evidence.cell_of(training.execution_count), evidence.cell_of(training.built_count)}
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
