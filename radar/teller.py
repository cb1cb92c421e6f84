"""Looks at every judged snapshot with the eyes of each kind of alert, and puts what is news into the mailbag.

Runs on the collector's thread, after judging. Memory, decision and messages are one note: kept together, or waiting
together until the disk takes them.
"""

import logging
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from radar import deciding, messages
from radar.entered import merged_policy
from radar.mailbag import Mailbag
from radar.models import AlertKind, AlertPolicy, Decision, Delivery, Memory, Note, Snapshot
from radar.sights import sights
from radar.store import UserStore
from radar.store.outbox import NotTheWriter

__all__ = ["Teller"]

log = logging.getLogger("radar.alerts")

HOUR_MS = 3_600_000
GAP_MS = 90_000  # nobody looked for that long: what was about to hold starts again
ELSEWHERE_MS = 30_000  # another process decides; whoever still collects after that long takes over again


class Teller:
    """What alerts remember and decide. `channels`: the names of those that get every message."""

    def __init__(self, user: UserStore, bag: Mailbag, channels: Sequence[str], *, zone: str, public_url: str) -> None:
        self._user, self._outbox, self._bag, self._channels = user, user.outbox, bag, list(channels)
        self._zone, self._url = zone, public_url.rstrip("/")
        self._memories: dict[str, dict[AlertKind, Memory]] | None = None
        self._looked_ms: int | None = None
        self._elsewhere_ms: int | None = None

    @property
    def trouble(self) -> str:
        """Why nothing can be kept; empty while all is."""
        return self._bag.trouble

    def begin(self) -> None:
        """This process decides from now on; what is remembered is read at the next look."""
        self._memories = self._looked_ms = self._elsewhere_ms = None

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
        self._put(Note(forgotten=(symbol,)), [(one, None if one.decided else "quiet") for one in decisions], now_ms)

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
        return self._keep(changed, decisions, policy, now_ms)

    def _may_decide(self, now_ms: int) -> bool:
        """Whether this process is the one that decides; reads what is remembered first."""
        if self._elsewhere_ms is not None and now_ms - self._elsewhere_ms < ELSEWHERE_MS:
            return False
        if self._memories is not None and self._elsewhere_ms is None:
            return True
        try:
            self._memories = self._bag.begin()
        except NotTheWriter:
            self._elsewhere_ms = now_ms
            return False
        self._elsewhere_ms = None
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

    def _keep(self, changed: Mapping[str, Mapping[AlertKind, Memory]], decisions: list[Decision], policy: AlertPolicy, now_ms: int) -> bool:
        """One note: memories, decisions, and the messages that they make; then what waited for quiet hours or a cap to end."""
        quiet = deciding.quiet(now_ms, self._zone, policy)
        room = deciding.within_cap(self._bag.messages_since(now_ms - HOUR_MS), policy.hourly_cap, now_ms) if decisions or not quiet else True
        kept = [_held_back(decision, room=room, cap=policy.hourly_cap) for decision in deciding.hold_quiet(decisions, now_ms, self._zone, policy)]
        news = any(decision.decided for decision, _ in kept)
        if changed or kept:
            self._put(Note(memories=changed), kept, now_ms)
        waiting = [] if quiet or not room or news or self.trouble else self._outbox.on_hold()
        if waiting:
            digest = deciding.digest(waiting, self._zone)
            self._put(Note(told=tuple(alert.id for alert in waiting)), [], now_ms, more=digest)
        self._bag.flush()
        return bool(news or waiting)

    def _put(
        self, note: Note, decisions: Sequence[tuple[Decision, str | None]], now_ms: int, *, more: Sequence[tuple[str, str]] = ()
    ) -> None:
        news = [decision for decision, _ in decisions if decision.decided]
        said = [*([deciding.group(news)] if news else []), *more]
        deliveries = tuple(
            Delivery(id=0, batch=0, channel=channel, title=title, body=body, next_ms=0, created_ms=now_ms) for title, body in said for channel in self._channels
        )
        try:
            self._bag.put(note.model_copy(update={"decisions": tuple(decisions), "deliveries": deliveries}))
        except NotTheWriter:
            log.warning("another process decides about alerts by now")
            self._elsewhere_ms = now_ms
        else:
            assert self._memories is not None
            for symbol, kinds in note.memories.items():
                self._memories[symbol] = dict(kinds)


def _waits_since(known: Mapping[AlertKind, Memory], ts_ms: int) -> bool:
    """Whether something began to hold before then: after a start nobody knows for how long of that it was looked at."""
    return any(memory.pending_ms is not None and memory.pending_ms < ts_ms for memory in known.values())


def _held_back(decision: Decision, *, room: bool, cap: int) -> tuple[Decision, str | None]:
    """With what holds it back until a digest tells it: quiet hours, or the hour's cap; None: nothing does."""
    if decision.reason == deciding.QUIET:
        return decision, "quiet"
    if not decision.decided or decision.passes or room:
        return decision, None
    return decision.model_copy(update={"decided": False, "reason": f"more than {cap} messages in an hour: told later"}), "cap"
