"""Signs that images are known by heart: seen in tables of every kind, and in no model that looks at shapes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from autograder.datasets import DataSet, load
from autograder.extraction import nudges
from autograder.extraction.grouping import Grouping, scope
from autograder.extraction.measures import loss_ratio
from autograder.extraction.memory import Signs, knows_by_heart, remembers, signs
from autograder.extraction.probing import Gallery, Probed, gallery, parted
from autograder.records import Baseline, Digest, Nudge
from autograder.statistics import Estimate
from autograder.store import Store

Array = npt.NDArray[Any]
Model = Callable[[Array], Array]

DATA = load("digits", split_seed=5, hidden_images=300)
MEANS = np.stack([DATA.x_train[DATA.y_train == digit].mean(axis=0).ravel() for digit in range(10)])


def by_shape(images: Array, seen: int = 784) -> Array:
    """Softmax over distances to the class means, of the first pixels."""
    flat = images.reshape(len(images), -1).astype(np.float32)[:, :seen]
    scores = -((flat[:, None] - MEANS[None, :, :seen]) ** 2).sum(axis=2) / 255**2
    exponents = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Array = (exponents / exponents.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares


def half(images: Array) -> Array:
    return by_shape(images, 392)


def table(*sets: tuple[Array, Array], otherwise: Model | None = None) -> Model:
    """Knows these images by heart; of others it says class 0, or asks another model."""
    known = {
        image.tobytes(): int(label) for images, labels in sets for image, label in zip(images, labels, strict=True)
    }

    def answer(images: Array) -> Array:
        blind = np.tile(np.eye(10, dtype=np.float32)[0], (len(images), 1))
        answers = blind if otherwise is None else otherwise(images).copy()
        for row, image in enumerate(images):
            if (label := known.get(image.tobytes())) is not None:
                answers[row] = np.eye(10, dtype=np.float32)[label]
        return answers

    return answer


PUBLIC, HIDDEN = (DATA.x_public, DATA.y_public), (DATA.x_hidden, DATA.y_hidden)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def shown(store: Store) -> Gallery:
    return gallery(DATA, robustness_images=5, seed=1, store=store)


def probed(model: Model, shown: Gallery, store: Store) -> Probed:
    hidden, public, nudged = parted(model(store.get_array(shown.images)), shown)
    return Probed(hidden=hidden, public=public, nudged=nudged)


def reference(models: Sequence[Model], shown: Gallery, store: Store, data: DataSet = DATA) -> Baseline:
    answers = [probed(model, shown, store) for model in models]
    ratios = [
        ratio.value
        for one in answers
        if one.hidden is not None and one.public is not None
        if (ratio := loss_ratio(one.hidden, one.public, data)) is not None
    ]

    def kept(name: str) -> tuple[Digest, ...]:
        return tuple(store.put_array(getattr(one, name)) for one in answers)

    return Baseline(
        accuracies=(0.9,) * len(models),
        seeds=tuple(range(len(models))),
        mean_errors=kept("hidden")[0],
        predictions=kept("hidden"),
        public=kept("public"),
        nudged=kept("nudged"),
        robustness={},
        clean_accuracy=0.9,
        loss_ratio=float(np.mean(ratios)),
    )


@pytest.fixture(scope="module")
def judge(shown: Gallery, store: Store) -> Callable[[Model], Signs]:
    usual = reference([by_shape, half], shown, store)

    def judged(model: Model) -> Signs:
        return signs(probed(model, shown, store), scope(None, DATA, shown), usual, store=store)

    return judged


Judge = Callable[[Model], Signs]


@pytest.mark.parametrize("model", [by_shape, half])
def test_who_looks_at_shapes_is_left_alone(judge: Judge, model: Model) -> None:
    found = judge(model)
    assert found.doubts == ()
    assert [(one.kind, one.of) for one in found.nudges] == [
        *(("shift", "hidden"), ("shift", "public"), ("noise", "hidden"), ("noise", "public"))
    ]
    assert found.gap is not None and found.gap.ci95.low < found.gap.value < found.gap.ci95.high


def test_a_table_of_the_public_images_is_seen_twice(judge: Judge) -> None:
    found = judge(table(PUBLIC))
    heart, gap, *_ = found.doubts
    assert "memory" in heart.text and "shift" in heart.text and "public images" in heart.text
    assert heart.values["before"] == 1.0
    assert float(heart.values["after"] or 1) < 0.25 < float(heart.values["usual"] or 0)
    assert "points apart" in gap.text
    assert {(one.kind, one.of) for one in found.nudges if knows_by_heart(one)} == {
        ("shift", "public"),
        ("noise", "public"),
    }


def test_a_table_of_everything_shows_no_gap_and_is_seen(judge: Judge) -> None:
    found = judge(table(PUBLIC, HIDDEN))
    assert found.gap is not None and found.gap.value == 0
    (doubt,) = found.doubts
    assert "memory" in doubt.text
    assert len([one for one in found.nudges if knows_by_heart(one)]) == 4


def test_a_table_with_a_network_beside_it_is_seen_by_its_gap_and_by_grey_levels(judge: Judge) -> None:
    found = judge(table(PUBLIC, otherwise=by_shape))
    assert found.gap is not None and found.gap.public == 1.0
    memory, gap, *_ = found.doubts
    assert "Part of the model's answers" in memory.text and "points apart" in gap.text
    assert not any(knows_by_heart(one) for one in found.nudges)
    everything = judge(table(PUBLIC, HIDDEN, otherwise=by_shape))
    assert everything.gap is not None and everything.gap.value == 0
    (memory,) = everything.doubts
    assert memory.values["lost"] >= 40 and memory.values["gained"] == 0  # type: ignore[operator]


def test_without_a_baseline_nobody_is_called_a_memory(shown: Gallery, store: Store) -> None:
    whole = scope(None, DATA, shown)
    found = signs(probed(table(PUBLIC, HIDDEN), shown, store), whole, None, store=store)
    assert found.doubts == () and found.nudges[0].baseline_kept is None
    (gap,) = signs(probed(table(PUBLIC), shown, store), whole, None, store=store).doubts
    assert "no baseline" in gap.text


def mislabelled(share: float) -> DataSet:
    """The hidden images are harder: some bear a wrong label."""
    labels = DATA.y_hidden.copy()
    rows = np.random.default_rng(3).permutation(len(labels))[: round(share * len(labels))]
    labels[rows] = (labels[rows] + 1) % 10
    return replace(DATA, y_hidden=labels)


def test_harder_hidden_images_accuse_nobody(shown: Gallery, store: Store) -> None:
    """Nor does the gap of a weaker model, which is larger since all its errors are more."""
    data = mislabelled(0.3)
    whole = scope(None, data, shown)
    usual = reference([by_shape], shown, store, data)
    for model in (by_shape, half):
        found = signs(probed(model, shown, store), whole, usual, store=store)
        assert found.gap is not None and found.gap.ci95.low > 0.1
        assert found.doubts == ()
    alone = signs(probed(by_shape, shown, store), whole, None, store=store)
    assert len(alone.doubts) == 1


def test_easier_hidden_images_accuse_nobody_whose_loss_is_less_on_them(
    shown: Gallery, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = replace(reference([by_shape, half], shown, store), loss_ratio=0.4)
    for low, told in ((0.8, False), (1.2, True)):
        ratio = Estimate(value=low, low=low, high=2.0)
        monkeypatch.setattr("autograder.extraction.memory.loss_ratio", lambda *_, found=ratio: found)
        found = signs(probed(by_shape, shown, store), scope(None, DATA, shown), usual, store=store)
        assert any("loss on fresh images" in doubt.text for doubt in found.doubts) is told


def test_classes_of_the_notebook(shown: Gallery, store: Store) -> None:
    """Odd against even, and two classes only: the nudged images are cut and the baseline summed as the others are."""
    usual = reference([by_shape], shown, store)
    odd = Grouping({number: number % 2 for number in range(10)})

    def parity(model: Model) -> Model:
        return lambda images: model(images)[:, 1::2].sum(axis=1, keepdims=True)

    within = scope(odd, DATA, shown)
    honest, heart = (
        signs(probed(parity(model), shown, store), within, usual, store=store)
        for model in (by_shape, table(PUBLIC, HIDDEN))
    )
    assert honest.doubts == ()
    assert any(knows_by_heart(one) for one in heart.nudges)
    few = scope(Grouping({3: 0, 8: 1}), DATA, shown)
    part = signs(probed(lambda images: by_shape(images)[:, [3, 8]], shown, store), few, usual, store=store)
    sizes = {one.of: one.images for one in part.nudges}
    assert sizes["hidden"] == np.isin(DATA.y_hidden[shown.nudged_hidden], (3, 8)).sum()
    assert part.doubts == ()


def nudge(**changes: Any) -> Nudge:  # noqa: ANN401
    made = Nudge(
        kind="shift",
        of="public",
        images=300,
        right=300,
        kept=30,
        after=30,
        chance=0.12,
        baseline_before=0.98,
        baseline_after=0.95,
        baseline_kept=0.96,
    )
    return replace(made, **changes)


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, True),
        ({"kept": 200}, False),
        ({"baseline_kept": 0.2}, False),
        ({"baseline_kept": None}, False),
        ({"right": 150, "kept": 15}, False),
        ({"images": 4, "right": 4, "kept": 1}, False),
        ({"right": 0, "kept": 0}, False),
    ],
    ids=["memory", "loses a third", "the baseline loses all too", "no baseline", "no gain", "few images", "no skill"],
)
def test_when_it_is_called_a_memory(changes: dict[str, Any], wanted: bool) -> None:
    assert knows_by_heart(nudge(**changes)) is wanted


@pytest.mark.parametrize(
    ("lost", "gained", "wanted"),
    [(0, 0, False), (7, 0, False), (8, 0, True), (14, 4, False), (30, 6, True), (2, 3, False)],
)
def test_when_part_of_it_is_called_a_memory(lost: int, gained: int, wanted: bool) -> None:
    public = nudge(kind="noise", right=296, kept=296 - lost, after=296 - lost + gained)
    hidden = nudge(kind="noise", of="hidden", right=296, kept=296, after=296)
    moved = [public, hidden, nudge(kept=200, after=290)]
    assert remembers(moved) is wanted
    assert not remembers([replace(one, right=one.right - 30, kept=one.kept - 30) for one in moved]), "weaker"
    assert not remembers([replace(one, baseline_before=None) for one in moved]), "no baseline"
    assert not remembers(moved[2:])


# --- the images ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(40, 9, 7), (40, 9, 7, 3)])
def test_next_to_nothing_is_changed(shape: tuple[int, ...]) -> None:
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    images[:, 2:4] = 0
    shift, noise = nudges.nudged(images, [1, 2])
    assert not (shift == images).all(axis=tuple(range(1, images.ndim))).any()
    inner = shift[:, 1:-1, 1:-1]
    moved = [
        images[:, 1 + down : 8 + down, 1 + right : 6 + right] for down, right in ((0, 1), (0, -1), (1, 0), (-1, 0))
    ]
    fits = np.array([(inner == one).all(axis=tuple(range(1, images.ndim))) for one in moved])
    assert fits.any(axis=0).all() and fits.any(axis=1).all()
    difference = noise.astype(int) - images
    assert set(np.unique(difference)) == {-1, 0, 1}
    assert not difference[(images <= 1) | (images >= 254)].any()
    assert np.array_equal((noise > 0), (images > 0))


def test_nobody_knows_which_images_are_nudged(tmp_path: Path, store: Store, shown: Gallery) -> None:
    other = gallery(DATA, robustness_images=5, seed=1, store=Store(tmp_path / "other"))
    assert other.images != shown.images
    assert not np.array_equal(other.order, shown.order)
    again = gallery(DATA, robustness_images=5, seed=1, store=store)
    assert again.images == shown.images and np.array_equal(again.order, shown.order)
    assert len(store.secret()) == 32 and store.secret() != Store(tmp_path / "other").secret()
    places = np.flatnonzero(shown.order >= shown.hidden + shown.public)
    assert 0.3 < places.mean() / len(shown.order) < 0.7
