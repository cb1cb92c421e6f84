"""What the radar knows about one symbol at one moment."""

from collections.abc import Mapping

from radar.models.base import Model


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
    sw_hours: int = 3  # the window that funding_min_3h_pct was computed over
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
