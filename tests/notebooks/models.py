"""Notebooks for the ways in which models are made, trained and kept."""

from __future__ import annotations

SMALL = """import numpy as np, keras, tensorflow as tf
(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
x_train, y_train = x_train[::97][:600], y_train[::97][:600]
X, T = x_train / 255.0, x_test / 255.0
def build(units=16):
    model = keras.Sequential([keras.layers.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(units, activation='relu'), keras.layers.Dense(10, activation='softmax')])
    model.compile('adam', 'sparse_categorical_crossentropy', metrics=['accuracy'])
    return model"""
"""Few distinct images: every training below takes a second."""

BATCHES = (
    SMALL,
    """model = build()
for epoch in range(2):
    for start in range(0, 600, 50):
        loss, accuracy = model.train_on_batch(X[start:start + 50], y_train[start:start + 50])
    print(model.test_on_batch(T[:50], y_test[:50]))""",
    "predicted = np.concatenate([model.predict_on_batch(T[start:start + 500]) for start in range(0, 10000, 500)]).argmax(1)",
    "from sklearn.metrics import accuracy_score\nprint(accuracy_score(y_test, predicted))",
)
"""One model, trained by ``train_on_batch``; its accuracy is computed by scikit-learn."""

TAPE = (
    SMALL,
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
)
"""One model, trained in a loop of its own and never compiled."""

COMPILED = (
    SMALL,
    """class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.flat, self.out = keras.layers.Flatten(), keras.layers.Dense(10)
    def call(self, x, training=False):
        if training:
            x = x + 0.0
        return self.out(self.flat(x))
net = Net()
loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
optimizer = keras.optimizers.SGD(0.1)
test_accuracy = keras.metrics.SparseCategoricalAccuracy(name='test_accuracy')
@tf.function
def train_step(images, labels):
    with tf.GradientTape() as tape:
        predictions = net(images, training=True)
        loss = loss_fn(labels, predictions)
    gradients = tape.gradient(loss, net.trainable_variables)
    optimizer.apply_gradients(zip(gradients, net.trainable_variables))
    return loss
@tf.function
def test_step(images, labels):
    predictions = net(images, training=False)
    test_accuracy(labels, predictions)
train = tf.data.Dataset.from_tensor_slices((X.astype('float32'), y_train)).shuffle(600).batch(60)
test = tf.data.Dataset.from_tensor_slices((T.astype('float32'), y_test)).batch(2500)""",
    """for epoch in range(3):
    test_accuracy.reset_state()
    for images, labels in train:
        train_step(images, labels)
    for images, labels in test:
        test_step(images, labels)
    print(epoch, float(test_accuracy.result()))""",
)
"""One model of a class of its own, trained and tested in compiled functions, as TensorFlow's tutorial for experts has it."""
