"""OKX: spot, USDT perpetuals and loan quotas, keyless, one call each for the whole market; four for the perpetuals.

Its `volCcy24h` is quote turnover on spot only, `oi` counts contracts, and this loan rate is daily (that of an account is hourly).
"""

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from pydantic import Field

from radar.errors import VenueRefused, VenueUnavailable
from radar.models import Loan, PerpQuote, SpotQuote
from radar.venues.dialect import Dialect
from radar.venues.second import Shared, usdt_symbol
from radar.venues.wire import MaybeMoment, Number, Percent, Price, Row, Symbol, Text, Turnover, apr_pct, hours, number, rows

__all__ = ["Okx"]

DAYS_A_YEAR = 365
HOUR_MS = 3_600_000
SWAP = "-SWAP"


class MarketRow(Row):
    """What every row about a market has."""

    inst_id: Symbol
    ts: MaybeMoment = None


class SpotRow(MarketRow):
    """market/tickers, SPOT."""

    last: Price = None
    vol_ccy24h: Turnover = Field(None, alias="volCcy24h")


class FundingRow(MarketRow):
    """public/funding-rate."""

    funding_rate: Percent = None  # the estimate for `funding_time`
    funding_time: MaybeMoment = None  # the coming settlement
    next_funding_time: MaybeMoment = None  # the one after it

    @property
    def interval_hours(self) -> int | None:
        """Between the next two settlements."""
        if self.funding_time is None or self.next_funding_time is None:
            return None
        return hours(round((self.next_funding_time - self.funding_time) / HOUR_MS))


class MarkRow(MarketRow):
    """public/mark-price."""

    mark_px: Price = None


class IndexRow(MarketRow):
    """market/index-tickers; named like the spot market."""

    idx_px: Price = None


class InterestRow(MarketRow):
    """public/open-interest; `oi` is contracts of any size, so it is not read."""

    oi_usd: Turnover = None
    oi_ccy: Turnover = None  # coins


class LoanRow(Row):
    """interest-rate-loan-quota, one coin; the rate is a fraction a day."""

    ccy: Symbol
    rate: Price = None
    quota: Turnover = None  # coins


class OwnQuotaRow(Row):
    """interest-rate-loan-quota, one coin at one level of account."""

    ccy: Symbol
    level: Text = None
    stgy_type: Number = None
    quota: Turnover = None  # coins

    @property
    def ordinary(self) -> bool:
        """An account without VIP level that follows no strategy of OKX's own."""
        return self.stgy_type == 0 and "".join((self.level or "").split()).lower() == "lv1"


M = TypeVar("M", bound=MarketRow)


