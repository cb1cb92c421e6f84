"""What every face calls: symbols as people type them, thresholds, series with their gaps, export, health."""

import csv
import io
import json

import numpy as np
import pandas as pd
import pytest

from radar.errors import BadRequest, MalformedSymbol, NotWatched, UnknownSymbol, VenueUnavailable
from radar.models import HostHealth, Light, Quality
from radar.symbols import clean_symbol
from radar.venues.demo import DEMO_WATCHLIST
from radar.venues.demo_market import MARKET

MINUTE_MS = 60_000


# ── symbols ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("typed", "symbol"),
    [
        ("ORCAUSDT", "ORCAUSDT"),
        ("orcausdt", "ORCAUSDT"),
        ("  Orca Usdt\t\n", "ORCAUSDT"),
        ("orca/usdt", "ORCAUSDT"),
        ("ORCA-USDT", "ORCAUSDT"),
        ("ORCA_USDT", "ORCAUSDT"),
        ("ORCAUSDT.PERP", "ORCAUSDT"),
        ("1000shibusdt", "1000SHIBUSDT"),
        ("ＯＲＣＡｕｓｄｔ", "ORCAUSDT"),
        ("币安人生usdt", "币安人生USDT"),
        ("A" * 40, "A" * 40),
    ],
)
def test_a_symbol_as_people_type_it(typed, symbol):
    """Case, spaces, separators and full-width letters are put right; letters of any script pass."""
    assert clean_symbol(typed) == symbol


SCRIPT = "<script>alert(1)</script>"
SQL = "x'; DROP TABLE bars;--"


@pytest.mark.fault("F53")
@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "Type a symbol, for example ORCAUSDT."),
        (" \t/-", "Type a symbol, for example ORCAUSDT."),
        (SCRIPT, f"“{SCRIPT}” is not a symbol: use letters and digits, for example ORCAUSDT."),
        (SQL, f"“{SQL}” is not a symbol: use letters and digits, for example ORCAUSDT."),
        ("🚀🌕", "“🚀🌕” is not a symbol: use letters and digits, for example ORCAUSDT."),
        ("ORCA\x00USDT", "“ORCA\x00USDT” is not a symbol: use letters and digits, for example ORCAUSDT."),
        ("ORCA\u202eUSDT", "“ORCA\u202eUSDT” is not a symbol: use letters and digits, for example ORCAUSDT."),
        ("٣٤٥USDT", "“٣٤٥USDT” is not a symbol: use letters and digits, for example ORCAUSDT."),
        ("A" * 300, f"“{'A' * 40}…” is not a symbol: use letters and digits, for example ORCAUSDT."),
    ],
)
def test_what_is_no_symbol_gets_a_sentence(typed, sentence):
    """Scripts, SQL, emoji, control characters, other digits and novels are refused in one sentence."""
    with pytest.raises(MalformedSymbol) as refused:
        clean_symbol(typed)

    assert str(refused.value) == sentence


@pytest.fixture
def world(driven):
    """The calm coin, read for twenty seconds."""
    made = driven()
    made.run(20)
    return made


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("squ", ["SQUEEZEUSDT"]),
        ("usdt", sorted((*DEMO_WATCHLIST, *(coin.symbol for coin in MARKET)))[:8]),
        ("eeze", ["SQUEEZEUSDT"]),
        ("SQUEZE", ["SQUEEZEUSDT"]),
        ("WINDOSUSDT", ["WINDOWUSDT"]),
        ("xyz", []),
        (SCRIPT, []),
        ("", []),
    ],
)
def test_suggestions(world, typed, found):
    """What starts so, then what contains it, then what is spelt nearly so."""
    assert sorted(world.radar.suggestions(typed)) == sorted(found)


def test_watching_completes_the_symbol_and_says_what_is_near(world):
    """USDT may be left out; watching twice is watching once; a misspelt symbol names its neighbours."""
    assert world.radar.watch("basis").symbol == "BASISUSDT"
    assert world.radar.watch("BASISUSDT") == world.radar.watchlist()[1]
    with pytest.raises(UnknownSymbol, match=r"^SQUEZEUSDT is not a tradable USDT perpetual on Binance. Did you mean SQUEEZEUSDT\?$"):
        world.radar.watch("squezeusdt")
    with pytest.raises(UnknownSymbol, match=r"^QQQQ is not a tradable USDT perpetual on Binance.$"):
        world.radar.watch("qqqq")
    assert [w.symbol for w in world.radar.watchlist()] == ["CALMUSDT", "BASISUSDT"]


