"""Scans the whole market: what the bulk answers say of every perpetual, and open interest symbol by symbol within the budget.

Answers come in and everything is measured on the collector's thread; judging, comparing and storing happen in the lane
"scan", so that 500 symbols delay no light of the watchlist.
"""

import functools
import logging
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from radar.bars import minute_of
from radar.elsewhere import Elsewhere
from radar.errors import StoreError
from radar.exchange_clock import ExchangeClock
from radar.intake import Intake
from radar.jobs import Answered, Asker
from radar.live import LiveSymbol
from radar.logs import event
from radar.models import Quote
from radar.quality import AHEAD_MS
from radar.scan.columns import COLUMNS, Scanned
from radar.scan.fives import Fives
from radar.scan.laid import last_known, lay
from radar.scan.now import measure_now
from radar.scan.sheet import Sheet
from radar.scan.tape import MarketTape
from radar.scan_facts import Facts
from radar.scan_keeper import ScanKeeper
from radar.scan_rounds import DANGEROUS_MAX, ScanRounds, scan_weight
from radar.schedule import Ask
from radar.venues import Venue

__all__ = ["Scanner"]

log = logging.getLogger("radar.scanner")

HOUR_MS = 3_600_000
BESIDE = ("last", "funding_1h_pct", "perp_vol24_usdt", "spot_vol24_usdt", "spot_vol24_binance_usdt", "interval_hours")  # of a bar
HEARD = ("contracts", "spot_pairs", "funding_rules", "quotes", "perp_tickers")  # jobs of the watchlist that tell of all
SPOT_PER_STEP = 4  # symbols whose spot markets are looked at again: all within some 40 s


def _guarded(work: Callable[..., Any]) -> Callable[..., Any]:
    """Whatever the scan stumbles over, the watchlist goes on."""

    @functools.wraps(work)
    def run(*arguments: Any) -> Any:
        try:
            return work(*arguments)
        except StoreError as error:
            log.warning("the scan could not read or write: %s", error, extra=event("scan_unkept"))
        except Exception:
            log.exception("the scan stumbled; the watchlist goes on", extra=event("scan_stumbled"))
        return None

    return run


