"""Looks at every judged snapshot with the eyes of each kind of alert, and puts what is news into the mailbag.

Runs on the collector's thread, after judging. Memory, decision and messages are one note: kept together, or waiting
together until the disk takes them.
"""

import logging
from collections.abc import Mapping, Sequence
from urllib.parse import quote

import pandas as pd

from radar import deciding, messages
from radar.entered import merged_policy
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
        changed: dict[str, dict[AlertKind, Memory]] = {}
        decisions: list[Decision] = []
        for snapshot in snapshots:
            known = self._memories.get(snapshot.symbol, {})
            try:
                before = deciding.rested(known) if gap or (start and _waits_since(known, now_ms - GAP_MS)) else known
                memories, found = self._decide(snapshot, before, held=snapshot.symbol in positions, now_ms=now_ms)
            except Exception:
                # One odd symbol silences no other.
                log.exception("alerts of %s could not be decided", messages.clean_name(snapshot.symbol))
                continue
            if memories != known:
                changed[snapshot.symbol] = memories
            decisions += found
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

    def _decide(self, s: Snapshot, known: Mapping[AlertKind, Memory], *, held: bool, now_ms: int) -> tuple[dict[AlertKind, Memory], list[Decision]]:
        policy = merged_policy(self._user, s.symbol)
        seen = sights(s, policy, held=held, memory=known)
        memories, found = deciding.step(s.symbol, seen, known, policy, now_ms=now_ms, light=s.traffic_light, held=held)
        return memories, messages.written(found, s, known, link=self._link(s.symbol), policy=policy, now_ms=now_ms, zone=self._zone)

    def _link(self, symbol: str) -> str:
        return f"{self._url}/symbol?symbol={quote(symbol, errors='replace')}"


def _waits_since(known: Mapping[AlertKind, Memory], ts_ms: int) -> bool:
    """Whether something began to hold before then: after a start nobody knows for how long of that it was looked at."""
    return any(memory.pending_ms is not None and memory.pending_ms < ts_ms for memory in known.values())
