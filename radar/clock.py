"""Time as an argument: everything that waits or ages is handed a Clock."""

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """Wall time for what is stored and shown, monotonic time for what is waited for."""

    def now_ms(self) -> int:
        """Epoch milliseconds UTC by the local clock."""
        ...

    def monotonic(self) -> float:
        """Seconds that never jump."""
        ...

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait for `event` at most `seconds`; True when it is set."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now_ms(self) -> int:
        """Epoch milliseconds UTC."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Seconds that never jump."""
        return time.monotonic()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait for `event` at most `seconds`."""
        return event.wait(seconds)


class DrivenClock:
    """A clock that a test turns by hand; waiting turns it too."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        """Epoch milliseconds UTC."""
        return self._now_ms

    def monotonic(self) -> float:
        """Seconds, in step with `now_ms`."""
        return self._now_ms / 1000

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now_ms += round(seconds * 1000)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Waiting is passing the time."""
        if not event.is_set():
            self.advance(seconds)
        return event.is_set()
