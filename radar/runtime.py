"""The process: settings, the live radar with its collector, and the simulated one for whoever asks.

One runtime a process. `app.py` opens it at the start; `pages/main.py` alone opens it with the first visitor.
"""

import atexit
import functools
import logging
import os
import threading
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from radar import logs
from radar.capacity import capacity, decided
from radar.clock import Clock, SystemClock
from radar.collector import Collector
from radar.courier import Courier
from radar.demo_past import write_past
from radar.logs import event
from radar.mailbag import Mailbag
from radar.notify import Heartbeat, parse_channels
from radar.service import Radar
from radar.settings import Settings, load_settings
from radar.store import MarketStore, UserStore
from radar.teller import Teller
from radar.venues import Venue
from radar.venues.binance import Binance
from radar.venues.binance_loans import binance_loans
from radar.venues.bitget import Bitget
from radar.venues.bybit import Bybit
from radar.venues.demo import DEMO_WATCHLIST, DemoVenue
from radar.venues.demo_second import DEMO_SECONDS, DemoSecond
from radar.venues.gate import Gate
from radar.venues.htx import Htx
from radar.venues.mexc import Mexc
from radar.venues.okx import Okx
from radar.venues.second import SecondVenue

__all__ = ["Runtime", "close_runtime", "get_runtime", "open_collecting", "open_radar", "run_collector"]

log = logging.getLogger("radar.runtime")

SECONDS = {venue.name: venue for venue in (Bybit, Okx, Gate, Bitget, Mexc, Htx)}
SEND_SEC = 1.0  # a message under way is sent again after the start
JOIN_SEC = 12.0  # a request under way ends within its own deadline


def open_radar(settings: Settings, *, clock: Clock | None = None) -> Radar:
    """The live radar without a collector, to read what another process collects. Raises StoreError."""
    return Radar("live", settings, MarketStore(settings.data_dir), UserStore(settings.data_dir), clock=clock)


def open_collecting(settings: Settings, *, clock: Clock | None = None, venue: Venue | None = None) -> Radar:
    """The live radar with a collector that does not run yet: call `run_collector`. Raises StoreError.

    A `venue` given takes Binance's place, and no other exchange is asked.
    """
    clock = clock or SystemClock()
    if venue is not None:
        return _assemble("live", settings, settings.data_dir, venue, (), clock, settings.watchlist)
    seconds = [SECONDS[name](hosts, clock) for name, hosts in settings.second_hosts().items()]
    lender = functools.partial(binance_loans, settings, clock)
    scan = decided(settings.scan, capacity(settings.data_dir))
    return _assemble("live", settings, settings.data_dir, Binance(settings, clock), seconds, clock, settings.watchlist, scan=scan, lender=lender)


def _assemble(
    name: str,
    settings: Settings,
    folder: Path,
    venue: Venue,
    seconds: Sequence[SecondVenue],
    clock: Clock,
    watchlist: tuple[str, ...],
    *,
    scan: tuple[bool, str] = (False, "RADAR_SCAN=off."),
    **more: Any,
) -> Radar:
    market, user = MarketStore(folder), UserStore(folder)
    for notice in (market.notice, user.notice):
        if notice:
            log.error("%s", notice, extra=event("file_set_aside", data=folder.name))
    user.seed(watchlist, clock.now_ms())
    holder = f"{os.getpid()}-{uuid.uuid4().hex[:12]}"
    collector = Collector(
        venue, market, user, clock=clock, holder=holder, seconds=seconds, retention_days=settings.retention_days, **more
    )
    collector.scan(*scan)
    radar = Radar(name, settings, market, user, clock=clock, collector=collector)
    _listen(radar, settings, simulated=name != "live")
    return radar


def _listen(radar: Radar, settings: Settings, *, simulated: bool) -> None:
    """Let alerts be decided, and messages be brought; a simulated market decides and tells nobody."""
    text = settings.channels.get_secret_value() if settings.channels and not simulated else ""
    doors, complaints = parse_channels(text, allow_local=settings.allow_local_channels)
    heart = None if simulated or settings.heartbeat_url is None else Heartbeat(settings.heartbeat_url, allow_local=settings.allow_local_channels)
    collector = radar.collector
    assert collector is not None
    bag = Mailbag(radar.user, collector.holder)
    radar.courier = Courier(
        radar.user,
        bag,
        doors,
        radar.clock,
        now_ms=collector.time.now_ms,
        leading=lambda: collector.leading,
        beat=heart.beat if heart else None,
        fresh=radar.is_fresh,
    )
    radar.channel_complaints = complaints
    for complaint in complaints:
        log.error("%s", complaint, extra=event("channel_unusable"))
    teller = Teller(radar.user, bag, [door.name for door in doors], zone=settings.timezone, public_url=settings.public_url)
    collector.tell(teller, radar.courier)


def run_collector(radar: Radar) -> None:
    """Collect and deliver until `radar.ask_to_stop`."""
    if radar.collector is None:
        return
    if radar.courier:
        radar.courier.start()
    try:
        radar.collector.run()
    finally:
        if radar.courier:
            radar.courier.stop(SEND_SEC)  # before the lease is given back: whoever takes it delivers
        radar.collector.close()


class Runtime:
    """The radars of this process and the threads that collect for them."""

    def __init__(self, settings: Settings, *, clock: Clock | None = None, venue: Venue | None = None) -> None:
        self.settings = settings
        self._clock = clock or SystemClock()
        self._threads: list[threading.Thread] = []
        self._demo: Radar | None = None
        self._lock = threading.Lock()
        self.live = open_collecting(settings, clock=self._clock, venue=venue)
        self._start(self.live)

    def _start(self, radar: Radar, *, before: Callable[[], None] = lambda: None) -> None:
        def work() -> None:
            before()
            run_collector(radar)

        if radar.collector is not None:
            thread = threading.Thread(target=work, name=f"radar-{radar.name}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def demo(self) -> Radar:
        """The simulated market, in a database of its own; it starts with the first call."""
        with self._lock:
            if self._demo is None:
                seconds = [DemoSecond(name, self._clock) for name in DEMO_SECONDS]
                folder = self.settings.data_dir / "demo"
                venue, watchlist, scan = DemoVenue(self._clock), tuple(DEMO_WATCHLIST), (True, "The simulated market is scanned.")
                self._demo = _assemble("demo", self.settings, folder, venue, seconds, self._clock, watchlist, scan=scan)
                self._start(self._demo, before=functools.partial(write_past, venue, self._demo.market, self._clock.now_ms()))
            return self._demo

    def close(self) -> None:
        """Stop collecting, store the running minute, give the leases back."""
        radars = [radar for radar in (self.live, self._demo) if radar is not None]
        for radar in radars:
            radar.ask_to_stop()
        for thread in self._threads:
            thread.join(JOIN_SEC)
        for radar in radars:
            radar.close()


class _Process:
    """What this process has opened."""

    runtime: Runtime | None = None
    opening = threading.Lock()


def get_runtime() -> Runtime:
    """The runtime of this process, opened on the first call. Raises SettingsError, StoreError."""
    with _Process.opening:
        if _Process.runtime is None:
            settings = load_settings()
            logs.setup(settings)
            _Process.runtime = Runtime(settings)
            atexit.register(close_runtime)
        return _Process.runtime


def close_runtime() -> None:
    """Close it, if it was opened; a later `get_runtime` opens a new one."""
    with _Process.opening:
        runtime, _Process.runtime = _Process.runtime, None
    if runtime is not None:
        runtime.close()
        log.info("the radar has stopped", extra=event("stop"))
