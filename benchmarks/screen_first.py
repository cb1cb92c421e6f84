# ruff: noqa: T201 - printing is its job
"""What a visitor waits for: the first tile against "hello", and the symbol page's charts."""

import time
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser

from benchmarks.browsing import CHART, HELLO, TILE, chromium, context, drawn_ms, watch_wire
from benchmarks.many_coins import SYMBOLS
from benchmarks.serving import Server
from benchmarks.wire import Proxy

__all__ = ["first", "symbol"]

SETTLE_SEC = 12  # the collector's first rounds
COIN = SYMBOLS[1]
WINDOWS = ("48 h", "30 d")
LATE_MS = 1500  # files and messages that come after the charts


def _visits(browser: Browser, pages: dict[str, tuple[Server, str]], repeat: int) -> dict[tuple[str, str], list[float]]:
    found: dict[tuple[str, str], list[float]] = {}
    for turn in range(repeat + 1):
        for name, (server, selector) in pages.items():
            with context(browser) as visitor:
                for temper in ("cold", "warm"):
                    page = visitor.new_page()
                    took = drawn_ms(page, server.address + "/", selector)
                    page.close()
                    if turn:  # the first round fills the server's caches
                        found.setdefault((name, temper), []).append(took)
    return found


def first(data: Path, repeat: int) -> None:
    """Navigation to the first tile, 20 symbols, against a bare page; alternating, so that a busy machine slows both."""
    with Server("hello", data) as hello, Server("radar", data, watchlist=SYMBOLS[:20]) as radar, chromium() as browser:
        time.sleep(SETTLE_SEC)
        found = _visits(browser, {"hello": (hello, HELLO), "radar": (radar, TILE)}, repeat)
    for temper, said in (("cold", "nothing cached"), ("warm", "cached files")):
        bare, tile = found["hello", temper], found["radar", temper]
        pairs = median(b / a for a, b in zip(bare, tile, strict=True))
        print(
            f"first tile, {said}: {median(tile) / median(bare):.2f} × hello (best {min(tile) / min(bare):.2f}, by pairs {pairs:.2f}; aim 1.3);"
            f" {median(tile) / 1000:.2f} s against {median(bare) / 1000:.2f} s, best {min(tile) / 1000:.2f} against {min(bare) / 1000:.2f}, n = {len(tile)}"
        )


def _charts(browser: Browser, server: Server, window: str) -> dict[str, Any]:
    """One cold visit of the symbol page, then the window: what travelled."""
    with Proxy(server.port) as proxy, context(browser) as visitor:
        page = visitor.new_page()
        seen = watch_wire(page)
        took = drawn_ms(page, f"http://127.0.0.1:{proxy.port}/symbol?symbol={COIN}", CHART)
        page.wait_for_timeout(LATE_MS)
        if window != "48 h":
            before, down = dict(seen), proxy.down
            began = time.monotonic()
            page.get_by_role("radio", name=window, exact=True).or_(page.get_by_role("button", name=window, exact=True)).first.click()
            for _ in range(100):
                page.wait_for_timeout(50)
                if seen["payload"] > before["payload"] and page.locator("[data-stale=true]").count() == 0:
                    break
            took = (time.monotonic() - began) * 1000
            page.wait_for_timeout(LATE_MS)
            more = {name: value - before[name] for name, value in seen.items()}
            return more | {"took": took, "wire": proxy.down - down - more["file_bytes"]}
        return seen | {"took": took, "wire": proxy.down - seen["file_bytes"]}


def symbol(data: Path, repeat: int) -> None:
    """The symbol page: websocket bytes with 48 h and with 30 days, files, time to the charts."""
    with Server("radar", data, watchlist=SYMBOLS[:20]) as server, chromium() as browser:
        time.sleep(SETTLE_SEC)
        for window in WINDOWS:
            runs = [_charts(browser, server, window) for _ in range(repeat)]
            middle = {name: median(run[name] for run in runs) for name in runs[0]}
            opened = "opened cold" if window == "48 h" else "switched to"
            files = f"; {middle['files']:.0f} files of {middle['file_bytes'] / 1000:.0f} kB beside it" if middle["files"] else ""
            print(
                f"symbol page, {window} {opened}: {middle['wire'] / 1000:.0f} kB of websocket on the wire"
                f"{' (aim 200 kB)' if window == '48 h' else ''},"
                f" {middle['payload'] / 1000:.0f} kB unpacked in {middle['messages']:.0f} messages{files}; {middle['took'] / 1000:.2f} s, n = {repeat}"
            )
