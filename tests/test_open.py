"""REST on a public address: who may write, how often one may ask and guess, what an error tells, and requests made to break it."""

import re
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from pydantic import SecretStr

from radar import replies
from radar.throttle import GUESSES_A_MINUTE, GUESSES_OF_ALL, MOST_ADDRESSES, Guesses, Throttle
from tests.pages.test_strangers import WRITES
from tests.serving import Driven, served

TOKEN = "c4nary-t0ken"
SYMBOL = "CALMUSDT"


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    """One market for the whole page, fresh."""
    found = Driven(tmp_path_factory.mktemp("open"), watchlist=("CALMUSDT", "SQUEEZEUSDT"), api_token=SecretStr(TOKEN))
    found.run(60)
    yield found
    found.close()


@pytest.fixture
def far(market, monkeypatch):
    """A client elsewhere, behind a proxy on this machine: `far(method, path, ip=…)`, of an API of its own, with a clock for guesses."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr("radar.api.Guesses", lambda what: Guesses(what, now=lambda: clock.now))
    with served(SimpleNamespace(live=market.live)) as rest:

        def ask(method, path, *, ip="203.0.113.9", headers=None, **more):
            return rest(method, path, headers={"Host": "radar.example", "X-Forwarded-For": ip} | (headers or {}), **more)

        ask.clock, ask.paths = clock, rest.get("/openapi.json").json()["paths"]
        yield ask


def writing_routes(paths):
    """(method, path) of everything in the description that is no GET."""
    return [
        (method.upper(), re.sub(r"\{(\w+)\}", lambda name: "1" if name[1] == "alert" else SYMBOL, path))
        for path, calls in paths.items()
        for method in calls
        if method != "get"
    ]


# ── who may write ──


@pytest.mark.fault("F60", "F62")
@pytest.mark.parametrize("token", [None, TOKEN])
@pytest.mark.parametrize("given", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}, {"Origin": "https://evil.example"}])
def test_every_writing_route_refuses_strangers(far, market, monkeypatch, token, given):
    """All routes but GET, as the description lists them: 403 with what to do about it, and the radar is never asked; with or without a token set."""
    monkeypatch.setattr(market.live, "settings", market.settings.model_copy(update={"api_token": token and SecretStr(token), "api_rate": 0}))
    for name in WRITES:
        monkeypatch.setattr(market.live, name, lambda *_, **__: pytest.fail("a stranger wrote"))
    routes = writing_routes(far.paths)

    assert len(routes) > 8
    for place, (method, path) in enumerate(routes):
        answer = far(method, path, ip=f"203.0.113.{place + 1}", headers=given, json={"name": "x", "held": True, "apr_pct": 1, "channel": "x"})
        assert answer.status_code == 403, (method, path, answer.text)
        assert ("RADAR_API_TOKEN" if token is None else "token") in answer.json()["detail"]


def test_reading_writes_nothing_and_asks_no_exchange(far, market, monkeypatch):
    """Every GET route, for a watched symbol, one that nobody watches and one that does not exist: the exchange hears nothing of it."""
    monkeypatch.setattr(market.live, "settings", market.settings.model_copy(update={"api_rate": 0}))
    for name in WRITES:
        monkeypatch.setattr(market.live, name, lambda *_, **__: pytest.fail("a reader wrote"))
    monkeypatch.setattr(market.collector, "venue", None)
    paths = [path for path, calls in far.paths.items() if "get" in calls]
    before = market.live.user.events(None, limit=10)

    for symbol in (SYMBOL, "WINDOWUSDT", "NOSUCHUSDT"):
        for path in paths:
            assert far("GET", path.replace("{symbol}", symbol)).status_code < 500
    assert [w.symbol for w in market.live.watchlist()] == ["CALMUSDT", "SQUEEZEUSDT"]
    assert market.live.user.events(None, limit=10) == before


# ── guessing ──


@pytest.mark.fault("F60")
def test_guessing_the_token_takes_for_ever(far):
    """Five wrong tokens from an address, then 429 with Retry-After, for the right one too; writing or reading makes no difference."""
    wrong, right = {"Authorization": "Bearer wrong"}, {"Authorization": f"Bearer {TOKEN}"}
    codes = [far("POST" if n % 2 else "GET", "/alerts", headers=wrong, json={}).status_code for n in range(GUESSES_A_MINUTE)]
    refused = far("GET", "/alerts", headers=right)

    assert codes == [200, 403, 200, 403, 200]
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "12")
    assert far("POST", "/alerts", headers=right, json={}).status_code == 429
    assert far("GET", "/alerts", headers={"Authorization": "Basic cHJveHk6cGFzcw=="}).status_code == 200  # a proxy's own login is no guess
    far.clock.now += 12
    assert far("POST", "/alerts", headers=right, json={}).status_code == 200


def test_many_addresses_guess_no_faster_and_lock_nobody_out():
    """Thirty a minute from everywhere together; who was right before is not held up by others."""
    clock = SimpleNamespace(now=0.0)
    guesses = Guesses("token", now=lambda: clock.now)

    assert guesses.check("198.51.100.1", lambda: True) == (True, 0.0)
    looked = [guesses.check(f"203.0.113.{n}", lambda: False) for n in range(GUESSES_OF_ALL + 50)]
    assert sum(wait == 0.0 for _, wait in looked) == GUESSES_OF_ALL
    assert guesses.check("198.51.100.1", lambda: True) == (True, 0.0)
    assert guesses.check("198.51.100.2", lambda: pytest.fail("looked"))[1] == pytest.approx(2.0)


# ── how often ──


def test_an_address_that_asks_too_often_waits(far, market, monkeypatch):
    """429 with Retry-After and a sentence, in the form of every error; others go on, and an export counts as ten."""
    monkeypatch.setattr(market.live, "settings", market.settings.model_copy(update={"api_rate": 60}))
    codes = [far("GET", "/symbols").status_code for _ in range(31)]
    refused = far("GET", "/symbols")

    assert codes[:30] == [200] * 30
    assert (refused.status_code, refused.headers["retry-after"], set(refused.json())) == (429, "1", {"detail"})
    assert far("GET", "/symbols", ip="203.0.113.10").status_code == 200
    assert [far("GET", f"/export/{SYMBOL}?hours=1", ip="203.0.113.11").status_code for _ in range(4)] == [200, 200, 200, 429]
    assert far("GET", "/symbols", ip="2001:db8::1").status_code == 200
    assert {far("GET", "/symbols", ip=f"2001:db8::{n}").status_code for n in range(40)} == {200, 429}  # a household of addresses is one


def test_this_machine_is_not_counted(market, monkeypatch):
    """From loopback with a loopback Host nobody waits; through a proxy one does, and by the address that the proxy names."""
    monkeypatch.setattr(market.live, "settings", market.settings.model_copy(update={"api_rate": 20}))
    with served(SimpleNamespace(live=market.live)) as rest:
        assert {rest.get("/symbols").status_code for _ in range(40)} == {200}
        proxied = [rest("GET", "/symbols", headers={"X-Forwarded-For": "203.0.113.5"}).status_code for _ in range(14)]
        assert proxied.count(429) >= 2
        assert rest("GET", "/symbols", headers={"X-Forwarded-For": "203.0.113.6"}).status_code == 200
        assert rest("GET", "/symbols", headers={"X-Forwarded-For": "1.2.3.4, 203.0.113.5"}).status_code == 429  # what a client wrote itself says nothing


def test_exports_wait_for_each_other_and_nobody_waits_for_them(market, monkeypatch):
    """Two at once at most, whoever asks; what is light is answered meanwhile."""
    now, most, busy, go = [], [], threading.Event(), threading.Event()

    def slow(*_):
        now.append(1)
        most.append(len(now))
        busy.set()
        go.wait(5)
        now.pop()
        return "ts\n"

    monkeypatch.setattr(market.live, "export", slow)
    with served(SimpleNamespace(live=market.live)) as rest, ThreadPoolExecutor(8) as pool:
        exports = [pool.submit(rest.get, f"/export/{SYMBOL}", hours=720) for _ in range(8)]
        assert busy.wait(5)
        assert rest.get("/symbols").status_code == 200
        go.set()
        assert {export.result().status_code for export in exports} == {200}

    assert max(most) <= 2


def test_what_is_remembered_of_addresses_is_bounded():
    """A flood of addresses is forgotten from its oldest on."""
    throttle = Throttle(60, 30, now=lambda: 0.0)
    for n in range(MOST_ADDRESSES + 500):
        throttle.wait(str(n))

    assert len(throttle) == MOST_ADDRESSES


def test_a_bucket_refills():
    """Sixty a minute are one a second; never more than the bucket holds."""
    clock = SimpleNamespace(now=0.0)
    throttle = Throttle(60, 2, now=lambda: clock.now)

    assert [throttle.wait("a") for _ in range(3)] == [0.0, 0.0, 1.0]
    clock.now = 3600.0
    assert [throttle.wait("a") for _ in range(3)] == [0.0, 0.0, 1.0]
    assert throttle.wait("b", 10.0) == 0.0  # what never fits takes a full bucket
    assert throttle.wait("b") > 1.0


# ── what an error tells ──


@pytest.mark.fault("F59")
def test_an_error_nobody_thought_of_tells_no_internals(far, market, monkeypatch, caplog):
    """A sentence with a reference, and the log has the rest beside it."""
    monkeypatch.setattr(market.live, "watchlist", lambda: [][7 // len("/srv/secret")])
    answer = far("GET", "/symbols")
    reference = answer.json()["detail"].rsplit(" ", 1)[-1].rstrip(".")

    assert answer.status_code == 500
    assert set(answer.json()) == {"detail"}
    assert not re.search("srv|secret|Traceback|Error|list", answer.text)
    assert reference in caplog.text
    assert "IndexError" in caplog.text


@pytest.mark.fault("F59")
def test_a_body_that_never_arrives_is_let_go(market, monkeypatch):
    """408 after ten seconds (here a fifth of one), and the next request is served."""
    monkeypatch.setattr(replies, "BODY_SEC", 0.2)
    with served(SimpleNamespace(live=market.live)) as rest:
        host, port = rest.base.removeprefix("http://").removesuffix("/api").split(":")
        head = f"PUT /api/borrow/{SYMBOL} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{{"
        with socket.create_connection((host, int(port)), timeout=5) as sock:
            sock.sendall(head.encode())
            answer = sock.recv(65_536)
        assert answer.startswith(b"HTTP/1.1 408")
        assert rest.get("/symbols").status_code == 200


ODD = [
    "/metrics/..%2f..%2fetc%2fpasswd", "/%2e%2e/%2e%2e/app.py", "/metrics/%ff%fe", "/metrics/A%00B", "/symbols/A%0AB", "/metrics/" + "A" * 8000, "//metrics//X",
    "/timeseries/CALMUSDT?window=999999d", "/timeseries/CALMUSDT?window=-1h", "/timeseries/CALMUSDT?limit=1e400", "/export/CALMUSDT?hours=1e400",
    "/export/CALMUSDT?hours=nan", "/market?min_volume_usdt=1e400", "/market?min_volume_usdt=inf", "/symbols/available?include_spot=" + "x" * 60_000,
    "/timeseries/CALMUSDT?metric=" + "mark," * 10_000, "/market?fields=" + "mark," * 10_000, "/market?flag=" + "x," * 20_000, "/market?light=%00",
    "/events/CALMUSDT?before=%F0%9F%92%A9",
]  # fmt: skip


@pytest.mark.fault("F59")
@pytest.mark.parametrize("method", ["GET", "HEAD", "TRACE", "OPTIONS", "PUT"])
def test_odd_requests_get_a_documented_error_at_once(rest, method):
    """Paths that climb, bytes that are no text, windows of centuries, queries of 60 kB: no 5xx, JSON, well within a second."""
    for path in ODD:
        begun = time.monotonic()
        answer = rest(method, path)
        assert answer.status_code in (200, 400, 403, 404, 405, 413, 414, 422), (path, answer.status_code)
        assert time.monotonic() - begun < 1.0, path
        if answer.status_code in (404, 405, 422):
            assert answer.headers["content-type"] == "application/json", path


@pytest.mark.fault("F59")
@pytest.mark.parametrize(
    "body",
    [
        b"[" * 30_000, b'{"a":' * 10_000, b'{"apr_pct": 1e400}', b'{"apr_pct": NaN}', b'{"apr_pct": -Infinity}', b'{"apr_pct": "\xff"}', b"\x00",
        b"null", b"[]",
        b'{"apr_pct": ' + b"9" * 60_000 + b"}", b'{"apr_pct": "\\ud800"}', b'{"\\ud800": 1}', b"",
    ],
)  # fmt: skip
def test_odd_bodies_are_422(rest, market, body):
    """Nested without end, no numbers, no text: a sentence, and nothing is entered."""
    answer = rest("PUT", f"/borrow/{SYMBOL}", data=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == 422, answer.text[:200]
    assert market.live.manual_borrow(SYMBOL) is None
    for path in ("/thresholds/all", "/alerts", "/alerts/market"):
        method = "POST" if path == "/alerts" else "PUT"
        assert rest(method, path, data=body, headers={"Content-Type": "application/json"}).status_code == 422, path


@pytest.fixture(scope="module")
def rest(market):
    """A client on this machine."""
    with served(SimpleNamespace(live=market.live)) as client:
        yield client


def test_a_line_break_at_the_end_makes_another_address(rest):
    """A proxy that shuts one address off compares it exactly: what is the same address here but not there would lead past it, at another price too."""
    for path in ("/prometheus", "/market", "/alerts", "/health", "/docs", "/openapi.json", f"/symbols/{SYMBOL}"):
        for method in ("GET", "PUT", "DELETE"):
            answer = rest(method, f"{path}%0A")
            assert (answer.status_code, set(answer.json())) == (404, {"detail"}), (method, path)


@pytest.mark.fault("F59")
def test_the_api_does_what_its_description_says(rest, tmp_path):
    """Schemathesis, all phases, the same cases every time: no 5xx, only documented codes, types and forms, whatever is sent."""
    pytest.importorskip("schemathesis")
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{rest.base}/openapi.json", "--url", rest.base, "--max-examples", "6"]
    command += ["--generation-deterministic", "--continue-on-failure", "--no-color", "--exclude-checks", "positive_data_acceptance"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert int(re.search(r"([\d,]+) generated", done.stdout)[1].replace(",", "")) > 500
