"""What becomes of a scan, in a lane of its own: judged, compared with the one before, stored; results go back through a queue."""

import functools
import logging
import queue
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from radar.entered import merged_thresholds
from radar.errors import StoreError
from radar.lanes import Lanes
from radar.logs import event
from radar.models import Light, Settlement, Snapshot
from radar.scan.columns import Scanned
from radar.scan.laid import last_known
from radar.scan.schedules import Schedule
from radar.scan.table import market_table
from radar.scan.tape import MarketTape
from radar.score import HISTORY_HOURS
from radar.store import MarketStore, UserStore

__all__ = ["KEPT_AS", "SPARKS", "SPARK_MIN", "SPARK_POINTS", "ScanKeeper"]

log = logging.getLogger("radar.scanner")

KEPT_AS, SPARKS = "now", "sparks"  # names in the store
HOUR_MS = 3_600_000
RESTORED_MIN = 1_500
SPARK_MIN, SPARK_POINTS = 30, 48
FIRST_MINUTES = 2  # an hour's values are taken in its first two minutes
OF_HOUR = ("mark", "basis_twap15_pct", "perp_dominance_binance_pct", "oi_qty")
ANSWER_MS = 60_000
UNTOLD = 2_000
LATELY_MS = 900_000  # lights of before a longer pause are no "before"


