"""What a light was judged from, in a few bytes a minute, so that the minute can be judged again (decisions: the light's past).

A bar's `judged` is one whole number, low bits first: version (2 bits, 1), the contract's end is near (1), has_spot and
borrow_shortable (2 each: 0 unknown, 1 no, 2 yes), then the quality of every metric of JUDGED in its order (2 each, codes of
`quality.SEVERITY`). All fresh it is one byte on disk. Its order is part of the version: a change of JUDGED needs a new one.

A value that the stored bars would not give again, because it was judged when stale, or before a gap was filled, is kept
beside the bar (`odd`).
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from radar.models import Snapshot
from radar.quality import SEVERITY
from radar.rules import RULES, holds
from radar.thresholds import Thresholds

__all__ = ["JUDGED", "Judged", "facts", "judged", "odd", "packed", "read_thresholds"]

VERSION = 1
JUDGED = (
    "funding_1h_pct", "basis_twap15_pct", "perp_dominance_pct", "oi_to_volume", "delta_oi_1h_usdt", "delta_oi_1h_pct", "ret_1h_pct", "has_spot",
    "borrow_shortable", "borrow_apr_pct", "funding_min_3h_pct", "ret_24h_pct",
)  # fmt: skip
CLAIMS = ("has_spot", "borrow_shortable")
FIRST_BIT = 7  # of the qualities
TOLERANCE = 1e-6  # what is stored in whole numbers comes back that near, relative above 1
WINDOW_MIN = 67  # a change over an hour, its slack of five minutes, and the minute itself
FILLED_LATER = ["mark", "oi_qty", "basis_mean_pct"]  # columns that the history may still fill


def read_thresholds(body: str) -> Thresholds | None:
    """Thresholds as they were stored (JSON); None where another version of the radar wrote what this one does not know."""
    try:
        return Thresholds.model_validate_json(body)
    except ValueError:
        return None


class Judged(NamedTuple):
    """What the leaves of the rules saw, and how far each could be trusted."""

    values: dict[str, float]  # known ones of JUDGED
    quality: dict[str, int]  # severity codes of all of JUDGED
    t: Thresholds
    ending: bool


def judged(s: Snapshot, t: Thresholds, *, ending: bool) -> Judged:
    """What a snapshot's light stands on."""
    leaves = {leaf.metric: leaf for finding in s.rules for leaf in finding.leaves}
    quality = {name: SEVERITY[leaves[name].quality if name in leaves else s.quality[name].state] for name in JUDGED}
    values = {name: leaves[name].value if name in leaves else getattr(s, name) for name in JUDGED}
    return Judged({name: float(value) for name, value in values.items() if value is not None}, quality, t, ending)


def packed(j: Judged) -> float:
    """The bar's column `judged`."""
    whole = VERSION | int(j.ending) << 2
    for i, name in enumerate(CLAIMS):
        whole |= (0 if name not in j.values else 1 + int(j.values[name])) << (3 + 2 * i)
    for i, name in enumerate(JUDGED):
        whole |= j.quality[name] << (FIRST_BIT + 2 * i)
    return float(whole)


def facts(bars: pd.DataFrame, odd_values: Mapping[int, Mapping[str, float]]) -> pd.DataFrame:
    """The facts of `radar.backtest.lived` for the minutes that tell them; a minute from before they were stored is not in it.

    `odd_values`: minute → metric → value, as the store keeps what the bars would not give.
    """
    told = bars.loc[bars["judged"].notna(), ["judged", "borrow_apr_pct"]]
    whole = told["judged"].to_numpy(np.int64)
    told, whole = told.loc[whole & 3 == VERSION], whole[whole & 3 == VERSION]
    columns = {"ending": (whole >> 2 & 1).astype(float), "borrow_apr_pct": told["borrow_apr_pct"].to_numpy(float)}
    for i, name in enumerate(CLAIMS):
        code = whole >> (3 + 2 * i) & 3
        columns[name] = np.where(code > 0, code - 1.0, np.nan)
    columns |= {f"quality_{name}": (whole >> (FIRST_BIT + 2 * i) & 3).astype(float) for i, name in enumerate(JUDGED)}
    frame = pd.DataFrame(columns, index=told.index)
    kept = pd.DataFrame.from_dict({m: dict(odd_values[m]) for m in odd_values if m in frame.index}, orient="index", dtype=float)
    for name in kept:
        frame[name] = kept[name].reindex(frame.index).fillna(frame.get(name, pd.Series(np.nan, index=frame.index)))
    return frame


def odd(j: Judged, again: Mapping[str, float], bars: pd.DataFrame, *, sure: bool = True, settling: bool = False) -> dict[str, float]:
    """The judged values that `again`, measured from the bars as they are stored, would not give, or not for ever.

    `bars` end with the minute. Every value is kept while that may go on (not `sure`), and with a hole in the last hour,
    because the history may fill it; so is the lowest funding while a payment is on its way (`settling`).
    """
    holes = not sure or len(bars) < WINDOW_MIN or bars.iloc[-WINDOW_MIN:][FILLED_LATER].isna().to_numpy().any()
    kept = {}
    for name, value in j.values.items():
        if name in CLAIMS:
            continue
        found = again.get(name, np.nan)
        if holes or np.isnan(found) or (settling and name == "funding_min_3h_pct") or _differs(name, value, found, j.t):
            kept[name] = value
    return kept


def _differs(name: str, value: float, found: float, t: Thresholds) -> bool:
    """Not the same number, or on another side of a threshold."""
    if abs(found - value) > TOLERANCE * max(1.0, abs(value)):
        return True
    pair = np.array([value, found])
    for rule in RULES:
        for leaf in rule.leaves:
            limit = leaf.limit(t) if leaf.metric == name else None
            if limit is not None and np.ptp(holds(pair, leaf.op, limit).astype(int)):
                return True
    return False
