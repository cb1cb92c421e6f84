"""From decisions to rows and messages: quiet hours, the hour's cap, digests, and who may decide at all.

Whoever decides about alerts shares one: the same hour, the same bag, the same pen.
"""

import logging
from collections.abc import Sequence
from typing import NamedTuple

from radar import deciding
from radar.logs import event
from radar.mailbag import Mailbag
from radar.models import AlertPolicy, Decision, Delivery, Note
from radar.models.alerts import LATER
from radar.store.outbox import CAPPED, QUIETED, SHARED, NotTheWriter

__all__ = ["Kept", "Post", "Said"]

log = logging.getLogger("radar.alerts")

HOUR_MS = 3_600_000
ELSEWHERE_MS = 30_000  # another process decides; whoever still collects after that long takes over again


class Said(NamedTuple):
    """A decision, and the body of its message where the log keeps another one."""

    decision: Decision
    body: str | None = None


class Kept(NamedTuple):
    """Whether it was kept, whether it made a message, and what may be told in a digest now, by what held it back."""

    kept: bool
    news: bool
    due: tuple[str, ...]


class Post:
    """`channels`: the names of those that get every message. `turn` is another one whenever what is remembered must be read anew."""

    def __init__(self, bag: Mailbag, channels: Sequence[str], *, zone: str) -> None:
        self.zone, self.turn = zone, 0
        self._bag, self._channels = bag, list(channels)
        self._elsewhere_ms: int | None = None

    @property
    def trouble(self) -> str:
        """Why nothing can be kept; empty while all is."""
        return self._bag.trouble

    def begin(self) -> None:
        """This process decides from now on."""
        self._elsewhere_ms = None
        self.turn += 1

    def away(self, now_ms: int) -> bool:
        """Another process decides, since a moment ago."""
        return self._elsewhere_ms is not None and 0 <= now_ms - self._elsewhere_ms < ELSEWHERE_MS  # below 0 a clock was set back

    def back(self) -> None:
        """The pen is here."""
        self._elsewhere_ms = None

    def lost(self, now_ms: int) -> None:
        """The pen is elsewhere."""
        self._elsewhere_ms = now_ms
        self.turn += 1

    def put(self, note: Note, decisions: Sequence[tuple[Said, str | None]], now_ms: int, *, more: Sequence[tuple[str, str]] = ()) -> bool:
        """Keep the note with its decisions and their messages, and `more` messages. False: another process decides by now."""
        news = [one.decision if one.body is None else one.decision.model_copy(update={"body": one.body}) for one, _ in decisions if one.decision.decided]
        said = [*([deciding.group(news)] if news else []), *more]
        deliveries = tuple(
            Delivery(id=0, batch=0, channel=channel, title=title, body=body, next_ms=0, created_ms=now_ms) for title, body in said for channel in self._channels
        )
        kept = tuple((one.decision, hold) for one, hold in decisions)
        try:
            self._bag.put(note.model_copy(update={"decisions": kept, "deliveries": deliveries}))
        except NotTheWriter:
            log.warning("another process decides about alerts by now", extra=event("alerts_elsewhere"))
            self.lost(now_ms)
            return False
        for one, _ in kept:
            facts = {"symbol": one.symbol, "kind": one.kind.value, "edge": one.edge}
            if one.decided:
                log.info("%s", one.title, extra=event("alert_decided", **facts, channels=len(self._channels)))
            else:
                log.info("%s", one.title, extra=event("alert_held", **facts, reason=one.reason))
        return True

    def keep(self, note: Note, decisions: Sequence[Said], policy: AlertPolicy, now_ms: int, *, shared: bool = False) -> Kept:
        """Keep what one evaluation left. `shared`: half of the hour's messages at most, so that the others never lack room."""
        quiet = deciding.quiet(now_ms, self.zone, policy)
        hour_ms, cap = now_ms - HOUR_MS, policy.hourly_cap
        wanted = bool(decisions) or not quiet
        room = not wanted or deciding.within_cap(self._bag.messages_since(hour_ms), cap, now_ms)
        share = not (shared and wanted and room) or deciding.within_cap(self._bag.messages_since(hour_ms, market=True), max(cap // 2, 1), now_ms)
        waiting = deciding.hold_quiet([one.decision for one in decisions], now_ms, self.zone, policy)
        after = [_held_back(one._replace(decision=decision), room=room, share=share, cap=cap) for one, decision in zip(decisions, waiting, strict=True)]
        news = any(one.decision.decided for one, _ in after)
        changes = bool(note.memories or note.forgotten or note.market or note.market_forgotten)
        if (changes or after) and not self.put(note, after, now_ms):
            return Kept(kept=False, news=False, due=())
        due = (QUIETED, CAPPED, *((SHARED,) if shared and share else ()))
        return Kept(kept=True, news=news, due=() if quiet or not room or news else due)

    def digest(self, kept: Kept, now_ms: int) -> bool:
        """Tell what waited for quiet hours or a cap to end; whether messages were made, by `kept` or now. Raises StoreError."""
        waiting = self._bag.on_hold(kept.due) if kept.due and not self.trouble else []
        if waiting:
            self.put(Note(told=tuple(alert.id for alert in waiting)), [], now_ms, more=deciding.digest(waiting, self.zone))
        if kept.kept:
            self._bag.flush()
        return bool(kept.news or waiting)


def _held_back(one: Said, *, room: bool, share: bool, cap: int) -> tuple[Said, str | None]:
    """With what holds it back until a digest tells it: quiet hours, or the hour's cap; None: nothing does."""
    decision = one.decision
    if decision.reason == deciding.QUIET:
        return one, QUIETED
    if not decision.decided or decision.passes or (room and share):
        return one, None
    reason = f"more than {cap} messages in an hour{LATER}" if not room else f"more than half of the {cap} messages in an hour{LATER}"
    return one._replace(decision=decision.model_copy(update={"decided": False, "reason": reason})), SHARED if room else CAPPED
