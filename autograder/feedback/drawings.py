"""The figures of a sheet: they depend on evidence alone, and take longer to draw than all the rest of a grading."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

from markupsafe import Markup
from pydantic import TypeAdapter

from autograder.feedback import words
from autograder.messages import render, visible
from autograder.program import code_digest, data_digest
from autograder.recall import Memory, key, remembered
from autograder.records import Evidence, Gain, Robustness, Training, record
from autograder.store import Store, digest

DRAWN_TRAININGS: Final = 12


@dataclass(frozen=True, slots=True)
class Plot:
    svg: Markup
    caption: str
    """Also the accessible name of the SVG."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawings:
    """All figures of one sheet."""

    gain: Plot | None = None
    robustness: tuple[Plot, ...] = ()
    trainings: tuple[Plot, ...] = ()
    left_out: int = 0
    """Trainings that could be drawn and are too many."""


@record
class _Kept:
    """``Drawings`` as JSON can hold them: each figure is its SVG and its caption."""

    gain: tuple[str, str] | None
    robustness: tuple[tuple[str, str], ...]
    trainings: tuple[tuple[str, str], ...]
    left_out: int


_KEPT = TypeAdapter(_Kept)
_SHOWN = TypeAdapter(tuple[Gain | None, Robustness | None, tuple[float, ...], tuple[Training, ...], tuple[str, ...]])


def drawings(evidence: Evidence, language: str, store: Store) -> Drawings:
    """Drawn once for the same figures, whatever else the evidence says."""
    asked = key(
        "drawings",
        shown=digest(_SHOWN.dump_json(_shown_in(evidence))),
        language=language,
        packages=version("matplotlib"),
        program=[code_digest("feedback", "messages.py"), data_digest("locale")],
    )
    return _drawn(remembered(Memory(store), asked, _KEPT, lambda: _kept(draw(evidence, language))))


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
    """Pure, so equal evidence gives equal figures."""
    from autograder.feedback import plots  # matplotlib: whoever draws nothing does not wait for it

    final = evidence.final
    robust = None if final is None else final.robustness
    names = {name: render(words.corruption(name), language) for name in (robust.curves if robust else ())}
    drawable = _drawable(evidence)
    return Drawings(
        gain=None if final is None or final.gain is None else plots.gain(final.gain, evidence.baseline, language),
        robustness=() if robust is None else plots.robustness(robust, names, language),
        trainings=tuple(
            plots.training(entry, _title(entry, evidence), language) for entry in drawable[:DRAWN_TRAININGS]
        ),
        left_out=max(0, len(drawable) - DRAWN_TRAININGS),
    )


def _title(entry: Training, evidence: Evidence) -> str:
    name = {model.training: model.name for model in evidence.models}.get(entry.number)
    return f"{entry.number}. {visible(name or entry.builder or entry.model)}"


def _kept(drawn: Drawings) -> _Kept:
    def pair(plot: Plot) -> tuple[str, str]:
        return str(plot.svg), plot.caption

    return _Kept(
        gain=None if drawn.gain is None else pair(drawn.gain),
        robustness=tuple(map(pair, drawn.robustness)),
        trainings=tuple(map(pair, drawn.trainings)),
        left_out=drawn.left_out,
    )


def _drawn(kept: _Kept) -> Drawings:
    def plot(pair: tuple[str, str]) -> Plot:
        return Plot(svg=Markup(pair[0]), caption=pair[1])  # noqa: S704 - drawn by us, and named by its content

    return Drawings(
        gain=None if kept.gain is None else plot(kept.gain),
        robustness=tuple(map(plot, kept.robustness)),
        trainings=tuple(map(plot, kept.trainings)),
        left_out=kept.left_out,
    )
