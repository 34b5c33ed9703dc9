"""Were modifications of the baseline really trained, justified, and compared with method?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import Field

from autograder.checks import idle
from autograder.checks.answers import earned, undecided, unreached
from autograder.checks.batches import announced
from autograder.checks.differences import STARTING_WEIGHTS, Change, Family, differences
from autograder.checks.elsewhere import elsewhere
from autograder.checks.reasons import Justified, justifications
from autograder.checks.registry import check
from autograder.checks.slight import Slight, Why
from autograder.checks.trials import IMAGES_PER_CLASS, Retrained, Trial, Trials, asked, name_of, trials
from autograder.checks.unread import unread
from autograder.notebook.prose import paragraphs, readable
from autograder.records import Evidence, Finding, GapKind, Message, Standing, Training, say

Count = Annotated[int, Field(ge=1, le=20)]
Images = Annotated[int, Field(ge=0, le=10_000)]

_SHOWN = 12
_PROTOCOL = frozenset({"epochs", "batch_size"})


@check("modifications.distinct", needs=[GapKind.LEDGER])
def distinct(
    evidence: Evidence,
    *,
    wanted: Count = 3,
    sweeps_count_once: bool = True,
    own_baseline: bool = False,
    images_per_class: Images = IMAGES_PER_CLASS,
) -> Finding:
    """One share for each of ``wanted`` modifications that was trained, by layers, settings and data, never by the text.

    Identical settings trained twice count once; so do other numbers of the same setting when ``sweeps_count_once``.
    With ``own_baseline``, here and below, modifications are those of the notebook's own first model. A training on
    fewer than ``images_per_class`` images for each class does not count; on fewer than five times as many, a person is
    told. Nor do settings count that were seen to be without effect, or trainings that could not teach anything.
    """
    found = trials(
        evidence,
        sweeps_count_once=sweeps_count_once,
        own_baseline=own_baseline,
        images_per_class=images_per_class,
    )
    if found.base is None:
        return _nothing_trained(evidence, found)
    count = len(found.distinct)
    # Whether what was trained last is a modification of its own is for a person, where it would be one that is missing.
    spared = found.retrained[: max(0, wanted - count)]
    count += len(spared)
    if (unknown := _unknown(found, count, wanted, evidence)) is not None:
        return unknown
    finding = earned(
        min(1.0, count / wanted),
        Standing.CLAIM,
        say(
            "{count:int} distinct {count:plural,modification,modifications} of the baseline trained; "
            "{wanted:int} wanted.",
            count=count,
            wanted=wanted,
        ),
        advice=say(
            "Train {missing:int} more {missing:plural,modification,modifications} that {missing:plural,differs,differ} "
            "from the baseline in layers, regularisation, optimiser settings, augmentation or training strategy.",
            missing=max(0, wanted - count),
        ),
        details=[*_what_differs(found, evidence), *_untaught(found, evidence), *_left_out(found, evidence)],
        cells=_cells([trial.training for trial in found.distinct], evidence),
        found={"modifications": [[change.text for change in trial.changes] for trial in found.distinct[:_SHOWN]]},
        wanted={"modifications": wanted},
    )
    return replace(finding, for_teacher=_doubt_of_last(spared, evidence) or _doubt(found, evidence))


def _unknown(found: Trials, count: int, wanted: int, evidence: Evidence) -> Finding | None:
    """Where modifications are missing, and there may be some that nobody but a person sees."""
    return None if count >= wanted else elsewhere(evidence) or unread(found, wanted - count, evidence)


def _nothing_trained(evidence: Evidence, found: Trials) -> Finding:
    if (unknown := elsewhere(evidence)) is not None:
        return unknown
    if found.slight:
        return unreached(
            Standing.CLAIM,
            say("No training could have taught a model anything, so there is no modification to judge."),
            advice=say("Train your models on images of all classes, with a learning rate that lets them learn."),
            details=[*_untaught(found, evidence), *_left_out(found, evidence)],
            cells=_cells([one.training for one in found.slight], evidence),
        )
    if not evidence.executed:
        return unreached(Standing.CLAIM, say("Nothing was executed, so no training could be seen."))
    if evidence.models and not evidence.ledger.trainings:
        return undecided(
            Standing.CLAIM,
            say(
                "Your models were trained in a loop of your own, whose settings cannot be read automatically. "
                "A teacher will decide this item."
            ),
            details=[say("Trained models found: {models}.", models=", ".join(_names_of_models(evidence)))],
            cells=sorted({model.cell for model in evidence.models if model.cell is not None}),
            for_teacher=say("No call of fit is on record; compare the models in the code and in the text."),
        )
    return unreached(
        Standing.CLAIM,
        say("No training was completed, so there is no modification to judge."),
        advice=say("Train the baseline and modified models in the notebook that you hand in."),
    )


def _names_of_models(evidence: Evidence) -> Iterator[str]:
    return (model.name[:40] for model in evidence.models[:_SHOWN])


def _cells(trainings: Sequence[Training], evidence: Evidence) -> list[int]:
    cells = (evidence.cell_of(training.execution_count) for training in trainings)
    return [cell for cell in cells if cell is not None]


def _what_differs(found: Trials, evidence: Evidence) -> Iterator[Message]:
    for trial in found.distinct[:_SHOWN]:
        cell = evidence.cell_of(trial.training.execution_count)
        yield say(
            "{model} (cell {cell:int}), {families:word}: {changes}",
            model=name_of(trial.training, evidence),
            cell=None if cell is None else cell + 1,
            families=", ".join(trial.families),
            changes=_in_words(trial),
        )
    if len(found.distinct) > _SHOWN:
        yield say("Modifications beyond the first {shown:int} are not listed.", shown=_SHOWN)


def _in_words(trial: Trial) -> str:
    """Every change, family by family; in Keras' own words, which need no translation."""
    texts = [change.text for family in trial.families for change in trial.changes if change.family is family]
    return "; ".join(texts)[:600]


