"""The live radar's share of the exchange's limits, kept free by a process that gathers without a collector of its own."""

from radar.errors import StoreError
from radar.jobs import weight_per_minute
from radar.store import MarketStore
from radar.venues import Venue

__all__ = ["reserve_live"]

# The server does not say how much of these the collector used: with its whole budget (400 and 800) and what is left
# here, both together stay at the exchange's own limits, 500 and 1000 requests in five minutes.
UNCOUNTED = {"funding": 300, "data": 600}


def reserve_live(market: MarketStore, venue: Venue, watched: int, now_ms: int) -> bool:
    """Leave a collector in another process what `watched` symbols need; True when there is one, by its lease, or may be.

    Call it once before `gather`, and only where `venue` belongs to this process alone: a collector on the same venue has
    told its need itself.
    """
    try:
        lease = market.lease()
    except StoreError:
        lease = ("nobody knows", now_ms + 1)
    if lease is None or lease[1] <= now_ms:
        return False
    futures, spot = weight_per_minute(watched)
    for pool, weight in {"futures": futures, "spot": spot, **UNCOUNTED}.items():
        venue.set_need(pool, weight)
    return True
