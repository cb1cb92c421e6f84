"""Canaries in every kind of channel: no log at any level, no sentence, no repr and no traceback has one."""

import base64
import copy
import logging
import pickle
import socket
import traceback
from urllib.parse import quote

import pytest
import requests
from apprise.plugins import discord, ntfy, pushover, slack, telegram
from apprise.plugins.email import smtp
from pydantic import SecretStr

from radar.notify import Heartbeat, parse_channels

CANARIES = ["CANARYuserONE", "CANARYpassTWO", "CANARYpathTHREE", "CANARYheadFOUR", "CANARYquesFIVE", "CANARYhostSIX"]
USER, PASSWORD, PATH, HEADER, QUESTION, HOST = CANARIES

BOT = f"123456789:AAabcdefghijklmnop{PATH}abcd"

URLS = {
    "tgram": f"tgram://{BOT}/42?x={QUESTION}",
    "discord": f"discord://{USER}@111/{PATH}?x={QUESTION}",
    "slack": f"slack://{USER}@T1JJ3T3L2/A1BRTD4JD/{PATH}aaaaaaaaa/?x={QUESTION}",
    "slack bot": f"slack://xoxb-1234-1234-{PATH}/#ops?x={QUESTION}",
    "mailto": f"mailto://{USER}:{PASSWORD}@127.0.0.1:{{mail}}?from=a@example.org&to=b@example.org&x={QUESTION}",
    "mailtos": f"mailtos://{USER}:{PASSWORD}@127.0.0.1:{{mail}}?from=a@example.org&to=b@example.org&mode=ssl&x={QUESTION}",
    "ntfy": f"ntfy://{USER}:{PASSWORD}@{{web}}/{PATH}?x={QUESTION}",
    "ntfy cloud": f"ntfy://{PATH}?x={QUESTION}",
    "ntfys": f"ntfys://tk_{USER}@{{web}}/{PATH}?x={QUESTION}",
    "gotify": f"gotify://{{web}}/sub/{PATH}?x={QUESTION}",
    "gotifys": f"gotifys://{{web}}/sub/{PATH}?x={QUESTION}",
    "pover": f"pover://{USER}@{PATH}?x={QUESTION}",
    "workflows": f"workflows://{{web}}/{PATH}/{PASSWORD}?x={QUESTION}",
    "json": f"json://{USER}:{PASSWORD}@{{web}}/{PATH}?+X-T={HEADER}&x={QUESTION}",
    "jsons": f"jsons://{USER}:{PASSWORD}@{{web}}/{PATH}?+X-T={HEADER}&x={QUESTION}",
    "host": f"json://{HOST}.invalid/{PATH}",
}


def spellings(canary):
    """A canary raw, URL-encoded, and as it looks inside base64 at each of its three offsets."""
    yield from (canary, canary.lower(), quote(canary, safe=""))
    for offset in range(3):
        coded = base64.b64encode(b"x" * offset + canary.encode()).decode()
        yield coded[4 if offset else 0 : -4]


def leaks(text):
    """The canaries that a text has in it."""
    return [canary for canary in CANARIES if any(spelling in text for spelling in spellings(canary))]


@pytest.fixture
def logs():
    """All that is logged, at any level, by anybody; formatted, with tracebacks."""
    lines, root = [], logging.getLogger()

    class Keep(logging.Handler):
        def emit(self, record):
            lines.append(f"{record.name} {self.format(record)} {record.__dict__!r}")

    handler, level, before = Keep(), root.level, {}
    root.addHandler(handler)
    root.setLevel(1)
    for name in ("apprise", "urllib3", "urllib3.connectionpool", "requests", "asyncio"):
        logger = logging.getLogger(name)
        before[logger] = logger.level
        logger.setLevel(1)
    yield lines
    root.removeHandler(handler)
    root.setLevel(level)
    for logger, was in before.items():
        logger.setLevel(was)


@pytest.fixture
def services(hook, mailbox, monkeypatch):
    """Every service lives on loopback, so that all of urllib3 and smtplib takes part."""
    at = f"http://{hook.at}"
    monkeypatch.setattr(telegram.NotifyTelegram, "notify_url", f"{at}/bot")
    monkeypatch.setattr(discord.NotifyDiscord, "notify_url", f"{at}/discord")
    monkeypatch.setattr(slack.NotifySlack, "webhook_url", f"{at}/slack")
    monkeypatch.setattr(slack.NotifySlack, "api_url", f"{at}/slack/{{}}")
    monkeypatch.setattr(ntfy.NotifyNtfy, "cloud_notify_url", at)
    monkeypatch.setattr(pushover.NotifyPushover, "notify_url", f"{at}/pover")
    return {"web": hook.at, "mail": mailbox.port}


def test_the_search_finds_what_it_should(logs):
    """It is not blind: raw, encoded, in base64 beside other text, and in a log."""
    password = base64.b64encode(f"user:{PASSWORD}".encode()).decode()
    logging.getLogger("urllib3.connectionpool").debug("POST /%s", PATH)

    assert leaks(f"a{USER}b Basic {password}") == [USER, PASSWORD]
    assert leaks("".join(logs)) == [PATH]


