"""Profiles on the pages, over a real radar of the simulated market: the popover, the lights, thresholds, positions, rights."""

from types import SimpleNamespace

import pytest
import streamlit as st

from radar.models import Light, Stance
from radar.store import MarketStore
from radar.ui import profiles, reads
from radar.venues.demo import DemoVenue
from radar.venues.demo_second import DEMO_SECONDS, DemoSecond
from tests.conftest import Driven
from tests.faulty import FaultyVenue
from tests.pages.test_pages import payloads, texts

SYMBOL = "WINDOWUSDT"
RED = {"r1_funding_max": 5.0, "r1_basis_max": 50.0}  # R1 fires on anything
SCOPE = "Profile Ann: how I see the lights"


@pytest.fixture
def radar(market, user, clock, tmp_path, monkeypatch):
    """The live radar behind the pages, GREEN by its own thresholds; the demo stays the hand-made one (`market`)."""
    user.seed([SYMBOL], clock.now_ms())
    seconds = [DemoSecond(name, clock) for name in DEMO_SECONDS]
    bars = MarketStore(tmp_path)
    world = Driven(clock, bars, user, tmp_path, FaultyVenue(DemoVenue(clock)), seconds=seconds, lender=None, retention_days=30)
    world.run(30)
    assert world.light(SYMBOL) is Light.GREEN
    runtime = SimpleNamespace(live=world.radar, demo=lambda: market.simulated, settings=world.radar.settings)
    monkeypatch.setattr(reads, "get_runtime", lambda: runtime)
    st.cache_resource.clear()
    yield world.radar
    bars.close()


class Session(SimpleNamespace):
    """Streamlit's, outside of a page."""

    def get(self, name, other=None):
        """As it is read."""
        return vars(self).get(name, other)


def lock(monkeypatch):
    """From now on nobody may write."""
    monkeypatch.setattr("radar.ui.parts.may_write_page", lambda *_: (False, "Changes need the password."))


def press(app, label):
    """Click the button of that label."""
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception


def look_through(app, name):
    """Choose a profile."""
    app.selectbox(key="profile_choice").set_value(name).run()
    assert not app.exception


def tiles(app):
    """symbol -> the light of its tile."""
    return {tile["s"]: tile["l"] for data in payloads(app) for tile in data.get("tiles", ())}


def test_a_profile_is_made_chosen_renamed_and_deleted(open_page, radar):
    """In the header of every page; the new one is chosen at once."""
    app = open_page()
    app.text_input(key="profile_new").set_value("  Ann ")
    press(app, "Create")
    assert (list(radar.profiles()), app.session_state.profile, app.text_input(key="profile_new").value) == (["Ann"], "Ann", "")

    app.text_input(key="profile_name").set_value("Zoë *x*")
    press(app, "Rename")
    assert (list(radar.profiles()), app.session_state.profile) == (["Zoë *x*"], "Zoë *x*")

    look_through(app, "")
    assert "profile_name" not in app.session_state
    look_through(app, "Zoë *x*")
    assert app.text_input(key="profile_name").value == "Zoë *x*"

    press(app, r"Delete Zoë \*x\*…")
    press(app, "Keep it")
    assert list(radar.profiles()) == ["Zoë *x*"]
    press(app, r"Delete Zoë \*x\*…")
    press(app, "Delete")
    assert (radar.profiles(), app.session_state.profile) == ({}, "")


def test_what_is_refused_is_said_and_stays_typed(open_page, radar):
    """A name that is taken, and one that is too long."""
    radar.add_profile("Ann")
    app = open_page()
    for typed, said in (("ANN", "is taken"), ("A" * 25, "has 25 characters; at most 24"), ("<b>", "")):
        app.text_input(key="profile_new").set_value(typed)
        press(app, "Create")
        errors = " ".join(error.value for error in app.error)
        assert (said in errors) if said else not errors
        assert app.text_input(key="profile_new").value == (typed if said else "")

    assert list(radar.profiles()) == ["Ann", "<b>"]


def test_a_profile_with_positions_is_not_deleted(open_page, radar):
    """The sentence says which, and where they are taken back."""
    radar.add_profile("Ann")
    radar.set_position(SYMBOL, True, "Ann")
    app = open_page()
    look_through(app, "Ann")
    press(app, "Delete Ann…")
    press(app, "Delete")

    assert f"still marks {SYMBOL} as held" in app.error[0].value
    assert (list(radar.profiles()), app.session_state.profile) == (["Ann"], "Ann")


