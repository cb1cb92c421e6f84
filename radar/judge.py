"""Judges what was read, and keeps what was judged: observations, events, minute bars."""

import logging
import math
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any

import pandas as pd

from radar.assess import assess, is_ending
from radar.bars import LIGHT_CODES, minute_of
from radar.clock import Clock
from radar.elsewhere import Elsewhere
from radar.entered import borrow_quotes, merged_thresholds
from radar.errors import StoreError
from radar.exchange_clock import ExchangeClock
from radar.funding import settled_columns
from radar.historian import Historian
from radar.judged import Judged, judged, odd, packed, read_thresholds
from radar.live import LiveSymbol
from radar.logs import event
from radar.measure import measure
from radar.models import Observation, Snapshot
from radar.quality import AHEAD_MS
from radar.store import MarketStore, UserStore
from radar.store.codec import as_stored
from radar.teller import Teller
from radar.thresholds import Thresholds

__all__ = ["Judge", "store_notice"]

log = logging.getLogger("radar.judge")

WRITE_DELAY_MS = 3_000  # a sample may arrive that long after its minute
FIRST_ANSWER_SEC = 15.0  # a symbol is judged without its first history after that long
UNSAVED_MIN = 10
UNTOLD = 10_000
CATCH_UP_MIN = 60
EVENT_VALUES = (
    "mark", "funding_1h_pct", "funding_min_3h_pct", "basis_twap15_pct", "perp_dominance_pct", "oi_to_volume", "delta_oi_1h_usdt",
    "delta_oi_1h_pct", "ret_1h_pct", "has_spot", "srs", "age_sec", "perp_dominance_binance_pct", "spot_vol24_usdt",
)  # fmt: skip


def store_notice(error: StoreError) -> str:
    """What the page says while nothing can be written."""
    return f"The database cannot be written ({error}); the last answers are served from memory."


