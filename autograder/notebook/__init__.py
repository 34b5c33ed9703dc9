"""What a notebook says, read without trusting or running any of it."""

from autograder.notebook.reading import read

__all__ = ["read"]
