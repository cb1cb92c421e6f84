"""Alerts as rows: a decision, its memory and its messages are kept together, and messages leave in order."""

import pytest

from radar.errors import StoreError
from radar.models import AlertKind, Decision, Delivery, Memory, Note
from radar.store import UserStore

NOW = 1_790_000_000_000
DAY_MS = 86_400_000


def decision(symbol="ARBUSDT", kind=AlertKind.NO_SHORT, edge="opens", *, decided=True, reason="", ts_ms=NOW):
    """Something that was decided, or held back."""
    return Decision(ts_ms=ts_ms, symbol=symbol, kind=kind, edge=edge, decided=decided, reason=reason, title=f"{symbol} {edge}", body="why")


@pytest.fixture
def outbox(user):
    """The alerts of the user's file."""
    user.outbox.begin("me")
    return user.outbox


def keep(outbox, memories, decisions, message, channels, at, told=()):
    """Record what one evaluation left."""
    made = [Delivery(id=0, batch=0, channel=c, title=message[0], body=message[1], next_ms=0, created_ms=at) for c in (channels if message else ())]
    return outbox.record(Note(memories=memories, decisions=tuple(decisions), deliveries=tuple(made), told=tuple(told)), "me")


def attempt(outbox, channel, state, now_ms, **more):
    """One attempt at the channel's oldest message, and what came of it."""
    found = outbox.next_of(channel)
    assert outbox.claim(found, now_ms + 30_000)
    outbox.mark(found.id, state, now_ms, **more)


def queue(outbox, *titles, channels=("desk", "mail"), at=NOW):
    """Messages of one decision each."""
    for title in titles:
        keep(outbox, {}, [(decision(), None)], (title, "body"), channels, at)


@pytest.mark.fault("F39")
def test_what_was_decided_is_there_after_a_restart(user, outbox, tmp_path):
    """Memory, decision and one message a channel."""
    memory = Memory(active=True, told=True, opened_ms=NOW)
    keep(outbox, {"ARBUSDT": {AlertKind.NO_SHORT: memory}}, [(decision(), None)], ("title", "body"), ["desk", "mail"], NOW)
    user.close()
    again = UserStore(tmp_path).outbox

    assert again.memories() == {"ARBUSDT": {AlertKind.NO_SHORT: memory}}
    assert [(a.title, a.decided, a.deliveries) for a in again.log()] == [("ARBUSDT opens", True, {"desk": "queued", "mail": "queued"})]


@pytest.mark.fault("F39")
def test_a_record_is_all_or_nothing(outbox, user):
    """When the messages cannot be written, nothing is remembered."""
    user.file.db.execute("DROP TABLE deliveries")
    with pytest.raises(StoreError):
        keep(outbox, {"ARBUSDT": {AlertKind.SRS: Memory(active=True)}}, [(decision(), None)], ("title", ""), ["desk"], NOW)

    assert (outbox.memories(), user.file.db["alerts"].count) == ({}, 0)


def test_a_message_is_claimed_once(outbox):
    """Whoever read it before somebody else took it does not get it."""
    queue(outbox, "first", channels=["desk"])
    mine = theirs = outbox.next_of("desk")

    assert outbox.claim(theirs, NOW + 30_000)
    assert not outbox.claim(mine, NOW + 30_000)


def test_messages_of_a_channel_leave_in_order(outbox):
    """The oldest first, and the next only when it is gone; other channels have queues of their own."""
    queue(outbox, "first", "second")
    first = outbox.next_of("desk")
    attempt(outbox, "desk", "queued", NOW + 5, error="HTTP 500", next_ms=NOW + 5000)
    again = outbox.next_of("desk")
    attempt(outbox, "desk", "sent", NOW + 6000)

    assert (first.title, again.id, again.attempts, again.next_ms) == ("first", first.id, 1, NOW + 5000)
    assert (outbox.next_of("desk").title, outbox.next_of("mail").title) == ("second", "first")


def test_a_message_that_failed_for_good_stops_no_other(outbox):
    """It is marked, with its reason, and the next one is due."""
    queue(outbox, "first", "second", channels=["desk"])
    attempt(outbox, "desk", "failed", NOW, error="the token was refused (HTTP 401)")

    assert outbox.next_of("desk").title == "second"
    assert [a.deliveries for a in outbox.log(verdict="failed")] == [{"desk": "failed: the token was refused (HTTP 401)"}]
    assert outbox.channel_facts()["desk"]["error"] == "the token was refused (HTTP 401)"


