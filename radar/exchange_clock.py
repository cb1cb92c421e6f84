"""The exchange's clock, from its own time endpoint alone (decisions: rules of doubt)."""

from collections import deque
from collections.abc import Callable, Mapping
from statistics import median

from radar.clock import Clock

__all__ = ["ExchangeClock", "told_offset_ms"]

KEPT = 5
JUMP_MS = 2_000
TRUSTED_MS = 600_000  # an offset that another process measured longer ago says nothing


class ExchangeClock:
    """Monotonic time plus the median of the last five offsets, so that a jump of the local clock changes nothing.

    An answer that is far from the others is believed when a second one agrees with it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offsets: deque[float] = deque(maxlen=KEPT)
        self._odd: float | None = None
        self._last: tuple[int, float] | None = None  # the last answer that was news, and when (monotonic seconds)
        self._start_ms = self._drift = self._seen_ms = clock.now_ms() - clock.monotonic() * 1000
        self.asked = False

    @property
    def in_doubt(self) -> bool:
        """The last answer was far from those before: ask again."""
        return self._odd is not None

    def ask(self, server_time_ms: Callable[[], int]) -> int:
        """Measure the offset with one call; the exchange's time, ms. Raises what the call raises."""
        began = self._clock.monotonic()
        try:
            server = server_time_ms()
        finally:
            self.asked = True
        now = (began + self._clock.monotonic()) / 2
        if self._last is not None and server == self._last[0] and now > self._last[1]:
            return server  # an old answer once more: time does not stand still
        self._last = server, now
        offset = server - now * 1000
        if self._offsets and abs(offset - median(self._offsets)) > JUMP_MS:
            if self._odd is None or abs(offset - self._odd) > JUMP_MS:
                self._odd = offset
                return server
            self._offsets.clear()
        self._odd = None
        self._offsets.append(offset)
        return server

    def slept(self) -> bool:
        """Whether wall and monotonic time came apart since the last call: a suspend, or a step of the local clock.

        Then the exchange's clock is unknown until it is asked; meanwhile the wall clock is taken to be right.
        """
        drift = self._clock.now_ms() - self._clock.monotonic() * 1000
        moved, self._drift = drift - self._drift, drift
        if abs(moved) <= JUMP_MS:
            return False
        self._offsets = deque((offset + moved for offset in self._offsets), maxlen=KEPT)
        self._start_ms += moved
        return True

    @property
    def known(self) -> bool:
        """The exchange told its time; until then it is the local clock's."""
        return bool(self._offsets)

    def moved_ms(self) -> int:
        """By how much it was set since the last call: what `now_ms` moved beside the time that passed."""
        base, before = self._base_ms(), self._seen_ms
        self._seen_ms = base
        return round(base - before)

    def now_ms(self) -> int:
        """Epoch ms on the exchange's clock; the local clock until the first answer."""
        return round(self._clock.monotonic() * 1000 + self._base_ms())

    def _base_ms(self) -> float:
        return median(list(self._offsets)) if self._offsets else self._start_ms

    def sure_ms(self) -> int | None:
        """The earlier of the exchange's clock and ours, to throw things away by; None until the exchange told its time."""
        return min(self.now_ms(), self._clock.now_ms()) if self.known else None

    def is_to_come(self, ts_ms: int) -> bool:
        """By the exchange's clock and by ours: who stamped it had a clock that ran ahead for a while."""
        return ts_ms > max(self.now_ms(), self._clock.now_ms()) + JUMP_MS

    def told(self) -> dict[str, int]:
        """What other processes need: exchange minus local wall clock, and when that was so (both ms)."""
        wall_ms = self._clock.now_ms()
        return {"offset_ms": self.now_ms() - wall_ms, "wall_ms": wall_ms}


def told_offset_ms(told: Mapping[str, int], wall_ms: int) -> int:
    """The offset that a collector told, ms; 0 when it is too old to be believed."""
    recent = abs(wall_ms - told.get("wall_ms", 0)) < TRUSTED_MS
    return told.get("offset_ms", 0) if recent else 0
