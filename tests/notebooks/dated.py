"""Notebooks as they were written between 2016 and 2024, of one purpose each: the spellings of then, and what is noted.

Each is a tuple of cells, to be run after ``PRELUDE``; several can share a kernel. ``EXPECTED`` names the old spellings
that the ledger has to list.
"""

from __future__ import annotations

PRELUDE = """import numpy as np
rng = np.random.RandomState(0)
x_train = rng.rand(96, 8, 8, 1).astype('float32'); y_train = rng.randint(0, 3, 96)
x_test = rng.rand(32, 8, 8, 1).astype('float32'); y_test = rng.randint(0, 3, 32)
flat = x_train.reshape(96, 64)"""

STANDALONE_2016 = (
    """from keras.models import Sequential
from keras.layers.core import Dense, Dropout, Activation, Flatten
from keras.layers.convolutional import Convolution2D, MaxPooling2D
from keras.utils import np_utils
from keras.optimizers import SGD, adam
from keras import backend as K
K.set_image_dim_ordering('tf')
Y_train = np_utils.to_categorical(y_train, 3)""",
    """model = Sequential()
model.add(Convolution2D(4, 3, 3, border_mode='same', input_shape=(8, 8, 1), init='he_normal', dim_ordering='tf'))
model.add(Activation('relu'))
model.add(MaxPooling2D(pool_size=(2, 2), border_mode='valid'))
model.add(Dropout(p=0.25))
model.add(Flatten())
model.add(Dense(output_dim=3, init='uniform', W_regularizer='l2'))
model.add(Activation('softmax'))
assert model.layers[0].kernel_size == (3, 3) and model.layers[0].padding == 'same', model.layers[0].get_config()
model.compile(loss='categorical_crossentropy', optimizer=SGD(lr=0.01, decay=1e-6, momentum=0.9, nesterov=True), metrics=['accuracy'])
hist = model.fit(x_train, Y_train, batch_size=32, nb_epoch=2, verbose=0, validation_split=0.25)""",
    """assert len(hist.history['acc']) == 2 and 'acc' not in hist.history.keys()
assert hist.history['val_acc'] == hist.history['val_accuracy']
print(model.predict_classes(x_test).shape, model.predict_proba(x_test).shape)""",
)

RATES = (
    """from tensorflow import keras
from tensorflow.keras.optimizers import Adam, RMSprop, SGD
from tensorflow.keras.optimizers.legacy import Adam as OldAdam
from tensorflow.keras.callbacks import ReduceLROnPlateau, LearningRateScheduler
from keras.optimizers import rmsprop
import tensorflow.keras.backend as K
def small():
    return keras.Sequential([keras.layers.Flatten(input_shape=(8, 8, 1)), keras.layers.Dense(3, activation='softmax')])
assert type(OldAdam(lr=0.002)) is Adam and type(rmsprop(lr=0.002)) is RMSprop
assert abs(float(Adam(lr=0.002, epsilon=None, decay=0.0).learning_rate.numpy()) - 0.002) < 1e-9
assert abs(float(Adam(1).learning_rate.numpy()) - 1) < 1e-9""",
    """opt = SGD(lr=0.5, decay=0.1)
model = small()
model.compile(loss='sparse_categorical_crossentropy', optimizer=opt, metrics='accuracy')
before = [w.copy() for w in model.get_weights()]
model.fit(x_train, y_train, batch_size=96, epochs=3, verbose=0, shuffle=False)
assert abs(float(K.get_value(opt.lr)) - 0.5) < 1e-6
modern = small()
modern.set_weights(before)
schedule = keras.optimizers.schedules.InverseTimeDecay(0.5, 1, 0.1)
modern.compile(loss='sparse_categorical_crossentropy', optimizer=SGD(schedule), metrics=['accuracy'])
modern.fit(x_train, y_train, batch_size=96, epochs=3, verbose=0, shuffle=False)
assert all(np.allclose(a, b) for a, b in zip(model.get_weights(), modern.get_weights()))
assert opt.get_config()['learning_rate'] == modern.optimizer.get_config()['learning_rate'], opt.get_config()""",
    """K.set_value(model.optimizer.lr, 0.25)
assert abs(float(model.optimizer.learning_rate.numpy()) - 0.25) < 1e-6
plateau = ReduceLROnPlateau(monitor='acc', factor=0.5, patience=0, epsilon=1.0, min_lr=0.0, verbose=0)
h = model.fit(x_train, y_train, epochs=2, verbose=0, callbacks=[plateau, LearningRateScheduler(lambda epoch: 0.125)])
assert h.history['lr'][0] == 0.125 or h.history['lr'], h.history
model.optimizer.lr = 0.01
print(h.history.keys())""",
)

