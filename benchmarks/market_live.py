# ruff: noqa: T201 - printing is its job
"""The whole market against the stand-in exchange: limits, freshness, time and memory, for as long as one likes.

    python benchmarks/market_live.py [--minutes 30] [--perps 500] [--watched 20] [--scan on] [--compare 20] [--data FOLDER]

Starts the stand-in and the app as users start it (RADAR_SCAN as given), asks its REST once a second as a visitor would, and
tables a row a minute. `--compare N` lets the same run with a market of N perpetuals follow, and tells what the market costs in
memory. Without a scan the rows of the market stay n/a. Nothing passes or fails.
"""

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import lateness
from benchmarks.market_served import Exchange, asked, collecting
from benchmarks.screens import machine
from benchmarks.serving import Server
from benchmarks.watch import slope

ASK_SEC = 1.0
MARKET_EVERY = 15  # s: the whole table is large
WARM_MIN = 10  # caches and pools fill
INPUTS = ("mark", "index", "funding_1h_pct")
DATABASE = ("market.sqlite3", "market.sqlite3-wal")


class Row(NamedTuple):
    """A minute. Ages are of the watched symbols' price, index and funding; `oi_age` is the oldest of the whole market."""

    minute: float
    rss_mb: float
    cpu: float
    age_p50: float | None
    age_p95: float | None
    oi_age: float | None
    perps: int
    lights: int  # watched symbols that have one
    refused: int
    peak: int
    database_mb: float
    used: dict[str, int]


def told(value: float | None, digits: int = 1) -> str:
    """A number, or n/a."""
    return "n/a" if value is None else f"{value:.{digits}f}"


def at(ages: list[float], share: float) -> float | None:
    """The age that so many are below."""
    return sorted(ages)[min(len(ages) - 1, int(share * len(ages)))] if ages else None


class Watcher:
    """Asks the radar like a visitor."""

    def __init__(self, server: Server, exchange: Exchange, data: Path) -> None:
        self._server, self._exchange, self._data = server, exchange, data
        self._rows: list[dict[str, Any]] = []
        self._nth = 0
        self.ages: list[float] = []
        self.every_age: list[float] = []
        self.oi_ages: list[float] = []
        self.perps = 0
        self.used: dict[str, int] = {}
        self.most: dict[str, int] = {}

    def _get(self, path: str) -> Any:
        return asked(self._server.address + "/api" + path)

    def look(self) -> None:
        """Once a second: the watchlist's ages, and one symbol's inputs one by one."""
        self._rows = self._get("/symbols") or self._rows
        self.ages += [row["age_sec"] for row in self._rows if row["age_sec"] is not None]
        if self._rows:
            self._nth += 1
            shown = self._get(f"/metrics/{self._rows[self._nth % len(self._rows)]['symbol']}") or {}
            now_ms, quality = shown.get("ts"), shown.get("quality", {})
            known = [quality[name].get("ts") for name in INPUTS if name in quality]
            self.ages += [(now_ms - ts) / 1000 for ts in known if ts is not None and now_ms is not None]

    def look_at_market(self) -> None:
        """The whole table: how old its open interest is, and who used the exchange's limits."""
        answer = self._get("/market")
        if not isinstance(answer, dict):
            return
        rows = answer.get("rows") or answer.get("symbols") or answer.get("table") or []
        ages = [row["oi_age_sec"] for row in rows if isinstance(row, dict) and row.get("oi_age_sec") is not None]
        self.perps = len(rows)
        self.oi_ages += [max(ages)] if ages else []
        self.used = answer.get("weight") or {}
        for purpose, weight in self.used.items():
            self.most[purpose] = max(self.most.get(purpose, 0), weight)

    def row(self, minute: float, cpu: float) -> Row:
        """What the last minute was like; the next one begins."""
        exchange = self._exchange.told()
        size = sum((self._data / name).stat().st_size for name in DATABASE if (self._data / name).exists()) / 1e6
        lights = sum(bool(one["traffic_light"]) for one in self._rows)
        made = Row(
            minute, self._server.rss_mb(), cpu, at(self.ages, 0.5), at(self.ages, 0.95), max(self.oi_ages, default=None), self.perps, lights,
            exchange.get("limited", 0), exchange.get("peak", {}).get("fapi", 0), size, self.used,
        )  # fmt: skip
        self.every_age += self.ages
        self.ages, self.oi_ages = [], []
        return made


HEAD = "minute   RSS MB   CPU %  age p50  age p95  oldest OI  perps  lights  refused  peak weight  database MB  used by purpose"


