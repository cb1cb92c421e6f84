"""How far a reading can be trusted by its age (method 2.2), and the worst of several."""

from collections.abc import Iterable

from radar.models import Quality, Reading

__all__ = ["AHEAD_MS", "SEVERITY", "age_sec", "grade", "reading_age_sec", "reading_quality", "worst"]

AHEAD_MS = 5_000  # clocks differ by less; a moment further ahead is no moment

SEVERITY = {Quality.FRESH: 0, Quality.STALE: 1, Quality.UNKNOWN: 2, Quality.MISSING: 3}


def grade(age_sec: float | None, fresh_sec: float, stale_sec: float) -> Quality:
    """FRESH up to `fresh_sec`, STALE up to `stale_sec`, then MISSING; no age is MISSING (all in seconds)."""
    if age_sec is None or age_sec > stale_sec:
        return Quality.MISSING
    return Quality.FRESH if age_sec <= fresh_sec else Quality.STALE


def age_sec(ts_ms: int | None, now_ms: int) -> float | None:
    """Seconds since `ts_ms`; None for a moment that is unknown or more than five seconds ahead: a clock is wrong."""
    if ts_ms is None or ts_ms > now_ms + AHEAD_MS:
        return None
    return max(0.0, (now_ms - ts_ms) / 1000)


def reading_age_sec(reading: Reading | None, now_ms: int) -> float | None:
    """Seconds since the reading was true; None when it cannot be told."""
    return None if reading is None else age_sec(reading.ts_ms, now_ms)


def reading_quality(reading: Reading | None, now_ms: int) -> Quality:
    """The reading's quality at `now_ms`."""
    if reading is None:
        return Quality.MISSING
    return grade(reading_age_sec(reading, now_ms), reading.fresh_sec, reading.stale_sec)


def worst(qualities: Iterable[Quality]) -> Quality:
    """The most severe one; nothing at all is FRESH."""
    return max(qualities, key=SEVERITY.__getitem__, default=Quality.FRESH)