GENERATORS = (
    """from keras.preprocessing.image import ImageDataGenerator
from keras.layers import Conv2D, Dense, Flatten
from keras.layers.normalization import BatchNormalization
from keras.layers.advanced_activations import LeakyReLU
from keras.models import Sequential
import keras
datagen = ImageDataGenerator(rotation_range=10, width_shift_range=0.1)
datagen.fit(x_train)
net = Sequential([Conv2D(2, (3, 3), input_shape=(8, 8, 1)), BatchNormalization(), LeakyReLU(alpha=0.1), Flatten(), Dense(3, activation='softmax')])
net.compile(optimizer='adam', loss='sparse_categorical_crossentropy', metrics=['acc'])
batches = []
class Count(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs={}):
        batches.append(batch)
        assert logs['acc'] >= 0
h = net.fit_generator(datagen.flow(x_train, y_train, batch_size=20), steps_per_epoch=96 / 20 - 0.8, epochs=3, verbose=0,
                      validation_data=(x_test, y_test), workers=4, use_multiprocessing=False, callbacks=[Count()])
assert len(batches) == 12, len(batches)
assert set(h.history) == {'acc', 'loss', 'val_acc', 'val_loss'}, set(h.history)""",
    """print(net.evaluate_generator(datagen.flow(x_test, y_test, batch_size=16), steps=2))
print(net.predict_generator(datagen.flow(x_test, batch_size=16, shuffle=False), steps=2).shape)
print(net.metrics_names)
assert net.metrics_names == ['loss', 'acc'], net.metrics_names""",
)

CALLBACKS = (
    """from tensorflow.keras.models import Sequential, load_model
from tensorflow.keras.layers import Dense, Flatten
from tensorflow.keras.callbacks import EarlyStopping, ModelCheckpoint, TensorBoard, Callback
class Enough(Callback):
    def on_epoch_end(self, epoch, logs={}):
        if logs.get('acc') > 2:
            self.model.stop_training = True
m = Sequential([Flatten(input_shape=(8, 8, 1)), Dense(3, activation='softmax')])
m.compile('adam', 'sparse_categorical_crossentropy', metrics=['accuracy'])
stops = [EarlyStopping(monitor='val_acc', patience=5), Enough(), EarlyStopping(monitor='val_f1', patience=3),
         ModelCheckpoint('best-{epoch:02d}-{val_acc:.2f}.hdf5', monitor='val_acc', save_best_only=True, mode='max', period=1),
         ModelCheckpoint('weights.best.h5', monitor='val_acc', save_best_only=True, save_weights_only=True),
         ModelCheckpoint('checkpoints/cp.ckpt', save_weights_only=True, verbose=0)]
m.fit(x_train, y_train, validation_data=(x_test, y_test), epochs=2, verbose=0, callbacks=stops, max_queue_size=10)""",
    """import os, glob, tensorflow as tf
assert glob.glob('best-01-*.hdf5'), os.listdir('.')
m.load_weights('weights.best.h5')
latest = tf.train.latest_checkpoint('checkpoints')
assert latest, os.listdir('checkpoints')
m.load_weights(latest).expect_partial()
again = load_model(glob.glob('best-01-*.hdf5')[0])
again.evaluate(x_test, y_test, verbose=0)""",
)

