"""Realistic reports with sensible defaults; every part can be replaced by name."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from PIL import Image

from autograder.records import (
    ArrayPrint,
    Award,
    Baseline,
    Cell,
    CellKind,
    CellRun,
    CellState,
    Criterion,
    DataCard,
    Digest,
    Ending,
    Evaluation,
    Evidence,
    Execution,
    FinalMeasures,
    Finding,
    Gain,
    Grade,
    Interval,
    Item,
    Json,
    Ledger,
    MeasuredModel,
    Nudge,
    Output,
    PublicGap,
    Report,
    Robustness,
    Rubric,
    Section,
    Standing,
    State,
    Step,
    StudentId,
    Submission,
    Table,
    TableRow,
    Training,
    Verdict,
    say,
)
from autograder.store import Store, digest

NOWHERE = digest(b"")
GRADED_AT = datetime(2026, 3, 13, 16, 5, tzinfo=UTC)

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'\"` onmouseover=alert(1) x='",
    "[x](javascript:alert(1)) ![x](http://evil.example/x.png)",
    '<a href="javascript:alert(1)">x</a><iframe src="//evil.example"></iframe>',
    "<svg onload=alert(1)><style>*{background:url(http://evil.example)}</style></svg>",
    "</style></title></textarea><script src=//evil.example></script>",
    "{{ 7 * 7 }} {% raw %} {text} {x:pct}",
    "\u202etxt.exe \u200bhidden\u2066 \x1b[31mred\x1b]0;title\x07\x00",
    "&#x202e;&lt;script&gt;",
)
"""What a student might put into a name, a heading, a cell, an output, an error or a table."""

_CRITERIA = (
    (
        "code",
        "Qualité du code",
        "Code quality",
        (
            ("runs", "Exécution complète", "Runs completely", "2"),
            ("structure", "Structure", "Structure", "1"),
            ("readability", "Lisibilité", "Readability", "1"),
        ),
    ),
    (
        "modifications",
        "Pertinence des modifications",
        "Relevance of the modifications",
        (
            ("distinct", "Trois modifications distinctes", "Three distinct modifications", "3"),
            ("justified", "Justification", "Justification", "2"),
            ("methodical", "Méthode", "Method", "1"),
        ),
    ),
    (
        "improvement",
        "Amélioration effective",
        "Actual improvement",
        (
            ("gain", "Gain sur la référence", "Gain over the reference", "3"),
            ("robust", "Robustesse mesurée", "Measured robustness", "1"),
        ),
    ),
    (
        "analysis",
        "Analyse critique",
        "Critical analysis",
        (
            ("errors", "Analyse des erreurs", "Error analysis", "1"),
            ("robustness-test", "Test de robustesse", "Robustness test", "1"),
            ("discussion", "Discussion", "Discussion", "1"),
        ),
    ),
    (
        "documentation",
        "Documentation",
        "Documentation",
        (
            ("sections", "Sept sections", "Seven sections", "1.5"),
            ("comparison", "Tableau comparatif", "Comparison table", "1"),
            ("clarity", "Clarté", "Clarity", "0.5"),
        ),
    ),
)


def a_rubric(**changes: Json) -> Rubric:
    criteria = tuple(
        Criterion(
            id=name,
            title={"fr": french, "en": english},
            points=sum((Decimal(points) for *_, points in items), Decimal(0)),
            items=tuple(
                Item(id=item, title={"fr": fr, "en": en}, points=Decimal(points), check="person.reads")
                for item, fr, en, points in items
            ),
        )
        for name, french, english, items in _CRITERIA
    )
    rubric = Rubric(
        id="mnist-individuel",
        version=1,
        title={"fr": "Mini-projet individuel", "en": "Individual mini-project"},
        points=Decimal(20),
        criteria=criteria,
        digest=digest(b"rubric"),
    )
    return replace(rubric, **changes)


def a_finding(verdict: Verdict = Verdict.MET, **changes: Json) -> Finding:
    share = {Verdict.MET: 1.0, Verdict.PARTLY: 0.5, Verdict.NEEDS_REVIEW: None}.get(verdict, 0.0)
    finding = Finding(
        verdict=verdict,
        share=share,
        standing=Standing.MEASUREMENT,
        message=say("{found:int} of {wanted:int} found.", found=3 * (share or 0), wanted=3),
        advice=None if verdict in (Verdict.MET, Verdict.NEEDS_REVIEW) else say("Add what is missing."),
        cells=(2, 4),
        found=3 * (share or 0),
        wanted=3,
    )
    return replace(finding, **changes)


def a_grade(
    verdicts: Sequence[Verdict] = (Verdict.MET, Verdict.MET, Verdict.PARTLY, Verdict.UNMET), **changes: Json
) -> Grade:
    """The verdicts are given to the items in turn."""
    rubric = changes.pop("of", None) or a_rubric()
    awards = []
    for number, (criterion, item) in enumerate(rubric.items):
        finding = a_finding(verdicts[number % len(verdicts)])
        points = None if finding.share is None else item.points * Decimal(str(finding.share))
        awards.append(
            Award(
                item=item.id,
                criterion=criterion.id,
                title=item.title,
                points=points,
                possible=item.points,
                finding=finding,
            )
        )
    grade = Grade(
        student=StudentId("amelie-benoit"),
        name="Amélie Benoît",
        rubric=rubric.id,
        rubric_digest=rubric.digest,
        state=State.NEEDS_REVIEW if any(award.points is None for award in awards) else State.GRADED,
        awards=tuple(awards),
        possible=rubric.points,
    )
    return replace(grade, **changes)


def a_training(number: int = 1, **changes: Json) -> Training:
    epochs = 5
    training = Training(
        number=number,
        model=f"m{number}",
        execution_count=3,
        functions=("evaluate_model",),
        builder=f"create_model_{number}",
        labels={"model_name": f"Modèle {number}"},
        parameters=225_034,
        optimizer={"name": "adam", "learning_rate": 0.001},
        loss="categorical_crossentropy",
        arguments={"epochs": epochs, "batch_size": 128, "validation": "split"},
        x=ArrayPrint(shape=(750, 28, 28, 1), dtype="float32", low=0.0, high=1.0),
        history={
            "accuracy": tuple(round(0.97 - 0.4 / (epoch + number), 4) for epoch in range(1, epochs + 1)),
            "val_accuracy": tuple(round(0.95 - 0.4 / (epoch + number), 4) for epoch in range(1, epochs + 1)),
            "loss": tuple(round(1.1 / (epoch + 0.5), 4) for epoch in range(1, epochs + 1)),
            "val_loss": tuple(round(1.2 / (epoch + 0.5), 4) for epoch in range(1, epochs + 1)),
        },
        epochs_run=epochs,
        seconds=6.4,
    )
    return replace(training, **changes)


def a_baseline(**changes: Json) -> Baseline:
    baseline = Baseline(
        accuracies=(0.902, 0.896, 0.91),
        seeds=(1, 2, 3),
        mean_errors=NOWHERE,
        predictions=(NOWHERE,) * 3,
        robustness={name: _curve(start - 0.03, slope * 1.2) for name, start, slope in _KINDS},
        clean_accuracy=0.903,
        loss_ratio=1.02,
        parameters=225_034,
    )
    return replace(baseline, **changes)


_KINDS = (
    ("gaussian_noise", 0.95, 0.02),
    ("rotation", 0.95, 0.05),
    ("translation", 0.94, 0.08),
    ("zoom", 0.95, 0.03),
    ("brightness", 0.96, 0.01),
    ("contrast", 0.96, 0.02),
    ("blur", 0.95, 0.02),
    ("occlusion", 0.93, 0.06),
)


def _curve(start: float, slope: float) -> tuple[float, ...]:
    return tuple(round(max(0.1, start - slope * step), 4) for step in range(5))


def a_final(**changes: Json) -> FinalMeasures:
    confusion = [[0] * 10 for _ in range(10)]
    for number in range(10):
        confusion[number][number] = 35
    confusion[8][3], confusion[9][4], confusion[1][8], confusion[5][6] = 4, 2, 3, 1
    total, right = sum(map(sum, confusion)), 350
    curves = {name: _curve(start, slope) for name, start, slope in _KINDS}
    usual = {name: _curve(start - 0.03, slope * 1.2) for name, start, slope in _KINDS}
    final = FinalMeasures(
        accuracy=right / total,
        classes=10,
        confusion=tuple(map(tuple, confusion)),
        per_class_error=tuple(1 - row[number] / sum(row) for number, row in enumerate(confusion)),
        calibration_error=0.021,
        public_accuracy=0.9694,
        gain=Gain(
            relative_error_reduction=0.715,
            ci95=Interval(low=0.55, high=0.83),
            p_value=0.00004,
            accuracy=right / total,
            baseline_accuracy=0.9027,
            images=total,
        ),
        robustness=Robustness(
            curves=curves,
            baseline_curves=usual,
            clean_accuracy=0.972,
            mean_accuracy=0.86,
            baseline_mean_accuracy=0.78,
            images=360,
        ),
        loss_ratio=1.05,
        gap=PublicGap(
            value=0.0086, ci95=Interval(low=-0.015, high=0.033), public=0.9672, hidden=right / total, baseline=0.004
        ),
        nudges=(a_nudge(), a_nudge(of="public"), a_nudge(kind="noise"), a_nudge(kind="noise", of="public")),
        facts=(say("The public test set was used for validation."),),
    )
    return replace(final, **changes)


def a_nudge(**changes: Json) -> Nudge:
    nudge = Nudge(
        kind="shift",
        of="hidden",
        images=300,
        right=291,
        kept=279,
        after=282,
        chance=0.11,
        baseline_before=0.9,
        baseline_after=0.84,
        baseline_kept=0.92,
    )
    return replace(nudge, **changes)


def a_model(number: int = 1, **changes: Json) -> MeasuredModel:
    model = MeasuredModel(
        id=f"m{number}-t{number}",
        name=f"Modèle {number}",
        training=number,
        cell=4,
        parameters=225_034,
        bytes=912_000,
        ms_per_image=0.21,
        preprocessing=(Step(op="affine", values={"scale": 1 / 255, "offset": 0.0}),),
        preprocessing_residual=0.0,
        notebook_accuracy=0.93 + number / 100,
        validation_accuracy=0.92,
        public_accuracy=0.93 + number / 100,
        hidden_accuracy=0.925 + number / 100,
        seconds=6.4,
    )
    return replace(model, **changes)


def a_table(**changes: Json) -> Table:
    rows = (
        TableRow(
            label="Référence", accuracy=0.94, seconds=6.1, comment="point de départ", training=1, measured_accuracy=0.94
        ),
        TableRow(
            label="Dropout",
            accuracy=0.952,
            seconds=6.9,
            comment="moins de surapprentissage",
            training=2,
            measured_accuracy=0.95,
        ),
        TableRow(
            label="Augmentation",
            accuracy=0.997,
            seconds=8.2,
            comment="la meilleure",
            training=3,
            measured_accuracy=0.96,
        ),
        TableRow(label="Essai abandonné"),
    )
    return replace(
        Table(cell=6, origin="dataframe", rows=rows, columns=("modèle", "précision", "temps", "commentaire")), **changes
    )


def a_png(store: Store | None) -> Digest | None:
    if store is None:
        return None
    buffer = io.BytesIO()
    Image.new("L", (8, 6), 128).save(buffer, format="PNG")
    return store.put(buffer.getvalue())


def some_cells(store: Store | None = None) -> tuple[Cell, ...]:
    frame = (
        '<div><style>.x{}</style><table border="1"><tr><th>modèle</th><th>précision</th></tr>'
        "<tr><td>A</td><td>0.94</td></tr></table></div>"
    )
    outputs: dict[int, tuple[Output, ...]] = {
        2: (Output(kind="stream", stream="stdout", text="".join(f"epoch {number}\n" for number in range(300))),),
        4: (Output(kind="display", text="<Figure>", image=a_png(store), width=8, height=6),),
        6: (Output(kind="result", text="modèle précision", html=frame),),
        7: (Output(kind="error", text="Traceback\nNameError: name 'x' is not defined"),),
    }
    sources = (
        (CellKind.MARKDOWN, "# Mini-projet\n\nUne **introduction** avec `code`.\n\n| a | b |\n|---|---|\n| 1 | 2 |"),
        (CellKind.CODE, "import numpy as np"),
        (CellKind.CODE, "train()"),
        (CellKind.MARKDOWN, "## Modèle de référence"),
        (CellKind.CODE, "plot()"),
        (CellKind.MARKDOWN, "## Comparaison"),
        (CellKind.CODE, "tableau"),
        (CellKind.CODE, "x"),
    )
    return tuple(
        Cell(index=index, kind=kind, source=source, outputs=outputs.get(index, ()))
        for index, (kind, source) in enumerate(sources)
    )


def an_execution(**changes: Json) -> Execution:
    states = {1: CellState.RAN, 2: CellState.RAN, 4: CellState.RAN, 6: CellState.RAN, 7: CellState.RAISED}
    execution = Execution(
        ending=Ending.RAISED,
        reason=say("Cell {number:int} raised an error: {error}", number=8, error="NameError: name 'x' is not defined"),
        cells=tuple(
            CellRun(
                index=index,
                state=state,
                seconds=1.5 * index,
                execution_count=number,
                error="NameError: name 'x' is not defined" if state is CellState.RAISED else None,
            )
            for number, (index, state) in enumerate(states.items(), 1)
        ),
        environment={"python": "3.12.4", "keras": "3.15.1"},
        sandbox="bubblewrap",
        seconds=42.0,
        peak_memory_mb=812.0,
        started_at=GRADED_AT,
    )
    return replace(execution, **changes)


def some_data(**changes: Json) -> DataCard:
    card = DataCard(
        name="digits",
        digest=digest(b"digits"),
        classes=10,
        image_shape=(28, 28),
        train_images=1077,
        public_images=360,
        hidden_images=360,
        split_seed=20,
        train_rows=60_000,
        test_rows=10_000,
        train_stride=56,
    )
    return replace(card, **changes)


def an_evidence(store: Store | None = None, **changes: Json) -> Evidence:
    because = say("It is the model with the best validation accuracy ({accuracy:pct}).", accuracy=0.95)
    evidence = Evidence(
        student=StudentId("amelie-benoit"),
        cells=some_cells(store),
        execution=an_execution(),
        ledger=Ledger(
            trainings=tuple(a_training(number) for number in (1, 2, 3)),
            evaluations=(Evaluation(kind="evaluate", model="m1", results={"accuracy": 0.94, "loss": 0.2}),),
        ),
        models=(a_model(1, is_baseline=True), a_model(2), a_model(3, chosen=True, chosen_because=because)),
        final=a_final(),
        table=a_table(),
        sections=(Section(kind="introduction", title="Mini-projet", level=1, cells=(0,), words=40),),
        baseline=a_baseline(),
        data=some_data(),
    )
    return replace(evidence, **changes)


def a_submission(**changes: Json) -> Submission:
    submission = Submission(
        student=StudentId("amelie-benoit"),
        name="Amélie Benoît",
        source="Amélie Benoît/rendu.ipynb",
        notebook=NOWHERE,
    )
    return replace(submission, **changes)


def a_report(store: Store | None = None, **changes: Json) -> Report:
    report = Report(
        submission=a_submission(),
        grade=a_grade(),
        evidence=an_evidence(store),
        graded_at=GRADED_AT,
        versions={"autograder": "0.1.0", "python": "3.12.4", "keras": "3.15.1"},
    )
    return replace(report, **changes)


def a_student(number: int, **changes: Json) -> Report:
    """One of a class: names, grades and accuracies differ from student to student."""
    verdicts = tuple(Verdict)[number % 5 :] + tuple(Verdict)[: number % 5]
    student = StudentId(f"student-{number:04d}")
    final = a_final(accuracy=0.85 + number % 140 / 1000)
    return a_report(
        submission=a_submission(student=student, name=f"Étudiant {number}"),
        grade=a_grade(verdicts, student=student, name=f"Étudiant {number}"),
        evidence=an_evidence(student=student, final=final),
        **changes,
    )


def a_refusal(**changes: Json) -> Report:
    """A submission of which nothing could be run."""
    reason = say("The file is not a notebook.")
    unreached = a_finding(Verdict.UNREACHED, message=reason, cells=(), advice=None)
    awards = tuple(replace(award, points=Decimal(0), finding=unreached) for award in a_grade().awards)
    return a_report(
        submission=a_submission(notebook=None, refusal=reason),
        grade=a_grade(awards=awards, state=State.FAILED, reason=reason),
        evidence=None,
        **changes,
    )


def a_store(folder: Path) -> Store:
    return Store(folder / "store")
