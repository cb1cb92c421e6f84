"""One symbol in memory: samples become minutes, answers become an observation, and doubt stays doubt."""

import numpy as np
import pytest

from radar.assess import assess
from radar.cadence import cadence
from radar.live import LiveSymbol
from radar.models import Book, FundingRule, OpenInterest, Quality, Quote, Settlement, SpotPair, Ticker
from radar.thresholds import Thresholds

MINUTE, HOUR = 60_000, 3_600_000
NOON = 1_790_035_200_000  # 2026-09-22 00:00 UTC
EVERY = cadence(1)


def quote(ts_ms=NOON, mark=100.2, index=100.0, rate=0.04, following=NOON + 8 * HOUR):
    """One row of premiumIndex."""
    return Quote(symbol="CALMUSDT", ts_ms=ts_ms, mark=mark, index=index, rate_pct=rate, next_funding_ms=following)


def book(reach_pct, ts_ms=NOON, quantity=10.0, limit=100):
    """A full book of `limit` levels a side that reaches so far."""
    offsets = np.linspace(0.0001, reach_pct / 100, limit)
    sides = [np.column_stack([100 * (1 + sign * offsets), np.full(limit, quantity)]) for sign in (-1, 1)]
    return Book(ts_ms=ts_ms, limit=limit, bids=sides[0], asks=sides[1])


@pytest.fixture
def live():
    """A symbol with settlements every eight hours."""
    symbol = LiveSymbol("CALMUSDT")
    symbol.on_settlements([Settlement(ts_ms=NOON - 8 * HOUR + 4, rate_pct=0.04), Settlement(ts_ms=NOON + 2, rate_pct=0.04)])
    return symbol


def read(live, **ages_sec):
    """Note readings of that age at NOON."""
    for name, age in ages_sec.items():
        live.note_reading(name, NOON - age * 1000, EVERY)


# ── samples and minutes ─────────────────────────────────────────────────────────────────────────


