"""What stands out about a contract besides its light: facts that a short seller wants to know before anything else."""

from typing import NamedTuple

import numpy as np

from radar.assess import DAY_MS
from radar.quality import AHEAD_MS
from radar.scan.columns import Scanned
from radar.scan.judging import Verdicts, ages_sec
from radar.score import HISTORY_HOURS

__all__ = ["FLAGS", "NEW_DAYS", "Flag", "flags_of", "positive", "used_of_limit"]

NEW_DAYS = HISTORY_HOURS / 24  # as long as the score's own memory
FLOOR_USE = 0.95
JUST_SEC = 86_400.0
HIGH = 2  # of `adl`


class Flag(NamedTuple):
    """One word for a chip, and a sentence for who asks."""

    word: str
    sentence: str


FLAGS = {  # the gravest first
    "DELISTING": Flag("delisting", "The exchange has said when this contract ends."),
    "FLOOR": Flag("at the floor", "Funding uses 95 % or more of its floor: it can hardly fall further, and the interval may be shortened."),
    "INTERVAL": Flag("interval shortened", "The funding interval got shorter within the last 24 hours: shorts may pay more often."),
    "NO_SPOT": Flag("no spot", "No exchange that is asked lists the coin on spot: nothing to hedge with, nothing that anchors the price."),
    "ADL": Flag("high ADL risk", "The exchange rates the risk of auto-deleveraging as high: a winning short may be closed by force."),
    "NEW": Flag("new", f"Listed less than {NEW_DAYS:.0f} days ago: there is no month to compare with."),
}


def used_of_limit(s: Scanned, v: Verdicts) -> np.ndarray:
    """Share of the cap, or below zero of the floor, that the running rate uses (`funding.cap_use`); NaN where the limit is unknown."""
    rate = v.values["funding_1h_pct"] * positive(s.columns["interval_hours"])
    limit = np.where(rate < 0, s.columns["floor_pct"], s.columns["cap_pct"])
    return rate / np.where(limit != 0, limit, np.nan)


def positive(values: np.ndarray) -> np.ndarray:
    """NaN for what is not above zero."""
    return np.where(values > 0, values, np.nan)


def flags_of(s: Scanned, v: Verdicts, now_ms: int) -> list[tuple[str, ...]]:
    """The codes of every symbol, in the order of FLAGS; what is unknown raises none."""
    columns = s.columns
    shortened = columns["interval_hours"] < columns["interval_was_hours"]
    onboard_ms = columns["onboard_ms"]
    raised = {
        "DELISTING": np.isfinite(columns["delisting_ms"]),
        "FLOOR": (v.values["funding_1h_pct"] < 0) & (used_of_limit(s, v) >= FLOOR_USE),
        "INTERVAL": shortened & (ages_sec(columns["interval_since_ms"], now_ms) <= JUST_SEC),
        "NO_SPOT": v.values["has_spot"] == 0,
        "ADL": columns["adl"] == HIGH,
        "NEW": (now_ms - onboard_ms < NEW_DAYS * DAY_MS) & (onboard_ms <= now_ms + AHEAD_MS),
    }
    codes = list(FLAGS)
    up = np.column_stack([raised[code] for code in codes])
    said: list[tuple[str, ...]] = [()] * len(s.symbols)
    for at in np.flatnonzero(up.any(axis=1)).tolist():
        said[at] = tuple(code for code, is_up in zip(codes, up[at].tolist(), strict=True) if is_up)
    return said
