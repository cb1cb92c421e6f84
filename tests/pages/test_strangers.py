"""What a stranger can do to a radar through its pages: read. Everything drawn is pressed, switched and typed into, over a real radar."""

import ast
import gc
from types import SimpleNamespace

import pytest
import streamlit as st
from pydantic import SecretStr
from streamlit.runtime.state import widgets
from streamlit.runtime.state.common import WidgetMetadata
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Widget

from radar.backtest_runs import Runs
from radar.service import Radar
from radar.throttle import GUESSES_A_MINUTE, Guesses
from radar.ui import entrance, reads
from tests.pages.conftest import opened
from tests.serving import ROOT, Driven

WRITES = {
    "add_profile", "clear_borrow", "drop_market_alert", "remove_profile", "rename_profile", "reset_alert_policy", "reset_preset", "reset_thresholds",
    "resume_alerts", "set_alert_policy", "set_borrow", "set_market_alert", "set_position", "set_preset", "set_thresholds", "set_view", "test_channel",
    "unwatch", "watch",
}  # fmt: skip
READS = {
    "alert_overrides", "alert_policy", "alerts", "alerts_csv", "alerts_paused", "available", "both", "channel_complaints", "channel_problems", "channels",
    "courier", "events", "export", "health", "is_fresh", "is_scanned", "is_watched", "manual_borrow", "market_alerts", "marks", "measured", "now_ms",
    "overrides", "positions", "preset", "profiles", "progress", "rehearse", "series", "settlements", "snapshot", "snapshots", "suggestions", "stuck_sec",
    "thresholds", "tile_history", "unseen", "venues", "view", "vitals", "watchlist", "whole_market",
}  # fmt: skip
OF_THE_PROCESS = {"ask_to_stop", "close"}
PAGES = ("watchlist", "market", "symbol", "alerts", "replay", "backtest", "thresholds", "about")
CALLERS = {  # who on the pages writes; whoever is new here asks `parts.allowed` first, and test_a_stranger_changes_nothing presses it
    "pages/alerts.py": {"resume", "try_channel", "save", "reset", "release"},
    "pages/backtest.py": {"start"},
    "pages/symbol.py": {"hold", "save_borrow", "watch"},
    "pages/market.py": {"watch"},
    "pages/thresholds.py": {"save", "reset"},
    "radar/ui/market_alerts.py": {"switch", "delete", "save"},
    "radar/ui/profiles.py": {"keep_view", "_create", "_rename", "_delete"},
    "radar/ui/sidebar.py": {"_add", "_remove_box"},
    "radar/ui/trouble.py": {"_watch"},
    "radar/ui/watching.py": {"watch"},
}
DEEP = {"name": "deep", "conditions": ["funding_1h_pct <= -0.2"]}
SYMBOL = "CALMUSDT"


@pytest.fixture(scope="module")
def driven(tmp_path_factory):
    """A real radar over the simulated market, with something of everything that can be changed."""
    made = Driven(tmp_path_factory.mktemp("strangers"), watchlist=("CALMUSDT", "SQUEEZEUSDT"), password=SecretStr("opens up"))
    made.run(8)
    made.live.set_market_alert(DEEP)
    made.live.add_profile("Ann")
    made.live.set_position(SYMBOL, True)
    made.live.set_thresholds(None, {"srs_red": 80})
    made.live.set_borrow(SYMBOL, 12.0)
    yield made
    made.close()


@pytest.fixture
def market(driven, monkeypatch):
    """That radar behind the pages; what is asked to write is noted in `written`, and not done."""
    monkeypatch.setattr(type(driven.live.user), "alerts_paused", property(lambda _: "The file was damaged."))
    written = []

    for name in WRITES:
        monkeypatch.setattr(driven.live, name, lambda *_, name=name, **__: written.append(name) or SimpleNamespace(symbol=SYMBOL, ok=True, sentence=""))
    monkeypatch.setattr(Runs, "start", lambda *_: written.append("backtest"))
    runtime = SimpleNamespace(live=driven.live, demo=lambda: driven.live, settings=driven.settings)
    monkeypatch.setattr(reads, "get_runtime", lambda: runtime)
    monkeypatch.setattr(Widget, "_assert_can_interact", lambda _: None)  # Streamlit holds grey buttons to be locked, here they are not:
    monkeypatch.setattr(widgets, "WidgetMetadata", lambda *args, **more: WidgetMetadata(*args, **more | {"disabled": False}))  # the pages ask by themselves
    monkeypatch.setattr("radar.own_record.own_record", lambda _radar: None)
    monkeypatch.setattr(entrance, "GUESSES", Guesses("password", now=driven.clock.monotonic))
    st.cache_data.clear()
    st.cache_resource.clear()
    return SimpleNamespace(driven=driven, written=written, radar=driven.live)


