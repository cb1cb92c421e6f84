"""When funding settles, as the whole market's quotes and payments show it."""

from radar.scan.schedules import Schedule, seen

HOUR = 3_600_000
T0 = 490_000 * HOUR  # a multiple of 8 hours


def test_a_schedule_that_passes_tells_its_interval():
    """First only what fundingInfo says, or eight hours assumed; after one settlement the gap that was seen."""
    first = seen(Schedule(), ts_ms=T0 - HOUR, next_ms=T0)
    after = seen(first, ts_ms=T0 + 5_000, next_ms=T0 + 4 * HOUR)

    assert (first.hours, first.source) == (8, "assumed")
    assert (after.hours, after.source) == (4, "schedule")
    assert after.was_hours is None  # what was assumed is no "before"


def test_a_shortened_interval_is_remembered_with_its_moment():
    """Four hours, then one: what it was, and since when."""
    known = seen(Schedule(), ts_ms=T0 - HOUR, next_ms=T0, info_hours=4)
    known = seen(known, ts_ms=T0 + 5_000, next_ms=T0 + 4 * HOUR, info_hours=4)
    shorter = seen(known, ts_ms=T0 + 60_000, next_ms=T0 + HOUR, info_hours=1)

    assert (known.hours, shorter.hours, shorter.was_hours, shorter.since_ms) == (4, 1, 4, T0 + 60_000)


def test_payments_and_what_was_seen_to_pass_are_one():
    """The list names a payment a few milliseconds after the time that the schedule gave."""
    known = seen(Schedule(), ts_ms=T0 - HOUR, next_ms=T0)
    known = seen(known, ts_ms=T0 + 5_000, next_ms=T0 + 8 * HOUR)
    listed = seen(known, ts_ms=T0 + 30_000, next_ms=T0 + 8 * HOUR, settled_ms=[T0 + 3])

    assert listed.passed == (T0,)
    assert listed.hours == 8


def test_a_next_time_that_jumps_long_before_it_is_due_is_no_settlement():
    """A schedule that is moved does not invent a payment."""
    known = seen(Schedule(), ts_ms=T0 - 5 * HOUR, next_ms=T0, info_hours=8)
    moved = seen(known, ts_ms=T0 - 4 * HOUR, next_ms=T0 + 8 * HOUR, info_hours=8)

    assert moved.passed == ()
