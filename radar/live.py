"""One symbol as the collector holds it: the newest readings, the running minute, and what they add up to.

Only the collector's own thread touches it. Answers of venues go in, an Observation and minute bars come out.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from radar import book
from radar.bars import SOURCE_LIVE, Tape, fold, minute_of
from radar.cadence import STALE_SEC, Cadence
from radar.doubt import Doubt, is_near_quote
from radar.funding import funding_1h_pct, interval_hours, may_be_unread, settled_columns
from radar.home_spot import HomeSpot
from radar.measure import measure, notes
from radar.models import (
    Baseline,
    Book,
    BorrowQuote,
    Contract,
    Depth,
    FundingRule,
    Observation,
    OpenInterest,
    PerpLine,
    Quality,
    Quote,
    Reading,
    Settlement,
    SpotFacts,
    SpotLine,
    Ticker,
)
from radar.quality import reading_quality
from radar.spot import HOME, spot_facts, volumes_reading

__all__ = ["INPUT_NAMES", "LIMITS", "NOWHERE_ELSE", "LiveSymbol", "Others"]

INPUT_NAMES = frozenset(STALE_SEC)
LIMITS = (100, 500)
SAMPLED = ("mark", "mark_high", "mark_low", "index", "index_high", "index_low", "basis_mean_pct")  # what the samples of a minute make of a bar


class Others(NamedTuple):
    """What the exchanges beside Binance say about one symbol; `blocked`: those that refuse this location."""

    spot: Sequence[SpotLine] = ()
    loans: Sequence[BorrowQuote] = ()
    perps: Sequence[PerpLine] = ()
    blocked: Sequence[str] = ()


NOWHERE_ELSE = Others()


class LiveSymbol:
    """The collector's picture of one watched symbol."""

    def __init__(self, symbol: str, *, binance_spot: bool = True) -> None:
        self.symbol = symbol
        self.tape = Tape()
        self.contract: Contract | None = None
        self.delisted = False
        self.entered_minute = 0  # up to which its past was asked for at first
        self.rule: FundingRule | None = None
        self.settlements: list[Settlement] = []
        self.settled_read_ms: int | None = None  # settlements are complete up to then
        self.expected_settle_ms: int | None = None
        self.quote: Quote | None = None
        self.perp_limit = 500
        self.home = HomeSpot(symbol, switched_on=binance_spot)
        self.band_pct: float | None = None  # of the depth ratio; frozen once both books were seen
        self.baseline: dict[str, Baseline] = {}
        self.srs_counts: tuple[int, ...] = ()
        self.readings: dict[str, Reading] = {}
        self._minute_quotes: list[Quote] = []
        self._minute = 0
        self._sure = False  # the newest sample confirmed the one before it
        self._doubt = Doubt()
        self._values: dict[str, float | None] = {}  # the newest of what is read beside the quote
        self._books: dict[str, Depth | None] = {}

    # ── answers go in ──
    def note_reading(
        self, name: str, ts_ms: int | None, every: Cadence, *, latency_ms: float | None = None, source: str = "", error: str | None = None
    ) -> None:
        """Remember when an input was read; a failed one keeps its old time and says why."""
        old = self.readings.get(name)
        self.readings[name] = Reading(
            ts_ms=ts_ms if ts_ms is not None else old.ts_ms if old else None,
            fresh_sec=getattr(every, name) * 2.5,
            stale_sec=STALE_SEC[name],
            latency_ms=latency_ms if latency_ms is not None else old.latency_ms if old else None,
            source=source or (old.source if old else ""),
            error=error,
        )

    def on_quote(self, quote: Quote) -> bool:
        """Take a sample; False for a row whose own time did not move: that is no news.

        A price out of all proportion to the one before is shown, and counts for no bar until the next one confirms it;
        the very first one counts until the next one does not.
        """
        if self.quote is not None and quote.ts_ms <= self.quote.ts_ms:
            return False
        minute = minute_of(quote.ts_ms)
        before = self.quote.next_funding_ms if self.quote else None
        if before and (quote.next_funding_ms or 0) > before and quote.ts_ms >= before - 60_000:
            self.expected_settle_ms = before
        if minute > self._minute:
            self._minute, self._minute_quotes = minute, []
        near = self.quote is not None and is_near_quote(self.quote, quote)
        if self.quote is not None and not near and not self._sure:
            self._minute_quotes = []
            self.tape.put(minute_of(self.quote.ts_ms), dict.fromkeys(SAMPLED, np.nan))
        if near or not self._sure:
            self._minute_quotes.append(quote)
        self._sure = self._sure or near
        self.quote = quote
        self.home.on_index(quote.index)
        columns: dict[str, float | None] = dict(fold(self._minute_quotes))
        hours, _ = self.interval()
        columns |= {"funding_1h_pct": funding_1h_pct(quote.rate_pct, hours), "interval_hours": float(hours), "source": float(SOURCE_LIVE)}
        self.tape.put(minute, _or_nan(columns))
        return True

    def forget_quote(self) -> None:
        """It was stamped by a clock that ran ahead: those that come now are older, and right."""
        self.quote, self._minute, self._minute_quotes, self._sure = None, 0, [], False

    def index_at(self, ts_ms: int) -> float | None:
        """The index, to judge a price of that moment by; None where it was not read within two minutes of it."""
        return self.quote.index if self.quote and abs(self.quote.ts_ms - ts_ms) <= STALE_SEC["quote"] * 1000 else None

    @property
    def minute(self) -> int:
        """The minute the newest sample belongs to."""
        return self._minute

    def on_open_interest(self, oi: OpenInterest) -> bool:
        """Open interest now; False for one that the next answer must confirm."""
        counts = self._doubt.counts("oi", oi.qty, self._values.get("oi_qty"))
        if counts:
            self._values["oi_qty"] = oi.qty
        return counts

    def interest(self) -> tuple[int, float] | None:
        """(when, open contracts) as read last; None: not yet."""
        reading, qty = self.readings.get("oi"), self._values.get("oi_qty")
        return None if reading is None or reading.ts_ms is None or qty is None else (reading.ts_ms, qty)

    def on_ticker(self, ticker: Ticker) -> bool:
        """24 h of the perpetual; False for a turnover that the next answer must confirm."""
        counts = self._doubt.counts("perp", ticker.vol24_usdt, self._values.get("perp_vol24_usdt"))
        if counts:
            self._values |= {"last": ticker.last, "perp_vol24_usdt": ticker.vol24_usdt}
        return counts

    def on_spot_ticker(self, ticker: Ticker) -> bool:
        """24 h of spot on Binance; False for a turnover that the next answer must confirm."""
        counts = self._doubt.counts("spot", ticker.vol24_usdt, self.home.vol24_usdt)
        if counts:
            self.home.on_ticker(ticker, self.index_at(ticker.ts_ms))
        return counts

    def on_book(self, market: str, snapshot: Book) -> None:
        """A book of `market` ("perp" or "spot"): the widest band for the imbalance, the frozen one for the depth ratio."""
        widest = book.depth(snapshot)
        self._books[market] = widest
        prefix = "imbalance_band_pct" if market == "perp" else "spot_imbalance_band_pct"
        name = "orderbook_imbalance" if market == "perp" else "spot_imbalance"
        self._values |= {name: widest.imbalance if widest else None, prefix: widest.band_pct if widest else None}
        other = self._books.get("spot" if market == "perp" else "perp")
        if self.band_pct is None and widest and other:
            self.band_pct = min(widest.band_pct, other.band_pct)
            if other.band_pct != self.band_pct:  # measured in its own band so far: no ratio until its next book
                self._values["spot_depth_usdt" if market == "perp" else "perp_depth_usdt"] = None
        framed = book.depth(snapshot, self.band_pct) if self.band_pct is not None else widest
        self._values[f"{market}_depth_usdt"] = framed.bid_usdt + framed.ask_usdt if framed else None
        if market == "perp":
            self.perp_limit = next((limit for limit in LIMITS if book.enough_levels(snapshot, limit)), LIMITS[-1])

    def on_settlements(self, settlements: list[Settlement]) -> None:
        """Settled payments, all that are stored, ascending."""
        self.settlements = settlements

    # ── what they add up to ──
    @property
    def is_complete(self) -> bool:
        """Everything a first light needs was read once, so that a start shows no doubt that lasts a second."""
        read = {name for name, reading in self.readings.items() if reading.ts_ms is not None}
        return {"quote", "oi", "perp_ticker", "listing"} <= read and self.home.trades is not None

    def interval(self) -> tuple[int, str]:
        """The funding interval in force, hours, and its source (F2)."""
        following, now_ms = (self.quote.next_funding_ms, self.quote.ts_ms) if self.quote else (None, None)
        info = self.rule.interval_hours if self.rule else None
        return interval_hours(self._settled_ms(), following, info, read_ms=self.settled_read_ms, now_ms=now_ms)

    def _settled_ms(self) -> list[int]:
        """Times of the last settlements, the one that the schedule passed included before it is read."""
        settled = [s.ts_ms for s in self.settlements[-6:]]
        if self.expected_settle_ms and (not settled or self.expected_settle_ms > settled[-1] + 60_000):
            settled.append(self.expected_settle_ms)
        return settled

    def wants_settlements(self) -> bool:
        """The schedule moved on, or by the last gap it should have, and the payment is not stored yet."""
        if self.expected_settle_ms is not None and (not self.settlements or self.settlements[-1].ts_ms < self.expected_settle_ms - 60_000):
            return True
        return may_be_unread(self._settled_ms(), self.settled_read_ms, self.quote.ts_ms if self.quote else None)

    def _side_values(self, now_ms: int, *, fresh_only: bool) -> dict[str, float | None]:
        """The newest of everything beside the quote; with `fresh_only` what may be stored in a bar."""
        wanted = {
            "oi_qty": "oi",
            "last": "perp_ticker",
            "perp_vol24_usdt": "perp_ticker",
            "orderbook_imbalance": "perp_book",
            "imbalance_band_pct": "perp_book",
            "perp_depth_usdt": "perp_book",
            "spot_imbalance": "spot_book",
            "spot_imbalance_band_pct": "spot_book",
            "spot_depth_usdt": "spot_book",
        }
        values = {}
        for name, reading in wanted.items():
            quality = reading_quality(self.readings.get(reading), now_ms)
            usable = quality is Quality.FRESH if fresh_only else quality is not Quality.MISSING
            values[name] = self._values.get(name) if usable else None
        return values

    def _spot(self, others: Others, now_ms: int) -> tuple[SpotFacts, float, float | None]:
        """Where the coin trades spot, the turnover that may count now, and Binance's own (None: not there, or not fresh)."""
        ticker, home = self.readings.get("spot_ticker"), []
        if self.home.switched_on:
            home = [self.home.line(ticker, self.readings.get("listing"), now_ms)]
        facts, volume = spot_facts(
            [*home, *others.spot], blocked=others.blocked, now_ms=now_ms, margin=self.home.pair.margin if self.home.pair else None
        )
        alone = home[0].vol24_usdt if home and self.home.trades and reading_quality(ticker, now_ms) is Quality.FRESH else None
        self.readings["spot_volumes"] = volumes_reading(facts, now_ms)
        return facts, volume.usdt, alone

    def _loans(self, others: Others) -> tuple[BorrowQuote, ...]:
        """All answers about borrowing; Binance's margin flag speaks where its own rates are not read."""
        flag = self.home.margin_quote(self.readings.get("listing"))
        rates = next((loan for loan in others.loans if loan.venue == HOME), None)
        if rates is not None and (rates.ts_ms is not None or flag is None):
            return tuple(others.loans)
        found = [loan for loan in others.loans if loan is not rates]
        if flag is not None and rates is not None and flag.shortable is None:
            flag = flag.model_copy(update={"note": f"margin-listed; its own rates: {rates.note}"})
        return (flag, *found) if flag else tuple(found)

    def observe(self, now_ms: int, others: Others = NOWHERE_ELSE, *, sw_hours: int = 3) -> Observation:
        """Everything known at `now_ms` (the exchange's clock), judged by nobody yet."""
        minute = max(minute_of(now_ms), self._minute)  # a row may be stamped a moment ahead of our clock
        self.tape.roll(minute)
        facts, spot_usdt, home_usdt = self._spot(others, now_ms)
        volumes = {"spot_vol24_usdt": None if facts.missing else spot_usdt, "spot_vol24_binance_usdt": home_usdt}
        self.tape.put(minute, _or_nan(self._side_values(now_ms, fresh_only=True) | volumes))
        frame = self.tape.frame().loc[:minute]
        overlay = self._side_values(now_ms, fresh_only=False) | {"spot_vol24_usdt": spot_usdt}  # a sum with gaps bounds dominance
        quote, rule = self.quote, self.rule
        hours, source = self.interval()
        if quote is not None:
            overlay |= {"mark": quote.mark, "index": quote.index, "funding_1h_pct": funding_1h_pct(quote.rate_pct, hours), "interval_hours": float(hours)}
        for name, value in _or_nan(overlay).items():
            frame.loc[minute, name] = value
        row = measure(frame, settled_columns(self.settlements[-60:]), sw_hours=sw_hours).iloc[-1]
        values = {name: float(value) if np.isfinite(value) else None for name, value in row.items()}
        if facts.missing:
            values["spot_vol24_usdt"] = None
        return Observation(
            symbol=self.symbol,
            ts_ms=now_ms,
            values={name: value for name, value in values.items() if value is not None},
            readings=dict(self.readings),
            notes=notes(frame, row, sw_hours=sw_hours),
            baseline=self.baseline,
            srs_counts=self.srs_counts,
            spot=facts,
            loans=self._loans(others),
            perps=tuple(others.perps),
            sw_hours=sw_hours,
            funding_interval_hours=hours if quote is not None else None,
            funding_interval_source=source,
            funding_cap_pct=rule.cap_pct if rule else None,
            funding_floor_pct=rule.floor_pct if rule else None,
            next_funding_ms=quote.next_funding_ms if quote else None,
            tick_size=self.contract.tick_size if self.contract else None,
            onboard_ms=self.contract.onboard_ms if self.contract else None,
            delisting_ms=self.contract.delisting_ms if self.contract else None,
            delisted=self.delisted,
        )


def _or_nan(columns: Mapping[str, float | None]) -> dict[str, float]:
    """Unknown as NaN: what was known earlier in the minute is known no more."""
    return {name: np.nan if value is None else value for name, value in columns.items()}
