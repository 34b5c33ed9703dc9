"""Every place on the host that touches a student's bytes, as a function of bytes that raises where a promise breaks.

Each target takes any bytes, feeds them to one entry point and holds what comes out against ``oracles``. The fuzzer
(``fuzz.py``), the benchmark of pace (``pace.py``) and the tests use the same ones.
"""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import struct
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import nbformat
import numpy as np
import oracles
from PIL import Image

from autograder import checks, parcel, repairs, trainings
from autograder.checks import code as code_checks
from autograder.checks import confused, places
from autograder.errors import ConfigError, StoreError
from autograder.execution import notebook as runs
from autograder.execution.fits import TRAIN, Fits
from autograder.execution.transcript import Transcript
from autograder.exports.csv import grades, guarded
from autograder.extraction import archive as models
from autograder.extraction.arrays import read_npy
from autograder.extraction.contradictions import contradictions
from autograder.extraction.grids import MAX_COLUMNS, MAX_FIELD, MAX_ROWS, grids
from autograder.extraction.inlaid import without_pictures
from autograder.extraction.ledger import read_ledger
from autograder.extraction.literals import literal_tables
from autograder.extraction.recipes import infer
from autograder.extraction.sections import find_sections, guess_language
from autograder.extraction.stored import drifts
from autograder.extraction.tables import find_table, match_rows
from autograder.feedback import handed, inert
from autograder.feedback.executed import executed
from autograder.feedback.sheet import sheet
from autograder.frames import FrameParser, ProtocolBreach
from autograder.intake import archive, choice, grouping, leaves, names
from autograder.intake.caps import Caps
from autograder.intake.reading import read_notebook
from autograder.intake.roster import read_roster
from autograder.messages import exposed, visible
from autograder.notebook import numbers, pictures, reading, source
from autograder.notebook.accuracies import stated
from autograder.notebook.dataset import recognise
from autograder.notebook.text import sentences
from autograder.records import (
    Cell,
    CellKind,
    CellRun,
    CellState,
    Digest,
    Evidence,
    Finding,
    Ledger,
    Message,
    Output,
)
from autograder.rubric import load
from autograder.store import Store, digest
from autograder.worth import Worth
from tests import asked, builders, evidence

ROOT = Path(__file__).resolve().parent.parent
CAPS = Caps(read=1 << 20, notebook=1 << 19, cells=100, containers=50_000, values=100_000, file=1 << 16, files=20,
            files_total=1 << 18, entries=200, archive=1 << 20, members=200)  # fmt: skip
"""Small enough to be met within one input."""

Target = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry point and what a fuzzer starts from."""

    feed: Target
    seeds: Callable[[], Iterable[bytes]]
    module: str
    """What it covers, for people."""


TARGETS: dict[str, Entry] = {}


def target(covers: str, seeds: Callable[[], Iterable[bytes]]) -> Callable[[Target], Target]:
    def register(function: Target) -> Target:
        TARGETS[function.__name__] = Entry(function, seeds, covers)
        return function

    return register


@dataclass(slots=True)
class Memory(Store):
    """A store that leaves nothing on the disk."""

    root: Path = Path("/nonexistent")
    kept: dict[Digest, bytes] = field(default_factory=dict)

    def put(self, content: bytes, *, lasting: bool = True) -> Digest:
        name = digest(content)
        self.kept[name] = content
        return name

    def get(self, name: Digest) -> bytes:
        if name not in self.kept:
            raise StoreError("missing from the store", place=name)
        return self.kept[name]


def text_of(data: bytes) -> str:
    """Any text that JSON can hold, lone surrogates included."""
    return data.decode("utf-8", "surrogatepass") if _is_text(data) else data.decode("utf-8", "replace")


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


# --- seeds -----------------------------------------------------------------------------------------------------------


@cache
def notebooks() -> tuple[bytes, ...]:
    """The project's own samples, without what makes them large."""
    found = sorted([*ROOT.glob("reference/*/*.ipynb"), *ROOT.glob("submissions/**/*.ipynb")])
    return tuple(path.read_bytes() for path in found)


