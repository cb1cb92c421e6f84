"""Series → one plotly figure: panels under each other on one time axis, so zoom and crosshair belong to all of them.

Built as plain dictionaries of float32 columns with x0/dx: a tenth of the bytes of lists, and fast. NaN is a gap and stays one.
"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from radar.models import Light
from radar.ui.look import LIGHTS

__all__ = ["HEIGHT", "PALETTES", "figure"]

PALETTES = {
    "dark": {
        "red": "#f6465d", "amber": "#f0b90b", "green": "#2ebd85", "grey": "#8b98a9", "blue": "#6ea8fe", "violet": "#a78bfa",
        "ink": "#e6eaf0", "line": "#222a34", "blue_fill": "rgba(110,168,254,.30)", "violet_fill": "rgba(167,139,250,.22)", "panel": "#12161c",
    },
    "light": {
        "red": "#d02a41", "amber": "#8a6400", "green": "#0f7550", "grey": "#5b6675", "blue": "#1d5bd0", "violet": "#6d43d9",
        "ink": "#14181f", "line": "#d3d9e1", "blue_fill": "rgba(29,91,208,.24)", "violet_fill": "rgba(109,67,217,.16)", "panel": "#f2f4f7",
    },
}  # fmt: skip
PATTERNS = {Light.RED: "", Light.YELLOW: "/", Light.GREEN: "", Light.UNKNOWN: "x"}
GAP, TOP, BOTTOM = 27, 24, 30  # pixels


class Panel(NamedTuple):
    """One strip of the figure: its y axis, height in pixels, unit of the ticks, and the words over it with the colours of its lines."""

    axis: str
    height: int
    unit: str
    title: str
    keys: tuple[tuple[str, str, str], ...]  # (mark, colour, name)
    right: str = ""  # unit of the axis on the right


PANELS = (
    Panel("y", 170, "", "Price, USDT", (("━", "ink", "mark"), ("╌", "blue", "index"), ("┈", "grey", "last"))),
    Panel("y2", 9, "", "", ()),
    Panel("y3", 115, " %", "Basis", (("┈", "grey", "now"), ("╌", "blue", "TWAP5"), ("━", "amber", "TWAP15"), ("━", "violet", "TWAP60"))),
    Panel("y4", 115, " %", "Funding, %/h", (("▮", "red", "settled"), ("━", "blue", "running; right: per day, est.")), " %"),
    Panel("y5", 120, "$", "Open interest",
          (("━", "violet", "OI"), ("━", "amber", "ΔOI 1h"), ("╌", "blue", "4h"), ("┈", "grey", "24h; right, USDT"))),
    Panel("y6", 115, "$", "Volume 24h",
          (("▮", "blue", "perp"), ("▮", "violet", "spot"), ("━", "amber", "perp share"), ("┈", "grey", "Binance alone")), " %"),
    Panel("y7", 95, " ×", "Bids / asks", (("━", "ink", "perp"), ("╌", "violet", "spot"), ("┈", "grey", "± band, right")), " %"),
)  # fmt: skip
RIGHT = {"y4": "y14", "y5": "y15", "y6": "y16", "y7": "y17"}
HEIGHT = TOP + BOTTOM + sum(p.height for p in PANELS) + GAP * (len(PANELS) - 2) + 3


def _axis_name(axis: str) -> str:
    return "yaxis" + axis[1:]


def _grid(index: pd.DatetimeIndex, zone: str) -> tuple[str, int]:
    """Start and step (ms) of the time axis, in local time (one offset: that of the last point)."""
    if len(index) == 0:
        return "1970-01-01", 60_000
    step = int((index[1] - index[0]).total_seconds() * 1000) if len(index) > 1 else 60_000
    return _local(index[0], _offset(index, zone)), step


def _offset(index: pd.DatetimeIndex, zone: str) -> pd.Timedelta:
    return index[-1].tz_convert(zone).utcoffset() if len(index) else pd.Timedelta(0)


def _local(moment: pd.Timestamp, offset: pd.Timedelta) -> str:
    return (moment + offset).strftime("%Y-%m-%d %H:%M:%S")


class _Pen:
    """Draws columns of one frame."""

    def __init__(self, frame: pd.DataFrame, colours: dict[str, str], zone: str) -> None:
        self.frame, self.colours, self.traces = frame, colours, []
        self.x0, self.dx = _grid(frame.index, zone)
        self.offset = _offset(frame.index, zone)

    def column(self, name: str) -> np.ndarray:
        return self.frame[name].to_numpy(np.float32) if name in self.frame else np.full(len(self.frame), np.nan, np.float32)

    def line(self, values: np.ndarray, axis: str, name: str, colour: str, text: str = "%{y}", **more: Any) -> None:
        line = {"color": self.colours[colour], "width": more.pop("width", 1.4)} | ({"dash": more.pop("dash")} if "dash" in more else {})
        self.traces.append(
            {"type": "scatter", "mode": "lines", "x0": self.x0, "dx": self.dx, "y": values, "xaxis": "x", "yaxis": axis, "name": name,
             "line": line, "connectgaps": False, "hovertemplate": text} | more
        )  # fmt: skip

    def area(self, values: np.ndarray, axis: str, name: str, colour: str) -> None:
        """One filled piece for every stretch of readings: plotly would fill a gap."""
        for first, last in _stretches(values):
            start = self.frame.index[first]
            piece = {"x0": _local(start, self.offset), "fill": "tozeroy", "fillcolor": self.colours[f"{colour}_fill"], "width": 0.8}
            self.line(values[first:last], axis, name, colour, **piece)


def _stretches(values: np.ndarray) -> list[tuple[int, int]]:
    """[first, last) of the stretches without a gap; the 60 longest when there are more."""
    edges = np.flatnonzero(np.diff(np.isfinite(values).astype(np.int8), prepend=0, append=0))
    found = sorted(zip(edges[::2], edges[1::2], strict=True), key=lambda s: s[0] - s[1])[:60]
    return sorted((int(first), int(last)) for first, last in found)


def _price(pen: _Pen) -> None:
    pen.line(pen.column("last"), "y", "last", "grey", dash="dot", width=1)
    pen.line(pen.column("index"), "y", "index", "blue", dash="dash", width=1.2)
    pen.line(pen.column("mark"), "y", "mark", "ink")


def _basis(pen: _Pen) -> None:
    pen.line(pen.column("basis_pct"), "y3", "basis", "grey", "%{y:+.3f} %", dash="dot", width=1)
    for minutes, colour, dash in ((5, "blue", "dash"), (60, "violet", "solid"), (15, "amber", "solid")):
        pen.line(pen.column(f"basis_twap{minutes}_pct"), "y3", f"TWAP{minutes}", colour, "%{y:+.3f} %", dash=dash)


def _funding(pen: _Pen, settled: pd.DataFrame) -> None:
    settled = settled.dropna(subset=["interval_hours", "funding_1h_pct"]) if len(settled) else settled
    hours = settled["interval_hours"].to_numpy(float) if len(settled) else np.array([])
    values = settled["funding_1h_pct"].to_numpy(np.float32) if len(settled) else np.array([], np.float32)
    ends = settled.index if len(settled) else pd.DatetimeIndex([], tz="UTC")
    first = pen.frame.index[0] if len(pen.frame) else pd.Timestamp(0, tz="UTC")  # a bar starts with the window at the earliest
    starts = [max(first, at - pd.Timedelta(hours=h)) for at, h in zip(ends, hours, strict=True)]
    middle = [_local(start + (at - start) / 2, pen.offset) for start, at in zip(starts, ends, strict=True)]
    widths = [(at - start).total_seconds() * 1000 * 0.94 for start, at in zip(starts, ends, strict=True)]
    pen.traces.append(
        {"type": "bar", "x": middle, "y": values, "width": widths, "xaxis": "x", "yaxis": "y4", "name": "settled",
         "marker": {"color": [pen.colours["red" if v < 0 else "green"] for v in values], "opacity": 0.55, "line": {"width": 0}},
         "customdata": hours.tolist(), "hovertemplate": "%{y:+.4f} %/h over %{customdata:.0f} h"}
    )  # fmt: skip
    pen.line(pen.column("funding_1h_pct"), "y4", "running", "blue", "%{y:+.4f} %/h")
    pen.line(pen.column("funding_daily_est_pct"), "y14", "daily estimate", "blue", "%{y:+.2f} %/day", dash="dot", width=0.8)


def _open_interest(pen: _Pen) -> None:
    pen.line(pen.column("oi_usdt"), "y5", "OI", "violet")
    for hours, colour, dash in ((24, "grey", "dot"), (4, "blue", "dash"), (1, "amber", "solid")):
        pen.line(pen.column(f"delta_oi_{hours}h_usdt"), "y15", f"ΔOI {hours}h", colour, dash=dash, width=1.1)


def _volume(pen: _Pen) -> None:
    perp, spot = pen.column("perp_vol24_usdt"), pen.column("spot_vol24_usdt")
    pen.area(perp + spot, "y6", "perp + spot", "violet")
    pen.area(perp, "y6", "perp", "blue")
    if not np.isfinite(perp).any():
        pen.line(perp, "y6", "perp", "blue")  # an axis without a line would not be there, and the one over it would lose its place
    pen.line(pen.column("perp_dominance_binance_pct"), "y16", "Binance alone", "grey", "%{y:.1f} %", dash="dot", width=1)
    pen.line(pen.column("perp_dominance_pct"), "y16", "perp share", "amber", "%{y:.1f} %")


def _imbalance(pen: _Pen) -> None:
    pen.line(pen.column("spot_imbalance"), "y7", "spot", "violet", "%{y:.2f}", dash="dash")
    pen.line(pen.column("orderbook_imbalance"), "y7", "perp", "ink", "%{y:.2f}")
    pen.line(pen.column("imbalance_band_pct"), "y17", "band", "grey", "±%{y:.2f} %", dash="dot", width=1)


class Run(NamedTuple):
    """A stretch of one light; `relived`: computed afterwards from back-filled history."""

    start: pd.Timestamp
    end: pd.Timestamp
    light: Light
    relived: bool

    @property
    def text(self) -> str:
        """The light in words."""
        return LIGHTS[self.light].word + (" (back-filled)" if self.relived else "")


def light_runs(lights: pd.Series, source: pd.Series | None = None) -> list[Run]:
    """Stretches of one light; minutes without a light are left out."""
    known = lights.dropna()
    if known.empty:
        return []
    step = lights.index[1] - lights.index[0] if len(lights) > 1 else pd.Timedelta(minutes=1)
    relived = (source.reindex(known.index) > 0) if source is not None else pd.Series(False, index=known.index)
    new = (known != known.shift()) | (relived != relived.shift()) | (known.index.to_series().diff() > step)
    return [
        Run(part.index[0], part.index[-1] + step, Light(part.iloc[0]), bool(relived[part.index[0]]))
        for _, part in known.groupby(new.cumsum())
    ]


def _lights(pen: _Pen) -> None:
    runs = light_runs(pen.frame["light"], pen.frame.get("source")) if "light" in pen.frame else []
    pen.traces.append(
        {"type": "bar", "y": [1] * len(runs), "xaxis": "x", "yaxis": "y2", "name": "light", "hovertemplate": "%{customdata}",
         "x": [_local(run.start + (run.end - run.start) / 2, pen.offset) for run in runs],
         "width": [(run.end - run.start).total_seconds() * 1000 for run in runs], "customdata": [run.text for run in runs],
         "marker": {"color": [pen.colours[LIGHTS[run.light].tone] for run in runs], "line": {"width": 0},
                    "opacity": [0.45 if run.relived else 1.0 for run in runs],
                    "pattern": {"shape": [PATTERNS[run.light] for run in runs], "size": 5, "solidity": 0.35, "fillmode": "overlay",
                                "fgcolor": pen.colours["panel"]}}}
    )  # fmt: skip


def _span(pen: _Pen) -> None:
    """An unseen line from end to end: the whole window shows, without a range that would undo a zoom at every refresh."""
    if len(pen.frame):
        ends = [pen.x0, _local(pen.frame.index[-1], pen.offset)]
        pen.traces.append(
            {"type": "scatter", "mode": "lines", "x": ends, "y": [0, 0], "xaxis": "x", "yaxis": "y2", "name": "span", "opacity": 0, "hoverinfo": "skip"}
        )  # fmt: skip


def _funding_ranges(pen: _Pen, settled: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Both funding axes show the same zero and the same line: right is left × 24."""
    parts = [pen.column("funding_1h_pct"), settled["funding_1h_pct"].to_numpy(np.float32) if len(settled) else np.array([], np.float32)]
    values = np.concatenate(parts)
    values = values[np.isfinite(values)]
    low, high = (min(0.0, float(values.min())), max(0.0, float(values.max()))) if len(values) else (-0.01, 0.01)
    pad = max((high - low) * 0.08, 1e-4)
    return {"y4": {"range": [low - pad, high + pad]}, "y14": {"range": [24 * (low - pad), 24 * (high + pad)]}}


