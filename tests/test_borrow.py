"""One answer about borrowing: YES needs somebody who lends now, NO needs everybody, and n/a is neither."""

import pytest

from radar.borrow import combine
from radar.models import BorrowQuote, Quality

NOW = 1_790_000_000_000


def says(venue, shortable, apr=None, age_sec=60):
    """What an exchange (or the desk) said so long ago; None: it has not answered."""
    fresh, stale = (86_400, 604_800) if venue == "manual" else (3_600, 86_400)
    ts_ms = None if age_sec is None else NOW - age_sec * 1000
    return BorrowQuote(venue=venue, shortable=shortable, apr_pct=apr, ts_ms=ts_ms, fresh_sec=fresh, stale_sec=stale)


def answer(*quotes):
    """(shortable, APR, venue, quality) of them together."""
    found = combine(quotes, NOW)
    return found.shortable, found.apr_pct, found.venue, found.quality


FRESH, STALE, MISSING = Quality.FRESH, Quality.STALE, Quality.MISSING


def test_the_cheapest_lender_counts():
    """Three lend, one does not say at what rate: the lowest APR, by name (BW5)."""
    assert answer(says("bybit", True, 12.0), says("okx", True, 15.5), says("gate", True), says("bitget", True, 18.0)) == (True, 12.0, "bybit", FRESH)


def test_one_yes_is_enough():
    """Bybit says no, OKX lends at 61 %."""
    assert answer(says("bybit", False), says("okx", True, 61.0), says("binance", None)) == (True, 61.0, "okx", FRESH)


def test_no_needs_a_no_from_everybody():
    """It rests on the oldest of the answers."""
    assert answer(says("bybit", False), says("okx", False, age_sec=7200)) == (False, None, None, STALE)


@pytest.mark.parametrize(
    "silent",
    [says("okx", None), says("okx", None, age_sec=None), says("okx", False, age_sec=86_401)],
    ids=["does not say", "has not answered", "said so a day ago"],
)
def test_silence_is_no_no(silent):
    """One that does not say leaves the answer open."""
    assert answer(says("bybit", False), silent) == (None, None, None, MISSING)


def test_nobody_is_nobody():
    """Without any lender nothing is known."""
    assert answer() == (None, None, None, MISSING)


def test_a_lender_without_a_rate_is_a_yes_at_no_price():
    """It can be borrowed; what it costs is unknown."""
    assert answer(says("gate", True), says("bybit", False)) == (True, None, "gate", FRESH)


def test_a_fresh_answer_goes_before_a_cheaper_old_one():
    """Bybit has not answered for two hours."""
    assert answer(says("bybit", True, 5.0, age_sec=7200), says("okx", True, 15.5)) == (True, 15.5, "okx", FRESH)


def test_the_apr_of_a_coin_that_is_not_lent_is_no_apr():
    """A rate beside a No means nothing."""
    assert combine([says("bybit", False, 12.0)], NOW).venues[0].apr_pct is None


@pytest.mark.parametrize(
    ("own_age_sec", "expected"),
    [(30, (True, 5.0, "manual", FRESH)), (60, (True, 5.0, "manual", FRESH)), (61, (True, 12.0, "bybit", FRESH))],
    ids=["newer", "as new", "older"],
)
def test_the_desks_own_apr_counts_while_it_is_the_newest_word(own_age_sec, expected):
    """A cheaper one than the market's gives way to the exchanges' next answer."""
    assert answer(says("manual", True, 5.0, own_age_sec), says("bybit", True, 12.0, 60), says("okx", True, 15.0, 90)) == expected


@pytest.mark.parametrize(("own_age_sec", "expected"), [(86_400, (True, 60.0, "manual", FRESH)), (86_401, (True, 12.0, "bybit", FRESH))])
def test_a_dearer_apr_of_the_desk_counts_for_its_day(own_age_sec, expected):
    """Whoever entered that it costs more than the exchanges say is not overruled by their next poll."""
    assert answer(says("manual", True, 60.0, own_age_sec), says("bybit", True, 12.0, 60)) == expected


def test_an_old_apr_of_the_desk_does_not_hide_what_the_market_asks():
    """Entered in the morning at 10 %; the exchanges ask 61 % now."""
    assert answer(says("manual", True, 10.0, 30_000), says("okx", True, 61.0)) == (True, 61.0, "okx", FRESH)


@pytest.mark.parametrize(("apr", "expected"), [(80.0, (True, 80.0, "okx", STALE)), (12.0, (True, 25.0, "manual", FRESH))])
def test_a_dearer_rate_of_the_market_is_not_forgotten_when_it_is_an_hour_old(apr, expected):
    """It came after the desk's 25 %: a dearer one still stands against it, a cheaper one no longer confirms."""
    assert answer(says("manual", True, 25.0, 70_000), says("okx", True, apr, 4_000)) == expected


@pytest.mark.parametrize("others", [(), (says("bybit", False),), (says("gate", True),), (says("bybit", True, 12.0, 7200),)])
def test_the_desks_own_apr_counts_where_no_exchange_has_a_fresh_rate(others):
    """Its own lender is a lender."""
    assert answer(says("manual", True, 25.0, 30_000), *others) == (True, 25.0, "manual", FRESH)
