"""History that is missing: what to ask for, in which order, and the answers as rows (method part 3).

One plan serves a new symbol, a restart and a pause: it looks at what is stored and asks for the rest. Stage A gives a
light, stage B the 30 days of the SRS, stage C the minutes of the last 48 hours.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from radar.bars import MINUTE_MS, SOURCE_5M, SOURCE_KLINE
from radar.history import daily_turnover
from radar.metrics import dominance_pct
from radar.models import Candles, Settlement
from radar.venues import Venue

__all__ = ["DAYS", "Answer", "Have", "Task", "fetch", "plan"]

DAYS = 30
HOUR_MS = 3_600_000
PAGE = 499  # weight 2; 99 bars weigh 1
FIRST_MINUTES = 99
MINUTES_KEPT = 2_880
FIRST_OI = 300  # five-minute points: 25 hours
STAGES = {"A": 0, "B": 1, "C": 2}


class Task(NamedTuple):
    """One request, or a pair of them; sorts by stage."""

    stage: int
    kind: str  # settlements, minutes, fives, oi5, oi1h, volume
    symbol: str
    start_ms: int
    end_ms: int


class Have(NamedTuple):
    """What is stored of a symbol: minutes with a mark and with open interest (48 h), five-minute slots with a mark (30 days)."""

    mark_minutes: np.ndarray
    mark_fives: np.ndarray
    oi_minutes: np.ndarray
    hours: pd.DataFrame
    last_settled_ms: int | None
    first_known_ms: int | None  # listing; nothing is asked for before it
    has_spot: bool | None  # on Binance


class Answer(NamedTuple):
    """What came back: minute rows, values at full hours, settlements."""

    rows: Sequence[tuple[int, dict[str, float | None]]] = ()
    hours: pd.DataFrame | None = None
    settlements: Sequence[Settlement] = ()


def _windows(missing: np.ndarray, step: int, size: int) -> list[tuple[int, int]]:
    """(first, last) windows of at most `size` slots that cover every missing slot (ascending, in slots of `step`)."""
    windows, at = [], 0
    while at < len(missing):
        first = missing[at]
        inside = np.searchsorted(missing, first + step * (size - 1), side="right") - 1
        windows.append((int(first), int(missing[inside])))
        at = inside + 1
    return windows


def _missing(first: int, last: int, known: np.ndarray, step: int = 1) -> np.ndarray:
    """Slots of [first, last] on the grid of `step` in which nothing is known."""
    slots = np.arange(-(-first // step) * step, last + 1, step)
    return np.setdiff1d(slots, known // step * step, assume_unique=False)


def plan(symbol: str, now_ms: int, have: Have) -> list[Task]:
    """Everything that is missing at `now_ms`, in the order to ask."""
    now = now_ms // MINUTE_MS
    born = (have.first_known_ms or 0) // MINUTE_MS + 1
    tasks: list[Task] = []

    def add(stage: str, kind: str, first: int, last: int) -> None:
        tasks.append(Task(STAGES[stage], kind, symbol, first * MINUTE_MS, last * MINUTE_MS))

    if have.last_settled_ms is None or now_ms - have.last_settled_ms > HOUR_MS:
        tasks.append(Task(STAGES["A"], "settlements", symbol, 0 if have.last_settled_ms is None else have.last_settled_ms + 60_000, now_ms))

    recent = _missing(max(born, now - FIRST_MINUTES), now - 1, have.mark_minutes)
    for first, last in _windows(recent, 1, FIRST_MINUTES):
        add("A", "minutes", first, last)
    older = _missing(max(born, now - MINUTES_KEPT), now - FIRST_MINUTES - 1, have.mark_minutes)
    for first, last in _windows(older, 1, PAGE):
        add("C", "minutes", first, last)

    # The newest five minutes are not published yet.
    oi_day = _missing(max(born, now - FIRST_OI * 5), now - 6, have.oi_minutes, 5)
    for first, last in _windows(oi_day, 5, FIRST_OI + 1):
        add("A", "oi5", first, last)
    for first, last in _windows(_missing(max(born, now - MINUTES_KEPT), now - FIRST_OI * 5 - 5, have.oi_minutes, 5), 5, 500):
        add("C", "oi5", first, last)

    fives = _missing(max(born, now - DAYS * 1440), now - 5, have.mark_fives, 5)
    fives = fives[fives + 5 <= now]  # closed ones only
    # Minutes past the retention are gone, but the score has what it needs of their hours.
    scored = have.hours.index[have.hours["basis_twap15_pct"].notna()]
    fives = fives[(fives >= now - MINUTES_KEPT) | ~np.isin(fives // 60 + 1, scored)]
    if len(fives) > 1:  # a short pause is filled by minutes
        for first, last in _windows(fives, 5, PAGE):
            add("B", "fives", first, last)

    # Only whole hours inside the coin's life; the first and the last may be cut.
    lived = have.hours.loc[have.hours.index > born // 60 + 1].iloc[:-1]
    if lived["oi_qty"].isna().any():
        for first, last in _windows(lived.index[lived["oi_qty"].isna()].to_numpy(), 1, 500):
            add("B", "oi1h", first * 60, last * 60)
    # Without a spot market there is no dominance to score, only turnover to draw: asked for with the first open interest.
    gone = lived.index[lived["perp_dominance_binance_pct" if have.has_spot else "oi_qty"].isna()]
    if have.has_spot is not None and len(gone):
        add("B", "volume", (int(gone[0]) - 24) * 60, int(gone[-1]) * 60 - 1)
    return sorted(tasks)


def fetch(venue: Venue, task: Task, spot_symbol: str | None) -> Answer:
    """Ask for one task. Raises what the venue raises."""
    match task.kind:
        case "settlements":
            return Answer(settlements=venue.settlements(task.symbol, task.start_ms or None))
        case "minutes":
            return Answer(rows=_prices(venue, task, "1m", 0, SOURCE_KLINE))
        case "fives":
            return Answer(rows=_prices(venue, task, "5m", 4, SOURCE_5M))
        case "oi5":
            points = venue.oi_history(task.symbol, "5m", task.start_ms, task.end_ms)
            return Answer(rows=[(point.ts_ms // MINUTE_MS, {"oi_qty": point.qty}) for point in points])
        case "oi1h":
            points = venue.oi_history(task.symbol, "1h", task.start_ms, task.end_ms)
            return Answer(hours=pd.DataFrame({"oi_qty": [p.qty for p in points]}, index=[p.ts_ms // HOUR_MS for p in points], dtype=float))
        case "volume":
            return _volumes(venue, task, spot_symbol)
    raise ValueError(f"no such history: {task.kind}")


def _prices(venue: Venue, task: Task, interval: str, offset: int, source: int) -> list[tuple[int, dict[str, float | None]]]:
    """Mark and index klines as minute rows; a longer bar counts for its last minute."""
    mark = venue.candles("mark", task.symbol, interval, task.start_ms, task.end_ms)
    index = venue.candles("index", task.symbol, interval, task.start_ms, task.end_ms)
    shared, at, other = np.intersect1d(mark.ts_ms, index.ts_ms, return_indices=True)
    rows = []
    for ts, i, j in zip(shared.tolist(), at.tolist(), other.tolist(), strict=True):
        if mark.close[i] > 0 and index.close[j] > 0:
            rows.append(
                (
                    ts // MINUTE_MS + offset,
                    {
                        "mark": float(mark.close[i]),
                        "mark_high": float(mark.high[i]),
                        "mark_low": float(mark.low[i]),
                        "index": float(index.close[j]),
                        "index_high": float(index.high[j]),
                        "index_low": float(index.low[j]),
                        "basis_mean_pct": float((mark.close[i] - index.close[j]) / index.close[j] * 100),
                        "source": float(source),
                    },
                )
            )
    return rows


def _turnover(pages: Sequence[Candles]) -> pd.Series:
    ts = np.concatenate([page.ts_ms for page in pages]) // HOUR_MS
    return pd.Series(np.concatenate([page.vol_usdt for page in pages]), index=ts).groupby(level=0).last()


def _volumes(venue: Venue, task: Task, spot_symbol: str | None) -> Answer:
    """Rolling 24 h turnover at full hours for the charts, and what it makes of dominance for the score.

    Only Binance's own: other exchanges' past is not asked for (method DM9). Without its spot market the score has no such
    component.
    """
    pages = [
        venue.candles("perp", task.symbol, "1h", start, min(start + PAGE * HOUR_MS - 1, task.end_ms))
        for start in range(task.start_ms, task.end_ms, PAGE * HOUR_MS)
    ]
    perp = daily_turnover(_turnover(pages))
    spot = perp * np.nan
    if spot_symbol is not None:
        spot = daily_turnover(_turnover([venue.spot_candles(spot_symbol, "1h", task.start_ms, task.end_ms)])).reindex(perp.index)
    both = pd.DataFrame({"perp_vol24_usdt": perp, "spot_vol24_binance_usdt": spot}).dropna(subset="perp_vol24_usdt")
    rows = [(int(hour) * 60, volumes) for hour, volumes in zip(both.index, both.to_dict("records"), strict=True)]
    hours = dominance_pct(perp, spot).to_frame("perp_dominance_binance_pct") if spot_symbol is not None else None
    return Answer(rows=rows, hours=hours)
