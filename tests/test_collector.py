"""The collector on a driven clock: who is read, what is kept, and what happens when something fails."""

import contextlib
from itertools import pairwise

import numpy as np
import pytest

from radar.bars import LIGHT_CODES, MINUTE_MS
from radar.cadence import Cadence
from radar.collector import Collector
from radar.errors import StoreError, VenueRefused, VenueUnavailable, WatchlistFull
from radar.jobs import weight_per_minute
from radar.judge import Judge
from radar.lanes import InlineLanes
from radar.models import Light, Quality, Stance
from radar.quality import reading_age_sec
from radar.store.base import SqliteFile
from radar.venues.demo import DEMO_WATCHLIST, DemoVenue
from tests.faulty import CloneVenue, FaultyVenue

START = 1_790_000_017_000
HOUR_MS = 3_600_000
DOWN = VenueUnavailable("no host of the demo answered", venue="demo")
PRICES = ["mark", "mark_high", "mark_low", "index", "index_high", "index_low", "basis_mean_pct"]


def stored(world, symbol, first_ms, last_ms):
    """Bars from the file on the whole grid of minutes."""
    first, last = first_ms // MINUTE_MS, last_ms // MINUTE_MS
    return world.market.bars(symbol, first, last).reindex(range(first, last + 1))


def clones(clock, count):
    """A market of young coins: seven hours of past are quickly read."""
    return CloneVenue(clock, count, START - 7 * HOUR_MS)


# ── who is watched ──────────────────────────────────────────────────────────────────────────────


def test_the_first_start_has_lights_within_three_seconds_and_scores_within_twenty(driven):
    """All five demo coins, as the demo promises them."""
    world = driven(watchlist=DEMO_WATCHLIST)
    world.run(3, step=0.25)
    lights = {s.symbol: s.traffic_light for s in world.radar.snapshots()}
    world.run(17)

    assert lights.keys() == set(DEMO_WATCHLIST)
    assert {s.symbol: s.state for s in world.radar.snapshots()} == {
        "CALMUSDT": Stance.NEUTRAL, "SQUEEZEUSDT": Stance.NO_SHORT, "BASISUSDT": Stance.BASIS_ONLY, "WINDOWUSDT": Stance.SHORT_WINDOW,
        "STALEUSDT": Stance.DATA_INCOMPLETE,
    }  # fmt: skip
    assert [s.symbol for s in world.radar.snapshots() if s.srs is None] == ["STALEUSDT"]
    assert [world.radar.progress(symbol) for symbol in DEMO_WATCHLIST] == [None] * 5


def test_a_symbol_added_later_has_a_light_within_three_seconds_and_a_score_within_twenty(driven):
    """Adding wakes nothing but the collector; the full tile is there at once, the 30 days behind it soon after."""
    world = driven()
    world.run(15)
    world.radar.watch("basis")
    world.run(3, step=0.25)
    first = world.radar.snapshot("BASISUSDT")
    world.run(17)

    assert (first.traffic_light, first.state) == (Light.YELLOW, Stance.BASIS_ONLY)
    assert None not in (first.mark, first.funding_1h_pct, first.delta_oi_24h_usdt, first.perp_dominance_pct, first.orderbook_imbalance)
    assert world.radar.snapshot("BASISUSDT").srs_coverage == 0.85


def test_twenty_then_forty_symbols_are_read_at_their_pace_and_a_forty_first_is_refused(driven, clock):
    """40 readings of open interest and of books a minute for 20 symbols and for 40; one more is refused with its weight."""
    world = driven(clones(clock, 41), [f"COIN{i:02d}USDT" for i in range(20)])
    world.run(20)
    twenty, need = len(world.radar.snapshots()), dict(world.venue.live_need)
    world.venue.calls.clear()
    world.run(60, step=5)
    calls = dict(world.venue.calls)
    for i in range(20, 40):
        world.radar.watch(f"COIN{i:02d}USDT")
    world.run(20, step=0.5)
    forty = len(world.radar.snapshots())
    world.run(60, step=10)
    world.venue.calls.clear()
    world.run(60, step=10)

    assert (twenty, forty) == (20, 40)
    assert need == {"futures": 541 + 280, "spot": 1003 + 570}  # while twenty are read for the first time
    assert world.venue.live_need == {"futures": 541, "spot": 1005}
    assert [calls[name] for name in ("quotes", "open_interest", "perp_book", "spot_book", "perp_tickers", "spot_tickers")] == [6, 40, 40, 40, 1, 1]
    assert [world.venue.calls[name] for name in ("quotes", "open_interest", "perp_book", "spot_book", "spot_tickers")] == [6, 40, 40, 40, 2]
    with pytest.raises(WatchlistFull, match=r"41 symbols would need 552 request weight a minute, and the radar keeps 40 \(541\)"):
        world.radar.watch("COIN40USDT")


