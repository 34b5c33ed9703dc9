"""Models whose answers the notebook puts together: which ones, how, and the figure that says so.

No ledger tells what becomes of predictions. Models that answer for the same images side by side, and whose answers put
together give exactly the figure that the notebook then states, are an ensemble; where code or a name says so, they are
taken for one without a figure as well, which is a heuristic.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from autograder.extraction import measures
from autograder.extraction.choice import headings
from autograder.extraction.fidelity import TOLERANCE, Account, Claim, figures
from autograder.extraction.grids import stdout
from autograder.extraction.grouping import Scope
from autograder.extraction.matching import Candidate, used
from autograder.extraction.probing import Probed
from autograder.notebook.accuracies import MAX_CHARACTERS, MAX_LINE
from autograder.records import CellKind, Evaluation, say

Floats: TypeAlias = npt.NDArray[np.float32]

MOST = 12
"""Models used in earlier cells that are tried together."""
EXACT = 1.5
"""Images by which a figure may differ from what is computed here: a tie, or one number rounded otherwise."""
SPOKEN = re.compile(
    r"ensembl(?:ing|er|iste)|ensemble_?(?:pred|prob|acc|model|vot|out|score|result)"
    r"|(?:pred|prob|acc|model|vot)\w*_ensemble|model ensemble|ensemble (?:of|accuracy|acc|pred|von|de mod|de re|de r.s)"
    r"|(?<![a-z])vot(?:es?|ing|o|i|ación|ação)(?![a-z])|VotingClassifier|blend|bagg(?:ed|ing)|committee|comit[eé]\b|majorit",
    re.IGNORECASE,
)
"""Words of code for models put together; "ensemble de test" is French for a set of images."""
SUMMED = re.compile(
    r"\+=(?!.*==).*\.predict|\bsum\(\s*[\[(]?(?!.*==).*\.predict|(?:mean|average)\(\s*(?:\w+\.\w+\(\s*)?\[(?!.*==)[^\]]*\.predict"
)
"""Predictions that are summed or averaged where they are made."""
HINTED = re.compile(
    r"(?:mean|average|sum)\(\s*[\[(]*\s*\w*(?:pred|prob|out|logit)\w*.*axis\s*=\s*0|\bens\b|\bens_|_ens\b|\bmode\(|bincount"
    r"|\b(?:y_?)?(?:p|prob|pred)\w{0,12}\)*\s*\+\s*(?:[\w.]+\s*\*\s*)?(?:y_?)?(?:p|prob|pred)\w{0,12}"
)
"""Sums of what may be predictions: enough for a figure to be tried on them."""
STACKED = re.compile(r"\bstack(?:ed|ing)?\b(?!\()|meta_?(?:model|learner|features|clf)", re.IGNORECASE)
"""Words for a model over models; ``np.stack`` is none."""
HEADED = re.compile(
    r"\bensembl\w*\b(?!\W+(?:d\W|de|du|des|of)?\W*(?:test|train|valid|donnee|data|entr|appr))|\bvot(?:e|es|ing)\b|\bblend"
)
"""Of a heading, folded."""


_NAMED = re.compile(
    r"(?:ensembl|\bvot|blend|bagg|averag|moyen|comit).{0,80}?"
    r"(?<![\w.,])(?P<figure>(?:0[.,](?=\d{3})|\d\d[.,](?=\d{1,4}\s?%))(?P<decimals>\d+))(?!\w|[.,]\d)\s?(?P<percent>%)?",
    re.IGNORECASE,
)
"""A line about models put together, and its first figure that looks like an accuracy."""


class Vote(StrEnum):
    MEAN = "mean"
    """Of the outputs as they are."""
    PROBABILITIES = "probabilities"
    """Of outputs made probabilities."""
    MAJORITY = "majority"
    """Of the classes; the lowest of several with as many votes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ensemble:
    members: tuple[Candidate, ...]
    vote: Vote
    count: int
    """Execution count of the cell in which they were put together."""
    cell: int | None
    claim: Claim | None
    """What the notebook states of it on the public test set."""
    exact: bool
    """Whether the figure is met to the image, by none of the members alone."""
    place: int = 0
    """Among those of its cell."""

    @property
    def id(self) -> str:
        return f"ensemble-{self.count}-{self.place}" if self.place else f"ensemble-{self.count}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What is known of the models that answered: in full, and the images and labels of the notebook's task."""

    answers: Mapping[str, Probed]
    scopes: Mapping[str, Scope]

    def fit(self, members: Sequence[Candidate]) -> bool:
        """Whether their outputs can be put together: of the same classes, one column each."""
        known = [self.answers.get(one.id) for one in members]
        widths = {one.public.shape[1] if one is not None and one.public is not None else 0 for one in known}
        groupings = [self.scopes[one.id].grouping for one in members if one.id in self.scopes]
        return len(widths) == 1 and min(widths) > 1 and all(one == groupings[0] for one in groupings)

    def calibrated(self, members: Sequence[Candidate]) -> bool:
        """Whether all of them give probabilities."""
        outputs = [self.answers[one.id].public for one in members]
        return all(one is not None and measures.are_probabilities(one) for one in outputs)

    def accuracy(self, members: Sequence[Candidate], vote: Vote) -> float:
        within = self.scopes[members[0].id]
        asked = within.of(combined([self.answers[one.id] for one in members], vote))
        return 0.0 if asked.public is None else measures.public_accuracy(asked.public, within.data)


