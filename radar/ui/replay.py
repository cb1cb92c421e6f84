"""A past window as one component: every minute's words sent once, played by replay.js without asking the server.

A text that changes from minute to minute is sent as the minutes at which it changes, a sentence and the numbers in it.
"""

import re
from collections.abc import Sequence
from typing import Any

import streamlit as st

from radar import words
from radar.bars import LIGHT_CODES
from radar.models import Quality, Snapshot, Stance
from radar.replays import LIVED, NO_DATA, OLD, RECONSTRUCTED, Film, film
from radar.ui import look, reads
from radar.ui.component import declare

__all__ = ["payload", "player", "replayed", "unpacked"]

_PLAYER = declare("radar_replay", "replay")
SLOT = "\x01"
NUMBER = re.compile(r"(?<![A-Za-z\d])[+−]?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.\d+)")
KINDS = {
    LIVED: "LIVED: the light the radar stored in that minute",
    OLD: "LIVED, but not re-judgeable: stored before the radar kept what a light stood on",
    RECONSTRUCTED: "RECONSTRUCTED: the radar was not there; the backtest's light, with a borrow assumed and no order books",
    NO_DATA: "NO DATA: nothing is known of this minute",
}
IF_BORROWED = " (if the coin could be borrowed then)"
FIELDS = (
    ("Basis", "basis_pct"), ("TWAP 15m", "basis_twap15_pct"), ("Funding /h", "funding_1h_pct"), ("Per day, est.", "funding_daily_est_pct"),
    ("Price 1h", "ret_1h_pct"), ("Open interest", "oi_usdt"), ("ΔOI 1h", "delta_oi_1h_usdt"), ("ΔOI 1h, %", "delta_oi_1h_pct"),
    ("OI / volume", "oi_to_volume"), ("Perp dominance", "perp_dominance_pct"), ("Bids / asks", "orderbook_imbalance"),
)  # fmt: skip
PARTS = ("funding", "basis", "share", "new OI", "depth")


