"""What is news: a change that held, once, with its end; never on doubt, and the same history always says the same."""

import json
import random
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radar.deciding import GROUP_MAX, MUTED, OPPORTUNITIES, QUIET, SOFT, digest, group, hold_quiet, quiet, rested, step, within_cap
from radar.models import AlertKind, AlertPolicy, Decision, Light, Memory, Sight

T0 = 1_790_000_000_000
MIN = 60
NO_SHORT, BASIS_ONLY, SHORT_WINDOW, EXIT, SRS, INTERVAL, CAP, DATA, MARKET = AlertKind


def saved(memory):
    """What comes back from a file."""
    return {
        AlertKind(kind): Memory(**one)
        for kind, one in json.loads(json.dumps({k: m.model_dump(mode="json") for k, m in memory.items()})).items()
    }


class Desk:
    """One symbol, looked at again and again."""

    def __init__(self, kind=NO_SHORT, *, held=False, **policy):
        self.kind, self.policy = kind, AlertPolicy(**policy)
        self.memory, self.now_ms, self.told, self.light, self.held = {}, T0, [], Light.YELLOW, held

    def look(self, holds, after_sec=30, **sight):
        """One evaluation, so much later; its decisions as (edge, decided)."""
        self.now_ms += round(after_sec * 1000)
        seen = {self.kind: Sight(holds=holds, **sight)}
        self.memory, found = step("ARBUSDT", seen, self.memory, self.policy, now_ms=self.now_ms, light=self.light, held=self.held)
        self.told += found
        return [(one.edge, one.decided) for one in found]

    def looks(self, holds, minutes, **sight):
        """An evaluation every half minute; all their decisions."""
        return [one for _ in range(round(minutes * 2)) for one in self.look(holds, **sight)]

    def turn(self, policy):
        """Other settings from now on."""
        self.policy = self.policy.model_copy(update=policy)


OPENS, CLOSES, WAITS = ("opens", True), ("closes", True), ("opens", False)


def calm(kind=NO_SHORT, *, held=False, **policy):
    """A desk that has seen nothing hold so far."""
    desk = Desk(kind, held=held, **policy)
    assert desk.look(False) == []
    return desk


# ── holding ─────────────────────────────────────────────────────────────────────────────────────


def test_a_first_look_announces_nothing():
    """What is on when the radar starts is the baseline, and so is its end."""
    desk = Desk()

    assert desk.looks(True, 120) == []
    assert desk.looks(False, 120) == []
    assert desk.looks(True, 2) == [OPENS]


def test_the_unknown_is_no_baseline():
    """While the first data arrive nothing is known; what is then seen first is not news."""
    desk = Desk()

    assert desk.looks(None, 10) == []
    assert desk.memory == {}
    assert desk.looks(True, 10) == []


@pytest.mark.fault("F22")
def test_a_change_must_hold_a_minute_and_two_looks():
    """One at 0 s, at 30 s, and it is news at 60 s."""
    desk = calm()

    assert desk.look(True) == []
    assert desk.look(True) == []
    assert desk.look(True) == [OPENS]
    assert desk.looks(True, 600) == []


def test_two_looks_are_needed_however_far_apart():
    """A single look after a long pause is not enough; the second is."""
    desk = calm(hold_evaluations=2)

    assert desk.look(True, after_sec=1200) == []
    assert desk.look(True, after_sec=1200) == [OPENS]


def test_looking_often_does_not_shorten_the_minute():
    """Sixty looks within a minute are less than a minute."""
    desk = calm()

    assert [one for _ in range(60) for one in desk.look(True, after_sec=1)] == []
    assert desk.look(True, after_sec=1) == [OPENS]


@pytest.mark.fault("F22")
@pytest.mark.parametrize(
    ("kind", "interruption"),
    [(NO_SHORT, False), (EXIT, False), (BASIS_ONLY, False), (BASIS_ONLY, None), (SHORT_WINDOW, None), (SRS, None), (CAP, None)],
)
def test_an_interruption_starts_the_minute_again(kind, interruption):
    """What was interrupted, and an opportunity or a number if only by doubt, did not hold."""
    desk = calm(kind, held=True)
    desk.looks(True, 1)
    desk.look(interruption)

    assert desk.looks(True, 1) == []
    assert desk.look(True) == [OPENS]


@pytest.mark.fault("F30")
def test_doubt_never_clears_and_never_opens():
    """Ten hours of unknown leave an alert as it is, on or off."""
    desk = calm()
    assert desk.looks(None, 600) == []
    assert desk.looks(True, 2) == [OPENS]
    assert desk.looks(None, 600) == []
    assert desk.memory[NO_SHORT].active is True
    desk.look(False)
    desk.look(False)
    desk.look(None)
    assert desk.looks(False, 1) == []
    assert desk.look(False) == [CLOSES]


@pytest.mark.parametrize("kind", [NO_SHORT, EXIT])
def test_a_red_between_doubts_is_told(kind):
    """RED, unknown, RED, unknown …: nobody ever saw it clear, so the third RED, after two minutes, is news once."""
    desk = calm(kind, held=True, hold_evaluations=3, hold_sec=60)

    assert [one for holds in (True, None, True, None) for one in desk.look(holds)] == []
    assert desk.look(True) == [OPENS]
    assert [one for _ in range(50) for one in desk.look(None) + desk.look(True)] == []


def test_doubt_alone_completes_no_red():
    """One RED, then hours of unknown: it is told when it is seen again, not before."""
    desk = calm()
    desk.look(True)
    assert desk.looks(None, 600) == []

    assert desk.look(True) == [OPENS]


