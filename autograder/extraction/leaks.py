"""Whether the final model may have learnt from what it is tested or measured with: itself, or by an earlier model.

What one model has learnt goes over to another in many ways: weights that are set or shared, with noise as well, a part
of it that is used again, answers that are learnt instead of labels. None of these need leave a trace. So every earlier
training that was given both images and labels of the test set is told, a classifier of scikit-learn's among them.

Images that are kept back to measure with are in no data that a notebook is given: it has to bring them along.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from autograder.extraction import beginnings
from autograder.extraction.archive import constants
from autograder.extraction.fidelity import Account
from autograder.extraction.goals import by_class, classes, follow, unanswered
from autograder.extraction.matching import Candidate, Sightings
from autograder.extraction.partly import splits_itself
from autograder.records import ArrayPrint, Estimator, Ledger, Message, Training, say

WEIGHTS, ANSWERS, LOOKUP = "weights", "answers", "lookup"
"""What an ``ArrayPrint`` of weights is called that a training leaves alone, one of images that another model answered
for, and one of a table that names classes. What a part within a model is called with, it is given."""
FEW, SHARE = 4, 0.1
"""Rows that must be most like public images, and their share of those that nothing was found for: of a hundred rows
that have nothing to do with these, one or two are, now and then."""
CONSTANTS = 5000
"""Numbers in the configuration of a model from which on they may be images: hundreds of these, made small, take as
many. A mean of each pixel takes fewer, and so do the places of sixty-four patches."""
Count: TypeAlias = Callable[[Sequence[ArrayPrint], Sightings], tuple[int, int]]
"""Public images among the sampled rows of some data, and how many rows were looked at."""


def leaked(one: Candidate, account: Account, origin: beginnings.Origin) -> Message | None:
    """Of the training that was given most of the public test set; its own come before those of other models.

    Images that were altered are looked for where none was given as it is. Who was given all images in one array, and
    splits them, does not know which are tested with here: that is a fact, ``split``.
    """
    ledger, sightings = account.ledger, account.sightings
    own, before = _own(one, ledger, origin), list(_before(one, ledger))
    if splits_itself(account):
        return None if (held := _held(own, sightings, (_as_they_are, _in_disguise))) is None else _kept(*held)
    if (seen := _most(own, sightings, _as_they_are)) is not None:
        return _given(*seen[1:])
    if (seen := _most(own, sightings, _in_disguise)) is not None:
        return _given_altered(*seen[1:])
    if (held := _held(own, sightings, (_as_they_are, _in_disguise))) is not None:
        return _kept(*held)
    same = [*_taken_over(own, ledger), *(training for training in before if by_class(training, sightings))]
    if (seen := _most(same, sightings, _as_they_are)) is not None:
        return _given_before(*seen)
    if (seen := _answered([*own, *before], sightings, (_as_they_are, _in_disguise))) is not None:
        return _given_answers(*seen)
    if (beside := _beside(one, ledger, sightings, _as_they_are)) is not None:
        return _given_beside(*beside, account)
    if (seen := _most(same, sightings, _in_disguise)) is not None:
        return _given_altered_before(*seen)
    return None


def split(one: Candidate, account: Account, origin: beginnings.Origin) -> Message | None:
    """Of a notebook that was given all images in one array: that it learnt from what is tested with here."""
    seen = _most(_own(one, account.ledger, origin), account.sightings, _as_they_are) if splits_itself(account) else None
    if seen is None:
        return None
    return say(
        "The notebook was given all images in one array and splits them itself: {found:int} of {looked:int} sampled "
        "training images are of what is the public test set here. Its own figures are of another test set, and may "
        "differ from ours by chance.",
        found=seen[1],
        looked=seen[2],
    )


def kept_back(one: Candidate, account: Account, origin: beginnings.Origin) -> Message | None:
    """Of the training, its own before others, that was given most of the images which no notebook is given here."""
    ledger, sightings = account.ledger, account.sightings
    if (seen := _most(_own(one, ledger, origin), sightings, _hidden)) is not None:
        return say(
            "{found:int} of {looked:int} sampled training images are among those that are kept back here to measure "
            "with: the notebook brought them along, and what is measured on them says little of this model.",
            found=seen[1],
            looked=seen[2],
        )
    own, before = _own(one, ledger, origin), list(_before(one, ledger))
    if (held := _held(own, sightings, (_hidden,))) is not None:
        return _kept_hidden(*held)
    labelled = [one for one in before if one.y_sample or by_class(one, sightings)]
    if (seen := _most(labelled, sightings, _hidden)) is not None:
        return say(
            "Training {number:int}, of another model, was given images that are kept back here to measure with "
            "({found:int} of {looked:int} sampled ones): the notebook brought them along, and the final model may have "
            "learnt from it.",
            number=seen[0],
            found=seen[1],
            looked=seen[2],
        )
    if (seen := _answered([*own, *before], sightings, (_hidden,))) is not None:
        return _given_answers_hidden(*seen)
    beside = _beside(one, ledger, sightings, _hidden)
    return None if beside is None else _given_beside_hidden(*beside)


def resembles(one: Candidate, account: Account, origin: beginnings.Origin) -> Message | None:
    """Of its own training whose images are most like those of the test set, or those that are kept back.

    Where one was given images of these that are known for certain, that is told instead.
    """
    if splits_itself(account):
        return None
    seen = [account.sightings.resemblances(shown) for shown in _images(_own(one, account.ledger, origin))]
    rows, public, hidden = (sum(getattr(one, name) for one in seen) for name in ("rows", "public", "hidden"))
    if hidden >= max(FEW, SHARE * rows):
        return say(
            "{found:int} of {looked:int} sampled training images that were altered or brought along are more like "
            "images that are kept back here to measure with than like any others: they may have been made of these.",
            found=hidden,
            looked=rows,
        )
    if public >= max(FEW, SHARE * rows):
        return say(
            "{found:int} of {looked:int} sampled training images that were altered or brought along are more like "
            "images of the public test set than like any others: they may have been made of these.",
            found=public,
            looked=rows,
        )
    return None


def looks_up(one: Candidate, account: Account, origin: beginnings.Origin) -> Message | None:
    """A table in the final model that no training changed: it names classes, or tells hundreds of numbers apart, or
    stands among the settings of its layers and operations."""
    content = None if one.artifact is None else origin.store.get(one.artifact)
    if content is not None and (count := constants(content)) >= CONSTANTS:
        return say(
            "The final model holds {count:int} numbers that are neither weights nor settings, and that no training "
            "changes: it may look answers up that it has not learnt.",
            count=count,
        )
    shown = [root.shape for each in _own(one, account.ledger, origin) for root in each.roots if root.kind == LOOKUP]
    if not shown or not shown[0]:
        return None
    largest = max(shown, key=lambda shape: (len(shape), shape))  # a table says more than steps
    if len(largest) > 1:
        return say(
            "The final model holds a table of {rows:int} rows that no training changes, nearly all of which name one "
            "class each: it may look answers up that it has not learnt.",
            rows=largest[0],
        )
    return say(
        "A layer of the final model tells {steps:int} values apart, more than a pixel has: it may look answers up that "
        "it has not learnt.",
        steps=largest[0],
    )


def _given(found: int, looked: int) -> Message:
    return say(
        "{found:int} of {looked:int} sampled training images are images of the public test set.",
        found=found,
        looked=looked,
    )


def _kept(found: int, looked: int) -> Message:
    return say(
        "{found:int} of {looked:int} sampled rows of weights that the final model's training leaves alone are images "
        "of the public test set: it may look answers up that it has not learnt.",
        found=found,
        looked=looked,
    )


def _kept_hidden(found: int, looked: int) -> Message:
    return say(
        "{found:int} of {looked:int} sampled rows of weights that the final model's training leaves alone are images "
        "that are kept back here to measure with: the notebook brought them along, and what is measured on them says "
        "little of this model.",
        found=found,
        looked=looked,
    )


def _given_answers(number: int, found: int, looked: int) -> Message:
    return say(
        "Training {number:int} was given what a model makes of images of the public test set ({found:int} of "
        "{looked:int} sampled ones): the final model may have learnt from it.",
        number=number,
        found=found,
        looked=looked,
    )


def _given_answers_hidden(number: int, found: int, looked: int) -> Message:
    return say(
        "Training {number:int} was given what a model makes of images that are kept back here to measure with "
        "({found:int} of {looked:int} sampled ones): the notebook brought them along, and the final model may have "
        "learnt from it.",
        number=number,
        found=found,
        looked=looked,
    )


def _given_altered(found: int, looked: int) -> Message:
    return say(
        "{found:int} of {looked:int} sampled training images are images of the public test set, shifted, mirrored, "
        "turned, dimmed or put beside others.",
        found=found,
        looked=looked,
    )


def _given_before(number: int, found: int, looked: int) -> Message:
    return say(
        "Training {number:int}, of another model, was given images of the public test set ({found:int} of {looked:int} "
        "sampled ones): the final model may have learnt from it.",
        number=number,
        found=found,
        looked=looked,
    )


def _given_altered_before(number: int, found: int, looked: int) -> Message:
    return say(
        "Training {number:int}, of another model, was given images of the public test set, shifted, mirrored, turned, "
        "dimmed or put beside others ({found:int} of {looked:int} sampled ones): the final model may have learnt "
        "from it.",
        number=number,
        found=found,
        looked=looked,
    )


def _given_beside(estimator: Estimator, found: int, looked: int, account: Account) -> Message:
    cell = account.cell_of(estimator.execution_count)
    if cell is None:
        return say(
            "A {kind} of scikit-learn's was given images of the public test set ({found:int} of {looked:int} sampled "
            "ones): the final model may have learnt from it.",
            kind=estimator.kind,
            found=found,
            looked=looked,
        )
    return say(
        "A {kind} of scikit-learn's was given images of the public test set in cell {cell:int} ({found:int} of "
        "{looked:int} sampled ones): the final model may have learnt from it.",
        kind=estimator.kind,
        cell=cell + 1,
        found=found,
        looked=looked,
    )


def _given_beside_hidden(estimator: Estimator, found: int, looked: int) -> Message:
    return say(
        "A {kind} of scikit-learn's was given images that are kept back here to measure with ({found:int} of "
        "{looked:int} sampled ones): the notebook brought them along, and the final model may have learnt from it.",
        kind=estimator.kind,
        found=found,
        looked=looked,
    )


def _own(one: Candidate, ledger: Ledger, origin: beginnings.Origin) -> Sequence[Training]:
    """Of this model, of that which its weights came from, and of those that left what its trainings began with."""
    models = {one.model, one.training.model if one.training else ""}
    found = [training for training in ledger.trainings if training.model in models]
    if one.training is not None:
        found += beginnings.line(one.training, ledger, origin)
    return found


def _before(one: Candidate, ledger: Ledger) -> Iterator[Training]:
    """Other trainings that ended before this model's last one began, and were given something to answer, as far as that
    is known."""
    earlier = ledger.trainings if one.training is None else beginnings.before(one.training, ledger)
    yield from (one for one in earlier if one.y_sample or one.y.sample or unanswered(one))


def _taken_over(own: Sequence[Training], ledger: Ledger) -> list[Training]:
    """What left weights that its own trainings began with, in whatever model, and whatever these had learnt."""
    wanted, found = {number for one in own for number in one.learnt_from}, list[Training]()
    for one in reversed(ledger.trainings):
        if one.number in wanted and one not in own:
            found.append(one)
            wanted |= set(one.learnt_from)
    return found


def _beside(one: Candidate, ledger: Ledger, sightings: Sightings, count: Count) -> tuple[Estimator, int, int] | None:
    """Of the classifiers that were there before this model's last training, the one that was given most of them."""
    last = None if one.training is None else one.training.execution_count
    seen = [
        (estimator, *count((estimator.x,), sightings))
        for estimator in ledger.estimators
        if estimator.x is not None and (last is None or (estimator.execution_count or 0) <= last)
    ]
    best = max(seen, key=lambda each: each[1], default=None)
    return best if best is not None and best[1] else None


