"""Stored bars as the series that charts, tiles, REST and exports show."""

import itertools
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from radar.bars import LIGHT_CODES, MINUTE_MS, light_name, minute_of
from radar.funding import settled_1h_pct, settled_columns
from radar.measure import measure
from radar.store import MarketStore

__all__ = ["EXTREMES", "Chart", "LightRun", "chart_step_min", "charted", "light_runs", "measured", "printed", "recent_minutes", "settled"]

CHART_STEPS = ((48, 1), (24 * 7, 5), (24 * 30, 15))  # (hours up to, minutes a point)
WRITING_MIN = 2
WARM_UP_MIN = 1_500  # the longest window looks back 24 hours
DAY_SLACK_MS = 25 * 3_600_000  # a settlement needs the one before it, at most a day earlier
EXTREMES = ("mark", "basis_pct", "basis_twap15_pct", "funding_1h_pct", "oi_usdt", "orderbook_imbalance", "spot_imbalance")


class LightRun(NamedTuple):
    """A stretch of one light: first minute (epoch), how many, code (see LIGHT_CODES); `relived`: judged afterwards from back-filled history."""

    first: int
    minutes: int
    code: int
    relived: bool


class Chart(NamedTuple):
    """A window as it is drawn: a row every `step_min` minutes with the last known value of each metric.

    `extremes`: per metric of EXTREMES two values a row, lowest and highest in the order they came in; empty when every minute has its row.
    `lights`: from the minutes, whatever the step, so a light of one minute is among them.
    """

    frame: pd.DataFrame
    step_min: int
    last_minute: int
    extremes: dict[str, np.ndarray]
    lights: tuple[LightRun, ...]


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
    frame = _thinned(frame.loc[first:], step_min)
    return frame.set_axis(_times(frame.index))


def charted(minutes: pd.DataFrame, step_min: int) -> Chart:
    """What a chart draws of `measured` minutes: thinned to `step_min`, without losing a peak or a short light."""
    numbered = minutes.set_axis(pd.DatetimeIndex(minutes.index).as_unit("ms").asi8 // MINUTE_MS)
    lights = light_runs(numbered["light"], numbered["source"]) if "light" in numbered else ()
    frame = _thinned(numbered, step_min)
    frame = frame.set_axis(_times(frame.index))
    last = int(numbered.index[-1]) if len(numbered) else 0
    return Chart(frame, step_min, last, _extremes(numbered, step_min) if step_min > 1 else {}, lights)


def light_runs(lights: pd.Series, source: pd.Series) -> tuple[LightRun, ...]:
    """Stretches of one light over a complete index of minutes; minutes without a light are left out."""
    codes = lights.map({light.value: code for light, code in LIGHT_CODES.items()}).fillna(0).to_numpy(int)
    relived = (source > 0).to_numpy()
    edges = np.flatnonzero(np.diff(codes * 2 + relived)) + 1
    starts, ends = np.array([0, *edges][: len(codes)], int), np.array([*edges, len(codes)][: len(codes)], int)
    return tuple(
        LightRun(int(lights.index[a]), int(b - a), int(codes[a]), bool(relived[a])) for a, b in zip(starts, ends, strict=True) if codes[a]
    )


def _times(minutes: pd.Index) -> pd.DatetimeIndex:
    return pd.to_datetime(minutes.to_numpy() * MINUTE_MS, unit="ms", utc=True).rename("time")


def _thinned(frame: pd.DataFrame, step_min: int) -> pd.DataFrame:
    """The last known value of every `step_min` minutes, under the first of them."""
    return frame.groupby(frame.index // step_min * step_min).last() if step_min > 1 else frame


def _extremes(frame: pd.DataFrame, step_min: int) -> dict[str, np.ndarray]:
    """Per metric: lowest and highest of each step, in the order they came; NaN twice where nothing is known."""
    if frame.empty:
        return {}
    lead = int(frame.index[0]) % step_min
    steps = -(-(lead + len(frame)) // step_min)
    found = {}
    for name in EXTREMES:
        padded = np.full(steps * step_min, np.nan)
        padded[lead : lead + len(frame)] = frame.get(name, np.nan)
        block = padded.reshape(steps, step_min)
        low, high = np.where(np.isnan(block), np.inf, block).argmin(axis=1), np.where(np.isnan(block), -np.inf, block).argmax(axis=1)
        rows = np.arange(steps)
        found[name] = np.column_stack([block[rows, np.minimum(low, high)], block[rows, np.maximum(low, high)]]).ravel()
    return found


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