def test_a_red_that_cleared_between_doubts_starts_again():
    """RED, unknown, clear, unknown, RED: one look."""
    desk = calm()

    assert [one for holds in (True, True, None, False, None, True, True) for one in desk.look(holds)] == []
    assert desk.look(True) == [OPENS]


def test_flapping_data_are_told():
    """Lost, back for a moment, lost …: nobody can trade on them. The second loss that is a minute after the first is news."""
    desk = calm(DATA)

    assert [one for lost in (True, False) for one in desk.look(lost)] == []
    assert desk.look(True) == [OPENS]
    assert [one for _ in range(100) for one in desk.look(False) + desk.look(True)] == []
    assert desk.looks(False, 10) == [CLOSES]


def test_data_that_are_back_for_a_minute_were_not_lost_again():
    """A minute of data takes the loss before it back; half a minute does not, however often."""
    desk = calm(DATA, hold_evaluations=4)
    desk.look(True)
    assert desk.looks(False, 1.5) == []
    assert desk.looks(True, 1.5) == []
    assert desk.look(True) == [OPENS]

    desk = calm(DATA, hold_evaluations=4)
    assert [one for _ in range(3) for one in desk.look(True) + desk.looks(False, 1)] == []
    assert desk.look(True) == [OPENS]


def test_a_clock_that_was_set_back_does_not_count_lasting_data_as_a_moment():
    """An hour back, just when the data are back: they need their minute, not an hour and a minute."""
    desk = calm(DATA)
    desk.look(True)
    desk.look(False)
    desk.now_ms -= 3_600_000
    assert desk.looks(False, 2) == []

    assert desk.look(True) == []


def test_one_loss_is_no_news_however_long_ago():
    """It needs as many looks as any other news, and those at which the data were back are none."""
    desk = calm(DATA, hold_evaluations=2, hold_sec=600)
    desk.look(True)
    assert desk.looks(False, 9) == []
    assert desk.look(True) == []
    assert desk.look(True, after_sec=600) == [OPENS]


def test_what_flaps_before_data_are_lost_keeps_what_was():
    """The message says what was before the first loss."""
    desk = calm(DATA)
    desk.look(False, now="SHORT WINDOW")
    for lost, now in ((True, "NO DATA"), (False, "WAIT")):
        desk.look(lost, now=now)

    assert desk.memory[DATA].was == "SHORT WINDOW"


def test_what_nobody_watched_did_not_hold():
    """A RED before a stop and a RED an hour after it are two single looks, for every kind; what was told stays told."""
    desk = calm()
    desk.look(True)
    desk.memory = rested(desk.memory)
    assert desk.look(True, after_sec=3600) == []
    assert desk.look(True, after_sec=60) == [OPENS]
    desk.look(False)
    desk.memory = rested(desk.memory)
    assert desk.look(False, after_sec=3600) == []
    assert desk.look(False, after_sec=60) == [CLOSES]


def test_resting_takes_every_pending_back_and_nothing_else():
    """Rungs and data that were back for a moment too; what waits for nothing is the same object."""
    calm_, told = Memory(was="WAIT"), Memory(active=True, told=True, opened_ms=T0, flipped_ms=T0, rung=4, level=8, was="4 h")
    lower = told.model_copy(update={"pending_ms": T0, "pending_count": 3, "pending_rung": 1})
    lost = Memory(pending_ms=T0, pending_count=1, back_ms=T0, was="WAIT")
    after = rested({SRS: calm_, INTERVAL: lower, DATA: lost})

    assert after == {SRS: calm_, INTERVAL: told, DATA: calm_}
    assert after[SRS] is calm_


def test_no_opportunity_opens_under_an_unknown_light():
    """Basis-only may fire by its own rule; while the light is UNKNOWN nobody is told so."""
    desk = calm(BASIS_ONLY)
    desk.light = Light.UNKNOWN
    assert desk.looks(True, 60) == []
    desk.light = Light.YELLOW
    assert desk.looks(True, 2) == [OPENS]


# ── cooldown and re-arm ─────────────────────────────────────────────────────────────────────────


def test_the_end_is_told_once():
    """One opening, one end."""
    desk = calm()
    desk.looks(True, 5)

    assert desk.looks(False, 600) == [CLOSES]


def test_no_end_is_told_where_nobody_wants_it():
    """It is on record with its reason."""
    desk = calm(resolved=False)
    desk.looks(True, 5)

    assert desk.looks(False, 600) == [("closes", False)]
    assert desk.told[-1].reason == "resolved messages are off"


def test_a_second_opening_waits_for_the_cooldown_and_its_short_life_is_silent():
    """Held back once, with the reason; as nobody was told, nobody is told of its end."""
    desk = calm()
    desk.looks(True, 2)
    desk.looks(False, 12)

    assert desk.looks(True, 5) == [WAITS]
    assert desk.told[-1].reason == "cooldown: 14 of 30 min since the last one"
    assert desk.looks(False, 5) == []


@pytest.mark.fault("F50")
def test_an_opening_that_lasts_is_told_after_the_cooldown():
    """The last word is never "resolved" while it is on."""
    desk = calm()
    desk.looks(True, 2)
    first_ms = desk.told[-1].ts_ms
    desk.looks(False, 12)

    assert desk.looks(True, 120) == [WAITS, OPENS]
    assert desk.told[-1].ts_ms == first_ms + 30 * MIN * 1000


