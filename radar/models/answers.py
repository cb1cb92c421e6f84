"""What venues answer."""

from dataclasses import dataclass

import numpy as np

from radar.models.base import Model


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
    change_24h_pct: float | None = None  # of the last price; None: the answer does not say


class SpotQuote(Model):
    """Rolling 24 h of one USDT spot pair on another exchange."""

    symbol: str  # base and USDT without a separator
    ts_ms: int | None  # of the row or its answer; None: the exchange does not say
    last: float | None
    vol24_usdt: float | None


class PerpQuote(Model):
    """One USDT perpetual on another exchange; whatever it does not publish is None."""

    symbol: str  # base and USDT without a separator
    ts_ms: int | None
    mark: float | None = None
    index: float | None = None
    last: float | None = None  # any other price of it: tells whether it is the same coin
    rate_pct: float | None = None  # for the coming settlement, % per interval
    interval_hours: int | None = None
    next_funding_ms: int | None = None
    oi_usdt: float | None = None  # one side


class Loan(Model):
    """What an exchange says about borrowing one coin."""

    coin: str
    shortable: bool | None
    apr_pct: float | None = None  # None: it can be borrowed at a rate that is not published
    limit: float | None = None  # the most that one account may borrow, coins
    limit_usdt: float | None = None  # the same, where the exchange says it in USDT
    late_sec: float = 0.0  # how much older than its answer it is


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
