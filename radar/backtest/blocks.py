"""How sure a rate is: blocks of five days drawn again and again, and the regime taken out of it (method 4).

Coins crash and squeeze together and labels overlap, so an hour is no independent witness: all symbols of five days are
drawn as one. Sums are taken once per block; a draw is a row of weights, and a thousand draws a matrix product.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

__all__ = [
    "BLOCKS_NEEDED", "BLOCK_DAYS", "DRAWS", "SEED", "Draws", "Interval", "Intervals", "Stratified", "calibration", "draw", "intervals",
    "month_strata", "non_overlapping", "ratio", "shortage", "stratified_oe",
]  # fmt: skip

BLOCK_DAYS = 5
BLOCKS_NEEDED = 20
DRAWS = 1_000
SEED = 20_250_101
BIN = 5  # points of SRS
BINS = 20
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class Stratified(NamedTuple):
    """Events while flagged, those the strata's own rates let expect there, their ratio, and the raw lift beside it."""

    observed: np.ndarray
    expected: np.ndarray
    oe: np.ndarray
    raw_lift: np.ndarray


class Interval(NamedTuple):
    """95 % of the draws lie here; NaN: unknown."""

    lo: float = np.nan
    hi: float = np.nan


class Intervals(NamedTuple):
    """Intervals of one flag, as fractions and ratios. `why` says why there are none; empty when there are."""

    precision: Interval
    base: Interval
    lift: Interval
    oe: Interval
    flagged_blocks: int
    why: str


class Draws(NamedTuple):
    """`block`: the number of each row's block; `weights` (draws × blocks): how often a draw took each block."""

    block: np.ndarray
    weights: np.ndarray

    @property
    def blocks(self) -> int:
        """How many blocks hold a row."""
        return self.weights.shape[1]


def ratio(part: np.ndarray | float, whole: np.ndarray | float) -> np.ndarray:
    """part / whole; NaN where the whole is 0."""
    part, whole = np.asarray(part, dtype=float), np.asarray(whole, dtype=float)
    return np.divide(part, whole, out=np.full(np.broadcast(part, whole).shape, np.nan), where=whole != 0)


def stratified_oe(n: np.ndarray, events: np.ndarray, rule_n: np.ndarray, rule_events: np.ndarray) -> Stratified:
    """Observed over expected, strata along the last axis: hours, event hours, and both while flagged (method 4, V80).

    expected = Σ flagged hours × the stratum's own event rate. Raw lift says how bad it is when the flag is on; O/E whether
    the flag knows anything beyond the regime. Where no event was expected there is no ratio (NaN).
    """
    n, events, rule_n, rule_events = (np.asarray(x, dtype=float) for x in (n, events, rule_n, rule_events))
    observed = rule_events.sum(axis=-1)
    expected = (rule_n * np.nan_to_num(ratio(events, n))).sum(axis=-1)
    raw_lift = ratio(ratio(observed, rule_n.sum(axis=-1)), ratio(events.sum(axis=-1), n.sum(axis=-1)))
    return Stratified(observed, expected, ratio(observed, expected), raw_lift)


def month_strata(rows: pd.DataFrame) -> np.ndarray:
    """The number of each row's symbol-month (UTC), counted from 0."""
    month = rows["ts_ms"].to_numpy(dtype=np.int64).astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64)
    symbol = pd.factorize(rows["symbol"])[0].astype(np.int64)
    return np.unique(symbol * 1_000_000 + month, return_inverse=True)[1]


def draw(ts_ms: np.ndarray, *, draws: int = DRAWS, seed: int = SEED, days: int = BLOCK_DAYS) -> Draws:
    """Blocks of `days` days from the first row on, all symbols together, and how often each of the draws takes each of them."""
    ts_ms = np.asarray(ts_ms, dtype=np.int64)
    number = (ts_ms - ts_ms.min()) // (days * DAY_MS) if len(ts_ms) else ts_ms
    held, block = np.unique(number, return_inverse=True)
    count = len(held)
    weights = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=draws) if count else np.zeros((draws, 0))
    return Draws(block, weights.astype(float))


def shortage(blocks: int) -> str:
    """Why there is no interval; empty when there are blocks enough.

    >>> shortage(6), shortage(20)
    ('not enough data: 6 of 20 blocks', '')
    """
    return "" if blocks >= BLOCKS_NEEDED else f"not enough data: {blocks} of {BLOCKS_NEEDED} blocks"


