"""What Binance writes, checked at the door: numbers are strings, fractions become percent, rubbish becomes unknown.

Rows that cannot be used are dropped and counted; one bad row never spoils an answer.
"""

import math
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Annotated, Any, TypeVar

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from radar.models import Candles

__all__ = [
    "ContractRow",
    "FundingRow",
    "InterestPoint",
    "InterestRow",
    "QuoteRow",
    "SettlementRow",
    "SpotPairRow",
    "TickerRow",
    "candles",
    "ladder",
    "number",
    "percent",
    "rows",
    "whole",
]

NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
EPOCH_MS = (1_000_000_000_000, 10_000_000_000_000)  # 2001 to 2286


def number(value: Any) -> float | None:
    """A finite number from a JSON number or its plain decimal text; None for anything else.

    >>> number("-0.5"), number(2), number("1_000"), number(""), number("NaN"), number(True)
    (-0.5, 2.0, None, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, str) and not NUMBER.fullmatch(value):
        return None
    try:
        parsed = float(value)
    except OverflowError:
        return None
    return parsed if math.isfinite(parsed) else None


def percent(value: Any) -> float | None:
    """Percent from a fraction, rounded once: a threshold compares with what the exchange meant.

    >>> percent("0.0007"), 0.0007 * 100
    (0.07, 0.06999999999999999)
    """
    return None if number(value) is None else number(float(Decimal(str(value)).scaleb(2)))


def whole(value: Any) -> int | None:
    """An integer from a JSON number or its text; None for anything else."""
    parsed = number(value)
    return int(parsed) if parsed is not None and parsed.is_integer() else None


def _positive(value: Any) -> float | None:
    parsed = number(value)
    return parsed if parsed is not None and parsed > 0 else None


def _at_least_0(value: Any) -> float | None:
    parsed = number(value)
    return parsed if parsed is not None and parsed >= 0 else None


def _epoch_ms(value: Any) -> int | None:
    parsed = whole(value)
    return parsed if parsed is not None and EPOCH_MS[0] <= parsed < EPOCH_MS[1] else None


def _hours(value: Any) -> int | None:
    parsed = whole(value)
    return parsed if parsed is not None and 1 <= parsed <= 24 else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _bool(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _tick(filters: Any) -> float | None:
    known = [f for f in filters if isinstance(f, dict)] if isinstance(filters, list) else []
    return _positive(next((f.get("tickSize") for f in known if f.get("filterType") == "PRICE_FILTER"), None))


Symbol = Annotated[str, Field(min_length=1, max_length=40)]
Number = Annotated[float | None, BeforeValidator(number)]
Price = Annotated[float | None, BeforeValidator(_positive)]
Quantity = Annotated[float, BeforeValidator(_at_least_0)]  # required: a row without it says nothing
Turnover = Annotated[float | None, BeforeValidator(_at_least_0)]
Percent = Annotated[float | None, BeforeValidator(percent)]
Moment = Annotated[int, BeforeValidator(_epoch_ms)]  # required: a row without its time cannot age
MaybeMoment = Annotated[int | None, BeforeValidator(_epoch_ms)]
Text = Annotated[str | None, BeforeValidator(_text)]


class Row(BaseModel):
    """Fields that we do not read may come and go; those that we read are None when they are missing or odd."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel)


R = TypeVar("R", bound=Row)


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


class FundingRow(Row):
    """fundingInfo."""

    symbol: Symbol
    funding_interval_hours: Annotated[int | None, BeforeValidator(_hours)] = None
    adjusted_funding_rate_cap: Percent = None
    adjusted_funding_rate_floor: Percent = None


class SettlementRow(Row):
    """fundingRate."""

    funding_time: Moment
    funding_rate: Annotated[float, BeforeValidator(percent)]
    rate_type: Text = None


class InterestRow(Row):
    """openInterest."""

    time: Moment
    open_interest: Quantity


class InterestPoint(Row):
    """openInterestHist."""

    timestamp: Moment
    sum_open_interest: Quantity


class TickerRow(Row):
    """ticker/24hr, of futures and of spot."""

    symbol: Symbol
    close_time: Moment
    last_price: Price = None
    quote_volume: Turnover = None


class SpotPairRow(Row):
    """exchangeInfo of spot, one symbol."""

    symbol: Symbol
    base_asset: Symbol
    status: Text = None
    quote_asset: Text = None
    is_margin_trading_allowed: Annotated[bool | None, BeforeValidator(_bool)] = None


def rows(model: type[R], raw: Iterable[Any]) -> tuple[list[R], int]:
    """The rows that can be used, and how many could not."""
    good: list[R] = []
    dropped = 0
    for row in raw:
        try:
            good.append(model.model_validate(row))
        except ValidationError:
            dropped += 1
    return good, dropped


def ladder(raw: Any, *, descending: bool) -> tuple[np.ndarray, int]:
    """One side of a book as rows of [price, quantity], best first, and how many levels could not be used."""
    levels = raw if isinstance(raw, list) else []
    pairs = ((_positive(level[0]), _at_least_0(level[1])) for level in levels if isinstance(level, list) and len(level) >= 2)
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
    opened, closed = _epoch_ms(row[0]), _epoch_ms(row[6])
    prices = [_positive(value) for value in row[1:5]]
    if opened is None or closed is None or None in prices:
        return None
    turnover = _at_least_0(row[7]) if volume else None
    return opened, closed, (*prices, math.nan if turnover is None else turnover)  # type: ignore[arg-type]
