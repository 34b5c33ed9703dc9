"""Trainings on every kind of data, each of which tells how many steps its epochs took."""

COUNTED = """import json, math
import numpy as np, keras, tensorflow as tf
from keras.datasets import mnist
(x_train, y_train), (x_test, y_test) = mnist.load_data()
X, Y = x_train[::60][:640].reshape(-1, 784) / 255.0, y_train[::60][:640]

class Steps(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.train, self.test, self.rates, self.said = [], [], [], None
    def on_train_begin(self, logs=None):
        self.said = self.params['steps']
    def on_epoch_begin(self, epoch, logs=None):
        self.train.append(0); self.test.append(0)
    def on_train_batch_end(self, batch, logs=None):
        self.train[-1] += 1
    def on_test_batch_end(self, batch, logs=None):
        self.test[-1] += 1

class Rows(keras.layers.Layer):
    def call(self, x):
        return x

def a_model(**options):
    model = keras.Sequential([keras.layers.Input((784,)), keras.layers.Dense(10, activation='softmax')])
    model.compile(keras.optimizers.Adam(0.01), 'sparse_categorical_crossentropy', metrics=['accuracy'], **options)
    return model

def told(name, *arguments, options={}, callbacks=(), **keywords):
    steps = Steps()
    model = a_model(**options)
    history = model.fit(*arguments, callbacks=[steps, *callbacks], verbose=0, **keywords)
    print(json.dumps({
        'name': name, 'train': steps.train, 'test': steps.test, 'said': steps.said, 'epoch': history.epoch,
        'history': {key: len(value) for key, value in history.history.items()},
        'finite': all(np.isfinite(value).all() for value in history.history.values()),
    }))
    return model, history"""

ARRAYS = """told('arrays', X, Y, epochs=3, batch_size=32)
told('short', X[:30], Y[:30], epochs=3, batch_size=32)
told('tensors', tf.constant(X), tf.constant(Y), epochs=2, batch_size=64, class_weight={n: 1.0 for n in range(10)})
told('weights', X, Y, sample_weight=np.ones(640), epochs=2, batch_size=None)
told('steps', X, Y, epochs=6, steps_per_epoch=8)
told('execution', X, Y, epochs=2, batch_size=32, options={'steps_per_execution': 2})
told('later', X, Y, epochs=5, initial_epoch=3, batch_size=32)"""

VALIDATED = """big, labels = x_test[:4000].reshape(-1, 784) / 255.0, y_test[:4000]
told('split', X, Y, epochs=4, batch_size=32, validation_split=0.2, validation_freq=2)
told('data', X, Y, epochs=1, batch_size=32, validation_data=(big, labels))
told('tests', X, Y, epochs=1, batch_size=100, validation_data=(x_test.reshape(-1, 784) / 255.0, y_test))
told('batches', X, Y, epochs=1, batch_size=32, validation_data=tf.data.Dataset.from_tensor_slices((big, labels)).batch(50))
told('first', X, Y, epochs=1, batch_size=32, validation_data=(big, labels), validation_steps=100)"""

STREAMS = """pairs = tf.data.Dataset.from_tensor_slices((X, Y))
told('dataset', pairs.shuffle(640).batch(32), epochs=3)
told('endless', pairs.repeat().batch(32), epochs=3, steps_per_epoch=20)
told('unsized', pairs.batch(32).filter(lambda x, y: True), epochs=5)
def generator():
    while True:
        for start in range(0, 640, 32):
            yield X[start:start + 32], Y[start:start + 32]
told('generator', generator(), epochs=3, steps_per_epoch=20)
def drained():
    for start in range(0, 640, 32):
        yield X[start:start + 32], Y[start:start + 32]
told('drained', drained(), epochs=1)

class Batches(keras.utils.PyDataset):
    ends = 0
    def __len__(self):
        return 20
    def __getitem__(self, number):
        return X[32 * number:32 * number + 32], Y[32 * number:32 * number + 32]
    def on_epoch_end(self):
        self.ends += 1
batches = Batches()
told('sequence', batches, epochs=8)
told('threads', Batches(workers=2), epochs=5)
try:
    from tensorflow.keras.preprocessing.image import ImageDataGenerator
except ImportError:
    print(json.dumps({'name': 'images'}))
else:
    class Flat:
        pass
    flow = ImageDataGenerator(horizontal_flip=True).flow(X.reshape(-1, 28, 28, 1), Y, batch_size=32)
    model = keras.Sequential([keras.layers.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    model.compile('adam', keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    steps = Steps()
    history = model.fit(flow, epochs=2, callbacks=[steps], verbose=0)
    print(json.dumps({'name': 'images', 'train': steps.train, 'history': {k: len(v) for k, v in history.history.items()}}))"""

