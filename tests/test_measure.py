"""From bars to metrics: only the past counts, inputs stay as they were, and holes stay holes."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radar.bars import BAR_COLUMNS, Tape, fold
from radar.measure import measure, notes
from radar.models import Quote

FIRST = 29_833_000
MINUTE_MS = 60_000


def frame(minutes=400, **columns):
    """Bars of a quiet market; `columns` replaces whole columns."""
    index = pd.RangeIndex(FIRST, FIRST + minutes, name="minute")
    quiet = {
        "mark": 100.2, "index": 100.0, "last": 100.1, "basis_mean_pct": 0.2, "funding_1h_pct": 0.005, "interval_hours": 8.0, "oi_qty": 1000.0,
        "perp_vol24_usdt": 55e6, "spot_vol24_usdt": 45e6, "perp_depth_usdt": 4e6, "spot_depth_usdt": 2e6, "source": 0.0,
    }  # fmt: skip
    return pd.DataFrame({name: columns.get(name, quiet.get(name, np.nan)) for name in BAR_COLUMNS}, index=index, dtype=float)


def series(minutes=400, **at):
    """A column of `fill`, with other values where `at` says (`m5=1.0`: five minutes before the last row)."""
    column = np.full(minutes, at.pop("fill"))
    for name, value in at.items():
        column[-1 - int(name[1:])] = value
    return column


def last(bars, name, settled=None):
    """The live value of a metric; None when unknown."""
    value = float(measure(bars, settled)[name].iloc[-1])
    return None if np.isnan(value) else value


def wild(minutes=1600, seed=5):
    """Bars of a rough market with holes of every length."""
    rng = np.random.default_rng(seed)
    mark = 10 * (1 + np.cumsum(rng.normal(0, 0.001, minutes)))
    bars = frame(
        minutes,
        mark=mark,
        index=mark * (1 + rng.normal(0, 0.002, minutes)),
        basis_mean_pct=rng.normal(0, 0.2, minutes),
        funding_1h_pct=rng.normal(0.01, 0.008, minutes),
        oi_qty=rng.uniform(900, 1100, minutes),
        interval_hours=rng.choice([1.0, 8.0], minutes),
    )
    for column in bars.columns:
        for start in rng.integers(0, minutes, 12):
            bars.iloc[start : start + int(rng.integers(1, 40)), bars.columns.get_loc(column)] = np.nan
    times = np.arange(FIRST, FIRST + minutes, 60) * MINUTE_MS
    return bars, (times, rng.normal(0, 0.01, len(times)))


WILD, SETTLED = wild()
WHOLE = measure(WILD, SETTLED)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(1, len(WILD) - 1))
def test_a_row_knows_nothing_of_the_future(cut):
    """Cutting the bars anywhere leaves every metric of the last row as it was."""
    shorter = measure(WILD.iloc[:cut], SETTLED)

    pd.testing.assert_frame_equal(shorter.iloc[-1:], WHOLE.iloc[cut - 1 : cut], check_freq=False)


def test_what_happens_later_changes_nothing_before():
    """Other bars after a minute leave every metric up to it as it was."""
    changed = WILD.copy()
    changed.iloc[1000:] = changed.iloc[1000:] * 1.37

    pd.testing.assert_frame_equal(measure(changed, SETTLED).iloc[:1000], WHOLE.iloc[:1000])


def test_inputs_come_back_untouched():
    """Bars and settlements are the same after measuring."""
    bars, settled = wild(seed=6)
    before, times, rates = bars.copy(deep=True), settled[0].copy(), settled[1].copy()
    measure(bars, settled)

    pd.testing.assert_frame_equal(bars, before)
    assert settled[0].tolist() == times.tolist()
    assert settled[1].tolist() == rates.tolist()


def test_every_metric_of_a_quiet_market():
    """The live row, number by number."""
    oi = series(fill=1000.0, m60=990.0, m240=900.0)
    row = measure(frame(oi_qty=oi, mark=series(fill=100.2, m60=100.0))).iloc[-1]

    assert row["basis_pct"] == pytest.approx(0.2)
    assert row["last_basis_pct"] == pytest.approx(0.1)
    assert row["basis_twap15_pct"] == pytest.approx(0.2)
    assert row["ret_1h_pct"] == pytest.approx(0.2)
    assert row["funding_daily_est_pct"] == pytest.approx(0.12)
    assert row["oi_usdt"] == pytest.approx(100_200)
    assert row["delta_oi_1h_usdt"] == pytest.approx(1002)
    assert row["delta_oi_1h_pct"] == pytest.approx(1.010101)
    assert row["delta_oi_1h_notional_usdt"] == pytest.approx(1200)
    assert row["delta_oi_4h_usdt"] == pytest.approx(10_020)
    assert row["perp_dominance_pct"] == pytest.approx(55)
    assert row["oi_to_volume"] == pytest.approx(0.00182182)
    assert row["depth_ratio"] == 2
    assert row["funding_min_3h_pct"] == 0.005


@pytest.mark.parametrize("index", [0.0, np.nan, -1.0])
def test_no_basis_without_an_index(index):
    """An index of 0, below 0 or unknown makes the basis unknown, not infinite (F20)."""
    assert last(frame(index=series(fill=100.0, m0=index)), "basis_pct") is None


# ── windows ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("window", "missing", "known"),
    [
        (5, [2], True),
        (5, [2, 3], False),
        (15, [5, 6, 7], True),
        (15, [4, 5, 6, 7], False),
        (60, list(range(10, 22)), True),
        (60, list(range(10, 23)), False),
        (15, [1, 2, 3], False),  # none of the last three
        (15, [1, 2], True),
    ],
)
def test_a_twap_needs_four_fifths_of_its_minutes_and_a_recent_one(window, missing, known):
    """4 of 5, 12 of 15, 48 of 60 completed minutes, one of them among the last three."""
    bars = frame(basis_mean_pct=series(fill=0.2, **{f"m{m}": np.nan for m in missing}))

    assert (last(bars, f"basis_twap{window}_pct") is not None) == known


def test_the_running_minute_is_not_in_the_twap():
    """A jump in the running minute does not move the TWAP."""
    assert last(frame(basis_mean_pct=series(fill=0.2, m0=-9.0)), "basis_twap5_pct") == pytest.approx(0.2)


@pytest.mark.parametrize(("known_at", "expected"), [(60, 1.0), (61, 1.0), (59, 1.0), (62, 1.0), (58, 1.0), (63, None), (57, None)])
def test_the_price_an_hour_ago_may_be_two_minutes_beside(known_at, expected):
    """The reference of ret_1h is the mark 60 minutes ago, or up to two minutes beside."""
    mark = np.full(400, np.nan)
    mark[-1], mark[-1 - known_at] = 101.0, 100.0

    assert last(frame(mark=mark), "ret_1h_pct") == (None if expected is None else pytest.approx(expected))


def funding(*known, below=()):
    """Funding known at those minutes before now, 0.005 %/h, or −0.0001 where `below` says."""
    column = np.full(400, np.nan)
    for minute in known:
        column[-1 - minute] = -0.0001 if minute in below else 0.005
    return column


@pytest.mark.parametrize(
    ("minutes", "below", "expected"),
    [
        (range(180), (), 0.005),
        (range(170), (), 0.005),  # a hole of ten at the far end
        ([m for m in range(180) if m % 10 != 5], (), 0.005),  # 162 of 180
        (range(1, 180), (), None),  # nothing is known now
        ([m for m in range(180) if m % 9 != 5], (), None),  # 160 of 180
        ([m for m in range(180) if not 50 <= m < 60], (), 0.005),  # a hole of ten
        ([m for m in range(180) if not 50 <= m < 61], (), None),  # a hole of eleven
        (range(41), (), None),
        (range(41), (7,), -0.0001),  # one sample below zero decides at once
        (range(400), (180,), 0.005),  # three hours and a minute ago no longer counts
    ],
)
def test_lowest_funding_of_three_hours(minutes, below, expected):
    """162 of 180 minutes without a hole over ten, or one sample below zero (F7)."""
    assert last(frame(funding_1h_pct=funding(*minutes, below=below)), "funding_min_3h_pct") == expected


@pytest.mark.parametrize(
    ("hours_ago", "interval", "expected"),
    [
        ([0, 1, 2], 1.0, 0.001),
        ([0, 1], 1.0, None),  # two payments do not make three hours
        ([0, 1, 2], 8.0, None),  # nor do three of a contract that has left hourly settlement
    ],
)
def test_a_cold_start_with_hourly_settlements(hours_ago, interval, expected):
    """Three settled rates and the present estimate are enough where funding settles every hour."""
    now = FIRST + 399
    times = np.array(sorted((now - 10 - 60 * h) * MINUTE_MS for h in hours_ago), dtype=np.int64)
    bars = frame(funding_1h_pct=funding(*range(10)), interval_hours=np.full(400, interval))

    assert last(bars, "funding_min_3h_pct", (times, np.full(len(times), 0.001))) == expected


@pytest.mark.parametrize(("age", "expected"), [(0, 1000.0), (5, 1000.0), (6, None)])
def test_open_interest_stands_for_five_minutes(age, expected):
    """A reading counts until the next one of the exchange's five-minute grid, not longer."""
    oi = np.full(400, np.nan)
    oi[-1 - age] = 1000.0

    assert last(frame(oi_qty=oi), "oi_qty") == expected


