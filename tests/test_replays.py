"""A past window is shown with what was known then and no more, and with the very lights that were stored then."""

import json

import numpy as np
import pandas as pd
import pytest

from radar import judged as facts_of
from radar.assess import assess
from radar.backtest.replay import NEEDED
from radar.bars import BAR_COLUMNS, minute_of
from radar.entered import borrow_quotes
from radar.errors import StoreError, VenueUnavailable
from radar.judged import JUDGED, Judged, facts, judged, odd, packed
from radar.models import Observation
from radar.quality import SEVERITY
from radar.replays import LIVED, OLD, RECONSTRUCTED, film, relived
from radar.thresholds import Thresholds
from radar.ui.replay import payload, unpacked
from radar.venues.demo_second import DEMO_SECONDS, DemoSecond
from tests.faulty import FaultySecond
from tests.serving import Driven

SYMBOLS = ("CALMUSDT", "SQUEEZEUSDT", "BASISUSDT", "WINDOWUSDT", "STALEUSDT")
DOWN = VenueUnavailable("down", venue="demo")
T = Thresholds()


def again(market, symbol, clock):
    """Everything that was judged so far, judged again."""
    now = minute_of(clock.now_ms())
    return relived(market, symbol, now - 1_440, now)


def filmed(radar, symbol, minutes=400, *, ago=0):
    """The last minutes, or those that ended some minutes ago."""
    last = minute_of(radar.clock.now_ms()) - 1
    return film(radar.market, symbol, last - minutes + 1, last - ago, radar.thresholds(symbol))


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    """Twelve minutes of the demo market, collected once for all tests that only look."""
    lived = Driven(tmp_path_factory.mktemp("quiet"))
    lived.run(720, step=5)
    yield lived.live
    lived.close()


# ── the lights of then ──────────────────────────────────────────────────────────────────────────


def test_the_stored_minutes_give_the_stored_lights(driven, clock, market):
    """Stale inputs, a missing exchange, borrow entered and removed, other thresholds, two restarts: every light, every minute."""
    others = [FaultySecond(DemoSecond(name, clock)) for name in DEMO_SECONDS]
    d = driven(watchlist=SYMBOLS, seconds=others)

    def live(minutes):
        d.run(minutes * 60, step=5)

    live(12)
    d.venue.errors["open_interest"] = DOWN
    live(8)
    d.venue.errors["perp_tickers"] = DOWN
    live(5)
    d.venue.errors.clear()
    live(4)
    others[0].errors["spot_quotes"] = VenueUnavailable("down", venue=others[0].name)
    d.radar.set_borrow("WINDOWUSDT", 80.0)
    live(8)
    d.radar.clear_borrow("WINDOWUSDT")
    d.radar.set_thresholds("CALMUSDT", {"r2_dom_min": 50.0, "sw_hours": 2})
    live(5)
    d.venue.errors["spot_tickers"] = DOWN
    live(5)
    d.collector.close()
    clock.advance(11)
    d.start()
    d.venue.errors.clear()
    others[0].errors.clear()
    live(6)
    d.venue.errors["quotes"] = DOWN
    live(4)
    d.venue.errors.clear()
    d.radar.reset_thresholds("CALMUSDT")
    live(4)
    d.collector.close()
    clock.advance(900)
    d.start()
    live(75)

    found = {symbol: again(market, symbol, clock) for symbol in SYMBOLS}

    assert {symbol: f["stored_light"].tolist() for symbol, f in found.items()} == {symbol: f["light"].tolist() for symbol, f in found.items()}
    assert sum(map(len, found.values())) > 650
    assert set().union(*(f["light"] for f in found.values())) == {1, 2, 3, 4}
    assert len(found["CALMUSDT"].attrs["judged_by"]) == 3


def test_every_value_that_a_leaf_saw_comes_back(driven, clock, market, monkeypatch):
    """Not the light alone: what the last judgement of every minute saw is found again, metric by metric, to six digits."""
    seen = {}

    def remembering(snapshot, t, *, ending):
        seen[snapshot.symbol, minute_of(clock.now_ms())] = found = judged(snapshot, t, ending=ending)
        return found

    monkeypatch.setattr("radar.judge.judged", remembering)
    d = driven(watchlist=SYMBOLS)
    d.run(600, step=5)
    d.venue.errors["perp_tickers"] = DOWN
    d.run(300, step=5)
    found = {symbol: again(market, symbol, clock) for symbol in SYMBOLS}
    rows = {(symbol, minute): row for symbol, frame in found.items() for minute, row in frame.to_dict("index").items()}

    assert len(rows) > 60
    for key, row in rows.items():
        assert {name: row[name] for name in seen[key].values} == pytest.approx(seen[key].values, rel=1e-6, abs=1e-6)
        assert {name: row[f"quality_{name}"] for name in JUDGED} == seen[key].quality