def test_a_late_opening_must_have_lasted():
    """The cooldown passes three minutes after it came back: ten minutes of its own it still needs."""
    desk = calm()
    desk.looks(True, 2)
    desk.looks(False, 27)
    assert desk.looks(True, 2) == [WAITS]
    held_ms = desk.told[-1].ts_ms

    assert desk.looks(True, 60) == [OPENS]
    assert desk.told[-1].ts_ms == held_ms + 10 * MIN * 1000


def test_a_late_opening_begins_a_cooldown():
    """What comes back twenty minutes after it waits again."""
    desk = calm()
    desk.looks(True, 2)
    desk.looks(False, 12)
    assert desk.looks(True, 20) == [WAITS, OPENS]
    desk.looks(False, 12)

    assert desk.looks(True, 5) == [WAITS]


@pytest.mark.fault("F50")
def test_flapping_within_the_cooldown_is_silent():
    """Two minutes on, two minutes off: one opening and one end in half an hour."""
    desk = calm()
    found = [one for _ in range(7) for one in desk.looks(True, 2) + desk.looks(False, 2)]

    assert [one for one in found if one[1]] == [OPENS, CLOSES]


@pytest.mark.fault("F50")
def test_flapping_faster_than_the_hold_is_nothing():
    """On, off, on, off: nothing held."""
    desk = calm()

    assert [one for _ in range(100) for one in desk.look(True) + desk.look(False)] == []


def test_it_is_re_armed_after_ten_clear_minutes():
    """With no cooldown left, five minutes of peace are too few: it is told when it has lasted ten itself."""
    desk = calm(cooldown_min=0)
    desk.looks(True, 2)
    desk.looks(False, 5)
    assert desk.looks(True, 2) == [WAITS]
    assert desk.told[-1].reason == "not re-armed: it was over for 5 of 10 min"
    assert desk.looks(True, 11) == [OPENS]
    desk.looks(False, 12)
    assert desk.looks(True, 2) == [OPENS]


def test_a_clock_that_was_set_back_stretches_no_cooldown():
    """An hour back: the cooldown begins again, it does not last an hour more."""
    desk = calm()
    desk.looks(True, 2)
    desk.looks(False, 12)
    desk.now_ms -= 3_600_000

    assert desk.looks(True, 35) == [WAITS, OPENS]


# ── off, muted, passing ─────────────────────────────────────────────────────────────────────────


def test_switching_on_announces_nothing_that_was_on():
    """While it is off the baseline moves along."""
    desk = calm()
    desk.turn({"off": frozenset({NO_SHORT})})
    assert desk.looks(True, 60) == []
    desk.turn({"off": frozenset()})
    assert desk.looks(True, 60) == []
    assert desk.looks(False, 20) == []
    assert desk.looks(True, 2) == [OPENS]


def test_switching_off_drops_what_waited():
    """A held-back opening is not told when the kind comes back."""
    desk = calm()
    desk.looks(True, 2)
    desk.looks(False, 12)
    assert desk.looks(True, 2) == [WAITS]
    desk.turn({"off": frozenset({NO_SHORT})})
    desk.look(None)
    desk.turn({"off": frozenset()})

    assert desk.looks(True, 120) == []


def test_red_mutes_softer_news_until_it_is_over():
    """On record with its reason; told once when the light is no longer RED, and resolved."""
    desk = calm(SRS)
    desk.light = Light.RED
    assert desk.looks(True, 60) == [WAITS]
    assert desk.told[-1].reason == MUTED
    desk.light = Light.YELLOW
    assert desk.look(True) == [OPENS]
    assert desk.looks(True, 120) == []
    assert desk.looks(False, 20) == [CLOSES]


def test_what_ends_while_it_is_muted_is_silent():
    """Nobody was told, so there is nothing to resolve, and nothing to tell when the light turns."""
    desk = calm(SRS)
    desk.light = Light.RED
    assert desk.looks(True, 60) == [WAITS]
    assert desk.looks(False, 20) == []
    desk.light = Light.YELLOW
    assert desk.looks(False, 20) == []


def test_a_muted_opening_keeps_the_cooldown_and_must_have_lasted():
    """When RED is over sooner: ten minutes of its own, and half an hour since the last one."""
    desk = calm(SRS)
    desk.light = Light.RED
    assert desk.looks(True, 2) == [WAITS]
    muted_ms = desk.told[-1].ts_ms
    desk.light = Light.YELLOW
    assert desk.looks(True, 12) == [OPENS]
    assert desk.told[-1].ts_ms == muted_ms + 10 * MIN * 1000
    first_ms = desk.told[-1].ts_ms
    assert desk.looks(False, 2) == [CLOSES]
    desk.light = Light.RED
    assert desk.looks(True, 2) == [WAITS]
    desk.light = Light.YELLOW
    assert desk.looks(True, 60) == [OPENS]
    assert desk.told[-1].ts_ms == first_ms + 30 * MIN * 1000


def test_a_muted_lower_rung_is_told_when_red_is_over():
    """8 → 4 h was told, 1 h came under RED; that it all ended is told as well."""
    desk = calm(INTERVAL)
    desk.looks(True, 40, rung=4)
    desk.light = Light.RED
    assert desk.looks(True, 40, rung=1) == [WAITS]
    desk.light = Light.YELLOW
    assert desk.look(True, rung=1) == [OPENS]
    assert desk.looks(False, 5, rung=8) == [CLOSES]


