"""The log: a line an event that a machine reads back, without a secret, and quiet about what repeats."""

import base64
import json
import logging
import re
import subprocess
import sys
from datetime import datetime
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radar.housekeeping import Notices
from radar.logs import HIDDEN, MOST_REPEATS, Lines, event, redactor
from radar.settings import Settings
from tests.serving import ROOT, environment

CANARY = "kan/ar ie+vogel=7"
SECRETS = {
    "password": "Pa55 wort/mit+allem",
    "api_token": "toktoktok-4711",
    "binance_key": "keykeykey0815",
    "binance_secret": "geheimgeheim0815",
    "heartbeat_url": "https://monitor.example/ping/uuid-1234-5678?x=fragezeichen",
    "channels": "desk=tgram://123456789:AAtelegramtokentoken/4242 hook=json://nutzer:zettelkasten@hook.example/pfadstueck?+X-T=kopfzeile"
    " bare=ntfy://geheimesthema mail=mailto://u:kennwort1@mail.example?to=you@mail.example",
    "binance_spot_hosts": "https://wirt:wirtspasswort@spot.example",
}
PIECES = (
    "Pa55 wort/mit+allem", "toktoktok-4711", "keykeykey0815", "geheimgeheim0815", "uuid-1234-5678", "fragezeichen", "AAtelegramtokentoken",
    "zettelkasten", "pfadstueck", "kopfzeile", "geheimesthema", "kennwort1", "wirtspasswort", "proxyword",
)  # fmt: skip
TOKEN = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|[^\s"=]+)(?: |$)')


@pytest.fixture
def full(monkeypatch):
    """Settings with a secret in every place."""
    monkeypatch.setenv("https_proxy", "http://proxyuser:proxyword@proxy.example:3128")
    return Settings(_env_file=None, **SECRETS)


def record(msg, *arguments, level=logging.INFO, at=1_790_000_000.123, error=None, **facts):
    """What a logger hands to a handler."""
    made = logging.LogRecord("radar.test", level, __file__, 1, msg, arguments, error)
    made.created = at
    made.__dict__ |= event("tested", **facts) if facts else {}
    return made


def read(line):
    """A line of the text format, read back as a machine would."""
    time, _, rest = line.partition(" ")
    found = TOKEN.findall(rest)
    assert "".join(f"{name}={value} " for name, value in found).strip() == rest  # nothing is left over
    return {"time": time} | {name: json.loads(value) if value.startswith('"') else value for name, value in found}


@pytest.fixture
def said(capsys):
    """Writes records through a handler; the lines that came out."""

    def say(handler, *records):
        for one in records:
            handler.handle(one)
        return capsys.readouterr().err.split("\n")[:-1]

    return say


def nothing(text):
    """No secrets to hide."""
    return text


def failed(text):
    """The exc_info of an error with that text."""
    try:
        json.loads(text, parse_constant=int(f"x{text}"))
    except ValueError:
        return sys.exc_info()


def test_a_line_is_time_level_logger_event_facts_and_words(said):
    """For people and for machines."""
    assert said(Lines(nothing), record("%s turned", "ARBUSDT", symbol="ARBUSDT", before=None, after="NO SHORT", share=0.5, bad=float("nan"))) == [
        '2026-09-21T14:13:20.123Z level=INFO logger=radar.test event=tested symbol=ARBUSDT before=n/a after="NO SHORT" share=0.5 bad=n/a msg="ARBUSDT turned"'
    ]


def test_as_json_it_says_the_same(said):
    """RADAR_LOG_FORMAT=json."""
    [line] = said(Lines(nothing, as_json=True), record("%s turned", "ARBUSDT", symbol="ARBUSDT", before=None))

    assert json.loads(line) == {
        "time": "2026-09-21T14:13:20.123Z", "level": "INFO", "logger": "radar.test", "event": "tested", "symbol": "ARBUSDT", "before": None,
        "msg": "ARBUSDT turned",
    }  # fmt: skip


@pytest.mark.fault("F54")
@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.text(st.characters(codec=None), max_size=60), st.text(max_size=30), st.booleans())
def test_whatever_is_said_is_one_line_that_reads_back(text, other, as_json):
    """New lines, quotes, terminal codes, half characters, an = or a level=ERROR inside a message: it stays within its field."""
    handler = Lines(nothing, as_json=as_json)
    made = record("%s", text, error=failed(other), symbol=other)
    line = handler.line(handler.facts(made), made.created)
    found = json.loads(line) if as_json else read(line)

    assert len(line.splitlines()) == 1
    assert line.isprintable()
    assert (found["level"], found["msg"], found["symbol"]) == ("INFO", text.strip(), other.strip())
    assert found["error"].startswith("Traceback")
    line.encode()


@pytest.mark.fault("F57")
@pytest.mark.parametrize("as_json", [False, True])
def test_no_secret_of_the_settings_passes_the_log(said, full, as_json):
    """In words, facts, tracebacks and file names; as it is, URL-encoded, inside base64 and in small letters."""
    written = [
        spelt
        for piece in PIECES
        for spelt in (piece, quote(piece, safe=""), piece.lower(), repr(piece), base64.b64encode(f"user:{piece}".encode()).decode())
    ]
    records = [
        made
        for text in written
        for made in (
            record("asked %s", f"https://x.example/{text}?a=b", level=logging.DEBUG),
            record("-", error=failed(f"got {text}")),
            record("-", where=f"a {text} b"),
        )
    ]
    [own, foreign] = said(Lines(redactor(full), as_json=as_json), record("GET http://who:what@h.example/x"), record("fine, ARBUSDT at 127.0.0.1:8501"))
    lines = "\n".join(said(Lines(redactor(full), as_json=as_json), *records))
    planted = "\n".join(said(Lines(nothing, as_json=as_json), *records))

    assert len(lines.splitlines()) == len(records)
    assert [text for text in written if text in lines] == []
    assert [piece for piece in PIECES for shift in range(3) if base64.b64encode(b"x" * shift + piece.encode()).decode()[4:-6] in lines] == []
    assert "what@" not in own
    assert "h.example/x" in own
    assert HIDDEN not in foreign
    assert all(piece in planted for piece in PIECES)  # the search does find