def test_the_chosen_profile_makes_the_lights(open_page, radar):
    """Tile and hero by its thresholds, a line that says whose they are; without it all is as before."""
    radar.add_profile("Ann")
    radar.set_preset("Ann", RED)
    app = open_page()
    assert (tiles(app), "thresholds (2 changed)" in texts(app)) == ({SYMBOL: "● SHORT WINDOW"}, False)

    look_through(app, "Ann")
    assert tiles(app) == {SYMBOL: "■ NO SHORT"}
    assert r"Lights by Ann's thresholds \(2 changed\); alerts and history keep to the radar's own\." in texts(app)
    app.switch_page("symbol.py").run()
    assert [data["hero"]["light"] for data in payloads(app) if data.get("hero")] == ["■ NO SHORT"]
    look_through(app, "")
    assert [data["hero"]["light"] for data in payloads(app) if data.get("hero")] == ["● SHORT WINDOW"]


def test_a_green_of_the_profile_alone_cannot_be_missed(open_page, radar):
    """In words, with what the radar's own thresholds say, on every page."""
    radar.set_thresholds(None, RED)
    radar.add_profile("Ann")
    radar.set_preset("Ann", dict.fromkeys(RED, 0.0))
    app = open_page("about")
    look_through(app, "Ann")

    assert "▲ SHORT WINDOW by Ann's thresholds alone: WINDOWUSDT \\(radar's own thresholds\\: NO SHORT\\)" in texts(app)
    assert reads._looked("live", "Ann")[1][SYMBOL].state is Stance.NO_SHORT


def test_a_profile_that_is_gone_is_told(open_page, radar):
    """Another tab deleted it: the desk's view, and a line that says so; nothing is stored for it."""
    radar.add_profile("Ann")
    app = open_page("symbol")
    look_through(app, "Ann")
    radar.remove_profile("Ann")
    st.cache_resource.clear()
    app.run()
    assert "There is no profile “Ann”: this is the desk's view" in texts(app)

    app.toggle(key="in_position").set_value(True).run()
    assert list(radar.marks()) == [""]
    app.button(key="profile_none").click().run()
    assert "no profile" not in texts(app)


def test_a_mark_is_nobody_elses(open_page, radar):
    """The profile goes while its switch is on the screen: a sentence, and no mark of the desk."""
    radar.add_profile("Ann")
    app = open_page("symbol")
    look_through(app, "Ann")
    radar.rename_profile("Ann", "Zoë")
    app.toggle(key="in_position").set_value(True).run()

    assert "there is no profile “Ann”" in app.error[0].value
    assert radar.marks() == {}


def test_the_other_market_has_profiles_of_its_own(open_page, radar):
    """The choice waits for the way back."""
    radar.add_profile("Ann")
    app = open_page()
    look_through(app, "Ann")
    app.toggle(key="demo_switch").set_value(True).run()
    assert "The simulated market has no profile “Ann”" in texts(app)
    assert app.selectbox(key="profile_choice").options == ["Desk"]

    app.toggle(key="demo_switch").set_value(False).run()
    assert app.selectbox(key="profile_choice").value == "Ann"


def test_thresholds_of_a_profile(open_page, radar):
    """A scope of its own: what differs from the radar's own is the preset; two numbers are not among its fields."""
    radar.add_profile("Ann")
    app = open_page("thresholds")
    assert SCOPE not in app.selectbox(key="live scope").options
    look_through(app, "Ann")
    app.selectbox(key="live scope").set_value(SCOPE).run()
    keys = {widget.key for widget in (*app.number_input, *app.toggle) if widget.key}
    assert not keys & {f"live {SCOPE} sw_hours", f"live {SCOPE} z_min_points"}
    assert "`sw_hours`, because" in texts(app)

    app.number_input(key=f"live {SCOPE} r1_funding_max").set_value(5.0)
    app.number_input(key=f"live {SCOPE} r1_basis_max").set_value(50.0)
    press(app, "Save")
    assert (radar.profiles(), radar.overrides()) == ({"Ann": RED}, {})
    assert "thresholds \\(2 changed\\)" in texts(app)

    app.number_input(key=f"live {SCOPE} r2_dom_min").set_value(180.0)
    press(app, "Save")
    assert "should be less than or equal to 100" in app.error[0].value
    assert app.number_input(key=f"live {SCOPE} r2_dom_min").value == 180.0

    press(app, "Back to the radar's own, for Ann")
    assert radar.profiles() == {"Ann": {}}


