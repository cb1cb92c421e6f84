"""Longer trials of docs/reliability.md, outside the suite: run them as `python trials/<name>.py`."""