def ensembles(answered: Answered, account: Account) -> tuple[Ensemble, ...]:
    """In the order of the cells; the same models put together in the same way once, where that was done last."""
    beside = list(_beside(answered, account))
    # A figure that models used side by side explain is not searched for among others once more.
    told = [one.claim.value for one in beside if one.exact and one.claim is not None]
    counts = {one.count for one in beside}
    found = [one for one in _apart(answered, account) if one.count not in counts]
    found = [*beside, *(one for one in found if not _is_explained(one, told, account))]
    surest_last = sorted(found, key=lambda one: (one.exact, one.count, one.place))
    different = {(tuple(member.id for member in one.members), one.vote): one for one in surest_last}
    return tuple(sorted(different.values(), key=lambda one: (one.count, one.place)))


def _is_explained(one: Ensemble, told: Sequence[float], account: Account) -> bool:
    return one.claim is not None and any(abs(one.claim.value - value) <= EXACT / account.test_rows for value in told)


def combined(answers: Sequence[Probed], vote: Vote) -> Probed:
    """As if one model had answered; without what a member has not said."""
    unaltered = next((one.unaltered or one.problem for one in answers if one.altered is None), None)
    if unaltered is None and any(one.altered is None for one in answers):
        unaltered = say("Not all of the models that are put together were shown the altered images.")
    speeds = [one.ms_per_image for one in answers]
    return Probed(
        hidden=_put_together([one.hidden for one in answers], vote),
        public=_put_together([one.public for one in answers], vote),
        nudged=_put_together([one.nudged for one in answers], vote),
        altered=_put_together([one.altered for one in answers], vote),
        unaltered=unaltered,
        ms_per_image=None if None in speeds else sum(speed or 0.0 for speed in speeds),
    )


def _put_together(outputs: Sequence[Floats | None], vote: Vote) -> Floats | None:
    known = [one for one in outputs if one is not None]
    if len(known) < len(outputs):
        return None
    mean: Floats = np.stack([_ballot(one, vote) for one in known]).mean(axis=0, dtype=np.float64).astype(np.float32)
    return mean


def _ballot(outputs: Floats, vote: Vote) -> npt.NDArray[np.floating[Any]]:
    if vote is Vote.MAJORITY:
        votes: npt.NDArray[np.floating[Any]] = np.eye(outputs.shape[-1], dtype=np.float32)[outputs.argmax(axis=-1)]
        return votes
    if vote is Vote.PROBABILITIES:
        rows = measures.probabilities(outputs.reshape(-1, outputs.shape[-1]))
        return outputs if rows is None else rows.reshape(outputs.shape)
    return outputs


