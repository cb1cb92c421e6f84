"""What another exchange's answers mean for one of our contracts: whose coin it is, in whose units, and how old."""

import pytest

from radar.abroad import Told, Verdict, heard, is_part, judged, loan_quote, names_there, perp_line, present_only, spot_line
from radar.borrow import combine
from radar.models import Loan, PerpQuote, Quality, SpotQuote

NOW = 1_790_000_000_000
SHIB = Verdict(of_ms=NOW, name="SHIBUSDT", agrees=True, agreed_ms=NOW)
ARB = Verdict(of_ms=NOW, name="ARBUSDT", agrees=True, agreed_ms=NOW)


def quotes(*rows):
    """An exchange that just told these spot pairs: (symbol, price, turnover, age in seconds or None)."""
    found = [SpotQuote(symbol=s, ts_ms=None if age is None else NOW - age * 1000, last=p, vol24_usdt=v) for s, p, v, age in rows]
    return heard(Told(), "spot", found, NOW)


def lent(**loans):
    """An exchange that just told these loans, by coin."""
    return heard(Told(), "loans", [Loan(coin=coin, **said) for coin, said in loans.items()], NOW)


# ── spot ──


def test_a_thousand_of_a_coin_is_the_coin_at_a_thousandth():
    """1000SHIBUSDT at 0.0123 is SHIBUSDT at 0.0000123."""
    told = quotes(("SHIBUSDT", 0.0000123, 5e6, None))
    line = spot_line("okx", told, "1000SHIBUSDT", judged(told, "1000SHIBUSDT", 0.0123, Verdict()), NOW)

    assert (line.listed, line.symbol, line.multiplier, line.agrees, line.vol24_usdt) == (True, "SHIBUSDT", 1000, True, 5e6)


@pytest.mark.parametrize(("age_sec", "usdt"), [(0, 5e6), (900, 5e6), (901, None), (-6, "gone")])
def test_a_row_that_stands_still_for_a_quarter_of_an_hour_says_nothing(age_sec, usdt):
    """Its turnover is unknown, though the answer is new; a row from the future is no row."""
    line = spot_line("okx", quotes(("ARBUSDT", 0.4, 5e6, age_sec), ("BTCUSDT", 1e5, 1e9, 0)), "ARBUSDT", ARB, NOW)

    assert (line.vol24_usdt if line.listed else "gone") == usdt


@pytest.mark.parametrize(("age_ms", "listed"), [(259_200_000, False), (259_201_000, None)])
def test_a_list_nobody_renewed_for_three_days_says_nothing(age_ms, listed):
    """Until then an absence is an absence."""
    told = quotes(("BTCUSDT", 1e5, 1e9, None))

    assert spot_line("okx", told, "ARBUSDT", Verdict(), NOW + age_ms).listed is listed


# ── loans ──


def test_a_limit_in_coins_is_told_in_usdt_too():
    """Five million SHIB are worth 61.5 USDT, by our index of a thousand."""
    quote = loan_quote("okx", lent(SHIB={"shortable": True, "apr_pct": 9.0, "limit": 5e6}), "1000SHIBUSDT", SHIB, 0.0123)

    assert (quote.shortable, quote.apr_pct, quote.limit) == (True, 9.0, 5e6)
    assert quote.limit_usdt == pytest.approx(61.5)


def test_a_limit_in_usdt_stays_what_it_is():
    """Gate says it that way."""
    quote = loan_quote("gate", lent(SHIB={"shortable": True, "limit_usdt": 10_000.0}), "1000SHIBUSDT", SHIB, 0.0123)

    assert (quote.limit, quote.limit_usdt) == (None, 10_000)


def test_a_coin_that_is_not_in_the_list_is_a_known_no():
    """And an exchange that has not told its list yet says nothing."""
    known = loan_quote("okx", lent(BTC={"shortable": True}), "1000SHIBUSDT", SHIB, 0.0123)
    silent = loan_quote("okx", Told(), "1000SHIBUSDT", SHIB, 0.0123)

    assert (known.shortable, silent.shortable, silent.ts_ms) == (False, None, None)


