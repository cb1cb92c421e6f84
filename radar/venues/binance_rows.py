"""The rows that Binance writes, field by field, and its books and klines."""

import math
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, Field

from radar.models import Candles, Contract, Ticker
from radar.venues.wire import (
    Flag,
    Hours,
    MaybeMoment,
    Moment,
    Number,
    Percent,
    Price,
    Quantity,
    Row,
    Symbol,
    Text,
    Turnover,
    at_least_0,
    epoch_ms,
    percent,
    positive,
)

__all__ = [
    "AdlRow", "ContractRow", "FundingRow", "InterestPoint", "InterestRow", "PaymentRow", "QuoteRow", "SettlementRow", "SpotPairRow", "TickerRow",
    "candles", "ladder",
]  # fmt: skip

NO_END_MS = 4133404800000  # deliveryDate of a perpetual that is not being delisted


def _tick(filters: Any) -> float | None:
    known = [f for f in filters if isinstance(f, dict)] if isinstance(filters, list) else []
    return positive(next((f.get("tickSize") for f in known if f.get("filterType") == "PRICE_FILTER"), None))


class QuoteRow(Row):
    """premiumIndex."""

    symbol: Symbol
    time: Moment
    mark_price: Price = None
    index_price: Price = None
    last_funding_rate: Percent = None
    next_funding_time: MaybeMoment = None


class ContractRow(Row):
    """exchangeInfo of futures, one symbol."""

    symbol: Symbol
    base_asset: Symbol
    contract_type: Text = None
    status: Text = None
    quote_asset: Text = None
    underlying_type: Text = None
    onboard_date: MaybeMoment = None
    delivery_date: MaybeMoment = None
    tick_size: Annotated[float | None, BeforeValidator(_tick), Field(alias="filters")] = None

    @property
    def tradable(self) -> bool:
        """A USDT coin perpetual in trading."""
        kind = (self.contract_type, self.status, self.quote_asset)
        return kind == ("PERPETUAL", "TRADING", "USDT") and self.underlying_type in (None, "COIN")

    @property
    def contract(self) -> Contract:
        """As our own."""
        return Contract(
            symbol=self.symbol,
            base=self.base_asset,
            tick_size=self.tick_size,
            onboard_ms=self.onboard_date,
            delisting_ms=None if self.delivery_date == NO_END_MS else self.delivery_date,
        )


class AdlRow(Row):
    """symbolAdlRisk; a row with another word says nothing."""

    symbol: Symbol
    adl_risk: Literal["low", "medium", "high"]


class FundingRow(Row):
    """fundingInfo."""

    symbol: Symbol
    funding_interval_hours: Hours = None
    adjusted_funding_rate_cap: Percent = None
    adjusted_funding_rate_floor: Percent = None


class SettlementRow(Row):
    """fundingRate."""

    funding_time: Moment
    funding_rate: Annotated[float, BeforeValidator(percent)]
    rate_type: Text = None


class PaymentRow(SettlementRow):
    """fundingRate of every contract."""

    symbol: Symbol


class InterestRow(Row):
    """openInterest."""

    time: Moment
    open_interest: Quantity


class InterestPoint(Row):
    """openInterestHist."""

    timestamp: Moment
    sum_open_interest: Quantity


class TickerRow(Row):
    """ticker/24hr, of futures and of spot; short rows (MINI) have no change."""

    symbol: Symbol
    close_time: Moment
    last_price: Price = None
    quote_volume: Turnover = None
    price_change_percent: Number = None  # percent already

    @property
    def ticker(self) -> Ticker:
        """As our own."""
        return Ticker(
            symbol=self.symbol,
            ts_ms=self.close_time,
            last=self.last_price,
            vol24_usdt=self.quote_volume,
            change_24h_pct=self.price_change_percent,
        )


class SpotPairRow(Row):
    """exchangeInfo of spot, one symbol."""

    symbol: Symbol
    base_asset: Symbol
    status: Text = None
    quote_asset: Text = None
    is_margin_trading_allowed: Flag = None


def ladder(raw: Any, *, descending: bool) -> tuple[np.ndarray, int]:
    """One side of a book as rows of [price, quantity], best first, and how many levels could not be used."""
    levels = raw if isinstance(raw, list) else []
    pairs = ((positive(level[0]), at_least_0(level[1])) for level in levels if isinstance(level, list) and len(level) >= 2)
    good = np.array([pair for pair in pairs if None not in pair], dtype=float).reshape(-1, 2)
    order = np.argsort(-good[:, 0] if descending else good[:, 0], kind="stable")
    return good[order], len(levels) - len(good)


def candles(raw: Iterable[Any], *, until_ms: int, volume: bool) -> tuple[Candles, int]:
    """Klines that closed before `until_ms` as columns, ascending, and how many could not be used.

    `volume`: the rows carry a turnover; mark and index prices do not, theirs is NaN.
    """
    good: dict[int, tuple[float, ...]] = {}
    dropped = 0
    for row in raw:
        if (bar := _bar(row, volume)) is None:
            dropped += 1
        elif bar[1] < until_ms:
            good[bar[0]] = bar[2]
    opened = sorted(good)
    columns = np.array([good[ts] for ts in opened], dtype=float).reshape(-1, 5)
    return Candles(np.array(opened, dtype=np.int64), *columns.T), dropped


def _bar(row: Any, volume: bool) -> tuple[int, int, tuple[float, ...]] | None:
    """(open time, close time, (open, high, low, close, turnover))."""
    if not isinstance(row, Sequence) or isinstance(row, str) or len(row) < 8:
        return None
    opened, closed = epoch_ms(row[0]), epoch_ms(row[6])
    prices = [positive(value) for value in row[1:5]]
    if opened is None or closed is None or None in prices:
        return None
    turnover = at_least_0(row[7]) if volume else None
    return opened, closed, (*prices, math.nan if turnover is None else turnover)  # type: ignore[arg-type]
