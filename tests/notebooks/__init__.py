"""Notebooks of one purpose each, as their cells."""

from __future__ import annotations

import json
from collections.abc import Sequence


def notebook(*cells: str, tags: Sequence[Sequence[str]] = ()) -> bytes:
    """nbformat 4 JSON of code cells; a source that begins with ``# %% [markdown]`` makes a Markdown cell."""
    nodes = []
    for number, source in enumerate(cells):
        metadata = {"tags": list(tags[number])} if number < len(tags) and tags[number] else {}
        if source.startswith("# %% [markdown]"):
            nodes.append({"cell_type": "markdown", "metadata": metadata, "source": source.partition("\n")[2]})
        else:
            code = {"cell_type": "code", "metadata": metadata, "source": source}
            nodes.append({**code, "outputs": [{"output_type": "stream", "name": "stdout", "text": "stale"}], "execution_count": 99})
    return json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": {"kernelspec": {"name": "ir"}}, "cells": nodes}).encode()


TROUBLE = (
    "# %% [markdown]\n# A notebook in which much goes wrong",
    "print('one')",
    "",
    "# a comment and nothing else",
    "import sys\nsorted({'tensorflow', 'keras', 'numpy'} & set(sys.modules))",
    "1/0",
    "while True:\n    input('?')",
    "print('bye')\nsys.exit(0)",
    "def broken(:",
    "from besides import ANSWER\nprint(ANSWER)",
    "print('noise', file=sys.stderr)",
    "get_ipython().showtraceback = lambda *a, **k: None\nundefined",
    "depth = 2\nfor step in range(50):\n    print(f'step {step}', end='\\r')\nprint('done')",
)
"""Every cell has its turn, and its state is true."""

DATA = """import numpy as np, keras
from tensorflow.keras.datasets import mnist
(x_train, y_train), (x_test, y_test) = mnist.load_data()
print(x_train.shape, y_train.shape, x_test.shape, y_test.shape, x_train.dtype, x_train.flags.writeable)
X = x_train.reshape(-1, 784) / 255.0
T = x_test.reshape(-1, 784) / 255.0"""

BUILDERS = """def create_linear():
    model = keras.Sequential([keras.layers.Input((784,)), keras.layers.Dense(10, activation='softmax')])
    model.compile('adam', 'sparse_categorical_crossentropy', metrics=['acc'])
    return model
def evaluate_model(model_creator, model_name):
    model = model_creator()
    history = model.fit(X, y_train, epochs=2, batch_size=256, validation_split=0.2, verbose=0)
    loss, accuracy = model.evaluate(T, y_test, verbose=0)
    return {'accuracy': accuracy, 'training_time': 1.5, 'history': history.history}
results = {}
for nom in ['Référence', 'Variante']:
    results[nom] = evaluate_model(create_linear, nom)"""

STOPPING = """stopping = keras.callbacks.EarlyStopping(monitor='val_acc', patience=1, restore_best_weights=True)
best_model = create_linear()
best_model.fit(X[:600], y_train[:600], epochs=2, validation_data=(T, y_test), callbacks=[stopping], verbose=0)
probabilities = best_model.predict(T, verbose=0)"""

LOADED = """best_model.save('kept.keras')
again = keras.models.load_model('kept.keras')
again.set_weights([weight * 2 for weight in again.get_weights()])
again.evaluate(T, y_test, verbose=0)"""

SUBCLASSED = """class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.out = keras.layers.Dense(10)
    def call(self, x):
        return self.out(x)
own = Own()
own.compile('sgd', keras.losses.SparseCategoricalCrossentropy(from_logits=True))
own.fit(X[:600], y_train[:600], verbose=0)"""

FAILING = """best_model.fit(X[:64, :10], y_train[:64], verbose=0)"""

TRAINING = (DATA, BUILDERS, STOPPING, LOADED, SUBCLASSED, FAILING)
"""One start of TensorFlow for all that the ledger should see."""