@pytest.mark.parametrize(("symbols", "futures", "spot"), [(0, 101, 1), (1, 123, 53), (20, 541, 1003), (21, 332, 530), (40, 541, 1005)])
def test_the_weight_of_a_watchlist(symbols, futures, spot):
    """Live calls of any watchlist stay far below the 1440 and 3600 of the budget."""
    assert weight_per_minute(symbols) == (futures, spot)


def test_an_unwatched_symbol_is_forgotten(driven):
    """It is no longer asked for, its light is gone; its bars stay."""
    world = driven(watchlist=["CALMUSDT", "BASISUSDT"])
    world.run(70)
    world.radar.unwatch("BASISUSDT")
    world.run(1)
    asked = {key: n for key, n in world.venue.asked.items() if key[1] == "BASISUSDT"}
    world.run(400, step=5)

    assert {key: n for key, n in world.venue.asked.items() if key[1] == "BASISUSDT"} == asked
    assert set(world.collector.symbols) == set(world.collector.latest) == set(world.market.observations()) == {"CALMUSDT"}
    assert len(stored(world, "BASISUSDT", START, START).dropna(subset="mark")) == 1


def test_a_pending_symbol_that_does_not_exist_leaves_with_a_notice(driven):
    """Entered while no exchange answered, checked later, taken off with a sentence; one that exists stays."""
    world = driven()
    world.venue.errors["contracts"] = DOWN
    world.run(5)
    for symbol in ("NOSUCH", "WINDOWUSDT"):
        world.radar.watch(symbol)
    pending = [w.pending for w in world.radar.watchlist()]
    del world.venue.errors["contracts"]
    world.run(60, step=2)

    assert pending == [True, True, True]
    assert [(w.symbol, w.pending) for w in world.radar.watchlist()] == [("CALMUSDT", False), ("WINDOWUSDT", False)]
    assert world.radar.health().notices == ("NOSUCH is not a tradable USDT perpetual on Binance; it was taken off the watchlist.",)


@pytest.mark.fault("F25")
def test_a_first_list_that_is_short_takes_nobody_off_the_watchlist(driven):
    """Of an empty radar, or one whose list is of before the coin was listed: it is looked at again before it is believed."""
    world = driven(watchlist=["CALMUSDT", "BASISUSDT"])
    world.venue.gone = {"BASISUSDT"}
    world.run(5)
    world.venue.gone = set()
    world.run(40)

    assert [(w.symbol, w.pending) for w in world.radar.watchlist()] == [("CALMUSDT", False), ("BASISUSDT", False)]
    assert world.radar.health().notices == ()
    assert world.light("BASISUSDT") is Light.YELLOW


def test_a_spot_list_that_is_short_once_costs_seconds_not_an_hour(driven):
    """A pair that was there and is not is doubted, and the list is read again at once; one that stays away is doubted for an hour."""
    world = driven()
    world.run(20)
    listed = world.venue.inner.spot_pairs
    world.venue.inner.spot_pairs = lambda: [pair for pair in listed() if pair.symbol != "CALMUSDT"]
    world.collector._asker.hurry("spot_pairs")
    world.run(2)
    doubted = world.light("CALMUSDT")
    world.venue.inner.spot_pairs = listed
    world.run(45)
    lists = world.venue.calls["spot_pairs"]
    world.venue.inner.spot_pairs = lambda: [pair for pair in listed() if pair.symbol != "CALMUSDT"]
    world.collector._asker.hurry("spot_pairs")
    back = world.light("CALMUSDT")
    world.run(60)

    assert (doubted, back) == (Light.UNKNOWN, Light.YELLOW)
    assert world.collector.symbols["CALMUSDT"].home.listed is None
    assert world.venue.calls["spot_pairs"] == lists + 2


