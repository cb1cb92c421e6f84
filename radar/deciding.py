"""Which changes are news (issue 4; method 2.6 alerts, O4): debounce, cooldown, re-arm, mute, quiet hours.

Everything follows from the arguments; the moment is one of them. A kind is *on* once what it looks at held long
enough, and *told* once that was news: the end of something nobody was told of is no news either.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from radar.messages import clean, cut
from radar.models import AlertKind, AlertPolicy, Decision, Edge, Light, Memory, Sight
from radar.models.alerts import QUIET

__all__ = ["GROUP_MAX", "MINUTE_MS", "MUTED", "QUIET", "UNRESOLVED", "digest", "group", "hold_quiet", "quiet", "rested", "step", "within_cap"]

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
GROUP_MAX = 1900  # Discord takes 2,000 characters, title included
LINE_MAX = 170
DIGESTS_MAX = 5  # messages; what does not fit is in the log
LEFT_OUT_MAX = len("\n+1234567 softer alerts left out: the log has them")
MUTED = "muted by NO SHORT"
UNRESOLVED = "resolved messages are off"
SOFT = {AlertKind.BASIS_ONLY, AlertKind.SHORT_WINDOW, AlertKind.SRS, AlertKind.INTERVAL, AlertKind.CAP, AlertKind.MARKET}
OPPORTUNITIES = {AlertKind.BASIS_ONLY, AlertKind.SHORT_WINDOW}
URGENT_WHEN_HELD = {AlertKind.NO_SHORT, AlertKind.DATA}
THROUGH_DOUBT = {AlertKind.NO_SHORT, AlertKind.EXIT}  # doubt does not take back what it began to see
WEIGHT = {kind: place for place, kind in enumerate((AlertKind.EXIT, AlertKind.NO_SHORT, AlertKind.DATA))}  # the rest follows as written
REST = {"pending_ms": None, "pending_count": 0, "pending_rung": None, "back_ms": None}


def _not_ahead(memory: Memory, now_ms: int) -> Memory:
    """A clock that was set back must not stretch a cooldown for hours: nothing was later than now."""
    stamps = {name: getattr(memory, name) for name in ("pending_ms", "back_ms", "opened_ms", "flipped_ms")}
    late = {name: now_ms for name, ts in stamps.items() if ts is not None and ts > now_ms}
    return memory.model_copy(update=late) if late else memory


def _too_soon(memory: Memory, policy: AlertPolicy, now_ms: int) -> str:
    """Why an opening waits: the last one was a moment ago, or it had hardly been over. Empty when it need not."""
    since_ms = None if memory.opened_ms is None else now_ms - memory.opened_ms
    if since_ms is not None and since_ms < policy.cooldown_min * MINUTE_MS:
        return f"cooldown: {since_ms // MINUTE_MS} of {policy.cooldown_min} min since the last one"
    clear_ms = None if memory.flipped_ms is None or memory.active else now_ms - memory.flipped_ms
    if clear_ms is not None and clear_ms < policy.rearm_min * MINUTE_MS:
        return f"not re-armed: it was over for {clear_ms // MINUTE_MS} of {policy.rearm_min} min"
    return ""


def _ripe(memory: Memory, policy: AlertPolicy, now_ms: int) -> bool:
    """Whether an opening that was held back has lasted long enough to be told after all."""
    cooled = memory.opened_ms is None or now_ms - memory.opened_ms >= policy.cooldown_min * MINUTE_MS
    return cooled and (memory.flipped_ms is None or now_ms - memory.flipped_ms >= policy.rearm_min * MINUTE_MS)


def _unheard(memory: Memory, sight: Sight, holds: bool | None, now_ms: int) -> Memory:
    """A kind that is switched off: what it sees becomes the baseline at once, nothing waits to be told."""
    kept = {**REST, "held": False, "level": sight.level}
    if holds is None:
        return memory.model_copy(update=kept)
    if holds is not memory.active:
        kept |= {"active": holds, "told": False, "flipped_ms": now_ms}
    return memory.model_copy(update=kept | {"rung": sight.rung if holds else None, "was": sight.now})


class _Turn:
    """One kind at one evaluation, with what it needs to decide."""

    def __init__(self, symbol: str, kind: AlertKind, sight: Sight, policy: AlertPolicy, *, now_ms: int, light: Light, held: bool) -> None:
        self.symbol, self.kind, self.sight, self.policy, self.now_ms, self.held = symbol, kind, sight, policy, now_ms, held
        self.muted = light is Light.RED and kind in SOFT
        # No opportunity opens while nobody can judge the light; that it is over may well be known.
        self.holds = None if sight.holds and light is Light.UNKNOWN and kind in OPPORTUNITIES else sight.holds

    def step(self, memory: Memory | None) -> tuple[Memory | None, Decision | None]:
        """The memory after it, and the decision if there is one."""
        sight, now_ms = self.sight, self.now_ms
        if self.kind is AlertKind.EXIT and not self.held:
            return Memory(), None  # no position, nothing to leave; the next one starts afresh
        if memory is None and self.kind is AlertKind.EXIT:
            memory = Memory(level=sight.level)  # a position that is RED when it is first seen must hear of it
        if memory is None:  # a first look announces nothing, and what is unknown is no baseline
            known = Memory(active=bool(self.holds), level=sight.level, rung=sight.rung if self.holds else None, was=sight.now)
            return (None if self.holds is None else known), None
        memory = _not_ahead(memory, now_ms)
        if self.kind in self.policy.off:
            return _unheard(memory, sight, self.holds, now_ms), None
        if memory.level != sight.level:
            memory = memory.model_copy(update={"level": sight.level})
        worse = bool(self.holds and memory.active and not memory.held and self._lower(memory))
        if self.holds is None or (self.holds is memory.active and not worse):
            return self._unchanged(memory)
        if memory.pending_ms is None or (memory.pending_rung is not None) is not worse:
            memory = memory.model_copy(update={"pending_ms": now_ms, "pending_count": 0})
        count, since_ms = memory.pending_count + 1, memory.pending_ms if memory.pending_ms is not None else now_ms
        if count < self.policy.hold_evaluations or now_ms - since_ms < self.policy.hold_sec * 1000:
            return memory.model_copy(update={"pending_count": count, "pending_rung": sight.rung if worse else None, "back_ms": None}), None
        return self._opened(memory, worse=worse) if self.holds else self._closed(memory)

    def _lower(self, memory: Memory) -> bool:
        return self.sight.rung is not None and memory.rung is not None and self.sight.rung < memory.rung

    def _interrupted(self, memory: Memory) -> Memory:
        """What is left of a pending change that is not seen now: nothing, but for what else would flap unheard for hours."""
        if not memory.active and self.holds is None and self.kind in THROUGH_DOUBT:
            return memory
        if not memory.active and self.holds is False and self.kind is AlertKind.DATA:
            back_ms = self.now_ms if memory.back_ms is None else memory.back_ms
            if self.now_ms - back_ms < self.policy.hold_sec * 1000:
                return memory if back_ms == memory.back_ms else memory.model_copy(update={"back_ms": back_ms})
        return memory.model_copy(update=REST)

    def _unchanged(self, memory: Memory) -> tuple[Memory, Decision | None]:
        if memory.pending_ms is not None:
            memory = self._interrupted(memory)
        if self.holds and memory.held and memory.told and not self._lower(memory):
            memory = memory.model_copy(update={"held": False})  # a lower rung waited to be told, and was left again
        keeps_was = memory.held or memory.pending_ms is not None  # what is held back, or under way, keeps the "was" of its opening
        if self.holds is not None and not keeps_was and memory.was != self.sight.now:
            memory = memory.model_copy(update={"was": self.sight.now})
        if self.holds and memory.held and not self.muted and _ripe(memory, self.policy, self.now_ms):
            told = {"held": False, "told": True, "opened_ms": self.now_ms, "rung": self.sight.rung}
            return memory.model_copy(update=told), self._decision("opens")
        return memory, None

    def _opened(self, memory: Memory, *, worse: bool) -> tuple[Memory, Decision]:
        """It is on, or reached a lower rung: news, unless something holds it back."""
        why = MUTED if self.muted else _too_soon(memory, self.policy, self.now_ms)
        after = {**REST, "active": True, "held": bool(why), "told": not why or (worse and memory.told)}
        if not (worse and why):
            after["rung"] = self.sight.rung
        if not worse:
            after["flipped_ms"] = self.now_ms
        if not why:
            after["opened_ms"] = self.now_ms
        return memory.model_copy(update=after), self._decision("opens", why)

    def _closed(self, memory: Memory) -> tuple[Memory, Decision | None]:
        """It is over: news only if its opening was."""
        after = {**REST, "active": False, "told": False, "held": False, "rung": None, "flipped_ms": self.now_ms}
        news = self._decision("closes", "" if self.policy.resolved else UNRESOLVED) if memory.told else None
        return memory.model_copy(update=after), news

    def _decision(self, edge: Edge, why: str = "") -> Decision:
        return Decision(
            ts_ms=self.now_ms,
            symbol=self.symbol.encode(errors="replace").decode(),  # half a character can neither be kept nor sent
            kind=self.kind,
            edge=edge,
            decided=not why,
            reason=why,
            title=self.sight.title,
            body=self.sight.body,
            passes=self.kind is AlertKind.EXIT or (self.held and self.kind in URGENT_WHEN_HELD),
        )


def step(
    symbol: str,
    seen: Mapping[AlertKind, Sight],
    memory: Mapping[AlertKind, Memory],
    policy: AlertPolicy,
    *,
    now_ms: int,
    light: Light,
    held: bool,
) -> tuple[dict[AlertKind, Memory], list[Decision]]:
    """One evaluation of one symbol: what to remember, and what is news or was held back.

    A memory that did not change comes back as the same object, so that only changes need to be kept.
    """
    after, decisions = dict(memory), []
    for kind in AlertKind:
        if kind not in seen:
            continue
        before = memory.get(kind)
        now, decision = _Turn(symbol, kind, seen[kind], policy, now_ms=now_ms, light=light, held=held).step(before)
        if now is not None and now != before:
            after[kind] = now
        if decision is not None:
            decisions.append(decision)
    return after, decisions


def rested(memory: Mapping[AlertKind, Memory]) -> dict[AlertKind, Memory]:
    """The memory after a time in which nobody looked: what was pending then did not hold, it was not seen."""
    return {kind: one if one.pending_ms is None else one.model_copy(update=REST) for kind, one in memory.items()}


def _minutes(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def quiet(now_ms: int, zone: str, policy: AlertPolicy) -> bool:
    """Whether the clock on the wall of that zone is within the quiet hours; both ends alike mean none."""
    if policy.quiet_from is None or policy.quiet_to is None:
        return False
    wall = datetime.fromtimestamp(now_ms / 1000, ZoneInfo(zone))
    now, start, end = wall.hour * 60 + wall.minute, _minutes(policy.quiet_from), _minutes(policy.quiet_to)
    return start <= now < end if start <= end else now >= start or now < end


def hold_quiet(decisions: Iterable[Decision], now_ms: int, zone: str, policy: AlertPolicy) -> list[Decision]:
    """News of the quiet hours waits for the digest, unless it may pass."""
    if not quiet(now_ms, zone, policy):
        return list(decisions)
    waits = {"decided": False, "reason": QUIET}
    return [one.model_copy(update=waits) if one.decided and not one.passes else one for one in decisions]


def _listed(lines: Sequence[str], most: int) -> str:
    """As many lines as fit, and how many more there are."""
    kept, room = [], most - len("\n+ more") - len(str(len(lines)))
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    left = len(lines) - len(kept)
    return "\n".join([*kept, f"+{left} more"] if left else kept)


def _line(one: Decision) -> str:
    return cut(clean(one.title) or f"{clean(one.symbol)} {one.kind} {one.edge}", LINE_MAX)


def _pages(held: Sequence[Decision], zone: str, most: int) -> list[list[tuple[int, str]]]:
    """(moment, line) of each, in this order, on as many pages of at most so many characters as it takes."""
    pages: list[list[tuple[int, str]]] = []
    room = 0
    for one in held:
        line = f"{datetime.fromtimestamp(one.ts_ms / 1000, ZoneInfo(zone)):%H:%M} {_line(one)}"
        if len(line) + 1 > room:
            pages.append([])
            room = most
        pages[-1].append((one.ts_ms, line))
        room -= len(line) + 1
    return pages


def digest(held: Sequence[Decision], zone: str = "UTC") -> list[tuple[str, str]]:
    """(title, body) of the messages that tell what was held back, in the order it happened, with the time on the wall.

    Where five messages are not enough, softer news are left out, then the less urgent, and the last message says how many.
    """
    told = sorted(held, key=lambda one: one.ts_ms)
    why = "Quiet hours are over" if any(one.reason == QUIET for one in told) else "The hour's cap has room again"
    title = f"{why}: {len(told)} {'alert' if len(told) == 1 else 'alerts'} held back"
    most = GROUP_MAX - len(title) - len(f" ({DIGESTS_MAX} of {DIGESTS_MAX})") - LEFT_OUT_MAX
    pages, left_out = _pages(told, zone, most), ""
    if len(pages) > DIGESTS_MAX:
        hard = sorted((one for one in told if one.kind not in SOFT), key=lambda one: WEIGHT[one.kind])
        pages = [sorted(page) for page in _pages(hard, zone, most)[:DIGESTS_MAX]] or [[]]
        left = len(told) - sum(map(len, pages))
        softer = "softer " if left == len(told) - len(hard) else ""
        left_out = f"+{left} {softer}alerts left out: the log has them"
    bodies = ["\n".join(line for _, line in page) for page in pages]
    if left_out:
        bodies[-1] = f"{bodies[-1]}\n{left_out}".lstrip()
    return [(f"{title} ({n} of {len(bodies)})" if len(bodies) > 1 else title, body) for n, body in enumerate(bodies, 1)]


def group(decisions: Sequence[Decision]) -> tuple[str, str]:
    """(title, body) of several decisions of one evaluation, the most urgent first.

    A line each; then, as far as they fit, the whole text of the most urgent one of every symbol.
    """
    told = sorted(decisions, key=lambda one: (not one.passes, one.edge == "closes", WEIGHT.get(one.kind, len(WEIGHT))))
    if len(told) <= 1:
        return (told[0].title, told[0].body) if told else ("", "")
    title = f"{len(told)} alerts: {_line(told[0])}"
    lines = [_line(one) for one in told]
    body = _listed(lines, GROUP_MAX - len(title) - 1)
    if body != "\n".join(lines):
        return title, body
    for one in _firsts(told):
        if one.body and len(title) + len(body) + len(one.body) + 3 <= GROUP_MAX:
            body += f"\n\n{one.body}"
    return title, body


def _firsts(told: Iterable[Decision]) -> list[Decision]:
    """The first decision of every symbol; of the whole market's, each is its own."""
    first: dict[str, Decision] = {}
    for one in told:
        first.setdefault(one.title if one.kind is AlertKind.MARKET else one.symbol, one)
    return list(first.values())


def within_cap(sent_ms: Sequence[int], cap: int, now_ms: int) -> bool:
    """Whether one more message keeps the hour's cap. What seems sent in the future counts: a clock was set back."""
    return sum(ts > now_ms - HOUR_MS for ts in sent_ms) < cap