def test_fields_of_one_scope_are_no_other_scopes(open_page, radar):
    """What was typed for a profile is not saved for all, nor for the other market."""
    radar.add_profile("Ann")
    radar.set_preset("Ann", RED)
    app = open_page("thresholds")
    look_through(app, "Ann")
    app.selectbox(key="live scope").set_value(SCOPE).run()
    assert app.number_input(key=f"live {SCOPE} r1_basis_max").value == 50.0
    app.selectbox(key="live scope").set_value("All symbols").run()
    assert app.number_input(key="live All symbols r1_basis_max").value == 0.0
    press(app, "Save")
    assert radar.overrides() == {}

    app.toggle(key="demo_switch").set_value(True).run()
    assert app.number_input(key="demo All symbols r1_basis_max").value == 0.0


def test_a_position_is_the_chosen_profiles(open_page, radar):
    """The switch shows and sets one's own mark; those of others are named beside it."""
    for name in ("Ann", "Ben"):
        radar.add_profile(name)
    radar.set_position(SYMBOL, True)
    radar.set_position(SYMBOL, True, "Ben")
    app = open_page("symbol")
    look_through(app, "Ann")
    assert app.toggle(key="in_position").value is False
    assert "also held by:] Desk, Ben" in texts(app)

    app.toggle(key="in_position").set_value(True).run()
    assert list(radar.marks()) == ["", "Ann", "Ben"]
    app.toggle(key="in_position").set_value(False).run()
    assert list(radar.marks()) == ["", "Ben"]


def test_the_alerts_page_tells_whose_mark_it_is(open_page, radar):
    """And takes back that one alone."""
    radar.add_profile("Ann")
    radar.set_position(SYMBOL, True, "Ann")
    radar.set_position(SYMBOL, True)
    app = open_page("alerts")
    said = [markdown.value for markdown in app.markdown if f"**{SYMBOL}**" in markdown.value]
    assert [line.split(" :gray")[0] for line in said] == [f"**{SYMBOL}** Desk", f"**{SYMBOL}** Ann"]

    app.button(key=f"clear {SYMBOL} Ann").click().run()
    assert list(radar.marks()) == [""]


def test_strangers_know_no_profile(open_page, radar, monkeypatch):
    """No name, no light by its thresholds, no scope; not even when the session had chosen one before."""
    radar.add_profile("Ann")
    radar.set_preset("Ann", RED)
    radar.set_position(SYMBOL, True, "Ann")
    app = open_page()
    look_through(app, "Ann")
    lock(monkeypatch)
    app.run()
    assert tiles(app) == {SYMBOL: "● SHORT WINDOW"}

    for name in ("watchlist", "symbol", "alerts", "thresholds"):
        app.switch_page(f"{name}.py").run()
        assert not app.exception
        assert "Ann" not in texts(app) + "".join(map(str, payloads(app))) + str([box.options for box in app.selectbox])
        assert "profile_choice" not in {box.key for box in app.selectbox}


def test_nobody_without_the_right_changes_a_profile(open_page, radar, monkeypatch):
    """Not only hidden: what an old page sends changes nothing."""
    radar.add_profile("Ann")
    for fill in ("profile_new", "profile_name"):
        app = open_page()
        look_through(app, "Ann")
        with monkeypatch.context() as locked:
            lock(locked)
            app.text_input(key=fill).set_value("Eve")
            next(button for button in app.button if button.label == ("Create" if fill == "profile_new" else "Rename")).click().run()
        assert list(radar.profiles()) == ["Ann"]


@pytest.mark.parametrize(("wanted", "answer"), [("Ann", True), ("", True), ("Nobody", False)])
def test_the_hook_for_what_a_browser_remembers(market, monkeypatch, wanted, answer):
    """`choose` takes what is there, and nothing from whoever may not know."""
    monkeypatch.setattr(market, "profiles", lambda: {"Ann": {}})
    monkeypatch.setattr(st, "session_state", Session())
    assert profiles.choose(wanted) is answer
    assert profiles.chosen() == (wanted if answer else "")
    lock(monkeypatch)
    assert profiles.chosen() == ""
    assert profiles.choose("Ann") is False


def test_the_view_of_the_chosen_profile(radar, monkeypatch):
    """Kept and given back as it is; the desk has none, and what is refused is a sentence."""
    radar.add_profile("Ann")
    monkeypatch.setattr(st, "session_state", Session())
    assert (profiles.keep_view("{}"), profiles.view()) == ("", "")

    assert profiles.choose("Ann")
    assert (profiles.keep_view('{"sort": "Name"}'), profiles.view()) == ("", '{"sort": "Name"}')
    assert profiles.keep_view("x" * 4_097) == "view: is longer than 4 kB"
    lock(monkeypatch)
    profiles.keep_view("{}")
    assert profiles.view() == ""
    assert radar.view("Ann") == '{"sort": "Name"}'
