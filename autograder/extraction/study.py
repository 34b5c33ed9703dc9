"""All models of one notebook: chosen, prepared for, shown the images in room 2, and measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from autograder.extraction import measures, memory
from autograder.extraction.absences import absences
from autograder.extraction.altered import with_altered
from autograder.extraction.archive import refusal
from autograder.extraction.case import BY_HAND, Bench, Case
from autograder.extraction.choice import choose, validation_accuracy
from autograder.extraction.ensembles import Answered, Ensemble, Vote, combined, ensembles, foremost, unexplained
from autograder.extraction.fallback import from_kernel
from autograder.extraction.fidelity import Account, fidelity, held
from autograder.extraction.grouping import Scope, another_task, grouping, mislabelled, scope
from autograder.extraction.matching import (
    Candidate,
    Sightings,
    candidates,
    name_of,
    prepare,
    same_as_baseline,
    steps_of,
    unprepared,
)
from autograder.extraction.noticed import Measured, noticed
from autograder.extraction.origin import Brought
from autograder.extraction.partly import partly
from autograder.extraction.probing import Gallery, Probed, Task
from autograder.extraction.unaltered import unaltered
from autograder.records import (
    Baseline,
    Cell,
    Execution,
    FinalMeasures,
    Gap,
    GapKind,
    Ledger,
    MeasuredModel,
    Message,
    Training,
    say,
)

MAX_MODELS = 24
TRAINED_ROWS = 100
"""From which on a classifier of scikit-learn's was trained for the task, and not for a picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Studied:
    ledger: Ledger
    """As it was given, with what was measured of the data in it."""
    models: tuple[MeasuredModel, ...] = ()
    final: FinalMeasures | None = None
    gaps: tuple[Gap, ...] = ()
    apart: frozenset[int] = frozenset()
    """Numbers of trainings for another task than naming the images of the data set."""
    mislabelled: tuple[int, ...] = ()
    """Numbers of those whose labels have nothing to do with their images."""
    unaltered: tuple[str, ...] = ()
    """Digests of data that are images of the data set as for training."""


def study(
    ledger: Ledger,
    execution: Execution,
    cells: Sequence[Cell],
    baseline: Baseline | None,
    bench: Bench,
    things: Sequence[Brought] = (),
) -> Studied:
    """Every trained model with its measurements, and all figures of the final one."""
    known = candidates(ledger, execution.artifacts)
    sightings = Sightings(bench.data, execution.artifacts, bench.store, bench.others)
    ledger = with_altered(ledger, sightings)
    choice = choose(ledger, known, execution.artifacts, cells, execution, bench.data.card.image_shape, sightings)
    absent = absences(ledger, execution)
    if choice is None:
        return Studied(ledger=ledger, gaps=(*absent, _nothing(ledger)))
    # The final one first: should time run out, it has been measured.
    measured = (choice.candidate, *(one for one in known if one is not choice.candidate))[:MAX_MODELS]
    classes = bench.data.card.classes
    groupings = {one.id: grouping(one, ledger, known, execution.artifacts, sightings, classes) for one in measured}
    kept = {name: found.classes if found else () for name, found in groupings.items()}
    case = Case(
        ledger=ledger,
        execution=execution,
        baseline=baseline,
        bench=bench,
        sightings=sightings,
        known=known,
        account=Account(
            ledger=ledger,
            known=known,
            artifacts=execution.artifacts,
            execution=execution,
            cells=cells,
            sightings=sightings,
            test_rows=bench.data.card.test_rows,
        ),
        choice=choice,
        groupings=groupings,
        prepared={
            one.id: prepare(one, ledger, known, execution.artifacts, sightings, kept[one.id]) for one in measured
        },
        things=things,
    )
    studied = _measured(case)
    apart = frozenset(one.number for one in ledger.trainings if another_task(one, sightings))
    return replace(
        studied,
        gaps=(*absent, *studied.gaps),
        apart=apart,
        mislabelled=tuple(one.number for one in ledger.trainings if mislabelled(one, sightings, classes)),
        unaltered=unaltered(ledger, sightings),
    )


