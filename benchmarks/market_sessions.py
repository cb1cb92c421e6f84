# ruff: noqa: T201 - printing is its job
"""What open pages cost the collecting: how late the collector's tick is, and what the exchange is asked because of them.

    python benchmarks/market_sessions.py [--exchange http://127.0.0.1:9141] [--seconds 120] [--watched 20] [--config runner.postScriptGC=true]

Pages are websocket clients that refresh by the pages' own timers, most on the radar, each fourth on a symbol's page, in a
process of their own. Without --exchange the stand-in is started here, with 500 perpetuals. Nothing passes or fails.
"""

import argparse
import contextlib
import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import lateness, market_served
from benchmarks.market_served import Exchange, collecting, settled
from benchmarks.screens import machine
from benchmarks.serving import Server
from benchmarks.wire import Client

MANY = 20  # sessions
SETTLE_SEC = 10  # after the last page is open
OPENING_SEC = 0.5  # from page to page
HISTORY = ("lines", "openInterestHist", "fundingRate", "candles", "history", "kline", "candlestick")  # asked for once, not for pages


class Phase(NamedTuple):
    """What was measured with so many sessions open."""

    sessions: int
    late: lateness.Late
    machine: lateness.Late
    per_minute: float  # requests to the exchange
    cpu: float  # share of a core
    refreshes: int


class Session(threading.Thread):
    """A visitor who stays: every timer of the page fires when it is due."""

    def __init__(self, port: int, nth: int, symbols: tuple[str, ...]) -> None:
        super().__init__(daemon=True)
        self.refreshes, self.failed, self.ready = 0, "", threading.Event()
        self._port, self._leave = port, threading.Event()
        self._page = {"query": f"symbol={symbols[nth % len(symbols)]}", "page": "symbol"} if nth % 4 == 3 else {}

    def run(self) -> None:
        """Open the page and stay."""
        try:
            with Client(self._port, **self._page) as visitor:
                visitor.open()
                self.ready.set()
                due: dict[str, float] = {}
                while True:  # a run of the whole page brings other timers
                    while not visitor.timers:
                        visitor.follow()
                    due = {fragment: due.get(fragment, time.monotonic() + every) for fragment, every in visitor.timers.items()}
                    fragment = min(due, key=lambda one: due[one])
                    if self._leave.wait(max(0.0, due[fragment] - time.monotonic())):
                        return
                    visitor.fire(fragment)
                    due[fragment] += visitor.timers.get(fragment, 0.0)
                    self.refreshes += 1
        except Exception as error:  # noqa: BLE001 - a visitor that fails is counted, the others go on
            self.failed = f"{type(error).__name__}: {error}"
            self.ready.set()

    def leave(self) -> None:
        """Close the page."""
        self._leave.set()


def visit(port: int, count: int, symbols: tuple[str, ...]) -> None:
    """So many sessions until the standard input ends; then one line of JSON: refreshes, and who failed."""
    sessions = [Session(port, nth, symbols) for nth in range(count)]
    for session in sessions:
        session.start()
        session.ready.wait(60)
        time.sleep(OPENING_SEC)
    print("open", flush=True)
    for line in sys.stdin:
        if line.strip() == "count":
            told = {"refreshes": sum(session.refreshes for session in sessions), "failed": [s.failed for s in sessions if s.failed]}
            print(json.dumps(told), flush=True)
    for session in sessions:
        session.leave()
    for session in sessions:
        session.join(5)


class Visitors:
    """Sessions in a process of their own: they must not take the time of the one that is measured, nor share a lock with each other's measure."""

    def __init__(self, server: Server, count: int, symbols: tuple[str, ...]) -> None:
        command = [sys.executable, __file__, "--visit", str(count), "--port", str(server.port), "--symbols", ",".join(symbols)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own file
        assert self._process.stdout is not None
        assert self._process.stdin is not None
        self._said, self._asks = self._process.stdout, self._process.stdin
        self._said.readline()

    def count(self) -> int:
        """Refreshes so far. Complains about sessions that ended."""
        self._asks.write("count\n")
        self._asks.flush()
        told = json.loads(self._said.readline())
        for failure in told["failed"]:
            print("  a session ended:", failure)
        return int(told["refreshes"])

    def close(self) -> None:
        """All leave."""
        self._asks.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)
        self._said.close()


