"""Each page opens, says what it must, and what people do arrives at the radar."""

import json

import pytest

from radar.models import VenueHealth
from radar.thresholds import Thresholds


def texts(app):
    """All the words that Streamlit's own elements show."""
    kinds = ("markdown", "caption", "info", "warning", "error", "success", "subheader", "text")
    return " ".join(str(element.value) for kind in kinds for element in getattr(app, kind))


def payloads(app):
    """What the components were given, but for the bytes of the charts."""
    given = [element.proto.json or element.proto.mixed.json for element in app.get("bidi_component")]
    return [json.loads(text) for text in given if text]


@pytest.mark.parametrize("name", ["watchlist", "symbol", "thresholds", "about"])
def test_every_page_opens(open_page, name):
    """Without an exception, under one header."""
    app = open_page(name)

    assert not app.exception
    assert "LIVE" in texts(app)
    assert "412" in texts(app)


def test_the_grid_is_one_component(open_page):
    """One payload for all tiles."""
    grids = [data for data in payloads(open_page()) if "tiles" in data]

    assert [[tile["s"] for tile in data["tiles"]] for data in grids] == [["ARBUSDT", "MYXUSDT"]] or [
        [tile["s"] for tile in data["tiles"]] for data in grids
    ] == [["MYXUSDT", "ARBUSDT"]]


def test_an_empty_watchlist_invites(open_page, market):
    """Nothing watched: it says what to do, and one click does it."""
    market.symbols.clear()
    app = open_page()

    assert "The watchlist is empty" in texts(app)
    app.button(key="invite_ORCAUSDT").click().run()
    assert market.symbols == ["ORCAUSDT"]


def test_who_may_not_write_is_invited_to_the_demo(open_page, market, monkeypatch):
    """The buttons that would write are off, with the reason."""
    monkeypatch.setattr("radar.ui.parts.may_write_page", lambda *_: (False, "Changes need the password."))
    market.symbols.clear()
    app = open_page()

    assert all(button.disabled for button in app.button if button.key.startswith("invite_") and button.key != "invite_demo")
    assert not app.button(key="invite_demo").disabled
    assert r"Changes need the password\." in texts(app)


def test_nothing_was_ever_read_and_the_location_is_refused(open_page, market):
    """No grid of empty tiles: what can be done instead."""
    market.status, market.symbols = "blocked", ["ORCAUSDT"]

    assert "There is no market to show from here" in texts(open_page())


def test_adding_a_symbol(open_page, market):
    """Typed, stored, shown."""
    app = open_page()
    app.selectbox(key="adding").set_value("ORCAUSDT").run()

    assert market.symbols == ["MYXUSDT", "ARBUSDT", "ORCAUSDT"]
    assert not app.exception


def test_a_wrong_symbol_gets_a_sentence_and_the_nearest(open_page, market):
    """Markup in the input stays text; the nearest match is one click away."""
    app = open_page()
    app.selectbox(key="adding").set_value("<b>*x*</b> · no spot").run()

    assert r"\<b\>\*x\*\</b\> is not tradable\." in app.error[0].value
    app.button(key="nearest_ORCAUSDT").click().run()
    assert "ORCAUSDT" in market.symbols
    assert not app.error


def test_a_full_watchlist_says_so(open_page):
    """The sentence of the radar is shown."""
    app = open_page()
    app.selectbox(key="adding").set_value("FULLUSDT · no spot").run()

    assert "The watchlist is full" in app.error[0].value


def test_the_demo_is_never_taken_for_real(open_page, market):
    """A link with demo=1 shows the banner, on every page."""
    for name in ("watchlist", "about"):
        app = open_page(name, demo="1")
        assert "SIMULATED MARKET" in texts(app)
        assert "DEMO" in texts(app)


def test_blocked_says_why_and_offers_the_demo(open_page, market):
    """One plain sentence, one button, and the button works; the last good answer has a time."""
    market.status, market.sentence = "blocked", "Binance does not serve this location (HTTP 451)."
    app = open_page()

    assert r"Binance does not serve this location \(HTTP 451\)\." in texts(app)
    assert "Last good answer: **" in texts(app)
    app.button(key="open_demo").click().run()
    assert "SIMULATED MARKET" in texts(app)


def test_notices_are_shown(open_page, market):
    """A full disk is announced."""
    market.notices = ("The disk is full.",)

    assert "The disk is full" in open_page().warning[0].value


EXCHANGES = ("binance", "bybit", "gate")


def health(*states):
    """Three exchanges in these states."""
    return tuple(
        VenueHealth(venue=name, state=state, latency_ms=50.0, last_ok_ms=None, sentence="")
        for name, state in zip(EXCHANGES, states, strict=True)
    )


