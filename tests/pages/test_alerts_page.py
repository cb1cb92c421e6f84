"""The screen of alerts: channels and their test, switches and what is refused, the log, positions, the pause."""
# ruff: noqa: D102 - the methods are those of Radar

import json

import pytest

from radar.errors import BadRequest, NotWatched
from radar.models import Alert, AlertKind, AlertPolicy, ChannelState, Outcome
from radar.ui import alert_cards

NOW = 1_736_160_000_000
ALL = "live All symbols"
FACE = (
    "channels", "channel_problems", "test_channel", "alert_policy", "alert_overrides", "set_alert_policy", "reset_alert_policy", "alerts",
    "alerts_csv", "rehearse", "marks", "set_position", "resume_alerts",
)  # fmt: skip


class Desk:
    """What the pages ask about alerts."""

    def __init__(self, market):
        self.market, self.tested, self.asked, self.held, self.log = market, [], [], {}, []
        self.states, self.problems, self.changes, self.counts = [], [], {}, {}

    def channels(self):
        return self.states

    def channel_problems(self):
        return self.problems

    def test_channel(self, name):
        self.tested.append(name)
        return Outcome(ok=name == "desk", sentence="" if name == "desk" else "The service refused *the token*.")

    def alert_policy(self, symbol=None):
        return AlertPolicy(**{**self.changes.get(None, {}), **self.changes.get(symbol, {})})

    def alert_overrides(self, symbol=None):
        return self.changes.get(symbol, {})

    def set_alert_policy(self, symbol, changes):
        if changes.get("srs_min", 0) > 100:
            raise BadRequest("srs_min: Input should be less than or equal to 100")
        if changes.get("cap_use_min", 0) > 1:
            raise BadRequest("cap_use_min: Input should be less than or equal to 1")
        if changes.get("hold_sec") == 13:
            raise BadRequest("With the values of ARBUSDT this does not hold.")
        self.changes.setdefault(symbol, {}).update(changes)

    def reset_alert_policy(self, symbol):
        self.changes.pop(symbol, None)

    def alerts(self, symbol=None, *, verdict=None, limit=200, before=None, whole=True):
        self.asked.append((symbol, verdict, limit))
        return [alert for alert in self.log if symbol in (None, alert.symbol)][:limit]

    def alerts_csv(self, hours, *, whole=True):
        return "id\n"

    def rehearse(self, symbol=None, hours=48.0, *, whole=True):
        return self.counts

    def marks(self):
        return {"": self.held} if self.held else {}

    def set_position(self, symbol, held, profile=""):
        if held and symbol not in self.market.symbols:
            raise NotWatched(f"{symbol} is not watched.")
        self.held.pop(symbol, None)
        if held:
            self.held[symbol] = NOW

    def resume_alerts(self):
        self.market.alerts_paused = ""


@pytest.fixture
def desk(market):
    """The alerts of the live radar; the simulated one has its own."""
    for radar in (market, market.simulated):
        face = Desk(radar)
        radar.alerts_paused, radar.desk = "", face
        for name in FACE:
            setattr(radar, name, getattr(face, name))
    return market.desk


@pytest.fixture
def channels(desk):
    """One that works, one that does not."""
    desk.states = [
        ChannelState(name="desk", kind="tgram", ok=True, last_sent_ms=NOW - 180_000),
        ChannelState(name="ops", kind="discord", ok=False, sentence="Refused <b>401</b>.", waiting=4, last_error_ms=NOW - 5_000),
    ]
    return desk


def texts(app):
    """All the words that Streamlit's own elements show."""
    kinds = ("markdown", "caption", "info", "warning", "error", "success", "subheader", "text", "code")
    return " ".join(str(element.value) for kind in kinds for element in getattr(app, kind))


def log_card(app):
    """The log as the browser gets it."""
    found = [json.loads(element.proto.json or element.proto.mixed.json) for element in app.get("bidi_component")]
    return next(card for data in found for card in data.get("cards", []) if card["title"] == "Decided")


def press(app, label):
    """Click the button that says so."""
    return next(button for button in app.button if button.label == label).click().run()


def alert(ident, symbol="ARBUSDT"):
    """One that was held back."""
    return Alert(
        id=ident, ts_ms=NOW, symbol=symbol, kind=AlertKind.SRS, edge="opens", decided=False, reason="cooldown", title=f"{symbol} SRS 71",
        body="",
    )  # fmt: skip


def test_without_channels_it_invites(open_page, desk):
    """An example line and the services."""
    app = open_page("alerts")

    assert not app.exception
    assert "No channel yet" in texts(app)
    assert 'RADAR_CHANNELS="desk=tgram://' in app.code[0].value
    assert "Telegram" in str(app.table[0].value)