@pytest.mark.fault("F25")
def test_a_contract_that_pauses_is_back_within_minutes(driven):
    """Two lists without it make it delisted; while one is missing the list is read every five minutes, not every hour."""
    world = driven()
    world.run(20)
    world.venue.gone = {"CALMUSDT"}
    world.collector._asker.hurry("contracts")
    world.run(30)
    during = world.radar.snapshot("CALMUSDT").delisted
    world.venue.gone = set()
    lists = world.venue.calls["contracts"]
    world.run(330, step=5)
    after = world.radar.snapshot("CALMUSDT")

    assert (during, after.delisted, after.quality["oi_usdt"].state) == (True, False, Quality.FRESH)
    assert world.venue.calls["contracts"] == lists + 1


@pytest.mark.fault("F35")
def test_on_a_full_disk_lists_still_reach_the_symbols(driven, monkeypatch):
    """What is tradable, and where a coin trades spot, is known from memory."""
    world = driven()

    def full(*_, **__):
        raise StoreError("disk full")

    monkeypatch.setattr(world.market, "write_listings", full)
    monkeypatch.setattr(world.market, "write_observations", full)
    world.run(30)
    spot = world.radar.snapshot("CALMUSDT").has_spot
    world.venue.gone = {"CALMUSDT"}
    world.collector._asker.hurry("contracts")
    world.run(30)

    assert (spot, world.radar.snapshot("CALMUSDT").delisted) == (True, True)


def test_a_symbol_whose_past_could_not_be_read_is_entered_again(driven, monkeypatch):
    """One read that fails when it is added leaves no symbol without a history for as long as the process lives."""
    world = driven()
    world.run(20)
    fact, failures = world.market.fact, iter([StoreError("disk I/O error")])

    def failing(name, *default):
        if name.startswith("band:") and (error := next(failures, None)):
            raise error
        return fact(name, *default)

    monkeypatch.setattr(world.market, "fact", failing)
    world.radar.watch("BASISUSDT")
    world.run(30)

    assert world.radar.snapshot("BASISUSDT").srs is not None
    assert world.radar.health().notices == ()


@pytest.mark.fault("F25")
def test_a_delisted_symbol_is_marked_and_no_longer_asked_for(driven, clock):
    """When the exchange no longer lists it, polling ends, also at the turn of the hour; others are not affected (F25)."""
    world = driven(watchlist=["CALMUSDT", "BASISUSDT"])
    world.run(20)
    world.venue.gone.add("CALMUSDT")
    clock.advance(3600)
    world.run(30)
    asked = {key: n for key, n in world.venue.asked.items() if key[1] == "CALMUSDT"}
    clock.advance(3600)
    world.run(60)

    assert {key: n for key, n in world.venue.asked.items() if key[1] == "CALMUSDT"} == asked
    assert [(s.symbol, s.delisted, s.traffic_light) for s in world.radar.snapshots()] == [
        ("CALMUSDT", True, Light.UNKNOWN),  # spot elsewhere says nothing of a contract that has no price
        ("BASISUSDT", False, Light.YELLOW),
    ]


# ── failures ────────────────────────────────────────────────────────────────────────────────────


FAULTS = [
    ("quotes", "quote"), ("open_interest", "oi"), ("perp_book", "perp_book"), ("spot_book", "spot_book"), ("perp_tickers", "perp_ticker"),
    ("spot_tickers", "spot_ticker"),
]  # fmt: skip


@pytest.mark.fault("F31")
@pytest.mark.parametrize(("method", "reading"), FAULTS)
def test_one_failing_question_ages_its_own_reading_alone(driven, clock, method, reading):
    """Its last value stays with a growing age and the error beside it; all others stay fresh (F31)."""
    world = driven()
    world.run(12)
    world.venue.errors[method] = DOWN
    world.run(91)
    readings = world.collector.latest["CALMUSDT"].readings
    old = {name for name, r in readings.items() if name not in ("oi_history", "listing", "spot_volumes") and reading_age_sec(r, clock.now_ms()) > 62}

    assert old == {reading}
    assert {name: r.error for name, r in readings.items() if r.error} == {reading: "no host of the demo answered"}
    world.venue.errors.clear()
    world.run(61)
    assert [r.error for r in world.collector.latest["CALMUSDT"].readings.values() if r.error] == []


def test_a_new_symbol_lives_without_settled_funding(driven):
    """When funding history cannot be read, the light is judged from what there is."""
    world = driven()
    world.venue.errors["settlements"] = DOWN
    world.run(30)

    assert world.light("CALMUSDT") is Light.YELLOW


