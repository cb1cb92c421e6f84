"""Gate: seconds, contracts, and a Yes without a rate."""

import pytest

from radar.clock import SystemClock
from radar.errors import VenueBlocked, VenueBusy, VenueUnavailable
from radar.models import Loan, PerpQuote, SpotQuote
from radar.venues.gate import Gate
from tests.stand_in import stand_in
from tests.venues.second_contract import NEXT, SecondVenueContract

SPOT = "/api/v4/spot/tickers"
CONTRACTS = "/api/v4/futures/usdt/contracts"
SIZES = "/api/v4/futures/usdt/tickers"
LOANS = "/api/v4/unified/currencies"


def spot(name, turnover="6000000"):
    """A row of spot tickers; base_volume is coins."""
    return {
        "currency_pair": name,
        "last": "0.41",
        "base_volume": "14634146",
        "quote_volume": turnover,
        "high_24h": "0.43",
        "low_24h": "0.4",
    }


def contract(name, **more):
    """A row of contracts, ten coins each; times in seconds."""
    row = {
        "name": name,
        "type": "direct",
        "quanto_multiplier": "10",
        "mark_price": "0.4123",
        "index_price": "0.4118",
        "last_price": "0.4125",
    }
    row |= {"funding_rate": "0.00007", "funding_rate_indicative": "0.0009", "funding_interval": 28800, "funding_next_apply": NEXT // 1000}
    return row | {"in_delisting": False, "position_size": 5223816, "trade_size": 28530850594} | more


def size(name, contracts="500000"):
    """A row of futures tickers; volumes of several units, and the number of contracts."""
    return {"contract": name, "last": "0.4125", "total_size": contracts, "volume_24h": "184040233284", "volume_24h_quote": "28613220"}


def lent(coin, status="enable", **more):
    """A row of what is lent; the least in coins, both limits in USDT."""
    row = {"name": coin, "prec": "0.01", "min_borrow_amount": "25", "user_max_borrow_amount": "60000", "total_max_borrow_amount": "900000"}
    return row | {"loan_status": status} | more


ANSWERS = {
    SPOT: [spot("ARB_BTC", "9.2"), spot("ARB_USDT"), spot("ARB_USDC", "70000"), spot("SOL_USDT", "800000000")],
    CONTRACTS: [contract("ARB_USDT"), contract("SOL_USDT", mark_price="160", index_price="160.1"), contract("ARB_USD")],
    SIZES: [size("ARB_USDT"), size("SOL_USDT"), size("ARB_USD", "7")],
    LOANS: [lent("USDT"), lent("ARB"), lent("SIREN", "disable")],
}
ERROR = {"label": "SERVER_ERROR", "message": "server is busy"}
PERP = PerpQuote(
    symbol="ARBUSDT",
    ts_ms=None,
    mark=0.4123,
    index=0.4118,
    last=0.4125,
    rate_pct=0.007,
    interval_hours=8,
    next_funding_ms=NEXT,
    oi_usdt=500_000 * 10 * 0.4123,
)


class TestGate(SecondVenueContract):
    """The promises of every exchange, and Gate's own traps."""

    adapter = Gate
    answers = ANSWERS
    error = ERROR
    spot = SpotQuote(symbol="ARBUSDT", ts_ms=None, last=0.41, vol24_usdt=6_000_000)
    perp = PERP
    loan = Loan(coin="ARB", shortable=True, limit_usdt=60_000)

    def arb(self, web, question, **answers):
        """ARB's row when one answer is another."""
        self.serve(web, ANSWERS | answers)
        return self.of_arb(question, self.asked_anew(question))

    # ── spot ────────────────────────────────────────────────────────────────────────────────────

    def test_of_two_rows_with_one_name_the_first_counts(self, web):
        """Volume is not added up, nor is the larger one taken."""
        assert self.arb(web, "spot_quotes", **{SPOT: [spot("ARB_USDT"), spot("ARB_USDT", "50000000")]}) == self.spot

    # ── perpetuals ──────────────────────────────────────────────────────────────────────────────

    @pytest.mark.parametrize(
        ("seconds", "hours"),
        [(3600, 1), ("14400", 4), (28800, 8), (86400, 24), (90000, None), (5400, None), (8, None), (0, None), (28800000, None)],
    )
    def test_the_interval_is_seconds(self, web, seconds, hours):
        """28800 is eight hours; what is no whole number of hours from 1 to 24 is unknown."""
        assert self.arb(web, "perps", **{CONTRACTS: [contract("ARB_USDT", funding_interval=seconds)]}).interval_hours == hours

    @pytest.mark.parametrize(("moment", "ms"), [(NEXT // 1000, NEXT), (0, None), (NEXT, None), ("", None)])
    def test_the_settlement_is_seconds(self, web, moment, ms):
        """Our moments are milliseconds; one that was milliseconds already is not believed."""
        assert self.arb(web, "perps", **{CONTRACTS: [contract("ARB_USDT", funding_next_apply=moment)]}).next_funding_ms == ms

    @pytest.mark.parametrize(
        ("multiplier", "contracts", "oi_usdt"),
        [
            ("10", "500000", 2_061_500),
            ("0.0001", "500000", 20.615),
            ("0", "500000", None),
            ("", "500000", None),
            ("10", "", None),
            ("10", "0", 0),
        ],
    )
    def test_open_interest_is_contracts_of_so_many_coins(self, web, multiplier, contracts, oi_usdt):
        """A multiplier of 0 is a contract of another kind: unknown, neither 0 nor the number of contracts."""
        answers = {CONTRACTS: [contract("ARB_USDT", quanto_multiplier=multiplier)], SIZES: [size("ARB_USDT", contracts)]}

        assert self.arb(web, "perps", **answers).oi_usdt == (None if oi_usdt is None else pytest.approx(oi_usdt))

    def test_a_contract_that_ends_is_left_out(self, web):
        """Its rate and its open interest say nothing about the coin any more."""
        self.serve(web, ANSWERS | {CONTRACTS: [contract("OLD_USDT", in_delisting=True), contract("ARB_USDT")]})

        assert self.asked_anew("perps") == [PERP]

    @pytest.mark.parametrize(
        "reply", [{"status": 500}, {"status": 400, "json": {"label": "INVALID_PARAM_VALUE", "message": "?"}}, {"json": {}}]
    )
    def test_without_sizes_only_open_interest_is_unknown(self, web, reply):
        """The rest of every perpetual is there."""
        self.serve(web, {CONTRACTS: ANSWERS[CONTRACTS]})
        self._serve(web, SIZES, **reply)
        found = self.asked_anew("perps")

        assert self.of_arb("perps", found) == PERP.model_copy(update={"oi_usdt": None})
        assert len(found) == 2

    @pytest.mark.parametrize(
        ("reply", "kind"),
        [
            ({"status": 429}, VenueBusy),
            ({"status": 400, "json": {"label": "TOO_MANY_REQUESTS", "message": "Request Rate Limit Exceeded"}}, VenueBusy),
            ({"status": 403, "json": {"label": "FORBIDDEN", "message": "?"}}, VenueBlocked),
        ],
    )
    def test_a_refusal_of_the_sizes_stops_the_call(self, web, reply, kind):
        """It concerns every request to Gate, so it is not passed over."""
        self.serve(web, {CONTRACTS: ANSWERS[CONTRACTS]})
        self._serve(web, SIZES, **reply)

        with pytest.raises(kind):
            self.asked_anew("perps")

    def test_without_contracts_there_are_no_perpetuals(self, web):
        """Sizes alone are no market."""
        self.serve(web, {SIZES: ANSWERS[SIZES]})

        with pytest.raises(VenueUnavailable):
            self.asked_anew("perps")

    # ── loans ───────────────────────────────────────────────────────────────────────────────────

    @pytest.mark.parametrize(
        ("row", "shortable", "limit_usdt"),
        [
            (lent("ARB"), True, 60_000),
            (lent("ARB", "disable"), False, 60_000),
            (lent("ARB", "paused"), None, 60_000),
            (lent("ARB", None), None, 60_000),
            (lent("ARB", user_max_borrow_amount="0"), False, 0),
            (lent("ARB", total_max_borrow_amount="0"), False, 60_000),
            (lent("ARB", user_max_borrow_amount=""), True, None),
        ],
    )
    def test_only_a_clear_status_and_a_limit_say_yes(self, web, row, shortable, limit_usdt):
        """A status that is not understood says nothing; where nothing may be borrowed, the answer is No."""
        assert self.arb(web, "loans", **{LOANS: [row]}) == Loan(coin="ARB", shortable=shortable, limit_usdt=limit_usdt)

    def test_the_limit_is_never_taken_for_coins_nor_a_rate_made_up(self, web):
        """Gate says USDT, and publishes no rate of known unit."""
        found = self.arb(web, "loans", **{LOANS: [lent("ARB", rate="0.0001")]})

        assert (found.limit, found.apr_pct) == (None, None)


def test_on_a_whole_exchange():
    """The numbers of ARB over real HTTP."""
    gate = Gate((stand_in() + "/gate",), SystemClock())
    spots = {quote.symbol: quote.vol24_usdt for quote in gate.spot_quotes()}
    loans = {loan.coin: loan.shortable for loan in gate.loans(("ARB",))}
    gate.close()

    assert spots["ARBUSDT"] == 6e6
    assert (loans["ARB"], loans["SIREN"]) == (True, False)
