"""Matplotlib and seaborn as they were called before: pictures fail long before a training does."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial, wraps
from types import ModuleType
from typing import Any

from ..imports import Actions
from ..things import Thing
from .spelling import Keywords, Name, answer, method, respell, safely, signed

_RENAMED_MAPS = {"spectral": "nipy_spectral", "spectral_r": "nipy_spectral_r", "Vega10": "tab10", "Vega20": "tab20"}
_SAVED: Mapping[str, None] = dict.fromkeys(("frameon", "papertype", "quality", "optimize", "progressive"))
_POSITIONAL: Mapping[str, Sequence[str]] = {
    **dict.fromkeys(
        ("barplot", "boxplot", "violinplot", "stripplot", "swarmplot", "pointplot", "countplot", "boxenplot",
         "lineplot", "scatterplot", "relplot", "catplot"),
        ("x", "y", "hue", "data"),
    ),
    **dict.fromkeys(("regplot", "residplot", "lmplot", "jointplot"), ("x", "y", "data")),
}  # fmt: skip
"""Function of seaborn -> what its arguments meant by place."""


def actions(session: Thing) -> Actions:
    return {
        "matplotlib.gridspec": partial(_grids, session),
        "matplotlib.axes._axes": partial(_axes, session),
        "matplotlib.axes._base": partial(_base, session),
        "matplotlib.figure": partial(_figures, session),
        "matplotlib.backend_bases": partial(_canvases, session),
        "matplotlib.cm": partial(_maps, session),
        "matplotlib.style": partial(_styles, session),
        "matplotlib.style.core": partial(_styles, session),
        "matplotlib.pyplot": partial(_pyplot, session),
        "matplotlib": partial(_settings, session),
        "seaborn": partial(_seaborn, session),
        "pydot": partial(_drawings, session),
    }


# --- Matplotlib ------------------------------------------------------------------------------------------------------


def _grids(session: Thing, module: ModuleType) -> None:
    """``plt.subplot(2, 20 / 2, 1)``: whole numbers, as they were cut to before."""
    begin, place = module.GridSpecBase.__init__, vars(module.SubplotSpec)["_from_subplot_args"].__func__

    @wraps(begin)
    def call(self: Thing, nrows: Thing, ncols: Thing, *arguments: Thing, **keywords: Thing) -> None:
        __tracebackhide__ = True
        begin(self, *_whole(session, "plt.subplots", (nrows, ncols)), *arguments, **keywords)

    @wraps(place)
    def from_subplot_args(figure: Thing, arguments: Thing) -> Thing:
        __tracebackhide__ = True
        if len(arguments) == 1 and isinstance(arguments[0], str) and arguments[0].isdigit():
            session.adapt("spelling", f"plt.subplot({arguments[0]!r})", f"plt.subplot({int(arguments[0])})")
            arguments = (int(arguments[0]),)
        return place(figure, _whole(session, "plt.subplot", arguments))

    module.GridSpecBase.__init__ = signed(call, begin)
    module.SubplotSpec._from_subplot_args = staticmethod(signed(from_subplot_args, place))


def _whole(session: Thing, called: str, numbers: Sequence[Any]) -> tuple[Any, ...]:
    cut = tuple(int(part) if isinstance(part, float) and math.isfinite(part) else part for part in numbers)
    if any(isinstance(part, float) for part in numbers):
        told = ", ".join(map(repr, numbers))
        session.adapt("spelling", f"{called}({told})"[:200], f"{called}({', '.join(map(repr, cut))})")
    return cut


def _histogram(value: Thing, keywords: Keywords) -> str:
    keywords["density"] = bool(value)
    return f"density={bool(value)}"


def _axes(session: Thing, module: ModuleType) -> None:
    owner = module.Axes
    respell(session, owner, "boxplot", {"labels": "tick_labels"}, shown="plt.boxplot")
    respell(session, owner, "hist", {"normed": _histogram}, shown="plt.hist")
    respell(session, owner, "hist2d", {"normed": _histogram}, shown="plt.hist2d")
    respell(session, owner, "bar", {"left": "x"}, shown="plt.bar")
    respell(session, owner, "barh", {"bottom": "y"}, shown="plt.barh")
    respell(session, owner, "stem", {"use_line_collection": None}, shown="plt.stem")
    method(session, owner, "ax.plot_date", "plt.plot(...)", _plot_date)


def _plot_date(axes: Thing, x: Thing, y: Thing, fmt: str = "o", **more: Thing) -> Thing:
    return axes.plot(x, y, fmt, **more)


def _base(session: Thing, module: ModuleType) -> None:
    owner = module._AxesBase
    respell(session, owner, "grid", {"b": "visible"}, shown="plt.grid")
    respell(session, owner, "__init__", {"axisbg": "facecolor", "axis_bgcolor": "facecolor"}, shown="plt.axes")
    method(
        session, owner, "ax.set_axis_bgcolor", "ax.set_facecolor(...)", lambda axes, color: axes.set_facecolor(color)
    )
    method(session, owner, "ax.hold", "", lambda axes, on=None: None)


def _figures(session: Thing, module: ModuleType) -> None:
    respell(session, module.Figure, "savefig", _SAVED, shown="plt.savefig")
    _laid_out(session, module.Figure)


def _laid_out(session: Thing, owner: Thing) -> None:
    original = owner.tight_layout

    @wraps(original)
    def tight_layout(self: Thing, *arguments: Thing, **keywords: Thing) -> None:
        __tracebackhide__ = True
        names = ("pad", "h_pad", "w_pad", "rect")
        if arguments:
            session.adapt("spelling", "plt.tight_layout(...)", "plt.tight_layout(pad=...)")
        original(self, **dict(zip(names, arguments, strict=False)), **keywords)

    owner.tight_layout = signed(tight_layout, original)


def _canvases(session: Thing, module: ModuleType) -> None:
    def title(canvas: Thing, text: str) -> None:
        if canvas.manager is not None:
            canvas.manager.set_window_title(text)

    method(
        session, module.FigureCanvasBase, "canvas.set_window_title", "fig.canvas.manager.set_window_title(...)", title
    )


def _map(name: Thing = None, lut: int | None = None) -> Thing:
    from matplotlib import pyplot

    return pyplot.get_cmap(name, lut)


def _maps(session: Thing, module: ModuleType) -> None:
    def known(name: str) -> Name | None:
        if name == "get_cmap":
            return Name("plt.get_cmap", lambda: _map)
        today = _RENAMED_MAPS.get(name)
        return Name(f"plt.cm.{today}", lambda: _map(today)) if today else None

    answer(session, module, "plt.cm", known)


def _styles(session: Thing, module: ModuleType) -> None:
    """``seaborn-whitegrid`` has a version in its name now."""
    if "use" not in vars(module) or not hasattr(module, "library"):
        return
    original = module.use
    if hasattr(original, "autograder"):
        return

    @wraps(original)
    def use(style: Thing) -> None:
        __tracebackhide__ = True
        listed = list(style) if isinstance(style, (list, tuple)) else [style]
        today = [_style(session, module, one) for one in listed]
        original(today if isinstance(style, (list, tuple)) else today[0])

    use.autograder = True  # type: ignore[attr-defined]
    vars(module)["use"] = signed(use, original)


def _style(session: Thing, module: ModuleType, name: Thing) -> Thing:
    if not isinstance(name, str) or name in module.library or not name.startswith("seaborn"):
        return name
    today = name.replace("seaborn", "seaborn-v0_8", 1)
    if today not in module.library:
        return name
    session.adapt("spelling", f"plt.style.use({name!r})", f"plt.style.use({today!r})")
    return today


def _pyplot(session: Thing, module: ModuleType) -> None:
    """Functions of pyplot have signatures of their own, made from those of the axes."""
    respell(session, module, "boxplot", {"labels": "tick_labels"}, shown="plt.boxplot")
    respell(session, module, "hist", {"normed": _histogram}, shown="plt.hist")
    respell(session, module, "bar", {"left": "x"}, shown="plt.bar")
    respell(session, module, "grid", {"b": "visible"}, shown="plt.grid")
    respell(session, module, "stem", {"use_line_collection": None}, shown="plt.stem")
    original = module.tight_layout

    @wraps(original)
    def tight_layout(*arguments: Thing, **keywords: Thing) -> None:
        __tracebackhide__ = True
        module.gcf().tight_layout(*arguments, **keywords)

    vars(module)["tight_layout"] = signed(tight_layout, original)
    answer(session, module, "plt", partial(_plotted, module))


def _plotted(pyplot: Thing, name: str) -> Name | None:
    if name == "hold":
        return Name("", lambda: lambda on=None: None)
    if name == "spectral":
        return Name("plt.set_cmap('nipy_spectral')", lambda: partial(pyplot.set_cmap, "nipy_spectral"))
    if name == "plot_date":
        return Name("plt.plot", lambda: lambda *given, **named: pyplot.gca().plot_date(*given, **named))
    return None


def _settings(session: Thing, module: ModuleType) -> None:
    """A setting that is gone sets nothing, where it used to be one."""
    owner = module.RcParams
    original = owner.__setitem__
    gone = ("axes.color_cycle", "text.latex.unicode", "savefig.frameon", "text.latex.preview", "animation.avconv_path",
            "verbose.level", "axes.hold", "datapath", "keymap.all_axes")  # fmt: skip

    @wraps(original)
    def put(self: Thing, key: str, value: Thing) -> None:
        if key in gone:
            session.adapt("spelling", f"plt.rcParams[{key!r}]", "")
        else:
            original(self, key, value)

    owner.__setitem__ = signed(put, original)


# --- seaborn ---------------------------------------------------------------------------------------------------------


def _seaborn(session: Thing, module: ModuleType) -> None:
    """``sns.countplot(y_train)``: what comes first was ``x``, and is ``data`` or nothing at all now."""
    for name, meant in _POSITIONAL.items():
        if hasattr(module, name):
            _placed(session, module, name, meant)

    def known(name: str) -> Name | None:
        return Name("sns.catplot", lambda: partial(module.catplot, kind="point")) if name == "factorplot" else None

    answer(session, module, "sns", known)


def _placed(session: Thing, module: ModuleType, name: str, meant: Sequence[str]) -> None:
    original = getattr(module, name)

    @wraps(original)
    def call(*arguments: Thing, **keywords: Thing) -> Thing:
        __tracebackhide__ = True
        given = safely(session, by_name, session, name, meant, arguments, keywords)
        return original(*arguments, **keywords) if given is None else original(**given)

    setattr(module, name, signed(call, original))


def by_name(
    session: Thing, name: str, meant: Sequence[str], arguments: Sequence[Any], keywords: Keywords
) -> Keywords | None:
    """Arguments by name, where they are meant in the old order; None where they are in today's."""
    first = arguments[0] if arguments else None
    if first is None or isinstance(first, dict) or type(first).__name__ == "DataFrame":
        return None
    if len(arguments) == 1 and _is_wide(first):
        return None
    placed = dict(zip(meant, arguments, strict=False))
    if len(arguments) > len(meant) or placed.keys() & keywords.keys():
        return None
    told = ", ".join(f"{key}=..." for key in placed)
    session.adapt("spelling", f"sns.{name}({', '.join('...' for _ in placed)})", f"sns.{name}({told})")
    return {**keywords, **placed}


def _is_wide(data: Thing) -> bool:
    """Several columns at once have always been ``data``."""
    nested = isinstance(data, (list, tuple)) and len(data) > 0 and hasattr(data[0], "__len__")
    return getattr(data, "ndim", 1) == 2 or (nested and not isinstance(data[0], str))


# --- pictures of models ----------------------------------------------------------------------------------------------

_PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00:~\x9bU"
    b"\x00\x00\x00\nIDATx\x9cc\xf8\x0f\x00\x01\x01\x01\x00\xb18\xf6\x14\x00\x00\x00\x00IEND\xaeB`\x82"
)
_BLANK = {"png": _PNG, "svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'}


def _drawings(session: Thing, module: ModuleType) -> None:
    """Where the program that draws graphs is missing, ``plot_model`` draws a blank picture."""
    import shutil

    original = module.Dot.create

    @wraps(original)
    def create(self: Thing, prog: Thing = None, format: str = "ps", encoding: Thing = None) -> Thing:
        __tracebackhide__ = True
        if shutil.which(prog if isinstance(prog, str) else "dot") is not None:
            return original(self, prog, format, encoding)
        session.adapt("absent", "plot_model", "")
        return _BLANK.get(format, b"")

    module.Dot.create = signed(create, original)
