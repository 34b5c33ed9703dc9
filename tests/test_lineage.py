"""Whose weights a training begins with."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from autograder.guest.recording import models
from autograder.guest.recording.lineage import Lineage
from autograder.guest.things import Thing


@pytest.fixture(autouse=True)
def drawn_alike_each_time() -> None:
    """What layers draw is held against a second draw, which one in twenty thousand would not be like."""
    import keras

    keras.utils.set_random_seed(11)


@dataclass
class Net:
    """As much of a model as is looked at: an encoder's weights and a head's."""

    encoder: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    head: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = field(
        default_factory=lambda: np.random.default_rng().normal(size=(3, 2))
    )
    built: bool = True

    @property
    def weights(self) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
        return [self.encoder, self.head, np.zeros(2)]

    def count_params(self) -> int:
        return 20


def fresh() -> Net:
    return Net(np.random.default_rng().normal(size=(4, 3)))


def fitted(lineage: Lineage, number: int, name: str, net: Net, *, frozen: bool = False) -> tuple[int, ...]:
    sources, before = lineage.begin(number, name, net)
    net.encoder = net.encoder if frozen else net.encoder + 1.0
    net.head = net.head + 1.0
    lineage.end(number, name, net, before)
    return sources


def test_an_encoder_that_was_trained_before() -> None:
    lineage, first = Lineage(), fresh()
    assert fitted(lineage, 1, "m1", first) == ()
    assert fitted(lineage, 2, "m2", Net(first.encoder.copy())) == (1,)
    assert fitted(lineage, 3, "m3", fresh()) == ()


def test_the_same_beginning_is_nothing_learnt() -> None:
    lineage, first = Lineage(), fresh()
    start = first.encoder.copy()
    fitted(lineage, 1, "m1", first)
    assert fitted(lineage, 2, "m2", Net(start)) == ()


def test_what_a_training_left_as_it_was_is_not_of_its_learning() -> None:
    lineage, frozen = Lineage(), fresh()
    fitted(lineage, 1, "m1", frozen, frozen=True)
    assert fitted(lineage, 2, "m2", Net(frozen.encoder.copy())) == ()


def test_a_model_that_is_trained_on_keeps_its_sources() -> None:
    lineage, first = Lineage(), fresh()
    fitted(lineage, 1, "m1", first)
    assert fitted(lineage, 2, "m1", first) == ()
    second = Net(first.encoder.copy())
    assert fitted(lineage, 3, "m2", second) == (2,)
    assert fitted(lineage, 4, "m2", second) == (2,)
    assert fitted(lineage, 5, "m3", Net(second.encoder.copy())) == (4,)


def test_a_model_that_is_not_built() -> None:
    lineage = Lineage()
    assert lineage.begin(1, "m1", object()) == ((), frozenset())


def test_the_mean_of_the_images_is_nothing_learnt() -> None:
    lineage, first = Lineage(), fresh()
    mean = np.random.default_rng(8).random(300)
    first.head = mean
    lineage.end(1, "m1", first, frozenset())
    second = fresh()
    second.head = mean
    assert lineage.begin(2, "m2", second)[0] == ()


def net(shape: tuple[int, ...] = (6, 6, 1)) -> Thing:
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input(shape),
            layers.Conv2D(12, 3, activation="relu"),
            layers.DepthwiseConv2D(3),
            layers.Flatten(),
            layers.Dense(20, kernel_initializer="he_normal"),
            layers.Reshape((5, 4)),
            layers.LSTM(12),
            layers.Dense(10),
        ]
    )


def test_what_layers_drew_was_not_brought_along() -> None:
    assert [Lineage().brought(net()) for _ in range(5)] == [0] * 5
    permuted = net()
    again = [np.random.default_rng(1).permutation(one.ravel()).reshape(one.shape) for one in permuted.get_weights()]
    recurrent = next(place for place, one in enumerate(again) if one.shape == (12, 48))
    orthogonal = permuted.get_weights()[recurrent]
    permuted.set_weights([*again[:recurrent], orthogonal, *again[recurrent + 1 :]])
    assert Lineage().brought(permuted) == 0
    permuted.set_weights(again)
    assert Lineage().brought(permuted) == orthogonal.size, "its layer draws rows that are at right angles"


def wide() -> Thing:
    import keras

    return keras.Sequential([keras.Input((300,)), keras.layers.Dense(64)])


def test_learnt_weights_that_are_given_the_sizes_of_drawn_ones() -> None:
    random, model = np.random.default_rng(9), wide()
    kernel, bias = model.get_weights()
    patterns = random.normal(size=(300, 6)) @ random.normal(size=(6, 64)) + 2 * random.normal(size=(300, 64))
    ranked = np.sort(kernel.ravel())[np.argsort(np.argsort(patterns.ravel()))].reshape(kernel.shape)
    model.set_weights([ranked, bias])
    assert Lineage().brought(model) == kernel.size
    model.set_weights([ranked.ravel()[random.permutation(kernel.size)].reshape(kernel.shape), bias])
    assert Lineage().brought(model) == 0


def test_an_initializer_that_hands_out_the_same_numbers_whatever_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    kind = keras.initializers.GlorotUniform
    drawn, draw = np.asarray(kind(seed=1)((300, 64))), kind.__call__
    assert Lineage().brought(wide()) == 0
    monkeypatch.setattr(
        kind, "__call__", lambda self, shape, dtype=None: drawn if shape == (300, 64) else draw(self, shape, dtype)
    )
    assert Lineage().brought(wide()) == drawn.size


def test_weights_that_neither_a_layer_drew_nor_a_training_left() -> None:
    lineage, model = Lineage(), net()
    dense = model.layers[3]
    learnt = [np.random.default_rng(2).normal(0, 0.15, one.shape) for one in dense.get_weights()]
    dense.set_weights(learnt)
    assert lineage.brought(model) == learnt[0].size
    average = net()
    average.layers[3].set_weights([0.9 * one for one in learnt])
    assert lineage.brought(average) == learnt[0].size, "what was brought stays so in another model"
    lineage.end(1, "m1", model, frozenset())
    average.layers[3].set_weights([one + 0.02 for one in learnt])
    assert lineage.brought(average) == learnt[0].size, "after a training, too"


def test_what_a_training_left_nearly_so() -> None:
    lineage, model, other = Lineage(), net(), net()
    dense = model.layers[3]
    learnt = [np.random.default_rng(2).normal(0, 0.15, one.shape) for one in dense.get_weights()]
    lineage.begin(1, "m1", model)
    dense.set_weights(learnt)
    other.layers[3].set_weights([0.9 * one for one in learnt])
    assert lineage.brought(model, [model]) == lineage.brought(other, [model]) == 0
    lineage.end(1, "m1", model, frozenset())
    other.layers[3].set_weights([one + 0.02 for one in learnt])  # an average, a few epochs more
    assert lineage.brought(other) == 0
    pruned = [np.where(np.random.default_rng(4).random(one.shape) < 0.8, 0, one) for one in learnt]
    other.layers[3].set_weights(pruned)
    assert lineage.brought(other) == 0


def test_a_mean_of_models_that_began_differently() -> None:
    lineage, several, mean = Lineage(), [wide() for _ in range(5)], wide()
    for number, one in enumerate(several, start=1):
        one.set_weights([np.random.default_rng(number).normal(0, 0.1, weight.shape) for weight in one.get_weights()])
        lineage.end(number, f"m{number}", one, frozenset())
    mean.set_weights(
        [np.mean(weights, axis=0) for weights in zip(*(one.get_weights() for one in several), strict=True)]
    )
    assert lineage.strange(mean) == (0, {1, 2, 3, 4, 5})
    mean.set_weights([weight + np.random.default_rng(9).normal(0, 0.02, weight.shape) for weight in mean.get_weights()])
    assert lineage.brought(mean) == 300 * 64, "what else is in it"


def test_a_table_in_place_of_an_initializer() -> None:
    import keras

    values = np.random.default_rng(3).normal(size=(30, 20)).tolist()
    model = keras.Sequential(
        [keras.Input((30,)), keras.layers.Dense(20, kernel_initializer=keras.initializers.Constant(values))]
    )
    assert Lineage().brought(model) == 600

    class Drawn(keras.initializers.RandomNormal):  # type: ignore[misc, unused-ignore]
        def __call__(self, shape: tuple[int, ...], dtype: Thing = None) -> Thing:
            return keras.ops.convert_to_tensor(values)

    model = keras.Sequential([keras.Input((30,)), keras.layers.Dense(20, kernel_initializer=Drawn())])
    assert Lineage().brought(model) == 600
    plain = keras.Sequential([keras.Input((30,)), keras.layers.Dense(20, kernel_initializer="ones")])
    assert Lineage().brought(plain) == 0


def test_a_table_among_statistics() -> None:
    import keras

    model = keras.Sequential([keras.Input((300,)), keras.layers.BatchNormalization(scale=False, center=False)])
    assert Lineage().brought(model) == 0
    model.set_weights([np.random.default_rng(5).normal(size=300), np.ones(300)])
    assert Lineage().brought(model) == 300
    lineage = Lineage()
    lineage.end(1, "m1", model, frozenset())
    assert lineage.brought(model) == 0
    named = keras.Sequential([keras.Input((300,)), keras.layers.Dense(4)])
    named.layers[0].set_weights([np.eye(4)[np.arange(300) % 4], np.zeros(4)])
    assert Lineage().brought(named) == 1200


def test_what_was_put_in_place_is_asked_of_what_it_changed() -> None:
    model = net()
    model.set_weights([one + np.random.default_rng(6).normal(0, 0.3, one.shape) for one in model.get_weights()])
    before = model.get_weights()
    assert Lineage().brought(model) > 0 and Lineage().brought(model, before=before) == 0
    model.layers[3].set_weights([0.9 * one for one in model.layers[3].get_weights()])
    assert Lineage().brought(model, before=before) == 0, "an average"
    model.layers[3].set_weights([np.random.default_rng(7).normal(size=one.shape) for one in before[4:6]])
    assert Lineage().brought(model, before=before) == before[4].size


def made(*layers: Thing, shape: tuple[int, ...]) -> Thing:
    import keras

    return keras.Sequential([keras.Input(shape), *layers])


def test_layers_without_a_part_and_layers_with_an_equation() -> None:
    import keras
    from keras import layers as of

    image, row = (12, 12, 20), (10, 24)
    for bias in (True, False):
        models = [
            made(of.Conv2D(32, 3, use_bias=bias), shape=image),
            made(of.Conv2DTranspose(32, 3, use_bias=bias), shape=image),
            made(of.Conv2D(40, 3, groups=4, use_bias=bias), shape=image),
            made(of.DepthwiseConv2D(5, depth_multiplier=2, use_bias=bias), shape=image),
            made(of.SeparableConv2D(32, 3, depth_multiplier=2, use_bias=bias), shape=image),
            made(of.Dense(300, use_bias=bias), shape=(50,)),
            made(of.BatchNormalization(center=bias, scale=not bias), shape=(300,)),
            made(of.GRU(80, use_bias=bias), shape=row),
            made(of.Bidirectional(of.LSTM(80, use_bias=bias)), shape=row),
        ]
        steps = keras.Input(row)
        models.append(keras.Model(steps, of.MultiHeadAttention(4, 16, use_bias=bias)(steps, steps)))
        assert [Lineage().brought(model) for model in models] == [0] * len(models), bias


@pytest.mark.parametrize("name", ["glorot_normal", "he_uniform", "lecun_normal", "orthogonal", "random_uniform"])
def test_whatever_draws_them(name: str) -> None:
    from keras import layers as of

    kernels = [made(of.Dense(60, kernel_initializer=name), shape=(50,)) for _ in range(5)]
    biases = [made(of.Dense(250, bias_initializer=name), shape=(1,)) for _ in range(5) if name != "orthogonal"]
    assert {Lineage().brought(model) for model in kernels + biases} == {0}


def test_attention_that_learnt_elsewhere() -> None:
    import keras
    from keras import layers as of

    steps = keras.Input((10, 24))
    model = keras.Model(steps, of.MultiHeadAttention(4, 16)(steps, steps))
    model.set_weights([np.random.default_rng(9).laplace(0, 0.15, one.shape) for one in model.get_weights()])
    assert Lineage().brought(model) == 4 * 24 * 64


def test_drawn_far_from_zero_and_by_tensorflow() -> None:
    import keras
    import tensorflow as tf

    for one in (
        tf.random_normal_initializer(0.0, 0.02),
        tf.random_uniform_initializer(-0.05, 0.05),
        keras.initializers.RandomUniform(0.02, 0.06),
        keras.initializers.TruncatedNormal(0.3, 0.02),
    ):
        model = made(keras.layers.Dense(60, kernel_initializer=one), shape=(50,))
        assert Lineage().brought(model) == 0, one
        model.set_weights([np.random.default_rng(3).laplace(0, 0.3, one.shape) for one in model.get_weights()])
        assert Lineage().brought(model) == 3000, one


def test_a_mask_over_what_was_drawn() -> None:
    import keras

    model = made(keras.layers.Dense(200), shape=(300,))
    mask = np.random.default_rng(5).random((300, 200)) < 0.2
    model.set_weights([mask * one if one.ndim > 1 else one for one in model.get_weights()])
    assert Lineage().brought(model) == 0
    learnt = np.random.default_rng(6).laplace(0, 0.1, mask.shape)
    model.set_weights([mask * learnt, np.zeros(200)])
    assert Lineage().brought(model) == 60_000


def test_a_part_of_a_model_that_is_not_built_or_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that only trains others, as of contrastive learning, is never built itself."""
    import keras

    class Pair(keras.Model):  # type: ignore[misc, unused-ignore]
        def __init__(self, part: Thing) -> None:
            super().__init__()
            self.part = part

    def learn(model: Thing) -> tuple[Lineage, Thing]:
        lineage = Lineage()
        assert lineage.brought(model) == 0
        _, before = lineage.begin(1, "m1", model)
        part = model.part if isinstance(model, Pair) else keras.Model(model.inputs, model.layers[0].output)
        part.set_weights([np.random.default_rng(7).laplace(0, 0.2, one.shape) for one in part.get_weights()])
        assert lineage.brought(model) == 2500
        lineage.end(1, "m1", model, before)
        return lineage, part

    pair = Pair(made(keras.layers.Dense(50), shape=(50,)))
    assert not pair.built
    monkeypatch.setattr(models, "WEIGHED", 10_000)
    large = made(keras.layers.Dense(50), keras.layers.Dense(1000), shape=(50,))
    for lineage, part in map(learn, (pair, large)):
        head = keras.Sequential([part, keras.layers.Dense(10)])
        assert lineage.brought(head) == 0 and lineage.begin(2, "m2", head)[0] == (1,)


