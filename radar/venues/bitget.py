"""Bitget: spot, USDT perpetuals and margin loans, keyless: whole markets in one or two calls, borrow rates one coin at a time."""

from collections.abc import Collection, Sequence
from typing import Any

from radar.clock import Clock
from radar.errors import VenueRefused, VenueUnavailable
from radar.models import Loan, PerpQuote, SpotQuote
from radar.venues.dialect import Dialect
from radar.venues.second import Shared, usdt_symbol
from radar.venues.wire import Flag, Hours, MaybeMoment, Number, Percent, Price, Row, Symbol, Turnover, apr_pct, epoch_ms, number, rows

__all__ = ["Bitget"]

DAYS_A_YEAR = 365
RATES_A_CALL = 40  # coins whose rate one call of `loans` asks for
FUTURES = {"productType": "USDT-FUTURES"}


class SpotRow(Row):
    """spot/market/tickers."""

    symbol: Symbol
    ts: MaybeMoment = None
    last_pr: Price = None
    usdt_volume: Turnover = None


class PerpRow(Row):
    """mix/market/tickers."""

    symbol: Symbol
    ts: MaybeMoment = None
    mark_price: Price = None
    index_price: Price = None
    last_pr: Price = None
    funding_rate: Percent = None
    holding_amount: Turnover = None  # coins

    @property
    def oi_usdt(self) -> float | None:
        """Valued at the mark."""
        return None if self.holding_amount is None or self.mark_price is None else number(self.holding_amount * self.mark_price)


class FundingRow(Row):
    """mix/market/current-fund-rate."""

    symbol: Symbol
    funding_rate: Percent = None
    funding_rate_interval: Hours = None
    next_update: MaybeMoment = None


class PairRow(Row):
    """margin/currencies, one pair."""

    base_coin: Symbol
    quote_coin: Symbol
    status: Number = None  # 1: open
    is_borrowable: Flag = None
    is_cross_borrowable: Flag = None
    is_isolated_base_borrowable: Flag = None

    @property
    def shortable(self) -> bool | None:
        """Whether its base can be borrowed in either kind of margin account."""
        ways = (self.is_cross_borrowable, self.is_isolated_base_borrowable)
        if self.is_borrowable is False or ways == (False, False) or (self.status is not None and self.status != 1):
            return False
        return True if True in ways and self.status == 1 else None


class RateRow(Row):
    """market/margin-loans, one coin; fractions."""

    annual_interest: Price = None
    daily_interest: Price = None
    limit: Turnover = None  # coins

    @property
    def apr_pct(self) -> float | None:
        """Percent a year."""
        return apr_pct(self.daily_interest, DAYS_A_YEAR) if self.annual_interest is None else apr_pct(self.annual_interest, 1)


class Bitget(Shared):
    """Spot, perpetuals, which coins can be borrowed, and annual borrow rates of those watched."""

    name = "bitget"
    lends = True
    dialect = Dialect(code="code", text="msg", fine=("00000",), busy=("429",), wrong=("40034",))

    def __init__(self, hosts: Sequence[str], clock: Clock) -> None:
        super().__init__(hosts, clock)
        self._rates: dict[str, tuple[Loan, float]] = {}  # by coin, with the monotonic time it was read

    def spot_quotes(self) -> list[SpotQuote]:
        """GET /api/v2/spot/market/tickers; usdtVolume is USDT."""
        raw = self._get("/api/v2/spot/market/tickers")
        answered_ms = epoch_ms(raw.get("requestTime"))
        found: dict[str, SpotQuote] = {}
        for row in self._rows(SpotRow, raw.get("data"), "spot markets"):
            if symbol := usdt_symbol(row.symbol):
                quote = SpotQuote(symbol=symbol, ts_ms=row.ts or answered_ms, last=row.last_pr, vol24_usdt=row.usdt_volume)
                found.setdefault(symbol, quote)
        return self._some(found.values(), "USDT spot markets")

    def perps(self, watched: Collection[str]) -> list[PerpQuote]:  # noqa: ARG002 - two calls answer for all
        """GET /api/v2/mix/market/tickers, and /current-fund-rate for intervals, settlements and the newer rate."""
        raw = self._get("/api/v2/mix/market/tickers", FUTURES)
        answered_ms = epoch_ms(raw.get("requestTime"))
        markets = self._rows(PerpRow, raw.get("data"), "perpetuals")
        fundings = self._fundings()
        found: dict[str, PerpQuote] = {}
        for row in markets:
            if not (symbol := usdt_symbol(row.symbol)):
                continue
            funding = fundings.get(row.symbol)
            quote = PerpQuote(
                symbol=symbol,
                ts_ms=row.ts or answered_ms,
                mark=row.mark_price,
                index=row.index_price,
                last=row.last_pr,
                rate_pct=row.funding_rate if funding is None or funding.funding_rate is None else funding.funding_rate,
                interval_hours=funding.funding_rate_interval if funding else None,
                next_funding_ms=funding.next_update if funding else None,
                oi_usdt=row.oi_usdt,
            )
            found.setdefault(symbol, quote)
        return self._some(found.values(), "USDT perpetuals")

    def loans(self, watched: Collection[str]) -> list[Loan]:
        """GET /api/v2/margin/currencies for yes or no; /api/v3/market/margin-loans?coin= for rates of coins in `watched` (bases)."""
        pairs = self._rows(PairRow, self._get("/api/v2/margin/currencies").get("data"), "a list of loans")
        found: dict[str, Loan] = {}
        for row in pairs:
            if row.quote_coin.upper() == "USDT":
                found.setdefault(row.base_coin, Loan(coin=row.base_coin, shortable=row.shortable))
        self._some(found, "loans of USDT pairs")
        wanted = [coin for coin in dict.fromkeys(watched) if coin in found and found[coin].shortable]
        for coin in wanted[:RATES_A_CALL]:
            if (loan := self._loan(coin)) is not None:
                self._rates[coin] = (loan, self._clock.monotonic())
        now = self._clock.monotonic()
        late = {coin: loan.model_copy(update={"late_sec": now - read_at}) for coin, (loan, read_at) in self._rates.items()}
        return list((found | {coin: late[coin] for coin in wanted if coin in late}).values())

    def _loan(self, coin: str) -> Loan | None:
        """A coin that can be borrowed, with its rate; None where that cannot be had now. Raises VenueBusy, VenueBlocked."""
        try:
            raw = self._get("/api/v3/market/margin-loans", {"coin": coin})
        except VenueRefused:  # 40034: there is no loan of this coin, whatever its pair says
            return Loan(coin=coin, shortable=False)
        except VenueUnavailable:
            return None  # the rate before stands, and ages
        rates, dropped = rows(RateRow, [raw.get("data")])
        self._dropped += dropped
        row = rates[0] if rates else RateRow()
        return Loan(coin=coin, shortable=row.limit != 0, apr_pct=row.apr_pct, limit=row.limit)

    def _fundings(self) -> dict[Any, FundingRow]:
        """By name; empty where this answer alone is missing. Raises VenueBusy, VenueBlocked."""
        try:
            found = self._rows(FundingRow, self._get("/api/v2/mix/market/current-fund-rate", FUTURES).get("data"), "funding rates")
        except (VenueUnavailable, VenueRefused):
            return {}
        return {row.symbol: row for row in reversed(found)}
