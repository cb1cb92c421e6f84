"""Bitget: two answers about perpetuals, and a borrow rate that is asked for coin by coin."""

from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from radar.clock import SystemClock
from radar.errors import VenueBlocked, VenueBusy, VenueUnavailable
from radar.models import Loan, PerpQuote, SpotQuote
from radar.venues.bitget import Bitget
from tests.stand_in import stand_in
from tests.venues.second_contract import NEXT, NOW, SecondVenueContract

SPOT = "/api/v2/spot/market/tickers"
PERPS = "/api/v2/mix/market/tickers?productType=USDT-FUTURES"
FUNDING = "/api/v2/mix/market/current-fund-rate?productType=USDT-FUTURES"
PAIRS = "/api/v2/margin/currencies"
RATE = "/api/v3/market/margin-loans?coin="
NO_LOAN = {"code": "40034", "msg": "Parameter does not exist", "requestTime": NOW, "data": None}


def said(data):
    """The envelope of a good answer."""
    return {"code": "00000", "msg": "success", "requestTime": NOW - 100, "data": data}


def spot(name, turnover="4000000", **more):
    """A row of spot tickers; quoteVolume is in the quote coin, whatever that is."""
    row = {"symbol": name, "lastPr": "0.41", "quoteVolume": "12.5", "usdtVolume": turnover, "baseVolume": "9756097", "ts": str(NOW - 800)}
    return row | more


def perp(name, **more):
    """A row of futures tickers; holdingAmount is coins."""
    row = {"symbol": name, "lastPr": "0.4125", "markPrice": "0.4123", "indexPrice": "0.4118", "fundingRate": "0.00005"}
    return row | {"holdingAmount": "9000000", "usdtVolume": "30000000", "ts": str(NOW - 600)} | more


def funding(name, **more):
    """A row of current rates."""
    row = {"symbol": name, "fundingRate": "0.00007", "fundingRateInterval": "8", "nextUpdate": str(NEXT)}
    return row | {"minFundingRate": "-0.02", "maxFundingRate": "0.02"} | more


def pair(base, quote="USDT", *, cross=True, isolated=True, **more):
    """A row of margin pairs."""
    row = {"symbol": base + quote, "baseCoin": base, "quoteCoin": quote, "maxCrossedLeverage": "3", "isBorrowable": True, "status": "1"}
    return row | {"isCrossBorrowable": cross, "isIsolatedBaseBorrowable": isolated, "isIsolatedQuoteBorrowable": True} | more


def rate(annual="0.18", daily="0.0009", limit="100"):
    """The rate of one coin: its annual and daily fractions here say different things, 18 and 32.85 % a year."""
    return said({"annualInterest": annual, "dailyInterest": daily, "limit": limit})


ANSWERS = {
    SPOT: said([spot("ARBBTC", "5"), spot("ARBUSDT"), spot("ARBUSDC", "70000"), spot("SOLUSDT", "300000000")]),
    PERPS: said([perp("ARBUSD"), perp("ARBUSDT"), perp("SOLUSDT", markPrice="160")]),
    FUNDING: said([funding("ARBUSD", fundingRate="0.5"), funding("ARBUSDT"), funding("SOLUSDT")]),
    PAIRS: said([pair("ARB", "BTC", cross=False, isolated=False), pair("ARB"), pair("SOL", cross=False, isolated=False), pair("OP")]),
    RATE + "ARB": rate(),
}
ERROR = {"code": "40725", "msg": "service return an error", "requestTime": NOW, "data": None}
PERP = PerpQuote(
    symbol="ARBUSDT",
    ts_ms=NOW - 600,
    mark=0.4123,
    index=0.4118,
    last=0.4125,
    rate_pct=0.007,
    interval_hours=8,
    next_funding_ms=NEXT,
    oi_usdt=9_000_000 * 0.4123,
)
LOAN = Loan(coin="ARB", shortable=True, apr_pct=18, limit=100)


