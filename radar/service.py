"""What every face calls: the watchlist, snapshots, series, events, thresholds, borrow, export, health.

Nothing here asks an exchange. Answers are judged at the moment of reading, so what nobody refreshes goes stale.
"""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from radar.alert_desk import AlertDesk
from radar.assess import assess
from radar.carry import COSTS_PCT, HOURS
from radar.clock import Clock, SystemClock
from radar.collector import Collector
from radar.entered import borrow_quotes, checked_thresholds, manual_quote, merged_thresholds
from radar.errors import BadRequest, NotWatched, StoreError, UnknownSymbol, WatchlistFull
from radar.exchange_clock import told_offset_ms
from radar.health import Health, health_of, venues_told
from radar.jobs import weight_per_minute
from radar.market_alert_desk import MarketAlertDesk
from radar.market_desk import MarketDesk
from radar.models import BorrowQuote, Event, Observation, Progress, Snapshot, VenueSheet, Watched
from radar.past_lights import with_past_lights
from radar.profile_desk import DESK, ProfileDesk, seen_by
from radar.scan.fives import FIVE
from radar.series import Chart, chart_step_min, charted, measured, printed, recent_minutes, settled
from radar.settings import Settings
from radar.side_by_side import venue_sheet
from radar.spot import spot_map
from radar.store import MarketStore, UserStore
from radar.store.user import ALL
from radar.symbols import clean_symbol, nearest, shortened, suggestions
from radar.thresholds import Thresholds
from radar.vitals import VitalsDesk

__all__ = ["MAX_WATCHED", "Radar"]

MAX_WATCHED = 40
LONGEST_HOLD_HOURS = 8_760


