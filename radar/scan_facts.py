"""What the scanner remembers of one symbol beside its columns: its funding schedule, and where its coin trades spot."""

import numpy as np

from radar.cadence import STALE_SEC
from radar.elsewhere import Elsewhere
from radar.funding import funding_1h_pct
from radar.home_spot import HomeSpot
from radar.models import FundingRule, Quality, Quote, Reading, Ticker
from radar.quality import reading_quality
from radar.scan.columns import INTERVAL_SOURCES
from radar.scan.schedules import Schedule, seen
from radar.spot import LISTED_FRESH_SEC, LISTED_STALE_SEC, SPOT_FRESH_SEC, spot_facts, volumes_reading

__all__ = ["Facts"]


class Facts:
    """One symbol of the scan; only the collector's own thread touches it."""

    def __init__(self, symbol: str, *, switched_on: bool, schedule: Schedule) -> None:
        self.symbol = symbol
        self.home = HomeSpot(symbol, switched_on=switched_on)
        self.rule: FundingRule | None = None
        self.schedule = schedule
        self.settled: list[int] = []  # payments that are listed and not in the schedule yet
        self.quote_ms: int | None = None
        self._index: float | None = None
        self._spot_ticker_ms: int | None = None
        self._seen_by: tuple[object, ...] = ()

    def on_quote(self, quote: Quote, paid_ms: int | None) -> float:
        """Take a sample; funding per hour, %, NaN unknown. `paid_ms`: payments are complete up to then."""
        self.quote_ms, self._index = quote.ts_ms, quote.index
        self.home.on_index(quote.index)
        hours = self.rule.interval_hours if self.rule else None
        stands_on = (quote.next_funding_ms, hours, paid_ms, len(self.settled))
        if stands_on != self._seen_by:
            self.schedule = seen(
                self.schedule, ts_ms=quote.ts_ms, next_ms=quote.next_funding_ms, info_hours=hours, settled_ms=self.settled, read_ms=paid_ms
            )
            self.settled = []
            self._seen_by = (*stands_on[:3], 0)
        hourly = funding_1h_pct(quote.rate_pct, self.schedule.hours)
        return np.nan if hourly is None else hourly

    def told(self) -> dict[str, float | None]:
        """The schedule as columns."""
        s = self.schedule
        source = INTERVAL_SOURCES.index(s.source) if s.source in INTERVAL_SOURCES else None
        told = {"interval_hours": s.hours, "interval_was_hours": s.was_hours, "interval_since_ms": s.since_ms, "next_funding_ms": s.next_ms}
        return told | {"interval_source": source}

    def on_spot_ticker(self, ticker: Ticker, now_ms: int) -> None:
        """24 h of its pair on Binance; the index of about that moment tells whether it is the same coin."""
        near = self.quote_ms is not None and abs(self.quote_ms - ticker.ts_ms) <= STALE_SEC["quote"] * 1000
        self.home.on_ticker(ticker, self._index if near else None)
        self._spot_ticker_ms = min(ticker.ts_ms, now_ms)

    def spot(self, elsewhere: Elsewhere, listing_ms: int | None, now_ms: int) -> dict[str, float | None]:
        """Where the coin trades spot, and what of that may count now, as columns."""
        ticker = Reading(ts_ms=self._spot_ticker_ms, fresh_sec=SPOT_FRESH_SEC, stale_sec=STALE_SEC["spot_ticker"])
        listing = Reading(ts_ms=listing_ms, fresh_sec=LISTED_FRESH_SEC, stale_sec=LISTED_STALE_SEC)
        near = self.quote_ms is not None and now_ms - self.quote_ms <= STALE_SEC["quote"] * 1000
        lines, blocked = elsewhere.spot_lines(self.symbol, self._index if near else None, now_ms)
        home = [self.home.line(ticker, listing, now_ms)] if self.home.switched_on else []
        facts, volume = spot_facts([*home, *lines], blocked=blocked, now_ms=now_ms)
        fresh = self.home.trades and reading_quality(ticker, now_ms) is Quality.FRESH
        return {
            "has_spot": None if facts.has_spot is None else float(facts.has_spot),
            "listed_ms": facts.listed_ms,
            "spot_missing": len(facts.missing),
            "spot_vol24_usdt": volume.usdt,
            "spot_vol24_binance_usdt": home[0].vol24_usdt if home and fresh else None,
            "spot_volumes_ms": volumes_reading(facts, now_ms).ts_ms,
            "spot_ticker_ms": self._spot_ticker_ms,
        }
