"""How much of an exchange's request limits this process has used, and what it may still use.

The limits are per IP address and rolling, so the sum over the last window is what counts. The watchlist comes first:
the scan of the whole market leaves free what the watchlist needs in one window, history (backfill) what both need.
"""

import re
import threading
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from radar.clock import Clock
from radar.models import Purpose

__all__ = ["BINANCE_POOLS", "Budget", "Pool"]

Who = Literal["watch", "scan", "history", "earlier", "foreign"]
FIRST: tuple[Purpose, ...] = ("watch", "scan", "history")  # each leaves free what those before it need

SLACK_SEC = 1.0  # the exchange counts a request when it arrives, which is later than we count it
GARBAGE = 10  # a server's count above this multiple of our limit is not a count


@dataclass(frozen=True)
class Pool:
    """One limit: this program takes at most `limit` weight (or requests) in any `window_sec`.

    `ceiling`: where the server counts too, what it may count for all programs on this address together. `urgent`: what the
    calls that cannot wait need in a window; those that can leave it free.
    """

    limit: int
    window_sec: int
    ceiling: int | None = None
    urgent: int = 0


BINANCE_POOLS = {
    "futures": Pool(1440, 60, ceiling=2340, urgent=120),  # of 2400; prices, volumes and the clock take 101 a minute
    "spot": Pool(3600, 60, ceiling=5850, urgent=30),  # of 6000
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
        self._need: dict[str, dict[Purpose, int]] = {name: {} for name in pools}
        self._met: set[str] = set()  # pools whose first server count was seen
        self._lock = threading.Lock()

    def limit(self, pool: str) -> int:
        """The most weight that may lie in one window of `pool`."""
        return self._pools[pool].limit

    def set_need(self, pool: str, weight: int, purpose: Purpose = "watch") -> None:
        """Say how much weight a purpose needs in one window; those after it leave that much free."""
        with self._lock:
            self._need[pool][purpose] = weight

    def take(self, pool: str, weight: int, *, purpose: Purpose = "watch", reserve: int = 0) -> bool:
        """Record `weight` and return True, or return False when it does not fit.

        `reserve` is for calls that can wait: they leave it free below the ceiling when other programs are busy, and the
        pool's `urgent` below our own limit.
        """
        with self._lock:
            self._forget(pool)
            if weight > self._room(pool, self._sums[pool], purpose, reserve):
                return False
            self._record(pool, weight, purpose)
            return True

    def used(self, pool: str) -> int:
        """Weight in the present window, what the server counted for others on this address included."""
        with self._lock:
            self._forget(pool)
            return self._sums[pool].total()

    def used_by(self, pool: str) -> dict[str, int]:
        """Weight in the present window by who used it; "earlier": this program before a restart, "foreign": others on this address."""
        with self._lock:
            self._forget(pool)
            return {who: weight for who, weight in self._sums[pool].items() if weight}

    def spare(self, pool: str, purpose: Purpose = "history") -> int:
        """Weight that a purpose may still use now."""
        with self._lock:
            self._forget(pool)
            return max(0, self._room(pool, self._sums[pool], purpose, 0))

    def wait_sec(self, pool: str, weight: int, *, purpose: Purpose = "watch", reserve: int = 0) -> float:
        """Seconds until `take` with the same arguments can succeed, if nobody else takes before."""
        with self._lock:
            self._forget(pool)
            sums, now = self._sums[pool].copy(), self._clock.monotonic()
            if weight <= self._room(pool, sums, purpose, reserve):
                return 0.0
            for taken_at, taken, who in self._taken[pool]:
                sums[who] -= taken
                if weight <= self._room(pool, sums, purpose, reserve):
                    return max(0.0, taken_at + self._kept_sec(pool) - now)
            return self._kept_sec(pool)

    def adopt(self, pool: str, server_used: str | None) -> None:
        """Believe the server's count (header X-MBX-USED-WEIGHT-1M) where it is above ours.

        In the first answer the difference is taken for this program before a restart and counts against our limit;
        later it is another program on this address. Both decay with the window.
        """
        if self._pools[pool].ceiling is None or not re.fullmatch(r"\d{1,9}", server_used or "", re.ASCII):
            return
        with self._lock:
            self._forget(pool)
            who: Who = "foreign" if pool in self._met else "earlier"
            self._met.add(pool)
            unknown = int(server_used or 0) - self._sums[pool].total()
            if 0 < unknown <= GARBAGE * self._pools[pool].limit:
                self._record(pool, unknown, who)

    def _room(self, pool: str, sums: Counter[Who], purpose: Purpose, reserve: int) -> int:
        limit, ceiling = self._pools[pool].limit, self._pools[pool].ceiling
        total = sums.total()
        room = limit - (total - sums["foreign"]) - (self._pools[pool].urgent if reserve else 0)
        if ceiling is not None:
            room = min(room, ceiling - reserve - total)
        for place in range(FIRST.index(purpose)):
            needed, others = 0, total
            for first in FIRST[: place + 1]:
                needed, others = needed + self._need[pool].get(first, 0), others - sums[first]
            room = min(room, limit - needed - others)
        return room

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