def used(app):
    """Everything on the page is switched, chosen and typed into, every button pressed, one after the other, greyed out or not."""
    for key in [button.key for button in app.button if not button.label.startswith(("Lock", "Log", "Open", "Replay", "Demo"))]:
        for toggle in app.toggle:
            if toggle.key not in ("refresh_switch", "demo_switch"):
                toggle.set_value(not toggle.value)
        for number in app.number_input:
            number.set_value((number.value or 1) + 1)
        for text in app.text_input:
            if text.key != "password_typed":
                text.set_value("NEW")
        if button := next((button for button in app.button if button.key == key), None):
            button.click()
        app.run()
    adding = app.selectbox(key="adding")
    adding.set_value(adding.options[0]).run()
    return app


def test_every_method_of_the_radar_is_known_to_write_or_not():
    """A new method is put into a table, and if it writes, the tests below look for the ways to it."""
    public = {name for name in dir(Radar) if not name.startswith("_")}

    assert public == WRITES | READS | OF_THE_PROCESS | (public & {"clock", "name"})
    assert not WRITES & READS


def test_every_place_on_the_pages_that_writes_is_known():
    """Code of pages that calls a writing method stands in the table CALLERS."""
    found = {}
    for file in (*ROOT.glob("pages/*.py"), *ROOT.glob("radar/ui/*.py")):
        for function in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(function, ast.FunctionDef):
                continue
            for node in ast.walk(function):
                starts = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and (node.value.id, node.attr) == ("runs", "start")
                if starts or (isinstance(node, ast.Attribute) and node.attr in WRITES):
                    found.setdefault(file.relative_to(ROOT).as_posix(), set()).add(function.name)

    assert found == CALLERS


@pytest.mark.fault("F62")
@pytest.mark.parametrize("name", PAGES)
def test_a_stranger_changes_nothing(market, name):
    """Every switch, field and button of the page, greyed out or not, is used without the right: the radar is never asked to write."""
    query = {"symbol": SYMBOL} if name in ("symbol", "replay") else {}
    app = used(opened(name, **query))

    assert market.written == []
    assert not app.exception


def noted(market, method):
    """The real method, noted."""

    def call(*args, **more):
        market.written.append(method)
        return getattr(Radar, method)(market.radar, *args, **more)

    return call


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("symbol", {"watch", "set_borrow", "set_position"}),
        ("alerts", {"resume_alerts", "set_alert_policy", "set_market_alert"}),
        ("thresholds", {"set_thresholds"}),
        ("backtest", {"backtest", "watch"}),
    ],
)
def test_the_same_presses_write_for_the_owner(market, monkeypatch, name, asked):
    """Else the test before would prove nothing."""
    monkeypatch.setattr("radar.ui.parts.may_write_page", lambda *_: (True, ""))
    for method in WRITES:
        monkeypatch.setattr(market.radar, method, noted(market, method))
    used(opened(name, **({"symbol": SYMBOL} if name == "symbol" else {})))

    assert asked <= set(market.written)


@pytest.mark.fault("F62")
def test_without_a_password_it_says_how_to_change_that(market, monkeypatch):
    """Neither password nor editors: read-only, and a sentence with the variable; there is no field to guess in."""
    bare = market.driven.settings.model_copy(update={"password": None})
    monkeypatch.setattr(reads.get_runtime(), "settings", bare)
    app = opened()

    assert any("RADAR\\_PASSWORD" in caption.value for caption in app.caption)
    assert [text.key for text in app.text_input if text.key == "password_typed"] == []


def test_the_password_opens_this_session_alone_and_can_be_locked_again(market):
    """It is kept in this session's memory; another visitor is a stranger still."""
    app, other = opened("thresholds"), opened("thresholds")
    app.text_input(key="password_typed").set_value("opens up").run()
    other.run()

    assert not app.number_input[0].disabled
    assert other.number_input[0].disabled
    assert app.session_state.unlocked
    assert app.session_state.password_typed == ""
    app.button(key="lock").click().run()
    assert app.number_input[0].disabled