# --- models that answer in one cell --------------------------------------------------------------------------------


def _beside(answered: Answered, account: Account) -> Iterator[Ensemble]:
    for count, used_there in _groups(account).items():
        members = _distinct(used_there)
        if not answered.fit(members):
            continue
        claims, called = figures(count, account), _named(count, account)
        if parts := _parts(used_there, claims, called, count, answered, account):
            known = [*claims, *called]
            parts.sort(key=partial(_order, known))
            yield from (replace(one, place=place) for place, one in enumerate(parts))
            continue
        found = _exact(members, claims, count, answered, account)
        if found is None and len(claims) < len(members):
            found = _likely(members, claims, count, answered, account)
        if found is not None:
            yield found


def _named(count: int, account: Account) -> list[Claim]:
    """Figures behind the name of an ensemble, in what the cell printed: enough to be tried on some of its models."""
    index = account.cell_of(count)
    cell = next((one for one in account.cells if one.index == index), None)
    lines = [] if cell is None else stdout(cell)[:MAX_CHARACTERS].split("\n")
    found = (_NAMED.search(line[:MAX_LINE]) for line in lines)
    return [_claim(one, index) for one in found if one is not None]


def _claim(found: re.Match[str], cell: int | None) -> Claim:
    scale = 100 if found["percent"] else 1
    figure, unit = float(found["figure"].replace(",", ".")), 10.0 ** -len(found["decimals"])
    return Claim(figure / scale, "printed", rounding=unit / 2 / scale, cell=cell)


def _order(claims: Sequence[Claim], one: Ensemble) -> int:
    return next((place for place, claim in enumerate(claims) if claim is one.claim), len(claims))


def _parts(
    used_there: Sequence[Candidate],
    claims: Sequence[Claim],
    called: Sequence[Claim],
    count: int,
    answered: Answered,
    account: Account,
) -> list[Ensemble]:
    """Where a cell states several figures that none of its models gives, or that are ``called`` those of ensembles:
    models used one after the other, and not always all.

    Chance meets many a figure, so that nothing is tried for a single one.
    """
    whole = _distinct(used_there)
    if not 2 < len(whole) <= MOST or not _is_hinted(count, account):
        return []
    alone = [answered.accuracy([one], Vote.MEAN) for one in whole]
    stated = [one for one in claims if not _is_among(one, alone, account)]
    stated += [one for one in called if not _is_among(one, [known.value for known in stated], account)]
    stated = [one for one in stated if one.rounding < TOLERANCE]
    if len(stated) < 2:
        return []
    tried = [
        (answered.accuracy(members, vote), start, members, vote)
        for start, members in _stretches(used_there)
        for vote in Vote
    ]
    found: dict[tuple[str, ...], Ensemble] = {}
    begin = 0
    for claim in stated:
        figure, start, members, vote = min(tried, key=partial(_oddity, claim, begin))
        if _is_among(claim, [figure], account):
            cell, begin = account.cell_of(count), start + len(members)
            one = Ensemble(members=members, vote=vote, count=count, cell=cell, claim=claim, exact=True)
            found.setdefault(tuple(member.id for member in members), one)
    return list(found.values()) if any(len(ids) < len(whole) for ids in found) else []


def _oddity(
    claim: Claim, begin: int, tried: tuple[float, int, tuple[Candidate, ...], Vote]
) -> tuple[float, bool, bool]:
    """How far off it is; of those that give the figure, means come first, and what goes on where the last ensemble
    ended or begins with the first model."""
    figure, start, _, vote = tried
    return round(abs(figure - claim.value), 6), vote is Vote.MAJORITY, start not in (0, begin)


def _distinct(used_there: Sequence[Candidate]) -> tuple[Candidate, ...]:
    return tuple({one.id: one for one in used_there}.values())


