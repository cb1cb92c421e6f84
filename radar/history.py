"""The 30 days of hours that the SRS is measured against (method 2.7, part 3). Hours are since the epoch."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from radar import score
from radar.bars import SOURCE_5M
from radar.funding import settled_columns
from radar.metrics import TWAP_NEED, twap
from radar.models import Baseline, Settlement
from radar.thresholds import Thresholds

__all__ = ["FIVES_NEED", "SrsHistory", "daily_turnover", "hour_inputs", "hourly_prices", "srs_history", "twap_fives"]

HOUR_MS = 3_600_000
NEAR_MIN = 6  # a price at a full hour may be that many minutes old
FIVES_NEED = {minutes: -(-need // 5) for minutes, need in TWAP_NEED.items()}  # five-minute bars that such a TWAP needs


def twap_fives(basis_mean_pct: pd.Series, source: pd.Series, minutes: int) -> pd.Series:
    """Mean of the five-minute bars in the `minutes` before each row of a complete minute grid (method 2.7, B).

    At least 1, 3, 10 of the 1, 3, 12 in 5, 15, 60 minutes must be there.
    """
    return basis_mean_pct.where(source == SOURCE_5M).shift(1).rolling(minutes, min_periods=FIVES_NEED[minutes]).mean()


def hourly_prices(bars: pd.DataFrame, first_hour: int, last_hour: int) -> pd.DataFrame:
    """mark and basis_twap15_pct at full hours, from bars indexed by minute (gaps left out).

    The TWAP comes from the fifteen minutes before the hour, or from the three five-minute bars in them (B).
    """
    grid = pd.RangeIndex(first_hour * 60 - 16, last_hour * 60 + 1)
    full = bars[["mark", "basis_mean_pct", "source"]].reindex(grid)
    by_minute = twap(full["basis_mean_pct"], 15)
    by_five = twap_fives(full["basis_mean_pct"], full["source"], 15)
    hours = pd.RangeIndex(first_hour, last_hour + 1, name="hour")
    at = hours * 60
    return pd.DataFrame(
        {
            "mark": full["mark"].shift(1).ffill(limit=NEAR_MIN).loc[at].to_numpy(),
            "basis_twap15_pct": by_minute.fillna(by_five).loc[at].to_numpy(),
        },
        index=hours,
    )


def daily_turnover(hourly: pd.Series) -> pd.Series:
    """Rolling 24 h turnover at full hours, from that of single hours indexed by the hour they opened; all 24 must be there."""
    if not len(hourly):
        return hourly
    grid = pd.RangeIndex(int(hourly.index.min()), int(hourly.index.max()) + 1)
    day = hourly.reindex(grid).rolling(24, min_periods=24).sum()
    day.index = grid + 1  # the day that ends where the last hour closes
    return day.dropna()


def hour_inputs(hours: pd.DataFrame, settlements: Sequence[Settlement]) -> pd.DataFrame:
    """x of every SRS component at every hour of a complete hourly index (A from what was last settled)."""
    settled_ms, rate = settled_columns(settlements)
    before = np.searchsorted(settled_ms, hours.index.to_numpy() * HOUR_MS + 60_000, side="right") - 1
    funding = np.where(before >= 0, rate[np.maximum(before, 0)] if len(rate) else np.nan, np.nan)
    columns = {
        "funding_1h_pct": funding,
        "basis_twap15_pct": hours["basis_twap15_pct"].to_numpy(),
        "perp_dominance_binance_pct": hours["perp_dominance_binance_pct"].to_numpy(),
        "delta_oi_1h_usdt": (hours["oi_qty"].diff() * hours["mark"]).to_numpy(),
        "depth_ratio": hours["depth_ratio"].to_numpy(),
    }
    return pd.DataFrame(score.inputs(columns), columns=score.KEYS, index=hours.index)


class SrsHistory:
    """What an hour needs to know of the thirty days before it: a baseline per component, and past scores."""

    def __init__(self, baseline: dict[str, Baseline], counts: tuple[int, ...]) -> None:
        self.baseline = baseline
        self.counts = counts


def srs_history(hours: pd.DataFrame, settlements: Sequence[Settlement], t: Thresholds) -> SrsHistory:
    """Baselines for the last row of `hours` (complete hourly index of 721 rows), and how often each score was seen.

    Hours that the radar lived through count with the score it showed, earlier ones with what the same formula gives.
    """
    x = hour_inputs(hours, settlements)
    base = score.baseline(x)
    last = {key: base[key].iloc[-1] for key in ("mu", "sd", "n")}
    baseline = {
        key: Baseline(mu=_or_none(last["mu"][key]), sd=_or_none(last["sd"][key]), n=int(last["n"][key])) for key in score.KEYS
    }
    oi_usdt = (hours["oi_qty"] * hours["mark"]).to_numpy()
    z = score.zscores(x.to_numpy(), *(base[key].to_numpy() for key in ("mu", "sd", "n")), oi_usdt, t)
    computed = pd.Series(score.score(z, t).srs, index=hours.index)
    past = hours["srs"].fillna(computed).iloc[:-1].dropna().clip(0, 100)
    return SrsHistory(baseline, tuple(np.bincount(past.astype(int), minlength=101).tolist()))


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