def test_while_no_exchange_answers_a_symbol_is_kept_as_pending(driven):
    """It cannot be checked yet, so it is not refused."""
    world = driven()

    assert world.radar.watch("whatever").pending is True


def test_what_is_not_watched_is_refused_by_name(world):
    """Every question about it raises the same sentence, cut where somebody typed a novel."""
    asks = [
        world.radar.snapshot, world.radar.unwatch, world.radar.clear_borrow, lambda s: world.radar.measured(s, 1), lambda s: world.radar.export(s, 1, "csv"),
        lambda s: world.radar.set_thresholds(s, {}), lambda s: world.radar.set_borrow(s, 1.0),
    ]  # fmt: skip
    for ask in asks:
        with pytest.raises(NotWatched, match=r"^BASISUSDT is not on the watchlist\.$"):
            ask("BASISUSDT")
    with pytest.raises(NotWatched, match=rf"^{'B' * 40}… is not on the watchlist\.$"):
        world.radar.unwatch("B" * 300)


def test_available_symbols_say_where_spot_is(world):
    """Every contract, whether it is watched, and whether a spot pair of that name exists."""
    rows = {row["symbol"]: (row["watched"], row["has_spot"]) for row in world.radar.available()}

    assert rows == {coin.symbol: (False, coin.spot is not None) for coin in MARKET} | {
        "CALMUSDT": (True, True), "SQUEEZEUSDT": (False, False), "BASISUSDT": (False, True), "WINDOWUSDT": (False, True), "STALEUSDT": (False, True),
    }  # fmt: skip


# ── thresholds and borrow ───────────────────────────────────────────────────────────────────────


def test_thresholds_merge_from_default_to_all_to_one(world):
    """What is set for all applies to every symbol, what is set for one wins there; only differences are kept."""
    radar = world.radar
    radar.set_thresholds(None, {"r2_dom_min": 75.0, "sw_hours": 3})
    radar.set_thresholds("CALMUSDT", {"r2_dom_min": 80.0, "srs_red": 65})

    assert (radar.thresholds().r2_dom_min, radar.thresholds("CALMUSDT").r2_dom_min) == (75.0, 80.0)
    assert (radar.overrides(), radar.overrides("CALMUSDT")) == ({"r2_dom_min": 75.0}, {"r2_dom_min": 80.0, "srs_red": 65})
    radar.set_thresholds("CALMUSDT", {"r2_dom_min": 75.0})
    assert radar.overrides("CALMUSDT") == {"srs_red": 65}
    assert radar.reset_thresholds("CALMUSDT") == radar.thresholds()
    assert radar.reset_thresholds(None).r2_dom_min == 70.0


@pytest.mark.fault("F56")
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"r2_dom_min": 101}, "r2_dom_min: Input should be less than or equal to 100"),
        ({"r2_dom_min": "high"}, "r2_dom_min: Input should be a valid number, unable to parse string as a number"),
        ({"r2_dom_min": float("nan")}, "r2_dom_min: Input should be a finite number"),
        ({"sw_hours": 2.5}, "sw_hours: Input should be a valid integer, got a number with a fractional part"),
        ({"colour": 1}, "colour: Extra inputs are not permitted"),
        ({"srs_yellow": 70}, "srs_yellow: 70 must be below srs_red (70)"),
    ],
)
def test_a_threshold_that_makes_no_sense_is_a_sentence(world, changes, sentence):
    """It names the field, and nothing is changed, not even the sound values beside it."""
    with pytest.raises(BadRequest) as refused:
        world.radar.set_thresholds(None, {"r2_oivol_min": 0.5} | changes)

    assert str(refused.value) == sentence
    assert world.radar.overrides() == {}


def test_a_threshold_counts_at_the_next_look(world):
    """Nobody has to wait for the collector."""
    before = world.light("CALMUSDT")
    world.radar.set_thresholds("CALMUSDT", {"r2_dom_min": 50.0, "r2_oivol_min": 0.0})

    assert (before, world.light("CALMUSDT")) == (Light.YELLOW, Light.RED)


def test_a_manual_apr_is_entered_aged_and_taken_back(driven, clock):
    """It turns the light at once, and is shown with its age; without it the borrow is unknown."""
    world = driven(watchlist=["WINDOWUSDT"], seconds=())
    world.run(20)
    lights = [world.light("WINDOWUSDT")]
    world.radar.set_borrow("WINDOWUSDT", 12)
    lights.append(world.light("WINDOWUSDT"))
    quote = world.radar.manual_borrow("WINDOWUSDT")
    world.radar.clear_borrow("WINDOWUSDT")
    lights.append(world.light("WINDOWUSDT"))

    assert lights == [Light.YELLOW, Light.GREEN, Light.YELLOW]
    assert (quote.apr_pct, quote.ts_ms, quote.shortable) == (12.0, clock.now_ms(), True)
    assert world.radar.manual_borrow("WINDOWUSDT") is None