def _whole_spot(columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """The spot turnover where no venue is missing from it."""
    return np.where(columns["spot_missing"] == 0, columns["spot_vol24_usdt"], np.nan)


class Scanner:
    """Runs on the collector's thread; `watched` is the collector's, `known` what the watchlist's answers told of the whole market.

    The method `on_<job>` takes the answer of that job.
    """

    def __init__(
        self,
        venue: Venue,
        known: Intake,
        watched: Mapping[str, LiveSymbol],
        elsewhere: Elsewhere,
        asker: Asker,
        time: ExchangeClock,
        keeper: ScanKeeper,
    ) -> None:
        self._venue, self._known, self._watched, self._elsewhere, self._time, self._keeper = venue, known, watched, elsewhere, time, keeper
        self._rounds = ScanRounds(venue, watched, asker, time)
        self.tape = MarketTape()
        self._sheet = Sheet(())  # columns of the slow facts, aligned with the tape
        self._fives = Fives(0)
        self._facts: dict[str, Facts] = {}
        self._turn = 0
        self._short = False  # the last list of contracts was less than half as long as the one before
        self._paid_ms: int | None = None  # payments are complete up to then
        self._hour = 0
        self._stored: Mapping[str, np.ndarray] = {}  # minutes of before the start that are not on the tape yet
        self._baselines: Mapping[str, Mapping[str, float]] = {}

    @property
    def newest(self) -> Scanned | None:
        """What was measured last."""
        return self._keeper.newest

    @_guarded
    def begin(self) -> None:
        """Pick up what the process before left; what this one knew before it lost the lease for a while is forgotten."""
        self.tape, self._sheet, self._fives, self._facts, self._hour = MarketTape(), Sheet(()), Fives(0), {}, 0
        self._paid_ms = self._keeper.paid_ms()
        self.on_contracts()
        self._keeper.restore(self._time.now_ms())

    @_guarded
    def hear(self, job: str) -> None:
        """An answer for the watchlist says something of the whole market."""
        if job in HEARD:
            getattr(self, f"on_{job}")()

    @_guarded
    def take(self, answered: Answered) -> None:
        """An answer to one of the scan's own requests."""
        if self._rounds.came(answered):
            getattr(self, f"on_{answered.job.name}")(answered)

    # ── who ──
    def on_contracts(self) -> None:
        """The market is what can be traded now."""
        contracts, before = self._known.contracts, self.tape.symbols
        if len(contracts) * 2 < len(before) and not self._short:
            self._short = True  # more likely to be incomplete than true; a second one is believed
            return
        self._short = False
        self.tape.keep_only(list(contracts))
        self.tape.places(list(contracts))
        if self.tape.symbols != before:
            place = {symbol: i for i, symbol in enumerate(before)}
            places = np.array([place.get(symbol, -1) for symbol in self.tape.symbols], dtype=np.intp)
            self._fives = self._fives.grown(len(places), places)
            self._sheet = self._sheet.grown(self.tape.symbols, places)
            self._sheet.baselines(self._baselines)
            self._facts = {symbol: self._facts.get(symbol) or self._introduce(symbol) for symbol in self.tape.symbols}
            self.on_funding_rules()
            if before and not set(self.tape.symbols) <= set(before):
                self._keeper.restore(self._time.now_ms())  # one that comes back has a past
            self._venue.set_need("futures", scan_weight(len(places))[0], "scan")
            self._venue.set_need("spot", scan_weight(len(places))[1], "scan")
        for symbol, contract in contracts.items():
            self._sheet.put(symbol, onboard_ms=contract.onboard_ms, delisting_ms=contract.delisting_ms, tick_size=contract.tick_size)

    def _introduce(self, symbol: str) -> Facts:
        facts = Facts(symbol, switched_on=self._venue.spot, schedule=self._keeper.schedule(symbol))
        if self._known.pairs:
            facts.home.on_listing(self._known.pairs)
        return facts

    def on_spot_pairs(self) -> None:
        """What is listed on spot."""
        for facts in self._facts.values():
            facts.home.on_listing(self._known.pairs)

    def on_funding_rules(self) -> None:
        """Caps, floors and intervals of adjusted contracts."""
        for symbol, facts in self._facts.items():
            facts.rule = self._known.rules.get(symbol)
            self._sheet.put(symbol, cap_pct=facts.rule and facts.rule.cap_pct, floor_pct=facts.rule and facts.rule.floor_pct)

    # ── answers ──
    def on_quotes(self) -> None:
        """Mark, index and funding of the whole market: a sample of every symbol whose own time moved; then all is measured."""
        now_ms, rows = self._time.now_ms(), []
        for place, symbol in enumerate(self.tape.symbols):
            quote = self._known.quotes.get(symbol)
            if quote is not None and quote.ts_ms <= now_ms + AHEAD_MS and self._is_news(quote):
                rows.append((place, quote))
        if not rows:
            return
        funding = np.array([self._facts[quote.symbol].on_quote(quote, self._paid_ms) for _, quote in rows], dtype=float)
        at = np.array([place for place, _ in rows], dtype=np.intp)
        ts = np.array([quote.ts_ms for _, quote in rows], dtype=np.int64)
        mark, index = (np.array([getattr(quote, name) for _, quote in rows], dtype=float) for name in ("mark", "index"))
        self._turn_bar(int(minute_of(int(ts.max()))))
        basis = self._fives.add(ts // 60_000, mark, index, at)
        for minute in np.unique(ts // 60_000)[-2:]:
            here = ts // 60_000 == minute
            self.tape.put(int(minute), at[here], {"mark": mark[here], "basis_mean_pct": basis[here], "funding_1h_pct": funding[here]})
        self._sheet.set(at, {"quote_ms": ts.astype(float), "mark": mark, "index": index, "funding_1h_pct": funding})
        for _, quote in rows:
            facts = self._facts[quote.symbol]
            self._sheet.put(quote.symbol, **facts.told())
        self._measure(now_ms)

    def _is_news(self, quote: Quote) -> bool:
        """Its own time moved, or the one before was stamped by a clock that ran ahead."""
        known_ms = self._facts[quote.symbol].quote_ms
        return known_ms is None or quote.ts_ms > known_ms or self._time.is_to_come(known_ms)

    def on_perp_tickers(self) -> None:
        """24 h of every perpetual."""
        latest_ms = self._time.now_ms() + AHEAD_MS
        for symbol in self.tape.symbols:
            ticker = self._known.tickers.get(symbol)
            if ticker is not None and ticker.ts_ms <= latest_ms:
                told = {"last": ticker.last, "perp_vol24_usdt": ticker.vol24_usdt, "change_24h_pct": ticker.change_24h_pct}
                self._sheet.put(symbol, perp_ticker_ms=min(ticker.ts_ms, self._time.now_ms()), **told)

    def on_all_spot_tickers(self, answered: Answered) -> None:
        """24 h of every spot pair on Binance."""
        by_symbol, latest_ms = {ticker.symbol: ticker for ticker in answered.value}, self._time.now_ms() + AHEAD_MS
        for facts in self._facts.values():
            ticker = by_symbol.get(facts.home.pair.symbol) if facts.home.pair else None
            if ticker is not None and ticker.ts_ms <= latest_ms:
                facts.on_spot_ticker(ticker, self._time.now_ms())

    def on_all_settlements(self, answered: Answered) -> None:
        """Payments of every contract since the last ones."""
        asked_ms, payments = answered.value  # complete up to the question, whenever the answer is taken
        for symbol, payment in payments:
            if symbol in self._facts:
                self._facts[symbol].settled.append(payment.ts_ms)
        self._paid_ms = asked_ms
        self._keeper.keep_payments(payments, asked_ms)

    def on_adl_risks(self, answered: Answered) -> None:
        """The exchange's own view of auto-deleveraging."""
        levels = {"low": 0.0, "medium": 1.0, "high": 2.0}
        for symbol in self.tape.symbols:
            self._sheet.put(symbol, adl=levels.get(answered.value.get(symbol, "")), adl_ms=self._time.now_ms())

    def on_scan_oi(self, answered: Answered) -> None:
        """Open interest of one symbol."""
        if answered.symbol in self._facts and answered.value.ts_ms <= self._time.now_ms() + AHEAD_MS:
            self._take_oi(answered.symbol, answered.value.ts_ms, answered.value.qty)

    def _take_oi(self, symbol: str, ts_ms: int, qty: float) -> None:
        self._sheet.put(symbol, oi_ms=ts_ms)
        self.tape.put(minute_of(ts_ms), self.tape.places([symbol]), {"oi_qty": np.array([qty])})

    @_guarded
    def asks(self) -> list[Ask]:
        """What the scan wants next."""
        return list(self._rounds.asks(self.tape.symbols, self._paid_ms))

    # ── what it adds up to ──
    @_guarded
    def step(self) -> pd.DataFrame | None:
        """Look at the spot markets of a few symbols again, and take in what the lane gave back: a judged table, or None."""
        now_ms, symbols = self._time.now_ms(), self.tape.symbols
        for _ in range(min(SPOT_PER_STEP, len(symbols))):
            self._turn = (self._turn + 1) % len(symbols)
            facts = self._facts[symbols[self._turn]]
            self._sheet.put(facts.symbol, **facts.spot(self._elsewhere, self._known.listing_ms, now_ms))
        table = None
        for name, value in self._keeper.results():
            if name == "table":
                table = value
            elif name == "dangerous":
                self._rounds.dangerous = frozenset(value[:DANGEROUS_MAX])
            elif name == "baselines":
                self._baselines = value
                self._sheet.baselines(value)
            elif name == "minutes":
                self._stored = value
        if self._stored and symbols:  # after a first start the contracts are known later than the bars
            stored, self._stored = self._stored, {}
            self.tape.roll(minute_of(now_ms))
            lay(self.tape, stored)
        return table

    def _measure(self, now_ms: int) -> None:
        minute = minute_of(now_ms)
        if minute < self.tape.newest - 1:  # the clock was ahead: what the tape calls now has not come yet
            self._rewind()
            return
        self.tape.roll(minute)
        for symbol, live in self._watched.items():
            if symbol in self._facts and (told := live.interest()) is not None:
                self._take_oi(symbol, *told)
        sw_hours = self._keeper.sw_hours()
        columns = dict(self._sheet.at(now_ms))
        funding = self.tape.block("funding_1h_pct")[-1]  # the minute may have turned since the quotes came
        funding[:] = np.where(np.isnan(funding), columns["funding_1h_pct"], funding)
        columns |= measure_now(self.tape, columns, sw_hours=sw_hours)
        columns["spot_vol24_usdt"] = _whole_spot(columns)
        scanned = Scanned(now_ms, self.tape.symbols, {name: columns[name] for name in COLUMNS}, sw_hours)
        self._keeper.judge(scanned)
        if now_ms // HOUR_MS != self._hour:
            first, self._hour = self._hour == 0, now_ms // HOUR_MS
            self._keeper.on_hour(scanned, frozenset(self._watched), keep=not first)

    def _rewind(self) -> None:
        """A tape that begins afresh; what was read ahead of time is older news than whatever comes now."""
        symbols, self.tape = self.tape.symbols, MarketTape()
        self.tape.places(symbols)
        self._fives = Fives(len(symbols))
        for facts in self._facts.values():
            facts.quote_ms = None
        if self._paid_ms is not None:  # of a question that was asked ahead of time: what was paid since is not in its answer
            self._paid_ms = min(self._paid_ms, self._time.now_ms() - HOUR_MS)
        self._rounds.again(symbols)
        self._keeper.restore(self._time.now_ms())

    def _turn_bar(self, minute: int) -> None:
        closed = self._fives.turn(minute)
        if closed is None:
            return
        last, columns = closed
        now = self._sheet.at(self._time.now_ms())
        now["spot_vol24_usdt"] = _whole_spot(now)
        more = {name: now[name] for name in BESIDE} | {"oi_qty": last_known(self.tape.block("oi_qty")[-6:])}
        self._keeper.keep_bars(last, self.tape.symbols, {**columns, **more}, frozenset(self._watched))
        self._keeper.keep_sparks(self._time.now_ms(), self.tape)
        self._keeper.keep_schedules({symbol: facts.schedule for symbol, facts in self._facts.items()})
