"""What comes out: complete grids, and honesty about what is not there."""

from collections import Counter

import numpy as np
import pytest

from radar.clock import DrivenClock
from radar.errors import VenueRefused
from radar.gather import gather
from radar.models import Candles
from tests.gather.past_venue import DAY, END, FIVE, HOUR, MINUTE, NOW, SYMBOL, PastVenue, index_at, same


def test_everything_lies_on_its_grid(ask):
    """Complete grids of bars, hours and readings; the basis from closes, turnover of an hour from its twelve bars."""
    found = ask(2)
    bars, ts = found.bars, np.arange(END - 2 * DAY, END, FIVE)

    assert (found.first_ms, found.last_ms, found.has_spot, found.notes) == (END - 2 * DAY, END, True, ())
    np.testing.assert_array_equal(bars.index, ts)
    np.testing.assert_allclose(bars["mark"], index_at(ts) * 1.01)
    np.testing.assert_allclose(bars["mark_high"] - bars["mark_low"], 2.0)
    np.testing.assert_allclose(bars["last_open"], index_at(ts) * 1.02 - 0.5)
    np.testing.assert_allclose(bars["basis_mean_pct"], 1.0)
    np.testing.assert_array_equal(found.hours.index, np.arange(END - 2 * DAY, END, HOUR))
    assert (set(found.hours["perp_vol_usdt"]), set(found.hours["spot_vol_usdt"])) == ({120.0}, {30.0})
    assert (found.oi_qty.index[0], found.oi_qty.index[-1], int(found.oi_qty.isna().sum())) == (END - 2 * DAY, END, 1)
    assert found.coverage == {"mark": 1.0, "index": 1.0, "perp": 1.0, "spot": 1.0, "oi": 576 / 577}
    assert found.settlements[0].ts_ms <= found.first_ms - DAY
    assert found.settlements[-1].ts_ms <= found.last_ms


