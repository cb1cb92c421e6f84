"""The left panel: what a visitor types, hides and is refused, and what a link asks for."""

import pytest
from streamlit.testing.v1 import AppTest

from radar.models import Event
from radar.ui import reads
from radar.ui.view import View
from tests.pages.conftest import NOW
from tests.pages.test_pages import payloads, texts


def panel(app):
    """What the list was given."""
    return next(data for data in payloads(app) if "filters" in data)


def listed(app):
    """Symbols of the list."""
    return [row[0] for row in panel(app)["rows"]]


def tiles(app):
    """Symbols of the grid."""
    return [tile["s"] for data in payloads(app) if "tiles" in data for tile in data["tiles"]]


def test_a_link_sets_list_and_grid(open_page):
    """Filter, order and selection, on the first run."""
    app = open_page(only="ARBUSDT,NOSUCHUSDT", sort="name", show="red")

    assert (listed(app), tiles(app)) == (["ARBUSDT"], ["ARBUSDT"])
    assert panel(app)["hidden"] == ["MYXUSDT"]
    assert (panel(app)["show"], panel(app)["sort"]) == ("red", "name")


@pytest.mark.parametrize("query", [{"show": "purple"}, {"only": "<img>"}, {"hide": ",,", "sort": ""}])
def test_nonsense_shows_everything(open_page, query):
    """And raises nothing."""
    app = open_page(**query)

    assert not app.exception
    assert set(tiles(app)) == {"MYXUSDT", "ARBUSDT"}


def test_the_view_stays_from_page_to_page(open_page):
    """The list is the same everywhere, and the open symbol is marked."""
    app = open_page("symbol", symbol="MYXUSDT", hide="ARBUSDT")
    app.switch_page("about.py")
    del app.query_params["hide"]  # as a click on the page's name does
    app.run()

    assert listed(app) == ["MYXUSDT"]
    assert app.query_params["hide"] == "ARBUSDT"
    assert panel(open_page("symbol", symbol="MYXUSDT"))["open"] == "MYXUSDT"


def test_a_demo_link_stays_a_demo_link(open_page):
    """What other code reads in the address is left alone."""
    app = open_page("symbol", symbol="MYXUSDT", demo="1", show="red", window="7 d")

    assert {name: app.query_params[name] for name in ("symbol", "demo", "show", "window")} == {
        "symbol": "MYXUSDT", "demo": "1", "show": "red", "window": "7 d",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "sentence"), [({"show": "green"}, "No symbol is green"), ({"hide": "ARBUSDT,MYXUSDT"}, "Your view hides every")]
)
def test_an_empty_grid_offers_a_way_back(open_page, query, sentence):
    """Why it is empty, and one button."""
    app = open_page(**query)

    assert tiles(app) == []
    assert sentence in texts(app)
    app.button(key="show_all").click().run()
    assert set(tiles(app)) == {"MYXUSDT", "ARBUSDT"}


@pytest.mark.parametrize("typed", ["ARBUSDT · no spot", "<b>*x*</b> · no spot"])
def test_whoever_may_not_write_may_look(open_page, market, monkeypatch, typed):
    """What is collected is shown; anything else is refused with the reason."""
    monkeypatch.setattr("radar.ui.parts.may_write_page", lambda *_: (False, "Changes need the password."))
    monkeypatch.setattr(market, "available", lambda: [{"symbol": name, "has_spot": False} for name in ("ARBUSDT", "<b>*x*</b>")])
    app = open_page(hide="ARBUSDT")
    app.selectbox(key="adding").set_value(typed.replace(" · no spot", " · no spot · hidden") if "ARB" in typed else typed).run()

    assert market.symbols == ["MYXUSDT", "ARBUSDT"]
    assert ("ARBUSDT" in tiles(app)) is ("ARB" in typed)
    assert bool(app.error) is ("ARB" not in typed)


def test_a_new_symbol_needs_the_right_and_says_so(open_page, market, monkeypatch):
    """One sentence with the symbol, what it would be, and what is missing."""
    monkeypatch.setattr("radar.ui.parts.may_write_page", lambda *_: (False, "Changes need the password."))
    app = open_page()
    app.selectbox(key="adding").set_value("ORCAUSDT").run()

    assert app.error[0].value.startswith("Nobody collects ORCAUSDT here yet")
    assert r"Changes need the password\." in app.error[0].value


def test_an_unknown_list_says_so(open_page, market, monkeypatch):
    """Before any exchange has answered."""
    monkeypatch.setattr(market, "available", list)

    assert "No exchange has answered yet" in texts(open_page())


def event(number, symbol, before, after, ts, kind="light"):
    """A change as it is stored."""
    return Event(id=number, ts=ts, symbol=symbol, kind=kind, before=before, after=after, text="")


def test_a_changed_light_has_a_badge(open_page, market, monkeypatch):
    """From the events, by the exchange's clock."""
    found = [event(2, "ARBUSDT", None, "RED", NOW - 60_000), event(1, "MYXUSDT", "GREEN", "RED", NOW - 600_000)]
    monkeypatch.setattr(market, "events", lambda symbol=None, limit=100, before=None: found if before is None else [])
    made = panel(open_page(sort="change"))

    assert made["head"] == "1 changed in the last hour"
    assert [(row[0], row[6][:1]) for row in made["rows"]] == [("MYXUSDT", ["GREEN → RED 10 min"]), ("ARBUSDT", [])]


def test_events_are_read_once(market, monkeypatch):
    """The first read looks far back, the next ones only at the newest page."""
    stored = [
        event(n, "MYXUSDT", "GREEN" if n == 1 else "CLEAR", "RED" if n == 1 else "FIRES", NOW, "light" if n == 1 else "R1")
        for n in range(300, 0, -1)
    ]
    asked = []

    def events(symbol=None, limit=100, before=None):
        asked.append(limit)
        return [e for e in stored if before is None or e.id < before][:limit]

    monkeypatch.setattr(market, "events", events)

    assert reads.changes("live")["MYXUSDT"].after == "RED"
    first, asked[:] = len(asked), []
    reads.changes.clear()
    assert reads.changes("live")["MYXUSDT"].after == "RED"
    assert (first, asked) == (3, [50])


def test_a_profile_can_load_a_view(market):
    """What is applied is current, stands in the link, and is given to the browser to keep."""

    def script():
        from radar.ui import memory  # noqa: PLC0415 - AppTest takes the function's text alone
        from radar.ui.view import View  # noqa: PLC0415

        memory.begin()
        memory.apply(View(show="red", hidden=("ARBUSDT",)))
        memory.remember()

    app = AppTest.from_function(script, default_timeout=20).run()

    assert app.session_state.view == {"live": View(show="red", hidden=("ARBUSDT",))}
    assert app.query_params == {"show": "red", "hide": "ARBUSDT"}
    assert payloads(app)[0]["keep"] == [["live", '{"show":"red","sort":"srs","hidden":["ARBUSDT"],"only":[]}']]
