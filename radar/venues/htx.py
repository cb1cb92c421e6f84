"""HTX: spot and USDT swaps, keyless. What it lends, it tells the owners of accounts alone.

It publishes neither mark nor index with its rates; the value of open interest tells the price of a swap.
"""

from collections.abc import Collection, Sequence
from typing import Any

from pydantic import ConfigDict

from radar.clock import Clock
from radar.models import PerpQuote, SpotQuote
from radar.venues import wire
from radar.venues.dialect import Dialect
from radar.venues.second import POOL, Shared, once, usdt_symbol
from radar.venues.wire import MaybeMoment, Percent, Price, Row, Symbol, Text, Turnover, epoch_ms

__all__ = ["Htx"]

SWAPS = "swaps"
HOUR_MS = 3_600_000


class SpotRow(Row):
    """market/tickers."""

    symbol: Symbol
    close: Price = None
    vol: Turnover = None  # USDT; `amount` is coins


class _Snake(Row):
    model_config = ConfigDict(alias_generator=None)  # its names have underscores


class RateRow(_Snake):
    """swap_batch_funding_rate."""

    contract_code: Symbol
    funding_rate: Percent = None
    funding_time: MaybeMoment = None  # the coming settlement
    next_funding_time: MaybeMoment = None  # the one after; not always there

    @property
    def interval_hours(self) -> int | None:
        """Between the two settlements."""
        if self.funding_time is None or self.next_funding_time is None:
            return None
        return wire.hours((self.next_funding_time - self.funding_time) / HOUR_MS)


class OpenRow(_Snake):
    """swap_open_interest."""

    contract_code: Symbol
    business_type: Text = None  # "futures" end on a day
    value: Turnover = None  # USDT
    amount: Price = None  # coins

    @property
    def price(self) -> float | None:
        """What one coin of the open interest is worth, USDT."""
        return None if self.value is None or self.amount is None else wire.positive(self.value / self.amount)


class Htx(Shared):
    """Spot and swaps, which have hosts of their own: the first of `hosts` is spot's, the last the swaps'."""

    name = "htx"
    dialect = Dialect(code="status", text="err-msg", fine=("ok",))

    def __init__(self, hosts: Sequence[str], clock: Clock) -> None:
        super().__init__(hosts[:1], clock)
        if len(hosts) > 1:
            self._families[SWAPS] = self._family(SWAPS, hosts[-1:], clock)
        self._swaps = SWAPS if len(hosts) > 1 else POOL

    def spot_quotes(self) -> list[SpotQuote]:
        """GET /market/tickers; vol is USDT."""
        raw = self._get("/market/tickers")
        ts_ms = epoch_ms(raw.get("ts"))
        found = (
            SpotQuote(symbol=symbol, ts_ms=ts_ms, last=row.close, vol24_usdt=row.vol)
            for row in self._rows(SpotRow, raw.get("data"), "spot markets")
            if (symbol := usdt_symbol(row.symbol))
        )
        return self._some(once(found), "USDT spot markets")

    def perps(self, watched: Collection[str]) -> list[PerpQuote]:  # noqa: ARG002 - two calls answer for all
        """GET /linear-swap-api/v1/swap_batch_funding_rate and /linear-swap-api/v1/swap_open_interest.

        The rate is a fraction an interval, value is USDT. Without open interest there is no price, and without a price nobody
        can tell whether a swap is of the same coin: then the whole answer fails.
        """
        rates = self._get("/linear-swap-api/v1/swap_batch_funding_rate", family=self._swaps)
        opened = self._get("/linear-swap-api/v1/swap_open_interest", family=self._swaps)
        ts_ms = _older(rates, opened)
        by_code = {
            row.contract_code: row for row in self._rows(OpenRow, opened.get("data"), "open interest") if row.business_type == "swap"
        }
        found = (
            _quote(symbol, ts_ms, row, by_code.get(row.contract_code))
            for row in self._rows(RateRow, rates.get("data"), "funding rates")
            if (symbol := usdt_symbol(row.contract_code))
        )
        return self._some(once(found), "USDT swaps")


def _quote(symbol: str, ts_ms: int | None, rate: RateRow, opened: OpenRow | None) -> PerpQuote:
    coming = rate.funding_time
    return PerpQuote(
        symbol=symbol,
        ts_ms=ts_ms,
        last=opened and opened.price,
        rate_pct=rate.funding_rate,
        interval_hours=rate.interval_hours,
        next_funding_ms=None if coming is None or (ts_ms is not None and coming <= ts_ms) else coming,
        oi_usdt=opened and opened.value,
    )


def _older(*answers: Any) -> int | None:
    """The time of the older answer, so that a frozen one is seen to age; None where one does not say."""
    moments = [epoch_ms(answer.get("ts")) for answer in answers]
    return None if None in moments else min(moment for moment in moments if moment is not None)
