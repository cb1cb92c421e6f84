"""MEXC: spot and USDT perpetuals, keyless. It publishes nothing about borrowing.

Open interest counts contracts, whose size another answer tells. How often funding settles is told one symbol a request, so
that is asked for watched symbols alone, a few a call, and remembered.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from radar.clock import Clock
from radar.errors import VenueError, VenueRefused
from radar.models import PerpQuote, SpotQuote
from radar.venues import wire
from radar.venues.dialect import Dialect
from radar.venues.second import Shared, usdt_symbol
from radar.venues.wire import Hours, MaybeMoment, Percent, Price, Row, Symbol, Turnover

__all__ = ["Mexc"]

HOUR_SEC = 3600.0
AGAIN_SEC = 300.0  # between two questions about one symbol, when its settlement has passed or the last one failed
KEPT_SEC = 2 * HOUR_SEC  # one hourly question may fail; what is older says nothing about now
CYCLES_A_CALL = 12  # of 120 requests a minute
CYCLES_SEC = 5.0  # no further question is begun after that: rates and prices that were read wait for these answers


class SpotRow(Row):
    """ticker/24hr."""

    symbol: Symbol
    last_price: Price = None
    low_price: Price = None
    volume: Turnover = None  # coins
    quote_volume: Turnover = None  # often null

    @property
    def vol24_usdt(self) -> float | None:
        """Turnover; where it is not said, the coins at the lowest price of the day: never more than was traded."""
        if self.quote_volume is not None:
            return self.quote_volume
        if self.volume == 0:
            return 0.0
        return None if self.volume is None or self.low_price is None else wire.at_least_0(self.volume * self.low_price)


class PerpRow(Row):
    """contract/ticker."""

    symbol: Symbol
    timestamp: MaybeMoment = None
    fair_price: Price = None
    index_price: Price = None
    last_price: Price = None
    funding_rate: Percent = None
    hold_vol: Turnover = None  # contracts


class SizeRow(Row):
    """contract/detail."""

    symbol: Symbol
    contract_size: Price = None  # coins


class CycleRow(Row):
    """contract/funding_rate, one symbol."""

    symbol: Symbol
    collect_cycle: Hours = None
    next_settle_time: MaybeMoment = None


class _Cycle(NamedTuple):
    """What was last read about a symbol's settlements; the times are monotonic."""

    asked_at: float
    read_at: float | None = None
    hours: int | None = None
    next_ms: int | None = None


