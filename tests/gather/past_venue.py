"""An exchange with a past and no present, for the tests of gathering."""

from collections import Counter

import numpy as np
import pandas as pd

from radar.errors import VenueBusy
from radar.models import Candles, Contract, OpenInterest, Settlement, SpotPair
from radar.venues.budget import Budget

__all__ = ["DAY", "END", "FIVE", "HOUR", "MINUTE", "NOW", "SYMBOL", "PastVenue", "index_at", "same"]

MINUTE, FIVE, HOUR, DAY = 60_000, 300_000, 3_600_000, 86_400_000
NOW = 1_790_000_000_000 // HOUR * HOUR + 77_000  # seventy-seven seconds after a full hour
END = NOW // HOUR * HOUR
SYMBOL = "CALMUSDT"


def index_at(ts):
    """The price of the index at a moment: whole numbers, so that sums are exact."""
    return 100.0 + ts // FIVE % 50


class PastVenue:
    """An exchange with a past and no present; counts what is asked, and counts weight as Binance does."""

    name, spot = "past", True

    def __init__(self, clock, *, onboard_ms=0) -> None:
        self.clock, self.budget = clock, Budget(clock)
        self.asked = []  # (series, first, last)
        self.log = []  # (monotonic, pool, weight)
        self.errors = {}  # series -> errors still to raise; an error alone: always
        self.holes = set()  # bars that never were
        self.ahead_ms = 0  # how far its clock is ahead of ours
        self.listed = [Contract(symbol=SYMBOL, base="CALM", onboard_ms=onboard_ms)]
        self.pairs = [SpotPair(symbol=SYMBOL, base="CALM", margin=True)]
        self.spot_price = 1.0  # in units of the index
        self.spot_since_ms = 0
        self.settles_h = 8

    def _asked(self, series, pool, weight, first=0, last=0):
        error = self.errors.get(series)
        if isinstance(error, list):
            error = error.pop(0) if error else None
        if error is not None:
            self.asked.append((series, first, last))
            raise error
        if not self.budget.take(pool, weight, purpose="history"):
            wait = self.budget.wait_sec(pool, weight, purpose="history")
            raise VenueBusy("full", venue="past", until_ms=self.clock.now_ms() + max(1, round(wait * 1000)))
        self.asked.append((series, first, last))
        self.log.append((self.clock.monotonic(), pool, weight))

    def _now(self):
        return self.clock.now_ms() + self.ahead_ms

    def _grid(self, step, first, last, most):
        ts = np.arange(-(-first // step) * step, min(last, self._now() - step) + 1, step, dtype=np.int64)[:most]
        return ts[[t not in self.holes for t in ts.tolist()]] if self.holes else ts

    def _bars(self, ts, factor, vol):
        close = index_at(ts) * factor
        return Candles(ts, close - 0.5, close + 1, close - 1, close, np.full(len(ts), vol))

    def server_time_ms(self):
        """Ours, or ahead of it."""
        self._asked("time", "futures", 1)
        return self._now()

    def contracts(self):
        """What is listed."""
        self._asked("contracts", "futures", 1)
        return self.listed

    def spot_pairs(self):
        """What trades spot."""
        self._asked("pairs", "spot", 20)
        return self.pairs

    def settlements(self, symbol, start_ms=None):
        """Up to 1000 from a moment on."""
        self._asked("funding", "funding", 1, start_ms or 0)
        step = self.settles_h * HOUR
        times = range(-(-(start_ms or 0) // step) * step, self._now() + 1, step)
        return [Settlement(ts_ms=ts + 2, rate_pct=0.01) for ts in times[:1000]]

    def oi_history(self, symbol, period, start_ms, end_ms):
        """Up to 500 points of the last 30 days."""
        self._asked("oi", "data", 1, start_ms, end_ms)
        ts = self._grid(FIVE, max(start_ms, self._now() - 30 * DAY + HOUR), end_ms, 500)
        return [OpenInterest(ts_ms=t, qty=float(t // FIVE % 1000 + 1)) for t in ts.tolist()]

    def candles(self, series, symbol, interval, start_ms, end_ms):
        """Up to 499 bars."""
        bars = min((end_ms - start_ms) // FIVE + 1, 499)
        self._asked(series, "futures", 1 if bars < 100 else 2, start_ms, end_ms)
        factor = {"mark": 1.01, "index": 1.0, "perp": 1.02}[series]
        return self._bars(self._grid(FIVE, start_ms, end_ms, 499), factor, 10.0 if series == "perp" else np.nan)

    def spot_candles(self, symbol, interval, start_ms, end_ms):
        """Up to 999 hours."""
        self._asked("spot", "spot", 2, start_ms, end_ms)
        ts = self._grid(HOUR, max(start_ms, self.spot_since_ms), end_ms, 999)
        close = index_at(ts + HOUR - FIVE) * self.spot_price
        return Candles(ts, close, close, close, close, np.full(len(ts), 30.0))

    def spare(self, pool):
        """As Binance's budget says."""
        return self.budget.spare(pool)

    def count(self):
        """How often each series was asked for."""
        return Counter(series for series, _, _ in self.asked)


def same(a, b):
    """Two answers hold the same numbers."""
    pd.testing.assert_frame_equal(a.bars, b.bars)
    pd.testing.assert_frame_equal(a.hours, b.hours)
    pd.testing.assert_series_equal(a.oi_qty, b.oi_qty)
    return a.settlements == b.settlements
