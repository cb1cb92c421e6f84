"""The door to one host family: open, or closed until a moment for a reason.

Limits, bans and blocks are per IP address, so one refusal closes the door for every host of the family.
"""

import logging
import random
import re
import threading
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any, Literal, NamedTuple

from radar.clock import Clock
from radar.errors import VenueBlocked, VenueBusy, VenueUnavailable
from radar.logs import event

__all__ = ["Closed", "Door", "as_kept", "pause_sec", "to_keep"]

Kind = Literal["busy", "blocked", "down"]

LONGEST_SEC = 3 * 86_400  # the longest ban that Binance gives
JITTER = 0.1
DOWN_AFTER = 5
DOWN_SEC = 30.0
KEPT_AT = "kept at"  # beside the closed doors, as no family is called

log = logging.getLogger("radar.venues")


class Closed(NamedTuple):
    """A closed door: until when (epoch ms, local clock), the sentence for people, and why."""

    until_ms: int
    sentence: str
    kind: Kind


def pause_sec(headers: Mapping[str, str], message: str, now_ms: int) -> float | None:
    """How long the exchange wants us to be silent: Retry-After (seconds or date), or "banned until <ms>"; the longer.

    Moments are compared with the answer's own Date where it has one. None: it did not say, or nothing sensible.
    """
    now_ms = _http_date_ms(headers.get("Date")) or now_ms
    waits = [(int(ms) - now_ms) / 1000 for ms in re.findall(r"until (\d{13})(?!\d)", message, re.ASCII)]
    after = (headers.get("Retry-After") or "").strip()
    if re.fullmatch(r"\d{1,15}(\.\d{1,6})?", after, re.ASCII):
        waits.append(float(after))
    elif (moment := _http_date_ms(after)) is not None:
        waits.append((moment - now_ms) / 1000)
    longest = max(waits, default=0.0)
    return min(longest, LONGEST_SEC) if longest > 0 else None


def _http_date_ms(text: str | None) -> int | None:
    try:
        return round(parsedate_to_datetime(text or "").timestamp() * 1000)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def to_keep(doors: Mapping[str, Sequence[Any]], now_ms: int) -> dict[str, list[Any]]:
    """Closed doors by name, as they are stored at `now_ms` (local clock)."""
    return {name: list(closed) for name, closed in doors.items()} | {KEPT_AT: [now_ms]}


def as_kept(stored: Mapping[str, Sequence[Any]], now_ms: int) -> dict[str, list[Any]]:
    """Closed doors by name as they were stored; a clock that was set back since makes no pause longer.

    >>> as_kept(to_keep({"spot": (70_000, "A pause.", "busy")}, 10_000), 4_000)
    {'spot': [64000, 'A pause.', 'busy']}
    """
    back_ms = max([0, *(at_ms - now_ms for at_ms in stored.get(KEPT_AT, ()))])
    return {name: [until_ms - back_ms, *why] for name, (until_ms, *why) in stored.items() if name != KEPT_AT}


class Door:
    """Open until the exchange refuses; then closed for as long as it wants. Safe to share between threads.

    Waits run on the monotonic clock, so a jump of the wall clock neither ends a ban early nor makes it endless.
    """

    def __init__(self, venue: str, who: str, clock: Clock, rng: random.Random, down_sec: float = DOWN_SEC) -> None:
        self._venue, self._who, self._clock, self._rng, self._down_sec = venue, who, clock, rng, down_sec
        self._lock = threading.Lock()
        self._until = 0.0  # monotonic
        self._sentence = ""
        self._kind: Kind = "busy"
        self._turn = 0  # grows when the door closes: answers to older requests prove nothing
        self._strikes = 0  # refusals without a success between them
        self._failures = 0
        self.trusted = False  # an answer came since the door last opened

    def closed(self) -> Closed | None:
        """Why the door is closed now; None when it is open."""
        with self._lock:
            wait = self._until - self._clock.monotonic()
            return Closed(self._clock.now_ms() + round(wait * 1000), self._sentence, self._kind) if wait > 0 else None

    def enter(self) -> int:
        """Pass the open door; the number goes to `succeeded`, `failed` or `refused`.

        Raises VenueBusy, VenueBlocked or VenueUnavailable when it is closed.
        """
        if (closed := self.closed()) is None:
            return self._turn
        raise self.error(closed)

    def error(self, closed: Closed) -> VenueBusy | VenueBlocked | VenueUnavailable:
        """The exception that says `closed`."""
        if closed.kind == "down":
            return VenueUnavailable(closed.sentence, venue=self._venue)
        refusal = VenueBusy if closed.kind == "busy" else VenueBlocked
        return refusal(closed.sentence, venue=self._venue, until_ms=closed.until_ms)

    def succeeded(self, turn: int) -> None:
        """An answer came: failures are forgotten, and many may ask at once."""
        with self._lock:
            if turn == self._turn:
                if not self.trusted and (self._strikes or self._failures >= DOWN_AFTER):
                    log.info("%s answers again", self._who, extra=event("venue_open", venue=self._venue, who=self._who))
                self.trusted, self._strikes, self._failures = True, 0, 0

    def failed(self, turn: int, sentence: str) -> None:
        """Nothing usable came; five times in a row close the door for `down_sec`, then one request may try."""
        with self._lock:
            if turn == self._turn:
                self._failures += 1
                if self._failures >= DOWN_AFTER:
                    self._close("down", sentence, self._down_sec)

    def refused(self, turn: int, kind: Kind, sentence: str, seconds: float | None, first_sec: float, longest_sec: float) -> None:
        """The exchange refused: closed for `seconds` if it said so, else `first_sec`, doubling to `longest_sec`."""
        with self._lock:
            if turn == self._turn:
                self._strikes += 1
            if seconds is None:
                seconds = min(first_sec * 2 ** max(0, min(self._strikes, 20) - 1), longest_sec)
            self._close(kind, sentence, seconds)

    def restore(self, closed: Closed) -> None:
        """Close the door as it was before a restart."""
        with self._lock:
            seconds = min((closed.until_ms - self._clock.now_ms()) / 1000, LONGEST_SEC * (1 + JITTER))
            if seconds > 0:
                self._strikes = 1
                self._close(closed.kind, closed.sentence, seconds, jitter=0.0)

    def _close(self, kind: Kind, sentence: str, seconds: float, jitter: float = JITTER) -> None:
        until = self._clock.monotonic() + seconds * (1 + jitter * self._rng.random())
        self._turn += 1
        self.trusted = False
        if until > self._until:
            self._until, self._sentence, self._kind = until, sentence, kind
            facts = {"venue": self._venue, "who": self._who, "kind": kind, "seconds": round(seconds)}
            log.warning("%s: %s Asked again in %.0f s.", self._who, sentence, seconds, extra=event("venue_closed", **facts))
