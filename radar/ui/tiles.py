"""The watchlist as one component: a payload of ready-made strings, drawn by tiles.js."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from radar import words
from radar.models import Light, Progress, Quality, Snapshot, Watched
from radar.ui import look
from radar.ui.component import declare

__all__ = ["Entry", "grid", "past", "payload"]

FRESH_SEC = 25.0  # 2.5 × the cadence of premiumIndex
LEVELS = 80  # heights of a sparkline, one printable character each
_GRID = declare("radar_tiles", "tiles", html=True)


class Entry(NamedTuple):
    """One line of the watchlist with what is known about it."""

    watched: Watched
    snapshot: Snapshot | None
    progress: Progress | None = None

    @property
    def light(self) -> Light:
        """The light; nothing known is UNKNOWN."""
        return self.snapshot.traffic_light if self.snapshot else Light.UNKNOWN


def spark(values: Sequence[float | None]) -> str:
    """A line as characters, "(" lowest to "x" highest; a space is a gap."""
    numbers = [v for v in values if words.known(v)]
    low, high = (min(numbers), max(numbers)) if numbers else (0.0, 0.0)
    span = (high - low) or 1.0
    return "".join(chr(40 + round((v - low) / span * LEVELS)) if words.known(v) else " " for v in values)  # type: ignore[operator]


def _readings(rows: Sequence[Mapping[str, Any]], clock: Callable[[int], str]) -> list[list[str]]:
    return [
        [clock(row["ts"]), words.funding(row["funding_1h_pct"]), words.pct(row["basis_pct"]), words.usdt_short(row["oi_usdt"])]
        for row in rows
    ]


def _fields(s: Snapshot) -> list[list[str]]:
    """The nine numbers, each with the class that tones it; rising open interest stays uncoloured."""

    def cell(name: str, tone: str = "") -> list[str]:
        value, quality = getattr(s, name), s.quality.get(name)
        if not words.known(value):
            return [words.NA, "na"]
        return [look.metric(name, value), "old" if quality and quality.state is Quality.STALE else tone]

    return [
        cell("basis_pct", look.funding_tone(s.basis_pct)),
        cell("basis_twap15_pct", look.funding_tone(s.basis_twap15_pct)),
        [look.share(s), "" if words.known(s.perp_dominance_pct) else "na"],
        cell("funding_1h_pct", look.funding_tone(s.funding_1h_pct)),
        cell("funding_daily_est_pct", look.funding_tone(s.funding_daily_est_pct)),
        [words.NA, "" if s.next_funding_ms else "na"],
        cell("oi_usdt"),
        cell("delta_oi_1h_usdt"),
        cell("oi_to_volume"),
    ]


SHORT = {
    "oi_usdt": "OI",
    "delta_oi_1h_usdt": "OI",
    "perp_vol24_usdt": "volume",
    "spot_vol24_usdt": "spot volume",
    "funding_1h_pct": "funding",
}


def _oldest(s: Snapshot) -> str:
    """Which input makes the light stale when the price itself is fresh."""
    late = {
        SHORT[name]: q.age_sec for name, q in s.quality.items() if name in SHORT and q.state is Quality.STALE and words.known(q.age_sec)
    }
    name = max(late, key=lambda key: late[key] or 0.0, default="")
    return f"{name} {words.age(late[name])}" if name else "inputs"


def _read_pct(progress: Progress | None) -> int | None:
    """How much of the past has been read; None when nothing is being read."""
    return round(100 * progress.done / progress.total) if progress is not None and progress.total > 0 else None


def _unread(entry: Entry) -> dict[str, Any]:
    """A symbol that has no answer yet."""
    why = "kept; checked as soon as an exchange answers" if entry.watched.pending else "waiting for the first reading"
    return {
        "s": entry.watched.symbol, "w": 1, "k": "grey", "l": "◆ NO DATA", "i": "", "h": f"Treat as RED: {why}",
        "m": words.NA, "x": f"index {words.NA}", "f": [[words.NA, "na"]] * 9, "b": words.NA, "n": None,
        "r": words.NA, "rk": "grey", "rn": None, "rr": None, "rc": "", "rt": "", "c": [], "g": _read_pct(entry.progress),
        "a": None, "q": 0, "z": FRESH_SEC, "y": "",
    }  # fmt: skip


def _tile(entry: Entry, own: str = "") -> dict[str, Any]:
    """One tile; `own`: what the radar's own thresholds say where a profile's make another light.

    Keys: s symbol, k tone, l light, i interval, h headline, m mark, x index, f fields, b spot short, n next funding (ms),
    r/rk/rn/rr/rc/rt SRS text, tone, width, bounds, coverage, note; c chips, g history read (%), a read at (ms), q stale, z fresh limit (s),
    y latency, w waiting, o the oldest input.
    """
    s = entry.snapshot
    if s is None:
        return _unread(entry)
    face = look.STANCES[s.state]
    known = s.srs is not None
    return {
        "s": s.symbol, "k": face.tone, "l": face.text, "h": s.headline,
        "i": f"{s.funding_interval_hours} h" if s.funding_interval_hours else "",
        "m": words.price(s.mark, s.tick_size), "x": f"index {words.price(s.index, s.tick_size)}",
        "f": _fields(s), "b": look.spot_short(s.has_spot, s.borrow), "n": s.next_funding_ms,
        "r": words.number(s.srs, 0), "rk": look.srs_tone(s), "rn": s.srs,
        "rr": [round(s.srs_lo), round(s.srs_hi)] if known and s.srs_lo is not None and s.srs_hi is not None else None,
        "rc": f"{words.number(100 * s.srs_coverage, 0)} % known" if known else "", "rt": s.srs_note,
        "c": ([["amber", f"▲ {own}"]] if own else []) + [list(row[:2]) for row in look.chips(s)], "g": _read_pct(entry.progress),
        "a": s.ts if s.age_sec is not None else None, "q": int(s.stale), "z": FRESH_SEC, "o": _oldest(s) if s.stale else "",
        "y": f"{words.number(s.latency_ms, 0)} ms" if words.known(s.latency_ms) else "",
    }  # fmt: skip


def past(histories: Mapping[str, Any], clock: Callable[[int], str]) -> dict[str, list[Any]]:
    """[sparkline, last readings] of every symbol; sent when the minute turns, kept by tiles.js."""
    return {symbol: [spark(known.get("spark", ())), _readings(known.get("readings", ()), clock)] for symbol, known in histories.items()}


def payload(
    entries: Sequence[Entry], *, now_ms: int, paused: bool = False, past: Mapping[str, Any] | None = None, own: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What tiles.js draws; `own`: symbol → what stands beside a light that a profile's thresholds made."""
    beside = own or {}
    return {"now": now_ms, "paused": paused, "tiles": [_tile(entry, beside.get(entry.watched.symbol, "")) for entry in entries], "past": past or {}}


def grid(data: dict[str, Any], key: str) -> str | None:
    """Draw the grid; the symbol that was opened, once."""
    return _GRID(key=key, data=data, on_opened_change=lambda: None).opened
