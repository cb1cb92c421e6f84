"""A server on loopback that misbehaves: every question to every exchange ends soon, in a VenueError or in usable rows."""

import contextlib
import importlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import pytest

from radar.clock import DrivenClock
from radar.errors import VenueError, VenueUnavailable
from radar.settings import Settings
from radar.venues.binance_loans import BinanceLoans
from radar.venues.http import Http
from radar.venues.second import Shared
from tests.venues.second_contract import NOW, SecondVenueContract, as_text, check, without_values

NAMES = ("bybit", "okx", "gate", "bitget", "mexc", "htx", "binance_loans")
BODIES = {
    "HTML": "<!DOCTYPE html><html><body>503</body></html>",
    "{}": "{}",
    "[]": "[]",
    "null": "null",
    "nothing": "",
    "truncated": '{"code":0,"retCode":0,"status":"ok","data":[{"symbol":"ARBUSDT","last',
}
DEADLINE_SEC = 0.1
LONGEST_SEC = 5.0  # of one question, however many requests it takes


@pytest.fixture(autouse=True)
def _direct(monkeypatch):
    """Loopback is reached directly, whatever proxy this machine uses."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@contextlib.contextmanager
def answering(say):
    """A loopback server: its URL, and the paths it was asked for. `say(path)` is the body, None for silence."""
    stop, seen = threading.Event(), []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            """Answer, or hang until the test is over."""
            seen.append(self.path)
            body = say(self.path)
            if body is None:
                stop.wait(30)
                return
            data = body.encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        stop.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


def adapter(name, url):
    """The exchange of that name at `url`; its clock stands still, so that waits between attempts take no time."""
    clock = DrivenClock(NOW)
    if name == "binance_loans":
        settings = Settings(_env_file=None, binance_key="key", binance_secret="secret", binance_spot_hosts=(url,))
        return BinanceLoans(settings, clock, clock.now_ms)
    return adapter_class(name)((url,), clock)


def adapter_class(name):
    """Skips the test where there is no such adapter."""
    module = pytest.importorskip(f"radar.venues.{name}")
    return next(cls for cls in vars(module).values() if isinstance(cls, type) and issubclass(cls, Shared) and cls is not Shared)


def questions(venue):
    """(name, question) for each that the exchange answers."""
    if not isinstance(venue, BinanceLoans):
        yield "spot_quotes", venue.spot_quotes
        yield "perps", lambda: venue.perps({"ARBUSDT"})
    if isinstance(venue, BinanceLoans) or venue.lends:
        yield "loans", lambda: venue.loans({"ARB"})


def canned(name):
    """Good answers by address, from the exchange's own test module."""
    if name == "binance_loans":
        row = {"coin": "ARB", "borrowable": True, "dailyInterest": "0.00026125", "borrowLimit": "180", "vipLevel": 0}
        return {"/sapi/v1/margin/crossMarginData": [row]}, ()
    try:
        module = importlib.import_module(f"tests.venues.test_{name}")
    except ModuleNotFoundError:
        pytest.skip(f"{name} has no test module")
    contract = next(
        cls
        for cls in vars(module).values()
        if isinstance(cls, type) and issubclass(cls, SecondVenueContract) and cls is not SecondVenueContract
    )
    return contract.answers, {contract.adapter.dialect.code, *contract.words}


def saying(answers):
    """Speaks the answer whose path and query fit; other paths get none."""

    def say(asked):
        url = urlsplit(asked)
        for address, answer in answers.items():
            known = urlsplit(address)
            if known.path == url.path and set(parse_qsl(known.query)) <= set(parse_qsl(url.query)):
                return json.dumps(answer)
        return "<html>404</html>"

    return say


def timed(question):
    """What came, or the VenueError; any other exception is the test's failure. It took bounded time."""
    started = time.monotonic()
    try:
        found = question()
    except VenueError as error:
        found = error
    assert time.monotonic() - started < LONGEST_SEC
    return found


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_an_unreadable_answer_is_a_failure(name, body):
    """The same body at every address."""
    with answering(lambda _: body) as (url, seen):
        venue = adapter(name, url)
        found = [timed(question) for _, question in questions(venue)]
        venue.close()

    assert [type(error) for error in found] == [VenueUnavailable] * len(found)
    assert seen


@pytest.mark.parametrize("name", NAMES)
def test_a_host_that_hangs_is_given_up(monkeypatch, name):
    """At every address, and at every address but one, when a call may last a moment only."""
    monkeypatch.setitem(Http.__init__.__kwdefaults__, "deadline_sec", DEADLINE_SEC)
    answers, _ = canned(name)
    for spared in (None, *answers):
        say = saying({spared: answers[spared]} if spared else {})
        with answering(lambda path, say=say: None if (body := say(path)).startswith("<") else body) as (url, _):
            venue = adapter(name, url)
            found = [(what, timed(question)) for what, question in questions(venue)]
            venue.close()

        for what, rows in found:
            assert isinstance(rows, VenueUnavailable) or spared
            if not isinstance(rows, VenueError):
                check(what, rows)


@pytest.mark.parametrize("name", NAMES)
def test_numbers_as_text_are_read(name):
    """Over a real connection, the same answers in text."""
    answers, kept = canned(name)
    told = []
    for form in (lambda answer, _: answer, as_text):
        with answering(saying({address: form(answer, kept) for address, answer in answers.items()})) as (url, _):
            venue = adapter(name, url)
            told.append([question() for _, question in questions(venue)])
            venue.close()

    assert told[0] == told[1]


@pytest.mark.parametrize("name", NAMES)
def test_nulls_everywhere_are_a_failure(name):
    """The usual shape without a single value."""
    answers, kept = canned(name)
    with answering(saying({address: without_values(answer, kept) for address, answer in answers.items()})) as (url, _):
        venue = adapter(name, url)
        found = [timed(question) for _, question in questions(venue)]
        venue.close()

    assert [type(error) for error in found] == [VenueUnavailable] * len(found)
