"""A real browser over the app on the demo market. Without Chromium these tests are skipped; with CI set they fail then."""

import os
import re
import shutil
from urllib.parse import urlsplit

import pytest

from tests.serving import ROOT, Process, free_port, until

try:
    from playwright.sync_api import expect, sync_playwright
except ImportError:
    expect = sync_playwright = None

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
__all__ = ["LAPTOP", "PHONE", "WAIT_MS", "expect"]

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
NOWHERE = "http://127.0.0.1:9"
WAIT_MS = 30_000
PROBES = re.compile(r"status of 404")  # Streamlit looks for itself beside a deep link
LAPTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


def pytest_collection_modifyitems(items):
    """Every test here drives Chromium, and gets two more tries: a click that a busy machine lost is no broken promise."""
    for item in items:
        if "tests/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.flaky(reruns=2))


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A radar whose exchange cannot be reached: only the demo has something to show."""
    folder, port = tmp_path_factory.mktemp("browser"), free_port()
    hosts = {"RADAR_BINANCE_FUTURES_HOSTS": NOWHERE, "RADAR_BINANCE_SPOT_HOSTS": NOWHERE}
    command = ["-m", "streamlit", "run", ROOT / "app.py", "--server.port", port]
    with Process(command, cwd=ROOT, log=folder / "log", RADAR_DATA_DIR=folder / "data", **hosts) as process:
        base = f"http://127.0.0.1:{port}"
        until(lambda: "URL" in process.log, 60)
        yield base
        process.end()


@pytest.fixture(scope="module")
def browser():
    """Chromium without a window."""
    lacking = "playwright is not installed" if sync_playwright is None else "no Chromium on this machine" if CHROMIUM is None else ""
    if lacking:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(lacking)
    with sync_playwright() as tools:
        chromium = tools.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def open_tab(browser):
    """A page in a browser of its own; the test fails for an error in its console or a request that leaves this machine."""
    contexts, errors, hosts = [], [], set()

    def opened(scheme="dark", viewport=LAPTOP, **options):
        context = browser.new_context(viewport=viewport, color_scheme=scheme, **options)
        contexts.append(context)
        tab = context.new_page()
        tab.set_default_timeout(WAIT_MS)
        tab.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
        return tab

    yield opened
    for context in contexts:
        context.close()

    assert [error for error in errors if not PROBES.search(error)] == []
    assert hosts - {None} <= {"127.0.0.1"}


@pytest.fixture
def page(open_tab):
    """A laptop's page in the dark theme."""
    return open_tab()