def pieces() -> list[bytes]:
    """Sources of their cells, and one text for each trick."""
    own = [runs.source(cell).encode() for raw in notebooks() for cell in runs.parse(raw).cells]
    return [*own, *(text.encode("utf-8", "surrogatepass") for text in (*builders.HOSTILE, *TRICKS))]


TRICKS = (
    "| Modèle | Accuracy | Temps |\n|---|---|---|\n| CNN | 97,8 % | 1 min 12 s |\n| [a](http://x) | 0.98 | 3 |",
    "modèle  accuracy\n0  CNN  0.98\n1  MLP  0.97\n",
    "model,accuracy\na,0.9\nb,0.8\n",
    "{'CNN': {'accuracy': np.float64(0.98)}, 'MLP': {'accuracy': 0.97}}\n[(\"a\", 0.9), ('b', 0xff)]",
    "Test accuracy: 0.9812\n97 % of 10000 images\n9812/10000 correct\naccuracy 1.5e-3\n1/1 [====] - 0s 1ms/step",
    "CNN    0.98\nMLP    0.97\nName: accuracy, dtype: float64",
    "[[9 1]\n [0 10]]\nchiffre 3 : 4,5\n4 -> 9",
    "<table><tr><th>m</th><th>acc</th></tr><tr><td>a<table> <tr><td>b</table></td><td>0.9</td></tr></table>",
    "# Titre\n\nTexte `code` **gras** <b>x</b> ![i](x.png) [l](javascript:alert(1))\n\n- a\n- b\n\n> c\n\n```\nx\n",
    "Conclusion\n===\n1.1.1) **Introduction** :\n<h2 style='x'>Robustesse</h2>\n<!-- a --> a <!-- b",
    "!pip install x\n%matplotlib inline\nx = !ls\nfrom keras.datasets import mnist\n(a, b), c = mnist.load_data()",
    ">>> print 'a', b\nIn [3]: x\nOut[3]: 5\nprint >>f, x\nexcept E, e:\n",
    "model.fit(x, y, epochs=5)\nplt.plot(h.history['accuracy']); plt.title('a'); plt.xlabel('b')\n",
    "=cmd|' /C calc'!A0",
    "\ufeff =1+1\t@x",
)


def _zips() -> Iterable[bytes]:
    plain = {"alice/projet.ipynb": notebooks()[0], "bob/a.ipynb": b"{}", "../x.ipynb": b"", "a\\b.py": b"x"}
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        yield zipped(plain, method)
    yield zipped({"inner.zip": zipped({"x.ipynb": notebooks()[0][:200]})})
    yield zipped({"a_123_assignsubmission_file_/x.ipynb": b"{}", "doe_LATE_12_34_x-1.ipynb": b"{}"})


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return buffer.getvalue()


CONFIG: dict[str, Any] = {
    "module": "keras",
    "class_name": "Sequential",
    "config": {
        "layers": [
            {"module": "keras.layers", "class_name": "Dense", "config": {"units": 3}, "registered_name": None},
            {"module": "builtins", "class_name": "function", "config": "my", "registered_name": "function"},
        ]
    },
}


def _models() -> Iterable[bytes]:
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA):
        yield zipped(
            {"config.json": json.dumps(CONFIG).encode(), "model.weights.h5": b"x", "metadata.json": b""}, method
        )


def _arrays() -> Iterable[bytes]:
    for array in (
        np.arange(8 * 144, dtype=np.float32).reshape(8, 12, 12) / 255,
        np.zeros((2, 3), np.float32),
        np.zeros(2, [("a", "<i4"), ("b", "U3")]),
        np.asfortranarray(np.ones((3, 4, 1), np.float32)),
    ):
        buffer = io.BytesIO()
        np.save(buffer, array)
        yield buffer.getvalue()


def frame(head: Mapping[str, Any], body: bytes = b"") -> bytes:
    written = json.dumps(head).encode()
    return struct.pack(">I", len(written)) + written + struct.pack(">Q", len(body)) + body


