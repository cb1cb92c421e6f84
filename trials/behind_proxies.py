"""docs/running.md's nginx and Caddy snippets and Prometheus files, tried with the programs of this machine.

    python trials/behind_proxies.py [--folder FOLDER]

Starts the stand-in of ../shared, the radar over it with a password and a token, nginx and Caddy before the radar by the snippets (name, port and
certificate are the trial's own), and a Prometheus that scrapes it by the page's configuration. Looks through each proxy as a visitor and as the
desk, with a real browser too; then the exchange falls silent until Prometheus says so, and comes back. What is not installed is named and left
out (`apt install nginx caddy prometheus chromium`). Ends with 1 if anything is not as the page says.
"""

import argparse
import contextlib
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import requests
import urllib3
from playwright.sync_api import expect, sync_playwright

from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.serving import ROOT, Process, Rest, environment, free_port, until
from tests.stand_in import Exchange, own_exchange

NAME = "radar.example.org"
TOKEN, PASSWORD = "trial-token", "trial-password"
RUNNING = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
RULES = ROOT / "docs" / "prometheus-rules.yml"
COIN = "BTCUSDT"
SCRAPE_SEC = 5
TOLD_SEC = 300  # RadarPricesStale: data go stale, then stay so for two minutes
IDLE_SEC = 75  # longer than nginx's sixty seconds for a connection that says nothing


def block(after: str, fence: str = "```") -> str:
    """The first fenced block of docs/running.md behind these words."""
    return RUNNING.partition(after)[2].partition(f"{fence}\n")[2].partition("```")[0]


class Checks:
    """What was looked at, and whether it was so."""

    def __init__(self) -> None:
        self.wrong = 0

    def __call__(self, who: str, what: str, holds: object) -> None:
        """Print one line."""
        self.wrong += not holds
        print(f"{'ok   ' if holds else 'WRONG'}  {who}: {what}", flush=True)


@contextlib.contextmanager
def program(folder: Path, *arguments: object, **env: object) -> Iterator[Path]:
    """A program that is not Python's, with its log; gone with the block."""
    log = folder / f"{Path(str(arguments[0])).name}.log"
    with log.open("wb") as out:
        running = subprocess.Popen(
            [str(one) for one in arguments], stdout=out, stderr=subprocess.STDOUT, env=environment(**env), cwd=folder
        )
    try:
        yield log
    finally:
        running.terminate()
        try:
            running.wait(10)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait(10)


def certificate(folder: Path) -> tuple[Path, Path]:
    """(certificate, key) of NAME, signed by itself."""
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}",
         "-keyout", key, "-out", cert],
        check=True, capture_output=True,
    )  # fmt: skip
    return cert, key