def _stretches(used_there: Sequence[Candidate]) -> list[tuple[int, tuple[Candidate, ...]]]:
    """Where it begins: two or more models that were used one after the other, each once; the longest first."""
    most, some = len(_distinct(used_there)), used_there[: 2 * MOST]
    every = [
        (start, tuple(some[start : start + size]))
        for size in range(most, 1, -1)
        for start in range(len(some) - size + 1)
    ]
    return [(start, members) for start, members in every if len(_distinct(members)) == len(members)]


def _is_among(claim: Claim, known: Sequence[float], account: Account) -> bool:
    near = EXACT / account.test_rows + min(claim.rounding, TOLERANCE / 4) + 1e-9
    return any(abs(figure - claim.value) <= near for figure in known)


def _likely(
    members: tuple[Candidate, ...], claims: Sequence[Claim], count: int, answered: Answered, account: Account
) -> Ensemble | None:
    """By what the code says, or by a figure that is theirs together but for weights, and that of none alone."""
    together = {vote: answered.accuracy(members, vote) for vote in Vote}
    claim, vote = claims[-1] if claims else None, Vote.MEAN if answered.calibrated(members) else Vote.PROBABILITIES
    near = False
    if claim is not None:
        figure, alone = claim.value, [answered.accuracy([one], Vote.MEAN) for one in members]
        vote = min(together, key=lambda known: abs(together[known] - figure))
        apart = all(abs(known - figure) > EXACT / account.test_rows + claim.rounding for known in alone)
        near = apart and not claim.doubtful and abs(together[vote] - figure) <= TOLERANCE
    if not near and not _is_told(count, account):
        return None
    cell = account.cell_of(count)
    return Ensemble(members=members, vote=vote, count=count, cell=cell, claim=claim, exact=False)


def _groups(account: Account) -> dict[int, tuple[Candidate, ...]]:
    """Execution count -> two or more models that answered there for the same images, in the order of their uses.

    What Keras evaluated gave no answers to put together; how well a model of PyTorch's does we see ourselves.
    """
    found: dict[int, dict[str, list[Candidate]]] = {}
    for use in account.ledger.evaluations:
        one = used(use, account.known, account.artifacts)
        if one is not None and use.execution_count and _has_answers(use):
            images = _images(use, account)
            found.setdefault(use.execution_count, {}).setdefault(images, []).append(one)
    groups = {count: max(of.values(), key=lambda some: len(_distinct(some))) for count, of in found.items()}
    return {count: tuple(group) for count, group in groups.items() if len(_distinct(group)) > 1}


def _has_answers(use: Evaluation) -> bool:
    return not use.results or use.x.kind != "array"


def _images(use: Evaluation, account: Account) -> str:
    """Equal for the same images, however they were prepared, as far as these are known."""
    seen = account.sightings.of(use.x)
    if seen is not None and seen.public == seen.rows:
        return f"public {use.x.shape[:1]}"
    return f"{use.x.digest} {use.x.shape}" if use.x.kind == "array" else use.x.kind


def _exact(
    members: tuple[Candidate, ...], claims: Sequence[Claim], count: int, answered: Answered, account: Account
) -> Ensemble | None:
    """By the last figure that they reach together, and none of them alone."""
    alone = [answered.accuracy([one], Vote.MEAN) for one in members]
    together = {vote: answered.accuracy(members, vote) for vote in Vote}
    for claim in reversed(claims):
        votes = [vote for vote, figure in together.items() if _is_among(claim, [figure], account)]
        if votes and claim.rounding < TOLERANCE and not _is_among(claim, alone, account):
            cell = account.cell_of(count)
            return Ensemble(members=members, vote=votes[0], count=count, cell=cell, claim=claim, exact=True)
    return None


# --- models that answered in earlier cells -------------------------------------------------------------------------