def _interval(values: np.ndarray) -> Interval:
    """The middle 95 % of the draws that have a value."""
    known = values[~np.isnan(values)]
    return Interval(*(float(x) for x in np.percentile(known, [2.5, 97.5]))) if len(known) else Interval()


def intervals(flag: np.ndarray, event: np.ndarray, stratum: np.ndarray, drawn: Draws) -> Intervals:
    """Bootstrap intervals of precision, base, lift and O/E; rows where `flag` or `event` is NaN are left out.

    `flag` and `event` are 1, 0 or NaN; `stratum` as by `month_strata`. The strata's rates are taken anew in every draw.
    """
    known = ~np.isnan(flag) & ~np.isnan(event)
    on, hit = flag[known] == 1, event[known] == 1
    flagged_blocks = len(np.unique(drawn.block[known][on]))
    if why := shortage(flagged_blocks):
        return Intervals(Interval(), Interval(), Interval(), Interval(), flagged_blocks, why)
    strata, kind = np.unique(stratum[known], return_inverse=True)
    cell = drawn.block[known] * len(strata) + kind
    size = drawn.blocks * len(strata)
    n, events, flagged, hits = (
        drawn.weights @ np.bincount(cell, weights=mask, minlength=size).reshape(drawn.blocks, len(strata))
        for mask in (np.ones(len(cell)), hit, on, on & hit)
    )
    adjusted = stratified_oe(n, events, flagged, hits)
    return Intervals(
        precision=_interval(ratio(adjusted.observed, flagged.sum(axis=1))),
        base=_interval(ratio(events.sum(axis=1), n.sum(axis=1))),
        lift=_interval(adjusted.raw_lift),
        oe=_interval(adjusted.oe),
        flagged_blocks=flagged_blocks,
        why="",
    )


def non_overlapping(rows: pd.DataFrame, horizon_h: int) -> pd.DataFrame:
    """One decision per horizon, the first at 00:00 UTC: labels that do not overlap, as a check (method 4)."""
    return rows[rows["ts_ms"] % (horizon_h * HOUR_MS) == 0].reset_index(drop=True)


def calibration(rows: pd.DataFrame, *, draws: int = DRAWS, seed: int = SEED) -> pd.DataFrame:
    """SRS bins of 5 (the last is 95 to 100) against how often the event followed; 20 rows (method 4).

    Columns srs_from, srs_to, hours, events, observed_pct, lo_pct, hi_pct (95 %, by blocks), base_pct (any hour with a score:
    the base line), blocks (with an hour in the bin), why (no interval). SRS is no probability; this shows how far it is from one.
    """
    srs, event = rows["srs"].to_numpy(dtype=float), rows["event"].to_numpy(dtype=float)
    known = ~np.isnan(srs) & ~np.isnan(event)
    drawn = draw(rows["ts_ms"].to_numpy(), draws=draws, seed=seed)
    at = np.clip(np.floor(srs[known] / BIN).astype(int), 0, BINS - 1)
    cell, hit = drawn.block[known] * BINS + at, event[known] == 1
    n, events = (
        np.bincount(cell, weights=mask, minlength=drawn.blocks * BINS).reshape(drawn.blocks, BINS) for mask in (np.ones(len(cell)), hit)
    )
    rates = ratio(drawn.weights @ events, drawn.weights @ n) * 100
    blocks = (n > 0).sum(axis=0)
    bounds = [Interval() if shortage(k) else _interval(rates[:, i]) for i, k in enumerate(blocks)]
    start = np.arange(BINS) * BIN
    columns = {
        "srs_from": start,
        "srs_to": np.where(start == start[-1], 100, start + BIN - 1),
        "hours": n.sum(axis=0).astype(int),
        "events": events.sum(axis=0).astype(int),
        "observed_pct": ratio(events.sum(axis=0), n.sum(axis=0)) * 100,
        "lo_pct": [b.lo for b in bounds],
        "hi_pct": [b.hi for b in bounds],
        "base_pct": np.full(BINS, float(ratio(hit.sum(), len(hit))) * 100),
        "blocks": blocks,
        "why": [shortage(k) for k in blocks],
    }
    return pd.DataFrame(columns)
