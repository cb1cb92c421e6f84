"""The market's page: a designed empty state, lists, map and table, and what people do arrives at the radar."""

import pytest

from radar.errors import NotWatched
from tests.market_sample import sample_market
from tests.pages.conftest import NOW, FakeRadar, snapshot
from tests.pages.test_pages import payloads, texts


@pytest.fixture
def scan(market, monkeypatch):
    """A radar that scans; `scan.answer` is replaced to change what it says."""

    def whole_market(self):
        return market.answer or sample_market(now_ms=NOW, watched=tuple(self.symbols))

    def answer(self, symbol):
        if symbol in self.symbols or symbol == "SIRENUSDT":
            return snapshot(symbol)
        raise NotWatched(f"{symbol} is not on the watchlist.")

    market.answer = None
    monkeypatch.setattr(FakeRadar, "whole_market", whole_market, raising=False)
    monkeypatch.setattr(FakeRadar, "snapshot", answer, raising=False)
    return market


def lists(app):
    """Title → rows of what market.js draws."""
    return {found["title"]: found["rows"] for data in payloads(app) for found in data.get("lists", [])}


def table(app):
    """The frame that is drawn."""
    return app.dataframe[0].value


def test_the_page_shows_the_whole_market(open_page, scan):
    """Two rankings, the changes, the map, the table, no error."""
    app = open_page("market")

    assert not app.exception
    assert set(lists(app)) == {"Most dangerous to be short", "Windows opening", "Changed in the last hour"}
    assert [len(data["points"]) > 100 for data in payloads(app) if "points" in data] == [True]
    assert len(table(app)) == 120


@pytest.mark.parametrize(("on", "count", "words"), [(False, 120, ("RADAR_SCAN=on", "0\\.9 GB")), (True, 0, ("first scan is under way", "five minutes"))])
def test_nothing_to_show_says_why_and_what_to_do(open_page, scan, on, count, words):
    """Scan off, or not there yet: a sentence, no empty lists."""
    scan.answer = sample_market(count, on=on, why="This host has 0.9 GB of memory.")
    app = open_page("market")

    assert not app.exception
    assert all(word in texts(app) for word in words)
    assert not lists(app)
    assert not app.dataframe


def test_filters_narrow_the_table(open_page, scan):
    """By widget; the link follows, and the count says how many are left."""
    app = open_page("market")
    app.text_input(key="m_find").set_value("siren").run()

    assert list(table(app).index) == ["SIRENUSDT"]
    assert "**1** of 120 perpetuals" in texts(app)
    assert app.query_params["find"] == "siren"


def test_a_link_brings_its_filters(open_page, scan):
    """And the widgets show them."""
    app = open_page("market", light="GREEN", spot="yes", volume="nonsense")

    assert not app.exception
    assert {light for (light,) in table(app)["traffic_light"]} == {"● SHORT WINDOW"}
    assert app.pills(key="m_light").value == ["GREEN"]
    assert app.selectbox(key="m_volume").value == 0


def test_no_row_passes(open_page, scan):
    """A sentence instead of an empty table."""
    assert "No perpetual passes these filters." in texts(open_page("market", find="NOSUCH"))


def test_columns_are_chosen(open_page, scan):
    """The two buttons stay."""
    app = open_page("market")
    app.pills(key="m_columns").set_value(["srs"]).run()

    assert list(table(app).columns) == ["open", "watch", "srs"]


def test_who_may_not_write_is_told(open_page, scan, monkeypatch):
    """The buttons that watch carry the reason."""
    monkeypatch.setattr("radar.ui.parts.may_write_page", lambda *_: (False, "Changes need the password."))
    app = open_page("market")

    assert {data["why"] for data in payloads(app) if "lists" in data} == {"Changes need the password."}


def test_a_scanned_symbol_has_a_page(open_page, scan):
    """The scan's light and its reasons, what is missing, and the way to have it; nothing that needs a watched symbol."""
    app = open_page("symbol", symbol="SIRENUSDT")

    assert not app.exception
    assert "Seen by the scan every 10 s" in texts(app)
    heroes = [data["hero"] for data in payloads(app) if data.get("hero")]
    assert [(hero["symbol"], hero["light"]) for hero in heroes] == [("SIRENUSDT", "■ NO SHORT")]
    titles = {card["title"] for data in payloads(app) for card in data.get("cards", [])}
    assert "Why RED?" in titles
    assert "Order book" not in titles
    assert not [toggle for toggle in app.toggle if toggle.key == "in_position"]


def test_a_scanned_symbol_is_watched_from_its_page(open_page, scan, monkeypatch):
    """One click; then it is a watched symbol's page."""
    monkeypatch.setattr(FakeRadar, "watch", lambda self, text: self.symbols.append(text) or self.watchlist()[-1])
    app = open_page("symbol", symbol="SIRENUSDT")
    app.button(key="watch_symbol").click().run()

    assert not app.exception
    assert scan.symbols == ["MYXUSDT", "ARBUSDT", "SIRENUSDT"]
    assert "Seen by the scan" not in texts(app)


def test_a_symbol_that_nobody_saw_has_no_page(open_page, scan):
    """As before: a sentence, and the way to watch it."""
    app = open_page("symbol", symbol="NOSUCHUSDT")

    assert "not on the watchlist" in texts(app)
    assert not [data for data in payloads(app) if data.get("hero")]