def _imbalance_range(pen: _Pen) -> dict[str, Any]:
    """As much above 1 as below it, and only as many ticks as fit."""
    values = np.concatenate([pen.column("orderbook_imbalance"), pen.column("spot_imbalance")])
    values = values[np.isfinite(values) & (values > 0)]
    reach = min(2.0, max(0.2, float(np.abs(np.log10(values)).max()) * 1.08 if len(values) else 0.2))
    ticks = [0.01, 0.1, 1, 10, 100] if reach > 1.1 else [0.1, 0.2, 0.5, 1, 2, 5, 10] if reach > 0.35 else [0.5, 0.75, 1, 1.5, 2]
    return {"range": [-reach, reach], "tickvals": ticks}


def _layout(pen: _Pen, special: dict[str, dict[str, Any]], *, revision: str, phone: bool) -> dict[str, Any]:
    total = HEIGHT - TOP - BOTTOM
    layout: dict[str, Any] = {
        "height": HEIGHT, "margin": {"l": 50 if phone else 58, "r": 42 if phone else 52, "t": TOP, "b": BOTTOM}, "showlegend": False,
        "uirevision": revision, "hovermode": "x unified", "barmode": "overlay", "bargap": 0, "dragmode": False if phone else "zoom",
        "annotations": [], "font": {"size": 11}, "hoverlabel": {"font": {"size": 11}}, "template": None,
        "xaxis": {"type": "date", "anchor": "y7", "showspikes": True, "spikemode": "across", "spikethickness": 1, "spikedash": "dot",
                  "spikecolor": pen.colours["grey"], "spikesnap": "cursor", "hoverformat": "%d %b %H:%M", "showgrid": True, "gridcolor": pen.colours["line"]},
    }  # fmt: skip
    if len(pen.frame):
        layout["xaxis"] |= {"tickangle": 0, "nticks": 4 if phone else 9}
    top = 1.0
    for panel in PANELS:
        bottom = max(0.0, top - panel.height / total)
        layout[_axis_name(panel.axis)] = _axis(panel.unit, [bottom, top], pen.colours) | special.get(panel.axis, {})
        if (right := RIGHT.get(panel.axis)) is not None:
            over = {"overlaying": panel.axis, "side": "right", "showgrid": False, "tickmode": "auto"}
            layout[_axis_name(right)] = _axis(panel.right, None, pen.colours) | over | special.get(right, {})
        if panel.title:
            layout["annotations"].append(_title(panel, top, pen.colours))
        top = bottom - (3 if panel.axis == "y" else GAP) / total
    return layout


