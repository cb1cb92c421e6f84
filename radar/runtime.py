"""The process: settings, the live radar with its collector, and the simulated one for whoever asks.

One runtime a process. `app.py` opens it at the start; `pages/main.py` alone opens it with the first visitor.
"""

import atexit
import os
import threading
import uuid
from collections.abc import Mapping
from pathlib import Path

from radar.clock import Clock, SystemClock
from radar.collector import Collector
from radar.service import Radar
from radar.settings import Settings, load_settings
from radar.store import MarketStore, UserStore
from radar.venues import Venue
from radar.venues.binance import Binance
from radar.venues.demo import DEMO_BORROW, DEMO_WATCHLIST, DemoVenue

__all__ = ["Runtime", "close_runtime", "get_runtime", "open_radar"]

JOIN_SEC = 12.0  # a request under way ends within its own deadline


def open_radar(settings: Settings, *, clock: Clock | None = None) -> Radar:
    """The live radar without a collector: for the CLI and for tests. Raises StoreError."""
    return Radar("live", settings, MarketStore(settings.data_dir), UserStore(settings.data_dir), clock=clock)


class Runtime:
    """The radars of this process and the threads that collect for them."""

    def __init__(self, settings: Settings, *, clock: Clock | None = None, venue: Venue | None = None) -> None:
        self.settings = settings
        self._clock = clock or SystemClock()
        self._threads: list[threading.Thread] = []
        self._demo: Radar | None = None
        self._lock = threading.Lock()
        self.live = self._open("live", settings.data_dir, venue or Binance(settings, self._clock), settings.watchlist, {})
        self._start(self.live)

    def _open(self, name: str, folder: Path, venue: Venue, watchlist: tuple[str, ...], borrow: Mapping[str, float]) -> Radar:
        market, user = MarketStore(folder), UserStore(folder)
        user.seed(watchlist, self._clock.now_ms())
        collector = Collector(
            venue,
            market,
            user,
            clock=self._clock,
            holder=f"{os.getpid()}-{uuid.uuid4().hex[:12]}",
            retention_days=self.settings.retention_days,
            simulated_borrow=borrow,
        )
        return Radar(name, self.settings, market, user, clock=self._clock, collector=collector, simulated_borrow=borrow)

    def _start(self, radar: Radar) -> None:
        assert radar.collector is not None
        thread = threading.Thread(target=radar.collector.run, name=f"radar-{radar.name}", daemon=True)
        thread.start()
        self._threads.append(thread)

    def demo(self) -> Radar:
        """The simulated market, in a database of its own; it starts with the first call."""
        with self._lock:
            if self._demo is None:
                folder = self.settings.data_dir / "demo"
                self._demo = self._open("demo", folder, DemoVenue(self._clock), tuple(DEMO_WATCHLIST), DEMO_BORROW)
                self._start(self._demo)
            return self._demo

    def close(self) -> None:
        """Stop collecting, store the running minute, give the leases back."""
        radars = [radar for radar in (self.live, self._demo) if radar is not None]
        for radar in radars:
            if radar.collector:
                radar.collector.stop.set()
                radar.collector.wake.set()
        for thread in self._threads:
            thread.join(JOIN_SEC)
        for radar in radars:
            if radar.collector:
                radar.collector.venue.close()
            radar.close()


_runtime: Runtime | None = None
_opening = threading.Lock()


def get_runtime() -> Runtime:
    """The runtime of this process, opened on the first call. Raises SettingsError, StoreError."""
    global _runtime
    with _opening:
        if _runtime is None:
            _runtime = Runtime(load_settings())
            atexit.register(close_runtime)
        return _runtime


def close_runtime() -> None:
    """Close it, if it was opened; a later `get_runtime` opens a new one."""
    global _runtime
    with _opening:
        runtime, _runtime = _runtime, None
    if runtime is not None:
        runtime.close()
