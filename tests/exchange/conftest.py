"""A whole radar that asks a misbehaving exchange over HTTP, on a clock turned by hand."""

import pytest

from radar.quality import reading_quality
from radar.venues.binance import Binance
from tests.conftest import START, Driven
from tests.misbehaving import LOOPBACK, Misbehaving, young

GREEN, CALM = "WINDOWUSDT", "CALMUSDT"


class Trading(Driven):
    """As every driven radar, with its exchange at hand."""

    def __init__(self, exchange, *, watchlist, **named) -> None:
        self.exchange = exchange
        named["user"].seed(watchlist, named["clock"].now_ms())
        super().__init__(venue=None, seconds=[], lender=None, retention_days=30, **named)

    def start(self) -> None:
        """A new process, which knows of the exchange what is stored."""
        if self.venue is not None:
            self.venue.close()
        self.venue = Binance(self.exchange.settings(), self.clock)
        super().start()

    def quality(self, symbol=GREEN):
        """The quality of every reading now, by name."""
        seen = self.collector.latest[symbol]
        now_ms = self.collector.time.now_ms()
        return {name: reading_quality(reading, now_ms).value for name, reading in seen.readings.items()}

    def old(self, symbol=GREEN):
        """Readings that are not fresh, but for the history of open interest: between two of its points it may be a little late."""
        return {name for name, quality in self.quality(symbol).items() if quality != "FRESH"} - {"oi_history"}

    def lights(self, seconds, step=5, symbol=GREEN):
        """Every light that the symbol showed in so long."""
        seen = set()
        for _ in range(round(seconds / step)):
            self.run(step, step)
            seen.add(self.light(symbol).value)
        return seen


@pytest.fixture
def trading(clock, market, user, tmp_path, monkeypatch):
    """A factory of radars that know an exchange: `trading()` watches WINDOWUSDT, which is GREEN when all is well."""
    monkeypatch.setenv("NO_PROXY", LOOPBACK)
    made = []

    def make(watchlist=(GREEN,), *, coins=(GREEN, CALM), spot_hosts=1, run=30, hours=7):
        exchange = Misbehaving(clock, young(START, *coins, hours=hours), spot_hosts)
        world = Trading(exchange, watchlist=watchlist, clock=clock, market=market, user=user, folder=tmp_path)
        made.append(world)
        world.radar.set_thresholds(None, {"srs_veto": False})  # a young coin has no score
        world.run(min(run, 5))
        for symbol in watchlist if run else ():
            world.radar.set_borrow(symbol, 12.0)
        world.run(max(0, run - 5))
        return world

    yield make
    for world in made:
        world.collector.close()
        world.venue.close()
        world.exchange.close()