def _nothing(ledger: Ledger) -> Gap:
    """No model: none was trained, or for a reason that is no fault of the student's."""
    if by_hand(ledger):
        reason = say(
            "The notebook trains by hand in a way that cannot be followed automatically: a teacher will look at it; "
            "it costs you nothing."
        )
        return Gap(kind=GapKind.LEDGER, reason=reason, ours=True)
    if kinds := sorted({one.kind for one in ledger.estimators if one.rows >= TRAINED_ROWS}):
        reason = say(
            "The notebook trains classifiers of scikit-learn only ({kinds}), which are not measured automatically: a "
            "teacher will look at them; it costs you nothing.",
            kinds=", ".join(kinds),
        )
        return Gap(kind=GapKind.LEDGER, reason=reason, ours=True)
    return Gap(kind=GapKind.MODEL, reason=say("No model was trained in this run."))


def by_hand(ledger: Ledger) -> bool:
    """Whether there are the traces of a training that no entry tells of."""
    return not ledger.trainings and ledger.unfollowed >= BY_HAND


def _measured(case: Case) -> Studied:
    bench, shown = case.bench, case.bench.gallery()
    answers = _answers(case, shown)
    scopes = {one.id: scope(case.groupings.get(one.id), bench.data, shown) for one in case.known if one.id in answers}
    models = tuple(
        _model(one, number, case, _scoped(answers, scopes, one)) for number, one in enumerate(case.known, start=1)
    )
    answered = Answered(answers=answers, scopes=scopes)
    case, models = _by_measurement(case, models)
    together = ensembles(answered, case.account)
    chosen = next(model for model in models if model.chosen)
    several = _of_several(together, answered, case, stated=chosen.fidelity is not None)
    parts = (case.chosen,) if several is None else several.members
    answered = replace(answered, answers={**answers, **_shown_altered(parts, answered, case)})
    if several is not None:
        models = tuple(replace(model, chosen=False, chosen_because=None) for model in models)
    models += tuple(_ensemble(one, models, answered, case, chosen=one is several) for one in together)
    models = _beyond(models, case)
    chosen = next(model for model in models if model.chosen)
    answer = answered.answers[case.chosen.id]
    if several is not None:
        answer = combined([answered.answers[one.id] for one in parts], several.vote)
    figures = _final(case, models, answer, scopes[parts[0].id], parts)
    return Studied(ledger=case.ledger, models=models, final=figures, gaps=_gaps(chosen))


def _by_measurement(case: Case, models: tuple[MeasuredModel, ...]) -> tuple[Case, tuple[MeasuredModel, ...]]:
    """Where nothing but their order was known of several models: the most accurate one on the public images."""
    among = [model for model in models if model.id in case.choice.among and model.public_accuracy is not None]
    best = max(reversed(among), key=lambda model: model.public_accuracy or 0.0, default=None)
    if best is None or best.chosen:
        return case, models
    because = say("By our measurement it is the most accurate one; the notebook states no figure to choose by.")
    candidate = next(one for one in case.known if one.id == best.id)
    choice = replace(case.choice, candidate=candidate, because=because, by="accuracy")
    told = tuple(
        replace(model, chosen=model is best, chosen_because=because if model is best else None) for model in models
    )
    return replace(case, choice=choice), told


def _beyond(models: tuple[MeasuredModel, ...], case: Case) -> tuple[MeasuredModel, ...]:
    """What the notebook reaches with models put together in a way that is not known stands against what we measure."""
    known = [model.public_accuracy for model in models if model.public_accuracy is not None]
    claim = unexplained(known, case.account) if known else None
    images = case.bench.data.card.public_images
    return tuple(
        replace(model, fidelity=held(claim, model.public_accuracy, images))
        if model.chosen and claim is not None and model.public_accuracy is not None
        else model
        for model in models
    )


def _of_several(together: Sequence[Ensemble], answered: Answered, case: Case, *, stated: bool) -> Ensemble | None:
    """The ensemble that is the final model: not where one model was named, announced or studied as such."""
    if case.choice.by not in ("accuracy", "list", "order", "test"):
        return None
    return foremost(together, answered, case.chosen, stated=stated)