LEDGER: dict[str, Any] = {
    "trainings": [
        {"number": 1, "model": "m1", "layers": [{"kind": "Dense"}], "epochs_run": 1, "labels": {"a": "b"}},
        {
            **{
                "number": 2,
                "model": "m2",
                "execution_count": 1,
                "saved": "fit-2.keras",
                "weights": "w",
                "seconds": 1.5,
            },
            **{"layers": [{"kind": "Dense", "config": {"units": 3}, "parameters": 9}], "parameters": 9},
            **{"optimizer": {"name": "adam", "learning_rate": 0.1}, "epochs_run": 1, "history": {"loss": [0.5]}},
            **{"arguments": {"callbacks": ["EarlyStopping"], "validation_split": 0.1}, "x": {"shape": [90, 28, 28]}},
        },
        {"number": 3, "model": "m3", "weights": "w", "epochs_run": 1, "save_error": "others are more accurate"},
    ],
    "bindings": {"cnn": "m1"},
    "frames": [{"name": "df", "kind": "dataframe", "columns": ["model", "accuracy"], "rows": [["a", 0.9], ["b", 0.8]]}],
}


def _frames() -> Iterable[bytes]:
    output = [{"output_type": "stream", "name": "stdout", "text": "x"}]
    said = (
        ({"kind": "ready", "environment": {"keras": "3"}}, b""),
        ({"kind": "cell", "index": 1, "state": "started"}, b""),
        (
            {"kind": "cell", "index": 1, "state": "ran", "seconds": 1.5, "execution_count": 1},
            json.dumps(output).encode(),
        ),
        ({"kind": "progress", "text": "epoch 1/2"}, b""),
        ({"kind": "ledger"}, json.dumps(LEDGER).encode()),
        ({"kind": "artifact", "name": "fit-1.keras"}, b"PK"),
        ({"kind": "parameters", "held": True, "changed": ["EPOCHS"]}, b"x = 1"),
        ({"kind": "images?", "models": ["m1"]}, b""),
        ({"kind": "altered?", "part": 0, "seconds": 1, "left": 5}, b""),
        ({"kind": "fallback", "model": "m1"}, b"x"),
        ({"kind": "end", "ending": "completed", "cell": None, "limit": ""}, b""),
    )
    yield from (frame(*one) for one in said)
    yield b"".join(frame(*one) for one in said)


def _rosters() -> Iterable[bytes]:
    yield "Identifiant;Nom complet;Adresse de courriel\nParticipant12;Élodie Lefèvre;e@x.fr\n".encode()
    yield b"id,first name,last name\n1,Ada,=cmd\n"
    yield "id\tname\n1\tx\n".encode("utf-16")


def _names() -> Iterable[bytes]:
    for name in (
        "alice_2026-11-20.ipynb", "a_123_assignsubmission_file_", "doe_LATE_12_34_x-1.ipynb", "../../etc/passwd",
        "CON.txt", "a\u202eb.ipynb", "projet (2) - Copy.ipynb", "tp1-alice-main/x.ipynb", "学生.zip", "a:b", "\ufdfa",
    ):  # fmt: skip
        yield name.encode()


# --- intake ----------------------------------------------------------------------------------------------------------


@target("intake.reading, cells, old, pasted, scripts", lambda: [*notebooks(), *_scripts()])
def notebook(data: bytes) -> None:
    """Bytes of a hand-in: one notebook that holds to the caps, or one refusal; and what is read from it is inert."""
    found = read_notebook(data, CAPS)
    if (found.notebook is None) == (found.refusal is None):
        raise oracles.Unsafe("neither or both")
    oracles.sentences([found.refusal, *found.notes])
    if found.notebook is None:
        return
    oracles.at_most("bytes", len(found.notebook), CAPS.notebook)
    document = runs.parse(found.notebook)
    oracles.at_most("cells", len(document.cells), CAPS.cells)
    ids = [cell["id"] for cell in document.cells]
    if len(set(ids)) < len(ids):
        raise oracles.Unsafe("ids twice")
    cells(found.notebook)


