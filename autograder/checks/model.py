"""How good is the final model, on images that nobody could have trained on?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Annotated

from pydantic import AfterValidator, Field

from autograder.checks.answers import earned, undecided, unreached
from autograder.checks.differences import differences
from autograder.checks.registry import check
from autograder.checks.trials import reference_training
from autograder.records import (
    Evidence,
    Fidelity,
    Finding,
    Gain,
    GapKind,
    MeasuredModel,
    Message,
    Robustness,
    Standing,
    say,
)


def _pairs(cutoffs: Sequence[Sequence[float]]) -> Sequence[Sequence[float]]:
    """Pairs (figure, share of the points), strictly rising in the figure."""
    if len(cutoffs) < 2 or any(len(pair) != 2 for pair in cutoffs):
        raise ValueError("must be two or more pairs [figure, share]")
    if any(not 0 <= share <= 1 for _, share in cutoffs):
        raise ValueError("shares lie between 0 and 1")
    if any(more <= figure for (figure, _), (more, _) in pairwise(cutoffs)):
        raise ValueError("figures must rise")
    return cutoffs


def _rising(cutoffs: Sequence[Sequence[float]]) -> Sequence[Sequence[float]]:
    if cutoffs[0][1] != 0 or any(higher < share for (_, share), (_, higher) in pairwise(cutoffs)):
        raise ValueError("shares must rise from 0: a better gain never earns less")
    return cutoffs


def _falling(cutoffs: Sequence[Sequence[float]]) -> Sequence[Sequence[float]]:
    if any(lower > share for (_, share), (_, lower) in pairwise(cutoffs)):
        raise ValueError("shares must fall: more errors never earn more")
    return cutoffs


Gains = Annotated[Sequence[Sequence[float]], AfterValidator(_pairs), AfterValidator(_rising)]
Ratios = Annotated[Sequence[Sequence[float]], AfterValidator(_pairs), AfterValidator(_falling)]

GAINS = ((0.0, 0.0), (0.05, 0.25), (0.10, 0.5), (0.17, 0.75), (0.25, 1.0))
RATIOS = ((1.0, 1.0), (1.5, 0.0))
FIDELITY = 0.002
_NEEDS = (GapKind.MODEL, GapKind.PREPROCESSING, GapKind.LEDGER)


@check("model.gain", needs=_NEEDS, private=True)
def gain(
    evidence: Evidence,
    *,
    cutoffs: Gains = GAINS,
    fidelity: Annotated[float, Field(ge=0, le=1)] = FIDELITY,
    fewer_classes: bool = False,
) -> Finding:
    """Relative error reduction over the baseline on hidden images, by cut-offs with linear interpolation between them.

    The doubt is the student's: an estimate above 0 earns the next cut-off's share where its 95% interval reaches it.
    An estimate of 0 or less earns nothing. Where our accuracy on the public test set and the notebook's own differ by
    more than ``fidelity`` (and by more than one image, and by more than was rounded off), a person decides. So it does
    of a model of fewer classes than the data set has, which is an easier task, unless ``fewer_classes`` are allowed;
    and of one that learnt from few different images for the only reason that a small set is served repeated.
    """
    if (answer := _unmeasured(evidence)) is not None:
        return answer
    chosen, final = evidence.chosen, evidence.final
    if chosen is None or final is None or final.gain is None:
        return _unclear(evidence)
    measured = final.gain
    if (told := _disagreement(evidence, fidelity)) is not None:
        return _unfaithful(chosen, measured, told)
    share = gain_share(measured, cutoffs)
    finding = earned(
        share,
        _standing(chosen),
        _told(measured),
        advice=say(
            "All points need {wanted:pct} less error than the baseline on images the model has never seen.",
            wanted=cutoffs[-1][0],
        ),
        details=_gain_details(evidence, chosen, measured, share, cutoffs),
        cells=() if chosen.cell is None else (chosen.cell,),
        found=measured.relative_error_reduction,
        wanted=cutoffs[-1][0],
    )
    finding = replace(finding, for_teacher=next(iter(final.doubts), None) or _flag(chosen))
    finding = _as_served(finding, evidence)
    return finding if fewer_classes else _as_the_task(finding, evidence)


def _told(measured: Gain) -> Message:
    """A loss is told as a multiple of the baseline's error: "reduced by -591 %" helps nobody."""
    if measured.relative_error_reduction < 0:
        return say(
            "No gain: {ratio:num2} times the baseline's error on {images:int} hidden images "
            "(95% interval {low:num2} to {high:num2} times, p {p:p}).",
            ratio=1 - measured.relative_error_reduction,
            low=1 - measured.ci95.high,
            high=1 - measured.ci95.low,
            p=measured.p_value,
            images=measured.images,
        )
    return say(
        "Error reduced by {gain:pct} compared with the baseline on {images:int} hidden images "
        "(95% interval {low:pct} to {high:pct}, p {p:p}).",
        gain=measured.relative_error_reduction,
        low=measured.ci95.low,
        high=measured.ci95.high,
        p=measured.p_value,
        images=measured.images,
    )