SAVING = (
    """from keras.models import Sequential, load_model, model_from_json
from keras.layers import Dense, Flatten, Input
net = Sequential([Input((8, 8, 1)), Flatten(), Dense(3, activation='softmax')])
net.compile('sgd', 'sparse_categorical_crossentropy', metrics=['accuracy'])
net.fit(x_train, y_train, epochs=1, verbose=0)
expected = net.predict(x_test, verbose=0)
def same(other):
    assert np.allclose(expected, other.predict(x_test, verbose=0), atol=1e-6)""",
    """net.save('my_model')
same(load_model('my_model'))
net.save('saved/deep', save_format='tf', overwrite=True)
same(load_model('saved/deep'))
net.save('model.h5', save_format='h5', include_optimizer=True)
again = load_model('model.h5')
same(again)
again.evaluate(x_test, y_test, verbose=0)
net.save('plain', save_format='h5')
same(load_model('plain'))""",
    """rebuilt = model_from_json(net.to_json())
for name in ('w.h5', 'weights.hdf5', 'w.weights.h5', 'ckpt', 'deep/er/ckpt'):
    net.save_weights(name, overwrite=True)
    rebuilt = model_from_json(net.to_json())
    rebuilt.load_weights(name)
    same(rebuilt)
net.save_weights('old.h5', save_format='h5')
rebuilt.load_weights('my_model')""",
)

PATHS = (
    """from keras.utils.np_utils import to_categorical
from keras.utils.vis_utils import plot_model
from keras.layers.normalization import BatchNormalization
from keras.layers.pooling import MaxPooling2D
from keras.layers.experimental.preprocessing import Rescaling
from keras.engine.topology import Layer, InputSpec
from keras.engine import Model
from keras.constraints import maxnorm
from keras.regularizers import l2, l1l2
from keras.callbacks import EarlyStopping
from keras.objectives import categorical_crossentropy
from keras.optimizers import Adam
from keras.optimizers.schedules import ExponentialDecay
from keras.layers.core import *
from keras.layers import *""",
    """from tensorflow.keras.layers.experimental import preprocessing
from tensorflow.keras.utils import plot_model, to_categorical
from tensorflow.keras.optimizers.experimental import Adam as Other
from tensorflow.keras.preprocessing.image import ImageDataGenerator, img_to_array, load_img
from tensorflow.python.keras.layers import Dense as Hidden
from tensorflow.python.keras import Sequential as Row
from tensorflow.python.keras.utils.np_utils import to_categorical as one_hot
from tensorflow.contrib.keras.python.keras.layers import Dense as Contributed
import tensorflow.python.keras.backend as PK
import tensorflow as tf, keras
assert Hidden is keras.layers.Dense is Contributed and Row is keras.Sequential
assert tf.keras.layers.experimental.preprocessing.Rescaling is keras.layers.Rescaling
assert keras.layers.core.Dense is keras.layers.Dense
assert keras.utils.np_utils.to_categorical is to_categorical
layer = preprocessing.RandomFlip('horizontal')
print(Convolution2D, keras.engine.topology.Layer)""",
    """net = keras.Sequential([Rescaling(1/255., input_shape=(8, 8, 1)), Flatten(), Dense(3, kernel_constraint=maxnorm(3), activation='softmax', kernel_regularizer=l1l2(0.01, 0.01))])
net.compile('Adam', 'sparse_categorical_crossentropy', ['acc'])
net.fit(x_train, y_train, epochs=1, verbose=0, workers=1)
plot_model(net, to_file='net.png', show_shapes=True)
from IPython.display import Image
Image('net.png')""",
)

