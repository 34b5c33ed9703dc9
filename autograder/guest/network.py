"""What a notebook is told that asks for the network."""

from __future__ import annotations


class NoNetwork(OSError):
    """There is none where notebooks are graded."""
