"""Notebooks for the ways in which models are made, trained and kept, with what must be found of each."""

from __future__ import annotations

from dataclasses import dataclass

SMALL = """import numpy as np, keras, tensorflow as tf
(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
x_train, y_train = x_train[::97][:600], y_train[::97][:600]
X, T = x_train / 255.0, x_test / 255.0
def build(units=16):
    model = keras.Sequential([keras.layers.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(units, activation='relu'), keras.layers.Dense(10, activation='softmax')])
    model.compile('adam', 'sparse_categorical_crossentropy', metrics=['accuracy'])
    return model"""
"""Few distinct images: every training below takes a second. The first cell of each notebook."""


@dataclass(frozen=True)
class Case:
    """One notebook without its first cell."""

    cells: tuple[str, ...]
    trainings: int
    """Entries of trainings that took place."""
    candidates: int
    """Different weights that the final model may be."""
    final: int = 0
    """Number of the training, counted from 1 within the notebook, that made the final model; 0 when none did."""
    variable: str = ""
    """What holds the final model in the end; empty when nothing does."""


BATCHES = Case(
    cells=(
        """by_batch = build()
for epoch in range(2):
    for start in range(0, 600, 50):
        loss, accuracy = by_batch.train_on_batch(X[start:start + 50], y_train[start:start + 50])
    print(by_batch.test_on_batch(T[:50], y_test[:50]))""",
        "predicted = np.concatenate([by_batch.predict_on_batch(T[start:start + 500]) for start in range(0, 10000, 500)]).argmax(1)",
        "from sklearn.metrics import accuracy_score\nprint(accuracy_score(y_test, predicted))",
    ),
    trainings=1,
    final=1,
    candidates=1,
)
"""Trained by ``train_on_batch``; the accuracy is computed by scikit-learn."""

TAPE = Case(
    cells=(
        """net = keras.Sequential([keras.layers.Input((28, 28, 1)), keras.layers.Conv2D(4, 5, strides=3, activation='relu'), keras.layers.Flatten(), keras.layers.Dense(10)])
loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
optimizer = keras.optimizers.Adam(0.01)
seen = keras.metrics.SparseCategoricalAccuracy()
train = tf.data.Dataset.from_tensor_slices((X[..., None].astype('float32'), y_train)).batch(100)
test = tf.data.Dataset.from_tensor_slices((T[..., None].astype('float32'), y_test)).batch(1000)""",
        """for epoch in range(2):
    for images, labels in train:
        with tf.GradientTape() as tape:
            logits = net(images, training=True)
            value = loss_fn(labels, logits)
        gradients = tape.gradient(value, net.trainable_variables)
        optimizer.apply_gradients(zip(gradients, net.trainable_variables))
    seen.reset_state()
    for images, labels in test:
        seen.update_state(labels, net(images, training=False))
    print(float(seen.result()))""",
        "answers = tf.concat([net(images) for images, _ in test], 0)",
        """attacked = tf.Variable(T[:200, :, :, None].astype('float32'))
with tf.GradientTape() as tape:
    value = loss_fn(y_test[:200], net(attacked))
print(tape.gradient(value, attacked).shape)""",
    ),
    trainings=1,
    final=1,
    candidates=1,
)
"""Trained in a loop of its own and never compiled; then attacked, which trains nothing."""

