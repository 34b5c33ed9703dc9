"""Notebooks that load their data by another route each, and train a tiny model on it.

Each begins by itself: nothing of one is needed by another. They are written to be run one after the other in one kernel.
"""

from __future__ import annotations

from dataclasses import dataclass

_MODEL = """import keras
model = keras.Sequential([keras.layers.Input(shape=SHAPE), keras.layers.Flatten(),
                          keras.layers.Dense(10, activation='softmax')])
model.compile(optimizer='adam', loss='sparse_categorical_crossentropy', metrics=['accuracy'])
"""


def _trains(shape: str, images: str, labels: str) -> str:
    """A cell that fits on 640 rows spread over all."""
    step = f"[::len({labels}) // 640]"
    return _MODEL.replace("SHAPE", shape) + f"model.fit({images}{step}, {labels}{step}, epochs=1, verbose=0)"


@dataclass(frozen=True)
class Case:
    """A notebook, and what becomes of it where digits and a colour set of CIFAR-10's form are served."""

    name: str
    cells: tuple[str, ...]
    printed: str
    """By all its cells together."""
    shape: tuple[int, ...]
    """Of the inputs of its training, without the number of rows."""
    noted: tuple[str, ...]
    """What the ledger says was adapted."""


KERAS = Case(
    "keras",
    (
        "from tensorflow.keras.datasets import fashion_mnist\n"
        "(x_train, y_train), (x_test, y_test) = fashion_mnist.load_data()\n"
        "print(x_train.shape, y_train.dtype, x_test.shape)",
        _trains("(28, 28)", "(x_train / 255.)", "y_train"),
    ),
    "(60000, 28, 28) uint8 (10000, 28, 28)\n",
    (28, 28),
    ("fashion_mnist.load_data()",),
)

CACHE = Case(
    "keras.utils.get_file",
    (
        "import keras, numpy as np\n"
        "path = keras.utils.get_file('mnist.npz', origin='https://example.org/keras-datasets/mnist.npz')\n"
        "with np.load(path) as data:\n"
        "    x_train, y_train = data['x_train'], data['y_train']\n"
        "print(x_train.shape, x_train.dtype)",
        _trains("(28, 28)", "(x_train / 255.)", "y_train"),
    ),
    "(60000, 28, 28) uint8\n",
    (28, 28),
    ("https://example.org/keras-datasets/mnist.npz",),
)

KAGGLE = Case(
    "digit-recognizer",
    (
        "import os\n"
        "for dirname, _, filenames in os.walk('/kaggle/input'):\n"
        "    for filename in filenames:\n"
        "        print(os.path.join(dirname, filename))",
        "import pandas as pd\n"
        "train = pd.read_csv('/kaggle/input/digit-recognizer/train.csv')\n"
        "test = pd.read_csv('../input/digit-recognizer/test.csv')\n"
        "y = train['label'].values\n"
        "X = train.drop(columns=['label']).values.reshape(-1, 28, 28, 1) / 255.0\n"
        "print(train.shape, test.shape, test.columns[0], train.dtypes.iloc[0])",
        _trains("(28, 28, 1)", "X", "y"),
    ),
    "/kaggle/input/digit-recognizer/sample_submission.csv\n/kaggle/input/digit-recognizer/test.csv\n"
    "/kaggle/input/digit-recognizer/train.csv\n(42000, 785) (28000, 784) pixel0 int64\n",
    (28, 28, 1),
    ("read_csv('train.csv')", "read_csv('test.csv')"),
)

IDX = Case(
    "idx files",
    (
        "import gzip, os\nimport numpy as np\n"
        "def images(path):\n"
        "    with gzip.open(path, 'rb') as f:\n"
        "        return np.frombuffer(f.read(), np.uint8, offset=16).reshape(-1, 28, 28)\n"
        "def labels(path):\n"
        "    with open(path, 'rb') as f:\n"
        "        return np.frombuffer(f.read(), np.uint8, offset=8)\n"
        "folder = '/content/drive/MyDrive/MNIST_data'\n"
        "x = images(os.path.join(folder, 'train-images-idx3-ubyte.gz'))\n"
        "y = labels(os.path.join(folder, 'train-labels.idx1-ubyte'))\n"
        "print(x.shape, y.shape, os.path.exists(os.path.join(folder, 't10k-images-idx3-ubyte.gz')))",
        _trains("(28, 28)", "(x / 255.)", "y"),
    ),
    "(60000, 28, 28) (60000,) True\n",
    (28, 28),
    (
        "/content/drive/MyDrive/MNIST_data/train-images-idx3-ubyte.gz",
        "/content/drive/MyDrive/MNIST_data/train-labels.idx1-ubyte",
    ),
)

PICKLE = Case(
    "mnist.pkl.gz",
    (
        "import gzip, pickle\n"
        "with gzip.open('mnist.pkl.gz', 'rb') as f:\n"
        "    (x_train, y_train), (x_valid, y_valid), _ = pickle.load(f, encoding='latin1')\n"
        "print(x_train.shape, x_train.dtype, x_valid.shape, y_train.dtype)",
        _trains("(784,)", "x_train", "y_train"),
    ),
    "(50000, 784) float32 (10000, 784) int64\n",
    (784,),
    ("mnist.pkl.gz",),
)

TABLE = Case(
    "a table by numpy",
    (
        "import numpy as np\n"
        r"test = np.loadtxt(r'C:\Users\Ana\Desktop\mnist_test.csv', delimiter=',', skiprows=1)" "\n"
        "print(test.shape, test.dtype)",
        _trains("(784,)", "(test[:, 1:] / 255.)", "test[:, 0]"),
    ),
    "(10000, 785) float64\n",
    (784,),
    (r"C:\Users\Ana\Desktop\mnist_test.csv",),
)

