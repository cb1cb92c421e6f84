"""What was known of a symbol at each past moment: the metrics, how far each can be trusted, and the thirty days before.

Row M is the instant M × 60 s. A bar counts from the instant it closed, turnover from the full hour it ends at, a payment
from the minute it settled, and a point of the open-interest history six minutes after its stamp (method part 4).
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from radar import score
from radar.bars import BAR_COLUMNS, MINUTE_MS, SOURCE_5M, SOURCE_LIVE
from radar.funding import settled_columns
from radar.history import FIVES_NEED, daily_turnover, hour_inputs, hourly_prices, twap_fives
from radar.measure import measure
from radar.metric_table import METRICS
from radar.metrics import change, dominance_pct, oi_filled
from radar.models import Quality, Settlement
from radar.quality import SEVERITY

__all__ = ["BOUND", "FRESH", "MISSING", "STALE", "History", "Known", "backfilled", "known", "rows_of"]

HOUR_MS = 3_600_000
OI_PUBLISHED_MIN = 6  # a point of the exchange's open-interest history is out that long after its stamp
OI_HISTORY_FRESH_MIN, OI_HISTORY_STALE_MIN = 11, 30  # as live (method 2.2)
OI_LIVED_FRESH_MIN, OI_LIVED_STALE_MIN = 1, 10
TURNOVER_STANDS_MIN = 59  # history knows a day's turnover at full hours
PAID_LATE_MIN = 5
WARM_UP_MIN = 1_500  # the longest window looks back 24 hours
BLOCK_MIN = 60 * 1_440  # two years at once would fill the memory
FRESH, STALE, BOUND, MISSING = (SEVERITY[q] for q in (Quality.FRESH, Quality.STALE, Quality.UNKNOWN, Quality.MISSING))
HOURLY = ("mark", "basis_twap15_pct", "perp_dominance_binance_pct", "oi_qty", "depth_ratio")
AS_STORED = (
    "mark", "index", "last", "perp_depth_usdt", "spot_depth_usdt", "orderbook_imbalance", "imbalance_band_pct", "spot_imbalance",
    "spot_imbalance_band_pct",
)  # fmt: skip
DELTA_HOURS = (1, 4, 24)
BY_SETTLEMENT = ("funding_1h_pct", "funding_daily_est_pct", "funding_min_3h_pct")


class History(NamedTuple):
    """A symbol's past, back-filled or lived through.

    `bars`: any of BAR_COLUMNS (`source` among them), indexed by minutes since the epoch, ascending, gaps left out, as the
    store keeps them. A candle counts for its last minute (a five-minute one opened at minute o stands at o + 4, SOURCE_5M),
    open interest stands at its stamp, turnover of 24 h at the full hour it ends at.
    """

    symbol: str
    bars: pd.DataFrame
    settlements: Sequence[Settlement] = ()  # ascending
    hours: pd.DataFrame | None = None  # any of HOUR_COLUMNS by hour since the epoch, for the score: it wins over the bars
    has_spot: bool | None = None  # on Binance, ever; None: nobody knows
    spot_since_ms: int | None = None  # its first moment there; None: all along
    spot_elsewhere: bool = False  # another exchange lists it, taken for all along: no turnover is known of it
    delisting_ms: int | None = None  # of the contract


class Known(NamedTuple):
    """Columns by row; the index of `values` is the minute. Unknown is NaN, and MISSING in `quality` (severity codes)."""

    values: pd.DataFrame  # every metric of `measure`, and has_spot (1, 0)
    quality: dict[str, np.ndarray]
    mu: np.ndarray  # rows × A to E: the 720 hours before the row's hour
    sd: np.ndarray
    n: np.ndarray


def backfilled(
    symbol: str,
    bars: pd.DataFrame,
    hours: pd.DataFrame,
    oi_qty: pd.Series,
    settlements: Sequence[Settlement] = (),
    *,
    has_spot: bool | None = None,
    spot_since_ms: int | None = None,
    spot_elsewhere: bool = False,
    delisting_ms: int | None = None,
) -> History:
    """A history from series by epoch ms.

    `bars`: mark, index, last and basis_mean_pct of five-minute candles by their open; `hours`: perp_vol_usdt and
    spot_vol_usdt (Binance's own) of single hours by their open; `oi_qty` by the moment of the reading, empty where unknown.
    """
    prices = bars.reindex(columns=["mark", "index", "last", "basis_mean_pct"]).dropna(subset=["mark", "index"], how="all")
    prices = prices.assign(source=float(SOURCE_5M)).set_axis(prices.index // MINUTE_MS + 4)
    spot = hours["spot_vol_usdt"]
    if spot_since_ms is not None:
        spot = spot.where(spot.index >= spot_since_ms // HOUR_MS * HOUR_MS, 0.0)  # nothing traded before
    single = {"perp_vol24_usdt": hours["perp_vol_usdt"], "spot_vol24_binance_usdt": spot}
    days = {name: daily_turnover(column.set_axis(column.index // HOUR_MS).dropna()) for name, column in single.items()}
    volumes = pd.DataFrame(days, dtype=float)
    oi = oi_qty.dropna().rename("oi_qty").astype(float)
    parts = [prices, volumes.set_axis(volumes.index.astype("int64") * 60), oi.set_axis(oi.index.astype("int64") // MINUTE_MS)]
    joined = pd.concat(parts, axis=1).sort_index().rename_axis("minute")
    facts = {"has_spot": has_spot, "spot_since_ms": spot_since_ms, "spot_elsewhere": spot_elsewhere, "delisting_ms": delisting_ms}
    return History(symbol, joined, settlements, **facts)


def rows_of(history: History, step_min: int, first_ms: int | None, last_ms: int | None) -> range:
    """The minutes to judge: full multiples of `step_min` from the first price that closed, or `first_ms`, to the last."""
    priced = history.bars.index[history.bars["mark"].notna()]
    first = (int(priced[0]) + 1) * MINUTE_MS if len(priced) else 0
    last = (int(priced[-1]) + 1) * MINUTE_MS if len(priced) else -1
    first, last = first if first_ms is None else first_ms, last if last_ms is None else last_ms
    step_ms = step_min * MINUTE_MS
    return range(-(-first // step_ms) * step_min, last // step_ms * step_min + 1, step_min)


def known(history: History, rows: range, *, sw_hours: int = 3) -> Known:
    """Everything that was known at the instants `rows` (minutes since the epoch, by steps), and no more."""
    index = history.bars.index
    if not (index.is_monotonic_increasing and index.is_unique):
        raise ValueError(f"{history.symbol}: bars must ascend by minute, each minute once")
    bars = history.bars.reindex(columns=list(BAR_COLUMNS))
    settled = settled_columns(history.settlements)
    parts = [_measured(history, bars, settled, block, sw_hours) for block in _blocks(rows or range(1))]
    values = pd.concat([part[0] for part in parts])
    quality = {name: np.concatenate([part[1][name] for part in parts]) for name in parts[0][1]}
    if not len(rows):
        values, quality = values.iloc[:0], {name: codes[:0] for name, codes in quality.items()}
    return Known(values, quality, *_baseline(history, bars, values.index.to_numpy() // 60))


def _blocks(rows: range) -> Iterator[range]:
    """`rows` by absolute blocks of sixty days: where a replay begins or ends changes no sum."""
    for block in range(rows[0] // BLOCK_MIN, rows[-1] // BLOCK_MIN + 1):
        yield rows[bisect_left(rows, block * BLOCK_MIN) : bisect_left(rows, (block + 1) * BLOCK_MIN)]


def _at_home(history: History, minutes: np.ndarray) -> np.ndarray:
    """Spot on Binance: 1 from the listing on, 0 before it or without one, NaN where nobody knows."""
    if history.has_spot is None:
        return np.full(len(minutes), np.nan)
    return (history.has_spot & (minutes * MINUTE_MS >= (history.spot_since_ms or 0))).astype(float)


def _paid(settled: tuple[np.ndarray, np.ndarray], settlements: Sequence[Settlement], minutes: np.ndarray) -> tuple[np.ndarray, ...]:
    """(funding per hour %, interval h, severity) by what was last settled, to the minute: stamps jitter by milliseconds.

    It is fresh until the next payment is due by its own gap, stale for one more interval, then unknown (method 2.2).
    """
    times, rates = settled
    if not len(times):
        return np.full(len(minutes), np.nan), np.full(len(minutes), np.nan), np.full(len(minutes), MISSING)
    stamps = np.array([s.ts_ms for s in settlements], dtype=np.int64)
    gap = np.round((times - stamps[np.searchsorted(stamps, times) - 1]) / HOUR_MS)
    at = np.searchsorted(times // MINUTE_MS, minutes, side="right") - 1
    age = np.where(at >= 0, minutes - times[at] // MINUTE_MS, np.inf)
    severity = _graded(age, gap[at] * 60 + PAID_LATE_MIN, gap[at] * 120 + PAID_LATE_MIN)
    rate, interval = (np.where(severity == MISSING, np.nan, column[at]) for column in (rates, gap))
    return rate, interval, severity


def _graded(age: np.ndarray, fresh: np.ndarray | float, stale: np.ndarray | float) -> np.ndarray:
    return np.select([age <= fresh, age <= stale], [FRESH, STALE], default=MISSING)


def _open_interest(bars: pd.DataFrame, lived: pd.Series, closed: pd.Series) -> tuple[pd.Series, np.ndarray, np.ndarray]:
    """Open interest at the minute it was known; at every minute its severity by age, and where the newest reading stands."""
    own = closed.where(lived.shift(1, fill_value=False))
    listed = bars["oi_qty"].where(~lived).shift(OI_PUBLISHED_MIN)
    oi = own.fillna(listed)
    at = np.maximum.accumulate(np.where(oi.notna(), np.arange(len(oi)), -1))
    is_own = own.notna().to_numpy()[at]
    age = np.where(at >= 0, np.arange(len(oi)) - at + np.where(is_own, 0, OI_PUBLISHED_MIN), np.inf)
    fresh, stale = np.where(is_own, OI_LIVED_FRESH_MIN, OI_HISTORY_FRESH_MIN), np.where(is_own, OI_LIVED_STALE_MIN, OI_HISTORY_STALE_MIN)
    return oi, _graded(age, fresh, stale), at


def _without_older_changes(whole: pd.DataFrame, oi: pd.Series, severity: np.ndarray, newest: np.ndarray) -> None:
    """Between two readings of five minutes a change is that of the newer one: unknown if that is, as live with a reading at hand."""
    for hours in DELTA_HOURS:
        moved = change(oi_filled(oi), hours * 60).to_numpy()[newest]
        unknown = (severity == FRESH) & np.isnan(moved)
        for name in (f"delta_oi_{hours}h_usdt", f"delta_oi_{hours}h_pct"):
            if name in whole:
                whole[name] = whole[name].where(~unknown)


def _measured(
    history: History, bars: pd.DataFrame, settled: tuple[np.ndarray, np.ndarray], rows: range, sw_hours: int
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """The metrics of `rows` and their severities."""
    begin = max(rows[0] // BLOCK_MIN * BLOCK_MIN, int(bars.index[0]) if len(bars) else 0)
    first = min(begin - WARM_UP_MIN, rows[0])
    grid = pd.RangeIndex(first, rows[-1] + 1, name="minute")
    minutes = grid.to_numpy()
    at = bars.loc[first : rows[-1]].reindex(grid)
    closed = at.shift(1)  # at an instant, the bar of the minute before is over and its own has not begun
    lived = at["source"] == SOURCE_LIVE
    was_lived = lived.shift(1, fill_value=False)

    at_home = _at_home(history, minutes)
    has_spot = np.where(history.spot_elsewhere, 1.0, at_home)
    rate, interval, paid_severity = _paid(settled, history.settlements, minutes)
    oi, oi_severity, newest = _open_interest(at, lived, closed["oi_qty"])
    turnover = {
        name: closed[name].where(was_lived).fillna(at[name].where(~lived).ffill(limit=TURNOVER_STANDS_MIN))
        for name in ("perp_vol24_usdt", "spot_vol24_binance_usdt")
    }
    home = turnover["spot_vol24_binance_usdt"].where(at_home != 0)
    frame = pd.DataFrame({name: closed[name] for name in AS_STORED}, index=grid)
    frame["basis_mean_pct"] = at["basis_mean_pct"]  # a TWAP ends with the minute before
    frame["funding_1h_pct"] = closed["funding_1h_pct"].where(was_lived, rate)
    frame["interval_hours"] = closed["interval_hours"].where(was_lived, interval)
    frame["oi_qty"] = oi
    frame["perp_vol24_usdt"] = turnover["perp_vol24_usdt"]
    frame["spot_vol24_binance_usdt"] = home
    frame["spot_vol24_usdt"] = closed["spot_vol24_usdt"].where(was_lived, home.where(at_home != 0, 0.0))
    frame["srs"] = np.nan

    whole = measure(frame, settled, sw_hours=sw_hours)
    _without_older_changes(whole, oi, oi_severity, newest)
    for length in FIVES_NEED:
        name = f"basis_twap{length}_pct"
        whole[name] = whole[name].fillna(twap_fives(at["basis_mean_pct"], at["source"], length))
    here = slice(rows[0] - first, None, rows.step)
    values = whole.iloc[here].copy()
    values["has_spot"] = has_spot[here]
    severities = {
        "quote": np.where(values["mark"].notna(), FRESH, MISSING),
        "oi": oi_severity[here],
        "settlements": np.where(was_lived, FRESH, paid_severity)[here],
    }
    bound = np.isnan(has_spot) | (history.spot_elsewhere & (at_home != 1) & ~was_lived.to_numpy())
    return values, _qualities(values, severities, bound[here])


def _qualities(values: pd.DataFrame, severities: dict[str, np.ndarray], bound: np.ndarray) -> dict[str, np.ndarray]:
    """Severity of every metric by what it is made of (the metric table); a missing one loses its value in `values`.

    `bound`: rows whose spot turnover is known to lack an exchange.
    """
    quality = {}
    no_basis = values["basis_pct"].isna()
    for name in values.columns:
        inputs = [*(METRICS[name].inputs if name in METRICS else ()), *(("settlements",) if name in BY_SETTLEMENT else ())]
        codes = np.maximum.reduce([np.full(len(values), FRESH), *(severities[key] for key in inputs if key in severities)])
        unknown = values[name].isna() | (no_basis & name.startswith("basis_twap"))
        quality[name] = np.where(unknown, MISSING, codes)
        values[name] = values[name].where(quality[name] != MISSING)
    dominance = quality["perp_dominance_pct"]
    quality["perp_dominance_pct"] = np.where(bound & (dominance == FRESH), BOUND, dominance)
    return quality


def _baseline(history: History, bars: pd.DataFrame, hours: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """mu, sd, n (rows × A to E) of the 720 hours before each of `hours`, from values at full hours."""
    shape = (len(hours), len(score.KEYS))
    if not len(bars) or not len(hours):
        return np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape)
    first = int(bars.index[0]) // 60
    grid = pd.RangeIndex(first, max(first, int(hours[-1])) + 1, name="hour")
    at = grid.to_numpy() * 60
    full = bars[["perp_vol24_usdt", "spot_vol24_binance_usdt", "oi_qty"]].reindex(at)
    home = full["spot_vol24_binance_usdt"].where(_at_home(history, at) != 0)
    table = hourly_prices(bars, grid[0], grid[-1])
    table["perp_dominance_binance_pct"] = dominance_pct(full["perp_vol24_usdt"], home).to_numpy()
    table["oi_qty"] = full["oi_qty"].to_numpy()
    table["depth_ratio"] = np.nan
    if history.hours is not None:
        table = history.hours.reindex(index=grid, columns=list(HOURLY)).astype(float).combine_first(table)
    base = score.baseline(hour_inputs(table, history.settlements))
    mu, sd, n = (base[key].reindex(hours).to_numpy() for key in ("mu", "sd", "n"))
    return mu, sd, np.nan_to_num(n)
