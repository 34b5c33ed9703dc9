"""What the attributes of an HTML element do to the text in it: whether a reader still sees it.

Nothing is drawn. What is not understood is taken to be seen: a banner keeps its white text on whatever it stands on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from PIL import ImageColor

Colour = tuple[float, float, float]

UNSEEN: Final = 32
"""Text whose colour is as near to that of its ground, in each of red, green and blue out of 255, is not seen."""
TINY: Final = 4.0
"""Pixels: smaller letters are not read."""
OUTSIDE: Final = 500.0
"""Pixels to the left or above: beside the page."""

_USUAL = 14.0
_UNITS: Final[Mapping[str, float]] = {
    **{"px": 1, "": 1, "pt": 4 / 3, "pc": 16, "in": 96, "cm": 37.8, "mm": 3.78, "q": 0.945, "rem": _USUAL},
    **dict.fromkeys(("vw", "vh", "vmin", "vmax"), 10),
}
_RELATIVE: Final[Mapping[str, float]] = {"em": 1, "%": 0.01, "ex": 0.5, "ch": 0.5}
_NUMBER = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)([a-z]{1,5}|%)?")
_COMMENT = re.compile(r"/\*[^*]*+\*++(?:[^/*][^*]*+\*++)*+/")
_ESCAPE = re.compile(r"\\(?:([0-9a-f]{1,6})\s?|(.))", re.I | re.S)
_SHADE = re.compile(r"#[0-9a-f]{3,8}|[a-z-]{2,20}\([^()]*\)|[a-z]{3,24}")


@dataclass(frozen=True, slots=True)
class Look:
    """How text looks that stands in an element, by all that the elements around it say."""

    gone: bool = False
    invisible: bool = False
    """By ``visibility``, which an element within may take back."""
    clear: float = 1.0
    """1 for letters that let nothing through, 0 for none."""
    size: float = _USUAL
    ink: Colour = (0, 0, 0)
    ink_clear: float = 1.0
    ground: tuple[Colour, ...] = ((255, 255, 255),)
    """The colours that may be behind it; none where that is not known."""

    @property
    def hidden(self) -> bool:
        if self.gone or self.invisible or self.size < TINY:
            return True
        clear = self.clear * self.ink_clear
        if clear < 0.01:
            return True
        return bool(self.ground) and all(_near(_over(self.ink, clear, ground), ground) for ground in self.ground)


def within(look: Look, tag: str, attributes: Mapping[str, str]) -> Look:
    """The look of what stands in an element; the same object where its attributes say nothing about it."""
    style = _declared(attributes.get("style", ""))
    for attribute, name in (("color", "color"), ("bgcolor", "background-color")):
        if attribute in attributes and (attribute == "bgcolor" or tag == "font"):
            style.setdefault(name, _legacy(attributes[attribute]))
    if tag == "mark":
        style.setdefault("background-color", "yellow")
    if ("hidden" in attributes or "popover" in attributes) and "display" not in style:
        style["display"] = "none"
    if not style:
        return look
    told = replace(look, gone=look.gone or _removed(style, look.size))
    if "visibility" in style:
        told = replace(told, invisible=style["visibility"] in ("hidden", "collapse"))
    told = replace(told, clear=told.clear * _opacity(style), size=_size(style, look.size))
    told = _coloured(told, style)
    return look if told == look else told


def _declared(style: str) -> dict[str, str]:
    text = _ESCAPE.sub(lambda match: _sign(match[1]) if match[1] else match[2], _COMMENT.sub("", style)).lower()
    found: dict[str, str] = {}
    for part in text.split(";"):
        name, colon, value = part.partition(":")
        if colon:
            found[name.strip()] = value.replace("!important", "").strip()
    return found


def _sign(code: str) -> str:
    number = int(code, 16)
    return chr(number) if number < 0x110000 else ""


def _legacy(colour: str) -> str:
    """Colours of old attributes do without ``#``."""
    return f"#{colour.strip()}" if re.fullmatch(r"\s*(?:[0-9a-f]{3}|[0-9a-f]{6})\s*", colour, re.I) else colour.lower()


def _removed(style: Mapping[str, str], size: float) -> bool:
    """Not laid out, of no size with the rest cut off, or beside the page."""
    if style.get("display") == "none" or style.get("content-visibility") == "hidden":
        return True
    if any(name.startswith("overflow") and value != "visible" for name, value in style.items()):
        sides = ("height", "max-height", "width", "max-width")
        if any(0 <= length <= 2 for side in sides for length in _lengths(style.get(side, ""), size)):
            return True
    moved = ("text-indent", "left", "top", "right", "bottom", "margin", "margin-left", "margin-top")
    if any(length <= -OUTSIDE for side in moved for length in _lengths(style.get(side, ""), size)):
        return True
    scaled = [
        *re.findall(r"scale\w*\(\s*([\d.]+)", style.get("transform", "")),
        style.get("zoom", ""),
        style.get("scale", ""),
    ]
    if any(_figure(text) < TINY / _USUAL for text in scaled):
        return True
    cut = style.get("clip", "") if style.get("clip", "").startswith("rect") else style.get("clip-path", "")
    figures = [(float(number), unit) for number, unit in _NUMBER.findall(cut[:200])]
    whole = cut.startswith("inset") and any(unit == "%" and number >= 50 for number, unit in figures)
    return whole or (bool(figures) and all(abs(number) <= 2 for number, _ in figures))


