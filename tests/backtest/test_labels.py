"""What followed each decision: recounted by hand, with holes, at the end of history, and without a look into the past's future."""

import itertools
import math
import statistics

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radar.backtest.labels import EVENTS, LABELS, PRIMARY, Costs, Event, episodes, label, labelled, sd24_pct
from radar.models import Settlement

HOUR = 3_600_000
MIN5 = 300_000
START = 1_735_689_600_000  # 2025-01-01 00:00 UTC
NO_FUNDING: list[Settlement] = []


def candles(count, step_ms=HOUR, *, price=100.0, start=START, highs=(), opens=(), closes=()):
    """Flat candles at `price`; pairs (position, value) in `highs`, `opens` and `closes` stand out."""
    frame = pd.DataFrame(
        {name: np.full(count, price) for name in ("open", "high", "low", "close")}, index=start + np.arange(count) * step_ms
    )
    for name, changes in (("high", highs), ("open", opens), ("close", closes)):
        for at, value in changes:
            frame.iloc[at, frame.columns.get_loc(name)] = value
    return frame


def hours(*numbers):
    """Decision times, hours after START."""
    return START + np.array(numbers, dtype=np.int64) * HOUR


def values(series):
    """A list with None for NaN."""
    return [None if math.isnan(x) else x for x in series]


@pytest.mark.parametrize(("high", "expected"), [(109.99, 0.0), (110.0, 1.0)])
def test_v77_v78_touching_counts(high, expected):
    """Entry 100, X 10 %: a high of 109.99 is no squeeze, one of 110.0 is."""
    market = candles(24, highs=[(0, 101.0), (1, high)])

    found = label(hours(0), market, NO_FUNDING)

    assert found["event"].tolist() == [expected]
    assert found["mae_pct"].tolist() == [pytest.approx(high - 100)]


def test_a_spike_counted_by_hand():
    """52 hours at 100; the candle of hour 26 peaks at 112 (+12 %). Hours 3 to 26 see it, 2 and 27 do not, 29 cannot know."""
    market = candles(52, highs=[(26, 112.0)])

    found = label(hours(0, 2, 3, 14, 26, 27, 28, 29, 51), market, NO_FUNDING)

    assert values(found["event"]) == [0, 0, 1, 1, 1, 0, 0, None, None]
    assert values(found["mae_pct"].round(9)) == [0, 0, 12, 12, 12, 0, 0, None, None]
    assert values(found["lead_min"]) == [None, None, 23 * 60, 12 * 60, 0, None, None, None, None]
    assert found["adverse_pct"].tolist() == [10.0] * 9


def test_entry_is_the_open_and_the_lead_is_to_the_first_reach():
    """Opens of 90 and 105: 99 is +10 % over the one, 115.5 over the other; the first candle that reached it counts."""
    market = candles(60, MIN5, price=80.0, opens=[(0, 90.0), (12, 105.0)], highs=[(5, 98.9), (7, 99.0), (20, 115.5), (21, 300.0)])
    market = pd.concat([market, candles(600, MIN5, price=80.0, start=START + 60 * MIN5)])

    found = label(hours(0, 1), market, NO_FUNDING)

    assert found["event"].tolist() == [1, 1]
    assert found["lead_min"].tolist() == [35, 40]  # candles 7 and 20; the second hour opens with candle 12
    assert found["mae_pct"].tolist() == [pytest.approx((300 / 90 - 1) * 100), pytest.approx((300 / 105 - 1) * 100)]


@pytest.mark.parametrize(("missing", "expected"), [(5, [0.0, 1.0]), (6, [None, None])])
def test_a_horizon_with_holes_is_unknown(missing, expected):
    """Of 288 candles 5 may be missing (1.7 %), 6 may not (2.1 %); then even a squeeze that was seen is not counted."""
    for high, event in zip((100.0, 150.0), expected, strict=True):
        market = candles(288, MIN5, highs=[(200, high)])
        market = market.drop(market.index[50 : 50 + missing])

        found = label(hours(0), market, NO_FUNDING)

        assert values(found["event"]) == [event]
        assert math.isnan(found["mae_pct"].iloc[0]) == (event is None)


def test_an_hour_without_its_candle_is_unknown():
    """No open at t, no entry: nothing is known, whatever followed; a candle of NaN or 0 is no candle."""
    market = candles(400, MIN5, highs=[(100, 200.0)])
    empty, zero = market.copy(), market.copy()
    empty.iloc[12] = np.nan
    zero.iloc[12] = 0.0

    for broken in (market.drop(market.index[12]), empty, zero):
        assert values(label(hours(0, 1, 2), broken, NO_FUNDING)["event"]) == [1, None, 1]

    assert label(hours(-1), market, NO_FUNDING)["event"].isna().all()


def test_no_candles_no_answers():
    """An empty history leaves every label unknown."""
    found = label(hours(0, 1), candles(0), NO_FUNDING)

    assert found[["mae_pct", "event", "lead_min", "pnl_short_pct"]].isna().all(axis=None)