class Column:
    """One text of every minute: where it changes, as a sentence (by number) and what stands in its slots."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.which: list[int] = []
        self.numbers: list[str] = []
        self.sentences: dict[str, int] = {}
        self._last: str | None = None

    def put(self, at: int, text: str) -> None:
        if text == self._last:
            return
        self._last = text
        sentence = NUMBER.sub(SLOT, text)
        self.starts.append(at)
        self.which.append(self.sentences.setdefault(sentence, len(self.sentences)))
        self.numbers.append(";".join(NUMBER.findall(text)).replace(words.MINUS, "-"))  # one byte for three

    def sent(self) -> dict[str, Any]:
        return {"at": _steps(self.starts), "i": self.which, "n": self.numbers, "s": list(self.sentences)}




def _steps(values: Sequence[int]) -> list[int]:
    return [value - before for before, value in zip([0, *values], values, strict=False)]


def _field(s: Snapshot, name: str) -> str:
    value = getattr(s, name)
    text = look.share(s) if name == "perp_dominance_pct" else look.metric(name, value)
    quality = s.quality.get(name)
    late = " STALE" if quality and quality.state is Quality.STALE and words.known(value) else ""
    tone = look.funding_tone(value) if name.startswith(("basis", "funding")) else ""
    return f"{tone if words.known(value) else 'na'}|{text}{late}"


def _rule(s: Snapshot, at: int) -> str:
    finding = s.rules[at]
    face = look.rule_look(finding)
    return f"{face.tone}|{face.shape}|{face.word}|{finding.text}"


def _srs(s: Snapshot) -> str:
    if s.srs is None:
        return f"grey|{words.NA}|"
    known = f"{words.number(100 * s.srs_coverage, 0)} % known" if s.srs_coverage else ""
    return f"{look.srs_tone(s)}|{s.srs}|{known}"


def _on_borrow(s: Snapshot) -> bool:
    return s.state in (Stance.SHORT_WINDOW, Stance.BASIS_ONLY)


def _texts(s: Snapshot, kind: int) -> list[str]:
    """light, headline, price, spot short, SRS, fields, rules, z of the parts, chips."""
    face = look.LIGHTS[s.traffic_light] if kind == OLD else look.STANCES[s.state]
    chips = "\n".join(f"{tone}|{text}" for tone, text, _ in look.chips(s)) if kind in (LIVED, RECONSTRUCTED) else ""
    borrow = "assumed" if kind == RECONSTRUCTED and s.has_spot else look.spot_short(s.has_spot, s.borrow)
    return [
        f"{face.tone}|{face.text}",
        s.headline + (" (stood on a STALE reading)" if s.stale else "") + (IF_BORROWED if kind == RECONSTRUCTED and _on_borrow(s) else ""),
        f"{words.price(s.mark, s.tick_size)}|{words.price(s.index, s.tick_size)}",
        borrow,
        _srs(s),
        *(_field(s, name) for _, name in FIELDS),
        *(_rule(s, at) for at in range(len(s.rules))),
        *(words.number(part.z, 1, sign=True) for part in s.srs_parts),
        chips,
    ]


def payload(shown: Film, *, zone: str, simulated: bool) -> dict[str, Any]:
    """What replay.js plays: minutes, prices, lights and kinds as columns, texts by change."""
    columns: list[Column] = []
    marks: list[float | None] = []
    codes, minutes = shown.rows["light"].fillna(0).astype(int).tolist(), shown.rows.index.tolist()
    kinds = shown.rows["kind"].astype(int).tolist()
    rules: list[list[str]] = []
    for at, s in enumerate(shown.snapshots()):
        texts = _texts(s, kinds[at])
        if not columns:
            columns = [Column() for _ in texts]
            rules = [[f.code, f.name] for f in s.rules]
        for column, text in zip(columns, texts, strict=True):
            column.put(at, text)
        marks.append(None if s.mark is None else float(f"{s.mark:.6g}"))
    codes = [4 if kind == NO_DATA else code for code, kind in zip(codes, kinds, strict=True)]
    return {
        "symbol": shown.symbol, "zone": zone, "simulated": simulated,
        "first": minutes[0] if minutes else 0, "steps": _steps([m - minutes[0] for m in minutes]) if minutes else [],
        "marks": marks, "lights": "".join(map(str, codes)), "kinds": "".join(map(str, kinds)), "said": list(KINDS.values()),
        "texts": [column.sent() for column in columns], "fields": [label for label, _ in FIELDS], "rules": rules, "parts": PARTS,
        "tones": {str(code): look.LIGHTS[light].tone for light, code in LIGHT_CODES.items()},
    }  # fmt: skip


def unpacked(column: dict[str, Any], count: int) -> list[str]:
    """The texts of a column, minute by minute, as replay.js reads them."""
    texts, at, now = [], -1, ""
    starts = [sum(column["at"][: i + 1]) for i in range(len(column["at"]))]
    for i in range(count):
        while at + 1 < len(starts) and starts[at + 1] <= i:
            at += 1
            numbers = iter(column["n"][at].replace("-", words.MINUS).split(";"))
            now = "".join(next(numbers) if c == SLOT else c for c in column["s"][column["i"][at]])
        texts.append(now)
    return texts


@st.cache_resource(ttl=1800, max_entries=6, show_spinner="Reading the past")
def replayed(name: str, symbol: str, first_minute: int, last_minute: int, step_min: int, read: int) -> dict[str, Any]:  # noqa: ARG001 - part of the cache key
    """The payload of a window; `name` is live or demo, `read` how much of its past has come in."""
    radar = reads.radar(name)
    found = film(radar.market, symbol, first_minute, last_minute, radar.thresholds(symbol), step_min=step_min)
    return payload(found, zone=reads.runtime().settings.timezone, simulated=name == "demo")


def player(data: dict[str, Any], *, now_ms: int, at_ms: int | None, window: str, key: str) -> None:
    """Draw the player, beginning at `at_ms`; while `window` stays, what is drawn anew keeps its moment."""
    _PLAYER(key=key, data=data | {"now": now_ms, "at": at_ms, "window": window})
