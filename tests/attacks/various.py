"""Honest notebooks that train in every way that people do: none of it may look like a forgery."""

from __future__ import annotations

KERAS = (
    """import keras, tensorflow as tf
from keras import layers
def built(*inner, optimizer="adam"):
    made = keras.Sequential([layers.Input((784,)), *inner, layers.Dense(10, activation="softmax")])
    made.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return made""",
    """stopping = keras.callbacks.EarlyStopping(patience=1, restore_best_weights=True)
slower = keras.callbacks.ReduceLROnPlateau(patience=1)
stopped = built(layers.Dense(16, activation="relu"))
stopped.fit(x, labels, epochs=6, validation_split=0.2, callbacks=[stopping, slower], verbose=0)
stopped.evaluate(t, y_test, verbose=0)""",
    """for _ in range(3):
    stopped.fit(x, labels, epochs=1, validation_data=(t, y_test), verbose=0)
    stopped.evaluate(t, y_test, verbose=0)""",
    """rows = tf.data.Dataset.from_tensor_slices((x, labels)).shuffle(500).batch(64)
fed = built(layers.Dropout(0.2))
fed.fit(rows, epochs=2, verbose=0)
def batches():
    while True:
        for at in range(0, 1280, 64):
            yield x[at:at + 64], labels[at:at + 64]
generated = built(layers.BatchNormalization())
generated.fit(batches(), steps_per_epoch=20, epochs=2, validation_data=(t, y_test), verbose=0)""",
    """best = keras.callbacks.ModelCheckpoint("best.keras", save_best_only=True)
kept = built(layers.Dense(8, activation="relu"))
kept.fit(x, labels, epochs=2, validation_split=0.2, callbacks=[best], verbose=0)
again = keras.models.load_model("best.keras")
again.evaluate(t, y_test, verbose=0)
again.fit(x, labels, epochs=1, verbose=0)
kept.save_weights("kept.weights.h5")
loaded = built(layers.Dense(8, activation="relu"), optimizer="sgd")
loaded.load_weights("kept.weights.h5")
loaded.evaluate(t, y_test, verbose=0)
loaded.fit(x, labels, epochs=1, verbose=0)""",
    """def seeded(epochs, patience, optimizer="adam"):
    keras.utils.set_random_seed(3)
    made = built(layers.Dropout(0.1), optimizer=optimizer)
    stop = keras.callbacks.EarlyStopping(patience=patience)
    made.fit(x, labels, epochs=epochs, validation_split=0.1, callbacks=[stop], verbose=0)
    return made
twice = [seeded(2, 3), seeded(2, 5), seeded(2, 3)]""",
    """lost = built(layers.Dense(8), optimizer=keras.optimizers.SGD(1e30))
lost.fit(x, labels, epochs=1, verbose=0)
lost_too = built(layers.Dense(8), optimizer=keras.optimizers.RMSprop(1e30))
lost_too.fit(x, labels, epochs=1, verbose=0)
still = built(layers.Dropout(0.3), optimizer=keras.optimizers.Adam(0.0))
still.fit(x, labels, epochs=1, verbose=0)
frozen = keras.models.clone_model(stopped)
frozen.set_weights(stopped.get_weights())
frozen.trainable = False
frozen.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
frozen.fit(x, labels, epochs=1, verbose=0)""",
    """images, inner = layers.Input((784,)), built(layers.Dense(16))
flat = layers.Pipeline([layers.Rescaling(0.5)])(images)
ends = layers.Dense(10, activation="softmax")(keras.ops.relu(inner(layers.GaussianNoise(0.1)(flat))))
graph = keras.Model(images, ends)
graph.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
graph.fit(x, labels, epochs=1, validation_split=0.2, verbose=0)
transferred = keras.Sequential([graph, layers.Dense(10, activation="softmax")])
graph.trainable = False
transferred.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
transferred.fit(x, labels, epochs=1, verbose=0)""",
    """class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.hidden, self.end = layers.Dense(16, activation="relu"), layers.Dense(10, activation="softmax")
    def call(self, rows):
        return self.end(self.hidden(rows))
own = Own()
own.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
own.fit(x, labels, epochs=1, verbose=0)
own.evaluate(t, y_test, verbose=0)""",
    """by_batch = built(layers.Dense(4))
for at in range(0, 1280, 64):
    by_batch.train_on_batch(x[at:at + 64], labels[at:at + 64])
optimizer, taped = keras.optimizers.Adam(), built(layers.Dense(4))
for at in range(0, 1280, 64):
    with tf.GradientTape() as tape:
        loss = keras.losses.sparse_categorical_crossentropy(labels[at:at + 64], taped(x[at:at + 64], training=True))
    optimizer.apply_gradients(zip(tape.gradient(loss, taped.trainable_variables), taped.trainable_variables))
taped.predict(t, verbose=0);""",
    """class Enough(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        raise KeyboardInterrupt
halted = built(layers.Dense(4))
try:
    halted.fit(x, labels, epochs=5, callbacks=[Enough()], verbose=0)
except KeyboardInterrupt:
    print("enough")
averaged = built(layers.Dense(4), optimizer=keras.optimizers.Adam(use_ema=True))
averaged.fit(x, labels, epochs=1, verbose=0)
copied = keras.models.clone_model(averaged)
copied.set_weights(averaged.get_weights())
copied.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
copied.evaluate(t, y_test, verbose=0)""",
)
"""After the honest cells of the cheats, whose names they use."""

TORCH = (
    """import copy, torch
from torch import nn
rows = torch.tensor(x, dtype=torch.float32), torch.tensor(labels.astype("int64"))
test = torch.tensor(t, dtype=torch.float32)
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*rows), batch_size=64, shuffle=True)
def trained(net, epochs, optimizer):
    for _ in range(epochs):
        net.train()
        for some, targets in loader:
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(some), targets).backward()
            optimizer.step()
        net.eval()
        with torch.no_grad():
            print("accuracy", (net(test).argmax(1).numpy() == y_test).mean())
    return net
first = nn.Sequential(nn.Linear(784, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 10))
trained(first, 2, torch.optim.Adam(first.parameters()));""",
    """state = copy.deepcopy(first.state_dict())
trained(first, 1, torch.optim.SGD(first.parameters(), lr=0.5))
first.load_state_dict(state)
with torch.no_grad():
    print("accuracy", (first(test).argmax(1).numpy() == y_test).mean())
second = copy.deepcopy(first)
trained(second, 1, torch.optim.RMSprop(second.parameters()));""",
)
