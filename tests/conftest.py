"""A clock turned by hand, stores in a temporary folder, and a whole radar on the demo market."""

import pytest

from radar.clock import DrivenClock
from radar.collector import Collector
from radar.lanes import InlineLanes
from radar.service import Radar
from radar.settings import Settings
from radar.store import MarketStore, UserStore
from radar.venues.demo import DemoVenue
from radar.venues.demo_second import DEMO_SECONDS, DemoSecond
from tests.faulty import FaultyVenue


def pytest_collection_modifyitems(items):
    """Reports carry the faults that their test tries, through xdist too."""
    for item in items:
        item.user_properties += [("fault", key) for mark in item.iter_markers("fault") for key in mark.args]


def pytest_terminal_summary(terminalreporter):
    """How many rows of docs/reliability.md this run has seen hold, and which it has not."""
    seen = {
        outcome: {value for report in terminalreporter.stats.get(outcome, []) for name, value in getattr(report, "user_properties", []) if name == "fault"}
        for outcome in ("passed", "skipped", "failed", "error")
    }
    red = seen["failed"] | seen["error"]
    green = seen["passed"] - red
    if tried := green | red | seen["skipped"]:
        rest = f"; red: {', '.join(sorted(red)) or 'none'}; skipped: {', '.join(sorted(seen['skipped'] - green - red)) or 'none'}"
        terminalreporter.write_line(f"faults of docs/reliability.md: {len(green)} of {len(tried)} rows green{rest}")


START = 1_790_000_017_000  # 2026-09-21 14:13:37 UTC


@pytest.fixture
def clock():
    """A clock at START that a test turns."""
    return DrivenClock(START)


@pytest.fixture
def market(tmp_path):
    """The market file of the test."""
    store = MarketStore(tmp_path)
    yield store
    store.close()


@pytest.fixture
def user(tmp_path):
    """The user's file of the test."""
    store = UserStore(tmp_path)
    yield store
    store.close()


class Driven:
    """A collector and the service over the same stores, stepped once a second."""

    def __init__(self, clock, market, user, folder, venue, *, seconds, lender, retention_days) -> None:
        self.clock, self.market, self.user, self.venue = clock, market, user, venue
        self._folder, self.seconds, self._lender, self._retention_days = folder, seconds, lender, retention_days
        self.starts = 0
        self.start()

    def start(self) -> None:
        """A new process on the same files."""
        self.starts += 1
        self.collector = Collector(
            self.venue,
            self.market,
            self.user,
            clock=self.clock,
            holder=f"process-{self.starts}",
            lanes=InlineLanes(),
            retention_days=self._retention_days,
            seconds=self.seconds,
            lender=self._lender,
        )
        settings = Settings(data_dir=self._folder, _env_file=None)
        self.radar = Radar("demo", settings, self.market, self.user, clock=self.clock, collector=self.collector)

    def run(self, seconds, step=1) -> None:
        """Let the collector live for so long."""
        for _ in range(round(seconds / step)):
            self.collector.step()
            self.clock.advance(step)

    def light(self, symbol):
        """What everybody would see now."""
        return self.radar.snapshot(symbol).traffic_light


@pytest.fixture
def driven(clock, market, user, tmp_path):
    """A factory of driven radars: `driven(watchlist=["CALMUSDT"])`."""

    def make(venue=None, watchlist=("CALMUSDT",), *, seconds=None, lender=None, retention_days=30):
        others = [DemoSecond(name, clock) for name in DEMO_SECONDS] if seconds is None else seconds
        user.seed(watchlist, clock.now_ms())
        return Driven(clock, market, user, tmp_path, FaultyVenue(venue or DemoVenue(clock)), seconds=others, lender=lender, retention_days=retention_days)

    return make