def _left_out(found: Trials, evidence: Evidence) -> Iterator[Message]:
    for trial in found.distinct[:_SHOWN]:
        if trial.again:
            yield say(
                "{model}: trained {times:int} more {times:plural,time,times} with the same settings or with other "
                "values of the same setting; this counts once.",
                model=name_of(trial.training, evidence),
                times=len(trial.again),
            )
    yield from _blind([*found.alike, *(trial.training for trial in found.distinct)], evidence)
    for training in found.alike[:4]:
        yield say(
            "{model}: nothing that has an effect differs from the baseline, so it is no modification.",
            model=name_of(training, evidence),
        )
    yield from _belonging(found, evidence)
    for training in found.unfinished[:4]:
        yield say("{model}: the training did not finish, so it does not count.", model=name_of(training, evidence))


def _belonging(found: Trials, evidence: Evidence) -> Iterator[Message]:
    """Trainings that are parts of modifications."""
    for training in found.preparing[:4]:
        yield say(
            "{model}: trained without labels, for weights that another model begins with; it is part of that one.",
            model=name_of(training, evidence),
        )
    for one in found.retrained:
        yield say(
            "{model}: {other} trained again at last, on more of the images; it is no modification of its own.",
            model=name_of(one.training, evidence),
            other=name_of(one.of, evidence),
        )


def _blind(trainings: Sequence[Training], evidence: Evidence) -> Iterator[Message]:
    """Callbacks that an honest author takes for effective."""
    seen = [(training, name, figure) for training in trainings for name, figure in idle.blind(training).items()]
    for training, name, figure in seen[:_SHOWN]:
        yield say(
            "{model}: {callback} watches “{figure}”, a figure that this training never had, so that it could do "
            "nothing. A figure of validation needs validation_data or validation_split.",
            model=name_of(training, evidence),
            callback=name,
            figure=figure,
        )


def _untaught(found: Trials, evidence: Evidence) -> Iterator[Message]:
    """Trainings that do not count, why, and what would."""
    for one in found.slight[:_SHOWN]:
        cell = evidence.cell_of(one.training.execution_count)
        yield _told_slight(one, name_of(one.training, evidence), None if cell is None else cell + 1)


def _told_slight(one: Slight, name: str, cell: int | None) -> Message:
    if one.why is Why.ONE_CLASS:
        return say(
            "{model} (cell {cell:int}): all images of the training are of one class, so that there was nothing to tell "
            "apart; it does not count. Train it on images of all classes.",
            model=name,
            cell=cell,
        )
    if one.why is Why.UNMOVED:
        return say(
            "{model} (cell {cell:int}): the training left the weights exactly as they were, so it does not count. Let "
            "it learn.",
            model=name,
            cell=cell,
        )
    if one.why in {Why.HARDLY, Why.LOST}:
        return _told_outcome(one.why, name, cell)
    if one.why in {Why.BLANK, Why.OTHER_LABELS}:
        return _told_data(one.why, name, cell)
    if one.why is Why.STILL:
        return say(
            "{model} (cell {cell:int}): its weights could not change, since all layers are frozen or the learning rate "
            "is next to nothing; it does not count. Let it learn.",
            model=name,
            cell=cell,
        )
    return say(
        "{model} (cell {cell:int}): trained on {images:int} {images:plural,image,images}, which is too few to learn "
        "from; it does not count. Train it on {needed:int} images or more.",
        model=name,
        cell=cell,
        images=one.images,
        needed=one.needed,
    )