def test_a_channel_says_how_it_is(open_page, channels):
    """Name, service, state in a word, what waits, and when it worked."""
    said = texts(open_page("alerts"))

    assert "**desk** :gray[Telegram] :green-badge[● OK]" in said
    assert ":orange-badge[▲ NEEDS ATTENTION]" in said
    assert r"Refused \<b\>401\</b\>\." in said
    assert "waiting **4**" in said
    assert "last delivery **never**" in said
    assert "3 min ago" in said


def test_an_unusable_entry_is_told(open_page, desk):
    """The sentence of the radar, as text."""
    desk.problems = ["Channel *hook* cannot be read."]

    assert r"Channel \*hook\* cannot be read\." in [warning.value for warning in open_page("alerts").warning]


def test_a_test_says_what_came_of_it(open_page, channels):
    """Plainly, for each channel on its own."""
    app = press(press(open_page("alerts"), "Test desk"), "Test ops")

    assert channels.tested == ["desk", "ops"]
    assert "The test was delivered" in app.success[0].value
    assert r"The test was not delivered\. The service refused \*the token\*" in app.error[0].value


def test_a_switch_is_saved(open_page, desk):
    """Only what differs."""
    app = open_page("alerts")
    app.toggle(key=f"{ALL} srs").set_value(False)
    app.number_input(key=f"{ALL} cap_use_min").set_value(90.0)
    press(app, "Save")

    assert desk.changes == {None: {"off": ["srs"], "cap_use_min": 0.9}}
    assert "Saved" in texts(app)
    assert not app.exception


def test_quiet_hours_are_a_switch(open_page, desk):
    """On with what the fields say, off with nothing."""
    app = open_page("alerts")
    app.toggle(key=f"{ALL} quiet").set_value(True)
    press(app, "Save")
    assert desk.changes == {None: {"quiet_from": "22:00", "quiet_to": "07:00"}}

    app.toggle(key=f"{ALL} quiet'").set_value(False)
    press(app, "Save")
    assert desk.alert_policy().quiet_from is None


def test_one_symbol_has_no_quiet_hours_of_its_own(open_page, desk):
    """Those hold for all alike; the rest can differ and is marked."""
    app = open_page("alerts")
    app.selectbox(key="alert_scope").set_value("ARBUSDT").run()
    fields = {widget.key for widget in (*app.toggle, *app.number_input, *app.time_input)}
    assert "live ARBUSDT srs_min" in fields
    assert not fields & {"live ARBUSDT quiet", "live ARBUSDT hourly_cap"}

    app.number_input(key="live ARBUSDT srs_min").set_value(80)
    press(app, "Save")
    assert desk.changes == {"ARBUSDT": {"srs_min": 80}}
    assert "◆ changed" in texts(app)
    press(app, "Back to what holds for all symbols")
    assert desk.changes == {}
    assert app.number_input(key="live ARBUSDT srs_min''").value == 70


@pytest.mark.parametrize(
    ("field", "wrong", "said"),
    [
        ("srs_min", 180, r"SRS from\: Input should be less than or equal to 100"),
        ("cap_use_min", 180.0, r"Used, %\: must be a share from 5 to 100 %"),
        ("hold_sec", 13, r"With the values of ARBUSDT this does not hold\."),
    ],
)
def test_what_is_refused_is_said_and_nothing_typed_is_lost(open_page, desk, field, wrong, said):
    """The sentence is shown, the field keeps what was typed, nothing is stored."""
    app = open_page("alerts")
    app.number_input(key=f"{ALL} {field}").set_value(wrong)
    app.toggle(key=f"{ALL} data").set_value(False)
    press(app, "Save")

    assert [error.value for error in app.error] == [said]
    assert "■ Not saved" in texts(app)
    assert app.number_input(key=f"{ALL} {field}").value == wrong
    assert app.toggle(key=f"{ALL} data").value is False
    assert desk.changes == {}


def test_what_others_change_is_shown(open_page, desk):
    """Fields follow what is stored: an old value is not saved over a new one."""
    app = open_page("alerts")
    desk.changes[None] = {"cooldown_min": 45}
    app.run()

    assert app.number_input(key=f"{ALL} cooldown_min'").value == 45
    press(app, "Save")
    assert desk.changes == {None: {"cooldown_min": 45}}


def test_every_setting_is_on_the_page(open_page, desk):
    """None is forgotten."""
    app = open_page("alerts")
    keys = {widget.key.removeprefix(f"{ALL} ") for widget in (*app.toggle, *app.number_input, *app.time_input) if widget.key}

    assert keys >= {kind.value for kind in alert_cards.KINDS} | set(AlertPolicy.model_fields) - {"off"}


def test_how_often_it_would_have_fired(open_page, desk):
    """A count beside each kind; without history n/a, never a zero."""
    desk.counts = {AlertKind.NO_SHORT: 3, AlertKind.DATA: 0}
    said = texts(open_page("alerts"))

    assert "**3 times** :gray[in the last 48 h]" in said
    assert "**never** :gray[in the last 48 h]" in said
    assert said.count("**n/a** :gray[no history to tell]") == len(alert_cards.KINDS) - 2