def test_the_header_counts_the_exchanges(open_page, market):
    """And names those that do not answer."""
    market.venue_health = health("ok", "blocked", "down")

    assert "exchanges **1/3** (Gate down, Bybit refused here)" in texts(open_page())


def test_an_exchange_that_is_down_gets_a_quiet_line(open_page, market):
    """It names the exchange and what that means; nothing shouts."""
    market.venue_health = health("ok", "blocked", "down")
    app = open_page()

    assert "Gate does not answer: perp dominance may be an upper bound" in texts(app)
    assert "Bybit refuses this location and counts as not configured" in texts(app)
    assert not app.warning
    assert not app.error


def test_exchanges_that_answer_get_no_line(open_page, market):
    """All is well, nothing is said."""
    market.venue_health = health("ok", "ok", "slow")

    assert "upper bound" not in texts(open_page())


def test_the_exchanges_stand_on_the_about_page(open_page, market):
    """One row each."""
    market.venue_health = health("ok", "blocked", "down")
    said = json.dumps(payloads(open_page("about")), ensure_ascii=False)

    assert all(word in said for word in ("Exchanges", "REFUSES THIS LOCATION", "DOWN", "1/3 answer"))


def test_the_coin_is_compared_across_exchanges(open_page):
    """Perpetuals and spot on the symbol's page; a coin without spot has no basis trade."""
    said = json.dumps(payloads(open_page("symbol", symbol="MYXUSDT")), ensure_ascii=False)

    assert "Perpetuals side by side" in said
    assert "Spot by exchange" in said
    assert "Basis trade" not in said


def test_the_basis_trade_is_reckoned_as_asked(open_page, market):
    """Hours and costs of the form reach the radar; before that, 24 h and 0.40 %."""
    app = open_page("symbol", symbol="ARBUSDT")
    app.number_input(key="carry_hours").set_value(72.0)
    app.number_input(key="carry_costs").set_value(0.55)
    next(button for button in app.button if button.label == "Reckon the basis trade").click().run()

    assert not app.exception
    assert market.asked == [("ARBUSDT", 24.0, 0.4), ("ARBUSDT", 72.0, 0.55)]
    assert "Net after 72 h" in json.dumps(payloads(app))


def test_the_symbol_page_says_why(open_page):
    """Hero and reasons; no form for a coin that cannot be borrowed."""
    app = open_page("symbol", symbol="MYXUSDT")
    said = json.dumps(payloads(app), ensure_ascii=False)

    assert "Why RED?" in said
    assert "No spot market: a short cannot be hedged." in said
    assert not app.number_input


def test_a_symbol_that_nobody_watches(open_page):
    """The link is answered, and the symbol can be added."""
    app = open_page("symbol", symbol="ORCAUSDT")

    assert "not on the watchlist" in texts(app)


def test_a_threshold_is_saved(open_page, market):
    """Only what differs is stored."""
    app = open_page("thresholds")
    app.number_input(key="live All symbols r2_dom_min").set_value(80.0)
    next(button for button in app.button if button.label == "Save").click().run()

    assert market.changes == {None: {"r2_dom_min": 80.0}}
    assert not app.exception


def test_a_wrong_threshold_gets_a_sentence(open_page, market):
    """What the radar refuses is said, and nothing is stored."""
    app = open_page("thresholds")
    app.number_input(key="live All symbols r2_dom_min").set_value(180.0)
    next(button for button in app.button if button.label == "Save").click().run()

    assert "must be at most 100" in app.error[0].value
    assert not market.changes


def test_every_threshold_is_on_the_page(open_page):
    """None is forgotten."""
    app = open_page("thresholds")
    keys = {widget.key.removeprefix("live All symbols ") for widget in (*app.number_input, *app.toggle) if widget.key}

    assert keys >= set(Thresholds.model_fields)


def test_writing_without_the_right_is_refused(open_page, market, monkeypatch):
    """Not only greyed out: the radar is never called."""
    app = open_page()
    monkeypatch.setattr("radar.ui.parts.may_write_page", lambda *_: (False, "Changes need the password."))
    app.selectbox(key="adding").set_value("ORCAUSDT").run()

    assert market.symbols == ["MYXUSDT", "ARBUSDT"]
    assert "Changes need the password" in texts(app)


def test_the_disclaimer_is_word_for_word(open_page):
    """PRD §20."""
    assert "it must not be used to plan or perform market manipulation" in texts(open_page("about"))


def test_a_page_that_fails_keeps_its_frame(open_page, market, monkeypatch):
    """The header still says how the radar is doing, the left panel still leads elsewhere, and the error is not swallowed."""
    monkeypatch.setattr(market, "overrides", lambda _symbol: 1 / 0)
    app = open_page("thresholds")

    assert len(app.exception) == 1
    assert "freshness p50" in texts(app)
    assert app.selectbox(key="adding") is not None
