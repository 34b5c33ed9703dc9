"""NumPy, SciPy and Python itself under the names that they have dropped."""

from __future__ import annotations

import builtins
import importlib
from collections.abc import Mapping
from functools import partial
from types import ModuleType
from typing import Any

from ..imports import Actions
from ..things import Thing
from .spelling import Name, answer, by_notebook, respell

_PYTHON = ("float", "int", "object", "str", "complex")
"""``np.float`` and so on were Python's own types."""

_NUMPY: Mapping[str, str] = {
    "Inf": "inf",
    "Infinity": "inf",
    "infty": "inf",
    "PINF": "inf",
    "NaN": "nan",
    "NAN": "nan",
    "float_": "float64",
    "complex_": "complex128",
    "unicode_": "str_",
    "string_": "bytes_",
    "bool8": "bool_",
    "int0": "intp",
    "uint0": "uintp",
    "product": "prod",
    "cumproduct": "cumprod",
    "sometrue": "any",
    "alltrue": "all",
    "in1d": "isin",
    "row_stack": "vstack",
    "trapz": "trapezoid",
    "round_": "round",
    "mat": "asmatrix",
    "find_common_type": "result_type",
    "asscalar": "ndarray.item",
    "rank": "ndim",
}
"""Name of then -> name of today."""

_PYTHON_NAMES: Mapping[str, Mapping[str, str]] = {
    "collections": {
        name: f"collections.abc.{name}"
        for name in ("Iterable", "Iterator", "Mapping", "MutableMapping", "Sequence", "MutableSequence", "Callable",
                     "Set", "Hashable", "Sized", "Container", "Generator", "MutableSet",
                     "KeysView", "ValuesView", "ItemsView")
    },
    "time": {"clock": "time.perf_counter"},
    "inspect": {"getargspec": "inspect.getfullargspec"},
    "fractions": {"gcd": "math.gcd"},
    "scipy": {
        name: f"numpy.{name}"
        for name in ("interp", "sqrt", "array", "zeros", "ones", "arange", "linspace", "mean", "std", "exp", "log",
                     "pi", "random", "sum", "dot", "argmax")
    },
    "scipy.integrate": {"trapz": "scipy.integrate.trapezoid", "simps": "scipy.integrate.simpson",
                        "cumtrapz": "scipy.integrate.cumulative_trapezoid"},
    "scipy.signal": {name: f"scipy.signal.windows.{name}" for name in ("gaussian", "hann", "hamming", "blackman")},
}  # fmt: skip
"""Module -> name that it had -> where that is today."""

_SCIPY: Mapping[str, str] = {
    f"scipy.ndimage.{part}": "scipy.ndimage"
    for part in ("interpolation", "filters", "morphology", "measurements", "fourier")
} | {
    "scipy.stats.stats": "scipy.stats",
    "scipy.signal.signaltools": "scipy.signal",
    "scipy.special.orthogonal": "scipy.special",
}


def actions(session: Thing) -> Actions:
    found: dict[str, Any] = {name: partial(_elsewhere, session, names) for name, names in _PYTHON_NAMES.items()}
    found["numpy"] = partial(_numpy, session)
    found["scipy.misc"] = partial(_misc, session)
    return found


def stand_ins(session: Thing) -> Actions:
    found: dict[str, Any] = {name: partial(_home, session, home) for name, home in _SCIPY.items()}
    found["scipy.misc"] = partial(_missing, session)
    found["imp"] = partial(_imp, session)
    return found


# --- NumPy -----------------------------------------------------------------------------------------------------------


def _numpy(session: Thing, module: ModuleType) -> None:
    answer(session, module, "np", partial(numpy_name, module))
    respell(session, module, "reshape", {"newshape": "shape"}, shown="np.reshape")
    respell(session, module, "histogram", {"normed": "density"}, shown="np.histogram")


def numpy_name(module: Thing, name: str) -> Name | None:
    """What an old name of NumPy's stands for; ``name`` is not one of today's."""
    if name in _PYTHON:
        return Name(name, lambda: getattr(builtins, name))
    if name == "NINF":
        return Name("-np.inf", lambda: -module.inf)
    if name == "asfarray":
        return Name("np.asarray(..., dtype=float)", lambda: partial(_floats, module))
    if name == "msort":
        return Name("np.sort(..., axis=0)", lambda: partial(module.sort, axis=0))
    if name == "asscalar":
        return Name("array.item()", lambda: lambda array: module.asarray(array).item())
    today = _NUMPY.get(name)
    return Name(f"np.{today}", lambda: getattr(module, today)) if today and hasattr(module, today) else None


