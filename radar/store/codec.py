"""How minute bars lie on disk: whole numbers where they are enough, so that 30 days of 20 symbols fit in 110 MB.

SQLite stores a REAL in 8 bytes and a small INTEGER in 1 to 4; a price keeps all its digits, a basis is kept to
0.000001 %, a high as its distance from the close.
"""

from typing import Any

import numpy as np
import pandas as pd

__all__ = ["APR_DIGITS", "BAR_FIELDS", "LARGEST", "as_stored", "decode", "encode"]

# column -> (scale, whose value it is relative to): disk = round(value × scale), scale None: as it is
BAR_FIELDS: dict[str, tuple[float | None, str | None]] = {
    "mark": (None, None),
    "mark_high": (1e7, "mark"),
    "mark_low": (1e7, "mark"),
    "index": (None, None),
    "index_high": (1e7, "index"),
    "index_low": (1e7, "index"),
    "basis_mean_pct": (1e6, None),
    "last": (None, None),
    "funding_1h_pct": (1e8, None),
    "interval_hours": (1, None),
    "oi_qty": (None, None),
    "perp_vol24_usdt": (1, None),
    "spot_vol24_usdt": (1, None),
    "spot_vol24_binance_usdt": (1, None),
    "orderbook_imbalance": (1e4, None),
    "imbalance_band_pct": (100, None),
    "spot_imbalance": (1e4, None),
    "spot_imbalance_band_pct": (100, None),
    "perp_depth_usdt": (1, None),
    "spot_depth_usdt": (1, None),
    "srs": (1, None),
    "light": (1, None),
    "samples": (1, None),
    "source": (1, None),
}

PLACES = {name: place for place, name in enumerate(BAR_FIELDS)}
ANCHORED = [PLACES[name] for name, (_, anchor) in BAR_FIELDS.items() if anchor is not None]
ANCHORS = [PLACES[anchor] for _, anchor in BAR_FIELDS.values() if anchor is not None]
WHOLE = np.array([scale is not None for scale, _ in BAR_FIELDS.values()])
SCALES = np.array([scale or 0.0 for scale, _ in BAR_FIELDS.values()])

APR_DIGITS = 6  # what the light stood on is kept beside the bars, see stood
LARGEST = 2.0**63  # SQLite's integers end there: a glitch beyond it is unknown, and spoils no other bar


def encode(bars: np.ndarray) -> np.ndarray:
    """Bars as they go to disk, a row each, columns in the order of BAR_FIELDS; unknown is NaN, which SQLite keeps as NULL.

    Whole numbers stay floats here: SQLite stores them as the small integers they are, for their columns are declared so.
    """
    with np.errstate(all="ignore"):
        values = bars.copy()
        close, away = bars[:, ANCHORS], bars[:, ANCHORED]
        values[:, ANCHORED] = np.where(np.isfinite(away) & (close != 0), away / close - 1, np.nan)
        scaled = values * SCALES
        known = np.isfinite(values) & (np.abs(scaled) < LARGEST)
        return np.where(known, np.where(WHOLE, np.rint(scaled), values), np.nan)


def decode(rows: list[Any], index: Any) -> pd.DataFrame:
    """Rows (tuples) from disk as float columns; NULL is NaN (an all-NULL column would otherwise come back as objects)."""
    block = np.array(rows, dtype=float).reshape(len(rows), len(BAR_FIELDS))
    frame = pd.DataFrame(block, columns=list(BAR_FIELDS), index=index)
    for name, (scale, anchor) in BAR_FIELDS.items():
        if scale is not None and scale != 1:
            frame[name] /= scale
        if anchor is not None:
            frame[name] = (frame[name] + 1) * frame[anchor]
    return frame


def as_stored(bars: pd.DataFrame) -> pd.DataFrame:
    """The bars as they come back from disk; columns that no reading needs to the last digit stay (highs, lows, booleans)."""
    found = bars.copy()
    for name, (scale, anchor) in BAR_FIELDS.items():
        if scale is not None and anchor is None:
            found[name] = (bars[name] * scale).round() / scale
    if "borrow_apr_pct" in found:
        found["borrow_apr_pct"] = bars["borrow_apr_pct"].round(APR_DIGITS)
    return found
