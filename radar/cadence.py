"""How often each input is read, and how old it may get (decisions: cadence, freshness, budget)."""

from typing import NamedTuple

__all__ = ["STALE_SEC", "Cadence", "cadence"]

STALE_SEC = {
    "quote": 120.0,
    "oi": 600.0,
    "oi_history": 1800.0,
    "perp_ticker": 900.0,
    "spot_ticker": 900.0,
    "perp_book": 300.0,
    "spot_book": 300.0,
    "listing": 259_200.0,
}


class Cadence(NamedTuple):
    """Seconds between two readings (decisions: cadence, freshness, budget)."""

    quote: float = 10
    oi: float = 30
    perp_book: float = 30
    spot_book: float = 30
    perp_ticker: float = 60
    spot_ticker: float = 60
    oi_history: float = 264  # fresh for 11 minutes
    listing: float = 34_560  # read hourly, fresh for a day


def cadence(symbols: int) -> Cadence:
    """How often is what read with that many symbols watched."""
    return Cadence() if symbols <= 20 else Cadence(oi=60, perp_book=60, spot_book=60)
