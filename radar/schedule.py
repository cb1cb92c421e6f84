"""What is asked next: one order for the watchlist, the scan and history, by what an answer is worth and how late it is."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from radar.models import Purpose

__all__ = ["Ask", "chosen", "lateness"]

NEVER_ASKED = 10.0


class Ask(NamedTuple):
    """A request that could be sent now. `value`: what an answer is worth; `late`: age over cadence, 1 when it is just due."""

    purpose: Purpose
    pool: str
    weight: int
    value: float
    late: float
    send: Callable[[], None]


def lateness(due: float | None, now: float, cadence_sec: float) -> float:
    """Age over cadence, from when it is due (monotonic seconds); what was never asked is ten times due."""
    return NEVER_ASKED if due is None else min(NEVER_ASKED, 1 + max(0.0, now - due) / cadence_sec)


def chosen(asks: Iterable[Ask], spare: Callable[[str, Purpose], int]) -> list[Ask]:
    """What to send now, the most urgent first.

    The watchlist's requests always go: the budget keeps what they need free. Of scan and history goes what fits into
    `spare(pool, purpose)`; where one does not fit, nothing lighter of its kind overtakes it.
    """
    sent: list[Ask] = []
    going: dict[str, int] = {}  # taken by what goes out now, by pool
    full: set[tuple[str, Purpose]] = set()
    for ask in sorted(asks, key=lambda ask: -ask.value * ask.late):
        kind = (ask.pool, ask.purpose)
        taken = going.get(ask.pool, 0)
        if ask.purpose != "watch" and (kind in full or spare(*kind) - taken < ask.weight):
            full.add(kind)
            continue
        sent.append(ask)
        going[ask.pool] = taken + ask.weight
    return sent