@pytest.mark.fault("F30")
@pytest.mark.parametrize("error", [DOWN, VenueRefused("bad request", venue="demo", code=-1100)])
def test_with_everything_down_nothing_is_asked_in_a_hurry(driven, error):
    """An hour without any answer: no exception, and hourly questions are repeated every half minute at most (F30)."""
    world = driven()
    world.venue.errors = dict.fromkeys(["server_time_ms", "contracts", "spot_pairs", "funding_rules", "quotes", "perp_tickers"], error)
    world.run(3600, step=5)

    assert world.venue.calls["contracts"] <= 121
    assert world.venue.calls["server_time_ms"] <= 121
    assert world.radar.snapshots() == []


@pytest.mark.fault("F23")
def test_rows_whose_time_stands_still_are_stale(driven, clock):
    """An answer with yesterday's row is no news, though it arrives: stale after 25 s, unknown after two minutes (F23)."""
    world = driven()
    world.run(20)
    world.venue.frozen_ms = clock.now_ms()
    world.run(30)
    early = world.radar.snapshot("CALMUSDT")
    world.run(100)
    late = world.radar.snapshot("CALMUSDT")

    assert [s.quality["mark"].state for s in (early, late)] == [Quality.STALE, Quality.MISSING]
    assert [s.traffic_light for s in (early, late)] == [Light.UNKNOWN, Light.UNKNOWN]


@pytest.mark.fault("F24")
def test_one_row_from_the_future_does_not_stop_a_symbol(driven):
    """A single answer that is an hour ahead is checked against the clock and forgotten."""
    world = driven()
    world.run(20)
    world.venue.ahead_ms = HOUR_MS
    world.run(10)
    world.venue.ahead_ms = 0
    world.run(30)

    assert START + 50_000 <= world.radar.snapshot("CALMUSDT").ts <= START + 60_000


@pytest.mark.fault("F27", "F28")
@pytest.mark.parametrize("jump_sec", [-600, 600])
def test_a_jump_of_the_local_clock_changes_nothing(driven, clock, monkeypatch, jump_sec):
    """Ages, bars and lights follow monotonic time and the exchange's own clock (F27, F28)."""
    world = driven()
    world.run(30)
    true = clock.now_ms
    monkeypatch.setattr(clock, "now_ms", lambda: true() + jump_sec * 1000)
    monkeypatch.setattr(world.venue.inner, "_clock", type(clock)(0))
    monkeypatch.setattr(world.venue.inner._clock, "now_ms", true)
    calls = world.venue.calls["quotes"]
    world.run(120)

    assert world.venue.calls["quotes"] - calls == 12
    assert 0 <= reading_age_sec(world.collector.latest["CALMUSDT"].readings["quote"], true()) <= 11
    assert stored(world, "CALMUSDT", START, START + 60_000)["mark"].notna().all()


@pytest.mark.fault("F27")
@pytest.mark.parametrize("days", [-3, 3])
def test_a_start_by_a_clock_that_is_days_off_is_forgotten_once_the_exchange_told_its_time(driven, clock, monkeypatch, days):
    """A machine without a clock of its own: its past is read by the exchange's, and minutes are kept as if nothing had been."""
    world = driven()
    world.run(120, step=5)
    world.collector.close()
    true = clock.now_ms
    monkeypatch.setattr(clock, "now_ms", lambda: true() + days * 24 * HOUR_MS)
    monkeypatch.setattr(world.venue.inner, "_clock", type(clock)(0))
    monkeypatch.setattr(world.venue.inner._clock, "now_ms", true)
    began_ms = true()
    world.start()
    world.run(200, step=2)
    snapshot = world.radar.snapshot("CALMUSDT")

    assert snapshot.traffic_light is Light.YELLOW
    assert None not in (snapshot.srs, snapshot.basis_twap15_pct, snapshot.ret_1h_pct, snapshot.delta_oi_24h_usdt)
    assert stored(world, "CALMUSDT", began_ms + 60_000, true() - 120_000)["light"].notna().all()


