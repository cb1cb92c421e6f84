"""All series of one symbol over one window: what is known, what to ask for, and what an answer adds."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from radar.archive import Archive
from radar.bars import MINUTE_MS
from radar.errors import VenueRefused
from radar.gather.grid import DAY_MS, EXCHANGE, FILE, FIVE_MS, HOUR_MS, KEPT, KINDS, STORED, Rows, Sheet, columns
from radar.gather.kept import Kept
from radar.gather.payments import Payments
from radar.gather.stored import stored
from radar.store import MarketStore
from radar.venues.binance_limits import OI_KEPT_MS

__all__ = ["FUNDING", "Job", "Past", "last_end_ms"]

FUNDING = "funding"
PERP_PRICES = ("mark", "index", "perp")
STORED_MS = 32 * DAY_MS  # older minutes are never in the database
OI_LATE_MS = 6 * MINUTE_MS  # a point of open interest is published that long after its time
FRESH_MS = MINUTE_MS  # a bar is read once it has been closed that long
LATE_MS = HOUR_MS  # a bar that old and not there does not exist
ABSENT_MS, EMPTY_MS = 7 * DAY_MS, DAY_MS  # how long that is believed: of single bars, of a page without any


class Job(NamedTuple):
    """One thing to ask for; `series` "funding" is all payments of the window."""

    series: str
    symbol: str
    first_ms: int
    last_ms: int


class Past:
    """What is known of a symbol over [first_ms, end_ms], both full five minutes. Whoever knows a bar first is believed."""

    def __init__(
        self,
        market: MarketStore,
        archive: Archive | None,
        symbol: str,
        spot_symbol: str | None,
        first_ms: int,
        end_ms: int,
        now_ms: int,
    ) -> None:
        """Files first, then what was fetched before, then what the radar stored."""
        self.symbol, self.first_ms, self.end_ms = symbol, first_ms, end_ms
        self.refused: dict[str, VenueRefused] = {}
        self.sheets: dict[str, Sheet] = {}
        self._names = {series: symbol for series in KINDS if series != "spot"} | ({"spot": spot_symbol} if spot_symbol else {})
        self._kept: dict[str, Kept] = {}
        folder = market.file.path.parent / "history"
        minutes = stored(market, symbol, max(first_ms, now_ms - STORED_MS), end_ms)
        self.basis_mean_pct = minutes.basis_mean_pct  # of stored bars, by their open
        for series in KINDS:
            if series in self._names:
                self._lay(series, folder, archive, minutes.rows, now_ms)
        self.payments = Payments(Kept(folder / f"{symbol}-funding.npz", ("rate_pct",)), first_ms, end_ms)
        self.payments.lay_stored(market, symbol)
        if archive is not None:
            self.payments.lay_files(archive, symbol)

    def _lay(self, series: str, folder: Path, archive: Archive | None, minutes: Mapping[str, Rows], now_ms: int) -> None:
        kind, name, interval = KINDS[series], self._names[series], "1h" if series == "spot" else "5m"
        # A point of open interest has no length: the moment at which the last bar ends has one, too.
        sheet = self.sheets[series] = Sheet(kind, self.first_ms, self.end_ms + (FIVE_MS if series == "oi" else 0))
        if archive is not None and len(sheet.ts):
            sheet.lay(*_from_files(archive, series, name, interval, int(sheet.ts[0]), int(sheet.ts[-1])), FILE)
        kept = self._kept[series] = Kept(folder / f"{name}-{series}-{interval}.npz", kind.columns)
        bars, believed = kept.until == 0, (kept.until > now_ms) & (kept.until <= now_ms + ABSENT_MS)
        sheet.lay(kept.ts[bars], kept.values[bars], KEPT)
        if series in minutes:
            sheet.lay(*minutes[series], STORED)
        sheet.lay_absent(kept.ts[believed])

    def coverage(self) -> float:
        """The share of bars of that perpetual's price of which least is known."""
        return min(self.sheets[series].coverage for series in PERP_PRICES)

    def plan(self, now_ms: int) -> list[Job]:
        """What to ask for, small things first."""
        jobs = [Job(FUNDING, self.symbol, *window) for window in self.payments.missing()]
        for series in ("spot", *PERP_PRICES, "oi"):
            if series in self.sheets:
                first, end = (now_ms - OI_KEPT_MS, now_ms - OI_LATE_MS + FIVE_MS) if series == "oi" else (0, now_ms)
                jobs += [Job(series, self._names[series], *window) for window in self.sheets[series].windows(first, end)]
        return jobs

    def take(self, job: Job, answer: Any, now_ms: int) -> None:
        """Lay an answer (settlements, or rows of a sheet), and keep what will not change any more."""
        if job.series == FUNDING:
            self.payments.take(answer, job.first_ms, job.last_ms)
            return
        ts, values = answer
        sheet, kept = self.sheets[job.series], self._kept[job.series]
        step = 0 if job.series == "oi" else sheet.kind.step_ms
        sheet.lay(ts, values, EXCHANGE)
        final = (ts + step <= now_ms - FRESH_MS) & np.isfinite(values[:, sheet.kind.key])
        kept.add(ts[final], values[final])
        asked = (sheet.ts >= job.first_ms) & (sheet.ts <= job.last_ms)
        absent = sheet.ts[asked & (sheet.source == 0) & (sheet.ts + step <= now_ms - LATE_MS)]
        sheet.lay_absent(absent)
        kept.add_absent(absent, now_ms + (ABSENT_MS if len(ts) else EMPTY_MS))

    def save(self) -> None:
        """Write what was fetched."""
        for kept in self._all_kept():
            kept.save()

    def problems(self) -> Sequence[str]:
        """Sentences about files of what was kept."""
        return [kept.problem for kept in self._all_kept() if kept.problem]

    def _all_kept(self) -> Sequence[Kept]:
        return *self._kept.values(), self.payments.kept


def last_end_ms(last_ms: int, now_ms: int) -> int:
    """The end of the last five minutes that are over by `last_ms`, and have been for a minute."""
    return min(last_ms, now_ms - FRESH_MS) // FIVE_MS * FIVE_MS


def _from_files(archive: Archive, series: str, name: str, interval: str, first_ms: int, last_ms: int) -> Rows:
    if series == "oi":
        qty = archive.open_interest(name, first_ms, last_ms)
        return qty.index.to_numpy(), qty.to_numpy().reshape(-1, 1)
    return columns(archive.candles(series, name, interval, first_ms, last_ms))  # type: ignore[arg-type]
