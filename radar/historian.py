"""Keeps every symbol's past complete: plans what is missing, asks within the budget, and renews the SRS baseline."""

import contextlib
import functools
import heapq
import logging
import queue
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from radar.backfill import DAYS, MINUTES_KEPT, STAGES, Answer, Have, Task, fetch, plan
from radar.bars import MINUTE_MS, minute_of
from radar.cadence import cadence
from radar.clock import Clock
from radar.errors import StoreError, VenueBlocked, VenueBusy, VenueError, VenueRefused
from radar.exchange_clock import ExchangeClock
from radar.funding import unbroken
from radar.history import hourly_prices, srs_history
from radar.jobs import HISTORY_VALUES
from radar.lanes import Lanes
from radar.live import LiveSymbol
from radar.logs import event
from radar.models import Observation, Progress, Quality, Snapshot
from radar.schedule import Ask, lateness
from radar.store import MarketStore
from radar.thresholds import Thresholds
from radar.venues import Venue

__all__ = ["Historian"]

log = logging.getLogger("radar.historian")

HOUR_MS = 3_600_000
IN_FLIGHT = 6
TRIES = 5
RETRY_SEC = 5.0
DISK_RETRY_SEC = 60.0
ASK_TWICE = 2  # a window that came back incomplete is asked for once more, then it does not exist
OI_EVERY_SEC = 300.0
POOLS = {"settlements": "funding", "oi5": "data", "oi1h": "data"}
WEIGHTS = {"minutes": 4, "fives": 4, "volume": 4}  # mark and index, a page each; the others ask once
WAITS_SEC = 60.0
PAID_GAP_MS = 25 * HOUR_MS  # funding settles at least once a day
FIRST_MINUTES = 2  # an hour's values are taken in its first two minutes


class Waiting(NamedTuple):
    """A task, when it may be asked (monotonic seconds), and how often it failed."""

    task: Task
    not_before: float
    failures: int = 0


