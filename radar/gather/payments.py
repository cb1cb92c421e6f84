"""Funding payments of one symbol: who knew them, and of which windows all are known."""

from collections.abc import Sequence

import numpy as np

from radar.archive import Archive
from radar.bars import MINUTE_MS
from radar.errors import StoreError
from radar.funding import unbroken
from radar.gather.grid import DAY_MS
from radar.gather.kept import Kept
from radar.gather.windows import holes, joined
from radar.models import Settlement
from radar.store import MarketStore

__all__ = ["Payments"]

BEFORE_MS = 2 * DAY_MS  # the rate in force at the first bar, and the one before, whose gap tells the interval


class Payments:
    """Payments from two days before `first_ms` to `end_ms`."""

    def __init__(self, kept: Kept, first_ms: int, end_ms: int) -> None:
        self.kept, self._first_ms, self._end_ms = kept, first_ms, end_ms
        self._paid = [Settlement(ts_ms=ts, rate_pct=rate) for ts, rate in zip(kept.ts.tolist(), kept.values[:, 0].tolist(), strict=True)]
        self._known = list(kept.windows)

    def lay_stored(self, market: MarketStore, symbol: str) -> None:
        """What the collector stored: between two that it saw one after the other there is none that it lacks."""
        try:
            stored = market.settlements(symbol, 0)
        except StoreError:
            return
        if stored:
            self._paid += stored
            self._known += unbroken([payment.ts_ms for payment in stored])

    def lay_files(self, archive: Archive, symbol: str) -> None:
        """What files say wins over what was kept or stored."""
        brought, windows = archive.settlements(symbol, self._first_ms - BEFORE_MS, self._end_ms)
        self._paid += brought
        self._known += windows

    def missing(self) -> list[tuple[int, int]]:
        """Windows to ask for."""
        return holes(self._first_ms - BEFORE_MS, self._end_ms, self._known)

    def unknown(self) -> list[tuple[int, int]]:
        """Windows between the first bar and the last of which nobody knows whether there was a payment."""
        return holes(self._first_ms, self._end_ms, self._known)

    def take(self, answer: Sequence[Settlement], first_ms: int, last_ms: int) -> None:
        """Add the exchange's answer to the question for [first_ms, last_ms]."""
        self._paid += answer
        self.kept.add(np.array([s.ts_ms for s in answer], dtype=np.int64), np.array([s.rate_pct for s in answer]).reshape(-1, 1))
        if answer or last_ms - first_ms < DAY_MS:  # a day without any payment is an answer to doubt
            self._known.append((first_ms, last_ms))
            self.kept.windows = joined([*self.kept.windows, (first_ms, last_ms)])

    def paid(self) -> tuple[Settlement, ...]:
        """Each once, ascending; a payment is told by its minute, and who came last wins."""
        by_minute = {round(s.ts_ms / MINUTE_MS): s for s in self._paid}
        return tuple(s for _, s in sorted(by_minute.items()) if self._first_ms - BEFORE_MS <= s.ts_ms <= self._end_ms)
