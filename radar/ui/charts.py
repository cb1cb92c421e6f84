"""A window of one symbol → the bytes that plot.js draws, and the component they go to.

Four bytes with the header's length, the header (JSON), then the columns: float32 for prices, two bytes a value for what is read from a
scale. 48 hours of minutes are 130 kB. A column without any reading is left out: the legend says "not recorded yet".
"""

import json
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from radar.assets import PLOTLY
from radar.bars import LIGHT_CODES, MINUTE_MS
from radar.models import Progress
from radar.series import Chart
from radar.ui.component import declare
from radar.ui.look import LIGHTS

__all__ = ["COLUMNS", "draw", "is_empty", "payload"]

_CHARTS = declare("radar_charts", "plot", parts=("plot_data", "plot_panels", "plot_draw", "plot_hands"))
EXACT = 0.0  # float32
OF_RANGE = np.inf  # a 65,000th of what the window spans
COLUMNS: dict[str, float] = {  # how far a value may be off: half the last digit that is shown
    "mark": EXACT, "index": EXACT, "last": EXACT,
    "basis_pct": 0.0005, "basis_twap5_pct": 0.0005, "basis_twap15_pct": 0.0005, "basis_twap60_pct": 0.0005,
    "funding_1h_pct": 0.00005,
    "oi_usdt": OF_RANGE, "delta_oi_1h_usdt": OF_RANGE, "delta_oi_4h_usdt": OF_RANGE, "delta_oi_24h_usdt": OF_RANGE,
    "perp_vol24_usdt": OF_RANGE, "spot_vol24_usdt": OF_RANGE, "perp_dominance_pct": 0.05, "perp_dominance_binance_pct": 0.05,
    "orderbook_imbalance": 0.005, "spot_imbalance": 0.005, "imbalance_band_pct": 0.005,
}  # fmt: skip
STEPS, GAP = 65_534, 65_535


class _Packed(NamedTuple):
    """A column as it travels: values are first + step × number; step 0: they are as they are."""

    name: str
    first: float
    step: float
    values: np.ndarray


def _packed(name: str, values: np.ndarray, may_be_off: float) -> _Packed | None:
    """The column in as few bytes as it may; None where nothing was ever read."""
    known = np.isfinite(values)
    if not known.any():
        return None
    low, high = float(values[known].min()), float(values[known].max())
    step = (high - low) / STEPS or min(may_be_off, 1.0)
    if may_be_off == EXACT or step / 2 > may_be_off:
        return _Packed(name, 0.0, 0.0, values.astype("<f4"))
    numbers = np.full(len(values), GAP, "<u2")
    numbers[known] = np.rint((values[known] - low) / step)
    return _Packed(name, low, step, numbers)


def _columns(chart: Chart) -> list[_Packed]:
    """Float columns first, so that each begins where its type may."""
    wanted = [(name, chart.frame[name].to_numpy(float)) for name in COLUMNS if name in chart.frame]
    wanted += [(f"{name}:extremes", values) for name, values in chart.extremes.items()]
    packed = [found for name, values in wanted if (found := _packed(name, values, COLUMNS[name.partition(":")[0]]))]
    return sorted(packed, key=lambda column: column.step > 0)


def is_empty(chart: Chart) -> bool:
    """Whether nothing was ever read of the window."""
    return not any(name in chart.frame and chart.frame[name].notna().any() for name in COLUMNS)


def _settled(settled: pd.DataFrame | None) -> list[list[float]]:
    """[end (ms), hours, % per hour] of each settlement whose interval is known."""
    if settled is None or settled.empty:
        return []
    known = settled.dropna(subset=["interval_hours", "funding_1h_pct"])
    ends = pd.DatetimeIndex(known.index).as_unit("ms").asi8.tolist()
    return [[end, hours, value] for end, hours, value in zip(ends, known["interval_hours"], known["funding_1h_pct"], strict=True)]


def payload(
    symbol: str, hours: int, chart: Chart | None, settled: pd.DataFrame | None = None, *, zone: str = "UTC", tick: float | None = None,
    market: str = "live", reading: Progress | None = None,
) -> bytes:  # fmt: skip
    """What plot.js reads; without a chart only how far the reading of the past is."""
    header: dict[str, Any] = {
        "symbol": symbol, "hours": hours, "market": market, "zone": zone, "tick": tick, "library": PLOTLY, "count": 0, "columns": [], "runs": 0,
        "settled": [], "reading": [reading.done, reading.total, reading.stage] if reading else None,
        "lights": {code: [LIGHTS[light].text, LIGHTS[light].tone] for light, code in LIGHT_CODES.items()},
    }  # fmt: skip
    blocks: list[np.ndarray] = []
    if chart is not None and (columns := _columns(chart)):
        runs = chart.lights
        first = int(pd.DatetimeIndex(chart.frame.index[:1]).as_unit("ms").asi8[0]) // MINUTE_MS
        header |= {
            "first": first, "step": chart.step_min, "count": len(chart.frame), "last": chart.last_minute, "settled": _settled(settled),
            "columns": [[column.name, len(column.values), column.first, column.step] for column in columns], "runs": len(runs),
        }  # fmt: skip
        blocks = [column.values for column in columns]
        blocks += [
            np.array(part, "<u2")
            for part in ([run.first - first for run in runs], [run.minutes for run in runs], [2 * run.code + run.relived for run in runs])
        ]
    head = json.dumps(header, separators=(",", ":"), allow_nan=False).encode()
    head += b" " * (-len(head) % 4)
    return b"".join([len(head).to_bytes(4, "little"), head, *(block.tobytes() for block in blocks)])


def draw(data: bytes) -> None:
    """The charts; one component whatever it shows, so a new window or symbol replaces nothing but the lines."""
    _CHARTS(key="charts", data=data)