class Historian:
    """The past of every watched symbol. Runs on the collector's thread; requests run in the history lane."""

    def __init__(self, venue: Venue, market: MarketStore, lanes: Lanes, clock: Clock, time: ExchangeClock, wake: threading.Event) -> None:
        self._venue, self._market, self._lanes, self._clock, self._time, self._wake = venue, market, lanes, clock, time, wake
        self._waiting: list[Waiting] = []
        self._answers: queue.SimpleQueue[tuple[Waiting, Answer | VenueError]] = queue.SimpleQueue()
        self._flying = 0
        self._live: dict[str, LiveSymbol] = {}
        self._asked: Counter[Task] = Counter()
        self._open: dict[str, set[Task]] = {}  # planned, and not done yet
        self._total: Counter[str] = Counter()
        self._told: dict[str, int] = {}
        self._pool_free: dict[str, float] = {}
        self._hour: dict[str, int] = {}
        self._next_oi: dict[str, float] = {}
        self._renewed: set[str] = set()
        self._due: set[str] = set()
        self._paid_whole: set[str] = set()  # whose payments were asked for from the beginning: there are no more

    # ── who ──
    def enter(self, live: LiveSymbol) -> None:
        """A symbol is watched from now on: load what is stored, plan what is missing."""
        now_ms = self._time.now_ms()
        minute = minute_of(now_ms)
        self._live[live.symbol] = live
        live.tape.roll(minute)
        stored = self._market.bars(live.symbol, minute - live.tape.minutes + 1, minute)
        for at, values in zip(stored.index.tolist(), stored.to_dict("records"), strict=True):
            live.tape.put(at, {name: value for name, value in values.items() if not np.isnan(value)})
        self.load_settlements(live)
        self._renew(live)
        self._plan(live)

    def forget(self, symbol: str) -> None:
        """The symbol is no longer watched."""
        self._live.pop(symbol, None)
        self._waiting = [w for w in self._waiting if w.task.symbol != symbol]
        for table in (self._open, self._total, self._told, self._hour, self._next_oi):
            table.pop(symbol, None)  # type: ignore[attr-defined]
        self._asked = Counter({task: n for task, n in self._asked.items() if task.symbol != symbol})

    def has_first(self, symbol: str) -> bool:
        """Whether stage A is done, so that a light can be judged."""
        return not self._is_open(symbol, "A")

    def _is_open(self, symbol: str, *stages: str) -> bool:
        numbers = {STAGES[stage] for stage in stages}
        return any(task.stage in numbers for task in self._open.get(symbol, ()))

    @property
    def busy(self) -> bool:
        """Whether history is still coming in, from which the hours of the score are made."""
        return any(waiting.task.stage <= STAGES["B"] for waiting in list(self._waiting))

    def changed(self) -> set[str]:
        """Symbols whose score history or first stage came in since the last call."""
        changed, self._renewed = self._renewed, set()
        return changed

    def replan(self, live: LiveSymbol) -> None:
        """Look for holes soon: one symbol a step, so that the turn of an hour stalls nobody."""
        self._due.add(live.symbol)

    def _plan(self, live: LiveSymbol) -> None:
        if live.delisted:
            return
        symbol, now_ms = live.symbol, self._time.now_ms()
        minute, hour = minute_of(now_ms), now_ms // HOUR_MS
        have = Have(
            mark_minutes=self._market.minutes_with(symbol, "mark", minute - MINUTES_KEPT, minute),
            mark_fives=self._market.minutes_with(symbol, "mark", minute - DAYS * 1440, minute, step=5),
            oi_minutes=self._market.minutes_with(symbol, "oi_qty", minute - MINUTES_KEPT, minute),
            hours=self._market.hours(symbol, hour - DAYS * 24, hour),
            last_settled_ms=self._paid_until_ms(live, now_ms),
            first_known_ms=live.contract.onboard_ms if live.contract else None,
            has_spot=live.home.trades,
        )
        open_tasks = self._open.setdefault(symbol, set())
        planned = plan(symbol, now_ms, have)
        for task in [task for task in self._asked if task.symbol == symbol and task not in planned]:
            del self._asked[task]  # filled, or too old to be missed: no need to remember it
        fresh = [task for task in planned if task not in open_tasks and self._asked[task] < ASK_TWICE]
        if not open_tasks:
            self._total[symbol] = 0
        for task in fresh:
            self._asked[task] += 1
            self._waiting.append(Waiting(task, 0.0))
        open_tasks.update(fresh)
        self._total[symbol] += len(fresh)
        self._tell(symbol, force=True)

    def _paid_until_ms(self, live: LiveSymbol, now_ms: int) -> int | None:
        """The last payment, where those of thirty days before it are stored, too: the scan stores the newest of every coin."""
        if not live.settlements:
            return None
        runs = unbroken([payment.ts_ms for payment in live.settlements])
        first_ms = max(now_ms - DAYS * 24 * HOUR_MS, live.contract.onboard_ms or 0 if live.contract else 0)
        whole = len(runs) == 1 and runs[0][0] <= first_ms + PAID_GAP_MS
        return runs[-1][1] if whole or live.symbol in self._paid_whole else None

    # ── asking ──
    def step(self) -> None:
        """Take in answers, look for holes."""
        self._take_answers()
        if self._due and (live := self._live.get(self._due.pop())) is not None:
            self._plan(live)

    def asks(self, symbols: Mapping[str, LiveSymbol]) -> Iterator[Ask]:
        """As many requests as there are threads free for them, the first stages first."""
        now = self._clock.monotonic()
        for symbol, live in symbols.items():
            if now >= self._next_oi.setdefault(symbol, now + OI_EVERY_SEC) and not live.delisted:
                self._next_oi[symbol] = now + OI_EVERY_SEC
                now_ms = self._time.now_ms()  # the regular look: no part of a plan, and not tried twice
                self._waiting.append(Waiting(Task(STAGES["A"], "oi5", symbol, now_ms - 1_800_000, now_ms), 0.0, failures=TRIES))
        free = IN_FLIGHT - self._flying
        by_pool: dict[str, list[Waiting]] = {}  # one that is used up must not hold up the others
        for waiting in self._waiting if free > 0 else ():
            pool = POOLS.get(waiting.task.kind, "futures")
            if waiting.not_before <= now and self._pool_free.get(pool, 0.0) <= now:
                by_pool.setdefault(pool, []).append(waiting)
        for pool, ready in by_pool.items():
            for waiting in heapq.nsmallest(free, ready, key=lambda w: w.task):
                late, weight = lateness(waiting.not_before, now, WAITS_SEC), WEIGHTS.get(waiting.task.kind, 1)
                yield Ask("history", pool, weight, HISTORY_VALUES[waiting.task.stage], late, functools.partial(self._fly, waiting))

    def _fly(self, waiting: Waiting) -> None:
        if self._flying >= IN_FLIGHT:
            return  # several pools offered what one could not use
        self._waiting.remove(waiting)
        live = self._live.get(waiting.task.symbol)
        spot_symbol = live.home.pair.symbol if live and live.home.pair else None
        self._flying += 1

        def fly() -> None:
            answer: Answer | VenueError
            try:
                answer = fetch(self._venue, waiting.task, spot_symbol)
            except VenueError as error:
                answer = error
            except Exception as error:
                log.exception("history of %s failed unexpectedly", waiting.task.symbol, extra=event("history_stumbled", symbol=waiting.task.symbol))
                answer = VenueError(f"{waiting.task.kind}: {type(error).__name__}")
            self._answers.put((waiting, answer))
            self._wake.set()

        self._lanes.submit("history", fly)

    # ── answers ──
    def _take_answers(self) -> None:
        while True:
            try:
                waiting, answer = self._answers.get_nowait()
            except queue.Empty:
                return
            self._flying -= 1
            task = waiting.task
            live = self._live.get(task.symbol)
            if live is None:
                continue
            if isinstance(answer, VenueBusy | VenueBlocked):
                wait = min(60.0, max(0.25, (answer.until_ms - self._clock.now_ms()) / 1000))
                self._pool_free[POOLS.get(task.kind, "futures")] = self._clock.monotonic() + wait
                self._waiting.append(waiting)
            elif self._is_in_doubt(live, task, answer) and waiting.failures < TRIES:
                later = self._clock.monotonic() + RETRY_SEC * 2**waiting.failures
                self._waiting.append(Waiting(task, later, waiting.failures + 1))
            else:
                try:
                    if isinstance(answer, Answer):
                        self._take(live, task, answer)
                except StoreError as error:  # the disk is full: the collector's notice says so, and history can be asked again
                    log.warning("history of %s was not stored: %s", task.symbol, error, extra=event("history_unkept", symbol=task.symbol))
                    self._waiting.append(waiting._replace(not_before=self._clock.monotonic() + DISK_RETRY_SEC))
                    continue
                self._done(live, task)

    def _is_in_doubt(self, live: LiveSymbol, task: Task, answer: Answer | VenueError) -> bool:
        """Nothing usable came, or no payment at all of a contract that must have paid: worth asking again."""
        if isinstance(answer, VenueError):
            return not isinstance(answer, VenueRefused)
        if task.kind != "settlements" or task.start_ms or answer.settlements or live.contract is None:
            return False
        return live.contract.onboard_ms is not None and task.end_ms - live.contract.onboard_ms > PAID_GAP_MS

    def _take(self, live: LiveSymbol, task: Task, answer: Answer) -> None:
        symbol = live.symbol
        if answer.rows:
            self._market.write_bars(((symbol, minute, values) for minute, values in answer.rows), keep=True)
            for minute, values in answer.rows:
                live.tape.put(minute, values, keep=True)
        if task.kind == "oi5" and answer.rows:
            known, newest = live.readings.get("oi_history"), answer.rows[-1][0] * MINUTE_MS
            if known is None or newest > (known.ts_ms or 0):
                live.note_reading("oi_history", newest, cadence(len(self._live)), source="openInterestHist")
        if answer.hours is not None and len(answer.hours):
            self._market.write_hours(symbol, answer.hours)
        if task.kind == "settlements":
            live.settled_read_ms = task.end_ms
            if task.start_ms == 0:
                self._paid_whole.add(symbol)
        if answer.settlements:
            self._market.write_settlements(symbol, answer.settlements)
            self.load_settlements(live)

    def _done(self, live: LiveSymbol, task: Task) -> None:
        symbol = live.symbol
        if task not in self._open.get(symbol, ()):
            return  # the regular look, or of a plan before the symbol left and came back
        self._open[symbol].discard(task)
        if task.stage == STAGES["A"] and not self._is_open(symbol, "A"):
            self._renewed.add(symbol)
        if task.stage <= STAGES["B"] and not self._is_open(symbol, "A", "B"):
            self._complete(live)
        self._tell(symbol)

    def _complete(self, live: LiveSymbol) -> None:
        """All of the last 30 days that there is has come in: prices at full hours, then the baseline."""
        now_ms = self._time.now_ms()
        hour = now_ms // HOUR_MS
        first = hour - DAYS * 24
        bars = self._market.bars(live.symbol, first * 60 - 16, minute_of(now_ms))
        if len(bars):
            self._market.write_hours(live.symbol, hourly_prices(bars, first, hour).dropna(how="all"))
        self._renew(live)

    def _renew(self, live: LiveSymbol) -> None:
        hour = self._time.now_ms() // HOUR_MS
        hours = self._market.hours(live.symbol, hour - DAYS * 24, hour)
        if hours.notna().any(axis=None):
            found = srs_history(hours, live.settlements, Thresholds())
            live.baseline, live.srs_counts = found.baseline, found.counts
            self._renewed.add(live.symbol)
        self._hour.setdefault(live.symbol, hour)

    def load_settlements(self, live: LiveSymbol) -> None:
        """Hand the stored payments of 31 days to the symbol."""
        live.on_settlements(self._market.settlements(live.symbol, self._time.now_ms() - 31 * 24 * HOUR_MS))

    def on_hour(self, live: LiveSymbol, snapshot: Snapshot, observation: Observation) -> None:
        """At the turn of an hour: keep its values for the score, renew the baseline, look for holes."""
        hour, minute = observation.ts_ms // HOUR_MS, minute_of(observation.ts_ms) % 60
        if self._hour.get(live.symbol, hour) == hour:
            return
        self._hour[live.symbol] = hour
        if minute < FIRST_MINUTES:
            fresh = {name: value for name, value in observation.values.items() if name in snapshot.quality and snapshot.quality[name].state is Quality.FRESH}
            depths = {"perp_depth_usdt", "spot_depth_usdt"} <= fresh.keys()
            values = {name: fresh.get(name) for name in ("mark", "basis_twap15_pct", "perp_dominance_binance_pct", "oi_qty")}
            values |= {"depth_ratio": observation.values.get("depth_ratio") if depths else None, "srs": snapshot.srs}
            with contextlib.suppress(StoreError):  # one hour of the score's history; the light goes on
                self._market.write_hours(live.symbol, pd.DataFrame([values], index=[hour], dtype=float))
        self._renew(live)
        self.replan(live)

    # ── progress ──
    def _tell(self, symbol: str, *, force: bool = False) -> None:
        total = self._total[symbol]
        done = total - len(self._open[symbol])
        share = 20 * done // total if total else 20
        if force or share != self._told.get(symbol):
            self._told[symbol] = share
            stage = next((name for name in STAGES if self._is_open(symbol, name)), "done")
            said = {"A": "first reading", "B": "30 days for the SRS", "C": "minutes of the last 48 h", "done": "complete"}[stage]
            with contextlib.suppress(StoreError):  # the next share tells it again
                self._market.write_progress(Progress(symbol=symbol, done=done, total=total, stage=said))
