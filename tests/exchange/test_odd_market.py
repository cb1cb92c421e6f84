"""The market does odd things: a price out of this world, a coin that leaves, funding that changes its rhythm."""

from types import SimpleNamespace

import pytest

from radar.mailbag import Mailbag
from radar.teller import Teller
from tests.exchange.conftest import CALM, GREEN

HOUR_MS = 3_600_000
PREMIUM = "/fapi/v1/premiumIndex"


def listen(world):
    """Let alerts be decided in this process."""
    bag = Mailbag(world.user, world.collector.holder)
    world.collector.tell(Teller(world.user, bag, ["desk"], zone="UTC", public_url=""), SimpleNamespace(wake=lambda: None, tidy=lambda now_ms: None))
    return bag


def told(world):
    """(symbol, kind, edge) of what was decided, oldest first."""
    return [(alert.symbol, alert.kind.value, alert.edge) for alert in reversed(world.radar.alerts()) if alert.decided]


@pytest.mark.fault("F22")
@pytest.mark.parametrize("times", [1000, 0.001])
def test_a_price_a_thousand_times_the_last_for_one_tick_is_shown_and_alerts_nobody(trading, times):
    """The mark of one answer: on the tile as it came, in no message, and gone with the next."""
    world = trading()
    listen(world)
    world.run(30)
    before = world.radar.snapshot(GREEN).mark
    world.exchange.bend(PREMIUM, lambda rows: [row | {"markPrice": str(float(row["markPrice"]) * times)} for row in rows], times=1)
    seen = set()
    for _ in range(12):
        world.run(1)
        seen.add(round(world.radar.snapshot(GREEN).mark / before, 3))
    world.run(300, step=10)

    assert times in {round(one, 1) if one > 1 else one for one in seen}
    assert told(world) == []
    assert world.radar.snapshot(GREEN).mark == pytest.approx(before, rel=0.01)


