"""Which entries of RADAR_CHANNELS become channels, and what is said of the others."""

import socket

import pytest

from radar.notify import parse_channels
from radar.notify.addresses import PRIVATE, is_public

TOKEN = "123456789:AAabcdefghijklmnopqrstuvwxyz012345"
SLACK = "T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"

USABLE = [
    f"tgram://{TOKEN}/4242",
    "discord://111/tok_en",
    f"slack://{SLACK}/#ops",
    "slack://xoxb-1234-1234-abc124/#ops",
    "mailto://user:pw@gmail.com",
    "mailtos://user:pw@example.org?smtp=mail.example.org&from=me@example.org&to=you@example.org&mode=ssl",
    "ntfy://topic",
    "ntfys://tk_x@ntfy.example.org/topic",
    "gotify://g.example.org/Atoken",
    "gotifys://g.example.org:8443/sub/Atoken",
    "pover://ukey@atoken",
    "workflows://w.example.org/abc123/sig456",
    "json://u:p@hook.example.org:9/a,b?c=d&+X-T=1",
    "jsons://hook.example.org",
]


@pytest.fixture
def resolver(monkeypatch):
    """Names and their addresses; the table may change. Names that are missing are not known."""
    names = {}

    def look(host, port, *args, **kwargs):
        if host not in names:
            raise socket.gaierror("unknown")
        return [(socket.AF_INET6 if ":" in ip else socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in names[host]]

    monkeypatch.setattr(socket, "getaddrinfo", look)
    return names


@pytest.mark.parametrize("url", USABLE)
def test_services_of_the_list_need_no_code(url):
    """A URL as Apprise documents it becomes a channel of that name and kind."""
    channels, problems = parse_channels(f"desk={url}", allow_local=True)

    assert (problems, [(channel.name, channel.kind) for channel in channels]) == ([], [("desk", url.partition(":")[0])])


def test_entries_are_separated_by_any_space():
    """New lines and tabs separate as well; order is kept."""
    channels, _ = parse_channels("\n a=ntfy://one \t b=ntfy://two\nc=ntfy://three ", allow_local=True)

    assert [channel.name for channel in channels] == ["a", "b", "c"]


@pytest.mark.fault("F58", "F57")
@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("desk=file:///etc/passwd", "Channel desk has a schema that is not among tgram, discord"),
        ("desk=xml://example.org", "Channel desk has a schema that is not among"),
        ("desk=form://example.org", "Channel desk has a schema that is not among"),
        ("desk=https://discord.com/api/webhooks/1/2", "Channel desk has a schema that is not among"),
        ("desk=tgram://sesame", "Channel desk cannot be read"),
        ("desk=json://[::1", "Channel desk cannot be read"),
        ("desk=slack://sesame", "Channel desk cannot be read"),
        (f"desk=tgram://{TOKEN}", "Channel desk names nobody to write to"),
        (f"desk=tgram://{TOKEN}/1/2", "Channel desk writes to several"),
        ("desk=mailto://u:p@gmail.com?to=a@example.org,b@example.org", "Channel desk writes to several"),
        ("desk=pover://ukey@atoken?key=" + "ab" * 32, "Channel desk asks for encryption"),
        (f"tgram://{TOKEN}/1?a=b", "Entry 1 of RADAR_CHANNELS is not name=URL"),
        ("DESK=ntfy://topic", "Entry 1 of RADAR_CHANNELS is not name=URL"),
        ("desk", "Entry 1 of RADAR_CHANNELS is not name=URL"),
        ("a" * 33 + "=ntfy://topic", "Entry 1 of RADAR_CHANNELS is not name=URL"),
        ("=ntfy://topic", "Entry 1 of RADAR_CHANNELS is not name=URL"),
    ],
)
def test_an_unusable_entry_is_told_in_one_sentence(entry, said):
    """It names the channel, or the place of what has no name, and nothing of the URL."""
    channels, problems = parse_channels(entry, allow_local=True)

    assert channels == []
    assert len(problems) == 1
    assert problems[0].startswith(said)
    assert not any(part in problems[0] for part in (TOKEN, "sesame", "passwd", "example", "topic", "abab"))


def test_one_bad_entry_leaves_the_others():
    """The rest of the list works."""
    channels, problems = parse_channels("a=ntfy://one b=oops://two a=ntfy://three c=ntfy://four", allow_local=True)

    assert [channel.name for channel in channels] == ["a", "c"]
    assert [problem[:9] for problem in problems] == ["Channel b", "Channel a"]


