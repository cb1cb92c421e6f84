"""One visitor's view: what it shows, how it changes, and that no link and no browser can put anything else into it."""

import pytest

from radar.models import Event, Light, Stance
from radar.ui import rail, view
from radar.ui.view import Change, View
from tests.ui.test_tiles import NOW, entry, snapshot

MINUTE = 60_000


def waits(symbol, **changes):
    """A symbol that waits."""
    return entry(snapshot(symbol=symbol, traffic_light=Light.YELLOW, state=Stance.NEUTRAL, **changes), symbol=symbol)


def names(entries):
    """Their symbols."""
    return [e.watched.symbol for e in entries]


def event(number, symbol, before, after, kind="light", ts=NOW):
    """A change as it is stored."""
    return Event(id=number, ts=ts, symbol=symbol, kind=kind, before=before, after=after, text="")


ENTRIES = [
    entry(snapshot(srs=None, funding_1h_pct=-0.5, delta_oi_1h_usdt=3.0), symbol="AUSDT"),
    entry(snapshot(srs=80, funding_1h_pct=0.1, delta_oi_1h_usdt=None), symbol="BUSDT"),
    entry(symbol="CUSDT"),
    entry(
        snapshot(srs=20, funding_1h_pct=-0.1, delta_oi_1h_usdt=9.0, traffic_light=Light.GREEN, state=Stance.SHORT_WINDOW), symbol="DUSDT"
    ),
]
WATCHED = names(ENTRIES)


def test_filters_count_what_they_show():
    """Symbols without data are listed with Red; unknown scores come last."""
    assert view.counts(ENTRIES) == {"all": 4, "red": 3, "yellow": 0, "green": 1, "nodata": 1}
    assert names(view.pick(ENTRIES, View(show="red"), {})) == ["BUSDT", "AUSDT", "CUSDT"]
    assert names(view.pick(ENTRIES, View(show="nodata"), {})) == ["CUSDT"]


@pytest.mark.parametrize(
    ("sort", "order"),
    [("srs", "BDAC"), ("funding", "ADBC"), ("oi", "DABC"), ("name", "ABCD"), ("change", "CABD")],
)
def test_every_order(sort, order):
    """Unknown is always last, and among equals the name decides."""
    known = {"CUSDT": Change(NOW, Light.RED, Light.UNKNOWN), "AUSDT": Change(NOW - 1, Light.GREEN, Light.RED)}

    assert names(view.pick(ENTRIES, View(sort=sort), known)) == [f"{letter}USDT" for letter in order]


def test_hiding_and_showing():
    """One symbol at a time; what is no longer watched is forgotten; new symbols are seen."""
    seen = view.without(View(sort="name", hidden=("GONEUSDT",)), "BUSDT", WATCHED)

    assert seen == View(sort="name", hidden=("BUSDT",))
    assert names(view.selected([*ENTRIES, waits("NEWUSDT")], seen)) == ["AUSDT", "CUSDT", "DUSDT", "NEWUSDT"]
    assert view.showing(seen, "BUSDT", WATCHED) == View(sort="name")


def test_a_links_selection_becomes_ones_own():
    """Hide or add one symbol, and the rest stays as the link had it."""
    linked = View(only=("AUSDT", "BUSDT", "ELSEWHEREUSDT"))

    assert names(view.selected(ENTRIES, linked)) == ["AUSDT", "BUSDT"]
    assert view.without(linked, "AUSDT", WATCHED) == View(hidden=("AUSDT", "CUSDT", "DUSDT"))
    assert view.showing(linked, "CUSDT", WATCHED) == View(hidden=("DUSDT",))


@pytest.mark.parametrize(
    ("seen", "sentence"),
    [
        (View(show="yellow"), "No symbol is yellow right now."),
        (View(show="green", hidden=("DUSDT",)), "None of your symbols is green right now."),
        (View(show="nodata", hidden=("CUSDT",)), "None of your symbols is without data right now."),
        (View(hidden=tuple(WATCHED)), "Your view hides every symbol."),
        (View(only=("XUSDT", "YUSDT")), "Nobody collects XUSDT, YUSDT here, which this view is made of."),
    ],
)
def test_an_empty_grid_says_why(seen, sentence):
    """The filter or the selection, and which."""
    assert view.pick(ENTRIES, seen, {}) == []
    assert view.nothing(seen, ENTRIES) == sentence


