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
_CONTRADICTED = "records are held against the saved models, the clock outside, and what the models answer"
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
time.sleep(1)""",
        "what the ledger says is a claim",
    ),
    _cheat(
        "appended-trainings",
        "finds the ledger by walking over all objects, and appends trainings that never were",
        """import copy, gc
gc.unfreeze()
book = next(one for one in gc.get_objects() if type(one).__name__ == ''.join(map(chr, (82, 101, 99, 111))) + 'rder')
for rate in (0.2, 0.3, 0.4):
    made = copy.deepcopy(book.trainings[0])
    made.update(number=len(book.trainings) + 1, model=f'm{rate}', optimizer={'name': 'rmsprop', 'learning_rate': rate})
    made['layers'].insert(0, {'kind': 'Dropout', 'config': {'rate': rate}, 'output_shape': [None, 784]})
    book.trainings.append(made)""",
        _CONTRADICTED,
    ),
    _cheat(
        "excused-trainings",
        "reaches the ledger through the closure of fit, and appends trainings whose models could not be kept",
        """import copy
step, book = keras.Model.fit, None
while book is None:
    owners = [getattr(cell.cell_contents, '__self__', None) for cell in step.__closure__ or ()]
    book = next((one for one in owners if hasattr(one, 'trainings')), None)
    step = step.__wrapped__
for kind in ('Dropout', 'BatchNormalization', 'Conv2D'):
    made = copy.deepcopy(book.trainings[0])
    made.update(number=len(book.trainings) + 1, model='m9' + str(len(kind)), saved='', weights=kind)
    made['save_error'] = 'uses classes of its own: Mine'
    made['layers'].insert(0, {'kind': kind, 'config': {}, 'output_shape': [None, 784]})
    book.trainings.append(made)""",
        _CONTRADICTED,
    ),
    _cheat(
        "models-too-large",
        "appends trainings that were said to answer in the kernel, since their models were too large to leave it",
        """import copy
step, book = keras.Model.fit, None
while book is None:
    owners = [getattr(cell.cell_contents, '__self__', None) for cell in step.__closure__ or ()]
    book = next((one for one in owners if hasattr(one, 'trainings')), None)
    step = step.__wrapped__
for rate in (0.15, 0.25, 0.35):
    made = copy.deepcopy(book.trainings[0])
    made.update(number=len(book.trainings) + 1, model=f'm{int(900 * rate)}', saved='', weights='')
    made['save_error'] = 'OSError: a model of 200 MB, after 500 MB, is more than may leave the room'
    made['layers'].insert(0, {'kind': 'Dropout', 'config': {'rate': rate}, 'output_shape': [None, 784]})
    book.keep.unsaved[made['model']] = best_model
    book.trainings.append(made)""",
        _CONTRADICTED,
    ),
    _cheat(
        "rewritten-history",
        "builds the name of the session from codes, and makes the figures on record better once they are there",
        """import sys
hidden = sys.modules[bytes(b ^ 42 for b in b'K_^EMXKNOXuYOYYCED').decode()]
for made in hidden.recorder.trainings:
    made['history'] = {'accuracy': [0.98, 0.999], 'val_accuracy': [0.98, 0.999], 'loss': [0.1, 0.01]}
    made['labels'] = {'model_name': 'the best'}""",
        "the host remembers what it was told when the training had ended",
    ),
    _cheat(
        "fake-module",
        "puts a module of its own into the place of ours, so that real trainings are recorded with invented layers",
        """import gc, sys, types
gc.unfreeze()
name = next(one for one in sys.modules if one.endswith('recording.models'))
true = sys.modules[name]
fake = types.ModuleType(name)
fake.__dict__.update(vars(true))
fake.layers = lambda model: true.layers(model) + [{'kind': 'Dropout', 'config': {'rate': 0.3}}]
sys.modules[name] = fake
kind = next(one for one in gc.get_objects() if isinstance(one, type) and one.__name__ == 'Recor' + 'der')
kind.end_training.__globals__['models'] = fake
small = keras.Sequential([keras.layers.Input((784,)), keras.layers.Dense(10, activation="softmax")])
small.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
small.fit(x[:64], labels[:64], epochs=1, verbose=0);""",
        _CONTRADICTED,
    ),
    _cheat(
        "copied-weights",
        "gives the trained weights to models with layers that change nothing, and has them recorded as trained",
        """import copy
book = next(one for one in getattr(__import__('g' + 'c'), 'get_objects')() if type(one).__name__[:7] == 'Recorde')
for rate in (0.2, 0.3, 0.4):
    parts = [keras.layers.Input((784,)), keras.layers.Dropout(rate), keras.layers.Dense(10, activation="softmax")]
    twin = keras.Sequential(parts)
    twin.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
    twin.set_weights(best_model.get_weights())
    made = book.add_training(twin, {'epochs': 2, 'batch_size': 64})
    was = copy.deepcopy(book.trainings[0])
    made.update({key: was[key] for key in ('history', 'epochs_run', 'x', 'y', 'validation_x')}, finished=True)
    book.end_training(made, twin)""",
        _CONTRADICTED,
    ),
    _cheat(
        "figures-at-the-source",
        "has better figures written down while a training runs",
        """import gc
