"""What every venue promises, whatever exchange stands behind it. A test module subclasses this and gives `venue`."""

import time

import numpy as np
import pytest

from radar.errors import VenueRefused
from radar.venues import Venue

HOUR, DAY = 3_600_000, 86_400_000


class VenueContract:
    """Subclass it as `Test…`, with a fixture `venue` whose contracts were read, and name a symbol that trades spot too."""

    symbol = "ARBUSDT"
    spot_symbol = "ARBUSDT"

    @pytest.fixture
    def venue(self) -> Venue:
        """The venue under test."""
        raise NotImplementedError

    @pytest.fixture
    def now_ms(self, venue):
        """The exchange's clock."""
        return venue.server_time_ms()

    def test_the_clock_is_now(self, venue):
        """Milliseconds, and near ours."""
        assert abs(venue.server_time_ms() - time.time() * 1000) < DAY

    def test_contracts_are_usdt_coins(self, venue):
        """Unique symbols, each with its base, and the one under test among them."""
        contracts = venue.contracts()

        assert len({contract.symbol for contract in contracts}) == len(contracts) > 0
        assert self.symbol in {contract.symbol for contract in contracts}
        assert all(contract.symbol.endswith("USDT") and contract.symbol.startswith(contract.base) for contract in contracts)
        assert all(contract.tick_size is None or contract.tick_size > 0 for contract in contracts)

    def test_quotes_are_of_contracts_only(self, venue, now_ms):
        """One row a contract, dated, with positive prices and a rate in percent."""
        quotes = venue.quotes()
        listed = {contract.symbol for contract in venue.contracts()}

        assert {quote.symbol for quote in quotes} <= listed
        assert len({quote.symbol for quote in quotes}) == len(quotes) > 0
        for quote in quotes:
            assert abs(quote.ts_ms - now_ms) < DAY
            assert quote.mark is None or quote.mark > 0
            assert quote.index is None or quote.index > 0
            assert quote.rate_pct is None or abs(quote.rate_pct) <= 10
            assert quote.next_funding_ms is None or quote.next_funding_ms > quote.ts_ms - DAY

    def test_funding_rules_are_percent(self, venue):
        """Whole hours from 1 to 24, a cap above the floor, in percent."""
        for rule in venue.funding_rules():
            assert rule.interval_hours in {None, *range(1, 25)}
            assert rule.cap_pct is None or 0.05 <= rule.cap_pct <= 10
            assert rule.floor_pct is None or -10 <= rule.floor_pct <= 0

    def test_tickers_are_turnover_in_usdt(self, venue):
        """Of contracts only; spot tickers are those that were asked for."""
        perp, spot = venue.perp_tickers(), venue.spot_tickers([self.spot_symbol])

        assert self.symbol in {ticker.symbol for ticker in perp}
        assert [ticker.symbol for ticker in spot] == [self.spot_symbol]
        assert all(ticker.vol24_usdt is None or ticker.vol24_usdt >= 0 for ticker in perp + spot)
        assert all(ticker.change_24h_pct is None or ticker.change_24h_pct > -100 for ticker in perp)

    def test_all_spot_tickers_hold_each_pair(self, venue, now_ms):
        """Once each, every pair in trading among them, with the turnover that the pair alone has."""
        found = {ticker.symbol: ticker for ticker in venue.all_spot_tickers()}

        assert len(found) == len(venue.all_spot_tickers())
        assert {pair.symbol for pair in venue.spot_pairs()} <= found.keys()
        assert all(symbol.endswith("USDT") for symbol in found)
        assert found[self.spot_symbol].vol24_usdt == pytest.approx(venue.spot_tickers([self.spot_symbol])[0].vol24_usdt, rel=0.01)
        assert abs(found[self.spot_symbol].ts_ms - now_ms) < DAY

    def test_adl_risks_are_words_of_contracts(self, venue):
        """Low, medium or high, of listed contracts only."""
        risks = venue.adl_risks()

        assert self.symbol in risks
        assert risks.keys() <= {contract.symbol for contract in venue.contracts()}
        assert set(risks.values()) <= {"low", "medium", "high"}

    def test_open_interest_is_a_dated_quantity(self, venue, now_ms):
        """Not negative, and of about now."""
        found = venue.open_interest(self.symbol)

        assert found.qty >= 0
        assert abs(found.ts_ms - now_ms) < DAY

    def test_books_are_best_first(self, venue):
        """Bids fall, asks rise, they do not cross, and `limit` is kept."""
        for book in (venue.perp_book(self.symbol, 100), venue.spot_book(self.spot_symbol, 100)):
            assert book.limit == 100
            assert 0 < len(book.bids) <= 100
            assert 0 < len(book.asks) <= 100
            assert (np.diff(book.bids[:, 0]) < 0).all()
            assert (np.diff(book.asks[:, 0]) > 0).all()
            assert book.bids[0, 0] < book.asks[0, 0]

    def test_settlements_ascend(self, venue, now_ms):
        """The newest by default, and from a moment on when asked."""
        newest = venue.settlements(self.symbol)
        recent = venue.settlements(self.symbol, now_ms - 2 * DAY)

        assert [s.ts_ms for s in newest] == sorted(s.ts_ms for s in newest)
        assert newest[-1].ts_ms <= now_ms
        assert all(s.ts_ms >= now_ms - 2 * DAY for s in recent)
        assert newest[-1] == recent[-1]

    @pytest.mark.parametrize(("period", "step"), [("5m", HOUR // 12), ("1h", HOUR)])
    def test_oi_history_is_one_page_on_the_grid(self, venue, now_ms, period, step):
        """At most 500 points, ascending, inside the window, even where that begins before what the exchange keeps."""
        page = venue.oi_history(self.symbol, period, now_ms - 45 * DAY, now_ms)
        times = [point.ts_ms for point in page]

        assert 0 < len(page) <= 500
        assert times == sorted(set(times))
        assert all(ts % step == 0 and now_ms - 45 * DAY <= ts <= now_ms for ts in times)

    @pytest.mark.parametrize("series", ["mark", "index", "perp", "spot"])
    def test_candles_are_closed_and_inside_the_window(self, venue, now_ms, series):
        """Columns of one length, ascending on the grid, no bar that still runs; the first page of a long window."""
        ask = venue.spot_candles if series == "spot" else lambda *args: venue.candles(series, *args)
        symbol = self.spot_symbol if series == "spot" else self.symbol
        for start_ms, most in ((now_ms - HOUR, 60), (now_ms - 3 * DAY, 999 if series == "spot" else 499)):
            found = ask(symbol, "1m", start_ms, now_ms)

            assert 0 < len(found.ts_ms) <= most
            assert len({len(column) for column in (found.ts_ms, found.open, found.high, found.low, found.close, found.vol_usdt)}) == 1
            assert (np.diff(found.ts_ms) > 0).all()
            assert found.ts_ms[0] - start_ms <= 60_000
            assert found.ts_ms[-1] + 60_000 <= now_ms + 60_000
            assert (found.ts_ms % 60_000 == 0).all()
            assert (found.high >= found.low).all()
            assert (found.close > 0).all()

    def test_spot_pairs_are_usdt(self, venue):
        """With the pair under test, and margin known or unknown."""
        pairs = {pair.symbol: pair for pair in venue.spot_pairs()}

        assert self.spot_symbol in pairs
        assert all(pair.margin in {True, False, None} for pair in pairs.values())

    def test_unknown_symbols_are_refused(self, venue, now_ms):
        """With the error that is not asked again."""
        for ask in (
            lambda: venue.open_interest("NOSUCHUSDT"),
            lambda: venue.perp_book("NOSUCHUSDT", 100),
            lambda: venue.candles("mark", "NOSUCHUSDT", "1m", now_ms - HOUR, now_ms),
            lambda: venue.spot_book("NOSUCHUSDT", 100),
        ):
            with pytest.raises(VenueRefused):
                ask()

    def test_health_asks_nobody_and_says_how_it_is(self, venue):
        """After an answer a family is well, and shows its weight."""
        venue.quotes()
        health = venue.health()[0]

        assert health.venue == venue.name
        assert health.ok
        assert not health.sentence
        assert 0 <= health.used_weight <= health.limit_weight
        assert health.last_ok_ms is None or health.last_ok_ms > 0
        assert venue.spare(health.pool) >= 0
