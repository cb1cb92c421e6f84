"""One coin on every exchange, in words: what counts, what does not and why, and nothing unknown that reads like a number."""

import pytest

from radar import words
from radar.models import (
    Borrow,
    BorrowQuote,
    BorrowVenue,
    Carry,
    Light,
    PerpVenue,
    Quality,
    Snapshot,
    SpotFacts,
    SpotVenue,
    Stance,
    VenueHealth,
    VenueSheet,
)
from radar.ui import look, venue_cards

NOW = 1_736_160_000_000
NOBODY = Borrow(shortable=None, apr_pct=None, venue=None, quality=Quality.MISSING, venues=())
TRADE = Carry(
    venue="bybit", funding_1h_pct=-0.0398, apr_pct=12.0, costs_pct=0.4, hours=24.0, gain_1h_pct=0.0384, break_even_hours=10.4, net_pct=0.52,
    entry_gain_pct=0.146,
)  # fmt: skip
UNKNOWN_TRADE = Carry(
    venue=None, funding_1h_pct=-0.0398, apr_pct=None, costs_pct=0.4, hours=24.0, gain_1h_pct=None, break_even_hours=None, net_pct=None,
    entry_gain_pct=None,
)  # fmt: skip


def perp(venue, **changes):
    """A fresh perpetual of the same coin."""
    known = {
        "symbol": "MYXUSDT", "mismatch": False, "funding_1h_pct": -0.02, "interval_hours": 8, "next_funding_in_sec": 3600, "basis_pct": -0.1,
        "oi_usdt": 10e6, "age_sec": 4.0, "quality": Quality.FRESH,
    }  # fmt: skip
    return PerpVenue(venue=venue, **known | changes)


def pair(venue, **changes):
    """A spot market whose turnover counts."""
    known = {"listed": True, "symbol": "MYXUSDT", "mismatch": False, "vol24_usdt": 2e6, "counted_usdt": 2e6, "age_sec": 40.0}
    return SpotVenue(venue=venue, **known | changes)


def loan(venue, **changes):
    """A fresh Yes."""
    known = {"shortable": True, "apr_pct": 12.0, "limit": None, "age_sec": 60.0, "quality": Quality.FRESH}
    return BorrowVenue(venue=venue, **known | changes)


def sheet(**changes):
    """MYXUSDT everywhere."""
    known = {
        "symbol": "MYXUSDT", "ts": NOW - 9_000, "perp_dominance_pct": 71.2, "perp_dominance_binance_pct": 86.3, "dominance_is_bound": False, "missing": (),
        "blocked": (), "spot_vol24_usdt": 4e6, "oi_total_usdt": 20e6, "perps": (perp("binance"),), "spot": (pair("binance"),), "borrow": NOBODY,
        "carry": TRADE, "venues": (), "oi_missing": (), "traffic_light": Light.YELLOW, "headline": "Wait",
    }  # fmt: skip
    return VenueSheet(**known | changes)


def snapshot(borrow, *, has_spot=True):
    """A symbol of which only the loan matters here."""
    return Snapshot(
        symbol="MYXUSDT", ts=NOW, age_sec=1.0, borrow=borrow, has_spot=has_spot, spot=SpotFacts(has_spot=has_spot), traffic_light=Light.YELLOW,
        state=Stance.NEUTRAL, headline="Wait", short_allowed=False, rules=(), quality={},
    )  # fmt: skip


def rows(card):
    """Cells of the card's table, by the row's first word."""
    made = next(block for block in card["blocks"] if block["t"] == "table")["rows"]
    cells = [row["cells"] if isinstance(row, dict) else row for row in made]
    return {said(row[0]): row for row in cells}


def said(cell):
    """The text of a cell."""
    return cell if isinstance(cell, str) else cell["v"] if isinstance(cell, dict) else cell[0]


def tag(cell):
    """The small word beside it."""
    return cell.get("tag", "") if isinstance(cell, dict) else ""


def texts(card):
    """The card's sentences."""
    return " ".join(block["v"] for block in card["blocks"] if block["t"] == "text")


# ── perpetuals ──
def test_ours_comes_first_then_the_largest():
    """One row an exchange, and the total."""
    made = venue_cards.perps(sheet(perps=(perp("htx", oi_usdt=1e6), perp("okx", oi_usdt=9e6), perp("binance", oi_usdt=5e6))), NOW)

    assert list(rows(made)) == ["Binance", "OKX", "HTX", "Total"]


