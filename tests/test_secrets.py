"""Canaries in every secret of a whole radar, things that go wrong, and a search of everything that it leaves or says."""

import base64
import contextlib
import json
import re
import signal
import threading
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import pytest

from radar.errors import SettingsError
from radar.models import Decision, Delivery, Note
from radar.models.alerts import AlertKind
from radar.settings import load_settings
from radar.store import UserStore
from tests.serving import ROOT, Process, Rest, free_port, until
from tests.test_logs import read

client = pytest.importorskip("websockets.sync.client")
back, forward = (pytest.importorskip(f"streamlit.proto.{name}_pb2") for name in ("BackMsg", "ForwardMsg"))

PLACES = (
    "password", "apitoken", "binancekey", "binancesecret", "heartbeat", "hookuser", "hookpass", "hookpath", "hookhead", "telegram", "discord", "slack",
    "ntfyuser", "ntfypass", "topic", "gotify", "mailpass", "pushuser", "pushapp", "teams", "hostpass", "proxypass", "typed", "wrongtoken",
)  # fmt: skip
CANARY = {place: f"CANARY{place}Q7x" for place in PLACES}
CHOSEN = "visitor.example"
URL = f"http://{CHOSEN}/x"
GREETING = re.compile(r"\s*(You can now view .*|URL: \S+|Stopping\.\.\.|Aborted!)?\s*")
PAGES = ("", "symbol", "market", "alerts", "thresholds", "replay", "backtest", "about")


def spellings(canary):
    """As it is, in small letters, URL-encoded, backwards, its halves swapped, and inside base64 at each of its three offsets."""
    half = len(canary) // 2
    yield from (canary, canary.lower(), quote(canary, safe=""), canary[::-1], canary[half:] + canary[:half])
    for shift in range(3):
        yield base64.b64encode(b"x" * shift + canary.encode()).decode()[4 * (shift > 0) : -4]


def found_in(texts, canaries=CANARY):
    """(where, which) of every canary in these texts; one spelling is enough."""
    return [(where, place) for where, text in texts.items() for place, canary in canaries.items() if any(one in text for one in spellings(canary))]


class Web:
    """Exchange, channels, monitor and proxy in one, all of them bad: they refuse, hang, cut, and repeat what they were sent."""

    def __init__(self):
        self.hits, self.release = [], threading.Event()
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                length = int(self.headers.get("Content-Length") or 0)
                echo = f"{self.requestline}\n{self.headers}{self.rfile.read(length).decode(errors='replace')}"
                web.hits.append(echo)
                turn = 0 if "/refuse" in self.path else zlib.crc32(self.path.partition("?")[0].encode()) % 4
                if "/hang" in self.path or "/fapi/v1/openInterest" in self.path:
                    web.release.wait(20)
                if turn == 1:
                    self.close_connection = True
                    return
                body = {0: echo, 2: json.dumps({"code": -1100, "msg": "no"}), 3: f"<html>{echo}</html>"}[turn].encode()
                self.send_response({0: 401, 2: 400, 3: 200}[turn] if self.command != "CONNECT" else 502)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_CONNECT = do_GET  # noqa: N815

            def log_message(self, *args):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass  # the radar went away, as it may

        self._server = Server(("127.0.0.1", 0), Handler)
        self.at = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        """Stop, and let go of whoever hangs."""
        self.release.set()
        self._server.shutdown()
        self._server.server_close()


def channels(at):
    """A channel of every kind, as RADAR_CHANNELS names them, and two that cannot be read."""
    c = CANARY
    return {
        "hook": f"json://{c['hookuser']}:{c['hookpass']}@{at}/refuse/{c['hookpath']}?+X-Team={c['hookhead']}",
        "slow": f"json://{c['hookuser']}:{c['hookpass']}@{at}/hang/{c['hookpath']}",
        "tg": f"tgram://123456789:AAabcdefghij{c['telegram']}ab/42",
        "disc": f"discord://111222333/{c['discord']}",
        "slck": f"slack://T1JJ3T3L2/A1BRTD4JD/{c['slack']}aaaa/#ops",
        "nt": f"ntfy://{c['ntfyuser']}:{c['ntfypass']}@{at}/{c['topic']}",
        "goti": f"gotify://{at}/{c['gotify']}",
        "mail": f"mailto://me:{c['mailpass']}@127.0.0.1:9?from=a@example.org&to=b@example.org",
        "push": f"pover://{c['pushuser']}@{c['pushapp']}",
        "team": f"workflows://{at}/wf/{c['teams']}",
        "bad": f"slack://{c['slack']}/x",
        "worse": f"oops://{c['hookpass']}@{at}",
    }


