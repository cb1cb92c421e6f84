"""Asking one family of hosts: in turn when they fail, not at all when they refuse, never beyond the budget."""

import json
import random
import threading
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from radar.clock import Clock
from radar.errors import VenueBlocked, VenueBusy, VenueError, VenueRefused, VenueUnavailable
from radar.models import HostHealth
from radar.venues.budget import Budget
from radar.venues.gate import Closed, Gate, pause_sec
from radar.venues.transport import Answer, NoAnswer, fetch, open_session

__all__ = ["LARGE", "Http"]

MAX_BYTES = 4 << 20
LARGE = 64 << 20  # for exchangeInfo
DEADLINE_SEC = 8.0
BUSY_SEC = (60, 900)  # a pause that the exchange did not time: first, longest
FIREWALL_SEC = (300, 3600)
REGION_SEC = 900.0
SAME_HOST = 3  # attempts, where a family has one host
RETRY_EARNED, RETRY_SAVED = 0.15, 5.0  # second attempts stay a small part of all, whatever fails
RETRY_APART_SEC = 0.06
FRESH_SHARE = 0.2  # of a new latency in the moving average
TOO_MANY = -1003


class _Failed(Exception):
    """This host gave nothing; `again_sec` is the least wait before it may be asked once more, None: not now."""

    def __init__(self, sentence: str, again_sec: float | None = 0.0) -> None:
        super().__init__(sentence)
        self.again_sec = again_sec


class Http:
    """One family of hosts that share this address's limits, for example Binance futures."""

    def __init__(
        self,
        venue: str,
        family: str,
        hosts: Sequence[str],
        clock: Clock,
        budget: Budget,
        *,
        setting: str,
        deadline_sec: float = DEADLINE_SEC,
        rng: random.Random | None = None,
    ) -> None:
        """`setting` is the variable that names the hosts; `deadline_sec` bounds a call with all its attempts."""
        self.venue, self.family, self.hosts = venue, family, tuple(host.rstrip("/") for host in hosts)
        self._who = f"{venue.capitalize()} {family}"
        self._setting = setting
        self._clock, self._budget, self._rng = clock, budget, rng or random.Random()
        self._deadline_sec = deadline_sec
        self._gate = Gate(venue, self._who, clock, self._rng)
        self._session = open_session()
        self._trial = threading.Lock()  # until an answer came, one request at a time
        self._shut = threading.Event()
        self._lock = threading.Lock()
        self._host = 0  # that answered last
        self._fallback_at = 0.0  # monotonic; fall-backs rest until then
        self._retries = RETRY_SAVED
        self._retry_at = 0.0
        self._latency_ms: float | None = None
        self._last_ok_ms: int | None = None
        self._sentence = "not asked yet"

    def get(
        self,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        weight: int,
        pool: str,
        history: bool = False,
        reserve: int = 0,
        shape: type = list,
        max_bytes: int = MAX_BYTES,
    ) -> Any:
        """The parsed JSON at `path`, which is a `shape` (list or dict).

        `weight` is taken from `pool` for every attempt. Raises VenueUnavailable, VenueRefused, VenueBusy, VenueBlocked.
        """
        if not self.hosts:
            raise VenueUnavailable(f"{self._who} is switched off: {self._setting} is empty.", venue=self.venue)
        if self._gate.trusted:
            return self._ask(path, params or {}, weight, pool, history, reserve, shape, max_bytes)
        with self._trial:
            return self._ask(path, params or {}, weight, pool, history, reserve, shape, max_bytes)

    def closed(self) -> Closed | None:
        """Why nothing is asked now, for keeping over a restart; None when the door is open or merely unreachable."""
        closed = self._gate.closed()
        return closed if closed and closed.kind != "down" else None

    def restore(self, closed: Closed) -> None:
        """Ask nothing until `closed` says, as before a restart."""
        self._gate.restore(closed)

    def health(self, pool: str, dropped_rows: int = 0) -> HostHealth:
        """How this family is doing, with the weight of `pool`; asks nobody."""
        closed = self._gate.closed()
        with self._lock:
            sentence = closed.sentence if closed else self._sentence
            return HostHealth(
                venue=self.venue,
                pool=self.family,
                host=_name(self.hosts[self._host]) if self.hosts else "",
                ok=not sentence,
                latency_ms=self._latency_ms,
                last_ok_ms=self._last_ok_ms,
                used_weight=self._budget.used(pool),
                limit_weight=self._budget.limit(pool),
                sentence=sentence,
                until_ms=closed.until_ms if closed else None,
                dropped_rows=dropped_rows,
            )

    def close(self) -> None:
        """Let go of connections, and end waits between attempts."""
        self._shut.set()
        self._session.close()

    # ── one call ────────────────────────────────────────────────────────────────────────────────

    def _ask(
        self, path: str, params: Mapping[str, Any], weight: int, pool: str, history: bool, reserve: int, shape: type, max_bytes: int
    ) -> Any:
        turn = self._gate.enter()
        if not self._budget.take(pool, weight, history=history, reserve=reserve):
            wait = self._budget.wait_sec(pool, weight, history=history, reserve=reserve)
            until_ms = self._clock.now_ms() + max(1, round(wait * 1000))
            raise VenueBusy(f"{self._who}: no request weight left in this window.", venue=self.venue, until_ms=until_ms)
        end = self._clock.monotonic() + self._deadline_sec
        failure: _Failed | None = None
        for host in self._line():
            if failure is not None and not self._may_try_again(failure, end, host, pool, weight, history, reserve):
                break
            try:
                return self._attempt(host, path, params, pool, shape, max_bytes, turn, end)
            except _Failed as failed:
                failure = failed
                failure.host = host  # type: ignore[attr-defined]
        sentence = str(failure)
        with self._lock:
            self._sentence = sentence
        self._gate.failed(turn, sentence)
        raise VenueUnavailable(sentence, venue=self.venue)
