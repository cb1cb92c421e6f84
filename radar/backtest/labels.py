"""What happened after each decision (method 4): how far price went against a short, how soon, and what a day of it earned.

A decision at t knows nothing of what stands here: entry is the open of the candle that opens at t, everything else lies
after it. Only `sd24_pct`, the yardstick of the vol-scaled event, looks back, and only back.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from radar.models import Settlement

__all__ = ["EVENTS", "LABELS", "PRIMARY", "Costs", "Event", "episodes", "full_hours", "label", "labelled", "sd24_pct"]

EPS = 1e-9  # touching counts (method B7)
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
HOLD_H = 24  # a short is held for a day
FUNDING_H = 8  # the longest interval Binance settles at
MISSING_SHARE = 0.02  # of the horizon's candles
SD_HOURS, SD_MIN_HOURS = 720, 168
LABELS = ("adverse_pct", "mae_pct", "event", "lead_min", "pnl_short_pct")


class Event(NamedTuple):
    """A squeeze: price `adverse_pct` above entry within `horizon_h` hours; `adverse_pct` None is 2 × sd24, each hour its own."""

    horizon_h: int
    adverse_pct: float | None

    @property
    def text(self) -> str:
        """As a trader reads it: `≥ 10 % within 24 h`."""
        return f"≥ {'2 × sd24' if self.adverse_pct is None else f'{self.adverse_pct:g} %'} within {self.horizon_h} h"


EVENTS = (Event(24, 10.0), Event(8, 5.0), Event(72, 20.0), Event(24, None))
PRIMARY = EVENTS[0]  # fixed before looking


class Costs(NamedTuple):
    """What one side of a trade costs, % of the entry's notional."""

    fee_pct: float = 0.05  # taker
    slippage_pct: float = 0.02

    @property
    def round_trip_pct(self) -> float:
        """In and out."""
        return 2 * (self.fee_pct + self.slippage_pct)


class _Grid(NamedTuple):
    """Candles on their complete grid: NaN where one is missing."""

    first_ms: int
    step_ms: int
    open: np.ndarray
    high: np.ndarray
    close: np.ndarray

    def positions(self, ts_ms: np.ndarray) -> np.ndarray:
        """Where the candle that opens at each time stands; may lie outside."""
        if ((ts_ms - self.first_ms) % self.step_ms).any():
            raise ValueError("a decision does not fall on the opening of a candle")
        return (ts_ms - self.first_ms) // self.step_ms

    def candles(self, hours: int) -> int:
        """How many candles so many hours have."""
        return hours * HOUR_MS // self.step_ms


def _grid(candles: pd.DataFrame) -> _Grid:
    ts = candles.index.to_numpy(dtype=np.int64)
    gaps = np.diff(ts)
    if (gaps <= 0).any():
        raise ValueError("candles must ascend, each once")
    step = int(gaps.min()) if len(gaps) else 5 * MINUTE_MS
    if HOUR_MS % step or (gaps % step).any():
        raise ValueError(f"candles do not share one grid that divides the hour; the closest two are {step} ms apart")
    first = int(ts[0]) if len(ts) else 0
    at = (ts - first) // step
    columns = np.full((3, int(at[-1]) + 1 if len(at) else 0), np.nan)
    columns[:, at] = candles[["open", "high", "close"]].to_numpy(dtype=float).T
    columns[~(columns > 0)] = np.nan  # a price of nothing is no price
    return _Grid(first, step, *columns)


