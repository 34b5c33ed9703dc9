"""Which data set a notebook works on: what is loaded and trained on decides, never what is only spoken of."""

from __future__ import annotations

import pytest

from autograder.notebook.dataset import Wanted, recognise
from autograder.records import Cell
from autograder.wellknown import named, title
from tests.cells import code, markdown, notebook


def wanted(*cells: Cell | str) -> Wanted:
    found = recognise(notebook(*(code(cell) if isinstance(cell, str) else cell for cell in cells)))
    assert found is not None
    return found


LOADED = {
    "from keras.datasets import mnist\n(x, y), (a, b) = mnist.load_data()": "mnist",
    "import tensorflow as tf\n(x, y), _ = tf.keras.datasets.fashion_mnist.load_data()": "fashion_mnist",
    "cifar = tf.keras.datasets.cifar10\n(x, y), (a, b) = cifar.load_data()": "cifar10",
    "from keras.datasets.cifar100 import load_data\n(x, y), (a, b) = load_data()": "cifar100",
    "from tensorflow.keras.datasets import fashion_mnist as fm\nfm.load_data()": "fashion_mnist",
    "from tensorflow.keras import datasets as ds\n(x, y), _ = ds.cifar10.load_data()": "cifar10",
    "import keras\nkeras.datasets.mnist.load_data(path=cwd + '/mnist.npz')": "mnist",
    "import tensorflow_datasets as tfds\nds = tfds.load('fashion_mnist', split='train')": "fashion_mnist",
    "import tensorflow_datasets as td\nds, info = td.load(name='cifar10:3.0.2', with_info=True)": "cifar10",
    "X, y = fetch_openml('mnist_784', version=1, return_X_y=True)": "mnist",
    "X, y = sklearn.datasets.fetch_openml(name='Fashion-MNIST', return_X_y=True)": "fashion_mnist",
    "data = fetch_openml(data_id=554)": "mnist",
    "mnist = fetch_mldata('MNIST original')": "mnist",
    "chiffres, cifar = keras.datasets.mnist, keras.datasets.cifar10\n(x, y), _ = cifar.load_data()": "cifar10",
    "x, y = preparer(tf.keras.datasets.cifar10)": "cifar10",
    "from tensorflow.keras.datasets.mnist import *\n(x, y), (a, b) = load_data()": "mnist",
    "train = torchvision.datasets.FashionMNIST(root='./data', train=True, download=True)": "fashion_mnist",
    "import torchvision.datasets as dset\ntrain = dset.CIFAR100('.', train=True)": "cifar100",
    "from torchvision.datasets import MNIST\ntrain = MNIST('data', train=True)": "mnist",
    "from datasets import load_dataset\nds = load_dataset('uoft-cs/cifar10')": "cifar10",
    "train_iter, test_iter = d2l.load_data_fashion_mnist(batch_size=256)": "fashion_mnist",
    "path = untar_data(URLs.MNIST)": "mnist",
    "mnist = input_data.read_data_sets('MNIST_data/', one_hot=True)": "mnist",
    "def charger():\n    return keras.datasets.cifar100.load_data()\n(a, b), (c, d) = charger()": "cifar100",
    "class Data:\n    def load(self):\n        return keras.datasets.mnist.load_data()\nd = Data().load()": "mnist",
    "if ON_COLAB:\n    try:\n        (x, y), _ = cifar10.load_data()\n    except OSError:\n        pass": "cifar10",
    "def load_data(name):\n    if name == 'mnist':\n        return keras.datasets.mnist.load_data()\n"
    "    return keras.datasets.cifar10.load_data()\n(x, y), _ = load_data('cifar10')": "cifar10",
    "for images, labels in torch.utils.data.DataLoader(datasets.CIFAR10('.')):\n    pass": "cifar10",
    "1 import keras\n2 (x, y), (a, b) = keras.datasets.cifar10.load_data()": "cifar10",
}


@pytest.mark.parametrize(("source", "name"), LOADED.items())
def test_loaders(source: str, name: str) -> None:
    found = wanted(source)
    assert (found.name, found.how) == (name, "loaded")


FILES = {
    "df = pd.read_csv('/kaggle/input/digit-recognizer/train.csv')": "mnist",
    "df = pd.read_csv('mnist_train.csv')": "mnist",
    "train = pd.read_csv('../input/fashion-mnist_train.csv')": "fashion_mnist",
    "data = np.load('data/mnist.npz')": "mnist",
    "batch = unpickle('cifar-10-batches-py/data_batch_1')": "cifar10",
    "DOSSIER = 'D:\\\\donnees\\\\cifar-10-batches-py'\nlot = lire(DOSSIER + '/data_batch_1')": "cifar10",
    "!wget https://example.org/~kriz/cifar-100-python.tar.gz": "cifar100",
    "!kaggle competitions download -c digit-recognizer": "mnist",
    "!kaggle datasets download zalando-research/fashionmnist": "fashion_mnist",
    "with gzip.open(root + '/fashion-mnist/train-images-idx3-ubyte.gz') as f:\n    x = f.read()": "fashion_mnist",
}


@pytest.mark.parametrize(("source", "name"), FILES.items())
def test_files(source: str, name: str) -> None:
    found = wanted(source)
    assert (found.name, found.how) == (name, "file")


SPOKEN = {
    "# Projet de Classification d'Images CIFAR-10": "cifar10",
    "## Reconnaissance de chiffres manuscrits": "mnist",
    "**Fashion MNIST: clothes**": "fashion_mnist",
    "<h1>Classification on CIFAR 100</h1>": "cifar100",
    "Nous travaillons sur Fashion-MNIST, plus difficile que MNIST. Fashion-MNIST a dix classes.": "fashion_mnist",
}