def _floats(numpy: Thing, values: Thing, dtype: Thing = float) -> Thing:
    return numpy.asarray(values, dtype=dtype)


# --- Python and SciPy ------------------------------------------------------------------------------------------------


def _elsewhere(session: Thing, names: Mapping[str, str], module: ModuleType) -> None:
    def known(name: str) -> Name | None:
        place = names.get(name)
        if place is None:
            return None
        home, _, last = place.rpartition(".")
        return Name(place, lambda: getattr(importlib.import_module(home), last))

    answer(session, module, module.__name__, known)


def _home(session: Thing, home: str, module: ModuleType) -> None:
    """A module whose content is one floor up today."""
    _only_notebook(module)
    found = importlib.import_module(home)
    vars(module).update({name: value for name, value in vars(found).items() if not name.startswith("_")})
    session.adapt("spelling", module.__name__, home)


def _only_notebook(module: ModuleType) -> None:
    """Libraries that look for an old module and do without it are not to find it."""
    if not by_notebook():
        raise ModuleNotFoundError(f"No module named {module.__name__!r}", name=module.__name__)


def _missing(session: Thing, module: ModuleType) -> None:
    _only_notebook(module)
    _misc(session, module)


def _imp(session: Thing, module: ModuleType) -> None:
    _only_notebook(module)
    module.reload = importlib.reload  # type: ignore[attr-defined]
    session.adapt("spelling", "imp", "importlib")


def _misc(session: Thing, module: ModuleType) -> None:
    """``scipy.misc``: pictures, by Pillow as before."""
    calls = {
        "imread": _imread,
        "imsave": _imsave,
        "imresize": _imresize,
        "imrotate": _imrotate,
        "toimage": _toimage,
        "fromimage": _fromimage,
        "imshow": _imshow,
        "bytescale": _bytes,
    }

    def known(name: str) -> Name | None:
        return Name("PIL.Image", lambda: calls[name]) if name in calls else None

    answer(session, module, "scipy.misc", known)


def _bytes(array: Thing, *_arguments: Thing, **_keywords: Thing) -> Thing:
    """Values from the lowest to the highest spread over 0 to 255, unless they are bytes already."""
    import numpy

    values = numpy.asarray(array)
    if values.dtype == numpy.uint8:
        return values
    low, high = float(values.min()), float(values.max())
    return ((values - low) * (255.0 / ((high - low) or 1.0)) + 0.5).clip(0, 255).astype(numpy.uint8)


def _toimage(array: Thing, *_arguments: Thing, **_keywords: Thing) -> Thing:
    from PIL import Image

    values = _bytes(array)
    return Image.fromarray(values.transpose(1, 2, 0) if values.ndim == 3 and values.shape[0] in (3, 4) else values)


def _fromimage(image: Thing, flatten: bool = False, mode: Thing = None) -> Thing:
    import numpy

    image = image.convert(mode) if mode else image
    return numpy.array(image.convert("F") if flatten else image)


def _imread(name: Thing, flatten: bool = False, mode: Thing = None) -> Thing:
    from PIL import Image

    with Image.open(name) as image:
        return _fromimage(image, flatten, mode)


def _imsave(name: Thing, array: Thing, format: Thing = None) -> None:
    _toimage(array).save(name, format=format)


def _imshow(array: Thing) -> None:
    from matplotlib import pyplot

    pyplot.imshow(array)


def _imresize(array: Thing, size: Thing, interp: str = "bilinear", mode: Thing = None) -> Thing:
    from PIL import Image

    image = _toimage(array)
    if isinstance(size, int):  # per cent
        size = (image.height * size // 100, image.width * size // 100)
    elif isinstance(size, float):
        size = (int(image.height * size), int(image.width * size))
    return _fromimage(image.resize((size[1], size[0]), getattr(Image.Resampling, interp.upper(), 2)))


def _imrotate(array: Thing, angle: float, interp: str = "bilinear") -> Thing:
    from PIL import Image

    return _fromimage(_toimage(array).rotate(angle, resample=getattr(Image.Resampling, interp.upper(), 2)))
