"""Gate: spot, USDT perpetuals and what its unified account lends, keyless, one call each for the whole market; two for perpetuals.

It answers with plain lists, counts in seconds, and sizes perpetuals in contracts. It publishes no borrow rate of known unit.
"""

from collections.abc import Collection
from typing import Any

from pydantic import ConfigDict

from radar.errors import VenueRefused, VenueUnavailable
from radar.models import Loan, PerpQuote, SpotQuote
from radar.venues.dialect import Dialect
from radar.venues.second import Shared, usdt_symbol
from radar.venues.wire import Flag, Number, Percent, Price, Row, Symbol, Text, Turnover, epoch_ms, hours, number

__all__ = ["Gate"]

HOUR_SEC = 3600
LENT = {"enable": True, "disable": False}  # loan_status; any other word is not understood


class GateRow(Row):
    """Fields are named as Gate writes them."""

    model_config = ConfigDict(alias_generator=None)


class SpotRow(GateRow):
    """spot/tickers."""

    currency_pair: Symbol
    last: Price = None
    quote_volume: Turnover = None


class PerpRow(GateRow):
    """futures/usdt/contracts."""

    name: Symbol
    mark_price: Price = None
    index_price: Price = None
    last_price: Price = None
    funding_rate: Percent = None
    funding_interval: Number = None  # seconds
    funding_next_apply: Number = None  # epoch seconds
    quanto_multiplier: Price = None  # coins a contract; 0 where a contract is no fixed number of coins
    in_delisting: Flag = None

    @property
    def interval_hours(self) -> int | None:
        """Whole hours between settlements."""
        return hours(self.funding_interval / HOUR_SEC) if self.funding_interval is not None else None

    @property
    def next_funding_ms(self) -> int | None:
        """The coming settlement."""
        return epoch_ms(self.funding_next_apply * 1000) if self.funding_next_apply is not None else None

    def oi_usdt(self, contracts: float | None) -> float | None:
        """So many contracts, valued at the mark."""
        if contracts is None or self.quanto_multiplier is None or self.mark_price is None:
            return None
        return number(contracts * self.quanto_multiplier * self.mark_price)


class SizeRow(GateRow):
    """futures/usdt/tickers."""

    contract: Symbol
    total_size: Turnover = None  # contracts


class LoanRow(GateRow):
    """unified/currencies; both limits are USDT."""

    name: Symbol
    loan_status: Text = None
    user_max_borrow_amount: Turnover = None
    total_max_borrow_amount: Turnover = None

    @property
    def shortable(self) -> bool | None:
        """None: a status that says neither yes nor no."""
        if 0 in (self.user_max_borrow_amount, self.total_max_borrow_amount):
            return False
        return LENT.get(self.loan_status or "")


class Gate(Shared):
    """Spot, perpetuals, and which coins can be borrowed."""

    name = "gate"
    lends = True
    dialect = Dialect(
        code="label",
        text="message",
        busy=("TOO_MANY_REQUESTS",),
        wrong=("INVALID_PARAM_VALUE", "INVALID_CURRENCY", "INVALID_CURRENCY_PAIR", "CONTRACT_NOT_FOUND"),
    )

    def spot_quotes(self) -> list[SpotQuote]:
        """GET /api/v4/spot/tickers; quote_volume is USDT, the answer has no time."""
        found: dict[str, SpotQuote] = {}
        for row in self._rows(SpotRow, self._list("/api/v4/spot/tickers"), "spot markets"):
            if symbol := usdt_symbol(row.currency_pair):
                found.setdefault(symbol, SpotQuote(symbol=symbol, ts_ms=None, last=row.last, vol24_usdt=row.quote_volume))
        return self._some(found.values(), "USDT spot markets")

    def perps(self, watched: Collection[str]) -> list[PerpQuote]:  # noqa: ARG002 - two calls answer for all
        """GET /api/v4/futures/usdt/contracts, and /tickers for open interest; neither has a time. Contracts that end are left out."""
        contracts = self._rows(PerpRow, self._list("/api/v4/futures/usdt/contracts"), "perpetuals")
        sizes = self._sizes()
        found: dict[str, PerpQuote] = {}
        for row in contracts:
            if row.in_delisting or not (symbol := usdt_symbol(row.name)):
                continue
            quote = PerpQuote(
                symbol=symbol,
                ts_ms=None,
                mark=row.mark_price,
                index=row.index_price,
                last=row.last_price,
                rate_pct=row.funding_rate,
                interval_hours=row.interval_hours,
                next_funding_ms=row.next_funding_ms,
                oi_usdt=row.oi_usdt(sizes.get(row.name)),
            )
            found.setdefault(symbol, quote)
        return self._some(found.values(), "USDT perpetuals")

    def loans(self, watched: Collection[str]) -> list[Loan]:  # noqa: ARG002 - one call answers for all
        """GET /api/v4/unified/currencies: yes or no, and the most that an account may borrow (USDT); no rate."""
        found: dict[str, Loan] = {}
        for row in self._rows(LoanRow, self._list("/api/v4/unified/currencies"), "a list of loans"):
            found.setdefault(row.name, Loan(coin=row.name, shortable=row.shortable, limit_usdt=row.user_max_borrow_amount))
        return list(found.values())

    def _sizes(self) -> dict[str, float | None]:
        """Open contracts by name; empty where this answer alone is missing. Raises VenueBusy, VenueBlocked."""
        try:
            rows = self._rows(SizeRow, self._list("/api/v4/futures/usdt/tickers"), "open interest")
        except (VenueUnavailable, VenueRefused):
            return {}
        return {row.contract: row.total_size for row in reversed(rows)}

    def _list(self, path: str) -> Any:
        return self._get(path, shape=list)
