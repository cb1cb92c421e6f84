"""SRS, the Squeeze Risk Score (PRD §9; method 2.7): logistic z-scores against 30 days of the same symbol.

Columns in, column out: rows are hours (or one live row), columns the components A to E.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from radar.models import Light
from radar.thresholds import Thresholds

__all__ = ["COMPONENTS", "Component", "baseline", "inputs", "logistic", "percentile", "score", "srs_band", "zscore"]

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


def inputs(columns: Mapping[str, pd.Series]) -> pd.DataFrame:
    """x of every component from metric columns; a column that is not there is unknown."""
    index = next(iter(columns.values())).index
    missing = pd.Series(np.nan, index=index)
    get = lambda name: columns.get(name, missing)  # noqa: E731 - five look-ups, one line each
    return pd.DataFrame(
        {
            "A": get("funding_1h_pct").abs(),
            "B": get("basis_twap15_pct").abs(),
            "C": get("perp_dominance_binance_pct"),
            "D": get("delta_oi_1h_usdt").clip(lower=0),
            "E": get("depth_ratio"),
        }
    )


def baseline(x: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Mean, population deviation and count over the 720 hours before each row (the row itself excluded).

    `x` has a complete hourly index. Returns "mu", "sd", "n", each shaped like `x`.
    """
    past = x.shift(1).rolling(HISTORY_HOURS, min_periods=1)
    return {"mu": past.mean(), "sd": past.std(ddof=0), "n": past.count().fillna(0)}


def logistic(z: np.ndarray | float) -> np.ndarray | float:
    """σ of PRD §9 (method L7)."""
    return 1 / (1 + np.exp(-np.asarray(z, dtype=float)))


def zscore(x: np.ndarray, mu: np.ndarray, sd: np.ndarray, n: np.ndarray, floor: np.ndarray | float, min_points: int) -> np.ndarray:
    """(x − mu) / max(sd, floor), clipped to ±6; unknown below `min_points` of history (method L8 to L10)."""
    scale = np.maximum(np.asarray(sd, dtype=float), floor)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(np.asarray(x) == np.asarray(mu), 0.0, (np.asarray(x, dtype=float) - mu) / scale)
    z = np.where(np.isnan(np.asarray(x, dtype=float)), np.nan, z)
    return np.where(np.asarray(n) >= min_points, np.clip(z, -Z_LIMIT, Z_LIMIT), np.nan)


def floors(oi_usdt: pd.Series) -> pd.DataFrame:
    """The least standard deviation of every component, by row."""
    table = pd.DataFrame({c.key: c.floor for c in COMPONENTS}, index=oi_usdt.index)
    table["D"] = table["D"] * oi_usdt.fillna(0)
    return table


def score(z: pd.DataFrame, t: Thresholds) -> pd.DataFrame:
    """Columns srs (0 to 100 whole, NaN below the least coverage), raw, coverage, lo, hi (method 2.7)."""
    weights = np.array([c.weight for c in COMPONENTS])
    sigma = logistic(z[KEYS].to_numpy(dtype=float))
    present = ~np.isnan(sigma)
    coverage = (present * weights).sum(axis=1)
    lo = 100 * np.where(present, sigma, 0) @ weights
    with np.errstate(divide="ignore", invalid="ignore"):
        raw = np.where(coverage >= t.srs_min_coverage - 1e-9, lo / coverage, np.nan)
    return pd.DataFrame(
        {"srs": np.floor(raw + 0.5), "raw": raw, "coverage": coverage.round(10), "lo": lo, "hi": lo + 100 * (1 - coverage)}, index=z.index
    )


def zscores(x: pd.DataFrame, base: Mapping[str, pd.DataFrame], oi_usdt: pd.Series, t: Thresholds) -> pd.DataFrame:
    """z of every component, by row; `base` as `baseline` returns it."""
    least = floors(oi_usdt)
    part = lambda table, key: table[key].to_numpy()  # noqa: E731 - five columns of five tables
    return pd.DataFrame(
        {
            k: zscore(part(x, k), part(base["mu"], k), part(base["sd"], k), part(base["n"], k), part(least, k), t.z_min_points)
            for k in KEYS
        },
        index=x.index,
    )


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