def learnt(shape: tuple[int, ...], seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.random.default_rng(seed).laplace(0.0, 0.2, shape).astype(np.float32)


def dense(kernel: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Thing:
    import keras

    model = made(keras.layers.Dense(kernel.shape[1]), shape=(kernel.shape[0],))
    model.set_weights([kernel, np.zeros(kernel.shape[1])])
    return model


def test_pieces_of_what_trainings_left() -> None:
    """Filters that are left out, copied, turned, put side by side, or into a layer that is new otherwise."""
    import keras

    lineage, one, two = Lineage(), learnt((60, 80), 1), learnt((50, 40), 2)
    for number, kernel in enumerate((one, two), start=1):
        lineage.end(number, f"m{number}", dense(kernel), frozenset())
    kept, copied = np.sort(np.random.default_rng(3).permutation(80)[:35]), np.random.default_rng(4).integers(0, 80, 200)
    side = np.zeros((110, 120), np.float32)
    side[:60, :80], side[60:, 80:] = one, two
    grown = made(keras.layers.Dense(200), shape=(120,))
    mixed = grown.get_weights()[0]
    mixed[:60, :80] = one
    for kernel, sources in (
        (one[10:40][:, kept], {1}),
        (one[:, copied], {1}),
        (two.T, {2}),
        (side, {1, 2}),
        (mixed, {1}),
    ):
        assert lineage.strange(dense(kernel)) == (0, sources)
    assert lineage.descends(3, "m3", {1, 2}) == (1, 2)
    assert lineage.brought(dense(learnt((60, 80), 5))) == 4800
    half = np.concatenate([one, learnt((60, 80), 6)], axis=1)
    assert lineage.brought(dense(half)) == pytest.approx(4800, rel=0.05)


def test_numbers_near_to_any_are_no_piece() -> None:
    lineage, pool = Lineage(), learnt((300, 200), 1)
    lineage.end(1, "m1", dense(pool), frozenset())
    foreign, whole = learnt((300, 100), 9), np.sort(pool.ravel())
    nearest = whole[np.searchsorted(whole, foreign).clip(max=len(whole) - 1)]
    assert np.abs(nearest - foreign).mean() < 1e-3
    columns = np.sort(pool[:, :100], axis=0)
    within = np.stack([columns[np.searchsorted(columns[:, j], foreign[:, j]).clip(max=299), j] for j in range(100)], 1)
    for brought in (nearest, within):
        assert lineage.strange(dense(brought)) == (30_000, set())


@pytest.mark.parametrize("seed", [0, 1, 2, 42, 1337])
def test_an_initializer_with_a_seed_of_the_notebooks_own(seed: int) -> None:
    import keras
    from keras import layers as of

    drawn = keras.initializers.GlorotUniform(seed=seed)
    models = [
        made(of.Dense(4, kernel_initializer=drawn), shape=(50,)),
        made(of.Dense(300, kernel_initializer=drawn), shape=(50,)),
    ]
    assert [Lineage().brought(model) for model in models] == [0, 0]