COMPILED = Case(
    cells=(
        """class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.flat, self.out = keras.layers.Flatten(), keras.layers.Dense(10)
    def call(self, x, training=False):
        if training:
            x = x + 0.0
        return self.out(self.flat(x))
expert = Net()
loss_object = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
sgd = keras.optimizers.SGD(0.1)
test_accuracy = keras.metrics.SparseCategoricalAccuracy(name='test_accuracy')
@tf.function
def train_step(images, labels):
    with tf.GradientTape() as tape:
        predictions = expert(images, training=True)
        loss = loss_object(labels, predictions)
    gradients = tape.gradient(loss, expert.trainable_variables)
    sgd.apply_gradients(zip(gradients, expert.trainable_variables))
    return loss
@tf.function
def test_step(images, labels):
    predictions = expert(images, training=False)
    test_accuracy(labels, predictions)
train_ds = tf.data.Dataset.from_tensor_slices((X.astype('float32'), y_train)).shuffle(600).batch(60)
test_ds = tf.data.Dataset.from_tensor_slices((T.astype('float32'), y_test)).batch(2500)""",
        """for epoch in range(3):
    test_accuracy.reset_state()
    for images, labels in train_ds:
        train_step(images, labels)
    for images, labels in test_ds:
        test_step(images, labels)
    print(epoch, float(test_accuracy.result()))""",
    ),
    trainings=1,
    final=1,
    candidates=1,
)
"""A model of a class of its own, trained and tested in compiled functions, as TensorFlow's tutorial for experts has it."""

WHOLE = Case(
    cells=(
        """def fit_by_hand(network, data, epochs):
    rule, goal = keras.optimizers.SGD(0.05), keras.losses.SparseCategoricalCrossentropy()
    @tf.function
    def epoch_of(data):
        for images, labels in data:
            with tf.GradientTape() as tape:
                value = goal(labels, network(images, training=True))
            rule.apply(tape.gradient(value, network.trainable_variables), network.trainable_variables)
    for _ in range(epochs):
        epoch_of(data)
    return float(np.mean(network(T).numpy().argmax(1) == y_test))
batched = tf.data.Dataset.from_tensor_slices((X, y_train)).batch(50)
marks = {}
for units in (8, 32):
    marks[units] = fit_by_hand(build(units), batched, 2)
print(marks)""",
    ),
    trainings=2,
    final=2,
    candidates=2,
)
"""Whole epochs within a compiled function, for two models in a loop that nothing holds afterwards."""

TUNED = Case(
    cells=(
        """import keras_tuner
def tunable(hp):
    return build(hp.Int('units', 4, 12, step=4))
tuner = keras_tuner.RandomSearch(tunable, objective='val_accuracy', max_trials=2, directory='tuning', overwrite=True, seed=1)
tuner.search(X, y_train, epochs=2, validation_split=0.3, verbose=0)
best_tuned = tuner.get_best_models(1)[0]""",
        "print(best_tuned.evaluate(T, y_test, verbose=0))",
    ),
    trainings=2,
    variable="best_tuned",
    candidates=2,
)
"""Chosen by KerasTuner: the best trial's weights come from a checkpoint."""

SEARCHED = Case(
    cells=(
        """from scikeras.wrappers import KerasClassifier
from sklearn.model_selection import GridSearchCV
grid = GridSearchCV(KerasClassifier(build, units=4, epochs=1, verbose=0), {'units': [4, 8]}, cv=2, n_jobs=-1)
found = grid.fit(X, y_train)
print(grid.best_params_)""",
        "print(grid.best_estimator_.score(T, y_test))",
    ),
    trainings=5,
    variable="grid.best_estimator_.model_",
    final=5,
    candidates=5,
)
"""A grid search over a wrapped model, in as many processes as there are cores, which see nothing of ours."""

RESTORED = Case(
    cells=(
        """kept = build()
keeper = keras.callbacks.ModelCheckpoint('best.keras', save_best_only=True, monitor='val_loss', mode='max')
kept.fit(X, y_train, epochs=3, validation_split=0.2, callbacks=[keeper], verbose=0)
kept.evaluate(T, y_test, verbose=0)""",
        "reloaded_best = keras.models.load_model('best.keras')\nreloaded_best.evaluate(T, y_test, verbose=0)",
    ),
    trainings=1,
    variable="reloaded_best",
    final=1,
    candidates=2,
)
"""The file holds the weights of the first epoch: ``mode`` is wrong, and it is they that count."""

