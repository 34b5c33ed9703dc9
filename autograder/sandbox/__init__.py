"""Where code that is not ours runs: ``choose`` gives the strongest wall that holds on this machine."""

from autograder.sandbox.machine import Examination
from autograder.sandbox.probe import choose, escapes, examine, sight

__all__ = ["Examination", "choose", "escapes", "examine", "sight"]
