"""SRS, the Squeeze Risk Score (PRD §9; method 2.7): logistic z-scores against 30 days of the same symbol.

Columns in, column out: rows are hours (or one live row), columns the components A to E.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from radar.models import Light
from radar.thresholds import Thresholds

__all__ = ["COMPONENTS", "KEYS", "Component", "Scores", "baseline", "inputs", "logistic", "percentile", "score", "srs_band", "zscore", "zscores"]

HISTORY_HOURS = 720
Z_LIMIT = 6.0


class Component(NamedTuple):
    """One term of the score; `floor` is the least standard deviation, in the unit of x."""

    key: str
    name: str
    weight: float
    floor: float  # D: a share of oi_usdt


COMPONENTS = (
    Component("A", "|funding per hour|", 0.25, 0.0005),
    Component("B", "|basis TWAP15|", 0.20, 0.01),
    Component("C", "perp dominance, Binance", 0.20, 0.25),
    Component("D", "new open interest 1h", 0.20, 0.0005),
    Component("E", "depth perp / spot", 0.15, 0.02),
)
KEYS = [c.key for c in COMPONENTS]


def inputs(columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """x of every component (rows × A to E) from metric columns; a column that is not there is unknown."""
    rows = len(next(iter(columns.values())))
    get = lambda name: np.asarray(columns.get(name, np.full(rows, np.nan)), dtype=float)  # noqa: E731 - five look-ups, one line each
    return np.column_stack(
        [
            np.abs(get("funding_1h_pct")),
            np.abs(get("basis_twap15_pct")),
            get("perp_dominance_binance_pct"),
            np.maximum(get("delta_oi_1h_usdt"), 0),
            get("depth_ratio"),
        ]
    )


def baseline(x: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Mean, population deviation and count over the 720 hours before each row (the row itself excluded).

    `x` has a complete hourly index. Returns "mu", "sd", "n", each shaped like `x`.
    """
    past = x.shift(1).rolling(HISTORY_HOURS, min_periods=1)
    return {"mu": past.mean(), "sd": past.std(ddof=0), "n": past.count().fillna(0)}


def logistic(z: np.ndarray | float) -> np.ndarray:
    """σ of PRD §9 (method L7)."""
    return 1 / (1 + np.exp(-np.asarray(z, dtype=float)))


def zscore(x: np.ndarray, mu: np.ndarray, sd: np.ndarray, n: np.ndarray, floor: np.ndarray | float, min_points: int) -> np.ndarray:
    """(x − mu) / max(sd, floor), clipped to ±6; unknown below `min_points` of history (method L8 to L10)."""
    scale = np.maximum(np.asarray(sd, dtype=float), floor)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(np.asarray(x) == np.asarray(mu), 0.0, (np.asarray(x, dtype=float) - mu) / scale)
    z = np.where(np.isnan(np.asarray(x, dtype=float)), np.nan, z)
    return np.where(np.asarray(n) >= min_points, np.clip(z, -Z_LIMIT, Z_LIMIT), np.nan)


def zscores(x: np.ndarray, mu: np.ndarray, sd: np.ndarray, n: np.ndarray, oi_usdt: np.ndarray, t: Thresholds) -> np.ndarray:
    """z of every component (all arrays rows × A to E, `oi_usdt` rows): D's least deviation is a share of open interest."""
    floor = np.tile([c.floor for c in COMPONENTS], (len(x), 1))
    floor[:, KEYS.index("D")] *= np.nan_to_num(oi_usdt)
    return zscore(x, mu, sd, n, floor, t.z_min_points)


class Scores(NamedTuple):
    """Columns of the score: `srs` whole 0 to 100, NaN below the least coverage; bounds `lo` and `hi`."""

    srs: np.ndarray
    raw: np.ndarray
    coverage: np.ndarray
    lo: np.ndarray
    hi: np.ndarray


def score(z: np.ndarray, t: Thresholds) -> Scores:
    """The score of every row of z (rows × A to E), missing parts renormalised (method 2.7)."""
    weights = np.array([c.weight for c in COMPONENTS])
    sigma = logistic(z)
    present = ~np.isnan(sigma)
    coverage = (present * weights).sum(axis=1).round(10)
    lo = 100 * np.where(present, sigma, 0) @ weights
    with np.errstate(divide="ignore", invalid="ignore"):
        raw = np.where(coverage >= t.srs_min_coverage - 1e-9, lo / coverage, np.nan)
    return Scores(np.floor(raw + 0.5), raw, coverage, lo, lo + 100 * (1 - coverage))


def srs_band(srs: float | None, t: Thresholds) -> Light | None:
    """PRD §9's bands on the rounded score (method L6): RED, YELLOW, GREEN; None when there is no score."""
    if srs is None or np.isnan(srs):
        return None
    whole = np.floor(srs + 0.5)
    return Light.RED if whole >= t.srs_red else Light.YELLOW if whole >= t.srs_yellow else Light.GREEN


def percentile(srs: float | None, counts: Sequence[int]) -> float | None:
    """Share of the symbol's own last 30 days that scored lower (half of the ties counted), %; None below a week.

    `counts`: hours spent at each whole score from 0 to 100.
    """
    if srs is None or sum(counts) < 168:
        return None
    at = int(srs)
    return (sum(counts[:at]) + 0.5 * counts[at]) / sum(counts) * 100
