"""What the exchanges beside Binance say about the watched coins: asked in bulk, each for itself, none waiting for another.

Everything here runs on the collector's thread; requests run in lanes, one an exchange.
"""

import logging
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from radar import abroad, words
from radar.clock import Clock
from radar.errors import VenueBlocked, VenueBusy, VenueError, VenueUnavailable
from radar.exchange_clock import ExchangeClock
from radar.jobs import Answered, Asker, Job
from radar.lanes import Lanes
from radar.live import LiveSymbol, Others
from radar.logs import event
from radar.models import BorrowQuote, HostHealth, Loan, SpotLine, VenueHealth
from radar.spot import HOME
from radar.venues.second import SecondVenue

__all__ = ["Elsewhere", "Lender", "health_of_hosts"]

log = logging.getLogger("radar.elsewhere")

EVERY_SEC = {"spot": 60.0, "perps": 60.0, "loans": 600.0}
LATER_SEC = (60.0, 180.0)  # after a failure, doubling from the first to the longest
SLOW_MS = 3_000.0
BELIEVED_AFTER = 5  # a list that stays short that often is as short as it says


class Lender(Protocol):
    """Binance's own borrow rates, which need a key."""

    def loans(self, watched: Collection[str]) -> list[Loan]:
        """Every coin it lends."""
        ...

    def health(self) -> list[HostHealth]:
        """How it is doing; asks nobody."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class _Exchange:
    """One exchange: what it told last, and what went wrong since."""

    def __init__(self, name: str, venue: SecondVenue | Lender, calls: Mapping[str, Callable[[Collection[str]], Sequence[Any]]]) -> None:
        self.name, self.venue, self.calls = name, venue, calls
        self.told = abroad.Told()
        self.failures: dict[str, int] = {}  # by kind, in a row
        self.errors: dict[str, VenueError] = {}  # by kind
        self.finished: set[str] = set()  # kinds that were asked to an end, well or not
        self.verdicts: dict[str, abroad.Verdict] = {}  # by symbol
        self.before: dict[str, BorrowQuote] = {}  # by symbol: what it said of loans before this process, until it says more

    @property
    def blocked(self) -> bool:
        """It refuses this location."""
        return any(isinstance(error, VenueBlocked) for error in self.errors.values())

    def verdict(self, symbol: str, index: float | None) -> abroad.Verdict:
        """Whether its spot market is our coin's."""
        self.verdicts[symbol] = abroad.judged(self.told, symbol, index, self.verdicts.get(symbol, abroad.Verdict()))
        return self.verdicts[symbol]


def _second(venue: SecondVenue) -> _Exchange:
    calls: dict[str, Callable[[Collection[str]], Sequence[Any]]] = {"spot": lambda _: venue.spot_quotes(), "perps": venue.perps}
    return _Exchange(venue.name, venue, calls | ({"loans": venue.loans} if venue.lends else {}))