def _picked(column: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The column at positions; NaN outside it."""
    inside = (at >= 0) & (at < len(column))
    out = np.full(len(at), np.nan)
    out[inside] = column[at[inside]]
    return out


def _peaks(high: np.ndarray, width: int) -> list[np.ndarray]:
    """Maxima over the next 1, 2, 4, … candles, up to the largest power of two within `width`; missing candles are −inf."""
    levels, reach = [np.where(np.isnan(high), -np.inf, high)], 1
    while reach * 2 <= width:
        level = levels[-1].copy()
        level[:-reach] = np.maximum(level[:-reach], levels[-1][reach:])
        levels.append(level)
        reach *= 2
    return levels


def _first_reach(levels: list[np.ndarray], at: np.ndarray, entry: np.ndarray, limit_pct: np.ndarray) -> np.ndarray:
    """Position of the first candle from `at` on whose high is `limit_pct` above entry; there must be one within the levels' width."""
    at = at.copy()
    for k in reversed(range(len(levels))):
        at += np.where((levels[k][at] / entry - 1) * 100 < limit_pct - EPS, 2**k, 0)
    return at


def _funding_received_pct(ts_ms: np.ndarray, settlements: Sequence[Settlement]) -> np.ndarray:
    """Rates settled in (t, t + 24 h], % summed; a positive rate is paid to the short. NaN where 8 h of it saw no settlement."""
    stamps = np.array([round(s.ts_ms / MINUTE_MS) * MINUTE_MS for s in settlements], dtype=np.int64)  # they arrive some ms late
    times, at = np.unique(stamps, return_index=True)
    total = np.concatenate([[0.0], np.cumsum(np.array([s.rate_pct for s in settlements], dtype=float)[at])])
    marks = np.array([np.searchsorted(times, ts_ms + hours * HOUR_MS, side="right") for hours in range(0, HOLD_H + 1, FUNDING_H)])
    return np.where((np.diff(marks, axis=0) > 0).all(axis=0), total[marks[-1]] - total[marks[0]], np.nan)


def sd24_pct(ts_ms: np.ndarray, candles: pd.DataFrame) -> np.ndarray:
    """Population sd of the 1 h returns of the 30 d up to each t, × √24, %: known at t. NaN below a week of returns."""
    return _sd24_pct(np.asarray(ts_ms, dtype=np.int64), _grid(candles))


def _sd24_pct(ts_ms: np.ndarray, grid: _Grid) -> np.ndarray:
    if not len(ts_ms) or not len(grid.close):
        return np.full(len(ts_ms), np.nan)
    last = int(ts_ms.max()) // HOUR_MS
    first = min(-(-grid.first_ms // HOUR_MS), int(ts_ms.min()) // HOUR_MS)
    hours = np.arange(first, last + 1, dtype=np.int64)
    closes = _picked(grid.close, grid.positions(hours * HOUR_MS) - 1)  # the candle that ends at the hour
    returns = pd.Series(closes).pct_change(fill_method=None) * 100
    sd = returns.rolling(SD_HOURS, min_periods=SD_MIN_HOURS).std(ddof=0).to_numpy() * np.sqrt(24)
    return _picked(np.where(sd > 0, sd, np.nan), ts_ms // HOUR_MS - first)


def label(
    ts_ms: np.ndarray, candles: pd.DataFrame, settlements: Sequence[Settlement], event: Event = PRIMARY, *, costs: Costs | None = None
) -> pd.DataFrame:
    """What followed each decision of one symbol; rows as `ts_ms` (the index), columns LABELS (method 4).

    `candles`: last price, completed, of 5 or 1 minutes: open, high, close by open time (ms, ascending; gaps allowed).

    - adverse_pct: what counts as a squeeze, % above entry
    - mae_pct: highest high of (t, t + H] over the open at t, − 1, %
    - event: 1 where mae_pct reaches adverse_pct, else 0
    - lead_min: minutes from t to the opening of the first candle that reached it: at least so long; NaN without an event
    - pnl_short_pct: a short from t to the close at t + 24 h, %: price, minus costs, plus settled funding, all on the entry's notional

    Unknown (NaN) is whatever cannot be seen whole: no candle at t, a horizon that outlasts the history, or more than 2 % of
    its candles missing; also where the part that is seen already reaches X. Counting those as events would let the
    outcome decide who is counted, and squeezes would look more frequent at every hole and at the end.
    """
    ts_ms = np.asarray(ts_ms, dtype=np.int64)
    grid = _grid(candles)
    at, width = grid.positions(ts_ms), grid.candles(event.horizon_h)
    entry = _picked(grid.open, at)
    limit = np.full(len(at), event.adverse_pct, dtype=float) if event.adverse_pct is not None else 2 * _sd24_pct(ts_ms, grid)

    holes = np.concatenate([[0], np.cumsum(np.isnan(grid.high))])
    whole = (at >= 0) & (at + width <= len(grid.high)) & ~np.isnan(entry)
    whole[whole] = holes[at[whole] + width] - holes[at[whole]] <= MISSING_SHARE * width

    levels = _peaks(grid.high, width)
    mae, lead = np.full(len(at), np.nan), np.full(len(at), np.nan)
    ahead = at[whole] + width - 2 ** (len(levels) - 1)
    mae[whole] = (np.maximum(levels[-1][at[whole]], levels[-1][ahead]) / entry[whole] - 1) * 100
    happened = np.where(np.isnan(mae) | np.isnan(limit), np.nan, mae >= limit - EPS)
    hit = happened == 1
    lead[hit] = (_first_reach(levels, at[hit], entry[hit], limit[hit]) - at[hit]) * (grid.step_ms / MINUTE_MS)

    leaving = _picked(grid.close, at + grid.candles(HOLD_H) - 1)
    pnl = (1 - leaving / entry) * 100 - (costs or Costs()).round_trip_pct + _funding_received_pct(ts_ms, settlements)
    return pd.DataFrame(dict(zip(LABELS, (limit, mae, happened, lead, pnl), strict=True)), index=pd.Index(ts_ms, name="ts_ms"))


def full_hours(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows whose ts_ms is a full hour: those that are graded."""
    return rows[rows["ts_ms"] % HOUR_MS == 0].reset_index(drop=True)


def labelled(
    rows: pd.DataFrame,
    candles: Mapping[str, pd.DataFrame],
    settlements: Mapping[str, Sequence[Settlement]],
    event: Event = PRIMARY,
    *,
    costs: Costs | None = None,
) -> pd.DataFrame:
    """`rows` (symbol, ts_ms, …) with the columns LABELS of their own symbol's candles and settlements; a copy, order kept."""
    out = rows.drop(columns=[name for name in LABELS if name in rows]).reset_index(drop=True)
    columns = np.full((len(out), len(LABELS)), np.nan)
    for symbol, at in out.groupby("symbol", sort=False).indices.items():
        found = label(out["ts_ms"].to_numpy()[at], candles[str(symbol)], settlements.get(str(symbol), ()), event, costs=costs)
        columns[at] = found.to_numpy()
    return out.join(pd.DataFrame(columns, columns=list(LABELS)))


def episodes(rows: pd.DataFrame, horizon_h: int) -> pd.DataFrame:
    """Separate squeezes: event hours of one symbol whose windows (t, t + H] overlap are one (method 4).

    Columns symbol, first_ms, last_ms (its first and last event hour), hours (how many), breach_ms: the earliest time at
    which a short opened in one of these hours was `adverse_pct` under water (opening of that candle).
    """
    hit = rows.loc[rows["event"] == 1, ["symbol", "ts_ms", "lead_min"]].sort_values(["symbol", "ts_ms"])
    symbol, ts = hit["symbol"].to_numpy(), hit["ts_ms"].to_numpy(dtype=np.int64)
    breach = ts + np.rint(hit["lead_min"].to_numpy() * MINUTE_MS).astype(np.int64)
    starts = np.flatnonzero(np.concatenate([[True], (symbol[1:] != symbol[:-1]) | (np.diff(ts) >= horizon_h * HOUR_MS)])[: len(ts)])
    ends = np.append(starts[1:], len(ts)) - 1 if len(starts) else starts
    earliest = np.minimum.reduceat(breach, starts) if len(starts) else breach
    columns = {"symbol": symbol[starts], "first_ms": ts[starts], "last_ms": ts[ends], "hours": ends - starts + 1, "breach_ms": earliest}
    return pd.DataFrame(columns)
