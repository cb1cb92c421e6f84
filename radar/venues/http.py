"""Asking one family of hosts: in turn when they fail, not at all when they refuse, never beyond the budget."""

import contextlib
import json
import random
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from radar import words
from radar.clock import Clock
from radar.errors import VenueBusy, VenueRefused, VenueUnavailable
from radar.models import HostHealth, Purpose
from radar.venues import wire
from radar.venues.budget import Budget
from radar.venues.dialect import BINANCE, Dialect
from radar.venues.door import Closed, Door, pause_sec
from radar.venues.transport import Answer, NoAnswer, fetch, open_session

__all__ = ["LARGE", "Http"]

MAX_BYTES = 4 << 20
LARGE = 64 << 20  # for exchangeInfo
DEADLINE_SEC = 8.0
USED_WEIGHT = "X-MBX-USED-WEIGHT-1M"
BUSY_SEC = (60, 900)  # a pause that the exchange did not time: first, longest
FIREWALL_SEC = (300, 3600)
REGION_SEC = 900.0
PREFER_FIRST_SEC = 900.0  # a fall-back that answered is kept this long
SAME_HOST = 3  # attempts, where there is one host
RETRY_EARNED, RETRY_SAVED = 0.15, 5.0  # second attempts stay a small part of all, whatever fails
RETRY_WAIT_SEC = (0.1, 0.5)
RETRY_APART_SEC = 0.06
PATH_DOWN_SEC = 15.0
NOT_ASKED = "Not asked yet."
NEW_SHARE = 0.2  # of a new latency in the moving average


@dataclass(frozen=True)
class _Call:
    path: str
    params: Mapping[str, Any]
    headers: Mapping[str, str] = field(repr=False)
    pool: str
    taking: Mapping[str, Any] = field(repr=False)  # arguments of Budget.take
    shape: type
    max_bytes: int


class _Failed(Exception):
    """A host gave nothing; it may be asked again after `again_sec`, None: not in this call. `last`: nor may another."""

    def __init__(self, sentence: str, again_sec: float | None = 0.0, *, last: bool = False, unreachable: bool = False) -> None:
        super().__init__(sentence)
        self.again_sec, self.last, self.unreachable = again_sec, last, unreachable


