"""OKX: what counts as USDT, coins and contracts, and a loan rate that is daily."""

import pytest

from radar.clock import SystemClock
from radar.errors import VenueBlocked, VenueBusy, VenueUnavailable
from radar.models import Loan, PerpQuote, SpotQuote
from radar.venues.okx import Okx
from tests.stand_in import stand_in
from tests.venues.second_contract import NEXT, NOW, SecondVenueContract

HOUR = 3_600_000
SPOT = "/api/v5/market/tickers?instType=SPOT"
FUNDING = "/api/v5/public/funding-rate?instId=ANY"
MARK = "/api/v5/public/mark-price?instType=SWAP"
INDEX = "/api/v5/market/index-tickers?quoteCcy=USDT"
INTEREST = "/api/v5/public/open-interest?instType=SWAP"
LOANS = "/api/v5/public/interest-rate-loan-quota"
SIDES = (MARK, INDEX, INTEREST)


def said(*rows):
    """The envelope of a good answer."""
    return {"code": "0", "msg": "", "data": list(rows)}


def spot(name, turnover="11000000", **more):
    """A row of spot tickers; vol24h is coins."""
    return {"instType": "SPOT", "instId": name, "last": "0.41", "vol24h": "26829268", "volCcy24h": turnover, "ts": str(NOW - 900)} | more


def funding(name, next_ms=NEXT, after_ms=NEXT + 8 * HOUR, **more):
    """A row of funding rates: of the coming settlement, and the one after it."""
    row = {"instType": "SWAP", "instId": name, "fundingRate": "0.00007", "fundingTime": str(next_ms), "nextFundingTime": str(after_ms)}
    return row | {"maxFundingRate": "0.015", "minFundingRate": "-0.015", "settFundingRate": "0.0009", "ts": str(NOW - 2000)} | more


def mark(name, price="0.4123"):
    """A row of mark prices."""
    return {"instType": "SWAP", "instId": name, "markPx": price, "ts": str(NOW - 300)}


def index(name, price="0.4118"):
    """A row of index prices; the index is named like the spot market."""
    return {"instId": name, "idxPx": price, "high24h": "0.43", "ts": str(NOW - 400)}


def interest(name, **more):
    """A row of open interest: contracts of ten coins, coins, USD."""
    return {"instType": "SWAP", "instId": name, "oi": "1200000", "oiCcy": "12000000", "oiUsd": "4947600", "ts": str(NOW - 500)} | more


def loan(coin, rate="0.0004", quota="10000"):
    """A row of basic loans: a fraction a day, coins."""
    return {"ccy": coin, "rate": rate, "quota": quota}


def loans(*basic, **more):
    """The answer about loans, with the multipliers of levels that concern nobody here."""
    levels = {"vip": [{"level": "VIP1", "loanQuotaCoef": "6", "irDiscount": ""}], "regular": [{"level": "Lv1", "loanQuotaCoef": "1"}]}
    return said({"basic": list(basic), **levels, **more})


ANSWERS = {
    SPOT: said(spot("ARB-BTC", "9.2"), spot("ARB-USDT"), spot("ARB-USDC", "70000"), spot("SOL-USDT", "900000000")),
    FUNDING: said(funding("BTC-USD-SWAP"), funding("ARB-USDT-SWAP"), funding("ARB-USDC-SWAP", fundingRate="0.5"), funding("SOL-USDT-SWAP")),
    MARK: said(mark("ARB-USD-SWAP", "9"), mark("ARB-USDT-SWAP"), mark("SOL-USDT-SWAP", "160")),
    INDEX: said(index("ARB-USDT"), index("SOL-USDT", "160.1")),
    INTEREST: said(interest("ARB-USD-SWAP"), interest("ARB-USDT-SWAP"), interest("SOL-USDT-SWAP")),
    LOANS: loans(loan("USDT"), loan("ARB"), loan("SOL", quota="0")),
}
ERROR = {"code": "50001", "msg": "Service temporarily unavailable.", "data": []}
PERP = PerpQuote(
    symbol="ARBUSDT",
    ts_ms=NOW - 2000,
    mark=0.4123,
    index=0.4118,
    rate_pct=0.007,
    interval_hours=8,
    next_funding_ms=NEXT,
    oi_usdt=4_947_600,
)


