"""What becomes of a message, told by servers on loopback that answer, refuse, hang or point elsewhere."""

import json
import re
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from email import message_from_string
from email.utils import format_datetime

import pytest
import requests
import responses
from apprise.plugins import custom_json
from pydantic import SecretStr

from radar.notify import Heartbeat, parse_channels
from radar.notify.addresses import PRIVATE
from radar.notify.plain import clean
from radar.notify.wires import request
from tests.serving import free_port

TOKEN = "123456789:AAabcdefghijklmnopqrstuvwxyz012345"
SLACK = "T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
HOSTILE = "@everyone <@123> <!channel> <at>boss</at> [win](http://evil.example) *bold* `x` <b>y</b> &amp;"


def posted(hook):
    """The JSON of the only message that came in."""
    assert len(hook.hits) == 1
    return json.loads(hook.hits[0][3])


def test_a_webhook_gets_title_and_body_once(hook, open_channel):
    """One request, with custom headers and the password, and ok as the outcome."""
    outcome = open_channel(f"json://u:p@{hook.at}/hook?+X-T=desk").send("RED ARBUSDT", "R2 fires")

    assert outcome.ok
    assert (posted(hook)["title"], posted(hook)["message"]) == ("RED ARBUSDT", "R2 fires")
    _, path, headers, _ = hook.hits[0]
    assert (path, headers["X-T"], headers["Authorization"]) == ("/hook", "desk", "Basic dTpw")


@pytest.mark.fault("F46")
@pytest.mark.parametrize(
    ("status", "permanent"),
    [
        *((status, True) for status in (302, 400, 401, 403, 404, 405, 410, 413, 418, 422)),
        *((status, False) for status in (408, 425, 429, 500, 502, 503)),
    ],
)
def test_a_status_is_permanent_or_temporary(hook, open_channel, status, permanent):
    """A wrong token will not get better, an overloaded server will; the sentence has the status."""
    hook.answers["/hook"] = (status, {}, b"sesame")
    outcome = open_channel(f"json://{hook.at}/hook").send("t", "b")

    assert (outcome.ok, outcome.permanent, outcome.retry_after_sec) == (False, permanent, None)
    assert outcome.sentence.startswith(f"The channel answered HTTP {status}: ")
    assert "sesame" not in outcome.sentence
    assert "127.0.0.1" not in outcome.sentence
    assert len(hook.hits) == 1


@pytest.mark.fault("F45")
@pytest.mark.parametrize(
    ("said", "seconds"), [("40", 40), ("0.5", 0.5), ("-3", 0), ("1e9", 3600), ("nan", None), ("soon", None), ("", None)]
)
def test_retry_after_is_kept(hook, open_channel, said, seconds):
    """In seconds, within an hour; nonsense is nothing."""
    hook.answers["/hook"] = (429, {"Retry-After": said}, b"")

    assert open_channel(f"json://{hook.at}/hook").send("t", "b").retry_after_sec == seconds


def test_retry_after_may_be_a_date(hook, open_channel):
    """As HTTP allows."""
    hook.answers["/hook"] = (503, {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=False)}, b"")

    assert open_channel(f"json://{hook.at}/hook").send("t", "b").retry_after_sec == pytest.approx(60, abs=3)


@pytest.mark.fault("F58")
def test_redirects_are_not_followed(hook, open_channel):
    """Not even when the URL asks for it: the other path is not touched."""
    hook.answers["/hook"] = (302, {"Location": f"http://{hook.at}/inside"}, b"")
    open_channel(f"json://{hook.at}/hook?redirect=yes").send("t", "b")

    assert [hit[1] for hit in hook.hits] == ["/hook"]


@pytest.mark.fault("F47")
@pytest.mark.parametrize("fault", ["hang", "drip"])
def test_a_server_that_never_ends_is_left_in_time(hook, open_channel, fault):
    """Silence, or a byte now and then: it is temporary, and the thread is gone soon after."""
    hook.answers["/hook"] = fault
    before, started = set(threading.enumerate()), time.monotonic()
    outcome = open_channel(f"json://{hook.at}/hook").send("t", "b", timeout_sec=0.3)

    assert time.monotonic() - started < 1.5
    assert (outcome.ok, outcome.permanent, outcome.sentence) == (False, False, "The channel did not answer within 0.3 s.")
    assert not any(thread.name == "notify" for thread in set(threading.enumerate()) - before)