class Radar(AlertDesk, MarketAlertDesk, MarketDesk, ProfileDesk, VitalsDesk):
    """One market, live or simulated, as pages, REST and the CLI see it."""

    def __init__(
        self,
        name: str,
        settings: Settings,
        market: MarketStore,
        user: UserStore,
        *,
        clock: Clock | None = None,
        collector: Collector | None = None,
    ) -> None:
        self.name, self.settings, self.market, self.user = name, settings, market, user
        self.clock = clock or SystemClock()
        self.collector = collector
        self._opened_ms = self.clock.now_ms()
        self._parsed: dict[str, tuple[int, Observation | None]] = {}
        self._lock, self._scan_lock = threading.Lock(), threading.Lock()

    def now_ms(self) -> int:
        """Epoch ms on the exchange's clock."""
        wall_ms = self.clock.now_ms()
        told = (self._here.told_clock if self._here else None) or self.market.fact("clock", {})
        return wall_ms + told_offset_ms(told, wall_ms)

    # ── watchlist ──
    def watchlist(self) -> list[Watched]:
        """Who is watched, in the order of adding."""
        return self.user.watchlist()

    def watch(self, text: str) -> Watched:
        """Add a symbol. Raises SymbolError or WatchlistFull with the sentence to show."""
        symbol, contracts = clean_symbol(text), self.market.contracts()
        if contracts and symbol not in contracts:
            if f"{symbol}USDT" in contracts:
                symbol = f"{symbol}USDT"
            else:
                near = nearest(symbol, contracts)
                asked = f" Did you mean {', '.join(near)}?" if near else ""
                raise UnknownSymbol(f"{symbol} is not a tradable USDT perpetual on Binance.{asked}", near)
        watched = self.watchlist()
        if any(w.symbol == symbol for w in watched):
            return next(w for w in watched if w.symbol == symbol)
        if len(watched) >= MAX_WATCHED:
            need, have = weight_per_minute(len(watched) + 1)[0], weight_per_minute(MAX_WATCHED)[0]
            raise WatchlistFull(
                f"The watchlist is full: {len(watched) + 1} symbols would need {need} request weight a minute, and the radar keeps"
                f" {MAX_WATCHED} ({have}) at full cadence. Remove one first."
            )
        self.user.watch(symbol, self.clock.now_ms(), pending=not contracts)
        if self.collector:
            self.collector.wake.set()
        return next(w for w in self.watchlist() if w.symbol == symbol)

    def unwatch(self, symbol: str) -> None:
        """Remove a symbol. Raises NotWatched."""
        if not self.user.unwatch(symbol):
            raise NotWatched(f"{shortened(symbol)} is not on the watchlist.")
        if self.collector:
            self.collector.wake.set()

    def suggestions(self, text: str, limit: int = 8) -> list[str]:
        """Tradable symbols that a person may mean."""
        return suggestions(text, self.market.contracts(), limit)

    def available(self, *, include_spot: bool = True) -> list[dict[str, Any]]:
        """Tradable perpetuals, each with whether a spot pair of that name exists (None: not known yet)."""
        contracts = self.market.contracts()
        pairs = self.market.spot_pairs() if include_spot else {}
        watched = {w.symbol for w in self.watchlist()}
        rows = []
        for symbol in contracts:
            row: dict[str, Any] = {"symbol": symbol, "watched": symbol in watched}
            if include_spot:
                row["has_spot"] = spot_map(symbol, pairs) is not None if pairs else None
            rows.append(row)
        return rows

    # ── snapshots ──
    def _observations(self) -> dict[str, Observation]:
        try:
            stored = self.market.observations()
        except StoreError:
            return dict(self.collector.latest) if self.collector else {}
        if self.collector and self.collector.notices.get("store"):
            return dict(self.collector.latest)  # the disk is full or read-only: memory is newer
        with self._lock:
            for symbol, (ts_ms, body) in stored.items():
                if symbol not in self._parsed or self._parsed[symbol][0] != ts_ms:
                    self._parsed[symbol] = (ts_ms, Observation.read(body))
            return {symbol: known for symbol in stored if (known := self._parsed[symbol][1]) is not None}

    def _assess(
        self, observation: Observation, manual: Mapping[str, tuple[float, int]], now_ms: int, preset: Mapping[str, Any] | None = None
    ) -> Snapshot:
        own = merged_thresholds(self.user, observation.symbol)
        t = seen_by(own, preset) or own if preset else own
        return assess(observation, t, borrow_quotes(observation, manual), now_ms=now_ms)

    def _assessed(self, *presets: Mapping[str, Any]) -> list[tuple[Snapshot, ...]]:
        """Per watched symbol that has been read one answer by each of the presets, at the same moment."""
        found, manual, now_ms = self._observations(), self.user.manual_borrow(), self.now_ms()
        read = [found[w.symbol] for w in self.watchlist() if w.symbol in found]
        return [tuple(self._assess(observation, manual, now_ms, preset) for preset in presets) for observation in read]

    def snapshots(self, profile: str = DESK) -> list[Snapshot]:
        """The present answer for every watched symbol that has been read, in the order of the watchlist, as the profile sees it."""
        return [mine for (mine,) in self._assessed(self.preset(profile))]

    def both(self, profile: str) -> list[tuple[Snapshot, Snapshot]]:
        """Per symbol the answer as the profile sees it, and by the radar's own thresholds."""
        return [(mine, own) for mine, own in self._assessed(self.preset(profile), {})]

    def snapshot(self, symbol: str, profile: str = DESK) -> Snapshot:
        """The present answer for one symbol, as the profile sees it; what nobody watches is answered by the scan. Raises NotWatched."""
        if not self.is_watched(symbol) and (seen := self._seen_by_scan(symbol)) is not None:
            return seen
        self._must_watch(symbol)
        found = self._observations()
        if symbol not in found:
            raise NotWatched(f"{symbol} is on the watchlist, but nothing has been read about it yet.")
        return self._assess(found[symbol], self.user.manual_borrow(), self.now_ms(), self.preset(profile))

    def venues(self, symbol: str, *, hours: float = HOURS, costs_pct: float = COSTS_PCT) -> VenueSheet:
        """The coin on every exchange, and the carry of the basis trade over `hours` at `costs_pct`. Raises NotWatched, BadRequest."""
        if not 0 < hours <= LONGEST_HOLD_HOURS:
            raise BadRequest("hours: more than 0, at most 8,760")
        if not 0 <= costs_pct <= 100:
            raise BadRequest("costs_pct: from 0 to 100")
        self._must_watch(symbol)
        snapshot, observation = self.snapshot(symbol), self._observations()[symbol]
        return venue_sheet(observation, snapshot, venues_told(self._told()), now_ms=self.now_ms(), hours=hours, costs_pct=costs_pct)

    def is_watched(self, symbol: str) -> bool:
        """Whether the symbol is on the watchlist."""
        return any(w.symbol == symbol for w in self.watchlist())

    def _must_watch(self, symbol: str) -> None:
        if not self.is_watched(symbol):
            raise NotWatched(f"{shortened(symbol)} is not on the watchlist.")

    def _must_know(self, symbol: str) -> None:
        """Watched, or seen by the scan."""
        if not self.is_watched(symbol) and not self.is_scanned(symbol):
            self._must_watch(symbol)

    def progress(self, symbol: str) -> Progress | None:
        """How far the backfill is; None when it is complete."""
        progress = self.market.progress(symbol)
        return progress if progress is not None and progress.done < progress.total else None

    # ── series ──
    def measured(self, symbol: str, hours: float, *, step_min: int = 1, before_ms: int | None = None) -> pd.DataFrame:
        """Every metric over the last `hours` (see `radar.series.measured`). Raises NotWatched."""
        self._must_know(symbol)
        return measured(
            self.market, symbol, hours, self.now_ms(), sw_hours=self.thresholds(symbol).sw_hours, step_min=step_min, before_ms=before_ms
        )

    def series(self, symbol: str, hours: float) -> Chart:
        """`measured` as a chart draws it, with the backtest's light where the radar was not there yet. Raises NotWatched."""
        minutes = with_past_lights(self.market, symbol, self.measured(symbol, hours), self.thresholds(symbol))
        step_min = chart_step_min(hours)
        return charted(minutes, step_min if self.is_watched(symbol) else max(step_min, FIVE))  # the scan keeps a bar of five minutes

    def tile_history(self, symbols: list[str]) -> dict[str, dict[str, Any]]:
        """Per symbol the marks of the last hour, and the last six completed minutes of funding, basis and OI."""
        return {symbol: recent_minutes(self.market, symbol, self.now_ms()) for symbol in symbols}

    def settlements(self, symbol: str, hours: float) -> pd.DataFrame:
        """Settled funding of the last `hours` (see `radar.series.settled`)."""
        return settled(self.market, symbol, hours, self.now_ms())

    def events(self, symbol: str | None = None, limit: int = 100, before: int | None = None) -> list[Event]:
        """Changes of rules and lights, newest first; `before` is an event id."""
        return self.user.events(symbol, limit=limit, before=before)

    def export(self, symbol: str, hours: float, fmt: str) -> str:
        """Every metric of the last `hours` by minute, as "csv" or "json" (records). Unknown is empty, or null."""
        return printed(symbol, self.measured(symbol, hours), fmt)

    # ── thresholds and borrow ──
    def thresholds(self, symbol: str | None = None) -> Thresholds:
        """What applies to the symbol, or to all."""
        return merged_thresholds(self.user, symbol)

    def overrides(self, symbol: str | None = None) -> dict[str, Any]:
        """What was changed for the symbol, or for all."""
        return self.user.overrides(symbol or ALL)

    def set_thresholds(self, symbol: str | None, changes: Mapping[str, Any]) -> Thresholds:
        """Change some thresholds; a value equal to what applies anyway is no override. Raises BadRequest."""
        if symbol is not None:
            self._must_watch(symbol)
        base = Thresholds() if symbol is None else merged_thresholds(self.user, None)
        wanted = {**self.overrides(symbol), **changes}
        checked = checked_thresholds({**base.model_dump(), **wanted})
        for watched in self.watchlist() if symbol is None else ():
            try:
                checked_thresholds({**checked.model_dump(), **self.overrides(watched.symbol)})
            except BadRequest as error:
                raise BadRequest(f"with the values of {watched.symbol} this does not hold: {error}") from None
        kept = {name: value for name in wanted if (value := getattr(checked, name)) != getattr(base, name)}
        self.user.set_overrides(symbol or ALL, kept)
        return self.thresholds(symbol)

    def reset_thresholds(self, symbol: str | None) -> Thresholds:
        """Back to what applies to all, or to the defaults."""
        self.user.set_overrides(symbol or ALL, {})
        return self.thresholds(symbol)

    def manual_borrow(self, symbol: str) -> BorrowQuote | None:
        """The desk's own APR for the symbol."""
        return manual_quote(symbol, self.user.manual_borrow())

    def set_borrow(self, symbol: str, apr_pct: float) -> None:
        """Enter what borrowing costs, %/year. Raises BadRequest, NotWatched."""
        self._must_watch(symbol)
        if not np.isfinite(apr_pct) or not 0 <= apr_pct <= 10_000:
            raise BadRequest("A borrow APR lies between 0 and 10,000 % a year.")
        self.user.set_manual_borrow(symbol, float(apr_pct), self.now_ms())

    def clear_borrow(self, symbol: str) -> None:
        """Forget the manual APR."""
        self._must_watch(symbol)
        self.user.clear_manual_borrow(symbol)

    # ── health ──
    @property
    def _here(self) -> Collector | None:
        """The collector of this process, while it is the one that collects."""
        return self.collector if self.collector and self.collector.leading else None

    def _told(self) -> Mapping[str, Any]:
        """What whoever collects said last."""
        return self._here.told() if self._here else self.market.fact("health", {})

    def health(self, snapshots: Sequence[Snapshot] | None = None) -> Health:
        """How fresh everything is, and whether somebody collects; by `snapshots` where the caller has them."""
        notices = [notice for notice in (self.market.notice, self.user.alerts_paused or self.user.notice) if notice]
        here = self._here
        return health_of(
            self._told(),
            None if here else self.market.lease(),
            self.snapshots() if snapshots is None else snapshots,
            self.watchlist(),
            self.clock.now_ms(),
            opened_ms=self._opened_ms if self.collector else 0,
            notices=notices,
        )

    def is_fresh(self) -> bool:
        """This process collects, and prices are fresh: worth a heartbeat. A single delisted coin does not stop it."""
        return self._here is not None and self.health().status == "live"

    def ask_to_stop(self) -> None:
        """Let the collector of this process come to its end."""
        if self.collector:
            self.collector.stop.set()
            self.collector.wake.set()

    def close(self) -> None:
        """Let go of connections and files; the collector has stopped before."""
        if self.collector:
            self.collector.release()
        self.market.close()
        self.user.close()