AVERAGED = Case(
    cells=(
        """steady = build()
copies = []
for _ in range(3):
    steady.fit(X, y_train, epochs=1, validation_split=0.2, verbose=0)
    copies.append(steady.get_weights())
steady.set_weights([np.mean(parts, axis=0) for parts in zip(*copies)])""",
        "steady_twin = keras.models.clone_model(steady)\nsteady_twin.set_weights(copies[-1])\nprint(steady.predict(T, verbose=0).shape, steady_twin.predict(T, verbose=0).shape)",
    ),
    trainings=3,
    final=3,
    candidates=4,
)
"""The mean of three weights is a candidate of its own; a clone with known weights is none."""

FOLDS = Case(
    cells=(
        """from sklearn.model_selection import KFold
class Study:
    def __init__(self):
        self.marks, self.held = [], {'best': {'network': None}}
    def run(self):
        for fold, (rows, rest) in enumerate(KFold(3).split(X)):
            network = build(4 * (fold + 1))
            network.fit(X[rows], y_train[rows], epochs=1, verbose=0)
            self.marks.append(network.evaluate(X[rest], y_train[rest], verbose=0)[1])
            if self.marks[-1] == max(self.marks):
                self.held['best']['network'] = network
study = Study()
study.run()""",
    ),
    trainings=3,
    variable="study.held['best']['network']",
    final=3,
    candidates=3,
)
"""A model for each fold, local to a method; the object holds the best one."""

DECOYS = Case(
    cells=(
        """five = keras.Sequential([keras.layers.Input((50, 50, 3)), keras.layers.Flatten(), keras.layers.Dense(5)])
model = build()
model.fit(X, y_train, epochs=2, validation_data=(T, y_test), verbose=0)
model2 = build(64)
turning = keras.Sequential([keras.layers.RandomRotation(0.1)])
print(turning(X[:200, :, :, None]).shape)""",
        """maps = keras.Model(model.inputs, model.layers[1].output)
print(maps.predict(T, verbose=0).shape)
heat = keras.Model(model.inputs, [model.layers[1].output, model.layers[-1].output])
with tf.GradientTape() as tape:
    hidden, scores = heat(T[:150])
    top = scores[:, 0]
tape.gradient(top, hidden)
probability = keras.Sequential([model, keras.layers.Softmax()])
print(probability.predict(T, verbose=0).shape)""",
        """model = keras.Sequential([keras.layers.Input((20,)), keras.layers.Embedding(50, 4), keras.layers.Flatten(), keras.layers.Dense(1, activation='sigmoid')])
model.compile('adam', 'binary_crossentropy', metrics=['accuracy'])
words = np.random.default_rng(0).integers(0, 25, (300, 20))
words[150:] += 25
model.fit(words, np.arange(300) >= 150, epochs=3, validation_split=0.2, verbose=0)""",
    ),
    trainings=2,
    final=1,
    candidates=3,
)
"""One classifier of images among models never trained, parts of it, a wrapping of it, and a classifier of words."""

SHAPES = Case(
    cells=(
        """flat = keras.Sequential([keras.layers.Input((784,)), keras.layers.Dense(10, activation='softmax')])
square = keras.Sequential([keras.layers.Input((28, 28, 1)), keras.layers.Conv2D(4, 5, strides=3), keras.layers.Flatten(), keras.layers.Dense(10, activation='softmax')])
for candidate, data in ((flat, X.reshape(-1, 784)), (square, x_train[..., None].astype('float32') / 127.5 - 1)):
    candidate.compile('adam', 'sparse_categorical_crossentropy', metrics=['accuracy'])
    candidate.fit(data, y_train, epochs=1, validation_split=0.2, verbose=0)""",
        "print(square.evaluate(x_test[..., None].astype('float32') / 127.5 - 1, y_test, verbose=0), flat.evaluate(T.reshape(-1, 784), y_test, verbose=0))",
    ),
    trainings=2,
    candidates=2,
)
"""Two models with inputs of their own, alive at once."""

