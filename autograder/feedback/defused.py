"""Markdown that stays Markdown and can do nothing, whichever program shows it.

Programs read Markdown each in its own way, so nothing is parsed here: wherever a tag, an image or an address could begin,
a blank is put, which none of them allows there. In a quoted piece of code it is no more than a blank.
"""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Final

from autograder.feedback import tex
from autograder.messages import visible

_HELD = r"attachment:[^()\s<>\"'\\]{1,300}|data:image/(?:png|jpeg|gif);base64,[A-Za-z0-9+/=]+"
"""Pictures that the notebook holds itself."""
_HARMLESS = rf"https?://|mailto:|#|(?:{_HELD})\)"
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_IMAGE = re.compile(rf"!(?=\[)(?!\[[^\[\]]{{0,500}}\]\((?:{_HELD})\))")
_LINK = re.compile(rf"\](?=\()(?!\([ \t]*(?:{_HARMLESS}))", re.IGNORECASE)
_DEFINITION = re.compile(r"\](?=:)(?!:[ \t]*\n?[ \t]*(?:https?://|mailto:|#))", re.IGNORECASE)
_FENCE = re.compile(
    r"((?<!`)`{3,}|(?<!~)~{3,}|(?<!:):{3,})(?=[ \t]*(?:\{|mermaid)|[^\n`~:]{0,80}[&\\])", re.IGNORECASE
)
"""Blocks that some programs draw, load or carry out (diagrams, MyST's directives), also where an entity hides the word."""
_ROLE = re.compile(r"(\{[\w:.+-]{1,60}\})(?=`)")
"""The same within a line."""
_ENTITY = re.compile(r"&(?:#[0-9]{1,9}|#[xX][0-9a-fA-F]{1,8}|[a-zA-Z][a-zA-Z0-9]{1,31});")


def markdown(source: str) -> str:
    """The same text; tags, remote images, addresses but those of the web and of the text itself, and what asks a program
    to do something are text in it. In time that grows with its length alone."""
    text = _TAG.sub("< ", _seen(source))
    text = _IMAGE.sub("! ", text)
    text = _LINK.sub("] ", text)
    text = _DEFINITION.sub("] ", text)
    text = tex.drawn(text)
    text = _FENCE.sub(r"\1text ", text)
    return _ROLE.sub(r"\1 ", text)


def plain(source: str) -> str:
    """Text that programs put into a page as it is: without a tag, or a formula that does more than to be drawn."""
    return tex.drawn(_TAG.sub("< ", _seen(source)))


def _seen(source: str) -> str:
    """With what nobody sees shown, also where an entity stands for it."""
    return visible(_ENTITY.sub(_meant, source))


def _meant(entity: re.Match[str]) -> str:
    """The sign itself where it is unseen, or one of those that are heaped on letters."""
    sign = html.unescape(entity[0])
    hidden = len(sign) == 1 and (visible(sign) != sign or unicodedata.combining(sign) > 0)
    return sign if hidden else entity[0]
