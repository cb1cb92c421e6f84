"""From a light that turns to a message in a queue, in a whole radar on a driven clock."""

import json
from types import SimpleNamespace

import pytest

from radar.errors import BadRequest, StoreError, VenueUnavailable
from radar.mailbag import Mailbag
from radar.models import AlertKind, Light
from radar.posting import Post
from radar.teller import Teller

SYMBOL = "WINDOWUSDT"
RED = {"r1_funding_max": 5.0, "r1_basis_max": 50.0}  # R1 fires on anything


@pytest.fixture
def world(driven):
    """A radar on WINDOWUSDT that tells a channel named desk; GREEN at the start."""
    world = driven(watchlist=[SYMBOL])
    listen(world)
    world.run(30)
    assert world.light(SYMBOL) is Light.GREEN
    return world


def listen(world, zone="UTC"):
    """Let alerts be decided in this process."""
    world.woken, world.bag = [], Mailbag(world.user, world.collector.holder)
    teller = Teller(world.user, world.bag, ["desk", "mail"], zone=zone, public_url="https://radar.example/")
    world.collector.tell(teller, SimpleNamespace(wake=lambda: world.woken.append(1), tidy=lambda now_ms: None))


def turn(world, red):
    """Turn the light at the next evaluation."""
    world.radar.set_thresholds(SYMBOL, RED) if red else world.radar.reset_thresholds(SYMBOL)


def told(world, **wanted):
    """(kind, edge, deliveries) of the log, oldest first, of what was decided."""
    return [(a.kind.value, a.edge, dict(a.deliveries)) for a in reversed(world.radar.alerts(**wanted)) if a.decided]


@pytest.mark.fault("F28")
def test_a_clock_that_is_set_back_makes_nobody_wait_for_another_process(world):
    """Half a minute is left to whoever has the pen; an hour is not, when the clock was an hour ahead at that moment."""
    post = Post(world.bag, ["desk"], zone="UTC")
    post.lost(3_600_000)

    assert [post.away(ms) for ms in (3_600_000, 3_629_999, 3_630_000, 1_000)] == [True, True, False, False]


def test_a_first_look_announces_nothing(world):
    """A light that is GREEN when the radar starts is no news."""
    world.run(300, step=2)

    assert world.radar.alerts() == []


def test_a_light_that_turns_is_told_once_within_75_seconds(world, caplog):
    """To every channel, with the symbol, what it was, the sentence, the numbers and the link; the log has the light and the decision."""
    caplog.set_level("INFO", "radar")
    turn(world, red=True)
    world.run(75)
    found = [alert for alert in world.radar.alerts() if alert.kind is AlertKind.NO_SHORT]
    message = world.user.outbox.next_of("desk")
    world.run(300, step=2)

    events = [(one.event, one.fields.get("after"), one.fields.get("kind")) for one in caplog.records if one.fields.get("symbol") == SYMBOL]
    assert ("light", "RED", None) in events
    assert events.count(("alert_decided", None, "no_short")) == 1
    assert "UTC WINDOWUSDT" in message.body
    assert [(a.edge, a.decided, dict(a.deliveries)) for a in found] == [("opens", True, {"desk": "queued", "mail": "queued"})]
    assert found[0].title.startswith("WINDOWUSDT NO SHORT (was SHORT WINDOW)")
    assert "R1" in found[0].body
    assert "https://radar.example/symbol?symbol=WINDOWUSDT" in message.body
    assert world.woken
    assert [entry for entry in told(world) if entry[0] == "no_short"] == [("no_short", "opens", {"desk": "queued", "mail": "queued"})]


@pytest.mark.fault("F22")
def test_a_blip_is_no_news(world):
    """Half a minute of RED is over before it held for one."""
    turn(world, red=True)
    world.run(30)
    turn(world, red=False)
    world.run(300, step=2)

    assert told(world) == []