def test_a_file_of_before_tells_what_was_shown_and_no_more(quiet):
    """Minutes without the facts show their light and their numbers; of the rules nothing is claimed."""
    market, symbol = quiet.market, "CALMUSDT"
    whole = filmed(quiet, symbol, 5)
    bars = market.bars(symbol, whole.rows.index[0], whole.rows.index[-1])
    kept = [(symbol, int(minute), row.replace(np.nan, None).to_dict()) for minute, row in bars.astype(object).iterrows()]
    with market.file.writing() as conn:
        conn.execute("DELETE FROM stood_on WHERE sym = ?", [market._id(symbol)])
    old = filmed(quiet, symbol, 5)
    market.write_bars(kept)

    assert set(whole.rows["kind"]) == {LIVED}
    assert set(old.rows["kind"]) == {OLD}
    assert old.rows["light"].tolist() == whole.rows["light"].tolist()
    assert old.rows["mark"].tolist() == whole.rows["mark"].tolist()
    assert "not re-judgeable" in old.snapshot(0).rules[0].text
    assert filmed(quiet, symbol, 5).rows["light"].tolist() == whole.rows["light"].tolist()


# ── what a light stood on, in a few bytes ───────────────────────────────────────────────────────


def test_the_order_of_the_qualities_is_what_the_rules_need():
    """A new leaf of a rule means a new version of the packed number."""
    assert set(NEEDED) == set(JUDGED)
    assert facts_of.VERSION == 1


@pytest.mark.parametrize("seed", range(20))
def test_packed_facts_come_back(seed):
    """Any mixture of claims and qualities survives the whole number."""
    rng = np.random.default_rng(seed)
    quality = {name: int(code) for name, code in zip(JUDGED, rng.integers(0, 4, len(JUDGED)), strict=True)}
    values = {name: float(rng.integers(0, 2)) for name in ("has_spot", "borrow_shortable") if rng.random() < 0.7}
    ending = bool(rng.random() < 0.5)
    bars = pd.DataFrame({"judged": [packed(Judged(values, quality, T, ending))], "borrow_apr_pct": [7.5]}, index=[5])
    found = facts(bars, {5: {"ret_1h_pct": 1.25}, 6: {"ret_1h_pct": 9.0}}).loc[5]

    assert {name: found[f"quality_{name}"] for name in JUDGED} == quality
    assert {name: found[name] for name in ("has_spot", "borrow_shortable") if not np.isnan(found[name])} == values
    assert (found["ending"], found["ret_1h_pct"], found["borrow_apr_pct"]) == (float(ending), 1.25, 7.5)


def whole_hour(**columns):
    """An hour without a hole."""
    return pd.DataFrame(dict.fromkeys(BAR_COLUMNS, 1.0) | columns, index=range(70))


@pytest.mark.parametrize(
    ("name", "value", "stored", "kept"),
    [
        ("basis_twap15_pct", 4e-7, 0.0, True),  # R1 holds at 0 and not above it
        ("basis_twap15_pct", -4e-7, 0.0, False),
        ("perp_dominance_pct", 70.0, 69.9999999, True),
        ("perp_dominance_pct", 59.9999999, 60.0, True),
        ("oi_to_volume", 0.25, 0.2499999, True),
        ("funding_1h_pct", -0.15, -0.1499999, True),
        ("borrow_apr_pct", 50.0000004, 50.0, True),
        ("funding_1h_pct", 0.0398, 0.0398000001, False),
        ("ret_1h_pct", 1.0, np.nan, True),
    ],
)
def test_a_rounding_that_would_flip_a_leaf_is_kept_whole(name, value, stored, kept):
    """What is stored in whole numbers may not come to lie on another side of a threshold; beyond that it need not be kept."""
    stood_on = Judged({name: value}, dict.fromkeys(JUDGED, 0), T, False)

    assert odd(stood_on, {name: stored}, whole_hour()) == ({name: value} if kept else {})


def test_a_hole_in_the_last_hour_keeps_every_value():
    """What the history fills later was not known then."""
    stood_on = Judged({"ret_1h_pct": 1.0, "has_spot": 1.0}, dict.fromkeys(JUDGED, 0), T, False)
    holes = whole_hour()
    holes.loc[20, "oi_qty"] = np.nan

    assert odd(stood_on, {"ret_1h_pct": 1.0}, holes) == {"ret_1h_pct": 1.0}
    assert odd(stood_on, {"ret_1h_pct": 1.0}, whole_hour(), sure=False) == {"ret_1h_pct": 1.0}


def test_values_that_the_bars_give_are_not_kept_twice(driven, clock, market):
    """A quiet hour after the first one costs nothing beside the bar."""
    d = driven(watchlist=["CALMUSDT"])
    d.run(80 * 60, step=5)
    now = minute_of(clock.now_ms())

    assert market.stood.odd_values("CALMUSDT", now - 8, now) == {}
    assert len(market.stood.odd_values("CALMUSDT", now - 80, now)) > 50


