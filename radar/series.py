"""Stored bars as the series that charts, tiles, REST and exports show."""

import itertools
from typing import Any

import numpy as np
import pandas as pd

from radar.bars import MINUTE_MS, light_name, minute_of
from radar.funding import settled_1h_pct, settled_columns
from radar.measure import measure
from radar.store import MarketStore

__all__ = ["chart_step_min", "measured", "printed", "recent_minutes", "settled"]

CHART_STEPS = ((48, 1), (24 * 7, 5), (24 * 30, 15))  # (hours up to, minutes a point)
WRITING_MIN = 2
WARM_UP_MIN = 1_500  # the longest window looks back 24 hours
DAY_SLACK_MS = 25 * 3_600_000  # a settlement needs the one before it, at most a day earlier


def chart_step_min(hours: float) -> int:
    """Minutes a point that a chart of that many hours needs: 1 to 48 h, 5 to 7 days, 15 beyond."""
    return next((step for limit, step in CHART_STEPS if hours <= limit), CHART_STEPS[-1][1])


def measured(
    market: MarketStore, symbol: str, hours: float, now_ms: int, *, sw_hours: int, step_min: int = 1, before_ms: int | None = None
) -> pd.DataFrame:
    """Every metric on a complete grid of `step_min` minutes over the last `hours`, UTC times; gaps are NaN.

    The running minute is not in it. Also `light` (RED … or None) and `source` (0 lived through, 1 and 2 back-filled).
    """
    last = minute_of(before_ms if before_ms is not None else now_ms) - (before_ms is None)
    first = last - round(hours * 60) + 1
    stored = market.bars(symbol, first - WARM_UP_MIN, last)
    if before_ms is None and len(stored) and last - WRITING_MIN <= stored.index[-1] < last:
        last = int(stored.index[-1])  # the minute after it is being written
    grid = pd.RangeIndex(first - WARM_UP_MIN, last + 1, name="minute")
    bars = stored.reindex(grid)
    lived = bars["light"].first_valid_index()
    before = grid < (lived if lived is not None else last + 1)
    for column in ("perp_vol24_usdt", "spot_vol24_usdt", "spot_vol24_binance_usdt"):
        # Before the radar was there, a day's turnover is known at full hours: it stands for the hour. A pause stays a gap.
        bars[column] = bars[column].where(~before, bars[column].ffill(limit=59))
    since_ms = (first - WARM_UP_MIN) * MINUTE_MS - DAY_SLACK_MS
    paid = settled_columns(market.settlements(symbol, since_ms))
    frame = measure(bars, paid, sw_hours=sw_hours)
    frame["light"] = pd.Series([light_name(code) for code in bars["light"]], index=bars.index, dtype=object)
    frame["source"] = bars["source"]
    frame = frame.loc[first:]
    if step_min > 1:
        frame = frame.groupby(frame.index // step_min * step_min).last()
    frame.index = pd.to_datetime(frame.index.to_numpy() * MINUTE_MS, unit="ms", utc=True).rename("time")
    return frame


def recent_minutes(market: MarketStore, symbol: str, now_ms: int) -> dict[str, Any]:
    """`spark`: the marks of the last 60 minutes; `readings`: funding, basis and OI of the last six completed ones."""
    now = minute_of(now_ms)
    bars = market.bars(symbol, now - 60, now - 1).reindex(pd.RangeIndex(now - 60, now))
    basis, oi = (bars["mark"] - bars["index"]) / bars["index"] * 100, bars["oi_qty"] * bars["mark"]
    readings = [
        {"ts": int(m) * MINUTE_MS, "funding_1h_pct": _none(f), "basis_pct": _none(b), "oi_usdt": _none(o)}
        for m, f, b, o in zip(bars.index[-6:], bars["funding_1h_pct"].iloc[-6:], basis.iloc[-6:], oi.iloc[-6:], strict=True)
    ]
    return {"spark": [_none(v) for v in bars["mark"]], "readings": readings}


def settled(market: MarketStore, symbol: str, hours: float, now_ms: int) -> pd.DataFrame:
    """Settled funding: index time, columns rate_pct (per interval), interval_hours, funding_1h_pct."""
    rows = market.settlements(symbol, now_ms - round(hours * 3_600_000) - DAY_SLACK_MS)
    gaps = [np.nan, *(round((b.ts_ms - a.ts_ms) / 3_600_000) for a, b in itertools.pairwise(rows))][: len(rows)]
    frame = pd.DataFrame(
        {"rate_pct": [s.rate_pct for s in rows], "interval_hours": gaps, "funding_1h_pct": settled_1h_pct(rows)},
        index=pd.to_datetime([s.ts_ms for s in rows], unit="ms", utc=True).rename("time"),
        dtype=float,
    )
    return frame[frame.index >= pd.Timestamp(now_ms - round(hours * 3_600_000), unit="ms", tz="UTC")]


def printed(symbol: str, frame: pd.DataFrame, fmt: str) -> str:
    """Measured rows as "csv" or "json" (records), with `symbol`, `ts` (epoch ms) and `time` (UTC) first."""
    frame.insert(0, "ts", pd.DatetimeIndex(frame.index).as_unit("ms").asi8)
    frame.insert(0, "symbol", symbol)
    frame.insert(2, "time", pd.DatetimeIndex(frame.index).strftime("%Y-%m-%dT%H:%M:%SZ"))
    if fmt == "csv":
        return frame.to_csv(index=False, float_format="%.10g")
    return frame.reset_index(drop=True).to_json(orient="records", double_precision=15)


def _none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