class TestBitget(SecondVenueContract):
    """The promises of every exchange, and Bitget's own traps."""

    adapter = Bitget
    answers = ANSWERS
    error = ERROR
    spot = SpotQuote(symbol="ARBUSDT", ts_ms=NOW - 800, last=0.41, vol24_usdt=4_000_000)
    perp = PERP
    loan = LOAN

    def arb(self, web, question, **answers):
        """ARB's row when one answer is another."""
        self.serve(web, ANSWERS | answers)
        return self.of_arb(question, self.asked_anew(question))

    def asked_for(self, web):
        """Coins whose rate was asked for."""
        calls = [urlsplit(call.request.url) for call in web.calls]
        return [parse_qs(call.query)["coin"][0] for call in calls if call.path == "/api/v3/market/margin-loans"]

    # ── spot ────────────────────────────────────────────────────────────────────────────────────

    def test_of_two_rows_with_one_name_the_first_counts(self, web):
        """Volume is not added up, nor is the larger one taken."""
        assert self.arb(web, "spot_quotes", **{SPOT: said([spot("ARBUSDT"), spot("ARBUSDT", "50000000")])}) == self.spot

    def test_a_row_without_its_time_is_as_old_as_the_answer(self, web):
        """The envelope's requestTime."""
        assert self.arb(web, "spot_quotes", **{SPOT: said([spot("ARBUSDT", ts="")])}).ts_ms == NOW - 100
        assert self.arb(web, "perps", **{PERPS: said([perp("ARBUSDT", ts=None)])}).ts_ms == NOW - 100

    # ── perpetuals ──────────────────────────────────────────────────────────────────────────────

    @pytest.mark.parametrize(("newer", "rate_pct"), [("0.00007", 0.007), ("0", 0), ("-0.0031", -0.31), ("", 0.005), (None, 0.005)])
    def test_the_newer_rate_counts(self, web, newer, rate_pct):
        """That of current-fund-rate, 0 too; the ticker's where it has none."""
        assert self.arb(web, "perps", **{FUNDING: said([funding("ARBUSDT", fundingRate=newer)])}).rate_pct == rate_pct

    @pytest.mark.parametrize(
        "reply", [{"status": 500}, {"status": 400, "json": NO_LOAN}, {"json": ERROR}, {"json": said([])}, {"body": "<html>"}]
    )
    def test_without_current_rates_the_tickers_rate_counts(self, web, reply):
        """How long it is for is unknown then."""
        self.serve(web, {PERPS: ANSWERS[PERPS]})
        self._serve(web, FUNDING, **reply)
        found = self.asked_anew("perps")

        lost = {"rate_pct": 0.005, "interval_hours": None, "next_funding_ms": None}
        assert self.of_arb("perps", found) == PERP.model_copy(update=lost)
        assert len(found) == 2

    @pytest.mark.parametrize(
        ("reply", "kind"),
        [({"status": 429}, VenueBusy), ({"json": {"code": "429", "msg": "?"}}, VenueBusy), ({"status": 403}, VenueBlocked)],
    )
    def test_a_refusal_of_the_current_rates_stops_the_call(self, web, reply, kind):
        """It concerns every request to Bitget, so it is not passed over."""
        self.serve(web, {PERPS: ANSWERS[PERPS]})
        self._serve(web, FUNDING, **reply)

        with pytest.raises(kind):
            self.asked_anew("perps")

    @pytest.mark.parametrize(("coins", "price"), [("", "0.4123"), ("9000000", ""), ("9000000", "0")])
    def test_open_interest_needs_coins_and_the_mark(self, web, coins, price):
        """Unknown otherwise, never coins taken for USDT."""
        assert self.arb(web, "perps", **{PERPS: said([perp("ARBUSDT", holdingAmount=coins, markPrice=price)])}).oi_usdt is None

    # ── loans ───────────────────────────────────────────────────────────────────────────────────

    @pytest.mark.parametrize(
        ("row", "shortable"),
        [
            (pair("ARB"), True),
            (pair("ARB", cross=False), True),
            (pair("ARB", isolated=False), True),
            (pair("ARB", cross=False, isolated=False), False),
            (pair("ARB", isBorrowable=False), False),
            (pair("ARB", status="0"), False),
            (pair("ARB", status=""), None),
            (pair("ARB", cross=None, isolated=None), None),
            (pair("ARB", cross=None, isolated=False), None),
            (pair("ARB", cross="YES", isolated="YES"), None),
        ],
    )
    def test_only_an_open_pair_that_lends_its_base_says_yes(self, web, row, shortable):
        """A flag or a status that cannot be read is no Yes; a rate is asked for after a Yes alone."""
        assert self.arb(web, "loans", **{PAIRS: said([row])}).shortable is shortable
        assert self.asked_for(web) == (["ARB"] if shortable else [])

    def test_pairs_of_other_quote_coins_do_not_speak(self, web):
        """That ARB can be borrowed against BTC says nothing for USDT."""
        answer = said([pair("ARB", "USDC"), pair("ARB", cross=False, isolated=False), pair("BTC", "USDC")])
        self.serve(web, ANSWERS | {PAIRS: answer})

        assert self.asked_anew("loans") == [Loan(coin="ARB", shortable=False)]

    @pytest.mark.parametrize(
        ("answer", "apr_pct", "limit"),
        [
            (rate(annual="0.3650292"), 36.50292, 100),
            (rate(annual=""), 32.85, 100),
            (rate(annual="0", daily="0"), None, 100),
            (rate(annual="", daily=""), None, 100),
            (rate(limit=None), 18, None),
        ],
    )
    def test_the_rate_is_a_fraction_a_year(self, web, answer, apr_pct, limit):
        """Else 365 daily ones, not 8760; what is not there is unknown, never 0 %."""
        assert self.arb(web, "loans", **{RATE + "ARB": answer}) == Loan(coin="ARB", shortable=True, apr_pct=apr_pct, limit=limit)

    def test_a_limit_of_0_is_a_no(self, web):
        """Nobody can borrow nothing."""
        assert self.arb(web, "loans", **{RATE + "ARB": rate(limit="0")}).shortable is False

    @pytest.mark.parametrize("status", [200, 400])
    def test_a_coin_without_a_loan_is_a_known_no(self, web, status):
        """Code 40034, whatever the pair's flags said."""
        self.serve(web, {PAIRS: ANSWERS[PAIRS]})
        self._serve(web, RATE + "ARB", status=status, json=NO_LOAN)

        assert self.of_arb("loans", self.asked_anew("loans")) == Loan(coin="ARB", shortable=False)

    @pytest.mark.parametrize(
        "reply", [{"body": requests.ReadTimeout("late")}, {"status": 500}, {"status": 404}, {"json": ERROR}, {"json": said(None)}]
    )
    def test_a_rate_that_fails_is_unknown_and_stops_no_other(self, web, venue, reply):
        """A timeout is no No; ARB is still lent at a rate that is not known, OP's rate is there."""
        self.serve(web, {PAIRS: ANSWERS[PAIRS], RATE + "OP": rate(annual="0.05")})
        self._serve(web, RATE + "ARB", **reply)

        assert [loan for loan in venue.loans(("ARB", "OP")) if loan.shortable] == [
            Loan(coin="ARB", shortable=True),
            Loan(coin="OP", shortable=True, apr_pct=5, limit=100),
        ]

    def test_a_rate_that_fails_once_stands_and_ages(self, web, venue, clock):
        """Ten minutes later ARB's rate does not come: the one before counts, and says how old it is."""
        self.serve(web, {PAIRS: ANSWERS[PAIRS], RATE + "ARB": rate()})
        venue.loans(("ARB",))
        clock.advance(600)
        web.reset()
        self.serve(web, {PAIRS: ANSWERS[PAIRS]})
        self._serve(web, RATE + "ARB", status=500)
        kept = next(loan for loan in venue.loans(("ARB",)) if loan.coin == "ARB")

        assert (kept.apr_pct, kept.limit) == (18, 100)
        assert 600 <= kept.late_sec < 602

    @pytest.mark.parametrize(("status", "kind"), [(429, VenueBusy), (403, VenueBlocked)])
    def test_a_refusal_of_a_rate_stops_the_call(self, web, venue, status, kind):
        """No further coin is asked for."""
        self.serve(web, {PAIRS: ANSWERS[PAIRS]})
        self._serve(web, RATE + "ARB", status=status)
        with pytest.raises(kind):
            venue.loans(("ARB", "OP"))

        assert self.asked_for(web) == ["ARB"]

    def test_rates_are_asked_for_watched_coins_that_are_lent(self, web, venue):
        """Once each; a coin that nobody watches is there without a rate."""
        self.serve(web, ANSWERS)
        found = venue.loans(("SOL", "NOSUCH", "ARB", "ARB"))

        assert self.asked_for(web) == ["ARB"]
        assert found == [LOAN, Loan(coin="SOL", shortable=False), Loan(coin="OP", shortable=True)]

    def test_one_call_asks_for_at_most_forty_rates(self, web, venue):
        """The coins beyond keep their Yes without a rate."""
        coins = [f"COIN{i}" for i in range(60)]
        self.serve(web, {PAIRS: said([pair(coin) for coin in coins]), "/api/v3/market/margin-loans": rate()})
        found = venue.loans(coins)

        assert self.asked_for(web) == coins[:40]
        assert [loan.apr_pct for loan in found] == [18] * 40 + [None] * 20
        assert all(loan.shortable for loan in found)

    def test_without_pairs_there_are_no_loans(self, web, venue):
        """Rates alone do not say what can be borrowed."""
        self.serve(web, {RATE + "ARB": rate()})
        with pytest.raises(VenueUnavailable):
            venue.loans(("ARB",))

        assert self.asked_for(web) == []


def test_on_a_whole_exchange():
    """The numbers of ARB over real HTTP."""
    bitget = Bitget((stand_in() + "/bitget",), SystemClock())
    spots = {quote.symbol: quote.vol24_usdt for quote in bitget.spot_quotes()}
    perps = {quote.symbol: quote for quote in bitget.perps(())}
    loans = {loan.coin: loan for loan in bitget.loans(("ARB",))}
    bitget.close()

    assert spots["ARBUSDT"] == 4e6
    assert (perps["ARBUSDT"].rate_pct, perps["ARBUSDT"].interval_hours) == (0.009, 8)
    assert perps["ARBUSDT"].oi_usdt == pytest.approx(9e6 * perps["ARBUSDT"].mark, rel=1e-3)
    assert (loans["ARB"].shortable, loans["ARB"].apr_pct) == (True, pytest.approx(18))