def _figure(text: str) -> float:
    """A factor, also as a percentage; 1 for what is none."""
    found = _NUMBER.match(text.strip())
    return float(found[1]) * (0.01 if found[2] == "%" else 1) if found else 1.0


def _lengths(value: str, size: float) -> Iterator[float]:
    """In pixels."""
    for number, unit in _NUMBER.findall(value[:200]):
        if unit in _UNITS:
            yield float(number) * _UNITS[unit]
        elif unit in _RELATIVE and unit != "%":
            yield float(number) * _RELATIVE[unit] * size
        elif unit == "%" and not float(number):
            yield 0.0


def _opacity(style: Mapping[str, str]) -> float:
    filtered = re.search(r"opacity\(\s*([\d.]+%?)", style.get("filter", ""))
    clear = _figure(style.get("opacity", "")) * (_figure(filtered[1]) if filtered else 1)
    return min(1.0, max(0.0, clear))


def _size(style: Mapping[str, str], size: float) -> float:
    """In pixels; keywords such as ``xx-small`` are all large enough to be read."""
    value = style.get("font-size", style.get("font", ""))[:200]
    for number, unit in _NUMBER.findall(value):
        if "font-size" in style and unit in _RELATIVE:
            return min(1e6, float(number) * _RELATIVE[unit] * size)
        if unit in _RELATIVE and unit:
            return min(1e6, float(number) * _RELATIVE[unit] * size)
        if unit in _UNITS and (unit or not float(number)):
            return min(1e6, float(number) * _UNITS[unit])
    return size if "font-size" not in style or value in ("inherit", "smaller", "larger", "") else _named(value, size)


def _named(value: str, size: float) -> float:
    return _USUAL if re.fullmatch(r"(?:x{1,3}-)?(?:small|large)|medium|initial|unset", value) else size


# --- colours -------------------------------------------------------------------------------------------------------


def _coloured(look: Look, style: Mapping[str, str]) -> Look:
    ground = look.ground
    for name in ("background", "background-color", "background-image"):
        if name in style:
            ground = _ground(style[name], ground)
    if any(style.get(name, "none") != "none" for name in ("text-shadow", "-webkit-text-stroke")):
        ground = ()  # drawn around, white letters are seen on white
    ink, clear = look.ink, look.ink_clear
    told = _colour(style.get("-webkit-text-fill-color", style.get("color", "")))
    if told:
        ink, clear = told
    return replace(look, ground=ground, ink=ink, ink_clear=clear)


def _ground(value: str, behind: tuple[Colour, ...]) -> tuple[Colour, ...]:
    if "url(" in value:
        return ()
    inner = value
    if "gradient(" in value:
        inner = value.replace("gradient(", " ").replace("linear-", " ").replace("radial-", " ").replace("conic-", " ")
    shades = [told for part in _SHADE.findall(inner[:1000]) if (told := _colour(part))]
    if not shades and re.search(r"gradient\(|var\(|[a-z]+\(", value):
        return ()
    if not shades:
        return behind
    return tuple({_over(shade, clear, ground) for shade, clear in shades[:20] for ground in behind[:20]})


def _colour(value: str) -> tuple[Colour, float] | None:
    """A colour and how much of it covers; None for what is none."""
    value = value.strip()[:60]
    if value == "transparent":
        return (0, 0, 0), 0.0
    space, _, inner = value.partition("(")
    numbers = _NUMBER.findall(inner)
    clear = min(1.0, max(0.0, _figure("".join(numbers[3])))) if len(numbers) > 3 else 1.0
    if len(numbers) >= 3 and (known := _in_space(space, [float(number) for number, _ in numbers[:3]], inner)):
        return known, clear
    if len(numbers) >= 3 and space.startswith(("rgb", "hsl")):
        first, second, third = (number + (unit if unit == "%" else "") for number, unit in numbers[:3])
        value = f"{space[:3]}({first},{second},{third})"
    try:
        red, green, blue, *rest = (min(255, max(0, part)) for part in ImageColor.getrgb(value))
    except ValueError:
        return None
    return (red, green, blue), rest[0] / 255 if rest else clear


def _in_space(space: str, figures: list[float], inner: str) -> Colour | None:
    """Of the newer notations only how light they are is read, which tells white from the rest."""
    scale = 2.55 if "%" in inner or space in ("lab", "lch") else 255.0
    if space in ("lab", "lch", "oklab", "oklch"):
        grey = min(255.0, max(0.0, figures[0] * scale))
        return grey, grey, grey
    if space == "hwb":
        white = min(255.0, max(0.0, figures[1] * 2.55))
        return (white, white, white) if white > 255 - UNSEEN else None
    if (space in ("rgb", "rgba") and "%" not in inner) or space == "color":
        factor = 1.0 if space != "color" else scale
        red, green, blue = (min(255.0, max(0.0, figure * factor)) for figure in figures)
        return red, green, blue
    return None


def _over(ink: Colour, clear: float, ground: Colour) -> Colour:
    red, green, blue = (mine * clear + behind * (1 - clear) for mine, behind in zip(ink, ground, strict=True))
    return red, green, blue


def _near(one: Colour, other: Colour) -> bool:
    return all(abs(mine - its) <= UNSEEN for mine, its in zip(one, other, strict=True))