def variables(at, folder):
    """The environment of a radar whose every secret is a canary."""
    proxy = f"http://who:{CANARY['proxypass']}@{at}"
    return {
        "RADAR_DATA_DIR": folder, "RADAR_WATCHLIST": "ARBUSDT,BTCUSDT", "RADAR_SCAN": "on", "RADAR_LOG_LEVEL": "debug", "STREAMLIT_LOGGER_LEVEL": "debug",
        "RADAR_PASSWORD": CANARY["password"], "RADAR_API_TOKEN": CANARY["apitoken"],
        "RADAR_BINANCE_KEY": CANARY["binancekey"], "RADAR_BINANCE_SECRET": CANARY["binancesecret"],
        "RADAR_BINANCE_FUTURES_HOSTS": f"http://who:{CANARY['hostpass']}@{at}", "RADAR_BINANCE_SPOT_HOSTS": f"http://who:{CANARY['hostpass']}@{at}",
        "RADAR_BYBIT_HOSTS": f"http://who:{CANARY['hostpass']}@exchange.invalid", "RADAR_OKX_HOSTS": "https://exchange.invalid",
        "RADAR_CHANNELS": " ".join(f"{name}={url}" for name, url in channels(at).items()), "RADAR_ALLOW_LOCAL_CHANNELS": "1",
        "RADAR_HEARTBEAT_URL": f"http://{at}/refuse/{CANARY['heartbeat']}",
        "http_proxy": proxy, "https_proxy": proxy, "HTTP_PROXY": proxy, "HTTPS_PROXY": proxy,
    }  # fmt: skip


def queued(folder, now_ms):
    """A message to every channel, decided before the start: couriers try them at once."""
    store = UserStore(folder)
    store.outbox.begin("before")
    one = Decision(ts_ms=now_ms, symbol="ARBUSDT", kind=AlertKind.NO_SHORT, edge="opens", decided=True, title="ARBUSDT NO SHORT", body="R1")
    names = channels("x")
    store.outbox.record(
        Note(
            decisions=((one, None),),
            deliveries=tuple(Delivery(id=0, batch=0, channel=name, title=one.title, body="R1", next_ms=0, created_ms=now_ms) for name in names),
        ),
        "before",
    )
    store.close()


class Visitor:
    """A browser without a window, from elsewhere: what the pages send it, as it came."""

    def __init__(self, stack, port):
        self._ws = stack.enter_context(
            client.connect(
                f"ws://127.0.0.1:{port}/_stcore/stream", origin=f"http://127.0.0.1:{port}", subprotocols=["streamlit"], max_size=None, proxy=None,
                additional_headers={"X-Forwarded-For": "9.9.9.9"},
            )
        )  # fmt: skip
        self._page, self.timers, self.password_field = "", {}, None

    def see(self, page="", *, typed=None, timer=""):
        """All that a run brings, as text: of a page, after `typed` (widget, words), or of a timer."""
        message = back.BackMsg()
        state = message.rerun_script
        state.page_name, state.page_script_hash = ("", self._page) if typed or timer else (page, "")
        state.query_string = f"symbol={quote(URL)}&profile={quote(URL)}"
        state.fragment_id, state.is_auto_rerun, state.context_info.timezone = timer, bool(timer), "UTC"
        if typed:
            state.widget_states.widgets.add(id=typed[0], string_value=typed[1])
        self._ws.send(message.SerializeToString())
        self.password_field, came = None, []
        while True:
            raw = self._ws.recv(timeout=20)
            found = forward.ForwardMsg.FromString(raw)
            came.append(raw.decode("latin-1"))
            kind, field = found.WhichOneof("type"), found.delta.new_element.text_input
            if kind == "new_session":
                self._page = found.new_session.page_script_hash
            elif kind == "auto_rerun":
                self.timers[found.auto_rerun.interval] = found.auto_rerun.fragment_id
            elif field.id and field.type == field.PASSWORD:
                self.password_field = field.id
            elif kind == "script_finished" and found.script_finished != forward.ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                return "".join(came)

    def open_panel(self):
        """Let the left panel come, as it does for a browser that tells nothing of itself."""
        came = self.see("thresholds")
        for _ in range(3):
            came += "" if self.password_field else self.see(timer=self.timers[3])
        return came