def test_a_perpetual_in_words():
    """Funding to four decimals, interval, countdown, basis, one-sided OI with its share, age."""
    row = rows(venue_cards.perps(sheet(), NOW))["Binance"]

    assert [said(cell) for cell in row] == ["Binance", "−0.0200 %/h", "8 h", "n/a", "−0.100 %", "$10.0M", "50.0 %", "4 s"]
    assert row[3]["next"] == NOW + 3_600_000


def test_the_lowest_and_the_highest_funding_are_named():
    """In words, among fresh rows of the same coin."""
    perps = (
        perp("binance"), perp("okx", funding_1h_pct=-0.04), perp("gate", funding_1h_pct=0.01), perp("htx", funding_1h_pct=9.0, mismatch=True),
        perp("mexc", funding_1h_pct=-9.0, quality=Quality.STALE),
    )  # fmt: skip
    found = {name: tag(row[1]) for name, row in rows(venue_cards.perps(sheet(perps=perps), NOW)).items()}

    assert found == {"Binance": "", "OKX": "↓ lowest", "Gate": "↑ highest", "HTX": "", "MEXC": "", "Total": ""}


def test_equal_funding_has_no_extremes():
    """What looks the same is the same."""
    found = rows(venue_cards.perps(sheet(perps=(perp("binance"), perp("okx", funding_1h_pct=-0.020004))), NOW))

    assert {tag(row[1]) for row in found.values()} == {""}


def test_another_coin_is_named_and_has_no_share():
    """A price more than 5 % off."""
    made = venue_cards.perps(sheet(perps=(perp("binance"), perp("htx", mismatch=True))), NOW)

    assert tag(rows(made)["HTX"][0]) == "other coin"
    assert said(rows(made)["HTX"][6]) == words.NA
    assert "Another coin of that name on HTX" in texts(made)


def test_a_stale_perpetual_is_marked_and_has_no_share():
    """With its age."""
    row = rows(venue_cards.perps(sheet(perps=(perp("gate", quality=Quality.STALE, age_sec=380.0),)), NOW))["Gate"]

    assert (tag(row[7]), said(row[7]), said(row[6])) == ("STALE", "6 min", words.NA)


def test_a_missing_perpetual_is_na_throughout():
    """Even where an old number is still about."""
    row = rows(venue_cards.perps(sheet(perps=(perp("gate", quality=Quality.MISSING, age_sec=None),)), NOW))["Gate"]

    assert {said(cell) for cell in row[1:]} == {words.NA}


def test_an_unpublished_basis_is_na():
    """HTX."""
    assert said(rows(venue_cards.perps(sheet(perps=(perp("htx", basis_pct=None),)), NOW))["HTX"][4]) == words.NA


# ── spot ──
@pytest.mark.parametrize(
    ("line", "state"),
    [
        (pair("okx"), "● counts"),
        (pair("okx", counted_usdt=1e6), "▲ capped, 3 × Binance"),
        (pair("okx", mismatch=True, counted_usdt=None), "▲ other coin"),
        (pair("okx", listed=False, vol24_usdt=None, counted_usdt=None), "○ not listed"),
        (pair("okx", listed=None, vol24_usdt=None, counted_usdt=None), "◆ no answer"),
        (pair("gate", counted_usdt=None), "◆ no answer"),
        (pair("gate", counted_usdt=None, note="no fresh answer"), "◆ no fresh answer"),
        (pair("bybit", vol24_usdt=None, counted_usdt=None), "◆ refuses this location"),
        (pair("okx", vol24_usdt=0.0, counted_usdt=None), "○ no turnover"),
        (pair("okx", counted_usdt=None), "○ beyond the top five"),
    ],
)
def test_what_an_exchange_adds_to_spot(line, state):
    """Every reason not to count has its own words."""
    made = venue_cards.spot(sheet(spot=(pair("binance"), line), missing=("gate",), blocked=("bybit",)))

    assert said(rows(made)[words.venue(line.venue)][4]) == state


def test_nothing_counts_while_binance_is_silent():
    """Three times an unknown turnover is unknown."""
    silent = pair("binance", vol24_usdt=None, counted_usdt=None)
    made = rows(venue_cards.spot(sheet(spot=(silent, pair("okx", counted_usdt=None)), missing=("binance",))))

    assert [said(made[name][4]) for name in ("Binance", "OKX")] == ["◆ no answer", "◆ waits for Binance"]