class TestOkx(SecondVenueContract):
    """The promises of every exchange, and OKX's own traps."""

    adapter = Okx
    answers = ANSWERS
    error = ERROR
    spot = SpotQuote(symbol="ARBUSDT", ts_ms=NOW - 900, last=0.41, vol24_usdt=11_000_000)
    perp = PERP
    loan = Loan(coin="ARB", shortable=True, apr_pct=14.6, limit=10_000)

    def arb(self, web, question, **answers):
        """ARB's row when one answer is another."""
        self.serve(web, ANSWERS | answers)
        return self.of_arb(question, self.asked_anew(question))

    def lent(self, web, answer):
        """Loans by coin."""
        self.serve(web, {LOANS: answer})
        return {loan.coin: loan for loan in self.asked_anew("loans")}

    # ── spot ────────────────────────────────────────────────────────────────────────────────────

    def test_spot_turnover_is_usdt_not_coins(self, web):
        """volCcy24h counts for spot; vol24h is coins, 2.4 times as many for ARB."""
        assert self.arb(web, "spot_quotes").vol24_usdt == 11_000_000

    def test_a_perpetual_never_passes_for_spot(self, web):
        """Its volCcy24h counts coins, and it has the same symbol with us."""
        swap = spot("ARB-USDT-SWAP", "999999999", instType="SWAP")

        assert self.arb(web, "spot_quotes", **{SPOT: said(swap, spot("ARB-USDT"))}) == self.spot

    def test_of_two_rows_with_one_name_the_first_counts(self, web):
        """Volume is not added up, nor is the larger one taken."""
        assert self.arb(web, "spot_quotes", **{SPOT: said(spot("ARB-USDT"), spot("ARB-USDT", "50000000"))}) == self.spot

    # ── perpetuals ──────────────────────────────────────────────────────────────────────────────

    @pytest.mark.parametrize(
        ("after_ms", "hours"),
        [
            (NEXT + HOUR, 1),
            (NEXT + 4 * HOUR, 4),
            (NEXT + 8 * HOUR - 3, 8),
            (NEXT + 24 * HOUR, 24),
            (NEXT + 25 * HOUR, None),
            (NEXT, None),
            (NEXT - 8 * HOUR, None),
            (0, None),
        ],
    )
    def test_the_interval_is_between_the_next_two_settlements(self, web, after_ms, hours):
        """Whole hours from 1 to 24, or unknown."""
        found = self.arb(web, "perps", **{FUNDING: said(funding("ARB-USDT-SWAP", after_ms=after_ms))})

        assert (found.interval_hours, found.next_funding_ms) == (hours, NEXT)

    @pytest.mark.parametrize(
        ("more", "oi_usdt"),
        [
            ({"oiUsd": "5000000"}, 5_000_000),
            ({"oiUsd": ""}, 12_000_000 * 0.4123),
            ({"oiUsd": "", "oiCcy": ""}, None),
            ({"oiUsd": "0"}, 0),
        ],
    )
    def test_open_interest_is_never_contracts(self, web, more, oi_usdt):
        """USD, else coins at the mark; the number of contracts alone says nothing."""
        assert self.arb(web, "perps", **{INTEREST: said(interest("ARB-USDT-SWAP", **more))}).oi_usdt == oi_usdt

    def test_coins_without_a_mark_have_no_worth(self, web):
        """Open interest in coins needs the price."""
        only_coins = {INTEREST: said(interest("ARB-USDT-SWAP", oiUsd=""))}

        assert self.arb(web, "perps", **only_coins, **{MARK: ERROR}).oi_usdt is None

    @pytest.mark.parametrize(
        ("side", "lost"), [(MARK, {"mark": None}), (INDEX, {"index": None}), (INTEREST, {"oi_usdt": None})], ids=["mark", "index", "oi"]
    )
    @pytest.mark.parametrize(
        "reply", [{"status": 500}, {"json": {"code": "51001", "msg": "Instrument ID does not exist"}}, {"body": "<html>"}]
    )
    def test_a_side_answer_that_fails_takes_only_its_own_number(self, web, side, lost, reply):
        """The rest of every perpetual is there."""
        self.serve(web, {address: answer for address, answer in ANSWERS.items() if address != side})
        self._serve(web, side, **reply)
        found = self.asked_anew("perps")

        assert self.of_arb("perps", found) == PERP.model_copy(update=lost)
        assert len(found) == 2

    @pytest.mark.parametrize("side", SIDES)
    @pytest.mark.parametrize(
        ("reply", "kind"),
        [
            ({"status": 429}, VenueBusy),
            ({"json": {"code": "50011", "msg": "Too Many Requests"}}, VenueBusy),
            ({"status": 400, "json": {"code": "50061", "msg": "Too many requests"}}, VenueBusy),
            ({"status": 403}, VenueBlocked),
        ],
    )
    def test_a_refusal_of_a_side_answer_stops_the_call(self, web, side, reply, kind):
        """It concerns every request to OKX, so it is not passed over."""
        self.serve(web, {address: answer for address, answer in ANSWERS.items() if address != side})
        self._serve(web, side, **reply)

        with pytest.raises(kind):
            self.asked_anew("perps")

    def test_without_funding_there_are_no_perpetuals(self, web, venue):
        """The call fails, and the side answers are not asked for."""
        self.serve(web, {address: answer for address, answer in ANSWERS.items() if address != FUNDING})
        with pytest.raises(VenueUnavailable):
            venue.perps(())

        assert not [call for call in web.calls if "funding-rate" not in call.request.url]

    @pytest.mark.parametrize("side", SIDES)
    def test_a_perpetual_is_as_old_as_its_oldest_number(self, web, side):
        """A fresh row of funding makes no older price look young."""
        old = ANSWERS[side]["data"][0 if side == INDEX else 1] | {"ts": str(NOW - 90_000)}

        assert self.arb(web, "perps", **{side: said(old)}).ts_ms == NOW - 90_000

    # ── loans ───────────────────────────────────────────────────────────────────────────────────

    def test_the_loan_rate_is_daily(self, web):
        """0.00043728 a day is 16 % a year; read as hourly it would be 383 %."""
        assert self.lent(web, loans(loan("ARB", rate="0.00043728")))["ARB"].apr_pct == 15.96072

    @pytest.mark.parametrize(
        ("quota", "shortable"), [("10000", True), ("0", False), ("0.0", False), ("", None), ("-1", None), (None, None)]
    )
    def test_a_quota_of_0_is_a_no_and_an_unreadable_one_is_no_yes(self, web, quota, shortable):
        """Only a quota above 0 says that the coin can be borrowed."""
        assert self.lent(web, loans(loan("ARB", quota=quota)))["ARB"].shortable is shortable

    @pytest.mark.parametrize("rate", ["0", "", None, "-0.0004"])
    def test_a_rate_that_is_not_there_is_unknown_not_free(self, web, rate):
        """None, never 0 %."""
        assert self.lent(web, loans(loan("ARB", rate=rate)))["ARB"] == Loan(coin="ARB", shortable=True, limit=10_000)

    def test_a_coin_with_quotas_of_its_own_has_that_of_an_ordinary_account(self, web):
        """For coins of configCcyList, OKX says, the quota in `basic` does not hold: not that of VIPs, nor of delta neutral ones."""
        config = [
            {"ccy": "ARB", "stgyType": "0", "quota": "900000", "level": "VIP 8"},
            {"ccy": "ARB", "stgyType": "1", "quota": "800000", "level": "Lv1"},
            {"ccy": "ARB", "stgyType": "0", "quota": "70", "level": "Lv1"},
            {"ccy": "SOL", "stgyType": "0", "quota": "0", "level": "Lv 1"},
            {"ccy": "OP", "stgyType": "0", "quota": "500", "level": "VIP 1"},
        ]
        own = [{"ccy": coin, "rate": "0.0004"} for coin in ("ARB", "SOL", "OP", "NEW")]
        found = self.lent(web, loans(loan("ARB"), loan("SOL"), loan("OP"), loan("SUI"), configCcyList=own, config=config))

        assert {coin: (loan.shortable, loan.limit) for coin, loan in found.items()} == {
            "ARB": (True, 70),
            "SOL": (False, 0),
            "OP": (None, None),
            "NEW": (None, None),
            "SUI": (True, 10_000),
        }


def test_on_a_whole_exchange():
    """The numbers of ARB and LINK over real HTTP."""
    okx = Okx((stand_in() + "/okx",), SystemClock())
    spots = {quote.symbol: quote.vol24_usdt for quote in okx.spot_quotes()}
    perps = {quote.symbol: quote for quote in okx.perps(())}
    loans = {loan.coin: loan for loan in okx.loans(("ARB",))}
    okx.close()

    assert (spots["ARBUSDT"], spots["LINKUSDT"]) == (1.1e7, 4.5e7)
    assert (perps["ARBUSDT"].rate_pct, perps["ARBUSDT"].interval_hours) == (0.008, 8)
    assert perps["ARBUSDT"].oi_usdt == pytest.approx(1.2e7 * perps["ARBUSDT"].mark, rel=1e-3)
    assert perps["ARBUSDT"].mark == pytest.approx(perps["ARBUSDT"].index, rel=0.02)
    assert (loans["ARB"].shortable, loans["ARB"].apr_pct) == (True, pytest.approx(15.5))
    assert loans["LINK"].apr_pct == pytest.approx(5)
