"""How often an address may ask, and how often it may guess a secret: buckets that refill by the second."""

import ipaddress
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from radar.logs import event

__all__ = ["Guesses", "Throttle", "address_of"]

log = logging.getLogger("radar.access")

MOST_ADDRESSES = 10_000  # remembered; whoever has not asked for longest is forgotten, which is a full bucket
GUESSES_A_MINUTE, GUESSES_OF_ALL = 5, 30
KNOWN = 1_000


def address_of(host: str | None) -> str:
    """Who is counted as one: an IPv4 address, or the /64 that a household or server has of IPv6.

    >>> address_of("203.0.113.9"), address_of("::ffff:203.0.113.9"), address_of("2001:db8::1:2:3:4"), address_of("<b>"), address_of(None)
    ('203.0.113.9', '203.0.113.9', '2001:db8::/64', 'unknown', 'unknown')
    """
    try:
        found = ipaddress.ip_address((host or "").strip("[]"))
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is None:
            return str(ipaddress.ip_network((int(found), 64), strict=False))
        found = found.ipv4_mapped
    return str(found)


class Throttle:
    """A bucket of `burst` for each key, refilled by `per_minute`."""

    def __init__(self, per_minute: float, burst: float, *, now: Callable[[], float] = time.monotonic) -> None:
        self.per_minute, self.burst, self._now = per_minute, burst, now
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Keys that are remembered."""
        return len(self._levels)

    def wait(self, key: str, cost: float = 1.0, *, take: bool = True) -> float:
        """Seconds until the key may have `cost`; 0.0: it has it now (with `take` False: it could)."""
        with self._lock:
            now = self._now()
            level, at = self._levels.pop(key, (self.burst, now))
            level = min(self.burst, level + (now - at) * self.per_minute / 60)
            lacking = max(0.0, min(cost, self.burst) - level)
            self._levels[key] = (level - cost if take and not lacking else level, now)
            while len(self._levels) > MOST_ADDRESSES:
                self._levels.popitem(last=False)
            return lacking * 60 / self.per_minute


class Guesses:
    """Wrong secrets: so many a minute from one address, so many from all together.

    An address that was right before does not wait for what others guess: nobody can lock the owner out from elsewhere.
    """

    def __init__(self, what: str, *, now: Callable[[], float] = time.monotonic) -> None:
        self._what = what
        self._one, self._all = Throttle(GUESSES_A_MINUTE, GUESSES_A_MINUTE, now=now), Throttle(GUESSES_OF_ALL, GUESSES_OF_ALL, now=now)
        self._known: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, host: str | None, right: Callable[[], bool]) -> tuple[bool, float]:
        """(whether it is right, 0.0); or (False, seconds to wait) without having looked."""
        key = address_of(host)
        with self._lock:  # so that a hundred guesses at the same moment are a hundred guesses
            wait = self._one.wait(key, take=False)
            if key not in self._known:
                wait = max(wait, self._all.wait("", take=False))
            if wait:
                return False, wait
            if right():
                self._known[key] = None
                while len(self._known) > KNOWN:
                    self._known.popitem(last=False)
                return True, 0.0
            self._one.wait(key)
            self._all.wait("")
        log.warning("a wrong %s from %s", self._what, key, extra=event("wrong_secret", what=self._what, address=key))
        return False, 0.0
