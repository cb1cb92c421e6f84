"""What every face shows."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from radar.models.base import Light, Model, Quality, Stance, State
from radar.models.observed import SpotFacts


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
    limit: float | None  # coins
    limit_usdt: float | None = None
    note: str = ""
    age_sec: float | None
    quality: Quality


class Borrow(Model):
    """The borrow answer over all venues (method BW5)."""

    shortable: bool | None
    apr_pct: float | None
    venue: str | None
    quality: Quality
    venues: tuple[BorrowVenue, ...]


class Carry(Model):
    """Long the perpetual, short the borrowed coin: what it earns and costs, % of the notional (method 5.13)."""

    venue: str | None  # of the loan
    funding_1h_pct: float | None
    apr_pct: float | None
    costs_pct: float  # fees and slippage of all four legs
    hours: float
    gain_1h_pct: float | None  # received funding minus borrow
    break_even_hours: float | None  # None: never, or unknown
    net_pct: float | None  # after `hours`
    entry_gain_pct: float | None  # what convergence of the basis would add; it is not counted


class PerpVenue(Model):
    """One row of the perpetuals side by side."""

    venue: str
    symbol: str
    mismatch: bool  # another coin of the same name, or a price far off
    funding_1h_pct: float | None
    interval_hours: int | None
    next_funding_in_sec: int | None
    basis_pct: float | None
    oi_usdt: float | None  # one side
    age_sec: float | None
    quality: Quality


class SpotVenue(Model):
    """One row of spot by exchange."""

    venue: str
    listed: bool | None
    symbol: str | None
    mismatch: bool
    vol24_usdt: float | None
    counted_usdt: float | None
    age_sec: float | None
    note: str = ""


class VenueHealth(Model):
    """How one exchange is doing, over all its host families."""

    venue: str
    state: Literal["ok", "slow", "down", "busy", "blocked", "new"]
    latency_ms: float | None
    last_ok_ms: int | None
    sentence: str = ""


class VenueSheet(Model):
    """One coin on every exchange."""

    symbol: str
    ts: int
    perp_dominance_pct: float | None
    perp_dominance_binance_pct: float | None
    dominance_is_bound: bool
    missing: tuple[str, ...]
    blocked: tuple[str, ...]
    spot_vol24_usdt: float | None
    oi_total_usdt: float | None  # fresh rows of the same coin
    oi_missing: tuple[str, ...]  # exchanges that list it, or do not answer, and are not in the total: it is at least that
    traffic_light: Light
    headline: str
    perps: tuple[PerpVenue, ...]
    spot: tuple[SpotVenue, ...]
    borrow: Borrow
    carry: Carry
    venues: tuple[VenueHealth, ...]


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
    used_by: Mapping[str, int] = {}  # the used weight by purpose; foreign: other programs on this address
    sentence: str = ""  # why it is not ok
    until_ms: int | None = None
    dropped_rows: int = 0
    outcomes: Mapping[str, int] = {}  # what came of every request since the process began, counted (`Dialect.outcome`)