def test_red_mutes_no_end_and_a_late_opening_waits_for_it():
    """What was told is resolved in any light; what the cooldown held back is not told into RED."""
    desk = calm(SRS)
    desk.looks(True, 2)
    desk.light = Light.RED
    assert desk.looks(False, 5) == [CLOSES]
    desk.light = Light.YELLOW
    assert desk.looks(True, 2) == [WAITS]
    desk.light = Light.RED
    assert desk.looks(True, 60) == []
    desk.light = Light.YELLOW
    assert desk.look(True) == [OPENS]


@pytest.mark.parametrize("kind", AlertKind)
@pytest.mark.parametrize("held", [True, False])
def test_what_passes(kind, held):
    """Exits, and what endangers a held position."""
    desk = Desk(kind)
    desk.held = held
    desk.look(False)
    desk.looks(True, 2)
    wanted = held and kind in {NO_SHORT, DATA, EXIT}

    assert [one.passes for one in desk.told] == ([] if kind is EXIT and not held else [wanted])


def test_a_position_that_is_red_at_the_first_look_hears_of_it():
    """The radar starts, or the position is marked as held, into RED: an exit once it held, and its end."""
    desk = Desk(EXIT, held=True)
    assert desk.looks(True, 1) == []
    assert desk.look(True) == [OPENS]
    assert desk.looks(True, 60) == []
    assert desk.looks(False, 20) == [CLOSES]

    desk = Desk(EXIT)
    assert desk.looks(True, 10, now="NO SHORT") == []
    desk.held = True
    assert desk.looks(True, 1, now="NO SHORT") == []
    assert desk.memory[EXIT].was == ""  # it did not change from anything: it was marked
    assert desk.look(True, now="NO SHORT") == [OPENS]


def test_the_end_of_a_position_is_no_news_and_the_next_starts_afresh():
    """No "resolved" for a position that was closed, no cooldown for the next one."""
    desk = Desk(EXIT)
    desk.held = True
    desk.look(False, level=1.0)
    assert desk.looks(True, 2, level=1.0) == [OPENS]
    desk.held = False
    assert desk.looks(False, 5, now="NO SHORT") == []
    assert desk.memory[EXIT] == Memory()
    desk.held = True
    assert desk.looks(True, 2) == [OPENS]


def test_a_lower_rung_is_news_again():
    """8 → 4 → 1 h is told twice, 4 h in between is not, and it ends once."""
    desk = calm(INTERVAL)
    assert desk.looks(True, 40, rung=4, level=8) == [OPENS]
    assert desk.looks(True, 40, rung=1, level=8) == [OPENS]
    assert desk.looks(True, 40, rung=4, level=8) == []
    assert desk.looks(True, 40, rung=1, level=8) == []
    assert desk.looks(False, 40, rung=8, level=8) == [CLOSES]


def test_a_lower_rung_keeps_the_cooldown_and_the_end():
    """Ten minutes after the first step the second waits; if it is over before, that is still told."""
    desk = calm(INTERVAL)
    desk.looks(True, 2, rung=4)
    assert desk.looks(True, 5, rung=1) == [WAITS]
    assert desk.looks(False, 5) == [CLOSES]
    desk = calm(INTERVAL)
    desk.looks(True, 2, rung=4)
    assert desk.looks(True, 60, rung=1) == [WAITS, OPENS]


def test_an_end_under_way_is_no_lower_rung():
    """A minute's hold is of one change, not of two."""
    desk = calm(INTERVAL)
    desk.looks(True, 40, rung=4)
    desk.looks(False, 1)

    assert desk.looks(True, 1, rung=1) == []
    assert desk.look(True, rung=1) == [OPENS]


def test_it_remembers_what_was():
    """The last thing seen before the change that is told: at the change, and at a late telling."""
    desk = calm()
    desk.look(False, now="SHORT WINDOW")
    desk.looks(True, 1, now="NO SHORT")
    assert desk.memory[NO_SHORT].was == "SHORT WINDOW"
    assert desk.look(True, now="NO SHORT") == [OPENS]
    desk.look(True, now="NO SHORT")
    assert desk.memory[NO_SHORT].was == "NO SHORT"
    desk.looks(False, 12, now="WAIT")
    assert desk.looks(True, 10, now="NO SHORT") == [WAITS]
    assert desk.memory[NO_SHORT].was == "WAIT"


def test_what_did_not_change_is_the_same_object():
    """Only changes need to be kept."""
    desk = calm()
    desk.look(False)
    before = desk.memory[NO_SHORT]
    desk.look(False)

    assert desk.memory[NO_SHORT] is before


def test_a_symbol_with_half_a_character_is_news_that_can_be_kept():
    """Neither a database nor a message takes one."""
    memory = {NO_SHORT: Memory(pending_ms=T0, pending_count=1)}
    _, found = step("A\ud83dUSDT", {NO_SHORT: Sight(holds=True)}, memory, AlertPolicy(), now_ms=T0 + 60_000, light=Light.RED, held=False)

    assert [one.symbol for one in found] == ["A?USDT"]


def test_the_words_of_the_sight_are_the_decision_s():
    """Title and body are handed through."""
    desk = calm()
    desk.looks(True, 2, title="ARBUSDT NO SHORT", body="R2")

    assert (desk.told[0].symbol, desk.told[0].title, desk.told[0].body) == ("ARBUSDT", "ARBUSDT NO SHORT", "R2")


# ── any history ─────────────────────────────────────────────────────────────────────────────────

