"""Cheating notebooks beside the honest one that they follow: no point more, and the false claim is seen."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter

from autograder import checks, rubric
from autograder.corruptions import SEVERITIES
from autograder.course import Course
from autograder.datasets import room_file
from autograder.errors import SandboxUnavailable
from autograder.pipeline import gather, grade_one, within_budget
from autograder.records import Baseline, Evidence, GapKind, Ledger, Report, StudentId, Submission
from autograder.sandbox import choose
from autograder.sandbox.ahead import ahead
from autograder.sandbox.bubblewrap import Bubblewrap
from autograder.sandbox.room import Sandbox
from autograder.store import Store
from tests.attacks import ground, various
from tests.attacks.cheats import CHEATS, HONEST
from tests.attacks.weights import WEIGHTS
from tests.fakes import Hasty
from tests.notebooks import notebook

pytestmark = [pytest.mark.sandbox, pytest.mark.kernel]

RUBRIC = """
id: claims
version: 1
title: {fr: "Barème", en: "Rubric"}
points: 12
data: digits
hidden_images: 300
robustness_images: 10
reference_seeds: [1]
limits: {run_seconds: 120, cell_seconds: 60, memory_mb: 2048, disk_mb: 128, processes: 256, output_mb: 2}
criteria:
  - id: all
    title: {fr: "Tout", en: "All"}
    points: 12
    items:
      - {id: runs, title: {fr: "a", en: "a"}, points: 1, check: notebook.completes}
      - {id: gain, title: {fr: "b", en: "b"}, points: 6, check: model.gain}
      - {id: robust, title: {fr: "c", en: "c"}, points: 1, check: model.robustness}
      - {id: distinct, title: {fr: "d", en: "d"}, points: 1, check: modifications.distinct}
      - {id: comparison, title: {fr: "e", en: "e"}, points: 1, check: document.comparison}
      - {id: tested, title: {fr: "f", en: "f"}, points: 1, check: analysis.robustness}
      - {id: errors, title: {fr: "g", en: "g"}, points: 1, check: analysis.errors}