def test_the_aggregate_stands_beside_binance_alone():
    """Both dominances; a bound is marked."""
    assert venue_cards.spot(sheet())["aside"] == "dominance 71.2 % · Binance alone 86.3 %"
    assert venue_cards.spot(sheet(dominance_is_bound=True))["aside"].startswith("dominance ≤ 71.2 %")
    assert venue_cards.spot(sheet(dominance_is_bound=True, perp_dominance_pct=None))["aside"].startswith("dominance n/a")


def test_missing_exchanges_make_a_bound_that_names_them():
    """In one sentence; one that is in no row gets one."""
    made = venue_cards.spot(sheet(dominance_is_bound=True, missing=("okx", "htx")))

    assert "Without OKX and HTX: dominance is an upper bound." in texts(made)
    assert said(rows(made)["HTX"][4]) == "◆ no answer"


def test_an_incomplete_sum_is_at_least_what_is_known():
    """Not n/a: the exchanges that answered are in it."""
    made = venue_cards.spot(sheet(spot=(pair("binance"), pair("okx")), spot_vol24_usdt=None, missing=("gate",)))

    assert said(rows(made)["In the sum"][3]) == "≥ $4.00M"


def test_a_refusal_is_no_bound():
    """It counts as not configured, and says so."""
    made = venue_cards.spot(sheet(blocked=("bybit",)))

    assert "Bybit refuses this location and counts as not configured." in texts(made)
    assert "upper bound" not in texts(made)


# ── loans ──
def test_a_loan_is_yes_no_or_na():
    """An exchange that says nothing says no No."""
    lines = (loan("bybit"), loan("gate", shortable=False, apr_pct=None), loan("binance", shortable=None, apr_pct=None, note="its rate needs a key"))
    best = Borrow(shortable=True, apr_pct=12.0, venue="bybit", quality=Quality.FRESH, venues=lines)
    made = rows(venue_cards.borrow(snapshot(best), None, NOW))

    assert [said(made[name][1]) for name in ("Bybit", "Gate", "Binance")] == ["Yes", "No", words.NA]
    assert [tag(made[name][0]) for name in ("Bybit", "Gate", "Binance")] == ["● counts", "", ""]


@pytest.mark.parametrize(
    ("known", "text"), [({"limit": 800_000.0, "limit_usdt": 249_120.0}, "$249K"), ({"limit": 52e6}, "52.0M coins"), ({}, words.NA)]
)
def test_the_limit_is_in_usdt_where_that_is_known(known, text):
    """Else in coins."""
    borrow = Borrow(shortable=True, apr_pct=12.0, venue="bybit", quality=Quality.FRESH, venues=(loan("bybit", **known),))

    assert said(rows(venue_cards.borrow(snapshot(borrow), None, NOW))["Bybit"][3]) == text


@pytest.mark.parametrize(
    ("venue", "hours", "text"),
    [
        ("manual", 2, "it counts for 24 h, or until an exchange asks more"),
        ("manual", 30, "STALE after 24 h, it unlocks nothing"),
        ("bybit", 2, "the newer answer of Bybit counts instead"),
        (None, 200, "lapsed after 7 days"),
    ],
)
def test_the_manual_apr_says_whether_it_counts(venue, hours, text):
    """Or whose answer does."""
    lines = (loan("bybit"), loan("manual", age_sec=hours * 3600.0))
    borrow = Borrow(shortable=bool(venue) or None, apr_pct=12.0, venue=venue, quality=Quality.FRESH, venues=lines)
    manual = BorrowQuote(venue="manual", shortable=True, apr_pct=20.0, ts_ms=NOW - hours * 3_600_000, fresh_sec=86_400, stale_sec=604_800)

    assert text in texts(venue_cards.borrow(snapshot(borrow), manual, NOW))


def test_no_confirmed_loan_locks_green():
    """And says that n/a is not a No."""
    assert "n/a is not a No" in texts(venue_cards.borrow(snapshot(NOBODY), None, NOW))


# ── the basis trade ──
def told(card):
    """The card's pairs."""
    return {name: text for name, text, _ in next(block for block in card["blocks"] if block["t"] == "pairs")["rows"]}


def test_the_basis_trade_adds_up_in_words():
    """Received funding, borrow per hour, gain, break-even, net."""
    assert told(venue_cards.carry(sheet())) == {
        "Funding received": "+0.0398 %/h", "Borrow 12.0 % a year (Bybit)": "−0.0014 %/h", "Largest loan there": words.NA,
        "Gain per hour": "+0.0384 %/h", "Assumed costs, all four legs": "0.40 %", "Break-even after": "10.4 h", "Net after 24 h": "+0.52 %",
        "If the basis closes, on top": "+0.146 %",
    }  # fmt: skip


