# ruff: noqa: T201 - printing is its job
"""A desk's day in small: a browser stays on the radar with 20 symbols, and once a minute everything that could grow is noted.

    python benchmarks/watch.py [--minutes 20] [--every 0] [--data FOLDER] [--address http://127.0.0.1:8501 --pid 1234]

Without an address the app is started on prepared demo data. `--every SECONDS` shortens the page's timers, for more reruns
in the same time. With an address of a running app, `--pid` lets its memory be read.
"""

import argparse
import contextlib
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from playwright.sync_api import Page
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from benchmarks.browsing import TILE, chromium, context, drawn_ms
from benchmarks.many_coins import PREPARED, SYMBOLS, prepare
from benchmarks.serving import PAGE_BYTES, Server

TIMER_SEC = 10.0
MISSED = 1.5  # of the interval
WARM_MIN = 2  # caches and pools fill


class Row(NamedTuple):
    """A minute."""

    minute: float
    rss_mb: float
    heap_mb: float
    reruns: int
    refreshes: int
    longest_sec: float
    missed: int
    errors: int


class Seen:
    """What the page's websocket brings: runs of the script, and when the grid was refreshed."""

    def __init__(self, page: Page, interval: float) -> None:
        self.reruns, self.refreshes, self.missed, self.longest, self.last = 0, 0, 0, 0.0, 0.0
        self.errors: list[str] = []
        self._interval = interval
        page.on("websocket", lambda socket: socket.on("framereceived", self._frame))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _frame(self, frame: str | bytes) -> None:
        message = ForwardMsg.FromString(frame if isinstance(frame, bytes) else frame.encode())
        self.reruns += message.WhichOneof("type") == "script_finished"
        if "radar_tiles" not in message.delta.new_element.bidi_component.component_name:
            return
        now = time.monotonic()
        if self.last:
            gap = now - self.last
            self.refreshes, self.longest = self.refreshes + 1, max(self.longest, gap)
            self.missed += gap > MISSED * self._interval
        self.last = now


def tree(pid: int) -> list[int]:
    """The process and its children."""
    found = [pid]
    for parent in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{parent}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def rss_mb(pid: int | None) -> float:
    """Resident memory of the process tree, MB."""
    total = 0
    for one in tree(pid) if pid else ():
        with contextlib.suppress(OSError):
            total += int(Path(f"/proc/{one}/statm").read_text().split()[1])
    return total * PAGE_BYTES / 1e6


def heap_mb(session: Any) -> float:
    """The page's own memory after a collection, MB."""
    session.send("HeapProfiler.collectGarbage")
    found = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    return float(found["JSHeapUsedSize"]) / 1e6


def watch(address: str, pid: int | None, minutes: float, interval: float) -> tuple[list[Row], list[str]]:
    """One row a minute, and the console's errors."""
    rows = []
    with chromium() as browser, context(browser) as visitor:
        page = visitor.new_page()
        seen = Seen(page, interval)
        session = visitor.new_cdp_session(page)
        session.send("Performance.enable")
        drawn_ms(page, address, TILE)
        began = time.monotonic()
        print("minute   RSS MB  heap MB  reruns  refreshes  longest gap s  missed  console errors")
        for minute in range(int(minutes) + 1):
            while (left := began + 60 * minute - time.monotonic()) > 0:
                page.wait_for_timeout(min(left, 1) * 1000)
            row = Row(minute, rss_mb(pid), heap_mb(session), seen.reruns, seen.refreshes, seen.longest, seen.missed, len(seen.errors))
            rows.append(row)
            print(
                f"{row.minute:6.0f} {row.rss_mb:8.1f} {row.heap_mb:8.2f} {row.reruns:7} {row.refreshes:10} {row.longest_sec:14.1f} {row.missed:7}"
                f" {row.errors:15}",
                flush=True,
            )
        return rows, seen.errors


def slope(rows: list[Row], of: str, by: str) -> float:
    """Least squares: `of` per one of `by`."""
    xs, ys = ([float(getattr(row, name)) for row in rows] for name in (by, of))
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - mean_x) ** 2 for x in xs)
    return sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / spread if spread else 0.0


def verdict(rows: list[Row], errors: list[str], warnings: list[str]) -> None:
    """What the table says."""
    settled = rows[WARM_MIN:] if len(rows) > WARM_MIN + 2 else rows
    last = rows[-1]
    grown, heap = 1000 * slope(settled, "rss_mb", "reruns"), slope(settled, "heap_mb", "minute")
    print(
        f"\nserver memory {grown:+.2f} MB per 1,000 reruns (aim 1), by least squares after {WARM_MIN} min; {last.reruns} reruns in {last.minute:.0f} min"
    )
    print(f"page heap {heap * 60:+.2f} MB an hour, from {settled[0].heap_mb:.1f} to {settled[-1].heap_mb:.1f} MB")
    print(f"refreshes {last.refreshes}, missed {last.missed}, longest gap {last.longest_sec:.1f} s")
    print(f"console errors {len(errors)}, warnings in the log {len(warnings)}")
    for line in [*errors[:10], *warnings[:10]]:
        print("  ", line[:200])


def main() -> int:
    """Watch, print a table and a verdict."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--every", type=float, default=0, help="seconds between refreshes, instead of the page's own")
    parser.add_argument("--data", type=Path, help="keep the prepared data here")
    parser.add_argument("--address", help="a radar that runs already")
    parser.add_argument("--pid", type=int, help="its process")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # servers end with us
    interval = asked.every or TIMER_SEC
    if asked.address:
        rows, errors = watch(asked.address, asked.pid, asked.minutes, interval)
        verdict(rows, errors, [])
        return 0
    with tempfile.TemporaryDirectory() as folder:
        data = asked.data or Path(folder)
        if not (data / PREPARED).exists():
            prepare(data, 20)
        with Server("radar", data, watchlist=SYMBOLS[:20], BENCH_EVERY=asked.every or "") as server:
            rows, errors = watch(server.address, server.pid, asked.minutes, interval)
            verdict(rows, errors, server.warnings())
    return 0


if __name__ == "__main__":
    sys.exit(main())
