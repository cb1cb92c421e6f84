"""A window as charts draw it: thinned without losing a peak, a short light or a gap."""

import numpy as np
import pandas as pd
import pytest

from radar.bars import LIGHT_CODES
from radar.models import Light
from radar.series import charted

RED, YELLOW = LIGHT_CODES[Light.RED], LIGHT_CODES[Light.YELLOW]


def minutes(count, start="2026-01-01T00:00Z", **columns):
    """A calm market, minute by minute."""
    index = pd.date_range(start, periods=count, freq="min")
    return pd.DataFrame({"mark": 1.0, "light": "YELLOW", "source": 0.0, **columns}, index=index)


def test_a_red_minute_survives_thirty_days():
    """Lights come from the minutes, whatever the step."""
    frame = minutes(43_200)
    frame.iloc[20_000, frame.columns.get_loc("light")] = "RED"
    runs = charted(frame, 15).lights

    assert [(run.minutes, run.code) for run in runs] == [(20_000, YELLOW), (1, RED), (23_199, YELLOW)]


def test_minutes_without_a_light_are_no_stretch():
    """A gap stays one, and what was judged afterwards is a stretch of its own."""
    frame = minutes(60, light=["RED"] * 20 + [None] * 10 + ["RED"] * 30, source=[1.0] * 10 + [0.0] * 50)
    first = charted(frame, 1).lights[0].first
    runs = charted(frame, 1).lights

    assert [(run.first - first, run.minutes, run.relived) for run in runs] == [(0, 10, True), (10, 10, False), (30, 30, False)]


@pytest.mark.parametrize("step", [5, 15])
def test_a_peak_of_one_minute_survives(step):
    """Lowest and highest of every step, in the order they came."""
    frame = minutes(60)
    frame.iloc[31, 0], frame.iloc[33, 0] = 9.0, 0.5
    chart = charted(frame, step)
    at = 2 * (31 // step)

    assert chart.extremes["mark"][at : at + 2].tolist() == [9.0, 0.5]
    assert len(chart.extremes["mark"]) == 2 * len(chart.frame)
    assert chart.frame["mark"].iloc[31 // step] == 1.0


def test_a_gap_stays_a_gap():
    """A step without a reading is drawn by no line; one with a single reading shows it."""
    frame = minutes(60)
    frame.iloc[15:45, 0] = np.nan
    frame.iloc[40, 0] = 3.0
    chart = charted(frame, 15)

    assert np.isnan(chart.frame["mark"]).tolist() == [False, True, False, False]
    assert np.isnan(chart.extremes["mark"]).tolist() == [False, False, True, True, False, False, False, False]
    assert chart.frame["mark"].iloc[2] == 3.0


def test_a_window_may_begin_inside_a_step():
    """Its first point holds what is known of that step."""
    chart = charted(minutes(20, start="2026-01-01T00:07Z", mark=np.arange(20.0)), 15)

    assert chart.frame.index[0] == pd.Timestamp("2026-01-01T00:00Z")
    assert chart.frame["mark"].tolist() == [7.0, 19.0]
    assert chart.extremes["mark"].tolist() == [0.0, 7.0, 8.0, 19.0]
    assert chart.last_minute == pd.Timestamp("2026-01-01T00:26Z").timestamp() // 60


def test_every_minute_has_its_row_up_to_two_days():
    """Nothing is thinned, so nothing needs its extremes."""
    chart = charted(minutes(30), 1)

    assert len(chart.frame) == 30
    assert chart.extremes == {}


def test_an_empty_window():
    """Nothing stored."""
    chart = charted(minutes(0), 15)

    assert chart.frame.empty
    assert chart.lights == ()
