"""The whole market as faces see it: the table, what changed, and one symbol that nobody watches."""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from radar.assess import assess
from radar.collector import Collector
from radar.entered import merged_thresholds
from radar.models import HostHealth, Snapshot
from radar.scan.columns import Scanned
from radar.scan.judging import observation_of
from radar.scan.table import MARKET_COLUMNS, Change, Market, market_table
from radar.scan_keeper import KEPT_AS, SPARKS
from radar.store import MarketStore, UserStore

__all__ = ["MarketDesk"]

HOUR_MS = 3_600_000
GONE_MS = 900_000  # a scan of longer ago says nothing: its prices are unknown by then
NOT_YET = "The scan has not begun yet."


class MarketDesk:
    """A part of Radar. Answers are judged at the moment of reading, so that a scan which nobody refreshes goes stale."""

    market: MarketStore
    user: UserStore
    _scan_lock: threading.Lock
    _scan: Scanned | None = None
    _sparks: tuple[int, dict[str, dict[str, list[float | None]]]] = (0, {})

    def now_ms(self) -> int:
        """Epoch ms on the exchange's clock."""
        raise NotImplementedError

    def snapshots(self) -> list[Snapshot]:
        """The present answer for every watched symbol."""
        raise NotImplementedError

    def _told(self) -> Mapping[str, Any]:
        raise NotImplementedError

    @property
    def _here(self) -> Collector | None:
        raise NotImplementedError

    def _scanned(self) -> Scanned | None:
        """The newest scan; None where there is none, or it is of long ago."""
        store, here = self.market.scan, self._here
        if here is not None and here.notices.get("store"):
            return here.newest_scan  # the disk is full or read-only: memory is newer
        kept_ms = store.kept_ms(KEPT_AS)
        if kept_ms is None or self.now_ms() - kept_ms > GONE_MS:
            return None
        with self._scan_lock:
            if self._scan is None or self._scan.ts_ms != kept_ms:
                kept = store.kept(KEPT_AS)
                if kept is not None:
                    self._scan = Scanned(kept.ts_ms, kept.symbols, kept.columns, int(kept.more.get("sw_hours", 3)))
            return self._scan

    def whole_market(self) -> Market:
        """Every perpetual with its light, ranks and flags, what changed in the last hour, and what the scan costs."""
        told, now_ms = self._told(), self.now_ms()
        scan = told.get("scan") or {"on": False, "why": NOT_YET}
        scanned = self._scanned()
        ts_ms = scanned.ts_ms if scanned else self.market.scan.kept_ms(KEPT_AS)
        table = pd.DataFrame(columns=list(MARKET_COLUMNS), index=pd.Index([], name="symbol", dtype=str))
        if scanned is not None:
            watched = {snapshot.symbol: snapshot for snapshot in self.snapshots()}
            names = {entry.symbol for entry in self.user.watchlist()}
            table = market_table(scanned, merged_thresholds(self.user, None), now_ms, watched=watched, names=names)
        return Market(
            on=bool(scan["on"]),
            why=str(scan["why"]),
            ts_ms=ts_ms,
            age_sec=None if ts_ms is None else max(0.0, (now_ms - ts_ms) / 1000),
            table=table,
            sparks=self._half_hours(),
            changes=[Change(*row) for row in self.market.scan.changes(now_ms - HOUR_MS)],
            weight=_weight([HostHealth(**host) for host in told.get("hosts", [])]),
        )

    def _half_hours(self) -> dict[str, dict[str, list[float | None]]]:
        """The last day of every symbol, a point every half hour."""
        store = self.market.scan
        kept_ms = store.kept_ms(SPARKS)
        if kept_ms is not None and kept_ms != self._sparks[0] and (kept := store.kept(SPARKS)) is not None:
            known = {name: np.where(np.isnan(block), None, block).T.tolist() for name, block in kept.columns.items()}
            self._sparks = (kept_ms, {symbol: {name: points[at] for name, points in known.items()} for at, symbol in enumerate(kept.symbols)})
        return self._sparks[1]

    def is_scanned(self, symbol: str) -> bool:
        """Whether the scan has an answer for the symbol."""
        scanned = self._scanned()
        return scanned is not None and symbol in scanned.symbols

    def _seen_by_scan(self, symbol: str) -> Snapshot | None:
        """The scan's answer for a symbol that nobody watches, as the market's table has it: no books, no borrow, thresholds of all."""
        scanned = self._scanned()
        if scanned is None or symbol not in scanned.symbols:
            return None
        return assess(observation_of(scanned, symbol), merged_thresholds(self.user, None), (), now_ms=self.now_ms())


def _weight(hosts: Sequence[HostHealth]) -> dict[str, int]:
    """Weight of the futures pool in the last minute, by purpose."""
    return dict(next((host.used_by for host in hosts if host.pool == "futures" and host.venue == "binance"), {}))
