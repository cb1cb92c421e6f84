"""What the tests of exchanges share: a clock turned by hand, and answers without a network."""

import pytest
import responses

from radar.clock import DrivenClock
from tests.venues.second_contract import NOW


@pytest.fixture
def clock():
    """Time that a test turns by hand."""
    return DrivenClock(NOW)


@pytest.fixture
def web():
    """The exchange's answers; other addresses refuse the connection."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock
