"""Intervals by blocks, the regime taken out, and calibration."""

import numpy as np
import pandas as pd
import pytest

from radar.backtest.blocks import calibration, draw, intervals, month_strata, non_overlapping, shortage, stratified_oe

HOUR = 3_600_000
DAY = 24 * HOUR
START = 1_735_689_600_000  # 2025-01-01 00:00 UTC


def wild(days=150, symbols=("A", "B"), seed=4):
    """Hourly rows with events that come in lumps, a flag that knows a little, and holes in both."""
    rng = np.random.default_rng(seed)
    frames = []
    for symbol in symbols:
        ts = START + np.arange(days * 24) * HOUR
        wildness = np.repeat(rng.uniform(0, 0.4, days), 24)
        event = (rng.random(len(ts)) < wildness).astype(float)
        flag = (rng.random(len(ts)) < 0.2 + wildness * 0.5 + event * 0.1).astype(float)
        event[rng.random(len(ts)) < 0.02] = np.nan
        flag[rng.random(len(ts)) < 0.05] = np.nan
        srs = np.where(rng.random(len(ts)) < 0.1, np.nan, rng.integers(0, 101, len(ts)))
        frames.append(pd.DataFrame({"symbol": symbol, "ts_ms": ts, "event": event, "flag": flag, "srs": srs}))
    return pd.concat(frames, ignore_index=True)


def bounds(rows, **how):
    """Intervals of the column `flag`."""
    drawn = draw(rows["ts_ms"].to_numpy(), **how)
    return intervals(rows["flag"].to_numpy(), rows["event"].to_numpy(), month_strata(rows), drawn)


def test_v80_simpson():
    """Raw lift 0.61 and O/E 1.33 point opposite ways."""
    actual = stratified_oe(n=np.array([100, 100]), events=np.array([20, 2]), rule_n=np.array([10, 50]), rule_events=np.array([3, 1]))

    assert actual == (4, pytest.approx(3.0), pytest.approx(1.333333, abs=5e-7), pytest.approx(0.606061, abs=5e-7))


def test_a_stratum_without_hours_adds_nothing():
    """Nothing expected, no ratio."""
    assert stratified_oe([0, 10], [0, 0], [0, 5], [0, 0])[:2] == (0, 0)
    assert np.isnan(stratified_oe([0, 10], [0, 0], [0, 5], [0, 0]).oe)


def test_strata_are_symbol_and_month():
    """The month is the calendar's, in UTC."""
    rows = pd.DataFrame({"symbol": list("AABAB"), "ts_ms": [START, START + 31 * DAY - 1, START, START + 31 * DAY, START + 5]})

    first = month_strata(rows)

    assert first[0] == first[1]
    assert first[2] == first[4]
    assert len({first[0], first[2], first[3]}) == 3


def test_blocks_are_five_days_of_all_symbols():
    """Blocks begin with the first row; a stretch without rows is no block."""
    days = [0, 4.99, 5, 9.9, 25, 0.5]
    drawn = draw(np.array([START + int(d * DAY) for d in days]), draws=50)

    assert drawn.block.tolist() == [0, 0, 1, 1, 2, 0]
    assert drawn.weights.shape == (50, 3)
    assert set(drawn.weights.sum(axis=1)) == {3.0}


@pytest.mark.parametrize(
    ("blocks", "expected"), [(0, "not enough data: 0 of 20 blocks"), (19, "not enough data: 19 of 20 blocks"), (20, "")]
)
def test_twenty_blocks_are_needed(blocks, expected):
    """Blocks with the flag on count, not blocks."""
    rows = wild(days=150)
    rows["flag"] = ((rows["ts_ms"] - START) < blocks * 5 * DAY).astype(float)
    rows.loc[rows["event"].isna(), "flag"] = 1.0  # on where the outcome is unknown is no evidence

    found = bounds(rows)

    assert (found.flagged_blocks, found.why, shortage(blocks)) == (blocks, expected, expected)
    assert np.isnan(found.lift).all() == np.isnan(found.precision).all() == (blocks < 20)