def _shown_altered(parts: Sequence[Candidate], answered: Answered, case: Case) -> Mapping[str, Probed]:
    """Answers of what the final model is made of, as far as it was not asked for altered images yet."""
    tasks = [
        Task(id=one.id, model=one.artifact, steps=steps_of(preparation), robustness=True)
        for one in parts
        if one.artifact is not None
        and (preparation := case.prepared[one.id]) is not None
        and answered.answers[one.id].public is not None
        and answered.answers[one.id].altered is None
        and answered.answers[one.id].problem is None
    ]
    return case.bench.probe(tasks, case.bench.gallery()) if tasks else {}


def _final(
    case: Case, models: Sequence[MeasuredModel], answer: Probed, within: Scope, parts: Sequence[Candidate]
) -> FinalMeasures | None:
    """All figures of the final model, with what a person should look at; ``parts``: the weights that it is made of."""
    seed, store = case.bench.rubric.seed, case.bench.store
    final = measures.final_measures(answer, within, baseline=case.baseline, seed=seed, store=store)
    if final is None:
        return None
    signs = memory.signs(answer, within, case.baseline, store=store)
    seen = Measured(models=models, final=final, within=within, parts=parts)
    found = noticed(case, seen, signs.doubts)
    return replace(
        final,
        loss_ratio=signs.loss_ratio,
        nudges=signs.nudges,
        gap=signs.gap,
        doubts=found.doubts,
        flags=found.flags,
        facts=found.facts,
    )


def _answers(case: Case, shown: Gallery) -> Mapping[str, Probed]:
    """What room 2 found of each model, or why it was not asked."""
    answers: dict[str, Probed] = {}
    tasks: list[Task] = []
    for one in sorted(case.known, key=lambda one: one is not case.chosen):
        if one.id not in case.prepared:
            continue
        preparation = case.prepared[one.id]
        if not one.scores:
            answers[one.id] = Probed(problem=_no_scores(one))
        elif one.artifact is None:
            bench = case.bench
            answers[one.id] = from_kernel(
                one, case.ledger, case.known, case.execution, data=bench.data, shown=shown, store=bench.store
            )
        elif preparation is None:
            answers[one.id] = Probed(problem=unprepared(one, case.sightings))
        elif (reason := refusal(case.bench.store.get(one.artifact))) is not None:
            answers[one.id] = Probed(problem=reason)
        else:
            final = one is case.chosen
            tasks.append(Task(id=one.id, model=one.artifact, steps=steps_of(preparation), robustness=final))
    return answers | dict(case.bench.probe(tasks, shown))


def _no_scores(one: Candidate) -> Message:
    if one.training is not None and len(one.training.outputs) > 1:
        return say(
            "The model has {ends:int} outputs at once, and which of them gives the classes is not known: use a model "
            "with that output alone in the notebook.",
            ends=len(one.training.outputs),
        )
    return say("The model gives no scores for classes: it rebuilds or describes images.")


# --- records -------------------------------------------------------------------------------------------------------


_Scoped: TypeAlias = tuple[Probed, Scope]


def _scoped(answers: Mapping[str, Probed], scopes: Mapping[str, Scope], one: Candidate) -> _Scoped | None:
    return (answers[one.id], scopes[one.id]) if one.id in answers else None


def _model(one: Candidate, number: int, case: Case, answer: _Scoped | None) -> MeasuredModel:
    preparation, training = case.prepared.get(one.id), one.training
    described = MeasuredModel(
        id=one.id,
        name=name_of(one, case.ledger, number),
        training=training.number if training else None,
        cell=_cell(one, case.execution),
        chosen=one is case.chosen,
        chosen_because=case.choice.because if one is case.chosen else None,
        is_baseline=same_as_baseline(training, case.baseline),
        layers=training.layers if training else (),
        parameters=training.parameters if training else 0,
        preprocessing=steps_of(preparation) if preparation else None,
        preprocessing_residual=preparation.recipe.residual if preparation else None,
        where="nowhere",
        notebook_accuracy=preparation.accuracy if preparation else None,
        validation_accuracy=validation_accuracy(training, one.epoch) if training else None,
        seconds=_took(training) if training else None,
    )
    if answer is None:
        return replace(described, problem=say("Only {limit:int} models of a notebook are measured.", limit=MAX_MODELS))
    measured = _with_answer(described, one, *answer, case.bench)
    images, account = answer[1].data.card.public_images, case.account_of(one, answer[1])
    told = fidelity(one, preparation, measured.public_accuracy, images, account)
    return replace(measured, fidelity=told, partly=partly(one, account))