@pytest.mark.fault("F22")
@pytest.mark.parametrize(("field", "times"), [("markPrice", 1000), ("indexPrice", 1e-300)])
def test_one_tick_out_of_this_world_opens_no_window(trading, field, times):
    """Its basis of a thousand percent is in no mean: what lacked a premium before lacks it after, and the bars keep their highs."""
    world = trading()
    world.radar.set_thresholds(GREEN, {"sw_basis_min": 1.0})
    world.run(20)
    before = world.light(GREEN).value
    world.exchange.bend(PREMIUM, lambda rows: [row | {field: repr(float(row[field]) * times)} for row in rows], times=1)
    world.run(11)
    lights = world.lights(180, step=10)
    bars = world.market.bars(GREEN, 0, world.clock.now_ms() // 60_000)

    assert (before, "GREEN" in lights) == ("YELLOW", False)
    assert bars["mark_high"].max() < 1
    assert bars["index_low"].min() > 0.1
    assert world.radar.snapshot(GREEN).basis_twap15_pct < 1


@pytest.mark.fault("F22")
def test_a_jump_that_stays_counts_from_the_second_look_on(trading):
    """Three times the price from one answer to the next: true when the next one says so, too."""
    world = trading()
    world.exchange.bend(PREMIUM, lambda rows: [row | {name: str(float(row[name]) * 3) for name in ("markPrice", "indexPrice")} for row in rows])
    world.run(120, step=10)
    last = world.market.bars(GREEN, 0, world.clock.now_ms() // 60_000).iloc[-1]

    assert last["mark"] > 1
    assert last["mark_low"] > 1


@pytest.mark.fault("F25")
@pytest.mark.parametrize("how", ["settling", "refused"])
def test_a_coin_that_is_delisted_is_marked_and_left_alone_and_told_once(trading, clock, how):
    """Settling, or refused before the list says so: within the hour nothing asks for it, its bars stay, its neighbour is well."""
    world = trading(watchlist=[GREEN, CALM])
    listen(world)
    world.run(60, step=10)
    market = world.exchange.market
    (market.settling if how == "settling" else market.gone).add(GREEN)
    if how == "refused":
        world.run(60, step=10)
    else:
        world.collector._asker.hurry("contracts")  # its hour is over
        world.run(60, step=10)
    left_ms = clock.now_ms()
    world.run(300, step=30)
    asked = [one.path for one in world.exchange.asked if one.symbol == GREEN and one.ts_ms > left_ms]
    gone, other = world.radar.snapshot(GREEN), world.radar.snapshot(CALM)
    world.run(10, step=5)

    assert (gone.delisted, gone.traffic_light.value, gone.short_allowed) == (True, "UNKNOWN", False)
    assert asked == []
    assert len(world.market.bars(GREEN, 0, clock.now_ms() // 60_000)) > 100
    assert (other.delisted, world.old(CALM)) == (False, set())
    assert [one for one in told(world) if one[0] == GREEN] == [(GREEN, "data", "opens")]
    assert [one for one in told(world) if one[0] == CALM] == []


@pytest.mark.fault("F25")
def test_one_list_without_it_is_no_delisting(trading):
    """The exchange's list lacks most coins once: it is asked again seconds later, and nothing was given up."""
    world = trading(watchlist=[GREEN, CALM])
    world.exchange.bend("/fapi/v1/exchangeInfo", lambda answer: {"symbols": answer["symbols"][1:]}, times=1)
    world.collector._asker.hurry("contracts")
    marked = set()
    for _ in range(12):
        world.run(5)
        marked |= {(s.symbol, s.delisted) for s in world.radar.snapshots()}

    assert marked == {(GREEN, False), (CALM, False)}
    assert world.old() == world.old(CALM) == set()


@pytest.mark.fault("F25")
def test_a_coin_that_returns_to_the_list_is_read_again(trading):
    """Delisted by mistake, or trading again: the next list brings it back without a restart."""
    world = trading()
    world.exchange.market.gone.add(GREEN)
    world.collector._asker.hurry("contracts")
    world.run(60, step=5)
    gone = world.radar.snapshot(GREEN).delisted
    world.exchange.market.gone.clear()
    world.collector._asker.hurry("contracts")
    world.run(60, step=5)

    assert gone
    assert world.radar.snapshot(GREEN).delisted is False
    assert world.old() == set()


@pytest.mark.fault("F26")
@pytest.mark.parametrize("following", [0, None, "soon"])
def test_a_next_payment_of_0_has_no_countdown(trading, following):
    """And funding per hour stays what it was: the interval is known from elsewhere."""
    world = trading()
    before = world.radar.snapshot(GREEN)
    world.exchange.bend(PREMIUM, lambda rows: [row | {"nextFundingTime": following} for row in rows])
    world.run(20)
    snapshot = world.radar.snapshot(GREEN)

    assert (before.next_funding_in_sec > 0, snapshot.next_funding_in_sec) == (True, None)
    assert snapshot.funding_interval_hours == before.funding_interval_hours == 1
    assert snapshot.funding_1h_pct == pytest.approx(before.funding_1h_pct, rel=0.2)


@pytest.mark.fault("F26")
def test_a_next_payment_that_is_long_past_has_no_countdown(trading, clock):
    """A schedule that stands still: settling for two minutes, then nobody knows."""
    world = trading()
    past = clock.now_ms() - HOUR_MS
    world.exchange.bend(PREMIUM, lambda rows: [row | {"nextFundingTime": past} for row in rows])
    world.run(20)

    assert world.radar.snapshot(GREEN).next_funding_in_sec is None


@pytest.mark.fault("F26")
def test_when_the_interval_changes_rates_before_and_after_are_each_per_hour(trading, clock):
    """From hourly to every four hours: at the next payment the schedule is read again, and the same rate is a quarter per hour."""
    world = trading()
    hourly = world.radar.snapshot(GREEN)
    four = (clock.now_ms() // HOUR_MS + 5) * HOUR_MS  # four hours after the payment that comes next
    clock.advance((HOUR_MS - clock.now_ms() % HOUR_MS) / 1000 - 60)
    world.run(50, step=5)
    world.exchange.bend(PREMIUM, lambda rows: [row | {"nextFundingTime": four} for row in rows])
    world.exchange.bend("/fapi/v1/fundingInfo", lambda rows: [row | {"fundingIntervalHours": 4} for row in rows])
    world.run(360, step=10)
    later = world.radar.snapshot(GREEN)
    paid = world.radar.settlements(GREEN, 24)

    assert (hourly.funding_interval_hours, later.funding_interval_hours) == (1, 4)
    assert later.funding_1h_pct == pytest.approx(hourly.funding_1h_pct / 4, rel=0.3)
    assert len(paid) >= 7
