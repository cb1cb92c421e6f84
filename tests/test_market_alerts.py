"""Alerts on the whole market: what can be asked, what unknown means, and that deciding is that of every other alert."""

import json
import time
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radar import deciding, market_deciding
from radar.errors import BadRequest, StoreError, UnknownAlert
from radar.mailbag import Mailbag
from radar.market_alert_desk import MarketAlertDesk
from radar.market_alerts import HOLDS, MOST_ALERTS, NOT, NUMBERS, UNKNOWN, WORDS, asked, checked, condition, in_words, matching, seen
from radar.models import AlertKind, AlertPolicy, Light, MarketAlert, Memory, Sight
from radar.scan.table import MARKET_COLUMNS
from radar.teller import Teller

NOW = 1_790_000_000_000
SEC, MINUTE, HOUR = 1_000, 60_000, 3_600_000
DEEP = {"name": "deep", "conditions": ["funding_1h_pct <= -0.2"]}


def table(**columns):
    """A market's table: as many symbols as the longest column, the rest unknown."""
    rows = max((len(values) for values in columns.values()), default=0)
    made = pd.DataFrame({name: pd.Series(columns.get(name, [None] * rows), dtype=object) for name in MARKET_COLUMNS})
    made.index = [f"T{row:03d}USDT" for row in range(rows)]
    return made


def alert(*conditions, **more):
    """A market alert of these texts."""
    return checked({"conditions": list(conditions), **more})