@pytest.mark.fault("F50")
def test_it_is_resolved_once_and_flapping_is_silent(world):
    """One opening, one end; what flaps inside the cooldown is in the log as held back, and told when it lasts."""
    for red in (True, False, True, False):
        turn(world, red)
        world.run(150, step=2)
    flapped = [entry[:2] for entry in told(world) if entry[0] == "no_short"]
    held = [a.reason for a in world.radar.alerts(verdict="held") if a.kind is AlertKind.NO_SHORT]
    turn(world, red=True)
    world.run(2400, step=10)

    assert flapped == [("no_short", "opens"), ("no_short", "closes")]
    assert any("cooldown" in reason for reason in held)
    assert [entry[:2] for entry in told(world) if entry[0] == "no_short"][2:] == [("no_short", "opens")]


@pytest.mark.fault("F39")
def test_a_restart_repeats_nothing_and_forgets_nothing(world):
    """In the middle of holding, and after telling: the same messages as without it."""
    turn(world, red=True)
    world.run(40)
    for _ in range(2):
        world.collector.close()
        world.start()
        listen(world)
        world.run(60)

    assert [entry[:2] for entry in told(world) if entry[0] == "no_short"] == [("no_short", "opens")]


def test_what_cannot_be_kept_is_told_from_memory_and_kept_later(world, monkeypatch):
    """A full disk at the moment of deciding silences nothing: the message is there at once, its row when the disk takes it."""
    record = world.user.outbox.record
    monkeypatch.setattr(world.user.outbox, "record", lambda *_, **__: (_ for _ in ()).throw(StoreError("disk full")))
    turn(world, red=True)
    world.run(90)
    notices, log = world.radar.health().notices, world.radar.alerts()
    titles = [note.deliveries[0].title for note in world.bag._notes if note.deliveries]
    monkeypatch.setattr(world.user.outbox, "record", record)
    world.run(90)

    assert any("Alerts cannot be kept" in notice for notice in notices)
    assert world.light(SYMBOL) is Light.RED
    assert log == []
    assert any("NO SHORT" in title for title in titles)
    assert [entry[:2] for entry in told(world) if entry[0] == "no_short"] == [("no_short", "opens")]
    assert not any("Alerts cannot be kept" in notice for notice in world.radar.health().notices)


@pytest.mark.fault("F51")
def test_a_symbol_that_leaves_while_it_is_red_says_that_nobody_looks(world):
    """Whoever was told NO SHORT must not wait for a "resolved" that never comes."""
    turn(world, red=True)
    world.run(90)
    world.radar.unwatch(SYMBOL)
    world.run(30)
    last = world.radar.alerts()[0]

    assert "no longer watched" in last.title
    assert last.decided
    assert world.user.outbox.memories() == {}


def test_a_position_that_is_marked_while_red_hears_exit(world):
    """Whoever is short in a RED coin learns it, though nothing turned."""
    turn(world, red=True)
    world.run(90)
    world.radar.set_position(SYMBOL, True)
    world.run(90)

    assert [entry[:2] for entry in told(world) if entry[0] == "exit"] == [("exit", "opens")]


def test_whoever_holds_it_hears_exit(world):
    """A mark of a profile guards as the desk's does, and the symbol is held until the last mark is gone."""
    world.radar.add_profile("Ann")
    world.radar.set_position(SYMBOL, True, "Ann")
    world.radar.set_position(SYMBOL, True)
    world.radar.set_position(SYMBOL, False)
    world.run(30)
    turn(world, red=True)
    world.run(90)
    of_ann = [entry[:2] for entry in told(world) if entry[0] == "exit"]
    world.radar.set_position(SYMBOL, True)
    world.radar.set_position(SYMBOL, False, "Ann")  # it changes hands: held all the time, so no second message
    world.run(90)

    assert of_ann == [("exit", "opens")]
    assert [entry[:2] for entry in told(world) if entry[0] == "exit"] == of_ann


def test_a_profiles_thresholds_tell_nobody(world):
    """A RED that only a profile sees is no event and no alert."""
    world.radar.add_profile("Ann")
    newest = max((event.id for event in world.radar.events()), default=0)
    world.radar.set_preset("Ann", RED)
    world.run(180)

    assert world.radar.snapshot(SYMBOL, "Ann").traffic_light is Light.RED
    assert world.light(SYMBOL) is Light.GREEN
    assert told(world) == []
    assert [event for event in world.radar.events() if event.id > newest and event.kind in ("light", "R1")] == []