def test_a_day_of_a_short_counted_by_hand():
    """100 to 97 earns 3; costs 4 sides-percent 0.05 + 0.02 twice; funding −0.02 + 0.03 + 0.04, the one at t itself is not ours."""
    market = candles(24, closes=[(23, 97.0)])
    paid = [(0, 0.5), (8, -0.02), (16, 0.03), (24, 0.04), (32, 0.7)]
    settled = [Settlement(ts_ms=START + h * HOUR + 4, rate_pct=rate) for h, rate in paid]  # they come some milliseconds late

    assert label(hours(0), market, settled)["pnl_short_pct"].tolist() == [pytest.approx(3 - 0.14 + 0.05)]
    assert label(hours(0), market, settled[::-1], costs=Costs(0, 0))["pnl_short_pct"].tolist() == [pytest.approx(3.05)]


def test_a_missing_settlement_is_not_zero():
    """Eight hours without a settlement: what was received is unknown, and so is the P&L; the event is not."""
    settled = [Settlement(ts_ms=START + h * HOUR, rate_pct=0.01) for h in (8, 24)]

    found = label(hours(0), candles(24), settled)

    assert values(found["pnl_short_pct"]) == [None]
    assert found["event"].tolist() == [0]


def test_the_short_is_held_a_day_whatever_the_horizon():
    """P&L is always of 24 h."""
    market = candles(80, closes=[(7, 50.0), (23, 90.0), (71, 10.0)])
    settled = [Settlement(ts_ms=START + h * HOUR, rate_pct=0.0) for h in range(0, 80, 4)]

    found = [label(hours(0), market, settled, event)["pnl_short_pct"].iloc[0] for event in EVENTS]

    assert found == [pytest.approx(9.86)] * 4


def test_sd24_by_hand():
    """Closes 100, 102, 99, … by hand with statistics.pstdev; a week of returns is needed."""
    closes = [100 + (7 * i) % 5 for i in range(200)]
    market = candles(200, closes=list(enumerate(closes)))
    returns = [(b / a - 1) * 100 for a, b in itertools.pairwise(closes)]

    found = sd24_pct(hours(168, 169, 200), market)

    assert values(found) == [
        None,
        pytest.approx(statistics.pstdev(returns[:168]) * 24**0.5),
        pytest.approx(statistics.pstdev(returns) * 24**0.5),
    ]


def test_sd24_forgets_after_thirty_days():
    """Only the last 720 returns count."""
    closes = [100.0 if i < 100 else 100 + (7 * i) % 5 for i in range(900)]
    returns = [(b / a - 1) * 100 for a, b in itertools.pairwise(closes)]

    found = sd24_pct(hours(900), candles(900, closes=list(enumerate(closes))))

    assert found == pytest.approx([statistics.pstdev(returns[-720:]) * 24**0.5])


def test_a_price_that_never_moved_has_no_yardstick():
    """2 × 0 would make every hour a squeeze; it is unknown instead."""
    found = label(hours(300), candles(400), NO_FUNDING, Event(24, None))

    assert found[["adverse_pct", "event"]].isna().all(axis=None)
    assert found["mae_pct"].tolist() == [0]


def test_the_vol_scaled_event_uses_each_hours_own_x():
    """X is twice sd24 of that hour."""
    closes = [100 + (7 * i) % 5 for i in range(300)]
    market = candles(300, closes=list(enumerate(closes)), highs=[(260, 140.0)])
    sd = sd24_pct(hours(200, 250), market)

    found = label(hours(200, 250), market, NO_FUNDING, Event(24, None))

    assert found["adverse_pct"].tolist() == pytest.approx((2 * sd).tolist())
    assert (found["event"].tolist(), found["lead_min"].tolist()[1]) == ([0, 1], 600)


def wild(days=6, step_ms=MIN5, missing_share=0.01):
    """A rough market with holes."""
    rng = np.random.default_rng(3)
    count = days * 24 * HOUR // step_ms
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.003 * (step_ms / MIN5) ** 0.5, count)))
    opened = np.concatenate([[100], close[:-1]])
    high = np.maximum(opened, close) * (1 + np.abs(rng.normal(0, 0.001, count)))
    frame = pd.DataFrame(
        {"open": opened, "high": high, "low": np.minimum(opened, close), "close": close}, index=START + np.arange(count) * step_ms
    )
    return frame.drop(frame.index[np.unique(rng.integers(1, count - 1, round(count * missing_share)))])