def _most(trainings: Iterable[Training], sightings: Sightings, count: Count) -> tuple[int, int, int] | None:
    """Number, public images, and all images looked at, of the data with most public images; None where none has any.

    Of a pipeline the arrays that it is made of count together, beside its first batch.
    """
    longest = sorted(trainings, key=_rows_seen, reverse=True)  # only so many samples are looked at
    given = ((one, [root for root in one.roots if root.kind not in (WEIGHTS, ANSWERS, LOOKUP)]) for one in longest)
    seen = [(one.number, *count(shown, sightings)) for one, roots in given for shown in ((one.x,), roots)]
    best = max(seen, key=lambda each: each[1], default=None)
    return best if best is not None and best[1] else None


def given(one: Candidate, ledger: Ledger, origin: beginnings.Origin) -> Iterator[ArrayPrint]:
    """What the trainings were given that its weights came from, that of the longest first."""
    return _images(_own(one, ledger, origin))


def _images(trainings: Iterable[Training]) -> Iterator[ArrayPrint]:
    """Each once, those of the longest training first."""
    found: dict[tuple[str, str], ArrayPrint] = {}
    for one in sorted(trainings, key=_rows_seen, reverse=True):
        for shown in (one.x, *(root for root in one.roots if root.kind not in (WEIGHTS, ANSWERS, LOOKUP))):
            found.setdefault((shown.digest, shown.sample), shown)
    yield from found.values()


