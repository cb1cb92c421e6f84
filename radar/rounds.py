"""What the watchlist wants to know again, as requests for the scheduler."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from radar.clock import Clock
from radar.exchange_clock import ExchangeClock
from radar.intake import Intake
from radar.jobs import JOBS, SPOT_BATCH, Asker, Job
from radar.live import LiveSymbol
from radar.schedule import Ask
from radar.venues import Venue

__all__ = ["Rounds"]

DEEP_EVERY_SEC = 3600.0  # the deepest book, to see how wide a band it covers


class Rounds:
    """Runs on the collector's thread; `symbols` is the collector's."""

    def __init__(
        self, venue: Venue, symbols: Mapping[str, LiveSymbol], intake: Intake, asker: Asker, clock: Clock, time: ExchangeClock
    ) -> None:
        self._venue, self._symbols, self._intake, self._asker, self._clock, self._time = venue, symbols, intake, asker, clock, time
        self._deep_at: dict[str, float] = {}

    def asks(self, *, ready: bool) -> Iterator[Ask]:
        """Everything that is due; until the exchange was asked once (`ready`) only its clock: that tells whether we are let in."""
        every = self._intake.every()
        for job in JOBS:
            if job.name != "clock" and not ready:
                continue
            if job.name in ("quotes", "perp_tickers") and not self._intake.contracts:
                continue
            for symbol in [s for s in self._symbols if self._wanted(job, s)] if job.per_symbol else [None]:
                if self._asker.is_due(job, symbol):
                    yield self._ask(job, symbol, job.seconds(every))

    def _ask(self, job: Job, symbol: str | None, seconds: float) -> Ask:
        late = self._asker.late(job, symbol, seconds)
        return Ask(job.purpose, job.pool, job.weight, job.value, late, lambda: self._asker.fly(job, symbol, self._call(job, symbol), seconds))

    def _wanted(self, job: Job, symbol: str) -> bool:
        live = self._symbols[symbol]
        if live.delisted:
            return False
        if job.name == "spot_book":
            return live.home.trades is True
        return live.wants_settlements() if job.name == "settlements" else True

    def _call(self, job: Job, symbol: str | None) -> Callable[[], Any]:
        venue = self._venue
        if symbol is None:
            match job.name:
                case "clock":
                    return lambda: self._time.ask(venue.server_time_ms)
                case "spot_tickers":
                    names = [live.home.pair.symbol for live in self._symbols.values() if live.home.pair]
                    return lambda: [t for i in range(0, len(names), SPOT_BATCH) for t in venue.spot_tickers(names[i : i + SPOT_BATCH])]
            return getattr(venue, job.name)
        live = self._symbols[symbol]
        match job.name:
            case "oi":
                return lambda: venue.open_interest(symbol)
            case "perp_book":
                limit = self._levels(live)
                return lambda: venue.perp_book(symbol, limit)
            case "spot_book":
                pair = live.home.pair.symbol if live.home.pair else symbol
                return lambda: venue.spot_book(pair, 500)
        since = live.settlements[-1].ts_ms + 1000 if live.settlements else None
        return lambda: venue.settlements(symbol, since)

    def _levels(self, live: LiveSymbol) -> int:
        now = self._clock.monotonic()
        if now < self._deep_at.setdefault(live.symbol, now + DEEP_EVERY_SEC):
            return live.perp_limit
        self._deep_at[live.symbol] = now + DEEP_EVERY_SEC
        return 1000
