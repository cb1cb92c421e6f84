"""The nouns: what venues answer, what is stored, and what every face shows.

Units live in the names: `_pct` percent (0.10 means 0.10 %), `_usdt` notional, `_ms` epoch milliseconds UTC,
`_hours`, `_min`, `_sec` durations; bare names are prices, ratios and quantities. None is *unknown*, never 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field


class Model(BaseModel):
    """Frozen, and strict about its fields: a change makes a new one (`model_copy`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Quality(StrEnum):
    """How far a number can be trusted (method 2.2)."""

    FRESH = "FRESH"
    STALE = "STALE"
    UNKNOWN = "UNKNOWN"  # known to be incomplete: an upper bound
    MISSING = "MISSING"


class State(StrEnum):
    """What a rule says right now."""

    FIRES = "FIRES"
    CLEAR = "CLEAR"
    UNKNOWN = "UNKNOWN"
    DISABLED = "DISABLED"


class Light(StrEnum):
    """The traffic light; UNKNOWN is guidance "treat as RED"."""

    RED = "RED"
    YELLOW = "YELLOW"
    GREEN = "GREEN"
    UNKNOWN = "UNKNOWN"


class Stance(StrEnum):
    """What the light means (field `state`)."""

    NO_SHORT = "NO_SHORT"
    BASIS_ONLY = "BASIS_ONLY"
    NEUTRAL = "NEUTRAL"
    SHORT_WINDOW = "SHORT_WINDOW"
    DATA_INCOMPLETE = "DATA_INCOMPLETE"


# ── what venues answer ──────────────────────────────────────────────────────────────────────────


class Quote(Model):
    """Mark, index and running funding of one perpetual (premiumIndex)."""

    symbol: str
    ts_ms: int  # the row's own time
    mark: float | None
    index: float | None
    rate_pct: float | None  # estimate for the coming settlement, % per interval
    next_funding_ms: int | None


class Contract(Model):
    """One tradable perpetual USDT coin contract (exchangeInfo)."""

    symbol: str
    base: str
    tick_size: float | None = None
    onboard_ms: int | None = None
    delisting_ms: int | None = None  # announced end; None: no end


class FundingRule(Model):
    """Cap, floor and interval of contracts that were adjusted (fundingInfo)."""

    symbol: str
    interval_hours: int | None
    cap_pct: float | None  # % per interval
    floor_pct: float | None


class Settlement(Model):
    """One settled funding payment."""

    ts_ms: int
    rate_pct: float  # % per interval


class OpenInterest(Model):
    """Open contracts, in base units, one side."""

    ts_ms: int
    qty: float


class Ticker(Model):
    """Rolling 24 h of one market."""

    symbol: str
    ts_ms: int
    last: float | None
    vol24_usdt: float | None
    change24_pct: float | None = None


class SpotPair(Model):
    """One USDT spot pair that trades."""

    symbol: str
    base: str
    margin: bool | None  # False: a known NO for borrowing there


@dataclass(frozen=True, slots=True)
class Book:
    """An order book snapshot; rows are [price, quantity], best first."""

    ts_ms: int
    limit: int  # levels asked for per side
    bids: np.ndarray
    asks: np.ndarray


@dataclass(frozen=True, slots=True)
class Candles:
    """Closed klines as columns, ascending; `ts_ms` is the open time."""

    ts_ms: np.ndarray
    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    vol_usdt: np.ndarray


class Depth(Model):
    """Both sides of a book inside one band around mid (method K1 to K3)."""

    band_pct: float  # the widest rung both sides cover
    bid_qty: float
    ask_qty: float
    bid_usdt: float
    ask_usdt: float

    @property
    def imbalance(self) -> float | None:
        """Σ bid quantity / Σ ask quantity; None when there is no ask."""
        return self.bid_qty / self.ask_qty if self.ask_qty > 0 else None

    @property
    def partial(self) -> bool:
        """The book does not reach ±2 %."""
        return self.band_pct < 2


# ── what the radar knows about one symbol at one moment ─────────────────────────────────────────


class Reading(Model):
    """When one input was last read, and how long it may be trusted."""

    ts_ms: int | None = None
    fresh_sec: float
    stale_sec: float
    latency_ms: float | None = None
    source: str = ""
    error: str | None = None


class Baseline(Model):
    """Thirty days of one SRS component."""

    mu: float | None = None
    sd: float | None = None
    n: int = 0
    note: str = ""


class SpotFacts(Model):
    """Where the coin trades spot, and how that was decided (method DM2 to DM6)."""

    has_spot: bool | None = None
    symbol: str | None = None  # on Binance
    multiplier: float = 1.0
    margin: bool | None = None
    note: str = ""
    venues: tuple[str, ...] = ("binance",)  # configured
    missing: tuple[str, ...] = ()  # configured, but without a fresh answer


class Observation(Model):
    """Everything that was read and computed for one symbol: the input of `assess`."""

    symbol: str
    ts_ms: int
    values: Mapping[str, float | None]  # last row of `measure`
    readings: Mapping[str, Reading]
    notes: Mapping[str, str] = {}  # metric -> why it is unknown
    baseline: Mapping[str, Baseline] = {}
    srs_counts: tuple[int, ...] = ()  # hours of the last 30 days at each whole score, 0 to 100
    spot: SpotFacts = SpotFacts()
    funding_interval_hours: int | None = None
    funding_interval_source: str = ""
    funding_cap_pct: float | None = None
    funding_floor_pct: float | None = None
    next_funding_ms: int | None = None
    tick_size: float | None = None
    onboard_ms: int | None = None
    delisting_ms: int | None = None
    delisted: bool = False


class BorrowQuote(Model):
    """What one venue (or the desk itself, venue `manual`) says about borrowing the coin."""

    venue: str
    shortable: bool | None
    apr_pct: float | None = None
    limit: float | None = None  # coins
    ts_ms: int
    fresh_sec: float
    stale_sec: float


# ── what every face shows ───────────────────────────────────────────────────────────────────────


class LeafFinding(Model):
    """One comparison: `distance` is how far the value is past (>= 0) or short of (< 0) the threshold."""

    metric: str
    value: float | None
    op: str
    threshold: float | None
    quality: Quality
    state: State
    distance: float | None


class Finding(Model):
    """One rule in its present state, in a sentence."""

    code: str
    name: str
    state: State
    leaves: tuple[LeafFinding, ...]
    text: str
    flip: str = ""  # what would change it


class SrsPart(Model):
    """One component of the SRS (method 2.7)."""

    key: str
    name: str
    weight: float
    x: float | None
    sign: int  # of the signed input behind x
    mu: float | None
    sd: float | None
    n: int
    z: float | None
    sigma: float | None
    contribution: float | None  # points of the final score
    note: str = ""


class BorrowVenue(Model):
    """One line of the borrow panel."""

    venue: str
    shortable: bool | None
    apr_pct: float | None
    limit: float | None
    age_sec: float | None
    quality: Quality


class Borrow(Model):
    """The borrow answer over all venues (method BW5)."""

    shortable: bool | None
    apr_pct: float | None
    venue: str | None
    quality: Quality
    venues: tuple[BorrowVenue, ...]


class FieldQuality(Model):
    """How a shown number came about."""

    state: Quality
    ts: int | None
    age_sec: float | None
    source: str
    note: str = ""


class Snapshot(Model):
    """The latest answer for one symbol (PRD §7.4's names, and method S6's additions)."""

    symbol: str
    ts: int
    age_sec: float | None
    mark: float | None = None
    index: float | None = None
    last: float | None = None
    basis_pct: float | None = None
    last_basis_pct: float | None = None
    basis_twap5_pct: float | None = None
    basis_twap15_pct: float | None = None
    basis_twap60_pct: float | None = None
    ret_1h_pct: float | None = None
    ret_24h_pct: float | None = None
    funding_interval_hours: int | None = None
    funding_1h_pct: float | None = None
    funding_daily_est_pct: float | None = None
    funding_min_3h_pct: float | None = None
    funding_cap_pct: float | None = None  # % per interval
    funding_floor_pct: float | None = None
    cap_use: float | None = None
    next_funding_in_sec: int | None = None
    oi_qty: float | None = None
    oi_usdt: float | None = None
    delta_oi_1h_usdt: float | None = None
    delta_oi_1h_pct: float | None = None
    delta_oi_1h_notional_usdt: float | None = None
    delta_oi_4h_usdt: float | None = None
    delta_oi_24h_usdt: float | None = None
    oi_to_volume: float | None = None
    perp_vol24_usdt: float | None = None
    spot_vol24_usdt: float | None = None
    perp_dominance_pct: float | None = None
    perp_dominance_binance_pct: float | None = None
    orderbook_imbalance: float | None = None
    spot_imbalance: float | None = None
    imbalance_band_pct: float | None = None
    spot_imbalance_band_pct: float | None = None
    perp_depth_usdt: float | None = None
    spot_depth_usdt: float | None = None
    borrow: Borrow
    has_spot: bool | None = None
    spot: SpotFacts
    srs: int | None = None
    srs_coverage: float = 0.0
    srs_lo: float | None = None
    srs_hi: float | None = None
    srs_band: Light | None = None
    srs_percentile: float | None = None
    srs_parts: tuple[SrsPart, ...] = ()
    srs_note: str = ""
    traffic_light: Light
    state: Stance
    headline: str
    short_allowed: bool
    stale: bool = False  # the light stands on a stale reading
    rules: tuple[Finding, ...]
    quality: Mapping[str, FieldQuality]
    latency_ms: float | None = None
    funding_interval_source: str = ""
    next_funding_ms: int | None = None
    tick_size: float | None = None
    listed_days: float | None = None
    delisting_ms: int | None = None
    delisted: bool = False


class Event(Model):
    """A change of one rule's state, or of the light, with the values that caused it."""

    id: int
    ts: int
    symbol: str
    kind: str  # a rule's code, or "light"
    before: str | None
    after: str
    text: str
    values: Mapping[str, Any] = Field(default_factory=dict)


class Watched(Model):
    """One line of the watchlist."""

    symbol: str
    added_ms: int
    pending: bool = False  # not yet checked against the exchange


class Progress(Model):
    """How far the backfill of a symbol is."""

    symbol: str
    done: int
    total: int
    stage: str


class HostHealth(Model):
    """One host family as the page and /api/health show it."""

    venue: str
    pool: str
    host: str
    ok: bool
    kind: Literal["", "new", "busy", "blocked", "down"] = ""  # not asked yet, or why it is closed
    latency_ms: float | None
    last_ok_ms: int | None
    used_weight: int
    limit_weight: int
    sentence: str = ""  # why it is not ok
    until_ms: int | None = None
    dropped_rows: int = 0
