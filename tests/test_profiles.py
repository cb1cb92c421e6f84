"""Profiles: names, a view, thresholds that change what one sees and nothing else, marks of positions."""

import pytest

from radar.errors import BadRequest, NotWatched
from radar.models import Light, Stance
from radar.profile_desk import KEPT, MOST_PROFILES, clean_name
from radar.service import Radar
from radar.store import UserStore

SYMBOL = "WINDOWUSDT"
RED = {"r1_funding_max": 5.0, "r1_basis_max": 50.0}  # R1 fires on anything
CALM = {"r1_funding_max": 0.0, "r1_basis_max": 0.0}


@pytest.fixture
def world(driven):
    """A radar on WINDOWUSDT, GREEN by its own thresholds."""
    made = driven(watchlist=[SYMBOL])
    made.run(30)
    assert made.light(SYMBOL) is Light.GREEN
    return made


@pytest.fixture
def radar(driven):
    """A radar that nobody let collect."""
    return driven(watchlist=[SYMBOL]).radar


# ── names ──
@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Ann", "Ann"),
        ("  Ann \t of\u00a0the desk\n", "Ann of the desk"),
        ("Zoe\u0308", "Zoë"),
        ("张伟", "张伟"),
        ("<b>*x*</b> :red[y]", "<b>*x*</b> :red[y]"),
        ("🐻", "🐻"),
        ("A" * 24, "A" * 24),
    ],
)
def test_a_name_as_people_type_it(radar, typed, name):
    """Any script and any sign, composed and without outer spaces; markup is a name like another."""
    assert radar.add_profile(typed) == name
    assert list(radar.profiles()) == [name]


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "name: type a name, of 1 to 24 characters"),
        (" \t\u00a0", "name: type a name, of 1 to 24 characters"),
        ("A" * 25, "name: has 25 characters; at most 24"),
        ("An\u200bn", "name: has a character that cannot be seen; use letters, digits and signs"),
        ("An\u202en", "name: has a character that cannot be seen; use letters, digits and signs"),
        ("An\x00n", "name: has a character that cannot be seen; use letters, digits and signs"),
        ("\ud800", "name: has a character that cannot be seen; use letters, digits and signs"),
        ("\u3164", "name: has a character that cannot be seen; use letters, digits and signs"),
        ("\u0301\u0301", "name: needs a letter, a digit or a sign"),
        ("desk", "name: Desk is the radar's own view, without a profile; choose another name"),
    ],
)
def test_what_is_no_name_gets_a_sentence(radar, typed, sentence):
    """Nothing, too much, what cannot be seen, and the desk's own name."""
    with pytest.raises(BadRequest) as refused:
        radar.add_profile(typed)

    assert str(refused.value) == sentence
    assert radar.profiles() == {}


@pytest.mark.parametrize("other", ["Ann Lee", "ANN LEE", "ann  lee", "Ａｎｎ Lee"])
def test_names_differ_by_more_than_case(radar, other):
    """Nor do the width of letters and spaces make another name."""
    radar.add_profile("Ann Lee")
    radar.add_profile("Ben")
    for refused in (lambda: radar.add_profile(other), lambda: radar.rename_profile("Ben", other)):
        with pytest.raises(BadRequest, match="“Ann Lee” is taken"):
            refused()

    assert list(radar.profiles()) == ["Ann Lee", "Ben"]


def differing(radar, who):
    """Symbol -> the answer by the radar's own thresholds, where the profile's light is another one."""
    return {own.symbol: own for mine, own in radar.both(who) if mine.state is not own.state}


def test_a_sharp_s_is_two():
    """Folding is not lower case."""
    assert clean_name("Strauß") == "Strauß"


def test_there_is_room_for_twenty(radar):
    """The next is refused; a name that is taken is told as taken even then."""
    for number in range(MOST_PROFILES):
        radar.add_profile(f"p{number}")
    with pytest.raises(BadRequest, match="there are 20"):
        radar.add_profile("one more")
    with pytest.raises(BadRequest, match="“p3” is taken"):
        radar.add_profile("P3")

    assert len(radar.profiles()) == MOST_PROFILES