@pytest.mark.parametrize(("text", "name"), SPOKEN.items())
def test_words_where_no_loader_is_known(text: str, name: str) -> None:
    found = wanted(markdown(text), "df = pd.read_csv('train.csv')")
    assert (found.name, found.how) == (name, "words")


ASIDE = [
    "# comme avec fashion_mnist.load_data()",
    "print('Unlike Fashion-MNIST or CIFAR-10, digits are easy')",
    '"""CIFAR-10 comes next: keras.datasets.cifar10.load_data()"""',
    "NOTE = 'cifar10.load_data() would need colour'",
    "plt.title('Fashion-MNIST')",
    "model.save('fashion_mnist_model.keras')",
]


@pytest.mark.parametrize("aside", ASIDE)
def test_what_is_only_spoken_of_decides_nothing(aside: str) -> None:
    found = wanted(markdown("# Fashion-MNIST ou CIFAR-10 ?"), aside, "(x, y), (a, b) = mnist.load_data()", aside, aside)
    assert (found.name, found.others) == ("mnist", ())


BOTH = """from keras.datasets import mnist, fashion_mnist
(x, y), _ = mnist.load_data()
(u, v), _ = fashion_mnist.load_data()"""


@pytest.mark.parametrize(
    ("after", "name"),
    [
        ("model.fit(x / 255, y)", "mnist"),
        ("model.fit(u / 255, v)", "fashion_mnist"),
        ("v2 = v\nu2 = u.reshape(-1, 784)\nmodel.fit(u2, v2)\nprint(x)", "fashion_mnist"),
        ("model.fit(x, y)\nmodel.fit(u, v)\nmodel2.fit(u, v)", "fashion_mnist"),
        ("def train(make, a, b):\n    return make().fit(a, b)\ntrain(cnn, u, v)", "fashion_mnist"),
        ("def train(make):\n    return make().fit(u, v)\ntrain(cnn)", "fashion_mnist"),
        ("history = model.fit(train_ds)", "fashion_mnist"),
    ],
)
def test_of_several_the_one_that_is_trained_on(after: str, name: str) -> None:
    found = wanted(BOTH, after)
    assert found.name == name and found.others == tuple({"mnist", "fashion_mnist"} - {name})


def test_a_set_that_is_imported_and_not_loaded_does_not_count() -> None:
    found = wanted("from keras.datasets import mnist, cifar10", "(x, y), _ = cifar10.load_data()\nmodel.fit(x, y)")
    assert (found.name, found.others) == ("cifar10", ())


def test_images_come_before_texts_and_tables() -> None:
    found = wanted("(x, y), _ = cifar10.load_data()", "(a, b), _ = imdb.load_data()\nm.fit(a, b)\nm.fit(a, b)")
    assert (found.name, found.others) == ("cifar10", ("imdb",))


@pytest.mark.parametrize(
    ("source", "shape"),
    [
        ("model = Sequential([Input((32, 32, 3))])", (32, 32, 3)),
        ("x = x.reshape(-1, 28, 28, 1)", (28, 28)),
        ("x = x.reshape(len(x), 28 * 28)", (28, 28)),
        ("model.add(Dense(64, input_shape=(784,)))", (28, 28)),
        ("x = x.view(-1, 3, 32, 32)", (32, 32, 3)),
    ],
)
def test_the_shape_of_images_where_nothing_else_is_said(source: str, shape: tuple[int, ...]) -> None:
    assert wanted(source) == Wanted(shape=shape, how="shape")


def test_words_that_the_code_contradicts_do_not_count() -> None:
    found = wanted(markdown("Plus simple que CIFAR-10, dit-on."), "x = x.reshape(-1, 28, 28, 1)")
    assert found == Wanted(shape=(28, 28), how="shape")


def test_comments_count_where_nothing_else_does() -> None:
    assert wanted("# ===== CIFAR-10 =====\nx = lire()").name == "cifar10"


def test_a_set_of_another_name_is_told_by_it() -> None:
    assert wanted("ds = tfds.load('rock_paper_scissors')").name == "rock_paper_scissors"
    assert wanted("from sklearn.datasets import load_digits\nd = load_digits()").name == "load_digits"


def test_a_file_that_a_teacher_has_set_up_is_known_by_its_name() -> None:
    cells = notebook(code("data = np.load('/content/feuilles.npz')"))
    assert recognise(cells) is None
    found = recognise(cells, ["feuilles"])
    assert found is not None and found.name == "feuilles"


@pytest.mark.parametrize("source", ["", "x = 1", "print('bonjour')", "model.add(Dense(128, 28))", "f(((((", "1 = 2"])
def test_nothing_to_recognise(source: str) -> None:
    assert recognise(notebook(code(source))) is None


def test_hostile_code_costs_no_more_than_its_length() -> None:
    deep = "x = " + "(" * 90 + "1" + ")" * 90
    wide = "\n".join(f"v{n} = v{n - 1} + mnist" for n in range(1, 3000))
    long = "'" + "mnist " * 15_000 + "'"
    assert wanted(deep, wide, long, "mnist.load_data()").name == "mnist"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("cifar-10-batches-py", ["cifar10"]),
        ("CIFAR 100", ["cifar100"]),
        ("cifar1000", []),
        ("FashionMNIST", ["fashion_mnist"]),
        ("mnist_784 and EMNIST", ["mnist", "emnist"]),
        ("pdf_mnist", ["mnist"]),
        ("f-mnist", ["fashion_mnist"]),
        ("cats and dogs", []),
    ],
)
def test_names_as_people_write_them(text: str, names: list[str]) -> None:
    assert list(named(text)) == names


def test_titles() -> None:
    assert (title("fashion_mnist"), title("feuilles")) == ("Fashion-MNIST", "feuilles")
