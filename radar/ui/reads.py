"""What pages read from the radar: cached for seconds, shared by all tabs, plain arguments only.

`source` is "live" or "demo". What comes back is shared between sessions: look, never change.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import streamlit as st

from radar.errors import NotWatched
from radar.models import Alert, AlertKind, AlertPolicy, ChannelState, Event, MarketAlert, Snapshot, VenueSheet
from radar.runtime import get_runtime
from radar.scan.table import Market
from radar.series import Chart
from radar.ui import market_map, market_table
from radar.ui.tiles import Entry
from radar.ui.view import Change
from radar.ui.view import changes as changes_of

__all__ = [
    "alert_policy", "alerts", "alerts_paused", "available", "changes", "channels", "clock", "differing", "drawn", "entries", "entry",
    "events", "forget", "health", "histories", "market", "market_alerts", "market_frame", "market_points", "marks", "profile", "profiles", "radar",
    "rehearsal", "runtime", "scanned", "snapshot", "source", "unseen", "venues",
]  # fmt: skip

PAGES = (50, 200, 750, 1000)  # events a query


def runtime() -> Any:
    """The process's runtime; the collector starts with the first call when app.py did not start it."""
    return get_runtime()


def source() -> str:
    """Which market this session looks at."""
    return "demo" if st.session_state.get("demo") else "live"


def radar(name: str) -> Any:
    """The Radar behind `source`."""
    return runtime().demo() if name == "demo" else runtime().live


@st.cache_resource(ttl=3, max_entries=2, show_spinner=False)
def profiles(name: str) -> dict[str, dict[str, Any]]:
    """Names of profiles, each with the thresholds it changed. Only for whoever may write."""
    return dict(radar(name).profiles())


def profile(name: str) -> str:
    """Whose profile this session looks through; "" is the desk, also in a market that has no profile of that name."""
    wanted = str(st.session_state.get("profile") or "")
    return wanted if wanted and wanted in profiles(name) else ""


@st.cache_resource(ttl=1, max_entries=8, show_spinner=False)
def _looked(name: str, judge: str) -> tuple[tuple[Entry, ...], dict[str, Snapshot]]:
    """The watchlist as the profile sees it ("": the radar's own thresholds), and the radar's own answers where they are others."""
    market = radar(name)
    both = market.both(judge) if judge else [(snapshot, snapshot) for snapshot in market.snapshots()]
    known = {mine.symbol: mine for mine, _ in both}
    found = tuple(Entry(w, known.get(w.symbol), market.progress(w.symbol)) for w in market.watchlist())
    return found, {own.symbol: own for mine, own in both if mine.state is not own.state}


def _judge(name: str) -> str:
    """Whose thresholds make the lights: the chosen profile's, if it changed any."""
    chosen = profile(name)
    return chosen if chosen and profiles(name).get(chosen) else ""


def entries(name: str) -> tuple[Entry, ...]:
    """The watchlist, each symbol with its snapshot as the chosen profile sees it, and the progress of its backfill."""
    return _looked(name, _judge(name))[0]


def differing(name: str) -> dict[str, Snapshot]:
    """Symbol -> the answer by the radar's own thresholds, where the chosen profile's light is another one."""
    return _looked(name, _judge(name))[1]


@st.cache_resource(ttl=3, max_entries=8, show_spinner=False)
def unseen(name: str, judge: str) -> tuple[str, ...]:
    """Symbols whose own thresholds contradict the profile's, so that the radar's own count there."""
    return tuple(radar(name).unseen(judge))


def entry(name: str, symbol: str) -> Entry | None:
    """One line of the watchlist; None when the symbol is not on it."""
    return next((e for e in entries(name) if e.watched.symbol == symbol), None)


@st.cache_resource(ttl=3, max_entries=2, show_spinner=False)
def health(name: str) -> Any:
    """Status, freshness, weight, notices."""
    return radar(name).health([entry.snapshot for entry in entries(name) if entry.snapshot])


@st.cache_resource(ttl=3, max_entries=64, show_spinner=False)
def venues(name: str, symbol: str, hours: float, costs_pct: float) -> VenueSheet | None:
    """One coin on every exchange, with the basis trade over `hours` at `costs_pct`; None while nothing is known."""
    try:
        return radar(name).venues(symbol, hours=hours, costs_pct=costs_pct)
    except NotWatched:
        return None


@st.cache_resource(ttl=5, max_entries=2, show_spinner=False)
def market(name: str) -> Market:
    """Every perpetual that is scanned, judged."""
    return radar(name).whole_market()


@st.cache_resource(ttl=5, max_entries=2, show_spinner=False)
def market_points(name: str) -> dict[str, Any]:
    """What the map of the market draws: the same for everybody, so made once."""
    return market_map.payload(market(name).table)


@st.cache_resource(ttl=5, max_entries=2, show_spinner=False)
def market_frame(name: str) -> pd.DataFrame:
    """What the table of the market draws, every row and column: each session picks its own."""
    found = market(name)
    return market_table.shown(found.table, found.sparks, list(market_table.COLUMNS))


@st.cache_resource(ttl=3, max_entries=64, show_spinner=False)
def scanned(name: str, symbol: str) -> Snapshot | None:
    """What the scan knows of a symbol; None where it has not seen it."""
    try:
        return radar(name).snapshot(symbol)
    except NotWatched:
        return None


