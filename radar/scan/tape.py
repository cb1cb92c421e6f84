"""The last minutes of the whole market in memory: one float block a column, rows are minutes, columns symbols."""

from collections.abc import Mapping, Sequence

import numpy as np

__all__ = ["KEPT", "TAPE_COLUMNS", "MarketTape"]

KEPT = 1_500  # a day, and an hour for what looks back from its start
SPARE = 60  # rows behind the window, so that a new minute moves the window instead of 26 MB; those move once an hour
TAPE_COLUMNS = ("mark", "basis_mean_pct", "funding_1h_pct", "oi_qty")


class MarketTape:
    """Minutes of every symbol that was ever put; a symbol keeps its place until `keep_only`.

    `block(name)` is the (KEPT × symbols) array of a column, the newest minute last: a view, to be read at once.
    """

    def __init__(self, minutes: int = KEPT) -> None:
        self.minutes = minutes
        self.newest = 0
        self.symbols: tuple[str, ...] = ()
        self._place: dict[str, int] = {}
        self._end = minutes  # one behind the row of the newest minute
        self._blocks = {name: np.full((minutes + SPARE, 0), np.nan) for name in TAPE_COLUMNS}

    def places(self, symbols: Sequence[str]) -> np.ndarray:
        """Columns of `symbols`; new ones are appended."""
        new = [symbol for symbol in dict.fromkeys(symbols) if symbol not in self._place]
        if new:
            for symbol in new:
                self._place[symbol] = len(self._place)
            self.symbols += tuple(new)
            gap = np.full((self.minutes + SPARE, len(new)), np.nan)
            self._blocks = {name: np.hstack([block, gap]) for name, block in self._blocks.items()}
        return np.fromiter((self._place[symbol] for symbol in symbols), dtype=np.intp, count=len(symbols))

    def keep_only(self, symbols: Sequence[str]) -> None:
        """Forget every other symbol."""
        wanted = set(symbols)
        kept = [symbol for symbol in self.symbols if symbol in wanted]
        if len(kept) != len(self.symbols):
            at = self.places(kept)
            self._blocks = {name: block[:, at].copy() for name, block in self._blocks.items()}
            self.symbols, self._place = tuple(kept), {symbol: i for i, symbol in enumerate(kept)}

    def roll(self, minute: int) -> None:
        """Let the window end at `minute`; it never moves back."""
        step = minute - self.newest
        if step <= 0:
            return
        if step >= self.minutes:
            self._end = self.minutes
            for block in self._blocks.values():
                block[: self.minutes] = np.nan
        else:
            if self._end + step > self.minutes + SPARE:
                self._rewind(self.minutes - step)
            for block in self._blocks.values():
                block[self._end : self._end + step] = np.nan
            self._end += step
        self.newest = minute

    def _rewind(self, kept: int) -> None:
        """Move the newest `kept` rows to the start; the rows that they come from may overlap with it."""
        for block in self._blocks.values():
            block[:kept] = block[self._end - kept : self._end].copy()
        self._end = kept

    def put(self, minute: int, places: np.ndarray, columns: Mapping[str, np.ndarray]) -> None:
        """Set columns of a minute at `places`; NaN there means unknown. A minute before the window is ignored."""
        self.roll(minute)
        back = self.newest - minute
        if back < self.minutes:
            for name, values in columns.items():
                self._blocks[name][self._end - 1 - back, places] = values

    def block(self, name: str) -> np.ndarray:
        """Rows are minutes, the newest last; columns are `symbols`."""
        return self._blocks[name][self._end - self.minutes : self._end]