@pytest.mark.parametrize("apr", [-0.1, 10_000.1, float("nan"), float("inf")])
def test_an_apr_that_makes_no_sense_is_a_sentence(world, apr):
    """Below 0, above 10,000 % or no number at all."""
    with pytest.raises(BadRequest, match=r"^A borrow APR lies between 0 and 10,000 % a year\.$"):
        world.radar.set_borrow("CALMUSDT", apr)


# ── series ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("hours", "step", "rows"), [(1, 1, 60), (0.25, 1, 15), (48, 1, 2880), (6, 15, 24), (24, 60, 24)])
def test_a_window_is_a_complete_grid_up_to_the_last_whole_minute(world, hours, step, rows):
    """So many rows at that distance; the running minute is not among them."""
    frame = world.radar.measured("CALMUSDT", hours, step_min=step)
    last = frame.index[-1]

    assert rows <= len(frame) <= rows + 1
    assert set(np.diff(frame.index.asi8)) == {pd.Timedelta(minutes=step).as_unit(frame.index.unit)._value}
    assert pd.Timestamp("2026-09-21 14:00", tz="UTC") <= last <= pd.Timestamp("2026-09-21 14:12", tz="UTC")
    assert frame["mark"].notna().all()


def test_gaps_stay_gaps_and_no_light_is_invented(driven, clock):
    """Three minutes nobody could read: prices unknown, no light; before and after there is one."""
    world = driven()
    world.run(143)  # to 14:16
    for method in ("quotes", "candles"):
        world.venue.errors[method] = VenueUnavailable("down", venue="demo")
    world.collector.close()
    clock.advance(180)
    world.start()
    world.run(10)
    world.venue.errors.pop("quotes")
    world.run(111)
    frame = world.radar.measured("CALMUSDT", 0.1)
    at = frame.index.strftime("%H:%M")

    assert dict(zip(at, frame["mark"].notna(), strict=True)) == {
        "14:15": True, "14:16": False, "14:17": False, "14:18": False, "14:19": True,
    } | {t: True for t in at if t < "14:15"}  # fmt: skip
    assert [light for t, light in zip(at, frame["light"], strict=True) if t == "14:15"] == ["YELLOW"]
    assert frame["light"][(at == "14:17") | (at == "14:18")].isna().tolist() == [True, True]


def test_back_filled_minutes_have_no_light(world):
    """Hours before the start carry prices from klines, marked as such, and no judgement."""
    frame = world.radar.measured("CALMUSDT", 1)

    assert frame["light"].tolist() == [None] * len(frame)
    assert set(frame["source"]) == {1.0}