def gain_share(measured: Gain, cutoffs: Sequence[Sequence[float]]) -> float:
    """Share for an estimate with its interval; 0 for an estimate of 0 or less."""
    estimate = measured.relative_error_reduction
    if estimate <= 0:
        return 0.0
    share = interpolated(estimate, cutoffs)
    following = next(((at, worth) for at, worth in cutoffs if at > estimate), None)
    if following is not None and measured.ci95.high >= following[0]:
        return max(share, following[1])
    return share


def interpolated(value: float, points: Sequence[Sequence[float]]) -> float:
    """Piecewise linear through ``points`` (rising in the first coordinate), constant outside."""
    if value <= points[0][0]:
        return points[0][1]
    for (low, start), (high, end) in pairwise(points):
        if value <= high:
            return start + (end - start) * (value - low) / (high - low)
    return points[-1][1]


def _gain_details(
    evidence: Evidence, chosen: MeasuredModel, measured: Gain, share: float, cutoffs: Sequence[Sequence[float]]
) -> Iterator[Message]:
    yield say(
        "Accuracy on hidden images: {accuracy:pct2}; baseline {baseline:pct2}.",
        accuracy=measured.accuracy,
        baseline=measured.baseline_accuracy,
    )
    if evidence.final is not None and evidence.final.task is not None:
        yield evidence.final.task
        yield say("The baseline's outputs are summed in the same way, on the same images.")
    elif evidence.baseline is not None and len(evidence.baseline.accuracies) > 1:
        yield say(
            "The baseline was trained {seeds:int} times; its accuracies lie {spread:pct2} apart.",
            seeds=len(evidence.baseline.accuracies),
            spread=evidence.baseline.spread,
        )
    table = " · ".join(f"{at * 100:g}\u202f% → {worth * 100:g}\u202f%" for at, worth in cutoffs)
    yield say("Cut-offs (error reduced by → share of the points): {table}.", table=table)
    if share > interpolated(measured.relative_error_reduction, cutoffs) and measured.relative_error_reduction > 0:
        yield say("The interval reaches the next cut-off: you are given its share.")
    if chosen.chosen_because is not None:
        yield chosen.chosen_because
    if share < 1:
        yield from _few_images(evidence, chosen)


def _few_images(evidence: Evidence, chosen: MeasuredModel) -> Iterator[Message]:
    """Whoever trained on a part of the set is told that the baseline had all of it: nothing gains more."""
    training = next((one for one in evidence.ledger.trainings if one.number == chosen.training), None)
    if training is None or evidence.data is None or not training.x.shape:
        return
    images = min(training.x.distinct or training.x.shape[0], training.x.shape[0])
    if 0 < 2 * images < evidence.data.train_images:
        yield say(
            "The final model was trained on about {images:int} different images; the training set has {all:int}, and "
            "the baseline was given all of them.",
            images=images,
            all=evidence.data.train_images,
        )


# --- what stands in the way of a measurement -----------------------------------------------------------------------


def _unmeasured(evidence: Evidence) -> Finding | None:
    """The answer where there is no measurement to judge, or where the model is the one that was given."""
    if not evidence.executed:
        return unreached(Standing.MEASUREMENT, say("Nothing was executed, so no model could be measured."))
    trained = any(training.epochs_run >= 1 for training in evidence.ledger.trainings)
    ours = any(gap.ours for gap in evidence.gaps)
    if not trained and not evidence.models and not ours:
        return unreached(
            Standing.MEASUREMENT,
            say("No model was trained, so there is nothing to measure."),
            advice=say("Train your models in the notebook that you hand in, and name the best one best_model."),
        )
    chosen = evidence.chosen
    if chosen is None or chosen.where == "nowhere" or evidence.final is None:
        return _unclear(evidence)
    if _is_untouched(chosen, evidence):
        return earned(
            0.0,
            Standing.MEASUREMENT,
            say("The final model is the reference model as it was given."),
            advice=say("Improve the baseline, and use the better model from the error analysis on."),
            cells=() if chosen.cell is None else (chosen.cell,),
        )
    return _uneven(chosen, evidence)