# ── what can be asked ──


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("funding_1h_pct <= -0.2", "funding ≤ −0.2 %/h"),
        ("delta_oi_1h_pct>=10", "OI 1 h ≥ 10 %"),
        ("perp_vol24_usdt > 1e7", "volume 24 h > 10,000,000 USDT"),
        ("R3 is FIRES", "R3 FIRES"),
        ("flag INTERVAL", "flag INTERVAL"),
        ("flags is floor", "flag FLOOR"),
        ("traffic_light is red", "light RED"),
        ("has_spot is no", "spot market no"),
        ({"metric": "srs", "op": ">=", "value": 70}, "SRS ≥ 70"),
        ({"metric": "watched", "op": "is", "value": False}, "watched no"),
    ],
)
def test_a_condition_is_read_and_said(text, reads):
    """As text or in parts; said with its unit."""
    assert in_words(condition(text)) == reads


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"conditions": []}, "one to 4"),
        ({"conditions": ["srs > 1"] * 5}, "one to 4"),
        ({"conditions": "srs > 1"}, "one to 4"),
        ({}, "one to 4"),
        ({"conditions": ["surprise > 1"]}, "cannot be compared; there are funding_1h_pct"),
        ({"conditions": ["srs is 70"]}, "needs >, >=, < or <="),
        ({"conditions": ["R1 > 3"]}, "needs “is”"),
        ({"conditions": ["R1 is RED"]}, "one of FIRES, CLEAR"),
        ({"conditions": ["srs > many"]}, "with a number"),
        ({"conditions": ["srs > nan"]}, "with a number"),
        ({"conditions": ["srs > inf"]}, "with a number"),
        ({"conditions": [{"metric": "srs", "op": ">", "value": True}]}, "with a number"),
        ({"conditions": ["flag"]}, "cannot be read"),
        ({"conditions": [7]}, "metric, op and value"),
        ({"conditions": [{"metric": ["x"], "op": ">", "value": 1}]}, "cannot be compared"),
        ({"conditions": [{"metric": "srs", "op": [], "value": 1}]}, "needs >"),
        ({"conditions": ["srs > 1"], "min_volume_usdt": -1}, "min_volume_usdt"),
        ({"conditions": ["srs > 1"], "min_volume_usdt": "much"}, "min_volume_usdt"),
        ({"conditions": ["srs > 1"], "min_volume_usdt": float("nan")}, "min_volume_usdt"),
        ({"conditions": ["srs > 1"], "on": 1}, "on: true or false"),
        ({"conditions": ["srs > 1"], "name": "x" * 61}, "name"),
        ({"conditions": ["srs > 1"], "nonsense": 1}, "nonsense"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_sentence(values, says):
    """And says what could be."""
    with pytest.raises(BadRequest, match=says):
        checked(values)


def test_every_metric_is_a_column_of_the_market():
    """None can be asked for that the table does not have."""
    assert sorted({*NUMBERS, *WORDS} - set(MARKET_COLUMNS)) == []


def test_every_flag_of_the_market_can_be_asked_for():
    """And no other."""
    assert set(WORDS["flags"].choices) == set(pytest.importorskip("radar.scan.flags").FLAGS)


def test_a_nameless_alert_is_called_by_its_conditions():
    """Nobody has to think of a name, and a hostile one is plain text."""
    assert alert("srs >= 70", "flag ADL").name == "SRS ≥ 70 and flag ADL"
    assert alert("srs >= 70", name="<b>*x*\n").name == "bx"
    assert asked(alert("srs >= 70", min_volume_usdt=1e7)) == "SRS ≥ 70 and volume 24 h from $10.0M"


# ── who meets it ──


@pytest.mark.parametrize(
    ("text", "columns", "sees"),
    [
        ("funding_1h_pct <= -0.2", {"funding_1h_pct": [-0.2, -0.1999, None, np.nan, np.inf]}, [HOLDS, NOT, UNKNOWN, UNKNOWN, UNKNOWN]),
        ("srs > 70", {"srs": [71, 70]}, [HOLDS, NOT]),
        ("R3 is FIRES", {"R3": ["FIRES", "CLEAR", "UNKNOWN", "DISABLED", None]}, [HOLDS, NOT, UNKNOWN, NOT, UNKNOWN]),
        ("R3 is UNKNOWN", {"R3": ["FIRES", "UNKNOWN", None]}, [NOT, HOLDS, UNKNOWN]),
        ("traffic_light is RED", {"traffic_light": ["RED", "GREEN", "UNKNOWN"]}, [HOLDS, NOT, UNKNOWN]),
        ("state is NO_SHORT", {"state": ["NO_SHORT", "DATA_INCOMPLETE"]}, [HOLDS, UNKNOWN]),
        ("flag NEW", {"flags": ["NEW ADL", "", "", "NEWER", None], "listed_days": [None, 99, None, 99, 99]}, [HOLDS, NOT, UNKNOWN, NOT, UNKNOWN]),
        ("flag NO_SPOT", {"flags": ["NO_SPOT", "", ""], "has_spot": [False, True, None]}, [HOLDS, NOT, UNKNOWN]),
        ("flag DELISTING", {"flags": ["DELISTING", ""]}, [HOLDS, NOT]),
        ("has_spot is no", {"has_spot": [False, True, None, np.False_, 0.0]}, [HOLDS, NOT, UNKNOWN, HOLDS, HOLDS]),
        ("adl_risk is high", {"adl_risk": ["high", "low", None]}, [HOLDS, NOT, UNKNOWN]),
        (
            "perp_dominance_pct >= 70",  # an upper bound of 80 may be 60; one of 60 is none of 70
            {"perp_dominance_pct": [80, 80, 60, 60], "dominance_is_bound": [False, True, True, None]}, [HOLDS, UNKNOWN, NOT, NOT],
        ),
        ("perp_dominance_pct < 60", {"perp_dominance_pct": [50, 50, 80], "dominance_is_bound": [False, True, True]}, [HOLDS, HOLDS, UNKNOWN]),
    ],
)  # fmt: skip
def test_unknown_is_neither(text, columns, sees):
    """What is not known neither meets a condition nor fails it, and a bound decides only what lies beyond it."""
    assert seen([alert(text)], table(**columns))[0].tolist() == sees


def test_all_conditions_must_hold_and_one_false_decides():
    """True and unknown is unknown; false and unknown is false. The volume is one of them."""
    both = alert("funding_1h_pct < 0", "srs >= 70", min_volume_usdt=1e6)
    market = table(
        funding_1h_pct=[-1, -1, None, None, -1, -1], srs=[80, 60, 80, 60, 80, 80], perp_vol24_usdt=[2e6, 2e6, 2e6, 2e6, 1e5, None]
    )

    assert seen([both], market)[0].tolist() == [HOLDS, NOT, UNKNOWN, NOT, NOT, UNKNOWN]


def test_a_column_that_is_missing_is_unknown():
    """A table of another program silences no alert with an error."""
    market = table(srs=[80]).drop(columns=["funding_1h_pct", "flags", "dominance_is_bound"])

    assert [row.tolist() for row in seen([alert("funding_1h_pct < 0"), alert("flag NEW"), alert("srs > 1")], market)] == [[UNKNOWN], [UNKNOWN], [HOLDS]]


def test_the_most_extreme_comes_first():
    """The lowest funding where low is asked for, the highest SRS where high is, the largest volume where no number is."""
    market = table(funding_1h_pct=[-0.3, -0.9, -0.1], srs=[70, 80, 90], flags=["NEW", "NEW", "NEW"], perp_vol24_usdt=[1, 3, 2])

    assert matching(alert("funding_1h_pct <= -0.2"), market) == ["T001USDT", "T000USDT"]
    assert matching(alert("srs >= 70"), market) == ["T002USDT", "T001USDT", "T000USDT"]
    assert matching(alert("flag NEW"), market) == ["T001USDT", "T002USDT", "T000USDT"]


# ── deciding ──


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([1, 0, -1]), st.integers(-30, 900)), min_size=1, max_size=60),
    st.builds(
        AlertPolicy, hold_evaluations=st.integers(1, 4), hold_sec=st.sampled_from([0, 20, 60]), cooldown_min=st.sampled_from([0, 5, 30]),
        rearm_min=st.sampled_from([0, 2, 10]), resolved=st.booleans(),
    ),
)  # fmt: skip
def test_deciding_is_that_of_every_other_alert(history, policy):
    """Whatever is seen and whenever: the memory and the news of `deciding.step`, for all cells at once."""
    memory, remembered, now_ms = {}, market_deciding.fresh(1, 2), NOW
    for holds, seconds in history:
        now_ms = max(now_ms + seconds * SEC, 1)
        sight = {AlertKind.MARKET: Sight(holds={1: True, 0: False, -1: None}[holds])}
        memory, decisions = deciding.step("A", sight, memory, policy, now_ms=now_ms, light=Light.UNKNOWN, held=False)
        remembered, turned = market_deciding.step(remembered, np.array([[-1, holds]], dtype=np.int8), policy, now_ms)
        one = memory.get(AlertKind.MARKET)

        assert not remembered.known[0, 0]
        assert remembered.known[0, 1] == (one is not None)
        if one is not None:
            assert (one.active, one.told, one.held) == tuple(bool(getattr(remembered, name)[0, 1]) for name in ("active", "told", "held"))
            assert ((one.opened_ms or 0), (one.flipped_ms or 0)) == (remembered.opened_ms[0, 1], remembered.flipped_ms[0, 1])
            assert ((one.pending_ms or 0), one.pending_count) == (remembered.pending_ms[0, 1], remembered.pending_count[0, 1])
        said = [(d.edge, d.decided or d.reason == deciding.UNRESOLVED, d.reason[:3]) for d in decisions]
        ours = [
            *([("opens", True, "")] if turned.opened[0, 1] else []),
            *([("opens", False, "coo")] if turned.cooling[0, 1] else []),
            *([("opens", False, "not")] if turned.unarmed[0, 1] else []),
            *([("closes", True, "" if policy.resolved else deciding.UNRESOLVED[:3])] if turned.ended[0, 1] else []),
        ]
        assert ours == said


