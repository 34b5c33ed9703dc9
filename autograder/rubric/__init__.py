"""Rubrics as data: a YAML file is read strictly, and every problem in it is reported with its line, all at once."""

from autograder.rubric.finding import did_you_mean, find
from autograder.rubric.loading import load
from autograder.rubric.problems import CheckSpec, Parameter, adapted

__all__ = ["CheckSpec", "Parameter", "adapted", "did_you_mean", "find", "load"]
