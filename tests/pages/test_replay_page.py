"""The replay page opens from a link, tells what is replayed, and never looks live."""

import json

import pytest

from radar.ui import replay
from tests.pages.conftest import NOW

MINUTE = NOW // 60_000
DATA = {
    "symbol": "MYXUSDT", "zone": "UTC", "simulated": False, "first": MINUTE - 3, "steps": [0, 1, 1], "marks": [1.0, None, 2.0], "lights": "111",
    "kinds": "000", "said": [], "texts": [], "fields": [], "rules": [], "parts": [], "tones": {},
}  # fmt: skip


@pytest.fixture
def asked(monkeypatch):
    """What the page asked of the past."""
    calls = []

    def replayed(*window):
        calls.append(window)
        return DATA

    monkeypatch.setattr(replay, "replayed", replayed)
    return calls


def sent(app):
    """What the player was given."""
    found = [json.loads(element.proto.json or element.proto.mixed.json) for element in app.get("bidi_component")]
    return next(data for data in found if "steps" in data)


def words(app):
    """All the words of Streamlit's own elements."""
    return " ".join(str(element.value) for kind in ("info", "text", "warning", "error") for element in getattr(app, kind))


def test_it_opens_with_the_last_day(open_page, asked):
    """24 hours that end with the last completed minute, a minute a frame."""
    app = open_page("replay", symbol="ARBUSDT")

    assert not app.exception
    assert asked[-1] == ("live", "ARBUSDT", MINUTE - 1_440, MINUTE - 1, 1, -1)
    assert (sent(app)["now"], sent(app)["at"]) == (NOW, None)


@pytest.mark.parametrize(("window", "minutes", "step"), [("6 h", 360, 1), ("48 h", 2_880, 1), ("7 d", 10_080, 5)])
def test_a_window_is_bounded(open_page, asked, window, minutes, step):
    """However long, it is at most 2,880 frames."""
    app = open_page("replay", symbol="ARBUSDT")
    app.segmented_control(key="replay_window").set_value(window).run()
    _, _, first, last, every, _ = asked[-1]

    assert (last - first + 1, every) == (minutes, step)
    assert minutes / step <= 2_880


def test_a_link_opens_at_its_moment(open_page, asked):
    """`at` is where the player begins, with six hours before it."""
    app = open_page("replay", symbol="ARBUSDT", at="2026-01-05T12:00Z" if NOW > 1_767_600_000_000 else "2025-01-05T12:00Z")

    assert sent(app)["at"] == 1_736_078_400_000
    assert asked[-1][2] == 1_736_078_400_000 // 60_000 - 360


@pytest.mark.parametrize("at", ["soon", "2199-01-01T00:00Z", "1999-01-01T00:00Z", "<b>", ""])
def test_a_link_to_no_moment_is_none(open_page, asked, at):
    """The future, the far past and nonsense open the last day."""
    app = open_page("replay", symbol="ARBUSDT", at=at)

    assert not app.exception
    assert sent(app)["at"] is None


def test_a_symbol_that_nobody_watches_gets_a_sentence(open_page, asked):
    """Nothing is stored about it, and the page says so."""
    app = open_page("replay", symbol="<b>NOSUCH")

    assert not app.exception
    assert "not on the watchlist" in words(app)
    assert asked == []


def test_the_squeeze_of_the_demo_is_one_click_away(open_page, asked, market):
    """It needs no exchange: the simulated market opens, with its squeeze."""
    market.simulated.symbols.append("SQUEEZEUSDT")
    app = open_page("replay", symbol="ARBUSDT")
    next(button for button in app.button if "squeeze" in button.label).click().run()

    assert not app.exception
    assert asked[-1][:2] == ("demo", "SQUEEZEUSDT")
    assert "SIMULATED MARKET" in " ".join(element.value for element in app.markdown)