def _told_outcome(why: Why, name: str, cell: int | None) -> Message:
    if why is Why.LOST:
        return say(
            "{model} (cell {cell:int}): the loss ended as no number (NaN), so that nothing of what was learnt is left; "
            "it does not count. Lower the learning rate, or look for values in the images that are no numbers.",
            model=name,
            cell=cell,
        )
    return say(
        "{model} (cell {cell:int}): the training moved the weights by next to nothing, so it does not count. Let it "
        "learn: with a larger learning rate, and with weights of classes and images that are not 0.",
        model=name,
        cell=cell,
    )


def _told_data(why: Why, name: str, cell: int | None) -> Message:
    if why is Why.BLANK:
        return say(
            "{model} (cell {cell:int}): all pixels of all training images have one value, so that there was nothing to "
            "see; it does not count. Look at what the images have become before the training.",
            model=name,
            cell=cell,
        )
    return say(
        "{model} (cell {cell:int}): the labels of the training have nothing to do with its images, as if they had been "
        "drawn at random or were in another order; nothing about the images can be learnt from them, so it does not "
        "count. Labels that are wrong for some of the images would do.",
        model=name,
        cell=cell,
    )


def _doubt_of_last(spared: Sequence[Retrained], evidence: Evidence) -> Message | None:
    if not spared:
        return None
    return say(
        "{model} counts here as a modification, though it looks like {other} trained again on all images: does it?",
        model=name_of(spared[0].training, evidence),
        other=name_of(spared[0].of, evidence),
    )


def _doubt(found: Trials, evidence: Evidence) -> Message | None:
    """For a person: trainings that count, on few images."""
    if not found.doubtful:
        return None
    first = found.doubtful[0]
    return say(
        "{count:int} {count:plural,training that counts was,trainings that count were} on few images as far as is "
        "known, such as {model} on {images:int}: is that enough for a comparison?",
        count=len(found.doubtful),
        model=name_of(first.training, evidence),
        images=first.images,
    )


# --- justified -----------------------------------------------------------------------------------------------------


@check("modifications.justified", needs=[GapKind.LEDGER])
def justified(
    evidence: Evidence,
    *,
    wanted: Count = 3,
    at_most: Count = 5,
    words: Count = 12,
    comment_share: Annotated[float, Field(ge=0, le=1)] = 0.5,
    own_baseline: bool = False,
    images_per_class: Images = IMAGES_PER_CLASS,
) -> Finding:
    """Share of the modifications that have a reason in words: a heuristic, which finds reasons and does not weigh them.

    A reason is a paragraph of the author's own with at least ``words`` words and a word of cause or purpose, beside
    the cell that defines, builds or trains the model, or anywhere if it names the model or what was changed. Each
    reason serves one modification. A comment or docstring counts ``comment_share``. Wanted is a reason for every
    modification trained, for no fewer than ``wanted`` and no more than ``at_most``. A person decides where a text
    beside a modification argues about it in words that are not known, or in no language that is searched.
    """
    found = trials(evidence, own_baseline=own_baseline, images_per_class=images_per_class)
    if found.base is None:
        return _nothing_trained(evidence, found)
    if (unknown := _unknown(found, len(found.distinct), wanted, evidence)) is not None:
        return unknown
    if not found.distinct:
        return unreached(Standing.TEXT, say("No modification was trained, so there is nothing to justify."))
    compared = _without_controls(_compared(found, evidence, wanted), wanted)
    reasons = justifications(compared, evidence, words=words, comment_share=comment_share)
    needed = min(max(wanted, len(compared)), max(wanted, at_most))
    share = min(1.0, sum(reason.share for reason in reasons) / needed)
    doubtful = [reason for reason in reasons if reason.doubtful]
    if share < 1 and (doubtful or not readable(paragraphs(evidence.cells, evidence.template_cells))):
        return _perhaps_justified(reasons, share, evidence)
    return earned(
        share,
        Standing.TEXT,
        say(
            "{count:int} {count:plural,modification,modifications} justified in words, found by their place and by "
            "words such as “because”, “in order to”; {needed:int} wanted. How good a reason is, is not weighed.",
            count=sum(reason.share > 0 for reason in reasons),
            needed=needed,
        ),
        advice=say(
            "Beside each modification, write in a text cell why you expect it to help ({words:int} words or more).",
            words=words,
        ),
        details=[_where(reason, evidence) for reason in reasons[:_SHOWN]],
        cells=[reason.cell for reason in reasons if reason.cell is not None],
        found={"justified": sum(reason.share for reason in reasons)},
        wanted={"justified": needed},
    )