def test_a_window_in_the_past(world, clock):
    """`before_ms` ends the window there."""
    end = clock.now_ms() - 24 * 3_600_000
    frame = world.radar.measured("CALMUSDT", 1, before_ms=end)

    assert frame.index[-1] == pd.Timestamp(end // MINUTE_MS * MINUTE_MS, unit="ms", tz="UTC")
    assert len(frame) == 60


def test_a_chart_has_as_many_points_as_it_needs(world):
    """Minutes up to 48 h, five minutes up to a week, a quarter of an hour beyond."""
    steps = {hours: world.radar.series("CALMUSDT", hours).frame.index.to_series().diff().iloc[-1] for hours in (48, 49, 168, 169, 720)}

    assert {hours: step / pd.Timedelta(minutes=1) for hours, step in steps.items()} == {48: 1, 49: 5, 168: 5, 169: 15, 720: 15}


def test_settlements_of_a_window(world):
    """Three payments a day, each per hour by its own gap."""
    frame = world.radar.settlements("CALMUSDT", 48)

    assert len(frame) == 6
    assert frame["interval_hours"].tolist() == [8.0] * 6
    assert frame["funding_1h_pct"].tolist() == pytest.approx((frame["rate_pct"] / 8).tolist())


def test_the_tile_has_an_hour_of_marks_and_six_readings(world, clock):
    """Sixty minutes for the sparkline, and the last six completed ones for the tooltip."""
    tile = world.radar.tile_history(["CALMUSDT"])["CALMUSDT"]

    assert len(tile["spark"]) == 60
    assert [r["ts"] for r in tile["readings"]] == [clock.now_ms() // MINUTE_MS * MINUTE_MS - i * MINUTE_MS for i in (6, 5, 4, 3, 2, 1)]
    assert set(tile["readings"][0]) == {"ts", "funding_1h_pct", "basis_pct", "oi_usdt"}


def test_export_as_csv_and_as_json_say_the_same(world):
    """One row a minute with the names of the PRD; unknown is empty, or null."""
    rows = list(csv.DictReader(io.StringIO(world.radar.export("CALMUSDT", 1, "csv"))))
    records = json.loads(world.radar.export("CALMUSDT", 1, "json"))

    assert list(rows[0])[:4] == ["symbol", "ts", "time", "mark"]
    assert list(rows[0]) == list(records[0])
    assert len(rows) == len(records) == len(world.radar.measured("CALMUSDT", 1))
    assert (rows[0]["symbol"], int(rows[0]["ts"])) == (records[0]["symbol"], records[0]["ts"])
    assert float(rows[0]["mark"]) == pytest.approx(records[0]["mark"], rel=1e-9)
    assert (rows[0]["light"], records[0]["light"]) == ("", None)
    assert (rows[0]["orderbook_imbalance"], records[0]["orderbook_imbalance"]) == ("", None)


# ── health ──────────────────────────────────────────────────────────────────────────────────────


def test_health_while_it_lives(world):
    """Somebody collects, everything is fresh, nothing to say."""
    health = world.radar.health()

    assert (health.status, health.sentence, health.collector, health.symbols, health.stale) == ("live", "", "here", 1, ())
    assert 0 <= health.freshness_p50_sec <= 10


def test_health_before_the_first_answer(driven):
    """A collector is there, nothing was read yet."""
    world = driven()
    world.venue.errors["quotes"] = VenueUnavailable("slow", venue="demo")
    world.run(2)

    assert (world.radar.health().status, world.radar.health().sentence) == ("starting", "Reading the market for the first time since the start.")


@pytest.mark.fault("F33")
def test_health_when_nobody_collects(world, clock):
    """After the collector is gone the numbers are the last ones, each stale field with its time."""
    last = world.radar.snapshot("CALMUSDT").ts
    world.collector.close()
    clock.advance(300)
    health = world.radar.health()

    assert (health.status, health.collector) == ("stopped", "stopped")
    assert health.sentence == "Nobody collects: the numbers below are the last ones read."
    assert {(f.field, f.since_ms) for f in health.stale if f.field == "mark"} == {("mark", last)}


def test_health_when_the_exchange_is_silent(world):
    """Somebody collects, but no answer is fresh: it says which fields, and since when."""
    last = world.radar.snapshot("CALMUSDT").ts
    world.venue.errors["quotes"] = VenueUnavailable("no answer", venue="demo")
    world.run(60)
    health = world.radar.health()

    assert (health.status, health.collector) == ("stale", "here")
    assert health.sentence == "The exchange gives no fresh answer; every light is withheld or marked."
    assert [(f.symbol, f.field, f.since_ms) for f in health.stale] == [("CALMUSDT", "mark", last), ("CALMUSDT", "oi_usdt", last)]


@pytest.mark.fault("F41")
def test_health_when_another_process_collects(world, clock):
    """The lease names somebody else."""
    world.collector.close()
    world.market.take_lease("somebody else", clock.now_ms(), 15)

    assert world.radar.health().collector == "elsewhere"


def test_health_when_the_exchange_refuses_this_location(driven, clock, monkeypatch):
    """A 451 is one sentence, and blocked is not called stale."""
    world = driven()
    sentence = "Binance does not serve this location."
    host = HostHealth(
        venue="binance", pool="futures", host="fapi.binance.com", ok=False, kind="blocked", latency_ms=None, last_ok_ms=None, used_weight=0,
        limit_weight=1440, sentence=sentence, until_ms=clock.now_ms() + 900_000,
    )  # fmt: skip
    monkeypatch.setattr(world.venue.inner, "health", lambda: [host])
    world.venue.errors = dict.fromkeys(["server_time_ms", "contracts", "quotes"], VenueUnavailable(sentence, venue="binance"))
    world.run(30)

    assert (world.radar.health().status, world.radar.health().sentence) == ("blocked", f"{sentence} Asked again in 14 min.")


def test_an_answer_goes_stale_while_nobody_reads(world, clock):
    """Snapshots are judged when they are looked at."""
    fresh = world.radar.snapshot("CALMUSDT")
    clock.advance(200)
    later = world.radar.snapshot("CALMUSDT")

    assert (fresh.traffic_light, fresh.quality["mark"].state) == (Light.YELLOW, Quality.FRESH)
    assert (later.traffic_light, later.quality["mark"].state, later.age_sec) == (Light.UNKNOWN, Quality.MISSING, fresh.age_sec + 200)
