"""What is asked again and again, how often, what it weighs; and who keeps track of what is due and what is under way."""

import logging
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from radar.cadence import Cadence, cadence
from radar.clock import Clock
from radar.errors import VenueError
from radar.lanes import Lanes
from radar.logs import event
from radar.models import Purpose
from radar.schedule import lateness

__all__ = ["HISTORY_VALUES", "JOBS", "SPOT_BATCH", "Answered", "Asker", "Job", "first_weight", "weight_per_minute"]

log = logging.getLogger("radar.collector")

SPOT_BATCH = 20


class Job(NamedTuple):
    """One kind of request. `every` is a field of Cadence, or seconds; the lane has the job's name unless given.

    `value`: what an answer is worth to the scheduler; a price of the whole market is worth most.
    """

    name: str
    every: str | float
    per_symbol: bool = False
    lane: str = ""
    value: float = 1.0
    weight: int = 1
    pool: str = "futures"
    purpose: Purpose = "watch"

    def seconds(self, by: Cadence) -> float:
        """How often."""
        return getattr(by, self.every) if isinstance(self.every, str) else self.every


JOBS = (
    Job("clock", 60.0, value=100),
    Job("contracts", 3600.0, lane="meta", value=90),
    Job("quotes", "quote", value=80, weight=10),
    Job("spot_pairs", 3600.0, lane="meta", value=50, weight=20, pool="spot"),
    Job("funding_rules", 300.0, lane="meta", value=50, pool="funding"),
    Job("perp_tickers", "perp_ticker", value=40, weight=40),
    Job("spot_tickers", "spot_ticker", value=40, weight=2, pool="spot"),
    Job("settlements", 10.0, per_symbol=True, value=20, pool="funding"),
    Job("oi", "oi", per_symbol=True, value=15),
    Job("perp_book", "perp_book", per_symbol=True, value=10, weight=10),
    Job("spot_book", "spot_book", per_symbol=True, value=10, weight=25, pool="spot"),
)
HISTORY_VALUES = (5.0, 0.5, 0.3)  # of the stages A (a first light), B, C


def weight_per_minute(symbols: int, book_weight: int = 10) -> tuple[int, int]:
    """(futures, spot) weight a minute that live calls need for a watchlist of that length (decisions: budget)."""
    every = cadence(symbols)
    futures = 60 + 40 + 1 + symbols * (60 / every.oi + book_weight * 60 / every.perp_book)
    spot = symbols * 25 * 60 / every.spot_book + 2 * -(-symbols // SPOT_BATCH) + 1
    return round(futures), round(spot)


def first_weight(entered: int) -> tuple[int, int]:
    """(futures, spot) weight beyond that, of the minute in which so many symbols are read for the first time, all at once."""
    # Open interest and a book each (1 + 10; spot 25 + 2), and the bulk answers once more.
    return (entered * 11 + 60, entered * 27 + 30) if entered else (0, 0)


class Answered(NamedTuple):
    """What came back: a value, or the VenueError that says why not."""

    job: Job
    symbol: str | None
    value: Any
    latency_ms: float
    at: float  # monotonic seconds


class Asker:
    """Submits what is due, never the same thing twice at once; answers wait in a queue for the collector's thread."""

    def __init__(self, clock: Clock, lanes: Lanes, wake: threading.Event) -> None:
        self._clock, self._lanes, self._wake = clock, lanes, wake
        self._answers: queue.SimpleQueue[Answered] = queue.SimpleQueue()
        self._due: dict[tuple[str, str | None], float] = {}
        self._flying: set[tuple[str, str | None]] = set()

    def is_due(self, job: Job, symbol: str | None) -> bool:
        """Nothing of the kind is under way, and its time has come."""
        flight = (job.name, symbol)
        return flight not in self._flying and self._clock.monotonic() >= self._due.get(flight, 0.0)

    def late(self, job: Job, symbol: str | None, seconds: float) -> float:
        """Age over cadence, for the scheduler."""
        return lateness(self._due.get((job.name, symbol)), self._clock.monotonic(), seconds)

    def put_off(self, name: str, symbol: str | None, seconds: float) -> None:
        """Ask again in `seconds`."""
        self._due[(name, symbol)] = self._clock.monotonic() + seconds

    def hurry(self, name: str, symbol: str | None = None) -> None:
        """Ask as soon as possible."""
        self._due.pop((name, symbol), None)

    def fly(self, job: Job, symbol: str | None, call: Callable[[], Any], seconds: float) -> None:
        """Run `call` in the job's lane; it is due again `seconds` after now."""
        self.put_off(job.name, symbol, seconds)
        self._flying.add((job.name, symbol))

        def run() -> None:
            began = self._clock.monotonic()
            try:
                value = call()
            except VenueError as error:
                value = error
            except Exception as error:
                log.exception("%s failed unexpectedly", job.name, extra=event("request_stumbled", job=job.name, symbol=symbol))
                value = VenueError(f"{job.name}: {type(error).__name__}")
            now = self._clock.monotonic()
            self._answers.put(Answered(job, symbol, value, (now - began) * 1000, now))
            self._wake.set()

        self._lanes.submit(job.lane or job.name, run)

    def answers(self) -> Iterator[Answered]:
        """Everything that came back since the last call."""
        while True:
            try:
                answered = self._answers.get_nowait()
            except queue.Empty:
                return
            self._flying.discard((answered.job.name, answered.symbol))
            yield answered
