"""Does anything grow? Hours in minutes with a driven clock, or a day of the app itself in real time.

    python trials/soak.py [--hours 24] [--symbols 20] [--step 60] [--out FOLDER] [--plotlyjs inline]
    python trials/soak.py --real-time --hours 24 --exchange http://127.0.0.1:9101 [--every 60] [--out FOLDER]

Driven: a collector with young coins, alerts, a channel, and somebody who looks (lights, a series, health, the log) once a
driven step; the clock passes midnight, so the user's file is copied, and minutes past the retention become hours. Real
time: `streamlit run app.py` as a process, watched from outside, with one visitor of REST. Both write soak.csv and
soak.html (a plot that needs nothing else; `--plotlyjs` takes the address of plotly.js instead), and print the first, the
last and the slope an hour, by least squares over the second half. Reads /proc: Linux.
"""

import argparse
import contextlib
import csv
import gc
import math
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import plotly.graph_objects as go
import requests
from plotly.subplots import make_subplots

from radar.clock import DrivenClock
from radar.courier import Courier
from radar.mailbag import Mailbag
from radar.models import Outcome
from radar.service import Radar
from radar.teller import Teller
from tests.faulty import CloneVenue
from tests.serving import ROOT, Driven, Process, Rest, free_port, until

START_MS = 1_790_000_017_000
HOUR_MS = 3_600_000
PAGE = os.sysconf("SC_PAGE_SIZE")
SAMPLES = 96


class Row(NamedTuple):
    """What was held at one moment. Objects: those the garbage collector knows; NaN where they cannot be counted."""

    hours: float
    rss_mb: float
    handles: float
    threads: float
    objects: float
    market_mb: float
    user_mb: float
    wal_mb: float


def _mb(*paths: Path) -> float:
    return sum(path.stat().st_size for path in paths if path.exists()) / 1e6


def sample(hours: float, pid: int, data: Path, *, objects: float = math.nan) -> Row:
    """The process and its files, now."""
    proc = Path(f"/proc/{pid}")
    market, user = data / "market.sqlite3", data / "user.sqlite3"
    return Row(
        hours=hours,
        rss_mb=int((proc / "statm").read_text().split()[1]) * PAGE / 1e6,
        handles=len(list((proc / "fd").iterdir())),
        threads=len(list((proc / "task").iterdir())),
        objects=objects,
        market_mb=_mb(market),
        user_mb=_mb(user),
        wal_mb=_mb(*(path.with_name(path.name + "-wal") for path in (market, user))),
    )


class Desk:
    """A channel that takes everything."""

    name, kind = "desk", "json"

    def __init__(self) -> None:
        self.sent = 0

    def send(self, title: str, body: str) -> Outcome:  # noqa: ARG002 - a channel's shape
        """Take it."""
        self.sent += 1
        return Outcome(ok=True)


def driven(hours: float, symbols: int, step: float, data: Path) -> Iterator[Row]:
    """A collector whose clock is turned by hand, in this process."""
    clock = DrivenClock(START_MS)
    names = [f"COIN{i:02d}USDT" for i in range(symbols)]
    world = Driven(data, clock=clock, watchlist=names, venue=CloneVenue(clock, symbols, START_MS - 40 * 24 * HOUR_MS), retention_days=7)
    desk, bag, radar = Desk(), Mailbag(world.live.user, "soak"), world.live
    courier = Courier(radar.user, bag, [desk], clock, now_ms=clock.now_ms, leading=lambda: True)
    world.collector.tell(Teller(radar.user, bag, [desk.name], zone="UTC", public_url="http://127.0.0.1:8501"), courier)
    radar.courier = courier
    world.run(60)
    every, due = hours / SAMPLES, 0.0
    try:
        while (passed := (clock.now_ms() - START_MS) / HOUR_MS) < hours:
            if passed >= due:
                due += every
                gc.collect()
                yield sample(passed, os.getpid(), data, objects=len(gc.get_objects()))
            world.run(step, step)
            while courier.step(desk.name):
                pass
            _look(radar, names[int(passed * 7) % symbols], flip=int(passed * 4) % 2 == 0)
        gc.collect()
        yield sample(passed, os.getpid(), data, objects=len(gc.get_objects()))
        print(f"{desk.sent} messages, {len(radar.alerts(limit=100_000))} alerts, {len(radar.events(limit=100_000))} events, copies:",
              ", ".join(sorted(path.name for path in (data / "copies").iterdir())))  # fmt: skip
    finally:
        world.close()


def _look(radar: Radar, symbol: str, *, flip: bool) -> None:
    """What pages and REST ask, and somebody whose thresholds turn lights RED and back."""
    radar.health(radar.snapshots())
    radar.series(symbol, 4)
    radar.alerts(limit=50)
    changed = bool(radar.overrides(symbol))
    if flip != changed:
        radar.set_thresholds(symbol, {"r1_funding_max": 5.0, "r1_basis_max": 50.0}) if flip else radar.reset_thresholds(symbol)