def _rows_seen(one: Training) -> int:
    return (one.x.shape[0] if one.x.shape else 0) * max(1, one.epochs_run)


def _held(trainings: Sequence[Training], sightings: Sightings, counts: Sequence[Count]) -> tuple[int, int] | None:
    """Images, at any brightness, among weights that are as long as one, and all that were looked at."""
    shown = [root for one in trainings for root in one.roots if root.kind == WEIGHTS]
    best = max((count([one], sightings) for one in shown for count in counts), default=(0, 0))
    return best if best[0] else None


def _answered(
    trainings: Iterable[Training], sightings: Sightings, counts: Sequence[Count]
) -> tuple[int, int, int] | None:
    """Of the training that was given a model's answers, with labels that go by the classes as far as that is known."""
    shown = [
        (one, root)
        for one in trainings
        for root in one.roots
        if root.kind == ANSWERS and (not root.labels or follow(classes(root, sightings), root.labels))
    ]
    seen = [(one.number, *count([root], sightings)) for one, root in shown for count in counts]
    best = max(seen, key=lambda each: each[1], default=None)
    return best if best is not None and best[1] else None


def _as_they_are(shown: Sequence[ArrayPrint], sightings: Sightings) -> tuple[int, int]:
    found = [seen for one in shown if (seen := sightings.of(one)) is not None]
    return sum(seen.public for seen in found), sum(seen.rows for seen in found)


def _in_disguise(shown: Sequence[ArrayPrint], sightings: Sightings) -> tuple[int, int]:
    found = [sightings.disguises(one) for one in shown]
    return sum(seen.public for seen in found), sum(seen.rows for seen in found)


def _hidden(shown: Sequence[ArrayPrint], sightings: Sightings) -> tuple[int, int]:
    found = [sightings.disguises(one) for one in shown]
    return sum(seen.hidden for seen in found), sum(seen.rows for seen in found)
