"""The scan of the whole market on a driven clock: what it knows, how often it asks, what it keeps."""

import numpy as np
import pytest

from radar.errors import NotWatched, StoreError, VenueRefused, VenueUnavailable
from radar.models import Light
from radar.venues.demo import DemoVenue

WATCHED = "CALMUSDT"


@pytest.fixture
def world(driven):
    """A radar that watches one coin and scans them all."""
    made = driven(watchlist=[WATCHED])
    made.collector.scan(True, "for the test")
    return made


def others(world):
    """Every contract that nobody watches."""
    return [contract.symbol for contract in DemoVenue(world.clock).contracts() if contract.symbol != WATCHED]


def test_every_contract_has_its_row_within_two_minutes(world):
    """Price, basis, funding, interval, volume, spot and open interest of all; order books and borrow of none."""
    world.run(90)
    market = world.radar.whole_market()

    assert sorted(market.table.index) == sorted([WATCHED, *others(world)])
    names = ["mark", "basis_pct", "funding_1h_pct", "funding_interval_hours", "perp_vol24_usdt", "change_24h_pct", "has_spot", "oi_usdt", "adl_risk"]
    known = market.table[names]
    assert known.drop(index="STALEUSDT").notna().all(axis=None)
    assert (market.on, market.why, market.age_sec < 15) == (True, "for the test", True)


def test_no_open_interest_is_older_than_five_minutes(world):
    """Everybody's is asked at least every four minutes, in no burst: never more than five a second."""
    world.run(60)
    oldest, before = [], world.venue.calls["open_interest"]
    for _ in range(8):
        world.run(60)
        ages = world.radar.whole_market().table["oi_age_sec"].drop(index="STALEUSDT")
        oldest.append(ages.max())
        now = world.venue.calls["open_interest"]
        assert now - before <= 5 * 60
        before = now

    assert max(oldest) <= 300


def test_the_watched_are_not_asked_twice(world):
    """Their open interest comes from the watchlist's own readings, and their row is their own page's answer."""
    world.run(125)
    row, own = world.radar.whole_market().table.loc[WATCHED], world.radar.snapshot(WATCHED)

    assert row["watched"]
    assert (row["traffic_light"], row["headline"]) == (own.traffic_light.value, own.headline)
    assert world.venue.asked["open_interest", WATCHED] <= 5
    assert row["oi_age_sec"] <= 31


def test_a_symbol_that_nobody_watches_has_an_answer(world):
    """The light of the table, by the public `assess`; what a scan cannot know is unknown, and other exchanges are not compared."""
    world.run(1200)
    table = world.radar.whole_market().table
    for symbol in others(world):
        seen = world.radar.snapshot(symbol)
        assert (seen.traffic_light.value, seen.headline) == (table.at[symbol, "traffic_light"], table.at[symbol, "headline"])
        assert seen.orderbook_imbalance is None
        assert seen.traffic_light is not Light.GREEN
    with pytest.raises(NotWatched):
        world.radar.venues(others(world)[0])


def test_five_minute_bars_are_there_when_it_is_opened(world):
    """Of the symbols that nobody watches, with open interest and running funding; nothing is back-filled for them."""
    world.run(1500)
    symbol = others(world)[0]
    frame = world.radar.series(symbol, 6).frame
    known = frame[["mark", "funding_1h_pct", "oi_usdt", "basis_pct"]].dropna()

    assert len(known) >= 4
    assert set(np.diff(known.index.as_unit("s").asi8)) == {300}
    assert world.venue.asked["candles", symbol] == 0
    assert world.venue.asked["settlements", symbol] == 0


def test_a_symbol_that_is_watched_gets_the_whole_past(world):
    """Also that of payments, of which the scan has stored the newest: without them there would be no score."""
    world.run(4000, step=5)
    symbol = "WINDOWUSDT"
    newest = world.market.settlements(symbol, 0)
    world.radar.watch(symbol)
    world.run(120)

    assert len(newest) in (1, 2)
    assert len(world.market.settlements(symbol, 0)) > 700
    assert world.radar.snapshot(symbol).srs is not None


def test_a_restart_goes_on_with_what_was_seen(world):
    """The change of an hour, and funding of three, are known soon after a start: the bars are read again."""
    world.run(4200, step=2)
    world.collector.close()
    world.clock.advance(30)
    world.start()
    world.collector.scan(True, "for the test")
    world.run(90)
    table = world.radar.whole_market().table.drop(index=["STALEUSDT", WATCHED])

    assert table["ret_1h_pct"].notna().all()
    assert table["delta_oi_1h_pct"].notna().all()


def test_light_changes_are_told_with_what_they_were(world):
    """Newest first, each with the light before it; the first look at a symbol is no change."""
    world.run(4000, step=2)
    before = world.radar.whole_market()
    world.radar.set_thresholds(None, {"r1_basis_max": -50.0})  # no discount is a discount any more
    world.run(15)
    after = world.radar.whole_market()
    cleared = set(before.table.index[(before.table["fired"] == "R1") & ~before.table["watched"]])

    new = [change for change in after.changes if change not in before.changes]

    assert len(before.changes) < len(others(world)) // 2
    assert cleared
    assert {change.symbol for change in new} >= cleared
    assert {(change.before, change.after) for change in new if change.symbol in cleared} <= {("RED", "YELLOW"), ("RED", "GREEN")}
    assert all(change.fired == after.table.at[change.symbol, "fired"] for change in new)
    assert after.changes[: len(new)] == new