def _without_controls(compared: Sequence[Trial], wanted: int) -> Sequence[Trial]:
    """Without a model that another one is with weights that were learnt before: one reason is given for both."""
    kept = [
        trial
        for trial in compared
        if not any(
            {change.name for change in differences(trial.training, other.training)} == {STARTING_WEIGHTS}
            and other.training.learnt_from
            for other in compared
        )
    ]
    return kept if len(kept) >= wanted else compared


def _perhaps_justified(reasons: Sequence[Justified], share: float, evidence: Evidence) -> Finding:
    first = next((reason for reason in reasons if reason.doubtful), None)
    known = say("The reasons that were found earn {share:pct} of the points.", share=share)
    return undecided(
        Standing.TEXT,
        say(
            "Reasons were not found for all modifications, but there is text that may give them in words which are not "
            "recognised automatically. A teacher reads it and decides."
        ),
        details=[*(_where(reason, evidence) for reason in reasons[:_SHOWN]), known],
        cells=[reason.cell for reason in reasons if reason.cell is not None],
        found={"justified": sum(reason.share for reason in reasons)},
        for_teacher=known
        if first is None or first.cell is None
        else say(
            "Does cell {cell:int} give a reason for {model}? “{quote}” What was found without it earns {share:pct} of "
            "the points.",
            cell=first.cell + 1,
            model=name_of(first.trial.training, evidence),
            quote=first.quote,
            share=share,
        ),
    )


def _where(reason: Justified, evidence: Evidence) -> Message:
    name = name_of(reason.trial.training, evidence)
    if reason.cell is None:
        return say("{model}: no reason found near it.", model=name)
    if reason.doubtful:
        return say(
            "{model}: cell {cell:int} speaks of it, without a word that is known to give a reason: “{quote}”",
            model=name,
            cell=reason.cell + 1,
            quote=reason.quote,
        )
    if reason.share < 1:
        return say("{model}: a reason in a comment only, cell {cell:int}.", model=name, cell=reason.cell + 1)
    return say("{model}: reason in cell {cell:int}: “{quote}”", model=name, cell=reason.cell + 1, quote=reason.quote)


# --- methodical ----------------------------------------------------------------------------------------------------


@check("modifications.methodical", needs=[GapKind.LEDGER])
def methodical(
    evidence: Evidence,
    *,
    wanted: Count = 3,
    own_baseline: bool = False,
    images_per_class: Images = IMAGES_PER_CLASS,
) -> Finding:
    """Thirds: the baseline measured again in the notebook, one change at a time, the same protocol for all models.

    The second and third are the proportion of the modifications for which they hold, of at least ``wanted``.
    """
    found = trials(evidence, own_baseline=own_baseline, images_per_class=images_per_class)
    if found.base is None:
        return _nothing_trained(evidence, found)
    if (unknown := _unknown(found, len(found.distinct), wanted, evidence)) is not None:
        return unknown
    if not found.distinct:
        return unreached(Standing.CLAIM, say("No modification was trained, so no method can be seen."))
    compared = _compared(found, evidence, wanted)
    total = max(wanted, len(compared))
    single = [trial for trial in compared if _at_once(trial, found) == 1]
    alike = [trial for trial in _alike(found, evidence) if trial in compared]
    share = (int(found.remeasured) + len(single) / total + len(alike) / total) / 3
    return earned(
        share,
        Standing.CLAIM,
        say(
            "One change at a time: {single:int} of {total:int} modifications; "
            "same protocol: {alike:int} of {total:int}.",
            single=len(single),
            alike=len(alike),
            total=total,
        ),
        advice=say(
            "Train the baseline with the same data, epochs and batch size as the other models, and change one thing "
            "at a time: only then can an effect be put down to its cause."
        ),
        details=_method(found, compared, single, alike, evidence),
        cells=_cells([trial.training for trial in found.distinct], evidence),
        found={"baseline": found.remeasured, "single": len(single), "alike": len(alike)},
        wanted={"baseline": True, "single": total, "alike": total},
    )