def line(row: Row) -> str:
    """The row under HEAD."""
    purposes = " ".join(f"{name} {weight}" for name, weight in row.used.items()) or "n/a"
    return (
        f"{row.minute:6.0f} {row.rss_mb:8.1f} {100 * row.cpu:7.1f} {told(row.age_p50):>8} {told(row.age_p95):>8} {told(row.oi_age, 0):>10} {row.perps:6}"
        f" {row.lights:7} {row.refused:8} {row.peak:12} {row.database_mb:12.1f}  {purposes}"
    )


def run(exchange: Exchange, data: Path, minutes: float, watched: int, scan: str) -> tuple[list[Row], Watcher]:
    """One row a minute."""
    rows: list[Row] = []
    with collecting(data, exchange, watched, RADAR_SCAN=scan) as server:
        watcher = Watcher(server, exchange, data)
        print(HEAD, flush=True)
        began = last = time.monotonic()
        cpu, turn = server.cpu_sec(), 0
        while (now := time.monotonic()) < began + 60 * minutes:
            watcher.look()
            if turn % MARKET_EVERY == 0:
                watcher.look_at_market()
            turn += 1
            if now >= last + 60:
                spent = server.cpu_sec()
                rows.append(watcher.row((now - began) / 60, (spent - cpu) / (now - last)))
                print(line(rows[-1]), flush=True)
                last, cpu = now, spent
            time.sleep(max(0.0, ASK_SEC - (time.monotonic() - now)))
        late = lateness.late(data / "late.txt", began, time.monotonic())
        print(f"  waits of the process are late by {late}")
        for text in server.warnings()[:10]:
            print("  log:", text[:200])
    return rows, watcher


def verdict(rows: list[Row], watcher: Watcher, exchange: Exchange) -> None:
    """What the table says."""
    if not rows:
        return
    warm = [row for row in rows if row.minute > WARM_MIN]
    seen = exchange.told()
    peaks = ", ".join(f"{pool} {weight}" for pool, weight in seen.get("peak", {}).items())
    print(f"\nrefusals (429 and 418) {seen.get('limited')}; peak weight in 60 s: {peaks} (aim: fapi under 1440)")
    used = ", ".join(f"{name} {weight}" for name, weight in watcher.most.items()) or "n/a"
    print(f"most weight a minute by purpose, as the radar says: {used}")
    ages, settled = watcher.every_age, [row for row in rows if row.minute > min(6, len(rows) / 2)]
    print(f"watched symbols' mark, index and funding: p50 {told(at(ages, 0.5))} s, p95 {told(at(ages, 0.95))} s old (aims 10 and 20)")
    oldest = max((row.oi_age for row in settled if row.oi_age is not None), default=None)
    print(f"oldest open interest of {rows[-1].perps} perpetuals, first minutes left out: {told(oldest, 0)} s (aim 300)")
    print(
        f"CPU {100 * median(row.cpu for row in settled):.0f} % of a core (median minute), {100 * max(row.cpu for row in settled):.0f} % at most"
    )
    grown = (
        f"{60 * slope(warm, 'rss_mb', 'minute'):+.1f} MB an hour after {WARM_MIN} min (aim 2)"
        if len(warm) > 2
        else "too short for its growth"
    )
    print(
        f"memory {rows[-1].rss_mb:.0f} MB, {max(row.rss_mb for row in rows):.0f} MB at most; {grown}; database {rows[-1].database_mb:.1f} MB"
    )


def main() -> int:
    """Watch, print a table and what it says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--perps", type=int, default=500, help="perpetuals of the stand-in")
    parser.add_argument("--watched", type=int, default=20)
    parser.add_argument("--scan", default="on", help="RADAR_SCAN")
    parser.add_argument("--compare", type=int, help="perpetuals of a second run, for its memory")
    parser.add_argument("--data", type=Path, help="keep the databases here")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # servers end with us
    print(f"on {machine()}")
    memory: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for perps in (given.perps, given.compare):
            if perps:
                print(f"\n── {perps} perpetuals, {given.watched} watched, RADAR_SCAN={given.scan}, {given.minutes:g} min ──")
                with Exchange(symbols=perps) as exchange:
                    rows, watcher = run(
                        exchange, (given.data or Path(folder)) / f"of{perps}", given.minutes, min(perps, given.watched), given.scan
                    )
                    verdict(rows, watcher, exchange)
                memory[perps] = rows[-1].rss_mb if rows else float("nan")
    if given.compare:
        many, few = memory[given.perps], memory[given.compare]
        print(
            f"\nmemory with {given.perps} perpetuals: {many / few:.2f} times that with {given.compare} ({many:.0f} against {few:.0f} MB; aim 2)"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
