"""Five-minute bars of the whole market as its quotes come in, and the running minute's mean basis."""

from collections.abc import Mapping

import numpy as np

from radar.bars import SOURCE_5M

__all__ = ["FIVE", "Fives"]

FIVE = 5


class Fives:
    """Running sums of `count` symbols; all arrays are aligned with them. A bar counts for its last minute, as kline bars do."""

    def __init__(self, count: int) -> None:
        self.slot: int | None = None  # first minute of the running bar
        self._minute = np.zeros(count, dtype=np.int64)
        self._sum, self._samples = np.zeros(count), np.zeros(count)
        self._bar = _empty(count)

    def grown(self, count: int, places: np.ndarray) -> "Fives":
        """The same sums for `count` symbols, of which those at `places` (−1: new) were there before."""
        new, old = Fives(count), places >= 0
        new.slot = self.slot
        new._minute[old], new._sum[old], new._samples[old] = self._minute[places[old]], self._sum[places[old]], self._samples[places[old]]
        for name, column in new._bar.items():
            column[old] = self._bar[name][places[old]]
        return new

    def add(self, minute: np.ndarray, mark: np.ndarray, index: np.ndarray, at: np.ndarray) -> np.ndarray:
        """Take one sample of the symbols at `at` in their `minute`; the mean basis of each one's running minute, %."""
        fresh = minute > self._minute[at]
        self._sum[at[fresh]] = self._samples[at[fresh]] = 0.0
        self._minute[at] = np.maximum(self._minute[at], minute)
        usable = (mark > 0) & (index > 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            basis = np.where(usable, (mark - index) / index * 100, 0.0)
        self._sum[at] += basis
        self._samples[at] += usable
        bar = self._bar
        for name, value in (("mark", mark), ("index", index)):
            bar[name][at] = np.where(value > 0, value, bar[name][at])
            bar[f"{name}_high"][at] = np.fmax(bar[f"{name}_high"][at], np.where(value > 0, value, np.nan))
            bar[f"{name}_low"][at] = np.fmin(bar[f"{name}_low"][at], np.where(value > 0, value, np.nan))
        bar["basis_sum"][at] += basis
        bar["samples"][at] += usable
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self._samples[at] > 0, self._sum[at] / self._samples[at], np.nan)

    def turn(self, minute: int) -> tuple[int, Mapping[str, np.ndarray]] | None:
        """When `minute` lies behind the running bar: (its last minute, its columns), and a new one begins; else None."""
        slot = minute // FIVE * FIVE
        if self.slot is None or slot < self.slot:
            self.slot = slot
        if slot == self.slot:
            return None
        closed, last = dict(self._bar), self.slot + FIVE - 1
        self.slot, self._bar = slot, _empty(len(self._sum))
        samples, total = closed["samples"], closed.pop("basis_sum")
        with np.errstate(divide="ignore", invalid="ignore"):
            closed["basis_mean_pct"] = np.where(samples > 0, total / samples, np.nan)
        closed["source"] = np.full(len(samples), float(SOURCE_5M))
        return last, closed


def _empty(count: int) -> dict[str, np.ndarray]:
    names = ("mark", "mark_high", "mark_low", "index", "index_high", "index_low")
    return {name: np.full(count, np.nan) for name in names} | {"basis_sum": np.zeros(count), "samples": np.zeros(count)}