def real_time(hours: float, every: float, exchange: str, data: Path) -> Iterator[Row]:
    """The app itself, with one visitor of REST."""
    port = free_port()
    env = {
        "RADAR_DATA_DIR": data, "RADAR_WATCHLIST": "ARBUSDT,LINKUSDT,MYXUSDT,BTCUSDT,DOGEUSDT",
        "RADAR_BINANCE_FUTURES_HOSTS": exchange, "RADAR_BINANCE_SPOT_HOSTS": exchange,
    }  # fmt: skip
    arguments = ["-m", "streamlit", "run", "app.py", "--server.port", port]
    with Process(arguments, cwd=ROOT, log=data / "log", **env) as process, contextlib.closing(Rest(f"http://127.0.0.1:{port}/api")) as rest:
        until(lambda: rest.get("/symbols").status_code == 200, 60)
        began = time.monotonic()
        while (passed := (time.monotonic() - began) / 3600) < hours:
            yield sample(passed, process.pid, data)
            end = time.monotonic() + min(every, 3600 * (hours - passed))
            while time.monotonic() < end:
                with contextlib.suppress(requests.RequestException):
                    rest.get("/symbols")
                time.sleep(min(5.0, max(0.0, end - time.monotonic())))
        yield sample(passed, process.pid, data)
        process.end(signal.SIGINT)


def slope(rows: list[Row], name: str) -> float:
    """Growth an hour over the second half, by least squares."""
    half = rows[len(rows) // 2 :]
    hours, values = np.array([row.hours for row in half]), np.array([getattr(row, name) for row in half])
    return float(np.polyfit(hours, values, 1)[0]) if len(half) > 1 and np.isfinite(values).all() else math.nan


def _said(value: float, how: str = ".1f") -> str:
    return "n/a" if math.isnan(value) else format(value, how)


def write(rows: list[Row], out: Path, plotlyjs: str) -> None:
    """soak.csv and soak.html."""
    with (out / "soak.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(Row._fields)
        writer.writerows(rows)
    names = Row._fields[1:]
    figure = make_subplots(rows=len(names), cols=1, shared_xaxes=True, subplot_titles=names, vertical_spacing=0.03)
    for place, name in enumerate(names, start=1):
        figure.add_trace(go.Scatter(x=[row.hours for row in rows], y=[getattr(row, name) for row in rows], name=name), row=place, col=1)
        figure.update_yaxes(rangemode="tozero", row=place, col=1)
    figure.update_layout(height=220 * len(names), showlegend=False, title="Short-Risk Radar: what it holds, by hour")
    figure.update_xaxes(title_text="hours", row=len(names), col=1)
    figure.write_html(out / "soak.html", include_plotlyjs=True if plotlyjs == "inline" else plotlyjs)


def main() -> int:
    """Run, write, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=24)
    parser.add_argument("--symbols", type=int, default=20)
    parser.add_argument("--step", type=float, default=60, help="driven seconds a step (default 60)")
    parser.add_argument("--real-time", action="store_true", help="the app itself, in real time; needs --exchange")
    parser.add_argument("--exchange", help="base URL of a stand-in for Binance on loopback")
    parser.add_argument("--every", type=float, default=60, help="seconds between samples in real time (default 60)")
    parser.add_argument("--out", type=Path, help="folder for soak.csv and soak.html (default: a temporary one)")
    parser.add_argument("--plotlyjs", default="inline", help="inline (default), or the address of plotly.js")
    asked = parser.parse_args()
    if asked.real_time and not asked.exchange:
        parser.error("--real-time needs --exchange")
    out = asked.out or Path(tempfile.mkdtemp(prefix="soak-"))
    out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        watched = (
            real_time(asked.hours, asked.every, asked.exchange, data)
            if asked.real_time
            else driven(asked.hours, asked.symbols, asked.step, data)
        )
        rows = []
        for row in watched:
            rows.append(row)
            print("  ".join(f"{name} {_said(value, '.2f')}" for name, value in row._asdict().items()), flush=True)
    write(rows, out, asked.plotlyjs)
    print(f"\n{rows[-1].hours:.2f} h in {(time.monotonic() - began) / 60:.1f} min; {out / 'soak.csv'}, {out / 'soak.html'}")
    print(f"{'':10} {'first':>10} {'middle':>10} {'last':>10} {'slope an hour':>14}")
    for name in Row._fields[1:]:
        first, middle, last = (getattr(rows[i], name) for i in (0, len(rows) // 2, -1))
        print(f"{name:10} {_said(first):>10} {_said(middle):>10} {_said(last):>10} {_said(slope(rows, name), '+.3f'):>14}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
