"""Messages reach their channels: in order, again after a failure, and one channel's trouble is its own."""

import threading

import pytest

from radar.courier import Courier
from radar.errors import StoreError
from radar.mailbag import Mailbag
from radar.models import Decision, Delivery, Note, Outcome
from radar.models.alerts import AlertKind
from radar.store.outbox import NotTheWriter
from tests.serving import until

NOW = 1_790_000_017_000
OK, DOWN, REFUSED = Outcome(ok=True), Outcome(ok=False, sentence="failed (HTTP 500)"), Outcome(ok=False, permanent=True, sentence="refused (HTTP 401)")


class Channel:
    """A channel that answers as told, and keeps what arrived."""

    kind = "json"

    def __init__(self, name, *outcomes):
        self.name, self.outcomes, self.tried, self.arrived = name, list(outcomes), [], []
        self.gate = threading.Event()
        self.gate.set()

    def send(self, title, body):
        """What comes next of `outcomes`, then all is well."""
        self.gate.wait(30)
        self.tried.append(title)
        outcome = self.outcomes.pop(0) if self.outcomes else OK
        if outcome.ok:
            self.arrived.append(title)
        return outcome


def note(title, channels, now_ms):
    """Something decided, with its messages."""
    decision = Decision(ts_ms=NOW, symbol="ARBUSDT", kind=AlertKind.NO_SHORT, edge="opens", decided=True, title=title, body="")
    messages = [Delivery(id=0, batch=0, channel=name, title=title, body="body", next_ms=0, created_ms=now_ms) for name in channels]
    return Note(decisions=((decision, None),), deliveries=tuple(messages))


@pytest.fixture
def started(user, clock):
    """Makes a courier over channels, as a process would that starts with what is stored."""

    def make(*channels, leading=lambda: True, writer="me"):
        bag = Mailbag(user, writer)
        bag.begin()
        courier = Courier(user, bag, channels, clock, now_ms=clock.now_ms, leading=leading)
        courier.bag = bag
        return courier

    return make


@pytest.fixture
def brought(started, clock):
    """Makes a courier with three messages for each of its channels."""

    def make(*channels, leading=lambda: True):
        courier = started(*channels, leading=leading)
        for title in ("first", "second", "third"):
            courier.bag.put(note(title, [c.name for c in channels], clock.now_ms()))
        return courier

    return make


def run(courier, clock, name, seconds):
    """Let a channel's turn come once a second."""
    for _ in range(seconds):
        while courier.step(name):
            pass
        clock.advance(1)


def test_messages_arrive_in_order(brought, clock):
    """Oldest first, each once."""
    desk = Channel("desk")
    run(brought(desk), clock, "desk", 3)

    assert desk.tried == ["first", "second", "third"]


@pytest.mark.fault("F44")
def test_a_failure_is_tried_again_later_and_later_and_nothing_overtakes_it(brought, clock):
    """Five minutes of HTTP 500: few attempts, growing apart, then everything in order."""
    desk = Channel("desk", *[DOWN] * 6)
    courier = brought(desk)
    run(courier, clock, "desk", 300)
    tried = len(desk.tried)
    run(courier, clock, "desk", 200)

    assert tried <= 7
    assert desk.arrived == ["first", "second", "third"]


@pytest.mark.fault("F45")
def test_a_channel_that_says_when_is_believed(brought, clock):
    """429 with Retry-After 40: not before."""
    desk = Channel("desk", Outcome(ok=False, retry_after_sec=40.0, sentence="asks to wait (HTTP 429)"))
    courier = brought(desk)
    run(courier, clock, "desk", 39)
    before = len(desk.tried)
    run(courier, clock, "desk", 5)

    assert (before, desk.arrived) == (1, ["first", "second", "third"])


@pytest.mark.fault("F46")
def test_a_refused_token_is_tried_once_a_message_and_shown(brought, clock, user):
    """No storm: the message is marked as failed, the channel needs attention."""
    desk = Channel("desk", REFUSED)
    courier = brought(desk)
    while_refused = courier.step("desk") and courier.states()[0]
    run(courier, clock, "desk", 3)

    assert (while_refused.ok, while_refused.sentence, while_refused.waiting) == (False, "refused (HTTP 401)", 2)
    assert desk.tried == ["first", "second", "third"]
    assert [a.title for a in user.outbox.log(verdict="failed")] == ["first"]
    assert courier.states()[0].ok


@pytest.mark.fault("F44", "F39")
def test_what_was_tried_before_a_restart_goes_on_after_it(brought, started, clock):
    """A new process finds the queue as it was, waits included."""
    desk = Channel("desk", DOWN)
    courier = brought(desk)
    courier.step("desk")
    again = started(desk)
    at_once = again.step("desk")
    run(again, clock, "desk", 10)

    assert at_once is False
    assert desk.arrived == ["first", "second", "third"]


