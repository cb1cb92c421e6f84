"""“Any symbol with …” on the alerts page: the list, the preview, the editor, and who may change what."""

import pandas as pd
import pytest

from radar.market_alert_desk import MarketAlertDesk
from radar.scan.table import MARKET_COLUMNS, Market
from radar.ui import reads
from tests.pages.test_alerts_page import desk, press, texts  # noqa: F401 - a fixture

DEEP = {"name": "deep *b*", "conditions": ["funding_1h_pct <= -0.2"], "min_volume_usdt": 1e6}


def scanned():
    """Twelve symbols: ten of them with deep funding."""
    columns = {"funding_1h_pct": [-0.3] * 9 + [-0.9, 0.0, None], "perp_vol24_usdt": [2e6] * 12, "R3": ["FIRES", "CLEAR"] * 6}
    table = pd.DataFrame({name: columns.get(name, [None] * 12) for name in MARKET_COLUMNS}, index=[f"T{row:03d}USDT" for row in range(12)])
    return Market(on=True, why="", ts_ms=1, age_sec=2.0, table=table, sparks={}, changes=[], weight={})


@pytest.fixture
def alerts(market, desk, user):  # noqa: F811 - the fixture
    """The market alerts of a real file, behind the pages; the market is scanned."""
    made = MarketAlertDesk()
    made.user = user
    for name in ("market_alerts", "set_market_alert", "drop_market_alert"):
        setattr(market, name, getattr(made, name))
    market.whole_market = scanned
    return made


def field(app, kind, end):
    """The editor's field whose key ends so."""
    return next(one for one in getattr(app, kind) if one.key and one.key.startswith("market ") and one.key.endswith(end))


def stored(alerts):
    """What is kept."""
    return [(a.name, [(c.metric, c.op, c.value) for c in a.conditions], a.min_volume_usdt, a.on) for a in alerts.market_alerts()]


def test_each_alert_says_who_meets_it_now(open_page, alerts):
    """In words with units, the most extreme first, as plain text."""
    alerts.set_market_alert(DEEP)
    app = open_page("alerts")
    said = texts(app)

    assert not app.exception
    assert r"any symbol with funding ≤ −0\.2 %/h and volume 24 h from $1\.00M".replace("$", r"\$") in said
    assert r"Would match now\: 10 of 12\: T009USDT, T000USDT" in said
    assert r"T006USDT \+2" in said
    assert "**deep b**" in [toggle.label for toggle in app.toggle]


def test_an_alert_is_added_with_two_conditions(open_page, alerts):
    """The preview follows what is typed, before anything is kept."""
    app = press(open_page("alerts"), "Add an alert")
    assert r"Would match now\: 10 of 12" in texts(app)

    press(app, "And …")
    field(app, "selectbox", "1 metric").set_value("R3").run()
    assert r"Would match now\: 5 of 12" in texts(app)
    field(app, "number_input", "0 value of funding_1h_pct").set_value(-0.5)
    field(app, "text_input", "name").set_value("trap")
    field(app, "number_input", "volume").set_value(1e6).run()
    assert r"Would match now\: no symbol" in texts(app)
    assert stored(alerts) == []
    press(app, "Save alert")

    assert stored(alerts) == [("trap", [("funding_1h_pct", "<=", -0.5), ("R3", "is", "FIRES")], 1e6, True)]
    assert not app.exception
    assert "New alert" not in texts(app)


def test_an_alert_is_changed(open_page, alerts):
    """The editor opens with what it is; a condition less, and cancel changes nothing."""
    alerts.set_market_alert(DEEP | {"conditions": ["srs >= 70", "flag ADL"]})
    app = press(open_page("alerts"), "Edit")
    assert field(app, "number_input", "0 value of srs").value == 70
    assert field(app, "selectbox", "1 value of flags").value == "ADL"

    before = stored(alerts)
    press(app, "Cancel")
    assert stored(alerts) == before
    press(app, "Edit")
    field(app, "button", "0 drop").click().run()
    press(app, "Save alert")
    assert stored(alerts) == [("deep b", [("flags", "is", "ADL")], 1e6, True)]


def test_an_alert_is_switched_off_and_deleted(open_page, alerts):
    """Off stays in the list; deleting asks first."""
    made = alerts.set_market_alert(DEEP)
    app = open_page("alerts")
    app.toggle(key=f"market on live {made.id} {made.rev}").set_value(False).run()
    assert [alert.on for alert in alerts.market_alerts()] == [False]
    assert "Switched off" in texts(app)

    press(app, "Delete it")
    assert stored(alerts) == []
    assert not app.exception


def test_a_value_that_is_missing_cannot_be_saved(open_page, alerts):
    """It is asked for."""
    app = press(open_page("alerts"), "Add an alert")
    field(app, "selectbox", "0 metric").set_value("srs").run()

    assert "Type a value for every condition" in texts(app)
    assert next(button for button in app.button if button.label == "Save alert").disabled


def test_a_new_alert_takes_nobodys_place(open_page, alerts):
    """Of the same name: refused, nothing typed is lost."""
    alerts.set_market_alert(DEEP)
    app = press(open_page("alerts"), "Add an alert")
    field(app, "text_input", "name").set_value("deep b").run()
    app.button(key="market_save").click().run()

    assert "There is an alert called deep b already" in texts(app)
    assert field(app, "text_input", "name").value == "deep b"
    assert len(stored(alerts)) == 1


def test_four_conditions_and_twenty_alerts_are_the_most(open_page, alerts):
    """The buttons are grey."""
    for number in range(20):
        alerts.set_market_alert(DEEP | {"name": f"a{number}"})
    assert open_page("alerts").button(key="market_add").disabled

    alerts.drop_market_alert(1)
    reads.forget()
    app = press(open_page("alerts"), "Add an alert")
    for _ in range(3):
        press(app, "And …")
    assert field(app, "button", " add").disabled


def test_a_scan_that_is_off_is_said(open_page, market, alerts):
    """The preview knows nobody, and why."""
    alerts.set_market_alert(DEEP)
    del market.whole_market

    assert r"Nothing is known of the market\. The scan is off\." in texts(open_page("alerts"))


def test_nobody_without_the_right_changes_a_market_alert(open_page, alerts, monkeypatch):
    """Not only greyed out: the radar is never called."""
    made = alerts.set_market_alert(DEEP)
    app = press(open_page("alerts"), "Edit")
    monkeypatch.setattr("radar.ui.parts.may_write_page", lambda *_: (False, "Changes need the password."))
    field(app, "text_input", "name").set_value("mine")
    app.toggle(key=f"market on live {made.id} {made.rev}").set_value(False)
    for button in app.button:
        if button.label in ("Save alert", "Delete it"):
            button.click()
    app.run()

    assert "Changes need the password" in texts(app)
    assert stored(alerts) == [("deep b", [("funding_1h_pct", "<=", -0.2)], 1e6, True)]
