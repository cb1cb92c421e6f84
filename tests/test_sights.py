"""What each kind of alert sees: red on stale truth, nothing on doubt, an exit only from where one was."""

import pytest

from radar.models import AlertKind, AlertPolicy, FieldQuality, Light, Memory, Quality, Stance, State
from radar.sights import in_words, sights
from tests.test_assess import RED, judged

NO_SHORT, BASIS_ONLY, SHORT_WINDOW, EXIT, SRS, INTERVAL, CAP, DATA = OF_SYMBOLS = [kind for kind in AlertKind if kind is not AlertKind.MARKET]
STANCE_OF = {
    Light.RED: Stance.NO_SHORT,
    Light.YELLOW: Stance.NEUTRAL,
    Light.GREEN: Stance.SHORT_WINDOW,
    Light.UNKNOWN: Stance.DATA_INCOMPLETE,
}


def with_states(light=Light.YELLOW, mark=Quality.FRESH, **states):
    """A snapshot with this light, rules in these states (else CLEAR) and a mark of this quality."""
    s = judged()
    rules = tuple(f.model_copy(update={"state": State(states.get(f.code, "CLEAR"))}) for f in s.rules)
    quality = {**s.quality, "mark": FieldQuality(state=mark, ts=None, age_sec=None, source="")}
    return s.model_copy(update={"traffic_light": light, "state": STANCE_OF[light], "rules": rules, "quality": quality})


def see(s, kind, *, held=False, level=None, **policy):
    """One kind's sight of a snapshot."""
    return sights(s, AlertPolicy(**policy), held=held, memory={kind: Memory(level=level)})[kind]


def test_every_kind_sees_something():
    """Also with nothing remembered."""
    assert set(sights(judged(), AlertPolicy(), held=True, memory={})) == set(OF_SYMBOLS)


@pytest.mark.parametrize(
    ("states", "wanted"),
    [
        ({}, False),
        ({"R4": "DISABLED"}, False),
        ({"R1": "FIRES"}, True),
        ({"R2": "FIRES", "R1": "UNKNOWN", "R3": "UNKNOWN"}, True),
        ({"R3": "UNKNOWN", "R4": "DISABLED"}, None),
        ({"BO": "FIRES", "SW": "FIRES"}, False),
    ],
)
def test_no_short_is_any_red_rule(states, wanted):
    """One that fires is enough, one that is unknown hides the absence of all (method L17)."""
    assert see(with_states(**states), NO_SHORT).holds is wanted


def test_a_rule_that_is_missing_is_unknown():
    """A snapshot without rules clears nothing."""
    s = judged().model_copy(update={"rules": ()})

    assert (see(s, NO_SHORT).holds, see(s, BASIS_ONLY).holds) == (None, None)


def test_a_stale_red_is_red():
    """Half a minute without news: the rule still fires."""
    s = judged(RED, later_sec=60)

    assert s.stale
    assert see(s, NO_SHORT).holds is True


def test_r1_is_told_although_basis_only_outranks_it():
    """YELLOW by basis-only is still no naked short (method L1)."""
    s = with_states(Light.YELLOW, R1="FIRES", BO="FIRES")

    assert (see(s, NO_SHORT).holds, see(s, BASIS_ONLY).holds) == (True, True)


@pytest.mark.parametrize(("state", "wanted"), [("FIRES", True), ("CLEAR", False), ("UNKNOWN", None), ("DISABLED", None)])
def test_basis_only_is_its_rule(state, wanted):
    """A borrow that nobody knows is no end of the trade."""
    assert see(with_states(BO=state), BASIS_ONLY).holds is wanted


@pytest.mark.parametrize(("light", "wanted"), [(Light.GREEN, True), (Light.YELLOW, False), (Light.RED, False), (Light.UNKNOWN, None)])
def test_the_short_window_is_the_green_light(light, wanted):
    """The stricter form of §8, with borrow and SRS (method F8)."""
    assert see(with_states(light), SHORT_WINDOW).holds is wanted