BACKEND = (
    """from keras import backend as K
import keras
net = keras.Sequential([keras.layers.Dense(4, batch_input_shape=(None, 64), activation='relu', name='first'), keras.layers.Dense(3, activation='softmax')])
net.compile('sgd', 'sparse_categorical_crossentropy', metrics=['accuracy'])
net.fit(flat, y_train, epochs=1, verbose=0)
K.set_learning_phase(0)
assert K.tensorflow_backend._get_available_gpus() == []
print(K.image_dim_ordering(), K.image_data_format(), K.floatx(), K.epsilon())
tell = K.function([net.layers[0].input, K.learning_phase()], [net.layers[0].output])
print(tell([flat[:5], 0])[0].shape)
assert net.layers[0].output_shape == (None, 4) and net.layers[0].input_shape == (None, 64)
assert net.output_shape == (None, 3) and net.input_shape == (None, 64)
K.clear_session()
def root_mean_squared(y_true, y_pred):
    return K.sqrt(K.mean(K.square(y_pred - y_true)))
print(K.get_value(root_mean_squared(np.ones((2, 2), 'float32'), np.zeros((2, 2), 'float32'))))""",
    """stateful = keras.Sequential([keras.layers.LSTM(2, batch_input_shape=(4, 3, 2), stateful=True), keras.layers.Dense(1)])
stateful.compile('sgd', 'mse')
stateful.fit(np.zeros((8, 3, 2)), np.zeros((8, 1)), batch_size=4, epochs=1, verbose=0)
stateful.reset_states()
assert stateful.layers[0].output_shape == (4, 2)
metric = keras.metrics.Mean(); metric.update_state(1.0); metric.reset_states()
given = keras.Sequential([keras.layers.Embedding(5, 2, weights=[np.ones((5, 2))], input_length=3), keras.layers.Flatten()])
assert given.predict(np.zeros((1, 3)), verbose=0).tolist() == [[1, 1, 1, 1, 1, 1]]""",
)

WRAPPED = (
    """from keras.wrappers.scikit_learn import KerasClassifier
from sklearn.model_selection import GridSearchCV
from keras.models import Sequential
from keras.layers import Dense
def create_model(optimizer='adam', units=4):
    model = Sequential()
    model.add(Dense(units, input_dim=64, activation='relu'))
    model.add(Dense(3, activation='softmax'))
    model.compile(loss='categorical_crossentropy', optimizer=optimizer, metrics=['accuracy'])
    return model
grid = GridSearchCV(KerasClassifier(build_fn=create_model, epochs=1, batch_size=32, verbose=0), {'units': [2, 4]}, cv=2)
grid.fit(flat, y_train)
print(grid.best_params_, grid.best_score_, grid.predict(flat[:3]))""",
)

FIRST_TENSORFLOW = (
    """import tensorflow as tf
tf.logging.set_verbosity(tf.logging.ERROR)
tf.set_random_seed(1)
config = tf.ConfigProto()
config.gpu_options.allow_growth = True
session = tf.Session(config=config)
tf.keras.backend.set_session(session)
print(tf.random_normal([2]).shape, tf.log(1.0), tf.reduce_sum([[1.0]], keep_dims=True).shape, tf.test.is_gpu_available())
net = tf.keras.Sequential([tf.keras.layers.Flatten(), tf.keras.layers.Dense(3, activation=tf.nn.softmax)])
net.compile(optimizer=tf.train.AdamOptimizer(0.002), loss='sparse_categorical_crossentropy', metrics=['accuracy'])
net.fit(x_train, y_train, epochs=1, verbose=0)
assert type(net.optimizer) is tf.keras.optimizers.Adam and abs(float(net.optimizer.learning_rate.numpy()) - 0.002) < 1e-8""",
)

NUMBERS = (
    """names = ['a', 'b', 'c']
column = y_train.reshape(-1, 1)
print(names[int(column[3])], float(np.array([0.5])), 'class %d of %d' % (column[0], 3), '%.1f' % np.array([0.5]))
print(np.float(1), np.int(2), np.Inf, np.product([2, 3]), np.in1d([1], [1]), np.reshape(flat, newshape=(96, 8, 8)).shape, np.zeros(2, dtype=np.object).dtype)
assert isinstance(1.5, np.float) and np.bool and np.asfarray([1]).dtype == float
import collections, time
print(isinstance([], collections.Iterable), time.clock() >= 0)
from scipy.misc import imresize, toimage
from scipy.ndimage.interpolation import rotate
from scipy.ndimage.filters import gaussian_filter
print(imresize(x_train[0, :, :, 0], (16, 16)).shape, rotate(x_train[0, :, :, 0], 20).shape)
from scipy import interp""",
)

