"""The collector: one `step()` asks what is due, takes in what was answered, and judges once a beat.

Only the thread that steps touches the symbols; requests run in lanes and come back through a queue. The lease lets one
collector work on a database.
"""

import functools
import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

from radar.bars import MINUTE_MS
from radar.clock import Clock
from radar.courier import Courier
from radar.elsewhere import Elsewhere, Lender
from radar.errors import StoreError, VenueBlocked, VenueBusy, VenueError, VenueRefused
from radar.exchange_clock import ExchangeClock
from radar.historian import Historian
from radar.housekeeping import Housekeeping, Notices
from radar.intake import Intake
from radar.jobs import Answered, Asker, first_weight, weight_per_minute
from radar.judge import WRITE_DELAY_MS, Judge, store_notice
from radar.lanes import Lanes, ThreadLanes
from radar.live import INPUT_NAMES, LiveSymbol
from radar.logs import event
from radar.models import Observation, Watched
from radar.pace import Pace
from radar.rounds import Rounds
from radar.scan.columns import Scanned
from radar.scan_keeper import ScanKeeper
from radar.scan_rounds import SCAN_JOBS
from radar.scanner import Scanner
from radar.schedule import chosen
from radar.store import MarketStore, UserStore
from radar.store.base import Locked
from radar.teller import Teller
from radar.venues import Venue
from radar.venues.second import SecondVenue

__all__ = ["BEAT_SEC", "Collector"]

log = logging.getLogger("radar.collector")

BEAT_SEC = 13.0  # without an answer; a fresh quote (every 10 s) is judged at once
STEP_SEC = 0.25
SLOW_SEC = 3.0
LEASE_SEC, LEASE_EVERY_SEC = 15.0, 5.0
CHORES_EVERY_SEC = 60.0
ENTERED_SEC = 75.0  # the first readings of a symbol lie in the exchange's window for that long
RETRY_SEC = 30.0
OFF_MS = 120_000  # a clock that was wrong by less leaves no hole that matters
LOGGED_EVERY = 60  # of errors in a row, the first and then every so many
ALL = "*"
READING_OF = {"quotes": "quote", "perp_tickers": "perp_ticker", "spot_tickers": "spot_ticker", "spot_pairs": "listing"}


