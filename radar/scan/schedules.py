"""How often funding settles, symbol by symbol, from what the whole market's bulk answers show; and when that changed."""

from collections.abc import Sequence
from typing import NamedTuple

from radar.funding import interval_hours

__all__ = ["Schedule", "seen"]

MINUTE_MS = 60_000
KEPT = 6


class Schedule(NamedTuple):
    """`passed`: settlements that are listed, or that the schedule was seen to pass (epoch ms, ascending)."""

    next_ms: int | None = None
    passed: tuple[int, ...] = ()
    hours: int | None = None
    source: str = ""
    was_hours: int | None = None  # before it changed last; None: not seen to change
    since_ms: int | None = None  # when that was seen


def seen(
    known: Schedule, *, ts_ms: int, next_ms: int | None, info_hours: int | None = None, settled_ms: Sequence[int] = (), read_ms: int | None = None
) -> Schedule:
    """The schedule after a quote of `ts_ms` that names the next settlement, and after payments that were listed.

    An interval that was only assumed before is no change. `read_ms`: payments are complete up to then.
    """
    passed = [*known.passed, *settled_ms]
    if known.next_ms and next_ms and next_ms > known.next_ms and ts_ms >= known.next_ms - MINUTE_MS:
        passed.append(known.next_ms)
    once: list[int] = []
    for at in sorted(passed):  # listed a few ms after the time that the schedule named
        if not once or at - once[-1] > MINUTE_MS:
            once.append(at)
    once = once[-KEPT:]
    hours, source = interval_hours(once, next_ms or known.next_ms, info_hours, read_ms=read_ms, now_ms=ts_ms)
    new = known._replace(next_ms=next_ms or known.next_ms, passed=tuple(once), hours=hours, source=source)
    if known.hours is not None and hours != known.hours and known.source != "assumed":
        new = new._replace(was_hours=known.hours, since_ms=ts_ms)
    return new