def _took(training: Training) -> float:
    """When it took place, which may have been in another run."""
    return training.recorded_seconds if training.reused else training.seconds


def _ensemble(
    one: Ensemble, models: Sequence[MeasuredModel], answered: Answered, case: Case, *, chosen: bool = False
) -> MeasuredModel:
    """As if it were one model; what its members took is summed."""
    members = {member.id for member in one.members}
    parts = [model for model in models if model.id in members]
    best = max(parts, key=lambda model: model.public_accuracy or 0.0)
    answer = combined([answered.answers[member.id] for member in one.members], one.vote)
    described = MeasuredModel(
        id=one.id,
        name=_names([part.name for part in parts]),
        training=None,
        members=tuple(part.id for part in parts),
        cell=one.cell,
        chosen=chosen,
        chosen_because=_because(one) if chosen else None,
        preprocessing=best.preprocessing,
        preprocessing_residual=best.preprocessing_residual,
        seconds=_sum([part.seconds for part in parts]),
        where="nowhere",
    )
    within = answered.scopes[one.members[0].id]
    measured = _with_answer(described, one.members[0], answer, within, case.bench)
    return replace(
        measured,
        where="kernel" if any(part.where == "kernel" for part in parts) else "probe",
        parameters=sum(part.parameters for part in parts),
        bytes=None if None in (sizes := [part.bytes for part in parts]) else sum(size or 0 for size in sizes),
        fidelity=None
        if one.claim is None or measured.public_accuracy is None
        else held(one.claim, measured.public_accuracy, within.data.card.public_images),
    )


def _names(parts: Sequence[str]) -> str:
    """Several states of one model have but one name."""
    names = tuple(dict.fromkeys(parts))
    return " + ".join(names)[:80] if len(names) > 1 else f"{names[0]} × {len(parts)}"


def _because(one: Ensemble) -> Message:
    if one.vote is Vote.MAJORITY:
        return say("The notebook lets {models:int} models vote.", models=len(one.members))
    return say("The notebook puts the answers of {models:int} models together.", models=len(one.members))


def _sum(figures: Sequence[float | None]) -> float | None:
    """None where one is not known."""
    known = [figure for figure in figures if figure is not None]
    return sum(known) if len(known) == len(figures) else None


def _with_answer(model: MeasuredModel, one: Candidate, answer: Probed, within: Scope, bench: Bench) -> MeasuredModel:
    if answer.hidden is None:
        return replace(model, problem=answer.problem)
    problem = measures.unfit(answer.hidden, within.data.card.classes)
    if problem is not None:
        return replace(model, problem=problem)
    asked = within.of(answer)
    return replace(
        model,
        where="kernel" if one.artifact is None else "probe",
        problem=answer.problem,
        parameters=model.parameters if answer.parameters is None else answer.parameters,
        bytes=None if one.artifact is None else len(bench.store.get(one.artifact)),
        numbers=answer.numbers,
        ms_per_image=answer.ms_per_image,
        public_accuracy=None if asked.public is None else measures.public_accuracy(asked.public, within.data),
        hidden_accuracy=None if asked.hidden is None else measures.hidden_accuracy(asked.hidden, within.data),
        hidden_predictions=bench.store.put_array(answer.hidden),
    )


def _cell(one: Candidate, execution: Execution) -> int | None:
    runs = (run.index for run in execution.cells if run.execution_count == one.moment)
    return next(runs, None) if one.moment else None


def _gaps(chosen: MeasuredModel) -> tuple[Gap, ...]:
    if chosen.problem is None:
        return ()
    kind = GapKind.PREPROCESSING if chosen.preprocessing is None else GapKind.MODEL
    return (Gap(kind=kind, reason=chosen.problem),)