class Okx(Shared):
    """Spot, perpetuals, and daily borrow rates."""

    name = "okx"
    lends = True
    dialect = Dialect(code="code", text="msg", fine=("0",), busy=("50011", "50061"), wrong=("51001",))

    def spot_quotes(self) -> list[SpotQuote]:
        """GET /api/v5/market/tickers?instType=SPOT; volCcy24h is USDT there."""
        found = self._table(SpotRow, "/api/v5/market/tickers", {"instType": "SPOT"}, "spot markets")
        return [SpotQuote(symbol=symbol, ts_ms=row.ts, last=row.last, vol24_usdt=row.vol_ccy24h) for symbol, row in found.items()]

    def perps(self, watched: Collection[str]) -> list[PerpQuote]:  # noqa: ARG002 - four calls answer for all
        """GET funding-rate?instId=ANY, mark-price, index-tickers and open-interest; what one of the last three withholds is None."""
        fundings = self._table(FundingRow, "/api/v5/public/funding-rate", {"instId": "ANY"}, "perpetuals", swaps=True)
        marks = self._side(MarkRow, "/api/v5/public/mark-price", {"instType": "SWAP"}, "mark prices", swaps=True)
        indexes = self._side(IndexRow, "/api/v5/market/index-tickers", {"quoteCcy": "USDT"}, "index prices")
        interests = self._side(InterestRow, "/api/v5/public/open-interest", {"instType": "SWAP"}, "open interest", swaps=True)
        return [
            _perp(symbol, funding, marks.get(symbol), indexes.get(symbol), interests.get(symbol)) for symbol, funding in fundings.items()
        ]

    def loans(self, watched: Collection[str]) -> list[Loan]:  # noqa: ARG002 - one call answers for all
        """GET /api/v5/public/interest-rate-loan-quota for accounts without VIP level; the rate is a fraction a day.

        Coins of `configCcyList` have quotas of their own in `config`: what `basic` says about those does not hold.
        """
        data = self._get("/api/v5/public/interest-rate-loan-quota").get("data")
        basic = self._rows(LoanRow, _inner(data, "basic"), "a list of loans")
        own, _ = rows(LoanRow, _inner(data, "configCcyList"))
        levels, _ = rows(OwnQuotaRow, _inner(data, "config"))
        quotas = {row.ccy: row.quota for row in reversed(levels) if row.ordinary}
        found: dict[str, Loan] = {}
        for row in own:
            found.setdefault(row.ccy, _loan(row, quotas.get(row.ccy)))
        for row in basic:
            found.setdefault(row.ccy, _loan(row, row.quota))
        return list(found.values())

    def _table(self, model: type[M], path: str, params: Mapping[str, Any], what: str, *, swaps: bool = False) -> dict[str, M]:
        """The USDT markets of an answer by symbol. Raises a VenueError, also where there is none."""
        found: dict[str, M] = {}
        for row in self._rows(model, self._get(path, params).get("data"), what):
            # Both "ARB-USDT" and "ARB-USDT-SWAP" are ARBUSDT: a perpetual must not pass for spot, its volCcy24h is coins.
            if row.inst_id.upper().endswith(SWAP) is swaps and (symbol := usdt_symbol(row.inst_id)):
                found.setdefault(symbol, row)
        self._some(found, f"USDT {what}")
        return found

    def _side(self, model: type[M], path: str, params: Mapping[str, Any], what: str, *, swaps: bool = False) -> dict[str, M]:
        """`_table`, empty where this answer alone is missing. Raises VenueBusy, VenueBlocked: those concern every call."""
        try:
            return self._table(model, path, params, what, swaps=swaps)
        except (VenueUnavailable, VenueRefused):
            return {}


def _perp(symbol: str, funding: FundingRow, mark: MarkRow | None, index: IndexRow | None, interest: InterestRow | None) -> PerpQuote:
    """One perpetual, as old as the oldest row about it."""
    price = mark.mark_px if mark else None
    return PerpQuote(
        symbol=symbol,
        ts_ms=min((row.ts for row in (funding, mark, index, interest) if row and row.ts is not None), default=None),
        mark=price,
        index=index.idx_px if index else None,
        rate_pct=funding.funding_rate,
        interval_hours=funding.interval_hours,
        next_funding_ms=funding.funding_time,
        oi_usdt=_oi_usdt(interest, price) if interest else None,
    )


def _oi_usdt(row: InterestRow, mark: float | None) -> float | None:
    if row.oi_usd is not None or row.oi_ccy is None or mark is None:
        return row.oi_usd
    return number(row.oi_ccy * mark)


def _loan(row: LoanRow, quota: float | None) -> Loan:
    """A quota of 0 is a No; one that cannot be read leaves the question open."""
    return Loan(coin=row.ccy, shortable=None if quota is None else quota > 0, apr_pct=apr_pct(row.rate, DAYS_A_YEAR), limit=quota)


def _inner(data: Any, key: str) -> list[Any]:
    """The rows of the list called `key`."""
    tables = [table.get(key) for table in data if isinstance(table, dict)] if isinstance(data, list) else []
    return [row for table in tables if isinstance(table, list) for row in table]
