"""A small radar of hand-made answers behind the pages, and a way to open them."""
# ruff: noqa: D102 - the methods are those of Radar

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from radar.errors import BadRequest, NotWatched, UnknownSymbol, WatchlistFull
from radar.models import (
    Borrow,
    Carry,
    Finding,
    HostHealth,
    LeafFinding,
    Light,
    Quality,
    Snapshot,
    SpotFacts,
    Stance,
    State,
    VenueSheet,
    Watched,
)
from radar.scan.table import MARKET_COLUMNS, Market
from radar.series import charted
from radar.settings import Settings
from radar.thresholds import Thresholds
from radar.ui import reads

MAIN = str(Path(__file__).parents[2] / "pages" / "main.py")
NOW = 1_736_160_000_000


def snapshot(symbol, light=Light.RED, state=Stance.NO_SHORT):
    """A symbol whose R1 fires; only ARBUSDT has a spot market."""
    has_spot = symbol == "ARBUSDT"
    leaves = tuple(
        LeafFinding(metric=metric, value=-0.2, op=op, threshold=0.0, quality=Quality.FRESH, state=State.FIRES, distance=0.2)
        for metric, op in (("funding_1h_pct", "<"), ("basis_twap15_pct", "<="))
    )
    return Snapshot(
        symbol=symbol, ts=NOW, age_sec=1.0, mark=1.9164, index=1.9192, basis_pct=-0.1459, funding_1h_pct=-0.0398, funding_daily_est_pct=-0.9552,
        funding_interval_hours=8, next_funding_ms=NOW + 60_000, oi_usdt=48.99e6, borrow=Borrow(shortable=None, apr_pct=None, venue=None,
        quality=Quality.MISSING, venues=()), has_spot=has_spot, spot=SpotFacts(has_spot=has_spot), srs=68, srs_coverage=0.65, srs_lo=44.0, srs_hi=79.0,
        srs_band=Light.YELLOW, traffic_light=light, state=state, headline="No short: R1", short_allowed=False, quality={},
        rules=(Finding(code="R1", name="Perp discount", state=State.FIRES, leaves=leaves, text="funding −0.2000 %/h < 0"),),
    )  # fmt: skip


