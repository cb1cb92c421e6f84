"""The simulated market is whole from its first minute: what a scan would have seen before is there."""

import pytest

from radar.demo_past import write_past
from radar.venues.demo import DEMO_WATCHLIST
from radar.venues.demo_market import MARKET


@pytest.fixture
def world(driven):
    """A scanned demo that has just begun, on a market with a past."""
    made = driven(watchlist=DEMO_WATCHLIST)
    write_past(made.venue.inner, made.market, made.clock.now_ms())
    made.collector.scan(True, "for the test")
    made.run(60)
    return made


def test_lights_changes_and_scores_are_known_within_a_minute(world):
    """A visitor of the demo need not wait an hour for the first change of open interest, nor a week for a score."""
    table = world.radar.whole_market().table.loc[[coin.symbol for coin in MARKET]]
    old = table[table["listed_days"] > 30]

    assert (table["traffic_light"] != "UNKNOWN").mean() > 0.95
    assert old[["ret_1h_pct", "delta_oi_1h_pct", "basis_twap15_pct", "pressure", "srs"]].notna().mean().min() > 0.9
    assert {"RED", "YELLOW"} <= set(table["traffic_light"])


def test_the_past_is_that_of_the_venue(world):
    """The same price that its candles tell, so that watching a coin changes nothing that was drawn."""
    symbol = MARKET[0].symbol
    now_ms = world.clock.now_ms()
    candles = world.venue.candles("mark", symbol, "5m", now_ms - 7_200_000, now_ms)
    bars = world.market.bars(symbol, int(candles.ts_ms[0]) // 60_000, now_ms // 60_000)
    closes = bars.loc[candles.ts_ms[:10] // 60_000 + 4, "mark"]

    assert closes.tolist() == pytest.approx(candles.close[:10].tolist(), rel=1e-6)