def _scripts() -> Iterable[bytes]:
    yield b"# %%\nx = 1\n# %% [markdown]\n# # Titre\n"
    yield b"# In[1]:\n\nx = 1\n# In[2]:\n\ny\n"
    yield b'"""x\nAutomatically generated by Colab.\n"""\nimport a\n"""# Titre"""\n'
    yield json.dumps(
        {"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "heading", "level": 2, "source": "x"}]}]}
    ).encode()
    inner = json.dumps({"cells": [{"cell_type": "code", "source": "x"}], "nbformat": 4})
    yield json.dumps({"cells": [{"cell_type": "code", "source": inner}], "nbformat": 4, "metadata": {}}).encode()


@target("notebook.reading", notebooks)
def cells(data: bytes) -> None:
    """The JSON of an executed notebook: cells without control characters and within the caps, or a StoreError.

    Code holds what Python runs, and is shown with every sign that it has.
    """
    store = Memory()
    try:
        found = reading.read(data, store)
    except StoreError as error:
        oracles.encodable(str(error))
        return
    oracles.at_most("cells", len(found), reading.MAX_CELLS)
    oracles.at_most("images", len(store.kept), reading.MAX_IMAGES)
    texts = [text for cell in found for text in (cell.source, *_outputs(cell))]
    oracles.at_most("text", sum(map(len, texts)), reading.MAX_TOTAL_SOURCE + reading.MAX_TOTAL_TEXT)
    for text in texts:
        oracles.encodable(text)
    told = [exposed(cell.source) if cell.kind is CellKind.CODE else cell.source for cell in found]
    for text in (*told, *(text for cell in found for text in _outputs(cell))):
        if re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text):
            raise oracles.Unsafe("a control character")


def _outputs(cell: Cell) -> list[str]:
    oracles.at_most("outputs", len(cell.outputs), reading.MAX_OUTPUTS)
    return [text for output in cell.outputs for text in (output.text, output.html)]


@target("intake.archive, grouping, choice", _zips)
def archives(data: bytes) -> None:
    """Bytes of a zip: a listing whose paths stay inside and whose members hold to the caps."""
    found = archive.members(data, PurePosixPath("class.zip"), CAPS)
    if isinstance(found, Message):
        oracles.sentences([found])
        return
    found = archive.expand(found, CAPS)
    oracles.at_most("members", len(found.leaves), CAPS.members**2)
    oracles.sentences(blemish.reason for blemish in found.blemishes)
    for leaf in found.leaves:
        oracles.inside(leaf.path)
        content = leaf.load(CAPS.file)
        if isinstance(content, Message):
            oracles.sentences([content])
        else:
            oracles.at_most("bytes", len(content), CAPS.file)
    for group in grouping.groups(found, "class.zip"):
        oracles.shown(group.name)
        chosen = choice.choose(group, "projet", CAPS)
        oracles.sentences([chosen.refusal, *chosen.notes])