def test_the_trade_is_no_larger_than_the_loan():
    """What the exchange of the loan lends at most."""
    lent = NOBODY.model_copy(update={"venues": (loan("okx", limit_usdt=9e6), loan("bybit", limit_usdt=3110.0))})

    made = venue_cards.carry(sheet(borrow=lent))

    assert told(made)["Largest loan there"] == "$3.11K"
    assert made["aside"] == "net +0.52 % in 24 h, $3.11K at most"


def test_a_losing_trade_never_breaks_even():
    """Never is not unknown."""
    losing = TRADE.model_copy(update={"gain_1h_pct": -0.01, "break_even_hours": None, "net_pct": -0.64})

    assert told(venue_cards.carry(sheet(carry=losing)))["Break-even after"] == "never"


def test_an_unknown_apr_leaves_the_gain_unknown():
    """And says what is lacking."""
    made = venue_cards.carry(sheet(carry=UNKNOWN_TRADE))

    assert (told(made)["Gain per hour"], told(made)["Break-even after"], told(made)["Net after 24 h"]) == (words.NA,) * 3
    assert "No borrow APR is known" in texts(made)


def test_the_trade_names_its_risks():
    """And that convergence is not counted."""
    said_ = texts(venue_cards.carry(sheet()))

    assert all(risk in said_ for risk in ("not counted", "recall", "jump of its APR", "margin", "interval", "delisting"))


def test_old_inputs_make_no_trade():
    """A stale funding or loan is said in the card itself."""
    late = NOBODY.model_copy(update={"shortable": True, "quality": Quality.STALE})

    assert "STALE funding and borrow" in texts(venue_cards.carry(sheet(perps=(perp("binance", quality=Quality.STALE),), borrow=late)))
    assert "STALE" not in texts(venue_cards.carry(sheet()))


def test_a_known_no_is_no_trade():
    """Said in place of a gain."""
    refused = NOBODY.model_copy(update={"shortable": False, "quality": Quality.FRESH})

    assert "cannot be borrowed" in texts(venue_cards.carry(sheet(borrow=refused, carry=UNKNOWN_TRADE)))


# ── how the exchanges are doing ──
STATES = ("ok", "slow", "down", "busy", "blocked", "new")
HEALTH = tuple(
    VenueHealth(venue=name, state=state, latency_ms=88.0, last_ok_ms=NOW - 4000, sentence="<b>why</b>")
    for name, state in zip(("binance", "okx", "gate", "mexc", "bybit", "htx"), STATES, strict=True)
)


def test_every_state_of_an_exchange_has_a_word():
    """A word and a shape, latency, the last answer, and its sentence as it came."""
    made = venue_cards.health(HEALTH, NOW)
    states = [said(row[1]) for row in rows(made).values()]

    assert states == ["● REACHABLE", "▲ SLOW", "▲ DOWN", "▲ PAUSED", "◆ REFUSES THIS LOCATION", "○ NOT ASKED YET"]
    assert rows(made)["OKX"][2:] == ["88 ms", "4 s"]
    assert made["blocks"][0]["rows"][0]["note"] == "<b>why</b>"


def test_an_exchange_that_never_answered():
    """Latency and last answer are n/a."""
    unread = VenueHealth(venue="htx", state="new", latency_ms=None, last_ok_ms=None)

    assert rows(venue_cards.health((unread,), NOW))["HTX"][2:] == [words.NA, words.NA]


def test_the_header_counts_and_names():
    """How many answer, and who does not."""
    assert look.answering(HEALTH) == "2/6"
    assert look.venue_notes(HEALTH) == ["Gate down", "MEXC paused", "Bybit refused here", "1 starting"]


def test_a_total_that_lacks_an_exchange_says_so():
    """At least so much, and no shares of it."""
    found = venue_cards.perps(sheet(oi_missing=("okx",)), NOW)

    assert found["aside"].startswith("OI ≥ ")
    assert "The total lacks OKX." in texts(found)
    assert words.NA in [str(cell) for cell in rows(found)["Binance"]]


@pytest.mark.parametrize("light", [Light.RED, Light.UNKNOWN])
def test_a_gain_on_a_forbidden_coin_is_no_permission(light):
    """The light's sentence stands beside it."""
    found = venue_cards.carry(sheet(traffic_light=light, headline="No short: R1, R4"))

    assert "No short: R1, R4" in texts(found)
