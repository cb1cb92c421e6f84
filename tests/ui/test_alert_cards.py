"""Alerts in words: every kind has a meaning, every delivery its word, and nothing unknown reads like a number."""

import pytest

from radar.models import Alert, AlertKind, AlertPolicy, ChannelState
from radar.notify.channels import KINDS as SCHEMAS
from radar.ui import alert_cards

NOW = 1_736_160_000_000
QUIET = "quiet hours until 07:00; told then"


def clock(ms):
    """Seconds before NOW, so that a test can read them."""
    return f"T-{(NOW - ms) // 1000}"


def alert(deliveries=(), *, decided=True, reason="", **more):
    """An alert with these deliveries."""
    title = "ARBUSDT NO SHORT: R2"
    fields = {"id": 7, "ts_ms": NOW - 60_000, "symbol": "ARBUSDT", "kind": AlertKind.NO_SHORT, "edge": "opens", "title": title, "body": ""}
    return Alert(**fields | more, decided=decided, reason=reason, deliveries=dict(deliveries))


def channel(*, ok=True, **more):
    """A channel."""
    return ChannelState(name="desk", kind="tgram", ok=ok, **more)


def test_every_kind_says_what_it_means():
    """None is forgotten, and each is described by a sentence."""
    assert set(alert_cards.KINDS) == set(AlertKind) - {AlertKind.MARKET}
    assert all(kind.name and kind.meaning.endswith(".") for kind in alert_cards.KINDS.values())


def test_every_service_has_a_name_and_every_example_can_be_used():
    """What the page offers is what the radar takes."""
    assert set(alert_cards.SERVICES) == set(SCHEMAS)
    assert {address.partition("://")[0] for _, address in alert_cards.ADDRESSES} <= set(SCHEMAS)


@pytest.mark.parametrize(
    ("given", "said", "tone"),
    [
        (alert({"desk": "sent", "mail": "sent"}), "● sent to desk and mail", "green"),
        (alert({"desk": "queued"}), "○ queued since T-60: desk", "amber"),
        (alert({"desk": "failed"}), "■ failed: desk (see the channel)", "red"),
        (alert({"desk": "failed: bad token"}), "■ failed: desk (bad token)", "red"),
        (alert({"a": "sent", "b": "queued", "c": "failed"}), "■ failed: c (see the channel); ○ queued since T-60: b; ● sent to a", "red"),
        (alert({"desk": "lost"}), "◆ lost: desk", "grey"),
        (alert(), "▲ no channel to send it to", "amber"),
        (alert(decided=False, reason="cooldown"), "◆ held back: cooldown", "grey"),
        (alert(decided=False), "◆ held back: no reason is stored", "grey"),
        (alert({"desk": "sent"}, decided=False, reason=QUIET), f"● sent to desk; in a digest; held back before: {QUIET}", "green"),
        (alert({"desk": "queued"}, decided=False, reason=QUIET), f"○ queued: desk; in a digest; held back before: {QUIET}", "amber"),
    ],
)
def test_what_became_of_it(given, said, tone):
    """A shape and words for every outcome; the tone is the worst of all channels."""
    assert alert_cards.became(given, clock) == (said, tone)


def test_the_log_has_a_line_for_each():
    """When, symbol, what, what became of it; the title below."""
    card = alert_cards.log([alert({"desk": "sent"})], clock)
    (line,) = card["blocks"][0]["rows"]

    assert line["cells"] == ["T-60", "ARBUSDT", ["No short opens", "words"], ["● sent to desk", "green"]]
    assert line["note"] == "ARBUSDT NO SHORT: R2"


def test_an_empty_log_says_why():
    """Nothing yet, or nothing that fits."""
    assert alert_cards.log([], clock)["blocks"][0]["v"] == "Nothing has been decided yet."
    assert alert_cards.log([], clock, ["ARBUSDT", "failed"])["blocks"][0]["v"] == "Nothing here for ARBUSDT and failed."


def test_a_channel_tells_its_times():
    """Never is a word, not a date in 1970."""
    state = channel(waiting=3, last_sent_ms=NOW - 180_000)

    assert alert_cards.channel_times(state, NOW, clock) == {"waiting": "3", "last delivery": "T-180, 3 min ago", "last error": "never"}
    assert alert_cards.channel_look(state).text == "● OK"
    assert alert_cards.channel_look(channel(ok=False)).text == "▲ NEEDS ATTENTION"


@pytest.mark.parametrize(
    ("policy", "channels", "paused", "said"),
    [
        (AlertPolicy(), [channel()], "", ""),
        (AlertPolicy(), [channel(ok=False), channel()], "", ""),
        (AlertPolicy(), [channel()], "damaged", "alerts are paused, so no exit alert comes"),
        (AlertPolicy(off={AlertKind.EXIT}), [channel()], "", "exit alerts are switched off"),
        (AlertPolicy(), [], "", "there is no channel, so an exit is only logged"),
        (AlertPolicy(), [channel(ok=False)], "", "no channel works at the moment"),
    ],
)
def test_a_position_that_nobody_guards_is_told(policy, channels, paused, said):
    """A switch that is on must not promise what does not come."""
    assert alert_cards.exit_doubt(policy, channels, paused) == said
