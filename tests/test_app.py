"""`streamlit run app.py` as a process: pages, REST and the collector together, on loopback, until Ctrl-C."""

import contextlib
import re
import shutil
import signal
import socket
import sqlite3
from contextlib import closing

import pytest

from radar.store import MarketStore
from tests.serving import ROOT, Process, Rest, free_port, until
from tests.stand_in import own_exchange

client, refusals = (pytest.importorskip(f"websockets.{name}") for name in ("sync.client", "exceptions"))
WATCHLIST = "MYXUSDT,BTCUSDT"
CLEAN = (0, 1, 130, -signal.SIGINT)  # 1: Streamlit's command line says "Aborted!" when the server has stopped


@contextlib.contextmanager
def app(folder, exchange, *, script="app.py", cwd=ROOT, data=None, ready=True, **env):
    """(process, its REST client) of the radar started as the README says, on a port of its own."""
    port = free_port()
    arguments = ["-m", "streamlit", "run", script, "--server.port", port]
    wanted = {"RADAR_DATA_DIR": data or folder / "data", "RADAR_WATCHLIST": WATCHLIST, **(exchange.settings() if exchange else {})} | env
    rest = Rest(f"http://127.0.0.1:{port}/api")
    with contextlib.closing(rest), Process(arguments, cwd=cwd, log=folder / "log", **wanted) as process:
        if ready:

            def answers():
                assert process.code is None, process.log
                return rest.get("/symbols").status_code == 200

            until(answers, 40)
        yield process, rest


def page(rest, path="/"):
    """A page's response."""
    return Rest(rest.base.removesuffix("/api"))("GET", path)


@pytest.fixture(scope="module")
def exchange():
    """One exchange for the page."""
    with own_exchange() as found:
        yield found


@pytest.fixture(scope="module")
def running(tmp_path_factory, exchange):
    """A radar that nobody has looked at."""
    with app(tmp_path_factory.mktemp("app"), exchange) as (process, rest):
        until(lambda: rest.get("/metrics/MYXUSDT").status_code == 200, 30)
        yield process, rest


@pytest.mark.fault("F59")
def test_a_message_that_no_page_sends_ends_the_line(running):
    """Nothing but zeros is small on its way and large in memory: it is not inflated to its end."""
    base = running[1].base.removesuffix("/api")
    line = client.connect(base.replace("http", "ws", 1) + "/_stcore/stream", origin=base, subprotocols=["streamlit"], max_size=None, proxy=None)
    with line, contextlib.suppress(refusals.ConnectionClosed):
        line.send(bytes(12_000_000))
        while True:
            line.recv(timeout=20)

    assert line.close_code == 1009


def test_pages_and_rest_are_one_process(running):
    """Pages answer with the Streamlit shell, /api with JSON, and a typo under /api is no page."""
    _, rest = running

    for path in ("/", "/symbol", "/thresholds", "/about"):
        response = page(rest, path)
        assert response.status_code == 200
        assert "text/html" in response.headers["content-type"]
    assert rest.get("/metrics/MYXUSDT").json()["symbol"] == "MYXUSDT"
    assert (rest.get("/typo").status_code, set(rest.get("/typo").json())) == (404, {"detail"})
    assert rest.get("/docs").status_code == 200


def test_it_collects_with_no_browser(running):
    """Nobody opened a page, and the numbers move on."""
    process, rest = running

    assert rest.get("/metrics/MYXUSDT").json()["traffic_light"] == "RED"
    before = rest.get("/metrics/MYXUSDT").json()["ts"]
    until(lambda: rest.get("/metrics/MYXUSDT").json()["ts"] > before, 15)
    assert rest.get("/health").json()["collector"] == "here"
    assert process.code is None


def test_it_listens_on_loopback_alone(running):
    """The port is closed on every other address of this machine."""
    _, rest = running
    port = int(rest.base.removesuffix("/api").rsplit(":", 1)[1])
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("192.0.2.1", 9))  # sends nothing: it only asks which address would be used
        others = {sock.getsockname()[0]}
    with contextlib.suppress(OSError):
        others |= {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    others = {address for address in others if not address.startswith("127.")} or {"127.0.0.2"}

    for address in others:
        with pytest.raises(OSError, match=r"refused|timed out|unreachable"):
            socket.create_connection((address, port), timeout=3).close()


def test_a_foreign_host_may_not_write(running):
    """A page elsewhere that points its name at 127.0.0.1 can change nothing, also through the whole server."""
    _, rest = running

    assert rest("DELETE", "/symbols/BTCUSDT", headers={"Host": "evil.example"}).status_code == 403
    assert rest("PUT", "/symbols/ETHUSDT", headers={"X-Forwarded-For": "9.9.9.9"}).status_code == 403
    assert [row["symbol"] for row in rest.get("/symbols").json()] == WATCHLIST.split(",")


def test_the_page_loads_nothing_from_elsewhere(running):
    """The page's shell loads nothing from another host."""
    _, rest = running
    loaded = re.findall(r"""(?:src|href)=["']?([^"'\s>]+)""", page(rest).text)

    assert loaded
    assert [link for link in loaded if re.match(r"(https?:)?//", link)] == []


PATHS = ("/", "/symbol", "/_stcore/health", "/_stcore/host-config", "/static/no-such-file.js", "/api/symbols", "/api/nope", "/api/docs", "/api/A%0AB")


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_bears_the_headers_that_keep_a_browser_safe(running, path):
    """Pages, Streamlit's own files, REST and what is not found; nothing is permitted to pages of other origins."""
    _, rest = running
    for method in ("GET", "OPTIONS"):
        foreign = {"Origin": "https://evil.example", "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type"}
        headers = Rest(rest.base.removesuffix("/api"))(method, path, headers=foreign).headers
        policy = headers["content-security-policy"]
        assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "same-origin")
        assert "geolocation=()" in headers["permissions-policy"]
        assert "unsafe-eval" not in policy
        assert "script-src 'self' 'unsafe-inline'" not in policy or path == "/api/docs"
        assert policy.endswith("frame-ancestors 'none'" if path.startswith("/api") else "frame-ancestors 'self'")
        assert "strict-transport-security" not in headers
        assert "access-control-allow-origin" not in headers
        if path.startswith("/api"):
            assert headers["cache-control"] == "no-store"
            assert method == "OPTIONS" or path == "/api/docs" or headers["content-type"] == "application/json"


