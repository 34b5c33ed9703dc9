"""Where code that is not ours runs."""
