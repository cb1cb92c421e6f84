"""What the tests of gathering share: a clock, an exchange with a past, and a way to ask."""

import pytest

from radar.clock import DrivenClock
from radar.gather import gather
from tests.gather.past_venue import DAY, END, NOW, SYMBOL, PastVenue


@pytest.fixture
def clock():
    """Seventy-seven seconds past a full hour."""
    return DrivenClock(NOW)


@pytest.fixture
def venue(clock):
    """An exchange that knows everything."""
    return PastVenue(clock)


@pytest.fixture
def ask(market, venue, clock):
    """`ask(days)`: history that ends now; `ask(first_ms=…, last_ms=…)`: of a window."""

    def run(days=2.0, *, first_ms=None, last_ms=END, **more):
        venue.asked.clear()
        first_ms = END - round(days * DAY) if first_ms is None else first_ms
        return gather(market, venue, SYMBOL, first_ms, last_ms, **({"clock": clock} | more))

    return run