def test_behind_tls_the_browser_is_told_to_stay_with_it(running):
    """Only what a proxy on this machine says came by https."""
    _, rest = running
    told = Rest(rest.base.removesuffix("/api"))("GET", "/", headers={"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"})

    assert "max-age" in told.headers["strict-transport-security"]


def test_community_cloud_frames_nobody_who_needs_no_password(running):
    """Anybody can have an app there: it may frame the pages of a public radar, where nobody may change anything unasked, and not those of this machine."""
    _, rest = running
    pages = Rest(rest.base.removesuffix("/api"))

    assert pages("GET", "/").headers["content-security-policy"].endswith("frame-ancestors 'self'")
    far = pages("GET", "/", headers={"Host": "radar.streamlit.app", "X-Forwarded-For": "203.0.113.9"}).headers["content-security-policy"]
    assert far.endswith("frame-ancestors 'self' https://*.streamlit.app https://share.streamlit.io")


@pytest.mark.fault("F61")
@pytest.mark.parametrize(
    ("origin", "host", "more", "open_"),
    [
        (None, "own", {}, True),
        ("own", "own", {}, True),
        ("https://evil.example", "own", {}, False),
        ("null", "own", {}, False),
        ("http://localhost:3000", "own", {}, False),
        ("http://127.0.0.1", "own", {}, False),
        ("http://evil.example", "evil.example", {}, False),
        (None, "evil.example", {}, False),
        ("https://radar.example", "radar.example", {"X-Forwarded-For": "203.0.113.9"}, True),
        ("https://evil.example", "radar.example", {"X-Forwarded-For": "203.0.113.9"}, False),
        ("https://radar.example", "RADAR.example", {"X-Forwarded-For": "203.0.113.9"}, False),
        ("http://[", "own", {}, False),
    ],
)
def test_a_websocket_from_another_origin_or_host_is_refused(running, origin, host, more, open_):
    """A real handshake: a page elsewhere, another port of this machine, a name that somebody pointed at 127.0.0.1; a proxy that says so is fine."""
    process, rest = running
    own = rest.base.removeprefix("http://").removesuffix("/api")
    headers = {"Host": own if host == "own" else host, "Origin": f"http://{own}" if origin == "own" else origin} | more
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    key = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    name, port = own.split(":")
    with socket.create_connection((name, int(port)), timeout=10) as sock:
        sock.sendall("\r\n".join(["GET /_stcore/stream HTTP/1.1", *lines, *key, "", ""]).encode())
        answer = sock.recv(4096).split(b"\r\n", 1)[0]

    assert answer.split()[1] == (b"101" if open_ else b"403")
    assert "Traceback" not in process.log
    assert "external IP" not in process.log  # Streamlit, asking elsewhere for this machine's address


@pytest.mark.fault("F66")
def test_ctrl_c_stops_it_cleanly(tmp_path, exchange):
    """SIGINT ends the process within 15 s, stores the running minute, gives the lease back, and logs no traceback."""
    with app(tmp_path, exchange) as (process, rest):
        until(lambda: rest.get("/metrics/MYXUSDT").status_code == 200, 30)
        code = process.end(signal.SIGINT)

    assert code in CLEAN
    assert "Traceback" not in process.log
    with closing(MarketStore(tmp_path / "data")) as market:
        assert market.lease() is None