@pytest.mark.fault("F47")
def test_a_hanging_channel_delays_no_other(brought):
    """Each has a thread of its own."""
    slow, quick = Channel("slow"), Channel("quick")
    slow.gate.clear()
    courier = brought(slow, quick)
    courier.start()
    try:
        until(lambda: quick.arrived == ["first", "second", "third"], 10, every=0.01)
        assert slow.arrived == []
    finally:
        slow.gate.set()
        courier.stop(5)


@pytest.mark.fault("F41")
def test_only_who_collects_delivers(brought):
    """Another process on the same file sends nothing."""
    desk = Channel("desk")
    courier = brought(desk, leading=lambda: False)
    courier.start()
    courier.wake()
    courier.stop(5)

    assert desk.tried == []


def test_a_pause_keeps_everything(brought, user):
    """While alerts are paused nothing is sent, and nothing is lost."""
    user._set_meta("alerts_paused", "restored")
    desk = Channel("desk")
    courier = brought(desk)
    courier.start()
    courier.wake()
    courier.stop(5)

    assert desk.tried == []
    assert user.outbox.next_of("desk").title == "first"


def test_a_test_goes_past_the_queue(brought):
    """It is sent now, and says what came of it; a name that is no channel is None."""
    desk = Channel("desk")
    courier = brought(desk)

    assert courier.test("desk", "test", "").ok
    assert desk.tried == ["test"]
    assert courier.test("nobody", "test", "") is None


class Full:
    """A disk that takes nothing while it is full."""

    def __init__(self, user, monkeypatch):
        self.full = False
        for name in ("record", "claim", "mark", "begin"):
            monkeypatch.setattr(user.outbox, name, self._guard(getattr(user.outbox, name)))

    def _guard(self, work):
        def guarded(*args, **kwargs):
            if self.full:
                raise StoreError("database or disk is full")
            return work(*args, **kwargs)

        return guarded


@pytest.mark.fault("F35")
def test_a_disk_that_fills_up_sends_nothing_twice(brought, clock, user, monkeypatch):
    """A message that went out and cannot be marked goes out once; it is marked when the disk takes it."""
    desk, disk = Channel("desk"), Full(user, monkeypatch)
    courier = brought(desk)
    disk.full = True
    run(courier, clock, "desk", 120)
    on_disk = [a.deliveries["desk"] for a in user.outbox.log()]
    disk.full = False
    courier.bag.flush()

    assert desk.tried == ["first", "second", "third"]
    assert on_disk == ["queued"] * 3
    assert [a.deliveries["desk"] for a in user.outbox.log()] == ["sent"] * 3


@pytest.mark.fault("F35")
def test_what_is_decided_on_a_full_disk_is_sent_from_memory_and_kept_later(brought, clock, user, monkeypatch):
    """In order, once, and the log has all of it in the end."""
    desk, disk = Channel("desk", OK, OK, OK, OK, DOWN), Full(user, monkeypatch)
    courier = brought(desk)
    disk.full = True
    for title in ("fourth", "fifth"):
        courier.bag.put(note(title, ["desk"], clock.now_ms()))
    run(courier, clock, "desk", 30)
    trouble = courier.bag.trouble
    disk.full = False
    courier.bag.flush()
    run(courier, clock, "desk", 30)

    assert "full" in trouble
    assert courier.bag.trouble == ""
    assert desk.arrived == ["first", "second", "third", "fourth", "fifth"]
    assert [(a.title, a.deliveries["desk"]) for a in reversed(user.outbox.log())] == [(t, "sent") for t in desk.arrived]


@pytest.mark.fault("F41")
def test_two_couriers_send_a_message_once(brought, started, clock):
    """A process that does not know yet that another took over finds the message taken."""
    desk, other = Channel("desk"), None
    first = brought(desk)
    second = started(desk, writer="other")
    other = second.bag.take("desk", due=lambda _: True, next_ms=clock.now_ms() + 30_000)
    run(first, clock, "desk", 3)

    assert other.title == "first"
    assert desk.tried == []


@pytest.mark.fault("F49")
def test_a_message_that_was_under_way_at_a_kill_says_that_it_may_be_a_second_one(brought, started, clock):
    """Nobody knows whether it arrived; it comes again after the claim ended."""
    desk = Channel("desk")
    said = []
    desk.send = lambda title, body: said.append(body) or OK
    brought(desk).bag.take("desk", due=lambda _: True, next_ms=clock.now_ms() + 30_000)
    again = started(desk)
    run(again, clock, "desk", 29)
    before = list(said)
    run(again, clock, "desk", 3)

    assert before == []
    assert said[0].startswith("Perhaps a second time")
    assert "Perhaps" not in said[1]


@pytest.mark.fault("F49")
def test_a_failure_in_between_does_not_unsay_that_it_may_be_a_second_one(brought, started, clock):
    """Killed under way, then refused, then brought: it still says so, and the channel's state shows the refusal alone."""
    desk, said, answers = Channel("desk"), [], [Outcome(ok=False, sentence="The desk answered HTTP 500.")]
    desk.send = lambda title, body: said.append(body) or (answers.pop() if answers else OK)
    brought(desk).bag.take("desk", due=lambda _: True, next_ms=clock.now_ms() + 30_000)
    again = started(desk)
    run(again, clock, "desk", 32)
    shown = again.states()[0].sentence
    stored = again._outbox.channel_facts()["desk"]["error"]
    run(again, clock, "desk", 60)

    assert (shown, stored) == ("The desk answered HTTP 500.",) * 2
    assert [body.startswith("Perhaps a second time") for body in said[:3]] == [True, True, False]


