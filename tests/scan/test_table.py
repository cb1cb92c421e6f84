"""The market as one table: every row says what the coin's own page says, and what is unknown is no number."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radar.assess import assess
from radar.models import Stance
from radar.rules import RULES
from radar.scan.judging import observation_of
from radar.scan.table import MARKET_COLUMNS, NUMBERS, market_table
from radar.thresholds import Thresholds
from tests.scan.markets import DAY_MS, NOW, SQUEEZE, odd, scanned
from tests.test_assess import judged

FREE = Thresholds(green_requires_borrow=False)
CODES = [rule.code for rule in RULES]


def none(value):
    """NaN as None."""
    return None if pd.isna(value) else value


def alike(a, b):
    """The same number, or both unknown, as a number without end is."""
    return a is None if b is None or math.isinf(b) else a is not None and math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-4)


def row(t=FREE, now_ms=NOW, **changes):
    """The table's row of one coin."""
    return market_table(scanned(changes), t, now_ms).iloc[0]


def same_as_page(shown, snapshot):
    """Where a row of the table and the snapshot of that coin differ."""
    firing = " ".join(finding.code for finding in snapshot.rules if finding.state == "FIRES")
    unknown = " ".join(finding.code for finding in snapshot.rules if finding.state == "UNKNOWN")
    expected = {
        "traffic_light": snapshot.traffic_light, "state": snapshot.state, "headline": snapshot.headline, "short_allowed": snapshot.short_allowed,
        "fired": firing, "unknown_rules": unknown, "srs": snapshot.srs, "has_spot": snapshot.has_spot, "tick_size": snapshot.tick_size,
        "funding_interval_hours": snapshot.funding_interval_hours, "next_funding_in_sec": snapshot.next_funding_in_sec,
        "listed_days": snapshot.listed_days, **{finding.code: finding.state for finding in snapshot.rules},
    }  # fmt: skip
    differ = {name: (shown[name], wanted) for name, wanted in expected.items() if none(shown[name]) != wanted}
    close = {name: getattr(snapshot, name) for name in (*NUMBERS, "cap_use", "srs_coverage")}
    if snapshot.quality["cap_use"].state == "FRESH":  # open interest that is stale is no number of the table
        close |= {name: None for name in NUMBERS if "oi" in name and snapshot.quality[name].state == "STALE"}
    return differ | {name: (shown[name], wanted) for name, wanted in close.items() if not alike(none(shown[name]), wanted)}


@settings(max_examples=20, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), t=st.sampled_from([Thresholds(), FREE]), later_sec=st.sampled_from([0, 60, 100_000]))
def test_a_row_says_what_the_page_of_that_coin_says(seed, t, later_sec):
    """Light, sentence, rules and numbers are those that `assess` gives for each coin."""
    s, now_ms = odd(seed, 25), NOW + later_sec * 1000
    table = market_table(s, t, now_ms)
    for symbol in s.symbols:
        assert same_as_page(table.loc[symbol], assess(observation_of(s, symbol), t, (), now_ms=now_ms)) == {}, symbol


def test_the_columns_are_the_promised_ones():
    """Every name once, in order, by symbol; an empty market has them too."""
    for s in (scanned({}, SQUEEZE), scanned()):
        table = market_table(s, FREE, NOW)

        assert (tuple(table.columns), table.index.name, tuple(table.index)) == (MARKET_COLUMNS, "symbol", s.symbols)


def test_an_unknown_number_is_not_zero():
    """A coin of which nothing was read has no numbers, no ranks, and a light that says so."""
    s = scanned({})
    table = market_table(s._replace(columns={name: np.full(1, np.nan) for name in s.columns}), FREE, NOW)
    told = table.iloc[0].dropna().drop(CODES).to_dict()

    assert told == {
        "traffic_light": "UNKNOWN", "state": "DATA_INCOMPLETE", "short_allowed": False, "headline": "Treat as RED: R1, R2, R3, R4 not computable",
        "fired": "", "unknown_rules": "R1 R2 R3 R4 SW", "dominance_is_bound": False, "srs_coverage": 0.0, "flags": "", "watched": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "column", "value"),
    [
        ({"funding_1h_pct": -0.05}, "floor_headroom_1h_pct", 0.2),
        ({"funding_1h_pct": 0.01}, "floor_headroom_1h_pct", 0.26),
        ({"funding_1h_pct": -0.3}, "floor_headroom_1h_pct", 0.0),
        ({"floor_pct": None}, "floor_headroom_1h_pct", None),
        ({"interval_hours": None}, "floor_headroom_1h_pct", None),
        ({"quote_ms": NOW - 121_000.0}, "floor_headroom_1h_pct", None),
        ({"funding_1h_pct": -0.125}, "cap_use", 0.5),
        ({"next_funding_ms": NOW - 5000.0}, "next_funding_in_sec", 0),
        ({"next_funding_ms": NOW + 61_999.0}, "next_funding_in_sec", 61),
        ({"quote_ms": NOW - 121_000.0}, "next_funding_in_sec", None),
        ({"perp_ticker_ms": NOW - 901_000.0}, "change_24h_pct", None),
        ({"spot_missing": 1.0}, "dominance_is_bound", True),
        ({"has_spot": None}, "has_spot", None),
        ({"has_spot": 0.0}, "has_spot", False),
        ({"adl": 2.0}, "adl_risk", "high"),
        ({"adl": None}, "adl_risk", None),
        ({"onboard_ms": NOW - 10.0 * DAY_MS}, "listed_days", 10.0),
        ({"oi_ms": NOW - 200_000.0}, "oi_age_sec", 200.0),
        ({"oi_ms": None}, "oi_age_sec", None),
        ({"quote_ms": NOW + 6000.0}, "age_sec", None),
    ],
)
def test_facts_beside_the_rules(changes, column, value):
    """Each as it is told, n/a where its reading is unknown or too old."""
    assert none(row(**changes)[column]) == (pytest.approx(value) if isinstance(value, float) else value)


