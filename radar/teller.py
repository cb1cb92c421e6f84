"""Looks at every judged snapshot with the eyes of each kind of alert, and puts what is news into the mailbag.

Runs on the collector's thread, after judging. Memory, decision and messages are one note: kept together, or waiting
together until the disk takes them.
"""

import contextlib
import logging
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote

import pandas as pd

from radar import deciding, messages
from radar.entered import merged_policy
from radar.logs import event
from radar.mailbag import Mailbag
from radar.market_teller import MarketTeller
from radar.models import AlertKind, Decision, Memory, Note, Snapshot
from radar.posting import Post, Said
from radar.sights import sights
from radar.store import UserStore
from radar.store.outbox import QUIETED, NotTheWriter

__all__ = ["Teller"]

log = logging.getLogger("radar.alerts")

GAP_MS = 90_000  # nobody looked for that long: what was about to hold starts again


DATA = AlertKind.DATA
REST_MS = 180_000  # whose data are back waits that long for the data of others


class _Look(NamedTuple):
    """One symbol at one evaluation: what was remembered, what is to be, and what is news."""

    snapshot: Snapshot
    before: Mapping[AlertKind, Memory]
    memories: dict[AlertKind, Memory]
    found: list[Decision]


def _edge(look: _Look) -> str:
    """What is news about its data; empty for nothing."""
    return next((one.edge for one in look.found if one.kind is DATA and one.decided), "")


