"""A simulated market that nobody scanned yet has a past all the same: written before the demo's collector begins."""

import logging

import pandas as pd

from radar.errors import StoreError
from radar.logs import event
from radar.score import HISTORY_HOURS
from radar.store import MarketStore
from radar.venues.demo import DemoVenue
from radar.venues.demo_market import MARKET
from radar.venues.demo_past import bars_before, hours_before

__all__ = ["write_past"]

log = logging.getLogger("radar.demo")

SEEN = ((60, 1), (1_500, 5))  # the last hour by the minute, what a scanner keeps (a day and an hour) in bars of five
HOUR_MS = 3_600_000


def write_past(venue: DemoVenue, market: MarketStore, now_ms: int) -> None:
    """The last day in bars, thirty days of hours and of payments, for every coin that is not on the demo's watchlist."""
    try:
        for coin in MARKET:
            for span, step in SEEN:
                minutes, bars = bars_before(coin, now_ms, span, step)
                rows = pd.DataFrame(bars).to_dict("records")
                market.write_bars(((coin.symbol, minute, row) for minute, row in zip(minutes.tolist(), rows, strict=True)), keep=True)
            hours, columns = hours_before(coin, now_ms, HISTORY_HOURS)
            market.write_hours(coin.symbol, pd.DataFrame(columns, index=hours))
            market.write_settlements(coin.symbol, venue.settlements(coin.symbol, now_ms - HISTORY_HOURS * HOUR_MS))
        market.set_fact("scan_paid_ms", now_ms)
    except StoreError as error:
        log.warning("the simulated past was not stored: %s", error, extra=event("demo_past_unkept"))  # the demo begins without one
