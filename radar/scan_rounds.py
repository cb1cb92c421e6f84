"""What the scan of the whole market wants to know again, as requests for the scheduler."""

import functools
import heapq
import logging
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from radar.errors import VenueError, VenueRefused
from radar.exchange_clock import ExchangeClock
from radar.jobs import Answered, Asker, Job
from radar.live import LiveSymbol
from radar.logs import event
from radar.scan.columns import OI_EVERY_SEC
from radar.schedule import Ask
from radar.venues import Venue

__all__ = ["DANGEROUS_MAX", "SCAN_JOBS", "ScanRounds", "scan_weight"]

log = logging.getLogger("radar.scanner")

HOUR_MS = 3_600_000
ADL = Job("adl_risks", 1800.0, lane="meta", value=2, purpose="scan")
SPOT = Job("all_spot_tickers", 60.0, lane="meta", value=4, weight=80, pool="spot", purpose="scan")
PAYMENTS = Job("all_settlements", 30.0, lane="meta", value=4, pool="funding", purpose="scan")
INTEREST = Job("scan_oi", OI_EVERY_SEC, per_symbol=True, purpose="scan")
SCAN_JOBS = {job.name: job for job in (ADL, SPOT, PAYMENTS, INTEREST)}
DANGEROUS_SEC, DANGEROUS_MAX = 60.0, 60  # open interest of those where it matters most
DANGEROUS_VALUE = 3.0
IN_FLIGHT = 4
SPREAD = 0.25  # how much sooner than its cadence a symbol may be asked again
PACE_MS = 200  # between two of them: the requests of a minute do not come in its first seconds
PAID_AFTER_MS = 15_000  # payments are listed that long after the hour
RETRY_SEC, REFUSED_SEC = 30.0, 3_600.0


def scan_weight(symbols: int) -> tuple[int, int]:
    """(futures, spot) weight a minute that the scan of that many symbols needs."""
    usual, often = (60 / (seconds * (1 - SPREAD / 2)) for seconds in (OI_EVERY_SEC, DANGEROUS_SEC))
    dangerous = min(symbols, DANGEROUS_MAX)
    return round((symbols - dangerous) * usual + dangerous * often) + 1, SPOT.weight


class ScanRounds:
    """Runs on the collector's thread. `dangerous`: symbols whose open interest is asked for more often."""

    def __init__(self, venue: Venue, watched: Mapping[str, LiveSymbol], asker: Asker, time: ExchangeClock) -> None:
        self._venue, self._watched, self._asker, self._time = venue, watched, asker, time
        self.dangerous: frozenset[str] = frozenset()
        self._flying = 0
        self._sent_ms = 0

    def came(self, answered: Answered) -> bool:
        """Whether the answer is one; after a failure it is asked again soon, and what was read before ages by itself."""
        if answered.job.name == INTEREST.name:
            self._flying -= 1
        if not isinstance(answered.value, VenueError):
            return True
        refused = isinstance(answered.value, VenueRefused)  # it will be again: the next list of contracts may tell why
        self._asker.put_off(answered.job.name, answered.symbol, REFUSED_SEC if refused else RETRY_SEC)
        log.warning("%s", answered.value, extra=event("request_failed", job=answered.job.name))
        return False

    def again(self, symbols: Iterable[str]) -> None:
        """Open interest of all of these as soon as their turn comes."""
        for symbol in symbols:
            self._asker.hurry(INTEREST.name, symbol)

    def asks(self, symbols: Sequence[str], paid_ms: int | None) -> Iterator[Ask]:
        """The bulk answers that are due, then open interest by value and age. `paid_ms`: payments are known up to then."""
        if not symbols:
            return
        yield from self._bulk(paid_ms or 0)
        elapsed_ms = self._time.now_ms() - self._sent_ms
        free = min(IN_FLIGHT - self._flying, elapsed_ms // PACE_MS if elapsed_ms >= 0 else IN_FLIGHT)
        if free <= 0:
            return
        due = [symbol for symbol in symbols if symbol not in self._watched and self._asker.is_due(INTEREST, symbol)]
        yield from heapq.nlargest(free, (self._interest(symbol) for symbol in due), key=lambda ask: ask.value * ask.late)

    def _interest(self, symbol: str) -> Ask:
        value = DANGEROUS_VALUE if symbol in self.dangerous else INTEREST.value
        late = self._asker.late(INTEREST, symbol, self._every(symbol))
        return Ask("scan", "futures", 1, value, late, functools.partial(self._send, symbol))

    def _every(self, symbol: str) -> float:
        """Each symbol has a rhythm of its own, so that the market's requests do not come in waves."""
        share = zlib.crc32(symbol.encode()) % 100 / 100
        return (DANGEROUS_SEC if symbol in self.dangerous else OI_EVERY_SEC) * (1 - SPREAD * share)

    def _send(self, symbol: str) -> None:
        self._flying, self._sent_ms = self._flying + 1, self._time.now_ms()
        self._asker.fly(INTEREST, symbol, lambda: self._venue.open_interest(symbol, purpose="scan"), self._every(symbol))

    def _bulk(self, paid_ms: int) -> Iterator[Ask]:
        now_ms, venue = self._time.now_ms(), self._venue
        since = max(paid_ms - 60_000, now_ms - (24 * HOUR_MS if paid_ms else HOUR_MS))  # nothing of before the first start
        unpaid = paid_ms < now_ms // HOUR_MS * HOUR_MS + PAID_AFTER_MS <= now_ms
        calls = {ADL: (True, venue.adl_risks), SPOT: (venue.spot, venue.all_spot_tickers), PAYMENTS: (unpaid, lambda: (now_ms, venue.all_settlements(since)))}
        for job, (wanted, call) in calls.items():
            if wanted and self._asker.is_due(job, None):
                seconds = float(job.every)
                late = self._asker.late(job, None, seconds)
                yield Ask("scan", job.pool, job.weight, job.value, late, lambda job=job, call=call, s=seconds: self._asker.fly(job, None, call, s))
