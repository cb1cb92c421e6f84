"""The slow facts of the whole market, as columns that grow with it: readings, volumes, schedules, baselines."""

from collections.abc import Mapping, Sequence

import numpy as np

from radar.cadence import STALE_SEC
from radar.quality import AHEAD_MS
from radar.scan.columns import BASELINES, FACTS, READ

__all__ = ["Sheet"]

NOTED = ("mark", "index", "funding_1h_pct", "last", "perp_vol24_usdt", "spot_vol24_usdt", "spot_vol24_binance_usdt", "adl_ms", *READ, *FACTS, *BASELINES)
AGES = {  # what a reading says is unknown once it is too old, s
    "quote_ms": (STALE_SEC["quote"], ("mark", "index", "funding_1h_pct")),
    "perp_ticker_ms": (STALE_SEC["perp_ticker"], ("last", "perp_vol24_usdt", "change_24h_pct")),
    "spot_ticker_ms": (STALE_SEC["spot_ticker"], ("spot_vol24_binance_usdt",)),
    "adl_ms": (5_400.0, ("adl",)),  # renewed every half hour
}


class Sheet:
    """Columns of `symbols`; NaN is unknown. The count behind a baseline (n_A …) is 0 where there is none."""

    def __init__(self, symbols: Sequence[str]) -> None:
        self._place = {symbol: i for i, symbol in enumerate(symbols)}
        self._columns = {name: np.full(len(self._place), 0.0 if name.startswith("n_") else np.nan) for name in NOTED}

    def grown(self, symbols: Sequence[str], places: np.ndarray) -> "Sheet":
        """The same facts for `symbols`, of which those at `places` (−1: new) were there before."""
        new, old = Sheet(symbols), places >= 0
        for name, column in new._columns.items():
            column[old] = self._columns[name][places[old]]
        return new

    def put(self, symbol: str, **values: float | None) -> None:
        """What is known of one symbol now; None is unknown."""
        place = self._place[symbol]
        for name, value in values.items():
            self._columns[name][place] = np.nan if value is None else value

    def set(self, at: np.ndarray, columns: Mapping[str, np.ndarray]) -> None:
        """The same of many."""
        for name, values in columns.items():
            self._columns[name][at] = values

    def baselines(self, known: Mapping[str, Mapping[str, float]]) -> None:
        """What thirty days of the SRS parts add up to, by symbol (mu_A … n_E)."""
        for symbol, place in self._place.items():
            told = known.get(symbol, {})
            for name in BASELINES:
                self._columns[name][place] = told.get(name, 0.0 if name.startswith("n_") else np.nan)

    def at(self, now_ms: int) -> dict[str, np.ndarray]:
        """Copies of all columns, with unknown in place of what was read too long ago."""
        found = {name: column.copy() for name, column in self._columns.items()}
        for stamp, (stale_sec, names) in AGES.items():
            with np.errstate(invalid="ignore"):
                age = now_ms - found[stamp]
                gone = ~((age <= stale_sec * 1000) & (age >= -AHEAD_MS))
            for name in names:
                found[name][gone] = np.nan
        return found
