"""The outbox as it stands, whether or not the disk takes anything: what cannot be kept waits here and is kept later.

The teller puts in, the couriers take out. Messages that no row holds yet have ids below zero.
"""

import itertools
import logging
import threading
from collections.abc import Callable, Sequence
from typing import NamedTuple

from radar.errors import StoreError
from radar.logs import event
from radar.models import Alert, AlertKind, Delivery, MarketRow, Memory, Note
from radar.store import UserStore
from radar.store.outbox import NotTheWriter

__all__ = ["Mailbag"]

log = logging.getLogger("radar.alerts")

MOST_WAITING = 2_000  # notes; a disk that stays full for days must not fill the memory as well


class _Mark(NamedTuple):
    """What came of an attempt, and is not in its row yet."""

    state: str
    now_ms: int
    error: str
    next_ms: int


class Mailbag:
    """Safe to share between threads. Only what says so raises StoreError; `trouble` says why nothing is kept."""

    def __init__(self, user: UserStore, writer: str) -> None:
        self.trouble = ""
        self._outbox, self._market, self._writer = user.outbox, user.market_alerts, writer
        self._lock = threading.RLock()
        self._begun = False
        self._notes: list[Note] = []  # not kept yet, oldest first
        self._loose: dict[int, Delivery] = {}  # their messages, by an id below zero
        self._rows: dict[int, int] = {}  # the rows that these have become
        self._marks: dict[int, _Mark] = {}
        self._ids = itertools.count(-1, -1)

    def begin(self) -> dict[str, dict[AlertKind, Memory]]:
        """Become the one who writes; what is remembered by symbol and kind. Raises StoreError when that cannot be read."""
        with self._lock:
            self._begun = False
            self._flush()
            found = self._outbox.memories()
            for note in self._notes:
                for symbol in note.forgotten:
                    found.pop(symbol, None)
                for symbol, kinds in note.memories.items():
                    found.setdefault(symbol, {}).update(kinds)
            return found

    def market_memory(self) -> list[MarketRow]:
        """What market alerts remember, once for each (revision, symbol). Raises StoreError."""
        with self._lock:
            found = {(row[0], row[1]): row for row in self._market.memory()}
            for note in self._notes:
                found = {key: row for key, row in found.items() if key[0] not in note.market_forgotten}
                found |= {(row[0], row[1]): row for row in note.market}
            return list(found.values())

    def put(self, note: Note) -> None:
        """Keep a note, now or as soon as the disk takes it. Raises NotTheWriter when another process decides by now."""
        with self._lock:
            loose = {next(self._ids): delivery for delivery in note.deliveries}
            self._notes.append(note.model_copy(update={"deliveries": tuple(d.model_copy(update={"id": ident}) for ident, d in loose.items())}))
            self._loose |= {ident: delivery.model_copy(update={"id": ident}) for ident, delivery in loose.items()}
            self._flush()
            while len(self._notes) > MOST_WAITING:
                self._drop(self._notes[0])

    def flush(self) -> None:
        """Keep what waits."""
        with self._lock:
            if self._notes or self._marks or not self._begun:
                self._flush()

    def _flush(self) -> None:
        try:
            if not self._begun:
                self._outbox.begin(self._writer)
                self._begun = True
            for ident, mark in list(self._marks.items()):
                self._outbox.mark(ident, mark.state, mark.now_ms, error=mark.error, next_ms=mark.next_ms)
                del self._marks[ident]
            while self._notes:
                note = self._notes[0]
                now = tuple(self._loose[d.id] for d in note.deliveries)
                rows = self._outbox.record(note.model_copy(update={"deliveries": now}), self._writer)
                self._rows |= dict(zip((d.id for d in now), rows, strict=True))
                self._drop(note)
        except NotTheWriter:
            for note in list(self._notes):
                self._drop(note)
            raise
        except StoreError as error:
            if not self.trouble:
                log.warning("alerts cannot be kept and wait in memory: %s", error, extra=event("alerts_unkept"))
            self.trouble = str(error)
        else:
            if self.trouble:
                log.info("alerts are kept again", extra=event("alerts_kept"))
            self.trouble = ""

    def _drop(self, note: Note) -> None:
        self._notes.remove(note)
        for delivery in note.deliveries:
            self._loose.pop(delivery.id, None)

    def messages_since(self, since_ms: int, *, market: bool = False) -> list[int]:
        """When messages were made since then (epoch ms), each once whatever the number of channels. Raises StoreError.

        `market`: only those with news of market alerts.
        """
        with self._lock:
            made = [note for note in self._notes if note.deliveries and (not market or any(d.kind is AlertKind.MARKET for d, _ in note.decisions))]
            return self._outbox.messages_since(since_ms, market=market) + [ts for note in made if (ts := note.deliveries[0].created_ms) >= since_ms]

    def on_hold(self, holds: Sequence[str]) -> list[Alert]:
        """What these hold back until a digest, oldest first. Raises StoreError."""
        return self._outbox.on_hold(holds)

    # ── for the couriers ──
    def take(self, channel: str, *, due: Callable[[Delivery], bool], next_ms: int) -> Delivery | None:
        """The oldest message of the channel, claimed for one attempt, when it is due; None when there is none to try."""
        with self._lock:
            found = self._oldest(channel)
            if found is None or not due(found):
                return None
            if found.id < 0:
                self._loose[found.id] = found.model_copy(update={"attempts": found.attempts + 1, "next_ms": next_ms})
                return found
            try:
                return found if self._outbox.claim(found, next_ms) else None
            except StoreError as error:
                self.trouble = str(error)
                self._marks[found.id] = _Mark("queued", 0, found.error, next_ms)  # not again before that, whatever the row says
                return found

    def _oldest(self, channel: str) -> Delivery | None:
        """Rows come before what no row holds. A row with a mark that waits for the disk is what the mark says."""
        after = 0
        while (row := self._next_row(channel, after)) is not None:
            mark = self._marks.get(row.id)
            if mark is None:
                return row
            if mark.state == "queued":
                return row.model_copy(update={"next_ms": mark.next_ms, "error": mark.error})
            after = row.id
        return next((d for d in self._loose.values() if d.channel == channel and d.state == "queued"), None)

    def _next_row(self, channel: str, after: int) -> Delivery | None:
        try:
            return self._outbox.next_of(channel, after=after)
        except StoreError as error:
            self.trouble = str(error)
            return None

    def mark(self, delivery: Delivery, state: str, now_ms: int, *, error: str = "", next_ms: int = 0) -> None:
        """What came of an attempt: sent, failed (for good), or queued for another at `next_ms`."""
        with self._lock:
            if (loose := self._loose.get(delivery.id)) is not None:
                sent_ms = now_ms if state == "sent" else None
                self._loose[delivery.id] = loose.model_copy(update={"state": state, "error": error, "next_ms": next_ms, "sent_ms": sent_ms})
            else:
                self._marks[self._rows.pop(delivery.id, delivery.id)] = _Mark(state, now_ms, error, next_ms)
            try:
                self._flush()
            except NotTheWriter:
                log.warning("another process decides about alerts by now", extra=event("alerts_elsewhere"))