@pytest.mark.parametrize(
    "text", ["", "  \n", "=", "a=", "a=://", "a=json://", "a=tgram://", "a=mailto://", "a=json://\x00", "a=ntfy://?" + "=" * 5000]
)
def test_nonsense_raises_nothing(text):
    """Whatever is in the variable, the process starts."""
    channels, _ = parse_channels(text, allow_local=True)

    assert channels == []


@pytest.mark.fault("F58")
@pytest.mark.parametrize(
    "url",
    [
        "json://h.example?redirect=yes&verify=no&retry=3&wait=9&method=GET&:a=b&-q=1&+Host=evil",
        "discord://1/2?template=/etc/passwd&avatar_url=http://10.0.0.1/x&ping=@everyone&tts=yes",
        "workflows://h.example/wf/sig?template=/etc/passwd",
        "ntfys://h.example/topic?attach=http://10.0.0.1/x&actions=a&click=b&email=c@d.ef",
    ],
)
def test_fields_that_do_things_are_dropped(url):
    """Redirects, templates, files, retries, methods and foreign headers do not survive the rebuild."""
    channels, _ = parse_channels(f"desk={url}", allow_local=True)
    plugin = channels[0]._plugin

    assert (plugin.redirects, plugin.retry, plugin.verify_certificate) == (False, 0, True)
    assert not any(getattr(plugin, gone, None) for gone in ("template", "attach", "params", "payload_extras", "avatar_url", "tts"))
    assert getattr(plugin, "headers", {}) == {}
    assert not any(word in plugin.url() for word in ("passwd", "10.0.0.1", "everyone", "evil", "GET", "retry=3"))


def test_custom_headers_stay_with_webhooks():
    """`+X-…` and Authorization are sent along."""
    channels, _ = parse_channels("desk=json://h.example?+X-Team=desk&+Authorization=Bearer%20x&+Cookie=c", allow_local=True)

    assert channels[0]._plugin.headers == {"X-Team": "desk", "Authorization": "Bearer x"}


NUMBERS = [
    "127.0.0.1", "127.1", "0177.0.0.1", "2130706433", "0x7f000001", "0", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1",
    "169.254.169.254", "100.64.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "[::1]", "[::]", "[::ffff:127.0.0.1]",
    "[::ffff:10.0.0.1]", "017700000001", "127.000.000.001", "0x7f.1", "100.127.255.254", "198.18.0.1", "192.0.0.1", "[fec0::1]",
    "[::ffff:a9fe:a9fe]", "[fe80::1]", "[fe80::1%25eth0]", "[fd00::1]", "[ff02::1]", "[64:ff9b::7f00:1]", "[::7f00:1]", "[2002:7f00:1::]",
]  # fmt: skip

PLACES = [
    "json://{}/x",
    "jsons://{}:9101/x",
    "ntfy://{}/topic",
    "gotifys://{}/Atoken",
    "mailtos://u:p@{}?from=me@example.org",
    "mailto://u:p@example.org?smtp={}",
]


@pytest.mark.fault("F58")
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("host", NUMBERS)
def test_private_numbers_are_refused_however_spelt(host, place):
    """Loopback, private, link-local, shared and special addresses, in any notation."""
    channels, problems = parse_channels("desk=" + place.format(host), allow_local=False)

    assert (channels, problems) == ([], [f"Channel desk {PRIVATE}."])


@pytest.mark.fault("F58")
@pytest.mark.parametrize("place", [*PLACES, "workflows://{}/wf/sig"])
def test_names_of_private_addresses_are_refused(place, resolver):
    """One private address among several is enough."""
    resolver["inside.example"] = ["93.184.215.14", "10.0.0.7"]
    channels, problems = parse_channels("desk=" + place.format("inside.example"), allow_local=False)

    assert (channels, problems) == ([], [f"Channel desk {PRIVATE}."])


@pytest.mark.parametrize("place", [*PLACES, "workflows://{}/wf/sig"])
def test_names_of_public_addresses_are_taken(place, resolver):
    """So are names that nobody knows yet: they are looked up again at each send."""
    resolver["outside.example"] = ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"]
    for host in ("outside.example", "later.example"):
        channels, problems = parse_channels("desk=" + place.format(host), allow_local=False)

        assert (len(channels), problems) == (1, [])


def test_services_with_a_fixed_host_ask_no_resolver(monkeypatch):
    """A start without a network keeps Telegram, Discord, Slack, Pushover and ntfy.sh."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("asked"))
    text = f"a=tgram://{TOKEN}/1 b=discord://1/2 c=slack://{SLACK} d=pover://u@t e=ntfy://topic"
    channels, _ = parse_channels(text, allow_local=False)

    assert len(channels) == 5


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_are_public(address):
    """Also behind NAT64 and mapped into IPv6."""
    assert is_public(address)
