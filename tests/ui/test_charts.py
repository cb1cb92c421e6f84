"""The symbol's figure: one time axis, gaps that stay gaps, few bytes."""

import numpy as np
import pandas as pd
import pytest

from radar.models import Light
from radar.ui import charts

COLUMNS = (
    "mark", "index", "last", "basis_pct", "basis_twap5_pct", "basis_twap15_pct", "basis_twap60_pct", "funding_1h_pct", "funding_daily_est_pct",
    "oi_usdt", "delta_oi_1h_usdt", "delta_oi_4h_usdt", "delta_oi_24h_usdt", "perp_vol24_usdt", "spot_vol24_usdt", "perp_dominance_pct",
    "perp_dominance_binance_pct",
    "orderbook_imbalance", "spot_imbalance", "imbalance_band_pct",
)  # fmt: skip
SETTLED = pd.DataFrame(
    {"funding_1h_pct": [np.nan, -0.04, 0.01], "rate_pct": [-0.3, -0.32, 0.08], "interval_hours": [np.nan, 8.0, 8.0]},
    index=pd.DatetimeIndex(["2026-01-01T00:00Z", "2026-01-01T08:00Z", "2026-01-01T16:00Z"]),
)


@pytest.fixture
def frame():
    """Two days of minutes with a hole in the middle."""
    index = pd.date_range("2026-01-01", periods=2880, freq="min", tz="UTC")
    made = pd.DataFrame(1.5, index=index, columns=list(COLUMNS))
    made.iloc[1000:1100] = np.nan
    made["light"] = ["RED"] * 1000 + [None] * 100 + ["YELLOW"] * 1780
    return made


def drawn(frame, settled=SETTLED, **options):
    """The figure."""
    return charts.figure(frame, settled, revision="x", **options)


def test_every_trace_shares_the_time_axis(frame):
    """Zoom and crosshair belong to all panels."""
    assert {trace.xaxis for trace in drawn(frame).data} == {"x"}


def test_gaps_are_gaps(frame):
    """No line is drawn across missing minutes, and no area either."""
    lines = [t for t in drawn(frame).data if t.type == "scatter" and t.dx]
    areas = [t for t in lines if t.fill]

    assert not any(t.connectgaps for t in lines)
    assert len(areas) == 4  # two stretches of two areas
    assert all(np.isfinite(t.y).all() for t in areas)


def test_an_unknown_column_is_an_empty_line(frame):
    """A venue that never answered does not break the page."""
    made = drawn(frame.drop(columns=["spot_imbalance", "spot_vol24_usdt"])).data

    assert [np.isnan(t.y).all() for t in made if t.name == "spot"] == [True]


def test_binance_alone_is_a_thin_dotted_line(frame):
    """Beside the aggregate, on the same axis."""
    lines = {t.name: t for t in drawn(frame).data if t.name in ("perp share", "Binance alone")}

    assert {t.yaxis for t in lines.values()} == {"y16"}
    assert (lines["Binance alone"].line.dash, lines["Binance alone"].line.width) == ("dot", 1)


def test_an_axis_on_the_right_always_has_the_one_it_lies_over(frame):
    """Without it, it would stretch over the whole figure."""
    made = drawn(frame.drop(columns=["perp_vol24_usdt"])).data

    assert {axis for axis in charts.RIGHT if axis not in {t.yaxis for t in made}} == set()


def test_an_empty_window_can_be_drawn():
    """Nothing stored yet."""
    assert drawn(pd.DataFrame(index=pd.DatetimeIndex([], tz="UTC")), SETTLED.iloc[:0]).data


def test_settled_bars_span_their_own_interval(frame):
    """A settlement whose interval is unknown is left out; red means the short paid."""
    bar = next(t for t in drawn(frame).data if t.name == "settled")

    assert list(bar.x) == ["2026-01-01 04:00:00", "2026-01-01 12:00:00"]
    assert list(bar.marker.color) == [charts.PALETTES["dark"]["red"], charts.PALETTES["dark"]["green"]]


def test_the_light_is_said_in_words_and_marked_when_back_filled(frame):
    """Stretches of one light; back-filled ones are another stretch."""
    source = pd.Series([1] * 500 + [0] * 2380, index=frame.index)
    runs = charts.light_runs(frame["light"], source)

    assert [(run.light, run.relived) for run in runs] == [(Light.RED, True), (Light.RED, False), (Light.YELLOW, False)]
    assert runs[0].text == "NO SHORT (back-filled)"


def test_no_range_is_set_on_the_time_axis(frame):
    """A range that moves with every refresh would undo a zoom."""
    assert drawn(frame).layout.xaxis.range is None


def test_columns_travel_as_float32(frame):
    """A tenth of the bytes of lists."""
    assert {t.y.dtype for t in drawn(frame).data if t.type == "scatter" and t.dx} == {np.dtype("float32")}
    assert len(drawn(frame).to_json()) < 420_000


def test_local_time(frame):
    """Times are those of the settings' zone."""
    assert next(t for t in drawn(frame, zone="Asia/Tokyo").data if t.name == "mark").x0 == "2026-01-01 09:00:00"