class FakeRadar:
    """What pages ask of a Radar."""

    def __init__(self, name):
        self.name, self.symbols, self.changes, self.borrow = name, ["MYXUSDT", "ARBUSDT"], {}, {}
        self.status, self.sentence, self.notices, self.venue_health, self.asked = "live", "", (), (), []

    def now_ms(self):
        return NOW

    def watchlist(self):
        return [Watched(symbol=symbol, added_ms=0) for symbol in self.symbols]

    def watch(self, text):
        if text == "FULLUSDT":
            raise WatchlistFull("The watchlist is full.")
        if not text.isascii() or text != "ORCAUSDT":
            raise UnknownSymbol(f"{text} is not tradable.", ("ORCAUSDT",))
        self.symbols.append(text)
        return Watched(symbol=text, added_ms=0)

    def unwatch(self, symbol):
        self.symbols.remove(symbol)

    def available(self):
        names = ("ORCAUSDT", "FULLUSDT", "<b>*x*</b>")  # AppTest picks from the list only, so it holds what people type
        return [{"symbol": name, "has_spot": name == "ORCAUSDT"} for name in names]

    def snapshots(self):
        return [snapshot(symbol) for symbol in self.symbols if symbol != "ORCAUSDT"]

    def snapshot(self, symbol):
        if symbol == "ORCAUSDT" or symbol not in self.symbols:
            raise NotWatched(f"Nothing is known of {symbol}.")
        return snapshot(symbol)

    def progress(self, symbol):
        return None

    def tile_history(self, symbols):
        return {symbol: {"spark": [1.0, None, 2.0], "readings": []} for symbol in symbols}

    def series(self, symbol, hours):
        index = pd.date_range("2026-01-01", periods=120, freq="min", tz="UTC")
        return charted(pd.DataFrame({"mark": np.linspace(1, 2, 120), "light": "RED", "source": 0.0}, index=index), 1)

    def settlements(self, symbol, hours):
        return pd.DataFrame({"funding_1h_pct": [], "rate_pct": [], "interval_hours": []}, index=pd.DatetimeIndex([], tz="UTC"))

    def events(self, symbol=None, limit=100, before=None):
        return []

    def thresholds(self, symbol=None):
        return Thresholds(**self.changes.get(symbol, {}))

    def overrides(self, symbol=None):
        return self.changes.get(symbol, {})

    def set_thresholds(self, symbol, changes):
        if changes.get("r2_dom_min", 0) > 100:
            raise BadRequest("r2_dom_min: must be at most 100")
        self.changes.setdefault(symbol, {}).update(changes)

    def reset_thresholds(self, symbol):
        self.changes.pop(symbol, None)

    def manual_borrow(self, symbol):
        return self.borrow.get(symbol)

    def venues(self, symbol, *, hours=24.0, costs_pct=0.4):
        self.asked.append((symbol, hours, costs_pct))
        borrow = snapshot(symbol).borrow
        carry = Carry(
            venue=None, funding_1h_pct=-0.04, apr_pct=None, costs_pct=costs_pct, hours=hours, gain_1h_pct=None, break_even_hours=None, net_pct=None,
            entry_gain_pct=None,
        )  # fmt: skip
        return VenueSheet(
            symbol=symbol, ts=NOW, perp_dominance_pct=100.0, perp_dominance_binance_pct=100.0, dominance_is_bound=False, missing=(), blocked=(),
            spot_vol24_usdt=0.0, oi_total_usdt=None, perps=(), spot=(), borrow=borrow, carry=carry, venues=self.venue_health, oi_missing=(),
            traffic_light=Light.RED, headline="No short: R1",
        )  # fmt: skip

    def whole_market(self):
        return Market(
            on=False, why="The scan is off.", ts_ms=None, age_sec=None, table=pd.DataFrame(columns=list(MARKET_COLUMNS)), sparks={}, changes=[], weight={}
        )

    def market_alerts(self):
        return []

    def profiles(self):
        return {}

    def marks(self):
        return {}

    def export(self, symbol, hours, fmt):
        return "ts\n"

    def health(self, snapshots=None):
        host = HostHealth(
            venue="binance", pool="futures", host="x", ok=True, latency_ms=50.0, last_ok_ms=NOW, used_weight=412, limit_weight=1440
        )
        return SimpleNamespace(
            status=self.status, sentence=self.sentence, hosts=(host,), freshness_p50_sec=4.0, latency_ms=118.0, used_weight=412, limit_weight=1440,
            collector="here", notices=self.notices, last_ok_ms=NOW, venues=self.venue_health,
        )  # fmt: skip


@pytest.fixture
def market(monkeypatch):
    """The live radar behind the pages; `market.simulated` is the other one."""
    live, demo = FakeRadar("live"), FakeRadar("demo")
    live.simulated, live.settings = demo, Settings(_env_file=None)
    runtime = SimpleNamespace(live=live, demo=lambda: demo, settings=live.settings)
    monkeypatch.setattr(reads, "get_runtime", lambda: runtime)
    monkeypatch.setattr("radar.ui.parts.may_write_page", lambda *_: (True, ""))
    monkeypatch.setattr("radar.own_record.own_record", lambda _radar: None)
    st.cache_data.clear()
    st.cache_resource.clear()
    return live


def opened(name="watchlist", **query):
    """A page of the app by its file name."""
    app = AppTest.from_file(MAIN, default_timeout=30)
    app.session_state.arrived = True  # there is no browser to say that it has drawn the page
    for key, value in query.items():
        app.query_params[key] = value
    app.run()
    if name != "watchlist":
        app.switch_page(f"{name}.py")
        for key, value in query.items():
            app.query_params[key] = value
        app.run()
    return app


@pytest.fixture
def open_page(market):
    """Open a page of the app by its file name."""
    return opened