PICTURES = (
    """%matplotlib inline
import matplotlib.pyplot as plt, matplotlib
plt.style.use('seaborn-whitegrid')
plt.style.use('seaborn')
fig = plt.figure()
fig.canvas.set_window_title('digits')
for i in range(20):
    plt.subplot(2, 20/2, i + 1)
    plt.imshow(x_train[i, :, :, 0], cmap=plt.cm.get_cmap('gray'))
plt.tight_layout(1.0)
plt.show()""",
    """plt.figure()
plt.hist([1, 2, 2], bins=3, normed=True)
plt.grid(b=True)
plt.figure(); plt.boxplot([[1, 2], [2, 3]], labels=['a', 'b'])
fig, ax = plt.subplots(2, 4 / 2)
ax[0][0].boxplot([[1, 2]], labels=['a'])
ax[0][1].hist([1, 2], normed=1)
plt.cm.spectral
matplotlib.cm.get_cmap('viridis', 10)
plt.savefig('picture.png', frameon=False)""",
    """import seaborn as sns
sns.set(style='white')
sns.countplot(y_train)
plt.figure(); sns.barplot(['a', 'b'], [1, 2])
plt.figure(); sns.lineplot([0, 1], [1, 2], label='x')
plt.figure(); sns.heatmap(np.eye(3), annot=True)""",
)

TABLES = (
    """import pandas as pd
results = pd.DataFrame(columns=['model', 'accuracy'])
results = results.append({'model': 'a', 'accuracy': 0.5}, ignore_index=True)
results = results.append(pd.DataFrame({'model': ['b'], 'accuracy': [0.75]}), ignore_index=True)
assert results['accuracy'].tolist() == [0.5, 0.75] and list(results.columns) == ['model', 'accuracy']
for name, column in results.iteritems():
    print(name, len(column))
print(results.drop('model', 1).as_matrix().shape, results.ix[0, 'model'], pd.np.mean([1, 2]))
pd.DataFrame({'a': [1.0, None]}).fillna(method='ffill')""",
    """from sklearn.preprocessing import OneHotEncoder
from sklearn.externals import joblib
from sklearn.cross_validation import train_test_split
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, plot_confusion_matrix, classification_report
from sklearn.manifold import TSNE
encoded = OneHotEncoder(sparse=False).fit_transform(y_train.reshape(-1, 1))
classifier = LogisticRegression(multi_class='multinomial', solver='lbfgs', max_iter=20).fit(flat, y_train)
plot_confusion_matrix(classifier, flat, y_train)
print(confusion_matrix(y_train, classifier.predict(flat), [0, 1, 2]).shape, encoded.shape)
TSNE(n_components=2, n_iter=250, init='random', perplexity=5).fit_transform(flat[:20]).shape""",
)

ABSENT = (
    """from tensorflow.keras.applications import VGG16
VGG16(weights='imagenet', include_top=False, input_shape=(32, 32, 3))""",
    """import tensorflow_hub as hub
hub.KerasLayer('https://tfhub.dev/google/imagenet/mobilenet_v2_100_224/feature_vector/5')""",
)
"""What has to fail, and says why."""

NOTEBOOKS: dict[str, tuple[str, ...]] = {
    "standalone 2016": STANDALONE_2016,
    "rates": RATES,
    "generators": GENERATORS,
    "callbacks": CALLBACKS,
    "saving": SAVING,
    "paths": PATHS,
    "backend": BACKEND,
    "wrapped": WRAPPED,
    "first TensorFlow": FIRST_TENSORFLOW,
    "numbers": NUMBERS,
    "pictures": PICTURES,
    "tables": TABLES,
}

