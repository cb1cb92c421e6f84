"""docs/running.md and the files beside it: what they name exists."""

import configparser
import json
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.serving import ROOT, environment
from tests.test_layers import OUTSIDE

DOCS = ROOT / "docs"
RUNNING = (DOCS / "running.md").read_text(encoding="utf-8")
CONTAINER = (DOCS / "container" / "Containerfile").read_text(encoding="utf-8")
PACKAGES = {"anyio": "streamlit", "pydantic-settings": "pydantic-settings", "sqlite-utils": "sqlite-utils", "starlette": "streamlit"}  # come with it


def test_links_lead_somewhere():
    """Every relative link names a file, every anchor a heading of this page."""
    targets = {target for target in re.findall(r"\]\(([^)]+)\)", RUNNING) if not target.startswith("http")}
    headings = {"#" + re.sub(r"[^a-z0-9 -]", "", line.lower()).replace(" ", "-") for line in re.findall(r"^## (.+)$", RUNNING, re.MULTILINE)}

    assert sorted(target for target in targets if not target.startswith("#") and not (DOCS / target.split("#")[0]).exists()) == []
    assert {target for target in targets if target.startswith("#")} <= headings


def test_the_proxy_snippet_suits_the_named_systems():
    """Debian 12 and Ubuntu 24.04 bring nginx 1.22 and 1.24, which do not know the directive `http2` and would not start with it."""
    snippet = RUNNING.partition("```nginx")[2].partition("```")[0]

    assert "listen 443 ssl http2;" in snippet
    assert not re.search(r"^ *http2 ", snippet, re.MULTILINE)


def test_the_image_copies_named_paths_and_no_secrets():
    """Every source exists; neither a whole folder with settings in it nor data is among them; it runs as a user without rights."""
    copied = [source for line in re.findall(r"^COPY (?!--from)(.+)$", CONTAINER, re.MULTILINE) for source in line.split()[:-1]]

    assert [source for source in copied if not (ROOT / source).exists()] == []
    assert not {".", ".env", ".streamlit", ".streamlit/secrets.toml", "data"} & set(copied)
    assert re.search(r"^USER radar$", CONTAINER, re.MULTILINE)
    assert "/api/health/live" in CONTAINER


@pytest.mark.parametrize(("code", "well"), [(200, True), (503, False)])
def test_the_image_looks_after_itself_behind_a_proxy(code, well):
    """Its health check asks the radar itself, also where HTTP_PROXY leads to the exchanges; 503 is ill."""

    class Live(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(code if self.path == "/api/health/live" else 404)
            self.end_headers()

        def log_message(self, *_):
            pass

    command = json.loads(re.search(r"^ +CMD (\[.+\])$", CONTAINER, re.MULTILINE)[1])
    with HTTPServer(("127.0.0.1", 0), Live) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        script = command[2].replace(":8501", f":{server.server_port}")
        proxy = {"http_proxy": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9", "no_proxy": "", "NO_PROXY": ""}
        done = subprocess.run([sys.executable, command[1], script], env=environment(**proxy), capture_output=True, timeout=20, check=False)
        server.shutdown()

    assert (done.returncode == 0) == well


def test_the_image_has_every_package_that_the_radar_imports():
    """requirements.txt up to pytest is enough to run: everything that modules may import is listed there, or comes with it."""
    run = (ROOT / "requirements.txt").read_text(encoding="utf-8").partition("\npytest")[0]
    listed = set(re.findall(r"^([a-z0-9-]+)[><=]", run, re.MULTILINE))
    needed = {name.replace("_", "-") for names in OUTSIDE.values() for name in names}

    assert r"sed '/^pytest/,$d' requirements.txt" in CONTAINER
    assert {PACKAGES.get(name, name) for name in needed} <= listed


@pytest.mark.parametrize("name", ["short-risk-radar.service", "short-risk-radar-backup.service", "short-risk-radar-backup.timer"])
def test_units_are_whole(name):
    """Each has its sections; services run as `radar` on the same folder, restart or are started by the timer, and hold no secret."""
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str
    unit.read(DOCS / name)

    assert unit.has_section("Unit")
    if name.endswith(".timer"):
        assert unit["Timer"]["OnCalendar"]
        return
    service = dict(unit["Service"])
    assert (service["User"], service["NoNewPrivileges"], service["ProtectSystem"]) == ("radar", "yes", "strict")
    assert "RADAR_DATA_DIR=/var/lib/short-risk-radar" in (DOCS / name).read_text(encoding="utf-8")
    assert not re.search(r"PASSWORD=|TOKEN=", (DOCS / name).read_text(encoding="utf-8"))
    if service["Type"] == "exec":
        assert (service["Restart"], service["EnvironmentFile"]) == ("always", "-/etc/short-risk-radar.env")