class Elsewhere:
    """Asks, remembers, and says what it means for one symbol."""

    def __init__(
        self, seconds: Sequence[SecondVenue], lender: Lender | None, clock: Clock, lanes: Lanes, wake: threading.Event, time: ExchangeClock
    ) -> None:
        self._clock, self._time = clock, time
        self._asker = Asker(clock, lanes, wake)
        self._others = [_second(venue) for venue in seconds]
        self._home = [_Exchange(HOME, lender, {"loans": lender.loans})] if lender else []
        self._by_name = {exchange.name: exchange for exchange in self._others + self._home}
        self._known: frozenset[str] = frozenset()

    # ── asking ──
    @property
    def settled(self) -> bool:
        """Everybody answered, or failed to, once: a first light need not wait for more."""
        return all(exchange.finished >= {"spot", "loans"} & exchange.calls.keys() for exchange in self._by_name.values())

    def step(self, symbols: Collection[str]) -> bool:
        """Ask what is due about `symbols`, take in what came; True when somebody answered."""
        came = frozenset(symbols) - self._known
        self._known = frozenset(symbols)
        for exchange in self._by_name.values():
            for kind, call in exchange.calls.items():
                self._ask(exchange, kind, call, hurry=bool(came) and kind != "spot")
        return any([self._take(answered) for answered in self._asker.answers()])  # noqa: C419 - all of them, not the first

    def woke(self) -> None:
        """The machine slept: what came before is of then, whatever it says; everybody is asked again."""
        for answered in self._asker.answers():
            self._asker.hurry(answered.job.name)

    def _ask(self, exchange: _Exchange, kind: str, call: Callable[[Collection[str]], Sequence[Any]], *, hurry: bool) -> None:
        job = Job(f"{exchange.name} {kind}", EVERY_SEC[kind], lane=f"at-{exchange.name}")
        if hurry and kind not in exchange.failures:
            self._asker.hurry(job.name)  # a new coin: some things are asked coin by coin
        if self._asker.is_due(job, None):
            names = abroad.names_there(self._known, coins=kind == "loans")
            self._asker.fly(job, None, lambda: call(names), EVERY_SEC[kind])

    def _take(self, answered: Answered) -> bool:
        name, kind = answered.job.name.split(" ")
        exchange = self._by_name[name]
        exchange.finished.add(kind)
        if isinstance(answered.value, VenueError):
            self._failed(exchange, kind, answered.value)
            return False
        came_ms = self._time.now_ms() - round((self._clock.monotonic() - answered.at) * 1000)
        told = abroad.heard(exchange.told, kind, answered.value, came_ms)
        if abroad.is_part(exchange.told, told, kind, answered.value) and exchange.failures.get(kind, 0) < BELIEVED_AFTER:
            self._failed(exchange, kind, VenueUnavailable(f"{words.venue(name)} sent only a part of its {kind} list.", venue=name))
            return False
        if exchange.failures.pop(kind, 0):
            log.info("%s answers again about %s", name, kind, extra=event("venue_open", venue=name, kind=kind))
        # One good answer: the location is served.
        exchange.errors = {other: error for other, error in exchange.errors.items() if other != kind and not isinstance(error, VenueBlocked)}
        exchange.told = told
        return True

    def _failed(self, exchange: _Exchange, kind: str, error: VenueError) -> None:
        """Ask later, and later again; a door that says until when is believed."""
        exchange.failures[kind] = exchange.failures.get(kind, 0) + 1
        exchange.errors = exchange.errors | {kind: error}  # a new one: pages read it meanwhile
        wait = min(LATER_SEC[0] * 2.0 ** min(exchange.failures[kind] - 1, 10), LATER_SEC[1])
        if isinstance(error, VenueBusy | VenueBlocked):
            wait = max(1.0, (error.until_ms - self._clock.now_ms()) / 1000)
        self._asker.put_off(f"{exchange.name} {kind}", None, wait)

    # ── what it means ──
    def recall(self, loans: Mapping[str, Sequence[BorrowQuote]]) -> None:
        """What exchanges said of loans before a restart, by symbol: it counts, at its age, until they are heard again."""
        for symbol, quotes in loans.items():
            for quote in quotes:
                if quote.ts_ms is not None and quote.venue in self._by_name:
                    self._by_name[quote.venue].before[symbol] = quote

    def about(self, live: LiveSymbol, now_ms: int) -> Others:
        """What everybody says about one symbol at `now_ms` (the exchange's clock)."""
        index, mark = live.index_at(now_ms), live.quote.mark if live.quote else None
        spot, blocked = self.spot_lines(live.symbol, index, now_ms)
        loans: list[BorrowQuote] = []
        perps = []
        for exchange in self._others:
            if "loans" in exchange.calls:
                loans += self._loan(exchange, live.symbol, exchange.verdicts[live.symbol], index)
            if (perp := abroad.perp_line(exchange.name, exchange.told, live.symbol, index, mark)) is not None:
                perps.append(perp)
        for exchange in self._home:
            loans += self._loan(exchange, live.symbol, live.home.verdict, index)
        return Others(spot, loans, perps, blocked)

    def spot_lines(self, symbol: str, index: float | None, now_ms: int) -> tuple[list[SpotLine], list[str]]:
        """The spot markets of one coin, watched or not, and the exchanges that refuse this location."""
        lines = []
        for exchange in self._others:
            exchange.told = abroad.present_only(exchange.told, now_ms)
            lines.append(abroad.spot_line(exchange.name, exchange.told, symbol, exchange.verdict(symbol, index), now_ms))
        return lines, [exchange.name for exchange in self._others if exchange.blocked]

    def _loan(self, exchange: _Exchange, symbol: str, verdict: abroad.Verdict, index: float | None) -> list[BorrowQuote]:
        """Its answer; one that refuses this location counts as not configured: nobody here can borrow from it."""
        if exchange.blocked:
            return []
        quote = abroad.loan_quote(exchange.name, exchange.told, symbol, verdict, index)
        return [exchange.before.get(symbol, quote) if exchange.told.loans_ms is None else quote]

    # ── the exchanges themselves ──
    def hosts(self) -> list[HostHealth]:
        """Every host family."""
        return [host for exchange in self._by_name.values() for host in exchange.venue.health()]

    def health(self) -> list[VenueHealth]:
        """How each exchange is doing."""
        return [self._health(exchange) for exchange in self._others]

    def _health(self, exchange: _Exchange) -> VenueHealth:
        found = health_of_hosts(exchange.name, exchange.venue.health())
        if not exchange.errors:
            return found if exchange.finished else found.model_copy(update={"state": "new"})
        busy = all(isinstance(error, VenueBusy) for error in exchange.errors.values())
        said = "; ".join(dict.fromkeys(str(error) for error in exchange.errors.values()))
        return found.model_copy(update={"state": "blocked" if exchange.blocked else "busy" if busy else "down", "sentence": said})

    @property
    def lender_sentence(self) -> str:
        """Why Binance's own rates cannot be read; empty while they can, or nobody gave a key."""
        return "; ".join(dict.fromkeys(str(error) for exchange in self._home for error in exchange.errors.values()))

    def doors(self) -> dict[str, list[Any]]:
        """Pauses and blocks in force, for the next process."""
        found = {exchange.name: exchange.venue.doors() for exchange in self._others}  # type: ignore[union-attr]
        return {f"{name} {family}": list(closed) for name, doors in found.items() for family, closed in doors.items()}

    def restore_doors(self, doors: Mapping[str, Sequence[Any]]) -> None:
        """Keep to the pauses of the process before."""
        for exchange in self._others:
            mine = {name.split(" ")[1]: closed for name, closed in doors.items() if name.startswith(f"{exchange.name} ")}
            exchange.venue.restore_doors(mine)  # type: ignore[union-attr]

    def close(self) -> None:
        """Let go of connections."""
        for exchange in self._by_name.values():
            exchange.venue.close()


def health_of_hosts(venue: str, hosts: Sequence[HostHealth]) -> VenueHealth:
    """An exchange by its host families: the worst of them decides."""
    kinds = {host.kind for host in hosts if not host.ok}
    bad = next((kind for kind in ("blocked", "down", "busy", "new") if kind in kinds), "down" if kinds else None)
    latency_ms = max((host.latency_ms for host in hosts if host.latency_ms is not None), default=None)
    slow = latency_ms is not None and latency_ms > SLOW_MS
    return VenueHealth(
        venue=venue,
        state=bad or ("slow" if slow else "ok"),  # type: ignore[arg-type]
        latency_ms=latency_ms,
        last_ok_ms=max((host.last_ok_ms for host in hosts if host.last_ok_ms is not None), default=None),
        sentence="; ".join(dict.fromkeys(host.sentence for host in hosts if host.sentence and host.kind != "new")),
    )