KINDS = tuple(AlertKind)
STATES = (False, True, None)
OFTEN = (False, True) * 6 + (None,)
SEGMENTS = st.lists(
    st.tuples(
        st.integers(0, 14),  # what changes: what is seen, the light, the position, what is switched off
        st.integers(0, 7),  # to what
        st.integers(1, 24),  # for how many looks
        st.sampled_from([1, 10, 30, 61, 300, 1200]),  # so many seconds apart, at most
    ),
    min_size=1,
    max_size=10,
)
POLICIES = st.builds(
    AlertPolicy,
    hold_evaluations=st.sampled_from([1, 2, 3]),
    hold_sec=st.sampled_from([0, 60, 300]),
    cooldown_min=st.sampled_from([0, 5, 30]),
    rearm_min=st.sampled_from([0, 10]),
    resolved=st.booleans(),
)


def lived(segments, seed, policy, *, restart=0.0):
    """Every look of a history: (now, what was seen, light, held, off, memory before, memory after, decisions)."""
    dice, restarts = random.Random(seed), random.Random(seed + 1)
    seen = {kind: dice.choice(STATES) for kind in KINDS}
    light, held, off, memory, now_ms = Light.YELLOW, True, frozenset(), {}, T0
    for what, to, looks, apart in segments:
        if what < 11:
            seen = {kind: dice.choice(OFTEN) if dice.random() < 0.6 else value for kind, value in seen.items()}
        elif what == 11:
            light = list(Light)[to % 4]
        elif what == 12:
            held = not held
        elif what == 13:
            off ^= {KINDS[to]}
        else:  # a jumpy market
            seen = {kind: dice.choice((*STATES, value)) for kind, value in seen.items()}
        for _ in range(looks):
            now_ms += dice.randint(1, apart) * 1000
            sights = {kind: Sight(holds=holds) for kind, holds in seen.items()}
            if restarts.random() < restart:
                memory = saved(memory)
            ways = policy.model_copy(update={"off": off})
            after, found = step("ARBUSDT", sights, memory, ways, now_ms=now_ms, light=light, held=held)
            yield now_ms, dict(seen), light, held, off, memory, after, found
            memory = after


ODD = st.one_of(st.none(), st.integers(-(10**30), 10**30), st.sampled_from([T0, T0 - 1, 0]))
ODD_NUMBER = st.one_of(st.none(), st.floats())


@settings(max_examples=400, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(AlertKind),
        st.builds(
            Memory,
            active=st.booleans(), told=st.booleans(), held=st.booleans(), pending_count=st.integers(-(10**30), 10**30),
            pending_ms=ODD, back_ms=ODD, opened_ms=ODD, flipped_ms=ODD,
            level=ODD_NUMBER, rung=ODD_NUMBER, pending_rung=ODD_NUMBER, was=st.text(),
        ),
    ),
    st.sampled_from(STATES), ODD_NUMBER, ODD_NUMBER, st.text(st.characters(), max_size=20),
    st.sampled_from(Light), st.booleans(), st.booleans(),
)  # fmt: skip
def test_no_memory_stops_the_radar(memory, holds, level, rung, symbol, light, held, off):
    """Whatever a file brings back, and whatever a symbol is made of: a memory comes out, and news that can be kept."""
    policy = AlertPolicy(off=frozenset(AlertKind) if off else frozenset())
    for now_ms in (T0, T0 + 30_000, T0 + 90_000):
        seen = {kind: Sight(holds=holds, level=level, rung=rung) for kind in AlertKind}
        memory, found = step(symbol, seen, rested(memory), policy, now_ms=now_ms, light=light, held=held)
        for one in found:
            one.symbol.encode()


def listens(kind, light, held, off):
    """Whether anything is decided about the kind, and nothing mutes it."""
    muted = (light is Light.RED and kind in SOFT) or (light is Light.UNKNOWN and kind in OPPORTUNITIES)
    return kind not in off and not muted and (held or kind is not EXIT)


class Witness:
    """What one kind lived through, told independently of what `step` remembers."""

    def __init__(self, kind, policy):
        self.kind, self.policy = kind, policy
        self.opposite_seen = kind is EXIT  # since the last news there was something to change from; to be held is
        self.open, self.told_ms = False, None
        self.run_ms, self.run_looks, self.ripe_ms, self.told_in_run, self.back_ms = None, 0, None, False, None

    def look(self, now_ms, holds, light, held, off, before, found):
        """Check this look against every promise."""
        policy = self.policy
        if self.kind is EXIT and not held:  # no position is nothing to leave; the next one starts afresh
            assert found == []
            self.__init__(self.kind, policy)
            return
        if self.kind in off:  # the baseline moves along
            assert found == []
            if holds is not None:
                self.open, self.opposite_seen = self.open and holds, not holds
            self._ends_run()
            return
        assert len(found) <= 1
        for one in found:
            assert holds is (one.edge == "opens")  # never on doubt, never against what is seen
            assert before is not None or self.kind is EXIT
            assert bool(one.reason) is not one.decided
        news = [one for one in found if one.decided]
        for one in news:
            if one.edge == "opens":
                assert listens(self.kind, light, held, off)
                assert not self.open  # openings and ends take turns
                assert self.opposite_seen
                assert self.told_ms is None or now_ms - self.told_ms >= policy.cooldown_min * 60_000
                self.told_ms, self.opposite_seen, self.told_in_run = now_ms, False, True
            else:
                assert self.open
                assert policy.resolved
            self.open = one.edge == "opens"
        if any(one.edge == "closes" for one in found):
            self.open = False
        self.opposite_seen |= holds is False
        if listens(self.kind, light, held, off):
            self._lasts(now_ms, holds, before)
        else:
            self._ends_run()

    def _ends_run(self):
        self.run_ms, self.run_looks, self.ripe_ms, self.told_in_run, self.back_ms = None, 0, None, False, None

    def _lasts(self, now_ms, holds, before):
        """Nothing is lost: what holds long enough, doubts about a RED and moments of data notwithstanding, has been told."""
        policy = self.policy
        if holds is None and self.kind in {NO_SHORT, EXIT}:
            return
        if holds is False and self.kind is DATA:
            self.back_ms = now_ms if self.back_ms is None else self.back_ms
            if now_ms - self.back_ms < policy.hold_sec * 1000:
                return
        if holds is not True:
            self._ends_run()
            return
        self.back_ms = None
        if self.run_ms is None:
            nothing = before is None and self.kind is EXIT
            fresh = nothing or (before is not None and (not before.active or before.held) and before.pending_ms is None)
            self.run_ms = now_ms if fresh else -1
        self.run_looks += 1
        if self.run_ms < 0:
            return
        if self.ripe_ms is None and self.run_looks >= policy.hold_evaluations and now_ms - self.run_ms >= policy.hold_sec * 1000:
            self.ripe_ms = now_ms
        if self.ripe_ms is not None and now_ms - self.ripe_ms >= max(policy.cooldown_min, policy.rearm_min) * 60_000:
            assert self.told_in_run