def _axis(unit: str, domain: list[float] | None, colours: dict[str, str]) -> dict[str, Any]:
    axis = {
        "title": {"text": ""}, "tickprefix" if unit == "$" else "ticksuffix": unit, "fixedrange": True, "automargin": False, "nticks": 5,
        "exponentformat": "B", "zeroline": True, "zerolinecolor": colours["grey"], "zerolinewidth": 0.6, "gridcolor": colours["line"],
        "tickfont": {"size": 10},
    }  # fmt: skip
    return axis | ({"domain": domain} if domain else {})


def _title(panel: Panel, top: float, colours: dict[str, str]) -> dict[str, Any]:
    keys = "  ".join(f'<span style="color:{colours[colour]}">{mark} {name}</span>' for mark, colour, name in panel.keys)
    return {"text": f"<b>{panel.title}</b>  {keys}", "xref": "paper", "yref": "paper", "x": 0, "y": top, "xanchor": "left", "yanchor": "bottom",
            "showarrow": False, "font": {"size": 11}, "align": "left"}  # fmt: skip


def figure(
    frame: pd.DataFrame, settled: pd.DataFrame, *, revision: str, scheme: str = "dark", zone: str = "UTC", phone: bool = False
) -> go.Figure:
    """The symbol's charts; `revision` stays the same while a zoom shall survive a refresh."""
    pen = _Pen(frame, PALETTES.get(scheme, PALETTES["dark"]), zone)
    _span(pen)
    _price(pen)
    _lights(pen)
    _basis(pen)
    _funding(pen, settled)
    _open_interest(pen)
    _volume(pen)
    _imbalance(pen)
    special = _funding_ranges(pen, settled) | {
        "y": {"zeroline": False},
        "y2": {"range": [0, 1], "showticklabels": False, "showgrid": False, "zeroline": False},
        "y6": {"rangemode": "tozero"},
        "y15": {"zeroline": False},
        "y16": {"range": [0, 104]},
        "y7": {"type": "log", "zeroline": False} | _imbalance_range(pen),
        "y17": {"range": [0, 2.2], "zeroline": False, "nticks": 3},
        "y5": {"zeroline": False},
    }
    return go.Figure({"data": pen.traces, "layout": _layout(pen, special, revision=revision, phone=phone)}, skip_invalid=False)