@pytest.mark.parametrize(
    ("light", "states", "level", "wanted"),
    [
        (Light.GREEN, {}, None, (False, 1.0)),
        (Light.YELLOW, {}, 1.0, (True, 1.0)),  # it left GREEN
        (Light.YELLOW, {}, None, (False, None)),  # entered in YELLOW
        (Light.RED, {"R2": "FIRES"}, None, (True, None)),
        (Light.RED, {"R2": "FIRES"}, 1.0, (True, 1.0)),
        (Light.YELLOW, {"R1": "FIRES", "BO": "FIRES"}, None, (True, None)),
        (Light.UNKNOWN, {"R1": "UNKNOWN"}, 1.0, (None, 1.0)),
    ],
)
def test_a_held_position_exits(light, states, level, wanted):
    """It leaves GREEN, or meets a red rule; doubt is neither (method L16)."""
    seen = see(with_states(light, **states), EXIT, held=True, level=level)

    assert (seen.holds, seen.level) == wanted


@pytest.mark.parametrize("light", Light)
def test_no_position_has_no_exit(light):
    """And forgets that it was GREEN."""
    seen = see(with_states(light, R2="FIRES"), EXIT, level=1.0)

    assert (seen.holds, seen.level) == (False, None)


@pytest.mark.parametrize(("srs", "wanted"), [(69, False), (70, True), (None, None)])
def test_srs_crosses_its_threshold(srs, wanted):
    """Touching counts."""
    assert see(judged().model_copy(update={"srs": srs}), SRS).holds is wanted


def test_thresholds_are_the_policy_s():
    """A desk that wants to hear earlier does."""
    s = judged().model_copy(update={"srs": 61, "cap_use": 0.5})

    assert see(s, SRS, srs_min=60).holds is True
    assert see(s, CAP, cap_use_min=0.5).holds is True


@pytest.mark.parametrize(("use", "wanted"), [(0.79, False), (0.8, True), (1.2, True), (None, None), (float("nan"), None)])
def test_funding_near_its_limit(use, wanted):
    """Cap or floor alike."""
    assert see(judged().model_copy(update={"cap_use": use}), CAP).holds is wanted


@pytest.mark.parametrize(
    ("hours", "reference", "wanted"),
    [
        (8, None, (False, 8, 8)),
        (4, 8, (True, 8, 4)),
        (1, 8, (True, 8, 1)),
        (8, 8, (False, 8, 8)),
        (8, 4, (False, 8, 8)),  # the reference rises
        (4, float("nan"), (False, 4, 4)),
        (4, float("inf"), (False, 4, 4)),
        (None, 8, (None, 8, None)),
        (None, None, (None, None, None)),
    ],
)
def test_the_interval_against_the_longest_known(hours, reference, wanted):
    """Shorter than it was; how much shorter is the rung."""
    seen = see(judged().model_copy(update={"funding_interval_hours": hours}), INTERVAL, level=reference)

    assert (seen.holds, seen.level, seen.rung) == wanted


@pytest.mark.parametrize(
    ("mark", "light", "wanted"),
    [
        (Quality.FRESH, Light.RED, False),
        (Quality.FRESH, Light.UNKNOWN, True),
        (Quality.STALE, Light.RED, True),
        (Quality.MISSING, Light.UNKNOWN, True),
    ],
)
def test_lost_data_are_never_unknown(mark, light, wanted):
    """A price that is not fresh, or a light that nobody can judge."""
    assert see(with_states(light, mark=mark), DATA).holds is wanted


def test_no_quality_of_the_mark_is_lost_data():
    """A snapshot that does not say how old its price is."""
    assert see(judged().model_copy(update={"quality": {}}), DATA).holds is True


def test_what_is_seen_in_words():
    """The "was" of the next message."""
    s = judged().model_copy(update={"srs": 65, "cap_use": 0.621, "funding_interval_hours": 4})

    assert {kind: sight.now for kind, sight in sights(s, AlertPolicy(), held=True, memory={}).items()} == {
        NO_SHORT: "SHORT WINDOW", BASIS_ONLY: "SHORT WINDOW", SHORT_WINDOW: "SHORT WINDOW", EXIT: "SHORT WINDOW", DATA: "SHORT WINDOW",
        SRS: "65", CAP: "62 %", INTERVAL: "4 h",
    }  # fmt: skip
    nothing = s.model_copy(update={"srs": None, "cap_use": None, "funding_interval_hours": None})
    assert [in_words(kind, nothing) for kind in (SRS, CAP, INTERVAL)] == ["n/a"] * 3
