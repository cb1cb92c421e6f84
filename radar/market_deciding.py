"""Which symbols of the whole market are news: the deciding of `radar.deciding`, for thousands of (alert, symbol) at once.

The same holds, cooldown and re-arm; a test holds it to `deciding.step`. A cell is an alert (row) and a symbol (column); a
moment of 0 is none.
"""

from typing import NamedTuple

import numpy as np

from radar.deciding import MINUTE_MS
from radar.models import AlertPolicy

__all__ = ["DURABLE", "Remembered", "Turned", "changed", "fresh", "rested", "step"]

DURABLE = ("known", "active", "told", "held", "opened_ms", "flipped_ms")  # what a restart must not lose; what is pending starts again


class Remembered(NamedTuple):
    """What is remembered of every (alert, symbol), as `Memory` has it; not `known`: it was never seen."""

    known: np.ndarray
    active: np.ndarray
    told: np.ndarray
    held: np.ndarray
    opened_ms: np.ndarray
    flipped_ms: np.ndarray
    pending_ms: np.ndarray
    pending_count: np.ndarray


class Turned(NamedTuple):
    """What is news, or was held back: masks of the same shape."""

    opened: np.ndarray
    cooling: np.ndarray  # it opens, and the last opening was a moment ago
    unarmed: np.ndarray  # it opens, and it had hardly been over
    ended: np.ndarray  # it is over, and its opening was news


def fresh(alerts: int, symbols: int) -> Remembered:
    """Nothing is remembered yet."""
    flags = [np.zeros((alerts, symbols), dtype=bool) for _ in range(4)]
    return Remembered(*flags, *(np.zeros((alerts, symbols), dtype=np.int64) for _ in range(4)))


def rested(before: Remembered) -> Remembered:
    """After a time in which nobody looked: what was pending did not hold, it was not seen."""
    return before._replace(pending_ms=np.zeros_like(before.pending_ms), pending_count=np.zeros_like(before.pending_count))


def changed(before: Remembered, after: Remembered) -> np.ndarray:
    """Cells of which something durable changed."""
    return np.logical_or.reduce([getattr(before, name) != getattr(after, name) for name in DURABLE])


def step(before: Remembered, holds: np.ndarray, policy: AlertPolicy, now_ms: int) -> tuple[Remembered, Turned]:
    """One evaluation of `holds` (1 holds, 0 not, −1 unknown, which neither opens nor ends anything)."""
    # A clock that was set back must not stretch a cooldown for hours.
    opened_ms, flipped_ms, pending_ms = (np.minimum(stamp, now_ms) for stamp in (before.opened_ms, before.flipped_ms, before.pending_ms))
    sees = holds >= 0
    first = sees & ~before.known  # a first look announces nothing
    differs = sees & before.known & ((holds == 1) != before.active)
    pending_ms = np.where(differs, np.where(pending_ms > 0, pending_ms, now_ms), 0)
    pending_count = np.where(differs, before.pending_count + 1, 0)
    turns = differs & (pending_count >= policy.hold_evaluations) & (now_ms - pending_ms >= policy.hold_sec * 1000)
    opens, closes = turns & ~before.active, turns & before.active
    cooling = (opened_ms > 0) & (now_ms - opened_ms < policy.cooldown_min * MINUTE_MS)
    unarmed = (flipped_ms > 0) & (now_ms - flipped_ms < policy.rearm_min * MINUTE_MS)
    too_soon = opens & (cooling | unarmed)
    late = before.known & before.active & before.held & (holds == 1) & ~cooling & ~unarmed  # it was held back, and lasts
    news = (opens & ~too_soon) | late
    after = Remembered(
        known=before.known | first,
        active=np.where(first, holds == 1, before.active ^ turns),
        told=(before.told & ~turns) | news,
        held=(before.held & ~closes & ~late) | too_soon,
        opened_ms=np.where(news, now_ms, opened_ms),
        flipped_ms=np.where(turns, now_ms, flipped_ms),
        pending_ms=np.where(turns, 0, pending_ms),
        pending_count=np.where(turns, 0, pending_count),
    )
    return after, Turned(opened=news, cooling=too_soon & cooling, unarmed=too_soon & ~cooling, ended=closes & before.told)
