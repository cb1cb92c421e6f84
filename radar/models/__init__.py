"""The nouns: what venues answer, what is stored, and what every face shows.

Units live in the names: `_pct` percent (0.10 means 0.10 %), `_usdt` notional, `_ms` epoch milliseconds UTC,
`_hours`, `_min`, `_sec` durations; bare names are prices, ratios and quantities. None is *unknown*, never 0.
"""

from radar.models.answers import Book, Candles, Contract, Depth, FundingRule, OpenInterest, Quote, Settlement, SpotPair, Ticker
from radar.models.base import Light, Model, Quality, Stance, State
from radar.models.observed import Baseline, BorrowQuote, Observation, Reading, SpotFacts
from radar.models.shown import (
    Borrow,
    BorrowVenue,
    Event,
    FieldQuality,
    Finding,
    HostHealth,
    LeafFinding,
    Progress,
    Snapshot,
    SrsPart,
    Watched,
)

__all__ = [
    "Baseline",
    "Book",
    "Borrow",
    "BorrowQuote",
    "BorrowVenue",
    "Candles",
    "Contract",
    "Depth",
    "Event",
    "FieldQuality",
    "Finding",
    "FundingRule",
    "HostHealth",
    "LeafFinding",
    "Light",
    "Model",
    "Observation",
    "OpenInterest",
    "Progress",
    "Quality",
    "Quote",
    "Reading",
    "Settlement",
    "Snapshot",
    "SpotFacts",
    "SpotPair",
    "SrsPart",
    "Stance",
    "State",
    "Ticker",
    "Watched",
]