def test_a_contract_that_is_gone_leaves_and_a_new_one_comes(world):
    """With the next list of contracts."""
    world.run(30)
    gone = others(world)[0]
    world.venue.gone.add(gone)
    world.run(3700, step=10)

    assert gone not in world.radar.whole_market().table.index
    world.venue.gone.clear()
    world.run(3700, step=10)
    assert gone in world.radar.whole_market().table.index


def test_open_interest_that_cannot_be_read_ages_and_stops_nobody(world):
    """Prices go on; the number is unknown after five minutes, and so is what rests on it."""
    world.run(60)
    world.venue.errors["open_interest"] = VenueUnavailable("down", venue="demo")
    world.run(420)
    table = world.radar.whole_market().table.drop(index="STALEUSDT")

    assert (table["age_sec"] < 15).all()
    assert table.drop(index=WATCHED)["oi_usdt"].isna().all()
    world.venue.errors.clear()
    world.run(120)
    assert world.radar.whole_market().table.drop(index="STALEUSDT")["oi_usdt"].notna().all()


def test_a_scan_that_stopped_goes_stale_by_itself(world):
    """Nobody refreshes it: the prices are unknown after two minutes, the table empty after a quarter of an hour."""
    world.run(60)
    world.clock.advance(130)
    late = world.radar.whole_market()
    world.clock.advance(900)

    assert late.table["mark"].isna().all()
    assert set(late.table["traffic_light"]) <= {"UNKNOWN", "RED"}
    assert world.radar.whole_market().table.empty


def test_without_a_scan_nothing_is_asked_for_it(driven):
    """And the page is told why there is none."""
    world = driven(watchlist=[WATCHED])
    world.collector.scan(False, "RADAR_SCAN=off.")
    world.run(300)
    market = world.radar.whole_market()

    assert (market.on, market.why, market.table.empty) == (False, "RADAR_SCAN=off.", True)
    assert world.venue.calls["adl_risks"] == world.venue.calls["all_spot_tickers"] == 0


def test_an_answer_that_nobody_renews_is_no_light_of_the_market(world, monkeypatch):
    """A watched coin that cannot be judged any more is looked at by the scan itself: alerts never hear of its old light."""
    world.run(60)
    tables, judge = [], world.collector._judge
    monkeypatch.setattr(judge, "tell_market", tables.append)
    monkeypatch.setattr(judge, "_judge_one", lambda *_: 1 / 0)
    world.run(180)

    ages = [table.at[WATCHED, "age_sec"] for table in tables]
    assert max(ages) <= 75
    assert max(ages[-8:]) < 15
    assert tables[-1].at[WATCHED, "watched"]


def test_what_a_desk_entered_for_a_coin_says_nothing_once_nobody_watches_it(world):
    """Its page and the market's table give one answer: a scan confirms no borrow."""
    symbol = "WINDOWUSDT"
    world.radar.watch(symbol)
    world.run(60)
    world.radar.set_borrow(symbol, 5.0)
    world.radar.unwatch(symbol)
    world.run(1200)
    row, page = world.radar.whole_market().table.loc[symbol], world.radar.snapshot(symbol)

    assert (page.traffic_light.value, page.headline) == (row["traffic_light"], row["headline"])
    assert page.borrow.shortable is None


def test_a_list_that_is_suddenly_short_is_believed_the_second_time(world):
    """One incomplete answer does not cost a day of memory."""
    world.run(60)
    everybody = others(world)
    world.venue.gone.update(everybody[5:])
    world.collector._asker.hurry("contracts")
    world.run(60)
    first = len(world.radar.whole_market().table)
    world.collector._asker.hurry("contracts")
    world.run(60)

    assert first == len(everybody) + 1
    assert len(world.radar.whole_market().table) == 6


def test_open_interest_that_is_refused_is_not_asked_for_again_and_again(world):
    """The exchange knows the contract no more: asked once an hour, not twice a minute."""
    world.venue.errors["open_interest"] = VenueRefused("Invalid symbol.", venue="demo", code=-1121)
    world.run(900)

    assert max(world.venue.asked["open_interest", symbol] for symbol in others(world)) == 1


def test_while_the_disk_is_full_the_market_is_served_from_memory(world, monkeypatch):
    """As the watchlist is; and what changed meanwhile is not lost."""
    world.run(60)

    def full(*_, **__):
        raise StoreError("disk full")

    for store, name in ((world.market.scan, "keep"), (world.market, "write_observations")):
        monkeypatch.setattr(store, name, full)
    world.run(1000, step=2)
    market = world.radar.whole_market()

    assert market.age_sec < 15
    assert (market.table["age_sec"].drop("STALEUSDT") < 15).all()


def test_a_clock_that_was_ahead_costs_no_knowledge_of_contracts(world):
    """The tape begins afresh from what is stored; listings, caps and baselines stay."""
    world.run(1200)
    before = world.radar.whole_market().table
    world.collector._scan.tape.roll(world.clock.now_ms() // 60_000 + 60)
    world.run(90)
    after = world.radar.whole_market().table

    for name in ("listed_days", "cap_use", "has_spot", "funding_interval_hours"):
        assert (after[name].notna() | before[name].isna()).drop("STALEUSDT").all()
    assert after["mark"].drop("STALEUSDT").notna().all()