class Judge:
    """Runs on the collector's thread. `notices` is the collector's; its key "store" says that nothing can be written."""

    def __init__(
        self,
        market: MarketStore,
        user: UserStore,
        historian: Historian,
        clock: Clock,
        time: ExchangeClock,
        notices: MutableMapping[str, str],
        elsewhere: Elsewhere,
    ) -> None:
        self.latest: dict[str, Observation] = {}
        self.snapshots: dict[str, tuple[int, Snapshot]] = {}  # the newest answers, and when they were given
        self._market, self._user, self._historian, self._clock, self._time = market, user, historian, clock, time
        self._notices, self._elsewhere = notices, elsewhere
        self._states: dict[tuple[str, str], str] = {}
        self._patience: dict[str, float] = {}
        self._manual: Mapping[str, tuple[float, int]] = {}
        self._stored_minute = 0
        self._untold: list[dict[str, Any]] = []  # events that a full disk did not take yet
        self._unsaved: list[tuple[str, int, Mapping[str, float | None]]] = []
        self._teller: Teller | None = None
        self._wake_courier: Callable[[], None] = lambda: None
        self._judged: dict[tuple[str, int], Judged] = {}  # of the minutes that are not stored yet
        self._odd: list[tuple[str, int, Mapping[str, float]]] = []
        self._judged_by: dict[str, Thresholds | None] = {}  # as it is stored

    def tell(self, teller: Teller, wake_courier: Callable[[], None]) -> None:
        """Let `teller` look at every judged snapshot, and say when there is something to deliver."""
        self._teller, self._wake_courier = teller, wake_courier

    def begin(self) -> None:
        """Pick up what the process before left: the last states, so that a restart invents no change."""
        self._states = self._user.last_states()
        self._stored_minute = minute_of(self._time.now_ms()) - 1
        self._judged, self._judged_by = {}, {}  # another process may have judged meanwhile, by other thresholds
        self.latest, self.snapshots = {}, {}
        if self._teller:
            self._teller.begin()

    @property
    def waiting(self) -> dict[str, int]:
        """What a disk that takes nothing has not got yet: minute bars and events."""
        return {"bars": len(self._unsaved), "events": len(self._untold)}

    def enter(self, symbol: str) -> None:
        """The symbol is judged once its first history is there, or patience ends."""
        self.latest.pop(symbol, None)
        self._patience[symbol] = self._clock.monotonic() + FIRST_ANSWER_SEC

    def forget(self, symbol: str) -> None:
        """The symbol is no longer watched."""
        self.latest.pop(symbol, None)
        self.snapshots.pop(symbol, None)
        self._patience.pop(symbol, None)
        self._judged = {key: stood_on for key, stood_on in self._judged.items() if key[0] != symbol}
        self._states = {key: state for key, state in self._states.items() if key[0] != symbol}
        if self._teller:
            self._teller.forget(symbol, self._time.now_ms())

    def _too_early(self, live: LiveSymbol) -> bool:
        if live.symbol in self.latest or self._clock.monotonic() >= self._patience.get(live.symbol, 0.0):
            return False
        return not (live.is_complete and self._historian.has_first(live.symbol) and self._elsewhere.settled)

    def judge(self, lives: Sequence[LiveSymbol]) -> None:
        """Observe and assess; store the observations, and events where a state changed."""
        now_ms = self._time.now_ms()
        judged, snapshots = [], []
        try:
            self._manual = self._user.manual_borrow()
        except StoreError as error:
            self._notices["store"] = store_notice(error)
        for live in lives:
            if self._too_early(live):
                continue
            try:
                snapshots.append(self._judge_one(live, self._manual, now_ms))
                judged.append(self.latest[live.symbol])
            except StoreError as error:
                self._notices["store"] = store_notice(error)
            except Exception:
                # One coin with an odd number must not stop the others; its own answer goes stale by itself.
                log.exception("%s could not be judged", live.symbol, extra=event("judging_stumbled", symbol=live.symbol))
        try:
            self._market.write_observations(judged, until_ms=self._time.now_ms() + AHEAD_MS)
            if self._untold:
                self._user.write_events(self._untold)
            self._untold = []
            self._notices.pop("store", None)
        except StoreError as error:
            self._notices["store"] = store_notice(error)
        self._tell(snapshots, now_ms)

    def tell_market(self, table: pd.DataFrame) -> None:
        """Let alerts on the whole market look at its table, as `radar.scan.table` makes it."""
        teller, now_ms = self._teller, self._time.now_ms()
        if teller is not None:
            self._decide(lambda: teller.look_at_market(table, now_ms))

    def _tell(self, snapshots: Sequence[Snapshot], now_ms: int) -> None:
        """Alerts have a file of their own: a full market file silences none."""
        teller = self._teller
        if teller is not None and snapshots:
            self._decide(lambda: teller.look(snapshots, now_ms))

    def _decide(self, look: Callable[[], bool]) -> None:
        try:
            if look():
                self._wake_courier()
            self._notices.pop("alerts", None)
            if self._teller and self._teller.trouble:
                self._notices["alerts"] = f"Alerts cannot be kept ({self._teller.trouble}); they are decided and sent from memory."
        except StoreError as error:
            self._notices["alerts"] = f"What alerts remember cannot be read ({error}); they are decided as soon as it can."
        except Exception:
            # Whatever one alert stumbles over, the lights go on.
            log.exception("alerts could not be decided", extra=event("alerts_stumbled"))
            self._notices["alerts"] = "Alerts stumbled over an error of the radar's own; see its log."

    def _judge_one(self, live: LiveSymbol, manual: Mapping[str, tuple[float, int]], now_ms: int) -> Snapshot:
        t = merged_thresholds(self._user, live.symbol)
        observation = live.observe(now_ms, self._elsewhere.about(live, now_ms), sw_hours=t.sw_hours)
        snapshot = assess(observation, t, borrow_quotes(observation, manual), now_ms=now_ms)
        srs = math.nan if snapshot.srs is None else float(snapshot.srs)
        stood_on = judged(snapshot, t, ending=is_ending(snapshot.delisted, snapshot.delisting_ms, now_ms))
        columns = {"srs": srs, "light": float(LIGHT_CODES[snapshot.traffic_light]), "judged": packed(stood_on)}
        minute = minute_of(now_ms) if live.minute <= minute_of(now_ms) + 1 else live.minute  # a clock behind its own rows rewrites no past
        live.tape.put(minute, columns | {"borrow_apr_pct": stood_on.values.get("borrow_apr_pct", math.nan)})
        self._judged[live.symbol, minute] = stood_on
        self.latest[live.symbol], self.snapshots[live.symbol] = observation, (now_ms, snapshot)
        self._untold = (self._untold + self._changes(snapshot))[-UNTOLD:]
        self._historian.on_hour(live, snapshot, observation)
        return snapshot

    def _changes(self, snapshot: Snapshot) -> list[dict[str, Any]]:
        """Events for every state that is not what it was."""
        states = {finding.code: (finding.state.value, finding.text) for finding in snapshot.rules}
        states["light"] = (snapshot.traffic_light.value, snapshot.headline)
        values = {name: getattr(snapshot, name) for name in EVENT_VALUES}
        events = []
        for kind, (after, text) in states.items():
            before = self._states.get((snapshot.symbol, kind))
            if after != before:
                self._states[(snapshot.symbol, kind)] = after
                if kind == "light":
                    log.info("%s", text, extra=event("light", symbol=snapshot.symbol, before=before, after=after))
                events.append(
                    {"ts": snapshot.ts, "symbol": snapshot.symbol, "kind": kind, "before": before, "after": after, "text": text, "values": values}
                )
        return events

    def store_minutes(self, lives: Sequence[LiveSymbol], now_ms: int) -> None:
        """Write the minutes that are over; what cannot be written waits, ten minutes at most."""
        last = minute_of(now_ms - WRITE_DELAY_MS) - 1
        if self._stored_minute > last + 2:  # a clock ran ahead, the exchange's or before it told the time ours, and is right again
            self._stored_minute = last
        for minute in range(max(self._stored_minute + 1, last - CATCH_UP_MIN), last + 1):
            rows = ((live.symbol, minute, live.tape.row(minute)) for live in lives)
            self._unsaved += [row for row in rows if row[2]["mark"] is not None or row[2]["light"] is not None]
            self._stored_minute = max(self._stored_minute, minute)
            self._odd += [(live.symbol, minute, self._not_in_bars(live, minute)) for live in lives if (live.symbol, minute) in self._judged]
        if not self._unsaved:
            return
        try:
            self._market.write_bars(self._unsaved)
            self._unsaved = []
            self._tell_thresholds(last)
            self._market.stood.write_odd(self._odd)
            self._odd = []
        except StoreError as error:
            self._notices["store"] = store_notice(error)
            self._unsaved = self._unsaved[-UNSAVED_MIN * max(1, len(lives)) :]
            self._odd = self._odd[-UNSAVED_MIN * max(1, len(lives)) :]
            self._judged = {key: stood_on for key, stood_on in self._judged.items() if key[1] > last - UNSAVED_MIN}

    def _not_in_bars(self, live: LiveSymbol, minute: int) -> dict[str, float]:
        """What the minute's last light was judged by, and its bars on disk would not give."""
        try:
            return self._odd_values(live, minute)
        except Exception:
            # A minute that cannot be told so well again must not keep the bars of all symbols from the disk.
            log.exception("what the light of %s stood on is not kept", live.symbol, extra=event("judged_by_unkept", symbol=live.symbol))
            return {}

    def _odd_values(self, live: LiveSymbol, minute: int) -> dict[str, float]:
        stood_on = self._judged[live.symbol, minute]
        bars = as_stored(live.tape.frame().loc[:minute])
        again = measure(bars, settled_columns(live.settlements[-60:]), sw_hours=stood_on.t.sw_hours).iloc[-1]
        known = {**again.to_dict(), "borrow_apr_pct": float(bars["borrow_apr_pct"].iloc[-1])}
        running = minute >= minute_of(self._time.now_ms())  # the process ends: the next one may go on with this minute
        return odd(stood_on, known, bars, sure=not running, settling=live.wants_settlements())

    def _tell_thresholds(self, last: int) -> None:
        """Keep by what was judged, where that changed."""
        for symbol, minute in sorted(key for key in self._judged if key[1] <= last):
            t = self._judged.pop((symbol, minute)).t
            if symbol not in self._judged_by:
                told = list(self._market.stood.judged_by(symbol).values())
                self._judged_by[symbol] = read_thresholds(told[-1]) if told else None
            if t != self._judged_by[symbol]:
                self._market.stood.write_judged_by(symbol, minute, t.model_dump_json())
                self._judged_by[symbol] = t