def test_a_resolver_that_hangs_delays_nobody_and_sends_nothing_later(hook, open_channel, monkeypatch):
    """What was given up for is not delivered after all."""
    release, real = threading.Event(), socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: release.wait(10) and real(*args, **kwargs))
    outcome = open_channel(f"json://{hook.at}/hook").send("t", "b", timeout_sec=0.1)
    release.set()
    for thread in threading.enumerate():
        if thread.name == "notify":
            thread.join(5)

    assert (outcome.ok, outcome.permanent, hook.hits) == (False, False, [])


def test_a_refused_connection_is_temporary(open_channel):
    """Nobody listens there now."""
    outcome = open_channel(f"json://127.0.0.1:{free_port()}/hook").send("t", "b")

    assert (outcome.ok, outcome.permanent, outcome.sentence) == (False, False, "The channel could not be reached.")


def test_a_body_without_end_is_cut(hook, open_channel):
    """Only the first words of an answer are read."""
    hook.answers["/hook"] = (200, {}, b"x" * 5_000_000)

    assert open_channel(f"json://{hook.at}/hook").send("t", "b").ok


@pytest.mark.fault("F58")
def test_a_name_that_turns_private_is_not_connected_to(hook, monkeypatch):
    """DNS rebinding: public while the list is read, loopback when the message goes out."""
    answers = {"ip": "93.184.215.14"}
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, port, *_, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answers["ip"], port))]
    )
    channels, _ = parse_channels(f"desk=json://rebind.example:{hook.at.split(':')[1]}/hook", allow_local=False)
    answers["ip"] = "127.0.0.1"
    outcome = channels[0].send("t", "b")

    assert (outcome.ok, outcome.sentence, hook.hits) == (False, f"The channel {PRIVATE}.", [])