def test_requests_are_full_pages(ask, venue):
    """Thirty days: eighteen pages of 499 a price, one of spot, of funding and of each listing, and the clock."""
    found = ask(30)

    assert venue.count() == {"time": 1, "contracts": 1, "pairs": 1, "funding": 1, "spot": 1, "mark": 18, "index": 18, "perp": 18, "oi": 18}
    assert found.requests == len(venue.asked)
    assert max((last - first) // FIVE + 1 for series, first, last in venue.asked if series in ("mark", "index", "perp", "oi")) == 500
    assert max((last - first) // FIVE + 1 for series, first, last in venue.asked if series in ("mark", "index", "perp")) == 499


def test_the_second_time_costs_nothing(ask, venue):
    """What was fetched is kept; the same window is answered from the disk, with the same numbers."""
    first = ask(3, last_ms=END - HOUR)
    second = ask(3, last_ms=END - HOUR)

    assert venue.asked == []
    assert second.requests == 0
    assert set(second.sources["mark"]) == set(second.sources["oi"]) == {"kept"}
    assert same(first, second)


def test_a_hole_in_the_middle_is_asked_for_alone(ask, venue):
    """Two windows with a day between them: the third asks for that day only."""
    ask(first_ms=END - 5 * DAY, last_ms=END - 4 * DAY)
    ask(first_ms=END - 3 * DAY, last_ms=END - 2 * DAY)
    whole = ask(first_ms=END - 5 * DAY, last_ms=END - 2 * DAY)

    assert [row for row in venue.asked if row[0] == "mark"] == [("mark", END - 4 * DAY, END - 3 * DAY - FIVE)]
    assert whole.coverage["mark"] == whole.coverage["oi"] == 1.0


def test_progress_counts_up_to_its_end(ask):
    """Done never falls, ends at the total, and words name the symbol."""
    told = []
    ask(10, progress=lambda *what: told.append(what))

    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
    assert told[-1][0] == told[-1][1] > 20
    assert all(words.startswith(SYMBOL) for _, _, words in told)


@pytest.mark.parametrize(("after_sec", "end"), [(0, -FIVE), (59.999, -FIVE), (60, 0), (299, 0), (359, 0), (360, FIVE)])
def test_the_newest_bar_is_read_when_it_is_a_minute_old(market, after_sec, end):
    """The present may be asked for as it is: the window ends with a full bar that will not change any more."""
    clock = DrivenClock(END + round(after_sec * 1000))
    found = gather(market, PastVenue(clock), SYMBOL, END - DAY - 1, clock.now_ms(), clock=clock)

    assert (found.first_ms, found.last_ms) == (END - DAY, END + end)
    assert found.coverage["mark"] == 1.0


def test_asking_for_the_present_again_costs_nothing_until_a_bar_is_over(ask, clock, venue):
    """Then the new bar alone is asked for."""
    ask(1, last_ms=clock.now_ms())
    clock.advance(200)
    ask(1, last_ms=clock.now_ms())
    again = list(venue.asked)
    clock.advance(90)
    ask(1, last_ms=clock.now_ms())

    assert again == []
    assert [row for row in venue.asked if row[0] == "mark"] == [("mark", END, END)]
    assert set(venue.count()) == {"time", "funding", "mark", "index", "perp", "oi"}


def test_a_bar_that_still_runs_by_the_exchanges_clock_is_not_there(ask, venue):
    """Our clock may be ahead: the window ends where the exchange's does, and nothing is remembered as absent."""
    ask(1, last_ms=END - 3 * HOUR)
    venue.ahead_ms = -21 * MINUTE
    found = ask(1)
    venue.ahead_ms = 0
    later = ask(1)

    assert (found.last_ms, found.gaps["mark"]) == (END - 25 * MINUTE, [])
    assert (later.last_ms, later.gaps["mark"]) == (END, [])


def test_bars_that_never_were_are_not_asked_for_every_time(ask, clock, venue):
    """An outage of the exchange is told, believed for a week, and then asked for again."""
    venue.holes = {END - DAY + i * FIVE for i in range(6)}
    first = ask(2)
    asked = Counter()
    for _ in range(2):
        ask(2, last_ms=END - HOUR)
        asked += venue.count()
    clock.advance(8 * 86_400)
    ask(2, last_ms=END - HOUR)

    assert first.gaps["mark"] == [(END - DAY, END - DAY + 5 * FIVE)]
    assert any(note.startswith("Mark prices: 6 of 576 bars unknown, the longest gap from") for note in first.notes)
    assert asked["mark"] == 0
    assert venue.count()["mark"] == 1


def test_an_empty_page_is_believed_for_a_day(ask, clock, venue, monkeypatch):
    """It may have been a slip of the exchange: the next day it is asked for again, and the hole heals."""
    monkeypatch.setattr(venue, "_bars", lambda ts, *_: Candles(*[np.empty(0)] * 6))
    with pytest.raises(VenueRefused, match="no mark prices are known"):
        ask(1, last_ms=END - 2 * HOUR)
    monkeypatch.undo()
    clock.advance(90_000)

    assert ask(1, last_ms=END - 2 * HOUR).coverage["mark"] == 1.0


def test_open_interest_of_long_ago_is_told(ask, venue):
    """The exchange keeps 30 days: nothing older is asked for, and a note says so."""
    found = ask(40)
    known = found.oi_qty.dropna().index

    assert min(first for series, first, _ in venue.asked if series == "oi") >= NOW - 30 * DAY
    assert next(note for note in found.notes if note.startswith("No open interest before 20")).endswith("UTC: the exchange keeps 30 days.")
    assert END - 30 * DAY < known[0] < END - 30 * DAY + 2 * HOUR
    old = ask(first_ms=END - 50 * DAY, last_ms=END - 40 * DAY)
    assert "No open interest: the exchange keeps 30 days." in old.notes
    assert venue.count()["oi"] == 0
