"""Any order of kills, restarts, failures, full disks and clocks set back, between deciding and delivering."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radar.clock import DrivenClock
from radar.courier import Courier
from radar.errors import StoreError
from radar.mailbag import Mailbag
from radar.models import Outcome
from radar.store import UserStore
from tests.test_courier import note

NOW = 1_790_000_017_000
OFTEN = ("decide", "decide", "second", "second", "minute")
STEPS = (*OFTEN, *OFTEN, "restart", "kill_before", "kill_after", "channel_down", "channel_well", "disk_full", "disk_free", "clock_back")


class Killed(BaseException):
    """The process ends here."""


class Trip:
    """A process that decides and delivers to one channel; every step is a method with _ before it."""

    name, kind = "desk", "json"

    def __init__(self, folder):
        self.user, self.clock, self.behind_ms = UserStore(folder), DrivenClock(NOW), 0
        self.decided, self.arrived, self.kills = [], [], 0
        self.down = self.full = False
        self.killed = ""
        for name in ("record", "claim", "mark", "begin"):
            setattr(self.user.outbox, name, self._guarded(getattr(self.user.outbox, name)))
        self._restart()

    def _guarded(self, work):
        def guarded(*args, **kwargs):
            if self.full:
                raise StoreError("database or disk is full")
            return work(*args, **kwargs)

        return guarded

    def _now_ms(self):
        return self.clock.now_ms() - self.behind_ms

    def send(self, title, body):
        """The channel: it takes the message, or is down; the process may be killed on either side of it."""
        if self.killed == "before":
            raise Killed
        if self.down:
            return Outcome(ok=False, sentence="failed (HTTP 500)")
        self.arrived.append((int(title.rpartition(" ")[2]), body.startswith("Perhaps a second time")))
        if self.killed == "after":
            raise Killed
        return Outcome(ok=True)

    def _restart(self):
        if self.full:
            return  # what waits in memory for a disk does not outlive the process: nothing is promised of it
        self.bag = Mailbag(self.user, "me")
        self.bag.begin()
        self.courier = Courier(self.user, self.bag, [self], self.clock, now_ms=self._now_ms, leading=lambda: True)

    def _decide(self):
        self.decided.append(len(self.decided))
        self.bag.put(note(f"message {self.decided[-1]}", ["desk"], self._now_ms()))

    def _second(self, seconds=1):
        self.courier.step("desk")
        self.clock.advance(seconds)

    def _minute(self):
        self._second(60)

    def _kill(self, where):
        if not self.full:
            self.killed = where
            try:
                self.courier.step("desk")
            except Killed:
                self.kills += 1
            self.killed = ""
            self._restart()

    def _kill_before(self):
        self._kill("before")

    def _kill_after(self):
        self._kill("after")

    def _channel_down(self):
        self.down = True

    def _channel_well(self):
        self.down = False

    def _disk_full(self):
        self.full = True

    def _disk_free(self):
        self.full = False
        self.bag.flush()

    def _clock_back(self):
        self.behind_ms += 1_800_000


@pytest.mark.fault("F28", "F35", "F39", "F44", "F49")
@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(STEPS), min_size=5, max_size=30))
def test_whatever_happens_on_the_way_a_decided_message_arrives_once(steps):
    """All of them, in order; a second time after a kill alone, at most once for each, and it says so."""
    with tempfile.TemporaryDirectory() as folder:
        trip = Trip(Path(folder))
        for step in [*steps, "channel_well", "disk_free"]:
            getattr(trip, f"_{step}")()
        for _ in range(80):
            trip._minute()
            while trip.courier.step("desk"):
                pass
        waiting = trip.user.outbox.next_of("desk")
        trip.user.close()
    arrived = [number for number, _ in trip.arrived]
    again = [said for place, (number, said) in enumerate(trip.arrived) if number in arrived[:place]]

    assert waiting is None
    assert list(dict.fromkeys(arrived)) == trip.decided
    assert arrived == sorted(arrived)
    assert len(again) <= trip.kills
    assert all(again)
