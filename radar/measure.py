"""From bars to every metric: the one path that live, charts, export and backtest share."""

from typing import Any

import numpy as np
import pandas as pd

from radar import metrics
from radar.bars import MINUTE_MS

__all__ = ["measure", "notes"]



def _settled_column(index: pd.Index, settled: tuple[np.ndarray, np.ndarray] | None) -> pd.Series:
    column = pd.Series(np.nan, index=index)
    if settled is not None and len(settled[0]):
        minutes = settled[0] // MINUTE_MS
        inside = (minutes >= index[0]) & (minutes <= index[-1])
        column.loc[minutes[inside]] = settled[1][inside]
    return column


def measure(bars: pd.DataFrame, settled: tuple[np.ndarray, np.ndarray] | None = None, *, sw_hours: int = 3) -> pd.DataFrame:
    """Every metric for every minute (method 2.3).

    `bars`: columns BAR_COLUMNS, index minutes since the epoch, complete and ascending, NaN in gaps; it comes back
    untouched. `settled`: settlement times (ms) and funding per hour (%). A row knows its own minute and earlier
    ones, never a later one: the last row is the live value.
    """
    mark, index, oi = bars["mark"], bars["index"], metrics.oi_filled(bars["oi_qty"])
    columns: dict[str, Any] = {
        "mark": mark,
        "index": index,
        "last": bars["last"],
        "basis_pct": metrics.basis_pct(mark, index),
        "last_basis_pct": metrics.basis_pct(bars["last"], index),
        "ret_1h_pct": metrics.ret_pct(mark, 60),
        "ret_24h_pct": metrics.ret_pct(mark, 1440),
        "funding_1h_pct": bars["funding_1h_pct"],
        "funding_daily_est_pct": bars["funding_1h_pct"] * 24,
        "oi_qty": oi,
        "oi_usdt": oi * mark,
        "delta_oi_1h_notional_usdt": metrics.change(oi * mark, 60),
        "perp_vol24_usdt": bars["perp_vol24_usdt"],
        "spot_vol24_usdt": bars["spot_vol24_usdt"],
        "perp_dominance_pct": metrics.dominance_pct(bars["perp_vol24_usdt"], bars["spot_vol24_usdt"]),
        "perp_dominance_binance_pct": metrics.dominance_pct(bars["perp_vol24_usdt"], bars["spot_vol24_binance_usdt"]),
        "oi_to_volume": metrics.ratio(oi * mark, bars["perp_vol24_usdt"]),
        "depth_ratio": metrics.ratio(bars["perp_depth_usdt"], bars["spot_depth_usdt"]),
    }
    for minutes in metrics.TWAP_NEED:
        columns[f"basis_twap{minutes}_pct"] = metrics.twap(bars["basis_mean_pct"], minutes)
    for hours in (1, 4, 24):
        columns[f"delta_oi_{hours}h_usdt"] = metrics.delta_oi_usdt(bars["oi_qty"], mark, hours * 60)
    columns["delta_oi_1h_pct"] = metrics.delta_oi_pct(bars["oi_qty"], 60)
    columns["funding_min_3h_pct"] = metrics.funding_min_pct(
        bars["funding_1h_pct"], _settled_column(bars.index, settled), (bars["interval_hours"] == 1).astype(float), sw_hours
    )
    for name in (
        "orderbook_imbalance", "imbalance_band_pct", "spot_imbalance", "spot_imbalance_band_pct", "perp_depth_usdt", "spot_depth_usdt", "srs",
    ):  # fmt: skip
        columns[name] = bars[name]
    return pd.DataFrame(columns, index=bars.index)


def notes(bars: pd.DataFrame, row: pd.Series, *, sw_hours: int = 3) -> dict[str, str]:
    """Why a metric of the last row is unknown, in words (method 2.8)."""
    said: dict[str, str] = {}
    for minutes, need in metrics.TWAP_NEED.items():
        name = f"basis_twap{minutes}_pct"
        if np.isnan(row[name]):
            have = int(np.nan_to_num(metrics.twap_count(bars["basis_mean_pct"], minutes).iloc[-1]))
            said[name] = f"basis TWAP{minutes} has {have} of {minutes} minutes (needs {need})"
    if np.isnan(row["funding_min_3h_pct"]):
        have = int(bars["funding_1h_pct"].iloc[-sw_hours * 60 :].count())
        said["funding_min_3h_pct"] = f"funding history {have} of {sw_hours * 60} min"
    if np.isnan(row["delta_oi_1h_usdt"]):
        known = np.flatnonzero(bars["oi_qty"].notna().to_numpy())
        ages = len(bars) - 1 - known
        closest = ages[np.abs(ages - 60).argmin()] if len(ages) else None
        said["delta_oi_1h_usdt"] = "no open interest known" if closest is None else f"no OI sample near 60 min ago (closest {closest} min)"
        said["delta_oi_1h_pct"] = said["delta_oi_1h_usdt"]
    if np.isnan(row["ret_1h_pct"]):
        said["ret_1h_pct"] = "no price 60 min ago"
    return said
