"""The watchlist of the left panel as one component: filters with counts, order, rows with what changed, what is hidden; drawn by rail.js."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from radar import words
from radar.models import Light
from radar.ui import look
from radar.ui.component import declare
from radar.ui.tiles import Entry
from radar.ui.view import FILTERS, SORTS, Change, View, counts, nothing, pick, selected

__all__ = ["badge", "draw", "payload"]

RECENT_MS = 3_600_000
FILTER_LOOKS = {"all": ("", ""), "red": ("■", "red"), "yellow": ("▲", "amber"), "green": ("●", "green"), "nodata": ("◆", "grey")}
NAMES = {Light.RED: "RED", Light.YELLOW: "YELLOW", Light.GREEN: "GREEN", Light.UNKNOWN: "NO DATA"}
_RAIL = declare("radar_rail", "rail", parts=["nodes"])


def badge(entry: Entry, change: Change | None, now_ms: int) -> list[str]:
    """[text, tone, sentence] of a light that changed within the last hour and has stayed so; empty otherwise."""
    if change is None or change.after is not entry.light or now_ms - change.ts > RECENT_MS:
        return []
    since, word = words.age((now_ms - change.ts) / 1000), _face(entry).word
    was, text = look.LIGHTS[change.before].word, f"{NAMES[change.before]} → {NAMES[change.after]} {since}"
    return [text, look.LIGHTS[change.after].tone, f"was {was}, {word} for {since}"]


def _face(entry: Entry) -> look.Look:
    return look.STANCES[entry.snapshot.state] if entry.snapshot else look.Look("NO DATA", "◆", "grey")


def _row(entry: Entry, change: Change | None, now_ms: int) -> list[Any]:
    face, snapshot = _face(entry), entry.snapshot
    score, band = (words.number(snapshot.srs, 0), look.srs_tone(snapshot)) if snapshot else (words.NA, "grey")
    return [entry.watched.symbol, face.shape, face.tone, face.word, score, band, badge(entry, change, now_ms)]


def payload(
    entries: Sequence[Entry], view: View, known: Mapping[str, Change], *, now_ms: int, opened: str = "", foreign: bool = False
) -> dict[str, Any]:
    """What rail.js draws. `opened` is the symbol whose page is open, `foreign` says that the view came from a link."""
    own = selected(entries, view)
    number, shown, seen = counts(own), pick(entries, view, known), {entry.watched.symbol for entry in own}
    changed = sum(bool(badge(entry, known.get(entry.watched.symbol), now_ms)) for entry in own)
    return {
        "now": now_ms,
        "filters": [[name, f.label, number[name], *FILTER_LOOKS[name]] for name, f in FILTERS.items()],
        "show": view.show,
        "sorts": [[name, sort.label] for name, sort in SORTS.items()],
        "sort": view.sort,
        "head": f"{changed} changed in the last hour" if changed else "No change in the last hour",
        "rows": [_row(entry, known.get(entry.watched.symbol), now_ms) for entry in shown],
        "none": "" if shown or not entries else nothing(view, entries),
        "hidden": sorted(entry.watched.symbol for entry in entries if entry.watched.symbol not in seen),
        "open": opened,
        "foreign": foreign,
    }


def draw(data: dict[str, Any], key: str, on_asked: Callable[[], None]) -> str | None:
    """Draw it; `on_asked` is called with `st.session_state[key].asked` = [what, value]. The symbol that was opened, once."""
    return _RAIL(key=key, data=data, on_opened_change=lambda: None, on_asked_change=on_asked).opened
