"""Limits, faults, stopping: polite, patient, and nothing is lost."""

import threading
import time

import pandas as pd
import pytest

from radar.archive import Archive
from radar.clock import SystemClock
from radar.errors import VenueBlocked, VenueBusy, VenueError, VenueRefused, VenueUnavailable
from radar.gather import GatherStopped, gather
from tests.gather.past_venue import DAY, END, FIVE, HOUR, NOW, SYMBOL
from tests.test_archive import klines, put


@pytest.mark.parametrize("need", [600, 1300, 1436])
def test_live_calls_keep_their_share(ask, venue, need):
    """In no minute does history take more than live calls leave; it waits, and it gets there."""
    venue.budget.set_need("futures", need)
    found = ask(30 if need == 600 else 5)
    spent = [(at, weight) for at, pool, weight in venue.log if pool == "futures"]

    assert found.coverage["mark"] == 1.0
    assert max(sum(weight for at, weight in spent if start <= at < start + 60) for start, _ in spent) <= 1440 - need


def test_a_wait_of_the_exchange_is_kept(ask, venue, clock):
    """Nothing is asked until the moment it named, and the waiting is told."""
    venue.errors["mark"] = [VenueBusy("slow down", venue="past", until_ms=NOW + 40_000)]
    found = ask(1)

    assert found.coverage["mark"] == 1.0
    assert clock.now_ms() >= NOW + 40_000


@pytest.mark.parametrize(
    "error",
    [VenueBusy("banned", venue="past", until_ms=NOW + 3 * DAY), VenueBlocked("not from here", venue="past", until_ms=NOW + 900_000)],
)
def test_a_ban_and_a_block_end_it(ask, venue, error):
    """They are the caller's to know; nobody waits for days."""
    venue.errors["index"] = error
    with pytest.raises(type(error), match=str(error)):
        ask(5)

    assert venue.count()["index"] <= 4


def test_what_lies_here_is_enough_where_the_exchange_is_out_of_reach(ask, venue):
    """Blocked: a window that was fetched before is answered, and what could not be asked is told."""
    ask(5, last_ms=END - HOUR)
    for series in ("time", "contracts", "mark"):
        venue.errors[series] = VenueBlocked("not from here", venue="past", until_ms=NOW + 900_000)
    found = ask(5)

    assert (found.has_spot, found.gaps["mark"]) == (True, [(END - HOUR, END - FIVE)])
    assert "The exchange could not be asked for the rest: not from here" in found.notes
    with pytest.raises(VenueBlocked):
        ask(8)


def test_files_alone_are_enough(ask, venue, tmp_path):
    """Where no exchange answers at all, files make a history; that the listing is unknown is told."""
    first = END // DAY * DAY - 10 * DAY
    for series in ("markPriceKlines", "indexPriceKlines", "klines"):
        put(tmp_path / "files", f"{series}/{SYMBOL}-5m-{pd.Timestamp(first, unit='ms'):%Y-%m-%d}.zip", klines(first, 288))
    for series in ("time", "contracts", "pairs", "mark", "oi", "funding"):
        venue.errors[series] = VenueUnavailable("no network", venue="past")
    found = ask(first_ms=first, last_ms=first + DAY, archive=Archive(tmp_path / "files"))

    assert (found.coverage["mark"], found.has_spot, found.contract) == (1.0, None, None)
    assert "The listing could not be read: no network" in found.notes


def test_a_short_failure_is_tried_again(ask, venue):
    """Three failures in a row are bad luck."""
    venue.errors["perp"] = [VenueUnavailable("down", venue="past")] * 3

    assert ask(1).coverage["perp"] == 1.0


def test_a_long_failure_is_an_error_and_loses_nothing(ask, venue):
    """The sentence is the venue's; what came before is kept for the next time."""
    venue.errors["perp"] = VenueUnavailable("down for hours", venue="past")
    with pytest.raises(VenueUnavailable, match="down for hours"):
        ask(5)
    venue.errors.clear()
    found = ask(5)

    assert found.coverage["perp"] == 1.0
    assert venue.count()["mark"] <= 1


@pytest.mark.parametrize(
    ("series", "note"), [("oi", "Open interest: refused"), ("spot", "Spot turnover: refused"), ("funding", "Funding: refused")]
)
def test_a_refusal_of_a_side_series_is_told(ask, venue, series, note):
    """The prices are there, so there is an answer."""
    venue.errors[series] = VenueRefused("no such thing", venue="past", code=-1130)
    found = ask(2)

    assert found.coverage["mark"] == 1.0
    assert f"{note} (no such thing)" in found.notes


def test_a_refusal_of_prices_is_an_error(ask, venue):
    """Without a mark there is nothing to test."""
    venue.errors["mark"] = VenueRefused("Invalid symbol.", venue="past", code=-1121)
    with pytest.raises(VenueRefused, match="Invalid symbol"):
        ask(5)

    assert venue.count()["mark"] <= 4


def test_stopping_keeps_what_came(ask, venue):
    """The caller is told by an error; the next time goes on from there."""
    stop = threading.Event()
    with pytest.raises(GatherStopped):
        ask(30, stop=stop, progress=lambda done, total, words: stop.set() if done >= 20 else None)
    before = len(venue.asked)
    ask(30)

    assert before < 40
    assert len(venue.asked) <= 82 - before + 8


def test_stopping_ends_a_wait_within_seconds(market, venue):
    """Even one for the exchange's limits."""
    clock, stop = SystemClock(), threading.Event()
    venue.errors["mark"] = VenueBusy("slow down", venue="past", until_ms=clock.now_ms() + 300_000)
    threading.Timer(0.3, stop.set).start()
    began = time.monotonic()
    with pytest.raises(GatherStopped):
        gather(market, venue, SYMBOL, END - DAY, END, stop=stop, clock=clock)

    assert time.monotonic() - began < 3


def test_a_caller_that_breaks_off_ends_it(ask, venue):
    """An exception in its progress (Ctrl-C, for one) ends the threads, too."""

    def broken(done, total, words):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ask(60, progress=broken)
    assert len(venue.asked) < 20


def test_stopping_is_a_venue_error():
    """Callers catch one class."""
    assert issubclass(GatherStopped, VenueError)


def test_what_is_refused_is_not_asked_for_page_by_page(ask, venue, market):
    """Payments of many windows are refused with the first of them."""
    for i in range(1, 30):
        ask(first_ms=END - 100 * DAY + 3 * i * DAY, last_ms=END - 100 * DAY + 3 * i * DAY + HOUR)
    venue.errors["funding"] = VenueRefused("no such thing", venue="past", code=-1130)
    found = ask(100)

    assert "Funding: refused (no such thing)" in found.notes
    assert venue.count()["funding"] <= 4
