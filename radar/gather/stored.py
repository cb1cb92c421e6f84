"""What the radar itself lived through or fetched, as five-minute bars."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from radar.bars import MINUTE_MS, SOURCE_5M
from radar.errors import StoreError
from radar.gather.grid import Rows
from radar.store import MarketStore

__all__ = ["Stored", "stored"]

PRICES = ["mark", "mark_high", "mark_low", "index", "index_high", "index_low", "basis_mean_pct"]


class Stored(NamedTuple):
    """Rows by series, and the mean of the five minutes' bases by the open of the bar."""

    rows: dict[str, Rows]
    basis_mean_pct: pd.Series


def stored(market: MarketStore, symbol: str, first_ms: int, end_ms: int) -> Stored:
    """Five-minute bars from the database: one that was fetched as such, or all five minutes of it."""
    try:
        minutes = market.bars(symbol, first_ms // MINUTE_MS, end_ms // MINUTE_MS)
    except StoreError:
        return Stored({}, pd.Series(dtype=float))
    oi = minutes["oi_qty"].dropna()
    minutes = minutes.dropna(subset=["mark", "index", "basis_mean_pct"])
    bars = _five_minutes(minutes[minutes.index < end_ms // MINUTE_MS])
    ts = bars.index.to_numpy(dtype=np.int64) * MINUTE_MS
    unknown = np.full(len(ts), np.nan)
    rows = {
        name: (ts, np.column_stack([unknown, bars[f"{name}_high"], bars[f"{name}_low"], bars[name], unknown])) for name in ("mark", "index")
    }
    rows["oi"] = oi.index.to_numpy(dtype=np.int64) * MINUTE_MS, oi.to_numpy().reshape(-1, 1)
    return Stored(rows, pd.Series(bars["basis_mean_pct"].to_numpy(), index=ts))


def _five_minutes(minutes: pd.DataFrame) -> pd.DataFrame:
    """Bars by the minute of their open; the mean of the bases is that of the five minutes."""
    slot, closing = minutes.index // 5 * 5, minutes.index % 5 == 4
    whole = minutes[closing & (minutes["source"] == SOURCE_5M).to_numpy()]
    how = {name: "max" if name.endswith("_high") else "min" if name.endswith("_low") else "last" for name in PRICES} | {
        "basis_mean_pct": "mean"
    }
    groups = minutes.groupby(slot)
    five = groups.agg(how)[groups.size() == 5]
    both = pd.concat([whole.set_axis(whole.index - 4)[PRICES], five])
    return both[~both.index.duplicated()].sort_index()