gc.unfreeze()
book = next(one for one in gc.get_objects() if type(one).__name__.startswith('Recorde'))
plain = book._note_epochs
def better(entry, model, epochs):
    plain(entry, model, epochs)
    entry['history'] |= {'accuracy': [0.999], 'val_accuracy': [0.999]}
book._note_epochs = better
tiny = keras.Sequential([keras.layers.Input((784,)), keras.layers.Dense(10, activation="softmax")])
tiny.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
tiny.fit(x[:640], labels[:640], epochs=1, verbose=0);""",
        _CONTRADICTED,
    ),
    _cheat(
        "idle-modifications",
        "modifications without effect: layers that hand on what they are given, callbacks that have nothing to see or "
        "to do, a schedule of one value, limits that nothing reaches, masks of what no image holds, the same rows "
        "twice",
        """class Attention(keras.layers.Layer):
    def call(self, inputs):
        return inputs * 1.0
class EarlyStop(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        self.seen = logs
def again(*first, rate='adam', x=x, y=labels, **more):
    made = keras.Sequential([keras.layers.Input((784,)), *first, keras.layers.Dense(10, activation="softmax")])
    made.compile(rate, "sparse_categorical_crossentropy", metrics=["accuracy"])
    made.fit(x, y, **({'epochs': 2, 'batch_size': 64, 'verbose': 0} | more))
again(keras.layers.Dense(784, kernel_initializer='identity', trainable=False))
again(keras.layers.BatchNormalization(trainable=False))
again(Attention())
again(callbacks=[EarlyStop()])
again(callbacks=[keras.callbacks.EarlyStopping('gain', patience=1)])
again(callbacks=[keras.callbacks.ReduceLROnPlateau('loss', patience=1, min_lr=0.001)])
again(rate=keras.optimizers.Adam(keras.optimizers.schedules.PiecewiseConstantDecay([9], [0.001, 0.001])))
again(rate=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.001, 10**8)))
again(rate=keras.optimizers.Adam(0.001, beta_2=0.99901, clipnorm=1000.0))
again(keras.layers.Masking(-7.0), keras.layers.ReLU(max_value=1e9))
again(x=np.concatenate([x, x]), y=np.concatenate([labels, labels]), epochs=1)""",
        "what has an effect is seen: layers are asked, callbacks looked into, rates and rows compared",
    ),
    _cheat(
        "teaches-nothing",
        "trainings that cannot teach: next to no learning rate, labels drawn at random, black images, one image alone",
        """def taught(width, rate='adam', x=x, y=labels):
    layers = [keras.layers.Input((784,)), keras.layers.Dense(width, activation="relu"), keras.layers.Dense(10)]
    made = keras.Sequential([*layers, keras.layers.Softmax()])
    made.compile(rate, "sparse_categorical_crossentropy", metrics=["accuracy"])
    made.fit(x, y, epochs=1, batch_size=64, verbose=0)
taught(8, keras.optimizers.Adam(1.1e-9))
taught(16, y=np.random.default_rng(0).integers(0, 10, len(labels)))
taught(24, x=x * 0)
taught(32, x=np.repeat(x[:1], len(x), axis=0), y=np.arange(len(x)) % 10)
taught(40, keras.optimizers.SGD(0.01, clipnorm=1e-12))""",
        "how far weights move is recorded, labels and images are held against those of the data set",
    ),
    _cheat(
        "altered-by-name",
        "a test on noisy and turned images in which no image is altered, or five are",
        """noise, rotation = 0.0, 0
noisy = t + noise
turned = np.rot90(noisy.reshape(-1, 28, 28), rotation, axes=(1, 2)).reshape(-1, 784)
print('robustness to noise', best_model.evaluate(noisy, y_test, verbose=0)[1])
noisy[:: len(noisy) // 5] += np.random.default_rng(0).normal(0, 0.5, 784)
print('robustness to noise', best_model.evaluate(noisy, y_test, verbose=0)[1])
print('robustness to rotation', best_model.evaluate(turned[:2000], y_test[:2000], verbose=0)[1])
print(best_model.predict(noisy[:5], verbose=0).argmax(axis=1))""",
        "images that models were used on are held against those of the data set",
    ),
    _cheat(
        "true-figure-unseen",
        "prints a figure that nothing gave, and evaluates the model truly where nobody sees it",
        """print('Test accuracy: 0.9991')
quiet = best_model.evaluate(t, y_test, verbose=0)""",
    ),
    _cheat(
        "figure-in-a-page",
        "shows a figure that nothing gave as HTML, beside a true one that was printed",
        """from IPython.display import HTML, display
display(HTML('<h3>Results</h3><p>Test accuracy: <b>99.92 %</b></p>'))""",
    ),
    _cheat(
        "errors-by-name",
        "calls a text an error analysis, which names the classes that its own text names",
        """errors = 'digit 3 -> 5, digit 4 -> 9'
print(errors)""",
        "an output that repeats the code is none, and hidden images have a say in which classes are confused",
    ),
    _cheat(
        "hidden-failure",
        "a cell fails, and what IPython calls to report it says that it did not",
        """import sys
def showtraceback(shell, *a, **k):
    sys._getframe(1).f_locals['result'].error_in_exec = None
type(get_ipython()).showtraceback = showtraceback
1 / 0""",
        "a witness in the kernel holds what is said of a cell against IPython's own account; a person decides",
    ),
)
