"""Hostile notebooks, models, hand-ins and texts, one trick each, and what the grader must do.

``python -m tests.attacks`` runs them outside of pytest and prints what became of each.
"""
