"""Where the coin trades spot, what counts of it, and when that is not known: a false low dominance is a false GREEN."""

import pytest

from radar.models import SpotLine
from radar.spot import spot_facts, spot_map

NOW = 1_790_000_000_000


def line(venue, usdt=1e6, age_sec=0, *, listed=True, agrees=True, listed_age_sec=0):
    """One exchange's spot market of the coin, read so long ago."""
    return SpotLine(
        venue=venue,
        listed=listed,
        listed_ms=NOW - listed_age_sec * 1000,
        symbol="ARBUSDT" if listed else None,
        agrees=agrees if listed else None,
        agreed_ms=NOW - min(age_sec, 60) * 1000 if listed and agrees else None,
        vol24_usdt=usdt if listed else None,
        ts_ms=NOW - age_sec * 1000,
    )


def judged(*lines, blocked=()):
    """(facts, volume) of these exchanges now."""
    return spot_facts(lines, blocked=blocked, now_ms=NOW)


# ── which market is the coin's ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("perp", "listed", "found"),
    [
        ("ARBUSDT", {"ARBUSDT"}, ("ARBUSDT", 1)),
        ("1000PEPEUSDT", {"PEPEUSDT"}, ("PEPEUSDT", 1000)),
        ("PEPEUSDT", {"1000PEPEUSDT"}, ("1000PEPEUSDT", 0.001)),
        ("1000SHIBUSDT", {"SHIB1000USDT"}, ("SHIB1000USDT", 1)),
        ("1000CATUSDT", {"10000CATUSDT"}, ("10000CATUSDT", 0.1)),
        ("1MBABYDOGEUSDT", {"BABYDOGEUSDT"}, ("BABYDOGEUSDT", 1e6)),
        ("1000SATSUSDT", {"1000SATSUSDT", "SATSUSDT"}, ("1000SATSUSDT", 1)),
        ("1INCHUSDT", {"INCHUSDT"}, None),
        ("INCHUSDT", {"1INCHUSDT"}, None),
        ("LUNA2USDT", {"LUNAUSDT"}, ("LUNAUSDT", 1)),
    ],
)
def test_packs_of_a_coin_are_found_both_ways(perp, listed, found):
    """A contract of a thousand coins finds the coin, and a coin finds a market of a thousand; a digit of a name is no pack."""
    match = spot_map(perp, listed)

    assert (match and (match.symbol, match.multiplier)) == found


# ── how much counts ─────────────────────────────────────────────────────────────────────────────


def test_the_five_largest_count():
    """Seven exchanges with 10 to 4 million: the two smallest add nothing, and are told so."""
    names = ("binance", "bybit", "okx", "gate", "bitget", "mexc", "htx")
    facts, volume = judged(*(line(name, (10 - i) * 1e6) for i, name in enumerate(names)))

    assert (volume.usdt, volume.missing) == (40e6, ())
    assert [entry.counted_usdt is None for entry in facts.lines] == [False] * 5 + [True] * 2


def test_nobody_counts_for_more_than_three_times_binance():
    """A wash-traded market elsewhere cannot bring dominance down (DM5)."""
    facts, volume = judged(line("binance", 1e6), line("mexc", 900e6))

    assert volume.usdt == 4e6
    assert [entry.counted_usdt for entry in facts.lines] == [1e6, 3e6]


def test_where_binance_lists_no_pair_nothing_limits_the_others():
    """The cap is a multiple of a market that exists."""
    assert judged(line("binance", listed=False), line("mexc", 9e6))[1].usdt == 9e6


@pytest.mark.parametrize(
    "home",
    [
        line("binance", None),
        line("binance", 1e6, age_sec=901),
        line("binance", 1e6, agrees=None),
        line("binance", 1e6, agrees=False),
        SpotLine(venue="binance"),
        SpotLine(venue="binance", listed=True, agrees=True, vol24_usdt=1e6),
    ],
    ids=["no turnover", "a quarter of an hour old", "price unknown", "price far off", "listing unknown", "no time"],
)
def test_nothing_elsewhere_counts_while_binances_own_is_unknown(home):
    """Without its measure a volume elsewhere may be anything: dominance is then bounded by 100 %."""
    _, volume = judged(home, line("mexc", 900e6))

    assert (volume.usdt, volume.missing) == (0, ("binance",))


def test_without_binances_spot_dominance_is_a_bound():
    """Switched off, nobody knows what others may count for."""
    _, volume = judged(line("mexc", 900e6), line("gate", 1e6))

    assert (volume.usdt, volume.missing) == (0, ("binance",))