class Teller:
    """What alerts remember and decide. `channels`: the names of those that get every message."""

    def __init__(self, user: UserStore, bag: Mailbag, channels: Sequence[str], *, zone: str, public_url: str) -> None:
        self._user, self._outbox, self._bag = user, user.outbox, bag
        self._zone, self._url = zone, public_url.rstrip("/")
        self._post = Post(bag, channels, zone=zone)
        self._market = MarketTeller(user, bag, self._post, url=self._url)
        self._memories: dict[str, dict[AlertKind, Memory]] | None = None
        self._looked_ms: int | None = None
        self._turn = self._post.turn

    @property
    def trouble(self) -> str:
        """Why nothing can be kept; empty while all is."""
        return self._post.trouble

    def begin(self) -> None:
        """This process decides from now on; what is remembered is read at the next look."""
        self._post.begin()
        self._memories = self._looked_ms = None

    def look_at_market(self, table: pd.DataFrame, now_ms: int) -> bool:
        """Decide about the whole market; True when messages were made. Raises StoreError."""
        return self._market.look(table, now_ms)

    def forget(self, symbol: str, now_ms: int) -> None:
        """The symbol is no longer watched: whoever heard of something that still holds hears that nobody looks any more."""
        if self._memories is None:
            return
        gone = self._memories.pop(symbol, {})
        told = [kind for kind, memory in gone.items() if memory.active and memory.told]
        decisions = []
        if told:
            title = f"{messages.clean_name(symbol)} is no longer watched: no more alerts, nothing above is resolved"
            one = Decision(ts_ms=now_ms, symbol=symbol, kind=told[0], edge="closes", decided=True, title=title, body=self._link(symbol))
            decisions = deciding.hold_quiet([one], now_ms, self._zone, merged_policy(self._user, None))
        self._post.put(Note(forgotten=(symbol,)), [(Said(one), None if one.decided else QUIETED) for one in decisions], now_ms)

    def look(self, snapshots: Sequence[Snapshot], now_ms: int) -> bool:
        """Decide about the snapshots of one evaluation; True when messages were made. Raises StoreError."""
        if self._user.alerts_paused or not self._may_decide(now_ms):
            return False
        assert self._memories is not None
        positions, policy = self._outbox.positions(), merged_policy(self._user, None)
        gap = self._looked_ms is not None and now_ms - self._looked_ms > GAP_MS
        start = self._looked_ms is None
        self._looked_ms = now_ms
        looks: dict[str, _Look] = {}
        for snapshot in snapshots:
            known = self._memories.get(snapshot.symbol, {})
            try:
                before = deciding.rested(known) if gap or (start and _waits_since(known, now_ms - GAP_MS)) else known
                looks[snapshot.symbol] = self._decide(snapshot, before, held=snapshot.symbol in positions, now_ms=now_ms)
            except Exception:
                # One odd symbol silences no other.
                symbol = messages.clean_name(snapshot.symbol)
                log.exception("alerts of %s could not be decided", symbol, extra=event("alerts_stumbled", symbol=symbol))
        self._tell_data_together(looks, positions, now_ms)
        changed = {symbol: look.memories for symbol, look in looks.items() if look.memories != self._memories.get(symbol, {})}
        decisions = [one for look in looks.values() for one in look.found]
        kept = self._post.keep(Note(memories=changed), [Said(one) for one in decisions], policy, now_ms)
        if kept.kept:
            self._memories |= changed
        return self._post.digest(kept, now_ms)

    def _may_decide(self, now_ms: int) -> bool:
        """Whether this process is the one that decides; reads what is remembered first."""
        if self._post.away(now_ms):
            return False
        if self._memories is not None and self._turn == self._post.turn:
            return True
        try:
            self._memories = self._bag.begin()
        except NotTheWriter:
            self._post.lost(now_ms)
            return False
        self._post.back()
        self._turn = self._post.turn
        for symbol in self._memories.keys() - {entry.symbol for entry in self._user.watchlist()}:  # it left while nobody looked
            self.forget(symbol, now_ms)
        return True

    def _decide(self, s: Snapshot, known: Mapping[AlertKind, Memory], *, held: bool, now_ms: int, data_now: bool = False) -> _Look:
        """`data_now`: decide about its data alone, and wait for nothing."""
        policy = merged_policy(self._user, s.symbol)
        seen = sights(s, policy, held=held, memory=known)
        if data_now:
            seen, policy = {DATA: seen[DATA]}, policy.model_copy(update={"hold_sec": 0, "hold_evaluations": 1})
        memories, found = deciding.step(s.symbol, seen, known, policy, now_ms=now_ms, light=s.traffic_light, held=held)
        written = messages.written(found, s, known, link=self._link(s.symbol), policy=policy, now_ms=now_ms, zone=self._zone)
        return _Look(s, known, memories, written)

    def _tell_data_together(self, looks: dict[str, _Look], positions: Collection[str], now_ms: int) -> None:
        """An exchange that falls silent does so for all: one message that data are lost, one that they are back.

        Whose data are about to be lost joins those who lost them; whose data are back waits a while for the others.
        """
        known = (self._memories or {}) | {symbol: look.memories for symbol, look in looks.items()}
        data = {symbol: kinds.get(DATA) for symbol, kinds in known.items()}
        if any(_edge(look) == "opens" for look in looks.values()):
            for symbol, look in looks.items():
                memory = data[symbol]
                if memory is None or memory.pending_ms is None or memory.active:
                    continue
                with contextlib.suppress(Exception):  # one odd symbol silences no other: it is told by itself, later
                    joins = self._decide(look.snapshot, look.before, held=symbol in positions, now_ms=now_ms, data_now=True)
                    if _edge(joins):
                        looks[symbol] = look._replace(memories=look.memories | {DATA: joins.memories[DATA]}, found=[*look.found, *joins.found])
        back = {symbol: memory for symbol, look in looks.items() if _edge(look) == "closes" and (memory := look.before.get(DATA))}
        since_ms = {symbol: now_ms if memory.pending_ms is None else memory.pending_ms for symbol, memory in back.items()}
        if any(memory and memory.active and memory.told for memory in data.values()) and all(now_ms - ts < REST_MS for ts in since_ms.values()):
            for symbol, memory in back.items():
                look, waits = looks[symbol], memory.model_copy(update={"pending_ms": since_ms[symbol], "pending_count": memory.pending_count + 1})
                found = [one for one in look.found if one.kind is not DATA]
                looks[symbol] = look._replace(memories=look.memories | {DATA: waits}, found=found)

    def _link(self, symbol: str) -> str:
        return f"{self._url}/symbol?symbol={quote(symbol, errors='replace')}"


def _waits_since(known: Mapping[AlertKind, Memory], ts_ms: int) -> bool:
    """Whether something began to hold before then: after a start nobody knows for how long of that it was looked at."""
    return any(memory.pending_ms is not None and memory.pending_ms < ts_ms for memory in known.values())