class Http:
    """One family of hosts that share this address's limits, for example Binance futures. Safe to share between threads."""

    def __init__(
        self,
        venue: str,
        family: str,
        hosts: Sequence[str],
        clock: Clock,
        budget: Budget,
        *,
        setting: str,
        dialect: Dialect = BINANCE,
        deadline_sec: float = DEADLINE_SEC,
        rng: random.Random | None = None,
    ) -> None:
        """`setting` is the variable that names the hosts; `deadline_sec` bounds a call with all its attempts."""
        self.venue, self.family, self.hosts = venue, family, tuple(host.rstrip("/") for host in hosts)
        self._name, self._setting, self._dialect = words.venue(venue), setting, dialect
        self._who = f"{self._name} {family}"
        self._clock, self._budget, self._rng = clock, budget, rng or random.Random()
        self._deadline_sec = deadline_sec
        self._family_door = Door(venue, self._who, clock, self._rng)
        self._doors: dict[str, Door] = {}  # by path: one endpoint that fails closes itself, not the others
        self._session = open_session()
        self._trial = threading.Lock()
        self._shut = threading.Event()
        self._lock = threading.Lock()
        self._start = 0  # the host that answered last
        self._start_until = 0.0  # monotonic
        self._alone_until = 0.0  # monotonic; until then only the first host is asked
        self._retries, self._retry_at = RETRY_SAVED, 0.0
        self._latency_ms: float | None = None
        self._last_ok_ms: int | None = None
        self._sentence = NOT_ASKED
        self._outcomes: Counter[str] = Counter()

    def get(
        self,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        weight: int,
        pool: str,
        headers: Mapping[str, str] | None = None,
        purpose: Purpose = "watch",
        reserve: int = 0,
        shape: type = list,
        max_bytes: int = MAX_BYTES,
    ) -> Any:
        """The parsed JSON at `path`, a `shape` (list or dict).

        Every attempt takes `weight` from `pool`. Until one answer came, requests go one at a time: whatever refuses us
        costs one request. Raises VenueUnavailable, VenueRefused, VenueBusy, VenueBlocked.
        """
        if not self.hosts:
            raise VenueUnavailable(f"{self._who} switched off ({self._setting} is empty)", venue=self.venue)
        taking = {"pool": pool, "weight": weight, "purpose": purpose, "reserve": reserve}
        with contextlib.nullcontext() if self._family_door.trusted else self._trial:
            return self._ask(_Call(path, params or {}, headers or {}, pool, taking, shape, max_bytes))

    def closed(self) -> Closed | None:
        """Why the exchange must not be asked now, to be kept over a restart."""
        closed = self._family_door.closed()
        return closed if closed and closed.kind != "down" else None

    def restore(self, closed: Closed) -> None:
        """Ask nothing until `closed` says, as before a restart."""
        self._family_door.restore(closed)

    def health(self, dropped_rows: int = 0) -> HostHealth:
        """How this family is doing; asks nobody. The weight is that of the pool with the family's name."""
        closed = self._family_door.closed()
        with self._lock:
            sentence = closed.sentence if closed else self._sentence
            return HostHealth(
                venue=self.venue,
                pool=self.family,
                host=_host_name(self.hosts[self._start]) if self.hosts else "",
                ok=not sentence,
                latency_ms=self._latency_ms,
                last_ok_ms=self._last_ok_ms,
                used_weight=self._budget.used(self.family),
                limit_weight=self._budget.limit(self.family),
                used_by=self._budget.used_by(self.family),
                sentence=sentence,
                until_ms=closed.until_ms if closed else None,
                kind=closed.kind if closed else "new" if sentence == NOT_ASKED else "",
                dropped_rows=dropped_rows,
                outcomes=dict(self._outcomes),
            )

    def close(self) -> None:
        """Let go of connections, and end waits between attempts."""
        self._shut.set()
        self._session.close()

    def _ask(self, call: _Call) -> Any:
        if self._shut.is_set():
            raise VenueUnavailable(f"{self._who}: the radar is stopping.", venue=self.venue)
        turn, door = self._family_door.enter(), self._door(call.path)
        door_turn = door.enter()
        if not self._budget.take(**call.taking):
            self._count("budget")
            until_ms = self._clock.now_ms() + max(1, round(self._budget.wait_sec(**call.taking) * 1000))
            raise VenueBusy(f"{self._who}: the radar's own request budget is used up for now.", venue=self.venue, until_ms=until_ms)
        end = self._clock.monotonic() + self._deadline_sec
        failed, before = _Failed(""), ""
        for host in self._line():
            if before and not self._again(call, end, failed.again_sec if host == before else 0.0):
                break
            try:
                parsed = self._attempt(host, call, end, turn)
            except VenueRefused:
                door.succeeded(door_turn)
                raise
            except _Failed as error:
                failed, before = error, host
                if failed.last:
                    break
            else:
                door.succeeded(door_turn)
                return parsed
        with self._lock:
            self._sentence = str(failed)
        if failed.unreachable:
            self._family_door.failed(turn, str(failed))
        else:
            door.failed(door_turn, str(failed))
        raise VenueUnavailable(str(failed), venue=self.venue)

    def _door(self, path: str) -> Door:
        with self._lock:
            if path not in self._doors:
                self._doors[path] = Door(self.venue, f"{self._who} {path}", self._clock, self._rng, PATH_DOWN_SEC)
            return self._doors[path]

    def _line(self) -> Sequence[str]:
        """Hosts in the order of asking, beginning with the one that answered last."""
        with self._lock:
            now = self._clock.monotonic()
            self._retries = min(self._retries + RETRY_EARNED, RETRY_SAVED)
            if now >= self._start_until:
                self._start = 0
            hosts = self.hosts[:1] if now < self._alone_until else self.hosts[self._start :] + self.hosts[: self._start]
        return hosts if len(hosts) > 1 else hosts * SAME_HOST

    def _again(self, call: _Call, end: float, again_sec: float | None) -> bool:
        """Wait before another attempt; False when it may not be, or there is no time or weight for it.

        Raises VenueBusy or VenueBlocked when the door closed meanwhile.
        """
        if again_sec is None:
            return False
        with self._lock:
            now = self._clock.monotonic()
            at = max(now + max(again_sec, self._rng.uniform(*RETRY_WAIT_SEC)), self._retry_at + RETRY_APART_SEC)
            if self._retries < 1 or at >= end:
                return False
            self._retries -= 1
            self._retry_at = at
        if self._clock.wait(self._shut, at - now):
            return False
        self._family_door.enter()
        return self._budget.take(**call.taking)

    def _attempt(self, host: str, call: _Call, end: float, turn: int) -> Any:
        started = self._clock.monotonic()
        limits = {"deadline_sec": end - started, "max_bytes": call.max_bytes}
        try:
            answer = fetch(self._session, host + call.path, call.params, headers=call.headers, **limits)
        except NoAnswer as error:
            self._count("timeout" if error.slow else "unreachable" if error.unreachable else "broken")
            again_sec = None if error.slow else 0.0
            raise _Failed(f"{self._who} ({_host_name(host)}) {error}.", again_sec, unreachable=error.unreachable) from None
        self._budget.adopt(call.pool, answer.headers.get(USED_WEIGHT))
        parsed = _json(answer.body)
        self._count(self._dialect.outcome(answer.status, parsed, call.shape))
        refusal = self._refusal(host, answer, parsed, turn)
        if refusal is None and not isinstance(parsed, call.shape):
            raise _Failed(f"{self._who} ({_host_name(host)}) sent an answer that cannot be read.")
        self._answered(host, turn, started)
        if refusal is not None:
            raise refusal
        return parsed

    def _count(self, outcome: str) -> None:
        with self._lock:
            self._outcomes[outcome] += 1

    def _answered(self, host: str, turn: int, started: float) -> None:
        with self._lock:
            now = self._clock.monotonic()
            latency_ms = (now - started) * 1000
            old = self._latency_ms
            self._latency_ms = round(latency_ms if old is None else old + NEW_SHARE * (latency_ms - old), 1)
            self._last_ok_ms, self._sentence = self._clock.now_ms(), ""
            if host != self.hosts[self._start]:
                self._start, self._start_until = self.hosts.index(host), now + PREFER_FIRST_SEC
        self._family_door.succeeded(turn)

    def _refusal(self, host: str, answer: Answer, parsed: Any, turn: int) -> VenueRefused | None:
        """None for a good answer; what to raise when the exchange merely says that this request is wrong.

        Raises what anything else means.
        """
        status, says = answer.status, self._dialect
        code, text = (parsed.get(says.code), str(parsed.get(says.text) or "")[:200]) if isinstance(parsed, dict) else (None, "")
        wait = pause_sec(answer.headers, text, self._clock.now_ms())
        if status in (418, 429) or code in says.busy:
            what = "has banned this address for a while" if status == 418 else "asks the radar to pause"
            self._family_door.refused(turn, "busy", f"{self._name} {what} (HTTP {status}).", wait, *BUSY_SEC)
        elif status == 200:
            if not says.fine or not isinstance(parsed, dict) or code in says.fine:
                return None
            if says.wrong and code in says.wrong:
                return self._wrong(text, code)
            raise _Failed(f"{self._who} ({_host_name(host)}) answered with an error: {_plain(text)} ({_plain(str(code))}).")
        elif status == 451 and host != self.hosts[0]:
            # The first spot host serves places where the others do not: its short failure must not silence spot.
            with self._lock:
                self._alone_until = self._clock.monotonic() + REGION_SEC
            raise _Failed(f"{self._who}: only {_host_name(self.hosts[0])} serves this location, and it does not answer.", None, last=True)
        elif status == 451:
            sentence = (
                f"{self._name} does not serve this location (HTTP 451). Run the radar from a country that {self._name} serves, "
                f"or set {self._setting} to a host that may reach it; the demo works meanwhile."
            )
            self._family_door.refused(turn, "blocked", sentence, REGION_SEC, REGION_SEC, REGION_SEC)
        elif status == 403:
            sentence = f"The firewall of {self._name} turns this address away (HTTP 403). The radar keeps quiet for a while and asks again."
            self._family_door.refused(turn, "blocked", sentence, wait, *FIREWALL_SEC)
        elif 400 <= status < 500 and status != 408 and (isinstance(code, int) if says.wrong is None else code in says.wrong):
            return self._wrong(text, code)
        else:
            raise _Failed(f"{self._who} ({_host_name(host)}) failed (HTTP {status}).", wait or 0.0 if status == 503 else 0.0)
        if (closed := self._family_door.closed()) is not None:
            raise self._family_door.error(closed)
        raise _Failed(f"{self._who} failed (HTTP {status}).", last=True)

    def _wrong(self, text: str, code: Any) -> VenueRefused:
        return VenueRefused(f"{self._who} refused the request: {_plain(text)} ({code})", venue=self.venue, code=wire.whole(code))


def _plain(text: str) -> str:
    """An exchange's words on one line."""
    return " ".join(text.split())


def _json(body: bytes) -> Any:
    """Parsed JSON, NaN and Infinity as None, and so is what is said twice; None when it cannot be read."""
    try:
        return json.loads(body, parse_constant=lambda _: None, object_pairs_hook=_said_once)
    except (ValueError, RecursionError):
        return None


def _said_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; a field with two different values has none: nobody knows which of them was meant."""
    found = dict(pairs)
    if len(found) < len(pairs):
        for key, value in pairs:
            if value != found[key]:
                found[key] = None
    return found


def _host_name(base_url: str) -> str:
    """Host and port, without a password that the URL may carry."""
    parts = urlsplit(base_url)
    return f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname or ""
