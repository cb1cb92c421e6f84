"""What an alert says: a title for a lock screen, a body with everything needed to act. Plain text, nothing else.

Whatever comes from outside (symbols, notes, an exchange's words) is cleaned: no control characters, nothing that a
messenger takes for markup, a mention or a new line.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from radar import words
from radar.explain import NO_FLIP
from radar.light import REDS
from radar.models import AlertKind, AlertPolicy, Decision, Edge, Finding, Memory, Quality, Snapshot, Stance, State
from radar.sights import STANCES, in_words

__all__ = ["BODY_MAX", "TITLE_MAX", "clean", "clean_name", "cut", "wall", "written"]

NAMES = {
    AlertKind.NO_SHORT: "NO SHORT",
    AlertKind.BASIS_ONLY: "BASIS ONLY",
    AlertKind.SHORT_WINDOW: "SHORT WINDOW",
    AlertKind.EXIT: "EXIT",
    AlertKind.SRS: "SRS",
    AlertKind.INTERVAL: "funding interval",
    AlertKind.CAP: "use of the funding limit",
    AlertKind.DATA: "data",
}
OF_THE_LIGHT = {AlertKind.NO_SHORT, AlertKind.BASIS_ONLY, AlertKind.SHORT_WINDOW}
MARKED = "marked as held"  # the past of an exit that was there from the start
TITLE_MAX, BODY_MAX, SENTENCE_MAX, LINK_MAX = 160, 1499, 260, 500
MARKUP = str.maketrans({"[": "(", "]": ")", "`": "'", "|": "/", "_": " ", "*": "", "~": "", "#": "", "@": "", "\\": ""})
TAGS = re.compile(r"<(?=\S)|(?<=\S)>")  # "funding < 0" stays, "<b>" does not
PAST = re.compile(r" \([^()]* past\)")  # distances belong into the body


def clean(text: str) -> str:
    r"""One line of plain text.

    >>> clean("a\n*b*\u202e <i>c</i> [d](e) < 0")
    'a b ic/i (d)(e) < 0'
    """
    return TAGS.sub("", " ".join("".join(_seen(c) for c in text).split()).translate(MARKUP)).strip()


def _seen(character: str) -> str:
    match unicodedata.category(character):
        case "Cf" | "Cn" | "Co" | "Cs":  # turns the direction of text, or is no character
            return ""
        case "Cc" | "Zl" | "Zp" | "Zs":
            return " "
    return character


def clean_name(text: str) -> str:
    r"""A symbol: letters and digits of any script.

    >>> clean_name("ARB_USDT\n<b>")
    'ARBUSDTb'
    """
    return "".join(c for c in text if c.isalnum())[:40] or words.NA


def cut(text: str, most: int) -> str:
    """At most so many characters.

    >>> cut("abcdef", 4)
    'abc…'
    """
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _rules(s: Snapshot, codes: Iterable[str], *states: State) -> list[Finding]:
    return [finding for finding in s.rules if finding.code in set(codes) and (not states or finding.state in states)]


def _reds(s: Snapshot) -> list[Finding]:
    return _rules(s, REDS, State.FIRES)


def _short(findings: Sequence[Finding]) -> str:
    """Which rules, and the first one's comparisons without their distances."""
    if not findings:
        return ""
    return f"{', '.join(f.code for f in findings)}{':' if len(findings) > 1 else ''} {PAST.sub('', findings[0].text)}"


def _limit_of_funding(s: Snapshot) -> str:
    return "floor" if (s.funding_1h_pct or 0) < 0 else "cap"


def _doubt(s: Snapshot) -> str:
    """Why the light cannot be judged."""
    mark = s.quality.get("mark")
    if mark is None or mark.state is Quality.FRESH:
        return s.headline
    return mark.note or f"price is {words.age(mark.age_sec)} old"


def _opens(kind: AlertKind, s: Snapshot, before: str, policy: AlertPolicy) -> str:
    now, was = in_words(kind, s), f"({MARKED})" if before == MARKED else f"(was {before})"
    match kind:
        case AlertKind.NO_SHORT:
            return f"NO SHORT {was}: {_short(_reds(s))}"
        case AlertKind.BASIS_ONLY:
            return f"BASIS ONLY {was}: {_short(_rules(s, ['BO'])).removeprefix('BO ')}"
        case AlertKind.SHORT_WINDOW:
            return f"SHORT WINDOW {was}: {_short(_rules(s, ['SW'])).removeprefix('SW ')}"
        case AlertKind.EXIT:
            return f"EXIT, now {now} {was}: {_short(_reds(s)) or s.headline}"
        case AlertKind.SRS:
            return f"SRS {now} ≥ {policy.srs_min} {was}: squeeze risk"
        case AlertKind.INTERVAL:
            return f"funding every {now} {was}: {words.funding(s.funding_1h_pct)}"
        case AlertKind.CAP:
            return f"funding at {now} of its {_limit_of_funding(s)} {was}: {words.funding(s.funding_1h_pct)}"
    return f"DATA LOST {was}: {_doubt(s)}"