def test_hosts_and_words_of_the_radar_are_not_hidden(full):
    """What helps to find a fault stays readable."""
    line = "Binance spot (spot.example) could not be reached; hook.example monitor.example json desk R1 FIRES"

    assert redactor(full)(line) == line


def test_what_repeats_is_counted_instead_of_said(said):
    """Once, after a minute, after two more, …; another warning and news are not held back. A clock set back silences nothing."""
    handler = Lines(nothing)
    same = said(handler, *(record("down", level=logging.ERROR, at=1000.0 + second) for second in range(600)))
    others = said(handler, record("down", at=1600), record("down", at=1601), record("else", level=logging.ERROR, at=1602))
    back = said(handler, record("down", level=logging.ERROR, at=500.0))

    assert [read(line).get("repeated") for line in same] == [None, "59", "119", "239"]
    assert len(others) == 3
    assert len(back) == 1


def test_what_is_remembered_of_repeats_is_bounded(said):
    """Ten thousand different warnings."""
    handler = Lines(nothing)
    said(handler, *(record(f"warning {number}", level=logging.WARNING) for number in range(3 * MOST_REPEATS)))

    assert len(handler._said) <= MOST_REPEATS


def test_trouble_is_an_event_when_it_begins_and_when_it_is_over(caplog):
    """A disk that is full for an hour is two lines."""
    caplog.set_level(logging.INFO, "radar")
    notices = Notices()
    for _ in range(300):
        notices["store"] = "The database cannot be written (disk full)."
    for _ in range(2):
        notices.pop("store", None)

    assert [(one.event, one.fields) for one in caplog.records] == [("trouble", {"about": "store"}), ("trouble_over", {"about": "store"})]


@pytest.mark.fault("F66")
def test_a_log_that_cannot_be_written_ends_nothing(monkeypatch):
    """Closed, full, or gone."""

    class Full:
        def write(self, text):
            raise OSError(28, "No space left on device")

    for stream in (Full(), None):
        monkeypatch.setattr(sys, "stderr", stream)
        Lines(nothing).handle(record("down", level=logging.ERROR))


def test_what_visitors_type_is_not_logged(said):
    """Streamlit and its server may tell at DEBUG what came over the wire, a password that was typed among it; the radar's own DEBUG is told."""
    wire = [record("password_typed=sesame", level=logging.DEBUG) for _ in range(3)]
    wire[0].name, wire[1].name = "streamlit.web", "websockets.server"

    assert [read(line)["logger"] for line in said(Lines(nothing), *wire)] == ["radar.test"]


def test_arguments_that_do_not_fit_are_still_a_line(said):
    """A mistake of the radar's own must not hide what it meant to say."""
    assert "it takes %d s" in said(Lines(nothing), record("it takes %d s", "long"))[0]


PROGRAM = """
import logging, sys, threading, warnings
import streamlit, uvicorn
from radar import logs
from radar.settings import Settings

streamlit.logger.init_uvicorn_logs()  # as it does when it has read its settings, before uvicorn sets up its own
uvicorn.Config("app", access_log=False)
logs.setup(Settings(_env_file=None, password="sesame-sesame", log_format=sys.argv[1], log_level="debug"))
from streamlit.logger import get_logger
for name in ("streamlit.runtime.late", "uvicorn.error", "urllib3.connectionpool", "apprise", "anything"):
    get_logger(name).warning("name=%s\\nsesame-sesame", name) if name[0] == "s" else logging.getLogger(name).warning("%s\\nsesame-sesame", name)
logging.getLogger("radar.x").debug("debug too")
warnings.warn("careful sesame-sesame")
thread = threading.Thread(target=lambda: 1 / 0)
thread.start(); thread.join()
raise RuntimeError("sesame-sesame\\nsecond line")
"""


@pytest.mark.fault("F57")
@pytest.mark.parametrize("written", ["text", "json"])
def test_every_logger_and_every_crash_of_the_process_is_a_line(written):
    """Streamlit's own loggers, uvicorn, warnings, a thread that dies and the end of the process: no traceback stands by itself."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, written], env=environment(), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    found = [read(line) if written == "text" else json.loads(line) for line in done.stderr.splitlines()]

    assert [one["logger"] for one in found] == [
        "radar", "streamlit.runtime.late", "uvicorn.error", "urllib3.connectionpool", "apprise", "anything", "radar.x", "py.warnings", "radar", "radar",
    ]  # fmt: skip
    assert [one.get("event") for one in found if one["logger"] == "radar"] == ["start", "crash", "crash"]
    assert "ZeroDivisionError" in found[-2]["error"]
    assert "second line" in found[-1]["error"]
    assert "sesame" not in done.stderr + done.stdout
    assert all(datetime.fromisoformat(one["time"]) for one in found)
