"""A backtest drawn: how often the event followed by SRS, and the price with its lights and squeezes."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from radar.bars import LIGHT_CODES
from radar.models import Light
from radar.report import Report
from radar.ui.look import LIGHTS

__all__ = ["calibration", "price"]

PALETTES = {  # Streamlit's own charts know no CSS variables: the same colours as .streamlit/config.toml
    "dark": {
        "red": "#f6465d", "amber": "#f0b90b", "green": "#2ebd85", "grey": "#8b98a9", "blue": "#6ea8fe", "violet": "#a78bfa",
        "ink": "#e6eaf0", "line": "#222a34", "violet_fill": "rgba(167,139,250,.22)",
    },
    "light": {
        "red": "#d02a41", "amber": "#8a6400", "green": "#0f7550", "grey": "#5b6675", "blue": "#1d5bd0", "violet": "#6d43d9",
        "ink": "#14181f", "line": "#d3d9e1", "violet_fill": "rgba(109,67,217,.16)",
    },
}  # fmt: skip
POINTS = 1_500  # as many as a wide screen shows
MOST_BANDS = 120
SEEN = 0.02  # of a point's time
SHORT = {Light.RED: "NO SHORT", Light.YELLOW: "BASIS/WAIT", Light.GREEN: "WINDOW", Light.UNKNOWN: "NO DATA"}


def _base(colours: dict[str, str], height: int, *, phone: bool) -> dict[str, Any]:
    axis = {"gridcolor": colours["line"], "zeroline": False, "fixedrange": True, "tickfont": {"size": 10}, "automargin": True}
    return {
        "height": height, "margin": {"l": 62, "r": 16, "t": 26, "b": 34}, "showlegend": False, "template": None, "font": {"size": 11},
        "hoverlabel": {"font": {"size": 11}}, "dragmode": False if phone else "zoom", "xaxis": dict(axis), "yaxis": dict(axis), "annotations": [],
    }  # fmt: skip


def _title(text: str, y: float = 1.0) -> dict[str, Any]:
    return {
        "text": text, "xref": "paper", "yref": "paper", "x": 0, "y": y, "xanchor": "left", "yanchor": "bottom", "showarrow": False,
        "font": {"size": 11}, "align": "left",
    }  # fmt: skip


def _key(colour: str, text: str) -> str:
    return f'<span style="color:{colour}">{text}</span>'


def calibration(report: Report, scheme: str = "dark", *, phone: bool = False) -> go.Figure:
    """Per five points of SRS: how often the event followed (dots as big as their hours, with intervals where there are), any hour (line), hours (bars)."""
    colours, table = PALETTES.get(scheme, PALETTES["dark"]), report.calibration
    table = table[table["hours"] > 0]
    middle = table["srs_from"].to_numpy() + 2.5
    names = [f"SRS {a} to {b}" for a, b in zip(table["srs_from"], table["srs_to"], strict=True)]
    bounds = table[["lo_pct", "hi_pct", "observed_pct"]].to_numpy(dtype=float)
    up, down = bounds[:, 1] - bounds[:, 2], bounds[:, 2] - bounds[:, 0]
    told = np.column_stack([names, [f"{h:,}" for h in table["hours"]], [why or "95 % interval shown" for why in table["why"]]])
    sizes = 4 + 9 * np.sqrt(table["hours"] / max(table["hours"].max(), 1)) if len(table) else []
    base = float(table["base_pct"].iloc[0]) if len(table) else np.nan
    hover = "%{customdata[0]}: %{y:.1f} % of %{customdata[1]} h<br>%{customdata[2]}<extra></extra>"
    traces = [
        {"type": "bar", "x": middle, "y": table["hours"], "width": 4.4, "yaxis": "y2", "marker": {"color": colours["grey"], "opacity": 0.28},
         "hoverinfo": "skip"},
        {"type": "scatter", "mode": "lines", "x": [0, 100], "y": [base, base], "line": {"color": colours["grey"], "dash": "dash", "width": 1.4},
         "hovertemplate": "any hour: %{y:.1f} %<extra></extra>"},
        {"type": "scatter", "mode": "markers", "x": middle, "y": table["observed_pct"], "customdata": told, "hovertemplate": hover,
         "marker": {"size": sizes, "color": colours["blue"]},
         "error_y": {"type": "data", "symmetric": False, "array": up, "arrayminus": down, "thickness": 1.4, "width": 4, "color": colours["blue"]}},
    ]  # fmt: skip
    layout = _base(colours, 300, phone=phone)
    layout["margin"]["r"] = 46
    layout["xaxis"] |= {"range": [0, 100], "dtick": 10, "title": {"text": "SRS"}}
    layout["yaxis"] |= {"rangemode": "tozero", "ticksuffix": " %", "zeroline": True, "zerolinecolor": colours["grey"]}
    right = {"overlaying": "y", "side": "right", "showgrid": False, "tickmode": "auto", "nticks": 4, "ticksuffix": " h"}
    layout["yaxis2"] = {"fixedrange": True, "tickfont": {"size": 10}} | right
    keys = f"{_key(colours['blue'], '● followed by the event')}  {_key(colours['grey'], '╌ any hour  ▮ hours, right')}"
    layout["annotations"] = [_title(f"<b>Event by SRS</b>  {keys}")]
    return go.Figure({"data": traces, "layout": layout}, skip_invalid=False)


def _step_ms(rows: pd.DataFrame) -> int:
    """Milliseconds a point, so that a window has no more of them than a screen shows."""
    span = int(rows["ts_ms"].iloc[-1] - rows["ts_ms"].iloc[0]) if len(rows) else 0
    return max(300_000, -(-span // POINTS // 300_000) * 300_000)


def _shares(rows: pd.DataFrame, slot: np.ndarray, slots: np.ndarray) -> dict[Light, np.ndarray]:
    """Per light the share of each slot that it was on."""
    lit = rows["light"].to_numpy()
    count = np.bincount(slot, minlength=len(slots))
    return {light: np.bincount(slot, weights=lit == LIGHT_CODES[light], minlength=len(slots)) / np.maximum(count, 1) for light in SHORT}


def price(report: Report, symbol: str, scheme: str = "dark", *, zone: str = "UTC", phone: bool = False) -> go.Figure:
    """Last price, the four lights as lanes below it, and every squeeze: its hours shaded, its breach marked."""
    colours = PALETTES.get(scheme, PALETTES["dark"])
    rows = report.rows[report.rows["symbol"] == symbol]
    layout = _base(colours, 360, phone=phone)
    if rows.empty:
        return go.Figure({"data": [], "layout": layout}, skip_invalid=False)
    step = _step_ms(rows)
    slots, slot = np.unique(rows["ts_ms"].to_numpy() // step, return_inverse=True)
    grid = np.arange(slots[0], slots[-1] + 1)
    last = pd.Series(rows["last"].to_numpy()).groupby(slot).last().set_axis(slots).reindex(grid)
    offset = pd.Timestamp(int(rows["ts_ms"].iloc[-1]), unit="ms", tz="UTC").tz_convert(zone).utcoffset()

    def when(ms: float) -> str:
        return (pd.Timestamp(int(ms), unit="ms") + offset).strftime("%Y-%m-%d %H:%M")

    x = {"x0": when(grid[0] * step), "dx": step}
    traces: list[dict[str, Any]] = [
        {"type": "scatter", "mode": "lines", **x, "y": last.to_numpy(), "line": {"color": colours["ink"], "width": 1.3}, "name": "last",
         "hovertemplate": "%{y}<extra></extra>"}
    ]  # fmt: skip
    for lane, (light, share) in enumerate(_shares(rows, slot, slots).items()):
        on = pd.Series(share, index=slots).reindex(grid, fill_value=0.0).to_numpy() > SEEN
        edges = np.flatnonzero(np.diff(on.astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
        spans = [(grid[0] + a, grid[0] + b) for a, b in edges]
        traces.append(
            {"type": "bar", "x": [when((a + b) / 2 * step) for a, b in spans], "width": [float((b - a) * step) for a, b in spans], "y": [0.8] * len(spans),
             "base": [-lane - 0.4] * len(spans), "yaxis": "y2", "marker": {"color": colours[LIGHTS[light].tone], "line": {"width": 0}},
             "customdata": [f"{SHORT[light]} from {when(a * step)} to {when(b * step)}" for a, b in spans], "name": SHORT[light],
             "hovertemplate": "%{customdata}<extra></extra>"}
        )  # fmt: skip
    squeezes = report.squeezes[report.squeezes["symbol"] == symbol]
    traces.append(_breaches(squeezes, last, step, when, colours["violet"]))
    layout["shapes"] = [
        {"type": "rect", "xref": "x", "yref": "paper", "x0": when(s.first_ms), "x1": when(max(s.breach_ms, s.last_ms + 3_600_000)), "y0": 0, "y1": 1,
         "fillcolor": colours["violet_fill"], "line": {"width": 0}, "layer": "below"}
        for s in squeezes.head(MOST_BANDS).itertuples()
    ]  # fmt: skip
    layout["yaxis"] |= {"domain": [0.34, 1.0]}
    lanes = {"tickvals": [-lane for lane in range(len(SHORT))], "ticktext": [f"{LIGHTS[li].shape} {SHORT[li]}" for li in SHORT]}
    layout["yaxis2"] = {"domain": [0, 0.27], "range": [-len(SHORT) + 0.5, 0.5], "fixedrange": True, "showgrid": False, "tickfont": {"size": 10},
                        "automargin": True, "zeroline": False} | lanes  # fmt: skip
    layout |= {"barmode": "overlay", "bargap": 0}
    layout["xaxis"] |= {"type": "date", "anchor": "y2", "tickangle": 0, "nticks": 4 if phone else 9, "showgrid": True, "fixedrange": phone}
    breach = _key(colours["violet"], "▲ breach  ▮ event hours")
    layout["annotations"] = [_title(f"<b>Last price, USDT</b>  {breach}"), _title("<b>Light</b>", 0.27)]
    return go.Figure({"data": traces, "layout": layout}, skip_invalid=False)


def _breaches(squeezes: pd.DataFrame, last: pd.Series, step: int, when: Any, colour: str) -> dict[str, Any]:
    """A mark where a short opened before was under water for the first time."""
    at = last.ffill().reindex((squeezes["breach_ms"] // step).clip(last.index[0], last.index[-1]))
    told = [f"{hours} event hours since {when(first)}" for first, hours in zip(squeezes["first_ms"], squeezes["hours"], strict=True)]
    return {
        "type": "scatter", "mode": "markers", "x": [when(ms) for ms in squeezes["breach_ms"]], "y": at.to_numpy(), "customdata": told, "name": "breach",
        "marker": {"symbol": "triangle-up", "size": 11, "color": colour}, "hovertemplate": "breach %{x}<br>%{customdata}<extra></extra>",
    }  # fmt: skip
