"""Bybit: open interest of both sides, and a loan rate that is hourly."""

import pytest

from radar.clock import SystemClock
from radar.errors import VenueBusy
from radar.models import Loan, PerpQuote, SpotQuote
from radar.venues.bybit import Bybit
from tests.stand_in import stand_in
from tests.venues.second_contract import NEXT, NOW, SecondVenueContract

SPOT = "/v5/market/tickers?category=spot"
PERPS = "/v5/market/tickers?category=linear"
LOANS = "/v5/spot-margin-trade/data?vipLevel=No+VIP"


def said(**result):
    """The envelope of a good answer."""
    return {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": NOW - 200}


def spot(name, turnover="22000000"):
    """A row of spot tickers; volume24h is coins."""
    return {"symbol": name, "lastPrice": "0.41", "turnover24h": turnover, "volume24h": "53658536"}


def perp(name, **more):
    """A row of linear tickers; openInterest counts both sides."""
    row = {"symbol": name, "lastPrice": "0.4125", "markPrice": "0.4123", "indexPrice": "0.4118", "fundingRate": "0.00007"}
    row |= {"fundingIntervalHour": "8", "nextFundingTime": str(NEXT), "fundingCap": "0.02", "turnover24h": "40000000"}
    row |= {"openInterest": "62000000", "singleOpenInterest": "31000000", "singleOpenInterestValue": "12781300"}
    return row | more


def loan(coin, **more):
    """A row of loans; the rate is a fraction an hour."""
    row = {"currency": coin, "borrowable": True, "hourlyBorrowRate": "0.000013698630137", "maxBorrowingAmount": "10000"}
    return row | {"collateralRatio": "0.98", "marginCollateral": True, "liquidationOrder": "3"} | more


def loans(*rows):
    """The answer about loans."""
    return said(vipCoinList=[{"vipLevel": "No VIP", "list": list(rows)}])


ANSWERS = {
    SPOT: said(category="spot", list=[spot("ARBBTC", "9"), spot("ARBUSDT"), spot("ARBUSDC", "70000"), spot("SOLUSDT", "700000000")]),
    PERPS: said(category="linear", list=[perp("ARBPERP"), perp("ARBUSDT"), perp("BTCUSDT-26DEC25"), perp("SOLUSDT", markPrice="160")]),
    LOANS: loans(loan("USDT"), loan("ARB"), loan("SIREN", borrowable=False, hourlyBorrowRate="")),
}
ERROR = {"retCode": 10016, "retMsg": "Server error.", "result": {}, "time": NOW}
PERP = PerpQuote(
    symbol="ARBUSDT",
    ts_ms=NOW - 200,
    mark=0.4123,
    index=0.4118,
    last=0.4125,
    rate_pct=0.007,
    interval_hours=8,
    next_funding_ms=NEXT,
    oi_usdt=12_781_300,
)


class TestBybit(SecondVenueContract):
    """The promises of every exchange, and Bybit's own traps."""

    adapter = Bybit
    answers = ANSWERS
    error = ERROR
    spot = SpotQuote(symbol="ARBUSDT", ts_ms=NOW - 200, last=0.41, vol24_usdt=22_000_000)
    perp = PERP
    loan = Loan(coin="ARB", shortable=True, apr_pct=12, limit=10_000)

    def arb(self, web, question, **answers):
        """ARB's row when one answer is another."""
        self.serve(web, ANSWERS | answers)
        return self.of_arb(question, self.asked_anew(question))

    @pytest.mark.parametrize(
        ("more", "oi_usdt"),
        [
            ({}, 12_781_300),
            ({"singleOpenInterestValue": ""}, 31_000_000 * 0.4123),
            ({"singleOpenInterestValue": "", "singleOpenInterest": ""}, 62_000_000 / 2 * 0.4123),
            ({"singleOpenInterestValue": "", "singleOpenInterest": "", "openInterest": ""}, None),
            ({"singleOpenInterestValue": "", "markPrice": ""}, None),
        ],
    )
    def test_open_interest_is_one_side(self, web, more, oi_usdt):
        """Other exchanges count one side, so openInterest is halved where it is all there is."""
        found = self.arb(web, "perps", **{PERPS: said(list=[perp("ARBUSDT", **more)])})

        assert found.oi_usdt == (None if oi_usdt is None else pytest.approx(oi_usdt))

    @pytest.mark.parametrize(("hours", "read"), [("1", 1), ("4", 4), (8, 8), ("480", None), ("", None)])
    def test_the_interval_is_hours(self, web, hours, read):
        """Minutes would be out of range, and unknown."""
        assert self.arb(web, "perps", **{PERPS: said(list=[perp("ARBUSDT", fundingIntervalHour=hours)])}).interval_hours == read

    def test_the_loan_rate_is_hourly(self, web):
        """0.000000503043 an hour is 0.44 % a year; read as daily it would be a bargain of 0.02 %."""
        assert self.arb(web, "loans", **{LOANS: loans(loan("ARB", hourlyBorrowRate="0.000000503043"))}).apr_pct == 0.440666

    def test_only_ordinary_accounts_rates_are_read(self, web):
        """A VIP level's cheaper rate, in whatever order it comes, is nobody's here."""
        rows = [{"currency": "ARB", "borrowable": True, "hourlyBorrowRate": rate, "maxBorrowingAmount": "10"} for rate in ("0.00007", "0.00002")]
        levels = [{"vipLevel": "No VIP", "list": rows[:1]}, {"vipLevel": "PRO-6", "list": rows[1:]}]
        for order in (levels, levels[::-1]):
            assert self.arb(web, "loans", **{LOANS: said(vipCoinList=order)}).apr_pct == 61.32

    @pytest.mark.parametrize("rate", ["", "0", None])
    def test_a_rate_that_is_not_there_is_unknown_not_free(self, web, rate):
        """None, never 0 %."""
        assert self.arb(web, "loans", **{LOANS: loans(loan("ARB", hourlyBorrowRate=rate))}).apr_pct is None

    @pytest.mark.parametrize(("flag", "shortable"), [(True, True), (False, False), (None, None), ("true", None), (1, None)])
    def test_only_a_plain_true_says_yes(self, web, flag, shortable):
        """What cannot be read is unknown."""
        assert self.arb(web, "loans", **{LOANS: loans(loan("ARB", borrowable=flag))}).shortable is shortable

    def test_its_code_for_too_many_visits_is_a_pause(self, web, question):
        """Bybit says most of its errors with HTTP 200."""
        self.serve_all(web, json={"retCode": 10006, "retMsg": "Too many visits!", "result": {}, "time": NOW})

        with pytest.raises(VenueBusy):
            self.asked_anew(question)


def test_on_a_whole_exchange():
    """The numbers of ARB and SIREN over real HTTP."""
    bybit = Bybit((stand_in() + "/bybit",), SystemClock())
    spots = {quote.symbol: quote.vol24_usdt for quote in bybit.spot_quotes()}
    perps = {quote.symbol: quote for quote in bybit.perps(())}
    loans = {loan.coin: loan for loan in bybit.loans(("ARB",))}
    bybit.close()

    assert spots["ARBUSDT"] == 2.2e7
    assert (perps["ARBUSDT"].rate_pct, perps["ARBUSDT"].interval_hours) == (0.01, 8)
    assert perps["ARBUSDT"].oi_usdt == pytest.approx(3.1e7 * perps["ARBUSDT"].mark, rel=1e-3)
    assert (loans["ARB"].shortable, loans["ARB"].apr_pct) == (True, pytest.approx(12))
    assert (loans["SIREN"].shortable, loans["SIREN"].apr_pct) == (False, None)
