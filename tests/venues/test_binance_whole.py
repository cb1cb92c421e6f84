"""Binance against a whole exchange on loopback: the contract, the limits, and bad days."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from radar.clock import SystemClock
from radar.errors import VenueBlocked, VenueBusy, VenueUnavailable
from radar.settings import Settings
from radar.venues.binance import Binance
from tests.stand_in import stand_in
from tests.venues.contract import VenueContract


class Exchange:
    """The stand-in's control."""

    def __init__(self, url):
        self.url = url

    def tell(self, **order):
        """Misbehave, or stop to."""
        requests.post(self.url + "/__ctl", json=order, timeout=5).raise_for_status()

    def asked(self):
        """Paths with counts."""
        return requests.get(self.url + "/__ctl", timeout=5).json()["asked"]


@pytest.fixture
def exchange(monkeypatch):
    """A well-behaved exchange whose counts begin at zero."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    found = Exchange(stand_in())
    found.tell(clear=1)
    found.tell(reset=1)
    yield found
    found.tell(clear=1)


@pytest.fixture
def venue(exchange):
    """Binance there, contracts not yet read."""
    made = Binance(Settings(binance_futures_hosts=(exchange.url,), binance_spot_hosts=(exchange.url,)), SystemClock())
    yield made
    made.close()


class TestBinance(VenueContract):
    """Binance keeps the contract."""

    @pytest.fixture
    def venue(self, venue):
        """With its contracts."""
        venue.contracts()
        return venue


def test_nobody_is_asked_inside_a_429_window(exchange, venue):
    """Twenty threads, one refusal, no more requests."""
    venue.contracts()
    exchange.tell(fault="429", match="openInterest", retry_after=30)
    with pytest.raises(VenueBusy):
        venue.open_interest("ARBUSDT")
    exchange.tell(reset=1)

    def ask(_):
        with pytest.raises(VenueBusy):
            venue.quotes()

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(ask, range(40)))

    assert exchange.asked() == {}


def test_a_blocked_start_costs_one_request(exchange, venue):
    """Twenty threads at once where Binance does not serve."""
    exchange.tell(fault="451")

    def ask(i):
        with pytest.raises(VenueBlocked):
            venue.open_interest("ARBUSDT") if i % 2 else venue.server_time_ms()

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(ask, range(20)))

    assert sum(exchange.asked().values()) == 1


@pytest.mark.parametrize("fault", ["html", "truncated", "close", "http500"])
def test_a_bad_day_is_over_when_it_is_over(exchange, venue, fault):
    """Failures are VenueUnavailable, and the next good answer is used."""
    venue.contracts()
    exchange.tell(fault=fault, match="premiumIndex")
    with pytest.raises(VenueUnavailable):
        venue.quotes()
    unwell = venue.health()[0]
    exchange.tell(clear=1)

    assert unwell.sentence
    assert len(venue.quotes()) > 0
    assert venue.health()[0].ok


def test_rubbish_numbers_are_unknown(exchange, venue):
    """Rows without a time or a number are dropped; nothing is made up."""
    venue.contracts()
    exchange.tell(fault="nan", match="premiumIndex")

    assert venue.quotes() == []
    assert venue.health()[0].dropped_rows > 0


def test_backfill_in_many_threads_keeps_the_limits(exchange, venue):
    """However fast history is asked for, the exchange counts no more than our budget."""
    venue.contracts()
    now_ms = venue.server_time_ms()
    venue.set_need("data", 780)

    def ask(_):
        try:
            return len(venue.oi_history("ARBUSDT", "1h", now_ms - 86_400_000, now_ms))
        except VenueBusy as busy:
            return busy.until_ms > now_ms

    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(ask, range(60)))

    assert exchange.asked()["/futures/data/openInterestHist"] == 20
    assert answers.count(True) == 40