@pytest.mark.parametrize(
    "seen",
    [View(), View("red", "change"), View(hidden=("AUSDT", "币安人生USDT")), View("green", "oi", (), ("1000SHIBUSDT",))],
)
def test_a_view_survives_every_way_out(seen):
    """JSON, the browser's memory, a link: the same view comes back."""
    assert view.from_json(view.to_json(seen)) == seen
    assert view.from_text(view.to_text(seen)) == seen
    assert (view.from_query(view.to_query(seen)) or View()) == seen


def test_the_usual_view_needs_no_words_in_a_link():
    """A link without a view asks for none."""
    assert view.to_query(View()) == {}
    assert view.from_query({"demo": "1", "symbol": "AUSDT", "window": "7 d"}) is None


@pytest.mark.parametrize("text", [None, 7, "", "{", "[]", "7", "x" * 7_000, "[" * 5_000, '"red"'])
def test_what_is_no_view_is_none(text):
    """Whatever a browser's memory holds."""
    assert view.from_text(text) is None


@pytest.mark.parametrize(
    ("data", "seen"),
    [
        ({"show": ["red"], "sort": {}, "hidden": "AUSDT", "only": 7}, View()),
        ({"show": "purple", "sort": "name", "hidden": [None, 7, "<b>", "a usdt", "AUSDT", "A" * 50]}, View(sort="name", hidden=("AUSDT",))),
        ({"hidden": ["AUSDT"], "only": ["BUSDT"], "more": 1}, View(only=("BUSDT",))),
    ],
)
def test_only_what_is_known_gets_in(data, seen):
    """Words from the lists, symbols that could be symbols."""
    assert view.from_json(data) == seen


@pytest.mark.parametrize("name", ["only", "hide"])
def test_a_view_has_at_most_forty_symbols(name):
    """However many a link names, and each once."""
    found = view.from_query({name: ",".join(["TUSDT"] * 5 + [f"T{n}USDT" for n in range(500)])})

    assert len(found.only + found.hidden) == 40
    assert found.only + found.hidden == tuple(dict.fromkeys(found.only + found.hidden))


@pytest.mark.parametrize(
    "parameters",
    [{"show": "purple"}, {"only": "<img src=x>,,"}, {"sort": "\0", "hide": "-"}, {"only": ""}],
)
def test_nonsense_asks_for_nothing(parameters):
    """So the visitor's own view stays."""
    assert view.from_query(parameters) is None


def test_a_first_sighting_is_no_change():
    """Nor is a rule's change; the newest change of the light counts, also one from or to no data."""
    events = [
        event(6, "AUSDT", "CLEAR", "FIRES", kind="R1"),
        event(5, "AUSDT", "RED", "UNKNOWN", ts=NOW - MINUTE),
        event(4, "BUSDT", None, "RED"),
        event(3, "BUSDT", "GREEN", "RED"),
        event(2, "CUSDT", "PURPLE", "RED"),
        event(1, "AUSDT", "GREEN", "RED"),
    ]

    assert view.changes(events) == {"AUSDT": Change(NOW - MINUTE, Light.RED, Light.UNKNOWN), "BUSDT": None, "CUSDT": None}


@pytest.mark.parametrize(
    ("minutes", "after", "said"),
    [
        (12, Light.RED, ["YELLOW → RED 12 min", "red", "was BASIS ONLY or WAIT, NO SHORT for 12 min"]),
        (60, Light.RED, ["YELLOW → RED 60 min", "red", "was BASIS ONLY or WAIT, NO SHORT for 60 min"]),
        (61, Light.RED, []),
        (12, Light.GREEN, []),  # what is shown by now is another light
    ],
)
def test_a_badge_lasts_an_hour(minutes, after, said):
    """And only while the light stays what it changed to."""
    changed = Change(NOW - minutes * MINUTE, Light.YELLOW, after)

    assert rail.badge(entry(snapshot()), changed, NOW) == said


def test_the_list_counts_the_visitors_symbols():
    """Filters, head and hidden ones."""
    known = {name: Change(NOW - MINUTE, Light.YELLOW, Light.RED) for name in ("AUSDT", "BUSDT")}
    made = rail.payload(ENTRIES, View(show="red", sort="name", hidden=("BUSDT",)), known, now_ms=NOW, opened="AUSDT")

    assert {name: number for name, _, number, *_ in made["filters"]} == {"all": 3, "red": 2, "yellow": 0, "green": 1, "nodata": 1}
    assert made["head"] == "1 changed in the last hour"
    assert [(row[0], row[3], row[4]) for row in made["rows"]] == [("AUSDT", "NO SHORT", "n/a"), ("CUSDT", "NO DATA", "n/a")]
    assert (made["hidden"], made["open"]) == (["BUSDT"], "AUSDT")