@pytest.mark.fault("F58")
def test_the_address_that_was_checked_is_the_one_connected_to(hook, open_channel, monkeypatch):
    """One look-up a send: there is no second answer to change in between."""
    channel, asked, real = open_channel(f"json://localhost:{hook.at.split(':')[1]}/hook"), [], socket.getaddrinfo

    def look(host, port, *args, **kwargs):
        asked.append(host)
        return real("127.0.0.1", port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", look)

    assert channel.send("t", "b").ok
    assert asked == ["localhost"]


def test_proxies_of_the_environment_serve_fixed_hosts_alone(hook, open_channel, monkeypatch):
    """A proxy would look up a person's host where nobody can check it."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    assert open_channel(f"json://{hook.at}/hook").send("t", "b").ok


def test_telegram_is_plain_text(open_channel):
    """No parse mode: what looks like markup is shown as it is; the bot's 429 says when to come back."""
    with responses.RequestsMock() as web:
        web.post(re.compile("https://api.telegram.org/bot.*"), status=429, json={"ok": False, "parameters": {"retry_after": 17}})
        outcome = open_channel(f"tgram://{TOKEN}/42?format=html&template=/etc/passwd").send("t", HOSTILE)
        payload = json.loads(web.calls[0].request.body)

    assert (outcome.retry_after_sec, outcome.permanent) == (17, False)
    assert (payload["text"], payload["chat_id"], "parse_mode" in payload) == (f"t\n{HOSTILE}", 42, False)


@pytest.mark.parametrize(("status", "permanent"), [(401, True), (403, True), (404, True), (500, False)])
def test_telegrams_status_counts(open_channel, status, permanent):
    """A token that was revoked, a bot that was blocked."""
    with responses.RequestsMock() as web:
        web.post(re.compile("https://api.telegram.org/bot.*"), status=status, json={"ok": False, "description": TOKEN})
        outcome = open_channel(f"tgram://{TOKEN}/42").send("t", "b")

    assert (outcome.ok, outcome.permanent, f"HTTP {status}" in outcome.sentence) == (False, permanent, True)


def test_discord_pings_nobody_and_is_asked_once(open_channel):
    """Mentions are off, markup is escaped, a deep link stays whole; its own retry does not happen."""
    with responses.RequestsMock() as web:
        web.post(re.compile("https://discord.com/api/webhooks/.*"), status=429, json={"retry_after": 1.5}, headers={"Retry-After": "2"})
        outcome = open_channel("discord://111/tok_en?ping=@everyone").send("t", HOSTILE + " http://radar.example/symbol?s=A_B")
        payload = json.loads(web.calls[0].request.body)

        assert len(web.calls) == 1
    assert (outcome.retry_after_sec, outcome.permanent) == (1.5, False)
    assert payload["allowed_mentions"] == {"parse": []}
    assert r"\[win\](http://evil.example)" in payload["content"]
    assert payload["content"].endswith("http://radar.example/symbol?s=A_B")


def test_discord_delivers(open_channel):
    """204 is its yes."""
    with responses.RequestsMock() as web:
        web.post(re.compile("https://discord.com/.*"), status=204)

        assert open_channel("discord://111/tok_en").send("t", "b").ok


def test_slack_pings_nobody(open_channel):
    """What would be a mention or a link is text."""
    with responses.RequestsMock() as web:
        web.post(re.compile("https://hooks.slack.com/.*"), body="ok")

        assert open_channel(f"slack://{SLACK}").send("t", HOSTILE).ok
        payload = json.loads(web.calls[0].request.body)

    assert payload["text"].startswith("t\n@everyone &lt;@123&gt; &lt;!channel&gt;")
    assert (payload["mrkdwn"], payload["parse"], payload["link_names"], "attachments" in payload) == (False, "none", False, False)


@pytest.mark.parametrize(("error", "permanent"), [("invalid_auth", True), ("channel_not_found", True), ("fatal_error", False)])
def test_slack_refuses_a_bot_in_the_body(open_channel, error, permanent):
    """HTTP 200 is not yet a yes."""
    with responses.RequestsMock() as web:
        web.post("https://slack.com/api/chat.postMessage", json={"ok": False, "error": error})
        outcome = open_channel("slack://xoxb-1234-1234-abc124/#ops").send("t", "b")

    assert (outcome.ok, outcome.permanent) == (False, permanent)


def test_teams_gets_a_card_without_mentions_and_disguised_links(open_channel):
    """A line is a block."""
    with responses.RequestsMock() as web:
        web.post(re.compile("https://w.example.org/.*"), status=202)

        assert open_channel("workflows://w.example.org/abc123/sig456").send("t", f"{HOSTILE}\nline two").ok
        card = json.loads(web.calls[0].request.body)["attachments"][0]["content"]

    assert [block["text"] for block in card["body"]][::2] == ["t", "line two"]
    assert card["msteams"] == {"width": "full"}
    assert "](" not in card["body"][1]["text"]
    assert "<at>" not in card["body"][1]["text"]


@pytest.mark.parametrize(
    ("url", "address", "field"),
    [
        ("ntfys://ntfy.example.org/topic", "https://ntfy.example.org", "message"),
        ("ntfy://topic", "https://ntfy.sh", "message"),
        ("gotifys://g.example.org/Atoken", "https://g.example.org/message", "message"),
        ("jsons://h.example.org/x", "https://h.example.org/x", "message"),
    ],
)
def test_services_that_take_text_get_text(open_channel, url, address, field):
    """Nothing is rendered on the way."""
    with responses.RequestsMock() as web:
        web.post(address, json={})

        assert open_channel(url).send("t", HOSTILE).ok
        payload, headers = json.loads(web.calls[0].request.body), web.calls[0].request.headers

    assert payload[field] == HOSTILE
    assert not {"X-Markdown", "X-Icon", "X-Attach"} & set(headers)


def test_pushover_gets_text(open_channel):
    """No HTML."""
    with responses.RequestsMock() as web:
        web.post("https://api.pushover.net/1/messages.json", json={})

        assert open_channel("pover://ukey@atoken").send("t", HOSTILE).ok
        assert "html=" not in web.calls[0].request.body


def test_mail_is_plain_text(mailbox, open_channel):
    """One mail, no HTML part, no way into its headers."""
    outcome = open_channel(f"mailto://u:good@127.0.0.1:{mailbox.port}?from=a@example.org&to=b@example.org").send(
        "RED\nBcc: c@example.org", HOSTILE
    )
    mail = message_from_string(mailbox.mails[0])

    assert (outcome.ok, len(mailbox.mails), mail.get_content_type(), mail["Bcc"]) == (True, 1, "text/plain", None)
    assert mail["Subject"] == "RED Bcc: c@example.org"
    assert HOSTILE in mail.get_payload(decode=True).decode()


@pytest.mark.parametrize(
    ("user", "to", "code"), [("u:bad", "b@example.org", 535), ("u:good", "nobody@example.org", 550)], ids=["password", "recipient"]
)
def test_a_mail_server_that_knows_no_such_person_is_permanent(mailbox, open_channel, user, to, code):
    """A wrong password, a mailbox that is not there."""
    outcome = open_channel(f"mailto://{user}@127.0.0.1:{mailbox.port}?from=a@example.org&to={to}").send("t", "b")

    assert (outcome.ok, outcome.permanent, mailbox.mails) == (False, True, [])
    assert outcome.sentence.startswith(f"The mail server answered {code}: ")


def test_a_mail_server_that_is_away_is_temporary(open_channel):
    """Nobody listens there now."""
    outcome = open_channel(f"mailto://u:p@127.0.0.1:{free_port()}?from=a@example.org&to=b@example.org").send("t", "b")

    assert (outcome.ok, outcome.permanent) == (False, False)


@pytest.mark.parametrize(("kind", "limit"), [("discord", 1900), ("json", 3500), ("tgram", 3500), ("pover", 1000), ("ntfy", 3900)])
@pytest.mark.parametrize("text", ["x", "*", "−", "é\n"])
def test_messages_fit_the_service(kind, limit, text):
    """Cut rather than refused or split."""
    title, body = clean(kind, text * 500, text * 5000)
    size = len((title + body).encode()) if kind == "ntfy" else len(title + body) + 1

    assert size <= limit
    assert body


def test_marks_that_turn_or_hide_text_do_not_go_out():
    """Control characters, right-to-left overrides, zero-width characters."""
    assert clean("json", "a\x00b\nc", "d\u202ee\u200bf\x1b[31m\r\ng") == ("a b c", "d e f [31m\ng")


def test_a_message_without_a_body_shows_its_title(hook, open_channel):
    """Apprise sends nothing without a body."""
    assert open_channel(f"json://{hook.at}/hook").send("only this", "").ok
    assert posted(hook)["message"] == "only this"


def test_nothing_is_sent_but_by_an_attempt(hook):
    """Apprise's plugins cannot reach the network behind our back: the name `requests` in them is ours."""
    plugin = custom_json.NotifyJSON(host="127.0.0.1", port=int(hook.at.split(":")[1]), schema="json")
    with pytest.raises(OSError, match="nothing is being sent"):
        plugin.send("body")

    assert hook.hits == []


def test_requests_is_left_alone(hook):
    """Other calls of the process go their own way."""
    assert requests.get(f"http://{hook.at}/elsewhere", timeout=5).status_code == 200
    assert custom_json.requests.request is request


def test_a_heartbeat_is_one_get(hook):
    """2xx is heard."""
    outcome = Heartbeat(SecretStr(f"http://{hook.at}/ping/uuid?x=1"), allow_local=True).beat()

    assert (outcome.ok, [hit[:2] for hit in hook.hits]) == (True, [("GET", "/ping/uuid?x=1")])


@pytest.mark.parametrize(
    ("answer", "permanent"), [((500, {}, b""), False), ((404, {}, b""), True), ((302, {"Location": "/x"}, b""), True)]
)
def test_a_heartbeat_that_is_not_heard_says_so(hook, answer, permanent):
    """Redirects are not followed here either."""
    hook.answers["/ping"] = answer
    outcome = Heartbeat(SecretStr(f"http://{hook.at}/ping"), allow_local=True).beat()

    assert (outcome.ok, outcome.permanent, len(hook.hits)) == (False, permanent, 1)
    assert outcome.sentence.startswith(f"The monitor answered HTTP {answer[0]}")


def test_a_heartbeat_hangs_nobody(hook):
    """It ends in time."""
    hook.answers["/ping"] = "hang"
    outcome = Heartbeat(SecretStr(f"http://{hook.at}/ping"), allow_local=True).beat(timeout_sec=0.2)

    assert (outcome.ok, outcome.sentence) == (False, "The monitor did not answer within 0.2 s.")


@pytest.mark.fault("F58")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f000001", "0177.0.0.1"])
def test_a_heartbeat_goes_to_public_addresses(hook, host):
    """Unless local ones are allowed; nothing is connected to."""
    outcome = Heartbeat(SecretStr(f"http://{host}:{hook.at.split(':')[1]}/ping"), allow_local=False).beat()

    assert (outcome.ok, outcome.sentence, hook.hits) == (False, f"The monitor {PRIVATE}.", [])


@pytest.mark.fault("F58")
@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://example.org", "sesame", "http://", "http://[::1", "http://a b\x00"])
def test_a_heartbeat_wants_http(url):
    """Nonsense is told, not raised."""
    outcome = Heartbeat(SecretStr(url), allow_local=True).beat(timeout_sec=1)

    assert outcome.ok is False
    assert not any(part in outcome.sentence for part in ("sesame", "passwd"))