@pytest.mark.fault("F23", "F24")
def test_repeated_and_older_rows_are_no_news(live):
    """A row counts once; an older one never replaces a newer one (F24)."""
    taken = [live.on_quote(quote(NOON + ms, mark)) for ms, mark in [(10_000, 100.0), (10_000, 999.0), (0, 999.0), (20_000, 102.0)]]

    assert taken == [True, False, False, True]
    assert live.quote.mark == 102.0
    assert {name: live.tape.row(NOON // MINUTE)[name] for name in ("mark", "mark_high", "samples")} == {"mark": 102.0, "mark_high": 102.0, "samples": 2.0}


@pytest.mark.fault("F22")
def test_a_move_that_is_true_counts_from_the_second_answer_on(live):
    """Tenfold in ten seconds is a squeeze when the next answer says so, too: price, open interest and turnover follow it then."""
    marks = [100.0, 100.1, 1000.0, 1010.0, 1020.0]
    for i, mark in enumerate(marks):
        live.on_quote(quote(NOON + i * 10_000, mark, index=mark))
    taken = [live.on_open_interest(OpenInterest(ts_ms=NOON + i, qty=qty)) for i, qty in enumerate([1.0, 10.0, 10.5, 30.0, 90.0, 95.0])]
    turnover = [live.on_ticker(Ticker(symbol="CALMUSDT", ts_ms=NOON + i, last=1.0, vol24_usdt=volume)) for i, volume in enumerate([0.0, 5e6, 5e6])]
    bar = live.tape.row(NOON // MINUTE)

    assert live.quote.mark == 1020.0
    assert (bar["mark"], bar["mark_high"], bar["mark_low"], bar["samples"]) == (1020.0, 1020.0, 100.0, 4.0)
    assert taken == [True, False, True, False, False, True]
    assert turnover == [True, False, True]


def test_a_minute_nobody_sampled_is_a_hole(live):
    """Samples before and after a pause leave the minutes between unknown."""
    live.on_quote(quote(NOON))
    live.on_quote(quote(NOON + 3 * MINUTE))

    assert [live.tape.row(NOON // MINUTE + i)["mark"] for i in range(5)] == [100.2, None, None, 100.2, None]


@pytest.mark.fault("F31")
def test_a_reading_that_fails_keeps_its_time_and_says_why(live):
    """The age goes on growing, with the sentence of the error beside it; the next answer takes it away."""
    read(live, oi=5)
    live.note_reading("oi", None, EVERY, error="no host answered")
    failed = live.readings["oi"]
    live.note_reading("oi", NOON, EVERY)

    assert (failed.ts_ms, failed.error) == (NOON - 5000, "no host answered")
    assert (live.readings["oi"].ts_ms, live.readings["oi"].error) == (NOON, None)


def test_a_sample_that_runs_ahead_of_our_clock_hides_nothing(live):
    """A row stamped in the next minute, before our clock is there, leaves the other readings in the observation."""
    read(live, perp_ticker=1)
    live.on_ticker(Ticker(symbol="CALMUSDT", ts_ms=NOON, last=100.0, vol24_usdt=4e6))
    live.on_quote(quote(NOON + 200))
    values = live.observe(NOON - 300).values

    assert (values.get("mark"), values.get("perp_vol24_usdt")) == (100.2, 4e6)


def test_the_stored_minute_holds_only_fresh_readings(live):
    """A stale open interest is shown, and is not written into the minute."""
    live.on_open_interest(OpenInterest(ts_ms=NOON, qty=1000.0))
    live.on_quote(quote())
    read(live, quote=0, oi=76)
    observation = live.observe(NOON)

    assert observation.values["oi_qty"] == 1000.0
    assert live.tape.row(NOON // MINUTE)["oi_qty"] is None


# ── spot ────────────────────────────────────────────────────────────────────────────────────────


PAIR = {"CALMUSDT": SpotPair(symbol="CALMUSDT", base="CALM", margin=True)}


@pytest.mark.parametrize(
    ("pairs", "spot_last", "has_spot", "note"),
    [
        (None, None, None, "spot listing unknown (no answer from Binance)"),
        ({}, None, False, ""),
        (PAIR, None, None, "spot price not read yet"),
        (PAIR, 104.9, True, ""),
        (PAIR, 95.3, True, ""),
        (PAIR, 105.3, None, "mapping mismatch: the spot price on Binance is more than 5 % off the index"),
        (PAIR, 94.0, None, "mapping mismatch: the spot price on Binance is more than 5 % off the index"),
    ],
)
def test_where_the_coin_trades_spot(live, pairs, spot_last, has_spot, note):
    """Listed nowhere is a known no; listed with another price, or not read yet, is unknown (DM4, DM6)."""
    live.on_quote(quote())
    if pairs is not None:
        live.home.on_listing(pairs)
        read(live, listing=0)
    if spot_last:
        live.on_spot_ticker(Ticker(symbol="CALMUSDT", ts_ms=NOON, last=spot_last, vol24_usdt=1e6))
        read(live, spot_ticker=0)
    facts = live.observe(NOON).spot

    assert (facts.has_spot, facts.note) == (has_spot, note)


def test_a_multiple_of_the_coin_is_the_same_coin():
    """1000SHIBUSDT trades spot as SHIBUSDT at a thousandth of the price."""
    live = LiveSymbol("1000SHIBUSDT")
    live.on_quote(quote(mark=0.0123, index=0.0123))
    live.home.on_listing({"SHIBUSDT": SpotPair(symbol="SHIBUSDT", base="SHIB", margin=True)})
    read(live, listing=0)
    live.on_spot_ticker(Ticker(symbol="SHIBUSDT", ts_ms=NOON, last=0.0000123, vol24_usdt=1e6))
    facts = live.observe(NOON).spot

    assert (facts.has_spot, facts.symbol, facts.multiplier) == (True, "SHIBUSDT", 1000.0)


def test_spot_switched_off_is_unknown_and_says_so():
    """Without spot hosts nothing is claimed about a spot market."""
    live = LiveSymbol("CALMUSDT", binance_spot=False)
    live.on_quote(quote())

    assert live.observe(NOON).spot.note == "spot is switched off; spot listing unknown"


@pytest.mark.parametrize(("age_sec", "dominance", "missing"), [(0, 80.0, ()), (151, 100.0, ("binance",))])
def test_a_spot_volume_that_is_not_fresh_leaves_the_sum(live, age_sec, dominance, missing):
    """Then dominance is an upper bound, and the missing venue is named."""
    live.on_quote(quote())
    live.home.on_listing(PAIR)
    live.on_ticker(Ticker(symbol="CALMUSDT", ts_ms=NOON, last=100.0, vol24_usdt=4e6))
    live.on_spot_ticker(Ticker(symbol="CALMUSDT", ts_ms=NOON, last=100.0, vol24_usdt=1e6))
    read(live, quote=0, perp_ticker=0, spot_ticker=age_sec, listing=0)
    observation = live.observe(NOON)

    assert observation.values["perp_dominance_pct"] == dominance
    assert observation.spot.missing == missing


# ── funding ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.fault("F26")
def test_the_interval_follows_the_schedule_from_eight_hours_to_one(live):
    """8 h, shortened to 4 h before it settles, then to 1 h while the settlement is still unread: never half the funding."""
    seen = []
    for hours, following in [(1, 8), (2, 4), (3.99, 4), (4.01, 5), (4.5, 5), (5.01, 6)]:
        live.on_quote(quote(NOON + round(hours * HOUR), rate=-0.3184, following=NOON + following * HOUR))
        seen.append((*live.interval(), round(live.observe(NOON + round(hours * HOUR)).values["funding_1h_pct"], 6)))

    assert seen == [
        (8, "schedule", -0.0398), (4, "schedule", -0.0796), (4, "schedule", -0.0796),
        (1, "schedule", -0.3184), (1, "schedule", -0.3184), (1, "schedule", -0.3184),
    ]  # fmt: skip


def test_a_settlement_that_is_due_is_asked_for_until_it_is_stored(live):
    """The schedule moving on makes the payment wanted; storing it ends that."""
    live.on_quote(quote(NOON + HOUR))
    before = live.wants_settlements()
    live.on_quote(quote(NOON + 8 * HOUR + 3000, following=NOON + 16 * HOUR))
    due = live.wants_settlements()
    live.on_settlements([*live.settlements, Settlement(ts_ms=NOON + 8 * HOUR + 1, rate_pct=0.05)])

    assert (before, due, live.wants_settlements()) == (False, True, False)
    assert live.interval() == (8, "schedule")


@pytest.mark.parametrize(
    ("rule_hours", "hours"),
    [
        (8, 8),
        (None, 8),
    ],
)
def test_a_settlement_missed_while_nobody_looked_does_not_halve_the_funding(live, rule_hours, hours):
    """After a restart the payment at 08:00 is not read yet: the contract still settles every eight hours."""
    live.rule = FundingRule(symbol="CALMUSDT", interval_hours=rule_hours, cap_pct=None, floor_pct=None) if rule_hours else None
    live.on_quote(quote(NOON + 9 * HOUR, following=NOON + 16 * HOUR))

    assert live.interval()[0] == hours


def test_lowest_funding_of_three_hours_follows_the_samples(live):
    """It is the lowest sample's funding per hour once ten minutes at most are missing, and a negative one at once."""
    found = {}
    for minute in range(200):
        live.on_quote(quote(NOON + HOUR + minute * MINUTE, rate=0.08 if minute != 170 else 0.04))
        if minute in (100, 161, 169, 171):
            found[minute] = live.observe(NOON + HOUR + minute * MINUTE).values.get("funding_min_3h_pct")
    live.on_quote(quote(NOON + HOUR + 200 * MINUTE, rate=-0.0008))
    found[200] = live.observe(NOON + HOUR + 200 * MINUTE).values.get("funding_min_3h_pct")

    assert found == {100: None, 161: None, 169: 0.01, 171: 0.005, 200: pytest.approx(-0.0001)}


# ── open interest ───────────────────────────────────────────────────────────────────────────────


def with_history(live, newest_min):
    """Quotes of an hour, and open interest of the exchange's history up to so many minutes ago."""
    for minute in range(70, -1, -1):
        live.on_quote(quote(NOON - minute * MINUTE, following=NOON + 8 * HOUR))
    for minute in range(newest_min, 130, 5):
        live.tape.put(NOON // MINUTE - minute, {"oi_qty": 1000.0 if minute > newest_min + 30 else 1100.0}, keep=True)
    live.note_reading("oi_history", NOON - newest_min * MINUTE, EVERY)
    read(live, quote=0)


def test_delta_oi_from_history_is_shown_as_stale(live):
    """Without a live reading the change comes from the exchange's history, shifted, and every rule sees it as stale (O2)."""
    with_history(live, 7)
    snapshot = assess(live.observe(NOON), Thresholds(), now_ms=NOON)

    assert snapshot.delta_oi_1h_usdt == pytest.approx(10_020)
    assert snapshot.quality["delta_oi_1h_usdt"].state is Quality.STALE


def test_delta_oi_is_fresh_again_with_a_live_reading(live):
    """A live reading against an hour-old one of the history is a fresh change."""
    with_history(live, 5)
    live.on_open_interest(OpenInterest(ts_ms=NOON, qty=1200.0))
    read(live, oi=0)
    snapshot = assess(live.observe(NOON), Thresholds(), now_ms=NOON)

    assert snapshot.delta_oi_1h_usdt == pytest.approx(20_040)
    assert snapshot.quality["delta_oi_1h_usdt"].state is Quality.FRESH


def test_delta_oi_is_gone_when_history_is_older_than_half_an_hour(live):
    """Nothing is claimed from readings older than that."""
    with_history(live, 31)
    snapshot = assess(live.observe(NOON), Thresholds(), now_ms=NOON)

    assert snapshot.delta_oi_1h_usdt is None
    assert snapshot.quality["delta_oi_1h_usdt"].state is Quality.MISSING


# ── books ───────────────────────────────────────────────────────────────────────────────────────


def test_the_band_of_the_depth_ratio_is_chosen_once(live):
    """Both books are measured in the first common band for ever, even when they reach further later (K3)."""
    live.on_book("perp", book(0.6))
    live.on_book("spot", book(1.2))
    live.on_book("perp", book(3.0))
    live.on_book("spot", book(3.0))

    assert live.band_pct == 0.5
    live.on_quote(quote())
    read(live, quote=0, perp_book=0, spot_book=0)
    values = live.observe(NOON).values
    assert values["imbalance_band_pct"] == 2.0
    assert values["perp_depth_usdt"] == pytest.approx(values["spot_depth_usdt"])
    assert values["perp_depth_usdt"] == pytest.approx(2 * 10 * 100 * 17, rel=0.01)  # 17 levels a side within 0.5 %


def test_the_first_depth_ratio_compares_the_same_band(live):
    """A perpetual's book that was measured in a wider band before spot came is not set against it."""
    live.on_book("perp", book(3.0))
    live.on_book("spot", book(1.2))
    live.on_quote(quote())
    read(live, quote=0, perp_book=0, spot_book=0)

    assert "depth_ratio" not in live.observe(NOON).values
    live.on_book("perp", book(3.0))
    assert live.observe(NOON).values["depth_ratio"] == pytest.approx(33 / 83, rel=0.03)


@pytest.mark.fault("F21")
def test_a_book_that_does_not_reach_the_frozen_band_gives_no_depth(live):
    """The ratio is unknown for that moment instead of measured differently."""
    live.band_pct = 2.0
    live.on_book("perp", book(3.0))
    live.on_book("spot", book(0.6))
    live.on_quote(quote())
    read(live, quote=0, perp_book=0, spot_book=0)
    values = live.observe(NOON).values

    assert (values["spot_imbalance_band_pct"], values.get("spot_depth_usdt"), values.get("depth_ratio")) == (0.5, None, None)


@pytest.mark.fault("F21")
@pytest.mark.parametrize("side", ["bids", "asks"])
def test_an_empty_side_makes_the_imbalance_unknown(live, side):
    """An empty or one-sided book is no division by zero (F21)."""
    whole = book(3.0)
    sides = {"bids": whole.bids, "asks": whole.asks} | {side: np.empty((0, 2))}
    live.on_book("perp", Book(ts_ms=NOON, limit=100, **sides))
    live.on_quote(quote())
    read(live, quote=0, perp_book=0)

    assert "orderbook_imbalance" not in live.observe(NOON).values


@pytest.mark.parametrize(("reach_pct", "limit"), [(3.0, 100), (0.5, 500)])
def test_the_next_book_is_as_small_as_the_band_allows(live, reach_pct, limit):
    """A hundred levels are asked for where they reach two percent, else five hundred."""
    live.on_book("perp", book(reach_pct, limit=100))

    assert live.perp_limit == limit