SUBSETS = Case(
    cells=(
        """def few(units, activation, loss):
    net = keras.Sequential([keras.layers.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(units, activation=activation)])
    net.compile('adam', loss, metrics=['accuracy'])
    return net
is_five = few(1, 'sigmoid', 'binary_crossentropy')
is_five.fit(X, (y_train == 5).astype('float32'), verbose=0)
odd = few(2, 'softmax', 'categorical_crossentropy')
odd.fit(X, keras.utils.to_categorical(y_train % 2), verbose=0)
rows = np.isin(y_train, (3, 7))
pair = few(10, 'softmax', 'sparse_categorical_crossentropy')
pair.fit(X[rows], y_train[rows], verbose=0)
mixed = few(10, 'softmax', 'sparse_categorical_crossentropy')
mixed.fit(X, (y_train.astype(int) * 3 + 1) % 10, verbose=0)
batched_few = few(10, 'softmax', 'sparse_categorical_crossentropy')
batched_few.fit(tf.data.Dataset.from_tensor_slices((X, y_train)).shuffle(600).batch(300), verbose=0)""",
    ),
    trainings=5,
    candidates=5,
)
"""Is it a five; odd or even; only threes and sevens; other names for the classes; in shuffled batches."""

BESIDE = Case(
    cells=(
        """from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.neighbors import KNeighborsClassifier
from sklearn.metrics import accuracy_score, classification_report
forest = RandomForestClassifier(5, n_jobs=-1).fit(X.reshape(600, -1), y_train)
best_model = make_pipeline(StandardScaler(), KNeighborsClassifier(1)).fit(X.reshape(600, -1), y_train)
print(accuracy_score(y_test, best_model.predict(T.reshape(-1, 784))))
dense = build()
dense.fit(X, y_train, verbose=0)
print(dense.evaluate(T, y_test, verbose=0))""",
    ),
    trainings=1,
    final=1,
    candidates=1,
)
"""Classifiers of scikit-learn's beside one network; that the better one is called ``best_model`` changes nothing."""

UNSAVEABLE = Case(
    cells=(
        """def scaled(units):
    net = keras.Sequential([keras.layers.Input((28, 28)), keras.layers.Lambda(lambda x: x / 255), keras.layers.Flatten(), keras.layers.Dense(units, activation='relu'), keras.layers.Dense(10, activation='softmax')])
    net.compile('adam', 'sparse_categorical_crossentropy', metrics=['accuracy'])
    return net
lambda_best = scaled(32)
lambda_best.fit(x_train, y_train, epochs=3, validation_split=0.2, verbose=0)
for units in range(1, 10):
    scaled(units).fit(x_train[:100], y_train[:100], validation_split=0.2, verbose=0)
print(lambda_best.evaluate(x_test, y_test, verbose=0))""",
    ),
    trainings=10,
    variable="lambda_best",
    final=1,
    candidates=10,
)
"""Ten models with a function of their own in them; the first is the one that counts."""

SINGLES = Case(
    cells=(
        "lonely = build()\nlonely.fit(X, y_train, verbose=0)\nlonely.save_weights('lonely.weights.h5')",
        "second = build()\nsecond.load_weights('lonely.weights.h5')\nsecond.set_weights([part * 1.5 for part in second.get_weights()])",
        "right = sum(int(second.predict(T[row:row + 1], verbose=0).argmax() == y_test[row]) for row in range(0, 10000, 95))",
    ),
    trainings=1,
    candidates=2,
)
"""Weights that are used for one image at a time only."""

CODER = Case(
    cells=(
        """given = keras.layers.Input((784,))
coded = keras.layers.Dense(32, activation='relu', name='code')(given)
coder = keras.Model(given, keras.layers.Dense(784, activation='sigmoid')(coded))
coder.compile('adam', 'mse')
coder.fit(X.reshape(-1, 784), X.reshape(-1, 784), epochs=1, validation_split=0.2, verbose=0)
head = keras.Model(given, keras.layers.Dense(10, activation='softmax')(coded))
head.compile('adam', 'sparse_categorical_crossentropy', metrics=['accuracy'])
head.fit(X.reshape(-1, 784), y_train, epochs=1, verbose=0)
half = keras.Model(given, coded)
print(half.predict(T.reshape(-1, 784), verbose=0).shape)""",
    ),
    trainings=2,
    final=2,
    candidates=1,
)
"""An autoencoder and a classifier on its code."""

