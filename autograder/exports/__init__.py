"""Forms in which other programs take grades."""

from autograder.exports import csv, gradescope, record

__all__ = ["csv", "gradescope", "record"]