def _uneven(chosen: MeasuredModel, evidence: Evidence) -> Finding | None:
    """A budget cut the reference's training, but not that of the model: a loop of one's own, or weights from a file."""
    share = evidence.execution.share
    shares = {made.number: made.share for made in evidence.ledger.trainings}
    parts = [model for model in evidence.models if model.id in chosen.members] or [chosen]
    if share == 1 or all(
        _is_put_together(part, evidence) if part.training is None else shares.get(part.training) == share
        for part in parts
    ):
        return None
    return undecided(
        Standing.MEASUREMENT,
        say(
            "The final model was not trained under the budget to which the reference was cut. A teacher compares them."
        ),
        cells=() if chosen.cell is None else (chosen.cell,),
        for_teacher=say(
            "The reference was cut to 1/{parts:int} of its steps; the final model was trained outside of fit, where "
            "nothing is cut, or comes from a file.",
            parts=round(1 / share),
        ),
    )


def _is_put_together(model: MeasuredModel, evidence: Evidence) -> bool:
    """Whether its weights are made of what trainings left that were all cut, as an average of them is."""
    ledger, share = evidence.ledger, evidence.execution.share
    uses = [use for use in ledger.evaluations if use.model == model.id.partition("-")[0]]
    cut = all(made.share == share and not made.arguments.get("loop") for made in ledger.trainings)
    return cut and bool(uses) and not ledger.unfollowed and not any(use.brought for use in uses)


def _unclear(evidence: Evidence) -> Finding:
    """Trained, and yet not measured: a person looks."""
    chosen = evidence.chosen
    reason = (chosen and chosen.problem) or next((gap.reason for gap in evidence.gaps if gap.kind in _NEEDS), None)
    if reason is None and evidence.baseline is None:
        reason = say("The reference baseline was not measured.")
    return undecided(
        Standing.MEASUREMENT,
        say("The final model could not be measured automatically. A teacher will decide this item."),
        details=() if reason is None else (reason,),
        cells=() if chosen is None or chosen.cell is None else (chosen.cell,),
        for_teacher=reason or say("No measurement of the final model is on record."),
    )


def _is_untouched(chosen: MeasuredModel, evidence: Evidence) -> bool:
    """The baseline in layers, settings and training; the baseline trained in another way is a modification."""
    training = next((made for made in evidence.ledger.trainings if made.number == chosen.training), None)
    if not chosen.is_baseline or training is None:
        return chosen.is_baseline
    reference = reference_training(evidence, like=training)
    return reference is None or not differences(reference, training)


def _disagreement(evidence: Evidence, fidelity: float) -> Fidelity | None:
    """Our figure and the notebook's own, where they are further apart than ``fidelity``.

    On a small test set one image that falls on the other side of a rounding is more than that, and a figure printed in
    whole percent is no more exact than its last digit: the record's tolerance holds both beyond ``FIDELITY``.
    """
    told = evidence.fidelity
    close = told is None or told.residual <= fidelity + max(0.0, told.tolerance - FIDELITY) + 1e-9
    return None if close else told


def _unfaithful(chosen: MeasuredModel, measured: Gain, told: Fidelity) -> Finding:
    both = say(
        "Our accuracy on the public test set is {ours:pct2}; the notebook says {theirs:pct2}.",
        ours=told.measured,
        theirs=told.claimed,
    )
    return undecided(
        Standing.MEASUREMENT,
        say("The measurement does not agree with the notebook's own figure. A teacher will decide this item."),
        details=(both,),
        cells=tuple(sorted({cell for cell in (chosen.cell, told.cell) if cell is not None})),
        found=measured.relative_error_reduction,
        for_teacher=say(
            "Residual {residual:pct2} on the public test set: another preprocessing, another model, or a figure that "
            "was not computed.",
            residual=told.residual,
        ),
    )


def _standing(chosen: MeasuredModel) -> Standing:
    return Standing.CLAIM if chosen.where == "kernel" else Standing.MEASUREMENT


def _flag(chosen: MeasuredModel) -> Message | None:
    if chosen.where != "kernel":
        return None
    return say("The predictions were made in the student's own kernel, since the model could not be saved.")


def _as_the_task(finding: Finding, evidence: Evidence) -> Finding:
    """Two digits are easier to tell apart than ten: what a model of fewer classes earns is for a person to say."""
    final, data = evidence.final, evidence.data
    if final is None or data is None or final.task is None or not finding.share:
        return finding
    own = sum(1 for row in final.confusion if any(row))  # a model of 0 and 9 alone may well have ten outputs
    if own >= data.classes:
        return finding
    return undecided(
        finding.standing,
        say(
            "The final model tells {own:int} classes apart; the data set has {all:int}. Whether the task allows that "
            "is for a teacher to decide.",
            own=own,
            all=data.classes,
        ),
        details=(finding.message, *finding.details),
        cells=finding.cells,
        found=finding.found,
        for_teacher=say("What was measured earns {share:pct} of the points.", share=finding.share),
    )


