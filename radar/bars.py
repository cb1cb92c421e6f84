"""Minute bars: what one minute of one symbol is, and a window of them in memory (method B4, 3.2)."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from radar.models import Light, Quote

__all__ = ["BAR_COLUMNS", "LIGHT_CODES", "MINUTE_MS", "SOURCE_5M", "SOURCE_KLINE", "SOURCE_LIVE", "Tape", "fold", "light_name", "minute_of"]

MINUTE_MS = 60_000
SOURCE_LIVE, SOURCE_KLINE, SOURCE_5M = 0, 1, 2  # lived through; back-filled from 1m klines; from 5m klines

BAR_COLUMNS = (
    "mark",  # close; the open is the close of the minute before
    "mark_high",
    "mark_low",
    "index",
    "index_high",
    "index_low",
    "basis_mean_pct",  # mean of the minute's samples
    "last",
    "funding_1h_pct",
    "interval_hours",
    "oi_qty",
    "perp_vol24_usdt",
    "spot_vol24_usdt",  # of all venues; 0: no spot market; NaN: a configured venue did not answer
    "spot_vol24_binance_usdt",  # NaN also where Binance has no such pair
    "orderbook_imbalance",
    "imbalance_band_pct",
    "spot_imbalance",
    "spot_imbalance_band_pct",
    "perp_depth_usdt",
    "spot_depth_usdt",
    "srs",
    "light",  # code, see LIGHT_CODES; NaN: nobody was there to judge
    "samples",
    "source",
    "judged",  # what the light stood on, see radar.judged; NaN: stored before that was kept
    "borrow_apr_pct",  # that the light was judged by
)
POSITION = {name: i for i, name in enumerate(BAR_COLUMNS)}
LIGHT_CODES = {Light.RED: 1, Light.YELLOW: 2, Light.GREEN: 3, Light.UNKNOWN: 4}
_LIGHT_NAMES = {float(code): light.value for light, code in LIGHT_CODES.items()}


def light_name(code: float | None) -> str | None:
    """RED, YELLOW, GREEN, UNKNOWN, or None where no light was judged."""
    return _LIGHT_NAMES.get(code) if code is not None else None


def minute_of(ts_ms: int) -> int:
    """Minutes since the epoch."""
    return ts_ms // MINUTE_MS


def fold(quotes: Sequence[Quote]) -> dict[str, float]:
    """The samples of one minute as bar columns: closes, highs and lows, the mean of the sample bases (method B4).

    Samples without a usable mark or index leave the basis unknown.
    """
    marks = [q.mark for q in quotes if q.mark]
    indexes = [q.index for q in quotes if q.index]
    bases = [(q.mark - q.index) / q.index * 100 for q in quotes if q.mark and q.index]
    bar: dict[str, float] = {"samples": float(len(bases))}
    if marks:
        bar |= {"mark": marks[-1], "mark_high": max(marks), "mark_low": min(marks)}
    if indexes:
        bar |= {"index": indexes[-1], "index_high": max(indexes), "index_low": min(indexes)}
    if bases:
        bar["basis_mean_pct"] = float(np.mean(bases))
    return bar


class Tape:
    """The last `minutes` minutes of one symbol as one float block; rows are minutes, columns BAR_COLUMNS."""

    def __init__(self, minutes: int = 1_560) -> None:
        self.minutes = minutes
        self.newest = 0
        self._rows = np.full((minutes, len(BAR_COLUMNS)), np.nan)

    def put(self, minute: int, values: Mapping[str, float | None], *, keep: bool = False) -> None:
        """Set columns of a minute; with `keep` only where nothing is known yet. Minutes before the window are ignored."""
        self.roll(minute)
        at = self.minutes - 1 - (self.newest - minute)
        if at < 0:
            return
        for name, value in values.items():
            if value is not None and not (keep and not np.isnan(self._rows[at, POSITION[name]])):
                self._rows[at, POSITION[name]] = value

    def roll(self, minute: int) -> None:
        """Let the window end at `minute`; it never moves back."""
        step = minute - self.newest
        if step <= 0:
            return
        if step >= self.minutes:
            self._rows[:] = np.nan
        else:
            self._rows[:-step] = self._rows[step:].copy()
            self._rows[-step:] = np.nan
        self.newest = minute

    def row(self, minute: int) -> dict[str, float | None]:
        """One minute by column name; unknown is None."""
        at = self.minutes - 1 - (self.newest - minute)
        if not 0 <= at < self.minutes:
            return dict.fromkeys(BAR_COLUMNS)
        return {name: None if np.isnan(value) else float(value) for name, value in zip(BAR_COLUMNS, self._rows[at], strict=True)}

    def frame(self) -> pd.DataFrame:
        """All rows, oldest first, indexed by minute since the epoch; a copy, so it may be kept."""
        first = self.newest - self.minutes + 1
        return pd.DataFrame(self._rows.copy(), columns=list(BAR_COLUMNS), index=pd.RangeIndex(first, self.newest + 1, name="minute"))