def _closes(kind: AlertKind, s: Snapshot, before: str, policy: AlertPolicy) -> str:
    now = in_words(kind, s)
    reds = f": {_short(_reds(s))}" if s.state is Stance.NO_SHORT else ""
    match kind:
        case AlertKind.SRS:
            said = f"SRS {now}, below {policy.srs_min} (was {before})"
        case AlertKind.INTERVAL:
            said = f"funding every {now} again (was {before})"
        case AlertKind.CAP:
            said = f"funding at {now} of its {_limit_of_funding(s)}, below {_share(policy)} (was {before})"
        case AlertKind.DATA:
            said = f"data are back, now {now}{reds}"
        case AlertKind.NO_SHORT | AlertKind.EXIT:
            said = f"{NAMES[kind]} cleared, now {now}"
        case _:
            said = f"{NAMES[kind]} over, now {now}{reds}"
    return f"resolved: {said}"


def _share(policy: AlertPolicy) -> str:
    return words.pct(policy.cap_use_min * 100, 0, sign=False)


def _findings(kind: AlertKind, edge: Edge, s: Snapshot) -> list[Finding]:
    """The rules that made the news."""
    match kind:
        case AlertKind.NO_SHORT:
            return _reds(s) if edge == "opens" else _rules(s, REDS)
        case AlertKind.BASIS_ONLY:
            return _rules(s, ["BO"]) + _reds(s)
        case AlertKind.SHORT_WINDOW | AlertKind.EXIT:
            return _reds(s) + _rules(s, ["SW"])
        case AlertKind.DATA:
            return _rules(s, REDS, State.UNKNOWN if edge == "opens" else State.FIRES)
    return []


def _turns(kind: AlertKind, edge: Edge, findings: Sequence[Finding], policy: AlertPolicy) -> str:
    """What would turn it round."""
    if edge == "opens":
        match kind:
            case AlertKind.SRS:
                return f"Clears below {policy.srs_min}"
            case AlertKind.CAP:
                return f"Clears below {_share(policy)}"
            case AlertKind.INTERVAL:
                return "Clears when funding settles as seldom as before"
            case AlertKind.DATA:
                return "Clears when data are fresh and every red rule can be judged"
    said = [f"{f.code} {flip}" for f in findings if (flip := f.flip or (f.state is State.FIRES and NO_FLIP.get(f.code)))]
    return f"What would change it: {'; '.join(said) or words.NA}" if said or edge == "opens" else ""


def _numbers(s: Snapshot) -> str:
    oi = f"{words.usdt(s.delta_oi_1h_usdt, sign=True)} ({words.pct(s.delta_oi_1h_pct, 2)})" if words.known(s.delta_oi_1h_usdt) else words.NA
    return (
        f"Price {words.price(s.mark, s.tick_size)}, funding {words.funding(s.funding_1h_pct)} ({words.pct(s.funding_daily_est_pct)} per day), "
        f"OI 1 h {oi}, SRS {words.number(s.srs, 0)}, data age {words.age(s.age_sec)}"
    )


def wall(now_ms: int, zone: str) -> str:
    """The clock on the wall there: 14:05 CET. Zones without a name of their own say how far they are from UTC."""
    wall = datetime.fromtimestamp(now_ms / 1000, ZoneInfo(zone))
    name = f"{wall:%Z}"
    return f"{wall:%H:%M} {name if name.isalpha() else f'UTC{name}'}"


def _told(
    kind: AlertKind, edge: Edge, s: Snapshot, *, before: str, link: str, policy: AlertPolicy, now_ms: int, zone: str
) -> tuple[str, str]:
    """(title, body). `before` is what the kind saw before the change. An exit with no past was there when the position was marked."""
    before = STANCES[Stance(before)] if before in set(Stance) else before
    nothing = MARKED if kind is AlertKind.EXIT and edge == "opens" else words.NA
    before, symbol = cut(clean(before) or nothing, 40), clean_name(s.symbol)
    say = _opens if edge == "opens" else _closes
    findings = _findings(kind, edge, s)
    now = in_words(kind, s)
    lines = [
        f"{wall(now_ms, zone)} {symbol}{'' if kind in OF_THE_LIGHT else ' ' + NAMES[kind]}: {before if before == now else f'{before} → {now}'}",
        f"Light: {s.headline}",
        *(f"{finding.code} {finding.name}, {finding.state}: {finding.text or words.NA}" for finding in findings),
        _turns(kind, edge, findings, policy),
        _numbers(s),
    ]
    address = "".join(link.split())
    address = address if address.isprintable() and len(address) <= LINK_MAX else ""
    room = BODY_MAX - len(address) - 1
    kept = [cut(clean(line), SENTENCE_MAX) for line in lines if line]
    while len("\n".join(kept)) > room:  # sentences shrink, the first and the last line stay
        longest = max(range(1, len(kept) - 1), key=lambda i: len(kept[i]))
        kept[longest] = cut(kept[longest], len(kept[longest]) - 10)
    return cut(f"{symbol} {clean(say(kind, s, before, policy))}", TITLE_MAX), "\n".join([*kept, address]).rstrip()


def written(
    decisions: Iterable[Decision],
    s: Snapshot,
    memory: Mapping[AlertKind, Memory],
    *,
    link: str,
    policy: AlertPolicy,
    now_ms: int,
    zone: str = "UTC",
) -> list[Decision]:
    """The decisions of one evaluation with their words.

    `memory` as it was before that evaluation, as far as there was one; `link` is the symbol's page, `zone` that of the desk's clock.
    """
    said = []
    for one in decisions:
        was = memory[one.kind].was if one.kind in memory else ""
        title, body = _told(one.kind, one.edge, s, before=was, link=link, policy=policy, now_ms=now_ms, zone=zone)
        said.append(one.model_copy(update={"title": title, "body": body}))
    return said
