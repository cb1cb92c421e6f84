"""Alerts in words: what the kinds mean, how a channel is doing, and what became of every message.

Pure, like cards.py. A channel is its name and its service; addresses and tokens never come this far.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from radar import words
from radar.models import Alert, AlertKind, AlertPolicy, ChannelState
from radar.ui.blocks import Block, card, cell, row, table, text
from radar.ui.look import Look

__all__ = [
    "ADDRESSES", "EXAMPLE", "KINDS", "VERDICTS", "Kind", "became", "channel_look", "channel_times", "exit_doubt", "fired", "held_by", "log", "service",
]  # fmt: skip

Clock = Callable[[int], str]


class Kind(NamedTuple):
    """A kind of alert, as a switch and its meaning."""

    name: str
    meaning: str


KINDS = {
    AlertKind.NO_SHORT: Kind("No short", "A red rule, R1 to R4, starts to fire; the message says which."),
    AlertKind.BASIS_ONLY: Kind("Basis only", "A hedged basis trade opens or closes: funding very negative, and the coin can be borrowed."),
    AlertKind.SHORT_WINDOW: Kind("Short window", "The light turns GREEN, or leaves it."),
    AlertKind.EXIT: Kind("Exit", "A symbol marked “in position” leaves GREEN or meets a red rule. Comes through quiet hours and the cap."),
    AlertKind.SRS: Kind("Squeeze score", "The SRS reaches its threshold, or falls below it."),
    AlertKind.INTERVAL: Kind("Funding interval", "Funding begins to settle more often."),
    AlertKind.CAP: Kind("Funding at its limit", "Funding has used this much of its cap or floor."),
    AlertKind.DATA: Kind("Data", "The light can no longer be judged, and when it can again."),
}
MARKET = "Market"  # what a person wrote down beside the kinds
VERDICTS = {"All": None, "● Sent": "sent", "○ Queued": "queued", "◆ Held back": "held", "■ Failed": "failed"}
TONES = {"failed": "red", "queued": "amber", "sent": "green"}  # the worst first
ADDRESSES = (
    ("Telegram", "tgram://BOT_TOKEN/CHAT_ID"),
    ("Discord", "discord://WEBHOOK_ID/WEBHOOK_TOKEN"),
    ("Slack", "slack://TOKEN_A/TOKEN_B/TOKEN_C/CHANNEL"),
    ("E-mail", "mailtos://USER:PASSWORD@smtp.example.com?to=desk@example.com"),
    ("ntfy", "ntfys://ntfy.sh/TOPIC"),
    ("Gotify", "gotifys://HOST/TOKEN"),
    ("Pushover", "pover://USER_KEY@APP_TOKEN"),
    ("Teams", "workflows://HOST:443/WORKFLOW/SIGNATURE"),
    ("Webhook", "jsons://HOST/PATH"),
)
EXAMPLE = "desk=tgram://BOT_TOKEN/CHAT_ID mail=mailtos://USER:PASSWORD@smtp.example.com?to=desk@example.com"
SERVICES = {
    "tgram": "Telegram", "discord": "Discord", "slack": "Slack", "mailto": "e-mail", "mailtos": "e-mail", "ntfy": "ntfy", "ntfys": "ntfy",
    "gotify": "Gotify", "gotifys": "Gotify", "pover": "Pushover", "workflows": "Teams", "json": "webhook", "jsons": "webhook",
}  # fmt: skip


# ── channels ──
def service(kind: str) -> str:
    """What people call the service behind a schema.

    >>> service("tgram"), service("matrix")
    ('Telegram', 'matrix')
    """
    return SERVICES.get(kind, kind)


def channel_look(state: ChannelState) -> Look:
    """Whether it works, in a word."""
    return Look("OK", "●", "green") if state.ok else Look("NEEDS ATTENTION", "▲", "amber")


def channel_times(state: ChannelState, now_ms: int, clock: Clock) -> dict[str, str]:
    """Waiting messages, the last delivery, the last error."""

    def when(ms: int | None) -> str:
        return "never" if ms is None else f"{clock(ms)}, {words.age((now_ms - ms) / 1000)} ago"

    return {"waiting": str(state.waiting), "last delivery": when(state.last_sent_ms), "last error": when(state.last_error_ms)}


# ── kinds ──
def fired(count: int | None) -> str:
    """How often a kind would have fired.

    >>> fired(None), fired(0), fired(1), fired(12)
    ('n/a', 'never', 'once', '12 times')
    """
    return words.NA if count is None else {0: "never", 1: "once"}.get(count, f"{words.number(count, 0)} times")


def exit_doubt(policy: AlertPolicy, channels: Sequence[ChannelState], paused: str) -> str:
    """Why nobody would hear of an exit; empty when somebody would."""
    if paused:
        return "alerts are paused, so no exit alert comes"
    if AlertKind.EXIT in policy.off:
        return "exit alerts are switched off"
    if not channels:
        return "there is no channel, so an exit is only logged"
    return "" if any(channel.ok for channel in channels) else "no channel works at the moment"


# ── positions ──
def held_by(marks: Mapping[str, Mapping[str, int]]) -> list[tuple[str, str, int]]:
    """(symbol, who marks it, since when) of profile -> symbol -> since; the marks of one symbol stand together, the earliest first.

    >>> held_by({"": {"ARBUSDT": 5, "MYXUSDT": 3}, "Ann": {"ARBUSDT": 1}})
    [('ARBUSDT', 'Ann', 1), ('ARBUSDT', '', 5), ('MYXUSDT', '', 3)]
    """
    found = [(symbol, holder, since) for holder, held in marks.items() for symbol, since in held.items()]
    first: dict[str, int] = {}
    for symbol, _, since in found:
        first[symbol] = min(since, first.get(symbol, since))
    return sorted(found, key=lambda mark: (first[mark[0]], mark[0], mark[2], mark[1]))


# ── the log ──
def became(alert: Alert, clock: Clock) -> tuple[str, str]:
    """What became of it, and its tone: the worst of all channels."""
    by: dict[str, list[str]] = {}
    for channel, said in alert.deliveries.items():
        state, _, why = said.partition(": ")
        why = why or ("see the channel" if state == "failed" else "")
        by.setdefault(state, []).append(f"{channel} ({why})" if why else channel)
    if not by and alert.decided and alert.batch is not None:
        return "● decided", "green"  # whether, when and to whom it was told is not shown to every visitor
    if not by and alert.decided:
        return "▲ no channel to send it to", "amber"
    if not by:
        return f"◆ held back: {alert.reason or 'no reason is stored'}", "grey"
    since = f" since {clock(alert.ts_ms)}" if alert.decided else ""  # one that was held back is queued with a digest, at another time
    phrases = {"failed": "■ failed: ", "queued": f"○ queued{since}: ", "sent": "● sent to "}
    parts = [lead + words.join(by[state]) for state, lead in phrases.items() if state in by]
    parts += [f"◆ {state}: {words.join(names)}" for state, names in by.items() if state not in phrases]
    tone = next((tone for state, tone in TONES.items() if state in by), "grey")
    if not alert.decided:
        parts.append(f"in a digest; held back before: {alert.reason}")
    return "; ".join(parts), tone


def _line(alert: Alert, clock: Clock) -> Any:
    what, tone = became(alert, clock)
    name = KINDS[alert.kind].name if alert.kind in KINDS else MARKET
    news = cell(f"{name} {alert.edge}", "words")
    return row([clock(alert.ts_ms), alert.symbol, news, cell(what, tone)], note=alert.title)


def log(alerts: Sequence[Alert], clock: Clock, filters: Sequence[str] = ()) -> Block:
    """Every decision, newest first, with the message's title below it. `filters`: what the log was narrowed to."""
    if alerts:
        lines = [_line(alert, clock) for alert in alerts]
        head = ["when", "symbol", "alert", "what became of it"]  # the title begins with the symbol, so a phone can do without it
        return card("Decided", f"newest {len(alerts)}", table(head, lines, minor=["symbol"], wrap=True))
    narrowed = [said for said in filters if said]
    empty = f"Nothing here for {words.join(narrowed)}." if narrowed else "Nothing has been decided yet."
    return card("Decided", "", text(empty))
