"""One visitor's view of the watchlist: which symbols, which filter, which order. Pure; what browsers and links say is checked here."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from radar.errors import MalformedSymbol
from radar.models import Event, Light
from radar.symbols import clean_symbol

if TYPE_CHECKING:
    from radar.ui.tiles import Entry

__all__ = [
    "FILTERS", "PARAMETERS", "SORTS", "Change", "Filter", "Sort", "View", "changes", "counts", "from_json", "from_query", "from_text", "nothing",
    "pick", "selected", "showing", "to_json", "to_query", "to_text", "without",
]  # fmt: skip

MOST = 40  # symbols of a view, as many as the watchlist holds
LONGEST = 6_000  # characters that are read of a link or of a browser's memory
PARAMETERS = ("show", "sort", "only", "hide")


class View(NamedTuple):
    """What one visitor wants to see. `only` comes from links and rules over `hidden`; the first change of the selection turns it into `hidden`."""

    show: str = "all"
    sort: str = "srs"
    hidden: tuple[str, ...] = ()
    only: tuple[str, ...] = ()


class Change(NamedTuple):
    """The newest change of a symbol's light."""

    ts: int
    before: Light
    after: Light


class Filter(NamedTuple):
    """A filter's name on screen, and the lights it lets through."""

    label: str
    lights: tuple[Light, ...]


class Sort(NamedTuple):
    """An order's name on screen, and what it sorts by."""

    label: str
    key: Callable[["Entry", Mapping[str, Change]], Any]


FILTERS = {
    "all": Filter("All", tuple(Light)),
    "red": Filter("Red", (Light.RED, Light.UNKNOWN)),
    "yellow": Filter("Yellow", (Light.YELLOW,)),
    "green": Filter("Green", (Light.GREEN,)),
    "nodata": Filter("No data", (Light.UNKNOWN,)),
}


def _by(name: str, sign: int) -> Callable[["Entry", Mapping[str, Change]], Any]:
    """Rising for 1, falling for −1; unknown last."""

    def key(entry: "Entry", _: Mapping[str, Change]) -> tuple[bool, float]:
        value = getattr(entry.snapshot, name, None)
        return (value is None, sign * value if value is not None else 0.0)

    return key


def _newest(entry: "Entry", known: Mapping[str, Change]) -> tuple[int, str]:
    symbol = entry.watched.symbol
    return (-known[symbol].ts if symbol in known else 0, symbol)


SORTS = {
    "srs": Sort("SRS, highest first", _by("srs", -1)),
    "funding": Sort("Funding, lowest first", _by("funding_1h_pct", 1)),
    "oi": Sort("ΔOI 1h, largest first", _by("delta_oi_1h_usdt", -1)),
    "name": Sort("Name", lambda entry, _: entry.watched.symbol),
    "change": Sort("Last change of light first", _newest),
}


# ── what is seen ──
def _sees(view: View, symbol: str) -> bool:
    return symbol in view.only if view.only else symbol not in view.hidden


def selected(entries: Iterable["Entry"], view: View) -> list["Entry"]:
    """The visitor's own symbols, whatever their light."""
    return [entry for entry in entries if _sees(view, entry.watched.symbol)]


def counts(entries: Sequence["Entry"]) -> dict[str, int]:
    """How many symbols each filter shows."""
    return {name: sum(entry.light in lights for entry in entries) for name, (_, lights) in FILTERS.items()}


def pick(entries: Iterable["Entry"], view: View, known: Mapping[str, Change]) -> list["Entry"]:
    """The entries that the view shows, in its order; `known` are the changes of lights."""
    lights, key = FILTERS[view.show].lights, SORTS[view.sort].key
    return sorted((entry for entry in selected(entries, view) if entry.light in lights), key=lambda entry: key(entry, known))