@pytest.mark.parametrize(
    ("verdict", "shortable"),
    [
        (SHIB, True),
        (SHIB._replace(agrees=False, agreed_ms=None), None),
        (SHIB._replace(agrees=None, agreed_ms=None), None),
        (SHIB._replace(name="1000SHIBUSDT"), None),
        (Verdict(), None),
    ],
    ids=["our coin", "another coin", "price unknown", "another market than the loan's", "no market"],
)
def test_a_yes_needs_a_spot_market_of_that_name_at_our_price(verdict, shortable):
    """A loan list carries no prices: without one nobody knows whose coin it is."""
    assert loan_quote("okx", lent(SHIB={"shortable": True, "apr_pct": 9.0}), "1000SHIBUSDT", verdict, 0.0123).shortable is shortable


@pytest.mark.parametrize("verdict", [SHIB, Verdict()])
def test_a_no_needs_no_proof(verdict):
    """Whoever does not lend that name does not lend our coin."""
    assert loan_quote("okx", lent(SHIB={"shortable": False}), "1000SHIBUSDT", verdict, 0.0123).shortable is False


def test_a_yes_is_as_old_as_the_price_that_vouches_for_it():
    """The loan list is new, the last price that agreed is fifty minutes old."""
    quote = loan_quote("okx", lent(SHIB={"shortable": True, "apr_pct": 9.0}), "1000SHIBUSDT", SHIB._replace(agreed_ms=NOW - 3_000_000), 0.0123)

    assert quote.ts_ms == NOW - 3_000_000


@pytest.mark.parametrize("agrees", [False, None], ids=["its price is off", "its market is gone"])
def test_a_price_that_wanders_off_makes_the_yes_stale_and_not_unknown(agrees):
    """In a dislocation the rate still counts against the short, and confirms nothing."""
    borrow = combine([loan_quote("okx", lent(SHIB={"shortable": True, "apr_pct": 61.0}), "1000SHIBUSDT", SHIB._replace(agrees=agrees), 0.0123)], NOW)

    assert (borrow.shortable, borrow.apr_pct, borrow.quality) == (True, 61.0, Quality.STALE)


def test_a_rate_that_is_older_than_its_answer_says_so():
    """Asked coin by coin, one may not have been renewed."""
    assert loan_quote("bitget", lent(SHIB={"shortable": True, "late_sec": 700.0}), "1000SHIBUSDT", SHIB, 0.0123).ts_ms == NOW - 700_000


# ── answers ──


NOTHING = Told()


def told_at(ts_ms, rows, before=NOTHING, now_ms=NOW):
    """An exchange that tells these (symbol, turnover) with that time of its own, None for none."""
    return heard(before, "spot", [SpotQuote(symbol=name, ts_ms=ts_ms, last=1.0, vol24_usdt=usdt) for name, usdt in rows], now_ms)


def test_an_answer_is_as_old_as_its_newest_row_says():
    """A cached one is not new because it arrives now."""
    assert told_at(NOW - 840_000, [("ARBUSDT", 1e6)]).spot_ms == NOW - 840_000


def test_an_answer_that_repeats_the_one_before_is_no_news():
    """Without a time of its own, only change proves that a feed is alive."""
    first = told_at(None, [("ARBUSDT", 1e6), ("BTCUSDT", 1e9)])
    frozen = told_at(None, [("ARBUSDT", 1e6), ("BTCUSDT", 1e9)], first, NOW + 60_000)
    alive = told_at(None, [("ARBUSDT", 1e6), ("BTCUSDT", 2e9)], first, NOW + 60_000)

    assert (frozen.spot_ms, alive.spot_ms) == (NOW, NOW + 60_000)


def test_the_first_of_two_rows_of_one_coin_counts():
    """Whatever a second one says."""
    twice = heard(Told(), "loans", [Loan(coin="ARB", shortable=True, apr_pct=61.0), Loan(coin="ARB", shortable=True, apr_pct=17.0)], NOW)

    assert twice.loans["ARBUSDT"].apr_pct == 61


