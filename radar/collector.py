"""The collector: one `step()` asks what is due, takes in what was answered, and judges once a beat.

Only the thread that steps touches the symbols; requests run in lanes and come back through a queue. The lease lets one
collector work on a database.
"""

import logging
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from radar.assess import assess
from radar.bars import LIGHT_CODES, MINUTE_MS, light_name, minute_of
from radar.clock import Clock
from radar.entered import borrow_quotes, merged_thresholds
from radar.errors import StoreError, VenueBlocked, VenueBusy, VenueError, VenueRefused
from radar.exchange_clock import ExchangeClock
from radar.historian import Historian
from radar.lanes import Lanes, ThreadLanes
from radar.live import Cadence, LiveSymbol, cadence
from radar.models import Contract, FundingRule, Observation, Quote, Snapshot, SpotPair, Ticker, Watched
from radar.store import MarketStore, UserStore
from radar.venues import Venue

__all__ = ["BEAT_SEC", "Collector", "Job", "weight_per_minute"]

log = logging.getLogger("radar.collector")

BEAT_SEC = 10.0
LEASE_SEC, LEASE_EVERY_SEC = 15.0, 5.0
WRITE_DELAY_MS = 3_000  # a sample may arrive that long after its minute
SKEW_MS = 5_000  # an answer from the future: the exchange's clock, or ours, jumped
RETRY_SEC = 30.0
FIRST_ANSWER_SEC = 15.0  # a symbol is judged without its first history after that long


class Job(NamedTuple):
    """Something asked again and again."""

    name: str
    lane: str
    every: Callable[[Cadence], float]
    per_symbol: bool = False


JOBS = (
    Job("clock", "clock", lambda c: 60),
    Job("contracts", "meta", lambda c: 3600),
    Job("spot_pairs", "meta", lambda c: 3600),
    Job("funding_rules", "meta", lambda c: 300),
    Job("quotes", "quotes", lambda c: c.quote),
    Job("perp_tickers", "perp_tickers", lambda c: c.perp_ticker),
    Job("spot_tickers", "spot_tickers", lambda c: c.spot_ticker),
    Job("oi", "oi", lambda c: c.oi, per_symbol=True),
    Job("perp_book", "perp_book", lambda c: c.perp_book, per_symbol=True),
    Job("spot_book", "spot_book", lambda c: c.spot_book, per_symbol=True),
    Job("settlements", "settlements", lambda c: 10, per_symbol=True),
)
SPOT_BATCH = 20
DEEP_EVERY_SEC = 3600.0  # a book of 1000 levels, to know whether fewer would do


