"""Chromium over a page: when the first thing that matters is drawn, and what travelled until then."""

import contextlib
import shutil
from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

__all__ = ["CHART", "HELLO", "TILE", "chromium", "context", "drawn_ms", "watch_wire"]

WAIT_MS = 60_000
SIZE = {"width": 1440, "height": 900}
HELLO, TILE, CHART = "[data-testid=stMarkdownContainer] p", ".tile", ".js-plotly-plot .main-svg"
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
WATCHER = """(() => {
  const roots = [document];
  const attach = Element.prototype.attachShadow;
  Element.prototype.attachShadow = function (options) { const root = attach.call(this, options); roots.push(root); return root; };
  window.drawnAt = (selector) => new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(selector + " was never drawn")), 60000);
    const look = () => roots.some((root) => root.querySelector(selector)) ? resolve(performance.now()) : setTimeout(look, 4);
    look();
  });
})()"""


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """The machine's own Chromium, without a window."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        raise SystemExit("Chromium is not installed.")
    with sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=found, args=ARGS)
        yield browser
        browser.close()


@contextlib.contextmanager
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A visitor who was never here: nothing cached."""
    made = browser.new_context(viewport=SIZE, color_scheme="dark")  # type: ignore[arg-type]
    made.add_init_script(WATCHER)
    yield made
    made.close()


def drawn_ms(page: Page, address: str, selector: str) -> float:
    """Go there; milliseconds from the navigation until `selector` matches, in shadow roots too."""
    page.goto(address, wait_until="commit", timeout=WAIT_MS)
    return float(page.evaluate("(selector) => window.drawnAt(selector)", selector))


def watch_wire(page: Page) -> dict[str, Any]:
    """Counts, from now on: websocket messages and their bytes, and the files by kind (as they were on the wire)."""
    seen: dict[str, Any] = {"messages": 0, "payload": 0, "files": 0, "file_bytes": 0}

    def received(frame: str | bytes) -> None:
        seen["messages"] += 1
        seen["payload"] += len(frame)

    def loaded(event: dict[str, Any]) -> None:
        seen["files"] += 1
        seen["file_bytes"] += event["encodedDataLength"]

    page.on("websocket", lambda socket: socket.on("framereceived", received))
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.on("Network.loadingFinished", loaded)
    return seen
