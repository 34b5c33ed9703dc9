"""Figures as inline SVG: small, without identifiers that clash, colours taken from the page's style sheet."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Final, Literal, TypeGuard

import matplotlib as mpl
from babel.numbers import get_decimal_symbol
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from autograder.feedback.drawings import Plot
from autograder.messages import MINUS, render
from autograder.records import Baseline, Gain, Message, Robustness, Training, say

INK, FAINT, FIRST, SECOND = "#22303c", "#c9d1da", "#0072b2", "#d55e00"
"""Stand-ins that ``_inline`` replaces by the variables of the style sheet; the last two are Okabe and Ito's (2008)."""
_VARIABLES: Final = {INK: "currentColor", FAINT: "var(--line)", FIRST: "var(--data-1)", SECOND: "var(--data-2)"}
LARGEST: Final = 1e6
"""Figures beyond it, and those that are no numbers, are left out: they would flatten all others to a line, and an axis
that reaches 1e308 cannot be divided at all."""
POINTS: Final = 1_000
"""Of one curve; more than a page has pixels for it show nothing, and weigh."""
_DRAWING = Lock()
"""matplotlib's settings belong to the whole process."""


@dataclass(frozen=True, slots=True)
class _Look:
    """Told apart by colour, dash and marker, so that a grey print is enough."""

    color: str
    dash: str
    marker: str
    fill: Literal["full", "none"]


_YOURS = _Look(FIRST, "-", "o", "full")
_OTHER = _Look(SECOND, "--", "s", "none")


def gain(measured: Gain, baseline: Baseline | None, language: str) -> Plot | None:
    """Relative error reduction with its interval, beside the spread of the baseline's seeds in the same unit.

    None when there is none that can be drawn: a baseline without error cannot be improved.
    """
    low, high = measured.ci95.low * 100, measured.ci95.high * 100
    value = measured.relative_error_reduction * 100
    if not all(map(drawable, (value, low, high))):
        return None
    figure, axes = _figure(4.8, 1.65, 1.02, language)
    seeds = [reduction for reduction in _seed_reductions(baseline) if drawable(reduction)]
    axes.axvline(0, color=FAINT, linewidth=1.2, zorder=0)
    axes.plot([low, high], [1, 1], color=FIRST, linewidth=2.2, marker="|", markersize=10)
    axes.plot([value], [1], "o", color=FIRST, markersize=8)
    axes.plot(seeds, [0] * len(seeds), "s", color=SECOND, markersize=6, fillstyle="none")
    axes.set_ylim(-0.6, 1.6)
    axes.set_yticks([1, 0], [_in(say("Your model"), language), _in(say("Reference"), language)])
    axes.set_xlabel(_in(say("Relative error reduction on hidden images (%)"), language))
    _bounds(axes, [low, high, value, *seeds, 0.0])
    told = say(
        "Relative error reduction: {value:pct}, 95% interval {low:pct} to {high:pct}; the reference lies at 0%.",
        value=value / 100,
        low=low / 100,
        high=high / 100,
    )
    return _plot(figure, _in(say("Gain over the reference model"), language), _in(told, language), "gain")


def drawable(value: float | None) -> TypeGuard[float]:
    """Also of an int that no float can hold."""
    return value is not None and -LARGEST <= value <= LARGEST


def _in(message: Message, language: str) -> str:
    return render(message, language)


def _seed_reductions(baseline: Baseline | None) -> list[float]:
    """Each seed of the baseline against the mean of all seeds: what chance alone does."""
    if baseline is None or baseline.accuracy >= 1:
        return []
    return [100 * (1 - (1 - accuracy) / (1 - baseline.accuracy)) for accuracy in baseline.accuracies]


def _bounds(axes: Axes, values: Sequence[float]) -> None:
    margin = 0.06 * max(5.0, max(values) - min(values))
    axes.set_xlim(min(values) - margin, max(values) + margin)


def robustness(measured: Robustness, names: Mapping[str, str], language: str) -> tuple[Plot, ...]:
    """One small plot per kind of alteration, all with the same axes."""
    reference = measured.baseline_curves
    known = [*measured.curves.values(), *(reference.get(name, ()) for name in measured.curves)]
    lowest = min((value for curve in known for value in curve if drawable(value)), default=0.0)
    floor = max(0.0, 10 * int(10 * lowest - 0.5))
    return tuple(
        _curve(f"robustness-{name}", names.get(name, name), curve, reference.get(name, ()), floor, language)
        for name, curve in measured.curves.items()
    )


def _curve(
    name: str, title: str, curve: Sequence[float], reference: Sequence[float], floor: float, language: str
) -> Plot:
    figure, axes = _figure(2.9, 2.05, 0.58, language)
    left_out = sum(_line(axes, values, 100, look) for values, look in ((reference, _OTHER), (curve, _YOURS)))
    axes.set_ylim(floor, 101)
    axes.set_xticks(range(1, len(curve) + 1))
    axes.set_xlabel(_in(say("Severity"), language))
    axes.set_ylabel(_in(say("Accuracy (%)"), language))
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    told = say(
        "Accuracy by severity, mildest first. Your model: {yours}. Reference: {reference}.",
        yours=_listed(curve, language),
        reference=_listed(reference, language),
    )
    return _plot(figure, title, _in(told, language), name, _without(left_out, language))


def _listed(values: Sequence[float], language: str) -> str:
    return ", ".join(_in(Message("{value:pct}", {"value": value}), language) for value in values) or "–"


