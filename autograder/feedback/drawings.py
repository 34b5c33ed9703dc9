"""The figures of a sheet: they depend on evidence alone, and take longer to draw than all the rest of a grading."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import version
from typing import Final, TypeAlias, TypeVar

from markupsafe import Markup
from pydantic import TypeAdapter

from autograder.adapters import adapter
from autograder.feedback import words
from autograder.messages import render, visible
from autograder.program import code_digest, data_digest
from autograder.recall import Memory, key, remembered
from autograder.records import Evidence, Gain, Robustness, Training, record
from autograder.store import Store, digest

T = TypeVar("T")

DRAWN_TRAININGS: Final = 12


@dataclass(frozen=True, slots=True)
class Plot:
    svg: Markup
    caption: str
    """Also the accessible name of the SVG."""
    note: str = ""
    """What is not in it, as text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawings:
    """All figures of one sheet."""

    gain: Plot | None = None
    robustness: tuple[Plot, ...] = ()
    trainings: tuple[Plot, ...] = ()
    left_out: int = 0
    """Trainings that could be drawn and are too many."""
    failed: int = 0
    """Figures whose drawing failed."""


_Text: TypeAlias = tuple[str, str, str]


@record
class _Kept:
    """``Drawings`` as JSON can hold them: each figure is its SVG, its caption and its note."""

    gain: _Text | None
    robustness: tuple[_Text, ...]
    trainings: tuple[_Text, ...]
    left_out: int
    failed: int


_SHOWN = TypeAdapter(tuple[Gain | None, Robustness | None, tuple[float, ...], tuple[Training, ...], tuple[str, ...]])


@cache
def _drawn_by() -> str:
    """To ask takes a hundredth of a second, for each student."""
    return version("matplotlib")


def drawings(evidence: Evidence, language: str, store: Store) -> Drawings:
    """Drawn once for the same figures, whatever else the evidence says."""
    asked = key(
        "drawings",
        shown=digest(_SHOWN.dump_json(_shown_in(evidence))),
        language=language,
        packages=_drawn_by(),
        program=[code_digest("feedback", "messages.py", "unseen.py"), data_digest("locale")],
    )
    return _drawn(remembered(Memory(store), asked, adapter(_Kept), lambda: _kept(draw(evidence, language))))


def _shown_in(
    evidence: Evidence,
) -> tuple[Gain | None, Robustness | None, tuple[float, ...], tuple[Training, ...], tuple[str, ...]]:
    """All of the evidence that ``draw`` looks at."""
    final, baseline = evidence.final, evidence.baseline
    trainings = _drawable(evidence)
    return (
        None if final is None else final.gain,
        None if final is None else final.robustness,
        () if baseline is None else baseline.accuracies,
        trainings,
        tuple(_title(entry, evidence) for entry in trainings),
    )


def _drawable(evidence: Evidence) -> tuple[Training, ...]:
    return tuple(entry for entry in evidence.ledger.trainings if entry.history)


def draw(evidence: Evidence, language: str) -> Drawings:
    """Pure, so equal evidence gives equal figures. One that fails costs itself, and no sheet."""
    from autograder.feedback import plots  # matplotlib: whoever draws nothing does not wait for it

    final = evidence.final
    gain = None if final is None else final.gain
    robust = None if final is None else final.robustness
    names = {name: render(words.corruption(name), language) for name in (robust.curves if robust else ())}
    trainings = _drawable(evidence)
    failures: list[Exception] = []

    def tried(draw: Callable[[], T]) -> T | None:
        try:
            return draw()
        except Exception as error:  # matplotlib promises nothing about figures that nobody would draw
            failures.append(error)
            return None

    return Drawings(
        gain=None if gain is None else tried(lambda: plots.gain(gain, evidence.baseline, language)),
        robustness=() if robust is None else tried(lambda: plots.robustness(robust, names, language)) or (),
        trainings=tuple(
            plot
            for entry in trainings[:DRAWN_TRAININGS]
            if (plot := tried(partial(plots.training, entry, _title(entry, evidence), language))) is not None
        ),
        left_out=max(0, len(trainings) - DRAWN_TRAININGS),
        failed=len(failures),
    )


def _title(entry: Training, evidence: Evidence) -> str:
    name = {model.training: model.name for model in evidence.models}.get(entry.number)
    return f"{entry.number}. {visible(name or entry.builder or 'model')}"


def _kept(drawn: Drawings) -> _Kept:
    def text(plot: Plot) -> _Text:
        return str(plot.svg), plot.caption, plot.note

    return _Kept(
        gain=None if drawn.gain is None else text(drawn.gain),
        robustness=tuple(map(text, drawn.robustness)),
        trainings=tuple(map(text, drawn.trainings)),
        left_out=drawn.left_out,
        failed=drawn.failed,
    )


def _drawn(kept: _Kept) -> Drawings:
    def plot(text: _Text) -> Plot:
        return Plot(svg=Markup(text[0]), caption=text[1], note=text[2])  # noqa: S704 - drawn by us, and named by its content

    return Drawings(
        gain=None if kept.gain is None else plot(kept.gain),
        robustness=tuple(map(plot, kept.robustness)),
        trainings=tuple(map(plot, kept.trainings)),
        left_out=kept.left_out,
        failed=kept.failed,
    )