@pytest.mark.fault("F27")
@pytest.mark.parametrize("whose", ["ours, before the exchange told its time", "the exchange's"])
def test_no_clock_that_is_a_year_ahead_makes_anything_old(driven, clock, monkeypatch, tmp_path, whose):
    """Minutes and the alert log are thrown away by their age: not by a clock that nobody confirmed."""
    world = driven()
    world.run(180, step=5)
    before = len(stored(world, "CALMUSDT", START - HOUR_MS, START + 60_000)["mark"].dropna())
    world.collector.close()
    year_ms, true = 365 * 24 * HOUR_MS, clock.now_ms
    if whose.startswith("ours"):
        world.venue.errors["server_time_ms"] = DOWN
        monkeypatch.setattr(clock, "now_ms", lambda: true() + year_ms)
        world.start()
    else:
        world.start()
        monkeypatch.setattr(world.venue.inner, "server_time_ms", lambda: true() + year_ms)
    world.run(200, step=2)

    assert before > 60
    assert len(stored(world, "CALMUSDT", START - HOUR_MS, START + 60_000)["mark"].dropna()) == before
    assert [path.name for path in (tmp_path / "copies").iterdir()] == ["user-20260921.sqlite3"]  # none of next year, which would stay the newest


def broken_disk(monkeypatch):
    """From now on nothing can be written."""

    def writing(self):
        raise StoreError(f"{self.path.name}: database or disk is full")

    monkeypatch.setattr(SqliteFile, "writing", writing)


@pytest.mark.fault("F35")
def test_on_a_disk_that_cannot_be_written_answers_come_from_memory(driven, monkeypatch):
    """Readings go on and are shown, with a notice; when the disk is back, its minutes are stored and the notice goes."""
    world = driven()
    world.run(30)
    with monkeypatch.context() as broken:
        broken_disk(broken)
        before = world.radar.snapshot("CALMUSDT").ts
        for _ in range(150):
            with contextlib.suppress(StoreError):  # as the loop goes on after any error
                world.run(1)
        during, notices = world.radar.snapshot("CALMUSDT"), dict(world.collector.notices)
    world.run(100)

    assert during.ts - before >= 140_000
    assert during.quality["mark"].state is Quality.FRESH
    assert notices["store"].startswith("The database cannot be written (")
    assert notices["store"].endswith(": database or disk is full); the last answers are served from memory.")
    assert world.collector.notices == {}
    assert stored(world, "CALMUSDT", START, START + 180_000)["mark"].notna().all()


@pytest.mark.fault("F35")
def test_a_disk_that_cannot_be_written_is_announced(driven, monkeypatch):
    """Whoever looks at the health of the radar reads that answers come from memory."""
    world = driven()
    world.run(30)
    broken_disk(monkeypatch)
    for _ in range(30):
        with contextlib.suppress(StoreError):
            world.run(1)

    assert [n for n in world.radar.health().notices if n.startswith("The database cannot be written")] != []


@pytest.mark.fault("F35")
def test_a_disk_that_cannot_be_written_ends_no_step(driven, monkeypatch):
    """Two minutes of steps on a full disk raise nothing."""
    world = driven()
    world.run(30)
    broken_disk(monkeypatch)
    world.run(120)

    assert world.light("CALMUSDT") is Light.YELLOW


@pytest.mark.fault("F32")
def test_an_unexpected_error_does_not_end_the_collecting(driven, monkeypatch, caplog):
    """The loop logs it, goes on, and ends when told, giving the lease back."""
    world = driven()
    steps = []

    def step():
        steps.append(1)
        if len(steps) == 1:
            raise ZeroDivisionError
        Collector.step(world.collector)
        if len(steps) == 3:
            world.collector.stop.set()

    monkeypatch.setattr(world.collector, "step", step)
    world.collector.run()
    world.collector.close()

    assert len(steps) == 3
    assert "collector step failed; going on" in caplog.text
    assert world.market.lease() is None


