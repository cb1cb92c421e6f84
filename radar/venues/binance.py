"""Binance: USDT-M perpetuals (fapi) and spot (api), keyless.

Each method is three steps: ask, check, turn into our model. Weights are those of the exchange's documentation.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from radar.clock import Clock
from radar.errors import VenueUnavailable
from radar.models import (
    Book,
    Candles,
    Contract,
    FundingRule,
    HostHealth,
    OpenInterest,
    Purpose,
    Quote,
    Settlement,
    SpotPair,
    Ticker,
)
from radar.settings import Settings
from radar.venues import Series, binance_rows, wire
from radar.venues.binance_limits import (
    KLINES,
    LIVE_FUNDING,
    OI_KEPT_MS,
    PAGE_OI,
    PAGE_PAYMENTS,
    PAGE_PERP,
    PAGE_SPOT,
    PAGES_PAYMENTS,
    PERP_DEPTH,
    RESERVE_BOOK,
    RESERVE_OI,
    RESERVE_SCAN,
    SPOT_DEPTH,
    TICKER_BATCH,
    bars,
    checked,
    step_ms,
    weight,
)
from radar.venues.budget import Budget
from radar.venues.door import Closed
from radar.venues.http import LARGE, Http

__all__ = ["Binance"]

SERIES = {"mark": ("markPriceKlines", "symbol"), "index": ("indexPriceKlines", "pair"), "perp": ("klines", "symbol")}


class Binance:
    """The venue behind every number of the radar. Safe to share between threads."""

    name = "binance"

    def __init__(self, settings: Settings, clock: Clock, budget: Budget | None = None) -> None:
        self._clock = clock
        self._budget = budget or Budget(clock)
        self._budget.set_need("funding", LIVE_FUNDING)
        futures, spot = settings.binance_futures_hosts, settings.binance_spot_hosts
        self._futures = Http("binance", "futures", futures, clock, self._budget, setting="RADAR_BINANCE_FUTURES_HOSTS")
        self._spot = Http("binance", "spot", spot, clock, self._budget, setting="RADAR_BINANCE_SPOT_HOSTS")
        self.spot = bool(spot)
        self._families = [http for http in (self._futures, self._spot) if http.hosts]
        self._whitelist: frozenset[str] = frozenset()
        self._offset_ms = 0  # exchange minus local clock, as of the last server_time_ms()
        self._dropped = {"futures": 0, "spot": 0}

    # ── perpetuals ──────────────────────────────────────────────────────────────────────────────

    def server_time_ms(self) -> int:
        """The exchange's clock, epoch ms (/fapi/v1/time, weight 1)."""
        answer = self._futures.get("/fapi/v1/time", weight=1, pool="futures", shape=dict)
        if (now_ms := wire.whole(answer.get("serverTime"))) is None:
            raise VenueUnavailable("Binance futures answered without its time.", venue=self.name)
        self._offset_ms = now_ms - self._clock.now_ms()
        return now_ms

    def contracts(self) -> list[Contract]:
        """Every USDT coin perpetual in trading; they become the whitelist (/fapi/v1/exchangeInfo, weight 1)."""
        raw = self._futures.get("/fapi/v1/exchangeInfo", weight=1, pool="futures", shape=dict, max_bytes=LARGE)
        found = [row.contract for row in self._rows("futures", binance_rows.ContractRow, raw.get("symbols")) if row.tradable]
        if not found:
            raise VenueUnavailable("Binance futures lists no contract at all; the last list is kept.", venue=self.name)
        self.set_whitelist(contract.symbol for contract in found)
        return found

    def set_whitelist(self, symbols: Iterable[str]) -> None:
        """Use stored contracts until `contracts()` is asked again."""
        self._whitelist = frozenset(symbols)

    def funding_rules(self) -> list[FundingRule]:
        """Adjusted contracts; fractions become percent (/fapi/v1/fundingInfo, one of the funding pool)."""
        return [
            FundingRule(
                symbol=row.symbol,
                interval_hours=row.funding_interval_hours,
                cap_pct=row.adjusted_funding_rate_cap,
                floor_pct=row.adjusted_funding_rate_floor,
            )
            for row in self._rows("futures", binance_rows.FundingRow, self._futures.get("/fapi/v1/fundingInfo", weight=1, pool="funding"))
        ]

    def quotes(self) -> list[Quote]:
        """All whitelisted perpetuals; without a whitelist none, and nobody is asked (/fapi/v1/premiumIndex, weight 10)."""
        if not self._whitelist:
            return []
        return [
            Quote(
                symbol=row.symbol,
                ts_ms=row.time,
                mark=row.mark_price,
                index=row.index_price,
                rate_pct=row.last_funding_rate,
                next_funding_ms=row.next_funding_time,
            )
            for row in self._rows("futures", binance_rows.QuoteRow, self._futures.get("/fapi/v1/premiumIndex", weight=10, pool="futures"))
            if row.symbol in self._whitelist
        ]

    def perp_tickers(self) -> list[Ticker]:
        """All whitelisted perpetuals; without a whitelist none (/fapi/v1/ticker/24hr, weight 40)."""
        if not self._whitelist:
            return []
        tickers = self._tickers("futures", self._futures.get("/fapi/v1/ticker/24hr", weight=40, pool="futures"))
        return [ticker for ticker in tickers if ticker.symbol in self._whitelist]

    def adl_risks(self) -> dict[str, str]:
        """All whitelisted perpetuals, renewed every half hour; without a whitelist none (/fapi/v1/symbolAdlRisk, weight 1)."""
        if not self._whitelist:
            return {}
        found = self._rows("futures", binance_rows.AdlRow, self._futures.get("/fapi/v1/symbolAdlRisk", weight=1, pool="futures", purpose="scan"))
        return {row.symbol: row.adl_risk for row in found if row.symbol in self._whitelist}

    def open_interest(self, symbol: str, *, purpose: Purpose = "watch") -> OpenInterest:
        """Open contracts in base units, with the row's own time (/fapi/v1/openInterest, weight 1)."""
        params, reserve = {"symbol": checked(symbol)}, RESERVE_OI if purpose == "watch" else RESERVE_SCAN
        raw = self._futures.get("/fapi/v1/openInterest", params, weight=1, pool="futures", purpose=purpose, reserve=reserve, shape=dict)
        for row in self._rows("futures", binance_rows.InterestRow, [raw]):
            return OpenInterest(ts_ms=row.time, qty=row.open_interest)
        raise VenueUnavailable(f"Binance futures answered without the open interest of {symbol}.", venue=self.name)

    def perp_book(self, symbol: str, limit: int) -> Book:
        """The perpetual's book with the time E of the exchange (/fapi/v1/depth, weight 2, 5, 10 or 20 by `limit`)."""
        params, cost = {"symbol": checked(symbol), "limit": limit}, weight(PERP_DEPTH, limit)
        raw = self._futures.get("/fapi/v1/depth", params, weight=cost, pool="futures", reserve=RESERVE_BOOK, shape=dict)
        return self._book("futures", raw, limit, wire.whole(raw.get("E")))

    def settlements(self, symbol: str, start_ms: int | None = None) -> list[Settlement]:
        """Up to 1000 regular payments, ascending: the newest, or those from `start_ms` on (/fapi/v1/fundingRate, funding pool)."""
        params: dict[str, Any] = {"symbol": checked(symbol), "limit": 1000}
        if start_ms is not None:
            params["startTime"] = start_ms
        raw = self._futures.get("/fapi/v1/fundingRate", params, weight=1, pool="funding", purpose="history")
        found = [
            Settlement(ts_ms=row.funding_time, rate_pct=row.funding_rate)
            for row in self._rows("futures", binance_rows.SettlementRow, raw)
            if row.rate_type in (None, "Regular")
        ]
        return sorted(found, key=lambda settlement: settlement.ts_ms)

    def all_settlements(self, start_ms: int) -> list[tuple[str, Settlement]]:
        """Regular payments of every contract from `start_ms` on (/fapi/v1/fundingRate without a symbol, some pages of it, funding pool)."""
        rows: dict[tuple[str, int], binance_rows.PaymentRow] = {}
        for _ in range(PAGES_PAYMENTS):
            params = {"startTime": start_ms, "limit": PAGE_PAYMENTS}
            page = self._futures.get("/fapi/v1/fundingRate", params, weight=1, pool="funding", purpose="scan")
            known = self._rows("futures", binance_rows.PaymentRow, page)
            rows |= {(row.symbol, row.funding_time): row for row in known}
            last_ms = max((row.funding_time for row in known), default=start_ms)
            if len(page) < PAGE_PAYMENTS or last_ms <= start_ms:
                break
            start_ms = last_ms  # others may have settled in the same moment
        found = [
            (row.symbol, Settlement(ts_ms=row.funding_time, rate_pct=row.funding_rate))
            for row in rows.values()
            if row.rate_type in (None, "Regular") and row.symbol in self._whitelist
        ]
        return sorted(found, key=lambda payment: payment[1].ts_ms)

    def oi_history(self, symbol: str, period: str, start_ms: int, end_ms: int) -> list[OpenInterest]:
        """The first page (up to 500) in the window that holds any point (/futures/data/openInterestHist, data pool).

        The exchange keeps 30 days, so an older start is moved there. Windows before a young contract's first point
        are passed over, at one request each.
        """
        step = step_ms(period)
        first_ms = max(start_ms, self._exchange_now_ms() - OI_KEPT_MS)
        for page_ms in range(first_ms, end_ms + 1, PAGE_OI * step):
            # Never a window of more points than a page: which end of it would be cut is not documented.
            last_ms = min(end_ms, page_ms + PAGE_OI * step - 1)
            params = {"symbol": checked(symbol), "period": period, "limit": PAGE_OI, "startTime": page_ms, "endTime": last_ms}
            raw = self._futures.get("/futures/data/openInterestHist", params, weight=1, pool="data", purpose="history")
            points = self._rows("futures", binance_rows.InterestPoint, raw)
            if points:
                found = (OpenInterest(ts_ms=point.timestamp, qty=point.sum_open_interest) for point in points)
                return sorted(found, key=lambda point: point.ts_ms)
        return []

    def candles(self, series: Series, symbol: str, interval: str, start_ms: int, end_ms: int) -> Candles:
        """Closed klines opening in the window, the first 499 of them (weight 1 below 100 bars, else 2).

        /fapi/v1/markPriceKlines, indexPriceKlines or klines; only the last has a turnover, the others NaN.
        """
        kind, key = SERIES[series]
        limit = bars(interval, start_ms, end_ms, PAGE_PERP)
        params = {key: checked(symbol), "interval": interval, "limit": limit, "startTime": start_ms, "endTime": end_ms}
        ask = {"weight": weight(KLINES, limit), "pool": "futures", "purpose": "history"}
        raw = self._futures.get(f"/fapi/v1/{kind}", params, **ask) if limit else []
        return self._closed("futures", raw, volume=series == "perp")

    # ── spot ────────────────────────────────────────────────────────────────────────────────────

    def spot_pairs(self) -> list[SpotPair]:
        """Every USDT spot pair in trading (/api/v3/exchangeInfo, weight 20)."""
        params = {"showPermissionSets": "false"}
        raw = self._spot.get("/api/v3/exchangeInfo", params, weight=20, pool="spot", shape=dict, max_bytes=LARGE)
        found = [
            SpotPair(symbol=row.symbol, base=row.base_asset, margin=row.is_margin_trading_allowed)
            for row in self._rows("spot", binance_rows.SpotPairRow, raw.get("symbols"))
            if (row.status, row.quote_asset) == ("TRADING", "USDT")
        ]
        if not found:
            raise VenueUnavailable("Binance spot lists no pair at all; the last list is kept.", venue=self.name)
        return found

    def spot_tickers(self, symbols: Sequence[str]) -> list[Ticker]:
        """Rolling 24 h of known spot pairs, 20 in a request (/api/v3/ticker/24hr, weight 2 a request).

        One unknown pair refuses its whole batch: VenueRefused with code -1121.
        """
        found: list[Ticker] = []
        for i in range(0, len(symbols), TICKER_BATCH):
            batch = json.dumps([checked(symbol) for symbol in symbols[i : i + TICKER_BATCH]], separators=(",", ":"), ensure_ascii=False)
            found += self._tickers("spot", self._spot.get("/api/v3/ticker/24hr", {"symbols": batch}, weight=2, pool="spot"))
        return found

    def all_spot_tickers(self) -> list[Ticker]:
        """Every pair whose name ends in USDT, in short rows without a change (/api/v3/ticker/24hr, weight 80)."""
        tickers = self._tickers("spot", self._spot.get("/api/v3/ticker/24hr", {"type": "MINI"}, weight=80, pool="spot", purpose="scan"))
        return [ticker for ticker in tickers if ticker.symbol.endswith("USDT")]

    def spot_book(self, symbol: str, limit: int) -> Book:
        """The spot book, with the time of receipt on the exchange's clock: spot books carry none (/api/v3/depth, weight 5, 25, 50 or 250)."""
        params, cost = {"symbol": checked(symbol), "limit": limit}, weight(SPOT_DEPTH, limit)
        raw = self._spot.get("/api/v3/depth", params, weight=cost, pool="spot", reserve=RESERVE_BOOK, shape=dict)
        return self._book("spot", raw, limit, self._exchange_now_ms())

    def spot_candles(self, symbol: str, interval: str, start_ms: int, end_ms: int) -> Candles:
        """Closed klines opening in the window, the first 999 of them (/api/v3/klines, weight 2)."""
        limit = bars(interval, start_ms, end_ms, PAGE_SPOT)
        params = {"symbol": checked(symbol), "interval": interval, "limit": limit, "startTime": start_ms, "endTime": end_ms}
        raw = self._spot.get("/api/v3/klines", params, weight=2, pool="spot", purpose="history") if limit else []
        return self._closed("spot", raw, volume=True)

    # ── the venue itself ────────────────────────────────────────────────────────────────────────

    def health(self) -> list[HostHealth]:
        """Futures, and spot unless it is switched off; asks nobody."""
        return [http.health(self._dropped[http.family]) for http in self._families]

    def set_need(self, pool: str, weight: int, purpose: Purpose = "watch") -> None:
        """Weight that a purpose needs in one window of `pool`; those after it leave it free."""
        self._budget.set_need(pool, weight, purpose)

    def spare(self, pool: str, purpose: Purpose = "history") -> int:
        """Weight that a purpose may still use in `pool` now (futures, spot, funding or data)."""
        return self._budget.spare(pool, purpose)

    def doors(self) -> dict[str, Closed]:
        """Bans, pauses and blocks that still last, by family: worth keeping over a restart."""
        return {http.family: closed for http in self._families if (closed := http.closed())}

    def restore_doors(self, doors: Mapping[str, Sequence[Any]]) -> None:
        """Go on waiting as `doors()` said before a restart."""
        for http in self._families:
            if http.family in doors:
                http.restore(Closed(*doors[http.family]))

    def close(self) -> None:
        """Let go of connections; later calls raise VenueUnavailable."""
        for http in self._families:
            http.close()

    # ── helpers ─────────────────────────────────────────────────────────────────────────────────

    def _rows(self, family: str, model: type[wire.R], raw: Any) -> list[wire.R]:
        found, dropped = wire.rows(model, raw if isinstance(raw, list) else [])
        self._dropped[family] += dropped
        return found

    def _tickers(self, family: str, raw: list[Any]) -> list[Ticker]:
        return [row.ticker for row in self._rows(family, binance_rows.TickerRow, raw)]

    def _book(self, family: str, raw: Mapping[str, Any], limit: int, ts_ms: int | None) -> Book:
        if ts_ms is None or not isinstance(raw.get("bids"), list) or not isinstance(raw.get("asks"), list):
            raise VenueUnavailable(f"Binance {family} sent a book that cannot be read.", venue=self.name)
        bids, bad_bids = binance_rows.ladder(raw["bids"], descending=True)
        asks, bad_asks = binance_rows.ladder(raw["asks"], descending=False)
        self._dropped[family] += bad_bids + bad_asks
        if (bad_bids and not len(bids)) or (bad_asks and not len(asks)):
            raise VenueUnavailable(f"Binance {family} sent a book without a level that can be read.", venue=self.name)
        return Book(ts_ms=ts_ms, limit=limit, bids=bids, asks=asks)

    def _closed(self, family: str, raw: list[Any], *, volume: bool) -> Candles:
        found, dropped = binance_rows.candles(raw, until_ms=self._exchange_now_ms(), volume=volume)
        self._dropped[family] += dropped
        return found

    def _exchange_now_ms(self) -> int:
        return self._clock.now_ms() + self._offset_ms
