"""How much of an exchange's request limits this process has used, and what it may still use.

The limits are per IP address and rolling, so the sum over the last window is what counts. Live calls come first:
history (backfill) gets what is left after the weight that live calls need in one window.
"""

import threading
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from radar.clock import Clock

__all__ = ["BINANCE_POOLS", "Budget", "Pool"]

Who = Literal["live", "history", "foreign"]

SLACK_SEC = 1.0  # the exchange counts a request when it arrives, which is later than we count it
GARBAGE = 10  # a server's count above this multiple of our limit is not a count


@dataclass(frozen=True)
class Pool:
    """One limit: at most `limit` weight (or requests) in any `window_sec`."""

    limit: int
    window_sec: int
    counted: bool = False  # answers carry the server's own count of this pool


BINANCE_POOLS = {
    "futures": Pool(1440, 60, counted=True),  # of 2400
    "spot": Pool(3600, 60, counted=True),  # of 6000
    "funding": Pool(400, 300),  # fundingRate and fundingInfo: of 500 requests
    "data": Pool(800, 300),  # /futures/data: of 1000 requests
}


class Budget:
    """Rolling sums of weight per pool; safe to share between threads."""

    def __init__(self, clock: Clock, pools: Mapping[str, Pool] = BINANCE_POOLS) -> None:
        self._clock = clock
        self._pools = dict(pools)
        self._taken: dict[str, deque[tuple[float, int, Who]]] = {name: deque() for name in pools}
        self._sums: dict[str, Counter[Who]] = {name: Counter() for name in pools}
        self._live_need = dict.fromkeys(pools, 0)
        self._lock = threading.Lock()

    def limit(self, pool: str) -> int:
        """The most weight that may lie in one window of `pool`."""
        return self._pools[pool].limit

    def set_live_need(self, pool: str, weight: int) -> None:
        """Say how much weight live calls need in one window; history leaves that much free."""
        with self._lock:
            self._live_need[pool] = weight

    def take(self, pool: str, weight: int, *, history: bool = False, reserve: int = 0) -> bool:
        """Record `weight` and return True, or return False when it does not fit.

        A live call that can wait leaves `reserve` weight for those that cannot.
        """
        with self._lock:
            self._forget(pool)
            if weight > self._room(pool, self._sums[pool], history, reserve):
                return False
            self._record(pool, weight, "history" if history else "live")
            return True

    def used(self, pool: str) -> int:
        """Weight in the present window, that of other programs on this address included."""
        with self._lock:
            self._forget(pool)
            return self._sums[pool].total()

    def spare(self, pool: str) -> int:
        """Weight that history may still use now."""
        with self._lock:
            self._forget(pool)
            return max(0, self._room(pool, self._sums[pool], True, 0))

    def wait_sec(self, pool: str, weight: int, *, history: bool = False, reserve: int = 0) -> float:
        """Seconds until `take` with the same arguments can succeed, if nobody else takes before."""
        with self._lock:
            self._forget(pool)
            sums, now = self._sums[pool].copy(), self._clock.monotonic()
            if weight <= self._room(pool, sums, history, reserve):
                return 0.0
            for taken_at, taken, who in self._taken[pool]:
                sums[who] -= taken
                if weight <= self._room(pool, sums, history, reserve):
                    return max(0.0, taken_at + self._kept_sec(pool) - now)
            return self._kept_sec(pool)

    def adopt(self, pool: str, server_used: str | None) -> None:
        """Believe the server's count (header X-MBX-USED-WEIGHT-1M) where it is above ours.

        The difference is another program on this address, or this one before a restart; it decays like our own.
        """
        if not self._pools[pool].counted or server_used is None or not (server_used.isascii() and server_used.isdecimal()):
            return
        with self._lock:
            self._forget(pool)
            foreign = int(server_used[:12]) - self._sums[pool].total()
            if 0 < foreign <= GARBAGE * self._pools[pool].limit:
                self._record(pool, foreign, "foreign")

    def _room(self, pool: str, sums: Counter[Who], history: bool, reserve: int) -> int:
        limit = self._pools[pool].limit
        total = limit - reserve - sum(sums.values())
        return min(total, limit - self._live_need[pool] - sums["history"] - sums["foreign"]) if history else total

    def _record(self, pool: str, weight: int, who: Who) -> None:
        self._taken[pool].append((self._clock.monotonic(), weight, who))
        self._sums[pool][who] += weight

    def _forget(self, pool: str) -> None:
        end = self._clock.monotonic() - self._kept_sec(pool)
        taken = self._taken[pool]
        while taken and taken[0][0] <= end:
            _, weight, who = taken.popleft()
            self._sums[pool][who] -= weight

    def _kept_sec(self, pool: str) -> float:
        return self._pools[pool].window_sec + SLACK_SEC
