"""The radar without its pages: the process's own runtime (collector, alerts, couriers) and REST, on one port of loopback.

    python trials/headless.py --port 9150 [--market demo] [--hurry]

It starts in half the time of `streamlit run app.py`, so a trial of many starts can afford it. `--market demo` puts the
simulated market in the place of Binance, as if it were the live one. `--hurry` shortens what a restart waits for: the
lease of a process that was killed (15 s to 3 s) and its claim on a message (30 s to 4 s), and reads prices every 2 s
instead of every 10. Everything else is as `app.py` runs it.
"""

import argparse
import logging
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from radar import collector, courier, intake
from radar.api import create_api
from radar.cadence import Cadence
from radar.clock import SystemClock
from radar.runtime import Runtime
from radar.settings import load_settings
from radar.venues.demo import DemoVenue

HURRIED = Cadence(quote=2, oi=10, perp_book=10, spot_book=10, perp_ticker=10, spot_ticker=10)


def hurry() -> None:
    """What a restart waits for is shorter."""
    collector.LEASE_SEC, collector.LEASE_EVERY_SEC = 3.0, 1.0
    courier.CLAIM_MS, courier.LOOK_SEC = 4_000, 0.5
    intake.cadence = lambda _: HURRIED


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--market", choices=("binance", "demo"), default="binance")
    parser.add_argument("--hurry", action="store_true")
    asked = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if asked.hurry:
        hurry()
    clock = SystemClock()
    runtime = Runtime(load_settings(), clock=clock, venue=DemoVenue(clock) if asked.market == "demo" else None)
    app = Starlette(routes=[Mount("/api", create_api(lambda: runtime))])
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: None)  # the server's own handlers end it, and then repeat the signal
    uvicorn.run(app, host="127.0.0.1", port=asked.port, log_level="warning", ws="none", lifespan="off")
    runtime.close()


if __name__ == "__main__":
    main()