def weight_per_minute(symbols: int, book_weight: int = 10) -> tuple[int, int]:
    """(futures, spot) weight a minute that live calls need for a watchlist of that length."""
    every = cadence(symbols)
    futures = 60 + 40 + 1 + symbols * (60 / every.oi + book_weight * 60 / every.perp_book)
    spot = symbols * 25 * 60 / every.spot_book + 2 * -(-symbols // SPOT_BATCH) + 1
    return round(futures), round(spot)


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
        lanes: Lanes | None = None,
        retention_days: int = 30,
        simulated_borrow: Mapping[str, float] | None = None,
    ) -> None:
        self.venue, self.market, self.user, self.clock, self.holder = venue, market, user, clock, holder
        self.time = ExchangeClock(clock)
        self.wake = threading.Event()
        self.stop = threading.Event()
        self.symbols: dict[str, LiveSymbol] = {}
        self.latest: dict[str, Observation] = {}
        self.notices: dict[str, str] = {}
        self.leading = False
        self._lanes = lanes or ThreadLanes()
        self._answers: queue.SimpleQueue[tuple[Job, Any, Any, float]] = queue.SimpleQueue()
        self._due: dict[tuple[str, Any], float] = {}
        self._flying: set[tuple[str, Any]] = set()
        self._contracts: dict[str, Contract] = {}
        self._rules: dict[str, FundingRule] = {}
        self._pairs: dict[str, SpotPair] = {}
        self._listing_ms: int | None = None
        self._quotes: dict[str, Quote] = {}
        self._tickers: dict[str, Ticker] = {}
        self._states: dict[tuple[str, str], str] = {}
        self._ready_at: dict[str, float] = {}
        self._deep_at: dict[str, float] = {}
        self._gone: dict[str, int] = {}
        self._stored_minute = 0
        self._unsaved: list[tuple[str, int, dict[str, float | None]]] = []
        self._next_beat = self._next_lease = self._next_chores = 0.0
        self._retention_days = retention_days
        self._simulated_borrow = simulated_borrow or {}
        self.historian = Historian(venue, market, self._lanes, clock, self.time, self.wake)

    # ── the loop ──
    def run(self) -> None:
        """Step until `stop` is set. An unexpected error is logged and the loop goes on."""
        while not self.stop.is_set():
            try:
                self.step()
            except Exception:
                # The supervisor: nothing that happens to one step may end the collecting.
                log.exception("collector step failed; going on")
                self.clock.wait(self.stop, 1.0)
            if self.clock.wait(self.wake, 0.25):
                self.wake.clear()
        self.close()

    def close(self) -> None:
        """Store the running minute, give the lease back, let go of the threads."""
        self._lanes.close()
        if self.leading:
            try:
                self._store_minutes(self.time.now_ms() + MINUTE_MS + WRITE_DELAY_MS)
                self.market.set_fact("gates", {pool: list(gate) for pool, gate in self.venue.gates().items()})
                self.market.give_lease(self.holder)
            except StoreError as error:
                log.warning("the last minute was not stored: %s", error)
        self.leading = False

    def step(self) -> None:
        """Everything that is due now; returns soon."""
        now = self.clock.monotonic()
        if now >= self._next_lease:
            self._next_lease = now + LEASE_EVERY_SEC
            self._take_lease()
        if not self.leading:
            return
        self._watch()
        self._ask(now)
        fresh = self._take_answers()
        self.historian.step(self.symbols)
        fresh |= self.historian.changed()
        if now >= self._next_beat or "quotes" in fresh:
            self._next_beat = now + BEAT_SEC
            self._judge(list(self.symbols))
            self._store_minutes(self.time.now_ms())
            self._tell_health()
        elif fresh & self.symbols.keys():
            self._judge([s for s in self.symbols if s in fresh])
        if now >= self._next_chores:
            self._next_chores = now + 60
            self._lanes.submit("meta", self._chores)

    def _take_lease(self) -> None:
        try:
            held = self.market.take_lease(self.holder, self.clock.now_ms(), LEASE_SEC)
        except StoreError as error:
            # A full or read-only disk: whoever collects goes on from memory.
            self.notices["store"] = f"The database cannot be written ({error}); the last answers are served from memory."
            held = self.leading or self.market.lease_free_or_unknown(self.clock.now_ms())
        if held and not self.leading:
            self._begin()
        elif self.leading and not held:
            log.warning("another collector took over")
        self.leading = held

    def _begin(self) -> None:
        """Pick up what the process before left."""
        self._contracts, self._pairs = self.market.contracts(), self.market.spot_pairs()
        self._listing_ms = self.market.fact("listing_ms")
        self._states = self.user.last_states()
        self.venue.set_whitelist(self._contracts)
        self.venue.restore_gates(self.market.fact("gates", {}))
        self._stored_minute = minute_of(self.time.now_ms()) - 1

    # ── who is watched ──
    def _watch(self) -> None:
        watched = {w.symbol: w for w in self.user.watchlist()}
        for symbol in [s for s in self.symbols if s not in watched]:
            del self.symbols[symbol]
            self.latest.pop(symbol, None)
            self.historian.forget(symbol)
            self.market.drop_observation(symbol)
            self._states = {key: state for key, state in self._states.items() if key[0] != symbol}
        for symbol, entry in watched.items():
            if symbol not in self.symbols and self._contracts:
                self._enter(entry)

    def _enter(self, entry: Watched) -> None:
        symbol = entry.symbol
        if entry.pending:
            if symbol not in self._contracts:
                self.user.unwatch(symbol)
                self.notices[f"unknown:{symbol}"] = f"{symbol} is not a tradable USDT perpetual on {self.venue.name.title()}; it was taken off the watchlist."
                return
            self.user.confirm(symbol)
        live = LiveSymbol(symbol)
        live.contract = self._contracts.get(symbol)
        live.rule = self._rules.get(symbol)
        live.band_pct = self.market.fact(f"band:{symbol}")
        self.symbols[symbol] = live
        self.historian.enter(live, self._pairs)
        if self._pairs:
            self._list(live)
        every = cadence(len(self.symbols))
        if (quote := self._quotes.get(symbol)) is not None:
            live.on_quote(quote)
            live.note_reading("quote", quote.ts_ms, every, source="premiumIndex")
        if (ticker := self._tickers.get(symbol)) is not None:
            live.on_ticker(ticker)
            live.note_reading("perp_ticker", ticker.ts_ms, every, source="ticker/24hr")
        self._ready_at[symbol] = self.clock.monotonic() + FIRST_ANSWER_SEC
        for name in ("oi", "perp_book", "spot_book", "spot_tickers"):
            self._due.pop((name, symbol if name != "spot_tickers" else None), None)
        futures, spot = weight_per_minute(len(self.symbols))
        self.venue.set_live_need("futures", futures)
        self.venue.set_live_need("spot", spot)

    def _list(self, live: LiveSymbol) -> None:
        live.on_listing(self._pairs)
        live.note_reading("listing", self._listing_ms, cadence(len(self.symbols)), source="exchangeInfo")

    # ── asking ──
    def _ask(self, now: float) -> None:
        every = cadence(len(self.symbols))
        for job in JOBS:
            if job.name != "clock" and not self.time.asked:
                continue  # the first answer tells whether we are let in, and what was used before us
            if job.name in ("quotes", "perp_tickers") and not self._contracts:
                continue
            for key in [s for s in self.symbols if self._wanted(job, s)] if job.per_symbol else [None]:
                flight = (job.name, key)
                if flight in self._flying or now < self._due.get(flight, 0.0):
                    continue
                self._due[flight] = now + job.every(every)
                self._fly(job, key)

    def _wanted(self, job: Job, symbol: str) -> bool:
        live = self.symbols[symbol]
        if live.delisted:
            return False
        if job.name == "spot_book":
            return live.has_spot is True
        return live.wants_settlements() if job.name == "settlements" else True

    def _fly(self, job: Job, key: str | None) -> None:
        call = self._call(job, key)
        self._flying.add((job.name, key))

        def fly() -> None:
            began = self.clock.monotonic()
            try:
                answer = call()
            except VenueError as error:
                answer = error
            except Exception as error:
                log.exception("%s failed unexpectedly", job.name)
                answer = VenueError(f"{job.name}: {type(error).__name__}")
            self._answers.put((job, key, answer, (self.clock.monotonic() - began) * 1000))
            self.wake.set()

        self._lanes.submit(job.lane, fly)

    def _call(self, job: Job, key: str | None) -> Callable[[], Any]:
        venue, symbol = self.venue, key or ""
        live = self.symbols.get(symbol)
        match job.name:
            case "clock":
                return lambda: self.time.ask(venue.server_time_ms)
            case "oi":
                return lambda: venue.open_interest(symbol)
            case "perp_book":
                limit = self._levels(symbol, live.perp_limit if live else 500)
                return lambda: venue.perp_book(symbol, limit)
            case "spot_book":
                pair = live.pair.symbol if live and live.pair else symbol
                return lambda: venue.spot_book(pair, 500)
            case "settlements":
                since = live.settlements[-1].ts_ms + 1000 if live and live.settlements else None
                return lambda: venue.settlements(symbol, since)
            case "spot_tickers":
                names = [live.pair.symbol for live in self.symbols.values() if live.pair]
                return lambda: [t for i in range(0, len(names), SPOT_BATCH) for t in venue.spot_tickers(names[i : i + SPOT_BATCH])]
        return getattr(venue, job.name)

    def _levels(self, symbol: str, limit: int) -> int:
        now = self.clock.monotonic()
        if now >= self._deep_at.setdefault(symbol, now + DEEP_EVERY_SEC):
            self._deep_at[symbol] = now + DEEP_EVERY_SEC
            return 1000
        return limit

    # ── answers ──
    def _take_answers(self) -> set[str]:
        """Take in what came back; returns the symbols (and "quotes") that know something new."""
        fresh: set[str] = set()
        while True:
            try:
                job, key, answer, latency_ms = self._answers.get_nowait()
            except queue.Empty:
                return fresh
            self._flying.discard((job.name, key))
            if key is not None and key not in self.symbols:
                continue
            if isinstance(answer, VenueError):
                self._failed(job, key, answer)
            else:
                fresh |= getattr(self, f"_on_{job.name}")(key, answer, latency_ms) or set()

    def _failed(self, job: Job, key: str | None, error: VenueError) -> None:
        reading = {"quotes": "quote", "perp_tickers": "perp_ticker", "spot_tickers": "spot_ticker"}.get(job.name, job.name)
        every = cadence(len(self.symbols))
        for live in [self.symbols[key]] if key else list(self.symbols.values()):
            if reading in live.readings:
                live.note_reading(reading, None, every, error=str(error))
        now = self.clock.monotonic()
        if isinstance(error, VenueBusy | VenueBlocked):
            # The door itself stays shut until then; asking it costs no request.
            return
        if job.every(every) > RETRY_SEC:
            self._due[(job.name, key)] = now + RETRY_SEC
        if isinstance(error, VenueRefused) and job.name == "spot_tickers":
            self._due.pop(("spot_pairs", None), None)  # one unknown pair refuses the whole batch: look what is listed

    def _on_clock(self, key: None, answer: int, latency_ms: float) -> None:
        self.market.set_fact("clock_offset_ms", self.time.offset_ms())

    def _on_contracts(self, key: None, contracts: Sequence[Contract], latency_ms: float) -> None:
        if not contracts:
            return
        self._contracts = {c.symbol: c for c in contracts}
        self.market.write_listings(contracts=contracts)
        for symbol, live in self.symbols.items():
            live.contract = self._contracts.get(symbol, live.contract)
            self._gone[symbol] = 0 if symbol in self._contracts else self._gone.get(symbol, 0) + 1
            live.delisted = self._gone[symbol] > 0

    def _on_spot_pairs(self, key: None, pairs: Sequence[SpotPair], latency_ms: float) -> None:
        if not pairs:
            return
        self._pairs, self._listing_ms = {p.symbol: p for p in pairs}, self.time.now_ms()
        self.market.write_listings(pairs=pairs)
        self.market.set_fact("listing_ms", self._listing_ms)
        for live in self.symbols.values():
            self._list(live)
        self._due.pop(("spot_tickers", None), None)

    def _on_funding_rules(self, key: None, rules: Sequence[FundingRule], latency_ms: float) -> None:
        self._rules = {rule.symbol: rule for rule in rules}
        for symbol, live in self.symbols.items():
            live.rule = self._rules.get(symbol)

    def _on_quotes(self, key: None, quotes: Sequence[Quote], latency_ms: float) -> set[str]:
        now_ms, every = self.time.now_ms(), cadence(len(self.symbols))
        self._quotes = {q.symbol: q for q in quotes}
        for symbol, live in self.symbols.items():
            quote = self._quotes.get(symbol)
            if quote is None:
                continue
            if quote.ts_ms > now_ms + SKEW_MS:
                self._due.pop(("clock", None), None)
            before = live.minute
            if live.on_quote(quote):
                live.note_reading("quote", quote.ts_ms, every, latency_ms=latency_ms, source="premiumIndex")
                if before and live.minute > before + 1:
                    self.historian.replan(live)
        return {"quotes"}

    def _on_perp_tickers(self, key: None, tickers: Sequence[Ticker], latency_ms: float) -> set[str]:
        self._tickers = {t.symbol: t for t in tickers}
        now_ms, every = self.time.now_ms(), cadence(len(self.symbols))
        for symbol, live in self.symbols.items():
            if (ticker := self._tickers.get(symbol)) is not None:
                live.on_ticker(ticker)
                live.note_reading("perp_ticker", now_ms, every, latency_ms=latency_ms, source="ticker/24hr")
        return self._unjudged()

    def _on_spot_tickers(self, key: None, tickers: Sequence[Ticker], latency_ms: float) -> set[str]:
        by_symbol = {t.symbol: t for t in tickers}
        now_ms, every = self.time.now_ms(), cadence(len(self.symbols))
        for live in self.symbols.values():
            if live.pair and (ticker := by_symbol.get(live.pair.symbol)) is not None:
                unknown = live.has_spot is None
                live.on_spot_ticker(ticker)
                live.note_reading("spot_ticker", now_ms, every, latency_ms=latency_ms, source="spot ticker/24hr")
                if unknown and live.has_spot:
                    self.historian.replan(live)  # dominance history can be asked for now
        return self._unjudged()

    def _on_oi(self, symbol: str, oi: Any, latency_ms: float) -> set[str]:
        live = self.symbols[symbol]
        live.on_open_interest(oi)
        live.note_reading("oi", oi.ts_ms, cadence(len(self.symbols)), latency_ms=latency_ms, source="openInterest")
        return self._unjudged()

    def _on_perp_book(self, symbol: str, book: Any, latency_ms: float) -> None:
        self._on_book(symbol, "perp", book, latency_ms)

    def _on_spot_book(self, symbol: str, book: Any, latency_ms: float) -> None:
        self._on_book(symbol, "spot", book, latency_ms)

    def _on_book(self, symbol: str, market: str, book: Any, latency_ms: float) -> None:
        live = self.symbols[symbol]
        known = live.band_pct
        live.on_book(market, book)
        live.note_reading(f"{market}_book", self.time.now_ms(), cadence(len(self.symbols)), latency_ms=latency_ms, source="depth")
        if known is None and live.band_pct is not None:
            self.market.set_fact(f"band:{symbol}", live.band_pct)

    def _on_settlements(self, symbol: str, settlements: Any, latency_ms: float) -> None:
        if settlements:
            self.market.write_settlements(symbol, settlements)
            self.historian.load_settlements(self.symbols[symbol])

    def _unjudged(self) -> set[str]:
        """Symbols that wait for their first light."""
        return {symbol for symbol in self.symbols if symbol not in self.latest}

    # ── judging ──
    def _judge(self, symbols: Sequence[str]) -> None:
        """Observe and assess; store observations, and events where a state changed."""
        now_ms, mono = self.time.now_ms(), self.clock.monotonic()
        manual = self.user.manual_borrow()
        observations, events = [], []
        for symbol in symbols:
            live = self.symbols[symbol]
            if symbol not in self.latest and mono < self._ready_at[symbol] and not (live.quote and self.historian.has_first(symbol)):
                continue
            t = merged_thresholds(self.user, symbol)
            observation = live.observe(now_ms, sw_hours=t.sw_hours)
            borrow = borrow_quotes(symbol, observation.spot, manual, self._listing_ms, self._simulated_borrow, now_ms)
            snapshot = assess(observation, t, borrow, now_ms=now_ms)
            live.tape.put(minute_of(now_ms), {"srs": snapshot.srs, "light": float(LIGHT_CODES[snapshot.traffic_light])})
            self.historian.on_hour(live, snapshot, observation, t)
            self.latest[symbol] = observation
            observations.append(observation)
            events += self._changes(snapshot)
        try:
            self.market.write_observations(observations)
            if events:
                self.user.write_events(events)
            self.notices.pop("store", None)
        except StoreError as error:
            self.notices["store"] = f"The database cannot be written ({error}); the last answers are served from memory."

    def _changes(self, snapshot: Snapshot) -> list[dict[str, Any]]:
        """Events for every state that is not what it was."""
        states = {finding.code: (finding.state.value, finding.text) for finding in snapshot.rules}
        states["light"] = (snapshot.traffic_light.value, snapshot.headline)
        values = {name: getattr(snapshot, name) for name in EVENT_VALUES}
        events = []
        for kind, (state, text) in states.items():
            before = self._states.get((snapshot.symbol, kind))
            if state != before:
                self._states[(snapshot.symbol, kind)] = state
                events.append({"ts": snapshot.ts, "symbol": snapshot.symbol, "kind": kind, "before": before, "after": state, "text": text, "values": values})
        return events

    def _store_minutes(self, now_ms: int) -> None:
        """Write the minutes that are over; what cannot be written waits, ten minutes at most."""
        last = minute_of(now_ms - WRITE_DELAY_MS) - 1
        for minute in range(max(self._stored_minute + 1, last - 60), last + 1):
            for symbol, live in self.symbols.items():
                row = live.tape.row(minute)
                if row["mark"] is not None or light_name(row["light"]) is not None:
                    self._unsaved.append((symbol, minute, row))
        self._stored_minute = max(self._stored_minute, last)
        if not self._unsaved:
            return
        try:
            self.market.write_bars(self._unsaved)
            self._unsaved = []
        except StoreError as error:
            self.notices["store"] = f"The database cannot be written ({error}); the last answers are served from memory."
            self._unsaved = self._unsaved[-10 * max(1, len(self.symbols)) :]

    # ── housekeeping ──
    def _tell_health(self) -> None:
        hosts = [host.model_dump(mode="json") for host in self.venue.health()]
        health = {"ts_ms": self.clock.now_ms(), "hosts": hosts, "notices": list(self.notices.values()), "symbols": len(self.symbols)}
        try:
            self.market.set_fact("health", health)
        except StoreError:
            return  # said by the notice already

    def _chores(self) -> None:
        """Once a minute, beside the loop: checkpoint, copy, archive, keep bans for the next process."""
        try:
            self.market.set_fact("gates", {pool: list(gate) for pool, gate in self.venue.gates().items()})
            for store in (self.market, self.user):
                store.file.checkpoint()
            self.user.copy_daily(self.clock.now_ms())
            self.market.archive(minute_of(self.time.now_ms()) - self._retention_days * 1440)
        except StoreError as error:
            self.notices["store"] = f"The database cannot be written ({error}); the last answers are served from memory."


EVENT_VALUES = (
    "mark", "funding_1h_pct", "funding_min_3h_pct", "basis_twap15_pct", "perp_dominance_pct", "oi_to_volume", "delta_oi_1h_usdt",
    "delta_oi_1h_pct", "ret_1h_pct", "has_spot", "srs", "age_sec",
)  # fmt: skip