@settings(max_examples=1200, deadline=None)
@given(SEGMENTS, st.integers(0, 1 << 30), POLICIES)
def test_any_history_keeps_every_promise(segments, seed, policy):
    """No news without a change, none lost, none within the cooldown, openings and ends in turn, nothing on doubt."""
    witnesses = {kind: Witness(kind, policy) for kind in KINDS}
    for now_ms, seen, light, held, off, before, after, found in lived(segments, seed, policy):
        for kind in KINDS:
            mine = [one for one in found if one.kind is kind]
            witnesses[kind].look(now_ms, seen[kind], light, held, off, before.get(kind), mine)
            if seen[kind] is None and kind in before and kind is not EXIT:
                assert before[kind].active is after[kind].active


@settings(max_examples=150, deadline=None)
@given(SEGMENTS, st.integers(0, 1 << 30), POLICIES)
def test_restarts_change_nothing_and_twice_is_the_same(segments, seed, policy):
    """The memory goes through JSON at any moments: the same decisions, the same memory."""
    first = [(now, after, found) for now, *_, after, found in lived(segments, seed, policy)]

    assert [(now, after, found) for now, *_, after, found in lived(segments, seed, policy)] == first
    assert [(now, after, found) for now, *_, after, found in lived(segments, seed, policy, restart=0.3)] == first


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([8, 4, 2, 1, None]), st.integers(1, 60), st.sampled_from([10, 61, 1200])), max_size=20))
def test_any_history_of_rungs_ends_what_it_began(history):
    """An interval that wanders: every news differs from the last, no end without an opening, cooldown kept."""
    policy, memory, now_ms, news = AlertPolicy(), {}, T0, []
    for hours, looks, apart in history:
        for _ in range(looks):
            now_ms += apart * 1000
            sight = Sight(holds=None if hours is None else hours < 8, rung=hours, level=8)
            memory, found = step("ARBUSDT", {INTERVAL: sight}, memory, policy, now_ms=now_ms, light=Light.YELLOW, held=False)
            news += [(one, hours) for one in found if one.decided]
    for (one, before), (two, after) in pairwise(news):
        assert (one.edge, two.edge) != ("closes", "closes")
        assert one.edge != "opens" or two.edge != "opens" or (after < before and two.ts_ms - one.ts_ms >= 30 * MIN * 1000)
    assert not news or news[0][0].edge == "opens"


MISHAPS = st.lists(
    st.tuples(
        st.sampled_from(["look", "look", "look", "restart", "clock back", "clock ahead", "edited", "gap"]),
        st.sampled_from([True, True, False, False, None]),
        st.integers(1, 8),
    ),
    min_size=5,
    max_size=40,
)


@pytest.mark.fault("F28", "F39", "F50", "F51")
@settings(max_examples=250, deadline=None, derandomize=True)
@given(MISHAPS, st.lists(POLICIES, min_size=2, max_size=2), st.sampled_from([NO_SHORT, BASIS_ONLY, SRS, DATA]))
def test_no_mishap_tells_a_change_twice_or_opens_from_the_unknown(mishaps, policies, kind):
    """Restarts, gaps, a clock that jumps either way, settings changed while it is on: openings and ends in turn, each seen, within the cooldown one."""
    memory, now_ms, lived_sec, ahead_sec, policy = {}, T0, 0, 0, policies[0]
    told, seen_off, opened = [], False, []
    for what, holds, looks in mishaps:
        if what == "restart":
            memory = saved(memory)
        elif what == "gap":
            memory, lived_sec, now_ms = rested(saved(memory)), lived_sec + 600, now_ms + 600_000
        elif what in ("clock back", "clock ahead"):
            now_ms += -7_200_000 if what == "clock back" else 1_800_000
            ahead_sec += 1_800 if what == "clock ahead" else 0
        elif what == "edited":
            policy = policies[looks % 2]
        for _ in range(looks):
            now_ms, lived_sec = now_ms + 30_000, lived_sec + 30
            memory, found = step("ARBUSDT", {kind: Sight(holds=holds)}, memory, policy, now_ms=now_ms, light=Light.YELLOW, held=False)
            for one in found:
                assert holds is (one.edge == "opens")
            for one in [one for one in found if one.decided]:
                assert [one.edge] != [before.edge for before in told[-1:]] or one.edge == "opens"  # an end may be unwanted
                if one.edge == "opens":
                    assert seen_off  # it was seen to be otherwise since the last opening: what is unknown is no such sight
                    assert not opened or lived_sec + ahead_sec - opened[-1] >= min(p.cooldown_min for p in policies) * 60
                    opened.append(lived_sec + ahead_sec)
                    seen_off = False
                told.append(one)
            seen_off |= holds is False