# ── in a whole radar ──


class Desk(MarketAlertDesk):
    """The market alerts of a user's file, with somebody who decides."""

    def __init__(self, user, writer="me", channels=("desk", "mail")):
        self.user, self.now_ms, self.bag, self.channels = user, NOW, Mailbag(user, writer), channels
        self.start()

    def start(self, writer=None):
        """A new process on the same file."""
        if writer:
            self.bag = Mailbag(self.user, writer)
        self.teller = Teller(self.user, self.bag, self.channels, zone="UTC", public_url="https://radar.example/")
        self.teller.begin()

    def look(self, market, seconds=10):
        """One evaluation; the clock moves on after it."""
        made = self.teller.look_at_market(market, self.now_ms)
        self.now_ms += seconds * SEC
        return made

    def run(self, market, seconds):
        """Evaluations every 10 s."""
        for _ in range(seconds // 10):
            self.look(market)

    def log(self, **wanted):
        """(symbol, edge, decided, title), oldest first."""
        return [(a.symbol, a.edge, a.decided, a.title) for a in reversed(self.user.outbox.log(**wanted))]

    def messages(self, channel="desk"):
        """(title, body) of what a channel is to get."""
        found, after = [], 0
        while (row := self.user.outbox.next_of(channel, after=after)) is not None:
            found.append((row.title, row.body))
            after = row.id
        return found


@pytest.fixture
def desk(user):
    """One that decides; its policy is the default one."""
    return Desk(user)


CALM = table(funding_1h_pct=[0.0] * 500)
CRASH = table(funding_1h_pct=[-0.5 - row / 1000 for row in range(500)], state=["NO_SHORT"] * 500, mark=[1.5] * 500, age_sec=[4.0] * 500)


def one_deep(place=3):
    """A calm market with one symbol of deep funding."""
    return table(funding_1h_pct=[-0.2134 if row == place else 0.0 for row in range(20)], delta_oi_1h_pct=[12.3] * 20, mark=[0.01234] * 20)


@pytest.mark.fault("F52")
def test_a_crash_of_the_whole_market_is_one_message(desk):
    """500 symbols at once: one message a channel, that names the worst three and how many more, and fits a phone; the log names all."""
    desk.set_market_alert(DEEP)
    desk.run(CALM, 30)
    desk.run(CRASH, 300)
    [(title, body)] = desk.messages()
    [row] = desk.user.outbox.log()

    assert title == "500 symbols with deep: T499USDT, T498USDT, T497USDT +497"
    assert desk.messages("mail") == [(title, body)]
    assert len(body) < 1_900
    assert "any symbol with funding ≤ −0.2 %/h" in body
    assert "T499USDT: light NO SHORT, price 1.5000, funding −0.9990 %/h, OI 1 h n/a" in body
    assert body.endswith("https://radar.example/market")
    assert sum(f"T{row:03d}USDT" in row_body for row_body in [row.body] for row in range(500)) == 500
    assert (row.symbol, row.kind, row.deliveries) == ("MARKET", AlertKind.MARKET, {"desk": "queued", "mail": "queued"})


def test_one_symbol_is_told_with_its_numbers_and_its_page(desk):
    """After it held for the policy's evaluations and seconds; once; and its end once."""
    desk.set_market_alert(DEEP | {"conditions": ["funding_1h_pct <= -0.2", "delta_oi_1h_pct >= 10"]})
    desk.run(one_deep(None), 30)
    desk.run(one_deep(), 60)
    before = desk.log()
    desk.run(one_deep(), 300)
    [(title, body)] = desk.messages()
    desk.run(one_deep(None), 120)

    assert before == []
    assert title == "T003USDT deep: funding −0.2134 %/h, OI 1 h +12.30 %"
    assert "price 0.012340" in body
    assert body.endswith("https://radar.example/symbol?symbol=T003USDT")
    assert [row[:3] for row in desk.log()] == [("T003USDT", "opens", True), ("T003USDT", "closes", True)]
    assert desk.log()[1][3].startswith("T003USDT resolved: no longer deep")


def test_a_first_look_announces_nothing(desk):
    """Not what meets a new alert already, nor one that is switched on again, nor one that asks for something else now."""
    made = desk.set_market_alert(DEEP)
    desk.run(CRASH, 200)
    desk.set_market_alert({"id": made.id, "on": False})
    desk.run(CALM, 200)
    desk.set_market_alert({"id": made.id, "on": True})
    desk.run(CRASH, 200)
    desk.set_market_alert({"id": made.id, "conditions": ["funding_1h_pct <= -0.1"]})
    desk.run(CRASH, 200)

    assert desk.log() == []


def test_a_new_name_keeps_what_is_remembered(desk):
    """What was told ends under its new name."""
    made = desk.set_market_alert(DEEP)
    desk.run(one_deep(None), 30)
    desk.run(one_deep(), 90)
    desk.set_market_alert({"id": made.id, "name": "very deep"})
    desk.run(one_deep(None), 90)

    assert [row[3].split(":")[0] for row in desk.log()] == ["T003USDT deep", "T003USDT resolved"]
    assert "no longer very deep" in desk.log()[1][3]


def test_unknown_neither_opens_nor_ends(desk):
    """Nor does a symbol that is missing from the table, or no table at all."""
    unknown = table(funding_1h_pct=[None] * 20)
    desk.set_market_alert(DEEP)
    desk.run(unknown, 200)
    desk.run(one_deep(None), 30)
    desk.run(one_deep(), 90)
    told = desk.log()
    for market in (unknown, one_deep().iloc[:2], table(), one_deep()):
        desk.run(market, 300)

    assert [row[:2] for row in told] == [("T003USDT", "opens")]
    assert desk.log() == told


@pytest.mark.fault("F50")
def test_flapping_inside_the_cooldown_is_logged_and_told_when_it_lasts(desk):
    """By (alert, symbol): another symbol is told at once."""
    desk.set_market_alert(DEEP)
    desk.run(one_deep(None), 30)
    for market in (one_deep(), one_deep(None), one_deep()):
        desk.run(market, 100)
    desk.run(one_deep(7), 100)
    sent = [row[:3] for row in desk.log()]
    held = [a.reason for a in desk.user.outbox.log(verdict="held")]
    desk.run(one_deep(), 2400)

    assert sent[:3] == [("T003USDT", "opens", True), ("T003USDT", "closes", True), ("T003USDT", "opens", False)]
    assert ("T007USDT", "opens", True) in sent
    assert held == ["cooldown: less than 30 min since the last one"]
    assert desk.log()[-1][:3] != sent[-1]


def test_a_restart_repeats_nothing_and_forgets_nothing(desk):
    """While it holds, after telling: one opening, one end."""
    desk.set_market_alert(DEEP)
    desk.run(one_deep(None), 30)
    for writer, market in (("second", one_deep()), ("third", one_deep()), ("fourth", one_deep(None))):
        desk.start(writer)
        desk.run(market, 100)

    assert [row[:3] for row in desk.log()] == [("T003USDT", "opens", True), ("T003USDT", "closes", True)]


@pytest.mark.fault("F51")
def test_what_is_taken_away_leaves_nothing(desk):
    """Neither a message nor memory, also when it was taken away while nobody decided."""
    one, two = desk.set_market_alert(DEEP), desk.set_market_alert({"name": "two", "conditions": ["srs > 1"]})
    desk.run(CRASH, 60)
    desk.drop_market_alert(one.id)
    desk.run(CRASH, 30)
    of_two = {row[0] for row in desk.user.market_alerts.memory()}
    desk.drop_market_alert(two.id)
    desk.start("second")
    desk.run(CALM, 20)

    assert one.rev not in of_two
    assert desk.user.market_alerts.memory() == []
    assert desk.log() == []
    with pytest.raises(UnknownAlert):
        desk.drop_market_alert(one.id)


def test_quiet_hours_end_with_a_digest(desk):
    """What the market did at night is a line in the morning."""
    desk.user.outbox.set_policy("*", {"quiet_from": "00:00", "quiet_to": "23:59"})
    desk.set_market_alert(DEEP)
    desk.run(CALM, 30)
    desk.run(CRASH, 120)
    during = desk.messages()
    desk.user.outbox.set_policy("*", {})
    desk.run(CRASH, 20)
    [(title, body)] = desk.messages()

    assert during == []
    assert title == "Quiet hours are over: 1 alert held back"
    assert "500 symbols with deep" in body


def test_the_market_takes_half_of_the_hours_messages_at_most(desk):
    """The alerts of watched symbols never lack room because the market is wild; what waits is told when its share has room again."""
    desk.user.outbox.set_policy("*", {"hourly_cap": 4, "hold_sec": 0, "hold_evaluations": 1, "cooldown_min": 0, "rearm_min": 0})
    desk.set_market_alert(DEEP)
    desk.run(one_deep(None), 10)
    for place in range(6):
        desk.run(one_deep(place), 10)
    sent = len(desk.messages())
    reasons = {a.reason for a in desk.user.outbox.log(verdict="held")}
    desk.run(one_deep(5), 3_700)

    assert sent == 2
    assert reasons == {"more than half of the 4 messages in an hour: told later"}
    assert "held back" in desk.messages()[-1][0]
    assert desk.user.outbox.on_hold() == []


def test_a_full_disk_silences_nothing_and_doubles_nothing(desk, monkeypatch):
    """What was decided meanwhile waits in memory, and is kept and told once."""
    desk.set_market_alert(DEEP)
    desk.run(one_deep(None), 30)
    record = desk.user.outbox.record
    monkeypatch.setattr(desk.user.outbox, "record", lambda *_: (_ for _ in ()).throw(StoreError("disk full")))
    desk.run(one_deep(), 200)
    meanwhile = desk.log()
    monkeypatch.setattr(desk.user.outbox, "record", record)
    desk.run(one_deep(), 30)

    assert meanwhile == []
    assert [row[:3] for row in desk.log()] == [("T003USDT", "opens", True)]
    assert len(desk.messages()) == 1


def test_only_one_process_decides(desk, user):
    """Whoever lost the pen decides nothing more, and reads anew what is remembered when it takes over again."""
    desk.set_market_alert(DEEP)
    desk.run(one_deep(None), 30)
    other = Desk(user, "other")
    other.now_ms = desk.now_ms
    other.run(one_deep(), 10)
    for _ in range(8):
        other.look(one_deep())
        desk.look(one_deep(), 0)
        desk.now_ms = other.now_ms

    assert [row[:3] for row in desk.log()] == [("T003USDT", "opens", True)]


def test_a_pause_decides_nothing(desk):
    """As with every other alert."""
    desk.set_market_alert(DEEP)
    desk.run(CALM, 30)
    desk.user._set_meta("alerts_paused", "restored")
    desk.run(CRASH, 300)

    assert desk.log() == []


# ── what people set ──


def test_an_alert_is_changed_by_its_number_or_its_name(desk):
    """What is not named stays; the same name is the same alert."""
    made = desk.set_market_alert(DEEP)
    again = desk.set_market_alert(DEEP | {"min_volume_usdt": 1e6})
    renamed = desk.set_market_alert({"id": made.id, "name": "deeper"})

    assert (again.id, renamed.id) == (made.id, made.id)
    assert [(a.name, a.min_volume_usdt, len(a.conditions), a.on) for a in desk.market_alerts()] == [("deeper", 1e6, 1, True)]
    assert made.rev != again.rev == renamed.rev


def test_there_are_twenty_at_most_and_names_are_one_of_a_kind(desk):
    """Refused with a sentence, nothing is stored."""
    for number in range(MOST_ALERTS):
        made = desk.set_market_alert({"name": f"a{number}", "conditions": ["srs > 1"]})
    for changes, error, says in (
        (DEEP, BadRequest, "20 market alerts"),
        ({"id": made.id, "name": "a3"}, BadRequest, "another market alert called a3"),
        ({"id": 99, "name": "x"}, UnknownAlert, "no market alert 99"),
        ({"id": "1"}, BadRequest, "id: the number"),
        ({"rev": 7, **DEEP}, BadRequest, "rev: an alert has"),
    ):
        with pytest.raises(error, match=says):
            desk.set_market_alert(changes)

    assert len(desk.market_alerts()) == MOST_ALERTS


def test_an_odd_row_silences_nobody(desk):
    """An alert of tomorrow's program is left out."""
    desk.set_market_alert(DEEP)
    with desk.user.file.writing() as conn:
        conn.execute("INSERT INTO market_alerts (rev, name, is_on, body) VALUES (7, 'odd', 1, 'nonsense')")
    desk.run(one_deep(None), 30)
    desk.run(one_deep(), 90)

    assert [a.name for a in desk.market_alerts()] == ["deep"]
    assert len(desk.log()) == 1


def test_each_market_alert_has_its_own_switch(driven):
    """They are no kind that the settings of all symbols could switch off."""
    with pytest.raises(BadRequest, match="switch of its own"):
        driven().radar.set_alert_policy(None, {"off": ["market"]})


def test_the_log_shows_them_like_the_others(driven):
    """In the log, in its CSV, through the judge that the scanner calls; the courier is woken."""
    world = driven()
    world.woken = []
    teller = Teller(world.user, Mailbag(world.user, world.collector.holder), ["desk"], zone="UTC", public_url="")
    world.collector.tell(teller, SimpleNamespace(wake=lambda: world.woken.append(1), tidy=lambda now_ms: None))
    world.radar.set_market_alert(DEEP)
    for market in (one_deep(None), *[one_deep()] * 8):
        world.collector._judge.tell_market(market)
        world.clock.advance(10)
    [found] = world.radar.alerts()

    assert (found.kind, found.symbol, found.decided) == (AlertKind.MARKET, "T003USDT", True)
    assert "market,opens,1" in world.radar.alerts_csv(24)
    assert world.woken == [1]


def test_twenty_alerts_on_five_hundred_symbols_cost_under_5_ms(desk):
    """A usual evaluation: everything of it, with some symbols that come and go. The best of many: the machine may be busy."""
    rng = np.random.default_rng(1)
    texts = ["funding_1h_pct <= -0.2", "delta_oi_1h_pct >= 10", "R3 is FIRES", "flag INTERVAL", "traffic_light is RED", "srs >= 70", "pressure > 90"]
    for number in range(MOST_ALERTS):
        some = [texts[(number + step) % len(texts)] for step in range(4)]
        desk.set_market_alert({"name": f"a{number}", "conditions": some, "min_volume_usdt": 1e6})

    def wild():
        size = 500
        return table(
            funding_1h_pct=rng.normal(0, 0.2, size), delta_oi_1h_pct=rng.normal(0, 10, size), R3=rng.choice(["FIRES", "CLEAR", "UNKNOWN"], size),
            flags=rng.choice(["", "NEW", "INTERVAL ADL"], size), traffic_light=rng.choice(["RED", "GREEN", "UNKNOWN"], size),
            srs=rng.uniform(0, 100, size), pressure=rng.uniform(0, 100, size), perp_vol24_usdt=rng.uniform(1e5, 1e8, size),
        ).infer_objects()  # fmt: skip

    desk.look(wild())
    markets, taken = [wild() for _ in range(20)], []
    for market in markets:
        start = time.perf_counter()
        desk.look(market)
        taken.append(time.perf_counter() - start)

    assert min(taken) < 0.005, json.dumps([round(1e3 * one, 2) for one in taken])


def test_memory_of_a_cell_is_that_of_every_other_alert():
    """What is kept are fields of Memory."""
    assert set(market_deciding.DURABLE) - {"known"} < set(Memory.model_fields)
    assert MarketAlert(name="x", conditions=()).on