@pytest.mark.fault("F57")
@pytest.mark.parametrize("answer", [(200, {}, b"ok"), (401, {}, b"echo " + PATH.encode()), (302, {"Location": f"/{PATH}"}, b""), "hang"])
@pytest.mark.parametrize("kind", URLS)
def test_nothing_of_a_url_is_told(kind, answer, services, hook, logs, capfd):
    """Delivered, refused with an echo, redirected or hung: not a trace."""
    hook.otherwise = answer
    channels, problems = parse_channels("desk=" + URLS[kind].format(**services), allow_local=True)
    outcome = channels[0].send("t", "b", timeout_sec=0.2 if answer == "hang" else 5)
    told = [*logs, *problems, repr(channels), str(channels[0]), f"{channels[0]}", repr(outcome), *capfd.readouterr()]

    assert leaks("\n".join(told)) == []
    assert not any(line.startswith(("apprise", "urllib3", "requests")) for line in logs)


@pytest.mark.fault("F57")
@pytest.mark.parametrize(
    "url",
    [
        f"slack://T1JJ3T3L2/A1BRTD4JD/{PATH}-!",
        f"tgram://{PATH}/1",
        f"discord://{PATH}",
        f"json://{USER}:{PASSWORD}@[::1/{PATH}",
        f"json://{USER}:{PASSWORD}@127.0.0.1/{PATH}?x={QUESTION}",
        f"mailto://{USER}:{PASSWORD}@?to={PATH}",
        f"pover://{USER}@{PATH}?priority=emergency&interval=1",
        f"{PATH}://{HOST}",
        f"ntfy://{HOST}/!!!",
    ],
)
def test_a_url_that_is_refused_is_not_told(url, logs, capfd):
    """Apprise warns of bad tokens and quotes them; that goes nowhere."""
    _, problems = parse_channels(f"desk={url} {url} {PATH}={url}", allow_local=False)

    assert leaks("\n".join([*logs, *problems, *capfd.readouterr()])) == []


@pytest.mark.fault("F57")
def test_an_error_inside_apprise_is_not_told(services, logs, capfd):
    """Its text may be a URL; what comes back is an outcome."""
    channels, _ = parse_channels("desk=" + URLS["tgram"], allow_local=True)

    def fails(*args, **kwargs):
        raise requests.ConnectionError(f"https://api.telegram.org/bot{BOT}/sendMessage")

    channels[0]._plugin.notify = fails
    outcome = channels[0].send("t", "b")

    assert (outcome.ok, outcome.permanent) == (False, False)
    assert leaks("\n".join([*logs, repr(outcome), *capfd.readouterr()])) == []


@pytest.mark.parametrize("take", [pickle.dumps, copy.copy, copy.deepcopy, vars, dict, list])
def test_a_channel_cannot_be_taken_apart(take):
    """No pickle, no copy, no dict; the error says nothing either."""
    channels, _ = parse_channels("desk=" + URLS["tgram"], allow_local=True)
    with pytest.raises(TypeError) as caught:
        take(channels[0])

    assert leaks("".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())) == []


@pytest.mark.fault("F57")
def test_a_heartbeats_address_is_not_told(hook, logs, capfd):
    """In its path is the monitor's token."""
    hook.answers[f"/{PATH}"] = (500, {}, PATH.encode())
    beats = [
        Heartbeat(SecretStr(f"http://{USER}:{PASSWORD}@{at}/{PATH}?x={QUESTION}"), allow_local=allow_local)
        for at, allow_local in ((hook.at, True), (hook.at, False), (f"{HOST}.invalid", True))
    ]
    told = [repr(beat) + repr(vars(beat)) + repr(beat.beat()) for beat in beats]

    assert leaks("\n".join([*logs, *told, *capfd.readouterr()])) == []


def test_other_threads_keep_their_logs(hook, logs, monkeypatch):
    """The silence is of the threads that send."""
    channels, _ = parse_channels(f"desk=json://{hook.at}/x", allow_local=True)
    channels[0].send("t", "b")
    requests.get(f"http://{hook.at}/elsewhere", timeout=5)

    assert [line for line in logs if line.startswith("urllib3") and "/elsewhere" in line]


@pytest.mark.fault("F57")
def test_nothing_is_written_to_disk(services, tmp_path, monkeypatch):
    """Apprise's persistent storage is off."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(socket, "getfqdn", lambda name="": "localhost")
    channels, _ = parse_channels(" ".join(f"c{i}={url.format(**services)}" for i, url in enumerate(URLS.values())), allow_local=True)
    for channel in channels:
        channel.send("t", "b", timeout_sec=5)

    assert len(channels) == len(URLS)
    assert smtp.smtplib.__name__ == "_Smtplib"
    assert list(tmp_path.rglob("*")) == []
