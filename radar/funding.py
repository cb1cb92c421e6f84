"""Funding: per hour, the interval in force, caps, and what was settled (method 1.2)."""

import itertools
import math
from collections.abc import Sequence
from statistics import median

import numpy as np

from radar.models import Settlement

__all__ = ["SETTLING_MS", "cap_use", "funding_1h_pct", "interval_hours", "may_be_unread", "next_funding_in_sec", "settled_1h_pct", "unbroken", "worst_1h_pct"]

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
LONGEST_HOURS = 24
SETTLING_MS = 120_000  # a quote older than that is no quote any more
READ_SLACK_MS = 2_000  # a payment is listed that long after its time


def funding_1h_pct(rate_pct: float | None, hours: int | None) -> float | None:
    """Funding per hour, %, from the rate charged once every `hours` (PRD §7.3, method F1).

    >>> round(funding_1h_pct(-0.3184, 8), 4)
    -0.0398
    """
    return None if rate_pct is None or not hours else rate_pct / hours


def _whole_hours(gap_ms: float) -> int | None:
    """The gap as a whole number of hours from 1 to 24, with both ends rounded to the minute; None when it is not one."""
    hours = gap_ms / HOUR_MS
    whole = round(hours)
    return whole if 1 <= whole <= LONGEST_HOURS and math.isclose(hours, whole, abs_tol=1 / 60) else None


def interval_hours(
    settled_ms: Sequence[int],
    next_funding_ms: int | None,
    info_hours: int | None = None,
    *,
    read_ms: int | None = None,
    now_ms: int | None = None,
) -> tuple[int, str]:
    """The interval in force, hours, and where it comes from (method F2).

    The live schedule (last settlement to the next one) wins, then fundingInfo, then the median of the last
    three gaps, then 8 "assumed". `settled_ms` ascends; jitter of milliseconds is rounded away. A payment that may be
    unread (see `may_be_unread`) makes the schedule's gap look too long: then history or fundingInfo wins.
    """
    settled = [round(ts / MINUTE_MS) * MINUTE_MS for ts in settled_ms]
    gaps = [hours for a, b in itertools.pairwise(settled[-4:]) if (hours := _whole_hours(b - a))]
    if settled and next_funding_ms:
        passed = [ts for ts in settled if ts < next_funding_ms - MINUTE_MS]
        if passed and (hours := _whole_hours(round(next_funding_ms / MINUTE_MS) * MINUTE_MS - passed[-1])):
            if info_hours and info_hours < hours:
                return info_hours, "fundingInfo"
            doubtful = info_hours != hours and gaps and hours > gaps[-1] and hours % gaps[-1] == 0
            if doubtful and may_be_unread(settled_ms, read_ms, now_ms):
                return gaps[-1], "history"
            return hours, "schedule"
    if info_hours:
        return info_hours, "fundingInfo"
    return (round(median(gaps)), "history") if gaps else (8, "assumed")


def may_be_unread(settled_ms: Sequence[int], read_ms: int | None, now_ms: int | None) -> bool:
    """A payment was due by the last gap before `now_ms`, and settlements (complete up to `read_ms`) may lack it."""
    if len(settled_ms) < 2 or now_ms is None:
        return False
    due = settled_ms[-1] + (settled_ms[-1] - settled_ms[-2])
    return now_ms >= due and (read_ms or 0) < due + READ_SLACK_MS


def settled_1h_pct(settlements: Sequence[Settlement]) -> list[float | None]:
    """Each settlement per hour, %, by its own gap to the one before; the first has no gap: None (method F6)."""
    per_hour: list[float | None] = []
    for before, this in zip([None, *settlements[:-1]], settlements, strict=False):
        hours = before and round((this.ts_ms - before.ts_ms) / HOUR_MS)
        per_hour.append(this.rate_pct / hours if hours else None)
    return per_hour


def next_funding_in_sec(next_funding_ms: int | None, now_ms: int) -> int | None:
    """Whole seconds to the next settlement; 0 means settling; None when the schedule is unknown, or stands still."""
    if not next_funding_ms or next_funding_ms < now_ms - SETTLING_MS:
        return None
    return max(0, next_funding_ms - now_ms) // 1000


def cap_use(rate_pct: float | None, cap_pct: float | None, floor_pct: float | None) -> float | None:
    """Share of the cap (or floor) that the running rate uses, 0 to 1 (method 2.3); None when the limit is unknown."""
    limit = floor_pct if rate_pct is not None and rate_pct < 0 else cap_pct
    return None if rate_pct is None or not limit else rate_pct / limit


def worst_1h_pct(floor_pct: float | None, hours: int | None) -> float | None:
    """The lowest funding per hour, %, that the contract can settle at (method F10); None when the floor is unknown."""
    return funding_1h_pct(floor_pct, hours)


def unbroken(settled_ms: Sequence[int]) -> list[tuple[int, int]]:
    """(first, last) of stretches in which no payment can be missing (epoch ms, ascending).

    A gap that is longer by more than half than the one before it may hide payments, or be a longer interval: that is for
    whoever asks the exchange to tell.

    >>> hour = 3_600_000
    >>> unbroken([0, hour, 2 * hour, 12 * hour, 13 * hour]) == [(0, 2 * hour), (12 * hour, 13 * hour)]
    True
    """
    runs: list[tuple[int, int]] = []
    gap: float = LONGEST_HOURS * HOUR_MS
    for at in settled_ms:
        if runs and at - runs[-1][1] <= 1.5 * gap:
            gap = at - runs[-1][1]
            runs[-1] = (runs[-1][0], at)
        else:
            runs.append((at, at))
            gap = LONGEST_HOURS * HOUR_MS if len(runs) == 1 else gap
    return runs


def settled_columns(settlements: Sequence[Settlement]) -> tuple[np.ndarray, np.ndarray]:
    """(times ms, funding per hour %) as columns, rows without a gap left out."""
    pairs = [(s.ts_ms, rate) for s, rate in zip(settlements, settled_1h_pct(settlements), strict=True) if rate is not None]
    return np.array([p[0] for p in pairs], dtype=np.int64), np.array([p[1] for p in pairs], dtype=float)