# ── watched symbols ─────────────────────────────────────────────────────────────────────────────


def test_a_watched_coin_is_what_its_page_says_it_is():
    """The scan knows no borrow and has other numbers; the row is the snapshot's, the other coins stay the scan's."""
    snapshot = judged(
        {"funding_1h_pct": 0.007}, later_sec=3, funding_cap_pct=2.0, funding_floor_pct=-2.0, next_funding_ms=NOW + 60_000, tick_size=0.001
    )
    s = scanned(SQUEEZE, {}, names=["CALMUSDT", "OTHERUSDT"])
    table = market_table(s, Thresholds(), NOW + 3000, watched={"CALMUSDT": snapshot, "GONEUSDT": snapshot})
    mine = table.loc["CALMUSDT"]

    assert same_as_page(mine.where(mine.index != "listed_days", None), snapshot) == {}
    assert (mine["traffic_light"], mine["short_allowed"], mine["funding_1h_pct"], mine["age_sec"]) == ("GREEN", True, 0.007, 3.0)
    assert table["watched"].tolist() == [True, False]
    alone = market_table(s, Thresholds(), NOW + 3000)
    compared = ["pressure", "window_rank"]  # against the coin that is watched
    pd.testing.assert_series_equal(table.loc["OTHERUSDT"].drop(compared), alone.loc["OTHERUSDT"].drop(compared))


def test_ranks_go_by_what_the_watched_coin_says():
    """A coin that is green on its own page leads the windows, and does not stand among the dangerous ones."""
    table = market_table(scanned(SQUEEZE, {}, names=["CALMUSDT", "OTHERUSDT"]), Thresholds(), NOW, watched={"CALMUSDT": judged()})

    assert table["window_rank"].tolist() == [1, 2]
    assert table["danger_rank"].isna().all()


def test_a_watched_coin_keeps_its_own_thresholds():
    """Where its desk asks for a basis of 0.5 %, the window lacks what that asks for."""
    snapshot = judged(t=Thresholds(sw_basis_min=0.5))
    mine = market_table(scanned({}, names=["CALMUSDT"]), Thresholds(), NOW, watched={"CALMUSDT": snapshot}).iloc[0]

    assert (mine["SW"], mine["window_missing"]) == ("CLEAR", "basis TWAP15 rises 0.380 points")


@pytest.mark.parametrize(
    ("values", "ages", "stance"),
    [
        ({}, {}, Stance.SHORT_WINDOW),
        ({"funding_1h_pct": -0.2, "basis_twap15_pct": -0.1}, {}, Stance.BASIS_ONLY),
        (SQUEEZE, {}, Stance.NO_SHORT),
        ({}, {"quote": 500}, Stance.DATA_INCOMPLETE),
        ({"basis_twap15_pct": 0.05}, {}, Stance.NEUTRAL),
    ],
)
def test_every_stance_of_a_watched_coin_arrives(values, ages, stance):
    """All five, with their light and their permission."""
    snapshot = judged(values, ages)
    mine = market_table(scanned({}, names=["CALMUSDT"]), Thresholds(), NOW, watched={"CALMUSDT": snapshot}).iloc[0]

    assert snapshot.state is stance
    assert same_as_page(mine.where(mine.index != "listed_days", None), snapshot) == {}


def test_a_watched_coin_changes_nothing_that_came_in():
    """The scan that was handed in is as it was."""
    s = scanned({}, names=["CALMUSDT"])
    before = {name: column.copy() for name, column in s.columns.items()}
    market_table(s, Thresholds(), NOW, watched={"CALMUSDT": judged({"mark": 7.0}, tick_size=1.0)})

    for name, column in before.items():
        np.testing.assert_array_equal(s.columns[name], column)