def test_an_odd_row_of_memory_silences_nobody(world):
    """It is forgotten; the kind starts again with a first look."""
    turn(world, red=True)
    world.run(90)
    with world.user.file.writing() as conn:
        conn.execute("UPDATE alert_memory SET body = 'nonsense' WHERE kind = 'srs'")
        conn.execute("INSERT INTO alert_memory VALUES (?, 'of_tomorrow', '{}')", [SYMBOL])
    world.collector.close()
    world.start()
    listen(world)
    turn(world, red=False)
    world.run(90)

    assert ("no_short", "closes") in [entry[:2] for entry in told(world)]


@pytest.mark.fault("F30")
def test_lost_data_are_told_and_their_return(world):
    """When the exchange falls silent, and when it is back; nothing else opens or ends meanwhile."""
    for method in ("quotes", "perp_tickers", "open_interest", "spot_tickers"):
        world.venue.errors[method] = VenueUnavailable("down", venue="demo")
    world.run(300, step=2)
    world.venue.errors.clear()
    world.run(200, step=2)

    assert [entry[:2] for entry in told(world)] == [("data", "opens"), ("data", "closes")]


def test_quiet_hours_end_with_a_digest(world):
    """What was held back is told in one message when they end, and the log says where it went."""
    world.radar.set_alert_policy(None, {"quiet_from": "00:00", "quiet_to": "23:59"})
    turn(world, red=True)
    world.run(90)
    during = told(world)
    world.radar.set_alert_policy(None, {"quiet_from": None, "quiet_to": None})
    world.run(30)
    messages = world.user.outbox.next_of("desk")

    assert during == []
    assert "held back" in messages.title
    assert "WINDOWUSDT NO SHORT" in messages.body
    assert {verdict: len(world.radar.alerts(verdict=verdict)) > 0 for verdict in ("queued", "held")}["queued"]


def test_a_held_position_wakes_the_desk_at_night(world):
    """The exit of a held symbol, and its RED, pass quiet hours."""
    world.radar.set_alert_policy(None, {"quiet_from": "00:00", "quiet_to": "23:59"})
    world.radar.set_position(SYMBOL, True)
    world.run(30)
    turn(world, red=True)
    world.run(90)

    assert {entry[0] for entry in told(world)} >= {"exit", "no_short"}


def test_the_hours_cap_holds_back_and_tells_later(world):
    """One message an hour: the second waits for the next hour's digest."""
    world.radar.set_alert_policy(None, {"hourly_cap": 1, "cooldown_min": 0, "rearm_min": 0})
    for red in (True, False, True):
        turn(world, red)
        world.run(120, step=2)
    sent = len(world.user.outbox.messages_since(0))
    world.run(3700, step=20)

    assert sent == 1
    assert any("in an hour" in a.reason for a in world.radar.alerts())
    assert len(world.user.outbox.messages_since(0)) >= 2
    assert world.user.outbox.on_hold() == []


def test_a_kind_that_is_off_says_nothing_and_switching_it_on_announces_nothing(world):
    """Not even what was already on."""
    world.radar.set_alert_policy(SYMBOL, {"off": ["no_short", "short_window"]})
    turn(world, red=True)
    world.run(90)
    world.radar.reset_alert_policy(SYMBOL)
    world.run(300, step=2)

    assert told(world) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"hold_sec": -1}, "hold_sec"),
        ({"off": ["nonsense"]}, "off"),
        ({"quiet_from": "25:00"}, "quiet_from"),
        ({"quiet_from": "22:00"}, "quiet_from"),
        ({"nonsense": 1}, "nonsense"),
        ({"cap_use_min": 2}, "cap_use_min"),
    ],
)
def test_settings_that_are_none_are_refused_by_name(world, changes, field):
    """Nothing is stored."""
    with pytest.raises(BadRequest, match=field):
        world.radar.set_alert_policy(None, changes)

    assert world.radar.alert_overrides(None) == {}


