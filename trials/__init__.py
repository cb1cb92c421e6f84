"""Longer trials of docs/reliability.md, outside the suite: run them as `python -m trials.<name>`."""