def test_the_log_is_filtered_and_paged(outbox):
    """By symbol, by what became of it, and from an id on."""
    keep(outbox, {}, [(decision("AUSDT"), None)], ("a", ""), ["desk"], NOW)
    outbox.mark(outbox.next_of("desk").id, "sent", NOW)
    keep(outbox, {}, [(decision("BUSDT", decided=False, reason="cooldown"), None)], None, ["desk"], NOW)
    keep(outbox, {}, [(decision("AUSDT", edge="closes"), None)], ("b", ""), ["desk"], NOW)
    found = outbox.log()

    assert [a.symbol for a in found] == ["AUSDT", "BUSDT", "AUSDT"]
    assert [a.edge for a in outbox.log("AUSDT")] == ["closes", "opens"]
    assert {v: [a.id for a in outbox.log(verdict=v)] for v in ("sent", "queued", "held", "failed")} == {
        "sent": [found[2].id], "queued": [found[0].id], "held": [found[1].id], "failed": [],
    }  # fmt: skip
    assert [a.id for a in outbox.log(limit=1, before=found[0].id)] == [found[1].id]


def test_what_quiet_hours_hold_back_is_told_by_a_digest(outbox):
    """Until then it waits; afterwards its row says which message told it."""
    keep(outbox, {}, [(decision(decided=False, reason="quiet hours"), "quiet"), (decision(decided=False, reason="cooldown"), None)], None, ["desk"], NOW)
    waiting = outbox.on_hold()
    keep(outbox, {}, [], ("digest", "1 alert"), ["desk"], NOW + 1, told=[a.id for a in waiting])

    assert [a.reason for a in waiting] == ["quiet hours"]
    assert outbox.on_hold() == []
    assert [a.deliveries for a in outbox.log()] == [{}, {"desk": "queued"}]


def test_messages_are_counted_once_whatever_the_channels(outbox):
    """Two messages to three channels are two; an hour ago counts no more."""
    queue(outbox, "old", channels=["a", "b", "c"], at=NOW - 3_700_000)
    queue(outbox, "new", "newer", channels=["a", "b", "c"])

    assert outbox.messages_since(NOW - 3_600_000) == [NOW, NOW]


def test_ninety_days_are_kept_and_what_waits_for_ever(outbox):
    """A message that was never delivered is not tidied away."""
    queue(outbox, "sent long ago", channels=["desk"], at=NOW - 91 * DAY_MS)
    outbox.mark(outbox.next_of("desk").id, "sent", NOW)
    queue(outbox, "still waiting", channels=["desk"], at=NOW - 91 * DAY_MS)
    outbox.prune(NOW)

    assert outbox.next_of("desk").title == "still waiting"


def test_a_symbol_that_left_is_looked_at_for_the_first_time_again(outbox):
    """Its memory goes, its log stays."""
    keep(outbox, {"ARBUSDT": {AlertKind.SRS: Memory()}}, [(decision(), None)], None, [], NOW)
    outbox.record(Note(forgotten=("ARBUSDT",)), "me")

    assert outbox.memories() == {}
    assert len(outbox.log()) == 1


def test_positions_keep_their_beginning(outbox):
    """Marking a held symbol again changes nothing; taking it back does."""
    outbox.set_position("ARBUSDT", NOW)
    outbox.set_position("ARBUSDT", NOW + 5)
    before = outbox.positions()
    outbox.set_position("ARBUSDT", None)

    assert (before, outbox.positions()) == ({"ARBUSDT": NOW}, {})


@pytest.mark.fault("F38")
def test_a_restored_file_pauses_alerts_until_somebody_looked(tmp_path):
    """What was decided since the copy is not known, so nothing is told that may have been told."""
    user = UserStore(tmp_path)
    user.outbox.begin("me")
    queue(user.outbox, "sent since, perhaps", channels=["desk"])
    user.copy_daily(NOW)
    user.close()
    (tmp_path / "user.sqlite3").write_bytes(b"rubbish" * 4096)
    for more in ("-wal", "-shm"):
        (tmp_path / f"user.sqlite3{more}").unlink(missing_ok=True)
    restored = UserStore(tmp_path)
    said, waiting = restored.alerts_paused, restored.outbox.next_of("desk")
    restored.close()
    later = UserStore(tmp_path)
    still = later.alerts_paused
    later.resume_alerts()

    assert "damaged" in said
    assert waiting is None
    assert still == said
    assert later.alerts_paused == ""
    later.close()
