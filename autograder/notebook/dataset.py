"""Which data set a notebook works on, read from its cells without running them.

What is loaded decides, and of several sets the one that models are trained on. Where no loader is known, file names
decide, then words, then the shapes of the images. Comments, and strings that only speak of a set, decide nothing that
code says otherwise.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from autograder.notebook.headings import headings
from autograder.notebook.shown import lines
from autograder.notebook.source import calls, code_cells, name_of, parse, python
from autograder.notebook.text import fold
from autograder.records import Cell, CellKind
from autograder.wellknown import COLOUR, GREY, KNOWN, named


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The data set that a notebook asks for."""

    name: str = ""
    """Empty when only the shape of its images is known."""
    shape: tuple[int, ...] = ()
    """Of one image, as far as the code says it; empty: not at all."""
    others: tuple[str, ...] = ()
    """Further sets that the notebook loads, in its order."""
    how: str = ""
    """``loaded``, ``file``, ``words`` or ``shape``."""


# Loaders that are told the name; torchvision's and its relatives' are called like the set.
_BY_NAME = {
    "load",
    "builder",
    "fetch_openml",
    "fetch_mldata",
    "load_dataset",
    "read_data_sets",
    "untar_data",
    "data_source",
}
_BY_CLASS = {
    "MNIST": "mnist",
    "FashionMNIST": "fashion_mnist",
    "CIFAR10": "cifar10",
    "CIFAR100": "cifar100",
    "KMNIST": "kmnist",
    "EMNIST": "emnist",
    "QMNIST": "qmnist",
    "SVHN": "svhn",
    "STL10": "stl10",
}
_OPENML = {554: "mnist", 40996: "fashion_mnist", 40927: "cifar10", 40926: "cifar10"}
_OF_TFDS = {"load", "builder", "data_source"}
"""Names that mean a loader only as ``tfds.load`` and the like: ``np.load`` reads a file."""
_PLAIN = re.compile(r"[A-Za-z][\w-]{0,60}(?:/[\w.-]{1,60})?(?::[\d.*]+)?")
"""The name of a set: no path of a file."""
_LOADING = re.compile(r"^_*(?:load|get|fetch|read|prepare|import|download|charger?|lire|make)", re.I)
_TRAINING = {"fit", "fit_generator", "train_on_batch", "search", "DataLoader", "train_step"}
MAX_ENTERED = 100
"""Calls of one function that trains which are looked into: a long function that is called on every line is a trap."""
_FILES = {"data_batch_1": "cifar10", "test_batch": "cifar10", "train_32x32.mat": "svhn"}
_PATH = re.compile(r"[./\\](?!$)|batch|recogni[sz]er|ubyte")
"""What a file or a folder of data has in its name, and a mere word has not."""
_IDX = re.compile(r"(?:train|t10k)-(?:images|labels)[-.]idx[13]-ubyte")
_PIXELS = {28 * 28: GREY, 32 * 32 * 3: COLOUR}
_SIZES = {(28, 28): GREY, (32, 32, 3): COLOUR, (3, 32, 32): COLOUR}
_PRODUCTS = re.compile(r"\.(?:h5|hdf5|keras|pth?|ckpt|onnx|tflite|png|jpe?g|svg|pdf|json|txt|md|ipynb|py|html?)$", re.I)
"""A file that a notebook writes, or pictures of: it may be called after the set."""
_BROKEN = re.compile(
    r"datasets(?:\.|\s+import\s+)(?P<keras>mnist|fashion_mnist|cifar100?)\b"
    r"|(?:tfds\.load|fetch_openml|load_dataset)\(\s*(?:name\s*=\s*)?['\"](?P<said>[^'\"]{1,80})"
    r"|\b(?:torchvision\.)?datasets\.(?P<torch>MNIST|FashionMNIST|CIFAR100?)\("
)


def recognise(cells: Sequence[Cell], also: Iterable[str] = ()) -> Wanted | None:
    """The set that a notebook works on, or nothing; ``also`` are names of files that a teacher has set up."""
    code = _Code()
    for cell in code_cells(cells):
        code.read(cell.source)
    code.finish()
    shape = code.shape
    for how, found in (("loaded", code.ranked()), ("file", code.files_ranked(frozenset(also)))):
        if found:
            return Wanted(name=found[0], shape=_shape_of(found[0], shape), others=tuple(found[1:]), how=how)
    if name := _spoken(cells, code, shape):
        return Wanted(name=name, shape=_shape_of(name, shape), how="words")
    return Wanted(shape=shape, how="shape") if shape else None


