"""Bybit: spot, USDT perpetuals and spot margin, keyless, one call each for the whole market.

Its `openInterest` counts both sides; `singleOpenInterest` compares with other exchanges. Its firewall answers
other countries with 403 and a page of HTML.
"""

from collections.abc import Collection
from typing import Any

from pydantic import Field

from radar.models import Loan, PerpQuote, SpotQuote
from radar.venues.dialect import Dialect
from radar.venues.second import Shared, usdt_symbol
from radar.venues.wire import Flag, Hours, MaybeMoment, Percent, Price, Row, Symbol, Turnover, apr_pct, epoch_ms

__all__ = ["Bybit"]

HOURS_A_YEAR = 24 * 365
NO_VIP = "No VIP"


class SpotRow(Row):
    """tickers, category spot."""

    symbol: Symbol
    last_price: Price = None
    turnover24h: Turnover = Field(None, alias="turnover24h")


class PerpRow(Row):
    """tickers, category linear."""

    symbol: Symbol
    mark_price: Price = None
    index_price: Price = None
    last_price: Price = None
    funding_rate: Percent = None
    funding_interval_hour: Hours = None
    next_funding_time: MaybeMoment = None
    single_open_interest_value: Turnover = None
    single_open_interest: Turnover = None
    open_interest: Turnover = None  # both sides

    @property
    def oi_usdt(self) -> float | None:
        """One side, valued at the mark."""
        one_side = self.single_open_interest
        if one_side is None and self.open_interest is not None:
            one_side = self.open_interest / 2
        if self.single_open_interest_value is not None or one_side is None or self.mark_price is None:
            return self.single_open_interest_value
        return one_side * self.mark_price


class LoanRow(Row):
    """spot-margin-trade/data, one coin."""

    currency: Symbol
    borrowable: Flag = None
    hourly_borrow_rate: Price = None
    max_borrowing_amount: Turnover = None


class Bybit(Shared):
    """Spot, perpetuals, and hourly borrow rates."""

    name = "bybit"
    lends = True
    dialect = Dialect(code="retCode", text="retMsg", fine=(0,), busy=(10006, 10018), wrong=(10001,))

    def spot_quotes(self) -> list[SpotQuote]:
        """GET /v5/market/tickers?category=spot; turnover24h is USDT."""
        raw = self._get("/v5/market/tickers", {"category": "spot"})
        ts_ms = epoch_ms(raw.get("time"))
        found: dict[str, SpotQuote] = {}
        for row in self._rows(SpotRow, _listed(raw), "spot markets"):
            if symbol := usdt_symbol(row.symbol):
                found.setdefault(symbol, SpotQuote(symbol=symbol, ts_ms=ts_ms, last=row.last_price, vol24_usdt=row.turnover24h))
        return self._some(found.values(), "USDT spot markets")

    def perps(self, watched: Collection[str]) -> list[PerpQuote]:  # noqa: ARG002 - one call answers for all
        """GET /v5/market/tickers?category=linear."""
        raw = self._get("/v5/market/tickers", {"category": "linear"})
        ts_ms = epoch_ms(raw.get("time"))
        found: dict[str, PerpQuote] = {}
        for row in self._rows(PerpRow, _listed(raw), "perpetuals"):
            if not (symbol := usdt_symbol(row.symbol)):
                continue
            quote = PerpQuote(
                symbol=symbol,
                ts_ms=ts_ms,
                mark=row.mark_price,
                index=row.index_price,
                last=row.last_price,
                rate_pct=row.funding_rate,
                interval_hours=row.funding_interval_hour,
                next_funding_ms=row.next_funding_time,
                oi_usdt=row.oi_usdt,
            )
            found.setdefault(symbol, quote)
        return self._some(found.values(), "USDT perpetuals")

    def loans(self, watched: Collection[str]) -> list[Loan]:  # noqa: ARG002 - one call answers for all
        """GET /v5/spot-margin-trade/data for accounts without VIP level; the rate is a fraction an hour."""
        raw = self._get("/v5/spot-margin-trade/data", {"vipLevel": NO_VIP})
        levels = _result(raw).get("vipCoinList")
        plain = [level for level in levels if isinstance(level, dict)] if isinstance(levels, list) else []
        lists = [level.get("list") for level in plain if level.get("vipLevel") in (None, NO_VIP)]
        coins = [coin for found in lists if isinstance(found, list) for coin in found]
        found: dict[str, Loan] = {}
        for row in self._rows(LoanRow, coins, "a list of loans"):
            shortable = False if row.max_borrowing_amount == 0 else row.borrowable
            apr = apr_pct(row.hourly_borrow_rate, HOURS_A_YEAR)
            found.setdefault(row.currency, Loan(coin=row.currency, shortable=shortable, apr_pct=apr, limit=row.max_borrowing_amount))
        return list(found.values())


def _result(raw: Any) -> dict[str, Any]:
    result = raw.get("result")
    return result if isinstance(result, dict) else {}


def _listed(raw: Any) -> Any:
    return _result(raw).get("list")
