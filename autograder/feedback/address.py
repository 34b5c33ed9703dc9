"""Addresses of links as people should read them: the host that they lead to first, and whole."""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 120
"""Characters of a path, or of an address that is no link, that are shown."""
_WEB = re.compile(r"(?P<host>https?://(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?)(?=[/?#]|$)", re.IGNORECASE)
_MAIL = re.compile(r"mailto:[^?]{0,320}", re.IGNORECASE)
_USER = re.compile(r"(https?:[/\\]{0,9})[^/\\?#]*@", re.IGNORECASE)


def leads(address: str) -> bool:
    """Whether it may be a link: to a host of the web without a user's name before it, which could pass for the host; or
    to whom mail goes."""
    return _host(address) is not None


def shown(address: str) -> str:
    """The host, or to whom mail goes, whole; the rest shortened. A user's name before a host is left out."""
    host = _host(address)
    if host is None:
        address = _USER.sub(r"\1…@", address, count=1)
    whole = len(host or "")
    return address if len(address) <= whole + LONGEST else address[: whole + LONGEST] + "…"


def _host(address: str) -> str | None:
    if web := _WEB.match(address):
        return web["host"]
    mail = _MAIL.match(address)
    return mail[0] if mail and address[mail.end() : mail.end() + 1] in ("", "?") else None
