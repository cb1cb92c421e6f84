"""The formulas of PRD §11 as columns in, column out (method 2.3).

A column is a float Series on a complete minute grid (UTC, ascending), NaN is unknown, and windows look back only:
the live value is the last row of what a backtest computes.
"""

import numpy as np
import pandas as pd

__all__ = [
    "basis_pct",
    "change",
    "change_pct",
    "delta_oi_pct",
    "delta_oi_usdt",
    "dominance_pct",
    "funding_min_pct",
    "oi_filled",
    "ratio",
    "ret_pct",
    "twap",
    "twap_count",
]

OI_GRID_MIN = 5  # the exchange's own history has one reading every five minutes
HISTORY_LAG_MIN = 30  # without a reading now, the change between older ones is shown for half an hour (method O2)
TWAP_NEED = {5: 4, 15: 12, 60: 48}
FUNDING_SHARE = 0.9  # 162 of 180 minutes
FUNDING_HOLE_MIN = 10
SETTLED_LATE_MIN = 75  # an hourly settlement stands until the next one is read


def basis_pct(mark: pd.Series, index: pd.Series) -> pd.Series:
    """(mark − index) / index × 100, %; unknown where the index is not positive (PRD §11)."""
    usable = index.where(index > 0)
    return (mark - usable) / usable * 100


def twap(values: pd.Series, minutes: int) -> pd.Series:
    """Mean over the `minutes` completed minutes before each row, in the unit of `values` (method B3).

    At least 4 of 5, 12 of 15, 48 of 60 must be present, one of them among the last three; nothing is interpolated.
    """
    past = values.shift(1)
    recent = past.rolling(3, min_periods=1).count() > 0
    need = TWAP_NEED.get(minutes, -(-minutes * 4 // 5))
    return past.rolling(minutes, min_periods=need).mean().where(recent)


def twap_count(values: pd.Series, minutes: int) -> pd.Series:
    """How many of the `minutes` completed minutes before each row are present."""
    return values.shift(1).rolling(minutes, min_periods=1).count()


def ret_pct(mark: pd.Series, minutes: int, slack_minutes: int = 2) -> pd.Series:
    """Price change over `minutes`, %; the reference may be up to `slack_minutes` beside (method B5)."""
    reference = mark.shift(minutes)
    for slack in range(1, slack_minutes + 1):
        reference = reference.fillna(mark.shift(minutes + slack)).fillna(mark.shift(minutes - slack))
    return (mark / reference - 1) * 100


def oi_filled(oi_qty: pd.Series) -> pd.Series:
    """Open interest between readings at most five minutes apart: the last reading stands (method O2)."""
    return oi_qty.ffill(limit=OI_GRID_MIN)


def change(values: pd.Series, minutes: int) -> pd.Series:
    """value(t) − value(t − minutes), in the unit of `values`."""
    return values - values.shift(minutes)


def change_pct(values: pd.Series, minutes: int) -> pd.Series:
    """(value(t) / value(t − minutes) − 1) × 100, %."""
    before = values.shift(minutes)
    return (values / before.where(before > 0) - 1) * 100


def _lagging(moved: pd.Series, oi_qty: pd.Series) -> pd.Series:
    """The newest known change stands where there is no reading now; with one, an unknown change stays unknown."""
    live = oi_qty.notna()
    known = moved.where(live)
    return known.where(live, known.ffill(limit=HISTORY_LAG_MIN))


def delta_oi_usdt(oi_qty: pd.Series, mark: pd.Series, minutes: int) -> pd.Series:
    """(Q(t) − Q(t − minutes)) × mark(t), USDT: quantity moves it, price does not (method O1, O2)."""
    return _lagging(change(oi_filled(oi_qty), minutes), oi_qty) * mark


def delta_oi_pct(oi_qty: pd.Series, minutes: int) -> pd.Series:
    """(Q(t) / Q(t − minutes) − 1) × 100, % (method O2)."""
    return _lagging(change_pct(oi_filled(oi_qty), minutes), oi_qty)


def dominance_pct(perp_vol24_usdt: pd.Series, spot_vol24_usdt: pd.Series) -> pd.Series:
    """Futures share of trading, %: F / (F + S) × 100; unknown when nothing trades (PRD §11)."""
    total = perp_vol24_usdt + spot_vol24_usdt
    return perp_vol24_usdt / total.where(total > 0) * 100


def ratio(a: pd.Series, b: pd.Series) -> pd.Series:
    """a / b; unknown where b is not positive."""
    return a / b.where(b > 0)


def funding_min_pct(funding_1h_pct: pd.Series, settled: pd.Series, hourly: pd.Series, hours: int = 3) -> pd.Series:
    """The lowest funding per hour, %, over the last `hours`; unknown while it cannot be told (method F7).

    One sample below zero decides at once. Otherwise 162 of 180 minutes must be there with no hole over 10 minutes.
    Where the contract settles every hour (`hourly`, 1.0 or 0.0), the last `hours` settlements, if hourly themselves,
    (`settled`, % per hour at the minute they settled, NaN elsewhere) and the present estimate are enough.
    """
    minutes = hours * 60
    lowest = funding_1h_pct.rolling(minutes, min_periods=1).min()
    enough = funding_1h_pct.rolling(minutes, min_periods=1).count() >= round(minutes * FUNDING_SHARE)
    hole = funding_1h_pct.notna().rolling(FUNDING_HOLE_MIN + 1, min_periods=1).sum() == 0
    whole = ~(hole.astype(float).rolling(minutes - FUNDING_HOLE_MIN, min_periods=1).max() > 0)
    decided = lowest.where((lowest < 0) | (enough & whole & funding_1h_pct.notna()))

    known = settled.dropna()
    span_min = pd.Series(known.index, index=known.index, dtype=float).diff(hours - 1)
    last = known.rolling(hours, min_periods=hours).min().where(span_min < minutes)
    paid = last.reindex(settled.index).ffill(limit=SETTLED_LATE_MIN)
    by_settlement = np.minimum(paid, funding_1h_pct)  # unknown while either is
    return decided.fillna(by_settlement.where(hourly == 1))
