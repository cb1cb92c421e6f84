"""Gathering from whole exchanges."""

from radar.clock import SystemClock
from radar.gather import gather
from radar.settings import Settings
from radar.store import MarketStore
from radar.venues.binance import Binance
from radar.venues.demo import DemoVenue
from tests.gather.past_venue import DAY, END, HOUR, same
from tests.stand_in import own_exchange


def test_the_demo_has_a_past(market, clock):
    """Its squeeze can be tested with no network."""
    venue = DemoVenue(clock)
    found = gather(market, venue, "SQUEEZEUSDT", END - 10 * DAY, END, clock=clock)

    assert found.coverage["mark"] > 0.99
    assert found.has_spot is False


def test_a_whole_exchange_is_asked_politely_and_once(tmp_path):
    """The stand-in's ORCAUSDT, 30 days: complete, nothing refused, under a hundred requests, then none."""
    with own_exchange() as exchange:
        settings = Settings(data_dir=tmp_path, binance_futures_hosts=(exchange.url,), binance_spot_hosts=(exchange.url,), _env_file=None)
        market, venue = MarketStore(tmp_path), Binance(settings, SystemClock())
        end = SystemClock().now_ms() // HOUR * HOUR - HOUR
        first = gather(market, venue, "ORCAUSDT", end - 28 * DAY, end)
        told = exchange.told()
        second = gather(market, venue, "ORCAUSDT", end - 28 * DAY, end)
        after = exchange.requests()
        market.close()
        venue.close()

    assert set(first.coverage.values()) == {1.0}
    assert first.has_spot is True
    assert told["limited"] == 0
    assert first.requests == sum(told["asked"].values()) == after < 100
    assert same(first, second)