def test_everything_goes_with_a_new_name(radar):
    """View, thresholds and marks; a change of case alone is a new name too."""
    radar.add_profile("Ann")
    radar.set_view("Ann", '{"sort": "Name"}')
    radar.set_preset("Ann", RED)
    radar.set_position(SYMBOL, True, "Ann")
    since = radar.marks()["Ann"]

    assert radar.rename_profile("Ann", "ANN") == "ANN"
    assert radar.rename_profile("ANN", "Zoë") == "Zoë"
    assert radar.view("Zoë") == '{"sort": "Name"}'
    assert radar.profiles() == {"Zoë": RED}
    assert radar.marks() == {"Zoë": since}


@pytest.mark.parametrize(
    "act",
    [
        lambda radar: radar.rename_profile("Nobody", "Ann"),
        lambda radar: radar.remove_profile("Nobody"),
        lambda radar: radar.set_view("Nobody", "{}"),
        lambda radar: radar.set_preset("Nobody", RED),
        lambda radar: radar.reset_preset("Nobody"),
        lambda radar: radar.set_position(SYMBOL, True, "Nobody"),
    ],
)
def test_what_is_done_to_nobody_leaves_nothing(radar, act):
    """A profile that another tab deleted meanwhile: a sentence, no orphan."""
    with pytest.raises(BadRequest, match="there is no profile “Nobody”"):
        act(radar)

    assert (radar.profiles(), radar.marks(), radar.preset("Nobody"), radar.view("Nobody")) == ({}, {}, {}, "")


def test_profiles_survive_a_restart(radar, user, tmp_path):
    """In the order in which they were made."""
    for name in ("Zoë", "Ann"):
        radar.add_profile(name)
    radar.set_preset("Ann", {"sw_max_ret24h_pct": 20.0, "srs_veto": False, "srs_red": 80})
    user.close()
    again = UserStore(tmp_path)

    assert again.profiles.all() == {"Zoë": {}, "Ann": {"sw_max_ret24h_pct": 20.0, "srs_veto": False, "srs_red": 80}}
    again.close()


# ── view ──
def test_a_view_has_room_for_4_kb(radar):
    """In bytes; what is refused leaves what was kept. The desk has none."""
    radar.add_profile("Ann")
    radar.set_view("Ann", "ë" * 2048)
    with pytest.raises(BadRequest, match="longer than 4 kB"):
        radar.set_view("Ann", "ë" * 2049)

    assert radar.view("Ann") == "ë" * 2048
    assert radar.view("") == ""


# ── thresholds ──
def test_a_preset_changes_the_light_of_its_profile_alone(world):
    """One answer, with and without a profile; what nobody chose stays as it was."""
    radar = world.radar
    radar.add_profile("Ann")
    radar.add_profile("Ben")
    radar.set_preset("Ann", RED)

    assert [s.traffic_light for s in radar.snapshots("Ann")] == [Light.RED]
    assert radar.snapshot(SYMBOL, "Ann").headline.startswith("No short: R1")
    assert [s.traffic_light for name in ("", "Ben", "gone") for s in radar.snapshots(name)] == [Light.GREEN] * 3
    assert {symbol: own.state for symbol, own in differing(radar, "Ann").items()} == {SYMBOL: Stance.SHORT_WINDOW}
    assert differing(radar, "Ben") == {}
    assert radar.thresholds(SYMBOL).r1_funding_max == 0.0
    assert radar.health().status == "live"


def test_a_green_that_a_profile_alone_sees_is_told(world):
    """The radar's own thresholds say RED, the profile's GREEN: the difference names the radar's own answer."""
    radar = world.radar
    radar.set_thresholds(None, RED)
    radar.add_profile("Ann")
    radar.set_preset("Ann", CALM)
    world.run(30)
    own = differing(radar, "Ann")

    assert radar.snapshot(SYMBOL, "Ann").traffic_light is Light.GREEN
    assert (own[SYMBOL].traffic_light, own[SYMBOL].state) == (Light.RED, Stance.NO_SHORT)
    assert radar.snapshot(SYMBOL).traffic_light is Light.RED
    assert radar.user.last_states()[(SYMBOL, "light")] == "RED"


