"""The series that are gathered, each on its grid: what it is called, who knew which slot, and what nobody knew."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from radar.bars import MINUTE_MS
from radar.models import Candles
from radar.venues.binance_limits import PAGE_OI, PAGE_PERP, PAGE_SPOT

__all__ = ["ABSENT", "DAY_MS", "EXCHANGE", "FILE", "FIVE_MS", "HOUR_MS", "KEPT", "KINDS", "STORED", "Kind", "Rows", "Sheet", "columns"]

FIVE_MS, HOUR_MS, DAY_MS = 5 * MINUTE_MS, 60 * MINUTE_MS, 1440 * MINUTE_MS

PRICES = ("open", "high", "low", "close", "vol_usdt")
FILE, KEPT, STORED, EXCHANGE, ABSENT = 1, 2, 3, 4, 5
SOURCES = {FILE: "file", KEPT: "kept", STORED: "stored", EXCHANGE: "exchange"}

Rows = tuple[np.ndarray, np.ndarray]  # epoch ms, and a row of values for each


class Kind(NamedTuple):
    """One series: what it is called, its grid, and how it is asked for."""

    words: str
    step_ms: int
    page: int
    columns: tuple[str, ...]
    key: int  # the column that is known in every known row


KINDS = {
    "mark": Kind("mark prices", FIVE_MS, PAGE_PERP, PRICES, 3),
    "index": Kind("index prices", FIVE_MS, PAGE_PERP, PRICES, 3),
    "perp": Kind("last prices", FIVE_MS, PAGE_PERP, PRICES, 3),
    "spot": Kind("spot turnover", HOUR_MS, PAGE_SPOT, PRICES, 3),
    "oi": Kind("open interest", FIVE_MS, PAGE_OI, ("qty",), 0),
}


class Sheet:
    """One series on its grid: who filled which slot. The first to know a slot keeps it."""

    def __init__(self, kind: Kind, first_ms: int, end_ms: int) -> None:
        """Slots that open at `first_ms` or later and close at `end_ms` or earlier."""
        self.kind = kind
        self.ts = np.arange(-(-first_ms // kind.step_ms) * kind.step_ms, end_ms - kind.step_ms + 1, kind.step_ms, dtype=np.int64)
        self.values = np.full((len(self.ts), len(kind.columns)), np.nan)
        self.source = np.zeros(len(self.ts), dtype=np.int8)

    def lay(self, ts: np.ndarray, values: np.ndarray, source: int) -> None:
        """Fill free slots; rows off the grid or without the key column count for nothing."""
        if not len(self.ts) or not len(ts):
            return
        at, off = np.divmod(ts - self.ts[0], self.kind.step_ms)
        use = (at >= 0) & (at < len(self.ts)) & (off == 0) & ((source == ABSENT) | np.isfinite(values[:, self.kind.key]))
        use[use] = self.source[at[use]] == 0
        self.values[at[use]], self.source[at[use]] = values[use], source

    def lay_absent(self, ts: np.ndarray) -> None:
        """Say of free slots that the exchange has nothing there."""
        self.lay(ts, np.full((len(ts), len(self.kind.columns)), np.nan), ABSENT)

    def windows(self, first_ms: int, end_ms: int) -> list[tuple[int, int]]:
        """(first, last) slots of pages that cover everything unknown that closes by `end_ms`."""
        missing = self.ts[(self.source == 0) & (self.ts >= first_ms) & (self.ts + self.kind.step_ms <= end_ms)]
        found, at = [], 0
        while at < len(missing):
            inside = np.searchsorted(missing, missing[at] + self.kind.step_ms * (self.kind.page - 1), side="right") - 1
            found.append((int(missing[at]), int(missing[inside])))
            at = int(inside) + 1
        return found

    @property
    def known(self) -> np.ndarray:
        """Which slots have a value."""
        return (self.source > 0) & (self.source < ABSENT)

    @property
    def coverage(self) -> float:
        """The share of slots that have a value; 0 where there are none."""
        return float(self.known.mean()) if len(self.ts) else 0.0

    def sources(self) -> dict[str, int]:
        """How many slots each source filled."""
        return {name: n for code, name in SOURCES.items() if (n := int((self.source == code).sum()))}

    def gaps(self) -> list[tuple[int, int]]:
        """First and last slot of every hole."""
        edges = np.flatnonzero(np.diff(np.concatenate([[0], (~self.known).astype(np.int8), [0]])))
        return [(int(self.ts[a]), int(self.ts[b - 1])) for a, b in edges.reshape(-1, 2)]

    def frame(self) -> pd.DataFrame:
        """The values by time."""
        return pd.DataFrame(self.values, columns=list(self.kind.columns), index=pd.Index(self.ts, name="ts_ms"))


def columns(candles: Candles) -> Rows:
    """Candles as rows of a sheet of prices."""
    return candles.ts_ms, np.column_stack([candles.open, candles.high, candles.low, candles.close, candles.vol_usdt])