@pytest.mark.fault("F39")
def test_kill_9_loses_nothing_that_was_entered(tmp_path, exchange):
    """After kill -9 the same watchlist, thresholds, borrow and bars are there, and it collects again without the old lease in its way."""
    with app(tmp_path, exchange) as (process, rest):
        until(lambda: rest.get("/metrics/MYXUSDT").status_code == 200, 30)
        assert rest.put("/symbols/ORCAUSDT").status_code == 200
        assert rest.delete("/symbols/BTCUSDT").status_code == 204
        assert rest.put("/thresholds/MYXUSDT", {"r2_oivol_min": 0.5}).status_code == 200
        assert rest.put("/borrow/MYXUSDT", {"apr_pct": 12}).status_code == 200
        until(lambda: rest.get("/timeseries/MYXUSDT", metric="mark", window="1h").json()["series"]["mark"][-30][1], 30)
        bars = rest.get("/timeseries/MYXUSDT", metric="mark,index", window="1h").json()["series"]
        events = rest.get("/events/MYXUSDT").json()["events"]
        process.end(signal.SIGKILL)

    with app(tmp_path, exchange) as (process, rest):
        assert [row["symbol"] for row in rest.get("/symbols").json()] == ["MYXUSDT", "ORCAUSDT"]
        assert rest.get("/thresholds/MYXUSDT").json()["changed"] == {"r2_oivol_min": 0.5}
        assert rest.get("/metrics/MYXUSDT").json()["borrow"]["apr_pct"] == 12
        again = rest.get("/timeseries/MYXUSDT", metric="mark,index", window="70m").json()["series"]
        kept = {name: dict(map(tuple, pairs)) for name, pairs in again.items()}
        assert all(kept[name].get(ts) == value for name, pairs in bars.items() for ts, value in pairs[:-3] if value is not None)
        assert {event["id"] for event in events} <= {event["id"] for event in rest.get("/events/MYXUSDT").json()["events"]}
        before = rest.get("/metrics/MYXUSDT").json()["ts"]
        until(lambda: rest.get("/metrics/MYXUSDT").json()["ts"] > before and rest.get("/health").json()["collector"] == "here", 45)
        for name in ("market", "user"):
            with closing(sqlite3.connect(tmp_path / "data" / f"{name}.sqlite3")) as conn:
                assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert process.end() in CLEAN
        assert "Traceback" not in process.log


@pytest.mark.fault("F41")
def test_two_processes_one_collector(tmp_path, exchange, running):
    """A second process on the same data serves the same numbers and leaves the collecting to the first."""
    with app(tmp_path, exchange) as (_, first):
        until(lambda: first.get("/metrics/MYXUSDT").status_code == 200, 30)
        with app(tmp_path, exchange) as (second_process, second):
            until(lambda: second.get("/health").json()["collector"] == "elsewhere", 15)
            assert second.get("/metrics/MYXUSDT").json()["traffic_light"] == "RED"
            assert second.put("/symbols/ORCAUSDT").status_code == 200
            until(lambda: first.get("/metrics/ORCAUSDT").status_code == 200, 20)
            assert first.get("/health").json()["collector"] == "here"
            assert second_process.end() in CLEAN


@pytest.mark.parametrize(
    ("variable", "value"),
    [("RADAR_RETENTION_DAYS", "6"), ("RADAR_TIMEZONE", "Mars/Olympus"), ("RADAR_WATCHLIST", ",".join(f"C{n}USDT" for n in range(41)))],
)
def test_a_wrong_setting_ends_the_start_with_one_line(tmp_path, variable, value):
    """The process ends with 2 and one line of its own that names the variable, and no traceback."""
    with app(tmp_path, None, ready=False, **{variable: value}) as (process, _):
        assert process.wait(40) == 2

    said = [line for line in process.log.splitlines() if variable in line]
    assert len(said) == 1
    assert said[0].startswith("Short-Risk Radar does not start.")
    assert "Traceback" not in process.log


@pytest.mark.fault("F36")
def test_a_folder_that_cannot_be_used_ends_the_start_with_one_line(tmp_path):
    """A data folder that is a file is said in one line."""
    (tmp_path / "file").write_text("", encoding="utf-8")

    with app(tmp_path, None, data=tmp_path / "file", ready=False) as (process, _):
        assert process.wait(40) == 2

    assert "Short-Risk Radar does not start." in process.log
    assert "Traceback" not in process.log


@pytest.mark.browser
def test_the_page_alone_starts_the_collector(tmp_path, exchange):
    """`streamlit run …/pages/main.py` from another directory serves the page; the collector starts with the first visitor."""
    sync_api = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or pytest.skip("no Chromium")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    data = tmp_path / "data"
    extra = {"STREAMLIT_SERVER_HEADLESS": "true", "STREAMLIT_SERVER_ADDRESS": "127.0.0.1", "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false"}

    with app(tmp_path, exchange, script=ROOT / "pages" / "main.py", cwd=elsewhere, data=data, ready=False, **extra) as (process, rest):
        until(lambda: page(rest, "/_stcore/health").text == "ok", 40)
        assert not data.exists()  # nobody came yet
        with sync_api.sync_playwright() as play:
            browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--no-proxy-server"])
            tab = browser.new_page()
            tab.goto(rest.base.removesuffix("/api"))
            tab.get_by_text("MYXUSDT").first.wait_for(timeout=40_000)
            browser.close()
        with closing(MarketStore(data)) as market:
            until(lambda: "MYXUSDT" in market.observations(), 30)
            assert market.lease() is not None
        assert process.end() in CLEAN
        assert "Traceback" not in process.log
