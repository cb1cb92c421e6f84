"""How far a reading can be trusted by its age (method 2.2), and the worst of several."""

from collections.abc import Iterable

from radar.models import Quality, Reading

__all__ = ["SEVERITY", "grade", "reading_age_sec", "reading_quality", "worst"]

SEVERITY = {Quality.FRESH: 0, Quality.STALE: 1, Quality.UNKNOWN: 2, Quality.MISSING: 3}


def grade(age_sec: float | None, fresh_sec: float, stale_sec: float) -> Quality:
    """FRESH up to `fresh_sec`, STALE up to `stale_sec`, then MISSING; no age is MISSING (all in seconds)."""
    if age_sec is None or age_sec > stale_sec:
        return Quality.MISSING
    return Quality.FRESH if age_sec <= fresh_sec else Quality.STALE


def reading_age_sec(reading: Reading | None, now_ms: int) -> float | None:
    """Seconds since the reading was true; never negative (clocks differ by milliseconds)."""
    return None if reading is None or reading.ts_ms is None else max(0.0, (now_ms - reading.ts_ms) / 1000)


def reading_quality(reading: Reading | None, now_ms: int) -> Quality:
    """The reading's quality at `now_ms`."""
    if reading is None:
        return Quality.MISSING
    return grade(reading_age_sec(reading, now_ms), reading.fresh_sec, reading.stale_sec)


def worst(qualities: Iterable[Quality]) -> Quality:
    """The most severe one; nothing at all is FRESH."""
    return max(qualities, key=SEVERITY.__getitem__, default=Quality.FRESH)
