"""Cells that claim more than was achieved; they follow an honest notebook, which is graded without them as well."""

from __future__ import annotations

from tests.attacks.record import Cheat

HONEST = (
    """import numpy as np, keras
from tensorflow.keras.datasets import mnist
(x_train, y_train), (x_test, y_test) = mnist.load_data()
x = x_train[::44].reshape(-1, 784) / 255.0
t = x_test.reshape(-1, 784) / 255.0
labels = y_train[::44]""",
    """best_model = keras.Sequential([keras.layers.Input((784,)), keras.layers.Dense(10, activation="softmax")])
best_model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = best_model.fit(x, labels, epochs=2, batch_size=64, validation_split=0.2, verbose=0)""",
    "print('test accuracy', best_model.evaluate(t, y_test, verbose=0)[1])",
)

_MEASURED = "figures are measured outside, on images and labels that never were in the room"
_MUST = "no point more than without it; a figure that was claimed is held against the one that was measured"


def _cheat(id: str, tries: str, source: str, stopped_by: str = _MEASURED) -> Cheat:
    return Cheat(id=id, tries=tries, stopped_by=stopped_by, must=_MUST, source=source)


CHEATS = (
    _cheat(
        "patched-evaluate",
        "evaluate answers 99.9 %",
        """keras.Model.evaluate = lambda self, *a, **k: [0.001, 0.999]
print('test accuracy', best_model.evaluate(t, y_test, verbose=0)[1])""",
    ),
    _cheat(
        "patched-numpy",
        "means and comparisons of NumPy, and scikit-learn's accuracy, are what one likes",
        """import sklearn.metrics
sklearn.metrics.accuracy_score = lambda *a, **k: 0.999
np.mean = lambda *a, **k: 0.999
print('accuracy', sklearn.metrics.accuracy_score(y_test, y_test), np.mean([0]))""",
    ),
    _cheat(
        "forged-history",
        "a history of epochs that never were",
        "history.history = {'accuracy': [0.99, 0.999], 'val_accuracy': [0.99, 0.999], 'loss': [0.1, 0.01]}",
    ),
    _cheat(
        "forged-table",
        "a table of results that nobody measured",
        """import pandas as pd
results = pd.DataFrame({'model': ['best', 'other'], 'test accuracy': [0.999, 0.99]})
print(results)""",
    ),
    _cheat(
        "result-files",
        "files that look like results, wherever it may write",
        """import json, os
for place in ('.', '/tmp', os.path.expanduser('~'), os.environ['AUTOGRADER_HANDOVER']):
    for name in ('grade.json', 'results.json', 'status.json', 'executed.ipynb', 'feedback.html'):
        open(os.path.join(place, name), 'w').write(json.dumps({'total': 20, 'score': 20, 'accuracy': 1.0}))""",
        "only frames of the runner are read, under names that it knows",
    ),
    _cheat(
        "patched-print",
        "print, repr and the display formatter write other figures",
        """import builtins, re
_print = builtins.print
builtins.print = lambda *a, **k: _print(*[re.sub(r'0\\.\\d+', '0.999', str(x)) for x in a], **k)
print('test accuracy', 0.5)""",
    ),
    _cheat(
        "patched-session",
        "takes the ledger and the harvest out of the kernel's session",
        """import sys
session = sys.modules['autograder_session']
recorder = session.recorder
for entry in recorder.evaluations:
    entry['results'] = {'accuracy': 0.999, 'loss': 0.001}
for entry in recorder.trainings:
    entry['history'] = {'accuracy': [0.999], 'val_accuracy': [0.999]}
    entry['epochs_run'] = 50""",
        "what the ledger says is a claim; the model itself is shown images elsewhere",
    ),
    _cheat(
        "replaced-artifact",
        "replaces the saved model by one that answers nothing, under each name that is taken",
        """import os
folder = os.environ['AUTOGRADER_HANDOVER']
for name in ('fit-1.keras', 'bound-m1.keras', 'use-1.keras'):
    open(os.path.join(folder, name), 'wb').write(b'PK nonsense')""",
        "its author loses his own model",
    ),
    _cheat(
        "forged-ledger",
        "writes the ledger anew as the last word: fifty trainings, all perfect",
        """import json, os, threading, time
def forge():
    path = os.path.join(os.environ['AUTOGRADER_HANDOVER'], 'ledger.json')
    while True:
        try:
            known = json.load(open(path))
            for entry in known.get('trainings', []):
                entry['history'] = {'val_accuracy': [0.9999]}
            for entry in known.get('evaluations', []):
                entry['results'] = {'accuracy': 0.9999}
            open(path + '.forged', 'w').write(json.dumps(known))
            os.replace(path + '.forged', path)
        except Exception:
            pass
        time.sleep(0.02)
threading.Thread(target=forge, daemon=True).start()
time.sleep(0.3)""",
        "what the ledger says is a claim",
    ),
)
