"""What to look at first, in sentences that a trader would say."""

import numpy as np
import pytest

from radar.scan.flags import FLAGS, flags_of
from radar.scan.judging import judged_all
from radar.scan.ranks import danger, pressure
from radar.scan.table import market_table
from radar.thresholds import Thresholds
from tests.scan.markets import DAY_MS, NOW, SQUEEZE, STICKY, scanned

FREE = Thresholds(green_requires_borrow=False)
R1 = {"funding_1h_pct": -0.01, "basis_twap15_pct": -0.05}


def ranked(column, t=FREE, **coins):
    """Names in the order of a rank column; who has no rank is left out."""
    table = market_table(scanned(*coins.values(), names=coins), t, NOW)
    return table[column].dropna().sort_values().index.tolist()


def lacking(t=FREE, **row):
    """What the table says that a coin's window lacks."""
    return market_table(scanned(row), t, NOW)["window_missing"].iloc[0]


# ── pressure ────────────────────────────────────────────────────────────────────────────────────


def pressed(*rows):
    """The pressure of each coin."""
    return pressure(judged_all(scanned(*rows), FREE, NOW)).tolist()


def test_the_coin_that_is_worst_in_everything_is_pressed_hardest():
    """Between 0 and 100; the middle one of three is at 50, and equal coins are pressed equally."""
    paid = {"funding_1h_pct": 0.05, "basis_twap15_pct": 0.4, "delta_oi_1h_pct": -5, "ret_1h_pct": -4, "oi_to_volume": 0.01}
    worst, middle, tame = pressed(SQUEEZE | STICKY, {}, paid)

    assert 100 > worst > middle > tame > 0
    assert middle == pytest.approx(50)
    assert pressed({}, {}) == [50, 50]


@pytest.mark.parametrize(
    "more",
    [{"funding_1h_pct": -0.02}, {"basis_twap15_pct": -0.2}, {"delta_oi_1h_pct": 3.0}, {"ret_1h_pct": 2.0}, {"oi_to_volume": 0.3}],
    ids=lambda row: next(iter(row)),
)
def test_each_part_presses_by_itself(more):
    """Paying funding, a discount, building open interest, a rising price, large positions: each alone adds pressure."""
    one, other = pressed(more, {})

    assert one > other


def test_two_known_parts_are_no_pressure():
    """Three numbers are enough to compare, two are not."""
    unknown = {"delta_oi_1h_pct": None, "oi_to_volume": None}

    assert np.isnan(pressed(unknown | {"ret_1h_pct": None}, {})[0])
    assert pressed(unknown, {})[0] > 0


def test_a_number_that_is_too_old_presses_nobody():
    """Readings past their limit count as unknown."""
    assert np.isnan(pressed({"quote_ms": NOW - 121_000.0}, {})[0])


# ── danger ──────────────────────────────────────────────────────────────────────────────────────


def test_more_rules_are_more_dangerous():
    """Three firing rules before two before one, however hard the one is pressed."""
    hard = R1 | {"funding_1h_pct": -1.9, "basis_twap15_pct": -9.0}
    coins = {"ONE": hard, "THREE": SQUEEZE | STICKY, "TWO": SQUEEZE, "CALM": {}}

    assert ranked("danger_rank", **coins) == ["THREE", "TWO", "ONE"]


def test_with_as_many_rules_the_harder_pressed_is_more_dangerous():
    """Among coins of one rule, the one whose shorts pay most and whose discount is deepest comes first."""
    assert ranked("danger_rank", MILD=R1, HARD=R1 | {"funding_1h_pct": -0.4, "basis_twap15_pct": -2.0}) == ["HARD", "MILD"]


def test_no_spot_market_alone_is_not_a_danger_of_today():
    """A coin without spot is ranked when something else fires, and then it counts as one more rule."""
    assert ranked("danger_rank", IDLE={"has_spot": 0.0}, SAME=R1, WORSE=R1 | {"has_spot": 0.0}) == ["WORSE", "SAME"]


def test_the_order_is_the_same_every_time():
    """Equal coins go by name, not by where the exchange lists them."""
    assert ranked("danger_rank", ZED=R1, ABC=R1) == ["ABC", "ZED"]
    assert np.isnan(danger(scanned({}), judged_all(scanned({}), FREE, NOW), np.array([np.nan]))).all()


# ── windows ─────────────────────────────────────────────────────────────────────────────────────


def test_an_open_window_comes_before_one_that_opens():
    """Green, then one that the score holds back, then the one with most conditions, then the nearest of the others."""
    coins = {
        "FAR": {"basis_twap15_pct": 0.01},
        "TWO": {"basis_twap15_pct": 0.09, "perp_dominance_pct": 61.0},
        "NEAR": {"basis_twap15_pct": 0.09},
        "HELD": {f"n_{key}": 0.0 for key in "ABC"},
        "OPEN": {},
    }

    assert ranked("window_rank", **coins) == ["OPEN", "HELD", "NEAR", "FAR", "TWO"]


