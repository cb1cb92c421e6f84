"""The exchange's clock, from its own time endpoint alone (decisions: rules of doubt)."""

from collections import deque
from collections.abc import Callable
from statistics import median

from radar.clock import Clock

__all__ = ["ExchangeClock"]

KEPT = 5
JUMP_MS = 2_000


class ExchangeClock:
    """Monotonic time plus the median of the last five offsets, so that a jump of the local clock changes nothing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offsets: deque[float] = deque(maxlen=KEPT)
        self._start_ms = clock.now_ms() - clock.monotonic() * 1000
        self.asked = False

    def ask(self, server_time_ms: Callable[[], int]) -> int:
        """Measure the offset with one call; the exchange's time, ms. Raises what the call raises."""
        began = self._clock.monotonic()
        try:
            server = server_time_ms()
        finally:
            self.asked = True
        middle = (began + self._clock.monotonic()) / 2 * 1000
        offset = server - middle
        if self._offsets and abs(offset - median(self._offsets)) > JUMP_MS:
            self._offsets.clear()
        self._offsets.append(offset)
        return server

    def now_ms(self) -> int:
        """Epoch ms on the exchange's clock; the local clock of the start until the first answer."""
        base = median(list(self._offsets)) if self._offsets else self._start_ms
        return round(self._clock.monotonic() * 1000 + base)

    def offset_ms(self) -> int:
        """Exchange minus local wall clock, ms: what other processes add to theirs."""
        return self.now_ms() - self._clock.now_ms()