def nginx(folder: Path, port: int, radar: int) -> list[object]:
    """The command; the snippet goes into a configuration that any user can start."""
    cert, key = certificate(folder)
    server = block("nginx:", "```nginx").replace("listen 443", f"listen 127.0.0.1:{port}").replace("127.0.0.1:8501", f"127.0.0.1:{radar}")
    server = re.sub(r"(ssl_certificate) .+;", rf"\1 {cert};", server)
    server = re.sub(r"(ssl_certificate_key) .+;", rf"\1 {key};", server)
    kept = "".join(f"{what}_temp_path {folder}/{what};\n" for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (folder / "nginx.conf").write_text(
        f"daemon off;\npid {folder}/nginx.pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{kept}{server}}}\n",
        encoding="utf-8",
    )
    return ["nginx", "-p", folder, "-c", folder / "nginx.conf"]


def caddy(folder: Path, port: int, radar: int) -> list[object]:
    """The command; the certificate is Caddy's own, for the name has none."""
    server = block("Caddy passes").replace(f"{NAME} {{", f"{NAME}:{port} {{\n    bind 127.0.0.1\n    tls internal")
    head = f"{{\n    admin off\n    skip_install_trust\n    auto_https disable_redirects\n    storage file_system {folder}/caddy\n}}\n"
    (folder / "Caddyfile").write_text(head + server.replace("127.0.0.1:8501", f"127.0.0.1:{radar}"), encoding="utf-8")
    return ["caddy", "run", "--adapter", "caddyfile", "--config", folder / "Caddyfile"]


class Named(requests.adapters.HTTPAdapter):
    """Asks loopback under the proxy's name, which no resolver knows, and from an address of loopback."""

    def __init__(self, port: int, source: str) -> None:
        self._port, self._source = port, source
        super().__init__()

    def init_poolmanager(self, *args: object, **kwargs: object) -> None:
        """Greet the server by NAME; its certificate is the trial's own."""
        super().init_poolmanager(
            *args, server_hostname=NAME, assert_hostname=False, cert_reqs=ssl.CERT_NONE, source_address=(self._source, 0), **kwargs
        )

    def send(self, request: requests.PreparedRequest, *args: object, **kwargs: object) -> requests.Response:
        """To 127.0.0.1, with Host as a browser says it."""
        request.headers["Host"] = f"{NAME}:{self._port}"
        return super().send(request, *args, **kwargs | {"verify": False})


def by_rest(who: str, port: int, check: Checks) -> None:
    """A visitor and the desk, each from an address of its own, through the proxy."""
    url, token = f"https://127.0.0.1:{port}/api", {"Authorization": f"Bearer {TOKEN}"}
    desk, visitor = Rest(url, Named(port, "127.0.0.1")), Rest(url, Named(port, "127.0.0.2"))

    def put(rest: Rest, headers: dict[str, str]) -> int:
        return rest("PUT", f"/thresholds/{COIN}", json={"r1_funding_max": 0.02}, headers=headers).status_code

    until(lambda: desk.get("/health/live").ok, 30)
    forged = {"X-Forwarded-For": "127.0.0.1", "Forwarded": "for=127.0.0.1", "X-Real-IP": "127.0.0.1"}
    check(who, "anybody reads", visitor.get("/symbols").status_code == 200)
    check(who, "answers have safety headers", visitor.get("/health").headers.get("X-Content-Type-Options") == "nosniff")
    check(who, "loopback behind a proxy is not private: no change without the token", put(desk, {}) == 403)
    check(who, "nor with forged forwarding headers", put(visitor, forged) == 403)
    check(who, "the token changes things", put(desk, token) == 200)
    check(who, "/api/prometheus is shut, also to the token", desk("GET", "/prometheus", headers=token).status_code == 403)
    guesses = [put(visitor, {"Authorization": f"Bearer no{n}", "X-Forwarded-For": f"198.51.100.{n}"}) for n in range(8)]
    check(who, f"guessing ends, whatever address it claims {guesses}", guesses[0] == 403 and guesses[-1] == 429)
    check(who, "and the desk goes on meanwhile", put(desk, token) == 200)
    desk.close()
    visitor.close()


def by_browser(who: str, port: int, check: Checks) -> None:
    """The page lives, on a websocket of its own, and stays when nothing is said for a while."""
    with sync_playwright() as tools, tools.chromium.launch(
        executable_path=CHROMIUM, args=[*ARGUMENTS, f"--host-resolver-rules=MAP {NAME} 127.0.0.1", "--no-proxy-server"]
    ) as browser:  # fmt: skip
        page = browser.new_context(ignore_https_errors=True).new_page()
        sockets: list[str] = []
        closed: list[str] = []

        def opened(socket: object) -> None:
            sockets.append(socket.url)
            socket.on("close", lambda gone: closed.append(gone.url))

        page.on("websocket", opened)
        page.goto(f"https://{NAME}:{port}/")
        with contextlib.suppress(AssertionError):
            expect(page.locator(".tile").first).to_be_visible(timeout=60_000)
        check(who, "the page shows its tiles", page.locator(".tile").count())
        check(who, f"on a websocket with TLS ({', '.join(sockets)})", sockets and all(url.startswith("wss://") for url in sockets))
        page.wait_for_timeout(IDLE_SEC * 1000)
        check(who, f"and it is the same one {IDLE_SEC} s later", len(sockets) == 1 and not closed)
        check(who, "a visitor is told that changes need the password", page.get_by_text(re.compile("password", re.IGNORECASE)).count())


def by_promtool(radar: int, check: Checks) -> None:
    """It has nothing to say about the rules, nor about the names and help texts of the metrics."""
    metrics = Rest(f"http://127.0.0.1:{radar}/api").get("/prometheus").content
    for arguments, fed in ((["check", "rules", RULES], b""), (["check", "metrics"], metrics)):
        done = subprocess.run(["promtool", *map(str, arguments)], input=fed, capture_output=True, timeout=60, check=False)
        said = " ".join((done.stdout + done.stderr).decode().split())
        check("promtool", f"check {arguments[1]}: {said or 'nothing to say'}", done.returncode == 0)


def by_prometheus(folder: Path, radar: int, exchange: Exchange, check: Checks) -> None:
    """It scrapes as the page says and loads the rules; none fails, none fires, until the exchange says nothing."""
    (folder / "radar-token").write_text(TOKEN, encoding="utf-8")
    shutil.copy(RULES, folder / "short-risk-radar-rules.yml")
    asked = block("## What to watch", "```yaml").replace("localhost:8501", f"localhost:{radar}").replace("15s", f"{SCRAPE_SEC}s")
    asked = asked.replace("/etc/prometheus/radar-token", str(folder / "radar-token"))
    (folder / "prometheus.yml").write_text(f"global: {{evaluation_interval: {SCRAPE_SEC}s}}\n{asked}", encoding="utf-8")
    port = free_port()
    rest = Rest(f"http://127.0.0.1:{port}/api/v1")

    def rules() -> list[dict[str, str]]:
        return [rule for group in rest.get("/rules").json()["data"]["groups"] for rule in group["rules"]]

    def firing() -> list[str]:
        return sorted(rule["name"] for rule in rules() if rule["state"] == "firing")

    arguments = (
        "--config.file",
        folder / "prometheus.yml",
        "--storage.tsdb.path",
        folder / "tsdb",
        "--web.listen-address",
        f"127.0.0.1:{port}",
    )
    with program(folder, "prometheus", *arguments) as log:
        until(lambda: rest.get("/query", query="radar_collector").json()["data"]["result"], 60)
        time.sleep(150)  # longer than two minutes: a rule that fires on a radar in order shows itself
        up = rest.get("/query", query='up{job="short-risk-radar"}').json()["data"]["result"]
        check("Prometheus", "scrapes it with the token", [one["value"][1] for one in up] == ["1"])
        ill = {rule["name"]: rule.get("lastError", "") for rule in rules() if rule["health"] != "ok"}
        check("Prometheus", f"evaluates {len(rules())} rules, none of which fails {ill or ''}", rules() and not ill)
        check("Prometheus", f"none fires on a radar in order {firing() or ''}", not firing())
        exchange.tell(fault="hang", match="/", secs=30)
        check(
            "Prometheus",
            "RadarPricesStale fires when the exchange says nothing",
            until(lambda: "RadarPricesStale" in firing(), TOLD_SEC, every=1),
        )
        exchange.tell(clear=1)
        check("Prometheus", "and is over when it answers again", until(lambda: "RadarPricesStale" not in firing(), TOLD_SEC, every=1))
        check("Prometheus", "its log has no error", "level=error" not in log.read_text(encoding="utf-8"))
    rest.close()


def run(folder: Path) -> int:
    """The whole trial; 0 when everything that could be tried is as the page says."""
    check, radar = Checks(), free_port()
    with own_exchange(60) as exchange:
        wanted = {"RADAR_DATA_DIR": folder / "data", "RADAR_SCAN": "off", "RADAR_API_TOKEN": TOKEN, "RADAR_PASSWORD": PASSWORD}
        arguments = ["-m", "streamlit", "run", "app.py", "--server.port", radar]
        with Process(arguments, cwd=ROOT, log=folder / "log", **wanted | exchange.settings(RADAR_WATCHLIST=COIN)):
            until(lambda: Rest(f"http://127.0.0.1:{radar}/api").get("/health").ok, 120, every=1)
            for name, command in {"nginx": nginx, "caddy": caddy}.items():
                if shutil.which(name) is None:
                    print(f"left out: {name} is not installed", flush=True)
                    continue
                home, port = folder / name, free_port()
                home.mkdir(exist_ok=True)
                with program(home, *command(home, port, radar), XDG_DATA_HOME=home, HOME=home):
                    by_rest(name, port, check)
                    if CHROMIUM:
                        by_browser(name, port, check)
            if shutil.which("promtool") and shutil.which("prometheus"):
                by_promtool(radar, check)
                by_prometheus(folder, radar, exchange, check)
            else:
                print("left out: prometheus is not installed", flush=True)
    print(f"{check.wrong} not as docs/running.md says")
    return int(bool(check.wrong))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="The snippets of docs/running.md with real proxies and a real Prometheus.")
    parser.add_argument("--folder", type=Path, default=None, help="where configurations and logs stay; a temporary one without it")
    chosen = parser.parse_args()
    urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    with tempfile.TemporaryDirectory() as temporary:
        place = (chosen.folder or Path(temporary)).resolve()
        place.mkdir(parents=True, exist_ok=True)
        sys.exit(run(place))