EXPECTED: dict[str, set[str]] = {
    "standalone 2016": {
        "keras.layers.core",
        "keras.layers.convolutional",
        "keras.utils.np_utils",
        "keras.optimizers.adam",
        "keras.backend.set_image_dim_ordering",
        "Convolution2D(4, 3, 3)",
        "Conv2D(border_mode=...)",
        "Conv2D(init=...)",
        "Dropout(p=...)",
        "Dense(output_dim=...)",
        "Dense(W_regularizer=...)",
        "SGD(lr=...)",
        "SGD(decay=...)",
        "model.fit(nb_epoch=...)",
        "history.history['acc']",
        "model.predict_classes(...)",
    },
    "rates": {
        "tensorflow.keras.optimizers.legacy.Adam",
        "keras.optimizers.rmsprop",
        "Adam(lr=...)",
        "Adam(epsilon=None)",
        "SGD(decay=...)",
        "model.compile(metrics='accuracy')",
        "optimizer.lr",
        "ReduceLROnPlateau(monitor='acc')",
        "ReduceLROnPlateau(epsilon=...)",
        "history.history['lr']",
    },
    "generators": {
        "keras.preprocessing.image.ImageDataGenerator",
        "keras.layers.normalization",
        "keras.layers.advanced_activations",
        "LeakyReLU(alpha=...)",
        "model.fit_generator(...)",
        "model.fit(workers=...)",
        "model.evaluate_generator(...)",
        "model.predict_generator(...)",
        "model.metrics_names",
    },
    "callbacks": {
        "logs['acc']",
        "EarlyStopping(monitor='val_acc')",
        "EarlyStopping(monitor='val_f1')",
        "ModelCheckpoint(monitor='val_acc')",
        "model.save_weights('weights.best.h5')",
        "model.save_weights('cp.ckpt')",
        "model.fit(max_queue_size=...)",
    },
    "saving": {
        "model.save('my_model')",
        "model.save(save_format='tf')",
        "model.save(save_format='h5')",
        "model.save_weights('w.h5')",
        "model.save_weights('weights.hdf5')",
        "model.save_weights('ckpt')",
    },
    "paths": {
        "keras.utils.np_utils",
        "keras.utils.vis_utils",
        "keras.layers.experimental.preprocessing",
        "keras.engine.topology",
        "keras.constraints.maxnorm",
        "keras.regularizers.l1l2",
        "keras.objectives",
        "tensorflow.keras.layers.experimental.preprocessing",
        "tensorflow.python.keras.layers",
        "tensorflow.contrib.keras.python.keras.layers",
        "model.compile(..., ..., [...])",
        "plot_model",
    },
    "backend": {
        "Dense(batch_input_shape=...)",
        "keras.backend.set_learning_phase",
        "keras.backend.image_dim_ordering",
        "keras.backend.function",
        "layer.output_shape",
        "layer.input_shape",
        "model.reset_states(...)",
        "metric.reset_states(...)",
        "Embedding(input_length=...)",
    },
    "wrapped": {"keras.wrappers.scikit_learn", "Dense(input_dim=...)"},
    "first TensorFlow": {
        "tf.logging",
        "tf.set_random_seed",
        "tf.ConfigProto",
        "tf.Session",
        "tf.random_normal",
        "tf.log",
        "tf.reduce_sum(keep_dims=...)",
        "tf.train.AdamOptimizer(...)",
    },
    "numbers": {
        "int(array)",
        "np.float",
        "np.int",
        "np.Inf",
        "np.product",
        "np.in1d",
        "np.reshape(newshape=...)",
        "np.object",
        "collections.Iterable",
        "time.clock",
        "scipy.misc.imresize",
        "scipy.interp",
    },
    "pictures": {
        "plt.style.use('seaborn-whitegrid')",
        "canvas.set_window_title(...)",
        "plt.subplot(2, 10.0, 1)",
        "plt.cm.get_cmap",
        "plt.tight_layout(...)",
        "plt.hist(normed=...)",
        "plt.grid(b=...)",
        "plt.boxplot(labels=...)",
        "plt.subplots(2, 2.0)",
        "plt.savefig(frameon=...)",
        "sns.countplot(...)",
        "sns.barplot(..., ...)",
    },
    "tables": {
        "df.append(...)",
        "df.iteritems(...)",
        "drop(..., 1)",
        "df.as_matrix(...)",
        "df.ix",
        "pd.np",
        "fillna(method='ffill')",
        "OneHotEncoder(sparse=...)",
        "sklearn.externals.joblib",
        "sklearn.cross_validation",
        "LogisticRegression(multi_class=...)",
        "sklearn.metrics.plot_confusion_matrix",
        "TSNE(n_iter=...)",
    },
}
"""Old spellings that the ledger has to list, by notebook."""