SEEN = """seen = set()
class Noting(keras.Model):
    def __init__(self):
        super().__init__()
        self.out = keras.layers.Dense(2)
    def call(self, x):
        return self.out(x)
    def train_step(self, data):
        seen.update(np.asarray(data[0])[:, 0].astype(int).tolist())
        return super().train_step(data)
noting = Noting()
noting.compile('sgd', keras.losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=True)
numbers = np.arange(256, dtype=float).reshape(-1, 1)
noting.fit(numbers, np.zeros(256), batch_size=16, epochs=4, verbose=0)
print(json.dumps({'name': 'seen', 'rows': len(seen)}))"""

CALLBACKS = """from keras.callbacks import EarlyStopping, ReduceLROnPlateau, LearningRateScheduler
told('stopped', X, Y, epochs=9, batch_size=32, validation_split=0.2,
     callbacks=[EarlyStopping(monitor='val_loss', patience=0, min_delta=99.0)])
plateau = ReduceLROnPlateau(monitor='loss', patience=1, min_delta=99.0, factor=0.5, min_lr=0.0)
model, history = told('plateau', X, Y, epochs=6, batch_size=32, callbacks=[plateau])
print(json.dumps({'name': 'rates', 'rates': [round(float(rate), 6) for rate in history.history['learning_rate']]}))
told('scheduled', X, Y, epochs=3, batch_size=32, callbacks=[LearningRateScheduler(lambda epoch: 0.01 / (epoch + 1))])"""

SHARED = (COUNTED, ARRAYS, VALIDATED, STREAMS, SEEN, CALLBACKS)
"""One start of TensorFlow for every way in which a share must hold."""

PLANNED = """history = model.fit(X, Y, epochs=50, batch_size=32, validation_split=0.25, verbose=0)
assert len(history.history['loss']) == len(history.history['val_accuracy']) == len(history.epoch) == 50
answers = model.predict(x_test.reshape(-1, 784) / 255.0, verbose=0)
assert answers.shape == (10000, 10)
model.evaluate(x_test.reshape(-1, 784) / 255.0, y_test, verbose=0)
model.fit(pairs.shuffle(640).batch(32), epochs=4, validation_data=(x_test.reshape(-1, 784) / 255.0, y_test), verbose=0)
model.fit(pairs.batch(32).filter(lambda x, y: True), epochs=1, verbose=0)
model.fit(X, Y, epochs=10, batch_size=32, validation_data=(X, Y), validation_freq=5, verbose=0)"""

REHEARSED = (COUNTED, "model = a_model()\npairs = tf.data.Dataset.from_tensor_slices((X, Y))", PLANNED)

BROKEN = """import os, signal, sys
recorder = sys.modules['autograder_guest.recording.ledger']
recorder.LONG_SECONDS = recorder.MEANWHILE_SECONDS = -1.0
class Signalled(keras.callbacks.Callback):
    def __init__(self, number):
        super().__init__()
        self.number, self.epoch = number, 0
    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == (2, 3):
            os.kill(os.getpid(), self.number)"""

BROKEN_OFF = (
    COUNTED,
    BROKEN,
    "half = a_model()\nhalf.fit(X, Y, epochs=9, batch_size=32, callbacks=[Signalled(signal.SIGINT)], verbose=0)",
    "lost = a_model()\nlost.fit(X, Y, epochs=9, batch_size=32, callbacks=[Signalled(signal.SIGKILL)], verbose=0)",
)
"""One training is interrupted in its third epoch, and one is killed there."""
