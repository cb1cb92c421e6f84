"""Binance's own spot market of one symbol: which pair it is, whether it is the same coin, and what it turned over."""

from collections.abc import Mapping

from radar.abroad import Verdict
from radar.models import BorrowQuote, Reading, SpotLine, SpotPair, Ticker
from radar.quality import age_sec
from radar.spot import HOME, LISTED_FRESH_SEC, LISTED_STALE_SEC, base_price_agrees, spot_map

__all__ = ["HomeSpot"]


class HomeSpot:
    """What Binance says about spot of one symbol. `switched_on`: it is asked at all."""

    def __init__(self, symbol: str, *, switched_on: bool = True) -> None:
        self.symbol, self.switched_on = symbol, switched_on
        self.pair: SpotPair | None = None
        self.multiplier = 1.0
        self.listed: bool | None = None
        self._agrees: bool | None = None
        self._agreed_ms: int | None = None
        self.vol24_usdt: float | None = None
        self._last: float | None = None
        self._ticker_ms: int | None = None

    @property
    def trades(self) -> bool | None:
        """True only when a listed pair has the coin's price; False when nothing is listed; else unknown."""
        if self.listed is False:
            return False
        return True if self.listed and self._agrees else None

    def on_listing(self, pairs: Mapping[str, SpotPair]) -> None:
        """Where the coin trades, by name; the price check follows with the first ticker."""
        match = spot_map(self.symbol, pairs)
        if self.pair is None or match is None or match.symbol != self.pair.symbol:
            self._agrees = self._agreed_ms = self.vol24_usdt = self._last = None  # another coin until its price was checked
        # A pair that was there and is not in one list may be halted, or the list incomplete: only a second one says no.
        vanished = match is None and self.pair is not None
        self.listed = None if vanished else match is not None
        self.multiplier = match.multiplier if match else 1.0
        self.pair = pairs[match.symbol] if match else None

    def on_ticker(self, ticker: Ticker, index: float | None) -> None:
        """Rolling 24 h; the price tells whether it is the same coin."""
        self.vol24_usdt, self._last = ticker.vol24_usdt, ticker.last
        self._ticker_ms = ticker.ts_ms
        self._judge(index)

    def _judge(self, index: float | None) -> None:
        verdict = base_price_agrees(index, self._last, self.multiplier)
        if verdict is not None:
            self._agrees = verdict
            self._agreed_ms = self._ticker_ms if verdict else self._agreed_ms

    def on_index(self, index: float | None) -> None:
        """The index of our contract: the first one judges a ticker that came before it."""
        if self._agrees is None:
            self._judge(index)

    @property
    def verdict(self) -> Verdict:
        """Whether its pair is our coin, and when that was seen last."""
        return Verdict(self._ticker_ms, self.pair.symbol if self.pair else None, self._agrees, self._agreed_ms)

    def line(self, ticker: Reading | None, listing: Reading | None, now_ms: int) -> SpotLine:
        """As one venue among others; a list that nobody has read for three days says nothing."""
        listed_ms = listing.ts_ms if listing else None
        age = age_sec(listed_ms, now_ms)
        return SpotLine(
            venue=HOME,
            listed=self.listed if age is not None and age <= LISTED_STALE_SEC else None,
            listed_ms=listed_ms,
            symbol=self.pair.symbol if self.pair else None,
            multiplier=self.multiplier,
            agrees=self._agrees,
            agreed_ms=self._agreed_ms,
            vol24_usdt=self.vol24_usdt,
            ts_ms=ticker.ts_ms if ticker else None,
        )

    def margin_quote(self, listing: Reading | None) -> BorrowQuote | None:
        """The margin flag as a borrow answer: False, or not listed at all, is a known NO; True says nothing of inventory (method BW4)."""
        if self.listed is None or listing is None or listing.ts_ms is None:
            return None
        refused = not self.listed or (self.pair is not None and self.pair.margin is False)
        note = "" if refused else "margin-listed; its rate needs a key"
        return BorrowQuote(
            venue=HOME, shortable=False if refused else None, note=note, ts_ms=listing.ts_ms, fresh_sec=LISTED_FRESH_SEC, stale_sec=LISTED_STALE_SEC
        )