@st.cache_resource(ttl=20, max_entries=2, show_spinner=False)
def available(name: str) -> dict[str, bool | None]:
    """Tradable perpetuals, and whether each has a spot market."""
    return {row["symbol"]: row["has_spot"] for row in radar(name).available()}


@st.cache_resource(ttl=90, max_entries=8, show_spinner=False)
def histories(name: str, symbols: tuple[str, ...], minute: int) -> dict[str, Any]:  # noqa: ARG001 - part of the cache key
    """Sparklines and last readings; `minute` makes a new answer when the minute turns."""
    return radar(name).tile_history(list(symbols))


@st.cache_resource(ttl=1200, max_entries=16, show_spinner=False)
def drawn(name: str, symbol: str, hours: int, stamp: int, read: int) -> tuple[Chart, pd.DataFrame]:  # noqa: ARG001 - part of the cache key
    """Series and settled funding of the charts; a new `stamp`, or more of the past that has been `read`, reads anew."""
    return radar(name).series(symbol, hours), radar(name).settlements(symbol, hours)


@st.cache_resource(ttl=5, max_entries=64, show_spinner=False)
def events(name: str, symbol: str | None, limit: int) -> tuple[Event, ...]:
    """Latest changes of rules and light."""
    return tuple(radar(name).events(symbol, limit=limit))


@st.cache_resource(max_entries=2, show_spinner=False)
def _seen(name: str) -> dict[str, Any]:  # noqa: ARG001 - part of the cache key
    """How far the events were read, and the newest change of every light in them."""
    return {"id": 0, "changes": {}}


@st.cache_resource(ttl=3, max_entries=2, show_spinner=False)
def changes(name: str) -> dict[str, Change]:
    """When each light changed last: the first read looks back 2,000 events, later ones only at what is new."""
    seen, found, before = _seen(name), [], None
    for size in PAGES:
        page = radar(name).events(limit=size, before=before)
        found += page
        if len(page) < size or page[-1].id <= seen["id"]:
            break
        before = page[-1].id
    newest = found[0].id if found else 0
    if newest < seen["id"]:  # an older file took the place of the one that was read
        seen["changes"] = {}
    seen["id"] = newest
    seen["changes"] |= changes_of(found)
    return {symbol: change for symbol, change in seen["changes"].items() if change}


@st.cache_resource(ttl=3, max_entries=2, show_spinner=False)
def channels(name: str) -> tuple[tuple[ChannelState, ...], tuple[str, ...]]:
    """Where alerts go and how that works, and what of RADAR_CHANNELS cannot be used."""
    market = radar(name)
    return tuple(market.channels()), tuple(market.channel_problems())


@st.cache_resource(ttl=2, max_entries=2, show_spinner=False)
def alerts_paused(name: str) -> str:
    """Why no alert is decided or sent; empty while they are."""
    return str(radar(name).alerts_paused or "")


@st.cache_resource(ttl=3, max_entries=64, show_spinner=False)
def alert_policy(name: str, symbol: str | None) -> AlertPolicy:
    """Which alerts apply to the symbol, or to all."""
    return radar(name).alert_policy(symbol)


@st.cache_resource(ttl=3, max_entries=2, show_spinner=False)
def market_alerts(name: str) -> tuple[MarketAlert, ...]:
    """Alerts on the whole market, in the order of creation."""
    return tuple(radar(name).market_alerts())


@st.cache_resource(ttl=3, max_entries=2, show_spinner=False)
def marks(name: str) -> dict[str, dict[str, int]]:
    """Profile -> symbol -> since when it is marked as held; "" is the desk itself. Only for whoever may write."""
    return dict(radar(name).marks())


@st.cache_resource(ttl=3, max_entries=32, show_spinner=False)
def alerts(name: str, symbol: str | None, verdict: str | None, limit: int, whole: bool) -> tuple[Alert, ...]:
    """What was decided, newest first; not `whole`: as strangers may see it."""
    return tuple(radar(name).alerts(symbol, verdict=verdict, limit=limit, whole=whole))


@st.cache_resource(ttl=600, max_entries=64, show_spinner=False)
def rehearsal(name: str, symbol: str | None, whole: bool) -> dict[AlertKind, int]:
    """How often each kind would have fired in the last 48 h; a kind without history is left out. Not `whole`: as strangers may see it. Slow."""
    return dict(radar(name).rehearse(symbol, whole=whole))


def forget() -> None:
    """Somebody changed something: the next read is new."""
    for read in (
        _looked, profiles, unseen, health, events, venues, channels, alerts_paused, alert_policy, market_alerts, marks, alerts, rehearsal,
        market, market_points, market_frame, scanned,
    ):  # fmt: skip
        read.clear()


def clock(form: str = "%H:%M") -> Callable[[int], str]:
    """Epoch ms → text in the time zone of the settings."""
    zone = ZoneInfo(runtime().settings.timezone)
    return lambda ms: datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone).strftime(form)


def snapshot(name: str, symbol: str) -> Snapshot | None:
    """The latest answer, if there is one: of the watchlist, else of the scan."""
    found = entry(name, symbol)
    return found.snapshot if found and found.snapshot else scanned(name, symbol)