# ── restarts ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.fault("F28", "F39")
@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_after_a_pause_prices_and_open_interest_have_no_hole_and_the_rest_does(driven, clock, how):
    """Three minutes away: mark, index, basis and OI come back from history, depth and volume stay unknown."""
    world = driven()
    world.run(150)
    if how == "stopped":
        world.collector.close()
    left = clock.now_ms()
    clock.advance(180)
    world.start()
    world.run(430)
    bars = stored(world, "CALMUSDT", START - 600_000, clock.now_ms() - 120_000)
    away = bars.loc[left // MINUTE_MS + 1 : (left + 180_000) // MINUTE_MS - 1]
    measured = world.radar.measured("CALMUSDT", 0.25)

    assert bars[PRICES].notna().all(axis=None)
    assert measured[["mark", "index", "basis_pct", "oi_qty"]].notna().all(axis=None)
    assert len(away) == 2
    assert away[["perp_depth_usdt", "spot_depth_usdt", "orderbook_imbalance", "perp_vol24_usdt", "light"]].isna().all(axis=None)
    assert away["source"].tolist() == [1.0, 1.0]
    assert set(bars["source"].loc[(left + 180_000) // MINUTE_MS + 1 :]) == {0.0}


@pytest.mark.fault("F28", "F30")
def test_a_pause_inside_one_process_is_filled_too(driven, clock):
    """A laptop that slept for an hour goes on with the same collector."""
    world = driven()
    world.run(100)
    clock.advance(3600)
    world.run(100)

    assert stored(world, "CALMUSDT", START, clock.now_ms() - 120_000)[PRICES].notna().all(axis=None)


@pytest.mark.fault("F39")
def test_events_are_written_once_a_change_and_not_again_after_a_restart(driven):
    """Every rule and the light begin with one event; each later event begins where the last one ended."""
    world = driven(watchlist=["CALMUSDT", "STALEUSDT"])
    world.run(120)
    first = world.user.events(limit=1000)
    world.collector.close()
    world.start()
    world.run(120)
    everything = world.user.events(limit=1000)[::-1]
    chains = {}
    for e in everything:
        chains.setdefault((e.symbol, e.kind), []).append((e.before, e.after))

    assert {kind for symbol, kind in chains if symbol == "CALMUSDT"} == {"R1", "R2", "R3", "R4", "BO", "SW", "light"}
    assert [(a, b) for chain in chains.values() for (_, a), (b, _) in pairwise(chain) if a != b] == []
    assert [e for e in everything if e.before == e.after] == []
    assert [e for e in everything if e.before is None and e.id > first[0].id] == []


def test_an_event_carries_the_sentence_and_the_values_behind_it(driven):
    """The first light of the squeeze: its headline, and the numbers."""
    world = driven(watchlist=["SQUEEZEUSDT"])
    world.run(3)
    event = next(e for e in world.user.events() if e.kind == "light")

    assert (event.before, event.after, event.text) == (None, "RED", "No short: R1, R2, R3, R4")
    assert event.values["perp_dominance_pct"] == 100
    assert event.values["has_spot"] is False
    assert event.values["funding_1h_pct"] < -0.3


@pytest.mark.fault("F41")
def test_a_second_collector_waits_until_the_lease_runs_out(driven, clock, market, user):
    """While the first one lives the second asks nothing; 15 seconds after its last sign of life it takes over."""
    world = driven()
    venue = FaultyVenue(DemoVenue(clock))
    second = Collector(venue, market, user, clock=clock, holder="second", lanes=InlineLanes())
    for _ in range(30):
        world.run(1)
        second.step()
    quiet = dict(venue.calls)
    seconds = 0
    while not second.leading:
        second.step()
        clock.advance(1)
        seconds += 1
    world.run(6)

    assert quiet == {}
    assert 10 <= seconds <= 21
    assert world.collector.leading is False


@pytest.mark.fault("F41")
def test_a_collector_that_stops_hands_over_at_once(driven, clock, market, user):
    """The lease is given back, and the running minute is stored."""
    world = driven()
    world.run(20)
    world.collector.close()
    second = Collector(FaultyVenue(DemoVenue(clock)), market, user, clock=clock, holder="second", lanes=InlineLanes())
    second.step()

    assert second.leading
    assert stored(world, "CALMUSDT", START, START)["source"].tolist() == [0.0]


# ── what is kept ────────────────────────────────────────────────────────────────────────────────


def test_the_minute_keeps_the_light_and_the_score_that_were_shown(driven, clock):
    """What the tile said in the last seconds of a minute is in its bar."""
    world = driven(watchlist=["WINDOWUSDT", "SQUEEZEUSDT"])
    world.run(82)
    shown = {s.symbol: (float(LIGHT_CODES[s.traffic_light]), float(s.srs)) for s in world.radar.snapshots()}
    minute = clock.now_ms()
    world.run(14)

    assert minute % MINUTE_MS == 59_000
    assert {symbol: tuple(stored(world, symbol, minute, minute)[["light", "srs"]].iloc[0]) for symbol in shown} == shown


def test_the_hour_is_kept_at_its_turn(driven, clock):
    """Price, basis, dominance, open interest, depth ratio and score of the full hour are stored in its first two minutes."""
    clock.advance(2700)  # 14:58:37
    world = driven()
    world.run(150)
    hour = clock.now_ms() // HOUR_MS
    row = world.market.hours("CALMUSDT", hour - 1, hour)

    assert row.loc[hour].notna().all()
    assert np.isnan(row.loc[hour - 1, "depth_ratio"])
    assert world.collector.symbols["CALMUSDT"].baseline["E"].n == 0


def test_a_short_retention_does_not_read_the_past_again_every_hour(driven, clock):
    """With seven days of minutes kept, the thirty days that the score needs are read once."""
    world = driven(watchlist=["CALMUSDT"], retention_days=7)
    world.run(90)
    before = world.venue.calls["candles"]
    for _ in range(2):
        clock.advance(3540)
        world.run(90, step=5)

    assert world.venue.calls["candles"] - before <= 12
    assert world.market.minutes_with("CALMUSDT", "mark", 0, clock.now_ms() // MINUTE_MS - 7 * 1440 - 120).tolist() == []


def sizes(collector):
    """How much the collector and its historian hold."""
    found = {}
    for name, holder in (("collector", collector), ("historian", collector.historian)):
        for key, value in vars(holder).items():
            if isinstance(value, (dict, list, set)):
                found[f"{name}.{key}"] = len(value)
    return found


@pytest.mark.fault("F63")
def test_a_day_with_twenty_symbols(driven, clock, monkeypatch):
    """24 hours minute by minute: no exception, nothing that grows, every minute of every symbol stored."""
    world = driven(clones(clock, 20), [f"COIN{i:02d}USDT" for i in range(20)])
    judge = Judge.judge

    def rarely(self, lives):
        """Judging and reading books is slow: once an hour will do here."""
        if self._clock.now_ms() // MINUTE_MS % 60 == 0 or len(self.latest) < 20:
            judge(self, lives)

    monkeypatch.setattr(Judge, "judge", rarely)
    monkeypatch.setattr("radar.historian.OI_EVERY_SEC", 1800.0)
    monkeypatch.setattr("radar.intake.cadence", lambda symbols: Cadence(oi=900, perp_book=900, spot_book=900, perp_ticker=600, spot_ticker=600))
    world.run(30)
    world.run(12 * 3600, step=60)
    half = sizes(world.collector)
    world.run(12 * 3600, step=60)
    whole = sizes(world.collector)

    assert {name: (half[name], n) for name, n in whole.items() if n > half[name] + 60} == {}
    holes = {s: int(stored(world, s, START, clock.now_ms() - 180_000)[PRICES].isna().to_numpy().sum()) for s in world.collector.symbols}
    assert holes == dict.fromkeys(world.collector.symbols, 0)
    assert world.market.hours("COIN00USDT", START // HOUR_MS + 1, clock.now_ms() // HOUR_MS)["mark"].notna().tolist() == [True] * 24
    assert world.radar.health().notices == ()


@pytest.mark.fault("F32")
def test_one_symbol_that_cannot_be_judged_stops_no_other(driven, monkeypatch, caplog):
    """Its own answer goes stale; the others are judged as ever, and the log says what happened."""
    world = driven(watchlist=["CALMUSDT", "SQUEEZEUSDT"])
    world.run(30)
    sick = world.collector.symbols["CALMUSDT"]
    monkeypatch.setattr(sick, "observe", lambda *_, **__: 1 / 0)
    world.run(60)

    assert (world.light("CALMUSDT"), world.light("SQUEEZEUSDT")) == (Light.UNKNOWN, Light.RED)
    assert "CALMUSDT could not be judged" in caplog.text


def test_a_symbol_that_leaves_and_returns_gets_its_whole_history(driven, monkeypatch):
    """Answers that were under way when it left are no part of the new plan: it is complete when that is."""
    world = driven()
    held, lanes = [], world.collector._lanes
    now = lanes.submit
    monkeypatch.setattr(lanes, "submit", lambda lane, call: held.append(call) if lane == "history" else now(lane, call))
    world.run(5)
    world.radar.unwatch("CALMUSDT")
    world.run(2)
    world.radar.watch("CALMUSDT")
    world.run(2)
    monkeypatch.undo()
    for call in held:
        call()
    world.run(30)

    assert world.radar.progress("CALMUSDT") is None
    assert world.radar.snapshot("CALMUSDT").srs is not None