@pytest.mark.fault("F62")
def test_guessing_the_password_takes_for_ever(market):
    """Five wrong ones, then a wait that counts for every new session of this address, also for the right one; it ends."""
    for guess in range(GUESSES_A_MINUTE):
        app = opened("about")
        app.text_input(key="password_typed").set_value(f"guess {guess}").run()
        assert [error.value for error in app.error] == ["That is not the password."]
    app = opened("about")
    app.text_input(key="password_typed").set_value("opens up").run()

    assert [error.value for error in app.error] == ["Too many wrong passwords: try again in 12 s."]
    assert not app.session_state.unlocked
    market.driven.clock.advance(12)
    app.text_input(key="password_typed").set_value("opens up").run()
    assert app.session_state.unlocked


@pytest.mark.parametrize(
    ("editors", "user", "may"),
    [
        (("Desk@fund.example",), {"is_logged_in": True, "email": "desk@fund.example", "email_verified": True}, True),
        ((), {"is_logged_in": True, "email": "desk@fund.example", "email_verified": True}, False),
    ],
)
def test_a_login_writes_only_where_the_settings_name_it(market, monkeypatch, editors, user, may):
    """Streamlit's own login, of somebody in RADAR_EDITORS; a login alone is no right."""
    monkeypatch.setattr(reads.get_runtime(), "settings", market.driven.settings.model_copy(update={"editors": editors}))
    monkeypatch.setattr(type(st.user), "to_dict", lambda _: user)
    app = opened("thresholds")

    assert app.number_input[0].disabled is not may
    assert ("log_out" in [button.key for button in app.button]) is (user.get("is_logged_in") is True)


@pytest.mark.parametrize(("auth", "keys"), [(None, []), ({"client_id": "x"}, ["log_in "]), ({"google": {"client_id": "x"}}, ["log_in google"])])
def test_the_login_is_offered_where_it_is_configured(market, monkeypatch, auth, keys):
    """One button for each provider in secrets.toml; a provider that cannot be used says so without internals."""
    monkeypatch.setattr(reads.get_runtime(), "settings", market.driven.settings.model_copy(update={"editors": ("desk@fund.example",)}))
    monkeypatch.setattr(type(st.secrets), "load_if_toml_exists", lambda _: auth is not None)
    monkeypatch.setattr(type(st.secrets), "get", lambda _, name, default=None: auth)
    app = opened("about")

    assert [button.key for button in app.button if (button.key or "").startswith("log_in")] == keys


@pytest.mark.fault("F64")
def test_cleared_caches_and_reruns_leave_the_collector_alone(market):
    """The collector is no cached thing: after every cache was cleared, and the page drawn again and again, it is the one that collects."""
    app, before = opened(), (market.radar.collector, market.driven.collector.leading)
    for _ in range(10):
        st.cache_data.clear()
        st.cache_resource.clear()
        app.run()
    market.driven.run(12)

    assert (market.radar.collector, market.driven.collector.leading) == before
    assert market.radar.health().status == "live"
    assert not app.exception


@pytest.mark.fault("F63")
def test_a_tab_that_stays_open_keeps_nothing(market):
    """Drawn a hundred times more, a session remembers what it did before, and the process no more than it did."""
    app = opened()
    for _ in range(15):
        app.run()
    held, objects = len(app.session_state._state._state), len(gc.get_objects())
    for _ in range(60):
        app.run()
    gc.collect()

    assert len(app.session_state._state._state) == held
    assert len(gc.get_objects()) < objects * 1.02


def test_a_page_that_fails_says_no_internals(monkeypatch, caplog):
    """A visitor reads a sentence with a reference; the log has the rest beside it."""

    def script():
        from radar.ui.failure import told  # noqa: PLC0415 - runs as a script of its own

        told(ValueError("/srv/secret/path"))

    app = AppTest.from_function(script).run()
    said = app.error[0].value
    reference = said.rsplit(" ", 1)[-1].rstrip(".")

    assert "secret" not in said
    assert len(app.exception) == 0
    assert reference in caplog.text
    assert "/srv/secret/path" in caplog.text


def test_visitors_see_nothing_of_each_other(market):
    """Two sessions of one process: what one typed, chose, hid or reckoned is not in the other's page or memory."""
    one, two = opened("symbol", symbol=SYMBOL), opened("symbol", symbol=SYMBOL)
    one.session_state.profile = "Ann"
    one.number_input(key="carry_hours").set_value(77.0)
    next(button for button in one.button if button.label == "Reckon the basis trade").click()
    one.run()
    one.text_input(key="password_typed").set_value("opens up").run()
    two.run()

    assert two.number_input(key="carry_hours").value != 77.0
    assert not any(name in two.session_state and two.session_state[name] for name in ("unlocked", "profile", "carry", "add_error"))
    assert "Ann" not in "".join(str(part.value) for part in (*two.markdown, *two.caption))
    assert two.selectbox(key="adding").value is None