def _as_served(finding: Finding, evidence: Evidence) -> Finding:
    """The first rows of a set that is served repeated hold few different images, and in the set that was asked for as
    many as rows: what a model would have learnt from those is not known. Fewer rows than the small set has images would
    be few in any set."""
    chosen, data = evidence.chosen, evidence.data
    numbers = {training.number: training for training in evidence.ledger.trainings}
    training = None if chosen is None else numbers.get(chosen.training or 0)
    if training is None or data is None or data.train_stride < 2 or finding.share is None or finding.share >= 1:
        return finding
    rows, images = training.x.shape[0] if training.x.shape else 0, training.x.distinct
    repeated = rows / (2 * data.train_stride) <= images <= 2 * rows / data.train_stride
    if not images or not repeated or 2 * images > data.train_images or rows < data.train_images:
        return finding
    return undecided(
        finding.standing,
        say(
            "Its training asked for {rows:int} rows, which hold some {images:int} different images here, since this "
            "small data set is served repeated: what the gain is worth is for a teacher to decide.",
            rows=rows,
            images=images,
        ),
        details=(finding.message, *finding.details),
        cells=finding.cells,
        found=finding.found,
        for_teacher=say("What was measured earns {share:pct} of the points.", share=finding.share),
    )


# --- robustness ----------------------------------------------------------------------------------------------------


@check("model.robustness", needs=_NEEDS, private=True)
def robustness(evidence: Evidence, *, cutoffs: Ratios = RATIOS, fewer_classes: bool = False) -> Finding:
    """Mean error over corruptions and severities, as a ratio to the baseline's (Hendrycks & Dietterich, ICLR 2019).

    ``cutoffs`` are pairs (ratio, share of the points) with linear interpolation between them; ``fewer_classes`` as for
    the gain.
    """
    if (answer := _unmeasured(evidence)) is not None:
        return answer
    chosen, final = evidence.chosen, evidence.final
    if final is not None and final.robustness_problem is not None:
        return _not_shown(chosen, final.robustness_problem)
    if chosen is None or final is None or final.robustness is None:
        return _unclear(evidence)
    measured = final.robustness
    ratio = error_ratio(measured)
    finding = earned(
        interpolated(ratio, cutoffs),
        _standing(chosen),
        say(
            "Mean accuracy on altered images (noise, rotation, blur …): {accuracy:pct}; baseline {baseline:pct}. "
            "Error ratio {ratio:num2}, wanted {wanted:num2} or less.",
            accuracy=measured.mean_accuracy,
            baseline=measured.baseline_mean_accuracy,
            ratio=ratio,
            wanted=cutoffs[0][0],
        ),
        advice=say("Augmentation (rotation, translation, noise) and regularisation make a model more robust."),
        details=_robustness_details(evidence, measured),
        cells=() if chosen.cell is None else (chosen.cell,),
        found=ratio,
        wanted=cutoffs[0][0],
    )
    finding = replace(finding, for_teacher=_flag(chosen))
    return finding if fewer_classes else _as_the_task(finding, evidence)


def _not_shown(chosen: MeasuredModel | None, reason: Message) -> Finding:
    """The model was measured, but not on altered images."""
    return undecided(
        Standing.MEASUREMENT if chosen is None else _standing(chosen),
        say("The robustness of the final model could not be measured automatically. A teacher will decide this item."),
        details=(reason,),
        cells=() if chosen is None or chosen.cell is None else (chosen.cell,),
        for_teacher=reason,
    )


def error_ratio(measured: Robustness) -> float:
    """1 for a baseline and a model that make no error at all; capped at 10."""
    error, baseline = 1 - measured.mean_accuracy, 1 - measured.baseline_mean_accuracy
    if baseline <= 0:
        return 1.0 if error <= 0 else 10.0
    return min(10.0, error / baseline)


def _robustness_details(evidence: Evidence, measured: Robustness) -> Iterator[Message]:
    """The corruptions in which the model gains and loses most against the baseline."""
    known = measured.baseline_curves
    gaps = {
        name: sum(curve) / len(curve) - sum(known[name]) / len(known[name])
        for name, curve in measured.curves.items()
        if curve and known.get(name)
    }
    if gaps:
        best, worst = max(gaps, key=lambda name: gaps[name]), min(gaps, key=lambda name: gaps[name])
        yield say(
            "Best against the baseline: {name:word}, {points:num1} points of accuracy.",
            name=best,
            points=100 * gaps[best],
        )
        yield say(
            "Worst against the baseline: {name:word}, {points:num1} points of accuracy.",
            name=worst,
            points=100 * gaps[worst],
        )
    yield say("Measured on {images:int} hidden images, severities 1 to 5.", images=measured.images)
    if evidence.final is not None and evidence.final.task is not None:
        yield evidence.final.task
        yield say("The baseline's outputs are summed in the same way, on the same images.")