def test_the_log_tells_what_became_of_it(open_page, desk):
    """Newest first, as the radar gives it; a symbol that left the watchlist can still be chosen."""
    desk.log = [alert(2), alert(1, "GONEUSDT")]
    app = open_page("alerts")

    assert [row["cells"][1] for row in log_card(app)["blocks"][0]["rows"]] == ["ARBUSDT", "GONEUSDT"]
    app.selectbox(key="log_symbol").set_value("GONEUSDT").run()
    assert [row["cells"][1] for row in log_card(app)["blocks"][0]["rows"]] == ["GONEUSDT"]


def test_the_log_is_filtered(open_page, desk):
    """The verdict goes to the radar in its own words; nothing found is said."""
    app = open_page("alerts")
    app.segmented_control(key="log_verdict").set_value("◆ Held back").run()

    assert (None, "held", 50) in desk.asked
    assert log_card(app)["blocks"][0]["v"] == "Nothing here for held back."


def test_older_alerts_are_a_click_away(open_page, desk):
    """Fifty first."""
    desk.log = [alert(ident) for ident in range(90, 0, -1)]
    app = open_page("alerts")
    assert log_card(app)["aside"] == "newest 50"

    app.button(key="log_older").click().run()
    assert log_card(app)["aside"] == "newest 90"


def test_positions_are_listed_and_cleared(open_page, desk):
    """With since when, and a doubt where nobody would hear of an exit."""
    desk.held = {"ARBUSDT": NOW - 7_200_000, "GONEUSDT": NOW}
    app = open_page("alerts")
    assert "there is no channel, so an exit is only logged" in texts(app)
    assert "it is not on the watchlist" in texts(app)

    app.button(key="clear GONEUSDT").click().run()
    assert list(desk.held) == ["ARBUSDT"]


def test_a_pause_cannot_be_missed(open_page, market, desk):
    """A banner with the reason, and a way on."""
    market.alerts_paused = "The user database was damaged."
    app = open_page("alerts")
    assert r"Alerts are paused: nothing is decided, nothing is sent" in texts(app)
    assert r"The user database was damaged\." in texts(app)

    press(app, "Resume alerts")
    assert market.alerts_paused == ""
    assert "Alerts are paused" not in texts(app)


def test_the_demo_sends_nothing(open_page, market, desk):
    """And says so."""
    app = open_page("alerts", demo="1")

    assert "The simulated market sends nothing" in texts(app)
    assert "No channel yet" not in texts(app)


def test_the_demo_has_fields_of_its_own(open_page, market, desk):
    """What was typed for one market is not saved for the other."""
    desk.changes[None] = {"cooldown_min": 45}
    app = open_page("alerts")
    app.toggle(key="demo_switch").set_value(True).run()

    assert app.number_input(key="demo All symbols cooldown_min").value == 30


def test_a_position_is_marked_on_the_symbols_page(open_page, desk):
    """One switch, with since when."""
    app = open_page("symbol", symbol="ARBUSDT")
    app.toggle(key="in_position").set_value(True).run()
    assert desk.held == {"ARBUSDT": NOW}
    assert "since" in texts(app)

    app.toggle(key="in_position").set_value(False).run()
    assert desk.held == {}


def test_nobody_without_the_right_changes_anything(open_page, market, desk, channels, monkeypatch):
    """Not only greyed out: the radar is never called."""
    market.alerts_paused = "Damaged."
    desk.held = {"ARBUSDT": NOW}
    app, page = open_page("alerts"), open_page("symbol", symbol="ARBUSDT")
    monkeypatch.setattr("radar.ui.parts.may_write_page", lambda *_: (False, "Changes need the password."))
    app.number_input(key=f"{ALL} srs_min").set_value(80)
    for button in app.button:
        if button.label in ("Test desk", "Resume alerts", "Save", "Clear"):
            button.click()
    app.run()
    page.toggle(key="in_position").set_value(False).run()

    assert (channels.tested, market.alerts_paused, desk.changes, desk.held) == ([], "Damaged.", {}, {"ARBUSDT": NOW})
    assert "Changes need the password" in texts(app)


def test_strangers_see_neither_positions_nor_channels(open_page, desk, channels, monkeypatch):
    """What the desk holds, and where it hears of it, is its own affair."""
    desk.held = {"ARBUSDT": NOW}
    monkeypatch.setattr("radar.ui.parts.may_write_page", lambda *_: (False, "Changes need the password."))
    said = texts(open_page("alerts")) + texts(open_page("symbol", symbol="ARBUSDT"))

    assert "Which alerts" in said
    assert not any(word in said for word in ("Channels", "Positions", "In position", "**desk**"))