def test_quiet_hours_are_the_same_for_all(world):
    """One desk sleeps at one time."""
    with pytest.raises(BadRequest, match="quiet_from"):
        world.radar.set_alert_policy(SYMBOL, {"quiet_from": "22:00", "quiet_to": "06:00"})


def test_the_log_as_csv_runs_no_formula(world):
    """A row a decision, oldest first."""
    turn(world, red=True)
    world.run(90)
    lines = world.radar.alerts_csv(24).splitlines()

    assert lines[0].startswith("id,ts,time,symbol,kind,edge")
    assert "no_short" in lines[1]


def test_what_would_have_fired_is_counted_from_what_was_lived(world):
    """The same deciding over the stored minutes: one opening of NO SHORT, whatever is switched on now."""
    turn(world, red=True)
    world.run(600, step=2)
    turn(world, red=False)
    world.run(600, step=2)
    world.radar.set_alert_policy(None, {"off": [kind.value for kind in AlertKind if kind is not AlertKind.MARKET]})
    counts = world.radar.rehearse(SYMBOL)

    assert counts[AlertKind.NO_SHORT] == 1
    assert json.dumps({kind.value: count for kind, count in counts.items()})


@pytest.mark.fault("F62")
@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("limits", [{"quiet_from": "00:00", "quiet_to": "23:59"}, {"hourly_cap": 1}])
def test_strangers_cannot_tell_what_is_held(world, limits, held):
    """What is held passes quiet hours and caps: a stranger sees the same log, and the same counts, whether it is held or not."""
    world.radar.set_alert_policy(None, limits | {"cooldown_min": 0, "rearm_min": 0})
    if held:
        world.radar.set_position(SYMBOL, True)
    for red in (True, False, True):
        turn(world, red)
        world.run(300, step=2)
    whole = [a.decided for a in world.radar.alerts() if a.kind is AlertKind.NO_SHORT and a.edge == "opens"]
    seen = [a for a in world.radar.alerts(whole=False) if a.kind is AlertKind.NO_SHORT]
    csv = [line.split(",")[3:9] for line in world.radar.alerts_csv(24, whole=False).splitlines() if ",no_short," in line]
    counts = world.radar.rehearse(SYMBOL, whole=False)

    assert all(whole) == held
    assert [(a.edge, a.decided, a.reason, a.passes, a.batch, a.deliveries) for a in seen] == [
        (edge, True, "", False, 0, {}) for edge in ("opens", "closes", "opens")
    ]
    assert csv == [[SYMBOL, "no_short", edge, "1", "", ""] for edge in ("opens", "closes", "opens")]
    assert [a for a in world.radar.alerts(verdict="held", whole=False) if a.kind is AlertKind.NO_SHORT] == []
    assert AlertKind.EXIT not in counts
    assert counts[AlertKind.NO_SHORT] == 2


@pytest.mark.fault("F62")
@pytest.mark.parametrize("verdict", ["sent", "queued", "failed"])
def test_strangers_cannot_ask_what_became_of_messages(world, verdict):
    """It would tell of channels."""
    with pytest.raises(BadRequest, match="held"):
        world.radar.alerts(verdict=verdict, whole=False)


def messages(world, channel="desk"):
    """Titles of what a channel is to get, oldest first."""
    found, after = [], 0
    while (row := world.user.outbox.next_of(channel, after=after)) is not None:
        found.append(row.title)
        after = row.id
    return found


@pytest.mark.fault("F30")
def test_an_hour_without_any_exchange_is_two_messages(driven):
    """A restart in the middle: data lost, data back, and nothing of any symbol's light meanwhile."""
    world = driven(watchlist=[SYMBOL, "CALMUSDT"])
    listen(world)
    world.run(30)
    before = messages(world)
    for method in ("quotes", "perp_tickers", "open_interest", "spot_tickers", "clock", "perp_book", "spot_book"):
        world.venue.errors[method] = VenueUnavailable("down", venue="demo")
    world.run(1800, step=60)
    world.collector.close()
    world.start()
    listen(world)
    world.run(1800, step=60)
    during = messages(world)[len(before) :]
    world.venue.errors.clear()
    world.run(130, step=5)
    after = messages(world)[len(before) + len(during) :]

    assert (len(during), len(after)) == (1, 1), after
    assert "DATA LOST" in during[0]
    assert "2 alerts" in during[0]
    assert "data" in after[0].lower()
    assert {entry[0] for entry in told(world)} == {"data"}


