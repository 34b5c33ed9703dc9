"""The one error for what would need a network."""

from __future__ import annotations


class NoNetwork(OSError):
    """What was asked for lies elsewhere, and a room has no way out."""
