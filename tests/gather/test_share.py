"""The live radar's share, where another process collects."""

import pytest

from radar.errors import StoreError
from radar.gather import reserve_live
from radar.jobs import weight_per_minute
from radar.venues.budget import BINANCE_POOLS
from radar.venues.demo import DemoVenue
from tests.faulty import FaultyVenue
from tests.gather.past_venue import DAY, END, NOW

EXCHANGE = {"funding": 500, "data": 1000}  # what Binance lets one address ask for in five minutes


@pytest.fixture
def asked(clock):
    """A venue that remembers what was reserved."""
    return FaultyVenue(DemoVenue(clock))


def test_another_collector_keeps_what_its_watchlist_needs(market, asked):
    """What live calls need of the weights; of what the server does not count, all that the other process may use."""
    market.take_lease("somebody", NOW, 60)
    futures, spot = weight_per_minute(20)

    assert reserve_live(market, asked, 20, NOW) is True
    assert (asked.live_need["futures"], asked.live_need["spot"]) == (futures, spot)
    for pool, most in EXCHANGE.items():
        limit = BINANCE_POOLS[pool].limit
        assert limit + (limit - asked.live_need[pool]) <= most


def test_without_a_collector_nothing_is_reserved(market, asked):
    """Neither where there never was one nor where its lease is over."""
    never = reserve_live(market, asked, 20, NOW)
    market.take_lease("somebody", NOW - DAY, 60)

    assert never is reserve_live(market, asked, 20, NOW) is False
    assert asked.live_need == {}


def test_in_doubt_it_is_reserved(market, asked, monkeypatch):
    """A database that cannot be read does not say that nobody collects."""

    def broken():
        raise StoreError("disk I/O error")

    monkeypatch.setattr(market, "lease", broken)

    assert reserve_live(market, asked, 1, NOW) is True


def test_forty_watched_symbols_leave_room_to_gather(ask, venue, market, clock):
    """Thirty days beside the longest watchlist, whose use the server counts against us, too: slower, and complete."""
    market.take_lease("somebody", NOW, 3600)
    venue.set_need, need = venue.budget.set_need, weight_per_minute(40)[0]
    reserve_live(market, venue, 40, NOW)
    venue.budget.adopt("futures", str(need))
    found = ask(30)
    spent = [(at, weight) for at, pool, weight in venue.log if pool == "futures"]

    assert found.coverage["mark"] == 1.0
    assert max(sum(weight for at, weight in spent if start <= at < start + 60) for start, _ in spent) <= 1440 - need
    assert clock.now_ms() < END + DAY // 24