@pytest.mark.parametrize(("rows", "short"), [(3, True), (5, False), (10, False)])
def test_an_answer_that_lost_more_than_half_its_rows_is_suspect(rows, short):
    """What is missing from a part of a list is not missing from the exchange."""
    names = [f"C{i}USDT" for i in range(10)]
    before = told_at(None, [(name, 1.0) for name in names])

    assert is_part(before, told_at(None, [(name, 2.0) for name in names[:rows]], before), "spot", names[:rows]) is short


def test_an_answer_from_the_future_is_no_answer():
    """Its rows do not count, and that none is left does not mean that nothing is listed."""
    rows = [("ARBUSDT", 1e6), ("BTCUSDT", 1e9)]

    assert is_part(NOTHING, told_at(NOW + 6_000, rows), "spot", rows)


def test_an_answer_stamped_by_a_wrong_clock_does_not_come_alive_later():
    """An hour ahead now, it would be fresh in an hour."""
    told = present_only(told_at(None, [("ARBUSDT", 1e6)], now_ms=NOW + 3_600_000), NOW)

    assert told.spot_ms is None


def test_a_verdict_stands_while_no_price_comes_and_keeps_its_time():
    """And a market of another name starts anew."""
    first = judged(told_at(None, [("ARBUSDT", 1e6)]), "ARBUSDT", 1.0, Verdict())
    later = heard(Told(), "spot", [SpotQuote(symbol="ARBUSDT", ts_ms=None, last=None, vol24_usdt=1e6)], NOW + 60_000)
    renamed = told_at(None, [("1000ARBUSDT", 1e6)], now_ms=NOW + 60_000)

    assert first == Verdict(NOW, "ARBUSDT", True, NOW)
    assert judged(later, "ARBUSDT", 1.0, first) == Verdict(NOW + 60_000, "ARBUSDT", True, NOW)
    assert judged(renamed, "ARBUSDT", 1.0, first) == Verdict(NOW + 60_000, "1000ARBUSDT", False, None)


# ── perpetuals ──


def perp(**fields):
    """An exchange that just told one perpetual."""
    return heard(Told(), "perps", [PerpQuote(**{"symbol": "ARBUSDT", "ts_ms": NOW - 5_000} | fields)], NOW)


def test_funding_is_told_by_the_hour_and_only_where_the_interval_is_known():
    """−0.8 % for eight hours is −0.1 %/h; without an interval it is unknown, never taken for an hour's."""
    known = perp_line("bybit", perp(rate_pct=-0.8, interval_hours=8, index=0.4), "ARBUSDT", 0.4, 0.4)
    unknown = perp_line("bybit", perp(rate_pct=-0.8, index=0.4), "ARBUSDT", 0.4, 0.4)

    assert (known.funding_1h_pct, unknown.funding_1h_pct) == (pytest.approx(-0.1), None)


@pytest.mark.parametrize(
    ("fields", "agrees"),
    [
        ({"index": 0.41}, True),
        ({"index": 0.44, "mark": 0.33}, False),
        ({"last": 0.334}, True),
        ({"last": 0.40}, True),
        ({"last": 0.55}, False),
        ({}, None),
    ],
    ids=["index near ours", "index off", "price near our mark", "price near our index", "price off", "no price"],
)
def test_the_same_coin_by_its_index_or_else_by_its_price(fields, agrees):
    """Our mark lies 17 % under our index: a price there may be near either."""
    assert perp_line("htx", perp(**fields), "ARBUSDT", 0.40, 0.332).agrees is agrees


def test_the_age_is_that_of_the_row_and_never_less_than_the_answers():
    """A row that says no time is as old as the answer."""
    assert perp_line("okx", perp(), "ARBUSDT", 0.4, 0.4).ts_ms == NOW - 5_000
    assert perp_line("gate", perp(ts_ms=None), "ARBUSDT", 0.4, 0.4).ts_ms == NOW
    assert perp_line("okx", perp(ts_ms=NOW + 4_000), "ARBUSDT", 0.4, 0.4).ts_ms == NOW


def test_the_names_to_ask_for_cover_packs_both_ways():
    """As markets and as coins."""
    assert {"SHIBUSDT", "1000SHIBUSDT", "SHIB1000USDT"} <= names_there(["1000SHIBUSDT"])
    assert {"SHIB", "1000SHIB"} <= names_there(["1000SHIBUSDT"], coins=True)
