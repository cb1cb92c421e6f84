"""The exchange refuses: the radar is silent for as long as it should be, says so in one sentence, and goes on by itself."""

import pytest

from tests.exchange.conftest import CALM, GREEN, START
from tests.misbehaving import BAN

WAF = "<!DOCTYPE HTML><HTML><BODY><H1>403 ERROR</H1>Request blocked. <script>alert(1)</script></BODY></HTML>"
REGION = {"code": 0, "msg": "Service unavailable from a restricted location according to 'b. Eligibility'."}


def refuse(world, status, host="", **how):
    """Let every path of a family refuse."""
    return world.exchange.fail("", host=host, status=status, **{"body": BAN} | how)


@pytest.mark.fault("F1")
def test_a_429_silences_the_family_and_the_tiles_keep_their_values_and_age(trading, clock):
    """Half a minute without a request to futures while spot is asked on; then all is fresh again, and nobody did anything."""
    world = trading()
    before = world.radar.snapshot(GREEN)
    fault = refuse(world, 429, "futures", headers={"Retry-After": "30"}, times=1)
    world.run(10)
    refused_ms = next(one.ts_ms for one in reversed(world.exchange.asked) if one.host == "futures")
    asked = world.exchange.count(host="futures")
    world.run((refused_ms + 29_000 - clock.now_ms()) / 1000)
    during, silent = world.radar.snapshot(GREEN), world.exchange.count(host="futures") - asked
    spot = world.exchange.count(host="spot", since_ms=refused_ms)
    world.run(15)

    assert fault.times == 0
    assert (silent, spot > 0) == (0, True)
    assert during.mark == pytest.approx(before.mark, rel=0.01)
    assert during.age_sec > 25
    assert (during.quality["mark"].state.value, during.traffic_light.value) == ("STALE", "UNKNOWN")
    assert world.old() == set()
    assert world.light(GREEN).value == "GREEN"


@pytest.mark.fault("F2")
@pytest.mark.parametrize("after", [None, "-1", "Wed, 21 Oct 1999 07:28:00 GMT"])
def test_a_429_that_gives_no_sensible_time_costs_a_minute_or_two(trading, clock, after):
    """Whatever the header says, the radar is fresh again two minutes later."""
    world = trading()
    refuse(world, 429, "futures", headers={"Retry-After": after} if after else {}, times=1)
    asked = world.exchange.count(host="futures")
    world.run(60, step=10)
    within = world.exchange.count(host="futures") - asked
    world.run(60, step=10)

    assert within <= 2  # the one that was refused; at its end the first that may try
    assert world.old() == set()


@pytest.mark.fault("F2")
def test_an_absurd_pause_is_at_most_three_days(trading, clock):
    """A Retry-After of thirty years: asked again after three days and a tenth, with the sentence meanwhile."""
    world = trading()
    refuse(world, 429, "futures", headers={"Retry-After": "999999999"}, times=1)
    world.run(20, step=10)
    until = next(host.until_ms for host in world.venue.health() if host.pool == "futures")

    assert 0 < until - START <= 3.4 * 86_400_000
    assert "asks the radar to pause" in world.radar.health().hosts[0].sentence


@pytest.mark.fault("F3")
def test_a_ban_outlives_the_process_that_met_it_even_one_that_was_killed(trading, clock):
    """418 for ten minutes; the process is killed seconds later, the next one asks futures nothing until the ban is over."""
    world = trading()
    refuse(world, 418, "futures", headers={"Retry-After": "600"}, times=1)
    world.run(12)
    banned_ms = clock.now_ms()
    world.start()  # without a close: nothing was tidied up
    world.run(580, step=20)
    asked = world.exchange.count(host="futures", since_ms=banned_ms)
    says = world.radar.health()
    world.run(240, step=20)

    assert asked == 0
    assert "has banned this address for a while" in says.sentence
    assert world.old() == set()
    assert world.light(GREEN).value == "GREEN"


@pytest.mark.fault("F4")
def test_where_others_use_the_weight_up_books_and_open_interest_wait_and_prices_do_not(trading):
    """Another program needs 2240 of 2400 a minute: nothing of the radar is refused, prices stay fresh, books and the past wait."""
    world = trading(watchlist=[GREEN, CALM])
    world.exchange.foreign = 2240
    world.run(200, step=10)

    assert world.quality()["quote"] == "FRESH"
    assert world.quality()["perp_book"] != "FRESH"
    assert world.venue.health()[0].sentence == ""
    world.exchange.heal()
    world.run(120, step=10)
    assert world.old() == set()


@pytest.mark.fault("F5")
@pytest.mark.parametrize("header", ["garbage", "0", "99999999999999999999"])
def test_a_weight_header_that_is_none_changes_nothing(trading, header):
    """Too low, too high to be true, not a number: the radar's own count stands, and everything is read in time."""
    world = trading()
    world.exchange.says_weight = header
    world.run(120, step=10)
    own = sum(n for who, n in world.venue.health()[0].used_by.items() if who in ("watch", "history"))

    assert world.old() == set()
    assert world.venue.health()[0].used_weight >= own > 50


@pytest.mark.fault("F6")
def test_a_refused_location_costs_one_request_a_quarter_of_an_hour(trading, clock):
    """451 for 46 minutes: four requests a family, no other host, one sentence with the way out; then it comes back by itself."""
    world = trading(spot_hosts=2)
    refuse(world, 451, body=REGION)
    asked = {host: world.exchange.count(host=host) for host in world.exchange.ports}
    world.run(46 * 60, step=120)
    cost = {host: world.exchange.count(host=host) - n for host, n in asked.items()}
    says = world.radar.health()
    world.exchange.heal()
    world.run(16 * 60, step=120)
    world.run(60, step=10)

    assert 3 <= cost["futures"] <= 4
    assert 3 <= cost["spot"] <= 4
    assert cost["spot2"] == 0
    assert (says.status, says.sentence.count("does not serve this location")) == ("blocked", 1)
    assert "RADAR_BINANCE_FUTURES_HOSTS" in says.sentence
    assert world.radar.health().status == "live"
    assert world.old() == set()


@pytest.mark.fault("F7")
def test_the_firewalls_page_is_shown_nowhere_and_asked_less_each_time(trading):
    """403 as HTML for two hours: a handful of requests, and none of its words in health, snapshots or the log of events."""
    world = trading()
    refuse(world, 403, "futures", body=WAF, kind="text/html")
    asked = world.exchange.count(host="futures")
    world.run(7200, step=200)
    shown = f"{world.radar.health()} {world.radar.snapshots()} {world.collector.latest} {world.radar.events()}"

    assert 4 <= world.exchange.count(host="futures") - asked <= 6  # after 5, 10, 20, 40 and 60 minutes
    assert "<" not in world.radar.health().sentence
    assert "Request blocked" not in shown
    assert "script" not in shown
    assert world.radar.health().status == "blocked"