class ScanKeeper:
    """`snapshots`: the newest answers of the watchlist. Methods return at once; the lane "scan" does one thing after another."""

    def __init__(self, market: MarketStore, user: UserStore, lanes: Lanes, snapshots: Callable[[], Mapping[str, tuple[int, Snapshot]]]) -> None:
        self._market, self._user, self._lanes, self._snapshots = market, user, lanes, snapshots
        self._results: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._judging = False
        self._untold: list[tuple[int, str, str, str, str]] = []  # changes that a full disk did not take yet
        self.newest: Scanned | None = None  # for whoever reads while nothing can be written
        self._lights: dict[str, tuple[str, bool]] = {}  # light, and whether the symbol was watched then
        self._schedules: dict[str, list[Any]] = {}
        self._sw_hours = 3

    def _do(self, work: Callable[[], None]) -> None:
        def run() -> None:
            try:
                work()
            except StoreError as error:
                log.warning("the scan was not stored: %s", error, extra=event("scan_unkept"))  # the collector's own notice tells the page
            except Exception:
                log.exception("the scan stumbled; the watchlist goes on", extra=event("scan_stumbled"))

        self._lanes.submit("scan", run)

    def results(self) -> Iterator[tuple[str, Any]]:
        """What the lane found out since the last call: ("table", judged), ("dangerous", symbols), ("baselines", ...), ("minutes", ...)."""
        while True:
            try:
                yield self._results.get_nowait()
            except queue.Empty:
                return

    # ── what the process before left ──
    def paid_ms(self) -> int | None:
        """Up to when payments are stored; the schedules of then are read, too."""
        self._schedules = self._market.fact("scan_schedules", {})
        return self._market.fact("scan_paid_ms")

    def schedule(self, symbol: str) -> Schedule:
        """As it was known last."""
        told = self._schedules.get(symbol)
        return Schedule(told[0], tuple(told[1]), *told[2:]) if told else Schedule()

    def restore(self, now_ms: int) -> None:
        """Read the minutes of the last day, lights and baselines again."""

        def work() -> None:
            kept = self._market.scan.kept(KEPT_AS)
            if kept is not None and 0 <= now_ms - kept.ts_ms < LATELY_MS:
                self._lights = {symbol: (light, watched) for symbol, (light, watched) in kept.more.get("lights", {}).items()}
            self._results.put(("baselines", self._market.scan.baselines(now_ms // HOUR_MS, HISTORY_HOURS)))
            stored = self._market.scan.minutes(now_ms // 60_000 - RESTORED_MIN)
            self._results.put(("minutes", {symbol: np.array(rows, dtype=float) for symbol, rows in stored.items()}))

        self._do(work)

    def _names(self) -> frozenset[str]:
        return frozenset(entry.symbol for entry in self._user.watchlist())

    # ── a scan ──
    def sw_hours(self) -> int:
        """The short window's hours, as they were at the last judgement."""
        return self._sw_hours

    def judge(self, scanned: Scanned) -> None:
        """Judge, compare, store; one that comes while another is at work is left out: the next one is ten seconds away."""
        if self._judging:
            return
        self._judging = True

        def work() -> None:
            try:
                self._judge(scanned)
            finally:
                self._judging = False

        self._do(work)

    def _judge(self, scanned: Scanned) -> None:
        t = merged_thresholds(self._user, None)
        self._sw_hours = t.sw_hours
        answers = dict(self._snapshots())  # one that nobody renews is as old as it is, and takes no row
        watched = {symbol: snapshot for symbol, (at_ms, snapshot) in answers.items() if abs(scanned.ts_ms - at_ms) <= ANSWER_MS}
        table = market_table(scanned, t, scanned.ts_ms, watched=watched, names=self._names())
        self._results.put(("dangerous", table["danger_rank"].dropna().sort_values().index.tolist()))
        self._results.put(("table", table))
        self._untold = (self._untold + self._changed(table, scanned.ts_ms))[-UNTOLD:]
        self.newest = scanned
        self._market.scan.keep(KEPT_AS, scanned.ts_ms, scanned.symbols, scanned.columns, sw_hours=scanned.sw_hours, lights=self._lights)
        if self._untold:
            self._market.scan.write_changes(self._untold)
            self._untold = []

    def _changed(self, table: pd.DataFrame, ts_ms: int) -> list[tuple[int, str, str, str, str]]:
        """Lights that are not what they were. Doubt is no change, nor is it one that somebody began, or ceased, to watch the symbol."""
        found = []
        self._lights = {symbol: self._lights[symbol] for symbol in table.index if symbol in self._lights}
        for symbol, light, fired, watched in zip(table.index, table["traffic_light"], table["fired"], table["watched"], strict=True):
            if light == Light.UNKNOWN.value:
                continue
            before = self._lights.get(symbol)
            if before is not None and before[0] != light and before[1] == bool(watched):
                found.append((ts_ms, symbol, before[0], light, fired))
            self._lights[symbol] = (light, bool(watched))
        return found

    # ── what is kept for later ──
    def keep_bars(self, minute: int, symbols: Sequence[str], columns: Mapping[str, np.ndarray], but: frozenset[str]) -> None:
        """Store a five-minute bar of every symbol `but` the watched ones: they have minutes."""
        at = [i for i, symbol in enumerate(symbols) if symbol not in but and not np.isnan(columns["mark"][i])]
        if at:
            rows = {name: column[at] for name, column in columns.items()}
            self._do(functools.partial(self._market.write_columns, minute, [symbols[i] for i in at], rows))

    def keep_sparks(self, now_ms: int, tape: MarketTape) -> None:
        """The last day of price, funding and open interest, a point every half hour."""
        columns = {name: _points(tape.block(name)) for name in ("mark", "funding_1h_pct", "oi_qty")}
        self._do(functools.partial(self._market.scan.keep, SPARKS, now_ms, tape.symbols, columns))

    def keep_schedules(self, schedules: Mapping[str, Schedule]) -> None:
        """Remember when funding settles, for the next process, where that changed."""
        told = {symbol: list(schedule) for symbol, schedule in schedules.items()}
        if told != self._schedules:
            self._schedules = told
            self._do(functools.partial(self._market.set_fact, "scan_schedules", told))

    def keep_payments(self, payments: Sequence[tuple[str, Settlement]], now_ms: int) -> None:
        """Store what was settled."""

        def work() -> None:
            self._market.scan.write_payments(payments)
            self._market.set_fact("scan_paid_ms", now_ms)

        self._do(work)

    def on_hour(self, scanned: Scanned, watched: frozenset[str], *, keep: bool) -> None:
        """At the turn of an hour: keep its values for the score (of those that nobody watches), renew the baselines."""
        hour, minute = scanned.ts_ms // HOUR_MS, scanned.ts_ms // 60_000 % 60

        def work() -> None:
            if keep and minute < FIRST_MINUTES:
                at = [i for i, symbol in enumerate(scanned.symbols) if symbol not in watched]
                values = {name: scanned.columns[name][at] for name in OF_HOUR}
                self._market.scan.write_hour(hour, [scanned.symbols[i] for i in at], values)
            self._results.put(("baselines", self._market.scan.baselines(hour, HISTORY_HOURS)))

        self._do(work)


def _points(block: np.ndarray) -> np.ndarray:
    """(points × symbols): the newest known value of every half hour of the last day."""
    return np.stack([last_known(part) for part in block[-SPARK_POINTS * SPARK_MIN :].reshape(SPARK_POINTS, SPARK_MIN, -1)])
