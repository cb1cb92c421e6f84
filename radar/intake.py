"""Takes in what venues answered: which symbol learns what, and what is kept for the next process."""

from collections.abc import Mapping

from radar.bars import minute_of
from radar.cadence import Cadence, cadence
from radar.exchange_clock import ExchangeClock
from radar.historian import Historian
from radar.jobs import Answered, Asker
from radar.live import LiveSymbol
from radar.models import Contract, FundingRule, Quote, SpotPair, Ticker
from radar.quality import AHEAD_MS
from radar.store import MarketStore

__all__ = ["Intake"]

LOOK_AGAIN_SEC = 10.0
LOOK_MS = 300_000
LISTS = 2  # that lack a symbol, before it is believed that there is none


class Intake:
    """Everything that is known of the whole market, and the way of an answer to the symbols it is about.

    Runs on the collector's thread; `symbols` is the collector's. The method `on_<job>` takes the answer of that job.
    """

    def __init__(
        self, symbols: Mapping[str, LiveSymbol], market: MarketStore, historian: Historian, asker: Asker, time: ExchangeClock
    ) -> None:
        self._symbols, self._market, self._historian, self._asker, self._time = symbols, market, historian, asker, time
        self.contracts: dict[str, Contract] = {}
        self.rules: dict[str, FundingRule] = {}
        self.pairs: dict[str, SpotPair] = {}
        self.listing_ms: int | None = None
        self._missing: set[str] = set()  # watched contracts that the last list lacked
        self._looked_ms = 0  # when that list was asked for out of turn
        self._pairs_again = False  # the list of spot pairs was short, and is asked for again
        self._lacking: dict[str, int] = {}  # symbols that wait to be checked -> lists that did not have them
        self.quotes: dict[str, Quote] = {}
        self.tickers: dict[str, Ticker] = {}
        self.told_clock: dict[str, int] = {}  # what the exchange's clock said last, as other processes read it from the store

    def begin(self) -> None:
        """Pick up the listings that the process before left."""
        self.contracts, self.pairs = self._market.contracts(), self._market.spot_pairs()
        self.listing_ms = self._market.fact("listing_ms")

    def keep_listings(self) -> None:
        """Write down what is known, for a file that knows nothing yet. Raises StoreError."""
        self._market.write_listings(contracts=list(self.contracts.values()), pairs=list(self.pairs.values()))
        if self.listing_ms is not None:
            self._market.set_fact("listing_ms", self.listing_ms)

    def every(self) -> Cadence:
        """How often things are read with as many symbols as there are."""
        return cadence(len(self._symbols))

    def introduce(self, live: LiveSymbol) -> None:
        """Tell a new symbol what it is, and where it trades spot."""
        live.contract, live.rule = self.contracts.get(live.symbol), self.rules.get(live.symbol)
        live.delisted = live.contract is None
        live.entered_minute = minute_of(self._time.now_ms())
        live.band_pct = self._market.fact(f"band:{live.symbol}")
        if self.pairs:
            self._list(live)

    def catch_up(self, live: LiveSymbol) -> None:
        """Tell a new symbol its newest readings: the bulk answers hold every coin. Its settlements come first, they date its funding."""
        if (quote := self.quotes.get(live.symbol)) is not None and not self._is_ahead(quote.ts_ms):
            live.on_quote(quote)
            live.note_reading("quote", quote.ts_ms, self.every(), source="premiumIndex")
        if (ticker := self.tickers.get(live.symbol)) is not None and not self._is_ahead(ticker.ts_ms):
            live.on_ticker(ticker)
            live.note_reading("perp_ticker", ticker.ts_ms, self.every(), source="ticker/24hr")

    def _list(self, live: LiveSymbol) -> None:
        live.home.on_listing(self.pairs)
        live.note_reading("listing", self.listing_ms, self.every(), source="exchangeInfo")

    def _is_news(self, live: LiveSymbol, reading: str, ts_ms: int) -> bool:
        """Neither from the future nor older than what is known: servers that lag behind others must not turn time back."""
        known = live.readings.get(reading)
        if self._is_ahead(ts_ms):
            return False
        return known is None or known.ts_ms is None or ts_ms >= known.ts_ms or self._time.is_to_come(known.ts_ms)

    def _is_ahead(self, ts_ms: int) -> bool:
        """An answer from the future is not taken: the exchange's clock, or ours, jumped. The next one is, once they agree."""
        if ts_ms <= self._time.now_ms() + AHEAD_MS:
            return False
        self._asker.hurry("clock")
        return True

    def on_clock(self, _: Answered) -> None:
        """The exchange's time: its offset serves the other processes, with the moment it was measured."""
        if self._time.in_doubt:
            self._asker.hurry("clock")
        if self.listing_ms is not None and self._time.is_to_come(self.listing_ms):
            self._asker.hurry("spot_pairs")  # read while the clock ran ahead: nobody can tell how old it is
        self.told_clock = self._time.told()
        self._market.set_fact("clock", self.told_clock)

    def on_contracts(self, answered: Answered) -> None:
        """What can be traded; a watched contract that is missing is delisted when a second look, seconds later, confirms it."""
        listed = {contract.symbol: contract for contract in answered.value}
        missing = {symbol for symbol in self._symbols if symbol in self.contracts and symbol not in listed}
        doubted, self._missing = missing - self._missing, missing
        self._lacking = {symbol: lists + 1 for symbol, lists in self._lacking.items() if symbol not in listed and lists < LISTS}
        self.contracts = listed | {symbol: self.contracts[symbol] for symbol in doubted}
        for symbol, live in self._symbols.items():
            live.contract = self.contracts.get(symbol, live.contract)
            live.delisted = symbol not in self.contracts
        if doubted or any(lists < LISTS for lists in self._lacking.values()):
            self._asker.put_off("contracts", None, LOOK_AGAIN_SEC)
        elif any(live.delisted for live in self._symbols.values()):
            self._asker.put_off("contracts", None, LOOK_MS / 1000)  # trading may only have paused
        self._market.write_listings(contracts=list(self.contracts.values()))

    def lacks(self, symbol: str) -> bool:
        """Whether two lists, asked for from now on, do not have the symbol: the one that is known may be old, or incomplete."""
        if symbol not in self._lacking:
            self._lacking[symbol] = 0
            self._asker.hurry("contracts")
        return self._lacking[symbol] >= LISTS

    def is_unknown(self, symbol: str) -> None:
        """The exchange said that it knows no such contract: look what is listed, once in five minutes."""
        now_ms = self._time.now_ms()
        if symbol in self.contracts and abs(now_ms - self._looked_ms) > LOOK_MS:
            self._looked_ms = now_ms
            self._asker.hurry("contracts")

    def on_spot_pairs(self, answered: Answered) -> None:
        """What is listed on spot. One that lacks a pair is asked for again at once, in case it was short.

        What that second look lacks, too, is for the list of an hour later to confirm: a pair that is gone lets others count.
        """
        pairs = {pair.symbol: pair for pair in answered.value}
        again, self._pairs_again = self._pairs_again, False
        if again and not pairs.keys() - self.pairs.keys():
            return
        if self.pairs.keys() - pairs.keys():
            self._pairs_again = True
            self._asker.put_off("spot_pairs", None, LOOK_AGAIN_SEC)
        self.pairs, self.listing_ms = pairs, self._time.now_ms()
        for live in self._symbols.values():
            self._list(live)
        self._asker.hurry("spot_tickers")
        self._market.write_listings(pairs=answered.value)
        self._market.set_fact("listing_ms", self.listing_ms)

    def on_funding_rules(self, answered: Answered) -> None:
        """Caps, floors and intervals of adjusted contracts."""
        self.rules = {rule.symbol: rule for rule in answered.value}
        for symbol, live in self._symbols.items():
            live.rule = self.rules.get(symbol)

    def on_quotes(self, answered: Answered) -> None:
        """Mark, index and funding of the whole market."""
        self.quotes = {quote.symbol: quote for quote in answered.value}
        for symbol, live in self._symbols.items():
            quote = self.quotes.get(symbol)
            if quote is None:
                continue
            if self._is_ahead(quote.ts_ms):
                continue
            if live.quote is not None and self._time.is_to_come(live.quote.ts_ms):
                live.forget_quote()
            before = live.minute or live.entered_minute
            if live.on_quote(quote):
                live.note_reading("quote", quote.ts_ms, self.every(), latency_ms=answered.latency_ms, source="premiumIndex")
                if before and live.minute > before + 1:
                    self._historian.replan(live)

    def on_perp_tickers(self, answered: Answered) -> None:
        """24 h of every perpetual."""
        self.tickers = {ticker.symbol: ticker for ticker in answered.value}
        for symbol, live in self._symbols.items():
            if (ticker := self.tickers.get(symbol)) is not None and self._is_news(live, "perp_ticker", ticker.ts_ms) and live.on_ticker(ticker):
                ts_ms = min(ticker.ts_ms, self._time.now_ms())
                live.note_reading("perp_ticker", ts_ms, self.every(), latency_ms=answered.latency_ms, source="ticker/24hr")

    def on_spot_tickers(self, answered: Answered) -> None:
        """24 h of the watched coins on spot."""
        by_symbol = {ticker.symbol: ticker for ticker in answered.value}
        for live in self._symbols.values():
            pair = live.home.pair
            if pair and (ticker := by_symbol.get(pair.symbol)) is not None and self._is_news(live, "spot_ticker", ticker.ts_ms):
                unknown = live.home.trades is None
                if not live.on_spot_ticker(ticker):
                    continue
                ts_ms = min(ticker.ts_ms, self._time.now_ms())
                live.note_reading("spot_ticker", ts_ms, self.every(), latency_ms=answered.latency_ms, source="spot ticker/24hr")
                if unknown and live.home.trades:
                    self._historian.replan(live)  # the history of dominance can be asked for now

    def on_oi(self, answered: Answered) -> None:
        """Open interest of one symbol."""
        live = self._symbols[answered.symbol or ""]
        if not self._is_news(live, "oi", answered.value.ts_ms) or not live.on_open_interest(answered.value):
            return
        live.note_reading("oi", answered.value.ts_ms, self.every(), latency_ms=answered.latency_ms, source="openInterest")

    def on_perp_book(self, answered: Answered) -> None:
        """The perpetual's book."""
        self._on_book("perp", answered)

    def on_spot_book(self, answered: Answered) -> None:
        """The spot book."""
        self._on_book("spot", answered)

    def _on_book(self, market: str, answered: Answered) -> None:
        live = self._symbols[answered.symbol or ""]
        if not self._is_news(live, f"{market}_book", answered.value.ts_ms):
            return
        known = live.band_pct
        live.on_book(market, answered.value)
        ts_ms = min(answered.value.ts_ms, self._time.now_ms())
        live.note_reading(f"{market}_book", ts_ms, self.every(), latency_ms=answered.latency_ms, source="depth")
        if known is None and live.band_pct is not None:
            self._market.set_fact(f"band:{live.symbol}", live.band_pct)

    def on_settlements(self, answered: Answered) -> None:
        """Payments settled since the last ones."""
        live = self._symbols[answered.symbol or ""]
        live.settled_read_ms = self._time.now_ms()
        if answered.value:
            self._market.write_settlements(live.symbol, answered.value)
            self._historian.load_settlements(live)