def every_answer(rest):
    """What every path of the API answers to good and bad questions, and to writes that must fail."""
    answers = {}

    def ask(method, path, **more):
        answer = rest(method, path, **more)
        answers[f"{method} {path} {more}"] = f"{answer.headers} {answer.text}"

    for path, calls in rest.get("/openapi.json").json()["paths"].items():
        for symbol in ("ARBUSDT", "%3Cx%3E", quote(URL, safe="")):
            asked = re.sub(r"\{(\w+)\}", lambda part, symbol=symbol: symbol if part[1] == "symbol" else "1", path.removeprefix("/api"))
            for method, call in calls.items():
                chosen = {one["name"]: URL for one in call.get("parameters", ()) if one["in"] == "query"}
                for params in ({}, {"format": "csv"}, {"window": "nonsense"}, chosen) if (method, symbol) == ("get", "ARBUSDT") else ({},):
                    if method == "get":
                        ask("GET", asked, params=params)
                if method == "get" or "resume" in path:
                    continue
                elsewhere = {"X-Forwarded-For": "9.9.9.9", "Authorization": f"Bearer {CANARY['wrongtoken']}"}
                ask(method.upper(), asked, json={"nonsense": 1}, headers=elsewhere)
                ask(method.upper(), asked, data="{", headers={"Content-Type": "application/json"})
                ask(method.upper(), asked, json=dict.fromkeys(("channel", "url", "name", "symbol", "conditions", "host", "public_url"), f"json://{CHOSEN}/x"))
    return answers


class Lived(NamedTuple):
    """What a radar said and left behind, and what it sent."""

    texts: dict[str, str]
    sent: str
    password: tuple[bool, bool, bool]  # asked for; asked again after a wrong one; not after the right one


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    """A radar whose every secret is a canary, among bad exchanges, channels and visitors, from its start to its end."""
    folder, port, web = tmp_path_factory.mktemp("secrets"), free_port(), Web()
    queued(folder / "data", round(time.time() * 1000))
    arguments = ["-m", "streamlit", "run", "app.py", "--server.port", port]
    rest = Rest(f"http://127.0.0.1:{port}/api")
    with contextlib.ExitStack() as stack:
        stack.callback(web.close)
        stack.callback(rest.close)
        process = stack.enter_context(Process(arguments, cwd=ROOT, log=folder / "log", **variables(web.at, folder / "data")))
        until(lambda: process.code is None and rest.get("/health").status_code, 40)
        texts = {"command line": Path(f"/proc/{process._popen.pid}/cmdline").read_text() if Path("/proc/self").exists() else ""}
        visitor = Visitor(stack, port)
        texts |= {f"page {page}": visitor.see(page) for page in PAGES}
        texts["left panel"] = visitor.open_panel()
        field = visitor.password_field
        texts["wrong password"] = visitor.see(typed=(field, CANARY["typed"]))
        still_asked = visitor.password_field
        texts["right password"] = visitor.see(typed=(field, CANARY["password"]))
        password = (bool(field), bool(still_asked), visitor.password_field is None)
        texts |= every_answer(rest)
        for name in channels("x"):
            if name != "slow":
                texts[f"test of {name}"] = rest("POST", "/alerts/test", json={"channel": name}, timeout=30).text
        texts["channels"] = rest.get("/alerts").text
        process.end(signal.SIGINT)
    texts |= {str(file.relative_to(folder)): file.read_bytes().decode("latin-1") for file in folder.rglob("*") if file.is_file()}
    return Lived(texts, "\n".join(web.hits), password)