@pytest.mark.parametrize(("lag", "expected"), [(5, 5010.0), (30, 5010.0), (31, None)])
def test_when_live_open_interest_stops_the_window_shifts_to_the_last_reading(lag, expected):
    """ΔOI of the exchange's history keeps its length and ends at the last reading, for half an hour (O2)."""
    oi = np.full(400, np.nan)
    oi[: 400 - lag] = 950.0
    oi[400 - lag - 20 : 400 - lag] = 1000.0

    assert last(frame(oi_qty=oi), "delta_oi_1h_usdt") == (None if expected is None else pytest.approx(expected))


def test_a_hole_an_hour_ago_makes_the_change_unknown():
    """With a live reading now and none within six minutes of an hour ago there is no ΔOI, rather than an older one."""
    oi = series(fill=1000.0, **{f"m{m}": np.nan for m in range(50, 76)})

    assert last(frame(oi_qty=oi), "delta_oi_1h_usdt") is None


def test_the_notes_say_what_is_missing():
    """Each unknown metric of the last row names its missing minutes."""
    bars = frame(
        basis_mean_pct=series(fill=0.2, m3=np.nan, m4=np.nan, m5=np.nan, m6=np.nan),
        funding_1h_pct=funding(*range(41)),
        oi_qty=np.where(np.arange(400) == 400 - 72, 1000.0, np.nan),
        mark=np.where(np.arange(400) > 350, 100.0, np.nan),
    )

    assert notes(bars, measure(bars).iloc[-1]) == {
        "basis_twap5_pct": "basis TWAP5 has 2 of 5 minutes (needs 4)",
        "basis_twap15_pct": "basis TWAP15 has 11 of 15 minutes (needs 12)",
        "funding_min_3h_pct": "funding history 41 of 180 min",
        "delta_oi_1h_usdt": "no OI sample near 60 min ago (closest 71 min)",
        "delta_oi_1h_pct": "no OI sample near 60 min ago (closest 71 min)",
        "ret_1h_pct": "no price 60 min ago",
    }