@contextlib.contextmanager
def visitors(server: Server, count: int, symbols: tuple[str, ...]) -> Iterator[Visitors | None]:
    """So many open pages; none for 0."""
    made = Visitors(server, count, symbols) if count else None
    try:
        yield made
    finally:
        if made:
            made.close()


def phase(server: Server, exchange: Exchange, files: tuple[Path, Path], sessions: int, watched: int, seconds: float) -> Phase:
    """Measure for so long, with so many sessions open."""
    with visitors(server, sessions, market_served.watchlist(watched)) as pages:
        time.sleep(SETTLE_SEC)
        before, refreshed, cpu, began = exchange.told()["asked"], pages.count() if pages else 0, server.cpu_sec(), time.monotonic()
        time.sleep(seconds)
        ended, spent, after = time.monotonic(), server.cpu_sec() - cpu, exchange.told()["asked"]
        refreshed = pages.count() - refreshed if pages else 0
        time.sleep(2 * lateness.FLUSH * lateness.WAIT_SEC)  # the samplers write from time to time
        own, beside = (lateness.late(file, began, ended) for file in files)
    asked = sum(count - before.get(path, 0) for path, count in after.items() if not any(word in path for word in HISTORY))
    return Phase(sessions, own, beside, 60 * asked / (ended - began), spent / (ended - began), refreshed)


@contextlib.contextmanager
def beside(file: Path) -> Iterator[None]:
    """A process that only waits: how late waits are on this machine without any of our doing."""
    process = subprocess.Popen([sys.executable, lateness.__file__, str(file)])  # noqa: S603 - our own file
    try:
        yield
    finally:
        process.kill()
        process.wait(5)


def measured(exchange: Exchange, folder: Path, asked: argparse.Namespace) -> list[Phase]:
    """All phases, each printed when it is over."""
    config = {name: json.loads(value) for name, _, value in (one.partition("=") for one in asked.config)}
    files = (folder / "data" / "late.txt", folder / "machine.txt")
    found = []
    with beside(files[1]), collecting(folder / "data", exchange, asked.watched, config=config, RADAR_SCAN=asked.scan) as server:
        took = settled(server.address, asked.settle)
        print(f"{asked.watched} symbols with their history after {took:.0f} s; {asked.seconds:.0f} s a phase", flush=True)
        for sessions in (0, 1, 10, MANY):
            one = phase(server, exchange, files, sessions, asked.watched, asked.seconds)
            found.append(one)
            print(
                f"  {sessions:2} sessions: late {one.late}; the machine itself p99 {one.machine.p99:.1f} ms;"
                f" {one.per_minute:.0f} requests a minute, {100 * one.cpu:.0f} % of a core, {one.refreshes} refreshes",
                flush=True,
            )
        for line in server.warnings()[:5]:
            print("  log:", line[:200])
    return found


def main() -> int:
    """Print the numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exchange", help="a stand-in that runs")
    parser.add_argument("--perps", type=int, default=500, help="perpetuals of the stand-in started here")
    parser.add_argument("--seconds", type=float, default=120, help="of each phase")
    parser.add_argument("--settle", type=float, default=600, help="longest wait for the watched symbols' history, s")
    parser.add_argument("--watched", type=int, default=20)
    parser.add_argument("--scan", default="on", help="RADAR_SCAN")
    parser.add_argument("--config", action="append", default=[], help="a Streamlit option=JSON to compare with")
    parser.add_argument("--visit", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--symbols", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.visit:
        visit(asked.port, asked.visit, tuple(asked.symbols.split(",")))
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # servers end with us
    print(f"on {machine()}")
    with tempfile.TemporaryDirectory() as folder, Exchange(asked.exchange, asked.perps) as exchange:
        idle, one, ten, many = measured(exchange, Path(folder), asked)
    tick, asks = many.late.p99 / idle.late.p99, ten.per_minute / one.per_minute
    print(f"the tick with {MANY} sessions: p99 {tick:.1f} times idle ({many.late.p99:.1f} ms against {idle.late.p99:.1f} ms)")
    print(f"requests with 10 sessions: {asks:.2f} times those with one ({ten.per_minute:.0f} against {one.per_minute:.0f} a minute)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