def training(entry: Training, title: str, language: str) -> Plot:
    """Accuracy and loss per epoch as the ledger recorded them, training and validation."""
    figure = Figure(figsize=(4.8, 1.95))
    left, right = figure.subplots(1, 2)
    _margins(figure, 0.56, between=0.36)
    for axes in (left, right):
        _quiet(axes, language)
        axes.set_xlabel(_in(say("Epoch"), language))
    left_out = _epochs(left, entry.history, "accuracy", 100)
    left.set_ylabel(_in(say("Accuracy (%)"), language))
    left_out += _epochs(right, entry.history, "loss", 1)
    right.set_ylabel(_in(say("Loss"), language))
    told = say(
        "After {epochs:int} {epochs:plural,epoch,epochs}: training accuracy {accuracy:pct},"
        " validation accuracy {validation:pct}.",
        epochs=entry.epochs_run,
        accuracy=_last(entry.history.get("accuracy", ())),
        validation=_last(entry.history.get("val_accuracy", ())),
    )
    return _plot(figure, title, _in(told, language), f"training-{entry.number}", _without(left_out, language))


def _epochs(axes: Axes, history: Mapping[str, Sequence[float | None]], metric: str, factor: float) -> int:
    """Draw both curves; how many of their figures could not be."""
    left_out = sum(
        _line(axes, history.get(prefix + metric, ()), factor, look)
        for prefix, look in (("", _YOURS), ("val_", _OTHER))
    )
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    return left_out


def _last(values: Sequence[float | None]) -> float | None:
    return values[-1] if values else None


# --- matplotlib ----------------------------------------------------------------------------------------------------


def _figure(width: float, height: float, left: float, language: str) -> tuple[Figure, Axes]:
    """Inches, 72 units of the view box each; ``left`` is the room for labels."""
    figure = Figure(figsize=(width, height))
    axes = figure.subplots()
    _margins(figure, left)
    _quiet(axes, language)
    return figure, axes


def _margins(figure: Figure, left: float, between: float = 0.0) -> None:
    """Fixed ones, in inches: letting matplotlib measure its labels would double the time of a drawing."""
    width, height = figure.get_size_inches()
    figure.subplots_adjust(left=left / width, right=1 - 0.16 / width, bottom=0.47 / height, top=1 - 0.1 / height)
    figure.subplots_adjust(wspace=between)


def _quiet(axes: Axes, language: str) -> None:
    """Two thin axes, a faint horizontal grid, one colour of ink."""
    axes.set_facecolor("none")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["bottom", "left"]].set_color(FAINT)
    axes.tick_params(colors=INK, length=3, width=0.8, color=FAINT)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)
    axes.grid(axis="y", color=FAINT, linewidth=0.5)
    axes.set_axisbelow(True)
    symbol = get_decimal_symbol(language)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.4g}".replace(".", symbol).replace("-", MINUS)))


def _line(axes: Axes, values: Sequence[float | None], factor: float, look: _Look) -> int:
    """A curve over 1, 2, 3 …; how many of its figures were left out: a training that diverges has losses like that."""
    shown = [(place, factor * value) for place, value in enumerate(values, 1) if drawable(value)]
    thinned = shown[:: 1 + len(shown) // POINTS]
    axes.plot(
        [place for place, _ in thinned],
        [value for _, value in thinned],
        color=look.color,
        ls=look.dash,
        marker=look.marker,
        markersize=4.5 if len(shown) <= 20 else 0,
        linewidth=1.6,
        fillstyle=look.fill,
    )
    return len(values) - len(shown)


def _without(count: int, language: str) -> str:
    """What a plot says of figures that are not in it; nothing where all are."""
    told = say("Without {count:int} {count:plural,figure,figures}: too large to be drawn, or no number.", count=count)
    return _in(told, language) if count else ""


def _plot(figure: Figure, caption: str, description: str, name: str, note: str = "") -> Plot:
    figure.patch.set_alpha(0)
    FigureCanvasSVG(figure)
    buffer = io.StringIO()
    with _DRAWING, mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "figure"}):
        figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    described = f"{description} {note}".rstrip()
    return Plot(svg=_inline(buffer.getvalue(), caption, described, name), caption=caption, note=note)


_ID = re.compile(r' id="([^"]+)"')
_REFERENCE = re.compile(r'(url\(#|href="#)')
_FONT = re.compile(r"font: ([\d.]+px)[^;\"]*")
_DROPPED = re.compile(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>|<!--.*?-->", re.DOTALL)


def _inline(document: str, title: str, description: str, name: str) -> Markup:
    """The SVG of a file as an element of a page: named for screen readers, no style sheet, no clashing identifier."""
    body = _DROPPED.sub("", document[document.index("<svg") :])
    box = re.search(r'viewBox="([^"]+)"', body)
    content = body[body.index(">") + 1 :]
    prefix = re.sub(r"[^a-z0-9]+", "-", name.lower())
    used = set(re.findall(r"(?:url\(|href=\")#([^)\"]+)", content))
    content = _ID.sub(lambda match: f' id="{prefix}-{match[1]}"' if match[1] in used else "", content)
    content = _REFERENCE.sub(rf"\g<1>{prefix}-", content).replace("xlink:href", "href")
    content = _FONT.sub(r"font-size: \1", content)
    for stand_in, variable in _VARIABLES.items():
        content = content.replace(stand_in, variable)
    head = Markup(
        '<svg class="plot" viewBox="{}" role="img" aria-labelledby="{}-title {}-desc">'
        '<title id="{}-title">{}</title><desc id="{}-desc">{}</desc>'
    ).format(box[1] if box else "0 0 1 1", prefix, prefix, prefix, title, prefix, description)
    return head + Markup(content)  # noqa: S704 - drawn by matplotlib from numbers and from words of ours
