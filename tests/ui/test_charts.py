"""What travels to the charts: few bytes, gaps that stay gaps, nothing lost that a trader would miss."""

import json

import numpy as np
import pandas as pd
import pytest

from radar.models import Progress
from radar.series import chart_step_min, charted
from radar.ui import charts

SETTLED = pd.DataFrame(
    {"funding_1h_pct": [np.nan, -0.04, 0.01], "rate_pct": [-0.3, -0.32, 0.08], "interval_hours": [np.nan, 8.0, 8.0]},
    index=pd.DatetimeIndex(["2026-01-01T00:00Z", "2026-01-01T08:00Z", "2026-01-01T16:00Z"]),
)


def unpacked(data):
    """Header, columns and runs (first minute, minutes, 2 × code + relived), as plot_data.js reads them."""
    at = 4 + int.from_bytes(data[:4], "little")
    header = json.loads(data[4:at])
    columns = {}
    for name, count, first, step in header["columns"]:
        raw = np.frombuffer(data, "<u2" if step else "<f4", count, at)
        columns[name] = np.where(raw == charts.GAP, np.nan, first + raw * step) if step else raw
        at += raw.nbytes
    starts, lengths, codes = np.frombuffer(data, "<u2", 3 * header["runs"], at).astype(int).reshape(3, -1).tolist()
    return header, columns, [(header["first"] + a, b, c) for a, b, c in zip(starts, lengths, codes, strict=True)]


def minutes(hours):
    """So many hours of a market that never stands still, with a hole of 100 minutes."""
    dice, count = np.random.default_rng(7), hours * 60
    index = pd.date_range("2026-01-01", periods=count, freq="min", tz="UTC")
    made = pd.DataFrame({name: 1 + dice.normal(0, 0.01, count).cumsum() for name in charts.COLUMNS}, index=index)
    made["oi_usdt"] *= 5e7
    made.iloc[100:200] = np.nan
    made["light"] = ["RED"] * 100 + [None] * 100 + ["YELLOW"] * (count - 200)
    made["source"] = 0.0
    return made


def sent(hours, frame=None, **more):
    """The bytes of a window."""
    frame = minutes(hours) if frame is None else frame
    return charts.payload("CALMUSDT", hours, charted(frame, chart_step_min(hours)), SETTLED, **more)


@pytest.mark.parametrize(("hours", "most"), [(6, 20_000), (48, 150_000), (168, 200_000), (720, 280_000)])
def test_a_window_is_small(hours, most):
    """48 h of minutes and 30 days both fit into what one picture weighs."""
    assert len(sent(hours)) <= most


def test_the_worst_month_is_bounded():
    """A light that turns every minute for thirty days still travels whole, at six bytes a turn."""
    frame = minutes(720)
    frame["light"] = ["RED", "GREEN"] * (len(frame) // 2)
    data = sent(720, frame)

    assert len(unpacked(data)[2]) == 43_200
    assert len(data) < 550_000


def test_what_arrives_is_what_was_measured():
    """Prices to seven digits, the rest within half the last digit that is shown; gaps are gaps."""
    frame = minutes(48)
    header, columns, _ = unpacked(sent(48, frame))

    assert header["count"] == len(frame)
    for name, allowed in charts.COLUMNS.items():
        span = frame[name].max() - frame[name].min()
        near = max(1e-6 * frame[name].abs().max(), min(allowed, span / 130_000) * 1.01)
        np.testing.assert_allclose(columns[name], frame[name], rtol=0, atol=near, equal_nan=True)


def test_a_far_outlier_costs_bytes_not_digits():
    """One glitched basis does not make the others coarse."""
    frame = minutes(48)
    frame.iloc[500, frame.columns.get_loc("basis_pct")] = 9_000.0
    columns = unpacked(sent(48, frame))[1]

    assert columns["basis_pct"][600] == pytest.approx(frame["basis_pct"].iloc[600], abs=0.0005)


def test_a_line_without_readings_is_left_out():
    """So that its legend can say so; an index that never moved is one that was read."""
    frame = minutes(48).drop(columns=["spot_imbalance"])
    frame["spot_vol24_usdt"], frame["index"] = np.nan, 2.5
    columns = unpacked(sent(48, frame))[1]

    assert {"spot_imbalance", "spot_vol24_usdt"} & columns.keys() == set()
    assert columns["index"][0] == 2.5


def test_settlements_carry_their_own_interval():
    """One whose interval is unknown is left out."""
    header = unpacked(sent(48))[0]

    assert [row[1:] for row in header["settled"]] == [[8.0, -0.04], [8.0, 0.01]]
    assert header["settled"][0][0] == 1_767_254_400_000


def test_nothing_read_yet_says_how_far_it_is():
    """No columns, but what is being read."""
    progress = Progress(symbol="CALMUSDT", done=3, total=12, stage="minutes of 48 h")
    header, columns, runs = unpacked(charts.payload("CALMUSDT", 48, None, reading=progress))

    assert (header["count"], columns, runs) == (0, {}, [])
    assert header["reading"] == [3, 12, "minutes of 48 h"]


def test_an_empty_frame_is_nothing_read():
    """A grid of minutes without a single reading is not drawn."""
    empty = charted(minutes(6).drop(columns=["light"]).mul(np.nan), 1)

    assert charts.is_empty(empty)
    assert unpacked(charts.payload("CALMUSDT", 6, empty))[0]["count"] == 0


def test_the_same_minute_is_the_same_bytes():
    """Streamlit then sends a reference instead of the bytes."""
    assert sent(48) == sent(48)