OWN_STEP = Case(
    cells=(
        """class Stepping(keras.Model):
    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            answer = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=answer)
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
        return self.compute_metrics(x, y, answer)
entry = keras.Input((28, 28))
stepping = Stepping(entry, keras.layers.Dense(10, activation='softmax')(keras.layers.Flatten()(entry)))
stepping.compile('adam', 'sparse_categorical_crossentropy', metrics=['accuracy'])
stepping.fit(X, y_train, epochs=1, verbose=0)""",
        "stepping.evaluate(T, y_test, verbose=0)",
    ),
    trainings=1,
    final=1,
    candidates=1,
    variable="stepping",
)
"""A class of one's own that changes how it is trained, not what it computes: it can leave the room."""

TOGETHER = Case(
    cells=(
        """crowd = [build(units) for units in (6, 8, 10)]
for one in crowd:
    one.fit(X, y_train, epochs=2, validation_split=0.2, verbose=0)""",
        """summed = np.zeros((len(T), 10))
for one in crowd:
    summed += one.predict(T, verbose=0)
print('test accuracy of all three: %.4f' % (summed.argmax(1) == y_test).mean())""",
    ),
    trainings=3,
    candidates=3,
)
"""Three models whose answers are summed; only of the sum a figure is stated."""

WOVEN = Case(
    cells=(
        """threads = [build(units) for units in (6, 8)]
for one in threads:
    one.fit(X, y_train, epochs=2, validation_split=0.2, verbose=0)
entrance = keras.layers.Input((28, 28))
woven = keras.Model(entrance, keras.layers.Average()([one(entrance) for one in threads]))
woven.compile('adam', 'sparse_categorical_crossentropy', metrics=['accuracy'])""",
        "print(woven.evaluate(T, y_test, verbose=0))",
    ),
    trainings=2,
    candidates=3,
    variable="woven",
)
"""An ensemble that is one model; what its parts were validated on is no test of it."""

TAUGHT = Case(
    cells=(
        """teacher = build(64)
teacher.fit(X, y_train, epochs=4, validation_split=0.2, verbose=0)
student, student_scratch = build(5), build(5)
student.compile('adam', 'kl_divergence', metrics=['accuracy'])
student.fit(X, teacher.predict(X, verbose=0), epochs=2, verbose=0)
student_scratch.fit(X, y_train, epochs=2, validation_split=0.2, verbose=0)""",
        """answers_of_student = student.predict(T, verbose=0).argmax(1)
print('student', (answers_of_student == y_test).mean())
print('alone', student_scratch.evaluate(T, y_test, verbose=0)[1])""",
    ),
    trainings=3,
    candidates=3,
    variable="student",
    final=2,
)
"""A small model that learnt from a large one, and the same without a teacher, trained last."""

PRUNED = Case(
    cells=(
        """thin = build(32)
thin.fit(X, y_train, epochs=3, validation_split=0.2, verbose=0)
for share in (30, 60):
    heavy, bias = thin.layers[1].get_weights()
    thin.layers[1].set_weights([heavy * (abs(heavy) > np.percentile(abs(heavy), share)), bias])
    before = thin.evaluate(T, y_test, verbose=0)[1]
    thin.fit(X, y_train, epochs=1, verbose=0)
    print(share, before, thin.evaluate(T, y_test, verbose=0)[1])""",
    ),
    trainings=3,
    candidates=5,
    variable="thin",
    final=3,
)
"""Weights set to zero and trained further, twice; all figures are of the test set, the last is that of the end."""

CASES = {name.lower(): case for name, case in list(globals().items()) if isinstance(case, Case)}
