"""How often each rule and light was right lately, on one symbol and over the watchlist: the radar's own record.

Only what is there already is replayed, and nobody is asked: what a backtest of the last week fetched, else what the collector
stored, which has no open interest beyond two days. Prices are marks (the liquidation view). It is worked out in a thread of
its own, slowly, and kept as a fact, so that a restart shows it with its age.
"""

import logging
import threading
import weakref
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from radar.backtest.grade import Grade, grades
from radar.backtest.labels import PRIMARY, full_hours, labelled
from radar.backtest.replay import History, replay
from radar.backtests import BACKTESTED, history_of
from radar.bars import MINUTE_MS, SOURCE_5M
from radar.clock import Clock
from radar.errors import RadarError, VenueBlocked, VenueError
from radar.gather import gather
from radar.logs import event
from radar.models import Observation
from radar.store import MarketStore
from radar.thresholds import Thresholds

__all__ = ["OwnRecord", "Tally", "own_record", "renew", "tally_of"]

log = logging.getLogger("radar.own_record")

FACT = "own_record"
DAYS = 30
KEPT_DAYS = 7  # a backtest counts that long
DAY_MS = 86_400_000
RENEWED_MS, HURRY_MS = 6 * 3_600_000, 300_000  # how long a record stands; and while something new is not in it
YOUNG_MS = 3_600_000  # a symbol that has no history by then is not waited for
BREATH_SEC = 0.5  # between two symbols, for the collector
GROUPS = ("rule", "light")


class Tally(NamedTuple):
    """Counts of one flag: hours judged, on, on with an event, any with an event; separate squeezes, and those it was on before."""

    hours: int
    on: int
    hits: int
    events: int
    squeezes: int
    caught: int

    @property
    def share_pct(self) -> float | None:
        """Share of the judged hours that it was on."""
        return 100 * self.on / self.hours if self.hours else None

    @property
    def precision_pct(self) -> float | None:
        """Of the hours it was on, how many saw the event."""
        return 100 * self.hits / self.on if self.on else None

    @property
    def base_pct(self) -> float | None:
        """Of all judged hours, how many saw the event."""
        return 100 * self.events / self.hours if self.hours else None


class OwnRecord(NamedTuple):
    """When it was worked out, and the tallies by flag (R1 … SW, RED …) over the watchlist and by symbol."""

    ms: int
    whole: Mapping[str, Tally]
    symbols: Mapping[str, Mapping[str, Tally]]

    def here(self, symbol: str, flag: str) -> Tally | None:
        """The tally of one flag on one symbol."""
        return self.symbols.get(symbol, {}).get(flag)


_THREADS: "weakref.WeakKeyDictionary[Any, threading.Thread]" = weakref.WeakKeyDictionary()  # that renew a record, one a radar
_NOT_BEFORE: "weakref.WeakKeyDictionary[Any, float]" = weakref.WeakKeyDictionary()  # when the next try may begin, monotonic seconds
_STARTING = threading.Lock()


def own_record(radar: Any) -> OwnRecord | None:
    """What was worked out last; when that is old, it is renewed in the background. None: nothing yet."""
    try:
        told, backtested = radar.market.fact(FACT), radar.market.fact(BACKTESTED, {})
        record = _parsed(told)
        watched = {entry.symbol for entry in radar.watchlist()}
        young = {entry.symbol for entry in radar.watchlist() if radar.clock.now_ms() - entry.added_ms < YOUNG_MS}
    except RadarError:
        return None
    fresh = False
    if record is not None:
        whole = young <= set(told["seen"]) and told["backtested"] == backtested
        fresh = 0 <= radar.clock.now_ms() - record.ms < (RENEWED_MS if whole else HURRY_MS)
    if watched and not fresh:
        with _STARTING:
            running, now = _THREADS.get(radar), radar.clock.monotonic()
            if (running is None or not running.is_alive()) and now >= _NOT_BEFORE.get(radar, now):
                _NOT_BEFORE[radar] = now + HURRY_MS / 1000  # also when it cannot be kept: a full disk must not make it work without end
                thread = _THREADS[radar] = threading.Thread(target=_quietly, args=(radar,), name=f"own-record-{radar.name}", daemon=True)
                thread.start()
    return record


def _parsed(told: Any) -> OwnRecord | None:
    """A fact of another version is none."""
    try:
        by_flag = {flag: Tally(*counts) for flag, counts in told["whole"].items()}
        symbols = {symbol: {flag: Tally(*counts) for flag, counts in flags.items()} for symbol, flags in told["symbols"].items()}
        return OwnRecord(int(told["ms"]), by_flag, symbols) if {"seen", "backtested"} <= told.keys() else None
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _quietly(radar: Any) -> None:
    try:
        renew(radar, breath_sec=BREATH_SEC)
    except RadarError as error:
        log.info("own record: %s", error, extra=event("own_record_failed"))
    except Exception as error:
        if radar.collector is not None and radar.collector.stop.is_set():
            log.info("own record: given up, the radar ends (%s)", error, extra=event("own_record_stopped"))
            return
        log.exception("the own record failed unexpectedly", extra=event("own_record_failed"))


