"""What a notebook that wants something from the network is told."""

from __future__ import annotations


class NoNetwork(OSError):
    """There is no network here, and what was asked for is not at hand."""