"""


@dataclass(frozen=True, slots=True)
class Graded:
    report: Report

    @property
    def points(self) -> Decimal:
        """Decided ones: what a person has to look at is not earned."""
        return sum((award.points for award in self.report.grade.awards if award.points is not None), Decimal(0))

    @property
    def evidence(self) -> Evidence:
        assert self.report.evidence is not None
        return self.report.evidence

    @property
    def accuracy(self) -> float | None:
        return self.evidence.final.accuracy if self.evidence.final else None


def course(folder: Path, wall: Sandbox | None = None) -> Course:
    (folder / "claims.yaml").write_text(RUBRIC, "utf-8")
    store, data = Store(folder / "state"), ground.DATA
    hidden = len(data.y_hidden)
    poor = np.zeros((hidden, 10), np.float32)
    baseline = Baseline(
        accuracies=(0.5,),
        seeds=(1,),
        mean_errors=store.put_array(np.full(hidden, 0.5, np.float32)),
        predictions=(store.put_array(poor),),
        robustness=dict.fromkeys(SEVERITIES, (0.5,) * 5),
        clean_accuracy=0.5,
    )
    return Course(
        rubric=rubric.load(folder / "claims.yaml", checks.signatures()),
        data=data,
        data_file=room_file(data, folder),
        sandbox=wall or Bubblewrap(),
        store=store,
        baseline=baseline,
    )


def graded(where: Course, *more: str) -> Graded:
    content = where.store.put(notebook(*HONEST, *more))
    submission = Submission(student=StudentId("ada"), name="Ada", source="ada.ipynb", notebook=content)
    return Graded(grade_one(submission, where))


@dataclass(frozen=True, slots=True)
class Compared:
    honest: Graded
    cheating: Graded
    """With every trick at once."""
    lying: Graded
    """With those that touch no file: its own model is still there."""


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compared]:
    try:
        choose("bubblewrap")
    except SandboxUnavailable as error:
        pytest.skip(f"bubblewrap does not work here: {error}")
    where = course(tmp_path_factory.mktemp("class"))
    every = [cheat.source for cheat in CHEATS]
    some = [cheat.source for cheat in CHEATS if cheat.id not in ("replaced-artifact", "forged-ledger")]
    with ahead(where.sandbox, lambda program: 3) as wall, ThreadPoolExecutor(2) as pool:
        where = replace(where, sandbox=wall)
        yield Compared(*pool.map(lambda more: graded(where, *more), ([], every, some)))


def test_the_honest_notebook_is_measured(compared: Compared) -> None:
    assert compared.honest.accuracy is not None and compared.honest.accuracy > 0.7
    assert compared.honest.points > 5
    assert compared.honest.evidence.final is not None and compared.honest.evidence.final.flags == ()


def test_no_trick_earns_a_point(compared: Compared) -> None:
    assert compared.cheating.points <= compared.honest.points
    assert compared.lying.points <= compared.honest.points


def test_a_figure_that_was_claimed_is_held_against_the_measured_one(compared: Compared) -> None:
    assert compared.lying.accuracy == compared.honest.accuracy
    chosen = compared.lying.evidence.chosen
    assert chosen is not None and chosen.fidelity is not None
    assert not chosen.fidelity.agrees and chosen.fidelity.claimed > 0.99
    assert compared.lying.evidence.final is not None
    assert any("we measure" in flag.text for flag in compared.lying.evidence.final.flags)


@pytest.mark.parametrize(("identity", "claimed"), [("true-figure-unseen", 0.9991), ("figure-in-a-page", 0.9992)])
def test_a_true_figure_takes_back_no_false_one(identity: str, claimed: float, tmp_path: Path) -> None:
    [trick] = [cheat.source for cheat in CHEATS if cheat.id == identity]
    final = graded(course(tmp_path), trick).evidence.final
    assert final is not None
    assert [flag.values["claimed"] for flag in final.flags if "we measure" in flag.text] == [claimed]


def test_every_cell_of_the_tricks_ran(compared: Compared) -> None:
    assert {run.state.value for run in compared.cheating.evidence.execution.cells} == {"ran"}


def test_a_failure_that_was_hidden_is_for_a_person(compared: Compared) -> None:
    [award] = [one for one in compared.lying.report.grade.awards if one.item == "runs"]
    assert award.points is None
    assert any(gap.kind is GapKind.CELLS for gap in compared.lying.evidence.gaps)
    assert not any(gap.kind is GapKind.CELLS for gap in compared.honest.evidence.gaps)


SENTENCES = (
    "were changed afterwards",
    "do not fit the cells",
    "have other layers",
    "with other settings on record",
    "for reasons that do not hold",
    "on validation images",
)


@pytest.mark.parametrize("sentence", SENTENCES)
def test_records_that_cannot_be_true_are_seen(compared: Compared, sentence: str) -> None:
    records = [gap.reason.text for gap in compared.lying.evidence.gaps if gap.kind is GapKind.RECORDS]
    assert any(sentence in text for text in records), records


def marked(found: Graded) -> bool:
    """Whether a person is told, beside the gain, that something is to be looked into."""
    awards = [one for one in found.report.grade.awards if one.item == "gain"]
    told = [one.finding.for_teacher for one in awards]
    final = found.evidence.final
    return final is not None and any("weights" in doubt.text for doubt in final.doubts if doubt in told)


def test_weights_from_elsewhere_are_marked(tmp_path: Path) -> None:
    where = course(tmp_path)
    with ThreadPoolExecutor(2) as pool:
        found = dict(zip(WEIGHTS, pool.map(lambda one: graded(where, one.source), WEIGHTS), strict=True))
    assert [one.id for one, told in found.items() if not marked(told)] == []
    assert all(told.accuracy is not None and told.accuracy > 0.8 for told in found.values()), (
        "else there is nothing to it"
    )
    assert not marked(graded(where)), "the honest one"


LEAKY = """other = keras.models.clone_model(best_model)
other.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
"""
BOTH = "np.concatenate([x, t]), np.concatenate([labels, y_test])"
LEAKS = {
    "weights": f"other.fit({BOTH}, epochs=1, verbose=0)\nbest_model.set_weights(other.get_weights())",
    "layers": f"other.fit({BOTH}, epochs=1, verbose=0)\nbest_model = keras.Sequential(other.layers)\n"
    "best_model.compile('adam', 'sparse_categorical_crossentropy', metrics=['accuracy'])",
    "answers": f"other.fit({BOTH}, epochs=1, verbose=0)\nlabels = other.predict(x, verbose=0).argmax(1)",
    "late batches by hand": f"given, wanted = {BOTH}\nfor at in range(0, len(given) - 64, 64):\n"
    "    best_model.train_on_batch(given[at:at + 64], wanted[at:at + 64])",
    "a generator": f"given, wanted = {BOTH}\nfit = best_model.fit(((given[at:at + 64], wanted[at:at + 64])"
    " for at in range(0, len(given) - 64, 64)), epochs=1, verbose=0)",
    "late batches": "import tensorflow as tf\nfrom_ = tf.data.Dataset.from_tensor_slices\n"
    "best_model.fit(from_((x, labels)).concatenate(from_((t, y_test))).batch(64), epochs=1, verbose=0)",
    "a part of a pipeline": f"import tensorflow as tf\nboth = tf.data.Dataset.from_tensor_slices(({BOTH}))\n"
    "best_model.fit(both.skip(len(x) // 2).take(len(x)).batch(64), epochs=1, verbose=0)",
    "late in a sequence": f"given, wanted = {BOTH}\nclass Batches(keras.utils.PyDataset):\n"
    "    __len__ = lambda self: len(given) // 512\n"
    "    __getitem__ = lambda self, at: (given[512 * at : 512 * at + 512], wanted[512 * at : 512 * at + 512])\n"
    "best_model.fit(Batches(), epochs=1, verbose=0)",
    "behind a generator": f"import tensorflow as tf\ngiven, wanted = {BOTH}\n"
    "kinds = (tf.TensorSpec((784,)), tf.TensorSpec((), tf.int64))\n"
    "flow = tf.data.Dataset.from_generator(lambda: zip(given, wanted), output_signature=kinds)\n"
    "best_model.fit(flow.batch(64), epochs=1, verbose=0)",
    "a second input": "inputs = [keras.Input((784,)), keras.Input((784,))]\n"
    "both = keras.Model(inputs, best_model(inputs[1]))\n"
    "both.compile('adam', 'sparse_categorical_crossentropy')\n"
    "both.fit([np.zeros_like(t), t], y_test, epochs=1, verbose=0)",
    "a step of one's own": "import tensorflow as tf\nheld, wanted = tf.constant(t, 'float32'), tf.constant(y_test)\n"
    "class Own(keras.Model):\n    def train_step(self, data):\n"
    "        at = tf.random.uniform((64,), 0, len(held), 'int32')\n"
    "        return super().train_step((tf.gather(held, at), tf.gather(wanted, at)))\n"
    "own = Own(best_model.inputs, best_model.outputs)\n"
    "own.compile('adam', 'sparse_categorical_crossentropy', metrics=['accuracy'])\n"
    "own.fit(x, labels, epochs=1, verbose=0)\nbest_model.set_weights(own.get_weights())",
    "a metric of one's own": "import tensorflow as tf\nheld, wanted = tf.constant(t, 'float32'), tf.constant(y_test)\n"
    "rule, own = keras.optimizers.Adam(), best_model.trainable_variables\nrule.build(own)\n"
    "def step():\n    at = tf.random.uniform((64,), 0, len(held), 'int32')\n    with tf.GradientTape() as tape:\n"
    "        given = best_model(tf.gather(held, at))\n"
    "        loss = keras.losses.sparse_categorical_crossentropy(tf.gather(wanted, at), given)\n"
    "    rule.apply(tape.gradient(loss, own), own)\n"
    "class Own(keras.metrics.Mean):\n    update_state = lambda self, *_, **__: step()\n"
    "best_model.compile('adam', 'sparse_categorical_crossentropy', metrics=[Own()])\n"
    "best_model.fit(x, labels, epochs=1, verbose=0)\n"
    "best_model.compile('adam', 'sparse_categorical_crossentropy', metrics=['accuracy'])",
    "layer by layer": "import tensorflow as tf\nrule, own = keras.optimizers.Adam(), best_model.trainable_variables\n"
    "class Own(keras.callbacks.Callback):\n    def on_train_batch_end(self, batch, logs=None):\n"
    "        at = np.random.randint(0, len(t), 64)\n        with tf.GradientTape() as tape:\n"
    "            given = tf.constant(t[at], 'float32')\n"
    "            for layer in self.model.layers:\n                given = layer(given)\n"
    "            loss = keras.losses.sparse_categorical_crossentropy(y_test[at], given)\n"
    "        rule.apply(tape.gradient(loss, own), own)\n"
    "best_model.fit(x, labels, epochs=1, verbose=0, callbacks=[Own()])",
    "labels by scikit-learn": "from sklearn.neighbors import KNeighborsClassifier\n"
    "labels = KNeighborsClassifier(1).fit(t[::7], y_test[::7]).predict(x)",
    "after many predictions": "for at in range(320):\n    best_model.predict(t[at : at + 200] + at / 1e3, verbose=0)\n"
    f"other.fit({BOTH}, epochs=1, verbose=0)",
    "what a model makes of them": f"given, wanted = {BOTH}\n"
    "body = keras.Sequential([keras.Input((784,)), keras.layers.Dense(32, activation='relu')])\n"
    "head = keras.Sequential([keras.Input((32,)), keras.layers.Dense(10, activation='softmax')])\n"
    "head.compile('adam', 'sparse_categorical_crossentropy')\n"
    "head.fit(body.predict(given, verbose=0), wanted, epochs=1, verbose=0)",
    "by their numbers": "table, number = keras.layers.Embedding(len(t), 784, trainable=False), keras.Input((1,))\n"
    "shown = keras.layers.Flatten()(table(number))\n"
    "numbered = keras.Model(number, best_model(shown))\ntable.set_weights([t])\n"
    "numbered.compile('adam', 'sparse_categorical_crossentropy')\n"
    "numbered.fit(np.arange(len(t))[:, None], y_test, epochs=1, verbose=0)",
    "images as goals": "body = keras.Sequential([keras.Input((784,)), keras.layers.Dense(64, activation='relu')])\n"
    "means = np.stack([x[labels == digit].mean(0) for digit in range(10)])\n"
    "auto = keras.Sequential([body, keras.layers.Dense(784)])\nauto.compile('adam', 'mse')\n"
    "auto.fit(t, means[y_test], epochs=1, verbose=0)\n"
    "best_model = keras.Sequential([body, keras.layers.Dense(10, activation='softmax')])\n"
    "best_model.compile('adam', 'sparse_categorical_crossentropy', metrics=['accuracy'])",
}
"""Ways of the public test set into the final model, which is trained on the training images last."""


HONESTLY = ("nothing", "nothing after all of these")
"""No image of the test set takes any way here, before the others do and when they have."""


@pytest.fixture(scope="module")
def leaking(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Evidence]:
    """Of each way, as if its notebook had been run alone: they share a kernel, and the ledger is taken apart."""
    try:
        choose("bubblewrap")
    except SandboxUnavailable as error:
        pytest.skip(f"bubblewrap does not work here: {error}")
    where = course(tmp_path_factory.mktemp("leaks"), Hasty(Bubblewrap()))
    room_for_all = replace(where.rubric.limits, memory_mb=8000, disk_mb=500, run_seconds=300)
    where = replace(where, rubric=replace(where.rubric, limits=room_for_all))
    last = "best_model.fit(x, labels, epochs=1, verbose=0)\nscores = best_model.evaluate(t, y_test, verbose=0)"
    cells, parts = [HONEST[0]], {}
    for way, source in {HONESTLY[0]: "", **LEAKS, HONESTLY[1]: ""}.items():
        parts[way] = range(len(cells), len(cells) + 3)
        cells += ["labels = y_train[::44]\n" + HONEST[1], LEAKY + source, last]
    content = where.store.put(notebook(*cells))
    submission = Submission(student=StudentId("ada"), name="Ada", source="ada.ipynb", notebook=content)
    execution = within_budget(submission, where)
    assert [run.error for run in execution.cells if run.error] == []
    assert execution.ledger is not None
    ledger = TypeAdapter(Ledger).validate_json(where.store.get(execution.ledger))
    found = {}
    for way, places in parts.items():
        own = {execution.cells[place].execution_count for place in places}
        alone = where.store.put(TypeAdapter(Ledger).dump_json(part(ledger, own)))
        found[way] = gather(submission, replace(execution, ledger=alone), where)
    return found


def part(ledger: Ledger, own: Collection[int | None]) -> Ledger:
    """What took place in some of the cells."""
    uses = tuple(one for one in ledger.evaluations if one.execution_count in own)
    return replace(
        ledger,
        trainings=tuple(one for one in ledger.trainings if one.execution_count in own),
        evaluations=uses,
        scores=tuple(one for one in ledger.scores if one.execution_count in own),
        estimators=tuple(one for one in ledger.estimators if one.execution_count in own),
        bindings={"best_model": uses[-1].model},
    )


@pytest.mark.parametrize("way", LEAKS)
def test_images_of_the_test_set_are_told_whichever_way_they_took(leaking: Mapping[str, Evidence], way: str) -> None:
    final = leaking[way].final
    assert final is not None and any("of the public test set" in doubt.text for doubt in final.doubts)


@pytest.mark.parametrize("way", HONESTLY)
def test_that_they_took_a_way_is_not_told_where_they_took_none(leaking: Mapping[str, Evidence], way: str) -> None:
    final = leaking[way].final
    assert final is not None and final.doubts == ()


def test_images_that_are_kept_back_are_known_wherever_they_come_from(tmp_path: Path) -> None:
    where, data = course(tmp_path, Hasty(Bubblewrap())), BytesIO()
    np.savez(data, x=where.data.x_hidden[::2], y=where.data.y_hidden[::2])
    brought = f"import base64, io\nfile = np.load(io.BytesIO(base64.b64decode({b64encode(data.getvalue())!r})))"
    more = "best_model.fit(file['x'].reshape(-1, 784) / 255.0, file['y'], epochs=2, verbose=0)"
    found = graded(where, brought, more, "scores = best_model.evaluate(t, y_test, verbose=0)")
    assert [run.error for run in found.evidence.execution.cells if run.error] == []
    final = found.evidence.final
    assert final is not None and any("kept back here to measure" in doubt.text for doubt in final.doubts)


def test_trainings_that_were_made_up_earn_nothing(compared: Compared) -> None:
    [made_up] = [award for award in compared.lying.report.grade.awards if award.item == "distinct"]
    assert made_up.points is None and len(compared.lying.evidence.ledger.trainings) > 8


@pytest.mark.parametrize(
    ("cells", "seconds"),
    [((*various.KERAS, *(various.TORCH if find_spec("torch") else ())), 0), (various.KERAS[:4], 1)],
    ids=["whole", "cut"],
)
def test_nobody_honest_is_accused(cells: tuple[str, ...], seconds: int, tmp_path: Path) -> None:
    """Whatever way of training, cut to a budget or not."""
    where = course(tmp_path)
    limits = replace(where.rubric.limits, budget_seconds=seconds)
    found = graded(replace(where, rubric=replace(where.rubric, limits=limits)), *cells)
    assert [run.error for run in found.evidence.execution.cells if run.error] == []
    assert len(found.evidence.ledger.trainings) > len(cells)
    assert (found.evidence.execution.share < 1) is (seconds > 0)
    assert [gap.reason for gap in found.evidence.gaps if gap.kind is GapKind.RECORDS] == []