def nothing(view: View, entries: Sequence["Entry"]) -> str:
    """Why the view shows no symbol although some are watched, in one sentence."""
    if mine := selected(entries, view):
        whose = "None of your symbols" if len(mine) < len(entries) else "No symbol"
        return f"{whose} is {'without data' if view.show == 'nodata' else FILTERS[view.show].label.lower()} right now."
    if view.only:
        return f"Nobody collects {', '.join(view.only[:5])}{' and others' if len(view.only) > 5 else ''} here, which this view is made of."
    return "Your view hides every symbol." if len(entries) > 1 else f"Your view hides {entries[0].watched.symbol}."


def changes(events: Iterable[Event]) -> dict[str, Change | None]:
    """The newest change of each symbol's light, from events newest first; None where the newest is a first sighting, which is no change."""
    found: dict[str, Change | None] = {}
    for event in events:
        if event.kind == "light" and event.symbol not in found:
            told = event.before is not None and {event.before, event.after} <= {light.value for light in Light}
            found[event.symbol] = Change(event.ts, Light(event.before), Light(event.after)) if told else None
    return found


# ── changing the selection ──
def without(view: View, symbol: str, watched: Iterable[str]) -> View:
    """The view with `symbol` hidden; what is no longer watched is forgotten."""
    hidden = [name for name in watched if name == symbol or not _sees(view, name)]
    return view._replace(hidden=tuple(hidden[:MOST]), only=())


def showing(view: View, symbol: str, watched: Iterable[str]) -> View:
    """The view with `symbol` in it again."""
    hidden = [name for name in watched if name != symbol and not _sees(view, name)]
    return view._replace(hidden=tuple(hidden[:MOST]), only=())


# ── in and out ──
def _symbols(found: Iterable[Any]) -> tuple[str, ...]:
    """Well-formed symbols, each once, at most 40; what is none is dropped."""
    kept: dict[str, None] = {}
    for text in found:
        if len(kept) == MOST:
            break
        try:
            kept[clean_symbol(text)] = None
        except (MalformedSymbol, TypeError):
            continue
    return tuple(kept)


def _list(data: Any) -> tuple[str, ...]:
    return _symbols(data[: 10 * MOST]) if isinstance(data, list) else ()


def _known(word: Any, words: Mapping[str, Any], otherwise: str) -> str:
    return word if isinstance(word, str) and word in words else otherwise


def to_json(view: View) -> dict[str, Any]:
    """The view as plain JSON; the same view gives the same JSON."""
    return {"show": view.show, "sort": view.sort, "hidden": list(view.hidden), "only": list(view.only)}


def from_json(data: Any) -> View | None:
    """The view that `to_json` gave. Untrusted: what is unknown falls back to the default; None when it is no view at all."""
    if not isinstance(data, dict):
        return None
    only = _list(data.get("only"))
    return View(
        _known(data.get("show"), FILTERS, "all"), _known(data.get("sort"), SORTS, "srs"), () if only else _list(data.get("hidden")), only
    )


def to_text(view: View) -> str:
    """For the browser's memory."""
    return json.dumps(to_json(view), ensure_ascii=False, separators=(",", ":"))


def from_text(text: Any) -> View | None:
    """What the browser remembered; None when that is no view."""
    if not isinstance(text, str) or len(text) > LONGEST:
        return None
    try:
        return from_json(json.loads(text))
    except (ValueError, RecursionError):
        return None


def to_query(view: View) -> dict[str, str]:
    """The view in a link; what is as usual is left out."""
    said = {"show": view.show, "sort": view.sort, "only": ",".join(view.only), "hide": ",".join(view.hidden)}
    usual = {"show": "all", "sort": "srs", "only": "", "hide": ""}
    return {name: value for name, value in said.items() if value != usual[name]}


def from_query(parameters: Mapping[str, str]) -> View | None:
    """The view that a link asks for; None when it asks for none. Untrusted, like `from_json`."""
    only, hidden = (_symbols(str(parameters.get(name, ""))[:LONGEST].split(",")) for name in ("only", "hide"))
    show, sort = parameters.get("show"), parameters.get("sort")
    if not (only or hidden or show in FILTERS or sort in SORTS):
        return None
    return View(_known(show, FILTERS, "all"), _known(sort, SORTS, "srs"), () if only else hidden, only)