def test_rows_drawn_one_by_one_give_the_same_interval():
    """Every draw written out: its rows repeated as often as their block was drawn, and rates taken anew."""
    rows = wild(days=120)
    drawn = draw(rows["ts_ms"].to_numpy(), draws=40, seed=9)
    rates = []
    for weights in drawn.weights.astype(int):
        sample = rows.assign(month=month_strata(rows)).loc[np.repeat(rows.index, weights[drawn.block])].dropna(subset=["flag", "event"])
        flagged = sample[sample["flag"] == 1]
        base = sample.groupby("month")["event"].mean()
        precision, anywhere = flagged["event"].mean(), sample["event"].mean()
        rates.append((precision, anywhere, precision / anywhere, flagged["event"].sum() / flagged["month"].map(base).sum()))

    found = bounds(rows, draws=40, seed=9)

    for name, column in zip(("precision", "base", "lift", "oe"), zip(*rates, strict=True), strict=True):
        assert getattr(found, name) == pytest.approx(tuple(np.percentile(column, [2.5, 97.5])))


def test_the_seed_decides():
    """The same seed gives the same interval, another another; the point lies inside."""
    rows = wild()
    known = rows.dropna()

    assert bounds(rows) == bounds(rows)
    assert bounds(rows) != bounds(rows, seed=2)
    assert bounds(rows).base.lo < known["event"].mean() < bounds(rows).base.hi


def test_a_twin_is_no_new_evidence():
    """The same coin under a second name moves no interval: all symbols of a block are drawn together."""
    rows = wild(symbols=("A",))

    both = bounds(pd.concat([rows, rows.assign(symbol="TWIN")], ignore_index=True))

    assert np.array(both[:4]) == pytest.approx(np.array(bounds(rows)[:4]))


def test_one_decision_per_horizon():
    """24 h: midnights; 8 h: three a day; 72 h: every third midnight."""
    rows = pd.DataFrame({"symbol": "A", "ts_ms": START + np.arange(9 * 24) * HOUR})

    assert [len(non_overlapping(rows, h)) for h in (24, 8, 72)] == [9, 27, 3]
    assert (non_overlapping(rows, 72)["ts_ms"] % DAY == 0).all()


def test_calibration_counts():
    """Bins of five, the last to 100; unknown scores and outcomes are left out; few blocks, no interval."""
    rows = pd.DataFrame({
        "symbol": "A", "ts_ms": START + np.arange(8) * HOUR, "srs": [0, 4, 5, 94, 95, 100, np.nan, 50], "event": [0, 1, 0, 1, 1, 1, 1, np.nan],
    })  # fmt: skip

    found = calibration(rows)

    assert list(found[["srs_from", "srs_to"]].itertuples(index=False, name=None))[-2:] == [(90, 94), (95, 100)]
    assert found["hours"].tolist() == [2, 1] + [0] * 16 + [1, 2]
    assert found["events"].tolist() == [1, 0] + [0] * 16 + [1, 2]
    assert found["observed_pct"].iloc[[0, 1, 18, 19]].tolist() == [50, 0, 100, 100]
    assert found["observed_pct"].iloc[2:18].isna().all()
    assert found["base_pct"].tolist() == [pytest.approx(4 / 6 * 100)] * 20
    assert found["lo_pct"].isna().all()
    assert found["why"].iloc[[0, 2]].tolist() == ["not enough data: 1 of 20 blocks", "not enough data: 0 of 20 blocks"]


def test_calibration_has_intervals_when_there_are_blocks():
    """Thirty blocks: the observed share lies inside its interval, in order."""
    found = calibration(wild())

    assert (found["why"] == "").all()
    assert (found["lo_pct"] <= found["observed_pct"]).all()
    assert (found["observed_pct"] <= found["hi_pct"]).all()


def test_nothing_at_all():
    """No rows, no blocks, no error."""
    rows = wild().iloc[:0]

    assert bounds(rows).why == "not enough data: 0 of 20 blocks"
    assert calibration(rows)["hours"].sum() == 0