@pytest.mark.fault("F50")
def test_an_hour_of_flapping_at_every_look_is_bounded():
    """On, off, on, off with no time to hold: one opening a cooldown and its end; each other opening is in the log with its reason."""
    desk = calm(hold_evaluations=1, hold_sec=0)
    found = [one for _ in range(60) for one in desk.look(True) + desk.look(False)]
    held = [one for one in desk.told if not one.decided]

    assert found.count(OPENS) == found.count(CLOSES) <= 1 + 60 // 30
    assert len(held) == 60 - found.count(OPENS)
    assert all(one.reason.startswith(("cooldown", "not re-armed")) for one in held)
    assert desk.looks(True, 60)[-1] == OPENS  # it lasts: told after all


@pytest.mark.fault("F52")
def test_the_most_urgent_of_a_crowd_is_named_first():
    """Five hundred RED and the exit of one that is held: it is the title, and the first line."""
    crowd = [decision(f"S{n}USDT", NO_SHORT, title=f"S{n}USDT NO SHORT") for n in range(500)]
    title, body = group([*crowd, decision("HELDUSDT", EXIT, title="HELDUSDT EXIT", passes=True)])

    assert title == "501 alerts: HELDUSDT EXIT"
    assert body.startswith("HELDUSDT EXIT\n")


# ── quiet hours, digest, groups, cap ────────────────────────────────────────────────────────────