def test_a_preset_lies_on_top_of_a_symbols_own(world):
    """Defaults, then all symbols, then the symbol, then the profile; also where it equals what holds for all."""
    radar = world.radar
    radar.set_thresholds(SYMBOL, RED)
    radar.add_profile("Ann")
    radar.set_preset("Ann", CALM | {"r2_dom_min": 70.0})

    assert radar.profiles() == {"Ann": CALM}
    assert radar.snapshot(SYMBOL, "Ann").traffic_light is Light.GREEN
    assert world.light(SYMBOL) is Light.RED


def test_a_preset_is_checked(radar):
    """What is refused is said and changes nothing."""
    radar.add_profile("Ann")
    radar.set_preset("Ann", {"srs_red": 80})
    radar.set_thresholds(SYMBOL, {"srs_red": 50})
    refusals = {"r2_dom_min": 180.0, "nonsense": 1, "srs_yellow": 90} | dict.fromkeys(KEPT, 5)
    for name, value in refusals.items():
        with pytest.raises(BadRequest, match=name):
            radar.set_preset("Ann", {name: value})

    assert radar.profiles() == {"Ann": {"srs_red": 80}}
    radar.reset_preset("Ann")
    assert radar.profiles() == {"Ann": {}}


def test_a_preset_that_a_symbol_contradicts_does_not_count_there(world):
    """The radar's own thresholds changed afterwards: they count for that symbol, and the profile can tell which."""
    radar = world.radar
    radar.add_profile("Ann")
    radar.set_preset("Ann", RED | {"srs_yellow": 60})
    assert radar.unseen("Ann") == []
    radar.set_thresholds(SYMBOL, {"srs_red": 50})

    assert radar.unseen("Ann") == [SYMBOL]
    assert differing(radar, "Ann") == {}
    assert radar.snapshot(SYMBOL, "Ann").traffic_light is not Light.RED


def test_two_answers_are_of_the_same_moment(world, monkeypatch):
    """Nothing differs by age when nothing was changed."""
    radar = world.radar
    radar.add_profile("Ann")
    radar.set_preset("Ann", {"srs_yellow": 41})
    times = iter(range(world.clock.now_ms(), world.clock.now_ms() + 10**9, 3_600_000))
    monkeypatch.setattr(Radar, "now_ms", lambda self: next(times))

    assert [(mine.ts, mine.age_sec, mine.state) for mine, _ in radar.both("Ann")] != []
    assert all((mine.age_sec, mine.state) == (own.age_sec, own.state) for mine, own in radar.both("Ann"))


# ── positions ──
def test_a_symbol_is_held_while_anybody_marks_it(radar, clock):
    """Since the earliest mark; everybody takes back their own alone."""
    for name in ("Ann", "Ben"):
        radar.add_profile(name)
    radar.set_position(SYMBOL, True, "Ann")
    first = clock.now_ms()
    clock.advance(60)
    radar.set_position(SYMBOL, True)
    radar.set_position(SYMBOL, True, "Ann")
    assert radar.marks() == {"": {SYMBOL: first + 60_000}, "Ann": {SYMBOL: first}}
    assert radar.positions() == {SYMBOL: first}

    with pytest.raises(NotWatched, match="is not marked as held"):
        radar.set_position(SYMBOL, False, "Ben")
    radar.set_position(SYMBOL, False)
    assert radar.positions() == {SYMBOL: first}
    with pytest.raises(NotWatched, match="by the desk itself"):
        radar.set_position(SYMBOL, False)
    radar.set_position(SYMBOL, False, "Ann")
    assert radar.positions() == {}


def test_a_profile_with_positions_stays(radar):
    """Nobody's mark goes unseen: first it is taken back, then the profile goes with all it had."""
    radar.add_profile("Ann")
    radar.set_view("Ann", "{}")
    radar.set_preset("Ann", RED)
    radar.set_position(SYMBOL, True, "Ann")
    with pytest.raises(BadRequest, match=f"“Ann” still marks {SYMBOL} as held"):
        radar.remove_profile("Ann")
    assert radar.profiles() == {"Ann": RED}

    radar.set_position(SYMBOL, False, "Ann")
    radar.remove_profile("Ann")
    assert (radar.profiles(), radar.view("Ann")) == ({}, "")
    radar.add_profile("Ann")
    assert (radar.profiles(), radar.view("Ann")) == ({"Ann": {}}, "")
