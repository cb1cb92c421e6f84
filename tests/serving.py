"""What the tests of the faces share: a served API over the simulated market, processes, and waiting with a deadline."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import requests
import uvicorn
from starlette.applications import Starlette

from radar.api import mounted
from radar.clock import DrivenClock
from radar.collector import Collector
from radar.lanes import InlineLanes
from radar.service import Radar
from radar.settings import SECOND_HOSTS, Settings
from radar.store import MarketStore, UserStore
from radar.venues.demo import DEMO_WATCHLIST, DemoVenue
from radar.venues.demo_second import DEMO_SECONDS, DemoSecond

__all__ = ["NOW", "ROOT", "Driven", "Process", "Rest", "environment", "free_port", "served", "until"]

ROOT = Path(__file__).parents[1]
NOW = 1_790_000_000_000


def until(probe, seconds, *, every=0.1):
    """The first true answer of `probe`; fails after `seconds`. A refused connection is no answer yet."""
    end, last = time.monotonic() + seconds, None
    while time.monotonic() < end:
        try:
            if last := probe():
                return last
        except requests.RequestException as error:
            last = error
        time.sleep(every)
    raise AssertionError(f"nothing in {seconds} s; last: {last!r}")


def free_port():
    """A port of loopback that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Rest:
    """A client of one radar, past any proxy; `get("/health")` and so on, under /api."""

    def __init__(self, base, adapter=None):
        self.base = base
        self._session = requests.Session()
        self._session.trust_env = False
        if adapter is not None:
            self._session.mount(base, adapter)

    def __call__(self, method, path, **more):
        """The response, whatever its status."""
        return self._session.request(method, self.base + path, timeout=more.pop("timeout", 20), **more)

    def get(self, path, **params):
        """GET."""
        return self("GET", path, params=params)

    def put(self, path, json=None):
        """PUT with a JSON body, or none."""
        return self("PUT", path, json=json)

    def delete(self, path):
        """DELETE."""
        return self("DELETE", path)

    def close(self):
        """Let the connections go."""
        self._session.close()


@contextlib.contextmanager
def served(holder):
    """A Rest client of the API mounted as app.py mounts it, over `holder.live`, on a real server."""
    server = uvicorn.Server(
        uvicorn.Config(Starlette(routes=[mounted(lambda: holder)]), log_level="critical", ws="none", lifespan="off")
    )
    sock = socket.socket(proto=socket.IPPROTO_TCP)  # asyncio sets no TCP_NODELAY on others
    sock.bind(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
    thread.start()
    rest = Rest(f"http://127.0.0.1:{sock.getsockname()[1]}/api")
    try:
        until(lambda: server.started, 10, every=0.01)
        yield rest
    finally:
        rest.close()
        server.should_exit = True
        thread.join(10)
        sock.close()


class Driven:
    """The simulated market, collected by hand on a clock that stands still between steps; `live` is its Radar."""

    def __init__(self, folder, *, clock=None, watchlist=DEMO_WATCHLIST, venue=None, retention_days=30, **settings):
        self.clock = clock or DrivenClock(NOW)
        self.settings = Settings(_env_file=None, **{"data_dir": folder, "api_token": None, "password": None} | settings)
        market, user = MarketStore(folder), UserStore(folder)
        user.seed(watchlist, self.clock.now_ms())
        seconds = [DemoSecond(name, self.clock) for name in DEMO_SECONDS]
        self.collector = Collector(
            venue or DemoVenue(self.clock), market, user, clock=self.clock, holder="test", lanes=InlineLanes(), seconds=seconds,
            retention_days=retention_days,
        )  # fmt: skip
        self.live = Radar("demo", self.settings, market, user, clock=self.clock, collector=self.collector)

    def run(self, seconds, step=1.0):
        """Collect for that long."""
        for _ in range(round(seconds / step)):
            self.collector.step()
            self.clock.advance(step)

    def close(self):
        """Give everything back."""
        self.collector.close()
        self.live.close()


def environment(**more):
    """This process's environment without its RADAR_ and STREAMLIT_ variables and past any proxy, and `more`; Binance alone."""
    alone = {f"RADAR_{name.upper()}_HOSTS": "" for name in SECOND_HOSTS}  # unless a test names them, no other exchange is asked
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(("RADAR_", "STREAMLIT_"))}
    direct = {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost", "PYTHONUNBUFFERED": "1"}
    return kept | direct | alone | {name: str(value) for name, value in more.items()}


class Process:
    """A Python process with a log; ends with the block at the latest."""

    def __init__(self, arguments, *, cwd, log, **env):
        self.log_file = Path(log)
        with self.log_file.open("ab") as out:
            self._popen = subprocess.Popen(
                [sys.executable, *map(str, arguments)],
                cwd=cwd,
                env=environment(**env),
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self):
        """Running."""
        return self

    def __exit__(self, *_):
        """Gone."""
        if self._popen.poll() is None:
            self._popen.kill()
        self._popen.wait(10)

    @property
    def log(self):
        """What it printed so far."""
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    @property
    def pid(self):
        """Its process id."""
        return self._popen.pid

    @property
    def code(self):
        """Its exit code; None while it runs."""
        return self._popen.poll()

    def send(self, how):
        """Send a signal, and let it run on if it does."""
        self._popen.send_signal(how)

    def end(self, how=signal.SIGINT, seconds=15):
        """Send a signal; the exit code, or a failure when it runs on."""
        self.send(how)
        return self.wait(seconds)

    def wait(self, seconds):
        """The exit code, within `seconds`."""
        try:
            return self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {seconds} s; its log:\n{self.log[-3000:]}") from None