OPENML = Case(
    "fetch_openml",
    (
        "from sklearn.datasets import fetch_openml\n"
        "X, y = fetch_openml('mnist_784', version=1, return_X_y=True, as_frame=False)\n"
        "y = y.astype(int)\n"
        "print(X.shape, y[:1].shape, X[:60000].max())",
        _trains("(784,)", "(X[:60000] / 255.)", "y[:60000]") + "\ndel X, y",
    ),
    "(70000, 784) (1,) 255\n",
    (784,),
    ("fetch_openml('mnist_784')",),
)

TFDS = Case(
    "tensorflow_datasets",
    (
        "import tensorflow as tf\nimport tensorflow_datasets as tfds\n"
        "(ds_train, ds_test), info = tfds.load('mnist', split=['train[:10%]', 'test'], as_supervised=True,\n"
        "                                      shuffle_files=True, with_info=True)\n"
        "print(ds_train.element_spec[0].shape, ds_train.element_spec[1].dtype.name, len(ds_train), len(ds_test))\n"
        "print(info.features['label'].num_classes, info.splits['train'].num_examples)\n"
        "full = tfds.as_numpy(tfds.load('cifar10', split='test', batch_size=-1))\n"
        "print(full['image'].shape, full['label'].dtype)",
        _MODEL.replace("SHAPE", "(28, 28, 1)")
        + "batches = ds_train.map(lambda image, label: (tf.cast(image, tf.float32) / 255., label)).batch(128)\n"
        "model.fit(batches, epochs=1, verbose=0)",
    ),
    "(28, 28, 1) int64 6000 10000\n10 60000\n(10000, 32, 32, 3) int64\n",
    (28, 28, 1),
    ("tfds.load('mnist')", "tfds.load('cifar10')"),
)

BATCHES = Case(
    "batches of CIFAR-10",
    (
        "import pickle, numpy as np\n"
        "def unpickle(file):\n"
        "    with open(file, 'rb') as fo:\n"
        "        return pickle.load(fo, encoding='bytes')\n"
        "batch = unpickle('./cifar-10-batches-py/data_batch_1')\n"
        "x = batch[b'data'].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)\n"
        "y = np.array(batch[b'labels'])\n"
        "print(x.shape, x.dtype, sorted(set(y.tolist())))",
        _trains("(32, 32, 3)", "(x / 255.)", "y"),
    ),
    "(10000, 32, 32, 3) uint8 [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]\n",
    (32, 32, 3),
    ("./cifar-10-batches-py/data_batch_1",),
)

TUTORIAL = Case(
    "TensorFlow 1's tutorial",
    (
        "from tensorflow.examples.tutorials.mnist import input_data\n"
        "mnist = input_data.read_data_sets('MNIST_data/', one_hot=True)\n"
        "x, y = mnist.train.next_batch(640)\n"
        "print(mnist.train.images.shape, mnist.validation.num_examples, x.dtype, y.shape)",
        _trains("(784,)", "x", "y.argmax(axis=1)"),
    ),
    "(55000, 784) 5000 float32 (640, 10)\n",
    (784,),
    ("input_data.read_data_sets()",),
)

HUB = Case(
    "Hugging Face datasets",
    (
        "from datasets import load_dataset\n"
        "mnist = load_dataset('ylecun/mnist')\n"
        "print(mnist['train'].num_rows, mnist['train'][0]['image'].size, mnist['train'].features['label'].num_classes)\n"
        "part = mnist['train'].shuffle(seed=1).select(range(640)).with_format('numpy')",
        _trains("(28, 28)", "(part['image'] / 255.)", "part['label']"),
    ),
    "60000 (28, 28) 10\n",
    (28, 28),
    ("load_dataset('ylecun/mnist')",),
)

SHELL = Case(
    "an archive from Kaggle",
    (
        "!kaggle competitions download -c digit-recognizer\n!unzip -o -q digit-recognizer.zip -d unpacked",
        "import csv\n"
        "with open('unpacked/train.csv') as f:\n"
        "    rows = list(csv.reader(f))\n"
        "print(len(rows), rows[0][:2])\n"
        "import numpy as np\n"
        "values = np.array(rows[1:641], dtype='float32')",
        _trains("(784,)", "(values[:, 1:] / 255.)", "values[:, 0]"),
    ),
    "42001 ['label', 'pixel0']\n",
    (784,),
    ("digit-recognizer.zip",),
)

CASES = (KERAS, CACHE, KAGGLE, IDX, PICKLE, TABLE, OPENML, TFDS, BATCHES, TUTORIAL, HUB, SHELL)

VISION = Case(
    "torchvision",
    (
        "from torchvision import datasets, transforms",
        "normal = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])\n"
        "train = datasets.MNIST('./data', train=True, download=True, transform=normal)\n"
        "test = datasets.FashionMNIST(root='./data', train=False)\n"
        "colour = datasets.CIFAR10('./data', train=False, download=True, transform=transforms.ToTensor())\n"
        "print(len(train), tuple(train[0][0].shape), train.targets.dtype, tuple(train.data.shape), train.classes[1])\n"
        "print(len(test), test.classes[9], len(colour), colour.classes[2], colour.data.dtype, type(colour.targets))",
    ),
    "60000 (1, 28, 28) torch.int64 (60000, 28, 28) 1 - one\n"
    "10000 Ankle boot 10000 bird uint8 <class 'list'>\n",
    (),
    ("torchvision.datasets.MNIST", "torchvision.datasets.FashionMNIST", "torchvision.datasets.CIFAR10"),
)