def _apart(answered: Answered, account: Account) -> Iterator[Ensemble]:
    """Where a cell that speaks of it states a figure: of the models used last before it, as many as give the figure."""
    above = headings(account.cells, account.execution)
    for count in sorted({run.execution_count or 0 for run in account.execution.cells} - {0}):
        hinted = _is_hinted(count, account) or HEADED.search(above.get(count, "")) is not None
        claims = figures(count, account) if hinted else []
        before = _used_before(count, account) if claims else ()
        for size in range(2, min(len(before), MOST) + 1):
            members = before[-size:]
            exact = _exact(members, claims, count, answered, account) if answered.fit(members) else None
            if exact is not None:
                yield exact
                break


def _used_before(count: int, account: Account) -> tuple[Candidate, ...]:
    """Models that answered for the public test set by then, in the order of their last use."""
    found: dict[str, Candidate] = {}
    for use in account.ledger.evaluations:
        seen = account.sightings.of(use.x) if 0 < (use.execution_count or 0) <= count else None
        public = seen is not None and seen.public and _has_answers(use)
        one = used(use, account.known, account.artifacts) if public else None
        if one is not None:
            found.pop(one.id, None)
            found[one.id] = one
    return tuple(found.values())


# --- figures of nobody ---------------------------------------------------------------------------------------------


def unexplained(known: Sequence[float], account: Account) -> Claim | None:
    """The last accuracy on the public test set, in a cell about models put together, that is above all that is known.

    What is stacked, or put together in a way of its own, reaches what none of the parts and no mean of them does.
    """
    above, best = headings(account.cells, account.execution), max(known, default=1.0)
    for count in sorted((run.execution_count or 0 for run in account.execution.cells), reverse=True):
        text = f"{_source(count, account)}\n{above.get(count, '')}"
        if count and (_is_told(count, account) or STACKED.search(text) or HEADED.search(above.get(count, ""))):
            for claim in reversed(figures(count, account)):
                if not claim.doubtful and claim.value > best + TOLERANCE + claim.rounding:
                    return claim
    return None


# --- what the code says --------------------------------------------------------------------------------------------


def _is_told(count: int, account: Account) -> bool:
    """Whether the cell, or a function of the notebook's that used a model in it, speaks of models put together."""
    source = _source(count, account)
    uses = [use for use in account.ledger.evaluations if use.execution_count == count]
    names = dict.fromkeys(name for use in uses for name in use.functions)
    return _speaks(source) or any(_speaks(text) for name in names for text in (name, _defined(name, account)))


def _is_hinted(count: int, account: Account) -> bool:
    return _is_told(count, account) or HINTED.search(_source(count, account)) is not None


def _source(count: int, account: Account) -> str:
    index = account.cell_of(count)
    return next((cell.source for cell in account.cells if cell.index == index), "")


def _speaks(text: str) -> bool:
    return SPOKEN.search(text) is not None or SUMMED.search(text) is not None


def _defined(name: str, account: Account) -> str:
    """Source of a function at the top of a cell, up to the next line that is not indented; empty if there is none."""
    start = re.compile(rf"^def {re.escape(name)}\(", re.MULTILINE)
    for cell in reversed(account.cells):
        found = start.search(cell.source) if cell.kind is CellKind.CODE else None
        if found is not None:
            return re.split(r"\n(?=\S)", cell.source[found.start() :], maxsplit=1)[0]
    return ""


# --- which one is final --------------------------------------------------------------------------------------------


def foremost(found: Sequence[Ensemble], answered: Answered, chosen: Candidate, *, stated: bool) -> Ensemble | None:
    """The last one that is no worse than the model that was chosen; of exact ones first, of those of one cell the best.

    An exact one may be worse where nothing is ``stated`` of that model on the public test set: what the notebook says
    of these images it says of the ensemble.
    """
    alone = answered.accuracy([chosen], Vote.MEAN) if answered.fit([chosen]) else 0.0
    good = [one for one in found if (one.exact and not stated) or answered.accuracy(one.members, one.vote) >= alone]
    last = next((one for one in reversed(good) if one.exact), good[-1] if good else None)
    if last is None:
        return None
    beside = [one for one in reversed(good) if one.exact is last.exact and one.count == last.count]
    return max(beside, key=lambda one: answered.accuracy(one.members, one.vote))