@pytest.mark.fault("F44")
def test_late_news_says_so_first(brought, clock):
    """A channel that was down for a quarter of an hour."""
    desk = Channel("desk")
    courier = brought(desk)
    clock.advance(900)
    run(courier, clock, "desk", 1)

    assert [title.split(")")[0] for title in desk.tried] == ["(15 min late"] * 3


def test_a_clock_that_was_set_back_does_not_hold_messages(brought, clock, user):
    """A wait that would end tomorrow ends now."""
    desk = Channel("desk", DOWN)
    courier = brought(desk)
    courier.step("desk")
    user.outbox.mark(1, "queued", clock.now_ms(), error="x", next_ms=clock.now_ms() + 86_400_000)
    run(courier, clock, "desk", 1)

    assert desk.arrived == ["first", "second", "third"]


def test_a_channel_that_is_gone_is_shown_and_its_messages_end_after_a_day(brought, started, clock, user):
    """They wait for it to come back, not for ever."""
    brought(Channel("old"))
    later = started(Channel("new"))
    shown = {state.name: (state.ok, state.waiting) for state in later.states()}
    later.tidy(clock.now_ms())
    waiting = user.outbox.next_of("old")
    clock.advance(90_000)
    later.tidy(clock.now_ms())

    assert shown == {"new": (True, 0), "old": (False, 3)}
    assert waiting.title == "first"
    assert user.outbox.next_of("old") is None
    assert "not configured" in user.outbox.log()[0].deliveries["old"]


@pytest.mark.fault("F41")
def test_who_lost_the_pen_keeps_nothing(started, clock, user):
    """Two processes that both decide leave one log."""
    old, new = started(Channel("desk"), writer="old"), started(Channel("desk"), writer="new")
    new.bag.put(note("told by the new one", ["desk"], clock.now_ms()))
    with pytest.raises(NotTheWriter):
        old.bag.put(note("told again by the old one", ["desk"], clock.now_ms()))

    assert [a.title for a in user.outbox.log()] == ["told by the new one"]


def test_tests_of_a_channel_come_one_at_a_time(started, clock):
    """Five seconds apart, whoever presses the button."""
    desk = Channel("desk")
    courier = started(desk)
    first, second = courier.test("desk", "test", ""), courier.test("desk", "test", "")
    clock.advance(6)
    third = courier.test("desk", "test", "")

    assert (first.ok, second.ok, third.ok) == (True, False, True)
    assert courier.states()[0].last_sent_ms == clock.now_ms()


WAIT = Outcome(ok=False, retry_after_sec=120.0, sentence="asks to wait (HTTP 429)")


@pytest.mark.fault("F44")
def test_half_an_hour_without_a_channel_loses_and_doubles_nothing(started, clock):
    """What was decided meanwhile waits; few attempts, ever further apart; then all of it, in order, once, and the old ones say how late they are."""
    desk = Channel("desk", *[DOWN] * 1000)
    courier, tries = started(desk), []
    for minute in range(30):
        if minute in (0, 5, 20, 29):
            courier.bag.put(note(f"of minute {minute}", ["desk"], clock.now_ms()))
        run(courier, clock, "desk", 60)
        tries.append(len(desk.tried))
    desk.outcomes.clear()
    run(courier, clock, "desk", 310)

    assert tries[-1] <= 12
    assert tries[14] - tries[4] <= 3
    assert [title.partition("of minute")[2] for title in desk.arrived] == [" 0", " 5", " 20", " 29"]
    assert [title.startswith("(") for title in desk.arrived] == [True, True, True, False]


@pytest.mark.fault("F45", "F46", "F48")
def test_of_three_channels_each_has_its_own_fate(brought, clock):
    """One wants a pause, one refuses the token, one is well: that one gets each message once and at once."""
    well, slow, gone = Channel("well"), Channel("slow", WAIT), Channel("gone", *[REFUSED] * 9)
    courier = brought(well, slow, gone)
    for name in ("well", "slow", "gone"):
        courier.step(name)
    for _ in range(5):
        for name in ("well", "slow", "gone"):
            courier.step(name)
    at_once = list(well.arrived), list(slow.tried), list(gone.tried)
    states = {state.name: (state.ok, state.waiting) for state in courier.states()}
    run(courier, clock, "slow", 125)

    assert at_once == (["first", "second", "third"], ["first"], ["first", "second", "third"])
    assert states == {"well": (True, 0), "slow": (False, 3), "gone": (False, 0)}
    assert slow.arrived == ["first", "second", "third"]
    assert (well.tried, len(gone.tried)) == (["first", "second", "third"], 3)