# ── minutes ─────────────────────────────────────────────────────────────────────────────────────


def quote(mark, index, ts=0):
    """A sample."""
    return Quote(symbol="CALMUSDT", ts_ms=ts, mark=mark, index=index, rate_pct=0.01, next_funding_ms=None)


def test_a_minute_is_the_fold_of_its_samples():
    """Closes, highs and lows of mark and index, and the mean of the bases (not the basis of the closes)."""
    bar = fold([quote(101.0, 100.0), quote(99.0, 100.0), quote(103.0, 101.0)])

    assert bar == {
        "samples": 3.0, "mark": 103.0, "mark_high": 103.0, "mark_low": 99.0, "index": 101.0, "index_high": 101.0, "index_low": 100.0,
        "basis_mean_pct": pytest.approx(0.6600660066),
    }  # fmt: skip


@pytest.mark.parametrize("index", [None, 0.0])
def test_a_sample_without_an_index_is_no_basis(index):
    """It leaves the basis to the other samples, or unknown."""
    assert fold([quote(101.0, index)]) == {"samples": 0.0, "mark": 101.0, "mark_high": 101.0, "mark_low": 101.0}
    assert fold([quote(101.0, index), quote(101.0, 100.0)])["basis_mean_pct"] == pytest.approx(1.0)


def test_the_tape_forgets_what_leaves_the_window():
    """A window of three minutes holds three, unknown between, and never moves back."""
    tape = Tape(3)
    for minute in (10, 12, 13):
        tape.put(minute, {"mark": float(minute)})
    tape.put(10, {"mark": 99.0})
    tape.roll(11)

    assert tape.frame()["mark"].tolist() == pytest.approx([np.nan, 12.0, 13.0], nan_ok=True)
    assert [tape.row(minute)["mark"] for minute in (10, 11, 13, 14)] == [None, None, 13.0, None]


def test_backfill_on_the_tape_keeps_what_is_known():
    """With `keep` only unknown columns are filled; a long jump empties the window."""
    tape = Tape(3)
    tape.put(10, {"mark": 1.0})
    tape.put(10, {"mark": 2.0, "index": 3.0}, keep=True)

    assert (tape.row(10)["mark"], tape.row(10)["index"]) == (1.0, 3.0)
    tape.roll(100)
    assert tape.frame().isna().all(axis=None)