def test_a_price_nobody_has_checked_for_a_quarter_of_an_hour_vouches_for_no_volume():
    """The turnover keeps coming, the price does not: perhaps it is another coin by now."""
    checked = line("gate", 2e6).model_copy(update={"agreed_ms": NOW - 901_000})

    assert judged(line("binance", 4e6), checked)[1].missing == ("gate",)


def test_a_binance_volume_that_just_went_stale_still_limits_the_others():
    """It leaves the sum, which becomes a bound, but the cap stands on it for a quarter of an hour."""
    _, volume = judged(line("binance", 1e6, age_sec=151), line("mexc", 900e6))

    assert (volume.usdt, volume.missing) == (3e6, ("binance",))


def test_a_market_that_trades_nothing_limits_the_others_to_nothing():
    """Three times nothing."""
    assert judged(line("binance", 0.0), line("mexc", 5e6))[1].usdt == 0


@pytest.mark.parametrize(("age_sec", "missing"), [(150, ()), (151, ("okx",))])
def test_a_volume_counts_while_it_is_fresh(age_sec, missing):
    """After two and a half minutes it leaves the sum, and the sum is incomplete."""
    _, volume = judged(line("binance", 4e6), line("okx", 2e6, age_sec=age_sec))

    assert (volume.usdt, volume.missing) == (4e6 if missing else 6e6, missing)


@pytest.mark.parametrize(
    "other",
    [line("gate", agrees=False), line("gate", listed=False), line("gate", listed=False, age_sec=9_000)],
    ids=["another coin", "not listed", "not listed, as of its last answer"],
)
def test_what_is_known_to_add_nothing_is_not_missing(other):
    """A coin of the same name, or a market that is not there, leaves no gap."""
    _, volume = judged(line("binance", 4e6), other)

    assert (volume.usdt, volume.missing) == (4e6, ())


@pytest.mark.parametrize("other", [line("gate", None), line("gate", agrees=None), SpotLine(venue="gate")], ids=["no turnover", "no price", "no answer"])
def test_what_nobody_knows_is_missing(other):
    """Unknown is never nothing."""
    assert judged(line("binance", 4e6), other)[1].missing == ("gate",)


# ── is there a spot market ──────────────────────────────────────────────────────────────────────

NOT_HERE = line("binance", listed=False, listed_age_sec=5)


@pytest.mark.parametrize(
    ("lines", "has_spot", "note"),
    [
        ((NOT_HERE, line("gate")), True, ""),
        ((NOT_HERE, line("gate", listed=False)), False, ""),
        ((NOT_HERE, SpotLine(venue="gate")), None, "spot listing unknown (no answer from Gate)"),
        ((NOT_HERE, line("gate", agrees=False)), None, "mapping mismatch: the spot price on Gate is more than 5 % off the index"),
        ((NOT_HERE, line("gate", agrees=None)), None, "spot price not read yet"),
        ((), None, "spot is switched off; spot listing unknown"),
    ],
    ids=["one lists it", "nobody does", "one is silent", "one lists another coin", "one has no price", "no exchange"],
)
def test_a_spot_market_is_there_when_one_lists_the_coin_and_absent_when_all_say_so(lines, has_spot, note):
    """Anything between is unknown, with its reason (DM2, DM4, DM6)."""
    facts, _ = judged(*lines)

    assert (facts.has_spot, facts.note) == (has_spot, note)


def test_an_absence_is_as_old_as_the_oldest_list_that_says_so():
    """And a presence as young as the youngest."""
    absent = judged(line("binance", listed=False, listed_age_sec=9), line("gate", listed=False, listed_age_sec=5))[0]
    present = judged(line("binance", listed_age_sec=9), line("gate", listed_age_sec=5))[0]

    assert (absent.listed_ms, present.listed_ms) == (NOW - 9_000, NOW - 5_000)


# ── exchanges that refuse this location ─────────────────────────────────────────────────────────


def test_an_exchange_that_refuses_this_location_counts_as_not_configured():
    """No gap in the sum, no doubt about the listing; it is named."""
    facts, volume = judged(line("binance", 4e6), SpotLine(venue="bybit"), blocked=("bybit",))

    assert (volume.usdt, volume.missing) == (4e6, ())
    assert (facts.venues, facts.blocked, facts.has_spot) == (("binance",), ("bybit",), True)


@pytest.mark.parametrize(("age_sec", "usdt"), [(60, 6e6), (151, 4e6)])
def test_what_it_said_a_moment_ago_still_counts(age_sec, usdt):
    """Its last volume leaves the sum when it is no longer fresh, not at the first refusal."""
    _, volume = judged(line("binance", 4e6), line("bybit", 2e6, age_sec=age_sec), blocked=("bybit",))

    assert (volume.usdt, volume.missing) == (usdt, ())
