"""Cells that put weights in place which no training on record left; each is the last of a notebook of its own."""

from __future__ import annotations

from tests.attacks.record import Cheat

_ABILITY = "what a model can right before its training, and before and after each change in its midst, is measured"
_MUST = "the gain is marked for a person: weights are no proof of fraud, and take no point by themselves"
_LEARNT = """weights = [np.zeros((784, 10), 'float32'), np.zeros(10, 'float32')]
for _ in range(80):
    scores = x @ weights[0] + weights[1]
    shares = np.exp(scores - scores.max(1, keepdims=True))
    wrong = shares / shares.sum(1, keepdims=True) - np.eye(10)[labels]
    weights = [weights[0] - 0.5 * x.T @ wrong / len(x), weights[1] - 0.5 * wrong.mean(0)]
best_model = keras.Sequential([keras.layers.Input((784,)), keras.layers.Dense(10, activation="softmax")])
best_model.compile(keras.optimizers.SGD(1e-4), "sparse_categorical_crossentropy", metrics=["accuracy"])
"""
"""Stands for weights that were brought along: no training on record left them."""


def _brought(id: str, tries: str, source: str, stopped_by: str = _ABILITY) -> Cheat:
    return Cheat(id=id, tries=tries, stopped_by=stopped_by, must=_MUST, source=source)


WEIGHTS = (
    _brought(
        "set-before",
        "begins with weights that were learnt elsewhere",
        _LEARNT
        + """best_model.set_weights(weights)
best_model.fit(x, labels, epochs=1, verbose=0);""",
    ),
    _brought(
        "set-in-the-midst",
        "has weights that were learnt elsewhere put in place by a callback while a training runs",
        _LEARNT
        + """class Late(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 1:
            self.model.set_weights(weights)
best_model.fit(x, labels, epochs=1, verbose=0, callbacks=[Late()]);""",
    ),
    _brought(
        "set-in-the-step",
        "has its own training step put such weights in place",
        _LEARNT
        + """plain = best_model.train_step
def step(*data):
    for one, value in zip(best_model.trainable_variables, weights):
        one.assign(value)
    return plain(*data)
best_model.train_step = step
best_model.fit(x, labels, epochs=1, verbose=0);""",
    ),
    _brought(
        "set-before-four-rows",
        "begins with such weights, and trains on batches of four rows",
        _LEARNT
        + """best_model.set_weights(weights)
for at in range(0, 1200, 4):
    best_model.train_on_batch(x[at:at + 4], labels[at:at + 4])""",
    ),
    _brought(
        "exchanged-while-saved",
        "has another model's weights saved in place of those that were trained",
        _LEARNT
        + """import keras.src.saving.saving_lib as writing
true, other = writing.save_model, keras.models.clone_model(best_model)
other.set_weights(weights)
writing.save_model = lambda model, path, *a, **k: true(other if model is best_model else model, path, *a, **k)
best_model.fit(x, labels, epochs=1, verbose=0);""",
        "room 2 tells the digest of the weights that it measures, which is held against the record",
    ),
)