def test_a_condition_nobody_can_judge_is_farther_than_any():
    """With one condition missing each, the known distance goes before the unknown one."""
    assert ranked("window_rank", BLIND={"funding_min_3h_pct": None}, FAR={"basis_twap15_pct": -3.0}) == ["FAR", "BLIND"]


@pytest.mark.parametrize(
    "row",
    [
        SQUEEZE,
        {"has_spot": 0.0},
        {"has_spot": None},
        {"oi_to_volume": None, "perp_dominance_pct": 75.0},
        {"delisting_ms": NOW + 9 * DAY_MS},
    ],
    ids=["red", "no spot", "spot unknown", "incomplete", "being delisted"],
)
def test_no_window_where_one_must_not_short(row):
    """Red, incomplete or ending: never in the list, whatever the other conditions say."""
    assert ranked("window_rank", ODD=row, CALM={}) == ["CALM"]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({}, ""),
        ({"basis_twap15_pct": 0.04, "perp_dominance_pct": 65.0}, "basis TWAP15 rises 0.060 points; dominance falls 5.0 points"),
        ({"funding_min_3h_pct": -0.002}, "lowest funding rises 0.0020 %/h"),
        ({"delta_oi_1h_usdt": 12_400.0}, "OI in 1 h falls 12,400 USDT"),
        ({"funding_min_3h_pct": None}, "lowest funding n/a"),
        ({"perp_dominance_pct": 65.0, "spot_missing": 3.0}, "dominance unknown (at most 65.0 %)"),
        ({"oi_ms": NOW - 601_000.0, "ret_1h_pct": -1.0}, "OI in 1 h −4,000 USDT is no longer fresh"),
    ],
)
def test_what_a_window_lacks_is_said_with_its_distance(row, words):
    """Each condition that does not hold: what has to move and how far, or why nobody knows."""
    assert lacking(**row) == words


def test_a_condition_that_is_switched_off_is_none():
    """The 24 h rise blocks a window only where the desk asks for it."""
    assert lacking(ret_24h_pct=30.0) == ""
    assert lacking(FREE.model_copy(update={"sw_max_ret24h_pct": 20.0}), ret_24h_pct=30.0) == "price in 24 h falls 10.00 points"


# ── flags ───────────────────────────────────────────────────────────────────────────────────────


def flags(**row):
    """The flags of one coin."""
    s = scanned(row)
    return flags_of(s, judged_all(s, FREE, NOW), NOW)[0]


@pytest.mark.parametrize(
    ("row", "raised"),
    [
        ({}, ()),
        ({"delisting_ms": NOW + 30 * DAY_MS}, ("DELISTING",)),
        ({"onboard_ms": NOW - 29 * DAY_MS}, ("NEW",)),
        ({"onboard_ms": NOW - 30 * DAY_MS}, ()),
        ({"onboard_ms": None}, ()),
        ({"has_spot": 0.0}, ("NO_SPOT",)),
        ({"has_spot": None}, ()),
        ({"has_spot": 0.0, "listed_ms": NOW - 4 * DAY_MS}, ()),
        ({"interval_was_hours": 8.0, "interval_hours": 4.0, "interval_since_ms": NOW - DAY_MS}, ("INTERVAL",)),
        ({"interval_was_hours": 8.0, "interval_hours": 4.0, "interval_since_ms": NOW - DAY_MS - 1}, ()),
        ({"interval_was_hours": 4.0, "interval_hours": 8.0, "interval_since_ms": NOW - 1.0}, ()),
        ({"funding_1h_pct": -0.2375}, ("FLOOR",)),
        ({"funding_1h_pct": -0.2370}, ()),
        ({"funding_1h_pct": 0.25}, ()),
        ({"funding_1h_pct": -0.2375, "floor_pct": None}, ()),
        ({"funding_1h_pct": -0.2375, "quote_ms": NOW - 121_000.0}, ()),
        ({"adl": 2.0}, ("ADL",)),
        ({"adl": 1.0}, ()),
        ({"adl": None}, ()),
    ],
)
def test_a_flag_is_raised_by_what_is_known(row, raised):
    """At its edge and beyond; never by what nobody knows or what is too old."""
    assert flags(**row) == raised


def test_flags_come_gravest_first():
    """A coin that has them all shows them in the order of the table, each with a word and a sentence."""
    everything = {
        "delisting_ms": NOW + DAY_MS, "onboard_ms": NOW - DAY_MS, "has_spot": 0.0, "funding_1h_pct": -0.5, "interval_was_hours": 8.0,
        "interval_hours": 4.0, "interval_since_ms": NOW - 1.0, "adl": 2.0,
    }  # fmt: skip

    assert flags(**everything) == tuple(FLAGS)
    assert all(flag.word and flag.sentence.endswith(".") for flag in FLAGS.values())