def at(text):
    """Epoch ms of a moment, UTC."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("zone", "start", "end", "moment", "wanted"),
    [
        ("UTC", "22:00", "07:00", "2026-03-10T21:59:59", False),
        ("UTC", "22:00", "07:00", "2026-03-10T22:00:00", True),
        ("UTC", "22:00", "07:00", "2026-03-11T06:59:59", True),
        ("UTC", "22:00", "07:00", "2026-03-11T07:00:00", False),
        ("UTC", "13:00", "14:30", "2026-03-11T14:29:00", True),
        ("UTC", "13:00", "14:30", "2026-03-11T14:30:00", False),
        ("UTC", "08:00", "08:00", "2026-03-11T08:00:00", False),
        ("UTC", None, "08:00", "2026-03-11T07:00:00", False),
        ("UTC", "08:00", None, "2026-03-11T09:00:00", False),
        ("Asia/Kolkata", "22:00", "07:00", "2026-03-11T16:29:00", False),
        ("Asia/Kolkata", "22:00", "07:00", "2026-03-11T16:30:00", True),
        # Berlin: 07:00 is 06:00 UTC in winter and 05:00 in summer; on 29 March 02:30 does not exist, on 25 October it does twice
        ("Europe/Berlin", "22:00", "07:00", "2026-03-28T05:59:00", True),
        ("Europe/Berlin", "22:00", "07:00", "2026-03-29T04:59:00", True),
        ("Europe/Berlin", "22:00", "07:00", "2026-03-29T05:00:00", False),
        ("Europe/Berlin", "02:30", "07:00", "2026-03-29T01:00:00", True),
        ("Europe/Berlin", "02:00", "02:30", "2026-10-25T00:10:00", True),
        ("Europe/Berlin", "02:00", "02:30", "2026-10-25T00:40:00", False),
        ("Europe/Berlin", "02:00", "02:30", "2026-10-25T01:10:00", True),
    ],
)
def test_quiet_hours_follow_the_clock_on_the_wall(zone, start, end, moment, wanted):
    """Over midnight, in any zone, through both changes of the clock."""
    assert quiet(at(moment), zone, AlertPolicy(quiet_from=start, quiet_to=end)) is wanted


def decision(symbol="ARBUSDT", kind=SRS, edge="opens", ts_ms=T0, **facts):
    """News with plausible words."""
    return Decision(
        **{"ts_ms": ts_ms, "symbol": symbol, "kind": kind, "edge": edge, "decided": True, "title": f"{symbol} {kind} {edge}", "body": ""}
        | facts
    )


def test_quiet_hours_hold_back_what_may_not_pass():
    """An exit passes, what was held back for another reason keeps it, the rest waits for the digest."""
    policy = AlertPolicy(quiet_from="22:00", quiet_to="07:00")
    given_ = [decision(), decision(kind=EXIT, passes=True), decision(decided=False, reason=MUTED)]

    assert [(d.decided, d.reason) for d in hold_quiet(given_, at("2026-03-10T23:00"), "UTC", policy)] == [
        (False, QUIET),
        (True, ""),
        (False, MUTED),
    ]
    assert hold_quiet(given_, at("2026-03-10T12:00"), "UTC", policy) == given_


def test_the_digest_is_in_order_with_the_time_on_the_wall():
    """Morning reading."""
    held = [decision(ts_ms=at("2026-03-11T02:05"), reason=QUIET), decision("BTCUSDT", ts_ms=at("2026-03-10T23:10"), reason=QUIET)]

    assert digest(held, "Europe/Berlin") == [
        ("Quiet hours are over: 2 alerts held back", "00:10 BTCUSDT srs opens\n03:05 ARBUSDT srs opens"),
    ]
    assert digest([]) == []


def test_a_digest_of_the_cap_does_not_speak_of_quiet_hours():
    """It says why it comes late."""
    assert (
        digest([decision(decided=False, reason="more than 20 messages in an hour")])[0][0]
        == "The hour's cap has room again: 1 alert held back"
    )


def lines_of(messages):
    """All lines of all messages."""
    return [line for _, body in messages for line in body.split("\n")]


def test_a_long_night_takes_several_messages_and_leaves_nothing_out():
    """Sixty lines of a hundred characters: every one, in order, over messages that say which of how many they are."""
    held = [decision(f"S{n}USDT", ts_ms=T0 + n * 60_000, title=f"S{n}USDT " + "y" * 90, reason=QUIET) for n in range(60)]
    messages = digest(held)

    assert [line.split()[1] for line in lines_of(messages)] == [f"S{n}USDT" for n in range(60)]
    assert 1 < len(messages) <= 5
    assert [title for title, _ in messages] == [
        f"Quiet hours are over: 60 alerts held back ({n} of {len(messages)})" for n in range(1, len(messages) + 1)
    ]
    assert all(len(title) + len(body) < GROUP_MAX for title, body in messages)


def test_a_night_too_long_keeps_reds_exits_and_data():
    """Five hundred softer ones are counted, forty that matter are all there, in order."""
    soft = [decision(f"S{n}USDT", ts_ms=T0 + n * 1000, title=f"S{n}USDT " + "y" * 90) for n in range(500)]
    hard = [decision(f"H{n}USDT", (NO_SHORT, EXIT, DATA)[n % 3], ts_ms=T0 + n * 60_000, title=f"H{n}USDT") for n in range(40)]
    messages = digest(soft + hard)
    *listed, last = lines_of(messages)

    assert [line.split()[1] for line in listed] == sorted((one.symbol for one in hard), key=lambda name: int(name[1:-4]))
    assert last == "+500 softer alerts left out: the log has them"
    assert "540 alerts" in messages[0][0]
    assert digest(soft)[0][1] == last


def test_a_night_of_reds_puts_exits_first():
    """What fits into five messages, exits before all else, each message in its order; the rest is counted."""
    reds = [decision(f"S{n}USDT", NO_SHORT, ts_ms=T0 + n * 1000, title=f"S{n}USDT " + "y" * 200) for n in range(500)]
    exits = [decision("LASTUSDT", EXIT, ts_ms=T0 + 3_600_000, title="LASTUSDT EXIT"), decision(kind=SRS)]
    messages = digest(reds + exits)
    *listed, last = lines_of(messages)

    assert len(messages) == 5
    assert messages[0][1].split("\n")[-1].endswith("LASTUSDT EXIT")
    assert len(listed) >= 45
    assert last == f"+{502 - len(listed)} alerts left out: the log has them"
    assert all(len(title) + len(body) < GROUP_MAX for title, body in messages)
    for _, body in messages:
        times = [line[:5] for line in body.split("\n") if not line.startswith("+")]
        assert times == sorted(times)


def test_one_decision_is_its_own_message():
    """And none is none."""
    assert group([decision(title="t", body="b")]) == ("t", "b")
    assert group([]) == ("", "")


def test_a_group_begins_with_what_is_urgent():
    """A line each; then the whole text of every symbol's first, as far as it fits."""
    many = [
        decision("AUSDT", SHORT_WINDOW, "closes", title="AUSDT resolved", body="A over"),
        decision("AUSDT", NO_SHORT, title="AUSDT NO SHORT", body="A full text"),
        decision("BUSDT", SRS, title="BUSDT SRS", body="x" * 1900),
        decision("CUSDT", EXIT, title="CUSDT EXIT", body="C full text", passes=True),
    ]
    title, body = group(many)

    assert title == "4 alerts: CUSDT EXIT"
    assert body == "CUSDT EXIT\nAUSDT NO SHORT\nBUSDT SRS\nAUSDT resolved\n\nC full text\n\nA full text"


@pytest.mark.fault("F52")
@pytest.mark.parametrize("long", [10, 150, 4000])
def test_a_crowd_says_how_many_more(long):
    """Five hundred symbols at once are one message of at most 1,900 characters that counts the rest."""
    title, body = group([decision(f"S{n}USDT", title=f"S{n}USDT " + "y" * long, body="z" * 100) for n in range(500)])
    lines = body.split("\n")

    assert len(title) + len(body) < GROUP_MAX
    assert int(lines[-1].removeprefix("+").removesuffix(" more")) == 500 - (len(lines) - 1)


def test_no_title_breaks_a_line_of_a_group():
    """Words from outside stay in their line."""
    odd = [decision(title="a\nb"), decision(title="c\u2028d\ud800")]

    assert group(odd)[1] == "a b\nc d"
    assert [line[6:] for line in digest(odd)[0][1].split("\n")] == ["a b", "c d"]


def test_the_cap_counts_the_last_hour():
    """Twenty within an hour are full; an hour later there is room, and a clock that was set back makes none."""
    hour = 3_600_000
    assert within_cap([T0 - hour] * 20, 20, T0) is True
    assert within_cap([T0 - hour + 1] * 20, 20, T0) is False
    assert within_cap([T0 + hour] * 20, 20, T0) is False
    assert within_cap([T0] * 19, 20, T0) is True