class Mexc(Shared):
    """Spot and perpetuals."""

    name = "mexc"
    dialect = Dialect(code="code", text="message", fine=(0,), busy=(510,))

    def __init__(self, hosts: Sequence[str], clock: Clock) -> None:
        super().__init__(hosts, clock)
        self._sizes: dict[str, float] = {}  # coins a contract, by MEXC's own spelling
        self._sizes_until = clock.monotonic()
        self._cycles: dict[str, _Cycle] = {}  # by MEXC's own spelling

    def spot_quotes(self) -> list[SpotQuote]:
        """GET /api/v3/ticker/24hr; quoteVolume is USDT.

        `ts_ms` is None: closeTime ends each row's 24 h and stands still where nobody trades, so a quiet market would look like
        an old answer. The answer itself carries no time.
        """
        raw = self._get("/api/v3/ticker/24hr", shape=list)
        found = (
            SpotQuote(symbol=symbol, ts_ms=None, last=row.last_price, vol24_usdt=row.vol24_usdt)
            for row in self._rows(SpotRow, raw, "spot markets")
            if (symbol := usdt_symbol(row.symbol))
        )
        return self._some(found, "USDT spot markets")

    def perps(self, watched: Collection[str]) -> list[PerpQuote]:
        """GET /api/v1/contract/ticker; fundingRate is a fraction an interval, fairPrice the mark, holdVol one side.

        Contract sizes (GET /api/v1/contract/detail) are read once an hour: without them open interest is unknown. Interval
        and settlement (GET /api/v1/contract/funding_rate/{symbol}) are known for `watched` alone, as far as they were read.
        """
        found = self._rows(PerpRow, self._get("/api/v1/contract/ticker").get("data"), "perpetuals")
        by_symbol = {symbol: row for row in found if (symbol := usdt_symbol(row.symbol))}
        self._read_sizes()
        self._read_cycles([row for symbol, row in by_symbol.items() if symbol in watched])
        return self._some((self._quote(symbol, row) for symbol, row in by_symbol.items()), "USDT perpetuals")

    def _quote(self, symbol: str, row: PerpRow) -> PerpQuote:
        size, oi_usdt = self._sizes.get(row.symbol), None
        if size is not None and row.hold_vol is not None and row.fair_price is not None:
            oi_usdt = wire.at_least_0(row.hold_vol * size * row.fair_price)
        hours, next_ms = self._settles(row)
        return PerpQuote(
            symbol=symbol,
            ts_ms=row.timestamp,
            mark=row.fair_price,
            index=row.index_price,
            last=row.last_price,
            rate_pct=row.funding_rate,
            interval_hours=hours,
            next_funding_ms=next_ms,
            oi_usdt=oi_usdt,
        )

    def _read_sizes(self) -> None:
        if self._clock.monotonic() < self._sizes_until:
            return
        self._sizes = {}
        try:
            rows = self._rows(SizeRow, self._get("/api/v1/contract/detail").get("data"), "contract sizes")
        except VenueError:
            return  # rates and prices were read, and are worth having without it
        self._sizes = {row.symbol: row.contract_size for row in rows if row.contract_size is not None}
        if self._sizes:
            self._sizes_until = self._clock.monotonic() + HOUR_SEC

    def _read_cycles(self, rows: list[PerpRow]) -> None:
        """Ask about the symbols that were not asked about for longest; one that fails ends the round and comes last in the next."""
        due = sorted((row for row in rows if self._due(row)), key=lambda row: (self._asked_at(row), row.symbol))
        end = self._clock.monotonic() + CYCLES_SEC
        for row in due[:CYCLES_A_CALL]:
            now = self._clock.monotonic()
            if now >= end:
                return
            self._cycles[row.symbol] = self._cycles.get(row.symbol, _Cycle(now))._replace(asked_at=now)
            try:
                raw = self._get(f"/api/v1/contract/funding_rate/{row.symbol}")
            except VenueRefused:
                continue  # it does not know this symbol, and said so at once
            except VenueError:
                return
            for read in wire.rows(CycleRow, [raw.get("data")])[0]:
                if read.symbol == row.symbol and read.collect_cycle is not None:
                    self._cycles[row.symbol] = _Cycle(now, now, read.collect_cycle, read.next_settle_time)

    def _asked_at(self, row: PerpRow) -> float:
        cycle = self._cycles.get(row.symbol)
        return float("-inf") if cycle is None else cycle.asked_at

    def _due(self, row: PerpRow) -> bool:
        cycle = self._cycles.get(row.symbol)
        if cycle is None:
            return True
        now, (_, next_ms) = self._clock.monotonic(), self._settles(row)
        read_lately = cycle.read_at is not None and now - cycle.read_at < HOUR_SEC
        return now - cycle.asked_at >= (HOUR_SEC if read_lately and next_ms is not None else AGAIN_SEC)

    def _settles(self, row: PerpRow) -> tuple[int | None, int | None]:
        """Hours between settlements and the coming one, epoch ms; by the row's own time, since our clock may be wrong."""
        cycle = self._cycles.get(row.symbol)
        if cycle is None or cycle.read_at is None or self._clock.monotonic() - cycle.read_at >= KEPT_SEC:
            return None, None
        now_ms = row.timestamp or self._clock.now_ms()
        return cycle.hours, cycle.next_ms if cycle.next_ms is not None and cycle.next_ms > now_ms else None
