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


class SpotLine(Model):
    """One exchange's spot market of the coin (method DM2 to DM6)."""

    venue: str
    listed: bool | None = None  # None: it has not said yet, or so long ago that it does not count
    listed_ms: int | None = None
    symbol: str | None = None  # there
    multiplier: float = 1.0  # coins there in one unit of the contract
    agrees: bool | None = None  # its price lies within 5 % of the index: the same coin
    agreed_ms: int | None = None  # when that was seen last
    vol24_usdt: float | None = None
    ts_ms: int | None = None  # of the volume
    counted_usdt: float | None = None  # what of it is in the sum; None: nothing


class SpotFacts(Model):
    """Where the coin trades spot, and how that was decided (method DM2 to DM6)."""

    has_spot: bool | None = None
    listed_ms: int | None = None  # when the list was read that says so
    symbol: str | None = None  # on Binance
    multiplier: float = 1.0
    margin: bool | None = None  # Binance's flag; False is a known NO for borrowing there
    note: str = ""
    venues: tuple[str, ...] = ("binance",)  # configured, and not refusing this location
    missing: tuple[str, ...] = ()  # configured, but without a fresh answer
    blocked: tuple[str, ...] = ()  # refuse this location: they count as not configured
    lines: tuple[SpotLine, ...] = ()


class PerpLine(Model):
    """The coin's perpetual on another exchange."""

    venue: str
    symbol: str
    agrees: bool | None = None  # its price lies within 5 % of ours: the same coin
    ts_ms: int | None
    fresh_sec: float
    stale_sec: float
    funding_1h_pct: float | None = None
    interval_hours: int | None = None
    next_funding_ms: int | None = None
    basis_pct: float | None = None
    oi_usdt: float | None = None  # one side


class BorrowQuote(Model):
    """What one venue (or the desk itself, venue `manual`) says about borrowing the coin."""

    venue: str
    shortable: bool | None
    apr_pct: float | None = None
    limit: float | None = None  # coins
    limit_usdt: float | None = None
    note: str = ""
    ts_ms: int | None  # None: it has not answered yet
    fresh_sec: float
    stale_sec: float


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
    loans: tuple[BorrowQuote, ...] = ()  # of exchanges
    perps: tuple[PerpLine, ...] = ()  # on other exchanges
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