def _shape_of(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    return KNOWN[name].shape if name in KNOWN else shape


# --- code ----------------------------------------------------------------------------------------------------------


@dataclass
class _Code:
    """What the code cells load, hold and train on, read in the order of the text."""

    loaders: dict[str, str] = field(default_factory=dict)
    """Name in the notebook -> the set: an imported module, a loading function, a function that loads inside."""
    held: dict[str, str] = field(default_factory=dict)
    """Variable -> the set that it holds."""
    trainers: dict[str, ast.AST] = field(default_factory=dict)
    """Functions of the notebook in which something is trained."""
    entered: Counter[str] = field(default_factory=Counter)
    """How often each was called so far."""
    defined: dict[str, ast.AST] = field(default_factory=dict)
    """Functions and classes of the notebook."""
    called: set[str] = field(default_factory=set)
    """Loading functions that were called."""
    tfds: set[str] = field(default_factory=lambda: {"tfds", "tensorflow_datasets"})
    """What TensorFlow Datasets is called here."""
    loads: Counter[str] = field(default_factory=Counter)
    trained: Counter[str] = field(default_factory=Counter)
    imported: Counter[str] = field(default_factory=Counter)
    files: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    sizes: Counter[tuple[int, ...]] = field(default_factory=Counter)
    last: str = ""
    """The set that was loaded last."""

    def read(self, source: str) -> None:
        self._commands(source)
        tree = parse(python(source))
        if tree is None:
            self._broken(source)
            return
        for node in ast.walk(tree):
            self._leaf(node)
        for step in _steps(tree.body):
            self._step(step)

    def finish(self) -> None:
        """What is loaded within functions that no cell calls by name: methods, for the most part."""
        for name in self.defined.keys() - self.called:
            for call in calls([self.defined[name]]):
                if loaded := self._loaded(call):
                    self.loads[loaded] = self.loads[loaded] or 1

    @property
    def shape(self) -> tuple[int, ...]:
        """Grey or colour, whichever the code speaks of more often."""
        common = self.sizes.most_common(2)
        if not common or (len(common) > 1 and common[0][1] == common[1][1]):
            return ()
        return common[0][0]

    def ranked(self) -> list[str]:
        """Sets that are loaded, else imported: images first, then by what is trained on, then by loads."""
        found = self.loads or self.imported
        order = list(found)

        def rank(name: str) -> tuple[bool, int, int, int]:
            pictures = name not in KNOWN or bool(KNOWN[name].shape)
            return (not pictures, -self.trained[name], -found[name], order.index(name))

        return sorted(order, key=rank)

    def files_ranked(self, also: frozenset[str]) -> list[str]:
        """Sets after which data files are called, most frequent first."""
        found = Counter(name for text in self.files for name in _of_file(text, also))
        return [name for name, _ in found.most_common()]

    # - single things -

    def _commands(self, source: str) -> None:
        """Lines for the shell (``!wget``, ``!kaggle``), and comments."""
        for line in source.split("\n"):
            text = line.strip()
            if text.startswith(("!", "%")):
                self.files += [word for word in re.split(r"[\s'\"=]+", text) if named(word)]
            elif text.startswith("#"):
                self.comments.append(text)

    def _broken(self, source: str) -> None:
        """A cell that Python cannot read: what stands on its lines, comments left out."""
        text = "\n".join(line for line in source.split("\n") if not line.lstrip().startswith("#"))
        for match in _BROKEN.finditer(text):
            if match["keras"]:
                self.imported[match["keras"]] += 1
                continue
            self.loads[_BY_CLASS[match["torch"]] if match["torch"] else _canonical(match["said"])] += 1

    def _leaf(self, node: ast.AST) -> None:
        if isinstance(node, ast.Name):
            self.words.append(node.id)
        elif isinstance(node, ast.Attribute):
            self.words.append(node.attr)
            if name := _of_path(_path(node)):
                self.imported[name] += 1
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            self._string(node.value)
        elif isinstance(node, ast.Constant | ast.BinOp) and (pixels := _product(node)) in _PIXELS:
            self.sizes[_PIXELS[pixels]] += 1
        elif isinstance(node, ast.Tuple | ast.List):
            self._size(node.elts)
        elif isinstance(node, ast.Call):
            self._size(node.args)

    def _string(self, text: str) -> None:
        self.words.append(text[:2000])
        if len(text) <= 300 and not re.search(r"\s", text) and _PATH.search(text):
            self.files.append(text)

    def _size(self, nodes: Sequence[ast.expr]) -> None:
        """``(28, 28)``, ``(n, 28, 28, 1)``, ``(32, 32, 3)``, ``(3, 32, 32)``."""
        told = [node.value if isinstance(node, ast.Constant) else None for node in nodes[:8]]
        for size, shape in _SIZES.items():
            if any(tuple(told[place : place + len(size)]) == size for place in range(len(told))):
                self.sizes[shape] += 1

    def _step(self, step: ast.stmt) -> None:
        """One statement, without those within it."""
        if isinstance(step, ast.Import | ast.ImportFrom):
            self._import(step)
        elif isinstance(step, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            self._define(step)
        else:
            parts = _own(step)
            for call in calls(parts):
                self._call(call)
            self._bind(step, parts)

    def _import(self, step: ast.Import | ast.ImportFrom) -> None:
        module = step.module or "" if isinstance(step, ast.ImportFrom) else ""
        for alias in step.names:
            if alias.name == "tensorflow_datasets" and alias.asname:
                self.tfds.add(alias.asname)
            path = f"{module}.{alias.name}" if module else alias.name
            name = _of_path(path.split("."))
            if name:
                self.loaders[alias.asname or alias.name] = name
                self.imported[name] += 1

    def _define(self, step: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        """A function that loads inside is a loader; one that trains inside is a trainer."""
        inside = list(calls(step.body))
        loaded = next((name for call in inside if (name := self._loaded(call))), "")
        functions = [node for node in ast.walk(step) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        self.defined[step.name] = step
        if loaded:
            self.loaders[step.name] = loaded
        else:
            self.loaders.pop(step.name, None)
        for node in [step, *functions]:
            if any(name_of(call) in _TRAINING for call in calls(node.body)):
                self.trainers[node.name] = node

    def _loaded(self, call: ast.Call) -> str:
        """The set that a call loads; empty: none that it names."""
        path = _path(call.func)
        last = path[-1] if path else ""
        if last == "load_data" and last not in self.defined:
            return self._keras(path)
        if last in _BY_CLASS or last == "load_digits":
            return _BY_CLASS.get(last, last)
        if len(path) == 1 and last in self.loaders:
            told = _told(call)
            return told if told in KNOWN else self.loaders[last]
        if last in self.defined:
            return ""
        if last in _BY_NAME and (last not in _OF_TFDS or path[0] in self.tfds):
            return _told(call)
        found = named(last)
        return found[0] if found and _LOADING.match(last) else ""

    def _keras(self, path: Sequence[str]) -> str:
        """``tf.keras.datasets.mnist.load_data``, ``mnist.load_data``, ``load_data`` imported from one of them."""
        holder = path[:-1]
        if name := self.loaders.get(".".join(holder) or path[-1], "") or _of_path(path):
            return name
        if holder and holder[-1] in KNOWN:
            return holder[-1]
        return next(iter(named(holder[-1])), "") if holder else ""

    def _call(self, call: ast.Call) -> None:
        if name := self._loaded(call):
            self.loads[name] += 1
            self.last = name
            self.called.add(name_of(call))
            return
        trains = name_of(call)
        if trains in _TRAINING or trains in self.trainers:
            given = [*call.args, *(keyword.value for keyword in call.keywords)]
            self.trained[self._holds(given) or self._holds(self._deeper(trains)) or self.last] += 1

    def _deeper(self, trainer: str) -> list[ast.AST]:
        """What a function of the notebook gives to the trainings inside it."""
        self.entered[trainer] += 1
        if trainer not in self.trainers or self.entered[trainer] > MAX_ENTERED:
            return []
        inside = calls([self.trainers[trainer]])
        return [part for inner in inside if name_of(inner) in _TRAINING for part in inner.args]

    def _holds(self, nodes: Iterable[ast.AST]) -> str:
        """The set that an expression is made of: the first variable that holds one."""
        for node in nodes:
            for inner in ast.walk(node):
                if isinstance(inner, ast.Call) and (name := self._loaded(inner)):
                    return name
                if isinstance(inner, ast.Name) and inner.id in self.held:
                    return self.held[inner.id]
        return ""

    def _bind(self, step: ast.stmt, parts: Sequence[ast.AST]) -> None:
        """Variables that are assigned now hold what their value is made of."""
        if isinstance(step, ast.Assign):
            targets, value = step.targets, step.value
        elif isinstance(step, ast.AnnAssign) and step.value is not None:
            targets, value = [step.target], step.value
        elif isinstance(step, ast.For | ast.AsyncFor):
            targets, value = [step.target], step.iter
        else:
            return
        module = _of_path(_path(value)) or self.loaders.get(".".join(_path(value)), "")
        name = self._holds([value])
        for target in targets:
            for inner in ast.walk(target):
                if not isinstance(inner, ast.Name) or not isinstance(inner.ctx, ast.Store):
                    continue
                if module:
                    self.loaders[inner.id] = module
                    self.imported[module] += 1
                elif name:
                    self.held[inner.id] = name
                else:
                    self.held.pop(inner.id, None)


def _steps(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements in the order of the text, with those of loops and conditions, but not of functions."""
    for step in body:
        yield step
        if isinstance(step, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        for part in ("body", "orelse", "finalbody"):
            yield from _steps(getattr(step, part, ()))
        for handler in getattr(step, "handlers", ()):
            yield from _steps(handler.body)


def _product(node: ast.AST) -> int:
    """784 for ``784`` and ``28 * 28``; 0 for what is no product of whole numbers."""
    if isinstance(node, ast.Constant):
        return node.value if type(node.value) is int and 0 < node.value < 10_000 else 0
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return _product(node.left) * _product(node.right)
    return 0


def _own(step: ast.stmt) -> list[ast.AST]:
    """The expressions of a statement, without the statements within it."""
    nested = ast.stmt | ast.ExceptHandler | ast.match_case
    return [child for child in ast.iter_child_nodes(step) if not isinstance(child, nested)]


def _path(node: ast.AST) -> list[str]:
    """``tf.keras.datasets`` as its parts; nothing for what is no plain path."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return [node.id, *reversed(parts)] if isinstance(node, ast.Name) else []


def _of_path(path: Sequence[str]) -> str:
    """The set of ``keras.datasets.mnist`` or ``torchvision.datasets.MNIST``."""
    if "datasets" not in path:
        return ""
    after = path[path.index("datasets") + 1 : path.index("datasets") + 2]
    if not after:
        return ""
    return _BY_CLASS.get(after[0], after[0] if after[0] in KNOWN else "")


def _told(call: ast.Call) -> str:
    """The set whose name is given to a loader."""
    for keyword in call.keywords:
        if keyword.arg == "data_id" and isinstance(keyword.value, ast.Constant):
            return _OPENML.get(keyword.value.value, "") if isinstance(keyword.value.value, int) else ""
    given = [*call.args[:1], *(keyword.value for keyword in call.keywords if keyword.arg in ("name", "path"))]
    for value in given:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            return _canonical(value.value)
        if found := named(".".join(_path(value))):  # URLs.MNIST
            return found[0]
    return ""


def _canonical(said: str) -> str:
    """Our name of a set, else the name as it is written: ``uoft-cs/cifar10`` or ``rock_paper_scissors:3.0.0``."""
    found = named(said)
    return found[0] if found else said.partition(":")[0] if _PLAIN.fullmatch(said) else ""


def _of_file(text: str, also: frozenset[str]) -> tuple[str, ...]:
    """The set after which a data file is called: once for each file, the last part of its path first."""
    if _PRODUCTS.search(text):
        return ()
    last = PurePosixPath(text.replace("\\", "/")).name
    if (stem := last.removesuffix(".npz")) in also:
        return (stem,)
    found = named(last) or named(text)
    if found or _IDX.search(last):
        return found[:1]
    return (_FILES[last],) if last in _FILES else ()


# --- words ---------------------------------------------------------------------------------------------------------


def _spoken(cells: Sequence[Cell], code: _Code, shape: tuple[int, ...]) -> str:
    """The set of which headings, text and code speak; comments count where nothing else does."""
    spoken: Counter[str] = Counter()
    for heading in headings(cells):
        spoken.update({name: 3 for name in set(named(fold(heading.title)))})
    for cell in cells:
        if cell.kind is CellKind.MARKDOWN:
            spoken.update(name for line in lines(cell.source) for name in named(fold(line)))
    spoken.update(name for word in code.words for name in set(named(fold(word))))
    for counted in (spoken, Counter(name for line in code.comments for name in named(fold(line)))):
        fitting = [name for name, _ in counted.most_common() if not shape or KNOWN[name].shape == shape]
        if fitting:
            return fitting[0]
    return ""