def _compared(found: Trials, evidence: Evidence, wanted: int) -> Sequence[Trial]:
    """Without those of which nothing was asked, such as a search for a learning rate, where there are enough others."""
    kept = [trial for trial in found.distinct if asked(trial.training, evidence)]
    return kept if len(kept) >= wanted else found.distinct


def _at_once(trial: Trial, found: Trials) -> int:
    """Families away from the baseline, or from the nearest of the models that were trained before."""
    earlier = [other.training for other in found.distinct if other.training.number < trial.training.number]
    known = [differences(training, trial.training) for training in earlier]
    return min(len(_families(changes)) for changes in (trial.changes, *known) if changes)


def _families(changes: Sequence[Change]) -> set[Family]:
    """Weights that are taken over come with what is put on top of them, or trained more gently: that is one change."""
    rest = [change for change in changes if change.name != STARTING_WEIGHTS]
    return {change.family for change in rest or changes}


def _alike(found: Trials, evidence: Evidence) -> list[Trial]:
    """Those that follow the protocol of the baseline, or of an earlier one that does but for what it is about."""
    first = _first_protocol(found)
    told = announced(found.distinct, evidence)
    alike: list[Trial] = []
    for trial in found.distinct:
        earlier = [first, *(other.training for other in alike if other.training.number < trial.training.number)]
        if _tested_alike(trial.training, first, evidence) and any(
            _trained_alike(trial.training, one, told) for one in earlier
        ):
            alike.append(trial)
    return alike


def _first_protocol(found: Trials) -> Training:
    """Without a baseline of its own, a notebook's first modification sets the protocol."""
    return found.base if found.remeasured and found.base is not None else found.distinct[0].training


def _trained_alike(training: Training, model: Training, told: frozenset[int]) -> bool:
    """Same epochs and batch size unless these are the change; the batch size may be a part of it that is ``told``."""
    known = differences(model, training)
    changed = {change.name for change in known} - {STARTING_WEIGHTS}
    strategy = "epochs" in changed and {change.family for change in known} == {Family.STRATEGY}
    if strategy or changed & {"EarlyStopping", "source"} or changed <= _PROTOCOL:
        return True
    return not changed & (_PROTOCOL - {"batch_size"} if training.number in told else _PROTOCOL)


def _tested_alike(training: Training, model: Training, evidence: Evidence) -> bool:
    """Same validation, as many images evaluated."""
    if _validation(training) != _validation(model):
        return False
    known, other = _evaluated_rows(model, evidence), _evaluated_rows(training, evidence)
    return not known or not other or bool(known & other)


def _validation(training: Training) -> object:
    return training.arguments.get("validation_split") or training.arguments.get("validation")


def _evaluated_rows(training: Training, evidence: Evidence) -> frozenset[int]:
    """On how many images the model was evaluated, each time; none when its validation stands in for that."""
    made = (use for use in evidence.ledger.evaluations if use.model == training.model)
    return frozenset(use.x.shape[0] for use in made if use.x.shape)


def _method(
    found: Trials, compared: Sequence[Trial], single: Sequence[Trial], alike: Sequence[Trial], evidence: Evidence
) -> Iterator[Message]:
    if found.remeasured:
        yield say("The baseline was trained again in this notebook.")
    else:
        yield say("The baseline was not trained in this notebook with its own architecture and optimiser.")
    for trial in compared[:_SHOWN]:
        name = name_of(trial.training, evidence)
        if trial not in single:
            yield say(
                "{model}: {count:int} families of settings changed at once.",
                model=name,
                count=_at_once(trial, found),
            )
        if trial not in alike:
            yield _other_protocol(trial, _first_protocol(found), evidence)


def _other_protocol(trial: Trial, model: Training, evidence: Evidence) -> Message:
    name = name_of(trial.training, evidence)
    if not _tested_alike(trial.training, model, evidence):
        return say("{model}: other validation or test images than the baseline.", model=name)
    settings = [change.text for change in differences(model, trial.training) if change.name in _PROTOCOL]
    return say(
        "{model}: trained otherwise than the baseline besides what is compared: {changes}.",
        model=name,
        changes="; ".join(settings),
    )