@target("intake.names, grouping", _names)
def naming(data: bytes) -> None:
    """A name: an id that is a safe folder, and text that shows all that is in it."""
    name = text_of(data)
    made = names.student_id(name)
    if not re.fullmatch(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?", made):
        raise oracles.Unsafe(f"id {made!r}")
    if names.clean(name):
        oracles.shown(visible(names.clean(name)))
    oracles.at_most("characters", len(names.clean(name)), 200)
    for part in (names.attempt(name)[0], names.numbered(name)[0], names.late(name)[0], names.original(name) or ""):
        oracles.at_most("characters", len(part), len(name))
    path = PurePosixPath(name)
    if names.safe_path(path):
        oracles.inside(path)
        oracles.shown(str(path))
    found = [leaves.Leaf(path=PurePosixPath("x") / path.name, size=0, load=lambda cap: b"")] if path.name else []
    for group in grouping.groups(leaves.Listing(leaves=found), "inbox"):
        oracles.shown(group.name)


@target("intake.roster", _rosters)
def roster(data: bytes) -> None:
    """A class list: people whose fields are one clean line, or a ConfigError."""
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        Path(file.name).write_bytes(data)
        try:
            people = read_roster(Path(file.name))
        except ConfigError as error:
            oracles.encodable(str(error))
            return
    for person in people:
        for value in (person.id, person.name, person.email, person.participant, *person.keys):
            oracles.shown(value)


# --- what a notebook says --------------------------------------------------------------------------------------------


def as_cells(text: str) -> tuple[Cell, ...]:
    """The text as prose, as code, as what was printed and as HTML, as ``notebook.reading`` leaves it."""
    plain = reading.clean(text, reading.MAX_SOURCE)
    return (
        Cell(index=0, kind=CellKind.MARKDOWN, source=plain),
        Cell(index=1, kind=CellKind.CODE, source="print(results)",
             outputs=(Output(kind="stream", stream="stdout", text=plain), Output(kind="display", html=plain))),
    )  # fmt: skip


@target("notebook.headings, prose, text; extraction.sections", pieces)
def prose(data: bytes) -> None:
    """Markdown: sections and paragraphs that name only cells that are there."""
    found = as_cells(text_of(data))[:1]
    for section in find_sections(found, ["# Titre\nTexte donné à tous"]):
        oracles.encodable(section.title)
        oracles.at_most("title", len(section.title), 200)
        if not set(section.cells) <= {0} or section.words < 0:
            raise oracles.Unsafe("cells that are not there")
    guess_language(found)
    for sentence in sentences(found[0].source):
        numbers.figures(sentence)
    numbers.seconds(found[0].source), numbers.quantity(found[0].source)


@target("extraction.tables, grids, literals, rows; notebook.numbers, accuracies; stored", pieces)
def tables(data: bytes) -> None:
    """Anything that may hold a table: rectangles within the caps, and shares that are shares."""
    found = as_cells(text_of(data))
    ledger = Ledger(trainings=(evidence.training(1), evidence.training(2)))
    for grid in grids(found, ledger):
        oracles.at_most("rows", len(grid.rows), MAX_ROWS)
        oracles.at_most("columns", len(grid.header), MAX_COLUMNS)
        for row in (grid.header, *grid.rows):
            oracles.at_most("field", max(map(len, row)), MAX_FIELD)
            if len(row) != len(grid.header):
                raise oracles.Unsafe("no rectangle")
    table = find_table(found, ledger)
    for matched in match_rows(table, ledger, [evidence.model()]).rows if table else ():
        oracles.encodable(matched.label)
        if matched.accuracy is not None and not 0 <= matched.accuracy <= 1:
            raise oracles.Unsafe(f"accuracy {matched.accuracy}")
    for figure in stated(found[0].source):
        if not 0 <= figure.value <= 1 or not 0 <= figure.rounding <= 1:
            raise oracles.Unsafe(f"share {figure}")
    list(literal_tables(found[0].source))
    drifts(found, found)
    confused.from_output(found[0].source, 10, 3)


def _pictures() -> list[bytes]:
    """Small ones of each form, with what programs add."""
    made = []
    for kind, options in (("PNG", {"dpi": (72, 72)}), ("JPEG", {"comment": b"a"}), ("JPEG", {"progressive": True})):
        made.append(_file(kind, **options))
    made.append(_file("GIF", save_all=True, append_images=[Image.new("L", (9, 5), 7)], duration=9))
    return [*made, made[0] + made[1]]


def _file(kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((8, 8), 60).save(buffer, kind, **options)
    return buffer.getvalue()


@target("notebook.pictures, containers; extraction.inlaid", _pictures)
def drawings(data: bytes) -> None:
    """A picture, or none; never more of one than there was, and nothing that its library says goes further."""
    encoded = base64.b64encode(data)
    effort = pictures.Effort()
    image = pictures.opened(encoded.decode(), effort)
    if image is not None:
        oracles.at_most("pixels", image.width * image.height, pictures.MAX_PIXELS)
        if effort.left >= pictures.MAX_TOTAL_PIXELS:
            raise oracles.Unsafe("for nothing")
    source_code = b"logo = b'" + encoded + b"'\nb = 1\n"
    oracles.at_most("bytes", len(without_pictures(source_code)), len(source_code))
    without_pictures(data)


@target("notebook.source, dataset; repairs", pieces)
def code(data: bytes) -> None:
    """A code cell: a tree that can be walked, a data set's name, a repair that keeps the rest."""
    plain = reading.clean(text_of(data), reading.MAX_SOURCE)
    found = (Cell(index=0, kind=CellKind.CODE, source=plain),)
    if len(source.python(plain).split("\n")) < 1:
        raise oracles.Unsafe("no line")
    for piece in source.pieces(found):
        source.shape(piece.node)
        if piece.lines < 1:
            raise oracles.Unsafe("a piece without lines")
    wanted = recognise(found)
    if wanted is not None:
        oracles.encodable(wanted.name)
        oracles.at_most("name", len(wanted.name), 200)
    for repair in (*repairs.PASTED, repairs.python_2):
        oracles.encodable(repair(plain))


_RUBRICS = ("mnist-individuel", "classification-generique")


@cache
def _rubric(name: str) -> Any:  # noqa: ANN401
    return load(ROOT / "rubrics" / f"{name}.yaml", checks.signatures())


def _checked(name: str, given: Evidence) -> Iterable[tuple[str, Finding]]:
    """By the rubric of this name, without the linter, which is a process of its own."""
    with mock.patch.object(code_checks, "lint", return_value=None):
        return checks.run(_rubric(name), given)


@target("checks", pieces)
def checking(data: bytes) -> None:
    """All checks of both rubrics over hostile text and code: each decides by itself, and says it in plain words."""
    text = text_of(data)
    prose_, printed = as_cells(text)
    plain = reading.clean(text, reading.MAX_SOURCE)
    error = plain[:500]
    given = evidence.evidence(
        [prose_, replace(printed, source=plain), evidence.code(2, plain)],
        runs=[evidence.ran(1), evidence.raised(2, error)],
        trainings=[replace(evidence.training(1), builder=plain[:100]), evidence.training(2, arguments={"epochs": 9})],
        sections=find_sections([prose_], ()),
        table=find_table([prose_, printed], Ledger()),
        models=(evidence.model(name=plain[:200]),),
    )
    places.explanation(CellRun(index=2, state=CellState.RAISED, error=error))
    for name in _RUBRICS:
        for item, finding in _checked(name, given):
            if finding.for_teacher is not None and finding.for_teacher.text.startswith("The check failed"):
                raise oracles.Unsafe(f"{item}: {finding.for_teacher.values}")
            oracles.sentences([finding.message, finding.advice, finding.for_teacher, *finding.details])


# --- out of the rooms ------------------------------------------------------------------------------------------------


@target("frames, execution.transcript, execution.notebook, extraction.ledger", _frames)
def transcripts(data: bytes) -> None:
    """What a room says: frames or a ProtocolBreach; a transcript that always gives an execution to be read."""
    sources = [{"cell_type": "markdown", "source": ""}, {"cell_type": "code", "source": "x"}]
    document = runs.parse(json.dumps({"cells": sources, "nbformat": 4, "nbformat_minor": 5}).encode())
    store = Memory()
    events: list[Any] = []
    heard = Transcript(document, store, events.append, None)
    parser = FrameParser()
    try:
        for start in range(0, len(data), 4096):
            for one in parser.feed(data[start : start + 4096]):
                heard.hear(one)
    except ProtocolBreach as breach:
        oracles.encodable(str(breach))
    oracles.sentences(heard.notes.values())
    for text in (*heard.environment, *heard.environment.values(), *heard.changed, heard.parameters, heard.limit):
        oracles.encodable(text)
    for event in events:
        oracles.encodable(event.text)
    executed_ = runs.executed(document, heard.outputs, heard.parameters)
    json.loads(executed_, parse_constant=_refuse)
    cells(executed_)
    for run in heard.cells():
        oracles.encodable(run.error or "")


def _questions() -> Iterable[bytes]:
    parcels = (asked.contents(), asked.result(), parcel.packed({}, []), parcel.packed({"a": 1}, [np.zeros((2, 0))]))
    return [asked.body(), *parcels, asked.body() + b"\0" + asked.contents()]


@target("execution.fits, trainings, parcel", _questions)
def questions(data: bytes) -> None:
    """What a room asks about a training, and what it sends for it: a word, whatever came."""
    question, _, contents = data.partition(b"\0")

    def retrain(one: trainings.Asked, sent: bytes, seconds: float) -> None:
        if [parcel.print_of(array) for array in parcel.unpacked(sent)[1]] != one.prints:
            raise oracles.Unsafe("trained with what was not named")

    for body, sent in ((asked.body(), data), (question, contents)):
        with tempfile.TemporaryDirectory() as folder:
            known = trainings.Trainings(store=Store(Path(folder)), worth=Worth(start_seconds=0.0))
            fits = Fits(trainings=known, retrain=retrain)
            if (one := trainings.read(asked.body(), threads=2, device="cpu")) is not None:
                known.asked_before(one)
                known.took(one, 60.0)
            fits.ask(body)
            answers = [fits.contents(sent), fits.ask(body), fits.trained(sent)]
            if answers[0] != TRAIN or answers[2]:
                raise oracles.Unsafe(f"answered with {answers[0][:20]!r}")
    with suppress(parcel.Damaged):
        _, arrays_ = parcel.unpacked(data, 1 << 20)
        oracles.at_most("bytes of arrays", sum(array.nbytes for array in arrays_), 1 << 20)


def _refuse(constant: str) -> None:
    raise oracles.Unsafe(f"{constant} in JSON")


@target("extraction.ledger, tables, rows, checks", lambda: [json.dumps(LEDGER).encode()])
def ledgers(data: bytes) -> None:
    """A ledger from the kernel: a record or a gap, and every stage after it copes."""
    store = Memory()
    ledger, gaps = read_ledger(evidence.evidence().execution, store)
    execution = replace(evidence.evidence().execution, ledger=store.put(data))
    execution = replace(execution, artifacts={"fit-2.keras": store.put(_saved(json.dumps(CONFIG).encode()))})
    ledger, gaps = read_ledger(execution, store)
    measured = evidence.model(id="m2-t2", training=2, parameters=9, validation_accuracy=0.9, hidden_accuracy=0.8)
    gaps = (*gaps, *contradictions(ledger, execution, [measured], store))
    oracles.sentences(gap.reason for gap in gaps)
    table = find_table((), ledger)
    if table is not None:
        match_rows(table, ledger, [])
    given = evidence.evidence([evidence.code(0, "model.fit()")], trainings=(), table=table)
    given = replace(given, ledger=ledger)
    for item, finding in _checked(_RUBRICS[0], given):
        if finding.for_teacher is not None and finding.for_teacher.text.startswith("The check failed"):
            raise oracles.Unsafe(f"{item}: {finding.for_teacher.values}")
        oracles.sentences([finding.message, finding.advice, finding.for_teacher, *finding.details])


@target("extraction.archive", _models)
def saved(data: bytes) -> None:
    """A saved model: loaded by room 2 or refused in a sentence."""
    oracles.sentences([models.refusal(data)])


@target("extraction.archive", lambda: [json.dumps(CONFIG).encode()])
def configurations(data: bytes) -> None:
    """The configuration within a saved model."""
    content = _saved(data)
    refused, layers = models.refusal(content), models.saved_layers(content)
    oracles.sentences([refused])
    if layers and refused is not None:
        raise oracles.Unsafe("layers of a model that is refused")


def _saved(config: bytes) -> bytes:
    return zipped({"config.json": config, "model.weights.h5": b"x"}, zipfile.ZIP_STORED)


@cache
def _raw() -> Any:  # noqa: ANN401
    return np.random.default_rng(0).integers(0, 255, (24, 12, 12), dtype=np.uint8)


@target("extraction.arrays, recipes, shapes, values, likeness", _arrays)
def arrays(data: bytes) -> None:
    """A ``.npy`` from a room: an array without objects, or None; its preprocessing is found or not."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = read_npy(data)
    if found is None:
        return
    if found.dtype.hasobject:
        raise oracles.Unsafe("objects")
    oracles.at_most("bytes", found.nbytes, len(data))
    if found.dtype == np.float32 and 2 <= found.ndim <= 5 and found.size:
        recipe = infer(found, range(len(found)), _raw())
        if recipe is not None and len(recipe.found) != len(found):
            raise oracles.Unsafe("rows")


# --- to readers ------------------------------------------------------------------------------------------------------


@target("feedback.inert", pieces)
def markdown(data: bytes) -> None:
    """Markdown as HTML: elements of prose, addresses of the web, nothing hidden."""
    oracles.inert(str(inert.markdown(text_of(data), inert.Effort()) or ""), oracles.PLAIN)


@target("feedback.inert", pieces)
def html(data: bytes) -> None:
    """HTML output as a table of text, or nothing."""
    if (found := inert.table(text_of(data))) is not None:
        oracles.inert(str(found), oracles.PLAIN)
    head, _, tail = inert.shortened(inert.settled(text_of(data)))
    oracles.shown(head + tail)


@target("feedback.executed, sheet, page; messages", pieces)
def pages(data: bytes) -> None:
    """The pages that students and teachers open, with the text in every place where one of theirs may stand."""
    text = text_of(data)
    plain = reading.clean(text, 20_000)
    output = Output(kind="display", text=plain, html=plain)
    known = builders.some_cells()
    given = (replace(known[0], source=plain), replace(known[1], source=plain, outputs=(output,)), *known[2:])
    report = builders.a_report(
        evidence=builders.an_evidence(cells=given, final=None, ledger=Ledger(), models=()),
        submission=builders.a_submission(name=plain[:500]),
    )
    store = Memory()
    oracles.inert(executed(report, builders.a_rubric(), "fr", store))
    oracles.inert(sheet(report, builders.a_rubric(), "en"))


@target("feedback.handed, defused", pieces)
def handed_out(data: bytes) -> None:
    """The executed notebook as a file: valid, nothing hidden, no tag and no picture from elsewhere in its texts."""
    text = text_of(data)
    output = {"output_type": "display_data", "data": dict.fromkeys(("text/plain", "text/html", "image/png"), text)}
    stream = {"output_type": "stream", "name": "stdout", "text": text}
    cells = [
        {"cell_type": "markdown", "source": text, "attachments": {text: {"image/png": text}}},
        {"cell_type": "code", "source": text, "id": text, "outputs": [output, stream]},
    ]
    made = json.loads(handed.notebook(json.dumps({"cells": cells}).encode(), "fr"))
    nbformat.validate(made)
    for one in _texts(made):
        oracles.shown(one)
    if re.search(r"<[a-zA-Z/!?]|!\[(?![^\[\]]*\]\((?:attachment|data):)", made["cells"][0]["source"]):
        raise oracles.Unsafe("Markdown that acts")


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - whatever JSON holds
    """Every text in a value of JSON, names included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in chain(value, value.values() if isinstance(value, dict) else ()):
            yield from _texts(inner)


@target("exports.csv", pieces)
def spreadsheets(data: bytes) -> None:
    """A name in a table for spreadsheets: never a formula, always one field."""
    text = text_of(data)[:1000]
    oracles.cell(guarded(text))
    grade = builders.a_grade(name=text)
    for comma in (False, True):
        written = grades([grade], builders.a_rubric(), decimal_comma=comma)
        read = list(csv.reader(io.StringIO(written, newline=""), delimiter=";" if comma else ","))
        if len(read) != 2 or len(read[0]) != len(read[1]):
            raise oracles.Unsafe("another row or field")
        for value in read[1]:
            oracles.cell(value)


def replay(found: Mapping[str, Sequence[bytes]]) -> None:
    """Feed minimised inputs again."""
    for name, inputs in found.items():
        for data in inputs:
            TARGETS[name].feed(data)