@pytest.mark.parametrize("event", [Event(24, 4.0), Event(8, 2.0), Event(72, 6.0), Event(3, 0.5)])
@pytest.mark.parametrize("step_ms", [60_000, MIN5])
def test_a_plain_double_loop_says_the_same(event, step_ms):
    """Every hour and candle one by one, from a dictionary."""
    market = wild(step_ms=step_ms)
    book = {int(ts): (row.open, row.high) for ts, row in market.iterrows()}
    end = max(book) + step_ms
    times = [START + h * HOUR for h in range(144)]
    wanted = []
    for t in times:
        need = range(t, t + event.horizon_h * HOUR, step_ms)
        seen = [(ts, book[ts][1]) for ts in need if ts in book]
        if t not in book or t + event.horizon_h * HOUR > end or len(need) - len(seen) > 0.02 * len(need):
            wanted.append((None, None, None))
            continue
        limit = book[t][0] * (1 + event.adverse_pct / 100)
        reached = next(((ts - t) / 60_000 for ts, high in seen if high >= limit), None)
        wanted.append(((max(high for _, high in seen) / book[t][0] - 1) * 100, float(reached is not None), reached))

    found = label(np.array(times), market, NO_FUNDING, event)

    assert {0.0, 1.0, None} <= {w[1] for w in wanted}
    assert values(found["event"]) == [w[1] for w in wanted]
    assert values(found["lead_min"]) == [w[2] for w in wanted]
    assert values(found["mae_pct"]) == [w[0] if w[0] is None else pytest.approx(w[0]) for w in wanted]


MARKET = wild()


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(0, 70))
def test_labels_see_only_their_own_horizon(hour):
    """Other prices before t and after t + H change nothing; what is gone after t + H changes nothing either."""
    t, end = START + hour * HOUR, START + (hour + 24) * HOUR
    inside = (MARKET.index >= t) & (MARKET.index < end)
    other = MARKET.where(np.column_stack([inside] * 4), MARKET * 7)
    before = label(np.array([t]), MARKET, NO_FUNDING)

    pd.testing.assert_frame_equal(label(np.array([t]), other, NO_FUNDING), before)
    if end - MIN5 in MARKET.index:
        pd.testing.assert_frame_equal(label(np.array([t]), MARKET[MARKET.index < end], NO_FUNDING), before)


def test_sd24_knows_nothing_of_the_future():
    """Cutting the candles at t leaves sd24 at t as it was."""
    long = wild(days=20)
    times = hours(*range(200, 470, 30))

    assert [sd24_pct(np.array([t]), long[long.index < t])[0] for t in times] == pytest.approx(sd24_pct(times, long).tolist(), nan_ok=True)


@pytest.mark.parametrize(
    ("market", "times", "why"),
    [
        (candles(30), [START + 1], "does not fall on"),
        (candles(30).iloc[::-1], [START], "ascend"),
        (candles(30, step_ms=7 * 60_000), [START], "divides the hour"),
    ],
)
def test_what_makes_no_sense_is_refused(market, times, why):
    """Off the grid, out of order, or a grid that misses the hour."""
    with pytest.raises(ValueError, match=why):
        label(np.array(times), market, NO_FUNDING)


def test_each_symbol_gets_its_own():
    """Rows keep their order; a second call replaces the labels."""
    rows = pd.DataFrame({"symbol": ["B", "A", "B"], "ts_ms": hours(0, 0, 1), "light": [1, 2, 3]}, index=[7, 7, 9])
    market = {"A": candles(60, highs=[(3, 120.0)]), "B": candles(60)}

    found = labelled(rows, market, {})

    assert list(found.columns) == ["symbol", "ts_ms", "light", *LABELS]
    assert found["event"].tolist() == [0, 1, 0]
    pd.testing.assert_frame_equal(labelled(found, market, {}, PRIMARY), found)
    assert "event" not in rows


def test_overlapping_windows_are_one_squeeze():
    """H = 8: hours 2, 3, 9 and 16 hang together by 7 hours at most; 24 is 8 after 16 and stands alone; B is another coin."""
    rows = pd.DataFrame(
        [("A", 2, 1, 300), ("A", 3, 1, 60), ("A", 9, 1, 0), ("A", 16, 1, 400), ("A", 24, 1, 30), ("B", 25, 1, 0), ("B", 26, 0, np.nan),
         ("B", 27, np.nan, np.nan)],
        columns=["symbol", "ts_ms", "event", "lead_min"],
    )  # fmt: skip
    rows["ts_ms"] = hours(*rows["ts_ms"])

    found = episodes(rows.sample(frac=1, random_state=1), 8)

    assert found["symbol"].tolist() == ["A", "A", "B"]
    assert found["first_ms"].tolist() == hours(2, 24, 25).tolist()
    assert found["last_ms"].tolist() == hours(16, 24, 25).tolist()
    assert found["hours"].tolist() == [4, 1, 1]
    assert found["breach_ms"].tolist() == [START + 4 * HOUR, START + 24 * HOUR + 30 * 60_000, START + 25 * HOUR]
    assert len(episodes(rows[rows["event"] != 1], 8)) == 0


def test_events_are_written_as_a_trader_reads_them():
    """The presets of the method, the primary one first."""
    assert [event.text for event in EVENTS] == ["≥ 10 % within 24 h", "≥ 5 % within 8 h", "≥ 20 % within 72 h", "≥ 2 × sd24 within 24 h"]
