"""Whether the collector keeps step: how long its steps take, and how late they begin, counted for histograms."""

from bisect import bisect_left
from typing import Any

from radar.clock import Clock

__all__ = ["BOUNDS_SEC", "Pace"]

BOUNDS_SEC = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)  # what is above the last is counted last


class _Counted:
    """Durations by their upper bound, and their sum."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS_SEC) + 1)
        self._sum_sec = 0.0

    def add(self, seconds: float) -> None:
        self._counts[bisect_left(BOUNDS_SEC, seconds)] += 1
        self._sum_sec += seconds

    def told(self) -> dict[str, Any]:
        return {"counts": list(self._counts), "sum_sec": round(self._sum_sec, 6)}


class Pace:
    """One thread counts, others read."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._steps, self._late = _Counted(), _Counted()
        self._failures = 0
        self._began = self._ended = 0.0
        self._stepping: float | None = None  # the last sign of life, monotonic; None: it does not run

    def begin(self) -> None:
        """A step begins."""
        self._began = self._stepping = self._clock.monotonic()

    def fail(self) -> None:
        """It ended in an error that nobody expected."""
        self._failures += 1

    def end(self) -> float:
        """It is over; how long it took, seconds."""
        self._ended = self._stepping = self._clock.monotonic()
        took = self._ended - self._began
        self._steps.add(took)
        return took

    def waited(self, seconds: float) -> None:
        """The next one was to begin so long after the last one ended."""
        self._late.add(max(0.0, self._clock.monotonic() - self._ended - seconds))

    def silent_sec(self) -> float | None:
        """How long ago the loop gave its last sign of life; None while it was never begun."""
        return None if self._stepping is None else self._clock.monotonic() - self._stepping

    def told(self) -> dict[str, Any]:
        """The counts, as other processes read them."""
        return {"steps": self._steps.told(), "late": self._late.told(), "failures": self._failures}
