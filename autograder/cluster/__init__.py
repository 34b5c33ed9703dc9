"""The same jobs on other machines, by Dask: what goes there, what comes back, and who is fit for it.

``session`` is this machine's side, ``worker`` the other one; a submission travels as an order, and its results as a
reply (``orders``), both with all bytes that belong to them (``bundle``).
"""

from autograder.cluster.session import Elsewhere, Session, connected, examine

__all__ = ["Elsewhere", "Session", "connected", "examine"]
