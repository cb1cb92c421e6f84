"""Asking the exchange for history: within the budget, patiently, until somebody says stop."""

import threading
from collections.abc import Callable
from typing import TypeVar

from radar.clock import Clock
from radar.errors import VenueBusy, VenueError, VenueUnavailable
from radar.venues import Venue

__all__ = ["Asker", "GatherStopped"]

T = TypeVar("T")

TRIES, LONGEST_WAIT_SEC, PATIENCE_SEC = 4, 330.0, 900.0
LEAVE = {"futures": 150, "spot": 150, "funding": 20, "data": 50}  # weight for the history of a symbol that is watched just now
LEAVE_SEC = 20.0


class GatherStopped(VenueError):
    """Somebody asked to stop; what was fetched so far is kept."""


class Asker:
    """Asks one venue; safe to share between threads."""

    def __init__(self, venue: Venue, clock: Clock, stop: threading.Event) -> None:
        self.venue, self.clock, self._stop = venue, clock, stop
        self.quit = threading.Event()
        self.requests, self.waiting_until = 0, 0.0
        self.now_ms = clock.now_ms()  # when it began; by the exchange's clock, once that was read, where it is behind ours
        self._clock_read = False
        self._lock = threading.Lock()

    def read_clock(self) -> None:
        """Ask the exchange what time it is, once."""
        if not self._clock_read:
            self.now_ms = min(self.now_ms, self.ask("futures", self.venue.server_time_ms))
            self._clock_read = True

    def ask(self, pool: str, call: Callable[[], T]) -> T:
        """The answer. Raises VenueError when the exchange refuses, or gives none for long, and GatherStopped."""
        failures, waited = 0, 0.0
        self._leave_room(pool)
        while True:
            try:
                with self._lock:
                    self.requests += 1
                return call()
            except VenueBusy as error:
                with self._lock:
                    self.requests -= 1
                seconds = max(0.25, (error.until_ms - self.clock.now_ms()) / 1000)
                waited += seconds
                if seconds > LONGEST_WAIT_SEC or waited > PATIENCE_SEC:
                    raise
                self.waiting_until = self.clock.monotonic() + seconds
                self.pause(seconds)
            except VenueUnavailable:
                failures += 1
                if failures >= TRIES:
                    raise
                self.pause(2.0**failures)

    def pause(self, seconds: float) -> None:
        """Wait. Raises GatherStopped at once when it is over."""
        end = self.clock.monotonic() + seconds
        while True:
            if self._stop.is_set() or self.quit.is_set():
                raise GatherStopped("Stopped; what was fetched so far is kept.", venue=self.venue.name)
            left = end - self.clock.monotonic()
            if left <= 0:
                return
            self.clock.wait(self._stop, min(left, 0.5))

    def _leave_room(self, pool: str) -> None:
        """The history of a symbol that the radar itself watches goes first, but not for ever."""
        self.pause(0)
        end = self.clock.monotonic() + LEAVE_SEC
        while self.venue.spare(pool) < LEAVE[pool] and self.clock.monotonic() < end:
            self.pause(0.5)