# ── no knowledge of the future ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("symbol", ["SQUEEZEUSDT", "WINDOWUSDT"])
@pytest.mark.parametrize("ago", [5, 60, 233])
def test_a_cut_past_is_the_same_past(quiet, symbol, ago):
    """What stands before a cut does not change by what came after it: words and numbers, lived and reconstructed."""
    whole, cut = filmed(quiet, symbol), filmed(quiet, symbol, ago=ago)
    texts = [[unpacked(column, len(shown.rows))[: len(cut.rows)] for column in payload(shown, zone="UTC", simulated=True)["texts"]] for shown in (whole, cut)]

    before, same = (rows.drop(columns="t").dropna(axis="columns", how="all") for rows in (whole.rows.iloc[: len(cut.rows)], cut.rows))
    pd.testing.assert_frame_equal(before, same[before.columns], check_dtype=False)
    assert texts[0] == texts[1]
    assert len(cut.rows) > 100


def test_before_the_radar_was_there_the_light_is_marked_as_reconstructed(quiet):
    """Both kinds stand in one window, the lived ones last; a light that needs a borrow says that it was assumed."""
    shown = filmed(quiet, "WINDOWUSDT", 2_000)
    kinds = shown.rows["kind"].tolist()
    texts = payload(shown, zone="UTC", simulated=True)
    green = [i for i, (light, kind) in enumerate(zip(texts["lights"], texts["kinds"], strict=True)) if (light, int(kind)) == ("3", RECONSTRUCTED)]

    assert kinds == sorted(kinds, reverse=True)
    assert set(kinds) == {LIVED, RECONSTRUCTED}
    assert len(green) > 100
    assert all("if the coin could be borrowed" in unpacked(texts["texts"][1], len(kinds))[i] for i in green)


# ── the words of live ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_a_minute_reads_as_it_read_live(quiet, symbol):
    """Light, stance, headline, rules and score of a lived minute are those of its snapshot, but for names of exchanges."""
    o = Observation.model_validate_json(quiet.market.observations()[symbol][1])
    live = assess(o, T, borrow_quotes(o, {}), now_ms=o.ts_ms)
    shown = filmed(quiet, symbol, 3)
    past = shown.snapshot(len(shown.rows) - 1)

    assert [past.traffic_light, past.state, past.headline] == [live.traffic_light, live.state, live.headline]
    assert [(f.code, f.state) for f in past.rules] == [(f.code, f.state) for f in live.rules]
    assert past.has_spot == live.has_spot
    assert past.borrow.shortable == live.borrow.shortable


def test_two_days_are_small_enough_to_send(quiet):
    """48 h of the wildest coin, every minute with its words, stay under a megabyte."""
    shown = filmed(quiet, "SQUEEZEUSDT", 2_880)
    sent = payload(shown, zone="UTC", simulated=True)

    assert 2_800 < len(sent["marks"]) <= 2_880
    assert len(json.dumps(sent)) < 1_000_000


def test_a_window_without_anything_is_empty(quiet):
    """A symbol that nobody knows has nothing to show, and says so minute by minute."""
    sent = payload(film(quiet.market, "NOBODYUSDT", 1_000, 1_060, T), zone="UTC", simulated=False)

    assert set(sent["kinds"]) <= {"3"}
    assert set(SEVERITY.values()) == {0, 1, 2, 3}


def test_what_one_light_stood_on_keeps_no_bar_from_the_disk(driven, monkeypatch, caplog):
    """A symbol whose facts cannot be worked out costs nobody a minute."""
    world = driven(watchlist=["CALMUSDT", "SQUEEZEUSDT"])
    world.run(60, step=5)
    monkeypatch.setattr("radar.judge.odd", lambda *_, **__: (_ for _ in ()).throw(ZeroDivisionError))
    world.run(300, step=5)
    now = minute_of(world.clock.now_ms())

    assert all(len(world.market.bars(symbol, now - 5, now - 1)) >= 4 for symbol in ("CALMUSDT", "SQUEEZEUSDT"))
    assert "is not kept" in caplog.text


def test_a_disk_that_stays_full_fills_no_memory(driven, monkeypatch):
    """Ten minutes wait, like the bars themselves."""
    world = driven()
    world.run(60, step=5)
    monkeypatch.setattr(world.market, "write_bars", lambda *_, **__: (_ for _ in ()).throw(StoreError("full")))
    world.run(1_500, step=10)

    assert len({minute for _, minute in world.collector._judge._judged}) <= 13


def test_thresholds_of_another_version_end_no_replay(driven):
    """A row that this version does not know counts as the defaults, and the collector writes its own."""
    world = driven()
    world.run(60, step=5)
    minute = minute_of(world.clock.now_ms())
    world.market.stood.write_judged_by("CALMUSDT", minute, '{"of_tomorrow": 1}')
    world.collector._judge._judged_by.clear()
    world.run(200, step=5)
    found = relived(world.market, "CALMUSDT", minute, minute + 3)

    assert len(found) >= 3
    assert found["light"].tolist() == found["stored_light"].tolist()