def renew(radar: Any, *, breath_sec: float = 0.0) -> OwnRecord:
    """Work the record out from what is stored, and keep it."""
    now_ms, rest, backtested = radar.clock.now_ms(), threading.Event(), radar.market.fact(BACKTESTED, {})
    hours: list[pd.DataFrame] = []
    seen, symbols = [], {}
    for entry in radar.watchlist():
        try:
            found = graded_hours(radar.market, entry.symbol, radar.clock, radar.thresholds(entry.symbol))
        except ValueError as error:  # one odd row is no reason to tell nothing of the others
            log.warning("own record of %s: %s", entry.symbol, type(error).__name__, extra=event("own_record_failed", symbol=entry.symbol))
            found = None
        if found is not None and found["event"].notna().any():
            hours.append(found)
            seen.append(entry.symbol)
            symbols[entry.symbol] = _tallies(grades(found, PRIMARY.horizon_h, radar.thresholds(entry.symbol), draws=1))
        rest.wait(breath_sec)
    whole = _tallies(grades(pd.concat(hours, ignore_index=True), PRIMARY.horizon_h, draws=1)) if hours else {}
    record = OwnRecord(now_ms, whole, symbols)
    radar.market.set_fact(FACT, {"ms": now_ms, "seen": seen, "backtested": backtested, "whole": whole, "symbols": symbols})
    return record


def tally_of(g: Grade) -> Tally:
    """The counts of a grade."""
    return Tally(g.hours, g.flagged_hours, g.hits, g.hits + g.misses, g.episodes_caught + g.episodes_missed, g.episodes_caught)


def _tallies(found: list[Grade]) -> dict[str, Tally]:
    return {g.flag: tally_of(g) for g in found if g.group in GROUPS}


class _Nobody:
    """An exchange that is not asked."""

    name, spot = "nobody", True

    def spare(self, _pool: str) -> int:
        """Nothing is spent."""
        return 1_000_000

    def __getattr__(self, _what: str) -> Any:
        def refuse(*_: Any) -> Any:
            raise VenueBlocked("Nobody is asked for the own record.", venue=self.name, until_ms=0)

        return refuse


def graded_hours(market: MarketStore, symbol: str, clock: Clock, t: Thresholds) -> pd.DataFrame | None:
    """The full hours of thirty days with their lights and what followed; None where nothing is known."""
    found = _kept(market, symbol, clock) or _stored(market, symbol, clock)
    if found is None:
        return None
    history, candles = found
    last_hour = clock.now_ms() // (60 * MINUTE_MS)
    hours = market.hours(symbol, last_hour - 2 * DAYS * 24, last_hour).drop(columns="srs", errors="ignore")
    rows = full_hours(replay(history._replace(hours=hours), t, step_min=60))
    return labelled(rows, {symbol: candles}, {symbol: history.settlements}, PRIMARY)


def _kept(market: MarketStore, symbol: str, clock: Clock) -> tuple[History, pd.DataFrame] | None:
    """What a backtest fetched, if one did within the last days."""
    last_ms = market.fact(BACKTESTED, {}).get(symbol)
    if last_ms is None or not 0 <= clock.now_ms() - last_ms <= KEPT_DAYS * DAY_MS:
        return None
    try:
        past = gather(market, _Nobody(), symbol, last_ms - DAYS * DAY_MS, last_ms, clock=clock)
    except VenueError:
        return None
    spot = _spot(market, symbol)
    history = history_of(past, spot.get("spot_elsewhere") if spot else None)
    columns = {"mark_open": "open", "mark_high": "high", "mark": "close"}
    return history, past.bars[list(columns)].rename(columns=columns).dropna()


def _stored(market: MarketStore, symbol: str, clock: Clock) -> tuple[History, pd.DataFrame] | None:
    """What the collector stored."""
    first, last = (clock.now_ms() - DAYS * DAY_MS) // MINUTE_MS, clock.now_ms() // MINUTE_MS - 1
    bars = market.bars(symbol, first, last)
    candles = _candles(bars)
    if candles.empty:
        return None
    return History(symbol, bars, market.settlements(symbol, first * MINUTE_MS - DAY_MS), **_spot(market, symbol)), candles


def _candles(bars: pd.DataFrame) -> pd.DataFrame:
    """Marks by five minutes: those fetched as such, or all five minutes of one; each opens where the one before closed."""
    known = bars.dropna(subset=["mark"])
    slot = known.index // 5 * 5
    groups = known.assign(whole=(known["source"] == SOURCE_5M).to_numpy(), high=np.fmax(known["mark_high"], known["mark"])).groupby(slot)
    five = groups.agg(high=("high", "max"), close=("mark", "last"), whole=("whole", "any"), count=("mark", "size"))
    five = five[five["whole"] | (five["count"] == 5)]
    five.index = pd.Index(five.index.to_numpy(dtype=np.int64) * MINUTE_MS, name="ts_ms")
    before = five["close"].shift().where(np.diff(five.index.to_numpy(), prepend=0) == 5 * MINUTE_MS)
    five = five.assign(open=before.fillna(five["close"]))
    return five[["open", "high", "close"]].iloc[1:]


def _spot(market: MarketStore, symbol: str) -> dict[str, Any]:
    """Where the coin trades spot, by the latest observation."""
    told = market.observations().get(symbol)
    seen = Observation.read(told[1]) if told else None
    if seen is None:
        return {}
    elsewhere = any(line.listed and line.agrees is not False and line.venue != "binance" for line in seen.spot.lines)
    home = True if seen.spot.symbol else None if seen.spot.has_spot is None else False
    return {"has_spot": home, "spot_elsewhere": elsewhere and home is not True, "delisting_ms": seen.delisting_ms}