@pytest.mark.fault("F57")
def test_no_secret_is_found_anywhere(lived):
    """Log at DEBUG, every REST answer, every page as sent, exports, databases, the folder, the command line: none of the canaries, however written."""
    assert found_in(lived.texts) == []
    assert lived.password == (True, True, True)
    assert {name for name in lived.texts if "sqlite3" in name} >= {"data/user.sqlite3", "data/market.sqlite3"}


def test_the_search_is_not_blind(lived):
    """The canaries were in use: they went out to whom they belong to; and one that is planted is found, in any place and spelling."""
    assert {place for _, place in found_in({"sent": lived.sent})} >= {"hookpass", "hookpath", "hookhead", "hostpass", "proxypass", "ntfypass", "gotify"}
    for where in ("log", "data/user.sqlite3", "page about", "channels", "command line"):
        for spelt in spellings(CANARY["slack"]):
            assert found_in({where: f"{lived.texts[where]} {spelt}"}) == [(where, "slack")]


def test_every_line_of_the_log_reads_back(lived):
    """Whoever speaks, Streamlit and its server among them; at DEBUG too."""
    lines = lived.texts["log"].splitlines()
    lines = lines[next(number for number, line in enumerate(lines) if "event=start" in line) :]  # what Streamlit says before is its own
    found = [read(line) for line in lines if not GREETING.fullmatch(line)]

    assert {one["level"] for one in found} >= {"DEBUG", "INFO", "WARNING", "ERROR"}
    assert {one["event"] for one in found if "event" in one} >= {"start", "lease_taken", "scan_on", "request_failed", "alert_refused", "alert_waits", "stop"}
    assert all("event" in one for one in found if one["logger"].startswith("radar"))


@pytest.mark.fault("F58")
def test_nothing_is_asked_of_a_host_that_a_visitor_names(lived):
    """Addresses in every parameter, path, body and link, also from visitors who may write: no request goes there, nor is one told of them."""
    assert CHOSEN not in lived.sent.lower()
    assert re.search(r"GET /fapi/v1/time ", lived.sent)  # those who are configured were asked


@pytest.mark.fault("F58")
def test_two_places_alone_open_connections():
    """Exchanges that the settings name, channels that the settings name: nothing else of the radar can ask anybody."""
    doors = r"requests|urllib3|socket|smtplib|http|ssl|ftplib|httpx|aiohttp|urllib\.request(?! import getproxies)"
    opens = re.compile(rf"^\s*(?:from|import) ({doors})\b", re.MULTILINE)
    files = [*ROOT.glob("radar/**/*.py"), *ROOT.glob("pages/*.py"), ROOT / "app.py"]
    found = {file.relative_to(ROOT).parts[:2] for file in files if opens.search(file.read_text(encoding="utf-8"))}

    assert found == {("radar", "venues"), ("radar", "notify")}


@pytest.mark.fault("F57", "F56")
@pytest.mark.parametrize("name", ["BINANCE_FUTURES_HOSTS", "BINANCE_SPOT_HOSTS", "BYBIT_HOSTS"])
@pytest.mark.parametrize("url", ["ftp://who:{}@h", "https://who:{}@", "https://who:{}@h h", "http://who:{}@[::1", "http://who:{}@h\u2100x"])
def test_a_setting_that_is_refused_is_not_quoted(monkeypatch, tmp_path, name, url):
    """A host may carry a password: the line that ends the start says which entry it is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(f"RADAR_{name}", "https://fine.example," + url.format(CANARY["hostpass"]))
    with pytest.raises(SettingsError, match="number 2 is not a base URL") as caught:
        load_settings()

    assert found_in({"line": f"{caught.value!r}{caught.value.__cause__!r}"}) == []