class Collector:
    """Collects for one database. `step` and everything it calls run on one thread."""

    def __init__(
        self,
        venue: Venue,
        market: MarketStore,
        user: UserStore,
        *,
        clock: Clock,
        holder: str,
        seconds: Sequence[SecondVenue] = (),
        lender: Callable[[Callable[[], int]], Lender | None] | None = None,
        lanes: Lanes | None = None,
        retention_days: int = 30,
    ) -> None:
        """`seconds`: the exchanges beside `venue`; `lender(now_ms)`: opens Binance's own loans, where there is a key."""
        self.venue, self.market, self.user, self.clock, self.holder = venue, market, user, clock, holder
        self.time = ExchangeClock(clock)
        self.wake, self.stop = threading.Event(), threading.Event()
        self.symbols: dict[str, LiveSymbol] = {}
        self.notices = Notices()
        self.leading = False
        self.pace = Pace(clock)
        self._stepped = clock.monotonic()  # the end of the last step that came to one
        self._lanes = lanes or ThreadLanes()
        self._asker = Asker(clock, self._lanes, self.wake)
        self.historian = Historian(venue, market, self._lanes, clock, self.time, self.wake)
        self.elsewhere = Elsewhere(seconds, lender(self.time.now_ms) if lender else None, clock, self._lanes, self.wake, self.time)
        self._judge = Judge(market, user, self.historian, clock, self.time, self.notices, self.elsewhere)
        self._house = Housekeeping(
            venue, self.elsewhere, market, user, self.historian, clock, self.time, self.notices, retention_days=retention_days
        )
        self._house.tell_also(lambda: {"pace": self.pace.told(), "waiting": self._judge.waiting})
        self._intake = Intake(self.symbols, market, self.historian, self._asker, self.time)
        self._scan: Scanner | None = None
        self._rounds = Rounds(venue, self.symbols, self._intake, self._asker, clock, self.time)
        self._next_beat = self._next_lease = self._next_chores = 0.0
        self._woken = self._timed = False
        self._entered: dict[str, float] = {}  # when symbols were added, for a while

    @property
    def latest(self) -> dict[str, Observation]:
        """The newest observation of every symbol, from memory."""
        return self._judge.latest

    @property
    def told_clock(self) -> dict[str, int]:
        """What the exchange's clock said last, whether or not the disk takes it."""
        return self._intake.told_clock

    # ── the loop ──
    def run(self) -> None:
        """Step until `stop` is set; `close` comes after it. An unexpected error is logged, counted and told, and the loop goes on."""
        in_a_row = 0
        while not self.stop.is_set():
            self.pace.begin()
            try:
                self.step()
                in_a_row = 0
                self.notices.pop("stumbled", None)
            except Exception:
                # The supervisor: nothing that happens to one step may end the collecting.
                if in_a_row % LOGGED_EVERY == 0:
                    log.exception("collector step failed; going on", extra=event("step_failed"))
                in_a_row += 1
                self.pace.fail()
                self.notices["stumbled"] = f"The collector stumbled over an error of the radar's own ({in_a_row} times in a row); see its log."
                self.clock.wait(self.stop, 1.0)
            if (took := self.pace.end()) > SLOW_SEC:
                log.warning("a step took longer than %.0f s", SLOW_SEC, extra=event("step_slow", seconds=round(took, 1)))
            if self.clock.wait(self.wake, STEP_SEC):
                self.wake.clear()
            else:
                self.pace.waited(STEP_SEC)

    def close(self) -> None:
        """Store the running minute, give the lease back, let go of the threads."""
        self._lanes.close()
        if self.leading:
            try:
                self._judge.store_minutes(list(self.symbols.values()), self.time.now_ms() + MINUTE_MS + WRITE_DELAY_MS)
                self._house.keep_doors()
                self.market.give_lease(self.holder)
                log.info("collecting has ended", extra=event("lease_given", holder=self.holder))
            except StoreError as error:
                log.warning("the last minute was not stored: %s", error, extra=event("last_minute_unkept"))
        self.leading = False

    def step(self) -> None:
        """Everything that is due now; returns soon."""
        self._step()
        self._stepped = self.clock.monotonic()

    @property
    def idle_sec(self) -> float:
        """Since when no step came to its end: it stands still, or each of them fails."""
        return self.clock.monotonic() - self._stepped

    def _step(self) -> None:
        now = self.clock.monotonic()
        if now >= self._next_lease:
            self._next_lease = now + LEASE_EVERY_SEC
            self._take_lease()
        if not self.leading:
            return
        self._house.keep_on(self._watch)
        if self.time.slept():
            self._asker.hurry("clock")
            self.elsewhere.woke()
            self._woken = True  # nothing is judged before the exchange told its time
        self._ask()
        fresh = self._take_answers()
        self._follow_clock()
        if self.time.asked and not self._woken and self.elsewhere.step(self.symbols):
            fresh |= self.symbols.keys() - self.latest.keys()
        self._house.keep_on(self.historian.step)
        fresh |= self.historian.changed()
        if self._scan and (table := self._scan.step()) is not None:
            self._judge.tell_market(table)
        if self._woken:
            return
        if now >= self._next_beat or ALL in fresh:
            self._next_beat = now + BEAT_SEC
            self._judge.judge(list(self.symbols.values()))
            self._judge.store_minutes(list(self.symbols.values()), self.time.now_ms())
            self._house.tell()
        elif fresh:
            self._judge.judge([live for symbol, live in self.symbols.items() if symbol in fresh])
        if now >= self._next_chores:
            self._next_chores = now + CHORES_EVERY_SEC
            self._tell_need()
            self._lanes.submit("meta", self._house.chores)

    @property
    def newest_scan(self) -> Scanned | None:
        """What the scan measured last, from memory."""
        return self._scan.newest if self._scan else None

    def scan(self, on: bool, why: str) -> None:
        """Look at the whole market, too, if `on`; `why` is the sentence that people read about it."""
        self._house.scan = {"on": on, "why": why}
        log.info("%s", why, extra=event("scan_on" if on else "scan_off"))
        if not on:
            return
        keeper = ScanKeeper(self.market, self.user, self._lanes, lambda: self._judge.snapshots)
        self._scan = Scanner(self.venue, self._intake, self.symbols, self.elsewhere, self._asker, self.time, keeper)

    def tell(self, teller: Teller, courier: Courier) -> None:
        """Let `teller` decide what is news, and `courier` know when there is some."""
        self._judge.tell(teller, courier.wake)
        self._house.also(lambda: None if (now_ms := self.time.sure_ms()) is None else courier.tidy(now_ms))

    def told(self) -> dict[str, Any]:
        """How it is doing: when it was last seen to work, hosts, exchanges, notices."""
        told = self._house.told()
        return told | {"ts_ms": told["ts_ms"] - round(self.idle_sec * 1000)}

    def release(self) -> None:
        """Let go of connections; the collecting has ended before."""
        self.venue.close()
        self.elsewhere.close()

    def _mend(self) -> None:
        """Files that turned out to be damaged are replaced by whoever collects; everybody goes over to the new ones."""
        try:
            mine = self.leading or self.market.lease_free_or_unknown(self.clock.now_ms())
            self.user.mend(mine=mine)
            if self.market.mend(mine=mine) and self.leading and (self.market.lease() or ("",))[0] != self.holder:
                log.warning("the market file is another one now; beginning anew")
                self.leading = False
                self._intake.keep_listings()
        except StoreError as error:
            self.notices["store"] = store_notice(error)

    def _take_lease(self) -> None:
        self._mend()
        try:
            held = self.market.take_lease(self.holder, self.clock.now_ms(), LEASE_SEC)
        except StoreError as error:
            # A full or read-only disk: whoever collects goes on from memory.
            self.notices["store"] = store_notice(error)
            # Who cannot write because another process does leaves the collecting to that one, or waits until it is done.
            held = self.leading or (not isinstance(error, Locked) and self.market.lease_free_or_unknown(self.clock.now_ms()))
        if held and not self.leading:
            log.info("this process collects", extra=event("lease_taken", holder=self.holder))
            self._begin()
        elif self.leading and not held:
            log.warning("another collector took over", extra=event("lease_lost", holder=self.holder))
        self.leading = held

    def _begin(self) -> None:
        """Pick up what the process before left."""
        self._drop_all()  # the lease was lost for a while: what was missed is read from the store
        self._intake.begin()
        self.venue.set_whitelist(self._intake.contracts)
        self._house.restore_doors()
        if self._scan:
            self._scan.begin()
        known = [Observation.read(body) for _, body in self.market.observations().values()]
        self.elsewhere.recall({observation.symbol: observation.loans for observation in known if observation is not None})
        self._judge.begin()

    def _follow_clock(self) -> None:
        """Symbols that were entered by our own clock, and it was wrong, are entered again once the exchange told its time."""
        if self._timed:
            return
        moved_ms, self._timed = self.time.moved_ms(), self.time.known
        if abs(moved_ms) > OFF_MS:
            log.warning("the clock was off by %.0f s; everybody is read again", moved_ms / 1000, extra=event("clock_set", seconds=round(moved_ms / 1000)))
            self._drop_all()

    def _drop_all(self) -> None:
        for symbol in list(self.symbols):
            del self.symbols[symbol]
            self.historian.forget(symbol)

    # ── who is watched ──
    def _watch(self) -> None:
        watched = {entry.symbol: entry for entry in self.user.watchlist()}
        for symbol in [s for s in self.symbols if s not in watched]:
            del self.symbols[symbol]
            self.historian.forget(symbol)
            self._judge.forget(symbol)
            self.market.drop_observation(symbol)
            self._tell_need()
        for symbol, entry in watched.items():
            if symbol not in self.symbols and self._intake.contracts:
                self._enter(entry)

    def _enter(self, entry: Watched) -> None:
        symbol = entry.symbol
        if entry.pending:
            if symbol not in self._intake.contracts:
                if not self._intake.lacks(symbol):
                    return
                self.user.unwatch(symbol)
                self.notices[f"unknown:{symbol}"] = f"{symbol} is not a tradable USDT perpetual on Binance; it was taken off the watchlist."
                return
            self.user.confirm(symbol)
        live = LiveSymbol(symbol, binance_spot=self.venue.spot)
        self._intake.introduce(live)
        self.historian.enter(live)
        self.symbols[symbol] = live  # only now: what could not be read from the disk is tried again at the next step
        self._intake.catch_up(live)
        self._judge.enter(symbol)
        for name in ("oi", "perp_book", "spot_book"):
            self._asker.hurry(name, symbol)
        self._asker.hurry("spot_tickers")
        self._entered[symbol] = self.clock.monotonic()
        self._tell_need()

    def _tell_need(self) -> None:
        """What the watchlist needs in a minute; one that has just grown needs more."""
        since = self.clock.monotonic() - ENTERED_SEC
        self._entered = {symbol: at for symbol, at in self._entered.items() if at > since and symbol in self.symbols}
        needs = weight_per_minute(len(self.symbols)), first_weight(len(self._entered))
        for pool, weight, more in zip(("futures", "spot"), *needs, strict=True):
            self.venue.set_need(pool, weight + more)

    def _ask(self) -> None:
        """Send what is most urgent among everything that is due: for the watchlist, for its past."""
        asks = [*self._rounds.asks(ready=self.time.asked), *(self.historian.asks(self.symbols) if self.time.asked else ())]
        if self._scan and self.time.asked:
            asks += self._scan.asks() or []
        for ask in chosen(asks, self.venue.spare):
            ask.send()

    # ── answers ──
    def _take_answers(self) -> set[str]:
        """Take in what came back; returns the symbols (or ALL) that know something new."""
        fresh: set[str] = set()
        for answered in self._asker.answers():
            self._woken = self._woken and answered.job.name != "clock"
            if self._scan and answered.job.name in SCAN_JOBS:
                self._scan.take(answered)
                continue
            if answered.symbol is not None and answered.symbol not in self.symbols:
                continue
            if isinstance(answered.value, VenueError):
                self._failed(answered, answered.value)
                continue
            self._house.keep_on(functools.partial(getattr(self._intake, f"on_{answered.job.name}"), answered))
            if self._scan and not (self._woken and answered.job.name == "quotes"):
                self._scan.hear(answered.job.name)
            if answered.job.name in ("quotes", "contracts", "spot_pairs"):
                fresh.add(ALL)
            elif answered.job.name in ("perp_tickers", "spot_tickers", "oi"):
                fresh |= self.symbols.keys() - self.latest.keys()  # those that wait for their first light
        return fresh

    def _failed(self, answered: Answered, error: VenueError) -> None:
        job, symbol, every = answered.job, answered.symbol, self._intake.every()
        reading = READING_OF.get(job.name, job.name)
        for live in [self.symbols[symbol]] if symbol else self.symbols.values():
            if reading in INPUT_NAMES:
                live.note_reading(reading, None, every, error=str(error))
        if job.seconds(every) > RETRY_SEC:
            self._asker.put_off(job.name, symbol, RETRY_SEC)  # where a door stays shut for longer, knocking costs no request
        if isinstance(error, VenueBusy | VenueBlocked):
            self._house.keep_on(self._house.keep_doors_if_new)
            return  # the door's closing is in the log
        log.warning("%s", error, extra=event("request_failed", job=job.name))  # not for which symbol: what fails for all is said once
        if isinstance(error, VenueRefused) and symbol and job.name in ("oi", "perp_book"):
            self._intake.is_unknown(symbol)
        if isinstance(error, VenueRefused) and job.name == "spot_tickers":
            self._asker.hurry("spot_pairs")  # one unknown pair refuses the whole batch: look what is listed