@pytest.mark.fault("F30")
def test_data_that_are_lost_and_back_one_after_another_are_two_messages(world):
    """Three symbols, some seconds apart each way; one that stays away holds the word of the others back for three minutes at most."""
    [one] = world.collector._judge.snapshots.values()
    teller, made = world.collector._judge._teller, len(messages(world))
    names, lost, now_ms = ("AUSDT", "BUSDT", "CUSDT"), set(), world.collector.time.now_ms()
    for name in names:
        world.user.watch(name, now_ms)

    def looks(seconds):
        nonlocal now_ms
        for _ in range(seconds // 10):
            now_ms += 10_000
            lights = {name: Light.UNKNOWN if name in lost else Light.YELLOW for name in names}
            teller.look([one[1].model_copy(update={"symbol": name, "traffic_light": light}) for name, light in lights.items()], now_ms)
        return messages(world)[made:]

    looks(20)
    for name in names:
        lost.add(name)
        looks(20)
    gone = looks(300)
    for name in names[:2]:
        lost.remove(name)
        looks(20)
    waiting = looks(120)
    partly = looks(120)
    lost.clear()
    back = looks(300)

    assert [title.split(":")[0] for title in gone] == ["3 alerts"]
    assert waiting == gone
    assert [title.split(":")[0] for title in partly[1:]] == ["2 alerts"]
    assert len(back) == 3
    assert [(entry[0], entry[1]) for entry in told(world)] == [("data", "opens")] * 3 + [("data", "closes")] * 3


@pytest.mark.fault("F22")
@pytest.mark.parametrize(("what", "factor"), [("mark", 0.001), ("index", 1000)])  # a discount of 99.9 %, for one tick
def test_a_price_that_is_a_thousand_times_off_for_one_tick_alerts_nobody(world, monkeypatch, what, factor):
    """It is shown as it came, and gone with the next one; what it does to the average of 15 minutes is at worst a light that is not GREEN."""
    quotes, shown = world.venue.inner.quotes, []

    def odd(*arguments):
        return [row.model_copy(update={what: getattr(row, what) * factor}) if row.symbol == SYMBOL else row for row in quotes(*arguments)]

    monkeypatch.setattr(world.venue.inner, "quotes", odd)
    world.run(10)
    shown.append(getattr(world.radar.snapshot(SYMBOL), what))
    monkeypatch.setattr(world.venue.inner, "quotes", quotes)
    world.run(300, step=3)
    shown.append(getattr(world.radar.snapshot(SYMBOL), what))

    assert max(shown) / min(shown) > 900
    assert told(world) == []


@pytest.mark.fault("F51")
def test_a_threshold_that_is_changed_while_it_is_red_tells_nothing_twice(world):
    """Other numbers, still RED: no word. Numbers by which it is over: resolved once."""
    turn(world, red=True)
    world.run(90)
    for basis in (40.0, 45.0, 49.0):
        world.radar.set_thresholds(SYMBOL, RED | {"r1_basis_max": basis})
        world.run(90, step=3)
    still = [entry[:2] for entry in told(world) if entry[0] == "no_short"]
    turn(world, red=False)
    world.run(120, step=3)

    assert still == [("no_short", "opens")]
    assert [entry[:2] for entry in told(world) if entry[0] == "no_short"] == [("no_short", "opens"), ("no_short", "closes")]


@pytest.mark.fault("F51")
def test_a_symbol_that_left_and_came_back_begins_anew(world):
    """Told once that nobody looks; RED when it comes back is its first look, and no news."""
    turn(world, red=True)
    world.run(90)
    world.radar.unwatch(SYMBOL)
    world.run(120, step=5)
    left = messages(world)
    world.radar.watch(SYMBOL)
    world.run(300, step=3)

    assert ["no longer watched" in title for title in left].count(True) == 1
    assert "no longer watched" in left[-1]
    assert world.light(SYMBOL) is Light.RED
    assert messages(world) == left
