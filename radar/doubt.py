"""Answers out of all proportion to the ones before: a single one proves nothing, the next one confirms it."""

from radar.models import Quote

__all__ = ["Doubt", "is_near", "is_near_quote"]

FAR = 2.0


def is_near(before: float, after: float) -> bool:
    """Neither moved by more than a factor of `FAR` from one answer to the next, nor to nothing or from it.

    >>> is_near(100, 51), is_near(100, 49), is_near(100, 0), is_near(0, 0)
    (True, False, False, True)
    """
    return before == after or (before > 0 and after > 0 and 1 / FAR <= after / before <= FAR)


def is_near_quote(before: Quote, after: Quote) -> bool:
    """Neither mark nor index is far; an unknown one is no reason for doubt."""
    pairs = ((before.mark, after.mark), (before.index, after.index))
    return all(not a or not b or is_near(a, b) for a, b in pairs)


class Doubt:
    """Numbers by name that wait for the next answer to confirm them."""

    def __init__(self) -> None:
        self._odd: dict[str, float] = {}

    def counts(self, name: str, value: float | None, known: float | None) -> bool:
        """Whether `value` may take the place of the `known` one: it is near it, or near the one that was doubted last."""
        before = self._odd.pop(name, None)
        if value is None or known is None or is_near(known, value) or (before is not None and is_near(before, value)):
            return True
        self._odd[name] = value
        return False
