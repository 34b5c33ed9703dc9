"""Models whose answers a notebook puts together: which, how, and whether that is its final model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from autograder.datasets import DataSet, load
from autograder.extraction import measures
from autograder.extraction.ensembles import Answered, Ensemble, Vote, combined, ensembles, foremost, unexplained
from autograder.extraction.fidelity import Account
from autograder.extraction.grouping import scope
from autograder.extraction.matching import Candidate, Sighting
from autograder.extraction.probing import Gallery, Probed
from autograder.extraction.recipes import Recipe
from autograder.records import (
    ArrayPrint,
    Cell,
    CellKind,
    Digest,
    Ending,
    Estimator,
    Evaluation,
    Execution,
    Ledger,
    Output,
    Score,
)
from tests import evidence as make

NOWHERE = Digest("sha256:" + "0" * 64)
NONE = np.arange(0)
SHOWN = Gallery(
    images=NOWHERE,
    order=NONE,
    hidden=0,
    public=0,
    nudged_hidden=NONE,
    nudged_public=NONE,
    altered=NOWHERE,
    altered_rows=NONE,
)
TEST = ArrayPrint(shape=(360, 8, 8), sample="test", digest="d1")
OTHER = ArrayPrint(shape=(360, 8, 8), sample="noisy", digest="d2")


class Known:
    """Sightings that know the public test set by the name of its sample."""

    def of(self, shown: ArrayPrint | None) -> Sighting | None:
        if shown is None or not shown.sample:
            return None
        public = shown.sample == "test"
        return Sighting(recipe=Recipe((), 0.0, ()), rows=32, public=32 * public, whole=public)


@pytest.fixture(scope="module")
def data() -> DataSet:
    return load("digits", split_seed=20, hidden_images=100)


def scores(data: DataSet, wrong: Sequence[int], confidence: float = 0.8) -> npt.NDArray[np.float32]:
    """Probabilities for the public images: right and sure, but for the rows that are ``wrong``."""
    labels = data.y_public.reshape(-1).astype(int)
    said = labels.copy()
    said[list(wrong)] = (labels[list(wrong)] + 1) % 10
    outputs = np.full((len(labels), 10), (1 - confidence) / 9, np.float32)
    outputs[np.arange(len(labels)), said] = confidence
    return outputs


def answered(data: DataSet, *outputs: npt.NDArray[np.float32]) -> Answered:
    hidden = np.full((100, 10), 0.1, np.float32)
    return Answered(
        answers={f"c{number}": Probed(public=one, hidden=hidden) for number, one in enumerate(outputs, start=1)},
        scopes={f"c{number}": scope(None, data, SHOWN) for number in range(1, len(outputs) + 1)},
    )


def account(
    data: DataSet,
    uses: Sequence[Evaluation],
    *,
    sources: Mapping[int, str] | None = None,
    figures: Mapping[int, float] | None = None,
    printed: Mapping[int, str] | None = None,
    models: int = 3,
) -> Account:
    """Of cells 0 to 8, whose execution counts are one more."""
    trainings = tuple(make.training(number, execution_count=1, weights=f"w{number}") for number in range(1, models + 1))
    known = [
        Candidate(id=f"c{one.number}", model=one.model, training=one, artifact=None, weights=one.weights)
        for one in trainings
    ]
    rows = len(data.x_test)
    stated = tuple(
        Score(kind="accuracy_score", value=value, rows=rows, execution_count=count)
        for count, value in (figures or {}).items()
    )
    cells = [
        Cell(
            index=number,
            kind=CellKind.CODE,
            source=(sources or {}).get(number + 1, "pass"),
            outputs=(Output(kind="stream", stream="stdout", text=(printed or {}).get(number + 1, "")),),
        )
        for number in range(9)
    ]
    return Account(
        ledger=Ledger(trainings=trainings, evaluations=tuple(uses), scores=stated),
        known=known,
        artifacts={},
        execution=Execution(ending=Ending.COMPLETED, cells=tuple(make.ran(number) for number in range(9))),
        cells=cells,
        sightings=Known(),  # type: ignore[arg-type]
        test_rows=rows,
    )


def predict(number: int, count: int, x: ArrayPrint = TEST, **more: object) -> Evaluation:
    known = {"kind": "predict", "model": f"m{number}", "execution_count": count, "x": x, "weights": f"w{number}"}
    return Evaluation(**{**known, **more})  # type: ignore[arg-type]


def accuracy(data: DataSet, outputs: npt.NDArray[np.float32]) -> float:
    return measures.public_accuracy(outputs, data)


@pytest.fixture(scope="module")
def three(data: DataSet) -> tuple[npt.NDArray[np.float32], ...]:
    """Wrong on thirty images each, of which ten are wrong for all; the first is surer of itself."""
    return (
        scores(data, range(30), 0.9),
        scores(data, [*range(10), *range(30, 50)], 0.5),
        scores(data, [*range(10), *range(50, 70)], 0.5),
    )


def test_side_by_side_and_met_to_the_image(data: DataSet, three: tuple[npt.NDArray[np.float32], ...]) -> None:
    mean = accuracy(data, np.mean(three, axis=0))
    uses = [predict(number, 3) for number in (1, 2, 3)]
    (found,) = ensembles(answered(data, *three), account(data, uses, figures={3: mean}))
    assert (found.id, found.cell, found.exact) == ("ensemble-3", 2, True)
    assert [one.id for one in found.members] == ["c1", "c2", "c3"]
    assert found.claim is not None and found.claim.value == mean


def test_several_in_one_cell_are_told_apart(data: DataSet) -> None:
    """Four models, of which a loop puts the first two, the last two, and all together."""
    four = []
    for number, sure in enumerate((3, 6, 10, 15)):
        start = 10 + 40 * number
        wrong = {0.3: [*range(start, start + 20)], 0.95: [*range(4), *range(start + 20, start + 20 + sure)]}
        outputs = scores(data, (), 0.9)
        for confidence, rows in wrong.items():
            outputs[rows] = scores(data, rows, confidence)[rows]
        four.append(outputs)
    groups = [(0, 1), (2, 3), (0, 1, 2, 3)]
    told = [accuracy(data, np.mean([four[n] for n in group], axis=0)) for group in groups]
    assert len({*told, *(accuracy(data, one) for one in four)}) == 7
    uses = [predict(n + 1, 3) for group in groups for n in group]
    printed = "".join(f"Test accuracy of ensemble {n}: {figure:.4f}\n" for n, figure in enumerate(told))
    world = answered(data, *four)
    for figures in (told[:2], told):
        lines = "\n".join(printed.split("\n")[: len(figures)])
        found = ensembles(world, account(data, uses, sources={3: "ensemble_acc"}, printed={3: lines}, models=4))
        assert [[one.id for one in ensemble.members] for ensemble in found] == [
            [f"c{n + 1}" for n in group] for group in groups[: len(figures)]
        ]
        assert [one.id for one in found] == ["ensemble-3", "ensemble-3-1", "ensemble-3-2"][: len(figures)]
    best = max(told)
    chosen = foremost(found, world, found[0].members[0], stated=False)
    assert chosen is not None and chosen.claim is not None and chosen.claim.value == pytest.approx(best, abs=1e-4)


def test_a_figure_that_is_called_an_ensemble_s_may_be_that_of_one_model(data: DataSet) -> None:
    """Of the first two, the better one makes no errors alone that they do not make together."""
    good, weak = scores(data, range(8), 0.5), scores(data, range(20), 0.3)
    others = [scores(data, [*range(4), *range(40, 55)], 0.95), scores(data, [*range(4), *range(80, 98)], 0.97)]
    four = [good, weak, *others]
    told = [accuracy(data, np.mean(pair, axis=0)) for pair in (four[:2], four[2:])]
    assert told[0] == accuracy(data, good)
    lines = "".join(f"ensemble {name} : {100 * one:.2f} %\n" for name, one in zip("ab", told, strict=True))
    uses = [predict(n, 3) for n in (1, 2, 3, 4)]
    sources = {3: "p = np.mean([m.predict(x, verbose=0) for m in nets], axis=0)"}
    found = ensembles(answered(data, *four), account(data, uses, sources=sources, printed={3: lines}, models=4))
    assert [[one.id for one in ensemble.members] for ensemble in found] == [["c1", "c2"], ["c3", "c4"]]


def test_a_single_figure_is_of_all_models_or_of_none(data: DataSet, three: tuple[npt.NDArray[np.float32], ...]) -> None:
    pair = accuracy(data, np.mean(three[1:], axis=0))
    uses = [predict(number, 3) for number in (1, 2, 3)]
    found = ensembles(answered(data, *three), account(data, uses, sources={3: "vote"}, figures={3: pair}))
    assert [(len(one.members), one.exact) for one in found] == [(3, False)]
    printed = {3: f"Test accuracy of the ensemble: {pair:.4f}"}
    found = ensembles(answered(data, *three), account(data, uses, sources={3: "vote"}, printed=printed))
    assert [len(one.members) for one in found] == [3]


def test_the_figure_may_stand_in_a_later_cell_and_be_printed(
    data: DataSet, three: tuple[npt.NDArray[np.float32], ...]
) -> None:
    mean = accuracy(data, np.mean(three, axis=0))
    uses = [predict(number, 3) for number in (1, 2, 3)]
    told = account(data, uses, printed={4: f"Test accuracy: {mean:.4f}"})
    (found,) = ensembles(answered(data, *three), told)
    assert found.exact and found.claim is not None and found.claim.source == "printed"


def test_a_vote_is_told_from_a_mean(data: DataSet) -> None:
    sure = scores(data, range(40), 0.99)
    unsure = [scores(data, [*range(5), *range(40 + 9 * n, 49 + 9 * n)], 0.4) for n in (0, 1)]
    everyone = (sure, *unsure)
    votes = np.mean([np.eye(10)[one.argmax(1)] for one in everyone], axis=0)
    vote, mean = accuracy(data, votes.astype(np.float32)), accuracy(data, np.mean(everyone, axis=0))
    assert vote != mean
    uses = [predict(number, 3) for number in (1, 2, 3)]
    (found,) = ensembles(answered(data, *everyone), account(data, uses, figures={5: vote}))
    assert found.vote is Vote.MAJORITY


def test_a_figure_of_one_of_them_proves_nothing(data: DataSet, three: tuple[npt.NDArray[np.float32], ...]) -> None:
    alone = accuracy(data, three[1])
    uses = [predict(number, 3) for number in (1, 2, 3)]
    assert ensembles(answered(data, *three), account(data, uses, figures={3: alone})) == ()


def test_models_compared_in_a_loop_are_no_ensemble(data: DataSet, three: tuple[npt.NDArray[np.float32], ...]) -> None:
    uses = [predict(number, 3) for number in (1, 2, 3)]
    loop = "for name, model in models.items():\n    marks[name] = np.mean(model.predict(x_test).argmax(1) == y_test)"
    assert ensembles(answered(data, *three), account(data, uses, sources={3: loop})) == ()


@pytest.mark.parametrize(
    "source",
    [
        "results = sum(m.predict(test, verbose=0) for m in nets)",
        "p = np.zeros((len(T), 10))\nfor m in nets:\n    p += m.predict(T, verbose=0) / 3",
        "final = np.mean([m.predict(T) for m in nets], axis=0)",
        "final = np.mean(np.array([m.predict(T) for m in nets]), axis=0)",
        "ensemble_pred = a + b + c",
        "# majority vote\nv = mode(preds).mode",
        "proba = blend(models, x_test)",
        "y = VotingClassifier",
    ],
)
def test_code_that_speaks_of_it_will_do_where_no_figure_is_stated(
    data: DataSet, three: tuple[npt.NDArray[np.float32], ...], source: str
) -> None:
    uses = [predict(number, 3) for number in (1, 2, 3)]
    (found,) = ensembles(answered(data, *three), account(data, uses, sources={3: source}))
    assert (found.exact, found.claim, found.vote) == (False, None, Vote.MEAN)


@pytest.mark.parametrize(
    "source",
    [
        "# prédictions sur l'ensemble de test\nfor m in modeles:\n    p = m.predict(x_test)",
        "ensemble_test = x_test\nfor m in modeles:\n    p = m.predict(ensemble_test)",
        "total += (m.predict(T).argmax(1) == y_test).sum()",
        "moyenne = np.mean([np.mean(m.predict(T).argmax(1) == y_test) for m in nets])",
    ],
)
def test_code_that_speaks_of_something_else(
    data: DataSet, three: tuple[npt.NDArray[np.float32], ...], source: str
) -> None:
    uses = [predict(number, 3) for number in (1, 2, 3)]
    assert ensembles(answered(data, *three), account(data, uses, sources={3: source})) == ()


def test_a_weighted_mean_is_near_enough(data: DataSet, three: tuple[npt.NDArray[np.float32], ...]) -> None:
    """One figure for three models, that of none of them: without a word about it."""
    mean = accuracy(data, np.mean(three, axis=0))
    uses = [predict(number, 3) for number in (1, 2, 3)]
    (found,) = ensembles(answered(data, *three), account(data, uses, figures={4: mean - 0.0011}))
    assert not found.exact and found.claim is not None
    assert ensembles(answered(data, *three), account(data, uses, figures={4: mean - 0.0031})) == ()


def test_a_heading_may_announce_it(data: DataSet, three: tuple[npt.NDArray[np.float32], ...]) -> None:
    mean = accuracy(data, np.mean(three[1:], axis=0))
    uses = [predict(number, number + 1) for number in (1, 2, 3)]
    told = account(data, uses, figures={8: mean})
    for title, wanted in (
        ("## Snapshot ensemble", 1),
        ("## Ensemble de test", 0),
        ("## Erreurs sur l'ensemble de test", 0),
    ):
        cells = [*told.cells[:5], Cell(index=5, kind=CellKind.MARKDOWN, source=title), *told.cells[6:]]
        assert len(ensembles(answered(data, *three), replace(told, cells=cells))) == wanted, title


@pytest.mark.parametrize(
    "source", ["acc = (np.mean(preds[-3:], axis=0).argmax(-1) == y)", "pb + pc", "0.5 * y_pred2 + 0.5 * y_pred3"]
)
def test_sums_of_what_may_be_predictions_are_tried(
    data: DataSet, three: tuple[npt.NDArray[np.float32], ...], source: str
) -> None:
    mean = accuracy(data, np.mean(three[1:], axis=0))
    uses = [predict(number, number + 1) for number in (1, 2, 3)]
    (found,) = ensembles(answered(data, *three), account(data, uses, sources={7: source}, figures={7: mean}))
    assert found.exact and found.count == 7


def test_the_function_that_predicts_may_speak_of_it(data: DataSet, three: tuple[npt.NDArray[np.float32], ...]) -> None:
    uses = [predict(number, 3, functions=("mix",)) for number in (1, 2, 3)]
    defined = "def mix(nets, x):\n    p = 0\n    for n in nets:\n        p += n.predict(x)\n    return p\n\nprint(1)"
    sources = {2: defined, 3: "y = mix(nets, x_test)"}
    assert len(ensembles(answered(data, *three), account(data, uses, sources=sources))) == 1


def test_models_used_in_earlier_cells(data: DataSet, three: tuple[npt.NDArray[np.float32], ...]) -> None:
    """The last two of three, as the figure says; without a word of it nothing is tried."""
    mean = accuracy(data, np.mean(three[1:], axis=0))
    uses = [predict(number, number + 1) for number in (1, 2, 3)]
    told = account(
        data, uses, sources={6: "avg_ensemble_acc = accuracy_score(y, ((b + c) / 2).argmax(1))"}, figures={6: mean}
    )
    alone = [accuracy(data, one) for one in three]
    assert mean not in alone
    (found,) = ensembles(answered(data, *three), told)
    assert [one.id for one in found.members] == ["c2", "c3"]
    assert ensembles(answered(data, *three), account(data, uses, figures={6: mean})) == ()


def test_outputs_of_other_classes_are_not_put_together(
    data: DataSet, three: tuple[npt.NDArray[np.float32], ...]
) -> None:
    uses = [predict(number, 3) for number in (1, 2)]
    told = account(data, uses, sources={3: "soft_vote"}, models=2)
    assert ensembles(answered(data, three[0], three[1][:, :2]), told) == ()


def test_models_that_say_how_well_they_do_are_evaluated_and_not_put_together(
    data: DataSet, three: tuple[npt.NDArray[np.float32], ...]
) -> None:
    uses = [predict(number, 3, results={"accuracy": 0.9}) for number in (1, 2, 3)]
    assert ensembles(answered(data, *three), account(data, uses, sources={3: "# vote"})) == ()


def test_answers_of_pytorch_are_judged_by_us_and_may_be_put_together(
    data: DataSet, three: tuple[npt.NDArray[np.float32], ...]
) -> None:
    mean, loader = accuracy(data, np.mean(three, axis=0)), replace(TEST, kind="sequence", digest="")
    uses = [predict(number, 3, loader, results={"accuracy": 0.9}) for number in (1, 2, 3)]
    printed = {3: f"Accuracy on the test set (10000 images): {100 * mean:.1f} %"}
    (found,) = ensembles(answered(data, *three), account(data, uses, printed=printed))
    assert found.claim is not None and found.claim.rounding == 0.0005


def test_other_images_are_not_mixed_in(data: DataSet, three: tuple[npt.NDArray[np.float32], ...]) -> None:
    uses = [predict(1, 3), predict(2, 3, OTHER)]
    assert ensembles(answered(data, *three), account(data, uses, sources={3: "# vote"})) == ()


def test_combined_answers_as_one_model_would(data: DataSet, three: tuple[npt.NDArray[np.float32], ...]) -> None:
    parts = [Probed(public=one, hidden=one[:5], ms_per_image=2.0) for one in three]
    whole = combined(parts, Vote.MEAN)
    assert whole.public is not None and whole.public.dtype == np.float32
    np.testing.assert_allclose(whole.public, np.mean(three, axis=0), atol=1e-6)
    assert whole.ms_per_image == 6.0
    assert whole.altered is None and whole.unaltered is not None
    logits = [replace(one, public=np.log(one.public)) for one in parts if one.public is not None]
    softened = combined(logits, Vote.PROBABILITIES)
    assert softened.public is not None
    np.testing.assert_allclose(softened.public, whole.public, atol=1e-5)


def test_the_last_one_that_is_no_worse_is_the_final_model(
    data: DataSet, three: tuple[npt.NDArray[np.float32], ...]
) -> None:
    world = answered(data, *three)
    known = [
        Candidate(id=f"c{number}", model=f"m{number}", training=None, artifact=None, weights="") for number in (1, 2, 3)
    ]

    def ensemble(count: int, members: Sequence[int], *, exact: bool) -> Ensemble:
        parts = tuple(known[number - 1] for number in members)
        return Ensemble(members=parts, vote=Vote.MEAN, count=count, cell=count, claim=None, exact=exact)

    good, later = ensemble(3, (1, 2, 3), exact=True), ensemble(5, (2, 3), exact=False)
    assert foremost([good, later], world, known[0], stated=True) is good
    assert foremost([later], world, known[0], stated=True) is later
    assert foremost([], world, known[0], stated=True) is None
    perfect = Answered(
        answers={**world.answers, "c1": Probed(public=scores(data, ()), hidden=np.zeros((100, 10), np.float32))},
        scopes=world.scopes,
    )
    worse = ensemble(4, (2, 3), exact=True)
    assert foremost([worse], perfect, known[0], stated=True) is None
    assert foremost([worse], perfect, known[0], stated=False) is worse


@pytest.mark.parametrize(
    ("source", "figure", "wanted"),
    [
        ("stack.score(Z_test, y_test)", 0.99, True),
        ("meta_model.score(Z_test, y_test)", 0.99, True),
        ("np.stack(figures)", 0.99, False),
        ("stack.score(Z_test, y_test)", 0.981, False),
        ("forest.score(T, y_test)", 0.99, False),
    ],
)
def test_a_figure_above_all_that_is_known_is_some_other_model_s(
    data: DataSet, source: str, figure: float, wanted: bool
) -> None:
    found = unexplained([0.97, 0.98], account(data, [], sources={5: source}, figures={5: figure}))
    assert (found is not None) is wanted
    assert found is None or found.value == figure


def test_the_score_of_a_forest_on_images_is_no_figure_of_the_models_above_it(data: DataSet) -> None:
    """One that is given the answers of models is what they are put together by."""
    told = account(data, [], sources={5: "stack"}, figures={6: 0.99})
    for given, wanted in ((OTHER, False), (ArrayPrint(shape=(360, 30), digest="answers"), True)):
        forest = Estimator(kind="RandomForestClassifier", rows=360, x=given, execution_count=6)
        beside = replace(told, ledger=replace(told.ledger, estimators=(forest,)))
        assert (unexplained([0.97, 0.98], beside) is not None) is wanted


def test_a_figure_that_is_explained_is_not_searched_for_once_more(data: DataSet) -> None:
    """The last two of the three reach the same as all: it is of all, which answered side by side."""
    three = []
    for first in (20, 40, 60):
        wrong, outputs = [*range(10), *range(first, first + 20)], scores(data, (), 0.9)
        outputs[wrong] = scores(data, wrong, 0.3)[wrong]
        three.append(outputs)
    mean = accuracy(data, np.mean(three, axis=0))
    assert mean == accuracy(data, np.mean(three[1:], axis=0)) > max(accuracy(data, one) for one in three)
    uses = [predict(number, 3) for number in (1, 2, 3)]
    told = account(data, uses, sources={5: "ens"}, figures={3: mean, 5: mean})
    (found,) = ensembles(answered(data, *three), told)
    assert (found.count, len(found.members)) == (3, 3)
