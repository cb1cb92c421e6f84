"""Windows of time, first and last ms: joined, what lies between them, and how a moment reads."""

from collections.abc import Sequence
from datetime import UTC, datetime

__all__ = ["day", "holes", "joined"]


def joined(windows: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same windows without overlaps, ascending.

    >>> joined([(5, 9), (1, 4), (20, 30)])
    [(1, 9), (20, 30)]
    """
    whole: list[tuple[int, int]] = []
    for first, last in sorted(windows):
        if whole and first <= whole[-1][1] + 1:
            whole[-1] = (whole[-1][0], max(last, whole[-1][1]))
        else:
            whole.append((first, last))
    return whole


def holes(first: int, last: int, known: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """What of [first, last] is in no known window.

    >>> holes(0, 10, [(3, 4), (8, 20)])
    [(0, 2), (5, 7)]
    """
    found = []
    for begins, ends in joined(known):
        if begins > first:
            found.append((first, min(begins - 1, last)))
        first = max(first, ends + 1)
        if first > last:
            break
    return [(a, b) for a, b in [*found, (first, last)] if a <= b]


def day(ms: int) -> str:
    """A moment in a sentence.

    >>> day(1_790_000_017_000)
    '2026-09-21 14:13 UTC'
    """
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"
